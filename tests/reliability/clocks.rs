//! Clocks that step back and forward during a run. The step is real where all rounds are run (it would disturb others on the
//! same machine); in every run it goes through the library, with a clock that steps.

use std::sync::atomic::{AtomicU64, Ordering};

use phi_ir::case::BundleKind;
use phi_ir::clock::{Clock, Moment, Timestamp};
use phi_ir::command::collect::Args;
use phi_ir::command::collect::journey::{Journey, random_salt};
use phi_ir::command::collect::prepare::Prepared;
use phi_ir::command::collect::target::Target;
use phi_ir::intake::{Progress, StopMark};
use serde_json::Value;

use crate::dice::is_long;
use crate::support::{Bundle, Desk, FakeHost, entries, only_root};

struct Silent;

impl Progress for Silent {
    fn collector(&mut self, _: usize, _: usize, _: &str) {}
    fn bytes(&mut self, _: u64) {}
    fn phase(&mut self, _: &str) {}
}

/// A wall clock that jumps at the tenth question, from one time to another; the clock since boot goes on.
struct Stepping {
    first: Timestamp,
    then: Timestamp,
    asked: AtomicU64,
}

impl Clock for Stepping {
    fn moment(&self) -> Moment {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let utc = if asked < 10 { self.first } else { self.then };
        Moment { utc: Timestamp::from_unix(utc.unix(), asked as u32), boottime_ns: 1_000_000 * asked }
    }
}

/// A bundle of a small host, collected by this clock; and its id.
fn collected(desk: &Desk, host: &FakeHost, first: &str, then: &str) -> Bundle {
    let time = |text| Timestamp::parse(text).unwrap();
    let clock = Stepping { first: time(first), then: time(then), asked: AtomicU64::new(0) };
    let args = Args {
        recipients: vec![desk.recipient.clone()],
        root: Some(host.path().to_owned()),
        since: "7d".into(),
        sign_with: Some(desk.path("host.key")),
        output: Some(desk.out()),
        ..Args::default()
    };
    let prepared = Prepared::from(&args, BundleKind::Incident, &clock).unwrap();
    let target = Target::open(&args, &prepared).unwrap();
    let journey =
        Journey { prepared: &prepared, clock: &clock, salts: &random_salt, stop: StopMark::default() };
    let collected = journey.travel(target, &mut Silent).unwrap();
    let sealed = collected.bundle.unwrap();
    let id = sealed.file_name().unwrap().to_str().unwrap().trim_end_matches(".zip.age").to_owned();
    Bundle { id, sealed, receipt: collected.receipt }
}

fn in_order(told: &[Value]) {
    let since_boot: Vec<u64> =
        told.iter().filter_map(|entry| entry["taken"]["boottime_ns"].as_u64()).collect();
    assert_eq!(since_boot.len(), told.len());
    assert!(since_boot.windows(2).all(|two| two[0] <= two[1]), "{since_boot:?}");
}

fn wall(told: &[Value], collector: &str) -> Timestamp {
    let entry = told.iter().find(|entry| entry["collector"] == collector).unwrap();
    Timestamp::parse(entry["taken"]["utc"].as_str().unwrap()).unwrap()
}

#[test]
fn whatever_the_wall_clock_says_the_bundle_verifies_and_its_order_stands() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    for (first, then) in [
        ("2026-11-22T12:00:00Z", "2026-11-22T11:00:00Z"),
        ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"),
        ("1970-01-01T00:00:00Z", "2026-11-22T12:00:00Z"),
        ("2026-11-22T12:00:00Z", "1970-01-01T00:00:01Z"),
        ("1979-12-31T23:59:59Z", "1980-01-01T00:00:00Z"),
        ("2038-01-19T03:14:07Z", "2038-01-19T03:14:08Z"),
        ("2200-02-28T00:00:00Z", "2232-01-01T00:00:00Z"),
        ("2107-12-31T23:59:58Z", "2108-01-01T00:00:00Z"),
    ] {
        let bundle = collected(&desk, &host, first, then);
        let at = Timestamp::parse(first).unwrap().compact();
        assert!(bundle.id.contains(&format!("-{at}-")), "{} of {first}", bundle.id);
        assert!(bundle.id.len() <= 80);
        desk.verify(&bundle.sealed).run().code(0).says("verified");
        let told = entries(&desk.open(&bundle));
        in_order(&told);
        let second = |time: Timestamp| Timestamp::from_unix(time.unix(), 0);
        let told = [wall(&told, "clock-start"), wall(&told, "clock-end")].map(second);
        assert_eq!(told, [first, then].map(|time| Timestamp::parse(time).unwrap()), "the step is not told");
    }
}

/// Sets the wall clock forward or back by so many seconds, as soon as evidence is on its way to the folder that is named
/// next, and for as long as the command behind it runs; and puts it back to
/// what it would be by the clock that never steps.
const STEP: &str = r#"
import glob, os, subprocess, sys, time
R, M = time.CLOCK_REALTIME, time.CLOCK_MONOTONIC
offset = time.clock_gettime_ns(R) - time.clock_gettime_ns(M)
run = subprocess.Popen(sys.argv[3:])
def begun():
    return any(os.path.getsize(path) > 3000000 for path in glob.glob(sys.argv[2] + "/*.partial"))
try:
    while run.poll() is None and not begun():
        time.sleep(0.002)
    time.clock_settime_ns(R, time.clock_gettime_ns(M) + offset + int(sys.argv[1]) * 10**9)
    code = run.wait(60)
finally:
    time.clock_settime_ns(R, time.clock_gettime_ns(M) + offset)
sys.exit(code)
"#;

#[test]
fn a_clock_that_really_steps_is_told_by_its_two_readings() {
    if !is_long() {
        return crate::support::skipped("PHI_IR_LONG=1 sets this machine's clock for a moment");
    }
    if !only_root("setting the clock") {
        return;
    }
    let mut noise = vec![0_u8; 40_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::small().file("/srv/big", noise);
    for seconds in [-3600_i64, 3600] {
        let desk = Desk::new();
        let output = std::process::Command::new("python3")
            .args(["-c", STEP, &seconds.to_string()])
            .arg(desk.out())
            .arg(crate::support::PHI_IR)
            .args([
                "collect",
                "--quiet",
                "--json",
                "--fast",
                "-r",
                &desk.recipient,
                "--also",
                "/srv/big",
                "--root",
            ])
            .arg(host.path())
            .arg("--sign-with")
            .arg(desk.path("host.key"))
            .arg("-o")
            .arg(desk.out())
            .env("PHI_IR_CONFIG", "/dev/null")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        let bundle = Bundle::of(&serde_json::from_slice(&output.stdout).unwrap());
        desk.verify(&bundle.sealed).run().code(0).says("verified");
        let told = entries(&desk.open(&bundle));
        in_order(&told);
        let stepped = wall(&told, "clock-end").unix() - wall(&told, "clock-start").unix();
        assert!((stepped - seconds).abs() < 120, "{stepped}");
    }
}
