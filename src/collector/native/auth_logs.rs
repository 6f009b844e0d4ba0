//! Text logs that were just sealed: each with its first and last record, as they were seen while it passed.

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::collector::tables::Table;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode, counted, named};
use crate::custody::rows::keeping::TextLogRow;
use crate::custody::rows::text;
use crate::intake::Halt;
use crate::path::{HostPath, shown};
use crate::records::observer::Observed;
use crate::records::text_log::Summary;

const COLLECTOR: &str = "auth-logs";

/// A text log as it was sealed.
pub struct TextLog {
    /// As it was asked for.
    pub path: HostPath,
    /// The sealed copy.
    pub entry: EntryId,
    /// Its bytes.
    pub bytes: u64,
    /// When the file was last changed, as it claims.
    pub modified: Timestamp,
    /// The copy is all of the file, of one moment.
    pub whole: bool,
    /// What it says.
    pub summary: Summary,
    /// It is there for authentication; others may hold logins beside much else.
    pub is_authentication: bool,
    /// What its name has behind that of the log that is being written, and that name.
    pub rotation: Option<String>,
    /// The log that is being written.
    pub base: HostPath,
}

/// Names of logs, and whether authentication is what they are for.
const NAMES: [(&[u8], bool); 7] = [
    (b"auth.log", true),
    (b"secure", true),
    (b"messages", false),
    (b"syslog", false),
    (b"user.log", false),
    (b"daemon.log", false),
    (b"sudo.log", false),
];

/// Systems that keep authentication in the general log (collectors/auth-logs.toml).
const IN_MESSAGES: [&str; 4] = ["alpine", "suse", "opensuse", "sles"];

/// All that were sealed in this run, by path.
pub fn sealed(run: &Run<'_, '_>) -> Vec<TextLog> {
    let in_messages = run.places.system.iter().any(|name| IN_MESSAGES.contains(&name.as_str()));
    let copies = run.intake.sealed_copies().filter_map(|copy| match &copy.observed {
        Some(Observed::Text(summary)) => Some((copy.path(), copy, summary)),
        _ => None,
    });
    let mut logs: Vec<TextLog> = copies
        .map(|(path, copy, summary)| {
            let name = path.name();
            let known = NAMES.iter().find(|(base, _)| name.starts_with(base));
            let (base, is_authentication) = known.map_or((name, false), |(base, is)| (*base, *is));
            let suffix = name.get(base.len()..).filter(|suffix| !suffix.is_empty());
            TextLog {
                path: path.clone(),
                entry: copy.entry,
                bytes: copy.size,
                modified: copy.modified,
                whole: copy.whole,
                summary: (**summary).clone(),
                is_authentication: is_authentication || in_messages && base == b"messages",
                rotation: suffix.map(shown),
                base: path.parent().join(base),
            }
        })
        .collect();
    logs.sort_by(|a, b| a.path.cmp(&b.path));
    logs
}

/// One row for each.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    run.intake.forget_kept();
    let logs = sealed(run);
    let source = || Source::text("sealed text logs");
    if logs.is_empty() {
        let hides = run.intake.shortfalls().iter().any(|short| short.may_hide_something());
        let outcome = if hides { Outcome::Inconclusive } else { Outcome::Missing };
        let words = "no text log with a byte in it was sealed, so that there is no table of them; log-keeping says what \
            that means";
        run.intake.gap(source(), outcome, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
    draft.title = Some("Text logs, with the first and the last record of each".into());
    let mut table = Table::new(COLLECTOR, "files.jsonl".into(), draft);
    for log in &logs {
        table.row(run, &row(log))?;
    }
    let made_of: Vec<EntryId> = logs.iter().map(|log| log.entry).collect();
    let remark = remark(&logs);
    table.end(run, |draft| {
        draft.derived_from = made_of;
        draft.reason = remark.map(|words| Reason::new(ReasonCode::Remarkable, words));
    })?;
    Ok(())
}

/// What the rows do not tell, and the entry has to.
fn remark(logs: &[TextLog]) -> Option<String> {
    let unread: Vec<String> =
        logs.iter().filter_map(|log| Some(format!("{}: {}", log.path, reason(log)?))).collect();
    let files = counted(unread.len() as u64, "file");
    (!unread.is_empty())
        .then(|| format!("the times of {files} were not read, or not all: {}", named(&unread, 3)))
}

fn reason(log: &TextLog) -> Option<String> {
    let cut = (!log.whole).then(|| {
        "its sealed copy is not all of it, or not of one moment; the copy's entry says why".to_owned()
    });
    log.summary.unread.map(|why| why.to_string()).or(cut)
}

fn row(log: &TextLog) -> TextLogRow {
    let (path, path_b64) = text(log.path.as_bytes());
    let (summary, lines) = (&log.summary, &log.summary.lines);
    let (first_text, last_text) = lines.texts.clone().unzip();
    TextLogRow {
        bytes: log.bytes,
        classic: lines.classic,
        compressed: summary.compression.word(),
        entry: Some(log.entry),
        exact: lines.exact,
        first: lines.span.map(|(first, _)| first),
        first_text,
        holds: if log.is_authentication { "authentication" } else { "general" },
        last: lines.span.map(|(_, last)| last),
        last_text,
        lines: lines.lines,
        longest: lines.longest,
        modified: Some(log.modified),
        nul_bytes: lines.nul_bytes,
        path,
        path_b64,
        reason: reason(log),
        rotation: log.rotation.clone(),
        steps_back: lines.steps_back,
        text_bytes: summary.text_bytes,
        torn: lines.torn,
        unread: lines.unread,
        whole: log.whole,
    }
}
