//! Made-up logs that lack a login: what they ought to have, and what stands where no file of theirs is here, or is of
//! another machine.

use super::*;

/// Of one file.
fn in_file(file: u32, log: &str) -> Vec<Event> {
    let moved = |event: &Event| {
        let mut moved = Event::new(event.id, &event.node, event.epoch);
        event.lines().for_each(|(line, place)| moved.push(line, Place { file, ..place }));
        moved
    };
    events(log.as_bytes()).iter().map(moved).collect()
}

/// A login of which a text tells.
fn let_in(user: &str, pid: u32, host: &str, time: &str) -> Said {
    let (_, line) = said(time, Some(pid), accepted(user, from("10.9.9.9", 5), "password", None));
    Said { host: host.into(), ..line }
}

/// Written from documentation (auditd.conf(5), `num_logs`): of three files the one in the middle is gone.
#[test]
fn an_audit_log_ought_to_have_what_is_within_one_of_its_files() {
    let bob = (1002, "bob");
    let lacks = |files: [u32; 2], time: &str| {
        let mut sessions = Sessions::new();
        let logs = [
            session(100, Some(200), 50, bob, 2, "192.0.2.7"),
            session(500, Some(600), 60, bob, 3, "192.0.2.7"),
        ];
        for (file, log) in files.into_iter().zip(logs) {
            in_file(file, &log).iter().for_each(|event| sessions.audit(event));
        }
        sessions.said(Source::Text, &let_in("eve", 70, "vm", time));
        let all = sessions.finish().sessions;
        let eve = all.iter().find(|session| session.user == b"eve").unwrap();
        (eve.flags.contains(&Flag::NotInAudit), eve.label)
    };
    let (within, between) = ("1970-01-01T00:02:30Z", "1970-01-01T00:05:00Z");
    assert_eq!(lacks([1, 2], within), (true, Label::D));
    assert_eq!(lacks([1, 2], between), (false, Label::B));
    assert_eq!(lacks([1, 1], between), (true, Label::D));
}

/// Written from documentation (logrotate(8)).
#[test]
fn wtmp_ought_to_have_what_is_within_one_of_its_files() {
    let known = |start: (u32, i64), end: (u32, i64)| {
        let place = |(file, second): (u32, i64)| Place { file, offset: second as u64 };
        PairedLogin {
            user: b"carol".to_vec(),
            line: b"pts/9".to_vec(),
            start: Some(Timestamp::from_unix(start.1, 0)),
            end: Some(Timestamp::from_unix(end.1, 0)),
            begin_place: place(start),
            end_place: Some(place(end)),
            ..records().remove(0)
        }
    };
    let lacks = |wtmp: Vec<PairedLogin>| {
        let log = session(100, Some(200), 50, (1001, "alice"), 2, "192.0.2.7")
            .replace("terminal=ssh", "terminal=/dev/pts/3");
        let all = joined(log.as_bytes(), vec![], wtmp).sessions;
        let alice = all.iter().find(|session| session.user == b"alice").unwrap();
        alice.flags.contains(&Flag::NotInWtmp)
    };
    assert!(lacks(vec![known((1, 50), (1, 60)), known((1, 300), (1, 310))]));
    assert!(!lacks(vec![known((1, 50), (1, 60)), known((2, 300), (2, 310))]));
    // One that goes on in the next file tells nothing of the time between.
    assert!(lacks(vec![known((1, 50), (1, 310))]));
    assert!(!lacks(vec![known((1, 50), (2, 310))]));
}

/// Written from documentation (systemd-journal-remote(8); auditd.conf(5), `name_format`).
#[test]
fn an_audit_log_need_not_have_the_logins_of_another_machine() {
    let log = session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7");
    let (bobs, later) = ("1970-01-01T00:01:40Z", "1970-01-01T00:02:30Z");
    let lacking = |node: &[u8], told: &[(&str, u32, &str, &str)]| -> Vec<String> {
        let mut sessions = Sessions::new();
        for mut event in events(log.as_bytes()) {
            event.node = node.to_vec();
            sessions.audit(&event);
        }
        for (user, pid, host, time) in told {
            sessions.said(Source::Journal, &let_in(user, *pid, host, time));
        }
        let all = sessions.finish().sessions;
        let lacking = all.iter().filter(|session| session.flags.contains(&Flag::NotInAudit));
        lacking.map(|session| String::from_utf8_lossy(&session.user).into_owned()).collect()
    };
    let (bob, eve) = (("bob", 50, "vm", bobs), ("eve", 70, "vm", later));
    let (whole, other) = (("ann", 71, "VM.example.org", later), ("dbadmin", 72, "dbsrv", later));
    for node in [&b""[..], b"vm", b"vm.example.org"] {
        assert_eq!(lacking(node, &[bob, eve, other]), ["eve"], "{node:?}");
        assert_eq!(lacking(node, &[bob, other, other]), [""; 0], "{node:?}");
    }
    assert_eq!(lacking(b"", &[bob, eve, whole, other]), ["eve", "ann"]);
    // Nothing tells of which machine the log is: of the only one that is named, or of neither of two.
    assert_eq!(lacking(b"", &[eve]), ["eve"]);
    assert_eq!(lacking(b"", &[eve, other]), [""; 0]);
}

