//! hyper gives an application the body bytes that we tell.

use crate::recording::{chunked, errors, field_bytes, requests, tell};
use http_body_util::{BodyExt, Empty};
use hyper::rt::{Read, ReadBufCursor, Write};
use proptest::prelude::*;
use pushscope::dissect::Kind;
use pushscope::wire::Dir;
use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

/// A duplex stream as hyper wants one.
struct Io(DuplexStream);

impl Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut cursor: ReadBufCursor<'_>) -> Poll<Result<()>> {
        let mut buffer = [0; 4096];
        let room = cursor.remaining().min(buffer.len());
        let mut read = ReadBuf::new(&mut buffer[..room]);
        let polled = Pin::new(&mut self.0).poll_read(cx, &mut read);
        cursor.put_slice(read.filled());
        polled
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The body that hyper reads from an answer, the trailer fields behind it, and whether all went well.
fn hyper_says(answer: &[u8]) -> (Vec<u8>, usize, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(Io(client)).await.expect("handshake");
        let connection = tokio::spawn(connection);
        let request = http::Request::get("/").header("host", "a").body(Empty::<bytes::Bytes>::new()).expect("request");
        let answering = async {
            // hyper wants nothing to be said before it asked.
            let mut asked = [0; 16];
            tokio::io::AsyncReadExt::read(&mut server, &mut asked).await.expect("request");
            server.write_all(answer).await.expect("room");
            server.shutdown().await.expect("shutdown");
        };
        let (response, ()) = tokio::join!(sender.send_request(request), answering);
        let Ok(response) = response else { return (Vec::new(), 0, false) };
        let (mut body, mut data, mut trailers, mut is_whole) = (response.into_body(), Vec::new(), 0, true);
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(bytes)) => data.extend_from_slice(&bytes),
                Ok(Err(frame)) => trailers += frame.into_trailers().map_or(0, |fields| fields.len()),
                Err(_) => is_whole = false,
            }
        }
        connection.abort();
        (data, trailers, is_whole)
    })
}

/// The same from our records.
fn we_say(answer: &[u8]) -> (Vec<u8>, usize, bool) {
    let told = tell(&[(Dir::Out, &requests("GET", 1)), (Dir::In, answer)]);
    let data = |key: &str| told.iter().flat_map(|e| field_bytes(e, answer, key)).flatten().collect::<Vec<u8>>();
    let body = [data("http.body"), data("http.chunk.data")].concat();
    if let Some(document) = told.iter().find(|e| e.record.kind == Kind::HttpBody && !e.payload.is_empty()) {
        assert_eq!(document.payload, body, "the document's payload is the body's bytes");
    }
    let trailers = told.iter().filter(|e| e.record.kind == Kind::HttpTrailers);
    let trailers = trailers.flat_map(|e| &e.fields).filter(|field| field.def.key == "http.header.name").count();
    (body, trailers, errors(&told).is_empty())
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked(usize, &'static str, &'static str),
    Close,
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let framing = prop_oneof![
        Just(Framing::Length),
        Just(Framing::Close),
        (
            1usize..40,
            prop::sample::select(vec!["", ";a", ";a=b", ";a=\"b;c\"", " "]),
            prop::sample::select(vec!["", "X-A: 1\r\n", "X-A: 1\r\nX-B: 2\r\n"])
        )
            .prop_map(|(size, extension, trailers)| Framing::Chunked(size, extension, trailers)),
    ];
    let labels = prop::sample::select(vec!["application/json", "application/octet-stream", "text/plain", "image/png"]);
    let cut = prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (prop::collection::vec(any::<u8>(), 0..120), framing, labels, cut).prop_map(|(body, framing, label, cut)| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {label}\r\n");
        let (head, mut framed) = match framing {
            Framing::Close => (format!("{head}\r\n"), body),
            Framing::Length => (format!("{head}Content-Length: {}\r\n\r\n", body.len()), body),
            Framing::Chunked(size, extension, trailers) => {
                let mut framed = Vec::new();
                for chunk in body.chunks(size) {
                    framed.extend(format!("{:X}{extension}\r\n", chunk.len()).into_bytes());
                    framed.extend(chunk);
                    framed.extend(b"\r\n");
                }
                framed.extend(format!("0{extension}\r\n{trailers}\r\n").into_bytes());
                (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), framed)
            }
        };
        framed.truncate(cut.map_or(framed.len(), |cut| cut.index(framed.len() + 1)));
        [head.into_bytes(), framed].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bodies_are_read_alike(answer in answer()) {
        let (theirs, their_trailers, is_whole) = hyper_says(&answer);
        let (ours, our_trailers, is_well) = we_say(&answer);
        prop_assert_eq!(&ours, &theirs);
        if is_whole {
            prop_assert_eq!(our_trailers, their_trailers);
        } else {
            prop_assert!(!is_well, "hyper refuses it; we have no error");
        }
    }
}

#[test]
fn what_hyper_refuses_has_an_error() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in
        ["zz\r\nabc", "3\r\nabcdef\r\n0\r\n\r\n", "11111111111111111\r\n", "-1\r\n", "3\r\nab", "", "0\r\n", "\r\n\r\n"]
    {
        let answer = format!("{head}{body}").into_bytes();
        assert!(!hyper_says(&answer).2, "{body:?}");
        assert!(!we_say(&answer).2, "{body:?}");
    }
    let answer = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunked(b"abc", 2)].concat();
    assert_eq!(hyper_says(&answer), (b"abc".to_vec(), 0, true));
    assert_eq!(we_say(&answer), (b"abc".to_vec(), 0, true));
}
