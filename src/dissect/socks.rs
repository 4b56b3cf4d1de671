//! SOCKS: how a client asks a proxy for a way through. Version 5 (RFC 1928, with RFC 1929 for the password), and
//! version 4 with names (the memos "SOCKS: A protocol for TCP proxy across firewalls" and "SOCKS 4A").
//!
//! Once the proxy has answered the request, what follows is no SOCKS and is shown as it is.

use super::raw::Raw;
use super::{FieldDef, Flags, Kind, NoteDef, Payload, Pending, Place, Record, Severity, Sink, Value};
use crate::wire::{Dir, LinkId};
use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

macro_rules! fields {
    ($($name:ident = $key:literal, $label:literal, $spec:literal, $help:literal;)*) => {
        $(static $name: FieldDef =
            FieldDef { key: $key, label: $label, help: $help, spec: $spec, payload: Payload::No };)*
        /// Every field of SOCKS.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    VERSION = "socks.version", "version", "RFC 1928 §3", "The version of SOCKS, or of the login within it";
    METHOD_COUNT = "socks.method_count", "number of methods", "RFC 1928 §3", "How many ways to log in follow";
    METHOD = "socks.method", "method", "RFC 1928 §3", "A way to log in: offered by the client, or chosen by the proxy";
    USER_LENGTH = "socks.user_length", "length of the user", "RFC 1929 §2", "How many bytes of user name follow";
    USER = "socks.user", "user", "RFC 1929 §2", "Who the client says it is";
    PASSWORD_LENGTH = "socks.password_length", "length of the password", "RFC 1929 §2", "How many bytes of password follow";
    PASSWORD = "socks.password", "password", "RFC 1929 §2", "The password; recorded as * where Pushscope sent it, and so in redacted copies";
    LOGIN_STATUS = "socks.login_status", "status", "RFC 1929 §2", "0 where the proxy accepts the login";
    COMMAND = "socks.command", "command", "RFC 1928 §4", "What the proxy is to do";
    REPLY = "socks.reply", "reply", "RFC 1928 §6", "How it went";
    RESERVED = "socks.reserved", "reserved", "RFC 1928 §4", "Always 0";
    ADDRESS_TYPE = "socks.address_type", "address type", "RFC 1928 §5", "What kind of address follows";
    NAME_LENGTH = "socks.name_length", "length of the name", "RFC 1928 §5", "How many bytes of name follow";
    ADDRESS = "socks.address", "address", "RFC 1928 §5", "The host: to be reached, or which the proxy uses";
    PORT = "socks.port", "port", "RFC 1928 §4", "The TCP port";
    USER_ID = "socks.user_id", "user ID", "SOCKS 4", "Who the client says it is; a zero byte ends it";
    NAME = "socks.name", "name", "SOCKS 4A", "The name that the proxy is to resolve; a zero byte ends it";
}

/// The proxy said no.
pub static REFUSED: NoteDef =
    NoteDef { key: "socks.refused", severity: Severity::Error, text: "The proxy refused", spec: "RFC 1928 §6" };

/// The longest text of version 4 that is waited for.
const TEXT_LIMIT_BYTES: usize = 512;

/// What comes next on a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The first message: greeting or choice of method (5), request or reply (4).
    First,
    /// After the choice of a method: login or request.
    Later,
    /// No more SOCKS.
    Other,
}

#[derive(Clone, Debug)]
struct Side {
    next: Next,
    /// The beginning of a message, from this byte of the wire on.
    start: u64,
    pending: Vec<u8>,
}

/// The dissector of one link.
#[derive(Clone, Debug)]
pub struct Socks {
    link: LinkId,
    version: u8,
    sides: [Side; 2],
    rest: Raw,
}

/// Whether a link whose client begins with this byte speaks SOCKS. No HTTP method begins so.
pub fn begins(first: u8) -> bool {
    matches!(first, 4 | 5)
}

impl Socks {
    /// For a link whose client begins with `version`.
    pub fn new(link: LinkId, version: u8) -> Socks {
        let side = Side { next: Next::First, start: 0, pending: Vec::new() };
        Socks { link, version, sides: [side.clone(), side], rest: Raw::new(link) }
    }

