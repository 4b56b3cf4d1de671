//! Saved requests in the window: saved, changed, opened, and connected to with the values of an environment.

use crate::{labels, shows, until, window};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, RequestCommand};
use pushscope::ui::Window;

fn type_address(harness: &mut Harness<'_, Window>, address: &str) {
    let mut draft = harness.state().state().draft.clone();
    draft.address = address.to_owned();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.run_steps(2);
}

fn key(harness: &mut Harness<'_, Window>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(2);
}

#[test]
fn the_address_is_saved_by_a_key_and_changes_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    assert!(shows(&harness, "saves the address here"), "{:?}", labels(&harness));
    type_address(&mut harness, "lab:sse?rate=5");
    key(&mut harness, Modifiers::COMMAND, Key::S);
    assert!(shows(&harness, "Save the request as"), "{:?}", labels(&harness));
    harness.state_mut().app.apply(Command::SetPath("lab/events".into()));
    harness.run_steps(2);
    harness.get_by_label("Save").click();
    until(&mut harness, "it is in the tree", |harness| shows(harness, "request lab/events"));
    assert!(shows(&harness, "folder of requests lab"));
    let file = folder.path().join("requests/lab/events.toml");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "address = \"lab:sse?rate=5\"\n");

    type_address(&mut harness, "lab:sse?rate=7");
    assert!(shows(&harness, "request lab/events, changed since it was saved"));
    // Another one is opened and this one again: what was typed is still there.
    harness.state_mut().app.apply(Command::Request(RequestCommand::New));
    harness.run_steps(2);
    assert!(shows(&harness, "request lab/events, changed since it was saved"));
    harness.get_by_label_contains("request lab/events").click();
    harness.run_steps(2);
    assert_eq!(harness.state().state().draft.address, "lab:sse?rate=7");
    key(&mut harness, Modifiers::COMMAND, Key::S);
    until(&mut harness, "it is saved", |harness| !shows(harness, "changed since it was saved"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "address = \"lab:sse?rate=7\"\n");

    // Changed by another program meanwhile, it is not written over.
    std::fs::write(&file, "address = \"lab:ws\" # by hand\n").unwrap();
    type_address(&mut harness, "lab:sse?rate=9");
    key(&mut harness, Modifiers::COMMAND, Key::S);
    until(&mut harness, "that is told", |harness| shows(harness, "was changed since it was opened"));
    assert!(std::fs::read_to_string(&file).unwrap().contains("by hand"));
    harness.state_mut().app.apply(Command::Request(RequestCommand::Revert));
    harness.run_steps(2);
    assert_eq!(harness.state().state().draft.address, "lab:ws");

    harness.state_mut().app.apply(Command::Request(RequestCommand::Delete(None)));
    until(&mut harness, "it is gone", |harness| !shows(harness, "request lab/events"));
    assert!(!file.exists());
    harness.get_by_label("Undo the last deletion").click();
    until(&mut harness, "it is there again", |harness| shows(harness, "request lab/events"));
}

#[test]
fn an_environment_gives_the_values_and_what_is_missing_is_said_before_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let requests = folder.path().join("requests");
    std::fs::create_dir_all(requests.join("environments")).unwrap();
    std::fs::write(requests.join("feed.toml"), "address = \"lab:sse?rate={{rate}}&channel={{key}}\"\n").unwrap();
    std::fs::write(requests.join("odd.toml"), "address = \"lab:ws\"\nadress = 1\n").unwrap();
    std::fs::write(requests.join("broken.toml"), "address = 5\n").unwrap();
    std::fs::write(requests.join("environments/staging.toml"), "rate = 20\n").unwrap();
    std::fs::write(requests.join("environments/staging.secret.toml"), "key = \"s3cret\"\n").unwrap();
    let mut harness = window(folder.path());
    until(&mut harness, "they are listed", |harness| shows(harness, "request feed"));
    harness.check_accessibility();
    harness.get_by_label("request broken").click();
    until(&mut harness, "the line is told", |harness| shows(harness, "broken.toml, line 1: address is a text"));
    harness.get_by_label("request odd").click();
    until(&mut harness, "the key is named", |harness| {
        shows(harness, "odd.toml, line 2: a request has no key \"adress\"")
    });
    assert_eq!(harness.state().state().draft.address, "lab:ws");

    harness.get_by_label("request feed").click();
    harness.run_steps(2);
    harness.state_mut().app.apply(Command::Connect);
    harness.run_steps(2);
    assert!(
        shows(&harness, "{{key}} has no value; {{rate}} has no value: choose an environment (staging)"),
        "{:?}",
        labels(&harness)
    );
    assert!(harness.state().state().live().is_none(), "nothing was connected to");

    harness.get_by_label("Environment").click();
    harness.run_steps(3);
    harness.get_by_label("staging").click();
    harness.run_steps(3);
    harness.get_by_label("Connect").click();
    until(&mut harness, "events come", |harness| shows(harness, "in sse.event"));
    let state = harness.state().state();
    let connection = state.live().unwrap().session.connections()[0].info.clone();
    assert_eq!(connection.label, "lab:sse?rate=20&channel={{key}}");
    assert!(!connection.spec.contains("s3cret") && connection.spec.contains("(left out)"), "{}", connection.spec);
    assert!(connection.spec.contains("rate=20"), "{}", connection.spec);
    assert_eq!(
        state.draft.address, "lab:sse?rate={{rate}}&channel={{key}}",
        "the variables still stand in the address bar"
    );
    assert!(!state.is_request_changed());
    harness.get_by_label("Disconnect").click();
    until(&mut harness, "it is closed", |harness| shows(harness, ", closed"));
}

