//! The command line, as DESIGN.md lists it.

mod backoff;
mod compare;
mod exchange;
mod redact;
mod replay;
mod websocket;

use crate::transport::{Backoff, ProxyChoice, ProxyOptions};
use backoff::backoff;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use compare::{CompareArgs, ResendArgs};
pub use exchange::{ExportArgs, ImportArgs, To};
pub use redact::{RedactArgs, RuleArgs};
pub use replay::ReplayArgs;
use std::path::PathBuf;
use std::time::Duration;
pub use websocket::WebSocketArgs;

/// An inspector for realtime connections: every byte explained.
#[derive(Debug, Parser)]
#[command(name = "pushscope", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Addresses to connect to, and recordings to open, in the window.
    #[arg(value_name = "URL | FILE.pushscope")]
    pub targets: Vec<String>,
    /// What to do without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect, record, and print a line a record.
    Record(Box<RecordArgs>),
    /// Print the records of a recording.
    Show(ShowArgs),
    /// Say what differs between two recordings, or two connections; a check by its exit code.
    Compare(CompareArgs),
    /// Send what the client of a recording sent once more, in its rhythm, and record what comes of it.
    Resend(Box<ResendArgs>),
    /// Write a recording as what other tools read.
    Export(ExportArgs),
    /// Read another tool's file as a recording.
    Import(ImportArgs),
    /// Try every way to an address, and say what works and why not.
    Doctor(Box<DoctorArgs>),
    /// List the saved requests, which `record @NAME` runs.
    Requests(RequestsArgs),
    /// Serve what a recording's server said to any client: a loopback server.
    Replay(Box<ReplayArgs>),
    /// Run the lab: a loopback server that speaks every push type.
    Lab(LabArgs),
}

/// How records are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON object a record.
    Jsonl,
}

/// What is printed, and how.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// How records are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Print every field of each record, too.
    #[arg(long)]
    pub fields: bool,
    /// Print only records that match, such as 'kind:sse.event size>100 "error"'.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// Print messages, heads and what the link did; leave out chunks, frames and other layers below.
    #[arg(long)]
    pub messages: bool,
}

/// `pushscope record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// http, https, ws or wss address, lab:NAME for the built-in lab, or @NAME for a saved request.
    #[arg(value_name = "URL | @NAME", required_unless_present = "request_file")]
    pub url: Option<String>,
    /// Run the saved request in this file; options here go before what it says.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub request_file: Option<PathBuf>,
    /// Take the values of {{variables}} from this environment.
    #[arg(long = "env", value_name = "NAME")]
    pub environment: Option<String>,
    /// Keep the recording in this file.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The push type.
    #[arg(long = "as", value_name = "TYPE", value_parser = ["auto", "poll", "longpoll", "stream", "sse", "ws"])]
    pub push_type: Option<String>,
    /// Stop after so long, such as 10s or 500ms.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub stop_after: Option<Duration>,
    /// Stop after so many messages from the server.
    #[arg(long)]
    pub count: Option<u64>,
    /// Send this text once connected; may be given again.
    #[arg(long = "send", value_name = "TEXT", allow_hyphen_values = true)]
    pub send: Vec<String>,
    /// Send, wait and check as this script says; exit code 1 where something expected does not come.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Between polls; with streams, before a reconnection.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub interval: Option<Duration>,
    /// A request header, sent as typed; may be given again.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The method.
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "", hide_default_value = true)]
    pub method: String,
    /// The request's body; @FILE reads it from a file.
    #[arg(short = 'd', long = "data", value_name = "BODY | @FILE", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// Basic authentication.
    #[arg(short = 'u', long, value_name = "USER:PASSWORD", conflicts_with = "bearer")]
    pub user: Option<String>,
    /// Bearer authentication.
    #[arg(long, value_name = "TOKEN")]
    pub bearer: Option<String>,
    /// Ask with HTTP/1.0.
    #[arg(long = "http1.0", conflicts_with = "http11")]
    pub http10: bool,
    /// Ask with HTTP/1.1 (the default where a saved request says nothing else).
    #[arg(long = "http1.1")]
    pub http11: bool,
    /// Accept any certificate.
    #[arg(long)]
    pub insecure: bool,
    /// Trust the certificate authorities in this PEM file, too.
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<String>,
    /// The client's certificate chain, a PEM file.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<String>,
    /// The client's private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<String>,
    /// The proxy.
    #[command(flatten)]
    pub proxy: ProxyArgs,
    /// Reconnect when a stream ends: yes or no (default: as the type does).
    #[arg(long, value_name = "YES | NO", value_parser = ["yes", "no"])]
    pub reconnect: Option<String>,
    /// Before a reconnection: immediate, or any of factor=N,limit=DURATION,jitter=PERCENT,attempts=N. The first wait is
    /// --interval, and each failure in a row makes it factor times as long (default: factor=2,limit=30s). After ten tries
    /// in haste, immediate is ten times a second.
    #[arg(long, value_name = "HOW", value_parser = backoff)]
    pub backoff: Option<Backoff>,
    /// Long polling: take the cursor from this response header.
    #[arg(long, value_name = "NAME", conflicts_with = "cursor_path")]
    pub cursor_header: Option<String>,
    /// Long polling: take the cursor from the answer by this JSONPath.
    #[arg(long, value_name = "JSONPATH")]
    pub cursor_path: Option<String>,
    /// Long polling: send the cursor as this query parameter.
    #[arg(long, value_name = "NAME")]
    pub cursor_query: Option<String>,
    /// SSE: begin behind this event.
    #[arg(long, value_name = "ID")]
    pub last_event_id: Option<String>,
    /// WebSocket.
    #[command(flatten)]
    pub websocket: WebSocketArgs,
    /// For each stage (DNS, TCP, TLS, answer), how long it may take.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// At the end, print what is wrong with the connection, what that means and what to try.
    #[arg(long)]
    pub findings: bool,
    /// At the end, say whether an ordinary client (reqwest, eventsource-stream, tokio-tungstenite) accepts this.
    #[arg(long)]
    pub stock_client: bool,
    /// Print nothing but failures.
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// What is printed.
    #[command(flatten)]
    pub out: OutputArgs,
}

