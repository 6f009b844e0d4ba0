//! Rows of the kernel's audit state: rules in force, rules on disk, and how the two differ. Keys are sorted.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;

/// One rule as the kernel gave it.
#[derive(Clone, Debug, Serialize)]
pub struct RuleRow {
    /// `struct audit_rule_data` of linux/audit.h.
    pub rule_b64: Base64,
}

/// What lies at a path that a rule watches.
#[derive(Clone, Debug, Serialize)]
pub struct WatchedPathRow {
    /// `a file`, `a folder`, …, `missing`, `unknown`, or `not_looked_at`: it lies below a PHI folder, and the way there
    /// would have been recorded in an audit log that was not sealed yet.
    pub is: String,
    /// The path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
}

/// One condition of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct ConditionRow {
    /// What is compared.
    pub name: String,
    /// How: `=`, `!=`, `>`, `>=`, `<`, `<=`, `&`, `&=`.
    pub operator: String,
    /// With what, in auditctl's words; names of users are not resolved.
    pub value: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_b64: Option<Base64>,
}

/// One rule in force, decoded.
#[derive(Clone, Debug, Serialize)]
pub struct LoadedRuleRow {
    /// `always` or `never`.
    pub action: String,
    /// The processor that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The system calls, by name where our table has one; `all`; nothing in lists that are not about calls.
    pub calls: Vec<String>,
    /// Every condition, in the kernel's order.
    pub conditions: Vec<ConditionRow>,
    /// The keys that its records carry, escaped.
    pub keys: Vec<String>,
    /// The list: `exit`, `user`, `task`, `exclude`, `filesystem`, `io_uring`.
    pub list: String,
    /// Its place in the kernel's answer, from 1: earlier ones of a list decide.
    pub number: u64,
    /// The path that it watches, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// What lies at that path now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_is: Option<String>,
    /// The kinds of access: a subset of `rwxa`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
    /// What a reader should know of it.
    pub remarks: Vec<&'static str>,
    /// The rule in auditctl's words, escaped.
    pub text: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b64: Option<Base64>,
    /// `name`: one name alone; `tree`: a folder and everything below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<&'static str>,
}

/// A file of rules.
#[derive(Clone, Debug, Serialize)]
pub struct RulesFileRow {
    /// Its bytes.
    pub bytes_b64: Base64,
    /// Last change of content, as claimed.
    pub mtime: Timestamp,
    /// Its path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
}

/// A line of such a file.
#[derive(Clone, Debug, Serialize)]
pub struct DiskRuleRow {
    /// The rule as `auditctl -l` would print it if it were loaded, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The file, escaped.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// Whether that rule is in force; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<bool>,
    /// `rule`, `setting`, `delete_all`, `other`, or `unknown`.
    pub says: &'static str,
    /// The setting's name, as the kernel's status has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<&'static str>,
    /// The line, escaped.
    pub text: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b64: Option<Base64>,
    /// The setting's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why the line could not be compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A setting on disk beside the one in force.
#[derive(Clone, Debug, Serialize)]
pub struct SettingRow {
    /// The file, escaped.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// Its name, as the kernel's status has it.
    pub name: &'static str,
    /// Its value now; absent where the kernel did not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// Its value on disk.
    pub on_disk: String,
    /// Whether both are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same: Option<bool>,
}

/// How the rules on disk and those in force differ.
#[derive(Clone, Debug, Serialize)]
pub struct RulesDifference {
    /// When audit.rules was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_rules_mtime: Option<Timestamp>,
    /// The files that were compared: audit.rules, which is what is loaded, or, where there is none, those of rules.d.
    pub compared: Vec<String>,
    /// The first rule on disk that is not in force: there loading usually stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_missing: Option<DiskRuleRow>,
    /// The first rule in force that stands behind one that it stands before on disk, in auditctl's words, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_out_of_order: Option<String>,
    /// Lines that could not be compiled, of all files.
    pub not_compiled: Vec<DiskRuleRow>,
    /// Rules in rules.d that audit.rules does not have: `augenrules --load` was not run since.
    pub not_in_audit_rules: Vec<DiskRuleRow>,
    /// Rules in force that are not on disk, in auditctl's words, escaped.
    pub only_loaded: Vec<String>,
    /// Rules on disk that are not in force.
    pub only_on_disk: Vec<DiskRuleRow>,
    /// When the newest file of rules.d was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_d_mtime: Option<Timestamp>,
    /// How many rules are in force.
    pub rules_loaded: u64,
    /// How many there are in the compared files.
    pub rules_on_disk: u64,
    /// The settings of the compared files beside those in force.
    pub settings: Vec<SettingRow>,
    /// Whether the rules that are on disk and in force stand in the same order in their lists, where the first that fits
    /// decides: `same`, `different`, or `inconclusive` where a line could not be compiled.
    pub verdict_order: &'static str,
    /// Whether the same rules are on disk and in force, whatever their order: the same words.
    pub verdict_rules: &'static str,
    /// Whether the settings are: `same`, `different`, or `inconclusive` where the kernel did not tell one.
    pub verdict_settings: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json::assert_keys_sorted;

    #[test]
    fn the_keys_are_sorted() {
        let b64 = || Some(Base64(vec![1]));
        let text = || Some("x".to_owned());
        assert_keys_sorted(&WatchedPathRow { is: "x".into(), path: "x".into(), path_b64: b64() });
        assert_keys_sorted(&RulesFileRow {
            bytes_b64: Base64(vec![]),
            mtime: Timestamp::from_unix(0, 0),
            path: "x".into(),
            path_b64: b64(),
        });
        assert_keys_sorted(&LoadedRuleRow {
            action: "x".into(),
            arch: text(),
            calls: vec![],
            conditions: vec![ConditionRow {
                name: "x".into(),
                operator: "=".into(),
                value: "x".into(),
                value_b64: b64(),
            }],
            keys: vec![],
            list: "x".into(),
            number: 1,
            path: text(),
            path_b64: b64(),
            path_is: text(),
            permissions: text(),
            remarks: vec![],
            text: "x".into(),
            text_b64: b64(),
            watch: Some("tree"),
        });
        assert_keys_sorted(&DiskRuleRow {
            canonical: text(),
            file: "x".into(),
            line: 1,
            loaded: Some(true),
            says: "rule",
            setting: Some("x"),
            text: "x".into(),
            text_b64: b64(),
            value: text(),
            why: text(),
        });
        assert_keys_sorted(&SettingRow {
            file: "x".into(),
            line: 1,
            name: "x",
            now: text(),
            on_disk: "x".into(),
            same: Some(true),
        });
    }
}
