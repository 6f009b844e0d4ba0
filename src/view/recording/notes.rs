//! What all logs together say of auditing itself.

use std::collections::HashMap;

use super::Log;
use crate::clock::Timestamp;
use crate::records::audit_log::{Note, NoteKind, Summary};

/// The notes of all logs in their order, each with what came before and behind it in other files, and the boots between
/// files.
pub(super) fn of(logs: &[Log<'_>]) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    let mut before: Option<&Summary> = None;
    let mut seen = HashMap::new();
    for (at, Log { summary: log, .. }) in logs.iter().enumerate() {
        let ended = before.and_then(Summary::span).map(|(_, last)| last);
        let last = before.and_then(|before| before.serials.boots.last());
        if let (Some(last), Some(first)) = (last, log.serials.boots.first())
            && last.is_over(first)
        {
            all.push(Note { id: first.first, after: ended, next: None, kind: NoteKind::Boot });
        }
        let mut siblings: HashMap<_, u64> = HashMap::new();
        for note in &log.notes {
            let next = note.next.or_else(|| on_again(note, logs.get(at + 1..).unwrap_or_default()));
            let what = (note.id, std::mem::discriminant(&note.kind));
            // One event may take several rules out.
            let sibling = siblings.entry(what).or_default();
            let known = seen.entry((what, *sibling)).or_insert(all.len());
            *sibling += 1;
            // Of a file there may be copies, and of its end a second look.
            match all.get_mut(*known) {
                Some(known) => known.next = [known.next, next].into_iter().flatten().min(),
                None => all.push(Note { after: note.after.or(ended), next, ..note.clone() }),
            }
        }
        before = Some(log);
    }
    all
}

/// The notes of logs, and among them those of records that no log has, at their times.
pub(super) fn with(mut notes: Vec<Note>, beside: &Summary, logs: &[Log<'_>]) -> Vec<Note> {
    // What boots there were is known of the logs, where no record is without those beside it.
    for note in beside.notes.iter().filter(|note| note.kind != NoteKind::Boot) {
        let (off, time) = (note.is_off(), note.id.time);
        let on = logs.iter().filter(|_| off).filter_map(|log| log.summary.on_by(note.id));
        let next = on.chain(note.next).min();
        let at = notes.iter().position(|known| known.id.time > time).unwrap_or(notes.len());
        // The record before it may stand in a log.
        notes.insert(at, Note { after: Some(time), next, ..note.clone() });
    }
    notes
}

/// When later logs show that auditing was on again.
fn on_again(off: &Note, logs: &[Log<'_>]) -> Option<Timestamp> {
    logs.iter().filter(|_| off.is_off()).find_map(|log| log.summary.on_again(off.id))
}
