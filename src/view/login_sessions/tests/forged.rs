//! Made-up echoes of true lines: whoever may run logger says once more what sshd or sudo said.

use std::time::Duration;

use super::*;
use crate::records::auth_text::Witness;

/// Who sends: the user, and the program.
const SSHD: (u32, &str) = (0, "/usr/sbin/sshd");
const SUDO: (u32, &str) = (0, "/usr/bin/sudo");
const LOGGER: (u32, &str) = (1003, "/usr/bin/logger");

/// A line of the text log with this number; it stands at its milliseconds.
fn text(file: u32, millis: u64, pid: Option<u32>, message: &Message) -> (Source, Said) {
    let time = Timestamp::from_unix(1_773_136_800, 0).plus(Duration::from_millis(millis));
    let (_, mut line) = said(&time.to_string(), pid, message.clone());
    if matches!(message, Message::Elevated { .. }) {
        line.tag = b"sudo".to_vec();
    }
    line.place = Place { file, offset: millis };
    (Source::Text, line)
}

/// An entry that names one process and was sent by another, unless its program is the true one.
fn entry(millis: u64, claimed: u32, (uid, exe): (u32, &str), message: &Message) -> (Source, Said) {
    let seen = if uid == LOGGER.0 { 7_000 + claimed } else { claimed };
    let witness = Witness { pid: Some(seen), uid: Some(uid), exe: exe.into(), ..Witness::default() };
    let (_, line) = text(20, millis, Some(claimed), message);
    (Source::Journal, Said { witness: Some(witness), ..line })
}

fn let_in() -> Message {
    accepted("mallory", from("203.0.113.66", 2000), "publickey", Some(KEY))
}

/// Mallory's only login, as sshd tells of it: for ten minutes.
fn login() -> [(u64, Message); 3] {
    [(0, let_in()), (10, opened("mallory", 1003)), (600_000, closed("mallory"))]
}

/// The same in the journal.
fn entries() -> Vec<(Source, Said)> {
    login().iter().map(|(millis, message)| entry(*millis, 500, SSHD, message)).collect()
}

/// And in a text.
fn lines(file: u32) -> Vec<(Source, Said)> {
    login().iter().map(|(millis, message)| text(file, *millis, Some(500), message)).collect()
}

/// That it is there as it was, and nothing else; so many entries were forged.
fn is_whole(lines: Vec<(Source, Said)>, forged: u64) -> Session {
    let all = joined(b"", lines, vec![]);
    let [mallory] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert_eq!((mallory.label, mallory.pid, mallory.ending), (Label::B, Some(500), Ending::Logout));
    assert_eq!((&mallory.from, &mallory.method[..]), (&from("203.0.113.66", 2000), &b"publickey"[..]));
    assert_eq!(mallory.key.as_ref().unwrap().fingerprint, KEY.as_bytes());
    assert!(mallory.evidence.iter().all(|(_, by)| ![1_500, 1_600].contains(&by.place.offset)));
    assert_eq!(all.untold, Untold { disbelieved: forged, ..Untold::default() });
    mallory.clone()
}

#[test]
fn a_login_of_which_logger_says_the_same_once_more_loses_nothing() {
    // With the process of sshd, which everybody sees, with one of its own, and without texts and with them.
    for claimed in [500, 777] {
        let echo = [(1_500, claimed, let_in()), (1_600, claimed + 1, opened("mallory", 1003))];
        let forged = || echo.iter().map(|(millis, pid, message)| entry(*millis, *pid, LOGGER, message));
        let copies =
            |file| echo.iter().map(move |(millis, pid, message)| text(file, *millis, Some(*pid), message));
        is_whole(entries().into_iter().chain(forged().take(1)).collect(), 1);
        is_whole(entries().into_iter().chain(forged()).collect(), 2);
        let with_texts = || entries().into_iter().chain(forged()).chain(lines(1)).chain(copies(1));
        is_whole(with_texts().collect(), 2);
        is_whole(with_texts().rev().collect(), 2);
        // A second text has copies of its own, and what a second journal has is no more.
        let second = entries().into_iter().chain(forged()).map(|(source, mut entry)| {
            entry.place.file = 21;
            (source, entry)
        });
        is_whole(with_texts().chain(lines(2)).chain(copies(2)).chain(second).collect(), 2);
        // Where the journal alone has what was forged, the text keeps its lines, and if the journal lost the true entry.
        let both = is_whole(entries().into_iter().chain(forged()).chain(lines(1)).collect(), 2);
        let is_text =
            |field: &str| both.evidence.iter().any(|(of, by)| *of == field && by.source == Source::Text);
        assert!(is_text("key") && is_text("start"), "{both:#?}");
        is_whole(lines(1).into_iter().chain(forged()).chain(copies(1)).collect(), 2);
    }
}

