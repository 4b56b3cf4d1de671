//! A record as a JSON object: what `show` prints and exports hold.

use crate::dissect::{Explained, Field, Value};
use crate::session::{RecordId, Session};
use crate::wire::Buf;
use base64::Engine;
use serde_json::{Map, Value as Json, json};

/// Bytes of a payload or field that are written in full.
pub const RECORD_LIMIT_BYTES: usize = 16 << 20;

/// A record as a JSON object, with its payload up to [`RECORD_LIMIT_BYTES`].
pub fn object(session: &Session, id: RecordId, explained: &Explained, with_fields: bool) -> Json {
    let record = &session.records()[id];
    let notes: Vec<Json> = explained
        .notes
        .iter()
        .map(|note| {
            let def = note.def;
            let mut object = json!({"key": def.key, "severity": def.severity.name(), "text": def.text});
            for (key, text) in [("spec", def.spec), ("detail", note.detail.as_str())] {
                if !text.is_empty() {
                    object[key] = text.into();
                }
            }
            object
        })
        .collect();
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("n", (id + 1).into());
    put("at_ns", session.at_ns(id).into());
    put("connection", session.connection_of(record).0.into());
    put("link", record.link.0.into());
    put("dir", record.dir.name().into());
    put("kind", record.kind.name().into());
    put("span", json!([record.start, record.end()]));
    put("len", record.payload_len.into());
    put("summary", session.line(explained).into());
    put("notes", notes.into());
    if let Some(remark) = session.remarks().get(id) {
        put("remark", json!({"text": remark.text, "mark": remark.mark.name()}));
    }
    // A body that was told message by message has a length and nothing more to say.
    if !explained.payload.is_empty() || explained.payload_left_out > 0 {
        match std::str::from_utf8(&explained.payload) {
            Ok(text) => put("text", text.into()),
            Err(_) => put("base64", base64::engine::general_purpose::STANDARD.encode(&explained.payload).into()),
        };
        if explained.payload_left_out > 0 {
            put("left_out", explained.payload_left_out.into());
        }
    }
    if with_fields {
        let fields: Vec<Json> = explained.fields.iter().map(|field| field_object(session, explained, field)).collect();
        put("fields", fields.into());
    }
    Json::Object(object)
}

fn field_object(session: &Session, explained: &Explained, field: &Field) -> Json {
    let bytes = || session.field_bytes(explained, field, RECORD_LIMIT_BYTES);
    let value = match &field.value {
        Value::Group => Json::Null,
        Value::Number(number) | Value::Named(number, _) => (*number).into(),
        Value::Flag(flag) => u8::from(*flag).into(),
        Value::Says(text) => text.as_ref().into(),
        Value::Text => String::from_utf8_lossy(&bytes()).into_owned().into(),
        Value::Bytes => bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    };
    let mut object = json!({"key": field.def.key, "value": value});
    if let Value::Named(_, name) = &field.value {
        object["name"] = (*name).into();
    }
    object["bit"] = field.span.bit.into();
    object["bits"] = field.span.bits.into();
    object["buf"] = buffer(field, explained).into();
    object
}

/// The buffer that a field lies in, by its name.
pub fn buffer(field: &Field, explained: &Explained) -> String {
    match field.span.buf {
        Buf::Wire(..) => "wire".to_owned(),
        Buf::Made(n) => explained.made.get(n as usize).map_or("made", |made| made.label).to_owned(),
    }
}
