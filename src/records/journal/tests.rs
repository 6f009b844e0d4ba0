//! Journals that systemd wrote (fixtures/journal), and some that are built here, because systemd writes no spoilt ones
//! and this version of it neither packs by xz nor by lz4.

use super::*;
use crate::clock::Timestamp;
use crate::records::journal_export::Exported;
use crate::records::mishaps::Mishaps;
use crate::records::unpack::Unpacker;
use crate::records::unpack::payload::Packing;
use crate::records::unpack::payload::tests::{ALL, text};

mod damage;
mod not_kept;
mod passing;
mod sequences;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What is looked at of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    seqnum: Option<u64>,
    realtime: u64,
    fields: Fields,
    listed: bool,
    edited: bool,
}

fn fields(entry: &Entry<'_>) -> Fields {
    let mut fields: Fields = entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    fields.sort();
    fields
}

fn read(bytes: &[u8]) -> (Vec<Told>, Summary) {
    let mut told = Vec::new();
    let summary = Journal::open(bytes, bytes.len() as u64).unwrap().for_each(&mut |entry| {
        let Entry { seqnum, realtime, listed, edited, .. } = entry;
        told.push(Told { seqnum, realtime, fields: fields(&entry), listed, edited });
    });
    assert_eq!(summary.entries, told.len() as u64);
    (told, summary)
}

/// A journal as systemd lays it out, without the tables of hashes, which are not read.
struct Builder {
    bytes: Vec<u8>,
    compact: bool,
    keyed: bool,
    values: Vec<(Vec<u8>, u64)>,
    entries: Vec<u64>,
    tail: usize,
}

const ID: [u8; 16] = *b"0123456789abcdef";

impl Builder {
    fn new(compact: bool, keyed: bool) -> Builder {
        Builder { bytes: vec![0; LENGTH], compact, keyed, values: Vec::new(), entries: Vec::new(), tail: 0 }
    }

    fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.tail = self.bytes.len();
        self.bytes.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend((body.len() as u64 + 16).to_le_bytes());
        self.bytes.extend(body);
        self.tail as u64
    }

    fn hash(&self, value: &[u8]) -> u64 {
        if self.keyed { hash::siphash(&ID, value) } else { hash::jenkins(value) }
    }

    /// A value that is kept as `stored`.
    fn packed(&mut self, value: &[u8], flags: u8, stored: &[u8]) -> u64 {
        if let Some((_, offset)) = self.values.iter().find(|(known, _)| known == value) {
            return *offset;
        }
        let rest = vec![0; if self.compact { 48 } else { 40 }];
        let body = [&self.hash(value).to_le_bytes()[..], &rest, stored].concat();
        let offset = self.object(1, flags, &body);
        self.values.push((value.to_vec(), offset));
        offset
    }

    fn value(&mut self, value: &[u8]) -> u64 {
        self.packed(value, 0, value)
    }

    fn item(&self, offset: u64) -> Vec<u8> {
        if self.compact { (offset as u32).to_le_bytes().to_vec() } else { offset.to_le_bytes().to_vec() }
    }

    /// An entry of these values, at these offsets.
    fn entry(&mut self, values: &[(&[u8], u64)]) {
        let number = self.entries.len() as u64 + 1;
        let hash = values.iter().fold(0, |all, (value, _)| all ^ hash::jenkins(value));
        let head = [number, 1_795_292_388_000_000 + number, number];
        let mut body: Vec<u8> = head.into_iter().flat_map(u64::to_le_bytes).collect();
        body.extend(ID);
        body.extend(hash.to_le_bytes());
        for (value, offset) in values {
            body.extend(self.item(*offset));
            if !self.compact {
                body.extend(self.hash(value).to_le_bytes());
            }
        }
        let offset = self.object(3, 0, &body);
        self.entries.push(offset);
    }

    fn plain(&mut self, values: &[&[u8]]) {
        let places: Vec<(&[u8], u64)> = values.iter().map(|value| (*value, self.value(value))).collect();
        self.entry(&places);
    }

    /// The list in arrays of four, and the header.
    fn finish(mut self) -> Vec<u8> {
        let entries = self.entries.clone();
        let begin = self.bytes.len().next_multiple_of(8) as u64;
        let size = (24 + 4 * self.item(0).len() as u64).next_multiple_of(8);
        let mut next = begin;
        for four in entries.chunks(4) {
            next += size;
            let more = if four.last() == entries.last() { 0 } else { next };
            let mut body = more.to_le_bytes().to_vec();
            four.iter().for_each(|offset| body.extend(self.item(*offset)));
            body.resize(size as usize - 16, 0);
            self.object(6, 0, &body);
        }
        let length = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(length, 0);
        let objects = self.values.len() + entries.len() + entries.len().div_ceil(4);
        let incompatible = 11 | u32::from(self.keyed) << 2 | u32::from(self.compact) << 4;
        let mut put = |at: usize, bytes: &[u8]| self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"LPKSHHRH");
        put(12, &incompatible.to_le_bytes());
        put(24, &ID);
        for (at, number) in [
            (88, LENGTH as u64),
            (96, (length - LENGTH) as u64),
            (136, self.tail as u64),
            (144, objects as u64),
            (152, entries.len() as u64),
            (160, entries.len() as u64),
            (168, 1),
            (176, begin),
        ] {
            put(at, &number.to_le_bytes());
        }
        self.bytes
    }
}

