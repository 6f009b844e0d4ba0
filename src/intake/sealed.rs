//! What has been sealed of files. A file is known again by itself, never by its name alone: names are rotated, and
//! given to others.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use super::Intake;
use crate::clock::Timestamp;
use crate::custody::digest::Digest;
use crate::custody::entry::{EntryId, FileStat};
use crate::host::stat::Met;
use crate::host::walk::Match;
use crate::path::HostPath;
use crate::records::observer::Observed;

/// What makes a file the same file, however it is called: device and inode; and, because the number of a file that was
/// removed is given to the next one, its birth where the file system keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Device and inode.
    pub identity: (u64, u64),
    /// When it was made.
    pub born: Option<Timestamp>,
}

impl FileId {
    /// Of what was met.
    pub fn of(met: &Met) -> FileId {
        FileId { identity: met.identity, born: met.stat.btime }
    }

    /// In words, for reasons.
    pub fn in_words(stat: &FileStat) -> String {
        let born = stat.btime.map_or_else(String::new, |born| format!(", made {born}"));
        format!("device {}, inode {}{born}", stat.dev, stat.ino)
    }
}

/// A file's bytes as they were sealed.
#[derive(Clone, Debug)]
pub struct SealedCopy {
    /// The entry.
    pub entry: EntryId,
    /// SHA-256 of the member.
    pub sha256: Digest,
    /// Bytes of the member.
    pub size: u64,
    /// When the file was last changed, as it claimed when it was opened.
    pub modified: Timestamp,
    /// It is all there: not cut, and not changed while it was read.
    pub whole: bool,
    /// It was read to its end, whether or not it held still meanwhile.
    pub to_its_end: bool,
    /// The path as it was asked for, where links led from there to the one that it really has.
    pub asked: Option<HostPath>,
    /// All of its bytes, where they were to be kept and are few enough.
    pub kept: Option<Arc<Vec<u8>>>,
    /// What was learnt of it while it passed, also of what is not whole; none where its form teaches nothing.
    pub observed: Option<Observed>,
    /// Which file it is.
    pub file: FileId,
    /// Where it really lay when it was opened.
    pub real: HostPath,
    /// Whether it has a length of its own; what the kernel makes up when it is read, as in /proc, has none, and no
    /// lasting number.
    pub has_length: bool,
    /// The same file was taken once more, whole, because it had grown and been given another name.
    pub taken_again: bool,
}

impl SealedCopy {
    /// The path by which it is known: as it was asked for, or else as it really lay.
    pub fn path(&self) -> &HostPath {
        self.asked.as_ref().unwrap_or(&self.real)
    }

    /// Whether it is of the file that was met. Where no birth tells, a file that is shorter now is another one that was
    /// given the number.
    fn is_of(&self, met: &Met) -> bool {
        let (mine, its) = (self.file, FileId::of(met));
        let births_known = mine.born.is_some() && its.born.is_some();
        mine.identity == its.identity
            && if births_known { mine.born == its.born } else { met.stat.size >= self.size }
    }

    /// Whether these bytes are all that there is of what was found. Under the name that it had, a file that goes on being
    /// written is still the one that was taken, up to that moment.
    fn covers(&self, found: &Match) -> bool {
        let (same_place, stat) = (self.real == found.spot.real, &found.met.stat);
        if !self.has_length {
            return same_place;
        }
        let as_sealed = stat.size == self.size && stat.mtime == self.modified;
        self.is_of(&found.met) && (as_sealed || same_place && stat.size >= self.size)
    }
}

/// All of them, in the order in which they were sealed.
#[derive(Debug, Default)]
pub(super) struct SealedCopies {
    list: Vec<SealedCopy>,
    by_path: HashMap<HostPath, Vec<usize>>,
    by_file: HashMap<(u64, u64), Vec<usize>>,
}

impl SealedCopies {
    /// One more. If it is the whole of a file of which less was sealed before, it stands for that too.
    pub fn add(&mut self, copy: SealedCopy) {
        let at = self.list.len();
        let same = self.by_file.entry(copy.file.identity).or_default();
        for at in same.iter().filter(|_| copy.whole && copy.has_length) {
            if let Some(earlier) = self.list.get_mut(*at) {
                earlier.taken_again |= earlier.file == copy.file && earlier.size <= copy.size;
            }
        }
        same.push(at);
        self.by_path.entry(copy.real.clone()).or_default().push(at);
        self.list.push(copy);
    }

