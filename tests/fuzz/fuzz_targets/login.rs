#![no_main]
//! Any bytes as utmp, lastlog and faillock: never more records than fit.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::{faillock, lastlog, layout, utmp};

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    let _ = utmp::Layout::detect(&[(0, bytes)], size, 1 << 31);
    for layout in utmp::Layout::ALL {
        let mut judge = utmp::Judge::new(layout, utmp::Sort::Wtmp, 1 << 31);
        let mut rows = 0;
        let mut each = |item: utmp::Item<'_>| match item {
            utmp::Item::Zeros { count, .. } => rows += count,
            utmp::Item::Record { record, .. } => {
                let _ = record.address_text();
                rows += 1;
            }
        };
        // In pieces that do not end with records.
        for piece in bytes.chunks(1009) {
            judge.feed(piece, &mut each);
        }
        judge.finish(&mut each);
        assert_eq!(rows, size / layout.length() as u64);
    }
    for sort in [lastlog::Sort::Lastlog, lastlog::Sort::Tallylog, lastlog::Sort::Faillog] {
        let _ = lastlog::Layout::detect(sort, &[(0, bytes), (1 << 40, bytes)], u64::MAX, 1 << 31);
    }
    let _ = faillock::detect(bytes, 1 << 31);
    for order in layout::Order::BOTH {
        assert!(faillock::records(order, bytes).count() <= bytes.len() / faillock::LENGTH);
    }
});
