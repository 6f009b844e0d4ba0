//! The tries of a scripted scenario as auditd and btmp recorded them (fixtures/README.md), and made-up ones.

mod differences;

use super::*;
use crate::records::audit_event::Place;
use crate::records::auth_text::{From, TimeQuality};

const AUDIT: &[u8] = include_bytes!("../../../fixtures/sessions/audit.log");

fn said(seconds: i64, tag: &str, pid: u32, message: Message) -> Said {
    Said {
        time: Some((Timestamp::from_unix(seconds, 0), TimeQuality::Exact)),
        host: b"vm".to_vec(),
        tag: tag.into(),
        pid: Some(pid),
        witness: None,
        place: Place { file: 0, offset: seconds as u64 },
        times: 1,
        message,
    }
}

fn tried(answer: Answer, user: &str, address: &str) -> Message {
    let from = From { address: address.into(), port: Some(33858) };
    Message::Tried {
        answer,
        method: b"password".to_vec(),
        user: user.into(),
        unknown_user: false,
        from,
        key: None,
    }
}

fn attempt(user: &str, connection: &str, from: &str) -> Attempt {
    let (connection, method) = (connection.into(), b"password".to_vec());
    Attempt { user: user.into(), connection, method, from: from.into(), lines: 2, ..Attempt::default() }
}

#[test]
fn connections_tries_and_records_are_counts_of_their_own() {
    let mut logins = Logins::new(None);
    for line in AUDIT.split(|byte| *byte == b'\n') {
        Event::of(&[line]).iter().for_each(|event| logins.audit(event));
    }
    // One connection of alice's with two tries, in two lines of sshd and two of PAM; in btmp two records.
    (0..2).for_each(|_| logins.attempt(&attempt("alice", "25960", "127.0.0.1")));
    (0..2).for_each(|at| logins.failed_record(b"alice", b"127.0.0.1", Some(Timestamp::from_unix(at, 0))));
    let from = From { address: b"127.0.0.1".to_vec(), port: None };
    let (reason, user) = (b"Authentication failure".to_vec(), b"alice".to_vec());
    let rejected = Message::PamRejected { reason, user, unknown_user: false, from };
    logins.said(Source::Text, &said(1, "sshd", 25960, rejected));
    logins.said(Source::Text, &said(3, "sshd", 25960, tried(Answer::Failed, "alice", "127.0.0.1")));
    logins.said(Source::Text, &said(4, "sshd", 1, Message::Shed));
    let counted = logins.finish();
    let alice = &counted.accounts[&b"alice"[..]];
    assert_eq!((alice.connections, alice.all_rejected(), alice.accepted.len()), (1, 2, 0));
    let records: Vec<(&str, u64)> = alice.records.iter().map(|(kind, count)| (*kind, *count)).collect();
    assert_eq!(
        records,
        [
            ("audit_user_auth_failed", 2),
            ("audit_user_auth_success", 1),
            ("audit_user_login_failed", 2),
            ("btmp", 2),
            ("text_error_pam", 1),
            ("text_failed", 1),
        ]
    );
    // PAM's record names who is not known; sshd's has words in brackets, and is of no name.
    assert_eq!(counted.accounts[&b"mallory"[..]].records["audit_user_auth_failed"], 2);
    assert!(!counted.accounts.contains_key(&b"(invalid user)"[..]));
    assert!(counted.accounts[&b""[..]].records["audit_user_login_failed"] > 0);
    assert_eq!(counted.sources[&b"127.0.0.1"[..]].records["audit_user_login_failed"], 6);
    assert_eq!(counted.notes.shed, 1);
}

#[test]
fn a_connection_that_tries_two_accounts_is_one_of_each_and_one_in_all() {
    let mut logins = Logins::new(None);
    for (user, connection, from) in [("a", "1", "x"), ("b", "1", "x"), ("a", "2", "y"), ("a", "2", "y")] {
        logins.attempt(&attempt(user, connection, from));
    }
    let counted = logins.finish();
    let connections = |tally: &Tally| (tally.connections, tally.all_rejected());
    assert_eq!(connections(&counted.total), (2, 4));
    assert_eq!(connections(&counted.accounts[&b"a"[..]]), (2, 3));
    assert_eq!(
        (connections(&counted.accounts[&b"b"[..]]), connections(&counted.sources[&b"x"[..]])),
        ((1, 1), (1, 2))
    );
}

/// Written from documentation (sshd_config(5), AuthenticationMethods).
#[test]
fn who_had_one_secret_of_two_right_is_an_account() {
    for (answer, is_known) in [(Answer::Partial, true), (Answer::Accepted, true), (Answer::Failed, false)] {
        let mut logins = Logins::new(None);
        logins.said(Source::Text, &said(1, "sshd", 7, tried(answer, "alice", "192.0.2.7")));
        assert_eq!(logins.finish().accounts[&b"alice"[..]].known, is_known, "{answer:?}");
    }
}

