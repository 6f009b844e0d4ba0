//! What the journal says of itself, of sessions and of the clock, by its message ids (systemd, sd-messages.h), and by its
//! words where there is none (journald-server.c): beginnings and ends, messages that it did not keep, files that it
//! removed.

use super::Entry;
use crate::clock::Timestamp;

/// Notes that are kept of a file.
const KEPT: usize = 4096;
/// Bytes of a message that are kept.
const TEXT: usize = 256;

/// What a note is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// journald began.
    Started,
    /// journald ended.
    Stopped,
    /// It did not keep messages of a service that sent too many.
    Suppressed,
    /// Kernel messages came faster than it read them.
    KernelMissed,
    /// syslog took messages too slowly.
    ForwardMissed,
    /// How much room it takes.
    Usage,
    /// It removed old files.
    Vacuumed,
    /// It found a file that was not closed or is damaged, and began a new one.
    Replaced,
    /// A session of logind's began.
    SessionStarted,
    /// A session of logind's ended.
    SessionEnded,
    /// The clock was set.
    TimeChanged,
}

impl NoteKind {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            NoteKind::Started => "journal_started",
            NoteKind::Stopped => "journal_stopped",
            NoteKind::Suppressed => "messages_suppressed",
            NoteKind::KernelMissed => "kernel_messages_missed",
            NoteKind::ForwardMissed => "forwarded_messages_missed",
            NoteKind::Usage => "journal_usage",
            NoteKind::Vacuumed => "journal_vacuumed",
            NoteKind::Replaced => "journal_replaced",
            NoteKind::SessionStarted => "session_started",
            NoteKind::SessionEnded => "session_ended",
            NoteKind::TimeChanged => "time_changed",
        }
    }
}

const BY_ID: [(&[u8], NoteKind); 8] = [
    (b"f77379a8490b408bbe5f6940505a777b", NoteKind::Started),
    (b"d93fb3c9c24d451a97cea615ce59c00b", NoteKind::Stopped),
    (b"a596d6fe7bfa4994828e72309e95d61e", NoteKind::Suppressed),
    (b"e9bf28e6e834481bb6f48f548ad13606", NoteKind::KernelMissed),
    (b"ec387f577b844b8fa948f33cad9a75e6", NoteKind::Usage),
    (b"8d45620c1a4348dbb17410da57c60c66", NoteKind::SessionStarted),
    (b"3354939424b4456d9802ca8333ed424a", NoteKind::SessionEnded),
    (b"c7a787079b354eaaa9e77b371893cd27", NoteKind::TimeChanged),
];

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is of.
    pub kind: NoteKind,
    /// When the journal took it in.
    pub time: Option<Timestamp>,
    /// Its number.
    pub seqnum: Option<u64>,
    /// The message, its first 256 bytes.
    pub text: Vec<u8>,
    /// `N_DROPPED`, where it is said.
    pub dropped: Option<u64>,
    /// journald's own, or of a process of root's; anybody else can send the same words.
    pub trusted: bool,
}

/// The notes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// In the order of the entries; at most 4,096.
    pub notes: Vec<Note>,
    /// What was not kept.
    pub left: u64,
}

impl Notes {
    /// Takes an entry up if it is a note.
    pub fn take(&mut self, entry: &Entry<'_>) {
        let Some(kind) = kind(entry) else { return };
        if self.notes.len() >= KEPT {
            self.left += 1;
            return;
        }
        let own = entry.get(b"_TRANSPORT") == Some(b"driver") || entry.get(b"_UID") == Some(b"0");
        self.notes.push(Note {
            kind,
            time: entry.time(),
            seqnum: entry.seqnum,
            text: entry.get(b"MESSAGE").unwrap_or_default().iter().take(TEXT).copied().collect(),
            dropped: entry.number(b"N_DROPPED"),
            trusted: own,
        });
    }
}

fn kind(entry: &Entry<'_>) -> Option<NoteKind> {
    let by_id = entry.get(b"MESSAGE_ID").and_then(|id| BY_ID.iter().find(|(known, _)| *known == id));
    by_id.map(|(_, kind)| *kind).or_else(|| by_words(entry))
}

fn by_words(entry: &Entry<'_>) -> Option<NoteKind> {
    if !entry.get(b"SYSLOG_IDENTIFIER")?.starts_with(b"systemd-journal") {
        return None;
    }
    let message = entry.get(b"MESSAGE")?;
    let says = |words: &[u8]| memchr::memmem::find(message, words).is_some();
    match () {
        () if message.starts_with(b"Suppressed ") => Some(NoteKind::Suppressed),
        () if message.starts_with(b"Missed ") && says(b"kernel messages") => Some(NoteKind::KernelMissed),
        () if message.starts_with(b"Forwarding to syslog missed") => Some(NoteKind::ForwardMissed),
        () if message.starts_with(b"Vacuuming done") => Some(NoteKind::Vacuumed),
        () if says(b"corrupted or uncleanly shut down, renaming and replacing") => Some(NoteKind::Replaced),
        () => None,
    }
}
