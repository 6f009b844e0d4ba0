//! Rows of sealed tables, with each of their times.

use super::*;
use crate::custody::rows::FileRow;
use crate::path::HostPath;

const AT: At = At { entry: Some(EntryId(9)), offset: 40 };

fn facts(member: &str, row: &str) -> Vec<Fact> {
    let mut tally = Tally::default();
    let facts = reader(member, Kind::Derived).unwrap().facts(row.as_bytes(), AT, &mut tally);
    assert_eq!((tally.facts, tally.unread), (facts.len() as u64, 0), "{row}");
    facts
}

/// Rows of a bundle of this machine.
#[test]
fn each_table_s_times_are_facts() {
    let rows = [
        (
            "data/live/processes/processes.jsonl",
            r#"{"comm":"sshd","command":"sshd: anna","exe":"/usr/sbin/sshd","login_uid":1000,"pid":812,"start":"2026-11-21T20:19:48.010000000Z","uid":0}"#,
            "process.started",
            "process 812 started, still running at the collection: sshd, program /usr/sbin/sshd, command sshd: anna, user 0, login 1000",
        ),
        (
            "data/live/sessions-live/sessions.jsonl",
            r#"{"audit_session":3,"evidence":["audit"],"leader":812,"login_uid":1000,"name":"anna","remote":"192.0.2.7","started":"2026-11-21T20:19:48.000000000Z"}"#,
            "session.opened",
            "session 3 of anna opened, still there at the collection, from 192.0.2.7, first process 812",
        ),
        (
            "data/live/sessions-live/multiplexers.jsonl",
            r#"{"attached":[],"kind":"tmux","pid":900,"role":"server","started":"2026-11-21T20:19:48.000000000Z","uid":1000}"#,
            "process.started",
            "tmux server, process 900, started, still there at the collection, user 1000",
        ),
        (
            "data/live/kernel-log/kmsg.jsonl",
            r#"{"boot_us":5,"facility":"kern","level":"warning","message":"audit: backlog limit exceeded","utc":"2026-11-21T20:19:48.000000000Z"}"#,
            "kernel.message",
            "kernel log (kern warning): audit: backlog limit exceeded",
        ),
        (
            "data/live/audit-logs/history.jsonl",
            r#"{"entry":"000031","kind":"switched","serial":5,"time":"2026-11-21T20:19:48.123000000Z","words":"auditing was switched off"}"#,
            "auditing.switched",
            "auditing: auditing was switched off",
        ),
        (
            "data/live/accounts/shadow-before.jsonl",
            r#"{"algorithm":"yescrypt","last_change":"20000","line":1,"name":"anna","state":"usable"}"#,
            "account.password_changed",
            "password of anna last changed on this day, as the shadow file says (usable)",
        ),
        (
            "data/live/clock-start/clock.json",
            r#"{"boottime_ns":77,"discipline":{"status":["x"]},"utc":"2026-11-21T20:19:48.000000000Z"}"#,
            "collector.clock",
            "phi-ir read the clock, 77 ns after boot",
        ),
        (
            "data/live/host/host.json",
            r#"{"hostname":"ehr01","totals":{"boot_time_unix":1795292388}}"#,
            "host.booted",
            "ehr01 booted, by the clock of the collection",
        ),
    ];
    for (member, row, what, words) in rows {
        let facts = facts(member, row);
        assert_eq!(facts.len(), 1, "{member}");
        assert_eq!((facts[0].what.as_ref(), facts[0].words.as_str()), (what, words));
    }
    let process = &facts(rows[0].0, rows[0].1)[0];
    assert_eq!((process.pid, process.auid, process.quality), (Some(812), Some(1000), Quality::SinceBoot));
    assert_eq!(process.path, b"/usr/sbin/sshd");
    assert_eq!(facts(rows[5].0, rows[5].1)[0].time.unwrap().day(), "2024-10-04");
    assert_eq!(facts(rows[6].0, rows[6].1)[0].labels, [COLLECTOR]);
    let is_document = |member| reader(member, Kind::Capture).unwrap().is_document();
    assert!(is_document(rows[6].0) && !is_document(rows[0].0));
    // It stands in the log that the table is made of.
    assert_eq!(facts(rows[4].0, rows[4].1)[0].at.entry, Some(EntryId(31)));
}

