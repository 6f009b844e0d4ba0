//! The files of `/proc/PID`: `stat` (proc_pid_stat(5)) and `status` (proc_pid_status(5)) here, the others below.
//!
//! Only `stat` is read by the library `procfs`: its other readers lose all of a file for one byte that is not UTF-8, or
//! panic on a line that is shorter than they expect (`limits`, `io`; seen in procfs-core 0.18).

pub mod figures;
pub mod maps;
pub mod target;

use procfs::FromRead as _;
use procfs::process::Stat;

/// `PF_KTHREAD` of linux/sched.h: it runs in the kernel and has no program.
const KERNEL_THREAD: u32 = 0x0020_0000;

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
    /// One letter: `R` running, `S` sleeping, `D` waiting for a device, `Z` ended and not waited for, …
    pub state: char,
    /// The process group's number.
    pub group: i32,
    /// The session's number.
    pub session: i32,
    /// The controlling terminal's device, major and minor; none without a terminal.
    pub terminal: Option<(u32, u32)>,
    /// It runs in the kernel and has no program.
    pub kernel_thread: bool,
    /// Threads.
    pub threads: i64,
    /// Clock ticks spent in its own code.
    pub user_ticks: u64,
    /// Clock ticks that the kernel spent for it.
    pub system_ticks: u64,
    /// Size of its address space, in bytes.
    pub virtual_bytes: u64,
    /// Where its code and its stack begin: another program in the same process has others. 0 where the kernel does not
    /// tell us.
    pub image: (u64, u64),
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
    Some(ProcessStat {
        pid: stat.pid,
        parent: stat.ppid,
        name,
        start_ticks: stat.starttime,
        state: stat.state,
        group: stat.pgrp,
        session: stat.session,
        terminal: terminal(stat.tty_nr.cast_unsigned()),
        kernel_thread: stat.flags & KERNEL_THREAD != 0,
        threads: stat.num_threads,
        user_ticks: stat.utime,
        system_ticks: stat.stime,
        virtual_bytes: stat.vsize,
        image: (stat.startcode, stat.startstack),
    })
}

/// The kernel's packing (`new_encode_dev`, linux/kdev_t.h): minor in bits 0 to 7 and 20 to 31, major in 8 to 19.
fn terminal(number: u32) -> Option<(u32, u32)> {
    (number != 0).then_some(((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
}

/// What a terminal is called below /dev, where its number says it (Documentation/admin-guide/devices.txt).
pub fn terminal_name((major, minor): (u32, u32)) -> Option<String> {
    match (major, minor) {
        (4, 0..=63) => Some(format!("tty{minor}")),
        (4, 64..) => Some(format!("ttyS{}", minor - 64)),
        (5, 1) => Some("console".into()),
        (136..=143, _) => Some(format!("pts/{}", (major - 136) * 256 + minor)),
        (204, 64..=79) => Some(format!("ttyAMA{}", minor - 64)),
        (229, _) => Some(format!("hvc{minor}")),
        _ => None,
    }
}

/// The lines of a `status` file, by name.
pub struct Status<'t>(Vec<(&'t [u8], &'t [u8])>);

impl<'t> Status<'t> {
    /// Splits a file. What is no `Name:\tvalue` line is passed over; each value is read for itself.
    pub fn of(text: &'t [u8]) -> Status<'t> {
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
        });
        Status(lines.collect())
    }

    /// The value of a line.
    pub fn field(&self, name: &str) -> Option<&'t [u8]> {
        self.0.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| *value)
    }

    /// Its first number, decimal. Sizes are in KiB here.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.numbers(name).into_iter().next()
    }

    /// Its numbers, decimal: `Uid` has four, `Groups` any number. Stops at what is none.
    pub fn numbers(&self, name: &str) -> Vec<u64> {
        let words = self.field(name).unwrap_or_default().split(u8::is_ascii_whitespace);
        let words = words.filter(|word| !word.is_empty());
        words.map_while(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect()
    }

    /// Sixteen hexadecimal digits, as capabilities are written.
    pub fn mask(&self, name: &str) -> Option<String> {
        let value = self.field(name)?;
        let hex = !value.is_empty() && value.iter().all(u8::is_ascii_hexdigit);
        hex.then(|| String::from_utf8_lossy(value).into_owned())
    }
}

/// The value of a field of a `status` file (proc_pid_status(5)), such as `CapEff`. The tabs between several values, as
/// of `Uid`, become blanks.
pub fn status_field(text: &[u8], name: &str) -> Option<String> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        let values = value.trim_ascii().split(|byte| *byte == b'\t').map(crate::path::shown);
        Some(values.collect::<Vec<_>>().join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

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
        assert_eq!((stat.state, stat.group, stat.session, stat.threads), ('S', 4242, 4200, 1));
        assert_eq!(stat.terminal.and_then(terminal_name).as_deref(), Some("pts/0"));
        assert!(!stat.kernel_thread && stat.virtual_bytes == 2_793_472);
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
        assert_eq!(status_field(status, "Uid").unwrap(), "0 0 0 0");
        assert_eq!(status_field(b"Name:\ta\x1b b\n", "Name").unwrap(), "a\\u{1b} b");
        assert_eq!(status_field(status, "Cap"), None);
    }

    // Captured on Linux 6.18: `sh` in a user namespace of its own that had named itself "a\n\xff"; the kernel writes the
    // newline as `\n` and the other byte as it is.
    const STATUS: &[u8] = b"Name:\ta\\n\xff\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t2501\nPid:\t2501\nPPid:\t2479\n\
        TracerPid:\t0\nUid:\t0\t1000\t1001\t1002\nGid:\t0\t0\t0\t0\nGroups:\t4 24 27 \nNSpid:\t2501\t1\n\
        VmRSS:\t    1708 kB\nThreads:\t1\nCapInh:\t0000000000000000\nCapEff:\t000001fffeffffff\nNoNewPrivs:\t1\n\
        Seccomp:\t2\nSeccomp_filters:\t1\n";

    #[test]
    fn a_status_file_is_read_line_by_line() {
        let status = Status::of(STATUS);
        assert_eq!(status.numbers("Uid"), [0, 1000, 1001, 1002]);
        assert_eq!(status.numbers("Groups"), [4, 24, 27]);
        assert_eq!(status.number("VmRSS"), Some(1708));
        assert_eq!(status.mask("CapEff").as_deref(), Some("000001fffeffffff"));
        assert_eq!(status.field("Name"), Some(&b"a\\n\xff"[..]));
        assert_eq!((status.number("Name"), status.mask("Name"), status.number("None")), (None, None, None));
    }

    #[test]
    fn the_numbers_of_terminals_are_unpacked() {
        assert_eq!(terminal(0), None);
        assert_eq!(terminal(0x8800), Some((136, 0)));
        // pts/300 is minor 300 of major 136 since Linux 2.6.
        let packed = (300 & 0xff) | (136 << 8) | ((300 & !0xff) << 12);
        assert_eq!(terminal(packed), Some((136, 300)));
        assert_eq!(terminal_name((4, 1)).as_deref(), Some("tty1"));
        assert_eq!(terminal_name((4, 64)).as_deref(), Some("ttyS0"));
        assert_eq!(terminal_name((200, 1)), None);
    }

    #[test]
    fn torn_and_altered_files_never_panic() {
        Mishaps::of(CAPTURED).each(|bytes| drop(parse_stat(bytes)));
        Mishaps::of(STATUS).each(|bytes| {
            let status = Status::of(bytes);
            let _ = (status.numbers("Uid"), status.mask("CapEff"), status.number("VmRSS"));
        });
    }
}
