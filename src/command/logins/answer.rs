//! The answer as it is printed.

use clap::ValueEnum;
use serde::Serialize;

use super::asked::{Asked, By};
use super::coverage::Found;
use super::hearing::Heard;
use crate::custody::json;
use crate::custody::rows::login_views::{LoginCountRow, LoginSessionRow, SignRow};
use crate::path::shown;
use crate::records::login_pairing::SignKind;
use crate::report::logins::{of_counts, of_session, without_time};
use crate::report::rows::{Form, Printer, Row};
use crate::report::siem::{SiemEvent, ecs, syslog};
use crate::term::{Failure, Voice, counted};
use crate::view::login_sessions::Joined;
use crate::view::logins::{Counted, Dated};

/// Bytes of the answer that are written at a time.
const PIECE: usize = 64 << 10;
/// Findings of a kind that are told one by one on stderr; as rows all are printed that are kept.
const TOLD: usize = 20;

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON object for each row; findings are rows too
    Jsonl,
    /// For spreadsheets
    Csv,
    /// RFC 5424 lines for a SIEM
    Syslog,
    /// Elastic Common Schema, one JSON object for each event
    Ecs,
}

impl Format {
    /// The usual one: for whom the answer is read by.
    pub fn usual(voice: Voice) -> Format {
        if voice.json || !Voice::is_read_by_people() { Format::Jsonl } else { Format::Table }
    }

    fn form(self) -> Form {
        match self {
            Format::Table => Form::Table,
            Format::Csv => Form::Csv,
            Format::Jsonl | Format::Syslog | Format::Ecs => Form::Jsonl,
        }
    }
}

/// The events that a row is told by.
struct Events {
    list: Vec<SiemEvent>,
    /// The machine that they are of.
    host: String,
    /// Such as could not be made, for want of a time.
    timeless: usize,
}

/// Prints.
pub struct Answer {
    format: Format,
    voice: Voice,
    out: Vec<u8>,
}

impl Answer {
    /// With nothing printed yet.
    pub fn new(format: Format, voice: Voice) -> Answer {
        Answer { format, voice, out: Vec::new() }
    }

    /// The sessions that are asked for.
    pub fn sessions(&mut self, joined: &Joined, asked: &Asked, counted: &Counted) -> Result<Found, Failure> {
        let rows = joined.sessions.iter().filter(|session| asked.holds(session)).map(|session| session.row());
        let events = |row: &LoginSessionRow| {
            let list = of_session(row, &|name| counted.is_masked(name));
            let host = row.host.as_ref().map(|host| host.text.clone()).unwrap_or_default();
            Events { timeless: usize::from(list.is_empty()), list, host }
        };
        Ok(Found { rows: self.rows(rows, |row| row, events)?, what: "session", of: "" })
    }

    /// The counts; those of all that is counted are no row of their own where nothing is.
    pub fn counts(&mut self, counted: &Counted, by: Option<By>, unmasked: bool) -> Result<Found, Failure> {
        let is_wanted = |row: &LoginCountRow| match by {
            None => true,
            Some(By::Account) => matches!(row.by, "account" | "other_accounts"),
            Some(By::Source) => matches!(row.by, "source" | "other_sources"),
        };
        // A receiver that adds up must not meet the same try twice.
        let once = |row: &LoginCountRow| match self.format {
            Format::Syslog | Format::Ecs => row.by != "all" && (by.is_some() || row.by.contains("account")),
            _ => true,
        };
        let anything = !counted.total.is_empty();
        let is_printed = |told: &Dated| anything && is_wanted(&told.row) && once(&told.row);
        let rows: Vec<Dated> = counted.dated(unmasked).filter(is_printed).collect();
        let masked = rows.iter().filter(|told| told.row.masked).count() as u64;
        if masked > 0 {
            let names = crate::term::counted(masked, "name");
            self.voice.say(format!(
                "{names} masked: they look like passwords typed where a name belongs; --show-masked shows them"
            ));
        }
        let events = |told: &Dated| Events {
            list: of_counts(told),
            host: String::new(),
            timeless: without_time(told),
        };
        let found = self.rows(rows.into_iter(), |told| &told.row, events)?;
        Ok(Found { rows: found, what: "row", of: " of tries to log in" })
    }

