//! Two connections or recordings beside one another, message by message.

use crate::app::{App, Command, CompareCommand, CompareForm, Compared, SideChoice, Sides, State, ViewId};
use crate::session::compare::{By, Item, Row, apart};
use crate::session::duration;
use crate::ui::rows::rows_ui;
use crate::ui::sidebar::elided;
use crate::ui::{Look, theme, words};
use crate::wire::Dir;
use egui::{
    Align2, Button, Checkbox, Color32, ComboBox, Frame, Id, Label, Margin, Rect, RichText, Sense, TextEdit, Ui,
    WidgetInfo, pos2, vec2,
};
use std::time::{Duration, Instant};

/// What a frame spends at most on finding out what rows say.
const TELLING: Duration = Duration::from_millis(4);

/// Draws the form and what came of it.
pub fn sides_ui(ui: &mut Ui, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    Frame::new().inner_margin(Margin::symmetric(theme::MARGIN as i8, theme::UNIT as i8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        form_ui(ui, state, out);
        let why_not = app.objection(&Command::Compare(CompareCommand::Start));
        match &state.compare.sides {
            Some(Sides::UnderWay(job)) => {
                let share = job.fraction().map_or_else(String::new, |share| format!(" {:.0} %", share * 100.0));
                ui.label(RichText::new(format!("Comparing…{share}")).color(colors.weak));
            }
            Some(Sides::Failed(why)) => {
                ui.add(Label::new(RichText::new(format!("✖ {why}")).color(colors.error)).wrap());
            }
            Some(Sides::Done(compared)) => counts_ui(ui, state, compared, out),
            None => {
                let text = words::sentence(&why_not.unwrap_or_else(|| "nothing is compared yet".to_owned()));
                ui.add(Label::new(RichText::new(text).font(theme::small()).color(colors.weak)).wrap());
            }
        }
    });
    if let Some(Sides::Done(compared)) = &state.compare.sides {
        list_ui(ui, state, compared, look, out);
    }
}

fn form_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let mut form: CompareForm = state.compare.form.clone();
    ui.horizontal_wrapped(|ui| {
        for (side, name) in ["First", "Second"].into_iter().enumerate() {
            side_ui(ui, state, &mut form.sides[side], name);
            if side == 0 {
                ui.label(RichText::new("with").color(colors.weak));
            }
        }
        ui.label(RichText::new("by").color(colors.weak));
        by_ui(ui, &mut form);
    });
    ui.horizontal(|ui| {
        let field = |ui: &mut Ui, text: &mut String, name: &str, hint: &str, width: f32, help: &str| {
            ui.label(RichText::new(name).color(colors.weak));
            let edit = TextEdit::singleline(text).desired_width(width).font(theme::mono()).hint_text(hint);
            let response = ui.add(edit).on_hover_text(help);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, name));
        };
        field(
            ui,
            &mut form.ignore,
            "ignore",
            "$.at, $..id",
            theme::PATHS,
            "JSONPaths of what does not count, such as times: left out of equality on both sides",
        );
        field(
            ui,
            &mut form.tolerance_ms,
            "late from",
            "ms",
            theme::NUMBER,
            "Milliseconds beyond which a message is late or early, counted from the opening of its connection; empty: time \
             is not judged",
        );
        field(
            ui,
            &mut form.filter,
            "only",
            "messages",
            theme::PATHS,
            "A filter: which records are compared. Empty: messages, without pings and pongs",
        );
    });
    if form != state.compare.form {
        out.push(Command::Compare(CompareCommand::Set(Box::new(form))));
    }
}

fn side_ui(ui: &mut Ui, state: &State, side: &mut SideChoice, name: &str) {
    let title = |id: Option<ViewId>| {
        let view = id.and_then(|id| state.view_of(id));
        view.map_or_else(|| "choose…".to_owned(), |view| view.title.clone())
    };
    let combo = ComboBox::from_id_salt(("compare view", name)).width(theme::CHOICE);
    let response = combo.selected_text(cut(ui, &title(side.view))).show_ui(ui, |ui| {
        for view in &state.views {
            if ui.selectable_label(side.view == Some(view.id), &view.title).clicked() {
                *side = SideChoice { view: Some(view.id), connection: None };
            }
        }
    });
    let said = format!("{name} recording: {}", title(side.view));
    response.response.widget_info(|| WidgetInfo::labeled(egui::Role::ComboBox, true, &said));
    let Some(view) = side.view.and_then(|id| state.view_of(id)) else { return };
    if view.session.connections().len() < 2 && side.connection.is_none() {
        return;
    }
    let text = |connection: Option<crate::wire::ConnectionId>| match connection {
        None => "all connections".to_owned(),
        Some(id) => {
            let label = view.session.connection(id).map_or("", |connection| &connection.info.label);
            format!("{} {label}", id.0)
        }
    };
    let combo = ComboBox::from_id_salt(("compare connection", name)).width(theme::CHOICE);
    let response = combo.selected_text(cut(ui, &text(side.connection))).show_ui(ui, |ui| {
        let ids = view.session.connections().iter().map(|connection| Some(connection.info.id));
        for id in [None].into_iter().chain(ids) {
            if ui.selectable_label(side.connection == id, text(id)).clicked() {
                side.connection = id;
            }
        }
    });
    let said = format!("{name} connection: {}", text(side.connection));
    response.response.widget_info(|| WidgetInfo::labeled(egui::Role::ComboBox, true, &said));
}

