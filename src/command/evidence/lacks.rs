//! What the collectors of a bundle could not take of the logs, or not all of: whoever asks is told of it.

use std::ops::ControlFlow;

use super::{Absent, Evidence, Reads, What};
use crate::custody::entry::Kind;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::path::harmless;
use crate::records::unpack::Compression;
use crate::seal::members::Listed;

/// Collectors that take logs: what they could not take is told to whoever asks.
const OF_LOGS: [(&str, What); 5] = [
    ("audit-logs", What::Audit),
    ("auth-logs", What::Auth),
    (LOGIN_RECORDS, What::Wtmp),
    ("journal", What::Journal),
    ("phi-files", What::Walk),
];
/// The one of them that makes a table of what it takes.
const LOGIN_RECORDS: &str = "login-records";
/// Bytes of a beginning that tells of compression.
const HEAD: usize = 8;

/// Puts them to the evidence, whose logs are known already.
pub fn tell(evidence: &mut Evidence, entries: &[Listed]) {
    for (at, entry) in entries.iter().enumerate() {
        let Some((what, words)) = lack(entry) else { continue };
        if !is_read_all_the_same(evidence, entries, entry) {
            let by_plan = is_by_plan(evidence.reader.as_ref(), at, entry);
            evidence.absent.push(Absent { what, words, by_plan });
        }
    }
    for (collector, what) in OF_LOGS {
        if !entries.iter().any(|entry| entry.collector == collector) {
            let words = format!("{}: the bundle was made without the collector {collector}", what.words());
            evidence.lack(what, words);
        }
    }
}

/// What the collectors of logs could not take, or not all of.
fn lack(entry: &Listed) -> Option<(What, String)> {
    let (_, what) = OF_LOGS.iter().find(|(collector, _)| *collector == entry.collector)?;
    let is_well = matches!(entry.outcome, Outcome::Collected | Outcome::Empty | Outcome::Missing);
    let of_copies = matches!(entry.kind, Kind::Copy | Kind::Gap | Kind::Listing);
    if is_well || !of_copies {
        return None;
    }
    let why = entry.reason.as_deref().unwrap_or("the entry says no more");
    let words = format!("{} ({}): {}", entry.display, entry.outcome.word(), why);
    Some((*what, harmless(&words)))
}

/// Whether nobody could expect it, so that nothing is missing (docs/outcomes.md): of an image what a running kernel tells,
/// of this kind of system what it does not keep, and what programs print, which is read here nowhere.
fn is_by_plan(reader: &dyn Reads, at: usize, entry: &Listed) -> bool {
    if entry.outcome != Outcome::Skipped {
        return false;
    }
    // What cannot be read excuses nothing.
    let code = reader.entry(at).ok().flatten().and_then(|entry| entry.reason_code);
    matches!(code, Some(ReasonCode::NotLive | ReasonCode::OtherSystem | ReasonCode::ToolsOff))
}

/// Whether an entry speaks of a log that is here, and that the table of login records lacks for nothing but that it is
/// compressed: here it is unpacked and read. If it cannot be, that is told when it is its turn.
fn is_read_all_the_same(evidence: &Evidence, entries: &[Listed], gap: &Listed) -> bool {
    if gap.collector != LOGIN_RECORDS || gap.kind != Kind::Gap || gap.outcome != Outcome::Inconclusive {
        return false;
    }
    let is_same = |copy: &Listed| gap.paths.iter().any(|path| copy.is_of(path));
    let mut logs =
        evidence.logs.iter().filter(|log| matches!(log.what, What::Wtmp | What::Btmp | What::Utmp));
    logs.any(|log| {
        entries.get(log.at).is_some_and(is_same) && is_compressed(evidence.reader.as_ref(), log.at)
    })
}

fn is_compressed(reader: &dyn Reads, at: usize) -> bool {
    let mut head = Vec::new();
    let read = reader.read(at, &mut |bytes| {
        let room = bytes.len().min(HEAD.saturating_sub(head.len()));
        head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if head.len() >= HEAD { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    read.is_ok() && Compression::of(&head) != Compression::None
}
