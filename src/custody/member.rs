//! The names of a bundle's members.
//!
//! Names on Linux are bytes. They are kept as bytes in every entry (base64); the member's name is made from
//! them so that any desktop can unpack it, and need not be decoded by anyone.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::path::{HostPath, shown};

/// The longest member name, in bytes, without the bundle's own folder.
pub const MEMBER_LIMIT: usize = 200;

/// The name of a member within the bundle's folder: printable ASCII, relative, legal on Windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Member(String);

/// A name that no bundle of ours would hold.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a legal member name")]
pub struct MemberError(String);

impl Member {
    /// The place of a host file: `data/root/` and its escaped path.
    pub fn of_file(path: &HostPath) -> Member {
        let mut name = String::from("data/root");
        for component in path.components() {
            name.push('/');
            name.push_str(&escaped(component));
        }
        Member(name).shortened(path.as_bytes())
    }

    /// The place of something that a collector took or made: `data/live/COLLECTOR/NAME`.
    pub fn of_live(collector: &str, name: &str) -> Member {
        Member::of_output("data/live", collector, name)
    }

    /// The place of what a host program printed: `data/tool/COLLECTOR/NAME`.
    pub fn of_tool(collector: &str, name: &str) -> Member {
        Member::of_output("data/tool", collector, name)
    }

    /// The place of what was derived over collectors: `data/view/NAME`.
    pub fn of_view(name: &str) -> Member {
        Member(format!("data/view/{}", escaped(name.as_bytes()))).shortened(name.as_bytes())
    }

    fn of_output(room: &str, collector: &str, name: &str) -> Member {
        let full = format!("{room}/{}/{}", escaped(collector.as_bytes()), escaped(name.as_bytes()));
        Member(full).shortened(name.as_bytes())
    }

    /// The entry of the given number: `entries/000042.json`.
    pub fn of_entry(number: u32) -> Member {
        Member(format!("entries/{number:06}.json"))
    }

    /// One of the tag files at the top of the bag.
    pub fn of_tag(name: &'static str) -> Member {
        Member(name.to_owned())
    }

