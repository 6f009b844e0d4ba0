//! What the lines of a log say each by itself: of which event they are, and whether it may be wanted. Nothing of it depends on
//! the lines before, so that it can be found out on another thread than the one that puts events together
//! ([`Joining`](super::Joining)), block by block.

use super::super::audit_log::{EventId, Head, head, is_further};
use super::super::lines::{Line, Lines, Tally};
use super::super::unpack::{Compression, Unpacker, Unread};
use super::assembler::is_equal;
use super::block::{Block, Run};

/// Bytes that a block takes: few enough to stay in the cache of the processor that it goes to.
pub(super) const PIECE: usize = 256 << 10;
/// Bytes of the text that is looked through before a line of the text before it is let go, and what each line adds to them
/// as if it were one of its own event: some 5,000 lines, and of the shortest that there are no more than 14,000.
pub(super) const HELD: usize = 3 << 19;
pub(super) const LINE: usize = size_of::<Run>();

/// Says of a line, by its type and its bytes alone, what there is to be known before it is decided whether its event is
/// wanted; nothing of one that cannot matter. `()` is for what is decided already: it is wanted.
pub trait Looks: Send {
    /// What there is to be known.
    type Glance: Send;

    /// Looks at a line.
    fn look(&self, kind: &[u8], line: &[u8]) -> Option<Self::Glance>;
}

impl<F: Fn(&[u8], &[u8]) -> bool + Send> Looks for F {
    type Glance = ();

    fn look(&self, kind: &[u8], line: &[u8]) -> Option<()> {
        self(kind, line).then_some(())
    }
}

/// What a file was as a whole, beside its records.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub(super) compression: Compression,
    pub(super) unread: Option<Unread>,
    pub(super) tally: Tally,
}

/// Cuts one file into blocks of whole lines.
pub struct Scan<L: Looks> {
    unpacker: Unpacker,
    lines: Lines,
    cutter: Cutter<L>,
}

struct Cutter<L: Looks> {
    looks: L,
    block: Block<L::Glance>,
    /// Bytes until the text that is held is as much as it should be; a block ends there.
    room: usize,
    /// The event of the line before, and how the line says it.
    last: Option<EventId>,
    last_id: Vec<u8>,
    last_node: Vec<u8>,
}

impl<L: Looks> Scan<L> {
    /// For a file of which so many bytes can be taken up before some are let go.
    pub(super) fn new(looks: L, room: usize) -> Scan<L> {
        let (last_id, last_node) = (Vec::new(), Vec::new());
        Scan {
            unpacker: Unpacker::default(),
            lines: Lines::default(),
            cutter: Cutter { looks, block: Block::default(), room, last: None, last_id, last_node },
        }
    }

    /// The next bytes of the file, compressed or not. Whoever takes a block leaves an empty one.
    pub fn piece(&mut self, bytes: &[u8], each: &mut dyn FnMut(&mut Block<L::Glance>)) {
        let Scan { unpacker, lines, cutter } = self;
        unpacker.piece(bytes, &mut |text| lines.piece(text, &mut |line| cutter.take(line, each)));
    }

    /// The file has ended.
    pub fn end(&mut self, each: &mut dyn FnMut(&mut Block<L::Glance>)) -> Ended {
        let Scan { unpacker, lines, cutter } = self;
        let mut lines = std::mem::take(lines);
        let (compression, unread) =
            std::mem::take(unpacker).end(&mut |text| lines.piece(text, &mut |line| cutter.take(line, each)));
        let tally = lines.end(&mut |line| cutter.take(line, each));
        each(&mut cutter.block);
        Ended { compression, unread, tally }
    }
}

impl<L: Looks> Cutter<L> {
    fn take(&mut self, line: Line<'_>, each: &mut dyn FnMut(&mut Block<L::Glance>)) {
        let before = self.block.text.bytes.len();
        match line {
            Line::Kept { bytes, offset } => self.line(bytes, offset),
            Line::Oversize { .. } => self.block.other(None),
        }
        let taken = self.block.text.bytes.len() - before;
        self.room = self.room.saturating_sub(if taken > 0 { taken + LINE } else { 0 });
        if self.room == 0 || self.block.size() >= PIECE {
            each(&mut self.block);
        }
        if self.room == 0 {
            self.room = HELD;
        }
    }

    fn line(&mut self, line: &[u8], offset: u64) {
        let known = head(line).map(|head| (self.known(&head), head));
        let Some((Some((id, goes_on)), head)) = known else { return self.block.other(Some(line)) };
        // What is behind the first line of a run says nothing of the log as a whole that the first does not.
        let belongs = |run: &Run| run.is_of_call && is_further(head.kind);
        let goes_on_here = goes_on && self.block.text.runs.last().is_some_and(belongs);
        if !goes_on_here || !self.block.text.goes_on(line, offset) {
            self.block.text.begin(Run::of(&head, id, goes_on), line, offset);
        }
        if let Some(glance) = self.looks.look(head.kind, line) {
            self.block.glances.push((self.block.text.runs.len() - 1, glance));
        }
    }

    /// The event that a line is of, and whether it is that of the line before; none if its number cannot be read.
    fn known(&mut self, head: &Head<'_>) -> Option<(EventId, bool)> {
        let is_same = |_: &EventId| is_equal(&self.last_id, head.id) && is_equal(&self.last_node, head.node);
        if let Some(id) = self.last.filter(is_same) {
            return Some((id, true));
        }
        let id = head.event_id()?;
        self.last = Some(id);
        self.last_id.clear();
        self.last_id.extend_from_slice(head.id);
        self.last_node.clear();
        self.last_node.extend_from_slice(head.node);
        Some((id, false))
    }
}
