//! JSON Lines: out, and back as the very same recording.

use crate::program::pushscope;
use crate::{exported, recorded, text};

#[test]
fn a_recording_of_each_type_comes_back_as_it_was() {
    for (address, send) in [("lab:ws?rate=50", "hëllo\nworld"), ("lab:sse?rate=50", ""), ("lab:multipart?rate=50", "")]
    {
        let mut arguments = vec![address, "--count", "12"];
        if !send.is_empty() {
            arguments.extend(["--send", send]);
        }
        let (folder, recording) = recorded(&arguments);
        let lines = folder.path().join("lines.txt");
        let written = pushscope(&["export", text(&recording), "--to", "jsonl", "-o", text(&lines)]);
        assert_eq!((written.code, written.out.as_str()), (Some(0), ""), "{written:#?}");
        assert!(written.err.contains(": wrote "), "{written:#?}");
        let back = folder.path().join("back.pushscope");
        let read = pushscope(&["import", text(&lines), "-o", text(&back)]);
        assert_eq!((read.code, read.out.trim_end()), (Some(0), text(&back)), "{read:#?}");
        let show = |path| pushscope(&["show", text(path), "--format", "jsonl", "--fields"]);
        let (before, after, straight) = (show(&recording), show(&back), show(&lines));
        assert!(before.records().len() > 20, "{before:#?}");
        assert!(before.out == after.out, "{address}: it came back otherwise");
        // The file itself can be shown, with no recording made of it.
        assert!(before.out == straight.out && straight.err.contains(": read "), "{address}: it is shown otherwise");
        let again = exported(&back, &["--to", "jsonl"]);
        let first = std::fs::read_to_string(&lines).unwrap();
        // Only the title is of the file's name.
        assert!(again.lines().skip(1).eq(first.lines().skip(1)), "{address}: it is written otherwise");
    }
}

#[test]
fn records_that_a_filter_chooses_are_those_that_show_prints() {
    let (_folder, recording) = recorded(&["lab:ws?rate=50", "--count", "5"]);
    let filter = ["--filter", "kind:ws.text dir:in"];
    let exported = exported(&recording, &[&["--to", "jsonl"], &filter[..]].concat());
    let shown = pushscope(&[&["show", text(&recording), "--format", "jsonl"], &filter[..]].concat());
    assert!(shown.records().len() >= 5, "{shown:#?}");
    assert_eq!(exported.lines().skip(1).collect::<Vec<_>>(), shown.lines());
}
