//! Events as lines, and back.

use crate::wire::{Dir, Event, LinkId, What};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// An event as what stands under `event`.
pub(super) fn to_json(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("at_ns".into(), event.at_ns.into());
    object.insert("link".into(), event.link.0.into());
    let (name, detail) = named(&event.what);
    object.insert("what".into(), name.into());
    match &event.what {
        What::Bytes(dir, bytes) => {
            object.insert("dir".into(), dir.name().into());
            match std::str::from_utf8(bytes) {
                Ok(text) => object.insert("text".into(), text.into()),
                Err(_) => object.insert("base64".into(), STANDARD.encode(bytes).into()),
            };
        }
        What::Ended(dir) => _ = object.insert("dir".into(), dir.name().into()),
        _ => _ = object.insert("detail".into(), detail),
    }
    Value::Object(object)
}

fn named(what: &What) -> (&'static str, Value) {
    fn of(detail: &impl Serialize) -> Value {
        serde_json::to_value(detail).unwrap_or(Value::Null)
    }
    match what {
        What::Opening(detail) => ("opening", of(detail)),
        What::Resolved(detail) => ("resolved", of(detail)),
        What::Connected(detail) => ("connected", of(detail)),
        What::Tunnelled(detail) => ("tunnelled", of(detail)),
        What::Secured(detail) => ("secured", of(detail)),
        What::Bytes(..) => ("bytes", Value::Null),
        What::Challenged(detail) => ("challenged", of(detail)),
        What::Progress(detail) => ("progress", of(detail)),
        What::Stalled(detail) => ("stalled", of(detail)),
        What::Ended(_) => ("ended", Value::Null),
        What::Failed(detail) => ("failed", of(detail)),
        What::Closed(detail) => ("closed", of(detail)),
        What::Client(detail) => ("client", of(detail)),
    }
}

/// The inverse of [`to_json`]; an error says what is wrong.
pub(super) fn from_json(value: &Value) -> Result<Event, String> {
    let number = |key: &str| value[key].as_u64().ok_or_else(|| format!("its {key:?} is no number"));
    let link = u32::try_from(number("link")?).map_err(|_| "its \"link\" is too large a number")?;
    // A session file holds times as signed numbers.
    let at_ns = number("at_ns")?.min(i64::MAX as u64);
    let name = value["what"].as_str().ok_or("its \"what\" is no text")?;
    let detail = &value["detail"];
    let what = match name {
        "opening" => What::Opening(fact(detail)?),
        "resolved" => What::Resolved(fact(detail)?),
        "connected" => What::Connected(fact(detail)?),
        "tunnelled" => What::Tunnelled(fact(detail)?),
        "secured" => What::Secured(fact(detail)?),
        "challenged" => What::Challenged(fact(detail)?),
        "progress" => What::Progress(fact(detail)?),
        "stalled" => What::Stalled(fact(detail)?),
        "failed" => What::Failed(fact(detail)?),
        "closed" => What::Closed(fact(detail)?),
        "client" => What::Client(fact(detail)?),
        "bytes" => What::Bytes(dir(value)?, bytes(value)?),
        "ended" => What::Ended(dir(value)?),
        other => return Err(format!("its \"what\" is {other:?}, which means nothing here")),
    };
    Ok(Event { at_ns, link: LinkId(link), what })
}

fn fact<T: DeserializeOwned>(detail: &Value) -> Result<T, String> {
    T::deserialize(detail).map_err(|error| format!("its \"detail\" is not as it should be: {error}"))
}

pub(super) fn dir(value: &Value) -> Result<Dir, String> {
    match value["dir"].as_str() {
        Some("out") => Ok(Dir::Out),
        Some("in") => Ok(Dir::In),
        _ => Err(format!("its \"dir\" is {}, and should be \"in\" or \"out\"", json!(value["dir"]))),
    }
}

pub(super) fn bytes(value: &Value) -> Result<Bytes, String> {
    if let Some(text) = value["text"].as_str() {
        return Ok(Bytes::from(text.to_owned()));
    }
    let Some(text) = value["base64"].as_str() else {
        return Err("it has neither \"text\" nor \"base64\"".to_owned());
    };
    STANDARD.decode(text).map(Bytes::from).map_err(|error| format!("its \"base64\" cannot be read: {error}"))
}
