//! Logins as utmp, wtmp or their database pair them: only sessions with a terminal are there.

use super::audit_record::tty;
use super::room::Room;
use super::{Ending, Evidence, Session, Source};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::From;
use crate::records::login_pairing::{self, Ended};

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
    pub address: Option<String>,
    /// The process; 0 for none.
    pub pid: i64,
    /// When it began; none where the record has no time.
    pub start: Option<Timestamp>,
    /// When it had ended at the latest, where that is known.
    pub end: Option<Timestamp>,
    /// How it ended.
    pub ended: Ending,
    /// Where its beginning stands.
    pub begin_place: Place,
    /// Where its end stands.
    pub end_place: Option<Place>,
}

impl std::convert::From<login_pairing::PairedLogin> for PairedLogin {
    fn from(login: login_pairing::PairedLogin) -> PairedLogin {
        PairedLogin {
            user: login.user,
            line: login.line,
            host: login.host,
            address: login.address,
            pid: login.pid,
            start: login.start,
            end: login.end,
            ended: match login.ended {
                // A terminal that waits for the next login: the session had ended by then.
                Ended::Logout | Ended::LineFree => Ending::Logout,
                Ended::Replaced => Ending::Replaced,
                Ended::Down => Ending::Down,
                Ended::Crash => Ending::Crash,
                Ended::OpenAtEndOfLog | Ended::NotFollowed => Ending::OpenAtEndOfLog,
            },
            begin_place: login.begin_place,
            end_place: login.end_place,
        }
    }
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
    let evidence = |place: Place| Evidence { source: Source::LoginRecords, place };
    let pid = u32::try_from(login.pid).ok().filter(|pid| *pid > 0);
    let mut session = Session {
        terminal: tty(&login.line).to_vec(),
        pid,
        start: login.start,
        end: login.end,
        ending: login.ended,
        ..Session::default()
    };
    for (field, known) in [
        ("user", true),
        ("terminal", true),
        ("start", login.start.is_some()),
        ("pid", pid.is_some()),
        ("address", login.address.is_some()),
    ] {
        if known {
            session.shown_by(field, evidence(login.begin_place));
        }
    }
    if let Some(place) = login.end_place {
        session.shown_by("end", evidence(place));
    }
    session.user = login.user;
    session.from = From { address: login.address.unwrap_or_default().into_bytes(), port: None };
    session.hostname = login.host;
    session
}
