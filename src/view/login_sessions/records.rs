//! Logins as utmp, wtmp or their database pair them: only sessions with a terminal are there.

use std::net::IpAddr;

use super::audit_record::tty;
use super::room::Room;
use super::{Ending, Evidence, Session, Source};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::From;

/// Bytes for them.
const ROOM: usize = 3 << 20;

/// A login and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedLogin {
    /// Who.
    pub user: Vec<u8>,
    /// Terminal.
    pub line: Vec<u8>,
    /// The other side, as it was written there: a name or an address.
    pub host: Vec<u8>,
    /// Its address, where there is one.
    pub address: Option<IpAddr>,
    /// The process.
    pub pid: Option<u32>,
    /// When.
    pub start: Timestamp,
    /// Until when, where that is known.
    pub end: Option<Timestamp>,
    /// How it ended.
    pub ended: Ending,
    /// The records that tell of it: first that of the login.
    pub places: Vec<Place>,
}

#[derive(Debug)]
pub(super) struct Records {
    pub(super) sessions: Vec<Session>,
    pub(super) room: Room,
}

impl Default for Records {
    fn default() -> Records {
        Records { sessions: Vec::new(), room: Room::of(ROOM) }
    }
}

impl Records {
    pub(super) fn take(&mut self, login: PairedLogin) {
        let session = session(login);
        // A list that grows has up to twice the room of what it holds.
        if self.room.take(session.weight() + size_of::<Session>()) {
            self.sessions.push(session);
        }
    }
}

fn session(login: PairedLogin) -> Session {
    let evidence = |at: usize| {
        login.places.get(at).map(|place| Evidence { source: Source::LoginRecords, place: *place })
    };
    let address = login.address.map(|address| address.to_canonical().to_string().into_bytes());
    let mut session = Session {
        terminal: tty(&login.line).to_vec(),
        pid: login.pid,
        start: Some(login.start),
        end: login.end,
        ending: login.ended,
        ..Session::default()
    };
    let (begun, ended) = (evidence(0), evidence(1));
    for (field, known) in [
        ("user", true),
        ("terminal", true),
        ("start", true),
        ("pid", login.pid.is_some()),
        ("address", address.is_some()),
    ] {
        begun.filter(|_| known).into_iter().for_each(|evidence| session.shown_by(field, evidence));
    }
    ended.filter(|_| login.end.is_some()).into_iter().for_each(|evidence| session.shown_by("end", evidence));
    session.user = login.user;
    session.from = From { address: address.unwrap_or_default(), port: None };
    session.hostname = login.host;
    session
}
