//! Logs in the order of their time, whatever they are called.

use std::ops::ControlFlow;

use super::{Evidence, Log, What};
use crate::clock::Timestamp;
use crate::path::shown;
use crate::records::audit_config::number_of;
use crate::records::audit_log;
use crate::records::unpack::Unpacker;

/// Bytes of a log's text in which its first record is looked for.
const HEAD: usize = 4 << 20;

impl Evidence {
    /// By time, as far as it is known, and numbered. A name says nothing of the time: files are renamed and copied.
    pub(super) fn put_in_order(&mut self, wanted: &[What]) {
        if wanted.contains(&What::Audit) {
            let firsts: Vec<_> = self.logs.iter().map(|log| self.first_record(log)).collect();
            self.logs.iter_mut().zip(firsts).for_each(|(log, first)| log.first = first);
            self.note_missing_numbers();
        }
        self.logs.sort_by_key(|log| (log.what, log.first.or(log.modified), log.entry, log.at));
        for (log, number) in self.logs.iter_mut().zip(1..) {
            log.number = log.entry.map_or(number, |entry| entry.0);
        }
    }

    /// When the first record of an audit log was made, if it has one near its beginning.
    fn first_record(&self, log: &Log) -> Option<Timestamp> {
        if log.what != What::Audit {
            return None;
        }
        let (mut unpacker, mut head) = (Unpacker::default(), Vec::new());
        let (mut first, mut passed) = (None, 0);
        let read = self.read_while(log, &mut |bytes| {
            unpacker.piece(bytes, &mut |text| {
                if first.is_none() {
                    passed += text.len();
                    head.extend_from_slice(text);
                    first = first_time(&mut head);
                }
            });
            if first.is_some() || passed > HEAD { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // What cannot be read is told when it is its turn.
        read.ok()?;
        if first.is_none() {
            unpacker.end(&mut |text| head.extend_from_slice(text));
            head.push(b'\n');
            first = first_time(&mut head);
        }
        first
    }

    /// Rotation numbers its files one by one: where one is left out, a file is gone or was not taken.
    fn note_missing_numbers(&mut self) {
        let live = self.audit_log.name();
        let names = self.logs(What::Audit).filter_map(|log| number_of(log.path.as_ref()?.name(), live));
        let mut numbers: Vec<u64> = names.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let gaps: Vec<String> = numbers
            .iter()
            .zip(numbers.iter().skip(1))
            .filter(|(before, after)| **after > **before + 1)
            .map(|(before, after)| match after - before {
                2 => (before + 1).to_string(),
                _ => format!("{} to {}", before + 1, after - 1),
            })
            .collect();
        if !gaps.is_empty() {
            let name = shown(live);
            self.notes
                .push(format!("of the rotation of {name} these numbers are not here: {}", gaps.join(", ")));
        }
    }
}

/// The time of the first whole line that is a record; lines before it are done with.
fn first_time(head: &mut Vec<u8>) -> Option<Timestamp> {
    let whole = head.iter().rposition(|byte| *byte == b'\n')? + 1;
    let lines = head.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
    let first = lines.filter_map(audit_log::record).next().map(|record| record.id.time);
    head.drain(..whole);
    first
}
