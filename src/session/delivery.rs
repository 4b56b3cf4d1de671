//! How far messages of ours came: taken by the kernel, acknowledged by TCP, answered by the application.
//!
//! A ping is answered by the pong that carries its payload (RFC 6455 §5.5.3), a message by one that says the same (an
//! echo), or by one that the user names: the first in which a JSONPath matches, and where two paths are given, the one
//! whose value there is the value that ours has.

use super::filter::path::Path;
use super::{Kind, Reached, Record, RecordId, Session};
use crate::wire::{Dir, LinkId};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

/// Messages of a link that wait for an answer at most; the oldest give up first.
const MOST_WAITING: usize = 256;
/// Answers that are kept.
const MOST_ANSWERED: usize = 65_536;
/// Bytes of a message that are held against another's.
const COMPARED_BYTES: usize = 64 * 1024;
/// Records that are looked at between two looks at the clock; each may have to be explained.
const STEP_RECORDS: usize = 64;

/// How the application says that it has a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AckRule {
    /// The JSONPath at which an answer says so; empty where there is none.
    pub path: String,
    /// The JSONPath of what it names in our message; empty where any answer will do.
    pub names: String,
}

/// How far a message of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// By the kernel's account.
    pub reached: Reached,
    /// The record that answers it, and when that came, in nanoseconds since the recording began.
    pub answered: Option<(RecordId, u64)>,
}

/// A message that waits for an answer.
#[derive(Clone, Debug)]
struct Waiting {
    id: RecordId,
    kind: Kind,
    payload_len: u64,
    /// Of its payload, once something came that may be the same.
    hash: Option<u64>,
    /// What an acknowledgement must name.
    name: Option<Json>,
}

/// The answers of a session to what was sent.
#[derive(Default)]
pub struct Deliveries {
    rule: AckRule,
    paths: Option<(Path, Option<Path>)>,
    looked_at: RecordId,
    waiting: HashMap<LinkId, VecDeque<Waiting>>,
    answered: BTreeMap<RecordId, RecordId>,
}

impl Deliveries {
    /// The rule in use.
    pub fn rule(&self) -> &AckRule {
        &self.rule
    }

    /// Takes another rule, and begins again where it is another one. The error says what is wrong with a path; then
    /// pongs and echoes still count.
    pub fn set_rule(&mut self, rule: AckRule) -> Result<(), String> {
        if self.rule == rule {
            return Ok(());
        }
        let read = |text: &str| match text.trim() {
            "" => Ok(None),
            text => Path::parse(text).map(Some).map_err(|error| format!("{text} is no JSONPath: {error}")),
        };
        let paths = read(&rule.path).and_then(|path| Ok((path, read(&rule.names)?)));
        *self = Deliveries { rule, ..Deliveries::default() };
        let (path, names) = paths?;
        self.paths = path.map(|path| (path, names));
        Ok(())
    }

