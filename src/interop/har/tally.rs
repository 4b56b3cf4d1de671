//! What could not be carried over, counted, and said in sentences at the end.

use std::collections::BTreeMap;

/// Examples that are kept of one kind.
const EXAMPLES: usize = 3;

/// Counts of what was left out, changed or guessed. What happens ten thousand times is one sentence.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    examples: Vec<String>,
}

impl Tally {
    /// Counts something. A sentence that begins with `#` is said with its count.
    pub fn add(&mut self, sentence: &'static str, count: u64) {
        if count > 0 {
            self.kinds.entry(sentence).or_default().count += count;
        }
    }

    /// Counts one, and keeps it as an example while there are few.
    pub fn example(&mut self, sentence: &'static str, example: impl FnOnce() -> String) {
        let kind = self.kinds.entry(sentence).or_default();
        kind.count += 1;
        if kind.examples.len() < EXAMPLES {
            kind.examples.push(example());
        }
    }

    /// The sentences.
    pub fn sentences(&self) -> Vec<String> {
        let say = |(sentence, kind): (&&'static str, &Kind)| {
            let Some(sentence) = sentence.strip_prefix("# ") else { return (*sentence).to_owned() };
            let more = if kind.count > kind.examples.len() as u64 { "; …" } else { "" };
            match kind.examples.is_empty() {
                true => format!("{sentence}: {}", kind.count),
                false => format!("{sentence}: {} ({}{more})", kind.count, kind.examples.join("; ")),
            }
        };
        self.kinds.iter().map(say).collect()
    }
}
