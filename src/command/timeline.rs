//! `timeline`: every dated fact of a bundle, an image or plain files, in one order.

mod coverage;
mod logins;
mod pile;
mod sources;
mod tabled;
mod texts;
mod whose;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;

use super::asked::{TimeWindow, Users, WhoArgs, WindowArgs};
use super::evidence::{Evidence, EvidenceArgs, What};
use crate::clock::{Clock as _, SystemClock};
use crate::records::accounts;
use crate::seal::spill::Sorter;
use crate::term::{Exit, Failure, Voice};
use crate::view::events::Own;
use crate::view::timeline::Asked;
use coverage::Coverage;
use pile::Pile;

/// Bytes of facts that are sorted in memory; what is more waits on the disk, encrypted.
const MEMORY: usize = 16 << 20;

/// The kinds of logs that a timeline rests on.
const LOGS: [What; 5] = [What::Audit, What::Auth, What::Wtmp, What::Btmp, What::Journal];

/// Put every dated fact into one order
///
/// Reads a sealed bundle, the folder of an opened one, the root of an image, or plain files, and prints whatever has a time, the
/// earliest first: audit events, what programs said of logins, journals, login records, processes, times of files, and
/// the steps of the collection. Each has the entry that holds it. What the collection itself did is labelled
/// 'collector'; another program of the same name is not. What does not fit into memory waits in a file without a name,
/// encrypted under a key that only this process has. Statements without a time are counted on stderr.
///
/// Exit status: 0 answered, 3 answered with gaps, where a time was asked for or nothing matched; 4 the bundle is not as it
/// was sealed, 1 error, 2 usage.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    who: WhoArgs,
    /// How facts are printed; by default as a table on a terminal, else as JSON Lines
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Where what does not fit into memory waits, encrypted; by default the system's folder for such files
    #[arg(long, value_name = "DIR")]
    temp: Option<PathBuf>,
    /// Bytes that are sorted in memory
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = MEMORY)]
    memory: usize,
}

/// How facts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object for each fact
    Jsonl,
    /// For spreadsheets
    Csv,
    /// JSON Lines that Timesketch imports
    Timesketch,
    /// CSV that Timesketch imports
    TimesketchCsv,
    /// Files alone, as mactime(1) of sleuthkit reads them: mactime -b
    Bodyfile,
}

/// Tells the timeline.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let now = SystemClock.moment().utc;
    // What is wrong with the question is told before anything is read.
    args.window.window(now)?;
    args.asked(TimeWindow::default(), args.who.named_users(b"")?)?;
    let mut evidence = args.evidence.gather(&LOGS, now, voice)?;
    let format = args.format(voice);
    if format == Format::Bodyfile && evidence.bundle.is_none() {
        return Err(Failure::usage("a body file is made of what a bundle lists, and none was named")
            .hint("name a bundle with -i, or choose another --format"));
    }
    let window = args.window.window(evidence.collected.unwrap_or(now))?;
    let passwd = evidence.passwd();
    let known: BTreeSet<Vec<u8>> = accounts::numbers(&passwd).into_keys().collect();
    evidence.temp = args.temp.clone().unwrap_or(evidence.temp);
    let mut coverage = Coverage::of(&evidence, args.evidence.is_plain());
    let mut users = args.who.named_users(&passwd)?;
    whose::complete(&evidence, &mut users, &mut coverage)?;
    let sorter = Sorter::new(args.memory, &evidence.temp);
    let mut pile =
        Pile::new(format, args.asked(window, users)?, own(&evidence), known, (sorter, evidence.temp.clone()));
    sources::read(&evidence, format == Format::Bodyfile, &mut pile, &mut coverage)?;
    let told = pile.print(voice)?;
    coverage.tell(&told, window, voice);
    let is_asked = window.is_asked() || told.shown == 0;
    let has_gaps = !coverage.is_whole() || !coverage.beyond(window).is_empty();
    Ok(if is_asked && has_gaps { Exit::Gaps } else { Exit::Done })
}

/// The process that collected, where it ran on the examined host.
fn own(evidence: &Evidence) -> Option<Own> {
    evidence.own_process().map(|(pid, from, to)| Own { pid, from, to })
}

impl Args {
    fn format(&self, voice: Voice) -> Format {
        let default = if voice.json || !Voice::is_read_by_people() { Format::Jsonl } else { Format::Table };
        self.format.unwrap_or(default)
    }

    fn asked(&self, window: TimeWindow, users: Users) -> Result<Asked, Failure> {
        let Users { names, numbers, .. } = users;
        let addresses = self.who.addresses()?;
        if self.format == Some(Format::Bodyfile)
            && !(names.is_empty() && numbers.is_empty() && addresses.is_empty())
        {
            return Err(Failure::usage("a body file has files alone, without who logged in from where")
                .hint("leave out --user and --addr, or choose another --format"));
        }
        Ok(Asked {
            since: window.since,
            until: window.end(),
            users: names,
            auids: numbers,
            paths: self.who.paths()?,
            addresses,
        })
    }
}
