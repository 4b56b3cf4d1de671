//! One side of a comparison: what a connection or a recording says, message by message, as numbers that tell whether two
//! of them are equal.

use super::Progress;
use super::align::By;
use super::content::{Key, Rules};
use crate::dissect::unmask;
use crate::session::filter::Filter;
use crate::session::payloads::Payloads;
use crate::session::{Flags, Kind, Record, RecordId, Session, is_message};
use crate::wire::{ConnectionId, Dir};
use std::collections::HashMap;
use std::hash::Hasher;
use std::ops::Range;

/// Messages of a side that are compared; what comes behind them is counted.
pub const ITEM_LIMIT: usize = 4_000_000;
/// A longer message is compared by its bytes, piece by piece.
const WHOLE_LIMIT_BYTES: u64 = 16 << 20;
/// Of one that is not on the wire in one piece, no more is compared.
const JOINED_LIMIT_BYTES: usize = 128 << 20;
/// Bytes of a long message that are looked at in one go; a multiple of the masking key's length.
const PIECE_BYTES: usize = 64 << 10;
/// Bytes of a head that are looked at.
const HEAD_LIMIT_BYTES: usize = 64 << 10;
/// Records that are looked at between two reports.
const STRETCH: usize = 512;

/// Which records of a recording are compared.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// One connection only.
    pub connection: Option<ConnectionId>,
    /// Records that match; without one, the messages that the two sides sent, pings and pongs aside.
    pub filter: Option<Filter>,
}

/// A message as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The same for messages that are equal.
    pub content: u64,
    /// The same for messages that bear the same key.
    pub key: Option<u64>,
    /// When it was complete, in nanoseconds since its connection was opened.
    pub at_ns: u64,
    /// The number of its connection among those of its side, from 0.
    pub connection: u32,
    /// Whether it was received.
    pub is_in: bool,
    /// A checksum of what it says, which unlike [`Item::content`] is the same each time: where two sides could change
    /// places, it says which of them comes first.
    pub sum: u32,
    /// The record.
    pub id: u32,
}

/// What is known of what a message says.
#[derive(Clone, Copy, Default)]
struct Says {
    content: u64,
    key: Option<u64>,
    sum: u32,
}

/// What a side says.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its messages.
    pub items: Vec<Item>,
    /// Messages behind the last that is compared, for there are too many.
    pub left_out: u64,
    /// Messages that were compared only as far as they could be read.
    pub cut: u64,
    /// Messages that have no key, where they are aligned by one.
    pub without_key: u64,
}

impl Side {
    /// What is to say of it, in sentences.
    pub fn reservations(&self) -> Vec<String> {
        let counted = [
            (self.left_out, format!("not compared, behind the first {ITEM_LIMIT}")),
            (self.cut, "compared only as far as they could be read".to_owned()),
            (self.without_key, "without such a key, aligned by what they say".to_owned()),
        ];
        let said = counted.into_iter().filter(|(count, _)| *count > 0);
        said.map(|(count, what)| format!("messages {what}: {count}")).collect()
    }
}

/// Reads a side, stretch by stretch, as its records come.
pub struct Collector {
    scope: Scope,
    rules: Rules,
    key: Option<Key>,
    connections: HashMap<ConnectionId, (u32, u64)>,
    side: Side,
}

/// Reads a side of a recording that is all there.
pub fn collect(session: &Session, collector: Collector, progress: Progress) -> Option<Side> {
    let mut collector = collector;
    let total = session.records().len();
    for first in (0..total).step_by(STRETCH) {
        collector.take(session, first..total.min(first + STRETCH));
        if !progress(first as u64, total as u64) {
            return None;
        }
    }
    Some(collector.finish())
}

impl Collector {
    /// A side that is to be aligned by this; an error names a JSONPath that is none.
    pub fn new(scope: Scope, rules: Rules, by: &By) -> Result<Collector, String> {
        let key = match by {
            By::Key(path) => Some(Key::parse(path)?),
            _ => None,
        };
        Ok(Collector { scope, rules, key, connections: HashMap::new(), side: Side::default() })
    }

