//! Made-up records in shapes that other readers lose: written from documentation.

use super::order::read;
use super::*;
use crate::records::audit_event::Steady;
use crate::records::auth_text::Key;

/// The rows of a log as it is read from its file.
fn rows_of(log: &str) -> Vec<AccessRow> {
    let mut access = Access::new(question(), &[]);
    let (mut rows, sieve) = (Vec::new(), access.sieve());
    read(Steady(sieve), log.as_bytes(), &mut |event| access.take(&event, &mut |row| rows.push(row)));
    access.finish(&mut |row| rows.push(row));
    rows
}

#[test]
fn a_call_that_took_long_has_key_and_file_though_others_stand_between() {
    let log = opening(1_000, 7, "", "/var/phi/a", 5);
    let between = "type=USER_CMD msg=audit(1003.300:8): pid=2 msg='cmd=\"x\" res=success'\ntype=CWD";
    let rows = rows_of(&log.replacen("type=CWD", between, 1));
    assert_eq!(told(&rows), ["read ok /var/phi/a"]);
    assert_eq!(rows[0].phi_by, ["key", "path"]);
}

/// mv(1) with a folder as its end, and a file of that name in it: renameat2 without replacing, of which only the folders are
/// logged; then a name that is free, relative to the descriptor of the folder. CWD lies in both.
const MOVED: [(&str, &[&str]); 3] = [
    (
        "syscall=257 success=yes exit=4 a0=ffffff9c a1=7f a2=210000 a3=0 items=1",
        &["name=\"/var/phi/out\" inode=100 dev=08:01 mode=040755 nametype=NORMAL"],
    ),
    (
        "syscall=316 success=no exit=-17 a0=ffffff9c a1=7f a2=4 a3=7f items=2",
        &[
            "name=\"/root\" inode=100 dev=08:01 mode=040755 nametype=PARENT",
            "name=\"/srv/in/\" inode=200 dev=08:01 mode=040755 nametype=PARENT",
        ],
    ),
    (
        "syscall=316 success=yes exit=0 a0=ffffff9c a1=7f a2=4 a3=7f items=4",
        &[
            "name=\"/root\" inode=100 dev=08:01 mode=040755 nametype=PARENT",
            "name=\"/srv/in/\" inode=200 dev=08:01 mode=040755 nametype=PARENT",
            "name=\"/srv/in/b\" inode=55 dev=08:01 mode=0100640 nametype=DELETE",
            "name=\"b-2\" inode=55 dev=08:01 mode=0100640 nametype=CREATE",
        ],
    ),
];

fn moved() -> String {
    let event = |(serial, (call, paths)): (usize, &(&str, &[&str]))| {
        let id = format!("msg=audit(1010.000:{serial})");
        let path = |(item, path): (usize, &&str)| format!("type=PATH {id}: item={item} {path}\n");
        let paths: String = paths.iter().enumerate().map(path).collect();
        format!(
            "type=SYSCALL {id}: arch=c000003e {call} pid=9 auid=1002 ses=7 exe=\"/usr/bin/mv\" key=\"phi\"\n\
             type=CWD {id}: cwd=\"/root\"\n{paths}"
        )
    };
    (10..).zip(&MOVED).map(event).collect()
}

#[test]
fn a_renaming_that_found_the_name_taken_changes_nothing_and_the_next_one_is_in_the_folder_of_its_descriptor()
{
    let there = |second, serial| opening(second, serial, "", "/var/phi/out/b", 77);
    let later = opening(1_030, 30, "", "/mnt/x", 55).replace("key=\"phi\"", "key=(null)");
    let rows = rows_of(&[there(1_000, 1), moved(), there(1_020, 20), later].concat());
    let told = told(&rows);
    for expected in [
        "handle ok /var/phi/out",
        "rename failed /var/phi/out",
        "rename ok /srv/in/b -> /var/phi/out/b-2",
        "read ok /var/phi/out/b",
        "read ok /mnt/x",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{}", told.join("\n"));
    }
    assert_eq!(told.len(), 5, "the file that stood there was read before and after: {told:?}");
    let failed = rows.iter().find(|row| row.outcome == "failed").unwrap();
    assert_eq!((failed.errno.as_deref(), failed.inode, &failed.new_path), (Some("EEXIST"), Some(100), &None));
    let done = rows.iter().find(|row| row.op == "rename" && row.outcome == "ok").unwrap();
    assert_eq!((done.inode, done.overwritten_inode), (Some(55), None));
    // As it was recorded: mv to a folder, whose name is tried as that of the file first.
    let (real, _) = answer(question(), &[], REAL);
    let taken: Vec<&AccessRow> = real.iter().filter(|row| row.errno.as_deref() == Some("EEXIST")).collect();
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|row| row.op == "rename" && row.outcome == "failed" && row.new_path.is_none()));
}

