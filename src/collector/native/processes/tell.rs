//! What is said beside the tables: findings, totals, and what was not obtained.

use serde::Serialize;

use super::compare::MOST;
use super::gather::Gathering;
use super::{ID, Views, source};
use crate::collector::native::clock_start::line_of;
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, named};
use crate::host::facts::{self, Totals};
use crate::intake::Halt;
use crate::records::process::figures;

/// Numbers of processes that a reason names.
const NAMED: usize = 20;

/// The processes that one view shows and the listing does not. None is an answer too, and is said with what was
/// compared.
pub fn findings(run: &mut Run<'_, '_>, views: &Views, made_from: &[EntryId]) -> Result<(), Halt> {
    let from = || Source::text("/proc, getpriority(2), cgroup.procs, and whom processes name");
    let mut rows = Vec::new();
    for finding in &views.findings {
        json::row(&mut rows, finding)?;
    }
    let mut draft = Draft::new(Kind::Derived, from(), run.intake.now());
    draft.title = Some("Processes that one view shows and the listing does not".into());
    draft.derived_from = made_from.to_vec();
    if rows.is_empty() {
        let short: String = views.short.iter().map(|words| format!("; {words}")).collect();
        let words = format!(
            "every process that another view shows is listed in /proc, and no mount covers one{short}"
        );
        draft = draft.ended(Outcome::Empty, Reason::new(ReasonCode::NotFound, words));
        if views.too_many {
            let words = "the numbers that were followed up are all accounted for; there were more";
            draft = draft.ended(Outcome::Inconclusive, Reason::new(ReasonCode::CountLimit, words));
        } else if !views.troubles.is_empty() {
            let words = "not every view could be taken; those that were show nobody who is not listed";
            draft = draft.ended(Outcome::Inconclusive, Reason::new(ReasonCode::IoError, words));
        } else if let Some((_, reason)) = views.blinkers.verdicts().into_iter().next() {
            draft = draft.ended(Outcome::Inconclusive, reason);
        }
    }
    run.intake.capture(Member::of_live(ID, "findings.jsonl"), draft, rows)?;
    if views.too_many {
        let words = format!(
            "of the numbers that only some views show, no more than the first {MOST} were followed up"
        );
        run.intake.gap(from(), Outcome::Truncated, Reason::new(ReasonCode::CountLimit, words))?;
    }
    blinkers(run, views)?;
    for (kind, words) in [
        ("not_listed", "processes that the listing of /proc does not show"),
        (
            "covered",
            "processes whose folder in /proc is covered by a mount, so that who looks there sees something else",
        ),
        ("does_not_open", "processes that run and whose folder in /proc does not open"),
    ] {
        let of_kind = views.findings.iter().filter(|finding| finding.finding == kind);
        let pids: Vec<u32> = of_kind.clone().map(|finding| finding.pid).collect();
        if pids.is_empty() || (kind == "not_listed" && views.blinkers.hides) {
            continue;
        }
        let unread = of_kind.filter(|finding| kind == "covered" && !finding.reachable).count();
        let past =
            if unread > 0 { format!("; {unread} of them could not be read past it") } else { String::new() };
        let words = format!("{words}: {}{past}", named(&pids, NAMED));
        run.intake.gap(from(), Outcome::Inconclusive, Reason::new(ReasonCode::ViewsDisagree, words))?;
    }
    Ok(())
}

/// What keeps us from seeing everybody.
fn blinkers(run: &mut Run<'_, '_>, views: &Views) -> Result<(), Halt> {
    let blinkers = &views.blinkers;
    if let Some(option) = blinkers.hidepid.as_ref().filter(|_| !blinkers.hides) {
        let words = format!("/proc is mounted with hidepid={option}, which hides nothing from root");
        let mut draft = Draft::new(Kind::Gap, Source::text("/proc/self/mountinfo"), run.intake.now());
        draft = draft.ended(Outcome::Collected, Reason::new(ReasonCode::Permission, words));
        run.intake.note(draft)?;
    }
    for (outcome, mut reason) in blinkers.verdicts() {
        if outcome == Outcome::Denied {
            let unseen = views.findings.iter().filter(|finding| finding.finding == "not_listed").count();
            reason.words.push_str(&format!(", at least {unseen} of them"));
        }
        run.intake.gap(Source::text("all processes"), outcome, reason)?;
    }
    Ok(())
}

