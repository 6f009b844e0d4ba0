//! The first of two passes over a file that goes into the seal: its days, and which of its lines are worth keeping for the
//! second. Each line is taken apart once for both.

use super::reader::{indented, is_of_the_same, repeated};
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
    /// The machine that the record above names, if that speaks of logins.
    above: Option<Vec<u8>>,
}

impl Passing {
    /// The next line, and how many bytes are before it; whether it is of those that [`super::Reader`] makes something of.
    pub fn line(&mut self, text: &[u8], offset: u64) -> bool {
        let mut speaks = false;
        records(text, &mut |at, record| match line(record) {
            Some(line) => {
                self.was_read = true;
                self.survey.record(&line, offset + at as u64);
                speaks |= self.take(&line);
            }
            None if self.was_read && indented(record) => (),
            None => {
                self.unparsed += 1;
                self.above = None;
            }
        });
        speaks
    }

    /// The next line is none that could be read.
    pub fn skip(&mut self) {
        self.above = None;
    }

    /// Whether it speaks of logins; for one that only says how often it was repeated the one above does, if it is of the
    /// same machine.
    fn take(&mut self, line: &Line<'_>) -> bool {
        match repeated(line.message) {
            Some((_, Some(quoted))) => understand(line.tag, quoted).is_some(),
            Some((_, None)) => self.above.as_ref().is_some_and(|above| is_of_the_same(line, above)),
            None => {
                let speaks = understand(line.tag, line.message).is_some();
                self.above = speaks.then(|| line.host.to_vec());
                speaks
            }
        }
    }
}