    /// Looks at new records.
    pub fn take(&mut self, session: &Session, ids: Range<RecordId>) {
        let mut first = ids.start;
        while first < ids.end {
            let end = ids.end.min(first + STRETCH);
            self.stretch(session, first..end);
            first = end;
        }
    }

    fn stretch(&mut self, session: &Session, ids: Range<RecordId>) {
        let is_of_scope = |record: &Record| {
            let wanted = |wanted| session.connection_of(record) == wanted;
            self.scope.connection.is_none_or(wanted) && (self.scope.filter.is_some() || is_said(record))
        };
        let records = ids.clone().zip(session.records().range(ids));
        let mut chosen: Vec<RecordId> = records.filter(|(_, record)| is_of_scope(record)).map(|(id, _)| id).collect();
        if let Some(filter) = &self.scope.filter {
            chosen = filter.select(session, &chosen);
        }
        let room = ITEM_LIMIT.saturating_sub(self.side.items.len());
        self.side.left_out += chosen.len().saturating_sub(room) as u64;
        chosen.truncate(room);
        let mut rest = Vec::new();
        let mut payloads = Payloads::new(session);
        let first_item = self.side.items.len();
        for id in &chosen {
            let record = &session.records()[*id];
            let told = match record.payload_len {
                0..=WHOLE_LIMIT_BYTES if is_plain(record.kind) => {
                    payloads.of(record, WHOLE_LIMIT_BYTES as usize).map(|payload| self.of_payload(record, &payload))
                }
                0..=WHOLE_LIMIT_BYTES => None,
                _ => Some(self.of_long(session, *id)),
            };
            if told.is_none() {
                rest.push((self.side.items.len(), *id));
            }
            let item = self.item(session, *id, told.unwrap_or_default());
            self.side.items.push(item);
        }
        self.look_up(session, &rest);
        if self.key.is_some() {
            let new = &self.side.items[first_item..];
            self.side.without_key += new.iter().filter(|item| item.key.is_none()).count() as u64;
        }
    }

    /// Those whose payload does not lie on the wire as it is.
    fn look_up(&mut self, session: &Session, places: &[(usize, RecordId)]) {
        let ids: Vec<RecordId> = places.iter().map(|(_, id)| *id).collect();
        let mut places = places.iter();
        for ids in session.stretches(&ids, WHOLE_LIMIT_BYTES as usize) {
            for (id, explained) in ids.iter().zip(session.explain_all(ids, WHOLE_LIMIT_BYTES as usize)) {
                let Some((at, _)) = places.next() else { return };
                let record = &session.records()[*id];
                let text = |key: &str| {
                    let field = explained.fields.iter().find(|field| field.def.key == key)?;
                    Some(session.field_text(&explained, field, HEAD_LIMIT_BYTES))
                };
                let line = match record.kind {
                    // Of a close frame the code counts, too.
                    kind if kind.is_fact() || kind == Kind::WsClose => Some(session.line(&explained)),
                    Kind::HttpRequest => Some(
                        [text("http.request.method"), text("http.request.target")]
                            .map(Option::unwrap_or_default)
                            .join(" "),
                    ),
                    Kind::HttpResponse | Kind::HttpInformational => text("http.status"),
                    _ => None,
                };
                let Says { mut content, key, sum } = match line {
                    Some(line) => Says {
                        content: self.of_kind(record, self.rules.hash_bytes(line.as_bytes())),
                        key: None,
                        sum: crc32fast::hash(line.as_bytes()),
                    },
                    None => self.of_payload(record, &explained.payload),
                };
                if let Some(name) = text("sse.event").filter(|_| record.kind == Kind::SseEvent) {
                    // An event without a type is a `message` (WHATWG HTML §9.2.6).
                    let name = if name.is_empty() { "message" } else { &name };
                    content ^= self.rules.hash_bytes(name.as_bytes());
                } else if record.kind == Kind::SseEvent {
                    content ^= self.rules.hash_bytes(b"message");
                }
                let is_cut = explained.payload.len() as u64 + explained.payload_left_out < record.payload_len
                    || explained.payload_left_out > 0;
                self.side.cut += u64::from(is_cut && !record.kind.is_fact() && record.kind != Kind::WsClose);
                let item = &mut self.side.items[*at];
                (item.content, item.key, item.sum) = (content, key, sum);
            }
        }
    }

