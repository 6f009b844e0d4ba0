//! Every line of a log comes by here: which event it is of, and whether anybody wants that event. What nobody wants goes
//! no further. A line is held until as much text as ever lies between the records of an event has passed behind it, as
//! what makes an event wanted may be its last record.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use super::super::audit_log::signs::Sign;
use super::super::audit_log::{EventId, Head, Record, head};
use super::assembly::{AsItIs, Assembly, Counts, Key, When};
use super::block::{Block, Run, Text};
use super::boots::Boots;
use super::scan::{HELD, LINE, PIECE};
use super::{Event, Place};
use crate::clock::Timestamp;

/// Events of which it is known that they are wanted, at least and twice as many at most: more than the text that is held
/// can have.
const MARKS: usize = 7 << 12;
/// Texts whose room is used again.
const SPARE: usize = 8;
/// Machines whose boots are told apart.
const NODES: usize = 1_024;

/// Says of a line, by its type and its bytes, whether its event is wanted.
pub trait Wants {
    /// Whether the event of this line is wanted.
    fn wants(&mut self, kind: &[u8], line: &[u8]) -> bool;

    /// Whether events that were found change what is wanted. If so, all lines are put together to events, so that they
    /// are found as early as can be; if not, only those of events that are wanted are, which takes a fraction of the time.
    fn learns(&self) -> bool {
        true
    }
}

impl<F: FnMut(&[u8], &[u8]) -> bool> Wants for F {
    fn wants(&mut self, kind: &[u8], line: &[u8]) -> bool {
        self(kind, line)
    }
}

/// A sieve that always says the same of the same line.
#[derive(Clone, Copy, Debug)]
pub struct Steady<F>(pub F);

impl<F: FnMut(&[u8], &[u8]) -> bool> Wants for Steady<F> {
    fn wants(&mut self, kind: &[u8], line: &[u8]) -> bool {
        self.0(kind, line)
    }

    fn learns(&self) -> bool {
        false
    }
}

/// Puts the lines of a log together to events. They leave nearly in the order of time and number: one of which records
/// seem to be missing is held back longer than others, and comes behind them.
pub struct Assembler<Sieve> {
    sieve: Sieve,
    assembly: Assembly,
    hasher: RandomState,
    seed: u64,
    nodes: HashMap<u64, Boots, AsItIs>,
    file: u32,
    /// Records so far, and the time of the last.
    when: When,
    unparsed: u64,
    nodes_left: u64,
    span: Option<(Timestamp, Timestamp)>,
    /// The event of the line before, and how the line says it.
    last: Option<Key>,
    last_id: Vec<u8>,
    last_node: Vec<u8>,
    marks: Marks,
    /// Text that is held, the older of it until there is enough of the newer.
    older: Vec<Text>,
    newer: Vec<Text>,
    /// Bytes of the newer, and what its lines add to them.
    held: usize,
    /// Room for such text that is free.
    spare: Vec<Text>,
}

/// Events that are wanted: those marked last.
#[derive(Default)]
struct Marks {
    young: HashSet<u64, AsItIs>,
    old: HashSet<u64, AsItIs>,
}

impl Marks {
    fn set(&mut self, mark: u64) {
        if self.young.len() >= MARKS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(mark);
    }

    /// The event of a run is wanted.
    fn want(&mut self, run: &mut Run, seed: u64) {
        if !run.wanted {
            run.wanted = true;
            self.set(run.key.mark(seed));
        }
    }

    fn has(&self, mark: u64) -> bool {
        self.young.contains(&mark) || self.old.contains(&mark)
    }
}

impl<Sieve> Assembler<Sieve> {
    /// For the events that a sieve wants.
    pub fn new(sieve: Sieve) -> Assembler<Sieve> {
        let hasher = RandomState::new();
        Assembler {
            sieve,
            assembly: Assembly::new(),
            seed: hasher.hash_one(1),
            hasher,
            nodes: HashMap::default(),
            file: 0,
            when: When { record: 0, now: Timestamp::from_unix(0, 0) },
            unparsed: 0,
            nodes_left: 0,
            span: None,
            last: None,
            last_id: Vec::new(),
            last_node: Vec::new(),
            marks: Marks::default(),
            older: Vec::new(),
            newer: Vec::new(),
            held: 0,
            spare: Vec::new(),
        }
    }

