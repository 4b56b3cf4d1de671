//! What all parts of one connection share: what was asked for, where events go, and how links are logged.
//!
//! Every link that is opened ends in exactly one `Failed` or `Closed`, however its owner goes away.

use super::failure::failure;
use super::login::Logins;
use super::proxy::Settings;
use super::spec::Spec;
use super::tls::Trust;
use crate::wire::{
    Act, Challenge, ClientAct, Closed, ConnectionId, Dir, EventSender, Failure, LinkId, Opening, Stage, Via, What,
};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub(crate) struct Context {
    pub connection: ConnectionId,
    pub spec: Spec,
    pub events: EventSender,
    /// Set once the first request is on its way.
    pub sent: CancellationToken,
    /// Set once the first answer's head is here.
    pub answered: CancellationToken,
    /// What links that are dropped say.
    parting: Arc<Mutex<&'static str>>,
    last_link: AtomicU32,
    /// What was decided before there was a link to say it on.
    early_acts: Mutex<Vec<ClientAct>>,
    trust: OnceCell<Trust>,
    /// Challenges that were met and can be answered.
    pub logins: Logins,
    /// What was asked of us last.
    pub challenge: Mutex<Option<Challenge>>,
    /// The system's proxy settings, read once.
    pub system_proxy: OnceCell<Settings>,
    /// Whether what there is to say of them was said.
    pub said_proxy: AtomicBool,
}

impl Context {
    pub fn new(connection: ConnectionId, spec: Spec, events: EventSender) -> Arc<Context> {
        Arc::new(Context {
            connection,
            spec,
            events,
            sent: CancellationToken::new(),
            answered: CancellationToken::new(),
            parting: Arc::new(Mutex::new("no longer needed")),
            last_link: AtomicU32::new(0),
            early_acts: Mutex::default(),
            trust: OnceCell::new(),
            logins: Logins::default(),
            challenge: Mutex::default(),
            system_proxy: OnceCell::new(),
            said_proxy: AtomicBool::new(false),
        })
    }

    /// Begins a link: its `Opening` event, and the guard that will end it.
    pub fn open_link(&self, host: &str, port: u16, tls: bool, purpose: &str, via: Option<Via>) -> LinkGuard {
        let id = self.events.new_link();
        self.last_link.store(id.0, Ordering::Release);
        let log = LinkLog { id, events: self.events.clone(), over: AtomicBool::new(false) };
        log.event(What::Opening(Opening {
            connection: self.connection,
            host: host.to_owned(),
            port,
            tls,
            purpose: purpose.to_owned(),
            via,
        }));
        for act in self.early_acts.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            log.event(What::Client(act));
        }
        LinkGuard { log: Arc::new(log), parting: self.parting.clone() }
    }

    /// Sets what links say that are dropped from now on.
    pub fn set_parting(&self, text: &'static str) {
        *self.parting.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Says what Pushscope decided, on the newest link, or on the first one once there is one.
    pub fn act(&self, act: Act, text: impl Into<String>) {
        let act = ClientAct { act, text: text.into() };
        match (self.last_link.load(Ordering::Acquire), act.act) {
            (0, Act::Done | Act::GaveUp) => {
                let guard = self.open_link("", 0, false, "nothing was opened", None);
                guard.log.closed(Dir::Out, "nothing was opened");
                guard.log.event(What::Client(act));
            }
            (0, _) => self.early_acts.lock().unwrap_or_else(PoisonError::into_inner).push(act),
            (id, _) => self.events.send(LinkId(id), What::Client(act)),
        }
    }

    /// Notes something worth saying.
    pub fn notice(&self, text: impl Into<String>) {
        self.act(Act::Noticed, text);
    }

    /// Records a failure that came before any link could be dialled.
    pub fn fail_unopened(&self, host: &str, port: u16, tls: bool, failure: &Failure) {
        self.open_link(host, port, tls, "request", None).log.failed(failure);
    }

    /// The certificates to trust, loaded once a connection.
    pub async fn trust(&self) -> Result<&Trust, Failure> {
        let began = Instant::now();
        let options = self.spec.tls.clone();
        let load = async || {
            let loaded = tokio::task::spawn_blocking(move || Trust::load(&options)).await;
            loaded.unwrap_or_else(|error| Err(failure(Stage::Tls, began, error.to_string(), "")))
        };
        self.trust.get_or_try_init(load).await
    }
}

/// A link's way to the event queue.
pub(crate) struct LinkLog {
    pub id: LinkId,
    pub events: EventSender,
    over: AtomicBool,
}

impl LinkLog {
    pub fn event(&self, what: What) {
        self.events.send(self.id, what);
    }

    pub fn notice(&self, text: impl Into<String>) {
        self.event(What::Client(ClientAct { act: Act::Noticed, text: text.into() }));
    }

    /// Ends the link by a failure, unless it has ended.
    pub fn failed(&self, failure: &Failure) {
        if !self.over.swap(true, Ordering::AcqRel) {
            self.event(What::Failed(failure.clone()));
        }
    }

    /// Ends the link without fault, unless it has ended.
    pub fn closed(&self, by: Dir, text: &str) {
        if !self.over.swap(true, Ordering::AcqRel) {
            self.event(What::Closed(Closed { by, text: text.to_owned() }));
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// Ends its link when dropped, if nothing else has.
pub(crate) struct LinkGuard {
    pub log: Arc<LinkLog>,
    parting: Arc<Mutex<&'static str>>,
}

impl Drop for LinkGuard {
    fn drop(&mut self) {
        let parting = *self.parting.lock().unwrap_or_else(PoisonError::into_inner);
        self.log.closed(Dir::Out, parting);
    }
}
