//! Audit records that journals have and no audit log has: they wait, in the order of their events, until the logs have come
//! to their time.

use std::cell::Cell;

use super::audit_lines;
use crate::command::evidence::Evidence;
use crate::records::audit_event::{Beside, Place};
use crate::records::audit_log::EventId;
use crate::records::audit_log::witnesses::{Stands, Witnesses};
use crate::seal::spill::{Bytes, BytesIn};
use crate::term::{Failure, counted};

/// Bytes of them that are held in memory; what is more waits in a file, encrypted.
const IN_MEMORY: usize = 2 << 20;
/// Lines that are kept: of each it has to be known where it is.
const LINES: usize = 1 << 18;

/// Lines of journals.
#[derive(Default)]
pub struct KeptBeside {
    /// In the order of their events.
    lines: Vec<Kept>,
    text: Option<Bytes>,
    /// Lines for which there was no room.
    left: u64,
    /// Lines that could not be read back.
    lost: Cell<u64>,
}

/// Where a line is.
#[derive(Clone, Copy)]
struct Kept {
    id: EventId,
    place: Place,
    begin: u64,
    length: u32,
}

impl KeptBeside {
    /// Those that the logs lack: the journals pass once more.
    pub fn of(evidence: &Evidence, both: &mut Witnesses) -> Result<KeptBeside, Failure> {
        let (mut lines, mut text, mut left) = (Vec::new(), BytesIn::new(IN_MEMORY, &evidence.temp), 0);
        // A line of a journal names no machine: it is of the one that the logs are of.
        let node = both.node().map(|node| [b"node=", node, b" "].concat()).unwrap_or_default();
        audit_lines(evidence, &mut |log, line, offset| {
            let Some((id, Stands::Alone)) = both.again(line) else { return };
            let (place, begin) = (Place { file: log.number, offset }, text.size());
            // Once one was left out, so are all that follow.
            let length =
                u32::try_from(node.len() + line.len()).ok().filter(|_| left == 0 && lines.len() < LINES);
            let kept = length.filter(|_| text.push(&node).and_then(|()| text.push(line)).is_ok());
            match kept {
                Some(length) => lines.push(Kept { id, place, begin, length }),
                None => left += 1,
            }
        })?;
        both.end();
        // Records of one event stay in the order in which they came.
        lines.sort_by_key(|line| line.id);
        let text = text.finish();
        left += if text.is_err() { lines.len() as u64 } else { 0 };
        Ok(KeptBeside { lines, text: text.ok(), left, lost: Cell::new(0) })
    }

    /// From the first of them on.
    pub fn replay(&self) -> Replay<'_> {
        Replay { kept: self, next: 0, line: Vec::new() }
    }

    /// Those that are not told of, in words.
    pub fn untold(&self) -> Option<String> {
        let lost = self.left + self.lost.get();
        let words = || {
            counted(lost, "audit record")
                + " of journals that the audit logs lack, for which there was no room: not read"
        };
        (lost > 0).then(words)
    }

    fn read(&self, line: &Kept, buffer: &mut Vec<u8>) -> Option<()> {
        buffer.resize(line.length as usize, 0);
        let mut filled = 0;
        while filled < buffer.len() {
            match self.text.as_ref()?.read_at(line.begin + filled as u64, buffer.get_mut(filled..)?) {
                Ok(0) | Err(_) => return None,
                Ok(count) => filled += count,
            }
        }
        Some(())
    }
}

/// Gives them one after another.
pub struct Replay<'k> {
    kept: &'k KeptBeside,
    next: usize,
    line: Vec<u8>,
}

impl Beside for Replay<'_> {
    fn next(&self) -> Option<EventId> {
        self.kept.lines.get(self.next).map(|line| line.id)
    }

    fn give(&mut self, each: &mut dyn FnMut(&[u8], Place)) {
        let Some(line) = self.kept.lines.get(self.next) else { return };
        self.next += 1;
        match self.kept.read(line, &mut self.line) {
            Some(()) => each(&self.line, line.place),
            None => self.kept.lost.set(self.kept.lost.get() + 1),
        }
    }
}
