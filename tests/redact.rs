//! Recordings without their secrets: what Node told is looked for in every file that leaves, in every way in which it can
//! be written.

#[path = "redact/everywhere.rs"]
mod everywhere;
#[path = "redact/planted.rs"]
mod planted;
#[path = "cli/program.rs"]
mod program;
#[path = "redact/readings.rs"]
mod readings;
#[path = "redact/server.rs"]
mod server;
#[path = "redact/traces.rs"]
mod traces;

use program::pushscope;
use pushscope::session::file::load;
use pushscope::session::redact::{Group, Rules, save_redacted};
use pushscope::session::{EXPLAIN_LIMIT_BYTES, Flags, Record, RecordId, Session};
use server::{COOKIE, PASSWORD, Server, TOKEN};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use traces::traces;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn session(path: &Path) -> Session {
    load(path, &mut |_, _| true).expect("a recording").session
}

/// Everything that a recording says, of every record.
fn told(session: &Session) -> Vec<u8> {
    let ids: Vec<RecordId> = (0..session.records().len()).collect();
    let all = session.explain_all(&ids, EXPLAIN_LIMIT_BYTES);
    let mut told = Vec::new();
    for explained in &all {
        told.extend_from_slice(&explained.payload);
        for field in &explained.fields {
            told.extend(session.field_bytes(explained, field, 1 << 20));
            told.push(b'\n');
        }
        explained.made.iter().for_each(|made| told.extend_from_slice(&made.bytes));
    }
    for record in session.records().iter() {
        told.extend(session.fact(record).map_or(String::new(), |event| format!("{event:?}\n")).into_bytes());
    }
    for connection in session.connections() {
        told.extend(format!("{:?}\n", connection.info).into_bytes());
    }
    told
}

