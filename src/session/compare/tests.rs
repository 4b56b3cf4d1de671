//! What must hold for every comparison.

use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3..9_i64).prop_map(Json::from),
        (0..4_u8).prop_map(|n| Json::from(f64::from(n) / 2.0)),
        "[ab\"\\\\あ]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec(("[ab. ]{0,2}", inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn message(payload: impl Into<Vec<u8>>) -> Message {
    Message { payload: payload.into(), left_out: 0 }
}

fn side(items: Vec<Item>) -> Side {
    Side { items, ..Side::default() }
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = (0..4_u64, prop::option::of(0..4_u64), 0..400_000_000_u64, 0..2_u32, any::<bool>());
    prop::collection::vec(item, 0..12).prop_map(|items| {
        let mut times: Vec<u64> = items.iter().map(|item| item.2).collect();
        times.sort_unstable();
        let item = |(id, ((content, key, _, connection, is_in), at_ns))| Item {
            content,
            key,
            at_ns,
            connection,
            is_in,
            sum: content as u32,
            id,
        };
        (0..).zip(items.into_iter().zip(times)).map(item).collect()
    })
}

fn ways() -> [By; 4] {
    [By::Content, By::Number, By::Time, By::Key("$.id".to_owned())]
}

fn aligned(a: &Side, b: &Side, by: &By) -> Aligned {
    align(a, b, by, Some(100_000_000), &mut |_, _| true).expect("nobody stops it")
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn nothing_differs_from_itself(a in json()) {
        let rules = Rules::default();
        prop_assert_eq!(json_diff(&a, &a, &rules, usize::MAX, soon()), JsonDiff::default());
        prop_assert_eq!(compare(message(a.to_string()), message(a.to_string()), &rules, false), Difference::Equal);
        let spaced = serde_json::to_string_pretty(&a).unwrap();
        prop_assert!(rules.are_equal(a.to_string().as_bytes(), spaced.as_bytes()) || !(a.is_array() || a.is_object()));
    }

    #[test]
    fn a_diff_leads_from_one_to_the_other(a in json(), b in json()) {
        let rules = Rules::default();
        let diff = json_diff(&a, &b, &rules, usize::MAX, soon());
        prop_assert_eq!(apply(&a, &diff.changes), Some(b.clone()), "{:?}", diff.changes);
        // With no time left it is coarser, and still leads there.
        let coarse = json_diff(&a, &b, &rules, usize::MAX, Instant::now());
        prop_assert_eq!(apply(&a, &coarse.changes), Some(b));
    }

    #[test]
    fn bytes_are_told_whole_on_both_sides(
        a in prop::collection::vec(0..4_u8, 0..300), b in prop::collection::vec(0..4_u8, 0..300), more in 0..3_usize
    ) {
        // Beyond 64 KiB they are cut into chunks first.
        let filler: Vec<u8> = (0..more * 40_000).map(|n| (n * n % 251) as u8).collect();
        let (a, b) = ([&filler[..], &a, &filler].concat(), [&filler[..], &b, &filler].concat());
        let diff = BytesDiff::new(a.clone(), b.clone(), soon());
        let cells: Vec<_> = (0..diff.rows()).flat_map(|row| diff.row(row).cells).collect();
        let of = |side: usize| cells.iter().filter_map(|(bytes, _)| bytes[side]).collect::<Vec<u8>>();
        prop_assert!(of(0) == a && of(1) == b);
        prop_assert!(cells.iter().all(|(bytes, differs)| *differs == (bytes[0] != bytes[1])));
        prop_assert_eq!(diff.differing() == (0, 0), a == b);
    }

    #[test]
    fn lines_are_told_whole_where_they_differ(a in "([ab] ?|\n){0,40}", b in "([ab] ?|\n){0,40}") {
        let diff = TextDiff::new(&a, &b, soon());
        let told = |kind: LineKind| diff.lines.iter().filter(|line| line.kind == kind).count();
        prop_assert_eq!((told(LineKind::Removed), told(LineKind::Added)), diff.counts);
        let folded = |line: &Line| if let LineKind::Folded(lines) = line.kind { lines } else { 0 };
        let same = told(LineKind::Same) + diff.lines.iter().map(folded).sum::<usize>();
        prop_assert_eq!(same + diff.counts.0, a.split_inclusive('\n').count());
        prop_assert_eq!(same + diff.counts.1, b.split_inclusive('\n').count());
        for line in diff.lines.iter().filter(|line| line.kind == LineKind::Added) {
            let text: String = line.pieces.iter().map(|piece| piece.text.as_str()).collect();
            prop_assert_eq!(Some(text.as_str()), b.lines().nth(line.b.unwrap() - 1));
        }
    }

    #[test]
    fn every_message_is_told_once(a in items(), b in items()) {
        let (a, b) = (side(a), side(b));
        for by in ways() {
            let aligned = aligned(&a, &b, &by);
            let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
            for row in &aligned.rows {
                if let Pair::Missing(at) | Pair::Both(at, _) = row.pair { of_a.push(at); }
                if let Pair::Extra(at) | Pair::Both(_, at) = row.pair { of_b.push(at); }
            }
            prop_assert!(of_a.is_sorted(), "the rows are in the order of the first side");
            of_b.sort_unstable();
            prop_assert_eq!(of_a, (0..a.items.len() as u32).collect::<Vec<_>>());
            prop_assert_eq!(of_b, (0..b.items.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_other_way_round_missing_is_extra_and_late_is_early(a in items(), b in items()) {
        let (a, b) = (side(a), side(b));
        for by in ways() {
            let (there, back) = (aligned(&a, &b, &by).counts, aligned(&b, &a, &by).counts);
            let turned = Counts { missing: back.extra, extra: back.missing, late: back.early, early: back.late, ..back };
            prop_assert_eq!(there, turned, "{:?}", by);
            prop_assert!(aligned(&a, &a, &by).counts.is_equal(), "{:?}: nothing differs from itself", by);
        }
    }
}

fn at(content: u64, ms: u64) -> Item {
    Item {
        content,
        key: Some(content / 10),
        at_ns: ms * 1_000_000,
        connection: 0,
        is_in: true,
        sum: content as u32,
        id: 0,
    }
}

fn words(a: &[Item], b: &[Item], by: &By, tolerance_ms: Option<u64>) -> Vec<String> {
    let tolerance_ns = tolerance_ms.map(|ms| ms * 1_000_000);
    let aligned = align(&side(a.to_vec()), &side(b.to_vec()), by, tolerance_ns, &mut |_, _| true);
    aligned.unwrap().rows.iter().map(Row::words).collect()
}

#[test]
fn what_is_lost_new_changed_moved_and_late_is_called_so() {
    let a = [at(10, 0), at(20, 100), at(30, 200), at(40, 300)];
    let lost = [at(10, 0), at(30, 200), at(40, 300)];
    assert_eq!(words(&a, &lost, &By::Content, None), ["equal", "missing", "equal", "equal"]);
    assert_eq!(words(&a, &lost, &By::Number, None), ["equal", "changed", "changed", "missing"]);
    let changed = [at(10, 0), at(21, 100), at(30, 200), at(40, 300), at(50, 400)];
    assert_eq!(words(&a, &changed, &By::Content, None), ["equal", "changed", "equal", "equal", "extra"]);
    assert_eq!(words(&a, &changed, &By::Key("$.id".into()), None), ["equal", "changed", "equal", "equal", "extra"]);
    let moved = [at(20, 0), at(30, 100), at(40, 200), at(10, 300)];
    assert_eq!(words(&a, &moved, &By::Content, None), ["reordered", "equal", "equal", "equal"]);
    let late = [at(10, 5), at(20, 101), at(30, 2200), at(40, 2290)];
    assert_eq!(words(&a, &late, &By::Content, Some(100)), ["equal", "equal", "late", "late"]);
    assert_eq!(words(&a, &late, &By::Content, None), ["equal"; 4], "nobody asked about time");
    // By time alone, what is near is held against one another, and what is nowhere near is not.
    let other = [at(10, 0), at(25, 110), at(99, 1000)];
    assert_eq!(words(&a, &other, &By::Time, None), ["equal", "changed", "extra", "missing", "missing"]);
}

#[test]
fn of_two_that_changed_places_the_same_one_moved_each_time() {
    let (a, b) = ([at(10, 0), at(20, 1)], [at(20, 0), at(10, 1)]);
    // As hashes differ from run to run.
    let hashed = |items: [Item; 2], by: u64| items.map(|item| Item { content: item.content.wrapping_mul(by), ..item });
    let first = words(&a, &b, &By::Content, None);
    for by in [3, u64::MAX, 1 << 60 | 7, 0xDEAD_BEEF_0BAD_F00D] {
        assert_eq!(words(&hashed(a, by), &hashed(b, by), &By::Content, None), first);
    }
    assert_eq!(first.iter().filter(|words| *words == "reordered").count(), 1);
}

#[test]
fn a_name_that_stands_twice_in_an_object_is_not_passed_over() {
    let rules = Rules::default();
    assert!(!rules.are_equal(br#"{"a":1,"a":2}"#, br#"{"a":2}"#));
    assert!(!rules.are_equal(br#"{"a":1,"a":2}"#, br#"{"a":9,"a":2}"#));
    assert!(rules.are_equal(br#"{"a:\":":1,"b":{"c":[{"d\\":2}]}}"#, br#"{ "b":{"c":[{"d\\":2}]},"a:\":":1}"#));
    let twice = compare(message(r#"{"a":1,"a":2}"#), message(r#"{"a":2}"#), &rules, false);
    assert!(matches!(twice, Difference::Text(_)), "{twice:?}");
}

#[test]
fn what_differs_in_a_long_text_is_seen_in_a_line() {
    let long = |end: &str| json!({"text": format!("{}{end}", "the same ".repeat(30))});
    let diff = json_diff(&long("one"), &long("two"), &Rules::default(), 9, soon());
    let line = diff.changes[0].line();
    assert!(line.contains("…me the same one\"") && line.contains("two") && line.len() < 100, "{line}");
}

#[test]
fn ignored_paths_are_left_out_wherever_they_lie() {
    let rules = Rules::new(["$.at", "$.list[*].at", "$..trace"]).unwrap();
    let a = br#"{"at":1,"n":5,"list":[{"at":1,"v":[1]},{"at":2}],"x":{"trace":{"trace":1}}}"#;
    let b = br#"{"n":5,"x":{}, "list":[{"v":[1]},{"at":9}]}"#;
    assert!(rules.are_equal(a, b));
    assert!(!Rules::default().are_equal(a, b));
    assert_eq!(compare(message(*a), message(*b), &rules, false), Difference::Alike);
    let c = br#"{"n":6,"x":{}, "list":[{"v":[1]},{}]}"#;
    let Difference::Json(diff) = compare(message(*a), message(*c), &rules, false) else { panic!("it is JSON") };
    assert_eq!(diff.changes.len(), 1);
    assert_eq!(diff.changes[0].path().to_string(), "$.n");
    assert!(Rules::new(["$.a["]).unwrap_err().contains("is no JSONPath"));
    // Items go from the last to the first, so that each is the one that was meant.
    let rules = Rules::new(["$[0]", "$[1]"]).unwrap();
    assert!(rules.are_equal(b"[1,2,3]", b"[7,8,3]") && !rules.are_equal(b"[1,2,3]", b"[1,2,4]"));
}

#[test]
fn numbers_too_long_to_be_read_whole_are_not_taken_for_equal() {
    let rules = Rules::default();
    let (a, b) = (r#"{"n":12345678901234567890123}"#, r#"{"n":12345678901234567890124}"#);
    assert!(!rules.are_equal(a.as_bytes(), b.as_bytes()));
    assert!(matches!(compare(message(a), message(b), &rules, false), Difference::Text(_)));
    assert!(rules.are_equal(br#"{"a":1,"n":18446744073709551615}"#, br#"{ "n":18446744073709551615, "a":1 }"#));
}

#[test]
fn a_change_within_an_item_is_told_where_it_is() {
    let a = json!({"list": [1, {"id": 1, "v": "a"}, {"id": 2}], "gone": true, "a b": 0});
    let b = json!({"list": [{"id": 1, "v": "b"}, {"id": 2}, {"id": 3}], "a b": 1, "new": null});
    let diff = json_diff(&a, &b, &Rules::default(), usize::MAX, soon());
    assert_eq!(apply(&a, &diff.changes), Some(b));
    let paths: Vec<String> = diff.changes.iter().map(|change| change.path().to_string()).collect();
    assert!(paths.contains(&"$[\"a b\"]".to_owned()) && paths.contains(&"$.gone".to_owned()), "{paths:?}");
}

#[test]
fn what_means_harm_is_compared_in_bounds() {
    let rules = Rules::default();
    // Nested too deep to be read, too many values, no UTF-8, and long with nothing in common.
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(compare(message(deep("1")), message(deep("2")), &rules, false), Difference::Text(_)));
    let many = |n: u8| format!("[{}{n}]", "0,".repeat(2_000_000));
    assert!(matches!(compare(message(many(1)), message(many(2)), &rules, false), Difference::Text(_)));
    assert!(matches!(compare(message(*b"\xff{}"), message(*b"{}"), &rules, false), Difference::Bytes(_)));
    let noise = |seed: u64| -> Vec<u8> {
        let mut bits = seed;
        let mut next = || {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (bits >> 56) as u8
        };
        (0..8 << 20).map(|_| next()).collect()
    };
    let Difference::Bytes(diff) = compare(message(noise(1)), message(noise(2)), &rules, false) else {
        panic!("it is noise")
    };
    assert!(diff.rows() > 0 && diff.row(diff.rows() - 1).cells.len() <= 8);
}
