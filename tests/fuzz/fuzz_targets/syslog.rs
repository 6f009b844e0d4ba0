#![no_main]
//! Any bytes as a log of text lines, in any zone, of any year; and as the zone itself: each record is counted once, and a time that
//! a zone places is the one that it shows.

use libfuzzer_sys::fuzz_target;
use phi_ir::clock::Timestamp;
use phi_ir::records::addresses;
use phi_ir::records::audit_event::Place;
use phi_ir::records::auth_text::{maybe_secret, understand};
use phi_ir::records::kept_lines::KeptLines;
use phi_ir::records::syslog::{Anchor, Notes, Reader, Survey, Years};
use phi_ir::records::tzif::{Placed, Zone};

const LONGEST: usize = 64 << 10;
const BERLIN: &[u8] = include_bytes!("../../../fixtures/auth/zone-berlin");
const NEW_YORK: &[u8] = include_bytes!("../../../fixtures/auth/zone-new-york");

/// Sends each line, and says how many things were said; also that none stands beyond the end.
fn read(bytes: &[u8], years: Years, zone: &Zone) -> (u64, Notes) {
    let (mut reader, mut said, mut offset) = (Reader::new(years, zone.clone()), 0, 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        reader.line(line, Place { file: 0, offset }, &mut |what| {
            said += 1;
            assert!(what.place.offset <= bytes.len() as u64);
            assert!(what.message_bytes_are_few(line.len()));
        });
        offset += line.len() as u64 + 1;
    }
    (said, reader.end())
}

trait Few {
    fn message_bytes_are_few(&self, of: usize) -> bool;
}

impl Few for phi_ir::records::auth_text::Said {
    /// Nothing is said that is much longer than the line; a line that repeats the one above may be shorter than it.
    fn message_bytes_are_few(&self, of: usize) -> bool {
        self.times > 1 || self.tag.len() + self.host.len() <= of + 64
    }
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let zones = [Some(Zone::utc()), Zone::parse(BERLIN), Zone::parse(NEW_YORK), Zone::parse(bytes)];
    let mut survey = Survey::default();
    let mut offset = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        survey.line(line, offset);
        offset += line.len() as u64 + 1;
    }
    let written = Timestamp::from_unix(1_795_292_388, 0);
    for zone in zones.iter().flatten() {
        for local in [0, 1_774_749_600, 1_792_893_600, 1_795_292_388, 4_102_444_800, -4_102_444_800] {
            match zone.place(local) {
                Placed::Once(time) => assert_eq!(time + i64::from(zone.offset(time)), local, "{zone:?}"),
                Placed::Twice(first, second) => assert!(first <= second, "{zone:?}"),
                Placed::Never(_) => {}
            }
        }
        for anchor in [Anchor::default(), Anchor { modified: Some(written), ..Anchor::default() }] {
            let (said, notes) = read(bytes, survey.years(&anchor, zone), zone);
            let others: u64 = notes.others.top(usize::MAX).iter().map(|(_, times)| times).sum();
            let all = notes.said + others + notes.others.beyond + notes.continued + notes.unparsed;
            assert!(all <= notes.records && notes.said <= said, "{notes:?} and {said}");
        }
    }
    kept(bytes);
    if let Some(address) = addresses::read(bytes) {
        assert!(addresses::same(bytes, address.to_string().as_bytes()), "{address}");
    }
    let (tag, message) = bytes.split_at(bytes.len().min(8));
    let _ = (understand(tag, message), maybe_secret(message, &|_| false));
    for program in
        ["sshd", "sudo", "su", "doas", "pkexec", "login", "systemd-logind", "CRON", "useradd", "passwd"]
    {
        let _ = understand(program.as_bytes(), bytes);
    }
});

/// Lines that are kept come back as they were, in their order.
fn kept(bytes: &[u8]) {
    let mut kept = KeptLines::within(LONGEST);
    bytes.split(|byte| *byte == b'\n').zip(0..).for_each(|(line, at)| kept.push(at, line));
    kept.close();
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(0_u64..);
    let mut count = 0;
    kept.replay(&mut |at, line| {
        assert_eq!(lines.next(), Some((line, at)));
        count += 1;
    });
    assert_eq!((count, lines.count() as u64), (kept.lines, kept.left));
}
