//! nginx with nchan at the other end: one channel through each of its subscribers, published by POST on the side.

use crate::support::{Watched, open, spec};
use pushscope::transport::{Order, Outgoing, PushType, Spec};
use pushscope::wire::{Act, Dir};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const SUBSCRIBERS: [&str; 6] =
    ["longpoll", "eventsource", "websocket", "multipart-mixed", "http-raw-stream", "http-chunked"];

struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts nginx on a free port.
fn start() -> Nginx {
    assert!(
        Path::new(MODULE).exists(),
        "nginx with nchan is missing: install the Debian packages nginx-light and libnginx-mod-nchan"
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = TempDir::new().unwrap();
    let root = folder.path().display();
    let locations: String = SUBSCRIBERS
        .iter()
        .map(|name| format!("location = /{name} {{ nchan_subscriber {name}; nchan_channel_id $arg_id; }}\n"))
        .collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {root}/{name};\n"))
        .collect();
    let config = format!(
        "load_module {MODULE};\ndaemon off;\nmaster_process off;\npid {root}/pid;\nerror_log {root}/error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{\naccess_log off;\n{temporary}server {{\nlisten 127.0.0.1:{port};\n{locations}\
         location = /publish {{ nchan_publisher; nchan_channel_id $arg_id; }}\n}}\n}}\n"
    );
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&path);
    let child = command.stderr(Stdio::null()).spawn().expect("nginx is missing: install nginx-light");
    let nginx = Nginx { child, port, _folder: folder };
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nginx did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    nginx
}

fn subscribe(nginx: &Nginx, push_type: PushType, subscriber: &str, headers: &[(&str, &str)]) -> Watched {
    let port = nginx.port;
    let scheme = if subscriber == "websocket" { "ws" } else { "http" };
    let mut spec = Spec { push_type, ..spec(format!("{scheme}://127.0.0.1:{port}/{subscriber}?id={subscriber}")) };
    spec.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    spec.interval_ms = Some(50);
    let mut watched = open(spec);
    let messages = ["first", "今からこれふぁぼります", "third"];
    for message in messages {
        watched.send(Order::Send(Outgoing::Request {
            method: "POST".into(),
            url: Some(format!("http://127.0.0.1:{port}/publish?id={subscriber}")),
            headers: vec![("Content-Type".into(), "text/plain".into())],
            body: message.into(),
        }));
        watched.until_received(message);
    }
    watched
}

fn stop(mut watched: Watched) -> Watched {
    watched.handle.stop();
    watched.end();
    assert!(watched.failures().is_empty(), "{}", watched.story());
    let received = String::from_utf8_lossy(&watched.bytes(Dir::In)).into_owned();
    for message in ["first", "third"] {
        assert_eq!(received.matches(message).count(), 1, "{message}: {received}");
    }
    watched
}

#[test]
fn long_poll_goes_on_by_its_validators() {
    let nginx = start();
    let watched = stop(subscribe(&nginx, PushType::LongPoll, "longpoll", &[]));
    assert!(watched.sent().contains("If-None-Match: ") && watched.sent().contains("If-Modified-Since: "));
    let own = watched.links().iter().filter(|(_, purpose)| purpose != "side request").count();
    assert_eq!(own, 1, "{}", watched.story());
}

#[test]
fn event_source() {
    let nginx = start();
    let watched = stop(subscribe(&nginx, PushType::Auto, "eventsource", &[("Accept", "text/event-stream")]));
    assert!(watched.acts().iter().any(|act| act.act == Act::Picked && act.text.contains("SSE")));
}

#[test]
fn websocket() {
    let nginx = start();
    let mut watched = subscribe(&nginx, PushType::Auto, "websocket", &[]);
    watched.send(Order::Close { code: Some(1000), reason: String::new() });
    let last = watched.end();
    assert_eq!(last.act, Act::Done, "{last:?}");
    assert!(watched.failures().is_empty(), "{}", watched.story());
}

#[test]
fn multipart_and_raw_streams() {
    let nginx = start();
    stop(subscribe(&nginx, PushType::Stream, "multipart-mixed", &[("Accept", "multipart/mixed")]));
    stop(subscribe(&nginx, PushType::Stream, "http-raw-stream", &[]));
    stop(subscribe(&nginx, PushType::Stream, "http-chunked", &[("TE", "chunked")]));
}
