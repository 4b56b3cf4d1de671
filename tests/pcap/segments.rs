//! Captures as networks make them: packets that come in another order, twice, in other pieces, not at all, or only
//! from the middle on.

use crate::generated::{session, talk};
use crate::support::*;
use etherparse::{IpHeaders, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use proptest::test_runner::Config;
use pushscope::interop::InteropError;
use pushscope::session::Session;
use pushscope::wire::{Act, Dir, What};
use std::path::{Path, PathBuf};

/// The packets of a capture of ours: time and bytes.
fn packets(capture: &Path) -> Vec<(u64, Vec<u8>)> {
    let bytes = std::fs::read(capture).expect("a capture");
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let (mut at, mut packets) = (0, Vec::new());
    while at < bytes.len() {
        let (kind, len) = (number(at), number(at + 4) as usize);
        if kind == 6 {
            let time = u64::from(number(at + 12)) << 32 | u64::from(number(at + 16));
            packets.push((time, bytes[at + 28..at + 28 + number(at + 20) as usize].to_vec()));
        }
        at += len;
    }
    packets
}

/// A classic capture with times in nanoseconds.
fn classic(folder: &Folder, packets: &[(u64, Vec<u8>)]) -> PathBuf {
    let mut bytes = [0xA1B2_3C4Du32.to_be_bytes(), [0, 2, 0, 4], [0; 4], [0; 4], [0, 4, 0, 0], [0, 0, 0, 101]].concat();
    for (time, packet) in packets {
        for number in [time / 1_000_000_000, time % 1_000_000_000, packet.len() as u64, packet.len() as u64] {
            bytes.extend_from_slice(&(number as u32).to_be_bytes());
        }
        bytes.extend_from_slice(packet);
    }
    let path = folder.path("pcap");
    std::fs::write(&path, bytes).expect("a capture");
    path
}

/// A segment as others would write it.
fn segment(packet: &[u8], skip: usize, len: usize) -> Option<Vec<u8>> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return None };
    let payload = tcp.payload().get(skip..skip + len)?.to_vec();
    let mut header = tcp.to_header();
    header.sequence_number = header.sequence_number.wrapping_add(skip as u32);
    let ip = match sliced.net.as_ref()? {
        NetSlice::Ipv4(v4) => IpHeaders::Ipv4(v4.header().to_header(), Default::default()),
        NetSlice::Ipv6(v6) => IpHeaders::Ipv6(v6.header().to_header(), Default::default()),
        NetSlice::Arp(_) => return None,
    };
    let mut bytes = Vec::new();
    PacketBuilder::ip(ip).tcp_header(header).write(&mut bytes, &payload).ok()?;
    Some(bytes)
}

fn payload_len(packet: &[u8]) -> usize {
    match SlicedPacket::from_ip(packet).map(|sliced| sliced.transport) {
        Ok(Some(TransportSlice::Tcp(tcp))) => tcp.payload().len(),
        _ => 0,
    }
}

/// What Pushscope noticed on the links of a session.
fn notices(session: &Session) -> Vec<String> {
    let notices = session.facts().filter_map(|(_, event)| match &event.what {
        What::Client(act) if act.act == Act::Noticed => Some(act.text.clone()),
        _ => None,
    });
    notices.collect()
}

