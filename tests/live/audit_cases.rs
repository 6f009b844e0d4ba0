//! When nothing is found in an audit trail: every situation made on this machine's kernel, looked at with auditctl,
//! ausearch and the raw log, and only then collected.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::audit_host::{AuditHost, Conf, a_new_second, ago, at, status};
use crate::daemons::{output, until};

const KEY: &str = "phi_live";

/// What must be so for the log to be able to answer.
#[track_caller]
fn all_is_well(host: &AuditHost) {
    assert_eq!((status("enabled"), status("lost")), (1, 0));
    assert_eq!(status("pid"), u64::from(host.auditd_pid()));
    assert!(output("auditctl", &["-l"]).contains(KEY));
}

#[test]
fn nothing_happened_is_said_where_it_is_shown() {
    let Some(host) = AuditHost::new("an audit trail that covers the window") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.settle();
    host.finds_nothing(KEY, &since);
    all_is_well(&host);
    let seen = host.collect(&phi, &since, &[]);
    seen.covered(&phi, KEY);
    seen.judged(KEY, "empty", "no_match");
}

/// auditd.conf names the log, and ausearch follows it.
#[test]
fn nothing_happened_is_said_of_a_log_that_lies_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let log_file = folder.path().join("trail").to_str().unwrap().to_owned();
    let conf = Conf { log_file, ..Conf::default() };
    let Some(host) = AuditHost::with("an audit trail that lies elsewhere", conf) else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.settle();
    host.finds_nothing(KEY, &since);
    assert!(fs::read_dir(host.at("log")).unwrap().next().is_none());
    let seen = host.collect(&phi, &since, &[]);
    seen.covered(&phi, KEY);
    seen.judged(KEY, "empty", "no_match");
}

#[test]
fn an_access_is_found() {
    let Some(host) = AuditHost::new("an access in the audit trail") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {0}/a.txt; rm {0}/b.txt", phi.display()));
    host.settle();
    all_is_well(&host);
    assert!(host.ausearch(KEY, &since).stdout.contains("comm=\"cat\""));
    let seen = host.collect(&phi, &since, &[]);
    seen.covered(&phi, KEY);
    for entry in seen.ausearch(KEY) {
        assert_eq!(entry["outcome"], "collected", "{entry:#}");
        let printed = seen.member(entry["member"].as_str().unwrap());
        assert!(printed.contains("a.txt") && printed.contains("b.txt"), "{printed}");
    }
    assert!(seen.sealed_logs().contains("b.txt"));
}

/// One argument for date and time, and four digits of the year, as hardening guides have it.
#[test]
fn a_wrong_argument_is_a_failure_and_no_absence() {
    let Some(host) = AuditHost::new("a wrong argument to ausearch") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    let by_hand =
        host.inside(&["ausearch", "--input-logs", "-k", KEY, "-ts", "11/21/2026 00:00:00", "--raw"]);
    assert!(by_hand.code == 1 && by_hand.stdout.is_empty(), "{}{}", by_hand.code, by_hand.stdout);
    assert!(!by_hand.stderr.contains("<no matches>") && !by_hand.stderr.is_empty(), "{}", by_hand.stderr);

    let definitions = host.at("definitions");
    fs::create_dir(&definitions).unwrap();
    let text = "title = \"Wrongly asked\"\nwhy = \"A test\"\nvolatility = \"persistent\"\n\
        profiles = [\"incident\", \"full\"]\nphi = \"metadata\"\nneeds = [\"root\"]\n\n[[tool]]\n\
        argv = [\"ausearch\", \"--input-logs\", \"-k\", \"{phi_keys}\", \"-ts\", \"11/21/2026 00:00:00\", \"--raw\"]\n\
        judge = \"ausearch\"\nexit = { 0 = \"collected\", 1 = \"inconclusive\" }\n";
    fs::write(definitions.join("wrongly-asked.toml"), text).unwrap();
    let more = ["--definitions", definitions.to_str().unwrap(), "--only", "wrongly-asked"];
    let seen = host.collect(&phi, &since, &more);
    let asked = seen.ausearch_of("wrongly-asked");
    assert_eq!(asked.len(), 1, "{:#?}", seen.entries);
    assert_eq!(
        (&asked[0]["outcome"], &asked[0]["reason_code"]),
        (&"failed".into(), &"tool_status".into()),
        "{:#}",
        asked[0]
    );
    // The same question rightly asked is beside it.
    assert_eq!(seen.ausearch(KEY)[0]["outcome"], "collected");
}

