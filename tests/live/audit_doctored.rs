//! Somebody was at the log, or at the rules, before we were: whatever looks whole at first sight must not be called so.

use crate::audit_host::{AuditHost, a_new_second};

const KEY: &str = "phi_live";
const LOG: &str = "/var/log/audit/audit.log";

/// A watched folder, a window, an access in it that was recorded; then the log is doctored in place, as auditd would not
/// notice, and more is logged behind.
fn doctored(what: &str, script: &str, code: &str) {
    let Some(host) = AuditHost::new(what) else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    assert!(host.log().contains("comm=\"cat\""));
    host.shell(&format!("L={LOG}; T=$(mktemp); {script}; cat $T > $L; rm $T"));
    host.settle();
    assert!(!host.log().contains("comm=\"cat\""), "{}", host.log());
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", code);
    seen.uncovered(&phi, code);
}

/// What names the actor and the key is gone; the paths and folders of the event stay, so that no number is missing.
#[test]
fn an_event_without_the_record_of_who_did_it_is_noticed() {
    doctored("a log without some system calls", "grep -v 'comm=\"cat\"' $L > $T || true", "records_lost");
}

#[test]
fn a_whole_event_that_was_cut_out_is_noticed() {
    let script = "grep 'comm=\"cat\"' $L | grep -o 'audit([0-9.:]*)' | sort -u > $T.ids; grep -vFf $T.ids $L > $T; rm $T.ids";
    doctored("a log without some events", script, "records_lost");
}

/// Everything from the access on is gone; auditd writes on behind it.
#[test]
fn an_end_that_was_cut_off_is_noticed() {
    let script = "n=$(grep -n 'comm=\"cat\"' $L | head -1 | cut -d: -f1); head -n $((n - 1)) $L > $T";
    doctored("a log without its end", script, "records_lost");
}

/// The record that switches auditing off is gone, and what auditctl sent to the kernel stays.
#[test]
fn a_switch_that_was_cut_out_is_noticed() {
    let Some(host) = AuditHost::new("a log without its switches") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.settle();
    host.shell(&format!("auditctl -e 0; cat {}/a.txt; auditctl -e 1", phi.display()));
    host.settle();
    host.shell(&format!("T=$(mktemp); grep -v 'op=set audit_enabled' {LOG} > $T; cat $T > {LOG}; rm $T"));
    assert!(!host.log().contains("comm=\"cat\"") && !host.log().contains("audit_enabled=0"));
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "coverage_unknown");
    seen.uncovered(&phi, "coverage_unknown");
}

/// It kept an access from being recorded, and is gone; the log says that a rule went, and not which.
#[test]
fn a_rule_that_silenced_for_a_while_is_remembered() {
    let Some(host) = AuditHost::new("a rule that silenced for a while") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    let rule = format!("exit,never -F dir={}", phi.display());
    host.shell(&format!("auditctl -A {rule}; cat {}/a.txt; auditctl -d {rule}", phi.display()));
    host.settle();
    assert!(!host.log().contains("comm=\"cat\""));
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "coverage_unknown");
    seen.uncovered(&phi, "coverage_unknown");
}

/// After the incident somebody loads the right rule, under the key that another one has had all along.
#[test]
fn a_rule_that_was_put_right_says_nothing_of_before() {
    let Some(host) = AuditHost::new("a rule that was put right") else { return };
    let phi = host.folder("phi");
    host.load(&format!("-w {} -p wa -k {KEY}", phi.display()));
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.watch(&phi, KEY);
    host.settle();
    assert!(!host.log().contains("comm=\"cat\""));
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "coverage_unknown");
    seen.uncovered(&phi, "coverage_unknown");
}

/// The kernel writes the key of the first rule that fits: whoever searches by the other one finds nobody.
#[test]
fn a_key_that_another_rule_takes_away_finds_nobody() {
    let Some(host) = AuditHost::new("a rule that takes the key away") else { return };
    let phi = host.folder("phi");
    host.load("-a always,exit -F arch=b64 -S openat -F key=everything");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "not_recorded");
    seen.uncovered(&phi, "not_recorded");
}
