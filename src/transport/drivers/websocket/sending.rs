//! What is sent on a conversation: messages, control frames, and frames as they are ordered.

use super::super::frames::{self, CONTROL_BYTES, Cut};
use super::super::side::SideRequests;
use super::conversation::Conversation;
use crate::transport::spec::Outgoing;
use crate::transport::websocket::{RawFrame, WebSocketMessage, close_code_rule};
use crate::wire::Act;
use bytes::BytesMut;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data};

/// The opcode of close frames (RFC 6455 §5.2).
const CLOSE: u8 = 8;

impl Conversation<'_> {
    /// Carries out an order to send.
    pub(super) fn send(&mut self, outgoing: Outgoing, side: &mut SideRequests) {
        match outgoing {
            Outgoing::Request { .. } => side.begin(outgoing),
            Outgoing::Frames(frames) => self.send_raw(&frames),
            _ if self.close_sent => {
                self.not_sent("a close frame has been sent, and nothing may follow it (RFC 6455 §5.5.1)");
            }
            Outgoing::Text(text) => self.send_message(true, text.as_bytes(), None, &[]),
            Outgoing::Binary(bytes) => self.send_message(false, &bytes, None, &[]),
            Outgoing::Message(WebSocketMessage { is_text, payload, compress, fragments_bytes }) => {
                self.send_message(is_text, &payload, compress, &fragments_bytes);
            }
            Outgoing::Ping(bytes) | Outgoing::Pong(bytes) if bytes.len() > CONTROL_BYTES => {
                self.not_sent("a ping or pong holds at most 125 bytes (RFC 6455 §5.5)");
            }
            Outgoing::Ping(bytes) => self.out.push(frames::control(Control::Ping, &bytes)),
            Outgoing::Pong(bytes) => self.out.push(frames::control(Control::Pong, &bytes)),
        }
    }

    /// Sends a message that came in back as it came.
    pub(super) fn send_back(&mut self, is_text: bool, payload: &[u8]) {
        self.send_message(is_text, payload, None, &[]);
    }

    fn send_message(&mut self, is_text: bool, payload: &[u8], compress: Option<bool>, sizes: &[usize]) {
        let wants_deflate = compress.unwrap_or(self.options().deflate.compress && self.deflater.is_some());
        let deflated = match &mut self.deflater {
            None if wants_deflate => {
                return self.not_sent(
                    "it is to be compressed, and permessage-deflate was not agreed on with the server (RFC 7692 §5)",
                );
            }
            Some(deflater) if wants_deflate => match deflater.message(payload) {
                Some(deflated) => Some(deflated),
                None => return self.not_sent("the compressor failed"),
            },
            _ => None,
        };
        let opcode = if is_text { Data::Text } else { Data::Binary };
        let cut = if sizes.is_empty() { Cut::Every(self.options().fragment_bytes) } else { Cut::Sizes(sizes) };
        let frames = frames::message(opcode, deflated.as_deref().unwrap_or(payload), deflated.is_some(), cut);
        self.out.extend(frames);
    }

    /// Writes frames as they are ordered, in one piece: what we send by ourselves does not come between them. A close
    /// frame among them counts as sent.
    fn send_raw(&mut self, frames: &[RawFrame]) {
        let after_close = match self.close_sent {
            true => Some(0),
            false => frames.iter().position(|frame| frame.opcode == CLOSE).map(|at| at + 1),
        };
        if after_close.is_some_and(|at| at < frames.len()) {
            self.link.log.notice("a frame follows a close frame, which nothing may (RFC 6455 §5.5.1); sent as ordered");
        }
        let mut bytes = BytesMut::new();
        for frame in frames {
            bytes.extend_from_slice(&frame.bytes());
        }
        if let Some(frame) = frames.iter().find(|frame| !is_true_to_its_length(frame)) {
            let (len, claimed) = (frame.payload.len(), frame.written_len());
            self.link.log.notice(format!(
                "a frame says that {claimed} bytes of payload follow, and {len} do: the server takes what comes next for \
                 something else"
            ));
        }
        if !bytes.is_empty() {
            self.out.push(bytes.freeze());
        }
        // A close frame that is not all there is none yet.
        if frames.iter().any(|frame| frame.opcode == CLOSE && is_true_to_its_length(frame)) {
            // Where the server's came first, this is the answer to it.
            self.closed_by_user |= self.close_received.is_none() && !self.close_sent;
            self.close_is_sent();
        }
    }

    fn not_sent(&self, why: &str) {
        self.context.act(Act::NotSent, format!("not sent: {why}"));
    }

    /// Closes as the user ordered.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) {
        if self.close_sent {
            self.closed_by_user = true;
            return self.not_sent("a close frame has been sent already");
        }
        let code = code.or((!reason.is_empty()).then_some(1000));
        if reason.len() + 2 > CONTROL_BYTES {
            return self.not_sent("the reason of a close frame holds at most 123 bytes (RFC 6455 §5.5)");
        }
        self.closed_by_user = true;
        if let Some(rule) = code.and_then(close_code_rule) {
            self.link.log.notice(format!("{rule}; sent as ordered"));
        }
        let payload = code.map(|code| [&code.to_be_bytes(), reason.as_bytes()].concat()).unwrap_or_default();
        self.push_close(&payload);
    }
}

/// Whether a frame's header tells the length of its payload.
fn is_true_to_its_length(frame: &RawFrame) -> bool {
    frame.written_len() == frame.payload.len() as u64
}
