//! A recording in which every place that can hold a secret holds one of its own, so that none is found because another
//! was.

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use pushscope::session::file::SessionWriter;
use pushscope::session::{Mark, Remark, StoredRemark};
use pushscope::wire::{
    Act, ClientAct, Closed, Connected, ConnectionId, ConnectionInfo, Dir, Entry, Event, Failure, LinkId, Opening,
    ProxyRole, Stage, Via, What,
};
use std::io::Write;
use std::path::Path;

/// The recording, as it grows.
pub struct Planted {
    writer: SessionWriter,
    at_ns: u64,
    links: u32,
    link: LinkId,
    /// Every secret in it, and where it stands.
    pub secrets: Vec<(String, &'static str)>,
}

/// What every frame of the client is masked with.
pub const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Rules of a user's own that some of the secrets need.
pub const OWN_RULES: [&str; 6] = ["--redact", "$..card", "--redact", r"/pin=(\w+)/", "--redact-header", "X-Tenant"];

impl Planted {
    /// Writes all of it.
    pub fn write(path: &Path) -> Vec<(String, &'static str)> {
        let writer = SessionWriter::create(path, 1_700_000_000_000_000_000).expect("a file");
        let mut planted = Planted { at_ns: 0, links: 0, link: LinkId(0), secrets: Vec::new(), writer };
        planted.all();
        planted.writer.finish().expect("a recording");
        planted.secrets
    }

    fn secret(&mut self, place: &'static str) -> String {
        // Nothing that another rule would find by its shape.
        let number = self.secrets.len() as u32 + 1;
        let secret = format!("Zq{:x}Kw{number:02}vTx", number.wrapping_mul(0x9E37_79B1) >> 4);
        self.secrets.push((secret.clone(), place));
        secret
    }

    fn tell(&mut self, what: What) {
        self.at_ns += 1_234_567;
        let event = Event { at_ns: self.at_ns, link: self.link, what };
        self.writer.put(Entry::Event(event)).expect("written");
    }

    fn open(&mut self, via: Option<ProxyRole>) {
        self.links += 1;
        self.link = LinkId(self.links);
        let via = via.map(|role| Via {
            proxy: "http://proxy.example:3128".into(),
            role,
            source: "given".into(),
            target: "a.example:80".into(),
        });
        let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
        self.tell(What::Opening(Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via }));
        let port = 40_000 + self.links as u16;
        self.tell(What::Connected(Connected {
            remote: "198.51.100.7:80".parse().expect("an address"),
            local: format!("192.0.2.1:{port}").parse().expect("an address"),
            failed: Vec::new(),
            took_ns: 5,
        }));
    }

    fn close(&mut self) {
        self.tell(What::Ended(Dir::In));
        self.tell(What::Closed(Closed { by: Dir::In, text: "the server ended".into() }));
    }

    /// What breaks the rules of frames, each on a link of its own, and what comes behind it.
    fn broken_frames(&mut self) {
        for (place, behind) in [
            ("a frame of a message within another", "behind a message within another"),
            ("a ping in pieces", "behind a ping in pieces"),
            ("a ping that is too long", "behind a ping that is too long"),
            ("reserved bits", "behind reserved bits"),
            ("compressed without agreement", "behind compressed without agreement"),
            ("unmasked by the client", "behind unmasked by the client"),
            ("masked by the server", "behind masked by the server"),
            ("a close of one byte", "behind a close of one byte"),
        ] {
            self.open(None);
            self.upgrade("", "");
            let text = format!("{{\"token\":\"{}\"}}", self.secret(place));
            let long = format!("{text}{}", " ".repeat(200));
            let frames = match place {
                "a ping in pieces" => frame(Dir::Out, 0x09, text.as_bytes()),
                "a ping that is too long" => frame(Dir::Out, 0x89, long.as_bytes()),
                "reserved bits" => frame(Dir::Out, 0xb1, text.as_bytes()),
                "compressed without agreement" => frame(Dir::Out, 0xc1, text.as_bytes()),
                "unmasked by the client" => frame(Dir::In, 0x81, text.as_bytes()),
                "masked by the server" => frame(Dir::Out, 0x81, text.as_bytes()),
                "a close of one byte" => [frame(Dir::Out, 0x88, b"x"), frame(Dir::Out, 0x81, text.as_bytes())].concat(),
                _ => [frame(Dir::Out, 0x01, b"{\"a\":"), frame(Dir::Out, 0x81, text.as_bytes())].concat(),
            };
            let dir = if place == "masked by the server" { Dir::In } else { Dir::Out };
            self.says(dir, frames);
            let text = format!("{{\"token\":\"{}\"}}", self.secret(behind));
            self.says(dir, frame(dir, 0x80, text.as_bytes()));
            let text = format!("{{\"token\":\"{}\"}}", self.secret("the last frame behind what is broken"));
            self.says(dir, frame(dir, 0x81, text.as_bytes()));
            self.close();
        }
    }

