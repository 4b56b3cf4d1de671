//! Long polls that do not wait.

use super::head::Head;
use super::rules::BUSY_LOOP;
use super::{Confidence, Eye, Look, Said};

/// An answer that comes sooner was not held.
const AT_ONCE_NS: u64 = 250_000_000;
/// So many in a row are a loop.
const ENOUGH: u32 = 5;

/// The polls of a connection.
#[derive(Default)]
pub(super) struct Polls {
    in_a_row: u32,
}

impl Polls {
    /// An answer to a poll.
    pub fn answer(&mut self, look: &mut Look<'_>, eye: &Eye, request: Option<&Head>, answer: &Head, push_type: &str) {
        let Some(request) = request.filter(|_| push_type == "longpoll") else { return };
        let held_ns = answer.at_ns.saturating_sub(request.at_ns);
        let is_empty = matches!(answer.status, 204 | 304) || answer.field("content-length") == Some("0");
        self.in_a_row = if is_empty && held_ns < AT_ONCE_NS { self.in_a_row + 1 } else { 0 };
        if self.in_a_row != ENOUGH {
            return;
        }
        let seen = format!(
            "{} answered {ENOUGH} long polls in a row at once (the last after {:.0} ms) and without anything new (status {}).",
            eye.to,
            held_ns as f64 / 1e6,
            answer.status
        );
        let means = "The requests are not held: a client that asks again at once makes a busy loop, with as much load as the network allows. Pushscope waits longer and longer between them.";
        let attempt = "Has the feed ended, or does the server hold requests only with a certain parameter or header? A proxy or cache that answers in the server's place does so, too: look for Age and Via.";
        let evidence = vec![answer.status_evidence()];
        look.found(
            &BUSY_LOOP,
            Said {
                confidence: Confidence::Certain,
                seen,
                means: means.to_owned(),
                attempt: attempt.to_owned(),
                evidence,
            },
        );
    }
}
