//! What was not obtained, and what is proven not to be there: one entry for each reason, not for each namespace.

use std::collections::BTreeMap;

use super::answers::Instead;
use super::gather::Gathered;
use crate::collector::run::Run;
use crate::collector::tables::tell_blinkers;
use crate::custody::entry::Source;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode, counted, named};
use crate::host::facts::is_root;
use crate::host::netns::{NetworkScan, Unseen};
use crate::intake::Halt;
use crate::records::sock_diag::Question;

/// Namespaces and processes that an entry names; the table has them all.
const NAMED: usize = 8;

/// Says it all.
pub fn tell(run: &mut Run<'_, '_>, scan: &NetworkScan, gathered: &Gathered) -> Result<(), Halt> {
    unseen(run, scan)?;
    if !scan.left_out.is_empty() {
        let words = format!("not looked at: {}", named(&scan.left_out, NAMED));
        let reason = Reason::new(ReasonCode::IoError, words);
        let source = Source::text("network namespaces");
        run.intake.gap_called("Sockets of all network namespaces", source, Outcome::Failed, reason)?;
    }
    troubles(run, scan, gathered)?;
    if let Some((outcome, reason)) = gathered.modules_trouble.clone() {
        let source = Source::text("modules that were loaded for sockets");
        run.intake.gap_called("Modules that asking for sockets loaded", source, outcome, reason)?;
    }
    tell_blinkers(run, &scan.blinkers)?;
    let unlisted = gathered.unlisted.iter().filter(|unlisted| unlisted.is_finding).count();
    scan.note_unlisted(unlisted as u64);
    without_table(run, gathered, scan.is_whole())?;
    unasked(run, gathered)?;
    proven(run, gathered, scan.is_whole())
}

/// Processes whose descriptors or namespace could not be seen: their sockets have no owner in the table.
fn unseen(run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
    let mut by_kind: BTreeMap<Outcome, Vec<String>> = BTreeMap::new();
    for Unseen { pid, outcome, words } in &scan.unseen {
        by_kind.entry(*outcome).or_default().push(format!("process {pid} ({words})"));
    }
    for (outcome, processes) in by_kind {
        let code = match outcome {
            Outcome::Denied if !is_root() => ReasonCode::NeedsRoot,
            Outcome::Denied => ReasonCode::Permission,
            Outcome::TimedOut => ReasonCode::Deadline,
            Outcome::Inconclusive => ReasonCode::ViewsDisagree,
            _ => ReasonCode::IoError,
        };
        let words = format!(
            "{} did not show descriptors, so that it is not known which sockets are held there: {}",
            counted(processes.len() as u64, "process"),
            named(&processes, NAMED)
        );
        let reason = Reason::new(code, words);
        run.intake.gap_called("Owners of sockets", Source::text("owners of sockets"), outcome, reason)?;
    }
    Ok(())
}

/// Tables that are not whole, each reason once for all namespaces.
fn troubles(run: &mut Run<'_, '_>, scan: &NetworkScan, gathered: &Gathered) -> Result<(), Halt> {
    let mut grouped: BTreeMap<(Outcome, ReasonCode, String), Vec<String>> = BTreeMap::new();
    for (namespace, asked) in scan.namespaces.iter().zip(&gathered.asked) {
        let mut note = |outcome: Outcome, code: ReasonCode, words: String| {
            grouped.entry((outcome, code, words)).or_default().push(namespace.inode.to_string());
        };
        if let Some((outcome, reason)) = &asked.trouble {
            note(*outcome, reason.code, reason.words.clone());
        }
        for dump in &asked.dumps {
            match &dump.trouble {
                // Of those it is told below what the descriptors show.
                Some((_, reason)) if is_by_descriptors(dump.instead, reason.code) => {}
                // The namespace's own trouble has been told.
                Some(_) if asked.trouble.is_some() => {}
                Some((outcome, reason)) => note(*outcome, reason.code, reason.words.clone()),
                None if dump.unread > 0 => {
                    let words = format!(
                        "{}: {} could not be read",
                        dump.question.name(),
                        counted(dump.unread, "socket")
                    );
                    note(Outcome::Inconclusive, ReasonCode::NotParsed, words);
                }
                None => {}
            }
        }
    }
    for ((outcome, code, words), namespaces) in grouped {
        let words = format!("{words} (network namespace {})", named(&namespaces, NAMED));
        let (source, reason) = (Source::text("tables of sockets"), Reason::new(code, words));
        run.intake.gap_called("Tables of sockets", source, outcome, reason)?;
    }
    Ok(())
}

fn is_by_descriptors(instead: Option<Instead>, code: ReasonCode) -> bool {
    instead == Some(Instead::Descriptors) && code == ReasonCode::Unsupported
}

