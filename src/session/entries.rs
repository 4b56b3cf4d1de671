//! The entries that a session was made from, given again in their order: for those who write the recording down in
//! another form, its bytes included. They are its [`Steps`] with connections in between.

use super::steps::{Happened, Steps};
use super::{Connection, Session};
use crate::wire::{Entry, Event, What};
use std::collections::VecDeque;

/// The entries of a session. A connection comes before the first link that was opened for it.
pub struct Entries<'s> {
    session: &'s Session,
    steps: Steps<'s>,
    connections: &'s [Connection],
    waiting: VecDeque<Entry>,
    missing: u64,
}

impl Session {
    /// What it was made from, in order.
    pub fn entries(&self) -> Entries<'_> {
        let (steps, connections) = (self.steps(|_| true), self.connections());
        Entries { session: self, steps, connections, waiting: VecDeque::new(), missing: 0 }
    }

    /// How many events it was made from.
    pub fn events(&self) -> u64 {
        self.events
    }
}

impl Entries<'_> {
    /// Reads and writes that were left out because their bytes are not to be had.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Gives so many of the connections that were not given yet.
    fn give_connections(&mut self, count: usize) {
        let (given, left) = self.connections.split_at(count);
        self.waiting.extend(given.iter().map(|connection| Entry::Connection(connection.info.clone())));
        self.connections = left;
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Some(entry);
            }
            let Some(step) = self.steps.next() else {
                self.give_connections(self.connections.len());
                return self.waiting.pop_front();
            };
            let event = match step.happened {
                Happened::Moved { dir, .. } => match step.bytes(&self.session.store) {
                    Some(bytes) => Event { at_ns: step.at_ns, link: step.link, what: What::Bytes(dir, bytes) },
                    None => {
                        self.missing += 1;
                        continue;
                    }
                },
                Happened::Fact(event) => {
                    if let What::Opening(opening) = &event.what {
                        let of = |connection: &Connection| connection.info.id == opening.connection;
                        let before = self.connections.iter().position(of).map_or(0, |at| at + 1);
                        self.give_connections(before);
                    }
                    event.clone()
                }
            };
            self.waiting.push_back(Entry::Event(event));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::session::{Session, Store};
    use crate::wire::{Act, ClientAct, ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
    use proptest::prelude::*;

    fn info(id: u32) -> Entry {
        let (spec, label) = ("{}".to_owned(), format!("http://host-{id}/"));
        Entry::Connection(ConnectionInfo { id: ConnectionId(id), spec, label })
    }

    fn event(at_ns: u64, link: u32, what: What) -> Entry {
        Entry::Event(Event { at_ns, link: LinkId(link), what })
    }

    fn opening(connection: u32) -> What {
        let (host, purpose) = ("h".to_owned(), "request".to_owned());
        let connection = ConnectionId(connection);
        What::Opening(Opening { connection, host, port: 80, tls: false, purpose, via: None })
    }

    #[test]
    fn what_went_in_comes_out_in_its_order() {
        let mut all = vec![info(1), event(1, 1, opening(1)), info(2), event(2, 2, opening(2))];
        for at_ns in 3..40 {
            let dir = if at_ns % 3 == 0 { Dir::Out } else { Dir::In };
            all.push(event(at_ns, 1 + at_ns as u32 % 2, What::Bytes(dir, format!("read {at_ns}\n").into())));
            if at_ns % 5 == 0 {
                let text = format!("at {at_ns}");
                all.push(event(at_ns, 1, What::Client(ClientAct { act: Act::Noticed, text })));
            }
        }
        all.push(info(3));
        let mut session = Session::new(Store::memory(), 0);
        all.iter().cloned().for_each(|entry| _ = session.take(entry));
        let mut entries = session.entries();
        assert_eq!(entries.by_ref().collect::<Vec<_>>(), all);
        assert_eq!(entries.missing(), 0);
    }

    proptest! {
        #[test]
        fn any_order_of_links_and_directions_comes_back(steps in prop::collection::vec((1u32..5, any::<bool>(), 0u64..3, 0usize..4), 0..300)) {
            let (mut session, mut at_ns, mut all) = (Session::new(Store::memory(), 0), 0, Vec::new());
            for (link, is_out, time, len) in steps {
                at_ns += time;
                let dir = if is_out { Dir::Out } else { Dir::In };
                all.push(event(at_ns, link, match len {
                    0 => What::Client(ClientAct { act: Act::Picked, text: "x".into() }),
                    len => What::Bytes(dir, vec![b'x'; len - 1].into()),
                }));
            }
            all.iter().cloned().for_each(|entry| _ = session.take(entry));
            let back: Vec<Entry> = session.entries().collect();
            prop_assert!(back == all, "{} of {} came back", back.len(), all.len());
        }
    }
}
