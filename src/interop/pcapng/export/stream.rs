//! The TCP connection that a link is written as: its packets, with the numbers and checksums that belong in them
//! (RFC 9293).

use crate::wire::Dir;
use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};
use std::net::{IpAddr, SocketAddr};

/// Payload of a segment at most: what an Ethernet carries of either family. Longer ones would do, but Wireshark gives up
/// on a packet in which some hundred WebSocket frames end.
pub const SEGMENT_LIMIT_BYTES: usize = 1500 - 40 - 20;

/// How many bytes may go one way before the other side acknowledges them: well within the window.
const UNACKNOWLEDGED_LIMIT_BYTES: u64 = 2 << 20;

/// The window scale of both sides (RFC 7323 §2): 65,535 << 7 is 8 MiB.
const WINDOW_SCALE: u8 = 7;

const TTL: u8 = 64;

/// A packet that is ready to be written.
#[derive(Debug)]
pub struct Packet {
    /// Where it goes.
    pub dir: Dir,
    /// Its bytes, from the IP header on.
    pub bytes: Vec<u8>,
}

/// A TCP connection in the making.
pub struct Stream {
    /// Client and server.
    pub ends: [SocketAddr; 2],
    first_sequence: [u32; 2],
    /// Payload bytes that each side has sent.
    sent: [u64; 2],
    /// How far each side's numbers are acknowledged by the other.
    acknowledged: [u64; 2],
    syn: [bool; 2],
    fin: [bool; 2],
    is_reset: bool,
}

/// Flags of a segment.
#[derive(Clone, Copy, Default)]
struct Flags {
    syn: bool,
    fin: bool,
    rst: bool,
    psh: bool,
}

impl Stream {
    /// Between a client and a server, whose sequence numbers begin there.
    pub fn new(ends: [SocketAddr; 2], first_sequence: [u32; 2]) -> Stream {
        Stream {
            ends,
            first_sequence,
            sent: [0; 2],
            acknowledged: [0; 2],
            syn: [false; 2],
            fin: [false; 2],
            is_reset: false,
        }
    }

    /// Whether the handshake began.
    pub fn has_begun(&self) -> bool {
        self.syn[0]
    }

    /// Whether nothing more can be sent.
    pub fn is_over(&self) -> bool {
        self.is_reset || self.fin == [true; 2]
    }

    /// Whether a side has said that it sends no more.
    pub fn has_ended(&self, dir: Dir) -> bool {
        self.fin[dir.index()] || self.is_reset
    }

    /// Payload bytes that went one way.
    pub fn sent(&self, dir: Dir) -> u64 {
        self.sent[dir.index()]
    }

    /// SYN, and what answers it.
    pub fn syn(&mut self, dir: Dir) -> Packet {
        let packet = self.build(dir, Flags { syn: true, ..Flags::default() }, &[]);
        self.syn[dir.index()] = true;
        packet
    }

    /// Nothing but an acknowledgment.
    pub fn acknowledge(&mut self, dir: Dir) -> Packet {
        self.build(dir, Flags::default(), &[])
    }

    /// Whether the other side of `dir` should acknowledge now, so that its window is not full.
    pub fn wants_acknowledgment(&self, dir: Dir) -> bool {
        self.position(dir) - self.acknowledged[dir.index()] >= UNACKNOWLEDGED_LIMIT_BYTES
    }

    /// Whether all that a side sent is acknowledged.
    pub fn is_acknowledged(&self, dir: Dir) -> bool {
        self.position(dir) == self.acknowledged[dir.index()]
    }

    /// At most [`SEGMENT_LIMIT_BYTES`] of payload.
    pub fn data(&mut self, dir: Dir, payload: &[u8], is_last_of_read: bool) -> Packet {
        let packet = self.build(dir, Flags { psh: is_last_of_read, ..Flags::default() }, payload);
        self.sent[dir.index()] += payload.len() as u64;
        packet
    }

    /// Passes over bytes that are not to be had, as a capture that lost a segment.
    pub fn skip(&mut self, dir: Dir, len: u64) {
        self.sent[dir.index()] += len;
    }

    /// A side sends no more.
    pub fn fin(&mut self, dir: Dir) -> Packet {
        let packet = self.build(dir, Flags { fin: true, ..Flags::default() }, &[]);
        self.fin[dir.index()] = true;
        packet
    }

    /// A side breaks the connection off.
    pub fn reset(&mut self, dir: Dir) -> Packet {
        let packet = self.build(dir, Flags { rst: true, ..Flags::default() }, &[]);
        self.is_reset = true;
        packet
    }

    /// How far a side's sequence numbers have come; SYN and FIN take one each (RFC 9293 §3.4).
    fn position(&self, dir: Dir) -> u64 {
        let at = dir.index();
        self.sent[at] + u64::from(self.syn[at]) + u64::from(self.fin[at])
    }