    /// Takes a name that somebody else wrote, if it is one that we could have made.
    pub fn parse(name: &str) -> Result<Member, MemberError> {
        let legal = !name.is_empty() && name.len() <= MEMBER_LIMIT && name.split('/').all(is_legal_component);
        if legal { Ok(Member(name.to_owned())) } else { Err(MemberError(shown(name.as_bytes()))) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, or its beginning and a digest of `identity` where it is too long.
    fn shortened(self, identity: &[u8]) -> Member {
        if self.0.len() <= MEMBER_LIMIT { self } else { self.marked(identity) }
    }

    /// The name with `=_` and 32 hex digits of the SHA-256 of `identity` behind it. `=_` cannot arise from
    /// escaping, so that a marked name never equals an unmarked one.
    fn marked(&self, identity: &[u8]) -> Member {
        let mark = format!("=_{}", Digest::of(identity).hex().get(..32).unwrap_or_default());
        let room = MEMBER_LIMIT - mark.len();
        let kept = self.0.get(..self.0.len().min(room)).unwrap_or_default();
        // Never leave half an escape, an empty component or a trailing dot before the mark.
        let kept = match kept.rfind('=') {
            Some(at) if at + 3 > kept.len() => kept.get(..at).unwrap_or_default(),
            _ => kept,
        };
        Member(format!("{}{mark}", kept.trim_end_matches(['/', '.', ' '])))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Member {
    type Error = MemberError;
    fn try_from(name: String) -> Result<Member, MemberError> {
        Member::parse(&name)
    }
}

impl From<Member> for String {
    fn from(member: Member) -> String {
        member.0
    }
}

/// One component as `=HH` escapes: what is not printable ASCII, what Windows forbids (`<>:"|?*\`), the escape
/// sign itself, `%` (BagIt's own escape), a trailing dot or blank, and the first letter of a device name.
fn escaped(component: &[u8]) -> String {
    let mut text = String::with_capacity(component.len());
    let device = is_device_name(component);
    for (at, byte) in component.iter().enumerate() {
        let last = at + 1 == component.len();
        let forbidden = !(b' '..=b'~').contains(byte) || br#"<>:"|?*\=%/"#.contains(byte);
        if forbidden || (last && b". ".contains(byte)) || (at == 0 && device) {
            let _ = write!(text, "={byte:02X}");
        } else {
            text.push(char::from(*byte));
        }
    }
    text
}

fn is_legal_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    !bytes.is_empty()
        && bytes.iter().all(|byte| (b' '..=b'~').contains(byte) && !br#"<>:"|?*\%"#.contains(byte))
        && !component.ends_with(['.', ' '])
        && !is_device_name(bytes)
}

/// Whether Windows would open a device instead of a file: the part before the first dot, in any case.
pub fn is_device_name(component: &[u8]) -> bool {
    let stem = component.split(|byte| *byte == b'.').next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_uppercase();
    match stem.as_slice() {
        b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CONIN$" | b"CONOUT$" => true,
        [b'C', b'O', b'M', n] | [b'L', b'P', b'T', n] => n.is_ascii_digit(),
        _ => false,
    }
}

/// The names given out in one bundle, so that no two differ only in case and none is both file and folder.
#[derive(Debug, Default)]
pub struct Members {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Members {
    /// Gives out `wanted`, or a name with a mark made from `identity` (and a count, should that be taken too: one
    /// file may be asked for twice).
    pub fn claim(&mut self, wanted: Member, identity: &[u8]) -> Member {
        let mut name = wanted;
        let mut count = 0_u32;
        while let Some(clash) = self.clash(&name) {
            let distinct = [identity, &count.to_be_bytes()].concat();
            let identity = if count == 0 { identity } else { &distinct };
            name = match (clash, name.0.split_at_checked(clash)) {
                // A folder's name is taken by a file: what lies below moves into a folder beside it.
                (_, Some((folder, below))) if !below.is_empty() => {
                    Member(format!("{}{below}", Member(folder.to_owned()).marked(identity)))
                        .shortened(identity)
                }
                _ => name.marked(identity),
            };
            count += 1;
        }
        self.take(&name);
        name
    }

    /// Takes a name that somebody else gave out, if it collides with none before it.
    pub fn admit(&mut self, name: &Member) -> bool {
        let free = self.clash(name).is_none();
        if free {
            self.take(name);
        }
        free
    }

    fn take(&mut self, name: &Member) {
        let lower = name.0.to_ascii_lowercase();
        for (at, _) in lower.match_indices('/') {
            let folder = lower.get(..at).unwrap_or_default();
            if !self.folders.contains(folder) {
                self.folders.insert(folder.to_owned());
            }
        }
        self.files.insert(lower);
    }

    /// Where the name collides with one given out: the length of the folder that is a file already, or of the
    /// whole name.
    fn clash(&self, name: &Member) -> Option<usize> {
        let lower = name.0.to_ascii_lowercase();
        let taken = |at: &usize| self.files.contains(lower.get(..*at).unwrap_or_default());
        let folder = lower.match_indices('/').map(|(at, _)| at).find(taken);
        let whole = self.files.contains(&lower) || self.folders.contains(&lower);
        folder.or(whole.then_some(lower.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &[u8]) -> String {
        Member::of_file(&HostPath::new(path).unwrap()).as_str().to_owned()
    }

    #[test]
    fn member_names_are_legal_everywhere() {
        assert_eq!(file(b"/var/log/auth.log"), "data/root/var/log/auth.log");
        assert_eq!(file(b"/a=b%c\\d:e"), "data/root/a=3Db=25c=5Cd=3Ae");
        assert_eq!(file(b"/x\n\xff\x1b[31m"), "data/root/x=0A=FF=1B[31m");
        assert_eq!(file(b"/dot. /end./CON/nul.txt/com7"), "data/root/dot.=20/end=2E/=43ON/=6Eul.txt/=63om7");
        for path in [&b"/a b'$`"[..], b"/-rf", b"/...", b"/\xe2\x80\xae", &[b'/', 0x7f]] {
            let name = file(path);
            assert!(Member::parse(&name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_distinct() {
        let long = |end: u8| [vec![b'/'], vec![0xff; 255], vec![end]].concat();
        let (a, b) = (file(&long(b'a')), file(&long(b'b')));
        assert!(a.len() <= MEMBER_LIMIT && a != b, "{a} {b}");
        assert!(Member::parse(&a).is_ok());
    }

    #[test]
    fn foreign_names_are_refused() {
        for name in
            ["", "/etc/passwd", "a//b", "../x", "a/..", "a\\b", "a\nb", "data/x.", "aux", "a%2F", "é", "a/"]
        {
            assert!(Member::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_only_in_case_or_repeat_get_a_mark() {
        let mut members = Members::default();
        let mut claim = |path: &str| {
            let path = HostPath::new(path).unwrap();
            members.claim(Member::of_file(&path), path.as_bytes()).to_string()
        };
        let names =
            ["/a/File", "/a/file", "/a/file", "/a/File", "/a/File/below", "/A"].map(&mut claim).to_vec();
        let lower: HashSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(lower.len(), names.len(), "{names:?}");
        assert_eq!(names[0], "data/root/a/File");
        assert!(names[1].starts_with("data/root/a/file=_"));
        assert!(names[4].contains("=_"), "a folder may not have a file's name: {names:?}");
        assert!(names[5].contains("=_"), "a file may not have a folder's name: {names:?}");
    }
}
