//! Comparing in the window: the mark, two messages, and two sides.

mod files;
mod form;

pub use form::{CompareForm, SideChoice};

use super::engine::Reply;
use super::{App, Command, Job, Pane, Shortcut, State, View, ViewId, Wish};
use crate::session::RecordId;
use crate::session::compare::{Aligned, Counts, Difference, Item, Pair, Row, Rules, compare, read};
use crate::wire::ConnectionId;
use files::compare_files;

/// Something to do about comparing.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareCommand {
    /// Remember the selected record.
    Mark,
    /// Compare the selected record with the one that is remembered.
    WithMarked,
    /// Show two messages as bytes, or as what they are.
    AsBytes(bool),
    /// Choose two connections or recordings to compare.
    Sides,
    /// Change what is compared, and how.
    Set(Box<CompareForm>),
    /// Compare them.
    Start,
    /// Go to a record that was compared.
    Go(ViewId, RecordId),
    /// Compare the two messages of a row.
    Row(RecordId, RecordId),
}

impl CompareCommand {
    /// Those that stand in the menu.
    pub const NAMED: [CompareCommand; 3] = [CompareCommand::Mark, CompareCommand::WithMarked, CompareCommand::Sides];

    /// What it is called.
    pub fn label(&self) -> String {
        match self {
            CompareCommand::Mark => "Compare from here",
            CompareCommand::WithMarked => "Compare with the marked record",
            CompareCommand::AsBytes(true) => "Compare byte by byte",
            CompareCommand::AsBytes(false) => "Compare what the bytes say",
            CompareCommand::Sides => "Compare connections or recordings…",
            CompareCommand::Set(_) => "Change what is compared",
            CompareCommand::Start => "Compare the two sides",
            CompareCommand::Go(..) => "Go to the record",
            CompareCommand::Row(..) => "Compare the two messages",
        }
        .to_owned()
    }

    /// The key that does it.
    pub fn shortcut(&self) -> Option<Shortcut> {
        let shift = match self {
            CompareCommand::Mark => true,
            CompareCommand::WithMarked => false,
            _ => return None,
        };
        Some(Shortcut { command: false, shift, key: "F8" })
    }
}

/// A record that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Its recording.
    pub view: ViewId,
    /// The record.
    pub id: RecordId,
    /// What to call it: `#12 of monday`.
    pub name: String,
}

/// Two messages, compared.
pub struct Messages {
    /// The first and the second.
    pub of: [Marked; 2],
    /// Whether they are compared byte by byte.
    pub as_bytes: bool,
    /// What is to say of them: what was left out.
    pub remarks: Vec<String>,
    /// How they differ, once that was found.
    pub difference: Option<Difference>,
    /// What is left out of equality.
    rules: Rules,
    number: u64,
}

/// Two sides, compared.
pub struct Compared {
    /// Which they were.
    pub sides: [SideChoice; 2],
    /// What to call them.
    pub names: [String; 2],
    items: [Vec<Item>; 2],
    aligned: Aligned,
    /// The rows in which something differs.
    differing: Vec<u32>,
    /// What is to say of either side.
    pub remarks: Vec<String>,
    /// What was left out of equality.
    rules: Rules,
}

impl Compared {
    /// How many messages are what.
    pub fn counts(&self) -> &Counts {
        &self.aligned.counts
    }

    /// How many rows there are.
    pub fn len(&self, only_differences: bool) -> usize {
        if only_differences { self.differing.len() } else { self.aligned.rows.len() }
    }

    /// A row, with the message of either side.
    pub fn row(&self, at: usize, only_differences: bool) -> Option<(Row, [Option<Item>; 2])> {
        let at = if only_differences { *self.differing.get(at)? as usize } else { at };
        let row = *self.aligned.rows.get(at)?;
        let item = |side: usize, at: u32| self.items[side].get(at as usize).copied();
        Some(match row.pair {
            Pair::Missing(a) => (row, [item(0, a), None]),
            Pair::Extra(b) => (row, [None, item(1, b)]),
            Pair::Both(a, b) => (row, [item(0, a), item(1, b)]),
        })
    }
}

/// What the lower half shows of comparing.
#[derive(Default)]
pub struct Comparing {
    /// The record that is remembered.
    pub mark: Option<Marked>,
    /// Two messages.
    pub messages: Option<Messages>,
    /// Whether the two messages are shown, else the two sides.
    pub shows_messages: bool,
    /// What is compared of two sides.
    pub form: CompareForm,
    /// Two sides.
    pub sides: Option<Sides>,
    asked: u64,
}

