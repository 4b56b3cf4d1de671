//! Sending again in the window: what was chosen, where it goes, and how far it is.

mod edits;
mod objection;
mod request;

use super::resend::{
    Choices, Chosen, Edits, Endpoint, Moved, OrderRules, Plan, Planner, Resender, Speed, draft_of, load, order,
    origin_of,
};
use super::script::Moment;
use super::{App, Command, Job, Pane, Shortcut, Source, State, View, ViewId, Wish};
use crate::session::{Kind, RecordId};
use crate::wire::ConnectionId;
pub use edits::Typing;
use request::{has_braces, request_draft};
use std::time::{Duration, Instant};

/// Rows of a selection that are sent at most.
const CHOSEN_LIMIT: usize = 1_000_000;
/// Time that a frame may spend on finding what is to be sent.
const PLAN_BUDGET: Duration = Duration::from_millis(4);

/// Something to do about sending again.
#[derive(Clone, Debug, PartialEq)]
pub enum ResendCommand {
    /// Send the selected message at once over the connection that is open.
    Again,
    /// Choose how the selected rows are sent again.
    Selection,
    /// Choose how all that the client of a connection sent is sent again.
    ClientSide,
    /// Put the selected message into the composer.
    Edit,
    /// Put the selected request into the address bar.
    EditRequest,
    /// Change where it goes and how.
    Set(ResendSettings),
    /// Send a message, or leave it out.
    Keep(RecordId, bool),
    /// Change what a message says before it is sent, as typed; without a text, begin to.
    Type(RecordId, Option<String>),
    /// Take what was typed.
    Take,
    /// Leave it as it was.
    AsRecorded(RecordId),
    /// Begin.
    Start,
    /// Hold it, or go on.
    Pause,
    /// End it where it is.
    Stop,
}

impl ResendCommand {
    /// Those that stand in the menu.
    pub const NAMED: [ResendCommand; 8] = [
        ResendCommand::Again,
        ResendCommand::Selection,
        ResendCommand::ClientSide,
        ResendCommand::Edit,
        ResendCommand::EditRequest,
        ResendCommand::Start,
        ResendCommand::Pause,
        ResendCommand::Stop,
    ];

    /// What it is called.
    pub fn label(&self) -> String {
        match self {
            ResendCommand::Again => "Send this again at once",
            ResendCommand::Selection => "Send the selection again…",
            ResendCommand::ClientSide => "Send all that the client sent again…",
            ResendCommand::Edit => "Edit and send",
            ResendCommand::EditRequest => "Edit and send the request",
            ResendCommand::Set(_) => "Change how it is sent again",
            ResendCommand::Keep(_, true) => "Send it again, too",
            ResendCommand::Keep(_, false) => "Leave it out",
            ResendCommand::Type(..) => "Edit it before it is sent",
            ResendCommand::Take => "Send what was typed in its place",
            ResendCommand::AsRecorded(_) => "Send it as it was recorded",
            ResendCommand::Start => "Start sending again",
            ResendCommand::Pause => "Pause sending again",
            ResendCommand::Stop => "Stop sending again",
        }
        .to_owned()
    }

    /// The key that does it.
    pub fn shortcut(&self) -> Option<Shortcut> {
        let (command, shift, key) = match self {
            ResendCommand::Again => (false, false, "F7"),
            ResendCommand::Selection => (false, true, "F7"),
            ResendCommand::Edit => (true, true, "M"),
            _ => return None,
        };
        Some(Shortcut { command, shift, key })
    }
}

/// Where what is sent again goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum To {
    /// Over the connection that is open.
    #[default]
    Open,
    /// Where it went, over a connection that is opened as the recorded one was.
    Recorded,
    /// Where the address bar says, over a new connection.
    Address,
}

/// Where it goes, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ResendSettings {
    /// Where.
    pub to: To,
    /// How many times as fast as it was, as typed; `max` is one after the other without a wait.
    pub speed: String,
    /// What of it, and how.
    pub choices: Choices,
}

/// What is sent again, or about to be.
pub struct Resending {
    /// The recording it is taken from.
    pub source: ViewId,
    /// What was chosen.
    pub chosen: Chosen,
    /// What was chosen, in words.
    pub what: String,
    /// Where the recorded connection led, where that is said, and what is not in the recording of it.
    pub recorded: Result<(String, Vec<String>), String>,
    /// Where it goes, and how.
    pub settings: ResendSettings,
    /// What is sent, once that was found.
    pub plan: Option<Plan>,
    /// What was changed of it.
    pub edits: Edits,
    /// What is being changed.
    pub typing: Option<Typing>,
    planner: Planner,
    connection: Option<ConnectionId>,
    /// Whether the recorded request holds what the address bar takes for variables.
    has_braces: bool,
    run: Option<Run>,
}

