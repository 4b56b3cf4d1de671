//! Other tools' formats in the window: exports of the recording that is shown, and files that are read as recordings.

use super::engine::Reply;
use super::link::Place;
use super::{App, Command, CopyAs, Message, SecretsAre, State, View, Wish};
use crate::interop::{self, Format, Importable, Imported, InteropError, Report, Which, write_file};
use crate::session::Kind;
use std::path::{Path, PathBuf};

impl App {
    /// Writes what is shown of the active recording in a format: all of it where nothing is filtered, and of a report the
    /// rows in any case.
    pub(super) fn export(&mut self, format: Format, to: PathBuf, overwrites: bool, secrets: SecretsAre) {
        let Some(view) = self.state.view() else { return };
        let Some(from) = view.path() else { return };
        let rows = (view.list.is_narrowed() || format == Format::Html).then(|| view.list.rows());
        let title = view.title.clone();
        let rules = (secrets == SecretsAre::Replaced).then(|| self.state.secrets.rules.clone());
        let said = if rules.is_none() { self.said_of_kept() } else { String::new() };
        let job = self.begin(format!("Exporting {}", to.display()));
        self.engine.beside(move || {
            let which = rows.map_or(Which::All, |rows| Which::Ids(rows.ids().collect()));
            let written = write_file(&to, overwrites, |out| {
                let progress = &mut |done, total| job.report(done, total);
                interop::export(&from, &title, (format, &which, rules.as_ref()), out, progress)
            });
            Reply::Exported { job, path: to, said, result: written.map_err(|error| error.to_string()) }
        });
    }

    /// Reads a file of another form into the folder of recordings, and opens it from there.
    pub(super) fn import(&mut self, from: PathBuf, format: Importable, place: Option<Place>) {
        let folder = match &self.folder {
            Ok(folder) => folder.clone(),
            Err(why) => return self.complain(format!("{}: {why}", from.display())),
        };
        let job = self.begin(format!("Reading {}", from.display()));
        self.engine.beside(move || {
            let result =
                interop::import_into_folder(&from, format, &folder, &mut |done, total| job.report(done, total));
            Reply::Imported { job, from, place, result: result.map_err(|error: InteropError| error.to_string()) }
        });
    }

    pub(super) fn take_exported(&mut self, path: &Path, said: &str, is_stopped: bool, result: Result<Report, String>) {
        let path = path.display();
        match result {
            Ok(report) => self.tell(format!("Exported {} to {path}{said}", report.amount()), &report),
            Err(_) if is_stopped => self.say(format!("Exporting {path} was stopped: nothing was written")),
            Err(why) => self.complain(why),
        }
    }

    pub(super) fn take_imported(
        &mut self,
        from: &Path,
        is_stopped: bool,
        result: Result<Imported, String>,
        place: Option<Place>,
    ) {
        let from = from.display();
        match result {
            Ok(imported) => {
                self.apply(Command::RefreshSaved);
                self.open(imported.path);
                if let Some(view) = self.state.view_mut() {
                    view.wanted = place;
                }
                self.tell(format!("Read {} of {from}", imported.report.amount()), &imported.report);
            }
            Err(_) if is_stopped => self.say(format!("Reading {from} was stopped: nothing of it is kept")),
            Err(why) => self.complain(why),
        }
    }

    /// Says how it went. Where something was left out, that stays until it is put away.
    fn tell(&mut self, said: String, report: &Report) {
        if report.remarks.is_empty() {
            return self.say(said);
        }
        let text = format!("{said}. Left out or changed: {}", report.remarks.join("; "));
        self.state.messages.push(Message { text, is_error: false, until: None, commands: Vec::new() });
    }

    /// Copies the selected request or WebSocket as a command.
    pub(super) fn copy_command(&mut self, how: CopyAs) {
        let Some(view) = self.state.view() else { return };
        let Some(id) = view.selected else { return };
        let written = match how {
            CopyAs::Websocat => interop::websocat::one(&view.session, id),
            _ => interop::curl::one(&view.session, id).map(|command| (command, Vec::new())),
        };
        match written {
            Ok((text, remarks)) => {
                let secrets = self.said_of_copied(text.as_bytes());
                self.wishes.push(Wish::Copy(text));
                let said = format!("Copied {}{secrets}", how.label());
                self.say([vec![said], remarks].concat().join("; "));
            }
            Err(why) => self.complain(format!("Copy {}: {why}", how.label())),
        }
    }
}

impl State {
    /// Why the recording that is shown can't be exported now.
    pub(super) fn export_objection(&self, format: Format) -> Option<String> {
        let view = self.view();
        match view.map(View::path) {
            None => Some("no recording is open".into()),
            Some(None) => Some("this recording has no file to read it from".into()),
            Some(Some(_)) => {
                let is_chosen = |view: &View| view.list.is_narrowed() || format == Format::Html;
                let is_behind = view.is_some_and(|view| is_chosen(view) && !view.is_live() && view.is_working());
                is_behind.then(|| "the rows are still being found: wait, or stop it".into())
            }
        }
    }

