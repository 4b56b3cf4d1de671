//! tungstenite, which knows nothing of this dissector, reads the same messages from the same bytes (law 6).

use super::conversation::valid;
use super::*;
use crate::dissect::{Flags, Severity};
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket as Witness};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What both say of a message.
#[derive(Debug, PartialEq)]
enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code, if there was one, and the reason.
    Close(Option<u16>, Vec<u8>),
}

/// A stream that says what was recorded and takes answers without heeding them.
struct Recorded(Cursor<Vec<u8>>);

impl Read for Recorded {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What tungstenite reads, and the error that it ends with.
fn witness(dir: Dir, bytes: &[u8]) -> (Vec<Said>, Error) {
    let role = if dir == Dir::In { Role::Client } else { Role::Server };
    let mut socket = Witness::from_raw_socket(Recorded(Cursor::new(bytes.to_vec())), role, None);
    let mut said = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => said.push(Said::Text(text.as_bytes().to_vec())),
            Ok(Message::Binary(bytes)) => said.push(Said::Binary(bytes.to_vec())),
            Ok(Message::Ping(bytes)) => said.push(Said::Ping(bytes.to_vec())),
            Ok(Message::Pong(bytes)) => said.push(Said::Pong(bytes.to_vec())),
            Ok(Message::Close(None)) => said.push(Said::Close(None, Vec::new())),
            Ok(Message::Close(Some(close))) => {
                said.push(Said::Close(Some(close.code.into()), close.reason.as_bytes().to_vec()));
            }
            Ok(Message::Frame(frame)) => panic!("a raw frame is never read: {frame:?}"),
            Err(error) => return (said, error),
        }
    }
}

/// What this dissector tells of the same bytes.
fn ours(dir: Dir, bytes: &[u8]) -> Vec<Said> {
    let told = explain(&vec![(dir, bytes.to_vec())]);
    let is_whole = |flags: Flags| flags.has(Flags::MESSAGE) && !flags.has(Flags::INCOMPLETE);
    let messages = told.into_iter().filter(|explained| is_whole(explained.record.flags));
    messages
        .map(|Explained { record, payload, .. }| match record.kind {
            Kind::WsText => Said::Text(payload),
            Kind::WsBinary => Said::Binary(payload),
            Kind::WsPing => Said::Ping(payload),
            Kind::WsPong => Said::Pong(payload),
            Kind::WsClose => Said::Close((record.payload_len > 0).then_some(record.detail as u16), payload),
            kind => panic!("{} is no message", kind.name()),
        })
        .collect()
}

/// Whether a note of ours is a reason for a receiver to fail the connection.
fn is_refused_by_us(dir: Dir, bytes: &[u8]) -> bool {
    explain(&vec![(dir, bytes.to_vec())]).iter().any(|told| told.record.worst == Severity::Error)
}

proptest! {
    #[test]
    fn server_bytes_are_read_alike(bytes in valid(Dir::In)) {
        prop_assert_eq!(ours(Dir::In, &bytes), witness(Dir::In, &bytes).0);
    }

    #[test]
    fn client_bytes_are_read_alike(bytes in valid(Dir::Out)) {
        prop_assert_eq!(ours(Dir::Out, &bytes), witness(Dir::Out, &bytes).0);
    }

    #[test]
    fn what_tungstenite_refuses_has_an_error_note(
        bytes in valid(Dir::In),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = bytes;
        if bytes.is_empty() {
            return Ok(());
        }
        let at = at.index(bytes.len());
        bytes[at] = value;
        let (said, error) = witness(Dir::In, &bytes);
        let is_end = matches!(
            error,
            Error::ConnectionClosed
                | Error::Protocol(tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
        );
        if !is_end && !matches!(error, Error::Capacity(_)) {
            prop_assert!(is_refused_by_us(Dir::In, &bytes), "tungstenite: {}", error);
        }
        // Up to where it gave up, and up to a close frame, it read what we tell.
        let ours = ours(Dir::In, &bytes);
        let is_alike = said.iter().zip(&ours).all(|(theirs, ours)| theirs == ours || matches!(theirs, Said::Close(..)));
        prop_assert!(is_alike, "{:?} and {:?}", said, ours);
    }
}

#[test]
fn a_message_of_many_blocks_is_read_alike() {
    let text = "Grüße, κόσμε, 🌍! ".repeat(9_000);
    let server = frame(0x81, text.as_bytes());
    assert_eq!(ours(Dir::In, &server), witness(Dir::In, &server).0);
    let client = masked(0x81, [0xDE, 0xAD, 0xBE, 0xEF], text.as_bytes());
    assert_eq!(ours(Dir::Out, &client), witness(Dir::Out, &client).0);
    assert_eq!(ours(Dir::Out, &client), [Said::Text(text.into_bytes())]);
}