    /// From here on lines are of this file. Events go on from one file to the next.
    pub fn file(&mut self, file: u32) {
        self.file = file;
        self.span = None;
        self.last = None;
    }

    /// The next lines of the file, and which of what is to be known of them makes their events wanted. What is left is empty.
    pub(super) fn block<G>(
        &mut self,
        block: &mut Block<G>,
        wants: &mut dyn FnMut(&mut Sieve, &G) -> bool,
        each: &mut dyn FnMut(Event),
    ) {
        self.unparsed += block.unparsed;
        let mut text = std::mem::replace(&mut block.text, self.spare.pop().unwrap_or_default());
        let Text { bytes, runs } = &mut text;
        runs.iter_mut().for_each(|run| self.enter(run, bytes));
        for (at, glance) in &block.glances {
            if wants(&mut self.sieve, glance)
                && let Some(run) = runs.get_mut(*at)
            {
                self.marks.want(run, self.seed);
            }
        }
        block.clear();
        let lines: usize = text.runs.iter().map(|run| run.lines as usize).sum();
        self.held += text.bytes.len() + lines * LINE;
        self.keep(text);
        if self.held >= HELD {
            self.let_go(each);
        }
    }

    /// Text is held. Little of it goes to the text before: a log may have few records between many lines that are none.
    fn keep(&mut self, mut text: Text) {
        match self.newer.last_mut().filter(|last| last.size() + text.size() <= PIECE) {
            Some(last) => last.append(&mut text),
            None if !text.runs.is_empty() => {
                text.fit();
                return self.newer.push(text);
            }
            None => {}
        }
        self.spare(text);
    }

    /// The room of a text is free; some of it is used again.
    fn spare(&mut self, text: Text) {
        if self.spare.len() < SPARE {
            self.spare.push(text);
        }
    }

    /// Bytes that can be taken up before some are let go.
    pub(super) fn room(&self) -> usize {
        HELD.saturating_sub(self.held)
    }

    /// All files have ended: what is here leaves as it is.
    pub fn end(&mut self, each: &mut dyn FnMut(Event)) -> Counts {
        self.let_go(each);
        self.let_go(each);
        self.assembly.end(each);
        self.counts()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts {
            records: self.when.record,
            unparsed: self.unparsed,
            nodes_left: self.nodes_left,
            ..self.assembly.counts()
        }
    }

    /// The earliest and the latest time of a record of the file.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// The event that a line is of; none if its number cannot be read.
    fn event_of(&mut self, head: &Head<'_>) -> Option<Key> {
        let is_same = |_: &Key| is_equal(&self.last_id, head.id) && is_equal(&self.last_node, head.node);
        if let Some(key) = self.last.filter(is_same) {
            return Some(key);
        }
        let key = self.begin(head, head.event_id()?);
        self.last_id.clear();
        self.last_id.extend_from_slice(head.id);
        self.last_node.clear();
        self.last_node.extend_from_slice(head.node);
        Some(key)
    }

    /// A record is of another event than the one before.
    fn begin(&mut self, head: &Head<'_>, id: EventId) -> Key {
        let node = if head.node.is_empty() { 0 } else { self.hasher.hash_one(head.node) };
        self.when.now = id.time;
        self.span = Some(
            self.span.map_or((id.time, id.time), |(first, last)| (first.min(id.time), last.max(id.time))),
        );
        let key = Key { epoch: self.epoch(head, node, id), node, id };
        self.last = Some(key);
        key
    }

    /// Which boot of its machine an event is of.
    fn epoch(&mut self, head: &Head<'_>, node: u64, id: EventId) -> u32 {
        if self.nodes.len() >= NODES && !self.nodes.contains_key(&node) {
            self.nodes_left += 1;
            return 0;
        }
        let boots = self.nodes.entry(node).or_default();
        let record = Record { node: head.node, kind: head.kind, id, body: head.rest };
        if let Some(sign) = Sign::of(&record) {
            boots.sign(sign, id);
        }
        if head.kind.starts_with(b"DAEMON_") { boots.at(id.time) } else { boots.of(id) }
    }

