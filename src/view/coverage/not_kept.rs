//! What text logs and journals say of records that were not kept. The kernel gives a record its number after it has found
//! room for it, so that what was lost for want of room leaves no gap in the numbers: only its own words tell of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Coverage;
use crate::clock::Timestamp;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::access::coverage::Sign;
use crate::custody::rows::audit_coverage::Lapse;
use crate::records::audit_log::NoteKind;
use crate::records::auth_text::not_kept::{NotKept, Unkept};
use crate::records::auth_text::{Message, Said};

/// What is said again within this time is told once.
const TOGETHER: Duration = Duration::from_secs(600);
/// How long after something was lost it may be said: a kernel that is short of room is late.
const LATE: Duration = Duration::from_secs(60);
/// Runs that are kept of what one kind of log says of one thing; what comes after lengthens the last of them.
const RUNS: usize = 40;

/// Whether a journal says it, which saw who does, or a text log, where anyone may write.
type IsJournal = bool;

/// What was said, in the making.
#[derive(Clone, Debug, Default)]
pub struct Told {
    runs: BTreeMap<(IsJournal, Unkept), Vec<Run>>,
}

/// The same, said once or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: Timestamp,
    last: Timestamp,
    times: u64,
    count: Option<u64>,
}

impl Told {
    fn take(&mut self, is_journal: IsJournal, told: NotKept, time: Timestamp, times: u32) {
        let runs = self.runs.entry((is_journal, told.kind)).or_default();
        let is_full = runs.len() >= RUNS;
        let near = |run: &&mut Run| is_full || time.since(run.last).max(run.first.since(time)) <= TOGETHER;
        match runs.last_mut().filter(near) {
            Some(run) => {
                (run.first, run.last) = (run.first.min(time), run.last.max(time));
                run.times = run.times.saturating_add(times.into());
                run.count = match (told.kind, run.count, told.count) {
                    // That one counts on by itself.
                    (Unkept::AuditLost, before, now) => before.max(now),
                    (_, before, None) => before,
                    (_, before, Some(now)) => Some(before.unwrap_or(0).saturating_add(now)),
                };
            }
            None => runs.push(Run { first: time, last: time, times: times.into(), count: told.count }),
        }
    }

    fn of(&self, wanted: fn(Unkept) -> bool) -> impl Iterator<Item = (IsJournal, Unkept, Run)> {
        let runs = self.runs.iter().filter(move |((_, kind), _)| wanted(*kind));
        runs.flat_map(|((is_journal, kind), runs)| runs.iter().map(|run| (*is_journal, *kind, *run)))
    }
}

impl Coverage {
    /// What a log says, of a program or of the kernel: that records or messages were not kept is taken up.
    pub fn said(&mut self, is_journal: bool, said: &Said) {
        if let (Message::NotKept(told), Some((time, _))) = (&said.message, said.time) {
            self.told.take(is_journal, *told, time, said.times.max(1));
        }
    }

    /// Adds the signs of it, and gives back for which times it means that audit records may be missing.
    pub(super) fn told(&mut self) -> Vec<Lapse> {
        let told = std::mem::take(&mut self.told);
        let (mut lapses, mut open) = (self.lost(&told), Vec::new());
        for (is_journal, _, run) in told.of(|kind| kind == Unkept::Suspended) {
            let lapse = self.suspended(&told, is_journal, run);
            // Of what began before the window, and goes on in it, the sign is wanted too.
            open.extend(lapse.is_some().then_some(run));
            lapses.extend(lapse);
        }
        let mut signs: Vec<Sign> = told
            .of(|_| true)
            .filter(|(_, kind, run)| self.meets(run) || *kind == Unkept::Suspended && open.contains(run))
            .map(|(is_journal, kind, run)| sign(is_journal, kind, &run))
            .collect();
        signs.sort_by_key(|sign| sign.time);
        signs.into_iter().for_each(|sign| self.sign(sign));
        lapses
    }

    fn meets(&self, run: &Run) -> bool {
        let (from, to) = self.window;
        run.last >= from && (run.first <= to || run.first.since(to) <= LATE)
    }

    /// A lapse, of what of it lies in the window.
    fn lapse(&self, code: ReasonCode, from: Timestamp, to: Timestamp, words: String) -> Lapse {
        let within = |time: Timestamp| time.min(self.window.1).max(self.window.0);
        Lapse { code, from: within(from), to: within(to), words }
    }

