//! Secrets: shown before a copy without them is saved, and left in none.

use super::{shows, until, window};
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, CopyAs, ExportFormat};
use pushscope::session::file::{SessionWriter, load};
use pushscope::wire::{Dir, Entry, Event, LinkId, What};
use std::path::{Path, PathBuf};

/// A recording of a request with secrets, and an answer with one.
fn recording(folder: &Path) -> PathBuf {
    let path = folder.join("shop.pushscope");
    let request = "GET /feed?user=ann&access_token=tok-12345 HTTP/1.1\r\nHost: a\r\nCookie: sid=s3cr3t-value\r\n\r\n";
    let body = r#"{"user":"ann","card":"4111-1111","password":"pw-abcdef-123"}"#;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut writer = SessionWriter::create(&path, 0).expect("a file");
    for (at_ns, dir, bytes) in [(1, Dir::Out, request.to_owned()), (2, Dir::In, answer)] {
        let what = What::Bytes(dir, bytes.into_bytes().into());
        writer.put(Entry::Event(Event { at_ns, link: LinkId(1), what })).expect("written");
    }
    writer.finish().expect("a recording");
    path
}

fn wire(path: &Path) -> String {
    let session = load(path, &mut |_, _| true).expect("a recording").session;
    let of = |dir| String::from_utf8_lossy(&session.wire(LinkId(1), dir, 0, 9999)).into_owned();
    of(Dir::Out) + &of(Dir::In)
}

#[test]
fn what_would_go_is_shown_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::OpenPath(path));
    until(&mut harness, "it is read", |h| h.state().state().view().is_some_and(|view| view.list.len() >= 3));
    harness.state_mut().app.apply(Command::ReviewSecrets);
    until(&mut harness, "secrets are found", |h| shows(h, "3 secrets, "));
    assert!(shows(&harness, "Secret in #1, parameters, access_token"));
    // A row leads to its record.
    harness.get_by_label_contains("Secret in #3, members, $.password").click();
    harness.run_steps(3);
    assert_eq!(harness.state().state().view().unwrap().selected, Some(2));
    // A group that is off finds nothing; a rule of one's own does.
    harness.get_by_label("Cookies").click();
    until(&mut harness, "cookies stay", |h| shows(h, "2 secrets, "));
    harness.state_mut().app.apply(Command::SetSecretRule("card".into()));
    harness.state_mut().app.apply(Command::AddSecretRule);
    harness.run_steps(2);
    assert_eq!(harness.state().state().secrets.rules.headers, ["card"], "a bare word is a header's name");
    harness.state_mut().app.apply(Command::SetSecretRule("/(".into()));
    harness.state_mut().app.apply(Command::AddSecretRule);
    until(&mut harness, "it is no pattern", |h| shows(h, "neither a JSONPath nor a pattern"));
    harness.state_mut().app.apply(Command::SetSecretRule("$.card".into()));
    harness.state_mut().app.apply(Command::AddSecretRule);
    until(&mut harness, "the card is found", |h| shows(h, "Secret in #3, own, $.card"));
    let to = folder.path().join("copy.pushscope");
    harness.state_mut().app.apply(Command::SaveRedactedPath(to.clone()));
    until(&mut harness, "it is saved", |h| shows(h, "3 secrets replaced: 1 parameters, 1 members, 1 own"));
    let told = wire(&to);
    assert!(told.contains("access_token=*********") && told.contains("sid=s3cr3t-value"), "{told}");
    assert!(told.ends_with(r#"{"user":"ann","card":"*********","password":"*************"}"#), "{told}");
    // The rules are there at the next start.
    drop(harness);
    let mut harness = window(folder.path());
    harness.run_steps(2);
    assert_eq!(harness.state().state().secrets.rules.patterns, ["$.card"]);
}

#[test]
fn what_is_copied_says_that_it_holds_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::OpenPath(path));
    until(&mut harness, "it is read", |h| h.state().state().view().is_some_and(|view| view.list.len() >= 3));
    harness.state_mut().app.apply(Command::Select(Some(0)));
    harness.run_steps(2);
    harness.state_mut().app.apply(Command::SelectField(None));
    harness.state_mut().app.apply(Command::Copy(CopyAs::Text));
    let said = |h: &egui_kittest::Harness<'_, pushscope::ui::Window>| {
        h.state().state().messages.last().map_or(String::new(), |message| message.text.clone())
    };
    assert!(said(&harness).ends_with("; it holds 2 secrets"), "{}", said(&harness));
    harness.state_mut().app.apply(Command::Select(Some(1)));
    harness.run_steps(2);
    harness.state_mut().app.apply(Command::Copy(CopyAs::Hex));
    assert!(said(&harness).ends_with(" bytes"), "{}", said(&harness));
}

