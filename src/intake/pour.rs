//! Pouring a file's bytes into the seal, and what is learnt of it meanwhile: how it begins, what it says, and whether it
//! held still.

use super::copy::CopyLimits;
use super::{Halt, Intake, Terms};
use crate::custody::Sealed;
use crate::custody::entry::{EntryId, Window};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::file::{End, Glimpse, Reading};
use crate::host::stat::Met;
use crate::records::audit_log::Asked;
use crate::records::form::Form;
use crate::records::observer::{Observed, Observer, Wanted};

/// How much of a file's beginning is kept to know its form by, in bytes.
const BEGINNING: usize = 4096;

/// The longest file whose bytes are kept, in bytes: what is longer is only ever appended to, or has changed rarely
/// when it is read again.
const KEPT_OF_ONE: usize = 2 << 20;

/// Bytes of lines that are kept of all text logs together, compressed; the logs that are being written pass first, so that
/// the oldest fall out.
const LINES_OF_ALL: usize = 2 << 20;
/// Bytes of entries that are kept of all journals together, compressed; and as many of lines of audit events in them.
const ENTRIES_OF_ALL: usize = 2 << 20;
/// Bytes of lines that are kept of all audit logs together, compressed; the oldest fall out here too.
const EVENTS_OF_ALL: usize = 5 << 20;
/// Bytes that are kept of all files together.
const KEPT_OF_ALL: usize = 8 << 20;

/// Bytes that are kept for the views, compressed.
#[derive(Default)]
pub(super) struct ForViews {
    /// Lines of text logs that speak of logins.
    lines: usize,
    /// Entries of journals that do, and audit events in them.
    entries: usize,
    /// Lines of audit events.
    events: usize,
}

impl ForViews {
    fn take(&mut self, observed: &Observed) {
        let kept = match observed {
            Observed::Audit(..) => &mut self.events,
            Observed::Journal(_) => &mut self.entries,
            Observed::Text(_) => &mut self.lines,
        };
        *kept += observed.weight();
    }

    /// What is wanted of a file of this form.
    fn wanted(&self, form: Option<Form>, terms: &Terms<'_>) -> Wanted {
        let room = EVENTS_OF_ALL.saturating_sub(self.events);
        let events = terms.wants.as_ref().map(|wants| (wants(), room));
        let room = match form {
            Some(Form::Journal) => ENTRIES_OF_ALL.saturating_sub(self.entries),
            _ => LINES_OF_ALL.saturating_sub(self.lines),
        };
        Wanted { asked: terms.asked, events, room }
    }
}

/// What became of a file's bytes.
pub(super) struct Poured {
    pub entry: EntryId,
    /// Bytes that were sealed.
    pub given: u64,
    /// They are the whole file as it was.
    pub whole: bool,
    /// It was read to its end, whether or not it held still meanwhile.
    pub to_its_end: bool,
    /// A hole begins here that was not read.
    pub hole: Option<u64>,
    /// The first of them.
    beginning: Vec<u8>,
    /// All of them, if they were to be kept and are few enough.
    pub kept: Option<Vec<u8>>,
    /// What they say.
    pub observed: Option<Observed>,
}

impl Poured {
    /// Whether it is there as a whole and does not look like a file of this form.
    pub fn is_odd(&self, form: Option<Form>) -> bool {
        let fits = |form: Form| form.fits(&self.beginning, self.given);
        self.whole && self.given > 0 && !form.is_none_or(fits)
    }
}

/// Whoever looks on while a file passes.
struct Onlookers {
    beginning: Vec<u8>,
    kept: Option<Vec<u8>>,
    room_to_keep: usize,
    observer: Option<Observer>,
}

impl Onlookers {
    fn see(&mut self, bytes: &[u8]) {
        let room = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.kept = self.kept.take().filter(|kept| kept.len() + bytes.len() <= self.room_to_keep);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        if let Some(observer) = &mut self.observer {
            observer.piece(bytes);
        }
    }
}

/// How many bytes have passed, and how that ended: at the file's end, or by what.
type Passed = (u64, Result<End, (Outcome, Reason)>);

