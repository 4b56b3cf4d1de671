//! A disk without room: the reason is told, what was recorded before stays, and nothing is left running.

use crate::program::{Ended, pushscope, shell};
use std::process::Command;
use tempfile::TempDir;

const RECORD: &str = r#""$0" record "lab:stream?rate=200&size=4000" -q -o "$1""#;

#[track_caller]
fn told(ended: &Ended) {
    ended.refused(1, &["x.pushscope", "events with", "are not in the file"]);
}

/// As root on a file system of a megabyte that only the child sees, and that goes when it ends.
#[test]
fn a_full_disk() {
    let allowed = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).output();
    if !allowed.is_ok_and(|tried| tried.status.success()) {
        eprintln!("not shown here: a full disk, since mounting one is not allowed (a file-size limit is shown)");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let place = folder.path().to_str().expect("a path");
    let script = format!(r#"mount -t tmpfs -o size=1m tmpfs "$2"; {RECORD}; echo "exit $?"; "$0" show "$1""#);
    let line = r#"exec unshare -m sh -c "$2" "$0" "$1/x.pushscope" "$1""#;
    let ended = shell(line, &[place, &script]);
    assert!(ended.out.contains("exit 1"), "{ended:#?}");
    assert!(
        ended.reason().contains("the disk is full") && ended.reason().contains("are not in the file"),
        "{ended:#?}"
    );
    let shown = ended.out.lines().filter(|line| line.contains("↓ line ")).count();
    assert!(shown > 10, "only {shown} messages of before: {ended:#?}");
}

/// The same without rights: no file may grow beyond 1 MiB.
#[test]
fn a_file_that_may_not_grow() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.pushscope");
    let file = file.to_str().expect("a path");
    // In blocks of 512 bytes. The signal that comes with the limit is ignored, which the program inherits.
    let ended = shell(&format!("trap '' XFSZ; ulimit -f 2048; exec {RECORD}"), &[file]);
    told(&ended);
    let shown = pushscope(&["show", file, "--filter", "kind:line"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    assert!(shown.out.lines().filter(|line| line.contains("↓ line ")).count() > 10, "{shown:#?}");
}
