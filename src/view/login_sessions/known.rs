//! One session as the records of the audit log fill it in, and what its process said before it had one.

use std::time::Duration;

use super::audit_record::Told;
use super::shared::differ;
use super::{Ending, Evidence, Flag, Session};
use crate::clock::Timestamp;
use crate::records::auth_text::{From, Key};

/// Programs that open sessions for the machine's own sake.
const MANAGERS: [&[u8]; 6] = [b"cron", b"crond", b"atd", b"anacron", b"systemd", b"systemd-executor"];

/// What a process says before it logs in counts for so long.
pub(super) const BEFORE: Duration = Duration::from_secs(2);
/// The connection it says it of may have waited for somebody to type (sshd_config(5) `LoginGraceTime`).
pub(super) const CONNECTED: Duration = Duration::from_secs(120);
/// One session, as far as it is told of.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) session: Session,
    /// How many logins the log has under its number.
    pub(super) logins: u32,
    /// The address stands in a record of the session itself.
    pub(super) own_address: bool,
    pub(super) ends: Vec<(u8, Option<u32>, Timestamp, Evidence)>,
}

/// What a process said before it logged in.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) time: Timestamp,
    connected: Timestamp,
    from: From,
    hostname: Vec<u8>,
    user: Vec<u8>,
    method: &'static [u8],
    fingerprint: Vec<u8>,
    evidence: Evidence,
}

impl Known {
    /// Origin and names, from a record of the session itself.
    pub(super) fn names(&mut self, told: &Told, time: Timestamp, evidence: Evidence) {
        let session = &mut self.session;
        let put = |field: &'static str, place: &mut Vec<u8>, value: &[u8], shown: &mut Vec<&'static str>| {
            if place.is_empty() && !value.is_empty() {
                *place = value.to_vec();
                shown.push(field);
            }
        };
        let mut shown = Vec::new();
        put("service", &mut session.service, &told.program, &mut shown);
        put("user", &mut session.user, told.account().unwrap_or_default(), &mut shown);
        put("hostname", &mut session.hostname, &told.hostname, &mut shown);
        put("terminal", &mut session.terminal, told.tty(), &mut shown);
        if MANAGERS.contains(&session.service.as_slice()) {
            session.flags.insert(Flag::ServiceManager);
        }
        if !told.addr.is_empty() {
            if self.own_address && differ(&session.from.address, &told.addr) {
                session.flags.insert(Flag::AddressConflict);
            } else if !self.own_address {
                if differ(&session.from.address, &told.addr) {
                    session.flags.insert(Flag::AddressConflict);
                }
                session.from.address = told.addr.clone();
                self.own_address = true;
            }
            shown.push("address");
        }
        // A log that begins within a session has no LOGIN of it.
        if self.logins == 0 {
            session.start = Some(session.start.map_or(time, |start| start.min(time)));
            session.pid = session.pid.or(told.pid);
        }
        shown.into_iter().for_each(|field| session.shown_by(field, evidence));
    }

    /// What its process said before it logged in.
    pub(super) fn came(&mut self, before: Before, time: Timestamp) {
        let session = &mut self.session;
        let recent = time.since(before.time) <= BEFORE && before.time <= time;
        let connected = time.since(before.connected) <= CONNECTED && before.connected <= time;
        let mut shown = Vec::new();
        if recent && session.from.address.is_empty() && !before.from.address.is_empty() {
            session.from.address = before.from.address;
            shown.push("address");
        }
        if connected && before.from.port.is_some() {
            session.from.port = before.from.port;
            shown.push("port");
        }
        if recent && session.user.is_empty() && !before.user.is_empty() {
            session.user = before.user;
            shown.push("user");
        }
        if recent && session.hostname.is_empty() {
            session.hostname = before.hostname;
        }
        if connected && !before.fingerprint.is_empty() {
            session.key = Some(Key { fingerprint: before.fingerprint, ..Key::default() });
            shown.push("key");
        }
        if connected && !before.method.is_empty() {
            session.method = before.method.to_vec();
            shown.push("method");
        }
        shown.into_iter().for_each(|field| session.shown_by(field, before.evidence));
    }

    /// The end that the best of its records tells: that of the process that logged in.
    pub(super) fn close(&mut self) {
        let own = self.session.pid;
        let end = self
            .ends
            .iter()
            .filter(|(_, pid, ..)| own.is_none() || *pid == own)
            .min_by_key(|end| (end.0, end.2));
        if let Some((_, _, time, evidence)) = end.copied() {
            (self.session.end, self.session.ending) = (Some(time), Ending::Logout);
            self.session.shown_by("end", evidence);
        }
        self.ends = Vec::new();
    }
}

impl Before {
    pub(super) fn new(time: Timestamp, evidence: Evidence) -> Before {
        let (from, hostname, user) = (From::default(), Vec::new(), Vec::new());
        Before { time, connected: time, from, hostname, user, method: b"", fingerprint: Vec::new(), evidence }
    }

    pub(super) fn add(&mut self, kind: &[u8], time: Timestamp, told: Told) {
        self.time = time;
        if !told.addr.is_empty() {
            self.from.address = told.addr.clone();
        }
        self.from.port = told.port.or(self.from.port);
        if let Some(user) = told.account() {
            self.user = user.to_vec();
        }
        if !told.hostname.is_empty() {
            self.hostname = told.hostname;
        }
        if !told.fingerprint.is_empty() {
            self.fingerprint = told.fingerprint;
        }
        // Distributions that patch sshd so write the means into `op`.
        if kind == b"USER_AUTH" {
            self.method = match told.op.as_slice() {
                op if op.starts_with(b"pubkey") => b"publickey",
                b"password" => b"password",
                _ => self.method,
            };
        }
    }
}
