//! The namespaces that we run in: whether root here is root of this machine, and whose files have an owner that cannot
//! be told from inside.

use std::os::unix::fs::MetadataExt as _;

use super::facts::is_root;

/// Number of the first user namespace: `PROC_USER_INIT_INO` of linux/proc_ns.h.
pub const FIRST_USER: u64 = 0xEFFF_FFFD;

/// Number of the first process namespace: `PROC_PID_INIT_INO` of linux/proc_ns.h.
pub const FIRST_PID: u64 = 0xEFFF_FFFC;

/// As whom files appear whose owner has no number here, where the kernel does not say (`DEFAULT_OVERFLOWUID`).
const OVERFLOW: u32 = 65534;

/// User numbers that there are: all but the highest.
const ALL: u64 = u32::MAX as u64;

/// Numbers of our own namespaces. What could not be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnNamespaces {
    /// The user namespace.
    pub user: Option<u64>,
    /// The network namespace.
    pub net: Option<u64>,
    /// That of the machine's first process, which is the first one unless that process has left it. Known only in the first
    /// process namespace.
    pub net_of_first: Option<u64>,
}

impl OwnNamespaces {
    /// Reads them.
    pub fn read() -> OwnNamespaces {
        let number = |path: &str| std::fs::metadata(path).ok().map(|met| met.ino());
        let is_first_pid = number("/proc/self/ns/pid") == Some(FIRST_PID);
        OwnNamespaces {
            user: number("/proc/self/ns/user"),
            net: number("/proc/self/ns/net"),
            net_of_first: is_first_pid.then(|| number("/proc/1/ns/net")).flatten(),
        }
    }
}

/// Whether this process acts as root, and only within a user namespace: what belongs to the machine refuses it.
pub fn is_root_of_namespace_only() -> bool {
    is_root() && OwnNamespaces::read().user.is_some_and(|user| user != FIRST_USER)
}

/// The number as which files appear whose owner has none in our user namespace; none where every owner has one. Even where
/// somebody has that very number, whose file it is cannot be told.
pub fn unknown_owner() -> Option<u32> {
    // Without the file the kernel has no user namespaces.
    let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
    if maps_everybody(&map) {
        return None;
    }
    let number = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
    Some(number.and_then(|number| number.trim().parse().ok()).unwrap_or(OVERFLOW))
}

/// Whether a map of user_namespaces(7), lines of first inside, first outside and count, has all numbers. One that does
/// has all of those outside too, for the kernel maps only what exists there.
fn maps_everybody(map: &str) -> bool {
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.fold(0, u64::saturating_add) >= ALL
}

/// Whose links are followed: root's, and in an image also those of its root's owner.
#[derive(Clone, Copy, Debug)]
pub struct TrustedOwners {
    /// Trusted beside root.
    other: u32,
    /// See [`unknown_owner`].
    unknown: Option<u32>,
}

/// What is thought of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// What they made is followed.
    Trusted,
    /// Nobody can tell from inside of this user namespace who it is; root or anybody.
    Unknown,
    /// Somebody else.
    Untrusted,
}

impl TrustedOwners {
    /// Root, and `other`.
    pub fn root_and(other: u32) -> TrustedOwners {
        TrustedOwners { other, unknown: unknown_owner() }
    }

    /// What is thought of the owner `uid`.
    pub fn judge(self, uid: u32) -> Owner {
        match uid {
            0 => Owner::Trusted,
            uid if uid == self.other => Owner::Trusted,
            uid if Some(uid) == self.unknown => Owner::Unknown,
            _ => Owner::Untrusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_map_of_everybody_tells_every_owner() {
        // The first user namespace, `unshare -r` of root and of nobody, rootless podman, nobody mapped yet, one split in two.
        assert!(maps_everybody("         0          0 4294967295\n"));
        assert!(!maps_everybody("         0          0          1\n"));
        assert!(!maps_everybody("         0      65534          1\n"));
        assert!(!maps_everybody("         0       1000          1\n         1     100000      65536\n"));
        assert!(!maps_everybody(""));
        assert!(maps_everybody("0 0 1000\n1000 1000 4294966295\n"));
    }

    #[test]
    fn an_owner_who_has_no_number_here_is_not_called_somebody_else() {
        let inside = TrustedOwners { other: 0, unknown: Some(65534) };
        assert_eq!(
            [0, 65534, 1000].map(|uid| inside.judge(uid)),
            [Owner::Trusted, Owner::Unknown, Owner::Untrusted]
        );
        let outside = TrustedOwners { other: 0, unknown: None };
        assert_eq!(outside.judge(65534), Owner::Untrusted);
        let image = TrustedOwners { other: 1000, unknown: None };
        assert_eq!(image.judge(1000), Owner::Trusted);
    }
}
