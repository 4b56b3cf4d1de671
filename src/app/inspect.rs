//! The record that is looked at, with the layers below it: its fields, its buffers, and which bits belong to what.
//!
//! A message's own fields come first; the frames or chunks that carried it follow as parts of their own. Every part has
//! its own derived buffers, so a buffer is named by its part and number.

use crate::session::{Explained, Field, Kind, Layer, Payload, Record, RecordId, Session};
use crate::wire::{Buf, Dir, LinkId};

/// Records that are searched for the layers below, before the selected one.
const SEARCH_RECORDS: usize = 4096;
/// Parts that are shown besides the record itself.
const PARTS: usize = 64;
/// How much longer than the record a part may be to widen the view of the wire.
const WIDEN_BYTES: u64 = 64 * 1024;

/// A field of the inspected record: the part it belongs to, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// The part: 0 is the record itself.
    pub part: usize,
    /// The field's number in the part.
    pub field: usize,
}

/// A buffer that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The recorded bytes.
    Wire,
    /// A derived buffer of a part.
    Made(usize, u32),
}

/// A run of bits in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// The buffer.
    pub place: Place,
    /// The first bit, counted from the buffer's start.
    pub bit: u64,
    /// How many.
    pub bits: u64,
}

/// A buffer as a tab of the hex view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Which.
    pub place: Place,
    /// Its name.
    pub label: String,
    /// The first byte shown.
    pub start: u64,
    /// How many bytes are shown.
    pub len: u64,
}

/// A record and everything said of it.
pub struct Part {
    /// Which record.
    pub id: RecordId,
    /// What is said of it.
    pub explained: Explained,
    /// Leaves in the order of their first bit, one list a buffer.
    leaves: Vec<(Place, Vec<usize>)>,
}

/// The record that is looked at.
pub struct Inspection {
    /// The record itself first, then the layers below it.
    pub parts: Vec<Part>,
    /// The buffers.
    pub tabs: Vec<Tab>,
    link: LinkId,
    dir: Dir,
}

impl Inspection {
    /// Looks at a record.
    pub fn new(session: &Session, id: RecordId) -> Option<Inspection> {
        let record = *session.records().get(id)?;
        let mut parts = vec![Part::new(id, session.explain(id), 0)];
        if !record.kind.is_fact() {
            for below in layers_below(session, id) {
                let part = parts.len();
                parts.push(Part::new(below, session.explain(below), part));
            }
        }
        let mut inspection = Inspection { parts, tabs: Vec::new(), link: record.link, dir: record.dir };
        inspection.tabs = inspection.make_tabs(&record);
        Some(inspection)
    }

    /// The record itself.
    pub fn id(&self) -> RecordId {
        self.parts[0].id
    }

    /// What is said of the record itself.
    pub fn explained(&self) -> &Explained {
        &self.parts[0].explained
    }

    /// A field.
    pub fn field(&self, field: FieldRef) -> Option<&Field> {
        self.parts.get(field.part)?.explained.fields.get(field.field)
    }

    fn make_tabs(&self, record: &Record) -> Vec<Tab> {
        if record.kind.is_fact() {
            return Vec::new();
        }
        let (mut start, mut end) = (record.start, record.end());
        for part in &self.parts[1..] {
            let below = &part.explained.record;
            if below.len <= record.len + WIDEN_BYTES {
                start = start.min(below.start);
                end = end.max(below.end());
            }
        }
        let mut tabs = vec![Tab { place: Place::Wire, label: "wire".into(), start, len: end - start }];
        for (at, part) in self.parts.iter().enumerate() {
            for (number, made) in part.explained.made.iter().enumerate() {
                let len = made.bytes.len() as u64;
                let of = if at == 0 { String::new() } else { format!(" #{}", part.id + 1) };
                let label = format!("{}{of}", made.label);
                tabs.push(Tab { place: Place::Made(at, number as u32), label, start: 0, len });
            }
        }
        tabs
    }

