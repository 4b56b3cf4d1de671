//! `pushscope compare`: a check. Exit code 0 where nothing differs, 1 where something does, 2 where it cannot be told.

use super::Failed;
use super::args::{CompareArgs, Format};
use crate::session::compare::{
    Aligned, By, Change, Collector, Counts, Difference, Pair, Row, Rules, Scope, Side, align, collect, compare,
    read_all,
};
use crate::session::file::load;
use crate::session::filter::Filter;
use crate::session::{Record, RecordId, Session};
use crate::wire::{ConnectionId, Dir};
use serde_json::{Value as Json, json};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Rows that are told at a time, and bytes of messages that are compared.
const STRETCH: usize = 512;
const STRETCH_BYTES: u64 = 32 << 20;

/// What is told of two that differ where they are too long to be looked at.
const FAR_BEHIND: &str = "the same for 16 MiB, and something else behind that";

/// A recording, and what is compared of it.
struct Read {
    session: Session,
    side: Side,
    is_damaged: bool,
}

/// Compares two recordings and prints what differs.
pub fn run(args: CompareArgs) -> Result<(), Failed> {
    let by = By::named(&args.by).map_err(Failed::Usage)?;
    let rules = Rules::new(args.ignore.iter().map(String::as_str)).map_err(Failed::Usage)?;
    let filter = match args.filter.trim() {
        "" => None,
        text => Some(Filter::parse(text).map_err(|error| {
            Failed::Usage(format!("the filter cannot be read at character {}: {}", error.at + 1, error.text))
        })?),
    };
    let scope = |connection: Option<u32>| Scope { connection: connection.map(ConnectionId), filter: filter.clone() };
    let a = read_side(&args.a, scope(args.connection), &rules, &by)?;
    let b = read_side(&args.b, scope(args.with.or(args.connection)), &rules, &by)?;
    let tolerance_ns = args.tolerance.map(|tolerance| tolerance.as_nanos().min(u128::from(u64::MAX)) as u64);
    // Nobody stops it but the process.
    let Some(aligned) = align(&a.side, &b.side, &by, tolerance_ns, &mut |_, _| true) else { return Ok(()) };
    let mut printer = Printer { a: &a, b: &b, rules: &rules, out: BufWriter::new(std::io::stdout().lock()) };
    match args.format {
        Format::Table => printer.table(&aligned, args.all)?,
        Format::Jsonl => printer.lines(&aligned, args.all)?,
    }
    printer.out.flush()?;
    for (read, path) in [(&a, &args.a), (&b, &args.b)] {
        for text in read.side.reservations() {
            eprintln!("pushscope: {}: {text}", path.display());
        }
    }
    match aligned.counts.is_equal() {
        false => Err(Failed::Different),
        true if a.is_damaged || b.is_damaged => {
            Err(Failed::Usage("what could be read is equal, and some of it could not".to_owned()))
        }
        true => Ok(()),
    }
}

/// Reads what is compared of a file.
fn read_side(path: &Path, scope: Scope, rules: &Rules, by: &By) -> Result<Read, Failed> {
    // Exit code 1 would say that something differs.
    let loaded = load(path, &mut |_, _| true).map_err(|error| Failed::Usage(error.to_string()))?;
    for notice in &loaded.notices {
        eprintln!("pushscope: {}: {notice}", path.display());
    }
    for error in &loaded.damage {
        eprintln!("pushscope: {error}");
    }
    if let Some(connection) = scope.connection
        && loaded.session.connection(connection).is_none()
    {
        let numbers: Vec<String> = loaded.session.connections().iter().map(|it| it.info.id.0.to_string()).collect();
        let has = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
        let path = path.display();
        return Err(Failed::Usage(format!("{path} has no connection {}; its connections: {has}", connection.0)));
    }
    let collector = Collector::new(scope, rules.clone(), by).map_err(Failed::Usage)?;
    let side = collect(&loaded.session, collector, &mut |_, _| true).unwrap_or_default();
    Ok(Read { session: loaded.session, side, is_damaged: !loaded.damage.is_empty() })
}

struct Printer<'r, W> {
    a: &'r Read,
    b: &'r Read,
    rules: &'r Rules,
    out: W,
}

/// A row, and what is told of it.
struct Told<'r> {
    row: &'r Row,
    /// The records of either side.
    ids: [Option<RecordId>; 2],
    at_ns: u64,
    record: Record,
    /// How the two differ, where they do, else what the one says.
    says: Result<Difference, String>,
}

