//! The program behind the window: commands as plain data, the engine's threads, and the state of the views.
//!
//! It knows no window. [`App::apply`] is the only way in, [`App::tick`] takes what is new within a time budget, and
//! everything there is to show can be read from [`App::state`].

mod addresses;
mod apply;
mod chosen;
mod columns;
mod command;
mod comparing;
mod composer;
mod consult;
mod copy;
pub mod doctor;
mod draft;
mod engine;
mod exchange;
mod find;
mod inspect;
mod job;
mod json;
mod label;
pub mod library;
mod link;
mod list;
mod live;
mod login;
mod menu;
mod message;
mod objection;
mod open;
mod pane;
mod paste;
mod payload;
mod playback;
mod reading;
mod remarks;
mod replaying;
pub mod requests;
pub mod resend;
mod resending;
pub mod script;
mod scripting;
mod secrets;
mod shown;
mod tally;
mod time;
mod trash;
mod undo;
mod view;

pub use crate::session::compare::By;
pub use addresses::{lab_addresses, middlebox_addresses};
pub use columns::{COLUMNS, Column, LONG_GAPS_MS};
pub use command::{Command, Like, Move, Shortcut};
pub use comparing::{CompareCommand, CompareForm, Compared, Comparing, Marked, Messages, SideChoice, Sides};
pub use composer::{Composer, Format, FrameBytes, FrameDraft, LENGTH_FORMS, Preview, SendAs, Sending, opcode_name};
pub use consult::{Doctor, Stock};
pub use copy::{CopyAs, StatisticsAs};
pub use draft::{AuthKind, BackoffDraft, CursorFrom, Draft, ProxyFrom, WebSocketDraft, parse_headers};
pub use engine::{Notify, Purpose};
pub use find::{Find, Found};
pub use inspect::{Bits, FieldRef, Inspection, Part, Place, Tab};
pub use job::Job;
pub use json::{JSON_LIMIT_BYTES, JsonRow, JsonTree, Shape};
pub use library::{Library, LibraryColumn, LibraryCommand};
pub use link::{LinkTo, is_file};
pub use list::{FilterMistake, Group, List};
pub use live::{Live, Open, Repeat, Source};
pub use login::{Credentials, LoginQuestion};
pub use menu::Menu;
pub use message::Message;
pub use pane::Pane;
pub use payload::{LONGEST_LINE, PayloadText, TextPiece};
pub use playback::{IDLE_MS, Play, Playback, Speed};
pub use reading::Reading;
pub use remarks::{RemarkAct, Remarking};
pub use replaying::{ReplayDraft, Replaying, Trust};
pub use requests::{RequestCommand, Requests};
pub use resending::{ResendCommand, ResendSettings, Resending, To, Typing};
pub use scripting::{Scripting, StepState};
pub use secrets::{Secrets, SecretsAre};
pub use tally::Tally;
pub use trash::{Deleted, TRASH_DAYS};
pub use view::{View, ViewId};

pub use crate::interop::Format as ExportFormat;
pub use crate::session::AckRule;
pub use crate::session::statistics::{SentTime, TimeUnit};
pub use crate::transport::{HttpVersion, PushType, RawFrame, WebSocketVersion};

use crate::session::file::recordings_folder;
use crate::wire::ConnectionId;
use engine::Engine;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every choice.
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Theme::System => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        }
    }
}

/// The path field that stands in for a file picker.
#[derive(Clone, Debug, PartialEq)]
pub struct PathField {
    /// What the path is for.
    pub purpose: Purpose,
    /// As typed.
    pub text: String,
    /// Whether the desktop has no picker.
    pub no_picker: bool,
    /// What becomes of the recording's secrets, where it is a copy or an export that is written.
    pub secrets: Option<SecretsAre>,
}

/// Something that only the window can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Put text on the clipboard.
    Copy(String),
    /// Put the cursor into the address field.
    FocusAddress,
    /// Put the cursor into the filter.
    FocusFilter,
    /// Put the cursor into the find bar.
    FocusFind,
    /// Put the cursor into the composer.
    FocusComposer,
    /// Put the cursor into the path field.
    FocusPath,
    /// Put the cursor into the field of what is searched for in all recordings.
    FocusSearch,
    /// Put the cursor into the name or the tags that are being changed.
    FocusEdit,
    /// Put the cursor into the remark.
    FocusRemark,
    /// Bring the selected row into sight.
    Reveal,
    /// Close the window.
    Quit,
}

