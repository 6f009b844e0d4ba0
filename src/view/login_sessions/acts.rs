//! Who acted as another, and in which session. Several logs may tell of one act; two that the same log tells of are two,
//! however near they are to one another.

use std::collections::BTreeMap;
use std::time::Duration;

use super::audit_record::base;
use super::join::Untold;
use super::text::{Deed, SAME};
use super::{COMMAND, Elevation, Evidence, MOST_ELEVATIONS, Session, Source};

/// Two logs tell of the same act if not more lies between.
const NEAR: Duration = Duration::from_secs(2);

/// What is known of an elevation besides.
struct Act {
    /// The process that let, as sudo.
    pid: Option<u32>,
    /// Which logs told of it.
    told_by: Vec<Source>,
}

impl Act {
    fn new(pid: Option<u32>, elevation: &Elevation) -> Act {
        Act { pid, told_by: vec![elevation.evidence.source] }
    }
}

/// Puts what a line says of somebody acting as another to the session in which it happened: the one that the journal
/// names, or else the only one of that user, and terminal, at the time.
pub(super) fn place(
    sessions: &mut [Session],
    deeds: Vec<Deed>,
    processes: &BTreeMap<Evidence, u32>,
    untold: &mut Untold,
) {
    let act = |known: &Elevation| Act::new(processes.get(&known.evidence).copied(), known);
    let mut acts: Vec<Vec<Act>> =
        sessions.iter().map(|session| session.elevations.iter().map(act).collect()).collect();
    let mut by_user: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate() {
        by_user.entry(session.user.clone()).or_default().push(at);
    }
    for deed in deeds {
        let of_user = by_user.get(&deed.user).map(Vec::as_slice).unwrap_or_default();
        let fitting = fitting(sessions, of_user, &deed);
        // Another log may have it already, in the one session where it was.
        let known =
            fitting.iter().find_map(|at| Some((*at, known(sessions.get(*at)?, acts.get(*at)?, &deed)?)));
        let at = known.map(|(at, _)| at).or(fitting.first().copied().filter(|_| fitting.len() == 1));
        let Some((session, acts)) = at.and_then(|at| sessions.get_mut(at).zip(acts.get_mut(at))) else {
            untold.unplaced_elevations += 1;
            continue;
        };
        match known {
            Some((_, which)) => {
                let told = session.elevations.get_mut(which).zip(acts.get_mut(which));
                told.into_iter().for_each(|(known, act)| complete(known, act, &deed));
            }
            None if session.elevations.len() < MOST_ELEVATIONS => {
                acts.push(Act::new(deed.pid, &deed.elevation));
                session.elevations.push(deed.elevation);
            }
            None => untold.elevations += 1,
        }
    }
}

/// The sessions of its user that it may be of; those that began last come first.
fn fitting(sessions: &[Session], of_user: &[usize], deed: &Deed) -> Vec<usize> {
    let time = deed.elevation.time;
    let had_begun = |session: &Session| session.span().0.is_none_or(|begun| begun <= time.plus(SAME));
    // Logs of text may count whole seconds.
    let covers = |session: &Session| {
        session.covers(time) || session.start.is_some_and(|start| start.apart(time).as_secs() < 1)
    };
    let fits = |session: &Session| {
        let numbers = deed.session.zip(session.ses).is_none_or(|(one, other)| one == other);
        let terminals =
            deed.terminal.is_empty() || session.terminal.is_empty() || deed.terminal == session.terminal;
        numbers && terminals && covers(session)
    };
    let is_so = |at: &&usize, what: &dyn Fn(&Session) -> bool| sessions.get(**at).is_some_and(what);
    let last = of_user.iter().rev().filter(|at| is_so(at, &had_begun));
    last.take(1_024).filter(|at| is_so(at, &fits)).copied().collect()
}

/// Which elevation of a session the line tells of once more: of the same process before others, then the nearest.
fn known(session: &Session, acts: &[Act], deed: &Deed) -> Option<usize> {
    let told = session.elevations.iter().zip(acts).enumerate();
    let same = told.filter(|(_, (known, act))| is_same(known, act, deed));
    let best = same.min_by_key(|(_, (known, act))| {
        let is_its_process = act.pid.is_some() && act.pid == deed.pid;
        (!is_its_process, known.time.apart(deed.elevation.time))
    });
    best.map(|(which, _)| which)
}

/// Whether another log told of it: neither the process nor what was done as whom contradict.
fn is_same(known: &Elevation, act: &Act, deed: &Deed) -> bool {
    let told = &deed.elevation;
    let is_one_target = known.to.is_empty() || told.to.is_empty() || known.to == told.to;
    known.by == told.by
        && known.refused == told.refused
        && known.time.apart(told.time) <= NEAR
        && !act.told_by.contains(&told.evidence.source)
        && act.pid.zip(deed.pid).is_none_or(|(one, other)| one == other)
        && is_one_target
        && may_be_one_command(&known.command, &told.command)
}

/// Whether both may be of the same command: the audit log has it as it was typed, texts with its whole path, and what
/// they mask in its arguments they mask each in its way.
fn may_be_one_command(one: &[u8], other: &[u8]) -> bool {
    let is_unclear = |command: &[u8]| command.is_empty() || command.starts_with(b"(ambiguous)");
    if is_unclear(one) || is_unclear(other) {
        return true;
    }
    let (one_program, one_arguments) = parts(one);
    let (other_program, other_arguments) = parts(other);
    let is_masked =
        |text: &[u8]| text.iter().any(|byte| b"\\#'\"".contains(byte) || !(b' '..=b'~').contains(byte));
    // Both are cut, and the path takes room.
    let is_cut = one.len() >= COMMAND || other.len() >= COMMAND;
    let begin_alike =
        one_arguments.starts_with(other_arguments) || other_arguments.starts_with(one_arguments);
    one_program == other_program
        && (one_arguments == other_arguments
            || is_cut && begin_alike
            || is_masked(one_arguments)
            || is_masked(other_arguments))
}

/// The name of a program without its folder, or the mark of a login shell, and what it was given.
fn parts(command: &[u8]) -> (&[u8], &[u8]) {
    let end = command.iter().position(|byte| *byte == b' ').unwrap_or(command.len());
    let (program, arguments) = command.split_at_checked(end).unwrap_or((command, b""));
    let program = base(program);
    (program.strip_prefix(b"-").unwrap_or(program), arguments)
}

/// The audit log has the command as it was typed, and not always as whom.
fn complete(known: &mut Elevation, act: &mut Act, deed: &Deed) {
    let told = &deed.elevation;
    act.pid = act.pid.or(deed.pid);
    act.told_by.push(told.evidence.source);
    if known.to.is_empty() {
        known.to.clone_from(&told.to);
    }
    if known.command.is_empty() {
        known.command.clone_from(&told.command);
    }
}
