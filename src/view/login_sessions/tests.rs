//! A scripted scenario as real programs logged it, and made-up cases beside it.

mod acts;
mod cases;
mod forged;
mod lacking;
mod lines;

use super::*;
use crate::records::audit_event::Event;
use crate::records::audit_log::record;
use crate::records::auth_text::{Answer, Elevator, Message, Said};
use crate::records::login_pairing::{Ended, PairedLogin};

/// What one machine logged (fixtures/README.md).
const AUDIT: &[u8] = include_bytes!("../../../fixtures/sessions/audit.log");

/// Its events: the records of one stand together here.
fn events(log: &[u8]) -> Vec<Event> {
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let id = |line: &&[u8]| record(line).unwrap().id;
    lines.chunk_by(|one, other| id(one) == id(other)).map(|lines| Event::of(lines).unwrap()).collect()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn said(time: &str, pid: Option<u32>, message: Message) -> (Source, Said) {
    let time = Some((at(time), TimeQuality::Exact));
    let (host, tag, place) = (b"vm".to_vec(), b"sshd".to_vec(), Place::default());
    (Source::Text, Said { time, host, tag, pid, witness: None, place, times: 1, message })
}

fn from(address: &str, port: u16) -> From {
    From { address: address.into(), port: Some(port) }
}

fn accepted(user: &str, from: From, method: &str, key: Option<&str>) -> Message {
    let key = key.map(|fingerprint| Key {
        kind: b"ED25519".to_vec(),
        fingerprint: fingerprint.into(),
        detail: vec![],
    });
    let (answer, method, user) = (Answer::Accepted, method.into(), user.into());
    Message::Tried { answer, method, user, from, unknown_user: false, key }
}

fn opened(user: &str, uid: u32) -> Message {
    let (service, by) = (b"sshd".to_vec(), vec![]);
    Message::SessionOpened { service, user: user.into(), uid: Some(uid), by, by_uid: Some(0) }
}

fn closed(user: &str) -> Message {
    Message::SessionClosed { service: b"sshd".to_vec(), user: user.into() }
}

const KEY: &str = "SHA256:L9Us+Vh7XdHvSxmFORTnBpuFzhdvE6/2eZh1buV6DQo";

/// What auth.log of the scenario says (fixtures/sessions/auth.log), as it is understood.
fn texts() -> Vec<(Source, Said)> {
    let sudo = Message::Elevated {
        tool: Elevator::Sudo,
        by: b"bob".to_vec(),
        to: b"root".to_vec(),
        terminal: vec![],
        folder: b"/home/bob".to_vec(),
        command: b"/usr/bin/true".to_vec(),
        refused: None,
    };
    let (bob, alice) = (from("127.0.0.1", 56986), from("127.0.0.1", 56994));
    vec![
        said(
            "2026-11-23T02:33:58.621335Z",
            Some(26104),
            accepted("bob", bob.clone(), "publickey", Some(KEY)),
        ),
        said("2026-11-23T02:33:58.624525Z", Some(26104), opened("bob", 1002)),
        said("2026-11-23T02:33:58.733045Z", None, sudo),
        said("2026-11-23T02:33:58.749886Z", Some(26104), closed("bob")),
        said(
            "2026-11-23T02:34:00.084355Z",
            Some(26126),
            accepted("alice", alice, "keyboard-interactive/pam", None),
        ),
        said("2026-11-23T02:34:00.089904Z", Some(26126), opened("alice", 1001)),
        said("2026-11-23T02:34:01.209070Z", Some(26126), closed("alice")),
        said("2026-11-23T02:34:01.5Z", None, accepted("root", from("10.9.9.9", 5555), "password", None)),
    ]
}

/// What its wtmp has (fixtures/sessions/wtmp): alice alone.
fn records() -> Vec<PairedLogin> {
    vec![PairedLogin {
        user: b"alice".to_vec(),
        line: b"pts/0".to_vec(),
        host: b"127.0.0.1".to_vec(),
        address: Some("127.0.0.1".to_owned()),
        pid: 26126,
        start: Some(at("2026-11-23T02:34:00.157195Z")),
        end: None,
        ended: Ended::OpenAtEndOfLog,
        session: 0,
        end_after: None,
        clock_set: 0,
        begin_place: Place { file: 9, offset: 0 },
        end_place: None,
    }]
}

fn joined(audit: &[u8], texts: Vec<(Source, Said)>, records: Vec<PairedLogin>) -> Joined {
    let mut sessions = Sessions::new();
    events(audit).iter().for_each(|event| sessions.audit(event));
    texts.iter().for_each(|(source, said)| sessions.said(*source, said));
    records.into_iter().for_each(|record| sessions.record(record));
    sessions.finish()
}

#[test]
fn a_session_without_a_terminal_is_there_with_all_that_three_logs_tell() {
    let all = joined(AUDIT, texts(), records());
    let [bob, alice, forged] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert_eq!(
        (bob.user.as_slice(), bob.auid, bob.ses, bob.pid),
        (&b"bob"[..], Some(1002), Some(9), Some(26104))
    );
    assert_eq!((bob.label, bob.ending), (Label::A2, Ending::Logout));
    assert_eq!(
        (bob.start, bob.end),
        (Some(at("2026-11-23T02:33:58.618Z")), Some(at("2026-11-23T02:33:58.746Z")))
    );
    assert_eq!((&bob.from, bob.terminal.as_slice()), (&from("127.0.0.1", 56986), &b""[..]));
    assert_eq!((bob.method.as_slice(), bob.service.as_slice()), (&b"publickey"[..], &b"sshd"[..]));
    assert_eq!(bob.key.as_ref().unwrap().fingerprint, KEY.as_bytes());
    let [sudo] = bob.elevations.as_slice() else { panic!("{:?}", bob.elevations) };
    assert_eq!(
        (sudo.by.as_slice(), sudo.to.as_slice(), sudo.command.as_slice()),
        (&b"sudo"[..], &b"root"[..], &b"true"[..])
    );
    for (field, source) in [
        ("address", Source::Audit),
        ("address", Source::Text),
        ("method", Source::Text),
        ("end", Source::Audit),
    ] {
        assert!(
            bob.evidence.iter().any(|(of, by)| *of == field && by.source == source),
            "{field} {source:?}"
        );
    }

    assert_eq!((alice.label, alice.terminal.as_slice(), alice.ses), (Label::A2, &b"pts/0"[..], Some(10)));
    assert!(
        alice.evidence.iter().any(|(field, by)| *field == "terminal" && by.source == Source::LoginRecords)
    );

    assert_eq!((forged.user.as_slice(), forged.label), (&b"root"[..], Label::B));
    assert!(!forged.flags.contains(&Flag::NotInAudit), "the audit log ended before");
    assert_eq!(all.untold, Untold::default());
}

#[test]
fn without_texts_the_audit_log_tells_origin_and_end_and_without_it_the_texts_do() {
    let audit = joined(AUDIT, vec![], vec![]);
    assert_eq!(
        audit.sessions.iter().map(|session| session.label).collect::<Vec<_>>(),
        [Label::A1, Label::A1]
    );
    assert!(audit.sessions.iter().all(|session| session.method.is_empty() && session.end.is_some()));
    let text = joined(b"", texts(), records());
    let [bob, alice, root] = text.sessions.as_slice() else { panic!("{:#?}", text.sessions) };
    assert_eq!((bob.label, alice.label, root.label), (Label::B, Label::B, Label::B));
    assert_eq!((bob.end, bob.elevations.len()), (Some(at("2026-11-23T02:33:58.749886Z")), 1));
    assert_eq!((alice.terminal.as_slice(), alice.auid, alice.ses), (&b"pts/0"[..], Some(1001), None));
    assert!(root.flags.contains(&Flag::DirectRoot));
    let wtmp = joined(b"", vec![], records());
    assert_eq!((wtmp.sessions.len(), wtmp.sessions[0].label), (1, Label::B));
}

/// Numbers that are the same in every run.
fn chance() -> impl FnMut(usize) -> usize {
    let mut seed = 7_u64;
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    }
}

