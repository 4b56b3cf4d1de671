//! One connection from its opening to its end, through the transport, recorded in a session of its own.

use pushscope::session::{Kind, Session, Store};
use pushscope::transport::{PushType, Spec, WebSocketOptions, connect};
use pushscope::wire::{Act, ConnectionId, Dir, Entry, EventSender, ReaderOptions, What};
use std::time::{Duration, Instant};

/// Bytes that may wait to be recorded.
const ROOM_BYTES: usize = 64 << 20;
/// Without anything happening for so long, a case hangs. The suite itself ends its slowest cases after 480 s.
const PATIENCE: Duration = Duration::from_secs(500);

/// Holds conversations.
pub struct Conversations(tokio::runtime::Runtime);

/// A conversation that is over.
pub struct Conversation {
    pub session: Session,
}

impl Conversations {
    pub fn new() -> Result<Conversations, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.map(Conversations).map_err(|error| format!("starting the runtime: {error}"))
    }

    /// Connects, echoes and checks what comes, until the server ends it.
    pub fn hold(&self, url: &str) -> Result<Conversation, String> {
        let websocket = WebSocketOptions { strict: true, echo: url.contains("runCase"), ..WebSocketOptions::default() };
        let spec = Spec { url: url.to_owned(), push_type: PushType::Ws, websocket, ..Spec::default() };
        let (events, mut receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(ROOM_BYTES)]);
        let receiver = receivers.remove(0);
        let _handle = connect(self.0.handle(), ConnectionId(1), spec, url.to_owned(), events);
        let mut session = Session::new(Store::memory(), 0);
        loop {
            let entry = receiver.next_timeout(PATIENCE).map_err(|_| format!("{url} did not come to its end"))?;
            let is_end = matches!(&entry, Entry::Event(event) if matches!(&event.what,
                What::Client(act) if matches!(act.act, Act::Done | Act::GaveUp)));
            session.take(entry);
            if is_end {
                return Ok(Conversation { session });
            }
        }
    }
}

impl Conversation {
    /// The text messages that came.
    pub fn texts(&self) -> Vec<String> {
        let came = |record: &&pushscope::session::Record| record.kind == Kind::WsText && record.dir == Dir::In;
        let records = self.session.records();
        let ids = (0..records.len()).filter(|id| records.get(*id).as_ref().is_some_and(came));
        ids.map(|id| String::from_utf8_lossy(&self.session.explain(id).payload).into_owned()).collect()
    }
}
