//! Which file an event is about, of all that it names, and whether that is PHI.

use std::collections::HashMap;

use crate::records::audit_event::items::{FileId, Item, NameType};
use crate::records::audit_event::names::{Named, Names, is_within, parents_of};
use crate::records::audit_event::operation::{Op, Operation, Outcome};

/// Files that are known as PHI by their inode, at most: some 4 MiB.
const FILES: usize = 114_000;

/// What is known of a file that is PHI.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Names that it has, as far as they are known.
    names: u32,
    /// Counts on whenever one of them came or went.
    version: u64,
}

/// Files that are PHI whatever they are called now: one that was moved out of its folder is still a patient's.
#[derive(Clone, Debug, Default)]
pub(super) struct PhiFiles {
    known: HashMap<FileId, Known>,
    changes: u64,
    /// Files that were not taken up for want of room.
    pub left: u64,
}

impl PhiFiles {
    pub fn know(&mut self, id: FileId, names: u32) {
        if self.known.len() < FILES || self.known.contains_key(&id) {
            let version = self.changes;
            self.known.entry(id).or_insert(Known { names: names.max(1), version });
        } else {
            self.left += 1;
        }
    }

    pub fn has(&self, id: FileId) -> bool {
        self.known.contains_key(&id)
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.known.capacity() * (size_of::<(FileId, Known)>() + 1)
    }

    /// What is before a change of its names and what is behind it have different versions.
    pub fn version(&self, id: Option<FileId>) -> u64 {
        id.and_then(|id| self.known.get(&id)).map_or(self.changes, |known| known.version)
    }

    /// Takes up what was done to the names of files.
    fn changed(&mut self, operation: &Operation, items: &[Item<'_>]) {
        if operation.outcome != Outcome::Ok || !operation.op.changes_names() {
            return;
        }
        self.changes += 1;
        let made = |id: FileId| items.iter().any(|item| item.kind == NameType::Create && item.id == Some(id));
        for item in items {
            let Some(id) = item.id else { continue };
            match item.kind {
                NameType::Delete if !made(id) => self.lose(id),
                NameType::Create if operation.op == Op::Link => {
                    if let Some(known) = self.known.get_mut(&id) {
                        known.names += 1;
                    }
                }
                // A number that is used again is another file.
                NameType::Create if operation.op != Op::Rename => drop(self.known.remove(&id)),
                _ => {}
            }
            if let Some(known) = self.known.get_mut(&id) {
                known.version = self.changes;
            }
        }
    }

    fn lose(&mut self, id: FileId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        known.names = known.names.saturating_sub(1);
        if known.names == 0 {
            self.known.remove(&id);
        }
    }
}

/// What an event is about.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    /// The file.
    pub id: Option<FileId>,
    /// Its name; of a renaming the old one.
    pub named: Named,
    /// The name that it got.
    pub new: Option<Named>,
    /// The file that stood in the way.
    pub overwritten: Option<FileId>,
    pub mode: Option<u32>,
    pub ouid: Option<u32>,
    pub ogid: Option<u32>,
    pub file_type: Option<&'static str>,
    /// What a symbolic link leads to, where it is logged.
    pub target: Option<Vec<u8>>,
    /// `path`, `inode`.
    pub by_path: bool,
    pub by_inode: bool,
    pub version: u64,
}

/// What is asked about: roots, and the files that are PHI.
pub(super) struct Phi<'p> {
    pub roots: &'p [Vec<u8>],
    pub files: &'p mut PhiFiles,
}

impl Phi<'_> {
    /// What an event is about, where any of its names is PHI, or `keyed` says that it is. Its names are taken up.
    pub fn touch(
        &mut self,
        operation: &Operation,
        items: &[Item<'_>],
        names: &[Named],
        keyed: bool,
    ) -> Option<Touch> {
        let by_path = |named: &Named| self.roots.iter().any(|root| is_within(&named.path, root));
        let by_inode = |item: &Item<'_>| item.id.is_some_and(|id| self.files.has(id));
        // What is made in a folder of PHI, or taken out of it, is PHI by whatever way the folder was reached: a link, another mount.
        let lies_in_phi = |item: &Item<'_>| {
            let is_made_or_gone = matches!(item.kind, NameType::Create | NameType::Delete);
            is_made_or_gone && item.given().is_some_and(|name| parents_of(items, name).any(by_inode))
        };
        let by_inode = |item: &Item<'_>| by_inode(item) || lies_in_phi(item);
        let is_phi = |at: &usize| {
            let (item, named) = (items.get(*at), names.get(*at));
            item.is_some_and(by_inode) || named.is_some_and(by_path)
        };
        let is_parent = |at: &usize| items.get(*at).is_some_and(|item| item.kind == NameType::Parent);
        let main = object(operation.op, items);
        let others = || (0..items.len()).filter(|at| !is_parent(at));
        let at = main.filter(is_phi).or_else(|| others().find(is_phi)).or_else(|| main.filter(|_| keyed));
        // Of a call that was refused perhaps only the directory is logged.
        let at = at.or_else(|| (0..items.len()).find(|at| others().next().is_none() && is_phi(at)));
        let Some(at) = at else {
            // A key alone, without a name.
            let bare =
                Named { path: b"?".to_vec(), found: crate::records::audit_event::names::Found::Unresolved };
            let touch = keyed.then(|| Touch::of(None, bare, self.files.version(None)));
            self.files.changed(operation, items);
            return touch;
        };
        let by = (by_path(names.get(at)?), by_inode(items.get(at)?));
        let at = subject(operation.op, items, at);
        let (item, named) = (items.get(at)?, names.get(at)?);
        let mut touch = Touch::of(Some(item), named.clone(), self.files.version(item.id));
        (touch.by_path, touch.by_inode) = by;
        touch.renamed(operation, items, names, at);
        // What got a name in a folder is of it from now on.
        touch.by_path |= touch.new.as_ref().is_some_and(by_path);
        let made = |id| items.iter().any(|item| item.kind == NameType::Create && item.id == Some(id));
        let is_done = operation.outcome == Outcome::Ok;
        let phi: Vec<FileId> = (0..items.len())
            .filter(|at| !is_parent(at) && is_phi(at))
            .filter_map(|at| items.get(at))
            .filter_map(|item| item.id.filter(|id| item.kind != NameType::Delete || !is_done || made(*id)))
            .collect();
        // A link to a file that is met for the first time is its second name.
        let linked = phi.iter().filter(|_| operation.op == Op::Link && is_done).filter(|id| made(**id));
        linked.for_each(|id| self.files.know(*id, 1));
        self.files.changed(operation, items);
        phi.into_iter().for_each(|id| self.files.know(id, 1));
        Some(touch)
    }
}

