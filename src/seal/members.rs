//! A bundle that is asked questions: verified once, from its first member to its last, and from then on its members are
//! read by the entry that speaks of them. Nothing of it ever stands on a disk in the clear.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::OpenError;
use super::container::{Container, ContainerError};
use super::envelope::{Identities, Opening};
use super::files::BundleFiles;
use super::inspect::Unpack;
use super::opened::{Examination, Trust};
use crate::clock::Timestamp;
use crate::custody::digest::{Digest, Hasher};
use crate::custody::entry::{ENTRY_LIMIT, Entry, EntryId, Kind};
use crate::custody::json;
use crate::custody::member::Member;
use crate::custody::outcome::Outcome;
use crate::custody::verdict::Word;
use crate::path::HostPath;

/// Bytes of one piece of a member.
const PIECE: usize = 128 << 10;

/// Bytes of what all entries say that are kept; those of a bundle with a hundred thousand of them are a tenth of it.
const KEPT: usize = 256 << 20;

/// What an entry says that a reader needs; a bundle may have a hundred thousand of them.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its number.
    pub id: EntryId,
    /// The collector, by id.
    pub collector: String,
    /// What it is, in words.
    pub title: String,
    /// How it was obtained.
    pub kind: Kind,
    /// Where it came from, escaped.
    pub display: String,
    /// The path on the host that was asked for, and the one that it led to.
    pub paths: Vec<HostPath>,
    /// Its member, if it has one.
    pub member: Option<Member>,
    /// Bytes of the member.
    pub size: u64,
    /// SHA-256 of the member.
    pub sha256: Option<Digest>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: Option<String>,
    /// When the file was last changed, as it claimed.
    pub modified: Option<Timestamp>,
    /// When it was taken.
    pub taken: Timestamp,
}

impl Listed {
    /// What of an entry is kept.
    pub fn of(entry: Entry) -> Listed {
        Listed {
            paths: entry.source.places().collect(),
            id: entry.id,
            collector: entry.collector,
            title: entry.title,
            kind: entry.kind,
            display: entry.source.display,
            member: entry.member,
            size: entry.size,
            sha256: entry.sha256,
            outcome: entry.outcome,
            reason: entry.reason,
            modified: entry.stat.map(|stats| stats.before.mtime),
            taken: entry.taken.utc,
        }
    }

    /// Bytes that it holds in memory.
    fn weight(&self) -> usize {
        let texts = [&self.collector, &self.title, &self.display].map(String::capacity).iter().sum::<usize>();
        let paths = self.paths.iter().map(|path| path.as_bytes().len()).sum::<usize>();
        size_of::<Listed>() + texts + paths + self.reason.as_ref().map_or(0, String::capacity)
    }

    /// Whether it came from this path, or led there.
    pub fn is_of(&self, path: &HostPath) -> bool {
        self.paths.contains(path)
    }
}

/// Why a member cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// There is none of this name.
    #[error("{0} is not in the bundle")]
    Missing(Member),
    /// It is not what its entry says.
    #[error("{0} is not what its entry says: the file changed while it was read")]
    Differs(Member),
    /// The bundle cannot be read any more.
    #[error("{member}: {source}")]
    Container {
        /// Which.
        member: Member,
        /// Why.
        source: ContainerError,
    },
}

/// A verified bundle, open.
pub struct SealedMembers {
    container: Mutex<Container<Opening<File>>>,
    /// Where each member stands in the archive's directory.
    places: BTreeMap<String, usize>,
    entries: Vec<Listed>,
}

