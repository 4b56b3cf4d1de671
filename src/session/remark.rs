//! What the user has to say of a record: bookmarks, colours and remarks.

use super::RecordId;
use serde::{Deserialize, Serialize};

/// The colour of a mark. Each has a name as well, so that nobody has to tell colours apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// A bookmark without a colour of its own.
    #[default]
    Plain,
    /// Red.
    Red,
    /// Orange.
    Orange,
    /// Green.
    Green,
    /// Blue.
    Blue,
    /// Purple.
    Purple,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Mark; 6] = [Mark::Plain, Mark::Red, Mark::Orange, Mark::Green, Mark::Blue, Mark::Purple];

    /// Its name, as files and filters have it.
    pub fn name(self) -> &'static str {
        match self {
            Mark::Plain => "plain",
            Mark::Red => "red",
            Mark::Orange => "orange",
            Mark::Green => "green",
            Mark::Blue => "blue",
            Mark::Purple => "purple",
        }
    }

    /// What it looks like, for those who do not see its colour.
    pub fn help(self) -> &'static str {
        match self {
            Mark::Plain => "A bookmark without a colour: a ribbon",
            Mark::Red => "Red: a square on its tip",
            Mark::Orange => "Orange: a triangle",
            Mark::Green => "Green: a dot",
            Mark::Blue => "Blue: a square",
            Mark::Purple => "Purple: a ring",
        }
    }

    /// The mark of that name.
    pub fn named(name: &str) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.name() == name)
    }
}

/// A bookmark on a record, with or without words. A record has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The record.
    pub record: RecordId,
    /// What is said of it; may be empty.
    pub text: String,
    /// How it is marked.
    pub mark: Mark,
}
