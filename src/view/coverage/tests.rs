//! What an audit log covers, and the words for each way in which it does not.

use super::*;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(second, 0)
}

pub(super) fn file(log: &str) -> File {
    let mut summary = Summary::default();
    summary.piece(log.as_bytes());
    summary.end();
    File {
        path: b"/var/log/audit/audit.log".to_vec(),
        bytes: log.len() as u64,
        number: None,
        whole: true,
        summary,
    }
}

/// What is covered from 1000 to 2000 by this log, with as many rules in force.
fn covered(log: Option<&str>, loaded: Option<u64>) -> (CoverageStatement, String) {
    let mut coverage = Coverage::new((at(1_000), at(2_000)), vec![b"phi".to_vec()]);
    match log {
        Some(log) => coverage.file(file(log)),
        None => coverage.unread(),
    }
    let loaded = loaded.map(|loaded| BTreeMap::from([(b"phi".to_vec(), loaded)]));
    coverage.kernel(Kernel { loaded, ..Kernel::default() });
    let statement = coverage.finish();
    let lines = lines(&statement, 0).join("\n");
    (statement, lines)
}

fn call(second: i64, serial: u32) -> String {
    format!(
        "type=SYSCALL msg=audit({second}.000:{serial}): arch=c000003e syscall=2 success=yes exit=3 pid=5 key=(null)\n"
    )
}

fn change(second: i64, serial: u32, what: &str) -> String {
    format!("type=CONFIG_CHANGE msg=audit({second}.000:{serial}): auid=0 {what} res=1\n")
}

#[test]
fn each_way_of_finding_nothing_has_words_of_its_own() {
    let whole = call(900, 1) + &call(1_500, 2) + &call(2_100, 3);
    let quiet = covered(Some(&whole), Some(1));
    assert_eq!(quiet.0.verdict, "complete", "{}", quiet.1);
    assert!(quiet.1.contains("would have been recorded"));
    let no_rule = covered(Some(&whole), Some(0));
    assert_eq!(no_rule.0.verdict, "none");
    assert!(no_rule.1.contains("no rule with this key was in force"), "{}", no_rule.1);
    let off =
        call(900, 1) + &change(1_200, 2, "op=set audit_enabled=0 old=1") + &call(1_300, 3) + &call(2_100, 4);
    let off = covered(Some(&off), Some(1));
    assert_eq!(off.0.verdict, "partial");
    assert!(off.1.contains("auditing was switched off"), "{}", off.1);
    let late = call(900, 1) + &change(1_400, 2, "op=add_rule key=\"phi\" list=4") + &call(2_100, 3);
    let late = covered(Some(&late), Some(1));
    assert!(
        late.1.contains(
            "no rule with this key was in force from 1970-01-01 00:15:00 UTC to 1970-01-01 00:23:20"
        ),
        "{}",
        late.1
    );
    let lost = covered(Some(&(call(900, 1) + &call(1_500, 9) + &call(2_100, 10))), Some(1));
    assert!(lost.1.contains("are in none of the logs"), "{}", lost.1);
    let rotated = covered(Some(&(call(1_500, 1) + &call(2_100, 2))), Some(1));
    assert!(rotated.1.contains("begin at"), "{}", rotated.1);
    let unreadable = covered(None, Some(1));
    assert_eq!(unreadable.0.verdict, "unknown");
    assert!(unreadable.1.contains("could not be read"), "{}", unreadable.1);
    let unknown = covered(Some(&whole), None);
    assert_eq!(unknown.0.verdict, "unknown");
    assert!(unknown.1.contains("whether a rule"), "{}", unknown.1);
    let all = [quiet, no_rule, off, late, lost, rotated, unreadable, unknown];
    for (at, (_, words)) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|(_, other)| other != words), "{words}");
    }
}

