//! Random bytes, from the kernel itself. A library would look for the call by its name and not find it in a static
//! program; it then reads /dev/urandom, which is not there in a bare container, and which whoever owns the host can have
//! replaced by a file of zeros.

use std::fs::File;
use std::io::{self, Read as _};

use rustix::fs::{FileType, Mode, OFlags, fstat, makedev, open};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes`. There is no way to go on without: an error ends whatever was begun.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(&mut *rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            // A sandbox that refuses the call can let the device through.
            Err(Errno::NOSYS | Errno::PERM) => return device()?.read_exact(rest),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The device, if it is the kernel's: 1:9 (Documentation/admin-guide/devices.txt).
fn device() -> io::Result<File> {
    let fd = open("/dev/urandom", OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    let met = fstat(&fd)?;
    let is_ours =
        FileType::from_raw_mode(met.st_mode) == FileType::CharacterDevice && met.st_rdev == makedev(1, 9);
    if is_ours { Ok(fd.into()) } else { Err(io::Error::other("/dev/urandom is not the kernel's device")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_filled() {
        let mut seen = [0_u8; 4096];
        for _ in 0..4 {
            let mut bytes = [0; 4096];
            fill(&mut bytes).unwrap();
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
        }
        assert!(seen.iter().filter(|byte| **byte == 0).count() < 10);
        let mut bytes = [0; 64];
        device().unwrap().read_exact(&mut bytes).unwrap();
        assert_ne!(bytes, [0; 64]);
    }
}
