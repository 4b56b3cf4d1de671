//! What each command does.

use super::{App, Command, CopyAs, Draft, Move, Pane, PushType, Sending, Source, View, Wish};
use crate::lab::Place;
use crate::session::{RecordId, one_line};
use crate::transport::{Order, Spec, check};
use crate::wire::ConnectionId;

/// Bytes of a field or record that are copied at most.
const COPY_LIMIT_BYTES: usize = 16 << 20;
const ZOOMS: [f32; 10] = [0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5];

impl App {
    /// Does it. What cannot be done says why, in [`super::State::messages`].
    pub fn apply(&mut self, command: Command) {
        if let Some(why) = self.objection(&command) {
            self.complain(format!("{}: {why}", command.label().trim_end_matches('…')));
            return;
        }
        match command {
            Command::NewRecording => {
                self.end_live();
                self.state.active = None;
                self.apply(Command::RefreshSaved);
                self.wishes.push(Wish::FocusAddress);
            }
            Command::Open | Command::SaveAs | Command::SaveRedacted | Command::Export(_) | Command::SavePayload | Command::SaveReport | Command::OpenScript | Command::ChooseComposerFile => self.ask_path(&command),
            Command::OpenPath(path) => self.open(path),
            Command::SaveAsPath(path) => self.save_as(path),
            Command::ReviewSecrets => self.review_secrets(),
            Command::LookForSecrets => self.look_for_secrets(),
            Command::SaveRedactedPath(path) => self.save_redacted(path),
            Command::ToggleSecrets(group) => self.toggle_secrets(group),
            Command::SetSecretRule(text) => self.set_secret_rule(text),
            Command::AddSecretRule => self.add_secret_rule(),
            Command::RemoveSecretRule(rule) => self.remove_secret_rule(&rule),
            Command::ExportTo(format, path, overwrites, secrets) => self.export(format, path, overwrites, secrets),
            Command::SetPath(text) => {
                if let Some(field) = &mut self.state.path_field {
                    field.text = text;
                }
            }
            Command::ConfirmPath => self.confirm_path(),
            Command::SetPathSecrets(secrets) => self.set_path_secrets(secrets),
            Command::CancelPath => self.put_path_field_away(),
            Command::StopWork => self.stop_work(),
            Command::StopJob(at) => {
                if let Some(job) = self.state.jobs.get(at) {
                    job.stop();
                }
            }
            Command::CloseView => self.close_view(),
            Command::Show(id) => {
                self.leave_library();
                self.state.active = Some(id);
            }
            Command::RefreshSaved => self.gather(),
            Command::Library(command) => self.apply_library(command),
            Command::Request(command) => self.apply_request(command),
            Command::Undo => self.undo(),
            Command::UndoDelete => self.undo_deletion(),
            Command::Move(to) if self.state.library.is_shown => self.move_in_library(to),
            Command::Quit => self.wishes.push(Wish::Quit),
            Command::Copy(how @ (CopyAs::Curl | CopyAs::Websocat)) => self.copy_command(how),
            Command::Copy(what) => self.copy(what),
            Command::CopyLink(to) => self.copy_link(to),
            Command::Play(what) => self.play(what),
            Command::Remark(act) => self.remark(act),
            Command::CopyText(text) => self.wishes.push(Wish::Copy(text)),
            Command::FocusFilter => self.wishes.push(Wish::FocusFilter),
            Command::FocusAddress => self.wishes.push(Wish::FocusAddress),
            Command::FocusComposer => self.wishes.push(Wish::FocusComposer),
            Command::SetTheme(theme) => self.state.theme = theme,
            Command::ZoomIn => self.zoom(1),
            Command::ZoomOut => self.zoom(-1),
            Command::ZoomReset => self.state.zoom = 1.0,
            Command::ToggleSidebar => self.state.sidebar ^= true,
            Command::ToggleDetails => self.state.details ^= true,
            Command::ToggleActivity => self.state.activity ^= true,
            Command::ShowPane(pane) => {
                // Asked for again, the selected record comes back.
                self.state.pane = if self.state.shows(pane) { Pane::Record } else { pane };
                self.state.details = true;
                if pane == Pane::Compare {
                    self.suggest_sides();
                }
            }
            Command::SetAck(rule) => self.set_ack(rule),
            Command::CopyFindings => self.copy_findings(),
            Command::SetSentTime(sent) => self.state.sent_time = sent,
            Command::CopyStatistics(how) => self.copy_statistics(how),
            Command::ToggleColumn(at) => {
                if let Some(column) = self.state.columns.get_mut(at) {
                    *column ^= true;
                }
            }
            Command::MoveColumn(column, to_left) => self.state.move_column(column, to_left),
            Command::ResetColumns => {
                self.state.columns = [true; super::COLUMNS.len()];
                self.state.column_order = std::array::from_fn(|at| at);
            }
            Command::SetLongGap(ms) => self.state.long_gap_ms = ms.max(1),
            Command::TogglePalette => self.state.palette ^= true,
            Command::SetDraft(draft) => self.state.draft = *draft,
            Command::Connect => self.connect(),
            Command::ConnectTo(address) => {
                self.leave_request();
                self.state.draft = Draft::for_address(&address);
                self.connect();
            }
            Command::GoOnAnyway => {
                self.state.draft.websocket.go_on_anyway = true;
                self.connect();
            }
            Command::RunDoctor => self.run_doctor(),
            Command::RunScript => self.run_script(),
            Command::StopScript => self.stop_script(),
            Command::SetReplay(draft) => self.state.replay_draft = *draft,
            Command::StartReplay => self.start_replay(),
            Command::StopReplay => self.stop_replay(),
            Command::CopyReplayAddress => self.copy_replay_address(),
            Command::AskStock => self.ask_stock(),
            Command::CopyReport(how) => self.copy_report(how),
            Command::LogIn(keep) => self.log_in(keep),
            Command::FetchLogin => self.fetch_login(),
            Command::ToggleConnect => self.toggle_connect(),
            Command::Disconnect(id) => self.with_live(|live| live.stop(id)),
            Command::DisconnectAll => self.with_live(|live| {
                let open: Vec<ConnectionId> = live.open().collect();
                open.into_iter().for_each(|id| live.stop(id));
            }),
            Command::Reconnect(id) => self.reconnect(id),
            Command::SetComposer(composer) => {
                self.state.composer = *composer;
                self.state.composer.draw_keys();
            }
            Command::Send => self.send(),
            Command::StopRepeat => {
                if let Some(repeat) = self.state.repeat.take() {
                    repeat.stop();
                }
            }
            Command::Resend(command) => self.apply_resend(command),
            Command::Compare(command) => self.apply_compare(command),
            Command::History(earlier) => self.state.composer.browse(earlier),
            Command::Dismiss(at) => {
                if at < self.state.messages.len() {
                    self.state.messages.remove(at);
                }
            }
            Command::About => self.say(format!(
                "Pushscope {}: an inspector for realtime connections. Nothing leaves this machine but the connections you open.",
                env!("CARGO_PKG_VERSION")
            )),
            other => self.apply_to_view(other),
        }
    }

