//! Where something was on the host ([`HostPath`]), and how bytes that a stranger chose are shown to a person
//! ([`shown`]). Where it lies in the bundle is `custody::member`'s business.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};

/// An absolute path on the examined host: any bytes but NUL, no `.` or `..` component, no doubled slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPath(Vec<u8>);

/// Why bytes are no [`HostPath`].
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Does not begin with `/`.
    #[error("{0} is not an absolute path")]
    Relative(String),
    /// Contains `..`, which would mean one thing to us and another to a link.
    #[error("{0} contains '..'")]
    Upwards(String),
    /// Contains a NUL byte.
    #[error("{0} contains a NUL byte")]
    Nul(String),
    /// Longer than any that a person or a program could mean.
    #[error("a path of {0} bytes is longer than any that can be looked for")]
    Long(usize),
}

/// Bytes of the longest path. An argument of a program has at most half as many; on a hostile host a line of a file can
/// have as many as it likes.
pub const LONGEST: usize = 256 << 10;

impl HostPath {
    /// The host's `/`.
    pub fn root() -> HostPath {
        HostPath(b"/".to_vec())
    }

    /// Checks and normalises: `//` and `/./` become `/`, a trailing slash is dropped.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<HostPath, PathError> {
        let bytes = bytes.as_ref();
        if bytes.first() != Some(&b'/') {
            return Err(PathError::Relative(shown(bytes)));
        }
        if bytes.len() > LONGEST {
            return Err(PathError::Long(bytes.len()));
        }
        if bytes.contains(&0) {
            return Err(PathError::Nul(shown(bytes)));
        }
        let mut path = HostPath::root();
        for component in bytes.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(PathError::Upwards(shown(bytes))),
                name => path.push(name),
            }
        }
        Ok(path)
    }

    fn push(&mut self, name: &[u8]) {
        if self.0.last() != Some(&b'/') {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    /// This path and one more component, which must hold neither `/` nor NUL (a directory entry never does).
    pub fn join(&self, name: &[u8]) -> HostPath {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        bytes.extend_from_slice(&self.0);
        if bytes.last() != Some(&b'/') {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        HostPath(bytes)
    }

    /// This path and more components, as [`HostPath::join`] takes them.
    pub fn with<'n>(mut self, names: impl Iterator<Item = &'n [u8]>) -> HostPath {
        names.for_each(|name| self.push(name));
        self
    }

    /// This path and each folder above it, from the bottom to `/`, as bytes.
    pub fn and_above(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::successors(Some(self.0.as_slice()), |at| {
            let at: &[u8] = at;
            let end = at.iter().rposition(|byte| *byte == b'/')?.max(1);
            at.get(..end).filter(|above| above.len() < at.len())
        })
    }

    /// The bytes, beginning with `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components from the top; none for `/`.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// The last component; empty for `/`.
    pub fn name(&self) -> &[u8] {
        self.components().last().unwrap_or_default()
    }

    /// The directory above; `/` for `/`.
    pub fn parent(&self) -> HostPath {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        HostPath(self.0.get(..end.max(1)).unwrap_or(b"/").to_vec())
    }

    /// Whether this path is `other` or lies beneath it, compared by whole components.
    pub fn is_within(&self, other: &HostPath) -> bool {
        match self.0.strip_prefix(other.0.as_slice()) {
            Some(rest) => other.0.len() == 1 || rest.is_empty() || rest.first() == Some(&b'/'),
            None => false,
        }
    }

    /// This path, which lies within `from`, at the same place within `to`.
    pub fn moved(&self, from: &HostPath, to: &HostPath) -> Option<HostPath> {
        let below = self.components().skip(from.components().count());
        self.is_within(from).then(|| to.clone().with(below))
    }

    /// Whether this path lies beneath `other`, and is not `other` itself.
    pub fn is_below(&self, other: &HostPath) -> bool {
        self != other && self.is_within(other)
    }
}

/// By its bytes, so that a path is found in a table without a copy of it.
impl Borrow<[u8]> for HostPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostPath({self})")
    }
}

/// Text for people and JSON from bytes that a stranger may have chosen.
///
/// Keeps printable characters; writes a backslash as `\\`, a byte that is not UTF-8 as `\xHH`, and control,
/// direction-changing and invisible characters as `\u{H}`: a file's name can neither move the cursor nor hide.
pub fn shown(bytes: &[u8]) -> String {
    // Most names are plain ASCII, of which nothing changes.
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\')
        && let Ok(plain) = std::str::from_utf8(bytes)
    {
        return plain.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c if is_treacherous(c) => {
                    let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
                }
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Text that was made for people already, on one line, and without what a stranger may have put into it all the same:
/// characters that a terminal would act on are written as `\u{H}`. Backslashes stay, so that escaped text stays as it is.
pub fn harmless(text: &str) -> String {
    if !text.chars().any(is_treacherous) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_treacherous(c) {
            let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

/// Characters that a terminal or page would act on, reorder by, or not show: controls, line separators, zero
/// width, bidi (Unicode TR 9, "Trojan Source"), variation selectors, tags, and the byte order mark.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_path_is_absolute_and_plain() {
        assert_eq!(HostPath::new("//var/./log/").unwrap().as_bytes(), b"/var/log");
        assert_eq!(HostPath::new("/").unwrap().parent(), HostPath::root());
        assert!(HostPath::new("var/log").is_err());
        assert!(HostPath::new("/var/../etc").is_err());
        assert!(HostPath::new(b"/a\0b").is_err());
        assert!(matches!(HostPath::new(vec![b'/'; LONGEST + 1]), Err(PathError::Long(_))));
    }

    #[test]
    fn what_is_above_a_path_ends_with_the_root() {
        let above = |path: &str| -> Vec<String> {
            let path = HostPath::new(path).unwrap();
            path.and_above().map(|at| String::from_utf8(at.to_vec()).unwrap()).collect()
        };
        assert_eq!(above("/var/log/x"), ["/var/log/x", "/var/log", "/var", "/"]);
        assert_eq!(above("/"), ["/"]);
    }

    #[test]
    fn within_counts_whole_components() {
        let phi = HostPath::new("/srv/phi").unwrap();
        assert!(HostPath::new("/srv/phi/a").unwrap().is_within(&phi));
        assert!(phi.is_within(&phi) && phi.is_within(&HostPath::root()));
        assert!(!HostPath::new("/srv/phi-old").unwrap().is_within(&phi));
    }

    #[test]
    fn shown_text_is_harmless_and_says_every_byte() {
        assert_eq!(shown(b"plain name.txt"), "plain name.txt");
        assert_eq!(shown("Ärzte".as_bytes()), "Ärzte");
        assert_eq!(shown(b"a\\b\n\x1b[2J\xff"), "a\\\\b\\u{a}\\u{1b}[2J\\xff");
        assert_eq!(shown("x\u{202e}gpj.exe\u{200b}".as_bytes()), "x\\u{202e}gpj.exe\\u{200b}");
    }
}
