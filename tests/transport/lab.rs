//! The lab at the other end: every push type, found by `auto` or named, and what is published comes back.

use crate::support::{RUNTIME, Watched, open, spec};
use pushscope::lab::{Lab, resolve};
use pushscope::transport::{CursorSource, Order, Outgoing, PushType, Spec};
use pushscope::wire::{Act, Dir};
use std::sync::LazyLock;

static LAB: LazyLock<Lab> =
    LazyLock::new(|| RUNTIME.block_on(Lab::start("127.0.0.1:0".parse().unwrap())).expect("the lab"));

pub fn lab(url: &str) -> Spec {
    spec(resolve(LAB.addr(), url).unwrap())
}

fn picked(watched: &Watched) -> String {
    watched.acts().into_iter().find(|act| act.act == Act::Picked).map_or_else(String::new, |act| act.text)
}

#[test]
fn auto_finds_every_type_and_the_tweets_arrive_whole() {
    for (name, expected) in [
        ("sse", "SSE"),
        ("sse10", "SSE"),
        ("stream", "stream"),
        ("lines", "stream"),
        ("multipart", "multipart"),
        ("ws", "ws://"),
    ] {
        let mut watched = open(lab(&format!("lab:{name}?scenario=tweets")));
        assert_eq!(watched.end().act, Act::Done, "{name}: {}", watched.story());
        assert!(picked(&watched).contains(expected), "{name}: {}", picked(&watched));
        assert!(watched.failures().is_empty(), "{name}: {}", watched.story());
        if name != "lines" && name != "ws" {
            watched.until_received("あいうえお");
        }
    }
}

#[test]
fn polls_and_long_polls_go_on() {
    let mut watched = open(Spec { interval_ms: Some(50), ..lab("lab:poll?rate=20&channel=p") });
    watched.until_act(Act::Picked, "Polling");
    watched.until_received("\"n\":5");
    watched.handle.stop();
    watched.end();
    let mut spec = Spec { push_type: PushType::LongPoll, ..lab("lab:longpoll?rate=20&channel=l") };
    spec.cursor = CursorSource::Header("X-Cursor".into());
    let mut watched = open(spec);
    watched.until_received("\"n\":8");
    watched.handle.stop();
    watched.end();
    let received = String::from_utf8_lossy(&watched.bytes(Dir::In)).into_owned();
    for n in 1..=8 {
        assert_eq!(received.matches(&format!("\"n\":{n},")).count(), 1, "message {n}: {received}");
    }
    assert_eq!(watched.links().len(), 1);
}

#[test]
fn what_is_published_on_the_side_comes_back() {
    let mut watched = open(lab("lab:sse?scenario=quiet&channel=side"));
    let publish = format!("http://{}/publish?channel=side", LAB.addr());
    watched.send(Order::Send(Outgoing::Request {
        method: String::new(),
        url: Some(publish),
        headers: Vec::new(),
        body: "from the side".into(),
    }));
    watched.until_received("data: from the side");
    watched.handle.stop();
    watched.end();
}

#[test]
fn a_feed_as_fast_as_can_be_is_recorded_whole() {
    let mut watched = open(lab("lab:ws?rate=0&count=50000"));
    assert_eq!(watched.end().act, Act::Done, "{:?}", watched.acts());
    watched.until_received("\"n\":50000,");
}
