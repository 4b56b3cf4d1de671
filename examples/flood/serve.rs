//! The server: a thread a connection, and nothing made while it sends.

use crate::stream::{MESSAGE_BYTES, Stream, number};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// How many messages are sent where the path says nothing.
const COUNT: usize = 1_000_000;

pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    for socket in listener.incoming() {
        let socket = socket?;
        std::thread::spawn(move || {
            // A client that leaves in the middle has seen enough.
            let _ = answer(socket);
        });
    }
    Ok(())
}

fn answer(mut socket: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(socket.try_clone()?);
    let (mut path, mut key) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("sec-websocket-key")
        {
            key = value.trim().to_owned();
        }
    }
    let Some(stream) = Stream::of(&path) else {
        return socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let count = number(&path, "n").unwrap_or(COUNT);
    let size = number(&path, "size").unwrap_or(MESSAGE_BYTES).clamp(MESSAGE_BYTES, 10_000);
    socket.write_all(stream.head(&key).as_bytes())?;
    stream.send(count, size, |bytes| socket.write_all(bytes))?;
    if stream == Stream::WebSocket {
        // RFC 6455 §7.1.1: the server closes TCP first, once the client's close frame is there.
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let _ = reader.read(&mut [0; 64])?;
    }
    socket.shutdown(std::net::Shutdown::Write)
}
