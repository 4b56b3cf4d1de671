//! The certificate authority of an intercepting proxy: it vouches for any host, and only who trusts it believes that.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// The names of the certificate authority.
pub const COMMON_NAME: &str = "Pushscope Lab Interception CA";
const ORGANIZATION: &str = "Lab Proxy";

/// Signs certificates for hosts that are not its own.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority, and its certificate in PEM.
    pub fn new() -> Result<(Self, String), rcgen::Error> {
        let mut params = dated(CertificateParams::new(Vec::new())?);
        params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
        params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok((Self { issuer: Issuer::new(params, key) }, pem))
    }

    /// Speaks TLS as `host`, a name or an IP address, with a certificate made for it. The error is a phrase.
    pub fn acceptor(&self, host: &str) -> Result<TlsAcceptor, String> {
        let (chain, key) = self.mint(host).map_err(|error| error.to_string())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![chain], key));
        let mut config = config.map_err(|error| error.to_string())?;
        // The lab speaks nothing newer.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn mint(
        &self,
        host: &str,
    ) -> Result<(rustls::pki_types::CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
        let mut params = dated(CertificateParams::new(vec![host.to_owned()])?);
        params.distinguished_name.push(DnType::CommonName, host);
        params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}

/// Valid this year and the next: some clients refuse certificates that are valid for more than 825 days.
fn dated(mut params: CertificateParams) -> CertificateParams {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let year = i32::from(now.year()).clamp(1970, 9000);
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + 2, 1, 1);
    params
}

/// A file in the system's temporary folder, removed when dropped.
#[derive(Debug)]
pub struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    /// Writes a new file. One that is there already, of whomever, is left alone.
    pub fn new(text: &str) -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        const MOST_NAMES: u32 = 1000;
        let mut tried = 0;
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("pushscope-lab-ca-{}-{number}.pem", std::process::id());
            let path = std::env::temp_dir().join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    let made = Self { path };
                    return file.write_all(text.as_bytes()).map(|()| made);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < MOST_NAMES => tried += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // If it is gone already, that is what was wanted.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_minted_for_names_and_addresses() {
        let (authority, pem) = Authority::new().unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
        for host in ["example.com", "127.0.0.1", "::1"] {
            assert!(authority.acceptor(host).is_ok(), "{host}");
        }
        assert!(authority.acceptor("ü").is_err());
    }

    #[test]
    fn a_temporary_file_is_gone_with_its_owner() {
        let (one, other) = (TemporaryFile::new("1").unwrap(), TemporaryFile::new("2").unwrap());
        assert_ne!(one.path(), other.path());
        let path = one.path().to_owned();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }
}
