//! What helps where a connection does not come up: a login in place, findings, an ordinary client, the doctor, and how
//! far what was sent got.

use crate::{rows_of, shows, until, window};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, Composer, Pane};
use pushscope::ui::Window;
use std::io::{Read, Write};
use std::net::TcpListener;

fn connect(harness: &mut Harness<'_, Window>, address: &str) {
    harness.state_mut().app.apply(Command::ConnectTo(address.to_owned()));
    harness.step();
}

fn fill(harness: &mut Harness<'_, Window>, label: &str, text: &str) {
    harness.get_by_label(label).focus();
    harness.step();
    harness.get_by_label(label).type_text(text);
    harness.step();
}

#[test]
fn a_login_is_asked_for_in_place_and_nothing_of_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, "lab:sse?via=needs-login");
    until(&mut harness, "the proxy's question is put", |harness| shows(harness, "asks who you are for “lab proxy”"));
    fill(&mut harness, "User name", "lab");
    fill(&mut harness, "Its password", "lab");
    harness.get_by_label("Log in").click();
    until(&mut harness, "events come", |harness| rows_of(harness).iter().any(|row| row.contains("\"n\":1")));
    assert!(!shows(&harness, "asks who you are"));
    assert!(
        harness.state().state().live().is_some_and(|live| live.session.connections().len() == 2),
        "on the same page"
    );
    harness.state_mut().app.apply(Command::NewRecording);
    let file = std::fs::read_dir(folder.path()).unwrap().flatten().find(|file| file.path().extension().is_some());
    let bytes = std::fs::read(file.expect("a recording").path()).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("Proxy-Authorization: Digest username=\"lab\"") && holds("response=\"****"));
    assert!(!holds("bGFiOmxhYg=="));
}

/// A server that lets nobody in but `me` with the password `x`, and then says one event. Gives its address.
fn server_with_a_login() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = format!("http://{}/events", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut head, mut bytes) = (String::new(), [0; 4096]);
            while !head.contains("\r\n\r\n") {
                match stream.read(&mut bytes) {
                    Ok(len) if len > 0 => head.push_str(&String::from_utf8_lossy(&bytes[..len])),
                    _ => break,
                }
            }
            let answer = match head.contains("Authorization: Basic bWU6eA==\r\n") {
                true => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: let in\n\n",
                false => "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"club\"\r\nContent-Length: 0\r\n\r\n",
            };
            // Who is gone need not hear it.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_server_that_asks_is_answered_in_place_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, &server_with_a_login());
    until(&mut harness, "the server's question is put", |harness| shows(harness, "asks who you are for “club”"));
    fill(&mut harness, "User name", "me");
    fill(&mut harness, "Its password", "x");
    harness.get_by_label("Log in").click();
    until(&mut harness, "it lets us in", |harness| rows_of(harness).iter().any(|row| row.contains("let in")));
}

#[test]
fn a_finding_leads_to_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, "lab:ws?via=rewrites-connection");
    until(&mut harness, "the status bar counts it", |harness| shows(harness, "⚠ 1 finding"));
    harness.get_by_label("⚠ 1 finding").click();
    until(&mut harness, "it is told", |harness| {
        shows(harness, "The answer to the upgrade has no “Connection: Upgrade”")
    });
    assert!(shows(&harness, "it is “keep-alive”"));
    let place = harness.get_all_by_label_contains("Connection: keep-alive").next().expect("a place");
    place.click();
    until(&mut harness, "the bytes are lit", |harness| {
        let state = harness.state().state();
        state.pane == Pane::Record && shows(harness, "Lit: ")
    });
}

#[test]
fn going_on_anyway_is_one_click() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, "lab:ws?via=rewrites-connection");
    until(&mut harness, "it is offered", |harness| shows(harness, "Go on anyway"));
    harness.get_by_label("Go on anyway").click();
    until(&mut harness, "messages come all the same", |harness| shows(harness, "● open"));
    assert!(!shows(&harness, "Go on anyway"));
}

#[test]
fn an_ordinary_clients_verdict_stands_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, "lab:ws?via=rewrites-connection");
    until(&mut harness, "it can be asked", |harness| shows(harness, "Ordinary client?"));
    harness.get_by_label("Ordinary client?").click();
    until(&mut harness, "it would not go on", |harness| shows(harness, "would not go on"));
    assert!(shows(&harness, "tokio-tungstenite 0.30"));
}

#[test]
fn the_doctor_tries_every_way_and_writes_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label("middlebox connect-443-only").click();
    until(&mut harness, "the proxy refuses", |harness| shows(harness, "refused to open a way"));
    harness.get_by_label("Doctor").click();
    until(&mut harness, "the report is there", |harness| {
        harness.state().state().doctor.as_ref().is_some_and(|doctor| doctor.report.is_some())
    });
    harness.step();
    assert!(shows(&harness, "WebSocket · plain · direct") && shows(&harness, "✖ broken") && shows(&harness, "✔ works"));
    let path = folder.path().join("report.md");
    harness.state_mut().app.apply(Command::SaveReport);
    harness.state_mut().app.apply(Command::SetPath(path.to_string_lossy().into_owned()));
    harness.state_mut().app.apply(Command::ConfirmPath);
    assert!(std::fs::read_to_string(path).unwrap().contains("**Ask the network's owner:**"));
}

#[test]
fn what_was_sent_is_told_how_far_it_got() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    connect(&mut harness, "lab:ws?scenario=quiet");
    until(&mut harness, "it is open", |harness| shows(harness, "● open"));
    let composer = Composer { text: "how far?".into(), ..harness.state().state().composer.clone() };
    harness.state_mut().app.apply(Command::SetComposer(Box::new(composer)));
    harness.state_mut().app.apply(Command::Send);
    harness.state_mut().app.apply(Command::ShowPane(Pane::Delivery));
    until(&mut harness, "the echo answers it", |harness| shows(harness, "✔✔ answered after"));
    until(&mut harness, "the request is acknowledged", |harness| shows(harness, "acknowledged by TCP"));
    assert!(shows(&harness, "That may be a proxy or a balancer"));
}
