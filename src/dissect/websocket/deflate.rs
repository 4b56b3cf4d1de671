//! permessage-deflate (RFC 7692 §6, §7.2): what a direction's compressed messages inflate to, and where that ends.
//!
//! A message that cannot be inflated whole takes the window with it, so where the context is kept, those behind it cannot
//! be inflated either. That is said, and the frames go on.

use super::negotiation::Deflate;
use super::{Way, fields, notes};
use crate::dissect::inflate::{Block, BlockKind, Fault, Inflate, STATE_BYTES, Told};
use crate::dissect::{Content, NoteDef, Place, Sink, Value};

/// A message that passes the limit is inflated on, untold, so that those behind it can be read: up to so many times the
/// limit.
const BEYOND_LIMIT: u64 = 16;

/// How many blocks of a message are told one by one.
const BLOCKS_TOLD: u32 = 1000;

/// How many bytes a message may inflate to where nobody says otherwise.
pub const INFLATE_LIMIT_BYTES: u64 = 64 << 20;

/// Where compressed bytes lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub way: Way,
    /// One of their bytes on the wire.
    pub wire: u64,
}

/// The compressed messages of a direction.
#[derive(Clone, Debug)]
pub(super) struct Inflater {
    keeps_context: bool,
    window_bytes: u32,
    limit_bytes: u64,
    inflate: Option<Inflate>,
    /// An earlier message was not inflated whole, and its bytes would be needed.
    is_lost: bool,
    /// How long the inflated stream is by now.
    len: u64,
}

/// A compressed message under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compressed {
    /// Where it begins in the content stream and in the inflated one.
    content_start: u64,
    inflated_start: u64,
    /// What it inflated to by now.
    len: u64,
    /// What else it inflated to, beyond the limit.
    beyond: u64,
    /// Its content bytes whose blocks were told, and how many blocks those are.
    covered: u64,
    blocks: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Going,
    /// It went so far beyond the limit that its rest was not inflated.
    Capped,
    /// It is no DEFLATE from about this bit on.
    Faulty(Fault, u64),
    /// It may refer to what was not inflated.
    Lost,
}

impl Inflater {
    /// For what is sent in the direction of `way`.
    pub fn new(way: Way, deflate: &Deflate, limit_bytes: u64) -> Inflater {
        Inflater {
            keeps_context: deflate.has_context_takeover(way.dir),
            window_bytes: deflate.window_bytes(way.dir),
            limit_bytes,
            inflate: None,
            is_lost: false,
            len: 0,
        }
    }

    /// About how much memory it holds.
    pub fn weight_bytes(&self) -> usize {
        if self.inflate.is_some() { STATE_BYTES } else { 0 }
    }

    /// A compressed message begins at that byte of the content.
    pub fn begin(&mut self, content_start: u64) -> Compressed {
        let state = if self.is_lost { State::Lost } else { State::Going };
        if state == State::Going {
            self.inflate.get_or_insert_default().begin(self.keeps_context);
        }
        Compressed { content_start, inflated_start: self.len, len: 0, beyond: 0, covered: 0, blocks: 0, state }
    }

    /// More of a message, unmasked: what it inflates to is told, and given to `each`.
    pub fn feed(
        &mut self,
        message: &mut Compressed,
        at: At,
        bytes: &[u8],
        out: &mut impl Sink,
        mut each: impl FnMut(&[u8]),
    ) {
        self.run(message, at, u64::MAX, out, &mut each, |inflate, told| inflate.feed(bytes, told));
    }