    /// More bytes, which begin at byte `wire` of the direction.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let side = &mut self.sides[dir.index()];
        if side.next == Next::Other {
            return self.rest.feed(dir, wire, bytes, out);
        }
        if side.pending.is_empty() {
            side.start = wire;
        }
        side.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < side.pending.len() && side.next != Next::Other {
            let mut message =
                Message { bytes: &side.pending[at..], at: 0, parts: Vec::new(), detail: 0, refused: None };
            let read = match (self.version, side.next, dir) {
                (5, Next::First, Dir::Out) => message.greeting(),
                (5, Next::First, Dir::In) => message.choice(),
                (5, _, Dir::Out) => message.login_or_request(),
                (5, _, Dir::In) => message.status_or_reply(),
                (_, _, Dir::Out) => message.request_4(),
                (_, _, Dir::In) => message.reply_4(),
            };
            let len = match read {
                Read::More => break,
                Read::Whole(next) => {
                    side.next = next;
                    message.tell(self.link, dir, side.start + at as u64, out)
                }
                Read::Strange => {
                    side.next = Next::Other;
                    0
                }
            };
            at += len;
        }
        side.pending.drain(..at);
        side.start += at as u64;
        if side.next == Next::Other && !side.pending.is_empty() {
            let (start, rest) = (side.start, std::mem::take(&mut side.pending));
            self.rest.feed(dir, start, &rest, out);
        }
    }

    /// The direction ended after `end` bytes.
    pub fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        let side = &mut self.sides[dir.index()];
        if !side.pending.is_empty() {
            let (start, rest) = (side.start, std::mem::take(&mut side.pending));
            side.next = Next::Other;
            self.rest.feed(dir, start, &rest, out);
        }
        self.rest.finish(dir, end, out);
    }

    /// What has begun on a direction and is not complete.
    pub fn pending(&self, dir: Dir) -> Option<Pending> {
        let side = &self.sides[dir.index()];
        (!side.pending.is_empty()).then_some(Pending { what: "SOCKS message", start: side.start })
    }
}

enum Read {
    /// The message is not here whole.
    More,
    /// It is, and this comes next.
    Whole(Next),
    /// These bytes are no such message.
    Strange,
}