impl<W: Write> Printer<'_, W> {
    fn table(&mut self, aligned: &Aligned, all: bool) -> std::io::Result<()> {
        let mut wrote_header = false;
        self.each(aligned, all, |out, told| {
            if !std::mem::replace(&mut wrote_header, true) {
                writeln!(out, "{:<20} {:>7} {:>7} {:>12}   {:<14} summary", "what", "A #", "B #", "time", "kind")?;
            }
            let number = |id: Option<RecordId>| id.map_or_else(|| "–".to_owned(), |id| (id + 1).to_string());
            let late = told.row.late_ns.map_or_else(String::new, |ns| format!("  {:+.3} s", ns as f64 / 1e9));
            let arrow = if told.record.dir == Dir::Out { '↑' } else { '↓' };
            let says = match &told.says {
                Ok(Difference::Equal) => &FAR_BEHIND.to_owned(),
                Ok(difference) => &difference.line(),
                Err(summary) => summary,
            };
            writeln!(
                out,
                "{:<20} {:>7} {:>7} {:>12.6} {arrow} {:<14} {says}{late}",
                told.row.words(),
                number(told.ids[0]),
                number(told.ids[1]),
                told.at_ns as f64 / 1e9,
                told.record.kind.name(),
            )
        })?;
        writeln!(self.out, "{}", aligned.counts.words())
    }

    fn lines(&mut self, aligned: &Aligned, all: bool) -> std::io::Result<()> {
        self.each(aligned, all, |out, told| {
            let mut object = json!({"what": told.row.words().split(", ").collect::<Vec<_>>()});
            for (key, id) in ["a", "b"].into_iter().zip(told.ids) {
                object[key] = id.map_or(Json::Null, |id| (id + 1).into());
            }
            object["at_ns"] = told.at_ns.into();
            (object["dir"], object["kind"]) = (told.record.dir.name().into(), told.record.kind.name().into());
            if let Some(late_ns) = told.row.late_ns {
                object["late_ns"] = late_ns.into();
            }
            match &told.says {
                Ok(Difference::Json(diff)) => {
                    object["changes"] = diff.changes.iter().map(change_object).collect();
                    if diff.left_out > 0 {
                        object["left_out"] = diff.left_out.into();
                    }
                }
                Ok(Difference::Equal) => object["difference"] = FAR_BEHIND.into(),
                Ok(difference) => object["difference"] = difference.line().into(),
                Err(summary) => object["summary"] = summary.as_str().into(),
            }
            writeln!(out, "{object}")
        })?;
        let Counts { equal, missing, extra, changed, reordered, late, early } = aligned.counts;
        let object = json!({"counts": {"equal": equal, "missing": missing, "extra": extra, "changed": changed,
            "reordered": reordered, "late": late, "early": early}, "is_equal": aligned.counts.is_equal()});
        writeln!(self.out, "{object}")
    }

    /// Tells each row, a stretch of them in one pass over their bytes.
    fn each(
        &mut self,
        aligned: &Aligned,
        all: bool,
        mut tell: impl FnMut(&mut W, Told) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut rows = aligned.rows.iter().filter(|row| all || row.differs()).peekable();
        while rows.peek().is_some() {
            let (mut stretch, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next_if(|_| stretch.len() < STRETCH && bytes < STRETCH_BYTES) {
                let ids = self.ids(row);
                let sizes =
                    [self.a, self.b].into_iter().zip(ids).filter_map(|(read, id)| read.session.records().get(id?));
                bytes += if row.is_changed { sizes.map(|record| record.payload_len.max(record.len)).sum() } else { 0 };
                stretch.push((row, ids));
            }
            for told in self.told(&stretch) {
                tell(&mut self.out, told)?;
            }
        }
        Ok(())
    }

    fn told<'s>(&self, stretch: &[(&'s Row, [Option<RecordId>; 2])]) -> Vec<Told<'s>> {
        let of = |side: usize, is_changed: bool| -> Vec<RecordId> {
            // Of two that are equal the first side's is shown.
            let is_shown = |ids: &[Option<RecordId>; 2]| is_changed || side == 0 || ids[0].is_none();
            let rows = stretch.iter().filter(|(row, ids)| row.is_changed == is_changed && is_shown(ids));
            rows.filter_map(|(_, ids)| ids[side]).collect()
        };
        let sessions = [&self.a.session, &self.b.session];
        let mut summaries = [0, 1].map(|side| sessions[side].summaries(&of(side, false)).into_iter());
        let mut messages = [0, 1].map(|side| read_all(sessions[side], &of(side, true)).into_iter());
        let told = stretch.iter().filter_map(|(row, ids)| {
            let (read, id, at_ns) = self.shown(row);
            let record = *read.session.records().get(id)?;
            let says = match row.is_changed {
                true => Ok(compare(messages[0].next()?, messages[1].next()?, self.rules, false)),
                false => Err(summaries[usize::from(ids[0].is_none())].next()?),
            };
            Some(Told { row, ids: *ids, at_ns, record, says })
        });
        told.collect()
    }

    fn ids(&self, row: &Row) -> [Option<RecordId>; 2] {
        let id = |read: &Read, at: u32| read.side.items.get(at as usize).map(|item| item.id as usize);
        match row.pair {
            Pair::Missing(a) => [id(self.a, a), None],
            Pair::Extra(b) => [None, id(self.b, b)],
            Pair::Both(a, b) => [id(self.a, a), id(self.b, b)],
        }
    }

    /// The record that stands for a row: the first side's, where it has one.
    fn shown(&self, row: &Row) -> (&Read, RecordId, u64) {
        let (read, at) = match row.pair {
            Pair::Missing(a) | Pair::Both(a, _) => (self.a, a),
            Pair::Extra(b) => (self.b, b),
        };
        let item = &read.side.items[at as usize];
        (read, item.id as usize, item.at_ns)
    }
}

fn change_object(change: &Change) -> Json {
    let path = change.path().to_string();
    match change {
        Change::Added { value, .. } => json!({"added": path, "to": value}),
        Change::Removed { value, .. } => json!({"removed": path, "from": value}),
        Change::Changed { from, to, .. } => json!({"changed": path, "from": from, "to": to}),
    }
}
