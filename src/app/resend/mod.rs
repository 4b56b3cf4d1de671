//! Sending once more what a recording says the client sent: which records, as what, and when.
//!
//! [`Plan`] finds what is to be sent, [`order`] turns a record into what the transport is told, and [`Resender`] sends one
//! after the other in the recorded rhythm. It is a state machine without a thread, as a script's runner is: it is asked
//! what to do each time the session has something new, and sends no more while what it sent has not become records.

mod edit;
mod endpoint;
mod order;
mod plan;
mod run;

pub use edit::{load, typed};
pub use endpoint::{Endpoint, draft_of, origin_of};
pub use order::{Moved, OrderRules, Ordered, RecordedRequest, order, recorded_request};
pub use plan::{Chosen, Plan, Planned, Planner};
pub use run::{Outcome, Refused, Resender};

use crate::session::RecordId;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

/// How fast what was recorded is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// One after the other without a wait.
    AtOnce,
}

impl Speed {
    /// As on the command line: `1`, `0.5`, `10x`, `max`.
    pub fn named(text: &str) -> Result<Speed, String> {
        let text = text.trim();
        if matches!(text, "max" | "at once") {
            return Ok(Speed::AtOnce);
        }
        match text.trim_end_matches(['x', '×']).trim().parse::<f64>() {
            Ok(times) if times > 0.0 && times.is_finite() => Ok(Speed::Times(times)),
            _ => Err(format!("{text:?} is no speed: 1, 0.5, 10 or max")),
        }
    }

    /// Its name.
    pub fn label(self) -> String {
        match self {
            Speed::Times(times) => format!("{times}×"),
            Speed::AtOnce => "at once".to_owned(),
        }
    }
}

/// What was changed of what is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// What messages, and bodies of requests, say instead.
    pub payloads: HashMap<RecordId, Bytes>,
    /// What is not sent.
    pub left_out: HashSet<RecordId>,
}

/// What of the client's side is sent, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Pings, pongs and close frames, too.
    pub control: bool,
    /// Frames as they were, byte for byte but for their masking keys, in the place of messages.
    pub frames: bool,
    /// Frames with the masking keys that they had.
    pub keep_masks: bool,
}
