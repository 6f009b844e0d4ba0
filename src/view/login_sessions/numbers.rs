//! Which login a number of systemd-logind is of: its line names the user alone, while the login goes on. So numbers are
//! given only where none of the logins around them could have another. A number to which no login belongs at all is told:
//! somebody was there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shared::{may_be_one_account, may_be_one_machine};
use super::text::{OPENS, SAME};
use super::{Evidence, Flag, Session, Source};
use crate::clock::Timestamp;
use crate::custody::outcome::counted;
use crate::path::shown;

/// Logins times numbers of one run that are looked at one by one.
const MOST_PAIRS: usize = 1 << 16;
/// Logins around a number that are looked at.
const MOST_AROUND: usize = 4_096;
/// Numbers without a login that are named.
const NAMED: usize = 8;

/// `New session 5 of user alice.`
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) time: Timestamp,
    pub(super) host: Vec<u8>,
    pub(super) user: Vec<u8>,
    pub(super) session: u32,
    pub(super) evidence: Evidence,
}

/// A number or a login, by its place in the lists of all.
#[derive(Clone, Copy)]
enum Item {
    Number(usize),
    Login(usize),
}

/// Gives the logins their numbers.
pub(super) fn give(sessions: &mut [Session], numbers: &[Number]) {
    for list in of_users(sessions, numbers).into_values() {
        // Between two runs nothing is near enough to be of both.
        for run in list.chunk_by(|(one, ..), (other, ..)| one.apart(*other) <= SAME) {
            give_run(sessions, numbers, run);
        }
    }
}

type Items = Vec<(Timestamp, Evidence, Item)>;

/// Numbers and logins of each user of a machine, as each log tells of them, in order: of one time, as they stand there.
fn of_users(sessions: &[Session], numbers: &[Number]) -> BTreeMap<(Source, Vec<u8>, Vec<u8>), Items> {
    let mut all: BTreeMap<(Source, Vec<u8>, Vec<u8>), Items> = BTreeMap::new();
    for (at, number) in numbers.iter().enumerate() {
        let key = (number.evidence.source, number.host.clone(), number.user.clone());
        all.entry(key).or_default().push((number.time, number.evidence, Item::Number(at)));
    }
    for (at, session) in sessions.iter().enumerate() {
        let Some((start, (_, evidence))) = session.start.zip(session.evidence.first().copied()) else {
            continue;
        };
        if let Some(list) = all.get_mut(&(evidence.source, session.host.clone(), session.user.clone())) {
            list.push((start, evidence, Item::Login(at)));
        }
    }
    all.values_mut().for_each(|list| list.sort_by_key(|(time, evidence, _)| (*time, evidence.place)));
    all
}

/// As many numbers as logins: each has its own, in order; else those that are near one another and nothing else. The
/// journal may have some of them itself.
fn give_run(sessions: &mut [Session], numbers: &[Number], run: &[(Timestamp, Evidence, Item)]) {
    let logins: Vec<usize> = run.iter().filter_map(|(.., item)| item.login()).collect();
    let known: Vec<u32> = logins.iter().filter_map(|at| sessions.get(*at)?.ses).collect();
    let open: Vec<&Number> = run
        .iter()
        .filter_map(|(.., item)| numbers.get(item.number()?))
        .filter(|number| !known.contains(&number.session))
        .collect();
    let which = |fits: &dyn Fn(&Session) -> bool| -> Vec<usize> {
        let is_one =
            |at: &usize| sessions.get(*at).is_some_and(|session| session.ses.is_none() && fits(session));
        logins.iter().copied().filter(is_one).collect()
    };
    let people = which(&|session| !session.flags.contains(&Flag::ServiceManager));
    // A job of cron has a number where its PAM asks logind for one; a service manager never has.
    let and_jobs = which(&|session| session.service != b"systemd-user");
    let lonely = lonely(sessions, &and_jobs, &open);
    let pairs = match [people, and_jobs].into_iter().find(|list| list.len() == open.len()) {
        Some(list) => list.into_iter().zip(open).collect(),
        None => lonely,
    };
    for (at, number) in pairs {
        let Some(session) = sessions.get_mut(at).filter(|session| are_near(session, number)) else {
            continue;
        };
        session.ses = Some(number.session);
        session.shown_by("ses", number.evidence);
    }
}

