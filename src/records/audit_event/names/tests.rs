//! Names from recorded and made-up events: relative ones, moved ones, and those of other folders.

use super::*;
use crate::records::audit_event::Event;
use crate::records::audit_event::items::sorted;
use crate::records::audit_event::operation::read;

/// Resolves and learns the event of these lines, as the view does.
fn resolved(names: &mut Names, lines: &[&str]) -> Vec<(String, &'static str)> {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let (kind, body) = line.split_once(' ').unwrap();
            format!("type={kind} msg=audit(1.0:1): {body}")
        })
        .collect();
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let event = Event::of(&lines).unwrap();
    let call = event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default();
    let items = sorted(event.records());
    let operation = read(&call, &items, None);
    let around = Around {
        system: (0, 0),
        cwd: event.record("CWD").and_then(|record| record.text("cwd")),
        cmdline: event.record("PROCTITLE").and_then(|record| record.text("proctitle")),
        call,
    };
    let found = names.resolve(&operation, &items, &around);
    names.learn(&operation, &items, &found, &around);
    found
        .iter()
        .map(|named| (String::from_utf8_lossy(&named.path).into_owned(), named.found.word()))
        .collect()
}

fn at(path: &str, how: &'static str) -> (String, &'static str) {
    (path.to_owned(), how)
}

fn file(inode: u64) -> FileId {
    FileId { system: 0, major: 8, minor: 1, inode }
}

const UNLINKAT: [&str; 4] = [
    "SYSCALL arch=c000003e syscall=263 success=yes exit=0 a0=4 a1=7f a2=0 items=2 pid=9 exe=\"/usr/bin/rm\"",
    "CWD cwd=\"/root\"",
    "PATH item=0 name=\"/root\" inode=100 dev=08:01 mode=040755 nametype=PARENT",
    "PATH item=1 name=\"mrn-7.txt\" inode=107 dev=08:01 mode=0100640 nametype=DELETE",
];

#[test]
fn a_bare_name_is_joined_to_the_directory_that_its_inode_is_and_never_to_the_working_directory() {
    // Written from documentation: audit-kernel issues 9, 95 and 116.
    let mut names = Names::default();
    assert_eq!(resolved(&mut names, &UNLINKAT)[1], at("?/mrn-7.txt", "unresolved"));
    names.know(file(100), b"/srv/phi/");
    assert_eq!(resolved(&mut names, &UNLINKAT), [at("/srv/phi", "inode"), at("/srv/phi/mrn-7.txt", "inode")]);
    // What the kernel said of the directory taught nothing.
    assert_eq!(names.path_of(file(100)).unwrap(), b"/srv/phi");
    assert_eq!(names.path_of(file(107)), None);
}

#[test]
fn the_directory_is_learned_from_an_earlier_event_and_not_from_a_wrong_name() {
    let mut names = Names::default();
    resolved(&mut names, &UNLINKAT);
    assert_eq!(names.path_of(file(100)), None);
    resolved(
        &mut names,
        &[
            "SYSCALL arch=c000003e syscall=87 success=yes exit=0 items=2 pid=8 exe=\"/usr/bin/rm\"",
            "CWD cwd=\"/root\"",
            "PATH item=0 name=\"/srv/phi/\" inode=100 dev=08:01 mode=040755 nametype=PARENT",
            "PATH item=1 name=\"/srv/phi/a\" inode=101 dev=08:01 mode=0100640 nametype=DELETE",
        ],
    );
    assert_eq!(resolved(&mut names, &UNLINKAT)[1], at("/srv/phi/mrn-7.txt", "inode"));
    // A working directory, where that is what a bare name begins at.
    let found = resolved(
        &mut names,
        &[
            "SYSCALL arch=c000003e syscall=263 success=yes exit=0 a0=ffffffffffffff9c a2=0 items=2 pid=8 exe=\"/usr/bin/rm\"",
            "CWD cwd=\"/srv/b\"",
            "PATH item=0 name=\"/srv/b\" inode=200 dev=08:01 mode=040755 nametype=PARENT",
            "PATH item=1 name=\"x\" inode=201 dev=08:01 mode=0100640 nametype=DELETE",
        ],
    );
    assert_eq!(found[1], at("/srv/b/x", "cwd"));
    assert_eq!(names.path_of(file(200)).unwrap(), b"/srv/b");
}

