//! HTTP/1 stub.
#![allow(missing_docs)]

use super::{Pending, Sink, link::Switch, raw::Raw};
use crate::wire::{Dir, LinkId};

#[derive(Clone, Debug)]
pub struct Http1 {
    raw: Raw,
}

impl Http1 {
    pub fn new(link: LinkId) -> Http1 {
        Http1 { raw: Raw::new(link) }
    }
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) -> usize {
        self.raw.feed(dir, wire, bytes, out);
        bytes.len()
    }
    pub fn take_switch(&mut self) -> Option<Switch> {
        None
    }
    pub fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        self.raw.finish(dir, end, out)
    }
    pub fn pending(&self, _dir: Dir) -> Option<Pending> {
        None
    }
}
