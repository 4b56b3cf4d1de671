//! What runs beside the window: the async runtime, the embedded lab, file pickers and copies.

use super::doctor::{Outcome, Report};
use super::{Credentials, Job, LoginQuestion, ViewId, library, requests};
use crate::interop::{Format, Importable, Imported};
use crate::lab::{Lab, Place};
use crate::session::compare::Difference;
use crate::session::redact::Plan;
use crate::transport::Verdict;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::{Duration, Instant};

/// Called from any thread when there is something new to show.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// A picker that answers *nothing* faster than a hand can is taken for a missing one.
const QUICK: Duration = Duration::from_millis(400);

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A recording to open.
    Open,
    /// Where to save a copy of the active recording.
    SaveAs,
    /// Where to write a recording in another tool's format.
    Export(Format),
    /// Where to save a payload.
    SavePayload,
    /// A file to send.
    SendFile,
    /// Where to save the doctor's report.
    SaveReport,
    /// A script to open.
    OpenScript,
    /// A request's name.
    SaveRequest,
    /// A request's or a folder's other name.
    RenameRequest,
    /// The name of a folder of requests.
    NewFolder,
    /// The directory of requests.
    RequestsFolder,
}

/// What came back from beside the window.
pub(super) enum Reply {
    /// What a folder's trash has.
    Trash(Vec<super::Deleted>),
    Picked {
        purpose: Purpose,
        path: Option<PathBuf>,
        is_missing: bool,
    },
    Saved {
        job: Job,
        path: PathBuf,
        /// What is to say of secrets that are in it.
        said: String,
        result: Result<(), String>,
    },
    /// The secrets of a recording.
    Secrets {
        view: ViewId,
        job: Job,
        result: Result<Arc<Plan>, String>,
    },
    /// A copy without secrets was saved.
    Redacted {
        job: Job,
        path: PathBuf,
        result: Result<Arc<Plan>, String>,
    },
    /// An export was written.
    Exported {
        job: Job,
        path: PathBuf,
        /// What is to say of secrets that were kept.
        said: String,
        result: Result<crate::interop::Report, String>,
    },
    /// A file of another form was read into a recording.
    Imported {
        job: Job,
        from: PathBuf,
        /// What of it is to be shown.
        place: Option<super::link::Place>,
        result: Result<Imported, String>,
    },
    /// The doctor is through with a way, of so many.
    Tried(u64, Box<Outcome>, usize),
    /// The doctor is through.
    Examined(u64, Result<Box<Report>, String>),
    /// A recording was read to be replayed.
    ToReplay(Job, Result<super::replaying::Ready, String>),
    /// What an ordinary client makes of an address.
    Stock(String, Verdict),
    /// What differs between two messages; the number is that of the question.
    Differs(u64, Box<Difference>),
    /// What differs between two sides.
    Compared(Job, Result<Box<super::Compared>, String>),
    /// Remarks are in their file, or why they are not.
    Remarked {
        path: PathBuf,
        result: Result<(), String>,
    },
    /// Whether the keyring keeps a password.
    Kept(Result<String, String>),
    /// What the keyring kept for a question.
    Fetched(LoginQuestion, Result<Credentials, String>),
    /// What is in the folder of recordings.
    Gathered(library::Gathered),
    /// What a search over the recordings found, with the search's number.
    Found(u64, library::Found),
    /// What is in the directory of requests.
    Requests(Box<requests::Listing>),
    /// What the keyring keeps for requests.
    KeptValues(Result<requests::Kept, String>),
    /// Whether the keyring keeps the secrets of a request now.
    SecretsKept(Box<requests::KeptSecrets>),
    /// What became of a change to a recording.
    Changed(library::Changed),
}

/// Tells the window from a thread of its own: to ask for a frame takes a lock that the window holds while it lays text
/// out, and whoever reads a socket must not wait for that.
fn beside(notify: Notify) -> Result<Notify, String> {
    let (sender, receiver) = sync_channel::<()>(1);
    std::thread::Builder::new()
        .name("pushscope-wake".into())
        .spawn(move || {
            while receiver.recv().is_ok() {
                notify();
            }
        })
        .map_err(|error| format!("the thread that wakes the window cannot be started: {error}"))?;
    Ok(Arc::new(move || {
        // Full means that the window is about to be told anyway.
        let _ = sender.try_send(());
    }))
}

/// Everything that is not on the window's thread.
pub(super) struct Engine {
    runtime: Option<tokio::runtime::Runtime>,
    lab: Option<Arc<Lab>>,
    notify: Notify,
    replies: (Sender<Reply>, Receiver<Reply>),
    awake: Arc<AtomicBool>,
    pickers: bool,
}

