//! Accesses that are the same but for their time become one row, with how often: a program that reads a file a thousand
//! times is one row with a count of 1,000. Nothing is put together across a change of the file's name, of who it is
//! attributed to, or of what is recorded.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::touch::Touch;
use super::who::{Attribution, Sessions};
use crate::clock::Timestamp;
use crate::custody::rows::access::{
    AccessRow, ActorPart, OwnerPart, PARSER_VERSION, ProgramPart, SourcePart,
};
use crate::custody::rows::login_views::ElevationRow;
use crate::custody::rows::text;
use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_event::items::FileId;
use crate::records::audit_event::names::Found;
use crate::records::audit_event::operation::{Op, Operation, Outcome, Syscall, arch_name};
use crate::view::login_sessions::Elevation;

/// Events that are told of a row.
const EVENTS: usize = 16;
/// Acts as another that are told of a row.
const ELEVATIONS: usize = 4;
/// Bytes of all open groups, and what one has beside its texts.
const BYTES: usize = 4 << 20;
const GROUP: usize = 1_400;
/// Events that come late by more than this are in a row of their own.
const SLACK: Duration = Duration::from_secs(60);

/// What accesses of one row have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub epoch: u32,
    pub node: Vec<u8>,
    pub auid: Option<u32>,
    pub ses: Option<u32>,
    pub uid: Option<u32>,
    pub euid: Option<u32>,
    pub pid: Option<u32>,
    pub exe: Vec<u8>,
    pub op: Op,
    pub outcome: Outcome,
    pub errno: Option<i32>,
    pub id: Option<FileId>,
    pub path: Vec<u8>,
    pub found: Found,
    /// Whom it is attributed to, and how well.
    pub label: &'static str,
    pub session: Option<usize>,
    pub flags: Vec<&'static str>,
    pub collector: bool,
    /// Of the file's names.
    pub version: u64,
    /// The call, and its argument that decides, in words.
    pub number: Option<u32>,
    pub argument: String,
    pub fsuid: Option<u32>,
    /// The name that the file got.
    pub new: Option<Vec<u8>>,
}

/// Of what differs most: it is found out for every event.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.id, self.pid, self.op, &self.path, &self.new, &self.argument).hash(state);
    }
}

/// What the first of them shows beyond that.
pub(super) struct First<'e> {
    pub event: &'e Event,
    pub call: &'e Syscall<'e>,
    pub operation: &'e Operation,
    pub touch: Touch,
    pub by_key: bool,
    pub attribution: Attribution,
    pub cmdline: Option<Vec<u8>>,
}

struct Group {
    row: Box<AccessRow>,
    weight: usize,
    /// In which order groups began.
    order: u64,
}

/// Groups that are open.
pub(super) struct Groups {
    open: HashMap<Key, Group>,
    weight: usize,
    gap: Duration,
    begun: u64,
    /// Rows that were given out.
    pub rows: u64,
    /// When groups were last looked through, and events since.
    swept: Option<Timestamp>,
    since: u32,
}

impl Groups {
    pub fn of(gap: Duration) -> Groups {
        Groups { open: HashMap::new(), weight: 0, gap, begun: 0, rows: 0, swept: None, since: 0 }
    }

    /// Takes an access up, and gives out rows that are complete.
    pub fn take(
        &mut self,
        key: Key,
        first: First<'_>,
        sessions: &Sessions<'_>,
        emit: &mut dyn FnMut(AccessRow),
    ) {
        let time = first.event.id.time;
        self.sweep(time, emit);
        if let Some(group) = self.open.get_mut(&key) {
            let row = &mut group.row;
            if !self.gap.is_zero()
                && time.since(row.last_utc) <= self.gap
                && row.first_utc.since(time) <= self.gap
            {
                row.count += 1;
                (row.first_utc, row.last_utc) = (row.first_utc.min(time), row.last_utc.max(time));
                let more = phi_by(&first).filter(|word| !row.phi_by.contains(word));
                row.phi_by.extend(more.collect::<Vec<_>>());
                if row.events.len() < EVENTS {
                    row.events.push(reference(first.event));
                }
                return;
            }
        }
        let new = key.new.as_ref().map_or(0, Vec::len);
        let weight = GROUP + 2 * (key.path.len() + key.exe.len() + new) + first.event.node.len();
        let row = Box::new(row(&key, first, sessions));
        let group = Group { row, weight, order: self.begun };
        self.begun += 1;
        self.weight += weight;
        if let Some(ended) = self.open.insert(key, group) {
            self.weight = self.weight.saturating_sub(ended.weight);
            self.give(*ended.row, emit);
        }
        if self.weight > BYTES {
            self.all(emit);
        }
    }

    /// Gives out those to which nothing can come any more.
    fn sweep(&mut self, time: Timestamp, emit: &mut dyn FnMut(AccessRow)) {
        self.since += 1;
        let due = self.swept.is_none_or(|swept| time.since(swept) > self.gap + SLACK);
        if !due || (self.since < 256 && self.swept.is_some()) {
            return;
        }
        (self.swept, self.since) = (Some(time), 0);
        let limit = self.gap + SLACK;
        let ended: Vec<Group> = self
            .open
            .extract_if(|_, group| time.since(group.row.last_utc) > limit)
            .map(|(_, group)| group)
            .collect();
        self.weight = self.weight.saturating_sub(ended.iter().map(|group| group.weight).sum());
        self.give_all(ended, emit);
    }

