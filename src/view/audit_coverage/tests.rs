//! Rules, openings and logs, and what they show together.

use super::*;
use crate::custody::json;
use crate::records::audit_log::Summary;
use crate::records::audit_rules::disk::{Meaning, Names, compile};
use crate::records::audit_rules::syscalls::X86_64;
use crate::view::coverage::Coverage;
use crate::view::recording::tests::{files, log, status};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(1_000_000 + second, 0)
}

fn rules(text: &str) -> Vec<Rule> {
    let names = Names { machine: Some(X86_64), ..Names::default() };
    let lines = compile(text.as_bytes(), &names).into_iter();
    lines
        .map(|line| match line.meaning {
            Meaning::Rule(written) => written.rule().clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

const TREE: &str = "-a always,exit -F dir=/srv/phi -F perm=rwxa -F key=phi";
fn under(key: &str) -> Canary {
    let keys = Some(vec![key.as_bytes().to_vec()]);
    Canary::Looked { folder: keys.clone(), inside: Some(keys) }
}

fn seen() -> Canary {
    under("phi")
}

fn absent() -> Canary {
    Canary::Looked { folder: Some(vec![b"phi".to_vec()]), inside: Some(None) }
}

fn logs() -> Vec<Summary> {
    vec![log(&["10 20 SYSCALL key=(null)", "190 21 SYSCALL key=(null)"])]
}

fn judge(rule_text: &str, logs: &[Summary], canary: Canary) -> PlaceCoverageRow {
    let rules = rules(rule_text);
    let state = status(1, 7, 0);
    let recording = Recording::of((at(100), at(200)), Some(&state), files(logs), 0);
    let root = HostPath::new("/srv/phi").unwrap();
    let place = Place { mount: root.clone(), root, is_folder: true, canary };
    Auditing::of(recording, Some(&rules), Some(X86_64)).coverage(&place, &[b"phi".to_vec()]).row
}

#[test]
fn covered_is_what_a_whole_rule_a_seen_canary_and_a_log_without_lapse_show() {
    let row = judge(TREE, &logs(), seen());
    assert_eq!((row.verdict, row.scope, row.canary), ("covered", "tree", "seen"), "{}", row.words);
    assert!(row.codes.is_empty() && row.words.starts_with("openings by name"));
    assert_eq!((row.keys.len(), row.keys[0].permissions.as_str(), row.keys[0].rules), (1, "rwxa", 1));
    json::assert_keys_sorted(&row);
    // What no log shows stands beside it, the same as beside accesses.
    let statement = Coverage::new((at(100), at(200)), Vec::new()).finish();
    assert_eq!(
        (row.limits, row.limits.len()),
        (&statement.cannot_see.iter().map(String::as_str).collect::<Vec<_>>()[..], 8)
    );
    // auditctl -l of a watch is the same.
    assert_eq!(row.rule.unwrap(), "-w /srv/phi -p rwxa -k phi");
}

#[test]
fn each_reason_against_it_has_its_code() {
    let codes = |rules: &str, canary: Canary| judge(rules, &logs(), canary).codes;
    assert_eq!(codes(TREE, absent()), [ReasonCode::NotRecorded]);
    let name = "-a always,exit -F path=/srv/phi -F perm=rwxa -F key=phi";
    assert_eq!(codes(name, absent()), [ReasonCode::NotRecorded, ReasonCode::RuleNarrow]);
    assert_eq!(judge(name, &logs(), absent()).scope, "name");
    let by_person = "-a always,exit -F dir=/srv/phi -F perm=rwxa -F auid>=1000 -F key=phi";
    let row = judge(by_person, &logs(), absent());
    assert_eq!(
        (row.codes.as_slice(), row.canary, row.scope),
        (&[ReasonCode::RuleNarrow][..], "not_expected", "part")
    );
    assert_eq!(
        codes("-a always,exit -F dir=/srv/phi -F perm=wa -F key=phi", absent()),
        [ReasonCode::RuleNarrow]
    );
    let suppressed = format!("-a never,exit -F dir=/srv/phi/scratch\n{TREE}");
    assert_eq!(codes(&suppressed, seen()), [ReasonCode::RuleNarrow]);
    let hidden = format!("-a always,exclude -F msgtype=CONFIG_CHANGE\n{TREE}");
    assert_eq!(codes(&hidden, seen()), [ReasonCode::CoverageUnknown]);
    assert_eq!(
        codes("-a always,exit -F dir=/srv/other -F perm=r -F key=phi", absent()),
        [ReasonCode::NoRule]
    );
    assert_eq!(codes("", absent()), [ReasonCode::NoRule]);
    let late = vec![log(&["10 20 SYSCALL a=1", "150 21 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1"])];
    assert_eq!(judge(TREE, &late, seen()).codes, [ReasonCode::RuleLate]);
    assert_eq!(judge(TREE, &[], seen()).codes, [ReasonCode::CoverageUnknown]);
    let unknown = judge(TREE, &logs(), Canary::Unknown("no log".into()));
    assert_eq!((unknown.canary, unknown.canary_words.as_str()), ("unknown", "no log"));
    assert_eq!(unknown.codes, [ReasonCode::CoverageUnknown], "a rule alone proves nothing");
}

#[test]
fn a_key_that_our_own_openings_do_not_bear_finds_nobody() {
    let row = judge(TREE, &logs(), under("root_opens"));
    assert_eq!((row.canary, row.codes.as_slice()), ("seen", &[ReasonCode::NotRecorded][..]), "{}", row.words);
}

#[test]
fn two_rules_of_one_key_cover_together() {
    let both = "-a always,exit -F dir=/srv/phi -F perm=r -F key=phi\n-a always,exit -F dir=/srv -F perm=wa -F key=phi";
    let row = judge(both, &logs(), seen());
    assert_eq!((row.verdict, row.keys[0].permissions.as_str()), ("covered", "rwa"), "{}", row.words);
}

#[test]
fn rules_of_the_same_key_for_other_places_came_and_went_in_the_same_records() {
    let more = format!("{TREE}\n-a always,exit -F dir=/srv/other -F perm=rwxa -F key=phi");
    let added = |second: u32, serial: u32| {
        format!("{second} {serial} CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1")
    };
    let lines = ["5 9000000 SYSCALL a=1", "10 20 SYSCALL a=1", &added(20, 21), &added(21, 22)];
    let logs = vec![log(&[&lines[..], &["190 23 SYSCALL a=1"]].concat())];
    assert_eq!(judge(&more, &logs, seen()).verdict, "covered");
    // One of them left no record.
    assert_eq!(judge(TREE, &logs, seen()).codes, [ReasonCode::CoverageUnknown]);
}

#[test]
fn without_the_rules_nothing_is_known() {
    let state = status(1, 7, 0);
    let logs = logs();
    let recording = Recording::of((at(100), at(200)), Some(&state), files(&logs), 0);
    let root = HostPath::new("/srv/phi").unwrap();
    let place = Place { mount: root.clone(), root, is_folder: true, canary: seen() };
    let row = Auditing::of(recording, None, None).coverage(&place, &[b"phi".to_vec()]).row;
    assert_eq!((row.codes.as_slice(), row.scope), (&[ReasonCode::CoverageUnknown][..], "none"));
}

#[test]
fn a_key_of_which_nothing_is_known_is_never_said_to_be_quiet() {
    let (outcome, reason) = meaning_of_nothing(&[], b"phi", "nothing matched");
    assert_eq!((outcome, reason.code), (Outcome::Inconclusive, ReasonCode::CoverageUnknown));
}
