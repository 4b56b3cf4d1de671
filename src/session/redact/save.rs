//! A recording without its secrets: as a session for exports, and as a file.

use super::plan::Plan;
use super::rules::Rules;
use super::walk::PlanError;
use crate::session::file::{FileError, Opened, SessionWriter, load};
use crate::session::{Session, Store, StoredRemark};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of the file that are taken at a time.
const BATCH_BYTES: usize = 4 << 20;

/// A recording whose secrets were replaced.
pub struct Redacted {
    /// The recording: the same records, at the same places.
    pub session: Session,
    /// What was replaced.
    pub plan: Arc<Plan>,
    /// What is to say of the file as a whole, in sentences.
    pub notices: Vec<String>,
    /// Stretches of the file that could not be read.
    pub damage: Vec<FileError>,
}

/// Why a recording could not be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// The plan could not be made.
    #[error("{0}")]
    Plan(#[from] PlanError),
}

/// Reads a recording and replaces its secrets, in memory: the file stays as it is. `progress` is told how much is done of
/// how much, and says whether to go on.
pub fn load_redacted(
    path: &Path,
    rules: &Rules,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Redacted, RedactError> {
    let plan = plan_of(path, rules, progress)?;
    without_secrets(path, &plan, progress)
}

/// As [`load_redacted`], by a plan that was made for the file.
pub fn without_secrets(
    path: &Path,
    plan: &Arc<Plan>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Redacted, RedactError> {
    let mut opened = Opened::open(path)?;
    let archive = Plan::over(plan, opened.archive()?);
    let store = Store::archived(archive, Arc::new(AtomicU64::new(u64::MAX)));
    let mut session = Session::new(store, opened.started_unix_ns());
    session.expect_remarks(remarks_of(&opened, plan));
    let damage = each_entry(path, &mut opened, plan, progress, |entry| {
        session.take(entry);
        Ok(())
    })?;
    session.place_remarks(true);
    Ok(Redacted { session, plan: plan.clone(), notices: opened.notices().to_vec(), damage })
}

/// Writes a recording without its secrets into another file, which takes the place of what is there once it is whole. What
/// was replaced.
pub fn save_redacted(
    from: &Path,
    to: &Path,
    rules: &Rules,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Arc<Plan>, RedactError> {
    if to.canonicalize().is_ok_and(|to| from.canonicalize().is_ok_and(|from| from == to)) {
        return Err(FileError::Exists { path: to.to_owned() }.into());
    }
    if to.is_dir() {
        return Err(FileError::Folder { path: to.to_owned() }.into());
    }
    let plan = plan_of(from, rules, progress)?;
    let mut opened = Opened::open(from)?;
    let part = part_of(to);
    let _ = std::fs::remove_file(&part);
    let mut writer = SessionWriter::create(&part, opened.started_unix_ns())?;
    each_entry(from, &mut opened, &plan, progress, |entry| writer.put(entry))?;
    for (key, text) in opened.lines() {
        writer.set_meta(&key, &plan.text(&text))?;
    }
    remarks_of(&opened, &plan).into_iter().for_each(|stored| writer.put_remark(stored));
    writer.set_meta("redacted", &plan.summary())?;
    writer.finish()?;
    std::fs::rename(&part, to).map_err(|error| {
        let _ = std::fs::remove_file(&part);
        FileError::creating(to, &error)
    })?;
    Ok(plan)
}

/// The remarks of a file, their secrets replaced.
fn remarks_of(opened: &Opened, plan: &Plan) -> Vec<StoredRemark> {
    let mut all = opened.remarks().0;
    all.iter_mut().for_each(|stored| stored.remark.text = plan.text(&stored.remark.text));
    all
}

fn part_of(to: &Path) -> std::path::PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn plan_of(path: &Path, rules: &Rules, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Arc<Plan>, RedactError> {
    // Rules that cannot be used are told before anything is read.
    super::rules::Own::of(rules).map_err(PlanError::from)?;
    let loaded = load(path, progress)?;
    Ok(Arc::new(Plan::of(&loaded.session, rules, progress)?))
}

/// Each entry of a file that the plan covers, changed. Stretches that could not be read are handed back.
fn each_entry(
    path: &Path,
    opened: &mut Opened,
    plan: &Plan,
    progress: &mut dyn FnMut(u64, u64) -> bool,
    mut each: impl FnMut(crate::wire::Entry) -> Result<(), FileError>,
) -> Result<Vec<FileError>, FileError> {
    let (mut applying, mut damage) = (plan.applying(), Vec::new());
    loop {
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => return Ok(damage),
            Ok(entries) => {
                for entry in entries {
                    // What came after the plan was made has not been looked at.
                    let Some(entry) = applying.take(entry) else { return Ok(damage) };
                    each(entry)?;
                }
            }
            Err(error) => damage.push(error),
        }
        let (done, total) = opened.progress();
        if !progress(done, total) {
            return Err(FileError::Stopped { path: path.to_owned() });
        }
    }
}
