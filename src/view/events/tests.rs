//! Facts with their times, from every kind of source.

use super::*;
use crate::custody::entry::{Entry, FileStat, Kind, Source, Stats, Taken};
use crate::custody::outcome::Outcome;
use crate::records::audit_event::Event;
use crate::records::auth_text::{Answer, CONCEALED, From, Key, Message, Said, Witness};
use crate::view::login_sessions::{self, Elevation, Ending, Evidence, Label, Session};

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds, 0)
}

fn said(message: Message) -> Said {
    Said {
        time: Some((time(100), TimeQuality::YearInferred)),
        host: b"ehr01".to_vec(),
        tag: b"sshd".to_vec(),
        pid: Some(9),
        witness: None,
        place: Place { file: 1, offset: 77 },
        times: 1,
        message,
    }
}

fn from() -> From {
    From { address: b"192.0.2.7".to_vec(), port: Some(50022) }
}

#[test]
fn a_login_that_a_program_speaks_of_is_a_fact() {
    let tried = Message::Tried {
        answer: Answer::Accepted,
        method: b"publickey".to_vec(),
        user: b"anna".to_vec(),
        unknown_user: false,
        from: from(),
        key: Some(Key { kind: b"ED25519".to_vec(), fingerprint: b"SHA256:x".to_vec(), detail: vec![] }),
    };
    let entries = [EntryId(5), EntryId(6)];
    let fact = said::fact(&said(tried), "text", &entries).unwrap();
    assert_eq!(
        (fact.what.as_ref(), fact.words.as_str(), fact.user.as_slice(), fact.address.as_slice()),
        (
            "login.accepted",
            "sshd: let in anna by publickey from 192.0.2.7 port 50022, key ED25519 SHA256:x",
            &b"anna"[..],
            &b"192.0.2.7"[..]
        )
    );
    assert_eq!((fact.quality, fact.pid), (Quality::YearInferred, Some(9)));
    assert_eq!(fact.at, At { entry: Some(EntryId(6)), offset: 77 });
}

#[test]
fn every_message_has_words_and_no_name_breaks_the_line() {
    let odd = b"a\nb\x1b[2J\xff".to_vec();
    let messages = [
        Message::UnknownUser { user: odd.clone(), from: from() },
        Message::PamRejected { reason: odd.clone(), user: odd.clone(), unknown_user: true, from: from() },
        Message::NotAllowed { user: odd.clone(), from: from(), reason: odd.clone() },
        Message::TooManyTries { user: odd.clone(), from: from() },
        Message::Ended { how: odd.clone(), user: odd.clone(), logged_in: Some(true), from: from() },
        Message::ShellStarted {
            kind: odd.clone(),
            terminal: Some(odd.clone()),
            user: odd.clone(),
            from: from(),
        },
        Message::ChannelClosed { user: odd.clone(), from: from() },
        Message::Shed,
        Message::Server { began: true },
        Message::PamSuccess { service: odd.clone(), user: odd.clone(), from: from() },
        Message::PamFailure {
            module: odd.clone(),
            service: odd.clone(),
            user: odd.clone(),
            by: odd.clone(),
            from: from(),
            terminal: odd.clone(),
            tries: 3,
        },
        Message::SessionOpened {
            service: odd.clone(),
            user: odd.clone(),
            uid: None,
            by: odd.clone(),
            by_uid: None,
        },
        Message::SessionClosed { service: odd.clone(), user: odd.clone() },
        Message::Locked { user: odd.clone() },
        Message::Elevated {
            tool: crate::records::auth_text::Elevator::Sudo,
            by: odd.clone(),
            to: odd.clone(),
            terminal: odd.clone(),
            folder: odd.clone(),
            command: odd.clone(),
            refused: Some(odd.clone()),
        },
        Message::Console { accepted: false, user: odd.clone(), terminal: odd.clone(), from: from() },
        Message::LogindNew { session: odd.clone(), user: odd.clone() },
        Message::LogindRemoved { session: odd.clone() },
        Message::Account { what: "new user", name: odd.clone(), detail: odd.clone() },
        Message::Cron { user: odd.clone(), what: odd.clone(), detail: odd.clone() },
        Message::Ambiguous { text: odd.clone() },
        Message::Other { text: odd },
    ];
    for message in messages {
        let fact = said::fact(&said(message.clone()), "text", &[]).unwrap();
        assert!(!fact.what.is_empty() && fact.words.len() > "sshd: ".len(), "{message:?}");
        assert!(!fact.words.contains(['\n', '\u{1b}']), "{}", fact.words);
        assert_eq!(fact.at.entry, None);
    }
}

