//! What is counted of one actor.

use std::collections::{BTreeMap, BTreeSet};

use super::super::groups::Key;
use super::super::touch::Touch;
use super::super::who::{Attribution, Sessions};
use super::{TOLD, Who};
use crate::clock::Timestamp;
use crate::custody::rows::access::ActorRow;
use crate::path::shown;
use crate::records::audit_event::operation::Outcome;

/// Bytes of a text that is told.
const TEXT: usize = 256;
/// Sessions that are told.
const SESSIONS: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub who: Who,
    pub events: u64,
    pub denied: u64,
    pub unsure: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub labels: BTreeMap<&'static str, u64>,
    pub addresses: BTreeSet<Vec<u8>>,
    pub programs: BTreeMap<Vec<u8>, u64>,
    pub directories: BTreeMap<Vec<u8>, u64>,
    pub sessions: BTreeSet<u32>,
    pub left: u64,
    pub minute: i64,
    pub in_minute: u64,
    pub burst: u64,
}

impl Actor {
    pub fn of(who: Who, time: Timestamp) -> Actor {
        Actor {
            who,
            events: 0,
            denied: 0,
            unsure: 0,
            first: time,
            last: time,
            labels: BTreeMap::new(),
            addresses: BTreeSet::new(),
            programs: BTreeMap::new(),
            directories: BTreeMap::new(),
            sessions: BTreeSet::new(),
            left: 0,
            minute: i64::MIN,
            in_minute: 0,
            burst: 0,
        }
    }

    /// Bytes of its texts.
    pub fn weight(&self) -> usize {
        (self.addresses.len() + self.programs.len() + self.directories.len()) * TEXT / 2
    }

    pub fn take(
        &mut self,
        time: Timestamp,
        key: &Key,
        touch: &Touch,
        attribution: &Attribution,
        sessions: &Sessions<'_>,
    ) {
        self.events += 1;
        self.denied += u64::from(key.outcome == Outcome::Denied);
        self.unsure += u64::from(!key.found.is_sure());
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
        *self.labels.entry(key.label).or_default() += 1;
        for at in attribution.session.iter().chain(&attribution.candidates) {
            let Some(address) = sessions.get(*at).map(|session| &session.from.address) else { continue };
            if address.is_empty() || self.addresses.contains(address) {
                continue;
            }
            if self.addresses.len() < TOLD && address.len() <= TEXT {
                self.addresses.insert(address.clone());
            } else {
                self.left += 1;
            }
        }
        if let Some(ses) = key.ses.filter(|ses| !self.sessions.contains(ses)) {
            let room = self.sessions.len() < SESSIONS;
            self.left += u64::from(!room);
            if room {
                self.sessions.insert(ses);
            }
        }
        self.left += u64::from(!count(&mut self.programs, &key.exe));
        if key.found.is_sure() {
            let is_directory = touch.file_type == Some("directory");
            let directory = if is_directory { key.path.as_slice() } else { above(&key.path) };
            self.left += u64::from(!count(&mut self.directories, directory));
        }
    }

    pub fn row(self, auid_name: String, files: u64, files_by_op: BTreeMap<&'static str, u64>) -> ActorRow {
        let told = |counts: BTreeMap<Vec<u8>, u64>| {
            counts.into_iter().map(|(text, count)| (shown(&text), count)).collect::<BTreeMap<_, _>>()
        };
        ActorRow {
            addresses: self.addresses.iter().map(|address| shown(address)).collect(),
            auid: self.who.auid,
            auid_name,
            burst_files_per_minute: self.burst,
            collector: self.who.collector,
            denied: self.denied,
            directories: told(self.directories),
            events: self.events,
            files,
            files_by_op,
            first_utc: self.first,
            labels: self.labels,
            last_utc: self.last,
            left: self.left,
            node: shown(&self.who.node),
            programs: told(self.programs),
            schema: "phi-ir.phi-actor/1",
            sessions: self.sessions.into_iter().collect(),
            uid: self.who.uid,
            unsure_events: self.unsure,
        }
    }
}

/// Counts on; false if there is no room for one more.
fn count(counts: &mut BTreeMap<Vec<u8>, u64>, text: &[u8]) -> bool {
    if let Some(count) = counts.get_mut(text) {
        *count += 1;
        return true;
    }
    let room = counts.len() < TOLD && text.len() <= TEXT;
    if room {
        counts.insert(text.to_vec(), 1);
    }
    room
}

fn above(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..end.max(1)).unwrap_or(path)
}
