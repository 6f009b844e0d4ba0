//! Lines of a text log that speak of logins, kept while it passes into the seal, with what dates them.

use crate::records::kept_lines::KeptLines;
use crate::records::lines::{Line, Lines};
use crate::records::syslog::{Passing, Survey};

/// What is kept of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The lines.
    pub lines: KeptLines,
    /// The days of all lines.
    pub survey: Survey,
    /// Lines that were not understood: without any form that is known, or too long to be read.
    pub odd: u64,
}

/// Keeps them.
#[derive(Debug, Default)]
pub struct Keeper {
    text: Lines,
    lines: KeptLines,
    passing: Passing,
    oversize: u64,
}

impl Keeper {
    /// One that may keep so many bytes, compressed.
    pub fn within(room: usize) -> Keeper {
        Keeper { lines: KeptLines::within(room), ..Keeper::default() }
    }

    /// The next bytes of the text.
    pub fn piece(&mut self, bytes: &[u8]) {
        let mut text = std::mem::take(&mut self.text);
        text.piece(bytes, &mut |line| self.take(line));
        self.text = text;
    }

    /// All has passed.
    pub fn end(mut self) -> Told {
        std::mem::take(&mut self.text).end(&mut |line| self.take(line));
        self.lines.close();
        let Keeper { lines, passing, oversize, .. } = self;
        Told { lines, odd: passing.unparsed + oversize, survey: passing.survey }
    }

    fn take(&mut self, line: Line<'_>) {
        let Line::Kept { bytes, offset } = line else {
            self.oversize += 1;
            return self.passing.skip();
        };
        if self.passing.line(bytes, offset) {
            self.lines.push(offset, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::records::audit_event::Place;
    use crate::records::auth_text::Said;
    use crate::records::syslog::{Anchor, Reader};
    use crate::records::tzif::Zone;

    // Written from documentation: three years of a log in which hardly anybody logs in.
    const LOG: &[u8] = b"Jan  5 10:00:00 vm sshd[5]: Failed password for alice from 192.0.2.7 port 1 ssh2\n\
        Jun  1 10:00:00 vm kernel: one\n\
        Dec 31 10:00:00 vm kernel: two\n\
        Jan 10 10:00:00 vm kernel: three\n\
        Jan 12 10:00:00 vm sshd[6]: Failed password for alice from 192.0.2.7 port 2 ssh2\n\
        Jan 12 10:00:01 vm last message repeated 2 times\n\
        Dec 30 10:00:00 vm kernel: four\n\
        Dec 30 10:00:00 vm last message repeated 9 times\n\
        Jan  2 10:00:00 vm sshd[7]: Accepted password for bob from 192.0.2.7 port 3 ssh2\n";

    fn told(piece: usize) -> Told {
        let mut keeper = Keeper::within(1 << 20);
        LOG.chunks(piece).for_each(|piece| keeper.piece(piece));
        keeper.end()
    }

    type Each<'e> = dyn FnMut(u64, &[u8]) + 'e;

    fn read(survey: &Survey, lines: &mut dyn FnMut(&mut Each<'_>)) -> Vec<Said> {
        let collected = Some(Timestamp::parse("2026-03-01T00:00:00Z").unwrap());
        let anchor = Anchor { collected, ..Anchor::default() };
        let mut reader = Reader::new(survey.years(&anchor, &Zone::utc()), Zone::utc());
        let mut all = Vec::new();
        lines(&mut |offset, line| {
            reader.line(line, Place { file: 1, offset }, &mut |said| all.push(said));
        });
        all
    }

    #[test]
    fn what_is_kept_tells_the_same_as_the_whole_file_and_of_the_same_years() {
        let kept = told(7);
        let of_kept = read(&kept.survey, &mut |each| kept.lines.replay(each));
        let of_all = read(&kept.survey, &mut |each| {
            let mut offset = 0;
            for line in LOG.split_inclusive(|byte| *byte == b'\n') {
                each(offset, line.strip_suffix(b"\n").unwrap());
                offset += line.len() as u64;
            }
        });
        assert_eq!(of_kept, of_all);
        let times = of_all.iter().map(|said| said.time.unwrap().0.to_string());
        let years = times.map(|time| time.split('-').next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(years, ["2024", "2025", "2025", "2026"]);
        assert_eq!(of_all[2].times, 2);
        assert_eq!((kept.lines.lines, kept.lines.left), (4, 0));
        assert_eq!(told(1), told(4096));
    }

    /// Written from documentation, as all of it: as [`Reader`] counts them in the whole file.
    #[test]
    fn lines_that_are_not_understood_are_counted() {
        let long = vec![b'x'; crate::records::lines::LONGEST + 1];
        let log =
            [&b" rest of another file\n"[..], LOG, b"no form\n\tmore of it\n", &long, b"\n", LOG].concat();
        let mut keeper = Keeper::within(1 << 20);
        log.chunks(4_096).for_each(|piece| keeper.piece(piece));
        let mut reader =
            Reader::new(keeper.passing.survey.years(&Anchor::default(), &Zone::utc()), Zone::utc());
        for line in
            log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line.len() < long.len())
        {
            reader.line(line, Place::default(), &mut |_| ());
        }
        let unparsed = reader.end().unparsed;
        assert_eq!((keeper.end().odd, unparsed), (3, 2));
    }

    #[test]
    fn without_room_what_is_left_is_counted() {
        let mut keeper = Keeper::default();
        keeper.piece(LOG);
        let told = keeper.end();
        assert_eq!((told.lines.lines, told.lines.left), (0, 4));
    }
}
