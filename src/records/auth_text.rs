//! What programs that let people in say of it: sshd, PAM, sudo, su, login, logind and those that change accounts, as
//! their messages stand in auth.log, secure or the journal.
//!
//! A name or a folder is often chosen by whoever is at the other end, and may hold words that look like the rest of the
//! message. So every way to read such a message is counted: with exactly one it is taken, with more it is
//! [`Message::Ambiguous`] and nobody is named by it, or names only whom the program itself puts before such words.

mod accounts;
pub mod attempts;
mod elevation;
pub mod not_kept;
mod others;
mod pam;
mod scan;
mod secret;
mod sshd;
mod vis;

pub use self::secret::{CONCEALED, MASK, maybe_secret};

use self::not_kept::NotKept;
use super::audit_event::Place;
use crate::clock::Timestamp;

/// How well the time of a line is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeQuality {
    /// With year and zone in the line, or from the journal.
    Exact,
    /// Without a zone: the zone of the machine was taken.
    Zone,
    /// Without a year: the year follows from the lines around it and from when the file was written.
    YearInferred,
    /// With neither.
    YearAndZone,
}

/// One line of a log, or one entry of a journal, that speaks of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, and how well that is known; none where no time could be made out.
    pub time: Option<(Timestamp, TimeQuality)>,
    /// The machine that the line names.
    pub host: Vec<u8>,
    /// The program, as `sshd`: anyone who may write to the log chooses it, unless `witness` is there.
    pub tag: Vec<u8>,
    /// Its process, as the line has it.
    pub pid: Option<u32>,
    /// What the journal itself saw of the sender.
    pub witness: Option<Witness>,
    /// Where it stands.
    pub place: Place,
    /// How often it was said; more than once where the log says that a message was repeated.
    pub times: u32,
    /// What it says.
    pub message: Message,
}

/// Fields that journald takes from the kernel and a sender cannot choose (systemd.journal-fields(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// `_PID`.
    pub pid: Option<u32>,
    /// `_UID`.
    pub uid: Option<u32>,
    /// `_EXE`.
    pub exe: Vec<u8>,
    /// `_TRANSPORT`.
    pub transport: Vec<u8>,
    /// `_AUDIT_SESSION`.
    pub session: Option<u32>,
}

/// Where somebody came from, as the program says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct From {
    /// An address, or a name where the program was told to use names; empty where it says none.
    pub address: Vec<u8>,
    /// The port at the other end.
    pub port: Option<u16>,
}

/// What became of a try to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// `Accepted`.
    Accepted,
    /// `Failed`.
    Failed,
    /// `Postponed`: more was asked for.
    Postponed,
    /// `Partial`: one of several that are needed.
    Partial,
}

/// The key that was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// As `ED25519`, or `RSA-CERT`.
    pub kind: Vec<u8>,
    /// As `SHA256:…`; of old versions `MD5:…` or pairs of digits.
    pub fingerprint: Vec<u8>,
    /// The rest: of a certificate its id, its serial number and its authority, which its holder chose.
    pub detail: Vec<u8>,
}

/// Which program let somebody act as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Elevator {
    /// sudo(8).
    Sudo,
    /// su(1).
    Su,
    /// doas(1).
    Doas,
    /// pkexec(1).
    Pkexec,
}

