//! Recordings and captures, there and back, and what is compared of them.

use crate::program::Ended;
use pushscope::interop::{Chosen, InteropError, Report, pcapng};
use pushscope::session::file::{Opened, SessionWriter, load};
use pushscope::session::{Flags, Kind, Remark, Session};
use pushscope::wire::Dir;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

const MISSING: &str = "install Wireshark's programs (for example: apt-get install tshark)";

/// A folder of its own for a test's files.
pub struct Folder {
    folder: TempDir,
    files: AtomicU32,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { folder: TempDir::new().expect("a folder"), files: AtomicU32::new(0) }
    }

    /// A path that is not taken.
    pub fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{}.{ending}", self.files.fetch_add(1, Ordering::Relaxed)))
    }

    /// Records with the program.
    #[track_caller]
    pub fn record(&self, url: &str, options: &[&str]) -> Session {
        let path = self.path("pushscope");
        let ended = self.record_to(&path, url, options);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        open(&path)
    }

    pub fn record_to(&self, path: &Path, url: &str, options: &[&str]) -> Ended {
        let mut arguments = vec!["record", url, "-q", "-o", path.to_str().expect("UTF-8")];
        arguments.extend_from_slice(options);
        crate::program::pushscope(&arguments)
    }

    /// Writes a whole recording as pcapng.
    #[track_caller]
    pub fn export(&self, session: &Session, remarks: &[Remark]) -> (PathBuf, Report) {
        self.export_chosen(&Chosen { session, title: "a title", ids: None, remarks })
    }

    #[track_caller]
    pub fn export_chosen(&self, chosen: &Chosen<'_>) -> (PathBuf, Report) {
        let path = self.path("pcapng");
        let mut file = std::fs::File::create(&path).expect("a file");
        let report = pcapng::write(chosen, &mut file, &mut |_, _| true).expect("an export");
        (path, report)
    }

    pub fn try_import(&self, capture: &Path) -> Result<(Session, Report), InteropError> {
        let path = self.path("pushscope");
        let mut writer = SessionWriter::create(&path, 0).expect("a session file");
        let report = pcapng::read(capture, &mut writer, &mut |_, _| true)?;
        writer.finish().expect("written");
        assert!(Opened::open(&path).expect("a recording").notices().is_empty());
        Ok((open(&path), report))
    }

    #[track_caller]
    pub fn import(&self, capture: &Path) -> (Session, Report) {
        self.try_import(capture).unwrap_or_else(|error| panic!("{error}"))
    }
}

#[track_caller]
pub fn open(path: &Path) -> Session {
    let loaded = load(path, &mut |_, _| true).expect("a recording");
    assert_eq!((loaded.damage, loaded.notices), (Vec::new(), Vec::new()));
    loaded.session
}

/// Runs one of Wireshark's programs.
#[track_caller]
pub fn wireshark(program: &str, arguments: &[&str]) -> String {
    let output = try_wireshark(program, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    // tshark cuts long texts wherever it may be.
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn try_wireshark(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program} cannot be started ({error}): {MISSING}"))
}

/// What is compared of a record: what it is, where it lies, when it was complete, what it says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    pub kind: Kind,
    pub dir: Dir,
    pub start: u64,
    pub len: u64,
    pub payload_len: u64,
    pub flags: u8,
    pub detail: u32,
    pub unix_ns: u64,
    pub payload: Vec<u8>,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Said { kind, dir, start, len, payload_len, unix_ns, payload, .. } = self;
        let payload = String::from_utf8_lossy(&payload[..payload.len().min(40)]).into_owned();
        write!(f, "{} {} {start}+{len} ({payload_len}) at {unix_ns}: {payload:?}", kind.name(), dir.name())
    }
}

/// The records on the wire of each link that carried bytes; links in no order.
pub fn said(session: &Session) -> Vec<Vec<Said>> {
    let ids: Vec<usize> = (0..session.records().len()).filter(|id| !session.records()[*id].kind.is_fact()).collect();
    let mut links: Vec<(u32, Vec<Said>)> = Vec::new();
    for run in session.stretches(&ids, 1 << 20) {
        for (id, explained) in run.iter().zip(session.explain_all(run, 1 << 20)) {
            let record = session.records()[*id];
            let Flags(flags) = record.flags;
            let said = Said {
                kind: record.kind,
                dir: record.dir,
                start: record.start,
                len: record.len,
                payload_len: record.payload_len,
                flags,
                detail: record.detail,
                unix_ns: session.started_unix_ns.max(0) as u64 + session.at_ns(*id),
                payload: explained.payload,
            };
            match links.iter_mut().find(|(link, _)| *link == record.link.0) {
                Some((_, list)) => list.push(said),
                None => links.push((record.link.0, vec![said])),
            }
        }
    }
    let mut links: Vec<Vec<Said>> = links.into_iter().map(|(_, list)| list).collect();
    links.sort();
    links
}

/// The bytes of both directions of each link that carried some; links in no order.
pub fn streams(session: &Session) -> Vec<[Vec<u8>; 2]> {
    let all = session
        .links()
        .iter()
        .map(|link| [Dir::Out, Dir::In].map(|dir| session.wire(link.id, dir, 0, link.len_bytes(dir) as usize)));
    let mut streams: Vec<[Vec<u8>; 2]> = all.filter(|[out, inward]| !out.is_empty() || !inward.is_empty()).collect();
    streams.sort();
    streams
}

/// Asserts that two lists are the same, and says the first difference only.
#[track_caller]
pub fn assert_same<T: PartialEq + std::fmt::Debug>(found: &[Vec<T>], expected: &[Vec<T>]) {
    if let Some(difference) = difference(found, expected) {
        panic!("{difference}");
    }
}

pub fn difference<T: PartialEq + std::fmt::Debug>(found: &[Vec<T>], expected: &[Vec<T>]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} links, not {}", found.len(), expected.len()));
    }
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        let at = found.iter().zip(expected).position(|(found, expected)| found != expected);
        let at = at.or((found.len() != expected.len()).then_some(found.len().min(expected.len())));
        if let Some(at) = at {
            let (f, e) = (found.get(at), expected.get(at));
            return Some(format!("link {number}, record {at}:\nfound    {f:?}\nexpected {e:?}"));
        }
    }
    None
}
