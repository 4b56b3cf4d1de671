//! As of a moment: rows, sums and figures are those of a session that was given nothing later.

use super::*;
use proptest::prelude::*;
use pushscope::app::Pane;
use pushscope::session::Bucket;
use pushscope::session::statistics::csv;

/// What one side of a link says, whole.
fn streams(push_type: u8, messages: &[Vec<u8>]) -> [Vec<u8>; 2] {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let text = |message: &[u8]| String::from_utf8_lossy(message).replace(['\r', '\n'], " ");
    match push_type {
        0 => {
            let mut answer =
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for message in messages {
                let event = format!("data: {}\r\n\r\n", text(message));
                answer.extend(format!("{:x}\r\n{event}\r\n", event.len()).into_bytes());
            }
            [request, answer]
        }
        1 => {
            let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            let mut sides = [
                upgrade.as_bytes().to_vec(),
                b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec(),
            ];
            for (at, message) in messages.iter().enumerate() {
                let (message, dir) = (&message[..message.len().min(100)], at % 2);
                let opcode = [0x81, 0x82, 0x89, 0xC1][at % 4];
                sides[dir].push(opcode);
                if dir == 0 {
                    sides[0].push(0x80 | message.len() as u8);
                    sides[0].extend([0; 4]);
                } else {
                    sides[1].push(message.len() as u8);
                }
                sides[dir].extend(message);
            }
            sides
        }
        2 => {
            // Parts are complete only when what follows them has come.
            let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
            for message in messages {
                answer.extend(format!("--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n", text(message)).into_bytes());
            }
            answer.extend(b"--b--\r\n");
            [request, answer]
        }
        _ => {
            // A body that only the end of the link ends.
            let mut answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec();
            messages.iter().for_each(|message| answer.extend(format!("{}\n", text(message)).into_bytes()));
            [request, answer]
        }
    }
}

fn link_events(link: u32, push_type: u8, messages: &[Vec<u8>], cuts: &[usize]) -> Vec<(LinkId, What)> {
    let id = LinkId(link);
    let mut events = vec![(id, opening(link % 2 + 1))];
    let mut cuts = cuts.iter().copied().cycle();
    for (dir, stream) in [Dir::Out, Dir::In].into_iter().zip(streams(push_type, messages)) {
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap_or(9).clamp(1, rest.len()));
            events.push((id, bytes(dir, piece)));
            rest = after;
        }
    }
    if link.is_multiple_of(3) {
        events.push((id, What::Stalled(Stalled { for_ns: 5, waiting_bytes: 9 })));
    }
    if link.is_multiple_of(2) {
        events.push((id, What::Ended(Dir::In)));
        events.push((id, What::Closed(Closed { by: Dir::In, text: "end".into() })));
    }
    events
}

/// Links side by side, their events in some order, each at its time; times may run backwards.
fn recordings(is_backward: bool) -> impl Strategy<Value = Vec<Event>> {
    let messages = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8);
    let link = (0u8..4, messages, prop::collection::vec(1usize..60, 1..5));
    let links = prop::collection::vec(link, 1..6);
    (links, prop::collection::vec((any::<prop::sample::Index>(), 0u64..3_000), 400)).prop_map(move |(links, order)| {
        let numbered = links.into_iter().zip(1..);
        let mut queues: Vec<std::collections::VecDeque<_>> =
            numbered.map(|((kind, messages, cuts), n)| link_events(n, kind, &messages, &cuts).into()).collect();
        let (mut events, mut at_ns) = (Vec::new(), 0u64);
        for (next, step) in order {
            queues.retain(|queue| !queue.is_empty());
            if queues.is_empty() {
                break;
            }
            // Every third event comes with the one before.
            at_ns += if step % 3 == 0 { 0 } else { step };
            let back = if is_backward && step % 7 == 0 { at_ns / 3 } else { 0 };
            let at = next.index(queues.len());
            let (link, what) = queues[at].pop_front().expect("not empty");
            events.push(Event { at_ns: at_ns - back, link, what });
        }
        events
    })
}

/// The events up to a time: those before the first that, or before which one, is later.
fn up_to(events: &[Event], at_ns: u64) -> &[Event] {
    let end = events.iter().position(|event| event.at_ns > at_ns).unwrap_or(events.len());
    &events[..end]
}

fn bytes_of(buckets: &[Bucket]) -> Vec<[u64; 2]> {
    buckets.iter().map(|bucket| bucket.bytes).collect()
}

