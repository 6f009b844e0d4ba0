//! An archive written byte by byte, as ours are (APPNOTE 6.3.10), but able to lie where it is told to.

use std::io::Write as _;

use phi_ir::clock::Timestamp;
use phi_ir::seal::archive::dos_bits;

/// One member, and the lies about it.
#[derive(Clone)]
pub struct Raw {
    pub name: String,
    pub bytes: Vec<u8>,
    pub stored: bool,
    pub modified: i32,
    /// The time as MS-DOS wrote it, if that is another.
    pub dos_time: Option<u32>,
    /// What a reader must know, in both headers.
    pub version: u16,
    /// What its own header calls it, if that is not its name.
    pub local_name: Option<String>,
    /// It has no record in the directory.
    pub hidden: bool,
    /// Type and permissions.
    pub mode: u32,
    /// Flags of both headers.
    pub flags: u16,
    /// Behind the data.
    pub gap: Vec<u8>,
}

impl Raw {
    pub fn new(name: &str, bytes: impl AsRef<[u8]>) -> Raw {
        Raw {
            name: name.into(),
            bytes: bytes.as_ref().to_vec(),
            stored: false,
            modified: 1_795_292_388,
            dos_time: None,
            version: 45,
            local_name: None,
            hidden: false,
            mode: 0o100_600,
            flags: 8,
            gap: Vec::new(),
        }
    }
}

struct Placed {
    offset: usize,
    crc: u32,
    packed: usize,
}

/// The whole archive.
pub fn archive(members: &[Raw]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut placed = Vec::new();
    for member in members {
        let offset = out.len();
        let packed = if member.stored { member.bytes.clone() } else { deflate(&member.bytes) };
        let crc = crc32fast::hash(&member.bytes);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&member.version.to_le_bytes());
        let name = member.local_name.as_ref().unwrap_or(&member.name);
        both(&mut out, member, 0, [0, 0], name, 29);
        out.extend_from_slice(name.as_bytes());
        extra(&mut out, member, 0, 0);
        out.extend_from_slice(&packed);
        out.extend_from_slice(b"PK\x07\x08");
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        out.extend_from_slice(&(member.bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(&member.gap);
        placed.push(Placed { offset, crc, packed: packed.len() });
    }
    let start = out.len();
    let listed: Vec<_> = members.iter().zip(&placed).filter(|(member, _)| !member.hidden).collect();
    for (member, placed) in &listed {
        out.extend_from_slice(b"PK\x01\x02\x2d\x03");
        out.extend_from_slice(&member.version.to_le_bytes());
        both(&mut out, member, placed.crc, [u32::MAX, u32::MAX], &member.name, 29);
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&(member.mode << 16).to_le_bytes());
        out.extend_from_slice(&(placed.offset as u32).to_le_bytes());
        out.extend_from_slice(member.name.as_bytes());
        extra(&mut out, member, member.bytes.len(), placed.packed);
    }
    let length = out.len() - start;
    out.extend_from_slice(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend_from_slice(&(listed.len() as u16).to_le_bytes());
    out.extend_from_slice(&(listed.len() as u16).to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&(start as u32).to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

fn both(out: &mut Vec<u8>, member: &Raw, crc: u32, sizes: [u32; 2], name: &str, extra: u16) {
    out.extend_from_slice(&member.flags.to_le_bytes());
    out.extend_from_slice(&(if member.stored { 0_u16 } else { 8 }).to_le_bytes());
    let time = Timestamp::from_unix(member.modified.into(), 0);
    out.extend_from_slice(&member.dos_time.unwrap_or_else(|| dos_bits(time)).to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    sizes.iter().for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&extra.to_le_bytes());
}

fn extra(out: &mut Vec<u8>, member: &Raw, size: usize, packed: usize) {
    out.extend_from_slice(&[1, 0, 16, 0]);
    out.extend_from_slice(&(size as u64).to_le_bytes());
    out.extend_from_slice(&(packed as u64).to_le_bytes());
    out.extend_from_slice(b"UT\x05\x00\x01");
    out.extend_from_slice(&member.modified.to_le_bytes());
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
