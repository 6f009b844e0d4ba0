//! Journal files that were just sealed: what the header of each says, as it was seen while the file passed.

use super::sealed_again;
use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::collector::tables::Table;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode, counted, named};
use crate::custody::rows::keeping::JournalRow;
use crate::custody::rows::text;
use crate::intake::Halt;
use crate::path::{HostPath, shown};
use crate::records::journal_header::{Header, Unread, hex, is_remote};
use crate::records::observer::Observed;

const COLLECTOR: &str = "journal";

/// A journal file as it was sealed.
pub struct Journal {
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
    /// What it begins with, or why that could not be read.
    pub header: Result<Header, Unread>,
    /// Whose records it holds.
    pub scope: String,
    /// In /var, and not in /run.
    pub is_persistent: bool,
    /// The id in its header is another machine's.
    pub of_another_machine: bool,
    /// What keeps it from being whole, as far as that was seen while it passed.
    pub shortcomings: Option<String>,
}

impl Journal {
    /// Whether it is shorter than it says.
    pub fn is_truncated(&self) -> bool {
        self.header.as_ref().is_ok_and(|header| self.bytes < header.claimed_length())
    }

    /// Whether it holds what other machines sent, or another machine wrote it.
    pub fn is_foreign(&self) -> bool {
        self.scope == "remote" || self.of_another_machine
    }

    /// Whether it holds records of this machine's own system, where logins stand.
    pub fn holds_logins(&self) -> bool {
        let records = self.header.as_ref().map_or(0, |header| header.n_entries);
        self.scope == "system" && !self.of_another_machine && records > 0
    }

    /// Whether it has the name of such a one, and cannot be read.
    pub fn may_hold_logins(&self) -> bool {
        self.scope == "system" && self.header.is_err()
    }
}

/// All that were sealed in this run, by path.
pub fn sealed(run: &Run<'_, '_>) -> Vec<Journal> {
    let own = own_machine(run);
    let copies = run.intake.sealed_copies().filter_map(|copy| match &copy.observed {
        Some(Observed::Journal(summary)) => Some((copy.path(), copy, summary)),
        _ => None,
    });
    let mut journals: Vec<Journal> = copies
        .map(|(path, copy, summary)| {
            let header = summary.beginning.header();
            let id = header.as_ref().ok().map(|header| hex(&header.machine_id));
            Journal {
                path: path.clone(),
                entry: copy.entry,
                bytes: copy.size,
                modified: copy.modified,
                whole: copy.whole,
                scope: scope(path),
                is_persistent: path.components().next() != Some(b"run"),
                of_another_machine: own.as_ref().zip(id).is_some_and(|(own, id)| *own != id),
                header,
                shortcomings: summary.seen.shortcomings(),
            }
        })
        .collect();
    journals.sort_by(|a, b| a.path.cmp(&b.path));
    journals
}

