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
