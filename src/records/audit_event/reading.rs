//! The files of an audit log, one after another from the oldest, and the events that they hold.

use super::super::lines::{Line, Lines};
use super::super::unpack::{Compression, Unpacker, Unread};
use super::scan::Ended;
use super::{Assembler, Counts, Event, Wants};
use crate::clock::Timestamp;

/// What one file was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// How it was compressed.
    pub compression: Compression,
    /// Why it could not be read, or not to its end.
    pub unread: Option<Unread>,
    /// Bytes of its text, unpacked.
    pub bytes: u64,
    /// Lines, the oversize ones and a torn one among them.
    pub lines: u64,
    /// Lines that are records.
    pub records: u64,
    /// Lines that are no record, empty ones aside.
    pub unparsed: u64,
    /// Lines that are too long to be read.
    pub oversize: u64,
    /// It ends in the middle of a line.
    pub torn: bool,
    /// NUL bytes: a hole, or a file that was cut.
    pub nul_bytes: u64,
    /// The earliest time of a record.
    pub first: Option<Timestamp>,
    /// The latest time of a record.
    pub last: Option<Timestamp>,
}

impl FileRead {
    /// From what was counted before and behind it.
    pub(super) fn of(
        before: &Counts,
        counts: &Counts,
        span: Option<(Timestamp, Timestamp)>,
        ended: Ended,
    ) -> FileRead {
        let tally = ended.tally;
        FileRead {
            compression: ended.compression,
            unread: ended.unread,
            bytes: tally.bytes,
            lines: tally.lines,
            records: counts.records - before.records,
            unparsed: counts.unparsed - before.unparsed,
            oversize: tally.oversize,
            torn: tally.torn,
            nul_bytes: tally.nul_bytes,
            first: span.map(|(first, _)| first),
            last: span.map(|(_, last)| last),
        }
    }
}

/// Reads a chain of files. `begin`, then `piece` for what is in it, then `end_file`, for each; then `finish`.
pub struct Reading<Sieve> {
    assembler: Assembler<Sieve>,
    unpacker: Unpacker,
    lines: Lines,
    before: Counts,
}

impl<Sieve: Wants> Reading<Sieve> {
    /// For the events that a sieve wants.
    pub fn new(sieve: Sieve) -> Reading<Sieve> {
        Reading {
            assembler: Assembler::new(sieve),
            unpacker: Unpacker::default(),
            lines: Lines::default(),
            before: Counts::default(),
        }
    }

    /// The next file begins, by the number that its places are to have.
    pub fn begin(&mut self, file: u32) {
        self.assembler.file(file);
        (self.unpacker, self.lines) = (Unpacker::default(), Lines::default());
        self.before = self.assembler.counts();
    }

    /// The next bytes of the file, compressed or not.
    pub fn piece(&mut self, bytes: &[u8], out: &mut dyn FnMut(Event)) {
        let Reading { assembler, unpacker, lines, .. } = self;
        unpacker.piece(bytes, &mut |text| lines.piece(text, &mut |line| take(assembler, line, out)));
    }

    /// The file has ended.
    pub fn end_file(&mut self, out: &mut dyn FnMut(Event)) -> FileRead {
        let Reading { assembler, unpacker, lines, before } = self;
        let mut lines = std::mem::take(lines);
        let (compression, unread) = std::mem::take(unpacker)
            .end(&mut |text| lines.piece(text, &mut |line| take(assembler, line, out)));
        let tally = lines.end(&mut |line| take(assembler, line, out));
        let ended = Ended { compression, unread, tally };
        FileRead::of(before, &assembler.counts(), assembler.span(), ended)
    }

    /// All files have ended.
    pub fn finish(mut self, out: &mut dyn FnMut(Event)) -> Counts {
        self.assembler.end(out)
    }
}

fn take<Sieve: Wants>(assembler: &mut Assembler<Sieve>, line: Line<'_>, out: &mut dyn FnMut(Event)) {
    if let Line::Kept { bytes, offset } = line {
        assembler.line(bytes, offset, out);
    }
}
