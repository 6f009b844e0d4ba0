//! What the configuration of logging says of keeping: journald, rsyslog, logrotate, sshd. Made of the files that were
//! sealed; each setting with its file and line, defaults where nothing is set, and what could not be read.

mod sources;

use crate::collector::run::Run;
use crate::collector::tables::Table;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::custody::rows::keeping::SettingRow;
use crate::custody::rows::text;
use crate::intake::Halt;
use crate::records::log_settings::{Known, Setting, Value, journald, known, logrotate, rsyslog, sshd};
use sources::{File, Program};

const COLLECTOR: &str = "rsyslog";

/// Reads what was sealed.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let files = sources::sealed(run);
    let hidden = sources::hidden(run, &files);
    run.intake.forget_kept();
    let source = || Source::text("sealed configuration of logging");
    if files.is_empty() {
        let words = "no configuration of logging was sealed, so that there is no table of it";
        run.intake.gap(source(), Outcome::Missing, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let mut rows = Vec::new();
    for file in &files {
        rows_of(file, &mut rows);
    }
    journald_in_force(&mut rows, &hidden);
    rows.extend(defaults(&rows));
    let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
    draft.title = Some("Settings of logging: retention, rate limits, destinations".into());
    let mut table = Table::new(COLLECTOR, "settings.jsonl".into(), draft);
    for row in &rows {
        table.row(run, row)?;
    }
    let made_of: Vec<EntryId> = files.iter().map(|file| file.entry).collect();
    let unread = rows.iter().filter(|row| row.reason.is_some() && row.in_force != Some(false)).count() as u64;
    table.end(run, |draft| {
        draft.derived_from = made_of;
        let words = format!(
            "{} of the configuration could not be read; the rows say which and why",
            counted(unread, "line")
        );
        draft.reason = (unread > 0).then(|| Reason::new(ReasonCode::Remarkable, words));
    })?;
    Ok(())
}

fn rows_of(file: &File, rows: &mut Vec<SettingRow>) {
    let bytes = match &file.bytes {
        Ok(bytes) => bytes,
        Err(why) => {
            let reason = Some(why.clone());
            return rows.push(SettingRow { reason, ..about(file) });
        }
    };
    let (settings, all): (Vec<Setting>, &'static [Known]) = match file.program {
        Program::Journald => (journald::parse(bytes), &journald::KNOWN),
        Program::Rsyslog => (rsyslog::parse(bytes), &rsyslog::KNOWN),
        Program::Logrotate => (logrotate::parse(bytes), &logrotate::KNOWN),
        Program::LogrotateStatus => (logrotate::parse_status(bytes), &logrotate::KNOWN),
        Program::Sshd => (sshd::parse(bytes), &sshd::KNOWN),
        Program::SyslogNg => {
            let reason = Some("the language of syslog-ng is not read here; the file is sealed".to_owned());
            return rows.push(SettingRow { reason, ..about(file) });
        }
    };
    rows.extend(settings.iter().map(|setting| row(file, setting, all)));
}

fn about(file: &File) -> SettingRow {
    let (path, path_b64) = text(file.path.as_bytes());
    SettingRow {
        entry: Some(file.entry),
        file: Some(path),
        file_b64: path_b64,
        program: file.program.word(),
        ..SettingRow::default()
    }
}

fn row(file: &File, setting: &Setting, all: &'static [Known]) -> SettingRow {
    let shown =
        |bytes: Option<&[u8]>| bytes.map(text).map_or((None, None), |(text, exact)| (Some(text), exact));
    let (scope, scope_b64) = shown(setting.scope.as_deref());
    let (name, setting_b64) = shown((!setting.name.is_empty()).then_some(&setting.name));
    let (value, reason) = match &setting.value {
        Value::Is(value) => (Some(value.as_slice()), None),
        Value::Withheld => (None, None),
        Value::Unread(line, why) => ((!line.is_empty()).then_some(line.as_slice()), Some((*why).to_owned())),
    };
    let (value, value_b64) = shown(value);
    let known = known(all, &setting.name);
    SettingRow {
        default: known.map(|known| known.default).filter(|default| !default.is_empty()),
        line: Some(setting.line),
        means: known.map(|known| known.means),
        reason,
        scope,
        scope_b64,
        setting: name,
        setting_b64,
        value,
        value_b64,
        withheld: setting.value == Value::Withheld,
        ..about(file)
    }
}

/// Of journald's settings the last one counts, and none of a file that another one hides; the rows stand in systemd's
/// order already. An empty value takes the default back.
fn journald_in_force(rows: &mut [SettingRow], hidden: &[EntryId]) {
    let mut decided: Vec<String> = Vec::new();
    for row in rows.iter_mut().rev().filter(|row| row.program == Program::Journald.word()) {
        let Some(name) = row.setting.as_deref().map(name_of_journald) else { continue };
        if row.entry.is_some_and(|entry| hidden.contains(&entry)) {
            row.in_force = Some(false);
            row.reason = Some("a file of the same name in a folder that comes first hides this one".into());
            continue;
        }
        let first = !decided.contains(&name);
        let is_reset = row.value.as_deref() == Some("") && name != "audit";
        row.in_force = Some(first && !is_reset);
        if first {
            decided.push(name);
        }
    }
}

/// The name by which two settings are the same.
fn name_of_journald(name: &str) -> String {
    if name == "RateLimitInterval" { "ratelimitintervalsec".into() } else { name.to_ascii_lowercase() }
}

/// What holds where nothing is set: always of journald, of the others if they are here at all.
fn defaults(rows: &[SettingRow]) -> Vec<SettingRow> {
    let is_set = |program: Program, name: &str, counts: fn(&SettingRow) -> bool| {
        let named =
            |row: &SettingRow| row.setting.as_deref().is_some_and(|set| set.eq_ignore_ascii_case(name));
        rows.iter().any(|row| row.program == program.word() && named(row) && counts(row))
    };
    let in_force = |row: &SettingRow| row.in_force == Some(true);
    let mut all = Vec::new();
    for one in journald::KNOWN.iter().filter(|one| !one.default.is_empty()) {
        let by_older_name =
            one.name == "RateLimitIntervalSec" && is_set(Program::Journald, "RateLimitInterval", in_force);
        if !is_set(Program::Journald, one.name, in_force) && !by_older_name {
            all.push(SettingRow { in_force: Some(true), ..default(Program::Journald, one) });
        }
    }
    let here = |program: Program| rows.iter().any(|row| row.program == program.word());
    if here(Program::Rsyslog) {
        for one in rsyslog::KNOWN.iter().filter(|one| one.name.starts_with("module(")) {
            let module = one.name.split_inclusive(')').next().unwrap_or_default();
            let loaded = module == "module(builtin:omfile)"
                || is_set(Program::Rsyslog, &format!("{module}.load"), |_| true);
            let older = module == "module(builtin:omfile)"
                && is_set(Program::Rsyslog, "$ActionFileDefaultTemplate", |_| true);
            if loaded && !older && !is_set(Program::Rsyslog, one.name, |_| true) {
                all.push(default(Program::Rsyslog, one));
            }
        }
    }
    if here(Program::Sshd) {
        let everywhere = |row: &SettingRow| row.scope.is_none();
        let unset = sshd::KNOWN.iter().filter(|one| !is_set(Program::Sshd, one.name, everywhere));
        all.extend(unset.map(|one| default(Program::Sshd, one)));
    }
    all
}

fn default(program: Program, known: &Known) -> SettingRow {
    SettingRow {
        default: Some(known.default),
        means: Some(known.means),
        program: program.word(),
        setting: Some(known.name.to_owned()),
        ..SettingRow::default()
    }
}