    fn at<'s>(&'s self, path: &HostPath) -> impl DoubleEndedIterator<Item = &'s SealedCopy> + use<'s> {
        self.by_path.get(path).into_iter().flatten().filter_map(|at| self.list.get(*at))
    }

    fn of<'s>(&'s self, met: &Met) -> impl DoubleEndedIterator<Item = &'s SealedCopy> + use<'s> {
        self.by_file.get(&met.identity).into_iter().flatten().filter_map(|at| self.list.get(*at))
    }

    /// What was sealed last of a file that really lay at `path` and holds something.
    pub fn last_at(&self, path: &HostPath) -> Option<&SealedCopy> {
        self.at(path).rev().find(|copy| copy.size > 0)
    }

    /// Each file without a byte in it.
    pub fn empty(&self) -> impl Iterator<Item = &SealedCopy> {
        self.list.iter().filter(|copy| copy.size == 0)
    }

    /// Each file that holds something; of one that was taken again, what is longer.
    pub fn all(&self) -> impl Iterator<Item = &SealedCopy> {
        self.list.iter().filter(|copy| copy.size > 0 && !copy.taken_again)
    }

    /// The bytes that were kept are not needed any more.
    pub fn forget_kept(&mut self) {
        self.list.iter_mut().for_each(|copy| copy.kept = None);
    }

    /// The whole copy that has all of what was found, if there is one. What was cut, changed or failed the first time is
    /// taken anew when somebody asks again; what holds nothing costs nothing.
    pub fn covering(&self, found: &Match) -> Option<&SealedCopy> {
        let copies = self.of(&found.met).rev().chain(self.at(&found.spot.real).rev());
        copies.filter(|copy| copy.whole && copy.size > 0).find(|copy| copy.covers(found))
    }

    /// The copy of the file that was found, where it is to be taken again: it was given another name and is not as it was
    /// sealed, because it went on being written until it was rotated, or longer; or it was still being written under
    /// the name of a rotated log, and what followed it has been sealed since. A file that was renamed or written to
    /// while it was read is no less due than one that held still; what a limit or an error ended is not taken further.
    pub fn outgrown(&self, found: &Match) -> Option<&SealedCopy> {
        let (last, stat) = (self.last_of(found)?, &found.met.stat);
        let differs = stat.size > last.size || stat.size > 0 && stat.mtime != last.modified;
        let is_renamed = || last.real != found.spot.real && differs;
        let is_overtaken = || stat.size > last.size && self.is_overtaken(last);
        (last.to_its_end && (is_renamed() || is_overtaken())).then_some(last)
    }

    /// Whether a file that is called as this one's daemon calls its log, and was not made before it, was sealed after it.
    fn is_overtaken(&self, copy: &SealedCopy) -> bool {
        let is_successor = |later: &&SealedCopy| {
            let is_stem = later.real != copy.real && copy.real.as_bytes().starts_with(later.real.as_bytes());
            is_stem && later.size > 0 && later.file != copy.file && later.file.born >= copy.file.born
        };
        let sealed_later = self.list.iter().rev().take_while(|later| later.entry > copy.entry);
        sealed_later.into_iter().any(|later| is_successor(&later))
    }

    /// The last copy of the file that was found.
    pub fn last_of(&self, found: &Match) -> Option<&SealedCopy> {
        self.of(&found.met).rfind(|copy| copy.is_of(&found.met))
    }

    /// Whether what was found has the number of a file that was sealed, and is another one: its number was given to it
    /// when the other was removed. Where files have births they are told apart by them from the beginning.
    pub fn is_replaced(&self, found: &Match) -> bool {
        found.met.stat.btime.is_none()
            && self.of(&found.met).any(|copy| copy.has_length)
            && self.last_of(found).is_none()
    }

    /// Whether another file was taken under the name of what was found, or under the name that it had before it was rotated,
    /// and it was not taken itself: a step that leaves this name to another step relies on what is not so any more.
    pub fn has_passed_on_its_name(&self, found: &Match) -> bool {
        let real = &found.spot.real;
        let forerunner = |copy: &SealedCopy| {
            real.as_bytes().starts_with(copy.real.as_bytes())
                && copy.file.born.is_some_and(|born| found.met.stat.btime.is_some_and(|its| its > born))
        };
        self.was_given_its_name(found) || self.is_new(found) && self.list.iter().any(forerunner)
    }

    /// Whether another file was taken under the very name of what was found, and it was not taken itself.
    pub fn was_given_its_name(&self, found: &Match) -> bool {
        let another = |copy: &SealedCopy| !copy.is_of(&found.met) || copy.size == 0;
        self.is_new(found) && self.at(&found.spot.real).any(another)
    }

    /// Whether it holds something, and was not taken.
    fn is_new(&self, found: &Match) -> bool {
        let taken = |copy: &SealedCopy| copy.size > 0 && copy.is_of(&found.met);
        found.met.stat.size > 0 && !self.of(&found.met).any(taken)
    }
}

impl Intake<'_> {
    /// What was sealed last of a file that really lies at `path`.
    pub fn sealed(&self, path: &HostPath) -> Option<&SealedCopy> {
        self.copies.last_at(path)
    }

    /// Every file that was sealed so far and holds something, in the order of the entries. Two
    /// may have had the same name, one after the other; of a file that was taken twice because it had grown, it is what
    /// was taken last.
    pub fn sealed_copies(&self) -> impl Iterator<Item = &SealedCopy> {
        self.copies.all()
    }

    /// Every file that was sealed so far and holds nothing.
    pub fn empty_copies(&self) -> impl Iterator<Item = &SealedCopy> {
        self.copies.empty()
    }

    /// The whole copy that has all of what was found, if there is one.
    pub fn covering(&self, found: &Match) -> Option<EntryId> {
        self.copies.covering(found).map(|copy| copy.entry)
    }

    /// The copy of the file that was found, where it has grown and has to be taken again.
    pub fn outgrown(&self, found: &Match) -> Option<&SealedCopy> {
        self.copies.outgrown(found)
    }

    /// The last copy of the file that was found, under whatever name.
    pub fn last_of(&self, found: &Match) -> Option<&SealedCopy> {
        self.copies.last_of(found)
    }

    /// Whether what was found has the number of a file that was sealed, and is another one.
    pub fn is_replaced(&self, found: &Match) -> bool {
        self.copies.is_replaced(found)
    }

    /// Whether another file was taken under the name of what was found, which was not taken itself.
    pub fn has_passed_on_its_name(&self, found: &Match) -> bool {
        self.copies.has_passed_on_its_name(found)
    }

    /// Whether another file was taken under the very name of what was found, which was not taken itself.
    pub fn was_given_its_name(&self, found: &Match) -> bool {
        self.copies.was_given_its_name(found)
    }

    /// The bytes that were kept are not needed any more.
    pub fn forget_kept(&mut self) {
        self.copies.forget_kept();
        self.kept = 0;
    }
}
