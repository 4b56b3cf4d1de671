//! A certificate authority of the tests' own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    key: String,
    folder: TempDir,
}

impl Authority {
    pub fn make(name: &str) -> Authority {
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key_pair = KeyPair::generate().expect("a key");
        let key = key_pair.serialize_pem();
        let certificate = parameters.self_signed(&key_pair).expect("a certificate").pem();
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), &certificate).expect("a file");
        Authority { issuer: Issuer::new(parameters, key_pair), certificate, key, folder }
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a proxy that opens TLS needs.
    pub fn certificate_and_key(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    /// What a TLS server named `localhost` needs.
    pub fn server(&self) -> Arc<ServerConfig> {
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let certificate = leaf.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions.expect("versions").with_no_client_auth();
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).expect("a pair"))
    }
}