    fn item(&mut self, session: &Session, id: RecordId, Says { content, key, sum }: Says) -> Item {
        let record = &session.records()[id];
        let connection = session.connection_of(record);
        let count = self.connections.len() as u32;
        let (number, opened_ns) = *self.connections.entry(connection).or_insert_with(|| {
            let links = session.links().iter().filter(|link| link.connection == connection);
            (count, links.map(|link| link.opened_ns).min().unwrap_or_default())
        });
        Item {
            content,
            key,
            at_ns: session.at_ns(id).saturating_sub(opened_ns),
            connection: number,
            is_in: record.dir == Dir::In,
            sum,
            id: id as u32,
        }
    }

    fn of_payload(&self, record: &Record, payload: &[u8]) -> Says {
        let key = self.key.as_ref().and_then(|key| key.of(payload, &self.rules));
        Says { content: self.of_kind(record, self.rules.hash(payload)), key, sum: crc32fast::hash(payload) }
    }

    /// Text, lines, parts and bodies are equal where they say the same; binary and control frames are of their own kind.
    fn of_kind(&self, record: &Record, content: u64) -> u64 {
        match record.kind {
            Kind::WsText | Kind::Line | Kind::Part | Kind::HttpBody | Kind::HttpChunk | Kind::SseEvent => content,
            kind => content ^ self.rules.hash_bytes(kind.name().as_bytes()),
        }
    }

    /// A message that is too long to be held at once.
    fn of_long(&mut self, session: &Session, id: RecordId) -> Says {
        let record = session.records()[id];
        let mut hasher = self.rules.hasher();
        let mut sum = crc32fast::Hasher::new();
        hasher.write_u64(record.payload_len);
        match record.payload_in_place() {
            Some(at) => {
                let is_masked = record.flags.has(Flags::MASKED);
                let key = is_masked.then(|| session.wire(record.link, record.dir, at.saturating_sub(4), 4));
                let key: Option<[u8; 4]> = key.and_then(|key| key.try_into().ok());
                let mut done = 0;
                while done < record.payload_len {
                    let len = (record.payload_len - done).min(PIECE_BYTES as u64) as usize;
                    let mut piece = session.wire(record.link, record.dir, at + done, len);
                    if piece.len() < len {
                        self.side.cut += 1;
                        break;
                    }
                    key.into_iter().for_each(|key| unmask(&mut piece, key));
                    hasher.write(&piece);
                    sum.update(&piece);
                    done += len as u64;
                }
            }
            None => {
                let explained = session.explain_within(id, JOINED_LIMIT_BYTES);
                self.side.cut += u64::from((explained.payload.len() as u64) < record.payload_len);
                explained.payload.chunks(PIECE_BYTES).for_each(|piece| hasher.write(piece));
                sum.update(&explained.payload);
            }
        }
        Says { content: self.of_kind(&record, hasher.finish()), key: None, sum: sum.finalize() }
    }

    /// All of it.
    pub fn finish(self) -> Side {
        self.side
    }
}

/// Whether a record is compared where nothing else is wanted.
fn is_said(record: &Record) -> bool {
    is_message(record) && !matches!(record.kind, Kind::WsPing | Kind::WsPong)
}

/// Whether the payload alone is what such a record says.
fn is_plain(kind: Kind) -> bool {
    !kind.is_fact()
        && !matches!(
            kind,
            Kind::SseEvent | Kind::WsClose | Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational
        )
}
