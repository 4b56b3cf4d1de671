//! Activity over time: received upward, sent downward, as bars.

use crate::interop::Chosen;
use crate::session::{Severity, duration};
use std::io::{Result, Write};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 132.0;
/// Where the bars begin, and how long the longest is.
const MIDDLE: f64 = 62.0;
const LONGEST: f64 = 50.0;
/// Bars at most.
const BARS: usize = 320;

pub(super) fn activity(chosen: &Chosen, out: &mut dyn Write) -> Result<()> {
    let session = chosen.session;
    let end_ns = session.last_at_ns();
    let bins = session.activity(0..end_ns + 1, BARS);
    let by_messages = bins.buckets.iter().any(|bucket| bucket.messages != [0, 0]);
    let amount = |bucket: &crate::session::Bucket| if by_messages { bucket.messages } else { bucket.bytes };
    let most = bins.buckets.iter().flat_map(amount).max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    let unit = if by_messages { "messages" } else { "bytes" };
    let span = bins.width_ns as f64 * bins.buckets.len() as f64;
    let end = (end_ns as f64).max(1.0).max(span.min(end_ns as f64 + bins.width_ns as f64));
    let x = |ns: f64| (ns - bins.start_ns as f64).max(0.0) / end * (WIDTH - 24.0) + 12.0;
    let width = (bins.width_ns as f64 / end * (WIDTH - 24.0)).max(1.0);
    let each = duration(bins.width_ns);
    write!(
        out,
        "<h2>Activity</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{unit} over {}: received \
         upward, sent downward; the longest bar is {most} in {each}\">\n\
         <line class=\"mid\" x1=\"12\" x2=\"{}\" y1=\"{MIDDLE}\" y2=\"{MIDDLE}\"/>\n",
        duration(end_ns),
        WIDTH - 12.0
    )?;
    for (at, bucket) in bins.buckets.iter().enumerate() {
        let left = x(bins.start_ns as f64 + (at as f64) * bins.width_ns as f64);
        let [sent, received] = amount(bucket);
        let length = |amount: u64| (amount as f64 / most as f64 * LONGEST).max(1.5);
        let wide = (width - 0.5).max(0.8);
        if received > 0 {
            let high = length(received);
            let top = MIDDLE - high;
            write!(
                out,
                "<rect class=\"in\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"/>"
            )?;
        }
        if sent > 0 {
            let high = length(sent);
            write!(
                out,
                "<rect class=\"out\" x=\"{left:.1}\" y=\"{MIDDLE}\" width=\"{wide:.1}\" height=\"{high:.1}\"/>"
            )?;
        }
        if bucket.worst >= Severity::Warning {
            let name = bucket.worst.name();
            let middle = left + wide / 2.0;
            write!(out, "<circle class=\"{name}\" cx=\"{middle:.1}\" cy=\"5\" r=\"3\"/>")?;
        }
    }
    for remark in chosen.remarks.iter().filter(|remark| remark.record < session.records().len()) {
        let at = x(session.at_ns(remark.record) as f64);
        write!(out, "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"10\" y2=\"112\"/>")?;
    }
    write!(
        out,
        "\n<text x=\"12\" y=\"126\">0</text><text x=\"{}\" y=\"126\" text-anchor=\"middle\">{}</text>\
         <text x=\"{}\" y=\"126\" text-anchor=\"end\">{}</text>\n</svg>\n",
        WIDTH / 2.0,
        duration((end / 2.0) as u64),
        WIDTH - 12.0,
        duration(end as u64)
    )?;
    writeln!(
        out,
        "<p class=\"legend\"><span><b class=\"in\">▲</b> received</span><span><b class=\"out\">▼</b> sent</span>\
         <span>{unit} in {each} a bar, {most} at most</span></p>"
    )
}
