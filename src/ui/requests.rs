//! Saved requests in the list at the left, and the environment beside the address.

use super::sidebar::{Item, item_ui, section_ui};
use super::{keys, theme};
use crate::app::requests::{Environment, Node, NodeIs, variables_of};
use crate::app::{Command, RequestCommand, State};
use egui::{ComboBox, Id, Response, RichText, Ui};

/// Draws the tree of requests.
pub fn requests_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    if !section_ui(ui, "REQUESTS") {
        return;
    }
    let listing = &state.requests.listing;
    let small = |text: String, color| RichText::new(text).font(theme::small()).color(color);
    if let Some(trouble) = state.requests.folder.as_ref().err().or(listing.trouble.as_ref()) {
        ui.label(small(trouble.clone(), colors.error));
    }
    if listing.nodes.is_empty() {
        let keys = Command::Request(RequestCommand::Save).shortcut().and_then(keys::shortcut);
        let keys = keys.map_or_else(String::new, |keys| keys::name(ui.ctx(), &keys));
        ui.label(small(format!("{keys} saves the address here"), colors.weak));
    }
    // Folders that are folded hide what lies in them. There may be thousands: only what is in sight is drawn.
    let (mut folded, mut unseen) = (None, 0);
    for node in &listing.nodes {
        if folded.is_some_and(|depth| node.depth > depth) {
            continue;
        }
        let is_folder = node.what == NodeIs::Folder;
        folded = (is_folder && is_folded(ui, node)).then_some(node.depth);
        let top = ui.cursor().top() + unseen as f32 * (theme::ROW + ui.spacing().item_spacing.y);
        let place = egui::Rect::from_x_y_ranges(ui.max_rect().x_range(), top..=top + theme::ROW);
        if !ui.is_rect_visible(place) {
            unseen += 1;
            continue;
        }
        space_ui(ui, std::mem::take(&mut unseen));
        match is_folder {
            true => folder_ui(ui, node, out),
            false => request_ui(ui, state, node, out),
        }
    }
    space_ui(ui, unseen);
}

/// Room for so many rows that are not in sight.
fn space_ui(ui: &mut Ui, rows: usize) {
    if rows > 0 {
        let gap = ui.spacing().item_spacing.y;
        ui.allocate_space(egui::vec2(0.0, rows as f32 * (theme::ROW + gap) - gap));
    }
}

fn fold_id(node: &Node) -> Id {
    Id::unique(("requests folder", &node.path))
}

fn is_folded(ui: &Ui, node: &Node) -> bool {
    ui.data(|data| data.get_temp(fold_id(node))).unwrap_or(false)
}

/// A folder, which a click folds.
fn folder_ui(ui: &mut Ui, node: &Node, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let is_folded = is_folded(ui, node);
    let item = Item {
        depth: node.depth,
        mark: if is_folded { "▸" } else { "▾" },
        mark_color: colors.weak,
        text: &node.name,
        right: String::new(),
        is_selected: false,
        name: format!("folder of requests {}", node.name),
        hover: node.path.display().to_string(),
    };
    let response = item_ui(ui, &item);
    if response.clicked() {
        ui.data_mut(|data| data.insert_temp(fold_id(node), !is_folded));
    }
    menu_ui(&response, node, false, out);
}

fn request_ui(ui: &mut Ui, state: &State, node: &Node, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let is_open = state.requests.open.as_ref().is_some_and(|open| open.path == node.path);
    let is_changed = if is_open { state.is_request_changed() } else { state.requests.unsaved.contains_key(&node.path) };
    let (mark, mark_color, says) = match &node.what {
        NodeIs::Broken(why) => ("✖", colors.error, why.clone()),
        NodeIs::Request(push_type, address, notices) => {
            let notes = notices.iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>().join("\n");
            let says = format!("{} {address}\n{}", push_type.label(), node.path.display());
            match notices.is_empty() {
                true => ("◇", colors.weak, says),
                false => ("⚠", colors.warning, format!("{says}\n{notes}")),
            }
        }
        NodeIs::Folder => return,
    };
    let item = Item {
        depth: node.depth,
        mark,
        mark_color,
        text: &node.name,
        right: if is_changed { "changed".to_owned() } else { String::new() },
        is_selected: is_open,
        name: format!(
            "request {}{}",
            state.requests.name_of(&node.path),
            if is_changed { ", changed since it was saved" } else { "" }
        ),
        hover: says,
    };
    let response = item_ui(ui, &item);
    if response.clicked() {
        out.push(Command::Request(RequestCommand::Open(node.path.clone())));
    }
    menu_ui(&response, node, is_open && is_changed, out);
}

