//! Connections that do not come about: the exit code, and the first line on standard error.

use crate::certificates::Certificates;
use crate::program::{Ended, pushscope};
use crate::server::{reset, say, serve, until_closed};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

fn record(url: &str, more: &[&str]) -> Ended {
    pushscope(&[&["record", url, "--messages"], more].concat())
}

/// A port of this machine on which nobody listens.
fn unused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

#[test]
fn wrong_usage_is_2() {
    record("http//example.com/", &[]).refused(2, &["http//example.com/", "is no address"]);
    record("", &[]).refused(2, &["there is no address"]);
    record("gopher://example.com/", &[]).refused(2, &["gopher:", "http, https, ws and wss"]);
    record("http://exa mple/", &[]).refused(2, &["exa mple"]);
    record("lab:smoke", &[]).refused(2, &["smoke", "longpoll"]);
    record("http://127.0.0.1:1/", &["-H", "no colon"]).refused(2, &["no colon", "-H 'Name: value'"]);
    record("http://127.0.0.1:1/", &["-d", "@/no/such/file"]).refused(2, &["/no/such/file"]);
    record("http://127.0.0.1:1/", &["--filter", "kind:("]).refused(2, &["filter", "character"]);
    for wrong in [
        &["record"][..],
        &["record", "lab:sse", "--as", "smoke"],
        &["record", "lab:sse", "--for", "5parsecs"],
        &["record", "lab:sse", "--count", "-1"],
        &["record", "lab:sse", "--no-such-option"],
        &["show"],
        &["lab", "--listen", "nowhere"],
    ] {
        let ended = pushscope(wrong);
        assert!(ended.code == Some(2) && ended.err.starts_with("error: ") && ended.out.is_empty(), "{ended:#?}");
    }
}

#[test]
fn choices_of_websocket_and_of_waits_that_do_not_exist_are_2() {
    for (option, value, says) in [
        ("--deflate-server-max-window-bits", "7", "windows of 8 to 15 bits"),
        ("--deflate-server-max-window-bits", "16", "windows of 8 to 15 bits"),
        ("--deflate-client-max-window-bits", "some", "any lets the server choose"),
        ("--inflate-limit", "64 apples", "'apples' is no unit of bytes"),
        ("--fragment", "0", "carries nothing"),
        ("--backoff", "slowly", "'slowly' is not known; immediate"),
        ("--backoff", "factor=2,jitter=200", "jitter is 0 to 100 percent"),
    ] {
        let ended = record("ws://127.0.0.1:1/", &[option, value]);
        assert!(ended.code == Some(2) && ended.err.contains(says) && ended.out.is_empty(), "{ended:#?}");
    }
    let ended = record("ws://127.0.0.1:1/", &["--no-deflate", "--no-compress"]);
    assert!(ended.code == Some(2) && ended.err.contains("cannot be used with"), "{ended:#?}");
}

#[test]
fn help_and_version_are_0() {
    for (asked, said) in [("--help", "record"), ("--version", "pushscope 0."), ("help", "show")] {
        let ended = pushscope(&[asked]);
        assert!(ended.code == Some(0) && ended.out.contains(said) && ended.err.is_empty(), "{ended:#?}");
    }
}

#[test]
fn a_name_that_does_not_exist() {
    record("http://name.invalid/", &[]).refused(1, &["DNS: ", "name.invalid"]);
}

#[test]
fn a_port_on_which_nobody_listens() {
    let address = unused().to_string();
    for scheme in ["http", "https", "ws", "wss"] {
        record(&format!("{scheme}://{address}/"), &[]).refused(1, &["TCP: ", &address, "refused"]);
    }
}

#[test]
fn a_reset() {
    let address = serve(|stream, _| reset(stream));
    record(&format!("http://{address}/"), &[]).refused(1, &["reset"]);
    record(&format!("ws://{address}/"), &[]).refused(1, &["reset"]);
    // In the middle of a stream: what came before stays.
    let address = serve(|stream, _| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: before\n\n",
        );
        // The client has it once it was printed; there is nothing else here to wait for.
        std::thread::sleep(std::time::Duration::from_millis(200));
        reset(stream);
    });
    let ended = record(&format!("http://{address}/"), &["--reconnect", "no"]);
    ended.refused(1, &["reset"]);
    assert!(ended.out.contains("before"), "{ended:#?}");
}

#[test]
fn a_certificate_of_nobody_we_know() {
    let certificates = Certificates::make();
    let port = certificates.serve().port();
    record(&format!("https://localhost:{port}/"), &[]).refused(1, &["TLS: ", "localhost"]);
    record(&format!("wss://localhost:{port}/"), &[]).refused(1, &["TLS: ", "localhost"]);
    let ca = certificates.path("ca.pem");
    record(&format!("https://127.0.0.1:{port}/"), &["--cacert", &ca]).refused(1, &["TLS: ", "127.0.0.1"]);
}

#[test]
fn a_server_without_tls() {
    let address = serve(|stream, _| {
        say(stream, "HTTP/1.0 400 Bad Request\r\n\r\n");
    });
    let ended = record(&format!("https://localhost:{}/", address.port()), &["--timeout", "20s"]);
    ended.refused(1, &["TLS: "]);
    assert!(!ended.reason().contains("nothing within"), "{ended:#?}");
}

#[test]
fn a_silent_server() {
    let address = serve(|stream, _| until_closed(stream));
    record(&format!("http://{address}/"), &["--timeout", "300ms"]).refused(1, &["nothing within 300 ms"]);
    record(&format!("ws://{address}/"), &["--timeout", "300ms"]).refused(1, &["nothing within 300 ms"]);
    record(&format!("https://{address}/"), &["--timeout", "300ms"]).refused(1, &["TLS: ", "nothing within 300 ms"]);
}

#[test]
fn an_answer_that_refuses() {
    let address = serve(|stream, _| {
        say(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nnot you");
    });
    // A poll asks again.
    for as_type in ["auto", "sse", "stream", "longpoll", "ws"] {
        let scheme = if as_type == "ws" { "ws" } else { "http" };
        let ended = record(&format!("{scheme}://{address}/"), &["--as", as_type, "--count", "2"]);
        assert!(ended.out.contains("403 Forbidden"), "{as_type}: {ended:#?}");
        assert!(ended.out.contains("not you"), "{as_type}: {ended:#?}");
        ended.refused(1, &["403"]);
    }
}

#[test]
fn a_lab_that_refuses_says_why() {
    let ended = record("lab:sse?rate=fast", &[]);
    ended.refused(1, &["400"]);
    assert!(ended.out.contains("messages a second"), "{ended:#?}");
}

#[test]
fn without_a_display_there_is_no_window() {
    let mut command = Command::new(crate::program::PROGRAM);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let ended = crate::program::Running::start(command).finish();
    ended.refused(1, &["record"]);
    assert!(ended.err.lines().count() == 1 && ended.out.is_empty(), "{ended:#?}");
}