    /// What concerns the view that is shown.
    fn apply_to_view(&mut self, command: Command) {
        if let Command::OnlyConnection(Some(id)) = &command {
            self.make_current(*id);
        }
        let Some(view) = self.state.view_mut() else { return };
        match command {
            Command::SetFilter(text) => view.list.set_filter(text),
            Command::AddFilter(term) => {
                let text = match view.list.standing.as_str() {
                    "" => term,
                    before if before.contains(" or ") => format!("({before}) {term}"),
                    before => format!("{before} {term}"),
                };
                view.list.set_filter(text);
            }
            Command::Find => {
                view.find.open(view.selected);
                self.wishes.push(Wish::FocusFind);
            }
            Command::SetFind(text) => view.find.set_text(text),
            Command::FindNext(_) if view.find.text.trim().is_empty() => self.apply(Command::Find),
            Command::FindNext(is_forward) => {
                view.find.is_open = true;
                view.find.set_origin(view.selected);
                view.find.go(is_forward, view.selected, &view.session);
            }
            Command::CloseFind => view.find.close(),
            Command::StopFinding => view.find.stop(),
            Command::FilterLike(like, is_except) => {
                if let Some(term) = view.term_like(like) {
                    self.apply(Command::AddFilter(if is_except { format!("-{term}") } else { term }));
                }
            }
            Command::FindTerm(term) => {
                view.find.set_text(term);
                self.apply(Command::FindNext(true));
            }
            Command::OnlyConnection(id) => {
                view.list.connection = id;
                view.list.restart();
            }
            Command::ToggleGroup(group) => view.list.toggle_group(group),
            Command::OnlyDir(dir) => {
                view.list.dir = dir;
                view.list.restart();
            }
            Command::SetFollow(follow) => view.list.set_follow(follow),
            Command::ToggleFollow => {
                let follow = !view.list.follow;
                view.list.set_follow(follow);
            }
            Command::TogglePause => view.list.toggle_pause(view.session.records().len()),
            Command::Select(id) => {
                if id.is_some() {
                    view.list.set_follow(false);
                }
                view.select(id);
                self.wishes.push(Wish::Reveal);
            }
            Command::Move(to) => {
                let before = view.selected;
                view.go(to);
                let is_note = matches!(to, Move::NextNote | Move::PreviousNote);
                if is_note && view.selected == before {
                    self.say("No further note in this direction");
                }
                self.wishes.push(Wish::Reveal);
            }
            Command::SelectTo(id) => {
                view.list.set_follow(false);
                view.extend_to(id);
                self.wishes.push(Wish::Reveal);
            }
            Command::Extend(to) => {
                view.extend(to);
                self.wishes.push(Wish::Reveal);
            }
            Command::SelectRows => {
                view.list.set_follow(false);
                if let (Some(first), Some(last)) = (view.list.id(0), view.list.id(view.list.len().saturating_sub(1))) {
                    view.select(Some(first));
                    view.extend_to(last);
                }
            }
            Command::SelectField(field) => view.field = field,
            Command::SetRange(_) | Command::RangeFromSelected | Command::RangeToSelected => view.narrow_time(command),
            Command::ShowTime(_) | Command::ZoomToRange | Command::ZoomTime(_) | Command::PanTime(_) => {
                view.look_at_time(command);
            }
            Command::StopCounting(is_stopped) => view.tally.set_stopped(is_stopped),
            Command::StopReading => view.stop_reading(),
            Command::StopFiltering => view.list.stop(),
            _ => {}
        }
    }

