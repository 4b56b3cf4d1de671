//! The way through an HTTP proxy: CONNECT (RFC 9110 §9.3.6), on a link of its own, with the login where it asks for one.

use super::{Proxy, Under, Way};
use crate::transport::context::Context;
use crate::transport::dial::dial_proxy;
use crate::transport::failure::{failure, status_hint};
use crate::transport::http1::{Answer, Http1, Trouble};
use crate::transport::login::{self, Asker};
use crate::transport::request::Ask;
use crate::transport::tap::{Duplex, Prefixed};
use crate::transport::target::Target;
use crate::wire::{Challenge, Failure, ProxyRole, Stage, What};
use std::time::Instant;

/// Asks for a way through.
pub(super) async fn tunnel(context: &Context, proxy: &Proxy, target: &Target, purpose: &str) -> Result<Way, Failure> {
    let mut http: Option<Http1> = None;
    let mut challenge = None;
    for _ in 0..login::ATTEMPTS {
        let mut link = match http.take().filter(Http1::is_open) {
            Some(http) => http,
            None => open(context, proxy, target, purpose).await?,
        };
        let began = Instant::now();
        let mut ask = Ask::connect(target, context.spec.timeouts.answer_ms);
        let uri = link.request_target(&ask);
        context.logins.apply(&Asker::Proxy, proxy.login.as_ref(), &uri, &mut ask);
        let mut answer = match link.exchange(&ask).await {
            Ok(answer) => answer,
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Silent(failure)) => return Err(link.link.fail(Failure { stage: Stage::Proxy, ..failure })),
            // The proxy closed behind its 407: the next attempt opens a link of its own.
            Err(Trouble::Raced) => {
                link.link.lost("the proxy had closed the connection");
                continue;
            }
        };
        if matches!(answer.status, 200..=299) {
            return way(link, answer, began).await;
        }
        let who = proxy.target.host_and_port();
        let asked = context.logins.challenged(&Asker::Proxy, &who, proxy.login.as_ref(), &ask, &answer);
        let Some((asked, again)) = asked else {
            let refusal = refused(proxy, target, &answer, began);
            link.read_evidence(&mut answer).await;
            return Err(link.link.fail(refusal));
        };
        link.link.log.event(What::Challenged(asked.clone()));
        let is_whole = link.read_evidence(&mut answer).await;
        drop(answer);
        if !again {
            return Err(link.link.fail(unanswered(proxy, &asked, began)));
        }
        challenge = Some(asked);
        if is_whole {
            link.release().await;
            http = Some(link);
        } else {
            link.link.finish("the rest of the answer is not needed").await;
        }
    }
    let text = match challenge {
        Some(challenge) => {
            format!("{} keeps asking who we are ({})", proxy.address, challenge.schemes.join(", "))
        }
        None => format!("{} keeps closing the connection without an answer", proxy.address),
    };
    let failure = failure(Stage::Proxy, Instant::now(), text, "see the proxy's log");
    if let Some(http) = http {
        http.link.fail(failure.clone());
    }
    Err(failure)
}

async fn open(context: &Context, proxy: &Proxy, target: &Target, purpose: &str) -> Result<Http1, Failure> {
    let (guard, stream) = dial_proxy(context, proxy, target, ProxyRole::Tunnel, purpose).await?;
    let link = crate::transport::tap::Link::new(stream, guard);
    Http1::on(link, &proxy.target).await
}

/// Takes the stream of a link on which the proxy said yes.
async fn way(http: Http1, answer: Answer, began: Instant) -> Result<Way, Failure> {
    let (link, early) = http.upgraded(answer).await;
    let Some(stream) = link.tap.take_stream() else {
        let text = "it said yes and closed the connection at once";
        return Err(link.fail(failure(Stage::Proxy, began, text, "see the proxy's log")));
    };
    // What came with the answer belongs to whoever speaks through it.
    let stream: Box<dyn Duplex> = if early.is_empty() { stream } else { Box::new(Prefixed::new(early, stream)) };
    Ok(Way { stream, protocol: "CONNECT", under: Under::new(link) })
}

fn unanswered(proxy: &Proxy, challenge: &Challenge, began: Instant) -> Failure {
    let what = if challenge.refused { "refused the login" } else { "wants to know who we are" };
    let text = format!("{} {what} (status 407)", proxy.address);
    failure(Stage::Proxy, began, text, login::hint(challenge))
}

/// Why a proxy would not open the way.
fn refused(proxy: &Proxy, target: &Target, answer: &Answer, began: Instant) -> Failure {
    let status = answer.status;
    let to = target.host_and_port();
    let text = format!("{} refused to open a way to {to} (status {status})", proxy.address);
    let hint = match status {
        403 | 405 if target.port != 443 => format!(
            "many proxies allow CONNECT to port 443 only, and this is port {}: serve it by TLS on port 443, or have the proxy allow this port",
            target.port
        ),
        403 | 405 => format!("the proxy's rules forbid {to}: ask whoever runs it"),
        500..=599 => {
            format!("the proxy could not reach {to}: does that name exist for it, and is it allowed to go there?")
        }
        _ => status_hint(status).to_owned(),
    };
    failure(Stage::Proxy, began, text, hint)
}
