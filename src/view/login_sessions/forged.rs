//! Which lines of texts are copies of what another program sent than the one it names. The journal saw who sent it, and a
//! text did not: syslog services write the same line there too. What a line says is no sign by itself, for whoever forges
//! one may repeat what was truly said a moment before. So an entry that was forged takes out one line of each text, and
//! an entry that was not keeps its own.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::time::Duration;

use super::room::Room;
use super::shared::may_be_one_machine;
use crate::clock::Timestamp;
use crate::records::auth_text::{Message, Said};

/// Bytes for entries that were forged: some 14,000.
const ROOM: usize = 5 << 20;
/// An entry and its copy are not further apart; a text may count whole seconds.
const APART: Duration = Duration::from_secs(2);
/// How near they are in the first round, in which those are found that are nearest, and in the next ones.
pub(super) const ROUNDS: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    APART,
];
/// Entries before a line, and as many behind it, that are looked at. All are of its words and process, so that none but those of
/// other machines are passed over.
const NEAREST: usize = 64;
/// Machines that are told apart.
const MACHINES: usize = 256;
/// Behind the numbers of processes: an entry of which none is known, and one of whatever process.
const UNKNOWN: u64 = u64::MAX - 1;
const ANY: u64 = u64::MAX;

/// What an entry says, a process that its copy may name, when, and its number.
type Key = (u64, u64, Timestamp, usize);

/// Entries that were forged, and of those that were not such as say the same.
#[derive(Debug)]
pub(crate) struct Forged {
    entries: Vec<Entry>,
    /// Those of which the text that passes may have a further copy, each once by every process that this may name.
    open: BTreeSet<Key>,
    /// The text that passes.
    text: u32,
    /// Entries of which copies were found in it.
    found: Vec<usize>,
    /// Names; the first is of those that are not told apart.
    machines: Vec<Vec<u8>>,
    room: Room,
}

/// An entry of a journal.
#[derive(Clone, Copy, Debug)]
struct Entry {
    words: u64,
    time: Timestamp,
    /// The process that it names.
    claimed: Option<u32>,
    /// The process that sent it.
    seen: Option<u32>,
    machine: usize,
    is_forged: bool,
    /// The last journal that has it, and how often.
    journal: u32,
    here: u32,
    /// How often the journal has it that has it most often: others have it from there.
    most: u32,
    /// How many copies of it the text that passes had.
    found: u32,
}

/// A line of a text, or an entry of a journal, that may have copies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The number of what it says ([`words`]).
    pub(super) words: u64,
    /// When.
    pub(super) time: Timestamp,
    /// The machine that it names.
    pub(super) host: &'a [u8],
    /// The process that it names.
    pub(super) pid: Option<u32>,
    /// The log in which it stands.
    pub(super) file: u32,
}

impl Default for Forged {
    fn default() -> Forged {
        Forged {
            entries: Vec::new(),
            open: BTreeSet::new(),
            text: 0,
            found: Vec::new(),
            machines: vec![Vec::new()],
            room: Room::of(ROOM),
        }
    }
}

impl Forged {
    /// Nothing was forged.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries for which there was no room: copies of them in texts are not known.
    pub(crate) fn refused(&self) -> u64 {
        self.room.refused
    }

    /// Takes up an entry that another program sent; whether it is no copy of one from another journal.
    pub(crate) fn take(&mut self, said: &Said) -> bool {
        let Some(line) = Line::of(said) else { return true };
        let seen = said.witness.as_ref().and_then(|witness| witness.pid);
        let machine = self.machine(line.host);
        let entry = Entry { seen, is_forged: true, ..Entry::of(&line, machine) };
        // What grows has up to twice the room of what it holds.
        let weight = 2 * (size_of::<Entry>() + 3 * size_of::<Key>());
        let has_room = self.same(&entry).is_some() || self.room.take(weight);
        !has_room || self.add(entry, line.file)
    }

    /// An entry that its own program sent; those of a journal come one after the other.
    pub(super) fn believed(&mut self, line: &Line<'_>) {
        let first = (line.words, ANY, Timestamp::from_unix(i64::MIN, 0), 0);
        let next = self.open.range(first..).next();
        // Beside nothing that was forged it makes no difference.
        if next.is_some_and(|(words, ..)| *words == line.words) {
            let machine = self.machine(line.host);
            self.add(Entry::of(line, machine), line.file);
        }
    }

    /// Finds the entry of which a line of a text may be the copy, not further away than so much; whether that was forged. It
    /// has no other copy in that text then. The lines of a text come one after the other, in their order, when all
    /// journals have passed.
    pub(super) fn original(&mut self, line: &Line<'_>, within: Duration) -> Option<bool> {
        self.passes(line.file);
        // The process tells more than the time.
        let processes = line.pid.map_or([ANY, ANY], |pid| [pid.into(), UNKNOWN]);
        let at = processes.into_iter().find_map(|process| self.nearest(line, process, within))?;
        let entry = self.entries.get_mut(at)?;
        if entry.found == 0 {
            self.found.push(at);
        }
        entry.found += 1;
        if entry.found >= entry.most {
            entry.keys(at).for_each(|key| {
                self.open.remove(&key);
            });
        }
        Some(entry.is_forged)
    }

    /// Whether a line of a text that passes is the copy of an entry that was forged: the first that may be one, where what
    /// follows is not known yet.
    pub(crate) fn has_copy(&mut self, said: &Said) -> bool {
        !self.is_empty() && Line::of(said).is_some_and(|line| self.original(&line, APART) == Some(true))
    }

