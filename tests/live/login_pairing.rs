//! Sessions out of wtmp, as we pair logins with what ended them, and as last(1) does. None of this needs root: `utmpdump -r`
//! writes the files.
//!
//! Known differences. `last` reads backwards and in whole seconds, and prints minutes where it is asked for no more. Of a
//! session without an end it says `gone - no logout`, or `still logged in` if this machine has a process of that number:
//! we say that it is open at the end of the log. It takes a login on the same line for the end of the one before, as we do
//! (`replaced`), and prints that time. It prints starts and shutdowns as lines of their own, which are no sessions. An end
//! that names no line it does not find; we find it by its id or process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use phi_ir::clock::Timestamp;
use phi_ir::records::login_pairing::{Ended, PairedLogin, Pairing};
use phi_ir::records::utmp::{Item, Judge, Layout, Sort};

use crate::support::tool;

/// 2026-03-01T00:00:00Z.
const BEGIN: i64 = 1_772_323_200;
/// Further than any process number goes: nobody is still logged in.
const PID: i64 = 8_000_000;

/// Kind, process, line, user, and seconds since the beginning.
type Line = (u8, i64, String, String, i64);

/// A wtmp of these records.
fn wtmp(records: &[Line]) -> Vec<u8> {
    let mut text = String::new();
    for (kind, pid, line, user, at) in records {
        let time = Timestamp::from_unix(BEGIN + at, 0).to_string();
        let time = format!("{},000000+00:00", time.get(..19).unwrap());
        let id = line.rsplit('/').next().unwrap().chars().rev().take(4).collect::<String>();
        text += &format!(
            "[{kind}] [{pid:05}] [{id:4}] [{user:8}] [{line:12}] [{:20}] [{:15}] [{time}]\n",
            if *kind == 7 { "gate.example" } else { "" },
            "198.51.100.7"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&input, text).unwrap();
    let ran = tool("utmpdump", &["-r".as_ref(), "-o".as_ref(), output.as_ref(), input.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::read(output).unwrap()
}

/// 320 sessions on 40 terminals, overlapping, through two starts of the machine after a shutdown and one after none: each ends by a
/// logout, by the next login on its terminal, by the shutdown, by the crash, or not at all.
fn many() -> Vec<Line> {
    let mut records = Vec::new();
    let machine = |kind, user: &str, at| (kind, 0, "~".to_owned(), user.to_owned(), at);
    for boot in 0..4_i64 {
        let begin = boot * 100_000;
        records.push(machine(2, "reboot", begin));
        for number in 0..80_i64 {
            let (pid, line) = (PID + boot * 80 + number, format!("pts/{}", number % 40));
            let user = format!("user{}", boot * 80 + number);
            records.push((7, pid, line.clone(), user, begin + 100 + number * 61));
            // Every third one is ended by what comes later.
            if number % 3 != 0 {
                records.push((8, pid, line, String::new(), begin + 100 + number * 61 + 1_000 + number % 7));
            }
        }
        if boot % 2 == 0 {
            records.push(machine(1, "shutdown", begin + 50_000));
        }
    }
    records.sort_by_key(|record| record.4);
    records
}

/// Sessions by the name that was logged in under, each of which has one.
fn ours(bytes: &[u8]) -> BTreeMap<String, PairedLogin> {
    let (mut pairing, mut sessions) = (Pairing::default(), BTreeMap::new());
    let mut keep = |session: PairedLogin| {
        let before = sessions.insert(String::from_utf8(session.user.clone()).unwrap(), session);
        assert_eq!(before, None);
    };
    let layout = Layout::detect(&[(0, bytes)], bytes.len() as u64, 1 << 31).unwrap();
    let mut judge = Judge::new(layout, Sort::Wtmp, 1 << 31);
    let mut each = |item: Item<'_>| pairing.item(&item, 0, &mut keep);
    judge.feed(bytes, &mut each);
    judge.finish(&mut each);
    pairing.end(&mut keep);
    sessions
}

/// The words of each line of `last` by its user: `user line host begin - end (how long)`.
fn theirs(file: &Path) -> BTreeMap<String, Vec<String>> {
    let mut args = ["-w", "--time-format", "iso", "-f"].map(std::ffi::OsStr::new).to_vec();
    args.push(file.as_os_str());
    let printed = tool("last", &args);
    let rows = printed.stdout.lines().filter(|line| line.starts_with("user"));
    let words = rows.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.map(|words| (words[0].clone(), words)).collect()
}

/// As `last` prints a time in a machine whose zone is UTC, up to seconds.
fn seconds(time: Option<Timestamp>) -> String {
    time.unwrap().to_string().get(..19).unwrap().to_owned()
}

/// What `last` says behind the begin of a session that we say has ended so.
fn their_end(session: &PairedLogin) -> String {
    match session.ended {
        Ended::Logout | Ended::Replaced | Ended::LineFree => seconds(session.end),
        Ended::Down => "down".to_owned(),
        Ended::Crash => "crash".to_owned(),
        Ended::OpenAtEndOfLog | Ended::NotFollowed => "gone".to_owned(),
    }
}

#[test]
fn every_session_begins_and_ends_as_last_prints_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wtmp");
    let bytes = wtmp(&many());
    fs::write(&file, &bytes).unwrap();
    let (ours, theirs) = (ours(&bytes), theirs(&file));
    assert!(theirs.len() >= 200, "last gave {} sessions", theirs.len());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let mut ways = BTreeMap::new();
    for (user, session) in &ours {
        let words = &theirs[user];
        assert_eq!(words[1].as_bytes(), session.line, "{words:?}");
        assert_eq!(words[3].get(..19), Some(seconds(session.start).as_str()), "{words:?}");
        let end = words[4..].iter().find(|word| *word != "-").unwrap();
        let wanted = their_end(session);
        assert_eq!(end.get(..19).unwrap_or(end), wanted, "{words:?} and {session:?}");
        *ways.entry(session.ended).or_insert(0) += 1;
    }
    // Each way is among them.
    for way in [Ended::Logout, Ended::Replaced, Ended::Down, Ended::Crash, Ended::OpenAtEndOfLog] {
        assert!(ways.get(&way).is_some_and(|times| *times >= 5), "{ways:?}");
    }
}
