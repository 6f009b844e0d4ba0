//! The header of a systemd journal file: who wrote it, in which state it was left, how many records it holds and from
//! when to when (systemd, src/libsystemd/sd-journal/journal-def.h, `struct Header`; systemd.io/JOURNAL_FILE_FORMAT).
//! Little-endian. What an older systemd did not write yet is absent: `header_size` says how long its header was.

use crate::clock::Timestamp;
use crate::path::HostPath;

/// What a journal file begins with.
pub const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// Bytes of the header as systemd 255 writes it; an older one is shorter, and nothing behind that is read here.
pub const LENGTH: usize = 272;

/// Bytes of the oldest header (systemd 187), without `n_data` and what follows.
const OLDEST: u64 = 208;

/// How the file was left (`enum` of `HEADER_STATE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Closed, and may be opened again for writing.
    Offline,
    /// Being written, or its writer ended without closing it.
    Online,
    /// Closed for good: it was rotated.
    Archived,
    /// A number that is none of these.
    Other(u8),
}

impl State {
    fn of(number: u8) -> State {
        match number {
            0 => State::Offline,
            1 => State::Online,
            2 => State::Archived,
            other => State::Other(other),
        }
    }

    /// As `journalctl --header` calls it, in lower case.
    pub fn word(self) -> String {
        match self {
            State::Offline => "offline".into(),
            State::Online => "online".into(),
            State::Archived => "archived".into(),
            State::Other(number) => format!("state-{number}"),
        }
    }
}

/// What the header says. Times are microseconds since 1970 as they stand, 0 where there is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bits of what a reader may pass over: 1 sealed, 2 tail boot id, 4 sealed continuously.
    pub compatible: u32,
    /// Bits of what a reader must know: 1 xz, 2 lz4, 4 keyed hash, 8 zstd, 16 compact.
    pub incompatible: u32,
    /// How it was left.
    pub state: State,
    /// Of this file.
    pub file_id: [u8; 16],
    /// Of the machine that wrote it.
    pub machine_id: [u8; 16],
    /// The boot of its last record.
    pub tail_boot_id: [u8; 16],
    /// Of the sequence that its records' numbers belong to: files of one sequence follow one another.
    pub seqnum_id: [u8; 16],
    /// Bytes of the header.
    pub header_size: u64,
    /// Bytes of all that follows it.
    pub arena_size: u64,
    /// Objects of any kind.
    pub n_objects: u64,
    /// Records.
    pub n_entries: u64,
    /// Number of the last record.
    pub tail_seqnum: u64,
    /// Number of the first record.
    pub head_seqnum: u64,
    /// Time of the first record, microseconds since 1970.
    pub head_realtime: u64,
    /// Time of the last record, microseconds since 1970.
    pub tail_realtime: u64,
    /// Field objects with their values; absent in old files.
    pub n_data: Option<u64>,
    /// Seals (tags); absent in old files.
    pub n_tags: Option<u64>,
}

/// Why bytes are no header that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Fewer bytes than any header has.
    #[error("it ends within its header")]
    Short,
    /// Something else.
    #[error("it does not begin as a journal does")]
    Signature,
    /// `header_size` is smaller than any header, or no multiple of 8.
    #[error("the size that its header claims to have is none that a header can have")]
    HeaderSize,
}

impl Header {
    /// Reads the beginning of a file.
    pub fn parse(bytes: &[u8]) -> Result<Header, Unread> {
        if !bytes.starts_with(SIGNATURE) {
            let cut = bytes.len() < SIGNATURE.len() && SIGNATURE.starts_with(bytes);
            return Err(if cut { Unread::Short } else { Unread::Signature });
        }
        let header_size = number(bytes, 88).ok_or(Unread::Short)?;
        if header_size < OLDEST || !header_size.is_multiple_of(8) {
            return Err(Unread::HeaderSize);
        }
        Header::fields(bytes, header_size).ok_or(Unread::Short)
    }

    fn fields(bytes: &[u8], header_size: u64) -> Option<Header> {
        let later = |at: usize| if at as u64 + 8 <= header_size { number(bytes, at) } else { None };
        Some(Header {
            compatible: word(bytes, 8)?,
            incompatible: word(bytes, 12)?,
            state: State::of(*bytes.get(16)?),
            file_id: id(bytes, 24)?,
            machine_id: id(bytes, 40)?,
            tail_boot_id: id(bytes, 56)?,
            seqnum_id: id(bytes, 72)?,
            header_size,
            arena_size: number(bytes, 96)?,
            n_objects: number(bytes, 144)?,
            n_entries: number(bytes, 152)?,
            tail_seqnum: number(bytes, 160)?,
            head_seqnum: number(bytes, 168)?,
            head_realtime: number(bytes, 184)?,
            tail_realtime: number(bytes, 192)?,
            n_data: later(208),
            n_tags: later(224),
        })
    }

    /// The flags by their names, and what has no name here as `compatible-BIT`, `incompatible-BIT`.
    pub fn flags(&self) -> Vec<String> {
        const COMPATIBLE: [&str; 3] = ["sealed", "tail-entry-boot-id", "sealed-continuous"];
        const INCOMPATIBLE: [&str; 5] =
            ["compressed-xz", "compressed-lz4", "keyed-hash", "compressed-zstd", "compact"];
        let bits = |value: u32, names: &[&str], kind: &str| -> Vec<String> {
            (0..32_usize)
                .filter(|bit| value & (1 << bit) != 0)
                .map(|bit| names.get(bit).map_or_else(|| format!("{kind}-{bit}"), |name| (*name).to_owned()))
                .collect()
        };
        let mut flags = bits(self.compatible, &COMPATIBLE, "compatible");
        flags.extend(bits(self.incompatible, &INCOMPATIBLE, "incompatible"));
        flags
    }

    /// How many bytes the file has at least if nothing of it is lost.
    pub fn claimed_length(&self) -> u64 {
        self.header_size.saturating_add(self.arena_size)
    }

    /// Time of the first record.
    pub fn first(&self) -> Option<Timestamp> {
        self.time(self.head_realtime)
    }

    /// Time of the record that was written last.
    pub fn last(&self) -> Option<Timestamp> {
        self.time(self.tail_realtime)
    }

    fn time(&self, micros: u64) -> Option<Timestamp> {
        let seconds = i64::try_from(micros / 1_000_000).ok()?;
        let nanos = u32::try_from(micros % 1_000_000 * 1000).ok()?;
        (self.n_entries > 0 && micros > 0 && Timestamp::can_hold(seconds))
            .then(|| Timestamp::from_unix(seconds, nanos))
    }
}

/// Whether a journal of this path holds what other machines sent, by the names that systemd-journal-remote(8) gives.
pub fn is_remote(path: &HostPath) -> bool {
    path.parent().name() == b"remote" || path.name().starts_with(b"remote-")
}

/// An id as systemd writes it: 32 hexadecimal digits.
pub fn hex(id: &[u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn id(bytes: &[u8], at: usize) -> Option<[u8; 16]> {
    array(bytes, at)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Reads a journal's header while the file passes.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    bytes: Vec<u8>,
}

impl Beginning {
    /// The next bytes of the file.
    pub fn piece(&mut self, bytes: &[u8]) {
        let room = LENGTH.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes.iter().take(room));
    }

    /// The header, or why there is none.
    pub fn header(&self) -> Result<Header, Unread> {
        Header::parse(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
