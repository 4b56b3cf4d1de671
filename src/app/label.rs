//! What commands are called, where they fold into a menu, and their keys.

use super::{Command, CopyAs, Group, Pane, SentTime, Shortcut};
use crate::wire::Dir;

/// A term that fits into a menu.
fn short(term: &str) -> String {
    match term.char_indices().nth(TERM_CHARS) {
        Some((cut, _)) => format!("{}…", &term[..cut]),
        None => term.to_owned(),
    }
}

/// Characters of a term in a menu.
const TERM_CHARS: usize = 40;

impl Command {
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
            Move(super::Move::By(rows)) if *rows < 0 => "Previous record",
            Move(super::Move::By(_)) => "Next record",
            Move(super::Move::First) => "First record",
            Move(super::Move::Last) => "Last record",
            Move(super::Move::NextNote) => "Next note",
            Move(super::Move::PreviousNote) => "Previous note",
            SelectTo(_) => "Select up to here",
            Extend(super::Move::By(rows)) if *rows < 0 => "Select one row more upwards",
            Extend(super::Move::By(_)) => "Select one row more downwards",
            Extend(super::Move::First | super::Move::PreviousNote) => "Select up to the first row",
            Extend(super::Move::Last | super::Move::NextNote) => "Select down to the last row",
            SelectRows => "Select all rows",
            Resend(command) => return command.label(),
            Compare(command) => return command.label(),
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
            OpenScript => "Open a script…",
            RunScript => "Run the script",
            StopScript => "Stop the script",
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
            Command::Resend(_) => "Send again",
            Command::Compare(_) => "Compare",
            Command::Extend(_) | Command::SelectRows => "Select rows",
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
            ShowPane(Pane::Script) => (true, false, "R"),
            OpenScript => (true, true, "O"),
            RunScript => (false, false, "F6"),
            StopScript => (false, true, "F6"),
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
            Move(super::Move::By(-1)) => (false, false, "Up"),
            Move(super::Move::By(1)) => (false, false, "Down"),
            Extend(super::Move::By(-1)) => (false, true, "Up"),
            Extend(super::Move::By(1)) => (false, true, "Down"),
            Extend(super::Move::First) => (false, true, "Home"),
            Extend(super::Move::Last) => (false, true, "End"),
            SelectRows => (true, false, "A"),
            Resend(command) => return command.shortcut(),
            Compare(command) => return command.shortcut(),
            Move(super::Move::First) => (false, false, "Home"),
            Move(super::Move::Last) => (false, false, "End"),
            Move(super::Move::NextNote) => (false, false, "N"),
            Move(super::Move::PreviousNote) => (false, false, "P"),
            About => (false, false, "F1"),
            _ => return None,
        };
        Some(Shortcut { command, shift, key })
    }
}
