//! Which lines of a log can belong to an event that touches certain places: decided on the bytes of one line, so that
//! what cannot matter is never taken apart. It lets through too much rather than too little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem::Finder;

/// Bits of the mark table: 512 KiB. With 100,000 inodes in it one other line in forty passes as well.
const BITS: usize = 1 << 22;

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

/// What to look for.
pub struct Sieve {
    keys: Vec<Needle>,
    /// The roots whole: in a working directory.
    roots: Vec<Needle>,
    /// The last component of each: a name may be given from a directory above it.
    ends: Vec<Needle>,
    /// Programs that outlive the session that started them.
    outliving: Vec<Needle>,
    inode: Finder<'static>,
    inodes: Inodes,
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
        Sieve {
            keys: keys.into_iter().map(Needle::of).collect(),
            ends: roots.iter().map(|root| end(root).unwrap_or_else(|| Needle::of(b"/"))).collect(),
            roots: roots.into_iter().map(Needle::of).collect(),
            outliving: outliving.iter().map(|text| Needle::of(text)).collect(),
            inode: Finder::new(b" inode=").into_owned(),
            inodes: inodes.clone(),
        }
    }

    /// Whether the event of this line may matter. `kind` is the type of its record, as `PATH`.
    pub fn may_matter(&self, kind: &[u8], line: &[u8]) -> bool {
        let any = |needles: &[Needle]| needles.iter().any(|needle| needle.is_in(line));
        match kind {
            b"SYSCALL" => any(&self.keys) || any(&self.outliving),
            b"PATH" => any(&self.ends) || self.has_inode(line),
            b"CWD" => any(&self.roots),
            b"URINGOP" => any(&self.keys),
            // What ends or begins recording separates what is before it from what is behind it.
            b"CONFIG_CHANGE" => true,
            _ => kind.starts_with(b"DAEMON_"),
        }
    }

    fn has_inode(&self, line: &[u8]) -> bool {
        let Some(at) = self.inode.find(line) else { return false };
        let digits = line.iter().skip(at + b" inode=".len()).take_while(|byte| byte.is_ascii_digit());
        self.inodes.may_have(
            digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_can_matter_pass_in_every_way_of_writing() {
        let inodes = Inodes::default();
        let sieve = Sieve::of([&b"phi"[..]], [&b"/srv/phi"[..]], &[b"tmux"], &inodes);
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=\"phi\""));
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=6101706869"));
        assert!(sieve.may_matter(b"SYSCALL", b"type=SYSCALL exe=\"/usr/bin/tmux\" key=(null)"));
        assert!(!sieve.may_matter(b"SYSCALL", b"type=SYSCALL key=(null)"));
        assert!(sieve.may_matter(b"CWD", b"type=CWD cwd=2F7372762F7068692F6120"));
        assert!(!sieve.may_matter(b"CWD", b"type=CWD cwd=\"/srv\""));
        // Given from /srv.
        assert!(sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"phi/x\" inode=9"));
        assert!(!sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"x\" inode=9 dev=08:01"));
        inodes.mark(9);
        assert!(sieve.may_matter(b"PATH", b"type=PATH item=0 name=\"x\" inode=9 dev=08:01"));
        assert!(sieve.may_matter(b"CONFIG_CHANGE", b"") && sieve.may_matter(b"DAEMON_END", b""));
    }
}
