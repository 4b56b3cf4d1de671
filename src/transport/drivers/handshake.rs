//! The WebSocket upgrade (RFC 6455 §4): our request, and the answer checked item by item.

use super::draft;
use super::frames::random;
use super::reason_phrase;
use crate::dissect::websocket::accept_key;
use crate::dissect::websocket::negotiation::{self, Deflate};
use crate::transport::context::Context;
use crate::transport::failure::{failure, status_hint};
use crate::transport::http1::{Answer, Http1, Trouble};
use crate::transport::login;
use crate::transport::request::Ask;
use crate::transport::spec::{Auth, Spec};
use crate::transport::tap::Link;
use crate::transport::target::Target;
use crate::transport::websocket::WebSocketVersion;
use crate::wire::{Failure, Stage};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::time::Instant;

/// Faults of an answer that are said, and characters of each.
const MOST_WRONG: usize = 20;
const MOST_WRONG_CHARS: usize = 1000;

/// The header in which extensions are offered and accepted (RFC 6455 §11.3.2).
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// A link that was upgraded.
pub(super) struct Upgraded {
    pub link: Link,
    /// What came behind the answer's head.
    pub early: Bytes,
    /// permessage-deflate, where it was agreed on.
    pub deflate: Option<Deflate>,
    /// Whether an extension was agreed on that is not known here: it may use the reserved bits.
    pub has_unknown_extension: bool,
}

/// Opens a link and upgrades it.
pub(super) async fn open(
    context: &Context,
    target: &Target,
    auth: Option<&Auth>,
    purpose: &str,
) -> Result<Upgraded, Failure> {
    let began = Instant::now();
    let mut attempt = 1;
    let (http, ask, mut answer) = loop {
        let mut http = Http1::open(context, target, purpose).await?;
        context.sent.cancel();
        let ask = login::applied(context, &http, &upgrade(&context.spec, target, auth));
        let mut answer = match http.exchange(&ask).await {
            Ok(answer) => answer,
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Silent(failure)) => return Err(http.link.fail(failure)),
            Err(Trouble::Raced) => {
                return Err(http.link.fail(failure(Stage::Answer, began, "the server closed the connection", "")));
            }
        };
        context.answered.cancel();
        if !login::is_to_be_answered(context, &http.link, &ask, &answer) || attempt >= login::ATTEMPTS {
            break (http, ask, answer);
        }
        attempt += 1;
        http.read_evidence(&mut answer).await;
        http.link.finish("asked again with a login").await;
    };
    if answer.status != 101 {
        let refusal = refused(&answer, context.spec.websocket.version, began);
        http.read_evidence(&mut answer).await;
        return Err(http.link.fail(refusal));
    }
    let draft = draft::of(&context.spec);
    let (deflate, mut wrong) = extensions(&ask, &answer);
    wrong.splice(0..0, draft.map_or_else(|| check(&ask, &answer), |draft| draft::check(draft, &ask, &answer)));
    let has_unknown_extension = has_unknown_extension(&answer);
    let chose = answer.header("sec-websocket-protocol").is_some();
    let (link, mut early) = http.upgraded(answer).await;
    if let Some(draft) = draft {
        early = draft::proof(draft, &ask, &link, early, &mut wrong).await?;
    }
    let wrong = shortened(wrong);
    for item in &wrong {
        link.log.notice(item);
    }
    if !wrong.is_empty() && !context.spec.websocket.go_on_anyway {
        let text = format!("the server's answer to the upgrade is wrong: {}", wrong.join("; "));
        let hint = "a WebSocket client must refuse that (RFC 6455 §4.1); “go on anyway” shows what follows";
        link.tap.drain().await;
        return Err(link.fail(failure(Stage::Answer, began, text, hint)));
    }
    let offered = list(&ask, "Sec-WebSocket-Protocol");
    if !offered.is_empty() && !chose {
        link.log.notice(format!(
            "the server chose none of the subprotocols that were offered ({}): browsers close the connection then (WHATWG WebSockets §2)",
            offered.join(", ")
        ));
    }
    Ok(Upgraded { link, early, deflate, has_unknown_extension })
}

