//! A server that does what a test says: each connection's bytes by hand.

// Some tests use a part of this.
#![allow(dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// How long a server waits for a client.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves every connection by `script`, which gets the request's head; the connection is closed after it.
pub fn serve(script: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let script: &'static (dyn Fn(&mut TcpStream, &str) + Send + Sync) = Box::leak(Box::new(script));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
                let head = read_head(&mut stream);
                script(&mut stream, &head);
            });
        }
    });
    address
}

/// Reads a request's head, byte by byte so that nothing behind it is taken; nothing where no method is named, as in TLS.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
        if !head[0].is_ascii_uppercase() {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Writes; `false` once the client has left.
pub fn say(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) -> bool {
    stream.write_all(bytes.as_ref()).is_ok()
}

/// Accepts the upgrade that a request's head asks for.
pub fn upgrade(stream: &mut TcpStream, head: &str) {
    let key = field(head, "sec-websocket-key").expect("a key");
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    say(stream, answer);
}

/// A field's value in a head.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Waits until the client closes.
pub fn until_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Closes so that the client is reset: with SO_LINGER 0, close sends RST.
pub fn reset(stream: &TcpStream) {
    let stream = stream.try_clone().expect("the stream");
    stream.set_nonblocking(true).expect("non-blocking");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
        stream.set_zero_linger().expect("linger");
    });
}
