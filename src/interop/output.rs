//! Files that are written whole or not at all.

use super::{InteropError, Report};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes a file under another name beside its place and puts it there once it is complete. A file that is there already
/// stays, unless `overwrites`.
pub fn write_file(
    to: &Path,
    overwrites: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<Report, InteropError>,
) -> Result<Report, InteropError> {
    let failed = |error: std::io::Error| InteropError::Output { path: to.to_owned(), why: why(&error) };
    if to.is_dir() {
        return Err(InteropError::Output { path: to.to_owned(), why: "this is a folder; name a file in it".into() });
    }
    if !overwrites && to.symlink_metadata().is_ok() {
        return Err(InteropError::Exists(to.to_owned()));
    }
    let part = part_of(to);
    let written = fill(&part, write).map_err(|error| match error {
        InteropError::Write(error) => failed(error),
        other => other,
    });
    let placed = written.and_then(|report| {
        if overwrites {
            std::fs::rename(&part, to).map_err(failed)?;
        } else {
            place(&part, to)?;
        }
        Ok(report)
    });
    if placed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    placed
}

fn fill(
    part: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<Report, InteropError>,
) -> Result<Report, InteropError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let file: File = options.open(part)?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let report = write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(report)
}

/// Gives the file its name, unless something has got that name meanwhile. File systems without links can't promise that.
fn place(part: &Path, to: &Path) -> Result<(), InteropError> {
    match std::fs::hard_link(part, to) {
        Ok(()) => {
            let _ = std::fs::remove_file(part);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(InteropError::Exists(to.to_owned())),
        Err(_) => {
            std::fs::rename(part, to).map_err(|error| InteropError::Output { path: to.to_owned(), why: why(&error) })
        }
    }
}

fn part_of(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "its folder is not there".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room on it, or name another one".to_owned(),
        ErrorKind::PermissionDenied => "no permission; choose a folder that can be written to".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(to: &Path, overwrites: bool, text: &str) -> Result<Report, InteropError> {
        write_file(to, overwrites, |out| {
            out.write_all(text.as_bytes())?;
            Ok(Report::default())
        })
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("a.html");
        write(&to, false, "first").unwrap();
        assert!(matches!(write(&to, false, "second"), Err(InteropError::Exists(_))));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "first");
        write(&to, true, "third").unwrap();
        let stopped = write_file(&to, true, |out| {
            out.write_all(b"a part")?;
            Err(InteropError::Stopped)
        });
        assert!(matches!(stopped, Err(InteropError::Stopped)));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "third");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = write(&folder.path().join("none/a.html"), false, "").unwrap_err();
        assert!(nowhere.to_string().ends_with("its folder is not there"), "{nowhere}");
        assert!(write(folder.path(), true, "").unwrap_err().to_string().contains("folder"));
    }
}
