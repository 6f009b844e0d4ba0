//! Boots, and auditing that was switched off: where they stand among what a log says of auditing.

use std::time::Duration;

use super::super::notes::{Note, NoteKind, shows_on};
use super::super::serials::{Seen, is_behind};
use super::super::signs::Sign;
use super::super::{EventId, Record};
use super::Summary;
use crate::clock::Timestamp;

/// Events that show that auditing was on: the first of a file, where it was switched off in the file before.
const ON_KEPT: usize = 64;
/// Switches to off that wait at the same time for such an event.
const OFF_KEPT: usize = 16;
/// The clock of events goes by steps as long as this, and auditing is off only some time after the call was entered that
/// switches it off.
const STEP: Duration = Duration::from_millis(10);

/// Whether an event that shows that auditing was on stands behind a switch to off, and not beside it: calls that were
/// entered before are logged behind it, too.
fn is_on_again(off: EventId, on: EventId) -> bool {
    is_behind(off, on) && on.time >= off.time.plus(STEP)
}

impl Summary {
    /// A record may be the first of another boot, or say that there is one.
    pub(super) fn booted(&mut self, record: &Record<'_>, before: Option<Timestamp>) {
        let (id, is_ours) = (record.id, !record.kind.starts_with(b"DAEMON_"));
        let boot = |id, after| Note { id, after, next: None, kind: NoteKind::Boot };
        match Sign::of(record).and_then(|sign| self.serials.sign(sign, id)) {
            Some(began) if began == id => self.keep(boot(id, before)),
            // What came between the two is of the new boot.
            Some(began) => {
                let (at, after) = self.fall;
                self.keep_at(at, boot(began, after));
            }
            None => {}
        }
        let seen = if is_ours { self.serials.saw(id) } else { Seen::Same };
        match seen {
            Seen::Boot => self.keep(boot(id, before)),
            Seen::Fallen => self.fall = (self.notes.len(), before),
            Seen::Same => {}
        }
    }

    /// If the record shows that auditing is on, it is on again behind the switches to off before it.
    pub(super) fn was_on(&mut self, record: &Record<'_>) {
        let is_asked = self.on.len() < ON_KEPT || !self.off.is_empty();
        if !is_asked || !shows_on(record) {
            return;
        }
        if self.on.len() < ON_KEPT {
            self.on.push(record.id);
        }
        let notes = &mut self.notes;
        self.off.retain(|off| {
            if !is_on_again(*off, record.id) {
                return true;
            }
            for note in notes.iter_mut().filter(|note| note.id == *off && note.is_off()) {
                note.next = Some(record.id.time);
            }
            false
        });
    }

    /// Auditing may have been switched off.
    pub(super) fn went_off(&mut self, note: &Note) {
        if note.is_off() && self.off.len() < OFF_KEPT {
            self.off.push(note.id);
        }
    }

    /// The first event at the beginning of the file that shows that auditing was on again.
    pub fn on_again(&self, off: EventId) -> Option<Timestamp> {
        self.on.iter().find(|on| is_on_again(off, **on)).map(|on| on.time)
    }

    /// An event of the file, at its beginning or its end, that shows that auditing was on by then.
    pub fn on_by(&self, off: EventId) -> Option<Timestamp> {
        let late = || self.recent.iter().find(|on| is_on_again(off, **on)).map(|on| on.time);
        self.on_again(off).or_else(late)
    }
}
