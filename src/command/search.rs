//! `search`: audit events that match, from a bundle, an image or plain files.

mod coverage;
mod journals;
mod kinds;
mod order;

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::asked::{TimeWindow, WhoArgs, WindowArgs};
use super::evidence::{Evidence, EvidenceArgs, What};
use super::recorded::{KeptBeside, Passes, Wanted, audit_logs};
use crate::clock::{Clock as _, SystemClock};
use crate::records::accounts;
use crate::records::audit_event::{Counts, Event, Heard};
use crate::records::audit_log::witnesses::Witnesses;
use crate::records::audit_search::{Calls, Filter, Finds};
use crate::report::found::FoundRow;
use crate::report::rows::{Form, Printer, Row as _};
use crate::term::{Exit, Failure, Voice, counted, lost_result};
use coverage::{Coverage, Read};
use order::{Found, Order};

/// Bytes of the answer that are written at a time.
const PIECE: usize = 64 << 10;

/// Find events in audit logs
///
/// Reads a sealed bundle, the root of an image, or plain files, and prints the events that match: in the order of time,
/// whatever the files are called, rotated and compressed ones too. An event matches if one record of it, or several
/// together, match every filter that is given; of a filter that is given more than once, one is enough. Where there is no
/// audit log, the audit records that journald took are searched; with --audit and --journal, also what the journals have and
/// the audit logs lack. What the answer rests on is told on stderr: an empty one means only what was logged, and read.
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
    /// Written by a rule with this key, exactly
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// By a process of this user, by number, whoever logged in; --user asks for that
    #[arg(long, value_name = "UID")]
    uid: Vec<u32>,
    /// In this session of a login
    #[arg(long, value_name = "N")]
    session: Vec<u32>,
    /// With a record of this type, as SYSCALL or USER_LOGIN, or by its number
    #[arg(long = "type", value_name = "TYPE|N")]
    kind: Vec<String>,
    /// Of this system call
    #[arg(long, value_name = "NAME|N")]
    syscall: Vec<String>,
    /// That succeeded, or that did not
    #[arg(long, value_name = "yes|no")]
    success: Option<Success>,
    /// By this program, by its whole path
    #[arg(long, value_name = "PATH")]
    exe: Vec<String>,
    /// By a process that calls itself so
    #[arg(long, value_name = "NAME")]
    comm: Vec<String>,
    /// By this process
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// How events are printed; by default as a table on a terminal, else as JSON Lines
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Success {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Time and serial number of each event
    Ids,
    /// The records, byte for byte as they were logged
    Raw,
    /// One JSON object for each event
    Jsonl,
    /// For people
    Table,
    /// For spreadsheets
    Csv,
}

/// Searches.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let now = SystemClock.moment().utc;
    // What is wrong with the question is told before anything is read.
    args.window.window(now)?;
    args.filter(TimeWindow::default(), Vec::new())?;
    let evidence = args.evidence.gather(&[What::Audit, What::Journal], now, voice)?;
    let window = args.window.window(evidence.collected.unwrap_or(now))?;
    let passwd = evidence.passwd();
    let filter = args.filter(window, args.who.users(&passwd)?)?;
    let mut answer = Answer::new(args.format(voice), &passwd, voice);
    let mut order = Order::new(answer.format);
    let mut coverage = Coverage::of(&evidence, args.evidence.is_plain());
    search(&evidence, &filter, &mut order, &mut coverage)?;
    order.give(|event| answer.found(event))?;
    let found = answer.end()?;
    coverage.tell(found, window, voice);
    let is_asked = window.is_asked() || found == 0;
    let has_gaps = !coverage.is_whole() || window.is_asked() && !coverage.beyond(window).is_empty();
    Ok(if is_asked && has_gaps { Exit::Gaps } else { Exit::Done })
}

impl Args {
    fn format(&self, voice: Voice) -> Format {
        let default = if voice.json || !Voice::is_read_by_people() { Format::Jsonl } else { Format::Table };
        self.format.unwrap_or(default)
    }

    fn calls(&self) -> Result<Calls, Failure> {
        Calls::of(&self.syscall).map_err(|name| {
            Failure::usage(format!("--syscall: no machine has a call named {name:?}"))
                .hint("give its number, as it stands in the log")
        })
    }

    fn filter(&self, window: TimeWindow, users: Vec<u32>) -> Result<Filter, Failure> {
        let bytes = |texts: &[String]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Ok(Filter {
            keys: bytes(&self.key),
            auids: users,
            uids: self.uid.clone(),
            sessions: self.session.clone(),
            kinds: kinds::read(&self.kind)?,
            syscalls: self.calls()?,
            success: self.success.map(|success| matches!(success, Success::Yes)),
            exes: bytes(&self.exe),
            comms: bytes(&self.comm),
            pids: self.pid.clone(),
            hosts: self.who.addresses()?.iter().map(|address| address.to_string().into_bytes()).collect(),
            paths: self.who.paths()?,
            since: window.since,
            until: window.end(),
        })
    }
}

