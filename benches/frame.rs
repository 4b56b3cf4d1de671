//! The window's time for a frame, without a GPU: program, layout and tessellation. With ten million records, a hundred
//! thousand of them remarked on; and with ten thousand recordings in the library and five thousand requests.
//!
//! How many records, the environment says: `PUSHSCOPE_BENCH_RECORDS`.

mod support;

use bytes::Bytes;
use divan::Bencher;
use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, RawInput, TouchPhase, pos2, vec2};
use pushscope::app::{App, Command, LibraryColumn, LibraryCommand, Play, Speed};
use pushscope::session::{Mark, Remark};
use pushscope::ui::Window;
use pushscope::wire::{Dir, EventSender, What};
use std::cell::RefCell;
use std::time::Duration;
use support::{LINK, Recording, app, frame, message, queue, record, records, session, settle};

const SIZE: egui::Vec2 = vec2(1280.0, 800.0);
/// In the timeline.
const OVER_ROWS: Pos2 = pos2(700.0, 300.0);
/// 100,000 a second, in a sixtieth of one.
const ARRIVING: usize = 1667;

fn main() {
    divan::main();
}

/// Remarks on its records.
const REMARKS: usize = 100_000;

/// Recordings in the library, and saved requests.
const RECORDINGS: usize = 10_000;
const REQUESTS: usize = 5_000;

/// A window whose recording goes on.
struct Stage {
    ctx: egui::Context,
    window: Window,
    sender: EventSender,
    frames: u64,
    _recording: Recording,
}

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::new(Stage::new());
    static SHELF: RefCell<Stage> = RefCell::new(Stage::shelf());
}

impl Stage {
    fn new() -> Stage {
        let recording = record(records() / 2, 100);
        let mut app = app(recording.folder.path());
        let (sender, receiver) = queue(LINK.0 + 1);
        let mut session = session(&recording.path);
        let every = session.records().len().div_ceil(REMARKS);
        for record in (0..session.records().len()).step_by(every) {
            let (text, mark) = (format!("remark on {record}"), Mark::ALL[record % Mark::ALL.len()]);
            session.set_remark(record, Some(Remark { record, text, mark }));
        }
        app.add_live("benchmark", session, sender.clone(), receiver);
        settle(&mut app);
        let mut stage = Stage::of(app, sender, recording);
        stage.window.app.apply(Command::SetFollow(false));
        stage.window.app.apply(Command::Select(Some(records() / 3)));
        (0..30).for_each(|_| stage.frame(vec![Event::PointerMoved(OVER_ROWS)]));
        stage
    }

    /// A window on a full library. The recordings are one, under many names.
    fn shelf() -> Stage {
        let recording = record(1000, 100);
        let data = recording.folder.path();
        let (recordings, requests) = (data.join("recordings"), data.join("requests/many"));
        std::fs::create_dir_all(&recordings).expect("a folder");
        std::fs::create_dir_all(&requests).expect("a folder");
        for n in 0..RECORDINGS {
            let name = format!("2026-11-21 {n:05} example.com-{}.pushscope", n * 7919 % 1000);
            std::fs::hard_link(&recording.path, recordings.join(name)).expect("a link");
        }
        for n in 0..REQUESTS {
            let request = format!("address = \"wss://example.com/{n}\"\n");
            std::fs::write(requests.join(format!("{n:05}.toml")), request).expect("a file");
        }
        let mut app = app(&recordings);
        let is_known = |app: &App| {
            let state = app.state();
            let is_listed = state.library.rows.len() == RECORDINGS && state.library.counting().is_none();
            is_listed && state.requests.listing.nodes.len() >= REQUESTS.min(5000)
        };
        while !is_known(&app) {
            app.tick(Duration::from_millis(4));
        }
        app.apply(Command::Library(LibraryCommand::Toggle));
        app.apply(Command::Library(LibraryCommand::StopCounting(true)));
        let path = app.state().library.entries[RECORDINGS / 2].path.clone();
        app.apply(Command::Library(LibraryCommand::Select(path)));
        let (sender, _) = queue(LINK.0 + 1);
        let mut stage = Stage::of(app, sender, recording);
        (0..30).for_each(|_| stage.frame(vec![Event::PointerMoved(OVER_ROWS)]));
        stage
    }

    fn of(app: App, sender: EventSender, recording: Recording) -> Stage {
        let ctx = egui::Context::default();
        Window::install(&ctx);
        Stage { ctx, window: Window::new(app), sender, frames: 0, _recording: recording }
    }

    fn frame(&mut self, events: Vec<Event>) {
        self.frames += 1;
        let screen_rect = Some(egui::Rect::from_min_size(Pos2::ZERO, SIZE));
        let time = Some(self.frames as f64 / 60.0);
        let input = RawInput { screen_rect, time, events, focused: true, ..RawInput::default() };
        let window = &mut self.window;
        let output = self.ctx.run_ui(input, |ui| {
            window.logic(&ui.ctx().clone());
            window.ui(ui);
        });
        let shapes = output.shapes.clone();
        let meshes = self.ctx.tessellate(shapes, output.pixels_per_point);
        assert!(!meshes.is_empty(), "nothing was drawn");
        output.drop_without_applying_deltas();
    }

