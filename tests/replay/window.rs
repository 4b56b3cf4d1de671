//! The window's replay, by the commands that its menus and buttons send.

use crate::curl::text as curl;
use crate::stage::record;
use pushscope::app::{App, Command, CompareCommand, CompareForm, Pane, ReplayDraft, Setup, SideChoice, Sides};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

fn app(folder: &Path) -> App {
    let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) };
    App::new(setup).expect("a program")
}

/// Lets frames go by until it is so.
#[track_caller]
fn until(app: &mut App, what: &str, is_so: impl Fn(&App) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so(app) {
        assert!(Instant::now() < deadline, "{what}: {:?}", app.state().messages);
        app.tick(Duration::from_millis(4));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_recording_is_replayed_beside_the_recording_of_its_clients() {
    let recorded = record("lab:stream?rate=50&count=4", &["--reconnect", "no"]);
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    assert!(app.objection(&Command::StartReplay).is_some_and(|why| why.contains("no recording is open")));
    app.apply(Command::OpenPath(recorded.path.clone()));
    assert!(app.objection(&Command::StopReplay).is_some());
    app.apply(Command::SetReplay(Box::new(ReplayDraft { speed: "max".into(), ..ReplayDraft::default() })));
    app.apply(Command::StartReplay);
    assert!(app.state().shows(Pane::Replay));
    let is_running = |app: &App| app.state().replay.as_ref().is_some_and(|replay| replay.is_running());
    until(&mut app, "it runs", is_running);
    assert!(app.objection(&Command::StartReplay).is_some_and(|why| why.contains("stop it first")));

    let address = app.state().replay.as_ref().unwrap().addresses()[0].clone();
    assert!(address.starts_with("http://127.0.0.1:") && address.ends_with("/stream?rate=50&count=4"), "{address}");
    assert_eq!(curl(&[&address]).lines().count(), 4);
    curl(&["-o", "/dev/null", &address.replace("/stream", "/other")]);
    until(&mut app, "what the clients did is shown", |app| {
        let view = app.state().view().unwrap();
        view.title == "replay of original" && view.session.links().len() == 2 && view.session.totals().messages[1] >= 4
    });
    let (status, exchanges) = app.state().replay.as_ref().unwrap().status().unwrap();
    assert_eq!((status.requests, status.served, exchanges), (2, 1, 1));
    assert!(
        status.differences.iter().any(|difference| difference.text.contains("nothing was recorded")),
        "{status:#?}"
    );

    app.apply(Command::StopReplay);
    assert!(!is_running(&app) && app.objection(&Command::CopyReplayAddress).is_some());
    until(&mut app, "its recording is in the library", |app| {
        let entries = &app.state().library.entries;
        entries.len() == 1 && entries[0].name.ends_with("replay of original")
    });
    assert_eq!(std::process::Command::new("curl").args(["-s", &address]).status().unwrap().code(), Some(7), "refused");
    // What was said is compared with the original.
    let state = app.state();
    let sides = [state.views[0].id, state.replay.as_ref().unwrap().view.unwrap()];
    assert_eq!(state.replay.as_ref().unwrap().source, sides[0]);
    let sides = sides.map(|view| SideChoice { view: Some(view), connection: None });
    let form = CompareForm { sides, ..state.compare.form.clone() };
    for command in [CompareCommand::Set(Box::new(form)), CompareCommand::Sides, CompareCommand::Start] {
        app.apply(Command::Compare(command));
    }
    until(&mut app, "it is compared", |app| matches!(app.state().compare.sides, Some(Sides::Done(_))));
    let Some(Sides::Done(compared)) = &app.state().compare.sides else { unreachable!() };
    let counts = compared.counts();
    assert_eq!(
        (counts.equal, counts.missing, counts.extra),
        (4, 0, 1),
        "the page that says what is recorded: {counts:?}"
    );
    // What was typed wrong is told before anything is read.
    app.apply(Command::SetReplay(Box::new(ReplayDraft { port: "x".into(), ..ReplayDraft::default() })));
    app.apply(Command::Show(app.state().views[0].id));
    app.apply(Command::StartReplay);
    assert!(app.state().messages.iter().any(|message| message.text.contains("'x' is no port")));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let recorded = record("lab:longpoll?rate=50", &["--count", "1"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.apply(Command::OpenPath(recorded.path.clone()));
    app.apply(Command::SetReplay(Box::new(ReplayDraft { port, ..ReplayDraft::default() })));
    app.apply(Command::StartReplay);
    until(&mut app, "it is told", |app| {
        app.state().messages.iter().any(|message| message.text.contains("cannot listen on 127.0.0.1:"))
    });
    assert!(app.state().replay.is_none());
}
