//! Whose root certificate vouches for a chain: one of the public set, one that only this machine trusts, or a given one.
//!
//! A proxy that opens TLS signs with a root that was put on this machine and is in no public set: that is how it is told.

use crate::wire::Anchor;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The verifiers that a chain is held against to tell its root.
#[derive(Clone, Debug)]
pub(crate) struct Anchors {
    public: Option<Arc<dyn ServerCertVerifier>>,
    /// The machine's own roots without the given ones; `None` where none were given.
    machine: Option<Arc<dyn ServerCertVerifier>>,
    /// Whether certificates were given.
    given: bool,
}

impl Anchors {
    /// `given`: whether the user gave a file of certificates beside the machine's.
    pub fn load(provider: &Arc<CryptoProvider>, given: bool) -> Anchors {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let public = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let machine = || {
            let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).ok()?;
            Some(Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
        };
        Anchors {
            public: public.ok().map(|verifier| verifier as Arc<dyn ServerCertVerifier>),
            machine: if given { machine() } else { None },
            given,
        }
    }

    /// The anchor of a chain that was accepted or not; `verifies` holds it against a verifier.
    pub fn of(&self, is_accepted: bool, verifies: impl Fn(&dyn ServerCertVerifier) -> bool) -> Anchor {
        let by = |verifier: &Option<Arc<dyn ServerCertVerifier>>| verifier.as_deref().is_some_and(&verifies);
        match is_accepted {
            false => Anchor::Nobody,
            true if by(&self.public) => Anchor::Public,
            true if !self.given || by(&self.machine) => Anchor::Machine,
            true => Anchor::Given,
        }
    }
}
