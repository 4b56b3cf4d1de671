//! What the doctor says: a table of the ways, which one to choose, and what to ask the network's owner for.

use super::{Outcome, Verdict, rank};
use crate::session::Severity;
use crate::session::duration;
use crate::transport::PushType;
use serde_json::{Value as Json, json};

/// Messages that are later than on the quickest way by so much are delayed.
const DELAY_NS: i128 = 700_000_000;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportAs {
    /// For terminals and mails.
    Text,
    /// For programs.
    Json,
    /// For tickets.
    Markdown,
    /// A page that needs nothing else.
    Html,
}

impl ReportAs {
    /// Every way to write it.
    pub const ALL: [ReportAs; 4] = [ReportAs::Text, ReportAs::Json, ReportAs::Markdown, ReportAs::Html];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            ReportAs::Text => "text",
            ReportAs::Json => "JSON",
            ReportAs::Markdown => "Markdown",
            ReportAs::Html => "HTML",
        }
    }

    /// The form that goes with a file's name.
    pub fn of_extension(extension: &str) -> ReportAs {
        match extension.to_lowercase().as_str() {
            "json" => ReportAs::Json,
            "md" | "markdown" => ReportAs::Markdown,
            "html" | "htm" => ReportAs::Html,
            _ => ReportAs::Text,
        }
    }
}

/// What came of trying every way.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked about.
    pub address: String,
    /// When it was begun (RFC 3339).
    pub began: String,
    /// The ways and how they turned out.
    pub outcomes: Vec<Outcome>,
    /// Which way to choose here, in a sentence.
    pub choose: String,
    /// What to ask the network's owner for, in words to forward; empty where there is nothing to ask.
    pub ask: String,
}

impl Report {
    pub(super) fn new(address: String, began: String, mut outcomes: Vec<Outcome>) -> Report {
        pages(&mut outcomes);
        delays(&mut outcomes);
        let (choose, ask) = (choose(&outcomes), ask(&address, &outcomes));
        Report { address, began, outcomes, choose, ask }
    }