const OPENS: [&str; 3] = [
    "SYSCALL arch=c000003e syscall=257 success=yes exit=4 a0=ffffff9c a1=7f a2=90000 items=1 pid=9 exe=\"/usr/bin/rm\"",
    "CWD cwd=\"/root\"",
    "PATH item=0 name=\"/srv/phi\" inode=100 dev=08:01 mode=040755 nametype=NORMAL",
];
const READS: [&str; 3] = [
    "SYSCALL arch=c000003e syscall=257 success=yes exit=5 a0=4 a1=7f a2=0 items=1 pid=9 exe=\"/usr/bin/rm\"",
    "CWD cwd=\"/root\"",
    "PATH item=0 name=\"mrn-9.txt\" inode=109 dev=08:01 mode=0100640 nametype=NORMAL",
];

#[test]
fn an_inode_is_better_than_a_descriptor_and_a_descriptor_better_than_nothing() {
    let mut names = Names::default();
    resolved(&mut names, &OPENS);
    assert_eq!(resolved(&mut names, &READS)[0], at("/srv/phi/mrn-9.txt", "fd"));
    // The number is of another program's now.
    let other: Vec<String> =
        READS.iter().map(|line| line.replace("/usr/bin/rm", "/usr/bin/tar").replace("109", "110")).collect();
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    assert_eq!(resolved(&mut names, &other)[0].1, "unresolved");
    let mut names = Names::default();
    names.know(file(109), b"/srv/phi/ward/mrn-9.txt");
    resolved(&mut names, &OPENS);
    assert_eq!(resolved(&mut names, &READS)[0], at("/srv/phi/ward/mrn-9.txt", "inode"));
}

#[test]
fn a_descriptor_holds_until_its_number_is_used_again() {
    let mut names = Names::default();
    resolved(&mut names, &OPENS);
    resolved(
        &mut names,
        &[
            "SYSCALL arch=c000003e syscall=257 success=yes exit=4 a0=7 a1=7f a2=90000 items=1 pid=9 exe=\"/usr/bin/rm\"",
            "PATH item=0 name=\"unknown\" inode=300 dev=08:01 mode=040755 nametype=NORMAL",
        ],
    );
    assert_eq!(resolved(&mut names, &READS)[0].1, "unresolved");
}

#[test]
fn the_command_line_is_a_hint_and_several_directories_are_none() {
    let mut names = Names::default();
    let mut lines = READS.to_vec();
    // rm -r /srv/phi
    lines.push("PROCTITLE proctitle=726D002D72002F7372762F706869");
    assert_eq!(resolved(&mut names, &lines)[0], at("/srv/phi/?/mrn-9.txt", "cmdline"));
    *lines.last_mut().unwrap() = "PROCTITLE proctitle=6D76002F61002F7372762F706869";
    assert_eq!(resolved(&mut names, &lines)[0].1, "unresolved");
}

#[test]
fn a_number_that_is_deleted_is_none_of_the_file_any_more_and_one_made_anew_is_another() {
    let mut names = Names::default();
    names.know(file(100), b"/srv/phi");
    names.know(file(107), b"/srv/phi/mrn-7.txt");
    resolved(&mut names, &UNLINKAT);
    assert_eq!(names.path_of(file(107)), None);
    resolved(
        &mut names,
        &[
            "SYSCALL arch=c000003e syscall=257 success=yes exit=4 a0=ffffff9c a2=241 items=2 pid=9 exe=\"/bin/sh\"",
            "CWD cwd=\"/tmp\"",
            "PATH item=0 name=\"/tmp\" inode=1 dev=08:01 mode=041777 nametype=PARENT",
            "PATH item=1 name=\"note\" inode=107 dev=08:01 mode=0100640 nametype=CREATE",
        ],
    );
    assert_eq!(names.path_of(file(107)).unwrap(), b"/tmp/note");
}

