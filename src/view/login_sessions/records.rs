//! Logins as utmp, wtmp or their database pair them: only sessions with a terminal are there.

use super::audit_record::tty;
use super::room::Room;
use super::{Ending, Evidence, Flag, Session, Source};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::From;
use crate::records::login_pairing::{Ended, PairedLogin};

/// Bytes for them.
const ROOM: usize = 3 << 20;

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
    /// From when to when they tell of logins, as far as there was room for all.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let times = || self.sessions.iter().flat_map(|session| session.start.into_iter().chain(session.end));
        times().min().zip(times().max()).filter(|_| self.room.refused == 0)
    }

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
        ending: ending(login.ended),
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
    if login.clock_set != 0 {
        session.flags.insert(Flag::ClockStep);
    }
    session.user = login.user;
    session.from = From { address: login.address.unwrap_or_default().into_bytes(), port: None };
    session.hostname = login.host;
    session
}

fn ending(ended: Ended) -> Ending {
    match ended {
        Ended::Logout | Ended::LineFree => Ending::Logout,
        Ended::Replaced => Ending::Replaced,
        Ended::Down => Ending::Down,
        Ended::Crash => Ending::Crash,
        Ended::OpenAtEndOfLog | Ended::NotFollowed => Ending::OpenAtEndOfLog,
    }
}
