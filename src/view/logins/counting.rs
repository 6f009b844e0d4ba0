//! What logs say of logins, counted log after log: a try of which several logs tell is one try.

use super::once::Once;
use super::{Attempt, Counted, Logins};
use crate::clock::Timestamp;
use crate::records::audit_event::Event;
use crate::records::auth_text::Said;
use crate::records::auth_text::attempts::{self, Attempts};
use crate::view::login_sessions::{Source, witness::disbelieved};

/// Counts.
#[derive(Debug)]
pub struct Counting {
    logins: Logins,
    /// Tries of the log that passes.
    attempts: Attempts,
    once: Once,
    hurried: u64,
}

/// The counts, and what is to be known of them.
#[derive(Clone, Debug)]
pub struct Tallied {
    /// They.
    pub counted: Counted,
    /// Tries of which a further log told, counted once.
    pub again: u64,
    /// Tries that were not remembered: if a further log told of one, it is counted twice.
    pub forgotten: u64,
    /// Tries and connections that were told before all of their lines could be there, and may be counted twice.
    pub hurried: u64,
}

impl Counting {
    /// Nothing as yet; counts go to `logins`.
    pub fn new(logins: Logins) -> Counting {
        Counting { logins, attempts: Attempts::default(), once: Once::default(), hurried: 0 }
    }

    /// An audit event.
    pub fn audit(&mut self, event: &Event) {
        self.logins.audit(event);
    }

    /// A line of a text log, or an entry of a journal.
    pub fn said(&mut self, source: Source, said: &Said) {
        self.logins.said(source, said);
        // What another program sent tells of no try.
        if disbelieved(said).is_none() {
            let Counting { logins, attempts, once, .. } = self;
            attempts.said(said, &mut |attempt| tried(logins, once, &attempt));
        }
    }

    /// The text log or journal has passed: what is known of its tries is all that will be.
    pub fn log_ended(&mut self) {
        let Counting { logins, once, .. } = self;
        let tally = std::mem::take(&mut self.attempts).end(&mut |attempt| tried(logins, once, &attempt));
        self.hurried += tally.hurried + tally.forgotten;
    }

    /// A record of btmp: a failed login, by its name, its address or terminal, and its time.
    pub fn failed_record(&mut self, user: &[u8], from: &[u8], time: Option<Timestamp>) {
        self.logins.failed_record(user, from, time);
    }

    /// All logs have passed.
    pub fn finish(self) -> Tallied {
        let Counting { logins, once, hurried, .. } = self;
        Tallied { counted: logins.finish(), again: once.again, forgotten: once.forgotten, hurried }
    }
}

fn tried(logins: &mut Logins, once: &mut Once, attempt: &attempts::Attempt) {
    if once.is_new(attempt) {
        Attempt::all_of(attempt).for_each(|attempt| logins.attempt(&attempt));
    }
}
