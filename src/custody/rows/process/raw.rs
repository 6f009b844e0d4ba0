//! What /proc gave, as it came: one row for each file of each process, and one for each folder of links.

use serde::Serialize;

use crate::custody::entry::Base64;
use crate::custody::rows::text;
use crate::path::is_treacherous;

/// One file or folder of links of one process. Keys are sorted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RawRow<'a> {
    /// When it was read, in nanoseconds since boot.
    pub boottime_ns: u64,
    /// Its bytes, where they are not harmless text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_b64: Option<Base64>,
    /// There is more than what is taken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// The error that came instead, or after what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its name below `/proc/PID`.
    pub file: &'a str,
    /// The links in it, where it is a folder.
    #[serde(skip_serializing_if = "<[RawLink]>::is_empty")]
    pub links: &'a [RawLink],
    /// The process.
    pub pid: u32,
    /// Its bytes, where they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
}

impl<'a> RawRow<'a> {
    /// Bytes as `text`, where they are UTF-8 that acts on no terminal (newline, tab and NUL are escaped by JSON), else as
    /// base64.
    pub fn holding(mut self, bytes: &'a [u8]) -> RawRow<'a> {
        let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\0');
        let harmless = |text: &&str| {
            bytes.iter().all(plain)
                || !text.chars().any(|c| !matches!(c, '\n' | '\t' | '\0') && is_treacherous(c))
        };
        match std::str::from_utf8(bytes).ok().filter(harmless) {
            Some(text) => self.text = Some(text),
            None => self.bytes_b64 = Some(Base64(bytes.to_vec())),
        }
        self
    }
}

/// One link, and what stat(2) says of what it leads to, where it leads to a file. Keys are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RawLink {
    /// Device, `major:minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// There is no such link, as with the program of a process that has ended. Not written: the error says it.
    #[serde(skip)]
    pub absent: bool,
    /// The error that came instead of a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Inode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ino: Option<u64>,
    /// Type and permissions, octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Its name: `exe`, `ns/net`, the number of a descriptor.
    pub name: String,
    /// Names that the file has; 0 once it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nlink: Option<u64>,
    /// Size of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it leads, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_b64: Option<Base64>,
}

impl RawLink {
    /// A link that leads to `target`.
    pub fn leading(name: String, target: &[u8]) -> RawLink {
        let (target, target_b64) = text(target);
        RawLink { name, target: Some(target), target_b64, ..RawLink::default() }
    }

    /// Where it leads, exactly.
    pub fn exact(&self) -> Option<&[u8]> {
        let exact = self.target_b64.as_ref().map(|exact| exact.0.as_slice());
        exact.or(self.target.as_ref().map(String::as_bytes))
    }
}

/// The numbers of processes that one look at the system shows. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct ViewRow<'a> {
    /// When the look ended, in nanoseconds since boot.
    pub boottime_ns: u64,
    /// The numbers, ascending.
    pub pids: &'a [u32],
    /// The highest number that was asked for, where each was asked for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u32>,
    /// Which look: `listing`, `getpriority`, `cgroup`.
    pub view: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn bytes_are_text_only_where_that_is_harmless_and_whole() {
        let row = |bytes: &'static [u8]| RawRow { file: "cmdline", ..RawRow::default() }.holding(bytes);
        assert_eq!(row(b"sh\0-c\0\n").text, Some("sh\0-c\0\n"));
        assert_eq!(row("Ärzte\0".as_bytes()).text, Some("Ärzte\0"));
        for odd in [&b"\xff"[..], b"\x1b[2J", "\u{202e}".as_bytes(), "\u{9b}".as_bytes()] {
            let row = row(odd);
            assert!(row.text.is_none() && row.bytes_b64 == Some(Base64(odd.to_vec())));
        }
        assert_eq!(row(b"").text, Some(""));
    }

    #[test]
    fn keys_are_sorted() {
        let word = || Some("x".to_owned());
        let link = RawLink {
            dev: word(),
            error: word(),
            ino: Some(1),
            mode: word(),
            nlink: Some(1),
            size: Some(1),
            ..RawLink::leading("exe".into(), b"/\xff")
        };
        assert_eq!(link.exact(), Some(&b"/\xff"[..]));
        json::assert_keys_sorted(&link);
        let bytes_b64 = Some(Base64(b"\xff".to_vec()));
        let links = [link];
        json::assert_keys_sorted(&RawRow {
            bytes_b64,
            cut: true,
            error: word(),
            links: &links,
            text: Some(""),
            ..RawRow::default()
        });
        json::assert_keys_sorted(&ViewRow { boottime_ns: 1, pids: &[1], up_to: Some(1), view: "listing" });
    }
}