/// Two sides that are compared, or were.
pub enum Sides {
    /// They are being read.
    UnderWay(Job),
    /// They are compared.
    Done(Box<Compared>),
    /// They could not be; a sentence says why.
    Failed(String),
}

impl State {
    /// A recording that is open.
    pub fn view_of(&self, id: ViewId) -> Option<&View> {
        self.views.iter().find(|view| view.id == id)
    }

    fn selected_mark(&self) -> Option<Marked> {
        let view = self.view()?;
        let id = view.selected.filter(|id| *id < view.session.records().len())?;
        Some(self.mark_of(view, id))
    }

    fn mark_of(&self, view: &View, id: RecordId) -> Marked {
        let name = format!("#{} of {}", id + 1, view.title);
        Marked { view: view.id, id, name }
    }
}

impl App {
    pub(super) fn apply_compare(&mut self, command: CompareCommand) {
        match command {
            CompareCommand::Mark => {
                self.state.compare.mark = self.state.selected_mark();
                if let Some(mark) = &self.state.compare.mark {
                    let text = format!("{} is marked: select another record and compare it (F8)", mark.name);
                    self.say(text);
                }
            }
            CompareCommand::WithMarked => {
                let of = self.state.compare.mark.clone().zip(self.state.selected_mark());
                if let Some((a, b)) = of {
                    let as_bytes = self.state.compare.messages.as_ref().is_some_and(|messages| messages.as_bytes);
                    self.compare_messages([a, b], as_bytes, Rules::default());
                }
            }
            CompareCommand::AsBytes(as_bytes) => {
                let messages = self.state.compare.messages.as_ref();
                if let Some((of, rules)) = messages.map(|messages| (messages.of.clone(), messages.rules.clone())) {
                    self.compare_messages(of, as_bytes, rules);
                }
            }
            CompareCommand::Row(a, b) => self.compare_row(a, b),
            CompareCommand::Sides => self.choose_sides(),
            CompareCommand::Set(form) => {
                let state = &mut self.state.compare;
                state.form = *form;
            }
            CompareCommand::Start => self.compare_sides(),
            CompareCommand::Go(view, id) => {
                self.apply(Command::Show(view));
                self.apply(Command::Select(Some(id)));
                self.wishes.push(Wish::Reveal);
            }
        }
    }

    fn compare_row(&mut self, a: RecordId, b: RecordId) {
        let Some(Sides::Done(compared)) = &self.state.compare.sides else { return };
        let (rules, sides) = (compared.rules.clone(), compared.sides);
        let mark = |side: SideChoice, id| {
            let view = self.state.view_of(side.view?)?;
            Some(self.state.mark_of(view, id))
        };
        if let (Some(a), Some(b)) = (mark(sides[0], a), mark(sides[1], b)) {
            self.compare_messages([a, b], false, rules);
        }
    }

    /// Compares two messages beside the window.
    fn compare_messages(&mut self, of: [Marked; 2], as_bytes: bool, rules: Rules) {
        let message = |mark: &Marked| Some(read(&self.state.view_of(mark.view)?.session, mark.id));
        let (Some(a), Some(b)) = (message(&of[0]), message(&of[1])) else {
            return self.complain("One of the two recordings was closed");
        };
        let mut remarks = Vec::new();
        for (mark, message) in of.iter().zip([&a, &b]) {
            if message.left_out > 0 {
                let text = format!("{} was not compared behind byte {}", mark.name, message.payload.len());
                remarks.push(format!("{text}: {} bytes are left out", message.left_out));
            }
        }
        let state = &mut self.state.compare;
        state.asked += 1;
        let number = state.asked;
        state.messages = Some(Messages { of, as_bytes, remarks, difference: None, rules: rules.clone(), number });
        state.shows_messages = true;
        (self.state.pane, self.state.details) = (Pane::Compare, true);
        self.engine.beside(move || Reply::Differs(number, Box::new(compare(a, b, &rules, as_bytes))));
    }

    pub(super) fn take_difference(&mut self, number: u64, difference: Difference) {
        let messages = self.state.compare.messages.as_mut();
        if let Some(messages) = messages.filter(|messages| messages.number == number) {
            messages.difference = Some(difference);
        }
    }

    /// Shows what can be compared.
    fn choose_sides(&mut self) {
        self.suggest_sides();
        if self.state.views.is_empty() {
            return;
        }
        self.state.compare.shows_messages = false;
        (self.state.pane, self.state.details) = (Pane::Compare, true);
    }