    /// Bytes of a buffer.
    pub fn bytes(&self, session: &Session, place: Place, start: u64, len: usize) -> Vec<u8> {
        match place {
            Place::Wire => session.wire(self.link, self.dir, start, len),
            Place::Made(part, number) => {
                let bytes = self.parts.get(part).and_then(|part| part.explained.made.get(number as usize));
                let Some(made) = bytes else { return Vec::new() };
                let from = (start as usize).min(made.bytes.len());
                made.bytes[from..from.saturating_add(len).min(made.bytes.len())].to_vec()
            }
        }
    }

    /// The bits of a field itself.
    pub fn bits_of(&self, field: FieldRef) -> Option<Bits> {
        let span = self.field(field)?.span;
        let place = place_of(span.buf, field.part);
        (span.bits > 0).then_some(Bits { place, bit: span.bit, bits: span.bits })
    }

    /// Every run of bits that lights up for a field: its own, and the same bits in the buffers it was derived from.
    pub fn lit(&self, field: FieldRef) -> Vec<Bits> {
        self.bits_of(field).map_or_else(Vec::new, |bits| self.lit_bits(bits))
    }

    /// Every run that lights up with these bits.
    pub fn lit_bits(&self, bits: Bits) -> Vec<Bits> {
        let mut lit = vec![bits];
        match bits.place {
            Place::Made(part, number) => {
                if let Some(made) = self.parts.get(part).and_then(|part| part.explained.made.get(number as usize)) {
                    let (first, last) = (bits.bit / 8, (bits.bit + bits.bits).div_ceil(8));
                    for piece in &made.from {
                        let (from, to) = (first.max(piece.offset), last.min(piece.offset + piece.len));
                        if from < to {
                            // One byte here is one byte there, so bits keep their place within the byte.
                            let bit = bits.bit.max(from * 8);
                            let end = (bits.bit + bits.bits).min(to * 8);
                            let moved = (piece.wire * 8).wrapping_sub(piece.offset * 8);
                            lit.push(Bits { place: Place::Wire, bit: bit.wrapping_add(moved), bits: end - bit });
                        }
                    }
                }
            }
            Place::Wire => {
                for (at, part) in self.parts.iter().enumerate() {
                    for (number, made) in part.explained.made.iter().enumerate() {
                        for piece in &made.from {
                            let from = bits.bit.max(piece.wire * 8);
                            let to = (bits.bit + bits.bits).min((piece.wire + piece.len) * 8);
                            if from < to {
                                let bit = from - piece.wire * 8 + piece.offset * 8;
                                lit.push(Bits { place: Place::Made(at, number as u32), bit, bits: to - from });
                            }
                        }
                    }
                }
            }
        }
        lit
    }

    /// The narrowest leaf that has a bit in a byte; of several in the byte, the one at `bit_in_byte`.
    pub fn field_at(&self, place: Place, byte: u64, bit_in_byte: u64) -> Option<FieldRef> {
        let bit = byte * 8 + bit_in_byte.min(7);
        let found = self.parts.iter().enumerate().filter_map(|(at, part)| {
            let (_, leaves) = part.leaves.iter().find(|(leaf_place, _)| *leaf_place == place)?;
            let span = |field: &usize| part.explained.fields[*field].span;
            let end = leaves.partition_point(|field| span(field).bit <= bit);
            leaves[..end]
                .iter()
                .rev()
                .take(8)
                .find(|field| span(field).end_bit() > bit)
                .map(|field| (span(field).bits, FieldRef { part: at, field: *field }))
        });
        found.min_by_key(|(bits, field)| (*bits, field.part)).map(|(_, field)| field)
    }

