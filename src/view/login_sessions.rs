//! Login sessions: who was let in, from where, by which means, from when to when, joined over the audit log, the texts
//! of programs, the journal, logind and the login records. A session without a terminal is one like any other.

mod acts;
mod audit;
pub(crate) mod audit_record;
pub(crate) mod forged;
mod join;
pub(crate) mod kept;
mod known;
mod label;
mod logind;
mod numbers;
mod ought;
pub mod paired;
mod records;
mod room;
mod row;
mod shared;
mod statement;
mod text;
pub(crate) mod witness;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::{From, Key, TimeQuality};

pub use join::{Joined, Sessions, Untold};
pub(crate) use shared::{are_several, may_be_one_machine};

/// Which kind of log told of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The audit log.
    Audit,
    /// auth.log, secure and their like.
    Text,
    /// A journal.
    Journal,
    /// systemd-logind's files of living sessions.
    Logind,
    /// utmp, wtmp, or their database.
    LoginRecords,
}

impl Source {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Source::Audit => "audit",
            Source::Text => "text",
            Source::Journal => "journal",
            Source::Logind => "logind",
            Source::LoginRecords => "login_records",
        }
    }
}

/// Where a statement of a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// Which kind of log.
    pub source: Source,
    /// Where in it.
    pub place: Place,
}

/// How well origin and person of a session, or of an access in it, are known (best first).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// The audit log has one login of this session, with its address, and the access lies within it.
    A1,
    /// A1, and the text of the program that let in says the same address.
    A2,
    /// The address follows from process and time alone.
    B,
    /// Several sessions are possible.
    C,
    /// The login identity is known, its origin is not.
    D,
    /// No login identity: a daemon, a boot service, a container.
    E,
}

impl Label {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Label::A1 => "A1",
            Label::A2 => "A2",
            Label::B => "B",
            Label::C => "C",
            Label::D => "D",
            Label::E => "E",
        }
    }
}

/// What is odd about a session, or about an access that is said to be of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// After the session had ended: something that it left running.
    AfterSessionEnd,
    /// The login identity was rewritten.
    LoginuidChanged,
    /// More than one address or key used the account at the same time.
    SharedAccount,
    /// root logged in itself.
    DirectRoot,
    /// Two sources name different addresses.
    AddressConflict,
    /// Records were lost around it.
    LossInWindow,
    /// The clock was set around it.
    ClockStep,
    /// Started by a service manager, cron or at.
    ServiceManager,
    /// Started by tmux, screen or another program that outlives a session: who typed may be of a later session.
    Multiplexer,
    /// The audit log was kept at the time, tells of other logins, and has nothing of this one.
    NotInAudit,
    /// It had a terminal, login records were kept before and behind it, and none of them is of it.
    NotInWtmp,
    /// The audit log has more than one login under this number.
    SeveralLogins,
    /// Of an access: its record does not tell the login identity, an earlier one of the same process does.
    IdentityByProcess,
    /// Of an access: nothing tells the login identity.
    IdentityNotLogged,
}

impl Flag {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Flag::AfterSessionEnd => "after_session_end",
            Flag::LoginuidChanged => "loginuid_changed",
            Flag::SharedAccount => "shared_account",
            Flag::DirectRoot => "direct_root",
            Flag::AddressConflict => "addr_conflict",
            Flag::LossInWindow => "loss_in_window",
            Flag::ClockStep => "clock_step",
            Flag::ServiceManager => "service_manager",
            Flag::Multiplexer => "multiplexer",
            Flag::NotInAudit => "not_in_audit",
            Flag::NotInWtmp => "not_in_wtmp",
            Flag::SeveralLogins => "several_logins",
            Flag::IdentityByProcess => "identity_by_process",
            Flag::IdentityNotLogged => "identity_not_logged",
        }
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// A log says that it did.
    Logout,
    /// Another login took its terminal.
    Replaced,
    /// The machine was shut down.
    Down,
    /// The machine began again without having been shut down.
    Crash,
    /// No end is logged: it may go on.
    OpenAtEndOfLog,
}

impl Ending {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Ending::Logout => "logout",
            Ending::Replaced => "replaced",
            Ending::Down => "down",
            Ending::Crash => "crash",
            Ending::OpenAtEndOfLog => "open_at_end_of_log",
        }
    }
}

/// Somebody in a session acted as another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elevation {
    /// When.
    pub time: Timestamp,
    /// As `sudo`, `su`.
    pub by: Vec<u8>,
    /// As whom.
    pub to: Vec<u8>,
    /// The command, where it is logged.
    pub command: Vec<u8>,
    /// It was not let.
    pub refused: bool,
    /// Where it stands.
    pub evidence: Evidence,
}

