//! Links into recordings: `FILE#record=123` is a record by its number as it is shown, `FILE#at=12.5s` a moment.
//!
//! A file whose name has such an ending of its own is opened as that file.

use super::{App, Command, View, Wish};
use crate::session::RecordId;
use std::path::{Path, PathBuf};

/// A place in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A record.
    Record(RecordId),
    /// A moment, in nanoseconds since the recording began.
    Moment(u64),
}

/// What a copied link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTo {
    /// The selected record.
    Record,
    /// The moment that is shown in playback, else that of the selected record.
    Moment,
}

impl LinkTo {
    /// Every choice.
    pub const ALL: [LinkTo; 2] = [LinkTo::Record, LinkTo::Moment];

    /// What copying it is called.
    pub fn label(self) -> &'static str {
        match self {
            LinkTo::Record => "Copy link to this record",
            LinkTo::Moment => "Copy link to this moment",
        }
    }
}

impl Place {
    /// What stands behind the `#`.
    fn fragment(self) -> String {
        match self {
            Place::Record(id) => format!("record={}", id + 1),
            Place::Moment(at_ns) => {
                let text = format!("{}.{:09}", at_ns / 1_000_000_000, at_ns % 1_000_000_000);
                format!("at={}s", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }

    /// What a fragment says; `None` where it is none of ours, an error where it is one that says nothing.
    fn parse(fragment: &str) -> Option<Result<Place, String>> {
        if let Some(number) = fragment.strip_prefix("record=") {
            let number: Option<usize> = number.replace(',', "").parse().ok();
            let id = number.and_then(|number| number.checked_sub(1));
            let wrong = || format!("#{fragment} names no record: they are numbered from 1, as in #record=12");
            return Some(id.map(Place::Record).ok_or_else(wrong));
        }
        let time = fragment.strip_prefix("at=")?;
        let wrong = || format!("#{fragment} names no moment: #at=12.5s is one");
        Some(seconds(time).map(Place::Moment).ok_or_else(wrong))
    }
}

/// Nanoseconds of a time such as `12.5s`, to the last digit; `ms`, `us` and `ns` are units, too.
fn seconds(text: &str) -> Option<u64> {
    let unit_at = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_ns: u64 = match unit {
        "s" | "" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit_ns)?;
    let digits: String = part.chars().take(9).collect();
    if !part.chars().all(|char| char.is_ascii_digit()) {
        return None;
    }
    let part = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? };
    let part = part * 10_u64.pow(9 - digits.len() as u32);
    whole.checked_add((u128::from(part) * u128::from(unit_ns) / 1_000_000_000) as u64)
}

/// The file and the place in it that a target leads to. The error says what is wrong with the place.
pub(super) fn read(target: &Path) -> Result<(PathBuf, Option<Place>), String> {
    // A file of the very name is that file, whatever its name looks like.
    let Some(text) = target.to_str().filter(|_| target.symlink_metadata().is_err()) else {
        return Ok((target.to_owned(), None));
    };
    let text = unquoted(text);
    if let Some(url) = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("file:")).and_then(|_| url(text)) {
        let place = url.fragment().and_then(Place::parse).transpose()?;
        let path = url.to_file_path().map_err(|()| format!("{text} names no file on this machine"))?;
        return Ok((path, place));
    }
    let whole = PathBuf::from(text);
    let parts = text.rsplit_once('#').filter(|_| !whole.exists());
    match parts.and_then(|(path, fragment)| Some((path, Place::parse(fragment)?))) {
        Some((path, place)) => Ok((PathBuf::from(path), Some(place?))),
        None => Ok((whole, None)),
    }
}

fn url(text: &str) -> Option<url::Url> {
    url::Url::parse(text).ok()
}

/// A target without the command that a copied link begins with, and without its quotation marks.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("pushscope ").map_or(text, str::trim);
    let within = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    within('\'').or_else(|| within('"')).unwrap_or(text)
}

/// Whether what was typed as an address is a recording's file or a link into one.
pub fn is_file(address: &str) -> bool {
    let text = unquoted(address);
    if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) {
        return true;
    }
    if text.contains("://") || text.starts_with("lab:") {
        return false;
    }
    let Ok((path, place)) = read(Path::new(text)) else { return true };
    let is_named = path.extension().is_some_and(|extension| extension == "pushscope");
    path.is_file() || is_named || (place.is_some() && path.exists())
}

/// A link as it is typed into a terminal: apostrophes of the name are taken care of.
fn command(path: &Path, place: Place) -> String {
    let target = format!("{}#{}", path.display(), place.fragment());
    if cfg!(windows) {
        format!("pushscope \"{target}\"")
    } else {
        format!("pushscope '{}'", target.replace('\'', "'\\''"))
    }
}

impl View {
    /// Where a link to this would lead.
    fn place_of(&self, to: LinkTo) -> Option<Place> {
        let selected = self.selected.filter(|id| *id < self.session.records().len());
        match to {
            LinkTo::Record => selected.map(Place::Record),
            LinkTo::Moment => match self.moment() {
                Some(moment) => Some(Place::Moment(moment.at_ns)),
                None => selected.map(|id| Place::Moment(self.session.completed_ns(id))),
            },
        }
    }

