//! Whose PHI was touched, by whom, from where: every event of the audit log that meets a PHI folder, by the key of its
//! rule, by name, or by inode, with the session that it is attributed to.
//!
//! It goes forward through the log once, within some 26 MiB whatever its length: names 10 MiB, files that are PHI 4 MiB,
//! those that are asked for 2 MiB, open rows 4 MiB, what is counted of actors and files 6 MiB. What did not fit is counted.

mod above;
mod asked;
mod counts;
mod groups;
mod touch;
mod who;

use std::collections::HashMap;
use std::time::Duration;

pub use counts::{Counted, Totals};
pub use who::Doubts;

use crate::clock::Timestamp;
use crate::custody::rows::access::AccessRow;
use crate::records::audit_event::Event;
use crate::records::audit_event::items::{FileId, Item};
use crate::records::audit_event::names::{Around, Named, Names, is_within};
use crate::records::audit_event::operation::{Op, Syscall, read};
use crate::records::audit_event::sieve::{Inodes, Learner, Look, Sieve};
use crate::records::audit_log::Record;
use crate::view::login_sessions::Session;
use asked::{Asked, Holds};
use counts::Counts;
use groups::{First, Groups, Key};
pub(in crate::view) use touch::object;
use touch::{Phi, PhiFiles, know};
use who::{Identity, OUTLIVING, Said, Sessions, is_manager, is_multiplexer};

/// Processes that are remembered.
const PROCESSES: usize = 8_192;
/// How far up from a process its starters are looked at.
const ABOVE: usize = 8;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// PHI folders: absolute, without a slash at the end.
    pub roots: Vec<Vec<u8>>,
    /// Keys of the rules that watch them.
    pub keys: Vec<Vec<u8>>,
    /// From when to when, both included; events beyond are read for names and not told.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Of these only.
    pub filter: Filter,
    /// Accesses that are the same are one row while no more time than this is between them; zero for a row each.
    pub gap: Duration,
    /// When what is logged of a session may be wrong or short.
    pub doubts: Doubts,
    /// Processes of this program itself, each with when it began and ended.
    pub own: Vec<(u32, Timestamp, Timestamp)>,
}

impl Question {
    /// Everything that met these folders, or was logged with these keys.
    pub fn of(roots: Vec<Vec<u8>>, keys: Vec<Vec<u8>>) -> Question {
        let gap = Duration::from_secs(60);
        Question {
            roots,
            keys,
            window: None,
            filter: Filter::default(),
            gap,
            doubts: Doubts::default(),
            own: Vec::new(),
        }
    }
}

/// Which accesses are told: such as match one of each; what is not given lets all through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one of these login identities; none stands for nobody who logged in.
    pub auids: Vec<Option<u32>>,
    /// Below one of these paths.
    pub paths: Vec<Vec<u8>>,
    /// From one of these addresses, of the session or of one of those that it may have been.
    pub addresses: Vec<Vec<u8>>,
    /// One of these was done.
    pub ops: Vec<Op>,
}

/// What is known of a process from its events.
#[derive(Clone, Copy, Debug)]
struct Process {
    ppid: Option<u32>,
    uid: Option<u32>,
    auid: Option<u32>,
    ses: Option<u32>,
    multiplexer: bool,
    manager: bool,
}

/// The answer in the making.
pub struct Access<'s> {
    question: Question,
    /// Of its roots those that were asked for; behind them stand names that they have for a time.
    roots: usize,
    sessions: Sessions<'s>,
    names: Names,
    files: PhiFiles,
    asked: Asked,
    inodes: Inodes,
    processes: HashMap<((u32, u32), u32), Process>,
    /// Machines by the name that the log gives them; more than a few share the last number.
    nodes: Vec<Vec<u8>>,
    groups: Groups,
    counts: Counts,
    totals: Totals,
}

impl<'s> Access<'s> {
    /// An answer from sessions that are known already.
    pub fn new(mut question: Question, sessions: &'s [Session]) -> Access<'s> {
        let doubts = std::mem::take(&mut question.doubts);
        let groups = Groups::of(question.gap);
        let asked = Asked::of(question.window, std::mem::take(&mut question.filter));
        Access {
            roots: question.roots.len(),
            question,
            sessions: Sessions::of(sessions, doubts),
            names: Names::default(),
            files: PhiFiles::default(),
            asked,
            inodes: Inodes::default(),
            processes: HashMap::new(),
            nodes: Vec::new(),
            groups,
            counts: Counts::default(),
            totals: Totals::default(),
        }
    }

    /// A file or directory has this path and as many names, from a listing of the folder. The device is that of /proc/self/mountinfo, which
    /// is what the kernel logs.
    pub fn know(&mut self, id: FileId, path: &[u8], names: u32) {
        know(&mut self.names, &mut self.files, &self.question.roots, (id, names), path);
        self.asked.know(id, path);
        self.inodes.mark(id.inode);
    }

    /// What tells from a line alone whether its event may matter: all lines go through it, and the events of those that it
    /// lets through, whole, go to [`Access::take`]. It learns with this answer, and of what it looks at.
    pub fn sieve(&self) -> impl FnMut(&[u8], &[u8]) -> bool + Send + 'static {
        let mut sieve = self.whole_sieve();
        move |kind, line| sieve.may_matter(kind, line)
    }

