//! What is to be found: groups of rules that are on or off, and the user's own.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use serde_json_path::JsonPath;

/// A group of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Authorization fields, logins of SOCKS, user information in addresses, `Bearer …` in text.
    Credentials,
    /// The values of cookies.
    Cookies,
    /// Header fields that carry keys and tokens by their name; tokens among subprotocols.
    Headers,
    /// Parameters of addresses and forms.
    Parameters,
    /// Members of JSON objects, elements of XML and names in text.
    Members,
    /// Tokens that are known by their shape: JWTs, private keys, keys of well-known services.
    Tokens,
    /// The user's own header fields, JSONPaths and patterns.
    Own,
    /// The same values where no rule finds them: echoed, logged, encoded otherwise.
    Copies,
    /// Bytes that cannot be looked into, which go as a whole.
    Unread,
}

impl Group {
    /// Every group, in the order in which they are shown.
    pub const ALL: [Group; 9] = [
        Group::Credentials,
        Group::Cookies,
        Group::Headers,
        Group::Parameters,
        Group::Members,
        Group::Tokens,
        Group::Own,
        Group::Copies,
        Group::Unread,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Group::Credentials => "credentials",
            Group::Cookies => "cookies",
            Group::Headers => "headers",
            Group::Parameters => "parameters",
            Group::Members => "members",
            Group::Tokens => "tokens",
            Group::Own => "own",
            Group::Copies => "copies",
            Group::Unread => "unread",
        }
    }

    /// The group of that name.
    pub fn named(name: &str) -> Option<Group> {
        Group::ALL.into_iter().find(|group| group.name() == name)
    }

    /// What it is called on screen.
    pub fn label(self) -> &'static str {
        match self {
            Group::Credentials => "Credentials",
            Group::Cookies => "Cookies",
            Group::Headers => "Keys in header fields",
            Group::Parameters => "Parameters of addresses and forms",
            Group::Members => "Members by name",
            Group::Tokens => "Tokens by shape",
            Group::Own => "Own rules",
            Group::Copies => "Copies of these elsewhere",
            Group::Unread => "What cannot be read",
        }
    }

    /// What it finds, in one sentence.
    pub fn help(self) -> &'static str {
        match self {
            Group::Credentials => "Authorization, logins of SOCKS, user:password@ in addresses, Bearer in text",
            Group::Cookies => "The values in Cookie and Set-Cookie; their names stay",
            Group::Headers => "X-Api-Key, X-Auth-Token, X-CSRF-Token and the like; tokens in Sec-WebSocket-Protocol",
            Group::Parameters => "token=, api_key=, sig=, code= and the like in addresses and forms",
            Group::Members => "password, access_token, client_secret and the like in JSON, XML and text",
            Group::Tokens => "JWTs, private keys, and keys of well-known services",
            Group::Own => "Your own header fields, JSONPaths and patterns",
            Group::Copies => "The values that were found, where they stand without a name: echoed, or encoded",
            Group::Unread => "Compressed bodies and messages that cannot be read: all of their bytes go",
        }
    }
}

/// What is to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// The groups that are off.
    pub off: Vec<Group>,
    /// Further header fields whose values are secret.
    pub headers: Vec<String>,
    /// JSONPaths (RFC 9535) of secret values in messages, and regular expressions between slashes: of these, what the
    /// groups in parentheses match is secret, or all of it where there are none.
    pub patterns: Vec<String>,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuleError(pub String);

impl Rules {
    /// Whether a group is on.
    pub fn has(&self, group: Group) -> bool {
        !self.off.contains(&group)
    }

    /// Turns a group on or off.
    pub fn set(&mut self, group: Group, is_on: bool) {
        self.off.retain(|other| *other != group);
        if !is_on {
            self.off.push(group);
        }
    }

    /// Whether all of the user's own rules can be used.
    pub fn check_all(&self) -> Result<(), RuleError> {
        Own::of(self).map(drop)
    }

    /// Whether a JSONPath or a pattern between slashes can be used.
    pub fn check(pattern: &str) -> Result<(), RuleError> {
        Own::of(&Rules { patterns: vec![pattern.to_owned()], ..Rules::default() }).map(drop)
    }
}

/// The user's own rules, ready for use.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// In lower case.
    pub headers: Vec<String>,
    pub paths: Vec<(String, JsonPath)>,
    pub patterns: Vec<(String, Regex)>,
}

impl Own {
    pub fn of(rules: &Rules) -> Result<Own, RuleError> {
        let mut own = Own::default();
        for name in &rules.headers {
            let name = name.trim().trim_end_matches(':').to_ascii_lowercase();
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
            if !is_name {
                return Err(RuleError(format!("'{name}' is no name of a header field; X-Session is one")));
            }
            own.headers.push(name);
        }
        for pattern in rules.patterns.iter().map(|pattern| pattern.trim()) {
            if let Some(inside) = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
                let regex = regex::bytes::RegexBuilder::new(inside).size_limit(1 << 20).build();
                let regex =
                    regex.map_err(|error| RuleError(format!("the pattern {pattern} cannot be used: {error}")))?;
                own.patterns.push((pattern.to_owned(), regex));
            } else if pattern.starts_with('$') {
                let path = JsonPath::parse(pattern);
                let path =
                    path.map_err(|error| RuleError(format!("the JSONPath {pattern} cannot be used: {error}")))?;
                own.paths.push((pattern.to_owned(), path));
            } else {
                let help = "a JSONPath begins with $, such as $.user.token; a regular expression stands between \
                            slashes, such as /card=(\\d+)/";
                return Err(RuleError(format!("'{pattern}' is neither a JSONPath nor a pattern: {help}")));
            }
        }
        Ok(own)
    }
}
