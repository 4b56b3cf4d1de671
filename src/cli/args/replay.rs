//! The options of `pushscope replay`.

use super::duration;
use crate::replay::{AtEnd, Cors, Follow, Options, PATIENCE, Pace, Repeat, Speed};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `pushscope replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A recording.
    pub file: PathBuf,
    /// Where to listen; loopback addresses only. Port 0 is any free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How fast: 1 is as recorded, 10 is ten times as fast, max has no waits.
    #[arg(long, value_name = "1 | N | max", default_value = "1", value_parser = speed)]
    pub speed: Speed,
    /// The longest wait for recorded bytes.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_wait: Option<Duration>,
    /// On a WebSocket, what followed a client's message is sent at its recorded time and not before the message
    /// (recorded), or as long behind it as recorded (client).
    #[arg(long, value_name = "recorded | client", default_value = "recorded", value_parser = ["recorded", "client"])]
    pub pace: String,
    /// How long the client's next message is waited for (default: 10s); 0s does not wait.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub patience: Option<Duration>,
    /// A request whose recorded answers were all given gets them again from the first on, and not the last one.
    #[arg(long = "loop", conflicts_with = "no_repeat")]
    pub from_first: bool,
    /// A request whose recorded answers were all given gets 404.
    #[arg(long)]
    pub no_repeat: bool,
    /// Where the recording ends and the connection was open: hold it open, or close it.
    #[arg(long, value_name = "hold | close", default_value = "hold", value_parser = ["hold", "close"])]
    pub at_end: String,
    /// Let pages of other origins read the answers: those of this machine, and with --cors=ORIGIN of one more.
    #[arg(long, value_name = "ORIGIN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub cors: Option<String>,
    /// Speak TLS, with certificates of an authority of Pushscope's own.
    #[arg(long)]
    pub tls: bool,
    /// Write that authority's certificate to this file, too.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca_out: Option<PathBuf>,
    /// Record what clients do in this file.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// End when everything was served once and the clients have left.
    #[arg(long)]
    pub once: bool,
    /// Print the address and nothing else.
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

impl ReplayArgs {
    /// As the server has them.
    pub fn options(&self) -> Options {
        Options {
            pace: Pace { speed: self.speed, max_wait: self.max_wait },
            follow: if self.pace == "client" { Follow::Client } else { Follow::Recorded },
            patience: self.patience.unwrap_or(PATIENCE),
            repeat: match (self.from_first, self.no_repeat) {
                (true, _) => Repeat::All,
                (_, true) => Repeat::Nothing,
                _ => Repeat::Last,
            },
            at_end: if self.at_end == "close" { AtEnd::Close } else { AtEnd::Hold },
            cors: match self.cors.as_deref() {
                None => Cors::Recorded,
                Some("") => Cors::Local,
                Some(origin) => Cors::Origin(origin.to_owned()),
            },
        }
    }
}

fn speed(text: &str) -> Result<Speed, String> {
    text.parse()
}
