//! Who made an access, and from where: by the session that its process belongs to. What a program that outlives its
//! session was told to do may have been typed in another one, so that then every session that was open is told.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::custody::rows::access::SourcePart;
use crate::path::shown;
use crate::view::login_sessions::{Flag, Label, Session, are_several, may_be_one_machine};

/// Sessions of one identity that are looked at before a moment.
const LOOKED_AT: usize = 256;
/// Candidates that are told.
pub(super) const CANDIDATES: usize = 16;
/// Services whose sessions nobody sits at.
const MANAGERS: [&[u8]; 6] = [b"cron", b"crond", b"CRON", b"atd", b"systemd-user", b"systemd"];
/// What processes call themselves that go on when the session that started them has ended.
const MULTIPLEXERS: [&[u8]; 7] =
    [b"tmux", b"tmux: server", b"tmux: client", b"screen", b"SCREEN", b"dtach", b"nohup"];

/// As they stand in the log: what the sieve looks for, so that who started whom is known.
pub(super) const OUTLIVING: [&[u8]; 5] = [b"tmux", b"/screen", b"SCREEN", b"dtach", b"nohup"];

/// Whether a process is, by what it calls itself or by its program, one that outlives a session.
pub(super) fn is_multiplexer(comm: &[u8], exe: &[u8]) -> bool {
    MULTIPLEXERS.contains(&comm) || MULTIPLEXERS.contains(&base(exe))
}

/// Whether it is one that starts others for no one who sits there.
pub(super) fn is_manager(comm: &[u8], exe: &[u8]) -> bool {
    MANAGERS.contains(&comm) || MANAGERS.contains(&base(exe))
}

fn base(exe: &[u8]) -> &[u8] {
    exe.rsplit(|byte| *byte == b'/').next().unwrap_or(exe)
}

/// When what is logged of a session may be wrong or short.
#[derive(Clone, Debug, Default)]
pub struct Doubts {
    /// Times at which records were lost, or none were made; apart from one another, in their order.
    losses: Vec<(Timestamp, Timestamp)>,
    /// When the clock was set, in order.
    steps: Vec<Timestamp>,
}

impl Doubts {
    /// From times in any order.
    pub fn of(mut losses: Vec<(Timestamp, Timestamp)>, mut steps: Vec<Timestamp>) -> Doubts {
        losses.sort_unstable();
        losses.dedup_by(|next, known| {
            let joins = next.0 <= known.1;
            known.1 = if joins { known.1.max(next.1) } else { known.1 };
            joins
        });
        steps.sort_unstable();
        Doubts { losses, steps }
    }

    /// What of it lies between the two.
    fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Flag> {
        let begun = self.losses.partition_point(|(begin, _)| *begin <= to);
        let last = self.losses.get(..begun).and_then(<[_]>::last);
        let loss = last.is_some_and(|(_, end)| *end >= from);
        let step =
            self.steps.get(self.steps.partition_point(|step| *step < from)).is_some_and(|step| *step <= to);
        [(loss, Flag::LossInWindow), (step, Flag::ClockStep)]
            .into_iter()
            .filter_map(|(is, flag)| is.then_some(flag))
    }
}

/// What the audit log says of who it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'e> {
    pub time: Timestamp,
    /// The machine, where the log names it; else empty.
    pub node: &'e [u8],
    pub epoch: u32,
    pub auid: Option<u32>,
    pub ses: Option<u32>,
    /// It, or a process above it, outlives sessions.
    pub multiplexer: bool,
    /// It, or a process above it, is a service manager.
    pub manager: bool,
    pub identity: Identity,
}

/// How it is known under which login identity a process ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Logged,
    /// An earlier event of the same process tells, by its number, its parent and its user.
    ByProcess,
    /// Nothing tells, which is not that nobody had logged in.
    NotLogged,
}

/// Who it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribution {
    pub label: Label,
    pub flags: BTreeSet<Flag>,
    /// The session; none where it is not certain.
    pub session: Option<usize>,
    /// The first of those that it may have been.
    pub candidates: Vec<usize>,
    /// How many there are.
    pub total: u64,
}

/// Sessions, to be found by number and by identity.
pub(super) struct Sessions<'s> {
    all: &'s [Session],
    doubts: Doubts,
    by_number: HashMap<(Option<u32>, u32), Vec<usize>>,
    /// Of each machine by itself, in the order of their beginnings: so many of others are not looked through.
    by_auid: HashMap<u32, BTreeMap<&'s [u8], Vec<usize>>>,
}

impl<'s> Sessions<'s> {
    pub fn of(all: &'s [Session], doubts: Doubts) -> Sessions<'s> {
        let mut by_number: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_auid: HashMap<u32, BTreeMap<&[u8], Vec<usize>>> = HashMap::new();
        for (at, session) in all.iter().enumerate() {
            if let Some(ses) = session.ses {
                by_number.entry((session.epoch, ses)).or_default().push(at);
            }
            if let Some(auid) = session.auid {
                by_auid.entry(auid).or_default().entry(session.host.as_slice()).or_default().push(at);
            }
        }
        for list in by_auid.values_mut().flat_map(BTreeMap::values_mut) {
            list.sort_by_key(|at| all.get(*at).and_then(|session| session.start));
        }
        Sessions { all, doubts, by_number, by_auid }
    }

    pub fn get(&self, at: usize) -> Option<&'s Session> {
        self.all.get(at)
    }

