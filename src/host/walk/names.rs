//! The names of one folder in order, in bounded memory: what does not fit is found by looking through the folder again.

use rustix::fs::FileType;

/// What a name costs beside its bytes.
const INDEX_BYTES: usize = size_of::<Entry>();

/// One turn in a folder: tell of a name, or go into it. A folder's own row comes at its name's place, what lies
/// below at the place of its name and a slash; so that everything comes sorted by the bytes of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<'a> {
    /// The name, and a slash if it is to be entered.
    pub key: &'a [u8],
    /// What the folder says that it is.
    pub kind: FileType,
}

impl<'a> Turn<'a> {
    /// The name alone.
    pub fn name(&self) -> &'a [u8] {
        self.key.strip_suffix(b"/").unwrap_or(self.key)
    }

    /// Whether it is to be entered.
    pub fn enters(&self) -> bool {
        self.key.last() == Some(&b'/')
    }
}

/// As many of a folder's turns as there is room for: the smallest of those behind a given one. Their bytes lie in one
/// piece, because folders hold millions of names.
pub struct Names<'f> {
    /// The last turn that was told before; only what comes behind it counts.
    floor: &'f [u8],
    room: usize,
    bytes: Vec<u8>,
    index: Vec<Entry>,
    /// Nothing from here on is kept, because there was no room for all of it.
    ceiling: Option<Vec<u8>>,
    left: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The first bytes, so that most comparisons need not look further.
    prefix: u64,
    start: u32,
    length: u16,
    kind: FileType,
}

impl<'f> Names<'f> {
    /// None yet, of those behind `floor`, in about so many bytes.
    pub fn behind(floor: &'f [u8], room: usize) -> Names<'f> {
        // Places in the piece are told in 32 bits.
        let room = room.min(1 << 30);
        Names { floor, room, bytes: Vec::new(), index: Vec::new(), ceiling: None, left: false }
    }

    /// One more: `name`, with a slash where it is to be entered.
    pub fn add(&mut self, name: &[u8], enter: bool, kind: FileType) {
        let slash: &[u8] = if enter { b"/" } else { b"" };
        let key = || name.iter().chain(slash);
        if !self.floor.is_empty() && key().le(self.floor) {
            return;
        }
        if self.ceiling.as_ref().is_some_and(|ceiling| key().ge(ceiling)) {
            self.left = true;
            return;
        }
        let (start, length) = (self.bytes.len(), name.len() + slash.len());
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(slash);
        let prefix = prefix(self.bytes.get(start..).unwrap_or_default());
        let (start, length) = (start as u32, u16::try_from(length).unwrap_or(u16::MAX));
        self.index.push(Entry { prefix, start, length, kind });
        if self.size() > self.room && self.index.len() > 1 {
            self.drop_the_last();
        }
    }

    /// Bytes that they take.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.index.len() * INDEX_BYTES
    }

    /// Whether there were more than there was room for.
    pub fn left_some(&self) -> bool {
        self.left
    }

    /// Puts them in order, each once.
    pub fn sort(&mut self) {
        let mut index = std::mem::take(&mut self.index);
        index.sort_unstable_by(|a, b| self.compare(a, b));
        index.dedup_by(|a, b| self.compare(a, b).is_eq());
        self.index = index;
    }

    /// The turn at a place in that order.
    pub fn get(&self, place: usize) -> Option<Turn<'_>> {
        self.index.get(place).map(|entry| Turn { key: self.key(entry), kind: entry.kind })
    }

    /// The last of them.
    pub fn last(&self) -> Option<Turn<'_>> {
        self.get(self.index.len().checked_sub(1)?)
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        self.bytes.get(start..start + usize::from(entry.length)).unwrap_or_default()
    }

    fn compare(&self, a: &Entry, b: &Entry) -> std::cmp::Ordering {
        a.prefix.cmp(&b.prefix).then_with(|| self.key(a).cmp(self.key(b)))
    }

    /// Keeps the smaller three quarters, and from here on only what is smaller than what was dropped.
    fn drop_the_last(&mut self) {
        let mut index = std::mem::take(&mut self.index);
        let kept = (index.len() * 3 / 4).max(1);
        let (_, first_dropped, _) = index.select_nth_unstable_by(kept, |a, b| self.compare(a, b));
        self.ceiling = Some(self.key(first_dropped).to_vec());
        self.left = true;
        index.truncate(kept);
        // In the order of the bytes they move to the front of the piece, one after the other.
        index.sort_unstable_by_key(|entry| entry.start);
        let mut end = 0;
        for entry in &mut index {
            let (start, length) = (entry.start as usize, usize::from(entry.length));
            self.bytes.copy_within(start..start + length, end);
            entry.start = end as u32;
            end += length;
        }
        self.bytes.truncate(end);
        self.index = index;
    }
}

/// No name holds a NUL, so that what is shorter comes first here as well.
fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (place, byte) in first.iter_mut().zip(key) {
        *place = *byte;
    }
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[Vec<u8>], room: usize) -> (Vec<Vec<u8>>, usize) {
        let (mut told, mut floor, mut passes) = (Vec::new(), Vec::new(), 0);
        loop {
            let mut some = Names::behind(&floor, room);
            for name in names {
                some.add(name, false, FileType::RegularFile);
                if name.len() % 3 == 0 {
                    some.add(name, true, FileType::Directory);
                }
                assert!(some.size() <= room.max(600));
            }
            some.sort();
            passes += 1;
            told.extend((0..).map_while(|place| some.get(place)).map(|turn| turn.key.to_vec()));
            let (more, last) = (some.left_some(), some.last().map(|turn| turn.key.to_vec()));
            if !more {
                return (told, passes);
            }
            floor = last.unwrap();
        }
    }

    #[test]
    fn whatever_the_room_all_names_come_once_and_in_order() {
        // A sequence without any order in it; prefixes of each other, and bytes on both sides of the slash.
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let letters = b"ab-./0\xff";
        let names: Vec<Vec<u8>> = (0..3000)
            .map(|_| (0..1 + random() % 12).map(|_| letters[random() % letters.len()]).collect::<Vec<u8>>())
            .map(|name| name.into_iter().filter(|byte| *byte != b'/').collect::<Vec<u8>>())
            .filter(|name| !name.is_empty())
            .collect();
        let (all, passes) = told(&names, 1 << 20);
        assert_eq!(passes, 1);
        assert!(all.is_sorted_by(|a, b| a < b) && all.len() > 2000);
        for room in [1, 40, 1000, 20_000] {
            let (again, passes) = told(&names, room);
            assert!(passes > 1);
            assert_eq!(again, all, "room for {room} bytes");
        }
        let mut descending = all.clone();
        descending.retain(|key| key.last() != Some(&b'/'));
        descending.reverse();
        assert_eq!(told(&descending, 2000).0, told(&descending, 1 << 20).0);
    }

    #[test]
    fn a_folder_comes_before_and_what_is_in_it_behind_names_that_begin_alike() {
        let mut names = Names::behind(b"", 1 << 20);
        for (name, enter) in
            [(&b"a"[..], true), (b"a", false), (b"a.txt", false), (b"a-1", false), (b"a0", false)]
        {
            names.add(name, enter, FileType::Unknown);
        }
        names.sort();
        let keys: Vec<&[u8]> = (0..).map_while(|place| names.get(place)).map(|turn| turn.key).collect();
        assert_eq!(keys, [&b"a"[..], b"a-1", b"a.txt", b"a/", b"a0"]);
        let turn = names.get(3).unwrap();
        assert!(turn.enters() && turn.name() == b"a");
    }
}