#[test]
fn a_line_of_another_process_or_machine_is_no_copy() {
    let stranger = |(source, mut line): (Source, Said)| {
        line.host = b"other".to_vec();
        (source, line)
    };
    is_whole(lines(1).into_iter().chain([entry(1_500, 777, LOGGER, &let_in())]).collect(), 1);
    is_whole(lines(1).into_iter().chain([stranger(entry(1_500, 500, LOGGER, &let_in()))]).collect(), 1);
    // One that is further away than clocks can tell apart.
    is_whole(lines(1).into_iter().chain([entry(2_001, 500, LOGGER, &let_in())]).collect(), 1);
}

#[test]
fn an_act_of_which_logger_says_the_same_once_more_is_told_once() {
    let act = Message::Elevated {
        tool: Elevator::Sudo,
        by: b"mallory".to_vec(),
        to: b"root".to_vec(),
        terminal: vec![],
        folder: vec![],
        command: b"/usr/bin/cat /srv/phi/x".to_vec(),
        refused: None,
    };
    let acts = |more: Vec<(Source, Said)>| {
        let all = joined(b"", entries().into_iter().chain(more).collect(), vec![]);
        let [mallory] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
        (mallory.elevations.len(), all.untold.disbelieved)
    };
    let (own, echo) = (entry(60_200, 600, SUDO, &act), entry(60_700, 601, LOGGER, &act));
    assert_eq!(acts(vec![own.clone(), echo.clone()]), (1, 1));
    // A text that counts whole seconds and names no process has both in one.
    let line = |offset| {
        let (source, mut line) = text(1, 60_000, None, &act);
        line.place.offset = offset;
        (source, line)
    };
    assert_eq!(acts(vec![own.clone(), echo.clone(), line(1), line(2)]), (1, 1));
    // Two true ones and an echo are two.
    let again = entry(60_800, 602, SUDO, &act);
    assert_eq!(acts(vec![own, echo.clone(), again, line(1), line(2), line(3)]), (2, 1));
    assert_eq!(acts(vec![echo, line(1)]), (0, 1));
}

/// What logger says of root, again and again.
fn flood(count: u32) -> Vec<(Source, Said)> {
    let each = (0..count).flat_map(|at| {
        let port = 3_000 + u16::try_from(at % 60_000).unwrap();
        let message = accepted("root", from("198.51.100.7", port), "password", None);
        let (millis, pid) = (u64::from(at) * 10_000, 9_000 + at);
        [entry(millis, pid, LOGGER, &message), text(1, millis, Some(pid), &message)]
    });
    each.collect()
}

#[test]
fn of_thousands_of_forged_entries_none_is_a_session() {
    let mut lines = flood(3_000);
    for _ in 0..2 {
        let all = joined(b"", lines.clone(), vec![]);
        assert!(all.sessions.is_empty(), "{}", all.sessions.len());
        assert_eq!(all.untold, Untold { disbelieved: 3_000, ..Untold::default() });
        lines.reverse();
    }
    // All of the same words, within a moment.
    let message = accepted("root", from("198.51.100.7", 3_000), "password", None);
    let same = (0..3_000).flat_map(|at| {
        let (mut line, mut entry) = (text(1, at / 10, None, &message), entry(at / 10, 9, LOGGER, &message));
        (line.1.place.offset, entry.1.place.offset) = (at, at);
        [line, entry]
    });
    let all = joined(b"", same.collect(), vec![]);
    assert_eq!((all.sessions.len(), all.untold.disbelieved), (0, 3_000));
}

#[test]
fn forged_entries_for_which_there_is_no_room_are_told_as_left_out() {
    let entries = flood(40_000).into_iter().filter(|(source, _)| *source == Source::Journal);
    let all = joined(b"", entries.collect(), vec![]);
    assert_eq!((all.sessions.len(), all.untold.disbelieved), (0, 40_000));
    assert!(all.untold.text > 1_000 && all.untold.text < 39_000, "{:?}", all.untold);
}