/// The machine in a few figures. Keys are sorted.
#[derive(Serialize)]
struct Figures {
    /// Descriptors of all processes.
    descriptors: u64,
    /// Processes of the kernel's own.
    kernel_threads: usize,
    /// Load over 1, 5 and 15 minutes, and more, as /proc/loadavg has it.
    loadavg: String,
    /// As the library sysinfo has them.
    machine: Totals,
    /// Rows of the table.
    processes: usize,
    /// Threads of the processes in the table.
    threads: u64,
    /// Threads by the kernel's own count. Threads come and go: a small difference means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads_by_kernel: Option<u64>,
    /// Seconds since boot, and seconds of idle processors, as /proc/uptime has it.
    uptime: String,
    /// Processes that ended before they were read.
    vanished: usize,
}

/// Totals, with the kernel's own count of threads beside ours.
pub fn totals(run: &mut Run<'_, '_>, gathering: &Gathering, table: EntryId) -> Result<(), Halt> {
    let line = |path: &str| line_of(run.host, path).unwrap_or_default();
    let loadavg = line("/proc/loadavg");
    let figures = Figures {
        descriptors: gathering.descriptors,
        kernel_threads: gathering.rows.briefs.iter().filter(|row| row.kernel_thread).count(),
        threads_by_kernel: figures::threads_in_all(loadavg.as_bytes()),
        loadavg,
        machine: facts::totals(),
        processes: gathering.rows.briefs.len(),
        threads: gathering.rows.briefs.iter().map(|row| row.threads).sum(),
        uptime: line("/proc/uptime"),
        vanished: gathering.rows.briefs.iter().filter(|row| row.vanished).count(),
    };
    let mut draft =
        Draft::new(Kind::Capture, Source::text("/proc/loadavg, /proc/uptime, sysinfo"), run.intake.now());
    draft.title = Some("Totals".into());
    draft.derived_from.push(table);
    run.intake.capture(Member::of_live(ID, "totals.json"), draft, json::document(&figures)?)?;
    Ok(())
}

/// What was not obtained, summed up by why.
pub fn gaps(run: &mut Run<'_, '_>, gathering: &Gathering, views: &Views) -> Result<(), Halt> {
    if !gathering.refused.is_empty() {
        let what: Vec<String> =
            gathering.refused.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let words = format!(
            "of {} processes, {} did not let everything be read: {}",
            gathering.rows.briefs.len(),
            gathering.refusing.len(),
            what.join(", ")
        );
        run.intake.gap(source(), Outcome::Denied, Reason::new(ReasonCode::Permission, words))?;
    }
    if !gathering.hung.is_empty() {
        let words = format!(
            "processes that did not answer when their memory was asked for, and were read without their command line, \
             mappings and counts of input and output: {}",
            named(&gathering.hung, NAMED)
        );
        run.intake.gap(source(), Outcome::TimedOut, Reason::new(ReasonCode::Deadline, words))?;
    }
    if !gathering.cut.is_empty() {
        let what: Vec<String> =
            gathering.cut.iter().take(NAMED).map(|(name, pid)| format!("{name} of {pid}")).collect();
        let words =
            format!("longer than what is taken ({} in all): {}", gathering.cut.len(), what.join(", "));
        run.intake.gap(source(), Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words))?;
    }
    if !gathering.failed.is_empty() {
        let what: Vec<String> =
            gathering.failed.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let words = format!("could not be read, and the rows say why: {}", what.join(", "));
        run.intake.gap(source(), Outcome::Failed, Reason::new(ReasonCode::IoError, words))?;
    }
    if let Some((pid, why)) = gathering.unread.first() {
        let words = format!(
            "processes that could not be read at all: {}, first {pid}: {why}",
            gathering.unread.len()
        );
        run.intake.gap(source(), Outcome::Failed, Reason::new(ReasonCode::IoError, words))?;
    }
    for trouble in &views.troubles {
        let (outcome, reason) = trouble.verdict();
        run.intake.gap(Source::text("views of processes"), outcome, reason)?;
    }
    Ok(())
}
