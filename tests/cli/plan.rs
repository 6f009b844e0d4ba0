//! `plan`

use std::fs;

use crate::support::{Desk, FakeHost, phi};

#[test]
fn a_dry_run_says_what_would_be_done_and_does_none_of_it() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let root = host.path().to_str().unwrap();
    let out = desk.out();
    let planned = phi(["plan", "--root", root, "-o", out.to_str().unwrap()]).run().code(0);
    let planned =
        planned.says("\naudit-logs\n").says("[1 file, ").says("needs the running host").says("/var/data/phi");
    assert!(planned.stdout.contains("audit events below PHI folders"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);

    let json = phi(["plan", "--json", "--root", root, "-o", out.to_str().unwrap()]).run().code(0).json();
    let steps = json["steps"].as_array().unwrap();
    let audit = steps.iter().find(|s| s["collector"] == "audit-logs" && s["step"] == "copy-1").unwrap();
    assert_eq!(audit["bytes"], fs::metadata(host.at("/var/log/audit/audit.log")).unwrap().len());
    assert!(json["output_free_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn the_plan_is_the_one_that_is_carried_out() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let root = host.path().to_str().unwrap();
    let json =
        phi(["plan", "--json", "--root", root, "-o", desk.out().to_str().unwrap()]).run().code(0).json();
    let planned: Vec<(String, String)> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["collector"].as_str().unwrap().into(), step["step"].as_str().unwrap().into()))
        .collect();
    let bundle = crate::support::Bundle::of(&desk.collect(&host).run().code(3).json());
    let entries = crate::support::entries(&desk.open(&bundle));
    for (collector, step) in planned {
        let done = entries.iter().any(|e| e["collector"] == collector.as_str() && e["step"] == step.as_str());
        assert!(done, "{collector} {step} was planned and has no entry");
    }
}

#[test]
fn it_says_why_a_collection_would_refuse_to_begin() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let root = host.path().to_str().unwrap();
    let plan = |args: &[&str]| phi(["plan", "--root", root]).args(args).run();
    let out = desk.out();
    let out = out.to_str().unwrap();
    plan(&["-o", out, "-r", "age1mistyped"]).code(5).says("'collect' would refuse: -r").says("hint:");
    plan(&["-o", out, "--sign-with", "/nonexistent"]).code(5).says("/nonexistent");
    plan(&["-o", "/nonexistent"]).code(5).says("/nonexistent").says("-o DIR");
    plan(&["-o", "-"]).code(5).says("--receipt");
    plan(&["-o", "-", "--receipt", desk.path("host.key").to_str().unwrap()]).code(5).says("exists already");
    plan(&["-o", out, "--receipt", "r.json"]).code(5).says("goes with -o -");
    let json = plan(&["-o", "/nonexistent", "--json"]).code(5).json();
    assert_eq!(json["refusals"].as_array().unwrap().len(), 1);
    // What is meant by a name is shown, not the name.
    let also = plan(&["-o", out, "--only", "also", "--also", "/srv/x", "--phi", "/srv/nowhere"]).code(0);
    also.says("/srv/x").says("/srv/nowhere (argument) does not exist in the image");
    plan(&["-o", out]).code(0).says("ausearch --input-logs -k phi_access");
}
