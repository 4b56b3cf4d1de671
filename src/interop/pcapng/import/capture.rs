//! The packets of a capture file, one after the other: pcapng, and classic pcap of either byte order and resolution.
//!
//! One packet is held at a time. What a file says of its own lengths is believed only as far as the file goes.

use super::interfaces::{Interface, options};
use crate::interop::InteropError;
use crate::interop::pcapng::{BYTE_ORDER_MAGIC, OWN_APPLICATION, block, option};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::net::IpAddr;
use std::path::Path;

/// Bytes of a packet at most. The longest that capture programs write are 256 KiB.
const PACKET_LIMIT_BYTES: u32 = 1 << 20;

/// Bytes of another block that are read at most; what is behind them is passed over.
const BLOCK_LIMIT_BYTES: u32 = 1 << 20;

/// Interfaces of a section at most.
const MOST_INTERFACES: usize = 65_536;

/// Names of addresses that are kept at most.
const MOST_NAMES: usize = 10_000;

const BUFFER_BYTES: usize = 256 * 1024;

/// A packet as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'b> {
    /// When, in nanoseconds since 1970.
    pub unix_ns: u64,
    /// What its bytes begin with: a LINKTYPE.
    pub link_type: u16,
    /// Its bytes, as many as were captured.
    pub bytes: &'b [u8],
    /// How many bytes it had.
    pub original_len: u32,
    /// Whether Pushscope wrote it.
    pub is_own: bool,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    /// Two bytes at a place; 0 where there are none.
    pub fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let two = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        if self == Order::Little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    }

    /// Four bytes at a place; 0 where there are none.
    pub fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        if self == Order::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    }
}

enum Format {
    Classic { order: Order, link_type: u16, ns_per_fraction: u64 },
    Blocks { order: Order, interfaces: Vec<Interface>, is_own: bool },
}

/// Whether a file that begins so is a capture.
pub fn begins(head: &[u8]) -> bool {
    let magic = Order::Big.u32(head, 0);
    matches!(magic, block::SECTION | 0xA1B2_C3D4 | 0xD4C3_B2A1 | 0xA1B2_3C4D | 0x4D3C_B2A1)
}

/// A capture file that is being read.
pub struct Capture {
    name: String,
    reader: BufReader<File>,
    /// How long the file is.
    pub len_bytes: u64,
    /// How many bytes were read.
    pub read_bytes: u64,
    format: Format,
    body: Vec<u8>,
    last_ns: u64,
    /// Why the rest of the file cannot be read.
    pub damage: Option<String>,
    /// Packets with a comment.
    pub comments: u64,
    /// Packets without a time: they have the one before.
    pub untimed: u64,
    /// Packets of interfaces that were not told of.
    pub strays: u64,
    /// Packets that say that they are longer than their blocks.
    pub overlong: u64,
    /// Names of addresses.
    pub names: HashMap<IpAddr, String>,
}

/// Why a block could not be had.
enum Stop {
    End,
    Damage(String),
}

impl Capture {
    /// Opens a capture of either format.
    pub fn open(path: &Path) -> Result<Capture, InteropError> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| InteropError::Input(format!("{name}: it cannot be read: {error}"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(InteropError::Input(format!("{name}: this is a folder; name a capture file in it")));
        }
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut magic = Vec::new();
        (&mut reader).take(4).read_to_end(&mut magic).map_err(failed)?;
        let mut capture = Capture {
            name: name.clone(),
            reader,
            len_bytes: metadata.len(),
            read_bytes: magic.len() as u64,
            format: Format::Blocks { order: Order::Little, interfaces: Vec::new(), is_own: false },
            body: Vec::new(),
            last_ns: 0,
            damage: None,
            comments: 0,
            untimed: 0,
            strays: 0,
            overlong: 0,
            names: HashMap::new(),
        };
        let begun = match (magic.as_slice(), Order::Big.u32(&magic, 0)) {
            (_, block::SECTION) => capture.section(),
            (_, 0xA1B2_C3D4) => capture.classic(Order::Big, 1000),
            (_, 0xD4C3_B2A1) => capture.classic(Order::Little, 1000),
            (_, 0xA1B2_3C4D) => capture.classic(Order::Big, 1),
            (_, 0x4D3C_B2A1) => capture.classic(Order::Little, 1),
            ([0x1F, 0x8B, ..], _) => return Err(capture.no_capture("it is compressed with gzip; unpack it first")),
            ([0x28, 0xB5, 0x2F, 0xFD], _) => {
                return Err(capture.no_capture("it is compressed with Zstandard; unpack it first"));
            }
            ([], _) => return Err(capture.no_capture("the file is empty")),
            _ => {
                let begins: Vec<String> = magic.iter().map(|byte| format!("{byte:02x}")).collect();
                let why =
                    format!("it begins with {}; editcap of Wireshark turns other formats into it", begins.join(" "));
                return Err(capture.no_capture(&why));
            }
        };
        match begun {
            Ok(()) => Ok(capture),
            Err(Stop::End) => Err(capture.no_capture("it ends within its first header")),
            Err(Stop::Damage(why)) => Err(capture.no_capture(&why)),
        }
    }

