//! Which draft of WebSocket a head speaks, and the bytes that hixie-76 has behind both heads: 8 behind the request, 16
//! behind the answer, neither with a length (draft-hixie-thewebsocketprotocol-76 §4.1, §5.2).

use super::Request;
use crate::dissect::hixie::fields::{
    CHALLENGE_RESPONSE, FIELD_MISSING_75, FIELD_MISSING_76, HIXIE_75, HIXIE_76, HYBI_07, HYBI_08, KEY_INVALID, KEY3,
    RESPONSE_WRONG,
};
use crate::dissect::hixie::{Draft, KEY3_BYTES, RESPONSE_BYTES, challenge_response, key_number};
use crate::dissect::{FieldDef, Flags, Kind, NoteDef, Place, Record, Severity, Sink, Value};
use crate::wire::LinkId;

/// What the fields of a head say of the draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftFields {
    /// Sec-WebSocket-Key1 and -Key2: the wire bits of their lines, and their numbers.
    keys: [Option<(u64, u64, Option<u32>)>; 2],
    /// Sec-WebSocket-Version: the wire bits of its line, and what it says.
    version: Option<(u64, u64, String)>,
    has_key: bool,
    has_accept: bool,
    /// WebSocket-Origin and -Location, of hixie-75.
    names_75: [bool; 2],
    /// The same with Sec-, of hixie-76.
    names_76: [bool; 2],
    /// Upgrade, letter by letter as the hixie drafts want it.
    is_written_old: bool,
}

impl DraftFields {
    /// Takes a field line in, whose text is at these bits of the wire.
    pub fn take(&mut self, name: &[u8], value: &[u8], bit: u64, bits: u64) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("upgrade") {
            self.is_written_old = value == b"WebSocket";
        }
        let (is_sec, rest) = match name.split_at_checked(4) {
            Some((start, rest)) if start.eq_ignore_ascii_case(b"sec-") => (true, rest),
            _ => (false, name),
        };
        let rest_is = |known: &str| rest.eq_ignore_ascii_case(known.as_bytes());
        let names = if is_sec { &mut self.names_76 } else { &mut self.names_75 };
        if rest_is("websocket-origin") {
            names[0] = true;
        } else if rest_is("websocket-location") {
            names[1] = true;
        } else if is("sec-websocket-key") {
            self.has_key = true;
        } else if is("sec-websocket-accept") {
            self.has_accept = true;
        } else if is("sec-websocket-key1") {
            self.keys[0] = Some((bit, bits, key_number(value)));
        } else if is("sec-websocket-key2") {
            self.keys[1] = Some((bit, bits, key_number(value)));
        } else if is("sec-websocket-version") {
            self.version = Some((bit, bits, String::from_utf8_lossy(value).trim().to_owned()));
        }
    }
}

/// What a request asks of the drafts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing, or what RFC 6455 and its last drafts have.
    #[default]
    Other,
    /// hixie-75.
    Hixie75,
    /// hixie-76, with what the answer must be, where the keys have numbers.
    Hixie76(Option<[u8; RESPONSE_BYTES]>),
}

/// Notes which draft a request's head speaks. What it asks for; the answer to a challenge is not known before key 3.
pub fn asked(place: Place, start: u64, fields: &DraftFields, upgrade: &str, out: &mut impl Sink) -> Asked {
    if !upgrade.split(',').any(|item| item.trim().eq_ignore_ascii_case("websocket")) {
        return Asked::Other;
    }
    if let Some((bit, bits, version)) = &fields.version {
        let def: Option<&'static NoteDef> = match version.as_str() {
            "7" => Some(&HYBI_07),
            "8" => Some(&HYBI_08),
            _ => None,
        };
        if let Some(def) = def {
            out.note(place, def, *bit, *bits, String::new);
        }
        return Asked::Other;
    }
    if let (false, [Some(first), Some(second)]) = (fields.has_key, &fields.keys) {
        out.note(place, &HIXIE_76, first.0, first.1, || match (first.2, second.2) {
            (Some(first), Some(second)) => format!("the keys stand for {first} and {second}"),
            _ => String::new(),
        });
        for (bit, bits, _) in [first, second].into_iter().filter(|key| key.2.is_none()) {
            out.note(place, &KEY_INVALID, *bit, *bits, String::new);
        }
        return Asked::Hixie76(None);
    }
    if !fields.has_key && fields.is_written_old && fields.keys == [None, None] {
        out.note(place, &HIXIE_75, start * 8, 0, String::new);
        return Asked::Hixie75;
    }
    Asked::Other
}

