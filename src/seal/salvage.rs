//! What a broken or unfinished bundle still gives: its members from the first on, each only if an entry follows that
//! names the entry before, and whose length and digest fit.
//!
//! There is no directory to go by. A deflated member says itself where it ends; a stored one may hold anything, whole
//! archives with forged headers too, so that its end is believed only where the entry behind it continues the chain.
//! Nobody can forge that: each entry names the digest of the one before, which holds 32 random bytes.

use std::io::{self, BufRead, Read};

use flate2::bufread::DeflateDecoder;
use serde::Serialize;

use super::archive::Method;
use super::container::ContainerError;
use super::container::headers::{parse_descriptor, read_local};
use super::inspect::Unpack as _;
use super::unpack::NewFolder;
use crate::clock::Timestamp;
use crate::custody::Sealed;
use crate::custody::bag;
use crate::custody::digest::{Digest, Hasher};
use crate::custody::entry::{ENTRY_LIMIT, Entry};
use crate::custody::json;
use crate::custody::member::{Member, Members};

/// What a salvage has given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Members of evidence that their entries prove whole.
    pub members: u64,
    /// Entries.
    pub entries: u64,
    /// Everything is there, to the end: the bundle is not broken.
    pub whole: bool,
    /// Where it ended, in words.
    pub ended: String,
}

const DESCRIPTOR: usize = 24;
const DIRECTORY: &[u8] = b"PK\x01\x02";
const SIGNATURE: &[u8] = b"PK\x07\x08";

/// What is looked at beyond a possible end: the descriptor, and the whole entry behind it.
const LOOK_AHEAD: usize = ENTRY_LIMIT;

/// Takes what can be proven whole out of `source`, from its beginning.
pub fn salvage(source: impl Read, folder: &mut NewFolder) -> io::Result<Salvaged> {
    let mut salvage = Salvage {
        reader: Ahead { source, buffer: Vec::new(), start: 0, ended: None },
        head: None,
        waiting: None,
        top: None,
        names: Members::default(),
        sealed: false,
        result: Salvaged { members: 0, entries: 0, whole: false, ended: String::new() },
    };
    let ended = loop {
        if salvage.sealed
            && salvage.reader.at_least(DIRECTORY.len()).is_ok_and(|next| next.starts_with(DIRECTORY))
        {
            salvage.result.whole = salvage.reader.ends_well();
            break if salvage.result.whole {
                "the end of the bundle"
            } else {
                "all files are there, and the end of the bundle is not"
            }
            .to_owned();
        }
        match salvage.member(folder) {
            Ok(()) => {}
            Err(Stop::Evidence(words)) => break words,
            // What is proven until then is worth more than an empty folder.
            Err(Stop::Folder(error)) if error.kind() == io::ErrorKind::StorageFull => {
                break error.to_string();
            }
            Err(Stop::Folder(error)) => return Err(error),
        }
    };
    if let Some((member, _)) = salvage.waiting.take() {
        folder.remove(&member)?;
    }
    let behind = match salvage.result.entries {
        0 => "before the first entry".to_owned(),
        last => format!("behind entry {last:06}"),
    };
    salvage.result.ended = if salvage.result.whole { ended } else { format!("{behind}: {ended}") };
    Ok(salvage.result)
}

enum Stop {
    /// The bundle gives no more; says why.
    Evidence(String),
    /// The folder takes no more.
    Folder(io::Error),
}

impl From<ContainerError> for Stop {
    fn from(error: ContainerError) -> Stop {
        Stop::Evidence(error.to_string())
    }
}

struct Salvage<R> {
    reader: Ahead<R>,
    head: Option<Digest>,
    waiting: Option<(Member, Sealed)>,
    top: Option<String>,
    names: Members,
    /// The seal's signature, the last member, has come by.
    sealed: bool,
    result: Salvaged,
}