    fn zoom(&mut self, by: isize) {
        let at = ZOOMS.iter().position(|zoom| *zoom >= self.state.zoom - 0.01).unwrap_or(3);
        self.state.zoom = ZOOMS[at.saturating_add_signed(by).min(ZOOMS.len() - 1)];
    }

    pub(super) fn with_live(&mut self, act: impl FnOnce(&mut super::Live)) {
        let live = self.state.views.iter_mut().find_map(|view| match &mut view.source {
            Source::Live(live) => Some(live),
            _ => None,
        });
        if let Some(live) = live {
            act(live);
        }
    }

    /// The address bar and the composer stand for this connection from now on.
    fn make_current(&mut self, id: ConnectionId) {
        if self.state.active != self.state.live().map(|view| view.id) {
            return;
        }
        self.state.current = Some(id);
        let draft = self.state.current_open().map(|open| open.draft.clone());
        if let Some(draft) = draft.filter(|draft| *draft != self.state.draft) {
            self.leave_request();
            self.state.draft = draft;
        }
    }

    fn toggle_connect(&mut self) {
        let is_same = self.state.current_open().is_some_and(|open| open.draft == self.state.draft);
        match self.state.open_connection() {
            Some(id) if is_same => self.apply(Command::Disconnect(id)),
            _ => self.connect(),
        }
    }

    fn reconnect(&mut self, id: ConnectionId) {
        let view = self.state.live().map(|view| view.id);
        if view.is_some() && view == self.state.active {
            self.make_current(id);
            self.connect();
        }
    }

