//! Tries to log in, by account and by source. Connections, tries and records are counts of their own: five runs of a
//! client with wrong passwords are five connections, ten tries and some thirty records, and no one figure is "failed
//! logins".

pub mod compare;
mod counting;
mod once;
mod row;
mod tally;
mod wanted;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::login_sessions::Source;
use super::login_sessions::audit_record::Told;
use super::login_sessions::witness::disbelieved;
use crate::clock::Timestamp;
use crate::records::audit_event::Event;
use crate::records::auth_text::{Answer, Message, Said, attempts, maybe_secret};

pub use counting::{Counting, Tallied};
pub use row::Dated;
use tally::Standing;
pub use tally::{ACCEPTED, REJECTED, Tally, Times};
pub use wanted::Wanted;

/// Accounts and sources that are told apart, each; what comes beyond is counted in one tally for all of them.
const MOST: usize = 8_192;
/// Connections that are told apart; beyond, connections are not counted, and that is said.
const MOST_CONNECTIONS: usize = 200_000;
/// Repetitions of one line that are counted.
const MOST_REPEATED: usize = 100_000;
/// Bytes that are kept of a name: sshd cuts at 100, and btmp at 32.
const LONGEST: usize = 256;

/// One try: a secret or key that was accepted or not, whatever number of lines tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// When, where that is known.
    pub time: Option<Timestamp>,
    /// The machine that was tried.
    pub host: Vec<u8>,
    /// What tells its connection from others of that machine: the process, or address and port.
    pub connection: Vec<u8>,
    /// The name that was given.
    pub user: Vec<u8>,
    /// sshd calls the name invalid: there is no such user, or it is not let in.
    pub invalid: bool,
    /// As `password`.
    pub method: Vec<u8>,
    /// Let in.
    pub accepted: bool,
    /// The address, or the terminal of who sits before the machine.
    pub from: Vec<u8>,
    /// How many lines tell of it.
    pub lines: u64,
}

impl Attempt {
    /// The tries that lines of a text or entries of a journal were put together to; none of such as only asked for more.
    pub fn all_of(told: &attempts::Attempt) -> impl Iterator<Item = Attempt> {
        let connection = match (told.pid, told.from.port) {
            (Some(pid), _) => format!("process {pid}"),
            (None, Some(port)) => format!("port {port}"),
            (None, None) => String::new(),
        };
        let attempt = Attempt {
            time: told.time,
            host: told.host.clone(),
            connection: connection.into_bytes(),
            user: told.user.clone(),
            invalid: told.invalid,
            method: if told.method.is_empty() { b"unsaid".to_vec() } else { told.method.clone() },
            accepted: matches!(told.answer, Answer::Accepted | Answer::Partial),
            from: told.from.address.clone(),
            lines: told.lines.into(),
        };
        // A line may say that it was repeated a million times.
        std::iter::repeat_n(attempt, usize::try_from(told.tries).unwrap_or(0).min(MOST_REPEATED))
    }
}

/// Counts tries, connections and records; at most 32 MiB.
#[derive(Debug, Default)]
pub struct Logins {
    accounts: BTreeMap<Vec<u8>, Tally>,
    sources: BTreeMap<Vec<u8>, Tally>,
    other_accounts: Tally,
    other_sources: Tally,
    total: Tally,
    connections: HashSet<u64>,
    known: Option<BTreeSet<Vec<u8>>>,
    wanted: Wanted,
    notes: Notes,
}

/// What limits the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// sshd said so often that it turned connections away unheard: what failed is under-counted.
    pub shed: u64,
    /// Connections that were not counted, for there were too many to tell apart.
    pub connections_left: u64,
    /// Lines that can be read in more than one way, by who wrote them: nobody is named by them.
    pub ambiguous: u64,
    /// Lines that another program sent than the one they name.
    pub disbelieved: u64,
    /// Tries and records without a time, where a window was asked for.
    pub undated: u64,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// By the name that was given; what names nobody is counted under the empty name.
    pub accounts: BTreeMap<Vec<u8>, Tally>,
    /// By address, or terminal.
    pub sources: BTreeMap<Vec<u8>, Tally>,
    /// Of accounts beyond those; empty where there are none.
    pub other_accounts: Tally,
    /// Of sources beyond those.
    pub other_sources: Tally,
    /// Of all; a connection that tried several accounts is one here.
    pub total: Tally,
    /// What limits them.
    pub notes: Notes,
    /// The accounts that the machine has, where that is known.
    pub known: Option<BTreeSet<Vec<u8>>>,
}

