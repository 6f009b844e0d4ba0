//! Audit records that journals have and no audit log has: they wait, in the order of their events, until the logs have come
//! to their time. Of times of which the logs do not speak there may be more than can wait: these come as they stand in the
//! journals, which pass again.

use std::cell::Cell;
use std::path::Path;

use super::audit_lines;
use crate::command::evidence::{At as _, Evidence};
use crate::records::audit_event::{Beside, Place};
use crate::records::audit_log::EventId;
use crate::records::audit_log::witnesses::{Stands, Witnesses};
use crate::seal::spill::{Bytes, BytesIn};
use crate::term::{Failure, counted};

/// Bytes of them that are held in memory; what is more waits in a file, encrypted.
const IN_MEMORY: usize = 2 << 20;
/// Lines of a pile: of each it has to be known where it is.
pub const LINES: usize = 1 << 17;

/// Lines of journals.
#[derive(Default)]
pub struct KeptBeside {
    both: Witnesses,
    within: Kept,
    /// Those before and behind the logs; none if there are too many of them.
    beyond: Option<Kept>,
    /// There are some before the logs.
    is_before: bool,
    /// And behind them.
    is_behind: bool,
    /// Lines of the time of the logs for which there was no room.
    left: u64,
}

/// Lines that wait.
struct Pile {
    lines: Vec<Line>,
    /// As many as there may be.
    room: usize,
    text: BytesIn,
    left: u64,
}

/// The same, in the order of their events.
#[derive(Default)]
struct Kept {
    lines: Vec<Line>,
    text: Option<Bytes>,
    /// Lines that could not be read back.
    lost: Cell<u64>,
}

/// Where a line is.
#[derive(Clone, Copy)]
struct Line {
    id: EventId,
    place: Place,
    begin: u64,
    length: u32,
}

impl KeptBeside {
    /// Those that the logs lack, `room` of a pile at most: the journals pass once more.
    pub fn of(evidence: &Evidence, mut both: Witnesses, room: usize) -> Result<KeptBeside, Failure> {
        let mut piles = [Pile::new(room, &evidence.temp), Pile::new(room, &evidence.temp)];
        let [within, beyond] = &mut piles;
        let (node, mut is_before, mut is_behind) = (both.named(), false, false);
        audit_lines(evidence, &mut |log, line, offset| {
            let Some((id, stands)) = both.again(line) else { return };
            is_before |= stands == Stands::Before;
            is_behind |= stands == Stands::Behind;
            let pile = match stands {
                Stands::Within => &mut *within,
                Stands::Before | Stands::Behind => &mut *beyond,
                Stands::InBoth | Stands::Doubtful => return,
            };
            pile.push(id, Place { file: log.number, offset }, [&node, line]);
        })?;
        both.end();
        let [(within, left), (beyond, too_many)] = piles.map(Pile::sorted);
        let beyond = (too_many == 0).then_some(beyond);
        Ok(KeptBeside { both, within, beyond, is_before, is_behind, left })
    }

    /// None: there is nothing that the logs lack.
    pub fn none(both: Witnesses) -> KeptBeside {
        KeptBeside { both, beyond: Some(Kept::default()), ..KeptBeside::default() }
    }

    /// The logs lack nothing that journals have.
    pub fn is_nothing(&self) -> bool {
        let is_empty = |kept: &Kept| kept.lines.is_empty();
        is_empty(&self.within) && self.beyond.as_ref().is_some_and(is_empty)
    }

    /// What log and journals have of one another.
    pub fn both(&self) -> &Witnesses {
        &self.both
    }

    /// From the first of them on.
    pub fn replay(&self) -> Replay<'_> {
        Replay { kept: [Some(&self.within), self.beyond.as_ref()], next: [0, 0], line: Vec::new() }
    }

    /// Those before or behind the logs, where they do not come between these.
    pub fn pass(
        &self,
        evidence: &Evidence,
        wanted: Stands,
        each: &mut dyn FnMut(&[u8], Place),
    ) -> Result<(), Failure> {
        let is_there = match wanted {
            Stands::Before => self.is_before,
            Stands::Behind => self.is_behind,
            Stands::InBoth | Stands::Within | Stands::Doubtful => false,
        };
        if self.beyond.is_some() || !is_there {
            return Ok(());
        }
        let (mut named, node) = (Vec::new(), self.both.named());
        audit_lines(evidence, &mut |log, line, offset| {
            if self.both.stands_line(line) == Some(wanted) {
                named.clear();
                named.extend_from_slice(&node);
                named.extend_from_slice(line);
                each(&named, Place { file: log.number, offset });
            }
        })
    }

    /// Those that are not told of, in words.
    pub fn untold(&self) -> Option<String> {
        let lost =
            self.beyond.iter().chain([&self.within]).map(|kept| kept.lost.get()).sum::<u64>() + self.left;
        let records = counted(lost, "audit record");
        let words = || {
            format!("{records} of journals that the audit logs lack, for which there was no room: not read")
        };
        (lost > 0).then(words)
    }
}