const WITHOUT_PASSING: [&str; 3] = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];

#[test]
fn a_log_that_root_cannot_read_is_refused_and_not_empty() {
    let Some(host) = AuditHost::new("an audit log that root cannot read") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    assert_eq!(host.ausearch(KEY, &since).code, 0);
    // As it is where somebody else owns the log, or a security module keeps root from it.
    chown(host.at("log/audit.log"), Some(1), Some(1)).unwrap();
    fs::set_permissions(host.at("log/audit.log"), fs::Permissions::from_mode(0o600)).unwrap();
    let args = [WITHOUT_PASSING.as_slice(), &["ausearch", "--input-logs", "-k", KEY, "--raw"]].concat();
    let by_hand = host.inside(&args);
    assert!(by_hand.code == 1 && by_hand.stdout.is_empty(), "{}", by_hand.stdout);
    assert!(by_hand.stderr.contains("Permission denied"), "{}", by_hand.stderr);
    let seen = host.collect_through(&WITHOUT_PASSING, &phi, &since, &[]);
    seen.judged(KEY, "denied", "permission");
    assert_eq!(seen.covering(&phi, None)["verdict"], "inconclusive");
}

#[test]
fn an_ordinary_user_hears_that_root_is_needed() {
    let Some(host) = AuditHost::new("an audit trail asked for by an ordinary user") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.settle();
    fs::set_permissions(host.desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(host.desk.out(), fs::Permissions::from_mode(0o1777)).unwrap();
    let through = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let by_hand = host.inside(&[&through[..], &["ausearch", "--input-logs", "-k", KEY]].concat());
    assert!(by_hand.code != 0 && !by_hand.stderr.contains("<no matches>"), "{}", by_hand.stderr);
    let seen = host.collect_through(&through, &phi, &since, &[]);
    // Not asked at all, so that it is told by its title and not by its words.
    let told = |entry: &&serde_json::Value| {
        entry["collector"] == "audit-logs"
            && entry["source"]["display"].as_str().is_some_and(|display| display.contains("ausearch"))
    };
    let asked: Vec<_> = seen.entries.iter().filter(told).collect();
    assert_eq!(asked.len(), 2, "{asked:#?}");
    for entry in asked {
        assert_eq!(
            (&entry["outcome"], &entry["reason_code"]),
            (&"denied".into(), &"needs_root".into()),
            "{entry:#}"
        );
    }
    assert!(seen.coverage().iter().all(|row| row["verdict"] != "covered"), "{:#?}", seen.coverage());
}

#[test]
fn auditing_that_is_off_shows_nothing() {
    let Some(host) = AuditHost::new("auditing switched off") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.load("-e 0");
    host.shell(&format!("cat {}/a.txt", phi.display()));
    assert_eq!(status("enabled"), 0);
    assert_eq!(status("pid"), u64::from(host.auditd_pid()));
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "audit_off");
    seen.uncovered(&phi, "audit_off");
    assert_ne!(seen.covering(&phi, None)["canary"], "seen");
}

#[test]
fn auditing_that_was_off_for_a_while_is_remembered() {
    let Some(host) = AuditHost::new("auditing switched off and on again") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.load("-e 0");
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.load("-e 1");
    host.settle();
    all_is_well(&host);
    assert!(host.log().contains("op=set audit_enabled=0 old=1"), "{}", host.log());
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "audit_off");
    seen.uncovered(&phi, "audit_off");
}

/// More records than the kernel keeps, of another folder, while auditd stands still.
fn overflow(host: &AuditHost) {
    let other = host.folder("other");
    host.watch(&other, "other");
    host.settle();
    for setting in ["-b 64", "--backlog_wait_time 0"] {
        host.load(setting);
    }
    host.signal_auditd(Signal::STOP);
    let script = "import os, sys\nfor _ in range(3000): os.close(os.open(sys.argv[1], os.O_RDONLY))";
    until("the kernel to lose records", || {
        host.done(&["python3", "-c", script, other.join("a.txt").to_str().unwrap()]);
        status("lost") > 0
    });
    host.load("-b 8192");
    host.signal_auditd(Signal::CONT);
    until("the backlog to be written", || status("backlog") < 8);
    host.settle();
}

