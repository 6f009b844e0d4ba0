//! The small files of `/proc/PID`: `limits`, `io`, `loginuid`, `sessionid`, `cmdline`, and the links of `ns/`.

/// One limit of a process (getrlimit(2)): soft and hard; none is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What holds now.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// A line of `limits` (proc_pid_limits(5)) by its name there, such as `Max open files`.
pub fn limit(text: &[u8], name: &str) -> Option<Limit> {
    let rest = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))?;
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (soft, hard) = (bound(words.next()?)?, bound(words.next()?)?);
    Some(Limit { soft, hard })
}

fn bound(word: &[u8]) -> Option<Option<u64>> {
    if word == b"unlimited" { Some(None) } else { number(word).map(Some) }
}

/// A figure of `io` (proc_pid_io(5)) by its name there, such as `read_bytes`.
pub fn io(text: &[u8], name: &str) -> Option<u64> {
    text.split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":").and_then(number))
}

/// `loginuid` or `sessionid` (proc_pid_loginuid(5)): who logged in, and which login it was, as the audit system keeps
/// it through su and sudo. None where nobody has logged in (4294967295).
pub fn audit_id(text: &[u8]) -> Option<u32> {
    number(text).and_then(|id| u32::try_from(id).ok()).filter(|id| *id != u32::MAX)
}

/// A decimal number and nothing else but white space around it.
pub fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// The arguments of `cmdline` (proc_pid_cmdline(5)): separated by NUL, and a NUL at the end unless the process has
/// overwritten them.
pub fn arguments(text: &[u8]) -> Vec<&[u8]> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() { Vec::new() } else { text.split(|byte| *byte == 0).collect() }
}

/// The number in a link of `ns/`: `net:[4026531840]`.
pub fn namespace(link: &[u8]) -> Option<u64> {
    let open = link.iter().position(|byte| *byte == b'[')?;
    number(link.get(open + 1..)?.strip_suffix(b"]")?)
}

/// `/proc/sys/kernel/pid_max`, or the last field of `/proc/loadavg`, which is the number that was given last.
pub fn last_number(text: &[u8]) -> Option<u32> {
    let last = text.trim_ascii().rsplit(u8::is_ascii_whitespace).next()?;
    number(last).and_then(|number| u32::try_from(number).ok())
}

/// How many threads there are in all, by the fourth field of `/proc/loadavg`: `3/95`.
pub fn threads_in_all(text: &[u8]) -> Option<u64> {
    let field = text.split(u8::is_ascii_whitespace).nth(3)?;
    number(field.rsplit(|byte| *byte == b'/').next()?)
}

/// The option `hidepid` of the last mount on /proc, by the text of `mountinfo`, where it hides anything: `1` or
/// `noaccess`, `2` or `invisible`, `4` or `ptraceable` (proc(5)).
pub fn hidepid(mountinfo: &[u8]) -> Option<String> {
    let on_proc = |line: &&[u8]| line.split(|byte| *byte == b' ').nth(4) == Some(b"/proc");
    let line = mountinfo.split(|byte| *byte == b'\n').rfind(on_proc)?;
    let mut options = line.split(|byte| *byte == b' ' || *byte == b',');
    let value = options.find_map(|option| option.strip_prefix(b"hidepid="))?;
    (value != b"0" && value != b"off").then(|| crate::path::shown(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    // Captured on Linux 6.18 with `cat /proc/self/limits`, `…/io` and `/proc/loadavg`.
    const LIMITS: &[u8] = b"Limit                     Soft Limit           Hard Limit           Units     \n\
        Max core file size        0                    unlimited            bytes     \n\
        Max processes             96551                96551                processes \n\
        Max open files            20000                20000                files     \n\
        Max nice priority         0                    0                    \n";
    const IO: &[u8] = b"rchar: 6976\nwchar: 0\nsyscr: 10\nsyscw: 0\nread_bytes: 12\nwrite_bytes: 0\n\
        cancelled_write_bytes: 4\n";

    #[test]
    fn limits_and_io_are_read_by_name() {
        let core = limit(LIMITS, "Max core file size").unwrap();
        assert_eq!((core.soft, core.hard), (Some(0), None));
        assert_eq!(limit(LIMITS, "Max open files").unwrap().soft, Some(20_000));
        assert_eq!(limit(LIMITS, "Max of something"), None);
        assert_eq!((io(IO, "read_bytes"), io(IO, "write_bytes"), io(IO, "bytes")), (Some(12), Some(0), None));
    }

    #[test]
    fn the_small_ones_are_read() {
        assert_eq!(audit_id(b"4294967295"), None);
        assert_eq!(audit_id(b"1000"), Some(1000));
        assert_eq!(arguments(b"sh\0-c\0\0x\xff\0"), [&b"sh"[..], b"-c", b"", b"x\xff"]);
        assert!(arguments(b"").is_empty());
        // A process that writes over its arguments, as sshd and postgres do, leaves no NUL.
        assert_eq!(arguments(b"sshd: alice [priv]"), [b"sshd: alice [priv]"]);
        assert_eq!(namespace(b"net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(namespace(b"net:4026531840"), None);
        assert_eq!(last_number(b"0.42 0.36 0.61 3/95 2489\n"), Some(2489));
        assert_eq!(last_number(b"32768\n"), Some(32_768));
        assert_eq!(threads_in_all(b"0.42 0.36 0.61 3/95 2489\n"), Some(95));
    }

    #[test]
    fn a_proc_that_hides_processes_says_so() {
        // Captured on Linux 6.18 after `mount -t proc -o hidepid=2 proc /proc` in a mount namespace.
        let plain = b"24 1 0:22 / /proc rw,nosuid - proc proc rw\n";
        let hiding =
            [&plain[..], b"90 24 0:60 / /proc rw,relatime - proc proc rw,hidepid=invisible\n"].concat();
        assert_eq!(hidepid(plain), None);
        assert_eq!(hidepid(&hiding).as_deref(), Some("invisible"));
        Mishaps::of(&hiding).each(|bytes| drop(hidepid(bytes)));
    }

    #[test]
    fn torn_and_altered_files_never_panic() {
        Mishaps::of(LIMITS).each(|bytes| {
            let _ = limit(bytes, "Max open files");
        });
        Mishaps::of(IO).each(|bytes| {
            let _ = io(bytes, "read_bytes");
        });
        Mishaps::of(b"0.42 0.36 0.61 3/95 2489\n").each(|bytes| {
            let _ = (
                last_number(bytes),
                threads_in_all(bytes),
                audit_id(bytes),
                arguments(bytes),
                namespace(bytes),
            );
        });
    }
}
