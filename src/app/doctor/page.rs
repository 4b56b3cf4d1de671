//! The doctor's report as a page that needs nothing else: no script, no font, no picture from elsewhere.

use super::{Report, Verdict};
use crate::session::duration;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2126;\
background:#fff}h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d5d9de}th{font-weight:600}\
.works{color:#0b6e32}.delayed{color:#7a4b00}.broken{color:#a8071a}.other{color:#5a626b}\
blockquote{margin:.4rem 0;padding:.4rem 1rem;border-left:3px solid #8a939c;white-space:pre-wrap}dt{font-weight:600}\
dd{margin:0 0 .4rem}@media (prefers-color-scheme:dark){body{background:#16181b;color:#e4e7ea}td,th{border-color:#3a4047}\
.works{color:#6fd08c}.delayed{color:#e0b060}.broken{color:#ff8a8a}.other{color:#a4acb4}}";

/// The report as HTML.
pub fn page(report: &Report) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style></head>\n<body>\n<h1>{0}</h1>\n<p>{1}, Pushscope {2}</p>\n<table>\n\
         <tr><th>way</th><th>verdict</th><th>time</th><th></th></tr>\n",
        escaped(&report.address),
        escaped(&report.began),
        env!("CARGO_PKG_VERSION"),
    );
    for outcome in &report.outcomes {
        let class = match outcome.verdict {
            Verdict::Works { .. } => "works",
            Verdict::Delayed { .. } => "delayed",
            Verdict::Broken { .. } => "broken",
            Verdict::NotOffered { .. } => "other",
        };
        html.push_str(&format!(
            "<tr><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(&outcome.way.name()),
            outcome.verdict.label(),
            duration(outcome.took_ns),
            escaped(&outcome.verdict.detail()),
        ));
    }
    html.push_str(&format!("</table>\n<h2>Choose</h2>\n<p>{}</p>\n", escaped(&report.choose)));
    if !report.ask.is_empty() {
        html.push_str(&format!(
            "<h2>Ask the network's owner</h2>\n<blockquote>{}</blockquote>\n",
            escaped(&report.ask)
        ));
    }
    for (way, finding) in report.findings() {
        html.push_str(&format!(
            "<h2>{} <small>({}, {})</small></h2>\n<dl><dt>Seen</dt><dd>{}</dd><dt>Means</dt><dd>{}</dd><dt>Try</dt><dd>{}</dd></dl>\n",
            escaped(finding.title),
            finding.confidence.label(),
            escaped(&way),
            escaped(&finding.seen),
            escaped(&finding.means),
            escaped(&finding.attempt),
        ));
    }
    html.push_str("</body></html>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