    /// Numbers are counted modulo 2³².
    fn number(&self, dir: Dir) -> u32 {
        self.first_sequence[dir.index()].wrapping_add(self.position(dir) as u32)
    }

    fn build(&mut self, dir: Dir, flags: Flags, payload: &[u8]) -> Packet {
        let other = dir.opposite();
        let (from, to) = (self.ends[dir.index()], self.ends[other.index()]);
        let mut tcp = TcpHeader::new(from.port(), to.port(), self.number(dir), u16::MAX);
        (tcp.syn, tcp.fin, tcp.rst, tcp.psh) = (flags.syn, flags.fin, flags.rst, flags.psh);
        // All but the very first segment acknowledge.
        tcp.ack = self.syn[other.index()];
        if tcp.ack {
            tcp.acknowledgment_number = self.number(other);
            self.acknowledged[other.index()] = self.position(other);
        }
        if flags.syn {
            use TcpOptionElement::{MaximumSegmentSize, Noop, WindowScale};
            let options = [MaximumSegmentSize(SEGMENT_LIMIT_BYTES as u16), Noop, WindowScale(WINDOW_SCALE)];
            // These eight bytes always fit.
            let _ = tcp.set_options(&options);
        }
        let mut packet = Vec::with_capacity(60 + tcp.header_len() + payload.len());
        let len = (tcp.header_len() + payload.len()) as u16;
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut ip = Ipv4Header { protocol: IpNumber::TCP, time_to_live: TTL, ..Ipv4Header::default() };
                (ip.source, ip.destination, ip.dont_fragment) = (from.octets(), to.octets(), true);
                ip.total_len = len + ip.header_len() as u16;
                ip.header_checksum = ip.calc_header_checksum();
                tcp.checksum = tcp.calc_checksum_ipv4_raw(ip.source, ip.destination, payload).unwrap_or_default();
                packet.extend_from_slice(&ip.to_bytes());
            }
            (from, to) => {
                let octets = |address: IpAddr| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                let mut ip = Ipv6Header { next_header: IpNumber::TCP, hop_limit: TTL, ..Ipv6Header::default() };
                (ip.source, ip.destination, ip.payload_length) = (octets(from), octets(to), len);
                tcp.checksum = tcp.calc_checksum_ipv6_raw(ip.source, ip.destination, payload).unwrap_or_default();
                packet.extend_from_slice(&ip.to_bytes());
            }
        }
        packet.extend_from_slice(&tcp.to_bytes());
        packet.extend_from_slice(payload);
        Packet { dir, bytes: packet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{SlicedPacket, TransportSlice};

    fn stream(first_sequence: [u32; 2]) -> Stream {
        let ends = ["192.0.2.1:50000".parse().unwrap(), "192.0.2.2:80".parse().unwrap()];
        let mut stream = Stream::new(ends, first_sequence);
        stream.syn(Dir::Out);
        stream.syn(Dir::In);
        stream.acknowledge(Dir::Out);
        stream
    }

    fn numbers(packet: &Packet) -> (u32, u32) {
        let sliced = SlicedPacket::from_ip(&packet.bytes).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("no TCP: {packet:?}") };
        (tcp.sequence_number(), tcp.acknowledgment_number())
    }

    #[test]
    fn numbers_go_on_past_four_gigabytes() {
        let mut stream = stream([10, 20]);
        stream.skip(Dir::In, (1 << 32) - 5);
        assert_eq!(numbers(&stream.data(Dir::In, b"0123456789", true)), (20u32.wrapping_add(1).wrapping_sub(5), 11));
        assert_eq!(numbers(&stream.acknowledge(Dir::Out)), (11, 26));
        assert_eq!(stream.sent(Dir::In), (1 << 32) + 5);
        stream.skip(Dir::Out, 3 << 32);
        assert_eq!(numbers(&stream.fin(Dir::Out)), (11, 26));
        assert_eq!(numbers(&stream.fin(Dir::In)), (26, 12));
        assert!(stream.is_over() && stream.is_acknowledged(Dir::Out) && !stream.is_acknowledged(Dir::In));
    }

    #[test]
    fn segments_are_sound_in_either_family() {
        for ends in [["192.0.2.1:5", "192.0.2.2:80"], ["[2001:db8::1]:5", "[2001:db8::2]:80"]] {
            let mut stream = Stream::new(ends.map(|end| end.parse().unwrap()), [0; 2]);
            let payload = vec![7; SEGMENT_LIMIT_BYTES];
            let packet = stream.data(Dir::Out, &payload, true);
            let sliced = SlicedPacket::from_ip(&packet.bytes).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("no TCP") };
            assert_eq!(tcp.payload(), payload);
        }
    }
}
