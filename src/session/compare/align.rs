//! Two sides beside one another: which message of one is which of the other, and what became of it.

use super::Progress;
use super::order::rising;
use super::side::{Item, Side};
use std::collections::HashMap;

/// How messages find one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// By what they say: the n-th that says it is the n-th that says it. Between two that were found, those that are left
    /// are held against one another in order.
    #[default]
    Content,
    /// The n-th of a direction of a connection is the n-th.
    Number,
    /// The nearest in time since the connection was opened, equal ones first.
    Time,
    /// Those with the same value at this JSONPath; those without one by what they say.
    Key(String),
}

impl By {
    /// As on the command line: `content`, `number`, `time`, or a JSONPath.
    pub fn named(name: &str) -> Result<By, String> {
        match name.trim() {
            "content" => Ok(By::Content),
            "number" => Ok(By::Number),
            "time" => Ok(By::Time),
            path if path.starts_with('$') => Ok(By::Key(path.to_owned())),
            other => {
                Err(format!("'{other}' is nothing to align by: content, number, time, or a JSONPath such as $.id"))
            }
        }
    }
}

/// What is told of a message and its counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Only the first side has it.
    Missing(u32),
    /// Only the second side has it.
    Extra(u32),
    /// Both have it.
    Both(u32, u32),
}

/// A row of the comparison; numbers are those of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The message on either side.
    pub pair: Pair,
    /// Whether it says something else.
    pub is_changed: bool,
    /// Whether it stands elsewhere among its neighbours.
    pub is_reordered: bool,
    /// How much later it is on the second side, in nanoseconds, where that is beyond the tolerance; negative: earlier.
    pub late_ns: Option<i64>,
}

impl Row {
    /// Whether anything differs.
    pub fn differs(&self) -> bool {
        !matches!(self.pair, Pair::Both(..)) || self.is_changed || self.is_reordered || self.late_ns.is_some()
    }

    /// What became of the message, in words: `missing`, `changed, late`.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        match self.pair {
            Pair::Missing(_) => words.push("missing"),
            Pair::Extra(_) => words.push("extra"),
            Pair::Both(..) => {}
        }
        let marks = [
            (self.is_changed, "changed"),
            (self.is_reordered, "reordered"),
            (self.late_ns.is_some_and(|ns| ns > 0), "late"),
            (self.late_ns.is_some_and(|ns| ns < 0), "early"),
        ];
        words.extend(marks.into_iter().filter(|(is, _)| *is).map(|(_, word)| word));
        if words.is_empty() { "equal".to_owned() } else { words.join(", ") }
    }
}

/// How many messages are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Equal, in order and in time.
    pub equal: u64,
    /// Only on the first side.
    pub missing: u64,
    /// Only on the second side.
    pub extra: u64,
    /// On both, saying something else.
    pub changed: u64,
    /// On both, elsewhere among their neighbours.
    pub reordered: u64,
    /// Later on the second side, beyond the tolerance.
    pub late: u64,
    /// Earlier on the second side, beyond the tolerance.
    pub early: u64,
}

impl Counts {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.changed + self.reordered + self.late + self.early == 0
    }

    /// Each count that is not 0, in words.
    pub fn words(&self) -> String {
        let all = [
            (self.equal, "equal"),
            (self.missing, "missing"),
            (self.extra, "extra"),
            (self.changed, "changed"),
            (self.reordered, "reordered"),
            (self.late, "late"),
            (self.early, "early"),
        ];
        let said: Vec<String> =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if said.is_empty() { "no messages on either side".to_owned() } else { said.join(", ") }
    }

    fn count(&mut self, row: &Row) {
        match row.pair {
            Pair::Missing(_) => self.missing += 1,
            Pair::Extra(_) => self.extra += 1,
            Pair::Both(..) => {}
        }
        self.equal += u64::from(!row.differs());
        self.changed += u64::from(row.is_changed);
        self.reordered += u64::from(row.is_reordered);
        self.late += u64::from(row.late_ns.is_some_and(|ns| ns > 0));
        self.early += u64::from(row.late_ns.is_some_and(|ns| ns < 0));
    }
}

