//! Text logs of programs that let people in. Each is read twice, since a classic line has no year (see
//! [`crate::records::syslog`]).

use std::collections::BTreeSet;

use super::{Gathering, Hears, Passed, dated};
use crate::command::evidence::Log;
use crate::records::audit_event::Place;
use crate::records::lines::{Line, Lines, Tally};
use crate::records::syslog::Reader;
use crate::records::unpack::Unpacker;
use crate::term::{Failure, counted};
use crate::view::login_sessions::Source;

impl Gathering<'_> {
    /// What they say. Lines without a zone are of that of the machine, as far as it is known.
    pub(super) fn texts<H: Hears>(&mut self, hears: &mut H) -> Result<(), Failure> {
        let evidence = self.evidence;
        let mut unread = BTreeSet::new();
        let logs = dated(evidence, &mut |log, survey| {
            if self.lines(log, &mut |line, place| survey.line(line, place.offset))?.is_none() {
                unread.insert(log.number);
            }
            Ok(())
        })?;
        for (log, years) in logs.into_iter().filter(|(log, _)| !unread.contains(&log.number)) {
            let mut reader = Reader::new(years, evidence.zone.clone().unwrap_or_default());
            let mut said = Vec::new();
            let tally = self.lines_into(log, &mut |gathering, line, place| {
                reader.line(line, place, &mut |one| said.push(one));
                for one in said.drain(..) {
                    gathering.sessions.said(Source::Text, &one);
                    hears.said(Source::Text, &one);
                }
            })?;
            let told = reader.end();
            self.notes.extend(told.doubt().map(|doubt| format!("{}: {doubt}", log.name)));
            let odd = told.unparsed + tally.unwrap_or_default().oversize;
            if odd > 0 {
                let lines = counted(odd, "line");
                self.notes.push(format!("{}: not understood: {lines}", log.name));
            }
            hears.others(&told.others);
            hears.passed(log, &Passed { span: told.span, records: told.records, odd });
        }
        Ok(())
    }

    fn lines(&mut self, log: &Log, each: &mut dyn FnMut(&[u8], Place)) -> Result<Option<Tally>, Failure> {
        self.lines_into(log, &mut |_, line, place| each(line, place))
    }

    /// The lines of a text, unpacked, with where they stand; none if it could not be read.
    fn lines_into(
        &mut self,
        log: &Log,
        each: &mut dyn FnMut(&mut Self, &[u8], Place),
    ) -> Result<Option<Tally>, Failure> {
        let evidence = self.evidence;
        let (mut unpacker, mut lines) = (Unpacker::default(), Lines::default());
        let mut take = |line: Line<'_>| {
            if let Line::Kept { bytes, offset } = line {
                each(self, bytes, Place { file: log.number, offset });
            }
        };
        let read =
            evidence.read(log, &mut |bytes| unpacker.piece(bytes, &mut |text| lines.piece(text, &mut take)));
        let (_, unread) = unpacker.end(&mut |text| lines.piece(text, &mut take));
        let tally = lines.end(&mut take);
        if let Some(why) = unread {
            self.note(format!("{}: NOT ALL READ: {why}", log.name));
        }
        Ok(self.is_read(log, read)?.then_some(tally))
    }

    /// A text is read twice, and what is wrong with it is told once.
    fn note(&mut self, words: String) {
        if !self.notes.contains(&words) {
            self.notes.push(words);
        }
    }
}