/// Logins and numbers that have only each other within the time.
fn lonely<'a>(sessions: &[Session], logins: &[usize], open: &[&'a Number]) -> Vec<(usize, &'a Number)> {
    if logins.len().saturating_mul(open.len()) > MOST_PAIRS {
        return Vec::new();
    }
    let near =
        |at: &usize, number: &Number| sessions.get(*at).is_some_and(|session| are_near(session, number));
    let of = |number: &Number| {
        let mut logins = logins.iter().copied().filter(|at| near(at, number));
        logins.next().filter(|_| logins.next().is_none())
    };
    let only = |at: usize| open.iter().filter(|number| near(&at, number)).count() == 1;
    open.iter().filter_map(|number| Some((of(number).filter(|at| only(*at))?, *number))).collect()
}

/// logind speaks while the login goes on; where PAM alone tells of it, perhaps a moment before.
fn are_near(session: &Session, number: &Number) -> bool {
    session.start.is_some_and(|start| {
        start.minus(Duration::from_secs(1)) <= number.time && number.time <= start.plus(SAME)
    })
}

/// Numbers of which nothing else tells, once each: around none of them a login began, by any log, that has it, or of that
/// user one that could have it. Neither did anybody act as that user then; `acts` are as whom, and when.
pub(super) fn alone(
    sessions: &[Session],
    acts: &BTreeSet<(Vec<u8>, Timestamp)>,
    mut numbers: Vec<Number>,
) -> Vec<Number> {
    let mut by_number: BTreeMap<u32, Vec<&Session>> = BTreeMap::new();
    let mut others: BTreeSet<(Timestamp, usize)> = BTreeSet::new();
    for (at, session) in sessions.iter().enumerate() {
        match (session.ses, session.start) {
            (Some(number), _) => by_number.entry(number).or_default().push(session),
            (None, Some(start)) => {
                others.insert((start, at));
            }
            (None, None) => {}
        }
    }
    let around = |number: &Number| (number.time.minus(OPENS), number.time.plus(OPENS));
    let is_known = |number: &Number| {
        let (from, to) = around(number);
        let all = by_number.get(&number.session).into_iter().flatten();
        all.filter(|session| may_be_one_machine(&session.host, &number.host))
            .any(|session| session.start.is_none_or(|start| from <= start && start <= to))
    };
    let may_be = |session: &Session, number: &Number| {
        // Names of uid 0 are one to logind.
        let is_root = session.auid == Some(0) && number.user == b"root";
        (is_root || may_be_one_account(&session.user, &number.user))
            && may_be_one_machine(&session.host, &number.host)
    };
    let has_login = |number: &Number| {
        let (from, to) = around(number);
        let near = others.range((from, 0)..=(to, usize::MAX)).take(MOST_AROUND);
        is_known(number)
            || near.filter_map(|(_, at)| sessions.get(*at)).any(|session| may_be(session, number))
            || acts.range((number.user.clone(), from)..=(number.user.clone(), to)).next().is_some()
    };
    numbers.retain(|number| !has_login(number));
    numbers.sort_by(|one, other| {
        (&one.user, one.session, one.time).cmp(&(&other.user, other.session, other.time))
    });
    numbers.dedup_by(|later, first| {
        (&later.user, later.session) == (&first.user, first.session)
            && later.time.apart(first.time) <= SAME
            && may_be_one_machine(&later.host, &first.host)
    });
    numbers.sort_by_key(|number| number.time);
    numbers
}

/// Those of a time in words.
pub(super) fn told(alone: &[Number], is_asked: &dyn Fn(Timestamp) -> bool) -> Option<String> {
    let alone: Vec<&Number> = alone.iter().filter(|number| is_asked(number.time)).collect();
    let named =
        |number: &&Number| format!("{} {} ({})", shown(&number.user), number.time.spoken(), number.session);
    let first: Vec<String> = alone.iter().take(NAMED).map(named).collect();
    let more = if alone.len() > NAMED { ", …" } else { "" };
    let sessions = counted(alone.len() as u64, "session");
    let words = "of systemd-logind's to which no login here belongs";
    (!alone.is_empty()).then(|| format!("{sessions} {words}: {}{more}", first.join(", ")))
}

impl Item {
    fn login(self) -> Option<usize> {
        match self {
            Item::Login(at) => Some(at),
            Item::Number(_) => None,
        }
    }

    fn number(self) -> Option<usize> {
        match self {
            Item::Number(at) => Some(at),
            Item::Login(_) => None,
        }
    }
}