/// Two sides, aligned.
#[derive(Clone, Debug, Default)]
pub struct Aligned {
    /// Each message of either side once.
    pub rows: Vec<Row>,
    /// How many are what.
    pub counts: Counts,
}

/// How far apart in time two messages may be that belong together by their times, where nothing else is said.
const DEFAULT_TOLERANCE_NS: u64 = 100_000_000;

/// No item.
const NONE: u32 = u32::MAX;

/// Aligns two sides; `None` where it was stopped. With a tolerance, in nanoseconds, messages that are later or earlier by
/// more are told.
pub fn align(a: &Side, b: &Side, by: &By, tolerance_ns: Option<u64>, progress: Progress) -> Option<Aligned> {
    // Either way round the same pairs are found: what is missing one way is extra the other.
    let is_turned = b.items.len().cmp(&a.items.len()).then_with(|| order(b).cmp(order(a))).is_lt();
    let (first, second) = if is_turned { (&b.items, &a.items) } else { (&a.items, &b.items) };
    let tolerance_ns = tolerance_ns.or((*by == By::Time).then_some(DEFAULT_TOLERANCE_NS));
    if !progress(0, 4) {
        return None;
    }
    let mut pairs = Pairs::new(first, second);
    match by {
        By::Content => pairs.equal_ones(|_| true),
        By::Number => pairs.numbered(),
        By::Time => pairs.timed(tolerance_ns.unwrap_or_default()),
        By::Key(_) => pairs.keyed(),
    }
    if !progress(1, 4) {
        return None;
    }
    pairs.find_order(by);
    if *by == By::Content {
        pairs.pair_the_rest();
    }
    if !progress(2, 4) {
        return None;
    }
    let (to_b, to_a) = if is_turned { (pairs.to_a, pairs.to_b) } else { (pairs.to_b, pairs.to_a) };
    let is_in_order = |at_a: u32, at_b: u32| pairs.is_in_order[if is_turned { at_b } else { at_a } as usize];
    let aligned = rows((&a.items, &to_b), (&b.items, &to_a), is_in_order, tolerance_ns);
    progress(4, 4).then_some(aligned)
}

/// What two sides of one length are ordered by: what is the same each time they are compared.
fn order(side: &Side) -> impl Iterator<Item = (u32, u64, bool, u32, u32)> + '_ {
    side.items.iter().map(|item| (item.sum, item.at_ns, item.is_in, item.connection, item.id))
}

/// What belongs to one another is looked for among these alone: a direction, of a connection where its number is given.
type Lane = (u32, bool);

fn lane_of_connection(item: &Item) -> Lane {
    (item.connection, item.is_in)
}

fn lane_of_direction(item: &Item) -> Lane {
    (0, item.is_in)
}

/// Which item of one side is which of the other.
struct Pairs<'i> {
    a: &'i [Item],
    b: &'i [Item],
    to_b: Vec<u32>,
    to_a: Vec<u32>,
    /// Of the first side: whether the item was found, and stands where it stood.
    is_in_order: Vec<bool>,
}

