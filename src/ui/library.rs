//! The library: every recording in one list, to be sorted, narrowed, opened, renamed, tagged, deleted and searched.

use super::keys::Binding;
use super::rows::rows_ui;
use super::sidebar::elided;
use super::{Look, library_search, status, theme, words};
use crate::app::library::{COUNTED_BYTES, Editing, Entry, Facts, RecordingState};
use crate::app::{Command, Library, LibraryColumn, LibraryCommand, State, Wish};
use crate::session::duration;
use egui::{Align2, Color32, Id, Key, Panel, Rect, RichText, Sense, Stroke, TextEdit, Ui, WidgetInfo, pos2, vec2};

/// Widths of the columns; names, addresses and tags share what is left.
const WIDTHS: [f32; LibraryColumn::ALL.len()] = [0.42, 0.36, 124.0, 66.0, 70.0, 74.0, 64.0, 0.22];

/// Room for the mark before a name.
const MARK: f32 = 18.0;

/// Draws the library.
pub fn library_ui(ui: &mut Ui, state: &State, look: &mut Look, out: &mut Vec<Command>) {
    let library = &state.library;
    let colors = theme::colors(ui);
    let bar = egui::Frame::new().fill(colors.bar).inner_margin(theme::MARGIN);
    bar.show(ui, |ui| {
        head_ui(ui, library, out);
        ui.add_space(theme::GAP);
        fields_ui(ui, library, look, out);
    });
    if library.search.asked.is_some() {
        Panel::bottom("results")
            .resizable(true)
            .default_size(theme::RESULTS)
            .size_range(100.0..=(ui.available_height() - 120.0).max(110.0))
            .frame(egui::Frame::new().fill(colors.ground))
            .show(ui, |ui| library_search::results_ui(ui, &library.search, look, out));
    }
    list_ui(ui, state, look, out);
}

/// What keys do in the list, where nothing is typed.
pub(super) fn bindings(ctx: &egui::Context, library: &Library) -> Vec<Binding> {
    if library.editing.is_some() || library.selected_entry().is_none() {
        return Vec::new();
    }
    let binding = |key, command| Binding {
        repeats: command == LibraryCommand::Delete,
        ..Binding::new(egui::Modifiers::NONE, key, Command::Library(command))
    };
    let mut bindings = vec![binding(Key::Delete, LibraryCommand::Delete)];
    // Enter on a button is that button's.
    if ctx.memory(|memory| memory.focused().is_none()) {
        bindings.push(binding(Key::Enter, LibraryCommand::Open));
    }
    bindings
}

fn head_ui(ui: &mut Ui, library: &Library, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::MARGIN;
        ui.label(RichText::new("Recordings").size(theme::HEADING).color(colors.strong));
        let (listed, all) = (library.rows.len() as u64, library.entries.len() as u64);
        let count = match listed == all {
            true => format!("{} · {}", words::count(all), words::bytes(library.size_bytes())),
            false => format!("{} of {}", words::count(listed), words::count(all)),
        };
        ui.label(RichText::new(count).font(theme::small()).color(colors.weak));
        if let Some(fraction) = library.counting().filter(|fraction| *fraction > 0.0) {
            let stop = Command::Library(LibraryCommand::StopCounting(true));
            status::progress_ui(ui, "Reading them", Some(fraction), stop, out);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("Back").on_hover_text("To the timeline").clicked() {
                out.push(Command::Library(LibraryCommand::Toggle));
            }
            let has_one = library.selected_entry().is_some();
            let buttons = [
                ("Delete", LibraryCommand::Delete, "Into .trash; it can be undone"),
                ("Tags…", LibraryCommand::EditTags, "Words that travel with the file"),
                ("Rename", LibraryCommand::Rename, "Also while it is being recorded"),
                ("Open", LibraryCommand::Open, "Enter, or a double click"),
            ];
            for (name, command, hover) in buttons {
                let button = ui.add_enabled(has_one, egui::Button::new(name));
                if button.on_hover_text(hover).on_disabled_hover_text("Select a recording first").clicked() {
                    out.push(Command::Library(command));
                }
            }
        });
    });
}

