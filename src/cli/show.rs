//! `pushscope show`.

use super::Failed;
use super::args::ShowArgs;
use super::output::Output;
use crate::session::file::Opened;
use crate::session::findings::Findings;
use crate::session::{Session, Store};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of the file that are taken at a time.
const BATCH_BYTES: usize = 4 << 20;

/// Prints the records of a recording, or what they say about why a connection does not work.
pub fn run(args: ShowArgs) -> Result<(), Failed> {
    if args.secrets {
        return super::secrets::run(&args.file, &args.rules, args.out.format);
    }
    if !args.rules.is_empty() {
        let why = "--redact, --redact-header and --keep say what counts as a secret: they need --secrets";
        return Err(Failed::Usage(why.to_owned()));
    }
    if args.check {
        return super::check::run(&args.file, args.out.format);
    }
    let mut output = Output::new(&args.out, false).map_err(Failed::Usage)?;
    let failed = |error: crate::session::file::FileError| Failed::Run(error.to_string());
    let passing = super::export::pass_through(&args.file)?;
    let mut opened = Opened::open(&passing.path).map_err(failed)?;
    for notice in opened.notices() {
        eprintln!("pushscope: {}: {notice}", args.file.display());
    }
    let store = Store::archived(opened.archive().map_err(failed)?, Arc::new(AtomicU64::new(u64::MAX)));
    let mut session = Session::new(store, opened.started_unix_ns());
    let (remarks, about_remarks) = opened.remarks();
    session.expect_remarks(remarks);
    for notice in about_remarks {
        eprintln!("pushscope: {}: {notice}", args.file.display());
    }
    let mut findings = args.findings.then(Findings::default);
    let mut damage = None;
    loop {
        let batch = opened.next_batch(BATCH_BYTES);
        let entries = match batch {
            Ok(entries) if entries.is_empty() => break,
            Ok(entries) => entries,
            // Damage: what lies behind it is read on, and the exit code tells.
            Err(error) => {
                if let Some(before) = damage.replace(error) {
                    eprintln!("pushscope: {before}");
                }
                continue;
            }
        };
        let first = session.records().len();
        for entry in entries {
            session.take(entry);
        }
        session.place_remarks(false);
        match &mut findings {
            Some(findings) => findings.look_all(&session),
            None => output.print(&session, first..session.records().len())?,
        }
        session.forget_told();
    }
    session.place_remarks(true);
    if let Some(notice) = session.remarks().lost_notice() {
        eprintln!("pushscope: {}: {notice}", args.file.display());
    }
    match findings {
        Some(findings) => super::findings::print(findings.list(), args.out.format)?,
        None => output.flush()?,
    }
    if damage.is_none() && session.records().is_empty() {
        eprintln!("pushscope: {}: the recording has no events", args.file.display());
    }
    damage.map_or(Ok(()), |error| Err(failed(error)))
}
