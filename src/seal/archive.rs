//! The archive inside the envelope: a plain ZIP, written without ever seeking. The only user of `zip`.
//!
//! Every member: deflated or stored, a regular file of mode 0600, 64-bit sizes in a descriptor behind its data
//! (APPNOTE 6.3.10, 4.3.9), and its time in the extra field 0x5455, because DOS time has no zone and no odd
//! seconds. Old unzip, 7-Zip, Python and bsdtar all read this.

use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress};
use zip::write::{ExtendedFileOptions, FileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::clock::Timestamp;

/// How a member is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is (0).
    Stored,
    /// Deflated (8).
    Deflated,
}

/// All that the seal needs of an archive format; a faster writer may take this one's place.
pub trait Archive: Sized {
    /// What the archive is written to.
    type Out;
    /// Begins a member.
    fn begin(&mut self, name: &str, modified: Timestamp, method: Method) -> io::Result<()>;
    /// More bytes of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Ends the last member and writes the directory.
    fn finish(self) -> io::Result<Self::Out>;
}

/// A ZIP being written.
pub struct Zip<W: Write> {
    writer: Option<ZipWriter<StreamWriter<W>>>,
}

impl<W: Write> Zip<W> {
    /// An archive on `out`, which needs to be neither seekable nor readable.
    pub fn new(out: W) -> Zip<W> {
        Zip { writer: Some(ZipWriter::new_stream(out)) }
    }

    fn writer(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<W>>> {
        self.writer.as_mut().ok_or_else(|| io::Error::other("the archive is finished"))
    }
}

impl<W: Write> Archive for Zip<W> {
    type Out = W;

    fn begin(&mut self, name: &str, modified: Timestamp, method: Method) -> io::Result<()> {
        let method = match method {
            Method::Stored => CompressionMethod::Stored,
            Method::Deflated => CompressionMethod::Deflated,
        };
        let modified = bent(modified);
        let level = (method == CompressionMethod::Deflated).then_some(1);
        let mut options: FileOptions<'_, '_, ExtendedFileOptions> = FileOptions::default()
            .compression_method(method)
            .compression_level(level)
            .last_modified_time(dos_time(modified))
            .unix_permissions(0o600)
            // Without it one member of 4 GiB would cost the whole archive its directory.
            .large_file(true);
        options.add_extra_field(0x5455, extended_time(modified), false)?;
        Ok(self.writer()?.start_file(name, options)?)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer()?.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<W> {
        let writer = self.writer.take().ok_or_else(|| io::Error::other("the archive is finished"))?;
        Ok(writer.finish()?.into_inner())
    }
}

impl<W: Write> Drop for Zip<W> {
    fn drop(&mut self) {
        // An archive given up must not look finished, and the writer's own drop would try to finish it, on
        // a broken output, and complain on stderr.
        std::mem::forget(self.writer.take());
    }
}

/// The nearest time, in whole seconds, that 32 bits can hold: what a member's headers say of its time.
pub fn bent(modified: Timestamp) -> Timestamp {
    Timestamp::from_unix(modified.unix().clamp(i64::from(i32::MIN), i64::from(i32::MAX)), 0)
}

/// Info-ZIP's extended timestamp: flags (1 = modification time) and seconds since 1970.
fn extended_time(modified: Timestamp) -> [u8; 5] {
    let [a, b, c, d] = i32::try_from(modified.unix()).unwrap_or(0).to_le_bytes();
    [1, a, b, c, d]
}

/// The time as MS-DOS wrote it, as a header has it: the date in the upper 16 bits, the time of day in the lower.
pub fn dos_bits(modified: Timestamp) -> u32 {
    let time = dos_time(modified);
    u32::from(time.datepart()) << 16 | u32::from(time.timepart())
}

/// The nearest time that MS-DOS knew; years 1980 to 2107.
fn dos_time(modified: Timestamp) -> DateTime {
    let (year, month, day, hour, minute, second) = modified.calendar();
    let narrow = |n: u32| u8::try_from(n).unwrap_or(0);
    u16::try_from(year)
        .ok()
        .and_then(|year| {
            DateTime::from_date_and_time(
                year,
                narrow(month),
                narrow(day),
                narrow(hour),
                narrow(minute),
                narrow(second),
            )
            .ok()
        })
        .unwrap_or_default()
}

/// Whether a member should be stored: three samples of its beginning do not shrink to nine tenths.
///
/// Deflate at level 1 makes random bytes 5 % longer and is slow on them; images, archives and encrypted files
/// are the bulk of what a hospital keeps.
pub fn is_incompressible(beginning: &[u8]) -> bool {
    const SAMPLE: usize = 16 << 10;
    if beginning.len() < 4 << 10 {
        return false;
    }
    let last = beginning.len().saturating_sub(SAMPLE);
    let mut sampled = 0_usize;
    let mut shrunk = 0_u64;
    for start in [0, last / 2, last] {
        let sample = beginning.get(start..(start + SAMPLE).min(beginning.len())).unwrap_or_default();
        let mut compress = Compress::new(Compression::fast(), false);
        let mut out = vec![0; sample.len() + 64];
        let done = compress.compress(sample, &mut out, FlushCompress::Finish);
        sampled += sample.len();
        shrunk += if done.is_ok() { compress.total_out().max(1) } else { sample.len() as u64 };
    }
    shrunk * 10 > sampled as u64 * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_are_stored_and_text_is_not() {
        let mut random = vec![0_u8; 128 << 10];
        getrandom::fill(&mut random).unwrap();
        assert!(is_incompressible(&random));
        assert!(!is_incompressible(
            "Nov 21 20:19:48 web01 sshd[1]: Failed password\n".repeat(3000).as_bytes()
        ));
        assert!(!is_incompressible(b""));
    }

    #[test]
    fn a_time_that_no_header_can_hold_is_bent_and_not_lost_in_a_panic() {
        for seconds in [i64::MIN, -1, 0, 1_795_292_388, 5_000_000_000, i64::MAX] {
            let time = Timestamp::from_unix(seconds, 0);
            let _ = dos_time(time);
            assert_eq!(extended_time(bent(time))[0], 1);
            assert!(dos_bits(bent(time)) >> 16 >= 0x21, "no header has a day before 1980-01-01");
        }
    }
}
