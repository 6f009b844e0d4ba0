//! Which path a file had, by what the kernel calls it: learned from names that are certain, within a bound.

use std::collections::{HashMap, VecDeque};

use super::super::items::FileId;

/// Bytes that an entry costs beside its path: twice its key, its place in the table, and the room both keep.
const ENTRY: usize = 120;
/// Renamings of directories that are remembered. What was learned before the first of them is forgotten with it.
const MOVES: usize = 256;

/// Paths by file.
#[derive(Clone, Debug)]
pub(super) struct Map {
    paths: HashMap<FileId, (Box<[u8]>, u64)>,
    /// In the order in which they came: the oldest goes first.
    order: VecDeque<FileId>,
    weight: usize,
    limit: usize,
    /// From where to where directories were moved: what is known of a path below one follows when it is asked for.
    moves: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Moves so far.
    moved: u64,
    /// Files that were forgotten for want of room.
    pub forgotten: u64,
}

impl Map {
    /// Of so many bytes at most.
    pub fn of(limit: usize) -> Map {
        Map {
            paths: HashMap::new(),
            order: VecDeque::new(),
            weight: 0,
            limit,
            moves: VecDeque::new(),
            moved: 0,
            forgotten: 0,
        }
    }

    /// A file has this path now.
    pub fn learn(&mut self, id: FileId, path: &[u8]) {
        if let Some((known, since)) = self.paths.get_mut(&id) {
            if **known != *path {
                self.weight = self.weight.saturating_sub(known.len()) + path.len();
                *known = path.into();
            }
            *since = self.moved;
        } else {
            self.paths.insert(id, (path.into(), self.moved));
            self.order.push_back(id);
            self.weight += path.len() + ENTRY;
        }
        while self.weight > self.limit {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some((path, _)) = self.paths.remove(&oldest) {
                self.weight = self.weight.saturating_sub(path.len());
                self.forgotten += 1;
            }
            self.weight = self.weight.saturating_sub(ENTRY);
        }
    }

    /// Its path now.
    pub fn path(&mut self, id: FileId) -> Option<&[u8]> {
        let behind = self.moved - self.paths.get(&id)?.1;
        if behind > self.moves.len() as u64 {
            self.forget(id);
            return None;
        }
        if behind > 0 {
            let (path, since) = self.paths.get_mut(&id)?;
            for (from, to) in self.moves.iter().skip(self.moves.len() - behind as usize) {
                if let Some(rest) =
                    path.strip_prefix(from.as_slice()).filter(|rest| rest.first() == Some(&b'/'))
                {
                    let moved = [to, rest].concat();
                    self.weight = self.weight.saturating_sub(path.len()) + moved.len();
                    *path = moved.into();
                }
            }
            *since = self.moved;
        }
        self.paths.get(&id).map(|(path, _)| &**path)
    }

    /// The file is gone, or another has its number.
    pub fn forget(&mut self, id: FileId) {
        // What it costs to stand in the order is given back when its turn comes there.
        if let Some((path, _)) = self.paths.remove(&id) {
            self.weight = self.weight.saturating_sub(path.len());
        }
        // Many that came and went leave a long order of nothing.
        if self.order.len() > 2 * self.paths.len() + 1_024 {
            let before = self.order.len();
            let paths = &self.paths;
            let mut seen = std::collections::HashSet::with_capacity(paths.len());
            self.order.retain(|id| paths.contains_key(id) && seen.insert(*id));
            self.weight = self.weight.saturating_sub((before - self.order.len()) * ENTRY);
        }
    }

    /// A directory was moved, and with it all that is below.
    pub fn moves(&mut self, from: &[u8], to: &[u8]) {
        if self.moves.len() >= MOVES {
            self.moves.pop_front();
        }
        self.moves.push_back((from.to_vec(), to.to_vec()));
        self.moved += 1;
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        self.weight + self.moves.iter().map(|(from, to)| from.len() + to.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(inode: u64) -> FileId {
        FileId { system: 0, major: 8, minor: 1, inode }
    }

    #[test]
    fn what_is_below_a_directory_moves_with_it() {
        let mut map = Map::of(1 << 20);
        map.learn(id(1), b"/a/b/c");
        map.learn(id(2), b"/a/bb");
        map.moves(b"/a/b", b"/x");
        map.moves(b"/x", b"/y/z");
        map.learn(id(3), b"/x/new");
        assert_eq!(map.path(id(1)).unwrap(), b"/y/z/c");
        assert_eq!(map.path(id(2)).unwrap(), b"/a/bb");
        assert_eq!(map.path(id(3)).unwrap(), b"/x/new");
        for _ in 0..=MOVES {
            map.moves(b"/q", b"/r");
        }
        assert_eq!(map.path(id(1)), None, "how it moved is not known any more");
    }

    #[test]
    fn it_stays_within_its_bound_however_much_comes_and_goes() {
        let mut map = Map::of(64 << 10);
        for inode in 0..100_000 {
            map.learn(id(inode), format!("/d/{inode}").as_bytes());
            if inode % 3 == 0 {
                map.forget(id(inode));
            }
            assert!(map.weight() <= 64 << 10);
        }
        assert!(map.forgotten > 60_000 && map.order.len() < 2_000);
        assert_eq!(map.path(id(99_998)).unwrap(), b"/d/99998");
        // One file that comes and goes leaves nothing behind.
        for _ in 0..100_000 {
            map.learn(id(7), b"/x");
            map.forget(id(7));
        }
        assert!(map.order.len() < 4_000 && map.weight() <= 64 << 10);
    }
}
