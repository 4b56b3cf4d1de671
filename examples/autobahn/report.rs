//! What the suite says of a case: `index.json` in its folder names a file for each.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A case's report. Arrays hold what the server received from us and what it sent.
pub struct Report {
    /// The case as the suite names it: `7.1.3`.
    pub id: String,
    /// Its place among those that were run, from 1.
    pub number: usize,
    /// `OK`, `NON-STRICT`, `INFORMATIONAL`, `UNIMPLEMENTED`, `FAILED`.
    pub behavior: String,
    /// The same of the closing handshake, where there is also `UNCLEAN`, `WRONG CODE` and `FAILED BY CLIENT`.
    pub behavior_close: String,
    /// How many frames of each opcode.
    pub frames: [BTreeMap<u64, u64>; 2],
    /// Bytes on the wire, the upgrade included.
    pub octets: [u64; 2],
    /// The frames themselves, where the case does not turn its log off.
    pub log: [Option<Vec<Logged>>; 2],
    /// The messages, pings and pongs that the server understood, where the case collects them.
    pub received: Vec<Received>,
    /// Payload bytes of messages, uncompressed, where the case counts them.
    pub message_bytes: Option<[u64; 2]>,
    /// The close code that the server got from us.
    pub close_code: Option<u64>,
    why: String,
}

/// A frame as the server logged it.
#[derive(Debug)]
pub struct Logged {
    pub opcode: u64,
    pub fin: bool,
    pub rsv: u64,
    pub is_masked: bool,
    pub len: u64,
    pub beginning: Vec<u8>,
}

/// A message as the server understood it: `message`, `ping` or `pong`.
#[derive(Debug)]
pub struct Received {
    pub what: String,
    pub is_binary: bool,
    pub beginning: Vec<u8>,
}

impl Report {
    /// The reports of an agent, in the order of the cases.
    pub fn read_all(folder: &Path, agent: &str) -> Result<Vec<Report>, String> {
        let index = read(&folder.join("index.json"))?;
        let cases = index[agent].as_object().ok_or(format!("the suite reports nothing of {agent}"))?;
        let read_one = |case: &Value| -> Result<Report, String> {
            let path = folder.join(case["reportfile"].as_str().unwrap_or_default());
            let report = read(&path)?;
            Report::of(&report).ok_or(format!("{} is not such a report as is known", path.display()))
        };
        let mut reports = cases.values().map(read_one).collect::<Result<Vec<_>, _>>()?;
        reports.sort_by_key(|report| report.number);
        Ok(reports)
    }

    fn of(report: &Value) -> Option<Report> {
        let text = |key: &str| report[key].as_str().map(str::to_owned);
        let counts = |key: &str| -> Option<BTreeMap<u64, u64>> {
            let counts = report[key].as_object()?.iter();
            counts.map(|(key, count)| Some((key.parse().ok()?, count.as_u64()?))).collect()
        };
        let octets = |key: &str| -> Option<u64> { Some(counts(key)?.iter().map(|(len, count)| len * count).sum()) };
        let frames = [counts("rxFrameStats")?, counts("txFrameStats")?];
        let rows = report["wirelog"].as_array()?;
        let log = |dir: usize, name: &str| -> Option<Vec<Logged>> {
            let rows = rows.iter().filter(|row| row[0] == name);
            let logged = rows.map(|row| Logged::of(row, name)).collect::<Option<Vec<_>>>()?;
            (logged.len() as u64 == frames[dir].values().sum::<u64>()).then_some(logged)
        };
        let log = [log(0, "RF"), log(1, "TF")];
        let received = report["received"].as_array()?.iter().map(|part| {
            let (what, is_binary) = (part[0].as_str()?.to_owned(), part[2] == true);
            Some(Received { what, is_binary, beginning: beginning(part[1].as_str()?) })
        });
        let traffic = &report["trafficStats"];
        let traffic = |key: &str| traffic[key].as_u64();
        Some(Report {
            id: text("id")?,
            number: usize::try_from(report["case"].as_u64()?).ok()?,
            behavior: text("behavior")?,
            behavior_close: text("behaviorClose")?,
            received: received.collect::<Option<_>>()?,
            octets: [octets("rxOctetStats")?, octets("txOctetStats")?],
            message_bytes: traffic("incomingOctetsAppLevel")
                .and_then(|into| Some([into, traffic("outgoingOctetsAppLevel")?])),
            close_code: report["remoteCloseCode"].as_u64(),
            why: format!(
                "{} Expected: {} {} Close code from us: {}",
                text("result")?,
                text("expectation")?,
                text("resultClose")?,
                report["remoteCloseCode"]
            ),
            frames,
            log,
        })
    }

    /// What the suite holds against us in this case.
    pub fn fault(&self) -> Option<String> {
        let is_good = ["OK", "NON-STRICT", "INFORMATIONAL"].contains(&self.behavior.as_str())
            && ["OK", "INFORMATIONAL"].contains(&self.behavior_close.as_str());
        let (behavior, close) = (&self.behavior, &self.behavior_close);
        (!is_good).then(|| format!("case {}: {behavior}, close {close}. {}", self.id, self.why))
    }
}

impl Logged {
    /// How many bytes it takes on the wire (RFC 6455 §5.2).
    pub fn wire_bytes(&self) -> u64 {
        let extended = match self.len {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        2 + extended + if self.is_masked { 4 } else { 0 } + self.len
    }

    /// A row of the log, which is a list: the name, the payload's length and beginning, opcode, FIN, reserved bits, and
    /// then, as received, whether it is masked; as sent, its mask and the length that its payload is repeated to.
    fn of(row: &Value, name: &str) -> Option<Logged> {
        let len = row[1][0].as_u64()?;
        let is_received = name == "RF";
        Some(Logged {
            len: row[6].as_u64().filter(|_| !is_received).unwrap_or(len),
            beginning: beginning(row[1][1].as_str()?),
            opcode: row[2].as_u64()?,
            fin: row[3].as_bool()?,
            rsv: row[4].as_u64()?,
            is_masked: if is_received { row[5] == true } else { row[5].is_string() },
        })
    }
}

/// The bytes that the suite shows in hexadecimal, which is what `tests/autobahn/server.py` has it do.
fn beginning(shown: &str) -> Vec<u8> {
    let digits = shown.trim_start_matches("0x");
    (0..digits.len() / 2).filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("reading {}: {error}", path.display()))
}
