//! What was found, in the order of time: a log is only nearly so, and files can overlap.

use std::time::Duration;

use super::Format;
use crate::clock::Timestamp;
use crate::records::audit_event::{Event, Place, Shortfall};
use crate::records::audit_log::EventId;
use crate::report::found;
use crate::seal::spill::Sorter;
use crate::term::Failure;

/// Bytes of what was found that are held; what is more waits in an encrypted file without a name, which takes a third of the
/// time that the log does.
const HELD: usize = 24 << 20;

/// An event as it is to be printed.
pub enum Found {
    /// Its time and number, with a newline.
    Id(Vec<u8>),
    /// Its lines.
    Raw(Vec<u8>),
    /// All of it.
    Event(Event),
}

/// Puts events in order.
pub struct Order {
    format: Format,
    sorter: Sorter,
    row: Vec<u8>,
    lost: Option<Failure>,
}

impl Order {
    /// For an answer of this format.
    pub fn new(format: Format) -> Order {
        let sorter = Sorter::new(HELD, &std::env::temp_dir());
        Order { format, sorter, row: Vec::new(), lost: None }
    }

    /// The next event that was found.
    pub fn event(&mut self, event: &Event) {
        if self.lost.is_some() {
            return;
        }
        self.row.clear();
        match self.format {
            Format::Ids => self.row.extend_from_slice(format!("{}\n", found::id(event)).as_bytes()),
            Format::Raw => {
                for (line, _) in event.lines() {
                    self.row.extend_from_slice(line);
                    self.row.push(b'\n');
                }
            }
            Format::Jsonl | Format::Table | Format::Csv => pack(event, &mut self.row),
        }
        let pushed = self.sorter.push(&key(event), &self.row);
        self.lost = pushed.err().map(cannot);
    }

    /// All of them, until `each` has had enough.
    pub fn give(self, mut each: impl FnMut(Found) -> bool) -> Result<(), Failure> {
        if let Some(failure) = self.lost {
            return Err(failure);
        }
        for row in self.sorter.finish().map_err(cannot)? {
            let (_, row) = row.map_err(cannot)?;
            let found = match self.format {
                Format::Ids => Found::Id(row),
                Format::Raw => Found::Raw(row),
                Format::Jsonl | Format::Table | Format::Csv => match unpack(&row) {
                    Some(event) => Found::Event(event),
                    None => return Err(Failure::new("an event that waited came back in another form")),
                },
            };
            if !each(found) {
                break;
            }
        }
        Ok(())
    }
}

fn cannot(error: std::io::Error) -> Failure {
    Failure::new(format!("what was found cannot be put in order: {error}"))
        .hint("set TMPDIR to a folder with room, or ask for less")
}

/// By time, boot and number.
fn key(event: &Event) -> Vec<u8> {
    let (seconds, nanos) = parts(event.id.time);
    let seconds = (seconds.cast_unsigned() ^ 1 << 63).to_be_bytes();
    [&seconds[..], &nanos.to_be_bytes(), &event.epoch.to_be_bytes(), &event.id.serial.to_be_bytes()].concat()
}

fn parts(time: Timestamp) -> (i64, u32) {
    let seconds = time.unix();
    (seconds, time.since(Timestamp::from_unix(seconds, 0)).subsec_nanos())
}

const SHORTFALLS: [Shortfall; 4] =
    [Shortfall::NoSyscall, Shortfall::ItemsShort, Shortfall::ArgumentsShort, Shortfall::CutOff];

/// An event as bytes: numbers of eight, and texts behind their lengths.
fn pack(event: &Event, row: &mut Vec<u8>) {
    let mut number = |value: u64| row.extend_from_slice(&value.to_be_bytes());
    let (seconds, nanos) = parts(event.id.time);
    let short = SHORTFALLS.iter().enumerate().filter(|(_, short)| event.shortfalls.contains(short));
    let flags = short.map(|(at, _)| 1 << at).sum::<u64>();
    let flags = flags | u64::from(event.late) << 8 | u64::from(event.conflict) << 9;
    [seconds.cast_unsigned(), u64::from(nanos), event.id.serial, u64::from(event.epoch), flags]
        .into_iter()
        .for_each(&mut number);
    let mut text = |text: &[u8]| {
        row.extend_from_slice(&(text.len() as u64).to_be_bytes());
        row.extend_from_slice(text);
    };
    text(&event.node);
    for (line, place) in event.lines() {
        text(&[&u64::from(place.file).to_be_bytes()[..], &place.offset.to_be_bytes(), line].concat());
    }
}

fn unpack(row: &[u8]) -> Option<Event> {
    let mut rest = row;
    let (seconds, nanos) = (number(&mut rest)?.cast_signed(), u32::try_from(number(&mut rest)?).ok()?);
    let time = Timestamp::from_unix(seconds, 0).plus(Duration::from_nanos(nanos.into()));
    let (serial, epoch, flags) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
    let node = text(&mut rest)?;
    let mut event = Event::new(EventId { time, serial }, node, u32::try_from(epoch).ok()?);
    (event.late, event.conflict) = (flags & 1 << 8 != 0, flags & 1 << 9 != 0);
    let short = SHORTFALLS.iter().enumerate().filter(|(at, _)| flags & 1 << at != 0);
    event.shortfalls = short.map(|(_, short)| *short).collect();
    while !rest.is_empty() {
        let mut line = text(&mut rest)?;
        let (file, offset) = (u32::try_from(number(&mut line)?).ok()?, number(&mut line)?);
        event.push(line, Place { file, offset });
    }
    Some(event)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_be_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, serial: u64) -> Event {
        let lines = ["SYSCALL", "PATH"].map(|kind| {
            format!("node=a type={kind} msg=audit({second}.250:{serial}): x=\u{7f}").into_bytes()
        });
        let mut event = Event::of(&[&lines[0], &lines[1]]).unwrap();
        event.node = b"a".to_vec();
        event
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let mut event = event(7, 9);
        (event.epoch, event.late, event.conflict) = (3, true, true);
        event.shortfalls = vec![Shortfall::ItemsShort, Shortfall::CutOff];
        let mut row = Vec::new();
        pack(&event, &mut row);
        assert_eq!(unpack(&row), Some(event));
        assert_eq!(unpack(&row[..row.len() - 1]), None);
    }

    #[test]
    fn they_come_in_the_order_of_time_however_they_were_found() {
        let mut order = Order::new(Format::Ids);
        [(9, 1), (1, 8), (7, 3), (7, 2), (300, 4)]
            .iter()
            .for_each(|(second, serial)| order.event(&event(*second, *serial)));
        let mut ids = Vec::new();
        order
            .give(|found| {
                let Found::Id(id) = found else { panic!("only ids were asked for") };
                ids.push(String::from_utf8(id).unwrap());
                ids.len() < 3
            })
            .unwrap();
        assert_eq!(ids, ["1.250:8\n", "7.250:2\n", "7.250:3\n"]);
    }
}
