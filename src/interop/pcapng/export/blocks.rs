//! Blocks of a pcapng file, written one after the other. Nothing is held but the block at hand.

use crate::interop::pcapng::{BYTE_ORDER_MAGIC, LINK_TYPE_RAW, OWN_APPLICATION, block, option};
use crate::wire::Dir;
use std::io::{self, Write};
use std::net::IpAddr;

/// Bytes of a comment at most; the format has room for 65,535.
const COMMENT_LIMIT_BYTES: usize = 60_000;

/// Writes blocks, in little endian.
pub struct Blocks<'w> {
    out: &'w mut dyn Write,
    body: Vec<u8>,
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// Comments that were cut because they were too long.
    pub cut_comments: u64,
}

impl<'w> Blocks<'w> {
    pub fn new(out: &'w mut dyn Write) -> Blocks<'w> {
        Blocks { out, body: Vec::new(), packets: 0, bytes: 0, cut_comments: 0 }
    }

    /// The section header, which says who made the file, with comments about all of it.
    pub fn section(&mut self, comments: &[String]) -> io::Result<()> {
        self.body.clear();
        self.put(&BYTE_ORDER_MAGIC.to_le_bytes());
        // Version 1.0; the section's length is not told.
        self.put(&[1, 0, 0, 0]);
        self.put(&[0xFF; 8]);
        comments.iter().for_each(|comment| self.comment(comment));
        self.option(option::APPLICATION, format!("{OWN_APPLICATION}{}", env!("CARGO_PKG_VERSION")).as_bytes());
        self.end(block::SECTION)
    }

    /// The one interface: raw IP, times in nanoseconds.
    pub fn interface(&mut self, name: &str, description: &str) -> io::Result<()> {
        self.body.clear();
        self.put(&LINK_TYPE_RAW.to_le_bytes());
        // Reserved, and no limit to the length of packets.
        self.put(&[0; 6]);
        self.option(option::INTERFACE_NAME, name.as_bytes());
        self.option(option::INTERFACE_DESCRIPTION, description.as_bytes());
        self.option(option::TIME_RESOLUTION, &[9]);
        self.end(block::INTERFACE)
    }

    /// Which names stand for which addresses.
    pub fn names(&mut self, names: &[(IpAddr, String)]) -> io::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.body.clear();
        for (address, name) in names {
            let octets: &[u8] = match address {
                IpAddr::V4(address) => &address.octets(),
                IpAddr::V6(address) => &address.octets(),
            };
            let kind: u16 = if address.is_ipv4() { 1 } else { 2 };
            let value = [octets, name.as_bytes(), &[0]].concat();
            self.tagged(kind, &value);
        }
        self.put(&[0; 4]);
        let len = self.body.len();
        self.block(block::NAMES, len)
    }

    /// A packet of an absolute time.
    pub fn packet(&mut self, unix_ns: u64, dir: Dir, packet: &[u8], comments: &[String]) -> io::Result<()> {
        self.body.clear();
        self.put(&0u32.to_le_bytes());
        self.put(&((unix_ns >> 32) as u32).to_le_bytes());
        self.put(&(unix_ns as u32).to_le_bytes());
        let len = (packet.len() as u32).to_le_bytes();
        self.put(&len);
        self.put(&len);
        self.put(packet);
        self.pad();
        comments.iter().for_each(|comment| self.comment(comment));
        let flags: u32 = if dir == Dir::In { 1 } else { 2 };
        self.option(option::PACKET_FLAGS, &flags.to_le_bytes());
        self.packets += 1;
        self.end(block::PACKET)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    /// Everything begins at a multiple of four bytes.
    fn pad(&mut self) {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
    }

    fn tagged(&mut self, code: u16, value: &[u8]) {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put(value);
        self.pad();
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.tagged(code, value);
    }

    fn comment(&mut self, text: &str) {
        let cut = text.floor_char_boundary(COMMENT_LIMIT_BYTES);
        if cut == text.len() {
            return self.option(option::COMMENT, text.as_bytes());
        }
        self.cut_comments += 1;
        self.option(option::COMMENT, format!("{} …", &text[..cut]).as_bytes());
    }

    /// Ends the options and writes the block.
    fn end(&mut self, kind: u32) -> io::Result<()> {
        self.option(option::END, &[]);
        let len = self.body.len();
        self.block(kind, len)
    }

    fn block(&mut self, kind: u32, body_len: usize) -> io::Result<()> {
        let total = body_len as u32 + 12;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total.to_le_bytes())?;
        self.out.write_all(&self.body)?;
        self.out.write_all(&total.to_le_bytes())?;
        self.bytes += u64::from(total);
        Ok(())
    }
}
