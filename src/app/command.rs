//! Everything that can be done, as plain data. Menus, shortcuts, the palette and tests speak this language and no other.

use super::doctor::ReportAs;
use super::{AckRule, Composer, CopyAs, Draft, FieldRef, Group, Menu, Pane, SentTime, StatisticsAs, Theme, ViewId};
use crate::session::RecordId;
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
    /// Ask where to save a copy of the active recording.
    SaveAs,
    /// Save a copy of the active recording here.
    SaveAsPath(PathBuf),
    /// Ask where to save the payload of the selected record.
    SavePayload,
    /// Ask for the file whose bytes the composer sends.
    ChooseComposerFile,
    /// Change the text of the path field.
    SetPath(String),
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
    /// Leave.
    Quit,
    /// Copy something of the selected record.
    Copy(CopyAs),
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
    /// Select a record.
    Select(Option<RecordId>),
    /// Move the selection.
    Move(Move),
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

/// A term that fits into a menu.
fn short(term: &str) -> String {
    match term.char_indices().nth(TERM_CHARS) {
        Some((cut, _)) => format!("{}…", &term[..cut]),
        None => term.to_owned(),
    }
}

/// Characters of a term in a menu.
const TERM_CHARS: usize = 40;

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

    /// What it is called.
    pub fn label(&self) -> String {
        use Command::*;
        let fixed = match self {
            NewRecording => "New recording",
            Open => "Open a recording…",
            OpenPath(path) => return format!("Open {}", path.display()),
            SaveAs => "Save a copy as…",
            SaveAsPath(path) => return format!("Save a copy as {}", path.display()),
            SavePayload => "Save payload as…",
            ChooseComposerFile => "Choose a file to send…",
            SetPath(_) => "Type a path",
            ConfirmPath => "Take this path",
            CancelPath => "Put the path field away",
            CloseView => "Close this recording",
            Show(_) => "Show a recording",
            RefreshSaved => "Look for recordings again",
            Quit => "Quit",
            Copy(what) => return format!("Copy {}", what.label()),
            CopyText(_) => "Copy text",
            FocusFilter => "Filter the timeline",
            SetFilter(text) if text.is_empty() => "Clear the filter",
            SetFilter(_) => "Change the filter",
            Find => "Find",
            SetFind(_) => "Change what is looked for",
            FindNext(true) => "Find next",
            FindNext(false) => "Find previous",
            CloseFind => "Put the find bar away",
            StopFinding => "Look no further",
            AddFilter(term) => {
                return match term.strip_prefix('-') {
                    Some(term) => format!("Everything except {}", short(term)),
                    None => format!("Only {}", short(term)),
                };
            }
            FilterLike(like, false) => return format!("Only {}", like.label()),
            FilterLike(like, true) => return format!("Everything except {}", like.label()),
            FindTerm(term) => return format!("Find the next {}", short(term)),
            OnlyConnection(None) => "Show all connections",
            OnlyConnection(Some(id)) => return format!("Show connection {} only", id.0),
            ToggleGroup(group) => return format!("Show {}", group.label()),
            OnlyDir(None) => "Show both directions",
            OnlyDir(Some(Dir::In)) => "Show received only",
            OnlyDir(Some(Dir::Out)) => "Show sent only",
            SetRange(None) => "Show all times",
            SetRange(Some(_)) => "Show this time only",
            RangeFromSelected => "Show from the selected record on",
            RangeToSelected => "Show up to the selected record",
            ShowTime(None) => "Activity of the whole recording",
            ShowTime(Some(_)) => "Activity of this time",
            ZoomToRange => "Activity of the selected time",
            ZoomTime(true) => "Activity of less time",
            ZoomTime(false) => "Activity of more time",
            PanTime(true) => "Earlier activity",
            PanTime(false) => "Later activity",
            ShowPane(pane) => pane.ask(),
            SetAck(_) => "Change what counts as an answer",
            CopyFindings => "Copy the findings as text",
            SetSentTime(sent) if *sent == SentTime::NONE => "No latency",
            SetSentTime(sent) => return format!("Latency from the time at {}", sent.path),
            StopCounting(true) => "Stop counting rows",
            StopCounting(false) => "Count the other rows, too",
            CopyStatistics(how) => return format!("Copy statistics as {}", how.label()),
            ToggleActivity => "Show activity over time",
            SetFollow(true) => "Follow the end",
            SetFollow(false) => "Let go of the end",
            ToggleFollow => "Follow the end",
            TogglePause => "Pause the view",
            Select(_) => "Select a record",
            Move(self::Move::By(rows)) if *rows < 0 => "Previous record",
            Move(self::Move::By(_)) => "Next record",
            Move(self::Move::First) => "First record",
            Move(self::Move::Last) => "Last record",
            Move(self::Move::NextNote) => "Next note",
            Move(self::Move::PreviousNote) => "Previous note",
            SelectField(_) => "Select a field",
            SetTheme(theme) => return format!("{} theme", theme.label()),
            ZoomIn => "Larger text",
            ZoomOut => "Smaller text",
            ZoomReset => "Usual text size",
            ToggleSidebar => "Show the list of connections",
            ToggleDetails => "Show details",
            ToggleColumn(at) => return format!("Column {}", super::COLUMNS[*at % super::COLUMNS.len()].name),
            MoveColumn(_, true) => "Move to the left",
            MoveColumn(_, false) => "Move to the right",
            ResetColumns => "Usual columns",
            SetLongGap(ms) => {
                return match (ms / 1000, ms % 1000) {
                    (s, 0) if s > 0 => format!("Gaps stand out from {s} s"),
                    _ => format!("Gaps stand out from {ms} ms"),
                };
            }
            TogglePalette => "All commands",
            FocusAddress => "Type an address",
            SetDraft(_) => "Change the connection's options",
            Connect => "Connect",
            ConnectTo(address) => return format!("Connect to {address}"),
            GoOnAnyway => "Go on anyway, although the answer to the upgrade is wrong",
            RunDoctor => "Ask the doctor: try every way to the address",
            CopyReport(how) => return format!("Copy the doctor's report as {}", how.label()),
            AskStock => "Would an ordinary client accept this?",
            SaveReport => "Save the doctor's report…",
            LogIn(false) => "Log in",
            LogIn(true) => "Log in and keep the password in the system's keyring",
            FetchLogin => "Take the password from the system's keyring",
            ToggleConnect => "Connect or disconnect",
            Disconnect(id) => return format!("Disconnect connection {}", id.0),
            DisconnectAll => "Disconnect everything",
            Reconnect(id) => return format!("Connect again (connection {})", id.0),
            FocusComposer => "Write a message",
            SetComposer(_) => "Change the message",
            Send => "Send",
            StopWork => "Stop reading, filtering, saving",
            StopJob(_) => "Stop saving",
            StopReading => "Stop reading",
            StopFiltering => "Stop looking for rows",
            StopRepeat => "Stop sending again and again",
            History(true) => "Earlier message",
            History(false) => "Later message",
            Dismiss(_) => "Put the message away",
            About => "About Pushscope",
        };
        fixed.to_owned()
    }

    /// The menu within the menu that it stands in.
    pub fn submenu(&self) -> Option<&'static str> {
        Some(match self {
            Command::Copy(_) => "Copy",
            Command::FilterLike(..) => "Filter by the selection",
            Command::CopyStatistics(_) => "Copy statistics",
            Command::CopyReport(_) => "Copy the doctor's report",
            Command::SetSentTime(_) => "Latency",
            Command::ToggleGroup(_) => "Kinds",
            Command::OnlyDir(_) => "Directions",
            Command::SetRange(_) | Command::RangeFromSelected | Command::RangeToSelected | Command::ZoomToRange => {
                "Time"
            }
            Command::ShowTime(_) | Command::ZoomTime(_) | Command::PanTime(_) => "Time",
            Command::ToggleColumn(_) | Command::ResetColumns => "Columns",
            Command::SetLongGap(_) => "Long gaps",
            Command::SetTheme(_) => "Theme",
            Command::ZoomIn | Command::ZoomOut | Command::ZoomReset => "Text size",
            _ => return None,
        })
    }

    /// The key that does it.
    pub fn shortcut(&self) -> Option<Shortcut> {
        use Command::*;
        let (command, shift, key) = match self {
            NewRecording => (true, false, "N"),
            Open => (true, false, "O"),
            SaveAs => (true, false, "S"),
            SavePayload => (true, true, "S"),
            StopWork => (true, false, "Period"),
            CloseView => (true, false, "W"),
            Quit => (true, false, "Q"),
            Copy(CopyAs::Payload) => (true, true, "C"),
            FocusFilter => (false, false, "Slash"),
            Find => (true, false, "F"),
            FindNext(true) => (false, false, "F3"),
            FindNext(false) => (false, true, "F3"),
            ToggleGroup(Group::Layers) => (true, true, "L"),
            ToggleFollow => (true, false, "E"),
            TogglePause => (true, false, "P"),
            SetRange(None) => (false, false, "Escape"),
            RangeFromSelected => (false, false, "OpenBracket"),
            RangeToSelected => (false, false, "CloseBracket"),
            ZoomToRange => (false, false, "Z"),
            ShowTime(None) => (false, false, "0"),
            ZoomTime(true) => (false, false, "Plus"),
            ZoomTime(false) => (false, false, "Minus"),
            PanTime(true) => (false, false, "Comma"),
            PanTime(false) => (false, false, "Period"),
            ShowPane(Pane::Statistics) => (true, false, "I"),
            ShowPane(Pane::Findings) => (true, true, "F"),
            ShowPane(Pane::Doctor) => (true, true, "D"),
            ToggleActivity => (true, false, "T"),
            ToggleSidebar => (true, false, "B"),
            ToggleDetails => (true, false, "D"),
            ZoomIn => (true, false, "Plus"),
            ZoomOut => (true, false, "Minus"),
            ZoomReset => (true, false, "0"),
            TogglePalette => (true, false, "K"),
            FocusAddress => (true, false, "L"),
            ToggleConnect => (false, false, "F5"),
            FocusComposer => (true, false, "M"),
            Send => (true, false, "Enter"),
            Move(self::Move::By(-1)) => (false, false, "Up"),
            Move(self::Move::By(1)) => (false, false, "Down"),
            Move(self::Move::First) => (false, false, "Home"),
            Move(self::Move::Last) => (false, false, "End"),
            Move(self::Move::NextNote) => (false, false, "N"),
            Move(self::Move::PreviousNote) => (false, false, "P"),
            About => (false, false, "F1"),
            _ => return None,
        };
        Some(Shortcut { command, shift, key })
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