    /// Where the sides are not chosen, or gone: the two newest recordings, or two connections of the only one.
    pub(super) fn suggest_sides(&mut self) {
        let state = &mut self.state;
        let exists = |side: &SideChoice| side.view.is_some_and(|id| state.views.iter().any(|view| view.id == id));
        let form = &mut state.compare.form;
        if !form.sides.iter().all(exists) {
            form.sides = match state.views.as_slice() {
                [] => return,
                [only] => {
                    let ids: Vec<ConnectionId> = only.session.connections().iter().map(|it| it.info.id).collect();
                    let side = |at: usize| SideChoice { view: Some(only.id), connection: ids.get(at).copied() };
                    [side(0), if ids.len() > 1 { side(1) } else { side(0) }]
                }
                [.., a, b] => [a, b].map(|view| SideChoice { view: Some(view.id), connection: None }),
            };
        }
    }

    fn compare_sides(&mut self) {
        let form = self.state.compare.form.clone();
        let name = |side: &SideChoice| {
            let view = self.state.view_of(side.view?)?;
            let connection = side.connection.map_or_else(String::new, |id| format!(", connection {}", id.0));
            Some((view.path()?, format!("{}{connection}", view.title)))
        };
        let (Some((path_a, name_a)), Some((path_b, name_b))) = (name(&form.sides[0]), name(&form.sides[1])) else {
            return;
        };
        let job = self.begin(format!("Comparing {name_a} with {name_b}"));
        if let Some(Sides::UnderWay(before)) = &self.state.compare.sides {
            before.stop();
        }
        self.state.compare.sides = Some(Sides::UnderWay(job.clone()));
        self.engine.beside(move || {
            let files = [(path_a, name_a), (path_b, name_b)];
            let compared = compare_files(&form, files, &job).map(Box::new);
            Reply::Compared(job, compared)
        });
    }

    pub(super) fn take_compared(&mut self, job: &Job, compared: Result<Box<Compared>, String>) {
        self.state.jobs.retain(|other| !other.is(job));
        let is_awaited = matches!(&self.state.compare.sides, Some(Sides::UnderWay(awaited)) if awaited.is(job));
        if !is_awaited {
            return;
        }
        self.state.compare.sides = match compared {
            Err(_) if job.is_stopped() => None,
            Err(why) => Some(Sides::Failed(why)),
            Ok(compared) => Some(Sides::Done(compared)),
        };
    }

    /// Why nothing of this can be done now.
    pub(super) fn compare_objection(&self, command: &CompareCommand) -> Option<String> {
        let state = &self.state;
        let why = match command {
            CompareCommand::Mark | CompareCommand::WithMarked if state.selected_mark().is_none() => {
                "no record is selected"
            }
            CompareCommand::WithMarked => match &state.compare.mark {
                None => "no record is marked: “Compare from here” marks one",
                Some(mark) if state.view_of(mark.view).is_none() => "the recording with the marked record was closed",
                Some(mark) if Some(mark) == state.selected_mark().as_ref() => {
                    "this is the marked record: select another one"
                }
                Some(_) => return None,
            },
            CompareCommand::Sides if state.views.is_empty() => "no recording is open",
            CompareCommand::Start => return self.sides_objection(),
            CompareCommand::AsBytes(_) if state.compare.messages.is_none() => "no messages are compared",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn sides_objection(&self) -> Option<String> {
        let form = &self.state.compare.form;
        if matches!(self.state.compare.sides, Some(Sides::UnderWay(_))) {
            return Some("two sides are being compared already".to_owned());
        }
        for (side, which) in form.sides.iter().zip(["first", "second"]) {
            let Some(view) = side.view.and_then(|id| self.state.view_of(id)) else {
                return Some(format!("choose the {which} recording"));
            };
            if view.path().is_none() {
                return Some(format!("{} has no file, and what is compared is read from files", view.title));
            }
        }
        let is_alone = |view: &View| view.session.connections().len() < 2;
        if let ([only], true) = (self.state.views.as_slice(), form.sides[0] == form.sides[1])
            && is_alone(only)
        {
            let name = &only.title;
            return Some(format!(
                "there is nothing to compare {name} with: open another recording, such as one under Saved"
            ));
        }
        if form.sides[0] == form.sides[1] {
            return Some("both sides are the same".to_owned());
        }
        form.mistake()
    }
}
