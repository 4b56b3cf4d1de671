//! Recordings as files: the live one, opening, saving copies, and the folder they lie in.

use super::Reading;
use super::engine::{Purpose, Reply};
use super::live::{Live, Source};
use super::{App, Command, Job, PathField, SecretsAre, View, ViewId, Wish};
use crate::interop::{Found, detect, unknown};
use crate::session::file::{Opened, Recorder, new_recording_path, save_copy};
use crate::session::{Session, Store};
use crate::wire::{EventReceiver, EventSender, ReaderOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// Bytes that may wait for the screen, and for the recorder, before sockets are left unread.
const SCREEN_LIMIT_BYTES: usize = 32 << 20;
const RECORDER_LIMIT_BYTES: usize = 64 << 20;
/// What the name of a copy without secrets ends with, by suggestion.
const REDACTED: &str = "-redacted";

impl App {
    /// Shows a session that is complete.
    pub fn add_session(&mut self, title: impl Into<String>, session: Session) -> ViewId {
        self.add_view(title.into(), session, Source::Still)
    }

    /// Shows a session to which entries still come, put into `receiver` by whoever has such a `sender`. It is in no file
    /// of ours, and the window says so.
    pub fn add_live(
        &mut self,
        title: impl Into<String>,
        session: Session,
        sender: EventSender,
        receiver: EventReceiver,
    ) -> ViewId {
        let elsewhere = Err("not recorded to a file by this window: its events come from elsewhere".to_owned());
        self.add_view(title.into(), session, Source::Live(Live::new(sender, receiver, elsewhere)))
    }

    pub(super) fn add_view(&mut self, title: String, session: Session, source: Source) -> ViewId {
        let id = ViewId(self.next_view);
        self.next_view += 1;
        let mut view = View::new(id, title, session, source);
        // A mistake in it was told when it was typed.
        let _ = view.deliveries.set_rule(self.state.ack.clone());
        self.state.views.push(view);
        self.state.active = Some(id);
        id
    }

    /// There is a recording in progress after this. `label` names its file.
    pub(super) fn ensure_live(&mut self, label: &str) {
        if self.state.live().is_some() {
            return;
        }
        let (live, session) = self.new_live(label);
        self.add_view("this recording".into(), session, Source::Live(live));
        self.apply(Command::RefreshSaved);
    }

    /// A recording that begins now, in a file that `label` names, and the session for it.
    pub(super) fn new_live(&self, label: &str) -> (Live, Session) {
        let started_unix_ns = jiff::Timestamp::now().as_nanosecond() as i64;
        let readers = vec![
            ReaderOptions { limit_bytes: SCREEN_LIMIT_BYTES, notify: self.engine.notifier() },
            ReaderOptions::new(RECORDER_LIMIT_BYTES),
        ];
        let (sender, mut receivers) = EventSender::new(Instant::now(), 1, readers);
        // In the order of the readers above.
        let (recording, screen) = (receivers.remove(1), receivers.remove(0));
        let recorder = self.start_recorder(recording, label, started_unix_ns);
        let archive = recorder.as_ref().ok().and_then(|recorder| Some((recorder.archive().ok()?, recorder.saved())));
        let store = archive.map_or_else(Store::newest, |(archive, saved)| Store::archived(archive, saved));
        (Live::new(sender, screen, recorder), Session::new(store, started_unix_ns))
    }

    fn start_recorder(&self, events: EventReceiver, label: &str, started_unix_ns: i64) -> Result<Recorder, String> {
        let folder = self.folder.as_ref().map_err(|why| format!("not recorded to a file: {why}"))?;
        let path = new_recording_path(folder, label, started_unix_ns);
        Recorder::start(&path, events, started_unix_ns).map_err(|error| format!("not recorded to a file: {error}"))
    }

    pub(super) fn open(&mut self, target: PathBuf) {
        let (path, place) = match super::link::read(&target) {
            Ok(read) => read,
            Err(why) => return self.complain(why),
        };
        // One file has one name, so that the list knows it for open.
        let path = std::path::absolute(&path).unwrap_or(path);
        match detect(&path) {
            Found::Script => return self.open_script(path),
            Found::Import(format) => return self.import(path, format, place),
            Found::Unknown(begins) => return self.complain(unknown(&path, &begins).to_string()),
            Found::Session => {}
        }
        self.leave_library();
        let already = self.state.views.iter().find(|view| view.path().as_deref() == Some(path.as_path()));
        if let Some(id) = already.map(|view| view.id) {
            self.state.active = Some(id);
            if let Some(view) = self.state.view_mut() {
                view.wanted = place;
            }
            return;
        }
        let opened = Opened::open(&path).and_then(|opened| Ok((opened.archive()?, opened)));
        match opened {
            Ok((archive, opened)) => {
                for notice in opened.notices() {
                    self.complain(format!("{}: {notice}", path.display()));
                }
                let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                let store = Store::archived(archive, Arc::new(AtomicU64::new(u64::MAX)));
                let mut session = Session::new(store, opened.started_unix_ns());
                let (remarks, about_remarks) = opened.remarks();
                session.expect_remarks(remarks);
                about_remarks.iter().for_each(|notice| self.complain(format!("{}: {notice}", path.display())));
                match Reading::start(path, opened, self.engine.notify()) {
                    Ok(reading) => _ = self.add_view(name, session, Source::File(reading)),
                    Err(error) => return self.complain(error),
                }
                if let Some(view) = self.state.view_mut() {
                    view.list.set_follow(false);
                    view.wanted = place;
                }
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    pub(super) fn close_view(&mut self) {
        if let Some(active) = self.state.active {
            self.close(active);
        }
    }

    /// Closes a view and what goes on in it; where it was shown, another one is.
    pub(super) fn close(&mut self, id: ViewId) {
        if self.state.replay.as_ref().is_some_and(|replay| replay.view == Some(id)) {
            self.stop_replay();
        }
        if self.state.live().is_some_and(|live| live.id == id) {
            self.end_live();
            self.apply(Command::RefreshSaved);
        }
        self.state.views.retain(|view| view.id != id);
        if self.state.active == Some(id) {
            self.state.active = self.state.views.last().map(|view| view.id);
        }
    }

    pub(super) fn save_as(&mut self, to: PathBuf) {
        let to = if to.extension().is_none() { to.with_extension("pushscope") } else { to };
        let Some(from) = self.state.view().and_then(View::path) else { return };
        let job = self.begin(format!("Saving {}", to.display()));
        let reporter = job.clone();
        let said = self.said_of_kept();
        self.engine.save(job, (to.clone(), said), move || {
            save_copy(&from, &to, &mut |done, total| reporter.report(done, total)).map_err(|error| error.to_string())
        });
    }

    pub(super) fn begin(&mut self, what: String) -> Job {
        let job = Job::new(what);
        self.state.jobs.push(job.clone());
        job
    }

    /// Stops reading, filtering and saving; what is there stays.
    pub(super) fn stop_work(&mut self) {
        self.state.jobs.iter().for_each(Job::stop);
        if let Some(view) = self.state.view_mut() {
            view.stop_reading();
            view.list.stop();
            view.find.stop();
            if view.tally.is_working() {
                view.tally.set_stopped(true);
            }
        }
    }

    pub(super) fn ask_path(&mut self, command: &Command) {
        let base = self.state.view().map_or_else(|| "recording".to_owned(), |view| view.title.clone());
        let (purpose, name) = match command {
            Command::Open => (Purpose::Open, String::new()),
            Command::SaveAs => (Purpose::SaveAs, format!("{base}.pushscope")),
            Command::SaveRedacted => (Purpose::SaveAs, format!("{base}{REDACTED}.pushscope")),
            Command::Export(format) => (Purpose::Export(*format), format!("{base}.{}", format.extension())),
            Command::SavePayload => (Purpose::SavePayload, "payload.bin".to_owned()),
            Command::OpenScript => (Purpose::OpenScript, String::new()),
            Command::SaveReport => (Purpose::SaveReport, "report.html".to_owned()),
            Command::Request(_) => (Purpose::RequestsFolder, String::new()),
            _ => (Purpose::SendFile, String::new()),
        };
        let in_folder =
            |name: &str| self.folder.as_ref().map_or_else(|_| PathBuf::from(name), |folder| folder.join(name));
        let text = match purpose {
            Purpose::SendFile => String::new(),
            Purpose::RequestsFolder => self
                .state
                .requests
                .folder
                .as_ref()
                .map_or_else(|_| String::new(), |folder| folder.display().to_string()),
            Purpose::OpenScript => {
                self.state.script.as_ref().map_or_else(String::new, |script| script.path.display().to_string())
            }
            _ => in_folder(&name).to_string_lossy().into_owned(),
        };
        let secrets = match command {
            Command::SaveAs => Some(SecretsAre::Kept),
            Command::SaveRedacted | Command::Export(_) => Some(SecretsAre::Replaced),
            _ => None,
        };
        self.state.path_field = Some(PathField { purpose, text, no_picker: false, secrets });
        match command {
            Command::SaveRedacted => self.review_secrets(),
            _ if secrets.is_some() => self.find_secrets(),
            _ => {}
        }
        self.wishes.push(Wish::FocusPath);
        self.engine.pick(purpose, name);
    }

    pub(super) fn confirm_path(&mut self) {
        let Some(field) = self.state.path_field.clone() else { return };
        if field.text.trim().is_empty() {
            return;
        }
        self.put_path_field_away();
        self.take_path((field.purpose, field.secrets), PathBuf::from(field.text.trim()), false);
    }

    /// Looking for secrets goes on where they are shown elsewhere, too.
    pub(super) fn put_path_field_away(&mut self) {
        let field = self.state.path_field.take();
        if field.is_some_and(|field| field.secrets.is_some()) && !self.state.shows(super::Pane::Secrets) {
            self.stop_looking_for_secrets();
        }
    }

    /// The suggested name says whether secrets are in the file, as long as it is the suggested one.
    pub(super) fn set_path_secrets(&mut self, secrets: SecretsAre) {
        let base = self.state.view().map_or_else(String::new, |view| view.title.clone());
        let Some(field) = self.state.path_field.as_mut().filter(|field| field.secrets.is_some()) else { return };
        field.secrets = Some(secrets);
        let names = [format!("{base}.pushscope"), format!("{base}{REDACTED}.pushscope")];
        let [old, new] = match secrets {
            SecretsAre::Kept => [&names[1], &names[0]],
            SecretsAre::Replaced => [&names[0], &names[1]],
        };
        let rest = field.text.strip_suffix(old.as_str()).filter(|rest| rest.is_empty() || rest.ends_with(['/', '\\']));
        if let Some(folder) = rest {
            field.text = format!("{folder}{new}");
        }
    }

    /// Uses a path; `is_picked` where the desktop's picker has asked whether to overwrite what is there.
    fn take_path(&mut self, (purpose, secrets): (Purpose, Option<SecretsAre>), path: PathBuf, is_picked: bool) {
        match purpose {
            Purpose::Open => self.open(path),
            Purpose::OpenScript => self.open_script(path),
            Purpose::SaveRequest | Purpose::RenameRequest | Purpose::NewFolder | Purpose::RequestsFolder => {
                self.take_name(purpose, &path);
            }
            Purpose::SaveAs if secrets == Some(SecretsAre::Replaced) => self.save_redacted(path),
            Purpose::SaveAs => self.save_as(path),
            Purpose::Export(format) => {
                let secrets = secrets.unwrap_or(SecretsAre::Replaced);
                self.apply(Command::ExportTo(format, path, is_picked, secrets));
            }
            Purpose::SaveReport => self.save_report(path),
            Purpose::SendFile => {
                self.state.composer.format = super::Format::File;
                self.state.composer.text = path.to_string_lossy().into_owned();
            }
            Purpose::SavePayload => {
                let Some(inspection) = self.state.view().and_then(|view| view.inspection.as_ref()) else { return };
                let payload = inspection.explained().payload.clone();
                let to = path.clone();
                let job = self.begin(format!("Saving {}", path.display()));
                let said = self.said_of_copied(&payload);
                self.engine.save(job, (path, said), move || {
                    std::fs::write(&to, payload).map_err(|error| format!("{} cannot be written: {error}", to.display()))
                });
            }
        }
    }

    pub(super) fn take_reply(&mut self, reply: Reply) {
        match reply {
            Reply::Picked { purpose, path: Some(path), .. } => {
                let secrets = self.state.path_field.as_ref().and_then(|field| field.secrets);
                self.put_path_field_away();
                self.take_path((purpose, secrets), path, true);
            }
            Reply::Picked { purpose, path: None, is_missing } => {
                let Some(field) = self.state.path_field.as_mut().filter(|field| field.purpose == purpose) else {
                    return;
                };
                if is_missing {
                    field.no_picker = true;
                } else {
                    self.put_path_field_away();
                }
            }
            Reply::Tried(number, outcome, total) => self.take_tried(number, *outcome, total),
            Reply::Examined(number, report) => self.take_report(number, report.map(|report| *report)),
            Reply::ToReplay(job, ready) => self.take_program(&job, ready),
            Reply::Stock(address, verdict) => self.take_stock(&address, verdict),
            Reply::Differs(number, difference) => self.take_difference(number, *difference),
            Reply::Compared(job, compared) => self.take_compared(&job, compared),
            Reply::Trash(deleted) => self.know_deleted(deleted),
            Reply::Gathered(news) => self.take_gathered(news),
            Reply::Requests(listing) => self.take_requests(*listing),
            Reply::KeptValues(kept) => self.take_kept(kept),
            Reply::SecretsKept(kept) => self.secrets_were_kept(*kept),
            Reply::Found(number, found) => self.take_found(number, found),
            Reply::Changed(changed) => self.take_changed(changed),
            Reply::Remarked { path, result } => self.take_remarked(path, result),
            Reply::Kept(Ok(said)) => self.say(said),
            Reply::Kept(Err(why)) => self.complain(why),
            Reply::Fetched(question, found) => self.take_login(&question, found),
            Reply::Secrets { view, job, result } => self.take_secrets(view, &job, result),
            Reply::Redacted { job, path, result } => self.take_redacted(&job, &path, result),
            Reply::Exported { job, path, said, result } => {
                self.state.jobs.retain(|other| !other.is(&job));
                self.take_exported(&path, &said, job.is_stopped(), result);
            }
            Reply::Imported { job, from, place, result } => {
                self.state.jobs.retain(|other| !other.is(&job));
                self.take_imported(&from, job.is_stopped(), result, place);
            }
            Reply::Saved { job, path, said, result } => {
                self.state.jobs.retain(|other| !other.is(&job));
                match result {
                    Ok(()) => {
                        self.say(format!("Saved {}{said}", path.display()));
                        self.apply(Command::RefreshSaved);
                    }
                    Err(_) if job.is_stopped() => {
                        self.say(format!("Saving {} was stopped: nothing was written", path.display()))
                    }
                    Err(why) => self.complain(why),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Setup;
    use crate::wire::{Act, ClientAct, LinkId, What};
    use std::time::Duration;

    #[test]
    fn a_session_that_is_recorded_elsewhere_goes_on_here_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.path().to_owned()) };
        let mut app = App::new(setup).unwrap();
        let (sender, mut receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(usize::MAX)]);
        app.add_live("elsewhere", Session::new(Store::newest(), 0), sender.clone(), receivers.remove(0));
        sender.send(LinkId(1), What::Client(ClientAct { act: Act::Noticed, text: "hello".to_owned() }));
        app.tick(Duration::from_millis(4));
        let view = app.state().view().unwrap();
        assert_eq!((view.session.records().len(), view.list.len()), (1, 1));
        let Source::Live(live) = &view.source else { panic!("it is over") };
        assert!(live.trouble().unwrap().contains("events come from elsewhere"));
    }
}
