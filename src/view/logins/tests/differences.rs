//! Where text and journal differ; made up.

use super::super::compare::{Comparison, Difference, Differences};
use super::*;
use crate::records::auth_text::Witness;

/// A journal and a text that agree, but for what the test does.
fn compared(change: impl FnOnce(&mut Vec<Said>, &mut Vec<Said>)) -> Differences {
    let lines: Vec<Said> =
        (0..20).map(|at| said(at * 10, "sshd", 50, tried(Answer::Failed, "alice", "192.0.2.7"))).collect();
    let (mut text, mut journal) = (lines.clone(), lines);
    for said in &mut journal {
        let exe = b"/usr/sbin/sshd".to_vec();
        said.witness = Some(Witness { pid: said.pid, uid: Some(0), exe, ..Witness::default() });
    }
    change(&mut text, &mut journal);
    let mut comparison = Comparison::new();
    text.iter().for_each(|said| comparison.said(Source::Text, said));
    journal.iter().for_each(|said| comparison.said(Source::Journal, said));
    comparison.finish()
}

#[test]
fn text_and_journal_that_agree_make_no_finding() {
    let same = compared(|_, _| {});
    assert_eq!((same.findings.len(), same.agreeing, same.not_compared), (0, 20, 0));
    // What one of the two does not cover is not compared.
    let short = compared(|_, journal| journal.truncate(10));
    assert_eq!((short.findings.len(), short.agreeing, short.not_compared), (0, 10, 10));
}

#[test]
fn a_line_that_logger_sent_is_found_by_who_sent_it() {
    let forged = compared(|text, journal| {
        let line = said(55, "sshd", 50, tried(Answer::Accepted, "root", "10.9.9.9"));
        let exe = b"/usr/bin/logger".to_vec();
        let witness = Some(Witness { pid: Some(77), uid: Some(1003), exe, ..Witness::default() });
        journal.push(Said { witness, ..line.clone() });
        text.push(line);
    });
    let [finding] = forged.findings.as_slice() else { panic!("{forged:?}") };
    assert_eq!((finding.difference, finding.place.offset), (Difference::OtherSender, 55));
    assert!(finding.words.contains("/usr/bin/logger"), "{}", finding.words);
    // So is an sshd that a user started: nobody but root can let anybody in.
    let own = compared(|_, journal| journal[3].witness.as_mut().unwrap().uid = Some(1003));
    assert_eq!(own.findings[0].difference, Difference::OtherSender);
}

#[test]
fn a_line_that_one_of_the_two_lacks_is_found() {
    let found =
        compared(|text, _| text.push(said(55, "sshd", 50, tried(Answer::Accepted, "root", "10.9.9.9"))));
    assert_eq!((found.findings.len(), found.findings[0].difference), (1, Difference::NotInJournal));
    let removed = compared(|text, _| drop(text.remove(7)));
    assert_eq!((removed.findings.len(), removed.findings[0].difference), (1, Difference::NotInText));
    assert_eq!(removed.findings[0].row().offset, 70);
}

/// Written from documentation (logrotate(8)): of a rotation the file in the middle is gone.
#[test]
fn between_two_files_neither_text_nor_journal_lacks_anything() {
    let in_files = |lines: &mut Vec<Said>| {
        lines.iter_mut().for_each(|said| said.place.file = u32::from(said.place.offset >= 140));
        lines.retain(|said| !(70..140).contains(&said.place.offset));
    };
    let text = compared(|text, _| in_files(text));
    assert_eq!((text.findings.len(), text.agreeing), (0, 13), "{:?}", text.findings);
    let journal = compared(|_, journal| in_files(journal));
    assert_eq!((journal.findings.len(), journal.agreeing, journal.not_compared), (0, 13, 7));
    // Within one of them it does.
    let within = compared(|text, _| {
        in_files(text);
        text.retain(|said| said.place.offset != 160);
    });
    let found: Vec<u64> = within.findings.iter().map(|finding| finding.place.offset).collect();
    assert_eq!(found, [160]);
}

/// Written from documentation (systemd-journal-remote(8); RFC 5424, HOSTNAME).
#[test]
fn what_another_machine_said_is_not_compared_with_what_this_one_did() {
    let also_by = |host: &str, lines: &mut Vec<Said>| {
        let by = |said: &Said| Said {
            host: host.into(),
            message: tried(Answer::Accepted, "dbadmin", "192.0.2.99"),
            ..said.clone()
        };
        let more: Vec<Said> = lines[1..5].iter().map(by).collect();
        lines.extend(more);
    };
    let journal = compared(|_, journal| also_by("dbsrv", journal));
    assert_eq!((journal.findings.len(), journal.agreeing), (0, 20), "{:?}", journal.findings);
    let text = compared(|text, _| also_by("dbsrv", text));
    assert_eq!((text.findings.len(), text.agreeing, text.not_compared), (0, 20, 4));
    // The same machine by its whole name, and one that has none.
    for host in ["VM.example.org", ""] {
        let found = compared(|_, journal| also_by(host, journal)).findings;
        assert!(found.len() == 4 && found[0].difference == Difference::NotInText, "{host}: {found:?}");
    }
    // What the other machine said at the same time is no copy of it.
    let removed = compared(|text, journal| {
        let copy = Said { host: b"dbsrv".to_vec(), ..text.remove(7) };
        journal.push(copy.clone());
        text.push(copy);
    });
    assert_eq!(removed.findings.iter().map(|finding| finding.place.offset).collect::<Vec<_>>(), [70]);
}
