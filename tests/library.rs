//! The library of recordings, as the window's program has it: listed, renamed, tagged, deleted, searched, and what was cut
//! off offered again. The recordings are real: connections to the lab, a program that is killed, files that are written.

#[path = "cli/program.rs"]
mod program;

use bytes::Bytes;
use program::Running;
use pushscope::app::library::{Entry, RecordingState, ResultRow};
use pushscope::app::{App, Command, LibraryColumn, LibraryCommand, Setup, Source, View};
use pushscope::session::file::{Ending, Opened, SessionWriter, glance, rename, set_tags};
use pushscope::wire::{ConnectionId, ConnectionInfo, Dir, Entry as Put, Event, LinkId, Opening, What};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

fn app(folder: &Path) -> App {
    App::new(Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) })
        .expect("the program starts")
}

#[track_caller]
fn until(app: &mut App, what: &str, is_so: impl Fn(&App) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        app.tick(Duration::from_millis(5));
        if is_so(app) {
            return;
        }
        let rows = rows(app);
        assert!(Instant::now() < deadline, "still not so: {what}; {:?}; {rows:?}", app.state().messages);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn library(app: &mut App, command: LibraryCommand) {
    app.apply(Command::Library(command));
}

/// The names that are listed, in order.
fn rows(app: &App) -> Vec<String> {
    let library = &app.state().library;
    library.rows.iter().map(|at| library.entries[*at].name.clone()).collect()
}

fn entry<'a>(app: &'a App, name: &str) -> &'a Entry {
    app.state().library.entries.iter().find(|entry| entry.name == name).expect(name)
}

fn says(app: &App, text: &str) -> bool {
    app.state().messages.iter().any(|message| message.text.contains(text))
}

/// Every recording was read and counted.
fn is_counted(app: &App, count: usize) -> bool {
    let entries = &app.state().library.entries;
    entries.len() == count && entries.iter().all(|entry| entry.facts().is_some_and(|facts| facts.counts.is_some()))
}

/// A recording of an event stream that says these things, a second apart.
fn record(folder: &Path, name: &str, started_unix_ns: i64, says: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.pushscope"));
    let mut writer = SessionWriter::create(&path, started_unix_ns).unwrap();
    let (id, label) = (ConnectionId(1), format!("http://{name}.example/events"));
    writer.put(Put::Connection(ConnectionInfo { id, spec: "{}".into(), label })).unwrap();
    let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
    let opening = Opening { connection: id, host, port: 80, tls: false, purpose, via: None };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n".to_owned();
    let request = Bytes::from("GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let mut all = vec![What::Opening(opening), What::Bytes(Dir::Out, request), What::Bytes(Dir::In, Bytes::from(head))];
    all.extend(says.iter().map(|says| What::Bytes(Dir::In, Bytes::from(format!("data: {says}\n\n")))));
    all.push(What::Ended(Dir::In));
    for (at, what) in all.into_iter().enumerate() {
        let event = Event { at_ns: at as u64 * 1_000_000_000, link: LinkId(1), what };
        writer.put(Put::Event(event)).unwrap();
    }
    writer.finish().unwrap();
    path
}

const HOUR_NS: i64 = 3_600_000_000_000;

#[test]
fn recordings_are_listed_sorted_narrowed_and_read_once() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "apples", HOUR_NS, &["one", "two", "three"]);
    record(folder.path(), "pears", 3 * HOUR_NS, &["one"]);
    record(folder.path(), "plums", 2 * HOUR_NS, &[]);
    std::fs::write(folder.path().join("notes.pushscope"), "not a recording").unwrap();
    let mut app = app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    let settled = |app: &App| {
        let counted = app.state().library.entries.iter().filter(|entry| {
            let facts = entry.facts();
            facts.is_some_and(|facts| facts.counts.is_some() || matches!(facts.state, RecordingState::Unreadable(_)))
        });
        counted.count() == 4
    };
    until(&mut app, "all four are known", settled);
    assert_eq!(
        rows(&app)[1..],
        ["pears", "plums", "apples"],
        "the newest first; the file that is none was just written"
    );
    let facts = entry(&app, "apples").facts().cloned().unwrap();
    assert_eq!(facts.addresses, ["http://apples.example/events"]);
    assert_eq!((facts.counts.unwrap().messages, facts.length_ns, facts.events), (3, 6_000_000_000, 7));
    assert!(
        matches!(&entry(&app, "notes").facts().unwrap().state, RecordingState::Unreadable(why) if why.contains("not a Pushscope recording"))
    );

    library(&mut app, LibraryCommand::Sort(LibraryColumn::Messages));
    assert_eq!(rows(&app)[0], "apples", "the most messages first");
    library(&mut app, LibraryCommand::Sort(LibraryColumn::Name));
    assert_eq!(rows(&app), ["apples", "notes", "pears", "plums"]);
    library(&mut app, LibraryCommand::Sort(LibraryColumn::Name));
    assert_eq!(rows(&app)[0], "plums");
    library(&mut app, LibraryCommand::Filter("EVENTS app".into()));
    assert_eq!(rows(&app), ["apples"], "both words stand in name and address");

    // The index saves reading them again; it is not believed of a file that is another one now.
    let index = folder.path().join(".library.json");
    until(&mut app, "the index is written", |_| index.exists());
    drop(app);
    let told = std::fs::read_to_string(&index).unwrap().replace("\"messages\":3", "\"messages\":33");
    std::fs::write(&index, told.replace("\"messages\":1", "\"messages\":11")).unwrap();
    std::fs::remove_file(folder.path().join("pears.pushscope")).unwrap();
    record(folder.path(), "pears", 3 * HOUR_NS, &["one", "two"]);
    let mut app = self::app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "all four are known", settled);
    let messages = |app: &App, name: &str| entry(app, name).facts().unwrap().counts.unwrap().messages;
    assert_eq!((messages(&app, "apples"), messages(&app, "pears")), (33, 2));
    // Thrown away, it is made anew.
    drop(app);
    std::fs::write(&index, "nonsense").unwrap();
    let mut app = self::app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "all four are known", settled);
    assert_eq!(messages(&app, "apples"), 3);
}

