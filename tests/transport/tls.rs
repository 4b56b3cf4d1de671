//! TLS: the facts of a handshake, and every refusal in plain words.

use crate::support::{RUNTIME, Server, Watched, open, spec};
use pushscope::transport::Spec;
use pushscope::wire::{Act, Stage, TlsFacts, What};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// A certificate authority and a certificate of its own making, in files.
pub struct Certificates {
    pub folder: TempDir,
}

impl Certificates {
    pub fn make(names: &[&str], years: (i32, i32)) -> Certificates {
        Certificates::by("Test Authority", names, years)
    }

    fn by(authority_name: &str, names: &[&str], years: (i32, i32)) -> Certificates {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, authority_name);
        let authority_key = KeyPair::generate().unwrap();
        let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut leaf = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "Test Server");
        leaf.not_before = date_time_ymd(years.0, 1, 1);
        leaf.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &issuer).unwrap();
        let folder = TempDir::new().unwrap();
        for (name, text) in
            [("ca.pem", authority_pem), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Certificates { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.path(name).to_string_lossy().into_owned())
    }

    fn server(&self, versions: &[&'static SupportedProtocolVersion], wants_client: bool) -> ServerConfig {
        let chain = vec![CertificateDer::from_pem_file(self.path("cert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        builder.with_single_cert(chain, key).unwrap()
    }
}

/// A TLS server with these certificates. Gives its port.
fn serve(certificates: &Certificates, versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> u16 {
    let mut config = certificates.server(versions, false);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    listen(config)
}

/// A TLS server that answers one HTTP request a connection. Gives its port.
fn listen(config: ServerConfig) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    RUNTIME.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nsecret").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

fn facts(watched: &Watched) -> TlsFacts {
    let found = watched.events.iter().find_map(|event| match &event.what {
        What::Secured(facts) => Some(facts.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no TLS: {}", watched.story()))
}

fn https(host: &str, port: u16, ca_file: Option<String>) -> Spec {
    let mut spec = spec(format!("https://{host}:{port}/"));
    spec.tls.ca_file = ca_file;
    spec
}

#[test]
fn a_good_certificate_gives_all_facts() {
    let certificates = Certificates::make(&["localhost", "127.0.0.1"], (2020, 2100));
    let port = serve(&certificates, rustls::ALL_VERSIONS, &["http/1.1"]);
    let mut watched = open(https("localhost", port, certificates.text("ca.pem")));
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    watched.until_received("secret");
    let facts = facts(&watched);
    assert_eq!((facts.version.as_str(), facts.alpn.as_deref()), ("TLSv1.3", Some("http/1.1")));
    assert!(facts.cipher_suite.starts_with("TLS_AES_"), "{}", facts.cipher_suite);
    assert_eq!(facts.key_exchange.as_deref(), Some("X25519MLKEM768"));
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
    assert!(facts.verified && facts.would_fail.is_none());
    let leaf = &facts.chain[0];
    assert!(leaf.subject.contains("Test Server") && leaf.issuer.contains("Test Authority"), "{leaf:?}");
    assert_eq!(leaf.names, ["localhost", "127.0.0.1"]);
    assert_eq!(leaf.not_after, "2100-01-01T00:00:00Z");
    // The proof goes out as HTTP, not as TLS records.
    assert!(watched.sent().starts_with("GET / HTTP/1.1\r\n"));
}

#[test]
fn an_address_as_the_name_and_tls_1_2_work() {
    let certificates = Certificates::make(&["127.0.0.1"], (2020, 2100));
    let port = serve(&certificates, &[&rustls::version::TLS12], &[]);
    let mut watched = open(https("127.0.0.1", port, certificates.text("ca.pem")));
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    let facts = facts(&watched);
    assert_eq!((facts.version.as_str(), facts.server_name, facts.alpn), ("TLSv1.2", None, None));
}

#[test]
fn every_refusal_says_why() {
    let cases = [
        (&["localhost"][..], (2020, 2021), true, "expired on 2021-01-01", "tls.expired"),
        (&["localhost"], (2090, 2100), true, "not valid before 2090-01-01", "tls.clock"),
        (
            &["other.example", "*.third.example"],
            (2020, 2100),
            true,
            "it is for other.example, *.third.example",
            "tls.name",
        ),
        (&["localhost"], (2020, 2100), false, "Test Authority, whom this machine does not trust", "tls.issuer"),
    ];
    for (names, years, trusted, expected, found) in cases {
        let certificates = Certificates::make(names, years);
        let port = serve(&certificates, rustls::ALL_VERSIONS, &[]);
        let elsewhere = Certificates::by("Elsewhere", &["x"], (2020, 2100));
        let ca = if trusted { &certificates } else { &elsewhere };
        let mut spec = https("localhost", port, ca.text("ca.pem"));
        let mut refused = open(spec.clone());
        let failure = refused.failure();
        assert_eq!(failure.stage, Stage::Tls);
        assert!(failure.text.contains(expected), "{failure}");
        assert!(!failure.hint.is_empty());
        // The rules read what the transport says.
        assert_eq!(refused.faults(), [found], "{failure}");
        // Where the user turns verification off, the same is a fact on the link.
        spec.tls.insecure = true;
        let mut watched = open(spec);
        watched.is_faulty = true;
        assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
        let facts = facts(&watched);
        assert!(!facts.verified && facts.would_fail.as_ref().unwrap().contains(expected), "{facts:?}");
    }
}

#[test]
fn an_authoritys_own_certificate_is_trusted_where_the_file_names_it() {
    let make = |name: &str, years: (i32, i32)| {
        let mut own = CertificateParams::new(vec![name.to_owned()]).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (own.not_before, own.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let key = KeyPair::generate().unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("cert.pem"), own.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Certificates { folder }
    };
    let cases = [
        ("localhost", (2020, 2100), None),
        ("other.example", (2020, 2100), Some("it is for other.example")),
        ("localhost", (2020, 2021), Some("expired on 2021-01-01")),
        ("localhost", (2090, 2100), Some("not valid before 2090-01-01")),
    ];
    for (name, years, refused) in cases {
        let own = make(name, years);
        let port = serve(&own, rustls::ALL_VERSIONS, &[]);
        let mut watched = open(https("localhost", port, own.text("cert.pem")));
        match refused {
            None => {
                assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
                assert!(facts(&watched).verified);
            }
            Some(why) => assert!(watched.failure().text.contains(why), "{}", watched.story()),
        }
    }
    let port = serve(&make("localhost", (2020, 2100)), rustls::ALL_VERSIONS, &[]);
    let stranger = make("localhost", (2020, 2100));
    let failure = open(https("localhost", port, stranger.text("cert.pem"))).failure();
    assert!(failure.text.contains("nobody here trusts it"), "{failure}");
    assert!(failure.hint.contains("give this very certificate"), "{failure}");
}

#[test]
fn a_plain_http_server_on_a_tls_port_is_recognised() {
    let server = Server::start(|_, mut peer| {
        peer.read(1);
        peer.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        peer.sees_the_end();
    });
    let failure = open(spec(server.ws("/").replace("ws:", "wss:"))).failure();
    assert!(failure.text.contains("speaks plain HTTP") && failure.hint.contains("ws://"), "{failure}");
}

#[test]
fn a_tls_server_on_a_plain_port_is_recognised() {
    let server = Server::start(|_, mut peer| {
        peer.read(1);
        peer.say_bytes(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0A]);
    });
    let failure = open(spec(server.url("/"))).failure();
    assert!(failure.text.contains("TLS record") && failure.hint.contains("https://"), "{failure}");
}

#[test]
fn no_protocol_in_common_says_so() {
    let certificates = Certificates::make(&["localhost"], (2020, 2100));
    let port = serve(&certificates, rustls::ALL_VERSIONS, &["h2"]);
    let failure = open(https("localhost", port, certificates.text("ca.pem"))).failure();
    assert!(failure.hint.contains("http/1.1"), "{failure}");
}

#[test]
fn a_client_certificate_is_shown_where_it_is_wanted() {
    let certificates = Certificates::make(&["localhost"], (2020, 2100));
    let port = listen(certificates.server(&[&rustls::version::TLS13, &rustls::version::TLS12], true));
    let mut spec = https("localhost", port, certificates.text("ca.pem"));
    let failure = open(spec.clone()).failure();
    assert!(failure.text.contains("CertificateRequired") && failure.hint.contains("key file"), "{failure}");
    spec.tls.cert_file = certificates.text("cert.pem");
    spec.tls.key_file = certificates.text("key.pem");
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let failure = open(https("localhost", 1, Some("/nowhere/ca.pem".into()))).failure();
    assert!(failure.stage == Stage::Address && failure.text.contains("/nowhere/ca.pem"), "{failure}");
    let mut spec = spec("https://localhost:1/");
    spec.tls.cert_file = Some("x".into());
    assert!(open(spec).failure().text.contains("needs its key"));
}