#[test]
fn lost_records_leave_it_open() {
    let Some(host) = AuditHost::new("audit records that are lost") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    overflow(&host);
    assert!(status("lost") > 0);
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "records_lost");
    seen.uncovered(&phi, "records_lost");
}

/// `auditctl --reset-lost` makes the counter say that nothing was lost.
#[test]
fn lost_records_are_remembered_where_the_counter_was_reset() {
    let Some(host) = AuditHost::new("a reset counter of lost audit records") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    overflow(&host);
    host.inside(&["auditctl", "--reset-lost"]);
    host.settle();
    all_is_well(&host);
    assert!(host.log().contains("op=set lost=0 old="), "{}", host.log());
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "records_lost");
}

#[test]
fn a_rule_that_is_only_on_disk_records_nothing() {
    let Some(host) = AuditHost::new("a rule that is not loaded") else { return };
    let phi = host.folder("phi");
    fs::write(host.at("etc/rules.d/phi.rules"), format!("-w {} -p rwxa -k {KEY}\n", phi.display())).unwrap();
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    assert_eq!(output("auditctl", &["-l"]), "No rules\n");
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "no_rule");
    seen.uncovered(&phi, "no_rule");
}

/// The only match is then the record of the rule's own coming, which is no access.
#[test]
fn a_rule_that_came_late_says_nothing_of_the_time_before() {
    let Some(host) = AuditHost::new("a rule that came late") else { return };
    let phi = host.folder("phi");
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    a_new_second();
    host.watch(&phi, KEY);
    host.settle();
    all_is_well(&host);
    let found = host.ausearch(KEY, &since).stdout;
    assert!(found.contains("op=add_rule") && !found.contains("comm=\"cat\""), "{found}");
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "rule_late");
    seen.uncovered(&phi, "rule_late");
}

#[test]
fn a_rule_that_was_away_for_a_while_says_nothing_of_that_time() {
    let Some(host) = AuditHost::new("a rule that was away for a while") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.load(&format!("-W {} -p rwxa -k {KEY}", phi.display()));
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.watch(&phi, KEY);
    host.settle();
    all_is_well(&host);
    let found = host.ausearch(KEY, &since).stdout;
    assert!(found.contains("op=remove_rule") && !found.contains("comm=\"cat\""), "{found}");
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "rule_late");
    seen.uncovered(&phi, "rule_late");
}

/// Where records of the rules' changes are left out, nobody can tell when a rule came.
#[test]
fn a_rule_of_which_nobody_knows_when_it_came_shows_nothing() {
    let Some(host) = AuditHost::new("a rule that came unseen") else { return };
    let phi = host.folder("phi");
    host.load("-a always,exclude -F msgtype=CONFIG_CHANGE");
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    a_new_second();
    host.watch(&phi, KEY);
    host.settle();
    all_is_well(&host);
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    for entry in seen.ausearch(KEY) {
        assert_eq!(entry["outcome"], "inconclusive", "{entry:#}");
        assert!(["coverage_unknown", "rule_late"].contains(&entry["reason_code"].as_str().unwrap()));
    }
    assert_eq!(seen.covering(&phi, None)["verdict"], "inconclusive");
}

#[test]
fn logs_that_begin_within_the_window_do_not_cover_it() {
    let Some(mut host) = AuditHost::new("audit logs that begin late") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    host.stop_auditd();
    // Nothing is left from before, and in what there is no rule came or went.
    fs::remove_file(host.at("log/audit.log")).unwrap();
    host.start_auditd();
    all_is_well(&host);
    let since = ago(3_600);
    let start: i64 = output("date", &["-u", "-d", &since, "+%s"]).trim().parse().unwrap();
    assert!(host.log().lines().filter_map(at).all(|at| at > start + 3_000));
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "window_not_covered");
    seen.uncovered(&phi, "window_not_covered");
}