#[test]
fn a_recording_gets_another_name_while_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.apply(Command::ConnectTo("lab:ws?rate=50".into()));
    let came = |app: &App| app.state().live().map_or(0, |live| live.session.totals().messages[1]);
    until(&mut app, "messages come", |app| came(app) > 10);
    let path = app.state().live().and_then(View::path).unwrap();
    library(&mut app, LibraryCommand::RenameTo(path.clone(), "monday".into()));
    let renamed = folder.path().join("monday.pushscope");
    until(&mut app, "it has another name", |app| app.state().live().and_then(View::path).as_ref() == Some(&renamed));
    assert!(!path.exists());
    let before = came(&app);
    until(&mut app, "more comes", |app| came(app) > before + 20);
    assert!(app.state().live().is_some_and(|view| match &view.source {
        pushscope::app::Source::Live(live) => live.trouble().is_none(),
        _ => false,
    }));
    // A name that is taken is refused, and the recording goes on under the one that it has.
    record(folder.path(), "taken", HOUR_NS, &[]);
    library(&mut app, LibraryCommand::RenameTo(renamed.clone(), "taken".into()));
    until(&mut app, "the clash is told", |app| says(app, "there is such a file already"));
    assert!(says(&app, "taken.pushscope"), "{:?}", app.state().messages);
    // It is being recorded, so it is not deleted.
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "it is listed", |app| app.state().library.entries.iter().any(|entry| entry.path == renamed));
    library(&mut app, LibraryCommand::Select(renamed.clone()));
    library(&mut app, LibraryCommand::Delete);
    assert!(says(&app, "it is being recorded"), "{:?}", app.state().messages);
    app.apply(Command::DisconnectAll);
    app.apply(Command::NewRecording);
    let live = app.state().views[0].session.records().len();
    app.shut_down();
    let mut opened = Opened::open(&renamed).unwrap();
    assert!(opened.was_ended() && opened.notices().is_empty(), "{:?}", opened.notices());
    let mut session = pushscope::session::Session::new(pushscope::session::Store::memory(), 0);
    loop {
        let batch = opened.next_batch(1 << 20).unwrap();
        if batch.is_empty() {
            break;
        }
        batch.into_iter().for_each(|entry| _ = session.take(entry));
    }
    assert_eq!(session.records().len(), live, "nothing is lost by the change of name");
    let locks = std::fs::read_dir(folder.path()).unwrap().flatten();
    let locks = locks.filter(|entry| entry.file_name().to_string_lossy().ends_with(".lock")).count();
    assert_eq!(locks, 0, "the end takes the lock away");
}

