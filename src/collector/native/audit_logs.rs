//! The audit logs that were sealed, as a whole: from when to when each reaches, what it says of auditing itself, and how
//! they are rotated. What was learnt while the files passed into the seal is written down here; none is read again.

use std::sync::Arc;

use crate::collector::auditd;
use crate::collector::run::{AuditLogs, Run};
use crate::collector::tables::{Rows, Table};
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::audit_log::{AuditHistoryRow, AuditLogRow, AuditRotation};
use crate::custody::rows::text;
use crate::intake::Halt;
use crate::path::{HostPath, shown};
use crate::records::audit_config::Rotation;
use crate::records::audit_log::{Note, NoteKind, Summary};

const COLLECTOR: &str = "audit-logs";

/// A file that was sealed.
struct Sealed {
    path: HostPath,
    row: AuditLogRow,
    summary: Arc<Summary>,
}

/// Tells what the sealed logs hold, and what could not be read of them.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let conf_path = HostPath::new("/etc/audit/auditd.conf").unwrap_or_else(|_| HostPath::root());
    let sealed_conf = run.intake.sealed(&conf_path).and_then(|copy| Some((copy.entry, copy.kept.clone()?)));
    let conf =
        sealed_conf.as_ref().map_or_else(|| auditd::configuration(run.host), |(_, bytes)| bytes.to_vec());
    run.intake.forget_kept();
    let live = auditd::log(&conf);
    let logs = sealed(run, &live);
    let denied = run.intake.shortfalls().iter().any(|short| short.outcome == Outcome::Denied);
    let unread = run.intake.shortfalls().iter().filter(|short| short.may_hide_something()).count() as u64;
    run.audit_logs = Some(AuditLogs { denied, unread });
    if logs.is_empty() {
        // That no log is there is said by the steps that looked for it.
        let words = "no audit log with a byte in it was sealed";
        let reason = Reason::new(ReasonCode::NotFound, words);
        run.intake.gap(Source::text("audit logs"), Outcome::Inconclusive, reason)?;
        return Ok(());
    }
    let entries: Vec<EntryId> = logs.iter().map(|log| log.row.entry).collect();
    let draft = |run: &Run<'_, '_>, title: &str, source: &str| {
        let mut draft = Draft::new(Kind::Derived, Source::text(source), run.intake.now());
        draft.title = Some(title.into());
        draft.derived_from.clone_from(&entries);
        draft
    };
    let files = draft(run, "Audit logs: from when to when, and what is odd in them", "audit logs");
    let mut rows = Rows::begin(run, COLLECTOR, "files.jsonl", files)?;
    for log in &logs {
        rows.row(run, &log.row)?;
    }
    rows.end(run, |_| ())?;
    let history = draft(run, "What the audit logs say of auditing itself", "audit logs, changes of auditing");
    let mut table = Table::new(COLLECTOR, "history.jsonl".into(), history);
    for log in &logs {
        for note in &log.summary.notes {
            table.row(run, &history_row(note, log.row.entry))?;
        }
    }
    table.end(run, |_| ())?;
    let mut draft = draft(run, "How the audit log is rotated", "audit logs, rotation");
    draft.derived_from.extend(sealed_conf.map(|(entry, _)| entry));
    let rotation = rotation(run, &conf, &live, &logs);
    run.intake.capture(Member::of_live(COLLECTOR, "rotation.json"), draft, json::document(&rotation)?)?;
    tell_unread(run, &logs)
}

/// Those that were sealed, the earliest first.
fn sealed(run: &Run<'_, '_>, live: &HostPath) -> Vec<Sealed> {
    let mut logs: Vec<Sealed> = auditd::sealed(run.intake)
        .map(|(copy, summary)| {
            let (shown_path, path_b64) = text(copy.real.as_bytes());
            let row = AuditLogRow {
                bytes: copy.size,
                entry: copy.entry,
                first: summary.span().map(|(first, _)| first),
                first_serial: summary.serials.boots.first().map(|boot| boot.first.serial),
                last: summary.span().map(|(_, last)| last),
                last_serial: summary.serials.boots.last().map(|boot| boot.last.serial),
                headless: summary.headless.len() as u64 + summary.headless_left,
                missing_ranges: summary.serials.missing_ranges(),
                modified: copy.modified,
                nuls: summary.nuls,
                number: auditd::number(live, copy.path()),
                oversize: summary.oversize,
                path: shown_path,
                path_b64,
                reason: summary.broken.map(|why| why.to_string()),
                records: summary.records,
                torn_first: summary.torn_first,
                torn_last: summary.torn_last,
                unread: summary.unread,
                whole: copy.whole,
            };
            Sealed { path: copy.real.clone(), row, summary: Arc::clone(summary) }
        })
        .collect();
    logs.sort_by_key(|log| (log.row.first, log.row.entry));
    logs
}

