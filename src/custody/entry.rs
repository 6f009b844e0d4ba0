//! One entry per member or gap: what it is, where it came from, what became of it. Schema 1, frozen.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::brief::Brief;
use super::digest::Digest;
use super::member::Member;
use super::outcome::{Outcome, ReasonCode};
use crate::clock::{Moment, Timestamp};
use crate::path::{HostPath, shown};

/// The longest entry that is read back, in bytes.
pub const ENTRY_LIMIT: usize = 1 << 20;

/// The number of an entry, from 1. In JSON and file names: six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u32);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EntryId, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(EntryId).ok_or_else(|| de::Error::custom("an entry id has six digits"))
    }
}

/// How an artifact was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file's bytes, as found.
    Copy,
    /// Volatile state: the raw bytes of a kernel or system interface, or facts about this run.
    Capture,
    /// Metadata of files, one JSON row each.
    Listing,
    /// A symbolic link and its target.
    Link,
    /// What a host program printed on one of its two outputs.
    Tool,
    /// Made from other entries of this bundle, which it names.
    Derived,
    /// Nothing follows: what was looked for is not here, or stands under an earlier entry.
    Gap,
}

/// What an artifact may hold of patients' information.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phi {
    /// Nothing.
    #[default]
    None,
    /// Names of files and people.
    Metadata,
    /// Texts that people typed.
    Possible,
    /// The records themselves.
    Content,
}

/// Bytes as standard base64 in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Base64, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Base64).map_err(de::Error::custom)
    }
}

/// Where an artifact came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// For people: the path, command or interface, escaped.
    pub display: String,
    /// The exact path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// The path that this led to, where links of root's were followed on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_b64: Option<Base64>,
    /// What a link points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_b64: Option<Base64>,
    /// The exact arguments of a host program, the program first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv_b64: Vec<Base64>,
    /// Which of a program's outputs this is: `stdout` or `stderr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The program that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<Executable>,
}

impl Source {
    /// A path on the host.
    pub fn path(path: &HostPath) -> Source {
        Source { path_b64: Some(Base64(path.as_bytes().to_vec())), ..Source::text(path.to_string()) }
    }

    /// A path on the host that leads to another, where links of root's were followed.
    pub fn led(path: &HostPath, real: &HostPath) -> Source {
        let resolved_b64 = (path != real).then(|| Base64(real.as_bytes().to_vec()));
        Source { resolved_b64, ..Source::path(path) }
    }

    /// The path that was asked for, and the one that it led to.
    pub fn places(&self) -> impl Iterator<Item = HostPath> {
        let exact = [&self.path_b64, &self.resolved_b64].into_iter().flatten();
        exact.filter_map(|path| HostPath::new(&path.0).ok())
    }

    /// Something that has no path.
    pub fn text(display: impl Into<String>) -> Source {
        Source { display: display.into(), ..Source::default() }
    }
}

/// A host program as it was when it was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executable {
    /// Its path.
    pub path_b64: Base64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its metadata.
    pub stat: FileStat,
}

/// The metadata of a file. Times in UTC to the nanosecond; sizes in bytes. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// Last access.
    pub atime: Timestamp,
    /// 512-byte blocks in use.
    pub blocks: u64,
    /// Birth, where the file system keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btime: Option<Timestamp>,
    /// Last change of content or metadata; not settable by the owner.
    pub ctime: Timestamp,
    /// Device, `major:minor`.
    pub dev: Brief,
    /// Owning group.
    pub gid: u32,
    /// Inode number.
    pub ino: u64,
    /// Type and permissions, octal: `100600`.
    pub mode: Brief,
    /// The kernel's number of the mount, where it tells (Linux 5.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_id: Option<u64>,
    /// Last change of content, as claimed; the owner can set it.
    pub mtime: Timestamp,
    /// Hard links.
    pub nlink: u64,
    /// Apparent size.
    pub size: u64,
    /// Owner.
    pub uid: u32,
    /// Those of the times, in seconds since 1970, that no calendar of four digits holds: they stand above as the
    /// nearest that it does.
    #[serde(default, deserialize_with = "super::json::unique", skip_serializing_if = "BTreeMap::is_empty")]
    pub unix: BTreeMap<String, i64>,
}

/// The file's metadata before and after it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// When it was opened.
    pub before: FileStat,
    /// When the last byte had been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileStat>,
}

