//! The rules on disk, and how they differ from those in force.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::audit::{DiskRuleRow, RulesDifference, RulesFileRow, SettingRow};
use crate::custody::rows::text;
use crate::host::Trouble;
use crate::host::pattern::Pattern;
use crate::host::place::Place;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::Halt;
use crate::path::shown;
use crate::records::audit_rules::Canonical;
use crate::records::audit_rules::disk::{Line, Meaning, Names, Written, compile};

use super::rules::Loaded;
use super::{COLLECTOR, Kernel};

/// Bytes of one file of rules at most.
const FILE_LIMIT: u64 = 4 << 20;

/// What is loaded at boot (auditd.service, audit-rules.service).
const AUDIT_RULES: &str = "/etc/audit/audit.rules";
/// What augenrules(8) makes that of.
const RULES_D: &str = "/etc/audit/rules.d/*.rules";

/// A file of rules and what its lines say.
struct File {
    path: String,
    main: bool,
    mtime: Timestamp,
    lines: Vec<Line>,
}

/// The files, their bytes as rows, and what could not be read: that is told behind what could.
type FilesRead = (Vec<File>, Vec<u8>, Vec<(Place, Trouble)>);

/// Seals the files, the lines as they would be loaded, and the difference.
pub fn collect(
    run: &mut Run<'_, '_>,
    names: &Names,
    kernel: &Kernel,
    loaded: Option<&Loaded>,
) -> Result<(), Halt> {
    let (files, raw, troubles) = read(run, names)?;
    if files.is_empty() && troubles.is_empty() {
        let words = "there is no file of audit rules on this system";
        let reason = Reason::new(ReasonCode::NotFound, words);
        run.intake.gap(Source::text("audit rules on disk"), Outcome::Empty, reason)?;
        return Ok(());
    }
    for (place, trouble) in &troubles {
        run.intake.trouble(place, trouble)?;
    }
    if files.is_empty() {
        return Ok(());
    }
    let mut draft = Draft::new(Kind::Capture, Source::text("audit rules on disk"), run.intake.now());
    draft.title = Some("Files of audit rules".into());
    let mut derived_from =
        vec![run.intake.capture(Member::of_live(COLLECTOR, "rules-files.jsonl"), draft, raw)?];
    derived_from.extend(loaded.map(|loaded| loaded.entry));
    let mut rows = Vec::new();
    for file in &files {
        for line in &file.lines {
            json::row(&mut rows, &row(file, line, names, loaded))?;
        }
    }
    let mut draft = Draft::new(Kind::Derived, Source::text("audit rules on disk"), run.intake.now());
    draft.title = Some("Audit rules on disk, compiled".into());
    draft.derived_from.clone_from(&derived_from);
    if rows.is_empty() {
        let reason = Reason::new(ReasonCode::NotFound, "the files hold neither a rule nor a setting");
        draft = draft.ended(Outcome::Empty, reason);
    }
    run.intake.capture(Member::of_live(COLLECTOR, "disk-rules.jsonl"), draft, rows)?;
    // Of a file that could not be read nobody knows what it says.
    match loaded.filter(|loaded| loaded.whole && troubles.is_empty()) {
        Some(loaded) => {
            derived_from.extend(&kernel.entries);
            difference(run, &files, names, kernel, loaded, derived_from)
        }
        // That the rules in force are not known is said already.
        None => Ok(()),
    }
}

