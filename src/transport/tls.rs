//! TLS by rustls: whom to trust, what verification said, and the facts of a handshake.

use super::anchors::Anchors;
use super::certificate;
use super::failure::{CLIENT_CERTIFICATE, failure, plain, quoted, refused_option};
use super::spec::TlsOptions;
use super::target::Target;
use crate::wire::{Anchor, CertificateFacts, Failure, Stage, TlsFacts};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, SignatureScheme,
};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Whom to trust and who we are, loaded once for a connection.
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Result<Arc<dyn ServerCertVerifier>, String>,
    anchors: Anchors,
    /// The certificates of the user's CA file.
    extra: Vec<CertificateDer<'static>>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    insecure: bool,
}

impl Trust {
    /// Reads the system's trust store and the files that the options name.
    pub fn load(options: &TlsOptions) -> Result<Trust, Failure> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // The hybrid group first, as browsers do.
        provider.kx_groups.sort_by_key(|group| group.name() != rustls::NamedGroup::X25519MLKEM768);
        let provider = Arc::new(provider);
        let extra = match &options.ca_file {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let anchors = Anchors::load(&provider, !extra.is_empty());
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider.clone());
        let verifier = match verifier {
            Ok(verifier) => Ok(Arc::new(verifier) as Arc<dyn ServerCertVerifier>),
            Err(error) => Err(format!("no certificate authority could be loaded ({error})")),
        };
        let client = match (&options.cert_file, &options.key_file) {
            (Some(cert), Some(key)) => Some((certificates(cert)?, private_key(key)?)),
            _ => None,
        };
        Ok(Trust { provider, verifier, anchors, extra, client, insecure: options.insecure })
    }

    /// The configuration of one handshake, and the place where its verification notes what it saw.
    pub fn configure(&self, began: Instant) -> Result<(ClientConfig, Arc<Witness>), Failure> {
        let verifier = match (&self.verifier, self.insecure) {
            (Ok(verifier), _) => Some(verifier.clone()),
            (Err(_), true) => None,
            (Err(text), false) => {
                let hint = "install the system's CA certificates, or name a CA file";
                return Err(failure(Stage::Tls, began, text.clone(), hint));
            }
        };
        let (mut config, witness) = self.config(began, verifier)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each handshake is to show its whole chain.
        config.resumption = Resumption::disabled();
        config.key_log = Arc::new(rustls::KeyLogFile::new());
        Ok((config, witness))
    }

    /// The configuration of an ordinary client: rustls as it comes, with whom to trust and who we are. Where no
    /// certificate authority could be loaded, its handshakes fail.
    pub fn plain(&self) -> Result<ClientConfig, Failure> {
        let verifier = self.verifier.as_ref().ok().cloned();
        let (mut config, _) = self.config(Instant::now(), verifier.clone())?;
        if let Some(verifier) = verifier.filter(|_| !self.insecure) {
            config.dangerous().set_certificate_verifier(verifier);
        }
        Ok(config)
    }

    fn config(
        &self,
        began: Instant,
        verifier: Option<Arc<dyn ServerCertVerifier>>,
    ) -> Result<(ClientConfig, Arc<Witness>), Failure> {
        let witness = Arc::new(Witness {
            verifier,
            anchors: self.anchors.clone(),
            extra: self.extra.clone(),
            provider: self.provider.clone(),
            insecure: self.insecure,
            seen: Mutex::default(),
        });
        let refused = |error: Error| failure(Stage::Tls, began, format!("TLS cannot be set up: {error}"), "");
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .dangerous()
            .with_custom_certificate_verifier(witness.clone());
        let config = match &self.client {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(|error| {
                let text = format!("the client certificate and key cannot be used: {error}");
                failure(Stage::Tls, began, text, "do the two files belong together?")
            })?,
            None => builder.with_no_client_auth(),
        };
        Ok((config, witness))
    }
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let hint = "a PEM file begins with -----BEGIN CERTIFICATE-----";
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(refused_option(format!("there is no certificate in {path}"), hint)),
        Ok(found) => Ok(found),
        Err(error) => Err(refused_option(format!("the certificates in {path} cannot be read: {error}"), hint)),
    }
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, Failure> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        let hint = "an unencrypted PEM file with -----BEGIN PRIVATE KEY-----";
        refused_option(format!("the key in {path} cannot be read: {error}"), hint)
    })
}

