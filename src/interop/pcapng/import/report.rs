//! What is said of an import: what was left out, what was missing, what was guessed, each with its count.

use super::reading::Losses;
use super::speaks::Protocol;
use super::survey::Survey;
use crate::interop::Report;
use std::collections::BTreeSet;

/// Ports that are named at most.
const MOST_PORTS: usize = 8;

/// What helps where connections are encrypted.
const TLS_HINT: &str = "SSLKEYLOGFILE is not applied; capture plain text, or record with Pushscope";

/// What is said of a capture from which something was imported.
pub fn of(survey: &Survey, losses: &Losses) -> Report {
    let mut remarks = left_out(survey);
    let mut say = |number: u64, what: &str, text: &str| {
        if number > 0 {
            remarks.push(format!("{} {text}", count(number, what)));
        }
    };
    let sum = |of: fn(&super::Taken) -> u64| survey.taken().map(of).sum::<u64>();
    say(sum(|t| u64::from(!t.has_begun)), "connection", "began before the capture: read from the first request on");
    say(sum(|t| t.left_out), "byte", "before a first request that was seen: left out");
    let is_over = |t: &super::Taken| t.rst || t.fin == [true; 2];
    say(survey.taken().filter(|t| !is_over(t)).count() as u64, "connection", "still open when the capture ended");
    say(sum(|t| t.repeated), "segment", "sent again: told once");
    say(sum(|t| t.cut), "segment", "cut by the snap length of the capture: the rest is missing");
    let Losses { missing, filled, too_late, .. } = losses;
    let places = |(gaps, bytes): &(u64, u64)| format!("{} in {}", count(*bytes, "byte"), count(*gaps, "place"));
    if missing.0 > 0 {
        remarks.push(format!("{} not in the capture; each is told in the timeline", places(missing)));
    }
    if too_late.0 > 0 {
        let text = format!("{} so far out of order that they were not waited for", places(too_late));
        remarks.push(format!("{text}; reordercap of Wireshark may help"));
    }
    let left_out = (missing.1 + too_late.1).saturating_sub(*filled);
    if *filled > 0 {
        remarks.push(format!("zeros stand for {} that are missing", count(*filled, "byte")));
    }
    if left_out > 0 {
        remarks.push(format!("nothing stands for {} that are missing: too many at once", count(left_out, "byte")));
    }
    Report { written: survey.taken().count() as u64, of: "TCP connections", remarks }
}

/// Why there is nothing to import.
pub fn nothing(name: &str, survey: &Survey) -> String {
    let mut parts = left_out(survey);
    if survey.packets == 0 {
        parts.push("it has no packets".to_owned());
    } else if survey.streams.is_empty() {
        parts.push("it has no TCP".to_owned());
    }
    format!("{name}: nothing in this capture is plain HTTP, WebSocket or SOCKS: {}", parts.join("; "))
}

fn left_out(survey: &Survey) -> Vec<String> {
    let mut remarks = Vec::new();
    let untaken = || survey.streams.iter().filter(|stream| stream.taken.is_none());
    let protocols: BTreeSet<Protocol> =
        untaken().filter(|s| !s.is_headless && !s.is_in_pieces).map(|s| s.protocol).collect();
    for protocol in protocols {
        let these = || untaken().filter(|s| s.protocol == protocol && !s.is_headless && !s.is_in_pieces);
        let number = count(these().count() as u64, "connection");
        let ports = ports(these().map(|stream| stream.port).collect());
        remarks.push(match protocol {
            Protocol::Nothing => format!("{number} without bytes: left out"),
            Protocol::Tls => format!("{number} with TLS ({ports}): left out; {TLS_HINT}"),
            _ => format!("{number} with {} ({ports}): left out", protocol.name()),
        });
    }
    let mut say = |number: u64, what: &str, text: &str| {
        if number > 0 {
            remarks.push(format!("{} {text}", count(number, what)));
        }
    };
    let headless = untaken().filter(|s| s.is_headless && !s.is_in_pieces).count() as u64;
    say(headless, "connection", "began before the capture, and no request was seen: left out");
    say(untaken().filter(|s| s.is_in_pieces).count() as u64, "connection", "with too many gaps: left out");
    say(survey.beyond, "packet", "of more connections than can be kept apart: left out");
    let passed = &survey.passed;
    let mut links: Vec<_> = passed.unknown_links.iter().collect();
    links.sort();
    for (link_type, number) in links {
        say(*number, "packet", &format!("of link type {link_type}, which is not known here: left out"));
    }
    say(passed.not_ip, "packet", "without IP: left out");
    say(passed.not_tcp, "packet", "of IP without TCP: left out");
    say(passed.broken, "packet", "cut or damaged within its headers: left out");
    say(passed.joined, "datagram", "put together from fragments");
    say(passed.unjoined, "datagram", "without all of its fragments: left out");
    say(survey.strays, "packet", "of an interface that the file does not describe: left out");
    say(survey.overlong, "packet", "with a length for which its block has no room: left out");
    say(survey.untimed, "packet", "without a time: it has that of the packet before");
    say(survey.comments, "packet", "with a comment, which is not carried over");
    if let Some(damage) = &survey.damage {
        remarks.push(format!("the capture is damaged: {damage}; what comes before that was read"));
    }
    remarks
}

fn ports(ports: BTreeSet<u16>) -> String {
    let named: Vec<String> = ports.iter().take(MOST_PORTS).map(u16::to_string).collect();
    let more = if ports.len() > MOST_PORTS { " and others" } else { "" };
    format!("port{} {}{more}", if ports.len() == 1 { "" } else { "s" }, named.join(", "))
}

/// A number of things.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
