//! Asking the doctor, and an ordinary client, about the address in the address bar: begun here, run beside the window.

use super::doctor::{self, Outcome, Report, ReportAs};
use super::engine::Reply;
use super::{App, Command, Pane, State, Wish};
use crate::transport::Verdict;
use std::path::PathBuf;
use std::time::Duration;

/// How long a way may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The doctor, as the window shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doctor {
    /// What was asked about.
    pub address: String,
    /// The ways that are through, in the order in which they ended.
    pub outcomes: Vec<Outcome>,
    /// How many ways there are; 0 while that is being found out.
    pub total: usize,
    /// The report, once it is there.
    pub report: Option<Report>,
    /// Numbers the asking, so that an old answer is told from a new one.
    number: u64,
}

/// What an ordinary client makes of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// The address, without user and password.
    pub address: String,
    /// Its verdict, once it is there.
    pub verdict: Option<Verdict>,
}

impl Doctor {
    /// Whether ways are being tried.
    pub fn is_running(&self) -> bool {
        self.report.is_none() && !self.address.is_empty()
    }
}

impl State {
    /// Whether the current connection ended by a wrong answer to the upgrade.
    pub fn is_upgrade_wrong(&self) -> bool {
        let Some((live, current)) = self.live().zip(self.current) else { return false };
        let is_header = |key: &str| key.starts_with("websocket.") && key.ends_with("-header");
        let is_over = live.session.connection(current).is_some_and(|connection| connection.over.is_some());
        let mut found = live.findings.list().iter();
        is_over && found.any(|finding| finding.connection == current && is_header(finding.key))
    }
}

impl App {
    /// Tries every way to the address in the address bar.
    pub(super) fn run_doctor(&mut self) {
        let Some((address, mut spec, shown)) = self.asked(&Command::RunDoctor) else { return };
        if shown.contains("{{") {
            let why = "a secret stands in the address and would stand in the doctor's report: write it under Auth";
            return self.complain(why);
        }
        let given = match &spec.proxy.choice {
            crate::transport::ProxyChoice::Given(proxy) if !address.starts_with("lab:") => vec![proxy.clone()],
            _ => Vec::new(),
        };
        if address.starts_with("lab:") {
            spec.tls.ca_file = None;
        }
        let number = self.state.doctor.as_ref().map_or(1, |doctor| doctor.number + 1);
        let shown = crate::transport::shown_address(&shown);
        self.state.doctor = Some(Doctor { address: shown, number, ..Doctor::default() });
        (self.state.pane, self.state.details) = (Pane::Doctor, true);
        let lab = self.engine.shared_lab().ok();
        let tell = self.engine.teller();
        self.engine.spawn(async move {
            match doctor::plan(&address, &spec, &given, lab.as_deref()).await {
                Err(why) => tell(Reply::Examined(number, Err(why))),
                Ok(plan) => {
                    let told = |outcome: &Outcome, total| tell(Reply::Tried(number, Box::new(outcome.clone()), total));
                    let report = doctor::examine(plan, LIMIT, told).await;
                    tell(Reply::Examined(number, Ok(Box::new(report))));
                }
            }
        });
    }

    /// What is asked about: the address, the request, and the address as it is shown. Nothing where that cannot be had, or
    /// the keyring is asked first.
    fn asked(&mut self, then: &Command) -> Option<(String, crate::transport::Spec, String)> {
        let draft = self.state.draft.clone();
        match self.filled_spec(&draft, then) {
            Ok(filled) => filled.map(|filled| (filled.address, filled.spec, filled.label)),
            Err(why) => {
                self.complain(why);
                None
            }
        }
    }

    /// Asks an ordinary client what it makes of the address in the address bar.
    pub(super) fn ask_stock(&mut self) {
        let Some((_, spec, address)) = self.asked(&Command::AskStock) else { return };
        let address = crate::transport::shown_address(&address);
        self.state.stock = Some(Stock { address: address.clone(), verdict: None });
        let tell = self.engine.teller();
        self.engine.spawn(async move {
            let verdict = crate::transport::stock(&spec, LIMIT).await;
            tell(Reply::Stock(address, verdict));
        });
    }

    /// An ordinary client has its verdict.
    pub(super) fn take_stock(&mut self, address: &str, verdict: Verdict) {
        if let Some(stock) = self.state.stock.as_mut().filter(|stock| stock.address == address) {
            stock.verdict = Some(verdict);
        }
    }

    /// A way is through.
    pub(super) fn take_tried(&mut self, number: u64, outcome: Outcome, total: usize) {
        if let Some(doctor) = self.state.doctor.as_mut().filter(|doctor| doctor.number == number) {
            doctor.total = total;
            doctor.outcomes.push(outcome);
        }
    }

    /// Every way is through.
    pub(super) fn take_report(&mut self, number: u64, report: Result<Report, String>) {
        let Some(doctor) = self.state.doctor.as_mut().filter(|doctor| doctor.number == number) else { return };
        match report {
            Ok(report) => doctor.report = Some(report),
            Err(why) => {
                self.state.doctor = None;
                self.complain(why);
            }
        }
    }

    pub(super) fn copy_report(&mut self, how: ReportAs) {
        let Some(report) = self.state.doctor.as_ref().and_then(|doctor| doctor.report.as_ref()) else { return };
        let text = report.write(how);
        self.wishes.push(Wish::Copy(text));
        self.say(format!("Copied the report as {}", how.label()));
    }

    /// Writes the report; the name's ending says in which form.
    pub(super) fn save_report(&mut self, to: PathBuf) {
        let Some(report) = self.state.doctor.as_ref().and_then(|doctor| doctor.report.as_ref()) else { return };
        let to = if to.extension().is_none() { to.with_extension("html") } else { to };
        let extension = to.extension().unwrap_or_default().to_string_lossy().into_owned();
        match std::fs::write(&to, report.write(ReportAs::of_extension(&extension))) {
            Ok(()) => self.say(format!("Saved {}", to.display())),
            Err(error) => self.complain(format!("{} cannot be written: {error}", to.display())),
        }
    }

    /// Why nobody can be asked, or nothing written, now.
    pub(super) fn consult_objection(&self, command: &Command) -> Option<String> {
        let state = &self.state;
        let doctor = state.doctor.as_ref();
        match command {
            Command::RunDoctor | Command::AskStock if state.draft.address.trim().is_empty() => {
                Some("there is no address".to_owned())
            }
            Command::CopyReport(_) | Command::SaveReport if doctor.is_none_or(|doctor| doctor.report.is_none()) => {
                Some("the doctor has no report yet".to_owned())
            }
            _ => None,
        }
    }
}
