//! Silence that was cut after a time that somebody has configured.

use super::Confidence;
use super::reports::{Reports, Told};
use super::rules::IDLE_CUT;
use super::seen::{Case, Phase, Seen};
use super::text::this;
use crate::dissect::Severity;

const SECOND_NS: u64 = 1_000_000_000;

/// Times that are configured as they are, in seconds.
const TIMES: &[u64] = &[
    5, 10, 15, 20, 30, 40, 45, 50, 55, 60, 75, 90, 100, 120, 150, 180, 240, 300, 350, 360, 400, 450, 600, 900, 1200,
    1800, 3600,
];

/// How far from such a time silence may be: a fiftieth, or this.
const NEAR_NS: u64 = 300_000_000;

/// The configured time that silence is near to, in seconds.
fn configured(silence_ns: u64) -> Option<u64> {
    let is_near =
        |seconds: &&u64| silence_ns.abs_diff(**seconds * SECOND_NS) <= NEAR_NS.max(**seconds * SECOND_NS / 50);
    TIMES.iter().filter(is_near).min_by_key(|seconds| silence_ns.abs_diff(**seconds * SECOND_NS)).copied()
}

/// Whose default a time is.
fn whose(seconds: u64) -> &'static str {
    match seconds {
        30 => " (30 s is common in load balancers, such as those of Google Cloud, and in HAProxy)",
        55 => " (55 s is the limit of Heroku's router)",
        60 => " (60 s is the default of nginx, proxy_read_timeout, and of the AWS application load balancer)",
        75 => " (75 s is the default of nginx, keepalive_timeout)",
        100 => " (100 s is the limit of Cloudflare)",
        120 => " (120 s is common in Microsoft IIS and in firewalls)",
        240 => " (240 s is the limit of Azure's load balancer)",
        300 => " (300 s is common in Apache and in firewalls)",
        350 => " (350 s is the limit of AWS network load balancers and NAT gateways)",
        _ => "",
    }
}

/// The other side ended the link in the middle of something, at `end_ns`: tells where silence before it was as long as
/// somebody may have configured. Whether it did.
pub(super) fn cut(case: &Case, seen: &Seen, end_ns: u64, is_surely: bool, says: &str, reports: &mut Reports) -> bool {
    let silence_ns = end_ns.saturating_sub(case.last_byte_ns(end_ns));
    let Some(configured) = configured(silence_ns) else { return false };
    let about = configured.to_string();
    let is_again = reports.has(seen.connection, &IDLE_CUT, &about);
    let confidence = match (is_surely, is_again) {
        (true, true) => Confidence::Certain,
        (true, false) | (false, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let (what, beat) = match seen.phase {
        Phase::WebSocket => ("the WebSocket", "pings from the server or the client"),
        Phase::Waiting => ("the request that waited for its answer", "an answer, if only an empty one,"),
        _ => ("the stream", "comment lines (a line with a colon) or empty lines from the server"),
    };
    let below = (configured * 2 / 3).clamp(2, 45);
    reports.tell(
        case,
        Told {
            rule: &IDLE_CUT,
            severity: if is_surely { Severity::Error } else { Severity::Warning },
            confidence,
            about,
            seen: format!(
                "{} ended {what} after {configured} s without a byte in either direction ({:.2} s): {says}.",
                seen.whom(),
                silence_ns as f64 / SECOND_NS as f64
            ),
            means: format!(
                "A timeout of {configured} s for idle connections is set somewhere on the way: in a proxy, a load \
                 balancer, a firewall or the server itself{}.",
                whose(configured)
            ),
            attempt: format!(
                "Have something sent more often than every {configured} s, such as every {below} s: {beat}. Or have \
                 the timeout raised where it is set."
            ),
            evidence: vec![this(case, says)],
        },
    );
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_time_is_known_by_being_round() {
        assert_eq!(configured(60 * SECOND_NS + 40_000_000), Some(60));
        assert_eq!(configured(4_800_000_000), Some(5));
        assert_eq!(configured(352 * SECOND_NS), Some(350));
        assert_eq!(configured(595 * SECOND_NS), Some(600));
        for seconds in [1, 3, 7, 8, 12, 25, 35, 65, 80, 110, 200, 700] {
            assert_eq!(configured(seconds * SECOND_NS), None, "{seconds} s");
        }
    }
}
