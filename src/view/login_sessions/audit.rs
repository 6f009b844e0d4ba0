//! Sessions as the audit log tells of them: keyed by machine, boot and the kernel's number of the session. LOGIN opens
//! one; what programs say under the same number names its origin, its end and who acted as another in it.

use std::collections::{BTreeMap, VecDeque};

use super::audit_record::{Told, is_needed};
use super::kept::Files;
use super::known::{BEFORE, Before, CONNECTED, Known};
use super::room::Room;
use super::{Elevation, Ending, Evidence, Flag, MOST_ELEVATIONS, Session, Source};
use crate::clock::Timestamp;
use crate::records::audit_event::Event;

/// Machine, boot, session.
type Number = (u16, u32, u32);
/// Machine, boot, process.
type Process = (u16, u32, u32);

/// Programs that let somebody act as another within a session.
const ELEVATORS: [&[u8]; 8] =
    [b"sudo", b"sudo-rs", b"su", b"pkexec", b"run0", b"doas", b"runuser", b"newrole"];
/// Processes of which it is kept what they said before they logged in.
const MOST_WAITING: usize = 8_192;
/// Statements of an end that are kept of a session, and machines and boots that are told apart.
const MOST_ENDS: usize = 16;
const MOST_NODES: usize = 256;
const MOST_BOOTS: usize = 1_024;
/// Bytes for sessions.
const ROOM: usize = 9 << 20;

/// A boot.
#[derive(Debug)]
struct Boot {
    first: Timestamp,
    down: Option<(Timestamp, Evidence)>,
}

#[derive(Debug)]
pub(super) struct Audit {
    sessions: BTreeMap<Number, Known>,
    /// Machines, by number.
    pub(super) nodes: Vec<Vec<u8>>,
    boots: BTreeMap<(u16, u32), Boot>,
    waiting: BTreeMap<Process, Before>,
    order: VecDeque<Process>,
    /// Sessions of cron and its like that ended: the first to go where room is short.
    ended_services: VecDeque<Number>,
    room: Room,
    /// Sessions of cron and its like that had to go.
    pub(super) services_left_out: u64,
    /// Which process told of an elevation.
    pub(super) processes: BTreeMap<Evidence, u32>,
    /// Elevations beyond what one session may have.
    pub(super) elevations_left_out: u64,
    /// From when to when each file tells of logins of each machine.
    pub(super) files: Files,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            sessions: BTreeMap::new(),
            nodes: Vec::new(),
            boots: BTreeMap::new(),
            waiting: BTreeMap::new(),
            order: VecDeque::new(),
            ended_services: VecDeque::new(),
            room: Room::of(ROOM),
            services_left_out: 0,
            processes: BTreeMap::new(),
            elevations_left_out: 0,
            files: Files::default(),
        }
    }
}

impl Audit {
    pub(super) fn refused(&self) -> u64 {
        self.room.refused
    }

    pub(super) fn take(&mut self, event: &Event) {
        let evidence = Evidence { source: Source::Audit, place: event.place() };
        let mut needed = event.records().filter(|record| is_needed(record.kind)).peekable();
        if needed.peek().is_none() {
            return;
        }
        let node = self.node(&event.node);
        let time = event.id.time;
        self.boot(node, event.epoch, time);
        // Machines beyond those that are told apart share a number: when the log was kept of each of them is not known.
        if self.nodes.get(usize::from(node)) == Some(&event.node) {
            self.files.tells(node, evidence.place.file, time);
        }
        for record in needed {
            let told = Told::of(&record);
            match record.kind {
                b"LOGIN" => self.login(node, event.epoch, time, &told, evidence),
                b"SYSTEM_SHUTDOWN" => self.down(node, event.epoch, time, evidence),
                b"SYSTEM_BOOT" | b"DAEMON_START" => {}
                kind => match told.ses {
                    Some(ses) => self.within((node, event.epoch, ses), kind, time, &told, evidence),
                    None => self.before(node, event.epoch, kind, time, told, evidence),
                },
            }
        }
    }