    pub(super) fn connect(&mut self) {
        self.connect_as(false);
    }

    /// Connects to what the address bar says; `side_only`: without a request of the connection's own.
    pub(super) fn connect_as(&mut self, side_only: bool) {
        if let Some(read) = super::paste::read(&self.state.draft.address) {
            match read {
                Ok(pasted) => {
                    self.state.draft = pasted.draft;
                    pasted.notes.into_iter().for_each(|note| self.say(note));
                }
                Err(why) => return self.complain(why),
            }
        }
        if super::link::is_file(&self.state.draft.address) {
            return self.open(std::path::PathBuf::from(self.state.draft.address.trim()));
        }
        let draft = self.state.draft.clone();
        let super::requests::FilledSpec { mut spec, label, .. } = match self.filled_spec(&draft, &Command::Connect) {
            Ok(Some(filled)) => filled,
            // The keyring is asked first.
            Ok(None) => return,
            Err(why) => return self.complain(why),
        };
        spec.side_only = side_only;
        self.leave_library();
        self.ensure_live(&label);
        let Some(runtime) = self.engine.handle().cloned() else { return };
        let mut current = None;
        self.with_live(|live| current = Some(live.connect(&runtime, spec, draft, label)));
        self.state.current = current;
        self.state.stock = None;
        // Numbers of connections begin anew with each recording.
        self.state.composer.frame.under_way = None;
        self.state.active = self.state.live().map(|view| view.id);
        self.state.messages.retain(|message| !message.is_error);
        let url = &mut self.state.composer.url;
        if url.is_empty() || url.starts_with("lab:publish") {
            *url = publish_address(&self.state.draft.address).unwrap_or_default();
        }
    }

    /// The request that the address bar asks for, checked.
    pub(super) fn spec_of(&mut self, draft: &Draft) -> Result<Spec, String> {
        let place = self.place(draft.address.trim())?;
        let mut spec = draft.spec(place.url.clone())?;
        spec.go_to(place.url, place.proxy, place.ca_file);
        check(&spec).map_err(|failure| failure.to_string())?;
        Ok(spec)
    }

    /// Where an address leads: `lab:` names the embedded lab.
    pub(super) fn place(&mut self, address: &str) -> Result<Place, String> {
        let straight = |url: String| Place { url, proxy: None, ca_file: None };
        // The relay is no endpoint to connect to, but one to send to.
        match (address.strip_prefix("lab:publish"), address.starts_with("lab:")) {
            (Some(query), _) => Ok(straight(format!("http://{}/publish{query}", self.engine.lab_addr()?))),
            (None, true) => self.engine.lab_place(address),
            (None, false) => Ok(straight(address.to_owned())),
        }
    }

    fn send(&mut self) {
        let Some(id) = self.state.open_connection() else { return };
        let push_type = self.state.composer_type();
        let sending = self.state.composer.sending(push_type).and_then(|what| Ok((what, self.state.composer.repeat()?)));
        let (order, (count, every_ms)) = match sending {
            Err(why) => return self.complain(why),
            Ok((Sending::Close(code, reason), _)) => (Order::Close { code, reason }, (1, 0)),
            Ok((Sending::Message(mut outgoing), repeat)) => {
                if let crate::transport::Outgoing::Request { url: Some(url), .. } = &mut outgoing
                    && url.starts_with("lab:")
                {
                    match self.place(url) {
                        Ok(place) => *url = place.url,
                        Err(why) => return self.complain(why),
                    }
                }
                (Order::Send(outgoing), repeat)
            }
        };
        if let Order::Send(crate::transport::Outgoing::Frames(frames)) = &order {
            self.state.composer.frame.were_sent(frames, id);
        }
        if count > 1 {
            let has_fresh_keys = self.state.composer.frame.is_key_drawn();
            let Some(runtime) = self.engine.handle().cloned() else { return };
            let mut repeat = None;
            self.with_live(|live| repeat = live.repeat(&runtime, id, order, has_fresh_keys, (count, every_ms)));
            self.state.repeat = repeat;
        } else {
            self.with_live(|live| live.order(id, order));
        }
        self.state.composer.was_sent();
    }

