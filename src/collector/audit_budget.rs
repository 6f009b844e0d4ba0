//! How many openings below PHI folders the audit log can bear before the examination itself destroys evidence.
//!
//! Where a folder is watched, each opening of a file in it writes an audit record, and the log forgets its oldest
//! records for them; or auditd stops, or does worse, when its disk is full. So openings are counted against a tenth of what
//! the log can hold, against half of what can be written before anything is lost, and paced below what the kernel can queue:
//! past its backlog it drops records, or panics where it was told to.

use super::auditd;
use crate::host::Host;
use crate::host::allowance::Allowance;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::path::HostPath;
use crate::records::audit_config::{self, Rotation};
use crate::records::audit_rules;
use crate::records::audit_status;

/// What one opening costs the log, in bytes: SYSCALL, CWD, PATH and PROCTITLE of an enriched record are 900 to 1,000.
const EVENT_BYTES: u64 = 1024;

/// Records of one opening, which the backlog counts: those, and the end of the event.
const EVENT_RECORDS: u32 = 5;

/// Openings in a second, whatever the backlog.
const SLOWEST: u32 = 25;

/// What this host can bear. Nothing limits an image, or a kernel that has no opening recorded; what the kernel does not
/// tell is taken for the worst.
pub fn of(host: &Host) -> Allowance {
    let status = host.audit_status().ok().and_then(|answer| audit_status::parse(&answer));
    let off = status.as_ref().is_some_and(|status| status.enabled == 0);
    let rules = host.audit_rules().ok();
    let unrecorded = rules.is_some_and(|rules| {
        // What cannot be read may record anything.
        !rules.iter().any(|rule| audit_rules::parse(rule).is_none_or(|rule| rule.records_openings()))
    });
    if !host.is_live() || off || unrecorded {
        return Allowance::unlimited();
    }
    let panics = status.as_ref().is_some_and(|status| status.failure >= 2);
    let backlog = status.map_or(64, |status| status.backlog_limit);
    let gentle = if panics { 10 } else { 1 };
    let at_once = (backlog / 4 / EVENT_RECORDS / gentle).max(1);
    let per_second = (backlog / 4 / gentle).max(SLOWEST / gentle);
    Allowance::new(Some(bytes(host) / EVENT_BYTES / u64::from(gentle)), per_second, at_once)
}

/// Bytes that may be written to the log on our behalf.
fn bytes(host: &Host) -> u64 {
    let conf = auditd::configuration(host);
    let log = auditd::log(&conf);
    let rotation = Rotation::of(&conf);
    // A log that is never rotated grows instead; it is spared in the same measure.
    let tenth = rotation.capacity().or(Rotation::of(b"").capacity()).unwrap_or(0) / 10;
    let (current, existing) = as_it_is(host, &log);
    let room = rotation.room(current, existing).map(|room| room / 2);
    let on_disk = free(host, &log, &conf).map(|free| free / 2);
    [room, on_disk].into_iter().flatten().fold(tenth, u64::min)
}

/// The length of the log that is being written, and how many files of its rotation there are.
fn as_it_is(host: &Host, log: &HostPath) -> (u64, u64) {
    let Ok(all) = Pattern::beside(log, "*") else { return (0, 0) };
    let (mut current, mut existing) = (0, 0);
    for found in host.walk(&all, Wanted::Files, true) {
        let Found::Match(found) = found else { continue };
        match auditd::number(log, &found.spot.path) {
            Some(0) => (current, existing) = (found.met.stat.size, existing + 1),
            Some(_) => existing += 1,
            None => {}
        }
    }
    (current, existing)
}

/// What the log's file system can take before auditd minds, in bytes.
fn free(host: &Host, log: &HostPath, conf: &[u8]) -> Option<u64> {
    let (free, total) = host.space(log)?;
    Some(free.saturating_sub(audit_config::space_left(conf, total).unwrap_or(0)))
}
