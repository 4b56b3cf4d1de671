//! How numbers are spread: quantiles and histograms of any amount of them in bounded memory.
//!
//! Numbers below 128 are counted one by one, greater ones in 64 steps an octave: a quantile is wrong by at most 0.8 %.

/// Steps of an octave, as a power of two.
const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;

/// Bars of a histogram at most.
const BARS: usize = 40;

/// A span this many times as wide as its least number is shown by its magnitudes.
const WIDE: u64 = 20;

/// How numbers are spread.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
}

/// A bar of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramBar {
    /// From here on.
    pub start: f64,
    /// To here.
    pub end: f64,
    /// How many.
    pub count: u64,
}

/// How many numbers there are of each size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Whether each bar is so many *times* as far as the one before.
    pub is_logarithmic: bool,
    /// The bars, side by side.
    pub bars: Vec<HistogramBar>,
}

fn step(number: u64) -> usize {
    let shift = (u64::BITS - number.leading_zeros()).saturating_sub(STEP_BITS + 1);
    ((shift as usize) << STEP_BITS) + (number >> shift) as usize
}

/// The least number of a step, and how many there are of it.
fn step_range(step: usize) -> (u64, u64) {
    let shift = (step / STEPS).saturating_sub(1);
    let least = if step < 2 * STEPS { step } else { step % STEPS + STEPS };
    ((least as u64) << shift, 1 << shift)
}

fn middle(step: usize) -> u64 {
    let (start, width) = step_range(step);
    start + (width - 1) / 2
}

impl Distribution {
    /// Counts a number.
    pub fn add(&mut self, number: u64) {
        let step = step(number);
        if step >= self.counts.len() {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.least = if self.count == 0 { number } else { self.least.min(number) };
        self.most = self.most.max(number);
        self.sum += u128::from(number);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The least, exactly.
    pub fn least(&self) -> Option<u64> {
        (self.count > 0).then_some(self.least)
    }

    /// The greatest, exactly.
    pub fn most(&self) -> Option<u64> {
        (self.count > 0).then_some(self.most)
    }

    /// The mean, exactly.
    pub fn mean(&self) -> Option<u64> {
        u64::try_from(self.sum.checked_div(u128::from(self.count))?).ok()
    }

    /// The number that `share` of all are not greater than, within 0.8 %.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(middle(step).clamp(self.least, self.most))
    }

    /// How many there are of each size, in some forty bars.
    pub fn histogram(&self) -> Histogram {
        if self.count == 0 {
            return Histogram::default();
        }
        let is_logarithmic = self.most / self.least.max(1) >= WIDE;
        // What is nothing has no magnitude: it stands with the ones.
        let place = |number: u64| if is_logarithmic { (number.max(1) as f64).ln() } else { number as f64 };
        let back = |place: f64| if is_logarithmic { place.exp() } else { place };
        let (start, end) = (place(self.least), if is_logarithmic { place(self.most) } else { self.most as f64 + 1.0 });
        // Bars narrower than the steps that were counted would be empty by turns.
        let finest = if is_logarithmic { 2.0 / STEPS as f64 } else { step_range(step(self.most)).1 as f64 };
        let bars = (((end - start) / finest) as usize).clamp(1, BARS);
        let width = (end - start) / bars as f64;
        let bar = |at: usize| HistogramBar {
            start: back(start + at as f64 * width),
            end: back(start + (at + 1) as f64 * width),
            count: 0,
        };
        let mut bars: Vec<HistogramBar> = (0..bars).map(bar).collect();
        let last = bars.len() - 1;
        for (step, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let at = (place(middle(step).clamp(self.least, self.most)) - start) / width;
            bars[(at as usize).min(last)].count += count;
        }
        Histogram { is_logarithmic, bars }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_list_within_a_hundredth(
            numbers in prop::collection::vec((0u32..64, any::<u64>()), 1..500),
            share in 0.0f64..=1.0,
        ) {
            let mut numbers: Vec<u64> = numbers.into_iter().map(|(bits, number)| number >> bits).collect();
            let mut distribution = Distribution::default();
            numbers.iter().for_each(|number| distribution.add(*number));
            numbers.sort_unstable();
            prop_assert_eq!(distribution.least(), numbers.first().copied());
            prop_assert_eq!(distribution.most(), numbers.last().copied());
            let sum: u128 = numbers.iter().map(|number| u128::from(*number)).sum();
            prop_assert_eq!(distribution.mean(), Some((sum / numbers.len() as u128) as u64));
            let rank = ((share * numbers.len() as f64).ceil() as usize).clamp(1, numbers.len());
            let (exact, told) = (numbers[rank - 1], distribution.quantile(share).unwrap());
            prop_assert!(exact.abs_diff(told) as f64 <= exact as f64 * 0.008, "{} is told as {}", exact, told);
            let histogram = distribution.histogram();
            prop_assert_eq!(histogram.bars.iter().map(|bar| bar.count).sum::<u64>(), numbers.len() as u64);
            prop_assert!(histogram.bars.len() <= BARS);
            prop_assert!(histogram.bars.windows(2).all(|pair| pair[0].end <= pair[1].end));
        }
    }

    #[test]
    fn steps_follow_one_another() {
        let mut next = 0;
        for at in 0..step(u64::MAX) {
            let (start, width) = step_range(at);
            assert_eq!((start, step(start), step(start + width - 1)), (next, at, at));
            next = start + width;
        }
    }

    #[test]
    fn few_sizes_have_a_bar_each() {
        let mut distribution = Distribution::default();
        [100, 101, 101, 104].iter().for_each(|number| distribution.add(*number));
        let histogram = distribution.histogram();
        assert!(!histogram.is_logarithmic);
        assert_eq!(histogram.bars.iter().map(|bar| bar.count).collect::<Vec<_>>(), [1, 2, 0, 0, 1]);
        assert_eq!(Distribution::default().histogram(), Histogram::default());
        assert_eq!(Distribution::default().quantile(0.5), None);
    }
}
