//! What the bundle's own entries date: the steps of the collection, and the times of the files that it copied.

use super::files::FileLine;
use super::{At, COLLECTOR, Fact};
use crate::clock::Timestamp;
use crate::custody::entry::{Entry, Kind};

/// The step that an entry records: something that the collection did.
pub fn step(entry: &Entry, pid: Option<u32>) -> Fact {
    let kind = match entry.kind {
        Kind::Copy => "copied",
        Kind::Capture => "captured",
        Kind::Listing => "listed",
        Kind::Link => "read the link",
        Kind::Tool => "ran",
        Kind::Derived => "made a table",
        Kind::Gap => "noted",
    };
    let words = format!(
        "phi-ir {kind}: {} ({}), {}: {}{}",
        entry.title,
        entry.collector,
        entry.source.display,
        entry.outcome.word(),
        entry.reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"))
    );
    let mut fact = Fact::new(entry.taken.utc, "collector.step", &words, "entry", at(entry)).label(COLLECTOR);
    fact.path = entry.source.path_b64.as_ref().map(|path| path.0.clone()).unwrap_or_default();
    fact.pid = pid;
    fact
}

/// The file that an entry is a copy of, by its metadata before it was read.
pub fn file(entry: &Entry) -> Option<FileLine> {
    let stat = entry.stat.as_ref().filter(|_| matches!(entry.kind, Kind::Copy | Kind::Link))?;
    let source = &entry.source;
    let path = source.resolved_b64.as_ref().or(source.path_b64.as_ref())?;
    let mut line = FileLine::of(&path.0, &stat.before);
    line.target_b64 = source.target_b64.clone();
    Some(line)
}

/// What an entry dates: its step, and the times of the file that it copied.
pub fn facts(entry: &Entry, pid: Option<u32>) -> Vec<Fact> {
    let times = file(entry).map(|file| file.facts("entry", at(entry))).unwrap_or_default();
    std::iter::once(step(entry, pid)).chain(times).collect()
}

/// Begin and end of the collection, as the seal has them.
pub fn run(started: Timestamp, ended: Timestamp) -> [Fact; 2] {
    let fact = |time, what: &'static str, words| {
        Fact::new(time, what, words, "seal", At::default()).label(COLLECTOR)
    };
    [
        fact(started, "collector.began", "phi-ir began to collect"),
        fact(ended, "collector.ended", "phi-ir had collected"),
    ]
}

fn at(entry: &Entry) -> At {
    At { entry: Some(entry.id), offset: 0 }
}
