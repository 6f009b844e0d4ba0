//! What a file of an examined host is to those who ask questions, told by where it lies.

use crate::path::HostPath;

/// Where auditd writes unless it is told otherwise (auditd.conf(5)).
pub const AUDIT_LOG: &str = "/var/log/audit/audit.log";
/// Where auditd is told otherwise.
pub const AUDITD_CONF: &str = "/etc/audit/auditd.conf";

/// What a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The kernel's audit log, as auditd writes it.
    Audit,
    /// What programs say of logins, as text.
    Auth,
    /// Logins and logouts (utmp(5)).
    Wtmp,
    /// Failed logins.
    Btmp,
    /// Who is on.
    Utmp,
    /// Logins and logouts, as wtmpdb(8) keeps them.
    Wtmpdb,
    /// Files of systemd-journald.
    Journal,
    /// Sessions, as systemd-logind keeps them in /run.
    Logind,
    /// /etc/passwd
    Passwd,
    /// Metadata of the files in PHI folders: rows of a bundle.
    Walk,
    /// Any other member of a bundle with dated rows.
    Table,
}

/// General and authentication logs, rotated or not: their names begin so.
const AUTH: [&str; 7] = ["auth.log", "secure", "messages", "syslog", "user.log", "daemon.log", "sudo.log"];

/// Where they are looked for below a root: as patterns, the audit log's own aside.
pub const PLACES: [(What, &str); 20] = [
    (What::Audit, "/var/log/audit/audit.log*"),
    (What::Auth, "/var/log/auth.log*"),
    (What::Auth, "/var/log/secure*"),
    (What::Auth, "/var/log/messages*"),
    (What::Auth, "/var/log/syslog*"),
    (What::Auth, "/var/log/user.log*"),
    (What::Auth, "/var/log/daemon.log*"),
    (What::Auth, "/var/log/sudo.log*"),
    (What::Wtmp, "/var/log/wtmp*"),
    (What::Btmp, "/var/log/btmp*"),
    (What::Utmp, "/run/utmp"),
    (What::Utmp, "/var/run/utmp"),
    (What::Wtmpdb, "/var/lib/wtmpdb/*"),
    (What::Journal, "/var/log/journal/*.journal*"),
    (What::Journal, "/var/log/journal/*/*.journal*"),
    (What::Journal, "/run/log/journal/*/*.journal*"),
    (What::Logind, "/run/systemd/sessions/*"),
    (What::Passwd, "/etc/passwd"),
    (What::Wtmpdb, "/var/log/wtmp.db*"),
    (What::Audit, "/var/log/audit.log*"),
];

impl What {
    /// In words, of several.
    pub fn words(self) -> &'static str {
        match self {
            What::Audit => "audit logs",
            What::Auth => "authentication logs",
            What::Wtmp => "wtmp (logins and logouts)",
            What::Btmp => "btmp (failed logins)",
            What::Utmp => "utmp (who is on)",
            What::Wtmpdb => "wtmpdb (logins and logouts)",
            What::Journal => "journal files",
            What::Logind => "logind's sessions",
            What::Passwd => "accounts",
            What::Walk => "listings of PHI folders",
            What::Table => "tables",
        }
    }

    /// What lies at `path`, on a host whose auditd writes to `audit_log`.
    pub fn at(path: &HostPath, audit_log: &HostPath) -> Option<What> {
        let (name, folder) = (path.name(), path.parent());
        let called = |beginning: &str| name.starts_with(beginning.as_bytes());
        if folder == audit_log.parent() && name.starts_with(audit_log.name()) {
            return Some(What::Audit);
        }
        match folder.as_bytes() {
            b"/var/log/audit" | b"/var/log" if called("audit.log") => Some(What::Audit),
            b"/var/log" if called("wtmp.db") => Some(What::Wtmpdb),
            b"/var/log" if called("wtmp") => Some(What::Wtmp),
            b"/var/log" if called("btmp") => Some(What::Btmp),
            b"/var/log" if AUTH.iter().any(|log| called(log)) => Some(What::Auth),
            b"/var/lib/wtmpdb" => Some(What::Wtmpdb),
            b"/run" | b"/var/run" if name == b"utmp" => Some(What::Utmp),
            b"/run/systemd/sessions" => Some(What::Logind).filter(|_| !name.ends_with(b".ref")),
            b"/etc" if name == b"passwd" => Some(What::Passwd),
            _ => is_journal(path).then_some(What::Journal),
        }
    }
}

fn is_journal(path: &HostPath) -> bool {
    let below = |folder: &str| HostPath::new(folder).is_ok_and(|folder| path.is_below(&folder));
    (below("/var/log/journal") || below("/run/log/journal"))
        && path.name().windows(8).any(|part| part == b".journal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_known_by_where_it_lies() {
        let usual = HostPath::new(AUDIT_LOG).unwrap();
        let at = |path: &str| What::at(&HostPath::new(path).unwrap(), &usual);
        assert_eq!(at("/var/log/audit/audit.log.3.gz"), Some(What::Audit));
        assert_eq!(at("/var/log/auth.log.1"), Some(What::Auth));
        assert_eq!(at("/var/log/secure-20261101"), Some(What::Auth));
        assert_eq!(at("/var/log/btmp.1"), Some(What::Btmp));
        assert_eq!(at("/var/log/wtmp.db"), Some(What::Wtmpdb));
        assert_eq!(at("/var/log/wtmp.db-wal"), Some(What::Wtmpdb));
        assert_eq!(at("/var/log/journal/0a/system@1.journal~"), Some(What::Journal));
        assert_eq!(at("/run/systemd/sessions/3.ref"), None);
        assert_eq!(at("/srv/auth.log"), None);
        let elsewhere = HostPath::new("/data/audit/trail").unwrap();
        let moved = |path: &str| What::at(&HostPath::new(path).unwrap(), &elsewhere);
        assert_eq!((moved("/data/audit/trail.1"), moved("/data/audit/x")), (Some(What::Audit), None));
        assert_eq!(moved(AUDIT_LOG), Some(What::Audit));
        let plain = |pattern: &str| HostPath::new(pattern.replace('*', "x")).unwrap();
        for (what, pattern) in PLACES {
            let known = What::at(&plain(&pattern.replace("/*.journal*", "/a.journal")), &usual);
            assert_eq!(known, Some(what), "{pattern}");
        }
    }
}