struct Run {
    resender: Resender,
    view: ViewId,
    job: Job,
}

impl Resending {
    /// The sending, once it began.
    pub fn resender(&self) -> Option<&Resender> {
        self.run.as_ref().map(|run| &run.resender)
    }

    /// Whether it is under way.
    pub fn is_running(&self) -> bool {
        self.resender().is_some_and(|resender| resender.outcome().is_none())
    }

    fn plan_anew(&mut self) {
        self.planner = Planner::new(self.chosen.clone(), self.settings.choices, self.settings.to == To::Open);
        self.plan = None;
    }
}

impl State {
    fn resend_run(&self) -> Option<&Run> {
        self.resend.as_ref()?.run.as_ref().filter(|run| run.resender.outcome().is_none())
    }
}

impl App {
    pub(super) fn apply_resend(&mut self, command: ResendCommand) {
        match command {
            ResendCommand::Again => self.send_again(),
            ResendCommand::Selection => self.choose_selection(),
            ResendCommand::ClientSide => self.choose_client_side(),
            ResendCommand::Edit => self.edit(),
            ResendCommand::EditRequest => self.edit_request(),
            ResendCommand::Set(settings) => {
                if let Some(resend) = &mut self.state.resend {
                    let is_other = resend.settings.choices != settings.choices || resend.settings.to != settings.to;
                    resend.settings = settings;
                    if is_other {
                        resend.plan_anew();
                    }
                }
            }
            ResendCommand::Keep(id, is_kept) => {
                if let Some(resend) = &mut self.state.resend {
                    match is_kept {
                        true => _ = resend.edits.left_out.remove(&id),
                        false => _ = resend.edits.left_out.insert(id),
                    }
                }
            }
            ResendCommand::Type(id, text) => self.type_message(id, text),
            ResendCommand::Take => self.take_typed(),
            ResendCommand::AsRecorded(id) => {
                if let Some(resend) = &mut self.state.resend {
                    resend.edits.payloads.remove(&id);
                    resend.typing.take_if(|typing| typing.id == id);
                }
            }
            ResendCommand::Start => self.start_resending(),
            ResendCommand::Pause => {
                if let Some(run) = self.state.resend.as_mut().and_then(|resend| resend.run.as_mut()) {
                    let is_paused = run.resender.is_paused();
                    run.resender.set_paused(!is_paused, Instant::now());
                }
            }
            ResendCommand::Stop => {
                if let Some(run) = self.state.resend.as_mut().and_then(|resend| resend.run.as_mut()) {
                    run.resender.stop();
                    self.tell_resent();
                }
            }
        }
    }

    /// Sends the selected message over the open connection.
    fn send_again(&mut self) {
        let Some(view) = self.state.view() else { return };
        let Some(id) = view.selected else { return };
        let rules = OrderRules { origin: self.origin(), ..OrderRules::default() };
        match order(&view.session, id, &rules, None) {
            Err(why) => self.complain(format!("#{} is not sent: {why}", id + 1)),
            Ok(ordered) => {
                let Some(connection) = self.state.open_connection() else { return };
                self.with_live(|live| live.order(connection, ordered.order));
                let without = match ordered.without.as_slice() {
                    [] => String::new(),
                    names => format!(", without {}, whose value is not in the recording", names.join(", ")),
                };
                self.say(format!("Sent #{} again{without}", id + 1));
            }
        }
    }

    /// Where requests of the current connection go.
    fn origin(&self) -> Option<String> {
        origin_of(&self.state.current_open()?.spec.url)
    }

    fn choose_selection(&mut self) {
        let Some(view) = self.state.view() else { return };
        let rows = view.chosen_rows().len();
        let ids = view.chosen(CHOSEN_LIMIT);
        let connection = ids.first().map(|id| view.session.connection_of(&view.session.records()[*id]));
        let what = match (ids.as_slice(), rows > CHOSEN_LIMIT) {
            ([only], _) => format!("#{}", only + 1),
            ([first, .., last], false) => format!("{} selected rows, #{} to #{}", ids.len(), first + 1, last + 1),
            ([first, .., last], true) => {
                format!("the first {} of {rows} selected rows, #{} to #{}", ids.len(), first + 1, last + 1)
            }
            ([], _) => return,
        };
        self.choose(Chosen::Records(ids), what, connection);
    }

    fn choose_client_side(&mut self) {
        let Some(connection) = self.state.view().and_then(chosen_connection) else { return };
        let label = self.state.view().and_then(|view| view.session.connection(connection));
        let label = label.map_or_else(String::new, |connection| format!(", {}", connection.info.label));
        let what = format!("all that the client of connection {} sent{label}", connection.0);
        self.choose(Chosen::ClientSide(connection), what, Some(connection));
    }

