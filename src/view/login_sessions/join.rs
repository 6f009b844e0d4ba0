//! One row for each login, from all that tell of it. What each source says is gathered first and joined in the end, so
//! that the order in which logs are read makes no difference.

use std::collections::BTreeMap;
use std::time::Duration;

use super::audit::Audit;
use super::known::Known;
use super::label::{label, unlisted, unrecorded};
use super::logind::Logind;
use super::numbers::{self, Number};
use super::ought::Ought;
use super::records::Records;
use super::shared::{self, differ, may_be_one_account, may_be_one_machine, same};
use super::text::{SAME, Texts};
use super::{Flag, Label, Session, Source, acts};
use crate::clock::Timestamp;
use crate::records::audit_event::{Event, Place};
use crate::records::auth_text::Said;
use crate::records::login_pairing::PairedLogin;

/// Gathers what logs tell of logins; at most 24 MiB of it.
#[derive(Debug, Default)]
pub struct Sessions {
    audit: Audit,
    texts: Texts,
    records: Records,
    logind: Logind,
}

/// What is not in the list of sessions, and why it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// Statements of the audit log about sessions for which there was no room.
    pub audit: u64,
    /// Sessions of cron and service managers that the audit log has, left out to make room.
    pub services: u64,
    /// Lines of texts and journals for which there was no room, and such of cron and service managers.
    pub text: u64,
    /// The latter.
    pub text_of_services: u64,
    /// Lines without a time.
    pub timeless: u64,
    /// Lines that another program sent than the one they name.
    pub disbelieved: u64,
    /// Logins of utmp and its like for which there was no room.
    pub records: u64,
    /// State files of logind for which there was no room.
    pub logind: u64,
    /// Times somebody acted as another, beyond what is kept of one session or in all.
    pub elevations: u64,
    /// Such times that could be of more than one session, or of none that is known.
    pub unplaced_elevations: u64,
}

/// The sessions, in order of their beginning.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// One for each login.
    pub sessions: Vec<Session>,
    /// What is not among them.
    pub untold: Untold,
    numbered: Vec<Number>,
}

impl Joined {
    /// In words, whom systemd-logind gave a session, at a time that is asked for, of whom nothing else tells.
    pub fn numbered_alone(&self, is_asked: &dyn Fn(Timestamp) -> bool) -> Option<String> {
        numbers::told(&self.numbered, is_asked)
    }
}

impl Sessions {
    /// With nothing gathered yet.
    pub fn new() -> Sessions {
        Sessions::default()
    }

    /// Whether an audit record of this type is needed (`LOGIN`, `USER_START`, …): of a large log a hundredth is.
    pub fn sieve(kind: &[u8], _line: &[u8]) -> bool {
        super::audit_record::is_needed(kind)
    }

    /// Takes up an audit event.
    pub fn audit(&mut self, event: &Event) {
        self.audit.take(event);
    }

    /// Takes up a line of a text or an entry of a journal.
    pub fn said(&mut self, source: Source, said: &Said) {
        self.texts.take(source, said);
    }

    /// Takes up a login of utmp and its like.
    pub fn record(&mut self, login: PairedLogin) {
        self.records.take(login);
    }

    /// Takes up a state file of logind ([`crate::records::logind::parse`]), and where it stands.
    pub fn logind(&mut self, values: &BTreeMap<String, Vec<u8>>, place: Place) {
        self.logind.take(values, place);
    }

