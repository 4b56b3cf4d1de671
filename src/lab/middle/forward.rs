//! Middleboxes that a client is told of: HTTP proxies (RFC 9110 §3.7) with CONNECT and absolute form.

use std::io;
use std::net::IpAddr;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::head::Head;
use super::login::{Login, Verdict};
use super::{Fault, Way};

/// Serves one connection of a client: requests that are refused may be followed by others.
pub async fn serve(mut client: TcpStream, way: &Way) -> io::Result<()> {
    let login = Login::new();
    let mut early = BytesMut::new();
    loop {
        let Some(request) = Head::read(&mut client, &mut early).await? else { return Ok(()) };
        let (method, target, _) = request.words();
        let is_connect = method == "CONNECT";
        if way.fault == Fault::NeedsLogin && login.check(&request) != Verdict::Right {
            let page = "<html><body><h1>407 Who are you?</h1><p>User and password are: lab</p></body></html>\n";
            let mut fields = vec![("Via", "1.1 lab-proxy".to_owned()), ("Server", "lab-proxy".to_owned())];
            fields.extend(login.challenges().map(|value| ("Proxy-Authenticate", value)));
            client.write_all(&page_bytes("407 Proxy Authentication Required", &fields, page)).await?;
            continue;
        }
        let Some((host, port)) = (if is_connect { authority(target) } else { of_absolute_form(target) }) else {
            let page = "<html><body><h1>400</h1><p>This is a proxy: ask it by CONNECT or in absolute form.</p></body></html>\n";
            client.write_all(&page_bytes("400 Bad Request", &[("Server", "lab-proxy".to_owned())], page)).await?;
            return client.shutdown().await;
        };
        if is_connect && way.fault == Fault::Connect443Only && port != 443 {
            let page = "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>\n<h1>Access Denied.</h1></body></html>\n";
            let fields = [
                ("Server", "squid/5.7".to_owned()),
                ("X-Squid-Error", "ERR_ACCESS_DENIED 0".to_owned()),
                ("Via", "1.1 lab-proxy (squid/5.7)".to_owned()),
                ("Connection", "close".to_owned()),
            ];
            client.write_all(&page_bytes("403 Forbidden", &fields, page)).await?;
            return client.shutdown().await;
        }
        if !is_loopback(&host) {
            let page = "<html><body><h1>502</h1><p>The lab's proxies reach this machine only.</p></body></html>\n";
            client.write_all(&page_bytes("502 Bad Gateway", &[("Via", "1.1 lab-proxy".to_owned())], page)).await?;
            return client.shutdown().await;
        }
        if is_connect {
            return tunnel(client, early, way, &host, port).await;
        }
        return absolute(client, request, early, way, &host, port).await;
    }
}

async fn tunnel(mut client: TcpStream, early: BytesMut, way: &Way, host: &str, port: u16) -> io::Result<()> {
    let yes = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 lab-proxy\r\n\r\n";
    if let Some(authority) = &way.authority {
        client.write_all(yes).await?;
        let (mut client, mut lab) = (authority.accept(client, host).await?, TcpStream::connect(way.lab).await?);
        return both_ways(&mut client, &mut lab).await;
    }
    match TcpStream::connect((host.trim_matches(['[', ']']), port)).await {
        Ok(mut server) => {
            client.write_all(yes).await?;
            server.write_all(&early).await?;
            both_ways(&mut client, &mut server).await
        }
        Err(error) => {
            let page = format!("<html><body><h1>503</h1><p>{host}:{port}: {error}</p></body></html>\n");
            client
                .write_all(&page_bytes("503 Service Unavailable", &[("Via", "1.1 lab-proxy".to_owned())], &page))
                .await?;
            client.shutdown().await
        }
    }
}

/// Hands a request on as if it were the proxy's own (RFC 9112 §3.2.1), and the answer back.
async fn absolute(
    mut client: TcpStream,
    request: Head,
    early: BytesMut,
    way: &Way,
    host: &str,
    port: u16,
) -> io::Result<()> {
    let is_lab = way.authority.is_some();
    let reached = match is_lab {
        true => TcpStream::connect(way.lab).await,
        false => TcpStream::connect((host.trim_matches(['[', ']']), port)).await,
    };
    let mut server = reached?;
    let (method, target, version) = request.words();
    let path = target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let first = format!("{method} {path} {version}");
    let hop_by_hop = ["connection", "proxy-connection", "proxy-authorization", "keep-alive", "upgrade", "te"];
    let mut asked = request.without(&hop_by_hop).with("Via", "1.1 lab-proxy").with("Connection", "close");
    asked.first = first;
    server.write_all(&asked.bytes()).await?;
    server.write_all(&early).await?;
    let mut body = BytesMut::new();
    let Some(answer) = Head::read(&mut server, &mut body).await? else { return client.shutdown().await };
    client.write_all(&answer.with("Via", "1.1 lab-proxy").bytes()).await?;
    client.write_all(&body).await?;
    both_ways(&mut client, &mut server).await
}

async fn both_ways(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    copy_bidirectional(client, server).await.map(drop)
}

/// A whole answer with a page.
fn page_bytes(status: &str, fields: &[(&str, String)], page: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{page}", page.len()));
    text.into_bytes()
}

/// `host:port` (RFC 9112 §3.2.3).
fn authority(target: &str) -> Option<(String, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// The host and port of an address.
fn of_absolute_form(target: &str) -> Option<(String, u16)> {
    let url = url::Url::parse(target).ok().filter(|url| url.scheme() == "http")?;
    Some((url.host_str()?.to_owned(), url.port().unwrap_or(80)))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
