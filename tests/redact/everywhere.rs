//! A secret in every place, each found by what is said of its own place, and left in no file that leaves, however the file
//! is read.

use crate::planted::{MASKING_KEY, OWN_RULES, Planted};
use crate::program::pushscope;
use crate::readings::readings;
use crate::{session, text, told};
use pushscope::session::{EXPLAIN_LIMIT_BYTES, RecordId, Session};
use pushscope::wire::Dir;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Every way out, and whether it holds the recording's bytes, so that it can be read again.
const FORMATS: [(&str, bool); 7] = [
    ("pushscope", true),
    ("jsonl", true),
    ("har", true),
    ("pcapng", true),
    ("html", false),
    ("curl", false),
    ("websocat", false),
];

/// What a file says: its bytes in every reading, and, where a recording can be made of it, all that this tells.
fn says(path: &Path, opens: bool) -> Vec<Vec<u8>> {
    let mut all = readings(&std::fs::read(path).expect("the file"));
    if opens {
        let again = path.with_added_extension("again.pushscope");
        match path.extension().is_some_and(|ending| ending == "pushscope") {
            true => _ = std::fs::copy(path, &again).expect("a copy"),
            false => {
                let read = pushscope(&["import", text(path), "-o", text(&again)]);
                assert_eq!(read.code, Some(0), "{read:#?}");
            }
        }
        let again = session(&again);
        all.extend(readings(&told(&again)));
        all.extend(unmasked(&again));
    }
    if path.extension().is_some_and(|ending| ending == "pcapng") {
        let fields = ["tcp.payload", "websocket.payload", "http.file_data", "data.data", "text", "frame.comment"];
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", text(path), "-T", "fields", "-o", "http.desegment_body:FALSE"]);
        fields.iter().for_each(|field| _ = tshark.args(["-e", field]));
        let seen = tshark.output().expect("tshark is missing: apt-get install tshark");
        assert!(seen.status.success() && seen.stdout.len() > 10_000, "{seen:?}");
        all.extend(readings(&seen.stdout));
    }
    all
}

/// Each direction of each link, its masking taken off at any of four places, whatever is a frame there.
fn unmasked(session: &Session) -> Vec<Vec<u8>> {
    let lanes =
        session.links().iter().flat_map(|link| [Dir::Out, Dir::In].map(|dir| (link.id, dir, link.len_bytes(dir))));
    let wires: Vec<Vec<u8>> = lanes.map(|(link, dir, len)| session.wire(link, dir, 0, len as usize)).collect();
    let at_place = |wire: &Vec<u8>, skip: usize| {
        wire.iter().enumerate().map(|(at, byte)| byte ^ MASKING_KEY[(at + skip) % 4]).collect::<Vec<u8>>()
    };
    wires.iter().flat_map(|wire| (0..4).map(|skip| at_place(wire, skip))).chain(wires.clone()).collect()
}

