//! How many files below PHI folders may be opened before the examination itself destroys evidence.
//!
//! Where a folder is watched, each opening of a file in it writes an audit record, and the log forgets its oldest
//! records for them. So openings are counted against a tenth of what the log can hold, and paced below what the
//! kernel can queue: past its backlog it drops records, or panics where it was told to.

use std::time::{Duration, Instant};

use super::auditd;
use crate::host::Host;
use crate::records::{audit_config, audit_status};

/// What one opening costs the log, in bytes: SYSCALL, CWD, PATH and PROCTITLE of an enriched record.
const EVENT_BYTES: u64 = 1024;

/// Events that looking into a folder causes.
pub const FOLDER_EVENTS: u64 = 1;

/// Events that reading a file causes: it is opened as a name first, to see that it is a file and no device, and then
/// to be read; the kernel counts both as opening for reading (`audit_match_perm` looks at the access mode alone, which is
/// 0 with `O_PATH`).
pub const FILE_EVENTS: u64 = 2;

/// Openings that are left, and how fast they may come.
#[derive(Debug)]
pub struct AuditBudget {
    left: Option<u64>,
    per_second: u32,
    started: Instant,
    spent: u64,
}

impl AuditBudget {
    /// What this host can bear. Nothing limits an image, or a kernel that audits nothing; what the kernel does not
    /// tell is taken for the worst.
    pub fn of(host: &Host) -> AuditBudget {
        let status = host.audit_status().ok().and_then(|answer| audit_status::parse(&answer));
        let off = status.as_ref().is_some_and(|status| status.enabled == 0);
        let no_rules = host.audit_rules().is_ok_and(|rules| rules.is_empty());
        if !host.is_live() || off || no_rules {
            return AuditBudget::new(None, u32::MAX);
        }
        let conf = auditd::configuration(host);
        // A log that is never rotated grows instead; it is spared in the same measure.
        let capacity = audit_config::log_capacity(&conf).or(audit_config::log_capacity(b"")).unwrap_or(0);
        let panics = status.as_ref().is_some_and(|status| status.failure >= 2);
        let backlog = status.map_or(64, |status| status.backlog_limit);
        let gentle = if panics { 10 } else { 1 };
        AuditBudget::new(Some(capacity / 10 / EVENT_BYTES / gentle), (backlog / 4).max(25) / gentle as u32)
    }

    fn new(left: Option<u64>, per_second: u32) -> AuditBudget {
        AuditBudget { left, per_second: per_second.max(1), started: Instant::now(), spent: 0 }
    }

    /// How many openings there were to begin with; none if nothing limits them.
    pub fn events(&self) -> Option<u64> {
        self.left.map(|left| left + self.spent)
    }

    /// How many openings there were so far, where something limits them.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// So many more events: whether what causes them may be done. Waits where they would come too fast.
    pub fn spend(&mut self, events: u64) -> bool {
        match &mut self.left {
            None => return true,
            Some(left) => match left.checked_sub(events) {
                Some(rest) => *left = rest,
                None => return false,
            },
        }
        if self.spent == 0 {
            self.started = Instant::now();
        }
        self.spent += events;
        let due = Duration::from_secs(1).mul_f64(self.spent as f64 / f64::from(self.per_second));
        let early = due.saturating_sub(self.started.elapsed());
        if !early.is_zero() {
            std::thread::sleep(early.min(Duration::from_secs(1)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_none_does_not() {
        let mut budget = AuditBudget::new(Some(2), 1000);
        assert!(budget.spend(1) && budget.spend(1) && !budget.spend(1));
        assert_eq!(budget.events(), Some(2));
        let mut free = AuditBudget::new(None, 1);
        assert!((0..1000).all(|_| free.spend(2)));
    }

    #[test]
    fn openings_are_paced() {
        let mut budget = AuditBudget::new(Some(100), 100);
        let start = Instant::now();
        assert!((0..10).all(|_| budget.spend(2)));
        assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
    }
}
