//! `access`: whose PHI was touched, by whom, from where, from a bundle, an image or plain files.
//!
//! The audit logs are read twice: for the sessions and for what they cover, and for the accesses, each of which is then
//! attributed to a session. Nothing is held of a log but what is asked for. What journals have beyond them is read among
//! their lines, both times the same, so that boots are counted the same.

mod answer;
mod covered;
mod known;

use clap::ValueEnum;

use super::asked::{TimeWindow, UNSET, WhoArgs, WindowArgs};
use super::evidence::{Evidence, EvidenceArgs, What};
use super::recorded::{self, Passes, Recorded, Wanted, audit_lines, audit_logs};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::custody::rows::access::AccessRow;
use crate::records::audit_event::operation::Op;
use crate::records::audit_event::{Assembler, Counts, Event, Heard, Steady};
use crate::term::{Exit, Failure, Voice};
use crate::view::access::{Access, Counted, Filter, Question};
use crate::view::coverage::doubts;
use answer::Answer;
use covered::Covered;

/// Tell who touched PHI, and from where
///
/// Reads the audit logs of a sealed bundle, the root of an image, or plain files, and prints every access to a PHI folder:
/// when, who, from where, by which program, what was done to which file, how often, and how well it is known whose it was.
/// A1: the audit log has one login of this session, with its address; A2: and the text of the program that let in agrees;
/// B: by process and time alone; C: several sessions are possible; D: the login identity is known and its origin is not;
/// E: no login identity. "Opened for reading" is no more than that: what was read, and whether, no audit log says. Rows come
/// in the order in which they are complete.
///
/// What the answer rests on is told on stderr: an empty one means only what was recorded, and read.
///
/// Exit status: 0 answered, 3 answered with gaps, where a time was asked for or nothing was found; 4 the bundle is not as it
/// was sealed, 1 error, 2 usage.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    who: WhoArgs,
    /// Where this was done, as read, write, create, delete, rename, chmod; write is whatever was opened or changed so that its
    /// content may be another (readwrite, append, truncate, create, alloc too), read is readwrite too
    #[arg(long, value_name = "OP")]
    op: Vec<String>,
    /// A summary instead: of each actor, or of each file
    #[arg(long, value_name = "actor|file", conflicts_with = "paths")]
    by: Option<By>,
    /// How it is printed; by default as a table on a terminal, else as JSON Lines
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Name files to a SIEM by their paths, which may name patients, and not by numbers
    #[arg(long)]
    paths: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Actor,
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object for each row
    Jsonl,
    /// For spreadsheets
    Csv,
    /// Syslog lines (RFC 5424), for a SIEM
    Syslog,
    /// The Elastic Common Schema, for a SIEM
    Ecs,
}

/// Answers.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let now = SystemClock.moment().utc;
    // What is wrong with the question is told before anything is read.
    args.check(now)?;
    let wanted = [&recorded::WANTED[..], &[What::Passwd, What::Walk]].concat();
    let evidence = args.evidence.gather(&wanted, now, voice)?;
    let window = args.window.window(evidence.collected.unwrap_or(now))?;
    let question = args.question(&evidence, window)?;
    let mut covered = Covered::new(&evidence, now);
    let recorded = recorded::sessions(&evidence, now, &mut covered)?;
    let mut answer = Answer::new(args.format(voice), args.paths, &evidence.phi_roots, voice);
    let statement = covered.statement(&evidence, window);
    let question = Question { doubts: doubts(&statement), ..question };
    let mut access = Access::new(question, &recorded.joined.sessions);
    covered.unknown(known::tell(&evidence, &mut access)?);
    let find = |row: &mut dyn FnMut(AccessRow)| accesses(&evidence, &recorded, access, row);
    let (counted, events) = match args.by {
        Some(_) => find(&mut drop)?,
        None => answer.rows(find)?,
    };
    let found = counted.totals.classified;
    match args.by {
        Some(By::Actor) => counted.actors.iter().for_each(|row| answer.summary(row)),
        Some(By::File) => counted.files().for_each(|row| answer.summary(&row)),
        None => {}
    }
    answer.end()?;
    let is_whole = covered.tell(&statement, &evidence, (&recorded, &events), &counted.totals, voice);
    let is_asked = window.is_asked() || found == 0;
    Ok(if is_asked && !is_whole { Exit::Gaps } else { Exit::Done })
}

