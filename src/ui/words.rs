//! Numbers and states as people read them.

use crate::wire::Dir;

/// The arrow of a direction: up to the server, down from it.
pub fn arrow(dir: Dir) -> &'static str {
    match dir {
        Dir::Out => "↑",
        Dir::In => "↓",
    }
}

/// A reason, as a sentence that stands alone.
pub fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if reason.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Bytes in three digits and a unit.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// A count with thin groups of three.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 message`, `2 messages`.
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Seconds since the beginning, to the millisecond.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1000)
}

/// A time since the beginning, as precise as steps of `step_ns` need.
pub fn moment(ns: u64, step_ns: u64) -> String {
    let decimals = match step_ns {
        0..1_000_000 => 6,
        1_000_000..10_000_000 => 3,
        10_000_000..100_000_000 => 2,
        100_000_000..1_000_000_000 => 1,
        _ => 0,
    };
    format!("{:.decimals$} s", ns as f64 / 1e9)
}

/// A stretch of time, its bounds since the beginning.
pub fn time_range(range: &std::ops::Range<u64>) -> String {
    if range.end == u64::MAX {
        return format!("from {} on", moment(range.start, 1_000_000));
    }
    let step_ns = (range.end - range.start) / 100;
    let (start, end) = (moment(range.start, step_ns), moment(range.end, step_ns));
    format!("{} to {end}", start.trim_end_matches(" s"))
}

/// A time of day, here and now, with its day: `2026-11-20 14:03`. Empty where it is not known.
pub fn day_and_time(unix_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).ok().filter(|_| unix_ns != 0);
    time.map_or_else(String::new, |time| {
        time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    })
}

/// Messages a second.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate <= 0.0 => String::new(),
        rate if rate < 9.95 => format!("{rate:.1}/s"),
        rate => format!("{}/s", count(rate.round() as u64)),
    }
}

/// The time and the rest of a recording's name, `2026-11-20 14-03-05 example.com`: month, day, hour and minute.
pub fn recording_name(name: &str) -> (String, &str) {
    let is_dated = name.len() > 20
        && name.is_char_boundary(20)
        && name[..20].chars().all(|char| char.is_ascii_digit() || char == '-' || char == ' ');
    if is_dated {
        (format!("{} {}", &name[5..10], name[11..16].replace('-', ":")), &name[20..])
    } else {
        (String::new(), name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1234), "1.23 kB");
        assert_eq!(bytes(12_345_678), "12.3 MB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!([counted(1, "stall"), counted(0, "stall")], ["1 stall", "0 stalls"]);
        assert_eq!(seconds(1_004_500_000), "1.004");
        assert_eq!(time_range(&(1_000_000_000..4_250_000_000)), "1.00 to 4.25 s");
        assert_eq!(moment(61_000_000_000, 5_000_000_000), "61 s");
        assert_eq!(rate(12.4), "12/s");
        assert_eq!(recording_name("2026-11-20 14-03-05 lab-ws"), ("11-20 14:03".into(), "lab-ws"));
        assert_eq!(recording_name("monday"), (String::new(), "monday"));
    }
}
