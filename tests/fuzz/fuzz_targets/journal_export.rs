#![no_main]
//! Any bytes as a journal that was exported, whatever the pieces they come in: the same entries.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::journal::{audit_line, said};
use phi_ir::records::journal_export::{ExportSummary, Exported};

const LONGEST: usize = 64 << 10;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn read(bytes: &[u8], piece: usize) -> (Vec<(u64, u64, Fields)>, ExportSummary) {
    let (mut exported, mut entries) = (Exported::default(), Vec::new());
    let mut each = |entry: phi_ir::records::journal::Entry<'_>| {
        let fields = entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let _ = said(&entry, 0);
        assert!(audit_line(&entry).is_none_or(|line| !line.contains(&b'\n')));
        entries.push((entry.offset, entry.realtime, fields));
    };
    bytes.chunks(piece).for_each(|piece| exported.push(piece, &mut each));
    let summary = exported.end(&mut each);
    (entries, summary)
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let (entries, summary) = read(bytes, bytes.len().max(1));
    for piece in [1, 7, 4096] {
        let (apart, of_pieces) = read(bytes, piece);
        assert!(entries == apart, "pieces of {piece} give other entries");
        assert_eq!(format!("{summary:?}"), format!("{of_pieces:?}"));
    }
    assert_eq!(entries.len() as u64, summary.entries);
    let given: usize =
        entries.iter().flat_map(|(_, _, fields)| fields).map(|(name, value)| name.len() + value.len()).sum();
    assert!(given <= bytes.len(), "{given} of {}", bytes.len());
});