    /// Leaves that touch `start..end` (bytes) of a buffer, for tinting; those of the part that tiles it most finely.
    pub fn leaves_in(&self, place: Place, start: u64, end: u64) -> Vec<(FieldRef, Bits)> {
        let mut all = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let Some((_, leaves)) = part.leaves.iter().find(|(leaf_place, _)| *leaf_place == place) else { continue };
            let span = |field: &usize| part.explained.fields[*field].span;
            let first = leaves.partition_point(|field| span(field).bit < start * 8).saturating_sub(1);
            for field in leaves[first..].iter().take_while(|field| span(field).bit < end * 8) {
                let span = span(field);
                if span.end_bit() > start * 8 {
                    let bits = Bits { place, bit: span.bit, bits: span.bits };
                    all.push((FieldRef { part: at, field: *field }, bits));
                }
            }
        }
        all
    }

    /// The field whose number says most about a record at first sight: an opcode, a status, an event's data.
    pub fn telling_field(&self) -> Option<FieldRef> {
        const TELLING: [&str; 3] = ["websocket.opcode", "http.status", "http.request.method"];
        let fields = |(at, part): (usize, &Part)| {
            (0..part.explained.fields.len()).map(move |field| FieldRef { part: at, field }).collect::<Vec<_>>()
        };
        let all: Vec<FieldRef> = self.parts.iter().enumerate().flat_map(fields).collect();
        let find = |is: &dyn Fn(&Field) -> bool| all.iter().copied().find(|at| self.field(*at).is_some_and(is));
        TELLING
            .iter()
            .find_map(|key| find(&|field| field.def.key == *key))
            .or_else(|| find(&|field| field.def.payload != Payload::No && field.span.bits > 0))
            .or_else(|| find(&|field| field.span.bits > 0))
    }

    /// How a run of bits is said: `byte 0, bits 4 to 7`.
    pub fn say_bits(&self, bits: Bits) -> String {
        let start = self.tabs.iter().find(|tab| tab.place == bits.place).map_or(0, |tab| tab.start);
        let bit = bits.bit.saturating_sub(start * 8);
        let (first, last) = (bit / 8, (bit + bits.bits.max(1) - 1) / 8);
        if bit.is_multiple_of(8) && bits.bits.is_multiple_of(8) {
            return match last - first {
                0 => format!("byte {first}"),
                _ => format!("bytes {first} to {last}"),
            };
        }
        let (from, to) = (bit % 8, (bit + bits.bits - 1) % 8);
        match (first == last, bits.bits) {
            (true, 1) => format!("byte {first}, bit {from}"),
            (true, _) => format!("byte {first}, bits {from} to {to}"),
            _ => format!("byte {first} bit {from} to byte {last} bit {to}"),
        }
    }
}

impl Part {
    fn new(id: RecordId, explained: Explained, number: usize) -> Part {
        let mut leaves: Vec<(Place, Vec<usize>)> = Vec::new();
        let fields = &explained.fields;
        for (at, field) in fields.iter().enumerate() {
            let is_group = fields.get(at + 1).is_some_and(|next| next.depth > field.depth);
            if is_group || field.span.bits == 0 {
                continue;
            }
            let place = place_of(field.span.buf, number);
            match leaves.iter_mut().find(|(leaf_place, _)| *leaf_place == place) {
                Some((_, list)) => list.push(at),
                None => leaves.push((place, vec![at])),
            }
        }
        for (_, list) in &mut leaves {
            list.sort_by_key(|at| fields[*at].span.bit);
        }
        Part { id, explained, leaves }
    }
}

fn place_of(buf: Buf, part: usize) -> Place {
    match buf {
        Buf::Wire(..) => Place::Wire,
        Buf::Made(number) => Place::Made(part, number),
    }
}

