//! Made logs, and the times of which they do not show that all was recorded.

mod rules;

use super::*;
use crate::records::audit_status;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(1_000_000 + second, 0)
}

/// A log of lines `SECOND SERIAL TYPE FIELDS`.
pub fn log(lines: &[&str]) -> Summary {
    let mut summary = Summary::default();
    for line in lines {
        let mut words = line.splitn(4, ' ');
        let second: i64 = words.next().unwrap().parse().unwrap();
        let (serial, kind) = (words.next().unwrap(), words.next().unwrap());
        let fields = words.next().unwrap_or_default();
        let line = format!("type={kind} msg=audit({}.000:{serial}): {fields}\n", 1_000_000 + second);
        summary.piece(line.as_bytes());
    }
    summary.end();
    summary
}

pub fn status(enabled: u32, pid: u32, lost: u32) -> AuditStatus {
    let words = [0, enabled, 1, pid, 0, 64, lost, 0, 0, 0, 0];
    audit_status::parse(&words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect::<Vec<_>>()).unwrap()
}

fn told(lapses: &[Lapse]) -> Vec<(ReasonCode, i64, i64)> {
    let second = |time: Timestamp| time.unix() - 1_000_000;
    lapses.iter().map(|lapse| (lapse.code, second(lapse.from), second(lapse.to))).collect()
}

/// Whole files that are of no rotation.
pub fn files(logs: &[Summary]) -> impl Iterator<Item = Log<'_>> {
    logs.iter().map(|summary| Log { summary, number: None, whole: true })
}

fn lapses(logs: &[Summary], status: &AuditStatus) -> Vec<(ReasonCode, i64, i64)> {
    told(&Recording::of((at(100), at(200)), Some(status), files(logs), 0).lapses())
}

const ON: [&str; 3] =
    ["10 5422 DAEMON_START op=start", "11 20 SYSCALL key=(null)", "190 21 SYSCALL key=(null)"];

#[test]
fn a_log_that_reaches_back_and_misses_nothing_has_no_lapse() {
    assert_eq!(lapses(&[log(&ON)], &status(1, 7, 0)), []);
}

#[test]
fn a_log_that_begins_late_and_none_at_all_are_told_apart() {
    let late = log(&["150 20 SYSCALL a=1", "190 21 SYSCALL a=1"]);
    assert_eq!(lapses(&[late], &status(1, 7, 0)), [(ReasonCode::WindowNotCovered, 100, 150)]);
    assert_eq!(lapses(&[], &status(1, 7, 0)), [(ReasonCode::CoverageUnknown, 100, 200)]);
    let empty = log(&[]);
    assert_eq!(lapses(&[empty], &status(1, 7, 0)), [(ReasonCode::CoverageUnknown, 100, 200)]);
}

#[test]
fn off_lasts_until_the_next_event_of_the_kernel_s_own() {
    let mut lines = ON[..2].to_vec();
    lines.extend([
        "120 21 CONFIG_CHANGE op=set audit_enabled=0 old=1 res=1",
        "120 21 SYSCALL a=1",
        "120 21 PROCTITLE x=1",
        "130 5423 DAEMON_CONFIG op=x",
        "140 22 SYSCALL key=(null)",
        "141 23 CONFIG_CHANGE op=set audit_enabled=1 old=1 res=1",
    ]);
    assert_eq!(lapses(&[log(&lines)], &status(1, 7, 0)), [(ReasonCode::AuditOff, 120, 140)]);
    // It still is.
    let off = log(&lines[..4]);
    assert_eq!(lapses(std::slice::from_ref(&off), &status(0, 7, 0)), [(ReasonCode::AuditOff, 120, 200)]);
    // The next event stands in another file.
    assert_eq!(
        lapses(&[log(&["140 22 SYSCALL a=1"]), off], &status(1, 7, 0)),
        [(ReasonCode::AuditOff, 120, 140)]
    );
    // Nobody said that it was switched off.
    assert_eq!(lapses(&[log(&ON)], &status(0, 7, 0)), [(ReasonCode::AuditOff, 190, 200)]);
    let on_again = log(&["11 20 SYSCALL a=1", "150 21 CONFIG_CHANGE op=set audit_enabled=1 old=0 res=1"]);
    assert_eq!(lapses(&[on_again], &status(1, 7, 0)), [(ReasonCode::AuditOff, 100, 150)]);
}

