//! `pushscope show --secrets`: what a redacted copy would lack.

use super::Failed;
use super::args::{Format, RuleArgs};
use crate::session::file::load;
use crate::session::redact::{Group, Plan};
use std::io::Write;
use std::path::Path;

/// Prints the secrets of a recording, without giving them away, and their count.
pub fn run(file: &Path, rules: &RuleArgs, format: Format) -> Result<(), Failed> {
    let rules = rules.rules().map_err(|error| Failed::Usage(error.to_string()))?;
    let loaded = load(file, &mut |_, _| true).map_err(|error| Failed::Run(error.to_string()))?;
    for notice in &loaded.notices {
        eprintln!("pushscope: {}: {notice}", file.display());
    }
    let plan = Plan::of(&loaded.session, &rules, &mut |_, _| true).map_err(|error| Failed::Run(error.to_string()))?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if matches!(format, Format::Table) && !plan.found().is_empty() {
        writeln!(out, "{:>8}  {:<11}  {:>7}  {:<10}  where", "record", "rules", "bytes", "secret")?;
    }
    for found in plan.found() {
        let (group, preview, place) = (found.group.name(), plan.preview(found), plan.place(found));
        match format {
            Format::Table => {
                let record = found.record.map_or_else(|| "-".to_owned(), |record| (record + 1).to_string());
                writeln!(out, "{record:>8}  {group:<11}  {:>7}  {preview:<10}  {}", found.len, one_line(place))?;
            }
            Format::Jsonl => {
                let line = serde_json::json!({
                    "n": found.record.map(|record| record + 1), "rules": group, "where": place, "wire": found.wire, "len": found.len,
                    "preview": preview,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()?;
    eprintln!("pushscope: {}", counted(&plan));
    plan.remarks().iter().for_each(|remark| eprintln!("pushscope: {remark}"));
    match loaded.damage.into_iter().next_back() {
        Some(error) => Err(Failed::Run(error.to_string())),
        None => Ok(()),
    }
}

/// What would go, in one line.
fn counted(plan: &Plan) -> String {
    let total = plan.total().found;
    if total == 0 {
        return "no secrets were found".to_owned();
    }
    let parts = Group::ALL.iter().filter(|group| plan.count(**group).found > 0);
    let parts: Vec<String> = parts.map(|group| format!("{} {}", plan.count(*group).found, group.name())).collect();
    format!("{total} {} would be replaced: {}", if total == 1 { "secret" } else { "secrets" }, parts.join(", "))
}

/// Names come from the other end: no character of them moves a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).take(80).collect()
}
