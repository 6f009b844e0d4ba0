//! The sealed file on its way into a pipe, whose reader may take no more.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a pipe takes without making us wait, once it takes anything (pipe(7), `PIPE_BUF`).
const PIECE: usize = 4096;

/// How often a reader that takes nothing is looked at again.
const GLANCE: Duration = Duration::from_millis(250);

/// How long it may take nothing once somebody has asked us to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Standard output. Without a signal its reader may take all the time in the world; after one it may not, or nobody
/// could end us but by a kill.
pub struct Stream {
    out: File,
    stop: Arc<AtomicUsize>,
}

impl Stream {
    /// Takes over standard output; whoever asks us to end leaves a mark in `stop`.
    pub fn stdout(stop: Arc<AtomicUsize>) -> io::Result<Stream> {
        Ok(Stream { out: File::from(io::stdout().as_fd().try_clone_to_owned()?), stop })
    }

    /// What it is.
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.out.metadata()
    }

    fn is_ready(&self) -> io::Result<bool> {
        let mut waiting = [PollFd::new(&self.out, PollFlags::OUT)];
        let span = Timespec::try_from(GLANCE).map_err(io::Error::other)?;
        match poll(&mut waiting, Some(&span)) {
            Ok(count) => Ok(count > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut waited = Duration::ZERO;
        while !self.is_ready()? {
            if self.stop.load(Ordering::Acquire) != 0 {
                waited += GLANCE;
            }
            if waited >= PATIENCE {
                let words = "whoever reads the stream takes no more, and the run was asked to end";
                return Err(io::Error::new(io::ErrorKind::TimedOut, words));
            }
        }
        self.out.write(bytes.get(..PIECE).unwrap_or(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