    /// Why the selected record can't be copied as a command.
    pub(super) fn command_objection(&self, how: CopyAs) -> Option<String> {
        let nothing = || Some("no record is selected".to_owned());
        let Some(view) = self.view() else { return nothing() };
        let Some(record) = view.selected.and_then(|id| view.session.records().get(id)) else { return nothing() };
        let is_websocket = view.session.link(record.link).is_some_and(|link| link.agreement().is_some());
        match how {
            CopyAs::Websocat => (!is_websocket).then(|| "the selected record belongs to no WebSocket".into()),
            CopyAs::Curl if record.kind != Kind::HttpRequest => Some("the selected record is no HTTP request".into()),
            CopyAs::Curl if is_websocket => {
                Some("the selected request opens a WebSocket: websocat speaks to those".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Next, Setup};
    use crate::session::RecordId;
    use crate::session::file::SessionWriter;
    use crate::wire::{ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
    use std::sync::Arc;
    use std::time::Duration;

    /// A recording of a request and of an answer with two events.
    fn recording(folder: &Path) -> PathBuf {
        let path = folder.join("monday.pushscope");
        let mut writer = SessionWriter::create(&path, 0).unwrap();
        let (connection, host, purpose) = (ConnectionId(1), "a.example".to_owned(), "request".to_owned());
        let info = ConnectionInfo { id: connection, spec: "{}".into(), label: "http://a.example/".into() };
        writer.put(Entry::Connection(info)).unwrap();
        let request = "GET /x HTTP/1.1\r\nHost: a.example\r\nUser-Agent: me\r\nAccept: */*\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\ndata: two\n\n";
        for what in [
            What::Opening(Opening { connection, host, port: 80, tls: false, purpose, via: None }),
            What::Bytes(Dir::Out, request.into()),
            What::Bytes(Dir::In, answer.into()),
            What::Ended(Dir::In),
        ] {
            writer.put(Entry::Event(Event { at_ns: 5, link: LinkId(1), what })).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    fn app(folder: &Path) -> App {
        let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) };
        App::new(setup).unwrap()
    }

    fn settle(app: &mut App) {
        loop {
            let next = app.tick(Duration::from_millis(4));
            let is_working = !app.state().jobs.is_empty() || app.state().view().is_some_and(View::has_work);
            if !is_working && next != Next::Again {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn said(app: &App) -> String {
        app.state().messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_shown_goes_out_and_a_file_that_came_out_opens() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut app = app(folder.path());
        app.apply(Command::OpenPath(recording(other.path())));
        settle(&mut app);
        let lines = other.path().join("a.jsonl");
        app.apply(Command::ExportTo(Format::Jsonl, lines.clone(), false, SecretsAre::Replaced));
        settle(&mut app);
        assert!(said(&app).starts_with("Exported 6 records to "), "{}", said(&app));
        // What is there stays, and it is said.
        app.apply(Command::ExportTo(Format::Html, lines.clone(), false, SecretsAre::Replaced));
        settle(&mut app);
        assert!(said(&app).contains("there is such a file already"), "{}", said(&app));
        // With a filter, what it shows goes out.
        app.apply(Command::SetFilter("kind:sse.event".into()));
        settle(&mut app);
        let page = other.path().join("a.html");
        app.apply(Command::ExportTo(Format::Html, page.clone(), false, SecretsAre::Replaced));
        settle(&mut app);
        assert_eq!(std::fs::read_to_string(&page).unwrap().matches("<details id=").count(), 2);
        // The lines are read into the folder of recordings and opened from there.
        app.apply(Command::OpenPath(lines));
        settle(&mut app);
        let view = app.state().view().unwrap();
        let path = view.path().unwrap();
        assert!(path.starts_with(folder.path()) && view.title.ends_with(" a"), "{path:?}");
        assert_eq!(view.session.records().len(), 6);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while app.state().library.entry(&path).is_none() {
            assert!(std::time::Instant::now() < deadline, "it is not in the library");
            app.tick(Duration::from_millis(4));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_request_is_copied_as_the_command_that_sends_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut app = app(folder.path());
        let curl = Command::Copy(CopyAs::Curl);
        assert_eq!(app.objection(&curl).as_deref(), Some("no record is selected"));
        app.apply(Command::OpenPath(recording(folder.path())));
        settle(&mut app);
        let select = |app: &mut App, id: RecordId| app.apply(Command::Select(Some(id)));
        select(&mut app, 0);
        assert_eq!(app.objection(&curl).as_deref(), Some("the selected record is no HTTP request"));
        select(&mut app, 1);
        app.take_wishes();
        app.apply(curl);
        let command = "curl http://a.example/x \\\n  --no-buffer \\\n  --user-agent me".to_owned();
        assert_eq!(app.take_wishes(), [Wish::Copy(command)]);
        assert!(app.objection(&Command::Copy(CopyAs::Websocat)).unwrap().contains("no WebSocket"));
    }

    #[test]
    fn a_file_that_is_nothing_we_know_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut app = app(folder.path());
        let letter = folder.path().join("letter.txt");
        std::fs::write(&letter, "Dear reader").unwrap();
        app.apply(Command::OpenPath(letter));
        assert!(said(&app).contains("not a Pushscope recording, and no JSON Lines"), "{}", said(&app));
        let broken = folder.path().join("broken.jsonl");
        std::fs::write(&broken, "{\"pushscope\":{\"format\":1}}\n{}\n").unwrap();
        app.apply(Command::OpenPath(broken));
        settle(&mut app);
        assert!(said(&app).contains("there is no event and no message in it"), "{}", said(&app));
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "something was left behind");
        assert!(app.objection(&Command::Export(Format::Html)).unwrap().contains("no recording is open"));
    }
}
