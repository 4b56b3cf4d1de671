//! permessage-deflate (RFC 7692) with those who wrote theirs without us: Node's `ws` and Python's `websockets`, each with
//! every setting that it has, in both directions.
//!
//! What we compress is told by the other end, which says in its close frame what it understood; what it compresses is
//! sent back, so that it can tell whether we did.

use crate::support::{Watched, contains, open, spec};
use pushscope::transport::{ClientWindow, DeflateOptions, Order, Outgoing, Spec, WebSocketMessage};
use pushscope::wire::{Act, Dir};
use sha1::{Digest, Sha1};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that was told how to compress.
struct Peer {
    child: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    #[track_caller]
    fn start(mut command: Command, settings: &str) -> Peer {
        let mut child = command.arg(settings).stdout(Stdio::piped()).spawn().expect("node or python is missing");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("its port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{line:?} instead of a port, for {settings}"));
        // Its later output is not of interest, but the pipe must stay open.
        std::thread::spawn(move || lines.lines().count());
        Peer { child, port }
    }

    fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }
}

/// Node's `ws`; `settings` is its option `perMessageDeflate`.
fn node(settings: &str) -> Peer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/ws").is_dir(),
        "the npm package `ws` is missing: run `npm install` in {}",
        folder.display()
    );
    let mut command = Command::new("node");
    command.arg(folder.join("deflate-server.mjs"));
    Peer::start(command, settings)
}