    /// Whether any way can be used.
    pub fn is_reachable(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.verdict.is_usable())
    }

    /// The report in one of its forms.
    pub fn write(&self, how: ReportAs) -> String {
        match how {
            ReportAs::Text => self.to_text(),
            ReportAs::Json => format!("{:#}\n", self.to_json()),
            ReportAs::Markdown => self.to_markdown(),
            ReportAs::Html => super::page::page(self),
        }
    }

    fn to_text(&self) -> String {
        let names: Vec<String> = self.outcomes.iter().map(|outcome| outcome.way.name()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut text = format!("{}, {}\n\n", self.address, self.began);
        for (outcome, name) in self.outcomes.iter().zip(&names) {
            let pad = " ".repeat(width - name.chars().count());
            let (label, took) = (outcome.verdict.label(), duration(outcome.took_ns));
            text.push_str(&format!("{name}{pad}  {label:<11}  {took:>8}  {}\n", outcome.verdict.detail()));
        }
        text.push_str(&format!("\nChoose: {}\n", self.choose));
        if !self.ask.is_empty() {
            text.push_str(&format!("\nAsk the network's owner:\n{}\n", self.ask));
        }
        let findings = self.findings();
        if !findings.is_empty() {
            text.push_str("\nFindings\n");
            for (way, finding) in findings {
                text.push_str(&format!("- {way}: {}", finding.to_text()));
            }
        }
        text
    }

    fn to_markdown(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let mut text =
            format!("# {}\n\n{}\n\n| way | verdict | time | |\n|---|---|---|---|\n", cell(&self.address), self.began);
        for outcome in &self.outcomes {
            let (name, label) = (outcome.way.name(), outcome.verdict.label());
            let detail = cell(&outcome.verdict.detail());
            text.push_str(&format!("| {} | **{label}** | {} | {detail} |\n", cell(&name), duration(outcome.took_ns)));
        }
        text.push_str(&format!("\n**Choose:** {}\n", self.choose));
        if !self.ask.is_empty() {
            let quoted = self.ask.lines().map(|line| format!("> {line}\n")).collect::<String>();
            text.push_str(&format!("\n**Ask the network's owner:**\n\n{quoted}"));
        }
        for (way, finding) in self.findings() {
            text.push_str(&format!(
                "\n## {} ({})\n\n{way}\n\n- **Seen:** {}\n- **Means:** {}\n- **Try:** {}\n",
                finding.title,
                finding.confidence.label(),
                finding.seen,
                finding.means,
                finding.attempt
            ));
        }
        text
    }

    fn to_json(&self) -> Json {
        let outcomes: Vec<Json> = self
            .outcomes
            .iter()
            .map(|outcome| {
                json!({
                    "type": outcome.way.push_type.name(),
                    "tls": outcome.way.tls,
                    "url": outcome.way.url,
                    "proxy": outcome.way.proxy,
                    "verdict": outcome.verdict.label(),
                    "detail": outcome.verdict.detail(),
                    "delayed_ns": match outcome.verdict { Verdict::Delayed { by_ns } => Some(by_ns), _ => None },
                    "stage": match &outcome.verdict { Verdict::Broken { stage, .. } => Some(stage), _ => None },
                    "took_ns": outcome.took_ns,
                    "findings": outcome.findings.iter().map(|finding| finding.to_json()).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "address": self.address,
            "began": self.began,
            "ways": outcomes,
            "choose": self.choose,
            "ask": self.ask,
        })
    }

    /// The findings of all ways, each once, with the way on which it was seen first. What is for learners stays out.
    pub(super) fn findings(&self) -> Vec<(String, &crate::session::findings::Finding)> {
        let mut found: Vec<(String, &crate::session::findings::Finding)> = Vec::new();
        for outcome in &self.outcomes {
            for finding in outcome.findings.iter().filter(|finding| finding.severity >= Severity::Warning) {
                let is_known =
                    found.iter().any(|(_, known)| known.key == finding.key && known.attempt == finding.attempt);
                // What the server does not offer is no fault of anybody's.
                if !is_known && !matches!(outcome.verdict, Verdict::NotOffered { .. }) {
                    found.push((outcome.way.name(), finding));
                }
            }
        }
        found
    }
}

/// A page that came in the place of a stream is none of the server's: whoever polled got it as well.
fn pages(outcomes: &mut [Outcome]) {
    let is_blocked = |outcome: &&Outcome| outcome.findings.iter().any(|finding| finding.key == "proxy.block-page");
    let blocked: Vec<(bool, Option<String>)> =
        outcomes.iter().filter(is_blocked).map(|outcome| (outcome.way.tls, outcome.way.proxy.clone())).collect();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_page && outcome.verdict.is_usable()) {
        if blocked.contains(&(outcome.way.tls, outcome.way.proxy.clone())) {
            let why =
                "a web page came, as it did where a stream was asked for: something in between answers".to_owned();
            outcome.verdict = Verdict::Broken { stage: "answer".to_owned(), why };
        }
    }
}

/// Calls ways delayed whose messages are later than those of the quickest way, by the senders' own times.
fn delays(outcomes: &mut [Outcome]) {
    let Some(least) = outcomes.iter().filter_map(|outcome| outcome.latency_ns).map(|(least, _)| least).min() else {
        return;
    };
    for outcome in outcomes {
        let Some((_, most)) = outcome.latency_ns.filter(|_| outcome.verdict.is_usable()) else { continue };
        if most - least > DELAY_NS {
            outcome.verdict = Verdict::Delayed { by_ns: u64::try_from(most - least).unwrap_or(u64::MAX) };
        }
    }
}

fn choose(outcomes: &[Outcome]) -> String {
    let usable = outcomes.iter().filter(|outcome| outcome.verdict.is_usable());
    let best = usable.max_by_key(|outcome| {
        let is_prompt = matches!(outcome.verdict, Verdict::Works { .. });
        (is_prompt, rank(outcome.way.push_type), outcome.way.tls, outcome.way.proxy.is_none())
    });
    let Some(best) = best else {
        return "no way to this address works from here; the findings say why.".to_owned();
    };
    let late = match best.verdict {
        Verdict::Delayed { .. } => ", though messages come late by it",
        _ => "",
    };
    let why = match (best.way.push_type, best.way.tls) {
        (PushType::Ws, true) => "it goes both ways, and TLS keeps boxes in between from touching it",
        (PushType::Ws, false) => "it goes both ways; with TLS fewer boxes in between would touch it",
        (PushType::Sse, _) => "it reconnects by itself and needs nothing but HTTP",
        (PushType::Stream, _) => "messages come as they are sent",
        (PushType::LongPoll, _) => "it gets through wherever HTTP does",
        _ => "it is the only one that is left",
    };
    format!("{}{late} ({}): {why}.", best.way.name(), best.way.url)
}

/// What to ask for: of each kind of break that is not the server's own, one request.
fn ask(address: &str, outcomes: &[Outcome]) -> String {
    let keys = [
        "proxy.connect-refused",
        "proxy.block-page",
        "proxy.answered",
        "websocket.upstream-dead",
        "websocket.connection-header",
        "websocket.upgrade-header",
        "websocket.upgrade-lost",
        "sse.buffered",
        "sse.http10",
        "idle-cut",
        "tls.intercepted",
        "tcp.timeout",
    ];
    let mut asks: Vec<String> = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| !matches!(outcome.verdict, Verdict::NotOffered { .. })) {
        let told = outcome.findings.iter().filter(|finding| keys.contains(&finding.key));
        for finding in told {
            let line = format!("- {} ({}): {} {}", finding.title, outcome.way.name(), finding.seen, finding.attempt);
            let title = finding.title;
            if !asks.iter().any(|known| known.contains(title)) {
                asks.push(line);
            }
        }
    }
    if asks.is_empty() {
        return String::new();
    }
    format!("We need a realtime connection to {address}. From this network we see:\n{}", asks.join("\n"))
}