    fn choose(&mut self, chosen: Chosen, what: String, connection: Option<ConnectionId>) {
        let Some(view) = self.state.view() else { return };
        let endpoint = match connection {
            Some(connection) => Endpoint::of(&view.session, connection),
            None => Err("nothing is selected".to_owned()),
        };
        let has_braces = endpoint.as_ref().is_ok_and(|endpoint| has_braces(&draft_of(&endpoint.spec)));
        let recorded = endpoint.map(|endpoint| (endpoint.spec.url, endpoint.without));
        let source = view.id;
        let to = match (self.state.open_connection(), &recorded) {
            (Some(_), _) => To::Open,
            (None, Ok(_)) => To::Recorded,
            (None, Err(_)) => To::Address,
        };
        let before = self.state.resend.take();
        let before = before.map(|resend| (resend.settings.speed, resend.settings.choices));
        let (speed, mut choices) = before.unwrap_or_else(|| ("1".to_owned(), Choices::default()));
        let planner = Planner::new(chosen.clone(), choices, to == To::Open);
        // Frames alone are sent as frames.
        if let Chosen::Records(ids) = &chosen {
            let view = self.state.view().map(|view| view.session.records());
            let is_frame = |id: &RecordId| view.is_some_and(|records| records[*id].kind == Kind::WsFrame);
            choices.frames = !ids.is_empty() && ids.iter().all(is_frame);
            let is_control = |kind: Kind| matches!(kind, Kind::WsPing | Kind::WsPong | Kind::WsClose);
            choices.control |= ids.iter().all(|id| view.is_some_and(|records| is_control(records[*id].kind)));
        }
        let settings = ResendSettings { to, speed, choices };
        let mut resend = Resending {
            source,
            chosen,
            what,
            recorded,
            settings,
            plan: None,
            edits: Edits::default(),
            typing: None,
            planner,
            connection,
            has_braces,
            run: None,
        };
        resend.plan_anew();
        self.state.resend = Some(resend);
        (self.state.pane, self.state.details) = (Pane::Resend, true);
    }

    fn start_resending(&mut self) {
        let Some(resend) = &self.state.resend else { return };
        let (to, source, connection) = (resend.settings.to, resend.source, resend.connection);
        let Ok(speed) = Speed::named(&resend.settings.speed) else { return };
        let choices = resend.settings.choices;
        let Some(plan) = resend.plan.clone() else { return };
        let edits = resend.edits.clone();
        let recorded = resend.recorded.as_ref().map_or("", |(url, _)| url.as_str());
        let moved = (to == To::Address).then(|| Moved::new(recorded, self.state.draft.address.trim())).flatten();
        // Where connecting fails, nothing goes out over a connection that is open already.
        let place = |state: &State| (state.live().map(|view| view.id), state.current);
        let before = place(&self.state);
        match to {
            To::Open => {}
            To::Address => self.connect_as(plan.is_side_only),
            To::Recorded => {
                let view = self.state.views.iter().find(|view| view.id == source);
                let endpoint = view.zip(connection).map(|(view, id)| Endpoint::of(&view.session, id));
                match endpoint {
                    Some(Ok(endpoint)) => {
                        self.leave_request();
                        self.state.draft = draft_of(&endpoint.spec);
                    }
                    Some(Err(why)) => return self.complain(why),
                    None => return,
                }
                self.connect_as(plan.is_side_only);
            }
        }
        // What went wrong while connecting was told.
        if to != To::Open && place(&self.state) == before {
            return;
        }
        let Some(connection) = self.state.open_connection() else { return };
        let Some(view) = self.state.live().map(|view| view.id) else { return };
        let rules = OrderRules { keep_masks: choices.keep_masks, origin: self.origin(), headers: Vec::new(), moved };
        let resender = Resender::new(plan, speed, rules, edits, connection);
        let job = self.begin(format!("Sending {} again", resender.plan().planned.len()));
        self.state.active = Some(view);
        (self.state.pane, self.state.details) = (Pane::Resend, true);
        if let Some(resend) = &mut self.state.resend {
            resend.run = Some(Run { resender, view, job });
        }
    }