#[test]
fn a_line_without_a_time_is_no_fact_and_the_journal_s_own_eyes_count_more() {
    let mut line = said(Message::Shed);
    line.witness = Some(Witness { pid: Some(10), ..Witness::default() });
    line.times = 4;
    let fact = said::fact(&line, "journal", &[]).unwrap();
    assert_eq!(fact.pid, Some(10));
    assert!(fact.words.ends_with("(4 times)"), "{}", fact.words);
    line.time = None;
    assert_eq!(said::fact(&line, "journal", &[]), None);
}

/// From auditd 3.0.9 on Linux 6.18.
const SYSCALL: &[u8] =
    b"type=SYSCALL msg=audit(1795349467.143:2021): arch=c000003e syscall=257 success=yes exit=3 \
    a0=ffffff9c a1=7f31d6227dd0 a2=d0000 a3=0 items=1 ppid=12439 pid=12456 auid=1000 uid=0 gid=0 tty=(none) \
    ses=3 comm=\"python3\" exe=\"/usr/bin/python3.11\" key=\"phik\"\x1dARCH=x86_64";
const PATH: &[u8] = b"type=PATH msg=audit(1795349467.143:2021): item=0 name=2F7068692F612062 inode=5 dev=fe:00 nametype=NORMAL";

#[test]
fn an_audit_event_is_one_fact() {
    let event = Event::of(&[SYSCALL, PATH]).unwrap();
    let about = |done| audit::About { done, paths: vec![b"/phi/a b".to_vec()], ..audit::About::default() };
    let fact = audit::fact(&event, about(None), &[EntryId(8)]);
    assert_eq!(fact.what, "audit.call");
    assert_eq!(fact.words, "audit event 2021: system call 257 /phi/a b by /usr/bin/python3.11, key phik");
    assert_eq!(
        (fact.path.as_slice(), fact.auid, fact.pid, fact.at.entry),
        (&b"/phi/a b"[..], Some(1000), Some(12456), Some(EntryId(8)))
    );
    assert_eq!(fact.time, Some(Timestamp::from_unix(1_795_349_467, 143_000_000)));
    let done = audit::Done { op: "read", spoken: "opened for reading", path: b"/phi/a b", new_path: b"" };
    let fact = audit::fact(&event, about(Some(done)), &[]);
    assert_eq!(
        (fact.what.as_ref(), fact.words.as_str()),
        ("audit.read", "audit event 2021: /phi/a b was opened for reading by /usr/bin/python3.11")
    );
    let refused = String::from_utf8_lossy(SYSCALL).replace("success=yes exit=3", "success=no exit=-13");
    let event = Event::of(&[refused.as_bytes(), PATH]).unwrap();
    let done = audit::Done { op: "denied_rename", spoken: "renamed", path: b"/phi/a b", new_path: b"/x" };
    assert_eq!(
        audit::fact(&event, about(Some(done)), &[]).words,
        "audit event 2021: /phi/a b was to be renamed (/x) by /usr/bin/python3.11, refused or failed (exit -13)"
    );
}

