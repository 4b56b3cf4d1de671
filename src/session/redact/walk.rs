//! Over the records of a recording: what each says is looked through, and what is found is put into the plan.

use super::copies::Values;
use super::deflate::{Direction, Done, Message, Why};
use super::plan::{Count, Found, MOST_LISTED, Plan, Said, fact_texts};
use super::rules::{Group, RuleError, Rules};
use super::scan::{Hit, Scanner, marks};
use super::shapes;
use super::texts::{Run, Source, Text};
use crate::dissect::websocket::INFLATE_LIMIT_BYTES;
use crate::dissect::{Explained, Flags, Kind, MARK, Record, Severity};
use crate::session::{BYTES_MISSING, RecordId, Session, UNFINISHED};
use crate::wire::{Dir, LinkId};
use std::collections::{HashMap, HashSet};

/// Records that are explained together.
const STRETCH: usize = 2048;

/// Bytes of a record that are looked through, at most.
const LOOK_LIMIT_BYTES: usize = 16 << 20;

/// A secret must be so long for its first bytes to be shown.
const SHOWN_FROM_BYTES: u64 = 12;

/// How a plan is not made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A rule cannot be used.
    #[error("{0}")]
    Rule(#[from] RuleError),
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
}

impl Plan {
    /// Finds the secrets of a recording. `progress` is told how much is done of how much, and says whether to go on.
    pub fn of(session: &Session, rules: &Rules, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Plan, PlanError> {
        let mut scanner = Scanner::new(rules)?;
        let records = session.records().len() as u64;
        let passes = if rules.has(Group::Copies) { 2 } else { 1 };
        let mut not_sought = 0;
        if passes == 2 {
            let mut values = Values::default();
            let mut walk = Walk::new(session, &scanner, None);
            walk.values = Some(&mut values);
            walk.all(&mut |done| progress(done, records * 2))?;
            not_sought = values.left_out;
            scanner.copies = values.copies();
        }
        let mut plan = Plan {
            scanner: scanner.clone(),
            lanes: Default::default(),
            found: Vec::new(),
            places: Vec::new(),
            place_index: HashMap::new(),
            counts: Default::default(),
            said: Said { not_sought, ..Said::default() },
            events: session.events(),
        };
        let before = records * (passes - 1);
        let mut walk = Walk::new(session, &scanner, Some(&mut plan));
        walk.all(&mut |done| progress(before + done, records * passes))?;
        let changed: u64 = walk.directions.values().map(|direction| direction.changed_bytes).sum();
        let whole = std::mem::take(&mut walk.whole);
        plan.lanes.seal(session);
        plan.said.went_along = super::along::differing(session, &plan.lanes, &whole).saturating_sub(changed);
        plan.found.sort_by_key(|found| found.record);
        Ok(plan)
    }
}

struct Walk<'w> {
    session: &'w Session,
    scanner: &'w Scanner,
    /// What is found is put in here.
    plan: Option<&'w mut Plan>,
    /// Its values, in here.
    values: Option<&'w mut Values>,
    directions: HashMap<(LinkId, Dir), Direction>,
    /// Where the body that comes is compressed.
    encoded: HashSet<(LinkId, Dir)>,
    /// Where the lines that come go on with a private key.
    in_key: HashSet<(LinkId, Dir)>,
    /// Compressed messages that go as a whole.
    whole: HashSet<RecordId>,
}

