//! Values as the programs pack them.

use super::*;
use crate::records::mishaps::Mishaps;

/// What is packed below: 31 bytes, 40 times.
pub(in crate::records) fn text() -> Vec<u8> {
    b"the same words again and again ".repeat(40)
}

/// From `xz --check=none --lzma2=dict=1MiB` (5.4.1).
pub(in crate::records) const XZ: &[u8] =
    b"\xfd\x37\x7a\x58\x5a\x00\x00\x00\xff\x12\xd9\x41\x02\x00\x21\x01\x10\x00\x00\x00\xa8\x70\x8e\x86\
    \xe0\x04\xd7\x00\x27\x5d\x00\x3a\x1a\x08\xce\x76\xd9\x76\xd3\x93\xce\xe0\x6c\x5c\x75\xe4\x06\x0a\
    \x0d\xf6\x11\xe9\x87\xf6\x56\x81\x50\x62\x7a\x12\x0c\xc2\xa3\xd8\x9b\x3d\x6d\x45\x46\x00\x00\x00\
    \x00\x01\x3b\xd8\x09\x00\x00\x00\xa1\x58\x65\x69\xa8\x00\x0a\xfc\x02\x00\x00\x00\x00\x00\x59\x5a";

/// From `zstd --no-check` (1.5.4).
pub(in crate::records) const ZSTD: &[u8] =
    b"\x28\xb5\x2f\xfd\x60\xd8\x03\x15\x01\x00\xc0\x74\x68\x65\x20\x73\x61\x6d\x65\x20\x77\x6f\x72\x64\
    \x73\x20\x61\x67\x61\x69\x6e\x20\x61\x6e\x64\x02\x00\xb6\x08\xf5\x01\x75\xcb\x18";

/// The block in a frame of `lz4` (1.9.4), behind the size as journald writes it.
pub(in crate::records) const LZ4: &[u8] =
    b"\xd8\x04\x00\x00\x00\x00\x00\x00\xf3\x09\x74\x68\x65\x20\x73\x61\x6d\x65\x20\x77\x6f\x72\x64\x73\
    \x20\x61\x67\x61\x69\x6e\x20\x61\x6e\x64\x0a\x00\x0f\x1f\x00\xff\xff\xff\xff\xa5\x50\x67\x61\x69\
    \x6e\x20";

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
