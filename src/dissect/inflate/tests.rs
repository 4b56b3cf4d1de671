//! The decompressor against flate2, which knows nothing of it (law 6), and against input that is damaged.

use super::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;

/// What comes out of a message, or the fault it ends in.
#[derive(Debug, PartialEq)]
struct Out {
    bytes: Vec<u8>,
    blocks: Vec<Block>,
    fault: Option<Fault>,
}

fn inflate(inflate: &mut Inflate, message: &[u8], keep: bool, sizes: &[usize]) -> Out {
    let mut out = Out { bytes: Vec::new(), blocks: Vec::new(), fault: None };
    let mut each = |told: Told| {
        match told {
            Told::Bytes(bytes) => out.bytes.extend_from_slice(bytes),
            Told::Block(block) => out.blocks.push(block),
        }
        true
    };
    inflate.begin(keep);
    let (mut rest, mut sizes) = (message, sizes.iter().cycle());
    let mut result = Ok(());
    while !rest.is_empty() && result.is_ok() {
        let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap_or(&usize::MAX)).max(1));
        result = inflate.feed(now, &mut each);
        rest = later;
    }
    out.fault = result.and_then(|()| inflate.end(&mut each)).err();
    out
}

/// Messages of one connection, compressed as RFC 7692 §7.2.1 has it.
fn compressed(messages: &[Vec<u8>], level: u32, window_bits: u8, keep: bool) -> Vec<Vec<u8>> {
    let mut compress = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
    let each = |message: &Vec<u8>| {
        if !keep {
            compress.reset();
        }
        let mut out = Vec::with_capacity(message.len() + 1024);
        let mut at = 0;
        loop {
            let before = compress.total_in();
            let status = compress.compress_vec(&message[at..], &mut out, FlushCompress::Sync).unwrap();
            at += (compress.total_in() - before) as usize;
            if status == Status::BufError || (at == message.len() && out.len() < out.capacity()) {
                break;
            }
            out.reserve(4096);
        }
        if out.is_empty() {
            // Nothing to flush: an empty message is an empty stored block (RFC 7692 §7.2.3.6).
            out.extend([0, 0, 0, 0xFF, 0xFF]);
        }
        assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]), "{out:02x?}");
        out.truncate(out.len() - 4);
        out
    };
    messages.iter().map(each).collect()
}

