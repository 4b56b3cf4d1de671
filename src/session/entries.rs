//! The entries that a session was made from, given again in their order: for those who write the recording down in
//! another form.

use super::segments::{At, Segment};
use super::{Link, Session};
use crate::wire::{Dir, Entry, Event, What};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

const DIRS: [Dir; 2] = [Dir::Out, Dir::In];

/// The entries of a session. A connection comes before the first link that was opened for it.
pub struct Entries<'s> {
    session: &'s Session,
    /// Of each link and direction, the next read or write: the number of its event, the link, the direction.
    next: BinaryHeap<Reverse<(u64, usize, Dir)>>,
    places: Vec<[At; 2]>,
    seq: u64,
    fact: usize,
    connection: usize,
    waiting: VecDeque<Entry>,
    missing: u64,
}

impl Session {
    /// What it was made from, in order.
    pub fn entries(&self) -> Entries<'_> {
        let places = vec![[At::default(); 2]; self.links.len()];
        let mut entries = Entries {
            session: self,
            next: BinaryHeap::new(),
            places,
            seq: 0,
            fact: 0,
            connection: 0,
            waiting: VecDeque::new(),
            missing: 0,
        };
        for link in 0..self.links.len() {
            DIRS.into_iter().for_each(|dir| entries.queue(link, dir));
        }
        entries
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

    fn queue(&mut self, link: usize, dir: Dir) {
        let segment = self.session.links[link].segment(dir, self.places[link][dir.index()]);
        if let Some(Segment { seq, .. }) = segment {
            self.next.push(Reverse((seq, link, dir)));
        }
    }

    /// The read or write that is the next event, where it is one.
    fn bytes(&mut self) -> Option<Option<Event>> {
        let Reverse((seq, at, dir)) = *self.next.peek()?;
        if seq > self.seq {
            return None;
        }
        self.next.pop();
        let link: &Link = &self.session.links[at];
        let place = &mut self.places[at][dir.index()];
        let segment = link.segment(dir, *place)?;
        *place = link.segment_after(dir, *place);
        self.queue(at, dir);
        let bytes = self.session.store.bytes(seq);
        self.missing += u64::from(bytes.is_none());
        Some(bytes.map(|bytes| Event { at_ns: segment.at_ns, link: link.id, what: What::Bytes(dir, bytes) }))
    }

    /// Gives the connections up to the one with this place among all.
    fn give_connections(&mut self, end: usize) {
        let connections = self.session.connections.get(self.connection..end).unwrap_or_default();
        self.waiting.extend(connections.iter().map(|connection| Entry::Connection(connection.info.clone())));
        self.connection = self.connection.max(end);
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Some(entry);
            }
            if self.seq >= self.session.events {
                self.give_connections(self.session.connections.len());
                return self.waiting.pop_front();
            }
            let bytes = self.bytes();
            self.seq += 1;
            match bytes {
                Some(Some(event)) => return Some(Entry::Event(event)),
                Some(None) => {}
                None => {
                    let Some(event) = self.session.facts.get(self.fact) else { continue };
                    self.fact += 1;
                    if let What::Opening(opening) = &event.what {
                        let all = &self.session.connections;
                        if let Some(at) = all.iter().position(|connection| connection.info.id == opening.connection) {
                            self.give_connections(at + 1);
                        }
                    }
                    self.waiting.push_back(Entry::Event(event.clone()));
                }
            }
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