#[test]
fn a_copy_of_a_log_adds_no_rule_where_the_kernel_did_not_say_how_many_there_are() {
    let log = call(900, 1) + &change(1_400, 2, "op=add_rule key=\"phi\" list=4") + &call(2_100, 3);
    let late = |copies: usize| {
        let mut coverage = Coverage::new((at(1_000), at(2_000)), vec![b"phi".to_vec()]);
        (0..copies).for_each(|_| coverage.file(file(&log)));
        let gaps = coverage.finish().gaps;
        gaps.iter().any(|gap| (gap.code, gap.to) == (ReasonCode::RuleLate, at(1_400)))
    };
    assert!(late(1) && late(2));
}

/// What is covered of a folder by a log without a gap, with these rules in force.
fn covered_by(rules: &str, folder: &str) -> (&'static str, Vec<ReasonCode>) {
    let mut coverage = Coverage::new((at(1_000), at(2_000)), vec![b"phi".to_vec()]);
    coverage.file(file(&(call(900, 1) + &call(1_500, 2) + &call(2_100, 3))));
    coverage.kernel(kernel::tests::kernel(rules));
    coverage.roots(vec![kernel::tests::root(&[folder], None)]);
    let statement = coverage.finish();
    (statement.verdict, statement.gaps.iter().map(|gap| gap.code).collect())
}

#[test]
fn what_is_asked_about_is_covered_by_rules_that_watch_it_and_by_no_others() {
    let tree = "-a always,exit -F dir=/srv/phi -F perm=rwa -F key=phi\n";
    assert_eq!(covered_by(tree, "/srv/phi"), ("complete", vec![]));
    assert_eq!(covered_by(tree, "/srv/phi/archive"), ("complete", vec![]));
    for folder in ["/srv/new", "/srv"] {
        assert_eq!(covered_by(tree, folder), ("unknown", vec![ReasonCode::RuleNarrow]), "{folder}");
    }
    // Nobody can tell when it came.
    let hides = format!("-a always,exclude -F msgtype=CONFIG_CHANGE\n{tree}");
    assert_eq!(covered_by(&hides, "/srv/phi"), ("unknown", vec![ReasonCode::CoverageUnknown]));
}

#[test]
fn a_login_identity_that_was_rewritten_is_told_and_a_first_one_is_not() {
    let told = |line: &str| {
        let mut coverage = Coverage::new((at(1_000), at(2_000)), Vec::new());
        coverage.event(&Event::of(&[line.as_bytes()]).unwrap());
        coverage.finish().signs.iter().map(|sign| sign.kind).collect::<Vec<_>>()
    };
    assert_eq!(
        told("type=LOGIN msg=audit(1500.0:7): pid=5 uid=0 old-auid=1000 auid=0 res=1"),
        ["loginuid_changed"]
    );
    assert!(told("type=LOGIN msg=audit(1500.0:7): pid=5 uid=0 old-auid=4294967295 auid=0 res=1").is_empty());
    assert_eq!(
        told(
            "type=SYSCALL msg=audit(1500.0:7): arch=c000003e syscall=227 success=yes exit=0 pid=5 key=(null)"
        ),
        ["clock_step"]
    );
    // Written from documentation (kernel/auditsc.c, `__audit_tk_injoffset`, `audit_log_ntp_val`).
    assert_eq!(told("type=TIME_INJOFFSET msg=audit(1500.0:7): sec=-3600 nsec=0"), ["clock_step"]);
    assert_eq!(told("type=TIME_ADJNTPVAL msg=audit(1500.0:7): op=freq old=1 new=2"), ["clock_adjusted"]);
    // A failed call set nothing, and on another processor the number is another call's.
    for fields in
        ["arch=c000003e syscall=227 success=no exit=-1", "arch=c00000b7 syscall=227 success=yes exit=0"]
    {
        assert!(told(&format!("type=SYSCALL msg=audit(1500.0:7): {fields} pid=5 key=(null)")).is_empty());
    }
    assert_eq!(
        told("type=CONFIG_CHANGE msg=audit(1500.0:7): op=set audit_enabled=2 old=1 res=1"),
        ["locked"]
    );
}