/// The files that are there, audit.rules first, and their bytes as rows.
fn read(run: &Run<'_, '_>, names: &Names) -> Result<FilesRead, Halt> {
    let (mut files, mut rows, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
    for pattern in [AUDIT_RULES, RULES_D] {
        let Ok(pattern) = Pattern::new(pattern) else { continue };
        for found in run.host.walk(&pattern, Wanted::Files, true) {
            let (place, outcome) = match found {
                Found::Match(found) => {
                    (found.spot.place(), one(run, &found, names, pattern.is_plain(), &mut rows)?)
                }
                Found::Trouble(_, Trouble::Missing(_)) | Found::Led(_) => continue,
                Found::Trouble(place, trouble) => (place, Err(trouble)),
                Found::LeftOut(place, _) => {
                    let trouble = Trouble::NetworkMount(place.path.to_string());
                    (place, Err(trouble))
                }
                Found::TooDeep(_) | Found::OverAllowance(_) => continue,
            };
            match outcome {
                Ok(file) => files.push(file),
                Err(trouble) => troubles.push((place, trouble)),
            }
        }
    }
    Ok((files, rows, troubles))
}

fn one(
    run: &Run<'_, '_>,
    found: &Match,
    names: &Names,
    main: bool,
    rows: &mut Vec<u8>,
) -> Result<Result<File, Trouble>, Halt> {
    let bytes = match run.host.peek(&found.spot.path, FILE_LIMIT + 1) {
        Ok(bytes) if bytes.len() as u64 > FILE_LIMIT => {
            let words = "it is longer than the 4 MiB of rules that are read";
            return Ok(Err(Trouble::Io(found.spot.path.to_string(), std::io::Error::other(words))));
        }
        Ok(bytes) => bytes,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let (path, path_b64) = text(found.spot.path.as_bytes());
    let mtime = found.met.stat.mtime;
    let lines = compile(&bytes, names);
    let row = RulesFileRow { bytes_b64: Base64(bytes), mtime, path: path.clone(), path_b64 };
    json::row(rows, &row)?;
    Ok(Ok(File { path, main, mtime, lines }))
}

fn row(file: &File, line: &Line, names: &Names, loaded: Option<&Loaded>) -> DiskRuleRow {
    let (written, text_b64) = text(&line.text);
    let mut row = DiskRuleRow {
        canonical: None,
        file: file.path.clone(),
        line: line.number as u64,
        loaded: None,
        says: "other",
        setting: None,
        text: written,
        text_b64,
        value: None,
        why: None,
    };
    match &line.meaning {
        Meaning::Rule(rule) => {
            row.says = "rule";
            row.canonical = Some(shown(&rule.canonical_text(names.machine)));
            row.loaded = loaded.and_then(|loaded| {
                let is_there = is_loaded(rule, loaded);
                (is_there || loaded.whole).then_some(is_there)
            });
        }
        Meaning::DeleteAll => row.says = "delete_all",
        Meaning::Control(name, value) => {
            row.says = "setting";
            row.setting = Some(name);
            row.value = Some(shown(value.as_bytes()));
        }
        Meaning::Other => {}
        Meaning::Unknown(why) => {
            row.says = "unknown";
            row.why = Some(why.clone());
        }
    }
    row
}

fn is_loaded(rule: &Written, loaded: &Loaded) -> bool {
    loaded.canonical.iter().any(|one| rule.is(one))
}

/// What stands in these files once they are loaded in their order: `-D` takes away what was before it.
fn effective<'f>(files: impl Iterator<Item = &'f File>) -> Vec<(&'f File, &'f Line, &'f Written)> {
    let mut rules = Vec::new();
    for file in files {
        for line in &file.lines {
            match &line.meaning {
                Meaning::Rule(rule) => rules.push((file, line, rule)),
                Meaning::DeleteAll => rules.clear(),
                _ => {}
            }
        }
    }
    rules
}

fn difference(
    run: &mut Run<'_, '_>,
    files: &[File],
    names: &Names,
    kernel: &Kernel,
    loaded: &Loaded,
    derived_from: Vec<EntryId>,
) -> Result<(), Halt> {
    let has_main = files.iter().any(|file| file.main);
    let compared: Vec<&File> = files.iter().filter(|file| file.main == has_main).collect();
    let on_disk = effective(compared.iter().copied());
    // Each file of rules.d begins its own life in audit.rules: augenrules keeps one -D, at the top.
    let parts: Vec<(&File, &Line, &Written)> =
        files.iter().filter(|file| !file.main).flat_map(|file| effective(std::iter::once(file))).collect();
    let as_row = |(file, line, _): &(&File, &Line, &Written)| row(file, line, names, Some(loaded));
    let only_on_disk: Vec<DiskRuleRow> =
        on_disk.iter().filter(|(.., rule)| !is_loaded(rule, loaded)).map(as_row).collect();
    let only_loaded: Vec<String> = loaded
        .rules
        .iter()
        .zip(&loaded.canonical)
        .filter(|(_, canonical)| !on_disk.iter().any(|(.., written)| written.is(canonical)))
        .map(|(rule, _)| shown(&rule.text(names.machine)))
        .collect();
    let in_main = |rule: &Written| on_disk.iter().any(|(.., other)| rule.same_as(other));
    let not_in_audit_rules =
        parts.iter().filter(|(.., rule)| has_main && !in_main(rule)).map(as_row).collect();
    let unknown = |line: &&Line| matches!(line.meaning, Meaning::Unknown(_));
    let not_compiled: Vec<DiskRuleRow> = files
        .iter()
        .flat_map(|file| file.lines.iter().filter(unknown).map(|line| row(file, line, names, None)))
        .collect();
    let verdict = |same: bool| match (not_compiled.is_empty(), same) {
        (false, _) => "inconclusive",
        (true, true) => "same",
        (true, false) => "different",
    };
    let out_of_order = out_of_order(on_disk.iter().map(|(.., rule)| *rule), &loaded.canonical)
        .and_then(|at| loaded.rules.get(at));
    let verdict_order = verdict(out_of_order.is_none());
    let verdict_rules = verdict(only_on_disk.is_empty() && only_loaded.is_empty());
    let settings = settings(&compared, kernel);
    let has = |same: Option<bool>| settings.iter().any(|row| row.same == same);
    let verdict_settings = match (has(Some(false)), has(None)) {
        (true, _) => "different",
        (false, true) => "inconclusive",
        (false, false) => "same",
    };
    let mut draft =
        Draft::new(Kind::Derived, Source::text("audit rules on disk and in force"), run.intake.now());
    draft.title = Some("How the audit rules on disk and in force differ".into());
    draft.derived_from = derived_from;
    if !not_compiled.is_empty() {
        let words = format!(
            "lines of the audit rules on disk that this version cannot compile: {}; whether they are in force is not known",
            not_compiled.len()
        );
        draft = draft.ended(Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words));
    }
    let document = RulesDifference {
        audit_rules_mtime: files.iter().find(|file| file.main).map(|file| file.mtime),
        compared: compared.iter().map(|file| file.path.clone()).collect(),
        first_missing: only_on_disk.first().cloned(),
        first_out_of_order: out_of_order.map(|rule| shown(&rule.text(names.machine))),
        not_compiled,
        not_in_audit_rules,
        only_loaded,
        only_on_disk,
        rules_d_mtime: files.iter().filter(|file| !file.main).map(|file| file.mtime).max(),
        rules_loaded: loaded.rules.len() as u64,
        rules_on_disk: on_disk.len() as u64,
        settings,
        verdict_order,
        verdict_rules,
        verdict_settings,
    };
    run.intake.capture(
        Member::of_live(COLLECTOR, "rules-difference.json"),
        draft,
        json::document(&document)?,
    )?;
    Ok(())
}