/// Reads log by log; what cannot be read is part of the coverage, and the others are read all the same.
fn search(
    evidence: &Evidence,
    filter: &Filter,
    order: &mut Order,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    let (sieve, mut undecided) = (filter.sieve(), 0);
    let mut take = |event: Event| match filter.finds(&event) {
        Finds::Yes => order.event(&event),
        Finds::Maybe => undecided += 1,
        Finds::No => {}
    };
    let look = |kind: &[u8], line: &[u8]| sieve.wants(kind, line);
    let counts = match coverage.by_journal {
        true => journals::alone(evidence, look, &mut take, coverage)?,
        false => logs(evidence, look, &mut take, coverage)?,
    };
    coverage.notes.extend(notes(&counts));
    if undecided > 0 {
        let events = counted(undecided, "event");
        coverage.notes.push(format!(
            "{events} may be asked for too: what would decide that is not in the log (of a name where it begins, of an open file \
             its name, of io_uring who asked for it); access --phi DIR finds what other events tell of such files"
        ));
    }
    Ok(())
}

/// The audit logs; and of journals what these lack, if somebody named them together.
fn logs<L>(
    evidence: &Evidence,
    look: L,
    take: &mut dyn FnMut(Event),
    coverage: &mut Coverage,
) -> Result<Counts, Failure>
where
    L: Fn(&[u8], &[u8]) -> bool + Copy + Send,
{
    let beside = match coverage.is_plain {
        true => journals::beside(evidence, coverage)?,
        false => KeptBeside::none(Witnesses::default()),
    };
    let wanted = Wanted { ahead: (look, ()), by_line: look, lines: false };
    let counts = audit_logs(evidence, &beside, wanted, &mut |passes| match passes {
        Passes::Heard(Heard::Event(event)) => take(event),
        Passes::Ends(log, told, failure) => coverage.read.push(Read::of(log, told, failure)),
        Passes::Begins(_) | Passes::Heard(_) => {}
    })?;
    coverage.notes.extend(beside.untold());
    Ok(counts)
}

/// What of the events is odd.
pub fn notes(counts: &Counts) -> Vec<String> {
    let odd = [
        (counts.conflicts, "event", "of which two logs say different things; both are shown"),
        (counts.late, "record", "that came long behind the others of their events"),
        (counts.cut_off, "event", "given up before all of their records were there, for want of room"),
        (counts.forgotten, "event", "no longer remembered, so that copies of them would be found twice"),
        (counts.nodes_left, "machine", "whose boots were not told apart"),
    ];
    let told = odd.into_iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, what, words)| format!("{} {words}", counted(count, what))).collect()
}

/// The answer while it is printed.
struct Answer {
    format: Format,
    printer: Printer,
    names: BTreeMap<u32, Vec<u8>>,
    out: Vec<u8>,
    last_id: Vec<u8>,
    found: u64,
    voice: Voice,
    lost: Option<Failure>,
}

impl Answer {
    fn new(format: Format, passwd: &[u8], voice: Voice) -> Answer {
        let form = match format {
            Format::Table => Form::Table,
            Format::Csv => Form::Csv,
            Format::Ids | Format::Raw | Format::Jsonl => Form::Jsonl,
        };
        Answer {
            format,
            printer: Printer::new(form, FoundRow::COLUMNS),
            names: accounts::names(passwd),
            out: Vec::new(),
            last_id: Vec::new(),
            found: 0,
            voice,
            lost: None,
        }
    }

    /// The next event; false if nobody takes the answer any more.
    fn found(&mut self, found: Found) -> bool {
        match found {
            // Records that came late can be an event of their own: its number is told once.
            Found::Id(id) if id == self.last_id => return true,
            Found::Id(id) => {
                self.out.extend_from_slice(&id);
                self.last_id = id;
            }
            Found::Raw(lines) => self.out.extend_from_slice(&lines),
            Found::Event(event) => {
                let row = FoundRow::of(&event, &self.names);
                let printed = self.printer.row(&row, &mut self.out);
                self.lost = self.lost.take().or(printed.err().map(Failure::from));
            }
        }
        self.found += 1;
        if self.out.len() >= PIECE {
            self.voice.bytes(&self.out);
            self.out.clear();
        }
        self.lost.is_none() && lost_result().is_none()
    }

    /// All is found: how much it was.
    fn end(mut self) -> Result<u64, Failure> {
        if matches!(self.format, Format::Jsonl | Format::Table | Format::Csv) {
            self.printer.end::<FoundRow>(&mut self.out);
        }
        self.voice.bytes(&self.out);
        self.lost.map_or(Ok(self.found), Err)
    }
}
