//! Scripts on made-up sessions: the test carries out what the runner orders, answers, and moves the clock.

use super::*;
use crate::session::{Session, Store};
use crate::transport::{LengthForm, Order, Outgoing, RawFrame};
use crate::wire::{Act, ClientAct, Closed, ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn script(text: &str) -> Script {
    let env = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    read::read(text, Path::new(""), &env, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn mistake(text: &str) -> String {
    read::read(text, Path::new(""), &|_| None, &[]).map(|_| ()).expect_err(text).to_string()
}

/// A WebSocket that a script runs on.
struct Story {
    session: Session,
    runner: Runner,
    link: u32,
    now: Moment,
    /// What was ordered, as text.
    said: Vec<String>,
    /// Whether orders go out on the wire.
    is_taking: bool,
}

impl Story {
    fn new(text: &str) -> Story {
        let mut session = Session::new(Store::memory(), 0);
        let id = ConnectionId(1);
        session.take(Entry::Connection(ConnectionInfo { id, spec: r#"{"url":"ws://a/"}"#.into(), label: "a".into() }));
        let runner = Runner::new(Arc::new(script(text)), id, Place::default(), 0);
        let now = Moment { at: Instant::now(), wall: "2026-01-31T12:00:00Z".parse().unwrap() };
        Story { session, runner, link: 0, now, said: Vec::new(), is_taking: true }
    }

    fn event(&mut self, what: What) {
        self.session.append(Event { at_ns: 1, link: LinkId(self.link), what });
    }

    /// The link is opened and upgraded.
    fn open(mut self) -> Story {
        self.link += 1;
        let purpose = if self.link == 1 { "request".to_owned() } else { format!("reconnection {}", self.link - 1) };
        let (connection, host) = (ConnectionId(1), "a".to_owned());
        self.event(What::Opening(Opening { connection, host, port: 80, tls: false, purpose, via: None }));
        self.event(What::Bytes(
            Dir::Out,
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".into(),
        ));
        self.event(What::Bytes(Dir::In, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".into()));
        self
    }

    fn drops(mut self) -> Story {
        self.event(What::Closed(Closed { by: Dir::In, text: "gone".to_owned() }));
        self
    }

    fn ends(mut self, text: &str) -> Story {
        self.event(What::Client(ClientAct { act: Act::Done, text: text.to_owned() }));
        self
    }

    /// The server says this.
    fn hears(mut self, text: &str) -> Story {
        self.event(What::Bytes(Dir::In, frame(1, text.as_bytes(), None)));
        self
    }

    fn later(mut self, ms: u64) -> Story {
        self.now.at += Duration::from_millis(ms);
        self
    }

    /// The runner is asked until it has nothing to do.
    fn goes_on(mut self) -> Story {
        for _ in 0..10_000 {
            let turn = self.runner.step(&self.session, self.now);
            let had_orders = !turn.orders.is_empty();
            for order in turn.orders {
                self.take(order);
            }
            if turn.again || (had_orders && self.is_taking) {
                continue;
            }
            return self;
        }
        panic!("it never rests");
    }

    fn take(&mut self, order: Order) {
        let (opcode, payload) = match &order {
            Order::Send(Outgoing::Text(text)) => (1, text.clone().into_bytes()),
            Order::Send(Outgoing::Ping(bytes)) => (9, bytes.to_vec()),
            Order::Send(Outgoing::Message(message)) => (1, message.payload.to_vec()),
            Order::Close { code, reason } => (8, [&code.unwrap_or(1000).to_be_bytes(), reason.as_bytes()].concat()),
            other => {
                self.said.push(format!("{other:?}"));
                return;
            }
        };
        self.said.push(format!("{opcode} {}", String::from_utf8_lossy(&payload)));
        if self.is_taking {
            self.event(What::Bytes(Dir::Out, frame(opcode, &payload, Some([1, 2, 3, 4]))));
        }
    }

    #[track_caller]
    fn said(self, expected: &[&str]) -> Story {
        assert_eq!(self.said, expected, "{:?}", self.runner.outcome());
        Story { said: Vec::new(), ..self }
    }

    #[track_caller]
    fn passed(&self) {
        assert_eq!(self.runner.outcome(), Some(&Outcome::Passed));
    }

    #[track_caller]
    fn runs(self) -> Story {
        assert_eq!(self.runner.outcome(), None);
        self
    }

    #[track_caller]
    fn failed(&self, words: &[&str]) -> Failure {
        let Some(Outcome::Failed(failure)) = self.runner.outcome() else {
            panic!("{:?}", self.runner.outcome());
        };
        for word in words {
            assert!(failure.text.contains(word), "no {word:?} in {failure:?}");
        }
        failure.clone()
    }
}

fn frame(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Bytes {
    let payload = Bytes::copy_from_slice(payload);
    RawFrame { fin: true, rsv: [false; 3], opcode, mask, length_form: LengthForm::Minimal, claimed_len: None, payload }
        .bytes()
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_is_allowed() {
    let cases = [
        ("[[step]]\nexpct = \"a\"", "line 2, column 1: a step has no key \"expct\"; it may have send, ping"),
        ("nam = 1", "line 1, column 1: a script has no key \"nam\"; it may have name, at_end"),
        ("[[step]]\nexpect = \"kind:smoke\"", "line 2, column 16: the filter cannot be read: there is no kind"),
        ("[[step]]\nexpect = ''", "expect is a filter, such as"),
        ("[[step]]\nsend = \"こ {{nam}}\"", "line 2, column 13: there is no variable \"nam\"; there are n, now"),
        ("[[step]]\nsend = \"{{n}}\"", "{{n}} is the number of a repetition, and this is in none"),
        ("[[step]]\nsend = \"{{env.TOKEN}}\"", "TOKEN is not in the environment"),
        ("[[step]]\nsend = \"{{\"", "line 2, column 9: {{ has no }} behind it"),
        (
            "[[step]]\nsend = \"a\"\nwait = \"1s\"",
            "line 3, column 1: a step does one thing, and this one has send and wait",
        ),
        ("[[step]]\nsend = \"a\"\nrepeat = 2", "repeat says how often steps are repeated"),
        ("[[step]]\nsend = \"a\"\nwithin = \"1s\"", "within does not go with send"),
        ("[[step]]\nwait = 5", "line 2, column 8: wait is a time with its unit: write wait = \"250ms\""),
        ("[[step]]\nwait = \"0s\"", "wait is a time from 1ms to 1000h"),
        ("[[step]]\nwait = \"5 parsecs\"", "is no time; a number and ms, s, m or h are"),
        ("[[step]]\nrepeat = 2\nsteps = []", "there are no steps in it"),
        ("[[step]]\nsteps = [{ send = \"a\" }]", "steps are repeated; say how often"),
        ("[[step]]\nrepeat = \"often\"\nsteps = [{ send = \"a\" }]", "repeat is a number of times, or \"forever\""),
        ("[[step]]\nwithin = \"1s\"", "a step does one of send, ping"),
        ("[[step]]\nexpect_not = \"a\"", "expect_not needs a time"),
        ("[[step]]\nsend = { json = '{' }", "this is no JSON"),
        ("[[step]]\nsend = { hex = 'zz' }", "not hexadecimal"),
        ("[[step]]\nsend = { as = 'text' }", "one of text, json, hex, base64, file"),
        ("[[step]]\nsend = { hex = 'ff', as = 'text' }", "a text message is UTF-8"),
        ("[[step]]\nsend = { file = 'not there' }", "cannot be read"),
        ("[[step]]\nsend = { textt = 'a' }", "send has no key \"textt\"; it may have text, json"),
        ("[[step]]\nclose = 70000", "close is a whole number from 0 to 65535"),
        ("[[step]]\nframe = { opcode = 16 }", "opcode is a whole number from 0 to 15"),
        ("[[step]]\nexpect = 'a'\nset = { now = '$.a' }", "{{now}} is always there"),
        ("[[step]]\nexpect = 'a'\nset = { b = 'a..' }", "is no JSONPath"),
        ("at_end = \"go\"\nstep = []", "at_end is \"close\" or \"stay\""),
        ("", "there are no steps"),
        ("[[step]\nsend = 5", "line 1, column 8: this is no TOML"),
    ];
    for (text, expected) in cases {
        let said = mistake(text);
        assert!(said.contains(expected), "{text}\n  said {said}\n  not  {expected}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn it_sends_waits_and_checks_in_order() {
    let text = r#"
        [variables]
        room = "lobby"
        [[step]]
        send = { json = { op = "join", room = "{{room}}" } }
        [[step]]
        expect = '$.op="joined"'
        set = { id = "$.id" }
        equals = { "$.room" = "{{room}}", "$.n" = 2 }
        [[step]]
        repeat = 2
        steps = [{ send = '{{id}} {{n}} {{now}} {{now_ms}}' }, { wait = "100ms" }]
        [[step]]
        send = { json = '{"id": {{id}}, "text": "say \"{{room}}\""}' }
    "#;
    let story = Story::new(text).goes_on().said(&[]).open().goes_on().said(&[r#"1 {"op":"join","room":"lobby"}"#]);
    let story = story.hears("hello").goes_on().said(&[]).runs();
    let story = story.hears(r#"{"op":"joined","room":"lobby","n":2.0,"id":7}"#).goes_on();
    let story = story.said(&["1 7 1 2026-01-31T12:00:00Z 1769860800000"]).later(50).goes_on().said(&[]);
    let story = story.later(50).goes_on().said(&["1 7 2 2026-01-31T12:00:00Z 1769860800000"]).later(100).goes_on();
    story.said(&[r#"1 {"id": 7, "text": "say \"lobby\""}"#]).passed();
}

#[test]
fn what_does_not_come_fails_with_what_came_last() {
    let text = "[[step]]\nexpect = 'kind:ws.text \"pong\"'\nwithin = '2s'";
    let story = Story::new(text).open().goes_on().hears("pang").later(1999).goes_on().runs().later(1).goes_on();
    let failure = story.failed(&["step 1 (line 2), expect kind:ws.text \"pong\" within 2s: nothing that matches came"]);
    assert!(failure.text.ends_with("ws.text pang"), "{failure:?}");
    assert!(failure.record.is_some_and(|id| story.session.summary(id) == "pang"));

    let text = "[[step]]\nexpect = '$.n'\nequals = { '$.n' = 5 }";
    Story::new(text).open().hears(r#"{"n":6}"#).goes_on().failed(&["$.n is 6, expected 5; this came: #"]);

    let text = "[[step]]\nexpect_not = 'kind:ws.text'\nwithin = '1s'";
    Story::new(text).open().hears("no").goes_on().failed(&["expect not kind:ws.text within 1s: this came: #", "no"]);
    Story::new(text).open().goes_on().later(1000).goes_on().passed();
}

#[test]
fn what_came_between_two_steps_is_not_missed_and_what_we_sent_is_not_taken_for_an_answer() {
    let text = "[[step]]\nsend = 'one'\n[[step]]\nwait = '1s'\n[[step]]\nexpect = 'one'\n[[step]]\nexpect = 'two'";
    let story = Story::new(text).open().goes_on().hears("ONE").hears("two").later(1000).goes_on();
    story.passed();
    let story = Story::new(text).open().goes_on().later(1000).goes_on().hears("two").later(5000).goes_on();
    story.failed(&["step 3", "expect one", "the last that came is", "two"]);
}

#[test]
fn a_wait_that_is_in_vain_goes_on_and_an_expectation_does_not() {
    let text = "[[step]]\nwait_for = 'never'\nwithin = '1s'\n[[step]]\nsend = 'on'";
    Story::new(text).open().goes_on().later(1000).goes_on().said(&["1 on"]).passed();
    let text = "[[step]]\nwait_for = 'never'\n[[step]]\nsend = 'on'";
    let story = Story::new(text).open().goes_on().later(1_000_000).goes_on().runs();
    story.ends("closed by the server").goes_on().failed(&["before the connection was over (closed by the server)"]);
}

#[test]
fn subscriptions_are_sent_again_with_each_connection_before_anything_else() {
    let text = r#"
        [[on_connect]]
        send = "subscribe"
        [[on_connect]]
        expect = "subscribed"
        [[step]]
        every = "1s"
        steps = [{ send = "tick {{n}}" }]
    "#;
    let story = Story::new(text).open().goes_on().said(&["1 subscribe"]).later(500).goes_on().said(&[]);
    let story = story.hears("subscribed").goes_on().said(&["1 tick 1"]).later(1000).goes_on().said(&["1 tick 2"]);
    // With the link down nothing is sent; opened again, the subscription goes first.
    let story = story.drops().later(1000).goes_on().said(&[]).open().goes_on().said(&["1 subscribe"]);
    let story = story.later(400).hears("subscribed").goes_on().said(&["1 tick 3"]);
    let story = story.drops().open().goes_on().said(&["1 subscribe"]).later(5000).goes_on();
    story.failed(&["step on_connect 2 (line 5), expect subscribed within 5s: nothing that matches came"]);
}

#[test]
fn a_repetition_ends_by_a_count_a_record_or_a_time() {
    let text = "[[step]]\nrepeat = 100\nevery = '10ms'\nuntil = '$.done'\nset = { at = '$.done' }\nsteps = [{ send = '{{n}}' }]\n[[step]]\nsend = 'done {{at}}'";
    let story = Story::new(text).open().goes_on().said(&["1 1"]).later(10).goes_on().said(&["1 2"]);
    story.hears(r#"{"done":"now"}"#).goes_on().said(&["1 done now"]).passed();

    let text = "[[step]]\nfor = '25ms'\nsteps = [{ send = '{{n}}' }, { wait = '10ms' }]";
    let story = Story::new(text).open().goes_on().later(10).goes_on().later(10).goes_on().later(10).goes_on();
    story.said(&["1 1", "1 2", "1 3"]).passed();

    let text = "[[step]]\nrepeat = 2\nsteps = [{ repeat = 2, steps = [{ send = '{{n}}' }] }, { send = 'outer {{n}}' }]";
    Story::new(text).open().goes_on().said(&["1 1", "1 2", "1 outer 1", "1 1", "1 2", "1 outer 2"]).passed();
}

#[test]
fn a_script_that_never_ends_is_bounded() {
    let text = "[[step]]\nrepeat = 'forever'\nsteps = [{ repeat = 1000000, steps = [{ send = 'x' }] }]";
    let mut story = Story::new(text).open();
    story.is_taking = false;
    let story = story.goes_on().runs();
    assert_eq!(story.said.len(), 64, "no more than so many are on their way");
    let mut story = story.goes_on();
    assert_eq!(story.said.len(), 64);
    story.runner.stop();
    let Some(Outcome::Stopped(at)) = story.runner.outcome() else { panic!("{:?}", story.runner.outcome()) };
    assert_eq!(at, "stopped at step 1.1.1 (line 3), send \"x\"");
    assert!(story.runner.step(&story.session, story.now).orders.is_empty());
    // A call takes a bounded number of steps, however quick each is.
    let text = "[[step]]\nrepeat = 'forever'\nsteps = [{ send = 'x' }]";
    let mut story = Story::new(text).open();
    for _ in 0..100 {
        let turn = story.runner.step(&story.session, story.now);
        assert!(turn.orders.len() <= 64);
        turn.orders.into_iter().for_each(|order| story.take(order));
    }
    // Where nothing can come any more, repeating what only waits comes to an end.
    let text = "[[step]]\nrepeat = 'forever'\nsteps = [{ wait = '1ms' }]";
    Story::new(text).open().goes_on().ends("closed").goes_on().passed();
}

#[test]
fn secrets_are_sent_and_never_shown() {
    let text = "[[step]]\nsend = 'auth {{env.TOKEN}}'\n[[step]]\nexpect = 'welcome \"{{env.TOKEN}}\"'\nwithin = '1s'";
    let story =
        Story::new(text).open().goes_on().said(&["1 auth s3cret"]).hears("no user s3cret").later(1000).goes_on();
    let failure = story.failed(&["{{env.TOKEN}}", "no user ***"]);
    assert!(!failure.text.contains("s3cret"));
    assert!(!format!("{:?}", story.runner).contains("s3cret"));
}

#[test]
fn raw_frames_fragments_and_closes_are_ordered_as_written() {
    let text = r#"
        [[step]]
        frame = { opcode = "continuation", fin = false, rsv1 = true, mask = "01020304", length = "64", claim = 9, hex = "ff" }
        [[step]]
        send = { text = "abcdef", fragments = 2, compress = false }
        [[step]]
        ping = "p"
        [[step]]
        close = { code = 1005, reason = "why" }
    "#;
    let mut story = Story::new(text).open();
    let turn = story.runner.step(&story.session, story.now);
    let [Order::Send(Outgoing::Frames(frames)), Order::Send(Outgoing::Message(message)), ping, close] =
        &turn.orders[..]
    else {
        panic!("{:?}", turn.orders)
    };
    assert_eq!(&frames[0].bytes()[..], [0x40, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0xFE]);
    assert_eq!((&message.fragments_bytes[..], message.compress), (&[2, 2][..], Some(false)));
    assert_eq!(*ping, Order::Send(Outgoing::Ping("p".into())));
    assert_eq!(*close, Order::Close { code: Some(1005), reason: "why".into() });
}

#[test]
fn what_cannot_be_sent_fails_the_step_that_sent_it() {
    let mut story = Story::new("[[step]]\nsend = 'a'\n[[step]]\nwait = '1s'").open();
    story.is_taking = false;
    let mut story = story.goes_on();
    story.event(What::Client(ClientAct { act: Act::NotSent, text: "not sent: because".to_owned() }));
    story.goes_on().failed(&["step 1 (line 2), send \"a\": not sent: because"]);
    let story = Story::new("[[step]]\nsend = 'a'").open().drops().ends("TCP: refused").goes_on();
    story.failed(&["it cannot be sent: the connection is over (TCP: refused)"]);
}

#[test]
fn variables_that_make_too_much_of_a_step_fail_it() {
    // 500 kB, 200 times over.
    for send in [format!("'{}'", "{{x}}".repeat(200)), format!("{{ json = [{}] }}", "'{{x}}',".repeat(200))] {
        let text = format!("[variables]\nx = '{}'\n[[step]]\nsend = {send}\n", "y".repeat(500_000));
        let story = Story::new(&text).open().goes_on();
        let Some(Outcome::Failed(failure)) = story.runner.outcome() else { panic!("{:?}", story.runner.outcome()) };
        assert!(failure.text.len() < 1000, "{} bytes", failure.text.len());
        story.failed(&["longer than 16 MiB, the most that a step may come to"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_script_without_an_end_is_not_read_to_it() {
    let error = Script::load(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(error, "/dev/zero has more than 1 MiB and is no script");
}
