//! The options of WebSocket connections.

use super::duration;
use crate::transport::{ClientWindow, DeflateOptions, INFLATE_LIMIT_BYTES, WebSocketOptions, WebSocketVersion};
use clap::Args;
use std::time::Duration;

/// How WebSocket is spoken (RFC 6455, RFC 7692).
#[derive(Clone, Debug, Default, Args)]
pub struct WebSocketArgs {
    /// WebSocket: a subprotocol to offer; may be given again.
    #[arg(long = "subprotocol", value_name = "NAME")]
    pub subprotocols: Vec<String>,
    /// WebSocket: the version to speak: 13 (RFC 6455, the default), or a draft from before it.
    #[arg(long, value_name = "VERSION", value_parser = ["13", "hybi-08", "hybi-07", "hixie-76", "hixie-75"])]
    pub websocket_version: Option<String>,
    /// WebSocket: go on although the answer to the upgrade is wrong.
    #[arg(long)]
    pub go_on_anyway: bool,
    /// WebSocket: do not answer pings.
    #[arg(long)]
    pub no_pong: bool,
    /// WebSocket: do not answer close frames.
    #[arg(long)]
    pub no_close: bool,
    /// WebSocket: send a ping so often.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub ping: Option<Duration>,
    /// WebSocket: do not offer permessage-deflate, which compresses messages.
    #[arg(long, conflicts_with_all = [
        "no_compress",
        "deflate_server_no_context_takeover",
        "deflate_client_no_context_takeover",
        "deflate_server_max_window_bits",
        "deflate_client_max_window_bits",
    ])]
    pub no_deflate: bool,
    /// permessage-deflate: ask the server to compress each message on its own.
    #[arg(long)]
    pub deflate_server_no_context_takeover: bool,
    /// permessage-deflate: compress each of our messages on its own.
    #[arg(long)]
    pub deflate_client_no_context_takeover: bool,
    /// permessage-deflate: ask the server for a window of at most 2^N bytes, N from 8 to 15.
    #[arg(long, value_name = "N", value_parser = window_bits)]
    pub deflate_server_max_window_bits: Option<u8>,
    /// permessage-deflate: our window: N (2^N bytes at most, N from 8 to 15), any (the server may limit it), or none (it may not).
    #[arg(long, value_name = "N | any | none", default_value = "any", value_parser = client_window)]
    pub deflate_client_max_window_bits: ClientWindow,
    /// permessage-deflate: send messages uncompressed, though the server would take them compressed.
    #[arg(long)]
    pub no_compress: bool,
    /// WebSocket: the most that a message may inflate to, such as 500000, 512KiB or 64MiB (the default).
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub inflate_limit: Option<u64>,
    /// WebSocket: fail the connection where the server breaks a rule, as browsers do.
    #[arg(long)]
    pub strict: bool,
    /// WebSocket: send every message back as it came.
    #[arg(long)]
    pub echo: bool,
    /// WebSocket: send messages in frames of at most so many bytes.
    #[arg(long, value_name = "BYTES", value_parser = fragment)]
    pub fragment: Option<usize>,
}

impl WebSocketArgs {
    /// What is given here, over what a saved request to `url` has.
    pub fn over(&self, saved: WebSocketOptions, url: &str) -> WebSocketOptions {
        fn pick<T: PartialEq>(given: T, usual: T, saved: T) -> T {
            if given == usual { saved } else { given }
        }
        let (given, usual) = (self.options(url), WebSocketOptions::default());
        // What the lab is asked for by its address is spoken unless either says otherwise.
        let is_usual = saved.version == usual.version;
        WebSocketOptions {
            version: if self.websocket_version.is_some() || is_usual { given.version } else { saved.version },
            subprotocols: pick(given.subprotocols, usual.subprotocols, saved.subprotocols),
            deflate: DeflateOptions {
                offer: pick(given.deflate.offer, usual.deflate.offer, saved.deflate.offer),
                server_no_context_takeover: given.deflate.server_no_context_takeover
                    || saved.deflate.server_no_context_takeover,
                client_no_context_takeover: given.deflate.client_no_context_takeover
                    || saved.deflate.client_no_context_takeover,
                server_max_window_bits: given.deflate.server_max_window_bits.or(saved.deflate.server_max_window_bits),
                client_max_window_bits: pick(
                    given.deflate.client_max_window_bits,
                    usual.deflate.client_max_window_bits,
                    saved.deflate.client_max_window_bits,
                ),
                compress: pick(given.deflate.compress, usual.deflate.compress, saved.deflate.compress),
            },
            inflate_limit_bytes: self.inflate_limit.unwrap_or(saved.inflate_limit_bytes),
            auto_pong: given.auto_pong && saved.auto_pong,
            auto_close: given.auto_close && saved.auto_close,
            go_on_anyway: given.go_on_anyway || saved.go_on_anyway,
            strict: given.strict || saved.strict,
            echo: given.echo || saved.echo,
            fragment_bytes: pick(given.fragment_bytes, usual.fragment_bytes, saved.fragment_bytes),
            ping_ms: pick(given.ping_ms, usual.ping_ms, saved.ping_ms),
        }
    }

