//! What the kernel said of auditing: its state, and what its rules have recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::{HostPath, shown};
use crate::records::audit_rules::reach::recorded;
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

    /// What the rules with these keys do not have recorded, of each place that one of them watches, in words.
    pub(super) fn left_out(&self, keys: &[Vec<u8>]) -> Vec<String> {
        let is_asked = |rule: &&Rule| rule.keys().iter().any(|key| keys.contains(key));
        let own: Vec<&Rule> = self.rules.iter().filter(is_asked).collect();
        let watched: BTreeMap<&[u8], Scope> = own.iter().filter_map(|rule| rule.watched()).collect();
        if watched.is_empty() && !own.is_empty() {
            return vec!["the rules with these keys speak of calls, and of no folder: what else was done is not recorded".to_owned()];
        }
        watched.into_iter().filter_map(|(place, scope)| self.left_of(place, scope, &own)).collect()
    }

    fn left_of(&self, place: &[u8], scope: Scope, own: &[&Rule]) -> Option<String> {
        let path = HostPath::new(place).ok()?;
        let recorded = recorded(own, &path, scope == Scope::Tree);
        let kinds = [('r', "opening for reading"), ('w', "writing"), ('a', "changes of attributes")];
        let left = kinds.into_iter().filter(|(letter, _)| !recorded.contains(*letter));
        let left: Vec<&str> = left.map(|(_, words)| words).collect();
        if !left.is_empty() {
            let left = left.join(", ");
            return Some(format!(
                "of {} not all is recorded, of everybody: the rules leave out {left}",
                shown(place)
            ));
        }
        let is_suppressed = self.rules.iter().any(|rule| rule.may_suppress(&path));
        is_suppressed
            .then(|| format!("a rule in force may keep accesses to {} from being recorded", shown(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_rules::disk::{Meaning, Names, compile};
    use crate::records::audit_rules::syscalls::X86_64;

    fn left(rules: &str, keys: &[&str]) -> Vec<String> {
        let names = Names { machine: Some(X86_64), ..Names::default() };
        let lines = compile(rules.as_bytes(), &names).into_iter();
        let rules: Vec<Rule> = lines
            .filter_map(|line| match line.meaning {
                Meaning::Rule(written) => Some(written.rule().clone()),
                _ => None,
            })
            .collect();
        assert!(!rules.is_empty());
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        Kernel::of(None, Some(&rules)).left_out(&keys)
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
}
