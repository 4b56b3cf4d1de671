//! `pushscope resend`: what a recorded client sent, sent once more, and recorded as `record` does.

use super::Failed;
use super::args::{Cli, Command, RecordArgs, ResendArgs};
use super::record::{self, Talk};
use crate::app::resend::{
    Choices, Chosen, Edits, Endpoint, Moved, OrderRules, Outcome, Plan, Planner, Resender, Speed,
};
use crate::app::script::{Moment, Place};
use crate::session::file::load;
use crate::session::filter::Filter;
use crate::session::{Session, duration};
use crate::transport::{Handle, ProxyChoice, Spec, shown_address};
use crate::wire::{ConnectionId, Dir};
use clap::Parser;
use std::time::{Duration, Instant};

/// How long the recording waits for an event at a time, where nothing is due earlier.
const PATIENCE: Duration = Duration::from_millis(20);
/// What came just as the recorded client left may take so much longer this time.
const GRACE: Duration = Duration::from_millis(100);
/// Calls in a row, so that the recording is looked at in between.
const MOST_CALLS: usize = 64;
/// Refusals that are told.
const MOST_TOLD: usize = 10;

/// Sends again, records, and prints.
pub fn run(args: ResendArgs) -> Result<(), Failed> {
    let speed = Speed::named(&args.speed).map_err(Failed::Usage)?;
    let filter = Filter::parse(&args.filter).map_err(|error| {
        Failed::Usage(format!("the filter cannot be read at character {}: {}", error.at + 1, error.text))
    })?;
    let file = args.file.display();
    let loaded = load(&args.file, &mut |_, _| true).map_err(|error| Failed::Run(error.to_string()))?;
    loaded.notices.iter().for_each(|notice| eprintln!("pushscope: {file}: {notice}"));
    loaded.damage.iter().for_each(|error| eprintln!("pushscope: {error}"));
    let source = loaded.session;
    let connection = connection(&source, args.connection, &args)?;
    let choices = Choices { control: args.control, frames: args.frames, keep_masks: args.keep_masks };
    let plan = plan(&source, connection, &filter, choices);
    let recorded = Endpoint::of(&source, connection).map_or_else(|_| String::new(), |endpoint| endpoint.spec.url);
    let moved = args.url.as_ref().and_then(|url| Moved::new(&recorded, url));
    let (mut spec, without) = spec(&source, connection, &args)?;
    if !args.quiet {
        let said = if args.url.is_some() { "" } else { ", as the recording says" };
        let takes = match speed {
            Speed::Times(times) => format!(", {} in all", duration((plan.stay_ns() as f64 / times) as u64)),
            Speed::AtOnce => String::new(),
        };
        let (count, speed) = (plan.planned.len(), speed.label());
        let url = shown_address(&spec.url);
        eprintln!(
            "pushscope: sending {count} of connection {} of {file} to {url}{said}; speed: {speed}{takes}",
            connection.0
        );
        plan.reservations().iter().for_each(|text| eprintln!("pushscope: not sent: {text}"));
        for name in without {
            eprintln!("pushscope: the value of {name} is not in the recording: -H '{name}: …' gives it");
        }
    }
    spec.side_only = plan.is_side_only;
    let record = record_args(&args, &spec)?;
    let headers = args.headers.iter().map(|typed| record::header(typed)).collect::<Result<Vec<_>, _>>()?;
    let (linger, is_quiet) = (args.linger, args.quiet);
    let url = spec.url.clone();
    record::run_with(&record, spec, url.clone(), |place| {
        let origin = origin(&url, &place);
        let rules = OrderRules { keep_masks: choices.keep_masks, origin, headers, moved };
        let resender = Resender::new(plan, speed, rules, Edits::default(), ConnectionId(1));
        let resent = Resent { source, resender, linger, over_at: None, patience: PATIENCE, is_quiet };
        Ok(Some(Box::new(resent) as Box<dyn Talk>))
    })
}

/// The connection whose client's side is sent.
fn connection(source: &Session, wanted: Option<u32>, args: &ResendArgs) -> Result<ConnectionId, Failed> {
    let all: Vec<ConnectionId> = source.connections().iter().map(|connection| connection.info.id).collect();
    let file = args.file.display();
    let numbers = |ids: &[ConnectionId]| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = wanted.map(ConnectionId) {
        let why =
            || Failed::Usage(format!("{file} has no connection {}; its connections: {}", wanted.0, numbers(&all)));
        return if all.contains(&wanted) { Ok(wanted) } else { Err(why()) };
    }
    let spoke = |id: &&ConnectionId| source.connection(**id).is_some_and(|it| it.messages[Dir::Out.index()] > 0);
    let spoke: Vec<ConnectionId> = all.iter().filter(spoke).copied().collect();
    match (spoke.as_slice(), all.as_slice()) {
        ([only], _) | ([], [only]) => Ok(*only),
        ([], []) => Err(Failed::Run(format!("{file} has no connection whose client could have sent anything"))),
        ([], all) => Err(Failed::Usage(format!("which connection? --connection takes one of {}", numbers(all)))),
        (several, _) => Err(Failed::Usage(format!(
            "in {file} the clients of several connections sent something: --connection takes one of {}",
            numbers(several)
        ))),
    }
}

