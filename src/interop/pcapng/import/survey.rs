//! The first pass over a capture: which connections there are, what they carry, and which of their bytes are not there.

use super::capture::Capture;
use super::frame::{Frames, Passed, Segment};
use super::speaks::{LOOKED_AT_BYTES, Protocol, is_answer, is_request};
use super::streams::{Flow, Offsets, Place, Ranges, Tracker};
use crate::interop::InteropError;
use std::net::SocketAddr;
use std::path::Path;

/// Stretches of a direction that are kept apart at most; a connection with more gaps is left out.
const MOST_RANGES: usize = 16_384;

/// The same for the whole capture.
const MOST_RANGES_IN_ALL: usize = 4 << 20;

/// Bytes of an answer that are kept.
const ANSWER_BYTES: usize = 16;

/// Pieces in which the first bytes of a direction may come.
const MOST_EARLY: usize = 64;

/// Packets between two reports of progress.
pub const PACKETS_BETWEEN_REPORTS: u64 = 1024;

/// What a capture holds.
#[derive(Default)]
pub struct Survey {
    /// Every connection, in the order in which they appear.
    pub streams: Vec<Surveyed>,
    /// What was passed over.
    pub passed: Passed,
    /// Packets of the capture.
    pub packets: u64,
    /// Segments of connections beyond the limit.
    pub beyond: u64,
    /// Why the rest of the file cannot be read.
    pub damage: Option<String>,
    /// Packets with comments, without times, of no interface.
    pub comments: u64,
    /// See above.
    pub untimed: u64,
    /// See above.
    pub strays: u64,
    /// Packets that say that they are longer than their blocks.
    pub overlong: u64,
}

/// What is known of a connection.
pub struct Surveyed {
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The server's port, or the lower one where it is not known who is the server.
    pub port: u16,
    /// What an import has to know; `None` where it leaves the connection out.
    pub taken: Option<Box<Taken>>,
    /// It has more gaps than can be kept in mind.
    pub is_in_pieces: bool,
    /// It began before the capture, and no request was seen on it.
    pub is_headless: bool,
}

/// What is known of a connection that is imported.
pub struct Taken {
    /// Client and server.
    pub ends: [SocketAddr; 2],
    /// Which side the client is.
    pub client: usize,
    /// Packets that belong to it.
    pub packets: u64,
    /// When its first packet was captured, in nanoseconds since 1970.
    pub first_ns: u64,
    /// Where each side's bytes begin.
    pub start: [i64; 2],
    /// Which of each side's bytes are missing.
    pub gaps: [Vec<(i64, i64)>; 2],
    /// Bytes before the first request that was seen, which are left out.
    pub left_out: u64,
    /// Whether its beginning was captured.
    pub has_begun: bool,
    /// The client's first bytes.
    pub head: Vec<u8>,
    /// Whether each side ended it.
    pub fin: [bool; 2],
    /// Whether it was broken off.
    pub rst: bool,
    /// Segments that said again what was known.
    pub repeated: u64,
    /// Segments that were cut when they were captured.
    pub cut: u64,
}

#[derive(Default)]
struct Half {
    ranges: Ranges,
    /// Where the direction begins, by its SYN.
    syn: Option<i64>,
    /// Whether that SYN was no answer to another.
    is_first: bool,
    /// Where it begins by the other side's word.
    awaited: Option<i64>,
    fin: Option<i64>,
    /// What is known of its first bytes, as it came: offset and bytes.
    early: Vec<(i64, Vec<u8>)>,
    early_bytes: usize,
    /// The earliest segment that begins with a request: its offset, where the answer will begin, its bytes.
    request: Option<(i64, Option<i64>, Vec<u8>)>,
    /// A segment began with a status line.
    answers: bool,
}

struct Surveying {
    ends: [SocketAddr; 2],
    flow: Flow,
    halves: [Half; 2],
    packets: u64,
    first_ns: u64,
    rst: bool,
    repeated: u64,
    cut: u64,
    is_in_pieces: bool,
    is_own: bool,
}

