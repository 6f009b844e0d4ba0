//! Records into events, log by log.

use std::collections::{HashMap, VecDeque};

use super::coverage::Read;
use crate::command::evidence::Log;
use crate::records::audit_event::{Event, Place};
use crate::records::audit_log::{EventId, record};
use crate::records::unpack::Unpacker;

/// Events that wait for more of their records.
const OPEN: usize = 1024;
/// Bytes of a line that is kept; the kernel's are at most 8,970.
const LINE: usize = 1 << 20;

/// Events that are being put together.
#[derive(Default)]
pub struct Gathering {
    open: HashMap<EventId, Event>,
    order: VecDeque<EventId>,
    unpacker: Unpacker,
    rest: Vec<u8>,
    offset: u64,
    file: u32,
    read: Option<Read>,
}

impl Gathering {
    /// The next log begins.
    pub fn begin(&mut self, log: &Log) {
        (self.file, self.offset, self.unpacker) = (log.number, 0, Unpacker::default());
        self.read = Some(Read::of(log));
    }

    /// More of it.
    pub fn piece(&mut self, bytes: &[u8], each: &mut dyn FnMut(&Event)) {
        let mut unpacker = std::mem::take(&mut self.unpacker);
        unpacker.piece(bytes, &mut |text| self.text(text, each));
        self.unpacker = unpacker;
    }

    /// It ends.
    pub fn end_file(&mut self, each: &mut dyn FnMut(&Event)) -> Read {
        let (_, unread) = std::mem::take(&mut self.unpacker).end(&mut |text| self.text(text, each));
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest, each);
        }
        let mut read = self.read.take().unwrap_or_else(Read::nothing);
        read.broken = unread.map(|why| why.to_string());
        read
    }

    /// All logs have been read.
    pub fn finish(mut self, each: &mut dyn FnMut(&Event)) {
        while let Some(event) = self.order.pop_front().and_then(|id| self.open.remove(&id)) {
            each(&event);
        }
    }

    fn text(&mut self, text: &[u8], each: &mut dyn FnMut(&Event)) {
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") || self.rest.len() > LINE {
                let mut line = std::mem::take(&mut self.rest);
                let length = line.len() as u64;
                if line.ends_with(b"\n") {
                    line.pop();
                }
                self.line(&line, each);
                self.offset += length;
            }
        }
    }

    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(&Event)) {
        let Some(read) = &mut self.read else { return };
        let Some(id) = record(line).map(|record| record.id) else {
            read.odd += u64::from(!line.is_empty());
            return;
        };
        read.records += 1;
        let (first, last) = read.span.unwrap_or((id.time, id.time));
        read.span = Some((first.min(id.time), last.max(id.time)));
        let place = Place { file: self.file, offset: self.offset };
        let order = &mut self.order;
        let event = self.open.entry(id).or_insert_with(|| {
            order.push_back(id);
            Event::new(id, b"", 0)
        });
        event.push(line, place);
        if self.order.len() > OPEN
            && let Some(event) = self.order.pop_front().and_then(|id| self.open.remove(&id))
        {
            each(&event);
        }
    }
}
