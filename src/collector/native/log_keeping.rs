//! Which of text, journal or neither this host keeps of logins, and from when on: by what was sealed, and not by what
//! the configuration promises.

mod reach;

use super::auth_logs::{self, TextLog};
use super::journal::{self, Journal};
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::custody::rows::keeping::{Keeping, KeepingSource};
use crate::intake::Halt;
use reach::{Covered, of_journals, of_texts};

const COLLECTOR: &str = "log-keeping";

/// The collectors whose copies it speaks of.
const OF: [&str; 2] = ["auth-logs", "journal"];

/// Says it in one document.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    run.intake.forget_kept();
    let source = || Source::text("sealed text logs and journals");
    let took_part = |id: &str| run.plan.collectors().any(|one| one.id == id);
    if !OF.iter().all(|id| took_part(id)) {
        let words = "the text logs or the journal were not part of this run, so that nothing can be said of what this host \
            keeps; auth-logs and journal belong together";
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::CoverageUnknown, words))?;
        return Ok(());
    }
    let (texts, journals) = (auth_logs::sealed(run), journal::sealed(run));
    let (texts, odd): (Vec<TextLog>, Vec<TextLog>) = texts.into_iter().partition(holds_logins);
    let journals: Vec<Journal> = journals.into_iter().filter(Journal::holds_logins).collect();
    let window = run.intake.window().clone();
    let sources: Vec<KeepingSource> =
        [of_texts(&texts, &window), of_journals(&journals, &window)].into_iter().flatten().collect();
    let (keeping, ending) = statement(run, &texts, &odd, sources);
    let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
    draft.title = Some("What this host keeps of logins".into());
    let read = texts.iter().chain(&odd).map(|log| log.copy.entry);
    let mut made_of: Vec<EntryId> = read.chain(journals.iter().map(|journal| journal.copy.entry)).collect();
    made_of.sort();
    draft.derived_from = made_of;
    if let Some((outcome, code)) = ending {
        draft = draft.ended(outcome, Reason::new(code, keeping.words.clone()));
    }
    run.intake.capture(Member::of_live(COLLECTOR, "keeping.json"), draft, json::document(&keeping)?)?;
    Ok(())
}

/// A log for authentication of which a record can be read, or that is compressed in a way that hides whether it can.
fn holds_logins(log: &TextLog) -> bool {
    log.is_authentication && (log.summary.holds_records() || log.summary.unread.is_some())
}

/// The statement, and how its entry ends where that is more than that it is there.
fn statement(
    run: &Run<'_, '_>,
    texts: &[TextLog],
    odd: &[TextLog],
    sources: Vec<KeepingSource>,
) -> (Keeping, Option<(Outcome, ReasonCode)>) {
    let has = |kind: &str| sources.iter().any(|source| source.source == kind);
    let keeps = match (has("text"), has("journal")) {
        (true, true) => "both",
        (true, false) => "text",
        (false, true) => "journal",
        (false, false) => "neither",
    };
    let covered = Covered::any(&sources);
    let mut words = match keeps {
        "neither" => vec![
            "neither a text log of authentication nor a journal of this host's system with a record in it was sealed: from \
             logs no login can be shown here, and none can be excluded"
                .to_owned(),
        ],
        _ => sources.iter().map(|source| source.words.clone()).collect(),
    };
    let unlike = odd.iter().filter(|log| log.is_authentication).count() as u64;
    if unlike > 0 {
        let files = counted(unlike, "file");
        words.push(format!("{files} with the name of such a log hold no line whose time could be read"));
    }
    if !texts.is_empty() && !texts.iter().any(|log| log.rotation.is_none()) {
        words.push("the log that is being written is not among them".into());
    }
    let refused = refused(run);
    words.extend(refused.as_ref().map(|(words, _)| words.clone()));
    let ending = match (keeps, covered) {
        ("neither", _) => {
            let code = refused.map(|(_, code)| code);
            let unread = (unlike > 0).then_some(ReasonCode::NotParsed);
            Some((Outcome::Inconclusive, code.or(unread).unwrap_or(ReasonCode::NotFound)))
        }
        (_, Covered::Yes) => None,
        (_, Covered::No) => Some((Outcome::Collected, ReasonCode::WindowNotCovered)),
        (_, Covered::Unknown) => Some((Outcome::Collected, ReasonCode::CoverageUnknown)),
    };
    let window = run.intake.window();
    let keeping = Keeping {
        covered: covered.word(),
        keeps,
        sources,
        window_from: window.from,
        window_to: window.to,
        words: words.join("; "),
    };
    (keeping, ending)
}

/// What was there and could not be taken.
fn refused(run: &Run<'_, '_>) -> Option<(String, ReasonCode)> {
    let gaps = run.intake.ledger().gaps().iter().filter(|gap| OF.contains(&gap.collector.as_str()));
    let hiding = [Outcome::Denied, Outcome::Failed, Outcome::TimedOut, Outcome::Truncated, Outcome::Changed];
    let gaps: Vec<_> = gaps.filter(|gap| hiding.contains(&gap.outcome)).collect();
    let first = gaps.first()?;
    let more = counted(gaps.len() as u64, "log");
    let words = format!("{more} could not be taken, or not wholly, the first because: {}", first.reason);
    Some((words, first.reason_code.unwrap_or(ReasonCode::Unknown)))
}