/// The mount that a file lies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountFacts {
    /// File system type.
    pub fstype: String,
    /// Where it is mounted, escaped.
    pub point: String,
    /// What is mounted, escaped.
    pub source: String,
}

/// When an artifact was taken; its nanoseconds since boot prove the order of the entries.
pub type Taken = Moment;

/// The time that a member bears in the archive, and with it every unpacked file: a copy that of the file, anything else
/// when it was taken. Writer and verifier both go by it.
pub fn member_time(kind: Kind, taken: Taken, stat: Option<&Stats>) -> Timestamp {
    stat.filter(|_| kind == Kind::Copy).map_or(taken.utc, |stat| stat.before.mtime)
}

/// The time that a source was asked for, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// First record in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// Last record in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

/// What the source itself says it lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The kernel's counter of lost audit records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_lost: Option<u64>,
    /// Audit records waiting at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_backlog: Option<u64>,
    /// Messages that the journal says it missed or suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_missed: Option<u64>,
}

/// One line of the ledger; sealed as `entries/NNNNNN.json` directly behind its member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub id: EntryId,
    /// 32 random bytes: what is not disclosed cannot be guessed from the list of digests.
    pub salt: Digest,
    /// SHA-256 of the entry before; of `plan.json` for the first.
    pub prev: Digest,
    /// The collector, by id.
    pub collector: String,
    /// The step of the plan, unique within the collector.
    pub step: String,
    /// What it is, in words.
    pub title: String,
    /// How it was obtained.
    pub kind: Kind,
    /// Its member, if one stands before this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// Where it came from.
    pub source: Source,
    /// Joins what belongs to one run of a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The program's exit status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The signal that ended the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Metadata before and after reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stat: Option<Stats>,
    /// The mount it lies on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountFacts>,
    /// It became longer while it was read; what stood at the beginning is here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grew: bool,
    /// When it was taken.
    pub taken: Taken,
    /// How long that took, in nanoseconds.
    pub duration_ns: u64,
    /// Bytes of the member.
    pub size: u64,
    /// SHA-256 of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// The time asked for and found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What the source says it lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<ReasonCode>,
    /// What it may hold of patients' information.
    pub phi: Phi,
    /// The case is flagged for 42 CFR Part 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub part2: bool,
    /// The clauses that the collector serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hipaa: Vec<String>,
    /// The entries that it was made from, or that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<EntryId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn an_entry_id_has_six_digits() {
        assert_eq!(json::line(&EntryId(42)).unwrap(), b"\"000042\"\n");
        assert_eq!(json::read::<EntryId>(b"\"000042\"", 100).unwrap(), EntryId(42));
        for bad in ["\"42\"", "42", "\"00004x\"", "\"+00042\"", "\"0000042\""] {
            assert!(json::read::<EntryId>(bad.as_bytes(), 100).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_that_is_no_text_survives() {
        let path = HostPath::new(b"/srv/phi/\xff\x1b.txt").unwrap();
        let bytes = json::line(&Source::path(&path)).unwrap();
        let back: Source = json::read(&bytes, 1000).unwrap();
        assert_eq!(back.path_b64.unwrap().0, path.as_bytes());
        assert_eq!(back.display, "/srv/phi/\\xff\\u{1b}.txt");
    }

    #[test]
    fn the_keys_of_a_row_of_metadata_are_sorted() {
        let zero = Timestamp::from_unix(0, 0);
        let stat = FileStat {
            atime: zero,
            blocks: 0,
            btime: Some(zero),
            ctime: zero,
            dev: "8:1".into(),
            gid: 0,
            ino: 0,
            mode: "100600".into(),
            mount_id: Some(1),
            mtime: zero,
            nlink: 1,
            size: 0,
            uid: 0,
            unix: BTreeMap::from([("mtime".to_owned(), i64::MAX)]),
        };
        json::assert_keys_sorted(&stat);
        // A copy alone bears the time of its file, even of one that was made now.
        let (taken, stats) =
            (Taken { utc: Timestamp::from_unix(9, 0), boottime_ns: 0 }, Stats { before: stat, after: None });
        assert_eq!(member_time(Kind::Copy, taken, Some(&stats)), zero);
        assert_eq!(member_time(Kind::Capture, taken, Some(&stats)), taken.utc);
    }
}
