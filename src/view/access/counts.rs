//! What is counted apart: for each actor which files, by what was done, from where and when; for each file who met it and
//! what became of it. A file is one whatever names it gets, so that a renaming adds no patient's record.

mod actor;
mod file;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::groups::Key;
use super::touch::Touch;
use super::who::{Attribution, Sessions};
use crate::clock::Timestamp;
use crate::custody::rows::access::{ActorRow, FileAccessRow};
use crate::path::shown;
use crate::records::audit_event::items::FileId;
use crate::records::audit_event::operation::{Op, Outcome};
use actor::Actor;
use file::File;

/// Bytes of all that is counted.
const BYTES: usize = 6 << 20;
/// What an actor, a file, and a file that an actor met cost beside their texts.
const ACTOR: usize = 4_096;
const FILE: usize = 240;
const MET: usize = 48;
/// Addresses, programs and directories of one actor, and names of one file, that are told.
const TOLD: usize = 16;
/// Actors of one file that are told.
const ACTORS_OF_FILE: usize = 64;

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events that were looked at.
    pub events: u64,
    /// Events that are in rows: the sum of the rows' counts.
    pub classified: u64,
    /// Rows.
    pub rows: u64,
    /// Events of PHI outside of the window.
    pub outside: u64,
    /// Events of PHI that the filter left out.
    pub filtered: u64,
    /// Events of PHI that may be asked for or not: what would tell is not logged.
    pub undecided: u64,
    /// Folders that were moved out of the PHI folders.
    pub moved_out: u64,
    /// Renamings of folders above the PHI folders.
    pub moved_above: u64,
    /// Events that are in rows and, for want of room, in no count of actors and files.
    pub not_counted: u64,
    /// Paths that were forgotten for want of room: bare names in those directories may be unresolved.
    pub names_forgotten: u64,
    /// Files that are PHI and whose inodes were not kept for want of room: by another name they are not known as PHI.
    pub files_left: u64,
    /// Files that were met, each once whatever its names; of uncertain name none.
    pub files: u64,
}

/// What was counted.
pub struct Counted {
    /// How much there was.
    pub totals: Totals,
    /// Actors, in the order in which they came; files name them by their place here.
    pub actors: Vec<ActorRow>,
    files: Vec<File>,
    met: BTreeMap<(u32, u32), u32>,
}

impl Counted {
    /// What became of each file, in the order in which they were met.
    pub fn files(&self) -> impl Iterator<Item = FileAccessRow> {
        self.files.iter().zip(0..).map(|(file, at)| file.row(self.actors_of(at)))
    }

    fn actors_of(&self, file: u32) -> BTreeMap<String, Vec<&'static str>> {
        let met = self.met.range((file, 0)..=(file, u32::MAX)).take(ACTORS_OF_FILE);
        met.map(|((_, actor), ops)| (actor.to_string(), words(*ops).collect())).collect()
    }
}

fn words(ops: u32) -> impl Iterator<Item = &'static str> {
    Op::ALL.into_iter().zip(0..).filter(move |(_, bit)| ops >> bit & 1 == 1).map(|(op, _)| op.word())
}

