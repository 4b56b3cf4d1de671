//! Recordings as packet captures, read by tshark, and captures read as recordings: Wireshark's programs are the other
//! ends.

#[path = "cli/program.rs"]
mod program;

#[path = "proxies/case.rs"]
#[allow(dead_code)]
mod case;
#[path = "proxies/certificates.rs"]
#[allow(dead_code)]
mod certificates;
#[path = "proxies/peers.rs"]
#[allow(dead_code)]
mod peers;

#[path = "pcap/support.rs"]
mod support;

#[path = "pcap/captured.rs"]
mod captured;
#[path = "pcap/damaged.rs"]
mod damaged;
#[path = "pcap/dissected.rs"]
mod dissected;
#[path = "pcap/generated.rs"]
mod generated;
#[path = "pcap/segments.rs"]
mod segments;
#[path = "pcap/transformed.rs"]
mod transformed;
