//! Values as the programs pack them.

use super::*;
use crate::records::mishaps::Mishaps;

/// What is packed below, as a field of a journal.
pub(in crate::records) fn text() -> Vec<u8> {
    [b"TEXT=".to_vec(), b"the same words again and again ".repeat(40)].concat()
}

/// From `xz --check=none --lzma2=dict=1MiB` (5.4.1).
pub(in crate::records) const XZ: &[u8] =
    b"\xfd\x37\x7a\x58\x5a\x00\x00\x00\xff\x12\xd9\x41\x02\x00\x21\x01\x10\x00\x00\x00\xa8\x70\x8e\x86\
    \xe0\x04\xdc\x00\x2d\x5d\x00\x2a\x11\x47\x56\xda\x24\xb7\x37\x5a\x20\xc1\xcc\x87\x8a\x6b\x66\xa1\
    \xed\x3a\xb6\x16\x95\x89\xfd\x65\xa0\x6f\x90\xdb\x04\x9d\x98\x66\x79\xee\x2e\xa8\x08\x7d\xaf\xa6\
    \x5c\xfa\x00\x00\x00\x00\x00\x00\x00\x01\x41\xdd\x09\x00\x00\x00\x76\xf9\x3c\x0b\xa8\x00\x0a\xfc\
    \x02\x00\x00\x00\x00\x00\x59\x5a";

/// From `zstd --no-check` (1.5.4).
pub(in crate::records) const ZSTD: &[u8] =
    b"\x28\xb5\x2f\xfd\x60\xdd\x03\x3d\x01\x00\xe8\x54\x45\x58\x54\x3d\x74\x68\x65\x20\x73\x61\x6d\x65\
    \x20\x77\x6f\x72\x64\x73\x20\x61\x67\x61\x69\x6e\x20\x61\x6e\x64\x02\x00\xb6\x08\xf5\x41\x75\x8b\
    \x13";

/// The block in a frame of `lz4` (1.9.4), behind the size as journald writes it.
pub(in crate::records) const LZ4: &[u8] =
    b"\xdd\x04\x00\x00\x00\x00\x00\x00\xf3\x0e\x54\x45\x58\x54\x3d\x74\x68\x65\x20\x73\x61\x6d\x65\x20\
    \x77\x6f\x72\x64\x73\x20\x61\x67\x61\x69\x6e\x20\x61\x6e\x64\x0a\x00\x0f\x1f\x00\xff\xff\xff\xff\
    \xa5\x50\x67\x61\x69\x6e\x20";

pub(in crate::records) const ALL: [(Packing, &[u8]); 3] =
    [(Packing::Xz, XZ), (Packing::Lz4, LZ4), (Packing::Zstd, ZSTD)];

#[test]
fn what_the_programs_packed_is_unpacked_up_to_the_cap() {
    for (packing, bytes) in ALL {
        let whole = text();
        assert_eq!(payload(packing, bytes, whole.len()), Ok(whole.clone()), "{packing:?}");
        let refused = payload(packing, bytes, whole.len() - 1);
        assert!(matches!(refused, Err(Unread::Oversize { .. })), "{packing:?}: {refused:?}");
    }
}

#[test]
fn what_is_cut_off_is_damaged_and_never_shorter() {
    for (packing, bytes) in ALL {
        for end in 0..bytes.len() - 1 {
            let read = payload(packing, &bytes[..end], 1 << 20);
            assert!(read.is_err() || read == Ok(text()), "{packing:?} {end}");
        }
    }
}

#[test]
fn a_size_that_no_block_can_have_is_refused_before_there_is_memory_for_it() {
    let mut claim = (16_u64 << 20).to_le_bytes().to_vec();
    claim.extend_from_slice(b"\x10a");
    assert_eq!(payload(Packing::Lz4, &claim, 16 << 20), Err(Unread::Damaged { made: 0 }));
    claim[7] = 0xff;
    assert_eq!(payload(Packing::Lz4, &claim, 16 << 20), Err(Unread::Oversize { made: 0 }));
}

#[test]
fn nothing_panics() {
    for (packing, bytes) in ALL {
        Mishaps::of(bytes).each(|bytes| {
            if let Ok(text) = payload(packing, bytes, 1 << 16) {
                assert!(text.len() <= 1 << 16);
            }
        });
    }
}
