//! `collectors`

use crate::support::phi;

#[test]
fn they_are_listed_in_the_order_of_work_and_explained_one_by_one() {
    let listed = phi(["collectors"]).run().code(0);
    let ids: Vec<&str> = listed.stdout.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    let at = |id: &str| ids.iter().position(|known| *known == id).unwrap_or_else(|| panic!("no {id}"));
    assert!(at("clock-start") < at("sockets") && at("sockets") < at("login-records"));
    assert!(at("login-records") < at("kernel-log") && at("kernel-log") < at("audit-logs"));
    assert!(at("audit-logs") < at("footprint"));
    phi(["collectors", "audit-logs"])
        .run()
        .code(0)
        .says("164.312(b)")
        .says("{audit_log}*")
        .says("persistent")
        .says("sha256");
}

#[test]
fn a_mistyped_one_gets_the_nearest() {
    phi(["collectors", "audit-lgs"]).run().code(2).says("did you mean audit-logs?");
}

#[test]
fn json_has_them_all() {
    let all = phi(["collectors", "--json"]).run().code(0).json();
    let all = all.as_array().unwrap();
    assert!(all.len() >= 30);
    assert!(
        all.iter()
            .all(|one| !one["why"].as_str().unwrap().is_empty()
                && !one["steps"].as_array().unwrap().is_empty())
    );
}
