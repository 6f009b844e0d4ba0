//! Which accesses are asked for, and of which that cannot be told: what is not logged is neither a yes nor a no.

use std::collections::HashSet;

use super::Filter;
use super::touch::Touch;
use super::who::{Attribution, Identity, Said, Sessions};
use crate::clock::Timestamp;
use crate::records::addresses::same;
use crate::records::audit_event::items::{FileId, Item, NameType};
use crate::records::audit_event::names::{Found, Named, is_within};
use crate::records::audit_event::operation::{Op, Operation, Outcome};

/// Files that are asked for whose inodes are kept, at most: some 2 MiB.
const FILES: usize = 50_000;

/// Whether an access is asked for; of several conditions the greatest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    Yes,
    /// What would tell is not logged.
    Maybe,
    No,
    /// It was at another time.
    Outside,
}

/// What is asked for, and what was learnt of it.
pub(super) struct Asked {
    window: Option<(Timestamp, Timestamp)>,
    filter: Filter,
    /// Files that had a name below one of the paths: by another name they are the same.
    files: HashSet<FileId>,
    /// There were more.
    is_full: bool,
}

impl Asked {
    pub fn of(window: Option<(Timestamp, Timestamp)>, filter: Filter) -> Asked {
        Asked { window, filter, files: HashSet::new(), is_full: false }
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.files.capacity() * (size_of::<FileId>() + 1)
    }

    /// A file has this path.
    pub fn know(&mut self, id: FileId, path: &[u8]) {
        if self.is_below(path) {
            self.is_full |= self.files.len() >= FILES && !self.files.contains(&id);
            if !self.is_full {
                self.files.insert(id);
            }
        }
    }

    /// The files of an event have these names.
    pub fn learn(&mut self, operation: &Operation, items: &[Item<'_>], names: &[Named]) {
        if self.filter.paths.is_empty() {
            return;
        }
        let is_new = operation.outcome == Outcome::Ok && !matches!(operation.op, Op::Rename | Op::Link);
        for (item, named) in items.iter().zip(names) {
            let Some(id) = item.id.filter(|_| item.kind != NameType::Parent) else { continue };
            // A number that is used again is another file.
            if item.kind == NameType::Create && is_new {
                self.files.remove(&id);
            }
            self.know(id, &named.path);
        }
    }

    fn is_below(&self, path: &[u8]) -> bool {
        self.filter.paths.iter().any(|asked| is_within(path, asked))
    }

    pub fn holds(
        &self,
        operation: &Operation,
        touch: &Touch,
        said: &Said<'_>,
        attribution: &Attribution,
        sessions: &Sessions<'_>,
    ) -> Holds {
        if self.window.is_some_and(|(from, to)| !(from..=to).contains(&said.time)) {
            return Holds::Outside;
        }
        let conditions = [
            self.user(said),
            self.op(operation, touch),
            self.path(touch),
            self.origin(attribution, sessions),
        ];
        conditions.into_iter().max().unwrap_or(Holds::Yes)
    }

    fn user(&self, said: &Said<'_>) -> Holds {
        let asked = &self.filter.auids;
        match said.identity {
            _ if asked.is_empty() => Holds::Yes,
            Identity::NotLogged => Holds::Maybe,
            _ if asked.contains(&said.auid) => Holds::Yes,
            _ => Holds::No,
        }
    }

    /// Whatever took the place of a file destroyed it.
    fn op(&self, operation: &Operation, touch: &Touch) -> Holds {
        let asked = &self.filter.ops;
        let destroys = touch.overwritten.is_some() && operation.outcome == Outcome::Ok;
        if asked.is_empty() || asked.contains(&operation.op) || destroys && asked.contains(&Op::Delete) {
            return Holds::Yes;
        }
        if operation.is_unsure { Holds::Maybe } else { Holds::No }
    }

    /// A name elsewhere may be a link to what is asked for, where only the key of a rule says that this is PHI.
    fn path(&self, touch: &Touch) -> Holds {
        let names = [Some(&touch.named), touch.new.as_ref()];
        let is_named = names.into_iter().flatten().any(|named| self.is_below(&named.path));
        let is_known = |id: &FileId| self.files.contains(id);
        if self.filter.paths.is_empty() || is_named || touch.id.as_ref().is_some_and(is_known) {
            return Holds::Yes;
        }
        let is_vague = matches!(touch.named.found, Found::Cmdline | Found::Unresolved);
        let is_elsewhere = !touch.by_path && (!touch.by_inode || self.is_full);
        if is_vague || is_elsewhere { Holds::Maybe } else { Holds::No }
    }

    fn origin(&self, attribution: &Attribution, sessions: &Sessions<'_>) -> Holds {
        let asked = &self.filter.addresses;
        let all: Vec<_> = attribution.session.iter().chain(&attribution.candidates).collect();
        let known: Vec<&[u8]> = all
            .iter()
            .filter_map(|at| sessions.get(**at))
            .map(|session| session.from.address.as_slice())
            .filter(|address| !address.is_empty())
            .collect();
        if asked.is_empty() || asked.iter().any(|asked| known.iter().any(|address| same(address, asked))) {
            return Holds::Yes;
        }
        let is_unknown = all.is_empty() || known.len() < all.len();
        let are_more = attribution.total > attribution.candidates.len() as u64;
        if is_unknown || are_more { Holds::Maybe } else { Holds::No }
    }
}