/// What a message says. User names are the bytes that the program logged; of sshd, those that it logged them of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// sshd: a secret or key was accepted or not.
    Tried {
        /// What became of it.
        answer: Answer,
        /// As `password`, `publickey`, `keyboard-interactive/pam`.
        method: Vec<u8>,
        /// The name that was given.
        user: Vec<u8>,
        /// `invalid user`: sshd knows no such user, or does not let it in.
        unknown_user: bool,
        /// From where.
        from: From,
        /// The key, where the message names it.
        key: Option<Key>,
    },
    /// sshd: `Invalid user`: there is none; without an address, of old versions, perhaps it is only not let in.
    UnknownUser {
        /// The name that was given: perhaps a password typed into the wrong field.
        user: Vec<u8>,
        /// From where.
        from: From,
    },
    /// sshd: `error: PAM: … for …`.
    PamRejected {
        /// Why.
        reason: Vec<u8>,
        /// The name that was given.
        user: Vec<u8>,
        /// `invalid user`: sshd knows no such user, or does not let it in.
        unknown_user: bool,
        /// From where; no port.
        from: From,
    },
    /// sshd: known, but not let in (`AllowUsers`, a shell that is not there, `ROOT LOGIN REFUSED`).
    NotAllowed {
        /// Who.
        user: Vec<u8>,
        /// From where.
        from: From,
        /// Why.
        reason: Vec<u8>,
    },
    /// sshd: more tries than it allows.
    TooManyTries {
        /// The name that was given.
        user: Vec<u8>,
        /// From where.
        from: From,
    },
    /// sshd: a connection ended.
    Ended {
        /// In the words of the message: `Disconnected from`, `Connection closed by`, …
        how: Vec<u8>,
        /// Who; empty where none is named.
        user: Vec<u8>,
        /// Whether somebody had logged in: false for `authenticating` and `invalid` users, none where it is not said.
        logged_in: Option<bool>,
        /// From where.
        from: From,
    },
    /// sshd: `Starting session: …` (LogLevel VERBOSE).
    ShellStarted {
        /// `shell`, `command`, `subsystem 'sftp'`, …
        kind: Vec<u8>,
        /// Terminal.
        terminal: Option<Vec<u8>>,
        /// Who.
        user: Vec<u8>,
        /// From where.
        from: From,
    },
    /// sshd: `Close session` (LogLevel VERBOSE): one of the channels of a connection, which may go on with others.
    ChannelClosed {
        /// Who.
        user: Vec<u8>,
        /// From where.
        from: From,
    },
    /// sshd turned connections away unheard: failures are under-counted from here.
    Shed,
    /// sshd began to listen, or was told to end.
    Server {
        /// It began.
        began: bool,
    },
    /// PAM: a secret was wrong.
    PamFailure {
        /// As `unix`, `sss`; empty where libpam sums up what was not said one by one.
        module: Vec<u8>,
        /// As `sshd`, `sudo`.
        service: Vec<u8>,
        /// Who; empty where PAM knows no such user.
        user: Vec<u8>,
        /// The user that asked.
        by: Vec<u8>,
        /// From where.
        from: From,
        /// The terminal.
        terminal: Vec<u8>,
        /// How many tries: more than one in `N more authentication failures`.
        tries: u32,
    },
    /// PAM: a secret was right, for this module: another may have said before that it is wrong.
    PamSuccess {
        /// As `sshd`, `sudo`.
        service: Vec<u8>,
        /// Who.
        user: Vec<u8>,
        /// From where.
        from: From,
    },
    /// PAM: a session was opened.
    SessionOpened {
        /// As `sshd`, `sudo`, `cron`.
        service: Vec<u8>,
        /// For whom.
        user: Vec<u8>,
        /// The number, where it is said.
        uid: Option<u32>,
        /// Who asked; empty where it was not a user that had logged in.
        by: Vec<u8>,
        /// The number.
        by_uid: Option<u32>,
    },
    /// PAM: a session was closed.
    SessionClosed {
        /// As `sshd`, `sudo`, `cron`.
        service: Vec<u8>,
        /// For whom.
        user: Vec<u8>,
    },
    /// Too many failures: the account is locked for a time (pam_faillock, pam_tally2).
    Locked {
        /// Who.
        user: Vec<u8>,
    },
    /// Somebody acted as another, or wanted to.
    Elevated {
        /// By which program.
        tool: Elevator,
        /// Who; empty where it is not said.
        by: Vec<u8>,
        /// As whom; empty where that can be read in more than one way.
        to: Vec<u8>,
        /// Terminal.
        terminal: Vec<u8>,
        /// In which folder.
        folder: Vec<u8>,
        /// The command; empty where it is not said. `(ambiguous)` and all that its user chose, if it can be read in several ways.
        command: Vec<u8>,
        /// Why it was not done, where it was not.
        refused: Option<Vec<u8>>,
    },
    /// login(1) at a terminal.
    Console {
        /// Let in.
        accepted: bool,
        /// Who.
        user: Vec<u8>,
        /// Terminal.
        terminal: Vec<u8>,
        /// From where.
        from: From,
    },
    /// systemd-logind: `New session`.
    LogindNew {
        /// Its session: mostly the number that the audit log has.
        session: Vec<u8>,
        /// Who.
        user: Vec<u8>,
    },
    /// systemd-logind: `Removed session`.
    LogindRemoved {
        /// Its session.
        session: Vec<u8>,
    },
    /// An account or group was made, changed or removed.
    Account {
        /// What was done, in the words of the program, as `new user`, `add to group`, `password changed`.
        what: &'static str,
        /// Which account, or group.
        name: Vec<u8>,
        /// The rest of the message.
        detail: Vec<u8>,
    },
    /// cron(8).
    Cron {
        /// Whose table.
        user: Vec<u8>,
        /// `CMD`, `RELOAD`, `REPLACE`, …
        what: Vec<u8>,
        /// The command, or the rest.
        detail: Vec<u8>,
    },
    /// Records or messages were not kept: what other logs do not tell may have happened all the same.
    NotKept(NotKept),
    /// A message of sshd that can be read in more than one way: who wrote it so wanted it. Nobody is named by it.
    Ambiguous {
        /// The whole message.
        text: Vec<u8>,
    },
    /// Of a program that is known here, and not understood, or of no meaning for logins.
    Other {
        /// The whole message.
        text: Vec<u8>,
    },
}

/// What a message of a program says; none if the program is none of those that are known here and the message is none
/// of PAM. The name of the program may have a folder in front and, of old PAM, its module behind (`su(pam_unix)`).
pub fn understand(tag: &[u8], message: &[u8]) -> Option<Message> {
    let message = message.trim_ascii_end();
    if let Some(said) = pam::understand(tag, message) {
        return Some(said);
    }
    let text = scan::unescaped(message);
    let said = match program(tag) {
        name if name.starts_with(b"sshd") => sshd::understand(message),
        b"sudo" => elevation::sudo(&text),
        b"su" => elevation::su(message),
        b"doas" => elevation::doas(&text),
        b"pkexec" => elevation::pkexec(&text),
        b"login" => others::login(message),
        b"systemd-logind" | b"elogind" | b"elogind-daemon" => others::logind(message),
        b"CRON" | b"cron" | b"crond" | b"CROND" | b"crontab" | b"anacron" => others::cron(&text),
        name if accounts::PROGRAMS.contains(&name) => accounts::understand(message),
        // Of what they say else nothing is of logins.
        name => return not_kept::understand(not_kept::speaker(name)?, message).map(Message::NotKept),
    };
    Some(said.unwrap_or_else(|| Message::Other { text: message.to_vec() }))
}

/// The name without a folder in front and a module behind: `/usr/sbin/cron`, `su(pam_unix)`.
fn program(tag: &[u8]) -> &[u8] {
    let name = tag.rsplit(|byte| *byte == b'/').next().unwrap_or(tag);
    name.split(|byte| *byte == b'(').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
