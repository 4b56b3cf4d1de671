//! A file of another form on its way in: read into a session file, from where all goes on as with any recording.

use super::detect::unknown;
use super::{Found, Importable, InteropError, Progress, Report, detect};
use crate::session::file::{SessionWriter, new_recording_path};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A recording that came from a file of another form.
#[derive(Debug)]
pub struct Imported {
    /// The session file.
    pub path: PathBuf,
    /// What was read, and what was not.
    pub report: Report,
}

/// Reads a file of a format into the session file `to`, which is not there yet.
pub fn import(from: &Path, format: Importable, to: &Path, progress: Progress) -> Result<Report, InteropError> {
    // The importer sets the time of the beginning where its format tells it.
    let mut writer = SessionWriter::create(to, 0)?;
    let report = format.read(from, &mut writer, progress)?;
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    writer.set_meta("imported_from", &format!("{name} ({})", format.label()))?;
    writer.finish()?;
    Ok(report)
}

/// As [`import`], into a new file of a folder that is named after the time and the file.
pub fn import_into_folder(
    from: &Path,
    format: Importable,
    folder: &Path,
    progress: Progress,
) -> Result<Imported, InteropError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let label = from.file_stem().unwrap_or_default().to_string_lossy();
    let path = new_recording_path(folder, &label, now);
    import(from, format, &path, progress).map(|report| Imported { path, report })
}

/// A session file to read from: the given file itself, or one that it was imported into for the time being.
#[derive(Debug)]
pub struct Passing {
    /// The session file.
    pub path: PathBuf,
    /// What was read of an import, and what was not.
    pub report: Option<Report>,
    /// A folder that goes with this.
    folder: Option<PathBuf>,
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A file of any form as a session file. An import lies in a folder that only the user can look into, and goes when the
/// result does.
pub fn pass_through(from: &Path, progress: Progress) -> Result<Passing, InteropError> {
    let format = match detect(from) {
        Found::Session => return Ok(Passing { path: from.to_owned(), report: None, folder: None }),
        Found::Import(format) => format,
        Found::Script => {
            let text = format!("{}: this is a script, not a recording", from.display());
            return Err(InteropError::Input(text));
        }
        Found::Unknown(begins) => return Err(unknown(from, &begins)),
    };
    let folder = private_folder()?;
    let mut passing = Passing { path: folder.join("import.pushscope"), report: None, folder: Some(folder) };
    passing.report = Some(import(from, format, &passing.path, progress)?);
    Ok(passing)
}

/// A new folder of our own among the temporary ones.
fn private_folder() -> Result<PathBuf, InteropError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut tries = 0;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("pushscope-{}-{number}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tries < 1000 => tries += 1,
            Err(error) => return Err(InteropError::Output { path: folder, why: error.to_string() }),
        }
    }
}