/// Done with mv, rm, find, ln and python3 under `-w /var/phi -p rwa -k phi`: `fixtures/audit/names.log`.
const REAL: &[u8] = include_bytes!("../../../../fixtures/audit/names.log");

/// The events of the fixture in the order of their numbers, with the paths of all that is no parent.
fn real(names: &mut Names) -> Vec<String> {
    let mut events: std::collections::BTreeMap<u64, Vec<&[u8]>> = std::collections::BTreeMap::new();
    for line in REAL.split(|byte| *byte == b'\n') {
        if let Some(record) =
            crate::records::audit_log::record(line).filter(|record| !record.kind.starts_with(b"DAEMON"))
        {
            events.entry(record.id.serial).or_default().push(line);
        }
    }
    let mut told = Vec::new();
    for lines in events.values() {
        let event = Event::of(lines).unwrap();
        let Some(call) = event.records().find_map(|record| Syscall::of(&record)) else { continue };
        let items = sorted(event.records());
        let operation = read(&call, &items, None);
        let around = Around {
            system: (0, 0),
            cwd: event.record("CWD").and_then(|record| record.text("cwd")),
            cmdline: event.record("PROCTITLE").and_then(|record| record.text("proctitle")),
            call,
        };
        let found = names.resolve(&operation, &items, &around);
        names.learn(&operation, &items, &found, &around);
        let paths: Vec<String> = items
            .iter()
            .zip(&found)
            .filter(|(item, _)| item.kind != NameType::Parent)
            .map(|(_, named)| format!("{} {}", String::from_utf8_lossy(&named.path), named.found.word()))
            .collect();
        told.push(format!("{} {}: {}", operation.op.word(), operation.outcome.word(), paths.join(", ")));
    }
    told
}

#[test]
fn real_events_of_rm_find_mv_and_python_get_the_paths_that_they_had() {
    let told = real(&mut Names::default());
    for expected in [
        "read ok: /var/phi/records/Anna Berg.txt cwd",
        "append ok: /var/phi/records/mrn-2.txt exact",
        // mv FILE DIRECTORY/: the new name by a descriptor, with the new directory logged first.
        "rename ok: /var/phi/records/mrn-6.txt exact, /var/phi/out/mrn-6.txt inode",
        // rm -r
        "delete ok: /var/phi/records/ward/w2.txt inode",
        "list ok: /var/phi/records/ward/a fd",
        "delete ok: /var/phi/records/ward/a/w1.txt inode",
        "rmdir ok: /var/phi/records/ward/a inode",
        // find -delete
        "delete ok: /var/phi/scans/2.dcm inode",
        "delete ok: /var/phi/scans/s/1.dcm inode",
        // python3, os.*(…, dir_fd=…)
        "delete ok: /var/phi/records/mrn-8.txt inode",
        "rename ok: /var/phi/records/mrn-9.txt inode, /var/phi/records/mrn-9b.txt inode",
        "link ok: /var/phi/records/mrn-9b.txt inode, /var/phi/records/alias.txt inode",
        "chmod ok: /var/phi/records/mrn-9b.txt inode",
        "rename failed: ",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{}", told.join("\n"));
    }
    assert!(!told.iter().any(|line| line.contains("/root/")), "{}", told.join("\n"));
}

#[test]
fn spoilt_lines_do_no_harm() {
    let end = REAL.len().min(4_000);
    crate::records::mishaps::Mishaps::of(&REAL[..end]).rounds(100).each(|log| {
        let mut names = Names::default();
        for line in log.split(|byte| *byte == b'\n') {
            let Some(event) = Event::of(&[line]) else { continue };
            let items = sorted(event.records());
            let around = Around {
                call: event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default(),
                ..Around::default()
            };
            let operation = read(&around.call, &items, None);
            let found = names.resolve(&operation, &items, &around);
            names.learn(&operation, &items, &found, &around);
        }
    });
}
