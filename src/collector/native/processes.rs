//! What runs: every file of /proc/PID that says something, as it came; a table of processes, one of descriptors; and
//! whether other views of the system show processes that the listing does not.

mod compare;
mod gather;
mod kept;
pub(super) mod row;
mod take;
mod tell;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;

use compare::Suspects;
use gather::Gathering;
use wanted::Wanted;

use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::process::FindingRow;
use crate::custody::rows::process::raw::ViewRow;
use crate::host::{Host, Trouble};
use crate::intake::Halt;

/// The collector's id, in the names of its members.
const ID: &str = "processes";

/// Ancestors that a row names.
const ANCESTORS: usize = 32;

/// Bytes of a table that are handed on at once.
const PIECE: usize = 128 << 10;

/// Where all of it comes from.
fn source() -> Source {
    Source::text("/proc/PID")
}

/// Seals what /proc tells of every process, and the tables made of it.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let listed = match run.host.pids() {
        Ok(pids) => pids,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source(), outcome, reason)?;
            return Ok(());
        }
    };
    let mut wanted = Wanted {
        memory: true,
        environment: run.request.environ,
        began: run.began,
        memory_device: memory_device(),
        kept: Arc::default(),
        under_way: Arc::default(),
    };
    let mut gathering = Gathering::new();
    gathering.round(run, listed.clone(), &wanted)?;
    let mut views = Views::take(run.host, &listed, &gathering);
    gathering.round(run, views.born(&listed), &wanted)?;
    gathering.round(run, views.not_listed(), &wanted)?;
    // Who did not answer is asked once more, for what keeps nobody waiting.
    wanted.memory = false;
    let hung = gathering.hung.clone();
    gathering.round(run, hung, &wanted)?;
    gathering.end_capture(run)?;
    views.note_covered(run.host, &gathering);
    let mut made_from = gathering.captures.clone();
    made_from.extend(views.seal(run)?);
    let table = processes(run, &mut gathering, &views.findings, &made_from)?;
    gathering.end_descriptors(run)?;
    tell::findings(run, &views, &made_from)?;
    tell::totals(run, &gathering, table)?;
    tell::gaps(run, &gathering, &views)
}