impl Logins {
    /// Nothing counted yet; with the names of the accounts that the machine has, where they are known, so that what is
    /// none of them, and looks like a password, is not shown.
    pub fn new(known: Option<BTreeSet<Vec<u8>>>) -> Logins {
        Logins { known, ..Logins::default() }
    }

    /// The same, of what is asked for alone.
    #[must_use]
    pub fn only(self, wanted: Wanted) -> Logins {
        Logins { wanted, ..self }
    }

    /// Counts a try, and its connection.
    pub fn attempt(&mut self, attempt: &Attempt) {
        if !self.is_wanted(&attempt.user, &attempt.from, attempt.time) {
            return;
        }
        let connection = (&attempt.host, &attempt.connection, &attempt.from);
        let of_all = self.is_new(&connection);
        let of_account = self.is_new(&("account", &attempt.user, connection));
        let of_source = self.is_new(&("source", &attempt.from, connection));
        let standing = match attempt {
            Attempt { accepted: true, .. } => Standing::Known,
            _ => Standing::Unsaid,
        };
        let each = |tally: &mut Tally, is_new: bool| {
            tally.tried(&attempt.method, attempt.accepted, attempt.time);
            tally.connections += u64::from(is_new);
            tally.stands(standing);
        };
        each(&mut self.total, of_all);
        each(self.account(&attempt.user), of_account);
        self.source(&attempt.from).into_iter().for_each(|tally| each(tally, of_source));
    }

    /// Counts what an audit event has of logins.
    pub fn audit(&mut self, event: &Event) {
        for record in event.records() {
            let told = match record.kind {
                b"USER_AUTH" | b"USER_LOGIN" => Told::of(&record),
                _ => continue,
            };
            let kind = match (record.kind, told.done) {
                (b"USER_AUTH", Some(true)) => "audit_user_auth_success",
                (b"USER_AUTH", _) => "audit_user_auth_failed",
                (_, Some(true)) => "audit_user_login_success",
                _ => "audit_user_login_failed",
            };
            // Within a session, sudo and su ask again: that is no login.
            if told.ses.is_some() && record.kind == b"USER_AUTH" {
                continue;
            }
            let source = if told.addr.is_empty() { told.tty() } else { &told.addr };
            let standing = match (told.account(), told.done) {
                (Some(_), Some(true)) => Standing::Known,
                _ => Standing::Unsaid,
            };
            self.record(kind, told.account().unwrap_or_default(), source, Some(event.id.time), 1, standing);
        }
    }

    /// Counts a line of a text, or an entry of a journal.
    pub fn said(&mut self, source: Source, said: &Said) {
        if disbelieved(said).is_some() {
            self.notes.disbelieved += 1;
            return;
        }
        let is_journal = source == Source::Journal;
        let kind = |text: &'static str, journal: &'static str| if is_journal { journal } else { text };
        let (kind, user, from) = match &said.message {
            Message::Tried { answer: Answer::Accepted, user, from, .. } => {
                (kind("text_accepted", "journal_accepted"), user, &from.address)
            }
            Message::Tried { answer: Answer::Failed, user, from, .. } => {
                (kind("text_failed", "journal_failed"), user, &from.address)
            }
            Message::Tried { user, from, .. } => {
                (kind("text_partial", "journal_partial"), user, &from.address)
            }
            Message::UnknownUser { user, from } => {
                (kind("text_invalid_user", "journal_invalid_user"), user, &from.address)
            }
            Message::PamRejected { user, from, .. } => {
                (kind("text_error_pam", "journal_error_pam"), user, &from.address)
            }
            Message::NotAllowed { user, from, .. } => {
                (kind("text_not_allowed", "journal_not_allowed"), user, &from.address)
            }
            Message::TooManyTries { user, from } => {
                (kind("text_too_many_tries", "journal_too_many_tries"), user, &from.address)
            }
            // sudo and su ask for secrets too, of who is logged in already.
            Message::PamFailure { service, user, from, .. } if !is_within(service) => {
                (kind("text_pam_failure", "journal_pam_failure"), user, &from.address)
            }
            Message::Console { accepted, user, from, terminal } => {
                let from = if from.address.is_empty() { terminal } else { &from.address };
                let failed = kind("text_console_failed", "journal_console_failed");
                let kind = if *accepted {
                    kind("text_console_accepted", "journal_console_accepted")
                } else {
                    failed
                };
                (kind, user, from)
            }
            Message::Shed => {
                self.notes.shed += u64::from(said.times);
                return;
            }
            Message::Ambiguous { .. } => {
                self.notes.ambiguous += u64::from(said.times);
                return;
            }
            _ => return,
        };
        let standing = standing(&said.message);
        self.record(kind, user, from, said.time.map(|(time, _)| time), said.times.into(), standing);
    }

