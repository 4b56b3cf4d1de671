//! permessage-deflate (RFC 7692) on the server's side: what to agree on, and the compressed messages, sound or not.

use std::sync::LazyLock;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::http::LARGEST_BODY_BYTES;

/// What ends each message's deflate data and is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// What the bomb inflates to is so many pieces of so many bytes.
const BOMB_PIECE_BYTES: usize = 1 << 20;
const BOMB_PIECES: usize = 1 << 10;

/// What is sent in the place of sound messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Sound messages only.
    #[default]
    Sound,
    /// Every second message is cut off or no deflate data at all.
    Bad,
    /// The second message is about 1 MB and inflates to 1 GiB.
    Bomb,
    /// An extension is answered that was not offered; nothing is compressed.
    Unasked,
}

/// What the lab is to agree to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub mode: Mode,
    parameters: Parameters,
}

/// The parameters of an offer or of an answer (RFC 7692 §7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// With `None` inside where an offer has it without a value.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Takes a parameter in. `None`: it is unknown, there already, or its value is bad.
    fn set(&mut self, name: &str, value: Option<&str>) -> Option<()> {
        // §7.1.2: a number from 8 to 15 without leading zeros.
        let bits = |text: &str| (8..=15).find(|bits: &u8| bits.to_string() == text);
        match (name, value) {
            ("server_no_context_takeover", None) if !self.server_no_context_takeover => {
                self.server_no_context_takeover = true;
            }
            ("client_no_context_takeover", None) if !self.client_no_context_takeover => {
                self.client_no_context_takeover = true;
            }
            ("server_max_window_bits", Some(text)) if self.server_max_window_bits.is_none() => {
                self.server_max_window_bits = Some(bits(text)?);
            }
            ("client_max_window_bits", text) if self.client_max_window_bits.is_none() => {
                self.client_max_window_bits = Some(text.map(bits).map_or(Some(None), |found| found.map(Some))?);
            }
            _ => return None,
        }
        Some(())
    }

    /// An offer of permessage-deflate, as it stands between commas; `None` where it is to be declined.
    fn of_offer(offer: &str) -> Option<Parameters> {
        let mut parts = offer.split(';').map(str::trim);
        parts.next().filter(|name| *name == "permessage-deflate")?;
        let mut parameters = Parameters::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(value.trim_start().trim_matches('"'))),
                None => (part, None),
            };
            parameters.set(name, value)?;
        }
        Some(parameters)
    }
}

impl Settings {
    /// Reads `1` or nothing, `bad`, `bomb`, `unasked` and the answer's parameters, in any number, with commas between. A parameter's
    /// value stands behind a colon.
    pub fn parse(text: &str) -> Option<Settings> {
        let mut settings = Settings::default();
        for item in text.split(',') {
            match item {
                "1" => {}
                "" if text.is_empty() => {}
                "bad" => settings.mode = Mode::Bad,
                "bomb" => settings.mode = Mode::Bomb,
                "unasked" => settings.mode = Mode::Unasked,
                _ => {
                    let (name, value) = item.split_once([':', '=']).map_or((item, None), |(n, v)| (n, Some(v)));
                    settings.parameters.set(name, value)?;
                    // An answer's window has a size (§7.1.2.2).
                    if settings.parameters.client_max_window_bits == Some(None) {
                        return None;
                    }
                }
            }
        }
        Some(settings)
    }