    /// The same in two halves, of which the first can look at lines ahead of the other.
    pub fn halves(&self) -> (Look, Learner) {
        self.whole_sieve().halves()
    }

    fn whole_sieve(&self) -> Sieve {
        let keys = self.question.keys.iter().map(Vec::as_slice);
        let roots = self.question.roots.iter().map(Vec::as_slice);
        Sieve::of(keys, roots, &OUTLIVING, &self.inodes)
    }

    /// From here on something was not recorded, or recorded again: what is behind it is in rows of its own.
    pub fn breaks(&mut self, emit: &mut dyn FnMut(AccessRow)) {
        self.groups.all(emit);
    }

    /// The next event of the log. Rows are given out as they are complete.
    pub fn take(&mut self, event: &Event, emit: &mut dyn FnMut(AccessRow)) {
        self.totals.events += 1;
        let parts = Parts::of(event);
        let mut items = parts.items;
        items.sort_by_key(|item| item.number);
        let call = parts.call.unwrap_or_default();
        let operation = read(&call, &items, parts.how.as_ref());
        if parts.is_change {
            self.breaks(emit);
            // Who deletes what a rule watches changes the rule in the same event; a rule that is told to the kernel has a name too.
            if !operation.is_known() {
                return;
            }
        }
        let node = self.node(&event.node);
        let system = (node, event.epoch);
        for id in items.iter_mut().filter_map(|item| item.id.as_mut()) {
            id.system = node;
        }
        let around = Around {
            system,
            cwd: parts.cwd.and_then(|record| record.text("cwd")),
            cmdline: parts.title.and_then(|record| record.text("proctitle")),
            call,
        };
        let names = self.names.resolve(&operation, &items, &around);
        let keyed = call.keys().iter().any(|key| self.question.keys.contains(key));
        let mut phi = Phi { roots: &self.question.roots, files: &mut self.files };
        let touch = phi.touch(&operation, &items, &names, keyed);
        self.names.learn(&operation, &items, &names, &around);
        let is_moved = above::follow(&mut self.question.roots, self.roots, &operation, &items, &names);
        self.totals.moved_above += u64::from(is_moved);
        self.mark(&items, &names);
        self.asked.learn(&operation, &items, &names);
        let said = self.said(event, parts.call.as_ref(), system);
        let Some(touch) = touch else { return };
        self.totals.moved_out += u64::from(touch.is_folder_moved_out(&operation, &self.question.roots));
        let attribution = self.sessions.attribute(&said);
        match self.asked.holds(&operation, &touch, &said, &attribution, &self.sessions) {
            Holds::Yes => {}
            Holds::Outside => return self.totals.outside += 1,
            Holds::Maybe => return self.totals.undecided += 1,
            Holds::No => return self.totals.filtered += 1,
        }
        let exe = call.exe();
        let key = Key {
            epoch: event.epoch,
            node: event.node.clone(),
            auid: said.auid,
            ses: said.ses,
            uid: call.uid,
            euid: call.euid,
            pid: call.pid,
            exe,
            op: operation.op,
            outcome: operation.outcome,
            errno: operation.errno,
            id: touch.id,
            path: touch.named.path.clone(),
            found: touch.named.found,
            label: attribution.label.word(),
            session: attribution.session,
            flags: attribution.flags.iter().map(|flag| flag.word()).collect(),
            collector: self.is_own(event, &call),
            version: touch.version,
            number: operation.number,
            argument: operation.flags.clone(),
            fsuid: call.fsuid,
            new: touch.new.as_ref().map(|new| new.path.clone()),
        };
        self.totals.classified += 1;
        self.counts.take(event.id.time, &key, &touch, &attribution, &self.sessions);
        let first = First {
            event,
            call: &call,
            operation: &operation,
            touch,
            by_key: keyed,
            attribution,
            cmdline: around.cmdline,
        };
        self.groups.take(key, first, &self.sessions, emit);
        if parts.is_change {
            self.breaks(emit);
        }
    }

