use super::*;

fn read(files: &[&[u8]]) -> (Vec<Event>, Counts, Vec<FileRead>) {
    let mut events = Vec::new();
    let mut reading = Reading::new(|_: &[u8], _: &[u8]| true);
    let mut told = Vec::new();
    for (file, text) in (0..).zip(files) {
        reading.begin(file);
        text.chunks(1_000).for_each(|piece| reading.piece(piece, &mut |event| events.push(event)));
        told.push(reading.end_file(&mut |event| events.push(event)));
    }
    let counts = reading.finish(&mut |event| events.push(event));
    (events, counts, told)
}

/// #148 of linux-audit/audit-userspace: a call that took long. Written from documentation, as all lines here.
const SLOW: &str = "type=SYSCALL msg=audit(100.000:7): arch=c000003e syscall=257 success=yes items=1 pid=1 key=\"phi\"\n\
    type=USER_CMD msg=audit(103.300:8): pid=2 msg='cmd=\"x\" res=success'\n\
    type=CWD msg=audit(100.000:7): cwd=\"/\"\n\
    type=PATH msg=audit(100.000:7): item=0 name=\"/x\" inode=5 nametype=NORMAL\n\
    type=PROCTITLE msg=audit(100.000:7): proctitle=\"cat\"\n";

#[test]
fn a_slow_call_is_one_event() {
    let (events, counts, told) = read(&[SLOW.as_bytes()]);
    assert_eq!(events.iter().map(|event| event.records().count()).collect::<Vec<_>>(), [4, 1]);
    assert_eq!((counts.events, counts.records, counts.late), (2, 5, 0));
    assert!(events.iter().all(|event| event.shortfalls.is_empty() && !event.late));
    assert_eq!((told[0].lines, told[0].first.unwrap().unix(), told[0].last.unwrap().unix()), (5, 100, 103));
}
