//! Events that journals have and the audit logs lack, among those of which lines were kept: they are told of with the others.

use super::made::Log;
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::audit_log::EventId;
use crate::records::audit_log::witnesses::{Stands, Witnesses};
use crate::view::audit_witnesses;

/// Bytes of lines that are held.
const HELD: usize = 4 << 20;

/// A line of a journal.
pub struct Line {
    pub id: EventId,
    pub place: Place,
    pub text: Vec<u8>,
}

/// All of them.
#[derive(Default)]
pub struct Beside {
    /// In the order of their events.
    pub lines: Vec<Line>,
    /// Lines for which there was no room.
    pub left: u64,
    /// What logs and journals have of one another, in words.
    pub told: Vec<String>,
}

impl Beside {
    /// What the audit logs lack of what the journals have.
    pub fn of(logs: &[Log], journals: &[Log]) -> Beside {
        let mut both = Witnesses::default();
        journals.iter().for_each(|log| log.kept.replay(&mut |_, line| both.journal(line)));
        if !both.end_journals() {
            return Beside::default();
        }
        for log in logs {
            log.kept.replay(&mut |_, line| both.log(line));
            both.is_short |= !log.whole || log.summary.broken.is_some() || log.kept.left > 0;
        }
        let mut beside = Beside::default();
        if both.end_logs() {
            beside.gather(journals, &mut both);
            both.end();
        }
        let told = audit_witnesses::told(&both);
        let said = told.notes.into_iter().chain(told.remarks);
        beside.told =
            said.map(|words| format!("of the events that were kept for the views: {words}")).collect();
        beside
    }

    fn gather(&mut self, journals: &[Log], both: &mut Witnesses) {
        // A line of a journal names no machine: it is of the one that the logs are of.
        let node = both.node().map(|node| [b"node=", node, b" "].concat()).unwrap_or_default();
        let mut room = HELD;
        for log in journals {
            log.kept.replay(&mut |offset, line| {
                let Some((id, Stands::Before | Stands::Within | Stands::Behind)) = both.again(line) else {
                    return;
                };
                let text = [node.as_slice(), line].concat();
                match room.checked_sub(size_of::<Line>() + text.len()).filter(|_| self.left == 0) {
                    Some(rest) => {
                        room = rest;
                        self.lines.push(Line { id, place: Place { file: log.entry.0, offset }, text });
                    }
                    None => self.left += 1,
                }
            });
        }
        // Records of one event stay in the order in which they came.
        self.lines.sort_by_key(|line| line.id);
    }

    /// The time of the first.
    pub fn first(&self) -> Option<Timestamp> {
        self.lines.first().map(|line| line.id.time)
    }
}
