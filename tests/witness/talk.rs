//! WebSocket conversations made up at random, compressed as RFC 7692 allows, and what our dissector says of them.

use crate::recording::{LINK, record};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use proptest::sample::Index;
use pushscope::dissect::{Kind, Severity};
use pushscope::wire::Dir;

/// What a side says, as a receiver tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code, 1005 for none, and the reason.
    Close(u16, String),
}

/// The extension parameters that a server answered with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreed {
    pub server_forgets: bool,
    pub client_forgets: bool,
    pub server_bits: Option<u8>,
    pub client_bits: Option<u8>,
}

/// One side's bytes behind the upgrade, under what was agreed on.
#[derive(Clone, Debug)]
pub struct Talk {
    pub dir: Dir,
    pub agreed: Option<Agreed>,
    pub bytes: Vec<u8>,
}

/// How a compressor may end a message or go about it (RFC 7692 §7.2.1, §7.2.3).
#[derive(Clone, Copy, Debug)]
enum Way {
    /// One flush, whose four last bytes are left out.
    Flushed,
    /// A flush amid the message as well.
    FlushedTwice,
    /// The block is the stream's last, and an empty one follows.
    Final,
}

#[derive(Clone, Debug)]
struct Turn {
    is_text: bool,
    payload: Vec<u8>,
    compressed: Option<Way>,
    cuts: Vec<Index>,
    /// A ping or pong before the fragment of that number, counted round.
    between: Vec<(usize, u8, Vec<u8>)>,
}

impl Agreed {
    /// As the answer's `Sec-WebSocket-Extensions` says it.
    pub fn header(&self) -> String {
        let mut header = "permessage-deflate".to_owned();
        let flags = [("server_no", self.server_forgets), ("client_no", self.client_forgets)];
        for (side, _) in flags.iter().filter(|(_, is_set)| *is_set) {
            header += &format!("; {side}_context_takeover");
        }
        for (side, bits) in [("server", self.server_bits), ("client", self.client_bits)] {
            header += &bits.map(|bits| format!("; {side}_max_window_bits={bits}")).unwrap_or_default();
        }
        header
    }

    fn of(&self, dir: Dir) -> (bool, u8) {
        match dir {
            Dir::Out => (self.client_forgets, self.client_bits.unwrap_or(15)),
            Dir::In => (self.server_forgets, self.server_bits.unwrap_or(15)),
        }
    }
}

fn agreed() -> impl Strategy<Value = Agreed> {
    let bits = || prop::option::of(9u8..=15);
    (any::<bool>(), any::<bool>(), bits(), bits()).prop_map(
        |(server_forgets, client_forgets, server_bits, client_bits)| Agreed {
            server_forgets,
            client_forgets,
            server_bits,
            client_bits,
        },
    )
}

fn turn() -> impl Strategy<Value = Turn> {
    // Words that come again, so that there is something to refer to, near and far.
    let words = prop::collection::vec(prop_oneof!["[a-f]{2,6} ", Just("the same words ".to_owned()), ".{0,4}"], 0..400);
    let text = words.prop_map(|words| (true, words.concat().into_bytes()));
    let binary = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0usize..100_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let message = prop_oneof![2 => text, 1 => binary.prop_map(|bytes| (false, bytes))];
    let way = prop_oneof![4 => Just(Way::Flushed), 1 => Just(Way::FlushedTwice), 1 => Just(Way::Final)];
    let control = (0usize..4, 9u8..=10, prop::collection::vec(any::<u8>(), 0..126));
    let cuts = prop::collection::vec(any::<Index>(), 0..4);
    (message, prop::option::weighted(0.8, way), cuts, prop::collection::vec(control, 0..3)).prop_map(
        |((is_text, payload), compressed, cuts, between)| Turn { is_text, payload, compressed, cuts, between },
    )
}

/// One side of a conversation by the rules, which ends in a close frame.
pub fn talk() -> impl Strategy<Value = Talk> {
    let ends = prop_oneof![
        Just(Vec::new()),
        "[a-zäöü€]{0,30}".prop_map(|reason| [&1000u16.to_be_bytes(), reason.as_bytes()].concat()),
    ];
    let dir = prop_oneof![Just(Dir::Out), Just(Dir::In)];
    (dir, prop::option::weighted(0.8, agreed()), prop::collection::vec(turn(), 0..6), ends, 0u32..10, any::<u32>())
        .prop_map(|(dir, agreed, turns, close, level, seed)| {
            let mut writer = Writer::new(dir, agreed, Compression::new(level), seed);
            turns.iter().for_each(|turn| writer.turn(turn));
            writer.frame(0x88, &close);
            Talk { dir, agreed, bytes: writer.bytes }
        })
}

