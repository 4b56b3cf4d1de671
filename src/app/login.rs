//! Who we are, asked by a proxy or a server: what the window asks in turn, and the system's keyring.

use super::engine::Reply;
use super::{App, AuthKind, Command, ProxyFrom, State};
use crate::session::{Kind, RecordId};
use crate::wire::{Challenge, ConnectionId};

/// The name under which passwords stand in the keyring.
const SERVICE: &str = "Pushscope";

/// A user and a password, for a keyring.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

// A password is shown nowhere.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A user and a password that go into a keyring once they are accepted.
pub(super) struct ToKeep {
    connection: ConnectionId,
    key: String,
    credentials: Credentials,
    /// Records that were looked at for an answer.
    looked_at: RecordId,
}

/// A question that the window puts: who are we?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginQuestion {
    /// The connection that ended by it.
    pub connection: ConnectionId,
    /// What was asked.
    pub challenge: Challenge,
}

impl LoginQuestion {
    /// The key of its credentials in a keyring.
    fn key(&self) -> String {
        let kind = if self.challenge.by_proxy { "proxy" } else { "server" };
        format!("{kind} {}", self.challenge.who)
    }
}

impl State {
    /// Who asks who we are, where the current connection ended by that.
    pub fn login_question(&self) -> Option<LoginQuestion> {
        let live = self.live().filter(|live| self.active == Some(live.id))?;
        let connection = self.current?;
        let known = live.session.connection(connection)?;
        known.over.as_ref()?;
        let last = *known.links.last()?;
        let challenge = live.session.link(last)?.challenge.clone()?;
        Some(LoginQuestion { connection, challenge })
    }

    /// The user and password that are typed for a question.
    pub fn typed_login(&self, question: &LoginQuestion) -> Credentials {
        let (user, password) = match question.challenge.by_proxy {
            true => (&self.draft.proxy_user, &self.draft.proxy_password),
            false => (&self.draft.user, &self.draft.password),
        };
        Credentials { user: user.trim().to_owned(), password: password.clone() }
    }
}

impl App {
    /// Connects again with what was typed; `keep` puts it into the system's keyring once it is accepted.
    pub(super) fn log_in(&mut self, keep: bool) {
        let Some(question) = self.state.login_question() else { return };
        let typed = self.state.typed_login(&question);
        if !question.challenge.by_proxy {
            self.state.draft.auth = AuthKind::Basic;
        }
        self.apply(Command::Connect);
        let Some((live, connection)) = self.state.live().zip(self.state.current).filter(|_| keep) else { return };
        let looked_at = live.session.records().len();
        self.to_keep = Some(ToKeep { connection, key: question.key(), credentials: typed, looked_at });
    }

    /// Puts a password into the system's keyring once it was accepted, and forgets one that was not.
    pub(super) fn keep_accepted_login(&mut self) {
        let Some(mut kept) = self.to_keep.take() else { return };
        let Some(live) = self.state.live() else { return };
        let records = live.session.records();
        for record in records.range(kept.looked_at..records.len()) {
            let is_ours = live.session.connection_of(record) == kept.connection;
            if is_ours && record.kind == Kind::HttpResponse && !matches!(record.detail, 401 | 407) {
                return self.engine.beside(move || Reply::Kept(keep_in_keyring(&kept.key, &kept.credentials)));
            }
        }
        kept.looked_at = records.len();
        let is_over = live.session.connection(kept.connection).is_some_and(|connection| connection.over.is_some());
        self.to_keep = Some(kept).filter(|_| !is_over);
    }

    /// Asks the system's keyring for what it keeps for the question.
    pub(super) fn fetch_login(&mut self) {
        let Some(question) = self.state.login_question() else { return };
        let key = question.key();
        self.engine.beside(move || Reply::Fetched(question, fetch_from_keyring(&key)));
    }

    /// Takes what the keyring kept into the fields of its question.
    pub(super) fn take_login(&mut self, question: &LoginQuestion, found: Result<Credentials, String>) {
        match found {
            Err(why) => self.complain(why),
            Ok(found) if question.challenge.by_proxy => {
                (self.state.draft.proxy_user, self.state.draft.proxy_password) = (found.user, found.password);
            }
            Ok(found) => (self.state.draft.user, self.state.draft.password) = (found.user, found.password),
        }
    }

    /// Why logging in cannot be done now.
    pub(super) fn login_objection(&self) -> Option<String> {
        match self.state.login_question() {
            None => Some("nobody asks who you are".to_owned()),
            Some(question) if !question.challenge.can_be_answered => {
                Some(format!("{} is not spoken here", question.challenge.schemes.join(", ")))
            }
            Some(question) => {
                self.state.typed_login(&question).user.is_empty().then(|| "there is no user name yet".to_owned())
            }
        }
    }
}

impl ProxyFrom {
    /// Every choice.
    pub const ALL: [ProxyFrom; 4] = [ProxyFrom::None, ProxyFrom::Environment, ProxyFrom::System, ProxyFrom::Given];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            ProxyFrom::None => "none",
            ProxyFrom::Environment => "environment",
            ProxyFrom::System => "system settings",
            ProxyFrom::Given => "this one",
        }
    }
}

fn keep_in_keyring(key: &str, credentials: &Credentials) -> Result<String, String> {
    let secret = serde_json::json!({ "user": credentials.user, "password": credentials.password }).to_string();
    let kept = keyring::Entry::new(SERVICE, key).and_then(|entry| entry.set_password(&secret));
    match kept {
        Ok(()) => Ok(format!("The system's keyring keeps the password for the {key}")),
        Err(error) => Err(format!("the system's keyring did not keep the password for the {key}: {}", plain(&error))),
    }
}

fn fetch_from_keyring(key: &str) -> Result<Credentials, String> {
    let found = keyring::Entry::new(SERVICE, key).and_then(|entry| entry.get_password());
    let secret = found.map_err(|error| match error {
        keyring::Error::NoEntry => format!("the system's keyring keeps nothing for the {key}"),
        error => format!("the system's keyring cannot be asked: {}", plain(&error)),
    })?;
    let read = serde_json::from_str::<serde_json::Value>(&secret).ok();
    let text = |name: &str| read.as_ref().and_then(|json| json[name].as_str()).map(str::to_owned);
    match (text("user"), text("password")) {
        (Some(user), Some(password)) => Ok(Credentials { user, password }),
        _ => Err(format!("what the system's keyring keeps for the {key} was not put there by Pushscope")),
    }
}

/// What a keyring says, in words that say what is missing.
pub(super) fn plain(error: &keyring::Error) -> String {
    match error {
        keyring::Error::NoDefaultStore => match keyring::Entry::store_status() {
            Err(error) => format!("{error} (is a keyring service running?)"),
            Ok(()) => "there is none".to_owned(),
        },
        other => other.to_string(),
    }
}
