#![no_main]
//! Any bytes as a journal: no more entries than fit, each is told once, and the summary says if some are missing. And as one
//! that passes into the seal: the pieces do not decide what it says, and what is kept of it (`journal_log`) is what it said.

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use phi_ir::records::audit_log::Asked;
use phi_ir::records::journal::{Journal, Passing, audit_line, said};
use phi_ir::records::journal_log::Looker;

/// The smallest entry, in bytes.
const ENTRY: u64 = 64;

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    passes(bytes);
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

fn passes(bytes: &[u8]) {
    let heard = |piece: usize| {
        let (mut passing, mut heard) = (Passing::default(), Vec::new());
        let mut take = |entry: phi_ir::records::journal::Entry<'_>| heard.extend(said(&entry, 0));
        bytes.chunks(piece).for_each(|bytes| passing.piece(bytes, &mut take));
        let seen = passing.end();
        assert!(seen.entries <= bytes.len() as u64 / ENTRY);
        (heard, seen)
    };
    let (whole, seen) = heard(bytes.len().max(1));
    let (apart, same) = heard(61);
    assert_eq!(seen, same);
    assert!(whole == apart, "the pieces decide what it says");
    let mut looker = Looker::within(1 << 20, Asked::default(), Some(Box::new(|_, _| true)));
    bytes.chunks(4096).for_each(|bytes| looker.piece(bytes));
    let (summary, mut kept) = (looker.end(), Vec::new());
    summary.said(0, &mut |said| kept.push(said));
    assert!(summary.left() > 0 || kept == whole, "what is kept is not what it said");
}
