//! Files from strangers: damaged captures, lengths that lie, random bytes. What is sound is read, the rest is said, and
//! nothing fails or takes memory out of proportion.

use crate::generated::{session, talk};
use crate::support::*;
use proptest::prelude::*;
use proptest::test_runner::Config;
use pushscope::interop::InteropError;

/// What an import says of a file of these bytes: its refusal, or nothing where something was imported.
fn refusal(folder: &Folder, bytes: &[u8]) -> Option<String> {
    let path = folder.path("bin");
    std::fs::write(&path, bytes).expect("a file");
    match folder.try_import(&path) {
        Ok(_) => None,
        Err(error @ (InteropError::Input(_) | InteropError::Nothing(_))) => Some(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_no_capture_is_refused_with_what_would_help() {
    let folder = Folder::new();
    for (bytes, says) in [
        (&b""[..], "the file is empty"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
        (b"GET / HTTP/1.1\r\n", "it begins with 47 45 54 20; editcap of Wireshark"),
        (b"\xd4\xc3\xb2\xa1\x02", "ends"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\0\0\0\0", "does not say its byte order"),
        (b"\x0a\x0d\x0d\x0a\xff\xff\xff\xff\x4d\x3c\x2b\x1a", "says that it is 4294967295 bytes long"),
        (b"\x0a\x0d\x0d\x0a\xfc\xff\xff\xff\x4d\x3c\x2b\x1a\0\0", "bytes too early"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0", "it has no packets"),
        (
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\x7f\0\0\0\0",
            "at byte 24 a packet says that it is 2147483647 bytes long",
        ),
    ] {
        let refusal = refusal(&folder, bytes).expect("a refusal");
        assert!(refusal.contains(says), "no {says:?} in: {refusal}");
    }
    let refused = |path: &std::path::Path| folder.try_import(path).err().expect("a refusal").to_string();
    assert!(refused(&folder.path("not-there")).contains("cannot be read"));
    assert!(refused(std::path::Path::new("/")).contains("this is a folder"));
}

#[test]
fn a_capture_that_was_cut_off_is_read_as_far_as_it_goes() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=100", &["--count", "5"]);
    let (capture, _) = folder.export(&session, &[]);
    let bytes = std::fs::read(&capture).expect("a capture");
    let cut = folder.path("pcapng");
    std::fs::write(&cut, &bytes[..bytes.len() - 30]).expect("a file");
    let (again, report) = folder.import(&cut);
    assert!(streams(&again) == streams(&session));
    let damage = report.remarks.iter().find(|remark| remark.starts_with("the capture is damaged: at byte "));
    assert!(damage.is_some_and(|damage| damage.contains("bytes too early; what comes before")), "{report:#?}");
}

#[test]
fn a_packet_that_lies_about_its_length_is_left_out_and_the_others_are_read() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=100", &["--count", "5"]);
    let (capture, _) = folder.export(&session, &[]);
    let mut bytes = std::fs::read(&capture).expect("a capture");
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    // Enhanced packet blocks have the type 6; at 20 they say how long the packet is.
    let (mut at, mut packets) = (0, Vec::new());
    while at < bytes.len() {
        packets.extend((number(&bytes, at) == 6).then_some(at));
        at += number(&bytes, at + 4) as usize;
    }
    let last = packets[packets.len() - 1];
    bytes[last + 20..last + 24].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let lying = folder.path("pcapng");
    std::fs::write(&lying, &bytes).expect("a file");
    let (again, report) = folder.import(&lying);
    assert!(streams(&again) == streams(&session));
    let says = "1 packet with a length for which its block has no room: left out";
    assert!(report.remarks.iter().any(|remark| remark == says), "{report:#?}");
}

proptest! {
    #![proptest_config(Config { cases: 64, max_shrink_iters: 100, failure_persistence: None, ..Config::default() })]
    #[test]
    fn no_damage_makes_an_import_fail(
        talk in talk(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        removed in prop::option::of((any::<prop::sample::Index>(), 1usize..200)),
        end in any::<prop::sample::Index>(),
        is_classic in any::<bool>(),
    ) {
        let folder = Folder::new();
        let (capture, _) = folder.export(&session(&[talk], &[1, 90, 200]), &[]);
        let mut bytes = std::fs::read(&capture).expect("a capture");
        if is_classic {
            // The same packets behind the headers of another format.
            bytes = [&b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0"[..], &bytes].concat();
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((at, len)) = removed {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + len).min(bytes.len()));
        }
        bytes.truncate(bytes.len() - end.index(bytes.len()) / 4);
        refusal(&folder, &bytes);
    }

    #[test]
    fn no_bytes_make_an_import_fail(magic in 0usize..5, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let magics: [&[u8]; 5] = [
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c",
            b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x01",
            b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x14\x01\0\0",
            b"",
        ];
        refusal(&Folder::new(), &[magics[magic], &bytes].concat());
    }
}
