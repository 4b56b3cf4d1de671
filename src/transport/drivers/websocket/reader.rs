//! What comes in, read by the dissector: for connections that are failed where the server breaks a rule, or that send
//! every message back.
//!
//! The dissector tells what is wrong and what messages say; here is only what becomes of that. Of a message that is
//! wanted at most the limit is held, of others nothing.

use super::super::frames::{CONTROL_BYTES, Fault, Seen};
use crate::dissect::websocket::negotiation::Deflate;
use crate::dissect::websocket::{fields, notes};
use crate::dissect::{
    Content, FieldDef, Flags, Kind, Layer, NoteDef, Place, Record, Severity, Sink, Utf8, Value, WebSocket,
};
use crate::transport::websocket::WebSocketOptions;
use crate::wire::{Dir, LinkId};
use bytes::Bytes;

/// Reads a direction to tell what the driver acts on.
pub(super) struct Reader {
    dissector: WebSocket,
    ear: Ear,
    /// How many bytes were read.
    at: u64,
}

impl Reader {
    /// For a connection with these options, whose dissector is ready.
    pub fn new(link: LinkId, deflate: Option<Deflate>, options: &WebSocketOptions) -> Reader {
        // One byte more than the limit tells a message that is too long from one that is just as long.
        let inflate_limit_bytes = options.inflate_limit_bytes.saturating_add(1);
        let dissector = match &deflate {
            Some(deflate) => WebSocket::with_deflate(link, deflate, inflate_limit_bytes),
            None => WebSocket::new(link),
        };
        let ear = Ear {
            has_deflate: deflate.is_some(),
            is_strict: options.strict,
            echoes: options.echo,
            limit_bytes: options.inflate_limit_bytes,
            ..Ear::default()
        };
        Reader { dissector, ear, at: 0 }
    }

    /// What has begun and is not complete.
    pub fn unfinished(&self) -> Option<&'static str> {
        self.dissector.pending(Dir::In).map(|pending| pending.what)
    }

    /// Reads on and adds what it saw. After a fault or a close frame there is nothing more to see.
    pub fn feed(&mut self, bytes: &[u8], seen: &mut Vec<Seen>) {
        if !self.ear.is_over {
            self.dissector.feed(Dir::In, self.at, bytes, &mut self.ear);
            seen.append(&mut self.ear.seen);
        }
        self.at += bytes.len() as u64;
    }
}

/// Listens to the dissector.
#[derive(Default)]
struct Ear {
    is_strict: bool,
    echoes: bool,
    limit_bytes: u64,
    /// Whether RSV1 says that a message is compressed.
    has_deflate: bool,
    /// RSV1 of the frame under way.
    rsv1: bool,
    /// A fault or a close frame was told.
    is_over: bool,
    message: Message,
    /// The payload of the control frame under way.
    control: Vec<u8>,
    told: Vec<&'static str>,
    seen: Vec<Seen>,
}

/// The data message under way.
#[derive(Default)]
struct Message {
    is_text: bool,
    is_compressed: bool,
    /// It is not known what all of it says.
    is_unread: bool,
    len: u64,
    /// What it says, where it is wanted.
    payload: Vec<u8>,
    utf8: Utf8,
}

