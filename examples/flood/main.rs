//! The other end of the benchmarks: a server that sends faster than any client can read, a reader that only counts,
//! and the same bytes as a capture file.
//!
//! ```text
//! flood serve                       prints the address it listens on; /ws and /sse take ?n=COUNT&size=BYTES
//! flood read ADDRESS PATH           reads an answer to its end and says how fast that was
//! flood pcap OUT COUNT              COUNT WebSocket messages as a capture file
//! ```

mod pcap;
mod serve;
mod stream;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve::run(),
        ["read", address, path] => read(address, path),
        ["pcap", out, count] => pcap::write(out.as_ref(), count.parse().map_err(std::io::Error::other)?),
        _ => {
            eprintln!("usage: flood serve | flood read ADDRESS PATH | flood pcap OUT COUNT");
            std::process::exit(2);
        }
    }
}

/// What the server can do at most: nothing is done with the bytes.
fn read(address: &str, path: &str) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(stream::request(path).as_bytes())?;
    let (mut buffer, mut total, began) = (vec![0; 256 * 1024], 0, Instant::now());
    loop {
        let len = socket.read(&mut buffer)?;
        total += len;
        // A close frame is the last that a WebSocket server says before it waits for ours.
        if len == 0 || buffer[..len].ends_with(&stream::CLOSE) {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{total} bytes in {seconds:.3} s");
    Ok(())
}