    /// Looks at records that came since, until `deadline`; whether there are more.
    pub fn look(&mut self, session: &Session, deadline: Instant) -> bool {
        loop {
            self.looked_at = self.looked_at.max(session.records().first_held());
            let end = session.records().len().min(self.looked_at + STEP_RECORDS);
            for id in self.looked_at..end {
                self.look_at(session, id);
            }
            self.looked_at = end.max(self.looked_at);
            if self.looked_at >= session.records().len() {
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
        }
    }

    /// How far a message of ours has come; `None` of what we did not send.
    pub fn of(&self, session: &Session, id: RecordId) -> Option<Delivery> {
        let record = session.records().get(id)?;
        if record.dir != Dir::Out || record.kind.is_fact() {
            return None;
        }
        let reached = session.link(record.link)?.progress.reached(record.end());
        let answered = self.answered.get(&id).map(|answer| (*answer, session.at_ns(*answer)));
        Some(Delivery { reached, answered })
    }

    fn look_at(&mut self, session: &Session, id: RecordId) {
        let Some(record) = session.records().get(id).copied() else { return };
        let is_message = matches!(record.kind, Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsClose);
        match record.dir {
            Dir::Out if is_message => {
                let name = match &self.paths {
                    Some((_, Some(names))) if record.kind == Kind::WsText => names.first_in(&payload(session, id)),
                    _ => None,
                };
                let waiting = self.waiting.entry(record.link).or_default();
                if waiting.len() >= MOST_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(Waiting { id, kind: record.kind, payload_len: record.payload_len, hash: None, name });
            }
            Dir::In if is_message || record.kind == Kind::WsPong => self.answer(session, id, &record),
            _ => {}
        }
    }

    /// A message of the server's: what it answers, if it answers anything.
    fn answer(&mut self, session: &Session, id: RecordId, record: &Record) {
        let Some(waiting) = self.waiting.get_mut(&record.link).filter(|waiting| !waiting.is_empty()) else { return };
        let acknowledged = match &self.paths {
            Some((path, _)) if record.kind == Kind::WsText => path.first_in(&payload(session, id)),
            _ => None,
        };
        let mut said = None;
        let names_ours = self.paths.as_ref().is_some_and(|(_, names)| names.is_some());
        let at = waiting.iter_mut().position(|ours| {
            if let Some(acknowledged) = &acknowledged {
                return !names_ours || ours.name.as_ref() == Some(acknowledged);
            }
            let fits = match (ours.kind, record.kind) {
                (Kind::WsPing, Kind::WsPong) | (Kind::WsClose, Kind::WsClose) => true,
                (sent, came) => sent == came && !matches!(sent, Kind::WsPing | Kind::WsClose),
            };
            let same_size = ours.payload_len == record.payload_len;
            if !fits || ours.kind == Kind::WsClose || !same_size {
                return fits && ours.kind == Kind::WsClose;
            }
            let hash = *said.get_or_insert_with(|| hash_of(session, id));
            *ours.hash.get_or_insert_with(|| hash_of(session, ours.id)) == hash
        });
        let Some(ours) = at.and_then(|at| waiting.remove(at)) else { return };
        self.answered.insert(ours.id, id);
        if self.answered.len() > MOST_ANSWERED {
            self.answered.pop_first();
        }
    }
}

fn payload(session: &Session, id: RecordId) -> Vec<u8> {
    session.explain_within(id, COMPARED_BYTES).payload
}

fn hash_of(session: &Session, id: RecordId) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload(session, id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Store;
    use crate::wire::{Event, What};
    use bytes::Bytes;

    fn frame(opcode: u8, text: &str, is_masked: bool) -> Vec<u8> {
        let mask = if is_masked { 0x80 } else { 0 };
        let mut bytes = vec![0x80 | opcode, mask | text.len() as u8];
        if is_masked {
            bytes.extend([0; 4]);
        }
        bytes.extend(text.as_bytes());
        bytes
    }

    /// A WebSocket on which these frames went out and came in.
    fn conversation(frames: &[(Dir, u8, &str)]) -> Session {
        let mut session = Session::new(Store::memory(), 0);
        let heads: [(Dir, &str); 2] = [
            (Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            (Dir::In, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        ];
        let heads = heads.map(|(dir, text)| (dir, text.as_bytes().to_vec()));
        let frames = frames.iter().map(|(dir, opcode, text)| (*dir, frame(*opcode, text, *dir == Dir::Out)));
        for (at_ns, (dir, bytes)) in heads.into_iter().chain(frames).enumerate() {
            let what = What::Bytes(dir, Bytes::from(bytes));
            session.append(Event { at_ns: at_ns as u64, link: LinkId(1), what });
        }
        session
    }

    /// The payloads of what was sent, each with that of what answers it.
    fn answers(session: &Session, rule: AckRule) -> Vec<(String, Option<String>)> {
        let mut deliveries = Deliveries::default();
        deliveries.set_rule(rule).unwrap();
        while deliveries.look(session, Instant::now()) {}
        let text = |id: RecordId| String::from_utf8(payload(session, id)).unwrap();
        let sent = (0..session.records().len()).filter(|id| {
            let record = session.records()[*id];
            record.dir == Dir::Out && matches!(record.kind, Kind::WsText | Kind::WsPing)
        });
        sent.map(|id| (text(id), deliveries.of(session, id).unwrap().answered.map(|(id, _)| text(id)))).collect()
    }

    #[test]
    fn pongs_and_echoes_answer() {
        let session = conversation(&[
            (Dir::Out, 9, "p"),
            (Dir::Out, 1, "hello"),
            (Dir::Out, 1, "again"),
            (Dir::In, 1, "other"),
            (Dir::In, 10, "p"),
            (Dir::In, 1, "hello"),
        ]);
        let told = answers(&session, AckRule::default());
        let expected = [("p", Some("p")), ("hello", Some("hello")), ("again", None)];
        assert_eq!(told, expected.map(|(sent, answer)| (sent.to_owned(), answer.map(str::to_owned))));
    }

    #[test]
    fn an_acknowledgement_is_named_by_a_path() {
        let session = conversation(&[
            (Dir::Out, 1, r#"{"id":1}"#),
            (Dir::Out, 1, r#"{"id":2}"#),
            (Dir::In, 1, r#"{"news":9}"#),
            (Dir::In, 1, r#"{"ack":2}"#),
        ]);
        let by_name = AckRule { path: "$.ack".into(), names: "$.id".into() };
        let told = answers(&session, by_name);
        assert_eq!(told.iter().map(|(_, answer)| answer.is_some()).collect::<Vec<_>>(), [false, true]);
        let any = AckRule { path: "$.ack".into(), names: String::new() };
        assert!(answers(&session, any)[0].1.is_some());
        assert!(Deliveries::default().set_rule(AckRule { path: "$[".into(), names: String::new() }).is_err());
    }
}