/// Written from documentation (audit-record dictionary, OpenSSH's audit-linux.c).
#[test]
fn what_programs_report_is_told_by_type_and_result() {
    let login = b"type=USER_LOGIN msg=audit(1.0:7): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"anna\" \
        exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'";
    let fact = audit::fact(&Event::of(&[login]).unwrap(), audit::About::default(), &[]);
    assert_eq!(fact.what, "login.failed");
    assert_eq!((fact.user.as_slice(), fact.address.as_slice()), (&b"anna"[..], &b"192.0.2.7"[..]));
    assert_eq!((fact.pid, fact.auid), (Some(9), None));
    assert_eq!(
        fact.words,
        "audit event 7: USER_LOGIN: op login, account anna, program /usr/sbin/sshd, address 192.0.2.7, terminal ssh, result failed"
    );
    let opened = b"type=USER_START msg=audit(1.0:8): pid=9 uid=0 auid=1000 ses=12 msg='op=PAM:session_open acct=\"anna\" res=success'";
    let fact = audit::fact(&Event::of(&[opened]).unwrap(), audit::About::default(), &[]);
    assert_eq!((fact.what.as_ref(), fact.auid), ("session.opened", Some(1000)));
    assert!(fact.words.ends_with("account anna, login 1000, session 12, result success"), "{}", fact.words);
    let odd = b"type=We\x1b[rd/ msg=audit(1.0:7): x=1";
    let fact = audit::fact(&Event::of(&[odd]).unwrap(), audit::About::default(), &[]);
    assert_eq!(fact.what, "audit.werd");
    assert!(!fact.words.contains('\u{1b}'));
}

#[test]
fn a_session_has_two_ends_and_what_was_done_as_another() {
    let evidence = Evidence { source: login_sessions::Source::Audit, place: Place { file: 0, offset: 5 } };
    let session = Session {
        epoch: None,
        ses: Some(3),
        auid: Some(1000),
        user: b"anna".to_vec(),
        service: b"sshd".to_vec(),
        pid: Some(9),
        from: from(),
        hostname: vec![],
        terminal: vec![],
        method: b"publickey".to_vec(),
        key: None,
        start: Some(time(10)),
        end: Some(time(30)),
        ending: Ending::Logout,
        elevations: vec![Elevation {
            refused: false,
            time: time(20),
            by: b"sudo".to_vec(),
            to: b"root".to_vec(),
            command: b"/bin/ls".to_vec(),
            evidence,
        }],
        label: Label::A2,
        flags: std::collections::BTreeSet::new(),
        evidence: vec![("address", evidence)],
        ..Session::default()
    };
    let facts = sessions::facts(&session, &[EntryId(2)]);
    let told: Vec<(&str, &str)> =
        facts.iter().map(|fact| (fact.what.as_ref(), fact.words.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "session.opened",
                "session 3 of anna opened by sshd from 192.0.2.7, method publickey (origin A2)"
            ),
            ("session.closed", "session 3 of anna closed"),
            ("session.elevated", "session 3 of anna: acted as root by sudo: /bin/ls"),
        ]
    );
    assert!(facts.iter().all(|fact| fact.auid == Some(1000) && fact.at.entry == Some(EntryId(2))));
    assert!(
        sessions::facts(&Session { start: None, end: None, elevations: vec![], ..session }, &[]).is_empty()
    );
}

fn stat() -> FileStat {
    FileStat {
        atime: time(4),
        blocks: 8,
        btime: Some(time(1)),
        ctime: time(3),
        dev: "8:1".into(),
        gid: 0,
        ino: 12,
        mode: "100640".into(),
        mount_id: None,
        mtime: Timestamp::from_unix(i64::MAX, 0),
        nlink: 1,
        size: 5,
        uid: 0,
        unix: std::collections::BTreeMap::from([("mtime".to_owned(), i64::MAX)]),
    }
}