/// The first rule in force that comes behind one of its list that it comes before on disk. In a list the first rule that
/// fits decides: the same rules in another order record something else.
fn out_of_order<'l>(on_disk: impl Iterator<Item = &'l Written>, loaded: &[Canonical]) -> Option<usize> {
    let mut ordered: Vec<&Written> = Vec::new();
    for rule in on_disk {
        if rule.goes_first() { ordered.insert(0, rule) } else { ordered.push(rule) }
    }
    let mut furthest = BTreeMap::<u32, usize>::new();
    loaded.iter().position(|rule| {
        let Some(place) = ordered.iter().position(|written| written.is(rule)) else { return false };
        let before = furthest.entry(rule.list()).or_insert(place);
        let is_behind = place < *before;
        *before = place.max(*before);
        is_behind
    })
}

/// The last word on each setting, beside what the kernel says.
fn settings(files: &[&File], kernel: &Kernel) -> Vec<SettingRow> {
    let mut rows: Vec<SettingRow> = Vec::new();
    for file in files {
        for line in &file.lines {
            let Meaning::Control(name, value) = &line.meaning else { continue };
            let now = now(name, kernel);
            rows.retain(|row| row.name != *name);
            rows.push(SettingRow {
                file: file.path.clone(),
                line: line.number as u64,
                name,
                same: now.as_ref().map(|now| now == value),
                now,
                on_disk: shown(value.as_bytes()),
            });
        }
    }
    rows
}

fn now(name: &str, kernel: &Kernel) -> Option<String> {
    if name == "loginuid_immutable" {
        return kernel.features.as_ref().map(|features| u32::from(features.loginuid_immutable).to_string());
    }
    let status = kernel.status.as_ref()?;
    let value = match name {
        "backlog_limit" => status.backlog_limit,
        "backlog_wait_time" => status.backlog_wait_time?,
        "enabled" => status.enabled,
        "failure" => status.failure,
        "rate_limit" => status.rate_limit,
        _ => return None,
    };
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_rules::syscalls::X86_64;

    #[test]
    fn the_same_rules_in_another_order_are_not_the_same() {
        let names = Names { machine: Some(X86_64), ..Names::default() };
        let lines = compile(
            b"-a always,exit -F arch=b64 -S openat -F success=1\n-a never,exit -F arch=b64 -S openat -F auid=7\n\
              -a never,exclude -F msgtype=1300\n-A always,exit -F arch=b64 -S unlink -F auid=8\n",
            &names,
        );
        let written: Vec<&Written> = lines
            .iter()
            .map(|line| match &line.meaning {
                Meaning::Rule(rule) => rule,
                other => panic!("{other:?}"),
            })
            .collect();
        let order = |places: [usize; 4]| {
            let loaded: Vec<Canonical> = places.iter().map(|at| written[*at].rule().canonical()).collect();
            out_of_order(written.iter().copied(), &loaded).map(|at| places[at])
        };
        // The kernel lists one list after the other; -A stands before what was there.
        assert_eq!(order([3, 0, 1, 2]), None);
        assert_eq!(order([2, 3, 0, 1]), None);
        assert_eq!(order([3, 1, 0, 2]), Some(0));
        assert_eq!(order([0, 1, 3, 2]), Some(3));
    }
}
