//! The facts of one certificate (RFC 5280), by x509-parser.

use crate::wire::CertificateFacts;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What is worth showing of a DER certificate. One that cannot be read keeps its bytes and says so as its subject.
pub(crate) fn facts(der: &[u8]) -> CertificateFacts {
    let der_hex = der.iter().map(|byte| format!("{byte:02x}")).collect();
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return CertificateFacts {
            subject: "(a certificate that cannot be read)".into(),
            issuer: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            names: Vec::new(),
            serial: String::new(),
            der_hex,
        };
    };
    let names = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension.value.general_names.iter().map(name).collect(),
        _ => Vec::new(),
    };
    CertificateFacts {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: rfc3339(certificate.validity().not_before.timestamp()),
        not_after: rfc3339(certificate.validity().not_after.timestamp()),
        names,
        serial: certificate.raw_serial_as_string(),
        der_hex,
    }
}

/// From when until when a certificate is valid, in seconds since 1970.
pub(crate) fn validity(der: &[u8]) -> Option<RangeInclusive<i64>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(validity.not_before.timestamp()..=validity.not_after.timestamp())
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn name(general: &GeneralName<'_>) -> String {
    match general {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => (*name).to_owned(),
        GeneralName::IPAddress(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
            (Ok(four), _) => IpAddr::from(four).to_string(),
            (_, Ok(sixteen)) => IpAddr::from(sixteen).to_string(),
            _ => format!("{octets:02x?}"),
        },
        other => other.to_string(),
    }
}
