#![no_main]
//! Any bytes as a database, and those from the first header of a log on as its log.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::sqlite::{Database, Tally};

fuzz_target!(|bytes: &[u8]| {
    let log = bytes.windows(4).position(|four| matches!(four, [0x37, 0x7f, 6, 0x82 | 0x83]));
    let (main, wal) = bytes.split_at(log.unwrap_or(bytes.len()));
    let Ok(database) = Database::open(main, Some(wal)) else { return };
    let mut roots = vec![1];
    for name in ["wtmp", "Lastlog2"] {
        roots.extend(database.table(name).map(|table| table.root));
    }
    for root in roots {
        let mut tally = Tally::default();
        database.rows(root, &mut tally, &mut |row| {
            let _ = database.has(root, row.id, row.payload);
        });
        assert!(tally.rows <= bytes.len() as u64);
    }
});