impl<'i> Pairs<'i> {
    fn new(a: &'i [Item], b: &'i [Item]) -> Pairs<'i> {
        let (to_b, to_a) = (vec![NONE; a.len()], vec![NONE; b.len()]);
        Pairs { a, b, to_b, to_a, is_in_order: vec![false; a.len()] }
    }

    fn pair(&mut self, a: usize, b: usize) {
        (self.to_b[a], self.to_a[b]) = (b as u32, a as u32);
    }

    /// The n-th of a direction with a mark is the n-th with it; those without a mark are left alone.
    fn marked(&mut self, lane: fn(&Item) -> Lane, mark: impl Fn(&Item) -> Option<u64>) {
        let mut chains = Chains::new(self.b.len());
        for (at, item) in self.b.iter().enumerate().rev().filter(|(at, _)| self.to_a[*at] == NONE) {
            mark(item).into_iter().for_each(|mark| chains.put_first((lane(item), mark), at));
        }
        for (at, item) in self.a.iter().enumerate() {
            if self.to_b[at] == NONE
                && let Some(mark) = mark(item)
                && let Some(other) = chains.take((lane(item), mark))
            {
                self.pair(at, other);
            }
        }
    }

    fn equal_ones(&mut self, which: impl Fn(&Item) -> bool) {
        self.marked(lane_of_direction, |item| which(item).then_some(item.content));
    }

    fn keyed(&mut self) {
        self.marked(lane_of_direction, |item| item.key);
        self.equal_ones(|item| item.key.is_none());
    }

    fn numbered(&mut self) {
        self.marked(lane_of_connection, |_| Some(0));
    }

    fn timed(&mut self, tolerance_ns: u64) {
        // Equal ones within the tolerance.
        let mut chains = Chains::new(self.b.len());
        for (at, item) in self.b.iter().enumerate().rev() {
            chains.put_first((lane_of_connection(item), item.content), at);
        }
        for (at, item) in self.a.iter().enumerate() {
            let place = (lane_of_connection(item), item.content);
            while let Some(other) = chains.first(place) {
                let other_ns = self.b[other].at_ns;
                if other_ns > item.at_ns.saturating_add(tolerance_ns) {
                    break;
                }
                chains.take(place);
                if other_ns.saturating_add(tolerance_ns) >= item.at_ns {
                    self.pair(at, other);
                    break;
                }
            }
        }
        // Equal ones beyond it are late, not lost.
        self.marked(lane_of_connection, |item| Some(item.content));
        // Of the others the nearest within it.
        let mut lanes: HashMap<Lane, (Vec<usize>, Vec<usize>)> = HashMap::new();
        let left = |at: &usize, to: &[u32]| to[*at] == NONE;
        for at in (0..self.a.len()).filter(|at| left(at, &self.to_b)) {
            lanes.entry(lane_of_connection(&self.a[at])).or_default().0.push(at);
        }
        for at in (0..self.b.len()).filter(|at| left(at, &self.to_a)) {
            lanes.entry(lane_of_connection(&self.b[at])).or_default().1.push(at);
        }
        for (mut of_a, mut of_b) in lanes.into_values() {
            of_a.sort_by_key(|at| self.a[*at].at_ns);
            of_b.sort_by_key(|at| self.b[*at].at_ns);
            let (mut i, mut j) = (0, 0);
            while let (Some(a), Some(b)) = (of_a.get(i).copied(), of_b.get(j).copied()) {
                let at_ns = self.a[a].at_ns;
                let distance = |b: usize| self.b[b].at_ns.abs_diff(at_ns);
                if of_b.get(j + 1).is_some_and(|next| distance(*next) < distance(b)) {
                    j += 1;
                } else if distance(b) <= tolerance_ns {
                    self.pair(a, b);
                    (i, j) = (i + 1, j + 1);
                } else if self.b[b].at_ns < at_ns {
                    j += 1;
                } else {
                    i += 1;
                }
            }
        }
    }

    /// Finds which pairs keep their order within their direction.
    fn find_order(&mut self, by: &By) {
        let lane = match by {
            By::Number | By::Time => lane_of_connection,
            By::Content | By::Key(_) => lane_of_direction,
        };
        let mut lanes: HashMap<Lane, Vec<u32>> = HashMap::new();
        for (at, item) in self.a.iter().enumerate().filter(|(at, _)| self.to_b[*at] != NONE) {
            lanes.entry(lane(item)).or_default().push(at as u32);
        }
        for places in lanes.into_values() {
            let partners: Vec<u32> = places.iter().map(|at| self.to_b[*at as usize]).collect();
            for (at, is_rising) in places.iter().zip(rising(&partners)) {
                self.is_in_order[*at as usize] = is_rising;
            }
        }
    }

    /// Between two pairs that keep their order, the n-th that is left of one side is the n-th that is left of the other:
    /// it says something else now.
    fn pair_the_rest(&mut self) {
        for is_in in [false, true] {
            let of_a: Vec<usize> = (0..self.a.len()).filter(|at| self.a[*at].is_in == is_in).collect();
            let of_b: Vec<usize> = (0..self.b.len()).filter(|at| self.b[*at].is_in == is_in).collect();
            let (mut rest_a, mut rest_b) = (Vec::new(), of_b.into_iter().peekable());
            for end in of_a.into_iter().map(Some).chain([None]) {
                let partner = match end {
                    Some(at) if self.to_b[at] == NONE => {
                        rest_a.push(at);
                        continue;
                    }
                    Some(at) if !self.is_in_order[at] => continue,
                    Some(at) => self.to_b[at] as usize,
                    None => usize::MAX,
                };
                let mut left = rest_a.drain(..);
                while let Some(there) = rest_b.next_if(|there| *there <= partner) {
                    if self.to_a[there] == NONE
                        && let Some(at) = left.next()
                    {
                        (self.to_b[at], self.to_a[there]) = (there as u32, at as u32);
                        self.is_in_order[at] = true;
                    }
                }
            }
        }
    }
}