fn fields_ui(ui: &mut Ui, library: &Library, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        let width = ui.available_width();
        let mut filter = library.filter.clone();
        let edit = TextEdit::singleline(&mut filter)
            .desired_width(width * 0.34)
            .hint_text(theme::hint(ui, "Name, address or tag"));
        let response = ui.add(edit).accessible_name("Narrow the list");
        if look.takes_focus(&Wish::FocusFilter) {
            response.request_focus();
        }
        if filter != library.filter {
            out.push(Command::Library(LibraryCommand::Filter(filter)));
        }
        let mut text = library.search.text.clone();
        let room = (ui.available_width() - theme::BUTTON - theme::MARGIN).max(80.0);
        let edit = TextEdit::singleline(&mut text)
            .desired_width(room)
            .font(theme::mono())
            .hint_text(theme::hint(ui, "Search in them: kind:ws.text \"error\""));
        let response = ui.add(edit).accessible_name("Search all recordings");
        if look.takes_focus(&Wish::FocusSearch) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if text != library.search.text {
            out.push(Command::Library(LibraryCommand::SetSearch(text.clone())));
        }
        if library.search.is_running() {
            if ui.add(egui::Button::new("Stop").min_size(vec2(theme::BUTTON, 0.0))).clicked() {
                out.push(Command::Library(LibraryCommand::StopSearch));
            }
        } else if ui.add(egui::Button::new("Search").min_size(vec2(theme::BUTTON, 0.0))).clicked() || entered {
            out.push(Command::Library(LibraryCommand::Search));
        }
    });
    if let Some(mistake) = library.search.mistake.as_ref().or(library.trouble.as_ref()) {
        ui.label(RichText::new(mistake).font(theme::small()).color(colors.error));
    }
}

/// Where each column lies, from left to right.
fn slots(rect: Rect) -> [(f32, f32); LibraryColumn::ALL.len()] {
    let left = rect.left() + theme::MARGIN + MARK;
    let fixed: f32 = WIDTHS.iter().filter(|width| **width >= 1.0).sum();
    let rest = (rect.right() - theme::SCROLL_BAR - theme::MARGIN - left - fixed).max(90.0);
    let mut at = left;
    WIDTHS.map(|width| {
        let width = if width < 1.0 { width * rest } else { width };
        let slot = (at, width);
        at += width;
        slot
    })
}

fn list_ui(ui: &mut Ui, state: &State, look: &mut Look, out: &mut Vec<Command>) {
    let library = &state.library;
    let colors = theme::colors(ui);
    let area = ui.available_rect_before_wrap();
    let header = Rect::from_min_size(area.min, vec2(area.width(), theme::ROW));
    let slots = slots(area);
    ui.painter().rect_filled(header, 0.0, colors.bar);
    for (column, (left, width)) in LibraryColumn::ALL.into_iter().zip(slots) {
        let place = Rect::from_min_size(pos2(left, header.top()), vec2(width, header.height()));
        column_ui(ui, place, column, library, out);
    }
    ui.painter().hline(header.x_range(), header.bottom() - 0.5, Stroke::new(1.0, colors.line));
    let body = Rect::from_min_max(pos2(area.left(), header.bottom()), area.max);
    if library.rows.is_empty() {
        let text = match (library.entries.is_empty(), library.counting().is_some()) {
            (true, true) => "Looking at the folder…",
            (true, false) => "Nothing was recorded yet: every connection is, from its first byte on.",
            (false, _) => "No recording has all these words in its name, addresses or tags.",
        };
        ui.painter().text(
            body.min + vec2(theme::GROUP_GAP, theme::GROUP_GAP),
            Align2::LEFT_TOP,
            text,
            theme::body(),
            colors.weak,
        );
        return;
    }
    let page = ((body.height() / theme::LIBRARY_ROW).floor() as usize).max(1);
    look.page = page;
    let mut scroll = look.library;
    if std::mem::take(&mut look.reveal)
        && let Some(row) = library.selected_row()
    {
        scroll.reveal(row, page);
    }
    let mut focus_edit = look.takes_focus(&Wish::FocusEdit);
    rows_ui(ui, Id::unique("library"), body, theme::LIBRARY_ROW, library.rows.len(), &mut scroll, |ui, row, rect| {
        if let Some(entry) = library.rows.get(row).and_then(|at| library.entries.get(*at)) {
            row_ui(ui, state, entry, rect, &slots, &mut focus_edit, out);
        }
    });
    look.library = scroll;
    if let (true, Some(row)) = (focus_edit, library.selected_row()) {
        // Its row was not in sight.
        look.library.reveal(row, page);
        look.focus.push(Wish::FocusEdit);
        ui.ctx().request_repaint();
    }
}

