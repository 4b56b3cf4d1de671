//! Links into a recording: copied, opened from wherever a recording is, and wrong.

use super::*;
use pushscope::app::LinkTo;
use pushscope::session::file::SessionWriter;
use std::path::PathBuf;

/// A recording of a wait every second, in a file.
fn recorded(folder: &Path, name: &str, count: u64) -> PathBuf {
    let path = folder.join(name);
    let mut writer = SessionWriter::create(&path, 1_700_000_000_000_000_000).unwrap();
    let info = ConnectionInfo { id: ConnectionId(1), spec: String::new(), label: "made up".into() };
    writer.put(Entry::Connection(info)).unwrap();
    writer.put(Entry::Event(Event { at_ns: 0, link: LinkId(1), what: opening(1) })).unwrap();
    for n in 1..=count {
        let what = wait(format!("wait {n}"));
        writer.put(Entry::Event(Event { at_ns: n * SECOND, link: LinkId(1), what })).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn copied(harness: &mut Hands, to: LinkTo) -> String {
    harness.state_mut().app.apply(Command::CopyLink(to));
    harness.step();
    let commands = &harness.output().platform_output.commands;
    let text = commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    text.expect("a link was copied")
}

#[test]
fn a_copied_link_leads_back_from_the_address_bar() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), "it's #1.pushscope", 60);
    let mut harness = window(folder.path());
    apply(&mut harness, Command::OpenPath(path.clone()));
    until(&mut harness, "it is read", |harness| view(harness).list.len() == 61);
    apply(&mut harness, Command::Select(Some(41)));
    let record = copied(&mut harness, LinkTo::Record);
    assert!(record.starts_with("pushscope ") && record.contains("#record=42"), "{record}");
    apply(&mut harness, Play::To(12 * SECOND + 500_000_000));
    let moment = copied(&mut harness, LinkTo::Moment);
    assert!(moment.contains("#at=12.5s"), "{moment}");
    apply(&mut harness, Command::CloseView);

    for (link, selected, rows) in [(record, Some(41), 61), (moment, None, 13)] {
        // What a shell makes of it.
        let link = link.replace("'\\''", "'");
        harness.get_by_label("Address").focus();
        harness.run_steps(2);
        harness.get_by_label("Address").type_text(&link);
        harness.run_steps(2);
        harness.key_press(egui::Key::Enter);
        until(&mut harness, "it has gone there", |harness| {
            let view = harness.state().state().view();
            view.is_some_and(|view| view.selected == selected && view.list.len() == rows)
        });
        apply(&mut harness, Command::CloseView);
        apply(&mut harness, Command::SetDraft(Box::default()));
    }
}

#[test]
fn a_link_waits_until_its_record_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), "long.pushscope", 60_000);
    let mut harness = window(folder.path());
    apply(&mut harness, Command::OpenPath(format!("{}#record=59990", path.display()).into()));
    until(&mut harness, "it has gone there", |harness| view(harness).selected == Some(59_989));
    until(&mut harness, "its row is in sight", |harness| shows(harness, "59990 out client wait 59989"));
    apply(&mut harness, Command::OpenPath(format!("file://{}#at=100ms", path.display()).into()));
    until(&mut harness, "it went to the moment, in the recording that was open", |harness| {
        view(harness).moment().is_some_and(|moment| moment.at_ns == 100_000_000 && moment.records == 1)
    });
    assert_eq!(harness.state().state().views.len(), 1);
}

#[test]
fn what_is_beyond_the_end_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), "short.pushscope", 5);
    let mut harness = window(folder.path());
    apply(&mut harness, Command::OpenPath(format!("{}#record=7", path.display()).into()));
    until(&mut harness, "it says so", |harness| shows(harness, "short: there is no record 7: the recording has 6"));
    apply(&mut harness, Command::OpenPath(format!("{}#at=1m", path.display()).into()));
    assert!(shows(&harness, "names no moment"), "{:?}", labels(&harness));
    apply(&mut harness, Command::OpenPath(format!("{}#at=90s", path.display()).into()));
    until(&mut harness, "it says so", |harness| shows(harness, "the recording ends at 5.000 s, before 90 s"));
    assert_eq!(view(&harness).list.len(), 6, "and shows all there is");
}

#[test]
fn a_session_in_no_file_has_no_links() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("in memory", seconds(3));
    apply(&mut harness, Command::Select(Some(1)));
    apply(&mut harness, LinkTo::Record);
    assert!(shows(&harness, "in no file that a link could lead to"), "{:?}", labels(&harness));
}