#[test]
fn what_may_be_a_password_is_masked_and_names_are_not() {
    for secret in ["Tr0ub4dor", "correct horse!", "hunter2hunter2", "P@ss!", "S3cret"] {
        assert!(maybe_secret(secret.as_bytes(), &|_| false), "{secret}");
    }
    for name in ["root", "alice", "user1", "test123", "www-data", "Administrator", "_apt", "a.b@clinic", ""] {
        assert!(!maybe_secret(name.as_bytes(), &|_| false), "{name}");
    }
    let mut logins = Logins::new(Some(BTreeSet::from([b"Kim2Admin".to_vec()])));
    for user in ["Kim2Admin", "Tr0ub4dor", "mallory"] {
        logins.failed_record(user.as_bytes(), b"192.0.2.7", None);
    }
    let counted = logins.finish();
    let names = |unmasked| -> Vec<String> {
        let rows = counted.rows(unmasked).filter(|row| row.by == "account");
        rows.map(|row| row.name.unwrap().text).collect()
    };
    assert_eq!(names(false), ["Kim2Admin", "***", "mallory"]);
    assert_eq!(names(true), ["Kim2Admin", "Tr0ub4dor", "mallory"]);
}

/// Of plain files no passwd is known, and neither btmp nor the audit log calls a name invalid.
#[test]
fn a_name_is_masked_unless_something_says_that_it_is_an_account() {
    let audit = |acct: &str, result: &str| {
        format!(
            "type=USER_AUTH msg=audit(1795292000.604:24): pid=1 uid=0 auid=4294967295 ses=4294967295 \
             msg='op=PAM:authentication acct=\"{acct}\" exe=\"/usr/sbin/sshd\" addr=192.0.2.7 terminal=ssh res={result}'"
        )
    };
    let mut logins = Logins::new(None);
    logins.failed_record(b"Secret9!x", b"192.0.2.7", None);
    for line in [audit("Winter2026!", "failed"), audit("Kim2Admin", "failed"), audit("Kim2Admin", "success")]
    {
        logins.audit(&Event::of(&[line.as_bytes()]).unwrap());
    }
    let refused = |user: &str, reason: &str| Message::NotAllowed {
        user: user.into(),
        from: From { address: b"192.0.2.7".to_vec(), port: None },
        reason: reason.into(),
    };
    for message in [
        tried(Answer::Failed, "Unsaid-1", "192.0.2.7"),
        tried(Answer::Accepted, "Let-In1", "192.0.2.7"),
        refused("By-Sshd1", "not listed in AllowUsers"),
        refused("By-Pam1", "access denied for user `By-Pam1' from `192.0.2.7'"),
    ] {
        logins.said(Source::Text, &said(1, "sshd", 7, message));
    }
    let counted = logins.finish();
    for (name, is_masked) in [
        ("Secret9!x", true),
        ("Winter2026!", true),
        ("Unsaid-1", true),
        ("By-Pam1", true),
        ("Kim2Admin", false),
        ("Let-In1", false),
        ("By-Sshd1", false),
        ("alice", false),
    ] {
        assert_eq!(counted.is_masked(name.as_bytes()), is_masked, "{name}");
    }
    // Who was let in is known, whatever passwd says: there are directories of accounts.
    let mut logins = Logins::new(Some(BTreeSet::from([b"root".to_vec()])));
    logins.said(Source::Text, &said(1, "sshd", 7, tried(Answer::Accepted, "Let-In1", "192.0.2.7")));
    assert!(!logins.finish().is_masked(b"Let-In1"));
}

#[test]
fn tries_and_records_of_no_name_are_a_row_among_the_accounts() {
    let mut logins = Logins::new(None);
    logins.attempt(&attempt("alice", "1", "192.0.2.7"));
    logins.attempt(&attempt("", "2", "192.0.2.7"));
    logins.failed_record(b"", b"192.0.2.7", None);
    let from = From { address: b"192.0.2.7".to_vec(), port: Some(33858) };
    logins.said(Source::Text, &said(1, "sshd", 7, Message::UnknownUser { user: Vec::new(), from }));
    let rows: Vec<_> = logins.finish().rows(false).collect();
    let sum = |by: &str| -> (u64, u64) {
        let rows = || rows.iter().filter(|row| row.by == by);
        (
            rows().flat_map(|row| row.rejected.values()).sum(),
            rows().flat_map(|row| row.records.values()).sum(),
        )
    };
    assert_eq!((sum("account"), sum("all")), ((2, 2), (2, 2)));
    let nameless: Vec<_> = rows.iter().filter(|row| row.by == "account" && row.name.is_none()).collect();
    assert_eq!((nameless.len(), nameless[0].connections, nameless[0].masked), (1, 1, false));
    // A try of which no source is told is in no row of sources.
    assert!(rows.iter().all(|row| row.by != "source" || row.name.is_some()));
}

#[test]
fn accounts_beyond_what_is_told_apart_are_counted_together() {
    let mut logins = Logins::new(None);
    for at in 0..MOST + 10 {
        logins.attempt(&attempt(&format!("user{at:06}"), "1", "192.0.2.7"));
    }
    let counted = logins.finish();
    assert_eq!((counted.accounts.len(), counted.other_accounts.all_rejected()), (MOST, 10));
    assert_eq!(counted.total.all_rejected(), MOST as u64 + 10);
    assert!(counted.rows(false).any(|row| row.by == "other_accounts"));
}

