//! One case: a lab to be reached, plainly and by TLS, recordings of it by the program, and a bound on all of it.

use crate::certificates::Authority;
use crate::program::{Ended, PROGRAM, Running};
use pushscope::lab::Lab;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// How long a case may take, its peers' starts and all.
const LIMIT: Duration = Duration::from_secs(20);

/// How many messages are asked for.
pub const COUNT: usize = 3;

pub struct Case {
    began: Instant,
    lab: Lab,
    runtime: Runtime,
}

impl Case {
    pub fn begin() -> Case {
        let runtime = Runtime::new().expect("a runtime");
        let lab = runtime.block_on(Lab::start((Ipv4Addr::LOCALHOST, 0).into())).expect("a lab");
        Case { began: Instant::now(), lab, runtime }
    }

    /// What is left of its time.
    pub fn left(&self) -> Duration {
        LIMIT.saturating_sub(self.began.elapsed())
    }

    pub fn lab(&self) -> SocketAddr {
        self.lab.addr()
    }

    /// An address of the lab.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}/{path}", self.lab())
    }

    /// The port on which the lab is reached by TLS, as `localhost`.
    pub fn tls(&self, authority: &Authority) -> u16 {
        self.tls_before(authority, self.lab())
    }

    /// The port on which anything is reached by TLS, as `localhost`.
    pub fn tls_before(&self, authority: &Authority, behind: SocketAddr) -> u16 {
        let acceptor = TlsAcceptor::from(authority.server());
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a listener");
        let port = listener.local_addr().expect("its address").port();
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Who does not trust the certificate leaves.
                    let Ok(mut tls) = acceptor.accept(stream).await else { return };
                    let mut plain = TcpStream::connect(behind).await.expect("what is behind");
                    // Either side may end it in any way.
                    let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
        port
    }

    /// Records `COUNT` messages.
    #[track_caller]
    pub fn record(&self, url: &str, options: &[&str]) -> Ended {
        self.start(url, &[&["--count", &COUNT.to_string(), "--timeout", "8s"], options].concat()).finish()
    }

    /// The keys of what is found on a recording of a few seconds; what is for learners is left out.
    #[track_caller]
    pub fn findings(&self, url: &str, options: &[&str]) -> Vec<String> {
        let found = self.found(url, options, &[]);
        // What is for learners is left out; what is only possible is not.
        let faults =
            found.iter().filter(|finding| finding["severity"] != "info" || finding["confidence"] == "possible");
        faults.map(|finding| finding["key"].as_str().expect("a key").to_owned()).collect()
    }

    /// All that is found on a recording of a few seconds, in an environment with these variables.
    #[track_caller]
    pub fn found(&self, url: &str, options: &[&str], environment: &[(&str, &str)]) -> Vec<Value> {
        let usual = ["--for", "4s", "--timeout", "3s", "-q", "--findings"];
        let mut command = Command::new("timeout");
        command.args(["--kill-after", "1", &format!("{:.1}", self.left().as_secs_f64().max(0.1)), PROGRAM]);
        command.args(["record", url, "--format", "jsonl"]).args(usual).args(options).envs(environment.iter().copied());
        let ended = Running::start(command).finish();
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Starts a recording, which ends with the case's time.
    #[track_caller]
    pub fn start(&self, url: &str, options: &[&str]) -> Running {
        let mut command = Command::new("timeout");
        command.args(["--kill-after", "1", &format!("{:.1}", self.left().as_secs_f64().max(0.1)), PROGRAM]);
        command.args(["record", url, "--format", "jsonl", "--fields"]).args(options);
        Running::start(command)
    }
}

/// The first record of a kind.
#[track_caller]
pub fn first<'a>(records: &'a [Value], kind: &str) -> &'a Value {
    records.iter().find(|record| record["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {records:#?}"))
}

/// The summaries of the records of a kind.
pub fn summaries(records: &[Value], kind: &str) -> Vec<String> {
    let of_kind = records.iter().filter(|record| record["kind"] == kind);
    of_kind.map(|record| record["summary"].as_str().expect("a summary").to_owned()).collect()
}

/// The values of a record's fields of one name.
pub fn values(record: &Value, key: &str) -> Vec<String> {
    let fields = record["fields"].as_array().expect("fields").iter();
    let named = fields.filter(|field| field["key"] == key);
    named.map(|field| field["value"].as_str().map_or_else(|| field["value"].to_string(), str::to_owned)).collect()
}

/// Asserts that all went well and that `COUNT` messages of a kind came, and gives the records.
#[track_caller]
pub fn messages(ended: &Ended, kind: &str) -> Vec<Value> {
    let records = ended.records();
    let received = crate::program::received(&records, kind);
    let whole = received.iter().filter(|text| text.contains("\"sent_ns\"")).count();
    assert!(whole >= COUNT, "{whole} of {COUNT} {kind}: {ended:#?}");
    records
}