#[test]
fn tags_travel_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), "apples", HOUR_NS, &["one"]);
    let mut app = app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "it is counted", |app| is_counted(app, 1));
    library(&mut app, LibraryCommand::Select(path.clone()));
    library(&mut app, LibraryCommand::EditTags);
    library(&mut app, LibraryCommand::SetEdit(" bug 17, slow ,, slow".into()));
    library(&mut app, LibraryCommand::ConfirmEdit);
    let tags = |app: &App| app.state().library.entries[0].facts().unwrap().tags.clone();
    until(&mut app, "it is tagged", |app| tags(app) == ["bug 17", "slow"]);
    let copy = folder.path().join("copy.pushscope");
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(glance(&copy).unwrap().tags, ["bug 17", "slow"]);
    library(&mut app, LibraryCommand::Filter("bug".into()));
    assert_eq!(rows(&app), ["apples"]);

    // What may only be read is said so, and stays.
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    library(&mut app, LibraryCommand::SetTags(path.clone(), vec!["other".into()]));
    until(&mut app, "it is refused", |app| says(app, "may only be read"));
    assert_eq!(glance(&path).unwrap().tags, ["bug 17", "slow"]);
    until(&mut app, "the list tells what the file holds", |app| tags(app) == ["bug 17", "slow"]);
}

#[test]
fn what_is_deleted_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), "apples", HOUR_NS, &["one"]);
    record(folder.path(), "pears", 2 * HOUR_NS, &[]);
    let mut app = app(folder.path());
    app.apply(Command::OpenPath(path.clone()));
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "both are counted", |app| is_counted(app, 2));
    library(&mut app, LibraryCommand::Select(path.clone()));
    library(&mut app, LibraryCommand::Delete);
    assert_eq!(rows(&app), ["pears"], "it is listed no more at once");
    until(&mut app, "it is gone", |app| says(app, "Deleted apples"));
    assert!(!path.exists() && app.state().views.is_empty(), "its view is closed");
    let offered = app.state().messages.iter().find(|message| message.commands.contains(&Command::UndoDelete));
    assert!(offered.is_some_and(|message| message.text.contains(".trash for 30 days")), "{:?}", app.state().messages);
    assert_eq!(app.state().library.selected_entry().map(|entry| entry.name.as_str()), Some("pears"));

    app.apply(Command::UndoDelete);
    until(&mut app, "it is there again", |app| rows(app) == ["pears", "apples"]);
    assert_eq!(glance(&path).unwrap().ending, Ending::Ended);
    app.apply(Command::Undo);
    assert!(says(&app, "nothing was deleted"));

    // By the next run of the program it is found in the trash; a key that was meant for something else leaves it there.
    library(&mut app, LibraryCommand::Select(path.clone()));
    library(&mut app, LibraryCommand::Delete);
    until(&mut app, "it is gone again", |_| !path.exists());
    drop(app);
    let mut app = self::app(folder.path());
    until(&mut app, "the trash is known", |app| !app.state().deleted.is_empty());
    app.apply(Command::Undo);
    assert!(says(&app, "nothing was deleted since the start"), "{:?}", app.state().messages);
    app.apply(Command::UndoDelete);
    until(&mut app, "it is there again", |app| says(app, "apples is there again"));
    assert!(path.exists());
}