/// Reads a capture once.
pub fn survey(path: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<(Survey, Capture), InteropError> {
    let mut capture = Capture::open(path)?;
    let (mut frames, mut tracker) = (Frames::default(), Tracker::default());
    let mut surveying: Vec<Surveying> = Vec::new();
    let (mut packets, mut ranges) = (0, 0);
    while let Some(packet) = capture.next_packet() {
        packets += 1;
        let (unix_ns, is_own) = (packet.unix_ns, packet.is_own);
        if let Some(segment) = frames.segment(&packet)
            && let Some(place) = tracker.place(&segment)
        {
            if place.stream == surveying.len() {
                surveying.push(Surveying::new(&segment, unix_ns, is_own));
            }
            if let Some(stream) = surveying.get_mut(place.stream) {
                stream.take(&segment, place, &mut ranges);
            }
        }
        if packets % PACKETS_BETWEEN_REPORTS == 0 && !progress(capture.read_bytes, capture.len_bytes * 2) {
            return Err(InteropError::Stopped);
        }
    }
    frames.end();
    if packets == 0
        && let Some(damage) = &capture.damage
    {
        return Err(InteropError::Input(format!("{}: the capture is damaged: {damage}", path.display())));
    }
    let survey = Survey {
        streams: surveying.into_iter().map(Surveying::end).collect(),
        passed: frames.passed,
        packets,
        beyond: tracker.beyond,
        damage: capture.damage.take(),
        comments: capture.comments,
        untimed: capture.untimed,
        strays: capture.strays,
        overlong: capture.overlong,
    };
    Ok((survey, capture))
}

impl Surveying {
    fn new(segment: &Segment<'_>, first_ns: u64, is_own: bool) -> Surveying {
        let (from, to) = (segment.from, segment.to);
        Surveying {
            ends: if from > to { [to, from] } else { [from, to] },
            flow: Flow::default(),
            halves: Default::default(),
            packets: 0,
            first_ns,
            rst: false,
            repeated: 0,
            cut: 0,
            is_in_pieces: false,
            is_own,
        }
    }

    fn take(&mut self, segment: &Segment<'_>, place: Place, ranges: &mut usize) {
        self.packets += 1;
        self.rst |= segment.rst;
        let Some(Offsets { start, end, awaited }) = self.flow.offsets(segment, place.side) else { return };
        let half = &mut self.halves[place.side];
        if segment.syn {
            half.syn = Some(start);
            half.is_first |= segment.acknowledgment.is_none();
        }
        if segment.fin {
            half.fin.get_or_insert(end);
        }
        let captured = start + segment.payload.len() as i64;
        if captured > start {
            let before = half.ranges.len();
            let known = half.ranges.add(start, captured);
            // A probe whether the other side is still there repeats a byte (RFC 9293 §3.8.4).
            self.repeated += u64::from(known > 1 || (known == 1 && segment.payload.len() > 1));
            *ranges = (*ranges + half.ranges.len()).saturating_sub(before);
            if half.ranges.len() > MOST_RANGES || *ranges > MOST_RANGES_IN_ALL {
                *ranges -= half.ranges.len().min(*ranges);
                half.ranges = Ranges::default();
                self.is_in_pieces = true;
            }
            half.look(start, &segment.payload, awaited);
        }
        self.cut += u64::from(segment.cut > 0);
        if let Some(awaited) = awaited {
            self.halves[1 - place.side].awaited.get_or_insert(awaited);
        }
    }

    /// The client's side, if that is known: who sent the first SYN, who did not answer one, who asks.
    fn client(&self) -> Option<usize> {
        let [low, high] = &self.halves;
        let by = |is_so: fn(&Half) -> bool| match (is_so(low), is_so(high)) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            _ => None,
        };
        by(|half| half.is_first)
            .or_else(|| by(|half| half.syn.is_some()).map(|server| 1 - server))
            .or_else(|| by(|half| half.request.is_some()))
            .or_else(|| by(|half| half.answers).map(|server| 1 - server))
    }

    fn end(mut self) -> Surveyed {
        let client = self.client();
        let port = match client {
            Some(client) => self.ends[1 - client].port(),
            None => self.ends[0].port().min(self.ends[1].port()),
        };
        let nothing = self.halves.iter().all(|half| half.ranges.len() == 0) && !self.is_in_pieces;
        let mut surveyed = Surveyed {
            protocol: if nothing { Protocol::Nothing } else { Protocol::Other },
            port,
            taken: None,
            is_in_pieces: self.is_in_pieces,
            is_headless: !nothing && self.halves.iter().all(|half| half.syn.is_none()),
        };
        let Some(client) = client else { return surveyed };
        let has_begun = self.halves.iter().any(|half| half.syn.is_some());
        let start = |half: &Half| half.syn.or(half.awaited.filter(|_| has_begun)).or(half.ranges.start()).unwrap_or(0);
        let mut starts = [start(&self.halves[0]), start(&self.halves[1])];
        let server = 1 - client;
        let [mut head, answer] = [client, server].map(|side| self.halves[side].head(starts[side]));
        surveyed.protocol = match nothing {
            true => Protocol::Nothing,
            false => Protocol::of(&head, &answer),
        };
        // Where the first bytes say nothing or are not the first, a request that comes later does.
        let mut left_out = 0;
        if (matches!(surveyed.protocol, Protocol::Other | Protocol::Nothing) || !has_begun)
            && let Some((at, answer, bytes)) = self.halves[client].request.take()
        {
            surveyed.protocol = Protocol::Http;
            let answer = answer.filter(|_| at > starts[client] || !has_begun).unwrap_or(starts[server]);
            for (side, from) in [(client, at), (server, answer)] {
                let half = &self.halves[side];
                let missing: i64 = half.ranges.gaps(starts[side], from).iter().map(|(from, to)| to - from).sum();
                left_out += (from - starts[side] - missing).max(0) as u64;
                starts[side] = from;
            }
            head = bytes;
        } else if surveyed.protocol == Protocol::Other && head.is_empty() && self.halves[server].answers {
            surveyed.protocol = Protocol::Http;
        }
        surveyed.is_headless &= surveyed.protocol == Protocol::Other;
        let is_wanted = matches!(surveyed.protocol, Protocol::Http | Protocol::Socks) || (self.is_own && has_begun);
        if !is_wanted || self.is_in_pieces {
            return surveyed;
        }
        let gaps = |side: usize| {
            let half = &self.halves[side];
            let end = half.fin.max(half.ranges.end()).unwrap_or(starts[side]);
            half.ranges.gaps(starts[side], end.max(starts[side]))
        };
        surveyed.taken = Some(Box::new(Taken {
            ends: [self.ends[client], self.ends[server]],
            client,
            packets: self.packets,
            first_ns: self.first_ns,
            start: starts,
            gaps: [gaps(0), gaps(1)],
            left_out,
            has_begun,
            head,
            fin: [self.halves[0].fin.is_some(), self.halves[1].fin.is_some()],
            rst: self.rst,
            repeated: self.repeated,
            cut: self.cut,
        }));
        surveyed
    }
}

