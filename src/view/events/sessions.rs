//! Login sessions as dated facts: opened, closed, and where somebody in one acted as another.

use super::{At, Fact, named};
use crate::custody::entry::EntryId;
use crate::path::shown;
use crate::view::login_sessions::{Ending, Session};

/// The facts of a session, where `entries` has the entry of each file by its number. A session that has neither beginning
/// nor end gives none.
pub fn facts(session: &Session, entries: &[EntryId]) -> Vec<Fact> {
    let at =
        session.evidence.first().map(|(_, evidence)| At::of(evidence.place, entries)).unwrap_or_default();
    let who = format!("session{} of {}", numbered(session), named(&session.user));
    let opened = session.start.map(|time| {
        let words = format!(
            "{who} opened{}{}{} (origin {})",
            clause(" by ", &session.service),
            clause(" from ", &session.from.address),
            clause(", method ", &session.method),
            session.label.word()
        );
        Fact::new(time, "session.opened", &words, "sessions", at)
    });
    let closed = session.end.map(|time| {
        let how = match session.ending {
            Ending::Logout => "closed",
            Ending::Replaced => "ended: another login took its terminal",
            Ending::Down => "ended: the machine was shut down",
            Ending::Crash => "ended at the latest: the machine began again without having been shut down",
            Ending::OpenAtEndOfLog => "was open at the end of the log",
        };
        Fact::new(time, "session.closed", &format!("{who} {how}"), "sessions", at)
    });
    let elevations = session.elevations.iter().map(|elevation| {
        let words = format!(
            "{who}: acted as {} by {}{}",
            named(&elevation.to),
            shown(&elevation.by),
            clause(": ", &elevation.command)
        );
        let at = At::of(elevation.evidence.place, entries);
        Fact::new(elevation.time, "session.elevated", &words, "sessions", at)
    });
    let mut facts: Vec<Fact> = opened.into_iter().chain(closed).chain(elevations).collect();
    for fact in &mut facts {
        fact.user = session.user.clone();
        fact.auid = session.auid;
        fact.address = session.from.address.clone();
        fact.pid = session.pid;
        fact.labels.push("derived");
    }
    facts
}

fn numbered(session: &Session) -> String {
    session.ses.map_or_else(String::new, |number| format!(" {number}"))
}

fn clause(before: &str, bytes: &[u8]) -> String {
    if bytes.is_empty() { String::new() } else { format!("{before}{}", shown(bytes)) }
}
