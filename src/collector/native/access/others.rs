//! Text logs and journals as they passed: what of the time they cover.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::custody::rows::access::coverage::{CoverageStatement, CoveredFile};
use crate::intake::SealedCopy;
use crate::path::shown;
use crate::records::observer::Observed;
use crate::view::coverage::others::{Other, OtherFile};

/// A statement for each kind, and the sealed copies that they are made of are added to `entries`.
pub fn statements(
    run: &Run<'_, '_>,
    window: (Timestamp, Timestamp),
    entries: &mut BTreeSet<EntryId>,
) -> [CoverageStatement; 2] {
    [Other::Text, Other::Journal].map(|kind| {
        let copies = run.intake.sealed_copies();
        let known = copies.filter_map(|copy| Some((copy.entry, file(kind, copy)?)));
        let (of_it, mut files): (Vec<EntryId>, Vec<OtherFile>) = known.unzip();
        entries.extend(of_it);
        files.sort_by(|one, other| one.row.path.cmp(&other.row.path));
        kind.statement(&files, window)
    })
}

fn file(kind: Other, copy: &SealedCopy) -> Option<OtherFile> {
    let path = shown(copy.path().as_bytes());
    let row = CoveredFile {
        bytes: copy.size,
        first_utc: None,
        last_utc: None,
        path,
        records: 0,
        torn: false,
        unparsed: 0,
    };
    match (kind, copy.observed.as_ref()?) {
        (Other::Text, Observed::Text(text)) => {
            let lines = &text.lines;
            let (first_utc, last_utc) = lines.span.unzip();
            let (records, unparsed) = (lines.exact + lines.classic, lines.unread);
            let row = CoveredFile { first_utc, last_utc, records, unparsed, torn: lines.torn, ..row };
            Some(OtherFile { row, whole: copy.whole && text.unread.is_none(), undated: lines.classic > 0 })
        }
        (Other::Journal, Observed::Journal(journal)) => {
            let (first_utc, last_utc) = journal.span.unzip();
            let (records, seen) = (journal.seen.entries, &journal.seen);
            let row = CoveredFile {
                first_utc,
                last_utc,
                records,
                torn: seen.ends_early,
                unparsed: seen.unheard,
                ..row
            };
            Some(OtherFile { row, whole: copy.whole && seen.is_whole(), undated: seen.refused })
        }
        _ => None,
    }
}