impl<'w> Walk<'w> {
    fn new(session: &'w Session, scanner: &'w Scanner, plan: Option<&'w mut Plan>) -> Walk<'w> {
        let (directions, encoded) = (HashMap::new(), HashSet::new());
        let (in_key, whole) = (HashSet::new(), HashSet::new());
        Walk { session, scanner, plan, values: None, directions, encoded, in_key, whole }
    }

    fn all(&mut self, progress: &mut dyn FnMut(u64) -> bool) -> Result<(), PlanError> {
        let session = self.session;
        for connection in session.connections() {
            for (place, text) in [("request", &connection.info.spec), ("name", &connection.info.label)] {
                self.sentence(None, place, text);
            }
        }
        let len = session.records().len();
        for first in (0..len).step_by(STRETCH) {
            let ids: Vec<RecordId> = (first..(first + STRETCH).min(len)).filter(|id| self.is_looked_at(*id)).collect();
            for stretch in session.stretches(&ids, LOOK_LIMIT_BYTES) {
                for (id, explained) in stretch.iter().zip(session.explain_all(stretch, LOOK_LIMIT_BYTES)) {
                    self.record(Some(*id), explained);
                }
            }
            if !progress((first + STRETCH).min(len) as u64) {
                return Err(PlanError::Stopped);
            }
        }
        for link in session.links() {
            for explained in link.explain_pending(LOOK_LIMIT_BYTES, session.store()) {
                self.record(None, explained);
            }
        }
        Ok(())
    }

    /// Frames are looked at as the messages that they make up; those that belong to none, on their own.
    fn is_looked_at(&self, id: RecordId) -> bool {
        let record = &self.session.records()[id];
        record.kind != Kind::WsFrame || record.worst == Severity::Error
    }

    fn record(&mut self, id: Option<RecordId>, explained: Explained) {
        let record = explained.record;
        if let Some(event) = self.session.fact(&record) {
            let mut what = event.what.clone();
            for text in fact_texts(&mut what) {
                self.sentence(id, record.kind.name(), text);
            }
            return;
        }
        let has = |key: &str| explained.notes.iter().any(|note| note.def.key == key);
        if has(BYTES_MISSING.key) {
            self.say(|said| said.missing += 1);
            return;
        }
        let lane = (record.link, record.dir);
        match record.kind {
            Kind::HttpRequest | Kind::HttpResponse => {
                self.encoded.remove(&lane);
                if has("http.encoded") {
                    self.encoded.insert(lane);
                }
            }
            Kind::WsFrame if !has("websocket.reserved-opcode") && !has("websocket.continuation-without-message") => {
                return;
            }
            _ => {}
        }
        let is_capped = has(UNFINISHED.key) || explained.payload_left_out > 0;
        let whole = match is_capped {
            true => {
                let link = self.session.link(record.link);
                link.and_then(|link| link.explain_places(record, 4096, self.session.store())).unwrap_or(explained)
            }
            false => explained,
        };
        let source = Source::new(self.session, &whole);
        if record.kind == Kind::WsFrame {
            return self.stray_frame(id, &source, &whole);
        }
        self.heads(id, &source, &whole);
        let is_encoded = record.kind == Kind::HttpBody && self.encoded.remove(&lane);
        if record.flags.has(Flags::COMPRESSED) {
            return self.compressed(id, &source, &whole, is_capped);
        }
        if whole.fields.iter().any(|field| matches!(field.def.key, "websocket.key3" | "websocket.challenge_response")) {
            return;
        }
        if record.kind == Kind::HttpChunk {
            // The body that it is part of is looked at as a whole.
            return;
        }
        if is_capped {
            return self.unread(id, &record, &source.payload_runs());
        }
        let payload = source.payload();
        if is_encoded && payload.bytes.iter().all(|byte| *byte == MARK) {
            // It was taken out before.
            return;
        }
        if is_encoded || is_packed(&payload.bytes) {
            return self.unread(id, &record, &payload.runs);
        }
        let mut hits = self.scanner.payload(&payload.bytes);
        if let Some(rest) = self.rest_of_key(lane, &payload.bytes) {
            hits.retain(|hit| hit.range.start >= rest.range.end);
            hits.insert(0, rest);
        }
        if self.scanner.is_beyond_paths(&payload.bytes) {
            self.say(|said| said.beyond_paths += 1);
        }
        let is_named = record.kind == Kind::Part && names_a_secret(&source, &whole, self.scanner);
        match is_named && !payload.bytes.is_empty() && self.scanner.rules.has(Group::Members) {
            true => self.found(id, &record, &payload, vec![Hit::new(0..payload.bytes.len(), Group::Members, "part")]),
            false => self.found(id, &record, &payload, hits),
        }
    }

    /// A private key whose lines are records of their own: what of it is in this one.
    fn rest_of_key(&mut self, lane: (LinkId, Dir), text: &[u8]) -> Option<Hit> {
        if text.is_empty() || !self.scanner.rules.has(Group::Tokens) {
            return None;
        }
        let rest = if self.in_key.remove(&lane) { shapes::rest_of_key(text) } else { None };
        if shapes::has_open_key(text) || rest.as_ref().is_some_and(|(_, ends)| !ends) {
            self.in_key.insert(lane);
        }
        let (range, _) = rest.filter(|(range, _)| text[range.clone()].iter().any(|byte| *byte != MARK))?;
        Some(Hit::new(range, Group::Tokens, "private key"))
    }

    /// Fields that stand beside a payload: those of heads, of events, of SOCKS.
    fn heads(&mut self, id: Option<RecordId>, source: &Source, explained: &Explained) {
        let record = explained.record;
        let mut name = Vec::new();
        for field in &explained.fields {
            if field.span.bits == 0 {
                continue;
            }
            let (text, hits) = match field.def.key {
                "http.header.name" => {
                    name = source.text(field).bytes;
                    continue;
                }
                "http.header.value" => {
                    let text = source.text(field);
                    let hits = self.scanner.header(&name, &text.bytes);
                    (text, hits)
                }
                "http.request.target" => {
                    let text = source.text(field);
                    let mut hits = self.scanner.target(&text.bytes);
                    hits.iter_mut().filter(|hit| hit.place.is_empty()).for_each(|hit| hit.place = "target".into());
                    (text, hits)
                }
                "http.reason"
                | "http.header.invalid"
                | "http.chunk.extension"
                | "sse.event"
                | "sse.id"
                | "sse.ignored"
                | "part.between"
                | "socks.name" => {
                    let text = source.text(field);
                    let hits = self.scanner.payload(&text.bytes);
                    (text, hits)
                }
                "sse.comment" if record.kind == Kind::SseEvent => {
                    let text = source.text(field);
                    let hits = self.scanner.payload(&text.bytes);
                    (text, hits)
                }
                "socks.user" | "socks.password" | "socks.user_id" if self.scanner.rules.has(Group::Credentials) => {
                    let text = source.text(field);
                    let bare = text.bytes.strip_suffix(b"\0").unwrap_or(&text.bytes).len();
                    let is_marked = text.bytes[..bare].iter().all(|byte| *byte == MARK);
                    let hit = (!is_marked).then(|| Hit::new(0..bare, Group::Credentials, field.def.label));
                    (text, hit.into_iter().collect())
                }
                _ => continue,
            };
            self.found(id, &record, &text, hits);
        }
    }

    /// A frame that belongs to no message.
    fn stray_frame(&mut self, id: Option<RecordId>, source: &Source, explained: &Explained) {
        let record = explained.record;
        let of = |keys: &[&str]| explained.fields.iter().find(|field| keys.contains(&field.def.key));
        let Some(payload) = of(&["websocket.payload", "websocket.masked_payload"]) else { return };
        let mut runs = source.runs(payload);
        if let Some(key) = of(&["websocket.masking_key"]) {
            let key = source.text(key).bytes;
            runs.iter_mut().for_each(|run| run.key = key.first_chunk::<4>().copied().unwrap_or_default());
        }
        if record.payload_len > LOOK_LIMIT_BYTES as u64 {
            return self.unread(id, &record, &runs);
        }
        let text = Text { bytes: source.plain(&runs), runs };
        let hits = self.scanner.payload(&text.bytes);
        self.found(id, &record, &text, hits);
    }

    fn compressed(&mut self, id: Option<RecordId>, source: &Source, explained: &Explained, is_capped: bool) {
        let record = explained.record;
        let keys = ["websocket.compressed", "websocket.not_inflated"];
        let field = explained.fields.iter().find(|field| keys.contains(&field.def.key));
        let Some(field) = field else { return };
        let is_inflated = field.def.key == keys[0];
        let has = |key: &str| explained.notes.iter().any(|note| note.def.key == key);
        let inflated = if is_inflated && !is_capped { source.payload().bytes } else { Vec::new() };
        let hits = self.scanner.payload(&inflated);
        if self.scanner.is_beyond_paths(&inflated) {
            self.say(|said| said.beyond_paths += 1);
        }
        let is_unread = is_capped
            || !is_inflated
            || has("websocket.inflate-capped")
            || has("websocket.deflate-invalid")
            || is_packed(&inflated);
        if let Some(values) = &mut self.values {
            hits.iter()
                .filter(|hit| hit.group != Group::Unread)
                .for_each(|hit| values.take(&inflated[hit.range.clone()]));
        }
        let runs = source.runs(field);
        if self.plan.is_none() {
            return;
        }
        let link = self.session.link(record.link);
        let deflate = link.and_then(|link| link.agreement()).and_then(|agreed| agreed.deflate.as_ref());
        let limit_bytes = self.session.inflate_limit_bytes(record.link).unwrap_or(INFLATE_LIMIT_BYTES);
        let mut secrets: Vec<std::ops::Range<u64>> = Vec::new();
        for hit in &hits {
            let marks = marks(&inflated, hit).into_iter().map(|(range, _)| range.start as u64..range.end as u64);
            secrets.extend(marks);
        }
        secrets.sort_by_key(|range| range.start);
        let content = source.plain(&runs);
        let goes = is_unread && self.scanner.rules.has(Group::Unread);
        let message = Message {
            link: record.link,
            dir: record.dir,
            content: &content,
            runs: runs.clone(),
            is_complete: !record.flags.has(Flags::INCOMPLETE),
            keeps_context: deflate.is_none_or(|deflate| deflate.has_context_takeover(record.dir)),
            limit_bytes: limit_bytes.saturating_mul(17),
            secrets: &secrets,
            is_unread: goes,
        };
        let direction = self.directions.entry((record.link, record.dir)).or_default();
        let Some(plan) = self.plan.as_deref_mut() else { return };
        let done = direction.message(&message, &mut plan.lanes);
        for hit in &hits {
            plan.list(id, hit, runs.first().map(|run| run.wire), &inflated);
        }
        if matches!(done, Done::Blanked(_)) {
            self.whole.extend(id);
        }
        match done {
            Done::Blanked(Why::NoCode) => plan.said.no_code += 1,
            Done::Blanked(Why::Unread) => plan.take_unread(id, runs.first().map(|run| run.wire), record.payload_len),
            Done::Masked if is_unread && !goes => plan.said.unread_kept += 1,
            Done::Masked => {}
        }
    }

    /// All of this goes, because it was not looked into.
    fn unread(&mut self, id: Option<RecordId>, record: &Record, runs: &[Run]) {
        let is_on = self.scanner.rules.has(Group::Unread);
        let Some(plan) = self.plan.as_deref_mut() else { return };
        if runs.iter().all(|run| run.len == 0) {
            return;
        }
        if !is_on {
            plan.said.unread_kept += 1;
            return;
        }
        let lane = plan.lanes.lane(record.link, record.dir);
        runs.iter().for_each(|run| lane.fill(*run, MARK));
        let len = runs.iter().map(|run| run.len).sum();
        plan.take_unread(id, runs.first().map(|run| run.wire), len);
    }

    fn found(&mut self, id: Option<RecordId>, record: &Record, text: &Text, hits: Vec<Hit>) {
        if let Some(values) = &mut self.values {
            hits.iter().for_each(|hit| values.take(&text.bytes[hit.range.clone()]));
        }
        let Some(plan) = self.plan.as_deref_mut() else { return };
        for hit in hits {
            let range = hit.range.start as u64..hit.range.end as u64;
            let wire = text.runs.iter().find_map(|run| run.part(&range)).map(|run| run.wire);
            let lane = plan.lanes.lane(record.link, record.dir);
            for (range, with) in marks(&text.bytes, &hit) {
                let range = range.start as u64..range.end as u64;
                // Runs rise with the text.
                let first = text.runs.partition_point(|run| run.at + run.len <= range.start);
                for part in text.runs[first..].iter().map_while(|run| run.part(&range)) {
                    lane.fill(part, with);
                }
            }
            plan.list(id, &hit, wire, &text.bytes);
        }
    }

    /// A sentence of the recording, or JSON, that is no bytes of the wire.
    fn sentence(&mut self, id: Option<RecordId>, place: &str, text: &str) {
        let hits = self.scanner.plain(text);
        if let Some(values) = &mut self.values {
            hits.iter().for_each(|hit| values.take(&text.as_bytes()[hit.range.clone()]));
        }
        if let Some(plan) = self.plan.as_deref_mut() {
            for hit in hits {
                let place = if hit.place.is_empty() { place.to_owned() } else { format!("{place}, {}", hit.place) };
                plan.list(id, &Hit { place, ..hit }, None, text.as_bytes());
            }
        }
    }

    fn say(&mut self, say: impl FnOnce(&mut Said)) {
        if let Some(plan) = self.plan.as_deref_mut() {
            say(&mut plan.said);
        }
    }
}

impl Plan {
    fn list(&mut self, record: Option<RecordId>, hit: &Hit, wire: Option<u64>, text: &[u8]) {
        let len = hit.range.len() as u64;
        let count = &mut self.counts[hit.group as usize];
        *count = Count { found: count.found + 1, bytes: count.bytes + len };
        if self.found.len() >= MOST_LISTED {
            return;
        }
        let place = self.place_number(&hit.place);
        let first = match text.get(hit.range.start..hit.range.start + 2) {
            Some(first) if len >= SHOWN_FROM_BYTES => [first[0], first[1]],
            _ => [0; 2],
        };
        self.found.push(Found { record, group: hit.group, place, wire, len, first });
    }

