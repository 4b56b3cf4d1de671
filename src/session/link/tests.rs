use crate::session::{Session, Store};
use crate::wire::{Dir, Event, LinkId, What};
use bytes::Bytes;

#[test]
fn everything_is_explained_as_before_when_checkpoints_are_thinned() {
    let mut session = Session::new(Store::memory(), 0);
    for at_ns in 0..400 {
        let line = format!("HTTP/1.1 200 OK\r\nX-Number: {at_ns}\r\nContent-Length: 9000\r\n\r\n{}", "x".repeat(9000));
        session.append(Event { at_ns, link: LinkId(1), what: What::Bytes(Dir::In, Bytes::from(line)) });
    }
    let ids: Vec<usize> = (0..session.records().len()).collect();
    let before: Vec<_> = ids.iter().map(|id| session.explain(*id)).collect();
    let mut link = session.links.remove(0);
    assert!(link.checkpoints.len() > 30);
    for most in [30, 20, 10, 10, 10] {
        link.thin(most);
    }
    assert!(link.checkpoints.len() <= 10);
    session.links.push(link);
    let after: Vec<_> = ids.iter().map(|id| session.explain(*id)).collect();
    assert!(before == after && session.explain_all(&ids, usize::MAX) == after);
}
