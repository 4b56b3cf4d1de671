//! `remark:` and what may follow it.

use super::super::keys::nearest;
use super::{Parsed, Parser};
use crate::session::Mark;
use crate::session::filter::FilterError;
use crate::session::filter::term::Term;

impl Parser<'_> {
    /// What follows `remark:`: nothing or `*` for any, colours with commas between them, or words in quotation marks.
    pub(super) fn remark(&mut self) -> Parsed<Term> {
        let start = self.at;
        if self.peek() == Some('"') {
            let text = self.quoted()?;
            return Ok(Term::RemarkSays(self.literal_regex(start, &text)?));
        }
        let list = self.word();
        if matches!(list, "" | "*" | "any") {
            return Ok(Term::Remark);
        }
        let (mut at, mut marks) = (start, Vec::new());
        for word in list.split(',') {
            let Some(mark) = Mark::named(word) else {
                let meant = nearest(word, Mark::ALL.iter().map(|mark| mark.name()));
                let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
                let names: Vec<&str> = Mark::ALL.iter().map(|mark| mark.name()).collect();
                let text = format!(
                    "a remark is marked {}{meant} What it says stands in quotation marks: remark:\"{word}\"",
                    names.join(", ")
                );
                return Err(FilterError { at, len: word.len(), text });
            };
            marks.push(mark);
            at += word.len() + 1;
        }
        Ok(Term::Marked(marks))
    }
}

#[cfg(test)]
mod tests {
    use crate::session::filter::Filter;
    use crate::session::{Mark, Remark, Session, Store};
    use crate::wire::{Act, ClientAct, Event, LinkId, What};

    fn marked() -> Session {
        let mut session = Session::new(Store::memory(), 0);
        for at_ns in 0..6 {
            let what = What::Client(ClientAct { act: Act::Noticed, text: "noticed".into() });
            session.append(Event { at_ns, link: LinkId(1), what });
        }
        let remarks = [(1, "", Mark::Plain), (3, "The GAP begins", Mark::Red), (4, "", Mark::Blue)];
        for (record, text, mark) in remarks {
            session.set_remark(record, Some(Remark { record, text: text.into(), mark }));
        }
        session
    }

    #[test]
    fn remarks_are_found_by_being_there_by_colour_and_by_words() {
        let session = marked();
        let found = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            assert!(filter.is_of_remarks() && filter.is_cheap());
            filter.select(&session, &[0, 1, 2, 3, 4, 5])
        };
        for any in ["remark:", "remark:*", "remark:any", "(remark:)", "remark: kind:client", "not not remark:*"] {
            assert_eq!(found(any), [1, 3, 4], "{any}");
        }
        assert_eq!(found("remark:red"), [3]);
        assert_eq!(found("remark:plain,blue"), [1, 4]);
        assert_eq!(found("remark=\"the gap\""), [3]);
        assert_eq!(found("-remark:*"), [0, 2, 5]);
        assert_eq!(found("remark:green"), [0; 0]);
    }

    #[test]
    fn a_colour_that_there_is_not_is_named_with_what_may_be_meant() {
        let error = Filter::parse("kind:client remark:blue,rde").unwrap_err();
        assert_eq!((error.at, error.len), (24, 3));
        assert!(error.text.contains("did you mean red?"), "{error}");
        let error = Filter::parse("remark:begins").unwrap_err();
        assert!(error.text.contains("remark:\"begins\""), "{error}");
        assert!(!Filter::parse("kind:client").unwrap().is_of_remarks());
    }
}
