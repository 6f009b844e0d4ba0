//! An audit log in blocks of lines that were looked at: on a machine with more than one processor one thread reads, unpacks
//! and looks at lines while the other puts together what was found before. What comes out is the same.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use super::{Evidence, Log};
use crate::records::audit_event::{Block, Ended, Looks, Scan};
use crate::term::Failure;

/// Blocks that wait at most.
const AHEAD: usize = 8;
/// Bytes of a log that is worth a thread of its own.
const WORTH: u64 = 1 << 20;

/// What is done with a block, which is to be left empty.
type Takes<'t, L> = &'t mut dyn FnMut(&mut Block<<L as Looks>::Glance>);

/// How a log ended, and whether it could be read.
type End = (Ended, Result<(), Failure>);

impl Evidence {
    /// The blocks of an audit log, in their order; how it ended, and whether it could be read.
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
            let (full, blocks) = sync_channel(AHEAD);
            let (empty, spare) = channel();
            let read = move || {
                let mut hand = |block: &mut Block<L::Glance>| {
                    let block = std::mem::replace(block, spare.try_recv().unwrap_or_default());
                    // Whoever takes it can be gone only if it panicked.
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
