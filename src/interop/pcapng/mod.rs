//! Packet captures: a recording as pcapng, and captures of others (pcapng, classic pcap) as recordings.
//!
//! **Export.** Every link becomes a TCP connection that was never on any network, but carries what was recorded: a
//! handshake when the link was connected, a segment (or a few, where it is long) for each read or write at its time,
//! and FIN or RST as the link ended. What TLS carried stands there in plain text, on a port that Wireshark dissects as
//! HTTP; a comment on the first packet says what was really dialled. Facts and the user's remarks are packet comments.
//!
//! **Import.** A capture is read twice. The first pass ([`import::survey`]) finds the TCP connections, who began each,
//! what is spoken on it and which bytes the capture lacks. The second knows therefore at once whether a missing segment
//! is late or lost, so that it holds back little, and writes events in the order of the packets.
//!
//! The blocks of pcapng are read and written by hand (`draft-ietf-opsawg-pcapng`): those that are needed are few, and
//! the crate for it (pcap-file 2.0) takes every time stamp for nanoseconds, holds whole blocks in memory whatever
//! length they claim, and gives no way to go past one that it cannot parse. IP and TCP headers are etherparse's.

mod export;
mod import;

pub use export::write;
pub use import::{begins, read};

/// Block types.
mod block {
    pub const SECTION: u32 = 0x0A0D_0D0A;
    pub const INTERFACE: u32 = 1;
    pub const OLD_PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const PACKET: u32 = 6;
}

/// Option codes.
mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const INTERFACE_NAME: u16 = 2;
    pub const INTERFACE_DESCRIPTION: u16 = 3;
    pub const APPLICATION: u16 = 4;
    pub const TIME_RESOLUTION: u16 = 9;
    pub const TIME_OFFSET: u16 = 14;
    pub const PACKET_FLAGS: u16 = 2;
}

/// What a section names as its maker, where we wrote it, followed by the version.
const OWN_APPLICATION: &str = "Pushscope ";

/// The magic number of a section, which tells its byte order.
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

/// LINKTYPE_RAW: packets begin with the IP header.
const LINK_TYPE_RAW: u16 = 101;
