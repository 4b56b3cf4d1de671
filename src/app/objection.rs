//! Why a command cannot be done now.

use super::{App, Command, Pane, PushType, SendAs, Source, State, View};

impl App {
    /// Why a command cannot be done now, if it cannot.
    pub fn objection(&self, command: &Command) -> Option<String> {
        let state = &self.state;
        let view = state.view();
        let need = |has: bool, why: &str| (!has).then(|| why.to_owned());
        match command {
            Command::CloseView
            | Command::Find
            | Command::SetFind(_)
            | Command::FindNext(_)
            | Command::FindTerm(_)
            | Command::CloseFind
            | Command::StopFinding
            | Command::SetFilter(_)
            | Command::AddFilter(_)
            | Command::OnlyConnection(_)
            | Command::OnlyDir(_)
            | Command::ToggleGroup(_)
            | Command::ShowPane(Pane::Record | Pane::Statistics | Pane::Findings | Pane::Remarks | Pane::Delivery)
            | Command::ShowPane(Pane::Resend | Pane::Compare)
            | Command::ShowTime(_)
            | Command::ZoomTime(_)
            | Command::PanTime(_)
            | Command::SetRange(_)
            | Command::ToggleFollow
            | Command::TogglePause
            | Command::Extend(_)
            | Command::SelectTo(_)
            | Command::SelectRows => need(view.is_some(), "no recording is open"),
            Command::FocusFilter | Command::Move(_) => {
                need(view.is_some() || state.library.is_shown, "no recording is open")
            }
            Command::Library(command) => self.library_objection(command),
            Command::Request(command) => self.request_objection(command),
            Command::Undo => self.undo_objection(),
            Command::UndoDelete => need(!state.deleted.is_empty(), "nothing was deleted"),
            Command::Play(what) => self.play_objection(*what),
            Command::Remark(act) => self.remark_objection(act),
            Command::CopyLink(to) => self.link_objection(*to),
            Command::ReviewSecrets | Command::LookForSecrets => match view.map(View::path) {
                None => Some("no recording is open".into()),
                Some(None) => Some("this recording has no file to look into".into()),
                Some(Some(_)) => None,
            },
            Command::AddSecretRule => need(!state.secrets.text.trim().is_empty(), "no rule was typed"),
            Command::SaveAs | Command::SaveAsPath(_) | Command::SaveRedacted | Command::SaveRedactedPath(_) => {
                match view.map(View::path) {
                    None => Some("no recording is open".into()),
                    Some(None) => Some("this recording has no file to copy".into()),
                    Some(Some(_)) => None,
                }
            }
            Command::FilterLike(like, _) => {
                need(view.is_some_and(|view| view.term_like(*like).is_some()), like.objection())
            }
            Command::Export(format) | Command::ExportTo(format, ..) => state.export_objection(*format),
            Command::Copy(how @ (super::CopyAs::Curl | super::CopyAs::Websocat)) => state.command_objection(*how),
            Command::Copy(_) | Command::SavePayload => {
                need(view.is_some_and(|view| view.inspection.is_some()), "no record is selected")
            }
            Command::RangeFromSelected | Command::RangeToSelected => {
                need(view.is_some_and(|view| view.selected.is_some()), "no record is selected")
            }
            Command::ZoomToRange => need(
                view.is_some_and(|view| view.list.range_ns.is_some()),
                "no time is selected: drag over the activity",
            ),
            Command::CopyFindings => {
                need(view.is_some_and(|view| view.findings_shown().next().is_some()), "nothing was found to be wrong")
            }
            Command::CopyStatistics(_) => {
                need(view.is_some() && state.shows(Pane::Statistics), "no statistics are shown: the View menu has them")
            }
            Command::DisconnectAll => {
                let any = state.live().is_some_and(|view| match &view.source {
                    Source::Live(live) => live.open().next().is_some(),
                    _ => false,
                });
                need(any, "nothing is connected")
            }
            Command::Send => match state.open_connection() {
                None => Some("no connection is open".into()),
                Some(_) => state.composer.objection(state.composer_type()).or_else(|| state.no_deflate()),
            },
            Command::StopWork => {
                let is_working = !state.jobs.is_empty() || view.is_some_and(View::is_working);
                need(is_working, "nothing is being read, filtered or saved")
            }
            Command::GoOnAnyway => need(
                state.is_upgrade_wrong() && !state.draft.websocket.go_on_anyway,
                "no answer to an upgrade was found to be wrong",
            ),
            Command::RunDoctor | Command::AskStock | Command::CopyReport(_) | Command::SaveReport => {
                self.consult_objection(command)
            }
            Command::StartReplay | Command::StopReplay | Command::CopyReplayAddress => self.replay_objection(command),
            Command::ShowPane(Pane::Replay) => {
                need(view.is_some() || state.replay.is_some(), "no recording is open, and nothing is replayed")
            }
            Command::Resend(command) => self.resend_objection(command),
            Command::Compare(command) => self.compare_objection(command),
            Command::RunScript | Command::StopScript => self.script_objection(command),
            Command::ShowPane(Pane::Doctor) => {
                need(view.is_some() || state.doctor.is_some(), "no recording is open, and nobody asked the doctor")
            }
            Command::LogIn(_) => self.login_objection(),
            Command::FetchLogin => need(state.login_question().is_some(), "nobody asks who you are"),
            Command::StopRepeat => need(state.repeat.is_some(), "nothing is being sent again and again"),
            Command::Connect | Command::ToggleConnect => {
                need(!state.draft.address.trim().is_empty(), "there is no address")
            }
            _ => None,
        }
    }
}

impl State {
    /// Why a message that is to be compressed cannot be, as far as the request tells.
    fn no_deflate(&self) -> Option<String> {
        let composer = &self.composer;
        let is_message = matches!(composer.send_as, SendAs::Text | SendAs::Binary);
        let is_asked = is_message && composer.compress == Some(true) && self.composer_type() == PushType::Ws;
        let offered = self.current_open().is_some_and(|open| open.spec.websocket.deflate.offer);
        (is_asked && !offered).then(|| "permessage-deflate was not offered, so nothing is sent compressed".to_owned())
    }
}
