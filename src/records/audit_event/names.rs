//! From the names of an event to paths. The kernel logs a bare name for a call that was given a directory's descriptor,
//! and beside it the working directory as if the name lay there; what is right is the directory's inode. So a bare
//! name is joined to the path that its directory's inode is known to have, and never to the working directory.

mod hint;
mod map;
mod text;

use std::collections::HashMap;

use super::items::{FileId, Item, Name, NameType};
use super::operation::{AT_FDCWD, Begins, Op, Operation, Outcome, Syscall};
use hint::hinted;
use map::Map;
use text::{clean, last};
pub use text::{is_within, join};

/// Bytes that are remembered of names by inode.
const MAP_BYTES: usize = 8 << 20;
/// Descriptors that are remembered, and bytes of the longest path of one.
const DESCRIPTORS: usize = 2_048;
const DESCRIPTOR_PATH: usize = 1_024;

/// Machine and boot, process, number.
type Descriptor = ((u32, u32), u32, u32);

/// How a path was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Found {
    /// It is what the program gave.
    Exact,
    /// A bare name in the working directory.
    Cwd,
    /// By the inode of the file or of its directory.
    Inode,
    /// By the descriptor that an earlier event opened: another event that was not logged may have taken its number.
    Fd,
    /// By what the program's command line looks like: a hint.
    Cmdline,
    /// Not: the path is `?/` and the bare name.
    Unresolved,
}

impl Found {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Found::Exact => "exact",
            Found::Cwd => "cwd",
            Found::Inode => "inode",
            Found::Fd => "fd",
            Found::Cmdline => "cmdline",
            Found::Unresolved => "unresolved",
        }
    }

    /// Whether it may be counted as certain.
    pub fn is_sure(self) -> bool {
        self < Found::Cmdline
    }
}

/// A path, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The path.
    pub path: Vec<u8>,
    /// How it was found.
    pub found: Found,
}

/// What names of an event depend on.
#[derive(Clone, Debug, Default)]
pub struct Around<'a> {
    /// The machine, as in [`FileId`], and its boot: processes of one are none of another.
    pub system: (u32, u32),
    /// The working directory, as the CWD record has it.
    pub cwd: Option<Vec<u8>>,
    /// The command line, its words ended by NUL, of which the kernel logs 128 bytes.
    pub cmdline: Option<Vec<u8>>,
    /// The call.
    pub call: Syscall<'a>,
}

impl Around<'_> {
    /// The working directory; one that was deleted is told as such behind its path.
    fn here(&self) -> Option<&[u8]> {
        let cwd = self.cwd.as_deref()?;
        let cwd = cwd.strip_suffix(b" (deleted)").unwrap_or(cwd);
        (cwd.first() == Some(&b'/')).then_some(cwd)
    }
}

/// What is known of files' paths at this point of the log.
#[derive(Clone, Debug)]
pub struct Names {
    map: Map,
    /// By process and number; with the program that opened it.
    descriptors: HashMap<Descriptor, (u64, Vec<u8>)>,
}

impl Default for Names {
    fn default() -> Names {
        Names { map: Map::of(MAP_BYTES), descriptors: HashMap::new() }
    }
}

impl Names {
    /// A file has this path: from a listing of a directory.
    pub fn know(&mut self, id: FileId, path: &[u8]) {
        self.map.learn(id, &clean(path));
    }

    /// The path that a file is known to have now.
    pub fn path_of(&mut self, id: FileId) -> Option<&[u8]> {
        self.map.path(id)
    }

    /// Files that were forgotten for want of room.
    pub fn forgotten(&self) -> u64 {
        self.map.forgotten
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.map.weight() + self.descriptors.values().map(|(_, path)| path.len() + 64).sum::<usize>()
    }