/// The upgrade request (§4.1). What the user typed takes the place of what would be sent.
fn upgrade(spec: &Spec, target: &Target, auth: Option<&Auth>) -> Ask {
    let mut ask = Ask::of(&Spec { body: None, ..spec.clone() }, target, auth, "");
    let version = spec.websocket.version;
    if let Some(draft) = draft::of(spec) {
        draft::dress(draft, &mut ask, &spec.websocket.subprotocols);
        return ask;
    }
    let mut key = [0; 16];
    random(&mut key);
    ask.set_default("Upgrade", "websocket");
    ask.set_default("Connection", "Upgrade");
    ask.set_default("Sec-WebSocket-Key", &STANDARD.encode(key));
    ask.set_default("Sec-WebSocket-Version", version.number().unwrap_or("13"));
    if version != WebSocketVersion::Rfc6455 {
        ask.set_default("Sec-WebSocket-Origin", &draft::origin(target));
    } else if let Some(offer) = spec.websocket.deflate.offered() {
        // permessage-deflate came after the drafts.
        ask.set_default(EXTENSIONS, &offer);
    }
    if !spec.websocket.subprotocols.is_empty() {
        ask.set_default("Sec-WebSocket-Protocol", &spec.websocket.subprotocols.join(", "));
    }
    ask
}

/// What is wrong with an answer of 101, item by item (§4.1, the list after "validate the server's response").
fn check(ask: &Ask, answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    let header = |name: &str| answer.header(name);
    let said = |name: &str| header(name).map_or_else(|| "is missing".to_owned(), |value| format!("is {value:?}"));
    let upgrade = header("upgrade").unwrap_or_default();
    if !upgrade.eq_ignore_ascii_case("websocket") {
        wrong.push(format!("the Upgrade header {}, not websocket", said("upgrade")));
    }
    if !answer.tokens("connection").iter().any(|token| token == "upgrade") {
        wrong.push(format!("the Connection header {}, without Upgrade", said("connection")));
    }
    let expected = accept_key(ask.header("Sec-WebSocket-Key").unwrap_or_default());
    if header("sec-websocket-accept").as_ref() != Some(&expected) {
        let found = said("sec-websocket-accept");
        wrong.push(format!("Sec-WebSocket-Accept {found}; for the key that was sent it must be {expected:?}"));
    }
    let offered = list(ask, "Sec-WebSocket-Protocol");
    if let Some(chosen) = header("sec-websocket-protocol") {
        if offered.is_empty() {
            wrong.push(format!("the server chose the subprotocol {chosen:?} although none was offered"));
        } else if !offered.contains(&chosen) {
            wrong.push(format!("the server chose the subprotocol {chosen:?}, which was not offered"));
        }
    }
    wrong
}

/// What is wrong, as much of it as can be read: an answer may be wrong ten thousand times, and quote itself at length. The
/// notes on the answer have it all.
fn shortened(mut wrong: Vec<String>) -> Vec<String> {
    let left_out = wrong.len().saturating_sub(MOST_WRONG);
    wrong.truncate(MOST_WRONG);
    for item in &mut wrong {
        if let Some((cut, _)) = item.char_indices().nth(MOST_WRONG_CHARS) {
            item.truncate(cut);
            item.push('…');
        }
    }
    if left_out > 0 {
        wrong.push(format!("{left_out} more faults of this answer are not listed here"));
    }
    wrong
}

/// The items of a request header that is a list.
fn list(ask: &Ask, name: &str) -> Vec<String> {
    let lines = values(ask, name).into_iter();
    lines.flat_map(|value| value.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>()).collect()
}

/// What was agreed on of permessage-deflate, and what is wrong with the answer to what was offered (RFC 6455 §9.1, RFC
/// 7692 §5).
fn extensions(ask: &Ask, answer: &Answer) -> (Option<Deflate>, Vec<String>) {
    let offers = values(ask, EXTENSIONS);
    let agreed = negotiation::agreed(&offers, &answer.values(EXTENSIONS));
    let deflate = agreed.deflate.map(|deflate| within(deflate, &offers));
    (deflate, agreed.wrong.into_iter().map(|wrong| format!("{} ({})", wrong.text, wrong.spec)).collect())
}

/// What was agreed on, within what we said of ourselves: an offer that names our window or says that we forget it holds
/// though the answer is silent about it (RFC 7692 §7.1.1.2, §7.1.2.2).
fn within(deflate: Deflate, offers: &[String]) -> Deflate {
    // Read as an answer, the offer tells the same of us.
    let Some(said) = negotiation::agreed(offers, offers).deflate else { return deflate };
    Deflate {
        client_no_context_takeover: deflate.client_no_context_takeover || said.client_no_context_takeover,
        client_max_window_bits: deflate.client_max_window_bits.min(said.client_max_window_bits),
        ..deflate
    }
}

/// Whether the answer names another extension than permessage-deflate.
fn has_unknown_extension(answer: &Answer) -> bool {
    let names = answer.tokens(EXTENSIONS).into_iter();
    let mut names = names.map(|item| item.split(';').next().unwrap_or_default().trim().to_owned());
    names.any(|name| !name.is_empty() && name != negotiation::PERMESSAGE_DEFLATE)
}

