//! The certificate authority of replays: made once, kept in a folder, and trusted by whoever is told to.
//!
//! Its key never leaves the folder, whose files only their owner may read. Every start makes a fresh certificate for the
//! names that a replay may be reached by.

use crate::wire::{CertificateFacts, TlsFacts};
use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

const COMMON_NAME: &str = "Pushscope Replay CA";
const ORGANIZATION: &str = "Pushscope on this machine";
const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";

/// Signs certificates for replays.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    path: PathBuf,
    key_hash: String,
}

impl Authority {
    /// The authority that is kept in a folder, made if there is none yet. The error is a sentence.
    pub fn kept_in(folder: &Path) -> Result<Authority, String> {
        let (certificate_path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        if !certificate_path.exists() && !key_path.exists() {
            make(folder, &certificate_path, &key_path)?;
        }
        let (pem, key) = (read(&certificate_path)?, read(&key_path)?);
        let unfit = |path: &Path, error: &dyn std::fmt::Display| {
            let folder = folder.display();
            format!(
                "{} is not what was made there ({error}); take the folder {folder} away, and a new one is made",
                path.display()
            )
        };
        let key = KeyPair::from_pem(&key).map_err(|error| unfit(&key_path, &error))?;
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| unfit(&certificate_path, &error))?;
        let contains = |part: &[u8]| certificate.windows(part.len()).any(|window| window == part);
        if !contains(key.der_bytes()) {
            return Err(unfit(&certificate_path, &"it is not the certificate of the key beside it"));
        }
        let key_hash = key_hash(&key);
        let issuer = Issuer::new(parameters().map_err(|error| error.to_string())?, key);
        Ok(Authority { issuer, certificate, pem, path: certificate_path, key_hash })
    }

    /// The file of its certificate, in PEM.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The SHA-256 of its public key in base64, as Chromium's `--ignore-certificate-errors-spki-list` wants it.
    pub fn key_hash(&self) -> &str {
        &self.key_hash
    }

    /// Speaks TLS as this machine and as the recorded hosts.
    pub(super) fn acceptor(&self, hosts: &[String]) -> Result<Secure, String> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        for host in hosts.iter().filter(|host| is_name(host)) {
            if !names.contains(host) {
                names.push(host.clone());
            }
        }
        let (chain, key) = self.sign(&names).map_err(|error| format!("no certificate can be made: {error}"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.clone(), key));
        let mut config = config.map_err(|error| format!("TLS cannot be spoken: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Secure { acceptor: TlsAcceptor::from(Arc::new(config)), names, der: chain[0].clone() })
    }

    fn sign(&self, names: &[String]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Some clients refuse certificates that are valid for more than 825 days.
        (params.not_before, params.not_after) =
            (date_time_ymd(this_year(), 1, 1), date_time_ymd(this_year() + 2, 1, 1));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        Ok((chain, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}

/// Speaks TLS.
pub(super) struct Secure {
    pub acceptor: TlsAcceptor,
    names: Vec<String>,
    der: CertificateDer<'static>,
}

impl Secure {
    /// What a handshake settled.
    pub fn facts(&self, tls: &ServerConnection, took_ns: u64) -> TlsFacts {
        let named = |name: Option<String>| name.unwrap_or_default();
        let version = match tls.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            other => named(other.map(|version| format!("{version:?}"))),
        };
        let suite = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str().map(str::to_owned));
        let group = tls.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
        let hex = self.der.iter().map(|byte| format!("{byte:02x}")).collect();
        let certificate = CertificateFacts {
            subject: format!("CN=localhost, O={ORGANIZATION}"),
            issuer: format!("CN={COMMON_NAME}, O={ORGANIZATION}"),
            not_before: format!("{}-01-01T00:00:00Z", this_year()),
            not_after: format!("{}-01-01T00:00:00Z", this_year() + 2),
            names: self.names.clone(),
            serial: String::new(),
            der_hex: hex,
        };
        TlsFacts {
            version,
            cipher_suite: named(suite),
            key_exchange: group,
            alpn: tls.alpn_protocol().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
            server_name: tls.server_name().map(str::to_owned),
            // Who was to be convinced is the client, and it went on.
            verified: true,
            would_fail: None,
            chain: vec![certificate],
            anchor: None,
            took_ns,
        }
    }
}

fn parameters() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    // It vouches for servers, and for no further authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(this_year(), 1, 1), date_time_ymd(this_year() + 10, 1, 1));
    Ok(params)
}

fn make(folder: &Path, certificate_path: &Path, key_path: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let made = KeyPair::generate().and_then(|key| Ok((parameters()?.self_signed(&key)?.pem(), key)));
    let (pem, key) = made.map_err(|error| format!("no certificate authority can be made: {error}"))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for (path, text) in [(key_path, key.serialize_pem()), (certificate_path, pem)] {
        let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| failed(path, error))?;
    }
    Ok(())
}

/// The hash by which Chromium names a public key.
fn key_hash(key: &KeyPair) -> String {
    let digest = TLS13_AES_128_GCM_SHA256.tls13().map(|suite| {
        let info = key.subject_public_key_info();
        suite.common.hash_provider.hash(&info)
    });
    digest.map_or_else(String::new, |digest| base64::engine::general_purpose::STANDARD.encode(digest.as_ref()))
}

fn is_name(host: &str) -> bool {
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    !host.is_empty() && host.len() <= 253 && (is_address || is_plain)
}

fn this_year() -> i32 {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    i32::from(now.year()).clamp(1970, 9000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_its_key_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("replay");
        let first = Authority::kept_in(&place).unwrap();
        let second = Authority::kept_in(&place).unwrap();
        assert_eq!((first.pem(), first.key_hash()), (second.pem(), second.key_hash()));
        assert_eq!(first.key_hash().len(), 44);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(place.join(KEY_FILE)).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
        let hosts = ["api.example".to_owned(), "bad host".to_owned(), "192.0.2.1".to_owned(), "localhost".to_owned()];
        let secure = second.acceptor(&hosts).unwrap();
        assert_eq!(secure.names, ["localhost", "127.0.0.1", "::1", "api.example", "192.0.2.1"]);
    }

    #[test]
    fn what_was_changed_in_the_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        Authority::kept_in(folder.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        Authority::kept_in(other.path()).unwrap();
        std::fs::copy(other.path().join(KEY_FILE), folder.path().join(KEY_FILE)).unwrap();
        assert!(Authority::kept_in(folder.path()).err().unwrap().contains("not the certificate of the key"));
        std::fs::write(folder.path().join(KEY_FILE), "x").unwrap();
        assert!(Authority::kept_in(folder.path()).err().unwrap().contains("ca-key.pem"));
    }
}