/// Verifies as usual and notes the chain and the verdict; where the user turned verification off, only notes.
#[derive(Debug)]
pub(crate) struct Witness {
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    anchors: Anchors,
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    insecure: bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateFacts>,
    anchor: Option<Anchor>,
    refusal: Option<String>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> =
            std::iter::once(end_entity).chain(intermediates).map(|der| certificate::facts(der)).collect();
        let verdict = match &self.verifier {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(Error::General("no certificate authority could be loaded".into())),
        };
        let verdict = match verdict {
            Err(error)
                if is_of_authority(&error) && self.extra.iter().any(|der| der.as_ref() == end_entity.as_ref()) =>
            {
                verify_itself(end_entity, server_name, now)
            }
            verdict => verdict,
        };
        let is_by = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).is_ok()
        };
        let anchor = self.anchors.of(verdict.is_ok(), is_by);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.anchor = Some(anchor);
        seen.refusal = verdict.as_ref().err().map(|error| refusal(error, &chain).0);
        seen.chain = chain;
        if self.insecure { Ok(ServerCertVerified::assertion()) } else { verdict }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the server's certificate was refused because it is a certificate authority's own, which is what
/// `openssl req -x509` makes. RFC 5280 does not forbid that use; rustls does.
fn is_of_authority(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(other) if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

/// Verifies a certificate that the user's CA file holds itself: nobody else need vouch for it, so what is left is its
/// name and its time.
fn verify_itself(
    end_entity: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let validity = certificate::validity(end_entity).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < *validity.start() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > *validity.end() {
        return Err(CertificateError::Expired.into());
    }
    rustls::client::verify_server_name(&rustls::server::ParsedCertificate::try_from(end_entity)?, server_name)?;
    Ok(ServerCertVerified::assertion())
}

impl Witness {
    /// The facts of a finished handshake.
    pub fn facts(&self, connection: &rustls::ClientConnection, target: &Target, began: Instant) -> TlsFacts {
        let version = connection.protocol_version().map(|version| match version {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
            other => format!("{other:?}"),
        });
        let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        TlsFacts {
            version: version.unwrap_or_default(),
            // rustls writes TLS13_AES_… for what IANA registered as TLS_AES_….
            cipher_suite: cipher.unwrap_or_default().replace("TLS13_", "TLS_"),
            key_exchange: connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
            alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name: target.literal().is_none().then(|| target.host.clone()),
            verified: !self.insecure,
            would_fail: seen.refusal.clone().filter(|_| self.insecure),
            chain: seen.chain.clone(),
            anchor: seen.anchor,
            took_ns: began.elapsed().as_nanos() as u64,
        }
    }

    /// A handshake that failed, in plain words. `raw` is what the server sent first.
    pub fn failure(&self, target: &Target, error: &io::Error, raw: &[u8], began: Instant) -> Failure {
        let to = format!("{}:{}", target.host, target.port);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let (text, hint) = match refused {
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) | Some(Error::InvalidMessage(_))
                if !matches!(raw, [0x14..=0x17, 0x03, ..]) =>
            {
                not_tls(target, &to, raw)
            }
            Some(error) => {
                let (said, hint) = refusal(error, &seen.chain);
                (format!("TLS with {to}: {said}"), hint)
            }
            None if raw.is_empty() => (
                format!("TLS with {to}: the server hung up before answering ({})", hung_up(error)),
                format!("does this port speak TLS? Without it the address would begin with {}", without_tls(target)),
            ),
            None => {
                (format!("TLS with {to}: the connection broke in the handshake ({})", hung_up(error)), String::new())
            }
        };
        Failure { chain: seen.chain.clone(), ..failure(Stage::Tls, began, text, hint) }
    }
}

