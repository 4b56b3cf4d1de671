//! Requests over links that are kept alive, with redirects (RFC 9110 §15.4) followed and said.

use super::context::Context;
use super::failure::failure;
use super::http1::{Answer, Http1, Trouble};
use super::login;
use super::request::Ask;
use super::target::Target;
use crate::wire::{Failure, Stage};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;

/// How many redirects are followed for one request.
const REDIRECTS: usize = 10;

/// Makes requests one after the other, on the same link while the server allows it.
pub(crate) struct Client {
    pub context: Arc<Context>,
    link: Option<Http1>,
}

impl Client {
    pub fn new(context: &Arc<Context>) -> Client {
        Client { context: context.clone(), link: None }
    }

    /// Makes a request and follows redirects. The body of the answer must be read before the next request.
    pub async fn ask(&mut self, ask: &Ask) -> Result<Answer, Trouble> {
        let mut ask = ask.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.ask_logged_in(&ask).await?;
            self.context.answered.cancel();
            let Some(location) = redirect(&answer) else { return Ok(answer) };
            let status = answer.status;
            match follow(&mut ask, status, &location) {
                Ok(said) => self.context.notice(said),
                Err(text) => {
                    self.context.notice(text);
                    return Ok(answer);
                }
            }
            self.skip(answer).await;
        }
        let text = format!("more than {REDIRECTS} redirects; the last one led to {}", ask.target.url);
        let failure = failure(Stage::Answer, Instant::now(), text, "the server redirects in a circle");
        Err(Trouble::Failed(self.fail(failure)))
    }

    /// Makes a request, and makes it again with the answer where a proxy or the server asks who we are.
    async fn ask_logged_in(&mut self, ask: &Ask) -> Result<Answer, Trouble> {
        let mut attempt = 1;
        loop {
            let (ask, answer) = self.ask_once(ask).await?;
            let Some(link) = self.link.as_ref().filter(|_| attempt < login::ATTEMPTS) else { return Ok(answer) };
            if !login::is_to_be_answered(&self.context, &link.link, &ask, &answer) {
                return Ok(answer);
            }
            self.skip(answer).await;
            attempt += 1;
        }
    }

    /// Makes a request, with what is known of logins; the request as it went out, and its answer.
    async fn ask_once(&mut self, ask: &Ask) -> Result<(Ask, Answer), Trouble> {
        // The server may have closed a link that was kept alive just as the request went out: asked once more.
        if let Some(mut link) = self.take_link_to(&ask.target).await {
            let ask = login::applied(&self.context, &link, ask);
            match link.exchange(&ask).await {
                Err(Trouble::Raced) => link.link.lost("the server had closed the idle connection"),
                outcome => {
                    self.link = Some(link);
                    return outcome.map(|answer| (ask, answer));
                }
            }
        }
        let mut link = Http1::open(&self.context, &ask.target, &ask.purpose).await.map_err(Trouble::Failed)?;
        self.context.sent.cancel();
        let ask = login::applied(&self.context, &link, ask);
        let outcome = link.exchange(&ask).await;
        self.link = Some(link);
        outcome.map(|answer| (ask, answer))
    }

    async fn take_link_to(&mut self, target: &Target) -> Option<Http1> {
        let link = self.link.take()?;
        if !link.is_open() {
            return None;
        }
        if !link.target.same_origin(target) {
            link.link.finish("the next request goes elsewhere").await;
            return None;
        }
        Some(link)
    }

    /// The next bytes of an answer's body; `None` at its end, after which the link may serve the next request.
    pub async fn chunk(&mut self, answer: &mut Answer) -> Result<Option<Bytes>, Failure> {
        let idle_ms = self.context.spec.timeouts.idle_ms;
        let Some(link) = &mut self.link else { return Ok(None) };
        let bytes = link.chunk(answer, idle_ms).await?;
        if bytes.is_none() {
            link.release().await;
        }
        Ok(bytes)
    }

    /// Reads the whole body and keeps at most `limit_bytes` of it; says whether that was all.
    pub async fn body(&mut self, answer: &mut Answer, limit_bytes: usize) -> Result<(Vec<u8>, bool), Failure> {
        let mut body = Vec::new();
        let mut whole = true;
        while let Some(bytes) = self.chunk(answer).await? {
            let room = limit_bytes - body.len();
            whole &= bytes.len() <= room;
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok((body, whole))
    }

    /// Reads a body that is not needed. A long one costs the link.
    pub async fn skip(&mut self, mut answer: Answer) {
        let Some(link) = &mut self.link else { return };
        if link.read_evidence(&mut answer).await {
            link.release().await;
        } else {
            self.finish("the rest of the answer is not needed").await;
        }
    }

    /// Reads what an answer says that is a failure, and ends the link by it.
    pub async fn refuse(&mut self, mut answer: Answer, failure: Failure) -> Failure {
        if let Some(link) = &self.link {
            link.read_evidence(&mut answer).await;
        }
        self.fail(failure)
    }

    /// Closes the link after this request where the request said so.
    pub async fn settle(&mut self, ask: &Ask) {
        if !ask.keeps_alive() {
            self.finish("the request asked for one answer only").await;
        }
    }

    /// The proxy that the newest request was given to, where it was.
    pub fn forwarder(&self) -> Option<String> {
        Some(self.link.as_ref()?.link.forwarder.as_ref()?.address.clone())
    }

    /// Closes the link politely.
    pub async fn finish(&mut self, text: &str) {
        if let Some(link) = self.link.take() {
            link.link.finish(text).await;
        }
    }

    /// Ends the link by a failure.
    pub fn fail(&mut self, failure: Failure) -> Failure {
        match self.link.take() {
            Some(link) => link.link.fail(failure),
            None => failure,
        }
    }
}

