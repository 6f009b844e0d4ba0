//! Which folders hold PHI, where nobody has said so: those that an audit rule, loaded or on disk, watches for reading.
//! And which audit keys belong to them.

use super::request::PhiRoot;
use crate::host::Host;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::path::HostPath;
use crate::records::audit_config::{Watch, parse_watches};
use crate::records::audit_status;

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

/// The watches that are loaded, and those of the rules on disk with the file that each stands in.
pub fn watches(host: &Host) -> Vec<(Watch, String)> {
    let loaded = host.audit_rules().unwrap_or_default();
    let loaded = loaded.iter().filter_map(|rule| audit_status::watch_of_rule(rule));
    let mut watches: Vec<(Watch, String)> =
        loaded.map(|watch| (watch, "loaded audit rule".to_owned())).collect();
    for pattern in ["/etc/audit/rules.d/*.rules", "/etc/audit/audit.rules"] {
        let Ok(pattern) = Pattern::new(pattern) else { continue };
        for found in host.walk(&pattern, Wanted::Files, true) {
            if let Found::Match(found) = found
                && let Ok(text) = host.peek(&found.spot.path, 4 << 20)
            {
                let origin = format!("audit rule in {}", found.spot.path);
                watches.extend(parse_watches(&text).into_iter().map(|watch| (watch, origin.clone())));
            }
        }
    }
    watches
}

/// The folders that look like PHI: watched for reading, and not the system's own.
pub fn roots_of(watches: &[(Watch, String)]) -> Vec<PhiRoot> {
    let is_system = |path: &HostPath| {
        *path == HostPath::root()
            || SYSTEM.iter().filter_map(|text| HostPath::new(text).ok()).any(|system| path.is_within(&system))
    };
    let mut roots: Vec<PhiRoot> = Vec::new();
    for (watch, origin) in watches {
        let known = roots.iter().any(|root| root.path == watch.path);
        if watch.permissions.contains('r') && !is_system(&watch.path) && !known {
            roots.push(PhiRoot { path: watch.path.clone(), origin: origin.clone() });
        }
    }
    roots
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::test_host::host_with;

    #[test]
    fn what_a_rule_watches_for_reading_is_taken_for_phi() {
        let rules = b"-w /var/data/phi -p rwxa -k phi_access\n-w /etc/passwd -p wa -k user_changes\n\
            -w /home -p wa -k ssh_key_changes\n-w /opt/healthcare-app -p rwxa -k app_access\n-w /etc/ssl -p r -k ssl\n";
        let (_dir, host) = host_with(&[("/etc/audit/rules.d/hipaa.rules", rules)]);
        let watched = watches(&host);
        assert_eq!(watched.len(), 5);
        let roots = roots_of(&watched);
        let paths: Vec<String> = roots.iter().map(|root| root.path.to_string()).collect();
        assert_eq!(paths, ["/var/data/phi", "/opt/healthcare-app"]);
        assert!(roots[0].origin.ends_with("/etc/audit/rules.d/hipaa.rules"));
        assert_eq!(keys_for(&watched, &roots), [b"app_access".to_vec(), b"phi_access".to_vec()]);
        let below = PhiRoot { path: HostPath::new("/home/records").unwrap(), origin: "argument".into() };
        assert_eq!(keys_for(&watched, &[below]), [b"ssh_key_changes".to_vec()]);
    }
}