    fn run<S: Sink>(
        &mut self,
        message: &mut Compressed,
        at: At,
        content_len: u64,
        out: &mut S,
        each: &mut impl FnMut(&[u8]),
        go_on: impl FnOnce(&mut Inflate, &mut dyn FnMut(Told) -> bool) -> Result<(), Fault>,
    ) {
        let Some(inflate) = self.inflate.as_mut().filter(|_| message.state == State::Going) else { return };
        let At { way, wire } = at;
        let limit_bytes = self.limit_bytes;
        let mut is_capped = false;
        let mut told = |told: Told| match told {
            Told::Bytes(bytes) => {
                let room = limit_bytes - message.len;
                let now = &bytes[..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
                if out.full() {
                    let offset = message.inflated_start + message.len;
                    out.content(Place::inflated(way.dir), offset, wire, Content::Inflated, now);
                }
                each(now);
                message.len += now.len() as u64;
                message.beyond += (bytes.len() - now.len()) as u64;
                is_capped = message.beyond / BEYOND_LIMIT > limit_bytes;
                !is_capped
            }
            Told::Block(block) => {
                message.block(&block, way, content_len, out);
                true
            }
        };
        let result = go_on(inflate, &mut told);
        if is_capped {
            message.state = State::Capped;
        } else if let Err(fault) = result {
            message.state = State::Faulty(fault, inflate.used_bits());
        }
    }

    /// Ends a message of `content_len` compressed bytes, the last of which is byte `wire`: what is wrong with it is noted.
    /// Not complete, it was cut off.
    pub fn end(
        &mut self,
        message: &mut Compressed,
        at: At,
        content_len: u64,
        is_complete: bool,
        out: &mut impl Sink,
        mut each: impl FnMut(&[u8]),
    ) {
        if is_complete {
            self.run(message, at, content_len, out, &mut each, |inflate, told| inflate.end(told));
        }
        let way = at.way;
        let place = Place::content(way.dir);
        let (bit, bits) = (message.content_start * 8, content_len * 8);
        let mut note = |def: &'static NoteDef, detail: String| out.note(place, def, bit, bits, || detail);
        let farthest = self.inflate.as_ref().map_or(0, Inflate::farthest_bytes) as u64;
        let limit = self.limit_bytes;
        match message.state {
            State::Capped => {
                note(
                    &notes::INFLATE_CAPPED,
                    format!("the limit is {limit} bytes, and it goes beyond {BEYOND_LIMIT} times that"),
                );
            }
            _ if message.beyond > 0 => {
                let all = message.len + message.beyond;
                note(&notes::INFLATE_CAPPED, format!("the limit is {limit} bytes, and it inflates to {all}"));
            }
            _ => {}
        }
        match message.state {
            State::Going if farthest > u64::from(self.window_bytes) => {
                let agreed = self.window_bytes;
                note(&notes::DEFLATE_WINDOW, format!("{farthest} bytes back, and {agreed} were agreed on"));
            }
            State::Going if self.inflate.as_ref().is_some_and(Inflate::is_filled_badly) => {
                note(&notes::DEFLATE_PADDING, String::new());
            }
            State::Going | State::Capped => {}
            State::Faulty(fault, bit) => {
                let alone = match (fault, self.keeps_context) {
                    (Fault::Distance, false) => " of this message, since no context is kept",
                    _ => "",
                };
                note(&notes::DEFLATE_INVALID, format!("after bit {bit}: {}{alone}", fault.text()));
            }
            State::Lost => note(&notes::NOT_INFLATED, String::new()),
        }
        if out.full() {
            message.tell(way, content_len, self.keeps_context, self.window_bytes, out);
        }
        self.is_lost = self.keeps_context && (!is_complete || message.state != State::Going);
        self.len = message.inflated_start + message.len;
    }
}

impl Compressed {
    /// How many bytes it came to.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Where it begins in the inflated stream.
    pub fn inflated_start(&self) -> u64 {
        self.inflated_start
    }

    /// Whether all of it was inflated and told.
    pub fn is_whole(&self) -> bool {
        self.state == State::Going && self.beyond == 0
    }

    /// Whether nothing of it was inflated, because that cannot be.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// A block ended; the message has no more than `content_len` bytes, so what was left out at its end is not shown.
    fn block(&mut self, block: &Block, way: Way, content_len: u64, out: &mut impl Sink) {
        self.blocks += 1;
        if self.blocks > BLOCKS_TOLD {
            return;
        }
        let (from, to) = (self.covered, block.end_bit.div_ceil(8).clamp(self.covered, content_len));
        self.covered = to;
        if out.full() {
            let (start, len) = (self.content_start + from, to - from);
            let value = Value::Says(block_text(block).into());
            out.field(Place::content(way.dir), &fields::DEFLATE_BLOCK, start * 8, len * 8, value, 1);
        }
    }

    /// Tells the compressed bytes, and what they came to.
    fn tell(&self, way: Way, content_len: u64, keeps_context: bool, window_bytes: u32, out: &mut impl Sink) {
        let place = Place::content(way.dir);
        let (start, len) = (self.content_start, content_len);
        if self.is_lost() {
            return fields::tell_bytes(out, place, &fields::NOT_INFLATED, start, len, Value::Bytes);
        }
        let end = (start + len) * 8;
        fields::tell_bytes(out, place, &fields::COMPRESSED, start, len, Value::Bytes);
        if self.blocks > 0 && self.covered < len {
            let def = &fields::DEFLATE_REST;
            out.field(place, def, (start + self.covered) * 8, (len - self.covered) * 8, Value::Bytes, 1);
        }
        // How far beyond the limit it was left depends on how it was cut.
        let inflated = if self.state == State::Capped { self.len } else { self.len + self.beyond };
        let times = if len > 0 { inflated as f64 / len as f64 } else { 0.0 };
        let ratio = format!("{len} → {inflated} bytes, {times:.1} times as long");
        let context = if keeps_context { "kept from message to message" } else { "forgotten after each message" };
        let window = format!("{window_bytes} bytes, {context}");
        out.field(place, &fields::DEFLATE_RATIO, end, 0, Value::Says(ratio.into()), 1);
        out.field(place, &fields::DEFLATE_WINDOW, end, 0, Value::Says(window.into()), 1);
    }
}

fn block_text(block: &Block) -> String {
    let kind = match block.kind {
        BlockKind::Stored => "stored",
        BlockKind::Fixed => "fixed codes",
        BlockKind::Dynamic => "codes of its own",
    };
    let last = if block.is_final { ", final" } else { "" };
    let Block { start_bit, end_bit, literals, matches, len_bytes, .. } = block;
    let bits = end_bit - start_bit;
    match len_bytes {
        0 => format!("{kind}{last}, empty"),
        _ => format!("{kind}{last}, {bits} bits: {literals} literals and {matches} copies make {len_bytes} bytes"),
    }
}