fn column_ui(ui: &mut Ui, place: Rect, column: LibraryColumn, library: &Library, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let response = ui.interact(place, Id::unique(("library column", column.label())), Sense::click());
    let (is_sorted, is_falling) = (library.sort.0 == column, library.sort.1);
    let label = format!("Sort by {}", column.label());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ColumnHeader, true, &label));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(place, 0.0, colors.hover);
    }
    let arrow = match (is_sorted, is_falling) {
        (false, _) => "",
        (true, true) => " ▾",
        (true, false) => " ▴",
    };
    let color = if is_sorted { colors.strong } else { colors.weak };
    let text = format!("{}{arrow}", column.label());
    let (x, align) = align(place, is_right(column));
    ui.painter().text(pos2(x, place.center().y), align, text, theme::small(), color);
    if response.clicked() {
        out.push(Command::Library(LibraryCommand::Sort(column)));
    }
}

/// Times of day stand at the left, numbers at the right.
fn is_right(column: LibraryColumn) -> bool {
    column.is_number() && column != LibraryColumn::Time
}

fn align(place: Rect, is_right: bool) -> (f32, Align2) {
    match is_right {
        true => (place.right() - theme::GROUP_GAP, Align2::RIGHT_CENTER),
        false => (place.left(), Align2::LEFT_CENTER),
    }
}

fn row_ui(
    ui: &mut Ui,
    state: &State,
    entry: &Entry,
    rect: Rect,
    slots: &[(f32, f32)],
    focus_edit: &mut bool,
    out: &mut Vec<Command>,
) {
    let (library, colors) = (&state.library, theme::colors(ui));
    let is_selected = library.selected.as_ref() == Some(&entry.path);
    let response = ui.interact(rect, Id::unique(("recording", &entry.path)), Sense::click());
    let told = told(state, entry, colors);
    let cells: Vec<&str> = told.cells.iter().map(|(text, _)| text.as_str()).filter(|text| !text.is_empty()).collect();
    let name = format!("recording {}, {}", entry.name, cells[1..].join(", "));
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListItem, true, is_selected, &name));
    if is_selected {
        ui.painter().rect_filled(rect, 0.0, colors.selected);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, 0.0, colors.hover);
    }
    let (mark, color) = told.mark;
    let mark_at = pos2(rect.left() + theme::MARGIN + MARK / 2.0 - 2.0, rect.center().y);
    ui.painter().text(mark_at, Align2::CENTER_CENTER, mark, theme::small(), color);
    let editing = library.editing.as_ref().filter(|editing| editing.path == entry.path);
    for ((column, (left, width)), (text, color)) in LibraryColumn::ALL.iter().zip(slots).zip(&told.cells) {
        let place = Rect::from_min_size(pos2(*left, rect.top()), vec2(*width, rect.height()));
        if is_right(*column) {
            let (x, align) = align(place, true);
            ui.painter().text(pos2(x, place.center().y), align, text, theme::small(), *color);
        } else {
            let place = place.with_max_x(place.right() - theme::MARGIN);
            let font = if *column == LibraryColumn::Name { theme::body() } else { theme::small() };
            elided(ui.painter(), place, text, font, *color);
        }
    }
    if response.clicked() {
        response.surrender_focus();
        out.push(Command::Library(LibraryCommand::Select(entry.path.clone())));
    }
    if response.double_clicked() {
        out.push(Command::OpenPath(entry.path.clone()));
    }
    response.context_menu(|ui| {
        let select = || Command::Library(LibraryCommand::Select(entry.path.clone()));
        for command in [LibraryCommand::Open, LibraryCommand::Rename, LibraryCommand::EditTags, LibraryCommand::Delete]
        {
            if ui.button(command.label().replace(" the selected recording", "")).clicked() {
                out.extend([select(), Command::Library(command)]);
                ui.close();
            }
        }
        if ui.button("Copy the path").clicked() {
            out.push(Command::CopyText(entry.path.display().to_string()));
            ui.close();
        }
    });
    response.on_hover_ui(|ui| {
        ui.set_max_width(theme::TOOLTIP);
        ui.label(&told.hover);
    });
    if let Some(editing) = editing {
        let column = if editing.is_tags { LibraryColumn::Tags } else { LibraryColumn::Name };
        edit_ui(ui, editing, rect, slots[column as usize], focus_edit, out);
    }
}

