//! A recording as pcapng.

mod addresses;
mod blocks;
mod plan;
mod stream;

use crate::interop::{Chosen, InteropError, Progress, Report};
use crate::session::{Happened, Step, fact_line};
use crate::wire::{Dir, LinkId, What};
use addresses::{Addresses, shown_port};
use blocks::Blocks;
use plan::{Plan, Planned};
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use stream::{SEGMENT_LIMIT_BYTES, Stream};

/// How many events go by between two reports of progress.
const EVENTS_BETWEEN_REPORTS: u64 = 256;

const BUFFER_BYTES: usize = 256 * 1024;

const INTERFACE_NAME: &str = "pushscope";

const DESCRIPTION: &str = "What Pushscope recorded above TCP and TLS. Bytes, their times and how connections ended are as \
                           recorded; TCP and IP around them are made up";

/// Writes a recording as pcapng; one packet for each read or write, and those that TCP needs around them.
///
/// Where only some records are chosen, all of the links that hold them are written. The report's `written` counts
/// packets. There is nothing to write where no link was ever connected.
pub fn write(chosen: &Chosen<'_>, out: &mut dyn Write, progress: Progress<'_>) -> Result<Report, InteropError> {
    let session = chosen.session;
    let mut addresses = Addresses::of(session);
    let plan = Plan::of(chosen, &mut addresses);
    if plan.links.is_empty() {
        return Err(InteropError::Nothing(
            "there are no packets to write: none of the chosen records belongs to a link that was connected; choose \
             records of a link that carried bytes"
                .to_owned(),
        ));
    }
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let mut blocks = Blocks::new(&mut out);
    let mut comments = vec![format!("{} (recorded by Pushscope; TCP and IP are made up)", chosen.title)];
    comments.extend(plan.loose_remarks.iter().cloned());
    blocks.section(&comments)?;
    blocks.interface(INTERFACE_NAME, DESCRIPTION)?;
    // A block has a length, and a capture with many hosts many names.
    for names in addresses.names.chunks(1000) {
        blocks.names(names)?;
    }
    let mut writing = Writing {
        plan: &plan,
        addresses,
        blocks,
        started_unix_ns: session.started_unix_ns.max(0) as u64,
        open: HashMap::new(),
        facts_left_out: 0,
        missing: (0, 0),
        sent_bytes: 0,
    };
    let is_written = |link: LinkId| plan.links.contains_key(&link);
    for (number, step) in (0u64..).zip(session.steps(is_written)) {
        if number % EVENTS_BETWEEN_REPORTS == 0 && !progress(writing.sent_bytes, plan.total_bytes) {
            return Err(InteropError::Stopped);
        }
        writing.take(chosen, &step)?;
    }
    progress(plan.total_bytes, plan.total_bytes);
    let report = writing.report(chosen);
    out.flush()?;
    Ok(report)
}

struct Writing<'w> {
    plan: &'w Plan,
    addresses: Addresses,
    blocks: Blocks<'w>,
    started_unix_ns: u64,
    open: HashMap<LinkId, Open>,
    /// Facts that came when their link had no packets left.
    facts_left_out: u64,
    /// Events whose bytes are not to be had, and how many bytes.
    missing: (u64, u64),
    sent_bytes: u64,
}

/// A link some of whose packets are written.
struct Open {
    stream: Stream,
    /// What goes onto its next packet.
    facts: Vec<String>,
    remarks: Vec<String>,
    /// How many of the remarks on its bytes are written.
    remarked: [usize; 2],
    /// What was recorded of its end, which may have to wait for its bytes.
    ended: [bool; 2],
    closed_by: Option<Dir>,
    failed_by: Option<Dir>,
    is_finished: bool,
}

impl Open {
    fn new(ends: [SocketAddr; 2], number: u32, about: &str) -> Open {
        // Any numbers will do; these differ from link to link, and are the same each time.
        let first_sequence = [number.wrapping_mul(0x0001_0000), number.wrapping_mul(0x0001_0000) ^ 0x4000_0000];
        Open {
            stream: Stream::new(ends, first_sequence),
            facts: vec![about.to_owned()],
            remarks: Vec::new(),
            remarked: [0; 2],
            ended: [false; 2],
            closed_by: None,
            failed_by: None,
            is_finished: false,
        }
    }

