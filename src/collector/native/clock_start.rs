//! The clocks at the beginning of a run: what every other time in the bundle rests on.

use serde::Serialize;

use crate::clock::{Timestamp, suspended};
use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::Host;
use crate::host::sys::{ClockDiscipline, clock_discipline};
use crate::intake::Halt;
use crate::path::{HostPath, shown};

/// What the clocks say. Keys are sorted.
#[derive(Serialize)]
struct Clocks {
    /// Of this boot; another one means that the machine was restarted in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    /// Nanoseconds since boot, suspend included.
    boottime_ns: u64,
    /// What the kernel says of its clock's discipline; absent for an image, or where the kernel refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    discipline: Option<Discipline>,
    /// Why that is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    discipline_missing: Option<String>,
    /// Nanoseconds since boot, without suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    monotonic_ns: Option<u64>,
    /// What a person read off another clock, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Wall-clock time.
    utc: Timestamp,
    /// The host's zone: where /etc/localtime points, or what /etc/timezone says.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
}

/// adjtimex(2), read only. Keys are sorted.
#[derive(Serialize)]
struct Discipline {
    /// How far off the clock probably is, in microseconds.
    estimated_error_us: i64,
    /// The correction of its frequency, in parts per billion.
    frequency_ppb: i64,
    /// How far off it can be, in microseconds; grows by 500 each second that nobody disciplines it.
    maximum_error_us: i64,
    /// What is still to be corrected, in nanoseconds.
    offset_ns: i64,
    /// `ok`, `insert`, `delete`, `in_leap`, `wait`, or `error`: leap seconds, and whether the clock is wrong.
    state: &'static str,
    /// The status bits, in words.
    status: Vec<&'static str>,
    /// The status bits.
    status_bits: i32,
    /// Whether something disciplines the clock: not in error, and not marked as unsynchronised.
    synchronised: bool,
    /// Seconds of TAI before UTC; 0 where nobody has told the kernel.
    tai_s: i32,
    /// Microseconds of one tick; 10000 where nobody slews the clock by it.
    tick_us: i64,
}

/// Bits of the status (linux/timex.h).
const STATUS: [(i32, &str); 16] = [
    (0x0001, "pll"),
    (0x0002, "pps_frequency"),
    (0x0004, "pps_time"),
    (0x0008, "fll"),
    (0x0010, "insert_leap_second"),
    (0x0020, "delete_leap_second"),
    (0x0040, "unsynchronised"),
    (0x0080, "frequency_hold"),
    (0x0100, "pps_signal"),
    (0x0200, "pps_jitter"),
    (0x0400, "pps_wander"),
    (0x0800, "pps_error"),
    (0x1000, "clock_error"),
    (0x2000, "nanoseconds"),
    (0x4000, "fll_mode"),
    (0x8000, "clock_b"),
];

const UNSYNCHRONISED: i32 = 0x0040;
const NANOSECONDS: i32 = 0x2000;
/// `TIME_OK` to `TIME_ERROR`.
const STATES: [&str; 6] = ["ok", "insert", "delete", "in_leap", "wait", "error"];

impl Discipline {
    fn of(kernel: ClockDiscipline) -> Discipline {
        let state =
            usize::try_from(kernel.state).ok().and_then(|at| STATES.get(at)).copied().unwrap_or("unknown");
        let nanoseconds = kernel.status & NANOSECONDS != 0;
        Discipline {
            estimated_error_us: kernel.estimated_error,
            // In parts per million times 65,536.
            frequency_ppb: kernel.frequency.saturating_mul(1_000) / 65_536,
            maximum_error_us: kernel.max_error,
            offset_ns: if nanoseconds { kernel.offset } else { kernel.offset.saturating_mul(1_000) },
            state,
            status: STATUS
                .iter()
                .filter(|(bit, _)| kernel.status & bit != 0)
                .map(|(_, word)| *word)
                .collect(),
            status_bits: kernel.status,
            synchronised: state != "error" && kernel.status & UNSYNCHRONISED == 0,
            tai_s: kernel.tai,
            tick_us: kernel.tick,
        }
    }
}

/// Reads them at the start.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let reference = run.request.clock_reference.as_ref().map(ToString::to_string);
    read(run, "clock_start", "clock-start", reference)
}

/// Reads them into the entry that the seal calls `role`.
pub fn read(
    run: &mut Run<'_, '_>,
    role: &str,
    collector: &str,
    reference: Option<String>,
) -> Result<(), Halt> {
    let taken = run.intake.now();
    let (discipline, discipline_missing) = match run.host.is_live().then(clock_discipline) {
        Some(Ok(kernel)) => (Some(Discipline::of(kernel)), None),
        Some(Err(error)) => (None, Some(format!("the kernel refused adjtimex(2): {error}"))),
        None => (None, None),
    };
    let awake = taken.boottime_ns.saturating_sub(u64::try_from(suspended().as_nanos()).unwrap_or(u64::MAX));
    let clocks = Clocks {
        boot_id: line_of(run.host, "/proc/sys/kernel/random/boot_id").filter(|_| run.host.is_live()),
        boottime_ns: taken.boottime_ns,
        discipline,
        discipline_missing,
        monotonic_ns: run.host.is_live().then_some(awake),
        reference,
        utc: taken.utc,
        zone: zone(run.host),
    };
    let draft = Draft::new(Kind::Capture, Source::text("clock_gettime(REALTIME, BOOTTIME), adjtimex"), taken);
    let entry =
        run.intake.capture(Member::of_live(collector, "clock.json"), draft, json::document(&clocks)?)?;
    run.intake.remember(role, entry);
    Ok(())
}

/// The first line of a small file.
pub fn line_of(host: &Host, path: &str) -> Option<String> {
    let bytes = host.peek(&HostPath::new(path).ok()?, 4096).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').next()?.trim_ascii();
    Some(shown(line)).filter(|line| !line.is_empty())
}

fn zone(host: &Host) -> Option<String> {
    let localtime = HostPath::new("/etc/localtime").ok()?;
    let located = host.locate(&localtime, true).ok()?;
    let resolved = located.spot.real.to_string();
    let named = resolved.split_once("/zoneinfo/").map(|(_, zone)| zone.to_owned());
    named.or_else(|| line_of(host, "/etc/timezone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsynchronised_clock_says_so() {
        // As the kernel of a machine without any time service answered (Linux 6.18).
        let kernel = ClockDiscipline {
            state: 5,
            status: 64,
            offset: 3,
            frequency: -65_536,
            max_error: 16_000_000,
            estimated_error: 16_000_000,
            tai: 0,
            tick: 10_000,
        };
        let told = Discipline::of(kernel);
        assert_eq!(
            (told.state, told.synchronised, told.status.as_slice()),
            ("error", false, &["unsynchronised"][..])
        );
        assert_eq!((told.frequency_ppb, told.offset_ns), (-1_000, 3_000));
        let told = Discipline::of(ClockDiscipline { state: 0, status: 0x2001, tai: 37, ..kernel });
        assert_eq!((told.state, told.synchronised, told.tai_s, told.offset_ns), ("ok", true, 37, 3));
        let mut row = Vec::new();
        json::row(&mut row, &told).unwrap();
        assert_eq!(row, json::line(&told).unwrap());
    }
}
