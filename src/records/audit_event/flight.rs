//! An event that is not over: what is known of its being complete.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memmem};

use super::super::audit_log::{ENRICHED, EventId, Head, arguments, head};
use super::super::audit_rules::types;
use super::{Event, Place, Shortfall};
use crate::clock::Timestamp;

/// Records of one event that are compared with those of another file.
const COMPARED: usize = 256;

/// An event in the making.
pub(super) struct Flight {
    pub(super) event: Event,
    /// The number of its last record among all, and the latest time in the log when it came.
    pub(super) touched: u64,
    /// The entry of the queue that is its own; all others are stale.
    pub(super) queued: u64,
    pub(super) newest: Timestamp,
    pub(super) wanted: bool,
    /// Records of another file that say the same.
    pub(super) duplicates: u64,
    /// It stands alone, or its end was marked.
    is_closed: bool,
    /// PATH records that the system call says there are.
    items: Option<u64>,
    paths: u64,
    has_proctitle: bool,
    /// A system call, or an operation of io_uring, was seen.
    has_call: bool,
    /// Records were seen that only a system call has.
    needs_call: bool,
    has_arguments: bool,
}

/// What is remembered of an event that has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) print: u64,
    pub(super) file: u32,
}

impl Flight {
    pub(super) fn new(event: Event, newest: Timestamp) -> Flight {
        Flight {
            event,
            touched: 0,
            queued: 0,
            newest,
            wanted: false,
            duplicates: 0,
            is_closed: false,
            items: None,
            paths: 0,
            has_proctitle: false,
            has_call: false,
            needs_call: false,
            has_arguments: false,
        }
    }

    /// An event begins in the place of one that has left.
    pub(super) fn begin(&mut self, id: EventId, node: &[u8], epoch: u32) {
        (self.event.id, self.event.epoch) = (id, epoch);
        self.event.node.extend_from_slice(node);
    }

    /// The event as it is; its buffers go with it.
    pub(super) fn take(&mut self) -> Event {
        let id = self.event.id;
        std::mem::replace(&mut self.event, Event::new(id, b"", 0))
    }

    /// Forgets the event, and its buffers if they are large or enough are kept.
    pub(super) fn clear(&mut self, largest: usize, keeps: bool) {
        let mut event = self.take();
        *self = Flight::new(Event::new(event.id, b"", 0), self.newest);
        if keeps
            && event.text.capacity() <= largest
            && event.lines.capacity() <= largest / size_of::<(u32, Place)>()
        {
            event.text.clear();
            event.lines.clear();
            (self.event.text, self.event.lines) = (event.text, event.lines);
        }
    }

    /// Takes up a record; true if it is one that came when all seemed to be there.
    pub(super) fn push(&mut self, head: &Head<'_>, line: &[u8], place: Place) -> bool {
        if self.event.lines.first().is_some_and(|(_, first)| first.file != place.file) {
            match self.other(head, line, place.file) {
                Some(Other::Same) => {
                    self.duplicates += 1;
                    return false;
                }
                Some(Other::Different) => self.event.conflict = true,
                None => {}
            }
        }
        let is_late = self.is_complete() && head.kind != b"EOE";
        self.event.push(line, place);
        self.learn(head);
        is_late
    }

    fn learn(&mut self, head: &Head<'_>) {
        match head.kind {
            b"SYSCALL" | b"URINGOP" => {
                self.has_call = true;
                self.items = self.items.max(items(head.rest));
            }
            b"PATH" => {
                self.paths += 1;
                self.needs_call = true;
            }
            b"CWD" => self.needs_call = true,
            b"PROCTITLE" => self.has_proctitle = true,
            b"EXECVE" => (self.has_arguments, self.needs_call) = (true, true),
            b"EOE" => self.is_closed = true,
            kind => self.is_closed |= stands_alone(kind),
        }
    }

    /// Whether all of its records are there, as far as they say it themselves.
    pub(super) fn is_complete(&self) -> bool {
        self.is_closed || (self.has_call && self.has_proctitle && self.paths >= self.items.unwrap_or(0))
    }

    /// What another file says in the place of this record.
    fn other(&self, head: &Head<'_>, line: &[u8], file: u32) -> Option<Other> {
        // Nothing that the kernel logs has so many; what compares each with each takes too long for more.
        if self.event.lines.len() > COMPARED {
            return None;
        }
        let mut found = None;
        for (known, _) in self.event.lines().filter(|(_, place)| place.file != file) {
            if bare(known) == bare(line) {
                return Some(Other::Same);
            }
            if is_of_same(known, head) {
                found = Some(Other::Different);
            }
        }
        found
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Flight>()
            + self.event.node.len()
            + self.event.text.len()
            + self.event.lines.len() * size_of::<(u32, Place)>()
    }