/// A journal has them, and the log lacks them.
#[test]
fn what_records_beside_the_logs_say_of_auditing_counts_and_shows_no_recording() {
    let beside = |lines: &[&str], logs: &[Summary]| {
        let (state, beside) = (status(1, 7, 0), log(lines));
        let recording = Recording::of((at(100), at(200)), Some(&state), files(logs), 0).beside(&beside);
        told(&recording.lapses())
    };
    let off = "120 22 CONFIG_CHANGE op=set audit_enabled=0 old=1 res=1";
    let whole = log(&[ON[0], ON[1], "110 21 SYSCALL a=1", "150 23 SYSCALL a=1", "190 24 SYSCALL a=1"]);
    let gap = (ReasonCode::RecordsLost, 110, 150);
    assert_eq!(beside(&[], std::slice::from_ref(&whole)), [gap]);
    assert_eq!(beside(&[off], std::slice::from_ref(&whole)), [(ReasonCode::AuditOff, 120, 150), gap]);
    // Of a number that no log has it is not known that it was recorded.
    assert_eq!(beside(&["120 22 SYSCALL a=1"], std::slice::from_ref(&whole)), [gap]);
    // It begins earlier than the logs, and covers nothing.
    let late = log(&["150 20 SYSCALL a=1", "190 21 SYSCALL a=1"]);
    assert_eq!(
        beside(&["50 18 SYSCALL a=1", "149 19 SYSCALL a=1"], &[late]),
        [(ReasonCode::WindowNotCovered, 100, 150)]
    );
    let removed = "150 21 CONFIG_CHANGE op=remove_rule key=(null) list=5 res=1";
    assert_eq!(beside(&[removed], &[log(&ON)]), [(ReasonCode::CoverageUnknown, 100, 150)]);
}

/// What the kernel logs though auditing is off, and records that are late (kernel/audit.c, kernel/auditsc.c). Written from
/// documentation.
#[test]
fn off_is_not_over_because_something_is_logged() {
    let off = "120 22 CONFIG_CHANGE op=set audit_enabled=0 old=1 res=1";
    let refusals = ["121 23 USER_AVC pid=1", "150 24 AVC denied", "151 25 APPARMOR denied"];
    let late = ["119 21 CWD cwd=\"/\"", "119 21 PATH item=0", "118 26 SYSCALL key=(null)"];
    let on = "180 27 SYSCALL key=(null)";
    let before = [ON[0], ON[1], "119 21 SYSCALL key=(null)", off];
    let all = [&before[..], &refusals, &late, &[on]].concat();
    assert_eq!(lapses(&[log(&all)], &status(1, 7, 0)), [(ReasonCode::AuditOff, 120, 180)]);
    // Wherever the files begin, and where the end is there twice.
    for at in before.len()..all.len() {
        let files = [log(&all[..at]), log(&all[at..])];
        let told = lapses(&files, &status(1, 7, 0));
        assert!(told.contains(&(ReasonCode::AuditOff, 120, 180)), "{at}: {told:?}");
        let again = [log(&all[..at]), log(&all[2..])];
        assert_eq!(lapses(&again, &status(1, 7, 0)), [(ReasonCode::AuditOff, 120, 180)], "{at}");
    }
    let never = log(&all[..all.len() - 1]);
    assert_eq!(lapses(&[never], &status(1, 7, 0)), [(ReasonCode::AuditOff, 120, 200)]);
}

#[test]
fn what_lies_behind_the_window_is_not_told() {
    let behind = [
        "250 22 CONFIG_CHANGE op=set audit_enabled=0 old=1 res=1",
        "260 5423 DAEMON_END op=terminate",
        "270 23 CONFIG_CHANGE op=add_rule key=(null) list=5 res=1",
    ];
    let log_of = |lines: &[&str]| log(&[&ON[..], lines].concat());
    assert_eq!(lapses(&[log_of(&behind)], &status(1, 7, 0)), []);
    // A boot, and a rule that went there, and came.
    let boot = ["300 5 SYSCALL a=1", "310 6 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1"];
    let first = "12 20 CONFIG_CHANGE op=remove_rule key=\"phi\" list=4 res=1";
    let told = of_rule(&[log(&[ON[0], first, ON[2], boot[0], boot[1]])], 1);
    assert_eq!(told, [(ReasonCode::RuleLate, 100, 200), (ReasonCode::CoverageUnknown, 100, 200)]);
    let added = "13 20 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1";
    let whole = ["5 10000000 SYSCALL a=1", "10 3 SYSCALL a=1", added, ON[2], "300 5 SYSCALL a=1"];
    assert_eq!(of_rule(&[log(&whole)], 0), []);
    let gone = "250 22 CONFIG_CHANGE op=remove_rule key=\"phi\" list=4 res=1";
    assert_eq!(of_rule(&[log_of(&[gone])], 0), []);
}