    fn comments(&mut self) -> Vec<String> {
        let facts = std::mem::take(&mut self.facts);
        let facts = (!facts.is_empty()).then(|| facts.join("\n"));
        facts.into_iter().chain(self.remarks.drain(..)).collect()
    }
}

impl Writing<'_> {
    fn take(&mut self, chosen: &Chosen<'_>, step: &Step<'_>) -> io::Result<()> {
        let Some(planned) = self.plan.links.get(&step.link) else { return Ok(()) };
        let Some(link) = chosen.session.link(step.link) else { return Ok(()) };
        let unix_ns = self.started_unix_ns.saturating_add(step.at_ns);
        let mut open = match self.open.remove(&step.link) {
            Some(open) => open,
            None => Open::new(self.addresses.open(&planned.ends), step.link.0, &planned.about),
        };
        match step.happened {
            Happened::Fact(event) => self.take_fact(&mut open, planned, step.seq, &event.what, unix_ns)?,
            Happened::Moved { dir, start, len } => {
                self.connect(&mut open, unix_ns)?;
                self.sent_bytes += len;
                match step.bytes(chosen.session.store()) {
                    Some(bytes) => self.send(&mut open, planned, dir, start, &bytes, unix_ns)?,
                    None => {
                        self.missing = (self.missing.0 + 1, self.missing.1 + len);
                        open.stream.skip(dir, len);
                    }
                }
            }
        }
        let is_sent = |open: &Open, dir: Dir| open.stream.sent(dir) >= link.len_bytes(dir);
        for dir in [Dir::Out, Dir::In] {
            if open.ended[dir.index()] && !open.stream.has_ended(dir) && is_sent(&open, dir) {
                self.connect(&mut open, unix_ns)?;
                self.end(&mut open, dir, unix_ns)?;
            }
        }
        if is_sent(&open, Dir::Out) && is_sent(&open, Dir::In) {
            self.finish(&mut open, step.seq >= planned.last_seq, unix_ns)?;
        }
        self.open.insert(step.link, open);
        Ok(())
    }

    fn take_fact(&mut self, open: &mut Open, planned: &Planned, seq: u64, what: &What, unix_ns: u64) -> io::Result<()> {
        if let What::Ended(dir) = what {
            open.ended[dir.index()] = true;
            return Ok(());
        }
        if matches!(what, What::Progress(_)) {
            return Ok(());
        }
        if open.is_finished || seq > planned.last_seq {
            self.facts_left_out += 1;
            return Ok(());
        }
        open.facts.push(fact_line(what));
        open.remarks.extend(self.plan.fact_remarks.get(&seq).cloned());
        match what {
            What::Connected(_) | What::Tunnelled(_) => self.connect(open, unix_ns)?,
            What::Closed(closed) => {
                open.closed_by.get_or_insert(closed.by);
            }
            What::Failed(failure) => {
                // Who broke it off is told in words only; where it was not the other side, it was us.
                let by = if failure.text.contains("reset") { Dir::In } else { Dir::Out };
                open.failed_by.get_or_insert(by);
            }
            _ => {}
        }
        Ok(())
    }

    /// The three-way handshake, unless it was (RFC 9293 §3.5).
    fn connect(&mut self, open: &mut Open, unix_ns: u64) -> io::Result<()> {
        if open.stream.has_begun() {
            return Ok(());
        }
        let comments = open.comments();
        let packet = open.stream.syn(Dir::Out);
        self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)?;
        let packet = open.stream.syn(Dir::In);
        self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &[])?;
        self.acknowledge(open, Dir::Out, unix_ns)
    }

    fn acknowledge(&mut self, open: &mut Open, dir: Dir, unix_ns: u64) -> io::Result<()> {
        let comments = open.comments();
        let packet = open.stream.acknowledge(dir);
        self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)
    }

    fn send(
        &mut self,
        open: &mut Open,
        planned: &Planned,
        dir: Dir,
        start: u64,
        bytes: &[u8],
        unix_ns: u64,
    ) -> io::Result<()> {
        if open.stream.has_ended(dir) {
            return Ok(());
        }
        let (mut at, count) = (start, bytes.chunks(SEGMENT_LIMIT_BYTES).len());
        for (number, payload) in bytes.chunks(SEGMENT_LIMIT_BYTES).enumerate() {
            at += payload.len() as u64;
            let mut comments = open.comments();
            let remarks = &planned.remarks[dir.index()];
            while let Some((_, remark)) = remarks.get(open.remarked[dir.index()]).filter(|(last, _)| *last < at) {
                comments.push(remark.clone());
                open.remarked[dir.index()] += 1;
            }
            let packet = open.stream.data(dir, payload, number + 1 == count);
            self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)?;
            if open.stream.wants_acknowledgment(dir) {
                self.acknowledge(open, dir.opposite(), unix_ns)?;
            }
        }
        Ok(())
    }

    /// FIN of one side. Where both have sent it, its acknowledgment waits: what is said of the link's end goes there.
    fn end(&mut self, open: &mut Open, dir: Dir, unix_ns: u64) -> io::Result<()> {
        let comments = open.comments();
        let packet = open.stream.fin(dir);
        self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)?;
        if open.stream.is_over() { Ok(()) } else { self.acknowledge(open, dir.opposite(), unix_ns) }
    }

    /// What is left to say at the end of a link, all of whose bytes are sent.
    fn finish(&mut self, open: &mut Open, is_last: bool, unix_ns: u64) -> io::Result<()> {
        if open.is_finished || !open.stream.has_begun() {
            return Ok(());
        }
        if let (Some(by), None) = (open.closed_by, open.failed_by) {
            for dir in [by, by.opposite()] {
                if !open.stream.has_ended(dir) {
                    let comments = open.comments();
                    let packet = open.stream.fin(dir);
                    self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)?;
                }
            }
        }
        if let Some(by) = open.failed_by
            && !open.stream.is_over()
        {
            let comments = open.comments();
            let packet = open.stream.reset(by);
            self.blocks.packet(unix_ns, packet.dir, &packet.bytes, &comments)?;
            open.is_finished = true;
        }
        let is_said = open.closed_by.is_some() || open.failed_by.is_some() || is_last;
        if open.stream.is_over() && !open.is_finished && is_said {
            for dir in [Dir::In, Dir::Out] {
                if !open.stream.is_acknowledged(dir) {
                    self.acknowledge(open, dir.opposite(), unix_ns)?;
                }
            }
            open.is_finished = true;
        }
        if open.is_finished {
            self.addresses.close(open.stream.ends);
        }
        Ok(())
    }

    fn report(&self, chosen: &Chosen<'_>) -> Report {
        let planned = || self.plan.links.values();
        let links = planned().count();
        let mut remarks = Vec::new();
        if let Some(ids) = chosen.ids {
            remarks.push(format!(
                "chosen: {}; written: all of the {} that hold them, since a TCP connection cannot be cut",
                count(ids.len() as u64, "record"),
                count(links as u64, "link"),
            ));
        }
        let mut say = |number: u64, what: &str, text: &str| {
            if number > 0 {
                remarks.push(format!("{} {text}", count(number, what)));
            }
        };
        say(self.plan.unconnected, "link", "never got a connection: no packets");
        let moved = |planned: &&Planned| {
            shown_port(planned.ends.server.port(), planned.ends.is_socks) != planned.ends.server.port()
        };
        say(
            planned().filter(moved).count() as u64,
            "link",
            "on another port than was dialled, so that it is dissected: 443 stands as 80, others as 8080, SOCKS as 1080; \
             a comment on the first packet says which",
        );
        let secured = self.plan.links.keys().filter(|id| chosen.session.link(**id).is_some_and(|l| l.tls.is_some()));
        say(secured.count() as u64, "link", "with TLS: what it carried stands in plain text");
        let invented = planned().filter(|planned| planned.ends.is_invented).count() as u64;
        say(invented, "link", "whose server's address is not known: a private one stands for it");
        say(self.missing.1, "byte", "missing in the recording: the capture has a gap there");
        say(
            self.facts_left_out,
            "fact",
            "after the last packet of its link (waits, the end of a connection): left out",
        );
        let loose = self.plan.loose_remarks.len() as u64;
        say(loose, "remark", "on what has no packet: in the comment of the whole file");
        say(self.plan.remarks_left_out, "remark", "on what is not written: left out");
        say(self.blocks.cut_comments, "comment", "too long for the format: cut");
        if self.started_unix_ns == 0 {
            remarks.push("when the recording began is not known: times count from 1970".to_owned());
        }
        Report { written: self.blocks.packets, of: "packets", remarks }
    }
}

/// A number of things.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
