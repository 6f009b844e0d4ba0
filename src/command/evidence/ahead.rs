//! An audit log in blocks of lines that were looked at: on a machine with more than one processor one thread reads, unpacks
//! and looks at lines while the other puts together what was found before. What comes out is the same.

use std::ops::ControlFlow;
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

impl Evidence {
    /// The blocks of an audit log, in their order; how it ended, and whether it could be read.
    pub fn blocks<L: Looks>(
        &self,
        log: &Log,
        scan: Scan<L>,
        take: Takes<'_, L>,
    ) -> (Ended, Result<(), Failure>) {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        if processors > 1 && log.size >= WORTH {
            self.blocks_ahead(log, scan, take)
        } else {
            self.blocks_here(log, scan, take)
        }
    }

    fn blocks_here<L: Looks>(
        &self,
        log: &Log,
        mut scan: Scan<L>,
        take: Takes<'_, L>,
    ) -> (Ended, Result<(), Failure>) {
        let read = self.read(log, &mut |bytes| scan.piece(bytes, take));
        (scan.end(take), read)
    }

    fn blocks_ahead<L: Looks>(
        &self,
        log: &Log,
        mut scan: Scan<L>,
        take: Takes<'_, L>,
    ) -> (Ended, Result<(), Failure>) {
        thread::scope(|scope| {
            let (full, blocks) = sync_channel(AHEAD);
            let (empty, spare) = channel();
            let reader = scope.spawn(move || {
                let mut is_heard = true;
                let mut hand = |block: &mut Block<L::Glance>| {
                    let block = std::mem::replace(block, spare.try_recv().unwrap_or_default());
                    is_heard &= full.send(block).is_ok();
                };
                let read = self.read_while(log, &mut |bytes| {
                    scan.piece(bytes, &mut hand);
                    ControlFlow::Continue(())
                });
                (scan.end(&mut hand), read)
            });
            for mut block in blocks {
                take(&mut block);
                // Who reads may have come to the end.
                let _ = empty.send(block);
            }
            reader.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}
