//! Logins as utmp, wtmp or their database pair them: only sessions with a terminal are there.

use super::audit_record::tty;
use super::kept::{Files, Kept};
use super::room::Room;
use super::{Ending, Evidence, Flag, Session, Source};
use crate::records::audit_event::Place;
use crate::records::auth_text::From;
use crate::records::login_pairing::{Ended, PairedLogin};

/// Bytes for them.
const ROOM: usize = 3 << 20;
/// The machine of which they are: they name none.
const UNNAMED: u16 = 0;

#[derive(Debug)]
pub(super) struct Records {
    pub(super) sessions: Vec<Session>,
    pub(super) room: Room,
    files: Files,
}

impl Default for Records {
    fn default() -> Records {
        Records { sessions: Vec::new(), room: Room::of(ROOM), files: Files::default() }
    }
}

impl Records {
    /// When they tell of logins; not known where there was no room for all.
    pub(super) fn kept(&mut self) -> Kept {
        let files = std::mem::take(&mut self.files);
        if self.room.refused == 0 { files.finish() } else { Kept::default() }
    }

    pub(super) fn take(&mut self, login: PairedLogin) {
        // The end may stand in the next file, and what lies between the two in none.
        let end_place = login.end_place.unwrap_or(login.begin_place);
        for (time, place) in [(login.start, login.begin_place), (login.end, end_place)] {
            time.into_iter().for_each(|time| self.files.tells(UNNAMED, place.file, time));
        }
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