    fn arrive(&mut self, message: &Bytes) {
        (0..ARRIVING).for_each(|_| self.sender.send(LINK, What::Bytes(Dir::In, message.clone())));
    }
}

/// Nothing happens.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn idle(bencher: Bencher) {
    STAGE.with_borrow_mut(|stage| bencher.bench_local(|| stage.frame(Vec::new())));
}

/// A turn of the wheel, three rows down.
fn wheel() -> Event {
    Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, -3.0),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    }
}

/// The wheel turns: three rows a frame.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn scrolling(bencher: Bencher) {
    STAGE.with_borrow_mut(|stage| bencher.bench_local(|| stage.frame(vec![wheel()])));
}

/// The wheel turns over ten thousand recordings.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn library_scrolling(bencher: Bencher) {
    SHELF.with_borrow_mut(|stage| bencher.bench_local(|| stage.frame(vec![wheel()])));
}

/// They are narrowed by what is typed, and sorted anew.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn library_narrowing(bencher: Bencher) {
    SHELF.with_borrow_mut(|stage| {
        stage.window.app.apply(Command::Library(LibraryCommand::Sort(LibraryColumn::Name)));
        let mut turn = 0;
        bencher.bench_local(|| {
            turn += 1;
            let text = ["", "e", "example", "example 1", "00"][turn % 5].to_owned();
            stage.window.app.apply(Command::Library(LibraryCommand::Filter(text)));
            stage.frame(Vec::new());
        });
    });
}

/// The wheel turns over thousands of requests.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn requests_scrolling(bencher: Bencher) {
    SHELF.with_borrow_mut(|stage| {
        stage.frame(vec![Event::PointerMoved(pos2(100.0, 400.0))]);
        bencher.bench_local(|| stage.frame(vec![wheel()]));
    });
}

/// The folder is looked at again, as after each recording.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn library_refreshing(bencher: Bencher) {
    SHELF.with_borrow_mut(|stage| {
        bencher.bench_local(|| {
            stage.window.app.apply(Command::RefreshSaved);
            stage.frame(Vec::new());
        });
    });
}

/// The scroll bar is dragged: every row is another one, far from the last.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn dragging(bencher: Bencher) {
    STAGE.with_borrow_mut(|stage| {
        let at = |y: f32| pos2(SIZE.x - 5.0, y);
        let button = |pos, pressed| {
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            Event::PointerButton { pos, button, pressed, modifiers }
        };
        stage.frame(vec![Event::PointerMoved(at(300.0))]);
        stage.frame(vec![button(at(300.0), true)]);
        let mut turn = 0_u32;
        bencher.bench_local(|| {
            turn += 1;
            stage.frame(vec![Event::PointerMoved(at(220.0 + (turn * 37 % 160) as f32))]);
        });
        stage.frame(vec![button(at(300.0), false)]);
        stage.frame(vec![Event::PointerMoved(OVER_ROWS)]);
    });
}

/// The recording plays as fast as it can be shown.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn playing(bencher: Bencher) {
    STAGE.with_borrow_mut(|stage| {
        for what in [Play::Speed(Speed::Max), Play::End(false), Play::Toggle] {
            stage.window.app.apply(Command::Play(what));
        }
        stage.frame(Vec::new());
        bencher.bench_local(|| stage.frame(Vec::new()));
        let moment = stage.window.app.state().view().and_then(|view| view.moment());
        assert!(moment.is_some_and(|moment| moment.records > 200), "nothing was played");
        stage.window.app.apply(Command::Play(Play::Bar));
        stage.window.app.apply(Command::SetFollow(false));
    });
}

/// The scrubber is dragged: every frame shows another moment, far from the last.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn scrubbing(bencher: Bencher) {
    STAGE.with_borrow_mut(|stage| {
        let end_ns = stage.window.app.state().view().map_or(0, |view| view.session.last_at_ns());
        let mut turn = 0;
        bencher.bench_local(|| {
            turn += 1;
            stage.window.app.apply(Command::Play(Play::To(end_ns / 1000 * (turn * 377 % 1000))));
            stage.frame(Vec::new());
        });
        stage.window.app.apply(Command::Play(Play::Bar));
        stage.window.app.apply(Command::SetFollow(false));
    });
}

/// 100,000 messages a second arrive, each in a read of its own, and the end is kept in sight.
#[divan::bench(sample_count = 200, sample_size = 1)]
fn arriving_100000_a_second(bencher: Bencher) {
    let message = Bytes::from(frame(&message(1, 100, "as usual"), None));
    STAGE.with_borrow_mut(|stage| {
        stage.window.app.apply(Command::SetFollow(true));
        let before = stage.window.app.state().view().map_or(0, |view| view.session.records().len());
        let stage = RefCell::new(stage);
        bencher
            .with_inputs(|| stage.borrow_mut().arrive(&message))
            .bench_local_values(|()| stage.borrow_mut().frame(Vec::new()));
        let stage = stage.into_inner();
        let view = stage.window.app.state().view().expect("the recording is shown");
        assert!(view.session.records().len() - before >= 2 * ARRIVING, "nothing arrived");
        assert!(view.session.records().len() - view.list.scanned() < 20_000, "the rows lag behind");
        stage.window.app.apply(Command::SetFollow(false));
    });
}