/// `/etc/machine-id` (machine-id(5)), as it was sealed.
fn own_machine(run: &Run<'_, '_>) -> Option<String> {
    let path = HostPath::new("/etc/machine-id").ok()?;
    let mut copies = run.intake.sealed_copies();
    let copy = copies.find(|copy| copy.real == path || copy.asked.as_ref() == Some(&path))?;
    let bytes = sealed_again::bytes(run, copy).ok()?;
    let id = std::str::from_utf8(bytes.trim_ascii()).ok()?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

/// Whose records lie there, by the names that journald and systemd-journal-remote give (systemd-journald.service(8)).
fn scope(path: &HostPath) -> String {
    let folder = path.parent();
    let (folder, name) = (folder.name(), path.name());
    if is_remote(path) {
        return "remote".into();
    }
    if let Some(at) = folder.iter().position(|byte| *byte == b'.') {
        return format!("namespace {}", shown(folder.get(at + 1..).unwrap_or_default()));
    }
    let stem = name.split(|byte| matches!(byte, b'@' | b'.')).next().unwrap_or_default();
    match stem {
        b"system" => "system".into(),
        stem if stem.starts_with(b"user-") => shown(stem),
        _ => "other".into(),
    }
}

/// One row for each.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let journals = sealed(run);
    run.intake.forget_kept();
    let source = || Source::text("sealed journals");
    if journals.is_empty() {
        let hides = run.intake.shortfalls().iter().any(|short| short.may_hide_something());
        let outcome = if hides { Outcome::Inconclusive } else { Outcome::Missing };
        let words =
            "no journal was sealed, so that there is no table of them; log-keeping says what that means";
        run.intake.gap(source(), outcome, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
    draft.title = Some("Journals, with the first and the last record of each".into());
    let mut table = Table::new(COLLECTOR, "files.jsonl".into(), draft);
    for journal in &journals {
        table.row(run, &row(journal))?;
    }
    let made_of: Vec<EntryId> = journals.iter().map(|journal| journal.entry).collect();
    let remark = remark(&journals);
    table.end(run, |draft| {
        draft.derived_from = made_of;
        draft.reason = remark.map(|words| Reason::new(ReasonCode::Remarkable, words));
    })?;
    Ok(())
}

fn remark(journals: &[Journal]) -> Option<String> {
    let odd: Vec<String> = journals
        .iter()
        .filter_map(|journal| Some(format!("{}: {}", journal.path, reason(journal)?)))
        .collect();
    let files = counted(odd.len() as u64, "file");
    (!odd.is_empty()).then(|| format!("{files} could not be read, or not wholly: {}", named(&odd, 3)))
}

fn reason(journal: &Journal) -> Option<String> {
    let header = match &journal.header {
        Err(why) => return Some(why.to_string()),
        Ok(header) => header,
    };
    let words = [
        journal.is_truncated().then(|| {
            "it is shorter than its header says: cut off, or not all of it was sealed; journalctl may show nothing of it"
                .to_owned()
        }),
        (header.n_entries == 0).then(|| "it holds no record, as its header says".to_owned()),
        journal.shortcomings.as_ref().map(|what| format!("not whole, or not as it was written: {what}")),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn row(journal: &Journal) -> JournalRow {
    let (path, path_b64) = text(journal.path.as_bytes());
    let row = JournalRow {
        bytes: journal.bytes,
        entry: Some(journal.entry),
        keeping: if journal.is_persistent { "persistent" } else { "volatile" },
        modified: Some(journal.modified),
        of_another_machine: journal.of_another_machine,
        path,
        path_b64,
        reason: reason(journal),
        scope: journal.scope.clone(),
        truncated: journal.is_truncated(),
        unclean: journal.path.name().ends_with(b"~"),
        whole: journal.whole,
        ..JournalRow::default()
    };
    let Ok(header) = &journal.header else { return row };
    JournalRow {
        claimed_bytes: Some(header.claimed_length()),
        file_id: Some(hex(&header.file_id)),
        first: header.first(),
        flags: header.flags(),
        head_seqnum: Some(header.head_seqnum),
        last: header.last(),
        machine_id: Some(hex(&header.machine_id)),
        n_data: header.n_data,
        n_objects: Some(header.n_objects),
        n_tags: header.n_tags,
        records: Some(header.n_entries),
        seqnum_id: Some(hex(&header.seqnum_id)),
        state: Some(header.state.word()),
        tail_boot_id: Some(hex(&header.tail_boot_id)),
        tail_seqnum: Some(header.tail_seqnum),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_records_lie_there() {
        for (path, whose) in [
            ("/var/log/journal/0123/system.journal", "system"),
            ("/var/log/journal/0123/system@00-1-2.journal", "system"),
            ("/var/log/journal/0123/system@00-1-2.journal~", "system"),
            ("/run/log/journal/0123/user-1000@00.journal", "user-1000"),
            ("/var/log/journal/remote/remote-10.0.0.1.journal", "remote"),
            ("/var/log/journal/0123.web/system.journal", "namespace web"),
            ("/var/log/journal/0123/odd", "other"),
        ] {
            assert_eq!(scope(&HostPath::new(path).unwrap()), whose, "{path}");
        }
    }
}
