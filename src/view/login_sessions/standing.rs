//! Whose an access is that carries a session's number: the session itself while it lasts, and perhaps anybody of that
//! account later.

use std::collections::BTreeSet;

use super::{Flag, Joined, Label, Session};
use crate::clock::Timestamp;

/// Programs that outlive the session that started them, as the kernel names them (`comm`, 15 bytes).
const MULTIPLEXERS: [&[u8]; 5] = [b"tmux", b"screen", b"SCREEN", b"dtach", b"nohup"];
const MANAGERS: [&[u8]; 4] = [b"atd", b"cron", b"crond", b"systemd"];
/// Sessions that are named where several are possible.
const MOST: usize = 16;

/// What can be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The session whose number it carries.
    pub session: Option<&'a Session>,
    /// How well its origin is known.
    pub label: Label,
    /// What is odd about it.
    pub flags: BTreeSet<Flag>,
    /// Where several sessions are possible, those of that account which were on, the first of them.
    pub candidates: Vec<&'a Session>,
    /// How many those are.
    pub possible: usize,
}

impl Joined {
    /// Whose an access is: the boot and number of the session that it carries, its login identity, when it was, and the
    /// names (`comm`) of the processes above it, as far as they are known.
    pub fn standing(
        &self,
        epoch: u32,
        ses: Option<u32>,
        auid: Option<u32>,
        time: Timestamp,
        ancestors: &[&[u8]],
    ) -> Standing<'_> {
        let number = |session: &&Session| session.epoch == Some(epoch) && session.ses == ses;
        let session = self.sessions.iter().find(|session| ses.is_some() && number(session));
        let mut standing = Standing {
            session,
            label: Label::D,
            flags: BTreeSet::new(),
            candidates: Vec::new(),
            possible: 0,
        };
        let Some(auid) = auid else {
            standing.label = Label::E;
            return standing;
        };
        if let Some(session) = session {
            standing.label = session.label;
            standing.flags.clone_from(&session.flags);
            if session.end.is_some_and(|end| end < time) {
                standing.flags.insert(Flag::AfterSessionEnd);
            }
        }
        let named = |names: &[&[u8]]| ancestors.iter().any(|name| names.iter().any(|known| is(name, known)));
        if named(&MULTIPLEXERS) {
            standing.flags.insert(Flag::Multiplexer);
        }
        if named(&MANAGERS) {
            standing.flags.insert(Flag::ServiceManager);
        }
        let of_service = session.is_some_and(|session| session.flags.contains(&Flag::ServiceManager));
        let others =
            [Flag::AfterSessionEnd, Flag::Multiplexer].iter().any(|flag| standing.flags.contains(flag))
                || named(&MANAGERS) && !of_service;
        if others {
            standing.label = Label::C;
            let on =
                |session: &&Session| session.auid == Some(auid) && (number(session) || session.covers(time));
            standing.candidates = self.sessions.iter().filter(on).take(MOST).collect();
            standing.possible = self.sessions.iter().filter(on).count();
        }
        standing
    }
}

/// `tmux` is also `tmux: server`.
fn is(name: &[u8], known: &[u8]) -> bool {
    name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(b":"))
}