impl Touch {
    fn of(item: Option<&Item<'_>>, named: Named, version: u64) -> Touch {
        Touch {
            id: item.and_then(|item| item.id),
            named,
            new: None,
            overwritten: None,
            mode: item.and_then(|item| item.mode),
            ouid: item.and_then(|item| item.ouid),
            ogid: item.and_then(|item| item.ogid),
            file_type: item.and_then(Item::file_type),
            target: None,
            by_path: false,
            by_inode: false,
            version,
        }
    }

    /// Whether a whole folder of PHI got a name outside: what lies in it is called otherwise from now on.
    pub fn is_folder_moved_out(&self, operation: &Operation, roots: &[Vec<u8>]) -> bool {
        let is_outside = |new: &Named| !roots.iter().any(|root| is_within(&new.path, root));
        (operation.op, operation.outcome) == (Op::Rename, Outcome::Ok)
            && self.file_type == Some("directory")
            && (self.by_path || self.by_inode)
            && self.new.as_ref().is_some_and(is_outside)
    }

    fn renamed(&mut self, operation: &Operation, items: &[Item<'_>], names: &[Named], at: usize) {
        let made = || items.iter().zip(names).filter(|(item, _)| item.kind == NameType::Create);
        match operation.op {
            Op::Rename => {
                let same = made().find(|(item, _)| item.id.is_some() && item.id == self.id);
                self.new = same.or_else(|| made().next()).map(|(_, named)| named.clone());
                let victim = items.iter().enumerate().find(|(other, item)| {
                    *other != at
                        && item.kind == NameType::Delete
                        && !made().any(|(made, _)| made.id == item.id)
                });
                self.overwritten = victim.and_then(|(_, item)| item.id);
            }
            Op::Link => self.new = made().next().map(|(_, named)| named.clone()),
            // Its target stands there as a name that nothing was looked up by (seen with Linux 6.18).
            Op::Symlink => {
                let target = items.iter().find(|item| item.kind == NameType::Unknown && item.id.is_none());
                self.target = target.and_then(Item::given).map(<[u8]>::to_vec);
            }
            _ => {}
        }
    }
}

/// Which of its names an operation is about.
pub fn object(op: Op, items: &[Item<'_>]) -> Option<usize> {
    let first = |kind: NameType| items.iter().position(|item| item.kind == kind);
    let wanted = match op {
        Op::Delete | Op::Rmdir | Op::Rename => first(NameType::Delete),
        Op::Link => first(NameType::Normal),
        Op::Exec => items.iter().position(|item| item.kind != NameType::Parent),
        _ => first(NameType::Create),
    };
    wanted.or_else(|| items.iter().rposition(|item| item.kind != NameType::Parent))
}

/// The file that got a name, where `at` is that name, or the file that stood there: of a file that came into a folder both
/// its names are told, and of one that was destroyed what took its place.
fn subject(op: Op, items: &[Item<'_>], at: usize) -> usize {
    let Some(item) = items.get(at).filter(|_| matches!(op, Op::Rename | Op::Link)) else { return at };
    let is_made =
        |id: Option<FileId>| items.iter().any(|made| made.kind == NameType::Create && made.id == id);
    let is_victim = item.kind == NameType::Delete && !is_made(item.id);
    // Two names that were exchanged are both made again; which one got this name its inode tells.
    let got = |old: &Item<'_>| {
        matches!(old.kind, NameType::Delete | NameType::Normal)
            && old.id.is_some()
            && if is_victim { is_made(old.id) } else { old.id == item.id }
    };
    if item.kind != NameType::Create && !is_victim {
        return at;
    }
    items.iter().position(got).unwrap_or(at)
}

/// Learns what names a file has; kept here so that what is PHI and what is called so go together.
pub(super) fn know(
    names: &mut Names,
    files: &mut PhiFiles,
    roots: &[Vec<u8>],
    (id, links): (FileId, u32),
    path: &[u8],
) {
    names.know(id, path);
    if roots.iter().any(|root| is_within(path, root)) {
        files.know(id, links);
    }
}
