//! The archive as it is read: strictly, and against its own directory.
//!
//! A ZIP can say one thing in its directory and another before each member, hide members, overlap them, or carry
//! bytes that belong to none; tools then disagree on what is in it. Ours has one shape (APPNOTE 6.3.10, and see
//! `archive`): members without a gap from the first byte, each with its header, data and 64-bit descriptor, then
//! the directory, then the end. Anything else is a fault, and each has its words.

pub mod headers;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::archive::Method;
use headers::{DESCRIPTOR_BYTES, Record, parse_descriptor, read_central, read_end, read_local};

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Its structure: says where and what.
    #[error("{place}: {words}")]
    Structure {
        /// A member's name, or `archive`.
        place: String,
        /// What is wrong.
        words: String,
    },
    /// A member's own header and the directory disagree.
    #[error("{place}: its own header and the directory disagree on {what}")]
    HeadersDiffer {
        /// The member's name in the directory.
        place: String,
        /// On what.
        what: &'static str,
    },
    /// A member cannot be unpacked as the directory says.
    #[error("{place}: {words}")]
    Damaged {
        /// The member's name.
        place: String,
        /// What is wrong.
        words: String,
    },
    /// The bytes cannot be read: the envelope is damaged, or the file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What is unpacked cannot be written; nothing is wrong with the archive.
    #[error("cannot unpack: {0}")]
    Sink(io::Error),
}

pub(super) fn structure(place: impl Into<String>, words: impl Into<String>) -> ContainerError {
    ContainerError::Structure { place: place.into(), words: words.into() }
}

/// An archive whose directory has been read.
pub struct Container<R> {
    reader: BufReader<R>,
    records: Vec<Record>,
    directory_at: u64,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the directory, which must lie directly before the end.
    pub fn open(source: R) -> Result<Container<R>, ContainerError> {
        let mut reader = BufReader::with_capacity(128 << 10, source);
        let length = reader.seek(SeekFrom::End(0))?;
        let end = read_end(&mut reader, length)?;
        reader.seek(SeekFrom::Start(end.directory_at))?;
        let mut records = Vec::new();
        let mut left = end.directory_bytes;
        for _ in 0..end.count {
            let mut rest = (&mut reader).take(left);
            let read = read_central(&mut rest);
            let record = read.map_err(|error| match error {
                // Not the envelope's end, but the directory's.
                ContainerError::Io(error) if is_end(&error) && rest.limit() == 0 => {
                    structure("archive", "the directory ends before its last member")
                }
                other => other,
            })?;
            left = rest.limit();
            records.push(record);
        }
        if left != 0 {
            return Err(structure("archive", "there are bytes in the directory that belong to no member"));
        }
        Ok(Container { reader, records, directory_at: end.directory_at })
    }

    /// The members in the order in which they lie.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Goes through all members, in order; `each` reads them. Stops at the first fault.
    pub fn walk(
        mut self,
        mut each: impl FnMut(&Record, &mut dyn Read) -> Result<(), ContainerError>,
    ) -> Result<(), ContainerError> {
        let records = std::mem::take(&mut self.records);
        self.reader.seek(SeekFrom::Start(0))?;
        let mut at = 0_u64;
        for record in &records {
            if record.offset != at {
                return Err(structure(&record.name, "it does not lie directly behind the member before it"));
            }
            at += self.check_header(record)?;
            // A hostile length must not wrap around.
            at = at.saturating_add(record.packed).saturating_add(DESCRIPTOR_BYTES);
            if at > self.directory_at {
                return Err(structure(&record.name, "it reaches into the directory"));
            }
            self.unpack(record, &mut each)?;
            self.check_descriptor(record)?;
        }
        if at != self.directory_at {
            return Err(structure("archive", "bytes before the directory belong to no member"));
        }
        Ok(())
    }

