//! Logins as programs tell of them, in texts and journals: each line is put aside as a small fact, and only when all are
//! there they are put in order and read as what became of one process after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::forged::{Forged, Line, ROUNDS, words};
use super::join::absorb;
use super::numbers::{self, Number};
use super::room::Room;
use super::shared::may_be_one_machine;
use super::statement::{What, is_service, what};
use super::witness::disbelieved;
use super::{Elevation, Ending, Evidence, Flag, Session, Source};
use crate::clock::Timestamp;
use crate::records::auth_text::{From, Key, Said, TimeQuality};

/// Bytes for what is said of logins, and for what cron and service managers say of theirs.
const ROOM: usize = 5 << 20;
const SERVICES_ROOM: usize = 1 << 20;
/// A process that was let in opens its session within this time.
pub(super) const OPENS: Duration = Duration::from_secs(60);
/// Two logs tell of the same login if not more lies between.
pub(super) const SAME: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    time: Timestamp,
    source: Source,
    host: Vec<u8>,
    what: What,
    pid: Option<u32>,
    user: Vec<u8>,
    quality: TimeQuality,
    session: Option<u32>,
    /// The number of what is said, by which lines are known again.
    words: u64,
    evidence: Evidence,
}

impl Fact {
    fn line(&self) -> Line<'_> {
        let Fact { words, time, host, pid, .. } = self;
        Line { words: *words, time: *time, host, pid: *pid, file: self.evidence.place.file }
    }

    /// Whether it is the same line once more.
    fn is_copy_of(&self, first: &Fact) -> bool {
        let is_equal = Fact { evidence: first.evidence, ..self.clone() } == *first;
        is_equal && !self.is_another_act(first)
    }

    /// Two sudo of a second, told alike: where seconds are whole and no process is named, one log can have both.
    fn is_another_act(&self, first: &Fact) -> bool {
        let (mine, theirs) = (self.evidence.place, first.evidence.place);
        let is_act = matches!(self.what, What::Elevated { .. });
        let is_vague = self.pid.is_none() && self.time == Timestamp::from_unix(self.time.unix(), 0);
        is_act && is_vague && mine.file == theirs.file && mine.offset != theirs.offset
    }
}

#[derive(Debug)]
pub(super) struct Texts {
    facts: Vec<Fact>,
    /// What another program sent than the one it names, to be left out of texts too.
    forged: Forged,
    room: Room,
    services: Room,
    /// Lines without a time.
    pub(super) timeless: u64,
    disbelieved: u64,
}

/// Somebody acted as another: who, at which terminal, and in which session where the journal knows.
pub(super) struct Deed {
    pub(super) user: Vec<u8>,
    pub(super) terminal: Vec<u8>,
    pub(super) session: Option<u32>,
    pub(super) pid: Option<u32>,
    pub(super) elevation: Elevation,
}

/// What they come to.
pub(super) struct Read {
    pub(super) sessions: Vec<Session>,
    /// Who acted as another.
    pub(super) elevations: Vec<Deed>,
    pub(super) numbers: Vec<Number>,
    /// Entries that another program sent than the one they name; copies of them in texts are none beside.
    pub(super) disbelieved: u64,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            facts: Vec::new(),
            forged: Forged::default(),
            room: Room::of(ROOM),
            services: Room::of(SERVICES_ROOM),
            timeless: 0,
            disbelieved: 0,
        }
    }
}

impl Texts {
    pub(super) fn refused(&self) -> (u64, u64) {
        (self.room.refused + self.forged.refused(), self.services.refused)
    }

    pub(super) fn take(&mut self, source: Source, said: &Said) {
        let Some((user, what)) = what(said) else { return };
        let Some((time, quality)) = said.time else {
            self.timeless += 1;
            return;
        };
        if disbelieved(said).is_some() {
            self.disbelieved += u64::from(self.forged.take(said));
            return;
        }
        let is_service =
            matches!(&what, What::Opened { service, .. } | What::Closed { service } if is_service(service));
        let room = if is_service { &mut self.services } else { &mut self.room };
        // A list that grows has up to twice the room of what it holds.
        if !room.take(2 * size_of::<Fact>() + user.len() + said.host.len().min(64) + what.weight()) {
            return;
        }
        let host = said.host.get(..64).unwrap_or(&said.host).to_vec();
        let session =
            said.witness.as_ref().and_then(|witness| witness.session).filter(|ses| *ses != u32::MAX);
        let pid = said.pid.or(said.witness.as_ref().and_then(|witness| witness.pid));
        let (words, evidence) = (words(&said.message), Evidence { source, place: said.place });
        self.facts.push(Fact { time, source, host, what, pid, user, quality, session, words, evidence });
    }