    /// In reads of an odd size, so that secrets are cut.
    fn says(&mut self, dir: Dir, bytes: impl AsRef<[u8]>) {
        for piece in bytes.as_ref().chunks(41) {
            self.tell(What::Bytes(dir, piece.to_vec().into()));
        }
    }

    fn all(&mut self) {
        let [url, header, query] =
            ["the request: its address", "the request: a header", "the label"].map(|place| self.secret(place));
        let spec = serde_json::json!({"url": format!("http://a.example/?access_token={url}"),
            "headers": [["Authorization", format!("Bearer {header}")]]});
        let label = format!("a.example/?token={query}");
        let info = ConnectionInfo { id: ConnectionId(1), spec: spec.to_string(), label };
        self.writer.put(Entry::Connection(info)).expect("written");
        self.heads();
        self.bodies();
        self.streams();
        self.proxies();
        self.websocket();
        self.broken_frames();
        self.compressed();
        self.socket_io();
        self.unfinished();
        self.facts();
        for (record, place) in [(1, "a remark"), (9999, "a remark on no record")] {
            let text = format!("look at the password={}", self.secret(place));
            let remark = Remark { record, text, mark: Mark::Red };
            self.writer.put_remark(StoredRemark { remark, place: None });
        }
        let title = format!("at a.example/?token={}", self.secret("the name"));
        self.writer.set_meta("title", &title).expect("written");
    }

