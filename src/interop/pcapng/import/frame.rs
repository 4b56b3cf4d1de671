//! From a packet to the TCP segment in it: link layers, IP, and fragments put together.

use super::capture::Packet;
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber, Ipv6ExtensionSlice, LaxIpSlice, TcpSlice};
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Datagrams that are put together at a time; the oldest gives way.
const MOST_DATAGRAMS: usize = 256;

/// VLAN tags that are looked behind.
const MOST_TAGS: usize = 4;

/// A TCP segment (RFC 9293 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'b> {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom to.
    pub to: SocketAddr,
    /// The number of its first byte, SYN counted as one.
    pub sequence: u32,
    /// The number that its sender waits for, where it says so.
    pub acknowledgment: Option<u32>,
    /// It begins a direction.
    pub syn: bool,
    /// It ends a direction.
    pub fin: bool,
    /// It breaks the connection off.
    pub rst: bool,
    /// Its payload, as much as was captured.
    pub payload: Cow<'b, [u8]>,
    /// Bytes of payload that were not captured.
    pub cut: u32,
}

/// What was passed over, and what was put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Packets of link types that are not known, by link type.
    pub unknown_links: HashMap<u16, u64>,
    /// Packets that are not IP: ARP and others.
    pub not_ip: u64,
    /// IP that is not TCP: UDP and others.
    pub not_tcp: u64,
    /// Packets that are cut or damaged within their headers.
    pub broken: u64,
    /// Fragments.
    pub fragments: u64,
    /// Datagrams that were put together from fragments.
    pub joined: u64,
    /// Datagrams that lack fragments.
    pub unjoined: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    from: IpAddr,
    to: IpAddr,
    identification: u32,
    protocol: u8,
}

/// Finds segments.
#[derive(Default)]
pub struct Frames {
    /// What was passed over so far.
    pub passed: Passed,
    datagrams: HashMap<Datagram, (u64, IpDefragBuf)>,
    fragments: u64,
}