impl Pile {
    fn new(room: usize, temp: &Path) -> Pile {
        Pile { lines: Vec::new(), room, text: BytesIn::new(IN_MEMORY, temp), left: 0 }
    }

    /// Once one was left out, so are all that follow.
    fn push(&mut self, id: EventId, place: Place, parts: [&[u8]; 2]) {
        let begin = self.text.size();
        let length = u32::try_from(parts.iter().map(|part| part.len()).sum::<usize>());
        let length = length.ok().filter(|_| self.left == 0 && self.lines.len() < self.room);
        match length.filter(|_| parts.iter().all(|part| self.text.push(part).is_ok())) {
            Some(length) => self.lines.push(Line { id, place, begin, length }),
            None => self.left += 1,
        }
    }

    /// And how many are not there.
    fn sorted(self) -> (Kept, u64) {
        let Pile { mut lines, text, left, .. } = self;
        let count = lines.len() as u64;
        // Records of one event stay in the order in which they came.
        lines.sort_by_key(|line| line.id);
        match text.finish() {
            Ok(text) => (Kept { lines, text: Some(text), lost: Cell::new(0) }, left),
            Err(_) => (Kept::default(), left + count),
        }
    }
}

impl Kept {
    fn read(&self, line: &Line, buffer: &mut Vec<u8>) -> Option<()> {
        buffer.resize(line.length as usize, 0);
        self.text.as_ref()?.fill(line.begin, buffer)
    }
}

/// Gives them one after another.
pub struct Replay<'k> {
    kept: [Option<&'k Kept>; 2],
    next: [usize; 2],
    line: Vec<u8>,
}

impl<'k> Replay<'k> {
    /// Which pile has the next line, and the line.
    fn first(&self) -> Option<(usize, &'k Kept, &'k Line)> {
        let piles = self.kept.iter().zip(&self.next).enumerate();
        let lines = piles.filter_map(|(at, (kept, next))| {
            let kept = (*kept)?;
            Some((at, kept, kept.lines.get(*next)?))
        });
        lines.min_by_key(|(.., line)| line.id)
    }
}