    fn node(&mut self, name: &[u8]) -> u16 {
        let known = self.nodes.iter().position(|node| node == name);
        let at = known.unwrap_or_else(|| {
            // Beyond so many machines the last number stands for all.
            if self.nodes.len() < MOST_NODES {
                self.nodes.push(name.get(..256).unwrap_or(name).to_vec());
            }
            self.nodes.len().saturating_sub(1)
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn boot(&mut self, node: u16, epoch: u32, time: Timestamp) {
        if self.boots.len() < MOST_BOOTS || self.boots.contains_key(&(node, epoch)) {
            let boot = self.boots.entry((node, epoch)).or_insert(Boot { first: time, down: None });
            boot.first = boot.first.min(time);
        }
    }

    fn down(&mut self, node: u16, epoch: u32, time: Timestamp, evidence: Evidence) {
        if let Some(boot) = self.boots.get_mut(&(node, epoch)) {
            boot.down = Some(boot.down.unwrap_or((time, evidence)).max((time, evidence)));
        }
    }

    /// The session of a number, made where it is new; none where there is no room.
    fn session(&mut self, number: Number, auid: Option<u32>) -> Option<&mut Known> {
        if !self.sessions.contains_key(&number) {
            self.make_room();
            // What a session holds of texts is short: names, an address, a key.
            if !self.room.take(size_of::<(Number, Known)>() + 256) {
                return None;
            }
            let host = self.nodes.get(usize::from(number.0)).cloned().unwrap_or_default();
            let (_, epoch, ses) = number;
            let session = Session { host, epoch: Some(epoch), ses: Some(ses), auid, ..Session::default() };
            self.sessions.insert(number, Known { session, ..Known::default() });
        }
        self.sessions.get_mut(&number)
    }

    fn make_room(&mut self) {
        let needed = size_of::<(Number, Known)>() + 256;
        while !self.room.has(needed) {
            let Some(gone) = self.ended_services.pop_front() else { return };
            if self.sessions.remove(&gone).is_some() {
                self.room.give(needed);
                self.services_left_out += 1;
            }
        }
    }

    fn login(&mut self, node: u16, epoch: u32, time: Timestamp, told: &Told, evidence: Evidence) {
        // A login that the kernel did not allow opens nothing.
        let Some(ses) = told.ses.filter(|_| told.done != Some(false)) else { return };
        let waited = told.pid.and_then(|pid| self.waiting.remove(&(node, epoch, pid)));
        let rewritten = told.old_auid.is_some();
        let Some(known) = self.session((node, epoch, ses), told.auid) else { return };
        known.logins = known.logins.saturating_add(1);
        let session = &mut known.session;
        if rewritten {
            session.flags.insert(Flag::LoginuidChanged);
        }
        if known.logins > 1 {
            session.flags.insert(Flag::SeveralLogins);
        }
        session.auid = told.auid;
        session.pid = told.pid;
        session.start = Some(time);
        for field in ["auid", "pid", "ses", "start"] {
            session.shown_by(field, evidence);
        }
        if let Some(before) = waited {
            known.came(before, time);
        }
        let old =
            told.old_ses.filter(|_| rewritten).and_then(|old| self.sessions.get_mut(&(node, epoch, old)));
        if let Some(old) = old {
            old.session.flags.insert(Flag::LoginuidChanged);
        }
    }

    /// A process that has no session yet: what it says is of the login that follows.
    fn before(
        &mut self,
        node: u16,
        epoch: u32,
        kind: &[u8],
        time: Timestamp,
        told: Told,
        evidence: Evidence,
    ) {
        let counts = matches!(
            kind,
            b"USER_ACCT" | b"CRED_ACQ" | b"USER_AUTH" | b"CRYPTO_SESSION" | b"CRYPTO_KEY_USER"
        );
        let Some(pid) = told.pid.filter(|_| counts && told.done != Some(false)) else { return };
        let process = (node, epoch, pid);
        if !self.waiting.contains_key(&process) {
            if self.waiting.len() >= MOST_WAITING {
                let oldest = self.order.pop_front();
                oldest.map(|oldest| self.waiting.remove(&oldest));
            }
            // Processes that logged in have left the map, and leave the queue here.
            if self.order.len() >= 2 * MOST_WAITING {
                self.order.retain(|process| self.waiting.contains_key(process));
            }
            self.order.push_back(process);
        }
        let empty = || Before::new(time, evidence);
        let before = self.waiting.entry(process).or_insert_with(empty);
        // Numbers of processes come again.
        if time.since(before.time) > CONNECTED {
            *before = empty();
        }
        before.add(kind, time, told);
    }

    fn within(&mut self, number: Number, kind: &[u8], time: Timestamp, told: &Told, evidence: Evidence) {
        let elevates = ELEVATORS.contains(&told.program.as_slice());
        let Some(known) = self.session(number, told.auid) else { return };
        if elevates || matches!(kind, b"USER_CMD" | b"USER_ROLE_CHANGE") {
            if matches!(kind, b"USER_CMD" | b"USER_START" | b"USER_ROLE_CHANGE") {
                self.elevation(number, kind, time, told, evidence);
            }
            return;
        }
        match kind {
            b"USER_END" | b"CRED_DISP" | b"USER_LOGOUT" => {
                let rank = match kind {
                    b"USER_END" => 0,
                    b"CRED_DISP" => 1,
                    _ => 2,
                };
                if known.ends.len() < MOST_ENDS {
                    known.ends.push((rank, told.pid, time, evidence));
                }
                known.names(told, time, evidence);
                if known.session.flags.contains(&Flag::ServiceManager) && kind == b"USER_END" {
                    self.ended_services.push_back(number);
                }
            }
            b"USER_START" | b"USER_LOGIN" | b"CRED_ACQ" | b"USER_ACCT" if told.done != Some(false) => {
                known.names(told, time, evidence);
            }
            _ => {}
        }
    }

    fn elevation(&mut self, number: Number, kind: &[u8], time: Timestamp, told: &Told, evidence: Evidence) {
        let Some(known) = self.sessions.get_mut(&number) else { return };
        let elevations = &mut known.session.elevations;
        let refused = told.done == Some(false);
        let is_command = kind == b"USER_CMD";
        let to = if is_command { Vec::new() } else { told.account().unwrap_or_default().to_vec() };
        // sudo sends the command and then the session that it opens for it.
        let processes = &self.processes;
        let is_of_it = |last: &&mut Elevation| {
            last.to.is_empty()
                && last.by == told.program
                && !last.refused
                && time.since(last.time) <= BEFORE
                && processes.get(&last.evidence).copied() == told.pid
        };
        if let Some(last) = elevations.iter_mut().rev().find(is_of_it).filter(|_| !is_command && !refused) {
            last.to = to;
            return;
        }
        let elevation = Elevation {
            time,
            by: told.program.clone(),
            to,
            command: told.command.clone(),
            refused,
            evidence,
        };
        let weight = elevation.weight() + size_of::<(Evidence, u32)>();
        if elevations.len() < MOST_ELEVATIONS && self.room.take(weight) {
            elevations.push(elevation);
            self.processes.extend(told.pid.map(|pid| (evidence, pid)));
        } else {
            self.elevations_left_out += 1;
        }
    }

    /// All sessions, ended where a log or a boot ended them.
    pub(super) fn finish(self) -> Vec<Known> {
        let boots = self.boots;
        let ended = |((node, epoch, _), mut known): (Number, Known)| {
            known.close();
            let next = boots.range((node, epoch.saturating_add(1))..=(node, u32::MAX)).next();
            let down = boots.get(&(node, epoch)).and_then(|boot| boot.down);
            let session = &mut known.session;
            let still = down.filter(|(time, _)| session.start.is_none_or(|start| start <= *time));
            if session.end.is_none() {
                if let Some((time, evidence)) = still {
                    (session.end, session.ending) = (Some(time), Ending::Down);
                    session.shown_by("end", evidence);
                } else if let Some((_, boot)) = next {
                    (session.end, session.ending) = (Some(boot.first), Ending::Crash);
                }
            }
            known
        };
        self.sessions.into_iter().map(ended).collect()
    }
}