/// Python's `websockets`; `settings` are those of its `ServerPerMessageDeflateFactory`.
fn python(settings: &str) -> Peer {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/peers/websockets/bin/python");
    assert!(
        python.exists(),
        "the PyPI package `websockets` is missing: run python3 -m venv target/peers/websockets && \
         target/peers/websockets/bin/pip install websockets"
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/python/deflate_server.py"));
    Peer::start(command, settings)
}

/// The offers that a user can choose, from the default to the narrowest.
fn offers() -> Vec<DeflateOptions> {
    let default = DeflateOptions::default();
    vec![
        default.clone(),
        DeflateOptions { client_max_window_bits: ClientWindow::Unsaid, ..default.clone() },
        DeflateOptions { client_max_window_bits: ClientWindow::Bits(9), ..default.clone() },
        DeflateOptions { server_max_window_bits: Some(10), ..default.clone() },
        DeflateOptions { client_no_context_takeover: true, ..default.clone() },
        DeflateOptions { server_no_context_takeover: true, ..default },
    ]
}

/// What is sent: the same again and again, so that a window that is kept or forgotten makes a difference.
fn messages() -> Vec<(bool, Vec<u8>)> {
    let noise = (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let text = "今からこれふぁぼります ".repeat(3000).into_bytes();
    vec![
        (true, b"Hello".to_vec()),
        (true, b"Hello".to_vec()),
        (true, Vec::new()),
        (true, text.clone()),
        (false, noise),
        (false, vec![7; 70_000]),
        (true, text),
        (true, b"Hello".to_vec()),
    ]
}

/// The server's close frame says what it understood of what we sent.
#[track_caller]
fn tells(peer: &Peer, deflate: &DeflateOptions, fragment_bytes: usize) -> Watched {
    let mut spec = spec(peer.url("/tell"));
    spec.websocket.deflate = deflate.clone();
    spec.websocket.fragment_bytes = fragment_bytes;
    let mut watched = open(spec);
    let mut hash = Sha1::new();
    for (is_text, payload) in messages() {
        hash.update(if is_text { "text" } else { "binary" });
        hash.update(&payload);
        watched.send(Order::Send(match is_text {
            true => Outgoing::Text(String::from_utf8(payload).unwrap()),
            false => Outgoing::Binary(payload.into()),
        }));
    }
    watched.send(Order::Send(Outgoing::Text("done".into())));
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let last = watched.end();
    assert_eq!(last.act, Act::Done, "{}", watched.story());
    assert!(last.text.contains(&format!("“{} {hash}”", messages().len())), "{deflate:?}: {last:?}");
    watched
}

/// The server's close frame says whether what it sent came back as it was.
#[track_caller]
fn judges(peer: &Peer, deflate: &DeflateOptions) -> Watched {
    let mut spec = spec(peer.url("/judge"));
    spec.websocket.deflate = deflate.clone();
    (spec.websocket.strict, spec.websocket.echo) = (true, true);
    let mut watched = open(spec);
    let last = watched.end();
    assert!(last.act == Act::Done && last.text.contains("messages came back"), "{deflate:?}: {last:?}");
    watched
}

/// What the server answered to the offer; empty where it accepted none.
fn answered(watched: &Watched) -> String {
    let received = String::from_utf8_lossy(&watched.bytes(Dir::In)).to_lowercase();
    let line = received.split("\r\n").find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
    line.unwrap_or_default().to_owned()
}

/// Every offer against a server with these settings, both ways; what it answered to the first one must have `expected`.
#[track_caller]
fn with_every_offer(peer: &Peer, expected: &str) {
    for (number, offer) in offers().iter().enumerate() {
        let watched = tells(peer, offer, 0);
        if number == 0 {
            assert!(answered(&watched).contains(expected), "{:?} lacks {expected:?}", answered(&watched));
        }
        judges(peer, offer);
    }
}

#[test]
fn node_ws_with_each_setting() {
    with_every_offer(&node(r#"{"threshold":0}"#), "permessage-deflate");
    with_every_offer(&node(r#"{"threshold":0,"serverNoContextTakeover":true}"#), "server_no_context_takeover");
    with_every_offer(&node(r#"{"threshold":0,"clientNoContextTakeover":true}"#), "client_no_context_takeover");
    // Messages below the threshold of 1024 bytes come uncompressed among the others.
    with_every_offer(&node("{}"), "permessage-deflate");
}

#[test]
fn node_ws_with_each_window() {
    for bits in 9..=15 {
        let peer = node(&format!(r#"{{"threshold":0,"serverMaxWindowBits":{bits},"clientMaxWindowBits":{bits}}}"#));
        for offer in
            [DeflateOptions::default(), DeflateOptions { server_max_window_bits: Some(15), ..Default::default() }]
        {
            let watched = tells(&peer, &offer, 0);
            let answer = answered(&watched);
            assert!(answer.contains(&format!("server_max_window_bits={bits}")), "{answer}");
            assert!(answer.contains(&format!("client_max_window_bits={bits}")), "{answer}");
            judges(&peer, &offer);
        }
    }
}

#[test]
fn with_the_smallest_window_messages_are_compressed_in_pieces() {
    for peer in [node(r#"{"threshold":0,"clientMaxWindowBits":8}"#), python(r#"{"client_max_window_bits":8}"#)] {
        let mut watched = tells(&peer, &DeflateOptions::default(), 0);
        assert!(answered(&watched).contains("client_max_window_bits=8"), "{}", answered(&watched));
        watched.until_act(Act::Noticed, "a window of 8 bits");
        judges(&peer, &DeflateOptions::default());
    }
}

#[test]
fn python_websockets_with_each_setting() {
    with_every_offer(&python("{}"), "permessage-deflate");
    with_every_offer(&python(r#"{"server_no_context_takeover":true}"#), "server_no_context_takeover");
    with_every_offer(&python(r#"{"client_no_context_takeover":true}"#), "client_no_context_takeover");
    let both = r#"{"server_no_context_takeover":true,"client_no_context_takeover":true}"#;
    with_every_offer(&python(both), "server_no_context_takeover; client_no_context_takeover");
}

#[test]
fn python_websockets_with_each_window() {
    for bits in 9..=15 {
        let peer = python(&format!(r#"{{"server_max_window_bits":{bits},"client_max_window_bits":{bits}}}"#));
        let watched = tells(&peer, &DeflateOptions::default(), 0);
        let answer = answered(&watched);
        assert!(answer.contains(&format!("server_max_window_bits={bits}")), "{answer}");
        assert!(answer.contains(&format!("client_max_window_bits={bits}")), "{answer}");
        judges(&peer, &DeflateOptions::default());
    }
}

#[test]
fn a_compressed_message_is_sent_in_fragments() {
    for peer in [node(r#"{"threshold":0}"#), python("{}")] {
        for fragment_bytes in [1, 7, 1000] {
            tells(&peer, &DeflateOptions::default(), fragment_bytes);
        }
    }
}

#[test]
fn where_nothing_is_agreed_on_messages_go_uncompressed() {
    let off = DeflateOptions { offer: false, ..DeflateOptions::default() };
    for (peer, offer) in [
        (node("false"), DeflateOptions::default()),
        (node(r#"{"threshold":0}"#), off.clone()),
        (python("null"), DeflateOptions::default()),
        (python("{}"), off),
    ] {
        let watched = tells(&peer, &offer, 0);
        assert_eq!(answered(&watched), "");
        judges(&peer, &offer);
        // What is to be compressed is not sent as something else.
        let mut watched = open(Spec { websocket: watched_options(&offer), ..spec(peer.url("/tell")) });
        let message = |compress| WebSocketMessage {
            is_text: true,
            payload: "as it is".into(),
            compress,
            fragments_bytes: Vec::new(),
        };
        watched.send(Order::Send(Outgoing::Message(message(Some(true)))));
        watched.until_act(Act::NotSent, "permessage-deflate was not agreed on");
        watched.send(Order::Send(Outgoing::Message(message(None))));
        watched.send(Order::Send(Outgoing::Text("done".into())));
        assert!(watched.end().text.contains("“1 "), "{}", watched.story());
    }
}

fn watched_options(deflate: &DeflateOptions) -> pushscope::transport::WebSocketOptions {
    pushscope::transport::WebSocketOptions { deflate: deflate.clone(), ..Default::default() }
}

#[test]
fn each_message_may_be_compressed_or_not() {
    let peer = node(r#"{"threshold":0}"#);
    for compress in [true, false] {
        let mut spec = spec(peer.url("/tell"));
        spec.websocket.deflate.compress = compress;
        let mut watched = open(spec);
        let mut hash = Sha1::new();
        for choice in [None, Some(true), Some(false), Some(true)] {
            hash.update(b"texta message of some length, a message of some length");
            watched.send(Order::Send(Outgoing::Message(WebSocketMessage {
                is_text: true,
                payload: "a message of some length, a message of some length".into(),
                compress: choice,
                fragments_bytes: vec![2, 0, 3],
            })));
        }
        watched.send(Order::Send(Outgoing::Text("done".into())));
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let last = watched.end();
        assert!(last.text.contains(&format!("“4 {hash}”")), "{last:?}");
        // The first byte of each message's first frame: RSV1 says that it is compressed.
        let sent = watched.bytes(Dir::Out);
        let rsv1 =
            first_bytes(&sent).into_iter().filter(|first| matches!(first & 0x0F, 1)).map(|first| first & 0x40 != 0);
        assert_eq!(rsv1.take(4).collect::<Vec<_>>(), [compress, true, false, true]);
    }
}

/// The first byte of each frame behind a request's head, all of them short and masked.
fn first_bytes(sent: &[u8]) -> Vec<u8> {
    let head = sent.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let (mut firsts, mut rest) = (Vec::new(), &sent[head..]);
    while let [first, len, ..] = rest {
        firsts.push(*first);
        rest = &rest[6 + usize::from(len & 0x7F)..];
    }
    firsts
}

#[test]
fn an_offer_that_was_typed_goes_out_as_typed_and_counts() {
    let peer = node(r#"{"threshold":0,"clientMaxWindowBits":10}"#);
    let mut typed = spec(peer.url("/tell"));
    typed.headers = vec![
        ("sec-websocket-extensions".into(), "x-unknown".into()),
        ("Sec-WebSocket-Extensions".into(), "permessage-deflate; client_max_window_bits=12".into()),
    ];
    let mut watched = open(typed);
    watched.send(Order::Send(Outgoing::Text("Hello, Hello, Hello".into())));
    watched.send(Order::Send(Outgoing::Text("done".into())));
    assert!(watched.end().text.contains("“1 "), "{}", watched.story());
    assert!(answered(&watched).contains("client_max_window_bits=10"), "{}", answered(&watched));
    let sent = watched.sent();
    assert!(sent.contains("\r\nsec-websocket-extensions: x-unknown\r\n"), "{sent}");
    assert_eq!(sent.to_lowercase().matches("sec-websocket-extensions").count(), 2, "{sent}");
    assert!(!contains(&watched.bytes(Dir::Out), b"Hello"));
}
