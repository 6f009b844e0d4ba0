//! The sessions that all logs of the evidence tell of together: audit logs, texts, journals, login records and logind's
//! files are read once each, the oldest first. Whoever else needs what passes listens on the way ([`Hears`]), so that no
//! log is read twice for one answer.

mod dated;
mod journals;
mod records;
mod texts;
mod unpacked;

use super::evidence::{Evidence, Log, What};
use crate::clock::Timestamp;
use crate::records::audit_event::{Counts, Event, FileRead, Heard, Joining, Place};
use crate::records::auth_text::Said;
use crate::records::login_pairing::{Found, PairedLogin};
use crate::records::logind;
use crate::term::{Failure, counted};
use crate::view::login_sessions::{Joined, Sessions, Source};

pub use dated::{dated, head};
pub use journals::{audit_lines, entries};
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

    /// So many lines more, right behind one of a call or of what belongs to it, that belong to it as well.
    fn further(&mut self, _lines: u64) {}

    /// An audit event: of a type that is wanted, or one that tells of sessions.
    fn event(&mut self, _event: &Event) {}

    /// An audit log ended: what it was, and why it could not be read to its end.
    fn ends(&mut self, _log: &Log, _read: &FileRead, _failure: Option<&Failure>) {}

    /// A line of a text log, or an entry of a journal.
    fn said(&mut self, _source: Source, _said: &Said) {}

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
    /// Audit records that journald took of times that no audit log here speaks of: they were not read.
    pub beyond_logs: u64,
    /// What could not be read, or not all of it, in words.
    pub notes: Vec<String>,
    /// What is to be known, and no lack.
    pub remarks: Vec<String>,
}

/// Reads what tells of sessions. `now` is when it is asked.
pub fn sessions<H: Hears>(evidence: &Evidence, now: Timestamp, hears: &mut H) -> Result<Recorded, Failure> {
    let mut gathering = Gathering::of(evidence, now);
    let has_logs = evidence.logs(What::Audit).next().is_some();
    let audit = gathering.audit(has_logs, hears)?;
    gathering.texts(hears)?;
    // Where they stand for the audit logs they have passed.
    let beyond_logs = if has_logs { gathering.journals(hears)? } else { 0 };
    gathering.login_records(hears)?;
    gathering.logind(hears)?;
    let Gathering { sessions, mut notes, remarks, .. } = gathering;
    let joined = sessions.finish();
    notes.extend(untold(&joined));
    if beyond_logs > 0 {
        notes.push(format!(
            "{} in journals, of times that no audit log here speaks of, not read: leave the audit logs out, as with --journal \
             alone, to read them",
            counted(beyond_logs, "audit record")
        ));
    }
    let by_journal = !has_logs && audit.records > 0;
    Ok(Recorded { joined, audit, by_journal, beyond_logs, notes, remarks })
}

struct Gathering<'e> {
    evidence: &'e Evidence,
    now: Timestamp,
    sessions: Sessions,
    /// From when to when each audit log speaks.
    audited: Vec<(Timestamp, Timestamp)>,
    notes: Vec<String>,
    remarks: Vec<String>,
}

impl Gathering<'_> {
    fn of(evidence: &Evidence, now: Timestamp) -> Gathering<'_> {
        let (sessions, audited) = (Sessions::new(), Vec::new());
        Gathering { evidence, now, sessions, audited, notes: Vec::new(), remarks: Vec::new() }
    }

    /// The audit logs; where there is none, what journald took of the kernel's records.
    fn audit<H: Hears>(&mut self, has_logs: bool, hears: &mut H) -> Result<Counts, Failure> {
        let wants = |kind: &[u8], line: &[u8]| Sessions::sieve(kind, line) || H::wants(kind, line);
        if !has_logs {
            return self.audit_of_journals(wants, hears);
        }
        let mut joining = Joining::new(());
        let sessions = &mut self.sessions;
        let mut hear = |hears: &mut H, heard: Heard<'_>| match heard {
            Heard::Line(line) => hears.line(line),
            Heard::Further(lines) => hears.further(lines),
            Heard::Event(event) => {
                sessions.audit(&event);
                hears.event(&event);
            }
        };
        for log in self.evidence.logs(What::Audit) {
            hears.begins(log);
            let scan = joining.begin(log.number, wants);
            let (ended, read) = self.evidence.blocks(log, scan, &mut |block| {
                joining.hear(block, &mut |heard| hear(hears, heard));
            });
            let told = joining.end_file(ended);
            if let Err(failure) = &read
                && failure.is_of_verification()
            {
                return read.map(|()| Counts::default());
            }
            self.audited.extend(told.first.zip(told.last));
            hears.ends(log, &told, read.err().as_ref());
        }
        Ok(joining.finish(&mut |event| hear(hears, Heard::Event(event))))
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
