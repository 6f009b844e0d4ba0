//! What is counted of one file.

use std::collections::BTreeMap;

use super::TOLD;
use crate::clock::Timestamp;
use crate::custody::entry::Base64;
use crate::custody::rows::access::FileAccessRow;
use crate::path::shown;
use crate::records::audit_event::names::Found;

#[derive(Clone, Debug)]
pub(super) struct File {
    pub paths: Vec<Box<[u8]>>,
    pub paths_left: u64,
    /// Names that it has, as far as they are known.
    pub names: u32,
    pub events: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub state: &'static str,
    pub found: Found,
    pub file_type: Option<&'static str>,
}

impl File {
    /// It got a name; how many bytes that costs.
    pub fn named(&mut self, path: &[u8]) -> usize {
        if self.paths.last().is_some_and(|last| **last == *path) {
            return 0;
        }
        if self.paths.len() >= TOLD {
            self.paths_left += 1;
            return 0;
        }
        self.paths.push(path.into());
        path.len() + 32
    }

    pub fn row(&self, actors: BTreeMap<String, Vec<&'static str>>) -> FileAccessRow {
        let paths: Vec<String> = self.paths.iter().map(|path| shown(path)).collect();
        let is_same = self.paths.iter().zip(&paths).all(|(exact, shown)| **exact == *shown.as_bytes());
        FileAccessRow {
            actors,
            events: self.events,
            file_type: self.file_type,
            first_utc: self.first,
            last_utc: self.last,
            name_res: self.found.word(),
            paths_b64: (!is_same).then(|| self.paths.iter().map(|path| Base64(path.to_vec())).collect()),
            paths,
            paths_left: self.paths_left,
            schema: "phi-ir.phi-file/1",
            state: self.state,
        }
    }
}
