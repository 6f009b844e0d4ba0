//! What is asked for, and what cannot be decided. Written from documentation (linux/io_uring.h, kernel/auditsc.c
//! `audit_log_uring`, rename(2), link(2)).

use super::*;

/// Counts of an answer: in rows, undecided, left out.
fn counts(filter: Filter, log: &str) -> [u64; 3] {
    let totals = answer(Question { filter, ..question() }, &[], log.as_bytes()).1.totals;
    [totals.classified, totals.undecided, totals.filtered]
}

fn of_user(auid: Option<u32>) -> Filter {
    Filter { auids: vec![auid], ..Filter::default() }
}

fn of_op(op: Op) -> Filter {
    Filter { ops: vec![op], ..Filter::default() }
}

fn below(path: &str) -> Filter {
    Filter { paths: vec![path.as_bytes().to_vec()], ..Filter::default() }
}

/// A file that is removed by io_uring.
fn uring(second: i64, serial: u32, number: u32, who: &str) -> String {
    format!(
        "type=URINGOP msg=audit({second}.000:{serial}): uring_op={number} success=yes exit=0 items=1 {who} gid=1002 euid=1002 suid=1002 \
         fsuid=1002 egid=1002 sgid=1002 fsgid=1002 key=\"phi\"\n\
         type=PATH msg=audit({second}.000:{serial}): item=0 name=\"/var/phi/a\" inode=5 dev=08:01 mode=0100640 ouid=0 ogid=0 nametype=DELETE\n"
    )
}

#[test]
fn of_io_uring_the_login_identity_is_unknown_and_not_nobody() {
    let log = uring(100, 1, 36, "ppid=1 pid=50 uid=1002");
    let row = &answer(question(), &[], log.as_bytes()).0[0];
    assert_eq!((row.actor.auid, row.actor.flags.as_slice()), (None, &["identity_not_logged"][..]));
    assert_eq!(counts(of_user(Some(1002)), &log), [0, 1, 0]);
    assert_eq!(counts(of_user(None), &log), [0, 1, 0]);
    // The same process said who it is; another one that has its number by now did not.
    let before = opening(90, 0, "", "/var/phi/b", 6);
    let told = |who: &str| {
        let log = format!("{before}{}", uring(100, 1, 36, who));
        let row = answer(question(), &[], log.as_bytes()).0.remove(1);
        (row.actor.auid, row.actor.flags)
    };
    assert_eq!(told("ppid=1 pid=50 uid=1002"), (Some(1002), vec!["identity_by_process"]));
    for other in ["ppid=1 pid=50 uid=1001", "ppid=2 pid=50 uid=1002"] {
        assert_eq!(told(other), (None, vec!["identity_not_logged"]), "{other}");
    }
    assert_eq!(
        counts(of_user(Some(1001)), &(before + &uring(100, 1, 36, "ppid=1 pid=50 uid=1002"))),
        [0, 0, 2]
    );
}

#[test]
fn what_an_opening_without_its_flags_did_is_undecided() {
    let log = uring(100, 1, 18, "ppid=1 pid=50 uid=1002").replace("nametype=DELETE", "nametype=NORMAL");
    assert_eq!(counts(of_op(Op::Read), &log), [0, 1, 0]);
    let openat2 = opening(100, 1, "", "/var/phi/a", 5).replace("syscall=257", "syscall=437");
    assert_eq!(counts(of_op(Op::Read), &openat2), [0, 1, 0]);
    let told = opening(100, 1, "", "/var/phi/a", 5);
    assert_eq!((counts(of_op(Op::Read), &told), counts(of_op(Op::Write), &told)), ([1, 0, 0], [0, 0, 1]));
    // A call that is no opening is nothing else either.
    let stat = told.replace("syscall=257", "syscall=262");
    assert_eq!(counts(of_op(Op::Read), &stat), [0, 0, 1]);
}

/// A renaming, of which files these are: those that were there, and those that are there now.
fn named(second: i64, serial: u32, call: u32, items: &[(&str, u64, &str, &str)]) -> String {
    let path = |(at, (name, inode, mode, kind)): (usize, &(&str, u64, &str, &str))| {
        format!(
            "type=PATH msg=audit({second}.000:{serial}): item={at} name=\"{name}\" inode={inode} dev=08:01 mode={mode} ouid=0 ogid=0 nametype={kind}\n"
        )
    };
    let call = format!(
        "type=SYSCALL msg=audit({second}.000:{serial}): arch=c000003e syscall={call} success=yes exit=0 a0=1 a1=2 a2=0 a3=0 items={} \
         ppid=1 pid=50 auid=1002 uid=1002 gid=1002 euid=1002 fsuid=1002 ses=7 comm=\"x\" exe=\"/usr/bin/x\" key=\"phi\"\n",
        items.len()
    );
    let paths: String = items.iter().enumerate().map(path).collect();
    format!("{call}type=CWD msg=audit({second}.000:{serial}): cwd=\"/root\"\n{paths}")
}

