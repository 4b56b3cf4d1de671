//! The sink of the full pass: fields, notes and derived buffers of the records that are looked at.

use super::{Content, Field, FieldDef, Kind, Layer, Note, NoteDef, Payload, Place, Record, Severity, Sink, Value};
use crate::wire::{Buf, Dir, LinkId, Span};

/// Wire bytes that are kept while every record is explained; records longer than half of it may lack payload.
pub const WINDOW_BYTES: usize = 4 << 20;

/// Everything that is to say of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The record.
    pub record: Record,
    /// Its fields, in reading order.
    pub fields: Vec<Field>,
    /// Its notes.
    pub notes: Vec<Note>,
    /// The buffers that were derived for it; [`Buf::Made`] counts them.
    pub made: Vec<Made>,
    /// What the message says, framing taken off.
    pub payload: Vec<u8>,
    /// How many payload bytes were left out because they passed the limit.
    pub payload_left_out: u64,
}

impl Explained {
    /// Nothing but the record.
    pub fn bare(record: Record) -> Explained {
        Explained {
            record,
            fields: Vec::new(),
            notes: Vec::new(),
            made: Vec::new(),
            payload: Vec::new(),
            payload_left_out: 0,
        }
    }
}

/// A derived buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What it is called: `unmasked`, `joined`, `inflated`.
    pub label: &'static str,
    /// Its bytes, up to the sink's limit.
    pub bytes: Vec<u8>,
    /// Where they come from: offset in this buffer, first wire byte, length. One byte here is one byte there; empty where
    /// that cannot be said, as of inflated bytes.
    pub from: Vec<Piece>,
}

/// A run of a derived buffer and where it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset in the derived stream or buffer.
    pub offset: u64,
    /// First wire byte.
    pub wire: u64,
    /// Bytes.
    pub len: u64,
}

impl Made {
    /// The wire runs that the bytes `start..end` of this buffer come from.
    pub fn wire_runs(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let overlap = |piece: &Piece| {
            let first = start.max(piece.offset);
            let last = end.min(piece.offset + piece.len);
            (first < last).then(|| (piece.wire + first - piece.offset, last - first))
        };
        self.from.iter().filter_map(overlap).collect()
    }
}

