//! The bytes of a WebSocket conversation as a capture file (the classic pcap format): every segment carries what one
//! loopback read brings.

use crate::stream::{self, Stream};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const CLIENT_PORT: u16 = 50_000;
const SERVER_PORT: u16 = 80;
/// A packet's IPv4 length has 16 bits.
const SEGMENT_BYTES: usize = 32 * 1024;
/// A packet each 10 µs.
const STEP_NS: u64 = 10_000;
/// RFC 6455 §1.3: the answer to the key of [`stream::request`].
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub fn write(out: &Path, count: usize) -> io::Result<()> {
    let mut capture = Capture { file: BufWriter::new(File::create(out)?), sent: [1, 1], at_ns: 0 };
    // Magic (nanoseconds), version 2.4, no zone, no accuracy, snap length, LINKTYPE_RAW.
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 0x4_0000, 101] {
        capture.file.write_all(&word.to_le_bytes())?;
    }
    capture.handshake()?;
    capture.data(CLIENT, stream::request("/ws").as_bytes())?;
    capture.data(SERVER, Stream::WebSocket.head(KEY).as_bytes())?;
    Stream::WebSocket.send(count, stream::MESSAGE_BYTES, |bytes| capture.data(SERVER, bytes))?;
    capture.file.flush()
}

const CLIENT: usize = 0;
const SERVER: usize = 1;
const SYN: u8 = 0x02;
const PUSH: u8 = 0x08;
const ACK: u8 = 0x10;

struct Capture {
    file: BufWriter<File>,
    /// The next sequence number of client and server.
    sent: [u32; 2],
    at_ns: u64,
}

impl Capture {
    fn handshake(&mut self) -> io::Result<()> {
        self.sent = [0, 0];
        self.packet(CLIENT, SYN, &[])?;
        self.sent[CLIENT] = 1;
        self.packet(SERVER, SYN | ACK, &[])?;
        self.sent[SERVER] = 1;
        self.packet(CLIENT, ACK, &[])
    }

    fn data(&mut self, from: usize, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(SEGMENT_BYTES) {
            self.packet(from, PUSH | ACK, piece)?;
            self.sent[from] = self.sent[from].wrapping_add(piece.len() as u32);
        }
        self.packet(1 - from, ACK, &[])
    }

    /// RFC 791 and RFC 9293, without options; the TCP checksum is left to nobody, as with offloading.
    fn packet(&mut self, from: usize, flags: u8, bytes: &[u8]) -> io::Result<()> {
        self.at_ns += STEP_NS;
        let len = 40 + bytes.len();
        let (seconds, nanoseconds) = (self.at_ns / 1_000_000_000, self.at_ns % 1_000_000_000);
        for word in [seconds as u32, nanoseconds as u32, len as u32, len as u32] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        let mut ip = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        ip[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        let ports = [CLIENT_PORT, SERVER_PORT];
        let mut tcp = [0; 20];
        tcp[0..2].copy_from_slice(&ports[from].to_be_bytes());
        tcp[2..4].copy_from_slice(&ports[1 - from].to_be_bytes());
        tcp[4..8].copy_from_slice(&self.sent[from].to_be_bytes());
        let seen = if flags & ACK == 0 { 0 } else { self.sent[1 - from] };
        tcp[8..12].copy_from_slice(&seen.to_be_bytes());
        tcp[12..16].copy_from_slice(&[0x50, flags, 0xff, 0xff]);
        self.file.write_all(&ip)?;
        self.file.write_all(&tcp)?;
        self.file.write_all(bytes)
    }
}
