//! WebSocket messages and frames, sent once more.

use crate::program::{pushscope, received};
use crate::{file, server, text, told};

/// Text, a long text in fragments, bytes, and a ping, with time between them.
const TALK: &str = r#"
[[step]]
send = "こんにちは"
[[step]]
wait = "150ms"
[[step]]
send = { text = "in three pieces", fragments = 6 }
[[step]]
send = { hex = "00ff10" }
[[step]]
ping = "are you there"
[[step]]
wait = "50ms"
[[step]]
send = '{"op":"subscribe","id":1}'
[[step]]
expect = '$.op="subscribe"'
"#;

#[test]
fn the_whole_client_side_comes_to_another_server_as_it_came_to_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, port) = server();
    let script = file(folder.path(), "talk.toml", TALK);
    let recorded = folder.path().join("a.pushscope");
    let url = format!("ws://127.0.0.1:{port}/room?a=b");
    pushscope(&["record", &url, "-H", "X-Mine: yes", "--script", text(&script), "-o", text(&recorded), "-q"]).lines();
    let was_told = told(&mut first, 7);
    assert_eq!(was_told[0]["mine"], "yes");
    assert!(was_told[6]["close"] == 1000, "{was_told:?}");

    let (mut second, port) = server();
    let again = folder.path().join("b.pushscope");
    let other = format!("ws://127.0.0.1:{port}/room?a=b");
    let ended = pushscope(&["resend", text(&recorded), &other, "-o", text(&again), "--control", "--linger", "100ms"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains(&format!("sending 6 of connection 1 of {}", recorded.display())), "{ended:#?}");
    assert!(ended.err.contains(&other) && ended.err.contains("sent 6 of 6"), "{ended:#?}");
    // The same headers, messages and kinds, in the same order.
    assert_eq!(told(&mut second, 7), was_told);
    // The rhythm is kept: what was apart is apart, and nothing overtook anything.
    let sent = |path: &std::path::Path| -> Vec<(String, u64)> {
        let filter = "dir:out and (kind:ws.text or kind:ws.binary or kind:ws.ping)";
        let shown = pushscope(&["show", text(path), "--format", "jsonl", "--filter", filter]).records();
        shown.iter().map(|it| (it["kind"].as_str().unwrap().to_owned(), it["at_ns"].as_u64().unwrap())).collect()
    };
    let (before, after) = (sent(&recorded), sent(&again));
    assert!(before.iter().map(|it| &it.0).eq(after.iter().map(|it| &it.0)), "{before:?}\n{after:?}");
    assert!(after.is_sorted_by_key(|it| it.1));
    let took = |sent: &[(String, u64)]| sent[4].1 - sent[0].1;
    assert!(took(&before) > 200_000_000 && took(&after) > 100_000_000, "{before:?}\n{after:?}");

    // What was said is the same on both sides: a check by its exit code.
    let ended = pushscope(&["compare", text(&recorded), text(&again)]);
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "10 equal"), "{ended:#?}");
}

#[test]
fn where_no_address_is_given_it_goes_where_it_went_and_only_what_matches_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, port) = server();
    let recorded = folder.path().join("a.pushscope");
    let url = format!("ws://127.0.0.1:{port}/");
    let send = ["--send", "one", "--send", "two", "--send", "three", "--count", "3"];
    pushscope(&[&["record", &url, "-o", text(&recorded), "-q"][..], &send].concat()).lines();
    told(&mut node, 5);

    let all = ["resend", text(&recorded), "--speed", "max", "--linger", "200ms", "--format", "jsonl"];
    let ended = pushscope(&[&all[..], &["--filter", "\"t\""]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains(&format!("to {url}, as the recording says")), "{ended:#?}");
    assert!(ended.err.contains("not sent: messages that the filter leaves out: 1"), "{ended:#?}");
    assert_eq!(received(&ended.records_so_far(), "ws.text"), ["two", "three"]);
}

