//! What the kernel said of auditing: its state, and what its rules have recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::{HostPath, shown};
use crate::records::audit_rules::reach::{Reach, recorded};
use crate::records::audit_rules::{Rule, Scope};
use crate::records::audit_status::AuditStatus;

/// What the kernel said of auditing when it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its state.
    pub(super) status: Option<AuditStatus>,
    /// How many rules were loaded, by key.
    pub(super) loaded: Option<BTreeMap<Vec<u8>, u64>>,
    pub(super) rules: Vec<Rule>,
}

/// A PHI folder, or a file that is one by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its paths: as it is called, and where it really lies.
    pub names: Vec<HostPath>,
    /// Whether it is a folder, where that is known.
    pub is_folder: Option<bool>,
}

impl Kernel {
    /// Of its state, and the rules that were loaded; of each none where it did not say.
    pub fn of(status: Option<AuditStatus>, rules: Option<&[Rule]>) -> Kernel {
        let loaded = rules.map(|rules| {
            let mut loaded = BTreeMap::new();
            // One rule may name a key twice.
            let keys = rules.iter().flat_map(|rule| rule.keys().into_iter().collect::<BTreeSet<_>>());
            keys.for_each(|key| *loaded.entry(key).or_insert(0) += 1);
            loaded
        });
        Kernel { status, loaded, rules: rules.unwrap_or_default().to_vec() }
    }

    /// What the rules with these keys do not have recorded, of each PHI folder and of each place that one of them watches, in
    /// words. Where none with these keys is in force, that is told with the keys.
    pub(super) fn left_out(&self, keys: &[Vec<u8>], roots: &[Root]) -> Vec<String> {
        let is_asked = |rule: &&Rule| rule.keys().iter().any(|key| keys.contains(key));
        let own: Vec<&Rule> = self.rules.iter().filter(is_asked).collect();
        let watched: BTreeSet<&[u8]> =
            own.iter().filter_map(|rule| rule.watched()).map(|(path, _)| path).collect();
        if watched.is_empty() && !own.is_empty() {
            return vec!["the rules with these keys speak of calls, and of no folder: what else was done is not recorded".to_owned()];
        }
        let of_roots =
            roots.iter().filter(|_| !own.is_empty()).filter_map(|root| self.left_of_root(root, &own));
        let is_root = |place: &HostPath| roots.iter().any(|root| root.names.contains(place));
        let others =
            watched.into_iter().filter_map(|path| HostPath::new(path).ok().filter(|place| !is_root(place)));
        let of_others = others.filter_map(|place| {
            let is_tree = |rule: &&Rule| rule.watched() == Some((place.as_bytes(), Scope::Tree));
            let is_folder = own.iter().any(is_tree);
            self.left_of(&[place], is_folder, &own)
        });
        of_roots.chain(of_others).collect()
    }

    /// That a rule which is in force may keep out of the log when rules came and went.
    pub(super) fn hidden(&self) -> Option<String> {
        let hides = self.rules.iter().any(Rule::may_hide_changes);
        hides.then(|| "a rule in force may keep out of the log when rules came and went".to_owned())
    }

    fn left_of_root(&self, root: &Root, own: &[&Rule]) -> Option<String> {
        let is_folder = root.is_folder.unwrap_or(true);
        let left = self.left_of(&root.names, is_folder, own)?;
        let called = shown(root.names.first()?.as_bytes());
        let touches = |rule: &&Rule| {
            let reach = |name: &HostPath| rule.reach(name, is_folder) > Reach::None;
            rule.watched().is_some() && root.names.iter().any(reach)
        };
        Some(if !own.iter().copied().any(|rule| touches(&rule)) {
            format!(
                "no rule in force with these keys watches {called}: what was done there need not be recorded"
            )
        } else if root.is_folder.is_none() && self.left_of(&root.names, false, own).is_none() {
            format!(
                "of {called} the name alone is watched: if it is a folder, what lies in it is not recorded"
            )
        } else {
            left
        })
    }

