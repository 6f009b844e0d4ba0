//! What logs say of logins, counted log after log: a try of which several logs tell is one try, and what the journal saw
//! another program send is none, nor are its copies in texts.

use super::once::Once;
use super::{Attempt, Counted, Logins};
use crate::clock::Timestamp;
use crate::records::audit_event::Event;
use crate::records::auth_text::Said;
use crate::records::auth_text::attempts::{self, Attempts};
use crate::view::login_sessions::{Source, forged::Forged, witness::disbelieved};

/// Counts.
#[derive(Debug)]
pub struct Counting {
    logins: Logins,
    /// Tries of the log that passes.
    attempts: Attempts,
    once: Once,
    forged: Forged,
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
    /// Entries that another program sent than the one they name, for which there was no room: copies of them in texts may be
    /// counted.
    pub unmatched: u64,
}

impl Counting {
    /// Nothing as yet; counts go to `logins`.
    pub fn new(logins: Logins) -> Counting {
        let (attempts, once, forged) = (Attempts::default(), Once::default(), Forged::default());
        Counting { logins, attempts, once, forged, hurried: 0 }
    }

    /// An audit event.
    pub fn audit(&mut self, event: &Event) {
        self.logins.audit(event);
    }

    /// A line of a text log, or an entry of a journal. Journals are to pass first: what another program sent is known by
    /// them alone, and is not to be counted from texts either.
    pub fn said(&mut self, source: Source, said: &Said) {
        let is_forged = disbelieved(said).is_some();
        let is_copy = match is_forged {
            true => !self.forged.take(said),
            false => source == Source::Text && self.forged.has_copy(said),
        };
        if is_copy {
            return;
        }
        self.logins.said(source, said);
        // It tells of no try.
        if !is_forged {
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
        let Counting { logins, once, forged, hurried, .. } = self;
        let (again, forgotten, unmatched) = (once.again, once.forgotten, forged.refused());
        Tallied { counted: logins.finish(), again, forgotten, hurried, unmatched }
    }
}

fn tried(logins: &mut Logins, once: &mut Once, attempt: &attempts::Attempt) {
    if once.is_new(attempt) {
        Attempt::all_of(attempt).for_each(|attempt| logins.attempt(&attempt));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::records::audit_event::Place;
    use crate::records::auth_text::{Answer, From, Message, TimeQuality, Witness};

    /// `Accepted password`, or `Failed`, as the text log has it.
    fn line(millis: u64, pid: u32, answer: Answer, (user, port): (&str, u16)) -> Said {
        let time = Timestamp::from_unix(1_773_136_800, 0).plus(Duration::from_millis(millis));
        let (method, user) = (b"password".to_vec(), user.into());
        let from = From { address: b"198.51.100.7".to_vec(), port: Some(port) };
        Said {
            time: Some((time, TimeQuality::Exact)),
            host: b"vm".to_vec(),
            tag: b"sshd".to_vec(),
            pid: Some(pid),
            witness: None,
            place: Place { file: 1, offset: millis },
            times: 1,
            message: Message::Tried { answer, method, user, unknown_user: false, from, key: None },
        }
    }

    /// The same as the journal with this number has it, by sshd or by a user's logger.
    fn entry(file: u32, line: &Said, is_true: bool) -> Said {
        let (uid, exe) = if is_true { (0, "/usr/sbin/sshd") } else { (1003, "/usr/bin/logger") };
        let pid = line.pid.map(|pid| if is_true { pid } else { pid + 7_000 });
        let witness = Some(Witness { pid, uid: Some(uid), exe: exe.into(), ..Witness::default() });
        Said { witness, place: Place { file, ..line.place }, ..line.clone() }
    }

    fn counted(journals: &[Vec<Said>], text: &[Said]) -> Tallied {
        let mut counting = Counting::new(Logins::new(None));
        for journal in journals {
            journal.iter().for_each(|said| counting.said(Source::Journal, said));
            counting.log_ended();
        }
        text.iter().for_each(|said| counting.said(Source::Text, said));
        counting.log_ended();
        counting.finish()
    }

    #[test]
    fn what_the_journal_saw_another_program_send_is_not_counted_from_a_text_either() {
        let lines: Vec<Said> = (0..3_000)
            .map(|at| line(u64::from(at) * 10_000, 9_000 + u32::from(at), Answer::Accepted, ("root", at)))
            .collect();
        let journal = |file| lines.iter().map(|line| entry(file, line, false)).collect::<Vec<_>>();
        // In a second journal are the same entries.
        for journals in [vec![journal(8)], vec![journal(8), journal(9)]] {
            let told = counted(&journals, &lines);
            assert!(told.counted.total.is_empty(), "{:?}", told.counted.total);
            assert!(told.counted.accounts.is_empty() && told.counted.sources.is_empty());
            assert_eq!((told.counted.notes.disbelieved, told.again, told.unmatched), (3_000, 0, 0));
        }
        // Without a journal nothing shows what they are.
        assert_eq!(counted(&[], &lines).counted.total.accepted[&b"password"[..]], 3_000);
    }

    #[test]
    fn a_try_of_which_logger_says_the_same_once_more_is_counted() {
        for (answer, kinds) in [
            (Answer::Accepted, ["journal_accepted", "text_accepted"]),
            (Answer::Failed, ["journal_failed", "text_failed"]),
        ] {
            // By the process of sshd, and by another.
            for claimed in [500, 777] {
                let who = ("mallory", 2_000);
                let (own, echo) = (line(0, 500, answer, who), line(1_500, claimed, answer, who));
                let journal = vec![entry(8, &own, true), entry(8, &echo, false)];
                let told = counted(&[journal], &[own, echo]);
                let total = told.counted.total;
                let tries: u64 = total.accepted.values().chain(total.rejected.values()).sum();
                assert_eq!((tries, total.connections, told.again), (1, 1, 1), "{answer:?} {claimed}");
                assert_eq!(kinds.map(|kind| total.records[kind]), [1, 1]);
                assert_eq!((told.counted.notes.disbelieved, told.unmatched), (1, 0));
            }
        }
    }

    #[test]
    fn forged_entries_for_which_there_is_no_room_are_told() {
        let lines = (0..40_000).map(|at| line(u64::from(at) * 10_000, 9, Answer::Accepted, ("root", at)));
        let journal: Vec<Said> = lines.map(|line| entry(8, &line, false)).collect();
        let told = counted(&[journal], &[]);
        assert!(told.unmatched > 1_000 && told.unmatched < 39_000, "{}", told.unmatched);
        assert_eq!(told.counted.notes.disbelieved, 40_000);
    }
}