    /// Goes on with what is sent again until `deadline`; when it wants to go on, `None` where it waits for what comes.
    pub(super) fn resend_on(&mut self, deadline: Instant) -> Option<Duration> {
        let State { resend, views, .. } = &mut self.state;
        let resend = resend.as_mut()?;
        let source = views.iter().find(|view| view.id == resend.source);
        if resend.plan.is_none() && !resend.is_running() {
            let source = source?;
            resend.plan = resend.planner.advance(&source.session, deadline.max(Instant::now() + PLAN_BUDGET));
            return resend.plan.is_none().then_some(Duration::ZERO);
        }
        let run = resend.run.as_mut().filter(|run| run.resender.outcome().is_none())?;
        let live = views.iter().find(|view| view.id == run.view);
        let live = live.and_then(|view| if let Source::Live(live) = &view.source { Some((view, live)) } else { None });
        let (Some(source), Some((view, live)), false) = (source, live, run.job.is_stopped()) else {
            // A recording was closed, or the job was stopped.
            run.resender.stop();
            return self.tell_resent();
        };
        let connection = run.resender.connection();
        let next = loop {
            let now = Moment::now();
            let turn = run.resender.step(&source.session, &view.session, now);
            turn.orders.into_iter().for_each(|order| live.order(connection, order));
            if run.resender.outcome().is_some() {
                break None;
            }
            if !turn.again {
                let wake = turn.wake.map(|wake| wake.saturating_duration_since(now.at));
                break wake.map(|wake| wake.max(Duration::from_millis(1)));
            }
            if Instant::now() >= deadline {
                break Some(Duration::ZERO);
            }
        };
        run.job.report(run.resender.sent() as u64, run.resender.plan().planned.len() as u64);
        match run.resender.outcome() {
            Some(_) => self.tell_resent(),
            None => next,
        }
    }

    /// The job is over; where the pane is not shown, how it ended is told as a message.
    fn tell_resent(&mut self) -> Option<Duration> {
        let resend = self.state.resend.as_ref()?;
        let run = resend.run.as_ref()?;
        let (job, text) = (run.job.clone(), resent_text(&run.resender));
        self.state.jobs.retain(|other| !other.is(&job));
        if !self.state.shows(Pane::Resend) {
            self.say(text);
        }
        None
    }

    /// Puts the selected message into the composer.
    fn edit(&mut self) {
        let Some(view) = self.state.view() else { return };
        let Some(id) = view.selected else { return };
        let mut composer = self.state.composer.clone();
        match load(&view.session, id, &mut composer) {
            Err(why) => self.complain(format!("#{} cannot be edited: {why}", id + 1)),
            Ok(()) => {
                composer.draw_keys();
                self.state.composer = composer;
                // The composer is that of the recording that is live.
                if self.state.open_connection().is_some() {
                    self.state.active = self.state.live().map(|view| view.id);
                    self.wishes.push(Wish::FocusComposer);
                } else {
                    self.say(format!("#{} is in the composer, which is shown once a connection is open", id + 1));
                }
            }
        }
    }

    /// Puts the selected request into the address bar.
    fn edit_request(&mut self) {
        let Some(view) = self.state.view() else { return };
        let Some(id) = view.selected_request() else { return };
        match request_draft(&view.session, id) {
            Err(why) => self.complain(format!("#{} cannot be edited: {why}", id + 1)),
            Ok((draft, _)) if has_braces(&draft) => self.complain(format!(
                "#{} is not put into the address bar: it has {{{{…}}}} in it, which would be filled with your variables",
                id + 1
            )),
            Ok((draft, without)) => {
                self.leave_request();
                self.state.draft = draft;
                self.wishes.push(Wish::FocusAddress);
                if !without.is_empty() {
                    let names = without.join(", ");
                    self.say(format!(
                        "The value of {names} is not in the recording: it can be typed under Headers or Auth"
                    ));
                }
            }
        }
    }
}

/// How it ended, in a sentence.
pub(super) fn resent_text(resender: &Resender) -> String {
    use super::resend::Outcome;
    let (sent, planned) = (resender.sent(), resender.plan().planned.len());
    let refused = match resender.refused().0 {
        0 => String::new(),
        count => format!("; {count} could not be sent"),
    };
    match resender.outcome() {
        Some(Outcome::Cut(why)) => {
            format!("Sent {sent} of {planned} again; then the connection was over: {why}{refused}")
        }
        Some(Outcome::Stopped) => format!("Sent {sent} of {planned} again; then it was stopped{refused}"),
        _ => format!("Sent {sent} of {planned} again{refused}"),
    }
}

/// The connection of the selected record, else the only one of the recording.
fn chosen_connection(view: &View) -> Option<ConnectionId> {
    let record = view.selected.and_then(|id| view.session.records().get(id));
    let selected = record.map(|record| view.session.connection_of(record));
    let known = |id: &ConnectionId| view.session.connection(*id).is_some();
    selected.filter(known).or(view.list.connection).or_else(|| match view.session.connections() {
        [only] => Some(only.info.id),
        _ => None,
    })
}

impl From<ResendCommand> for Command {
    fn from(command: ResendCommand) -> Command {
        Command::Resend(command)
    }
}