    /// A run of lines has its place among all.
    fn enter(&mut self, run: &mut Run, text: &[u8]) {
        self.when.record += 1;
        run.key = self.last.filter(|_| run.goes_on).unwrap_or_else(|| self.begun(run, text));
        (run.record, run.place.file) = (self.when.record, self.file);
        self.when.record += u64::from(run.lines - 1);
    }

    /// The event that a run begins with.
    fn begun(&mut self, run: &Run, text: &[u8]) -> Key {
        let lines = text.get(run.range()).filter(|_| run.is_special);
        let special = lines.and_then(|lines| head(lines.split(|byte| *byte == b'\n').next()?));
        let kind: &[u8] = if run.is_daemons { b"DAEMON_" } else { b"" };
        let head = special.unwrap_or(Head { node: b"", kind, id: b"", rest: b"" });
        self.begin(&head, run.key.id)
    }

    /// What has waited long enough is put together, or dropped.
    fn let_go(&mut self, each: &mut dyn FnMut(Event)) {
        for mut held in std::mem::take(&mut self.older) {
            for run in &held.runs {
                if !run.wanted && !self.marks.has(run.key.mark(self.seed)) {
                    continue;
                }
                let (mut place, mut when) = (run.place, When { record: run.record, now: run.key.id.time });
                for line in held.lines(run) {
                    if let Some(head) = head(line) {
                        self.assembly.line(run.key, &head, (line, place), when, true, each);
                    }
                    place.offset += line.len() as u64 + 1;
                    when.record += 1;
                }
            }
            held.clear();
            self.spare(held);
        }
        self.older = std::mem::take(&mut self.newer);
        self.held = 0;
    }
}

impl<Sieve: Wants> Assembler<Sieve> {
    /// The next line of the file, and where it begins.
    pub fn line(&mut self, line: &[u8], offset: u64, each: &mut dyn FnMut(Event)) {
        let found = head(line).and_then(|head| Some((self.event_of(&head)?, head)));
        let Some((key, head)) = found else {
            self.unparsed += u64::from(!line.trim_ascii().is_empty());
            return;
        };
        self.when.record += 1;
        let place = Place { file: self.file, offset };
        if self.sieve.learns() {
            let wanted = self.sieve.wants(head.kind, line);
            return self.assembly.line(key, &head, (line, place), self.when, wanted, each);
        }
        self.hold(key, &head, line, place);
        if self.held >= HELD {
            self.let_go(each);
        }
    }

    /// A line of another file, which is no part of what is said of this one.
    pub fn line_of(&mut self, line: &[u8], place: Place, each: &mut dyn FnMut(Event)) {
        let (file, span) = (self.file, self.span);
        self.file(place.file);
        self.line(line, place.offset, each);
        self.file(file);
        self.span = span;
    }

    /// A line waits until it is known whether its event is wanted.
    fn hold(&mut self, key: Key, head: &Head<'_>, line: &[u8], place: Place) {
        // It hears every line, as it may learn from lines of an event that is wanted already.
        let wanted = self.sieve.wants(head.kind, line);
        if self.newer.is_empty() {
            self.newer.push(self.spare.pop().unwrap_or_default());
        }
        let Some(text) = self.newer.last_mut() else { return };
        self.held += line.len() + 1 + LINE;
        let is_same = text.runs.last().is_some_and(|run| run.key == key && run.place.file == place.file);
        if !is_same || !text.goes_on(line, place.offset) {
            let run = Run { key, place, record: self.when.record, ..Run::of(head, key.id, is_same) };
            text.begin(run, line, place.offset);
        }
        if let Some(run) = text.runs.last_mut().filter(|_| wanted) {
            self.marks.want(run, self.seed);
        }
    }
}

/// Whether two short texts are equal, by what differs first in a number that grows: its end. Every line is compared so.
pub(super) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(end), Some(other_end)) => {
            end == other_end && one.as_chunks::<8>().0 == other.as_chunks::<8>().0
        }
        _ => one.iter().eq(other),
    }
}