    /// Where logs contradict one another, and signs of wiping: as rows among JSON Lines, else on stderr.
    pub fn findings(&mut self, heard: &Heard) -> Result<(), Failure> {
        let differences = heard.differences.findings.iter();
        let signs = heard.signs.iter().map(|sign| SignRow {
            count: sign.count,
            file: sign.place.file,
            offset: sign.place.offset,
            schema: "phi-ir.login-sign/1",
            sign: sign.kind.word(),
        });
        if self.format == Format::Jsonl {
            differences.clone().try_for_each(|finding| self.json(&finding.row()))?;
            signs.clone().try_for_each(|sign| self.json(&sign))?;
        } else {
            for finding in differences.clone().take(TOLD) {
                let (file, offset) = (finding.place.file, finding.place.offset);
                let (time, words) = (finding.time.spoken(), &finding.words);
                self.voice.warn(format!("{time}, [{file}] byte {offset}: {}", shown(words.as_bytes())));
            }
            for sign in signs.clone().take(TOLD) {
                let SignRow { count, file, offset, sign, .. } = sign;
                let of = if sign == SignKind::MissingIds.word() { "row" } else { "byte" };
                self.voice.warn(format!(
                    "login records, [{file}] {of} {offset}: {sign}, {count}; wiping leaves this, and so do other things \
                     (docs/tables.md)"
                ));
            }
        }
        let told = if self.format == Format::Jsonl { usize::MAX } else { TOLD };
        self.more(
            differences.len(),
            told,
            heard.differences.more,
            "finding",
            "where text and journal differ",
        );
        self.more(heard.signs.len(), told, heard.signs_left, "sign", "in login records");
        let lost = heard.differences.left_out;
        if lost > 0 {
            let lines = counted(lost, "line");
            self.voice.warn(format!(
                "{lines} of texts and journals not compared with one another, for want of room"
            ));
        }
        Ok(())
    }

    fn more(&self, kept: usize, told: usize, left: u64, what: &str, words: &str) {
        let more = kept.saturating_sub(told) as u64 + left;
        if more > 0 {
            self.voice.warn(format!(
                "{} more {words}; as JSON Lines those that are kept are rows",
                counted(more, what)
            ));
        }
    }

    /// All is printed.
    pub fn end(self) {
        self.voice.bytes(&self.out);
    }

    /// Prints rows, or the events that they are; gives how many rows there were.
    fn rows<T, R: Row>(
        &mut self,
        rows: impl Iterator<Item = T>,
        row_of: impl Fn(&T) -> &R,
        events: impl Fn(&T) -> Events,
    ) -> Result<u64, Failure> {
        let mut printer = Printer::new(self.format.form(), R::COLUMNS);
        let (mut found, mut timeless) = (0, 0);
        for row in rows {
            found += 1;
            if matches!(self.format, Format::Syslog | Format::Ecs) {
                let Events { list, host, timeless: left } = events(&row);
                timeless += left as u64;
                list.iter().try_for_each(|event| self.event(event, &host))?;
            } else {
                printer.row(row_of(&row), &mut self.out)?;
            }
            self.write_piece();
        }
        if !matches!(self.format, Format::Syslog | Format::Ecs) {
            printer.end::<R>(&mut self.out);
        }
        if timeless > 0 {
            let events = counted(timeless, "event");
            self.voice.warn(format!("{events} not made, for want of a time"));
        }
        Ok(found)
    }

    fn event(&mut self, event: &SiemEvent, host: &str) -> Result<(), Failure> {
        match self.format {
            Format::Ecs => self.out.extend(ecs::line(event, host)?),
            _ => self.out.extend_from_slice(syslog::line(event, host).as_bytes()),
        }
        Ok(())
    }

    fn json<T: Serialize>(&mut self, row: &T) -> Result<(), Failure> {
        json::row(&mut self.out, row)?;
        self.write_piece();
        Ok(())
    }

    fn write_piece(&mut self) {
        if self.out.len() >= PIECE {
            self.voice.bytes(&self.out);
            self.out.clear();
        }
    }
}
