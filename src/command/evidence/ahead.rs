//! An audit log in blocks of lines that were looked at: on a machine with more than one processor one thread reads, unpacks
//! and looks at lines while the other puts together what was found before. What comes out is the same.

use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread;

use super::{Evidence, Log};
use crate::records::audit_event::{Block, Ended, Looks, Scan};
use crate::term::Failure;

/// Blocks that wait, or are being taken, at most.
const AHEAD: usize = 8;
/// Bytes of a log that is worth a thread of its own.
const WORTH: u64 = 1 << 20;

/// What is done with a block, which is to be left empty.
type Takes<'t, L> = &'t mut dyn FnMut(&mut Block<<L as Looks>::Glance>);

/// How a log ended, and whether it could be read.
type End = (Ended, Result<(), Failure>);

impl Evidence {
    /// The blocks of an audit log, in their order; how it ended, and whether it could be read. `take` must not read evidence
    /// itself: whoever reads a bundle holds it.
    pub fn blocks<L: Looks>(&self, log: &Log, mut scan: Scan<L>, take: Takes<'_, L>) -> End {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let ahead =
            if processors > 1 && log.size >= WORTH { self.blocks_ahead(log, &mut scan, take) } else { None };
        ahead.unwrap_or_else(|| self.blocks_here(log, &mut scan, take))
    }

    fn blocks_here<L: Looks>(&self, log: &Log, scan: &mut Scan<L>, take: Takes<'_, L>) -> End {
        let read = self.read(log, &mut |bytes| scan.piece(bytes, take));
        (scan.end(take), read)
    }

    /// None if there can be no other thread.
    fn blocks_ahead<L: Looks>(&self, log: &Log, scan: &mut Scan<L>, take: Takes<'_, L>) -> Option<End> {
        thread::scope(|scope| {
            let (full, blocks) = channel();
            let (empty, spare) = channel();
            // They go round: there are never more of them.
            (0..AHEAD).for_each(|_| drop(empty.send(Block::default())));
            let read = move || {
                let mut hand = |block: &mut Block<L::Glance>| {
                    // Whoever takes them can be gone only if it panicked.
                    let block = std::mem::replace(block, spare.recv().unwrap_or_default());
                    let _ = full.send(block);
                };
                self.blocks_here(log, scan, &mut hand)
            };
            let reader = thread::Builder::new().name("lines".into()).spawn_scoped(scope, read).ok()?;
            for mut block in blocks {
                take(&mut block);
                // Who reads may have come to the end.
                let _ = empty.send(block);
            }
            Some(reader.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::evidence::{What, files};
    use crate::records::audit_event::{Event, FileRead, Joining};

    fn is_wanted(_: &[u8], line: &[u8]) -> bool {
        line.ends_with(b"key=\"phi\"")
    }

    fn read(evidence: &Evidence, is_ahead: bool) -> (Vec<Event>, Vec<FileRead>) {
        let (mut joining, mut events, mut told) = (Joining::new(()), Vec::new(), Vec::new());
        for log in evidence.logs(What::Audit) {
            let mut scan = joining.begin(log.number, is_wanted);
            let mut take = |block: &mut Block<()>| joining.block(block, &mut |event| events.push(event));
            let (ended, read) = match is_ahead {
                true => evidence.blocks_ahead(log, &mut scan, &mut take).unwrap(),
                false => evidence.blocks_here(log, &mut scan, &mut take),
            };
            read.unwrap();
            told.push(joining.end_file(ended));
        }
        joining.finish(&mut |event| events.push(event));
        (events, told)
    }

    #[test]
    fn two_threads_find_what_one_finds() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        // Written from documentation (auditd(8)).
        for (path, first) in paths.iter().zip([0, 30_000]) {
            let line = |number: usize| {
                let key = if number.is_multiple_of(7) { "\"phi\"" } else { "(null)" };
                let time = 1_000 + number / 10;
                format!(
                    "type=SYSCALL msg=audit({time}.000:{number}): syscall=257 items=0 key={key}\n\
                     type=PROCTITLE msg=audit({time}.000:{number}): proctitle=\"cat\"\n"
                )
            };
            std::fs::write(path, (first..first + 30_000).map(line).collect::<String>()).unwrap();
        }
        let named = paths.map(|path| (What::Audit, path));
        let evidence = files::of(&named, &[What::Audit]).unwrap();
        let (ahead, here) = (read(&evidence, true), read(&evidence, false));
        assert!(here.0.len() > 8_000 && here.1.len() == 2 && here.1[0].bytes > 3 << 20);
        assert!(ahead == here);
    }
}