    /// Reads one member again, where the directory says that it lies; `each` reads it to its end, or stops with an error of
    /// its own. For archives that were walked through before.
    pub fn again(
        &mut self,
        record: &Record,
        mut each: impl FnMut(&Record, &mut dyn Read) -> Result<(), ContainerError>,
    ) -> Result<(), ContainerError> {
        self.reader.seek(SeekFrom::Start(record.offset))?;
        self.check_header(record)?;
        self.unpack(record, &mut each)?;
        self.check_descriptor(record)
    }

    fn check_header(&mut self, record: &Record) -> Result<u64, ContainerError> {
        let (local, bytes) = read_local(&mut self.reader, &record.name)?;
        let differ = |what| ContainerError::HeadersDiffer { place: record.name.clone(), what };
        if local.name != record.name.as_bytes() {
            return Err(differ("its name"));
        }
        if local.method != record.method {
            return Err(differ("how it is packed"));
        }
        if local.dos_time != record.dos_time || local.modified != record.modified {
            return Err(differ("its time"));
        }
        Ok(bytes)
    }

    fn unpack(
        &mut self,
        record: &Record,
        each: &mut impl FnMut(&Record, &mut dyn Read) -> Result<(), ContainerError>,
    ) -> Result<(), ContainerError> {
        let damaged =
            |words: &str| ContainerError::Damaged { place: record.name.clone(), words: words.into() };
        let mut packed = (&mut self.reader).take(record.packed);
        let mut content = Content { crc: crc32fast::Hasher::new(), size: 0, limit: record.size };
        let read = match record.method {
            Method::Stored => each(record, &mut Checked { inner: &mut packed, content: &mut content }),
            Method::Deflated => {
                let mut inflating = DeflateDecoder::new(&mut packed);
                each(record, &mut Checked { inner: &mut inflating, content: &mut content })
            }
        };
        let at_end = packed.limit() == 0;
        read.map_err(|error| match error {
            ContainerError::Io(error) if is_end(&error) && at_end => damaged("it ends in the middle"),
            // The inflater's kind for a stream that makes no sense; the envelope has other kinds.
            ContainerError::Io(error) if error.kind() == io::ErrorKind::InvalidInput => {
                damaged(&error.to_string())
            }
            other => other,
        })?;
        if packed.limit() != 0 {
            return Err(damaged("there are packed bytes behind its end"));
        }
        if content.size != record.size || content.crc.finalize() != record.crc {
            return Err(damaged("its length or checksum is not what the directory says"));
        }
        Ok(())
    }

    fn check_descriptor(&mut self, record: &Record) -> Result<(), ContainerError> {
        let mut bytes = [0; DESCRIPTOR_BYTES as usize];
        self.reader.read_exact(&mut bytes)?;
        if parse_descriptor(&bytes) == Some((record.crc, record.packed, record.size)) {
            Ok(())
        } else {
            Err(ContainerError::HeadersDiffer { place: record.name.clone(), what: "its length or checksum" })
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Counts and checks a member's bytes as they pass, and ends it where the directory says it is longer than that.
struct Checked<'a, R> {
    inner: R,
    content: &'a mut Content,
}

struct Content {
    crc: crc32fast::Hasher,
    size: u64,
    limit: u64,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.content.size += count as u64;
        if self.content.size > self.content.limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it unpacks to more than the directory says",
            ));
        }
        self.content.crc.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::{Archive as _, Zip};
    use super::*;
    use crate::clock::Timestamp;

    /// The number at which the narrow field is full, and those beside it.
    #[test]
    fn any_number_of_members_is_read_back() {
        for count in [0_usize, 1, 65_534, 65_535, 65_536] {
            let mut zip = Zip::new(Vec::new());
            for number in 0..count {
                zip.begin(&format!("x/{number}"), Timestamp::from_unix(0, 0), Method::Stored).unwrap();
            }
            let archive = zip.finish().unwrap();
            let container =
                Container::open(io::Cursor::new(archive)).unwrap_or_else(|error| panic!("{count}: {error}"));
            assert_eq!(container.records().len(), count);
            container.walk(|_, _| Ok(())).unwrap();
        }
    }
}