/// Written from documentation (auditd.conf(5), `name_format`).
#[test]
fn wtmp_need_not_have_the_logins_of_another_machine() {
    let on = |terminal: &str, log: String| log.replace("terminal=ssh", &format!("terminal=/dev/{terminal}"));
    let bob = on("pts/1", session(100, Some(400), 50, (1002, "bob"), 2, "192.0.2.7"));
    let alice = on("pts/3", session(150, Some(200), 60, (1001, "alice"), 3, "192.0.2.8"));
    let lacks = |node: &[u8]| {
        let mut sessions = Sessions::new();
        for (log, node) in [(&bob, &b"vm"[..]), (&alice, node)] {
            for mut event in events(log.as_bytes()) {
                event.node = node.to_vec();
                sessions.audit(&event);
            }
        }
        sessions.record(PairedLogin {
            user: b"bob".to_vec(),
            line: b"pts/1".to_vec(),
            pid: 50,
            start: Some(Timestamp::from_unix(100, 0)),
            end: Some(Timestamp::from_unix(400, 0)),
            ..records().remove(0)
        });
        let all = sessions.finish().sessions;
        let alice = all.iter().find(|session| session.user == b"alice").unwrap();
        alice.flags.contains(&Flag::NotInWtmp)
    };
    assert_eq!([&b"vm"[..], b"VM.example.org", b"dbsrv"].map(lacks), [true, true, false]);
}

/// Made up: in a large house processes of two machines have the same number now and then.
#[test]
fn a_machine_is_called_what_most_of_its_logins_say() {
    let day = 86_400;
    let mut sessions = Sessions::new();
    for number in 1..=20_u32 {
        let time = 1_000 + u64::from(number) * day;
        let log = session(time, Some(time + 60), 100 + number, (1002, "bob"), number, "192.0.2.7");
        events(log.as_bytes()).iter().for_each(|event| sessions.audit(event));
        let host = if number == 7 { "dbsrv" } else { "vm" };
        let at = Timestamp::from_unix(i64::try_from(time).unwrap(), 0).to_string();
        sessions.said(Source::Text, &let_in("bob", 100 + number, host, &at));
    }
    let at = Timestamp::from_unix(300_000, 0).to_string();
    for (user, pid, host) in [("eve", 70, "vm"), ("dbadmin", 72, "dbsrv")] {
        sessions.said(Source::Text, &let_in(user, pid, host, &at));
    }
    let all = sessions.finish().sessions;
    let lacking = all.iter().filter(|session| session.flags.contains(&Flag::NotInAudit));
    assert_eq!(lacking.map(|session| session.user.as_slice()).collect::<Vec<_>>(), [b"eve"]);
}

/// Made up: an audit log and a text that tell of a login so often that there is no room to note each place.
#[test]
fn what_login_records_have_is_known_though_there_is_no_room_to_note_where() {
    let log = session(100, Some(200), 50, (1001, "alice"), 2, "192.0.2.7")
        .replace("terminal=ssh", "terminal=/dev/pts/3");
    let record = |user: &str, second: i64, pid: i64| PairedLogin {
        user: user.into(),
        line: b"pts/3".to_vec(),
        pid,
        start: Some(Timestamp::from_unix(second, 0)),
        end: Some(Timestamp::from_unix(second + 10, 0)),
        begin_place: Place { file: 1, offset: second as u64 },
        end_place: Some(Place { file: 1, offset: second as u64 + 1 }),
        ..records().remove(0)
    };
    let flags = |of: &str, times: u64| {
        let mut sessions = Sessions::new();
        for (at, event) in
            (0..times).flat_map(|at| events(log.as_bytes()).into_iter().map(move |event| (at, event)))
        {
            let mut again = Event::new(event.id, &event.node, event.epoch);
            event.lines().for_each(|(line, place)| {
                again.push(line, Place { offset: place.offset + at * 9_999, ..place })
            });
            sessions.audit(&again);
        }
        [record("carol", 50, 7), record(of, 100, 50), record("carol", 300, 8)]
            .into_iter()
            .for_each(|login| sessions.record(login));
        let all = sessions.finish().sessions;
        let alice: Vec<_> = all.iter().filter(|session| session.ses == Some(2)).collect();
        assert_eq!((alice.len(), all.len()), (1, 3));
        alice[0].flags.clone()
    };
    for times in [1, 40] {
        assert!(!flags("alice", times).contains(&Flag::NotInWtmp), "{times}");
    }
    // wtmp has the name as the directory gives it: the process and the terminal are the same.
    assert!(!flags(r"CORP\alice", 1).contains(&Flag::NotInWtmp));
}
