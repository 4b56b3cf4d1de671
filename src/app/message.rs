//! What there is to tell: messages that go away by themselves, and those that stay until they are put away.

use super::{App, Command};
use std::time::{Duration, Instant};

/// How long a message without a fault stays.
const MESSAGE_STAYS: Duration = Duration::from_secs(6);

/// Something to tell the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
    /// What can be done about it.
    pub commands: Vec<Command>,
    /// When it is put away by itself.
    pub(super) until: Option<Instant>,
}

impl App {
    pub(super) fn say(&mut self, text: impl Into<String>) {
        let until = Some(Instant::now() + MESSAGE_STAYS);
        self.state.messages.push(Message { text: text.into(), is_error: false, commands: Vec::new(), until });
    }

    /// Says something about which something can be done; it stays until it is put away.
    pub(super) fn offer(&mut self, text: impl Into<String>, commands: Vec<Command>) {
        self.state.messages.push(Message { text: text.into(), is_error: false, commands, until: None });
    }

    pub(super) fn complain(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.state.messages.retain(|message| message.text != text);
        self.state.messages.push(Message { text, is_error: true, commands: Vec::new(), until: None });
    }
}
