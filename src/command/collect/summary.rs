//! What is told before and after a collection: who can open it, what is missing and what would settle that, and what
//! to do next.

use std::path::Path;

use serde::Serialize;

use super::journey::{Collected, Target};
use super::prepare::Prepared;
use crate::custody::completeness::{Completeness, Need};
use crate::custody::digest::Digest;
use crate::custody::entry::EntryId;
use crate::custody::ledger::Gap;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::seal::Counts;
use crate::intake::StopCause;
use crate::path::HostPath;
use crate::term::{Failure, Voice, bytes, counted, span};

/// Gaps that are told one by one on a screen; the rest is in the bundle and in `--json`.
const TOLD: usize = 25;

/// Before the start: who can open it, what counts as PHI, and what is odd about the output.
pub fn before(prepared: &Prepared, target: &Target, voice: Voice) {
    let request = &prepared.request;
    for recipient in &request.recipients {
        let label = recipient.label.as_ref().map(|label| format!(" {label}")).unwrap_or_default();
        match &recipient.sha256 {
            Some(digest) => voice.say(format!(
                "can be opened by:{label} {} from {}, sha256 {}…",
                recipient.kind,
                recipient.source,
                digest.hex().get(..16).unwrap_or_default()
            )),
            None => voice.say("can be opened by: whoever knows the passphrase"),
        }
    }
    if request.recipients.len() == 1 && request.recipients.iter().all(|one| one.kind != "passphrase") {
        voice.warn(
            "only one key opens this bundle; if it is lost, so is the evidence (a second -r prevents that)",
        );
    }
    for root in &request.phi_roots {
        voice.say(format!("holds PHI: {} ({})", root.path, root.origin));
    }
    if request.phi_roots.is_empty() {
        voice.warn("no folder is known to hold PHI; name it with --phi DIR, or the bundle will be PARTIAL");
    }
    if let Target::Folder { folder, .. } = target {
        warn_of_place(prepared, folder.path(), voice);
    }
}

fn warn_of_place(prepared: &Prepared, output: &Path, voice: Voice) {
    let Some(output) = std::path::absolute(output)
        .ok()
        .and_then(|path| HostPath::new(path.as_os_str().as_encoded_bytes()).ok())
    else {
        return;
    };
    if !prepared.host.is_live() {
        return;
    }
    let mount = |path: &HostPath| prepared.host.mounts().holding(path).map(|mount| mount.id);
    let root = mount(&HostPath::root());
    let here = mount(&output);
    let logs = HostPath::new("/var/log").ok();
    let phi = prepared.request.phi_paths();
    if here != root && phi.iter().any(|phi| mount(phi) == here) || phi.iter().any(|phi| output.is_within(phi))
    {
        voice.warn("the output lies on a volume that holds PHI; another disk would disturb less");
    }
    if here != root && logs.as_ref().and_then(mount) == here {
        voice.warn("the output lies on the volume of the logs; another disk would disturb less");
    }
}

#[derive(Serialize)]
struct Document<'a> {
    bundle: Option<String>,
    receipt: String,
    sha256: Digest,
    seal_sha256: Digest,
    spoken_code: &'a str,
    result: Completeness,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_for: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
    counts: &'a Counts,
    gaps: Vec<GapRow<'a>>,
    bytes: u64,
    duration_ns: u64,
}

#[derive(Serialize)]
struct GapRow<'a> {
    entry: EntryId,
    collector: &'a str,
    outcome: Outcome,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<ReasonCode>,
}

/// After the end: the result, the gaps, and the next step.
pub fn after(collected: &Collected, prepared: &Prepared, voice: Voice) -> Result<(), Failure> {
    if voice.json {
        return voice.document(&document(collected));
    }
    tell_result(collected, voice);
    tell_gaps(&collected.gaps, voice);
    tell_next(collected, prepared, voice);
    Ok(())
}

fn document(collected: &Collected) -> Document<'_> {
    Document {
        bundle: collected.bundle.as_ref().map(|path| path.display().to_string()),
        receipt: collected.receipt.display().to_string(),
        sha256: collected.ciphertext.sha256,
        seal_sha256: collected.seal_sha256,
        spoken_code: &collected.spoken_code,
        result: collected.result,
        complete_for: collected.complete_for.as_deref(),
        stopped_by: collected.stopped.map(StopCause::words),
        counts: &collected.counts,
        gaps: collected.gaps.iter().map(gap_row).collect(),
        bytes: collected.ciphertext.bytes,
        duration_ns: u64::try_from(collected.duration.as_nanos()).unwrap_or(u64::MAX),
    }
}

fn gap_row(gap: &Gap) -> GapRow<'_> {
    GapRow {
        entry: gap.entry,
        collector: &gap.collector,
        outcome: gap.outcome,
        reason: gap.reason.as_ref().map(|reason| reason.words.as_str()).unwrap_or_default(),
        reason_code: gap.reason.as_ref().map(|reason| reason.code),
    }
}