#[test]
fn changes_of_limits_trouble_of_the_daemon_and_commands_are_told_with_what_they_say() {
    let told = |lines: &[&str]| {
        let mut coverage = Coverage::new((at(1_000), at(2_000)), Vec::new());
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let record = crate::records::audit_log::record(lines[0]).unwrap();
        assert!(
            lines.iter().any(|line| Coverage::wants(record.kind, line) || Coverage::wants(b"EXECVE", line))
        );
        coverage.event(&Event::of(&lines).unwrap());
        let signs = coverage.finish().signs;
        signs.into_iter().map(|sign| (sign.kind, sign.words)).collect::<Vec<_>>()
    };
    let change = |what: &str| told(&[&format!("type=CONFIG_CHANGE msg=audit(1500.0:7): {what} res=1")]);
    for (what, words) in [
        ("op=set audit_backlog_limit=8 old=8192", "audit_backlog_limit was set to 8 from 8192"),
        ("op=set audit_rate_limit=1 old=0", "audit_rate_limit was set to 1 from 0"),
        ("op=set audit_failure=0 old=1", "audit_failure was set to 0 from 1"),
    ] {
        assert_eq!(change(what), [("limits", words.to_owned())]);
    }
    assert!(change("op=add_rule key=\"phi\" list=4").is_empty());
    for kind in ["DAEMON_ERR", "DAEMON_RESUME"] {
        let line = format!("type={kind} msg=audit(1500.0:7): op=x auid=0 pid=1 res=failed");
        assert_eq!(told(&[&line])[0].0, "suspended");
    }
    let ran = [
        "type=SYSCALL msg=audit(1500.0:7): arch=c000003e syscall=59 success=yes exit=0 auid=1001 ses=3 key=(null)",
        "type=EXECVE msg=audit(1500.0:7): argc=2 a0=\"auditctl\" a1=\"-D\"",
    ];
    assert_eq!(told(&ran), [("command", "auid 1001 in session 3 ran: auditctl -D".to_owned())]);
}

#[test]
fn the_longest_silence_is_told_within_a_file_between_two_and_up_to_the_end() {
    let longest = |logs: &[String], window: (i64, i64)| {
        let mut coverage = Coverage::new((at(window.0), at(window.1)), vec![b"phi".to_vec()]);
        logs.iter().for_each(|log| coverage.file(file(log)));
        let statement = coverage.finish();
        let told = lines(&statement, 0).into_iter().find(|line| line.contains("longest time"));
        (statement.silence.map(|span| (span.from.unix(), span.to.unix())), told)
    };
    let first = call(1_000, 1) + &call(1_100, 2) + &call(1_900, 3) + &call(1_950, 4);
    let (span, told) = longest(std::slice::from_ref(&first), (1_000, 2_000));
    assert_eq!(span, Some((1_100, 1_900)));
    assert_eq!(
        told.unwrap(),
        "the longest time without any record: 13 min 20 s, from 1970-01-01 00:18:20 UTC to 1970-01-01 00:31:40 UTC"
    );
    assert_eq!(longest(std::slice::from_ref(&first), (1_000, 4_000)).0, Some((1_950, 4_000)));
    assert_eq!(longest(&[call(3_000, 5), first.clone()], (1_000, 3_000)).0, Some((1_950, 3_000)));
    // Of a window what lies in it, and what is short is in the row alone.
    let (span, told) = longest(&[first], (1_800, 1_960));
    assert_eq!((span, told), (Some((1_800, 1_900)), None));
}

#[test]
fn what_cannot_be_seen_names_the_kernel() {
    let mut coverage = Coverage::new((at(1_000), at(2_000)), Vec::new());
    let started = b"type=DAEMON_START msg=audit(1500.0:7): op=start ver=3.0.9 format=raw kernel=5.10.0-9 auid=0 res=success";
    coverage.event(&Event::of(&[started]).unwrap());
    let lines = coverage.finish().cannot_see;
    assert!(lines.iter().any(|line| line.ends_with("; here it was Linux 5.10.0-9")), "{lines:#?}");
}
