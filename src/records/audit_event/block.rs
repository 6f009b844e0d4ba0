//! A stretch of a log: whole lines, and what each says by itself.

use memchr::memchr;

use super::super::audit_log::signs::Sign;
use super::super::audit_log::{EventId, Head, is_call, is_further};
use super::assembly::Key;
use super::scan::PIECE;
use super::{Heard, Place};

/// Runs that there may be room for in a text that waits, and such things as there are many of only among short lines.
const SLACK: usize = 1_024;

/// Lines, and what is known of them.
#[derive(Debug)]
pub struct Block<G> {
    /// The records.
    pub(super) text: Text,
    /// What is to be known of lines, and of which run they are.
    pub(super) glances: Vec<(usize, G)>,
    /// What is no record.
    others: Vec<Other>,
    other_text: Vec<u8>,
    /// How many of them are not empty.
    pub(super) unparsed: u64,
}

/// Records as they stand in the log, with a newline behind each.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    pub(super) runs: Vec<Run>,
}

/// Lines of one event that follow one another.
#[derive(Debug)]
pub(super) struct Run {
    /// It is the event of the line before.
    pub(super) goes_on: bool,
    /// Its first line is what auditd says of itself, with a number of its own.
    pub(super) is_daemons: bool,
    /// Its first line names a machine, or may say that it was booted.
    pub(super) is_special: bool,
    /// Its first line is of a call, or of what belongs to one.
    pub(super) is_of_call: bool,
    /// Its event, of which boot and machine is known when it has its place among all.
    pub(super) key: Key,
    pub(super) wanted: bool,
    pub(super) place: Place,
    /// The number of its first record.
    pub(super) record: u64,
    /// Where it stands in its text: there are many of them, and no text has four gibibytes.
    pub(super) begin: u32,
    pub(super) end: u32,
    pub(super) lines: u32,
}

/// What is no record: a line, or one that is too long to be kept.
#[derive(Debug)]
struct Other {
    /// Runs before it.
    at: usize,
    line: Option<(usize, usize)>,
}

impl<G> Default for Block<G> {
    fn default() -> Block<G> {
        Block {
            text: Text::default(),
            glances: Vec::new(),
            others: Vec::new(),
            other_text: Vec::new(),
            unparsed: 0,
        }
    }
}

impl<G> Block<G> {
    /// Bytes that it takes: of short lines what is known of them is more than they.
    pub(super) fn size(&self) -> usize {
        let glances = self.glances.len() * size_of::<(usize, G)>();
        let others = self.other_text.len() + self.others.len() * size_of::<Other>();
        self.text.size() + glances + others
    }

    /// A line that is no record.
    pub(super) fn other(&mut self, line: Option<&[u8]>) {
        let begin = self.other_text.len();
        self.other_text.extend_from_slice(line.unwrap_or_default());
        self.unparsed += u64::from(line.is_some_and(|line| !line.trim_ascii().is_empty()));
        self.others
            .push(Other { at: self.text.runs.len(), line: line.map(|line| (begin, begin + line.len())) });
    }

    /// All lines in their order; of a run the first, and how many follow.
    pub(super) fn hear(&self, each: &mut dyn FnMut(Heard<'_>)) {
        let mut others = self.others.iter().peekable();
        for at in 0..=self.text.runs.len() {
            while let Some(other) = others.next_if(|other| other.at == at) {
                each(Heard::Line(other.line.and_then(|(begin, end)| self.other_text.get(begin..end))));
            }
            if let Some(run) = self.text.runs.get(at) {
                self.text.lines(run).take(1).for_each(|line| each(Heard::Line(Some(line))));
                each(Heard::Further((run.lines - 1).into()));
            }
        }
    }

    /// Its lines have gone; the room that they had is used again, but that of a line longer than any block, and of many short
    /// ones.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        empty(&mut self.glances, SLACK);
        empty(&mut self.others, SLACK);
        empty(&mut self.other_text, SLACK);
        self.unparsed = 0;
    }
}

/// Where the next byte comes.
fn place_in(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn empty<T>(list: &mut Vec<T>, room: usize) {
    list.clear();
    list.shrink_to(room);
}

impl Text {
    /// Takes up a line of the event of the line before, if it stands right behind it.
    pub(super) fn goes_on(&mut self, line: &[u8], offset: u64) -> bool {
        let end = place_in(&self.bytes);
        let follows =
            |run: &&mut Run| run.end == end && run.place.offset + u64::from(run.end - run.begin) == offset;
        let Some(run) = self.runs.last_mut().filter(follows) else { return false };
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        run.end = place_in(&self.bytes);
        run.lines += 1;
        true
    }

    /// A run begins with this line.
    pub(super) fn begin(&mut self, run: Run, line: &[u8], offset: u64) {
        let begin = place_in(&self.bytes);
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        let place = Place { offset, ..run.place };
        self.runs.push(Run { begin, end: place_in(&self.bytes), place, ..run });
    }

    /// The lines of a run.
    pub(super) fn lines(&self, run: &Run) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.get(run.range()).unwrap_or_default();
        std::iter::from_fn(move || {
            let end = memchr(b'\n', rest)?;
            let (line, behind) = (rest.get(..end)?, rest.get(end + 1..)?);
            rest = behind;
            Some(line)
        })
    }

    /// Takes up what another holds, and leaves it empty.
    pub(super) fn append(&mut self, other: &mut Text) {
        let begin = place_in(&self.bytes);
        self.bytes.append(&mut other.bytes);
        let moved = |run: Run| Run { begin: run.begin + begin, end: run.end + begin, ..run };
        self.runs.extend(other.runs.drain(..).map(moved));
    }

    /// It will wait: of short lines the room for more of them would be much.
    pub(super) fn fit(&mut self) {
        if self.runs.capacity() - self.runs.len() > SLACK {
            self.runs.shrink_to_fit();
            self.bytes.shrink_to_fit();
        }
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.runs.len() * size_of::<Run>()
    }

    pub(super) fn clear(&mut self) {
        empty(&mut self.bytes, 2 * PIECE);
        empty(&mut self.runs, SLACK);
    }
}

impl Run {
    /// Where it stands in its text.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        self.begin as usize..self.end as usize
    }

    /// One that begins with such a record.
    pub(super) fn of(head: &Head<'_>, id: EventId, goes_on: bool) -> Run {
        Run {
            goes_on,
            is_daemons: head.kind.starts_with(b"DAEMON_"),
            is_of_call: is_call(head.kind) || is_further(head.kind),
            is_special: !head.node.is_empty() || Sign::may_be(head.kind),
            key: Key { epoch: 0, node: 0, id },
            wanted: false,
            place: Place::default(),
            record: 0,
            begin: 0,
            end: 0,
            lines: 1,
        }
    }
}