/// It does not say what it does. Written from documentation (kernel/auditfilter.c, `audit_log_rule_change`).
#[test]
fn a_rule_that_may_silence_is_told_from_when_it_came_until_it_is_gone() {
    let suppressed = |lines: &[&str], known: bool| {
        let logs = [log(lines)];
        let recording = Recording::of((at(100), at(200)), None, files(&logs), 0);
        told(&recording.lapses_of_suppression(known))
    };
    let unknown = |from, to| (ReasonCode::CoverageUnknown, from, to);
    let add = |fields: &str| format!("150 22 CONFIG_CHANGE op=add_rule {fields} res=1");
    for fields in ["key=(null) list=1", "key=\"k\" list=5", "key=(null) list=6", "key=(null) list=4"] {
        assert_eq!(
            suppressed(&[ON[1], &add(fields), "190 23 SYSCALL a=1"], false),
            [unknown(150, 200)],
            "{fields}"
        );
        // Rules that are in force speak for themselves.
        assert_eq!(suppressed(&[ON[1], &add(fields), "190 23 SYSCALL a=1"], true), [], "{fields}");
    }
    for fields in ["key=\"other\" list=4", "key=(null) list=0", "key=(null) list=7"] {
        assert_eq!(suppressed(&[ON[1], &add(fields)], false), [], "{fields}");
    }
    let add = add("key=(null) list=5");
    let removed = "170 23 CONFIG_CHANGE op=remove_rule key=(null) list=5 res=1";
    // Whether that was the only one is known where the boot is here from its beginning.
    assert_eq!(suppressed(&[ON[1], &add, removed], false), [unknown(150, 200)]);
    let boot = ["5 9000000 SYSCALL a=1", "10 20 SYSCALL a=1"];
    assert_eq!(suppressed(&[boot[0], boot[1], &add, removed], false), [unknown(150, 170)]);
    let booted = "180 2 SYSCALL a=1";
    for known in [false, true] {
        assert_eq!(
            suppressed(&["5 9000000 SYSCALL a=1", "10 20 SYSCALL a=1", &add, booted], known),
            [unknown(150, 180)]
        );
    }
}

#[test]
fn a_daemon_that_ended_was_killed_or_is_gone() {
    let ended = log(&[
        ON[0],
        ON[1],
        "120 5423 DAEMON_END op=terminate",
        "140 5424 DAEMON_START op=start",
        "150 21 SYSCALL a=1",
    ]);
    assert_eq!(lapses(&[ended], &status(1, 7, 0)), [(ReasonCode::NoDaemon, 120, 140)]);
    let killed =
        log(&[ON[0], ON[1], "120 21 SYSCALL a=1", "140 5424 DAEMON_START op=start", "150 22 SYSCALL a=1"]);
    assert_eq!(lapses(&[killed], &status(1, 7, 0)), [(ReasonCode::NoDaemon, 120, 140)]);
    assert_eq!(lapses(&[log(&ON)], &status(1, 0, 0)), [(ReasonCode::NoDaemon, 190, 200)]);
    // Before the window is another matter.
    let early = log(&["10 1 SYSCALL a=1", "20 2 DAEMON_START op=start", "30 2 SYSCALL a=1"]);
    assert_eq!(lapses(&[early], &status(1, 7, 0)), []);
}

#[test]
fn what_was_lost_is_told_even_where_the_counter_was_set_back() {
    assert_eq!(lapses(&[log(&ON)], &status(1, 7, 12)), [(ReasonCode::RecordsLost, 100, 200)]);
    let reset = log(&[ON[0], ON[1], "150 21 CONFIG_CHANGE op=set lost=0 old=12 res=1"]);
    assert_eq!(lapses(&[reset], &status(1, 7, 0)), [(ReasonCode::RecordsLost, 100, 150)]);
    let reset_of_nothing = log(&[ON[0], ON[1], "150 21 CONFIG_CHANGE op=set lost=0 old=0 res=1"]);
    assert_eq!(lapses(&[reset_of_nothing], &status(1, 7, 0)), []);
}

