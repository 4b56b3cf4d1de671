//! Opening the real window.

use super::Window;
use crate::app::{App, Command, Setup};
use std::path::PathBuf;
use std::sync::Arc;

/// The window, as eframe runs it.
struct Native {
    window: Window,
}

impl eframe::App for Native {
    fn logic(&mut self, ctx: &egui::Context, _: &mut eframe::Frame) {
        self.window.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.window.take_dropped(&ctx);
        self.window.ui(ui);
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        self.window.app.shut_down();
    }
}

/// Opens the window, on an address or a recording where one is given, and runs until it is closed.
///
/// An error is one line for the terminal.
pub fn run(target: Option<String>) -> Result<(), String> {
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png"));
    let viewport = egui::ViewportBuilder::default()
        .with_title("Pushscope")
        .with_app_id("pushscope")
        .with_icon(icon.map_err(|error| format!("the icon cannot be read: {error}"))?)
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        Window::install(&creation.egui_ctx);
        let ctx = creation.egui_ctx.clone();
        let mut app = App::new(Setup::new(Arc::new(move || ctx.request_repaint())))?;
        if let Some(target) = target {
            app.apply(command_for(&target));
        }
        Ok(Box::new(Native { window: Window::new(app) }))
    });
    eframe::run_native("Pushscope", options, create).map_err(|error| {
        let error = error.to_string();
        // winit puts the place in its own source before the reason.
        let reason = error.rsplit_once(".rs:").map_or(error.as_str(), |(_, rest)| {
            rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == ':').trim()
        });
        format!(
            "the window cannot be opened: {}; without a display use `pushscope record URL`, `pushscope show FILE` or \
             `pushscope lab`",
            reason.trim_end_matches('.')
        )
    })
}

/// A file that is there, or that is named like a recording, is opened; all else is an address.
fn command_for(target: &str) -> Command {
    let path = PathBuf::from(target);
    let is_recording = path.extension().is_some_and(|extension| extension == "pushscope");
    let has_scheme = target.contains("://") || target.starts_with("lab:");
    if path.is_file() || (is_recording && !has_scheme) {
        Command::OpenPath(path)
    } else {
        Command::ConnectTo(target.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_an_address_or_a_recording() {
        assert_eq!(command_for("lab:ws"), Command::ConnectTo("lab:ws".into()));
        assert_eq!(
            command_for("wss://example.com/a.pushscope"),
            Command::ConnectTo("wss://example.com/a.pushscope".into())
        );
        assert_eq!(command_for("gone.pushscope"), Command::OpenPath("gone.pushscope".into()));
    }
}