fn edit_ui(ui: &mut Ui, editing: &Editing, rect: Rect, slot: (f32, f32), focus: &mut bool, out: &mut Vec<Command>) {
    // The field may be wider than the column it stands in.
    let width = slot.1.max(theme::EDIT).min(rect.width());
    let left = slot.0.min(rect.right() - width - theme::MARGIN);
    let place = Rect::from_min_size(pos2(left - theme::GAP, rect.top()), vec2(width, rect.height()));
    let mut text = editing.text.clone();
    let hint = if editing.is_tags { "one, two" } else { "A name" };
    // Of its own, for rows move while it is typed into.
    let edit = TextEdit::singleline(&mut text).id(Id::unique("library edit")).desired_width(width);
    let edit = edit.hint_text(theme::hint(ui, hint));
    let name = if editing.is_tags { "Tags of the recording" } else { "Name of the recording" };
    let response = ui.put(place, edit).accessible_name(name);
    if std::mem::take(focus) {
        response.request_focus();
    }
    if text != editing.text {
        out.push(Command::Library(LibraryCommand::SetEdit(text)));
    }
    if response.lost_focus() {
        let is_cancelled = ui.input(|input| input.key_pressed(Key::Escape));
        let end = if is_cancelled { LibraryCommand::CancelEdit } else { LibraryCommand::ConfirmEdit };
        out.push(Command::Library(end));
    }
}

/// What a row says.
struct Told {
    mark: (&'static str, Color32),
    cells: [(String, Color32); LibraryColumn::ALL.len()],
    hover: String,
}

fn told(state: &State, entry: &Entry, colors: &theme::Colors) -> Told {
    let unknown = Facts::default();
    let facts = entry.facts().unwrap_or(&unknown);
    let live = state.live().filter(|view| view.path().as_ref() == Some(&entry.path));
    let counts = match live {
        Some(view) => Some((view.session.totals().messages.iter().sum(), view.findings.list().len() as u64, 0)),
        None => facts.counts.map(|counts| (counts.messages, counts.findings, counts.errors)),
    };
    let length_ns = live.map_or(facts.length_ns, |view| view.session.last_at_ns());
    let is_too_large = counts.is_none() && entry.size_bytes > COUNTED_BYTES;
    let (mark, state_says) = mark(facts, live.is_some(), colors);
    let text = |text: String| (text, colors.text);
    let weak = |text: String| (text, colors.weak);
    let known = |text: String| if entry.facts().is_some() { text } else { "…".to_owned() };
    let counted = |of: u64| if of == 0 { "–".to_owned() } else { words::count(of) };
    let uncounted = || if is_too_large || !matches!(facts.state, RecordingState::Ended) { "" } else { "…" }.to_owned();
    let (messages, findings) = match counts {
        None => (weak(uncounted()), weak(uncounted())),
        Some((messages, findings, errors)) => {
            let color = match (findings, errors) {
                (0, _) => colors.weak,
                (_, 0) => colors.warning,
                _ => colors.error,
            };
            (text(counted(messages)), (counted(findings), color))
        }
    };
    let more = (facts.addresses.len() as u64).saturating_sub(1);
    let address = facts.addresses.first().map_or_else(String::new, |address| match more {
        0 => address.clone(),
        more => format!("{address} +{more}"),
    });
    // What cannot be read has the reason in the place of what it would hold.
    let (address, length) = match &facts.state {
        RecordingState::Unreadable(why) => {
            let why = why.strip_prefix(&*entry.path.display().to_string()).unwrap_or(why);
            ((why.trim_start_matches([':', ' ']).to_owned(), colors.error), text(String::new()))
        }
        _ => (weak(known(address)), text(known(duration(length_ns)))),
    };
    let short = words::recording_name(&entry.name).1.to_owned();
    let mut hover = format!("{}\n{}", entry.path.display(), facts.addresses.join("\n"));
    for says in [state_says, if is_too_large { "too large to be counted here: opening it counts" } else { "" }] {
        if !says.is_empty() {
            hover = format!("{hover}\n{says}");
        }
    }
    let cells = [
        (short, colors.strong),
        address,
        weak(words::day_and_time(entry.time_unix_ns())),
        length,
        text(words::bytes(entry.size_bytes)),
        messages,
        findings,
        (facts.tags.join(", "), colors.accent),
    ];
    Told { mark, cells, hover }
}

/// The mark of how a recording ended, and the sentence behind it.
fn mark<'a>(facts: &'a Facts, is_live: bool, colors: &theme::Colors) -> ((&'static str, Color32), &'a str) {
    match &facts.state {
        _ if is_live => (("●", colors.good), "being recorded"),
        RecordingState::Ended if facts.counts.is_some_and(|counts| counts.damaged > 0) => (
            ("⚠", colors.warning),
            "damaged: a part of it cannot be read, or is not as it was written; opening it says which",
        ),
        RecordingState::Ended => (("", colors.weak), ""),
        RecordingState::Recording => (("●", colors.good), "being recorded by another program"),
        RecordingState::CutOff => {
            (("⚠", colors.warning), "cut off: its program or the machine ended while it was recorded")
        }
        RecordingState::Failed(why) => (("⚠", colors.warning), why),
        RecordingState::Unreadable(why) => (("✖", colors.error), why),
    }
}
