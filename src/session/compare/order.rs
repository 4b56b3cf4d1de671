//! Which pairs keep their order: the longest run of them that rises on both sides.

/// For numbers in a row, whether each belongs to the longest subsequence that rises. Numbers are all different.
pub(super) fn rising(numbers: &[u32]) -> Vec<bool> {
    // For each length, the place of the smallest number that ends a rising subsequence of it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = vec![usize::MAX; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        let len = ends.partition_point(|end| numbers[*end] < *number);
        if len > 0 {
            before[at] = ends[len - 1];
        }
        match ends.get_mut(len) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut is_rising = vec![false; numbers.len()];
    let mut at = ends.last().copied().unwrap_or(usize::MAX);
    while let Some(is) = is_rising.get_mut(at) {
        *is = true;
        at = before[at];
    }
    is_rising
}

#[cfg(test)]
mod tests {
    use super::rising;

    #[test]
    fn what_moved_is_what_is_not_in_the_longest_run() {
        assert_eq!(rising(&[0, 1, 2]), [true; 3]);
        assert_eq!(rising(&[1, 2, 3, 0]), [true, true, true, false]);
        assert_eq!(rising(&[3, 0, 1, 2]), [false, true, true, true]);
        assert_eq!(rising(&[]), [false; 0]);
        assert_eq!(rising(&[2, 1, 0]).iter().filter(|is| **is).count(), 1);
    }
}
