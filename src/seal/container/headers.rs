//! The headers of a ZIP as ours are (APPNOTE 6.3.10, 4.3.7 to 4.3.16): read field by field, refused where they say
//! anything that ours never say.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::super::archive::{Method, dos_bits};
use super::{ContainerError, structure};
use crate::clock::Timestamp;
use crate::custody::bag::TAIL;
use crate::custody::ledger::MAX_ENTRIES;
use crate::custody::member::MEMBER_LIMIT;
use crate::custody::receipt::ID_LIMIT;

/// The mode of every member: a regular file that its owner may read and write.
const MODE: u32 = 0o100_600;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// What a reader must know (APPNOTE 4.4.3): 4.5, 64-bit sizes. A higher one makes tools skip the member.
const VERSION: u16 = 45;
/// Made on Unix (APPNOTE 4.4.2).
const UNIX: u16 = 3 << 8;
/// Bytes of a member's name at most: the bundle's id, a slash, and the member's. The whole directory is kept in memory.
const NAME_LIMIT: usize = ID_LIMIT + 1 + MEMBER_LIMIT;
/// Members at most: one of evidence for each entry, and the tag files.
const COUNT_LIMIT: u64 = 2 * MAX_ENTRIES as u64 + 2 + TAIL.len() as u64;
/// Bytes of the descriptor behind each member.
pub const DESCRIPTOR_BYTES: u64 = 24;

/// One member as the directory has it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name, bundle folder included. ASCII.
    pub name: String,
    /// Seconds since 1970 of its extended time.
    pub modified: i64,
    pub(super) method: Method,
    pub(super) dos_time: u32,
    pub(super) crc: u32,
    pub(super) packed: u64,
    /// Its bytes, unpacked, as the directory claims.
    pub size: u64,
    pub(super) offset: u64,
}

/// A member's own header.
pub struct Local {
    /// Its name, as bytes.
    pub name: Vec<u8>,
    /// How it is packed.
    pub method: Method,
    pub(super) dos_time: u32,
    /// Seconds since 1970 of its extended time.
    pub modified: i64,
}

/// Reads a member's own header; also what salvage lives on. Gives its length as well.
pub fn read_local(reader: &mut impl Read, place: &str) -> Result<(Local, u64), ContainerError> {
    let mut fields = Fields::read(reader, 30)?;
    if fields.u32() != LOCAL {
        return Err(structure(place, "no member begins where one should"));
    }
    let version = fields.u16();
    let (flags, method, dos_time) = (fields.u16(), fields.u16(), fields.u32());
    let sizes = (fields.u32(), fields.u32(), fields.u32());
    let (name_bytes, extra_bytes) = (fields.u16(), fields.u16());
    if version != VERSION || flags != 8 || sizes != (0, 0, 0) {
        return Err(structure(place, "its header has a version, flags or sizes that ours never have"));
    }
    let method = read_method(method, place)?;
    let name = read_bytes(reader, name_bytes)?;
    let extra = read_extra(&read_bytes(reader, extra_bytes)?, place)?;
    if extra.sizes != Some((0, 0)) || extra.offset.is_some() {
        return Err(structure(place, "its header does not announce 64-bit sizes"));
    }
    let local = Local { name, method, dos_time, modified: extra.modified };
    Ok((local, 30 + u64::from(name_bytes) + u64::from(extra_bytes)))
}

/// The descriptor behind a member's data, if these 24 bytes are one: checksum, packed length, length.
pub fn parse_descriptor(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields { bytes: bytes.to_vec(), at: 0 };
    (bytes.len() == 24 && fields.u32() == DESCRIPTOR).then(|| (fields.u32(), fields.u64(), fields.u64()))
}

