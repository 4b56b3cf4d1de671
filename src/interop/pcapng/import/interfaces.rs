//! What a pcapng file says of an interface, and options, which are written alike everywhere.

use super::capture::Order;
use crate::interop::pcapng::option;

/// An interface that packets were captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What its packets begin with.
    pub link_type: u16,
    /// Bytes of a packet that were captured at most; 0 for all.
    pub snap_len: u32,
    /// How long a unit of its clock is: a negative power of ten, or of two.
    resolution: Resolution,
    /// Seconds to be added to its times.
    offset_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    Ten(u8),
    Two(u8),
}

impl Interface {
    /// From the body of its block.
    pub fn read(body: &[u8], order: Order) -> Interface {
        let mut interface = Interface {
            link_type: order.u16(body, 0),
            snap_len: order.u32(body, 4),
            resolution: Resolution::Ten(6),
            offset_s: 0,
        };
        for (code, value) in options(body, 8, order) {
            match (code, value) {
                (option::TIME_RESOLUTION, [resolution, ..]) if resolution & 0x80 != 0 => {
                    interface.resolution = Resolution::Two(resolution & 0x7F);
                }
                (option::TIME_RESOLUTION, [resolution, ..]) => interface.resolution = Resolution::Ten(*resolution),
                (option::TIME_OFFSET, value) if value.len() >= 8 => {
                    let [low, high] = match order {
                        Order::Little => [order.u32(value, 0), order.u32(value, 4)],
                        Order::Big => [order.u32(value, 4), order.u32(value, 0)],
                    };
                    interface.offset_s = ((u64::from(high) << 32) | u64::from(low)) as i64;
                }
                _ => {}
            }
        }
        interface
    }

    /// A time of its clock, in nanoseconds since 1970.
    pub fn unix_ns(&self, units: u64) -> u64 {
        let units = u128::from(units);
        let ns = match self.resolution {
            Resolution::Ten(exponent @ ..=9) => units * 10u128.pow(9 - u32::from(exponent)),
            Resolution::Ten(exponent) => units / 10u128.checked_pow(u32::from(exponent) - 9).unwrap_or(u128::MAX),
            Resolution::Two(exponent) => (units * 1_000_000_000) >> exponent,
        };
        let ns = i128::try_from(ns).unwrap_or(i128::MAX);
        let ns = ns.saturating_add(i128::from(self.offset_s) * 1_000_000_000);
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// The options from a place of a block on, up to their end or to where they make no sense: code and value.
pub fn options(body: &[u8], at: usize, order: Order) -> impl Iterator<Item = (u16, &[u8])> {
    let mut at = at;
    std::iter::from_fn(move || {
        let rest = body.get(at..).filter(|rest| rest.len() >= 4)?;
        let (code, len) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        if code == option::END {
            return None;
        }
        at += 4 + len.next_multiple_of(4);
        Some((code, rest.get(4..4 + len)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(options: &[u8]) -> Interface {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(options);
        Interface::read(&body, Order::Little)
    }

    #[test]
    fn times_are_of_the_resolution_that_the_interface_names() {
        assert_eq!(interface(&[]).unix_ns(1_500_000), 1_500_000_000);
        assert_eq!(interface(&[9, 0, 1, 0, 9, 0, 0, 0]).unix_ns(1_500_000), 1_500_000);
        assert_eq!(interface(&[9, 0, 1, 0, 3, 0, 0, 0]).unix_ns(1_500), 1_500_000_000);
        assert_eq!(interface(&[9, 0, 1, 0, 12, 0, 0, 0]).unix_ns(1_500_000), 1_500);
        assert_eq!(interface(&[9, 0, 1, 0, 0x80 | 10, 0, 0, 0]).unix_ns(1536), 1_500_000_000);
        assert_eq!(interface(&[9, 0, 1, 0, 0x7F, 0, 0, 0]).unix_ns(u64::MAX), 0);
        assert_eq!(interface(&[9, 0, 1, 0, 0, 0, 0, 0]).unix_ns(u64::MAX), u64::MAX);
        let hour = [&[14, 0, 8, 0], &3600i64.to_le_bytes()[..]].concat();
        assert_eq!(interface(&hour).unix_ns(1), 3_600_000_001_000);
        let before = [&[14, 0, 8, 0], &(-3600i64).to_le_bytes()[..]].concat();
        assert_eq!(interface(&before).unix_ns(1), 0);
    }
}
