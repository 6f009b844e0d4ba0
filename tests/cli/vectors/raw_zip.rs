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
    /// Further extra fields of its own header, and of its record.
    pub extra: [Vec<u8>; 2],
    /// The method that its own header and its record name.
    pub methods: Option<[u16; 2]>,
    /// The flags of its own header, if those are others.
    pub local_flags: Option<u16>,
    /// The packed bytes, whatever they unpack to.
    pub packed: Option<Vec<u8>>,
    /// Checksum, packed length and length as its record has them, and as its descriptor does.
    pub claims: [Option<(u32, u64, u64)>; 2],
    /// Where its record says that it begins.
    pub offset: Option<u32>,
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
            extra: Default::default(),
            methods: None,
            local_flags: None,
            packed: None,
            claims: [None, None],
            offset: None,
        }
    }
}

/// The whole archive.
pub fn archive(members: &[Raw]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut placed = Vec::new();
    for member in members {
        let offset = out.len();
        let packed = match &member.packed {
            Some(packed) => packed.clone(),
            None if member.stored => member.bytes.clone(),
            None => deflate(&member.bytes),
        };
        let truth = (crc32fast::hash(&member.bytes), packed.len() as u64, member.bytes.len() as u64);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&member.version.to_le_bytes());
        let name = member.local_name.as_ref().unwrap_or(&member.name);
        both(&mut out, member, 0, 0, [0, 0], name);
        out.extend_from_slice(name.as_bytes());
        extra(&mut out, member, 0, (0, 0, 0));
        out.extend_from_slice(&packed);
        out.extend_from_slice(b"PK\x07\x08");
        let (crc, packed, size) = member.claims[1].unwrap_or(truth);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&packed.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&member.gap);
        placed.push((offset as u32, member.claims[0].unwrap_or(truth)));
    }
    let start = out.len();
    let listed: Vec<_> = members.iter().zip(&placed).filter(|(member, _)| !member.hidden).collect();
    for (member, (offset, claims)) in &listed {
        out.extend_from_slice(b"PK\x01\x02\x2d\x03");
        out.extend_from_slice(&member.version.to_le_bytes());
        both(&mut out, member, 1, claims.0, [u32::MAX, u32::MAX], &member.name);
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&(member.mode << 16).to_le_bytes());
        out.extend_from_slice(&member.offset.unwrap_or(*offset).to_le_bytes());
        out.extend_from_slice(member.name.as_bytes());
        extra(&mut out, member, 1, *claims);
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

fn both(out: &mut Vec<u8>, member: &Raw, header: usize, crc: u32, sizes: [u32; 2], name: &str) {
    let flags = member.local_flags.filter(|_| header == 0).unwrap_or(member.flags);
    out.extend_from_slice(&flags.to_le_bytes());
    let method = member.methods.map_or(if member.stored { 0 } else { 8 }, |methods| methods[header]);
    out.extend_from_slice(&method.to_le_bytes());
    let time = Timestamp::from_unix(member.modified.into(), 0);
    out.extend_from_slice(&member.dos_time.unwrap_or_else(|| dos_bits(time)).to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    sizes.iter().for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&(29 + member.extra[header].len() as u16).to_le_bytes());
}

fn extra(out: &mut Vec<u8>, member: &Raw, header: usize, (_, packed, size): (u32, u64, u64)) {
    out.extend_from_slice(&[1, 0, 16, 0]);
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&packed.to_le_bytes());
    out.extend_from_slice(b"UT\x05\x00\x01");
    out.extend_from_slice(&member.modified.to_le_bytes());
    out.extend_from_slice(&member.extra[header]);
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
