//! Order, secrecy and damage of rows that wait on a disk.

use std::fs;
use std::os::unix::fs::FileExt as _;

use super::*;

/// Numbers without a pattern, always the same ones (Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Rows in the order in which they come: key, and a text that says the place in that order.
fn rows(count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut chance = Chance(1);
    let row = |number| {
        let key = (chance.next() % 5_000).to_be_bytes().to_vec();
        let length = chance.next() as usize % 40;
        (key, format!("{number:09} patient-record{}", "x".repeat(length)).into_bytes())
    };
    (0..count).map(row).collect()
}

fn sorter(memory: usize, folder: &Path, rows: &[(Vec<u8>, Vec<u8>)]) -> Sorter {
    let mut sorter = Sorter::new(memory, folder);
    rows.iter().for_each(|(key, row)| sorter.push(key, row).unwrap());
    sorter
}

/// The only open file that is below this folder, as the kernel has it.
fn spilt_file(folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).unwrap();
    let fds = fs::read_dir("/proc/self/fd").unwrap();
    let is_it = |fd: &PathBuf| fs::read_link(fd).is_ok_and(|to| to.starts_with(&folder) && to != folder);
    fds.map(|fd| fd.unwrap().path()).find(is_it)
}

#[test]
fn rows_come_by_their_keys_and_of_the_same_key_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(100_000);
    let mut expected = rows.clone();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    for memory in [64 << 10, 1 << 20, 64 << 20] {
        let sorted = sorter(memory, folder.path(), &rows).finish().unwrap();
        let is_spilt = spilt_file(folder.path()).is_some();
        assert_eq!(is_spilt, memory < 64 << 20);
        let got: Vec<Row> = sorted.map(Result::unwrap).collect();
        assert!(got == expected, "{memory}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn rows_longer_than_memory_and_rows_without_anything_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let long = vec![7; 300_000];
    let rows = [
        (b"b".to_vec(), long.clone()),
        (b"".to_vec(), b"".to_vec()),
        (long, b"x".to_vec()),
        (b"a".to_vec(), vec![]),
    ];
    let mut expected = rows.to_vec();
    expected.sort();
    let got: Vec<Row> = sorter(1_000, folder.path(), &rows).finish().unwrap().map(Result::unwrap).collect();
    assert!(got == expected);
    assert_eq!(Sorter::new(0, folder.path()).finish().unwrap().count(), 0);
}

#[test]
fn nothing_on_the_disk_can_be_read_and_no_two_chunks_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let mut sorter = Sorter::new(64 << 10, folder.path());
    (0..20_000_u32).for_each(|_| sorter.push(b"by name", b"Mrs Example, born 1950").unwrap());
    let path = spilt_file(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 400_000);
    // Long enough that no ciphertext has them by chance: three bytes would stand in one run of thirty.
    for clear in [&b"Example"[..], b"by name", b"born 1950"] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear));
    }
    // The same text all over would show as bytes that occur again. Between runs there is room that nobody wrote to.
    let written = || bytes.chunks_exact(16).filter(|piece| piece.iter().any(|byte| *byte != 0));
    let pieces: std::collections::BTreeSet<&[u8]> = written().collect();
    assert_eq!(pieces.len(), written().count());
}

#[test]
fn a_byte_that_was_changed_is_an_error_that_says_what_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows(5_000);
    for at in [0, 1_024, 50_000, 150_001] {
        let sorter = sorter(64 << 10, folder.path(), &rows);
        let path = spilt_file(folder.path()).unwrap();
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
        drop(file);
        let error = match sorter.finish() {
            Err(error) => error,
            Ok(mut sorted) => {
                let error = sorted.find_map(Result::err).unwrap();
                assert!(sorted.next().is_none());
                error
            }
        };
        let words = format!("cannot use the rows that wait in {}", folder.path().display());
        assert!(error.to_string().starts_with(&words), "{at}: {error}");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let mut sorter = Sorter::new(1, Path::new("/nonexistent/rows"));
    sorter.push(b"a", b"1").unwrap();
    let error = sorter.push(b"b", b"2").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("/nonexistent/rows"), "{error}");
}
