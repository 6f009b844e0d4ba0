//! Text logs while they pass: when their first and last records were written, and what in them could not be read.
//!
//! Three forms of a line's beginning are known: RFC 5424 (`<34>1 2026-11-21T20:19:48.003Z host …`), RFC 3339 alone, as
//! rsyslog writes it (`2026-11-21T20:19:48.123456+00:00 host …`), and the classic one of RFC 3164 (`Nov 21 20:19:48 host
//! …`), which has neither a year nor a zone: UTC cannot be told from it, so that it is kept as its own text.

mod times;
mod told;

use std::sync::Arc;

use super::syslog::packed_at;
use super::unpack::{Compression, Unpacker, Unread};
use crate::clock::Timestamp;
pub use times::{Written, written};
pub use told::{Keeper, Told};

/// How much of a line's beginning is looked at for its time, in bytes.
const HEAD: usize = 96;

/// What the lines say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Earliest and latest of the times that are exact.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The first and the last classic time, as they stand, in the order of the file.
    pub texts: Option<(String, String)>,
    /// Lines with at least one byte other than NUL and white space.
    pub lines: u64,
    /// Lines with an exact time.
    pub exact: u64,
    /// Lines with a classic one.
    pub classic: u64,
    /// Lines with neither, torn ones at the beginning and end of the file among them.
    pub unread: u64,
    /// NUL bytes, which a crash or an overwriting leaves.
    pub nul_bytes: u64,
    /// Bytes of the longest line.
    pub longest: u64,
    /// The last line has no newline.
    pub torn: bool,
    /// Exact times that are earlier than the one before.
    pub steps_back: u64,
    last_exact: Option<Timestamp>,
}

impl Lines {
    fn note(&mut self, line: &Line) {
        self.longest = self.longest.max(line.length);
        if line.head.trim_ascii().is_empty() && !line.is_long() {
            return;
        }
        self.lines += 1;
        match written(&line.head) {
            Some(Written::Exactly(time)) => self.exact(time),
            Some(Written::Classic(text)) => {
                self.classic += 1;
                let first = self.texts.take().map_or_else(|| text.clone(), |(first, _)| first);
                self.texts = Some((first, text));
            }
            None => self.unread += 1,
        }
    }

    fn exact(&mut self, time: Timestamp) {
        self.exact += 1;
        self.steps_back += u64::from(self.last_exact.is_some_and(|last| time < last));
        self.last_exact = Some(time);
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }
}

/// The line that is passing.
#[derive(Clone, Debug, Default)]
struct Line {
    head: Vec<u8>,
    length: u64,
    /// Bytes that are neither NUL nor within the head.
    behind: u64,
}

impl Line {
    fn is_long(&self) -> bool {
        self.behind > 0
    }

    /// NUL bytes at a line's beginning are what a crash left in front of it.
    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let begins = match self.head.is_empty() {
            true => bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len()),
            false => 0,
        };
        let text = bytes.get(begins..).unwrap_or_default();
        let (head, behind) = text.split_at(text.len().min(HEAD.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        self.behind += behind.len() as u64;
    }
}

/// Reads the lines of a file as it passes.
#[derive(Debug, Default)]
struct Reader {
    line: Line,
    lines: Lines,
}

impl Reader {
    fn piece(&mut self, bytes: &[u8]) {
        self.lines.nul_bytes += bytes.iter().filter(|byte| **byte == 0).count() as u64;
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(at);
            self.line.take(line);
            self.lines.note(&self.line);
            self.line = Line { head: std::mem::take(&mut self.line.head), ..Line::default() };
            self.line.head.clear();
            rest = behind.get(1..).unwrap_or_default();
        }
        self.line.take(rest);
    }

    fn end(mut self) -> Lines {
        if self.line.length > 0 {
            self.lines.torn = true;
            self.lines.note(&self.line);
        }
        self.lines
    }
}

/// What was learnt of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How it is compressed.
    pub compression: Compression,
    /// What its lines say; of a compressed file those that came out.
    pub lines: Lines,
    /// Why lines were not read, or not all.
    pub unread: Option<Unread>,
    /// Bytes of text, unpacked.
    pub text_bytes: u64,
    /// The time in its header, if it is a gzip file that has one.
    pub packed: Option<Timestamp>,
    /// What is kept of it for the views of logins.
    pub told: Arc<Told>,
}

impl Summary {
    /// Whether a line was found whose time could be read in either way.
    pub fn holds_records(&self) -> bool {
        self.lines.exact + self.lines.classic > 0
    }
}

/// Looks on while a text log passes.
#[derive(Debug, Default)]
pub struct Looker {
    /// The first bytes of the file, as it lies.
    head: Vec<u8>,
    unpacker: Unpacker,
    reader: Reader,
    keeper: Keeper,
    text_bytes: u64,
}

impl Looker {
    /// One that may keep so many bytes of lines that speak of logins, compressed.
    pub fn within(room: usize) -> Looker {
        Looker { keeper: Keeper::within(room), ..Looker::default() }
    }

    /// The next bytes of the file.
    pub fn piece(&mut self, bytes: &[u8]) {
        let Looker { head, unpacker, reader, keeper, text_bytes } = self;
        let room = bytes.len().min(8_usize.saturating_sub(head.len()));
        head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        unpacker.piece(bytes, &mut |text| {
            *text_bytes += text.len() as u64;
            reader.piece(text);
            keeper.piece(text);
        });
    }

    /// All has passed.
    pub fn end(self) -> Summary {
        let Looker { head, unpacker, mut reader, mut keeper, mut text_bytes } = self;
        let (compression, unread) = unpacker.end(&mut |text| {
            text_bytes += text.len() as u64;
            reader.piece(text);
            keeper.piece(text);
        });
        let told = Arc::new(keeper.end());
        let packed = packed_at(&head);
        Summary { compression, lines: reader.end(), unread, text_bytes, packed, told }
    }
}

#[cfg(test)]
mod tests;
