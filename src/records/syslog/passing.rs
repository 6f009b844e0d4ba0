//! The first of two passes over a file that goes into the seal: its days, and which of its lines are worth keeping for the
//! second. Each line is taken apart once for both.

use super::reader::{indented, repeated};
use super::{Line, Survey, line, records};
use crate::records::auth_text::understand;

/// What is learnt of a file while its lines pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// The days of all lines.
    pub survey: Survey,
    /// Records without any form that is known, as [`super::Notes::unparsed`] counts them.
    pub unparsed: u64,
    was_read: bool,
    /// The line above speaks of logins.
    above: bool,
}

impl Passing {
    /// The next line, and how many bytes are before it; whether it is of those that [`super::Reader`] makes something of.
    pub fn line(&mut self, text: &[u8], offset: u64) -> bool {
        let mut speaks = false;
        records(text, &mut |at, record| match line(record) {
            Some(line) => {
                self.was_read = true;
                self.survey.record(&line, offset + at as u64);
                speaks |= self.speaks(&line);
            }
            None => self.unparsed += u64::from(!(self.was_read && indented(record))),
        });
        self.above = speaks;
        speaks
    }

    /// The next line is none that could be read.
    pub fn skip(&mut self) {
        self.above = false;
    }

    /// Of a line that only says how often it was repeated the one above counts.
    fn speaks(&self, line: &Line<'_>) -> bool {
        match repeated(line.message) {
            Some((_, Some(quoted))) => understand(line.tag, quoted).is_some(),
            Some((_, None)) => self.above,
            None => understand(line.tag, line.message).is_some(),
        }
    }
}