fn bit(op: Op) -> u32 {
    1 << Op::ALL.iter().position(|other| *other == op).unwrap_or(31)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Who {
    node: Vec<u8>,
    auid: Option<u32>,
    /// Where there is no login identity.
    uid: Option<u32>,
    collector: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Met {
    ops: u32,
    minute: Option<i64>,
}

#[derive(Default)]
pub(super) struct Counts {
    actors: Vec<Actor>,
    by_who: HashMap<Who, u32>,
    files: Vec<File>,
    by_id: HashMap<FileId, u32>,
    /// Of files whose inode is not logged, and of names that were looked for in vain.
    by_path: HashMap<Vec<u8>, u32>,
    met: HashMap<(u32, u32), Met>,
    weight: usize,
    not_counted: u64,
}

impl Counts {
    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn take(
        &mut self,
        time: Timestamp,
        key: &Key,
        touch: &Touch,
        attribution: &Attribution,
        sessions: &Sessions<'_>,
    ) {
        let (Some(actor), Some(file)) = (self.actor(time, key), self.file(time, key, touch)) else {
            self.not_counted += 1;
            return;
        };
        self.became(file, key, touch);
        let is_file = touch.file_type != Some("directory") && key.found.is_sure();
        let minute = time.unix().div_euclid(60);
        let mut is_new_now = false;
        if is_file {
            if !self.met.contains_key(&(file, actor)) {
                self.weight += MET;
            }
            let met = self.met.entry((file, actor)).or_default();
            met.ops |= bit(key.op);
            is_new_now = met.minute != Some(minute);
            met.minute = Some(minute);
        }
        let Some(actor) = self.actors.get_mut(actor as usize) else { return };
        let before = actor.weight();
        actor.take(time, key, touch, attribution, sessions);
        if actor.minute != minute {
            (actor.minute, actor.in_minute) = (minute, 0);
        }
        actor.in_minute += u64::from(is_new_now);
        actor.burst = actor.burst.max(actor.in_minute);
        self.weight += actor.weight().saturating_sub(before);
    }

    fn actor(&mut self, time: Timestamp, key: &Key) -> Option<u32> {
        let uid = if key.auid.is_none() { key.uid } else { None };
        let who = Who { node: key.node.clone(), auid: key.auid, uid, collector: key.collector };
        if let Some(at) = self.by_who.get(&who) {
            return Some(*at);
        }
        let at = u32::try_from(self.actors.len()).ok().filter(|_| self.weight + ACTOR <= BYTES)?;
        self.weight += ACTOR + 2 * who.node.len();
        self.by_who.insert(who.clone(), at);
        self.actors.push(Actor::of(who, time));
        Some(at)
    }

    fn file(&mut self, time: Timestamp, key: &Key, touch: &Touch) -> Option<u32> {
        let made_anew = key.op == Op::Create && key.outcome == Outcome::Ok;
        let known = match key.id {
            Some(id) => self.by_id.get(&id).filter(|_| !made_anew),
            None => self.by_path.get(&key.path),
        };
        if let Some(at) = known.copied() {
            let file = self.files.get_mut(at as usize)?;
            file.events += 1;
            (file.first, file.last) = (file.first.min(time), file.last.max(time));
            file.found = file.found.max(key.found);
            return Some(at);
        }
        let weight = FILE + key.path.len() * if key.id.is_some() { 1 } else { 2 };
        let at = u32::try_from(self.files.len()).ok().filter(|_| self.weight + weight <= BYTES)?;
        self.weight += weight;
        match key.id {
            Some(id) => drop(self.by_id.insert(id, at)),
            None => drop(self.by_path.insert(key.path.clone(), at)),
        }
        let state = if key.id.is_some() { "there" } else { "unknown" };
        self.files.push(File {
            paths: vec![key.path.as_slice().into()],
            paths_left: 0,
            names: 1,
            events: 1,
            first: time,
            last: time,
            state,
            found: key.found,
            file_type: touch.file_type,
        });
        Some(at)
    }

    /// What became of its names.
    fn became(&mut self, at: u32, key: &Key, touch: &Touch) {
        if key.outcome != Outcome::Ok {
            return;
        }
        if let Some(victim) = touch.overwritten.and_then(|id| self.by_id.remove(&id))
            && let Some(file) = self.files.get_mut(victim as usize)
        {
            file.state = "overwritten";
        }
        let Some(file) = self.files.get_mut(at as usize) else { return };
        let new = touch.new.as_ref().filter(|_| matches!(key.op, Op::Rename | Op::Link));
        if let Some(new) = new {
            self.weight += file.named(&new.path);
        }
        match key.op {
            Op::Rename => file.state = "renamed",
            Op::Link => file.names += 1,
            Op::Delete | Op::Rmdir => {
                file.names = file.names.saturating_sub(1);
                if file.names == 0 {
                    file.state = "deleted";
                    if let Some(id) = key.id {
                        self.by_id.remove(&id);
                    }
                }
            }
            _ => {}
        }
    }

    pub fn finish(self, totals: Totals, sessions: &Sessions<'_>) -> Counted {
        let mut by_op: HashMap<u32, BTreeMap<&'static str, u64>> = HashMap::new();
        let mut files_of: HashMap<u32, u64> = HashMap::new();
        let mut met = BTreeMap::new();
        let mut files = BTreeSet::new();
        for ((file, actor), known) in &self.met {
            *files_of.entry(*actor).or_default() += 1;
            for word in words(known.ops) {
                *by_op.entry(*actor).or_default().entry(word).or_default() += 1;
            }
            met.insert((*file, *actor), known.ops);
            files.insert(*file);
        }
        let actors = self.actors.into_iter().zip(0..).map(|(actor, at)| {
            let name = actor.who.auid.and_then(|auid| sessions.name_of(auid, &actor.who.node));
            let name = name.map(shown).unwrap_or_default();
            let (files, by_op) = (files_of.remove(&at).unwrap_or(0), by_op.remove(&at).unwrap_or_default());
            actor.row(name, files, by_op)
        });
        let actors = actors.collect();
        let totals = Totals { not_counted: self.not_counted, files: files.len() as u64, ..totals };
        Counted { totals, actors, files: self.files, met }
    }
}
