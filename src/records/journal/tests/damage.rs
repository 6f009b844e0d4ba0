//! Files that were changed, cut, spoilt, or made to do harm.

use super::*;

#[test]
fn what_was_changed_in_place_is_given_and_told() {
    for (compact, keyed) in [(false, false), (true, true)] {
        let mut bytes = twenty(compact, keyed);
        let at = place(&bytes, b"nurse07");
        bytes[at] = b'N';
        let (told, summary) = read(&bytes);
        assert_eq!((told.len(), summary.hash_mismatch, summary.edited_entries), (20, 1, 1));
        assert!(told[7].edited && told[7].fields[0].1.ends_with(b"Nurse07"));
        assert_eq!(summary.shortcomings(), [Shortcoming::Edited, Shortcoming::Mismatched]);
        // With the hash of the value mended, the one of the entry still tells.
        let value = b"MESSAGE=Accepted password for Nurse07";
        let hash = if keyed { hash::siphash(&ID, value) } else { hash::jenkins(value) };
        let object = place(&bytes, value) - if compact { 72 } else { 64 };
        put(&mut bytes, object + 16, hash);
        assert_eq!(read(&bytes).1.shortcomings(), [Shortcoming::Mismatched]);
    }
}

#[test]
fn a_program_that_says_the_same_twice_has_changed_nothing() {
    let mut builder = Builder::new(true, true);
    let (once, twice) = (builder.value(b"A=1"), builder.value(b"B=2"));
    // journald counts it twice in the hash, and keeps it once.
    builder.entry(&[(b"A=1", once), (b"B=2", twice), (b"B=2", twice)]);
    let mut bytes = builder.finish();
    assert_eq!(read(&bytes).1.shortcomings(), []);
    let entry = number(&bytes, number(&bytes, 176) as usize + 24) as u32 as usize;
    put(&mut bytes, entry + 8, 64 + 8);
    bytes[entry + 72..entry + 76].fill(0);
    assert_eq!(read(&bytes).1.entry_hash_mismatch, 0);
}

#[test]
fn entries_that_the_list_leaves_out_are_hidden_and_given() {
    let mut bytes = twenty(true, true);
    put(&mut bytes, 152, 15);
    let (told, summary) = read(&bytes);
    assert_eq!((told.len(), summary.hidden(), summary.unlisted), (20, 5, 5));
    assert_eq!(summary.shortcomings(), [Shortcoming::Hidden]);
    assert!(told[14].listed && !told[15].listed);
    // Of a file that is being written, what its header does not know yet is no sign of anything; what it knows is.
    bytes[16] = 1;
    assert_eq!(read(&bytes).1.hidden(), 5);
    put(&mut bytes, 160, 15);
    let (told, summary) = read(&bytes);
    assert_eq!((told.len(), summary.unfinished, summary.hidden(), summary.is_whole()), (20, 5, 0, true));
}

#[test]
fn a_file_that_is_cut_off_gives_what_is_left_and_says_so() {
    let bytes = twenty(false, true);
    let (whole, _) = read(&bytes);
    let (told, summary) = read(&bytes[..bytes.len() * 6 / 10]);
    assert!(told.len() > 5 && told.len() < 20, "{}", told.len());
    assert!(told.iter().zip(&whole).all(|(cut, whole)| cut.fields == whole.fields));
    assert!(summary.shortcomings().starts_with(&[Shortcoming::Truncated]));
    assert!(summary.list.broken && !summary.is_whole() && summary.hidden() == 0);
    assert_eq!(summary.unlisted, told.len() as u64);
    for end in (LENGTH..bytes.len()).step_by(8) {
        assert!(read(&bytes[..end]).1.shortcomings().contains(&Shortcoming::Truncated), "{end}");
    }
}

