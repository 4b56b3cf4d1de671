//! The whole window, panel by panel.

use super::details::{DetailsTab, PayloadCache};
use super::options::Foldout;
use super::rows::Scroll;
use super::statistics::Measure;
use super::{
    compare, composer, connection_bar, delivery, details, doctor, findings, first_run, keys, library, menu, messages,
    palette, playback, remarks, replay, resend, script, secrets, sidebar, statistics, status, strip, theme, timeline,
    timeline_bar,
};
use crate::app::{
    App, Bits, Command, FieldRef, Marked, Next, Pane, Preview, RequestCommand, State, Theme, View, ViewId, Wish,
};
use crate::session::RecordId;
use crate::wire::Span;
use egui::{Frame, Margin, Panel, Ui, ViewportCommand};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Time a frame may spend on taking what is new.
const TICK_BUDGET: Duration = Duration::from_millis(4);
/// And at most on what the user waits for: reading a file, finding rows.
const WORK_BUDGET: Duration = Duration::from_millis(40);

/// What a row says that takes time to find out; a record never changes.
pub(super) struct Told {
    /// The record in one line.
    pub summary: String,
    /// The time since the record before, of its connection.
    pub gap_ns: Option<u64>,
}

/// What only the screen knows.
#[derive(Default)]
pub struct Look {
    /// Where each recording's timeline is scrolled to.
    pub(super) timeline: HashMap<ViewId, Scroll>,
    /// Rows of the timeline that fit.
    pub(super) page: usize,
    /// Widths of the timeline's columns, once changed.
    pub(super) widths: Option<Vec<f32>>,
    /// What rows say that takes time to find out, by recording and number.
    pub(super) told: HashMap<(ViewId, RecordId), Told>,
    /// Bring the selected row into sight.
    pub(super) reveal: bool,
    /// The foldout of the connection bar that is open.
    pub(super) foldout: Option<Foldout>,
    /// The tab of the details.
    pub(super) tab: DetailsTab,
    /// Where the fields are scrolled to.
    pub(super) fields: Scroll,
    /// Groups of fields that are closed.
    pub(super) closed: HashSet<FieldRef>,
    /// Where the hex view is scrolled to.
    pub(super) hex: Scroll,
    /// Bytes a line of the hex view.
    pub(super) hex_per_row: u64,
    /// The buffer that is shown, by its number among the tabs.
    pub(super) buffer: usize,
    /// The field under the pointer, in the fields or in the hex view; set while drawing, used in the next frame.
    pub(super) hovered: Option<FieldRef>,
    /// The field under the pointer in the frame before.
    pub(super) was_hovered: Option<FieldRef>,
    /// Bits that a note is about.
    pub(super) note_bits: Option<Bits>,
    /// Bits of a record that are shown once it is.
    pub(super) evidence: Option<(RecordId, Span)>,
    /// The payload that is shown, laid out.
    pub(super) payload: Option<PayloadCache>,
    /// Whether the payload is shown as text although it is JSON.
    pub(super) as_text: bool,
    /// Whether long lines of a payload run on to the right.
    pub(super) unwrapped: bool,
    /// Where the payload is scrolled to.
    pub(super) payload_scroll: Scroll,
    /// The record that the details were laid out for.
    pub(super) inspected: Option<(ViewId, RecordId)>,
    /// Whether it is shown how a message goes out.
    pub(super) message_choices: bool,
    /// The raw frames that Send would send.
    pub(super) frames: Preview,
    /// What is typed into the palette.
    pub(super) palette_text: String,
    /// The command that Enter would do.
    pub(super) palette_at: usize,
    /// What the filter may be completed to.
    pub(super) completion: super::completion::Completion,
    /// What is to get the cursor.
    pub(super) focus: Vec<Wish>,
    /// The measure whose histogram is shown where there is room for one.
    pub(super) measure: Measure,
    /// The other end of the time that is being selected.
    pub(super) strip_anchor: Option<u64>,
    /// The step of the script that was brought into sight, and whether it had failed.
    pub(super) script_at: Option<(usize, bool)>,
    /// The two messages whose difference is shown, and where it is scrolled to.
    pub(super) compared: Option<[Marked; 2]>,
    pub(super) compare_scroll: Scroll,
    /// Where the comparison of two sides is scrolled to, and what its messages say.
    pub(super) sides_scroll: Scroll,
    /// The list of what is sent again, and what is being typed there.
    pub(super) resend_scroll: Scroll,
    pub(super) resend_typing: Option<RecordId>,
    summaries: HashMap<(ViewId, RecordId), String>,
    /// Where the list of recordings and the results of a search in them are scrolled to.
    pub(super) library: Scroll,
    pub(super) found: Scroll,
    /// The list of secrets.
    pub(super) secrets: secrets::SecretsLook,
    /// The remark that is being written.
    pub(super) writing: remarks::Writing,
    /// Where the list of remarks is scrolled to.
    pub(super) remarks: Scroll,
    zoom: f32,
    theme: Option<Theme>,
}