    /// The name that an identity was logged in under on a machine.
    pub fn name_of(&self, auid: u32, node: &[u8]) -> Option<&'s [u8]> {
        let last = self.of_machine(auid, node).filter_map(<[_]>::last).max_by_key(|at| self.order(**at))?;
        self.get(*last).map(|session| session.user.as_slice())
    }

    /// Whether a session may be of this machine: numbers and identities of several are in one list.
    fn is_of(&self, at: usize, node: &[u8]) -> bool {
        self.get(at).is_some_and(|session| may_be_one_machine(&session.host, node))
    }

    /// Sessions of an identity, those of each name that the machine may have.
    fn of_machine<'a>(&'a self, auid: u32, node: &'a [u8]) -> impl Iterator<Item = &'a [usize]> {
        let machines = self.by_auid.get(&auid).into_iter().flatten();
        machines.filter(move |(host, _)| may_be_one_machine(host, node)).map(|(_, list)| list.as_slice())
    }

    fn order(&self, at: usize) -> (Option<Timestamp>, usize) {
        (self.get(at).and_then(|session| session.start), at)
    }

    /// Sessions of an identity that were open at a moment on a machine, the latest first.
    fn open(&self, auid: u32, time: Timestamp, node: &[u8]) -> Vec<usize> {
        let begun = |list: &[usize]| {
            list.partition_point(|at| {
                self.get(*at).is_none_or(|session| session.start.is_none_or(|start| start <= time))
            })
        };
        let latest = |list: &[usize]| {
            let list = list.get(..begun(list)).unwrap_or_default();
            list.get(list.len().saturating_sub(LOOKED_AT)..).unwrap_or_default().to_vec()
        };
        let mut list: Vec<usize> = self.of_machine(auid, node).flat_map(latest).collect();
        list.sort_by_key(|at| Reverse(self.order(*at)));
        list.truncate(LOOKED_AT);
        let is_open =
            |at: &usize| self.get(*at).is_some_and(|session| session.end.is_none_or(|end| end >= time));
        list.retain(is_open);
        list
    }

    /// Those of the number that an event names, on its machine, and whether they are of its boot for certain.
    fn numbered(&self, said: &Said<'_>) -> (Vec<usize>, bool) {
        let of = |epoch: Option<u32>| -> Vec<usize> {
            let list = said.ses.and_then(|ses| self.by_number.get(&(epoch, ses)));
            list.into_iter().flatten().copied().filter(|at| self.is_of(*at, said.node)).collect()
        };
        let exact = of(Some(said.epoch));
        match exact.is_empty() {
            true => (of(None), false),
            false => (exact, true),
        }
    }

    /// Who it was.
    pub fn attribute(&self, said: &Said<'_>) -> Attribution {
        let mut flags = BTreeSet::new();
        if said.manager {
            flags.insert(Flag::ServiceManager);
        }
        match said.identity {
            Identity::Logged => {}
            Identity::ByProcess => drop(flags.insert(Flag::IdentityByProcess)),
            Identity::NotLogged => drop(flags.insert(Flag::IdentityNotLogged)),
        }
        let Some(auid) = said.auid else { return plain(Label::E, flags) };
        if auid == 0 {
            flags.insert(Flag::DirectRoot);
        }
        if said.multiplexer {
            flags.insert(Flag::Multiplexer);
        }
        let open = self.open(auid, said.time, said.node);
        if are_several(open.iter().filter_map(|at| self.get(*at))) {
            flags.insert(Flag::SharedAccount);
        }
        let (mut own, is_exact) = self.numbered(said);
        own.retain(|at| self.get(*at).is_some_and(|session| session.auid.is_none_or(|known| known == auid)));
        let [at] = own.as_slice() else {
            return match own.is_empty() {
                true => plain(Label::D, flags),
                false => several(flags, own),
            };
        };
        let Some(session) = self.get(*at) else { return plain(Label::D, flags) };
        flags.extend(&session.flags);
        flags.extend(self.doubts.between(session.start.unwrap_or(said.time), said.time));
        if MANAGERS.contains(&session.service.as_slice()) {
            flags.insert(Flag::ServiceManager);
        }
        let has_ended = session.end.is_some_and(|end| said.time > end);
        if has_ended {
            flags.insert(Flag::AfterSessionEnd);
        }
        if has_ended || said.multiplexer {
            let mut candidates = open;
            if !candidates.contains(at) {
                candidates.push(*at);
            }
            return several(flags, candidates);
        }
        let weakened = said.identity == Identity::ByProcess
            || !is_exact
            || session.start.is_some_and(|start| said.time < start);
        let label = if weakened { session.label.max(Label::B) } else { session.label };
        Attribution { label, flags, session: Some(*at), candidates: Vec::new(), total: 0 }
    }

    /// What is known of where a session came from.
    pub fn source(&self, at: usize) -> Option<SourcePart> {
        let session = self.get(at)?;
        let evidence = session.evidence.iter().take(8).map(|(field, evidence)| {
            let place = evidence.place;
            format!("{field}={}@{}:{}", evidence.source.word(), place.file, place.offset)
        });
        Some(SourcePart {
            addr: shown(&session.from.address),
            ended_utc: session.end,
            evidence: evidence.collect(),
            hostname: shown(&session.hostname),
            key_fp: session.key.as_ref().map(|key| shown(&key.fingerprint)).unwrap_or_default(),
            method: shown(&session.method),
            port: session.from.port,
            ses: session.ses,
            started_utc: session.start,
            terminal: shown(&session.terminal),
            user: shown(&session.user),
        })
    }
}

fn plain(label: Label, flags: BTreeSet<Flag>) -> Attribution {
    Attribution { label, flags, session: None, candidates: Vec::new(), total: 0 }
}

fn several(flags: BTreeSet<Flag>, mut candidates: Vec<usize>) -> Attribution {
    let total = candidates.len() as u64;
    candidates.truncate(CANDIDATES);
    Attribution { label: Label::C, flags, session: None, candidates, total }
}