fn history_row(note: &Note, entry: EntryId) -> AuditHistoryRow {
    let spoken = |keys: &[Vec<u8>]| keys.iter().map(|key| shown(key)).collect::<Vec<_>>();
    let (kind, keys, words) = match &note.kind {
        NoteKind::Enabled { now, before } => {
            let state = |number: u64| match number {
                0 => "off".to_owned(),
                1 => "on".to_owned(),
                2 => "on and locked".to_owned(),
                other => other.to_string(),
            };
            let before = before.map_or_else(|| "not said".to_owned(), state);
            ("switched", Vec::new(), format!("auditing: {}; before: {before}", state(*now)))
        }
        NoteKind::RuleAdded(rule) => {
            ("rule_added", spoken(&rule.keys), format!("a rule came into force (list {})", rule.list_name()))
        }
        NoteKind::RuleRemoved(rule) => {
            ("rule_removed", spoken(&rule.keys), format!("a rule went (list {})", rule.list_name()))
        }
        NoteKind::ChangeUnsaid => {
            let words = "auditctl or auditd changed something, and what is not said";
            ("change_unsaid", Vec::new(), words.to_owned())
        }
        NoteKind::LostReset(old) => {
            ("lost_reset", Vec::new(), format!("the counter of lost records was set back from {old}"))
        }
        NoteKind::DaemonStart => ("daemon_start", Vec::new(), "auditd began to write".to_owned()),
        NoteKind::DaemonEnd => ("daemon_end", Vec::new(), "auditd ended".to_owned()),
        NoteKind::Boot => ("boot", Vec::new(), "the machine was booted".to_owned()),
        NoteKind::Other(words) => ("other", Vec::new(), words.clone()),
    };
    AuditHistoryRow {
        after: note.after,
        entry,
        kind,
        keys,
        serial: note.id.serial,
        time: note.id.time,
        words,
    }
}

fn rotation(run: &Run<'_, '_>, conf: &[u8], live: &HostPath, logs: &[Sealed]) -> AuditRotation {
    let rotation = Rotation::of(conf);
    let mut numbers: Vec<u64> = logs.iter().filter_map(|log| log.row.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let highest = numbers.last().copied().unwrap_or(0).min(999);
    let oldest = logs.iter().filter_map(|log| log.row.first).min();
    let current = logs.iter().find(|log| log.path == *live || log.row.number == Some(0));
    AuditRotation {
        action: shown(&rotation.action),
        file_bytes: rotation.file_bytes,
        files: numbers.len() as u64,
        files_kept: rotation.files,
        log_file: live.to_string(),
        missing_numbers: (0..highest).filter(|number| numbers.binary_search(number).is_err()).collect(),
        oldest,
        room_bytes: rotation.room(current.map_or(0, |log| log.row.bytes), numbers.len() as u64),
        window_covered: run
            .intake
            .window()
            .from
            .is_none_or(|from| oldest.is_some_and(|oldest| oldest <= from)),
    }
}

/// A file without a record in it, or that could not be unpacked to its end, may hold any.
fn tell_unread(run: &mut Run<'_, '_>, logs: &[Sealed]) -> Result<(), Halt> {
    let unread: Vec<&Sealed> =
        logs.iter().filter(|log| log.row.records == 0 || log.row.reason.is_some()).collect();
    if let Some(logs) = run.audit_logs.as_mut() {
        logs.unread += unread.len() as u64;
    }
    for log in unread {
        let why = log.row.reason.as_deref().unwrap_or("no line of it is an audit record");
        let reason = Reason::new(ReasonCode::NotParsed, format!("not all of it could be read: {why}"));
        let mut draft = Draft::new(Kind::Gap, Source::path(&log.path), run.intake.now())
            .ended(Outcome::Inconclusive, reason);
        draft.derived_from.push(log.row.entry);
        run.intake.note(draft)?;
    }
    Ok(())
}
