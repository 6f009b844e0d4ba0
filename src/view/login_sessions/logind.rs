//! Living sessions as the state files of systemd-logind have them.

use std::collections::BTreeMap;

use super::audit_record::tty;
use super::room::Room;
use super::{Evidence, Session, Source};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::logind::number;

/// Bytes for them.
const ROOM: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Logind {
    pub(super) sessions: Vec<Session>,
    pub(super) room: Room,
}

impl Default for Logind {
    fn default() -> Logind {
        Logind { sessions: Vec::new(), room: Room::of(ROOM) }
    }
}

impl Logind {
    pub(super) fn take(&mut self, values: &BTreeMap<String, Vec<u8>>, place: Place) {
        let session = session(values, Evidence { source: Source::Logind, place });
        if self.room.take(session.weight() * 2) {
            self.sessions.push(session);
        }
    }
}

fn session(values: &BTreeMap<String, Vec<u8>>, evidence: Evidence) -> Session {
    let text = |key: &str| {
        let mut text = values.get(key).cloned().unwrap_or_default();
        text.truncate(256);
        text
    };
    let small = |key: &str| number(values, key).and_then(|value| u32::try_from(value).ok());
    let start = number(values, "REALTIME").and_then(|micros| {
        let seconds = i64::try_from(micros / 1_000_000).ok()?;
        Some(Timestamp::from_unix(seconds, u32::try_from(micros % 1_000_000).ok()? * 1_000))
    });
    let mut session = Session {
        ses: small("AUDIT").filter(|ses| *ses != u32::MAX),
        auid: small("UID"),
        user: text("USER"),
        service: text("SERVICE"),
        pid: small("LEADER"),
        terminal: tty(&text("TTY")).to_vec(),
        start,
        ..Session::default()
    };
    session.from.address = text("REMOTE_HOST");
    let known = [
        ("ses", session.ses.is_some()),
        ("auid", session.auid.is_some()),
        ("user", !session.user.is_empty()),
        ("service", !session.service.is_empty()),
        ("pid", session.pid.is_some()),
        ("terminal", !session.terminal.is_empty()),
        ("start", session.start.is_some()),
        ("address", !session.from.address.is_empty()),
    ];
    known.into_iter().filter(|(_, known)| *known).for_each(|(field, _)| session.shown_by(field, evidence));
    session
}