fn plan(source: &Session, connection: ConnectionId, filter: &Filter, choices: Choices) -> Plan {
    let mut planner = Planner::new(Chosen::ClientSide(connection), choices, false);
    let mut plan = loop {
        if let Some(plan) = planner.advance(source, Instant::now() + Duration::from_secs(1)) {
            break plan;
        }
    };
    let ids: Vec<usize> = plan.planned.iter().map(|planned| planned.id).collect();
    let matching: Vec<usize> = ids.chunks(512).flat_map(|ids| filter.select(source, ids)).collect();
    if matching.len() < ids.len() {
        plan.left_out.insert("messages that the filter leaves out", ids.len() - matching.len());
        plan.planned.retain(|planned| matching.binary_search(&planned.id).is_ok());
    }
    plan
}

/// The request to be made, and the headers whose values are not in the recording.
fn spec(source: &Session, connection: ConnectionId, args: &ResendArgs) -> Result<(Spec, Vec<String>), Failed> {
    let (mut spec, mut without) = match (Endpoint::of(source, connection), &args.url) {
        (Ok(endpoint), _) => (endpoint.spec, endpoint.without),
        (Err(_), Some(url)) => (Spec { url: url.clone(), ..Spec::default() }, Vec::new()),
        (Err(why), None) => return Err(Failed::Usage(why)),
    };
    if let Some(url) = &args.url {
        spec.url = url.clone();
    }
    for typed in &args.headers {
        let (name, value) = record::header(typed)?;
        without.retain(|other| !other.eq_ignore_ascii_case(&name));
        spec.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        spec.headers.push((name, value));
    }
    spec.tls.insecure |= args.insecure;
    if args.cacert.is_some() {
        spec.tls.ca_file = args.cacert.clone();
    }
    let proxy = args.proxy.options();
    if proxy.choice != ProxyChoice::Environment || proxy.login.is_some() || args.proxy.proxy.is_some() {
        spec.proxy = proxy;
    }
    Ok((spec, without))
}

/// Where requests on the side go that went to the recorded connection's own server.
fn origin(url: &str, place: &Place) -> Option<String> {
    match (url.strip_prefix("lab:"), place.lab) {
        (Some(_), Some(lab)) => Some(format!("http://{lab}")),
        _ => crate::app::resend::origin_of(url),
    }
}

/// The options of `record` with which the new recording is made.
fn record_args(args: &ResendArgs, spec: &Spec) -> Result<RecordArgs, Failed> {
    let cli = Cli::try_parse_from(["pushscope", "record", "--", &spec.url]);
    match cli.map(|cli| cli.command) {
        Ok(Some(Command::Record(record))) => {
            Ok(RecordArgs { output: args.output.clone(), quiet: args.quiet, out: args.out(), ..*record })
        }
        _ => Err(Failed::Usage(format!("{} is no address", spec.url))),
    }
}

/// What is being sent again, beside the recording.
struct Resent {
    source: Session,
    resender: Resender,
    linger: Duration,
    /// Since when all is sent.
    over_at: Option<Instant>,
    patience: Duration,
    is_quiet: bool,
}

impl Talk for Resent {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn go_on(&mut self, session: &Session, handle: Option<&Handle>, is_ending: bool) -> bool {
        self.patience = PATIENCE;
        if is_ending {
            self.resender.stop();
            return false;
        }
        for _ in 0..MOST_CALLS {
            let now = Moment::now();
            let turn = self.resender.step(&self.source, session, now);
            if let Some(handle) = handle {
                turn.orders.into_iter().for_each(|order| handle.order(order));
            }
            if let Some(wake) = turn.wake {
                self.patience = wake.saturating_duration_since(now.at).clamp(Duration::from_millis(1), PATIENCE);
            }
            if !turn.again {
                return self.resender.outcome().is_some() && {
                    let over_at = *self.over_at.get_or_insert(now.at);
                    let stays_until = self.resender.stays_until().map_or(over_at, |until| until + GRACE);
                    let until = (over_at + self.linger).max(stays_until);
                    self.patience = until.saturating_duration_since(now.at).min(PATIENCE);
                    now.at >= until
                };
            }
        }
        self.patience = Duration::ZERO;
        false
    }

    fn verdict(self: Box<Self>, _: &Session, is_quiet: bool) -> Result<bool, Failed> {
        let (sent, planned) = (self.resender.sent(), self.resender.plan().planned.len());
        let (count, refused) = self.resender.refused();
        for it in refused.iter().take(MOST_TOLD) {
            eprintln!("pushscope: #{} was not sent: {}", it.id + 1, it.why);
        }
        if !is_quiet && !self.is_quiet {
            self.resender.remarks().iter().for_each(|text| eprintln!("pushscope: {text}"));
            eprintln!("pushscope: sent {sent} of {planned}");
        }
        match self.resender.outcome() {
            Some(Outcome::Cut(why)) if sent < planned => {
                Err(Failed::Run(format!("the connection was over after {sent} of {planned} were sent: {why}")))
            }
            _ if count > 0 => Err(Failed::Run(format!("{count} of {planned} could not be sent"))),
            Some(Outcome::Stopped) | None if sent < planned => {
                Err(Failed::Run(format!("it ended after {sent} of {planned} were sent")))
            }
            _ => Ok(false),
        }
    }
}
