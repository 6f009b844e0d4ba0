//! Places of the examined machine that definitions name without knowing them.

use rustix::fs::FileType;

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
    /// Device and inode of the files that hold password hashes, whatever else they are called.
    pub secrets: Vec<(u64, u64)>,
}

/// Files that hold password hashes.
const SECRETS: [&str; 5] =
    ["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd"];

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
                    Found::Match(found) if found.met.kind == FileType::Directory => {
                        homes.push(found.spot.path)
                    }
                    // It is looked for like the others, and told by whoever looks for it.
                    Found::LeftOut(place, _) => homes.push(place.path),
                    Found::Trouble(place, Trouble::Missing(_)) if place.path == *pattern.base() => {}
                    Found::Trouble(_, met) => trouble = Some(met),
                    Found::Match(_) | Found::Led(_) | Found::TooDeep(_) => {}
                }
            }
        }
        homes.sort();
        homes.dedup();
        Places { homes, unread, trouble, audit_log: audit_log(host), secrets: secrets(host) }
    }
}

fn secrets(host: &Host) -> Vec<(u64, u64)> {
    let patterns = SECRETS.iter().filter_map(|path| Some(Pattern::exactly(&HostPath::new(path).ok()?)));
    let found = patterns.flat_map(|pattern| host.walk(&pattern, Wanted::Files, true).collect::<Vec<_>>());
    found
        .filter_map(|found| match found {
            Found::Match(found) => Some(found.met.identity),
            _ => None,
        })
        .collect()
}

fn audit_log(host: &Host) -> HostPath {
    let conf = HostPath::new("/etc/audit/auditd.conf").ok().and_then(|path| host.peek(&path, 1 << 20).ok());
    let named = conf.as_deref().and_then(|conf| audit_config::setting(conf, "log_file"));
    named
        .and_then(|path| HostPath::new(path).ok())
        .or_else(|| HostPath::new(AUDIT_LOG).ok())
        .unwrap_or_else(HostPath::root)
}
