//! The parts that can be held against something simpler: UTF-8 as it streams, masks, the tables.

use crate::dissect::NoteDef;
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

/// The table of the rules in the documentation says what the code says, and which test shows it.
#[test]
fn the_table_in_the_documentation_is_that_of_the_code() {
    let mut table = String::from(BEFORE_TABLE);
    for note in NOTES {
        let test = if super::handshake::shows(note) {
            "handshake::each_rule_of_the_handshake_is_noted_where_it_is_broken"
        } else {
            "rules::every_note_has_an_example_that_shows_it"
        };
        let NoteDef { key, severity, text, spec } = note;
        table.push_str(&format!("| `{key}` | {} | {text} | {spec} | `{test}` |\n", severity.name()));
    }
    table.push_str(AFTER_TABLE);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/websocket-rules.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == table, "{path} is not what the code says; UPDATE_DOCS=1 writes it anew");
}

const AFTER_TABLE: &str = "
Beside these, notes on HTTP tell of `http.early-bytes` (data before the answer to the upgrade, RFC 6455 §4.1),
`http.no-host` (§4.1), and a head that cannot be read.

Some rules are broken by what does not come, and there are no bytes to hang a note on. The record that ends the link says
so, and where it matters a finding does: a close frame that is never answered (§5.5.1), a connection that ends between
two frames without one (§7.1.5, code 1006), pings without any answer while other data come (§5.5.2), and who closed TCP
(§7.1.1: the server should). A wire does not show whether a client is a browser, which must send Origin (§4.1), nor
whether a key or mask is random (§4.1, §5.3) where it does not repeat.
";

const BEFORE_TABLE: &str = "# What a WebSocket's wire can break

Every rule of RFC 6455 §4 to §8 and of RFC 7692 that bytes on the wire can break, on both directions, and a few things
that break no rule and are worth knowing. An *error* breaks a MUST, a *warning* a SHOULD or is a loss, an *info* is
neither, or what only a guess could blame on somebody. Each is a note on the record that shows it, and a filter finds it by `note:KEY`. The tests stand in
`src/dissect/websocket/tests`; each builds the bytes that break the rule, and checks the record and the bits of the note.

This table is written by `UPDATE_DOCS=1 cargo test --lib the_table_in_the_documentation`.

| note | severity | what it says | rule | shown by |
|---|---|---|---|---|
";
