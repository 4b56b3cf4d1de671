//! The arguments of `export` and `import`.

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
    pub to: Format,
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

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).map(|name| Format::named(&name).unwrap_or(Format::ALL[0]))
}
