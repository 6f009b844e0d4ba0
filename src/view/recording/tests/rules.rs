//! Rules that came and went: how many there were, and of which records do not tell.

use super::*;

/// A rule that comes or goes while auditing is off leaves no record. Written from documentation (kernel/auditfilter.c,
/// `audit_log_rule_change`).
#[test]
fn where_the_kernel_has_other_rules_than_the_log_tells_of_nothing_is_known_of_that_boot() {
    let boot = ["5 9000000 SYSCALL a=1", "110 20 SYSCALL a=1"];
    let [add, gone] = [("120 21", "add"), ("150 22", "remove")]
        .map(|(id, op)| format!("{id} CONFIG_CHANGE op={op}_rule key=\"phi\" list=4 res=1"));
    let of = |lines: &[&str], loaded: Option<u64>| {
        let lines = [&boot, lines, &["190 23 SYSCALL a=1"][..]].concat();
        let told = of_rule(&[log(&lines)], loaded);
        // Of the boot before nothing is known in any case, and what came last is doubted.
        told.into_iter().filter(|(_, from, _)| *from > 100).collect::<Vec<_>>()
    };
    let (late, unknown) = (ReasonCode::RuleLate, (ReasonCode::CoverageUnknown, 110, 200));
    assert_eq!(of(&[], Some(0)), [(late, 110, 200)]);
    assert_eq!(of(&[], Some(1)), [unknown]);
    assert_eq!(of(&[&add], Some(1)), [(late, 110, 120)]);
    assert_eq!(of(&[&add], Some(2)), [unknown]);
    assert_eq!(of(&[&add], Some(0)), [unknown, (late, 110, 120)]);
    assert_eq!(of(&[&add, &gone], Some(0)), [(late, 110, 120), (late, 150, 200)]);
    assert_eq!(of(&[&add, &gone], Some(1)), [unknown]);
    // Without its word it is by what came and went.
    assert_eq!(of(&[&add], None), [(late, 110, 120)]);
    assert_eq!(of(&[&add, &gone], None), [(late, 110, 120), (late, 150, 200)]);
    // The same where the boot is not here from its beginning, and more came than are there.
    assert_eq!(of_rule(&[log(&[ON[1], &add])], 0)[0], (ReasonCode::CoverageUnknown, 100, 200));
    assert_eq!(of_rule(&[log(&[ON[1], &gone])], None), [(late, 150, 200)]);
    let used = "120 21 SYSCALL key=\"phi\"";
    assert_eq!(of_rule(&[log(&[ON[1], used])], None), []);
}

/// rmdir(2) of a folder that a rule for either processor watches: two records in one event. Written from documentation
/// (kernel/audit_tree.c, `audit_tree_log_remove_rule`).
#[test]
fn two_rules_that_went_in_one_event_are_two_and_a_copy_of_the_log_makes_no_more() {
    let [add, gone] =
        ["add", "remove"].map(|op| format!("CONFIG_CHANGE op={op}_rule key=\"phi\" list=4 res=1"));
    let [first, second] = [format!("50 21 {add}"), format!("51 22 {add}")];
    let gone = format!("150 23 {gone}");
    let boot = ["5 9000000 SYSCALL a=1", ON[1]];
    let behind = ["150 23 SYSCALL a=1", "190 24 SYSCALL a=1"];
    let lines = [&boot[..], &[&first, &second, &gone, &gone], &behind].concat();
    let late = (ReasonCode::RuleLate, 150, 200);
    assert_eq!(of_rule(&[log(&lines)], 0), [late]);
    assert_eq!(of_rule(&[log(&lines), log(&lines), log(&lines[3..])], 0), [late]);
}