    pub(super) fn finish(mut self) -> Read {
        self.without_copies();
        self.facts.sort();
        self.facts.dedup_by(|later, first| later.is_copy_of(first));
        let mut reading = Reading::default();
        self.facts.into_iter().for_each(|fact| reading.take(fact));
        numbers::give(&mut reading.sessions, &reading.numbers);
        let (sessions, disbelieved) = (merged(reading.sessions), self.disbelieved);
        Read { sessions, elevations: reading.elevations, numbers: reading.numbers, disbelieved }
    }

    /// Takes out of texts what the journal saw another program send. What stands in a journal itself was believed or not by
    /// its own witness.
    fn without_copies(&mut self) {
        let Texts { facts, forged, .. } = self;
        if forged.is_empty() {
            return;
        }
        // Log by log, as they were said; of a log that was read twice, once.
        facts.sort_by_key(|fact| (fact.evidence.place.file, fact.time, fact.evidence.place.offset));
        facts.dedup();
        let mut texts: BTreeMap<u32, Vec<Fact>> = BTreeMap::new();
        for fact in std::mem::take(facts) {
            match fact.source {
                Source::Text => texts.entry(fact.evidence.place.file).or_default().push(fact),
                _ => facts.push(fact),
            }
        }
        facts.iter().for_each(|fact| forged.believed(&fact.line()));
        for mut text in texts.into_values() {
            for within in ROUNDS {
                for fact in std::mem::take(&mut text) {
                    match forged.original(&fact.line(), within) {
                        Some(true) => {}
                        Some(false) => facts.push(fact),
                        None => text.push(fact),
                    }
                }
            }
            facts.append(&mut text);
        }
    }
}

/// Facts of one log of one machine, in order.
#[derive(Default)]
struct Reading {
    sessions: Vec<Session>,
    elevations: Vec<Deed>,
    /// What logind says of logins that go on: whose they are is known when all are there.
    numbers: Vec<Number>,
    /// Sessions by their process, and by the other end of their connection.
    living: BTreeMap<(Source, Vec<u8>, u32), usize>,
    connected: BTreeMap<(Source, Vec<u8>, From), usize>,
}

impl Reading {
    fn take(&mut self, fact: Fact) {
        let process = fact.pid.map(|pid| (fact.source, fact.host.clone(), pid));
        let living = process.as_ref().and_then(|process| self.living.get(process).copied());
        match &fact.what {
            What::Accepted { from, .. } => {
                // Of a log that counts whole seconds the session may stand before what let it in.
                let at = self.opened(living, &fact).filter(|session| session.method.is_empty()).is_some();
                let at = living.filter(|_| at).unwrap_or_else(|| self.new_session(&fact, process));
                self.connected.insert((fact.source, fact.host.clone(), from.clone()), at);
                self.fill(at, &fact);
            }
            What::Opened { .. } => {
                let at = self.opened(living, &fact).is_some();
                let at = living.filter(|_| at).unwrap_or_else(|| self.new_session(&fact, process));
                self.fill(at, &fact);
            }
            What::Console { .. } => {
                let at = self.opened(living, &fact).is_some();
                let at = living.filter(|_| at).unwrap_or_else(|| self.new_session(&fact, process));
                self.fill(at, &fact);
            }
            What::Shell { from, .. } => {
                let at = self.connected.get(&(fact.source, fact.host.clone(), from.clone())).copied();
                at.into_iter().for_each(|at| self.fill(at, &fact));
            }
            What::Numbered { session } => {
                let (time, host, user, evidence) = (fact.time, fact.host, fact.user, fact.evidence);
                self.numbers.push(Number { time, host, user, session: *session, evidence });
            }
            What::Closed { .. } => {
                if let (Some(at), Some(process)) = (living, process) {
                    self.end(at, &fact);
                    self.living.remove(&process);
                }
            }
            What::Gone { from } => {
                let at = self.connected.remove(&(fact.source, fact.host.clone(), from.clone()));
                at.into_iter().for_each(|at| self.end(at, &fact));
            }
            What::Elevated { by, to, terminal, command, refused } => {
                let (by, to, command) = (by.clone(), to.clone(), command.clone());
                let (time, evidence) = (fact.time, fact.evidence);
                let elevation = Elevation { time, by, to, command, refused: *refused, evidence };
                let (user, terminal) = (fact.user.clone(), terminal.clone());
                let (session, pid) = (fact.session, fact.pid);
                self.elevations.push(Deed { user, terminal, session, pid, elevation });
            }
        }
    }