    /// Says what is missing, now that it is over.
    pub(super) fn close(&mut self) {
        let missing_arguments = || arguments(&self.event).is_some_and(|arguments| arguments.missing > 0);
        let shortfalls = [
            (Shortfall::NoSyscall, self.needs_call && !self.has_call),
            (Shortfall::ItemsShort, self.has_call && self.paths < self.items.unwrap_or(0)),
            (Shortfall::ArgumentsShort, self.has_arguments && missing_arguments()),
        ];
        self.event.shortfalls.extend(shortfalls.into_iter().filter_map(|(what, is)| is.then_some(what)));
    }

    /// A hash of the bytes of its records, in whatever order they stand and whoever passed them on.
    pub(super) fn print(&self, seed: u64) -> u64 {
        self.event.lines().fold(0, |sum: u64, (line, _)| sum.wrapping_add(mixed(bare(line), seed)))
    }
}

/// Gives an event as each of the files has it that say different things of it; one that all agree on as it is.
pub(super) fn versions(event: Event, each: &mut dyn FnMut(Event)) {
    let mut files: Vec<u32> = event.lines().map(|(_, place)| place.file).collect();
    files.sort_unstable();
    files.dedup();
    if !event.conflict || files.len() < 2 || event.lines.len() > COMPARED {
        return each(event);
    }
    files.iter().for_each(|file| each(version(&event, *file)));
}

/// The records that a file has of its own, and of those of others what it does not say otherwise: a record that two files
/// have in common was kept once.
fn version(event: &Event, file: u32) -> Event {
    let mut kept: Vec<(usize, (&[u8], Place))> = event.lines().enumerate().collect();
    let (mut others, mut own) = (Vec::new(), Vec::new());
    kept.drain(..).for_each(|one| if one.1.1.file == file { own.push(one) } else { others.push(one) });
    for one in others {
        let is_said = |head: Head<'_>| own.iter().any(|(_, (line, _))| is_of_same(line, &head));
        if !head(one.1.0).is_some_and(is_said) {
            own.push(one);
        }
    }
    own.sort_unstable_by_key(|(at, _)| *at);
    let mut version = Event { text: Vec::new(), lines: Vec::new(), ..event.clone() };
    own.iter().for_each(|(_, (line, place))| version.push(line, *place));
    version
}

/// What another file has in the place of a record.
enum Other {
    Same,
    Different,
}

/// A record without what others put before and behind it.
fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = match line.starts_with(b"type=") {
        true => line,
        false => memmem::find(line, b"type=").and_then(|at| line.get(at..)).unwrap_or(line),
    };
    memchr(ENRICHED, line).and_then(|end| line.get(..end)).unwrap_or(line)
}

/// Whether two records are what there can be only one of in an event.
fn is_of_same(known: &[u8], other: &Head<'_>) -> bool {
    let Some(known) = head(known).filter(|known| known.kind == other.kind) else { return false };
    match known.kind {
        b"PATH" => first_field(known.rest) == first_field(other.rest),
        b"SYSCALL" | b"CWD" | b"PROCTITLE" | b"LOGIN" => true,
        kind => stands_alone(kind),
    }
}

/// `item=0` of a PATH record.
fn first_field(rest: &[u8]) -> Option<&[u8]> {
    rest.split(|byte| *byte == b' ').find(|field| field.contains(&b'='))
}

/// `items=2` of a system call.
fn items(rest: &[u8]) -> Option<u64> {
    static ITEMS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" items="));
    let at = ITEMS.find(rest)?;
    let digits = rest.get(at + 7..)?;
    Some(
        digits
            .iter()
            .map_while(|byte| char::from(*byte).to_digit(10))
            .take(6)
            .fold(0, |sum, digit| sum * 10 + u64::from(digit)),
    )
}

/// Whether a record of this type is an event by itself: what programs say, which the kernel only passes on, and what
/// auditd says of itself (linux/audit.h: 1100 to 1199, 2000 and more). Not so LOGIN and CONFIG_CHANGE.
fn stands_alone(kind: &[u8]) -> bool {
    let is_known =
        [&b"USER_"[..], b"CRED_", b"SERVICE_", b"DAEMON_"].iter().any(|begin| kind.starts_with(begin));
    is_known
        || !matches!(kind, b"BPRM_FCAPS" | b"SOCKADDR" | b"CONFIG_CHANGE" | b"LOGIN" | b"OPENAT2" | b"CAPSET")
            && std::str::from_utf8(kind)
                .ok()
                .and_then(types::number)
                .is_some_and(|number| (1100..1200).contains(&number) || number >= 2000)
}

/// A hash that nobody can foresee who does not know the seed.
fn mixed(bytes: &[u8], seed: u64) -> u64 {
    let step =
        |sum: u64, word: u64| ((sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed << 1)).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(seed ^ bytes.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
    step(step(sum, last), seed)
}
