//! A collection that is interrupted, killed, or loses its power: at random moments, and at each system call that ends it.

use std::path::Path;
use std::process::{Child, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::stops_checks::{Hits, Phase, Stage, dice, names, rounds, say};
use crate::support::only_root;

/// What a run was doing when it was asked to end, as its bundle tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    BeforeItListens,
    BetweenFiles,
    WithinAFile,
    Finishing,
    TooLate,
}

/// When to send a signal.
enum Moment {
    After(Duration),
    /// When the sealed file has so many bytes.
    Written(u64),
    /// When a name with this ending is there.
    Named(&'static str),
}

/// Waits for the moment; whether the run was still going on.
fn wait(child: &mut Child, out: &Path, moment: &Moment) -> bool {
    let began = Instant::now();
    let is_there = || match moment {
        Moment::After(time) => began.elapsed() >= *time,
        Moment::Written(least) => names(out).iter().any(|name| {
            name.ends_with(".partial") && out.join(name).metadata().is_ok_and(|met| met.len() >= *least)
        }),
        Moment::Named(ending) => names(out).iter().any(|name| name.ends_with(ending)),
    };
    while child.try_wait().unwrap().is_none() {
        if is_there() {
            return true;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "it hangs");
        sleep(Duration::from_micros(200));
    }
    false
}

/// How long one run takes.
fn one_run(stage: &Stage) -> Duration {
    let out = stage.out("whole");
    let began = Instant::now();
    let ended = stage.collect(&out).output().unwrap();
    let took = began.elapsed();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
    std::fs::remove_dir_all(out).unwrap();
    took
}

#[test]
fn kills_at_random_moments_leave_no_final_name_no_clear_text_and_exactly_what_is_whole() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let (stage, mut dice, mut hits) = (Stage::new(60, 6_000_000), dice("kills"), Hits::new());
    stage.a_marker_would_be_found();
    let whole = one_run(&stage).as_micros() as u64;
    let wanted = [Phase::BeforeTheFile, Phase::NothingSealed, Phase::Sealing];
    let mut round = 0;
    while hits.are_due(round, rounds(), &wanted) {
        let out = stage.out(&format!("out-{round}"));
        let moment = match round % 5 {
            0 => Moment::After(Duration::from_micros(dice.below(whole / 10))),
            1 => Moment::Written(0),
            2 => Moment::Written(dice.below(7_000_000)),
            3 => Moment::Named([".receipt.json", ".receipt.json.sig", ".zip.age"][dice.below(3) as usize]),
            _ => Moment::After(Duration::from_micros(dice.below(whole))),
        };
        let mut child = stage.collect(&out).spawn().unwrap();
        wait(&mut child, &out, &moment);
        let _ = kill_process(Pid::from_child(&child), Signal::KILL);
        child.wait_with_output().unwrap();
        hits.note(stage.check_killed(&out));
        std::fs::remove_dir_all(out).unwrap();
        round += 1;
    }
    hits.demand("killed", &wanted);
    assert!(hits.0.keys().max() >= Some(&Phase::Receipt), "no kill hit the end");
}

#[test]
fn signals_at_random_moments_give_a_bundle_that_holds_or_nothing() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let (stage, mut dice, mut hits) = (Stage::new(60, 6_000_000), dice("signals"), Hits::new());
    stage.a_marker_would_be_found();
    let whole = one_run(&stage).as_micros() as u64;
    let wanted = [Asked::BeforeItListens, Asked::BetweenFiles, Asked::WithinAFile, Asked::Finishing];
    let mut round = 0;
    while hits.are_due(round, rounds(), &wanted) {
        let out = stage.out(&format!("out-{round}"));
        let moment = match round % 5 {
            0 => Moment::After(Duration::from_micros(dice.below(1500))),
            1 => Moment::Written(100),
            2 => Moment::Written(500_000 + dice.below(3_000_000)),
            3 => Moment::Named(".receipt.json"),
            _ => Moment::After(Duration::from_micros(dice.below(whole))),
        };
        let mut child = stage.collect(&out).spawn().unwrap();
        let in_time = wait(&mut child, &out, &moment);
        // Some people press it again, and again.
        for _ in 0..=dice.below(3) {
            let signal = [Signal::INT, Signal::TERM, Signal::HUP][dice.below(3) as usize];
            let _ = kill_process(Pid::from_child(&child), signal);
            sleep(Duration::from_micros(dice.below(3000)));
        }
        let ended = child.wait_with_output().unwrap();
        hits.note(asked(&stage, &out, &ended, in_time));
        std::fs::remove_dir_all(out).unwrap();
        round += 1;
    }
    hits.demand("asked to end", &wanted);
}

