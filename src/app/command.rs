//! Everything that can be done, as plain data. Menus, shortcuts, the palette and tests speak this language and no other.

use super::doctor::ReportAs;
use super::{
    AckRule, CompareCommand, Composer, CopyAs, Draft, FieldRef, Group, LibraryCommand, LinkTo, Menu, Pane, Play,
    RemarkAct, ReplayDraft, RequestCommand, ResendCommand, SecretsAre, SentTime, StatisticsAs, Theme, ViewId,
};
use crate::interop::Format;
use crate::session::RecordId;
use crate::session::redact::Group as SecretGroup;
use crate::wire::{ConnectionId, Dir};
use std::ops::Range;
use std::path::PathBuf;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin a new recording; the present one stays open to look at.
    NewRecording,
    /// Ask for a recording to open.
    Open,
    /// Open this recording.
    OpenPath(PathBuf),
    /// Ask where to save a copy of the active recording, and whether with its secrets; at first, with them.
    SaveAs,
    /// Save a copy of the active recording here.
    SaveAsPath(PathBuf),
    /// Show the secrets in the recording, which a copy without secrets lacks; look for them where that was not done.
    ReviewSecrets,
    /// Look for secrets again.
    LookForSecrets,
    /// The same; at first, without them, and they are shown.
    SaveRedacted,
    /// Save a copy without secrets here.
    SaveRedactedPath(PathBuf),
    /// Take what a group of rules finds for secrets, or no longer.
    ToggleSecrets(SecretGroup),
    /// Change the rule that is being typed: a JSONPath, a regular expression between slashes, or a header's name.
    SetSecretRule(String),
    /// Take the rule that was typed.
    AddSecretRule,
    /// Forget one of the user's own rules.
    RemoveSecretRule(String),
    /// Ask where to write the active recording in another tool's format.
    Export(Format),
    /// Write what is shown of the active recording in this format here; `true` overwrites what is there.
    ExportTo(Format, PathBuf, bool, SecretsAre),
    /// Ask where to save the payload of the selected record.
    SavePayload,
    /// Ask for the file whose bytes the composer sends.
    ChooseComposerFile,
    /// Change the text of the path field.
    SetPath(String),
    /// Let the copy or export that the path field is for have the recording's secrets, or not.
    SetPathSecrets(SecretsAre),
    /// Take the path in the path field.
    ConfirmPath,
    /// Put the path field away.
    CancelPath,
    /// Close the active recording's view.
    CloseView,
    /// Show this view.
    Show(ViewId),
    /// Look at the recordings folder again.
    RefreshSaved,
    /// Something in the library of recordings.
    Library(LibraryCommand),
    /// Something with saved requests.
    Request(RequestCommand),
    /// Undo what was done last: a change of a remark, or a deletion.
    Undo,
    /// Put back what was deleted last, also by an earlier run of the program.
    UndoDelete,
    /// Leave.
    Quit,
    /// Copy something of the selected record.
    Copy(CopyAs),
    /// Copy a link into the recording.
    CopyLink(LinkTo),
    /// Copy this text.
    CopyText(String),
    /// Put the cursor into the filter.
    FocusFilter,
    /// Change the filter's text.
    SetFilter(String),
    /// Show the find bar and put the cursor into it.
    Find,
    /// Look for another text.
    SetFind(String),
    /// Select the next match (`true`) or the one before.
    FindNext(bool),
    /// Put the find bar away.
    CloseFind,
    /// Look no further for a match.
    StopFinding,
    /// Narrow the filter by one more term.
    AddFilter(String),
    /// Narrow it to what is like this of the selected record, or (`true`) to all but that.
    FilterLike(Like, bool),
    /// Select the next row that matches this filter.
    FindTerm(String),
    /// Show the records of one connection only, or of all.
    OnlyConnection(Option<ConnectionId>),
    /// Show or hide a group of kinds.
    ToggleGroup(Group),
    /// Show one direction only, or both.
    OnlyDir(Option<Dir>),
    /// Show one stretch of time only, in nanoseconds since the recording began, or all of it; `u64::MAX` has no end.
    SetRange(Option<Range<u64>>),
    /// Show what came from the selected record on.
    RangeFromSelected,
    /// Show what came up to the selected record.
    RangeToSelected,
    /// Let the activity strip show this time, or the whole recording.
    ShowTime(Option<Range<u64>>),
    /// Let the activity strip show the selected time.
    ZoomToRange,
    /// Let the activity strip show less (`true`) or more time.
    ZoomTime(bool),
    /// Let the activity strip show earlier (`true`) or later time.
    PanTime(bool),
    /// Show this below the timeline, or the selected record where it is shown.
    ShowPane(Pane),
    /// Change how the application says that it has a message.
    SetAck(AckRule),
    /// Copy the findings as text.
    CopyFindings,
    /// Say where messages carry the time at which they were sent.
    SetSentTime(SentTime),
    /// Count no further rows (`true`), or go on.
    StopCounting(bool),
    /// Copy the figures.
    CopyStatistics(StatisticsAs),
    /// Show or hide the activity strip.
    ToggleActivity,
    /// Keep the end of the timeline in sight, or let go.
    SetFollow(bool),
    /// Follow if it does not, and the other way round.
    ToggleFollow,
    /// Hold the view still while recording goes on, or let it go on.
    TogglePause,
    /// Play the recording again.
    Play(Play),
    /// Mark records and say something of them.
    Remark(RemarkAct),
    /// Select a record.
    Select(Option<RecordId>),
    /// Move the selection.
    Move(Move),
    /// Select the rows from where the selection began up to this record.
    SelectTo(RecordId),
    /// Move the end of the selected rows.
    Extend(Move),
    /// Select every row that is shown.
    SelectRows,
    /// Send again what was sent.
    Resend(ResendCommand),
    /// Compare messages, connections or recordings.
    Compare(CompareCommand),
    /// Select a field of the selected record.
    SelectField(Option<FieldRef>),
    /// Light or dark.
    SetTheme(Theme),
    /// Larger text.
    ZoomIn,
    /// Smaller text.
    ZoomOut,
    /// Text of the usual size.
    ZoomReset,
    /// Show or hide the list at the left.
    ToggleSidebar,
    /// Show or hide the details below the timeline.
    ToggleDetails,
    /// Show or hide a column of the timeline.
    ToggleColumn(usize),
    /// Move a column to the left (`true`) or right of its neighbour that is shown.
    MoveColumn(usize, bool),
    /// Every column, in its usual place.
    ResetColumns,
    /// Make gaps stand out from so many milliseconds on.
    SetLongGap(u64),
    /// Show or hide the palette of commands.
    TogglePalette,
    /// Put the cursor into the address field.
    FocusAddress,
    /// Change what is to be connected to.
    SetDraft(Box<Draft>),
    /// Connect to what the address bar says.
    Connect,
    /// Connect to an address as it is, with no options.
    ConnectTo(String),
    /// Connect again with the user and password that were typed; `true` puts them into the system's keyring.
    LogIn(bool),
    /// Ask the system's keyring for the user and password.
    FetchLogin,
    /// Connect again and go on although the server's answer to the upgrade is wrong.
    GoOnAnyway,
    /// Try every way to the address in the address bar.
    RunDoctor,
    /// Ask for a script to open.
    OpenScript,
    /// Carry the open script out.
    RunScript,
    /// End the script where it is.
    StopScript,
    /// Change how the next replay is to be.
    SetReplay(Box<ReplayDraft>),
    /// Serve what the server of the active recording said to any client.
    StartReplay,
    /// Close the replay's connections, and listen no more.
    StopReplay,
    /// Copy the address of what is replayed.
    CopyReplayAddress,
    /// Ask an ordinary client what it makes of the address in the address bar.
    AskStock,
    /// Copy the doctor's report.
    CopyReport(ReportAs),
    /// Ask where to save the doctor's report.
    SaveReport,
    /// Disconnect what the address bar stands for, or connect.
    ToggleConnect,
    /// Close a connection.
    Disconnect(ConnectionId),
    /// Close every connection.
    DisconnectAll,
    /// Open a connection again, as it was asked for.
    Reconnect(ConnectionId),
    /// Put the cursor into the composer.
    FocusComposer,
    /// Change what is to be sent.
    SetComposer(Box<Composer>),
    /// Send what the composer holds.
    Send,
    /// Stop reading, filtering and saving; what is there stays.
    StopWork,
    /// Stop one of the jobs beside the window.
    StopJob(usize),
    /// Stop reading the file of the active recording.
    StopReading,
    /// Look for no further rows.
    StopFiltering,
    /// Stop sending again and again.
    StopRepeat,
    /// An earlier (`true`) or later text of the composer.
    History(bool),
    /// Put a message away.
    Dismiss(usize),
    /// Say what this program is.
    About,
}

