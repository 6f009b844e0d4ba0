//! Which lines of a log can belong to an event that touches certain places: decided on the bytes of one line, so that
//! what cannot matter is never taken apart. It lets through too much rather than too little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;
use memchr::memmem::Finder;

use super::joining::Judges;
use super::scan::Looks;

/// Bits of the mark table: 512 KiB. With 100,000 inodes in it one other line in forty passes as well.
const BITS: usize = 1 << 22;
/// Events that are remembered until their names come: more than are logged at the same moment.
const RECENT: usize = 1 << 10;
/// Names of one of them that are remembered until it is known why they matter: more than a call has.
const NAMES: usize = 16;

/// Inodes that matter, as marks in a table of fixed size that whoever learns more of them adds to while lines are
/// being looked at. An inode that was never marked may seem to be, one that was is never missed.
#[derive(Clone, Debug)]
pub struct Inodes(Arc<[AtomicU64]>);

impl Default for Inodes {
    fn default() -> Inodes {
        Inodes((0..BITS / 64).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Inodes {
    /// From now on this one matters.
    pub fn mark(&self, inode: u64) {
        let (word, bit) = place(inode);
        if let Some(word) = self.0.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn may_have(&self, inode: u64) -> bool {
        let (word, bit) = place(inode);
        self.0.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }
}

fn place(inode: u64) -> (usize, u64) {
    let at = (inode.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42) as usize;
    (at / 64, 1 << (at % 64))
}

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

/// Events whose own line said that they matter, by serial number, until another takes the place: its names come in later
/// lines. A number may be that of an event of another boot or machine, so that a few inodes too many are marked.
struct Recent(Box<[(u64, Because)]>);

/// Why an event matters before its names are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It has the key of a rule.
    Key,
    /// It happened in one of the directories: relative names may lie there.
    Within,
}

impl Recent {
    fn place(&mut self, serial: u64) -> Option<&mut (u64, Because)> {
        let at = serial as usize % self.0.len().max(1);
        self.0.get_mut(at)
    }

    fn set(&mut self, serial: u64, because: Because) {
        // A key says more.
        if let Some(place) = self.place(serial).filter(|place| **place != (serial, Because::Key)) {
            *place = (serial, because);
        }
    }

    fn of(&mut self, serial: u64) -> Option<Because> {
        self.place(serial).filter(|place| place.0 == serial).map(|place| place.1)
    }
}

/// Inodes of events of which no line has said as yet that they matter: where records come in disorder, that may be their
/// last. By serial number, until another event takes the place.
struct Early(Box<[(u64, Vec<Name>)]>);

/// An inode, and whether the name is relative.
type Name = (u64, bool);

impl Early {
    fn place(&mut self, serial: u64) -> Option<&mut (u64, Vec<Name>)> {
        let at = serial as usize % self.0.len().max(1);
        self.0.get_mut(at)
    }

    fn push(&mut self, serial: u64, inode: u64, is_relative: bool) {
        let Some((known, inodes)) = self.place(serial) else { return };
        if *known != serial {
            *known = serial;
            inodes.clear();
        }
        if inodes.len() < NAMES {
            inodes.push((inode, is_relative));
        }
    }

    fn of(&mut self, serial: u64) -> &[Name] {
        self.place(serial).filter(|(known, _)| *known == serial).map_or(&[], |(_, inodes)| inodes.as_slice())
    }
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

/// What is known from the lines before.
pub struct Learner {
    inodes: Inodes,
    recent: Recent,
    early: Early,
}

/// Both together.
pub struct Sieve {
    look: Look,
    learner: Learner,
}

impl Sieve {
    /// For keys of rules, directories, and inodes that are known or will be.
    pub fn of<'t>(
        keys: impl IntoIterator<Item = &'t [u8]>,
        roots: impl IntoIterator<Item = &'t [u8]>,
        outliving: &[&[u8]],
        inodes: &Inodes,
    ) -> Sieve {
        let roots: Vec<&[u8]> = roots.into_iter().collect();
        let end =
            |root: &&[u8]| root.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).map(Needle::of);
        let look = Look {
            keys: keys.into_iter().map(Needle::of).collect(),
            ends: roots.iter().map(|root| end(root).unwrap_or_else(|| Needle::of(b"/"))).collect(),
            roots: roots.into_iter().map(Needle::of).collect(),
            outliving: outliving.iter().map(|text| Needle::of(text)).collect(),
            id: Finder::new(b"audit(").into_owned(),
            inode: Finder::new(b" inode=").into_owned(),
            name: Finder::new(b" name=").into_owned(),
        };
        let learner = Learner {
            inodes: inodes.clone(),
            recent: Recent(vec![(u64::MAX, Because::Key); RECENT].into_boxed_slice()),
            early: Early(vec![(u64::MAX, Vec::new()); RECENT].into_boxed_slice()),
        };
        Sieve { look, learner }
    }

    /// Whether the event of this line may matter. `kind` is the type of its record, as `PATH`. Files that it may be about are
    /// marked at once: the next line may be about one of them under another name.
    pub fn may_matter(&mut self, kind: &[u8], line: &[u8]) -> bool {
        self.look.look(kind, line).is_some_and(|glance| self.learner.may_matter(glance))
    }

    /// What needs no line but the one that it looks at, and what needs all of them in their order.
    pub fn halves(self) -> (Look, Learner) {
        (self.look, self.learner)
    }
}

impl Looks for Look {
    type Glance = Glance;

    fn look(&self, kind: &[u8], line: &[u8]) -> Option<Glance> {
        let any = |needles: &[Needle]| needles.iter().any(|needle| needle.is_in(line));
        let event = |because| Some(Glance::Event(self.serial(line), because));
        let matters = |is: bool| is.then_some(Glance::Matters);
        match kind {
            b"SYSCALL" | b"URINGOP" if any(&self.keys) => event(Because::Key),
            b"SYSCALL" => matters(any(&self.outliving)),
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

impl Judges for Learner {
    type Glance = Glance;

    fn wants(&mut self, glance: &Glance) -> bool {
        self.may_matter(*glance)
    }
}

impl Learner {
    fn may_matter(&mut self, glance: Glance) -> bool {
        match glance {
            Glance::Matters => true,
            Glance::Event(serial, because) => {
                self.matters(serial, because);
                true
            }
            Glance::File { inode, serial, is_named, is_relative } => {
                let is_marked = self.inodes.may_have(inode);
                if !is_marked && (is_named || self.is_of_event_that_matters(serial, inode, is_relative)) {
                    self.inodes.mark(inode);
                }
                // A bare name may lie in any directory that is open, of which the line says nothing; and another rule may have
                // given it its key.
                is_named || is_marked || is_relative
            }
        }
    }

    /// The event of this line matters: its names do that come, and those that came before it.
    fn matters(&mut self, serial: Option<u64>, because: Because) {
        let Some(serial) = serial else { return };
        self.recent.set(serial, because);
        for (inode, is_relative) in self.early.of(serial) {
            if because == Because::Key || *is_relative {
                self.inodes.mark(*inode);
            }
        }
    }

    /// Whether an earlier line of its event says so; if none does, a later one may.
    fn is_of_event_that_matters(&mut self, serial: Option<u64>, inode: u64, is_relative: bool) -> bool {
        let Some(serial) = serial else { return false };
        let because = self.recent.of(serial);
        if because == Some(Because::Key) {
            return true;
        }
        let matters = is_relative && because == Some(Because::Within);
        if !matters {
            self.early.push(serial, inode, is_relative);
        }
        matters
    }
}

/// The digits that a text begins with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_can_matter_pass_in_every_way_of_writing() {
        let inodes = Inodes::default();
        let mut sieve = Sieve::of([&b"phi"[..]], [&b"/srv/phi"[..]], &[b"tmux"], &inodes);
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=\"phi\""));
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=6101706869"));
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL exe=\"/usr/bin/tmux\" key=(null)"));
        assert!(!sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=(null)"));
        assert!(sieve.may_matter(b"CWD", b"type=CWD cwd=2F7372762F7068692F6120"));
        assert!(!sieve.may_matter(b"CWD", b"type=CWD cwd=\"/srv\""));
        // Given from /srv.
        assert!(sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"phi/x\" inode=9"));
        assert!(!sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"/x\" inode=8 dev=08:01"));
        inodes.mark(8);
        assert!(sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"/x\" inode=8 dev=08:01"));
        assert!(sieve.may_matter(b"CONFIG_CHANGE", b"") && sieve.may_matter(b"DAEMON_END", b""));
    }

    #[test]
    fn the_line_behind_knows_a_file_that_got_another_name() {
        let of =
            |kind: &str, serial: u32, rest: &str| format!("type={kind} msg=audit(1.000:{serial}): {rest}");
        let matters = |sieve: &mut Sieve, kind: &str, serial: u32, rest: &str| {
            sieve.may_matter(kind.as_bytes(), of(kind, serial, rest).as_bytes())
        };
        let new = || Sieve::of([&b"phi"[..]], [&b"/srv/phi"[..]], &[], &Inodes::default());
        let elsewhere = r#"item=0 name="/tmp/y" inode=9 dev=08:01"#;
        // By its name, by the directory that it was done in, by the key.
        let ways: [&[(&str, &str)]; 3] = [
            &[("PATH", r#"item=2 name="/srv/phi/x" inode=9"#)],
            &[("CWD", r#"cwd="/srv/phi""#), ("PATH", r#"item=0 name="x" inode=9"#)],
            &[
                ("SYSCALL", r#"key="phi""#),
                ("CWD", r#"cwd="/""#),
                ("PATH", r#"item=0 name="/mnt/x" inode=9"#),
            ],
        ];
        for (way, backwards) in ways.iter().flat_map(|way| [(way, false), (way, true)]) {
            let mut sieve = new();
            assert!(!matters(&mut sieve, "PATH", 6, elsewhere));
            let mut lines = way.to_vec();
            if backwards {
                // Forwarded by a service that keeps no order.
                lines.reverse();
            }
            lines.iter().for_each(|(kind, rest)| {
                matters(&mut sieve, kind, 7, rest);
            });
            assert!(matters(&mut sieve, "PATH", 8, elsewhere), "{lines:?}");
        }
        // A program that was started there is no file of it.
        let mut sieve = new();
        matters(&mut sieve, "CWD", 7, r#"cwd="/srv/phi""#);
        matters(&mut sieve, "PATH", 7, r#"item=0 name="/usr/bin/ls" inode=9"#);
        matters(&mut sieve, "PATH", 9, r#"item=0 name="x" inode=9"#);
        assert!(!matters(&mut sieve, "PATH", 8, elsewhere));
        let mut sieve = new();
        matters(&mut sieve, "PATH", 7, r#"item=0 name="/usr/bin/ls" inode=9"#);
        matters(&mut sieve, "CWD", 7, r#"cwd="/srv/phi""#);
        assert!(!matters(&mut sieve, "PATH", 8, elsewhere));
    }
}
