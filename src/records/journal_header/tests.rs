//! Headers as systemd-journald wrote them, and what is left of them when they are damaged.

use super::*;
use crate::records::mishaps::Mishaps;

/// The first 264 bytes of a journal that systemd-journald 252 (Debian 12) rotated away, with its length: run with its own
/// /run and /etc/machine-id in a private mount namespace, given some lines with systemd-cat and logger, and rotated.
/// What `journalctl --header --file` said of it stands in the test.
const ARCHIVED: (&str, u64) = (
    "4c504b5348485248000000001c0000000200000000000000aed04ed583e44e8e9b7366831a35a97200112233445566778899\
     aabbccddeeff48efd1861a8f4c5189b0d8bd52dcb48baed04ed583e44e8e9b7366831a35a9720801000000000000901b3900\
     00000000f81500000000000080e33800000000001801000000000000d014000000000000601c390000000000760000000000\
     00000600000000000000060000000000000001000000000000002004390000000000c6115d95dc60060012ae7b95dc600600\
     171326210b0000003200000000000000210000000000000000000000000000001b0000000000000000000000000000000000\
     000000000000d018390002000000",
    3_742_872,
);

/// The journal that it went on with.
const ONLINE: (&str, u64) = (
    "4c504b5348485248000000001c0000000100000000000000730a15cecf6b4a5fa9d10690af2448aa00112233445566778899\
     aabbccddeeff48efd1861a8f4c5189b0d8bd52dcb48baed04ed583e44e8e9b7366831a35a9720801000000000000f8fe7f00\
     00000000f81500000000000080e33800000000001801000000000000d014000000000000f010390000000000500000000000\
     0000020000000000000008000000000000000700000000000000480d390000000000b3108b95dc600600f5cb9a95dc600600\
     f93045210b000000240000000000000020000000000000000000000000000000080000000000000000000000000000000100\
     000000000000480d390002000000",
    8_388_608,
);

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[test]
fn it_says_what_journalctl_says() {
    let header = Header::parse(&bytes(ARCHIVED.0)).unwrap();
    assert_eq!(hex(&header.file_id), "aed04ed583e44e8e9b7366831a35a972");
    assert_eq!(hex(&header.machine_id), "00112233445566778899aabbccddeeff");
    assert_eq!(hex(&header.tail_boot_id), "48efd1861a8f4c5189b0d8bd52dcb48b");
    assert_eq!(header.seqnum_id, header.file_id);
    assert_eq!((header.state, header.state.word()), (State::Archived, "archived".into()));
    assert_eq!(header.flags(), ["keyed-hash", "compressed-zstd", "compact"]);
    assert_eq!((header.header_size, header.arena_size), (264, 3_742_608));
    assert_eq!(header.claimed_length(), ARCHIVED.1);
    assert_eq!((header.head_seqnum, header.tail_seqnum), (1, 6));
    assert_eq!((header.n_objects, header.n_entries), (118, 6));
    assert_eq!((header.n_data, header.n_tags), (Some(50), Some(0)));
    assert_eq!((header.head_realtime, header.tail_realtime), (0x660dc955d11c6, 0x660dc957bae12));
    assert_eq!(header.first().unwrap().spoken(), "2026-11-22 12:26:15 UTC");
    assert_eq!(header.last().unwrap().spoken(), "2026-11-22 12:26:17 UTC");
}

#[test]
fn one_that_is_being_written_follows_in_the_same_sequence() {
    let (before, header) =
        (Header::parse(&bytes(ARCHIVED.0)).unwrap(), Header::parse(&bytes(ONLINE.0)).unwrap());
    assert_eq!((header.state, header.claimed_length()), (State::Online, ONLINE.1));
    assert_eq!(header.seqnum_id, before.seqnum_id);
    assert_eq!(header.head_seqnum, before.tail_seqnum + 1);
}

#[test]
fn an_older_header_is_shorter_and_a_file_without_records_has_no_times() {
    let mut old = bytes(ARCHIVED.0);
    old[88..96].copy_from_slice(&208_u64.to_le_bytes());
    old.truncate(208);
    let header = Header::parse(&old).unwrap();
    assert_eq!((header.n_data, header.n_tags, header.n_entries), (None, None, 6));
    old[152..160].copy_from_slice(&0_u64.to_le_bytes());
    assert_eq!(Header::parse(&old).unwrap().first(), None);
    let mut far = bytes(ARCHIVED.0);
    far[192..200].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(Header::parse(&far).unwrap().last(), None);
    far[8..16].copy_from_slice(&[0xff; 8]);
    far[16] = 9;
    let header = Header::parse(&far).unwrap();
    assert_eq!((header.flags().len(), header.state.word()), (64, "state-9".into()));
    assert!(header.flags().contains(&"incompatible-31".to_owned()));
}

#[test]
fn what_is_no_header_is_named_and_no_mishap_makes_it_stumble() {
    let good = bytes(ONLINE.0);
    assert_eq!(Header::parse(b""), Err(Unread::Short));
    assert_eq!(Header::parse(b"LPKS"), Err(Unread::Short));
    assert_eq!(Header::parse(&good[..199]), Err(Unread::Short));
    assert_eq!(Header::parse(b"SQLite format 3"), Err(Unread::Signature));
    let mut bad = good.clone();
    bad[88] = 7;
    bad[89] = 0;
    assert_eq!(Header::parse(&bad), Err(Unread::HeaderSize));
    Mishaps::of(&good).each(|bytes| {
        if let Ok(header) = Header::parse(bytes) {
            let _ = (
                header.flags(),
                header.first(),
                header.last(),
                header.claimed_length(),
                hex(&header.file_id),
            );
        }
    });
}

#[test]
fn it_is_read_as_it_passes() {
    let mut beginning = Beginning::default();
    let whole = [bytes(ONLINE.0), vec![0; 5000]].concat();
    whole.chunks(100).for_each(|piece| beginning.piece(piece));
    assert_eq!(beginning.header(), Header::parse(&whole));
}
