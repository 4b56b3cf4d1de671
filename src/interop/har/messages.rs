//! What rides in an answer: the messages of a WebSocket and the events of a stream, as Chromium writes them.

use super::exchange::{Exchange, is_websocket_message};
use super::json::Json;
use super::tally::Tally;
use crate::dissect::{Explained, Flags, Kind, Record, unmask};
use crate::interop::{Chosen, InteropError};
use crate::session::{RecordId, Session};
use crate::wire::Dir;

/// Messages that are looked at together.
const STRETCH: usize = 512;

/// Bytes of a message that are written at most.
const MESSAGE_LIMIT_BYTES: usize = 512 << 20;

/// Writes what rides in one answer after the other.
pub(super) struct Riders<'r, 'c> {
    pub chosen: &'r Chosen<'c>,
    pub tally: &'r mut Tally,
    /// Told of every stretch of messages; says whether to go on.
    pub went_on: &'r mut dyn FnMut(u64) -> bool,
}

impl Riders<'_, '_> {
    /// The value of `_webSocketMessages`.
    pub fn websocket(&mut self, json: &mut Json, exchange: &Exchange) -> Result<(), InteropError> {
        json.begin('[')?;
        self.each(exchange, is_websocket_message, |riders, ids| {
            let payloads = riders.payloads(ids);
            for (id, payload) in ids.iter().zip(payloads) {
                riders.message(json, *id, payload)?;
            }
            Ok(())
        })?;
        json.end(']')?;
        Ok(())
    }

    fn message(&mut self, json: &mut Json, id: RecordId, payload: Option<Vec<u8>>) -> Result<(), InteropError> {
        let session = self.chosen.session;
        let record = session.records()[id];
        if record.flags.has(Flags::INCOMPLETE) {
            self.tally.add("# WebSocket messages left out, since they were not complete", 1);
            return Ok(());
        }
        let Some(payload) = payload else {
            self.tally.add("# WebSocket messages left out, since their bytes are missing from the recording", 1);
            return Ok(());
        };
        if (payload.len() as u64) < record.payload_len {
            self.tally
                .add("# WebSocket messages that are not whole: longer than 512 MiB, or not inflated to their end", 1);
        }
        json.line()?;
        json.begin('{')?;
        json.member("type", if record.dir == Dir::Out { "send" } else { "receive" })?;
        json.key("time")?;
        json.seconds(i128::from(session.started_unix_ns) + i128::from(session.at_ns(id)))?;
        let opcode: u8 = match record.kind {
            Kind::WsText => 1,
            Kind::WsBinary => 2,
            Kind::WsClose => 8,
            Kind::WsPing => 9,
            _ => 10,
        };
        json.count("opcode", opcode.into())?;
        json.key("data")?;
        match record.kind {
            Kind::WsText => {
                let is_text = std::str::from_utf8(&payload).is_ok();
                self.tally
                    .add("# text messages that are not UTF-8, with U+FFFD where they are not", u64::from(!is_text));
                json.long_text(|pieces| pieces.push(&payload))?;
            }
            _ => json.long_base64(|out| out.write_all(&payload))?,
        }
        json.end('}')?;
        Ok(())
    }

    /// The value of `_eventSourceMessages`.
    pub fn events(&mut self, json: &mut Json, exchange: &Exchange) -> Result<(), InteropError> {
        let mut last_id = String::new();
        json.begin('[')?;
        let is_event = |kind| kind == Kind::SseEvent;
        self.each_of_all(exchange, is_event, |riders, ids| {
            let session = riders.chosen.session;
            for stretch in session.stretches(ids, MESSAGE_LIMIT_BYTES) {
                let told = session.explain_all(stretch, riders.limit(stretch));
                for (id, explained) in stretch.iter().zip(told) {
                    if let Some(own) = value(session, &explained, "sse.id").filter(|own| !own.contains('\0')) {
                        last_id = own;
                    }
                    riders.event(json, *id, &explained, &last_id)?;
                }
            }
            Ok(())
        })?;
        json.end(']')?;
        Ok(())
    }

    fn event(
        &mut self,
        json: &mut Json,
        id: RecordId,
        explained: &Explained,
        last_id: &str,
    ) -> Result<(), InteropError> {
        let session = self.chosen.session;
        // WHATWG HTML §9.2.6: without data nothing is dispatched, nor what the end of the stream cut.
        let flags = explained.record.flags;
        let is_dispatched = flags.has(Flags::MESSAGE) && !flags.has(Flags::INCOMPLETE);
        if !is_dispatched || !self.chosen.has(id) {
            return Ok(());
        }
        let name = value(session, explained, "sse.event").filter(|name| !name.is_empty());
        json.line()?;
        json.begin('{')?;
        json.key("time")?;
        json.seconds(i128::from(session.started_unix_ns) + i128::from(session.at_ns(id)))?;
        json.member("eventName", name.as_deref().unwrap_or("message"))?;
        json.member("eventId", last_id)?;
        json.key("data")?;
        json.long_text(|pieces| pieces.push(&explained.payload))?;
        json.end('}')?;
        Ok(())
    }