    /// The paths of an event's names, in their order. Nothing is learned of them yet.
    pub fn resolve(&mut self, operation: &Operation, items: &[Item<'_>], around: &Around<'_>) -> Vec<Named> {
        (0..items.len()).map(|at| self.one(operation, items, at, around)).collect()
    }

    fn one(&mut self, operation: &Operation, items: &[Item<'_>], at: usize, around: &Around<'_>) -> Named {
        let Some(item) = items.get(at) else { return unresolved(b"") };
        let Some(name) = item.given() else { return self.nameless(operation, item, around) };
        if name.first() == Some(&b'/') && (item.kind != NameType::Parent || is_told(item, operation, around))
        {
            return Named { path: clean(name), found: Found::Exact };
        }
        let begins = beginning(operation, items, at, &around.call);
        if begins == Some(AT_FDCWD)
            && let Some(here) = around.here()
        {
            return Named { path: join(here, name), found: Found::Cwd };
        }
        if item.kind == NameType::Parent {
            let known = item.id.and_then(|id| self.map.path(id));
            return known.map_or_else(|| unresolved(name), |path| named(path.to_vec(), Found::Inode));
        }
        self.bare(items, at, begins, around)
    }

    /// A name without its directory: by the inode of the directory, by that of the file, by the descriptor, by the words of
    /// the command line.
    fn bare(&mut self, items: &[Item<'_>], at: usize, begins: Option<u32>, around: &Around<'_>) -> Named {
        let Some(item) = items.get(at) else { return unresolved(b"") };
        let name = item.given().unwrap_or_default();
        if let Some(directory) = self.directory(items, at, begins, around) {
            return named(join(&directory, last(name)), Found::Inode);
        }
        // What was made, or got another name, was known by none or by the old one.
        let own = item.id.filter(|_| item.kind != NameType::Create);
        if let Some(path) = own.and_then(|id| self.map.path(id))
            && last(path) == last(name)
        {
            return named(path.to_vec(), Found::Inode);
        }
        if let Some(directory) = begins.and_then(|number| self.descriptor(around, number)) {
            return named(join(directory, name), Found::Fd);
        }
        // Another name of a file that is known: a hard link.
        if let Some(path) = own.and_then(|id| self.map.path(id)) {
            return named(path.to_vec(), Found::Inode);
        }
        hinted(around, name).unwrap_or_else(|| unresolved(name))
    }

    /// The directory of a bare name, by its inode. Of a renaming two directories are logged, in an order that the compiler of
    /// the kernel chose: where their names do not tell them apart, the descriptor does, or where the file was before.
    fn directory(
        &mut self,
        items: &[Item<'_>],
        at: usize,
        begins: Option<u32>,
        around: &Around<'_>,
    ) -> Option<Vec<u8>> {
        let item = items.get(at)?;
        let mut ids: Vec<FileId> = parents_of(items, item.given()?).filter_map(|parent| parent.id).collect();
        ids.dedup();
        if let [id] = ids.as_slice() {
            return self.map.path(*id).map(<[u8]>::to_vec);
        }
        let paths: Vec<Vec<u8>> = ids.iter().filter_map(|id| Some(self.map.path(*id)?.to_vec())).collect();
        if let Some(opened) = begins.and_then(|number| self.descriptor(around, number)) {
            return paths.into_iter().find(|path| path == opened);
        }
        let before = directory_of(self.map.path(item.id?)?).to_vec();
        let is_old = item.kind != NameType::Create;
        paths.into_iter().find(|path| (*path == before) == is_old)
    }

    /// A call that was given an open file, or a name that the kernel left out.
    fn nameless(&mut self, operation: &Operation, item: &Item<'_>, around: &Around<'_>) -> Named {
        if let Some(path) = item.id.and_then(|id| self.map.path(id)) {
            return named(path.to_vec(), Found::Inode);
        }
        let is_open = operation.begins == Some(Begins::Open) && item.name == Name::Absent;
        let number = around.call.word(0).filter(|_| is_open);
        match number.and_then(|number| self.descriptor(around, number)) {
            Some(path) => named(path.to_vec(), Found::Fd),
            None => unresolved(b""),
        }
    }

    fn descriptor(&self, around: &Around<'_>, number: u32) -> Option<&[u8]> {
        let (exe, path) = self.descriptors.get(&(around.system, around.call.pid?, number))?;
        // Another program runs under this number of a process: what it kept open nobody knows.
        (*exe == fingerprint(&around.call.exe())).then_some(path)
    }

    /// Takes up what an event that was done shows: which file has which path from now on, and which is gone.
    pub fn learn(&mut self, operation: &Operation, items: &[Item<'_>], names: &[Named], around: &Around<'_>) {
        if operation.outcome != Outcome::Ok {
            return;
        }
        for (item, named) in items.iter().zip(names).filter(|(item, _)| item.kind == NameType::Delete) {
            let Some(id) = item.id else { continue };
            let became = items.iter().zip(names).find(|(other, new)| {
                other.kind == NameType::Create && other.id == Some(id) && new.found.is_sure()
            });
            match became {
                // A directory takes all that is in it along.
                Some((_, new)) if item.is_directory() == Some(true) && named.found.is_sure() => {
                    self.map.moves(&named.path, &new.path);
                }
                Some(_) => {}
                None => self.map.forget(id),
            }
        }
        for (item, named) in items.iter().zip(names).filter(|(item, _)| item.kind != NameType::Delete) {
            // By its inode it is known already, and a link's other name is no better than its first.
            let is_news =
                named.found.is_sure() && (named.found != Found::Inode || item.kind == NameType::Create);
            if let Some(id) = item.id.filter(|_| is_news && operation.op != Op::Link) {
                self.map.learn(id, &named.path);
            }
        }
        self.begins(operation, items, names, around);
        self.opens(operation, items, names, around);
    }

    /// The directory that a call was given by its descriptor, and that is known by its inode: the descriptor is known too.
    fn begins(&mut self, operation: &Operation, items: &[Item<'_>], names: &[Named], around: &Around<'_>) {
        let number = match operation.begins {
            Some(Begins::First) => around.call.word(0),
            Some(Begins::Second) => around.call.word(1),
            _ => None,
        };
        let Some((number, pid)) = number.filter(|number| *number != AT_FDCWD).zip(around.call.pid) else {
            return;
        };
        // One that the program gave no name of: else the descriptor is that of a directory above.
        let parent = items.iter().zip(names).find(|(item, _)| {
            item.kind == NameType::Parent && item.given().is_none_or(|name| !name.ends_with(b"/"))
        });
        if let Some((_, named)) = parent.filter(|(_, named)| named.found == Found::Inode) {
            self.hold((around.system, pid, number), &named.path, around);
        }
    }

    fn hold(&mut self, key: Descriptor, path: &[u8], around: &Around<'_>) {
        if path.len() > DESCRIPTOR_PATH {
            self.descriptors.remove(&key);
            return;
        }
        if self.descriptors.len() >= DESCRIPTORS {
            self.descriptors.clear();
        }
        self.descriptors.insert(key, (fingerprint(&around.call.exe()), path.to_vec()));
    }

    /// A descriptor was given out.
    fn opens(&mut self, operation: &Operation, items: &[Item<'_>], names: &[Named], around: &Around<'_>) {
        let opens = matches!(
            operation.op,
            Op::Read
                | Op::Write
                | Op::ReadWrite
                | Op::Append
                | Op::Create
                | Op::Truncate
                | Op::List
                | Op::Handle
        ) && operation.flags.starts_with("O_");
        let (Some(pid), Some(number)) =
            (around.call.pid, around.call.exit.and_then(|exit| u32::try_from(exit).ok()))
        else {
            return;
        };
        if !opens {
            return;
        }
        let key = (around.system, pid, number);
        let opened = items.iter().zip(names).rev().find(|(item, _)| item.kind != NameType::Parent);
        let path = opened.map(|(_, named)| named).filter(|named| named.found.is_sure());
        match path {
            Some(named) => self.hold(key, &named.path, around),
            None => drop(self.descriptors.remove(&key)),
        }
    }
}

fn named(path: Vec<u8>, found: Found) -> Named {
    Named { path, found }
}

fn unresolved(name: &[u8]) -> Named {
    Named { path: [b"?/", name].concat(), found: Found::Unresolved }
}

/// Whether the name of a directory is the one that the program gave, which ends with a slash; or the working directory,
/// which the kernel puts in place of a bare name's directory, where that is right.
fn is_told(item: &Item<'_>, operation: &Operation, around: &Around<'_>) -> bool {
    let from_here = operation.is_from_here(&around.call);
    item.given()
        .is_some_and(|name| name.ends_with(b"/") || (from_here && around.cwd.as_deref() == Some(name)))
}

/// The directory that a bare name begins at, as the call was given it; none where that is not logged.
fn beginning(operation: &Operation, items: &[Item<'_>], at: usize, call: &Syscall<'_>) -> Option<u32> {
    match operation.begins? {
        Begins::Here => Some(AT_FDCWD),
        Begins::First => call.word(0),
        Begins::Second => call.word(1),
        Begins::Two if call.word(0) == call.word(2) => call.word(0),
        // In which order the two directories are logged depends on the kernel.
        Begins::Two if items.get(at).is_some_and(|item| item.kind == NameType::Parent) => None,
        Begins::Two if is_second(items, at) => call.word(2),
        Begins::Two => call.word(0),
        Begins::Open => None,
    }
}

/// Whether a name of a call that was given two is the second. Of a renaming the kernel logs what is taken away, the old name
/// before one that stood in the way; then what is made, the new name before the one that is exchanged for it.
fn is_second(items: &[Item<'_>], at: usize) -> bool {
    let Some(item) = items.get(at) else { return false };
    let is_first_of_its_kind = !items.iter().take(at).any(|other| other.kind == item.kind);
    (item.kind == NameType::Create) == is_first_of_its_kind
}

/// The records of the directories that a name may lie in. What the program gave as the directory, up to its slash, is their
/// name; where it gave none, the working directory is, without one.
pub fn parents_of<'i, 'a>(items: &'i [Item<'a>], name: &[u8]) -> impl Iterator<Item = &'i Item<'a>> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let length = name.len() - last(name).len();
    let given = name.get(..length).unwrap_or_default().to_vec();
    items.iter().filter(|item| item.kind == NameType::Parent).filter(move |item| match item.given() {
        Some(directory) if given.is_empty() => !directory.ends_with(b"/"),
        Some(directory) => directory == given,
        None => true,
    })
}

/// Up to the last slash.
fn directory_of(path: &[u8]) -> &[u8] {
    let length = path.len().saturating_sub(last(path).len() + 1).max(1);
    path.get(..length).unwrap_or(path)
}

/// FNV-1a.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests;
