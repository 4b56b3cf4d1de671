//! What proxies do: refuse a way through, want a login, answer in the server's place, show a page.

use super::head::Head;
use super::rules::{BLOCK_PAGE, CONNECT_REFUSED, PROXY_ANSWERED, PROXY_LOGIN, SERVER_LOGIN};
use super::{Confidence, Eye, Look, Rule, Said, sentence};
use crate::session::RecordId;
use crate::wire::Challenge;

/// Products that answer in the place of servers, by their names in Server and Via.
const PRODUCTS: [&str; 16] = [
    "squid",
    "zscaler",
    "bluecoat",
    "blue coat",
    "fortigate",
    "mitmproxy",
    "haproxy",
    "tinyproxy",
    "sophos",
    "netskope",
    "mcafee",
    "forcepoint",
    "cisco",
    "privoxy",
    "envoy",
    "filter",
];

/// Words of pages that block.
const WORDS: [&str; 9] =
    ["blocked", "denied", "content filter", "forbidden", "policy", "not allowed", "firewall", "captive", "web filter"];

/// Bytes of a page that are looked through.
const PAGE_BYTES: usize = 16 * 1024;

/// What was asked of us on a connection, until it is answered.
#[derive(Default)]
pub(super) struct Logins {
    open: Option<(RecordId, Challenge)>,
}

impl Logins {
    pub fn challenged(&mut self, look: &mut Look<'_>, challenge: &Challenge) {
        self.open = Some((look.id, challenge.clone()));
        if challenge.refused || !challenge.can_be_answered {
            self.gave_up(look);
        }
    }

    /// The connection ended with what was asked unanswered.
    pub fn gave_up(&mut self, look: &mut Look<'_>) {
        let Some((record, challenge)) = self.open.take() else { return };
        let (rule, whose, status): (&'static Rule, _, _) = match challenge.by_proxy {
            true => (&PROXY_LOGIN, "proxy", 407),
            false => (&SERVER_LOGIN, "server", 401),
        };
        let schemes = challenge.schemes.join(", ");
        let realm = if challenge.realm.is_empty() { String::new() } else { format!(" for “{}”", challenge.realm) };
        let by = if challenge.schemes == ["password"] { String::new() } else { format!(" (status {status})") };
        let seen = match challenge.refused {
            true => format!(
                "The {whose} {} refused the user or password it was given{realm}{by}: it offers {schemes}.",
                challenge.who
            ),
            false => format!("The {whose} {} asks who we are{realm}{by} and offers {schemes}.", challenge.who),
        };
        let means = match (challenge.can_be_answered, challenge.by_proxy) {
            (false, _) => {
                format!("It accepts {schemes} only, which Pushscope does not speak (Basic and Digest are spoken).")
            }
            (true, true) => {
                "Nothing passes the proxy without a login; many client libraries hide this behind “connection failed”."
                    .to_owned()
            }
            (true, false) => "The server serves nobody whom it does not know.".to_owned(),
        };
        let attempt = match (challenge.can_be_answered, challenge.by_proxy) {
            (false, _) => {
                "Run a helper on this machine that logs in for you (cntlm, px), or ask the proxy's owner for an exception for this host."
            }
            (true, true) => "Give user and password for the proxy, and see that the application can do so as well.",
            (true, false) => "Give user and password, or a token.",
        };
        let mut evidence = look.here(format!("{status}: {schemes}"));
        evidence.record = record;
        let confidence = Confidence::Certain;
        look.found(rule, Said { confidence, seen, means, attempt: attempt.to_owned(), evidence: vec![evidence] });
    }
}

/// An answer of a proxy, or of one that should not be there.
pub(super) fn answer(look: &mut Look<'_>, eye: &Eye, request: Option<&Head>, answer: &Head) {
    let is_connect = eye.is_leg() || request.is_some_and(|request| request.method == "CONNECT");
    if is_connect {
        return refused(look, eye, request, answer);
    }
    let Some(product) =
        product(answer).filter(|_| answer.status >= 400 && answer.status != 401 && answer.status != 407)
    else {
        return;
    };
    let squid = answer.field("x-squid-error");
    let is_gateway = matches!(answer.status, 502..=504);
    let has_via = answer.field("via").is_some() || squid.is_some();
    if !(is_gateway || has_via) {
        return;
    }
    let error = squid.map_or_else(String::new, |error| format!(", with the error {error}"));
    let seen = format!("{} answered with status {}{error}; by its head that is {product}.", eye.to, answer.status);
    let means = match is_gateway {
        true => "A proxy or gateway stands in front of the server and could not reach it, or gave up waiting for it.",
        false => "The answer is not the server's: something in between refuses.",
    };
    let attempt = "See the log of that proxy at this time. If it stands in front of the server: is the server running, and does it answer within the proxy's timeouts (nginx: proxy_read_timeout)? If it is your network's: ask its owner to allow this address.";
    let mut evidence = vec![answer.status_evidence()];
    evidence.extend(
        ["x-squid-error", "via", "server"]
            .into_iter()
            .filter(|name| answer.field(name).is_some())
            .map(|name| answer.evidence(name)),
    );
    let confidence = if squid.is_some() { Confidence::Certain } else { Confidence::Likely };
    look.found(
        &PROXY_ANSWERED,
        Said { confidence, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence },
    );
}