fn without_tls(target: &Target) -> &'static str {
    if target.websocket { "ws://" } else { "http://" }
}

fn hung_up(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "closed".to_owned(),
        _ => plain(error),
    }
}

fn not_tls(target: &Target, to: &str, raw: &[u8]) -> (String, String) {
    if raw.starts_with(b"HTTP/") {
        let hint = format!("the address should begin with {}", without_tls(target));
        (format!("the server at {to} speaks plain HTTP on this port, not TLS: it answered {}", quoted(raw)), hint)
    } else {
        (format!("what {to} answered is not TLS: {}", quoted(raw)), "is this the right port?".to_owned())
    }
}

/// Why rustls refused, and what would help.
fn refusal(error: &Error, chain: &[CertificateFacts]) -> (String, String) {
    let leaf = chain.first();
    let trust = "give the issuing CA's certificate as a CA file, or turn verification off for this connection";
    match error {
        Error::InvalidCertificate(error) => {
            let (said, hint) = match error {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                    format!("the certificate expired on {}", leaf.map_or("an unknown date", |leaf| &leaf.not_after)),
                    "the server needs a new certificate; is this machine's clock right?",
                ),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                    format!(
                        "the certificate is not valid before {}",
                        leaf.map_or("an unknown date", |leaf| &leaf.not_before)
                    ),
                    "is this machine's clock right?",
                ),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    let names = leaf.map(|leaf| leaf.names.join(", ")).filter(|names| !names.is_empty());
                    let names = names.unwrap_or_else(|| "no name at all".to_owned());
                    (
                        format!("the certificate is not for this name; it is for {names}"),
                        "use one of those names, or have the certificate issued for this one too",
                    )
                }
                CertificateError::UnknownIssuer => {
                    let own = leaf.is_some_and(|leaf| leaf.subject == leaf.issuer);
                    let issuer = leaf.map_or("nobody", |leaf| leaf.issuer.as_str());
                    if own {
                        (format!("the certificate is self-signed ({issuer}) and nobody here trusts it"), trust)
                    } else {
                        (
                            format!(
                                "the certificate was issued by {issuer}, whom this machine does not trust, or an intermediate certificate is missing"
                            ),
                            trust,
                        )
                    }
                }
                CertificateError::Revoked => {
                    ("the certificate was revoked".to_owned(), "the server needs a new certificate")
                }
                CertificateError::BadSignature => ("the certificate's signature is wrong".to_owned(), trust),
                _ if is_of_authority(&Error::InvalidCertificate(error.clone())) => (
                    format!(
                        "the certificate is that of a certificate authority itself ({}), as openssl req -x509 makes them, and nobody here trusts it",
                        leaf.map_or("unnamed", |leaf| &leaf.subject)
                    ),
                    "give this very certificate as a CA file, or turn verification off for this connection",
                ),
                other => (format!("the certificate was refused: {other}"), trust),
            };
            (said, hint.to_owned())
        }
        Error::AlertReceived(alert) => {
            let hint = match alert {
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity => {
                    "client and server have no TLS version or cipher in common; TLS 1.2 and 1.3 were offered"
                }
                AlertDescription::NoApplicationProtocol => "the server does not speak http/1.1 there (ALPN)",
                AlertDescription::UnrecognisedName => "the server has no such name: check the host in the address",
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA => CLIENT_CERTIFICATE,
                _ => "",
            };
            (format!("the server refused with the alert {alert:?}"), hint.to_owned())
        }
        Error::PeerIncompatible(reason) => (
            format!("client and server have no TLS version or cipher in common ({reason:?})"),
            "the server is too old for TLS 1.2, or configured too narrowly".to_owned(),
        ),
        Error::NoApplicationProtocol => (
            "no application protocol in common (ALPN)".to_owned(),
            "the server does not speak http/1.1 there".to_owned(),
        ),
        other => (other.to_string(), String::new()),
    }
}
