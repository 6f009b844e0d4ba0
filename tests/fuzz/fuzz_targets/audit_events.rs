#![no_main]
//! Any bytes as the files of an audit log, whatever the pieces they come in: the same events; each record is in one of them, or
//! counted; and what each did can be told, with the names of its files.

use libfuzzer_sys::fuzz_target;
use phi_ir::path::HostPath;
use phi_ir::records::audit_event::items::{FileId, sorted};
use phi_ir::records::audit_event::names::{Around, Names};
use phi_ir::records::audit_event::operation::{Op, Syscall, of};
use phi_ir::records::audit_event::{Counts, Event, FileRead, Joining, Reading, Steady};
use phi_ir::records::audit_search::{Calls, Filter, Finds};

/// Longer logs are cut: what is quadratic shows at this length.
const LONGEST: usize = 64 << 10;

fn read(files: &[&[u8]], piece: usize) -> (Vec<Event>, Vec<FileRead>, Counts) {
    let (mut reading, mut events, mut read) =
        (Reading::new(|_: &[u8], _: &[u8]| true), Vec::new(), Vec::new());
    for (number, file) in files.iter().enumerate() {
        reading.begin(number as u32);
        file.chunks(piece).for_each(|piece| reading.piece(piece, &mut |event| events.push(event)));
        read.push(reading.end_file(&mut |event| events.push(event)));
    }
    let counts = reading.finish(&mut |event| events.push(event));
    (events, read, counts)
}

fn is_wanted(kind: &[u8], _: &[u8]) -> bool {
    kind == b"SYSCALL"
}

fn wanted(files: &[&[u8]]) -> (Vec<Event>, Vec<FileRead>, Counts) {
    let (mut reading, mut events, mut read) = (Reading::new(Steady(is_wanted)), Vec::new(), Vec::new());
    for (number, file) in files.iter().enumerate() {
        reading.begin(number as u32);
        reading.piece(file, &mut |event| events.push(event));
        read.push(reading.end_file(&mut |event| events.push(event)));
    }
    let counts = reading.finish(&mut |event| events.push(event));
    (events, read, counts)
}

/// The same, of lines that were looked at before.
fn joined(files: &[&[u8]]) -> (Vec<Event>, Vec<FileRead>, Counts) {
    let (mut joining, mut events, mut read) = (Joining::new(()), Vec::new(), Vec::new());
    for (number, file) in files.iter().enumerate() {
        let mut scan = joining.begin(number as u32, is_wanted);
        scan.piece(file, &mut |block| joining.block(block, &mut |event| events.push(event)));
        let ended = scan.end(&mut |block| joining.block(block, &mut |event| events.push(event)));
        read.push(joining.end_file(ended));
    }
    let counts = joining.finish(&mut |event| events.push(event));
    (events, read, counts)
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let half = bytes.split_at(bytes.len() / 2);
    for files in [&[bytes][..], &[half.0, half.1], &[bytes, bytes]] {
        let (events, read, counts) = self::read(files, 4096);
        // What comes out of a broken stream depends on how far it was read ahead.
        if read.iter().all(|file| file.unread.is_none()) {
            let apart = self::read(files, 5);
            assert_eq!((&events, &read, &counts), (&apart.0, &apart.1, &apart.2));
        }
        // A line that two logs have in common stands in what each of them says.
        let agreed = events.iter().filter(|event| !event.conflict);
        let lines: usize = agreed.map(|event| event.lines().count()).sum();
        assert!(lines as u64 <= counts.records, "{lines} lines of {counts:?}");
        assert!(counts.records <= read.iter().map(|file| file.lines).sum(), "{counts:?} of {read:?}");
        assert_eq!(events.len() as u64, counts.events);
        assert_eq!(wanted(files), joined(files));
        told(&events);
        searched(&events);
    }
});

fn told(events: &[Event]) {
    let mut names = Names::default();
    names.know(FileId { system: 0, major: 8, minor: 1, inode: 7 }, b"/var/phi/a");
    for event in events {
        let operation = of(event);
        assert_eq!(Op::of_word(operation.op.word()), Some(operation.op));
        let items = sorted(event.records());
        let call = event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default();
        let _ = (call.comm(), call.exe(), call.keys(), operation.error());
        let cwd = event.record("CWD").and_then(|record| record.text("cwd").map(|cwd| cwd.to_vec()));
        let around = Around { system: (0, event.epoch), cwd, cmdline: None, call };
        let named = names.resolve(&operation, &items, &around);
        assert_eq!(named.len(), items.len());
        names.learn(&operation, &items, &named, &around);
        assert!(names.weight() < 24 << 20, "{}", names.weight());
    }
}

/// What a search wants of an event, or may want, the sieve of single lines lets through.
fn searched(events: &[Event]) {
    let calls = |call: &str| Calls::of(&[call.to_owned()]).unwrap_or_default();
    let text = |text: &str| vec![text.as_bytes().to_vec()];
    let filters = [
        Filter { keys: text("phi"), ..Filter::default() },
        Filter { exes: text("/usr/bin/cat"), ..Filter::default() },
        Filter { comms: text("c"), ..Filter::default() },
        Filter { hosts: text("192.0.2.1"), ..Filter::default() },
        Filter { kinds: text("SYSCALL"), success: Some(true), ..Filter::default() },
        Filter { auids: vec![0], sessions: vec![u32::MAX], ..Filter::default() },
        Filter { pids: vec![7], uids: vec![0], syscalls: calls("257"), ..Filter::default() },
        Filter { syscalls: calls("openat"), ..Filter::default() },
        Filter { paths: HostPath::new("/var/phi").into_iter().collect(), ..Filter::default() },
    ];
    for filter in &filters {
        let sieve = filter.sieve();
        for event in events.iter().filter(|event| filter.finds(event) != Finds::No) {
            let wants = |line| {
                phi_ir::records::audit_log::record(line).is_some_and(|record| sieve.wants(record.kind, line))
            };
            assert!(event.lines().any(|(line, _)| wants(line)), "the sieve lost it: {filter:?}");
        }
    }
}
