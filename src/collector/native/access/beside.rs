//! Events that journals have and the audit logs lack: what was kept of them is told of with the others. Which events a log
//! has is known of all of them, also of those that nobody wants.

use super::made::Log;
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::audit_log::ids::Ids;
use crate::records::audit_log::witnesses::{Stands, Witnesses};
use crate::records::audit_log::{EventId, NoteKind};
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
    /// What the logs lack of what the journals have, in words.
    pub told: Vec<String>,
}

impl Beside {
    /// What the audit logs, the oldest first, lack of what the journals have.
    pub fn of(logs: &[Log], journals: &[Log]) -> Beside {
        let mut both = Witnesses::of(ids(journals), ids(logs), without_daemon(logs), node(logs));
        both.is_short = logs.iter().any(|log| !log.whole || log.summary.broken.is_some());
        let mut beside = Beside::default();
        if both.logs_lack() {
            beside.left = journals.iter().map(|log| log.kept.left).sum();
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
        let (node, mut room, mut is_full) = (both.named(), HELD, false);
        for log in journals {
            log.kept.replay(&mut |offset, line| {
                let Some((id, Stands::Before | Stands::Within | Stands::Behind)) = both.again(line) else {
                    return;
                };
                let text = [node.as_slice(), line].concat();
                match room.checked_sub(size_of::<Line>() + text.len()).filter(|_| !is_full) {
                    Some(rest) => {
                        room = rest;
                        self.lines.push(Line { id, place: Place { file: log.entry.0, offset }, text });
                    }
                    None => (is_full, self.left) = (true, self.left + 1),
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

fn ids(logs: &[Log]) -> impl Iterator<Item = &Ids> {
    logs.iter().filter_map(|log| log.summary.ids.as_ref())
}

/// The machine that all lines of the logs name.
fn node(logs: &[Log]) -> Option<&[u8]> {
    let mut nodes = logs.iter().flat_map(|log| &log.summary.nodes);
    let first = nodes.next()?;
    (!first.is_empty() && nodes.all(|node| node == first)).then_some(first)
}

/// From when to when auditd did not write before it began, as the logs have it.
fn without_daemon(logs: &[Log]) -> Vec<(Timestamp, Timestamp)> {
    let (mut times, mut before) = (Vec::new(), None);
    for log in logs {
        let starts = log.summary.notes.iter().filter(|note| note.kind == NoteKind::DaemonStart);
        let since = starts.filter_map(|note| Some((note.after.or(before)?, note.id.time)));
        times.extend(since.filter(|(since, start)| since < start));
        before = log.summary.span().map(|(_, last)| last).max(before);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (auditd(8)): every hundredth is a login, of which more is wanted than of the others.
    fn line(serial: u32) -> String {
        let kind = if serial.is_multiple_of(100) { "LOGIN" } else { "SERVICE_START" };
        format!(
            "type={kind} msg=audit({}.{:03}:{serial}): pid=1",
            1_795_200_000 + serial / 1_000,
            serial % 1_000
        )
    }

    fn beside(log: &[String], journal: &[String]) -> (Vec<u64>, String) {
        let (log, journal) = (Log::made(1, log, b"LOGIN"), Log::made(2, journal, b"LOGIN"));
        let beside = Beside::of(&[log], &[journal]);
        (beside.lines.iter().map(|line| line.id.serial).collect(), beside.told.join("; "))
    }

    #[test]
    fn what_was_not_kept_of_a_log_is_not_missing_from_it() {
        let log: Vec<String> = (1..=5_000).map(line).collect();
        // The journal begins and ends amid the log, with events that nobody wants.
        assert_eq!(beside(&log, &log[1_010..3_010]), (vec![], String::new()));
        let started = "type=DAEMON_START msg=audit(1795200000.000:7): op=start".to_owned();
        let begun: Vec<String> = [started].into_iter().chain(log.iter().cloned()).collect();
        assert_eq!(beside(&begun, &log), (vec![], String::new()));
        let without: Vec<String> = log.iter().filter(|line| !line.contains(":2500)")).cloned().collect();
        let (serials, told) = beside(&without, &log[1_010..3_010]);
        assert_eq!(serials, [2_500]);
        assert!(told.contains("1 audit event in journals and not in the audit logs, though"), "{told}");
    }

    #[test]
    fn what_auditd_was_not_there_to_write_is_told_as_that() {
        let started = "type=DAEMON_START msg=audit(1795200003.000:7): op=start".to_owned();
        let all: Vec<String> = (1..=5_000).map(line).collect();
        let kept = all.iter().take(2_050).cloned().chain([started]);
        let log: Vec<String> = kept.chain(all.iter().skip(3_000).cloned()).collect();
        let (serials, told) = beside(&log, &all);
        assert_eq!(serials, [2_100, 2_200, 2_300, 2_400, 2_500, 2_600, 2_700, 2_800, 2_900, 3_000]);
        assert!(
            told.contains("of times before auditd began") && !told.contains("removed from the logs, or"),
            "{told}"
        );
    }
}
