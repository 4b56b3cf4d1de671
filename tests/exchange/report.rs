//! The HTML report, as a browser sees it.

use crate::program::pushscope;
use crate::{exported, recorded, server, text};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The page as Chromium has it after loading it from disk.
#[track_caller]
fn dom(page: &Path) -> String {
    let profile = TempDir::new().expect("a folder");
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", text(profile.path())));
    command.args(["--virtual-time-budget=2000", "--dump-dom"]).arg(format!("file://{}", text(page)));
    let ran = command.output().unwrap_or_else(|error| panic!("chromium (apt-get install chromium): {error}"));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[test]
fn a_browser_shows_every_record_and_runs_nothing_of_it() {
    let hostile = [
        "<script>document.title='owned'</script>",
        "</style></pre></details><img src=x onerror=\"document.title='owned'\">",
        "\u{202e}drawkcab",
        "' onmouseover='document.title=1",
        "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    ];
    let address = server::serve(move |stream, _| {
        server::say(
            stream,
            "HTTP/1.1 200 OK\r\nX-<b>: </style><script>1</script>\r\nContent-Type: text/event-stream\r\n\r\n",
        );
        for payload in hostile {
            server::say(stream, format!("event: <i>\ndata: {payload}\n\n"));
        }
        server::say(stream, b"data: broken \xff\xfe\n\n");
    });
    let url = format!("http://{address}/<b>?x='\"");
    let (folder, recording) = recorded(&[&url, "--as", "sse", "--reconnect", "no"]);
    let page = folder.path().join("report.html");
    let ended = pushscope(&["export", text(&recording), "--to", "html", "-o", text(&page)]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let dom = dom(&page);
    let has = |what: &str| dom.contains(what);
    assert!(has("<title>a recording</title>"), "the title is another");
    // Quotes stand in text as they are; an element would begin with its name.
    for never in ["<script", "<img", "<b>?x", "<meta http-equiv=\"refresh", "onmouseover=\""] {
        assert!(!has(never), "{never} is in the page");
    }
    for shown in
        ["&lt;script&gt;document.title", "&lt;/style&gt;", "U+202E", "\\xff", "\\xfe", "<h2>Findings</h2>", "<svg"]
    {
        assert!(has(shown), "{shown} is not in the page");
    }
    // Each record that `show` prints has its row, which folds open.
    let shown = pushscope(&["show", text(&recording), "--format", "jsonl"]).records();
    assert!(shown.len() > 10);
    for record in &shown {
        assert!(dom.contains(&format!("<details id=\"r{}\">", record["n"])), "{record}");
    }
    assert_eq!(dom.matches("<details id=").count(), shown.len());
}

#[test]
fn the_page_holds_what_was_chosen_and_says_how_much_that_is() {
    let (_folder, recording) = recorded(&["lab:ws?rate=200", "--count", "20"]);
    let page = exported(&recording, &["--to", "html", "--filter", "kind:ws.text"]);
    let rows = page.matches("<details id=\"r").count();
    assert!(rows >= 20 && page.contains(&format!("{rows} of ")), "{rows}");
    assert!(!page.contains("ws.frame") && page.contains("ws.text"));
    for loads in ["http://", "https://", "src=", "url(", "<link", "@import", "<script"] {
        assert!(!page.contains(loads), "{loads}");
    }
}
