//! What auditd is told in its own file (auditd.conf(5)): where it writes, and how much; and what of that was sealed.

use std::sync::Arc;

use crate::host::Host;
use crate::intake::{Intake, SealedCopy};
use crate::path::HostPath;
use crate::records::audit_config::{self, number_of};
use crate::records::audit_log::Summary;
use crate::records::observer::Observed;

/// Where auditd writes unless it is told otherwise (auditd.conf(5)).
const LOG: &[u8] = b"/var/log/audit/audit.log";

/// The text of `/etc/audit/auditd.conf`; nothing where it cannot be read, so that auditd's defaults count.
pub fn configuration(host: &Host) -> Vec<u8> {
    let conf = HostPath::new("/etc/audit/auditd.conf").ok().and_then(|path| host.peek(&path, 1 << 20).ok());
    conf.unwrap_or_default()
}

/// The file that auditd writes under this configuration.
pub fn log(configuration: &[u8]) -> HostPath {
    audit_config::setting(configuration, "log_file")
        .and_then(|path| HostPath::new(path).ok())
        .or_else(|| HostPath::new(LOG).ok())
        .unwrap_or_else(HostPath::root)
}

/// Which file of the rotation of `log` lies at `path`: 0 the one that is being written; none for any other.
pub fn number(log: &HostPath, path: &HostPath) -> Option<u64> {
    (path.parent() == log.parent()).then(|| number_of(path.name(), log.name())).flatten()
}

/// The audit logs that were sealed, and what was learnt of each; in the order of their entries.
pub fn sealed<'i>(intake: &'i Intake<'_>) -> impl Iterator<Item = (&'i SealedCopy, &'i Arc<Summary>)> {
    intake.sealed_copies().filter_map(|copy| match &copy.observed {
        Some(Observed::Audit(summary, _)) => Some((copy, summary)),
        _ => None,
    })
}
