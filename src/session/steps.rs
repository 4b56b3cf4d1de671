//! The events of a recording once more, in their order, their bytes left where they are. [`Session::entries`] has them with
//! their bytes.

use super::link::Link;
use super::segments::At;
use super::{Session, Store};
use crate::wire::{Dir, Event, LinkId};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What an event was.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'s> {
    /// All but bytes.
    Fact(&'s Event),
    /// Bytes of a direction, from `start` on. [`Step::bytes`] has them.
    Moved {
        /// Where to.
        dir: Dir,
        /// The first byte on its direction.
        start: u64,
        /// How many.
        len: u64,
    },
}

/// An event, its bytes left in the store.
#[derive(Clone, Copy, Debug)]
pub struct Step<'s> {
    /// Its number, from 0, in the order in which events came.
    pub seq: u64,
    /// When, in nanoseconds since the recording began.
    pub at_ns: u64,
    /// The link.
    pub link: LinkId,
    /// What it was.
    pub happened: Happened<'s>,
}

impl Step<'_> {
    /// The bytes that it moved; `None` where they are not to be had.
    pub fn bytes(&self, store: &Store) -> Option<Bytes> {
        match self.happened {
            Happened::Fact(_) => None,
            Happened::Moved { .. } => store.bytes(self.seq),
        }
    }
}

/// Walks events in their order. It holds a few numbers a link, however long the recording is.
pub struct Steps<'s> {
    session: &'s Session,
    links: Vec<&'s Link>,
    /// The next read of each direction: its number, the link's place in `links`, the direction, its place.
    next: BinaryHeap<Reverse<(u64, usize, usize)>>,
    places: Vec<[At; 2]>,
    fact: usize,
    is_wanted: Box<dyn Fn(LinkId) -> bool + 's>,
}

impl Session {
    /// Every event of the links that are wanted, in order.
    pub fn steps<'s>(&'s self, is_wanted: impl Fn(LinkId) -> bool + 's) -> Steps<'s> {
        let links: Vec<&Link> = self.links().iter().filter(|link| is_wanted(link.id)).collect();
        let places = vec![[At::default(); 2]; links.len()];
        let is_wanted = Box::new(is_wanted);
        let mut steps = Steps { session: self, links, next: BinaryHeap::new(), places, fact: 0, is_wanted };
        for index in 0..steps.links.len() {
            steps.queue(index, Dir::Out);
            steps.queue(index, Dir::In);
        }
        steps
    }

    /// The events that carry no bytes, in order, each with its number among all events.
    pub fn facts(&self) -> impl Iterator<Item = (u64, &Event)> {
        self.fact_seqs.iter().copied().zip(&self.facts)
    }
}

impl Steps<'_> {
    fn queue(&mut self, index: usize, dir: Dir) {
        if let Some((segment, ..)) = self.links[index].read_at(dir, self.places[index][dir.index()]) {
            self.next.push(Reverse((segment.seq, index, dir.index())));
        }
    }
}

impl<'s> Iterator for Steps<'s> {
    type Item = Step<'s>;

    fn next(&mut self) -> Option<Step<'s>> {
        let facts = &self.session.facts;
        while facts.get(self.fact).is_some_and(|event| !(self.is_wanted)(event.link)) {
            self.fact += 1;
        }
        let moved = self.next.peek().map_or(u64::MAX, |Reverse((seq, ..))| *seq);
        if let (Some(event), Some(seq)) = (facts.get(self.fact), self.session.fact_seqs.get(self.fact))
            && *seq < moved
        {
            self.fact += 1;
            return Some(Step { seq: *seq, at_ns: event.at_ns, link: event.link, happened: Happened::Fact(event) });
        }
        let Reverse((seq, index, dir)) = self.next.pop()?;
        let (link, dir) = (self.links[index], if dir == 0 { Dir::Out } else { Dir::In });
        let (segment, end, after) = link.read_at(dir, self.places[index][dir.index()])?;
        self.places[index][dir.index()] = after;
        self.queue(index, dir);
        let happened = Happened::Moved { dir, start: segment.start, len: end - segment.start };
        Some(Step { seq, at_ns: segment.at_ns, link: link.id, happened })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Act, ClientAct, What};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_event_comes_again_in_its_order(
            events in prop::collection::vec((0u32..4, 0u8..3, 1usize..9), 0..400),
        ) {
            let mut session = Session::new(Store::memory(), 0);
            let mut taken = Vec::new();
            for (at_ns, (link, kind, len)) in events.into_iter().enumerate() {
                let what = match kind {
                    0 => What::Client(ClientAct { act: Act::Waiting, text: len.to_string() }),
                    1 => What::Bytes(Dir::Out, vec![len as u8; len].into()),
                    _ => What::Bytes(Dir::In, vec![len as u8; len].into()),
                };
                taken.push(Event { at_ns: at_ns as u64 / 3, link: LinkId(link), what });
                session.append(taken[at_ns].clone());
            }
            let again = |is_wanted: fn(LinkId) -> bool| -> Vec<Event> {
                session.steps(is_wanted).map(|step| {
                    let what = match step.happened {
                        Happened::Fact(event) => event.what.clone(),
                        Happened::Moved { dir, .. } => What::Bytes(dir, step.bytes(session.store()).unwrap()),
                    };
                    Event { at_ns: step.at_ns, link: step.link, what }
                }).collect()
            };
            prop_assert!(again(|_| true) == taken);
            taken.retain(|event| event.link.0 != 2);
            prop_assert!(again(|link| link.0 != 2) == taken);
        }
    }
}
