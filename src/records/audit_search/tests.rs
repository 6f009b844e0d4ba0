//! Filters over made-up and recorded events.

use super::*;

/// From auditd 3.0.9 on Linux 6.18; the machine's own records of a test, its key in two spellings.
const LINES: [&[u8]; 4] = [
    b"type=SYSCALL msg=audit(100.2:7): arch=c000003e syscall=257 success=no exit=-13 pid=21 auid=1002 uid=0 ses=2 \
      comm=\"cat\" exe=\"/usr/bin/cat\" key=6E6574017068695F616363657373",
    b"type=CWD msg=audit(100.2:7): cwd=\"/var/data\"",
    b"type=PATH msg=audit(100.2:7): item=0 name=7068692F6120622E747874 inode=5 nametype=NORMAL",
    b"type=PROCTITLE msg=audit(100.2:7): proctitle=636174",
];

fn found(filter: &Filter, lines: &[&[u8]]) -> bool {
    finds(filter, lines) == Finds::Yes
}

fn text(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn calls(words: &[&str]) -> Calls {
    Calls::of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// What a filter says of an event, which its sieve lets pass if it can be asked for.
fn finds(filter: &Filter, lines: &[&[u8]]) -> Finds {
    let (event, sieve) = (Event::of(lines).unwrap(), filter.sieve());
    let passes = event.lines().zip(event.records()).any(|((line, _), record)| sieve.wants(record.kind, line));
    let finds = filter.finds(&event);
    assert!(passes || finds == Finds::No, "the sieve lost it: {filter:?}");
    finds
}

#[test]
fn each_thing_is_found_and_another_is_not() {
    let under = |path: &str| vec![HostPath::new(path).unwrap()];
    let all = Filter::default;
    let at = |second| Some(Timestamp::from_unix(second, 0));
    let cases = [
        (all(), Filter { since: at(101), ..all() }),
        (Filter { since: at(100), until: at(101), ..all() }, Filter { until: at(100), ..all() }),
        (Filter { keys: text(&["x", "phi_access"]), ..all() }, Filter { keys: text(&["phi"]), ..all() }),
        (Filter { auids: vec![1002], ..all() }, Filter { auids: vec![u32::MAX], ..all() }),
        (Filter { uids: vec![0], ..all() }, Filter { uids: vec![1002], ..all() }),
        (Filter { sessions: vec![2], ..all() }, Filter { sessions: vec![21], ..all() }),
        (Filter { kinds: text(&["PATH"]), ..all() }, Filter { kinds: text(&["LOGIN"]), ..all() }),
        (Filter { syscalls: calls(&["257", "2"]), ..all() }, Filter { syscalls: calls(&["25"]), ..all() }),
        (Filter { success: Some(false), ..all() }, Filter { success: Some(true), ..all() }),
        (Filter { exes: text(&["/usr/bin/cat"]), ..all() }, Filter { exes: text(&["cat"]), ..all() }),
        (Filter { comms: text(&["cat"]), ..all() }, Filter { comms: text(&["ca"]), ..all() }),
        (Filter { pids: vec![21], ..all() }, Filter { pids: vec![2], ..all() }),
        (
            Filter { paths: under("/var/data/phi/a b.txt"), ..all() },
            Filter { paths: under("/var/data/phi/a"), ..all() },
        ),
        (Filter { paths: under("/var/data/phi"), ..all() }, Filter { paths: under("/var/data/ph"), ..all() }),
        (
            Filter { paths: under("/"), pids: vec![21], ..all() },
            Filter { paths: under("/"), pids: vec![1], ..all() },
        ),
    ];
    for (is, is_not) in cases {
        assert!(found(&is, &LINES), "{is:?}");
        assert!(!found(&is_not, &LINES), "{is_not:?}");
    }
}

#[test]
fn what_programs_say_is_searched_too() {
    // Written from documentation.
    let login: &[u8] = b"type=USER_LOGIN msg=audit(1.0:7): pid=9 uid=0 auid=4294967295 ses=4294967295 \
        msg='op=login acct=\"eve\" exe=\"/usr/sbin/sshd\" hostname=? addr=127.0.0.66 terminal=ssh res=failed'";
    let all = Filter::default;
    assert!(found(&Filter { hosts: text(&["127.0.0.66"]), success: Some(false), ..all() }, &[login]));
    assert!(found(&Filter { exes: text(&["/usr/sbin/sshd"]), auids: vec![u32::MAX], ..all() }, &[login]));
    assert!(!found(&Filter { hosts: text(&["127.0.0.6"]), ..all() }, &[login]));
    let socket: &[u8] = b"type=SOCKADDR msg=audit(1.0:7): saddr=020000167F0000420000000000000000";
    assert!(found(&Filter { hosts: text(&["127.0.0.66"]), ..all() }, &[socket]));
}

/// Written from documentation (unlinkat(2), kernel/auditsc.c): what `rm -r` logs of a file in a directory that it has open.
#[test]
fn a_name_that_begins_at_a_descriptor_is_found_by_its_end_and_else_undecided() {
    let event = |directory: &str| {
        let call = format!(
            "type=SYSCALL msg=audit(100.2:7): arch=c000003e syscall=263 success=yes exit=0 a0={directory} a1=1 a2=0 a3=0 pid=21 key=\"phi\""
        );
        let lines: [&[u8]; 3] = [
            call.as_bytes(),
            b"type=CWD msg=audit(100.2:7): cwd=\"/root\"",
            b"type=PATH msg=audit(100.2:7): item=0 name=\"ward/mrn-7.txt\" inode=5 nametype=DELETE",
        ];
        Event::of(&lines).unwrap()
    };
    let finds = |path: &str, directory: &str| {
        let filter = Filter { paths: vec![HostPath::new(path).unwrap()], ..Filter::default() };
        let (event, sieve) = (event(directory), filter.sieve());
        let passes =
            event.lines().zip(event.records()).any(|((line, _), record)| sieve.wants(record.kind, line));
        assert!(passes, "{path}");
        filter.finds(&event)
    };
    assert_eq!(finds("/srv/phi/ward/mrn-7.txt", "4"), Finds::Yes);
    assert_eq!(finds("/srv/phi", "4"), Finds::Maybe);
    assert_eq!(finds("/srv/phi/xward/mrn-7.txt", "4"), Finds::Maybe);
    assert_eq!(finds("/root/ward", "ffffff9c"), Finds::Yes);
    assert_eq!(finds("/srv/phi/ward/mrn-7.txt", "ffffff9c"), Finds::No);
}

/// Written from documentation (kernel/auditsc.c, `audit_log_name`): what fchmod(2) logs, and a name longer than PATH_MAX.
#[test]
fn a_file_whose_name_was_not_logged_is_undecided_and_a_directory_above_one_that_has_its_name_is_not() {
    let under = |path: &str| Filter { paths: vec![HostPath::new(path).unwrap()], ..Filter::default() };
    let call: &[u8] =
        b"type=SYSCALL msg=audit(100.2:7): arch=c000003e syscall=91 success=yes exit=0 a0=3 items=1 pid=21";
    let open: &[u8] =
        b"type=PATH msg=audit(100.2:7): item=0 name=(null) inode=5 dev=08:01 mode=0100600 nametype=NORMAL";
    assert_eq!(finds(&under("/srv/phi"), &[call, open]), Finds::Maybe);
    for name in ["<too_long>", "\"<too_long>\"", "<no_memory>"] {
        let left = format!("type=PATH msg=audit(100.2:7): item=0 name={name} nametype=UNKNOWN");
        let cwd: &[u8] = b"type=CWD msg=audit(100.2:7): cwd=\"/root\"";
        assert_eq!(finds(&under("/srv/phi"), &[call, cwd, left.as_bytes()]), Finds::Maybe, "{name}");
    }
    let parent: &[u8] =
        b"type=PATH msg=audit(100.2:7): item=1 name=(null) inode=2 dev=08:01 mode=040755 nametype=PARENT";
    let named: &[u8] =
        b"type=PATH msg=audit(100.2:7): item=0 name=\"/srv/phi/a\" inode=5 dev=08:01 nametype=CREATE";
    assert_eq!(finds(&under("/srv/phi"), &[call, parent, named]), Finds::Yes);
    assert_eq!(finds(&under("/home"), &[call, parent, named]), Finds::No);
}

/// Written from documentation (kernel/auditsc.c, `audit_log_uring`).
#[test]
fn an_access_is_undecided_on_what_none_of_its_records_has() {
    let all = Filter::default;
    let uring: [&[u8]; 2] = [
        b"type=URINGOP msg=audit(1.0:1): uring_op=36 success=yes exit=0 items=1 ppid=1 pid=7 uid=1002 gid=0 key=\"phi\"",
        b"type=PATH msg=audit(1.0:1): item=0 name=\"/srv/phi/a\" inode=5 dev=08:01 nametype=DELETE",
    ];
    let unlogged = [
        Filter { auids: vec![1002], ..all() },
        Filter { sessions: vec![2], ..all() },
        Filter { exes: text(&["/usr/bin/rm"]), ..all() },
        Filter { comms: text(&["rm"]), ..all() },
        Filter { syscalls: calls(&["unlinkat"]), ..all() },
    ];
    let logged = [
        (Filter { uids: vec![1002], ..all() }, Filter { uids: vec![0], ..all() }),
        (Filter { pids: vec![7], ..all() }, Filter { pids: vec![8], ..all() }),
        (Filter { success: Some(true), ..all() }, Filter { success: Some(false), ..all() }),
    ];
    for filter in &unlogged {
        assert_eq!(finds(filter, &uring), Finds::Maybe, "{filter:?}");
    }
    for (is, is_not) in &logged {
        assert_eq!((finds(is, &uring), finds(is_not, &uring)), (Finds::Yes, Finds::No), "{is:?}");
    }
    // The call was lost: of its names alone nothing of the kind is known.
    for filter in unlogged.iter().chain(logged.iter().flat_map(|(is, is_not)| [is, is_not])) {
        assert_eq!(finds(filter, &uring[1..]), Finds::Maybe, "{filter:?}");
    }
    // What is surely another is not asked for, whatever else is not logged.
    let both = Filter { auids: vec![1002], pids: vec![8], ..all() };
    assert_eq!(finds(&both, &uring), Finds::No);
    let service: &[u8] =
        b"type=CONFIG_CHANGE msg=audit(1.0:1): op=set audit_enabled=1 old=1 auid=0 ses=1 res=1";
    assert_eq!(finds(&Filter { comms: text(&["rm"]), ..all() }, &[service]), Finds::No);
}

/// Written from documentation (fs/d_path.c): ` (deleted)` holds a blank, so that the whole stands in hexadecimal.
#[test]
fn a_program_and_a_working_directory_that_were_deleted_are_found_by_their_paths() {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let exe = hex("/tmp/evil (deleted)");
    let cwd = hex("/srv/phi (deleted)");
    let call = format!("type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=2 success=yes pid=7 exe={exe}");
    let cwd = format!("type=CWD msg=audit(1.0:1): cwd={cwd}");
    let path: &[u8] = b"type=PATH msg=audit(1.0:1): item=0 name=\"a\" inode=5 dev=08:01 nametype=NORMAL";
    let lines = [call.as_bytes(), cwd.as_bytes(), path];
    let of_exe = |path: &str| Filter { exes: text(&[path]), ..Filter::default() };
    let under = |path: &str| Filter { paths: vec![HostPath::new(path).unwrap()], ..Filter::default() };
    assert!(found(&of_exe("/tmp/evil"), &lines) && found(&of_exe("/tmp/evil (deleted)"), &lines));
    assert!(!found(&of_exe("/tmp/evi"), &lines));
    assert!(found(&under("/srv/phi"), &lines) && found(&under("/srv/phi/a"), &lines));
    assert!(!found(&under("/srv/ph"), &lines));
}