#[test]
fn a_copy_and_an_export_say_what_becomes_of_secrets_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::OpenPath(path.clone()));
    until(&mut harness, "it is read", |h| h.state().state().view().is_some_and(|view| view.list.len() >= 3));
    let said = |h: &egui_kittest::Harness<'_, pushscope::ui::Window>| {
        h.state().state().messages.iter().map(|message| message.text.clone()).collect::<Vec<_>>().join("\n")
    };
    let text = |h: &egui_kittest::Harness<'_, pushscope::ui::Window>| {
        h.state().state().path_field.as_ref().map_or(String::new(), |field| field.text.clone())
    };

    // A copy has them, unless that is turned off; the name that is suggested says so.
    harness.state_mut().app.apply(Command::SaveAs);
    until(&mut harness, "they are counted", |h| shows(h, "3 secrets will be in the file"));
    assert!(text(&harness).ends_with("/shop.pushscope"), "{}", text(&harness));
    harness.get_by_label("Secrets are replaced").click();
    until(&mut harness, "they will go", |h| shows(h, "3 secrets, 34 B, will be replaced"));
    assert!(text(&harness).ends_with("/shop-redacted.pushscope"), "{}", text(&harness));
    harness.get_by_label("Show them").click();
    until(&mut harness, "they are listed", |h| shows(h, "Secret in #1, parameters, access_token"));
    harness.get_by_label("Save").click();
    until(&mut harness, "it is saved", |h| shows(h, "3 secrets replaced: 1 cookies, 1 parameters, 1 members"));
    let told = wire(&folder.path().join("shop-redacted.pushscope"));
    assert!(told.contains("sid=************") && !told.contains("tok-12345"), "{told}");

    // As it is: it is said that they are there.
    harness.state_mut().app.apply(Command::SaveAs);
    harness.run_steps(2);
    let copy = folder.path().join("same.pushscope");
    harness.state_mut().app.apply(Command::SetPath(copy.display().to_string()));
    harness.state_mut().app.apply(Command::ConfirmPath);
    until(&mut harness, "it is saved", |_| copy.exists());
    until(&mut harness, "that is said", |h| said(h).contains("secrets were kept (3 in the recording)"));
    assert_eq!(wire(&copy), wire(&path));

    // An export has none, unless that is asked for.
    let [without, with] = ["without.jsonl", "with.jsonl"].map(|name| folder.path().join(name));
    for (to, keeps) in [(&without, false), (&with, true)] {
        harness.state_mut().app.apply(Command::Export(ExportFormat::Jsonl));
        until(&mut harness, "they will go", |h| shows(h, "3 secrets, 34 B, will be replaced"));
        if keeps {
            harness.get_by_label("Secrets are kept").click();
            until(&mut harness, "they will not", |h| shows(h, "3 secrets will be in the file"));
        }
        harness.state_mut().app.apply(Command::SetPath(to.display().to_string()));
        harness.state_mut().app.apply(Command::ConfirmPath);
        until(&mut harness, "it is written", |_| to.exists());
        assert_eq!(std::fs::read_to_string(to).unwrap().contains("s3cr3t-value"), keeps);
    }
    until(&mut harness, "both are said", |h| {
        said(h).contains("3 secrets replaced: ")
            && said(h).contains("with.jsonl; secrets were kept (3 in the recording)")
    });

    // A command that is copied has them, and that is said.
    harness.state_mut().app.apply(Command::Select(Some(0)));
    harness.run_steps(2);
    harness.state_mut().app.apply(Command::Copy(CopyAs::Curl));
    assert!(said(&harness).contains("Copied as curl command; it holds 2 secrets"), "{}", said(&harness));
}