#[test]
fn a_secret_that_is_typed_is_not_written_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let mut draft = harness.state().state().draft.clone();
    draft.address = "lab:sse".into();
    draft.headers = "Cookie: id=s3cret".into();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        // A desktop's own keyring is not written to by a test.
        return;
    }
    harness.state_mut().app.apply(Command::Request(RequestCommand::SaveAs("feed".into())));
    until(&mut harness, "the reason", |harness| {
        shows(harness, "the request was not saved, for Cookie would stand in it")
    });
    assert!(!folder.path().join("requests/feed.toml").exists());
    assert!(!labels(&harness).iter().any(|label| label.contains("s3cret") && label.contains("not saved")));
    let mut draft = harness.state().state().draft.clone();
    draft.headers = "Cookie: id={{env.COOKIE}}".into();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.state_mut().app.apply(Command::Request(RequestCommand::SaveAs("feed".into())));
    until(&mut harness, "it is saved", |harness| shows(harness, "request feed"));
    assert!(
        std::fs::read_to_string(folder.path().join("requests/feed.toml"))
            .unwrap()
            .contains("Cookie: id={{env.COOKIE}}")
    );
}

#[test]
fn an_address_is_typed_without_losing_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label("Address").focus();
    harness.run_steps(2);
    // On the way the method goes, for a WebSocket has none.
    for char in "wss://a.example/b?c=0".chars() {
        harness.get_by_label("Address").type_text(&char.to_string());
        harness.run_steps(1);
        assert!(harness.get_by_label("Address").is_focused(), "lost at {char:?}");
    }
    assert_eq!(harness.state().state().draft.address, "wss://a.example/b?c=0");
}

#[test]
fn a_request_is_moved_with_its_script_and_names_that_clash_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let requests = folder.path().join("requests");
    std::fs::create_dir_all(requests.join("api.v2")).unwrap();
    std::fs::write(requests.join("api.v2/feed.toml"), "address = \"lab:ws\" # ours\nscript = \"hello.toml\"\n")
        .unwrap();
    std::fs::write(requests.join("api.v2/hello.toml"), "[[step]]\nsend = \"hello\"\n").unwrap();
    let mut harness = window(folder.path());
    until(&mut harness, "it is listed", |harness| shows(harness, "request api.v2/feed"));
    harness.get_by_label_contains("request api.v2/feed").click();
    harness.run_steps(2);
    let rename = |harness: &mut Harness<'_, Window>, path: Option<&str>, name: &str| {
        let path = path.map(|path| requests.join(path));
        harness.state_mut().app.apply(Command::Request(RequestCommand::Rename(path)));
        let before = harness.state().state().path_field.as_ref().unwrap().text.clone();
        harness.state_mut().app.apply(Command::SetPath(name.into()));
        harness.state_mut().app.apply(Command::ConfirmPath);
        harness.run_steps(2);
        before
    };
    assert_eq!(rename(&mut harness, None, "other/deep/feed"), "api.v2/feed");
    let moved = requests.join("other/deep/feed.toml");
    let written = "address = \"lab:ws\" # ours\nscript = \"../../api.v2/hello.toml\"\n";
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), written);
    until(&mut harness, "it is open from there", |harness| shows(harness, "request other/deep/feed"));
    assert!(!shows(&harness, "changed since it was saved"), "{:?}", labels(&harness));

    // A folder keeps what looks like an ending, and cannot be moved into itself.
    assert_eq!(rename(&mut harness, Some("api.v2"), "api.v2/in"), "api.v2");
    assert!(shows(&harness, "cannot be moved into itself"), "{:?}", labels(&harness));
    assert_eq!(rename(&mut harness, Some("api.v2"), "api.v3"), "api.v2");
    assert!(requests.join("api.v3/hello.toml").exists());

    // A name that differs in case only would be one file on other systems; another case of its own name is none.
    rename(&mut harness, Some("other/deep/feed.toml"), "API.v3/feed");
    assert!(shows(&harness, "differs in case only"), "{:?}", labels(&harness));
    rename(&mut harness, Some("other/deep/feed.toml"), "other/deep/Feed");
    assert!(requests.join("other/deep/Feed.toml").exists() && !moved.exists());
    for odd in ["../feed", "/etc/feed", "a/../../feed", ".git/feed", "environments/feed", " "] {
        rename(&mut harness, Some("other/deep/Feed.toml"), odd);
        assert!(requests.join("other/deep/Feed.toml").exists(), "{odd:?}");
    }
}
