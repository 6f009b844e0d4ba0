//! Events of the audit log: the records that have node, time and serial number in common, put together however they
//! stand in the files (auditctl(8), ausearch(8); kernel/auditsc.c). A record is kept as the bytes that were logged.

pub mod assembler;
mod assembly;
pub mod block;
mod boots;
mod flight;
pub mod items;
pub mod joining;
pub mod names;
pub mod operation;
pub mod reading;
pub mod scan;
pub mod sieve;

pub use assembler::{Assembler, Steady, Wants};
pub use assembly::Counts;
pub use block::Block;
pub use joining::{Heard, Joining, Judges};
pub use reading::{Beside, FileRead, Reading};
pub use scan::{Ended, Looks, Scan};

use super::audit_log::{EventId, Record, record};

/// Where a record stands: the file, by the number that the reader gave it, and the offset of its first byte in the
/// text of that file, unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the file.
    pub file: u32,
    /// Bytes before it.
    pub offset: u64,
}

/// Why less is known of an event than the kernel logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortfall {
    /// Records of a system call without the system call itself.
    NoSyscall,
    /// Fewer PATH records than the system call says; the kernel hides some names of its own accord.
    ItemsShort,
    /// Pieces of the arguments of a program are missing.
    ArgumentsShort,
    /// It was given up before its records were all there, for want of room.
    CutOff,
}

impl Shortfall {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Shortfall::NoSyscall => "no_syscall",
            Shortfall::ItemsShort => "items_short",
            Shortfall::ArgumentsShort => "arguments_short",
            Shortfall::CutOff => "cut_off",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Time and serial number.
    pub id: EventId,
    /// The machine that logged it, where the log names it; else empty.
    pub node: Vec<u8>,
    /// Which boot, counted from the oldest of the files that were read; numbers begin anew with each.
    pub epoch: u32,
    /// A record of it came after others were long behind it.
    pub late: bool,
    /// Two logs have different bytes for the same record of it.
    pub conflict: bool,
    /// What is missing of it.
    pub shortfalls: Vec<Shortfall>,
    /// The lines of its records, one behind the other, without their newlines.
    text: Vec<u8>,
    /// Where each line ends in `text`, and where it stands in its file.
    lines: Vec<(u32, Place)>,
}

impl Event {
    /// An event without records as yet.
    pub fn new(id: EventId, node: &[u8], epoch: u32) -> Event {
        Event {
            id,
            node: node.to_vec(),
            epoch,
            late: false,
            conflict: false,
            shortfalls: Vec::new(),
            text: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// The event of these lines, as of a log that holds nothing else; none if the first is no record.
    pub fn of(lines: &[&[u8]]) -> Option<Event> {
        let id = record(lines.first()?)?.id;
        let mut event = Event::new(id, b"", 0);
        let mut offset = 0;
        for line in lines {
            event.push(line, Place { file: 0, offset });
            offset += line.len() as u64 + 1;
        }
        Some(event)
    }

    /// Takes up a line as it was logged.
    pub fn push(&mut self, line: &[u8], place: Place) {
        self.text.extend_from_slice(line);
        self.lines.push((u32::try_from(self.text.len()).unwrap_or(u32::MAX), place));
    }

    /// Its lines as they were logged, without their newlines, and where they stand.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], Place)> {
        let begins = std::iter::once(0).chain(self.lines.iter().map(|(end, _)| *end));
        begins
            .zip(&self.lines)
            .filter_map(|(begin, (end, place))| Some((self.text.get(begin as usize..*end as usize)?, *place)))
    }

    /// Its records.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.lines().filter_map(|(line, _)| record(line))
    }

    /// The first record of a type, as `SYSCALL`.
    pub fn record(&self, kind: &str) -> Option<Record<'_>> {
        self.records().find(|record| record.kind == kind.as_bytes())
    }

    /// Bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        size_of::<Event>()
            + self.node.capacity()
            + self.text.capacity()
            + self.lines.capacity() * size_of::<(u32, Place)>()
    }

    /// Where its first record stands.
    pub fn place(&self) -> Place {
        self.lines.first().map(|(_, place)| *place).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
