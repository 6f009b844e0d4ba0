//! `struct audit_status` (include/uapi/linux/audit.h), as the kernel answers AUDIT_GET.

use serde::Serialize;

/// The kernel's audit state. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditStatus {
    /// Records waiting.
    pub backlog: u32,
    /// How many may wait.
    pub backlog_limit: u32,
    /// 0 off, 1 on, 2 on and locked until reboot.
    pub enabled: u32,
    /// What the kernel does when a record is lost: 0 nothing, 1 a message, 2 it panics.
    pub failure: u32,
    /// Records lost since boot, or since somebody reset the counter.
    pub lost: u32,
    /// The process that takes the records; 0 if none does.
    pub pid: u32,
    /// Records per second at most; 0 without limit.
    pub rate_limit: u32,
}

/// Reads the structure; none if it is too short. Later kernels append fields.
pub fn parse(bytes: &[u8]) -> Option<AuditStatus> {
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at * 4..)?.first_chunk::<4>()?));
    Some(AuditStatus {
        enabled: word(1)?,
        failure: word(2)?,
        pid: word(3)?,
        rate_limit: word(4)?,
        backlog_limit: word(5)?,
        lost: word(6)?,
        backlog: word(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_in_the_kernels_order() {
        let words: [u32; 11] = [0x3f, 1, 2, 612, 0, 8192, 41, 7, 0, 60_000, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let status = parse(&bytes).unwrap();
        assert_eq!((status.enabled, status.failure, status.pid), (1, 2, 612));
        assert_eq!((status.backlog_limit, status.lost, status.backlog), (8192, 41, 7));
        assert_eq!(parse(&bytes[..31]), None);
    }
}
