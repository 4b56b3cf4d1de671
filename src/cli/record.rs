//! `pushscope record`.

use super::args::{RecordArgs, login};
use super::output::Output;
use super::request::Asked;
use super::script::Scripted;
use super::{Failed, runtime};
use crate::app::script::Place;
use crate::dissect::{Kind, Record};
use crate::lab::Lab;
use crate::session::file::Recorder;
use crate::session::findings::Findings;
use crate::session::{RecordId, Session, Store, is_message};
use crate::transport::{self, Auth, CursorSource, CursorTarget, Handle, HttpVersion, Order, Outgoing, PushType, Spec};
use crate::wire::{Act, ConnectionId, Dir, EventSender, LinkId, ReaderOptions};
use std::collections::HashSet;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Bytes that may wait to be printed before the socket is left unread.
const SCREEN_LIMIT_BYTES: usize = 16 << 20;

/// Bytes that may wait for the file before the socket is left unread.
const QUEUE_LIMIT_BYTES: usize = 64 << 20;

/// Records that are taken at a time, before they are printed and forgotten.
const BATCH_RECORDS: usize = 16 * 1024;

/// How long, after the end was asked for, what waits is still printed.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a close may take before it is forced.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How long the texts to send wait for the first answer, which tells what the endpoint is.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// How long an ordinary client is asked.
const STOCK_LIMIT: Duration = Duration::from_secs(10);