impl Look {
    /// Whether a field wants the cursor now.
    pub(super) fn takes_focus(&mut self, wish: &Wish) -> bool {
        let before = self.focus.len();
        self.focus.retain(|wanted| wanted != wish);
        self.focus.len() < before
    }
}

/// The window and the program behind it.
pub struct Window {
    /// The program.
    pub app: App,
    look: Look,
    /// When the last tick ended after which there was more to do at once.
    ticked: Option<Instant>,
    had_focus: bool,
}

/// Lines of records that are remembered.
const MOST_SUMMARIES: usize = 10_000;

impl Look {
    /// What a record says in one line, as lists have it; empty for now where it is `until` already.
    pub(super) fn told(&mut self, ui: &Ui, view: &View, id: RecordId, until: Instant) -> &str {
        let key = (view.id, id);
        if self.summaries.len() > MOST_SUMMARIES {
            self.summaries.clear();
        }
        if !self.summaries.contains_key(&key) && Instant::now() < until {
            self.summaries.insert(key, view.session.summary(id));
        }
        self.summaries.get(&key).map_or_else(
            || {
                ui.ctx().request_repaint();
                ""
            },
            String::as_str,
        )
    }
}

impl Window {
    /// A window on a program.
    pub fn new(app: App) -> Window {
        let look = Look { hex_per_row: super::hex::PER_ROW, ..Look::default() };
        Window { app, look, ticked: None, had_focus: true }
    }

    /// Puts fonts and themes into a context. Once, before the first frame.
    pub fn install(ctx: &egui::Context) {
        theme::install(ctx);
    }

    /// Takes what is new and does what the window was asked to; once a frame, before it is drawn.
    pub fn logic(&mut self, ctx: &egui::Context) {
        // Files may have been changed by another program meanwhile.
        let has_focus = ctx.input(|input| input.focused);
        if std::mem::replace(&mut self.had_focus, has_focus) != has_focus && has_focus {
            self.app.apply(Command::Request(RequestCommand::Refresh));
        }
        // Where painting takes long, as without a graphics card, work that the user waits for would hardly get on.
        let painting = self.ticked.take().map_or(Duration::ZERO, |ticked| ticked.elapsed());
        let is_waited_for = self.app.state().view().is_some_and(View::has_work);
        let budget = if is_waited_for { painting.clamp(TICK_BUDGET, WORK_BUDGET) } else { TICK_BUDGET };
        match self.app.tick(budget) {
            Next::Rest => {}
            Next::Again => {
                self.ticked = Some(Instant::now());
                ctx.request_repaint();
            }
            Next::After(time) => ctx.request_repaint_after(time),
        }
    }