    /// Goes where a link leads once that was read; what is to be said of it.
    pub(super) fn go_to_place(&mut self) -> Option<Result<String, String>> {
        let place = self.wanted?;
        let is_reading = matches!(&self.source, super::Source::File(reading) if reading.is_reading());
        let (records, last_ns) = (self.session.records().len(), self.session.last_at_ns());
        let is_there = match place {
            Place::Record(id) => id < records,
            Place::Moment(at_ns) => at_ns < last_ns || (at_ns == last_ns && !is_reading),
        };
        if !is_there && is_reading {
            return None;
        }
        self.wanted = None;
        match place {
            Place::Record(id) if is_there => {
                self.list.set_follow(false);
                self.select(Some(id));
                Some(Ok(String::new()))
            }
            Place::Record(id) => {
                let number = id + 1;
                Some(Err(format!("{}: there is no record {number}: the recording has {records}", self.title)))
            }
            Place::Moment(at_ns) => {
                self.list.set_follow(true);
                self.show_moment(Some(self.session.moment(at_ns.min(last_ns))));
                let (wanted, last) = (at_ns as f64 / 1e9, last_ns as f64 / 1e9);
                let late = || format!("{}: the recording ends at {last:.3} s, before {wanted} s", self.title);
                Some(if is_there { Ok(String::new()) } else { Err(late()) })
            }
        }
    }
}

impl App {
    /// Goes where links lead, as far as that was read.
    pub(super) fn go_to_places(&mut self) {
        let mut said = Vec::new();
        for view in &mut self.state.views {
            if let Some(went) = view.go_to_place() {
                if self.state.active == Some(view.id) {
                    self.wishes.push(Wish::Reveal);
                }
                said.extend(went.err());
            }
        }
        said.into_iter().for_each(|text| self.complain(text));
    }

    pub(super) fn copy_link(&mut self, to: LinkTo) {
        let Some(view) = self.state.view() else { return };
        let (Some(path), Some(place)) = (view.path(), view.place_of(to)) else { return };
        let path = std::path::absolute(&path).unwrap_or(path);
        self.wishes.push(Wish::Copy(command(&path, place)));
        self.say(format!("Copied a link to {}#{}", path.display(), place.fragment()));
    }

    /// Why there is no link to copy.
    pub(super) fn link_objection(&self, to: LinkTo) -> Option<String> {
        let Some(view) = self.state.view() else { return Some("no recording is open".to_owned()) };
        match (view.path(), view.place_of(to)) {
            (None, _) => Some("this recording is in no file that a link could lead to".to_owned()),
            (_, None) => Some("no record is selected".to_owned()),
            _ => None,
        }
    }
}

impl From<LinkTo> for Command {
    fn from(to: LinkTo) -> Command {
        Command::CopyLink(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_records_as_they_are_numbered_and_to_moments() {
        let at = |target: &str| read(Path::new(target)).unwrap();
        let file = || PathBuf::from("/a b/c.pushscope");
        assert_eq!(at("/a b/c.pushscope"), (file(), None));
        assert_eq!(at("/a b/c.pushscope#record=123"), (file(), Some(Place::Record(122))));
        assert_eq!(at("/a b/c.pushscope#at=12.5s"), (file(), Some(Place::Moment(12_500_000_000))));
        assert_eq!(at("file:///a%20b/c.pushscope#at=250ms"), (file(), Some(Place::Moment(250_000_000))));
        assert_eq!(at("pushscope '/a b/c.pushscope#record=1'"), (file(), Some(Place::Record(0))));
        assert_eq!(at("/a#b.pushscope"), (PathBuf::from("/a#b.pushscope"), None));
        assert_eq!(at("/a#b.pushscope#record=2"), (PathBuf::from("/a#b.pushscope"), Some(Place::Record(1))));
        assert_eq!(at("file:///a%23b.pushscope"), (PathBuf::from("/a#b.pushscope"), None));
        for wrong in ["c.pushscope#record=0", "c.pushscope#record=x", "c.pushscope#at=", "c.pushscope#at=3 parsecs"] {
            assert!(read(Path::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_named_like_a_link_is_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a#record=1");
        std::fs::write(&path, "").unwrap();
        assert_eq!(read(&path).unwrap(), (path.clone(), None));
        let inside = PathBuf::from(format!("{}#record=2", path.display()));
        assert_eq!(read(&inside).unwrap(), (path, Some(Place::Record(1))));
        for odd in [" a ", "'a'", "a#record=none", "a.pushscope "] {
            let path = folder.path().join(odd);
            std::fs::write(&path, "").unwrap();
            assert_eq!(read(&path).unwrap(), (path, None));
        }
    }

    #[test]
    fn files_are_told_from_addresses() {
        for file in ["file:///a", "a.pushscope", "/x/a.pushscope#record=2", "a.pushscope#record=none", "'a.pushscope'"]
        {
            assert!(is_file(file), "{file}");
        }
        for address in ["wss://example.com/a.pushscope", "lab:ws", "https://example.com/#record=1", "example.com", ""] {
            assert!(!is_file(address), "{address}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_link_leads_back_to_where_it_was_copied(at_ns in proptest::prelude::any::<u64>(), id in 0usize..usize::MAX) {
            for place in [Place::Moment(at_ns), Place::Record(id)] {
                let target = command(Path::new("/a b/c.pushscope"), place);
                let read = read(Path::new(&target)).unwrap();
                proptest::prop_assert_eq!(read, (PathBuf::from("/a b/c.pushscope"), Some(place)));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "(pushscope )?['\"]?(file:)?[ -~äµ€]{0,12}(#(record|at)=)?[ -~äµ€]{0,12}") {
            let _ = (read(Path::new(&text)), is_file(&text));
        }
    }
}