    /// When audit records were lost.
    fn lost(&self, told: &Told) -> Vec<Lapse> {
        let mut runs: Vec<_> = told.of(is_loss).filter(|(.., run)| self.meets(run)).collect();
        runs.sort_by_key(|(is_journal, _, run)| (*is_journal, run.first, run.last));
        // The kernel says that, and why, in a line each.
        runs.dedup_by(|(is_journal, _, later), (same, _, before)| {
            let is_same = is_journal == same && later.first.since(before.last) <= TOGETHER;
            if is_same {
                before.last = before.last.max(later.last);
            }
            is_same
        });
        let lapse = |(is_journal, _, run): (IsJournal, Unkept, Run)| {
            let words = format!("audit records were lost {}: {} says so", spoken(&run), log(is_journal));
            self.lapse(ReasonCode::RecordsLost, run.first, run.last, words)
        };
        runs.into_iter().map(lapse).collect()
    }

    /// Until when auditd wrote nothing; none where that was before the window, or after it.
    fn suspended(&self, told: &Told, is_journal: IsJournal, run: Run) -> Option<Lapse> {
        let (from, to) = self.window;
        let resumed = told.of(|kind| kind == Unkept::Resumed).flat_map(|(.., run)| [run.first, run.last]);
        let notes = self.files.iter().flat_map(|file| &file.summary.notes);
        let begun = notes.filter(|note| note.kind == NoteKind::DaemonStart).map(|note| note.id.time);
        let end = resumed.chain(begun).filter(|end| *end >= run.last).min();
        if run.first > to || end.is_some_and(|end| end < from) {
            return None;
        }
        let until = match end {
            Some(end) => format!("until {}", end.spoken()),
            None => "and when it began again is not said".to_owned(),
        };
        let (log, since) = (log(is_journal), run.first.spoken());
        let words = format!("auditd did not write from {since} on, {until}: {log} says so");
        Some(self.lapse(ReasonCode::RecordsLost, run.first, end.unwrap_or(to), words))
    }
}

/// Audit records were lost for certain.
fn is_loss(kind: Unkept) -> bool {
    use Unkept::{AuditLost, BacklogLimit, HoldQueue, NoDaemon, NoSpace, RateLimit};
    matches!(kind, AuditLost | BacklogLimit | HoldQueue | NoDaemon | NoSpace | RateLimit)
}

fn log(is_journal: IsJournal) -> &'static str {
    if is_journal { "the journal" } else { "the text log" }
}

fn spoken(run: &Run) -> String {
    let (first, last) = (run.first.spoken(), run.last.spoken());
    if first == last { format!("at {first}") } else { format!("between {first} and {last}") }
}

fn sign(is_journal: IsJournal, kind: Unkept, run: &Run) -> Sign {
    let again = match run.times {
        0 | 1 => String::new(),
        times => format!(" ({times} times until {})", run.last.spoken()),
    };
    let is_auditd = matches!(kind, Unkept::Suspended | Unkept::Resumed | Unkept::LowSpace | Unkept::NoSpace);
    let told = words(NotKept { kind, count: run.count });
    Sign {
        kind: if is_auditd { "suspended" } else { "loss" },
        time: run.first,
        words: format!("{} says that {told}{again}", log(is_journal)),
    }
}

