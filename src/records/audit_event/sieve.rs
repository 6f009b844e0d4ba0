//! Which lines of a log can belong to an event that touches certain places: decided on the bytes of one line, so that
//! what cannot matter is never taken apart. It lets through too much rather than too little.

mod look;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use look::{Because, Glance, Look};

use super::joining::Judges;
use super::scan::Looks as _;

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

/// Events whose own line said that they matter, by serial number, until another takes the place: its names come in later
/// lines. A number may be that of an event of another boot or machine, so that a few inodes too many are marked.
struct Recent(Box<[(u64, Because)]>);

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
        let look = Look::of(keys, roots, outliving);
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
        // Refused, and given from a directory that is open.
        assert!(sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"closed/b\" nametype=UNKNOWN"));
        assert!(!sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"/x\" nametype=UNKNOWN"));
        // What is moved away from above.
        let moved = |name: &str, kind: &str| format!("type=PATH item=2 name={name} inode=11 nametype={kind}");
        let matters = |name: &str, kind: &str| {
            let mut new = Sieve::of([&b"phi"[..]], [&b"/srv/a/phi"[..]], &[], &Inodes::default());
            new.may_matter(b"PATH", moved(name, kind).as_bytes())
        };
        assert!(matters("\"/srv/a\"", "DELETE") && matters("2F7372762F61", "DELETE"));
        assert!(!matters("\"/srv/a\"", "PARENT") && !matters("\"/srv/ab\"", "DELETE"));
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