#[test]
fn rules_without_a_daemon_leave_no_log() {
    let Some(mut host) = AuditHost::new("rules without auditd") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    host.settle();
    host.stop_auditd();
    let since = a_new_second();
    host.load("-e 1");
    host.shell(&format!("cat {}/a.txt", phi.display()));
    assert_eq!((status("pid"), status("enabled")), (0, 1));
    assert!(output("auditctl", &["-l"]).contains(KEY));
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "no_daemon");
    seen.uncovered(&phi, "no_daemon");
    assert_ne!(seen.covering(&phi, None)["canary"], "seen");
}

/// auditd was down for a part of the window, and is there again.
#[test]
fn a_daemon_that_was_away_for_a_while_is_remembered() {
    let Some(mut host) = AuditHost::new("auditd that was away for a while") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.stop_auditd();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    // What the kernel held back meanwhile comes when auditd does, if it was told at boot to hold anything.
    host.start_auditd();
    all_is_well(&host);
    assert!(host.log().contains("type=DAEMON_END"));
    if host.ausearch(KEY, &since).code == 0 {
        crate::support::skipped("this kernel holds records while no auditd takes them");
        return;
    }
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "no_daemon");
    seen.uncovered(&phi, "no_daemon");
}

/// It is there, and stands still: nothing of what is recorded reaches the log.
#[test]
fn a_daemon_that_stands_still_writes_nothing() {
    let Some(host) = AuditHost::new("auditd that stands still") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.settle();
    host.signal_auditd(Signal::STOP);
    host.shell(&format!("cat {}/a.txt", phi.display()));
    all_is_well(&host);
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "not_recorded");
    seen.uncovered(&phi, "not_recorded");
    assert_eq!(seen.covering(&phi, None)["canary"], "absent");
}

/// The file that auditd.conf names now is not the one that auditd opened when it was started.
#[test]
fn a_daemon_that_writes_elsewhere_than_its_configuration_says_is_noticed() {
    let Some(mut host) = AuditHost::new("auditd that writes elsewhere") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    host.settle();
    let elsewhere = host.at("trail");
    fs::copy(host.at("log/audit.log"), &elsewhere).unwrap();
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    host.conf.log_file = elsewhere.to_str().unwrap().to_owned();
    host.configure();
    all_is_well(&host);
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    for entry in seen.ausearch(KEY) {
        assert_eq!(entry["outcome"], "inconclusive", "{entry:#}");
    }
    assert!(seen.sealed_logs().contains("comm=\"cat\""), "the log at the usual place is sealed as well");
}

/// Rules are loaded, somebody does something in a PHI folder, and neither ausearch nor we find it: what is said then, which is
/// never that nothing was done. Gives the coverage of the folder; none where this cannot be tried.
fn unseen(
    what: &str,
    rules: impl FnOnce(&AuditHost, &Path),
    act: impl FnOnce(&AuditHost, &Path),
) -> Option<Value> {
    let host = AuditHost::new(what)?;
    let phi = host.folder("phi");
    rules(&host, &phi);
    let since = a_new_second();
    act(&host, &phi);
    host.settle();
    all_is_well(&host);
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    for entry in seen.ausearch(KEY) {
        assert_eq!(entry["outcome"], "inconclusive", "{entry:#}");
    }
    let row = seen.covering(&phi, None);
    assert_eq!(row["verdict"], "inconclusive", "{row:#}");
    Some(row)
}

fn read(host: &AuditHost, phi: &Path) {
    host.shell(&format!("cat {}/a.txt", phi.display()));
}

/// Of two rules the first that matches counts, and `never` is one.
#[test]
fn a_rule_that_another_one_silences_is_noticed() {
    let rules = |host: &AuditHost, phi: &Path| {
        host.load(&format!("-a never,exit -F arch=b64 -F dir={}", phi.display()));
        host.watch(phi, KEY);
    };
    let Some(row) = unseen("a rule that another one silences", rules, read) else { return };
    assert_eq!(row["canary"], "absent", "{row:#}");
}

