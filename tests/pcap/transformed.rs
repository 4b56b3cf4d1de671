//! Our captures, changed by Wireshark's own programs into what others write: other formats, other clocks, other
//! orders, packets twice, packets cut.

use crate::support::*;
use std::path::Path;

/// The path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn other_formats_and_clocks_are_read() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=100&via=tls-intercept", &["--count", "5", "--send", "hello"]);
    let (capture, _) = folder.export(&session, &[]);
    for (format, is_exact) in [("pcap", false), ("nsecpcap", true), ("pcapng", true), ("modpcap", false)] {
        let changed = folder.path("pcap");
        wireshark("editcap", &["-F", format, text(&capture), text(&changed)]);
        if format == "modpcap" {
            let refused = folder.try_import(&changed).err().expect("a refusal").to_string();
            assert!(refused.contains("editcap of Wireshark turns other formats into it"), "{refused}");
            continue;
        }
        let (again, _) = folder.import(&changed);
        let mut expected = said(&session);
        if !is_exact {
            // Microseconds are all that this format has room for.
            expected.iter_mut().flatten().for_each(|said| said.unix_ns -= said.unix_ns % 1000);
        }
        expected.sort();
        assert_same(&said(&again), &expected);
    }
}

#[test]
fn a_capture_that_says_everything_twice_says_it_once() {
    let folder = Folder::new();
    let session = folder.record("lab:sse?rate=0&size=300", &["--count", "100"]);
    let (capture, _) = folder.export(&session, &[]);
    let twice = folder.path("pcapng");
    wireshark("mergecap", &["-w", text(&twice), text(&capture), text(&capture)]);
    let (again, report) = folder.import(&twice);
    assert_same(&said(&again), &said(&session));
    assert!(report.remarks.iter().any(|remark| remark.contains("sent again: told once")), "{report:#?}");
}

#[test]
fn the_parts_of_a_capture_in_another_order_carry_the_same_bytes() {
    let folder = Folder::new();
    let session = folder.record("lab:sse?rate=0&size=300", &["--count", "100"]);
    let (capture, report) = folder.export(&session, &[]);
    let middle = report.written / 2;
    let [first, second, swapped, sorted] = [(); 4].map(|()| folder.path("pcapng"));
    wireshark("editcap", &["-r", text(&capture), text(&first), &format!("1-{middle}")]);
    wireshark("editcap", &["-r", text(&capture), text(&second), &format!("{}-{}", middle + 1, report.written)]);
    wireshark("mergecap", &["-a", "-w", text(&swapped), text(&second), text(&first)]);
    let (again, _) = folder.import(&swapped);
    assert!(streams(&again) == streams(&session));
    wireshark("reordercap", &[text(&swapped), text(&sorted)]);
    let (again, _) = folder.import(&sorted);
    assert_same(&said(&again), &said(&session));
}

#[test]
fn packets_that_were_cut_are_counted() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=100&size=3000", &["--count", "3"]);
    let (capture, _) = folder.export(&session, &[]);
    let cut = folder.path("pcapng");
    wireshark("editcap", &["-s", "600", text(&capture), text(&cut)]);
    let (again, report) = folder.import(&cut);
    let cut = report.remarks.iter().any(|remark| remark.contains("cut by the snap length of the capture"));
    assert!(cut && report.remarks.iter().any(|remark| remark.starts_with("zeros stand for")), "{report:#?}");
    // Lengths and places are as they were, so that frames behind a cut are read.
    let lens = |session: &_| streams(session).iter().map(|both| both.each_ref().map(Vec::len)).collect::<Vec<_>>();
    assert_eq!(lens(&again), lens(&session));
    let kinds = |session: &_| said(session)[0].iter().map(|said| (said.kind, said.start, said.len)).collect::<Vec<_>>();
    assert_eq!(kinds(&again).len(), kinds(&session).len());
}

#[test]
fn random_errors_in_packets_do_no_harm() {
    let folder = Folder::new();
    let session = folder.record("lab:sse?rate=0&size=300", &["--count", "50"]);
    let (capture, _) = folder.export(&session, &[]);
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let changed = folder.path("pcapng");
        wireshark("editcap", &["-E", "0.02", "--seed", seed, text(&capture), text(&changed)]);
        // Whatever comes of it, it comes to an end.
        let _ = folder.try_import(&changed);
    }
}