#[test]
fn frames_go_out_byte_for_byte_with_fresh_keys_unless_they_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, port) = server();
    let script = file(folder.path(), "talk.toml", TALK);
    let recorded = folder.path().join("a.pushscope");
    let url = format!("ws://127.0.0.1:{port}/");
    // Without compression, whose window both sides would have to share.
    let record = ["record", &url, "--no-deflate", "--script", text(&script), "-o", text(&recorded), "-q"];
    pushscope(&record).lines();
    let was_told = told(&mut node, 7);

    let frames = |path: &std::path::Path| -> Vec<Vec<(String, String)>> {
        let filter = "dir:out kind:ws.frame";
        let shown = pushscope(&["show", text(path), "--format", "jsonl", "--fields", "--filter", filter]).records();
        let field = |it: &serde_json::Value| (it["key"].to_string(), it["value"].to_string());
        shown.iter().map(|it| it["fields"].as_array().unwrap().iter().map(field).collect()).collect()
    };
    let without_keys = |mut frames: Vec<Vec<(String, String)>>| {
        let is_keyed = |key: &str| key.contains("masking_key") || key.contains("payload\"");
        frames
            .iter_mut()
            .for_each(|fields| fields.retain(|(key, _)| !is_keyed(key) && !key.contains("masked_payload")));
        frames
    };
    for keeps in [false, true] {
        let again = folder.path().join(format!("{keeps}.pushscope"));
        let resend = ["resend", text(&recorded), "--frames", "--speed", "max", "-o", text(&again), "-q"];
        let ended = pushscope(&[&resend[..], if keeps { &["--keep-masks"] } else { &[] }].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:#?}");
        assert_eq!(told(&mut node, 7), was_told, "the server got the same");
        let (before, after) = (frames(&recorded), frames(&again));
        assert_eq!(before.len(), 8, "three fragments, three messages, a ping and a close");
        assert_eq!(before == after, keeps, "{before:?}\n{after:?}");
        assert_eq!(without_keys(before), without_keys(after));
    }
}

#[test]
fn what_could_not_be_sent_is_said_with_a_count() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, port) = server();
    let recorded = folder.path().join("a.pushscope");
    let url = format!("ws://127.0.0.1:{port}/");
    let script = file(folder.path(), "x.toml", "[[step]]\nsend='one'\n[[step]]\nsend='leave'\n[[step]]\nsend='late'");
    // The server leaves before the last of them is answered; that it was sent is enough here.
    let _ = pushscope(&["record", &url, "--script", text(&script), "-o", text(&recorded), "-q"]);
    told(&mut node, 3);
    let late = format!("{TALK}[[step]]\nsend='leave'\n[[step]]\nwait='400ms'\n[[step]]\nsend='never'");
    let script = file(folder.path(), "y.toml", &late);
    let echo = "lab:ws?scenario=quiet";
    pushscope(&["record", echo, "--script", text(&script), "-o", text(&folder.path().join("b.pushscope")), "-q"])
        .lines();
    let ended = pushscope(&["resend", text(&folder.path().join("b.pushscope")), &url, "-q"]);
    ended.refused(1, &["the connection was over after 5 of 6 were sent", "4002"]);

    // Nobody listens there any more.
    drop(node);
    pushscope(&["resend", text(&recorded), "-q"]).refused(1, &["the connection was over after 0 of 3 were sent"]);
    pushscope(&["resend", text(&recorded), "--connection", "7"]).refused(2, &["has no connection 7", "connections: 1"]);
    pushscope(&["resend", text(&recorded), "--speed", "soon"]).refused(2, &["\"soon\" is no speed"]);
    pushscope(&["resend", text(&recorded), "--filter", "size>>"]).refused(2, &["the filter cannot be read"]);
    pushscope(&["resend", text(&folder.path().join("none.pushscope"))]).refused(1, &["none.pushscope"]);
}
