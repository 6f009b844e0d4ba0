//! Which files run: the program of each process, and whatever else of deleted files and of files in memory it has
//! mapped to be run.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::processes::memory_device;
use super::super::processes::row::program_state;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::custody::rows::process::raw::RawLink;
use crate::host::processes::ProcessFolder;
use crate::host::{Host, Trouble};
use crate::records::process::{maps, target};

/// The longest table of mappings that is read.
const MAPS: usize = 8 << 20;

/// Mappings of one process that are followed.
const MAPPINGS: usize = 256;

/// Files that are told, at most.
const FILES: usize = 65_536;

/// One file, by device and inode.
#[derive(Debug)]
pub struct File {
    /// `exe` where it is the program of any process, else `mapping`.
    pub kind: &'static str,
    /// `present`, `deleted`, `memfd`.
    pub state: &'static str,
    /// As the kernel tells it.
    pub path: Vec<u8>,
    /// Device, `major:minor`.
    pub device: String,
    /// Inode number.
    pub inode: u64,
    /// Processes that have it open, and by which link.
    pub users: Vec<(u32, String)>,
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Search {
    /// The files.
    pub files: Vec<File>,
    refused: Vec<u32>,
    hung: Vec<u32>,
    failed: Vec<u32>,
    hidden: Vec<u32>,
    cut: u64,
    /// What keeps /proc from showing every process.
    pub blinkers: Vec<(Outcome, Reason)>,
}

/// One use of a file.
struct Use {
    kind: &'static str,
    state: &'static str,
    link: String,
    raw: RawLink,
}

/// What one process shows.
#[derive(Default)]
struct Shown {
    uses: Vec<Use>,
    refused: bool,
    failed: bool,
    cut: bool,
}

impl Search {
    /// Looks through all processes.
    pub fn of(host: &Host) -> Result<Search, Trouble> {
        let memory = memory_device();
        let mut search = Search { blinkers: host.blinkers().verdicts(), ..Search::default() };
        let mut files: BTreeMap<(String, u64), File> = BTreeMap::new();
        let look = move |process: &ProcessFolder| Ok(look(process, memory.as_ref()));
        let each = |pid, shown: Result<Shown, Trouble>| {
            match shown {
                Ok(shown) => search.note(pid, shown, &mut files),
                Err(Trouble::Vanished(_)) => {}
                Err(Trouble::Hung(..)) => search.hung.push(pid),
                Err(Trouble::Denied(_)) => search.refused.push(pid),
                Err(Trouble::Covered(_) | Trouble::Hidden(_)) => search.hidden.push(pid),
                Err(_) => search.failed.push(pid),
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = host.each_process(host.pids()?, look, each);
        search.files = files.into_values().collect();
        Ok(search)
    }

    fn note(&mut self, pid: u32, shown: Shown, files: &mut BTreeMap<(String, u64), File>) {
        if shown.refused {
            self.refused.push(pid);
        }
        if shown.failed {
            self.failed.push(pid);
        }
        self.cut += u64::from(shown.cut);
        for one in shown.uses {
            let path = one.raw.exact().unwrap_or_default().to_vec();
            let (Some(device), Some(inode)) = (one.raw.dev, one.raw.ino) else { continue };
            let key = (device, inode);
            if files.len() == FILES && !files.contains_key(&key) {
                self.cut += 1;
                continue;
            }
            let file = files.entry(key.clone()).or_insert_with(|| File {
                kind: one.kind,
                state: one.state,
                path: path.clone(),
                device: key.0,
                inode,
                users: Vec::new(),
            });
            // Who runs it says more of it than who has it mapped.
            if one.kind == "exe" && file.kind != "exe" {
                (file.kind, file.path) = ("exe", path);
            }
            if file.users.last().is_none_or(|(last, _)| *last != pid) {
                file.users.push((pid, one.link));
            }
        }
    }

    /// What could not be looked at, for the entries.
    pub fn shortcomings(&self) -> Vec<(Outcome, ReasonCode, String)> {
        let mut short = Vec::new();
        let mut tell = |pids: &[u32], outcome, code, words: &str| {
            if let Some(first) = pids.first() {
                let processes = counted(pids.len() as u64, "process");
                let said =
                    format!("{processes} did not show program and mappings (the first is {first}: {words})");
                short.push((outcome, code, said));
            }
        };
        tell(&self.refused, Outcome::Denied, ReasonCode::Permission, "permission denied");
        tell(&self.hung, Outcome::TimedOut, ReasonCode::Deadline, "no answer within the deadline");
        let words = "a mount covers their folders in /proc, or they do not open, though they run";
        tell(&self.hidden, Outcome::Inconclusive, ReasonCode::ViewsDisagree, words);
        tell(&self.failed, Outcome::Failed, ReasonCode::IoError, "the kernel reported an error");
        if self.cut > 0 {
            let words = format!("more mappings or files than are followed, {} times", self.cut);
            short.push((Outcome::Truncated, ReasonCode::CountLimit, words));
        }
        short
    }
}

fn look(process: &ProcessFolder, memory: Option<&Arc<str>>) -> Shown {
    let mut shown = Shown::default();
    if let Some(one) = follow(process, "exe".into(), "exe", memory, &mut shown) {
        shown.uses.push(one);
    }
    let text = match process.read("maps", MAPS) {
        Ok(text) => text,
        Err(errno) => {
            shown.note(errno);
            return shown;
        }
    };
    shown.cut |= text.len() == MAPS;
    let gone = |mapping: &maps::Mapping<'_>| {
        mapping.is_executable() && mapping.path.starts_with(b"/") && target::is_marked_deleted(mapping.path)
    };
    let mut last = None;
    for mapping in maps::mappings(&text).flatten().filter(gone) {
        // The pieces of one file follow one another.
        if last.replace((mapping.inode, mapping.path)) == Some((mapping.inode, mapping.path)) {
            continue;
        }
        if shown.uses.len() > MAPPINGS {
            shown.cut = true;
            break;
        }
        let link = format!("map_files/{}", mapping.file_name());
        if let Some(one) = follow(process, link, "mapping", memory, &mut shown) {
            let known =
                shown.uses.iter().any(|other| (&other.raw.dev, other.raw.ino) == (&one.raw.dev, one.raw.ino));
            if !known {
                shown.uses.push(one);
            }
        }
    }
    shown
}

/// What a link leads to.
fn follow(
    process: &ProcessFolder,
    link: String,
    kind: &'static str,
    memory: Option<&Arc<str>>,
    shown: &mut Shown,
) -> Option<Use> {
    let found = process.link(&link).and_then(|target| Ok((target, process.nature(&link)?)));
    match found {
        Ok((target, nature)) => {
            let raw = RawLink {
                dev: Some(format!("{}:{}", nature.dev.0, nature.dev.1)),
                ino: Some(nature.ino),
                nlink: Some(nature.nlink),
                ..RawLink::leading(link.clone(), &target)
            };
            let state = program_state(&raw, memory.map(AsRef::as_ref));
            Some(Use { kind, state, link, raw })
        }
        Err(errno) => {
            shown.note(errno);
            None
        }
    }
}

impl Shown {
    fn note(&mut self, errno: Errno) {
        match errno {
            // A process of the kernel's, one that has ended, or a mapping that is gone again.
            Errno::NOENT | Errno::SRCH => {}
            Errno::PERM | Errno::ACCESS => self.refused = true,
            _ => self.failed = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_show_what_is_said_in_words() {
        let search = Search { refused: vec![1], hung: vec![7, 9], ..Search::default() };
        let words: Vec<String> = search.shortcomings().into_iter().map(|(_, _, words)| words).collect();
        assert_eq!(
            words,
            [
                "1 process did not show program and mappings (the first is 1: permission denied)",
                "2 processes did not show program and mappings (the first is 7: no answer within the deadline)"
            ]
        );
    }
}