    /// The log has ended: the last rows, and what was counted.
    pub fn finish(mut self, emit: &mut dyn FnMut(AccessRow)) -> Counted {
        self.groups.all(emit);
        self.totals.rows = self.groups.rows;
        self.totals.names_forgotten = self.names.forgotten();
        self.totals.files_left = self.files.left;
        self.counts.finish(self.totals, &self.sessions)
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        let counted = self.groups.weight() + self.counts.weight();
        self.names.weight() + self.files.weight() + self.asked.weight() + counted
    }

    fn node(&mut self, node: &[u8]) -> u32 {
        let at = self.nodes.iter().position(|known| known == node).unwrap_or_else(|| {
            if self.nodes.len() < 1_024 {
                self.nodes.push(node.to_vec());
            }
            self.nodes.len().saturating_sub(1)
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// What lies below a PHI folder matters by its inode too.
    fn mark(&self, items: &[Item<'_>], names: &[Named]) {
        for (item, named) in items.iter().zip(names) {
            let Some(id) = item.id else { continue };
            if self.files.has(id) || self.question.roots.iter().any(|root| is_within(&named.path, root)) {
                self.inodes.mark(id.inode);
            }
        }
    }

    /// What the event says of who it was; of io_uring, which says little, what the same process said before.
    fn said<'e>(&mut self, event: &'e Event, call: Option<&Syscall<'_>>, system: (u32, u32)) -> Said<'e> {
        let identity = match call {
            Some(call) if call.is_uring => {
                let before = call.pid.and_then(|pid| self.processes.get(&(system, pid)));
                // Its number may be another's by now.
                before
                    .filter(|known| (known.ppid, known.uid) == (call.ppid, call.uid))
                    .map_or((None, None, Identity::NotLogged), |known| {
                        (known.auid, known.ses, Identity::ByProcess)
                    })
            }
            Some(call) => (call.auid, call.ses, Identity::Logged),
            None => (None, None, Identity::NotLogged),
        };
        let (auid, ses, identity) = identity;
        let call = call.copied().unwrap_or_default();
        let (comm, exe) = (call.comm(), call.exe());
        let own = Process {
            ppid: call.ppid,
            uid: call.uid,
            auid,
            ses,
            multiplexer: is_multiplexer(&comm, &exe),
            manager: is_manager(&comm, &exe),
        };
        let (mut multiplexer, mut manager) = (own.multiplexer, own.manager);
        let mut above = own.ppid;
        for _ in 0..ABOVE {
            let Some(process) = above.and_then(|pid| self.processes.get(&(system, pid))) else { break };
            multiplexer |= process.multiplexer;
            manager |= process.manager;
            above = process.ppid;
        }
        if let Some(pid) = call.pid.filter(|_| !call.is_uring) {
            self.keep((system, pid), own);
        }
        let node = event.node.as_slice();
        Said { time: event.id.time, node, epoch: event.epoch, auid, ses, multiplexer, manager, identity }
    }

    fn keep(&mut self, key: ((u32, u32), u32), process: Process) {
        if self.processes.len() >= PROCESSES && !self.processes.contains_key(&key) {
            self.processes.clear();
        }
        self.processes.insert(key, process);
    }

    fn is_own(&self, event: &Event, call: &Syscall<'_>) -> bool {
        let time = event.id.time;
        self.question
            .own
            .iter()
            .any(|(pid, from, to)| call.pid == Some(*pid) && (*from..=*to).contains(&time))
    }
}

/// The records of an event by what they are.
struct Parts<'e> {
    call: Option<Syscall<'e>>,
    items: Vec<Item<'e>>,
    cwd: Option<Record<'e>>,
    title: Option<Record<'e>>,
    how: Option<Record<'e>>,
    /// It changes what is recorded.
    is_change: bool,
}

impl<'e> Parts<'e> {
    fn of(event: &'e Event) -> Parts<'e> {
        let mut parts =
            Parts { call: None, items: Vec::new(), cwd: None, title: None, how: None, is_change: false };
        for record in event.records() {
            match record.kind {
                b"SYSCALL" | b"URINGOP" => parts.call = parts.call.or_else(|| Syscall::of(&record)),
                b"PATH" => parts.items.push(Item::of(&record)),
                b"CWD" => parts.cwd = Some(record),
                b"PROCTITLE" => parts.title = Some(record),
                b"OPENAT2" => parts.how = Some(record),
                b"CONFIG_CHANGE" => parts.is_change = true,
                kind => parts.is_change |= kind.starts_with(b"DAEMON_"),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests;
