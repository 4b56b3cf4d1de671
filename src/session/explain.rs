//! Everything said of a record: made when it is looked at, never stored.

use super::{RecordId, Session};
use crate::dissect::{Explained, Field, Note, NoteDef, Record, Severity, Value};
use crate::wire::{Buf, LinkId, Span};

/// Bytes of a record that are explained at most.
pub const EXPLAIN_LIMIT_BYTES: usize = 16 << 20;

/// Payload bytes of the records of a stretch.
const STRETCH_LIMIT_BYTES: u64 = 32 << 20;

/// A record was too long to be explained whole.
pub static UNFINISHED: NoteDef = NoteDef {
    key: "explain.capped",
    severity: Severity::Info,
    text: "This record is too long to be explained whole; its beginning is",
    spec: "",
};

/// A record's bytes are not to be had.
pub static BYTES_MISSING: NoteDef = NoteDef {
    key: "explain.missing",
    severity: Severity::Warning,
    text: "The bytes of this record are not to be had: they are missing from the recording, or it cannot be read",
    spec: "",
};

impl Session {
    /// Everything said of a record.
    pub fn explain(&self, id: RecordId) -> Explained {
        self.explain_within(id, EXPLAIN_LIMIT_BYTES)
    }

    /// Everything said of a record, from at most `limit_bytes` of it.
    pub fn explain_within(&self, id: RecordId, limit_bytes: usize) -> Explained {
        let Some(record) = self.records().get(id).copied() else {
            return Explained::bare(super::facts::nothing());
        };
        if let Some(event) = self.fact(&record) {
            return super::facts::explain(record, event);
        }
        let span = Span::bytes(Buf::Wire(record.link, record.dir), record.start, record.len);
        let told = self.link(record.link).and_then(|link| link.explain(record, limit_bytes, self.store()));
        let Some((mut explained, is_capped)) = told else {
            let mut explained = Explained::bare(record);
            explained.notes.push(Note { def: &BYTES_MISSING, span, detail: String::new() });
            return explained;
        };
        if is_capped {
            let detail = format!("{limit_bytes} of {} bytes", record.len);
            explained.notes.push(Note { def: &UNFINISHED, span, detail });
        }
        explained
    }