impl<R: Read> Salvage<R> {
    fn member(&mut self, folder: &mut NewFolder) -> Result<(), Stop> {
        let (local, _) = read_local(&mut self.reader, "archive")?;
        let full = String::from_utf8(local.name).unwrap_or_default();
        let (top, name) = full.split_once('/').unwrap_or_default();
        let member = Member::parse(name).map_err(|error| Stop::Evidence(error.to_string()))?;
        if *self.top.get_or_insert_with(|| top.to_owned()) != top {
            return Err(Stop::Evidence(format!(
                "{member} lies in another folder than the members before it"
            )));
        }
        if !self.names.admit(&member) {
            return Err(Stop::Evidence(format!("{member} would replace a member before it")));
        }
        let modified = Timestamp::from_unix(local.modified, 0);
        let is_entry = name.starts_with("entries/");
        let tag = !is_entry && !name.starts_with("data/");
        if tag && ![bag::BAGIT, bag::PLAN].iter().chain(&bag::TAIL).any(|known| *known == name) {
            return Err(Stop::Evidence(format!("nothing accounts for {name}")));
        }
        if !is_entry && self.waiting.is_some() {
            return Err(Stop::Evidence(format!("no entry follows before {name}")));
        }
        folder.begin(&member, modified).map_err(Stop::Folder)?;
        let mut content = Content::new(is_entry);
        let unpacked = match local.method {
            Method::Deflated => self.deflated(folder, &mut content),
            Method::Stored => self.stored(folder, &mut content, &member),
        };
        if let Err(stop) = unpacked.and_then(|()| folder.end().map_err(Stop::Folder)) {
            folder.remove(&member).map_err(Stop::Folder)?;
            return Err(stop);
        }
        let sealed = Sealed { size: content.size, sha256: content.hasher.finish() };
        if is_entry {
            return self.entry(folder, &member, &content.kept, sealed);
        }
        if tag {
            if name == bag::PLAN {
                self.head = Some(sealed.sha256);
            }
            self.sealed = name == bag::SEAL_SIG;
        } else {
            self.waiting = Some((member, sealed));
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &mut NewFolder,
        member: &Member,
        bytes: &[u8],
        sealed: Sealed,
    ) -> Result<(), Stop> {
        let waiting = self.waiting.take();
        let proven = self.head.is_some_and(|head| continues(head, bytes, waiting.as_ref()));
        if !proven {
            folder.remove(member).map_err(Stop::Folder)?;
            if let Some((orphan, _)) = waiting {
                folder.remove(&orphan).map_err(Stop::Folder)?;
            }
            return Err(Stop::Evidence(format!(
                "{member} does not continue the chain, or does not fit its member"
            )));
        }
        self.head = Some(sealed.sha256);
        self.result.entries += 1;
        self.result.members += u64::from(waiting.is_some());
        Ok(())
    }

    fn deflated(&mut self, folder: &mut NewFolder, content: &mut Content) -> Result<(), Stop> {
        let mut inflating = DeflateDecoder::new(&mut self.reader);
        let mut buffer = vec![0; 128 << 10];
        loop {
            match inflating.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => content.take(buffer.get(..count).unwrap_or_default(), folder)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stop::Evidence(error.to_string())),
            }
        }
        let packed = inflating.total_in();
        let mut bytes = [0; DESCRIPTOR];
        self.reader.read_exact(&mut bytes).map_err(|error| Stop::Evidence(error.to_string()))?;
        let expected = (content.crc.clone().finalize(), packed, content.size);
        if parse_descriptor(&bytes) == Some(expected) {
            Ok(())
        } else {
            Err(Stop::Evidence("a member's length or checksum does not fit".into()))
        }
    }

    /// Finds the end of a stored member: where a descriptor fits all bytes before it, and the entry behind it continues
    /// the chain. Tag files have no entry behind them; for those the descriptor must do, and nothing else is at stake.
    fn stored(&mut self, folder: &mut NewFolder, content: &mut Content, member: &Member) -> Result<(), Stop> {
        loop {
            let ahead =
                self.reader.at_least(LOOK_AHEAD).map_err(|error| Stop::Evidence(error.to_string()))?;
            let Some(at) = ahead.windows(SIGNATURE.len()).position(|window| window == SIGNATURE) else {
                // All but a beginning of a signature that might go on in what is still to come.
                let safe = ahead.len().saturating_sub(SIGNATURE.len() - 1);
                if safe == 0 {
                    return Err(Stop::Evidence("the sealed file ends in the middle of a member".into()));
                }
                self.pass(safe, folder, content)?;
                continue;
            };
            self.pass(at, folder, content)?;
            if self.ends_here(content, member)? {
                self.reader.consume(DESCRIPTOR);
                return Ok(());
            }
            self.pass(1, folder, content)?;
        }
    }

    /// Whether the descriptor that begins at the front of what is ahead ends the member.
    fn ends_here(&mut self, content: &Content, member: &Member) -> Result<bool, Stop> {
        let head = self.head;
        let ahead = self.reader.at_least(LOOK_AHEAD).map_err(|error| Stop::Evidence(error.to_string()))?;
        let descriptor = ahead.get(..DESCRIPTOR).and_then(parse_descriptor);
        if descriptor != Some((content.crc.clone().finalize(), content.size, content.size)) {
            return Ok(false);
        }
        let is_evidence = member.as_str().starts_with("data/");
        let sealed = Sealed { size: content.size, sha256: content.hasher.clone().finish() };
        let behind = ahead.get(DESCRIPTOR..).unwrap_or_default();
        let entry = entry_at(behind);
        let waiting = (member.clone(), sealed);
        let continued = head.zip(entry).is_some_and(|(head, entry)| continues(head, &entry, Some(&waiting)));
        Ok(continued || !is_evidence)
    }

    fn pass(&mut self, count: usize, folder: &mut NewFolder, content: &mut Content) -> Result<(), Stop> {
        let bytes = self.reader.waiting().get(..count).unwrap_or_default();
        content.take(bytes, folder)?;
        self.reader.consume(count);
        Ok(())
    }
}