/// Connects, records, and prints.
pub fn run(args: RecordArgs) -> Result<(), Failed> {
    let mut output = Output::new(&args.out, args.quiet).map_err(Failed::Usage)?;
    let runtime = runtime()?;
    let mut asked = super::request::asked(&args)?;
    let mut spec = spec(&args, &mut asked)?;
    let Asked { label, script: saved_script, given, .. } = asked;
    let (mut own_lab, mut relay) = (None, None);
    if spec.url.starts_with("lab:") {
        let started = runtime
            .block_on(Lab::start(([127, 0, 0, 1], 0).into()))
            .map_err(|error| Failed::Run(format!("the lab cannot listen on 127.0.0.1: {error}")))?;
        lab_defaults(&mut spec);
        let place = runtime.block_on(started.place(&spec.url)).map_err(Failed::Usage)?;
        relay = relay_of(&place.url);
        spec.go_to(place.url, place.proxy, place.ca_file);
        own_lab = Some(started);
    }
    transport::check(&spec).map_err(|failure| Failed::Usage(failure.to_string()))?;
    let place = Place { relay: relay.clone(), lab: own_lab.as_ref().map(Lab::addr) };
    let script = args.script.as_deref().or(saved_script.as_deref());
    let mut script = script.map(|path| Scripted::load(path, place, &given)).transpose()?;
    if let (Some(script), Some(_), false) = (&script, &args.output, args.quiet) {
        script.say_secrets();
    }

    let mut readers = vec![ReaderOptions::new(SCREEN_LIMIT_BYTES)];
    if args.output.is_some() {
        readers.push(ReaderOptions::new(QUEUE_LIMIT_BYTES));
    }
    let started_unix_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let (events, mut receivers) = EventSender::new(Instant::now(), 1, readers);
    let mut recorder = None;
    let mut store = Store::newest();
    if let (Some(path), Some(receiver)) = (&args.output, receivers.pop_if(|_| args.output.is_some())) {
        let failed = |error: crate::session::file::FileError| Failed::Run(error.to_string());
        let started = Recorder::start(path, receiver, started_unix_ns).map_err(failed)?;
        store = Store::archived(started.archive().map_err(failed)?, started.saved());
        recorder = Some(started);
    }
    let Some(receiver) = receivers.pop() else { return Ok(()) };
    let mut session = Session::new(store, started_unix_ns);
    let stock_spec = args.stock_client.then(|| spec.clone());
    let handle = transport::connect(runtime.handle(), ConnectionId(1), spec, label, events.clone());
    drop(events);

    let interrupted = interruption(&runtime);
    let mut run = Run {
        args: &args,
        handle: Some(handle),
        unsent: args.send.clone(),
        relay,
        asked: None,
        closing: None,
        said: None,
        said_at: Instant::now(),
        answered: false,
        asked_who: HashSet::new(),
        messages: 0,
        looked_at: 0,
    };
    let deadline = args.stop_after.map(|after| Instant::now() + after);
    let mut unprinted = 0;
    let mut findings = Findings::default();
    let outcome = loop {
        let first = session.records().len();
        match receiver.next_timeout(script.as_ref().map_or(Duration::from_millis(20), Scripted::patience)) {
            Ok(entry) => {
                session.take(entry);
                run.look_at(&session);
                // Take what waits, up to a batch, so that output is explained in stretches.
                while session.records().len() - first < BATCH_RECORDS && !run.is_enough() {
                    let Some(entry) = receiver.try_next() else { break };
                    session.take(entry);
                    run.look_at(&session);
                }
            }
            Err(true) => break Ok(()),
            Err(false) => {}
        }
        let new = first..session.records().len();
        run.go_on();
        if script.as_mut().is_some_and(|script| script.go_on(&session, run.handle.as_ref(), run.closing.is_some())) {
            run.close();
        }
        let is_late = run.closing.is_some_and(|since| since.elapsed() > PRINT_PATIENCE);
        if is_late {
            unprinted += new.len();
        } else if let Err(error) = output.print(&session, new).and_then(|()| output.flush()) {
            break Err(Failed::from(error));
        }
        if args.findings {
            findings.look_all(&session);
        }
        session.forget_told();
        run.say_unfinished(&session);
        // With nowhere to keep the rest, going on would only lose it.
        if recorder.as_ref().is_some_and(|recorder| recorder.status().failed.is_some()) {
            session.store_mut().give_up_saving();
            run.close();
        }
        let is_due = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_due || interrupted.load(Ordering::Relaxed) || run.is_enough() {
            run.close();
        }
        run.force_close();
    };
    if args.findings {
        findings.look_all(&session);
        super::findings::print(findings.list(), args.out.format)?;
    }
    if let Some(spec) = stock_spec {
        let verdict = runtime.block_on(transport::stock(&spec, STOCK_LIMIT));
        println!("{}: {}", verdict.client, verdict.says);
    }
    let unsent = run.unsent.len();
    drop(run);
    if unprinted > 0 && !args.quiet {
        eprintln!("pushscope: {unprinted} records that came before the end were not printed, so that it ends in time");
    }
    if let Some(recorder) = recorder {
        let status = recorder.stop();
        if let Some(error) = status.failed {
            let lost = format!("{} events with {} bytes are not in the file", status.lost_events, status.lost_bytes);
            return Err(Failed::Run(format!("{error}; {lost}")));
        }
    }
    drop(own_lab);
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome?;
    if let Some(script) = script {
        // A script that was carried out answers for the connection: it may have wanted it to fail.
        if script.verdict(&session, args.quiet)? {
            return Ok(());
        }
    }
    match session.connections().first().and_then(|connection| connection.over.clone()) {
        Some((Act::GaveUp, why)) => Err(Failed::Run(why)),
        _ if unsent > 0 => Err(Failed::Run(format!(
            "{unsent} of the texts to send were not sent: it ended before the server answered"
        ))),
        _ => Ok(()),
    }
}

struct Run<'a> {
    args: &'a RecordArgs,
    handle: Option<Handle>,
    unsent: Vec<String>,
    /// Where texts go to reach the subscribers of the lab's HTTP types.
    relay: Option<String>,
    /// What was last said to be unfinished, and when it was looked at.
    said: Option<String>,
    said_at: Instant,
    /// When the first request went out.
    asked: Option<Instant>,
    /// Whether an answer came.
    answered: bool,
    closing: Option<Instant>,
    /// Links whose answer asks who we are.
    asked_who: HashSet<LinkId>,
    messages: u64,
    /// How many records were looked at.
    looked_at: RecordId,
}