impl Args {
    fn check(&self, now: Timestamp) -> Result<(), Failure> {
        self.window.window(now)?;
        self.who.paths()?;
        self.who.addresses()?;
        self.ops()?;
        if self.by.is_some() && matches!(self.format, Some(Format::Syslog | Format::Ecs)) {
            return Err(Failure::usage("a SIEM takes accesses, and no summary of them")
                .hint("leave --by out, or print the summary with --format jsonl or csv"));
        }
        Ok(())
    }

    fn format(&self, voice: Voice) -> Format {
        let default = if voice.json || !Voice::is_read_by_people() { Format::Jsonl } else { Format::Table };
        self.format.unwrap_or(default)
    }

    fn ops(&self) -> Result<Vec<Op>, Failure> {
        let read = |word: &String| {
            Op::of_word(word).ok_or_else(|| {
                let words: Vec<&str> = Op::ALL.into_iter().map(Op::word).collect();
                Failure::usage(format!("--op: {word:?} is nothing that is done to files"))
                    .hint(format!("one of {}", words.join(", ")))
            })
        };
        let ops: Vec<Op> = self.op.iter().map(read).collect::<Result<_, _>>()?;
        Ok(ops.into_iter().flat_map(meant).collect())
    }

    fn question(&self, evidence: &Evidence, window: TimeWindow) -> Result<Question, Failure> {
        if evidence.phi_roots.is_empty() && evidence.phi_keys.is_empty() {
            return Err(Failure::usage(
                "it is not known what holds PHI: the evidence names no folder and no audit key",
            )
            .hint(
                "name the folders with --phi DIR, or the key of the rules that watch them with --phi-key KEY",
            ));
        }
        let roots = evidence.phi_roots.iter().map(|root| root.as_bytes().to_vec()).collect();
        let users = self.who.users(&evidence.passwd())?;
        Ok(Question {
            window: window.is_asked().then(|| {
                let (first, last) =
                    (Timestamp::from_unix(0, 0), Timestamp::from_unix(i64::from(u32::MAX), 0));
                (window.since.unwrap_or(first), window.end().unwrap_or(last))
            }),
            filter: Filter {
                auids: users.into_iter().map(|user| Some(user).filter(|user| *user != UNSET)).collect(),
                paths: self.who.paths()?.iter().map(|path| path.as_bytes().to_vec()).collect(),
                addresses: self.who.addresses()?.iter().map(|one| one.to_string().into_bytes()).collect(),
                ops: self.ops()?,
            },
            own: evidence.own_process().into_iter().collect(),
            ..Question::of(roots, evidence.phi_keys.clone())
        })
    }
}

/// Whoever asks for writing means whatever writes, and for reading whatever reads.
fn meant(op: Op) -> Vec<Op> {
    match op {
        Op::Read => vec![Op::Read, Op::ReadWrite],
        Op::Write => vec![Op::Write, Op::ReadWrite, Op::Append, Op::Truncate, Op::Create, Op::Alloc],
        other => vec![other],
    }
}

/// The second reading: the accesses, which go out as rows; and what is odd about their events.
fn accesses(
    evidence: &Evidence,
    recorded: &Recorded,
    mut access: Access<'_>,
    row: &mut dyn FnMut(AccessRow),
) -> Result<(Counted, Counts), Failure> {
    let wanted = Wanted { ahead: access.halves(), by_line: access.sieve(), lines: false };
    let events = if recorded.by_journal {
        let (mut assembler, mut file) = (Assembler::new(Steady(wanted.by_line)), None);
        let mut take = |event: Event| access.take(&event, row);
        audit_lines(evidence, &mut |log, line, offset| {
            if file.replace(log.number) != Some(log.number) {
                assembler.file(log.number);
            }
            assembler.line(line, offset, &mut take);
        })?;
        assembler.end(&mut take)
    } else {
        // What cannot be read was told when it was read first.
        audit_logs(evidence, &recorded.beside, wanted, &mut |passes| {
            if let Passes::Heard(Heard::Event(event)) = passes {
                access.take(&event, row);
            }
        })?
    };
    Ok((access.finish(row), events))
}