#[test]
fn what_comes_into_a_folder_is_told_by_both_names_and_with_what_it_destroys() {
    let event = |call: &str, paths: &[&str]| {
        let id = "msg=audit(1010.000:5)";
        let path = |(item, path): (usize, &&str)| {
            format!("type=PATH {id}: item={item} {path} dev=08:01 mode=0100640\n")
                .replace(" kind", " nametype")
        };
        let paths: String = paths.iter().enumerate().map(path).collect();
        let call = format!("type=SYSCALL {id}: arch=c000003e {call} success=yes exit=0 pid=9 key=\"phi\"\n");
        rows_of(&format!("{call}type=CWD {id}: cwd=\"/\"\n{paths}")).remove(0)
    };
    let (old, new) = ("name=\"/srv/b\" inode=55 kind=DELETE", "name=\"/var/phi/b\" inode=55 kind=CREATE");
    let victim = "name=\"/var/phi/b\" inode=77 kind=DELETE";
    let row = event("syscall=82", &[old, victim, new]);
    assert_eq!(told(std::slice::from_ref(&row)), ["rename ok /srv/b -> /var/phi/b"]);
    assert_eq!(
        (row.inode, row.overwritten_inode, &row.phi_by[..]),
        (Some(55), Some(77), &["key", "path"][..])
    );
    // Exchanged, the one that left is what is told.
    let row = event("syscall=316", &[old, victim, new, "name=\"/srv/b\" inode=77 kind=CREATE"]);
    assert_eq!(told(std::slice::from_ref(&row)), ["rename ok /var/phi/b -> /srv/b"]);
    assert_eq!((row.inode, row.overwritten_inode), (Some(77), None));
    let row = event("syscall=86", &["name=\"/srv/b\" inode=55 kind=NORMAL", new]);
    assert_eq!(told(&[row]), ["link ok /srv/b -> /var/phi/b"]);
}

#[test]
fn one_of_several_keys_is_matched_whole_and_a_quoted_number_is_a_name() {
    let with = |key: &str| rows_of(&opening(1_000, 1, "", "/x", 5).replace("\"phi\"", key));
    // a, 0x01, phi; then phi_x.
    assert_eq!(with("6101706869")[0].keys, ["a", "phi"]);
    assert_eq!((with("61017068695F78").len(), with("\"phi_x\"").len()), (0, 0));
    let named = |name: &str| {
        let log =
            opening(1_000, 1, "", "N", 5).replace("\"N\"", name).replace("cwd=\"/root\"", "cwd=\"/var/phi\"");
        told(&rows_of(&log))
    };
    assert_eq!(
        (named("\"41\""), named("41")),
        (vec!["read ok /var/phi/41".into()], vec!["read ok /var/phi/A".into()])
    );
}

#[test]
fn equal_numbers_of_two_machines_are_two_accesses() {
    let of = |node: &str| {
        let log = opening(1_000, 1, "", "/var/phi/a", 5);
        log.lines().map(|line| format!("node={node} {line}\n")).collect::<Vec<_>>()
    };
    // As a server of logs writes them: by turns.
    let log: String = of("a").into_iter().zip(of("b")).flat_map(|(a, b)| [a, b]).collect();
    let rows = rows_of(&log);
    let mut found: Vec<(&str, u64)> = rows.iter().map(|row| (row.node.as_str(), row.count)).collect();
    found.sort_unstable();
    assert_eq!(found, [("a", 1), ("b", 1)]);
}

#[test]
fn a_name_of_twelve_thousand_bytes_is_told_whole() {
    let name = format!("/var/phi/{}", "x y".repeat(4_000));
    let hex: String = name.bytes().map(|byte| format!("{byte:02X}")).collect();
    let log = opening(1_000, 1, "", "N", 5)
        .replace("\"N\" inode=5", &hex)
        .replace("success=yes exit=3", "success=no exit=-36");
    let rows = rows_of(&log);
    assert_eq!(told(&rows), [format!("read failed {name}")]);
    assert_eq!(rows[0].errno.as_deref(), Some("ENAMETOOLONG"));
}

