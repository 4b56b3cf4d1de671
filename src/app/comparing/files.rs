//! Two sides read from their files, beside the window.

use super::{CompareForm, Compared};
use crate::app::Job;
use crate::session::compare::{Collector, Side, align};
use crate::session::file::Opened;
use crate::session::{Session, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file that are taken at a time.
const BATCH_BYTES: usize = 4 << 20;
/// Reading, then aligning: of so many parts the last two are aligning.
const PARTS: u64 = 10;

/// Reads two sides from their files and aligns them.
pub(super) fn compare_files(form: &CompareForm, files: [(PathBuf, String); 2], job: &Job) -> Result<Compared, String> {
    let (by, rules) = (form.by(), form.rules()?);
    let tolerance_ns = form.tolerance_ns()?;
    let mut remarks = Vec::new();
    let mut sides = Vec::new();
    for (part, ((path, name), choice)) in files.iter().zip(form.sides).enumerate() {
        let collector = Collector::new(form.scope(choice)?, rules.clone(), &by)?;
        let first = part as u64 * (PARTS / 2 - 1);
        let side = read_side(path, collector, &mut remarks, &mut |done, total| {
            let share = (PARTS / 2 - 1) * 1000 * done / total.max(1);
            job.report(first * 1000 + share, PARTS * 1000)
        })?;
        remarks.extend(side.reservations().into_iter().map(|text| format!("{name}: {text}")));
        sides.push(side);
    }
    let [a, b] = <[Side; 2]>::try_from(sides).map_err(|_| "a side is missing")?;
    let mut progress =
        |done: u64, total: u64| job.report((PARTS - 2) * 1000 + 2000 * done / total.max(1), PARTS * 1000);
    let aligned = align(&a, &b, &by, tolerance_ns, &mut progress).ok_or("it was stopped")?;
    let differing = (0..).zip(&aligned.rows).filter(|(_, row)| row.differs()).map(|(at, _)| at).collect();
    let names = files.map(|(_, name)| name);
    Ok(Compared { sides: form.sides, names, items: [a.items, b.items], aligned, differing, remarks, rules })
}

fn read_side(
    path: &Path,
    mut collector: Collector,
    remarks: &mut Vec<String>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Side, String> {
    let mut opened = Opened::open(path).map_err(|error| error.to_string())?;
    let archive = opened.archive().map_err(|error| error.to_string())?;
    let store = Store::archived(archive, Arc::new(u64::MAX.into()));
    let mut session = Session::new(store, opened.started_unix_ns());
    loop {
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => return Ok(collector.finish()),
            Ok(entries) => {
                let first = session.records().len();
                for entry in entries {
                    session.take(entry);
                }
                collector.take(&session, first..session.records().len());
                session.forget_told();
            }
            Err(error) => remarks.push(error.to_string()),
        }
        let (done, total) = opened.progress();
        if !progress(done, total) {
            return Err("it was stopped".to_owned());
        }
    }
}