    /// The entry of a process that may have a line for its copy, and is nearest; of two that are as near, what was truly
    /// said.
    fn nearest(&self, line: &Line<'_>, process: u64, within: Duration) -> Option<usize> {
        let key = |time: Timestamp, at: usize| (line.words, process, time, at);
        // At the end of all times there is nothing behind.
        let until = line.time.plus(within).max(line.time);
        let before = self.open.range(key(line.time.minus(within), 0)..key(line.time, 0));
        let behind = self.open.range(key(line.time, 0)..=key(until, usize::MAX));
        let near = before.rev().take(NEAREST).chain(behind.take(NEAREST));
        let entries = near.filter_map(|(.., at)| Some((*at, self.entries.get(*at)?)));
        let fitting = entries.filter(|(_, entry)| {
            self.machines.get(entry.machine).is_some_and(|name| may_be_one_machine(name, line.host))
        });
        let nearest = fitting.min_by_key(|(_, entry)| (entry.time.apart(line.time), entry.is_forged));
        nearest.map(|(at, _)| at)
    }

    /// Counts an entry in its journal; whether no other one has it as often.
    fn add(&mut self, entry: Entry, journal: u32) -> bool {
        let at = self.same(&entry).unwrap_or_else(|| {
            let at = self.entries.len();
            self.entries.push(entry);
            self.open.extend(entry.keys(at));
            at
        });
        self.entries.get_mut(at).is_some_and(|entry| entry.is_new_in(journal))
    }

    /// The same entry, which another journal has too, or which is there twice.
    fn same(&self, entry: &Entry) -> Option<usize> {
        let key = |at: usize| (entry.words, ANY, entry.time, at);
        let mut all = self.open.range(key(0)..=key(usize::MAX)).take(NEAREST).map(|(.., at)| *at);
        all.find(|at| self.entries.get(*at).is_some_and(|other| other.is(entry)))
    }

    /// Another text begins: it may have copies of all entries.
    fn passes(&mut self, text: u32) {
        if self.text == text {
            return;
        }
        self.text = text;
        for at in std::mem::take(&mut self.found) {
            if let Some(entry) = self.entries.get_mut(at) {
                entry.found = 0;
                self.open.extend(entry.keys(at));
            }
        }
    }

    fn machine(&mut self, name: &[u8]) -> usize {
        let known = self.machines.iter().position(|known| known == name);
        if known.is_none() && self.machines.len() < MACHINES {
            self.machines.push(name.to_vec());
            return self.machines.len() - 1;
        }
        known.unwrap_or(0)
    }
}

impl<'a> Line<'a> {
    fn of(said: &'a Said) -> Option<Line<'a>> {
        let (time, _) = said.time?;
        let host = said.host.get(..64).unwrap_or(&said.host);
        Some(Line { words: words(&said.message), time, host, pid: said.pid, file: said.place.file })
    }
}

impl Entry {
    fn of(line: &Line<'_>, machine: usize) -> Entry {
        Entry {
            words: line.words,
            time: line.time,
            claimed: line.pid,
            seen: None,
            machine,
            is_forged: false,
            journal: line.file,
            here: 0,
            most: 0,
            found: 0,
        }
    }

    fn is(&self, other: &Entry) -> bool {
        let key = |entry: &Entry| {
            (entry.words, entry.time, entry.claimed, entry.seen, entry.machine, entry.is_forged)
        };
        key(self) == key(other)
    }

    /// Syslog services write the process that is named or the one that sent it, or none.
    fn keys(self, at: usize) -> impl Iterator<Item = Key> {
        let other = self.seen.filter(|_| self.seen != self.claimed);
        let known = self.claimed.into_iter().chain(other).map(u64::from);
        let unknown = self.claimed.or(self.seen).is_none().then_some(UNKNOWN);
        let processes = known.chain(unknown).chain([ANY]);
        processes.map(move |process| (self.words, process, self.time, at))
    }

    fn is_new_in(&mut self, journal: u32) -> bool {
        self.here = if self.journal == journal { self.here.saturating_add(1) } else { 1 };
        self.journal = journal;
        let is_new = self.here > self.most;
        self.most = self.most.max(self.here);
        is_new
    }
}

/// A number for what is said of whom, and from where. What a syslog service may write in another way than the journal, and
/// its sender chose (a method, what a certificate says), is no part of it.
pub(super) fn words(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    discriminant(message).hash(&mut hasher);
    match message {
        Message::Tried { answer, user, from, .. } => (answer, user, from).hash(&mut hasher),
        Message::UnknownUser { user, from }
        | Message::TooManyTries { user, from }
        | Message::NotAllowed { user, from, .. }
        | Message::PamRejected { user, from, .. }
        | Message::PamFailure { user, from, .. }
        | Message::PamSuccess { user, from, .. }
        | Message::Ended { user, from, .. }
        | Message::ShellStarted { user, from, .. }
        | Message::Console { user, from, .. } => (user, from).hash(&mut hasher),
        Message::SessionOpened { service, user, .. } | Message::SessionClosed { service, user } => {
            (service, user).hash(&mut hasher);
        }
        Message::LogindNew { session, user } => (session, user).hash(&mut hasher),
        Message::Elevated { tool, by, to, command, refused, .. } => {
            (tool, by, to, command, refused.is_some()).hash(&mut hasher);
        }
        _ => {}
    }
    hasher.finish()
}
