//! The program through proxies that others made, and behind reverse proxies: squid, tinyproxy, microsocks, mitmproxy,
//! haproxy and nginx, with the lab at the other end.

#[path = "cli/program.rs"]
mod program;

#[path = "proxies/case.rs"]
mod case;
#[path = "proxies/certificates.rs"]
mod certificates;
#[path = "proxies/peers.rs"]
mod peers;

#[path = "proxies/mitmproxy.rs"]
mod mitmproxy;
#[path = "proxies/reverse.rs"]
mod reverse;
#[path = "proxies/socks.rs"]
mod socks;
#[path = "proxies/squid.rs"]
mod squid;
#[path = "proxies/tinyproxy.rs"]
mod tinyproxy;
