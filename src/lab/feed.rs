//! The generated feed: what message number `n` says, and when it is due.

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::message::{Form, Message, json_string};
use super::params::{Params, Scenario};

/// As good as for ever, and still safe to add to an `Instant`.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

const TWEETS: [&str; 3] = [
    r#"{"id":123,"text":"あいうえお","user":{"id":1,"screen_name":"lab","name":"ラボ"}}"#,
    r#"{"id":456,"text":"今からこれふぁぼります","user":{"id":1,"screen_name":"lab","name":"ラボ"}}"#,
    r#"{"event":"favorite","source":{"id":2,"screen_name":"reader","name":"読者"},"target":{"id":1,"screen_name":"lab","name":"ラボ"},"target_object":{"id":456,"text":"今からこれふぁぼります"}}"#,
];

/// Writes the messages of one scenario.
#[derive(Debug)]
pub struct Generator {
    scenario: Scenario,
    size_bytes: usize,
    /// `,"channel":"demo"`
    channel: String,
    second: i64,
    /// `second` as RFC 3339, up to the dot.
    second_text: String,
}

impl Generator {
    pub fn new(params: &Params) -> Self {
        Self {
            scenario: params.scenario,
            size_bytes: params.size_bytes,
            channel: format!(",\"channel\":{}", json_string(&params.channel)),
            second: i64::MIN,
            second_text: String::new(),
        }
    }

    /// Whether there is a message after number `n`.
    pub fn continues_after(&self, n: u64) -> bool {
        match self.scenario {
            Scenario::Feed => true,
            Scenario::Tweets => n < TWEETS.len() as u64,
            Scenario::Quiet => false,
        }
    }

    /// The number of the last message, of a scenario that ends by itself.
    pub fn last(scenario: Scenario) -> Option<u64> {
        (scenario == Scenario::Tweets).then_some(TWEETS.len() as u64)
    }

    /// Writes message `n` (from 1) over `message`, all but the position.
    pub fn write(&mut self, n: u64, sent_ns: i64, message: &mut Message) {
        let data = &mut message.data;
        data.clear();
        message.form = Form::Json;
        message.event = None;
        message.cut = None;
        if self.scenario == Scenario::Tweets {
            let tweet = usize::try_from(n).ok().and_then(|n| TWEETS.get(n.wrapping_sub(1)));
            data.extend_from_slice(tweet.copied().unwrap_or("{}").as_bytes());
            if n == 2 {
                message.cut = memchr::memmem::find(data, "今".as_bytes()).map(|at| at + "今".len());
            }
            return;
        }
        self.remember_second(sent_ns.div_euclid(1_000_000_000));
        let micros = sent_ns.rem_euclid(1_000_000_000) / 1000;
        // Writing to a Vec cannot fail.
        let _ = write!(data, "{{\"n\":{n},\"sent\":\"{}.{micros:06}Z\",\"sent_ns\":{sent_ns}", self.second_text);
        data.extend_from_slice(self.channel.as_bytes());
        let _ = write!(data, ",\"text\":\"push {n} プッシュ");
        const END: &[u8] = b"\"}";
        let padded = self.size_bytes.saturating_sub(END.len());
        if data.len() < padded {
            data.resize(padded, b'.');
        }
        data.extend_from_slice(END);
    }

    fn remember_second(&mut self, second: i64) {
        if second != self.second {
            self.second = second;
            let moment = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            self.second_text = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        }
    }
}

/// Nanoseconds since 1970.
pub fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// How long `messages` take at `rate` a second.
pub fn time_for(messages: u64, rate: f64) -> Duration {
    if rate == 0.0 {
        return Duration::ZERO;
    }
    let wait = Duration::try_from_secs_f64(messages as f64 / rate).unwrap_or(LONGEST_WAIT);
    wait.min(LONGEST_WAIT)
}

/// When the messages of a polled feed are due: number `first` at `start`, the next each 1/rate later.
///
/// A poll leaves nothing behind on the server, so its feed is a function of the clock: whoever asks again with the
/// same parameters reads the same messages, with the same times in them.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    pub start: Instant,
    pub start_ns: i64,
    pub first: u64,
}

impl Timeline {
    pub fn starting_now(first: u64) -> Self {
        Self { start: Instant::now(), start_ns: unix_ns(), first }
    }

    /// The number of the last message that is due by now.
    pub fn reached(&self, params: &Params) -> u64 {
        let last = Generator::last(params.scenario).unwrap_or(u64::MAX);
        let last = last.min(params.count.unwrap_or(u64::MAX));
        let due = match (params.scenario, params.rate == 0.0) {
            (Scenario::Quiet, _) => 0,
            (_, true) => u64::MAX,
            // A float that is too large for the integer saturates.
            _ => self.first.saturating_add((self.start.elapsed().as_secs_f64() * params.rate) as u64),
        };
        due.min(last)
    }

    /// When message `n` is due; `None` if the scenario generates nothing.
    pub fn due(&self, n: u64, params: &Params) -> Option<Instant> {
        let after = time_for(n.saturating_sub(self.first), params.rate);
        (params.scenario != Scenario::Quiet).then(|| self.start + after)
    }

    pub fn sent_ns(&self, n: u64, rate: f64) -> i64 {
        let after = time_for(n.saturating_sub(self.first), rate).as_nanos();
        self.start_ns.saturating_add(i64::try_from(after).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_json_of_the_asked_size() {
        let params = Params { size_bytes: 200, channel: "a\"b".to_owned(), ..Params::default() };
        let mut message = Message::default();
        Generator::new(&params).write(7, 1_700_000_000_000_001_999, &mut message);
        assert_eq!(message.data.len(), 200);
        let value: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
        assert_eq!(value["n"], 7);
        assert_eq!(value["sent"], "2023-11-14T22:13:20.000001Z");
        assert_eq!(value["sent_ns"], 1_700_000_000_000_001_999_u64);
        assert_eq!(value["channel"], "a\"b");
    }

    #[test]
    fn tweets_are_json_and_the_second_is_cut_after_its_first_character() {
        let mut generator = Generator::new(&Params { scenario: Scenario::Tweets, ..Params::default() });
        let mut message = Message::default();
        for n in 1..=3 {
            generator.write(n, 0, &mut message);
            assert_eq!(Form::of(&message.data), Form::Json);
            assert_eq!(message.cut.is_some(), n == 2);
        }
        generator.write(2, 0, &mut message);
        assert!(message.data[..message.cut.unwrap()].ends_with("今".as_bytes()));
    }
}
