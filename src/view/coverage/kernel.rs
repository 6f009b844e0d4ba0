//! What the kernel said of auditing: its state, and what its rules have recorded.

use std::collections::BTreeMap;

use crate::records::audit_rules::Rule;
use crate::records::audit_status::AuditStatus;

/// What the kernel said of auditing when it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its state.
    pub(super) status: Option<AuditStatus>,
    /// How many rules were loaded, by key.
    pub(super) loaded: Option<BTreeMap<Vec<u8>, u64>>,
    /// What the rules with a key leave out, in words.
    pub(super) narrow: BTreeMap<Vec<u8>, String>,
}

impl Kernel {
    /// Of its state, and the rules that were loaded; of each none where it did not say.
    pub fn of(status: Option<AuditStatus>, rules: Option<&[Rule]>) -> Kernel {
        let loaded = rules.map(|rules| {
            let mut loaded = BTreeMap::new();
            rules.iter().flat_map(Rule::keys).for_each(|key| *loaded.entry(key).or_insert(0) += 1);
            loaded
        });
        let keys = loaded.iter().flat_map(BTreeMap::keys);
        let narrow = keys.filter_map(|key| Some((key.clone(), left_out(rules?, key)?))).collect();
        Kernel { status, loaded, narrow }
    }
}

/// What the rules with a key do not have recorded of everybody; none if reading, writing and changes of attributes are.
fn left_out(rules: &[Rule], key: &Vec<u8>) -> Option<String> {
    let own: Vec<&Rule> = rules.iter().filter(|rule| rule.keys().contains(key) && !rule.asks_who()).collect();
    let records = |letter| own.iter().any(|rule| rule.permissions().is_none_or(|all| all.contains(letter)));
    let kinds = [('r', "opening for reading"), ('w', "writing"), ('a', "changes of attributes")];
    let left: Vec<&str> =
        kinds.into_iter().filter(|(letter, _)| !records(*letter)).map(|(_, words)| words).collect();
    (!left.is_empty()).then(|| left.join(", "))
}