impl Ear {
    /// A rule was broken: the end in strict mode, else said once.
    fn broken(&mut self, def: &'static NoteDef, detail: &str) {
        let separator = if detail.is_empty() { "" } else { ": " };
        let rule = format!("{}{separator}{detail} ({})", def.text, def.spec);
        if self.is_strict {
            let words = def.key.rsplit('.').next().unwrap_or(def.key).replace('-', " ");
            self.fault(Fault { code: close_code(def), reason: words, rule });
        } else if !self.told.contains(&def.key) {
            self.told.push(def.key);
            self.seen.push(Seen::Broken(rule.into()));
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.seen.push(Seen::Fault(fault));
        self.is_over = true;
        self.message = Message::default();
    }

    /// More of what the data message says.
    fn say(&mut self, bytes: &[u8]) {
        let message = &mut self.message;
        message.len += bytes.len() as u64;
        if message.len > self.limit_bytes {
            message.payload = Vec::new();
            if self.is_strict {
                let rule = format!("a message of more than {} bytes, which is the limit here", self.limit_bytes);
                self.fault(Fault { code: 1009, reason: "message too big".to_owned(), rule });
            }
            return;
        }
        if self.echoes {
            message.payload.extend_from_slice(bytes);
        }
        // The dissector tells at the end of a message; a receiver may fail as soon as it sees (RFC 6455 §8.1).
        if self.is_strict && message.is_text {
            message.utf8.push(bytes);
            if let Some(bad) = message.utf8.ill_formed() {
                self.broken(&notes::TEXT_NOT_UTF8, &format!("byte {} of the message: {}", bad.at, bad.hex()));
            }
        }
    }

    /// The data message is over.
    fn end_of_message(&mut self, record: &Record) {
        let message = std::mem::take(&mut self.message);
        if record.flags.has(Flags::INCOMPLETE) {
            // Interrupted by another one, of which the header was told already.
            let Message { is_text, is_compressed, .. } = message;
            self.message = Message { is_text, is_compressed, ..Message::default() };
            return;
        }
        if !self.echoes {
            return;
        }
        if message.len > self.limit_bytes {
            let text = format!("a message of more than {} bytes, the limit, is not sent back", self.limit_bytes);
            self.seen.push(Seen::Broken(text.into()));
        } else if message.is_unread {
            self.seen.push(Seen::Broken("a message that cannot be inflated is not sent back".into()));
        } else {
            let is_text = record.kind == Kind::WsText;
            self.seen.push(Seen::Message { is_text, payload: message.payload.into() });
        }
    }
}

impl Sink for Ear {
    fn full(&self) -> bool {
        true
    }

    fn field(&mut self, place: Place, def: &'static FieldDef, _: u64, _: u64, value: Value, _: u8) {
        if place.layer != Layer::Wire {
            return;
        }
        // What a message is, is told by its first frame, before its payload.
        match value {
            Value::Flag(is_set) if std::ptr::eq(def, &fields::RSV1) => self.rsv1 = is_set,
            Value::Named(opcode @ (1 | 2), _) if std::ptr::eq(def, &fields::OPCODE) => {
                self.message.is_text = opcode == 1;
                self.message.is_compressed = self.rsv1 && self.has_deflate;
            }
            _ => {}
        }
    }

    fn note(&mut self, _: Place, def: &'static NoteDef, _: u64, _: u64, detail: impl FnOnce() -> String) {
        if self.is_over {
            return;
        }
        self.message.is_unread |= [&notes::DEFLATE_INVALID, &notes::NOT_INFLATED].contains(&def);
        // Nobody is told to fail a connection for how a byte is filled (RFC 7692 §7.2.1), and no receiver does.
        if def.severity == Severity::Error && def != &notes::DEFLATE_PADDING {
            self.broken(def, &detail());
        }
    }

    fn content(&mut self, place: Place, _: u64, _: u64, _: Content, bytes: &[u8]) {
        match place.layer {
            _ if self.is_over => {}
            Layer::Content if self.message.is_compressed => {}
            Layer::Content | Layer::Inflated => self.say(bytes),
            // A control frame that is longer than it may be is no control frame to answer.
            Layer::Control if self.control.len() + bytes.len() <= CONTROL_BYTES => self.control.extend(bytes),
            Layer::Control | Layer::Wire => {}
        }
    }

    fn record(&mut self, _: Place, record: Record) {
        if self.is_over {
            return;
        }
        match record.kind {
            Kind::WsText | Kind::WsBinary => self.end_of_message(&record),
            Kind::WsPing | Kind::WsPong | Kind::WsClose => {
                let payload = Bytes::from(std::mem::take(&mut self.control));
                if record.payload_len > CONTROL_BYTES as u64 {
                    return;
                }
                match record.kind {
                    Kind::WsPing => self.seen.push(Seen::Ping(payload)),
                    Kind::WsClose => {
                        self.seen.push(Seen::Close(payload));
                        // RFC 6455 §5.5.1: what follows is ignored.
                        self.is_over = true;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The close code for a broken rule (RFC 6455 §7.4.1).
fn close_code(def: &'static NoteDef) -> u16 {
    let of_data = [&notes::TEXT_NOT_UTF8, &notes::REASON_NOT_UTF8, &notes::DEFLATE_INVALID, &notes::DEFLATE_WINDOW];
    if of_data.contains(&def) { 1007 } else { 1002 }
}
