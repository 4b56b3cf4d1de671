//! What is found out before the first packet is written: which links have packets, between whom, and where remarks go.

use super::addresses::{Addresses, Ends, shown_port};
use crate::interop::Chosen;
use crate::session::{Link, Mark, RecordId, Remark, Session};
use crate::wire::{Dir, LinkId, ProxyRole, Via, What};
use std::collections::{HashMap, HashSet};

/// A link that is written.
pub struct Planned {
    /// Between whom.
    pub ends: Ends,
    /// What the first packet's comment says of it.
    pub about: String,
    /// Remarks on records, by direction: the record's last byte and the text, rising.
    pub remarks: [Vec<(u64, String)>; 2],
    /// The number of its last event that becomes a packet.
    pub last_seq: u64,
}

/// What is written, and what is to be said of it.
pub struct Plan {
    /// Every link that has packets.
    pub links: HashMap<LinkId, Planned>,
    /// Remarks on facts, by the number of the event.
    pub fact_remarks: HashMap<u64, String>,
    /// Remarks for which there is no packet.
    pub loose_remarks: Vec<String>,
    /// Bytes of all links.
    pub total_bytes: u64,
    /// Links that were never connected.
    pub unconnected: u64,
    /// Remarks on links that are not written.
    pub remarks_left_out: u64,
}

impl Plan {
    pub fn of(chosen: &Chosen<'_>, addresses: &mut Addresses) -> Plan {
        let session = chosen.session;
        let chosen_links: Option<HashSet<LinkId>> = chosen
            .ids
            .map(|ids| ids.iter().filter_map(|id| session.records().get(*id)).map(|record| record.link).collect());
        let mut last_facts: HashMap<LinkId, u64> = HashMap::new();
        for (seq, event) in session.facts() {
            use What::*;
            if matches!(event.what, Connected(_) | Tunnelled(_) | Ended(_) | Closed(_) | Failed(_)) {
                last_facts.insert(event.link, seq);
            }
        }
        let connected: HashSet<LinkId> = session
            .facts()
            .filter(|(_, event)| matches!(event.what, What::Connected(_) | What::Tunnelled(_)))
            .map(|(_, event)| event.link)
            .collect();
        let mut plan = Plan {
            links: HashMap::new(),
            fact_remarks: HashMap::new(),
            loose_remarks: Vec::new(),
            total_bytes: 0,
            unconnected: 0,
            remarks_left_out: 0,
        };
        for link in session.links() {
            if chosen_links.as_ref().is_some_and(|chosen| !chosen.contains(&link.id)) {
                continue;
            }
            let last_moved = link.last_moved();
            if last_moved.is_none() && !connected.contains(&link.id) {
                // Facts that belong to no link come under one of their own, too.
                plan.unconnected += u64::from(link.opening.is_some());
                continue;
            }
            let ends = addresses.ends(link.id, link.opening.as_ref());
            let last_seq = last_facts.get(&link.id).copied().max(last_moved).unwrap_or_default();
            let about = about(session, link, &ends);
            plan.total_bytes += link.len_bytes(Dir::Out) + link.len_bytes(Dir::In);
            plan.links.insert(link.id, Planned { ends, about, remarks: Default::default(), last_seq });
        }
        plan.place_remarks(chosen);
        plan
    }

    fn place_remarks(&mut self, chosen: &Chosen<'_>) {
        let session = chosen.session;
        let mut of_facts: HashMap<usize, &Remark> = HashMap::new();
        for remark in chosen.remarks {
            let Some(record) = session.records().get(remark.record) else {
                self.remarks_left_out += 1;
                continue;
            };
            if record.kind.is_fact() {
                of_facts.insert(record.detail as usize, remark);
                continue;
            }
            match self.links.get_mut(&record.link) {
                Some(planned) => planned.remarks[record.dir.index()].push((record.last_byte(), text(session, remark))),
                None => self.remarks_left_out += 1,
            }
        }
        for remarks in self.links.values_mut().flat_map(|planned| &mut planned.remarks) {
            remarks.sort_by_key(|(last_byte, _)| *last_byte);
        }
        for (index, (seq, event)) in session.facts().enumerate().filter(|_| !of_facts.is_empty()) {
            let Some(remark) = of_facts.get(&index) else { continue };
            match self.links.get(&event.link) {
                Some(planned) if seq <= planned.last_seq => {
                    self.fact_remarks.insert(seq, text(session, remark));
                }
                None if chosen.ids.is_some() && !chosen.has(remark.record) => self.remarks_left_out += 1,
                _ => self.loose_remarks.push(text(session, remark)),
            }
        }
    }
}

/// What is said of a link as a whole.
fn about(session: &Session, link: &Link, ends: &Ends) -> String {
    let mut parts = vec![format!("link {} of connection {}", link.id.0, link.connection.0)];
    if let Some(connection) = session.connection(link.connection) {
        parts.push(format!("({})", connection.info.label));
    }
    let Some(opening) = &link.opening else {
        parts.push("whose opening is not recorded".to_owned());
        return parts.join(" ");
    };
    parts.push(format!("to {}, port {}", opening.host, opening.port));
    if let Some(tls) = &link.tls {
        parts.push(format!("over {} ({}), here in plain text", tls.version, tls.cipher_suite));
    }
    if let Some(Via { role: ProxyRole::Inside(over), proxy, .. }) = &opening.via {
        parts.push(format!("through the way that link {} opened in the proxy {proxy}", over.0));
    }
    let mut said = parts.join(" ");
    let shown = shown_port(ends.server.port(), ends.is_socks);
    if shown != ends.server.port() {
        let protocol = if ends.is_socks { "SOCKS" } else { "HTTP" };
        let port = ends.server.port();
        said += &format!(". Port {port} stands as {shown}, which is dissected as {protocol}");
    }
    if ends.is_invented {
        said += ". The server's address is made up";
    }
    said
}

fn text(session: &Session, remark: &Remark) -> String {
    let Remark { record, text, mark } = remark;
    let kind = session.records().get(*record).map_or("", |record| record.kind.name());
    let what = if text.is_empty() { "Bookmark" } else { "Remark" };
    let colour = if *mark == Mark::Plain { String::new() } else { format!(", {}", mark.name()) };
    let says = if text.is_empty() { String::new() } else { format!(": {text}") };
    format!("{what} on record {} ({kind}){colour}{says}", number(*record))
}

/// The number of a record as users see it.
fn number(id: RecordId) -> usize {
    id + 1
}