fn is_as_it_was(events: &[Event], at_ns: u64) -> Result<(), TestCaseError> {
    let (whole, then) = (fed(events), fed(up_to(events, at_ns)));
    let moment = whole.moment(at_ns);
    prop_assert_eq!(moment.records, then.records().len(), "records at {}", at_ns);
    let records: Vec<_> = whole.records().range(0..moment.records).collect();
    prop_assert!(records == then.records().iter().collect::<Vec<_>>(), "other records at {at_ns}");
    prop_assert_eq!(whole.totals_as_of(moment), *then.totals(), "sums at {}", at_ns);
    let messages = then.connections().iter().map(|connection| connection.messages);
    prop_assert_eq!(whole.messages_as_of(moment), messages.collect::<Vec<_>>(), "messages at {}", at_ns);
    for id in 0..moment.records {
        prop_assert!(whole.completed_ns(id) <= at_ns && whole.completed_ns(id) == then.completed_ns(id));
        let step = whole.moment_of(id);
        prop_assert_eq!(step.records, id + 1);
    }
    if moment.records < whole.records().len() {
        prop_assert!(whole.completed_ns(moment.records) > at_ns);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_moment_is_what_a_session_is_that_was_given_no_more(
        events in recordings(false),
        at in any::<prop::sample::Index>(),
        off in 0u64..3,
    ) {
        let last_ns = events.last().map_or(0, |event| event.at_ns);
        let at_ns = (events[at.index(events.len())].at_ns + off).saturating_sub(1);
        for at_ns in [at_ns, 0, last_ns, last_ns + 5] {
            is_as_it_was(&events, at_ns)?;
        }
        let (whole, then) = (fed(&events), fed(up_to(&events, at_ns)));
        let shown = whole.activity_as_of(0..last_ns + 1, 500, whole.moment(at_ns));
        let (was, none) = (then.activity(0..last_ns + 1, 500), [[0; 2]; 0]);
        prop_assert_eq!(shown.width_ns, was.width_ns);
        let (shown, mut was) = (bytes_of(&shown.buckets), bytes_of(&was.buckets));
        was.extend(none);
        prop_assert_eq!(shown, was);
    }

    #[test]
    fn times_that_run_backwards_change_nothing_of_that(
        events in recordings(true),
        at in any::<prop::sample::Index>(),
    ) {
        is_as_it_was(&events, events[at.index(events.len())].at_ns)?;
    }

    #[test]
    fn reads_are_gone_through_one_by_one(events in recordings(false)) {
        let whole = fed(&events);
        let is_read = |event: &&Event| matches!(event.what, What::Bytes(..));
        let mut times: Vec<u64> = events.iter().filter(is_read).map(|event| event.at_ns).collect();
        times.dedup();
        let (mut at_ns, mut there) = (0, Vec::new());
        there.extend(times.first().filter(|first| **first == 0).copied());
        while let Some(next) = whole.read_after(at_ns) {
            there.push(next);
            at_ns = next;
        }
        prop_assert_eq!(&there, &times);
        let mut back: Vec<u64> = times.last().copied().into_iter().collect();
        while let Some(before) = whole.read_before(*back.last().unwrap_or(&0)) {
            back.push(before);
        }
        back.reverse();
        prop_assert_eq!(back, times);
    }
}

#[test]
fn a_long_recording_is_found_from_its_sums() {
    let mut events = vec![Event { at_ns: 0, link: LinkId(1), what: opening(1) }];
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
    events.push(Event { at_ns: 1, link: LinkId(1), what: bytes(Dir::In, head) });
    for n in 2..40_000 {
        let link = LinkId(1 + n as u32 / 13_000);
        let what = if n % 9_999 == 0 { wait(format!("{n}")) } else { bytes(Dir::In, format!("{{\"n\":{n}}}\n")) };
        events.push(Event { at_ns: n * 10, link, what });
    }
    for at_ns in [0, 40_955, 40_960, 99_990, 130_001, 250_000, 399_999] {
        is_as_it_was(&events, at_ns).unwrap();
    }
}

#[test]
fn the_figures_are_those_of_the_moment_forward_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = vec![Event { at_ns: 0, link: LinkId(1), what: opening(1) }];
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
    events.push(Event { at_ns: 1, link: LinkId(1), what: bytes(Dir::In, head) });
    for n in 2..30_000_u64 {
        let line = format!("{{\"n\":{}}}\n", "7".repeat(n as usize % 50));
        events.push(Event { at_ns: n * 1_000_000, link: LinkId(1), what: bytes(Dir::In, line) });
    }
    let figures = |harness: &mut Hands| {
        until(harness, "all rows are counted", |harness| {
            let view = view(harness);
            view.tally.rows() == view.list.len() && view.list.scanned() == view.records_shown()
        });
        harness.run_steps(2);
        let view = view(harness);
        (view.list.len(), csv(&view.tally.statistics.sections()), view.totals())
    };
    let mut hands = window(folder.path());
    hands.state_mut().app.add_session("whole", fed(&events));
    apply(&mut hands, Command::ShowPane(Pane::Statistics));
    let whole = figures(&mut hands);
    for at_ns in [5_000_000_000, 25_000_000_000, 12_345_000_000, 12_344_999_999, 0, 29_000_000_000] {
        apply(&mut hands, Play::To(at_ns));
        let shown = figures(&mut hands);
        let mut then = window(folder.path());
        then.state_mut().app.add_session("then", fed(up_to(&events, at_ns)));
        apply(&mut then, Command::ShowPane(Pane::Statistics));
        assert!(shown == figures(&mut then), "other figures at {at_ns}");
    }
    apply(&mut hands, Play::Bar);
    assert!(figures(&mut hands) == whole, "put away, all is there again");
}
