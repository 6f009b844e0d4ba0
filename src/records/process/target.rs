//! Where the links of `/proc/PID/fd` and `/proc/PID/exe` lead (proc_pid_fd(5)).

/// What a descriptor leads to, by the text of its link. A path begins with a slash; everything else does not, so that
/// no file can be named to look like a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'t> {
    /// A path, as the kernel tells it; ` (deleted)` behind it may be part of its name.
    Path,
    /// `/memfd:NAME (deleted)`: a file that never had a path. A file in `/` may be named so too.
    Memory,
    /// `socket:[INODE]`.
    Socket(u64),
    /// `pipe:[INODE]`.
    Pipe(u64),
    /// `anon_inode:[eventpoll]`, `anon_inode:bpf-prog`, …: an object of the kernel's without a file.
    Anonymous(&'t [u8]),
    /// `net:[INODE]`, `mnt:[INODE]`, …: a namespace that is kept open.
    Namespace(&'t [u8], u64),
    /// Something else, such as a path outside of what we can reach.
    Other,
}

/// Kinds of namespaces (namespaces(7)).
const NAMESPACES: [&[u8]; 8] = [b"cgroup", b"ipc", b"mnt", b"net", b"pid", b"time", b"user", b"uts"];

/// Sorts the text of a link.
pub fn sort(link: &[u8]) -> Target<'_> {
    if link.starts_with(b"/memfd:") && is_marked_deleted(link) {
        return Target::Memory;
    }
    if link.starts_with(b"/") {
        return Target::Path;
    }
    if let Some(name) = link.strip_prefix(b"anon_inode:") {
        return Target::Anonymous(
            name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name),
        );
    }
    let colon = link.iter().position(|byte| *byte == b':').unwrap_or(link.len());
    let kind = link.get(..colon).unwrap_or_default();
    match (kind, super::figures::namespace(link)) {
        (b"socket", Some(inode)) => Target::Socket(inode),
        (b"pipe", Some(inode)) => Target::Pipe(inode),
        (kind, Some(inode)) if NAMESPACES.contains(&kind) => Target::Namespace(kind, inode),
        _ => Target::Other,
    }
}

/// Whether the kernel, or the file's own name, says that the name is gone.
pub fn is_marked_deleted(link: &[u8]) -> bool {
    link.ends_with(b" (deleted)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    #[test]
    fn links_are_sorted_by_their_text() {
        // Captured on Linux 6.18 with `ls -l /proc/PID/fd` of python3, sshd, systemd-udevd and unshare.
        assert_eq!(sort(b"/var/log/auth.log"), Target::Path);
        assert_eq!(sort(b"/memfd:x y (deleted)"), Target::Memory);
        assert_eq!(sort(b"socket:[12345]"), Target::Socket(12_345));
        assert_eq!(sort(b"pipe:[7]"), Target::Pipe(7));
        assert_eq!(sort(b"anon_inode:[eventpoll]"), Target::Anonymous(b"eventpoll"));
        assert_eq!(sort(b"anon_inode:inotify"), Target::Anonymous(b"inotify"));
        assert_eq!(sort(b"net:[4026531840]"), Target::Namespace(b"net", 4_026_531_840));
        assert_eq!(sort(b"/socket:[1]"), Target::Path);
        assert_eq!(sort(b"(unreachable)/x"), Target::Other);
        assert_eq!(sort(b"socket:[x]"), Target::Other);
        assert!(is_marked_deleted(b"/tmp/x (deleted)") && !is_marked_deleted(b"/tmp/x"));
        Mishaps::of(b"anon_inode:[eventpoll]")
            .each(|bytes| assert!(!matches!(sort(bytes), Target::Path) || bytes.starts_with(b"/")));
        Mishaps::of(b"net:[4026531840]")
            .each(|bytes| assert!(!matches!(sort(bytes), Target::Path) || bytes.starts_with(b"/")));
    }
}