/// One login session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The machine, where the logs name it.
    pub host: Vec<u8>,
    /// The boot that its number belongs to, as the audit events count it; none where no audit log tells of it.
    pub epoch: Option<u32>,
    /// The kernel's number of the session.
    pub ses: Option<u32>,
    /// The login identity.
    pub auid: Option<u32>,
    /// The name that was logged in under, as the logs have it.
    pub user: Vec<u8>,
    /// What let in: `sshd`, `login`, `cron`, `systemd-user`, …
    pub service: Vec<u8>,
    /// The process that logged in.
    pub pid: Option<u32>,
    /// From where.
    pub from: From,
    /// The name that an address had, as its owner or the DNS says: no proof of anything.
    pub hostname: Vec<u8>,
    /// The terminal; empty for none.
    pub terminal: Vec<u8>,
    /// As `publickey`, `password`.
    pub method: Vec<u8>,
    /// The key that was shown: it identifies a key, not a person.
    pub key: Option<Key>,
    /// Its beginning.
    pub start: Option<Timestamp>,
    /// How well that is known.
    pub quality: TimeQuality,
    /// Its end; none where no end is logged. Of a crash, when the machine began again: it ended before.
    pub end: Option<Timestamp>,
    /// How it ended.
    pub ending: Ending,
    /// Who acted as another in it.
    pub elevations: Vec<Elevation>,
    /// How well its origin is known.
    pub label: Label,
    /// What is odd about it.
    pub flags: BTreeSet<Flag>,
    /// utmp and its like have it, whether or not there was room to note where.
    pub in_login_records: bool,
    /// Each field's name with where it stands, as (`address`, …); a field may have several.
    pub evidence: Vec<(&'static str, Evidence)>,
}

impl Default for Session {
    /// A session of which nothing is known yet.
    fn default() -> Session {
        Session {
            host: Vec::new(),
            epoch: None,
            ses: None,
            auid: None,
            user: Vec::new(),
            service: Vec::new(),
            pid: None,
            from: From::default(),
            hostname: Vec::new(),
            terminal: Vec::new(),
            method: Vec::new(),
            key: None,
            start: None,
            quality: TimeQuality::Exact,
            end: None,
            ending: Ending::OpenAtEndOfLog,
            elevations: Vec::new(),
            label: Label::D,
            flags: BTreeSet::new(),
            in_login_records: false,
            evidence: Vec::new(),
        }
    }
}

impl Session {
    /// Notes where a field's value stands.
    pub(super) fn shown_by(&mut self, field: &'static str, evidence: Evidence) {
        self.in_login_records |= evidence.source == Source::LoginRecords;
        if self.evidence.len() < MOST_EVIDENCE && !self.evidence.contains(&(field, evidence)) {
            self.evidence.push((field, evidence));
        }
    }

    /// From when to when it was on, as far as that is logged: of one in which the clock was set back behind its
    /// beginning, all times between the two that its logs can have.
    pub fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match (self.start, self.end) {
            (Some(start), Some(end)) => (Some(start.min(end)), Some(start.max(end))),
            open => open,
        }
    }

    /// Whether it was on at a time, as far as its beginning and end are logged.
    pub fn covers(&self, time: Timestamp) -> bool {
        let (from, to) = self.span();
        from.is_none_or(|from| from <= time) && to.is_none_or(|to| time <= to)
    }

    /// Bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        let texts = [
            &self.host,
            &self.user,
            &self.service,
            &self.from.address,
            &self.hostname,
            &self.terminal,
            &self.method,
        ];
        let texts: usize = texts.iter().map(|text| text.capacity()).sum();
        let key = self
            .key
            .as_ref()
            .map_or(0, |key| key.kind.capacity() + key.fingerprint.capacity() + key.detail.capacity());
        let elevations: usize = self.elevations.iter().map(Elevation::weight).sum();
        size_of::<Session>()
            + texts
            + key
            + elevations
            + self.evidence.capacity() * size_of::<(&str, Evidence)>()
    }
}

impl Elevation {
    fn weight(&self) -> usize {
        size_of::<Elevation>() + self.by.capacity() + self.to.capacity() + self.command.capacity()
    }
}

/// Statements that are noted of one session; the first of each field come first.
const MOST_EVIDENCE: usize = 32;
/// Elevations that are kept of one session; the rest are counted.
const MOST_ELEVATIONS: usize = 256;
/// Bytes that are kept of a command.
const COMMAND: usize = 256;
