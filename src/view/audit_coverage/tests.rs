use super::*;
use crate::custody::json;
use crate::records::audit_log::Summary;
use crate::records::audit_rules::disk::{Meaning, Names, compile};
use crate::records::audit_rules::syscalls::X86_64;
use crate::view::recording::tests::{log, status};

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
const SEEN: Canary = Canary::Looked { folder: true, inside: Some(true) };
const ABSENT: Canary = Canary::Looked { folder: true, inside: Some(false) };

fn logs() -> Vec<Summary> {
    vec![log(&["10 20 SYSCALL key=(null)", "190 21 SYSCALL key=(null)"])]
}

fn judge(rule_text: &str, logs: &[Summary], canary: Canary) -> PlaceCoverageRow {
    let rules = rules(rule_text);
    let state = status(1, 7, 0);
    let recording = Recording::of((at(100), at(200)), Some(&state), logs, 0);
    let root = HostPath::new("/srv/phi").unwrap();
    let place = Place { mount: root.clone(), root, is_folder: true, canary };
    Auditing { recording, rules: Some(&rules), machine: Some(X86_64) }.of(&place, &[b"phi".to_vec()]).row
}

#[test]
fn covered_is_what_a_whole_rule_a_seen_canary_and_a_log_without_lapse_show() {
    let row = judge(TREE, &logs(), SEEN);
    assert_eq!((row.verdict, row.scope, row.canary), ("covered", "tree", "seen"), "{}", row.words);
    assert!(row.codes.is_empty() && row.words.starts_with("accesses from "));
    assert_eq!((row.keys.len(), row.keys[0].permissions.as_str(), row.keys[0].rules), (1, "rwxa", 1));
    json::assert_keys_sorted(&row);
    // auditctl -l of a watch is the same.
    assert_eq!(row.rule.unwrap(), "-w /srv/phi -p rwxa -k phi");
}

#[test]
fn each_reason_against_it_has_its_code() {
    let codes = |rules: &str, canary: Canary| judge(rules, &logs(), canary).codes;
    assert_eq!(codes(TREE, ABSENT), [ReasonCode::NotRecorded]);
    let name = "-a always,exit -F path=/srv/phi -F perm=rwxa -F key=phi";
    assert_eq!(codes(name, ABSENT), [ReasonCode::NotRecorded, ReasonCode::RuleNarrow]);
    assert_eq!(judge(name, &logs(), ABSENT).scope, "name");
    let by_person = "-a always,exit -F dir=/srv/phi -F perm=rwxa -F auid>=1000 -F key=phi";
    let row = judge(by_person, &logs(), ABSENT);
    assert_eq!(
        (row.codes.as_slice(), row.canary, row.scope),
        (&[ReasonCode::RuleNarrow][..], "not_expected", "part")
    );
    assert_eq!(
        codes("-a always,exit -F dir=/srv/phi -F perm=wa -F key=phi", ABSENT),
        [ReasonCode::RuleNarrow]
    );
    let suppressed = format!("-a never,exit -F dir=/srv/phi/scratch\n{TREE}");
    assert_eq!(codes(&suppressed, SEEN), [ReasonCode::RuleNarrow]);
    assert_eq!(codes("-a always,exit -F dir=/srv/other -F perm=r -F key=phi", ABSENT), [ReasonCode::NoRule]);
    assert_eq!(codes("", ABSENT), [ReasonCode::NoRule]);
    let late = vec![log(&["10 20 SYSCALL a=1", "150 21 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1"])];
    assert_eq!(judge(TREE, &late, SEEN).codes, [ReasonCode::RuleLate]);
    assert_eq!(judge(TREE, &[], SEEN).codes, [ReasonCode::CoverageUnknown]);
    let unknown = judge(TREE, &logs(), Canary::Unknown("no log".into()));
    assert_eq!((unknown.canary, unknown.canary_words.as_str()), ("unknown", "no log"));
    assert_eq!(unknown.codes, [ReasonCode::CoverageUnknown], "a rule alone proves nothing");
}

#[test]
fn two_rules_of_one_key_cover_together() {
    let both = "-a always,exit -F dir=/srv/phi -F perm=r -F key=phi\n-a always,exit -F dir=/srv -F perm=wa -F key=phi";
    let row = judge(both, &logs(), SEEN);
    assert_eq!((row.verdict, row.keys[0].permissions.as_str()), ("covered", "rwa"), "{}", row.words);
}

#[test]
fn without_the_rules_nothing_is_known() {
    let state = status(1, 7, 0);
    let logs = logs();
    let recording = Recording::of((at(100), at(200)), Some(&state), &logs, 0);
    let root = HostPath::new("/srv/phi").unwrap();
    let place = Place { mount: root.clone(), root, is_folder: true, canary: SEEN };
    let row = Auditing { recording, rules: None, machine: None }.of(&place, &[b"phi".to_vec()]).row;
    assert_eq!((row.codes.as_slice(), row.scope), (&[ReasonCode::CoverageUnknown][..], "none"));
}
