//! Made-up cases, in the shapes that auditd, Linux-PAM and sshd write.

use std::time::Duration;

use super::*;
use crate::records::auth_text::Witness;

#[test]
fn a_login_identity_that_was_rewritten_weakens_both_sessions() {
    let rewritten = "type=LOGIN msg=audit(150.000:900): pid=77 uid=0 old-auid=1002 auid=0 tty=(none) old-ses=2 ses=5 res=1\n";
    let old = "type=LOGIN msg=audit(160.000:901): login pid=78 uid=0 old auid=1002 new auid=1003 old ses=2 new ses=6\n";
    let log = session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7") + rewritten + old;
    let all = joined(log.as_bytes(), vec![], vec![]);
    let [bob, root, third] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert!([bob, root, third].iter().all(|session| session.flags.contains(&Flag::LoginuidChanged)));
    assert_eq!((bob.label, root.label, root.auid, root.ses), (Label::A1, Label::D, Some(0), Some(5)));
    assert_eq!((third.auid, third.ses, third.pid), (Some(1003), Some(6), Some(78)));
}

#[test]
fn a_login_with_a_terminal_that_wtmp_lacks_is_told_where_it_has_others_before_and_behind() {
    let known = |start: i64, end: i64| PairedLogin {
        user: b"carol".to_vec(),
        line: b"pts/9".to_vec(),
        start: Some(Timestamp::from_unix(start, 0)),
        end: Some(Timestamp::from_unix(end, 0)),
        ..records().remove(0)
    };
    let with = |terminal: &str, wtmp: Vec<PairedLogin>| {
        let log = session(100, Some(200), 50, (1001, "alice"), 2, "192.0.2.7")
            .replace("terminal=ssh", &format!("terminal={terminal}"));
        let all = joined(log.as_bytes(), vec![], wtmp).sessions;
        let alice = all.iter().find(|session| session.user == b"alice").unwrap();
        alice.flags.contains(&Flag::NotInWtmp)
    };
    assert!(with("/dev/pts/3", vec![known(50, 60), known(300, 310)]));
    assert!(with("/dev/pts/3", vec![known(50, 310)]));
    // Where wtmp begins later, ends before, or is not there, it shows nothing; nor has it what had no terminal.
    assert!(!with("/dev/pts/3", vec![known(150, 310)]));
    assert!(!with("/dev/pts/3", vec![known(50, 60)]));
    assert!(!with("/dev/pts/3", vec![]));
    assert!(!with("ssh", vec![known(50, 310)]));
    let own = PairedLogin { user: b"alice".to_vec(), line: b"pts/3".to_vec(), ..known(101, 199) };
    assert!(!with("/dev/pts/3", vec![known(50, 310), own]));
}

#[test]
fn an_address_follows_from_the_process_where_the_session_has_none() {
    let before = |seconds, addr: &str| {
        let text = format!(
            "op=PAM:accounting acct=\"bob\" exe=\"/usr/sbin/sshd\" hostname=? addr={addr} terminal=ssh res=success"
        );
        user("USER_ACCT", seconds, seconds, 50, "auid=4294967295 ses=4294967295", &text)
    };
    let log = before(99, "192.0.2.7") + &login(100, 1000, 50, 1002, 2);
    let [bob] = joined(log.as_bytes(), vec![], vec![]).sessions.try_into().unwrap();
    assert_eq!(
        (bob.label, bob.from.address.as_slice(), bob.user.as_slice()),
        (Label::B, &b"192.0.2.7"[..], &b"bob"[..])
    );
    let late = before(90, "192.0.2.7") + &login(100, 1000, 50, 1002, 2);
    assert_eq!(joined(late.as_bytes(), vec![], vec![]).sessions[0].label, Label::D);
}

#[test]
fn keys_and_ports_of_patched_sshds_are_taken() {
    let unset = "auid=4294967295 ses=4294967295";
    let log = user(
        "CRYPTO_SESSION",
        90,
        1,
        50,
        unset,
        "op=start direction=from-client spid=51 suid=74 rport=51234 laddr=10.0.0.1 lport=22 exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=? res=success",
    ) + &user(
        "CRYPTO_KEY_USER",
        91,
        2,
        50,
        unset,
        "op=destroy kind=server fp=SHA256:host direction=? spid=51 suid=0 exe=\"/usr/sbin/sshd\" hostname=? addr=? terminal=? res=success",
    ) + &user(
        "CRYPTO_KEY_USER",
        99,
        3,
        50,
        unset,
        "op=negotiate kind=auth-key fp=SHA256:mine exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=success",
    ) + &user(
        "USER_AUTH",
        99,
        4,
        50,
        unset,
        "op=pubkey_auth acct=\"bob\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=success",
    ) + &session(100, None, 50, (1002, "bob"), 2, "192.0.2.7");
    let [bob] = joined(log.as_bytes(), vec![], vec![]).sessions.try_into().unwrap();
    assert_eq!((bob.from, bob.method.as_slice()), (from("192.0.2.7", 51234), &b"publickey"[..]));
    assert_eq!((bob.key.unwrap().fingerprint, bob.ending), (b"SHA256:mine".to_vec(), Ending::OpenAtEndOfLog));
}

