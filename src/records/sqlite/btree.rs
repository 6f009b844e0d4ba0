//! The tree of a table (fileformat2.html, 1.5 and 1.6). Every page is visited once in a reading, and the cells of a
//! page cannot hold more than the page does, so that the work is bounded by the file's length whatever it holds.

use std::borrow::Cow;

use super::value::{Value, values, varint};
use super::{Database, u16_at, u32_at};

/// The longest row that is read, in bytes.
const LONGEST_ROW: usize = 1 << 20;

/// How deep a tree can be: with two children per page, more than there are page numbers.
const DEEPEST: usize = 40;

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// A row as it is stored.
#[derive(Debug)]
pub struct Row<'r> {
    /// Its id.
    pub id: i64,
    /// Its columns. Older rows can have fewer than the table.
    pub values: Vec<Value<'r>>,
    /// All of it, to compare.
    pub payload: &'r [u8],
    /// The page that it begins on stands in the write-ahead log.
    pub logged: bool,
}

/// What could not be read of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were given.
    pub rows: u64,
    /// Rows that are damaged, or longer than 1 MiB.
    pub bad_rows: u64,
    /// Pages that are not there, are of another kind, or were come across twice.
    pub bad_pages: u64,
}

/// Pages that were visited.
struct Visited(Vec<u64>);

impl Visited {
    /// Whether this is the first visit.
    fn first(&mut self, page: u32) -> bool {
        let (at, bit) = (usize::try_from(page / 64).unwrap_or(usize::MAX), 1 << (page % 64));
        match self.0.get_mut(at) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }
}

/// A page of a table's tree.
struct Page<'a> {
    bytes: &'a [u8],
    start: usize,
    cells: usize,
    leaf: bool,
    logged: bool,
}

impl<'a> Page<'a> {
    fn cell(&self, number: usize) -> Option<&'a [u8]> {
        let pointers = self.start + if self.leaf { 8 } else { 12 };
        let at = u16_at(self.bytes, pointers + 2 * number)?;
        self.bytes.get(at..).filter(|cell| !cell.is_empty())
    }

    /// The page behind the last cell of an interior one.
    fn rightmost(&self) -> Option<u32> {
        u32_at(self.bytes, self.start + 8)
    }

    /// Child and key of a cell of an interior page.
    fn child(&self, number: usize) -> Option<(u32, i64)> {
        let cell = self.cell(number)?;
        Some((u32_at(cell, 0)?, varint(cell.get(4..)?)?.0.cast_signed()))
    }
}

/// A cell of a leaf.
struct Cell<'a> {
    id: i64,
    /// Bytes of the row.
    length: usize,
    /// Those of them that stand on the page.
    local: &'a [u8],
    /// The page with the others.
    overflow: Option<u32>,
    /// Bytes of the cell.
    size: usize,
}

