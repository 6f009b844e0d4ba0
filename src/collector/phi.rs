//! Which folders hold PHI, where nobody has said so: those that an audit rule, loaded or on disk, watches for reading.
//! And which audit keys belong to them.

use std::collections::HashSet;
use std::fmt;

use super::request::PhiRoot;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::host::{Host, Trouble};
use crate::path::HostPath;
use crate::records::audit_config::{Watch, parse_watches};
use crate::records::audit_rules;

/// PHI folders that are taken from audit rules at most.
pub const MOST_ROOTS: usize = 1_000;

/// Audit keys that are asked for one by one at most.
pub const MOST_KEYS: usize = 50;

/// What is watched below these is the system's own, not PHI.
const SYSTEM: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/log",
    "/var/run",
    "/var/spool",
];

/// Where volumes and homes are found as well, although what is watched there is the system's own.
const NOT_ALL_SYSTEM: [&str; 4] = ["/root", "/run", "/var/run", "/var/spool"];

/// Whether a folder is one of the system's own, lies in one, or holds one.
pub fn holds_system(path: &HostPath) -> bool {
    SYSTEM.iter().any(|text| {
        let within = |system: &HostPath| path.is_within(system) && !NOT_ALL_SYSTEM.contains(text);
        HostPath::new(text).is_ok_and(|system| system.is_within(path) || within(&system))
    })
}

/// The watches that are loaded, and those of the rules on disk, with the origin of each; and why some of them could not
/// be read, if that is so.
pub fn watches(host: &Host) -> (Vec<(Watch, String)>, Option<String>) {
    let mut unread = None;
    let mut watches: Vec<(Watch, String)> = Vec::new();
    match host.audit_rules() {
        Ok(rules) => {
            let loaded = rules.iter().filter_map(|rule| audit_rules::parse(rule)?.watch());
            watches.extend(loaded.map(|watch| (watch, "loaded audit rule".to_owned())));
        }
        Err(trouble) if host.is_live() => unread = Some(trouble.to_string()),
        Err(_) => {}
    }
    for pattern in ["/etc/audit/rules.d/*.rules", "/etc/audit/audit.rules"] {
        let Ok(pattern) = Pattern::new(pattern) else { continue };
        for found in host.walk(&pattern, Wanted::Files, true) {
            let read = match found {
                Found::Match(found) => {
                    host.peek(&found.spot.path, 4 << 20).map(|text| (found.spot.path, text))
                }
                Found::Trouble(_, Trouble::Missing(_)) => continue,
                Found::Trouble(_, trouble) => Err(trouble),
                Found::Led(_) | Found::LeftOut(..) | Found::TooDeep(_) | Found::OverAllowance(_) => continue,
            };
            match read {
                Ok((path, text)) => {
                    let origin = format!("audit rule in {path}");
                    watches.extend(parse_watches(&text).into_iter().map(|watch| (watch, origin.clone())));
                }
                Err(trouble) => unread = Some(trouble.to_string()),
            }
        }
    }
    (watches, unread)
}

/// The folders that look like PHI, and the origin of each: watched for reading, and not the system's own. All of them,
/// each once; whoever writes rules files on a hostile host can name any number, so none is looked up yet.
pub fn roots_of(watches: &[(Watch, String)]) -> Vec<(HostPath, String)> {
    let system: Vec<HostPath> = SYSTEM.iter().filter_map(|text| HostPath::new(text).ok()).collect();
    let is_system =
        |path: &HostPath| *path == HostPath::root() || system.iter().any(|system| path.is_within(system));
    let mut known = HashSet::new();
    let watched =
        watches.iter().filter(|(watch, _)| watch.permissions.contains('r') && !is_system(&watch.path));
    let fresh = watched.filter(|(watch, _)| known.insert(&watch.path));
    fresh.map(|(watch, origin)| (watch.path.clone(), origin.clone())).collect()
}

