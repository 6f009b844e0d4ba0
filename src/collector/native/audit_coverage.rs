//! Whether "no event was found" means that nobody touched a PHI folder. The kernel is asked again for its state and its
//! rules, each folder is opened once so that it can be seen whether that is recorded, and all of it is held against
//! what the sealed logs say of themselves.

mod canary;

use crate::clock::Timestamp;
use crate::collector::auditd;
use crate::collector::run::Run;
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::audit::RuleRow;
use crate::host::Trouble;
use crate::host::audit::AuditQuestion;
use crate::host::facts::kernel;
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::audit_log::Summary;
use crate::records::audit_rules::syscalls::Arch;
use crate::records::audit_rules::{self, Rule};
use crate::records::audit_status::{self, AuditStatus};
use crate::view::audit_coverage::{Auditing, Place, PlaceCoverage};
use crate::view::coverage::Kernel;
use crate::view::recording::{Log, Recording};

const COLLECTOR: &str = "audit-coverage";

/// Places that are asked about at most: PHI folders, and mounts below them.
const MOST_PLACES: usize = 64;

/// A PHI folder, or a mount below it.
struct Spot {
    root: HostPath,
    mount: HostPath,
    /// Those that belong to the folder, in force or only on disk.
    keys: Vec<Vec<u8>>,
}

/// Seals what the kernel says now, what became of our own openings, and the answer.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let (spots, left) = spots(run);
    if spots.is_empty() {
        let words = "no folder is known to hold PHI, so that there is none of which it could be asked";
        let reason = Reason::new(ReasonCode::NoPhiRoot, words);
        run.intake.gap(Source::text("PHI folders"), Outcome::Inconclusive, reason)?;
        return Ok(());
    }
    let mut entries = Vec::new();
    let status = status(run, &mut entries)?;
    let rules = rules(run, &mut entries)?;
    run.kernel = Kernel::of(status.clone(), rules.as_deref());
    let seen = canary::look(run, &spots, status.as_ref(), &mut entries)?;
    let place = |(spot, seen): (Spot, canary::Seen)| {
        let Spot { root, mount, keys } = spot;
        (Place { root, mount, is_folder: seen.is_folder, canary: seen.canary }, keys)
    };
    let places: Vec<(Place, Vec<Vec<u8>>)> = spots.into_iter().zip(seen).map(place).collect();
    let end = since_sealed(run, &mut entries)?;
    let (judged, logs) = judge(run, status.as_ref(), rules.as_deref(), &places, end.as_ref());
    entries.extend(logs);
    tell(run, &judged, entries)?;
    run.coverage = Some(judged);
    if left > 0 {
        let words = format!("there are {left} more PHI folders and mounts below them than were asked about");
        let reason = Reason::new(ReasonCode::CountLimit, words);
        run.intake.gap(Source::text("PHI folders"), Outcome::Truncated, reason)?;
    }
    Ok(())
}

/// Each PHI folder where it really lies, and each mount below it that a walk would enter; and how many more there are.
fn spots(run: &Run<'_, '_>) -> (Vec<Spot>, usize) {
    let mounts = run.host.mounts();
    let mut spots = Vec::new();
    for root in &run.request.phi_roots {
        let mut below: Vec<HostPath> = mounts
            .all()
            .filter(|mount| mount.point.is_below(&root.real) && mounts.keep_out_of(&mount.point).is_none())
            .map(|mount| mount.point.clone())
            .collect();
        below.sort();
        let all = std::iter::once(root.real.clone()).chain(below);
        spots.extend(all.map(|mount| Spot { root: root.path.clone(), mount, keys: root.keys.clone() }));
    }
    let left = spots.len().saturating_sub(MOST_PLACES);
    spots.truncate(MOST_PLACES);
    (spots, left)
}

fn status(run: &mut Run<'_, '_>, entries: &mut Vec<EntryId>) -> Result<Option<AuditStatus>, Halt> {
    let mut draft = Draft::new(Kind::Capture, Source::text(AuditQuestion::Status.words()), run.intake.now());
    draft.title = Some("Kernel audit status towards the end, as the kernel answered".into());
    match run.host.audit_status() {
        Ok(bytes) => {
            let status = audit_status::parse(&bytes);
            entries.push(run.intake.capture(Member::of_live(COLLECTOR, "status.bin"), draft, bytes)?);
            Ok(status)
        }
        Err(trouble) => refused(run, AuditQuestion::Status, &trouble),
    }
}

fn rules(run: &mut Run<'_, '_>, entries: &mut Vec<EntryId>) -> Result<Option<Vec<Rule>>, Halt> {
    let mut draft = Draft::new(Kind::Capture, Source::text(AuditQuestion::Rules.words()), run.intake.now());
    draft.title = Some("Loaded audit rules towards the end, as the kernel gave them".into());
    let raw = match run.host.audit_rules() {
        Ok(raw) => raw,
        Err(trouble) => return refused(run, AuditQuestion::Rules, &trouble),
    };
    let rules: Option<Vec<Rule>> = raw.iter().map(|rule| audit_rules::parse(rule)).collect();
    if raw.is_empty() {
        let reason = Reason::new(ReasonCode::NotFound, "the kernel was asked, and no audit rule is loaded");
        draft = draft.ended(Outcome::Empty, reason);
    }
    let mut rows = Vec::new();
    for rule in raw {
        json::row(&mut rows, &RuleRow { rule_b64: Base64(rule) })?;
    }
    entries.push(run.intake.capture(Member::of_live(COLLECTOR, "rules.jsonl"), draft, rows)?);
    Ok(rules)
}

