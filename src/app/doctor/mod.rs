//! The doctor: tries every way to an endpoint, side by side and gently, and says which to choose and what to ask for.
//!
//! A way is a push type, with TLS or without, straight or by a proxy. Each is an ordinary connection with a session of
//! its own, so that its verdict rests on the same records and findings as everything else.

mod judge;
mod page;
mod plan;
mod report;
mod run;

pub use plan::{Plan, Way, plan};
pub use report::{Report, ReportAs};
pub use run::{EXAMINE_WAYS, examine};

use crate::session::findings::Finding;
use crate::transport::PushType;

/// How a way turned out.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It works.
    Works {
        /// What was seen, in a few words.
        how: String,
    },
    /// It works, and messages come late.
    Delayed {
        /// By so many nanoseconds, at the most that was seen.
        by_ns: u64,
    },
    /// It is broken.
    Broken {
        /// At which stage, by its name.
        stage: String,
        /// Why.
        why: String,
    },
    /// The server does not offer this type of push at this address.
    NotOffered {
        /// How that is known.
        why: String,
    },
}

impl Verdict {
    /// The word for it.
    pub fn label(&self) -> &'static str {
        match self {
            Verdict::Works { .. } => "works",
            Verdict::Delayed { .. } => "delayed",
            Verdict::Broken { .. } => "broken",
            Verdict::NotOffered { .. } => "not offered",
        }
    }

    /// What there is to say beside the word.
    pub fn detail(&self) -> String {
        match self {
            Verdict::Works { how } => how.clone(),
            Verdict::Delayed { by_ns } => format!("messages come up to {:.1} s late", *by_ns as f64 / 1e9),
            Verdict::Broken { stage, why } => format!("{stage}: {why}"),
            Verdict::NotOffered { why } => why.clone(),
        }
    }

    /// Whether messages can be had this way.
    pub fn is_usable(&self) -> bool {
        matches!(self, Verdict::Works { .. } | Verdict::Delayed { .. })
    }
}

/// One way, and how it turned out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The way.
    pub way: Way,
    /// How it turned out.
    pub verdict: Verdict,
    /// From the start to the first answer, in nanoseconds; of what failed, to the failure.
    pub took_ns: u64,
    /// What was found on it.
    pub findings: Vec<Finding>,
    /// The least and the most that messages were on their way, by the senders' times, in nanoseconds.
    latency_ns: Option<(i128, i128)>,
    /// Whether the answer is a page for people.
    is_page: bool,
}

/// How good a push type is where all of them work: the larger the better.
fn rank(push_type: PushType) -> u8 {
    match push_type {
        PushType::Ws => 5,
        PushType::Sse => 4,
        PushType::Stream => 3,
        PushType::LongPoll => 2,
        PushType::Poll | PushType::Auto => 1,
    }
}
