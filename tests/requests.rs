//! Saved requests without a window: listed, run by name, and filled with the values of an environment.

#[path = "cli/program.rs"]
mod program;

use program::{Ended, PROGRAM, Running};
use std::path::Path;
use std::process::Command;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("PUSHSCOPE_REQUESTS_DIR", folder).env("PUSHSCOPE_TEST_KEY", "s3cret");
    Running::start(command).finish()
}

#[test]
fn requests_are_listed_and_mistakes_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let empty = run(folder.path(), &["requests"]);
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""));
    assert!(empty.reason().contains("no request is saved in"), "{empty:#?}");
    write(folder.path(), "api/feed.toml", "address = \"wss://{{host}}/feed\"\n");
    write(folder.path(), "lab.toml", "address = \"lab:sse\"\n");
    write(folder.path(), "environments/staging.toml", "host = \"staging.example.com\"\n");
    write(folder.path(), "api/script.toml", "[[step]]\nsend = \"hello\"\n");
    let listed = run(folder.path(), &["requests"]);
    assert_eq!(listed.lines(), ["@api/feed  ws        wss://{{host}}/feed", "@lab       auto      lab:sse"]);
    let json = run(folder.path(), &["requests", "--format", "jsonl"]).records();
    assert_eq!((json[0]["name"].as_str(), json[0]["type"].as_str()), (Some("api/feed"), Some("ws")));
    write(folder.path(), "broken.toml", "address = \"x\"\ntype = \"wss\"\n");
    run(folder.path(), &["requests"]).refused(1, &["broken.toml, line 2: type is one of auto, poll"]);
}

#[test]
fn a_saved_request_runs_by_name_with_its_options_and_its_script() {
    let folder = tempfile::tempdir().unwrap();
    let request =
        "address = \"lab:ws?scenario={{scenario}}\"\nscript = \"hello.toml\"\n\n[websocket]\nsubprotocols = \"chat\"\n";
    write(folder.path(), "talk/echo.toml", request);
    write(
        folder.path(),
        "talk/hello.toml",
        "[[step]]\nsend = \"hello {{who}}\"\n[[step]]\nexpect = '\"hello world\"'\n",
    );
    write(folder.path(), "environments/lab.toml", "scenario = \"quiet\"\nwho = \"world\"\n");
    let ended = run(folder.path(), &["record", "@talk/echo", "--env", "lab", "--format", "jsonl"]);
    let records = ended.records();
    let said = |dir: &str| records.iter().any(|record| record["dir"] == dir && record["text"] == "hello world");
    assert!(said("out") && said("in"), "{ended:#?}");
    let heads =
        run(folder.path(), &["record", "@talk/echo", "--env", "lab", "--fields", "--filter", "kind:http.request"]);
    assert!(heads.out.contains("chat"), "the subprotocol of the file is asked for: {heads:#?}");
    // With an environment, what is typed has variables, too.
    let typed = run(
        folder.path(),
        &["record", "lab:sse?channel={{who}}", "--env", "lab", "-H", "X-Who: {{who}}", "--count", "1", "--fields"],
    );
    assert!(typed.out.contains("world") && !typed.out.contains("{{"), "{typed:#?}");
    let plain = run(folder.path(), &["record", "lab:sse", "-H", "X-Who: {{who}}", "--count", "1", "--fields"]);
    assert!(plain.out.contains("{{who}}"), "as typed: {plain:#?}");
    // By its file, the directory is the one above that has environments.
    let file = folder.path().join("talk/echo.toml").display().to_string();
    let by_file = run(Path::new("/nonexistent"), &["record", "--request-file", &file, "--env", "lab", "-q"]);
    assert_eq!(by_file.code, Some(0), "{by_file:#?}");
}

#[test]
fn what_is_missing_is_said_before_connecting() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "api/feed.toml", "address = \"http://{{host}}:{{port}}/\"\n");
    write(folder.path(), "environments/staging.toml", "host = \"127.0.0.1\"\n");
    let run = |arguments: &[&str]| run(folder.path(), arguments);
    run(&["record", "@api/feed"])
        .refused(2, &["{{host}} has no value; {{port}} has no value", "--env NAME", "staging"]);
    run(&["record", "@api/feed", "--env", "staging"]).refused(2, &["{{port}} has no value", "the environment staging"]);
    run(&["record", "@api/feed", "--env", "prod"]).refused(2, &["there is no environment prod", "there are staging"]);
    run(&["record", "@feed"]).refused(2, &["there is no saved request feed", "@api/feed"]);
    run(&["record", "@../feed"]).refused(2, &["is no name"]);
    run(&["record"]).refused_by_clap(&["URL"]);
}

impl Ended {
    #[track_caller]
    fn refused_by_clap(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert!(words.iter().all(|word| self.err.contains(word)), "{self:#?}");
    }
}

#[test]
fn secrets_of_variables_are_in_no_line_about_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let request = "address = \"lab:sse?channel={{key}}\"\nheaders = [\n  \"X-Room: {{room}}\",\n]\n\n[auth]\ntype = \"bearer\"\ntoken = \"{{env.PUSHSCOPE_TEST_KEY}}\"\n";
    write(folder.path(), "feed.toml", request);
    write(folder.path(), "environments/lab.toml", "room = \"kitchen\"\n");
    write(folder.path(), "environments/lab.secret.toml", "key = \"{{env.PUSHSCOPE_TEST_KEY}}\"\n");
    let file = folder.path().join("a.pushscope");
    let ended = run(
        folder.path(),
        &["record", "@feed", "--env", "lab", "--count", "1", "-q", "-o", &file.display().to_string()],
    );
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let loaded = pushscope::session::file::load(&file, &mut |_, _| true).unwrap();
    let info = &loaded.session.connections()[0].info;
    assert_eq!(info.label, "lab:sse?channel={{key}}");
    assert!(!info.spec.contains("s3cret") && info.spec.contains("kitchen"), "{}", info.spec);
    let heads: Vec<String> = (0..loaded.session.records().len())
        .filter(|id| loaded.session.records()[*id].kind.name() == "http.request")
        .map(|id| {
            String::from_utf8_lossy(&loaded.session.wire(
                loaded.session.records()[id].link,
                pushscope::wire::Dir::Out,
                loaded.session.records()[id].start,
                4096,
            ))
            .into_owned()
        })
        .collect();
    assert!(heads[0].contains("X-Room: kitchen") && heads[0].contains("Authorization: Bearer ******"), "{heads:?}");
}