/// Reads one record of the directory.
pub(super) fn read_central(reader: &mut impl Read) -> Result<Record, ContainerError> {
    let mut fields = Fields::read(reader, 46)?;
    if fields.u32() != CENTRAL {
        return Err(structure("archive", "the directory holds something that is no record"));
    }
    let made_by = fields.u16();
    let version = fields.u16();
    let (flags, method, dos_time, crc) = (fields.u16(), fields.u16(), fields.u32(), fields.u32());
    let sizes = (fields.u32(), fields.u32());
    let (name_bytes, extra_bytes, comment_bytes) = (fields.u16(), fields.u16(), fields.u16());
    let (disk, internal, external, offset) = (fields.u16(), fields.u16(), fields.u32(), fields.u32());
    if usize::from(name_bytes) > NAME_LIMIT {
        return Err(structure("archive", "a member's name is longer than any of ours"));
    }
    let name = read_bytes(reader, name_bytes)?;
    let name = String::from_utf8(name).ok().filter(|name| name.is_ascii());
    let name = name.ok_or_else(|| structure("archive", "a member's name is not ASCII"))?;
    let extra = read_extra(&read_bytes(reader, extra_bytes)?, &name)?;
    let fault = |words: &str| Err(structure(name.clone(), words));
    if flags != 8 || comment_bytes != 0 || disk != 0 || internal != 0 {
        return fault("its record has flags, a comment or a disk that ours never have");
    }
    if (made_by, version) != (UNIX | VERSION, VERSION) {
        return fault("its record has a version that ours never have");
    }
    if dos_time != dos_bits(Timestamp::from_unix(extra.modified, 0)) {
        return fault("its record has two different times");
    }
    if external != MODE << 16 {
        return fault("it is not a regular private file");
    }
    let (Some((size, packed)), (u32::MAX, u32::MAX)) = (extra.sizes, sizes) else {
        return fault("its record does not keep 64-bit sizes");
    };
    let offset = match (offset, extra.offset) {
        (u32::MAX, Some(wide)) if wide >= u64::from(u32::MAX) => wide,
        (narrow, None) if narrow != u32::MAX => u64::from(narrow),
        _ => return fault("its record does not keep its place as ours do"),
    };
    let method = read_method(method, &name)?;
    Ok(Record { name, modified: extra.modified, method, dos_time, crc, packed, size, offset })
}

fn read_method(method: u16, place: &str) -> Result<Method, ContainerError> {
    match method {
        0 => Ok(Method::Stored),
        8 => Ok(Method::Deflated),
        _ => Err(structure(place, format!("it is packed by method {method}"))),
    }
}

#[derive(Default)]
struct Extra {
    sizes: Option<(u64, u64)>,
    offset: Option<u64>,
    modified: i64,
}

/// The extra fields: 0x0001 (64-bit sizes, and the offset where 32 bits do not hold it) and 0x5455 (time), once
/// each and in this order.
fn read_extra(bytes: &[u8], place: &str) -> Result<Extra, ContainerError> {
    let fault = || structure(place, "it has extra fields that ours never have");
    let mut fields = Fields { bytes: bytes.to_vec(), at: 0 };
    let mut extra = Extra::default();
    let (id, length) = (fields.u16(), fields.u16());
    if id != 0x0001 || ![16, 24].contains(&length) {
        return Err(fault());
    }
    extra.sizes = Some((fields.u64(), fields.u64()));
    extra.offset = (length == 24).then(|| fields.u64());
    let (id, length, flags) = (fields.u16(), fields.u16(), fields.u8());
    extra.modified = i64::from(fields.u32().cast_signed());
    if (id, length, flags) != (0x5455, 5, 1) || fields.at != bytes.len() {
        return Err(fault());
    }
    Ok(extra)
}

/// Where the directory lies, and how many members it has.
pub(super) struct End {
    pub(super) count: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_at: u64,
}