fn product(answer: &Head) -> Option<String> {
    if answer.field("x-squid-error").is_some() {
        return Some("a squid proxy".to_owned());
    }
    for name in ["via", "server"] {
        let Some(value) = answer.field(name) else { continue };
        let lower = value.to_lowercase();
        let is_known = PRODUCTS.iter().any(|product| lower.contains(product));
        let is_gateway = name == "server"
            && ["nginx", "cloudflare", "awselb", "varnish", "traefik"].iter().any(|p| lower.contains(p));
        if name == "via" || is_known || is_gateway {
            return Some(format!("“{value}” ({})", if name == "via" { "Via" } else { "Server" }));
        }
    }
    None
}

fn refused(look: &mut Look<'_>, eye: &Eye, request: Option<&Head>, answer: &Head) {
    if matches!(answer.status, 200..=299 | 407) {
        return;
    }
    let target = match (&eye.via, request) {
        (_, Some(request)) => request.target.clone(),
        (Some(via), _) => via.target.clone(),
        _ => "the server".to_owned(),
    };
    let port = target.rsplit_once(':').map_or("", |(_, port)| port);
    let proxy = eye.via.as_ref().map_or(eye.to.as_str(), |via| via.proxy.as_str());
    let who = product(answer).map_or_else(String::new, |product| format!(" ({product})"));
    let seen = format!("The proxy {proxy}{who} answered CONNECT {target} with status {}.", answer.status);
    let (means, attempt) = match answer.status {
        502..=504 => (
            format!("The proxy would open a way, but could not reach {target} itself."),
            format!(
                "Does the name exist for the proxy, and may it go to {target}? Ask whoever runs it; its log names the reason."
            ),
        ),
        _ if port != "443" => (
            format!(
                "The proxy's rules forbid a way to port {port}. The usual rule allows CONNECT to port 443 only, so plain ws:// and other ports die here."
            ),
            format!(
                "Serve the endpoint by TLS on port 443 (wss:// or https:// without a port), or ask the proxy's owner: “please allow CONNECT to {target}”."
            ),
        ),
        _ => (
            "The proxy's rules forbid this host.".to_owned(),
            format!("Ask the proxy's owner: “please allow CONNECT to {target}”."),
        ),
    };
    let mut evidence = vec![answer.status_evidence()];
    if answer.field("x-squid-error").is_some() {
        evidence.push(answer.evidence("x-squid-error"));
    }
    look.found(&CONNECT_REFUSED, Said { confidence: Confidence::Certain, seen, means, attempt, evidence });
}

/// A body that is a page where none was wanted.
pub(super) fn body(look: &mut Look<'_>, eye: &Eye) {
    let (Some(request), Some(answer)) = (&eye.request, &eye.answer) else { return };
    let is_page = answer.media_type() == "text/html"
        || (matches!(answer.status, 302 | 303 | 307) && answer.field("location").is_some());
    let wants_stream = request.is_upgrade() || request.lists("accept", "text/event-stream");
    if eye.is_leg() || !is_page || !wants_stream || !matches!(answer.status, 200 | 302 | 303 | 307 | 403 | 451 | 511) {
        return;
    }
    let page = look.session.explain_within(look.id, PAGE_BYTES).payload;
    let page = String::from_utf8_lossy(&page).to_lowercase();
    let word = WORDS.iter().find(|word| page.contains(**word));
    let product = product(answer);
    let leads_away = answer.field("location").is_some_and(|location| {
        let host = eye.to.rsplit_once(':').map_or(eye.to.as_str(), |(host, _)| host);
        location.contains("://") && !location.contains(host)
    });
    if word.is_none() && product.is_none() && !leads_away {
        return;
    }
    let title = page
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next())
        .unwrap_or_default()
        .trim()
        .to_owned();
    let what = if request.is_upgrade() { "a WebSocket upgrade" } else { "an event stream" };
    let titled = if title.is_empty() { String::new() } else { format!(", titled “{title}”") };
    let by = product.map_or_else(String::new, |product| format!(", by {product}"));
    let seen = match answer.field("location").filter(|_| answer.status != 200) {
        Some(location) => format!(
            "{what} was asked for, and {} answered with status {}, leading to {location}{by}.",
            eye.to, answer.status
        ),
        None => format!("{what} was asked for, and a web page came with status {}{titled}{by}.", answer.status),
    };
    let means = "Something in between (a content filter, a captive portal, a login page) answered with a page for people. Programs see “200” and then nonsense, or a connection that never opens.";
    let attempt = "Open the address in a browser on this network to see the page; log in there if it is a portal, or ask the network's owner to allow the address. TLS (https, wss) keeps such boxes from answering in the server's name.";
    let mut evidence = vec![
        answer.status_evidence(),
        answer.evidence("content-type"),
        look.here(if title.is_empty() { "the page" } else { title.as_str() }.to_owned()),
    ];
    evidence.extend(
        ["via", "server", "location"]
            .into_iter()
            .filter(|name| answer.field(name).is_some())
            .map(|name| answer.evidence(name)),
    );
    let confidence = if word.is_some() { Confidence::Likely } else { Confidence::Possible };
    let seen = sentence(&seen);
    look.found(&BLOCK_PAGE, Said { confidence, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence });
}
