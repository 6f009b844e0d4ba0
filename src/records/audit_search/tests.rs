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
    let event = Event::of(lines).unwrap();
    let sieve = filter.sieve();
    let passes = event.lines().zip(event.records()).any(|((line, _), record)| sieve.wants(record.kind, line));
    let matches = filter.matches(&event);
    assert!(passes || !matches, "the sieve lost it: {filter:?}");
    matches
}

fn text(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
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
        (Filter { syscalls: vec![257, 2], ..all() }, Filter { syscalls: vec![25], ..all() }),
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
