//! Room on the output's file system: how much is free, and blocks that are taken ahead so that nobody else can fill them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{self, FallocateFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};

use crate::custody::VaultError;

/// What is allocated ahead beyond need, in bytes, so that not every piece costs a system call.
const STRIDE: u64 = 8 << 20;

/// Size and free space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// In all.
    pub total: u64,
    /// Free.
    pub free: u64,
}

pub(super) fn space_of(fd: impl AsFd) -> Result<Space, Errno> {
    let stat = retry_on_intr(|| fs::fstatvfs(&fd))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Space { total: bytes(stat.f_blocks), free: bytes(stat.f_bavail) })
}

/// Keeps the space to finish ahead of what is written.
pub trait Reserve: Send {
    /// Makes sure that `ahead` bytes beyond what is written would still fit, or says that they do not.
    fn hold(&mut self, ahead: u64) -> Result<(), VaultError>;
}

/// The reserve of a [`SealedFile`](super::SealedFile): blocks allocated past its end.
pub struct Preallocated {
    file: File,
    written: Arc<AtomicU64>,
    floor: u64,
    blocks: Blocks,
}

impl Preallocated {
    /// None yet; `written` tells how much of the file is written. Its file system shall keep `floor` bytes free.
    pub(super) fn none(file: File, written: Arc<AtomicU64>, floor: u64) -> Preallocated {
        Preallocated { file, written, floor, blocks: Blocks::default() }
    }

    #[cfg(test)]
    pub(super) fn by_zeros(mut self) -> Preallocated {
        self.blocks.by_zeros = true;
        self
    }
}

impl Reserve for Preallocated {
    fn hold(&mut self, ahead: u64) -> Result<(), VaultError> {
        let free = space_of(&self.file).map_err(|errno| VaultError::NoReserve(errno.into()))?.free;
        let spare = free.checked_sub(self.floor).ok_or(VaultError::NoSpace)?;
        // Blocks past a file's end are given beyond this limit too; writing there is not.
        let longest = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        // Zeros go behind what was reserved before anything was written: from then on the reserve is always ahead.
        let needed = self.written.load(Ordering::Acquire) + ahead;
        if needed <= self.blocks.allocated {
            return Ok(());
        }
        for target in [needed + STRIDE, needed] {
            if target - self.blocks.allocated > spare || target > longest {
                continue;
            }
            match self.blocks.reach(&self.file, target) {
                Ok(()) => return Ok(()),
                Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {}
                Err(errno) => return Err(VaultError::NoReserve(errno.into())),
            }
        }
        Err(VaultError::NoSpace)
    }
}

/// The blocks of a file from its beginning that nobody can take away any more.
#[derive(Default)]
pub(super) struct Blocks {
    allocated: u64,
    by_zeros: bool,
}

impl Blocks {
    /// Takes blocks up to `target` bytes.
    pub fn reach(&mut self, file: &File, target: u64) -> Result<(), Errno> {
        let length = target.saturating_sub(self.allocated);
        if length == 0 {
            return Ok(());
        }
        let allocate =
            || retry_on_intr(|| fs::fallocate(file, FallocateFlags::KEEP_SIZE, self.allocated, length));
        match if self.by_zeros { Err(Errno::OPNOTSUPP) } else { allocate() } {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                self.by_zeros = true;
                self.write_zeros(file, target)?;
            }
            Err(errno) => return Err(errno),
        }
        self.allocated = target;
        Ok(())
    }

    /// For file systems that cannot allocate: zeros, which the sealed bytes will overwrite. They stand behind
    /// everything that is under way, so that the two writers never meet.
    fn write_zeros(&self, file: &File, target: u64) -> Result<(), Errno> {
        let zeros = vec![0; 64 << 10];
        let mut at = self.allocated;
        while at < target {
            let length = usize::try_from((target - at).min(zeros.len() as u64)).unwrap_or(zeros.len());
            match file.write_at(zeros.get(..length).unwrap_or_default(), at) {
                Ok(count) => at += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            }
        }
        Ok(())
    }
}
