//! One try, as far as its lines tell.

use std::time::Duration;

use super::super::{Answer, From, Message, Said};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;

/// The lines of one try stand this close together.
const TOGETHER: Duration = Duration::from_secs(3);
/// What PAM says waits so long for what sshd says of it in the same process.
const VERDICT: Duration = Duration::from_secs(60);
/// Modules of PAM that may speak of one try.
const MODULES: usize = 8;

/// One secret, accepted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When the first of its lines was written.
    pub time: Option<Timestamp>,
    /// Where that stands.
    pub place: Place,
    /// The machine.
    pub host: Vec<u8>,
    /// Process of the connection, as sshd itself has it where it spoke.
    pub pid: Option<u32>,
    /// The name that was given; empty where only PAM spoke, of a user that is not known.
    pub user: Vec<u8>,
    /// sshd calls the name invalid: there is no such user, or it is not let in.
    pub invalid: bool,
    /// As sshd says it; empty where only PAM spoke.
    pub method: Vec<u8>,
    /// From where.
    pub from: From,
    /// What became of it.
    pub answer: Answer,
    /// How many tries: more than one where the log only says that a message was repeated.
    pub tries: u32,
    /// Lines that speak of it.
    pub lines: u32,
    /// When the last of its lines was written.
    pub(super) heard: Option<Timestamp>,
    /// The modules of PAM that spoke.
    pub(super) modules: Vec<Vec<u8>>,
    /// It is in what PAM said in sum.
    pub(super) summed: bool,
    pub(super) questions: bool,
    pub(super) failed: bool,
}

impl Attempt {
    /// Whether a line is of this try, by its time and process. PAM's questions are asked by a process of their own; a
    /// password is checked by the one that speaks.
    pub(super) fn takes(&self, line: &Attempt) -> bool {
        let same_process = self.pid == line.pid;
        if !same_process && !line.by_questions() {
            return false;
        }
        let close = self.heard.zip(line.time).is_none_or(|(one, other)| one.apart(other) <= TOGETHER);
        let undecided = self.is_undecided();
        let process = same_process && (close || undecided && line.pid.is_some())
            || close && undecided && line.by_questions();
        process && self.fits(line)
    }

    /// Whether a line can be of this try: the same machine, source and name, and such a line is not there yet.
    pub(super) fn fits(&self, line: &Attempt) -> bool {
        let same_place = self.host == line.host && self.from.address == line.from.address;
        let nobody =
            |one: &Attempt, other: &Attempt| !one.modules.is_empty() && one.user.is_empty() && other.invalid;
        let same_user = self.user == line.user || nobody(self, line) || nobody(line, self);
        let open = self.answer == Answer::Failed && line.answer == Answer::Failed;
        let free = match (line.modules.first(), line.questions) {
            // A module that speaks again speaks of the next try.
            (Some(module), _) => {
                self.is_undecided()
                    && line.pid.is_some()
                    && self.modules.len() < MODULES
                    && !self.modules.contains(module)
            }
            (_, true) => !self.questions && !self.failed,
            _ => !self.failed && (self.questions == line.by_questions() || !self.questions),
        };
        same_place && same_user && open && free && self.tries == 1 && line.tries == 1
    }

    /// How long it waits for another of its lines.
    pub(super) fn patience(&self) -> Duration {
        if self.is_undecided() { VERDICT } else { TOGETHER }
    }

    /// When it has waited long enough.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.heard.map(|heard| heard.plus(self.patience()))
    }

    /// Whether it is of one by questions.
    pub(super) fn by_questions(&self) -> bool {
        self.questions || self.method.starts_with(b"keyboard")
    }

    /// Whether sshd told of it and the module of PAM that sums up did not.
    pub(super) fn is_unpaired(&self) -> bool {
        let is_told = self.summed || self.modules.iter().any(|module| sums_up(module));
        self.failed && !is_told && self.method == b"password"
    }

    /// Whether only PAM spoke of it.
    pub(super) fn is_undecided(&self) -> bool {
        !self.modules.is_empty() && !self.questions && !self.failed
    }

    pub(super) fn take(&mut self, line: &Attempt) {
        self.lines += line.lines;
        self.heard = line.time.or(self.heard);
        self.modules.extend_from_slice(&line.modules);
        self.pid = line.pid.or(self.pid);
        self.questions |= line.questions;
        self.failed |= line.failed;
        self.invalid |= line.invalid;
        self.from.port = line.from.port.or(self.from.port);
        if self.user.is_empty() {
            self.user.clone_from(&line.user);
        }
        if !line.method.is_empty() {
            self.method.clone_from(&line.method);
        }
    }
}

/// pam_unix speaks of the first wrong secret of a connection, and of all others in one line in the end, which has no
/// module's name.
pub(super) fn sums_up(module: &[u8]) -> bool {
    matches!(module, b"" | b"unix")
}

/// What a line alone says of a try; none if it speaks of none, as `Failed none`, with which a client only asks what is
/// wanted; `Accepted none` is of an account without a password (PermitEmptyPasswords).
pub(super) fn attempt(said: &Said) -> Option<Attempt> {
    let blank = Attempt {
        time: said.time.map(|(time, _)| time),
        heard: said.time.map(|(time, _)| time),
        place: said.place,
        host: said.host.clone(),
        pid: said.pid,
        user: Vec::new(),
        invalid: false,
        method: Vec::new(),
        from: From::default(),
        answer: Answer::Failed,
        tries: said.times,
        lines: said.times,
        modules: Vec::new(),
        summed: false,
        questions: false,
        failed: false,
    };
    match &said.message {
        Message::Tried { answer, method, user, unknown_user, from, .. } => {
            let asks = *answer == Answer::Postponed || *answer == Answer::Failed && method == b"none";
            let (user, method, from) = (user.clone(), method.clone(), from.clone());
            let failed = *answer == Answer::Failed;
            let attempt =
                Attempt { answer: *answer, method, user, from, failed, invalid: *unknown_user, ..blank };
            (!asks).then_some(attempt)
        }
        Message::PamRejected { user, unknown_user, from, .. } => {
            let method = b"keyboard-interactive/pam".to_vec();
            let (user, from, invalid) = (user.clone(), from.clone(), *unknown_user);
            Some(Attempt { method, user, from, invalid, questions: true, ..blank })
        }
        Message::PamFailure { module, service, user, from, tries, .. } if service.starts_with(b"sshd") => {
            let tries = tries.saturating_mul(said.times);
            let modules = vec![module.get(..32).unwrap_or(module).to_vec()];
            Some(Attempt { user: user.clone(), from: from.clone(), tries, modules, ..blank })
        }
        _ => None,
    }
}
