//! An authority of its own making, by which a proxy opens TLS: it signs a certificate for whatever host is asked for.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

static MADE: AtomicU32 = AtomicU32::new(0);

/// A certificate authority that nobody else trusts.
pub struct Authority {
    /// Its certificate, as PEM; removed with it.
    pub file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes one and writes its certificate into the system's folder for temporary files.
    pub fn make() -> Result<Authority, String> {
        let failed = |error: rcgen::Error| format!("the lab's certificate authority cannot be made: {error}");
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::OrganizationName, "Pushscope Lab");
        params.distinguished_name.push(DnType::CommonName, "Pushscope Lab Interception CA");
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("pushscope-lab-{}-{number}.pem", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, certificate.pem())
            .map_err(|error| format!("the lab's certificate cannot be written to {}: {error}", file.display()))?;
        Ok(Authority { file, certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    /// Removes its certificate's file.
    pub fn remove_file(&self) {
        // Whoever removed it before did no harm.
        let _ = std::fs::remove_file(&self.file);
    }

    /// Speaks TLS to a client as if it were `host`.
    pub async fn accept(&self, client: TcpStream, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = host.trim_matches(['[', ']']).to_owned();
        let mut params = CertificateParams::new(vec![name.clone()]).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let now = jiff::Timestamp::now().as_second();
        let year = 1970 + (now / 31_556_952) as i32;
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(year - 1, 1, 1), rcgen::date_time_ymd(year + 1, 1, 1));
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        TlsAcceptor::from(Arc::new(config)).accept(client).await
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.remove_file();
    }
}