#[test]
fn an_access_on_one_machine_is_nobodys_who_was_logged_in_on_another() {
    let on = |host: &str, ses: u32, address: &str| {
        let session = session(ses, address, 900, None);
        Session { host: host.as_bytes().to_vec(), user: host.as_bytes().to_vec(), ..session }
    };
    let row = |node: &str, sessions: &[Session], ended: bool| {
        let second = if ended { 5_000 } else { 1_000 };
        let log = opening(second, 1, "", "/var/phi/a", 5);
        let lines: Vec<&[u8]> = log.trim_end().split('\n').map(str::as_bytes).collect();
        let mut event = Event::of(&lines).unwrap();
        event.node = node.as_bytes().to_vec();
        let (mut access, mut rows) = (Access::new(question(), sessions), Vec::new());
        access.take(&event, &mut |row| rows.push(row));
        access.finish(&mut |row| rows.push(row));
        rows.remove(0)
    };
    let told = |node: &str, sessions: &[Session]| {
        let row = row(node, sessions, false);
        (row.actor.label, row.source.map(|source| source.addr), row.actor.auid_name)
    };
    let (a, b) = (on("hosta", 7, "192.0.2.7"), on("hostb.example.org", 7, "198.51.100.9"));
    let certain = |address: &str, name: &str| ("A1", Some(address.to_owned()), name.to_owned());
    assert_eq!(told("hostb", std::slice::from_ref(&a)), ("D", None, String::new()));
    let both = [a.clone(), b.clone()];
    assert_eq!(told("hosta", &both), certain("192.0.2.7", "hosta"));
    assert_eq!(told("HOSTB", &both), certain("198.51.100.9", "hostb.example.org"));
    // Where the log names no machine, either may be meant.
    assert_eq!(told("", &both).0, "C");
    assert_eq!(told("hostb", &[on("", 7, "192.0.2.7")]).0, "A1");
    // A session of a text, whose boot is not known, is not hidden by one of another machine.
    let of_text = Session { epoch: None, ..b.clone() };
    assert_eq!(told("hostb", &[a, of_text]).0, "B");
    // Nor are those who were on another machine among the candidates, or a sign that the account is shared.
    let ended = Session { end: Some(Timestamp::from_unix(1_500, 0)), ..b };
    let row = row("hostb", &[on("hosta", 9, "192.0.2.7"), ended], true);
    assert_eq!((row.actor.label, row.candidates_total), ("C", 1));
    assert!(!row.actor.flags.contains(&"shared_account"));
}

/// Written from documentation (kernel/audit_watch.c, `audit_watch_log_rule_change`; kernel/audit_tree.c,
/// `audit_tree_log_remove_rule`): since Linux 5.1 they stand in the event of the call that made them.
#[test]
fn who_destroys_what_a_rule_watches_is_told_though_the_rule_changes_in_the_same_event() {
    let event = |call: &str, changes: &[&str], paths: &[&str]| {
        let id = "msg=audit(1010.000:5)";
        let change = |what: &&str| format!("type=CONFIG_CHANGE {id}: auid=1002 ses=7 {what} list=4 res=1\n");
        let path = |(item, path): (usize, &&str)| format!("type=PATH {id}: item={item} {path}\n");
        format!(
            "{}type=SYSCALL {id}: arch=c000003e {call} success=yes exit=0 pid=9 auid=1002 ses=7 key=(null)\n\
             type=CWD {id}: cwd=\"/root\"\n{}",
            changes.iter().map(change).collect::<String>(),
            paths.iter().enumerate().map(path).collect::<String>()
        )
    };
    let parent = "name=\"/var/\" inode=1 dev=08:01 mode=040755 nametype=PARENT";
    let gone = |mode: &str| format!("name=\"/var/phi\" inode=5 dev=08:01 mode={mode} nametype=DELETE");
    let removed = "op=remove_rule dir=\"/var/phi\" key=\"phi\"";
    let updated = "op=updated_rules path=\"/var/phi\" key=\"phi\"";
    let new = "name=\"/var/phi\" inode=6 dev=08:01 mode=0100640 nametype=CREATE";
    let old = "name=\"/var/new\" inode=6 dev=08:01 mode=0100640 nametype=DELETE";
    let (file, folder) = (gone("0100640"), gone("040755"));
    for (event, expected) in [
        (event("syscall=84", &[removed, removed], &[parent, &folder]), "rmdir ok /var/phi"),
        (event("syscall=87", &[updated], &[parent, &file]), "delete ok /var/phi"),
        (
            event("syscall=82", &[updated], &[parent, parent, old, &file, new]),
            "rename ok /var/new -> /var/phi",
        ),
    ] {
        assert_eq!(told(&rows_of(&event)), [expected], "{event}");
        // And it parts what is before it from what is behind it.
        let same = |second, serial| opening(second, serial, "", "/var/phi/a", 7);
        assert_eq!(rows_of(&[same(1_000, 1), event, same(1_020, 9)].concat()).len(), 3);
    }
    // A rule that is told to the kernel names the folder, and touches nothing in it.
    let name = "name=\"/var/phi\" inode=5 dev=08:01 mode=040755 nametype=NORMAL";
    let sent = event("syscall=44", &["op=add_rule key=\"phi\""], &[name]);
    assert!(rows_of(&sent).is_empty());
}

