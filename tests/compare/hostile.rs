//! Recordings that mean harm: time and memory stay in bounds, and what was not looked at is said.

use crate::program::{pushscope, shell};
use crate::{Said, recording, text};
use pushscope::wire::Dir::In;

#[test]
fn a_message_of_a_hundred_megabytes_is_compared_to_its_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let long = |end: &str| {
        let mut json = br#"{"filler":""#.to_vec();
        json.resize(100_000_000, b'x');
        json.extend(format!("\",\"end\":{end}}}").bytes());
        json
    };
    let (one, two) = (long("1"), long("2"));
    let a = recording(folder.path(), "a.pushscope", &[&[(0, In, &one)]]);
    let b = recording(folder.path(), "b.pushscope", &[&[(9, In, &two)]]);
    let ended = pushscope(&["compare", text(&a), text(&b)]);
    assert_eq!(ended.code, Some(1), "{:?}", &ended.out[..ended.out.len().min(2000)]);
    assert!(ended.out.ends_with("1 changed\n") && ended.out.len() < 4000, "{}", ended.out.len());
    assert!(ended.peak_mib < 1000, "{} MiB", ended.peak_mib);
    assert_eq!(pushscope(&["compare", text(&a), text(&a)]).code, Some(0));
}

#[test]
fn nested_and_broken_messages_are_compared_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(50_000), "]".repeat(50_000)).into_bytes();
    let (one, two) = (deep("1"), deep("2"));
    let a = recording(folder.path(), "a.pushscope", &[&[(0, In, &one), (1, In, b"\xff\xfe{"), (2, In, b"{\"a\":")]]);
    let b = recording(folder.path(), "b.pushscope", &[&[(0, In, &two), (1, In, b"\xff\xfd{"), (2, In, b"{\"a\":")]]);
    let ended = pushscope(&["compare", text(&a), text(&b), "--by", "number", "--ignore", "$..a"]);
    assert_eq!(ended.code, Some(1), "{:?}", ended.err);
    assert!(ended.out.ends_with("1 equal, 2 changed\n"), "{}", &ended.out[ended.out.len() - 200..]);
    assert!(ended.out.contains("“1” → “2”") && ended.out.contains("from byte 1 on, 1 byte became 1"), "{}", ended.out);
}

#[test]
fn a_hundred_thousand_messages_that_all_differ_are_aligned_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let says =
        |from: u64| -> Vec<Vec<u8>> { (from..from + 100_000).map(|n| format!("{{\"n\":{n}}}").into()).collect() };
    let (one, two) = (says(0), says(1_000_000));
    let said = |says: &'static [Vec<u8>]| -> Vec<Said<'static>> {
        (0..).zip(says).map(|(n, payload)| (n / 100, In, &payload[..])).collect()
    };
    let (one, two) = (said(one.leak()), said(two.leak()));
    let a = recording(folder.path(), "a.pushscope", &[&one]);
    let b = recording(folder.path(), "b.pushscope", &[&two]);
    for (by, counts) in [("$.n", "100000 missing, 100000 extra"), ("content", "100000 changed")] {
        // The last line is enough: it is a line a message.
        let last = "said=$(\"$0\" compare \"$1\" \"$2\" --by \"$3\"); code=$?; echo \"$said\" | tail -n 1; exit $code";
        let ended = shell(last, &[text(&a), text(&b), by]);
        assert_eq!((ended.code, ended.out.trim()), (Some(1), counts), "{ended:?}");
    }
}