/// Twenty entries of three values, one of which all have.
fn twenty(compact: bool, keyed: bool) -> Vec<u8> {
    let mut builder = Builder::new(compact, keyed);
    for number in 0..20 {
        let message = format!("MESSAGE=Accepted password for nurse{number:02}");
        builder.plain(&[b"SYSLOG_IDENTIFIER=sshd", message.as_bytes(), format!("N={number}").as_bytes()]);
    }
    builder.finish()
}

fn put(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

fn number(bytes: &[u8], at: usize) -> u64 {
    object::number(bytes, at).unwrap()
}

fn place(bytes: &[u8], words: &[u8]) -> usize {
    memchr::memmem::find(bytes, words).unwrap()
}

/// First and last of each run.
fn numbered(numbers: &Runs) -> Vec<(u64, u64)> {
    numbers.runs.iter().map(|run| (run.first, run.last)).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    let packed = std::fs::read(format!("{}/fixtures/journal/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (mut unpacker, mut bytes) = (Unpacker::default(), Vec::new());
    unpacker.piece(&packed, &mut |piece| bytes.extend_from_slice(piece));
    assert_eq!(unpacker.end(&mut |piece| bytes.extend_from_slice(piece)).1, None);
    bytes
}

#[test]
fn what_systemd_wrote_is_what_was_given_to_it() {
    let mut given = Vec::new();
    let mut exported = Exported::default();
    exported.push(&fixture("entries.export"), &mut |entry| given.push((entry.realtime, fields(&entry))));
    assert_eq!(given.len(), 12);
    for (name, flags) in [("compact.journal.gz", 28), ("regular.journal.gz", 8)] {
        let bytes = fixture(name);
        assert_eq!(Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap().header.incompatible, flags);
        let (told, summary) = read(&bytes);
        assert_eq!(summary.shortcomings(), [], "{name}: {summary:#?}");
        let told: Vec<_> = told.into_iter().map(|told| (told.realtime, told.fields)).collect();
        assert_eq!(told, given, "{name}");
        assert_eq!(numbered(&summary.numbers), [(1, 12)]);
        assert_eq!(summary.clock.back, 0);
        assert_eq!(
            (summary.list.given, summary.list.disordered, summary.tags, summary.sealed),
            (12, 0, 0, false)
        );
        assert_eq!(summary.span.unwrap().0, Timestamp::from_unix(1_795_292_388, 0));
        let [started] = summary.notes.notes.as_slice() else { panic!("{:?}", summary.notes) };
        assert_eq!((started.kind, started.seqnum, started.trusted), (NoteKind::Started, Some(1), true));
    }
}

#[test]
fn a_login_and_an_audit_record_become_what_the_text_logs_have_of_them() {
    let bytes = fixture("compact.journal.gz");
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap().for_each(&mut |entry| {
        all.extend(said(&entry, 3));
        lines.extend(audit_line(&entry));
    });
    assert_eq!(lines.len(), 1);
    let opened =
        all.iter().find(|said| said.witness.as_ref().is_some_and(|seen| seen.session.is_some())).unwrap();
    assert_eq!(
        (opened.tag.as_slice(), opened.pid, opened.host.as_slice()),
        (&b"sshd"[..], Some(4711), &b"clinic-db1"[..])
    );
    let witness = opened.witness.as_ref().unwrap();
    assert_eq!(
        (witness.uid, witness.session, witness.exe.as_slice()),
        (Some(0), Some(12), &b"/usr/sbin/sshd"[..])
    );
    assert_eq!((opened.place.file, opened.place.offset % 8), (3, 0));
    let line = b"type=USER_START msg=audit(1795292391.007:2021): pid=4711 uid=0 auid=1001 ses=12 msg='op=PAM:session_open ";
    assert!(lines[0].starts_with(line), "{}", String::from_utf8_lossy(&lines[0]));
    let record = crate::records::audit_log::record(&lines[0]).unwrap();
    assert_eq!(
        (record.kind, record.id.serial, record.number("auid")),
        (&b"USER_START"[..], 2021, Some(1001))
    );
}

#[test]
fn an_audit_line_is_never_more_than_one_record() {
    let line = |more: &[&[u8]]| {
        let mut builder = Builder::new(false, true);
        let head: [&[u8]; 3] =
            [b"_TRANSPORT=audit", b"_AUDIT_ID=7", b"_SOURCE_REALTIME_TIMESTAMP=1000020999"];
        builder.plain(&[&head, more].concat());
        let (bytes, mut lines) = (builder.finish(), Vec::new());
        Journal::open(bytes.as_slice(), bytes.len() as u64)
            .unwrap()
            .for_each(&mut |entry| lines.push(audit_line(&entry)));
        lines.remove(0)
    };
    let old = line(&[b"MESSAGE=SYSCALL arch=c000003e syscall=2"]).unwrap();
    assert_eq!(old, b"type=SYSCALL msg=audit(1000.020:7): arch=c000003e syscall=2");
    let new = line(&[b"_AUDIT_TYPE=1420", b"_AUDIT_TYPE_NAME=AUDIT1420", b"MESSAGE=AUDIT1420 a=b"]).unwrap();
    assert_eq!(new, b"type=UNKNOWN[1420] msg=audit(1000.020:7): a=b");
    assert_eq!(line(&[b"MESSAGE=SYSCALL a=b\ntype=SYSCALL msg=audit(1.0:8): auid=0"]), None);
    assert_eq!(line(&[b"_AUDIT_TYPE_NAME=A B", b"MESSAGE=A B c=d"]), None);
}

#[test]
fn seals_are_counted_and_how_far_they_reach() {
    let mut builder = Builder::new(true, true);
    builder.plain(&[b"A=1"]);
    builder.object(7, 0, &[0; 48]);
    builder.plain(&[b"A=2"]);
    let mut bytes = builder.finish();
    bytes[8] = 1;
    let objects = number(&bytes, 144);
    assert_eq!(read(&bytes).1.shortcomings(), [Shortcoming::Counts]);
    put(&mut bytes, 144, objects + 1);
    let (_, summary) = read(&bytes);
    assert_eq!((summary.sealed, summary.tags, summary.is_whole()), (true, 1, true));
    assert_eq!(summary.sealed_until, Some(Timestamp::from_unix(1_795_292_388, 1000)));
}

#[test]
fn what_the_journal_says_of_itself_is_noted_with_who_said_it() {
    let mut builder = Builder::new(true, true);
    let own: &[u8] = b"SYSLOG_IDENTIFIER=systemd-journald";
    let dropped = b"MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";
    builder.plain(&[
        own,
        b"_TRANSPORT=driver",
        dropped,
        b"N_DROPPED=12",
        b"MESSAGE=Suppressed 12 messages from a",
    ]);
    builder.plain(&[
        own,
        b"_UID=1001",
        b"MESSAGE=Vacuuming done, freed 8.0M of archived journals from /var/log",
    ]);
    builder.plain(&[
        own,
        b"_UID=0",
        b"MESSAGE=File x corrupted or uncleanly shut down, renaming and replacing.",
    ]);
    builder.plain(&[b"SYSLOG_IDENTIFIER=x", b"MESSAGE=Missed 3 kernel messages"]);
    builder.plain(&[b"_UID=0", b"MESSAGE_ID=c7a787079b354eaaa9e77b371893cd27", b"MESSAGE=Time change"]);
    let notes = read(&builder.finish()).1.notes.notes;
    let told: Vec<_> = notes.iter().map(|note| (note.kind, note.dropped, note.trusted)).collect();
    let expected = [
        (NoteKind::Suppressed, Some(12), true),
        (NoteKind::Vacuumed, None, false),
        (NoteKind::Replaced, None, true),
        (NoteKind::TimeChanged, None, true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_layout_and_every_packing_gives_the_same() {
    for (compact, keyed) in [(false, false), (false, true), (true, false), (true, true)] {
        let (told, summary) = read(&twenty(compact, keyed));
        assert_eq!(summary.shortcomings(), [], "{summary:#?}");
        assert_eq!((told.len(), told[19].seqnum, told[19].fields.len()), (20, Some(20), 3));
        assert!(told.iter().all(|told| told.listed && !told.edited));
        for (packing, bytes) in ALL {
            let flags = [Packing::Xz, Packing::Lz4, Packing::Zstd]
                .iter()
                .position(|known| *known == packing)
                .unwrap();
            let mut builder = Builder::new(compact, keyed);
            let offset = builder.packed(&text(), 1 << flags, bytes);
            builder.entry(&[(&text(), offset)]);
            let (told, summary) = read(&builder.finish());
            assert_eq!(summary.shortcomings(), [], "{packing:?}");
            assert_eq!(told[0].fields, [(b"TEXT".to_vec(), text()[5..].to_vec())]);
        }
    }
}

#[test]
fn what_unpacks_to_much_more_than_the_file_is_given_up_in_time() {
    let mut builder = Builder::new(true, false);
    let bounds = Bounds { value: 64 << 10, entry: 128 << 10, kept: 32 << 10, work: 1 << 20 };
    let value = [b"A=", vec![b'x'; bounds.value - 2].as_slice()].concat();
    let stored = [&(value.len() as u64).to_le_bytes()[..], &lz4_flex::block::compress(&value)].concat();
    let offset = builder.packed(&value, 2, &stored);
    let thrice = [(&b"A="[..], offset); 3];
    (0..80).for_each(|_| builder.entry(&thrice));
    let (mut bytes, mut entries) = (0, 0);
    let file = builder.finish();
    let mut journal = Journal::open(file.as_slice(), file.len() as u64).unwrap();
    let Bounds { value, entry, work, .. } = journal.bounds;
    assert_eq!((value, entry, work), (16 << 20, 32 << 20, 256 << 20), "of a file that is read in earnest");
    journal.bounds = bounds;
    let summary = journal.for_each(&mut |entry| {
        entries += 1;
        bytes += entry.fields().map(|(_, value)| value.len()).sum::<usize>();
    });
    assert_eq!(entries, 80);
    // Two values an entry, and in all what the file is worth.
    assert!(bytes > 1 << 20 && bytes < (1 << 20) + (file.len() << 7), "{bytes}");
    assert!(summary.fields_cut > 0 && summary.fields_spent > 0 && !summary.is_whole());
}