#[test]
fn a_copy_is_a_step_of_ours_and_a_file_with_four_times() {
    let path = crate::path::HostPath::new(b"/var/log/auth.log\n").unwrap();
    let entry = Entry {
        id: EntryId(4),
        salt: crate::custody::digest::Digest::of(b""),
        prev: crate::custody::digest::Digest::of(b""),
        collector: "auth-logs".to_owned(),
        step: "copy".to_owned(),
        title: "Logs of logins".to_owned(),
        kind: Kind::Copy,
        member: None,
        source: Source::path(&path),
        run: None,
        exit: None,
        signal: None,
        stat: Some(Stats { before: stat(), after: None }),
        mount: None,
        grew: false,
        taken: Taken { utc: time(50), boottime_ns: 9 },
        duration_ns: 1,
        size: 5,
        sha256: None,
        window: None,
        loss: None,
        outcome: Outcome::Collected,
        reason: None,
        reason_code: None,
        phi: crate::custody::entry::Phi::None,
        part2: false,
        hipaa: vec![],
        derived_from: vec![],
    };
    let facts = entries::facts(&entry, Some(77));
    let told: Vec<(&str, Option<i64>, Quality)> =
        facts.iter().map(|fact| (fact.what.as_ref(), fact.time.map(Timestamp::unix), fact.quality)).collect();
    assert_eq!(
        told,
        [
            ("collector.step", Some(50), Quality::Exact),
            ("file.modified", Some(253_402_300_799), Quality::BeyondCalendar),
            ("file.changed", Some(3), Quality::Exact),
            ("file.accessed", Some(4), Quality::Settable),
            ("file.born", Some(1), Quality::Exact),
        ]
    );
    assert_eq!(
        facts[0].words,
        "phi-ir copied: Logs of logins (auth-logs), /var/log/auth.log\\u{a}: collected"
    );
    assert_eq!((facts[0].labels.as_slice(), facts[0].pid), (&[COLLECTOR][..], Some(77)));
    assert_eq!((facts[1].beyond, facts[1].labels.len()), (Some(i64::MAX), 0));
    assert!(
        facts.iter().all(|fact| fact.path == b"/var/log/auth.log\n" && fact.at.entry == Some(EntryId(4)))
    );
    // A program that was run has no times of a file.
    assert_eq!(entries::facts(&Entry { kind: Kind::Tool, ..entry }, None).len(), 1);
}

#[test]
fn only_what_this_very_process_did_is_the_collector_s() {
    let own = Own { pid: 77, from: time(100), to: time(200) };
    let fact = |pid, at: Timestamp| Fact {
        pid,
        ..Fact::new(at, "audit.read", "phi-ir read", "audit", At::default())
    };
    let mut ours = fact(Some(77), time(150));
    own.mark(&mut ours);
    own.mark(&mut ours);
    assert_eq!(ours.labels, [COLLECTOR]);
    // The kernel's millisecond in which it started.
    assert!(own.did(&fact(Some(77), time(100).minus(std::time::Duration::from_millis(9)))));
    for other in [
        fact(Some(78), time(150)),
        fact(None, time(150)),
        fact(Some(77), time(99)),
        fact(Some(77), time(201)),
    ] {
        assert!(!own.did(&other), "{other:?}");
    }
}

#[test]
fn a_name_that_may_be_a_password_is_not_told_and_that_of_a_known_user_is() {
    let tried = |name: &[u8]| {
        said::fact(&said(Message::UnknownUser { user: name.to_vec(), from: from() }), "text", &[]).unwrap()
    };
    let mut secret = tried(b"Sommer2026!");
    conceal(&mut secret, &|name| name == b"anna");
    assert!(!format!("{secret:?}").contains("Sommer"), "{secret:?}");
    assert_eq!(
        (secret.labels.as_slice(), secret.address.as_slice()),
        (&["maybe_secret"][..], &b"192.0.2.7"[..])
    );
    assert!(secret.words.contains(CONCEALED));
    for (name, known) in [(&b"admin1"[..], false), (b"Anna-1", true)] {
        let mut plain = tried(name);
        let before = plain.clone();
        conceal(&mut plain, &|_| known);
        assert_eq!(plain, before);
    }
    // So is as whom somebody wanted to act, and did not.
    let acts = |to: &[u8], refused: Option<&[u8]>| Message::Elevated {
        tool: crate::records::auth_text::Elevator::Su,
        by: b"anna".to_vec(),
        to: to.to_vec(),
        terminal: vec![],
        folder: vec![],
        command: vec![],
        refused: refused.map(<[u8]>::to_vec),
    };
    for (refused, is_told) in [(Some(&b"FAILED"[..]), false), (None, true)] {
        let mut fact = said::fact(&said(acts(b"Hunter2!", refused)), "text", &[]).unwrap();
        conceal(&mut fact, &|name| name == b"anna");
        assert_eq!((fact.words.contains("Hunter2!"), fact.user.as_slice()), (is_told, &b"anna"[..]));
    }
    // Who was let in has a name.
    let mut accepted = Fact { what: "login.accepted".into(), ..tried(b"Sommer2026!") };
    conceal(&mut accepted, &|_| false);
    assert_eq!(accepted.user, b"Sommer2026!");
}
