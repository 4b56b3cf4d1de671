//! Taking each request to its endpoint.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use super::accept::accept;
use super::answer::{Answer, Flow};
use super::guide;
use super::http::{Request, Unread, read_request};
use super::hub::{CHANNELS, Hub};
use super::message::json_string;
use super::params::Params;
use super::split::{Receiver, Sender};
use super::streaming::Kind;
use super::{polling, socket, streaming};

const LARGEST_CONNECTIONS: usize = 512;

/// Serves until dropped, which closes every connection.
pub async fn serve(listener: TcpListener, addr: SocketAddr) {
    let hub = Arc::new(Hub::default());
    let each = |stream: TcpStream, refuse| {
        let hub = hub.clone();
        async move {
            let _ = stream.set_nodelay(true);
            let (read, write) = stream.into_split();
            let (mut receiver, mut sender) = (Receiver::new(read), Sender::new(write));
            let outcome = match refuse {
                true => refuse_connection(&mut sender).await,
                false => converse(&mut receiver, &mut sender, &hub, addr).await,
            };
            // An error is the client being gone: there is no one left to tell.
            if outcome.is_ok() {
                sender.close(&mut receiver).await;
            }
        }
    };
    accept(listener, LARGEST_CONNECTIONS, each).await;
}

async fn refuse_connection(sender: &mut Sender) -> io::Result<()> {
    let sentence = format!("The lab has {LARGEST_CONNECTIONS} connections already, and takes no more.");
    Answer::sentence(503, &sentence).send(None, sender).await.map(|_| ())
}

async fn converse(receiver: &mut Receiver, sender: &mut Sender, hub: &Hub, addr: SocketAddr) -> io::Result<()> {
    loop {
        sender.split = None;
        let request = match read_request(receiver, sender).await {
            Ok(request) => request,
            Err(Unread::Over) => return Ok(()),
            Err(Unread::Refused(answer)) => return answer.send(None, sender).await.map(|_| ()),
        };
        if respond(&request, receiver, sender, hub, addr).await? == Flow::Close {
            return Ok(());
        }
    }
}

async fn respond(
    request: &Request,
    receiver: &mut Receiver,
    sender: &mut Sender,
    hub: &Hub,
    addr: SocketAddr,
) -> io::Result<Flow> {
    let path = request.path.as_str();
    let allowed = match path {
        "/publish" => "POST, OPTIONS",
        "/sse" => "GET, HEAD, POST, OPTIONS",
        "*" => "GET, HEAD, POST, OPTIONS",
        "/" | "/channels" | "/poll" | "/longpoll" | "/stream" | "/multipart" | "/sse10" | "/lines" | "/ws" => {
            "GET, HEAD, OPTIONS"
        }
        _ => {
            let sentence = format!("There is nothing at {path}.\n\n{}", guide::list(addr));
            return Answer::sentence(404, &sentence).send(Some(request), sender).await;
        }
    };
    if request.method == "OPTIONS" {
        let answer = Answer::new(204)
            .with("Allow", allowed)
            .with("Access-Control-Allow-Methods", allowed)
            .with("Access-Control-Allow-Headers", "Content-Type, If-None-Match, Last-Event-ID, Cache-Control")
            .with("Access-Control-Max-Age", "600");
        return answer.send(Some(request), sender).await;
    }
    if !allowed.split(", ").any(|method| method == request.method) {
        let sentence = format!("{path} answers to {allowed}, not to {}.", request.method);
        return Answer::sentence(405, &sentence).with("Allow", allowed).send(Some(request), sender).await;
    }
    if path == "/" {
        let answer = Answer::new(200).with_body("text/plain; charset=utf-8", guide::description(addr).into_bytes());
        return answer.send(Some(request), sender).await;
    }
    let params = match Params::parse(&request.query) {
        Ok(params) => params,
        Err(sentence) => return Answer::sentence(400, &sentence).send(Some(request), sender).await,
    };
    sender.split = params.split;
    if path == "/channels" {
        return channels(hub).send(Some(request), sender).await;
    }
    let Some(channel) = hub.channel(&params.channel) else {
        let sentence = format!("The lab has {CHANNELS} channels in use, and makes no more.");
        return Answer::sentence(503, &sentence).send(Some(request), sender).await;
    };
    let kind = match path {
        "/publish" => {
            let (number, subscribers) = channel.publish(request.body.clone());
            let text = state("number", &channel.name, number, subscribers);
            return json(text).send(Some(request), sender).await;
        }
        "/poll" => return polling::poll(request, &params, &channel, hub).send(Some(request), sender).await,
        "/longpoll" => return polling::longpoll(request, &params, channel, hub, receiver, sender).await,
        "/ws" => return socket::serve(request, &params, channel, receiver, sender).await,
        "/stream" => Kind::Ndjson,
        "/multipart" => Kind::Multipart,
        "/sse" => Kind::Sse,
        "/sse10" => Kind::Sse10,
        _ => Kind::Lines,
    };
    streaming::serve(kind, request, &params, channel, receiver, sender).await
}

fn channels(hub: &Hub) -> Answer {
    let all = hub.channels();
    let each = all.iter().map(|channel| state("last", &channel.name, channel.last(), channel.subscribers()));
    json(format!("{{\"channels\":[{}]}}", each.collect::<Vec<_>>().join(",")))
}

fn state(number_key: &str, name: &str, number: u64, subscribers: usize) -> String {
    let name = json_string(name);
    format!("{{\"channel\":{name},\"{number_key}\":{number},\"subscribers\":{subscribers}}}")
}

fn json(text: String) -> Answer {
    Answer::new(200).with("Cache-Control", "no-store").with_body("application/json", text.into_bytes())
}
