//! What auditd is told in its own file (auditd.conf(5)): where it writes, and how much.

use crate::host::Host;
use crate::path::HostPath;
use crate::records::audit_config;

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
