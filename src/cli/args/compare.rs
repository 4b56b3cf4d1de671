//! The arguments of `pushscope compare` and `pushscope resend`.

use super::{Format, OutputArgs, ProxyArgs, duration};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `pushscope compare`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing differs, 1 something does, 2 it cannot be compared.")]
pub struct CompareArgs {
    /// The recording that is held to be right.
    pub a: PathBuf,
    /// The recording that is held against it; may be the same file, to compare two of its connections.
    pub b: PathBuf,
    /// Compare this connection only, by its number.
    #[arg(long, value_name = "N")]
    pub connection: Option<u32>,
    /// With this connection of the second recording (default: the one of the same number).
    #[arg(long, value_name = "M", requires = "connection")]
    pub with: Option<u32>,
    /// How messages find one another: by what they say (content), by number, by time, or by a JSONPath such as $.id.
    #[arg(long, value_name = "content | number | time | JSONPATH", default_value = "content")]
    pub by: String,
    /// Leave what lies at this JSONPath out of equality; may be given again.
    #[arg(long, value_name = "JSONPATH")]
    pub ignore: Vec<String>,
    /// Tell messages that are later or earlier by more than this. Without it time is not judged; with --by time it is
    /// 100ms.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub tolerance: Option<Duration>,
    /// Compare the records that match (default: messages, without pings and pongs).
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// Print equal messages, too.
    #[arg(long)]
    pub all: bool,
    /// How the differences are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pushscope resend`.
#[derive(Debug, Args)]
pub struct ResendArgs {
    /// A recording, whose client's side is sent again.
    pub file: PathBuf,
    /// Where to (default: where the recorded connection led, as it was asked for).
    pub url: Option<String>,
    /// Send what the client of this connection sent, by its number (default: the only one that sent anything).
    #[arg(long, value_name = "N")]
    pub connection: Option<u32>,
    /// How fast: so many times as fast as it was, or max, one after the other without a wait.
    #[arg(long, value_name = "N | max", default_value = "1")]
    pub speed: String,
    /// Send only what matches, such as 'kind:ws.text "subscribe"'.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// Send pings, pongs and close frames, too.
    #[arg(long)]
    pub control: bool,
    /// Send WebSocket frames as they were, byte for byte but for their masking keys, instead of messages.
    #[arg(long)]
    pub frames: bool,
    /// With the masking keys that they had.
    #[arg(long, requires = "frames")]
    pub keep_masks: bool,
    /// Go on recording so long after the last was sent, and as long as the recorded client stayed.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    pub linger: Duration,
    /// Keep the new recording in this file.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A request header in the place of the recorded one; may be given again. Secrets are not in recordings.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Accept any certificate.
    #[arg(long)]
    pub insecure: bool,
    /// Trust the certificate authorities in this PEM file, too.
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<String>,
    /// The proxy, in the place of the recorded one.
    #[command(flatten)]
    pub proxy: ProxyArgs,
    /// Print nothing but failures.
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// How the records of the new recording are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl ResendArgs {
    /// How its records are printed.
    pub fn out(&self) -> OutputArgs {
        OutputArgs { format: self.format, fields: false, filter: String::new(), messages: false }
    }
}