    /// Joins them.
    pub fn finish(mut self) -> Joined {
        let (text, text_of_services) = self.texts.refused();
        let mut untold = Untold {
            audit: self.audit.refused(),
            services: self.audit.services_left_out,
            text,
            text_of_services,
            timeless: self.texts.timeless,
            records: self.records.room.refused,
            logind: self.logind.room.refused,
            elevations: self.audit.elevations_left_out,
            ..Untold::default()
        };
        let (kept, machines) =
            (std::mem::take(&mut self.audit.files).finish(), std::mem::take(&mut self.audit.nodes));
        let processes = std::mem::take(&mut self.audit.processes);
        let told = self.texts.finish();
        untold.disbelieved = told.disbelieved;
        let (mut sessions, alone) = with_texts(self.audit.finish(), told.sessions);
        let audited = Ought::of(kept, machines, sessions.iter(), alone.iter());
        let audited = (!sessions.is_empty()).then_some(&audited);
        sessions.extend(alone.into_iter().map(|session| unlisted(session, audited)));
        let mut logind = self.logind.sessions;
        logind.sort_by_key(|session| (session.start, session.ses, session.pid));
        logind.into_iter().for_each(|session| with_logind(&mut sessions, session));
        let kept = self.records.kept();
        let mut records = self.records.sessions;
        records.sort_by(|one, other| one.evidence.cmp(&other.evidence));
        with_records(&mut sessions, records, audited);
        let recorded = sessions.iter().filter(|session| session.in_login_records);
        let recorded = Ought::of(kept, vec![Vec::new()], recorded, sessions.iter());
        sessions.sort_by(|one, other| order(one).cmp(&order(other)));
        // Outside of sessions logind gives one to whom somebody becomes, too.
        let acts =
            told.elevations.iter().map(|deed| (deed.elevation.to.clone(), deed.elevation.time)).collect();
        acts::place(&mut sessions, told.elevations, &processes, &mut untold);
        for session in &mut sessions {
            unrecorded(session, &recorded);
            session.elevations.sort_by_key(|elevation| (elevation.time, elevation.evidence));
            session.evidence.sort();
            // An address that came from logind or from login records alone.
            let is_known = !session.from.address.is_empty() && !session.flags.contains(&Flag::NotInAudit);
            if session.label == Label::D && is_known {
                session.label = Label::B;
            }
        }
        shared::flag(&mut sessions);
        // What was refused may be what a number belongs to.
        let is_all = untold.audit + untold.services + untold.text + untold.text_of_services == 0;
        let numbers = if is_all { told.numbers } else { Vec::new() };
        let numbered = numbers::alone(&sessions, &acts, numbers);
        Joined { sessions, untold, numbered }
    }
}

fn order(session: &Session) -> impl Ord + '_ {
    let from = (&session.from, &session.terminal, &session.evidence);
    (session.start, session.epoch, session.ses, session.pid, &session.user, from)
}

/// Puts what the texts say of a login to the session of the audit log: the same process, the same user, no
/// other machine, and not more than five seconds between. What belongs to none comes back.
fn with_texts(known: Vec<Known>, told: Vec<Session>) -> (Vec<Session>, Vec<Session>) {
    let by_pid = by_process(known.iter().map(|known| &known.session));
    let mut found: Vec<Vec<Session>> = known.iter().map(|_| Vec::new()).collect();
    let mut alone = Vec::new();
    for session in told {
        let of_pid = session.pid.and_then(|pid| by_pid.get(&pid)).into_iter().flatten();
        let near = of_pid.filter_map(|at| {
            let audited = &known.get(*at)?.session;
            let same_user = audited.user.is_empty() || may_be_one_account(&audited.user, &session.user);
            let apart = audited.start?.apart(session.start?);
            let one_machine = may_be_one_machine(&audited.host, &session.host);
            (same_user && one_machine && apart <= SAME).then_some((apart, *at))
        });
        match near.min().and_then(|(_, at)| found.get_mut(at)) {
            Some(list) => list.push(session),
            None => alone.push(session),
        }
    }
    let joined = known.into_iter().zip(found).map(|(mut known, told)| {
        let own = known.session.from.address.clone();
        let confirmed = told.iter().any(|told| !told.method.is_empty() && same(&told.from.address, &own));
        // The line that agrees fills what the audit log does not say; one that does not is a sign of its own.
        let (agreeing, others): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|told| !differ(&told.from.address, &own));
        agreeing.into_iter().chain(others).for_each(|told| absorb(&mut known.session, told));
        label(&mut known, confirmed);
        known.session
    });
    (joined.collect(), alone)
}

/// A session of logind is that of the same number which began at the same time; else the last of that number.
fn with_logind(sessions: &mut Vec<Session>, living: Session) {
    let near = |session: &Session| {
        session
            .start
            .zip(living.start)
            .is_some_and(|(one, other)| one.apart(other) <= Duration::from_secs(10))
    };
    let same_number = |session: &Session| living.ses.is_some() && session.ses == living.ses;
    let same_process = |session: &Session| session.pid.is_some() && session.pid == living.pid;
    let same_user =
        |session: &Session| session.user.is_empty() || may_be_one_account(&session.user, &living.user);
    let find = |fits: &dyn Fn(&Session) -> bool| sessions.iter().rposition(fits);
    let at = find(&|session| same_number(session) && near(session))
        .or_else(|| find(&|session| same_number(session) && same_process(session)))
        .or_else(|| find(&|session| same_process(session) && same_user(session) && near(session)));
    match at.and_then(|at| sessions.get_mut(at)) {
        Some(session) => absorb(session, living),
        None => sessions.push(unlisted(living, None)),
    }
}