impl Frames {
    /// The segment in a packet, if there is one.
    pub fn segment<'b>(&mut self, packet: &Packet<'b>) -> Option<Segment<'b>> {
        let ip = match ip_of(packet) {
            Link::Ip(ip) => ip,
            Link::Other => {
                self.passed.not_ip += 1;
                return None;
            }
            Link::Broken => {
                self.passed.broken += 1;
                return None;
            }
            Link::Unknown => {
                *self.passed.unknown_links.entry(packet.link_type).or_default() += 1;
                return None;
            }
        };
        let Ok((slice, _)) = LaxIpSlice::from_slice(ip) else {
            self.passed.broken += 1;
            return None;
        };
        let (from, to) = (slice.source_addr(), slice.destination_addr());
        let payload = slice.payload();
        let not_captured = packet.original_len as usize - packet.bytes.len().min(packet.original_len as usize);
        let cut = match &slice {
            // A length of 0: the network card was to cut it into packets, and the capture has it whole.
            LaxIpSlice::Ipv4(v4) if v4.header().total_len() == 0 => not_captured,
            LaxIpSlice::Ipv6(v6) if v6.header().payload_length() == 0 => not_captured,
            LaxIpSlice::Ipv4(v4) => usize::from(v4.header().total_len()).saturating_sub(ip.len()),
            LaxIpSlice::Ipv6(v6) => (40 + usize::from(v6.header().payload_length())).saturating_sub(ip.len()),
        };
        if payload.fragmented {
            self.passed.fragments += 1;
            let whole = self.join(&slice, cut > 0)?;
            return self.tcp(from, to, Cow::Owned(whole), 0);
        }
        if payload.ip_number != IpNumber::TCP {
            self.passed.not_tcp += 1;
            return None;
        }
        self.tcp(from, to, Cow::Borrowed(payload.payload), cut)
    }

    fn tcp<'b>(&mut self, from: IpAddr, to: IpAddr, bytes: Cow<'b, [u8]>, cut: usize) -> Option<Segment<'b>> {
        let Ok(tcp) = TcpSlice::from_slice(&bytes) else {
            self.passed.broken += 1;
            return None;
        };
        let at = bytes.len() - tcp.payload().len();
        let segment = Segment {
            from: SocketAddr::new(from, tcp.source_port()),
            to: SocketAddr::new(to, tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload: Cow::Borrowed(&[]),
            cut: u32::try_from(cut).unwrap_or(u32::MAX),
        };
        let payload = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(at..).unwrap_or_default()),
            Cow::Owned(mut bytes) => {
                bytes.drain(..at);
                Cow::Owned(bytes)
            }
        };
        Some(Segment { payload, ..segment })
    }

    /// Takes a fragment; the whole payload, where this was the last that it lacked.
    fn join(&mut self, slice: &LaxIpSlice<'_>, is_cut: bool) -> Option<Vec<u8>> {
        let payload = slice.payload();
        let (identification, offset, more) = fragment(slice)?;
        let (from, to, protocol) = (slice.source_addr(), slice.destination_addr(), payload.ip_number);
        let datagram = Datagram { from, to, identification, protocol: protocol.0 };
        if protocol != IpNumber::TCP {
            self.passed.not_tcp += 1;
            return None;
        }
        if is_cut {
            // It will never be whole.
            self.passed.unjoined += u64::from(self.datagrams.remove(&datagram).is_none());
            return None;
        }
        self.fragments += 1;
        if self.datagrams.len() >= MOST_DATAGRAMS && !self.datagrams.contains_key(&datagram) {
            let oldest = self.datagrams.iter().min_by_key(|(_, (used, _))| *used).map(|(datagram, _)| *datagram);
            oldest.and_then(|oldest| self.datagrams.remove(&oldest));
            self.passed.unjoined += 1;
        }
        let new = || (0, IpDefragBuf::new(protocol, Vec::new(), Vec::new()));
        let (used, buffer) = self.datagrams.entry(datagram).or_insert_with(new);
        *used = self.fragments;
        if buffer.add(offset, more, payload.payload).is_err() {
            self.datagrams.remove(&datagram);
            self.passed.unjoined += 1;
            return None;
        }
        if !buffer.is_complete() {
            return None;
        }
        self.passed.joined += 1;
        self.datagrams.remove(&datagram).map(|(_, buffer)| buffer.take_bufs().0)
    }

    /// Nothing more comes: datagrams that are not whole never will be.
    pub fn end(&mut self) {
        self.passed.unjoined += self.datagrams.len() as u64;
        self.datagrams.clear();
    }
}

/// Identification, offset and whether more follow (RFC 791 §3.1, RFC 8200 §4.5).
fn fragment(slice: &LaxIpSlice<'_>) -> Option<(u32, IpFragOffset, bool)> {
    match slice {
        LaxIpSlice::Ipv4(v4) => {
            let header = v4.header();
            Some((header.identification().into(), header.fragments_offset(), header.more_fragments()))
        }
        LaxIpSlice::Ipv6(v6) => v6.extensions().clone().into_iter().find_map(|extension| match extension {
            Ipv6ExtensionSlice::Fragment(header) => {
                Some((header.identification(), header.fragment_offset(), header.more_fragments()))
            }
            _ => None,
        }),
    }
}

/// What a link layer carries.
enum Link<'b> {
    Ip(&'b [u8]),
    Other,
    Broken,
    Unknown,
}

fn ip_of<'b>(packet: &Packet<'b>) -> Link<'b> {
    let bytes = packet.bytes;
    match packet.link_type {
        // Ethernet.
        1 => ether(bytes, 12),
        // Raw IP, of either version or of one.
        12 | 14 | 101 | 228 | 229 => Link::Ip(bytes),
        // BSD loopback. How it numbers families differs between systems, and so does the byte order: IP says which it is.
        0 | 108 => match bytes.get(4..) {
            Some(ip) if matches!(ip.first().map(|first| first >> 4), Some(4 | 6)) => Link::Ip(ip),
            Some(_) => Link::Other,
            None => Link::Broken,
        },
        // Linux cooked captures, first and second version.
        113 => ether(bytes, 14),
        276 => match bytes {
            [a, b, ..] => behind_tags(u16::from_be_bytes([*a, *b]), bytes.get(20..)),
            _ => Link::Broken,
        },
        _ => Link::Unknown,
    }
}