impl Half {
    /// Looks at what a segment begins with.
    fn look(&mut self, start: i64, payload: &[u8], awaited: Option<i64>) {
        self.answers |= is_answer(payload);
        let is_earlier = self.request.as_ref().is_none_or(|(at, ..)| start < *at);
        if is_earlier && self.syn != Some(start) && payload.len() >= 4 && is_request(payload) {
            self.request = Some((start, awaited, payload[..payload.len().min(LOOKED_AT_BYTES)].to_vec()));
        }
        // A request may be cut so that its next segment begins like an answer; only the first bytes tell.
        let is_first_answer = self.syn == Some(start) && is_answer(payload);
        let wanted = if is_first_answer { ANSWER_BYTES } else { LOOKED_AT_BYTES };
        // What comes first in the file may be what comes later on the wire: room is left for what is before it.
        let end = self.syn.unwrap_or(start.min(0)) + wanted as i64;
        let len = usize::try_from(end - start).unwrap_or(0).min(payload.len());
        if len > 0 && self.early.len() < MOST_EARLY && self.early_bytes + len <= 2 * LOOKED_AT_BYTES {
            self.early_bytes += len;
            self.early.push((start, payload[..len].to_vec()));
        }
    }

    /// The first bytes from a place on, as far as they are known.
    fn head(&mut self, start: i64) -> Vec<u8> {
        let mut early = std::mem::take(&mut self.early);
        early.sort();
        let mut head = Vec::new();
        for (at, bytes) in early {
            let Ok(known) = usize::try_from(start + head.len() as i64 - at) else { break };
            head.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
        head
    }
}