/// Items by a mark, in order: a chain of them for each.
struct Chains {
    first: HashMap<(Lane, u64), u32>,
    next: Vec<u32>,
}

impl Chains {
    fn new(len: usize) -> Chains {
        Chains { first: HashMap::new(), next: vec![NONE; len] }
    }

    fn put_first(&mut self, place: (Lane, u64), at: usize) {
        self.next[at] = self.first.insert(place, at as u32).unwrap_or(NONE);
    }

    fn first(&self, place: (Lane, u64)) -> Option<usize> {
        self.first.get(&place).filter(|at| **at != NONE).map(|at| *at as usize)
    }

    fn take(&mut self, place: (Lane, u64)) -> Option<usize> {
        let at = self.first(place)?;
        self.first.insert(place, self.next[at]);
        Some(at)
    }
}

/// The rows, in the order of the first side; what only the second has stands behind what it follows there.
fn rows(
    (a, to_b): (&[Item], &[u32]),
    (b, to_a): (&[Item], &[u32]),
    is_in_order: impl Fn(u32, u32) -> bool,
    tolerance_ns: Option<u64>,
) -> Aligned {
    // The first of those that follow each item, from 0 for those that follow none, and who follows whom.
    let (mut head, mut next) = (vec![NONE; a.len() + 1], vec![NONE; b.len()]);
    let mut follows = Vec::with_capacity(b.len());
    let mut before = 0_usize;
    for (at, partner) in to_a.iter().enumerate() {
        if *partner != NONE && is_in_order(*partner, at as u32) {
            before = *partner as usize + 1;
        }
        follows.push(before as u32);
    }
    for at in (0..b.len()).rev().filter(|at| to_a[*at] == NONE) {
        let head = &mut head[follows[at] as usize];
        next[at] = std::mem::replace(head, at as u32);
    }
    let mut aligned = Aligned { rows: Vec::with_capacity(a.len()), counts: Counts::default() };
    let mut put = |row: Row| {
        aligned.counts.count(&row);
        aligned.rows.push(row);
    };
    for (place, first_extra) in head.into_iter().enumerate() {
        if let Some(at) = place.checked_sub(1) {
            let (item, partner) = (&a[at], to_b[at]);
            put(match b.get(partner as usize) {
                Some(other) => Row {
                    pair: Pair::Both(at as u32, partner),
                    is_changed: item.content != other.content,
                    is_reordered: !is_in_order(at as u32, partner),
                    late_ns: tolerance_ns.and_then(|tolerance| late_ns(item, other, tolerance)),
                },
                None => Row { pair: Pair::Missing(at as u32), ..PLAIN },
            });
        }
        let mut extra = first_extra;
        while extra != NONE {
            put(Row { pair: Pair::Extra(extra), ..PLAIN });
            extra = next[extra as usize];
        }
    }
    aligned
}

const PLAIN: Row = Row { pair: Pair::Missing(NONE), is_changed: false, is_reordered: false, late_ns: None };

fn late_ns(a: &Item, b: &Item, tolerance_ns: u64) -> Option<i64> {
    let late = i64::try_from(b.at_ns).ok()?.saturating_sub(i64::try_from(a.at_ns).ok()?);
    (late.unsigned_abs() > tolerance_ns).then_some(late)
}