/// Bytes that have something to find again in them.
fn repetitive() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![&b"{\"price\":"[..], b"tick ", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", b"\n", b"1234567"])
            .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..2000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_flate2_compressed_comes_back(
        messages in prop::collection::vec(repetitive(), 1..5),
        level in 0u32..10,
        window_bits in 9u8..16,
        keep in any::<bool>(),
        sizes in prop::collection::vec(1usize..70, 1..5),
    ) {
        let (mut whole, mut cut) = (Inflate::default(), Inflate::default());
        for (message, compressed) in messages.iter().zip(compressed(&messages, level, window_bits, keep)) {
            let told = inflate(&mut whole, &compressed, keep, &[usize::MAX]);
            prop_assert_eq!((&told.bytes, told.fault), (message, None));
            prop_assert!(whole.farthest_bytes() <= 1 << window_bits);
            let end = told.blocks.iter().fold(0, |end, block| { assert_eq!(block.start_bit, end); block.end_bit });
            prop_assert_eq!(end, compressed.len() as u64 * 8 + 32);
            prop_assert_eq!(told.blocks.iter().map(|block| block.len_bytes).sum::<u64>(), message.len() as u64);
            cut = cut.clone();
            prop_assert_eq!(inflate(&mut cut, &compressed, keep, &sizes), told);
        }
    }

    #[test]
    fn damaged_input_is_judged_as_flate2_judges_it(
        message in repetitive(),
        level in 1u32..10,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        sizes in prop::collection::vec(1usize..70, 1..5),
    ) {
        let mut bytes = compressed(&[message], level, 15, false).remove(0);
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        let told = inflate(&mut Inflate::default(), &bytes, false, &[usize::MAX]);
        prop_assert_eq!(&inflate(&mut Inflate::default(), &bytes, false, &sizes), &told);

        let mut witness = Decompress::new(false);
        let mut out = vec![0; told.bytes.len() + 100_000];
        bytes.extend([0, 0, 0xFF, 0xFF]);
        let status = witness.decompress(&bytes, &mut out, FlushDecompress::Sync);
        out.truncate(witness.total_out() as usize);
        match status {
            Err(_) => prop_assert!(told.fault.is_some()),
            // Behind a final block, flate2 stops and we go on.
            Ok(Status::StreamEnd) => prop_assert!(told.bytes.starts_with(&out)),
            Ok(_) => {
                // Code lengths that are all 0 are refused at once; flate2 reads on and refuses what they would describe.
                let is_alike = matches!(told.fault, None | Some(Fault::Truncated | Fault::Lengths));
                prop_assert!(is_alike, "{:?}", told.fault);
                prop_assert!(told.bytes == out, "{} and {} bytes", told.bytes.len(), out.len());
            }
        }
    }

    #[test]
    fn noise_neither_fails_nor_loops(bytes in prop::collection::vec(any::<u8>(), 0..300), keep in any::<bool>()) {
        let mut subject = Inflate::default();
        for _ in 0..2 {
            let whole = inflate(&mut subject.clone(), &bytes, keep, &[usize::MAX]);
            prop_assert_eq!(inflate(&mut subject, &bytes, keep, &[1]), whole);
        }
    }
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692 §7.2.3: one block, the window of the message before, no compression, a final block, two blocks.
    let mut subject = Inflate::default();
    let hello = |subject: &mut Inflate, bytes: &[u8], keep: bool| {
        let out = inflate(subject, bytes, keep, &[1]);
        assert_eq!((&out.bytes[..], out.fault), (&b"Hello"[..], None), "{bytes:02x?}");
        out
    };
    hello(&mut subject, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], true);
    let second = hello(&mut subject, &[0xf2, 0x00, 0x11, 0x00, 0x00], true);
    assert_eq!((second.blocks[0].matches, subject.farthest_bytes()), (1, 5));
    hello(&mut subject, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], false);
    let last = hello(&mut subject, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], false);
    assert!(last.blocks[0].is_final && last.blocks.len() == 2);
    // Without the byte that should follow it, a final block ends a message as well.
    hello(&mut subject, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], true);
    hello(&mut subject, &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], false);
}

#[test]
fn each_fault_is_told_apart() {
    let fault = |bytes: &[u8]| inflate(&mut Inflate::default(), bytes, false, &[1]).fault;
    assert_eq!(fault(&[0x07]), Some(Fault::BlockType));
    assert_eq!(fault(&[0x00, 0x05, 0x00, 0xfa, 0xfe]), Some(Fault::StoredLength));
    assert_eq!(fault(&[0xfc, 0xff]), Some(Fault::CodeCount));
    assert_eq!(fault(&[0xf2, 0x00, 0x11, 0x00, 0x00]), Some(Fault::Distance));
    assert_eq!(fault(&[0xf2, 0x48]), Some(Fault::Truncated));
    assert_eq!(fault(&[]), Some(Fault::Truncated));
}

#[test]
fn a_bomb_can_be_left() {
    let bomb = compressed(&[vec![0; 100 << 20]], 9, 15, false).remove(0);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let mut subject = Inflate::default();
    subject.begin(false);
    let mut came = 0;
    let result = subject.feed(&bomb, |told| {
        if let Told::Bytes(bytes) = told {
            came += bytes.len();
        }
        came < 1 << 20
    });
    assert_eq!(result, Ok(()));
    assert!((1 << 20..1 << 21).contains(&came), "{came}");
}
