//! Tries to log in by sshd, counted: one rejected or accepted secret is one, however many lines speak of it.
//!
//! Of one try with a password each module of PAM that knows it not says `authentication failure`, and some seconds later
//! (`pam_faildelay`) sshd `Failed password`, or `Accepted password` if another module knew it;
//! of one by questions (keyboard-interactive) PAM says it from a process of its own, and sshd `error: PAM: …` and, at LogLevel
//! VERBOSE, `Failed keyboard-interactive/pam`. PAM names nobody where sshd knows no such user. Of further tries in one
//! connection PAM speaks once, when it ends (`N more authentication failures`).
//!
//! At most 256 tries wait for their other lines, 2 × 4,096 connections are remembered, and 65,536 accounts and as many
//! sources are told apart; what was beyond is counted.

mod attempt;
mod counts;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::scan::only;
use super::{Answer, From, Message, Said};
use crate::clock::Timestamp;
use attempt::{attempt, sums_up};

pub use attempt::Attempt;
pub use counts::{Counts, Tally};

/// A process number that was silent for so long is another process.
const ANOTHER: Duration = Duration::from_secs(3_600);
const WAITING: usize = 256;
const CONNECTIONS: usize = 4_096;
const NAMES: usize = 65_536;
/// Accounts of one connection that are remembered.
const ACCOUNTS: usize = 16;
/// Bytes of a name that are kept for counting.
const NAME: usize = 256;

/// Puts lines together and counts.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    waiting: VecDeque<Attempt>,
    young: Connections,
    old: Connections,
    tally: Tally,
    now: Option<Timestamp>,
    /// Before this nothing that waits has waited long enough.
    due: Option<Timestamp>,
}

type Connections = BTreeMap<(Vec<u8>, u32, u16), Connection>;

#[derive(Clone, Debug, Default)]
struct Connection {
    last: Option<Timestamp>,
    port: Option<u16>,
    /// Whether an attempt was counted for it.
    counted: bool,
    accounts: Vec<Vec<u8>>,
    /// Tries with a line of sshd and none of PAM.
    unpaired: u32,
}

impl Attempts {
    /// The next line, and the attempts to which no more lines can belong.
    pub fn said(&mut self, said: &Said, out: &mut dyn FnMut(Attempt)) {
        let before = self.now;
        self.now = said.time.map(|(time, _)| time).or(before);
        self.expire(before, out);
        let Some(mut attempt) = attempt(said) else {
            self.overrule(said);
            return;
        };
        if attempt.answer != Answer::Failed && attempt.method == b"password" {
            attempt.lines += self.withdrawn(&attempt.host, attempt.pid, &attempt.user, &attempt.from);
        }
        if self.is_summary(&attempt) || self.joins(&attempt) {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.tally.hurried += 1;
            self.tell(0, out);
        }
        self.due = earlier(self.due, attempt.due());
        self.waiting.push_back(attempt);
    }

    /// All was said.
    pub fn end(mut self, out: &mut dyn FnMut(Attempt)) -> Tally {
        while !self.waiting.is_empty() {
            self.tell(0, out);
        }
        self.tally
    }

    fn expire(&mut self, before: Option<Timestamp>, out: &mut dyn FnMut(Attempt)) {
        let Some(now) = self.now else { return };
        // A clock that goes back may be as far away as one that goes on.
        let is_back = before.is_some_and(|before| now < before);
        if !is_back && self.due.is_none_or(|due| now <= due) {
            return;
        }
        let (mut at, mut due) = (0, None);
        while let Some(attempt) = self.waiting.get(at) {
            if attempt.heard.is_some_and(|heard| now.apart(heard) > attempt.patience()) {
                self.tell(at, out);
            } else {
                due = earlier(due, attempt.due());
                at += 1;
            }
        }
        self.due = due;
    }

    /// One module of PAM knows the secret: what others said of the same try is no rejection.
    fn overrule(&mut self, said: &Said) {
        if let Message::PamSuccess { service, user, from } = &said.message
            && service.starts_with(b"sshd")
        {
            self.tally.total.lines += u64::from(self.withdrawn(&said.host, said.pid, user, from));
        }
    }

    /// Takes back what only PAM said of a try of that process; how many lines.
    fn withdrawn(&mut self, host: &[u8], pid: Option<u32>, user: &[u8], from: &From) -> u32 {
        let mut lines = 0;
        self.waiting.retain(|other| {
            let same = other.host == host && other.user == user && other.from.address == from.address;
            let is_of = same && pid.is_some() && other.pid == pid && other.tries == 1 && other.is_undecided();
            lines += if is_of { other.lines } else { 0 };
            !is_of
        });
        lines
    }