    fn no_capture(&self, why: &str) -> InteropError {
        InteropError::Input(format!("{}: this is no pcapng or pcap file: {why}", self.name))
    }

    /// The next packet; `None` at the end, or where the file is damaged ([`Capture::damage`]).
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        if self.damage.is_some() {
            return None;
        }
        let began = self.read_bytes;
        let next = if matches!(self.format, Format::Classic { .. }) { self.next_record() } else { self.next_block() };
        match next {
            Ok(found) => Some(Packet {
                // A session file has room for times up to the year 2262.
                unix_ns: found.unix_ns.min(i64::MAX as u64),
                link_type: found.link_type,
                bytes: self.body.get(found.at..found.at + found.len).unwrap_or_default(),
                original_len: found.original_len,
                is_own: found.is_own,
            }),
            Err(Stop::End) => None,
            Err(Stop::Damage(why)) => {
                self.damage = Some(format!("at byte {began} {why}"));
                None
            }
        }
    }

    /// Reads so many bytes into the body. [`Stop::End`] where the file ends before the first of them.
    fn fill(&mut self, len: usize) -> Result<(), Stop> {
        self.body.clear();
        let read = (&mut self.reader).take(len as u64).read_to_end(&mut self.body);
        self.read_bytes += self.body.len() as u64;
        match read {
            Err(error) => Err(Stop::Damage(format!("it cannot be read: {error}"))),
            Ok(0) if len > 0 => Err(Stop::End),
            Ok(read) if read < len => Err(Stop::Damage(format!("it ends {} bytes too early", len - read))),
            Ok(_) => Ok(()),
        }
    }

    /// What must be there, because what came before says so.
    fn fill_on(&mut self, len: usize) -> Result<(), Stop> {
        self.fill(len).map_err(|stop| match stop {
            Stop::End => Stop::Damage(format!("it ends {len} bytes too early")),
            damage => damage,
        })
    }

    fn skip(&mut self, len: u64) -> Result<(), Stop> {
        let skipped = std::io::copy(&mut (&mut self.reader).take(len), &mut std::io::sink());
        let skipped = skipped.map_err(|error| Stop::Damage(format!("it cannot be read: {error}")))?;
        self.read_bytes += skipped;
        if skipped == len { Ok(()) } else { Err(Stop::Damage(format!("it ends {} bytes too early", len - skipped))) }
    }

    /// The header of a classic file behind its magic number.
    fn classic(&mut self, order: Order, ns_per_fraction: u64) -> Result<(), Stop> {
        self.fill(20)?;
        // The upper bits say how long checksums of Ethernet are.
        let link_type = order.u32(&self.body, 16) as u16;
        self.format = Format::Classic { order, link_type, ns_per_fraction };
        Ok(())
    }

    fn next_record(&mut self) -> Result<Found, Stop> {
        let Format::Classic { order, link_type, ns_per_fraction } = self.format else { return Err(Stop::End) };
        self.fill(16)?;
        let [seconds, fraction, len, original_len] = [0, 4, 8, 12].map(|at| order.u32(&self.body, at));
        if len > PACKET_LIMIT_BYTES {
            return Err(Stop::Damage(format!("a packet says that it is {len} bytes long")));
        }
        let unix_ns = u64::from(seconds) * 1_000_000_000 + u64::from(fraction).saturating_mul(ns_per_fraction);
        self.fill_on(len as usize)?;
        Ok(Found { at: 0, len: len as usize, original_len: original_len.max(len), unix_ns, link_type, is_own: false })
    }

    /// A section header behind its type; its interfaces are numbered anew.
    fn section(&mut self) -> Result<(), Stop> {
        self.fill_on(8)?;
        let order = match (Order::Little.u32(&self.body, 4), Order::Big.u32(&self.body, 4)) {
            (BYTE_ORDER_MAGIC, _) => Order::Little,
            (_, BYTE_ORDER_MAGIC) => Order::Big,
            _ => return Err(Stop::Damage("a section does not say its byte order".to_owned())),
        };
        let total = order.u32(&self.body, 0);
        if total < 28 || !total.is_multiple_of(4) {
            return Err(Stop::Damage(format!("a section's header says that it is {total} bytes long")));
        }
        self.rest(total, 12, order)?;
        let mut is_own = false;
        for (code, value) in options(&self.body, 12, order) {
            is_own |= code == option::APPLICATION && value.starts_with(OWN_APPLICATION.as_bytes());
        }
        self.format = Format::Blocks { order, interfaces: Vec::new(), is_own };
        Ok(())
    }

    /// The rest of a block of which `read` bytes are read: its body, as much as is wanted of it, and its length again.
    fn rest(&mut self, total: u32, read: u32, order: Order) -> Result<(), Stop> {
        let len = total - read - 4;
        let wanted = len.min(BLOCK_LIMIT_BYTES + PACKET_LIMIT_BYTES);
        self.fill_on(wanted as usize)?;
        self.skip(u64::from(len - wanted))?;
        let body = std::mem::take(&mut self.body);
        let trailer = self.fill_on(4).map(|()| order.u32(&self.body, 0));
        self.body = body;
        match trailer? {
            again if again == total => Ok(()),
            again => Err(Stop::Damage(format!("a block says that it is {total} bytes long, and at its end {again}"))),
        }
    }

    fn next_block(&mut self) -> Result<Found, Stop> {
        loop {
            self.fill(4)?;
            let Format::Blocks { order, .. } = self.format else { return Err(Stop::End) };
            let kind = order.u32(&self.body, 0);
            // The type of a section header reads the same in either order.
            if kind == block::SECTION {
                self.section()?;
                continue;
            }
            self.fill_on(4)?;
            let total = order.u32(&self.body, 0);
            if total < 12 || !total.is_multiple_of(4) {
                return Err(Stop::Damage(format!("a block says that it is {total} bytes long")));
            }
            self.rest(total, 8, order)?;
            let found = match kind {
                block::INTERFACE => {
                    self.interface(order);
                    None
                }
                block::PACKET => self.packet(order, 4, order.u32(&self.body, 0) as usize)?,
                block::OLD_PACKET => self.packet(order, 4, usize::from(order.u16(&self.body, 0)))?,
                block::SIMPLE_PACKET => self.simple_packet(order),
                block::NAMES => {
                    self.name(order);
                    None
                }
                _ => None,
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    fn interface(&mut self, order: Order) {
        let Format::Blocks { interfaces, .. } = &mut self.format else { return };
        if interfaces.len() < MOST_INTERFACES {
            interfaces.push(Interface::read(&self.body, order));
        }
    }

    /// A packet of an interface, from its time on; `None` where the interface was not told of.
    fn packet(&mut self, order: Order, at: usize, interface: usize) -> Result<Option<Found>, Stop> {
        let Format::Blocks { interfaces, is_own, .. } = &self.format else { return Ok(None) };
        let [high, low, len, original_len] = [0, 4, 8, 12].map(|offset| order.u32(&self.body, at + offset));
        let begin = at + 16;
        if len > PACKET_LIMIT_BYTES || self.body.len().saturating_sub(begin) < len as usize {
            self.overlong += 1;
            return Ok(None);
        }
        let Some(interface) = interfaces.get(interface) else {
            self.strays += 1;
            return Ok(None);
        };
        let unix_ns = interface.unix_ns((u64::from(high) << 32) | u64::from(low));
        let found = Found {
            at: begin,
            len: len as usize,
            original_len: original_len.max(len),
            unix_ns,
            link_type: interface.link_type,
            is_own: *is_own,
        };
        let behind = begin + (len as usize).next_multiple_of(4);
        self.comments += u64::from(options(&self.body, behind, order).any(|(code, _)| code == option::COMMENT));
        self.last_ns = unix_ns;
        Ok(Some(found))
    }

    /// A packet of the first interface, without a time.
    fn simple_packet(&mut self, order: Order) -> Option<Found> {
        let Format::Blocks { interfaces, is_own, .. } = &self.format else { return None };
        let Some(interface) = interfaces.first() else {
            self.strays += 1;
            return None;
        };
        self.untimed += 1;
        let original_len = order.u32(&self.body, 0);
        let limit = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
        let len = (original_len.min(limit) as usize).min(self.body.len().saturating_sub(4));
        let (link_type, is_own) = (interface.link_type, *is_own);
        Some(Found { at: 4, len, original_len, unix_ns: self.last_ns, link_type, is_own })
    }

    /// Names of addresses: records of type, length, address and names, each ended by a zero byte.
    fn name(&mut self, order: Order) {
        let records = options(&self.body, 0, order).filter(|(kind, _)| matches!(kind, 1 | 2));
        for (kind, value) in records {
            let (address, rest): (IpAddr, _) = match kind {
                1 => match value.split_first_chunk::<4>() {
                    Some((octets, rest)) => ((*octets).into(), rest),
                    None => continue,
                },
                _ => match value.split_first_chunk::<16>() {
                    Some((octets, rest)) => ((*octets).into(), rest),
                    None => continue,
                },
            };
            let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            if let (Ok(name), true) = (std::str::from_utf8(name), self.names.len() < MOST_NAMES)
                && !name.is_empty()
            {
                self.names.entry(address).or_insert_with(|| name.to_owned());
            }
        }
    }
}

/// A packet in the body.
struct Found {
    at: usize,
    len: usize,
    original_len: u32,
    unix_ns: u64,
    link_type: u16,
    is_own: bool,
}
