//! A whole recording as a session, for those who need all of it at once.

use super::{FileError, Opened};
use crate::session::{Remark, Session, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of the file that are taken at a time.
const BATCH_BYTES: usize = 4 << 20;

/// A recording that was read to its end.
pub struct Loaded {
    /// All that could be read of it. Its older bytes stay in the file and are fetched from there.
    pub session: Session,
    /// What is to say of the file as a whole, in sentences.
    pub notices: Vec<String>,
    /// Stretches that could not be read.
    pub damage: Vec<FileError>,
    /// The user's remarks, in the order of their records; the session has them, too.
    pub remarks: Vec<Remark>,
}

/// Reads a recording. `progress` is told how many events were read of how many, and says whether to go on.
pub fn load(path: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Loaded, FileError> {
    let mut opened = Opened::open(path)?;
    let store = Store::archived(opened.archive()?, Arc::new(AtomicU64::new(u64::MAX)));
    let mut session = Session::new(store, opened.started_unix_ns());
    let (stored, about_remarks) = opened.remarks();
    session.expect_remarks(stored);
    let mut damage = Vec::new();
    loop {
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => break,
            Ok(entries) => {
                for entry in entries {
                    session.take(entry);
                }
            }
            Err(error) => damage.push(error),
        }
        let (done, total) = opened.progress();
        if !progress(done, total) {
            return Err(FileError::Stopped { path: path.to_owned() });
        }
    }
    session.place_remarks(true);
    let mut notices = opened.notices().to_vec();
    notices.extend(about_remarks);
    notices.extend(session.remarks().lost_notice());
    let remarks = session.remarks().iter().cloned().collect();
    Ok(Loaded { session, notices, damage, remarks })
}
