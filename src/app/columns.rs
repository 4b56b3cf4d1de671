//! The columns of the timeline, and in which order they stand.

use super::State;

/// A column of the timeline.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub help: &'static str,
}

/// The columns of the timeline, from left to right at first.
pub const COLUMNS: [Column; 7] = [
    Column { name: "#", help: "The record's number in the recording" },
    Column { name: "time", help: "Since the recording began: when the last byte came" },
    Column {
        name: "gap",
        help: "Time since the record before, of the same connection, shown or not; the frames and chunks of a message do not \
                     count as before it. The filter finds it: gap>250ms",
    },
    Column { name: "⇅", help: "Sent (up, to the server) or received (down, from it)" },
    Column { name: "kind", help: "What it is" },
    Column { name: "size", help: "Bytes of payload; of the wire where there is no payload" },
    Column { name: "summary", help: "What it says, in one line" },
];

/// From how many milliseconds on a gap may stand out; any other number may be set as well.
pub const LONG_GAPS_MS: [u64; 5] = [100, 250, 1_000, 5_000, 30_000];

impl State {
    /// The columns that are shown, from left to right, by their numbers.
    pub fn shown_columns(&self) -> Vec<usize> {
        self.column_order.iter().copied().filter(|column| self.columns[*column]).collect()
    }

    /// The column with which one would change places.
    pub fn column_beside(&self, column: usize, to_left: bool) -> Option<usize> {
        let shown = self.shown_columns();
        let at = shown.iter().position(|other| *other == column)?;
        if to_left { at.checked_sub(1).map(|at| shown[at]) } else { shown.get(at + 1).copied() }
    }

    pub(super) fn move_column(&mut self, column: usize, to_left: bool) {
        let Some(beside) = self.column_beside(column, to_left) else { return };
        let at = |wanted: usize| self.column_order.iter().position(|other| *other == wanted);
        if let (Some(from), Some(to)) = (at(column), at(beside)) {
            // Hidden columns in between keep their order.
            match from < to {
                true => self.column_order[from..=to].rotate_left(1),
                false => self.column_order[to..=from].rotate_right(1),
            }
        }
    }
}