    /// Counts a record of btmp: a failed login, by its name, its address or terminal, and its time.
    pub fn failed_record(&mut self, user: &[u8], from: &[u8], time: Option<Timestamp>) {
        self.record("btmp", user, from, time, 1, Standing::Unsaid);
    }

    /// The counts.
    pub fn finish(self) -> Counted {
        Counted {
            accounts: self.accounts,
            sources: self.sources,
            other_accounts: self.other_accounts,
            other_sources: self.other_sources,
            total: self.total,
            notes: self.notes,
            known: self.known,
        }
    }

    fn record(
        &mut self,
        kind: &'static str,
        user: &[u8],
        from: &[u8],
        time: Option<Timestamp>,
        times: u64,
        standing: Standing,
    ) {
        if !self.is_wanted(user, from, time) {
            return;
        }
        let each = |tally: &mut Tally| {
            tally.recorded(kind, times, time);
            tally.stands(standing);
        };
        each(&mut self.total);
        each(self.account(user));
        self.source(from).into_iter().for_each(each);
    }

    fn is_wanted(&mut self, user: &[u8], from: &[u8], time: Option<Timestamp>) -> bool {
        self.notes.undated += u64::from(self.wanted.has_window() && time.is_none());
        self.wanted.holds(user, from, time)
    }

    /// Of no name as well: who looks at accounts alone must not miss a try.
    fn account(&mut self, name: &[u8]) -> &mut Tally {
        tally(&mut self.accounts, &mut self.other_accounts, name)
    }

    fn source(&mut self, name: &[u8]) -> Option<&mut Tally> {
        (!name.is_empty()).then(|| tally(&mut self.sources, &mut self.other_sources, name))
    }

    /// Whether such a connection was not met before.
    fn is_new(&mut self, connection: &impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        connection.hash(&mut hasher);
        let number = hasher.finish();
        if self.connections.len() >= MOST_CONNECTIONS && !self.connections.contains(&number) {
            self.notes.connections_left += 1;
            return false;
        }
        self.connections.insert(number)
    }
}

impl Counted {
    /// Whether a name must not be shown: it looks like a password that was typed in the wrong place, and neither has the
    /// machine such an account nor does a log know one. That no log calls the name invalid says nothing: btmp and the
    /// audit log never do.
    pub fn is_masked(&self, account: &[u8]) -> bool {
        maybe_secret(account, &|name| self.is_account(name))
    }

    fn is_account(&self, name: &[u8]) -> bool {
        let has_it = self.known.as_ref().is_some_and(|known| known.contains(name));
        has_it || self.accounts.get(name).is_some_and(|tally| tally.known)
    }
}

/// The tally of a name; that of all others where there are too many.
fn tally<'a>(all: &'a mut BTreeMap<Vec<u8>, Tally>, others: &'a mut Tally, name: &[u8]) -> &'a mut Tally {
    let name = name.get(..LONGEST).unwrap_or(name);
    if all.len() >= MOST && !all.contains_key(name) {
        return others;
    }
    all.entry(name.to_vec()).or_default()
}

/// What a message says of the name in it.
fn standing(message: &Message) -> Standing {
    match message {
        // A secret that was right, and not enough, is an account's too.
        Message::Tried { answer: Answer::Accepted | Answer::Partial, .. }
        | Message::Console { accepted: true, .. } => Standing::Known,
        // PAM refuses names that nobody has too; sshd, which says from where, does not.
        Message::NotAllowed { from, reason, .. } if !from.address.is_empty() && !is_of_pam(reason) => {
            Standing::Known
        }
        Message::UnknownUser { from, .. } if !from.address.is_empty() => Standing::Unknown,
        // `invalid user` alone says nothing: sshd says so of who is not let in too (`authctxt->valid`, auth.c and auth2.c of
        // OpenSSH).
        _ => Standing::Unsaid,
    }
}

/// pam_access says from where as well.
fn is_of_pam(reason: &[u8]) -> bool {
    reason.starts_with(b"access denied for user ")
}

/// Services that ask who is logged in already.
fn is_within(service: &[u8]) -> bool {
    matches!(
        service,
        b"sudo" | b"sudo-i" | b"su" | b"su-l" | b"polkit-1" | b"doas" | b"passwd" | b"chsh" | b"chfn"
    )
}