/// The records of lower layers that carried a record: frames below messages, chunks below events.
fn layers_below(session: &Session, id: RecordId) -> Vec<RecordId> {
    let records = session.records();
    let record = records[id];
    let is_content = record.kind.place(record.dir).layer != Layer::Wire && record.kind != Kind::HttpBody;
    if !is_content {
        return Vec::new();
    }
    let carries = |at: &RecordId| {
        let below = &records[*at];
        (below.link, below.dir) == (record.link, record.dir)
            && below.kind.place(below.dir).layer == Layer::Wire
            && !below.kind.is_fact()
            && below.start < record.end()
            && below.end() > record.start
            && matches!(below.kind, Kind::WsFrame | Kind::HttpChunk)
    };
    let near = id.saturating_sub(SEARCH_RECORDS)..(id + 64).min(records.len());
    let mut found: Vec<RecordId> = near.filter(carries).collect();
    found.sort_by_key(|at| records[*at].start);
    found.truncate(PARTS);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Store;
    use crate::wire::{ConnectionId, ConnectionInfo, Entry, Event, Opening, Span, What};
    use bytes::Bytes;

    /// RFC 6455 §5.7: a masked "Hello", after the upgrade.
    const FRAME: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

    fn session() -> Session {
        let mut session = Session::new(Store::memory(), 0);
        let (connection, link) = (ConnectionId(1), LinkId(1));
        session.take(Entry::Connection(ConnectionInfo { id: connection, spec: String::new(), label: "x".into() }));
        let opening =
            Opening { connection, host: "x".into(), port: 80, tls: false, purpose: "request".into(), via: None };
        let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let said = [
            What::Opening(opening),
            What::Bytes(Dir::Out, Bytes::from(request)),
            What::Bytes(Dir::In, Bytes::from(answer)),
            What::Bytes(Dir::Out, Bytes::copy_from_slice(&FRAME)),
        ];
        for (at_ns, what) in said.into_iter().enumerate() {
            session.take(Entry::Event(Event { at_ns: at_ns as u64, link, what }));
        }
        session
    }

    /// The message as it would be had it been inflated: a buffer more, whose bytes are nowhere on the wire, and a field
    /// over it.
    fn inflated() -> (Session, Inspection) {
        let session = session();
        let message = (0..session.records().len()).find(|id| session.records()[*id].kind == Kind::WsText).unwrap();
        let mut inspection = Inspection::new(&session, message).unwrap();
        let mut explained = inspection.parts[0].explained.clone();
        let mut made = explained.made[0].clone();
        (made.label, made.bytes, made.from) = ("inflated", b"Hello, inflated".to_vec(), Vec::new());
        explained.made.push(made);
        let mut field = explained.fields[0].clone();
        field.span = Span::bytes(Buf::Made(1), 0, 15);
        explained.fields.push(field);
        inspection.parts[0] = Part::new(message, explained, 0);
        inspection.tabs = inspection.make_tabs(&session.records()[message]);
        (session, inspection)
    }

    #[test]
    fn each_buffer_is_a_tab() {
        let (session, inspection) = inflated();
        let labels: Vec<&str> = inspection.tabs.iter().map(|tab| tab.label.as_str()).collect();
        assert_eq!(labels[..3], ["wire", "unmasked", "inflated"]);
        let tab = &inspection.tabs[2];
        assert_eq!(inspection.bytes(&session, tab.place, 7, 100), b"inflated");
        assert_eq!(inspection.bytes(&session, tab.place, 900, 100), b"");
    }

    #[test]
    fn what_was_inflated_lights_nothing_on_the_wire_and_is_lit_by_nothing_there() {
        let (_, inspection) = inflated();
        let (unmasked, inflated) = (inspection.tabs[1].place, inspection.tabs[2].place);
        let field = inspection.field_at(inflated, 3, 0).unwrap();
        let bits = Bits { place: inflated, bit: 0, bits: 120 };
        assert_eq!(inspection.lit(field), [bits]);
        assert_eq!(inspection.say_bits(bits), "bytes 0 to 14");
        assert_eq!(inspection.field_at(inflated, 15, 0), None);
        assert_eq!(inspection.field_at(inflated, u64::from(u32::MAX), 7), None);

        let start = inspection.tabs[0].start;
        let payload = Bits { place: Place::Wire, bit: (start + 6) * 8, bits: 40 };
        let places: Vec<Place> = inspection.lit_bits(payload).into_iter().map(|bits| bits.place).collect();
        assert!(places.contains(&unmasked) && !places.contains(&inflated), "{places:?}");
        let same = inspection.lit_bits(Bits { place: unmasked, bit: 8, bits: 4 });
        assert!(same.contains(&Bits { place: Place::Wire, bit: (start + 7) * 8, bits: 4 }), "{same:?}");
    }

    #[test]
    fn a_buffer_that_is_not_there_is_empty() {
        let (session, inspection) = inflated();
        let nowhere = Place::Made(0, 9);
        assert_eq!(inspection.bytes(&session, nowhere, 0, 10), b"");
        assert_eq!(inspection.field_at(nowhere, 0, 0), None);
        let bits = Bits { place: nowhere, bit: 0, bits: 8 };
        assert_eq!(inspection.lit_bits(bits), [bits]);
        assert_eq!(inspection.leaves_in(nowhere, 0, 10), []);
    }
}
