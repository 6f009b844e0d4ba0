//! What /proc tells of every process, read on threads that can be left behind: a process whose memory is locked keeps
//! whoever reads its command line waiting for ever.
//!
//! Each process is read through a descriptor of its folder, so that a number that was given to another process
//! meanwhile gives an error and never another process's data.

mod reading;
pub mod tree;
pub mod views;

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags, RawDir, StatxFlags};
use rustix::io::Errno;

use super::{Host, Trouble};

/// Bytes that are asked for at once: more than nearly every file that comes in one piece.
const PIECE: usize = 32 << 10;

/// Bytes of a listing that are asked for at once.
const LISTING: usize = 16 << 10;

/// The kernel gives a link in one page.
const LINK: usize = 4096;

/// Files that the kernel gives to their end in one read, if there is room: written in one piece (`single_open`), a
/// few digits, or copied until nothing is left (`cmdline`). So says fs/proc/base.c. All others come a page at a
/// time, and only a read that gives nothing is their end.
const IN_ONE_READ: [&str; 10] =
    ["cgroup", "cmdline", "comm", "io", "limits", "loginuid", "oom_score_adj", "sessionid", "stat", "status"];

/// The last line of `maps` on x86-64, above all that a process can map. Nothing comes after it.
const LAST_MAPPING: &[u8] = b"ffffffffff600000-ffffffffff601000 ";

/// The folder of one process in /proc, held open.
pub struct ProcessFolder {
    /// Its number.
    pub pid: u32,
    folder: OwnedFd,
}

/// One file descriptor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub fd: u32,
    /// What it leads to: a path, `socket:[INODE]`, `net:[INODE]`, …
    pub target: Vec<u8>,
}

/// What a link leads to, by stat(2), without asking a server for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// Device, major and minor.
    pub dev: (u32, u32),
    /// Inode number.
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Names that it has; 0 once it is deleted.
    pub nlink: u64,
    /// Size in bytes.
    pub size: u64,
}