    /// The answer to what a client offers, and what compresses and inflates then; `None` where nothing is agreed on.
    pub fn agree<'a>(&self, offers: impl Iterator<Item = &'a str>) -> Option<(String, Deflater, Inflater)> {
        let wishes = &self.parameters;
        for offer in offers.filter_map(Parameters::of_offer) {
            // §7.1.2.2: the client's window may be limited only where it says that it can be.
            let client_bits = match (wishes.client_max_window_bits.flatten(), offer.client_max_window_bits) {
                (Some(_), None) => continue,
                (wish, Some(offered)) => wish.into_iter().chain(offered).min(),
                (None, None) => None,
            };
            let server_bits = wishes.server_max_window_bits.into_iter().chain(offer.server_max_window_bits).min();
            let server_forgets = wishes.server_no_context_takeover || offer.server_no_context_takeover;
            let client_forgets = wishes.client_no_context_takeover || offer.client_no_context_takeover;
            let mut answer = "permessage-deflate".to_owned();
            if server_forgets {
                answer.push_str("; server_no_context_takeover");
            }
            if client_forgets {
                answer.push_str("; client_no_context_takeover");
            }
            if let Some(bits) = server_bits {
                answer.push_str(&format!("; server_max_window_bits={bits}"));
            }
            if let Some(bits) = client_bits {
                answer.push_str(&format!("; client_max_window_bits={bits}"));
            }
            return Some((
                answer,
                Deflater::new(server_bits.unwrap_or(15), server_forgets),
                Inflater::new(client_forgets),
            ));
        }
        None
    }
}

/// Compresses the server's messages.
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    forgets: bool,
}

impl Deflater {
    fn new(window_bits: u8, forgets: bool) -> Deflater {
        let compress = match window_bits {
            9..=15 => Compress::new_with_window_bits(Compression::default(), false, window_bits),
            // zlib has no window of 256 bytes; blocks that are stored look back at nothing.
            _ => Compress::new(Compression::none(), false),
        };
        Deflater { compress, forgets }
    }

    /// A message's deflate data (§7.2.1).
    pub fn message(&mut self, data: &[u8]) -> Vec<u8> {
        if data.is_empty() {
            // §7.2.3.6.
            return vec![0x00];
        }
        let mut out = deflate(&mut self.compress, data, FlushCompress::Sync);
        out.truncate(out.len() - if out.ends_with(&TAIL) { TAIL.len() } else { 0 });
        if self.forgets {
            self.compress.reset();
        }
        out
    }

    /// Deflate data that cannot be inflated: cut off in the midst, or of a block type that there is not (RFC 1951 §3.2.3).
    pub fn broken(&mut self, data: &[u8], cut_off: bool) -> Vec<u8> {
        let mut out = self.message(data);
        // Whoever goes on with the next message must not need this one.
        self.compress.reset();
        if cut_off {
            out.truncate(out.len().div_ceil(2));
        } else {
            out[0] = 0b110;
        }
        out
    }

    /// A message of about 1 MB that inflates to 1 GiB of dots.
    pub fn bomb(&mut self) -> &'static [u8] {
        // A piece that ends on a byte and looks back at nothing before it can be repeated as it is.
        static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let mut compress = Compress::new(Compression::best(), false);
            let piece = deflate(&mut compress, &vec![b'.'; BOMB_PIECE_BYTES], FlushCompress::Full);
            let mut bomb = piece.repeat(BOMB_PIECES);
            bomb.truncate(bomb.len() - TAIL.len());
            bomb
        });
        self.compress.reset();
        &BOMB
    }
}

fn deflate(compress: &mut Compress, data: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::new();
    let before = compress.total_in();
    loop {
        out.reserve(data.len() / 2 + 64);
        let used = (compress.total_in() - before) as usize;
        let status = compress.compress_vec(&data[used..], &mut out, flush);
        // Room that is left says that all is out.
        if status.is_err() || out.len() < out.capacity() {
            return out;
        }
    }
}

/// Inflates the client's messages.
#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
    forgets: bool,
}

impl Inflater {
    fn new(forgets: bool) -> Inflater {
        Inflater { decompress: Decompress::new(false), forgets }
    }