/// Everything there is to show.
pub struct State {
    /// The address bar.
    pub draft: Draft,
    /// The composer.
    pub composer: Composer,
    /// Open recordings.
    pub views: Vec<View>,
    /// The one that is shown.
    pub active: Option<ViewId>,
    /// The connection that the address bar and the composer stand for, in the live recording.
    pub current: Option<ConnectionId>,
    /// What is sent again and again.
    pub repeat: Option<Repeat>,
    /// What is being written beside the window.
    pub jobs: Vec<Job>,
    /// Every recording of the folder, and the search over them.
    pub library: Library,
    /// Saved requests, and the environment that is chosen.
    pub requests: Requests,
    /// What was deleted and can be had back, the last one last.
    pub deleted: Vec<Deleted>,
    /// What there is to tell.
    pub messages: Vec<Message>,
    /// The path field, while it is shown.
    pub path_field: Option<PathField>,
    /// Light or dark.
    pub theme: Theme,
    /// Text size; 1 is the usual one.
    pub zoom: f32,
    /// Whether the list at the left is shown.
    pub sidebar: bool,
    /// What stands below the timeline, where details are shown.
    pub pane: Pane,
    /// Where messages say when they were sent.
    pub sent_time: SentTime,
    /// What the doctor says, or is about to.
    pub doctor: Option<Doctor>,
    /// The script that is open.
    pub script: Option<Scripting>,
    /// How the next replay is to be.
    pub replay_draft: ReplayDraft,
    /// The replay.
    pub replay: Option<Replaying>,
    /// What is sent again, or about to be.
    pub resend: Option<Resending>,
    /// What is compared.
    pub compare: Comparing,
    /// What an ordinary client makes of the address.
    pub stock: Option<Stock>,
    /// How the application says that it has a message.
    pub ack: AckRule,
    /// What is wrong with that.
    pub ack_mistake: Option<String>,
    /// What is known of secrets in the recording, and by which rules.
    pub secrets: Secrets,
    /// Whether activity over time is shown.
    pub activity: bool,
    /// Whether the details are shown.
    pub details: bool,
    /// Which columns are shown.
    pub columns: [bool; COLUMNS.len()],
    /// The columns from left to right, by their numbers.
    pub column_order: [usize; COLUMNS.len()],
    /// A gap stands out from so many milliseconds on.
    pub long_gap_ms: u64,
    /// Whether the palette is shown.
    pub palette: bool,
}

impl State {
    /// The recording that is shown.
    pub fn view(&self) -> Option<&View> {
        let active = self.active?;
        self.views.iter().find(|view| view.id == active)
    }

    /// Whether this stands below the timeline.
    pub fn shows(&self, pane: Pane) -> bool {
        self.details && self.pane == pane
    }

    /// The recording in progress.
    pub fn live(&self) -> Option<&View> {
        self.views.iter().find(|view| view.is_live())
    }

    /// The current connection, if it is open.
    pub fn open_connection(&self) -> Option<ConnectionId> {
        let current = self.current?;
        self.live()?.is_open(current).then_some(current)
    }

    /// What the current connection was opened with.
    pub fn current_open(&self) -> Option<&Open> {
        match &self.live()?.source {
            Source::Live(live) => live.opened(self.current?),
            _ => None,
        }
    }

    /// The push type that the composer writes for.
    pub fn composer_type(&self) -> PushType {
        match self.current_open() {
            Some(open) if open.spec.url.starts_with("ws") || open.spec.push_type == PushType::Ws => PushType::Ws,
            Some(open) => open.spec.push_type,
            None => self.draft.guess(),
        }
    }

    fn view_mut(&mut self) -> Option<&mut View> {
        let active = self.active?;
        self.views.iter_mut().find(|view| view.id == active)
    }
}

/// How the program is set up.
pub struct Setup {
    /// Called when there is something new to show, from any thread.
    pub notify: Notify,
    /// Whether the desktop may be asked for paths.
    pub pickers: bool,
    /// Where recordings are written, or why they cannot be.
    pub folder: Result<PathBuf, String>,
}

impl Setup {
    /// As the desktop program has it.
    pub fn new(notify: Notify) -> Setup {
        Setup { notify, pickers: true, folder: recordings_folder().map_err(|error| error.to_string()) }
    }
}

/// The program behind the window.
pub struct App {
    /// Everything there is to show.
    state: State,
    engine: Engine,
    folder: Result<PathBuf, String>,
    wishes: Vec<Wish>,
    next_view: u32,
    remarks: remarks::ToWrite,
    to_keep: Option<login::ToKeep>,
}

/// What the window should do after a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until it is told.
    Rest,
    /// Another frame at once: there is more to take.
    Again,
    /// A frame after this time.
    After(Duration),
}

