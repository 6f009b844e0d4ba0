//! The rules in force, as the kernel gave them, and decoded: what is on disk need not be loaded.

use std::collections::BTreeMap;

use crate::collector::run::Run;
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::audit::{ConditionRow, LoadedRuleRow, RuleRow, WatchedPathRow};
use crate::custody::rows::text;
use crate::host::Trouble;
use crate::host::allowance::FOLDER_EVENTS;
use crate::host::audit::AuditQuestion;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::intake::Halt;
use crate::path::{HostPath, shown};
use crate::records::audit_rules::disk::Names;
use crate::records::audit_rules::{self, Canonical, Rule, Scope};

use super::{COLLECTOR, ask};

/// Paths that are looked at, at most.
const MOST_PATHS: usize = 10_000;

/// The word for a path below a PHI folder.
const NOT_LOOKED_AT: &str = "not_looked_at";

/// The rules in force.
pub struct Loaded {
    /// Those that could be read, in the kernel's order.
    pub rules: Vec<Rule>,
    /// The same, each in the form that it is known by.
    pub canonical: Vec<Canonical>,
    /// The entry of the kernel's answer.
    pub entry: EntryId,
    /// Whether all of the answer came and could be read.
    pub whole: bool,
}

/// Seals them and the table that is made of them.
pub fn collect(run: &mut Run<'_, '_>, names: &Names) -> Result<Option<Loaded>, Halt> {
    let taken = run.intake.now();
    let question = AuditQuestion::Rules;
    let Some(answer) = ask(run, question)? else { return Ok(None) };
    let raw = question.payloads(&answer);
    let mut draft = Draft::new(Kind::Capture, Source::text(question.words()), taken);
    draft.title = Some("Loaded audit rules, as the kernel gave them".into());
    let verdict = answer.verdict("the loaded audit rules");
    let whole = verdict.is_none();
    if let Some((outcome, reason)) = verdict {
        draft = draft.ended(outcome, reason);
    } else if raw.is_empty() {
        let words = "the kernel was asked, and no audit rule is loaded: nobody's access to any file is recorded by a \
            rule, so that no absence in the audit log shows anything";
        draft = draft.ended(Outcome::Empty, Reason::new(ReasonCode::NotFound, words));
    }
    let parsed: Vec<Option<Rule>> = raw.iter().map(|rule| audit_rules::parse(rule)).collect();
    let mut rows = Vec::new();
    for rule in raw {
        json::row(&mut rows, &RuleRow { rule_b64: Base64(rule) })?;
    }
    let entry = run.intake.capture(Member::of_live(COLLECTOR, "rules.jsonl"), draft, rows)?;
    let unread = parsed.iter().filter(|rule| rule.is_none()).count();
    let numbered: Vec<(u64, Rule)> = (1..).zip(parsed).filter_map(|(at, rule)| Some((at, rule?))).collect();
    if !numbered.is_empty() {
        table(run, &numbered, names, entry)?;
    }
    if unread > 0 {
        let words = format!("rules that are shorter than they say: {unread}; their bytes are sealed");
        let reason = Reason::new(ReasonCode::NotParsed, words);
        run.intake.gap(Source::text(question.words()), Outcome::Inconclusive, reason)?;
    }
    let rules: Vec<Rule> = numbered.into_iter().map(|(_, rule)| rule).collect();
    let canonical = rules.iter().map(Rule::canonical).collect();
    Ok(Some(Loaded { rules, canonical, entry, whole: whole && unread == 0 }))
}

fn table(run: &mut Run<'_, '_>, rules: &[(u64, Rule)], names: &Names, entry: EntryId) -> Result<(), Halt> {
    let mut derived_from = vec![entry];
    let paths = paths(run, rules, &mut derived_from)?;
    let taken = run.intake.now();
    let mut rows = Vec::new();
    for (number, rule) in rules {
        json::row(&mut rows, &row(*number, rule, names, &paths))?;
    }
    let mut draft = Draft::new(Kind::Derived, Source::text(AuditQuestion::Rules.words()), taken);
    draft.title = Some("Loaded audit rules".into());
    draft.derived_from = derived_from;
    run.intake.capture(Member::of_live(COLLECTOR, "loaded-rules.jsonl"), draft, rows)?;
    Ok(())
}

