//! Entries of a journal as dated facts: what is said of logins by what it means, everything else by its text.

use super::{At, Fact, WORDS, named, said};
use crate::custody::entry::EntryId;
use crate::path::shown;
use crate::records::audit_event::Place;
use crate::records::auth_text::Message;
use crate::records::journal::{self, Entry};

/// The fact of an entry, where `entries` has the sealed entry of each file by its number; none of one without a time.
/// `file` is the number that the reader gave the file.
pub fn fact(entry: &Entry<'_>, file: u32, entries: &[EntryId]) -> Option<Fact> {
    let spoken = journal::said(entry, file).filter(|said| !matches!(said.message, Message::Other { .. }));
    let mut fact = match spoken {
        Some(said) => said::fact(&said, "journal", entries)?,
        None => plain(entry, At::of(Place { file, offset: entry.offset }, entries))?,
    };
    let odd = [(!entry.listed, "not_listed"), (entry.edited, "edited"), (!entry.whole, "incomplete")];
    fact.labels.extend(odd.iter().filter(|(is, _)| *is).map(|(_, label)| *label));
    Some(fact)
}

/// By its own words (`MESSAGE`), who sent it as they say (`SYSLOG_IDENTIFIER`) and as the kernel says (`_PID`).
fn plain(entry: &Entry<'_>, at: At) -> Option<Fact> {
    let sender = [&b"SYSLOG_IDENTIFIER"[..], b"_COMM", b"_TRANSPORT"].iter().find_map(|name| entry.get(name));
    let message = entry.get(b"MESSAGE").unwrap_or_default();
    // Words are cut anyway: of a message of megabytes no more is escaped than that takes.
    let head = message.get(..4 * WORDS).unwrap_or(message);
    let more = message.len() - head.len();
    let rest = if more > 0 { format!("… ({more} bytes more)") } else { String::new() };
    let words = format!("{}: {}{rest}", named(sender.unwrap_or_default()), shown(head));
    let pid = entry.number(b"_PID").and_then(|pid| u32::try_from(pid).ok());
    Some(Fact { pid, ..Fact::new(entry.time()?, "journal.entry", &words, "journal", at) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::journal_export::Exported;

    fn facts(export: &[u8]) -> Vec<Option<Fact>> {
        let (mut exported, mut facts) = (Exported::default(), Vec::new());
        let mut each = |entry: Entry<'_>| facts.push(fact(&entry, 0, &[EntryId(7)]));
        exported.push(export, &mut each);
        exported.end(&mut each);
        facts
    }

    /// As `journalctl -o export` (systemd 252) writes it, some of its fields.
    const ENTRY: &str = "__CURSOR=s=6b1a;i=7\n__REALTIME_TIMESTAMP=1795292390651361\n__MONOTONIC_TIMESTAMP=2390651361\n\
        _BOOT_ID=0123456789abcdef0123456789abcdef\nSYSLOG_IDENTIFIER=backup\nSYSLOG_PID=1\n_PID=1006\nMESSAGE=";

    #[test]
    fn an_entry_is_told_by_its_text_and_by_whom_the_kernel_saw() {
        let told = facts(format!("{ENTRY}begins\x1b[2J\n\n").as_bytes());
        let fact = told[0].as_ref().unwrap();
        assert_eq!((fact.what.as_ref(), fact.words.as_str()), ("journal.entry", "backup: begins\\u{1b}[2J"));
        assert_eq!((fact.pid, fact.at.entry, fact.labels.len()), (Some(1006), Some(EntryId(7)), 0));
        assert_eq!(
            fact.time.unwrap().to_string(),
            "2026-11-23T09:39:50.651361000Z".replace("23T09:39", "21T20:19")
        );
    }

    #[test]
    fn one_without_a_time_is_none_and_one_of_megabytes_is_cut() {
        assert_eq!(facts(ENTRY.replace("795292390651361", "8446744073709551615").as_bytes()), [None]);
        let told = facts(format!("{ENTRY}{}\n\n", "x\u{7f}".repeat(20_000)).as_bytes());
        let words = &told[0].as_ref().unwrap().words;
        assert!(words.len() < 5 * WORDS && words.ends_with("characters more)"), "{}", words.len());
    }

    #[test]
    fn an_entry_that_ends_early_says_so() {
        let told = facts(format!("{ENTRY}begins\n_X=half").as_bytes());
        assert_eq!(told[0].as_ref().unwrap().labels, ["incomplete"]);
    }
}
