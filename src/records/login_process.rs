//! What /proc tells of a process that matters to who is on: its terminal, its session, the title that sshd gives
//! itself, and whether it is a terminal multiplexer.

/// The value of a login uid or an audit session that was never set.
pub const UNSET: u32 = u32::MAX;

/// Clock ticks of one second in /proc (`USER_HZ`), on every processor that this program runs on.
pub const TICKS: u64 = 100;

/// Numbers of a `stat` file (proc_pid_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The parent.
    pub parent: u32,
    /// The session's leader.
    pub session: u32,
    /// The controlling terminal, as the kernel numbers devices; 0 for none.
    pub terminal: u32,
    /// When it started, in clock ticks since boot, suspend included.
    pub start_ticks: u64,
}

/// Reads a `stat` file behind the name, which may hold anything.
pub fn place(stat: &[u8]) -> Option<Place> {
    let after = stat.get(stat.iter().rposition(|byte| *byte == b')')? + 1..)?;
    let fields: Vec<&str> = std::str::from_utf8(after).ok()?.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    Some(Place {
        parent: u32::try_from(number(1)?).ok()?,
        session: u32::try_from(number(3)?).unwrap_or(0),
        // The kernel prints it signed.
        terminal: i32::try_from(number(4)?).ok()?.cast_unsigned(),
        start_ticks: u64::try_from(number(19)?).ok()?,
    })
}

/// The name in a `stat` file.
pub fn name(stat: &[u8]) -> &[u8] {
    let open = stat.iter().position(|byte| *byte == b'(').map(|at| at + 1);
    let close = stat.iter().rposition(|byte| *byte == b')');
    open.zip(close).and_then(|(open, close)| stat.get(open..close)).unwrap_or_default()
}

/// The name of a terminal below /dev (Documentation/admin-guide/devices.txt); none for none.
pub fn terminal(number: u32) -> Option<String> {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    match (major, minor) {
        (0, 0) => None,
        (136..=143, minor) => Some(format!("pts/{}", (major - 136) * 256 + minor)),
        (4, minor @ 0..=63) => Some(format!("tty{minor}")),
        (4, minor) => Some(format!("ttyS{}", minor - 64)),
        (5, 1) => Some("console".into()),
        (229, minor) => Some(format!("hvc{minor}")),
        (204, minor @ 64..=79) => Some(format!("ttyAMA{}", minor - 64)),
        _ => Some(format!("{major}:{minor}")),
    }
}

/// `sshd: alice@pts/0` or `sshd-session: alice@notty`, as sshd titles the process that serves a session: who, and
/// where, if that is a terminal. The title is the process's own choice.
pub fn ssh_title(cmdline: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let title = cmdline.strip_prefix(b"sshd: ").or_else(|| cmdline.strip_prefix(b"sshd-session: "))?;
    let end = title.iter().position(|byte| *byte == 0).unwrap_or(title.len());
    let title = title.get(..end)?.trim_ascii();
    let at = title.iter().rposition(|byte| *byte == b'@')?;
    let (user, place) = (title.get(..at)?, title.get(at + 1..)?);
    Some((user, Some(place).filter(|place| *place != b"notty")))
}

/// A program that keeps terminals open without anybody at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplexer {
    /// `tmux`, `screen`, …
    pub kind: &'static str,
    /// It holds the terminals; otherwise it shows one to somebody.
    pub server: bool,
}

/// Whether a process is one: by its program, the name that it gives itself, or its first argument.
pub fn multiplexer(name: &[u8], exe: &[u8], cmdline: &[u8]) -> Option<Multiplexer> {
    let base = |path: &[u8]| {
        let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        last.strip_suffix(b" (deleted)").unwrap_or(last).to_ascii_lowercase()
    };
    let first = cmdline.split(|byte| *byte == 0).next().unwrap_or_default();
    let named = [base(exe), base(first), name.to_ascii_lowercase()];
    let kind = ["tmux", "screen", "dtach", "abduco", "zellij", "mosh-server"].into_iter().find(|kind| {
        let is = |word: &Vec<u8>| {
            let rest = word.strip_prefix(kind.as_bytes());
            rest.is_some_and(|rest| rest.first().is_none_or(|next| b": -".contains(next)))
        };
        named.iter().any(is)
    })?;
    Some(Multiplexer { kind, server: name == b"tmux: server" || first == b"SCREEN" || kind == "mosh-server" })
}

/// One line of /proc/net/unix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its number, as in `socket:[N]`.
    pub inode: u64,
    /// It waits for others to connect.
    pub listens: bool,
    /// Where it is bound, if it is.
    pub path: Vec<u8>,
}