#[test]
fn an_account_is_shared_only_where_two_origins_overlap_for_certain() {
    let bob = (1002, "bob");
    let shared = |log: String| -> Vec<bool> {
        let all = joined(log.as_bytes(), vec![], vec![]);
        all.sessions.iter().map(|session| session.flags.contains(&Flag::SharedAccount)).collect()
    };
    let one = session(100, Some(200), 50, bob, 2, "192.0.2.7");
    assert_eq!(shared(one.clone() + &session(150, Some(160), 60, bob, 3, "198.51.100.9")), [true, true]);
    assert_eq!(shared(one.clone() + &session(201, Some(260), 60, bob, 3, "198.51.100.9")), [false, false]);
    assert_eq!(shared(one.clone() + &session(150, Some(160), 60, bob, 3, "192.0.2.7")), [false, false]);
    assert_eq!(shared(one + &session(150, Some(160), 60, bob, 3, "::ffff:192.0.2.7")), [false, false]);
    // Its end is not logged: nobody knows that it was still on.
    let open = session(100, None, 50, bob, 2, "192.0.2.7");
    assert_eq!(shared(open + &session(150, Some(160), 60, bob, 3, "198.51.100.9")), [false, false]);
}

/// Written from documentation (auditd.conf(5), `name_format`; RFC 5424, HOSTNAME).
#[test]
fn an_account_is_shared_on_a_machine_however_the_logs_name_it() {
    let shared = |nodes: [&[u8]; 2]| {
        let mut sessions = Sessions::new();
        let logs = [
            session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7"),
            session(150, Some(160), 60, (1002, "bob"), 3, "198.51.100.9"),
        ];
        for (log, node) in logs.iter().zip(nodes) {
            for mut event in events(log.as_bytes()) {
                event.node = node.to_vec();
                sessions.audit(&event);
            }
        }
        let all = sessions.finish().sessions;
        all.iter().map(|session| session.flags.contains(&Flag::SharedAccount)).collect::<Vec<_>>()
    };
    for nodes in [[&b"vm"[..], b"vm"], [b"vm", b""], [b"", b"vm"], [b"vm", b"VM.example.org"], [b"", b""]] {
        assert_eq!(shared(nodes), [true; 2], "{nodes:?}");
    }
    for nodes in [[&b"vm"[..], b"vm2"], [b"vm.example.org", b"vm.example.com"]] {
        assert_eq!(shared(nodes), [false; 2], "{nodes:?}");
    }
}

/// Written from documentation (auditd.conf(5), `name_format`).
#[test]
fn a_line_of_another_machine_is_a_session_of_its_own() {
    let log = session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7");
    let with = |node: &[u8]| {
        let mut sessions = Sessions::new();
        for mut event in events(log.as_bytes()) {
            event.node = node.to_vec();
            sessions.audit(&event);
        }
        let accepted = accepted("bob", from("192.0.2.7", 5), "password", None);
        let (source, line) = said("1970-01-01T00:01:41Z", Some(50), accepted);
        sessions.said(source, &line);
        let all = sessions.finish().sessions;
        all.into_iter().map(|session| (session.host, session.method, session.label)).collect::<Vec<_>>()
    };
    for node in [&b"vm"[..], b"VM.example.org", b""] {
        let host = if node.is_empty() { b"vm".to_vec() } else { node.to_vec() };
        assert_eq!(with(node), [(host, b"password".to_vec(), Label::A2)]);
    }
    let apart = with(b"vm2");
    assert_eq!(apart.len(), 2);
    assert_eq!(apart[0], (b"vm2".to_vec(), vec![], Label::A1));
    assert_eq!((&apart[1].0[..], &apart[1].1[..]), (&b"vm"[..], &b"password"[..]));
}

#[test]
fn a_boot_ends_what_was_on() {
    let ids = "auid=4294967295 ses=4294967295";
    let init = "comm=\"systemd-update-utmp\" exe=\"/usr/lib/systemd/systemd-update-utmp\" hostname=? addr=? terminal=? res=success";
    let log = session(100, None, 50, (1001, "alice"), 2, "192.0.2.7");
    let mut sessions = Sessions::new();
    let take = |sessions: &mut Sessions, log: String, epoch| {
        for mut event in events(log.as_bytes()) {
            event.epoch = epoch;
            sessions.audit(&event);
        }
    };
    take(&mut sessions, log.clone() + &user("SYSTEM_SHUTDOWN", 200, 900, 1, ids, init), 0);
    take(&mut sessions, user("SYSTEM_BOOT", 300, 5, 1, ids, init) + &log.replace("audit(1", "audit(3"), 1);
    take(&mut sessions, user("SYSTEM_BOOT", 500, 5, 1, ids, init), 2);
    let all = sessions.finish().sessions;
    let ends: Vec<_> = all.iter().map(|session| (session.end.unwrap().unix(), session.ending)).collect();
    assert_eq!(ends, [(200, Ending::Down), (500, Ending::Crash)]);
}

