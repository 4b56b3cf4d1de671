//! `pushscope requests`.

use super::Failed;
use super::args::{Format, RequestsArgs};
use crate::app::requests::{NodeIs, list, name_of, usual_requests_folder};
use std::io::Write;

/// Lists the saved requests.
pub fn run(args: &RequestsArgs) -> Result<(), Failed> {
    let folder = usual_requests_folder().map_err(Failed::Run)?;
    let listing = list(&folder);
    let mut out = std::io::stdout().lock();
    let mut broken = Vec::new();
    let mut lines = Vec::new();
    for node in &listing.nodes {
        let name = name_of(&folder, &node.path);
        match &node.what {
            NodeIs::Folder => {}
            NodeIs::Broken(why) => broken.push(why.clone()),
            NodeIs::Request(push_type, address, notices) => {
                for notice in notices {
                    eprintln!("pushscope: {}, {notice}", node.path.display());
                }
                lines.push((name, push_type.name(), address.clone(), node.path.display().to_string()));
            }
        }
    }
    let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, push_type, address, path) in &lines {
        match args.format {
            Format::Table => writeln!(out, "@{name:<width$}  {push_type:<8}  {address}")?,
            Format::Jsonl => {
                let object = serde_json::json!({"name": name, "type": push_type, "address": address, "path": path});
                writeln!(out, "{object}")?;
            }
        }
    }
    if lines.is_empty() && broken.is_empty() {
        eprintln!("pushscope: no request is saved in {}", folder.display());
    }
    let trouble = listing.trouble.into_iter().chain(broken);
    let trouble: Vec<String> = trouble.collect();
    if trouble.is_empty() { Ok(()) } else { Err(Failed::Run(trouble.join("\npushscope: "))) }
}