/// The end record, which must be the last 22 bytes, and the 64-bit one before it where it refers to that.
pub(super) fn read_end<R: Read + Seek>(
    reader: &mut BufReader<R>,
    length: u64,
) -> Result<End, ContainerError> {
    let fault = |words: &str| structure("archive", words);
    let end_at = length.checked_sub(22).ok_or_else(|| fault("it is too short for an archive"))?;
    reader.seek(SeekFrom::Start(end_at))?;
    let mut fields = Fields::read(reader, 22)?;
    if fields.u32() != END {
        return Err(fault("it does not end as an archive of ours does"));
    }
    let (disk, start_disk, here, count) = (fields.u16(), fields.u16(), fields.u16(), fields.u16());
    let (bytes, at, comment) = (fields.u32(), fields.u32(), fields.u16());
    if disk != 0 || start_disk != 0 || here != count || comment != 0 {
        return Err(fault("its end record has disks or a comment that ours never have"));
    }
    let narrow = End { count: count.into(), directory_bytes: bytes.into(), directory_at: at.into() };
    // The largest count alone means nothing: there may be exactly so many members, and no 64-bit record.
    let wide = bytes == u32::MAX || at == u32::MAX || (count == u16::MAX && has_locator(reader, end_at)?);
    if !wide {
        return directory_before(narrow, end_at);
    }
    let (end, start) = read_end64(reader, end_at)?;
    // Where the two records differ, tools differ in which they believe.
    let due = (end.count.min(u16::MAX.into()), u32::MAX, end.directory_at.min(u32::MAX.into()));
    if (u64::from(count), bytes, u64::from(at)) != due {
        return Err(fault("its two end records disagree"));
    }
    directory_before(end, start)
}

fn directory_before(end: End, directory_end: u64) -> Result<End, ContainerError> {
    if end.count > COUNT_LIMIT {
        return Err(structure("archive", "it has more members than six digits can number"));
    }
    if end.directory_at.checked_add(end.directory_bytes) != Some(directory_end) {
        return Err(structure("archive", "the directory does not lie directly before the end"));
    }
    Ok(end)
}

/// Whether the 64-bit record's locator stands before the end record.
fn has_locator<R: Read + Seek>(reader: &mut BufReader<R>, end_at: u64) -> io::Result<bool> {
    let Some(at) = end_at.checked_sub(20) else { return Ok(false) };
    reader.seek(SeekFrom::Start(at))?;
    Ok(Fields::read(reader, 4)?.u32() == LOCATOR64)
}

fn read_end64<R: Read + Seek>(reader: &mut BufReader<R>, end_at: u64) -> Result<(End, u64), ContainerError> {
    let fault = |words: &str| structure("archive", words);
    let start = end_at.checked_sub(20 + 56).ok_or_else(|| fault("its 64-bit end record is missing"))?;
    reader.seek(SeekFrom::Start(start))?;
    let mut fields = Fields::read(reader, 76)?;
    let head = (fields.u32(), fields.u64());
    let versions = (fields.u16(), fields.u16());
    let disks = (fields.u32(), fields.u32());
    let (here, count, directory_bytes, directory_at) =
        (fields.u64(), fields.u64(), fields.u64(), fields.u64());
    let locator = (fields.u32(), fields.u32(), fields.u64(), fields.u32());
    if head != (END64, 44)
        || versions != (VERSION, VERSION)
        || disks != (0, 0)
        || here != count
        || locator != (LOCATOR64, 0, start, 1)
    {
        return Err(fault("its 64-bit end record is not as ours are"));
    }
    Ok((End { count, directory_bytes, directory_at }, start))
}

fn read_bytes(reader: &mut impl Read, count: u16) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(count)];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Little-endian fields one after another; what lies beyond the end reads as zero and is caught by its value.
struct Fields {
    bytes: Vec<u8>,
    at: usize,
}

impl Fields {
    fn read(reader: &mut impl Read, count: u16) -> io::Result<Fields> {
        Ok(Fields { bytes: read_bytes(reader, count)?, at: 0 })
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.bytes.get(self.at..self.at + N).and_then(|bytes| bytes.first_chunk::<N>());
        self.at += N;
        taken.copied().unwrap_or([0; N])
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