proptest! {
    #![proptest_config(Config { cases: 96, max_shrink_iters: 100, failure_persistence: None, ..Config::default() })]
    #[test]
    fn shuffled_repeated_and_overlapping_packets_carry_the_same_streams(
        talks in prop::collection::vec(talk(), 1..4),
        order in prop::collection::vec(any::<u8>(), 1..20),
        delays in prop::collection::vec(0u64..12, 1..30),
        again in prop::collection::vec((any::<prop::sample::Index>(), 0usize..2000, 1usize..3000), 0..10),
    ) {
        let session = session(&talks, &order);
        let folder = Folder::new();
        let (capture, _) = folder.export(&session, &[]);
        let mut packets = packets(&capture);
        // Parts of what was sent, sent again.
        for (index, skip, len) in again {
            let (time, packet) = packets[index.index(packets.len())].clone();
            let known = payload_len(&packet);
            let skip = skip.min(known);
            if let Some(part) = segment(&packet, skip, len.min(known - skip)).filter(|_| known > 0) {
                packets.push((time + 1, part));
            }
        }
        // A packet may be overtaken by a dozen.
        let mut keyed: Vec<(u64, usize)> =
            (0..packets.len()).map(|at| (at as u64 + delays[at % delays.len()], at)).collect();
        keyed.sort();
        let shuffled: Vec<(u64, Vec<u8>)> = keyed.into_iter().map(|(_, at)| packets[at].clone()).collect();
        let (again, report) = folder.import(&classic(&folder, &shuffled));
        let lens = |session: &Session| streams(session).iter().map(|both| both.each_ref().map(Vec::len)).collect::<Vec<_>>();
        prop_assert!(streams(&again) == streams(&session), "{:?} {:?}\n{report:?}", lens(&again), lens(&session));
    }
}

/// A long answer on one link, as its packets.
fn answer(folder: &Folder) -> (Session, Vec<(u64, Vec<u8>)>) {
    let session = folder.record("lab:sse?rate=0&size=400", &["--count", "500"]);
    let (capture, _) = folder.export(&session, &[]);
    // Into pieces as networks carry them.
    let mut pieces = Vec::new();
    for (time, packet) in packets(&capture) {
        match payload_len(&packet) {
            0 => pieces.push((time, packet)),
            len => pieces.extend(
                (0..len).step_by(1000).map(|at| (time, segment(&packet, at, 1000.min(len - at)).expect("a segment"))),
            ),
        }
    }
    (session, pieces)
}

#[test]
fn lost_segments_are_told_and_zeros_stand_for_them() {
    let folder = Folder::new();
    let (session, mut packets) = answer(&folder);
    let full: Vec<usize> = (0..packets.len()).filter(|at| payload_len(&packets[*at].1) == 1000).collect();
    packets.remove(full[20]);
    packets.remove(full[10]);
    let (again, report) = folder.import(&classic(&folder, &packets));
    let expected = |says: &str| assert!(report.remarks.iter().any(|remark| remark.starts_with(says)), "{report:#?}");
    expected("2000 bytes in 2 places not in the capture");
    expected("zeros stand for 2000 bytes");
    let told = notices(&again);
    assert!(told[1].starts_with("1000 bytes of the server are not in the capture: zeros stand for them"), "{told:#?}");
    assert_eq!(told.len(), 3, "{told:#?}");
    let ([[_, found]], [[_, sent]]) = (&streams(&again)[..], &streams(&session)[..]) else { panic!("not one link") };
    let wrong = found.iter().zip(sent).filter(|(found, sent)| found != sent).count();
    assert!(found.len() == sent.len() && wrong == 2000 && found.iter().filter(|byte| **byte == 0).count() == 2000);
}

#[test]
fn a_capture_that_begins_in_the_middle_is_read_from_the_first_request_on() {
    let folder = Folder::new();
    let session = folder.record("lab:longpoll?rate=50", &["--count", "4"]);
    let (capture, _) = folder.export(&session, &[]);
    let all = packets(&capture);
    // Without the handshake: all of it.
    let (again, report) = folder.import(&classic(&folder, &all[3..]));
    assert!(streams(&again) == streams(&session), "{report:#?}");
    assert!(
        report.remarks.iter().any(|remark| remark.starts_with("1 connection began before the capture")),
        "{report:#?}"
    );
    // Without the first request: the answer to it is left out.
    let (again, report) = folder.import(&classic(&folder, &all[4..]));
    let ([[out, inward]], [[all_out, all_in]]) = (&streams(&again)[..], &streams(&session)[..]) else {
        panic!("not one")
    };
    assert!(all_out.ends_with(out) && out.starts_with(b"GET ") && all_in.ends_with(inward), "{report:#?}");
    assert!(inward.starts_with(b"HTTP/1.1 200") && inward.len() < all_in.len());
    let left_out = format!("{} bytes before a first request", all_in.len() - inward.len());
    assert!(report.remarks.iter().any(|remark| remark.starts_with(&left_out)), "{report:#?}");
    // With nothing at all, nothing is known.
    let nothing = folder.try_import(&classic(&folder, &[]));
    assert!(matches!(nothing, Err(InteropError::Nothing(why)) if why.contains("it has no packets")));
}

