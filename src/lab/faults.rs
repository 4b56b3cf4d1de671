//! Rules of WebSocket that `/ws` breaks on request, so that a client has something to notice.

/// How a connection is ended on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// With a close frame that carries this code and reason, allowed or not (RFC 6455 §7.4).
    Code(u16, String),
    /// With a close frame without payload.
    Empty,
    /// With a close frame of a single byte, which cannot hold a code.
    OneByte,
    /// By TCP alone, without a close frame.
    Abrupt,
}

impl Closing {
    /// Reads `CODE`, `CODE:reason`, `empty`, `byte` or `tcp`.
    pub fn parse(text: &str) -> Option<Closing> {
        Some(match text {
            "empty" => Closing::Empty,
            "byte" => Closing::OneByte,
            "tcp" => Closing::Abrupt,
            _ => {
                let (code, reason) = text.split_once(':').unwrap_or((text, ""));
                let is_number = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
                Closing::Code(code.parse().ok().filter(|_| is_number && reason.len() <= 1000)?, reason.to_owned())
            }
        })
    }
}

/// Which rules to break. What concerns single messages is done to every second one, so that there are whole ones beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Close after the first message.
    pub close: Option<Closing>,
    /// Leave pings unanswered (RFC 6455 §5.5.2).
    pub no_pong: bool,
    /// Answer the opening handshake with a wrong digest (§4.2.2).
    pub bad_accept: bool,
    /// Mask every frame, which a server must not (§5.1).
    pub masked: bool,
    /// Send text that is not UTF-8 (§8.1).
    pub bad_utf8: bool,
    /// Set reserved bits (§5.2).
    pub reserved_bits: bool,
    /// Put a frame with a reserved opcode before a message (§5.2).
    pub reserved_opcode: bool,
    /// Write the length in too many bytes and, the next time, claim more bytes than there are (§5.2).
    pub lie_length: bool,
}

impl Faults {
    /// The flag of that name.
    pub fn flag(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "no-pong" => &mut self.no_pong,
            "bad-accept" => &mut self.bad_accept,
            "masked" => &mut self.masked,
            "bad-utf8" => &mut self.bad_utf8,
            "reserved-bits" => &mut self.reserved_bits,
            "reserved-opcode" => &mut self.reserved_opcode,
            "lie-length" => &mut self.lie_length,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_close() {
        assert_eq!(Closing::parse("1000"), Some(Closing::Code(1000, String::new())));
        assert_eq!(Closing::parse("4000:why: so"), Some(Closing::Code(4000, "why: so".into())));
        assert_eq!(Closing::parse("0"), Some(Closing::Code(0, String::new())));
        for text in ["", ":", "65536", "+1000", "-1", "bye", "byte:", &format!("1000:{}", "x".repeat(1001))] {
            assert_eq!(Closing::parse(text), None, "{text}");
        }
    }
}
