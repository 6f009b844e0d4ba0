//! The files of an audit log whose lines were looked at already, one after another from the oldest, and the events that they
//! hold: the half of [`Reading`](super::Reading) that must hear all lines in their order.

use super::assembler::Assembler;
use super::block::Block;
use super::scan::{Ended, Looks, Scan};
use super::{Counts, Event, FileRead};

/// Decides, of what is to be known of lines in their order, which of them make their events wanted. Events that were found
/// change nothing of it.
pub trait Judges {
    /// What is to be known of a line.
    type Glance;

    /// Whether the event of such a line is wanted.
    fn wants(&mut self, glance: &Self::Glance) -> bool;
}

/// Whatever was found worth a glance is wanted.
impl Judges for () {
    type Glance = ();

    fn wants(&mut self, (): &()) -> bool {
        true
    }
}

/// What is heard while a chain is read.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A line, whatever it is; none for one that is too long to be kept.
    Line(Option<&'a [u8]>),
    /// So many lines more, right behind one of a call or of what belongs to it, that belong to it as well.
    Further(u64),
    /// An event.
    Event(Event),
}

/// Puts a chain of files together. `begin`, then `block` for what the scan finds in it, then `end_file`, for each; then
/// `finish`.
pub struct Joining<J> {
    assembler: Assembler<J>,
    before: Counts,
}

impl<J: Judges> Joining<J> {
    /// For the events that are wanted.
    pub fn new(judge: J) -> Joining<J> {
        Joining { assembler: Assembler::new(judge), before: Counts::default() }
    }

    /// The next file begins, by the number that its places are to have: what cuts it into blocks.
    pub fn begin<L: Looks<Glance = J::Glance>>(&mut self, file: u32, looks: L) -> Scan<L> {
        self.assembler.file(file);
        self.before = self.assembler.counts();
        Scan::new(looks, self.assembler.room())
    }

    /// The next lines of the file; what is left is empty.
    pub fn block(&mut self, block: &mut Block<J::Glance>, out: &mut dyn FnMut(Event)) {
        self.assembler.block(block, &mut J::wants, out);
    }

    /// The same, where somebody needs the lines as well.
    pub fn hear(&mut self, block: &mut Block<J::Glance>, each: &mut dyn FnMut(Heard<'_>)) {
        block.hear(each);
        self.block(block, &mut |event| each(Heard::Event(event)));
    }

    /// The file has ended.
    pub fn end_file(&mut self, ended: Ended) -> FileRead {
        let (counts, span) = (self.assembler.counts(), self.assembler.span());
        FileRead::of(&self.before, &counts, span, ended)
    }

    /// All files have ended.
    pub fn finish(mut self, out: &mut dyn FnMut(Event)) -> Counts {
        self.assembler.end(out)
    }
}
