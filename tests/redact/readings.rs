//! What a file says, in whatever way it may say it: Base64 at any of its places, hex, escapes, percent-encoding, gzip.

use flate2::read::MultiGzDecoder;
use std::io::Read;

/// The bytes themselves, and everything that they can be read as.
pub fn readings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![bytes.to_vec(), unescaped(bytes), percent_decoded(bytes)];
    all.extend(base64(bytes));
    all.push(hex_dump(bytes));
    all.extend(hex(bytes));
    let packed: Vec<Vec<u8>> = all.iter().flat_map(|reading| gunzipped(reading)).collect();
    // Base64 in what a string of JSON, or Base64, holds.
    let inner: Vec<Vec<u8>> = all.iter().skip(1).flat_map(|reading| base64(reading)).collect();
    all.extend(packed);
    all.extend(inner);
    all
}

/// JSON's and HTML's escapes undone.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let plain = text
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'");
    plain.replace("\\\"", "\"").replace("\\\\", "\\").replace("\\/", "/").into_bytes()
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// Each run of Base64's letters, read from each of its first four on.
fn base64(bytes: &[u8]) -> Vec<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut all = vec![Vec::new(); 4];
    for run in bytes.split(|byte| value(*byte).is_none()).filter(|run| run.len() >= 12) {
        for (skip, out) in all.iter_mut().enumerate() {
            for four in run[skip..].chunks(4) {
                let bits = four.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte).unwrap_or(0)));
                let bits = bits << (6 * (4 - four.len()));
                out.extend(&bits.to_be_bytes()[1..]);
            }
            out.push(b'\n');
        }
    }
    all
}

/// Pairs of hexadecimal digits in one piece, read from the first and from the second digit on.
fn hex(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(); 2];
    for run in bytes.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 16) {
        for (skip, out) in all.iter_mut().enumerate() {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
            out.extend(run[skip..].chunks_exact(2).map(|two| digit(two[0]) << 4 | digit(two[1])));
            out.push(b'\n');
        }
    }
    all
}

/// Rows of a dump: an offset, two spaces, bytes.
fn hex_dump(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = Vec::new();
    for line in text.lines() {
        let line = line.rsplit('>').next().map_or(line, |rest| if rest.len() > 30 { rest } else { line });
        let Some((offset, rest)) = line.split_once("  ") else {
            out.push(b'\n');
            continue;
        };
        if offset.len() != 8 || !offset.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            out.push(b'\n');
            continue;
        }
        let columns = rest.as_bytes().chunks(3).take(17).flat_map(|chunk| std::str::from_utf8(chunk).ok());
        let joined: String = columns.collect();
        let row =
            joined.split_whitespace().map_while(|two| (two.len() == 2).then(|| u8::from_str_radix(two, 16).ok())?);
        out.extend(row.take(16));
    }
    out
}

fn gunzipped(bytes: &[u8]) -> Vec<Vec<u8>> {
    let begins = memchr::memmem::find_iter(bytes, &[0x1f, 0x8b, 8]);
    let inflate = |at: usize| {
        let mut out = Vec::new();
        // As far as it goes.
        let _ = MultiGzDecoder::new(&bytes[at..]).take(1 << 20).read_to_end(&mut out);
        out
    };
    begins.take(1000).map(inflate).collect()
}

#[cfg(test)]
mod tests {
    use super::readings;

    #[test]
    fn what_is_hidden_is_read() {
        for hidden in [
            "data: \"eHh0aGUgc2VjcmV0IHdvcmRz\"",
            "7468652073656372657420776f726473",
            "%74he secret%20words",
            "<pre>00000000  78 78 78 78 78 78 78 78  78 78 78 78 78 74 68 65  xxxxxxxxxxxxxthe\n\
             00000010  20 73 65 63 72 65 74 20  77 6f 72 64 73               secret words",
        ] {
            let found = readings(hidden.as_bytes())
                .iter()
                .any(|reading| memchr::memmem::find(reading, b"the secret words").is_some());
            assert!(found, "{hidden}");
        }
    }
}