    /// The living session of the process, if the fact may be of it.
    fn opened(&self, living: Option<usize>, fact: &Fact) -> Option<&Session> {
        let session = self.sessions.get(living?)?;
        let near = session.start.is_some_and(|start| start.apart(fact.time) <= OPENS);
        (session.user == fact.user && near).then_some(session)
    }

    fn new_session(&mut self, fact: &Fact, process: Option<(Source, Vec<u8>, u32)>) -> usize {
        let at = self.sessions.len();
        let mut session = Session {
            host: fact.host.clone(),
            user: fact.user.clone(),
            pid: fact.pid,
            start: Some(fact.time),
            quality: fact.quality,
            ..Session::default()
        };
        ["user", "pid", "start"].into_iter().for_each(|field| session.shown_by(field, fact.evidence));
        self.sessions.push(session);
        if let Some(process) = process {
            self.living.insert(process, at);
        }
        at
    }

    fn fill(&mut self, at: usize, fact: &Fact) {
        let Some(session) = self.sessions.get_mut(at) else { return };
        if session.ses.is_none() && fact.session.is_some() {
            session.ses = fact.session;
            session.shown_by("ses", fact.evidence);
        }
        match &fact.what {
            What::Accepted { method, from, key } => {
                session.service = b"sshd".to_vec();
                session.method = method.clone();
                session.from = from.clone();
                session.shown_by("method", fact.evidence);
                session.shown_by("address", fact.evidence);
                session.shown_by("port", fact.evidence);
                if let Some((kind, fingerprint, detail)) = key.clone() {
                    session.key = Some(Key { kind, fingerprint, detail });
                    session.shown_by("key", fact.evidence);
                }
            }
            What::Opened { service, uid } => {
                session.auid = session.auid.or(*uid);
                if session.service.is_empty() {
                    session.service = service.clone();
                    session.shown_by("service", fact.evidence);
                }
                if is_service(service) {
                    session.flags.insert(Flag::ServiceManager);
                }
            }
            What::Console { terminal, from } => {
                session.service = b"login".to_vec();
                session.terminal = terminal.clone();
                session.from = from.clone();
                session.shown_by("terminal", fact.evidence);
            }
            What::Shell { terminal, .. } => {
                session.terminal = terminal.clone();
                session.shown_by("terminal", fact.evidence);
            }
            _ => {}
        }
    }

    fn end(&mut self, at: usize, fact: &Fact) {
        let Some(session) = self.sessions.get_mut(at) else { return };
        session.end = Some(session.end.map_or(fact.time, |end| end.max(fact.time)));
        session.ending = Ending::Logout;
        session.shown_by("end", fact.evidence);
    }
}

/// The same login from several logs, once.
fn merged(mut sessions: Vec<Session>) -> Vec<Session> {
    sessions
        .sort_by(|one, other| (one.pid, &one.user, one.start).cmp(&(other.pid, &other.user, other.start)));
    let mut merged: Vec<Session> = Vec::with_capacity(sessions.len());
    for session in sessions {
        let near = |last: &&mut Session| {
            let times = last.start.zip(session.start).is_some_and(|(one, other)| one.apart(other) <= SAME);
            last.pid == session.pid
                && last.user == session.user
                && times
                && may_be_one_machine(&last.host, &session.host)
                && (last.from == session.from
                    || last.from.address.is_empty()
                    || session.from.address.is_empty())
        };
        match merged.last_mut().filter(near) {
            Some(last) => absorb(last, session),
            None => merged.push(session),
        }
    }
    merged
}
