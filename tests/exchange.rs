//! Recordings that go out to other tools and come back: `export`, `import`, and what the tools make of it.

#[path = "cli/program.rs"]
mod program;
#[path = "cli/server.rs"]
mod server;

#[path = "exchange/commands.rs"]
mod commands;
#[path = "exchange/files.rs"]
mod files;
#[path = "exchange/lines.rs"]
mod lines;
#[path = "exchange/report.rs"]
mod report;

use program::pushscope;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a recording of what is asked for.
#[track_caller]
fn recorded(arguments: &[&str]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a recording.pushscope");
    record_into(&path, arguments);
    (folder, path)
}

#[track_caller]
fn record_into(path: &Path, arguments: &[&str]) {
    let ended = pushscope(&[&["record"], arguments, &["-q", "-o", text(path)]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What an export prints.
#[track_caller]
fn exported(path: &Path, arguments: &[&str]) -> String {
    let ended = pushscope(&[&["export", text(path)], arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.out
}