#[test]
fn what_is_no_recording_is_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    record(folder.path(), "apples", HOUR_NS, &["one"]);
    std::fs::create_dir(at("folder.pushscope")).unwrap();
    std::fs::write(at("empty.pushscope"), "").unwrap();
    std::fs::write(at("text.pushscope"), "no recording").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("nowhere"), at("lost.pushscope")).unwrap();
    let foreign = rusqlite::Connection::open(at("foreign.pushscope")).unwrap();
    foreign.execute_batch("CREATE TABLE a(b); PRAGMA user_version = 1").unwrap();
    drop(foreign);
    std::fs::copy(at("apples.pushscope"), at("newer.pushscope")).unwrap();
    rusqlite::Connection::open(at("newer.pushscope")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let mut app = app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "all are known", |app| {
        let entries = &app.state().library.entries;
        entries.len() >= 6
            && entries.iter().all(|entry| entry.facts().is_some())
            && app.state().library.counting().is_none()
    });
    let why = |name: &str| match &entry(&app, name).facts().unwrap().state {
        RecordingState::Unreadable(why) => why.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert!(why("folder").contains("is a folder"), "{}", why("folder"));
    assert!(why("empty").contains("empty"), "{}", why("empty"));
    assert!(why("text").contains("not a Pushscope recording"), "{}", why("text"));
    assert!(why("foreign").contains("not a Pushscope recording"), "{}", why("foreign"));
    if cfg!(unix) {
        assert!(why("lost").contains("lost.pushscope"), "{}", why("lost"));
    }
    assert_eq!(entry(&app, "newer").facts().unwrap().counts.unwrap().messages, 1, "what is sound of it counts");
    // Each can be renamed or deleted like any other.
    for name in ["folder", "text"] {
        library(&mut app, LibraryCommand::Select(at(&format!("{name}.pushscope"))));
        library(&mut app, LibraryCommand::Delete);
        until(&mut app, "it is gone", |app| says(app, &format!("Deleted {name}")));
    }
}

#[test]
fn a_damaged_recording_is_counted_as_far_as_it_goes_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "whole", HOUR_NS, &["one", "two"]);
    let path = record(folder.path(), "hurt", HOUR_NS, &["one", "two"]);
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE event SET crc = 0 WHERE seq = 0", []).unwrap();
    let mut app = app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "both are counted", |app| is_counted(app, 2));
    let counts = |name| entry(&app, name).facts().unwrap().counts.unwrap();
    assert_eq!((counts("whole").messages, counts("whole").damaged), (2, 0));
    assert_eq!((counts("hurt").messages, counts("hurt").damaged), (2, 1));
}

#[test]
fn one_filter_goes_through_all_recordings() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "apples", HOUR_NS, &["{\"n\":1}", "{\"n\":2,\"error\":\"late\"}", "{\"n\":3}"]);
    record(folder.path(), "pears", 2 * HOUR_NS, &["{\"n\":2}"]);
    record(folder.path(), "plums", 3 * HOUR_NS, &["{\"n\":7}"]);
    std::fs::write(folder.path().join("broken.pushscope"), "no").unwrap();
    let mut app = app(folder.path());
    library(&mut app, LibraryCommand::Toggle);
    until(&mut app, "all are listed", |app| app.state().library.entries.len() == 4);
    library(&mut app, LibraryCommand::SetSearch("kind:nonsense(".into()));
    library(&mut app, LibraryCommand::Search);
    assert!(app.state().library.search.mistake.as_ref().is_some_and(|why| why.starts_with("at character")));

    library(&mut app, LibraryCommand::SetSearch("kind:sse.event $.n=2".into()));
    library(&mut app, LibraryCommand::Search);
    until(&mut app, "all were looked through", |app| !app.state().library.search.is_running());
    let search = &app.state().library.search;
    assert_eq!((search.found(), search.progress), (2, (4, 4)));
    let told: Vec<String> = (0..search.len())
        .map(|row| match search.row(row).unwrap() {
            ResultRow::Group(group) => format!("{} {}", group.name, group.found),
            ResultRow::Line(_, line) => format!("  {} {}", line.kind, line.text),
        })
        .collect();
    assert_eq!(
        told[1..],
        ["pears 1", "  sse.event message  {\"n\":2}", "apples 1", "  sse.event message  {\"n\":2,\"error\":\"late\"}"]
    );
    assert!(told[0].starts_with("broken 0") && search.groups[0].trouble.is_some(), "what cannot be read is said");
    assert!(search.row(search.len()).is_none());

    let group = &search.groups[2];
    let (path, record) = (group.path.clone(), group.lines[0].record);
    library(&mut app, LibraryCommand::OpenAt(path.clone(), record));
    until(&mut app, "the record is selected", |app| app.state().view().and_then(|view| view.selected) == Some(record));
    let view = app.state().view().unwrap();
    assert_eq!(view.path(), Some(path));
    assert!(view.session.summary(record).contains("late"));
    assert!(!app.state().library.is_shown);

    // Narrowed, only what is listed is searched.
    library(&mut app, LibraryCommand::Toggle);
    library(&mut app, LibraryCommand::Filter("pears".into()));
    library(&mut app, LibraryCommand::SetSearch("$.n=2".into()));
    library(&mut app, LibraryCommand::Search);
    until(&mut app, "it was looked through", |app| !app.state().library.search.is_running());
    assert_eq!((app.state().library.search.found(), app.state().library.search.progress), (1, (1, 1)));
}

