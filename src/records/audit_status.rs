//! What the kernel answers about auditing (include/uapi/linux/audit.h): `struct audit_status` to AUDIT_GET, and
//! `struct audit_features` to AUDIT_GET_FEATURE.

use serde::Serialize;

use super::netlink::u32_at;

/// The kernel's audit state. Keys are sorted; what a kernel is too old to say is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditStatus {
    /// Records waiting.
    pub backlog: u32,
    /// How many may wait.
    pub backlog_limit: u32,
    /// How long whoever causes a record waits for room in a full backlog, in clock ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_wait_time: Option<u32>,
    /// How long they have waited so far, in clock ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_wait_time_actual: Option<u32>,
    /// 0 off, 1 on, 2 on and locked until reboot.
    pub enabled: u32,
    /// What the kernel does when a record is lost: 0 nothing, 1 a message, 2 it panics.
    pub failure: u32,
    /// What this kernel's auditing can do, one bit each; before Linux 3.19 a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<u32>,
    /// The same in words.
    pub features_named: Vec<&'static str>,
    /// Records lost since boot, or since somebody reset the counter.
    pub lost: u32,
    /// Which settings the kernel says are given here, one bit each.
    pub mask: u32,
    /// The process that takes the records; 0 if none does.
    pub pid: u32,
    /// Records per second at most; 0 without limit.
    pub rate_limit: u32,
}

/// Bits of `features`: `AUDIT_FEATURE_BITMAP_…`.
const FEATURES: [(u32, &str); 7] = [
    (1, "backlog_limit"),
    (2, "backlog_wait_time"),
    (4, "executable_path"),
    (8, "exclude_extend"),
    (16, "sessionid_filter"),
    (32, "lost_reset"),
    (64, "filter_fs"),
];

/// Reads the structure; none if it is too short. Later kernels append fields.
pub fn parse(bytes: &[u8]) -> Option<AuditStatus> {
    let word = |at: usize| u32_at(bytes, at * 4);
    let features = word(8);
    let has = |bit: &u32| features.is_some_and(|features| features & bit != 0);
    Some(AuditStatus {
        backlog: word(7)?,
        backlog_limit: word(5)?,
        backlog_wait_time: word(9),
        backlog_wait_time_actual: word(10),
        enabled: word(1)?,
        failure: word(2)?,
        features,
        features_named: FEATURES.iter().filter(|(bit, _)| has(bit)).map(|(_, name)| *name).collect(),
        lost: word(6)?,
        mask: word(0)?,
        pid: word(3)?,
        rate_limit: word(4)?,
    })
}

/// What protects login uids (`struct audit_features`). Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFeatures {
    /// Nobody can set a login uid a second time.
    pub loginuid_immutable: bool,
    /// That cannot be changed until reboot.
    pub loginuid_immutable_locked: bool,
    /// Only one that was not set yet can be set.
    pub only_unset_loginuid: bool,
    /// That cannot be changed until reboot.
    pub only_unset_loginuid_locked: bool,
}

/// Reads the structure; none if it is too short.
pub fn parse_features(bytes: &[u8]) -> Option<AuditFeatures> {
    let (on, locked) = (u32_at(bytes, 8)?, u32_at(bytes, 12)?);
    Some(AuditFeatures {
        loginuid_immutable: on & 2 != 0,
        loginuid_immutable_locked: locked & 2 != 0,
        only_unset_loginuid: on & 1 != 0,
        only_unset_loginuid_locked: locked & 1 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_in_the_kernels_order() {
        let words: [u32; 11] = [0x3f, 1, 2, 612, 0, 8192, 41, 7, 0x7f, 60_000, 3];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let status = parse(&bytes).unwrap();
        assert_eq!((status.enabled, status.failure, status.pid), (1, 2, 612));
        assert_eq!((status.backlog_limit, status.lost, status.backlog), (8192, 41, 7));
        assert_eq!((status.backlog_wait_time, status.backlog_wait_time_actual), (Some(60_000), Some(3)));
        assert_eq!((status.mask, status.features, status.features_named.len()), (0x3f, Some(0x7f), 7));
        assert_eq!(parse(&bytes[..31]), None);
        let old = parse(&bytes[..32]).unwrap();
        assert_eq!((old.features, old.backlog_wait_time), (None, None), "Linux before 3.15 ends here");
    }

    #[test]
    fn features_are_two_bits_and_their_locks() {
        let words: [u32; 4] = [1, 3, 2, 1];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let features = parse_features(&bytes).unwrap();
        assert!(features.loginuid_immutable && features.only_unset_loginuid_locked);
        assert!(!features.only_unset_loginuid && !features.loginuid_immutable_locked);
        assert_eq!(parse_features(&bytes[..15]), None);
    }
}