#[test]
fn numbers_that_are_in_no_log_are_told_and_those_of_the_next_file_are_there() {
    let gap = log(&[ON[0], ON[1], "110 21 SYSCALL a=1", "150 30 SYSCALL a=1"]);
    assert_eq!(lapses(&[gap], &status(1, 7, 0)), [(ReasonCode::RecordsLost, 110, 150)]);
    let older = log(&[ON[0], ON[1], "110 21 SYSCALL a=1"]);
    let gone = log(&["150 30 SYSCALL a=1"]);
    assert_eq!(lapses(&[gone, older.clone()], &status(1, 7, 0)), [(ReasonCode::RecordsLost, 110, 150)]);
    assert_eq!(lapses(&[older, log(&["111 22 SYSCALL a=1"])], &status(1, 7, 0)), []);
}

#[test]
fn what_a_rule_that_went_had_done_is_not_known() {
    let gone = log(&[ON[0], ON[1], "150 21 CONFIG_CHANGE op=remove_rule key=(null) list=5 res=1"]);
    assert_eq!(lapses(&[gone], &status(1, 7, 0)), [(ReasonCode::CoverageUnknown, 100, 150)]);
    let before = log(&[ON[0], ON[1], "50 21 CONFIG_CHANGE op=remove_rule key=\"k\" list=4 res=1"]);
    assert_eq!(lapses(&[before], &status(1, 7, 0)), []);
}

#[test]
fn an_event_without_its_first_record_is_lost_unless_that_stands_in_the_file_before() {
    let tail = log(&["150 21 PATH item=0", "151 22 SYSCALL a=1"]);
    let head = log(&[ON[0], ON[1], "150 21 SYSCALL a=1"]);
    assert_eq!(lapses(&[head, tail.clone()], &status(1, 7, 0)), []);
    let other = log(&[ON[0], ON[1]]);
    assert_eq!(lapses(&[other, tail], &status(1, 7, 0)), [(ReasonCode::RecordsLost, 150, 150)]);
}

#[test]
fn lines_that_are_no_records_and_files_that_are_not_whole_leave_it_open() {
    let mut odd = log(&ON);
    odd.unread = 1;
    assert_eq!(lapses(&[odd], &status(1, 7, 0)), [(ReasonCode::CoverageUnknown, 100, 190)]);
    let good = log(&ON);
    let cut = [Log { summary: &good, number: None, whole: false }];
    let state = status(1, 7, 0);
    let lapses = Recording::of((at(100), at(200)), Some(&state), cut, 0).lapses();
    assert_eq!(told(&lapses), [(ReasonCode::CoverageUnknown, 100, 190)]);
}

#[test]
fn a_number_of_the_rotation_that_is_missing_is_told_even_over_a_boot() {
    let (older, newer) = (log(&["10 900 SYSCALL a=1", "110 901 SYSCALL a=1"]), log(&["190 300 SYSCALL a=1"]));
    let of = |summary, number| Log { summary, number: Some(number), whole: true };
    let state = status(1, 7, 0);
    let told_of = |numbers: [u64; 2]| {
        let logs = [of(&older, numbers[1]), of(&newer, numbers[0])];
        told(&Recording::of((at(100), at(200)), Some(&state), logs, 0).lapses())
    };
    assert_eq!(told_of([0, 2]), [(ReasonCode::RecordsLost, 110, 190)]);
    assert_eq!(told_of([0, 1]), []);
}

#[test]
fn times_that_fall_while_numbers_go_on_make_all_times_uncertain() {
    let slow = log(&[ON[0], ON[1], "190 21 SYSCALL key=(null)", "12 22 SYSCALL key=(null)"]);
    assert_eq!(lapses(&[slow], &status(1, 7, 0)), []);
    let fell = log(&[ON[0], ON[1], "190 21 SYSCALL a=1", "12 22 SYSCALL a=1", "13 23 SYSCALL a=1"]);
    let access = log(&[ON[0], ON[1], "190 21 SYSCALL a=1", "12 22 SYSCALL key=\"phi\""]);
    for log in [fell, access] {
        assert_eq!(lapses(&[log], &status(1, 7, 0)), [(ReasonCode::CoverageUnknown, 100, 200)]);
    }
}

#[test]
fn only_the_kernel_s_own_events_show_that_it_was_recording() {
    let daemon_first = log(&["10 5422 DAEMON_START op=start", "150 20 SYSCALL a=1"]);
    assert_eq!(lapses(&[daemon_first], &status(1, 7, 0)), [(ReasonCode::WindowNotCovered, 100, 150)]);
}