/// Rates are measured so often.
const RATE_PERIOD: Duration = Duration::from_millis(1050);
/// Progress is looked at so often.
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

impl App {
    /// Starts the engine; an error says what cannot be had.
    pub fn new(setup: Setup) -> Result<App, String> {
        let state = State {
            draft: Draft::default(),
            composer: Composer::default(),
            views: Vec::new(),
            active: None,
            current: None,
            repeat: None,
            jobs: Vec::new(),
            library: Library::new(),
            requests: Requests::default(),
            deleted: Vec::new(),
            messages: Vec::new(),
            path_field: None,
            theme: Theme::System,
            zoom: 1.0,
            sidebar: true,
            pane: Pane::Record,
            sent_time: SentTime::lab(),
            doctor: None,
            script: None,
            replay_draft: ReplayDraft::default(),
            replay: None,
            resend: None,
            compare: Comparing::default(),
            stock: None,
            ack: AckRule::default(),
            ack_mistake: None,
            secrets: Secrets::kept_in(setup.folder.as_deref().ok()),
            activity: true,
            details: true,
            columns: [true; COLUMNS.len()],
            column_order: std::array::from_fn(|at| at),
            long_gap_ms: LONG_GAPS_MS[2],
            palette: false,
        };
        let engine = Engine::new(setup.notify, setup.pickers)?;
        let (wishes, remarks) = (Vec::new(), remarks::ToWrite::default());
        let mut app = App { state, engine, folder: setup.folder, wishes, next_view: 1, remarks, to_keep: None };
        app.gather();
        if let Ok(folder) = app.folder.clone() {
            app.look_into_trash(folder);
        }
        app.start_requests();
        Ok(app)
    }

    /// Everything there is to show.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What only the window can do, asked for since the last call.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// Takes what is new, for at most about `budget`.
    pub fn tick(&mut self, budget: Duration) -> Next {
        self.engine.looked();
        let deadline = Instant::now() + budget;
        while let Some(reply) = self.engine.next_reply() {
            self.take_reply(reply);
        }
        let mut again = false;
        let counts = self.state.shows(Pane::Statistics);
        for view in &mut self.state.views {
            let has_figures = counts && self.state.active == Some(view.id);
            again |= view.tick(deadline, has_figures.then_some(&self.state.sent_time));
            if view.find_on(deadline) && self.state.active == Some(view.id) {
                self.wishes.push(Wish::Reveal);
            }
            again |= view.find.is_searching();
        }
        self.place_remarks();
        self.go_to_places();
        let playing = self.play_on(Instant::now());
        let script = self.script_on(deadline);
        again |= script == Some(Duration::ZERO);
        let resend = self.resend_on(deadline);
        again |= resend == Some(Duration::ZERO);
        self.keep_accepted_login();
        let now = Instant::now();
        let library = self.look_again(now);
        self.state.messages.retain(|message| message.until.is_none_or(|until| now < until));
        if self.state.repeat.as_ref().is_some_and(|repeat| !repeat.is_running()) {
            self.state.repeat = None;
        }
        if again {
            return Next::Again;
        }
        let rates = self.state.views.iter().any(View::is_moving).then_some(RATE_PERIOD);
        let messages = self.state.messages.iter().filter_map(|message| message.until).min();
        let messages = messages.map(|until| until.saturating_duration_since(now));
        let is_busy = self.state.repeat.is_some() || !self.state.jobs.is_empty();
        let busy = is_busy.then_some(PROGRESS_PERIOD);
        match [rates, messages, busy, script, resend, playing, library].into_iter().flatten().min() {
            Some(after) => Next::After(after),
            None => Next::Rest,
        }
    }

    /// Ends everything: connections say goodbye, the recording is written out.
    pub fn shut_down(&mut self) {
        self.state.jobs.iter().for_each(Job::stop);
        self.stop_library();
        self.stop_replay();
        self.end_live();
        self.write_remarks_now();
        self.engine.shut_down();
    }

    fn end_live(&mut self) {
        self.state.repeat = None;
        for view in self.state.views.iter_mut().filter(|view| view.is_live()) {
            if let Source::Live(live) = &mut view.source {
                live.end(&mut view.session, Duration::from_millis(800));
                let path = live.path.clone();
                view.file = path.clone();
                let name = path.as_deref().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy());
                view.title = name.map_or_else(|| view.title.clone(), |name| name.into_owned());
                view.source = Source::Still;
            }
        }
        self.state.current = None;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Whether a record is what the user sent, rather than framing below it.
pub fn is_sent_message(record: &crate::session::Record) -> bool {
    use crate::session::Kind;
    matches!(
        record.kind,
        Kind::HttpRequest | Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose
    )
}