/// The draft that an answer of 101 agreed to, if it is one of these; notes what is missing in its head.
pub fn agreed(
    place: Place,
    start: u64,
    fields: &DraftFields,
    request: Option<&Request>,
    out: &mut impl Sink,
) -> Option<Draft> {
    if fields.has_accept {
        return None;
    }
    let (draft, def, names) = match request.map(|request| request.draft) {
        Some(Asked::Hixie76(_)) => (Draft::Hixie76, &FIELD_MISSING_76, fields.names_76),
        Some(Asked::Hixie75) => (Draft::Hixie75, &FIELD_MISSING_75, fields.names_75),
        _ if fields.names_75 != [false; 2] => (Draft::Hixie75, &FIELD_MISSING_75, fields.names_75),
        _ => return None,
    };
    if names != [true; 2] {
        let missing: Vec<&str> = [("Origin", names[0]), ("Location", names[1])]
            .iter()
            .filter(|(_, is)| !is)
            .map(|(name, _)| *name)
            .collect();
        out.note(place, def, start * 8, 0, || format!("{} is missing", missing.join(" and ")));
    }
    Some(draft)
}

/// The bytes behind a head of hixie-76, while they come.
#[derive(Clone, Debug)]
pub enum Challenge {
    /// Key 3, the numbers of the other keys, and the request that they belong to.
    Key3 { held: Vec<u8>, numbers: Option<[u32; 2]>, request: Request },
    /// The answer, and what it must be.
    Response { held: Vec<u8>, expected: Option<[u8; RESPONSE_BYTES]> },
}

impl Challenge {
    /// Behind a request's head.
    pub fn key3(fields: &DraftFields, request: Request) -> Challenge {
        let number = |at: usize| fields.keys[at].as_ref().and_then(|key| key.2);
        let numbers = number(0).zip(number(1)).map(|(first, second)| [first, second]);
        Challenge::Key3 { held: Vec::new(), numbers, request }
    }

    /// Behind the head of the answer to `request`.
    pub fn response(request: Option<&Request>) -> Challenge {
        let expected = match request.map(|request| request.draft) {
            Some(Asked::Hixie76(expected)) => expected,
            _ => None,
        };
        Challenge::Response { held: Vec::new(), expected }
    }

    /// The request that key 3 belongs to.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Challenge::Key3 { request, .. } => Some(request),
            Challenge::Response { .. } => None,
        }
    }

    fn parts(&mut self) -> (&mut Vec<u8>, usize, &'static FieldDef) {
        match self {
            Challenge::Key3 { held, .. } => (held, KEY3_BYTES, &KEY3),
            Challenge::Response { held, .. } => (held, RESPONSE_BYTES, &CHALLENGE_RESPONSE),
        }
    }

    /// How many bytes have come.
    pub fn len(&self) -> u64 {
        match self {
            Challenge::Key3 { held, .. } | Challenge::Response { held, .. } => held.len() as u64,
        }
    }

    /// Takes its share of `bytes`: how many, and whether it is whole now.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (held, needed, _) = self.parts();
        let taken = bytes.len().min(needed - held.len());
        held.extend_from_slice(&bytes[..taken]);
        (taken, held.len() == needed)
    }

    /// Tells the bytes, which begin at byte `start`, as a body. `cut` says why they are not whole.
    pub fn tell(&mut self, place: Place, link: LinkId, start: u64, cut: Option<&'static NoteDef>, out: &mut impl Sink) {
        let (held, _, def) = self.parts();
        let len = held.len() as u64;
        out.field(place, def, start * 8, len * 8, Value::Bytes, 0);
        if let Some(cut) = cut {
            // Notes are on the record, which is told at the content.
            out.note(Place::content(place.dir), cut, 0, 0, || format!("{len} bytes came"));
        } else if let Challenge::Response { held, expected: Some(expected) } = self
            && held[..] != expected[..]
        {
            out.note(Place::content(place.dir), &RESPONSE_WRONG, 0, 0, || format!("it must be {}", hex(expected)));
        }
        let flags = if cut.is_some() { Flags::INCOMPLETE } else { Flags::default() };
        let (dir, kind, worst) = (place.dir, Kind::HttpBody, Severity::None);
        let record = Record { start, len, payload_len: len, link, detail: 0, kind, dir, worst, flags };
        out.record(Place::content(dir), record.in_place(start));
    }

    /// The request, once key 3 is whole; now it is known what must be answered.
    pub fn into_request(self) -> Option<Request> {
        let Challenge::Key3 { held, numbers, request } = self else { return None };
        Some(Request { draft: Asked::Hixie76(numbers.map(|numbers| challenge_response(numbers, &held))), ..request })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