    /// As a request to `url` has it. A draft that the lab is asked for there is spoken unless another version was given.
    pub fn options(&self, url: &str) -> WebSocketOptions {
        let lab = WebSocketVersion::of_lab_address(url);
        WebSocketOptions {
            version: self.websocket_version.as_deref().map_or(lab, WebSocketVersion::named).unwrap_or_default(),
            subprotocols: self.subprotocols.clone(),
            deflate: DeflateOptions {
                offer: !self.no_deflate,
                server_no_context_takeover: self.deflate_server_no_context_takeover,
                client_no_context_takeover: self.deflate_client_no_context_takeover,
                server_max_window_bits: self.deflate_server_max_window_bits,
                client_max_window_bits: self.deflate_client_max_window_bits,
                compress: !self.no_compress,
            },
            inflate_limit_bytes: self.inflate_limit.unwrap_or(INFLATE_LIMIT_BYTES),
            auto_pong: !self.no_pong,
            auto_close: !self.no_close,
            go_on_anyway: self.go_on_anyway,
            strict: self.strict,
            echo: self.echo,
            fragment_bytes: self.fragment.unwrap_or(0),
            ping_ms: self.ping.map_or(0, |every| every.as_millis() as u64),
        }
    }
}

/// A window of RFC 7692 §7.1.2.
fn window_bits(text: &str) -> Result<u8, String> {
    let bits = text.parse().ok().filter(|bits| (8..=15).contains(bits));
    bits.ok_or_else(|| "there are windows of 8 to 15 bits (RFC 7692 §7.1.2)".to_owned())
}

fn client_window(text: &str) -> Result<ClientWindow, String> {
    match text {
        "any" => Ok(ClientWindow::Any),
        "none" => Ok(ClientWindow::Unsaid),
        bits => match window_bits(bits) {
            Ok(bits) => Ok(ClientWindow::Bits(bits)),
            Err(why) => Err(format!("{why}; any lets the server choose, none does not")),
        },
    }
}

/// A number of bytes such as `500000`, `512KiB`, `64MiB`, `1GB`.
fn bytes(text: &str) -> Result<u64, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let per_unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        other => return Err(format!("'{other}' is no unit of bytes; KiB, MiB, GiB, kB, MB and GB are")),
    };
    let number: u64 = number.parse().map_err(|_| "a size is a number and a unit, such as 64MiB".to_owned())?;
    number.checked_mul(per_unit).ok_or_else(|| "that is too many bytes".to_owned())
}

fn fragment(text: &str) -> Result<usize, String> {
    let size = usize::try_from(bytes(text)?).map_err(|_| "that is too many bytes".to_owned())?;
    if size > 0 { Ok(size) } else { Err("a frame of 0 bytes carries nothing: give 1 or more".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("1500 kB"), Ok(1_500_000));
        assert_eq!(bytes("7"), Ok(7));
        assert!(bytes("7 apples").unwrap_err().contains("apples"));
        assert!(bytes("GiB").is_err() && bytes("99999999999GiB").is_err() && bytes("-1").is_err());
        assert!(fragment("0").is_err());
    }

    #[test]
    fn windows_are_those_of_the_rfc() {
        assert_eq!((window_bits("8"), window_bits("15")), (Ok(8), Ok(15)));
        for wrong in ["7", "16", "", "x", "300"] {
            assert!(window_bits(wrong).unwrap_err().contains("8 to 15"));
        }
        assert_eq!(client_window("none"), Ok(ClientWindow::Unsaid));
        assert_eq!(client_window("9"), Ok(ClientWindow::Bits(9)));
        assert!(client_window("16").is_err());
    }
}