impl Run<'_> {
    /// Counts the messages among the new records, and notes how far the exchange has come.
    fn look_at(&mut self, session: &Session) {
        for record in session.records().range(self.looked_at..session.records().len()) {
            let is_question = record.kind == Kind::HttpBody && self.asked_who.remove(&record.link);
            self.messages += u64::from(counts(record) && !is_question);
            // A page with which a proxy or server asks who we are is no message.
            if record.kind == Kind::HttpResponse && matches!(record.detail, 401 | 407) {
                self.asked_who.insert(record.link);
            }
            self.answered |= record.kind == Kind::HttpResponse;
            if record.kind == Kind::HttpRequest {
                self.asked.get_or_insert_with(Instant::now);
            }
        }
        self.looked_at = session.records().len();
    }

    /// Sends what is to be sent once the server has answered, or holds its answer back: it may be waiting for just that.
    fn go_on(&mut self) {
        let is_held_back = self.asked.is_some_and(|since| since.elapsed() > ANSWER_PATIENCE);
        if let (true, Some(handle)) = (self.answered || is_held_back, &self.handle) {
            self.unsent.drain(..).for_each(|text| handle.order(Order::Send(outgoing(text, self.relay.as_deref()))));
        }
        // With the connection over, its handle goes, and with it the last sender of events.
        if self.handle.as_ref().is_some_and(Handle::is_over) {
            self.handle = None;
        }
    }

    /// On a terminal, what has begun and is not complete is said once a second while it grows.
    fn say_unfinished(&mut self, session: &Session) {
        let is_due = self.said_at.elapsed() > Duration::from_secs(1);
        if !is_due || self.args.quiet || !std::io::stderr().is_terminal() {
            return;
        }
        self.said_at = Instant::now();
        let unfinished = session.links().last().and_then(|link| session.unfinished(link, Dir::In));
        if unfinished != self.said {
            if let Some(unfinished) = &unfinished {
                eprintln!("pushscope: {unfinished}");
            }
            self.said = unfinished;
        }
    }

    fn is_enough(&self) -> bool {
        self.args.count.is_some_and(|count| self.messages >= count)
    }

    fn close(&mut self) {
        if let (None, Some(handle)) = (self.closing, &self.handle) {
            self.closing = Some(Instant::now());
            handle.order(Order::Close { code: Some(1000), reason: String::new() });
        }
    }

    fn force_close(&mut self) {
        let is_late = self.closing.is_some_and(|since| since.elapsed() > CLOSE_PATIENCE);
        if let (true, Some(handle)) = (is_late, &self.handle) {
            handle.stop();
        }
    }
}

/// The lab's address that delivers to whoever listens at `url`; `None` for WebSocket, which takes texts itself.
fn relay_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
    let channel = url.query_pairs().find(|(name, _)| name == "channel");
    let channel = channel.map_or("demo".to_owned(), |(_, channel)| channel.into_owned());
    let mut relay = url.join("/publish").ok()?;
    relay.query_pairs_mut().clear().append_pair("channel", &channel);
    Some(relay.into())
}

/// A text as it is sent: as a message, or as a request to the lab's relay.
fn outgoing(text: String, relay: Option<&str>) -> Outgoing {
    match relay {
        None => Outgoing::Text(text),
        Some(relay) => Outgoing::Request {
            method: "POST".to_owned(),
            url: Some(relay.to_owned()),
            headers: Vec::new(),
            body: text.into_bytes().into(),
        },
    }
}

/// Whether a record counts as a message of the server.
fn counts(record: &Record) -> bool {
    let is_control = matches!(record.kind, Kind::WsPing | Kind::WsPong | Kind::WsClose | Kind::SseComment);
    record.dir == Dir::In && is_message(record) && !is_control
}

/// Set when the user or the system asks the process to end. Asked again, it ends at once: a backlog may take long to
/// print, and a reader of the output that is stopped takes for ever.
fn interruption(runtime: &tokio::runtime::Runtime) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = flag.clone();
    runtime.spawn(async move {
        let mut interruptions = Interruptions::new();
        if !interruptions.next().await {
            return;
        }
        set.store(true, Ordering::Relaxed);
        if interruptions.next().await {
            eprintln!("pushscope: stopped at once; what came in the last 250 ms may be missing in the file");
            std::process::exit(1);
        }
    });
    flag
}