#[test]
fn the_order_in_which_sources_are_read_makes_no_difference() {
    let expected = joined(AUDIT, texts(), records()).sessions;
    let mut next = chance();
    for _ in 0..64 {
        let (mut events, mut texts, mut records) = (events(AUDIT), texts(), records());
        events.reverse();
        let mut sessions = Sessions::new();
        while events.len() + texts.len() + records.len() > 0 {
            match next(3) {
                0 => events.pop().iter().for_each(|event| sessions.audit(event)),
                1 if texts.is_empty() => {}
                // Lines of texts may come in any order, as of files that were rotated.
                1 => {
                    let (source, said) = texts.swap_remove(next(texts.len()));
                    sessions.said(source, &said);
                }
                _ => records.pop().into_iter().for_each(|record| sessions.record(record)),
            }
        }
        assert_eq!(sessions.finish().sessions, expected);
    }
}

/// A record of a program's, as Linux-PAM and sshd send them.
fn user(kind: &str, seconds: u64, serial: u64, pid: u32, ids: &str, text: &str) -> String {
    format!("type={kind} msg=audit({seconds}.100:{serial}): pid={pid} uid=0 {ids} msg='{text}'\n")
}

fn login(seconds: u64, serial: u64, pid: u32, auid: u32, ses: u32) -> String {
    format!(
        "type=LOGIN msg=audit({seconds}.100:{serial}): pid={pid} uid=0 old-auid=4294967295 auid={auid} tty=(none) \
         old-ses=4294967295 ses={ses} res=1\n"
    )
}

/// A whole session over ssh, from second to second.
fn session(from: u64, to: Option<u64>, pid: u32, (auid, name): (u32, &str), ses: u32, addr: &str) -> String {
    let ids = format!("auid={auid} ses={ses}");
    let of = |op: &str| {
        format!(
            "op=PAM:{op} acct=\"{name}\" exe=\"/usr/sbin/sshd\" hostname={addr} addr={addr} terminal=ssh res=success"
        )
    };
    let end = to.map(|to| user("USER_END", to, u64::from(ses) * 10 + 2, pid, &ids, &of("session_close")));
    login(from, u64::from(ses) * 10, pid, auid, ses)
        + &user("USER_START", from, u64::from(ses) * 10 + 1, pid, &ids, &of("session_open"))
        + &end.unwrap_or_default()
}
