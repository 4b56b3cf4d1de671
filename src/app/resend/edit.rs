//! A recorded message as the composer holds it, to be changed before it is sent.

use super::order::code_of;
use crate::app::composer::{Composer, Format, FrameDraft, SendAs};
use crate::session::{Flags, Kind, Record, RecordId, Session};
use crate::transport::LengthForm;

/// A longer message is not laid out for typing.
const EDIT_LIMIT_BYTES: u64 = 1 << 20;
/// The frames of a message are looked for among so many records before it.
const LOOK_BACK: usize = 4096;
/// A message in more fragments is sent in one.
const MOST_FRAGMENTS: usize = 256;

/// Puts a message into the composer; an error says why it cannot be there.
pub fn load(session: &Session, id: RecordId, composer: &mut Composer) -> Result<(), String> {
    let Some(record) = session.records().get(id).copied() else { return Err("no record is selected".to_owned()) };
    if record.kind.is_fact() {
        return Err("this record is no message".to_owned());
    }
    if record.payload_len > EDIT_LIMIT_BYTES {
        let len = record.payload_len;
        return Err(format!(
            "it has {len} bytes, and at most {EDIT_LIMIT_BYTES} are edited here: save it and send the file"
        ));
    }
    let explained = session.explain(id);
    let payload = &explained.payload;
    if (payload.len() as u64) < record.payload_len && !matches!(record.kind, Kind::WsClose | Kind::WsFrame) {
        return Err(format!("of its {} bytes only {} can be read", record.payload_len, payload.len()));
    }
    let text = std::str::from_utf8(payload).ok();
    (composer.format, composer.text) = match text {
        Some(text) if is_document(text) => (Format::Json, text.to_owned()),
        Some(text) if record.kind != Kind::WsBinary && is_typeable(text) => (Format::Text, text.to_owned()),
        _ => (Format::Hex, hex(payload)),
    };
    (composer.compress, composer.fragments) = (None, fragments(session, id, &record));
    composer.send_as = match record.kind {
        Kind::WsBinary => SendAs::Binary,
        Kind::WsPing => SendAs::Ping,
        Kind::WsPong => SendAs::Pong,
        Kind::WsClose => SendAs::Close,
        _ => SendAs::Text,
    };
    match record.kind {
        Kind::WsClose => {
            composer.close_code = code_of(&explained).map_or_else(String::new, |code| code.to_string());
            composer.format = Format::Text;
            composer.text = String::from_utf8_lossy(payload).into_owned();
        }
        Kind::WsFrame => frame(session, &record, composer)?,
        // Only a frame that is written as ordered can carry this.
        Kind::WsText if text.is_none() => {
            composer.send_as = SendAs::Raw;
            composer.frame = FrameDraft { opcode: 1, ..FrameDraft::default() };
            composer.fragments.clear();
        }
        _ => {}
    }
    composer.history_at = None;
    Ok(())
}

/// What a record says as it is typed, and whether that is hexadecimal; an error says why it cannot be typed.
pub fn typed(session: &Session, id: RecordId) -> Result<(String, bool), String> {
    let Some(record) = session.records().get(id).copied() else { return Err("the record is gone".to_owned()) };
    let limit = || format!("it has more than {EDIT_LIMIT_BYTES} bytes: save it and send the file");
    if record.payload_len.max(record.len) > EDIT_LIMIT_BYTES {
        return Err(limit());
    }
    let payload = match record.kind {
        Kind::HttpRequest => super::order::recorded_request(session, id)?.body.to_vec(),
        Kind::WsFrame => super::order::recorded_frame(session, &record)?.payload.to_vec(),
        _ => session.explain(id).payload,
    };
    if payload.len() as u64 > EDIT_LIMIT_BYTES {
        return Err(limit());
    }
    match std::str::from_utf8(&payload) {
        Ok(text) if is_typeable(text) => Ok((text.to_owned(), false)),
        _ => Ok((hex(&payload), true)),
    }
}

fn is_document(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether typing keeps every character.
fn is_typeable(text: &str) -> bool {
    !text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\t'))
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

/// A frame, bit by bit; its masking key is drawn anew.
fn frame(session: &Session, record: &Record, composer: &mut Composer) -> Result<(), String> {
    let recorded = super::order::recorded_frame(session, record)?;
    let bytes = &recorded.payload;
    (composer.format, composer.text) = match std::str::from_utf8(bytes) {
        Ok(text) if is_document(text) => (Format::Json, text.to_owned()),
        Ok(text) if is_typeable(text) => (Format::Text, text.to_owned()),
        _ => (Format::Hex, hex(bytes)),
    };
    composer.send_as = SendAs::Raw;
    composer.fragments.clear();
    // The code of a close frame is among its bytes.
    composer.close_code = String::new();
    if recorded.opcode == 8 {
        (composer.format, composer.text) = (Format::Hex, hex(bytes));
    }
    let minimal = match bytes.len() {
        0..=125 => LengthForm::Bits7,
        126..=65_535 => LengthForm::Bits16,
        _ => LengthForm::Bits64,
    };
    composer.frame = FrameDraft {
        fin: recorded.fin,
        rsv: recorded.rsv,
        opcode: recorded.opcode,
        mask: recorded.mask.is_some(),
        length_form: if recorded.length_form == minimal { LengthForm::Minimal } else { recorded.length_form },
        under_way: composer.frame.under_way,
        ..FrameDraft::default()
    };
    Ok(())
}

/// The sizes of a message's frames but the last, where it was sent in several and not compressed.
fn fragments(session: &Session, id: RecordId, message: &Record) -> String {
    if !matches!(message.kind, Kind::WsText | Kind::WsBinary) || message.flags.has(Flags::COMPRESSED) {
        return String::new();
    }
    let mut sizes = Vec::new();
    for before in (id.saturating_sub(LOOK_BACK)..id).rev() {
        let Some(record) = session.records().get(before) else { break };
        if (record.link, record.dir) != (message.link, message.dir) {
            continue;
        }
        if record.end() <= message.start {
            break;
        }
        if record.kind == Kind::WsFrame && record.start >= message.start && record.detail & 0xF < 8 {
            sizes.push(record.payload_len);
        }
    }
    if !(2..=MOST_FRAGMENTS).contains(&sizes.len()) {
        return String::new();
    }
    sizes.iter().skip(1).rev().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
