//! Rows of listings. The columns are frozen; keys are sorted.

pub mod access;
pub mod audit;
pub mod audit_coverage;
pub mod audit_log;
pub mod keeping;
pub mod kernel;
pub mod kmsg;
pub mod login_views;
pub mod logins;
pub mod process;
pub mod sessions;
pub mod sockets;
pub mod timeline;

use std::collections::BTreeMap;

use serde::Serialize;

use super::brief::Brief;
use super::digest::Digest;
use super::entry::{Base64, FileStat};
use crate::clock::Timestamp;
use crate::path::{HostPath, shown};

/// One file, folder, link or other name: its metadata without its content.
#[derive(Clone, Debug, Serialize)]
pub struct FileRow {
    /// Last access.
    pub atime: Timestamp,
    /// Attributes that are set, by name, sorted, as far as the file system tells of them: `immutable`, `append`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<&'static str>,
    /// 512-byte blocks in use.
    pub blocks: u64,
    /// Birth, where the file system keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub btime: Option<Timestamp>,
    /// Last change of content or metadata.
    pub ctime: Timestamp,
    /// Device, `major:minor`.
    pub dev: Brief,
    /// Owning group.
    pub gid: u32,
    /// Inode number.
    pub ino: u64,
    /// Type and permissions, octal.
    pub mode: Brief,
    /// The kernel's number of the mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_id: Option<u64>,
    /// Last change of content, as claimed.
    pub mtime: Timestamp,
    /// Hard links.
    pub nlink: u64,
    /// The path, escaped.
    pub path: String,
    /// The exact path, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// SHA-256 of the content, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Why there is no digest although the file falls into the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256_missing: Option<&'static str>,
    /// Apparent size.
    pub size: u64,
    /// What a link points to, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_b64: Option<Base64>,
    /// Why it is not known what a link points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_missing: Option<&'static str>,
    /// Owner.
    pub uid: u32,
    /// Times that no calendar of four digits holds, in seconds since 1970.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unix: BTreeMap<String, i64>,
    /// The names of its extended attributes, escaped, where they were asked for: an empty list if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xattrs: Option<Vec<String>>,
    /// Exactly, where an escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xattrs_b64: Option<Vec<Base64>>,
    /// Why they, or more of them, are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xattrs_missing: Option<&'static str>,
}

impl FileRow {
    /// A row of what was met at `path`; `target` is where a link points.
    pub fn new(path: &HostPath, stat: FileStat, target: Option<&[u8]>) -> FileRow {
        FileRow::of(path.as_bytes(), stat, target)
    }

    /// The same of the bytes of a path.
    pub fn of(path: &[u8], stat: FileStat, target: Option<&[u8]>) -> FileRow {
        let (path, path_b64) = text(path);
        let (target, target_b64) = target.map(text).map_or((None, None), |(text, exact)| (Some(text), exact));
        FileRow {
            atime: stat.atime,
            attributes: Vec::new(),
            blocks: stat.blocks,
            btime: stat.btime,
            ctime: stat.ctime,
            dev: stat.dev,
            gid: stat.gid,
            ino: stat.ino,
            mode: stat.mode,
            mount_id: stat.mount_id,
            mtime: stat.mtime,
            nlink: stat.nlink,
            path,
            path_b64,
            sha256: None,
            sha256_missing: None,
            size: stat.size,
            target,
            target_b64,
            target_missing: None,
            uid: stat.uid,
            unix: stat.unix,
            xattrs: None,
            xattrs_b64: None,
            xattrs_missing: None,
        }
    }

    /// With the names of its extended attributes.
    pub fn name_xattrs(&mut self, names: &[Vec<u8>]) {
        let (shown, exact): (Vec<String>, Vec<Option<Base64>>) = names.iter().map(|name| text(name)).unzip();
        if exact.iter().any(Option::is_some) {
            self.xattrs_b64 = Some(names.iter().map(|name| Base64(name.clone())).collect());
        }
        self.xattrs = Some(shown);
    }
}

/// Escaped, and the exact bytes where escaping changed anything: how every name in a row is written.
pub fn text(bytes: &[u8]) -> (String, Option<Base64>) {
    let escaped = shown(bytes);
    let exact = (escaped.as_bytes() != bytes).then(|| Base64(bytes.to_vec()));
    (escaped, exact)
}

/// The name of a UNIX socket, escaped, with an `@` for the NUL of an abstract one; and exactly, where that is not all.
pub fn unix_name(name: &[u8]) -> (String, Option<Base64>) {
    match name.strip_prefix(b"\0") {
        Some(abstracted) => (format!("@{}", shown(abstracted)), Some(Base64(name.to_vec()))),
        None => text(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    fn stat() -> FileStat {
        let zero = Timestamp::from_unix(0, 0);
        FileStat {
            atime: zero,
            blocks: 0,
            btime: Some(zero),
            ctime: zero,
            dev: "8:1".into(),
            gid: 0,
            ino: 1,
            mode: "120777".into(),
            mount_id: Some(1),
            mtime: zero,
            nlink: 1,
            size: 3,
            uid: 0,
            unix: BTreeMap::from([("atime".to_owned(), -1)]),
        }
    }

    #[test]
    fn the_keys_of_a_row_are_sorted_and_odd_names_survive() {
        let mut row = FileRow::new(&HostPath::new(b"/a\n\xff").unwrap(), stat(), Some(b"b\xff"));
        row.sha256 = Some(Digest::of(b""));
        row.sha256_missing = Some("x");
        row.attributes = vec!["append"];
        (row.target_missing, row.xattrs_missing) = (Some("x"), Some("x"));
        row.name_xattrs(&[b"user.\xff\n".to_vec(), b"user.plain".to_vec()]);
        json::assert_keys_sorted(&row);
        let bytes = json::line(&row).unwrap();
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(row.path_b64.is_some() && row.target_b64.is_some());
        assert_eq!(row.xattrs.unwrap()[0], "user.\\xff\\u{a}");
        assert_eq!(row.xattrs_b64.unwrap().len(), 2);
        let mut plain = FileRow::new(&HostPath::root(), stat(), None);
        plain.name_xattrs(&[]);
        assert!(String::from_utf8(json::line(&plain).unwrap()).unwrap().contains("\"xattrs\":[]"));
        plain.name_xattrs(&[b"user.a".to_vec()]);
        assert!(plain.xattrs_b64.is_none());
        assert!(FileRow::new(&HostPath::root(), stat(), None).path_b64.is_none());
    }
}
