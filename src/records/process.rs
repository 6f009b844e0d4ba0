//! `/proc/PID/stat` (proc_pid_stat(5)), as far as naming who started a run needs it.

use procfs::FromRead as _;
use procfs::process::Stat;

/// A process, by what its `stat` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// Its number.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its name, at most 15 bytes of its own choice.
    pub name: Vec<u8>,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

/// Reads a `stat` file; none if it is not one.
///
/// The name stands in brackets and may hold brackets, blanks and bytes that are no text: it is taken out first. The
/// library reads the numbers; given the name, it panics on some (found by fuzzing procfs-core 0.18).
pub fn parse_stat(text: &[u8]) -> Option<ProcessStat> {
    let opens = text.iter().position(|byte| *byte == b'(')?;
    let closes = text.iter().rposition(|byte| *byte == b')')?;
    let name = text.get(opens + 1..closes)?.to_vec();
    let (before, after) = (text.get(..opens)?, text.get(closes + 1..)?);
    let pid = before.strip_suffix(b" ")?;
    let is_number = !pid.is_empty() && pid.iter().all(u8::is_ascii_digit);
    if !is_number || !after.starts_with(b" ") || !after.is_ascii() || after.trim_ascii().is_empty() {
        return None;
    }
    let stat = Stat::from_read([before, b"(name)", after].concat().as_slice()).ok()?;
    Some(ProcessStat { pid: stat.pid, parent: stat.ppid, name, start_ticks: stat.starttime })
}

/// The value of a field of a `status` file (proc_pid_status(5)), such as `CapEff`.
pub fn status_field(text: &[u8], name: &str) -> Option<String> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        Some(crate::path::shown(value.trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Captured on Linux 6.18 from a process that had named itself "a) R (b".
    const CAPTURED: &[u8] = b"4242 (a) R (b) S 4200 4242 4200 34816 4242 4194304 100 0 0 0 0 0 0 0 20 0 1 0 123456 \
        2793472 400 18446744073709551615 94000000000000 94000000100000 140720000000000 0 0 0 65536 3670020 1266777851 \
        1 0 0 17 1 0 0 0 0 0 94000000200000 94000000300000 94000001000000 140720000000100 140720000000110 \
        140720000000110 140720000000120 0\n";

    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let stat = parse_stat(CAPTURED).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.start_ticks), (4242, 4200, 123_456));
        assert_eq!(stat.name, b"a) R (b");
        assert_eq!(parse_stat(b"nonsense"), None);
        // Each once made the library panic.
        assert_eq!(parse_stat(b"1 )a( S 0 0\n"), None);
        assert_eq!(parse_stat(b"1 (a)\xff\xff S 0 0\n"), None);
        assert_eq!(parse_stat(b"(a) S 0 0\n"), None);
        assert_eq!(parse_stat(b"1 (a) \n"), None);
        let odd = [&b"7 (\xff) "[..], CAPTURED.get(15..).unwrap()].concat();
        assert_eq!(parse_stat(&odd).unwrap().name, b"\xff");
    }

    #[test]
    fn fields_of_status_are_found_by_name() {
        let status = b"Name:\tcat\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n";
        assert_eq!(status_field(status, "CapEff").unwrap(), "000001ffffffffff");
        assert_eq!(status_field(status, "Cap"), None);
    }
}
