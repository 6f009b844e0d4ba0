//! Times of files: the rows of listings, and the metadata of what was copied.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{At, Fact, Quality, named};
use crate::clock::Timestamp;
use crate::custody::entry::{Base64, FileStat};
use crate::custody::json::{self, JsonError};

/// The longest row of a listing that is read, in bytes: a path of the longest kind, twice over, and its target.
pub const LONGEST_ROW: usize = 4 << 20;

/// What a row of a listing says of a file (`custody::rows::FileRow`), as far as its times, its name and its owner.
#[derive(Clone, Debug, Deserialize)]
pub struct FileLine {
    /// Last access.
    pub atime: Timestamp,
    /// Birth, where it is known.
    #[serde(default)]
    pub btime: Option<Timestamp>,
    /// Last change of content or metadata.
    pub ctime: Timestamp,
    /// Owning group.
    pub gid: u32,
    /// Inode number.
    pub ino: u64,
    /// Type and permissions, octal.
    pub mode: String,
    /// Last change of content, as claimed.
    pub mtime: Timestamp,
    /// The path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(default)]
    pub path_b64: Option<Base64>,
    /// Apparent size.
    pub size: u64,
    /// What a link points to, escaped.
    #[serde(default)]
    pub target: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(default)]
    pub target_b64: Option<Base64>,
    /// Owner.
    pub uid: u32,
    /// Times that no calendar of four digits holds, in seconds since 1970.
    #[serde(default)]
    pub unix: BTreeMap<String, i64>,
}

impl FileLine {
    /// From a row of a listing.
    pub fn read(row: &[u8]) -> Result<FileLine, JsonError> {
        json::read(row, LONGEST_ROW)
    }

    /// From the metadata of a file that was copied.
    pub fn of(path: &[u8], stat: &FileStat) -> FileLine {
        FileLine {
            atime: stat.atime,
            btime: stat.btime,
            ctime: stat.ctime,
            gid: stat.gid,
            ino: stat.ino,
            mode: stat.mode.to_string(),
            mtime: stat.mtime,
            path: crate::path::shown(path),
            path_b64: Some(Base64(path.to_vec())),
            size: stat.size,
            target: None,
            target_b64: None,
            uid: stat.uid,
            unix: stat.unix.clone(),
        }
    }

    /// The bytes of its path.
    pub fn path(&self) -> &[u8] {
        self.path_b64.as_ref().map_or(self.path.as_bytes(), |exact| &exact.0)
    }

    /// The bytes of what it points to.
    pub fn target(&self) -> Option<&[u8]> {
        let exact = self.target_b64.as_ref().map(|exact| exact.0.as_slice());
        exact.or(self.target.as_ref().map(String::as_bytes))
    }

    /// Seconds since 1970 of one of its times (`atime`, …), whichever calendar.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let time = match name {
            "atime" => Some(self.atime),
            "btime" => self.btime,
            "ctime" => Some(self.ctime),
            _ => Some(self.mtime),
        };
        self.unix.get(name).copied().or(time.map(Timestamp::unix))
    }

    /// Its times, one fact each.
    pub fn facts(&self, source: &'static str, at: At) -> Vec<Fact> {
        let times = [
            (
                "mtime",
                Some(self.mtime),
                "file.modified",
                "content last changed, as its owner may have set it",
            ),
            ("ctime", Some(self.ctime), "file.changed", "content or metadata last changed"),
            ("atime", Some(self.atime), "file.accessed", "last accessed, as far as the mount keeps that"),
            ("btime", self.btime, "file.born", "came to be"),
        ];
        let of = |(name, time, what, words): (&str, Option<Timestamp>, &'static str, &str)| {
            let words = format!("{}: {words}", named(self.path()));
            let mut fact = Fact::new(time?, what, &words, source, at).path(self.path());
            fact.beyond = self.unix.get(name).copied();
            fact.quality = match (fact.beyond, name) {
                (Some(_), _) => Quality::BeyondCalendar,
                (None, "mtime" | "atime") => Quality::Settable,
                (None, _) => Quality::Exact,
            };
            Some(fact)
        };
        times.into_iter().filter_map(of).collect()
    }
}
