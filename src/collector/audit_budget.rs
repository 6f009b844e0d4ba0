//! How many files below PHI folders may be opened before the examination itself destroys evidence.
//!
//! Where a folder is watched, each opening of a file in it writes an audit record, and the log forgets its oldest
//! records for them. So openings are counted against a tenth of what the log can hold, and paced below what the
//! kernel can queue: past its backlog it drops records, or panics where it was told to.

use super::auditd;
use crate::host::Host;
use crate::host::allowance::Allowance;
use crate::records::{audit_config, audit_status};

/// What one opening costs the log, in bytes: SYSCALL, CWD, PATH and PROCTITLE of an enriched record.
const EVENT_BYTES: u64 = 1024;

/// What this host can bear. Nothing limits an image, or a kernel that audits nothing; what the kernel does not
/// tell is taken for the worst.
pub fn of(host: &Host) -> Allowance {
    let status = host.audit_status().ok().and_then(|answer| audit_status::parse(&answer));
    let off = status.as_ref().is_some_and(|status| status.enabled == 0);
    let no_rules = host.audit_rules().is_ok_and(|rules| rules.is_empty());
    if !host.is_live() || off || no_rules {
        return Allowance::unlimited();
    }
    let conf = auditd::configuration(host);
    // A log that is never rotated grows instead; it is spared in the same measure.
    let capacity = audit_config::log_capacity(&conf).or(audit_config::log_capacity(b"")).unwrap_or(0);
    let panics = status.as_ref().is_some_and(|status| status.failure >= 2);
    let backlog = status.map_or(64, |status| status.backlog_limit);
    let gentle = if panics { 10 } else { 1 };
    let at_once = (backlog / 4).max(25) / gentle as u32;
    Allowance::new(Some(capacity / 10 / EVENT_BYTES / gentle), at_once, at_once)
}
