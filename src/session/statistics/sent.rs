//! When a message was sent, as it says itself: a JSONPath to the time, and how that is written.

use crate::session::filter::path::Path;
use serde_json::Value as Json;

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// Text is RFC 3339; a number is in the unit that makes it a time of our days.
    #[default]
    Detect,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Text as in RFC 3339.
    Rfc3339,
}

impl TimeUnit {
    /// Every unit.
    pub const ALL: [TimeUnit; 6] = [
        TimeUnit::Detect,
        TimeUnit::Seconds,
        TimeUnit::Milliseconds,
        TimeUnit::Microseconds,
        TimeUnit::Nanoseconds,
        TimeUnit::Rfc3339,
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            TimeUnit::Detect => "unit detected",
            TimeUnit::Seconds => "s since 1970",
            TimeUnit::Milliseconds => "ms since 1970",
            TimeUnit::Microseconds => "µs since 1970",
            TimeUnit::Nanoseconds => "ns since 1970",
            TimeUnit::Rfc3339 => "RFC 3339",
        }
    }

    /// Nanoseconds in one of it.
    fn ns(self, number: f64) -> Option<i128> {
        Some(match self {
            TimeUnit::Seconds => 1_000_000_000,
            TimeUnit::Milliseconds => 1_000_000,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Nanoseconds => 1,
            TimeUnit::Rfc3339 => return None,
            // Between 1973 and 5138 by each of them.
            TimeUnit::Detect => match number.abs() {
                ..1e11 => 1_000_000_000,
                ..1e14 => 1_000_000,
                ..1e17 => 1_000,
                _ => 1,
            },
        })
    }
}

/// Where messages say when they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTime {
    /// The JSONPath; empty for nowhere.
    pub path: String,
    /// How it is written there.
    pub unit: TimeUnit,
}

impl SentTime {
    /// Nowhere.
    pub const NONE: SentTime = SentTime { path: String::new(), unit: TimeUnit::Detect };

    /// Where the lab's messages have it.
    pub fn lab() -> SentTime {
        SentTime { path: "$.sent_ns".to_owned(), unit: TimeUnit::Detect }
    }
}

/// Reads when messages were sent.
#[derive(Clone, Debug)]
pub(super) struct SentReader {
    path: Path,
    unit: TimeUnit,
}

impl SentReader {
    /// `None` where nothing is to be read; an error says what is wrong with the path.
    pub fn new(sent: &SentTime) -> Result<Option<SentReader>, String> {
        match sent.path.trim() {
            "" => Ok(None),
            path => match Path::parse(path) {
                Ok(path) => Ok(Some(SentReader { path, unit: sent.unit })),
                Err(error) => Err(format!("{path} is no JSONPath: {error}")),
            },
        }
    }

    /// Nanoseconds since 1970.
    pub fn read(&self, payload: &[u8]) -> Option<i128> {
        read(&self.path.first_in(payload)?, self.unit)
    }
}

/// Members that senders put the time into, in the order in which they are looked for.
const TIME_NAMES: [&str; 9] =
    ["sent_ns", "sent", "sent_at", "timestamp", "time", "ts", "created_at", "at", "published_at"];

/// When a message says it was sent, in nanoseconds since 1970: by the first member of a JSON object that is known to
/// name times.
pub fn sent_time(payload: &[u8]) -> Option<i128> {
    let Ok(Json::Object(object)) = serde_json::from_slice::<Json>(payload) else { return None };
    TIME_NAMES.iter().find_map(|name| read(object.get(*name)?, TimeUnit::Detect))
}

fn read(value: &Json, unit: TimeUnit) -> Option<i128> {
    let of_number = |text: &str| {
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        let factor = unit.ns(number)?;
        // Digit by digit: a float of seconds since 1970 is good for microseconds only.
        Some(decimal(text, factor).unwrap_or((number * factor as f64) as i128))
    };
    match value {
        Json::Number(number) => of_number(&number.to_string()),
        Json::String(text) => match text.trim().parse::<jiff::Timestamp>() {
            Ok(time) if matches!(unit, TimeUnit::Detect | TimeUnit::Rfc3339) => Some(time.as_nanosecond()),
            _ => of_number(text.trim()),
        },
        _ => None,
    }
}

/// A number without an exponent, so many times.
fn decimal(text: &str, factor: i128) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = &fraction[..fraction.len().min(12)];
    let digits_ns = format!("0{digits}").parse::<u64>().ok()?;
    let part = i128::from(digits_ns) * factor / 10_i128.pow(digits.len() as u32);
    let whole_ns = i128::from(whole.parse::<i64>().ok()?) * factor;
    Some(if whole.starts_with('-') { whole_ns - part } else { whole_ns + part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_is_read_however_it_is_written() {
        let moment = 1_763_697_600_250_000_000;
        for value in [
            json!(1_763_697_600.25),
            json!(1_763_697_600_250_i64),
            json!(1_763_697_600_250_000_i64),
            json!(1_763_697_600_250_000_000_i64),
            json!("1763697600250"),
            json!("2025-11-21T04:00:00.250Z"),
            json!("2025-11-21T13:00:00.25+09:00"),
        ] {
            assert_eq!(read(&value, TimeUnit::Detect), Some(moment), "{value}");
        }
        assert_eq!(read(&json!(5), TimeUnit::Milliseconds), Some(5_000_000));
        for value in [json!("soon"), json!(null), json!([1]), json!(true)] {
            assert_eq!(read(&value, TimeUnit::Detect), None, "{value}");
        }
        assert_eq!(read(&json!(5), TimeUnit::Rfc3339), None);
    }

    #[test]
    fn a_path_leads_to_it_or_is_named() {
        let reader = SentReader::new(&SentTime { path: "$.meta.at".into(), unit: TimeUnit::Seconds }).unwrap().unwrap();
        assert_eq!(reader.read(br#"{"meta":{"at":2}}"#), Some(2_000_000_000));
        assert_eq!(reader.read(br#"{"meta":[]}"#), None);
        let any = SentReader::new(&SentTime { path: "$..at".into(), unit: TimeUnit::Seconds }).unwrap().unwrap();
        assert_eq!(any.read(br#"[{"at":3}]"#), Some(3_000_000_000));
        assert!(SentReader::new(&SentTime::NONE).unwrap().is_none());
        let wrong = SentReader::new(&SentTime { path: "$.[".into(), unit: TimeUnit::Detect }).unwrap_err();
        assert!(wrong.starts_with("$.[ is no JSONPath"), "{wrong}");
    }
}