/// The keys of the watches that touch one of the folders, sorted, each once.
pub fn keys_for(watches: &[(Watch, String)], roots: &[PhiRoot]) -> Vec<Vec<u8>> {
    let touches = |watch: &Watch| {
        roots.iter().any(|root| watch.path.is_within(&root.path) || root.path.is_within(&watch.path))
    };
    let mut keys: Vec<Vec<u8>> = watches
        .iter()
        .filter(|(watch, _)| touches(watch))
        .flat_map(|(watch, _)| watch.keys.clone())
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Why a folder that is taken for PHI cannot be listed as one.
pub enum Obstacle {
    /// It is not there.
    Missing,
    /// Something else is there.
    NotAFolder(&'static str),
    /// It cannot be looked at; says why.
    Unreachable(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Missing => f.write_str("does not exist"),
            Obstacle::NotAFolder(what) => write!(f, "is {what}, not a folder"),
            Obstacle::Unreachable(why) => write!(f, "cannot be listed: {why}"),
        }
    }
}

/// What stands in the way of listing `root`; none if it is a folder.
pub fn obstacle(host: &Host, root: &HostPath) -> Option<Obstacle> {
    let mut obstacle = Some(Obstacle::Missing);
    for found in host.walk(&Pattern::exactly(root), Wanted::Everything, true) {
        match found {
            Found::Match(found) if found.met.kind == rustix::fs::FileType::Directory => return None,
            Found::Match(found) => obstacle = Some(Obstacle::NotAFolder(found.met.kind_in_words())),
            Found::Trouble(_, Trouble::Missing(_)) | Found::Led(_) => {}
            Found::Trouble(_, trouble) => obstacle = Some(Obstacle::Unreachable(trouble.to_string())),
            Found::LeftOut(..) | Found::TooDeep(_) | Found::OverAllowance(_) => {
                obstacle = Some(Obstacle::Unreachable("it lies on a mount that is not read".into()));
            }
        }
    }
    obstacle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::test_host::host_with;

    #[test]
    fn what_belongs_to_the_system_is_told_from_volumes() {
        let holds = |path: &str| holds_system(&HostPath::new(path).unwrap());
        assert!(
            ["/", "/var", "/etc", "/etc/x", "/var/log/audit", "/proc", "/root"]
                .iter()
                .all(|path| holds(path))
        );
        assert!(
            !["/srv", "/mnt/x", "/run/media/x", "/root/volume", "/var/data"].iter().any(|path| holds(path))
        );
    }

    #[test]
    fn what_a_rule_watches_for_reading_is_taken_for_phi() {
        let rules = b"-w /var/data/phi -p rwxa -k phi_access\n-w /etc/passwd -p wa -k user_changes\n\
            -w /home -p wa -k ssh_key_changes\n-w /opt/healthcare-app -p rwxa -k app_access\n-w /etc/ssl -p r -k ssl\n";
        let (_dir, host) = host_with(&[("/etc/audit/rules.d/hipaa.rules", rules)]);
        let (watched, _) = watches(&host);
        assert_eq!(watched.len(), 5);
        let named = roots_of(&watched);
        let roots: Vec<_> =
            named.into_iter().map(|(path, origin)| PhiRoot::new(&host, path, origin)).collect();
        let paths: Vec<String> = roots.iter().map(|root| root.path.to_string()).collect();
        assert_eq!(paths, ["/var/data/phi", "/opt/healthcare-app"]);
        assert!(roots[0].origin.ends_with("/etc/audit/rules.d/hipaa.rules"));
        assert_eq!(keys_for(&watched, &roots), [b"app_access".to_vec(), b"phi_access".to_vec()]);
        let below = PhiRoot::new(&host, HostPath::new("/home/records").unwrap(), "argument");
        assert_eq!(keys_for(&watched, &[below]), [b"ssh_key_changes".to_vec()]);
    }
}
