//! The sessions that all logs of the evidence tell of together: audit logs, texts, journals, login records and logind's
//! files are read once each, the oldest first. Whoever else needs what passes listens on the way ([`Hears`]), so that no
//! log is read twice for one answer.

mod audit;
mod beside;
mod dated;
mod journals;
mod others;
mod records;
mod texts;
mod unpacked;

use std::ops::ControlFlow;

use super::evidence::{Evidence, Log, What};
use crate::clock::Timestamp;
use crate::records::audit_event::{Counts, Event, FileRead, Heard, Place};
use crate::records::audit_log::witnesses::Witnesses;
use crate::records::auth_text::Said;
use crate::records::lines::{Line, Lines};
use crate::records::login_pairing::{Found, PairedLogin};
use crate::records::logind;
use crate::records::syslog::Tags;
use crate::term::{Failure, counted};
use crate::view::audit_witnesses;
use crate::view::login_sessions::{Joined, Sessions, Source};

pub use audit::{Passes, Wanted, audit_logs};
pub use beside::KeptBeside;
pub use dated::{dated, head};
pub use journals::{audit_lines, audit_lines_of, entries, is_of_others, left_out};
pub use others::other_lines;
pub use records::{passed, records};
pub use unpacked::{unless_forged, unpacked};

/// Kinds of evidence that tell of sessions.
pub const WANTED: [What; 6] =
    [What::Audit, What::Auth, What::Journal, What::Wtmp, What::Wtmpdb, What::Logind];
/// Bytes of a file of logind's.
const LOGIND: usize = 64 << 10;

/// Listens while the logs pass. What is not overridden is not listened to.
pub trait Hears {
    /// Whether the event of an audit record of this type is to be heard; beside those that tell of sessions.
    fn wants(_kind: &[u8], _line: &[u8]) -> bool
    where
        Self: Sized,
    {
        false
    }

    /// An audit log begins, or a journal whose audit records stand for one.
    fn begins(&mut self, _log: &Log) {}

    /// A line of it, whatever it is; none for one that is too long to be kept.
    fn line(&mut self, _line: Option<&[u8]>) {}

    /// An audit record of a journal that no audit log has.
    fn beside(&mut self, _line: &[u8]) {}

    /// So many lines more, right behind one of a call or of what belongs to it, that belong to it as well.
    fn further(&mut self, _lines: u64) {}

    /// An audit event: of a type that is wanted, or one that tells of sessions.
    fn event(&mut self, _event: &Event) {}

    /// An audit log ended: what it was, and why it could not be read to its end.
    fn ends(&mut self, _log: &Log, _read: &FileRead, _failure: Option<&Failure>) {}

    /// A line of a text log, or an entry of a journal.
    fn said(&mut self, _source: Source, _said: &Said) {}

    /// A text log has ended that has lines of programs which are not understood here.
    fn others(&mut self, _others: &Tags) {}

    /// A login of wtmp or its like.
    fn login(&mut self, _login: &PairedLogin) {}

    /// What was found beside the logins: signs of wiping among it.
    fn found(&mut self, _found: &Found) {}

    /// A log that is no audit log has passed.
    fn passed(&mut self, _log: &Log, _passed: &Passed) {}
}

/// What a log was that is no audit log.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Times of its earliest and its latest record.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Records, of whatever they speak.
    pub records: u64,
    /// What of it could not be understood.
    pub odd: u64,
}

/// Nobody listens.
impl Hears for () {}

/// What was learnt.
pub struct Recorded {
    /// The sessions, and what could not be told of them.
    pub joined: Joined,
    /// What is odd about the audit events.
    pub audit: Counts,
    /// The audit records were read from journals, there being no audit log.
    pub by_journal: bool,
    /// Audit records that journals have and the audit logs, which are here, have not: they are read with these.
    pub beside: KeptBeside,
    /// The audit logs lack what journals have of their time, or may lack it: what is told of them is no whole.
    pub lacks: bool,
    /// What could not be read, or not all of it, in words.
    pub notes: Vec<String>,
    /// What is to be known, and no lack.
    pub remarks: Vec<String>,
}

/// Reads what tells of sessions. `now` is when it is asked.
pub fn sessions<H: Hears>(evidence: &Evidence, now: Timestamp, hears: &mut H) -> Result<Recorded, Failure> {
    let mut gathering = Gathering::of(evidence, now);
    let has_logs = evidence.logs(What::Audit).next().is_some();
    let (audit, beside) = if has_logs {
        // Before the texts: they tell which lines another program sent than the one that is named.
        let journals = gathering.journals(hears)?;
        gathering.texts(hears)?;
        // What journals have beyond the audit logs is read with these.
        let beside = compared(evidence, journals, beside::LINES)?;
        (gathering.audit(&beside, hears)?, beside)
    } else {
        let audit = gathering.audit_of_journals(wants::<H>, hears)?;
        gathering.texts(hears)?;
        (audit, KeptBeside::none(Witnesses::default()))
    };
    gathering.login_records(hears)?;
    gathering.logind(hears)?;
    let Gathering { sessions, mut notes, mut remarks, .. } = gathering;
    let joined = sessions.finish();
    notes.extend(untold(&joined));
    let compared = audit_witnesses::told(beside.both());
    let lacks = !compared.notes.is_empty() || beside.untold().is_some();
    notes.extend(compared.notes.into_iter().chain(beside.untold()));
    remarks.extend(compared.remarks);
    let by_journal = !has_logs && audit.records > 0;
    Ok(Recorded { joined, audit, by_journal, beside, lacks, notes, remarks })
}