/// Reads one line; none for the heading and what is no such line.
pub fn unix_socket(line: &[u8]) -> Option<UnixSocket> {
    // Num RefCount Protocol Flags Type St Inode Path, each one blank apart but the number, which is padded.
    let mut rest = line.trim_ascii_start();
    let mut fields = Vec::with_capacity(7);
    for _ in 0..7 {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (field, after) = rest.split_at_checked(end)?;
        fields.push(std::str::from_utf8(field).ok()?);
        rest = after;
    }
    let flags = u32::from_str_radix(fields.get(3)?, 16).ok()?;
    Some(UnixSocket {
        inode: fields.get(6)?.parse().ok()?,
        listens: flags & 0x1_0000 != 0,
        path: rest.strip_prefix(b" ").unwrap_or_default().to_vec(),
    })
}

/// `socket:[4711]`
pub fn socket_of(target: &[u8]) -> Option<u64> {
    std::str::from_utf8(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Captured on Linux 6.18 (tmux 3.3a, screen 4.9).
    const TMUX: &[u8] = b"15523 (tmux: server) S 1 15523 15523 0 -1 4194368 510 156 0 0 0 0 0 0 20 0 1 0 2661448 5914624 941\n";
    const UNIX: &[u8] = b"00000000f191bd16: 00000002 00000000 00010000 0001 01 622417 /tmp/tmux-0/probe";

    #[test]
    fn places_terminals_and_names_are_read() {
        let place = place(TMUX).unwrap();
        assert_eq!(
            (place.parent, place.session, place.terminal, place.start_ticks),
            (1, 15523, 0, 2_661_448)
        );
        assert_eq!(name(b"1 (a) R (b) S 1"), b"a) R (b");
        assert_eq!(name(b"nonsense"), b"");
        for (number, word) in [
            (0, None),
            (34_816, Some("pts/0")),
            (34_819, Some("pts/3")),
            (1_025, Some("tty1")),
            (1_088, Some("ttyS0")),
        ] {
            assert_eq!(terminal(number).as_deref(), word);
        }
        assert_eq!(terminal(0x0010_8801).as_deref(), Some("pts/257"));
        assert_eq!(terminal((1 << 8) | 3).as_deref(), Some("1:3"));
    }

    #[test]
    fn titles_of_sshd_name_user_and_terminal() {
        assert_eq!(ssh_title(b"sshd: alice@pts/0\0"), Some((&b"alice"[..], Some(&b"pts/0"[..]))));
        assert_eq!(ssh_title(b"sshd-session: a@b@notty"), Some((&b"a@b"[..], None)));
        assert_eq!(ssh_title(b"sshd: alice [priv]\0"), None);
        assert_eq!(ssh_title(b"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\0"), None);
        assert_eq!(ssh_title(b""), None);
    }

    #[test]
    fn multiplexers_are_known_by_program_name_or_argument() {
        let of = |name: &[u8], exe: &[u8], cmdline: &[u8]| {
            multiplexer(name, exe, cmdline).map(|m| (m.kind, m.server))
        };
        assert_eq!(of(b"tmux: server", b"/usr/bin/tmux", b"tmux\0new"), Some(("tmux", true)));
        assert_eq!(of(b"tmux: client", b"/usr/bin/tmux", b"tmux\0attach"), Some(("tmux", false)));
        assert_eq!(of(b"screen", b"/usr/bin/screen", b"SCREEN\0-dmS\0x"), Some(("screen", true)));
        assert_eq!(of(b"screen", b"/usr/bin/screen", b"screen\0-r"), Some(("screen", false)));
        assert_eq!(of(b"innocent", b"/usr/bin/tmux (deleted)", b""), Some(("tmux", false)));
        assert_eq!(of(b"bash", b"/usr/bin/bash", b"-bash"), None);
        assert_eq!(of(b"screenshot", b"/usr/bin/screenshot", b"screenshot"), None);
    }

    #[test]
    fn lines_of_unix_sockets_are_read_and_odd_ones_are_not() {
        let socket = unix_socket(UNIX).unwrap();
        assert_eq!(
            (socket.inode, socket.listens, socket.path.as_slice()),
            (622_417, true, &b"/tmp/tmux-0/probe"[..])
        );
        let odd = [&UNIX[..UNIX.len() - 5], b"  a\xff b"].concat();
        assert_eq!(unix_socket(&odd).unwrap().path, b"/tmp/tmux-0/  a\xff b");
        assert_eq!(unix_socket(b"Num       RefCount Protocol Flags    Type St Inode Path"), None);
        for end in 0..UNIX.len() {
            let _ = (unix_socket(&UNIX[..end]), place(&TMUX[..end.min(TMUX.len())]));
        }
        assert_eq!((socket_of(b"socket:[7]"), socket_of(b"pipe:[7]")), (Some(7), None));
    }
}