/// What of the selection a filter is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Like {
    /// The record's kind.
    Kind,
    /// Its connection.
    Connection,
    /// What it says.
    Payload,
    /// The selected field's value.
    Field,
}

impl Like {
    /// Every choice.
    pub const ALL: [Like; 4] = [Like::Kind, Like::Connection, Like::Payload, Like::Field];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Like::Kind => "this kind",
            Like::Connection => "this connection",
            Like::Payload => "records that say this",
            Like::Field => "this field's value",
        }
    }

    /// Why there may be none.
    pub(super) fn objection(self) -> &'static str {
        match self {
            Like::Kind | Like::Connection => "no record is selected",
            Like::Payload => "no record is selected that says a short text",
            Like::Field => "no field is selected that has a short value",
        }
    }
}

/// A movement of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// So many rows down, or up where negative.
    By(i64),
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The next row with a note.
    NextNote,
    /// The previous row with a note.
    PreviousNote,
}

/// A key with its modifiers. `key` is the key's name, as egui spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// Ctrl, or ⌘ on a Mac.
    pub command: bool,
    /// Shift.
    pub shift: bool,
    /// The key's name.
    pub key: &'static str,
}

impl Shortcut {
    /// Whether it would also be typed as text, so that text fields go first.
    pub fn is_plain(&self) -> bool {
        !self.command && !self.key.starts_with('F')
    }
}

impl Command {
    /// Every command that stands in a menu, for the palette and for shortcuts.
    pub fn catalog() -> Vec<(Menu, Command)> {
        let of = |menu: Menu| menu.commands().into_iter().flatten().map(move |command| (menu, command));
        Menu::ALL.into_iter().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_menus_has_a_name_and_a_key_of_its_own() {
        let catalog = Command::catalog();
        let mut keys = Vec::new();
        for (_, command) in &catalog {
            assert!(!command.label().is_empty());
            if let Some(shortcut) = command.shortcut() {
                assert!(!keys.contains(&shortcut), "{shortcut:?} is taken twice, by {}", command.label());
                keys.push(shortcut);
            }
        }
        let mut labels: Vec<String> = catalog.iter().map(|(_, command)| command.label()).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), catalog.len(), "two commands bear one name");
    }
}