    /// What a message's deflate data say (§7.2.2), or the code and the reason to close with.
    pub fn message(&mut self, mut data: Vec<u8>) -> Result<Vec<u8>, (u16, &'static str)> {
        data.extend_from_slice(&TAIL);
        let mut out = Vec::new();
        let before = self.decompress.total_in();
        loop {
            out.reserve(data.len() * 2 + 64);
            let used = (self.decompress.total_in() - before) as usize;
            let status = self.decompress.decompress_vec(&data[used..], &mut out, FlushDecompress::Sync);
            if out.len() > LARGEST_BODY_BYTES {
                return Err((1009, "the message inflates to more than 16 MiB"));
            }
            match status {
                Err(_) => return Err((1007, "a compressed message cannot be inflated")),
                // §7.2.3.5: a final block may end a message; the next one starts afresh.
                Ok(Status::StreamEnd) => {
                    self.decompress.reset(false);
                    return Ok(out);
                }
                Ok(_) if out.len() < out.capacity() => break,
                Ok(_) => {}
            }
        }
        if self.decompress.total_in() - before < data.len() as u64 {
            return Err((1007, "a compressed message cannot be inflated"));
        }
        if self.forgets {
            self.decompress.reset(false);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(wish: &str, offers: &str) -> Option<String> {
        let settings = Settings::parse(wish).unwrap();
        settings.agree(offers.split(',').map(str::trim)).map(|(answer, ..)| answer)
    }

    #[test]
    fn offers_are_answered_by_the_rules() {
        let answer = |wish, offer: &str| agree(wish, &format!("permessage-deflate{offer}"));
        assert_eq!(answer("1", "").unwrap(), "permessage-deflate");
        assert_eq!(answer("1", "; client_max_window_bits").unwrap(), "permessage-deflate");
        assert_eq!(
            answer("1", "; server_max_window_bits=\"10\"").unwrap(),
            "permessage-deflate; server_max_window_bits=10"
        );
        assert_eq!(
            answer("server_max_window_bits:12,client_no_context_takeover", "; server_max_window_bits=10").unwrap(),
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=10"
        );
        assert_eq!(answer("client_max_window_bits:9", ""), None);
        assert_eq!(
            answer("client_max_window_bits:9", "; client_max_window_bits=12").unwrap(),
            "permessage-deflate; client_max_window_bits=9"
        );
        for declined in
            ["; x", "; server_max_window_bits", "; server_max_window_bits=16", "; server_max_window_bits=08"]
        {
            assert_eq!(answer("1", declined), None, "{declined}");
            assert_eq!(answer("1", &format!("{declined}, permessage-deflate")).unwrap(), "permessage-deflate");
        }
        assert_eq!(agree("1", "x-webkit-deflate-frame"), None);
    }

    #[test]
    fn bad_settings_are_refused() {
        for text in ["1,", "yes", "server_max_window_bits", "server_max_window_bits:7", "client_max_window_bits", "1,x"]
        {
            assert_eq!(Settings::parse(text), None, "{text}");
        }
    }

    #[test]
    fn messages_inflate_to_what_they_were_with_every_window() {
        let long: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for bits in 8..=15 {
            for forgets in [false, true] {
                let (mut deflater, mut inflater) = (Deflater::new(bits, forgets), Inflater::new(forgets));
                for data in [&b"hello"[..], b"hello", b"", &long, b"\x00\x00\xFF\xFF", &long] {
                    let sent = deflater.message(data);
                    assert!(inflater.message(sent).unwrap() == data, "{bits} {forgets} {}", data.len());
                }
            }
        }
    }

    #[test]
    fn broken_data_and_bombs_are_as_they_should_be() {
        let mut deflater = Deflater::new(15, false);
        assert!(Inflater::new(false).message(deflater.broken(b"hello", false)).is_err());
        let whole = Inflater::new(false).message(deflater.broken(b"hello", true));
        assert!(whole.is_err() || whole.is_ok_and(|data| data != b"hello"));
        let bomb = deflater.bomb();
        assert!((1 << 20..1_200_000).contains(&bomb.len()), "{}", bomb.len());
        assert_eq!(Inflater::new(false).message(bomb.to_vec()).unwrap_err().0, 1009);
        assert_eq!(Inflater::new(false).message(deflater.message(b"after")).unwrap(), b"after");
    }
}
