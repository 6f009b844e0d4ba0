//! The files of an audit log, one after another from the oldest, and the events that they hold.

use super::super::audit_log::{EventId, head};
use super::super::lines::{Line, Lines};
use super::super::unpack::{Compression, Unpacker, Unread};
use super::scan::Ended;
use super::{Assembler, Counts, Event, Heard, Place, Wants};
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

/// Lines of other files, in the order of their events, that belong among those of the chain.
pub trait Beside {
    /// The event of the next line; none if there is none any more.
    fn next(&self) -> Option<EventId>;

    /// Gives that line, and where it stands.
    fn give(&mut self, each: &mut dyn FnMut(&[u8], Place));
}

/// There are none.
impl Beside for () {
    fn next(&self) -> Option<EventId> {
        None
    }

    fn give(&mut self, _: &mut dyn FnMut(&[u8], Place)) {}
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
pub struct Reading<Sieve, Others = ()> {
    taking: Taking<Sieve, Others>,
    unpacker: Unpacker,
    lines: Lines,
    before: Counts,
}

/// Takes the lines as they come.
struct Taking<Sieve, Others> {
    assembler: Assembler<Sieve>,
    others: Others,
    /// Records of the others so far, and lines of theirs that are none.
    beside: (u64, u64),
}

impl<Sieve: Wants> Reading<Sieve> {
    /// For the events that a sieve wants.
    pub fn new(sieve: Sieve) -> Reading<Sieve> {
        Reading::beside(sieve, ())
    }
}

impl<Sieve: Wants, Others: Beside> Reading<Sieve, Others> {
    /// For the events that a sieve wants, of the chain and of other lines among it.
    pub fn beside(sieve: Sieve, others: Others) -> Reading<Sieve, Others> {
        Reading {
            taking: Taking { assembler: Assembler::new(sieve), others, beside: (0, 0) },
            unpacker: Unpacker::default(),
            lines: Lines::default(),
            before: Counts::default(),
        }
    }

    /// The next file begins, by the number that its places are to have.
    pub fn begin(&mut self, file: u32) {
        self.taking.assembler.file(file);
        (self.unpacker, self.lines) = (Unpacker::default(), Lines::default());
        self.before = self.taking.own();
    }

    /// The next bytes of the file, compressed or not.
    pub fn piece(&mut self, bytes: &[u8], out: &mut dyn FnMut(Event)) {
        let Reading { taking, unpacker, lines, .. } = self;
        unpacker.piece(bytes, &mut |text| lines.piece(text, &mut |line| taking.take(line, out)));
    }

    /// The same, where somebody needs the lines as well.
    pub fn hear(&mut self, bytes: &[u8], each: &mut dyn FnMut(Heard<'_>)) {
        let Reading { taking, unpacker, lines, .. } = self;
        unpacker.piece(bytes, &mut |text| lines.piece(text, &mut |line| taking.hear(line, each)));
    }

    /// The file has ended.
    pub fn end_file(&mut self, out: &mut dyn FnMut(Event)) -> FileRead {
        self.end_with(&mut |taking, line| taking.take(line, out))
    }

    /// The same, where somebody needs the lines as well.
    pub fn end_hear(&mut self, each: &mut dyn FnMut(Heard<'_>)) -> FileRead {
        self.end_with(&mut |taking, line| taking.hear(line, each))
    }

    fn end_with(&mut self, take: &mut dyn FnMut(&mut Taking<Sieve, Others>, Line<'_>)) -> FileRead {
        let Reading { taking, unpacker, lines, before } = self;
        let mut lines = std::mem::take(lines);
        let (compression, unread) =
            std::mem::take(unpacker).end(&mut |text| lines.piece(text, &mut |line| take(taking, line)));
        let tally = lines.end(&mut |line| take(taking, line));
        let (counts, span) = (taking.own(), taking.assembler.span());
        FileRead::of(before, &counts, span, Ended { compression, unread, tally })
    }

    /// A line of another file that comes here.
    pub fn other(&mut self, line: &[u8], place: Place, each: &mut dyn FnMut(Heard<'_>)) {
        let Taking { assembler, beside, .. } = &mut self.taking;
        other(assembler, beside, (line, place), each);
    }

    /// All files have ended.
    pub fn finish(self, out: &mut dyn FnMut(Event)) -> Counts {
        self.finish_hear(&mut |heard| {
            if let Heard::Event(event) = heard {
                out(event);
            }
        })
    }

    /// The same, where somebody needs the lines as well.
    pub fn finish_hear(mut self, each: &mut dyn FnMut(Heard<'_>)) -> Counts {
        self.taking.others_before(None, each);
        self.taking.assembler.end(&mut |event| each(Heard::Event(event)))
    }
}

impl<Sieve: Wants, Others: Beside> Taking<Sieve, Others> {
    fn take(&mut self, line: Line<'_>, out: &mut dyn FnMut(Event)) {
        self.come_to(&line, &mut |heard| {
            if let Heard::Event(event) = heard {
                out(event);
            }
        });
        if let Line::Kept { bytes, offset } = line {
            self.assembler.line(bytes, offset, out);
        }
    }

    fn hear(&mut self, line: Line<'_>, each: &mut dyn FnMut(Heard<'_>)) {
        self.come_to(&line, each);
        match line {
            Line::Kept { bytes, offset } => {
                each(Heard::Line(Some(bytes)));
                self.assembler.line(bytes, offset, &mut |event| each(Heard::Event(event)));
            }
            Line::Oversize { .. } => each(Heard::Line(None)),
        }
    }

    /// The others come before the first line that is of a later event.
    fn come_to(&mut self, line: &Line<'_>, each: &mut dyn FnMut(Heard<'_>)) {
        let (Line::Kept { bytes, .. }, Some(_)) = (line, self.others.next()) else { return };
        let Some(head) = head(bytes) else { return };
        if let Some(id) = head.event_id() {
            self.others_before(Some(id), each);
        }
    }

    /// The others of events before this one, or all that are left.
    fn others_before(&mut self, id: Option<EventId>, each: &mut dyn FnMut(Heard<'_>)) {
        while self.others.next().is_some_and(|next| id.is_none_or(|id| next < id)) {
            let Taking { assembler, others, beside } = self;
            others.give(&mut |line, place| other(assembler, beside, (line, place), each));
        }
    }

    /// What was counted of the chain alone.
    fn own(&self) -> Counts {
        let counts = self.assembler.counts();
        let (records, unparsed) = self.beside;
        Counts { records: counts.records - records, unparsed: counts.unparsed - unparsed, ..counts }
    }
}

/// Takes up a line of another file, and counts it apart.
fn other<Sieve: Wants>(
    assembler: &mut Assembler<Sieve>,
    beside: &mut (u64, u64),
    (line, place): (&[u8], Place),
    each: &mut dyn FnMut(Heard<'_>),
) {
    each(Heard::Beside(line));
    let before = assembler.counts();
    assembler.line_of(line, place, &mut |event| each(Heard::Event(event)));
    let after = assembler.counts();
    beside.0 += after.records - before.records;
    beside.1 += after.unparsed - before.unparsed;
}