/// What was not kept, for people.
pub fn words(told: NotKept) -> String {
    let messages = |what: &str| match told.count {
        Some(count) => counted(count, what),
        None => format!("{what}s"),
    };
    match told.kind {
        Unkept::AuditLost => format!("the kernel had lost {} in all", messages("audit record")),
        Unkept::BacklogLimit => {
            "the kernel lost audit records: more waited than its backlog limit allows".to_owned()
        }
        Unkept::RateLimit => "the kernel lost audit records: more came than its rate limit allows".to_owned(),
        Unkept::HoldQueue => "the kernel lost audit records that waited for auditd".to_owned(),
        Unkept::NoDaemon => "the kernel found auditd gone, and lost audit records".to_owned(),
        Unkept::Suspended => "auditd suspended logging".to_owned(),
        Unkept::Resumed => "auditd began to log again".to_owned(),
        Unkept::LowSpace => "auditd had little space left for its log".to_owned(),
        Unkept::NoSpace => "auditd had no space left for its log".to_owned(),
        Unkept::TextLimited => {
            "messages were dropped that came too fast: logins may be missing in the text logs".to_owned()
        }
        Unkept::TextLost => {
            format!(
                "{} of programs did not come into the logs: logins may be among them",
                messages("message")
            )
        }
        Unkept::KernelMissed => format!("{} of the kernel's did not come into the logs", messages("message")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, file};
    use super::super::{Coverage, CoverageStatement, lines};
    use super::*;
    use crate::records::audit_event::Place;
    use crate::records::auth_text::{TimeQuality, understand};
    use crate::view::coverage::Kernel;

    const KERNEL: &str = "audit: audit_lost=41 audit_rate_limit=0 audit_backlog_limit=64";
    const SUSPENDED: &str = "Audit daemon is suspending logging due to low disk space.";
    const RESUMED: &str = "Audit daemon resumed logging.";

    fn said(second: i64, tag: &str, message: &str) -> Said {
        Said {
            time: Some((at(second), TimeQuality::Exact)),
            host: Vec::new(),
            tag: tag.into(),
            pid: None,
            witness: None,
            place: Place { file: 0, offset: 0 },
            times: 1,
            message: understand(tag.as_bytes(), message.as_bytes()).unwrap(),
        }
    }

    /// What is covered from 1000 to 2000 of a log without a gap, where text logs say this.
    fn covered(told: &[(i64, &str, &str)]) -> CoverageStatement {
        let mut coverage = Coverage::new((at(1_000), at(2_000)), vec![b"phi".to_vec()]);
        coverage.file(file(
            "type=SYSCALL msg=audit(900.000:1): arch=c000003e syscall=2 success=yes exit=3 pid=5 key=(null)\n\
             type=SYSCALL msg=audit(2100.000:2): arch=c000003e syscall=2 success=yes exit=3 pid=5 key=(null)\n",
        ));
        let loaded = Some(BTreeMap::from([(b"phi".to_vec(), 1)]));
        coverage.kernel(Kernel { loaded, ..Kernel::default() });
        told.iter().for_each(|(second, tag, message)| coverage.said(false, &said(*second, tag, message)));
        coverage.finish()
    }

    fn gaps(statement: &CoverageStatement) -> Vec<(i64, i64)> {
        statement.gaps.iter().map(|gap| (gap.from.unix(), gap.to.unix())).collect()
    }

    #[test]
    fn a_log_is_not_complete_that_the_kernel_says_it_lost_records_of() {
        assert_eq!(covered(&[]).verdict, "complete");
        let statement = covered(&[
            (1_500, "kernel", KERNEL),
            (1_500, "kernel", "audit: backlog limit exceeded"),
            (1_501, "kernel", "audit: audit_lost=50 audit_rate_limit=0 audit_backlog_limit=64"),
        ]);
        assert_eq!((statement.verdict, gaps(&statement)), ("partial", vec![(1_500, 1_501)]));
        let kinds: Vec<&str> = statement.signs.iter().map(|sign| sign.kind).collect();
        assert_eq!(kinds, ["loss", "loss"]);
        let words = lines(&statement, 0).join("\n");
        for part in [
            "audit records were lost between 1970-01-01 00:25:00 UTC and 1970-01-01 00:25:01 UTC: the text log says so",
            "the text log says that the kernel had lost 50 audit records in all (2 times until",
            "the text log says that the kernel lost audit records: more waited",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("would have been recorded"), "{words}");
    }

    #[test]
    fn what_was_lost_at_other_times_or_is_of_logins_alone_leaves_it_complete() {
        let other = covered(&[(999, "kernel", KERNEL), (2_061, "kernel", KERNEL)]);
        assert_eq!((other.verdict, other.signs.len()), ("complete", 0));
        // It may be said late.
        assert_eq!(gaps(&covered(&[(2_060, "kernel", KERNEL)])), [(2_000, 2_000)]);
        let texts = covered(&[(1_500, "systemd-journald", "Suppressed 12 messages from a.service")]);
        assert_eq!((texts.verdict, texts.signs.len()), ("complete", 1));
        assert_eq!(texts.signs[0].kind, "loss");
    }

    #[test]
    fn auditd_did_not_write_until_it_says_so_or_begins_anew() {
        let told = |told: &[(i64, &str)]| {
            let told: Vec<_> = told.iter().map(|(second, words)| (*second, "auditd", *words)).collect();
            covered(&told)
        };
        assert_eq!(gaps(&told(&[(1_200, SUSPENDED), (1_300, RESUMED)])), [(1_200, 1_300)]);
        let open = told(&[(1_200, SUSPENDED)]);
        assert_eq!(gaps(&open), [(1_200, 2_000)]);
        assert!(lines(&open, 0).join("\n").contains("when it began again is not said"));
        // Before the window: over, and not over.
        let over = told(&[(500, SUSPENDED), (600, RESUMED)]);
        assert_eq!((gaps(&over), over.signs.len()), (vec![], 0));
        let open = told(&[(500, SUSPENDED)]);
        assert_eq!((open.verdict, open.signs.len(), open.signs[0].kind), ("unknown", 1, "suspended"));
    }

    #[test]
    fn a_flood_of_them_is_told_in_a_bounded_number_of_lines() {
        let mut told = Told::default();
        let lost = NotKept { kind: Unkept::TextLost, count: Some(1) };
        (0..10_000).for_each(|hour| told.take(false, lost, at(hour * 3_600), 1));
        let runs: Vec<Run> = told.of(|_| true).map(|(.., run)| run).collect();
        assert_eq!((runs.len(), runs.iter().map(|run| run.times).sum::<u64>()), (RUNS, 10_000));
        assert_eq!(runs[RUNS - 1].last, at(9_999 * 3_600));
    }
}
