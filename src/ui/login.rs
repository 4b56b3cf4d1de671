//! A proxy or server asks who we are: user and password in place, and another try on the same page.

use super::theme;
use crate::app::{Command, Draft, State};
use egui::{Button, RichText, TextEdit, Ui};

/// Draws the question, where there is one.
pub fn login_ui(ui: &mut Ui, state: &State, draft: &mut Draft, out: &mut Vec<Command>) {
    let Some(question) = state.login_question() else { return };
    let challenge = &question.challenge;
    let colors = theme::colors(ui);
    let whose = if challenge.by_proxy { "The proxy" } else { "The server" };
    let realm = if challenge.realm.is_empty() { String::new() } else { format!(" for “{}”", challenge.realm) };
    let schemes = challenge.schemes.join(", ");
    egui::Frame::new().fill(colors.ground).corner_radius(theme::ROUND).inner_margin(theme::MARGIN).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let asks = match challenge.refused {
            true => format!("{whose} {} refused this user or password{realm} ({schemes})", challenge.who),
            false => format!("{whose} {} asks who you are{realm} ({schemes})", challenge.who),
        };
        ui.label(RichText::new(asks).color(colors.strong));
        if !challenge.can_be_answered {
            let text = "Basic and Digest are spoken here. A helper on this machine that logs in for you (cntlm, px) would do, or another rule at the proxy.";
            ui.label(RichText::new(text).color(colors.text));
            return;
        }
        let (user, password) = match challenge.by_proxy {
            true => (&mut draft.proxy_user, &mut draft.proxy_password),
            false => (&mut draft.user, &mut draft.password),
        };
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("User name");
            let name = ui.add(TextEdit::singleline(user).desired_width(160.0)).labelled_by(label.id);
            let label = ui.label("Its password");
            let edit = TextEdit::singleline(password).password(true).desired_width(160.0);
            let secret = ui.add(edit).labelled_by(label.id);
            let entered = (name.lost_focus() || secret.lost_focus()) && ui.input(|i| i.key_pressed(egui::Key::Enter));
            let can = !user.trim().is_empty();
            let color = if can { colors.on_accent } else { colors.weak };
            let fill = if can { colors.accent } else { colors.raised };
            let button = Button::new(RichText::new("Log in").color(color)).fill(fill);
            if ui.add_enabled(can, button).clicked() || (entered && can) {
                out.push(Command::LogIn(false));
            }
            let keep = ui.add_enabled(can, Button::new("Log in and keep"));
            if keep.on_hover_text("Puts the password into the system's keyring, and nowhere else").clicked() {
                out.push(Command::LogIn(true));
            }
            let fetch = ui.button("From the keyring");
            if fetch.on_hover_text(Command::FetchLogin.label()).clicked() {
                out.push(Command::FetchLogin);
            }
        });
    });
}