/// Somebody is left out, and we are not: that we are recorded proves nothing about them.
#[test]
fn a_rule_that_leaves_one_user_out_covers_nobody() {
    let rules = |host: &AuditHost, phi: &Path| {
        host.load("-a never,exit -F arch=b64 -F uid=65534");
        host.watch(phi, KEY);
    };
    let read_by_nobody = |host: &AuditHost, phi: &Path| {
        let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
        host.done(&[&nobody[..], &["cat", phi.join("a.txt").to_str().unwrap()]].concat());
    };
    unseen("a rule that leaves one user out", rules, read_by_nobody);
}

/// Reading is not recorded, so that nothing found does not mean that nobody read.
#[test]
fn a_rule_for_writing_alone_says_nothing_of_readers() {
    let rules = |host: &AuditHost, phi: &Path| host.load(&format!("-w {} -p wa -k {KEY}", phi.display()));
    let Some(row) = unseen("a rule for writing alone", rules, read) else { return };
    assert_eq!(row["canary"], "not_expected", "{row:#}");
}

/// As guides have it that want only people's accesses: what services and we ourselves do is not recorded.
#[test]
fn a_rule_for_people_alone_says_nothing_of_services() {
    let rules = |host: &AuditHost, phi: &Path| {
        let phi = phi.display();
        host.load(&format!("-a always,exit -F dir={phi} -F perm=rwxa -F auid>=1000 -F auid!=-1 -k {KEY}"));
    };
    let Some(row) = unseen("a rule for people alone", rules, read) else { return };
    assert_eq!(row["canary"], "not_expected", "{row:#}");
}

/// What was recorded is evidence, whatever else was not.
#[test]
fn an_access_is_found_where_records_were_lost() {
    let Some(host) = AuditHost::new("an access beside lost audit records") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    overflow(&host);
    assert!(status("lost") > 0);
    assert!(host.ausearch(KEY, &since).stdout.contains("comm=\"cat\""));
    let seen = host.collect(&phi, &since, &[]);
    for entry in seen.ausearch(KEY) {
        assert_eq!(entry["outcome"], "collected", "{entry:#}");
    }
    seen.uncovered(&phi, "records_lost");
}

#[test]
fn a_rule_for_the_folder_above_covers_what_lies_below() {
    let Some(host) = AuditHost::new("a rule for the folder above") else { return };
    let above = host.folder("above");
    let phi = host.folder("above/phi");
    host.watch(&above, KEY);
    host.shell(&format!("cat {}/a.txt", phi.display()));
    let since = a_new_second();
    host.settle();
    assert!(host.log().contains("comm=\"cat\""));
    host.finds_nothing(KEY, &since);
    all_is_well(&host);
    let seen = host.collect(&phi, &since, &[]);
    let row = seen.covering(&phi, None);
    assert_eq!((&row["verdict"], &row["canary"]), (&"covered".into(), &"seen".into()), "{row:#}");
    seen.judged(KEY, "empty", "no_match");
}

/// A part of the folder is watched, and somebody was in another part.
#[test]
fn a_rule_for_a_part_of_the_folder_does_not_cover_it() {
    let rules = |host: &AuditHost, _: &Path| host.watch(&host.folder("phi/part"), KEY);
    unseen("a rule for a part of the folder", rules, read);
}

/// A rule with `arch=b32` alone is for calls that hardly anybody makes.
#[test]
fn a_rule_for_calls_that_nobody_makes_covers_nothing() {
    let rules = |host: &AuditHost, phi: &Path| {
        let phi = phi.display();
        host.load(&format!("-a always,exit -F arch=b32 -F dir={phi} -F perm=rwxa -k {KEY}"));
    };
    let Some(row) = unseen("a rule for 32-bit calls alone", rules, read) else { return };
    assert_ne!(row["canary"], "seen", "{row:#}");
}

/// Reading is recorded, ours as well, and nothing else is: not who removed a record.
#[test]
fn a_rule_for_reading_alone_says_nothing_of_those_who_remove() {
    let rules = |host: &AuditHost, phi: &Path| host.load(&format!("-w {} -p r -k {KEY}", phi.display()));
    let remove = |host: &AuditHost, phi: &Path| {
        host.done(&["rm", phi.join("a.txt").to_str().unwrap()]);
    };
    unseen("a rule for reading alone", rules, remove);
}