/// The rows, and the actors, of a log that names its machines (auditd.conf(5), `name_format`), with these sessions.
fn of_machines(log: &str, sessions: &[Session]) -> (Vec<AccessRow>, Counted) {
    let mut access = Access::new(question(), sessions);
    let (mut rows, sieve) = (Vec::new(), access.sieve());
    read(Steady(sieve), log.as_bytes(), &mut |event| access.take(&event, &mut |row| rows.push(row)));
    let counted = access.finish(&mut |row| rows.push(row));
    (rows, counted)
}

fn on(machine: &str, second: i64, serial: u32) -> String {
    opening(second, serial, "", "/var/phi/a", 5).replace("type=", &format!("node={machine} type="))
}

/// Written from documentation.
#[test]
fn an_identity_is_called_as_on_its_own_machine_in_the_summary_too() {
    let log_in = |host: &[u8], user: &[u8], start| Session {
        host: host.to_vec(),
        user: user.to_vec(),
        ..session(7, "192.0.2.7", start, None)
    };
    let sessions = [log_in(b"hosta", b"ann", 900), log_in(b"hostb", b"bob", 950)];
    let (_, counted) = of_machines(&(on("hosta", 1_000, 1) + &on("hostb", 1_001, 1)), &sessions);
    let names: Vec<&str> = counted.actors.iter().map(|actor| actor.auid_name.as_str()).collect();
    assert_eq!(names, ["ann", "bob"]);
}

/// Written from documentation.
#[test]
fn many_sessions_of_other_machines_hide_none_that_was_open_on_this_one() {
    let of = |host: &[u8], ses, start, end| Session {
        host: host.to_vec(),
        ..session(ses, "192.0.2.7", start, end)
    };
    let mut sessions = vec![of(b"hosta", 7, 1_000, Some(1_500)), of(b"hosta", 9, 1_100, None)];
    sessions.extend((0..300).map(|at| of(b"hostb", 100 + at, 1_600, None)));
    let (rows, _) = of_machines(&on("hosta", 2_000, 1), &sessions);
    let candidates: Vec<Option<u32>> = rows[0].candidates.iter().map(|source| source.ses).collect();
    assert_eq!((candidates, rows[0].candidates_total), (vec![Some(9), Some(7)], 2));
}

/// Written from documentation.
#[test]
fn a_key_that_is_not_known_is_no_other_key() {
    let of = |ses, key: Option<&[u8]>| Session {
        key: key.map(|key| Key { fingerprint: key.to_vec(), ..Key::default() }),
        ..session(ses, "192.0.2.7", 900, None)
    };
    let is_shared = |one, other| {
        let log = opening(1_000, 1, "", "/var/phi/a", 5);
        let rows = answer(question(), &[of(7, one), of(9, other)], log.as_bytes()).0;
        rows[0].actor.flags.contains(&"shared_account")
    };
    let (one, other) = (Some(&b"SHA256:one"[..]), Some(&b"SHA256:other"[..]));
    assert!(is_shared(one, other));
    assert!(!is_shared(one, one) && !is_shared(one, None) && !is_shared(None, None));
}
