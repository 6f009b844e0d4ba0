#![no_main]
//! Any bytes as a journal: no more entries than fit, each is told once, and the summary says if some are missing.

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use phi_ir::records::journal::{Journal, audit_line, said};

/// The smallest entry, in bytes.
const ENTRY: u64 = 64;

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    let Ok(mut journal) = Journal::open(bytes, size) else { return };
    let (mut entries, mut offsets, mut given) = (0, HashSet::new(), 0);
    let summary = journal.for_each(&mut |entry| {
        entries += 1;
        assert!(offsets.insert(entry.offset), "{} twice", entry.offset);
        let fields: usize = entry.fields().map(|(name, value)| name.len() + value.len()).sum();
        assert!(fields <= 32 << 20);
        given += fields as u64;
        let _ = (entry.time(), said(&entry, 0));
        assert!(audit_line(&entry).is_none_or(|line| !line.contains(&b'\n')));
    });
    assert_eq!(entries, summary.entries);
    assert!(entries <= size / ENTRY * 2, "{entries} entries of {size} bytes");
    assert!(given <= 128 * size + (256 << 20), "{given} bytes of {size}");
    let _ = summary.shortcomings();
});