#[test]
fn what_was_cut_off_is_offered_until_it_is_opened_or_put_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.pushscope");
    let name = path.display().to_string();
    let mut running = Running::pushscope(&["record", "lab:ws?rate=20", "-o", &name]);
    running.until("ws.text");
    let written = Instant::now() + PATIENCE;
    while glance(&path).map_or(0, |glance| glance.events) < 8 {
        assert!(Instant::now() < written, "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    }

    // Another program records it now: it is neither offered, nor renamed, nor deleted; tags are no matter.
    assert_eq!(glance(&path).unwrap().ending, Ending::Recording);
    let refused = rename(&path, &folder.path().join("other.pushscope")).unwrap_err().to_string();
    assert!(refused.contains("another program is recording it"), "{refused}");
    set_tags(&path, &["live".into()]).unwrap();
    let mut first = app(folder.path());
    library(&mut first, LibraryCommand::Toggle);
    until(&mut first, "it is known", |app| app.state().library.entries.iter().any(|entry| entry.facts().is_some()));
    assert_eq!(entry(&first, "killed").facts().unwrap().state, RecordingState::Recording);
    assert!(first.state().messages.is_empty());
    library(&mut first, LibraryCommand::Select(path.clone()));
    library(&mut first, LibraryCommand::Delete);
    assert!(says(&first, "it is being recorded"));
    running.until("ws.text");
    running.kill();
    // Whoever looked too early hears of it all the same.
    until(&mut first, "it is offered", |app| says(app, "killed was cut off"));
    drop(first);

    assert_eq!(glance(&path).unwrap().ending, Ending::CutOff);
    // Nothing was recorded here before the program was killed, so nothing is offered.
    let empty = folder.path().join("empty.pushscope");
    SessionWriter::create(&empty, HOUR_NS).unwrap().finish().unwrap();
    rusqlite::Connection::open(&empty).unwrap().execute("DELETE FROM meta WHERE key = 'ended_at'", []).unwrap();
    let age = std::time::SystemTime::now() - Duration::from_secs(100);
    std::fs::File::options().write(true).open(&empty).unwrap().set_modified(age).unwrap();
    assert_eq!(glance(&empty).unwrap().ending, Ending::CutOff);
    let mut next = app(folder.path());
    until(&mut next, "it is offered", |app| says(app, "killed was cut off"));
    let commands = next.state().messages[0].commands.clone();
    assert_eq!(commands.iter().map(Command::label).collect::<Vec<_>>(), ["Open it", "Do not offer again"]);
    // Put off only, it is offered again.
    next.apply(Command::Dismiss(0));
    drop(next);
    let mut next = app(folder.path());
    until(&mut next, "it is offered again", |app| says(app, "killed was cut off"));
    next.apply(commands[0].clone());
    assert_eq!(next.state().view().and_then(View::path), Some(path.clone()));
    assert!(next.state().messages.is_empty(), "the offer is taken");
    until(&mut next, "it is read", |app| app.state().view().is_some_and(|view| view.session.totals().messages[1] > 0));
    until(&mut next, "nobody waits for more", |app| match &app.state().view().unwrap().source {
        Source::File(reading) => !reading.is_reading() && !reading.is_following(),
        _ => false,
    });
    until(&mut next, "that is noted", |_| glance(&path).is_ok_and(|glance| glance.is_put_away));
    drop(next);
    let mut last = app(folder.path());
    until(&mut last, "it is known", |app| app.state().library.entries.iter().any(|entry| entry.facts().is_some()));
    last.tick(Duration::from_millis(50));
    assert!(last.state().messages.is_empty(), "{:?}", last.state().messages);
    assert_eq!(glance(&path).unwrap().tags, ["live"]);
}