#[test]
fn only_what_is_asked_for_is_counted_and_what_has_no_time_is_in_no_window() {
    let at = |seconds| Some(Timestamp::from_unix(seconds, 0));
    let wanted = Wanted { since: at(10), until: at(20), users: vec![b"alice".to_vec()], sources: Vec::new() };
    let mut logins = Logins::new(None).only(wanted);
    for (user, time) in
        [("alice", at(9)), ("alice", at(10)), ("alice", at(21)), ("alice", None), ("bob", at(15))]
    {
        logins.attempt(&Attempt { time, ..attempt(user, "1", "192.0.2.7") });
        logins.failed_record(user.as_bytes(), b"192.0.2.7", time);
    }
    let counted = logins.finish();
    assert_eq!((counted.total.all_rejected(), counted.total.records["btmp"]), (1, 1));
    assert_eq!((counted.accounts.len(), counted.notes.undated), (1, 2));
}

#[test]
fn a_try_of_which_two_logs_tell_is_one_and_two_alike_in_one_log_are_two() {
    use crate::records::auth_text::attempts::Attempts;
    let mut told = Vec::new();
    for file in [4, 7, 9] {
        let mut attempts = Attempts::default();
        for seconds in [100, 100, 105] {
            let mut line = said(seconds, "sshd", 5, tried(Answer::Failed, "alice", "192.0.2.7"));
            line.place.file = file;
            attempts.said(&line, &mut |attempt| told.push(attempt));
        }
        attempts.end(&mut |attempt| told.push(attempt));
    }
    let mut once = once::Once::default();
    let new: Vec<u32> = told.iter().filter(|told| once.is_new(told)).map(|told| told.place.file).collect();
    assert_eq!((new, once.again, once.forgotten), (vec![4, 4, 4], 6, 0));
    assert_eq!(told.iter().flat_map(Attempt::all_of).count(), 9);
}

/// Made up.
#[test]
fn tries_that_are_alike_are_not_looked_through_however_many_there_are() {
    use crate::records::auth_text::attempts::Attempts;
    let (mut attempts, mut told) = (Attempts::default(), Vec::new());
    attempts.said(&said(100, "sshd", 5, tried(Answer::Failed, "alice", "192.0.2.7")), &mut |_| {});
    attempts.end(&mut |attempt| told.push(attempt));
    let mut attempt = told.remove(0);
    let (begun, tries) = (std::time::Instant::now(), 45_000);
    let mut once = once::Once::default();
    for file in 1..=3 {
        attempt.place.file = file;
        let mut is_new = |at: u32| {
            attempt.time = Some(Timestamp::from_unix(100, at * 20_000));
            once.is_new(&attempt)
        };
        let new = (0..tries).filter(|at| is_new(*at)).count();
        assert_eq!(new, if file == 1 { 45_000 } else { 0 });
    }
    assert_eq!((once.again, once.forgotten), (90_000, 0));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// Written from documentation (OpenSSH, auth.c: `getpwnamallow` and `auth_log`).
#[test]
fn who_is_not_let_in_is_no_unknown_user() {
    let invalid = |user: &str| {
        let mut message = tried(Answer::Failed, user, "192.0.2.7");
        if let Message::Tried { unknown_user, .. } = &mut message {
            *unknown_user = true;
        }
        message
    };
    let from = || From { address: b"192.0.2.7".to_vec(), port: Some(33858) };
    let not_allowed = |user: &str| Message::NotAllowed {
        user: user.into(),
        from: from(),
        reason: b"not listed in AllowUsers".to_vec(),
    };
    let unknown = |user: &str, from: From| Message::UnknownUser { user: user.into(), from };
    let mut logins = Logins::new(None);
    for message in [
        not_allowed("root"),
        invalid("root"),
        unknown("Tr0ub4dor", from()),
        invalid("Tr0ub4dor"),
        // As of a log that begins there, or of another machine of a central log.
        invalid("Sommer2026!"),
        not_allowed("Admin-1"),
        invalid("Admin-1"),
        unknown("old", From::default()),
        unknown("ann", from()),
        tried(Answer::Accepted, "ann", "192.0.2.7"),
    ] {
        logins.said(Source::Text, &said(1, "sshd", 7, message));
    }
    logins.attempt(&Attempt { invalid: true, ..attempt("root", "process 7", "192.0.2.7") });
    let counted = logins.finish();
    let unknown: Vec<String> = counted
        .rows(true)
        .filter(|row| row.by == "account" && row.unknown_user)
        .map(|row| row.name.unwrap().text)
        .collect();
    assert_eq!(unknown, ["Tr0ub4dor"]);
    let masked = [&b"Tr0ub4dor"[..], b"Sommer2026!", b"Admin-1"].map(|name| counted.is_masked(name));
    assert_eq!(masked, [true, true, false]);
}
