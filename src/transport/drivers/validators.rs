//! What an answer says about its version, and how the next request asks for a newer one (RFC 9110 §13.1).
//!
//! nchan's long poll uses the same pair of headers as its cursor.

use crate::transport::http1::Answer;
use crate::transport::request::Ask;

/// The validators of the last answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Validators {
    /// Takes over what an answer says; one without validators changes nothing.
    pub fn learn(&mut self, answer: &Answer) -> bool {
        let new = Validators { etag: answer.header("etag"), last_modified: answer.header("last-modified") };
        if new == Validators::default() || new == *self {
            return false;
        }
        *self = new;
        true
    }

    /// Puts them into a request, except where the user typed those headers.
    pub fn apply(&self, ask: &mut Ask) {
        if let Some(etag) = &self.etag {
            ask.set_default("If-None-Match", etag);
        }
        if let Some(date) = &self.last_modified {
            ask.set_default("If-Modified-Since", date);
        }
    }
}