fn refused<T>(run: &mut Run<'_, '_>, question: AuditQuestion, trouble: &Trouble) -> Result<Option<T>, Halt> {
    let (outcome, reason) = trouble.verdict();
    run.intake.gap(Source::text(question.words()), outcome, reason)?;
    Ok(None)
}

/// Bytes that are read at most of what was logged since the log was sealed.
const SINCE_LIMIT: usize = 32 << 20;

/// What was logged since the audit log was sealed, and whether that is all of it: between the sealed log and our own openings
/// nothing may be missing. It is sealed as well.
fn since_sealed(run: &mut Run<'_, '_>, entries: &mut Vec<EntryId>) -> Result<Option<(Summary, bool)>, Halt> {
    let log = &run.places.audit_log;
    let sealed = |identity| {
        let of_it = run.intake.sealed_copies().filter(|copy| copy.file.identity == identity);
        of_it.map(|copy| copy.size).max()
    };
    let taken = run.intake.now();
    // Where it cannot be followed, that is said with our own openings.
    let Ok(mut tail) = run.host.tail_since(log, sealed) else { return Ok(None) };
    let mut summary = Summary::asked(run.intake.asked());
    let mut draft = Draft::new(Kind::Capture, Source::path(log), taken);
    draft.title = Some("The end of the audit log, as far as it was logged since it was sealed".into());
    run.intake.begin_member(Member::of_live(COLLECTOR, "audit.log.end"), draft)?;
    let (mut length, mut whole) = (0, false);
    while length < SINCE_LIMIT {
        match tail.rest() {
            Ok(bytes) if bytes.is_empty() => {
                whole = true;
                break;
            }
            Ok(bytes) => {
                length += bytes.len();
                summary.piece(&bytes);
                run.intake.write(bytes)?;
            }
            Err(_) => break,
        }
    }
    summary.end();
    entries.push(run.intake.end_member(|draft| {
        if !whole {
            let words = "more was logged since, or it could not be read to its end";
            *draft = draft.clone().ended(Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words));
        }
    })?);
    Ok(Some((summary, whole)))
}

/// Holds everything together; with the entries of the logs that took part.
fn judge(
    run: &mut Run<'_, '_>,
    status: Option<&AuditStatus>,
    rules: Option<&[Rule]>,
    places: &[(Place, Vec<Vec<u8>>)],
    end: Option<&(Summary, bool)>,
) -> (Vec<PlaceCoverage>, Vec<EntryId>) {
    let live = &run.places.audit_log;
    let logs: Vec<(EntryId, Log<'_>)> = auditd::sealed(run.intake)
        .map(|(copy, summary)| {
            let number = auditd::number(live, copy.path());
            (copy.entry, Log { summary, number, whole: copy.whole })
        })
        .collect();
    let unread = run.audit_logs.map_or(0, |logs| logs.unread);
    let from = run.intake.window().from.unwrap_or_else(|| Timestamp::from_unix(0, 0));
    let window = (from, run.intake.now().utc);
    let parts = logs.iter().map(|(_, log)| *log);
    let end = end.map(|(summary, whole)| Log { summary, number: None, whole: *whole });
    let recording = Recording::of(window, status, parts.chain(end), unread);
    let all_keys_known = recording.knows_all_keys();
    let auditing = Auditing::of(recording, rules, Arch::of_machine(&kernel().machine));
    let judged = places.iter().map(|(place, keys)| auditing.coverage(place, keys)).collect();
    let entries = logs.into_iter().map(|(entry, _)| entry).collect();
    run.all_keys_known = all_keys_known;
    (judged, entries)
}

fn tell(run: &mut Run<'_, '_>, judged: &[PlaceCoverage], entries: Vec<EntryId>) -> Result<(), Halt> {
    let mut rows = Vec::new();
    for place in judged {
        json::row(&mut rows, &place.row)?;
    }
    let source =
        Source::text("audit rules in force, our own openings, and what the audit logs say of themselves");
    let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
    draft.title = Some("What the audit log can show of accesses to each PHI folder".into());
    draft.derived_from = entries;
    let open: Vec<&PlaceCoverage> = judged.iter().filter(|place| !place.row.codes.is_empty()).collect();
    if let Some((code, words)) =
        open.iter().find_map(|place| Some((*place.row.codes.first()?, &place.row.words)))
    {
        let words = match judged.len() {
            1 => words.clone(),
            all => format!(
                "of {all} PHI folders and mounts below them, {} are not shown to be covered; the first: {words}",
                open.len()
            ),
        };
        draft = draft.ended(Outcome::Inconclusive, Reason::new(code, words));
    }
    run.intake.capture(Member::of_view("audit-coverage.jsonl"), draft, rows)?;
    Ok(())
}