const RENAME: u32 = 82;
const LINK: u32 = 86;
const UNLINK: u32 = 87;
const CHMOD: u32 = 90;

#[test]
fn what_a_renaming_destroyed_was_deleted() {
    let log = named(
        100,
        1,
        RENAME,
        &[
            ("/tmp/x", 9, "0100640", "DELETE"),
            ("/var/phi/a", 5, "0100640", "DELETE"),
            ("/var/phi/a", 9, "0100640", "CREATE"),
        ],
    );
    assert_eq!(counts(of_op(Op::Delete), &log), [1, 0, 0]);
    let alone = named(
        100,
        1,
        RENAME,
        &[("/var/phi/b", 9, "0100640", "DELETE"), ("/var/phi/a", 9, "0100640", "CREATE")],
    );
    assert_eq!(counts(of_op(Op::Delete), &alone), [0, 0, 1]);
}

#[test]
fn a_file_is_asked_for_by_whatever_name_it_is_met() {
    let asked = || below("/var/phi/a");
    let first = opening(100, 1, "", "/var/phi/a", 5);
    // Through a link, the kernel logs the link's name and the file's inode.
    assert_eq!(counts(asked(), &(first.clone() + &opening(101, 2, "", "/tmp/link", 5))), [2, 0, 0]);
    assert_eq!(counts(asked(), &(first + &opening(101, 2, "", "/var/phi/b", 6))), [1, 0, 1]);
    // Where no name tells, it may be that file.
    assert_eq!(counts(asked(), &opening(101, 2, "", "/tmp/link", 5)), [0, 1, 0]);
}

#[test]
fn a_link_out_of_the_folder_is_phi_when_the_first_name_is_gone() {
    let link = named(
        100,
        1,
        LINK,
        &[
            ("/var/phi/a", 5, "0100640", "NORMAL"),
            ("/tmp/", 2, "041777", "PARENT"),
            ("/tmp/b", 5, "0100640", "CREATE"),
        ],
    );
    let gone = named(
        101,
        2,
        UNLINK,
        &[("/var/phi/", 3, "040750", "PARENT"), ("/var/phi/a", 5, "0100640", "DELETE")],
    );
    let read = opening(102, 3, "", "/tmp/b", 5).replace("key=\"phi\"", "key=\"opens\"");
    let rows = answer(question(), &[], (link + &gone + &read).as_bytes()).0;
    assert_eq!(told(&rows)[2..], ["read ok /tmp/b".to_owned()]);
    // So it is where a listing says that there are two names.
    let known = |names: u32| {
        let (mut access, mut rows) = (Access::new(question(), &[]), Vec::new());
        access.know(FileId { system: 0, major: 8, minor: 1, inode: 5 }, b"/var/phi/a", names);
        for event in events((gone.clone() + &read).as_bytes()) {
            access.take(&event, &mut |row| rows.push(row));
        }
        access.finish(&mut |row| rows.push(row));
        rows.len()
    };
    assert_eq!((known(2), known(1)), (2, 1));
}

#[test]
fn a_folder_that_was_moved_out_is_counted() {
    let moved = |to: &str| {
        let items = [("/var/phi/sub", 8, "040750", "DELETE"), (to, 8, "040750", "CREATE")];
        answer(question(), &[], named(100, 1, RENAME, &items).as_bytes()).1.totals.moved_out
    };
    assert_eq!((moved("/tmp/sub"), moved("/var/phi/other")), (1, 0));
}

