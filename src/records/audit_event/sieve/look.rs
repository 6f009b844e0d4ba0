//! The half of the sieve that learns nothing: what a line says by itself.

use memchr::memchr;
use memchr::memmem::Finder;

use super::super::scan::Looks;

/// A text as it may stand in a log: as it is, or in hexadecimal.
#[derive(Clone)]
struct Needle {
    plain: Finder<'static>,
    hex: Finder<'static>,
}

impl Needle {
    fn of(text: &[u8]) -> Needle {
        let hex: String = text.iter().map(|byte| format!("{byte:02X}")).collect();
        Needle { plain: Finder::new(text).into_owned(), hex: Finder::new(hex.as_bytes()).into_owned() }
    }

    fn is_in(&self, line: &[u8]) -> bool {
        self.plain.find(line).is_some() || self.hex.find(line).is_some()
    }
}

/// Why an event matters before its names are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It has the key of a rule.
    Key,
    /// It happened in one of the directories: relative names may lie there.
    Within,
}

/// What a line says by itself: what there is to look for in it.
#[derive(Clone)]
pub struct Look {
    keys: Vec<Needle>,
    /// The roots whole: in a working directory.
    roots: Vec<Needle>,
    /// The last component of each: a name may be given from a directory above it.
    ends: Vec<Needle>,
    /// The folders above them, as names of them stand in a log.
    above: Vec<Vec<u8>>,
    /// Programs that outlive the session that started them.
    outliving: Vec<Needle>,
    key: Finder<'static>,
    comm: Finder<'static>,
    id: Finder<'static>,
    inode: Finder<'static>,
    name: Finder<'static>,
    gone: Finder<'static>,
}

/// What was found in a line that may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// It matters whatever other lines say.
    Matters,
    /// The same, and that is why its event does, by its serial number.
    Event(Option<u64>, Because),
    /// It is about a file.
    File {
        /// The number of the file.
        inode: u64,
        /// The serial number of the event.
        serial: Option<u64>,
        /// Its name may be one of those that matter.
        is_named: bool,
        /// The name is none that begins at the root.
        is_relative: bool,
    },
}

impl Looks for Look {
    type Glance = Glance;

    fn look(&self, kind: &[u8], line: &[u8]) -> Option<Glance> {
        let any = |needles: &[Needle]| needles.iter().any(|needle| needle.is_in(line));
        let event = |because| Some(Glance::Event(self.serial(line), because));
        let matters = |is: bool| is.then_some(Glance::Matters);
        match kind {
            b"SYSCALL" | b"URINGOP" if self.has_key(line) => event(Because::Key),
            b"SYSCALL" => matters(self.is_of_outliving(line)),
            b"CWD" if any(&self.roots) => event(Because::Within),
            b"PATH" => {
                let name = self.name(line);
                let is_relative = !name.starts_with(b"\"/") && !name.starts_with(b"2F");
                let is_named = any(&self.ends) || self.is_moved_from_above(name);
                self.inode(line).map_or_else(
                    // What was refused has no file: a bare name may lie in any directory that is open.
                    || matters(is_named || is_relative),
                    |inode| Some(Glance::File { inode, serial: self.serial(line), is_named, is_relative }),
                )
            }
            // What ends or begins recording separates what is before it from what is behind it.
            b"CONFIG_CHANGE" => Some(Glance::Matters),
            _ => matters(kind.starts_with(b"DAEMON_")),
        }
    }
}

impl Look {
    /// For keys of rules, directories, and programs.
    pub(super) fn of<'t>(
        keys: impl IntoIterator<Item = &'t [u8]>,
        roots: impl IntoIterator<Item = &'t [u8]>,
        outliving: &[&[u8]],
    ) -> Look {
        let roots: Vec<&[u8]> = roots.into_iter().collect();
        let end =
            |root: &&[u8]| root.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).map(Needle::of);
        Look {
            keys: keys.into_iter().map(Needle::of).collect(),
            ends: roots.iter().map(|root| end(root).unwrap_or_else(|| Needle::of(b"/"))).collect(),
            above: roots.iter().flat_map(|root| above(root)).flat_map(written).collect(),
            roots: roots.into_iter().map(Needle::of).collect(),
            outliving: outliving.iter().map(|text| Needle::of(text)).collect(),
            key: Finder::new(b"key=").into_owned(),
            comm: Finder::new(b" comm=").into_owned(),
            id: Finder::new(b"audit(").into_owned(),
            inode: Finder::new(b" inode=").into_owned(),
            name: Finder::new(b" name=").into_owned(),
            gone: Finder::new(b"nametype=DELETE").into_owned(),
        }
    }

    /// Whether one of the keys may stand behind the first `key=`.
    fn has_key(&self, line: &[u8]) -> bool {
        let value = self.key.find(line).and_then(|at| line.get(at..));
        value.is_some_and(|value| self.keys.iter().any(|needle| needle.is_in(value)))
    }

    /// Whether the program may be one of those: what it calls itself stands before its path, and both near the end.
    fn is_of_outliving(&self, line: &[u8]) -> bool {
        let names = self.comm.find(line).and_then(|at| line.get(at..)).unwrap_or(line);
        self.outliving.iter().any(|needle| needle.is_in(names))
    }

    fn inode(&self, line: &[u8]) -> Option<u64> {
        let at = self.inode.find(line)?;
        line.get(at + b" inode=".len()..).map(number)
    }

    /// `4711` of `msg=audit(1795292388.123:4711)`.
    fn serial(&self, line: &[u8]) -> Option<u64> {
        let begin = self.id.find(line)?;
        let end = begin + memchr(b')', line.get(begin..)?)?;
        let digits = line.get(begin..end)?.rsplit(|byte| *byte == b':').next()?;
        Some(number(digits))
    }

    /// Whether the name is that of a folder above the directories, and is taken away.
    fn is_moved_from_above(&self, name: &[u8]) -> bool {
        self.above.iter().any(|above| name.starts_with(above)) && self.gone.find(name).is_some()
    }

    /// The name, in quotes or in hexadecimal, and what stands behind it.
    fn name<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        let at = self.name.find(line).map(|at| at + b" name=".len());
        at.and_then(|at| line.get(at..)).unwrap_or_default()
    }
}

/// The folders above one, but the root of all.
fn above(folder: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = folder.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
    ends.filter_map(|(end, _)| folder.get(..end))
}

/// How a name stands in a log: with a slash at its end or without.
fn written(name: &[u8]) -> [Vec<u8>; 4] {
    let hex: String = name.iter().map(|byte| format!("{byte:02X}")).collect();
    [
        [b"\"", name, b"\""].concat(),
        [b"\"", name, b"/\""].concat(),
        format!("{hex} ").into_bytes(),
        format!("{hex}2F ").into_bytes(),
    ]
}

/// The digits that a text begins with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}
