//! A journal that passes once tells what one tells that is read from any of its places.

use super::*;
use crate::records::auth_text::Said;

type Told = (Vec<Said>, Vec<(u64, Vec<u8>)>);

fn tell(told: &mut Told, entry: &Entry<'_>) {
    told.0.extend(said(entry, 3));
    told.1.extend(audit_line(entry).map(|line| (entry.offset, line)));
}

fn passed(bytes: &[u8], piece: usize) -> (Told, Seen) {
    let (mut passing, mut told) = (Passing::default(), Told::default());
    bytes.chunks(piece).for_each(|bytes| passing.piece(bytes, &mut |entry| tell(&mut told, &entry)));
    (told, passing.end())
}

fn at_hand(bytes: &[u8]) -> Told {
    let mut told = Told::default();
    Journal::open(bytes, bytes.len() as u64).unwrap().for_each(&mut |entry| tell(&mut told, &entry));
    told
}

#[test]
fn what_passes_says_the_same_as_what_is_at_hand() {
    let journals = [
        fixture("compact.journal.gz"),
        fixture("regular.journal.gz"),
        twenty(true, true),
        twenty(false, false),
    ];
    for (bytes, number) in journals.iter().zip(0..) {
        let expected = at_hand(bytes);
        assert!(expected.0.len() >= 2, "{number}");
        for piece in [1, 7, 272, 4096, bytes.len()] {
            let (told, seen) = passed(bytes, piece);
            assert_eq!(told, expected, "{number} {piece}");
            assert!(seen.is_whole() && seen.unheard == 0, "{number} {piece} {seen:?}");
        }
    }
}

#[test]
fn what_keeps_a_file_from_being_whole_is_seen_in_passing() {
    let bytes = twenty(true, true);
    let count = |bytes: &[u8]| {
        let (told, seen) = passed(bytes, 1_000);
        (told.0.len(), seen)
    };
    // A value that was changed in place.
    let mut edited = bytes.clone();
    edited[place(&bytes, b"nurse07")] = b'N';
    let (told, seen) = count(&edited);
    assert_eq!((told, seen.edited, seen.is_whole()), (20, 1, false));
    // An entry that is none any more; and the value that two others have.
    let list = number(&bytes, 176) as usize;
    let entry = u32::from_le_bytes(bytes[list + 24 + 12..list + 24 + 16].try_into().unwrap()) as usize;
    let mut hole = bytes.clone();
    hole[entry] = 0;
    let (told, seen) = count(&hole);
    assert_eq!((told, seen.entries, seen.missing, seen.holes), (19, 19, 1, 1));
    let mut unheard = bytes.clone();
    unheard[place(&bytes, b"SYSLOG_IDENTIFIER=") - 72] = 0;
    let (told, seen) = count(&unheard);
    assert_eq!((told, seen.unheard, seen.holes), (0, 20, 1));
    // Cut anywhere it is told, unless only what nobody has written to yet is gone.
    for end in (0..bytes.len()).step_by(8) {
        let seen = passed(&bytes[..end], 1_000).1;
        assert!(seen.ends_early || seen.refused, "{end} {seen:?}");
    }
    // What its header knows of, and what it does not while it is being written.
    let mut more = bytes.clone();
    put(&mut more, 152, 22);
    assert_eq!(count(&more).1.missing, 2);
    more[16] = 1;
    assert_eq!(count(&more).1.missing, 2);
    put(&mut more, 152, 15);
    assert!(count(&more).1.is_whole());
    more[16] = 0;
    let (told, seen) = count(&more);
    assert_eq!((told, seen.beyond, seen.is_whole()), (20, 5, false));
    let mut newer = bytes.clone();
    newer[12] |= 64;
    assert!(count(&newer).1.refused && count(b"LPKSHHRX").1.refused);
}

#[test]
fn a_value_is_kept_until_its_last_entry_has_passed_and_no_longer_where_there_is_no_room() {
    // Twelve mebibytes of messages, each of one entry; and one that the first and the last have.
    let mut builder = Builder::new(true, true);
    let long = |number: usize| {
        format!("MESSAGE=Accepted password for nurse{number} {}", "x".repeat(200 << 10)).into_bytes()
    };
    let shared = b"MESSAGE=Connection closed by 192.0.2.7 port 9".to_vec();
    let sender = b"SYSLOG_IDENTIFIER=sshd".to_vec();
    builder.plain(&[&sender, &shared]);
    (0..60).for_each(|number| builder.plain(&[&sender, &long(number)]));
    builder.plain(&[&sender, &shared]);
    let mut bytes = builder.finish();
    // As journald counts them (journal-def.h, `n_entries`).
    for (value, entries) in [(&sender, 62), (&shared, 2)] {
        let at = place(&bytes, value) - 72;
        put(&mut bytes, at + 56, entries);
    }
    for number in 0..60 {
        let at = place(&bytes, &long(number)) - 72;
        put(&mut bytes, at + 56, 1);
    }
    let (told, seen) = passed(&bytes, 64 << 10);
    assert_eq!((told.0.len(), seen.unheard), (62, 0));
    assert_eq!(told, at_hand(&bytes));
    // All of them are said to be wanted again: there is no room for all.
    for number in 0..60 {
        let at = place(&bytes, &long(number)) - 72;
        put(&mut bytes, at + 56, 2);
    }
    let (told, seen) = passed(&bytes, 64 << 10);
    assert!(told.0.len() > 38 && seen.unheard == 62 - told.0.len() as u64, "{} {seen:?}", told.0.len());
    assert!(seen.shortcomings().unwrap().contains("without a message or a sender"));
}

#[test]
fn no_mishap_makes_it_stumble() {
    for bytes in [twenty(true, false), twenty(false, true)] {
        Mishaps::of(&bytes).each(|bytes| {
            let (_, seen) = passed(bytes, 999);
            assert!(seen.entries <= bytes.len() as u64 / 64);
        });
    }
}