/// A reader that can look further ahead than it has given. What was read before an error is given before the error.
struct Ahead<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    ended: Option<io::Result<()>>,
}

impl<R: Read> Ahead<R> {
    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// At least so many bytes, or all that are left.
    fn at_least(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.waiting().len() < wanted && self.ended.is_none() {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.fill(2 * wanted);
        }
        if self.waiting().is_empty()
            && let Some(Err(error)) = &self.ended
        {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        Ok(self.waiting())
    }

    /// Passes over all that is left. Whether it ends where it was ended, and was not cut off.
    fn ends_well(&mut self) -> bool {
        loop {
            self.consume(self.waiting().len());
            match self.at_least(1) {
                Ok([]) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn fill(&mut self, wanted: usize) {
        let mut piece = vec![0; 64 << 10];
        while self.buffer.len() < wanted && self.ended.is_none() {
            match self.source.read(&mut piece) {
                Ok(0) => self.ended = Some(Ok(())),
                Ok(count) => self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.ended = Some(Err(error)),
            }
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waiting = self.at_least(1)?;
        let count = waiting.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.at_least(1)
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
    }
}

/// Whether an entry names `head` as the one before, and speaks of exactly the member that waits.
fn continues(head: Digest, bytes: &[u8], waiting: Option<&(Member, Sealed)>) -> bool {
    let Ok(entry) = json::read::<Entry>(bytes, ENTRY_LIMIT) else { return false };
    let claimed = entry.member.map(|member| (member, entry.size, entry.sha256));
    let found = waiting.map(|(member, sealed)| (member.clone(), sealed.size, Some(sealed.sha256)));
    entry.prev == head && claimed == found
}

/// The entry that begins at the front of `bytes`, unpacked.
fn entry_at(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = bytes;
    let (local, _) = read_local(&mut reader, "entry").ok()?;
    let name = String::from_utf8(local.name).ok()?;
    if !name.split_once('/')?.1.starts_with("entries/") || local.method != Method::Deflated {
        return None;
    }
    let mut entry = Vec::new();
    DeflateDecoder::new(reader).take(ENTRY_LIMIT as u64).read_to_end(&mut entry).ok()?;
    Some(entry)
}

struct Content {
    hasher: Hasher,
    crc: crc32fast::Hasher,
    size: u64,
    keep: bool,
    kept: Vec<u8>,
}

impl Content {
    fn new(keep: bool) -> Content {
        Content { hasher: Hasher::new(), crc: crc32fast::Hasher::new(), size: 0, keep, kept: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8], folder: &mut NewFolder) -> Result<(), Stop> {
        self.hasher.update(bytes);
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        if self.keep && self.kept.len() <= ENTRY_LIMIT {
            self.kept.extend_from_slice(bytes);
        }
        folder.write(bytes).map_err(Stop::Folder)
    }
}