/// A name that a list to choose from has room for.
fn cut(ui: &Ui, name: &str) -> RichText {
    let font = egui::TextStyle::Button.resolve(ui.style());
    let room = theme::CHOICE - theme::CHOICE_ARROW;
    let fits = |text: &str| {
        let galley = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), theme::colors(ui).text);
        galley.size().x <= room
    };
    if fits(name) {
        return RichText::new(name);
    }
    let mut text: String = name.chars().take(LONGEST_NAME).collect();
    while !text.is_empty() && !fits(&format!("{text}…")) {
        text.pop();
    }
    RichText::new(format!("{text}…"))
}

/// Characters of a name that have room at most.
const LONGEST_NAME: usize = 40;

fn by_ui(ui: &mut Ui, form: &mut CompareForm) {
    let choices = [
        (By::Content, "content", "Messages that say the same find one another; what is left between them was changed"),
        (By::Number, "number", "The n-th of a direction is the n-th"),
        (By::Time, "time", "The nearest in time since the connection was opened, equal ones first"),
        (By::Key(String::new()), "key", "Those with the same value at a JSONPath"),
    ];
    let is_chosen = |by: &By| std::mem::discriminant(by) == std::mem::discriminant(&form.by);
    let name = choices.iter().find(|(by, ..)| is_chosen(by)).map_or("", |(_, name, _)| name);
    let combo = ComboBox::from_id_salt("compare by").width(theme::NUMBER).selected_text(name);
    let mut chosen = None;
    let response = combo.show_ui(ui, |ui| {
        for (by, name, help) in &choices {
            if ui.selectable_label(is_chosen(by), *name).on_hover_text(*help).clicked() {
                chosen = Some(by.clone());
            }
        }
    });
    response.response.widget_info(|| WidgetInfo::labeled(egui::Role::ComboBox, true, format!("Aligned by {name}")));
    if let Some(by) = chosen {
        form.by = by;
    }
    if matches!(form.by, By::Key(_)) {
        let edit = TextEdit::singleline(&mut form.key).desired_width(theme::NUMBER).font(theme::mono());
        let response = ui.add(edit).on_hover_text("The JSONPath of the key");
        response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Key"));
    }
}

fn counts_ui(ui: &mut Ui, state: &State, compared: &Compared, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.horizontal_wrapped(|ui| {
        let counts = compared.counts();
        if counts.is_equal() {
            ui.label(RichText::new("✔ Nothing differs.").color(colors.good));
        }
        let of = [
            (counts.equal, "equal", colors.weak),
            (counts.missing, "missing", colors.error),
            (counts.extra, "extra", colors.good),
            (counts.changed, "changed", colors.warning),
            (counts.reordered, "reordered", colors.info),
            (counts.late, "late", colors.warning),
            (counts.early, "early", colors.warning),
        ];
        for (count, word, color) in of.into_iter().filter(|(count, ..)| *count > 0) {
            ui.label(RichText::new(format!("{} {word}", words::count(count))).color(color));
        }
        let mut form = state.compare.form.clone();
        ui.add(Checkbox::new(&mut form.only_differences, "only differences"));
        if form != state.compare.form {
            out.push(Command::Compare(CompareCommand::Set(Box::new(form))));
        }
    });
    for text in &compared.remarks {
        ui.add(Label::new(RichText::new(text).font(theme::small()).color(colors.warning)).wrap());
    }
}

fn list_ui(ui: &mut Ui, state: &State, compared: &Compared, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let area = ui.available_rect_before_wrap();
    let head = Rect::from_min_size(area.min, vec2(area.width(), theme::ROW));
    ui.painter().rect_filled(head, 0.0, colors.bar);
    let columns = Columns::of(head.shrink2(vec2(theme::MARGIN, 0.0)));
    for (name, place) in compared.names.iter().zip(columns.sides) {
        elided(ui.painter(), place, name, theme::small(), colors.weak);
    }
    let body = Rect::from_min_max(pos2(area.left(), head.bottom()), area.max);
    let only = state.compare.form.only_differences;
    let rows = compared.len(only);
    if rows == 0 {
        let text = if only { "No message differs." } else { "There are no messages on either side." };
        let at = body.min + vec2(theme::MARGIN, theme::GROUP_GAP);
        ui.painter().text(at, Align2::LEFT_CENTER, text, theme::body(), colors.weak);
    }
    let mut scroll = look.sides_scroll;
    let until = Instant::now() + TELLING;
    rows_ui(ui, Id::unique("sides"), body, theme::ROW, rows, &mut scroll, |ui, at, rect| {
        let Some((row, items)) = compared.row(at, only) else { return };
        row_ui(ui, state, compared, (at, rect), &row, items, (look, until), out);
    });
    look.sides_scroll = scroll;
}

