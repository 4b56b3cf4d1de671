//! Which ways there are to an endpoint.

use crate::lab::{Lab, Place};
use crate::transport::{ProxyChoice, PushType, Spec, WebSocketVersion, known_proxies};

/// The types that are tried, the least demanding first.
const TYPES: [PushType; 5] = [PushType::Poll, PushType::LongPoll, PushType::Stream, PushType::Sse, PushType::Ws];

/// A way to an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The push type.
    pub push_type: PushType,
    /// Whether with TLS.
    pub tls: bool,
    /// The address that is dialled, without user and password.
    pub url: String,
    /// The proxy as it is shown, or `None` for straight.
    pub proxy: Option<String>,
    pub(super) spec: Spec,
}

impl Way {
    /// What is asked for.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What it is called: `WebSocket · TLS · direct`.
    pub fn name(&self) -> String {
        let tls = if self.tls { "TLS" } else { "plain" };
        format!("{} · {tls} · {}", self.push_type.label(), self.via())
    }

    /// `direct`, or by which proxy.
    pub fn via(&self) -> String {
        self.proxy.as_ref().map_or_else(|| "direct".to_owned(), |proxy| format!("by {proxy}"))
    }
}

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The address that the user gave.
    pub address: String,
    /// The ways to it.
    pub ways: Vec<Way>,
}

/// Every way to what `spec` asks for: both schemes, every push type, straight and by every proxy that is known.
///
/// `address` is what the user typed; a `lab:` address has a way to each of the lab's endpoints. The error is a sentence.
pub async fn plan(address: &str, spec: &Spec, proxies: &[String], lab: Option<&Lab>) -> Result<Plan, String> {
    let mut ways = Vec::new();
    let mut known: [Option<Vec<(ProxyChoice, String)>>; 2] = [None, None];
    for push_type in TYPES {
        for place in places(address, push_type, lab).await? {
            let mut by: Vec<(ProxyChoice, Option<String>)> = vec![(ProxyChoice::None, None)];
            let mut add = |choice: ProxyChoice, shown: String| {
                if !by.iter().any(|(_, known)| known.as_ref() == Some(&shown)) {
                    by.push((choice, Some(shown)));
                }
            };
            for proxy in proxies.iter().chain(&place.proxy) {
                add(ProxyChoice::Given(proxy.clone()), crate::transport::shown_proxy(proxy));
            }
            // The system is asked once for each scheme, not for each way.
            let tls = place.url.starts_with("https:") || place.url.starts_with("wss:");
            let of_scheme = &mut known[usize::from(tls)];
            if of_scheme.is_none() {
                *of_scheme = Some(known_proxies(&place.url).await);
            }
            for (choice, shown) in of_scheme.iter().flatten() {
                add(choice.clone(), shown.clone());
            }
            for (choice, proxy) in by {
                let mut spec = Spec { push_type, ..spec.clone() };
                spec.go_to(place.url.clone(), None, place.ca_file.clone());
                spec.proxy.choice = choice;
                spec.reconnect = Some(false);
                if let Some(version) = WebSocketVersion::of_lab_address(address) {
                    spec.websocket.version = version;
                }
                let url = crate::transport::shown_address(&place.url);
                ways.push(Way { push_type, tls, url, proxy, spec });
            }
        }
    }
    Ok(Plan { address: crate::transport::shown_address(address), ways })
}

/// Where a push type is looked for.
async fn places(address: &str, push_type: PushType, lab: Option<&Lab>) -> Result<Vec<Place>, String> {
    let (Some(rest), Some(lab)) = (address.strip_prefix("lab:"), lab) else {
        return both_schemes(address, push_type);
    };
    let name = match push_type {
        PushType::Poll => "poll",
        PushType::LongPoll => "longpoll",
        PushType::Stream => "stream",
        PushType::Sse => "sse",
        PushType::Ws | PushType::Auto => "ws",
    };
    let query = rest.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let place = lab.place(&format!("lab:{name}{query}")).await?;
    Ok(vec![place])
}

/// The address with and without TLS, in the scheme of the push type.
fn both_schemes(address: &str, push_type: PushType) -> Result<Vec<Place>, String> {
    let Some((_, rest)) = address.split_once("://") else {
        return Err(format!("{address} is no address: it needs a scheme, such as https://{address}"));
    };
    let schemes = if push_type == PushType::Ws { ["wss", "ws"] } else { ["https", "http"] };
    Ok(schemes.map(|scheme| Place { url: format!("{scheme}://{rest}"), proxy: None, ca_file: None }).to_vec())
}
