//! Playback: the recording as it was at a moment is what a session is that was given no more; and how it is worked.
#![allow(missing_docs)]

#[path = "playback/as_of.rs"]
mod as_of;
#[path = "playback/links.rs"]
mod links;
#[path = "playback/window.rs"]
mod window;

use bytes::Bytes;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use pushscope::app::{App, Command, Play, Setup, View};
use pushscope::session::{Session, Store};
use pushscope::ui::Window;
use pushscope::wire::*;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SECOND: u64 = 1_000_000_000;

type Hands = Harness<'static, Window>;

fn window(folder: &Path) -> Hands {
    let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) };
    let app = App::new(setup).expect("the program starts");
    Harness::builder()
        .with_size([1280.0, 800.0])
        .allow_missing_glyphs()
        .with_context_setup(Window::install)
        .build_ui_state(
            |ui, window: &mut Window| {
                window.logic(&ui.ctx().clone());
                window.ui(ui);
            },
            Window::new(app),
        )
}

/// Draws frames until it is so.
fn until(harness: &mut Hands, what: &str, is_so: impl Fn(&Hands) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        harness.step();
        if is_so(harness) {
            return;
        }
        assert!(Instant::now() < deadline, "still not so: {what}\n{}", labels(harness).join("\n"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn labels(harness: &Hands) -> Vec<String> {
    let nodes = harness.root().children_recursive();
    nodes.filter_map(|node| node.accesskit_node().label().map(|label| label.to_string())).collect()
}

fn shows(harness: &Hands, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn view(harness: &Hands) -> &View {
    harness.state().state().view().expect("a recording is shown")
}

fn apply(harness: &mut Hands, command: impl Into<Command>) {
    harness.state_mut().app.apply(command.into());
    harness.run_steps(3);
}

fn opening(connection: u32) -> What {
    let (host, purpose) = ("example.com".to_owned(), "request".to_owned());
    What::Opening(Opening { connection: ConnectionId(connection), host, port: 80, tls: false, purpose, via: None })
}

fn bytes(dir: Dir, text: impl Into<Vec<u8>>) -> What {
    What::Bytes(dir, Bytes::from(text.into()))
}

fn wait(text: String) -> What {
    What::Client(ClientAct { act: Act::Waiting, text })
}

/// A session that is given these events, on two connections.
fn fed<'e>(events: impl IntoIterator<Item = &'e Event>) -> Session {
    let mut session = Session::new(Store::memory(), 1_700_000_000_000_000_000);
    for id in [1, 2] {
        let info = ConnectionInfo { id: ConnectionId(id), spec: String::new(), label: format!("made up {id}") };
        session.take(Entry::Connection(info));
    }
    for event in events {
        session.append(event.clone());
    }
    session
}

/// A wait noted every second.
fn seconds(count: u64) -> Session {
    let opened = Event { at_ns: 0, link: LinkId(1), what: opening(1) };
    let waits = (1..=count).map(|n| Event { at_ns: n * SECOND, link: LinkId(1), what: wait(format!("wait {n}")) });
    fed(&[opened].into_iter().chain(waits).collect::<Vec<_>>())
}