    fn copy_statistics(&mut self, how: super::StatisticsAs) {
        let Some(view) = self.state.view() else { return };
        let text = how.format(&view.tally.statistics);
        let rows = view.tally.rows();
        self.wishes.push(Wish::Copy(text));
        self.say(format!("Copied statistics of {rows} rows as {}", how.label()));
    }

    fn set_ack(&mut self, rule: super::AckRule) {
        self.state.ack_mistake = None;
        for view in &mut self.state.views {
            if let Err(why) = view.deliveries.set_rule(rule.clone()) {
                self.state.ack_mistake = Some(why);
            }
        }
        self.state.ack = rule;
    }

    fn copy_findings(&mut self) {
        let Some(view) = self.state.view() else { return };
        let texts: Vec<String> = view.findings_shown().map(|(finding, _)| finding.to_text()).collect();
        let count = texts.len();
        self.wishes.push(Wish::Copy(texts.join("\n")));
        self.say(format!("Copied {count} findings"));
    }

    fn copy(&mut self, what: CopyAs) {
        let Some(view) = self.state.view() else { return };
        let Some(inspection) = &view.inspection else { return };
        let bytes = match what {
            CopyAs::Row => row_text(view, inspection.id()).into_bytes(),
            CopyAs::Payload => inspection.explained().payload.clone(),
            _ => selected_bytes(view),
        };
        let text = what.format(&bytes);
        let (len, secrets) = (text.len(), self.said_of_copied(&bytes));
        self.wishes.push(Wish::Copy(text));
        self.say(format!("Copied {}, {len} bytes{secrets}", what.label()));
    }
}

/// Where the lab takes messages for the channel that a lab address subscribes to.
pub(super) fn publish_address(address: &str) -> Option<String> {
    let rest = address.trim().strip_prefix("lab:")?;
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let channel = query.split('&').find(|pair| pair.starts_with("channel=")).unwrap_or("channel=demo");
    Some(format!("lab:publish?{channel}"))
}

/// The bytes of the selected field, or of the whole record.
fn selected_bytes(view: &View) -> Vec<u8> {
    let Some(inspection) = &view.inspection else { return Vec::new() };
    match view.field.and_then(|field| inspection.bits_of(field)) {
        Some(bits) => {
            let (start, end) = (bits.bit / 8, (bits.bit + bits.bits).div_ceil(8));
            inspection.bytes(&view.session, bits.place, start, ((end - start) as usize).min(COPY_LIMIT_BYTES))
        }
        None => match inspection.tabs.first() {
            Some(tab) => {
                inspection.bytes(&view.session, tab.place, tab.start, (tab.len as usize).min(COPY_LIMIT_BYTES))
            }
            None => Vec::new(),
        },
    }
}

/// A record's line, tab-separated.
pub(super) fn row_text(view: &View, id: RecordId) -> String {
    let record = &view.session.records()[id];
    let seconds = view.session.at_ns(id) as f64 / 1e9;
    let summary = one_line(&view.session.summary(id));
    format!(
        "{}\t{seconds:.6}\t{}\t{}\t{}\t{summary}",
        id + 1,
        record.dir.name(),
        record.kind.name(),
        record.payload_len
    )
}

impl View {
    /// Its file, where it has one.
    pub fn path(&self) -> Option<std::path::PathBuf> {
        match &self.source {
            Source::Live(live) | Source::Replay(live) => live.path.clone(),
            Source::File(reading) => Some(reading.path.clone()),
            Source::Still => self.file.clone(),
        }
    }

    /// The push type a connection was opened as, where it is known.
    pub fn push_type(&self, id: ConnectionId) -> PushType {
        match &self.source {
            Source::Live(live) => live.opened(id).map_or(PushType::Auto, |open| match open.spec.push_type {
                PushType::Auto if open.spec.url.starts_with("ws") => PushType::Ws,
                other => other,
            }),
            _ => PushType::Auto,
        }
    }
}