    /// What PAM says at a connection's end of tries that sshd had told of one by one.
    fn is_summary(&mut self, attempt: &Attempt) -> bool {
        if !attempt.modules.iter().any(|module| sums_up(module)) {
            return false;
        }
        // What still waits has not come to its connection yet.
        let waiting =
            self.waiting.iter().filter(|other| other.pid == attempt.pid && other.host == attempt.host);
        let waiting: u32 = waiting.filter(|other| other.is_unpaired()).map(|other| other.tries).sum();
        let key = key(attempt);
        let connection = self.young.get(&key).or_else(|| self.old.get(&key));
        let told = connection.map_or(0, |connection| connection.unpaired);
        let is_one = attempt.pid.is_some() && told + waiting >= attempt.tries;
        if is_one {
            self.tally.summaries += 1;
            self.tally.total.lines += 1;
            let left = told.saturating_sub(attempt.tries);
            let lists = [&mut self.young, &mut self.old];
            lists
                .into_iter()
                .filter_map(|list| list.get_mut(&key))
                .for_each(|connection| connection.unpaired = left);
            let mut rest = attempt.tries.saturating_sub(told);
            for other in &mut self.waiting {
                let same = other.pid == attempt.pid && other.host == attempt.host && other.is_unpaired();
                if same && rest > 0 {
                    other.summed = true;
                    rest = rest.saturating_sub(other.tries);
                }
            }
        }
        is_one
    }

    /// Whether a line is of a try that waits; then it is taken up there.
    fn joins(&mut self, line: &Attempt) -> bool {
        let beside = self.waiting.iter().position(|waiting| waiting.takes(line));
        match beside.or_else(|| self.awaited(line)).and_then(|at| self.waiting.get_mut(at)) {
            Some(waiting) => {
                waiting.take(line);
                self.due = earlier(self.due, waiting.due());
                true
            }
            None => false,
        }
    }

    /// The only try that sshd can mean by what it says of questions long after PAM (`pam_faildelay`), whose process of its
    /// own nothing ties to that of sshd.
    fn awaited(&self, line: &Attempt) -> Option<usize> {
        let is_awaited = |waiting: &Attempt| waiting.is_undecided() && waiting.fits(line);
        let all = (0..).zip(&self.waiting).filter(|(_, waiting)| line.by_questions() && is_awaited(waiting));
        only(all.map(|(at, _)| at)).ok().flatten()
    }

    fn tell(&mut self, at: usize, out: &mut dyn FnMut(Attempt)) {
        let Some(attempt) = self.waiting.remove(at) else { return };
        self.count(&attempt);
        out(attempt);
    }

    fn count(&mut self, attempt: &Attempt) {
        let user = cut(&attempt.user);
        let connection = self.connection(attempt);
        let is_new = !std::mem::replace(&mut connection.counted, true);
        let is_new_account = !connection.accounts.contains(&user);
        if is_new_account && connection.accounts.len() < ACCOUNTS {
            connection.accounts.push(user.clone());
        }
        if attempt.is_unpaired() {
            connection.unpaired = connection.unpaired.saturating_add(attempt.tries);
        }
        self.tally.total.add(attempt, is_new);
        let source = cut(&attempt.from.address);
        let in_accounts = add(&mut self.tally.accounts, user, attempt, is_new_account);
        let in_sources = add(&mut self.tally.sources, source, attempt, is_new);
        self.tally.beyond += u64::from(!(in_accounts && in_sources));
    }

    fn connection(&mut self, attempt: &Attempt) -> &mut Connection {
        let key = key(attempt);
        if self.young.len() >= CONNECTIONS && !self.young.contains_key(&key) {
            let gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.tally.forgotten += gone.len() as u64;
        }
        let old = self.old.remove(&key);
        let connection = self.young.entry(key).or_insert_with(|| old.unwrap_or_default());
        let silent = connection.last.zip(attempt.time).is_some_and(|(last, time)| time.since(last) > ANOTHER);
        let elsewhere = connection.port.zip(attempt.from.port).is_some_and(|(one, other)| one != other);
        if silent || elsewhere {
            *connection = Connection::default();
        }
        connection.last = attempt.time.or(connection.last);
        connection.port = attempt.from.port.or(connection.port);
        connection
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Process, or where the line names none, the port at the other end.
fn key(attempt: &Attempt) -> (Vec<u8>, u32, u16) {
    let port = if attempt.pid.is_none() { attempt.from.port } else { None };
    (attempt.host.clone(), attempt.pid.unwrap_or(0), port.unwrap_or(0))
}

fn cut(name: &[u8]) -> Vec<u8> {
    name.get(..NAME).unwrap_or(name).to_vec()
}

fn add(table: &mut BTreeMap<Vec<u8>, Counts>, name: Vec<u8>, attempt: &Attempt, is_new: bool) -> bool {
    let has_room = table.len() < NAMES || table.contains_key(&name);
    if has_room {
        table.entry(name).or_default().add(attempt, is_new);
    }
    has_room
}

#[cfg(test)]
mod tests;
