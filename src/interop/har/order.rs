//! Events of many entries, put in the order of their times.
//!
//! Entries overlap: a WebSocket of an hour is one entry, whose messages lie between those of a hundred others. Their
//! bytes wait in a file beside the session, and only where they lie is held: 32 bytes an event.

use crate::interop::InteropError;
use crate::session::file::SessionWriter;
use crate::wire::{
    ClientAct, Closed, Connected, ConnectionInfo, Dir, Entry, Event, Failure, LinkId, Opening, Resolved, What,
};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Bytes that stay in memory before a file is made for them.
const MEMORY_BYTES: usize = 16 << 20;

/// One read or write has so many bytes at most.
const READ_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Opening,
    Resolved,
    Connected,
    Out,
    In,
    Failed,
    Closed,
    Client,
}

/// An event that waits.
struct Waiting {
    unix_ns: i64,
    link: u32,
    kind: Kind,
    len: u32,
    start: u64,
}

/// Events that wait to be put in order.
pub(super) struct Order {
    waiting: Vec<Waiting>,
    memory: Vec<u8>,
    /// The file, once the bytes passed the limit, and how many it holds.
    spill: Option<Spill>,
    spilled: u64,
    /// Where it would be.
    path: PathBuf,
}

struct Spill {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Drop for Spill {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Order {
    /// Nothing yet. The file is made beside the session's, where there is room for what is written next.
    pub fn new(session: &std::path::Path) -> Order {
        let mut name = session.file_name().unwrap_or_default().to_owned();
        name.push("-import");
        Order { waiting: Vec::new(), memory: Vec::new(), spill: None, spilled: 0, path: session.with_file_name(name) }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes an event of a link. Those of one link come in the order of their times.
    pub fn push(&mut self, unix_ns: i64, link: LinkId, what: What) -> io::Result<()> {
        let (kind, bytes) = match what {
            What::Bytes(dir, bytes) => {
                let kind = if dir == Dir::Out { Kind::Out } else { Kind::In };
                for read in bytes.chunks(READ_BYTES) {
                    self.put(unix_ns, link, kind, read)?;
                }
                return Ok(());
            }
            What::Opening(opening) => (Kind::Opening, json(&opening)),
            What::Resolved(resolved) => (Kind::Resolved, json(&resolved)),
            What::Connected(connected) => (Kind::Connected, json(&connected)),
            What::Failed(failure) => (Kind::Failed, json(&failure)),
            What::Closed(closed) => (Kind::Closed, json(&closed)),
            What::Client(act) => (Kind::Client, json(&act)),
            // A HAR tells nothing of these.
            _ => return Ok(()),
        };
        self.put(unix_ns, link, kind, &bytes)
    }

    fn put(&mut self, unix_ns: i64, link: LinkId, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let start = self.spilled + self.memory.len() as u64;
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.memory.extend_from_slice(bytes);
        self.waiting.push(Waiting { unix_ns, link: link.0, kind, len, start });
        if self.memory.len() > MEMORY_BYTES {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(Spill::create(&self.path)?),
            };
            spill.file.write_all(&self.memory)?;
            self.spilled += self.memory.len() as u64;
            self.memory.clear();
        }
        Ok(())
    }

    /// The time of the earliest event.
    pub fn began_unix_ns(&self) -> i64 {
        self.waiting.iter().map(|waiting| waiting.unix_ns).min().unwrap_or(0)
    }

    /// Writes all events in order, those of one time in the order in which they came; each connection before its first
    /// link. `progress` is told of each event, and says whether to go on. When the last of them was, in nanoseconds since
    /// the first.
    pub fn write(
        mut self,
        to: &mut SessionWriter,
        connections: &mut Connections,
        progress: &mut dyn FnMut() -> bool,
    ) -> Result<u64, InteropError> {
        let began = self.began_unix_ns();
        self.waiting.sort_by_key(|waiting| waiting.unix_ns);
        let mut file = match &mut self.spill {
            None => None,
            Some(spill) => {
                spill.file.flush()?;
                Some(File::open(&spill.path)?)
            }
        };
        let mut last_ns = 0;
        for waiting in &self.waiting {
            let at_ns = u64::try_from(waiting.unix_ns.saturating_sub(began)).unwrap_or(0);
            last_ns = at_ns;
            let mut bytes = vec![0; waiting.len as usize];
            match (waiting.start.checked_sub(self.spilled), &mut file) {
                (Some(at), _) => bytes.copy_from_slice(&self.memory[at as usize..][..waiting.len as usize]),
                (None, Some(file)) => {
                    file.seek(SeekFrom::Start(waiting.start))?;
                    file.read_exact(&mut bytes)?;
                }
                (None, None) => return Err(io::Error::other("events were lost on their way").into()),
            }
            let what = what(waiting.kind, bytes)?;
            if let What::Opening(opening) = &what
                && let Some(info) = connections.first_link(opening, LinkId(waiting.link))
            {
                to.put(Entry::Connection(info))?;
            }
            to.put(Entry::Event(Event { at_ns, link: LinkId(waiting.link), what }))?;
            if !progress() {
                return Err(InteropError::Stopped);
            }
        }
        Ok(last_ns)
    }
}

impl Spill {
    fn create(path: &std::path::Path) -> io::Result<Spill> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Spill { file: BufWriter::new(file), path: path.to_owned() })
    }
}

fn json(fact: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(fact).unwrap_or_default()
}

fn what(kind: Kind, bytes: Vec<u8>) -> io::Result<What> {
    fn fact<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
        serde_json::from_slice(bytes).map_err(io::Error::from)
    }
    Ok(match kind {
        Kind::Opening => What::Opening(fact::<Opening>(&bytes)?),
        Kind::Resolved => What::Resolved(fact::<Resolved>(&bytes)?),
        Kind::Connected => What::Connected(fact::<Connected>(&bytes)?),
        Kind::Out => What::Bytes(Dir::Out, Bytes::from(bytes)),
        Kind::In => What::Bytes(Dir::In, Bytes::from(bytes)),
        Kind::Failed => What::Failed(fact::<Failure>(&bytes)?),
        Kind::Closed => What::Closed(fact::<Closed>(&bytes)?),
        Kind::Client => What::Client(fact::<ClientAct>(&bytes)?),
    })
}

/// The connections of an import, which are announced with their first links.
#[derive(Default)]
pub(super) struct Connections {
    list: Vec<Connection>,
}

struct Connection {
    info: ConnectionInfo,
    is_announced: bool,
    last_link: Option<LinkId>,
}

impl Connections {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// One more.
    pub fn add(&mut self, info: ConnectionInfo) {
        self.list.push(Connection { info, is_announced: false, last_link: None });
    }

    /// The links that were opened last, one a connection.
    pub fn last_links(&self) -> impl Iterator<Item = LinkId> {
        self.list.iter().filter_map(|connection| connection.last_link)
    }

    /// Notes a link. Its connection, where it is the first of it.
    fn first_link(&mut self, opening: &Opening, link: LinkId) -> Option<ConnectionInfo> {
        let at = usize::try_from(opening.connection.0).ok()?.checked_sub(1)?;
        let connection = self.list.get_mut(at)?;
        connection.last_link = Some(link);
        let is_first = !std::mem::replace(&mut connection.is_announced, true);
        is_first.then(|| connection.info.clone())
    }
}
