//! SOCKS held against the laws, and what it says.

use super::super::laws::{self, LINK, Script};
use super::super::{Dissector, Explained};
use super::*;
use proptest::prelude::*;

fn told(script: &Script) -> Vec<Explained> {
    let dissector = Dissector::http1(LINK);
    laws::split_invariance(&dissector, script, &[7, 2]);
    laws::tiling(&dissector, script);
    laws::explain(&dissector, script, &[usize::MAX])
}

fn says(explained: &Explained, key: &str) -> Vec<String> {
    let fields = explained.fields.iter().filter(|field| field.def.key == key);
    fields
        .map(|field| match &field.value {
            Value::Says(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Named(_, name) => (*name).to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn version_5() -> Script {
    vec![
        (Dir::Out, vec![5, 2, 0, 2]),
        (Dir::In, vec![5, 2]),
        (Dir::Out, b"\x01\x02me\x03***".to_vec()),
        (Dir::In, vec![1, 0]),
        (Dir::Out, b"\x05\x01\x00\x03\x09localhost\x01\xbb".to_vec()),
        (Dir::In, vec![5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90]),
        (Dir::Out, b"GET".to_vec()),
    ]
}

#[test]
fn version_5_is_read_to_its_end() {
    let told = told(&version_5());
    let kinds = laws::kinds(&told);
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Socks).count(), 6);
    assert_eq!(kinds.last(), Some(&Kind::Gap));
    assert_eq!(says(&told[1], "socks.method"), ["user and password"]);
    assert_eq!(says(&told[4], "socks.port"), ["443"]);
    assert_eq!(says(&told[5], "socks.reply"), ["succeeded"]);
    assert_eq!(says(&told[5], "socks.address"), ["127.0.0.1"]);
}

#[test]
fn version_4a_is_read_and_a_refusal_is_noted() {
    let script = vec![
        (Dir::Out, b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00a.example\x00".to_vec()),
        (Dir::In, vec![0, 91, 0, 0, 0, 0, 0, 0]),
    ];
    let told = told(&script);
    assert_eq!(laws::kinds(&told), [Kind::Socks, Kind::Socks]);
    assert_eq!(told[1].notes[0].def.key, "socks.refused");
    assert_eq!(told[1].record.worst, Severity::Error);
}

#[test]
fn what_is_cut_or_strange_is_a_gap() {
    let cut = told(&vec![(Dir::Out, vec![5, 3, 0])]);
    assert_eq!(laws::kinds(&cut), [Kind::Gap]);
    let strange = told(&vec![(Dir::Out, vec![5, 1, 0]), (Dir::In, b"HTTP/1.1 400 Bad\r\n\r\n".to_vec())]);
    assert_eq!(laws::kinds(&strange), [Kind::Socks, Kind::Gap]);
    let endless = told(&vec![(Dir::Out, [&[4, 1, 0, 80, 1, 2, 3, 4][..], &[b'x'; 2000]].concat())]);
    assert_eq!(laws::kinds(&endless), [Kind::Gap]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_breaks_the_laws(at in 0usize..40, byte in any::<u8>(), cut in 1usize..9) {
        let mut script = version_5();
        let mut left = at;
        for (_, bytes) in &mut script {
            if left < bytes.len() {
                bytes[left] = byte;
                break;
            }
            left -= bytes.len();
        }
        let dissector = Dissector::http1(LINK);
        laws::split_invariance(&dissector, &script, &[cut]);
        laws::tiling(&dissector, &script);
    }
}