impl Engine {
    pub fn new(notify: Notify, pickers: bool) -> Result<Engine, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("pushscope-net")
            .enable_all()
            .build()
            .map_err(|error| format!("the network threads cannot be started: {error}"))?;
        let notify = beside(notify)?;
        let awake = Arc::new(AtomicBool::new(false));
        Ok(Engine { runtime: Some(runtime), lab: None, notify, replies: channel(), awake, pickers })
    }

    pub fn handle(&self) -> Option<&tokio::runtime::Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle())
    }

    /// What tells the window that there is something new.
    pub fn notify(&self) -> Notify {
        self.notify.clone()
    }

    /// Tells the window at most once until it has looked: a flood of events asks for one frame.
    pub fn notifier(&self) -> Box<dyn Fn() + Send + Sync> {
        let (awake, notify) = (self.awake.clone(), self.notify.clone());
        Box::new(move || {
            if !awake.swap(true, Ordering::AcqRel) {
                notify();
            }
        })
    }

    /// The window is about to look: whatever comes from now on is to be told again.
    pub fn looked(&self) {
        self.awake.store(false, Ordering::Release);
    }

    /// The embedded lab, which is started the first time, and what runs it.
    fn lab(&mut self) -> Result<(&Arc<Lab>, &tokio::runtime::Runtime), String> {
        let runtime = self.runtime.as_ref().ok_or("the program is about to end")?;
        let lab = match self.lab.take() {
            Some(lab) => lab,
            None => runtime
                .block_on(Lab::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
                .map(Arc::new)
                .map_err(|error| format!("the lab cannot be started on 127.0.0.1: {error}"))?,
        };
        Ok((self.lab.insert(lab), runtime))
    }

    /// The embedded lab, for what runs beside the window.
    pub fn shared_lab(&mut self) -> Result<Arc<Lab>, String> {
        Ok(self.lab()?.0.clone())
    }

    /// Runs something beside the window.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Tells the window something from beside it, any number of times.
    pub fn teller(&self) -> impl Fn(Reply) + Send + Sync + 'static {
        let (sender, notify) = (std::sync::Mutex::new(self.replies.0.clone()), self.notify.clone());
        move |reply| {
            let sender = sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // The window may have gone; then nobody waits for the answer.
            let _ = sender.send(reply);
            notify();
        }
    }

    /// The address of the embedded lab.
    pub fn lab_addr(&mut self) -> Result<SocketAddr, String> {
        Ok(self.lab()?.0.addr())
    }

    /// Where an address of the lab leads.
    pub fn lab_place(&mut self, address: &str) -> Result<Place, String> {
        let (lab, runtime) = self.lab()?;
        runtime.block_on(lab.place(address))
    }

    /// Asks the desktop for a path; the answer comes as a [`Reply`].
    pub fn pick(&self, purpose: Purpose, name: String) {
        let (sender, notify) = (self.replies.0.clone(), self.notify.clone());
        let Some(runtime) = self.runtime.as_ref().filter(|_| self.pickers) else {
            // The receiver lives as long as the engine.
            let _ = sender.send(Reply::Picked { purpose, path: None, is_missing: true });
            notify();
            return;
        };
        runtime.spawn(async move {
            let asked = Instant::now();
            let dialog = match purpose {
                Purpose::Open => {
                    let imports = Importable::ALL.into_iter().flat_map(|format| format.extensions().iter().copied());
                    let all: Vec<&str> = std::iter::once("pushscope").chain(imports).collect();
                    // What a file is is told by what it holds, so any may be opened.
                    rfd::AsyncFileDialog::new().add_filter("Recordings", &all).add_filter("All files", &["*"])
                }
                Purpose::SaveAs => rfd::AsyncFileDialog::new().add_filter("Pushscope recordings", &["pushscope"]),
                Purpose::Export(format) => {
                    let ending = format.extension().rsplit('.').next().unwrap_or_default();
                    rfd::AsyncFileDialog::new().add_filter(format.label(), &[ending])
                }
                Purpose::OpenScript => rfd::AsyncFileDialog::new().add_filter("Scripts", &["toml"]),
                _ => rfd::AsyncFileDialog::new(),
            };
            let picked = match purpose {
                Purpose::RequestsFolder => dialog.pick_folder().await,
                Purpose::Open | Purpose::OpenScript | Purpose::SendFile => dialog.pick_file().await,
                _ => dialog.set_file_name(name).save_file().await,
            };
            let path = picked.map(|file| file.path().to_owned());
            let is_missing = path.is_none() && asked.elapsed() < QUICK;
            // The window may have gone; then nobody waits for a path.
            let _ = sender.send(Reply::Picked { purpose, path, is_missing });
            notify();
        });
    }

    /// Does what may wait for the system beside the window; the outcome comes as a [`Reply`].
    pub fn beside(&self, work: impl FnOnce() -> Reply + Send + 'static) {
        let (sender, notify) = (self.replies.0.clone(), self.notify.clone());
        if let Some(runtime) = &self.runtime {
            runtime.spawn_blocking(move || {
                // The window may have gone; then nobody waits for the answer.
                let _ = sender.send(work());
                notify();
            });
        }
    }

    /// Does slow work beside the window.
    pub fn save(
        &self,
        job: Job,
        (path, said): (PathBuf, String),
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) {
        let (sender, notify) = (self.replies.0.clone(), self.notify.clone());
        if let Some(runtime) = &self.runtime {
            runtime.spawn_blocking(move || {
                // The window may have gone; then nobody waits for the answer.
                let _ = sender.send(Reply::Saved { job, path, said, result: work() });
                notify();
            });
        }
    }

    pub fn next_reply(&self) -> Option<Reply> {
        self.replies.1.try_recv().ok()
    }

    /// Ends the lab and the runtime, leaving tasks a moment to say goodbye.
    pub fn shut_down(&mut self) {
        self.lab = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(300));
        }
    }
}
