//! The files of an audit log whose lines were looked at already, one after another from the oldest, and the events that they
//! hold: the half of [`Reading`](super::Reading) that must hear all lines in their order.

use super::assembler::Assembler;
use super::block::Block;
use super::scan::{Ended, Looks, Scan};
use super::{Counts, Event, FileRead};

/// Decides, of what is to be known of lines in their order, which of them make their events wanted. Events that were found may
/// change it (files that they name): so they are given out at the same lines as when lines are read one by one, as a
/// block ends wherever text is let go.
pub trait Judges {
    /// What is to be known of a line.
    type Glance;

    /// Whether the event of such a line is wanted.
    fn wants(&mut self, glance: &Self::Glance) -> bool;
}

/// Whatever was found worth a glance is wanted.
impl Judges for () {
    type Glance = ();

    fn wants(&mut self, (): &()) -> bool {
        true
    }
}

/// What is heard while a chain is read.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A line, whatever it is; none for one that is too long to be kept.
    Line(Option<&'a [u8]>),
    /// So many lines more, right behind one of a call or of what belongs to it, that belong to it as well.
    Further(u64),
    /// A line of another file, which belongs among them.
    Beside(&'a [u8]),
    /// An event.
    Event(Event),
}

/// Puts a chain of files together. `begin`, then `block` for what the scan finds in it, then `end_file`, for each; then
/// `finish`.
pub struct Joining<J> {
    assembler: Assembler<J>,
    before: Counts,
}

impl<J: Judges> Joining<J> {
    /// For the events that are wanted.
    pub fn new(judge: J) -> Joining<J> {
        Joining { assembler: Assembler::new(judge), before: Counts::default() }
    }

    /// The next file begins, by the number that its places are to have: what cuts it into blocks.
    pub fn begin<L: Looks<Glance = J::Glance>>(&mut self, file: u32, looks: L) -> Scan<L> {
        self.assembler.file(file);
        self.before = self.assembler.counts();
        Scan::new(looks, self.assembler.room())
    }

    /// The next lines of the file; what is left is empty.
    pub fn block(&mut self, block: &mut Block<J::Glance>, out: &mut dyn FnMut(Event)) {
        self.assembler.block(block, &mut J::wants, out);
    }

    /// The same, where somebody needs the lines as well.
    pub fn hear(&mut self, block: &mut Block<J::Glance>, each: &mut dyn FnMut(Heard<'_>)) {
        block.hear(each);
        self.block(block, &mut |event| each(Heard::Event(event)));
    }

    /// The file has ended.
    pub fn end_file(&mut self, ended: Ended) -> FileRead {
        let (counts, span) = (self.assembler.counts(), self.assembler.span());
        FileRead::of(&self.before, &counts, span, ended)
    }

    /// All files have ended.
    pub fn finish(mut self, out: &mut dyn FnMut(Event)) -> Counts {
        self.assembler.end(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_event::{Reading, Steady};
    use crate::records::audit_log::Summary;
    use crate::records::mishaps::Random;

    /// What auditd wrote: see fixtures/README.md.
    const SCRIPTED: &[u8] = include_bytes!("../../../fixtures/audit/scripted.log");
    const NAMES: &[u8] = include_bytes!("../../../fixtures/audit/names.log");

    fn is_wanted(kind: &[u8], line: &[u8]) -> bool {
        kind == b"SYSCALL" && line.windows(11).any(|part| part == b"phi_access\"")
            || kind.starts_with(b"DAEMON")
    }

    type Read = (Vec<Event>, Counts, Vec<FileRead>);

    fn read(files: &[&[u8]]) -> Read {
        let (mut events, mut told) = (Vec::new(), Vec::new());
        let mut reading = Reading::new(Steady(is_wanted));
        for (file, text) in (0..).zip(files) {
            reading.begin(file);
            reading.piece(text, &mut |event| events.push(event));
            told.push(reading.end_file(&mut |event| events.push(event)));
        }
        let counts = reading.finish(&mut |event| events.push(event));
        (events, counts, told)
    }

    fn joined(files: &[&[u8]], piece: usize) -> (Read, Vec<Summary>) {
        let (mut events, mut told, mut summaries) = (Vec::new(), Vec::new(), Vec::new());
        let mut joining = Joining::new(());
        for (file, text) in (0..).zip(files) {
            let mut summary = Summary::default();
            let mut each = |heard: Heard<'_>| match heard {
                Heard::Line(Some(line)) => summary.line(line),
                Heard::Line(None) => summary.oversize += 1,
                Heard::Further(lines) => summary.further(lines),
                Heard::Beside(_) => {}
                Heard::Event(event) => events.push(event),
            };
            let mut scan = joining.begin(file, is_wanted);
            text.chunks(piece)
                .for_each(|bytes| scan.piece(bytes, &mut |block| joining.hear(block, &mut each)));
            let ended = scan.end(&mut |block| joining.hear(block, &mut each));
            told.push(joining.end_file(ended));
            summaries.push(summary);
        }
        let counts = joining.finish(&mut |event| events.push(event));
        ((events, counts, told), summaries)
    }

    /// Written from documentation (auditd(8)): boots, machines, and what no daemon writes between its lines.
    fn made() -> Vec<u8> {
        let mut random = Random::new();
        let mut text = Vec::new();
        for number in 0..9_000_usize {
            let serial = 700 + number % 4_000;
            let node = ["", "node=a ", "Nov 21 20:22:14 web01 audispd: node=b "][random.below(3)];
            let id = format!("msg=audit({}.{:03}:{serial})", 100 + number / 20, number % 20);
            let key = ["\"phi_access\"", "(null)"][random.below(2)];
            let mut lines = vec![
                format!(
                    "{node}type=SYSCALL {id}: arch=c000003e syscall=257 success=yes items=1 pid=1 key={key}"
                ),
                format!("{node}type=BPRM_FCAPS {id}: fver=0"),
                format!("{node}type=CWD {id}: cwd=\"/{}\"", "x".repeat(random.below(300))),
                format!("{node}type=PATH {id}: item=0 name=\"/srv/y\" inode=5"),
                format!("{node}type=PROCTITLE {id}: proctitle=\"cat\""),
            ];
            let odd = [
                "",
                "\0\0",
                "no record",
                "type=CWD msg=audit(1.x:1): cwd=\"/\"",
                "type=DAEMON_START msg=audit(100.000:5): op=start kernel=6.1",
            ];
            if random.below(40) == 0 {
                lines.insert(random.below(5), odd[random.below(5)].to_owned());
            }
            if random.below(10) == 0 {
                let last = lines.len() - 1;
                lines.swap(0, last);
            }
            text.extend((lines.join("\n") + "\n").bytes());
        }
        text
    }

    #[test]
    fn lines_that_were_looked_at_before_make_the_same_events_and_the_same_summary() {
        let made = made();
        assert!(made.len() > 4 << 20, "more than is held");
        let oversize = [SCRIPTED, &vec![b'x'; (1 << 20) + 9], b"\n", &NAMES[..NAMES.len() - 9]].concat();
        let half = made.len() / 2;
        let chains: [&[&[u8]]; 5] = [
            &[SCRIPTED],
            &[NAMES, SCRIPTED, SCRIPTED],
            &[&oversize, b"", NAMES],
            &[&made],
            &[&made[..half], &made[half..], SCRIPTED],
        ];
        for files in chains {
            let expected = read(files);
            for piece in [777, 100_000, usize::MAX] {
                let (found, summaries) = joined(files, piece.min(8 << 20));
                assert!(found.0 == expected.0, "{} events of {}", found.0.len(), expected.0.len());
                assert_eq!((&found.1, &found.2), (&expected.1, &expected.2));
                for (file, summary) in files.iter().zip(summaries) {
                    let mut whole = Summary::default();
                    file.split(|byte| *byte == b'\n').for_each(|line| {
                        if line.len() > 1 << 20 {
                            whole.oversize += 1;
                        } else {
                            let nuls = line.iter().take_while(|byte| **byte == 0).count();
                            whole.line(&line[nuls..]);
                        }
                    });
                    assert_eq!(format!("{summary:?}"), format!("{whole:?}"));
                }
            }
        }
    }
}
