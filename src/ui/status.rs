//! What must never be forgotten, and the totals.

use super::{theme, words};
use crate::app::{Command, Pane, Source, State};
use crate::dissect::Severity;
use crate::wire::Dir;
use egui::{ProgressBar, RichText, Ui};

/// Draws the status bar.
pub fn status_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GROUP_GAP;
        let say = |ui: &mut Ui, text: String, color| ui.label(RichText::new(text).font(theme::small()).color(color));
        for (at, job) in state.jobs.iter().enumerate() {
            progress_ui(ui, &job.what, job.fraction(), Command::StopJob(at), out);
        }
        let Some(view) = state.view() else {
            say(ui, "Nothing is recorded yet".into(), colors.weak);
            return;
        };
        let totals = view.totals();
        match &view.source {
            Source::Live(live) => match live.trouble() {
                Some(trouble) => {
                    say(ui, format!("✖ {trouble}"), colors.error);
                }
                None => {
                    let path = live.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
                    let is_open = live.open().next().is_some();
                    let (text, color) =
                        if is_open { ("● recording", colors.good) } else { ("○ saved", colors.weak) };
                    say(ui, text.into(), color).on_hover_text(path);
                }
            },
            Source::File(reading) => match (&reading.error, reading.is_reading()) {
                (Some(error), _) => {
                    say(ui, format!("✖ {error}"), colors.error);
                }
                (None, true) => {
                    let (done, total) = reading.progress;
                    let text = format!("reading {} of {} events", words::count(done), words::count(total));
                    progress_ui(ui, &text, Some(done as f32 / total.max(1) as f32), Command::StopReading, out);
                }
                (None, false) if reading.is_stopped => {
                    let (done, total) = reading.progress;
                    let text = format!("⚠ stopped: {} of {} events were read", words::count(done), words::count(total));
                    say(ui, text, colors.warning).on_hover_text("Close the recording and open it again to read it all");
                }
                (None, false) if reading.is_following() => {
                    say(ui, "● another program is recording this".into(), colors.good)
                        .on_hover_text("What it writes is read as it comes, until it ends the recording");
                }
                (None, false) => {
                    say(ui, "recording from a file".into(), colors.weak)
                        .on_hover_text(reading.path.display().to_string());
                }
            },
            Source::Still => {
                say(ui, "ended recording".into(), colors.weak);
            }
        }
        if let Some(moment) = view.moment() {
            let text = format!("▶ as of {} s", words::seconds(moment.at_ns));
            let later = words::counted((view.session.records().len() - moment.records) as u64, "later record");
            say(ui, text, colors.info).on_hover_text(format!("Everything is shown as it was then; {later} not shown"));
        }
        if totals.unverified_links > 0 {
            say(ui, "⚠ TLS not verified".into(), colors.warning).on_hover_text(format!(
                "{} accepted whatever certificate was shown: anybody in between could read and change this",
                words::counted(totals.unverified_links, "link")
            ));
        }
        if totals.stalls > 0 {
            say(ui, format!("⚠ {}", words::counted(totals.stalls, "stall")), colors.warning).on_hover_text(
                "The socket was left unread because the recording could not keep up; kind:stall finds them",
            );
        }
        let findings = view.findings_count(Severity::Warning);
        if findings > 0 {
            let is_bad = view.findings_count(Severity::Error) > 0;
            let color = if is_bad { colors.error } else { colors.warning };
            let text = RichText::new(format!("⚠ {}", words::counted(findings as u64, "finding")));
            let button = ui.add(egui::Button::new(text.font(theme::small()).color(color)).frame(false));
            if button.on_hover_text("What is wrong, what it means, and what to try").clicked() {
                out.push(Command::ShowPane(Pane::Findings));
            }
        }
        let [_, _, warnings, errors] = totals.notes;
        if errors > 0 {
            say(ui, format!("✖ {}", words::counted(errors, "error")), colors.error)
                .on_hover_text("n and p go through them");
        }
        if warnings > 0 {
            say(ui, format!("⚠ {}", words::counted(warnings, "warning")), colors.warning)
                .on_hover_text("n and p go through them");
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let [sent, received] = totals.bytes;
            let payload = totals.payload_bytes[0] + totals.payload_bytes[1];
            let share = (payload * 100).checked_div(sent + received).unwrap_or(0);
            let rate = words::rate(view.rate_shown());
            if !rate.is_empty() {
                say(ui, rate, colors.text);
            }
            // Compressed messages say more than the wire holds.
            let share =
                if share > 100 { format!("{}.{} ×", share / 100, share % 100 / 10) } else { format!("{share} %") };
            say(ui, format!("payload {share}"), colors.weak)
                .on_hover_text("Payload of messages in all bytes of the wire, what was compressed as it inflates");
            say(ui, format!("{} out {}", words::arrow(Dir::Out), words::bytes(sent)), colors.sent);
            say(ui, format!("{} in {}", words::arrow(Dir::In), words::bytes(received)), colors.received);
            let messages = totals.messages[0] + totals.messages[1];
            say(ui, words::counted(messages, "message"), colors.weak);
        });
    });
}

/// How far a piece of work is, and the button that stops it.
pub fn progress_ui(ui: &mut Ui, what: &str, fraction: Option<f32>, stop: Command, out: &mut Vec<Command>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = theme::MARGIN;
        ui.spacing_mut().interact_size.y = theme::PROGRESS;
        ui.label(RichText::new(what).font(theme::small()).color(theme::colors(ui).text));
        if let Some(fraction) = fraction {
            ui.add(
                ProgressBar::new(fraction)
                    .fill(theme::colors(ui).accent)
                    .desired_width(theme::BUTTON)
                    .desired_height(theme::PROGRESS),
            )
            .accessible_name(what);
        }
        let button = ui.small_button(RichText::new("Stop").font(theme::small()));
        if button.on_hover_text(stop.label()).clicked() {
            out.push(stop);
        }
    });
}