#[test]
fn a_phi_folder_keeps_its_accesses_while_a_folder_above_it_has_another_name() {
    let asked = Question::of(vec![b"/srv/data/phi".to_vec()], vec![]);
    let moved = |second: i64, from: &str, to: &str| {
        let items = [(from, 11, "040755", "DELETE"), (to, 11, "040755", "CREATE")];
        named(second, second as u32, RENAME, &items)
    };
    let read = |second: i64, path: &str, inode: u64| opening(second, second as u32, "", path, inode);
    let log = moved(100, "/srv/data", "/srv/d2")
        + &read(101, "/srv/d2/phi/b.txt", 102)
        + &moved(102, "/srv/d2", "/srv/data")
        + &read(103, "/srv/d2/phi/c.txt", 103)
        + &read(104, "/srv/data/phi/d.txt", 104);
    let (rows, counted) = answer(asked, &[], log.as_bytes());
    assert_eq!(told(&rows), ["read ok /srv/d2/phi/b.txt", "read ok /srv/data/phi/d.txt"]);
    assert_eq!(counted.totals.moved_above, 2);
}

#[test]
fn a_name_that_was_refused_counts_from_the_folder_that_was_opened() {
    let list = opening(100, 1, "", "/var/phi", 1).replace("a2=0", "a2=10000").replace("exit=3", "exit=4");
    let refused = opening(101, 2, "", "closed/b", 9)
        .replace("a0=ffffff9c", "a0=4")
        .replace("success=yes exit=3", "success=no exit=-13")
        .replace(" inode=9 dev=08:01 mode=0100640 ouid=0 ogid=0 nametype=NORMAL", " nametype=UNKNOWN")
        .replace("key=\"phi\"", "key=\"refused\"");
    let rows = answer(question(), &[], (list + &refused).as_bytes()).0;
    assert_eq!(told(&rows)[1..], ["read denied /var/phi/closed/b".to_owned()]);
}

#[test]
fn what_is_made_or_taken_away_in_a_phi_folder_is_phi_by_whatever_way_it_was_reached() {
    let log = opening(100, 1, "", "/var/phi", 1)
        + &named(
            101,
            2,
            UNLINK,
            &[("/home/x/", 1, "040755", "PARENT"), ("/home/x/a", 5, "0100640", "DELETE")],
        )
        + &named(
            102,
            3,
            UNLINK,
            &[("/home/y/", 2, "040755", "PARENT"), ("/home/y/b", 6, "0100640", "DELETE")],
        );
    let log = log.replace("key=\"phi\"", "key=\"others\"");
    let rows = answer(question(), &[], log.as_bytes()).0;
    assert_eq!(told(&rows)[1..], ["delete ok /home/x/a".to_owned()]);
    assert_eq!(rows[1].phi_by, ["inode"]);
}

#[test]
fn accesses_that_differ_in_what_decides_are_rows_of_their_own() {
    let chmod = |second: i64, mode: &str| {
        let log = named(second, second as u32, CHMOD, &[("/var/phi/a", 5, "0100640", "NORMAL")]);
        log.replace("a1=2", &format!("a1={mode}"))
    };
    let modes = |log: String| {
        let rows = answer(question(), &[], log.as_bytes()).0;
        rows.into_iter().map(|row| (row.arg_flags_text, row.count)).collect::<Vec<_>>()
    };
    let both = modes(chmod(100, "180") + &chmod(101, "1ff"));
    assert_eq!(both, [("mode 0600".to_owned(), 1), ("mode 0777".to_owned(), 1)]);
    assert_eq!(modes(chmod(100, "180") + &chmod(101, "180")), [("mode 0600".to_owned(), 2)]);
    let failed = |second: i64, to: &str| {
        let items = [("/var/phi/a", 5, "0100640", "DELETE"), (to, 0, "0100640", "CREATE")];
        named(second, second as u32, RENAME, &items).replace("success=yes exit=0", "success=no exit=-18")
    };
    let log = failed(100, "/mnt/usb/a") + &failed(101, "/dev/shm/a");
    let rows = answer(question(), &[], log.as_bytes()).0;
    let targets: Vec<_> = rows.iter().filter_map(|row| row.new_path.as_deref()).collect();
    assert_eq!(targets, ["/mnt/usb/a", "/dev/shm/a"]);
}

#[test]
fn the_files_that_are_asked_for_are_in_the_sum_and_have_a_bound() {
    let knows = |filter: Filter, path: &str| {
        let mut access = Access::new(Question { filter, ..question() }, &[]);
        for inode in 0..60_000 {
            access.know(FileId { system: 0, major: 8, minor: 1, inode }, path.as_bytes(), 1);
        }
        access.weight()
    };
    let (all, below) = (knows(Filter::default(), "/srv/a"), knows(below("/srv"), "/srv/a"));
    let files = below - all;
    assert!((1 << 20..=2 << 20).contains(&files), "{files}");
}
