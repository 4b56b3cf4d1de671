//! How a recording is to be replayed.

use super::Pace;
use std::time::Duration;

/// How long the client's next message is waited for where nothing else is asked for.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// When what the server said behind a client's message is said again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// At its recorded time, and not before the client's message.
    #[default]
    Recorded,
    /// As long behind the client's message as it was recorded, also where the client is quicker.
    Client,
}

/// What a request gets whose recorded answers were all given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// The last one again.
    #[default]
    Last,
    /// The first one again, and so on.
    All,
    /// 404.
    Nothing,
}

/// What happens where a recording ends while the connection was open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// The connection stays open, and silent, until the client leaves.
    #[default]
    Hold,
    /// The connection is closed.
    Close,
}

/// Pages of which other origins may read what is replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// Those that the recorded answers allow.
    #[default]
    Recorded,
    /// Those of this machine, too: of loopback addresses and of files.
    Local,
    /// Those of one origin, too; `*` is all of them.
    Origin(String),
}

impl Cors {
    /// Whether answers are to allow a page of this origin to read them.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Cors::Recorded => false,
            Cors::Local => is_local(origin),
            Cors::Origin(allowed) => allowed == "*" || allowed.eq_ignore_ascii_case(origin) || is_local(origin),
        }
    }
}

impl Cors {
    /// Whether a request may name this host: an address, a name of this machine, a recorded one, or that of an origin
    /// which is allowed. Any other name with a dot may be a page's own.
    pub fn answers_to(&self, host: &str, recorded: &[String]) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_allowed = match self {
            Cors::Origin(allowed) => allowed == "*" || host_of(allowed).eq_ignore_ascii_case(&name),
            Cors::Recorded | Cors::Local => false,
        };
        is_allowed
            || !name.contains('.')
            || name.ends_with(".localhost")
            || name.parse::<std::net::IpAddr>().is_ok()
            || recorded.contains(&name)
    }
}

/// The host of an origin.
fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a page of this origin comes from this machine.
pub fn is_local(origin: &str) -> bool {
    if matches!(origin, "null" | "file://") {
        return true;
    }
    if !origin.contains("://") {
        return false;
    }
    let host = host_of(origin);
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

/// How a recording is to be replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How fast.
    pub pace: Pace,
    /// How answers follow the client's messages on a WebSocket.
    pub follow: Follow,
    /// How long the client's next message on a WebSocket is waited for; none: what follows it is sent at its time.
    pub patience: Duration,
    /// What a request gets whose recorded answers were all given.
    pub repeat: Repeat,
    /// What happens where a recording ends while the connection was open.
    pub at_end: AtEnd,
    /// Who may read answers across origins.
    pub cors: Cors,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            pace: Pace::default(),
            follow: Follow::default(),
            patience: PATIENCE,
            repeat: Repeat::default(),
            at_end: AtEnd::default(),
            cors: Cors::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_cannot_lead_its_own_name_here() {
        let recorded = ["api.example".to_owned()];
        for host in
            ["localhost:1", "127.0.0.1:80", "[::1]:8", "192.0.2.1", "a", "x.localhost:3", "API.example.:443", ""]
        {
            assert!(Cors::Local.answers_to(host, &recorded), "{host}");
        }
        for host in ["evil.example", "evil.example:9000", "127.0.0.1.evil.example", "localhost.evil.example:1"] {
            assert!(!Cors::Local.answers_to(host, &recorded), "{host}");
        }
        assert!(Cors::Origin("https://dev.example:8".into()).answers_to("dev.example:9", &[]));
        assert!(Cors::Origin("*".into()).answers_to("any.example", &[]));
    }

    #[test]
    fn pages_of_this_machine_are_told_from_others() {
        for origin in
            ["null", "file://", "http://localhost:3000", "https://127.0.0.1", "http://[::1]:8", "http://a.localhost"]
        {
            assert!(is_local(origin), "{origin}");
        }
        for origin in ["https://example.com", "http://localhost.example", "http://127.0.0.1.example", "", "http://"] {
            assert!(!is_local(origin), "{origin}");
        }
        assert!(Cors::Origin("https://a.example".into()).allows("https://A.example"));
        assert!(!Cors::Local.allows("https://a.example") && !Cors::Recorded.allows("null"));
    }
}