impl Beside for Replay<'_> {
    fn next(&self) -> Option<EventId> {
        self.first().map(|(.., line)| line.id)
    }

    fn give(&mut self, each: &mut dyn FnMut(&[u8], Place)) {
        let Some((at, kept, line)) = self.first() else { return };
        if let Some(next) = self.next.get_mut(at) {
            *next += 1;
        }
        match kept.read(line, &mut self.line) {
            Some(()) => each(&self.line, line.place),
            None => kept.lost.set(kept.lost.get() + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::compared;
    use super::*;
    use crate::clock::Timestamp;
    use crate::command::evidence::{EvidenceArgs, What};
    use crate::term::Voice;

    fn id(second: i64) -> EventId {
        EventId { time: Timestamp::from_unix(second, 0), serial: 7 }
    }

    fn kept(seconds: &[i64], file: u32) -> Kept {
        let mut pile = Pile::new(LINES, &std::env::temp_dir());
        for (offset, second) in (0..).zip(seconds) {
            pile.push(
                id(*second),
                Place { file, offset },
                [b"node=a ", format!("line of {second}").as_bytes()],
            );
        }
        let (kept, left) = pile.sorted();
        assert_eq!(left, 0);
        kept
    }

    #[test]
    fn lines_of_both_piles_come_in_the_order_of_their_events() {
        let beside = KeptBeside {
            within: kept(&[20, 22, 21, 20], 1),
            beyond: Some(kept(&[90, 10, 91], 2)),
            ..KeptBeside::default()
        };
        let (mut replay, mut told) = (beside.replay(), Vec::new());
        while let Some(next) = replay.next() {
            replay.give(&mut |line, place| {
                told.push((String::from_utf8(line.to_vec()).unwrap(), place.file, place.offset));
            });
            assert!(told.last().unwrap().0.ends_with(&next.time.unix().to_string()));
        }
        let places: Vec<_> = told.iter().map(|(_, file, offset)| (*file, *offset)).collect();
        assert_eq!(places, [(2, 1), (1, 0), (1, 3), (1, 2), (1, 1), (2, 0), (2, 2)]);
        assert_eq!(told[0].0, "node=a line of 10");
    }

    #[derive(clap::Parser)]
    struct Args {
        #[command(flatten)]
        evidence: EvidenceArgs,
    }

    /// A journal has these events, and the log those (systemd.io/JOURNAL_EXPORT_FORMATS). Written from documentation.
    fn evidence(folder: &Path, journal: std::ops::Range<u32>, log: impl Fn(&u32) -> bool) -> Evidence {
        let entry = |at: u32| {
            format!(
                "__CURSOR={at}\n_TRANSPORT=audit\n_AUDIT_TYPE_NAME=SYSCALL\n_AUDIT_ID={at}\n_SOURCE_REALTIME_TIMESTAMP={at}000000\nMESSAGE=SYSCALL a={at}\n\n"
            )
        };
        let line = |at: u32| format!("type=SYSCALL msg=audit({at}.000:{at}): a={at}\n");
        let (audit, export) = (folder.join("audit.log"), folder.join("x.journal"));
        std::fs::write(&audit, journal.clone().filter(log).map(line).collect::<String>()).unwrap();
        std::fs::write(&export, journal.map(entry).collect::<String>()).unwrap();
        let words = ["--audit".as_ref(), audit.as_os_str(), "--journal".as_ref(), export.as_os_str()];
        let args = Args::parse_from([std::ffi::OsStr::new("x")].into_iter().chain(words)).evidence;
        let now = Timestamp::from_unix(1_000_000, 0);
        args.gather(
            &[What::Audit, What::Journal],
            now,
            Voice { json: false, quiet: true, stdout_taken: false },
        )
        .unwrap()
    }

    #[test]
    fn what_is_too_much_to_wait_passes_before_and_behind_the_logs() {
        let folder = tempfile::tempdir().unwrap();
        let evidence =
            evidence(folder.path(), 1_000..1_100, |at| (1_030..1_050).contains(at) && *at != 1_041);
        let told = |room: usize| {
            let mut both = Witnesses::default();
            audit_lines(&evidence, &mut |_, line, _| both.journal(line)).unwrap();
            let beside = compared(&evidence, both, room).unwrap();
            let mut told: [Vec<String>; 3] = Default::default();
            let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
            beside.pass(&evidence, Stands::Before, &mut |line, _| told[0].push(text(line))).unwrap();
            let mut replay = beside.replay();
            while replay.next().is_some() {
                replay.give(&mut |line, _| told[1].push(text(line)));
            }
            beside.pass(&evidence, Stands::Behind, &mut |line, _| told[2].push(text(line))).unwrap();
            assert_eq!(beside.untold(), None);
            told
        };
        let (kept, passed) = (told(1_000), told(8));
        assert_eq!(kept.each_ref().map(Vec::len), [0, 81, 0]);
        assert_eq!(passed.each_ref().map(Vec::len), [30, 1, 50]);
        assert_eq!(kept.concat(), passed.concat());
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut pile = Pile::new(LINES, &std::env::temp_dir());
        let line = [&b"type=SYSCALL msg=audit(1.000:7): "[..], &[b'x'; 40]];
        for at in 0..(LINES as u64 + 5) {
            pile.push(id(1_000_000 - at as i64), Place { file: 1, offset: at }, line);
        }
        let (kept, left) = pile.sorted();
        assert_eq!((kept.lines.len(), left), (LINES, 5));
        assert!(LINES * size_of::<Line>() <= 7 << 20, "{}", size_of::<Line>());
        let (mut buffer, first) = (Vec::new(), kept.lines[0]);
        kept.read(&first, &mut buffer).unwrap();
        assert_eq!((first.place.offset, buffer), (LINES as u64 - 1, line.concat()));
        let beside = KeptBeside { left, ..KeptBeside::default() };
        assert!(beside.untold().unwrap().starts_with("5 audit records of journals"));
    }
}