/// The values of a request header, a line each.
fn values(ask: &Ask, name: &str) -> Vec<String> {
    let lines = ask.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    lines.map(|(_, value)| value.clone()).collect()
}

/// An answer that is no upgrade.
fn refused(answer: &Answer, version: WebSocketVersion, began: Instant) -> Failure {
    let host = answer.target.authority();
    let status = answer.status;
    let reason = reason_phrase(status);
    let (text, hint) = match status {
        200..=299 => (
            format!("{host} answered as ordinary HTTP (status {status}{reason}) instead of upgrading"),
            "a server, path or proxy that does not know WebSocket: check the path, and whether the proxy passes Upgrade on"
                .to_owned(),
        ),
        301 | 302 | 303 | 307 | 308 => {
            let location = answer.header("location").unwrap_or_else(|| "nowhere".to_owned());
            (
                format!("{host} answered with status {status}{reason}: redirected to {location}"),
                format!("browsers do not follow redirects of a WebSocket: open {location} itself"),
            )
        }
        426 => {
            let versions = answer.header("sec-websocket-version").unwrap_or_default();
            let hint = if versions.is_empty() {
                status_hint(426).to_owned()
            } else {
                format!("the server speaks WebSocket version {versions}, and {} was asked for", version.name())
            };
            (format!("{host} answered with status {status}{reason} to the upgrade"), hint)
        }
        _ => (
            format!("{host} answered with status {status}{reason} to the upgrade"),
            status_hint(status).to_owned(),
        ),
    };
    failure(Stage::Answer, began, text, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_of_our_own_window_holds_though_the_answer_is_silent() {
        let silent = |offer: &str| {
            let agreed = negotiation::agreed(&[offer.to_owned()], &["permessage-deflate".to_owned()]);
            let deflate = within(agreed.deflate.unwrap(), &[offer.to_owned()]);
            (deflate.client_no_context_takeover, deflate.client_max_window_bits)
        };
        assert_eq!(silent("permessage-deflate; client_max_window_bits"), (false, 15));
        assert_eq!(silent("permessage-deflate; client_max_window_bits=10"), (false, 10));
        assert_eq!(silent("permessage-deflate; client_no_context_takeover"), (true, 15));
    }

    #[test]
    fn deflate_is_offered_unless_the_user_typed_an_offer() {
        let (target, _) = Target::parse("ws://h/").unwrap();
        let offered = |spec: &Spec| values(&upgrade(spec, &target, None), EXTENSIONS);
        assert_eq!(offered(&Spec::default()), ["permessage-deflate; client_max_window_bits"]);
        let typed = |lines: &[&str]| Spec {
            headers: lines.iter().map(|line| ("sec-websocket-extensions".to_owned(), (*line).to_owned())).collect(),
            ..Spec::default()
        };
        assert_eq!(offered(&typed(&["foo", "permessage-deflate"])), ["foo", "permessage-deflate"]);
        let mut off = Spec::default();
        off.websocket.deflate.offer = false;
        assert_eq!(offered(&off), [""; 0]);
    }

    #[test]
    fn an_answer_that_is_wrong_ten_thousand_times_is_refused_in_a_few_words() {
        let names: Vec<String> = (0..10_000).map(|n| format!("x{n}")).collect();
        let wrong = negotiation::agreed(&[], &[names.join(",")]).wrong.into_iter().map(|wrong| wrong.text).collect();
        let said = shortened(wrong);
        assert_eq!(said.len(), MOST_WRONG + 1);
        assert!(said[MOST_WRONG].starts_with("9980 more faults"), "{:?}", said[MOST_WRONG]);
        let said = shortened(vec!["あ".repeat(5000)]);
        assert_eq!((said.len(), said[0].chars().count()), (1, MOST_WRONG_CHARS + 1));
    }

    #[test]
    fn what_the_user_typed_stays() {
        let (target, _) = Target::parse("ws://h/").unwrap();
        let mut spec = Spec { headers: vec![("sec-websocket-KEY".into(), "mine".into())], ..Spec::default() };
        spec.websocket.subprotocols = vec!["a".into(), "b".into()];
        let text = String::from_utf8(upgrade(&spec, &target, None).bytes("/").real.to_vec()).unwrap();
        assert!(text.contains("\r\nsec-websocket-KEY: mine\r\n") && !text.contains("Sec-WebSocket-Key"), "{text}");
        assert!(text.contains("\r\nSec-WebSocket-Protocol: a, b\r\n") && !text.contains("Accept"), "{text}");
    }
}