#[test]
fn behind_damage_it_is_read_on() {
    let bytes = twenty(true, false);
    let list = number(&bytes, 176) as usize;
    // The fourth entry: its object is no object, or claims to go on over the next ones.
    let entry = u32::from_le_bytes(bytes[list + 24 + 12..list + 24 + 16].try_into().unwrap()) as usize;
    let mut hole = bytes.clone();
    hole[entry] = 0;
    let (told, summary) = read(&hole);
    assert_eq!((told.len(), summary.way.holes, summary.unreadable), (19, 1, 1));
    assert!(summary.way.hole_bytes < 200);
    assert_eq!(summary.shortcomings(), [Shortcoming::Holes, Shortcoming::EntriesLost]);
    let mut long = bytes.clone();
    put(&mut long, entry + 8, 800);
    let (told, summary) = read(&long);
    // What the walk has passed over, the list still names.
    assert_eq!((told.len(), summary.unlisted), (20, 0));
    assert!(!summary.is_whole());
}

#[test]
fn a_list_that_points_back_ends_and_nothing_is_read_twice() {
    let bytes = twenty(false, false);
    let list = number(&bytes, 176);
    for next in [list, list + 8, 8, u64::MAX, u64::MAX - 7] {
        let mut cyclic = bytes.clone();
        put(&mut cyclic, list as usize + 16, next);
        put(&mut cyclic, 152, u64::MAX);
        let (told, summary) = read(&cyclic);
        assert_eq!(
            (told.len(), summary.list.given, summary.unlisted, summary.list.broken),
            (20, 4, 16, true)
        );
        assert_eq!(summary.shortcomings(), [Shortcoming::ListBroken]);
    }
    let mut twice = bytes.clone();
    let first = number(&bytes, list as usize + 24);
    put(&mut twice, list as usize + 32, first);
    let (told, summary) = read(&twice);
    assert_eq!((told.len(), summary.list.disordered, summary.unlisted), (20, 1, 1));
    assert_eq!(summary.shortcomings(), [Shortcoming::ListWrong]);
    // One that is too high costs itself, and not those behind it.
    for wrong in [1 << 40, list, number(&bytes, list as usize + 48)] {
        put(&mut twice, list as usize + 32, wrong);
        let (told, summary) = read(&twice);
        assert_eq!((told.len(), summary.list.disordered, summary.unlisted, summary.hidden()), (20, 1, 1, 0));
    }
}

#[test]
fn entries_that_lie_one_upon_the_other_are_not_read_for_ever() {
    let mut builder = Builder::new(true, false);
    let size = 64 + 4 * 4096_u64;
    let begin = builder.object(3, 0, &vec![0; size as usize - 16]);
    for number in 0..2_000 {
        builder.bytes.extend([3, size].into_iter().flat_map(u64::to_le_bytes));
        builder.entries.push(begin + size + 16 * number);
    }
    builder.bytes.extend(vec![0; size as usize]);
    let bytes = builder.finish();
    let (told, summary) = read(&bytes);
    assert!(told.len() > 1_900, "{}", told.len());
    let most = ((256 << 20) + (bytes.len() as u64 * 128)) / 256;
    assert!(summary.fields_lost <= most && summary.fields_spent > 7_000_000 - most, "{summary:#?}");
}

#[test]
fn a_format_that_is_not_known_is_refused_with_what_its_header_says() {
    let mut bytes = twenty(true, true);
    bytes[12] |= 32;
    let Err(Refused::Unknown { bits: 32, header }) =
        Journal::open(bytes.as_slice(), 1).or_else(|_| Journal::open(bytes.as_slice(), bytes.len() as u64))
    else {
        panic!("it was opened");
    };
    assert_eq!(header.n_entries, 20);
    assert!(matches!(Journal::open(&b"LPKS"[..], 4), Err(Refused::Header(Unread::Short))));
    assert!(matches!(Journal::open(&b""[..], 0), Err(Refused::Header(_))));
}

#[test]
fn nothing_panics_and_nothing_is_given_without_end() {
    for (compact, keyed) in [(false, false), (true, true)] {
        let bytes = twenty(compact, keyed);
        Mishaps::of(&bytes).rounds(300).each(|bytes| {
            let Ok(mut journal) = Journal::open(bytes, bytes.len() as u64) else { return };
            let mut entries = 0;
            let summary = journal.for_each(&mut |_| entries += 1);
            assert!(entries <= bytes.len() as u64 / 64);
            assert!(summary.entries == 20 || !summary.is_whole(), "{summary:#?}");
        });
    }
}
