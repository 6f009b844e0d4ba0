//! Numbers that no file has, and times that go back.

use super::*;

const A: [u8; 16] = [1; 16];
const B: [u8; 16] = [2; 16];
const NOTHING: [(u64, u64); 0] = [];

/// The numbers of one boot, in their order.
fn runs(boot: [u8; 16], numbers: impl IntoIterator<Item = u64>) -> Runs {
    let mut runs = Runs::default();
    numbers.into_iter().for_each(|number| runs.push(number, boot, number.saturating_mul(10)));
    runs
}

/// What is missing of files: sequence, whether it is a user's, numbers.
fn told(files: &[([u8; 16], bool, Runs)]) -> Vec<(u64, u64)> {
    let mut sequences = Sequences::default();
    for (file, (sequence, of_user, numbers)) in (1..).zip(files) {
        sequences.add(*sequence, file, *of_user, numbers);
    }
    sequences.missing().iter().map(|missing| (missing.count, missing.gaps)).collect()
}

#[test]
fn runs_of_numbers_are_kept_apart_by_their_gaps_and_boots() {
    let mut numbers = runs(A, [3, 4, 5, 9, 9, 10, 2, 12]);
    assert_eq!(numbered(&numbers), [(3, 5), (9, 9), (9, 10), (2, 2), (12, 12)]);
    assert_eq!((numbers.backward, numbers.left), (2, 0));
    numbers.push(13, B, 7);
    assert_eq!(numbers.runs.last(), Some(&Run { first: 13, last: 13, boot: B, begun: 7, ended: 7 }));
    numbers.push(u64::MAX, B, 8);
    numbers.push(u64::MAX, B, 9);
    assert_eq!(numbers.backward, 3);
    let many = runs(A, (0..70_000).map(|number| number * 2));
    assert_eq!((many.runs.len(), many.left), (65_536, 70_000 - 65_536));
}

#[test]
fn what_no_file_of_a_sequence_has_is_missing_and_where_is_told() {
    let mut sequences = Sequences::default();
    sequences.add(A, 7, false, &runs(B, (1..=7).chain(12..=20)));
    sequences.add(A, 8, false, &runs(B, 31..=40));
    let expected = Missing { count: 4 + 10, gaps: 2, file: 7, between: (70, 120) };
    assert_eq!(sequences.missing(), [expected]);
    // In whichever order the files come, and however they overlap.
    let files = [(A, false, runs(B, 15..=40)), (A, false, runs(B, 1..=20)), (A, false, runs(B, [18, 40]))];
    assert_eq!(told(&files), NOTHING);
    // Boots follow one another in a sequence.
    assert_eq!(told(&[(A, false, runs(A, 1..=4)), (A, false, runs(B, 5..=9))]), NOTHING);
    // So few may have been counted before /var was there.
    assert_eq!(told(&[(A, false, runs(A, 1..=4)), (A, false, runs(B, 900..=909))]), NOTHING);
    let late = [(A, false, runs(A, 99_001..=99_004)), (A, false, runs(B, 99_006..=99_009))];
    assert_eq!(told(&late), [(1, 1)]);
}

/// Written from documentation (journald-server.c): one counter, and files of the system and of users.
#[test]
fn what_a_user_s_file_has_is_not_missing_from_those_of_the_system() {
    let of_system = || runs(B, (1..=7).chain(12..=20));
    for sequence in [A, B] {
        let files = [(A, false, of_system()), (sequence, true, runs(B, 8..=11))];
        assert_eq!(told(&files), NOTHING, "of its own sequence or not");
        let files = [(A, false, of_system()), (sequence, true, runs(B, 8..=9))];
        assert_eq!(told(&files), [(2, 1)]);
    }
    // Of another boot and sequence the same numbers are others.
    assert_eq!(told(&[(A, false, of_system()), (B, false, runs(A, 1..=20))]), [(4, 1)]);
    assert_eq!(told(&[(A, false, of_system()), (B, false, runs([0; 16], 1..=20))]), [(4, 1)]);
    // What it has alone, before those of the system or behind them, is no gap: older ones were removed.
    assert_eq!(told(&[(A, false, runs(B, 100..=120)), (A, true, runs(B, [3, 110, 130]))]), NOTHING);
    assert_eq!(told(&[(A, true, runs(B, [3, 110, 130]))]), NOTHING);
}

#[test]
fn what_there_is_no_room_for_is_counted_and_nothing_is_called_missing() {
    let mut sequences = Sequences::default();
    let numbers = runs(A, (0..65_536).map(|number| number * 2));
    for file in 1..=3 {
        sequences.add(A, file, false, &numbers);
    }
    assert_eq!(sequences.left, 65_536);
    assert!(sequences.missing().is_empty());
    // Numbers that nobody counted so far.
    assert_eq!(told(&[(A, false, runs(B, [0, u64::MAX]))]), [(u64::MAX - 1, 1)]);
}

/// As a tester did it: the objects of two entries became arrays, and the list and its count were mended.
#[test]
fn entries_that_were_taken_out_leave_a_gap_in_the_numbers() {
    let mut bytes = twenty(false, true);
    let list = number(&bytes, 176) as usize;
    // An array: 24 bytes, then four items of 8.
    for at in [8, 16] {
        let entry = number(&bytes, list + 24 + at) as usize;
        bytes[entry] = 6;
    }
    let arrays = (0..5).map(|array| list + array * 56 + 24);
    let slots: Vec<usize> = arrays.flat_map(|items| (0..4).map(move |item| items + 8 * item)).collect();
    let mut kept: Vec<u64> = slots.iter().map(|slot| number(&bytes, *slot)).collect();
    kept.drain(1..3);
    slots.iter().zip(kept.into_iter().chain([0, 0])).for_each(|(slot, entry)| put(&mut bytes, *slot, entry));
    put(&mut bytes, 152, 18);
    let (told, summary) = read(&bytes);
    assert_eq!((told.len(), summary.shortcomings()), (18, vec![]), "{summary:#?}");
    assert_eq!(numbered(&summary.numbers), [(1, 1), (4, 20)]);
}

#[test]
fn a_time_that_goes_back_within_a_boot_is_told_with_its_place() {
    let bytes = twenty(true, true);
    let offsets = |bytes: &[u8]| {
        let mut offsets = Vec::new();
        Journal::open(bytes, bytes.len() as u64).unwrap().for_each(&mut |entry| offsets.push(entry.offset));
        offsets
    };
    let moved = offsets(&bytes)[7];
    let time = number(&bytes, moved as usize + 24);
    let mut edited = bytes.clone();
    put(&mut edited, moved as usize + 24, time - 30);
    let clock = read(&edited).1.clock;
    let step = StepBack { offset: moved, from: time - 1, to: time - 30 };
    assert_eq!((clock.back, clock.first), (1, Some(step)));
    // One that was moved into the future: the next one goes back.
    put(&mut edited, moved as usize + 24, time + 30);
    let clock = read(&edited).1.clock;
    assert_eq!((clock.back, clock.first.map(|step| step.from)), (1, Some(time + 30)));
    // Both clocks began anew: another machine, or one that was restored.
    put(&mut edited, moved as usize + 24, time - 30);
    put(&mut edited, moved as usize + 32, 0);
    assert_eq!(read(&edited).1.clock.back, 0);
    // And of another boot they are others.
    let mut second = bytes.clone();
    put(&mut second, moved as usize + 24, time - 30);
    second[moved as usize + 40] ^= 1;
    assert_eq!(read(&second).1.clock.back, 0);
}