impl ProcessFolder {
    /// A file of it whole, at most `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        self.read_into(name, limit, &mut bytes).map(|_| bytes)
    }

    /// The same into a buffer that is used again and again; also whether there is more. What came before an error stays
    /// in the buffer.
    pub fn read_into(&self, name: &str, limit: usize, bytes: &mut Vec<u8>) -> Result<bool, Errno> {
        bytes.clear();
        let file = fs::openat(
            &self.folder,
            name,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        while bytes.len() < limit {
            bytes.reserve(PIECE.min(limit - bytes.len()));
            let before = bytes.len();
            match rustix::io::read(&file, rustix::buffer::spare_capacity(bytes)) {
                Ok(_) if bytes.len() == before => return Ok(false),
                Ok(_) if bytes.len() <= limit && is_whole(name, bytes) => return Ok(false),
                Ok(_) => {}
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        let more = bytes.len() > limit || rustix::io::read(&file, &mut [0]).is_ok_and(|count| count > 0);
        bytes.truncate(limit);
        Ok(more)
    }

    /// Where one of its links leads: `exe`, `cwd`, `ns/net`, `fd/0`.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        link_at(&self.folder, name)
    }

    /// Where several links in one of its folders lead, such as those of `ns`.
    pub fn links<'n>(&self, folder: &str, names: &[&'n str]) -> Vec<(&'n str, Result<Vec<u8>, Errno>)> {
        let opened = self.open(folder, OFlags::PATH | OFlags::DIRECTORY);
        let link = |name| match &opened {
            Ok(folder) => link_at(folder, name),
            Err(errno) => Err(*errno),
        };
        names.iter().map(|name| (*name, link(name))).collect()
    }

    /// What one of its links leads to.
    pub fn nature(&self, name: &str) -> Result<Nature, Errno> {
        nature_at(&self.folder, name)
    }

    /// An extended attribute of what one of its links leads to, such as `system.sockprotoname` of `fd/3`.
    pub fn attribute(&self, name: &str, attribute: &str) -> Result<Vec<u8>, Errno> {
        // Through the descriptor of the folder, so that it is this process and no later one of the same number.
        let place = format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd());
        let mut value = Vec::with_capacity(256);
        fs::getxattr(place.as_str(), attribute, rustix::buffer::spare_capacity(&mut value))?;
        Ok(value)
    }

    /// The names in one of its folders that are numbers, such as `fd` or `task`.
    pub fn numbers(&self, name: &str) -> Result<Vec<u32>, Errno> {
        numbers(self.open(name, OFlags::RDONLY | OFlags::DIRECTORY)?)
    }

    /// Opens what one of its links leads to, such as `ns/net` or `exe`.
    pub fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        fs::openat(&self.folder, name, flags | OFlags::CLOEXEC, Mode::empty())
    }

    /// Its file descriptors, at most `limit`, and whether there are more. One that is closed meanwhile is left out.
    pub fn descriptors(&self, limit: usize) -> Result<(Vec<Descriptor>, bool), Errno> {
        self.descriptors_in("fd", limit, |_| true)
    }

    /// Those of a folder that are wanted, by their numbers: of the process in `fd`, or of one thread in `task/TID/fd`.
    pub fn descriptors_in(
        &self,
        folder: &str,
        limit: usize,
        wanted: impl Fn(u32) -> bool,
    ) -> Result<(Vec<Descriptor>, bool), Errno> {
        let folder = self.open(folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut found = Vec::new();
        for fd in numbers(&folder)?.into_iter().filter(|fd| wanted(*fd)) {
            if found.len() == limit {
                return Ok((found, true));
            }
            match link_at(&folder, &fd.to_string()) {
                Ok(target) => found.push(Descriptor { fd, target }),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok((found, false))
    }

    /// Hands each descriptor to `each`, with where it leads and, where that is a path, what lies there; at most `limit`.
    /// Gives how many there are. One that is closed meanwhile is left out.
    pub fn each_descriptor(
        &self,
        limit: usize,
        mut each: impl FnMut(u32, Result<Vec<u8>, Errno>, Option<Nature>),
    ) -> Result<usize, Errno> {
        let folder = self.open("fd", OFlags::RDONLY | OFlags::DIRECTORY)?;
        let numbers = numbers(&folder)?;
        for fd in numbers.iter().take(limit) {
            let name = fd.to_string();
            match link_at(&folder, &name) {
                Err(Errno::NOENT) => {}
                Ok(target) if target.starts_with(b"/") => {
                    let nature = nature_at(&folder, &name).ok();
                    each(*fd, Ok(target), nature);
                }
                other => each(*fd, other, None),
            }
        }
        Ok(numbers.len())
    }
}

/// Whether what one read gave, or several, must be all of a file.
fn is_whole(name: &str, bytes: &Vec<u8>) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default();
    if name == "maps" {
        let line = bytes.strip_suffix(b"\n").unwrap_or_default().rsplit(|byte| *byte == b'\n').next();
        return line.is_some_and(|line| line.starts_with(LAST_MAPPING));
    }
    bytes.len() < bytes.capacity() && IN_ONE_READ.contains(&name)
}

fn link_at(folder: impl AsFd, name: &str) -> Result<Vec<u8>, Errno> {
    let mut room = [MaybeUninit::uninit(); LINK];
    let (target, _) = fs::readlinkat_raw(folder, name, &mut room)?;
    Ok(target.to_vec())
}

fn nature_at(folder: impl AsFd, name: &str) -> Result<Nature, Errno> {
    // What the kernel knows already is enough, and a server that does not answer keeps nobody waiting.
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    match fs::statx(&folder, name, flags, StatxFlags::BASIC_STATS) {
        Ok(statx) => Ok(Nature {
            dev: (statx.stx_dev_major, statx.stx_dev_minor),
            ino: statx.stx_ino,
            mode: statx.stx_mode.into(),
            nlink: statx.stx_nlink.into(),
            size: statx.stx_size,
        }),
        Err(Errno::NOSYS) => {
            let stat = fs::statat(&folder, name, AtFlags::NO_AUTOMOUNT)?;
            Ok(Nature {
                dev: (fs::major(stat.st_dev), fs::minor(stat.st_dev)),
                ino: stat.st_ino,
                mode: stat.st_mode,
                #[allow(clippy::useless_conversion, reason = "its width depends on the processor")]
                nlink: stat.st_nlink.into(),
                size: u64::try_from(stat.st_size).unwrap_or(0),
            })
        }
        Err(errno) => Err(errno),
    }
}

/// The names in a folder that has not been read yet, as far as they are numbers.
fn numbers(folder: impl AsFd) -> Result<Vec<u32>, Errno> {
    let mut room = [MaybeUninit::uninit(); LISTING];
    let (mut entries, mut numbers) = (RawDir::new(folder, &mut room), Vec::new());
    while let Some(entry) = entries.next() {
        if let Some(number) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Host {
    /// The numbers of all processes, ascending.
    pub fn pids(&self) -> Result<Vec<u32>, Trouble> {
        let place = "/proc";
        if !self.is_live() {
            return Err(Trouble::Missing(place.into()));
        }
        let pids = self.process_tree().pids().map_err(|errno| Trouble::from_errno(errno, place))?;
        // /proc that is not mounted, or shows nobody, must not look like a machine without processes.
        if pids.is_empty() { Err(Trouble::Missing("any process in /proc".into())) } else { Ok(pids) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptors_of_a_process_are_read_with_their_targets() {
        let host = Host::live(&[]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let wanted = file.path().as_os_str().as_encoded_bytes().to_vec();
        let mut seen = Vec::new();
        let each = |_, found: Result<_, Trouble>| {
            seen.push(found.unwrap());
            Ok::<(), ()>(())
        };
        host.each_process(vec![std::process::id()], |process| process.descriptors(10_000), each).unwrap();
        let (descriptors, more): &(Vec<Descriptor>, bool) = &seen[0];
        assert!(descriptors.iter().any(|descriptor| descriptor.target == wanted) && !more);
    }

    #[test]
    fn what_one_read_gives_is_the_whole_file() {
        let host = Host::live(&[]).unwrap();
        let names = ["cgroup", "cmdline", "comm", "limits", "loginuid", "oom_score_adj", "sessionid", "maps"];
        let read = move |process: &ProcessFolder| {
            let mut buffer = Vec::new();
            let whole = |name: &&str| {
                process.read_into(name, 1 << 20, &mut buffer).map(|more| (buffer.clone(), more))
            };
            names.iter().map(whole).collect::<Result<Vec<_>, _>>()
        };
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Until it is the other program.
        while std::fs::read(format!("/proc/{}/comm", child.id())).unwrap() != b"sleep\n" {}
        std::thread::sleep(std::time::Duration::from_millis(50));
        let mut seen = Vec::new();
        let each = |_, found: Result<_, Trouble>| {
            seen.push(found.unwrap());
            Ok::<(), ()>(())
        };
        host.each_process(vec![child.id()], read, each).unwrap();
        for (name, (bytes, more)) in names.iter().zip(&seen[0]) {
            let wanted = std::fs::read(format!("/proc/{}/{name}", child.id())).unwrap();
            assert!(!more && *bytes == wanted, "{name}: {} bytes of {}", bytes.len(), wanted.len());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // A page of mappings is not all of them, however it ends.
        assert!(!is_whole(
            "maps",
            &b"0-1 r--p 00000000 00:00 0   /x ffffffffff600000-ffffffffff601000 \n".to_vec()
        ));
        assert!(
            !is_whole("environ", &Vec::with_capacity(9)) && is_whole("task/7/comm", &Vec::with_capacity(9))
        );
    }
}