fn of_rule(logs: &[Summary], loaded: impl Into<Option<u64>>) -> Vec<(ReasonCode, i64, i64)> {
    let (status, loaded) = (status(1, 7, 0), loaded.into());
    told(&Recording::of((at(100), at(200)), Some(&status), files(logs), 0).lapses_of_rule(b"phi", loaded))
}

#[test]
fn a_rule_counts_from_when_it_came_into_force() {
    let added = "150 22 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1";
    let other = "150 22 CONFIG_CHANGE op=add_rule key=\"other\" list=4 res=1";
    let removed = "160 23 CONFIG_CHANGE op=remove_rule key=\"phi\" list=4 res=1";
    let again = "170 24 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1";
    assert_eq!(of_rule(&[log(&ON)], 1), []);
    assert_eq!(of_rule(&[log(&[ON[1], other])], 1), []);
    assert_eq!(of_rule(&[log(&[ON[1], added])], 1), [(ReasonCode::RuleLate, 100, 150)]);
    // Before the first record there is no log to tell.
    assert_eq!(of_rule(&[log(&[added])], 1), [(ReasonCode::CoverageUnknown, 100, 150)]);
    let first = [log(&[added])];
    let from_then = Recording::of((at(150), at(200)), None, files(&first), 0);
    assert_eq!(told(&from_then.lapses_of_rule(b"phi", Some(1))), []);
    // Of another one of the same key nobody knows what it watched.
    assert_eq!(of_rule(&[log(&[ON[1], added])], 2), [(ReasonCode::CoverageUnknown, 100, 150)]);
    assert_eq!(
        of_rule(&[log(&[ON[1], added, removed, again])], 1),
        [
            (ReasonCode::RuleLate, 100, 150),
            (ReasonCode::RuleLate, 160, 170),
            (ReasonCode::CoverageUnknown, 100, 170)
        ]
    );
    assert_eq!(of_rule(&[log(&[ON[1], removed])], 0), [(ReasonCode::RuleLate, 160, 200)]);
}

#[test]
fn after_a_boot_nothing_is_in_force_until_it_is_loaded() {
    let before = ["50 5000000 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1", "120 5000001 SYSCALL a=1"];
    let behind = ["130 7 SYSCALL a=1", "140 8 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1"];
    let in_one = log(&[before[0], before[1], behind[0], behind[1]]);
    let in_two = [log(&before), log(&behind)];
    for logs in [&[in_one][..], &in_two] {
        let told = of_rule(logs, 1);
        // And those of the boot before need not have been the same.
        let unknown = (ReasonCode::CoverageUnknown, 100, 140);
        assert_eq!(told, [(ReasonCode::RuleLate, 130, 140), unknown], "{told:?}");
    }
    // Nothing tells of the rules of the boot before.
    let told = of_rule(&[log(&[before[1], behind[0], behind[1]])], 1);
    assert_eq!(
        told,
        [
            (ReasonCode::CoverageUnknown, 120, 130),
            (ReasonCode::RuleLate, 130, 140),
            (ReasonCode::CoverageUnknown, 100, 140)
        ]
    );
}

/// Written from documentation (systemd-update-utmp(8), auditd(8)).
#[test]
fn a_quick_boot_leaves_nothing_in_force_and_no_number_missing() {
    let added = "50 140 CONFIG_CHANGE op=add_rule key=\"phi\" list=4 res=1";
    let boot =
        ["130 101 SERVICE_START pid=1", "131 102 SYSTEM_BOOT pid=1", "132 905 DAEMON_START kernel=6.1"];
    let behind = ["133 103 SERVICE_START pid=1", "190 104 SERVICE_START pid=1"];
    let quick = [&[added, "120 141 SYSCALL a=1"][..], &boot, &behind].concat();
    let daemon = (ReasonCode::NoDaemon, 131, 132);
    for at in [0, 2] {
        let logs = [log(&quick[..at]), log(&quick[at..])];
        assert_eq!(lapses(&logs, &status(1, 7, 0)), [daemon], "{at}");
        let told = of_rule(&logs, 0);
        assert!(told.contains(&(ReasonCode::RuleLate, 130, 200)), "{told:?}");
    }
}

#[test]
fn the_latest_event_of_a_key_is_known_over_all_logs() {
    let logs = [log(&["150 2 SYSCALL key=\"phi\""]), log(&["50 1 SYSCALL key=\"phi\""])];
    let recording = Recording::of((at(100), at(200)), None, files(&logs), 0);
    assert_eq!(recording.last_with(b"phi"), Some(at(150)));
    assert_eq!(recording.last_with(b"none"), None);
}
