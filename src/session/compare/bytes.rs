//! What differs between two strings of bytes, laid out side by side.
//!
//! Short ones are compared byte by byte. Long ones are first cut where their bytes say so (content-defined chunks), so that
//! what was put in or taken out moves no other cut; only the chunks that differ are compared byte by byte.

use super::lcs::{self, Run};
use std::ops::Range;
use std::time::Instant;

/// Bytes on either side that are compared one by one.
const FINE_LIMIT_BYTES: usize = 64 << 10;
/// Chunks end where so many bits of the rolling hash are 0: every 64 bytes or so.
const CUT_MASK: u64 = 0x3F << 58;
const CHUNK_BYTES: Range<usize> = 16..1024;
/// Bytes a side in a row.
pub(super) const ROW_BYTES: usize = 8;

/// What differs between two strings of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytesDiff {
    a: Vec<u8>,
    b: Vec<u8>,
    runs: Vec<Run>,
    /// For each run, the number of its first cell.
    cells: Vec<usize>,
    len_cells: usize,
    /// Whether there was no time to find all that both have in common.
    pub is_coarse: bool,
}

/// Eight bytes of each side, which stand beside one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexRow {
    /// The offset of the first byte of either side, where there is one.
    pub at: [Option<usize>; 2],
    /// The bytes, and whether they differ. A side that has none there is empty.
    pub cells: Vec<([Option<u8>; 2], bool)>,
}

impl BytesDiff {
    /// Compares; after the deadline more coarsely.
    pub fn new(a: Vec<u8>, b: Vec<u8>, deadline: Instant) -> BytesDiff {
        let is_fine = a.len().max(b.len()) <= FINE_LIMIT_BYTES;
        let runs = if is_fine { lcs::runs(&a, &b, deadline) } else { coarse_runs(&a, &b, deadline) };
        let mut len_cells = 0;
        let cells = runs.iter().map(|run| {
            let first = len_cells;
            len_cells += run.a.len().max(run.b.len());
            first
        });
        let cells = cells.collect();
        BytesDiff { a, b, cells, len_cells, runs, is_coarse: Instant::now() >= deadline }
    }

    /// How many rows of eight bytes a side there are.
    pub fn rows(&self) -> usize {
        self.len_cells.div_ceil(ROW_BYTES)
    }

    /// A row.
    pub fn row(&self, number: usize) -> HexRow {
        let first = number * ROW_BYTES;
        let cells: Vec<_> = (first..self.len_cells.min(first + ROW_BYTES)).map(|cell| self.cell(cell)).collect();
        let offset = |side: usize| cells.iter().find_map(|(places, _)| places[side]);
        let at = [offset(0), offset(1)];
        let byte = |of: &[u8], place: Option<usize>| place.and_then(|at| of.get(at).copied());
        let cells = cells.iter().map(|(at, differs)| ([byte(&self.a, at[0]), byte(&self.b, at[1])], *differs));
        HexRow { at, cells: cells.collect() }
    }

    /// Where the bytes of a cell lie, and whether they differ.
    fn cell(&self, cell: usize) -> ([Option<usize>; 2], bool) {
        let number = self.cells.partition_point(|first| *first <= cell).saturating_sub(1);
        let (run, within) = (&self.runs[number], cell - self.cells[number]);
        let place = |range: &Range<usize>| (within < range.len()).then(|| range.start + within);
        let places = [place(&run.a), place(&run.b)];
        let is_same = match places {
            _ if run.is_same => true,
            [Some(a), Some(b)] => self.a[a] == self.b[b],
            _ => false,
        };
        (places, !is_same)
    }

    /// How many bytes of the first are not in the second at their place, and the other way round.
    pub fn differing(&self) -> (usize, usize) {
        let differing = self.runs.iter().filter(|run| !run.is_same);
        differing.fold((0, 0), |(a, b), run| (a + run.a.len(), b + run.b.len()))
    }

    /// The rows in which something differs begin with these, one for each stretch.
    pub fn stretches(&self) -> Vec<usize> {
        let runs = self.runs.iter().zip(&self.cells).filter(|(run, _)| !run.is_same);
        runs.map(|(_, first)| first / ROW_BYTES).collect()
    }

    /// The stretches that differ, as ranges of either side.
    pub fn differences(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        self.runs.iter().filter(|run| !run.is_same).map(|run| (run.a.clone(), run.b.clone()))
    }
}

fn coarse_runs(a: &[u8], b: &[u8], deadline: Instant) -> Vec<Run> {
    let (chunks_a, chunks_b) = (chunks(a), chunks(b));
    let bytes_of = |chunks: &[&[u8]], number: usize| chunks[..number].iter().map(|chunk| chunk.len()).sum::<usize>();
    let mut runs = Vec::new();
    let (mut at_a, mut at_b) = (0, 0);
    for run in lcs::runs(&chunks_a, &chunks_b, deadline) {
        let len_a = bytes_of(&chunks_a[run.a.start..], run.a.len());
        let len_b = bytes_of(&chunks_b[run.b.start..], run.b.len());
        let (range_a, range_b) = (at_a..at_a + len_a, at_b..at_b + len_b);
        (at_a, at_b) = (range_a.end, range_b.end);
        if run.is_same || len_a.max(len_b) > FINE_LIMIT_BYTES {
            lcs::push(&mut runs, Run { is_same: run.is_same, a: range_a, b: range_b });
            continue;
        }
        for fine in lcs::runs(&a[range_a.clone()], &b[range_b.clone()], deadline) {
            let shift = |range: Range<usize>, by: usize| range.start + by..range.end + by;
            let (in_a, in_b) = (shift(fine.a, range_a.start), shift(fine.b, range_b.start));
            lcs::push(&mut runs, Run { is_same: fine.is_same, a: in_a, b: in_b });
        }
    }
    runs
}

/// Cuts bytes where a rolling hash over the last of them says so.
fn chunks(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut chunks, mut start, mut hash) = (Vec::new(), 0, 0_u64);
    for (at, byte) in bytes.iter().enumerate() {
        hash = (hash << 1).wrapping_add(spread(*byte));
        let len = at + 1 - start;
        if (len >= CHUNK_BYTES.start && hash & CUT_MASK == 0) || len >= CHUNK_BYTES.end {
            chunks.push(&bytes[start..=at]);
            (start, hash) = (at + 1, 0);
        }
    }
    if start < bytes.len() {
        chunks.push(&bytes[start..]);
    }
    chunks
}

/// 64 bits that look random, a number for each byte (splitmix64).
fn spread(byte: u8) -> u64 {
    let mut bits = (u64::from(byte) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}
