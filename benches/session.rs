//! A session at work: taking events, filtering, and explaining a record, over recordings that lie in files.
//!
//! Filters and selections go through the program as a user's do. How large the recordings are, the environment says:
//! `PUSHSCOPE_BENCH_RECORDS` (10 million records; half as many messages of 100 bytes).

mod support;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use pushscope::app::{App, Command, Group};
use pushscope::session::{Session, Store};
use std::cell::RefCell;
use support::{
    Recording, app_on, deflated, entries, entries_after, frame, message, opening_deflate, reads, record, records,
    settle,
};

fn main() {
    divan::main();
}

/// Messages that a session takes.
const TAKEN: usize = 1_000_000;

#[divan::bench_group(sample_count = 5, sample_size = 1)]
mod append {
    use super::*;

    fn run(bencher: Bencher, reads: impl Iterator<Item = bytes::Bytes>) {
        let entries = entries(reads);
        let fresh = || (Session::new(Store::newest(), 0), entries.clone());
        bencher.counter(ItemsCount::new(TAKEN)).with_inputs(fresh).bench_local_values(|(mut session, entries)| {
            for entry in entries {
                session.take(entry);
            }
            session
        });
    }

    #[divan::bench]
    fn a_read_a_message(bencher: Bencher) {
        let one = bytes::Bytes::from(frame(&message(1, 100, "as usual"), None));
        run(bencher, std::iter::repeat_n(one, TAKEN));
    }

    #[divan::bench]
    fn reads_of_64_kib(bencher: Bencher) {
        run(bencher, reads(TAKEN, 100));
    }
}

thread_local! {
    /// As many records as asked for: a frame and a message each, of 100 bytes.
    static LARGE: RefCell<(App, Recording)> = RefCell::new(opened(records() / 2, 100));
    /// 250 MB of payload, for filters that look into messages.
    static TEXTS: RefCell<(App, Recording)> = RefCell::new(opened(records() / 4, 100));
    /// As much in messages ten times as long.
    static LONG_TEXTS: RefCell<(App, Recording)> = RefCell::new(opened(records() / 40, 1000));
}

fn opened(messages: usize, size: usize) -> (App, Recording) {
    let recording = record(messages, size);
    (app_on(&recording), recording)
}

/// Sets a filter and waits for its last row; the rows.
fn filter(app: &mut App, text: &str) -> usize {
    app.apply(Command::SetFilter(text.to_owned()));
    settle(app);
    app.state().view().map_or(0, |view| view.list.len())
}

const RECORDS: [&str; 6] =
    ["kind:ws.close", "dir:out", "size>1000", "gap>1s", "websocket.opcode=9", "http.status>=400"];

/// Over every record, the layers below the messages among them.
#[divan::bench(sample_count = 5, sample_size = 1, args = RECORDS)]
fn filter_records(bencher: Bencher, text: &str) {
    LARGE.with_borrow_mut(|(app, _)| {
        if !app.state().view().is_some_and(|view| view.list.shows(Group::Layers)) {
            app.apply(Command::ToggleGroup(Group::Layers));
        }
        let total = app.state().view().map_or(0, |view| view.session.records().len());
        filter(app, "");
        bencher.counter(ItemsCount::new(total)).bench_local(|| filter(app, text));
        filter(app, "");
    });
}

const LOOKS_INTO: [&str; 3] = [r#""out of order""#, "/out of [a-z]+er/", "$.n=5"];

#[divan::bench(sample_count = 3, sample_size = 1, max_time = 3, args = LOOKS_INTO)]
fn filter_100_byte_messages(bencher: Bencher, text: &str) {
    TEXTS.with_borrow_mut(|(app, _)| filter_bytes(bencher, app, text));
}

#[divan::bench(sample_count = 3, sample_size = 1, max_time = 3, args = LOOKS_INTO)]
fn filter_1000_byte_messages(bencher: Bencher, text: &str) {
    LONG_TEXTS.with_borrow_mut(|(app, _)| filter_bytes(bencher, app, text));
}

fn filter_bytes(bencher: Bencher, app: &mut App, text: &str) {
    let bytes: u64 = app.state().view().map_or(0, |view| view.session.totals().payload_bytes.iter().sum());
    filter(app, "");
    bencher.counter(BytesCount::new(bytes)).bench_local(|| filter(app, text));
}

/// Selecting a record anywhere: all that is said of it is made, its payload laid out.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn explain(bencher: Bencher) {
    LARGE.with_borrow_mut(|(app, _)| {
        let total = app.state().view().map_or(1, |view| view.session.records().len());
        let mut at = 12345_usize;
        let next = || {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (at >> 20) % total
        };
        bencher.with_inputs(next).bench_local_values(|id| app.apply(Command::Select(Some(id))));
        assert!(app.state().view().is_some_and(|view| view.inspection.is_some()));
    });
}

thread_local! {
    /// A million compressed messages, each of which may refer to the one before.
    static COMPRESSED: Session = {
        let mut session = Session::new(Store::memory(), 0);
        let frames = deflated((0..1_000_000).map(|n| message(n, 100, "as usual")));
        for entry in entries_after(opening_deflate(), frames.chunks(600).map(|frames| frames.concat().into())) {
            session.take(entry);
        }
        session
    };
}

/// Anywhere in [`COMPRESSED`].
fn somewhere() -> impl FnMut() -> usize {
    let total = COMPRESSED.with(|session| session.records().len());
    let mut at = 12345_usize;
    move || {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (at >> 20) % (total - 100)
    }
}

/// The same anywhere in a million compressed messages.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn explain_compressed(bencher: Bencher) {
    bencher.with_inputs(somewhere()).bench_local_values(|id| COMPRESSED.with(|session| session.explain(id)));
}

/// The lines of fifty rows there.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn rows_compressed(bencher: Bencher) {
    let rows = |id: usize| COMPRESSED.with(|session| session.summaries(&(id..id + 50).collect::<Vec<_>>()));
    bencher.with_inputs(somewhere()).bench_local_values(rows);
}
