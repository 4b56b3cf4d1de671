//! WebSocket conversations, and what is told of them.

mod conversation;
mod deflate;
mod handshake;
mod laws;
mod parts;
mod rfc;
mod rules;
mod witness;

use super::{WebSocket, fields};
use crate::dissect::laws::{self as law, LINK, Script};
use crate::dissect::{Explained, FieldDef, Kind, Value};
use crate::wire::Dir;

fn subject() -> WebSocket {
    WebSocket::new(LINK)
}

/// Everything told of a script.
fn explain(script: &Script) -> Vec<Explained> {
    law::explain(&subject(), script, &[usize::MAX])
}

/// The first record of a kind.
#[track_caller]
fn first(told: &[Explained], kind: Kind) -> &Explained {
    told.iter().find(|explained| explained.record.kind == kind).unwrap_or_else(|| panic!("no {} was told", kind.name()))
}

/// The value of a field, and its place: first bit and number of bits.
#[track_caller]
fn field<'a>(explained: &'a Explained, def: &FieldDef) -> (&'a Value, u64, u64) {
    let field = explained.fields.iter().find(|field| field.def.key == def.key);
    let field = field.unwrap_or_else(|| panic!("no field {} in {:?}", def.key, explained.fields));
    (&field.value, field.span.bit, field.span.bits)
}

/// A server's frame: the first byte of its header, then the payload, its length as short as can be.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    framed(first, None, payload)
}

/// A client's frame.
fn masked(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    framed(first, Some(key), payload)
}

fn framed(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(mask | len as u8),
        len @ 126..=0xFFFF => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}
