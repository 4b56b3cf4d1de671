//! The system's keyring: a password is put into it where the user asks for that, and given back. The other end is GNOME's
//! keyring daemon on a session bus of its own.

use pushscope::app::{App, AuthKind, Command, Draft, RequestCommand, Setup};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn app(folder: &Path) -> App {
    App::new(Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) })
        .expect("the program starts")
}

fn until(app: &mut App, what: &str, is_so: impl Fn(&App) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so(app) {
        app.tick(Duration::from_millis(5));
        assert!(Instant::now() < deadline, "still not so: {what}; {:?}", app.state().messages);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn says(app: &App, text: &str) -> bool {
    app.state().messages.iter().any(|message| message.text.contains(text))
}

/// A connection that ended with the question who we are.
fn asked(folder: &Path) -> App {
    let mut app = app(folder);
    app.apply(Command::ConnectTo("lab:sse?via=needs-login".into()));
    until(&mut app, "the proxy asks", |app| app.state().login_question().is_some());
    app
}

/// Set where the test runs on the bus that it started.
const ON_OWN_BUS: &str = "PUSHSCOPE_TEST_ON_OWN_BUS";

#[test]
fn a_password_is_kept_where_the_user_asks_and_given_back() {
    on_own_bus("a_password_is_kept_where_the_user_asks_and_given_back", keeps_and_gives_back);
}

#[test]
fn a_saved_request_names_its_secrets_and_the_keyring_keeps_them() {
    on_own_bus("a_saved_request_names_its_secrets_and_the_keyring_keeps_them", saves_and_connects);
}

/// Runs this very test once more, on a session bus with a keyring of its own.
fn on_own_bus(name: &str, test: fn()) {
    if std::env::var_os(ON_OWN_BUS).is_some() {
        return test();
    }
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().expect("this test");
    let script =
        "printf geheim | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec \"$0\" --exact \"$1\"";
    let mut session = std::process::Command::new("timeout");
    session.args(["60", "dbus-run-session", "--", "bash", "-c", script]).arg(own).arg(name);
    for name in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        session.env(name, folder.path());
    }
    let output = session.env(ON_OWN_BUS, "1").stdin(Stdio::null()).output().expect("timeout runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && said.contains("1 passed"),
        "is it there? apt-get install dbus gnome-keyring\n{said}"
    );
}

fn saves_and_connects() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = app(folder.path());
    let mut draft = Draft::for_address("lab:sse");
    (draft.auth, draft.token) = (AuthKind::Bearer, "s3cret".into());
    draft.headers = "Cookie: id=c00kie".into();
    first.apply(Command::SetDraft(Box::new(draft)));
    first.apply(Command::Request(RequestCommand::SaveAs("api/feed".into())));
    let file = folder.path().join("requests/api/feed.toml");
    until(&mut first, "it is saved", |_| file.exists());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("token = \"{{keyring.api/feed/token}}\"") && text.contains("Cookie: {{keyring.api/feed/cookie}}"),
        "{text}"
    );
    assert!(!text.contains("s3cret") && !text.contains("c00kie"), "{text}");
    assert_eq!(first.state().draft.token, "{{keyring.api/feed/token}}");
    drop(first);
    // Another program asks the keyring before it connects.
    let mut second = app(folder.path());
    second.apply(Command::Request(RequestCommand::Open(file)));
    second.apply(Command::Connect);
    until(&mut second, "events come", |app| {
        app.state().live().is_some_and(|live| live.session.totals().messages[1] > 0)
    });
    let session = &second.state().live().unwrap().session;
    let sent = session.wire(session.links()[0].id, pushscope::wire::Dir::Out, 0, 4096);
    let sent = String::from_utf8_lossy(&sent);
    assert!(sent.contains("Authorization: Bearer ******\r\n") && sent.contains("Cookie: id=c00kie\r\n"), "{sent}");
    assert!(!session.connections()[0].info.spec.contains("c00kie"));
}

fn keeps_and_gives_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = asked(folder.path());
    let question = first.state().login_question().unwrap();
    let key = format!("proxy {}", question.challenge.who);
    let mut draft = first.state().draft.clone();
    (draft.proxy_user, draft.proxy_password) = ("lab".into(), "wrong".into());
    first.apply(Command::SetDraft(Box::new(draft)));
    first.apply(Command::LogIn(true));
    until(&mut first, "it is refused", |app| app.state().login_question().is_some_and(|asked| asked.challenge.refused));
    first.tick(Duration::from_millis(5));
    let wrong = keyring::Entry::new("Pushscope", &key).unwrap().get_password();
    assert!(wrong.is_err(), "what was refused is not kept");
    let mut draft = first.state().draft.clone();
    (draft.proxy_user, draft.proxy_password) = ("lab".into(), "lab".into());
    first.apply(Command::SetDraft(Box::new(draft)));
    first.apply(Command::LogIn(true));
    until(&mut first, "it is kept", |app| says(app, "keyring keeps the password"));
    until(&mut first, "it is let in", |app| {
        app.state().live().is_some_and(|live| live.session.totals().messages[1] > 0)
    });
    // What is kept is for this proxy alone: the next lab has another port.
    let kept = keyring::Entry::new("Pushscope", &key).unwrap().get_password().unwrap();
    let mut second = asked(folder.path());
    second.apply(Command::FetchLogin);
    until(&mut second, "there is none for this one", |app| says(app, "keeps nothing for the proxy"));
    let other = format!("proxy {}", second.state().login_question().unwrap().challenge.who);
    keyring::Entry::new("Pushscope", &other).unwrap().set_password(&kept).unwrap();
    second.apply(Command::FetchLogin);
    until(&mut second, "it is given back", |app| app.state().draft.proxy_password == "lab");
    assert_eq!(second.state().draft.proxy_user, "lab");
}

#[test]
fn without_a_keyring_it_says_so() {
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        // A desktop's own keyring is not asked by a test.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut app = asked(folder.path());
    app.apply(Command::FetchLogin);
    until(&mut app, "the reason", |app| says(app, "keyring"));
}
