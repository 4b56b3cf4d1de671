//! How far what we sent came: servers that read, read slowly, never read, or vanish, in plain, over TLS, and through a
//! proxy.

use crate::support::{PATIENCE, RUNTIME, Watched, open, spec};
use crate::tls::Certificates;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pushscope::session::{Reached, Session, Store};
use pushscope::transport::{Order, Outgoing, ProxyChoice, Spec};
use pushscope::wire::{ConnectionId, ConnectionInfo, Dir, Entry, LinkId, Progress, What};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha1::{Digest, Sha1};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// What a server does after the upgrade.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// It reads all there is.
    Reads,
    /// It never reads again.
    Ignores,
    /// It reads 64 KiB, then waits 20 ms.
    Dawdles,
    /// It waits until it is told, then resets the connection with all unread.
    Vanishes,
}

/// A WebSocket server, which is also the proxy in front of it: a CONNECT is granted, and the way leads back to itself.
struct Server {
    port: u16,
    /// Told when a connection's end was seen.
    ends: Receiver<Instant>,
    vanish: Arc<tokio::sync::Notify>,
}

fn serve(manner: Manner, certificates: Option<&Certificates>) -> Server {
    let acceptor = certificates.map(|certificates| {
        let chain = vec![CertificateDer::from_pem_file(certificates.path("cert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(certificates.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    });
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, ends) = channel();
    let vanish = Arc::new(tokio::sync::Notify::new());
    let told = vanish.clone();
    RUNTIME.spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let (acceptor, sender, told) = (acceptor.clone(), sender.clone(), told.clone());
            tokio::spawn(async move {
                let mut first = [0; 8];
                while tcp.peek(&mut first).await.is_ok_and(|len| len < first.len()) {}
                if &first == b"CONNECT " {
                    head(&mut tcp).await;
                    tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                }
                if manner == Manner::Vanishes {
                    tcp.set_zero_linger().unwrap();
                }
                match acceptor {
                    Some(acceptor) => converse(acceptor.accept(tcp).await.unwrap(), manner, &told).await,
                    None => converse(tcp, manner, &told).await,
                }
                let _ = sender.send(Instant::now());
            });
        }
    });
    Server { port, ends, vanish }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, manner: Manner, vanish: &tokio::sync::Notify) {
    let head = head(&mut stream).await;
    let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    // The conversation is open.
    stream.write_all(b"\x81\x02hi").await.unwrap();
    stream.flush().await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    match manner {
        Manner::Ignores => tokio::time::sleep(3 * PATIENCE).await,
        Manner::Vanishes => vanish.notified().await,
        Manner::Reads => while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {},
        Manner::Dawdles => {
            while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// The three ways to a server.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Tls,
    /// TLS through a CONNECT proxy.
    Tunnel,
}

const WAYS: [Way; 3] = [Way::Plain, Way::Tls, Way::Tunnel];

fn connect(manner: Manner, way: Way) -> (Server, Watched) {
    let certificates = Certificates::make(&["localhost"], (2020, 2100));
    let server = serve(manner, (!matches!(way, Way::Plain)).then_some(&certificates));
    let port = server.port;
    let spec = match way {
        Way::Plain => spec(format!("ws://localhost:{port}/")),
        Way::Tls | Way::Tunnel => {
            let mut spec = spec(format!("wss://localhost:{port}/"));
            spec.tls.ca_file = certificates.text("ca.pem");
            spec
        }
    };
    let spec = match way {
        Way::Tunnel => through(spec, port),
        Way::Plain | Way::Tls => spec,
    };
    let mut watched = open(spec);
    watched.until_received("\u{2}hi");
    (server, watched)
}

fn through(mut spec: Spec, port: u16) -> Spec {
    spec.proxy.choice = ProxyChoice::Given(format!("http://127.0.0.1:{port}"));
    spec
}

fn send(watched: &Watched, len: usize) {
    watched.send(Order::Send(Outgoing::Binary(vec![7; len].into())));
}

/// The link that the WebSocket is on.
fn link(watched: &Watched) -> LinkId {
    watched.links().last().expect("a link").0
}

/// What was told of a link: nanoseconds, and how far it was.
fn told(watched: &Watched, link: LinkId) -> Vec<(u64, Progress)> {
    let told = watched.events.iter().filter(|event| event.link == link).filter_map(|event| match event.what {
        What::Progress(progress) => Some((event.at_ns, progress)),
        _ => None,
    });
    told.collect()
}

fn last(watched: &Watched) -> Progress {
    let none = Progress { sent_bytes: 0, acknowledged_bytes: None };
    told(watched, link(watched)).last().map_or(none, |(_, progress)| *progress)
}

/// The plaintext that was written on a link.
fn written(watched: &Watched, link: LinkId) -> u64 {
    let bytes = watched.events.iter().filter(|event| event.link == link).map(|event| match &event.what {
        What::Bytes(Dir::Out, bytes) => bytes.len() as u64,
        _ => 0,
    });
    bytes.sum()
}

/// Takes what comes for a while.
fn watch_for(watched: &mut Watched, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        watched.step(until.saturating_duration_since(Instant::now()));
    }
}

/// No figure falls, nothing is acknowledged that was not sent, nothing sent that was not written, nothing told twice.
fn is_sound(watched: &Watched) {
    for (link, _) in watched.links() {
        let told = told(watched, link);
        for (_, progress) in &told {
            assert!(progress.acknowledged_bytes.unwrap() <= progress.sent_bytes, "{told:?}");
            assert!(progress.sent_bytes <= written(watched, link), "{told:?}");
        }
        for pair in told.windows(2) {
            let [(_, before), (_, after)] = pair else { continue };
            assert!(before.sent_bytes <= after.sent_bytes && before != after, "{told:?}");
            assert!(before.acknowledged_bytes <= after.acknowledged_bytes, "{told:?}");
        }
        let began = told.first().map_or(0, |(at_ns, _)| *at_ns);
        let took_ns = told.last().map_or(0, |(at_ns, _)| at_ns - began);
        let most = 12 + took_ns / 10_000_000;
        assert!(told.len() as u64 <= most, "{} in {took_ns} ns", told.len());
    }
}

#[test]
fn what_a_server_reads_is_acknowledged_to_the_last_byte() {
    for way in WAYS {
        let (_server, mut watched) = connect(Manner::Reads, way);
        let link = link(&watched);
        let sends = 40;
        for _ in 0..sends {
            send(&watched, 100_000);
        }
        let began = Instant::now();
        watched.until(&format!("{way:?}: all acknowledged"), |watched| {
            let all = written(watched, link);
            all > sends * 100_000
                && told(watched, link)
                    .last()
                    .is_some_and(|(_, last)| *last == Progress { sent_bytes: all, acknowledged_bytes: Some(all) })
        });
        assert!(began.elapsed() < Duration::from_secs(3), "{way:?}: {:?}", began.elapsed());
        // Then it is quiet.
        let before = watched.events.len();
        watch_for(&mut watched, Duration::from_millis(1300));
        assert_eq!(watched.events.len(), before, "{way:?}: {}", watched.story());
        // And wakes up again for the next message, soon.
        send(&watched, 10);
        let all = written(&watched, link);
        watched.until(&format!("{way:?}: the next"), |watched| last(watched).acknowledged_bytes > Some(all));
        let wrote_ns = watched.events.iter().rev().find(|event| matches!(event.what, What::Bytes(Dir::Out, _)));
        let (told_ns, _) = *told(&watched, link).last().unwrap();
        assert!(told_ns - wrote_ns.unwrap().at_ns < 100_000_000, "{way:?}: {}", watched.story());
        is_sound(&watched);
    }
}

#[test]
fn what_a_server_never_reads_stays_unacknowledged() {
    for way in WAYS {
        let (_server, mut watched) = connect(Manner::Ignores, way);
        for _ in 0..60 {
            send(&watched, 1_000_000);
        }
        watch_for(&mut watched, Duration::from_millis(2500));
        let (found, all) = (last(&watched), written(&watched, link(&watched)));
        assert!(found.sent_bytes < 60_000_000 && found.sent_bytes <= all, "{way:?}: {found:?} of {all}");
        let acknowledged = found.acknowledged_bytes.unwrap();
        // What fits in the buffers of the server's kernel is acknowledged, though nobody reads it.
        assert!(0 < acknowledged && acknowledged < found.sent_bytes, "{way:?}: {found:?}");
        is_sound(&watched);
    }
}

#[test]
fn a_slow_reader_is_followed_step_by_step() {
    for way in WAYS {
        let (_server, mut watched) = connect(Manner::Dawdles, way);
        // One message, so that there is progress within it.
        send(&watched, 20_000_000);
        watch_for(&mut watched, Duration::from_secs(2));
        let link = link(&watched);
        let mut figures: Vec<_> =
            told(&watched, link).iter().map(|(_, progress)| progress.acknowledged_bytes).collect();
        figures.dedup();
        assert!(figures.len() >= 5, "{way:?}: {figures:?}");
        is_sound(&watched);
    }
}

#[test]
fn a_flood_of_small_messages_is_looked_at_a_hundred_times_a_second() {
    let (_server, mut watched) = connect(Manner::Reads, Way::Plain);
    let link = link(&watched);
    let before = written(&watched, link);
    for _ in 0..100_000 {
        send(&watched, 10);
    }
    watched.until("all acknowledged", |watched| last(watched).acknowledged_bytes >= Some(before + 1_600_000));
    is_sound(&watched);
}

#[test]
fn steady_messages_are_looked_at_no_more_often_and_soon_each() {
    let (_server, mut watched) = connect(Manner::Reads, Way::Plain);
    for _ in 0..500 {
        send(&watched, 10);
        watch_for(&mut watched, Duration::from_millis(3));
    }
    watch_for(&mut watched, Duration::from_millis(300));
    let link = link(&watched);
    assert_eq!(last(&watched).acknowledged_bytes, Some(written(&watched, link)));
    assert!(told(&watched, link).len() > 50, "{}", told(&watched, link).len());
    is_sound(&watched);
}

#[test]
fn nothing_is_claimed_when_the_server_vanishes() {
    for way in WAYS {
        let (server, mut watched) = connect(Manner::Vanishes, way);
        for _ in 0..60 {
            send(&watched, 1_000_000);
        }
        watch_for(&mut watched, Duration::from_millis(500));
        server.vanish.notify_one();
        watched.end();
        let found = last(&watched);
        assert!(found.acknowledged_bytes < Some(found.sent_bytes), "{way:?}: {found:?}");
        is_sound(&watched);
    }
}

#[test]
fn a_link_that_closes_is_closed_at_once_and_tells_no_more() {
    for way in WAYS {
        let (server, mut watched) = connect(Manner::Reads, way);
        send(&watched, 1000);
        let link = link(&watched);
        let before = written(&watched, link);
        watched.until("the message", |watched| written(watched, link) > before);
        let began = Instant::now();
        watched.handle.stop();
        let end = server.ends.recv_timeout(PATIENCE).expect("the server sees the end");
        assert!(end - began < Duration::from_millis(500), "{way:?}: {:?}", end - began);
        watched.end();
        watch_for(&mut watched, Duration::from_millis(300));
        let position = |wanted: fn(&What) -> bool| {
            watched.events.iter().rposition(|event| event.link == link && wanted(&event.what))
        };
        let progress = position(|what| matches!(what, What::Progress(_)));
        let closed = position(|what| matches!(what, What::Closed(_) | What::Failed(_)));
        assert!(progress.is_some() && progress < closed, "{way:?}: {}", watched.story());
        is_sound(&watched);
    }
}

#[test]
fn the_session_tells_of_each_message() {
    let (_server, mut watched) = connect(Manner::Reads, Way::Tls);
    let link = link(&watched);
    let before = written(&watched, link);
    send(&watched, 1000);
    watched.until("all acknowledged", |watched| last(watched).acknowledged_bytes > Some(before + 1000));
    let mut session = Session::new(Store::newest(), 0);
    let info = ConnectionInfo { id: ConnectionId(1), spec: "{}".into(), label: String::new() };
    session.take(Entry::Connection(info));
    for event in &watched.events {
        session.take(Entry::Event(event.clone()));
    }
    let progress = &session.link(link).expect("the link").progress;
    assert!(matches!(progress.reached(before), Reached::Acknowledged(_)));
    let Reached::Acknowledged(at_ns) = progress.reached(before + 1000) else { panic!("{:?}", progress.samples()) };
    let wrote = watched.events.iter().rev().find(|event| matches!(event.what, What::Bytes(Dir::Out, _))).unwrap();
    assert!(at_ns >= wrote.at_ns && at_ns - wrote.at_ns < 1_000_000_000);
    assert_eq!(progress.reached(before + 1_000_000), Reached::Kernel);
}
