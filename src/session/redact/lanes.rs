//! What is changed on the wire: stretches that are overwritten, and bits that are turned in compressed data.

use super::texts::Run;
use crate::session::Session;
use crate::wire::{Dir, LinkId};
use std::collections::HashMap;

/// Turned bytes that wait to be put in order, at most: what is said again and again turns the same ones.
const MOST_LOOSE: usize = 1 << 20;

/// A stretch that is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fill {
    start: u64,
    len: u32,
    key: [u8; 4],
    with: u8,
}

/// Turned bytes that follow one another; their bits stand in one list for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turned {
    start: u64,
    from: usize,
    len: u32,
}

/// What is changed in a direction of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    fills: Vec<Fill>,
    turned: Vec<Turned>,
    bits: Vec<u8>,
    loose: Vec<(u64, u8)>,
}

impl Lane {
    /// Overwrites what lies there.
    pub fn fill(&mut self, run: Run, with: u8) {
        let Run { mut wire, mut len, key, .. } = run;
        while len > 0 {
            // A multiple of 4, so that the key begins anew.
            let now = len.min(1 << 30);
            self.fills.push(Fill { start: wire, len: now as u32, key, with });
            wire += now;
            len -= now;
        }
    }

    /// Turns bits of a byte, whatever it is masked with.
    pub fn turn(&mut self, wire: u64, bits: u8) {
        if bits != 0 {
            self.loose.push((wire, bits));
        }
        if self.loose.len() >= MOST_LOOSE {
            self.put_in_order();
        }
    }

    /// The same bits may be turned for several secrets: they are turned once.
    fn put_in_order(&mut self) {
        let mut all = std::mem::take(&mut self.loose);
        for turned in self.turned.drain(..) {
            let bits = &self.bits[turned.from..turned.from + turned.len as usize];
            all.extend((turned.start..).zip(bits.iter().copied()));
        }
        all.sort_unstable();
        self.bits.clear();
        for (at, bits) in all {
            match self.turned.last_mut() {
                Some(last) if last.start + u64::from(last.len) == at && last.len < u32::MAX => {
                    last.len += 1;
                    self.bits.push(bits);
                }
                Some(last) if last.start + u64::from(last.len) > at => {
                    if let Some(before) = self.bits.last_mut() {
                        *before |= bits;
                    }
                }
                _ => {
                    self.turned.push(Turned { start: at, from: self.bits.len(), len: 1 });
                    self.bits.push(bits);
                }
            }
        }
    }

    fn seal(&mut self) {
        self.put_in_order();
        self.loose = Vec::new();
        // Longer ones first, so that those inside them go.
        self.fills.sort_unstable_by_key(|fill| (fill.start, std::cmp::Reverse(fill.len)));
        let mut end = 0;
        self.fills.retain(|fill| {
            let is_new = fill.start + u64::from(fill.len) > end;
            end = end.max(fill.start + u64::from(fill.len));
            is_new
        });
        self.fills.shrink_to_fit();
    }

    /// Whether bits of compressed data are turned.
    pub fn turns(&self) -> bool {
        !self.turned.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.turned.is_empty()
    }

    /// Changes bytes that begin at byte `start` of the direction.
    pub fn change(&self, start: u64, bytes: &mut [u8]) {
        let end = start + bytes.len() as u64;
        let first = self.turned.partition_point(|turned| turned.start + u64::from(turned.len) <= start);
        for turned in self.turned[first..].iter().take_while(|turned| turned.start < end) {
            for (at, bits) in (turned.start..).zip(&self.bits[turned.from..turned.from + turned.len as usize]) {
                if at >= start
                    && let Some(byte) = bytes.get_mut((at - start) as usize)
                {
                    *byte ^= bits;
                }
            }
        }
        // Sealed fills rise by their ends, too.
        let first = self.fills.partition_point(|fill| fill.start + u64::from(fill.len) <= start);
        for fill in self.fills[first..].iter().take_while(|fill| fill.start < end) {
            let from = fill.start.max(start);
            let to = (fill.start + u64::from(fill.len)).min(end);
            for at in from..to {
                bytes[(at - start) as usize] = fill.with ^ fill.key[((at - fill.start) % 4) as usize];
            }
        }
    }

    /// The stretches that are changed, rising by their beginnings.
    fn stretches(&self) -> Vec<(u64, u64)> {
        let fills = self.fills.iter().map(|fill| (fill.start, fill.start + u64::from(fill.len)));
        let turned = self.turned.iter().map(|turned| (turned.start, turned.start + u64::from(turned.len)));
        let mut all: Vec<(u64, u64)> = fills.chain(turned).collect();
        all.sort_unstable();
        all
    }
}

/// An event whose bytes are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Touched {
    seq: u64,
    lane: u32,
    /// The first byte of it in its direction.
    start: u64,
}

/// What is changed in all directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    index: HashMap<(LinkId, Dir), usize>,
    touched: Vec<Touched>,
}

impl Lanes {
    pub fn lane(&mut self, link: LinkId, dir: Dir) -> &mut Lane {
        let at = *self.index.entry((link, dir)).or_insert_with(|| {
            self.all.push(Lane::default());
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    pub fn get(&self, link: LinkId, dir: Dir) -> Option<&Lane> {
        self.index.get(&(link, dir)).map(|at| &self.all[*at])
    }

    /// Nothing more will be changed: the events that are touched are found.
    pub fn seal(&mut self, session: &Session) {
        self.all.iter_mut().for_each(Lane::seal);
        self.touched.clear();
        for ((link, dir), at) in &self.index {
            let (lane, Some(link)) = (&self.all[*at], session.link(*link)) else { continue };
            if lane.is_empty() {
                continue;
            }
            let mut seen = 0;
            for (start, end) in lane.stretches() {
                for (seq, first, next) in link.events_within(*dir, start.max(seen), end) {
                    self.touched.push(Touched { seq, lane: *at as u32, start: first });
                    seen = next;
                }
            }
        }
        self.touched.sort_unstable_by_key(|touched| touched.seq);
        self.touched.dedup();
    }

    /// Changes the bytes of an event; `None` where nothing of it changes.
    pub fn changed(&self, seq: u64, bytes: &[u8]) -> Option<Vec<u8>> {
        let at = self.touched.binary_search_by_key(&seq, |touched| touched.seq).ok()?;
        let Touched { lane, start, .. } = self.touched[at];
        let mut bytes = bytes.to_vec();
        self.all[lane as usize].change(start, &mut bytes);
        Some(bytes)
    }
}
