//! The kernel's log buffer (Documentation/ABI/testing/dev-kmsg): one record a read, never waiting for the next.

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use super::{Host, Trouble};

/// What is taken at most, in bytes; the buffer is rarely larger than 16 MiB. Whoever writes to it faster than it is read
/// would keep us here otherwise.
const LIMIT: usize = 24 << 20;

/// How often we begin anew at what is the oldest record then.
const OVERTAKEN: u32 = 10_000;

/// What the buffer held.
#[derive(Debug)]
pub struct KernelLog {
    /// The records as they came, each with its newline.
    pub bytes: Vec<u8>,
    /// How often records were overwritten before they could be read.
    pub overwritten: u32,
    /// There was more, and a limit ended the reading.
    pub cut: bool,
}

impl Host {
    /// Reads the buffer from its oldest record. Nothing is cleared.
    pub fn kernel_log(&self) -> Result<KernelLog, Trouble> {
        const PLACE: &str = "/dev/kmsg";
        if !self.is_live() {
            return Err(Trouble::Missing(PLACE.into()));
        }
        match self.patience().ask(read) {
            Ok(Ok(log)) => Ok(log),
            Ok(Err(errno)) => Err(Trouble::from_errno(errno, PLACE)),
            Err(none) => Err(self.no_answer_from_kernel(none, PLACE)),
        }
    }
}

fn read() -> Result<KernelLog, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let device = fs::open("/dev/kmsg", flags, Mode::empty())?;
    let mut log = KernelLog { bytes: Vec::new(), overwritten: 0, cut: false };
    let mut record = vec![0; 16 << 10];
    while log.bytes.len() < LIMIT && log.overwritten < OVERTAKEN {
        match rustix::io::read(&device, record.as_mut_slice()) {
            Ok(0) | Err(Errno::AGAIN) => return Ok(log),
            Ok(count) => log.bytes.extend_from_slice(record.get(..count).unwrap_or_default()),
            Err(Errno::PIPE) => log.overwritten += 1,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    log.cut = true;
    Ok(log)
}
