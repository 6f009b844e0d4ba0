//! Of an audit log that passes into the seal, the lines of those events that somebody will ask about, and the first and last
//! lines whatever they say: an event may begin in one file and end in the next. So the views that are sealed with a log need
//! no second reading of it: its lines are put together again from what is kept of all files, the oldest first.
//!
//! Memory: the events that wait for their other records (see [`super::audit_event::Assembler`]), the room that is given, and
//! the last lines.

use std::collections::VecDeque;
use std::fmt;

use super::audit_event::{Assembler, Event};
use super::kept_lines::KeptLines;
use super::lines::{Line, Lines};

/// Lines at either end of a file that are kept whatever they say: more than one event has.
const ENDS: usize = 64;
/// Bytes of a line that is kept so; the kernel's have 8,970 at most.
const LONGEST: usize = 64 << 10;

/// Tells of a line whether its event is wanted.
pub type Wants = Box<dyn FnMut(&[u8], &[u8]) -> bool + Send>;

/// One log that passes.
pub struct KeptEvents {
    assembler: Assembler<Wants>,
    lines: Lines,
    ends: Ends,
    kept: KeptLines,
}

impl fmt::Debug for KeptEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptEvents").field("kept", &self.kept.lines).finish_non_exhaustive()
    }
}

/// The first and the last lines.
#[derive(Default)]
struct Ends {
    seen: u64,
    /// Where the first lines end.
    first: u64,
    last: VecDeque<(u64, Vec<u8>)>,
}

impl KeptEvents {
    /// Of a log whose events are wanted so, in `room` bytes, compressed.
    pub fn new(wants: Wants, room: usize) -> KeptEvents {
        let (assembler, lines) = (Assembler::new(wants), Lines::default());
        KeptEvents { assembler, lines, ends: Ends::default(), kept: KeptLines::within(room) }
    }

    /// The next bytes of the text of the file.
    pub fn piece(&mut self, text: &[u8]) {
        let KeptEvents { assembler, lines, ends, kept } = self;
        lines.piece(text, &mut |line| take(assembler, ends, kept, line));
    }

    /// The next line, where they are at hand one by one; it stands behind all that came before.
    pub fn line(&mut self, line: &[u8], offset: u64) {
        let KeptEvents { assembler, ends, kept, .. } = self;
        take(assembler, ends, kept, Line::Kept { bytes: line, offset });
    }

    /// The file has ended: what is kept of it. Lines of one event stand together; those at the end of the file come last, and
    /// may be there twice.
    pub fn end(self) -> KeptLines {
        let KeptEvents { mut assembler, lines, mut ends, mut kept } = self;
        lines.end(&mut |line| take(&mut assembler, &mut ends, &mut kept, line));
        let begins = ends.last.front().map_or(u64::MAX, |(offset, _)| *offset);
        assembler.end(&mut |event| push(&event, ends.first..begins, &mut kept));
        for (offset, line) in ends.last.iter().filter(|(offset, _)| *offset >= ends.first) {
            kept.push(*offset, line);
        }
        kept.close();
        kept
    }
}

/// Of a line that is too long to be kept nothing is: it is no record.
fn take(assembler: &mut Assembler<Wants>, ends: &mut Ends, kept: &mut KeptLines, line: Line<'_>) {
    let Line::Kept { bytes, offset } = line else { return };
    ends.line(bytes, offset, kept);
    assembler.line(bytes, offset, &mut |event| push(&event, ends.first..u64::MAX, kept));
}

fn push(event: &Event, places: std::ops::Range<u64>, kept: &mut KeptLines) {
    for (line, place) in event.lines().filter(|(_, place)| places.contains(&place.offset)) {
        kept.push(place.offset, line);
    }
}

impl Ends {
    fn line(&mut self, line: &[u8], offset: u64, kept: &mut KeptLines) {
        self.seen += 1;
        if self.seen <= ENDS as u64 {
            kept.push(offset, line);
            self.first = offset + 1;
            return;
        }
        // No record is so long.
        if line.len() > LONGEST {
            return;
        }
        let mut room =
            if self.last.len() >= ENDS { self.last.pop_front() } else { None }.unwrap_or_default().1;
        room.clear();
        room.extend_from_slice(line);
        self.last.push_back((offset, room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_event::Assembler;

    fn log(from: u64, to: u64) -> String {
        let event = |serial: u64| {
            let key = if serial.is_multiple_of(10) { "\"phi\"" } else { "(null)" };
            format!(
                "type=SYSCALL msg=audit({}.000:{serial}): arch=c000003e syscall=257 items=1 key={key}\n\
                 type=PATH msg=audit({}.000:{serial}): item=0 name=\"/x/{serial}\" inode=1\n",
                1_000 + serial,
                1_000 + serial
            )
        };
        (from..to).map(event).collect()
    }

    fn wants() -> Wants {
        Box::new(|_, line| line.ends_with(b"\"phi\""))
    }

    fn kept(text: &str, room: usize) -> KeptLines {
        let mut events = KeptEvents::new(wants(), room);
        text.as_bytes().chunks(1_000).for_each(|piece| events.piece(piece));
        events.end()
    }

    /// The serial numbers and line counts of wanted events, put together from what is kept of these files.
    fn replayed(files: &[&KeptLines]) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        let mut assembler = Assembler::new(wants());
        for (file, number) in files.iter().zip(0..) {
            assembler.file(number);
            file.replay(&mut |offset, line| {
                assembler
                    .line(line, offset, &mut |event| found.push((event.id.serial, event.lines().count())));
            });
        }
        assembler.end(&mut |event| found.push((event.id.serial, event.lines().count())));
        found.sort_unstable();
        found
    }

    #[test]
    fn the_events_that_are_wanted_come_back_whole_also_across_a_rotation() {
        let text = log(1, 2_001);
        // In the middle of an event that is wanted.
        let cut = text.find("type=PATH msg=audit(2000.000:1000)").unwrap();
        let (old, new) = text.split_at(cut);
        let (old, new) = (kept(old, 1 << 20), kept(new, 1 << 20));
        let expected: Vec<(u64, usize)> = (1..=200).map(|tens| (tens * 10, 2)).collect();
        assert_eq!(replayed(&[&old, &new]), expected);
        assert!(old.lines < 400, "{}", old.lines);
    }

    #[test]
    fn places_are_those_of_the_file() {
        let text = log(1, 500);
        kept(&text, 1 << 20).replay(&mut |offset, line| {
            assert!(text.as_bytes()[offset as usize..].starts_with(line));
        });
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let kept = kept(&log(1, 200_000), 1_000);
        assert!(kept.left > 0 && kept.weight() < 200 << 10);
    }
}
