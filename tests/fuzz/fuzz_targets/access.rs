#![no_main]
//! Any bytes as an audit log, and who accessed which file by it: each event is in one row, or counted; memory is bounded.

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use phi_ir::records::audit_event::items::FileId;
use phi_ir::records::audit_event::{Event, Reading};
use phi_ir::view::access::{Access, Question};
use phi_ir::view::logins::Logins;

const LONGEST: usize = 64 << 10;

fn question(gap: u64) -> Question {
    let gap = Duration::from_secs(gap);
    Question { gap, ..Question::of(vec![b"/var/phi".to_vec(), b"/srv".to_vec()], vec![b"phi".to_vec()]) }
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    for gap in [0, 60] {
        let mut access = Access::new(question(gap), &[]);
        access.know(FileId { system: 0, major: 8, minor: 1, inode: 7 }, b"/var/phi/a", 1);
        let (mut reading, mut events) = (Reading::new(access.sieve()), Vec::<Event>::new());
        reading.piece(bytes, &mut |event| events.push(event));
        let read = reading.end_file(&mut |event| events.push(event));
        reading.finish(&mut |event| events.push(event));
        let (mut rows, mut accesses) = (0, 0);
        let mut each = |count: u64| {
            rows += 1;
            accesses += count;
        };
        for event in &events {
            access.take(event, &mut |row| each(row.count));
            assert!(access.weight() < 24 << 20, "{}", access.weight());
        }
        let counted = access.finish(&mut |row| each(row.count));
        assert_eq!((accesses, rows), (counted.totals.classified, counted.totals.rows));
        assert!(counted.totals.events == events.len() as u64 && counted.totals.events <= read.records);
        // Of some files nothing is counted but where they went.
        assert!(counted.files().count() as u64 >= counted.totals.files);
    }
    logins(bytes);
});

fn logins(bytes: &[u8]) {
    let (mut reading, mut logins) = (Reading::new(|_: &[u8], _: &[u8]| true), Logins::default());
    reading.piece(bytes, &mut |event| logins.audit(&event));
    reading.end_file(&mut |event| logins.audit(&event));
    reading.finish(&mut |event| logins.audit(&event));
}