/// A login with a terminal is the session of the same user that began then, with that process or terminal.
fn with_records(sessions: &mut Vec<Session>, records: Vec<Session>, audited: Option<&Ought>) {
    let mut by_user: BTreeMap<Vec<u8>, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate() {
        let start = session.start.into_iter();
        start.for_each(|start| by_user.entry(session.user.clone()).or_default().push((start, at)));
    }
    by_user.values_mut().for_each(|starts| starts.sort_unstable());
    let by_process = by_process(sessions.iter());
    let mut alone = Vec::new();
    for record in records {
        let Some(start) = record.start else {
            alone.push(unlisted(record, audited));
            continue;
        };
        let starts = by_user.get(&record.user).map(Vec::as_slice).unwrap_or_default();
        let from = starts.partition_point(|(time, _)| *time < start.minus(SAME));
        let near =
            starts.get(from..).unwrap_or_default().iter().take_while(|(time, _)| *time <= start.plus(SAME));
        let fits = near.filter(|(_, at)| sessions.get(*at).is_some_and(|session| is_that(session, &record)));
        let by_name = fits.min_by_key(|(time, _)| time.apart(start)).map(|(_, at)| *at);
        // Of a directory's account each program writes the name in its own way.
        let same = || {
            let all = by_process.get(&record.pid?)?.iter();
            let is_same = |session: &&Session| {
                session.start.is_some_and(|other| other.apart(start) <= SAME)
                    && !record.terminal.is_empty()
                    && session.terminal == record.terminal
            };
            all.copied().find(|at| sessions.get(*at).is_some_and(|session| is_same(&session)))
        };
        match by_name.or_else(same).and_then(|at| sessions.get_mut(at)) {
            Some(session) => absorb(session, record),
            None => alone.push(unlisted(record, audited)),
        }
    }
    sessions.extend(alone);
}

fn by_process<'s>(sessions: impl Iterator<Item = &'s Session>) -> BTreeMap<u32, Vec<usize>> {
    let mut by_process: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, session) in sessions.enumerate() {
        session.pid.into_iter().for_each(|pid| by_process.entry(pid).or_default().push(at));
    }
    by_process
}

fn is_that(session: &Session, record: &Session) -> bool {
    let terminal = !session.terminal.is_empty() && session.terminal == record.terminal;
    terminal || session.pid.is_some() && session.pid == record.pid
}

/// Takes over from another account of the same session what is not known yet; what contradicts is flagged.
pub(super) fn absorb(session: &mut Session, other: Session) {
    let take = |mine: &mut Vec<u8>, theirs: Vec<u8>| {
        if mine.is_empty() {
            *mine = theirs;
        }
    };
    if differ(&session.from.address, &other.from.address) {
        session.flags.insert(Flag::AddressConflict);
    } else {
        session.from.port = session.from.port.or(other.from.port);
        take(&mut session.method, other.method);
        session.key = match (session.key.take(), other.key) {
            // The audit log has the fingerprint alone.
            (Some(mine), Some(theirs)) if mine.fingerprint == theirs.fingerprint => Some(theirs),
            (mine, theirs) => mine.or(theirs),
        };
    }
    take(&mut session.from.address, other.from.address);
    take(&mut session.host, other.host);
    take(&mut session.user, other.user);
    take(&mut session.service, other.service);
    take(&mut session.hostname, other.hostname);
    take(&mut session.terminal, other.terminal);
    session.ses = session.ses.or(other.ses);
    session.auid = session.auid.or(other.auid);
    session.pid = session.pid.or(other.pid);
    if session.start.is_none() {
        (session.start, session.quality) = (other.start, other.quality);
    }
    if session.end.is_none() && other.end.is_some() {
        (session.end, session.ending) = (other.end, other.ending);
    }
    session.in_login_records |= other.in_login_records;
    session.flags.extend(other.flags);
    other.evidence.into_iter().for_each(|(field, evidence)| session.shown_by(field, evidence));
}