/// The recordings of one server: each way to be told a secret.
fn recordings(folder: &TempDir, server: &Server) -> Vec<PathBuf> {
    let path = |name: &str| folder.path().join(format!("{name}.pushscope"));
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let http = |name: &str, way: &str, address: String| {
        let file = path(name);
        let ended = pushscope(&[
            "record",
            &address,
            "--as",
            way,
            "-H",
            &bearer,
            "-H",
            &format!("X-Api-Key: {PASSWORD}"),
            "--count",
            "1",
            "--reconnect",
            "no",
            "-q",
            "-o",
            text(&file),
        ]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        file
    };
    let ws = path("ws");
    let login = format!(r#"{{"op":"login","user":"ann","password":"{PASSWORD}"}}"#);
    let ended = pushscope(&[
        "record",
        &server.ws(&format!("/ws?access_token={TOKEN}")),
        "-H",
        &format!("Cookie: session={COOKIE}"),
        "--subprotocol",
        "bearer",
        "--send",
        &login,
        "--send",
        &login,
        "--send",
        "done",
        "--go-on-anyway",
        "-q",
        "-o",
        text(&ws),
    ]);
    assert!(ended.code.is_some(), "{ended:#?}");
    let basic = path("basic");
    let user = format!("ann:{PASSWORD}");
    let ended = pushscope(&[
        "record",
        &server.http("/json"),
        "--as",
        "stream",
        "-u",
        &user,
        "--reconnect",
        "no",
        "-q",
        "-o",
        text(&basic),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    vec![
        http("json", "stream", server.http(&format!("/json?api_key={PASSWORD}&x=1"))),
        http("gzip", "stream", server.http("/gzip")),
        http("events", "sse", server.http("/events")),
        basic,
        ws,
    ]
}

#[test]
fn no_secret_is_left_in_any_file_that_leaves() {
    let (folder, server) = (TempDir::new().expect("a folder"), Server::start());
    for file in recordings(&folder, &server) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let before = session(&file);
        assert!(name == "gzip" || !traces(&told(&before)).is_empty(), "{name}: nothing secret was recorded");
        let is_compressed = |record: &Record| record.flags.has(Flags::COMPRESSED);
        assert_eq!(before.records().iter().filter(|record| is_compressed(record)).count() >= 20, name == "ws");
        for format in ["pushscope", "jsonl", "html", "curl", "websocat"] {
            let out = folder.path().join(format!("{name}.out.{format}"));
            let ended = pushscope(&["export", text(&file), "--to", format, "-o", text(&out)]);
            let is_other = format == "curl" && name == "ws" || format == "websocat" && name != "ws";
            if is_other {
                // There is no HTTP request, or no WebSocket, to make a command of.
                continue;
            }
            assert_eq!(ended.code, Some(0), "{format}: {ended:#?}");
            assert!(ended.err.contains("replaced: "), "{format}: {}", ended.err);
            let bytes = std::fs::read(&out).expect("the export");
            assert_eq!(traces(&bytes), Vec::<String>::new(), "{name} as {format}");
            assert_eq!(traces(ended.err.as_bytes()), Vec::<String>::new(), "{name} as {format}: {}", ended.err);
            if format == "pushscope" {
                let after = session(&out);
                assert_eq!(traces(&told(&after)), Vec::<String>::new(), "{name}");
                assert_eq!(places(&before), places(&after), "{name}");
                assert_eq!(before.started_unix_ns, after.started_unix_ns);
            }
        }
        let kept = folder.path().join(format!("{name}.kept.jsonl"));
        let ended = pushscope(&["export", text(&file), "--to", "jsonl", "-o", text(&kept), "--keep-secrets"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let has = !traces(&std::fs::read(&kept).expect("the export")).is_empty();
        assert!(has || name == "gzip" || name == "basic", "{name}: they were to be kept");
    }
}

/// Where each record lies, and how much it says.
fn places(session: &Session) -> Vec<String> {
    let place = |record: &pushscope::session::Record| {
        let at = (record.start, record.len, record.payload_len, record.detail, record.flags.0);
        format!("{:?} {:?} {} {at:?}", record.link, record.dir, record.kind.name())
    };
    session.records().iter().map(place).collect()
}

#[test]
fn what_would_go_is_listed_without_being_told() {
    let (folder, server) = (TempDir::new().expect("a folder"), Server::start());
    let file = recordings(&folder, &server).pop().expect("that of the WebSocket");
    let ended = pushscope(&["show", text(&file), "--secrets"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains(" would be replaced: "), "{}", ended.err);
    assert_eq!(traces(ended.out.as_bytes()), Vec::<String>::new(), "{}", ended.out);
    for place in ["access_token", "Cookie, session", "Set-Cookie, session", "$.token", "$.password"] {
        assert!(ended.out.contains(place), "{place} in {}", ended.out);
    }
    let ended = pushscope(&["show", text(&file), "--secrets", "--format", "jsonl", "--keep", "cookies"]);
    let listed: Vec<serde_json::Value> = ended.out.lines().map(program::record).collect();
    assert!(
        listed.len() > 20 && listed.iter().all(|item| item["rules"] != "cookies" && item["n"] != 0),
        "{}",
        ended.out
    );
    // A pattern of one's own, and one that is none.
    let ended = pushscope(&["show", text(&file), "--secrets", "--redact", "$.op", "--redact", "/pri(ce)/"]);
    assert!(ended.err.contains(" own"), "{}", ended.err);
    pushscope(&["show", text(&file), "--secrets", "--redact", "op"]).refused(2, &["neither a JSONPath nor a pattern"]);
    pushscope(&["show", text(&file), "--redact", "$.op"]).refused(2, &["--secrets"]);
    let ended = pushscope(&["show", text(&file), "--secrets", "--keep", "x"]);
    assert!(ended.code == Some(2) && ended.err.contains("credentials, cookies"), "{ended:#?}");
}

#[test]
fn a_redacted_copy_has_nothing_left_to_find() {
    let (folder, server) = (TempDir::new().expect("a folder"), Server::start());
    for file in recordings(&folder, &server) {
        let to = folder.path().join("copy.pushscope");
        let plan = save_redacted(&file, &to, &Rules::default(), &mut |_, _| true).expect("a copy");
        assert!(plan.total().found > 0);
        let again = pushscope::session::redact::Plan::of(&session(&to), &Rules::default(), &mut |_, _| true).unwrap();
        // In compressed messages another letter may stand for one that has no asterisk of its length.
        let is_compressed = plan.rules().has(Group::Members) && text(&file).ends_with("ws.pushscope");
        assert!(again.total().found == 0 || is_compressed, "{}: {}", text(&file), again.summary());
    }
}
