//! `logins`: who tried to log in, who was let in, and the sessions, from a bundle, an image or plain files.

mod answer;
mod asked;
mod coverage;
mod hearing;

use super::asked::WindowArgs;
use super::evidence::{EvidenceArgs, What};
use super::recorded;
use crate::clock::{Clock as _, SystemClock};
use crate::term::{Exit, Failure, Voice};
use answer::{Answer, Format};
use asked::{Asked, By};
use coverage::Coverage;
use hearing::Hearing;

/// Kinds of evidence that tell of logins; of others, as of living sessions, is not told that they are not here.
const WANTED: [What; 5] = [What::Audit, What::Auth, What::Wtmp, What::Btmp, What::Journal];

/// Logins and tries to log in, or sessions
///
/// Reads a sealed bundle, the root of an image, or plain files. Prints for each account, and for each address or terminal,
/// how many connections there were, which tries were accepted and rejected by which method, and how many records tell of
/// them in each log: three figures that are never one, for a try can have several records, and a connection several tries.
/// With --sessions, a row for each login: who, from where, by which means, from when to when. What the answer rests on is
/// told on stderr.
///
/// Exit status: 0 answered, 3 answered with gaps, where a time was asked for or nothing was found; 4 the bundle is not as
/// it was sealed, 1 error, 2 usage.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    asked: asked::AskedArgs,
    /// A row for each session, instead of counts
    #[arg(long)]
    sessions: bool,
    /// Counts of accounts alone, or of sources (addresses and terminals) alone
    #[arg(long, value_name = "account|source", conflicts_with = "sessions")]
    by: Option<By>,
    /// Show names that look like passwords typed where a name belongs; they are masked otherwise
    #[arg(long, conflicts_with = "sessions")]
    show_masked: bool,
    /// How rows are printed; by default as a table on a terminal, else as JSON Lines
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

/// Answers.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let now = SystemClock.moment().utc;
    // What is wrong with the question is told before anything is read.
    args.window.window(now)?;
    args.asked.check()?;
    let zone = args.asked.zone()?;
    let mut evidence = args.evidence.gather(&WANTED, now, voice)?;
    let mut coverage = Coverage::of(&evidence, args.evidence.is_plain());
    if let Some((zone, words)) = zone {
        evidence.zone = Some(zone);
        coverage.zone = words;
    }
    let window = args.window.window(evidence.collected.unwrap_or(now))?;
    let passwd = evidence.passwd();
    let asked = Asked::new(&args.asked, window, &passwd);
    coverage.notes.extend(asked.unnamed.iter().map(|user| {
        format!("--user {user}: which name that is, is not known here; logs that have names alone were not searched for it")
    }));
    let mut hearing = Hearing::new(&asked, &passwd, &mut coverage);
    let recorded = recorded::sessions(&evidence, now, &mut hearing)?;
    hearing.failed_logins(&evidence, now)?;
    let heard = hearing.finish();
    coverage.learn(&recorded, window);
    let mut answer = Answer::new(args.format.unwrap_or_else(|| Format::usual(voice)), voice);
    let found = if args.sessions {
        answer.sessions(&recorded.joined, &asked, &heard.counted)?
    } else {
        answer.counts(&heard.counted, args.by, args.show_masked)?
    };
    answer.findings(&heard)?;
    answer.end();
    coverage.tell(found, window, voice);
    let has_gaps = !coverage.is_whole() || !coverage.beyond(window).is_empty();
    let is_asked = window.is_asked() || found.is_nothing();
    Ok(if is_asked && has_gaps { Exit::Gaps } else { Exit::Done })
}
