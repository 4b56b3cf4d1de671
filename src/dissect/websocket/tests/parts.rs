//! The parts that can be held against something simpler: UTF-8 as it streams, masks, the tables.

use crate::dissect::utf8::Utf8;
use crate::dissect::websocket::mask::unmasked;
use crate::dissect::websocket::{FIELDS, NOTES};
use proptest::prelude::*;

/// Bytes that are often nearly UTF-8.
fn nearly_utf8() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => any::<char>().prop_map(|char| char.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => any::<char>().prop_map(|char| char.to_string().into_bytes()[..1].to_vec()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn utf8_in_pieces_is_judged_like_utf8_in_one(
        bytes in nearly_utf8(),
        sizes in prop::collection::vec(1usize..6, 1..8),
    ) {
        let mut utf8 = Utf8::default();
        let (mut rest, mut sizes) = (bytes.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            utf8.push(now);
            rest = later;
        }
        let found = utf8.ill_formed_at_end().map(|bad| (bad.at, usize::from(bad.len)));
        let expected = std::str::from_utf8(&bytes).err().map(|error| {
            let at = error.valid_up_to();
            (at as u64, error.error_len().unwrap_or(bytes.len() - at))
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn unmasking_is_xor_with_the_key_byte_of_the_place(
        bytes in prop::collection::vec(any::<u8>(), 0..9000),
        key in any::<[u8; 4]>(),
        phase in 0u64..9,
    ) {
        let mut plain = Vec::new();
        unmasked(Some(key), phase, &bytes, |at, block| {
            assert_eq!(at, plain.len() as u64);
            plain.extend_from_slice(block);
        });
        let by_the_book: Vec<u8> =
            bytes.iter().enumerate().map(|(i, byte)| byte ^ key[(i + phase as usize) % 4]).collect();
        prop_assert_eq!(plain, by_the_book);
    }
}

#[test]
fn keys_are_unique_and_every_row_teaches() {
    let mut keys: Vec<&str> = FIELDS.iter().map(|def| def.key).chain(NOTES.iter().map(|def| def.key)).collect();
    assert!(keys.iter().all(|key| key.starts_with("websocket.")));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert!(FIELDS.iter().all(|def| !def.label.is_empty() && !def.help.is_empty() && def.spec.starts_with("RFC ")));
    assert!(NOTES.iter().all(|def| !def.text.is_empty() && def.spec.starts_with("RFC ")));
}