/// Requests to end: Ctrl C, and on Unix the signal TERM.
struct Interruptions {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

impl Interruptions {
    fn new() -> Interruptions {
        Interruptions {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next one; `false` where the system tells of none.
    async fn next(&mut self) -> bool {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            return tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
                signalled = terminate.recv() => signalled.is_some(),
            };
        }
        tokio::signal::ctrl_c().await.is_ok()
    }
}

/// The push type and options that a lab endpoint's name implies, where the user asked for nothing else.
fn lab_defaults(spec: &mut Spec) {
    let name = spec.url.trim_start_matches("lab:").split('?').next().unwrap_or_default().to_owned();
    if spec.push_type == PushType::Auto {
        spec.push_type = match name.as_str() {
            "poll" => PushType::Poll,
            "longpoll" => PushType::LongPoll,
            "ws" => PushType::Ws,
            "sse" => PushType::Sse,
            "sse10" | "stream" | "lines" | "multipart" => PushType::Stream,
            _ => PushType::Auto,
        };
    }
    if spec.push_type == PushType::LongPoll && spec.cursor == CursorSource::None {
        spec.cursor = CursorSource::Header("X-Cursor".to_owned());
    }
}

/// A header as typed after -H.
pub fn header(typed: &str) -> Result<(String, String), Failed> {
    match typed.split_once(':') {
        Some((name, value)) => Ok((name.trim_end().to_owned(), value.trim().to_owned())),
        None => Err(Failed::Usage(format!("-H '{typed}' has no colon; write -H 'Name: value'"))),
    }
}

/// The request: what a saved one says, or the usual, and over it what is given on the command line.
fn spec(args: &RecordArgs, asked: &mut Asked) -> Result<Spec, Failed> {
    let mut spec = asked.base.clone();
    if !args.method.is_empty() {
        spec.method = args.method.clone();
    }
    if let Some(push_type) = &args.push_type {
        spec.push_type = PushType::ALL.into_iter().find(|known| known.name() == push_type).unwrap_or_default();
    }
    for header in &args.headers {
        spec.headers.push(self::header(&asked.fill(header)?)?);
    }
    if let Some(data) = &args.data {
        spec.body = Some(match data.strip_prefix('@') {
            Some(path) => std::fs::read(path)
                .map_err(|error| Failed::Usage(format!("-d @{path} cannot be read: {error}")))?
                .into(),
            None => asked.fill(data)?.into_bytes().into(),
        });
    }
    if let Some(text) = &args.user {
        let (user, password) = login(&asked.fill(text)?);
        spec.auth = Auth::Basic { user, password };
    }
    if let Some(token) = &args.bearer {
        spec.auth = Auth::Bearer { token: asked.fill(token)? };
    }
    spec.hidden = asked.base.hidden.clone();
    if args.http10 {
        spec.http = HttpVersion::Http10;
    }
    if args.http11 {
        spec.http = HttpVersion::Http11;
    }
    spec.interval_ms = args.interval.map(|interval| interval.as_millis() as u64).or(spec.interval_ms);
    spec.reconnect = args.reconnect.as_ref().map(|answer| answer == "yes").or(spec.reconnect);
    spec.backoff = args.backoff.clone().unwrap_or(spec.backoff);
    spec.cursor = match (&args.cursor_header, &args.cursor_path) {
        (Some(name), _) => CursorSource::Header(name.clone()),
        (None, Some(path)) => CursorSource::JsonPath(path.clone()),
        (None, None) => spec.cursor,
    };
    spec.cursor_target = args.cursor_query.clone().map_or(spec.cursor_target, CursorTarget::Query);
    spec.last_event_id = args.last_event_id.clone().or(spec.last_event_id);
    spec.websocket = args.websocket.over(spec.websocket, &spec.url);
    spec.tls.insecure |= args.insecure;
    spec.tls.ca_file = args.cacert.clone().or(spec.tls.ca_file);
    spec.tls.cert_file = args.cert.clone().or(spec.tls.cert_file);
    spec.tls.key_file = args.key.clone().or(spec.tls.key_file);
    spec.proxy = args.proxy.over(spec.proxy);
    if let Some(timeout) = args.timeout {
        let ms = timeout.as_millis() as u64;
        let stages = &mut spec.timeouts;
        (stages.dns_ms, stages.tcp_ms, stages.tls_ms, stages.answer_ms) = (ms, ms, ms, ms);
    }
    Ok(spec)
}