    fn heads(&mut self) {
        let mut s = |place| self.secret(place);
        let basic = format!("ann:{}", s("Basic, the password"));
        let basic = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(basic)
        };
        let request = format!(
            "GET /feed/{}?user=ann&access_token={}&next=http%3A%2F%2Fb%2F%3Fsig%3D{}#id_token={} HTTP/1.1\r\nHost: a.example\r\n\
             Authorization: Bearer {}\r\nCookie: sid={}; theme=\"{}\"\r\nX-Api-Key: {}\r\nX-Tenant: {}\r\n\
             Referer: http://ann:{}@b.example/?code={}\r\nauthorization : Bearer {}\r\nX-Auth-Token: part\r\n folded {}\r\n\
             X-Json: {{\"password\":\"{}\"}}\r\n\r\n",
            format_args!("pin={}", s("a path, by a pattern")),
            s("a parameter"),
            s("a parameter in a parameter"),
            s("a fragment"),
            s("Bearer"),
            s("a cookie"),
            s("a quoted cookie"),
            s("an API key"),
            s("a header of one's own"),
            s("user information"),
            s("a code in Referer"),
            s("a name with a space behind it"),
            s("a folded line"),
            s("JSON in a header"),
        );
        let answer = format!(
            "HTTP/1.1 302 see token={}\r\nSet-Cookie: sid={}; Path=/\r\nSet-Cookie: b={}\r\n\
             Location: http://a.example/cb#access_token={}\r\nWWW-Authenticate: Negotiate {}\r\n\
             Authentication-Info: rspauth=\"{}\"\r\nLink: <http://a.example/?api_key={}>; rel=next\r\nContent-Length: 0\r\n\r\n",
            s("a reason"),
            s("a set cookie"),
            s("another set cookie"),
            s("Location"),
            s("Negotiate"),
            s("Authentication-Info"),
            s("Link"),
        );
        let digest = format!(
            "GET /2 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Digest username=\"{}\", realm=\"r\", nonce=\"n\", uri=\"/2\", \
             response=\"{}\", cnonce=\"{}\"\r\n\r\n",
            s("a user of Digest"),
            s("a response of Digest"),
            s("a cnonce of Digest"),
        );
        let basic = format!("GET /3 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic {basic}\r\n\r\n");
        self.open(None);
        self.says(Dir::Out, request);
        self.says(Dir::In, answer);
        self.says(Dir::Out, digest);
        self.says(Dir::In, "HTTP/1.1 204 No Content\r\n\r\n");
        self.says(Dir::Out, basic);
        let early = format!(
            "HTTP/1.1 103 Early Hints\r\nSet-Cookie: early={}\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            self.secret("a cookie of an interim answer")
        );
        self.says(Dir::In, early);
        self.close();
    }

    fn bodies(&mut self) {
        self.open(None);
        let ask = |path: &str, kind: &str, body: &str| {
            let len = body.len();
            format!(
                "POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\r\n{body}"
            )
        };
        let form =
            format!("user=ann&password={}&client_secret={}", self.secret("a form"), self.secret("a form, at its end"));
        self.says(Dir::Out, ask("/form", "application/x-www-form-urlencoded", &form));
        // The secret lies across chunks, whose sizes are odd.
        let json = format!(
            "{{\"user\":\"ann\",\"access_token\":\"{}\",\"pin_token\":18446744073709551,\"deep\":[{{\"client_secret\":\"{}\"}}],\
             \"text\":\"{{\\\"password\\\":\\\"{}\\\"}}\",\"card\":\"{}\"}}",
            self.secret("JSON"),
            self.secret("JSON, deep"),
            self.secret("JSON in a string"),
            self.secret("JSON, by a JSONPath"),
        );
        let trailer = format!("X-Auth-Token: {}\r\n", self.secret("a trailer"));
        self.says(Dir::In, chunked("application/json", json.as_bytes(), 7, &trailer));
        let part = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{}\r\n--xyz\r\n\
             Content-Disposition: form-data; name=\"note\"\r\n\r\napi_key={}\r\n--xyz--\r\n",
            self.secret("a part of a form"),
            self.secret("a parameter in a part"),
        );
        self.says(Dir::Out, ask("/parts", "multipart/form-data; boundary=xyz", &part));
        let zipped = format!("{{\"access_token\":\"{}\"}}", self.secret("a gzip body"));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(zipped.as_bytes()).expect("compressed");
        let zipped = gzip.finish().expect("compressed");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            zipped.len()
        );
        self.says(Dir::In, [head.as_bytes(), &zipped].concat());
        self.says(Dir::Out, "GET /xml HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let xml = format!(
            "<a><Password>{}</Password></a>\npassword: {}\n",
            self.secret("XML"),
            self.secret("a line of text")
        );
        self.says(Dir::In, chunked("application/xml", xml.as_bytes(), 9, ""));
        self.says(Dir::Out, "GET /pretty HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let pretty = format!("{{\n  \"user\": \"ann\",\n  \"password\": \"{}\"\n}}\n", self.secret("JSON in lines"));
        self.says(Dir::In, chunked("text/plain", pretty.as_bytes(), 9, ""));
        self.says(Dir::Out, "GET /pem HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n{}\nAA==\n-----END PRIVATE KEY-----\n",
            self.secret("a private key in lines")
        );
        self.says(Dir::In, chunked("text/plain", pem.as_bytes(), 11, ""));
        self.close();
    }

    fn streams(&mut self) {
        self.open(None);
        self.says(Dir::Out, "GET /events HTTP/1.1\r\nHost: a.example\r\nAccept: text/event-stream\r\n\r\n");
        let events = format!(
            ": password={}\nid: token={}\nevent: x\ndata: {{\"n\":1,\ndata: \"access_token\":\"{}\"}}\n\ndata: Bearer {}\n\n\
             data: {{\"data\":{{\"card\":\"{}\"}}}}\n\nignored: password={}\n\n",
            self.secret("a comment of a stream"),
            self.secret("an ID"),
            self.secret("an event, in lines"),
            self.secret("Bearer in an event"),
            self.secret("an event, by a JSONPath"),
            self.secret("a line that is ignored"),
        );
        self.says(Dir::In, chunked("text/event-stream", events.as_bytes(), 8, ""));
        self.says(Dir::Out, "GET /lines HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let lines = format!("{{\"token\":\"{}\"}}\n{{\"n\":1}}\n", self.secret("a line of JSON"));
        self.says(Dir::In, chunked("application/x-ndjson", lines.as_bytes(), 5, ""));
        self.says(Dir::Out, "GET /parts HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let parts = format!(
            "--b\r\nContent-Type: application/json\r\nX-Api-Key: {}\r\n\r\n{{\"token\":\"{}\"}}\r\n--b--\r\n",
            self.secret("a head of a part"),
            self.secret("a part"),
        );
        self.says(Dir::In, chunked("multipart/mixed; boundary=b", parts.as_bytes(), 6, ""));
        self.close();
    }

    fn proxies(&mut self) {
        let forward = format!(
            "GET http://ann:{}@a.example/x HTTP/1.1\r\nHost: a.example\r\nProxy-Authorization: Bearer {}\r\n\r\n",
            self.secret("user information in a target"),
            self.secret("Proxy-Authorization"),
        );
        self.open(Some(ProxyRole::Forward));
        self.says(Dir::Out, forward);
        let denied = format!(
            "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM {}\r\nContent-Length: 0\r\n\r\n",
            self.secret("Proxy-Authenticate")
        );
        self.says(Dir::In, denied);
        self.close();
        self.open(Some(ProxyRole::Tunnel));
        let basic = {
            use base64::Engine as _;
            let login = format!("ann:{}", self.secret("Basic to a proxy"));
            base64::engine::general_purpose::STANDARD.encode(login)
        };
        let connect = format!(
            "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\nProxy-Authorization: Basic {basic}\r\n\r\n"
        );
        self.says(Dir::Out, connect);
        self.says(Dir::In, "HTTP/1.1 200 OK\r\n\r\n");
        self.open(None);
        let (user, password) = (self.secret("a user of SOCKS"), self.secret("a password of SOCKS"));
        self.says(Dir::Out, [5, 1, 2]);
        self.says(Dir::In, [5, 2]);
        let login = [&[1, user.len() as u8], user.as_bytes(), &[password.len() as u8], password.as_bytes()].concat();
        self.says(Dir::Out, login);
        self.says(Dir::In, [1, 0]);
        self.says(Dir::Out, [5, 1, 0, 1, 127, 0, 0, 1, 0, 80]);
        self.says(Dir::In, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        self.close();
    }

    fn upgrade(&mut self, lines: &str, extension: &str) {
        let request = format!(
            "GET /ws?token={} HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}{extension}\r\n",
            self.secret("a handshake's target"),
        );
        self.says(Dir::Out, request);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: ws={}\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extension}\r\n",
            self.secret("a handshake's set cookie"),
        );
        self.says(Dir::In, answer);
    }

    fn websocket(&mut self) {
        self.open(None);
        let lines = format!(
            "Cookie: sid={}\r\nSec-WebSocket-Protocol: bearer, {}\r\n",
            self.secret("a handshake's cookie"),
            self.secret("a subprotocol"),
        );
        self.upgrade(&lines, "");
        let sent = format!(
            "{{\"op\":\"login\",\"password\":\"{}\",\"card\":\"{}\",\"note\":\"pin={}\"}}",
            self.secret("a masked message"),
            self.secret("a masked message, by a JSONPath"),
            self.secret("a masked message, by a pattern"),
        );
        // In three frames, with a ping between them.
        let (first, rest) = sent.split_at(29);
        let (second, third) = rest.split_at(14);
        let ping = format!("token={}", self.secret("a ping"));
        let long = format!("{{\"pad\":\"{}\",\"token\":\"{}\"}}", "x".repeat(70_000), self.secret("a long message"));
        for (head, payload) in
            [(0x01, first), (0x00, second), (0x89, ping.as_str()), (0x80, third), (0x81, long.as_str())]
        {
            self.says(Dir::Out, frame(Dir::Out, head, payload.as_bytes()));
        }
        let binary =
            [&[0xff, 0x00, 0xfe][..], format!("?access_token={}&\u{0}", self.secret("a binary message")).as_bytes()]
                .concat();
        self.says(Dir::Out, frame(Dir::Out, 0x82, &binary));
        let came = format!("{{\"session_id\":\"{}\"}}", self.secret("a message that came"));
        self.says(Dir::In, frame(Dir::In, 0x81, came.as_bytes()));
        // What is none by the rules: an opcode that is reserved, and a frame that goes on with nothing.
        for (head, place) in
            [(0x83, "a reserved opcode"), (0x80, "a stray continuation"), (0x8b, "a reserved control opcode")]
        {
            let text = format!("{{\"token\":\"{}\"}}", self.secret(place));
            self.says(Dir::Out, frame(Dir::Out, head, text.as_bytes()));
        }
        let reason =
            [&1000_u16.to_be_bytes()[..], format!("token={}", self.secret("a close's reason")).as_bytes()].concat();
        self.says(Dir::In, frame(Dir::In, 0x88, &reason));
        self.close();
    }

    fn compressed(&mut self) {
        self.open(None);
        self.upgrade("", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        let mut deflates = [Dir::Out, Dir::In].map(|dir| (dir, Compress::new(Compression::best(), false)));
        for (dir, deflate) in &mut deflates {
            let places = match dir {
                Dir::Out => ["a compressed message out", "its echo out", "a third out"],
                Dir::In => ["a compressed message in", "its echo in", "a third in"],
            };
            let first = self.secret(places[0]);
            let texts = [
                format!("{{\"op\":\"hello hello hello\",\"token\":\"{first}\"}}"),
                format!(
                    "{{\"op\":\"hello hello hello\",\"token\":\"{first}\",\"password\":\"{}\"}}",
                    self.secret(places[1])
                ),
                format!("{{\"op\":\"hello\",\"card\":\"{}\"}}", self.secret(places[2])),
            ];
            for text in texts {
                let mut out = Vec::with_capacity(4096);
                deflate.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).expect("compressed");
                let payload = out.strip_suffix(&[0, 0, 0xff, 0xff]).expect("a flush").to_vec();
                self.says(*dir, frame(*dir, 0xc1, &payload));
            }
        }
        self.close();
    }

    fn socket_io(&mut self) {
        self.open(None);
        let poll = format!(
            "40{{\"token\":\"{}\"}}\x1e42[\"login\",{{\"password\":\"{}\"}}]",
            self.secret("Engine.IO"),
            self.secret("Engine.IO, behind it")
        );
        let len = poll.len();
        let request = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain\r\n\
             Content-Length: {len}\r\n\r\n{poll}",
            self.secret("Engine.IO's session")
        );
        self.says(Dir::Out, request);
        self.says(Dir::In, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        self.close();
        self.open(None);
        self.upgrade("", "");
        let event = format!("42[\"pay\",{{\"card\":\"{}\"}}]", self.secret("Socket.IO, by a JSONPath"));
        self.says(Dir::Out, frame(Dir::Out, 0x81, event.as_bytes()));
        self.close();
    }

    /// What is not complete when the recording ends.
    fn unfinished(&mut self) {
        self.open(None);
        let head = format!(
            "GET /?token={} HTTP/1.1\r\nCookie: a={}\r\nAuthorization: Bearer {}",
            self.secret("a target without its head's end"),
            self.secret("a cookie without its head's end"),
            self.secret("a line without its end")
        );
        self.says(Dir::Out, head);
        self.open(None);
        self.says(Dir::Out, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let body = format!("{{\"password\":\"{}\"", self.secret("a body that was not whole"));
        self.says(
            Dir::In,
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{body}"),
        );
        self.open(None);
        self.says(Dir::Out, "GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let event = format!("data: {{\"password\":\"{}\"", self.secret("an event that was not whole"));
        self.says(Dir::In, format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{event}"));
        self.open(None);
        self.upgrade("", "");
        let first = format!("{{\"password\":\"{}\"", self.secret("a message that was not whole"));
        self.says(Dir::Out, frame(Dir::Out, 0x01, first.as_bytes()));
        let rest = format!(",\"token\":\"{}\"}}", self.secret("a frame that was not whole"));
        let mut rest = frame(Dir::Out, 0x80, rest.as_bytes());
        rest.truncate(rest.len() - 1);
        self.says(Dir::Out, rest);
        self.open(None);
        self.says(Dir::Out, "CONNECT a.example:25 HTTP/1.1\r\nHost: a.example\r\n\r\n");
        self.says(Dir::In, "HTTP/1.1 200 OK\r\n\r\n");
        let other = format!("\u{1}\u{2}{{\"password\":\"{}\"}}\n", self.secret("another protocol"));
        self.says(Dir::Out, other);
        self.close();
    }

    fn facts(&mut self) {
        self.open(None);
        let noticed = format!("http://a.example/?token={} redirects", self.secret("a notice"));
        self.tell(What::Client(ClientAct { act: Act::Noticed, text: noticed }));
        let failed = format!("http://ann:{}@a.example/ refused", self.secret("a failure"));
        let hint = format!("try with password={}", self.secret("a failure's hint"));
        let failure = Failure { stage: Stage::Stream, text: failed, hint, took_ns: 0, chain: Vec::new() };
        self.tell(What::Failed(failure));
    }
}

fn chunked(kind: &str, body: &[u8], size: usize, trailer: &str) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(format!("0\r\n{trailer}\r\n").as_bytes());
    out
}

/// A frame, masked where the client sends it.
fn frame(dir: Dir, head: u8, payload: &[u8]) -> Vec<u8> {
    let mask = if dir == Dir::Out { 0x80 } else { 0 };
    let mut out = vec![head];
    match payload.len() {
        len @ 0..126 => out.push(mask | len as u8),
        len @ 126..65_536 => {
            out.push(mask | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(mask | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    if dir == Dir::In {
        out.extend(payload);
        return out;
    }
    out.extend(MASKING_KEY);
    out.extend(payload.iter().zip(MASKING_KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}
