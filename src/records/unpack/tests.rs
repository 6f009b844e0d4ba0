//! Against what the real tools packed: xz 5.4.1, bzip2 1.0.8, zstd 1.5.4, lz4 1.9.4 (fixtures/README.md).

use super::super::inflate::packed;
use super::*;
use crate::records::mishaps::Mishaps;

fn text(bytes: &[u8], piece: usize) -> (Vec<u8>, Compression, Option<Unread>) {
    let (mut unpacker, mut text) = (Unpacker::default(), Vec::new());
    bytes.chunks(piece).for_each(|bytes| unpacker.piece(bytes, &mut |more| text.extend_from_slice(more)));
    let (compression, unread) = unpacker.end(&mut |more| text.extend_from_slice(more));
    (text, compression, unread)
}

macro_rules! fixture {
    ($name:literal) => {
        (include_bytes!(concat!("../../../fixtures/packed/", $name)).as_slice(), $name)
    };
}

/// `auth.log`, packed in different ways.
fn all() -> Vec<((&'static [u8], &'static str), Compression)> {
    vec![
        (fixture!("auth.log.xz"), Compression::Xz),
        (fixture!("auth.log.sha256.xz"), Compression::Xz),
        (fixture!("auth.log.blocks.xz"), Compression::Xz),
        (fixture!("auth.log.bz2"), Compression::Bzip2),
        (fixture!("auth.log.blocks.bz2"), Compression::Bzip2),
        (fixture!("auth.log.zst"), Compression::Zstd),
        (fixture!("auth.log.stdin.zst"), Compression::Zstd),
        (fixture!("auth.log.nocheck.zst"), Compression::Zstd),
        (fixture!("auth.log.lz4"), Compression::Lz4),
        (fixture!("auth.log.linked.lz4"), Compression::Lz4),
        (fixture!("auth.log.size.lz4"), Compression::Lz4),
    ]
}

fn log() -> Vec<u8> {
    let (packed, _) = fixture!("auth.log.gz");
    let (text, compression, unread) = text(packed, 4096);
    assert_eq!((compression, unread, text.len()), (Compression::Gzip, None, LENGTH));
    text
}

/// Bytes of the log.
const LENGTH: usize = 120_052;

#[test]
fn the_text_is_the_same_however_it_is_kept() {
    let plain = b"one\ntwo\n".repeat(100);
    for piece in [1, 5, 4096] {
        assert_eq!(text(&plain, piece), (plain.clone(), Compression::None, None));
        assert_eq!(text(&packed(&plain), piece), (plain.clone(), Compression::Gzip, None));
    }
    assert_eq!(text(b"abc", 1), (b"abc".to_vec(), Compression::None, None));
    let cut = &packed(&plain)[..20];
    assert!(matches!(text(cut, 7).2, Some(Unread::Broken(_))));
}

