#![no_main]
//! Any bytes as the files of a wtmp, in each layout, and as a database of it: each login that is no copy is one session, and none ends before
//! there is one.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::login_pairing::{Ended, LoginRecord, PairedLogin, Pairing, USER};
use phi_ir::records::sqlite::{Database, Tally};
use phi_ir::records::utmp::{Item, Judge, Layout, Sort};

const NOW: i64 = 1 << 31;

fuzz_target!(|bytes: &[u8]| {
    let half = bytes.split_at(bytes.len() / 2);
    for layout in Layout::ALL {
        files(layout, &[bytes]);
        files(layout, &[half.0, half.1]);
    }
    database(bytes);
});

fn told(session: &PairedLogin) {
    assert!(session.ended != Ended::OpenAtEndOfLog || session.end.is_none());
    assert!(session.ended != Ended::Logout || session.end_place.is_some());
}

fn files(layout: Layout, files: &[&[u8]]) {
    let (mut pairing, mut users, mut sessions) = (Pairing::default(), 0, 0);
    for (number, bytes) in files.iter().enumerate() {
        let mut judge = Judge::new(layout, Sort::Wtmp, NOW);
        let mut each = |item: Item<'_>| {
            users += u64::from(matches!(&item, Item::Record { record, .. } if record.kind == USER));
            pairing.item(&item, number as u32, &mut |_| sessions += 1);
        };
        bytes.chunks(1009).for_each(|piece| judge.feed(piece, &mut each));
        judge.finish(&mut each);
    }
    let found = pairing.end(&mut |_| sessions += 1);
    assert!(sessions <= users && users <= sessions + found.copies, "{found:?}");
    assert!(found.signs.len() <= 10_000);
}

fn database(bytes: &[u8]) {
    let Ok(database) = Database::open(bytes, None) else { return };
    let Ok(table) = database.table("wtmp") else { return };
    let (mut pairing, mut users, mut sessions) = (Pairing::default(), 0, 0);
    let mut each = |session: PairedLogin| {
        told(&session);
        sessions += 1;
    };
    database.rows(table.root, &mut Tally::default(), &mut |row| {
        let record = LoginRecord::of_row(&database, &table, &row, 0);
        users += u64::from(record.kind == USER);
        pairing.record(record, &mut each);
    });
    pairing.end(&mut each);
    assert_eq!(sessions, users);
}