fn menu_ui(response: &Response, node: &Node, is_changed: bool, out: &mut Vec<Command>) {
    response.context_menu(|ui| {
        let mut entry = |ui: &mut Ui, text: &str, command: Command| {
            if ui.button(text).clicked() {
                out.push(command);
                ui.close();
            }
        };
        let path = || node.path.clone();
        if is_changed {
            entry(ui, "Save", Command::Request(RequestCommand::Save));
            entry(ui, "Put back as it is saved", Command::Request(RequestCommand::Revert));
        }
        entry(ui, "Rename or move…", Command::Request(RequestCommand::Rename(Some(path()))));
        entry(ui, "Delete", Command::Request(RequestCommand::Delete(Some(path()))));
        let within = match node.what {
            NodeIs::Folder => Some(node.path.as_path()),
            _ => node.path.parent().filter(|_| node.depth > 0),
        };
        entry(ui, "New folder…", Command::Request(RequestCommand::NewFolder(within.map(Into::into))));
        entry(ui, "Copy the path", Command::CopyText(node.path.display().to_string()));
    });
}

/// Draws the choice of an environment, where there is any.
pub fn environment_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let requests = &state.requests;
    if requests.listing.environments.is_empty() {
        return;
    }
    let colors = theme::colors(ui);
    let chosen = requests.environment.as_deref();
    let text = match (chosen, requests.chosen()) {
        (None, _) => RichText::new("No environment").color(colors.weak),
        (Some(name), Some(Environment { variables: Ok(_), .. })) => RichText::new(name),
        (Some(name), _) => RichText::new(format!("✖ {name}")).color(colors.error),
    };
    let response = ui.name_inputs("Environment", |ui| {
        let shown = ComboBox::from_id_salt("environment").selected_text(text).width(theme::ENVIRONMENT);
        shown.show_ui(ui, |ui| {
            let names = requests.listing.environments.iter().map(|environment| Some(environment.name.clone()));
            for name in std::iter::once(None).chain(names) {
                let command = RequestCommand::SetEnvironment(name.clone());
                let label = name.as_deref().unwrap_or("No environment");
                if ui.selectable_label(chosen == name.as_deref(), label).clicked() {
                    out.push(Command::Request(command));
                }
            }
        })
    });
    response.response.on_hover_ui(|ui| {
        ui.set_max_width(theme::TOOLTIP);
        match requests.chosen() {
            None => _ = ui.label("Its values take the place of {{names}} in the address, headers and body"),
            Some(Environment { variables: Err(why), .. }) => _ = ui.label(why),
            Some(Environment { variables: Ok(variables), .. }) => {
                let names: Vec<String> = variables.names().map(str::to_owned).collect();
                values_ui(ui, state, &names);
            }
        }
    });
}

/// What variables stand for, one a line; secrets are not shown.
fn values_ui(ui: &mut Ui, state: &State, names: &[String]) {
    let colors = theme::colors(ui);
    let variables = state.requests.variables();
    egui::Grid::new("values").num_columns(2).spacing([theme::GROUP_GAP, theme::GAP]).show(ui, |ui| {
        for name in names {
            ui.label(RichText::new(name).font(theme::mono()).color(colors.name));
            ui.label(RichText::new(variables.shown(name)).font(theme::mono()).color(colors.text));
            ui.end_row();
        }
    });
}

/// Says what the variables in a text stand for, where the pointer rests on it.
pub fn hover_ui(response: Response, state: &State, text: &str) -> Response {
    let mut names = if text.contains("{{") { variables_of(text) } else { Vec::new() };
    names.dedup();
    if names.is_empty() {
        return response;
    }
    response.on_hover_ui(|ui| {
        ui.set_max_width(theme::TOOLTIP);
        values_ui(ui, state, &names);
    })
}