#[test]
fn what_the_tools_pack_comes_out_whole_in_pieces_of_any_size() {
    let log = log();
    for ((bytes, name), compression) in all() {
        for piece in [1, 5, 4096, bytes.len()] {
            let (text, told, unread) = text(bytes, piece);
            assert_eq!((told, unread), (compression, None), "{name} in pieces of {piece}");
            assert!(text == log, "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn streams_follow_one_another_and_what_is_no_stream_is_told() {
    let log = log();
    for ((bytes, name), _) in all() {
        let whole = [log.as_slice(), &log].concat();
        let both = [bytes, bytes].concat();
        let padded = [bytes, &[0; 512], bytes, &[0; 4]].concat();
        for two in [both, padded] {
            let (text, _, unread) = text(&two, 1000);
            assert!(text == whole && unread.is_none(), "{name} twice: {unread:?}");
        }
        let (text, _, unread) = text(&[bytes, b"junk"].concat(), 1000);
        assert_eq!(unread, Some(Unread::Broken(Broken::Trailing)), "{name}");
        assert!(text == log, "{name}");
    }
    // Frames that hold no content, as pzstd writes them.
    for ((bytes, name), compression) in all() {
        if matches!(compression, Compression::Zstd | Compression::Lz4) {
            let skipped = [bytes, b"\x5a\x2a\x4d\x18\x05\0\0\0hello", b"\x50\x2a\x4d\x18\0\0\0\0"].concat();
            assert!(text(&skipped, 3) == (log.clone(), compression, None), "{name}");
        }
    }
}

#[test]
fn what_is_cut_off_gives_what_came_before_and_says_so() {
    let log = log();
    for ((bytes, name), compression) in all() {
        for tenths in 0..10 {
            let cut = (bytes.len() * tenths / 10).max(TELLING);
            let (text, told, unread) = text(&bytes[..cut], 777);
            assert_eq!((told, unread), (compression, Some(Unread::Broken(Broken::CutOff))), "{name} {cut}");
            assert!(log.starts_with(&text), "{name} {cut}");
        }
    }
    // A frame of several blocks, none of which is given before the frame ends: all but the last are there.
    let (zst, _) = fixture!("numbers.zst");
    let numbers: String = (1..=60_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(text(zst, 100), (numbers.clone().into_bytes(), Compression::Zstd, None));
    let (text, _, unread) = text(&zst[..zst.len() - 1], 100);
    assert_eq!(unread, Some(Unread::Broken(Broken::CutOff)));
    assert!(text.len() > 300_000 && numbers.as_bytes().starts_with(&text), "{}", text.len());
    // And so they are where the last is damaged.
    let mut damaged = zst.to_vec();
    damaged[zst.len() - 5] ^= 0xff;
    let (text, _, unread) = super::tests::text(&damaged, 100);
    assert!(unread.is_some() && text.len() > 300_000);
    assert!(numbers.as_bytes()[..300_000] == text[..300_000]);
}

#[test]
fn a_stream_may_end_with_a_full_piece_and_a_block_may_be_empty() {
    let whole: Vec<u8> = b"0123456789abcdef".repeat(2 * members::PIECE / 16);
    let mut bzip2 = Vec::with_capacity(4096);
    let mut packer = ::bzip2::Compress::new(::bzip2::Compression::best(), 30);
    packer.compress_vec(&whole, &mut bzip2, ::bzip2::Action::Finish).unwrap();
    for piece in [1, 7, 4096] {
        assert!(text(&bzip2, piece) == (whole.clone(), Compression::Bzip2, None), "{piece}");
    }
    // RFC 8878: a window of 1 KiB, a raw block of no byte, and a last one of two. Written from documentation.
    let zstd = b"\x28\xb5\x2f\xfd\0\0\0\0\0\x11\0\0hi";
    for piece in [1, 2, 9, 100] {
        assert_eq!(text(zstd, piece), (b"hi".to_vec(), Compression::Zstd, None), "{piece}");
    }
}

#[test]
fn a_sum_that_is_another_is_told() {
    // The last byte but one of what each format sums up.
    for (bytes, name) in [fixture!("auth.log.zst"), fixture!("auth.log.lz4")] {
        let mut bytes = bytes.to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(text(&bytes, 4096).2, Some(Unread::Broken(Broken::Checksum)), "{name}");
    }
}

#[test]
fn what_asks_for_much_memory_is_told_before_it_gets_any() {
    let (xz, _) = fixture!("nine.xz");
    assert_eq!(text(xz, 100).2, Some(Unread::Broken(Broken::Memory(64 << 20))));
    let mut wide = Unpacker::with_window(64 << 20);
    let mut text_of_it = Vec::new();
    wide.piece(xz, &mut |more| text_of_it.extend_from_slice(more));
    assert_eq!(wide.end(&mut |_| {}), (Compression::Xz, None));
    assert_eq!(text_of_it, b"packed with a large dictionary\n");
    let (zst, _) = fixture!("long.zst");
    assert_eq!(text(zst, 100).2, Some(Unread::Broken(Broken::Memory(128 << 20))));
}

#[test]
fn what_swells_is_stopped() {
    for (bytes, name) in [fixture!("zeros.xz"), fixture!("zeros.bz2"), fixture!("zeros.zst")] {
        let (mut unpacker, mut come_out) = (Unpacker::default(), 0);
        bytes.chunks(4096).for_each(|bytes| unpacker.piece(bytes, &mut |more| come_out += more.len()));
        assert_eq!(unpacker.end(&mut |_| {}).1, Some(Unread::Broken(Broken::Swells)), "{name}");
        assert!(come_out <= (16 << 20) + 250 * bytes.len() + (8 << 20), "{name}: {come_out}");
    }
}

#[test]
fn streams_of_nothing_are_given_up_in_every_format() {
    // As the tools pack an empty file.
    let empty: [&[u8]; 6] = [
        &packed(b""),
        b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\0\0\0\0\x1c\xdfD!\x1f\xb6\xf3}\x01\0\0\0\0\x04YZ",
        b"BZh9\x17rE8P\x90\0\0\0\0",
        b"\x28\xb5\x2f\xfd\x24\0\x01\0\0\x99\xe9\xd8\x51",
        b"\x04\x22\x4d\x18\x64\x40\xa7\0\0\0\0\x05\x5d\xcc\x02",
        b"\x50\x2a\x4d\x18\0\0\0\0",
    ];
    for stream in empty {
        assert_eq!(text(&stream.repeat(200), 4096).2.filter(|_| stream.len() > 8), None, "{stream:x?}");
        let first = if stream.len() == 8 { fixture!("small.zst").0 } else { b"" };
        let many = [first, &stream.repeat(4_000)].concat();
        assert_eq!(text(&many, 512).2, Some(Unread::Broken(Broken::Streams)), "{stream:x?}");
    }
}

#[test]
fn what_is_not_unpacked_is_named() {
    assert_eq!(text(b"\x1f\x9d\x90abc", 2).2, Some(Unread::Compression("compress")));
    let (lzma, _) = fixture!("alone.lzma");
    let (text, compression, unread) = text(lzma, 2);
    assert_eq!((compression, unread), (Compression::Lzma, Some(Unread::Compression("lzma"))));
    assert_eq!(text, b"");
}

#[test]
fn what_is_damaged_ends_in_words_and_never_in_a_panic() {
    for (bytes, name) in [
        fixture!("small.xz"),
        fixture!("small.bz2"),
        fixture!("small.zst"),
        fixture!("small.lz4"),
        fixture!("small.linked.lz4"),
    ] {
        let mut broken = 0;
        Mishaps::of(bytes).rounds(100).each(|bytes| broken += usize::from(text(bytes, 64).2.is_some()));
        assert!(broken > 400, "{name}: {broken}");
    }
}
