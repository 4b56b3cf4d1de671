//! Who talks to whom in an exported capture: real addresses where they are known, invented ones where not, and ports
//! by which Wireshark knows what is spoken.

use crate::session::Session;
use crate::wire::{Connected, LinkId, Opening, ProxyRole, Via, What};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Ports that Wireshark dissects as HTTP unless told otherwise.
const HTTP_PORTS: [u16; 6] = [80, 3128, 3132, 5985, 8080, 8088];

/// The port that Wireshark dissects as SOCKS.
const SOCKS_PORT: u16 = 1080;

/// Where invented client ports begin (RFC 6335 §6).
const FIRST_DYNAMIC_PORT: u16 = 49152;

/// Names that are told at most, each with its address.
const MOST_NAMES: usize = 10_000;

/// The two ends of a link, before ports are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's end; port 0 where it is not known.
    pub client: SocketAddr,
    /// The server's end, with the port that was really dialled.
    pub server: SocketAddr,
    /// Whether the server's address is invented.
    pub is_invented: bool,
    /// Whether SOCKS is spoken.
    pub is_socks: bool,
}

/// Finds the ends of links.
#[derive(Default)]
pub struct Addresses {
    invented: HashMap<String, u32>,
    connected: HashMap<LinkId, Connected>,
    /// Names for addresses, for those who read the capture.
    pub names: Vec<(IpAddr, String)>,
    named: HashSet<IpAddr>,
    /// Pairs of ends that are in use.
    open: HashSet<[SocketAddr; 2]>,
    next_port: u16,
}

impl Addresses {
    /// Those that a recording knows of.
    pub fn of(session: &Session) -> Addresses {
        let mut addresses = Addresses::default();
        for (_, event) in session.facts() {
            if let What::Connected(connected) = &event.what {
                addresses.connected.entry(event.link).or_insert_with(|| connected.clone());
            }
        }
        addresses
    }

    /// The ends of a link.
    pub fn ends(&mut self, link: LinkId, opening: Option<&Opening>) -> Ends {
        let is_socks = opening
            .and_then(|opening| opening.via.as_ref())
            .is_some_and(|via| via.role == ProxyRole::Tunnel && via.proxy.starts_with("socks"));
        let host = opening.map_or("", |opening| opening.host.trim_matches(['[', ']']));
        if let Some(connected) = self.connected.get(&link).cloned() {
            self.name(connected.remote.ip(), host);
            let client = same_family(connected.local, connected.remote);
            return Ends { client, server: connected.remote, is_invented: false, is_socks };
        }
        // Inside a tunnel, the client is known from the link to the proxy.
        let over = match opening.and_then(|opening| opening.via.as_ref()) {
            Some(Via { role: ProxyRole::Inside(over), .. }) => self.connected.get(over).map(|over| over.local.ip()),
            _ => None,
        };
        let port = opening.map_or(80, |opening| opening.port);
        let literal: Option<IpAddr> = host.parse().ok();
        let is_ipv6 = literal.or(over).is_some_and(|address| address.is_ipv6());
        let server = literal.unwrap_or_else(|| {
            let number = self.invented.len() as u32 + 2;
            let number = *self.invented.entry(format!("{host} {is_ipv6}")).or_insert(number);
            invent(number, is_ipv6)
        });
        self.name(server, host);
        let server = SocketAddr::new(server, port);
        let client = SocketAddr::new(over.unwrap_or(invent(1, is_ipv6)), 0);
        Ends { client: same_family(client, server), server, is_invented: literal.is_none(), is_socks }
    }

    fn name(&mut self, address: IpAddr, name: &str) {
        let is_name = !name.is_empty() && name.parse::<IpAddr>().is_err() && !name.contains('\0') && name.len() < 256;
        if is_name && self.names.len() < MOST_NAMES && self.named.insert(address) {
            self.names.push((address, name.to_owned()));
        }
    }

    /// The ends as they stand in the capture, client first: the server's port is one that is dissected, and no other
    /// connection that is open has the same ends. [`Addresses::close`] gives them back.
    pub fn open(&mut self, ends: &Ends) -> [SocketAddr; 2] {
        let mut pair = [ends.client, ends.server];
        pair[1].set_port(shown_port(ends.server.port(), ends.is_socks));
        for _ in 0..=u16::MAX - FIRST_DYNAMIC_PORT {
            if pair[0].port() != 0 && self.open.insert(pair) {
                break;
            }
            pair[0].set_port(FIRST_DYNAMIC_PORT + self.next_port);
            self.next_port = (self.next_port + 1) % (u16::MAX - FIRST_DYNAMIC_PORT);
        }
        pair
    }

    /// The connection between these ends is over.
    pub fn close(&mut self, pair: [SocketAddr; 2]) {
        self.open.remove(&pair);
    }
}

/// The port that stands in the capture for the one that was dialled.
pub fn shown_port(port: u16, is_socks: bool) -> u16 {
    match port {
        _ if is_socks => SOCKS_PORT,
        443 => 80,
        port if HTTP_PORTS.contains(&port) => port,
        _ => 8080,
    }
}

/// A private address (RFC 1918, RFC 4193).
fn invent(number: u32, is_ipv6: bool) -> IpAddr {
    let [_, a, b, c] = number.to_be_bytes();
    match is_ipv6 {
        false => Ipv4Addr::new(10, a, b, c).into(),
        true => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, u16::from(a), u16::from_be_bytes([b, c])).into(),
    }
}

/// The client's end, in the family of the server's: a packet cannot have both.
fn same_family(client: SocketAddr, server: SocketAddr) -> SocketAddr {
    if client.is_ipv4() == server.is_ipv4() {
        return client;
    }
    SocketAddr::new(invent(1, server.is_ipv6()), client.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_kept_where_they_are_dissected_as_http() {
        let shown = [80, 443, 8080, 3128, 8443, 41234, 22, 1080].map(|port| shown_port(port, false));
        assert_eq!(shown, [80, 80, 8080, 3128, 8080, 8080, 8080, 8080]);
        assert_eq!(shown_port(9050, true), 1080);
    }

    #[test]
    fn no_two_open_connections_have_the_same_ends() {
        let mut addresses = Addresses::default();
        let ends = |port| Ends {
            client: "192.0.2.1:5000".parse().unwrap(),
            server: SocketAddr::new([192, 0, 2, 2].into(), port),
            is_invented: false,
            is_socks: false,
        };
        let first = addresses.open(&ends(9001));
        let second = addresses.open(&ends(9002));
        assert_eq!((first[0].port(), first[1].port()), (5000, 8080));
        assert!(second[0].port() >= FIRST_DYNAMIC_PORT && second[1].port() == 8080);
        addresses.close(first);
        assert_eq!(addresses.open(&ends(9003)), first);
    }

    #[test]
    fn families_are_not_mixed() {
        let mut addresses = Addresses::default();
        let opening = |host: &str| Opening {
            connection: crate::wire::ConnectionId(1),
            host: host.into(),
            port: 443,
            tls: true,
            purpose: "request".into(),
            via: None,
        };
        let ends = addresses.ends(LinkId(1), Some(&opening("[2001:db8::1]")));
        assert!(ends.client.is_ipv6() && ends.server == "[2001:db8::1]:443".parse().unwrap() && !ends.is_invented);
        let a = addresses.ends(LinkId(2), Some(&opening("a.example")));
        let b = addresses.ends(LinkId(3), Some(&opening("b.example")));
        assert!(a.is_invented && a.server != b.server && a == addresses.ends(LinkId(4), Some(&opening("a.example"))));
        assert_eq!(addresses.names.len(), 2);
    }
}