impl<'a> Database<'a> {
    fn tree_page(&self, number: u32) -> Option<Page<'a>> {
        let (bytes, logged) = self.page(number)?;
        let bytes = bytes.get(..self.usable)?;
        let start = if number == 1 { super::HEADER } else { 0 };
        let leaf = match *bytes.get(start)? {
            LEAF => true,
            INTERIOR => false,
            _ => return None,
        };
        Some(Page { bytes, start, cells: u16_at(bytes, start + 3)?, leaf, logged })
    }

    fn cell(&self, cell: &'a [u8]) -> Option<Cell<'a>> {
        let (length, first) = varint(cell)?;
        let (id, second) = varint(cell.get(first..)?)?;
        let length = usize::try_from(length).ok()?;
        let head = first + second;
        let most = self.usable - 35;
        let (kept, spills) = if length <= most {
            (length, false)
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let fitting = least + (length - least) % (self.usable - 4);
            (if fitting <= most { fitting } else { least }, true)
        };
        let local = cell.get(head..head + kept)?;
        let overflow = if spills { Some(u32_at(cell, head + kept)?) } else { None };
        Some(Cell {
            id: id.cast_signed(),
            length,
            local,
            overflow,
            size: head + kept + if spills { 4 } else { 0 },
        })
    }

    /// All of a row. Pages of `visited` are not visited again.
    fn payload(&self, cell: &Cell<'a>, mut visited: Option<&mut Visited>) -> Option<Cow<'a, [u8]>> {
        let Some(mut next) = cell.overflow else { return Some(Cow::Borrowed(cell.local)) };
        if cell.length > LONGEST_ROW {
            return None;
        }
        let mut payload = cell.local.to_vec();
        while payload.len() < cell.length {
            if visited.as_deref_mut().is_some_and(|visited| !visited.first(next)) {
                return None;
            }
            let (page, _) = self.page(next)?;
            let room = self.usable.min(cell.length - payload.len() + 4);
            payload.extend_from_slice(page.get(4..room)?);
            next = u32_at(page, 0)?;
        }
        Some(Cow::Owned(payload))
    }

    /// Gives every row of the tree that begins at page `root`, in the order of their ids where the tree is sound.
    pub fn rows(&self, root: u32, tally: &mut Tally, each: &mut dyn FnMut(&Row<'_>)) {
        let mut visited = Visited(vec![0; self.page_count() / 64 + 1]);
        let mut ahead = vec![(root, 0)];
        while let Some((number, depth)) = ahead.pop() {
            let page = self.tree_page(number).filter(|_| depth < DEEPEST && visited.first(number));
            let Some(page) = page else {
                tally.bad_pages += 1;
                continue;
            };
            if page.leaf {
                self.leaf(&page, &mut visited, tally, each);
                continue;
            }
            // The last is taken from the stack first.
            let most = page.cells.min(self.usable / 4);
            ahead.extend(page.rightmost().map(|child| (child, depth + 1)));
            for cell in (0..most).rev() {
                match page.child(cell) {
                    Some((child, _)) => ahead.push((child, depth + 1)),
                    None => tally.bad_pages += 1,
                }
            }
        }
    }

    fn leaf(
        &self,
        page: &Page<'a>,
        visited: &mut Visited,
        tally: &mut Tally,
        each: &mut dyn FnMut(&Row<'_>),
    ) {
        let mut room = self.usable;
        for number in 0..page.cells.min(self.usable / 4) {
            let cell = page.cell(number).and_then(|cell| self.cell(cell)).filter(|cell| cell.size <= room);
            let payload = cell.as_ref().and_then(|cell| self.payload(cell, Some(visited)));
            if let (Some(cell), Some(payload)) = (cell, payload)
                && let Some(values) = values(&payload)
            {
                room -= cell.size;
                tally.rows += 1;
                each(&Row { id: cell.id, values, payload: &payload, logged: page.logged });
            } else {
                tally.bad_rows += 1;
            }
        }
    }

    /// Whether the tree at `root` has a row of this id, and, if it has, whether it is exactly this one.
    pub fn has(&self, root: u32, id: i64, payload: &[u8]) -> Option<bool> {
        let mut number = root;
        for _ in 0..DEEPEST {
            let page = self.tree_page(number)?;
            let most = page.cells.min(self.usable / 4);
            let key = |at: usize| match page.leaf {
                true => page.cell(at).and_then(|cell| self.cell(cell)).map(|cell| cell.id),
                false => page.child(at).map(|(_, key)| key),
            };
            let (mut low, mut high) = (0, most);
            while low < high {
                let middle = low + (high - low) / 2;
                if key(middle)? < id { low = middle + 1 } else { high = middle }
            }
            if page.leaf {
                let cell = self.cell(page.cell(low).filter(|_| low < most)?)?;
                return (cell.id == id).then(|| {
                    cell.length == payload.len()
                        && self.payload(&cell, None).is_some_and(|own| own.as_ref() == payload)
                });
            }
            number = if low < most { page.child(low)?.0 } else { page.rightmost()? };
        }
        None
    }
}
