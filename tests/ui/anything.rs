//! Whatever is done in whatever order: the window stays up, and what it shows stays consistent.

use super::{shows, synthetic, until, window};
use pushscope::app::{Command, Group, Move};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

const FILTERS: [&str; 14] = [
    "",
    "kind:sse.*",
    "-kind:sse.event",
    "\"n\":1",
    "/push [0-9]*3/",
    "$.n>20",
    "$.channel",
    "gap>1ms",
    "at<1s size>10",
    "note:any or http.status>=200",
    "kind:(",
    "日本",
    "http.header.name=\"content-type\"",
    "not (dir:in)",
];

fn something(dice: &mut Dice, records: usize, last_ns: u64) -> Command {
    let time = |dice: &mut Dice| dice.roll(last_ns as usize + 10) as u64;
    match dice.roll(12) {
        0 => Command::SetFilter(FILTERS[dice.roll(FILTERS.len())].into()),
        1 => Command::SetFind(FILTERS[dice.roll(FILTERS.len())].into()),
        2 => Command::FindNext(dice.roll(2) == 0),
        3 => Command::Select(Some(dice.roll(records))),
        4 => Command::Move(Move::By(dice.roll(60) as i64 - 30)),
        5 => {
            let (a, b) = (time(dice), time(dice));
            Command::SetRange(Some(a.min(b)..a.max(b)))
        }
        6 => {
            let (a, b) = (time(dice), time(dice));
            Command::ShowTime(Some(a.min(b)..a.max(b)))
        }
        7 => Command::ToggleGroup(Group::ALL[dice.roll(Group::ALL.len())]),
        8 => Command::AddFilter(["kind:sse.event", "-dir:out", "$.n=5"][dice.roll(3)].into()),
        _ => {
            let all: Vec<Command> = Command::catalog().into_iter().map(|(_, command)| command).collect();
            match all[dice.roll(all.len())].clone() {
                // What leaves, asks the desktop, or opens other connections is tested elsewhere.
                Command::Quit | Command::Open | Command::SaveAs | Command::SavePayload | Command::NewRecording => {
                    Command::Find
                }
                Command::ConnectTo(_)
                | Command::ToggleConnect
                | Command::CloseView
                | Command::Send
                | Command::StartReplay => Command::CloseFind,
                other => other,
            }
        }
    }
}

#[test]
fn any_commands_in_any_order_leave_rows_that_match_the_filter() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("lab:sse?rate=400&split=3".into()));
    until(&mut harness, "messages come", |harness| shows(harness, "in sse.event"));
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for step in 0..1500 {
        let view = harness.state().state().view().expect("it is still shown");
        let command = something(&mut dice, view.session.records().len(), view.session.last_at_ns());
        harness.state_mut().app.apply(command.clone());
        if step % 3 == 0 {
            harness.step();
        }
        if step == 700 {
            // The second half is about a recording that lies still, half of it made up.
            harness.state_mut().app.add_session("made up", synthetic(3_000));
        }
        let view = harness.state().state().view().expect("it is still shown");
        let rows: Vec<usize> = (0..view.list.len()).filter_map(|row| view.list.id(row)).collect();
        assert_eq!(rows.len(), view.list.len(), "after {command:?}");
        assert!(rows.is_sorted() && rows.last().is_none_or(|last| *last < view.session.records().len()));
        let filter = pushscope::session::filter::Filter::parse(&view.list.standing).expect("it stands");
        for row in [0, rows.len() / 2, rows.len().saturating_sub(1)] {
            let Some(id) = rows.get(row) else { continue };
            assert!(filter.matches(&view.session, *id), "row {row} after {command:?}: {:?}", view.list.standing);
            let in_time = |range: &std::ops::Range<u64>| range.contains(&view.session.at_ns(*id));
            assert!(view.list.range_ns.as_ref().is_none_or(in_time), "row {row} after {command:?}");
        }
    }
}