struct Message<'a> {
    bytes: &'a [u8],
    at: usize,
    parts: Vec<(&'static FieldDef, usize, usize, Value)>,
    detail: u32,
    refused: Option<(usize, &'static str)>,
}

impl Message<'_> {
    fn byte(&mut self, def: &'static FieldDef, name: fn(u8) -> &'static str) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        let value = match name(byte) {
            "" => Value::Number(byte.into()),
            name => Value::Named(byte.into(), name),
        };
        self.parts.push((def, self.at, 1, value));
        self.at += 1;
        Some(byte)
    }

    fn text(&mut self, def: &'static FieldDef, len: usize) -> Option<()> {
        self.bytes.get(self.at..self.at + len)?;
        self.parts.push((def, self.at, len, Value::Text));
        self.at += len;
        Some(())
    }

    fn says(&mut self, def: &'static FieldDef, len: usize, says: impl FnOnce(&[u8]) -> String) -> Option<()> {
        let bytes = self.bytes.get(self.at..self.at + len)?;
        self.parts.push((def, self.at, len, Value::Says(Cow::Owned(says(bytes)))));
        self.at += len;
        Some(())
    }

    fn port(&mut self) -> Option<()> {
        let bytes: [u8; 2] = self.bytes.get(self.at..self.at + 2)?.try_into().ok()?;
        self.parts.push((&PORT, self.at, 2, Value::Number(u16::from_be_bytes(bytes).into())));
        self.at += 2;
        Some(())
    }

    /// A text that a zero byte ends; `Err` where it is longer than any should be.
    fn terminated(&mut self, def: &'static FieldDef) -> Result<Option<()>, ()> {
        let rest = &self.bytes[self.at..];
        match memchr::memchr(0, rest) {
            Some(end) if end <= TEXT_LIMIT_BYTES => Ok(self.text(def, end + 1)),
            None if rest.len() <= TEXT_LIMIT_BYTES => Ok(None),
            _ => Err(()),
        }
    }

    fn first_is(&self, wanted: u8) -> bool {
        self.bytes.first() == Some(&wanted)
    }

    fn greeting(&mut self) -> Read {
        self.whole(Next::Later, |message| {
            message.byte(&VERSION, none)?;
            for _ in 0..message.byte(&METHOD_COUNT, none)? {
                message.byte(&METHOD, method)?;
            }
            Some(())
        })
    }

    fn choice(&mut self) -> Read {
        if !self.first_is(5) {
            return Read::Strange;
        }
        self.whole(Next::Later, |message| {
            message.byte(&VERSION, none)?;
            let chosen = message.byte(&METHOD, method)?;
            if chosen == 0xFF {
                message.refused = Some((message.at - 1, "none of the methods that were offered will do"));
            }
            Some(())
        })
    }

    fn login_or_request(&mut self) -> Read {
        match self.bytes.first() {
            Some(1) => self.whole(Next::Later, |message| {
                message.byte(&VERSION, none)?;
                let len = message.byte(&USER_LENGTH, none)?;
                message.text(&USER, len.into())?;
                let len = message.byte(&PASSWORD_LENGTH, none)?;
                message.text(&PASSWORD, len.into())
            }),
            Some(5) => self.whole_or_strange(Next::Other, |message| {
                message.byte(&VERSION, none)?;
                message.detail = message.byte(&COMMAND, command)?.into();
                message.byte(&RESERVED, none)?;
                message.address()
            }),
            _ => Read::Strange,
        }
    }

    fn status_or_reply(&mut self) -> Read {
        match self.bytes.first() {
            Some(1) => self.whole(Next::Later, |message| {
                message.byte(&VERSION, none)?;
                if message.byte(&LOGIN_STATUS, login_status)? != 0 {
                    message.refused = Some((message.at - 1, "the login"));
                }
                Some(())
            }),
            Some(5) => self.whole_or_strange(Next::Other, |message| {
                message.byte(&VERSION, none)?;
                let code = message.byte(&REPLY, reply)?;
                message.detail = code.into();
                if code != 0 {
                    message.refused = Some((message.at - 1, reply(code)));
                }
                message.byte(&RESERVED, none)?;
                message.address()
            }),
            _ => Read::Strange,
        }
    }

    /// Type, address and port; `Some(false)` where the type means nothing.
    fn address(&mut self) -> Option<bool> {
        match self.byte(&ADDRESS_TYPE, address_type)? {
            1 => self.says(&ADDRESS, 4, ipv4)?,
            3 => {
                let len = self.byte(&NAME_LENGTH, none)?;
                self.text(&ADDRESS, len.into())?;
            }
            4 => self.says(&ADDRESS, 16, |bytes| {
                <[u8; 16]>::try_from(bytes).map_or_else(|_| String::new(), |octets| Ipv6Addr::from(octets).to_string())
            })?,
            _ => return Some(false),
        }
        self.port()?;
        Some(true)
    }

    fn request_4(&mut self) -> Read {
        self.whole_or_strange(Next::Other, |message| {
            message.byte(&VERSION, none)?;
            message.detail = message.byte(&COMMAND, command)?.into();
            message.port()?;
            let address = message.at;
            message.says(&ADDRESS, 4, ipv4)?;
            match message.terminated(&USER_ID) {
                Ok(read) => read?,
                Err(()) => return Some(false),
            }
            // 0.0.0.x with x not 0 says that a name follows.
            if matches!(message.bytes[address..address + 4], [0, 0, 0, 1..=255]) {
                match message.terminated(&NAME) {
                    Ok(read) => read?,
                    Err(()) => return Some(false),
                }
            }
            Some(true)
        })
    }

    fn reply_4(&mut self) -> Read {
        if !self.first_is(0) {
            return Read::Strange;
        }
        self.whole(Next::Other, |message| {
            message.byte(&VERSION, none)?;
            let code = message.byte(&REPLY, reply_4)?;
            message.detail = code.into();
            if code != 90 {
                message.refused = Some((message.at - 1, reply_4(code)));
            }
            message.port()?;
            message.says(&ADDRESS, 4, ipv4)
        })
    }

    fn whole(&mut self, next: Next, read: impl FnOnce(&mut Self) -> Option<()>) -> Read {
        self.whole_or_strange(next, |message| read(message).map(|()| true))
    }

    fn whole_or_strange(&mut self, next: Next, read: impl FnOnce(&mut Self) -> Option<bool>) -> Read {
        match read(self) {
            None => Read::More,
            Some(true) => Read::Whole(next),
            Some(false) => Read::Strange,
        }
    }

    /// Tells the message, which begins at byte `start` of the wire; how long it is.
    fn tell(self, link: LinkId, dir: Dir, start: u64, out: &mut impl Sink) -> usize {
        let place = Place::wire(dir);
        for (def, at, len, value) in self.parts {
            out.field(place, def, (start + at as u64) * 8, len as u64 * 8, value, 0);
        }
        if let Some((at, why)) = self.refused {
            out.note(place, &REFUSED, (start + at as u64) * 8, 8, || why.to_owned());
        }
        let (len, flags) = (self.at as u64, Flags::default());
        let (kind, worst, detail) = (Kind::Socks, Severity::None, self.detail);
        out.record(place, Record { start, len, payload_len: 0, link, detail, kind, dir, worst, flags });
        self.at
    }
}

fn none(_: u8) -> &'static str {
    ""
}

fn ipv4(bytes: &[u8]) -> String {
    <[u8; 4]>::try_from(bytes).map_or_else(|_| String::new(), |octets| Ipv4Addr::from(octets).to_string())
}

fn method(code: u8) -> &'static str {
    match code {
        0 => "no login",
        1 => "GSSAPI",
        2 => "user and password",
        0xFF => "none of them",
        _ => "",
    }
}

fn command(code: u8) -> &'static str {
    match code {
        1 => "connect",
        2 => "bind",
        3 => "UDP associate",
        _ => "",
    }
}

fn login_status(code: u8) -> &'static str {
    if code == 0 { "accepted" } else { "refused" }
}

fn address_type(code: u8) -> &'static str {
    match code {
        1 => "IPv4",
        3 => "name",
        4 => "IPv6",
        _ => "",
    }
}

fn reply(code: u8) -> &'static str {
    match code {
        0 => "succeeded",
        1 => "general failure",
        2 => "not allowed by the rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "",
    }
}

fn reply_4(code: u8) -> &'static str {
    match code {
        90 => "granted",
        91 => "rejected or failed",
        92 => "rejected: the client does not answer identd",
        93 => "rejected: identd names another user",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
