#![no_main]
//! Any bytes as a compressed file, and as a value that was packed by itself: no more comes out than a file is worth, and the same
//! in any pieces if it is whole.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::unpack::payload::{Packing, payload};
use phi_ir::records::unpack::{Compression, Unpacker, Unread};

/// Longer files are cut, since each byte may become 250.
const LONGEST: usize = 32 << 10;
/// The longest value.
const CAP: usize = 1 << 20;

/// How many bytes came out with which sum, how it is compressed, and why it could not be read.
fn read(bytes: &[u8], piece: usize) -> ((u64, u64), Compression, Option<Unread>) {
    let (mut unpacker, mut length, mut sum) = (Unpacker::default(), 0, 0);
    let mut each = |out: &[u8]| {
        length += out.len() as u64;
        sum = out.iter().fold(sum, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    };
    bytes.chunks(piece).for_each(|bytes| unpacker.piece(bytes, &mut each));
    let (compression, unread) = unpacker.end(&mut each);
    ((length, sum), compression, unread)
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let (text, compression, unread) = read(bytes, 4096);
    assert_eq!(compression, Compression::of(bytes));
    // A step of a decoder gives a few megabytes before they are counted.
    assert!(
        text.0 <= (16 << 20) + 250 * bytes.len() as u64 + (8 << 20),
        "{} bytes of {}",
        text.0,
        bytes.len()
    );
    let (apart, _, unread_apart) = read(bytes, 7);
    assert_eq!(unread.is_none(), unread_apart.is_none(), "{unread:?} {unread_apart:?}");
    assert!(unread.is_some() || text == apart, "the pieces decide what is in it");
    for packing in [Packing::Xz, Packing::Lz4, Packing::Zstd] {
        if let Ok(value) = payload(packing, bytes, CAP) {
            assert!(value.len() <= CAP);
        }
    }
});