    /// The chosen riders of a kind, a stretch at a time.
    fn each(
        &mut self,
        exchange: &Exchange,
        is_wanted: impl Fn(Kind) -> bool,
        take: impl FnMut(&mut Self, &[RecordId]) -> Result<(), InteropError>,
    ) -> Result<(), InteropError> {
        let chosen = self.chosen;
        self.stretches(exchange, |id, kind| is_wanted(kind) && chosen.has(id), take)
    }

    /// All riders of a kind, a stretch at a time.
    fn each_of_all(
        &mut self,
        exchange: &Exchange,
        is_wanted: impl Fn(Kind) -> bool,
        take: impl FnMut(&mut Self, &[RecordId]) -> Result<(), InteropError>,
    ) -> Result<(), InteropError> {
        self.stretches(exchange, |_, kind| is_wanted(kind), take)
    }

    fn stretches(
        &mut self,
        exchange: &Exchange,
        is_wanted: impl Fn(RecordId, Kind) -> bool,
        mut take: impl FnMut(&mut Self, &[RecordId]) -> Result<(), InteropError>,
    ) -> Result<(), InteropError> {
        let Some((first, last)) = exchange.riders else { return Ok(()) };
        let records = self.chosen.session.records();
        let mut ids = Vec::with_capacity(STRETCH);
        for (id, record) in (first..).zip(records.range(first..last + 1)) {
            if record.link == exchange.link && is_wanted(id, record.kind) {
                ids.push(id);
            }
            if ids.len() == STRETCH || (id == last && !ids.is_empty()) {
                take(self, &ids)?;
                let chosen = ids.iter().filter(|id| self.chosen.has(**id)).count();
                if !(self.went_on)(chosen as u64) {
                    return Err(InteropError::Stopped);
                }
                ids.clear();
            }
        }
        Ok(())
    }

    /// What messages say. Most lie on the wire in one piece; the others are explained, all in one pass.
    fn payloads(&self, ids: &[RecordId]) -> Vec<Option<Vec<u8>>> {
        let session = self.chosen.session;
        let mut payloads: Vec<Option<Vec<u8>>> =
            ids.iter().map(|id| in_one_piece(session, &session.records()[*id])).collect();
        let is_open = |at: &usize| payloads[*at].is_none() && !session.records()[ids[*at]].flags.has(Flags::INCOMPLETE);
        let open: Vec<usize> = (0..ids.len()).filter(is_open).collect();
        let open_ids: Vec<RecordId> = open.iter().map(|at| ids[*at]).collect();
        let mut at = 0;
        for stretch in session.stretches(&open_ids, MESSAGE_LIMIT_BYTES) {
            for explained in session.explain_all(stretch, self.limit(stretch)) {
                let is_missing = explained.payload.is_empty() && explained.record.payload_len > 0;
                payloads[open[at]] = (!is_missing).then_some(explained.payload);
                at += 1;
            }
        }
        payloads
    }

    /// As much as the longest of these records says.
    fn limit(&self, ids: &[RecordId]) -> usize {
        let longest = ids.iter().map(|id| self.chosen.session.records()[*id].payload_len).max().unwrap_or(0);
        // A few bytes more, for what frames a short message.
        (longest as usize).saturating_add(4096).min(MESSAGE_LIMIT_BYTES)
    }
}

/// The payload of a message that lies on the wire in one piece.
fn in_one_piece(session: &Session, record: &Record) -> Option<Vec<u8>> {
    let wire = |at: u64, len: u64| {
        let bytes = session.wire(record.link, record.dir, at, len as usize);
        (bytes.len() as u64 == len).then_some(bytes)
    };
    if record.payload_len > MESSAGE_LIMIT_BYTES as u64 {
        return None;
    }
    if matches!(record.kind, Kind::WsPing | Kind::WsPong | Kind::WsClose) {
        // A control message is its frame (RFC 6455 §5.5): the payload is at its end, its key before that.
        let mut frame = wire(record.start, record.len)?;
        let at = frame.len().checked_sub(record.payload_len as usize)?;
        let is_masked = frame.get(1).is_some_and(|byte| byte & 0x80 != 0) && at >= 6;
        let key = is_masked.then(|| frame[..at].last_chunk::<4>().copied()).flatten();
        let mut payload = frame.split_off(at);
        if let Some(key) = key {
            unmask(&mut payload, key);
        }
        return Some(payload);
    }
    let at = record.payload_in_place()?;
    if !record.flags.has(Flags::MASKED) {
        return wire(at, record.payload_len);
    }
    let mut bytes = wire(at.checked_sub(4)?, record.payload_len + 4)?;
    let key = *bytes.first_chunk::<4>()?;
    bytes.drain(..4);
    unmask(&mut bytes, key);
    Some(bytes)
}

/// The value of the last field of that key.
fn value(session: &Session, explained: &Explained, key: &str) -> Option<String> {
    let field = explained.fields.iter().rfind(|field| field.def.key == key)?;
    let len = (field.span.end_byte() - field.span.start_byte()) as usize;
    Some(String::from_utf8_lossy(&session.field_bytes(explained, field, len.min(1 << 20))).into_owned())
}