/// What lies at the watched paths now. Looking a name up may itself be recorded, so it is counted as an opening. The way
/// to a name below a PHI folder opens the folders in between, each an event in a log that is not sealed yet: nothing
/// there is looked at.
fn paths(
    run: &mut Run<'_, '_>,
    rules: &[(u64, Rule)],
    derived_from: &mut Vec<EntryId>,
) -> Result<BTreeMap<Vec<u8>, String>, Halt> {
    let taken = run.intake.now();
    let private = run.request.phi_places();
    let mut found = BTreeMap::new();
    let mut rows = Vec::new();
    for (path, _) in rules.iter().filter_map(|(_, rule)| rule.watched()) {
        if found.contains_key(path) || found.len() >= MOST_PATHS {
            continue;
        }
        let is = if is_below_any(path, &private) {
            NOT_LOOKED_AT.to_owned()
        } else if run.budget.spend(FOLDER_EVENTS) {
            look(run, path)
        } else {
            "unknown".to_owned()
        };
        let (shown, path_b64) = text(path);
        json::row(&mut rows, &WatchedPathRow { is: is.clone(), path: shown, path_b64 })?;
        found.insert(path.to_vec(), is);
    }
    if !rows.is_empty() {
        let mut draft = Draft::new(Kind::Capture, Source::text("paths that audit rules watch"), taken);
        draft.title = Some("What lies at the paths that audit rules watch".into());
        derived_from.push(run.intake.capture(
            Member::of_live(COLLECTOR, "watched-paths.jsonl"),
            draft,
            rows,
        )?);
    }
    Ok(found)
}

/// Whether a path lies below one of these folders. The folder itself can be looked at from the one that it lies in.
fn is_below_any(path: &[u8], folders: &[HostPath]) -> bool {
    HostPath::new(path).is_ok_and(|path| folders.iter().any(|folder| path.is_below(folder)))
}

fn look(run: &Run<'_, '_>, path: &[u8]) -> String {
    let Ok(path) = HostPath::new(path) else { return "unknown".into() };
    for found in run.host.walk(&Pattern::exactly(&path), Wanted::Everything, false) {
        match found {
            Found::Match(found) => return found.met.kind_in_words().to_owned(),
            Found::Trouble(_, Trouble::Missing(_)) => return "missing".into(),
            Found::Led(_)
            | Found::Trouble(..)
            | Found::LeftOut(..)
            | Found::TooDeep(_)
            | Found::OverAllowance(_) => {}
        }
    }
    "unknown".into()
}

fn row(number: u64, rule: &Rule, names: &Names, paths: &BTreeMap<Vec<u8>, String>) -> LoadedRuleRow {
    let watched = rule.watched();
    let path_is = watched.and_then(|(path, _)| paths.get(path).cloned());
    let mut remarks = Vec::new();
    match (watched.map(|(_, scope)| scope), path_is.as_deref()) {
        (Some(Scope::Name), Some("a folder")) => {
            remarks.push("it watches the folder's own name, and nothing that is in the folder");
        }
        (_, Some("missing")) => remarks.push("nothing lies at this path now"),
        _ => {}
    }
    let (path, path_b64) =
        watched.map(|(path, _)| text(path)).map_or((None, None), |(path, exact)| (Some(path), exact));
    let (line, text_b64) = text(&rule.text(names.machine));
    LoadedRuleRow {
        action: rule.action_name(),
        arch: rule.arch().map(|arch| arch.machine_name()),
        calls: rule.call_names(names.machine),
        conditions: rule.fields.iter().map(condition).collect(),
        keys: rule.keys().iter().map(|key| shown(key)).collect(),
        list: rule.list_name(),
        number,
        path,
        path_b64,
        path_is,
        permissions: rule.permissions(),
        remarks,
        text: line,
        text_b64,
        watch: watched.map(|(_, scope)| scope.word()),
    }
}

fn condition(field: &audit_rules::Field) -> ConditionRow {
    let (value, value_b64) = text(&field.value_text());
    ConditionRow { name: field.name(), operator: field.operator_text(), value, value_b64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_phi_folder_is_what_lies_in_it_and_not_the_folder_itself() {
        let folders = ["/srv/phi", "/data/x"].map(|path| HostPath::new(path).unwrap());
        for (path, below) in [
            ("/srv/phi", false),
            ("/srv/phi/", false),
            ("/srv/phi-old/a", false),
            ("/srv", false),
            ("/srv/phi/a", true),
            ("/data/x/y/z/\u{1b}", true),
        ] {
            assert_eq!(is_below_any(path.as_bytes(), &folders), below, "{path}");
        }
        assert!(!is_below_any(b"relative", &folders) && !is_below_any(b"/srv/phi/a", &[]));
    }
}
