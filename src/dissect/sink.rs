//! What dissectors tell: fields, notes, derived content and records; and the cheap listener of the live path.

use super::{Kind, Record, Severity};
use crate::wire::{Dir, Span};
use std::borrow::Cow;

/// The streams of bytes that a link's direction is read as. Each is tiled by its own leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Layer {
    /// The recorded bytes. Offsets count from the link's first byte.
    Wire,
    /// What the framing carries: bodies without their chunk lines, WebSocket data without frame headers and masks.
    Content,
    /// What control frames carry.
    Control,
    /// What compressed messages inflate to.
    Inflated,
}

/// A layer of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The direction.
    pub dir: Dir,
    /// The layer.
    pub layer: Layer,
}

impl Place {
    /// How many places a link has.
    pub const COUNT: usize = 8;

    /// The layer of recorded bytes.
    pub fn wire(dir: Dir) -> Place {
        Place { dir, layer: Layer::Wire }
    }

    /// The layer of what the framing carries.
    pub fn content(dir: Dir) -> Place {
        Place { dir, layer: Layer::Content }
    }

    /// The layer of control frames' payloads.
    pub fn control(dir: Dir) -> Place {
        Place { dir, layer: Layer::Control }
    }

    /// The layer of what compressed messages inflate to.
    pub fn inflated(dir: Dir) -> Place {
        Place { dir, layer: Layer::Inflated }
    }

    /// 0..[`Place::COUNT`].
    pub fn index(self) -> usize {
        self.dir.index() * 4 + self.layer as usize
    }
}

/// Whether a field's bytes belong to what the message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// Framing.
    #[default]
    No,
    /// Payload; several are joined as they stand.
    Part,
    /// A line of payload; several are joined by a line feed (the `data` lines of an event).
    Line,
}

/// A kind of field: one row of a protocol's static table. It serves filters and lessons alike.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldDef {
    /// The filter key, such as `websocket.opcode`.
    pub key: &'static str,
    /// The standard's own name for it.
    pub label: &'static str,
    /// One line on what it is for.
    pub help: &'static str,
    /// Where it is specified, such as `RFC 6455 §5.2`.
    pub spec: &'static str,
    /// Whether its bytes are payload.
    pub payload: Payload,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A group: its members follow, one deeper.
    Group,
    /// The bytes of the span.
    Bytes,
    /// The bytes of the span, read as UTF-8.
    Text,
    /// A number.
    Number(u64),
    /// A number with a name.
    Named(u64, &'static str),
    /// A flag.
    Flag(bool),
    /// Something computed.
    Says(Cow<'static, str>),
}

/// A field of a record. Fields come in reading order; a member of a group follows it with a greater depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What kind of field.
    pub def: &'static FieldDef,
    /// Its bits.
    pub span: Span,
    /// The stream it was read from. The leaves of each layer tile that layer.
    pub layer: Layer,
    /// What it says.
    pub value: Value,
    /// 0 for the outermost.
    pub depth: u8,
}

/// A kind of note: a rule, and how bad it is to break it.
#[derive(Debug, PartialEq, Eq)]
pub struct NoteDef {
    /// A stable key, such as `websocket.reserved-bits`.
    pub key: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What it means, in one sentence.
    pub text: &'static str,
    /// The rule, such as `RFC 6455 §5.2`.
    pub spec: &'static str,
}

/// A note on a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The rule.
    pub def: &'static NoteDef,
    /// The bits it is about.
    pub span: Span,
    /// What was seen here, where that says more than the rule.
    pub detail: String,
}

/// How content came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// The wire's own bytes.
    Verbatim,
    /// The wire's bytes with the masking key taken off (RFC 6455 §5.3).
    Unmasked,
    /// Compressed bytes inflated (RFC 7692 §7.2.2): no byte of it is a byte of the wire.
    Inflated,
}

/// Whoever listens to a dissector.
///
/// Offsets of fields and notes are bits of the place's own stream (see [`Layer`]); those of records are wire bytes.
/// Fields, notes and content that were told for a place since its last record belong to its next record.
pub trait Sink {
    /// Whether fields, the details of notes, and content are wanted. A dissector need not tell them otherwise.
    fn full(&self) -> bool;

    /// A field of the place's next record.
    fn field(&mut self, place: Place, def: &'static FieldDef, bit: u64, bits: u64, value: Value, depth: u8);

    /// A note on the place's next record. Told in every pass; `detail` is asked for only in a full one.
    fn note(&mut self, place: Place, def: &'static NoteDef, bit: u64, bits: u64, detail: impl FnOnce() -> String);

    /// Bytes of a derived layer, in order: they begin at `offset` of that layer's stream and at byte `wire` of the wire;
    /// inflated ones come from what was told last of the content, which began there.
    fn content(&mut self, place: Place, offset: u64, wire: u64, how: Content, bytes: &[u8]);

    /// A record is complete. Its `worst` is set by the sink, from the notes.
    fn record(&mut self, place: Place, record: Record);
}

/// The sink of the live path: records only.
#[derive(Default)]
pub struct Summary {
    /// What was told so far, oldest first; the owner takes it.
    pub records: Vec<Record>,
    worst: [Severity; Place::COUNT],
}

impl Summary {
    /// Continues from a checkpoint: notes that waited for a record then.
    pub fn with_worst(worst: [Severity; Place::COUNT]) -> Summary {
        Summary { records: Vec::new(), worst }
    }

    /// The notes that wait for a record, to be kept with a checkpoint.
    pub fn worst(&self) -> [Severity; Place::COUNT] {
        self.worst
    }
}

impl Sink for Summary {
    #[inline]
    fn full(&self) -> bool {
        false
    }

    #[inline]
    fn field(&mut self, _: Place, _: &'static FieldDef, _: u64, _: u64, _: Value, _: u8) {}

    fn note(&mut self, place: Place, def: &'static NoteDef, _: u64, _: u64, _: impl FnOnce() -> String) {
        let worst = &mut self.worst[place.index()];
        *worst = (*worst).max(def.severity);
    }

    #[inline]
    fn content(&mut self, _: Place, _: u64, _: u64, _: Content, _: &[u8]) {}

    fn record(&mut self, place: Place, mut record: Record) {
        record.worst = std::mem::take(&mut self.worst[place.index()]);
        if place.layer == Layer::Content {
            record.worst = record.worst.max(std::mem::take(&mut self.worst[Place::inflated(place.dir).index()]));
        }
        self.records.push(record);
    }
}

/// A gap: bytes that no dissector understands.
pub static GAP: FieldDef = FieldDef {
    key: "gap",
    label: "not understood",
    help: "Bytes that do not fit the protocol spoken on this link, shown as they are",
    spec: "",
    payload: Payload::Part,
};

/// Tells a gap record over a stretch of wire.
pub fn gap(out: &mut impl Sink, link: crate::wire::LinkId, dir: Dir, start: u64, len: u64) {
    if len == 0 {
        return;
    }
    let place = Place::wire(dir);
    out.field(place, &GAP, start * 8, len * 8, Value::Bytes, 0);
    let flags = super::Flags::MESSAGE.and(super::Flags::IN_PLACE);
    let kind = Kind::Gap;
    out.record(
        place,
        Record { start, len, payload_len: len, link, detail: 0, kind, dir, worst: Severity::None, flags },
    );
}