/// Checks what came of a run that was asked to end, and says where it was.
fn asked(stage: &Stage, out: &Path, ended: &Output, in_time: bool) -> Asked {
    let Some(entries) = stage.check_asked(out, ended) else { return Asked::BeforeItListens };
    let cut = entries
        .iter()
        .filter(|entry| entry["reason_code"] == "interrupted" && entry["outcome"] == "truncated");
    match (ended.status.code(), cut.count()) {
        (Some(130), 0) => Asked::BetweenFiles,
        (Some(130), 1) => Asked::WithinAFile,
        (Some(130), many) => panic!("{many} files were under way at once"),
        _ if in_time => Asked::Finishing,
        _ => Asked::TooLate,
    }
}

/// The calls that end a run, in their order: each is the moment of one stop.
const END: [(&str, u32, Phase); 11] = [
    ("fallocate", 1, Phase::NothingSealed),
    ("ftruncate", 1, Phase::ReadingBack),
    ("fsync", 1, Phase::ReadingBack),
    ("fadvise64", 1, Phase::ReadingBack),
    ("fsync", 2, Phase::ReadingBack),
    ("linkat", 1, Phase::ReadingBack),
    ("fsync", 3, Phase::Receipt),
    ("linkat", 2, Phase::Receipt),
    ("fsync", 4, Phase::Signature),
    ("renameat2", 1, Phase::Signature),
    ("fsync", 5, Phase::Named),
];

#[test]
fn a_kill_at_each_call_that_ends_a_run_leaves_what_was_promised() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let (stage, mut hits) = (Stage::new(5, 200_000), Hits::new());
    for (call, when, expected) in END {
        let out = stage.out(&format!("{call}-{when}"));
        stage.collect_until(&out, call, when, "SIGKILL");
        let phase = stage.check_killed(&out);
        assert_eq!(phase, expected, "killed at {call} {when}");
        hits.note(phase);
    }
    // Writes one by one, from the envelope's header to the archive's directory.
    let mut dice = dice("writes");
    for number in 0..(rounds() / 3).max(6) {
        let out = stage.out(&format!("write-{number}"));
        stage.collect_until(&out, "write", 1 + dice.below(25) as u32, "SIGKILL");
        hits.note(stage.check_killed(&out));
    }
    hits.demand(
        "killed at a call",
        &[Phase::NothingSealed, Phase::ReadingBack, Phase::Receipt, Phase::Signature, Phase::Named],
    );
}

#[test]
fn a_signal_at_each_call_that_ends_a_run_still_gives_a_whole_bundle() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let stage = Stage::new(5, 200_000);
    for (number, (call, when, phase)) in END.into_iter().enumerate() {
        let out = stage.out(&format!("{call}-{when}"));
        let signal = ["SIGINT", "SIGTERM", "SIGHUP"][number % 3];
        let ended = stage.collect_until(&out, call, when, signal);
        let expected = if phase == Phase::NothingSealed { 130 } else { 3 };
        assert_eq!(ended.status.code(), Some(expected), "{signal} at {call} {when}");
        assert!(stage.check_asked(&out, &ended).is_some());
    }
    say(&format!("asked at each of {} calls", END.len()));
}