/// Kinds of sockets that this kernel can make and does not list. If every descriptor of every process was looked at, and
/// none is of that kind, no process holds one; otherwise it cannot be said what there is.
fn without_table(run: &mut Run<'_, '_>, gathered: &Gathered, seen_all: bool) -> Result<(), Halt> {
    let dumps = gathered.asked.iter().flat_map(|asked| &asked.dumps);
    let mut kinds: Vec<Question> = dumps
        .filter(|dump| {
            dump.trouble.as_ref().is_some_and(|(_, reason)| is_by_descriptors(dump.instead, reason.code))
        })
        .map(|dump| dump.question)
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let held = gathered.unlisted.iter().filter(|unlisted| unlisted.question() == Some(kind)).count();
        let (source, name) = (Source::text(kind.name()), kind.kernel_name());
        let title = format!("Table of {name} sockets");
        let outcome = if seen_all && held == 0 { Outcome::Empty } else { Outcome::Inconclusive };
        let words =
            format!("this kernel has no table of {name} sockets; {}", known_by_descriptors(held, seen_all));
        run.intake.gap_called(title, source, outcome, Reason::new(ReasonCode::Unsupported, words))?;
    }
    Ok(())
}

/// What the descriptors tell of a kind without a table.
fn known_by_descriptors(held: usize, seen_all: bool) -> String {
    let known = match held {
        0 if seen_all => {
            return "all descriptors of all processes were looked at, and none leads to one".into();
        }
        0 => "no descriptor leads to one".to_owned(),
        1 => "1 socket is known, by the descriptors that lead to it".to_owned(),
        _ => format!("{} are known, by the descriptors that lead to them", counted(held as u64, "socket")),
    };
    let left = if seen_all {
        "what no descriptor leads to is not seen"
    } else {
        "not all descriptors could be looked at"
    };
    format!("{known}; {left}")
}

/// Sockets of which nobody knows whether a table ought to list them: one that hides among them is not found.
fn unasked(run: &mut Run<'_, '_>, gathered: &Gathered) -> Result<(), Halt> {
    let mut by_code: BTreeMap<ReasonCode, (u64, Vec<&str>)> = BTreeMap::new();
    for ((code, words), inodes) in &gathered.unasked {
        let (count, all) = by_code.entry(*code).or_default();
        *count += inodes.len() as u64;
        all.push(words);
    }
    for (code, (count, all)) in by_code {
        let words = format!(
            "{} that no table lists could not be asked whether one ought to, so that a hidden one among them is not \
             found: {}",
            counted(count, "socket"),
            named(&all, NAMED)
        );
        let source = Source::text("sockets that only descriptors lead to");
        let reason = Reason::new(code, words);
        run.intake.gap_called("The search for hidden sockets", source, Outcome::Inconclusive, reason)?;
    }
    Ok(())
}

/// Kinds of which there is proof that there are none.
fn proven(run: &mut Run<'_, '_>, gathered: &Gathered, seen_all: bool) -> Result<(), Halt> {
    for (instead, words) in [
        (
            Instead::NotRegistered,
            "the kernel has no such protocol (/proc/net/protocols), so that there is no socket of it",
        ),
        (
            Instead::NoneCounted,
            "the kernel counts the sockets of this protocol, and counts none (/proc/net/protocols)",
        ),
    ] {
        let everywhere = |question: &Question| {
            gathered.asked.iter().all(|asked| {
                asked.dumps.iter().any(|dump| dump.question == *question && dump.instead == Some(instead))
            })
        };
        let first = gathered.asked.first().map(|asked| asked.dumps.as_slice()).unwrap_or_default();
        let kinds = first.iter().map(|dump| dump.question).filter(everywhere);
        let kinds: Vec<&str> = kinds.map(|question| question.kernel_name()).collect();
        if !kinds.is_empty() {
            let mut reason = Reason::new(ReasonCode::NotFound, format!("{}: {words}", kinds.join(", ")));
            // Each namespace counts for itself; what is not registered is so in all.
            let proof = seen_all || instead == Instead::NotRegistered;
            if !proof {
                reason.words.push_str("; but there may be network namespaces that were not asked");
            }
            let outcome = if proof { Outcome::Empty } else { Outcome::Inconclusive };
            run.intake.gap(Source::text("tables of sockets"), outcome, reason)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_descriptors_tell_is_said_in_the_right_number() {
        assert!(known_by_descriptors(0, true).ends_with("none leads to one"));
        assert_eq!(
            known_by_descriptors(1, true),
            "1 socket is known, by the descriptors that lead to it; what no descriptor leads to is not seen"
        );
        assert_eq!(
            known_by_descriptors(2, false),
            "2 sockets are known, by the descriptors that lead to them; not all descriptors could be looked at"
        );
    }
}