/// The device that files without a path lie on: known by making an empty one.
pub(super) fn memory_device() -> Option<Arc<str>> {
    let file = rustix::fs::memfd_create("phi-ir", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
    let dev = rustix::fs::fstat(file).ok()?.st_dev;
    Some(format!("{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev)).into())
}

/// The same processes as other parts of the kernel show them.
struct Views {
    listing: Vec<u32>,
    /// When (nanoseconds since boot), which, who, and up to which number.
    taken: Vec<(u64, &'static str, Vec<u32>, Option<u32>)>,
    findings: Vec<FindingRow>,
    blinkers: crate::host::processes::views::Blinkers,
    /// What could not be looked at, or not to the end.
    short: Vec<String>,
    troubles: Vec<Trouble>,
    /// More numbers were suspicious than were followed up.
    too_many: bool,
}

impl Views {
    fn take(host: &Host, listed: &[u32], gathering: &Gathering) -> Views {
        let mut views = Views {
            listing: Vec::new(),
            taken: Vec::new(),
            findings: Vec::new(),
            blinkers: host.blinkers(),
            short: Vec::new(),
            troubles: Vec::new(),
            too_many: false,
        };
        let mut suspects = Suspects::default();
        let mut known: BTreeSet<u32> =
            listed.iter().copied().chain(gathering.threads.iter().copied()).collect();
        let highest = known.last().copied().unwrap_or(0);
        let probe = host.probe_numbers(highest);
        let groups = host.in_control_groups();
        // Listed after the other views: who was born meanwhile is known.
        match host.pids() {
            Ok(again) => {
                known.extend(again.iter().copied());
                views.note("listing", again.clone(), None);
                views.listing = again;
            }
            Err(trouble) => views.troubles.push(trouble),
        }
        match probe {
            Ok(probe) => {
                suspects.note("getpriority", probe.numbers.iter().copied(), &known);
                if probe.cut {
                    views.short.push(format!("numbers above {} were not asked for one by one", probe.up_to));
                }
                views.note("getpriority", probe.numbers, Some(probe.up_to));
            }
            Err(trouble) => views.troubles.push(trouble),
        }
        match groups {
            Ok(groups) => {
                suspects.note("cgroup", groups.pids.iter().copied(), &known);
                if groups.folders == 0 {
                    views.short.push("no control groups are mounted that could be looked into".into());
                }
                if groups.cut {
                    views.short.push(format!("only {} control groups were looked into", groups.folders));
                }
                views.note("cgroup", groups.pids, None);
            }
            Err(trouble) => views.troubles.push(trouble),
        }
        for (view, number) in gathering.mentioned() {
            suspects.note(view, [number], &known);
        }
        if !suspects.is_empty() {
            match suspects.confirm(host) {
                Ok((findings, too_many)) => {
                    views.findings = findings;
                    views.too_many = too_many;
                }
                Err(trouble) => views.troubles.push(trouble),
            }
        }
        views
    }

    fn note(&mut self, view: &'static str, pids: Vec<u32>, up_to: Option<u32>) {
        self.taken.push((crate::clock::boottime_ns(), view, pids, up_to));
    }

    /// Who is listed now and was not before.
    fn born(&self, before: &[u32]) -> Vec<u32> {
        let before: BTreeSet<&u32> = before.iter().collect();
        self.listing.iter().filter(|pid| !before.contains(pid)).copied().collect()
    }

    /// Who is not listed and can be read all the same.
    fn not_listed(&self) -> Vec<u32> {
        self.findings.iter().filter(|finding| finding.reachable).map(|finding| finding.pid).collect()
    }

    /// Whose folder in /proc is covered, by the table of mounts and by trying; and who does not open at all.
    fn note_covered(&mut self, host: &Host, gathering: &Gathering) {
        let (covers, is_read) = host.covered_processes();
        let numbers: BTreeSet<u32> = covers.keys().chain(gathering.hidden.keys()).copied().collect();
        for pid in numbers.into_iter().filter(|pid| covers.contains_key(pid) || host.answers(*pid)) {
            let does_not_open = gathering.hidden.get(&pid) == Some(&true);
            let by_mount = covers.contains_key(&pid).then_some("mountinfo");
            let tried = gathering.hidden.contains_key(&pid).then_some("opening");
            self.findings.push(FindingRow {
                finding: if does_not_open { "does_not_open" } else { "covered" },
                pid,
                reachable: is_read && !does_not_open,
                seen_in: by_mount.into_iter().chain(tried).map(str::to_owned).collect(),
            });
        }
        self.findings.sort_by_key(|finding| finding.pid);
    }

    fn seal(&self, run: &mut Run<'_, '_>) -> Result<Option<EntryId>, Halt> {
        let mut rows = Vec::new();
        for (boottime_ns, view, pids, up_to) in &self.taken {
            json::row(&mut rows, &ViewRow { boottime_ns: *boottime_ns, pids, up_to: *up_to, view })?;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let from = Source::text("/proc, getpriority(2), cgroup.procs");
        let mut draft = Draft::new(Kind::Capture, from, run.intake.now());
        draft.title = Some("Numbers of processes, as each view of the kernel shows them".into());
        run.intake.capture(Member::of_live(ID, "views.jsonl"), draft, rows).map(Some)
    }
}

impl Gathering {
    /// Numbers that the processes themselves name, by who names them.
    fn mentioned(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.rows.briefs.iter().flat_map(|row| {
            let named = [
                ("parent", row.parent),
                ("session", row.session),
                ("process group", row.group),
                ("tracer", row.tracer),
            ];
            named.into_iter().filter_map(|(view, number)| Some((view, number?)))
        })
    }
}

/// The table of processes. It is made while it is written: all of it at once would be too much.
fn processes(
    run: &mut Run<'_, '_>,
    gathering: &mut Gathering,
    findings: &[FindingRow],
    made_from: &[EntryId],
) -> Result<EntryId, Halt> {
    let taken = run.intake.now();
    let mut draft = Draft::new(Kind::Derived, source(), taken);
    draft.title = Some("Table of processes".into());
    draft.derived_from = made_from.to_vec();
    let vanished = gathering.rows.briefs.iter().filter(|row| row.vanished).count();
    if vanished > 0 {
        let words = format!(
            "processes that ended between being listed and being read, as their rows say: {vanished}"
        );
        draft = draft.ended(Outcome::Collected, Reason::new(ReasonCode::Vanished, words));
    }
    run.intake.begin_member(Member::of_live(ID, "processes.jsonl"), draft)?;
    let mut bytes = Vec::with_capacity(PIECE + (PIECE >> 2));
    gathering.rows.write(findings, |row| {
        bytes.extend_from_slice(&row);
        if bytes.len() >= PIECE {
            run.intake.write(std::mem::take(&mut bytes))?;
        }
        Ok(())
    })?;
    run.intake.write(bytes)?;
    run.intake.end_member(|_| ())
}