    /// Of a place by all of its names.
    fn left_of(&self, names: &[HostPath], is_folder: bool, own: &[&Rule]) -> Option<String> {
        let called = shown(names.first()?.as_bytes());
        let recorded: String = names.iter().map(|name| recorded(own, name, is_folder)).collect();
        let kinds = [('r', "opening for reading"), ('w', "writing"), ('a', "changes of attributes")];
        let left = kinds.into_iter().filter(|(letter, _)| !recorded.contains(*letter));
        let left: Vec<&str> = left.map(|(_, words)| words).collect();
        if !left.is_empty() {
            let left = left.join(", ");
            return Some(format!(
                "of {called} not all is recorded, of everybody: the rules leave out {left}"
            ));
        }
        let may_suppress = |rule: &Rule| names.iter().any(|name| rule.may_suppress(name));
        let is_suppressed = self.rules.iter().any(may_suppress);
        is_suppressed.then(|| format!("a rule in force may keep accesses to {called} from being recorded"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::records::audit_rules::disk::{Meaning, Names, compile};
    use crate::records::audit_rules::syscalls::X86_64;

    pub fn kernel(rules: &str) -> Kernel {
        let names = Names { machine: Some(X86_64), ..Names::default() };
        let lines = compile(rules.as_bytes(), &names).into_iter();
        let rules: Vec<Rule> = lines
            .filter_map(|line| match line.meaning {
                Meaning::Rule(written) => Some(written.rule().clone()),
                _ => None,
            })
            .collect();
        assert!(!rules.is_empty());
        Kernel::of(None, Some(&rules))
    }

    fn left(rules: &str, keys: &[&str]) -> Vec<String> {
        left_of(rules, keys, &[])
    }

    fn left_of(rules: &str, keys: &[&str], roots: &[Root]) -> Vec<String> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        kernel(rules).left_out(&keys, roots)
    }

    pub fn root(names: &[&str], is_folder: Option<bool>) -> Root {
        let names = names.iter().map(|name| HostPath::new(name).unwrap()).collect();
        Root { names, is_folder }
    }

    #[test]
    fn rules_that_leave_something_out_are_told_and_such_as_complete_one_another_are_not() {
        let tree =
            |key: &str, perm: &str| format!("-a always,exit -F dir=/srv/phi -F perm={perm} -F key={key}\n");
        assert!(left(&tree("k", "rwa"), &["k"]).is_empty());
        assert!(left(&(tree("r", "r") + &tree("w", "wa")), &["r", "w"]).is_empty());
        let calls = "-a always,exit -F arch=b64 -S unlinkat -F key=gone\n";
        assert!(left(&(tree("k", "rwa") + calls), &["k", "gone"]).is_empty());
        let told = |rules: &str, words: &str| {
            let left = left(rules, &["r", "gone"]);
            assert!(left.len() == 1 && left[0].contains(words), "{left:?}");
        };
        told(
            &(tree("r", "r") + &tree("w", "wa")),
            "of /srv/phi not all is recorded, of everybody: the rules leave out writing, changes of",
        );
        told(&tree("r", "wa"), "leave out opening for reading");
        told(
            &tree("r", "rwa -F auid>=1000"),
            "leave out opening for reading, writing, changes of attributes",
        );
        told(calls, "speak of calls, and of no folder");
        told(
            &("-a never,exit -F dir=/srv/phi/scratch\n".to_owned() + &tree("r", "rwa")),
            "may keep accesses to /srv/phi from",
        );
        // A file that is watched is whole in itself.
        assert!(left("-a always,exit -F path=/srv/db -F perm=rwa -F key=k\n", &["k"]).is_empty());
    }

    /// Written from documentation (auditctl(8)).
    #[test]
    fn a_phi_folder_that_no_rule_watches_as_a_whole_is_told_wherever_the_rules_look() {
        let tree = |path: &str| format!("-a always,exit -F dir={path} -F perm=rwa -F key=k\n");
        let name = "-a always,exit -F path=/srv/phi -F perm=rwa -F key=k\n";
        let told = |rules: &str, names: &[&str], is_folder| left_of(rules, &["k"], &[root(names, is_folder)]);
        let phi = &["/srv/phi"][..];
        for (rules, names) in [
            (tree("/srv/phi"), phi),
            (tree("/srv"), phi),
            (tree("/data/phi"), &["/srv/phi", "/data/phi"]),
            (tree("/srv/phi") + name, phi),
        ] {
            assert!(told(&rules, names, None).is_empty(), "{rules}");
        }
        assert_eq!(
            told(&tree("/srv/phi"), &["/srv/new"], None),
            ["no rule in force with these keys watches /srv/new: what was done there need not be recorded"]
        );
        let part = told(&tree("/srv/phi/archive"), phi, None);
        assert!(part.len() == 1 && part[0].starts_with("of /srv/phi not all is recorded"), "{part:?}");
        // A watch of one name has what lies in a folder of that name not recorded.
        assert_eq!(
            told(name, phi, None),
            ["of /srv/phi the name alone is watched: if it is a folder, what lies in it is not recorded"]
        );
        let whole = told(name, phi, Some(true));
        assert!(whole.len() == 1 && whole[0].contains("leave out opening for reading, writing"), "{whole:?}");
        assert!(told(name, phi, Some(false)).is_empty());
        // Reading is recorded of what is in it, and writing of the name.
        let both = tree("/srv/x").replace("rwa", "r") + &tree("/srv/x").replace("dir", "path");
        assert!(left(&both, &["k"])[0].contains("leave out writing, changes of attributes"));
        // A rule of another key, and none.
        assert!(told(&tree("/srv/phi").replace("key=k", "key=other"), phi, None).is_empty());
    }
}