#[derive(Default)]
struct Waiting {
    fields: Vec<(&'static FieldDef, u64, u64, Value, u8)>,
    notes: Vec<(&'static NoteDef, u64, u64, String)>,
    pieces: Vec<Piece>,
    bytes: Vec<u8>,
    how: Option<Content>,
    worst: Severity,
}

impl Waiting {
    /// Takes what belongs to a record that just completed; content past its last wire byte stays.
    fn take(&mut self, record: &Record) -> Waiting {
        let mut taken = std::mem::take(self);
        if taken.how == Some(Content::Inflated) {
            return taken;
        }
        let Some(cut) = taken.pieces.iter().position(|p| p.wire + p.len > record.end()) else { return taken };
        let mut rest: Vec<Piece> = taken.pieces.split_off(cut);
        self.how = taken.how;
        let inside = record.end().saturating_sub(rest[0].wire);
        if inside > 0 {
            taken.pieces.push(Piece { len: inside, ..rest[0] });
            rest[0] = Piece { offset: rest[0].offset + inside, wire: rest[0].wire + inside, len: rest[0].len - inside };
        }
        let kept: u64 = taken.pieces.iter().map(|p| p.len).sum();
        self.bytes = taken.bytes.split_off((kept as usize).min(taken.bytes.len()));
        self.pieces = rest;
        taken
    }
}

/// The full sink. It explains every record, or only a wanted one.
///
/// It keeps what was told for a place until that place's next record, so it must be fed from a point where no unit that
/// is wanted has begun.
pub struct Full {
    link: LinkId,
    limit_bytes: usize,
    wanted: Option<Record>,
    waiting: [Waiting; Place::COUNT],
    /// What was explained, oldest first.
    pub explained: Vec<Explained>,
    /// Payload that lies on the wire itself is looked up here: (direction, first byte, bytes).
    wire: [(u64, Vec<u8>); 2],
}

impl Full {
    /// Explains every record of `link`, keeping at most `limit_bytes` of each derived buffer.
    pub fn every(link: LinkId, limit_bytes: usize) -> Full {
        let waiting = std::array::from_fn(|_| Waiting::default());
        Full { link, limit_bytes, wanted: None, waiting, explained: Vec::new(), wire: Default::default() }
    }

    /// Explains the record that equals `wanted` but for `worst`. `explained` stays empty until it came by.
    pub fn only(wanted: Record, limit_bytes: usize) -> Full {
        Full { wanted: Some(wanted), ..Full::every(wanted.link, limit_bytes) }
    }

    /// Continues from a checkpoint: notes that waited for a record then.
    pub fn with_worst(mut self, worst: [Severity; Place::COUNT]) -> Full {
        for (waiting, worst) in self.waiting.iter_mut().zip(worst) {
            waiting.worst = worst;
        }
        self
    }

    /// Lets the sink see wire bytes before they are fed, so that payload can be read from them.
    pub fn saw(&mut self, dir: Dir, start: u64, bytes: &[u8]) {
        let (first, kept) = &mut self.wire[dir.index()];
        let (mut start, mut bytes) = (start, bytes);
        if let Some(wanted) = &self.wanted {
            if wanted.dir != dir || start + bytes.len() as u64 <= wanted.start || start >= wanted.end() {
                return;
            }
            if start < wanted.start {
                bytes = &bytes[(wanted.start - start) as usize..];
                start = wanted.start;
            }
        }
        if kept.is_empty() {
            *first = start;
        }
        if self.wanted.is_none() {
            // Every record is explained: a window of the newest bytes slides along.
            if kept.len() > WINDOW_BYTES.max(self.limit_bytes) {
                let gone = kept.len() - WINDOW_BYTES / 2;
                kept.drain(..gone);
                *first += gone as u64;
            }
            kept.extend_from_slice(bytes);
            return;
        }
        let room = self.limit_bytes.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What can be said of a record that is too long to be fed whole: its fields so far, and its payload so far.
    pub fn unfinished(&mut self, record: Record) -> Option<Explained> {
        let place = record.kind.place(record.dir);
        let inflated = &self.waiting[Place::inflated(record.dir).index()].bytes;
        let content = if inflated.is_empty() { &self.waiting[place.index()].bytes } else { inflated }.clone();
        let mut explained = self.build(place, record);
        if explained.payload.is_empty() {
            explained.payload = content;
        }
        explained.payload_left_out = record.payload_len.saturating_sub(explained.payload.len() as u64);
        Some(explained)
    }

    fn wants(&self, dir: Dir, wire: u64, len: u64) -> bool {
        self.wanted.is_none_or(|w| w.dir == dir && wire < w.end() && wire + len > w.start)
    }

    /// The places whose waiting fields belong to a record told at `place`. A whole body is both: a stretch of wire and
    /// what it says. A message is its content and what that inflates to.
    fn places(place: Place, kind: Kind) -> impl Iterator<Item = Place> {
        let below = (kind == Kind::HttpBody && place.layer == Layer::Content).then(|| Place::wire(place.dir));
        let above = matches!(kind, Kind::WsText | Kind::WsBinary).then(|| Place::inflated(place.dir));
        below.into_iter().chain([place]).chain(above)
    }

    fn build(&mut self, place: Place, record: Record) -> Explained {
        let mut explained = Explained::bare(record);
        explained.record.worst = Severity::None;
        for place in Self::places(place, record.kind) {
            let waiting = self.waiting[place.index()].take(&record);
            let (buf, base, made) = self.buffer_of(place, &waiting, explained.made.len());
            explained.made.extend(made);
            // Where a derived stream brought no bytes, its offsets have no counterpart: notes are on the whole record.
            let is_empty = place.layer != Layer::Wire && waiting.pieces.is_empty();
            let whole = Span::bytes(buf, record.start, record.len);
            let span = |bit: u64, bits: u64| match is_empty {
                true => Span { bits: 0, ..whole },
                false => Span { buf, bit: bit.wrapping_add(base.wrapping_mul(8)), bits },
            };
            let mut fields = waiting.fields;
            fields.sort_by_key(|(_, bit, bits, _, depth)| (*bit, std::cmp::Reverse(*bits), *depth));
            explained.fields.extend(fields.into_iter().map(|(def, bit, bits, value, depth)| Field {
                def,
                span: span(bit, bits),
                layer: place.layer,
                value,
                depth,
            }));
            let about = |bit, bits| if is_empty { whole } else { span(bit, bits) };
            let note = |(def, bit, bits, detail)| Note { def, span: about(bit, bits), detail };
            explained.notes.extend(waiting.notes.into_iter().map(note));
            explained.record.worst = explained.record.worst.max(waiting.worst);
        }
        self.fill_payload(&mut explained);
        explained
    }

    /// The buffer that a place's stream is shown as, and what to add to stream offsets (in bytes) to point into it.
    fn buffer_of(&self, place: Place, waiting: &Waiting, number: usize) -> (Buf, u64, Option<Made>) {
        let wire = Buf::Wire(self.link, place.dir);
        if place.layer == Layer::Wire {
            return (wire, 0, None);
        }
        let Some(first) = waiting.pieces.first() else { return (wire, 0, None) };
        if place.layer == Layer::Inflated {
            let made = Made { label: "inflated", bytes: waiting.bytes.clone(), from: Vec::new() };
            return (Buf::Made(number as u32), 0u64.wrapping_sub(first.offset), Some(made));
        }
        if waiting.how == Some(Content::Verbatim) && waiting.pieces.len() == 1 {
            return (wire, first.wire.wrapping_sub(first.offset), None);
        }
        let label = match (waiting.how, waiting.pieces.len()) {
            (Some(Content::Unmasked), 1) => "unmasked",
            (Some(Content::Unmasked), _) => "unmasked and joined",
            _ => "joined",
        };
        let from = waiting.pieces.iter().map(|p| Piece { offset: p.offset - first.offset, ..*p }).collect();
        let made = Made { label, bytes: waiting.bytes.clone(), from };
        (Buf::Made(number as u32), 0u64.wrapping_sub(first.offset), Some(made))
    }

    fn fill_payload(&self, explained: &mut Explained) {
        let (first, wire) = &self.wire[explained.record.dir.index()];
        let mut lines = 0;
        for field in explained.fields.iter().filter(|field| field.def.payload != Payload::No) {
            if field.def.payload == Payload::Line {
                if lines > 0 {
                    explained.payload.push(b'\n');
                }
                lines += 1;
            }
            let (start, end) = (field.span.start_byte(), field.span.end_byte());
            let (source, start, end) = match field.span.buf {
                Buf::Made(n) => (&explained.made[n as usize].bytes, start, end),
                Buf::Wire(..) if start < *first => {
                    explained.payload_left_out += end - start;
                    continue;
                }
                Buf::Wire(..) => (wire, start - *first, end - *first),
            };
            let available = source.len() as u64;
            let bytes = &source[start.min(available) as usize..end.min(available) as usize];
            let room = self.limit_bytes.saturating_sub(explained.payload.len());
            let bytes = &bytes[..bytes.len().min(room)];
            explained.payload_left_out += (end - start) - bytes.len() as u64;
            explained.payload.extend_from_slice(bytes);
        }
    }
}

impl Sink for Full {
    fn full(&self) -> bool {
        true
    }

    fn field(&mut self, place: Place, def: &'static FieldDef, bit: u64, bits: u64, value: Value, depth: u8) {
        if place.layer == Layer::Wire && !self.wants(place.dir, bit / 8, bits.div_ceil(8).max(1)) {
            return;
        }
        self.waiting[place.index()].fields.push((def, bit, bits, value, depth));
    }

    fn note(&mut self, place: Place, def: &'static NoteDef, bit: u64, bits: u64, detail: impl FnOnce() -> String) {
        let waiting = &mut self.waiting[place.index()];
        waiting.worst = waiting.worst.max(def.severity);
        waiting.notes.push((def, bit, bits, detail()));
    }

    fn content(&mut self, place: Place, offset: u64, wire: u64, how: Content, bytes: &[u8]) {
        let wire_len = if how == Content::Inflated { 1 } else { bytes.len() as u64 };
        if bytes.is_empty() || !self.wants(place.dir, wire, wire_len) {
            return;
        }
        let room = self.limit_bytes;
        let waiting = &mut self.waiting[place.index()];
        let len = bytes.len() as u64;
        match waiting.pieces.last_mut() {
            // What is inflated has an offset, and no place on the wire.
            Some(last) if how == Content::Inflated && last.offset + last.len == offset => last.len += len,
            Some(last) if last.wire + last.len == wire && last.offset + last.len == offset => last.len += len,
            _ => waiting.pieces.push(Piece { offset, wire, len }),
        }
        waiting.how = Some(waiting.how.map_or(how, |before| if before == how { how } else { Content::Unmasked }));
        let room = room.saturating_sub(waiting.bytes.len());
        waiting.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn record(&mut self, place: Place, record: Record) {
        let is_wanted = match &self.wanted {
            None => true,
            Some(wanted) => self.explained.is_empty() && Record { worst: wanted.worst, ..record } == *wanted,
        };
        if is_wanted {
            let explained = self.build(place, record);
            self.explained.push(explained);
        } else {
            for place in Self::places(place, record.kind) {
                self.waiting[place.index()].take(&record);
            }
        }
    }
}