    fn take_unread(&mut self, record: Option<RecordId>, wire: Option<u64>, len: u64) {
        self.said.unread += 1;
        let count = &mut self.counts[Group::Unread as usize];
        *count = Count { found: count.found + 1, bytes: count.bytes + len };
        if self.found.len() < MOST_LISTED {
            let place = self.place_number("all of it");
            self.found.push(Found { record, group: Group::Unread, place, wire, len, first: [0; 2] });
        }
    }
}

/// Whether a payload is compressed or packed on its own, by how it begins (RFC 1952 §2.3.1, RFC 8878 §3.1.1, RFC 1950).
fn is_packed(payload: &[u8]) -> bool {
    let begins = |start: &[u8]| payload.starts_with(start);
    let is_zlib =
        matches!(payload, [0x78, flags @ (0x01 | 0x5e | 0x9c | 0xda), ..] if (0x7800 + u16::from(*flags)) % 31 == 0);
    begins(&[0x1f, 0x8b, 8])
        || begins(&[0x28, 0xb5, 0x2f, 0xfd])
        || begins(b"PK\x03\x04")
        || is_zlib && std::str::from_utf8(payload).is_err()
}

/// Whether a part of a form has a secret name (RFC 7578 §4.2).
fn names_a_secret(source: &Source, explained: &Explained, scanner: &Scanner) -> bool {
    let values = explained.fields.iter().filter(|field| field.def.key == "http.header.value");
    values.map(|field| source.text(field).bytes).any(|value| {
        let value = String::from_utf8_lossy(&value).into_owned();
        let name = value.split(';').find_map(|part| part.trim().strip_prefix("name="));
        name.is_some_and(|name| scanner.is_secret_name(name.trim_matches('"')))
    })
}
