//! What a process shows that matters to who is on: the title that sshd gives itself, and whether it is a terminal
//! multiplexer.

/// The value of a login uid or an audit session that was never set.
pub const UNSET: u32 = u32::MAX;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