/// Whether the event of an audit record is to be heard.
fn wants<H: Hears>(kind: &[u8], line: &[u8]) -> bool {
    Sessions::sieve(kind, line) || H::wants(kind, line)
}

/// What journals have of the kernel's audit records and the audit logs lack. Where no journal has any, the logs are not looked
/// at.
fn compared(evidence: &Evidence, mut both: Witnesses, room: usize) -> Result<KeptBeside, Failure> {
    if !both.end_journals() {
        return Ok(KeptBeside::none(both));
    }
    for log in evidence.logs(What::Audit) {
        let mut lines = Lines::default();
        let mut take = |line: Line<'_>| {
            if let Line::Kept { bytes, .. } = line {
                both.log(bytes);
            }
        };
        // What cannot be read is told when the log is read for the sessions.
        let unread = unpacked(evidence, log, &mut |text| {
            lines.piece(text, &mut take);
            ControlFlow::Continue(())
        })?;
        lines.end(&mut take);
        both.is_short |= unread.is_some();
    }
    if both.end_logs() { KeptBeside::of(evidence, both, room) } else { Ok(KeptBeside::none(both)) }
}

/// The same, for whoever looks at nothing else of the journals; these have passed.
pub fn beside_logs(evidence: &Evidence, journals: Witnesses) -> Result<KeptBeside, Failure> {
    compared(evidence, journals, beside::LINES)
}

struct Gathering<'e> {
    evidence: &'e Evidence,
    now: Timestamp,
    sessions: Sessions,
    notes: Vec<String>,
    remarks: Vec<String>,
}

impl Gathering<'_> {
    fn of(evidence: &Evidence, now: Timestamp) -> Gathering<'_> {
        Gathering { evidence, now, sessions: Sessions::new(), notes: Vec::new(), remarks: Vec::new() }
    }

    /// The audit logs, and among their lines those that journals alone have.
    fn audit<H: Hears>(&mut self, beside: &KeptBeside, hears: &mut H) -> Result<Counts, Failure> {
        let sessions = &mut self.sessions;
        let wanted = Wanted { ahead: (wants::<H>, ()), by_line: wants::<H>, lines: true };
        audit_logs(self.evidence, beside, wanted, &mut |passes| match passes {
            Passes::Begins(log) => hears.begins(log),
            Passes::Heard(Heard::Line(line)) => hears.line(line),
            Passes::Heard(Heard::Further(lines)) => hears.further(lines),
            Passes::Heard(Heard::Beside(line)) => hears.beside(line),
            Passes::Heard(Heard::Event(event)) => {
                sessions.audit(&event);
                hears.event(&event);
            }
            Passes::Ends(log, told, failure) => hears.ends(log, told, failure),
        })
    }

    /// Files of logind's: the sessions that were living.
    fn logind<H: Hears>(&mut self, hears: &mut H) -> Result<(), Failure> {
        for log in self.evidence.logs(What::Logind) {
            let Some(text) = self.whole(log, LOGIND)? else { continue };
            self.sessions.logind(&logind::parse(&text), Place { file: log.number, offset: 0 });
            hears.passed(log, &Passed { records: 1, ..Passed::default() });
        }
        Ok(())
    }

    /// A small file as a whole.
    fn whole(&mut self, log: &Log, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        let mut text = Vec::new();
        let read = self.evidence.read_while(log, &mut |bytes| {
            text.extend_from_slice(bytes);
            if text.len() > most {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        });
        if !self.is_read(log, read)? {
            return Ok(None);
        }
        if text.len() > most {
            self.notes.push(format!("{}: it is larger than any such file, and was not read", log.name));
            return Ok(None);
        }
        Ok(Some(text))
    }

    /// Whether a log could be read: what could not is noted; evidence that is not as it was sealed ends everything.
    fn is_read(&mut self, log: &Log, read: Result<(), Failure>) -> Result<bool, Failure> {
        let why = unless_forged(read)?;
        let is_read = why.is_none();
        self.notes.extend(why.map(|why| format!("{}: {why}", log.name)));
        Ok(is_read)
    }
}

/// What is not among the sessions, in words.
fn untold(joined: &Joined) -> Vec<String> {
    let untold = &joined.untold;
    let told = [
        (untold.audit, "statement", "of the audit log about sessions, for which there was no room"),
        (untold.services, "session", "of cron and service managers, left out to make room"),
        (untold.text, "line", "of texts and journals, for which there was no room"),
        (untold.timeless, "line", "of texts without a time"),
        (untold.disbelieved, "line", "that another program sent than the one they name; not believed"),
        (untold.records, "login", "of wtmp and its like, for which there was no room"),
        (untold.logind, "file", "of logind's, for which there was no room"),
        (untold.elevations, "act", "as another user, beyond what is kept"),
    ];
    let told = told.into_iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, what, words)| format!("{} {words}", counted(count, what))).collect()
}
