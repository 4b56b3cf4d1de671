//! The figures as tables: the same for the screen, the clipboard and tests.

use super::{Distribution, Flow, Statistics};
use crate::session::duration;

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// There is none.
    None,
    /// So many.
    Count(u64),
    /// So many bytes.
    Bytes(u64),
    /// So many nanoseconds.
    Time(u64),
    /// So many a second.
    Rate(f64),
    /// A share, from 0 to 1.
    Share(f64),
}

impl Cell {
    fn text(self) -> String {
        match self {
            Cell::None => "–".to_owned(),
            Cell::Count(count) => count.to_string(),
            Cell::Bytes(bytes) => format!("{bytes} B"),
            Cell::Time(ns) => duration(ns),
            Cell::Rate(rate) => format!("{rate:.1}/s"),
            Cell::Share(share) => format!("{:.1} %", share * 100.0),
        }
    }

    /// As a number without a unit: bytes, nanoseconds, per second, a share of 1.
    fn number(self) -> String {
        match self {
            Cell::None => String::new(),
            Cell::Count(number) | Cell::Bytes(number) | Cell::Time(number) => number.to_string(),
            Cell::Rate(number) | Cell::Share(number) => format!("{number:.6}"),
        }
    }
}

/// A table of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    /// What is to be known of it.
    pub help: &'static str,
    /// The names of its columns, but for that of the rows' names.
    pub columns: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Statistics {
    /// All figures.
    pub fn sections(&self) -> Vec<Section> {
        vec![self.spreads(), self.rates(), self.layers(), self.counts()]
    }

    fn rates(&self) -> Section {
        let measures = self.measures();
        let [sent, received] = &measures.flows;
        let flows = [received, sent, &measures.both];
        let row = |name: &str, figure: fn(&Flow) -> Cell| (name.to_owned(), flows.map(figure).to_vec());
        Section {
            title: if self.is_of_messages() { "Messages" } else { "Records" },
            help: "The mean counts those that follow the first, until the last; the peak is the most within a second of the \
                   recording's clock. Where no row is a message, all rows that stand for bytes count.",
            columns: vec!["received", "sent", "both"],
            rows: vec![
                row("how many", |flow| Cell::Count(flow.count)),
                row("mean rate", |flow| flow.mean_per_second().map_or(Cell::None, Cell::Rate)),
                row("peak rate", |flow| Cell::Rate(flow.peak_per_second() as f64)),
                row("payload", |flow| Cell::Bytes(flow.payload_bytes)),
                row("first to last", |flow| if flow.count > 1 { Cell::Time(flow.lasted_ns()) } else { Cell::None }),
            ],
        }
    }

    fn spreads(&self) -> Section {
        let measures = self.measures();
        let row = |name: &str, of: &Distribution, cell: fn(u64) -> Cell| {
            let figures = [of.least(), of.quantile(0.5), of.quantile(0.95), of.quantile(0.99), of.most(), of.mean()];
            (name.to_owned(), figures.map(|figure| figure.map_or(Cell::None, cell)).to_vec())
        };
        let mut rows = vec![row("gap", &measures.gaps, Cell::Time), row("size", &measures.sizes, Cell::Bytes)];
        if self.reads_payloads() {
            rows.push(row("latency", &self.latency().late, Cell::Time));
        }
        Section {
            title: "Spread",
            help: "Gaps lie between one message and the next of its connection among the rows. Least, greatest and mean \
                   are exact; median, p95 and p99 are within 0.8 %: so many of a hundred are not greater.",
            columns: vec!["min", "median", "p95", "p99", "max", "mean"],
            rows,
        }
    }

    fn layers(&self) -> Section {
        let overhead = self.overhead();
        let total = overhead.total();
        let row = |name: &str, bytes: u64| {
            let share = if total > 0 { Cell::Share(bytes as f64 / total as f64) } else { Cell::None };
            (name.to_owned(), vec![Cell::Bytes(bytes), share])
        };
        let parts = [
            ("HTTP heads", overhead.heads),
            ("chunk framing", overhead.chunks),
            ("frame headers", overhead.frames),
            ("stream framing", overhead.streams),
            ("not understood", overhead.unknown),
        ];
        let mut rows = vec![row("payload", overhead.payload)];
        rows.extend(parts.into_iter().filter(|(_, bytes)| *bytes > 0).map(|(name, bytes)| row(name, bytes)));
        rows.push(row("all", total));
        Section {
            title: "Bytes by layer",
            help: "All complete records of this time, direction and connection, whatever the filter and the kinds that \
                   are shown. Stream framing is what an event stream, lines or parts put around messages: data:, \
                   line ends, comments, part heads.",
            columns: vec!["bytes", "share"],
            rows,
        }
    }

    fn counts(&self) -> Section {
        let cells = |[sent, received]: [u64; 2]| vec![received, sent, received + sent];
        let mut all = [0, 0];
        let mut rows = Vec::new();
        for (kind, counts) in self.kinds() {
            (all[0], all[1]) = (all[0] + counts[0], all[1] + counts[1]);
            rows.push((kind.name().to_owned(), cells(*counts)));
        }
        rows.push(("all".to_owned(), cells(all)));
        let rows = rows.into_iter().map(|(name, counts)| (name, counts.into_iter().map(Cell::Count).collect()));
        Section {
            title: "Rows by kind",
            help: "What Pushscope did itself counts as sent",
            columns: vec!["received", "sent", "both"],
            rows: rows.collect(),
        }
    }
}

/// The tables as text, in columns.
pub fn text(sections: &[Section]) -> String {
    let mut lines = Vec::new();
    for section in sections {
        let head =
            std::iter::once(section.title.to_owned()).chain(section.columns.iter().map(|name| (*name).to_owned()));
        let mut rows: Vec<Vec<String>> = vec![head.collect()];
        for (name, cells) in &section.rows {
            rows.push(std::iter::once(name.clone()).chain(cells.iter().map(|cell| cell.text())).collect());
        }
        let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..rows[0].len()).map(|at| width(at).unwrap_or(0)).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            lines.push(cells.collect::<Vec<_>>().join("  ").trim_end().to_owned());
        }
        lines.push(String::new());
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// The tables as comma-separated values (RFC 4180), one figure a line; times in nanoseconds.
pub fn csv(sections: &[Section]) -> String {
    let mut lines = vec!["table,row,column,unit,value".to_owned()];
    for section in sections {
        for (name, cells) in &section.rows {
            for (column, cell) in section.columns.iter().zip(cells) {
                let unit = match cell {
                    Cell::None => "",
                    Cell::Count(_) => "count",
                    Cell::Bytes(_) => "bytes",
                    Cell::Time(_) => "ns",
                    Cell::Rate(_) => "per second",
                    Cell::Share(_) => "of 1",
                };
                lines.push(format!("{},{name},{column},{unit},{}", section.title, cell.number()));
            }
        }
    }
    lines.join("\r\n") + "\r\n"
}