/// What is behind an EtherType at a place.
fn ether(bytes: &[u8], at: usize) -> Link<'_> {
    match bytes.get(at..).and_then(<[u8]>::split_first_chunk::<2>) {
        Some((kind, rest)) => behind_tags(u16::from_be_bytes(*kind), Some(rest)),
        None => Link::Broken,
    }
}

/// IP behind VLAN tags (IEEE 802.1Q, 802.1ad).
fn behind_tags(kind: u16, rest: Option<&[u8]>) -> Link<'_> {
    let Some(mut rest) = rest else { return Link::Broken };
    let mut kind = kind;
    for _ in 0..MOST_TAGS {
        if !matches!(kind, 0x8100 | 0x88A8 | 0x9100) {
            break;
        }
        let Some((tag, behind)) = rest.split_first_chunk::<4>() else { return Link::Broken };
        (kind, rest) = (u16::from_be_bytes([tag[2], tag[3]]), behind);
    }
    if matches!(kind, 0x0800 | 0x86DD) { Link::Ip(rest) } else { Link::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{Ipv6FragmentHeader, PacketBuilder, VlanId};
    use proptest::prelude::*;

    fn packet(link_type: u16, bytes: &[u8]) -> Packet<'_> {
        Packet { unix_ns: 0, link_type, bytes, original_len: bytes.len() as u32, is_own: false }
    }

    #[track_caller]
    fn finds(link_type: u16, bytes: &[u8]) {
        let mut frames = Frames::default();
        let segment = frames.segment(&packet(link_type, bytes)).unwrap_or_else(|| panic!("{:?}", frames.passed));
        assert_eq!((segment.payload.as_ref(), segment.sequence, segment.cut), (&b"hello"[..], 7, 0));
        assert_eq!((segment.from.port(), segment.to.port()), (5000, 80));
    }

    fn ip() -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).tcp(5000, 80, 7, 100);
        builder.write(&mut bytes, b"hello").unwrap();
        bytes
    }

    fn ipv6() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64).tcp(5000, 80, 7, 100).write(&mut bytes, b"hello").unwrap();
        bytes
    }

    #[test]
    fn tcp_is_found_behind_every_link_layer() {
        for ip in [ip(), ipv6()] {
            let kind: [u8; 2] = if ip[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xDD] };
            let before = |head: &[u8]| [head, &ip].concat();
            finds(101, &ip);
            finds(0, &before(&[2, 0, 0, 0]));
            finds(108, &before(&[0, 0, 0, 30]));
            finds(1, &before(&[&[0; 12][..], &kind].concat()));
            // What pads a short frame is no payload.
            finds(1, &[before(&[&[0; 12][..], &kind].concat()), vec![0; 20]].concat());
            finds(1, &before(&[&[0; 12][..], &[0x81, 0, 0, 5], &kind].concat()));
            finds(1, &before(&[&[0; 12][..], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6], &kind].concat()));
            finds(113, &before(&[&[0; 14][..], &kind].concat()));
            finds(276, &before(&[&kind[..], &[0; 18]].concat()));
        }
        let mut tagged = Vec::new();
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).single_vlan(VlanId::try_new(5).unwrap());
        builder.ipv4([1; 4], [2; 4], 64).tcp(5000, 80, 7, 100).write(&mut tagged, b"hello").unwrap();
        finds(1, &tagged);
    }

    #[test]
    fn options_and_extension_headers_are_passed_over() {
        let mut with_options = ip();
        with_options[0] = 0x46;
        with_options.splice(20..20, [1, 1, 1, 0]);
        with_options[2..4].copy_from_slice(&49u16.to_be_bytes());
        finds(101, &with_options);
        let mut extended = ipv6();
        // Hop-by-hop options of eight bytes.
        extended[6] = 0;
        extended.splice(40..40, [6, 0, 1, 4, 0, 0, 0, 0]);
        extended[4..6].copy_from_slice(&33u16.to_be_bytes());
        finds(101, &extended);
    }

    #[test]
    fn what_was_not_captured_is_counted() {
        let mut bytes = ip();
        bytes.truncate(42);
        let segment = Frames::default().segment(&packet(101, &bytes)).unwrap();
        assert_eq!((segment.payload.as_ref(), segment.cut), (&b"he"[..], 3));
        let mut frames = Frames::default();
        assert_eq!(frames.segment(&packet(101, &bytes[..30])), None);
        assert_eq!(frames.passed.broken, 1);
    }

    #[test]
    fn fragments_are_put_together_in_any_order() {
        let whole = ip();
        let piece = |from: usize, to: usize, more: bool| {
            let mut head = whole[..20].to_vec();
            head[2..4].copy_from_slice(&((20 + to - from) as u16).to_be_bytes());
            head[6..8].copy_from_slice(&((u16::from(more) << 13) | (from / 8) as u16).to_be_bytes());
            [&head[..], &whole[20 + from..20 + to]].concat()
        };
        let mut frames = Frames::default();
        assert_eq!(frames.segment(&packet(101, &piece(16, 25, false))), None);
        assert_eq!(frames.segment(&packet(101, &piece(0, 16, true))).unwrap().payload.as_ref(), b"hello");
        assert_eq!((frames.passed.joined, frames.passed.fragments, frames.passed.unjoined), (1, 2, 0));
        assert_eq!(frames.segment(&packet(101, &piece(0, 16, true))), None);
        frames.end();
        assert_eq!(frames.passed.unjoined, 1);

        let whole = ipv6();
        let piece = |from: usize, to: usize, more: bool| {
            let fragment = Ipv6FragmentHeader::new(IpNumber::TCP, ((from / 8) as u16).try_into().unwrap(), more, 9);
            let mut head = whole[..40].to_vec();
            head[6] = 44;
            head[4..6].copy_from_slice(&((8 + to - from) as u16).to_be_bytes());
            [&head[..], &fragment.to_bytes(), &whole[40 + from..40 + to]].concat()
        };
        let mut frames = Frames::default();
        assert_eq!(frames.segment(&packet(101, &piece(0, 16, true))), None);
        assert_eq!(frames.segment(&packet(101, &piece(16, 25, false))).unwrap().payload.as_ref(), b"hello");
    }

    #[test]
    fn datagrams_that_never_get_whole_take_little() {
        let mut frames = Frames::default();
        for number in 0..10_000u16 {
            let mut bytes = ip();
            bytes[4..6].copy_from_slice(&number.to_be_bytes());
            bytes[6] = 0x20;
            bytes[2..4].copy_from_slice(&36u16.to_be_bytes());
            assert_eq!(frames.segment(&packet(101, &bytes[..36])), None);
        }
        assert!(frames.datagrams.len() <= MOST_DATAGRAMS);
        frames.end();
        assert_eq!(frames.passed.unjoined, 10_000);
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_fail(
            link_type in prop::sample::select(vec![0u16, 1, 12, 101, 108, 113, 228, 276, 9]),
            random in prop::collection::vec(any::<u8>(), 0..120),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            original_len in any::<u32>(),
            is_ipv6 in any::<bool>(),
        ) {
            let mut frames = Frames::default();
            frames.segment(&Packet { unix_ns: 0, link_type, bytes: &random, original_len, is_own: false });
            let mut changed = if is_ipv6 { ipv6() } else { ip() };
            for (at, byte) in changes {
                let at = at.index(changed.len());
                changed[at] = byte;
            }
            frames.segment(&Packet { unix_ns: 0, link_type: 101, bytes: &changed, original_len, is_own: false });
        }
    }
}
