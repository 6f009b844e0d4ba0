//! Places of the examined machine that definitions name without knowing them.

use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::host::{Host, Trouble};
use crate::path::HostPath;
use crate::records::{accounts, audit_config};

/// Where auditd writes unless it is told otherwise (auditd.conf(5)).
const AUDIT_LOG: &[u8] = b"/var/log/audit/audit.log";

/// Where things are on this machine.
pub struct Places {
    /// Of every account in `/etc/passwd`, and every folder of `/home`, because the accounts of a directory service
    /// stand in no file.
    pub homes: Vec<HostPath>,
    /// Lines of `/etc/passwd` that cannot be read.
    pub unread: Vec<usize>,
    /// What kept `/home` from being listed.
    pub trouble: Option<Trouble>,
    /// The file that auditd writes.
    pub audit_log: HostPath,
}

impl Places {
    /// Looks them up.
    pub fn of(host: &Host) -> Places {
        let passwd = HostPath::new("/etc/passwd").ok().and_then(|path| host.peek(&path, 16 << 20).ok());
        let (accounts, unread) = accounts::parse_passwd(passwd.as_deref().unwrap_or_default());
        let mut homes: Vec<HostPath> = accounts.into_iter().filter_map(|account| account.home).collect();
        let mut trouble = None;
        if let Ok(pattern) = Pattern::new("/home/*") {
            for found in host.walk(&pattern, Wanted::Everything, false) {
                match found {
                    Found::Match(found) if found.met.kind == rustix::fs::FileType::Directory => {
                        homes.push(found.spot.path);
                    }
                    Found::Trouble(path, met)
                        if path == *pattern.base() && !matches!(met, Trouble::Missing(_)) =>
                    {
                        trouble = Some(met);
                    }
                    _ => {}
                }
            }
        }
        homes.sort();
        homes.dedup();
        Places { homes, unread, trouble, audit_log: audit_log(host) }
    }
}

fn audit_log(host: &Host) -> HostPath {
    let conf = HostPath::new("/etc/audit/auditd.conf").ok().and_then(|path| host.peek(&path, 1 << 20).ok());
    let named = conf.as_deref().and_then(|conf| audit_config::setting(conf, "log_file"));
    named
        .and_then(|path| HostPath::new(path).ok())
        .or_else(|| HostPath::new(AUDIT_LOG).ok())
        .unwrap_or_else(HostPath::root)
}
