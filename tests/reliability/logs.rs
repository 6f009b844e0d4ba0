//! Audit logs that are made to take room: they are answered from within that which is promised.

use std::fs;
use std::io::Write as _;

use crate::support::Desk;
use crate::workbench::measured;

/// What the verbs promise, in MiB; the code of a build that is not optimised takes so much more.
const PROMISED: u64 = if cfg!(debug_assertions) { 64 + 14 } else { 64 };

/// Events that are wanted, so that whoever puts them together is behind.
fn wanted(events: u32) -> Vec<u8> {
    let event = |serial: u32| {
        let id = format!("msg=audit(1795200{:03}.000:{serial})", serial / 1_000);
        format!(
            "type=SYSCALL {id}: arch=c000003e syscall=257 success=yes exit=3 items=1 ppid=1 pid=2 auid=7 uid=7 ses=3 comm=\"cat\" exe=\"/bin/cat\" key=\"phi\"\n\
             type=CWD {id}: cwd=\"/\"\n\
             type=PATH {id}: item=0 name=\"/srv/phi/{serial}\" inode={serial} dev=08:01 nametype=NORMAL\n"
        )
    };
    (0..events).flat_map(|serial| event(serial).into_bytes()).collect()
}

#[test]
fn a_log_of_nothing_but_newlines_short_records_or_long_lines_takes_no_more_room_than_another() {
    let desk = Desk::new();
    let begin = wanted(10_000);
    let newlines = vec![b'\n'; 24 << 20];
    let short: Vec<u8> =
        (0..400_000_u32).flat_map(|at| format!("type=A msg=audit(1.0:{})\n", at % 2).into_bytes()).collect();
    // Every fourth thousand of newlines a record, so that little is to be held of much.
    let sparse: Vec<u8> = (0..6_000)
        .flat_map(|at| [vec![b'\n'; 4_000], format!("type=A msg=audit(1.0:{at})\n").into_bytes()].concat())
        .collect();
    let long: Vec<u8> = (0..24).flat_map(|_| [vec![b'x'; (1 << 20) - 1], b"\n".to_vec()].concat()).collect();
    // What one of them leaves room for, the next needs in other pieces.
    let mixed = [&newlines[..], &short, &sparse, &long, &short, &newlines].concat();
    let mut commands = Vec::new();
    for (name, behind) in [
        ("none", Vec::new()),
        ("newlines", newlines),
        ("short", short),
        ("sparse", sparse),
        ("long", long),
        ("mixed", mixed),
    ] {
        let path = desk.path(name);
        let mut log = fs::File::create(&path).unwrap();
        log.write_all(&begin).and_then(|()| log.write_all(&behind)).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        commands.push(words(&["search", "--audit", &path, "--key", "phi", "--format", "raw"]));
        commands.push(words(&[
            "access",
            "--audit",
            &path,
            "--phi-key",
            "phi",
            "--by",
            "file",
            "--format",
            "jsonl",
        ]));
    }
    for (ran, command) in measured(desk.dir.path(), &commands).iter().zip(&commands) {
        let (verb, log) = (&command[0], &command[2]);
        assert!([0, 3].contains(&ran.code), "{verb} {log}: {} {}", ran.code, ran.stderr);
        let found = if verb == "search" { 30_000 } else { 10_000 };
        assert_eq!(ran.stdout.lines().count(), found, "{verb} {log}");
        assert!(ran.mebibytes <= PROMISED, "{verb} {log}: {} MiB", ran.mebibytes);
        let _ = writeln!(std::io::stderr(), "{verb} {log}: {} MiB, {:.1} s", ran.mebibytes, ran.seconds);
    }
}
