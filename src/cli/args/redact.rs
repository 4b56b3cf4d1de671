//! What counts as a secret, and whether it is replaced.

use crate::session::redact::{Group, RuleError, Rules};
use clap::Args;

/// What counts as a secret.
#[derive(Clone, Debug, Default, Args)]
pub struct RuleArgs {
    /// Take what this finds in messages for a secret, too: a JSONPath such as '$.user.token', or a regular expression
    /// between slashes (what its parentheses match, or all of it); may be given again.
    #[arg(long = "redact", value_name = "JSONPATH | /REGEX/", allow_hyphen_values = true)]
    pub patterns: Vec<String>,
    /// Take the value of this header field for a secret, too; may be given again.
    #[arg(long = "redact-header", value_name = "NAME")]
    pub headers: Vec<String>,
    /// Leave these as they are: credentials, cookies, headers, parameters, members, tokens, own, copies, unread (what
    /// cannot be looked into); may be given again.
    #[arg(long = "keep", value_name = "RULES", value_parser = group)]
    pub keep: Vec<Group>,
}

/// Whether secrets are replaced.
#[derive(Clone, Debug, Default, Args)]
pub struct RedactArgs {
    /// Write the secrets, too. Otherwise they are replaced by asterisks of the same length.
    #[arg(long, conflicts_with_all = ["patterns", "headers", "keep"])]
    pub keep_secrets: bool,
    /// What counts as one.
    #[command(flatten)]
    pub rules: RuleArgs,
}

impl RuleArgs {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.headers.is_empty() && self.keep.is_empty()
    }

    /// The rules, where they can be used.
    pub fn rules(&self) -> Result<Rules, RuleError> {
        let rules = Rules { off: self.keep.clone(), headers: self.headers.clone(), patterns: self.patterns.clone() };
        rules.check_all()?;
        Ok(rules)
    }
}

impl RedactArgs {
    /// The rules by which secrets are replaced; `None` where they stay.
    pub fn rules(&self) -> Result<Option<Rules>, RuleError> {
        if self.keep_secrets { Ok(None) } else { self.rules.rules().map(Some) }
    }
}

fn group(text: &str) -> Result<Group, String> {
    let names: Vec<&str> = Group::ALL.iter().map(|group| group.name()).collect();
    Group::named(text).ok_or_else(|| format!("there are {}", names.join(", ")))
}
