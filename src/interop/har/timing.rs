//! Times of an exchange: what a HAR says between its beginning and its end, in milliseconds.

use super::exchange::Exchange;
use crate::session::{Link, Session};
use crate::wire::{Dir, ProxyRole, Stage, Via};

/// The parts of an exchange's time, in nanoseconds; `None` where one does not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    /// Waited before anything was done for it.
    pub blocked_ns: Option<u64>,
    /// Name resolution.
    pub dns_ns: Option<u64>,
    /// TCP connect, the way through a proxy, and TLS.
    pub connect_ns: Option<u64>,
    /// The TLS handshake, which is a part of `connect_ns`.
    pub ssl_ns: Option<u64>,
    /// From the request's first byte to its last.
    pub send_ns: u64,
    /// From there to the answer's first byte.
    pub wait_ns: u64,
    /// From there to the last byte.
    pub receive_ns: u64,
}

impl Timing {
    /// The times of an exchange on a link that ended at `ended_ns`, if it did.
    pub fn of(session: &Session, exchange: &Exchange, ended_ns: Option<u64>) -> Timing {
        let mut timing = Timing::default();
        let Some(link) = session.link(exchange.link) else { return timing };
        let over_ns = ended_ns.unwrap_or_else(|| session.last_at_ns());
        let took = |stage: Stage| link.stages.iter().find(|time| time.stage == stage).map(|time| time.took_ns);
        if exchange.is_first {
            timing.dns_ns = took(Stage::Dns);
            timing.ssl_ns = took(Stage::Tls);
            let parts = [took(Stage::Tcp), took(Stage::Proxy), timing.ssl_ns];
            timing.connect_ns = parts.iter().any(Option::is_some).then(|| parts.iter().flatten().sum());
        }
        let prepared_ns = timing.dns_ns.unwrap_or(0) + timing.connect_ns.unwrap_or(0);
        let last = |dir, end: u64| link.at_ns(dir, end.saturating_sub(1));
        let Some(request) = exchange.request else {
            // Nothing was sent: all of it was waiting, as Chromium has it.
            let from_ns = match exchange.response {
                Some(response) => link.at_ns(Dir::In, response.head_at.0),
                None => over_ns,
            };
            timing.blocked_ns = Some(from_ns.saturating_sub(exchange.began_ns).saturating_sub(prepared_ns));
            if let Some(response) = exchange.response {
                timing.receive_ns = last(Dir::In, response.end).saturating_sub(from_ns);
            }
            return timing;
        };
        let asked_ns = link.at_ns(Dir::Out, request.head_at.0);
        if exchange.is_first {
            timing.blocked_ns = Some(asked_ns.saturating_sub(exchange.began_ns).saturating_sub(prepared_ns));
        }
        let sent_ns = last(Dir::Out, request.end).max(asked_ns);
        let Some(response) = exchange.response else {
            timing.send_ns = sent_ns - asked_ns;
            timing.wait_ns = over_ns.saturating_sub(sent_ns);
            return timing;
        };
        let answered_ns = link.at_ns(Dir::In, response.head_at.0).max(asked_ns);
        // An answer may come before the request's last byte is sent.
        timing.send_ns = sent_ns.min(answered_ns) - asked_ns;
        timing.wait_ns = answered_ns.saturating_sub(sent_ns);
        let mut done_ns = last(Dir::In, response.end);
        if exchange.is_websocket {
            done_ns = done_ns.max(over_ns);
        }
        timing.receive_ns = done_ns.saturating_sub(answered_ns);
        timing
    }

    /// All of it but `ssl_ns`, which is a part of `connect_ns`.
    pub fn total_ns(&self) -> u64 {
        let parts = [self.blocked_ns, self.dns_ns, self.connect_ns];
        parts.iter().flatten().sum::<u64>() + self.send_ns + self.wait_ns + self.receive_ns
    }
}

/// Milliseconds of nanoseconds, -1 for none.
pub(super) fn milliseconds(ns: Option<u64>) -> f64 {
    ns.map_or(-1.0, |ns| ns as f64 / 1e6)
}

/// The role that a link plays with a proxy, where it plays one.
pub(super) fn role(link: &Link) -> Option<ProxyRole> {
    link.opening.as_ref()?.via.as_ref().map(|via: &Via| via.role)
}