    /// Draws a frame and does what was asked for in it.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.look.was_hovered = self.look.hovered.take();
        let mut commands = Vec::new();
        keys::keys(&ctx, self.app.state(), &self.look, &mut commands);
        self.apply(&ctx, &mut commands);
        self.look_up(&ctx);
        self.panels_ui(ui, &mut commands);
        if self.look.hovered != self.look.was_hovered || !commands.is_empty() {
            ctx.request_repaint();
        }
        self.apply(&ctx, &mut commands);
    }

    /// Makes theme and text size what the state says.
    fn look_up(&mut self, ctx: &egui::Context) {
        let state = self.app.state();
        if self.look.zoom != state.zoom {
            self.look.zoom = state.zoom;
            ctx.set_zoom_factor(state.zoom);
        }
        if self.look.theme != Some(state.theme) {
            self.look.theme = Some(state.theme);
            ctx.set_theme(match state.theme {
                Theme::System => egui::ThemePreference::System,
                Theme::Light => egui::ThemePreference::Light,
                Theme::Dark => egui::ThemePreference::Dark,
            });
        }
    }

    fn apply(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        for command in commands.drain(..) {
            self.app.apply(command);
        }
        for wish in self.app.take_wishes() {
            match wish {
                Wish::Copy(text) => ctx.copy_text(text),
                Wish::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
                Wish::Reveal => self.look.reveal = true,
                focus => {
                    self.look.focus.push(focus);
                    ctx.request_repaint();
                }
            }
        }
    }

    fn panels_ui(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let (state, look) = (self.app.state(), &mut self.look);
        let colors = theme::colors(ui);
        let margin = |x: f32, y: f32| Margin::symmetric(x as i8, y as i8);
        let bar = |x: f32, y: f32| Frame::new().fill(colors.bar).inner_margin(margin(x, y));
        let app = &self.app;
        Panel::top("menu").frame(bar(theme::MARGIN, theme::UNIT / 2.0)).show(ui, |ui| menu::menu_ui(ui, app, commands));
        Panel::bottom("status")
            .frame(bar(theme::MARGIN, theme::UNIT))
            .show(ui, |ui| status::status_ui(ui, state, commands));
        if !state.messages.is_empty() || state.path_field.is_some() {
            Panel::top("messages")
                .frame(bar(theme::MARGIN, theme::UNIT))
                .show(ui, |ui| messages::messages_ui(ui, state, look, commands));
        }
        if state.sidebar {
            Panel::left("sidebar")
                .default_size(theme::SIDEBAR)
                .size_range(140.0..=420.0)
                .frame(bar(theme::MARGIN, theme::MARGIN))
                .show(ui, |ui| sidebar::sidebar_ui(ui, state, commands));
        }
        Panel::top("connection")
            .frame(bar(theme::MARGIN, theme::MARGIN))
            .show(ui, |ui| connection_bar::connection_bar_ui(ui, state, look, commands));
        let ground = Frame::new().fill(colors.ground);
        match state.view() {
            _ if state.library.is_shown => {
                egui::CentralPanel::default()
                    .frame(ground)
                    .show(ui, |ui| library::library_ui(ui, state, look, commands));
            }
            None if state.shows(Pane::Doctor) && state.doctor.is_some() => {
                egui::CentralPanel::default().frame(ground).show(ui, |ui| doctor::doctor_ui(ui, state, commands));
            }
            None if state.shows(Pane::Replay) && state.replay.is_some() => {
                egui::CentralPanel::default().frame(ground).show(ui, |ui| replay::replay_ui(ui, app, commands));
            }
            None if state.shows(Pane::Script) => {
                egui::CentralPanel::default().frame(ground).show(ui, |ui| script::script_ui(ui, app, look, commands));
            }
            None => {
                egui::CentralPanel::default().frame(ground).show(ui, |ui| first_run::first_run_ui(ui, commands));
            }
            Some(view) => {
                if composer::is_shown(state) {
                    Panel::bottom("composer")
                        .frame(bar(theme::MARGIN, 1.5 * theme::UNIT))
                        .show(ui, |ui| composer::composer_ui(ui, app, look, commands));
                }
                if state.details {
                    // The strip takes from both, not from the timeline alone.
                    let strip = if state.activity { theme::STRIP } else { 0.0 };
                    let half = (ui.available_height() - strip) * 0.46;
                    Panel::bottom("details")
                        .resizable(true)
                        .default_size(half)
                        .size_range(100.0..=(ui.available_height() - theme::TIMELINE).max(110.0))
                        .frame(ground)
                        .show(ui, |ui| match state.pane {
                            Pane::Statistics => statistics::statistics_ui(ui, state, view, look, commands),
                            Pane::Findings => findings::findings_ui(ui, view, look, commands),
                            Pane::Doctor => doctor::doctor_ui(ui, state, commands),
                            Pane::Replay => replay::replay_ui(ui, app, commands),
                            Pane::Script => script::script_ui(ui, app, look, commands),
                            Pane::Secrets => secrets::secrets_ui(ui, app, view, look, commands),
                            Pane::Resend => resend::resend_ui(ui, app, look, commands),
                            Pane::Compare => compare::compare_ui(ui, app, look, commands),
                            Pane::Remarks => remarks::remarks_ui(ui, view, look, commands),
                            Pane::Delivery => delivery::delivery_ui(ui, state, view, look, commands),
                            Pane::Record => details::details_ui(ui, view, look, commands),
                        });
                }
                if state.activity {
                    Panel::top("activity")
                        .frame(bar(0.0, 0.0))
                        .show(ui, |ui| strip::strip_ui(ui, view, look, commands));
                }
                if view.moment().is_some() {
                    Panel::top("playback")
                        .frame(bar(theme::MARGIN, theme::UNIT / 2.0))
                        .show(ui, |ui| playback::play_bar_ui(ui, view, commands));
                }
                Panel::top("filter")
                    .frame(bar(theme::MARGIN, theme::UNIT))
                    .show(ui, |ui| timeline_bar::timeline_bar_ui(ui, state, view, look, commands));
                egui::CentralPanel::default()
                    .frame(ground)
                    .show(ui, |ui| timeline::timeline_ui(ui, state, view, look, commands));
            }
        }
        if state.palette {
            palette::palette_ui(ui.ctx(), app, look, commands);
        } else {
            look.palette_text.clear();
            look.palette_at = 0;
        }
    }

    /// Opens what was dropped onto the window, and what was asked for before it opened.
    pub fn take_dropped(&mut self, ctx: &egui::Context) {
        let dropped: Vec<_> = ctx.input(|input| {
            let files = input.raw.dropped_files.iter();
            files.map(|file| file.path().to_owned()).collect()
        });
        for path in dropped {
            self.app.apply(Command::OpenPath(path));
        }
    }

    /// The state, for tests.
    pub fn state(&self) -> &State {
        self.app.state()
    }
}