fn redirect(answer: &Answer) -> Option<String> {
    matches!(answer.status, 301 | 302 | 303 | 307 | 308).then(|| answer.header("location")).flatten()
}

/// Turns a request into the one that a redirect asks for and says what changed; `Err` says why it is not followed.
fn follow(ask: &mut Ask, status: u16, location: &str) -> Result<String, String> {
    let refused = |why: String| format!("status {status} leads to {location}, which is not followed: {why}");
    let url = ask.target.url.join(location).map_err(|error| refused(error.to_string()))?;
    let (target, _) = Target::of(url).map_err(|failure| refused(failure.text))?;
    let mut said = format!("status {status}: redirected to {}", target.url);
    // RFC 9110 §15.4: after 303, and by custom after 301 and 302, a POST becomes a GET.
    let to_get = match status {
        303 => ask.method != "HEAD" && ask.method != "GET",
        301 | 302 => ask.method == "POST",
        _ => false,
    };
    if to_get {
        said.push_str(&format!("; {} becomes GET and its body is left out", ask.method));
        ask.method = "GET".to_owned();
        ask.body = Bytes::new();
        for name in ["Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding"] {
            ask.remove(name);
        }
    }
    if !target.same_origin(&ask.target) {
        let secrets: Vec<_> = ["Authorization", "Cookie", "Proxy-Authorization"]
            .into_iter()
            .filter(|name| ask.header(name).is_some())
            .collect();
        for name in &secrets {
            ask.remove(name);
        }
        if !secrets.is_empty() {
            said.push_str(&format!("; {} is left out, since that is another origin", secrets.join(" and ")));
        }
        ask.set("Host", &target.authority());
        if ask.target.tls && !target.tls {
            said.push_str("; from now on without TLS");
        }
    }
    ask.target = target;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_elsewhere_leaves_secrets_behind() {
        let (target, _) = Target::parse("https://a.example/x").unwrap();
        let headers = vec![("Authorization".to_owned(), "s".to_owned())];
        let mut ask = Ask::plain("POST", &target, headers, Some("body".into()), "*/*");
        let said = follow(&mut ask, 302, "http://b.example/y").unwrap();
        assert!(
            said.contains("POST becomes GET")
                && said.contains("Authorization is left out")
                && said.contains("without TLS")
        );
        let text = String::from_utf8(ask.bytes(&ask.target.path_and_query()).real.to_vec()).unwrap();
        assert!(text.starts_with("GET /y HTTP/1.1\r\nHost: b.example\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        assert!(follow(&mut ask, 302, "ftp://b.example/y").unwrap_err().contains("not followed"));
        let mut ask = Ask::plain("POST", &target, vec![], Some("body".into()), "*/*");
        follow(&mut ask, 307, "/z?1").unwrap();
        let bytes = ask.bytes(&ask.target.path_and_query()).real;
        assert!(bytes.starts_with(b"POST /z?1 ") && bytes.ends_with(b"body"));
    }
}
