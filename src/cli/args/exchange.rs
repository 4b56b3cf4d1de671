//! The arguments of `export` and `import`.

use super::RedactArgs;
use crate::interop::Format;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// `pushscope export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A recording, or a file that `import` reads.
    pub file: PathBuf,
    /// The format.
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub to: To,
    /// Write into this file (default: standard output).
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the file where it is there already.
    #[arg(long)]
    pub force: bool,
    /// Only records that match, such as 'connection:2 kind:ws.*'.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// Only messages, heads and what the link did; no chunks, frames and other layers below.
    #[arg(long)]
    pub messages: bool,
    /// What becomes of secrets.
    #[command(flatten)]
    pub redact: RedactArgs,
}

/// What a recording is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Another tool's format.
    Format(Format),
    /// A recording again.
    Pushscope,
}

impl To {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            To::Format(format) => format.name(),
            To::Pushscope => "pushscope",
        }
    }
}

/// `pushscope import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file; what it is is told by what it holds.
    pub file: PathBuf,
    /// Write the recording into this file (default: a new one in the folder of recordings).
    #[arg(short = 'o', long = "output", value_name = "FILE.pushscope")]
    pub output: Option<PathBuf>,
}

fn format() -> impl TypedValueParser<Value = To> {
    let names = Format::ALL.map(Format::name).into_iter().chain([To::Pushscope.name()]);
    PossibleValuesParser::new(names).map(|name| Format::named(&name).map_or(To::Pushscope, To::Format))
}