impl Intake<'_> {
    /// What is asked of audit logs while they pass.
    pub fn asked(&self) -> Asked {
        self.terms.asked
    }

    /// Pours the file's bytes into the member that was begun, and ends it with what is known then; `finish` may still
    /// add to that.
    pub(super) fn pour(
        &mut self,
        reading: &mut Reading<'_>,
        met: &Met,
        limits: CopyLimits,
        limited_by_run: bool,
        finish: &mut dyn FnMut(&mut Draft, &Sealed),
    ) -> Result<Poured, Halt> {
        let wanted = self.for_views.wanted(limits.form, &self.terms);
        let mut onlookers = Onlookers {
            beginning: Vec::new(),
            kept: limits.keep.then(Vec::new),
            room_to_keep: KEPT_OF_ONE.min(KEPT_OF_ALL.saturating_sub(self.kept)),
            observer: limits.form.and_then(|form| Observer::of(form, wanted)),
        };
        let (given, ended) = self.pass(reading, &mut onlookers)?;
        let observed = onlookers.observer.map(Observer::end);
        observed.iter().for_each(|observed| self.for_views.take(observed));
        self.copied_in_step.0 += 1;
        let (mut whole, mut hole) = (false, None);
        let to_its_end = matches!(&ended, Ok(end) if !end.cut && end.hole.is_none());
        let entry = match ended {
            Ok(end) => {
                self.copied_in_step.1 += end.given;
                hole = end.hole;
                self.end_knowing(|draft, sealed| {
                    judge(draft, met, &end, limited_by_run);
                    quote_span(draft, observed.as_ref());
                    finish(draft, sealed);
                    whole = draft.outcome == Outcome::Collected;
                })?
            }
            Err((failed, reason)) => self.end_knowing(|draft, sealed| {
                *draft = draft.clone().ended(failed, reason);
                quote_span(draft, observed.as_ref());
                finish(draft, sealed);
            })?,
        };
        Ok(Poured {
            entry,
            given,
            whole,
            to_its_end,
            hole,
            beginning: onlookers.beginning,
            kept: onlookers.kept,
            observed,
        })
    }

    /// All that is read goes into the seal before the onlookers' eyes. Gives how many bytes, and how that ended.
    fn pass(&mut self, reading: &mut Reading<'_>, onlookers: &mut Onlookers) -> Result<Passed, Halt> {
        let mut given = 0;
        loop {
            match reading.glimpse() {
                Ok(Glimpse::Bytes(bytes)) => {
                    given += bytes.len() as u64;
                    onlookers.see(&bytes);
                    self.write(bytes)?;
                }
                Ok(Glimpse::Done(end)) => return Ok((given, Ok(end))),
                Ok(Glimpse::Failed(errno, doing)) => {
                    let words =
                        format!("{doing}: {}; what was read until then is kept", std::io::Error::from(errno));
                    return Ok((given, Err((Outcome::Failed, Reason::new(ReasonCode::IoError, words)))));
                }
                Ok(_) => {}
                Err(trouble) => {
                    if matches!(trouble, Trouble::Stopped(_)) {
                        self.check_within_member()?;
                    }
                    let (outcome, mut reason) = trouble.verdict();
                    reason.words.push_str("; what was read until then is kept");
                    return Ok((given, Err((outcome, reason))));
                }
            }
        }
    }
}

/// The entry says from when to when the records in it are.
fn quote_span(draft: &mut Draft, observed: Option<&Observed>) {
    if let Some((first, last)) = observed.and_then(Observed::span) {
        let window = draft.window.get_or_insert_with(Window::default);
        (window.first, window.last) = (Some(first), Some(last));
    }
}

/// What the metadata before and after say about the bytes between.
fn judge(draft: &mut Draft, met: &Met, end: &End, limited_by_run: bool) {
    let (before, after) = (&met.stat, &end.after.stat);
    let mut ended = |outcome, code, words: &str| {
        draft.outcome = outcome;
        draft.reason = Some(Reason::new(code, words));
    };
    if after.size < before.size || (end.given < before.size && !end.cut && end.hole.is_none()) {
        ended(Outcome::Changed, ReasonCode::Overwritten, "it became shorter while it was read");
    } else if before.size > 0 && after.size == before.size && after.mtime != before.mtime {
        ended(Outcome::Changed, ReasonCode::Overwritten, "it was written to while it was read");
    } else if before.size > 0 && after.size == before.size && after.ctime != before.ctime {
        // Whoever writes can set the time of that back; this time nobody can set.
        let words = "it was touched while it was read: renamed, given other rights, or written to and its time set back";
        ended(Outcome::Changed, ReasonCode::Overwritten, words);
    } else if end.cut && limited_by_run {
        ended(Outcome::Truncated, ReasonCode::ByteLimit, "the run's limit on bytes was reached");
    } else if end.cut {
        ended(Outcome::Truncated, ReasonCode::SizeLimit, "it is longer than this step takes");
    } else if let Some(start) = end.hole {
        let words = format!(
            "at byte {start} a hole of a gibibyte or more begins; what data lies behind it is in \
             an entry of its own"
        );
        ended(Outcome::Truncated, ReasonCode::SizeLimit, &words);
    }
    draft.grew = before.size > 0 && after.size > before.size;
    if let Some(stat) = &mut draft.stat {
        stat.after = Some(after.clone());
    }
}