struct Writer {
    dir: Dir,
    compressor: Option<(Compress, bool)>,
    seed: u32,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(dir: Dir, agreed: Option<Agreed>, level: Compression, seed: u32) -> Writer {
        let compressor = agreed.map(|agreed| {
            let (forgets, bits) = agreed.of(dir);
            (Compress::new_with_window_bits(level, false, bits), forgets)
        });
        Writer { dir, compressor, seed, bytes: Vec::new() }
    }

    fn turn(&mut self, turn: &Turn) {
        let way = turn.compressed.filter(|_| self.compressor.is_some());
        let payload = match (way, &mut self.compressor) {
            (Some(way), Some((compressor, forgets))) => {
                let payload = compressed(compressor, &turn.payload, way);
                if *forgets {
                    compressor.reset();
                }
                payload
            }
            _ => turn.payload.clone(),
        };
        let mut cuts: Vec<usize> = turn.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort();
        cuts.push(payload.len());
        let mut start = 0;
        for (n, end) in cuts.iter().enumerate() {
            for (_, opcode, payload) in turn.between.iter().filter(|(before, ..)| before % cuts.len() == n) {
                self.frame(0x80 | opcode, payload);
            }
            let fin = if n + 1 == cuts.len() { 0x80 } else { 0 };
            let first = if turn.is_text { 1 } else { 2 } | if way.is_some() { 0x40 } else { 0 };
            self.frame(fin | if n == 0 { first } else { 0 }, &payload[start..*end]);
            start = *end;
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        let mask = if self.dir == Dir::Out { 0x80 } else { 0 };
        self.bytes.push(first);
        match payload.len() {
            len @ 0..=125 => self.bytes.push(mask | len as u8),
            len @ 126..=0xFFFF => {
                self.bytes.push(mask | 126);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                self.bytes.push(mask | 127);
                self.bytes.extend((len as u64).to_be_bytes());
            }
        }
        let mut key = [0; 4];
        if mask != 0 {
            self.seed = self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15);
            key = self.seed.to_be_bytes();
            self.bytes.extend(key);
        }
        self.bytes.extend(payload.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

fn compressed(compressor: &mut Compress, payload: &[u8], way: Way) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (first, rest) = match way {
        Way::FlushedTwice => payload.split_at(payload.len() / 2),
        Way::Flushed | Way::Final => (&[][..], payload),
    };
    if !first.is_empty() {
        deflate(compressor, first, FlushCompress::Sync, &mut bytes);
    }
    if matches!(way, Way::Final) {
        deflate(compressor, rest, FlushCompress::Finish, &mut bytes);
        compressor.reset();
        bytes.push(0);
        return bytes;
    }
    deflate(compressor, rest, FlushCompress::Sync, &mut bytes);
    // §7.2.3.6: nothing is an empty block, whose end is left out like that of any other.
    match bytes.strip_suffix(&[0, 0, 0xFF, 0xFF]) {
        Some(stripped) => stripped.to_vec(),
        None => vec![0],
    }
}

fn deflate(compressor: &mut Compress, bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let before = compressor.total_in();
    loop {
        out.reserve(1024);
        let rest = &bytes[(compressor.total_in() - before) as usize..];
        compressor.compress_vec(rest, out, flush).expect("compressing does not fail");
        if compressor.total_in() - before == bytes.len() as u64 && out.len() < out.capacity() {
            return;
        }
    }
}

/// What our dissector says that a side said, its bytes cut into reads of `size`.
pub fn we_say(talk: &Talk, size: usize) -> Vec<Said> {
    let offer = talk.agreed.map(|_| "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    let answer = talk.agreed.map(|agreed| format!("Sec-WebSocket-Extensions: {}\r\n", agreed.header()));
    // The key and its answer are those of RFC 6455 §1.3.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        offer.unwrap_or_default()
    );
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{}\r\n",
        answer.unwrap_or_default()
    );
    let says = [(Dir::Out, request.as_bytes()), (Dir::In, response.as_bytes()), (talk.dir, &talk.bytes)];
    let session = record(&says, size, true);
    let is_wanted =
        |kind: Kind| matches!(kind, Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose);
    let ids: Vec<usize> = (0..session.records().len()).filter(|id| is_wanted(session.records()[*id].kind)).collect();
    let told = session.explain_all(&ids, usize::MAX >> 1).into_iter().map(|explained| {
        assert_eq!((explained.record.link, explained.record.dir), (LINK, talk.dir));
        let errors: Vec<_> = explained.notes.iter().filter(|note| note.def.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let payload = explained.payload;
        let text = |payload: Vec<u8>| String::from_utf8(payload).expect("valid UTF-8");
        match explained.record.kind {
            Kind::WsText => Said::Text(text(payload)),
            Kind::WsBinary => Said::Binary(payload),
            Kind::WsPing => Said::Ping(payload),
            Kind::WsPong => Said::Pong(payload),
            _ => Said::Close(explained.record.detail as u16, text(payload)),
        }
    });
    told.collect()
}
