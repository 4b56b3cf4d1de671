//! The WebSocket options of the address bar, as typed (RFC 6455, RFC 7692).

use super::whole;
use crate::transport::{ClientWindow, DeflateOptions, INFLATE_LIMIT_BYTES, WebSocketOptions, WebSocketVersion};

const MIB: u64 = 1 << 20;

/// WebSocket options, as typed.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The names are those of the fields on screen, and of `WebSocketOptions`.
pub struct WebSocketDraft {
    pub version: WebSocketVersion,
    pub subprotocols: String,
    pub auto_pong: bool,
    pub auto_close: bool,
    pub go_on_anyway: bool,
    pub strict: bool,
    pub echo: bool,
    pub deflate: bool,
    pub compress: bool,
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    pub server_max_window_bits: String,
    pub client_window: bool,
    pub client_max_window_bits: String,
    pub inflate_limit_mib: String,
    pub fragment_bytes: String,
    pub ping_ms: String,
}

impl Default for WebSocketDraft {
    fn default() -> Self {
        let usual = WebSocketOptions::default();
        WebSocketDraft {
            version: usual.version,
            subprotocols: String::new(),
            auto_pong: usual.auto_pong,
            auto_close: usual.auto_close,
            go_on_anyway: usual.go_on_anyway,
            strict: usual.strict,
            echo: usual.echo,
            deflate: usual.deflate.offer,
            compress: usual.deflate.compress,
            server_no_context_takeover: usual.deflate.server_no_context_takeover,
            client_no_context_takeover: usual.deflate.client_no_context_takeover,
            server_max_window_bits: String::new(),
            client_window: true,
            client_max_window_bits: String::new(),
            inflate_limit_mib: (INFLATE_LIMIT_BYTES / MIB).to_string(),
            fragment_bytes: String::new(),
            ping_ms: String::new(),
        }
    }
}

impl WebSocketDraft {
    /// Whether the version has extensions at all: the old drafts without frames have none.
    pub fn has_extensions(&self) -> bool {
        !matches!(self.version, WebSocketVersion::Hixie75 | WebSocketVersion::Hixie76)
    }

    /// The options, or a sentence that says which field is wrong and why.
    pub(super) fn options(&self) -> Result<WebSocketOptions, String> {
        let limit = whole("Inflate at most", &self.inflate_limit_mib)?;
        let inflate_limit_bytes = match limit {
            None => INFLATE_LIMIT_BYTES,
            Some(mib) => mib.checked_mul(MIB).ok_or_else(|| format!("Inflate at most: {mib} MiB are too many"))?,
        };
        Ok(WebSocketOptions {
            version: self.version,
            subprotocols: self.subprotocols.split([',', ' ']).filter(|p| !p.is_empty()).map(str::to_owned).collect(),
            deflate: DeflateOptions {
                offer: self.deflate,
                server_no_context_takeover: self.server_no_context_takeover,
                client_no_context_takeover: self.client_no_context_takeover,
                server_max_window_bits: window("server_max_window_bits", "§7.1.2.1", &self.server_max_window_bits)?,
                client_max_window_bits: match self.client_window {
                    false => ClientWindow::Unsaid,
                    true => window("client_max_window_bits", "§7.1.2.2", &self.client_max_window_bits)?
                        .map_or(ClientWindow::Any, ClientWindow::Bits),
                },
                compress: self.compress,
            },
            inflate_limit_bytes,
            auto_pong: self.auto_pong,
            auto_close: self.auto_close,
            go_on_anyway: self.go_on_anyway,
            strict: self.strict,
            echo: self.echo,
            fragment_bytes: whole("Fragment size", &self.fragment_bytes)?.unwrap_or(0) as usize,
            ping_ms: whole("Ping", &self.ping_ms)?.unwrap_or(0),
        })
    }
}

/// The size of a window, as a power of 2.
fn window(name: &str, section: &str, text: &str) -> Result<Option<u8>, String> {
    match whole(name, text)? {
        None => Ok(None),
        Some(bits @ 8..=15) => Ok(Some(bits as u8)),
        Some(bits) => Err(format!("{name}: {bits} is none of 8 to 15 (RFC 7692 {section})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_fields_are_the_usual_options() {
        assert_eq!(WebSocketDraft::default().options().unwrap(), WebSocketOptions::default());
    }

    #[test]
    fn every_field_becomes_its_option() {
        let draft = WebSocketDraft {
            version: WebSocketVersion::Hybi08,
            subprotocols: "chat, superchat".into(),
            auto_pong: false,
            auto_close: false,
            go_on_anyway: true,
            strict: true,
            echo: true,
            deflate: true,
            compress: false,
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: "9".into(),
            client_window: true,
            client_max_window_bits: " 15 ".into(),
            inflate_limit_mib: "1".into(),
            fragment_bytes: "100".into(),
            ping_ms: "5000".into(),
        };
        let expected = WebSocketOptions {
            version: WebSocketVersion::Hybi08,
            subprotocols: vec!["chat".into(), "superchat".into()],
            deflate: DeflateOptions {
                offer: true,
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                server_max_window_bits: Some(9),
                client_max_window_bits: ClientWindow::Bits(15),
                compress: false,
            },
            inflate_limit_bytes: 1 << 20,
            auto_pong: false,
            auto_close: false,
            go_on_anyway: true,
            strict: true,
            echo: true,
            fragment_bytes: 100,
            ping_ms: 5000,
        };
        assert_eq!(draft.options().unwrap(), expected);
        let unsaid = WebSocketDraft { client_window: false, deflate: false, ..draft };
        let options = unsaid.options().unwrap();
        assert_eq!(options.deflate.client_max_window_bits, ClientWindow::Unsaid);
        assert!(!options.deflate.offer);
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        let wrong = |draft: WebSocketDraft| draft.options().unwrap_err();
        let usual = WebSocketDraft::default;
        assert_eq!(
            wrong(WebSocketDraft { server_max_window_bits: "7".into(), ..usual() }),
            "server_max_window_bits: 7 is none of 8 to 15 (RFC 7692 §7.1.2.1)"
        );
        assert_eq!(
            wrong(WebSocketDraft { client_max_window_bits: "16".into(), ..usual() }),
            "client_max_window_bits: 16 is none of 8 to 15 (RFC 7692 §7.1.2.2)"
        );
        assert_eq!(
            wrong(WebSocketDraft { client_max_window_bits: "wide".into(), ..usual() }),
            "client_max_window_bits: \"wide\" is no whole number"
        );
        assert_eq!(
            wrong(WebSocketDraft { inflate_limit_mib: "99999999999999".into(), ..usual() }),
            "Inflate at most: 99999999999999 MiB are too many"
        );
        assert_eq!(wrong(WebSocketDraft { ping_ms: "often".into(), ..usual() }), "Ping: \"often\" is no whole number");
    }
}