fn found(says: &[Vec<u8>], secrets: &[(String, &'static str)]) -> Vec<&'static str> {
    let is_in = |secret: &str| says.iter().any(|reading| memchr::memmem::find(reading, secret.as_bytes()).is_some());
    secrets.iter().filter(|(secret, _)| is_in(secret)).map(|(_, place)| *place).collect()
}

fn exported(file: &Path, format: &str, more: &[&str]) -> (PathBuf, String) {
    let out = file.with_extension(format!("out{}.{format}", more.len()));
    let ended = pushscope(&[&["export", text(file), "--to", format, "-o", text(&out)], more].concat());
    assert_eq!(ended.code, Some(0), "{format}: {ended:#?}");
    (out, ended.err)
}

#[test]
fn a_secret_in_every_place_is_in_no_file_that_leaves() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("planted.pushscope");
    let secrets = Planted::write(&file);
    assert!(secrets.len() > 70);
    // Each is in the recording, and is found where it is looked for so. Its name and remarks are beside what is told.
    let before = says(&file, true);
    let is_beside = |place: &str| place.starts_with("a remark") || place == "the name" || place == "a gzip body";
    let told = found(&before, &secrets);
    let missing: Vec<_> = secrets.iter().filter(|(_, place)| !told.contains(place) && !is_beside(place)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let only_own_place = [&OWN_RULES[..], &["--keep", "copies"]].concat();
    let mut left = Vec::new();
    for (format, opens) in FORMATS {
        for rules in [&OWN_RULES[..], &only_own_place] {
            let (out, said) = exported(&file, format, rules);
            let says = says(&out, opens);
            // What the user said of a record goes along, but for the secret in it.
            let says_remark =
                says.iter().any(|reading| memchr::memmem::find(reading, b"look at the password=***").is_some());
            assert!(says_remark || matches!(format, "curl" | "websocat"), "{format} lacks the remark");
            left.extend(found(&says, &secrets).iter().map(|place| format!("{format}, {} rules: {place}", rules.len())));
            left.extend(
                found(&readings(said.as_bytes()), &secrets).iter().map(|place| format!("{format}, said: {place}")),
            );
        }
    }
    assert_eq!(left, Vec::<String>::new());
    // That would be no test if the files could not be read so.
    for (format, opens) in FORMATS {
        let (out, _) = exported(&file, format, &["--keep-secrets"]);
        let found = found(&says(&out, opens), &secrets);
        let least = match format {
            "pushscope" | "jsonl" => secrets.len() - 2,
            "pcapng" => 70,
            "har" | "html" => 50,
            "curl" => 20,
            _ => 3,
        };
        assert!(found.len() >= least, "{format} holds {} of {}: {found:?}", found.len(), secrets.len());
    }
}

#[test]
fn a_record_says_its_remark_with_secrets_replaced_or_kept() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("planted.pushscope");
    Planted::write(&file);
    for (options, says) in
        [(&[][..], "look at the password=*****************"), (&["--keep-secrets"], "look at the password=Zq")]
    {
        let (out, _) = exported(&file, "jsonl", options);
        let lines = std::fs::read_to_string(out).expect("lines");
        let records = lines.lines().map(crate::program::record);
        let said: Vec<serde_json::Value> =
            records.filter(|line| !line["n"].is_null() && !line["remark"].is_null()).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0]["n"] == 2 && said[0]["remark"]["mark"] == "red", "{said:?}");
        assert!(said[0]["remark"]["text"].as_str().is_some_and(|text| text.starts_with(says)), "{said:?}");
    }
}

/// Each field of each record: what it is, and where it lies.
fn fields(session: &Session) -> Vec<String> {
    let ids: Vec<RecordId> = (0..session.records().len()).collect();
    let all = session.explain_all(&ids, EXPLAIN_LIMIT_BYTES);
    let field = |field: &pushscope::dissect::Field| format!("{} {:?} {}", field.def.key, field.span, field.depth);
    all.iter().map(|explained| explained.fields.iter().map(field).collect::<Vec<_>>().join("\n")).collect()
}

#[test]
fn what_is_left_lies_where_it_lay() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("planted.pushscope");
    Planted::write(&file);
    let (out, _) = exported(&file, "pushscope", &OWN_RULES);
    let (before, after) = (session(&file), session(&out));
    let places = crate::places(&before);
    assert_eq!(places, crate::places(&after));
    for (at, (before, after)) in fields(&before).iter().zip(fields(&after)).enumerate() {
        let differing = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        assert_eq!((differing, before.lines().count()), (None, after.lines().count()), "the fields of {}", places[at]);
    }
    // tshark sees the same packets, frames and heads, at the same times.
    let seen = |capture: &Path| {
        let fields = [
            "frame.time_epoch",
            "frame.len",
            "tcp.stream",
            "tcp.seq_raw",
            "http.request.method",
            "http.response.code",
            "http.content_length",
            "websocket.opcode",
            "websocket.payload_length",
            "_ws.malformed",
        ];
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", text(capture), "-T", "fields", "-o", "http.desegment_body:FALSE"]);
        fields.iter().for_each(|field| _ = tshark.args(["-e", field]));
        let seen = tshark.output().expect("tshark is missing: apt-get install tshark");
        assert!(seen.status.success(), "{seen:?}");
        String::from_utf8(seen.stdout).expect("UTF-8").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (whole, _) = exported(&file, "pcapng", &["--keep-secrets"]);
    let (redacted, _) = exported(&file, "pcapng", &OWN_RULES);
    let (whole, redacted) = (seen(&whole), seen(&redacted));
    assert!(whole.len() > 300);
    for (whole, redacted) in whole.iter().zip(&redacted) {
        assert_eq!(whole, redacted);
    }
    assert_eq!(whole.len(), redacted.len());
}