#[test]
fn a_line_that_another_program_sent_opens_no_session_and_takes_its_copy_along() {
    let (_, mut forged) =
        said("1970-01-01T00:01:41Z", Some(50), accepted("bob", from("10.9.9.9", 5), "password", None));
    let copy = forged.clone();
    forged.witness = Some(Witness {
        pid: Some(999),
        uid: Some(1003),
        exe: b"/usr/bin/logger".to_vec(),
        ..Witness::default()
    });
    let log = session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7");
    let all = joined(log.as_bytes(), vec![(Source::Journal, forged), (Source::Text, copy.clone())], vec![]);
    let [bob] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert_eq!((bob.label, &bob.flags, all.untold.disbelieved), (Label::A1, &BTreeSet::new(), 1));
    // Where no journal tells who sent it, two logs that disagree are flagged, and the kernel's address stands.
    let all = joined(log.as_bytes(), vec![(Source::Text, copy)], vec![]);
    let [bob] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert_eq!(
        (bob.label, bob.from.address.as_slice(), bob.method.as_slice()),
        (Label::A1, &b"192.0.2.7"[..], &b""[..])
    );
    assert!(bob.flags.contains(&Flag::AddressConflict));
    // Within the time of the audit log, a login that it lacks is none that is proven.
    let stray =
        said("1970-01-01T00:02:30Z", Some(51), accepted("eve", from("10.9.9.9", 5), "password", None));
    let all = joined(log.as_bytes(), vec![stray], vec![]);
    assert!(all.sessions[1].flags.contains(&Flag::NotInAudit) && all.sessions[1].label == Label::D);
}

#[test]
fn logind_names_the_origin_of_a_living_session() {
    let log = login(100, 1, 50, 1002, 2);
    let values = crate::records::logind::parse(
        b"UID=1002\nUSER=bob\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=50\nAUDIT=2\nTTY=pts/3\nREALTIME=100500000\n",
    );
    let mut sessions = Sessions::new();
    sessions.logind(&values, Place::default());
    events(log.as_bytes()).iter().for_each(|event| sessions.audit(event));
    let [bob] = sessions.finish().sessions.try_into().unwrap();
    assert_eq!(
        (bob.label, bob.from.address.as_slice(), bob.terminal.as_slice()),
        (Label::B, &b"192.0.2.7"[..], &b"pts/3"[..])
    );
    let mut alone = Sessions::new();
    alone.logind(&values, Place::default());
    assert_eq!(alone.finish().sessions[0].label, Label::B);
}

#[test]
fn cron_makes_room_for_people_and_what_is_left_out_is_counted() {
    let mut sessions = Sessions::new();
    for ses in 0..16_000_u32 {
        let time = 1_000 + u64::from(ses);
        let log = session(time, Some(time), 50, (0, "root"), ses, "?").replace("sbin/sshd", "sbin/cron");
        events(log.as_bytes()).iter().for_each(|event| sessions.audit(event));
    }
    let log = session(20_000, Some(20_100), 50, (1002, "bob"), 20_000, "192.0.2.7");
    events(log.as_bytes()).iter().for_each(|event| sessions.audit(event));
    for second in 0..25_000 {
        let time = Timestamp::from_unix(100_000, 0).plus(Duration::from_secs(second));
        let (source, line) =
            said(&time.to_string(), Some(7), accepted("eve", from("10.9.9.9", 5), "password", None));
        sessions.said(source, &line);
        let mut record = records().remove(0);
        record.start = Some(time);
        sessions.record(record);
    }
    let all = sessions.finish();
    assert!(all.sessions.iter().any(|session| session.user == b"bob" && session.label == Label::A1));
    assert!(all.untold.services > 1_000 && all.untold.audit == 0, "{:?}", all.untold);
    assert!(all.untold.text > 1_000 && all.untold.records > 1_000, "{:?}", all.untold);
    let weight: usize = all.sessions.iter().map(Session::weight).sum();
    assert!(weight <= 24 << 20, "{weight}");
}

#[test]
fn spoilt_records_do_no_harm() {
    let mut next = chance();
    for _ in 0..500 {
        let mut bytes = AUDIT.to_vec();
        for _ in 0..20 {
            let at = next(bytes.len());
            bytes[at] = b"\0\n '\"=09aF-?\xff"[next(12)];
        }
        let mut sessions = Sessions::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            Event::of(&[line]).iter().for_each(|event| sessions.audit(event));
        }
        let _ = sessions.finish();
    }
}