/// Which proxy is used, and how.
#[derive(Clone, Debug, Default, Args)]
pub struct ProxyArgs {
    /// The proxy: an address (http, https, socks5, socks4a), env (HTTP_PROXY and so on, the default), system, or none.
    #[arg(long, value_name = "ADDRESS | env | system | none")]
    pub proxy: Option<String>,
    /// User and password for the proxy (Basic, Digest, SOCKS5).
    #[arg(long, value_name = "USER:PASSWORD")]
    pub proxy_user: Option<String>,
    /// Ask an HTTP proxy for a way through (CONNECT) also for plain http addresses.
    #[arg(long)]
    pub proxy_tunnel: bool,
}

/// `USER:PASSWORD` taken apart; without a colon the password is empty.
pub fn login(text: &str) -> (String, String) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (user.to_owned(), password.to_owned())
}

impl ProxyArgs {
    /// What is given here, over what a saved request has.
    pub fn over(&self, saved: ProxyOptions) -> ProxyOptions {
        let given = self.options();
        ProxyOptions {
            choice: if self.proxy.is_some() { given.choice } else { saved.choice },
            login: given.login.or(saved.login),
            tunnel: given.tunnel || saved.tunnel,
        }
    }

    /// As a request has it.
    pub fn options(&self) -> ProxyOptions {
        let choice = match self.proxy.as_deref() {
            None | Some("env") => ProxyChoice::Environment,
            Some("system") => ProxyChoice::System,
            Some("none") => ProxyChoice::None,
            Some(address) => ProxyChoice::Given(address.to_owned()),
        };
        let login = self.proxy_user.as_deref().map(login);
        ProxyOptions { choice, login, tunnel: self.proxy_tunnel }
    }
}

/// `pushscope show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A recording, or a file that `import` reads.
    pub file: PathBuf,
    /// Print why connections do not work and what to try, in the place of the records.
    #[arg(long, conflicts_with_all = ["fields", "filter", "messages"])]
    pub findings: bool,
    /// Verify the file: its pages, its rows and their checksums, and what they add up to; exit code 1 where it is not sound.
    #[arg(long, conflicts_with_all = ["fields", "filter", "messages", "findings"])]
    pub check: bool,
    /// Print the secrets that a redacted copy would lack, without giving them away, in the place of the records.
    #[arg(long, conflicts_with_all = ["fields", "filter", "messages", "findings", "check"])]
    pub secrets: bool,
    /// What counts as a secret.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// What is printed.
    #[command(flatten)]
    pub out: OutputArgs,
}

/// How the doctor's report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For terminals and mails.
    Text,
    /// For programs.
    Json,
    /// For tickets.
    Markdown,
    /// A page that needs nothing else.
    Html,
}

/// `pushscope doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// http, https, ws or wss address, or lab:NAME for the built-in lab.
    pub url: String,
    /// A proxy to try beside those of the environment and the system; may be given again.
    #[arg(long = "proxy", value_name = "ADDRESS")]
    pub proxies: Vec<String>,
    /// User and password for the proxies.
    #[arg(long, value_name = "USER:PASSWORD")]
    pub proxy_user: Option<String>,
    /// How the report is written (default: by the file's name, else text).
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Write the report into this file.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long each way may take.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// A request header, sent as typed; may be given again.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Basic authentication.
    #[arg(short = 'u', long, value_name = "USER:PASSWORD", conflicts_with = "bearer")]
    pub user: Option<String>,
    /// Bearer authentication.
    #[arg(long, value_name = "TOKEN")]
    pub bearer: Option<String>,
    /// Accept any certificate.
    #[arg(long)]
    pub insecure: bool,
    /// Trust the certificate authorities in this PEM file, too.
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<String>,
}

/// `pushscope requests`.
#[derive(Debug, Args)]
pub struct RequestsArgs {
    /// How they are listed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pushscope lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// Where to listen; loopback addresses only.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8700")]
    pub listen: std::net::SocketAddr,
}

/// A duration such as `10s`, `1.5s`, `250ms`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let per_unit = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("'{other}' is no unit of time; ms, s, m and h are")),
    };
    let seconds = number.parse::<f64>().map_err(|_| "a duration is a number and a unit, such as 10s or 250ms")?;
    Duration::try_from_secs_f64(seconds * per_unit).map_err(|_| "that is too long a time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5 parsecs").is_err());
        assert!(duration("soon").is_err());
    }
}