    /// Gives all of them out: what is behind this is not put together with what is before.
    pub fn all(&mut self, emit: &mut dyn FnMut(AccessRow)) {
        let ended: Vec<Group> = self.open.drain().map(|(_, group)| group).collect();
        self.weight = 0;
        self.give_all(ended, emit);
    }

    fn give_all(&mut self, mut ended: Vec<Group>, emit: &mut dyn FnMut(AccessRow)) {
        ended.sort_by_key(|group| group.order);
        for group in ended {
            self.give(*group.row, emit);
        }
    }

    fn give(&mut self, mut row: AccessRow, emit: &mut dyn FnMut(AccessRow)) {
        row.row_id = self.rows;
        self.rows += 1;
        emit(row);
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

/// `1795401223.374:7458@0:4711`
fn reference(event: &Event) -> String {
    let (time, place) = (event.id.time, event.place());
    let millis = time.since(Timestamp::from_unix(time.unix(), 0)).as_millis();
    format!("{}.{millis:03}:{}@{}:{}", time.unix(), event.id.serial, place.file, place.offset)
}

/// Why it is PHI.
fn phi_by(first: &First<'_>) -> impl Iterator<Item = &'static str> {
    let by = [(first.by_key, "key"), (first.touch.by_path, "path"), (first.touch.by_inode, "inode")];
    by.into_iter().filter(|(is, _)| *is).map(|(_, word)| word)
}

fn row(key: &Key, first: First<'_>, sessions: &Sessions<'_>) -> AccessRow {
    let phi_by = phi_by(&first).collect();
    let First { event, call, operation, touch, attribution, cmdline, .. } = first;
    let (path, path_b64) = text(&key.path);
    let (new_path, new_path_b64) = touch
        .new
        .as_ref()
        .map(|new| text(&new.path))
        .map_or((None, None), |(text, exact)| (Some(text), exact));
    let candidates: Vec<SourcePart> =
        attribution.candidates.iter().filter_map(|at| sessions.source(*at)).collect();
    AccessRow {
        actor: ActorPart {
            auid: key.auid,
            auid_name: key
                .auid
                .and_then(|auid| sessions.name_of(auid, &key.node))
                .map(shown)
                .unwrap_or_default(),
            euid: key.euid,
            flags: key.flags.clone(),
            fsuid: call.fsuid,
            gid: call.gid,
            label: key.label,
            ses: key.ses,
            uid: key.uid,
        },
        arch: operation.arch.and_then(arch_name),
        arg_flags_text: operation.flags.clone(),
        candidates,
        candidates_total: attribution.total,
        collector: key.collector,
        count: 1,
        dev: key.id.map(|id| format!("{}:{}", id.major, id.minor)),
        elevations: elevations(key, event.id.time, &attribution, sessions),
        epoch: key.epoch,
        errno: operation
            .errno
            .map(|number| operation.error().map_or_else(|| number.to_string(), str::to_owned)),
        events: vec![reference(event)],
        file_type: touch.file_type,
        first_utc: event.id.time,
        incomplete: event.shortfalls.iter().map(|shortfall| shortfall.word()).collect(),
        inode: key.id.map(|id| id.inode),
        keys: call.keys().iter().map(|key| shown(key)).collect(),
        last_utc: event.id.time,
        name_res: key.found.word(),
        new_path,
        new_path_b64,
        node: shown(&key.node),
        op: key.op.word(),
        outcome: key.outcome.word(),
        overwritten_inode: touch.overwritten.map(|id| id.inode),
        owner_at_event: touch.mode.map(|mode| OwnerPart { mode, ogid: touch.ogid, ouid: touch.ouid }),
        parser_version: PARSER_VERSION,
        path,
        path_b64,
        phi_by,
        program: program(key, call, cmdline.as_deref()),
        row_id: 0,
        schema: "phi-ir.phi-access/1",
        source: attribution.session.and_then(|at| sessions.source(at)),
        symlink_target: touch.target.as_deref().map(shown),
        syscall: operation.call.map_or_else(
            || operation.number.map(|number| number.to_string()).unwrap_or_default(),
            str::to_owned,
        ),
    }
}

/// What the session did, before, to act as another, if it does.
fn elevations(
    key: &Key,
    time: Timestamp,
    attribution: &Attribution,
    sessions: &Sessions<'_>,
) -> Vec<ElevationRow> {
    let session = attribution.session.and_then(|at| sessions.get(at)).filter(|_| key.euid != key.auid);
    let all = session.map(|session| session.elevations.as_slice()).unwrap_or_default();
    let before = all.iter().filter(|elevation| elevation.time <= time && !elevation.refused);
    let mut rows: Vec<ElevationRow> = before.rev().take(ELEVATIONS).map(Elevation::row).collect();
    rows.reverse();
    rows
}

fn program(key: &Key, call: &Syscall<'_>, cmdline: Option<&[u8]>) -> ProgramPart {
    let (comm, comm_b64) = text(&call.comm());
    let (exe, exe_b64) = text(&key.exe);
    // Its words are ended by NUL, which stands for a blank here.
    let words: Vec<u8> =
        cmdline.unwrap_or_default().iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    ProgramPart {
        cmdline_hint: shown(words.get(..words.len().min(128)).unwrap_or_default()),
        comm,
        comm_b64,
        exe,
        exe_b64,
        pid: key.pid,
        ppid: call.ppid,
    }
}