impl SealedMembers {
    /// Examines the whole bundle as `verify` does, and opens it; none if it failed, or there is no sealed file.
    pub fn open(
        files: &BundleFiles,
        identities: &Identities,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(Examination, Option<SealedMembers>), OpenError> {
        let mut keeper = Keeper::default();
        let examination = files.examine(Some(identities), trust, now, &mut keeper)?;
        let sealed = files.sealed.as_ref().filter(|_| examination.verdict.verdict != Word::Failed);
        let Some(sealed) = sealed.filter(|_| examination.verdict.opened) else {
            return Ok((examination, None));
        };
        let container = Container::open(identities.decrypt(File::open(sealed)?)?);
        let container = container.map_err(io::Error::other)?;
        let within = |name: &str| name.split_once('/').map(|(_, name)| name.to_owned());
        let names = container.records().iter().map(|record| within(&record.name));
        let places = names.zip(0..).filter_map(|(name, at)| Some((name?, at))).collect();
        let members = SealedMembers { container: Mutex::new(container), places, entries: keeper.entries };
        Ok((examination, Some(members)))
    }

    /// The archive, which is read from one place at a time.
    fn container(&self) -> MutexGuard<'_, Container<Opening<File>>> {
        self.container.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the entries say, in their order.
    pub fn entries(&self) -> &[Listed] {
        &self.entries
    }

    /// All that an entry says, read once more.
    pub fn entry(&self, listed: &Listed) -> Result<Entry, MemberError> {
        let name = Member::of_entry(listed.id.0);
        let mut bytes = Vec::new();
        let mut container = self.container();
        let record = self.places.get(name.as_str()).and_then(|at| container.records().get(*at)).cloned();
        let record = record.ok_or_else(|| MemberError::Missing(name.clone()))?;
        let read = container.again(&record, |_, content| {
            content.take(ENTRY_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
            Ok(())
        });
        let failed = |source| MemberError::Container { member: name.clone(), source };
        read.map_err(failed)?;
        json::read(&bytes, ENTRY_LIMIT).map_err(|error| failed(io::Error::other(error).into()))
    }

    /// Reads the member of an entry, piece by piece, until `each` has had enough. Read to its end, it is what its entry
    /// says, or that is an error.
    pub fn read(
        &self,
        entry: &Listed,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), MemberError> {
        let Some(member) = &entry.member else { return Ok(()) };
        let mut container = self.container();
        let record = self.places.get(&member.to_string()).and_then(|at| container.records().get(*at));
        let record = record.cloned().ok_or_else(|| MemberError::Missing(member.clone()))?;
        let mut check = Check::default();
        let mut enough = false;
        let read = container.again(&record, |_, content| {
            let mut buffer = vec![0; PIECE];
            loop {
                let count = match content.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error.into()),
                };
                let bytes = buffer.get(..count).unwrap_or_default();
                check.bytes(bytes);
                if each(bytes).is_break() {
                    enough = true;
                    return Ok(());
                }
            }
        });
        match read {
            // What was left unread is no damage.
            _ if enough => Ok(()),
            Err(source) => Err(MemberError::Container { member: member.clone(), source }),
            Ok(()) if check.is(entry) => Ok(()),
            Ok(()) => Err(MemberError::Differs(member.clone())),
        }
    }
}

/// Whether the bytes that pass are those that an entry speaks of.
#[derive(Default)]
pub struct Check {
    hasher: Option<Hasher>,
    size: u64,
}

impl Check {
    /// More bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.hasher.get_or_insert_with(Hasher::new).update(bytes);
        self.size += bytes.len() as u64;
    }

    /// All have passed.
    pub fn is(self, entry: &Listed) -> bool {
        let found = self.hasher.map_or_else(|| Digest::of(b""), Hasher::finish);
        self.size == entry.size && entry.sha256.is_none_or(|sha256| sha256 == found)
    }
}

/// Keeps what the entries say while the bundle is examined.
#[derive(Default)]
struct Keeper {
    entries: Vec<Listed>,
    /// Bytes of them.
    weight: usize,
    /// The entry that passes.
    entry: Option<Vec<u8>>,
}

impl Unpack for Keeper {
    fn begin(&mut self, member: &Member, _: Timestamp) -> io::Result<()> {
        self.entry = member.to_string().starts_with("entries/").then(Vec::new);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(entry) = self.entry.as_mut().filter(|entry| entry.len() <= ENTRY_LIMIT) {
            entry.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        // One that cannot be read fails the examination, and no question is answered then.
        let entry = self.entry.take().and_then(|bytes| json::read::<Entry>(&bytes, ENTRY_LIMIT).ok());
        entry.map_or(Ok(()), |entry| self.keep(Listed::of(entry)))
    }
}

impl Keeper {
    fn keep(&mut self, listed: Listed) -> io::Result<()> {
        self.weight = self.weight.saturating_add(listed.weight());
        if self.weight > KEPT {
            let words = format!("its entries say more than the {KEPT} bytes that are kept of them");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
        }
        self.entries.push(listed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::entry::Source;

    fn listed(content: &[u8]) -> Listed {
        Listed {
            id: EntryId(1),
            collector: "accounts".into(),
            title: String::new(),
            kind: Kind::Copy,
            display: Source::text("/etc/passwd").display,
            paths: vec![HostPath::new("/etc/passwd").unwrap()],
            member: Member::parse("data/root/etc/passwd").ok(),
            size: content.len() as u64,
            sha256: Some(Digest::of(content)),
            outcome: Outcome::Collected,
            reason: None,
            modified: None,
            taken: Timestamp::from_unix(0, 0),
        }
    }

    #[test]
    fn bytes_are_those_of_an_entry_or_they_are_not() {
        let checked = |pieces: &[&[u8]], entry: &[u8]| {
            let mut check = Check::default();
            pieces.iter().for_each(|piece| check.bytes(piece));
            check.is(&listed(entry))
        };
        assert!(checked(&[b"ab", b"c"], b"abc") && checked(&[], b""));
        assert!(!checked(&[b"abd"], b"abc") && !checked(&[b"ab"], b"abc") && !checked(&[b"abc"], b""));
    }

    #[test]
    fn only_so_much_is_kept_of_what_entries_say() {
        let mut keeper = Keeper { weight: KEPT - 2 * listed(b"").weight(), ..Keeper::default() };
        assert!(keeper.keep(listed(b"")).is_ok() && keeper.keep(listed(b"")).is_ok());
        assert!(keeper.keep(listed(b"")).is_err());
        assert_eq!(keeper.entries.len(), 2);
        assert!(keeper.entries[0].is_of(&HostPath::new("/etc/passwd").unwrap()));
    }
}
