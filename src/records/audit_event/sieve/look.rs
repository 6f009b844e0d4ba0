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
    /// Programs that outlive the session that started them.
    outliving: Vec<Needle>,
    key: Finder<'static>,
    comm: Finder<'static>,
    id: Finder<'static>,
    inode: Finder<'static>,
    name: Finder<'static>,
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
                let is_named = any(&self.ends);
                self.inode(line).map_or_else(
                    || matters(is_named),
                    |inode| {
                        let (serial, is_relative) = (self.serial(line), self.is_relative(line));
                        Some(Glance::File { inode, serial, is_named, is_relative })
                    },
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
            roots: roots.into_iter().map(Needle::of).collect(),
            outliving: outliving.iter().map(|text| Needle::of(text)).collect(),
            key: Finder::new(b"key=").into_owned(),
            comm: Finder::new(b" comm=").into_owned(),
            id: Finder::new(b"audit(").into_owned(),
            inode: Finder::new(b" inode=").into_owned(),
            name: Finder::new(b" name=").into_owned(),
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

    /// Whether the name is none that begins at the root, as it is or in hexadecimal.
    fn is_relative(&self, line: &[u8]) -> bool {
        let name = self.name.find(line).and_then(|at| line.get(at + b" name=".len()..));
        !name.is_some_and(|name| name.starts_with(b"\"/") || name.starts_with(b"2F"))
    }
}

/// The digits that a text begins with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}