    /// Cuts `ids` so that what is said of each stretch, from at most `limit_bytes` of each record, fits into memory at
    /// once: a few bytes of a compressed message may come to megabytes.
    pub fn stretches<'i>(&self, ids: &'i [RecordId], limit_bytes: usize) -> impl Iterator<Item = &'i [RecordId]> {
        let mut rest = ids;
        std::iter::from_fn(move || {
            let mut payload_bytes = 0_u64;
            let fits = |id: &&RecordId| {
                let len = self.records().get(**id).map_or(0, |record| record.payload_len);
                payload_bytes = payload_bytes.saturating_add(len.min(limit_bytes as u64));
                payload_bytes <= STRETCH_LIMIT_BYTES
            };
            let (now, after) = rest.split_at_checked(rest.iter().take_while(fits).count().max(1))?;
            rest = after;
            Some(now)
        })
    }

    /// Everything said of many records, in one pass over the bytes of each link; at most `limit_bytes` of each record.
    pub fn explain_all(&self, ids: &[RecordId], limit_bytes: usize) -> Vec<Explained> {
        let mut told: Vec<Option<Explained>> = vec![None; ids.len()];
        let mut links: Vec<LinkId> = Vec::new();
        for id in ids {
            let Some(record) = self.records().get(*id) else { continue };
            if !record.kind.is_fact() && !links.contains(&record.link) {
                links.push(record.link);
            }
        }
        for link in links {
            let of_link = |at: &usize| {
                self.records().get(ids[*at]).is_some_and(|record| record.link == link && !record.kind.is_fact())
            };
            let places: Vec<usize> = (0..ids.len()).filter(of_link).collect();
            let run: Vec<Record> = places.iter().map(|at| self.records()[ids[*at]]).collect();
            let Some(link) = self.link(link) else { continue };
            for (at, explained) in places.iter().zip(link.explain_run(&run, limit_bytes, self.store())) {
                told[*at] = explained;
            }
        }
        told.into_iter()
            .zip(ids)
            .map(|(told, id)| told.unwrap_or_else(|| self.explain_within(*id, limit_bytes)))
            .collect()
    }

    /// The bytes of a field, at most `limit` of them.
    pub fn field_bytes(&self, explained: &Explained, field: &Field, limit: usize) -> Vec<u8> {
        let (start, end) = (field.span.start_byte(), field.span.end_byte());
        let len = (end - start).min(limit as u64);
        match field.span.buf {
            Buf::Wire(link, dir) => self.wire(link, dir, start, len as usize),
            Buf::Made(n) => {
                let Some(made) = explained.made.get(n as usize) else { return Vec::new() };
                let total = made.bytes.len() as u64;
                made.bytes[start.min(total) as usize..(start + len).min(total) as usize].to_vec()
            }
        }
    }

    /// What a field says, as one line of text; at most `limit` bytes of long values.
    pub fn field_text(&self, explained: &Explained, field: &Field, limit: usize) -> String {
        match &field.value {
            Value::Group => String::new(),
            Value::Number(number) => number.to_string(),
            Value::Named(number, name) => format!("{number} {name}"),
            Value::Flag(flag) => if *flag { "1" } else { "0" }.to_owned(),
            Value::Says(text) => text.to_string(),
            Value::Text => {
                let bytes = self.field_bytes(explained, field, limit);
                super::summary::one_line(&String::from_utf8_lossy(&bytes))
            }
            Value::Bytes => {
                let bytes = self.field_bytes(explained, field, limit.min(64));
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let more = if field.span.bits / 8 > bytes.len() as u64 { " …" } else { "" };
                hex.join(" ") + more
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Store;
    use crate::session::filter::Filter;
    use crate::wire::{Dir, Event, What};
    use std::io::Write;

    /// A WebSocket on which `count` messages came in one read, each of which inflates to that many spaces.
    fn spaces(count: usize, len: usize) -> Session {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        deflate.write_all(&vec![b' '; len]).unwrap();
        deflate.flush().unwrap();
        let mut payload = deflate.get_ref().clone();
        payload.truncate(payload.len() - 4);
        let mut frame = [&[0xC1, 126][..], &(payload.len() as u16).to_be_bytes()].concat();
        frame.extend(payload);
        let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let answer = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
        let mut session = Session::new(Store::memory(), 0);
        let read = [answer.as_bytes(), &frame.repeat(count)].concat();
        for (dir, bytes) in [(Dir::Out, request.as_bytes().to_vec()), (Dir::In, read)] {
            session.append(Event { at_ns: 1, link: LinkId(1), what: What::Bytes(dir, bytes.into()) });
        }
        session
    }

    #[test]
    fn messages_that_inflate_to_much_are_explained_a_few_at_a_time() {
        let session = spaces(20, 4 << 20);
        let ids: Vec<RecordId> = (0..session.records().len()).collect();
        let stretches: Vec<&[RecordId]> = session.stretches(&ids, EXPLAIN_LIMIT_BYTES).collect();
        assert_eq!(stretches.concat(), ids);
        assert!((3..=4).contains(&stretches.len()), "{stretches:?}");
        // Where little is wanted of each, they are explained all at once.
        assert_eq!(session.stretches(&ids, 2048).count(), 1);
        assert_eq!(session.stretches(&[], 2048).count(), 0);
        // A filter finds what is in them all the same.
        assert_eq!(Filter::parse("kind:ws.text / {9}/").unwrap().select(&session, &ids).len(), 20);
        // However a read is cut, the last record is told as on its own.
        assert!(session.explain_all(&ids, 4096).last() == Some(&session.explain_within(ids.len() - 1, 4096)));
    }
}
