//! hyper reads the same from the joined chunks as from those that came, at any moment.

use super::*;
use crate::transport::http1::builder;
use http_body_util::{BodyExt, Empty};
use hyper::rt::{Read, ReadBufCursor};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn coalesced(reads: &[Bytes]) -> Vec<Bytes> {
    let mut coalesce = Coalesce::default();
    coalesce.expect_answer(&Method::GET);
    reads.iter().map(|read| coalesce.feed(read.clone())).collect()
}

/// What is made of one read of chunks behind an usual head.
fn joined(body: &str) -> String {
    let reads = coalesced(&[HEAD.into(), Bytes::copy_from_slice(body.as_bytes())]);
    assert_eq!(reads[0], HEAD);
    String::from_utf8_lossy(&reads[1]).into_owned()
}

#[test]
fn whole_chunks_of_a_read_become_one() {
    assert_eq!(joined("3\r\nabc\r\n2\r\nde\r\n"), "5\r\nabcde\r\n");
    assert_eq!(joined("0003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "d\r\nabc0123456789\r\n0\r\n\r\n");
    assert_eq!(joined("1\r\na\r\n1\r\nb\r\n1"), "2\r\nab\r\n1");
    assert_eq!(joined("1\r\na\r\n1\r\nb\r\n5\r\n1\r"), "2\r\nab\r\n5\r\n1\r");
    let reads = [HEAD, "1\r", "\na\r\n1\r\nb\r\n1\r\nc\r\n2\r\n.", ".\r\n", "1\r\n.\r\n2\r\n..\r\n"];
    let expected = [HEAD, "1\r", "\na\r\n2\r\nbc\r\n2\r\n.", ".\r\n", "3\r\n...\r\n"];
    assert_eq!(coalesced(&reads.map(Bytes::from)), expected);
    let one = format!("{HEAD}1\r\na\r\n1\r\nb\r\n");
    assert_eq!(coalesced(&[one.into()]), [format!("{HEAD}2\r\nab\r\n")]);
}

#[test]
fn from_what_is_odd_on_bytes_pass_as_they_are() {
    let two = "1\r\na\r\n1\r\nb\r\n";
    for odd in
        ["0\r\n\r\n", "1;a=b\r\na\r\n", "1 \r\na\r\n", "1\na\r\n", "1\r\na\n", "1\r\nab\r\n", "g\r\n", "\r\n", "-1\r\n"]
    {
        assert_eq!(joined(&format!("{two}{odd}{two}")), format!("2\r\nab\r\n{odd}{two}"));
    }
    assert_eq!(joined(&format!("10000000000000000\r\n{two}")), format!("10000000000000000\r\n{two}"));
}

#[test]
fn only_a_head_without_doubt_begins_it() {
    let two = "1\r\na\r\n1\r\nb\r\n";
    let is_joined = |head: &str| coalesced(&[format!("{head}\r\n\r\n{two}").into()])[0].ends_with(b"\r\n2\r\nab\r\n");
    for head in [
        "HTTP/1.1 200\r\ntransfer-encoding:chunked",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: \tChunked \r\nContent-Length: 3",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
    ] {
        assert!(is_joined(head), "{head}");
    }
    for head in [
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 2000 OK\r\nTransfer-Encoding: chunked",
        "\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n folded",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\n\nx: y\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nno colon\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nX: \0\r\nTransfer-Encoding: chunked",
    ] {
        assert!(!is_joined(head), "{head}");
    }
}

#[test]
fn each_request_begins_anew_and_some_have_no_body() {
    let chunks = format!("{HEAD}1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    let mut coalesce = Coalesce::default();
    let mut exchange = |method: &Method, answer: &str| {
        coalesce.expect_answer(method);
        coalesce.feed(Bytes::copy_from_slice(answer.as_bytes()))
    };
    assert_eq!(exchange(&Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").last(), Some(&b'x'));
    assert!(exchange(&Method::POST, &chunks).ends_with(b"2\r\nab\r\n0\r\n\r\n"));
    assert_eq!(exchange(&Method::HEAD, &chunks), chunks);
    assert_eq!(exchange(&Method::CONNECT, &chunks), chunks);
    assert!(exchange(&Method::GET, &chunks).ends_with(b"2\r\nab\r\n0\r\n\r\n"));
}

#[test]
fn a_head_without_end_takes_bounded_memory() {
    let mut coalesce = Coalesce::default();
    coalesce.expect_answer(&Method::GET);
    for _ in 0..1000 {
        coalesce.feed(Bytes::from_static(&[b'x'; 4096]));
    }
    assert_eq!((coalesce.state, coalesce.head.capacity()), (State::Verbatim, 0));
}

/// A server whose reads are known beforehand. It answers when it was asked, and closes.
struct Scripted {
    reads: VecDeque<Bytes>,
    is_asked: bool,
    waker: Option<Waker>,
}

impl Read for Scripted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if !self.is_asked {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(read) = self.reads.front_mut() {
            let len = read.len().min(buf.remaining());
            buf.put_slice(&read.split_to(len));
            self.reads.pop_front_if(|read| read.is_empty());
        }
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        self.waker.take().inspect(Waker::wake_by_ref);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The status, the body, the trailer fields, and the error that ends them.
type Said = (u16, Vec<u8>, usize, Option<String>);

fn hyper_says(reads: &[Bytes]) -> Said {
    let io = Scripted { reads: reads.iter().cloned().collect(), is_asked: false, waker: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let (mut sender, connection) = builder().handshake(io).await.expect("handshake");
        let connection = tokio::spawn(connection);
        let response = match sender.send_request(http::Request::new(Empty::<Bytes>::new())).await {
            Ok(response) => response,
            Err(error) => return (0, Vec::new(), 0, Some(format!("{error:?}"))),
        };
        let mut said = (response.status().as_u16(), Vec::new(), 0, None);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(bytes)) => said.1.extend_from_slice(&bytes),
                Ok(Err(frame)) => said.2 += frame.into_trailers().map_or(0, |fields| fields.len()),
                Err(error) => said.3 = Some(format!("{error:?}")),
            }
        }
        connection.abort();
        said
    })
}

fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let data =
        prop_oneof![8 => prop::collection::vec(any::<u8>(), 1..9), 1 => prop::collection::vec(any::<u8>(), 90..600)];
    let plain = data.prop_map(|data| (data, "", "\r\n", "\r\n"));
    let odd = (
        prop::collection::vec(any::<u8>(), 0..5),
        prop::sample::select(vec!["", " ", ";a", ";a=\"\r\n\"", "g", "ffffffffffffffff"]),
        prop::sample::select(vec!["\r\n", "\n", "\r", ""]),
        prop::sample::select(vec!["\r\n", "\n", "\r", ""]),
    );
    let chunk = prop_oneof![30 => plain, 1 => odd];
    (chunk, 1usize..5, any::<bool>()).prop_map(|((data, after_size, line_end, end), width, is_upper)| {
        let len = data.len();
        let size = if is_upper { format!("{len:0width$X}") } else { format!("{len:0width$x}") };
        [size.as_bytes(), after_size.as_bytes(), line_end.as_bytes(), &data, end.as_bytes()].concat()
    })
}

/// An answer, cut into reads, of which the last ones may be missing.
fn reads() -> impl Strategy<Value = Vec<Bytes>> {
    let heads = vec![
        HEAD,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
        "HTTP/1.1 200 OK\n\n1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n\n: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n",
        "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    let head = prop_oneof![3 => Just(HEAD), 1 => prop::sample::select(heads)];
    let ends =
        vec!["0\r\n\r\n", "0\r\n\r\nmore", "0\r\nX-A: 1\r\n\r\n", "000\r\n\r\n", "0;a\r\n\r\n", "0\n\n", "0\r\nx", ""];
    let damage = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    let chunks = prop::collection::vec(chunk(), 0..30);
    let cuts = prop::collection::vec(prop_oneof![2 => 1usize..9, 3 => 9usize..400, 1 => 400usize..4000], 1..12);
    (head, chunks, prop::sample::select(ends), damage, cuts, 1usize..200).prop_map(
        |(head, chunks, end, damage, cuts, most)| {
            let mut answer = [head.as_bytes(), &chunks.concat(), end.as_bytes()].concat();
            if let Some((at, byte)) = damage {
                let at = at.index(answer.len());
                answer[at] = byte;
            }
            let (mut rest, mut reads) = (Bytes::from(answer), Vec::new());
            for len in cuts.iter().cycle().take(most) {
                reads.push(rest.split_to(rest.len().min(*len)));
            }
            reads.retain(|read| !read.is_empty());
            reads
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hyper_reads_the_same(reads in reads()) {
        let coalesced = coalesced(&reads);
        for (joined, read) in coalesced.iter().zip(&reads) {
            prop_assert!(joined.len() <= read.len());
        }
        prop_assert_eq!(hyper_says(&coalesced), hyper_says(&reads));
    }
}
