//! Files as processes have them open: read through `/proc/PID`, which leads to the file itself, whatever has become of
//! its name. On a reader thread, for the file may lie on a server that does not answer.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::file::{Glimpse, Reading, pour, quietly};
use super::patience::NoAnswer;
use super::processes::ProcessFolder;
use super::processes::tree::Tree;
use super::stat;
use super::{Host, Trouble};
use crate::path::HostPath;

impl Host {
    /// Begins to read what a link of a process leads to, such as `exe` or `map_files/7f00-7f01`, at most `limit` bytes.
    /// Nothing but a regular file is read.
    pub fn read_of_process(&self, pid: u32, link: &str, limit: u64) -> Result<Reading<'_>, Trouble> {
        let place = format!("/proc/{pid}/{link}");
        let named = HostPath::new(&place).unwrap_or_else(|_| HostPath::root());
        let (glimpse, glimpses) = sync_channel(2);
        let footprint = Arc::clone(self.footprint());
        let (tree, link) = (self.process_tree(), link.to_owned());
        let started = self.patience().start(move || {
            let opened = folder(&tree, pid).and_then(|process| open(&process, &link));
            let opened = opened.and_then(|(file, kept)| Ok((stat::of(&file)?, file, kept)));
            let failed = match opened {
                Err(errno) => Some((errno, "open")),
                Ok((met, ..)) if met.kind != FileType::RegularFile => {
                    let _ = glimpse.send(Glimpse::Other(met));
                    None
                }
                Ok((met, file, kept)) => {
                    footprint.file(kept);
                    pour(&file, met, limit, &footprint, &glimpse).err()
                }
            };
            if let Some((errno, doing)) = failed {
                let _ = glimpse.send(Glimpse::Failed(errno, doing));
            }
        });
        match started {
            Ok(()) => Ok(Reading::of(self, named, glimpses)),
            Err(_) => Err(self.no_answer(NoAnswer::Gone, &named)),
        }
    }
}

/// The folder of a process, which nothing covers.
fn folder(tree: &Tree, pid: u32) -> Result<ProcessFolder, Errno> {
    tree.folder(pid, &tree.covers_of_what_is_read()).map_err(|trouble| match trouble {
        Trouble::Denied(_) => Errno::ACCESS,
        Trouble::Covered(_) => Errno::XDEV,
        _ => Errno::SRCH,
    })
}

/// Opens a file without changing its access time, where that is allowed; and says whether it was.
fn open(process: &ProcessFolder, link: &str) -> Result<(OwnedFd, bool), Errno> {
    // As a name first, so that nothing but a file is ever opened.
    let door = process.open(link, OFlags::PATH)?;
    if stat::of(&door)?.kind != FileType::RegularFile {
        return Ok((door, true));
    }
    let quiet = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    quietly(quiet, |flags| process.open(link, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_program_is_read_through_proc() {
        let host = Host::live(&[]).unwrap();
        let me = std::process::id();
        let wanted = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut reading = host.read_of_process(me, "exe", u64::MAX).unwrap();
        let mut bytes = Vec::new();
        loop {
            match reading.glimpse().unwrap() {
                Glimpse::Bytes(more) => bytes.extend_from_slice(&more),
                Glimpse::Done(end) => break assert!(!end.cut),
                Glimpse::Opened(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(bytes == wanted);
        // A folder is no file.
        let mut reading = host.read_of_process(me, "cwd", 1).unwrap();
        assert!(matches!(reading.glimpse().unwrap(), Glimpse::Other(_)));
    }
}