#[test]
fn ports_that_are_used_again_are_other_connections() {
    let folder = Folder::new();
    let session = folder.record("lab:sse10?rate=50&count=2", &["--count", "2", "--reconnect", "no"]);
    let (capture, _) = folder.export(&session, &[]);
    let first = packets(&capture);
    // The same ends a second later, with other numbers.
    let later = first.iter().map(|(time, packet)| {
        let mut packet = packet.clone();
        packet[24] ^= 0x55;
        packet[28] ^= 0x55;
        (time + 1_000_000_000, packet)
    });
    let twice: Vec<_> = first.iter().cloned().chain(later).collect();
    let (again, report) = folder.import(&classic(&folder, &twice));
    assert_eq!(report.written, 2, "{report:#?}");
    let [one] = &streams(&session)[..] else { panic!("not one link") };
    assert!(streams(&again) == [one.clone(), one.clone()]);
    assert_eq!(again.connections().len(), 1, "one client and one server are one connection");
}

#[test]
fn what_is_not_plain_is_counted_and_named() {
    let folder = Folder::new();
    let ends = |port: u16| ([10, 0, 0, 1], [10, 0, 0, 2], 50_000u16, port);
    let packet = |port: u16, payload: &[u8], sequence: u32, is_syn: bool| {
        let (from, to, source, destination) = ends(port);
        let builder = PacketBuilder::ipv4(from, to, 64).tcp(source, destination, sequence, 1000);
        let builder = if is_syn { builder.syn() } else { builder.ack(1) };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).expect("a packet");
        (1_000_000_000, bytes)
    };
    let mut all = Vec::new();
    for (port, says) in [
        (443, &b"\x16\x03\x01\x00\x05hello"[..]),
        (8443, b"\x16\x03\x03\x00"),
        (22, b"SSH-2.0-a\r\n"),
        (5432, b"\0\0\0\x08"),
    ] {
        all.extend([packet(port, b"", 10, true), packet(port, says, 11, false)]);
    }
    all.push(packet(9999, b"", 10, true));
    let mut udp = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(53, 53).write(&mut udp, b"x").expect("a packet");
    all.push((1, udp));
    let Err(InteropError::Nothing(why)) = folder.try_import(&classic(&folder, &all)) else { panic!("imported") };
    for says in [
        "nothing in this capture is plain HTTP, WebSocket or SOCKS",
        "2 connections with TLS (ports 443, 8443): left out; SSLKEYLOGFILE is not applied",
        "1 connection with SSH (port 22)",
        "1 connection with a protocol that is not known here (port 5432)",
        "1 connection without bytes",
        "1 packet of IP without TCP",
    ] {
        assert!(why.contains(says), "no {says:?} in: {why}");
    }
    // With one that is, the others are in the report.
    all.extend([packet(80, b"", 10, true), packet(80, b"GET / HTTP/1.0\r\n\r\n", 11, false)]);
    let (session, report) = folder.import(&classic(&folder, &all));
    assert_eq!((report.written, streams(&session).len()), (1, 1));
    assert!(report.remarks.iter().any(|remark| remark.starts_with("2 connections with TLS")), "{report:#?}");
    assert!(
        report.remarks.iter().any(|remark| remark == "1 connection still open when the capture ended"),
        "{report:#?}"
    );
    let stopped = folder.path("pushscope");
    let mut writer = pushscope::session::file::SessionWriter::create(&stopped, 0).expect("a file");
    let capture = classic(&folder, &all);
    let result = pushscope::interop::pcapng::read(&capture, &mut writer, &mut |_, _| false);
    assert!(matches!(result, Err(InteropError::Stopped)));
    drop(writer);
    assert!(!stopped.exists(), "what was stopped leaves no file");
    let url = session.connections()[0].info.label.clone();
    assert_eq!(url, "http://10.0.0.2:80/");
    let link = &session.links()[0];
    assert_eq!(session.wire(link.id, Dir::Out, 0, 3), b"GET");
}
