//! The kernel's log beside what dmesg prints of it.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::daemons::output;
use crate::support::{Bundle, Desk, only_root, phi};

#[test]
fn records_of_the_kernel_s_log_read_as_dmesg_prints_them() {
    if !only_root("/dev/kmsg") {
        return;
    }
    let desk = Desk::new();
    let marker = format!("phi-ir test {}", std::process::id());
    // Priority 131 is facility 16, local0, at level 3.
    fs::write("/dev/kmsg", format!("<131>{marker} odd \x1b[2J \u{e4} \\\n")).unwrap();
    let ran = phi(["collect", "--quiet", "--json", "--only", "kernel-log", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    // Raw: <PRIORITY>[seconds.microseconds] message
    let theirs = output("dmesg", &["--raw"]);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let text = fs::read_to_string(opened.join("data/live/kernel-log/kmsg.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let own =
        rows.iter().find(|row| row["message"].as_str().unwrap().starts_with(&marker)).expect("no marker");
    assert_eq!((&own["facility"], &own["level"]), (&"local0".into(), &"err".into()), "{own:#}");
    assert_eq!(own["message"], format!("{marker} odd \\u{{1b}}[2J \u{e4} \\\\"), "{own:#}");
    assert!(own["message_b64"].is_string());
    assert!(rows.iter().all(|row| row["sequence"].is_u64() && row["utc"].is_string()), "each is a record");

    let mut by_time: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for line in theirs.lines() {
        let Some((priority, rest)) = line.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            continue;
        };
        let Some((time, message)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) else {
            continue;
        };
        by_time.entry(time.trim().to_owned()).or_default().push((priority, message));
    }
    let mut compared = 0;
    for row in &rows {
        let us = row["boot_us"].as_u64().unwrap();
        let time = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        let message = row["message"].as_str().unwrap();
        // dmesg prints a message of several lines as several, and ours escapes backslashes and controls.
        if row["message_b64"].is_string() {
            continue;
        }
        let Some(found) = by_time.get(&time) else { continue };
        assert!(
            found.iter().any(|(_, theirs)| theirs.trim_end() == message.trim_end()),
            "{row:#}: {found:#?}"
        );
        compared += 1;
    }
    assert!(compared >= 50, "only {compared} of {} were compared", rows.len());
    // The clock of now and that of the record agree.
    let utc = own["utc"].as_str().unwrap();
    let now = output("date", &["-u", "+%Y-%m-%dT%H"]);
    let before = output("date", &["-u", "-d", "5 minutes ago", "+%Y-%m-%dT%H"]);
    assert!(utc.starts_with(now.trim()) || utc.starts_with(before.trim()), "{utc}");
}
