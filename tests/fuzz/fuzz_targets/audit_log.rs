#![no_main]
//! Any bytes as an audit log, whatever the pieces they come in: the same is learnt of it; and what is said of its recording is
//! the same in any order of the files. What one half of them has beyond the other is no more than it has.

use libfuzzer_sys::fuzz_target;
use phi_ir::clock::Timestamp;
use phi_ir::records::audit_log::witnesses::{Stands, Witnesses};
use phi_ir::records::audit_log::{Summary, events_of, record};
use phi_ir::view::recording::{Log, Recording};

fn summary(bytes: &[u8], piece: usize) -> Summary {
    let mut summary = Summary::default();
    bytes.chunks(piece).for_each(|bytes| summary.piece(bytes));
    summary.end();
    summary
}

/// A journal that has these lines, beside a log that has those.
fn compared(journal: &[u8], log: &[u8]) {
    let of = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (journal, log) = (of(journal), of(log));
    let mut both = Witnesses::default();
    journal.iter().for_each(|line| both.journal(line));
    both.end_journals();
    log.iter().for_each(|line| both.log(line));
    let may_lack = both.end_logs();
    let mut alone = 0;
    for line in &journal {
        let stands = both.again(line).map(|(_, stands)| stands);
        assert_eq!(stands, both.stands_line(line));
        let is_alone = stands.is_some_and(|stands| stands != Stands::InBoth);
        assert!(!is_alone || may_lack && !log.contains(line));
        alone += u64::from(is_alone);
    }
    both.end();
    assert!(both.within.events() + both.beyond.events() + both.doubtful.events() <= alone);
}

fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(record) = record(line) {
            let _ = (record.keys(), record.number("pid"), record.text("name"), record.raw("msg"));
        }
    }
    let whole = summary(bytes, 4096);
    assert_eq!(format!("{whole:?}"), format!("{:?}", summary(bytes, 7)));
    let _ = events_of(bytes, 1);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    compared(first, second);
    compared(bytes, bytes);
    compared(bytes, second);
    let parts = [summary(first, 4096), summary(second, 4096)];
    let window = (Timestamp::from_unix(1_000, 0), Timestamp::from_unix(4_000_000_000, 0));
    for logs in [&parts[..], std::slice::from_ref(&whole)] {
        let files = logs.iter().map(|summary| Log { summary, number: None, whole: true });
        let recording = Recording::of(window, None, files, 0);
        let of_rule = [None, Some(1)].map(|loaded| recording.lapses_of_rule(b"phi", loaded));
        for lapse in recording.lapses().into_iter().chain(of_rule.into_iter().flatten()) {
            assert!(window.0 <= lapse.from && lapse.from <= lapse.to && lapse.to <= window.1);
        }
    }
});
