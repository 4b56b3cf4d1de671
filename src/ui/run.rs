//! Opening the real window.

use super::Window;
use crate::app::{App, Command, Setup};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a minimal Debian needs for a window, as README.md has it.
const PACKAGES: &str = "libx11-6 libxcursor1 libxi6 libx11-xcb1 libxkbcommon-x11-0 libgl1";

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

/// Opens the window, on the addresses and recordings that are given, and runs until it is closed.
///
/// An error is one line for the terminal.
pub fn run(targets: &[String]) -> Result<(), String> {
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png"));
    let viewport = egui::ViewportBuilder::default()
        .with_title("Pushscope")
        .with_app_id("pushscope")
        .with_icon(icon.map_err(|error| format!("the icon cannot be read: {error}"))?)
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = is_open.clone();
    let commands: Vec<Command> = targets.iter().map(|target| command_for(target)).collect();
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        opened.store(true, Ordering::Relaxed);
        Window::install(&creation.egui_ctx);
        let ctx = creation.egui_ctx.clone();
        let mut app = App::new(Setup::new(Arc::new(move || ctx.request_repaint())))?;
        commands.into_iter().for_each(|command| app.apply(command));
        Ok(Box::new(Native { window: Window::new(app) }))
    });
    let ran = without_panic(is_open, || eframe::run_native("Pushscope", options, create))?;
    ran.map_err(|error| {
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

/// Runs what opens the window. Until it is open a panic is an error of one line: winit panics where a library of the
/// desktop cannot be loaded. Later ones are faults of this program, told with their place as always.
fn without_panic<T>(is_open: Arc<AtomicBool>, run: impl FnOnce() -> T) -> Result<T, String> {
    let reason = Arc::new(Mutex::new(String::new()));
    let (told, main) = (reason.clone(), std::thread::current().id());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if is_open.load(Ordering::Relaxed) || std::thread::current().id() != main {
            return before(info);
        }
        let text = info.payload_as_str().unwrap_or("the desktop's libraries cannot be used");
        if let Ok(mut reason) = told.lock() {
            *reason = text.to_owned();
        }
    }));
    std::panic::catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        let reason = reason.lock().map(|reason| reason.clone()).unwrap_or_default();
        match reason.trim_end_matches('.') {
            "" => "the window ended by a fault of this program, told above; the recording holds what came".to_owned(),
            reason => {
                format!("the window cannot be opened: {reason}; on Debian or Ubuntu: apt install {PACKAGES}")
            }
        }
    })
}

/// A file that is there, or that is named like a recording, is opened; all else is an address.
fn command_for(target: &str) -> Command {
    if crate::app::is_file(target) {
        Command::OpenPath(PathBuf::from(target))
    } else {
        Command::ConnectTo(target.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_one_line_with_the_packages() {
        let is_open = Arc::new(AtomicBool::new(false));
        let said = without_panic(is_open, || -> () { panic!("Library libxkbcommon-x11.so could not be loaded.") });
        let said = said.unwrap_err();
        assert!(said.contains("libxkbcommon-x11.so could not be loaded; on Debian"), "{said}");
        assert!(said.contains("libxkbcommon-x11-0") && !said.contains('\n'));
        let readme = include_str!("../../README.md");
        assert!(readme.contains(PACKAGES), "README.md names other packages");
    }

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