/// Where the parts of a row stand.
struct Columns {
    what: Rect,
    sides: [Rect; 2],
}

impl Columns {
    fn of(rect: Rect) -> Columns {
        let what = Rect::from_min_size(rect.min, vec2(theme::DIFFERENCE, rect.height()));
        let half = (rect.width() - theme::DIFFERENCE) / 2.0 - theme::MARGIN;
        let side = |left: f32| Rect::from_min_size(pos2(left, rect.top()), vec2(half.max(0.0), rect.height()));
        let left = what.right() + theme::MARGIN;
        Columns { what, sides: [side(left), side(left + half + theme::MARGIN)] }
    }
}

#[allow(clippy::too_many_arguments)] // What a row is made of.
fn row_ui(
    ui: &mut Ui,
    state: &State,
    compared: &Compared,
    (at, rect): (usize, Rect),
    row: &Row,
    items: [Option<Item>; 2],
    (look, until): (&mut Look, Instant),
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let columns = Columns::of(rect.shrink2(vec2(theme::MARGIN, 0.0)));
    let words = row.words();
    let color = match items {
        [Some(_), None] => colors.error,
        [None, Some(_)] => colors.good,
        _ if row.is_changed || row.late_ns.is_some() => colors.warning,
        _ if row.is_reordered => colors.info,
        _ => colors.weak,
    };
    let mut what = columns.what;
    // Both are there: what differs between them is one click away.
    if let (true, [Some(a), Some(b)]) = (row.is_changed, items) {
        let button = Rect::from_min_max(pos2(what.right() - theme::ROW, what.top() + 1.0), what.max - vec2(0.0, 1.0));
        what.max.x = button.left();
        let response = ui.put(button, Button::new("±").small());
        let (a, b) = (a.id as usize, b.id as usize);
        response.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, true, format!("Compare #{} with #{}", a + 1, b + 1))
        });
        if response.on_hover_text("Compare the two messages").clicked() {
            out.push(Command::Compare(CompareCommand::Row(a, b)));
        }
    }
    let late = row
        .late_ns
        .map_or_else(String::new, |ns| format!(" {}{}", if ns < 0 { "−" } else { "+" }, duration(ns.unsigned_abs())));
    elided(ui.painter(), what, &format!("{words}{late}"), theme::body(), color);
    let view_of = |side: usize, item: Option<Item>| {
        let view = compared.sides[side].view.and_then(|id| state.view_of(id))?;
        let id = item?.id as usize;
        (id < view.session.records().len()).then_some((view, id))
    };
    let mut summaries = [0, 1].map(|side| match view_of(side, items[side]) {
        Some((view, id)) => look.told(ui, view, id, until).to_owned(),
        None => String::new(),
    });
    if row.is_changed {
        summaries = apart(&summaries[0], &summaries[1]);
    }
    for (side, item) in items.into_iter().enumerate() {
        let place = columns.sides[side];
        let Some(item) = item else {
            ui.painter().text(place.left_center(), Align2::LEFT_CENTER, "–", theme::body(), colors.weak);
            continue;
        };
        let id = item.id as usize;
        let Some((view, _)) = view_of(side, Some(item)) else {
            let text = format!("#{} of a recording that was closed", id + 1);
            elided(ui.painter(), place, &text, theme::body(), colors.weak);
            continue;
        };
        let summary = &summaries[side];
        let response = ui.interact(place, Id::unique(("side", side, at)), Sense::click());
        let said = format!("{words} #{} {summary}", id + 1);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, &said));
        if response.hovered() {
            ui.painter().rect_filled(place, theme::ROUND as f32, colors.hover);
        }
        if response
            .on_hover_text(format!("#{}, {} since its connection was opened", id + 1, duration(item.at_ns)))
            .clicked()
        {
            out.push(Command::Compare(CompareCommand::Go(view.id, id)));
        }
        said_ui(ui, place, item, id, summary, colors.text);
    }
}

fn said_ui(ui: &Ui, place: Rect, item: Item, id: usize, summary: &str, color: Color32) {
    let colors = theme::colors(ui);
    let dir = if item.is_in { Dir::In } else { Dir::Out };
    let painter = ui.painter().with_clip_rect(place.intersect(ui.clip_rect()));
    let number = painter.text(
        place.left_center(),
        Align2::LEFT_CENTER,
        format!("#{}", words::count(id as u64 + 1)),
        theme::mono(),
        colors.weak,
    );
    let arrow = painter.text(
        pos2(number.right() + theme::UNIT, place.center().y),
        Align2::LEFT_CENTER,
        words::arrow(dir),
        theme::body(),
        colors.dir(dir),
    );
    let rest = Rect::from_min_max(pos2(arrow.right() + theme::UNIT, place.top()), place.max);
    elided(&painter, rest, summary, theme::mono(), color);
}
