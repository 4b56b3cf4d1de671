//! The menus: which commands stand where. The palette and the shortcuts take theirs from here.

use super::doctor::ReportAs;
use super::{Command, CopyAs, Group, Like, LinkTo, Pane, Play as PlayAct, RemarkAct, StatisticsAs, Theme};
use crate::session::redact::Group as SecretGroup;
use crate::session::statistics::SentTime;
use crate::wire::Dir;

/// The menus, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// Recordings.
    File,
    /// Copying and filtering.
    Edit,
    /// What is shown, and how.
    View,
    /// Connections and sending.
    Session,
    /// The built-in other end.
    Lab,
    /// About.
    Help,
}

impl Menu {
    /// Every menu, from left to right.
    pub const ALL: [Menu; 6] = [Menu::File, Menu::Edit, Menu::View, Menu::Session, Menu::Lab, Menu::Help];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Menu::File => "File",
            Menu::Edit => "Edit",
            Menu::View => "View",
            Menu::Session => "Session",
            Menu::Lab => "Lab",
            Menu::Help => "Help",
        }
    }

    /// Its commands; `None` is a line between two groups.
    pub fn commands(self) -> Vec<Option<Command>> {
        use Command::*;
        let list = |commands: &[Command]| -> Vec<Option<Command>> { commands.iter().cloned().map(Some).collect() };
        let groups: Vec<Vec<Option<Command>>> = match self {
            Menu::File => {
                let library = super::LibraryCommand::MENU.map(|command| Some(Library(command)));
                let exports = crate::interop::Format::ALL.map(|format| Some(Export(format)));
                vec![
                    list(&[NewRecording, Open, SaveAs, SaveRedacted, SavePayload]),
                    exports.to_vec(),
                    list(&[ReviewSecrets, LookForSecrets])
                        .into_iter()
                        .chain(SecretGroup::ALL.map(|group| Some(ToggleSecrets(group))))
                        .collect(),
                    super::RequestCommand::MENU.map(|command| Some(Request(command))).to_vec(),
                    library.into_iter().chain([Some(UndoDelete)]).collect(),
                    list(&[StopWork, CloseView]),
                    list(&[Quit]),
                ]
            }
            Menu::Edit => {
                vec![
                    list(&[Undo]),
                    CopyAs::ALL.map(|what| Some(Copy(what))).to_vec(),
                    list(&[
                        SelectRows,
                        Extend(super::Move::By(-1)),
                        Extend(super::Move::By(1)),
                        Extend(super::Move::First),
                        Extend(super::Move::Last),
                    ]),
                    LinkTo::ALL.map(|to| Some(CopyLink(to))).to_vec(),
                    RemarkAct::all().into_iter().map(|act| Some(Remark(act))).collect(),
                    list(&[Find, FindNext(true), FindNext(false)]),
                    list(&[CopyFindings]),
                    StatisticsAs::ALL.map(|how| Some(CopyStatistics(how))).to_vec(),
                    list(&[FocusFilter, SetFilter("".into())]),
                    Like::ALL
                        .into_iter()
                        .flat_map(|like| [FilterLike(like, false), FilterLike(like, true)])
                        .map(Some)
                        .collect(),
                ]
            }
            Menu::View => vec![
                Group::ALL.map(|group| Some(ToggleGroup(group))).to_vec(),
                list(&[OnlyDir(None), OnlyDir(Some(Dir::In)), OnlyDir(Some(Dir::Out))]),
                list(&[SetRange(None), RangeFromSelected, RangeToSelected, ZoomToRange])
                    .into_iter()
                    .chain(list(&[ZoomTime(true), ZoomTime(false), PanTime(true), PanTime(false), ShowTime(None)]))
                    .collect(),
                PlayAct::all().into_iter().map(|what| Some(Play(what))).collect(),
                list(&[ToggleFollow, TogglePause, ToggleSidebar, ToggleActivity, ToggleDetails]),
                Pane::NAMED.map(|pane| Some(ShowPane(pane))).to_vec(),
                list(&[SetSentTime(SentTime::lab()), SetSentTime(SentTime::NONE)]),
                (1..super::COLUMNS.len()).map(ToggleColumn).chain([ResetColumns]).map(Some).collect(),
                super::LONG_GAPS_MS.map(|ms| Some(SetLongGap(ms))).to_vec(),
                Theme::ALL.map(|theme| Some(SetTheme(theme))).to_vec(),
                list(&[ZoomIn, ZoomOut, ZoomReset]),
                list(&[TogglePalette]),
            ],
            Menu::Session => vec![
                list(&[FocusAddress, ToggleConnect, DisconnectAll, OnlyConnection(None)]),
                list(&[GoOnAnyway, AskStock, RunDoctor, SaveReport])
                    .into_iter()
                    .chain(ReportAs::ALL.map(|how| Some(CopyReport(how))))
                    .collect(),
                list(&[LogIn(false), LogIn(true), FetchLogin]),
                list(&[FocusComposer, Send, StopRepeat]),
                super::ResendCommand::NAMED.map(|command| Some(Resend(command))).to_vec(),
                super::CompareCommand::NAMED.map(|command| Some(Compare(command))).to_vec(),
                list(&[OpenScript, RunScript, StopScript]),
                list(&[StartReplay, StopReplay, CopyReplayAddress]),
                list(&[
                    Move(super::Move::By(-1)),
                    Move(super::Move::By(1)),
                    Move(super::Move::First),
                    Move(super::Move::Last),
                ]),
                list(&[Move(super::Move::NextNote), Move(super::Move::PreviousNote)]),
            ],
            Menu::Lab => {
                let connect = |(address, ..): (String, _, _)| Some(ConnectTo(address));
                vec![
                    super::lab_addresses().into_iter().map(connect).collect(),
                    super::middlebox_addresses().into_iter().map(connect).collect(),
                ]
            }
            Menu::Help => vec![list(&[About])],
        };
        groups.join(&None)
    }
}