fn tell_result(collected: &Collected, voice: Voice) {
    let word = match collected.result {
        Completeness::Complete => "COMPLETE",
        Completeness::Partial => "PARTIAL",
    };
    let of = match &collected.complete_for {
        Some(ids) => format!(" for: {}", ids.join(", ")),
        None => String::new(),
    };
    voice.result(format!("{word}{of}"));
    if let Some(cause) = collected.stopped {
        voice.result(format!(
            "Stopped before the end: {}. What was gathered until then is sealed.",
            cause.words()
        ));
    }
    voice.result(format!(
        "Sealed {} of evidence in {} and {}, {} in all, in {}.",
        bytes(collected.counts.bytes),
        counted(collected.counts.members, "file"),
        if collected.counts.entries == 1 {
            "1 entry".into()
        } else {
            format!("{} entries", collected.counts.entries)
        },
        bytes(collected.ciphertext.bytes),
        span(collected.duration),
    ));
}

/// What matters is told one by one, under what would settle it; what is merely not on this host is counted.
fn tell_gaps(gaps: &[Gap], voice: Voice) {
    let merely_absent = |gap: &&Gap| gap.need == Need::Optional && gap.outcome == Outcome::Missing;
    let by_plan = |gap: &&Gap| {
        gap.outcome == Outcome::Skipped && gap.reason.as_ref().is_some_and(|reason| !reason.code.is_mid_run())
    };
    let absent = gaps.iter().filter(merely_absent).count() as u64;
    let planned = gaps.iter().filter(by_plan).count() as u64;
    let told: Vec<&Gap> = gaps.iter().filter(|gap| !merely_absent(gap) && !by_plan(gap)).collect();
    if !told.is_empty() {
        voice.result("\nNot obtained:");
    }
    for (settle, gaps) in settled(told.iter().copied().take(TOLD)) {
        for gap in gaps {
            voice.result(format!("  {}", line_of(gap)));
        }
        if !settle.is_empty() {
            voice.result(format!("      -> {settle}"));
        }
    }
    if told.len() > TOLD {
        voice.result(format!("  … and {} more; --json lists them all", told.len() - TOLD));
    }
    if absent > 0 {
        voice.result(format!("Not on this host: {}.", counted(absent, "optional item")));
    }
    if planned > 0 {
        voice.result(format!("Left out by the plan: {}.", counted(planned, "item")));
    }
}

fn line_of(gap: &Gap) -> String {
    let need = match &gap.need {
        Need::Optional => String::new(),
        Need::Required => ", required".into(),
        Need::AnyOf(group) => format!(", one for {group} is required"),
    };
    let source = gap.source.as_ref().filter(|source| **source != gap.title);
    let source = source.map(|source| format!(" {source}")).unwrap_or_default();
    let words = gap.reason.as_ref().map(|reason| reason.words.as_str()).unwrap_or_default();
    let words = if words.is_empty() { "below a PHI folder; the entry has the particulars" } else { words };
    format!("{} ({}{need}, entry {}){source}: {words}", gap.title, gap.outcome.word(), gap.entry)
}

/// The gaps by what would settle them, the required ones first.
fn settled<'g>(gaps: impl Iterator<Item = &'g Gap>) -> Vec<(&'static str, Vec<&'g Gap>)> {
    let mut groups: Vec<(&'static str, Vec<&Gap>)> = Vec::new();
    for gap in gaps {
        let settle = gap.reason.as_ref().map_or("", |reason| reason.code.settle());
        match groups.iter_mut().find(|(known, _)| *known == settle) {
            Some((_, group)) => group.push(gap),
            None => groups.push((settle, vec![gap])),
        }
    }
    groups.sort_by_key(|(_, group)| group.iter().all(|gap| gap.need == Need::Optional));
    groups
}

fn tell_next(collected: &Collected, prepared: &Prepared, voice: Voice) {
    voice.result("\nNext:");
    voice.result(format!(
        "  1. Read this code out to the compliance officer, who writes it down: {}",
        collected.spoken_code
    ));
    match &collected.bundle {
        Some(path) => {
            voice.result(format!("  2. Bring these three files to the officer: {}", path.display()));
            voice.result(format!(
                "     {} and {}.sig",
                collected.receipt.display(),
                collected.receipt.display()
            ));
        }
        None => {
            voice.result("  2. The sealed file went to stdout. Bring these two files after it:");
            voice.result(format!(
                "     {} and {}.sig",
                collected.receipt.display(),
                collected.receipt.display()
            ));
        }
    }
    let openers = prepared.request.recipients.iter().map(|one| match (&one.label, one.kind.as_str()) {
        (Some(label), _) => label.to_string(),
        (None, "passphrase") => "whoever knows the passphrase".into(),
        (None, _) => "a holder of the key".into(),
    });
    voice.result(format!(
        "  3. It can be opened by: {}. Not by this host.",
        openers.collect::<Vec<_>>().join(", ")
    ));
    if collected.signer.kind == "one_run" {
        voice.result(format!(
            "  Signed with a key made for this run, {}: have it written down too.",
            collected.signer.fingerprint
        ));
    }
}
