//! The middleboxes that stand before the lab without the client's knowing: it connects to them as if to the lab.

use std::io;
use std::net::SocketAddr;

use super::super::answer::Flow;
use super::body::Body;
use super::choice::Kind;
use super::head::{Head, own_answer, page};
use super::relay::{Manner, Rules, Side, exchange, gateway_error};

const VIA_HTTP10: &str = "1.0 lab-proxy";

/// Takes the client's requests to the lab, one after the other, until the connection is to be closed.
pub async fn serve(client: &mut Side, kind: Kind, lab: SocketAddr) -> io::Result<()> {
    let mut kept: Option<Side> = None;
    while let Some(mut request) = client.next_head().await? {
        let (is_head, client_keeps) = (request.word(0) == "HEAD", request.keeps_alive());
        let body = match request.request_body() {
            Ok(body) => body,
            Err(sentence) => return refuse(client, 400, &sentence, is_head).await,
        };
        if kind == Kind::BlockPage {
            let keeps = client_keeps && body.has_ended();
            client.sender.send_bytes(&block_page(keeps, is_head)).await?;
            match keeps {
                true => continue,
                false => return Ok(()),
            }
        }
        if kind == Kind::DowngradesHttp10 {
            if !matches!(body, Body::Length(_)) {
                let sentence = "HTTP/1.0 has no chunks: a request's body needs a Content-Length.";
                return refuse(client, 411, sentence, is_head).await;
            }
            downgrade_request(&mut request);
        }
        let mut upstream = match kept.take() {
            Some(upstream) => upstream,
            None => match Side::connect(lab).await {
                Ok(upstream) => upstream,
                Err(error) => {
                    let sentence = format!("Connecting to the lab at {lab} failed: {error}.");
                    return client.sender.send_bytes(&gateway_error(502, &sentence, is_head)).await;
                }
            },
        };
        if exchange(client, &mut upstream, &request, body, &rules(kind, client_keeps)).await? == Flow::Close {
            return Ok(());
        }
        kept = Some(upstream);
    }
    Ok(())
}

fn rules(kind: Kind, client_keeps: bool) -> Rules<'static> {
    Rules {
        edit: match kind {
            Kind::RewritesConnection => &rewrite_connection,
            Kind::DowngradesHttp10 => &downgrade_answer,
            _ => &|_| {},
        },
        manner: match kind {
            Kind::Buffers(lump) => Manner::Lumps(lump),
            Kind::Truncates(cut) => Manner::Cut(cut),
            _ => Manner::AtOnce,
        },
        client_keeps,
        swallows: kind == Kind::SwallowsUpstream,
    }
}

fn rewrite_connection(answer: &mut Head) {
    answer.replace_member("connection", "upgrade", "keep-alive");
}

fn downgrade_request(request: &mut Head) {
    request.start_line = format!("{} {} HTTP/1.0", request.word(0), request.word(1));
    // HTTP/1.0 knows neither upgrades nor 100 (Continue).
    request.remove(&["upgrade", "connection", "keep-alive", "expect", "te"]);
    request.add("Via", VIA_HTTP10);
    request.add("Connection", "close");
}

fn downgrade_answer(answer: &mut Head) {
    if let Some((_, status)) = answer.start_line.split_once(' ') {
        answer.start_line = format!("HTTP/1.0 {status}");
    }
    answer.remove(&["transfer-encoding", "connection", "keep-alive"]);
    answer.add("Via", VIA_HTTP10);
    answer.add("Connection", "close");
}

fn block_page(keeps: bool, is_answer_to_head: bool) -> Vec<u8> {
    let sentence = "The address is in a category that your organisation does not allow. \
        This page came from the lab's content filter, not from the server that was asked.";
    let html = page("Access denied by the content filter", sentence);
    let connection = if keeps { "keep-alive" } else { "close" };
    let fields = [("Server", "lab-filter"), ("Via", "1.1 lab-filter"), ("Connection", connection)];
    own_answer(200, &fields, &html, is_answer_to_head)
}

async fn refuse(client: &mut Side, status: u16, sentence: &str, is_answer_to_head: bool) -> io::Result<()> {
    let fields = [("Server", "lab-proxy"), ("Connection", "close")];
    let html = page("The request is refused", sentence);
    client.sender.send_bytes(&own_answer(status, &fields, &html, is_answer_to_head)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(head: &Head) -> String {
        String::from_utf8(head.bytes()).unwrap()
    }

    #[test]
    fn a_downgraded_exchange_knows_nothing_of_http11() {
        let mut request = Head::parse(
            b"GET /ws?a=b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: 1\r\n\r\n",
        );
        downgrade_request(&mut request);
        let expected = "GET /ws?a=b HTTP/1.0\r\nHost: a\r\nX: 1\r\nVia: 1.0 lab-proxy\r\nConnection: close\r\n\r\n";
        assert_eq!(text(&request), expected);
        let mut answer = Head::parse(b"HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n");
        downgrade_answer(&mut answer);
        let expected = "HTTP/1.0 426 Upgrade Required\r\nX: 1\r\nVia: 1.0 lab-proxy\r\nConnection: close\r\n\r\n";
        assert_eq!(text(&answer), expected);
    }

    #[test]
    fn a_block_page_says_how_long_it_is() {
        let page = String::from_utf8(block_page(true, false)).unwrap();
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())), "{head}");
        assert!(block_page(true, true).ends_with(b"\r\n\r\n"));
    }
}