#[test]
fn a_login_record_with_two_times_gives_two_facts_at_the_place_of_the_record() {
    let row = r#"{"address":"192.0.2.7","entry":"000012","file":"/var/lib/wtmpdb/wtmp.db","flags":[],"format":"wtmpdb","kind":"user",
        "line":"pts/0","logout":"2026-11-21T21:00:00.000000000Z","offset":768,"pid":812,"time":"2026-11-21T20:00:00.000000000Z",
        "user":"an\\xff","user_b64":"YW7/"}"#;
    let facts = facts("data/view/login-records.jsonl", row);
    let told: Vec<(&str, &str)> =
        facts.iter().map(|fact| (fact.what.as_ref(), fact.words.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "login_record.user",
                "login record user of an\\xff at pts/0 (192.0.2.7), in /var/lib/wtmpdb/wtmp.db"
            ),
            (
                "session.closed",
                "login record: session of an\\xff at pts/0 closed, in /var/lib/wtmpdb/wtmp.db"
            ),
        ]
    );
    assert_eq!((facts[0].user.as_slice(), facts[0].address.as_slice()), (&b"an\xff"[..], &b"192.0.2.7"[..]));
    assert_eq!(facts[0].at, At { entry: Some(EntryId(12)), offset: 768 });
    let named = row.replace("address", "host");
    assert_eq!(self::facts("data/view/login-records.jsonl", &named)[0].address, b"192.0.2.7");
}

#[test]
fn a_listing_is_read_by_its_kind_and_a_row_with_metadata_within_by_its_name() {
    let stat = r#""atime":"2026-11-21T20:00:04Z","blocks":8,"ctime":"2026-11-21T20:00:03Z","dev":"8:1","gid":0,"ino":12,
        "mode":"100640","mtime":"2026-11-21T20:00:02Z","nlink":1,"size":5,"uid":0"#;
    let row = format!("{{\"kind\":\"exe\",\"path\":\"/tmp/x\",\"stat\":{{{stat}}},\"state\":\"deleted\"}}");
    let found = facts("data/live/process-files/executables.jsonl", &row);
    assert_eq!((found.len(), found[0].path.as_slice()), (3, &b"/tmp/x"[..]));

    let stat: crate::custody::entry::FileStat = json::read(format!("{{{stat}}}").as_bytes(), 1000).unwrap();
    let row = FileRow::new(&HostPath::new(b"/srv/phi/a\xff").unwrap(), stat, None);
    let row = json::line(&row).unwrap();
    let listing = reader("data/live/phi-files/files-000001.jsonl", Kind::Listing).unwrap();
    let found = listing.facts(&row, AT, &mut Tally::default());
    assert_eq!((found.len(), found[0].path.as_slice()), (3, &b"/srv/phi/a\xff"[..]));
    assert_eq!(found[0].words, "/srv/phi/a\\xff: content last changed, as its owner may have set it");
    assert_eq!((found[0].quality, found[1].quality), (Quality::Settable, Quality::Exact));
    assert!(reader("data/live/phi-files/files-000001.jsonl", Kind::Derived).is_none());
    assert!(reader("data/live/processes/views.jsonl", Kind::Capture).is_none());
}

#[test]
fn what_gives_no_fact_is_counted() {
    let table = reader("data/live/kernel-log/kmsg.jsonl", Kind::Derived).unwrap();
    let mut tally = Tally::default();
    for row in [r#"{"message":"no time"}"#, r#"{"message":"x","utc":"yesterday"}"#, "{", "", "[]", "\u{0}"] {
        assert!(table.facts(row.as_bytes(), AT, &mut tally).is_empty());
    }
    assert_eq!(tally, Tally { facts: 0, untimed: 2, unread: 4 });
    // A password that has to be changed was not changed on the first day of 1970.
    let row = r#"{"last_change":"0","name":"anna","state":"usable"}"#;
    let shadow = reader("data/live/accounts/shadow.jsonl", Kind::Capture).unwrap();
    assert!(shadow.facts(row.as_bytes(), AT, &mut tally).is_empty());
}

#[test]
fn a_row_of_a_hostile_bundle_acts_on_nothing() {
    let row = r#"{"entry":"9999999999","kind":"a\u001b[2J B\u0000","serial":1,"time":"2026-11-21T20:19:48Z","words":"x\n\u202e"}"#;
    let found = facts("data/live/audit-logs/history.jsonl", row);
    assert_eq!((found[0].what.as_ref(), found[0].at), ("auditing.a2", AT));
    assert_eq!(found[0].words, "auditing: x\\u{a}\\u{202e}");
}

#[test]
fn a_star_stands_for_anything_but_a_slash() {
    for (pattern, name, is) in [
        ("data/live/accounts/shadow*.jsonl", "data/live/accounts/shadow-before.jsonl", true),
        ("data/live/accounts/shadow*.jsonl", "data/live/accounts/shadow.jsonl", true),
        ("data/live/accounts/shadow*.jsonl", "data/live/accounts/gshadow.jsonl", false),
        ("data/live/clock-*/clock.json", "data/live/clock-start/clock.json", true),
        ("data/live/clock-*/clock.json", "data/live/clock-start/x/clock.json", false),
        ("a*.jsonl", "a.jsonl", true),
        ("a*.jsonl", "aé.jsonl", true),
        ("a*.jsonl", "a.jsonl.x", false),
        ("a*", "b", false),
    ] {
        assert_eq!(fits(pattern, name), is, "{pattern} {name}");
    }
}
