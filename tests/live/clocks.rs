//! The clocks beside what another program reads off the same kernel.

use serde_json::Value;

use crate::support::{Bundle, Desk, phi, tool};

/// Python's own structure, filled by glibc's adjtimex: not our code and not our library.
const ADJTIMEX: &str = r#"
import ctypes, json, time
class timeval(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long)]
class timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
        ("time", timeval), ("tick", ctypes.c_long), ("ppsfreq", ctypes.c_long), ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int), ("stabil", ctypes.c_long), ("jitcnt", ctypes.c_long), ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long), ("stbcnt", ctypes.c_long), ("tai", ctypes.c_int), ("pad", ctypes.c_int * 11)]
t = timex()
state = ctypes.CDLL(None).adjtimex(ctypes.byref(t))
print(json.dumps({"state": state, "status": t.status, "maxerror": t.maxerror, "tai": t.tai, "tick": t.tick,
    "freq": t.freq, "monotonic": time.clock_gettime_ns(time.CLOCK_MONOTONIC)}))
"#;

#[test]
fn the_clock_s_discipline_is_what_the_kernel_tells_others() {
    let desk = Desk::new();
    let ran = phi(["collect", "--quiet", "--json", "--only", "modules", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    let theirs = tool("python3", &["-c".as_ref(), ADJTIMEX.as_ref()]).code(0).json();
    let opened = desk.open(&Bundle::of(&ran.json()));
    let clock = |name: &str| -> Value {
        let path = opened.join(format!("data/live/{name}/clock.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    for ours in [clock("clock-start"), clock("clock-end")] {
        let discipline = &ours["discipline"];
        assert_eq!(discipline["status_bits"], theirs["status"], "{ours:#}");
        assert_eq!((&discipline["tai_s"], &discipline["tick_us"]), (&theirs["tai"], &theirs["tick"]));
        let error = theirs["state"] == 5;
        assert_eq!(discipline["state"] == "error", error);
        assert!(!(error && discipline["synchronised"] == true), "{ours:#}");
        // It grows by 500 each second, up to 16 s.
        let (ours_us, theirs_us) =
            (discipline["maximum_error_us"].as_i64().unwrap(), theirs["maxerror"].as_i64().unwrap());
        assert!((ours_us - theirs_us).abs() < 60_000, "{ours_us} and {theirs_us}");
        let (ours_ns, theirs_ns) =
            (ours["monotonic_ns"].as_u64().unwrap(), theirs["monotonic"].as_u64().unwrap());
        assert!(ours_ns <= theirs_ns && theirs_ns - ours_ns < 60_000_000_000, "{ours_ns} and {theirs_ns}");
    }
}
