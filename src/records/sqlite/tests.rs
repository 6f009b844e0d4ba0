//! Databases that SQLite itself made; fixtures/README.md says how.

use super::*;
use crate::records::mishaps::Mishaps;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/logins/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Id, user, host, time of login, and whether it stands in the log.
type Seen = (i64, String, String, i64, bool);

fn rows(database: &Database<'_>, name: &'static str) -> (Vec<Seen>, Tally) {
    let table = database.table(name).unwrap();
    let mut seen = Vec::new();
    let mut tally = Tally::default();
    database.rows(table.root, &mut tally, &mut |row| {
        let text = |column| match table.get(row.id, &row.values, column) {
            Value::Text(bytes) => String::from_utf8(database.text(bytes).into_owned()).unwrap(),
            other => format!("{other:?}"),
        };
        let login = table.get(row.id, &row.values, "login").integer().unwrap_or(-1);
        seen.push((row.id, text("user"), text("remotehost"), login, row.logged));
    });
    (seen, tally)
}

#[test]
fn every_page_size_and_encoding_and_rows_longer_than_a_page() {
    let files = [
        ("wtmpdb-512-utf-8.db", 300),
        ("wtmpdb-4096-utf-16le.db", 60),
        ("wtmpdb-1024-utf-16be.db", 60),
        ("wtmpdb-65536-utf-8.db", 60),
    ];
    for (name, count) in files {
        let bytes = fixture(name);
        let database = Database::open(&bytes, None).unwrap();
        let (seen, tally) = rows(&database, "wtmp");
        assert_eq!(tally, Tally { rows: count + 1, ..Tally::default() }, "{name}");
        assert_eq!(seen[0], (1, "user1".into(), "198.51.100.1".into(), 1_790_000_000_000_001, false));
        assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let last = seen.last().unwrap();
        assert_eq!((last.1.chars().count(), last.2.len()), (5009, 3000), "{name}");
        assert!(last.1.starts_with("überlang-"));
    }
}

#[test]
fn what_a_log_adds_changes_and_takes_away_is_seen() {
    let (main, wal) = (fixture("wtmpdb-open.db"), fixture("wtmpdb-open.db-wal"));
    let merged = Database::open(&main, Some(&wal)).unwrap();
    let log = merged.wal().unwrap();
    assert_eq!((log.committed, log.uncommitted, log.stale), (3, 0, 0));
    let (seen, _) = rows(&merged, "wtmp");
    assert_eq!(seen.len(), 40);
    assert!(seen.iter().any(|row| row.0 == 41 && row.1 == "mallory" && row.4));
    assert!(!seen.iter().any(|row| row.0 == 20));
    let before = merged.without_wal().unwrap();
    let (old, _) = rows(&before, "wtmp");
    assert_eq!(old.len(), 40);
    let table = merged.table("wtmp").unwrap();
    let found = |id| merged.has(table.root, id, b"other");
    assert_eq!((found(20), found(41), found(1)), (None, Some(false), Some(false)));
    merged.rows(table.root, &mut Tally::default(), &mut |row| {
        assert_eq!(merged.has(table.root, row.id, row.payload), Some(true), "{}", row.id);
        let same = before.has(table.root, row.id, row.payload);
        assert_eq!(
            same,
            match row.id {
                41 => None,
                40 => Some(false),
                _ => Some(true),
            }
        );
    });
    // The last frame damaged: its transaction does not count. Half a frame is none.
    let mut torn = wal.clone();
    *torn.last_mut().unwrap() ^= 1;
    let database = Database::open(&main, Some(&torn)).unwrap();
    assert_eq!(database.wal().map(|wal| (wal.committed, wal.stale)), Some((2, 1)));
    assert!(!rows(&database, "wtmp").0.iter().any(|row| row.1 == "mallory"));
    let database = Database::open(&main, Some(&wal[..wal.len() - 1])).unwrap();
    assert_eq!(database.wal().map(|wal| wal.committed), Some(2));
    // Without a commit mark, and with good sums, frames are of an unfinished transaction: the first frame alone.
    assert!(Database::open(&main, Some(&wal[..40])).unwrap().wal().is_some_and(|wal| wal.committed == 0));
    assert!(Database::open(&main, Some(b"no log")).unwrap().wal().is_none());
}

#[test]
fn mutations_and_truncations_end_and_give_no_more_rows_than_fit() {
    for (name, wal) in [("wtmpdb-512-utf-8.db", None), ("wtmpdb-open.db", Some("wtmpdb-open.db-wal"))] {
        let (good, log) = (fixture(name), wal.map(fixture));
        // Some of it where pages begin: kinds, counts, and pointers.
        Mishaps::of(&good).rounds(150).heads(512, 24).each(|bytes| {
            let Ok(database) = Database::open(bytes, log.as_deref()) else { return };
            let Ok(table) = database.table("wtmp") else { return };
            let mut tally = Tally::default();
            database.rows(table.root, &mut tally, &mut |row| {
                let _ = database.has(table.root, row.id, row.payload);
            });
            assert!(tally.rows <= (bytes.len() + log.as_ref().map_or(0, Vec::len)) as u64 / 2);
        });
    }
}

#[test]
fn pages_that_point_at_each_other_are_visited_once() {
    let mut bytes = fixture("wtmpdb-512-utf-8.db");
    let root = Database::open(&bytes, None).unwrap().table("wtmp").unwrap().root;
    let at = (root as usize - 1) * 512;
    assert_eq!(bytes[at], 5, "the root is an interior page");
    let first = u16::from_be_bytes([bytes[at + 12], bytes[at + 13]]) as usize;
    bytes[at + first..at + first + 4].copy_from_slice(&root.to_be_bytes());
    bytes[at + 8..at + 12].copy_from_slice(&root.to_be_bytes());
    let database = Database::open(&bytes, None).unwrap();
    let mut tally = Tally::default();
    database.rows(root, &mut tally, &mut |_| ());
    assert!(tally.bad_pages >= 2 && tally.rows > 0, "{tally:?}");
}
