//! Reading one process, on a reader thread: each file and link once, as a row of the capture, and from the same bytes
//! its row in the table.
//!
//! What can keep its reader waiting for ever (its memory may be locked, or lie on a server that does not answer)
//! is read last, and can be left out.

use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::row;
use super::wanted::{Wanted, Weight};
use crate::clock::{Moment, boottime_ns as now};
use crate::custody::json;
use crate::custody::rows::process::ProcessRow;
use crate::custody::rows::process::raw::{RawLink, RawRow};
use crate::host::processes::{Nature, ProcessFolder};
use crate::path::shown;
use crate::records::process::{ProcessStat, figures, parse_stat};

/// What every small file fits into.
const SMALL: usize = 256 << 10;

/// The longest command line or environment that is taken: what the kernel allows without a raised limit on the stack.
const ARGUMENTS: usize = 2 << 20;

/// The longest table of mappings that is taken: more than the 65,530 mappings that the kernel allows as delivered.
const MAPS: usize = 8 << 20;

/// Descriptors of one process that are taken.
const DESCRIPTORS: usize = 1 << 18;

/// Threads of one process whose names are taken.
const THREADS: usize = 64;

/// Thread names that a row keeps.
const THREAD_NAMES: usize = 16;

/// A process that becomes another program while it is read is read anew, so often.
const ATTEMPTS: usize = 3;

/// Bytes of a command line that a row keeps, while rows are few and when they are many.
const COMMAND: (usize, usize) = (4096, 256);

/// Bytes of kept command lines beyond which they count as many.
const PLENTY: usize = 8 << 20;

/// What one process gave.
#[derive(Default)]
pub struct Taken {
    /// Rows of the capture.
    pub raw: Vec<u8>,
    /// Its row in the table.
    pub row: Box<ProcessRow>,
    /// Rows of its descriptors.
    pub descriptors: Vec<u8>,
    /// Its threads, where it has more than one.
    pub threads: Vec<u32>,
    /// Files that the kernel refused.
    pub refused: Vec<&'static str>,
    /// Files that could not be read for another reason.
    pub failed: Vec<&'static str>,
    /// Files that are longer than what is taken.
    pub cut: Vec<&'static str>,
    weight: Weight,
}

/// Reads a process. An error means that it was gone, or never let itself be looked at.
pub fn take(process: &ProcessFolder, wanted: &Wanted) -> Result<Taken, Errno> {
    wanted.wait_for_room();
    let mut attempts = 1;
    let mut earlier = Vec::with_capacity(16 << 10);
    loop {
        let mut reader = Reader::new(process, earlier);
        let (before, text) = reader.stat(wanted.began)?;
        reader.all(wanted, before.as_ref());
        let same = match reader.is_still_the_same(before.as_ref(), &text) {
            Ok(same) => same,
            Err(Errno::NOENT | Errno::SRCH) => {
                reader.taken.row.vanished = true;
                true
            }
            Err(errno) => {
                reader.trouble("stat", errno);
                true
            }
        };
        if same || attempts == ATTEMPTS {
            if !same {
                reader.taken.row.flags.push("changed_while_read");
            }
            reader.taken.weight = wanted.weigh(reader.taken.raw.len() + reader.taken.descriptors.len());
            return Ok(reader.taken);
        }
        attempts += 1;
        // What the other program showed stays in the capture.
        earlier = reader.taken.raw;
    }
}

/// The number cannot have gone to another process, for its folder is held open; the program can be another.
fn is_same_program(before: &ProcessStat, after: &ProcessStat) -> bool {
    (before.start_ticks, before.image) == (after.start_ticks, after.image)
}

struct Reader<'p> {
    process: &'p ProcessFolder,
    taken: Taken,
    buffer: Vec<u8>,
}

impl<'p> Reader<'p> {
    /// `raw` is what stands in the capture before it.
    fn new(process: &'p ProcessFolder, raw: Vec<u8>) -> Reader<'p> {
        let row = ProcessRow { pid: process.pid, taken_boottime_ns: now(), ..ProcessRow::default() };
        let taken = Taken { row: Box::new(row), raw, ..Taken::default() };
        Reader { process, taken, buffer: Vec::new() }
    }

    /// `stat` comes first: without it there is no process.
    fn stat(&mut self, began: Moment) -> Result<(Option<ProcessStat>, Vec<u8>), Errno> {
        let moment = now();
        self.process.read_into("stat", SMALL, &mut self.buffer)?;
        let line = RawRow { boottime_ns: moment, file: "stat", pid: self.process.pid, ..RawRow::default() };
        keep(&mut self.taken, &line.holding(&self.buffer));
        let stat = parse_stat(&self.buffer);
        match &stat {
            Some(stat) => row::stat(&mut self.taken.row, stat, began),
            None => {
                self.taken.failed.push("stat");
                self.taken.row.unread.insert("stat", "it does not have the form of such a file".into());
            }
        }
        Ok((stat, self.buffer.clone()))
    }

    /// `stat` at the end: the same program or another, or an error where there is none any more. Kept where it is not the
    /// same; two that cannot be read are told apart by nothing.
    fn is_still_the_same(&mut self, before: Option<&ProcessStat>, text: &[u8]) -> Result<bool, Errno> {
        let moment = now();
        self.process.read_into("stat", SMALL, &mut self.buffer)?;
        // Most processes sleep, and their text is the same to the byte.
        if self.buffer == text {
            return Ok(true);
        }
        let after = parse_stat(&self.buffer);
        let both = before.zip(after.as_ref());
        let same = both.map(|(before, after)| is_same_program(before, after));
        if same != Some(true) {
            let line =
                RawRow { boottime_ns: moment, file: "stat", pid: self.process.pid, ..RawRow::default() };
            keep(&mut self.taken, &line.holding(&self.buffer));
        }
        Ok(same.unwrap_or(true))
    }

    fn all(&mut self, wanted: &Wanted, stat: Option<&ProcessStat>) {
        self.file("status", SMALL, row::status);
        self.file("cgroup", SMALL, row::control_group);
        self.file("loginuid", SMALL, |row, bytes| row.login_uid = figures::audit_id(bytes));
        self.file("sessionid", SMALL, |row, bytes| {
            row.audit_session = figures::audit_id(bytes).filter(|id| *id != 0)
        });
        self.file("oom_score_adj", SMALL, |row, bytes| row.oom_score_adj = score(bytes));
        self.links(wanted.memory_device.as_deref());
        if stat.is_some_and(|stat| stat.kernel_thread) {
            return;
        }
        self.file("limits", SMALL, row::limits);
        self.descriptors();
        if stat.is_some_and(|stat| stat.threads > 1) {
            self.threads();
        }
        if wanted.memory {
            // These wait for whoever holds the process's memory or is about to change its program.
            self.file("io", SMALL, row::io);
            let kept = wanted.kept.load(Ordering::Relaxed);
            let room = if kept < PLENTY { COMMAND.0 } else { COMMAND.1 };
            self.file("cmdline", ARGUMENTS, |row, bytes| row::command(row, bytes, room));
            wanted.kept.fetch_add(self.buffer.len().min(room), Ordering::Relaxed);
            self.file("maps", MAPS, row::memory);
            if wanted.environment {
                self.file("environ", ARGUMENTS, |_, _| ());
            }
        } else {
            self.taken.row.flags.push("did_not_answer");
        }
    }

    /// One file: a row of the capture, and what it says.
    fn file(&mut self, name: &'static str, limit: usize, read: impl FnOnce(&mut ProcessRow, &[u8])) {
        let mut line = RawRow { boottime_ns: now(), file: name, pid: self.process.pid, ..RawRow::default() };
        match self.process.read_into(name, limit, &mut self.buffer) {
            Ok(more) => {
                line.cut = more;
                keep(&mut self.taken, &line.holding(&self.buffer));
                read(&mut self.taken.row, &self.buffer);
                if more {
                    self.taken.cut.push(name);
                }
            }
            Err(errno) => {
                line.error = Some(std::io::Error::from(errno).to_string());
                let line = if self.buffer.is_empty() { line } else { line.holding(&self.buffer) };
                keep(&mut self.taken, &line);
                self.trouble(name, errno);
            }
        }
    }

    /// What the table says of a file that could not be read.
    fn trouble(&mut self, name: &'static str, errno: Errno) {
        // Who has ended, and who runs in the kernel, has no such thing; and a kernel may lack it.
        if matches!(errno, Errno::NOENT | Errno::SRCH) {
            return;
        }
        self.taken.row.unread.insert(name, std::io::Error::from(errno).to_string());
        let told = match errno {
            Errno::PERM | Errno::ACCESS => &mut self.taken.refused,
            _ => &mut self.taken.failed,
        };
        if !told.contains(&name) {
            told.push(name);
        }
    }

    /// Its program, folders and namespaces.
    fn links(&mut self, memory_device: Option<&str>) {
        let moment = now();
        let mut links = Vec::with_capacity(3 + row::KINDS.len());
        for name in ["exe", "cwd", "root"] {
            let target = self.process.link(name);
            // Also of `/`: a folder that was mounted and is detached is called so too, and only its device gives it away.
            let nature = target.is_ok().then(|| self.process.nature(name).ok()).flatten();
            links.push(self.link(name, name.into(), target, nature));
        }
        for (kind, target) in self.process.links("ns", &row::KINDS) {
            links.push(self.link("ns", format!("ns/{kind}"), target, None));
        }
        let line = RawRow {
            boottime_ns: moment,
            file: "links",
            links: &links,
            pid: self.process.pid,
            ..RawRow::default()
        };
        keep(&mut self.taken, &line);
        row::links(&mut self.taken.row, &links, memory_device);
    }

    fn link(
        &mut self,
        group: &'static str,
        name: String,
        target: Result<Vec<u8>, Errno>,
        nature: Option<Nature>,
    ) -> RawLink {
        let mut link = match target {
            Ok(target) => RawLink::leading(name, &target),
            Err(errno) => {
                self.trouble(group, errno);
                let absent = matches!(errno, Errno::NOENT | Errno::SRCH);
                RawLink {
                    absent,
                    error: Some(std::io::Error::from(errno).to_string()),
                    name,
                    ..RawLink::default()
                }
            }
        };
        if let Some(nature) = nature {
            link.dev = Some(format!("{}:{}", nature.dev.0, nature.dev.1));
            link.ino = Some(nature.ino);
            link.mode = Some(format!("{:06o}", nature.mode));
            link.nlink = Some(nature.nlink);
            link.size = Some(nature.size);
        }
        link
    }

    fn descriptors(&mut self) {
        let moment = now();
        let mut links = Vec::new();
        let process = self.process;
        let each =
            |fd: u32, target, nature| links.push((fd, self.link("fd", fd.to_string(), target, nature)));
        let listed = process.each_descriptor(DESCRIPTORS, each);
        let (numbers, links): (Vec<u32>, Vec<RawLink>) = links.into_iter().unzip();
        let mut line =
            RawRow { boottime_ns: moment, file: "fd", links: &links, pid: process.pid, ..RawRow::default() };
        match listed {
            Ok(count) => {
                self.taken.row.descriptors = Some(count as u64);
                if count > DESCRIPTORS {
                    line.cut = true;
                    self.taken.cut.push("fd");
                }
            }
            Err(errno) => {
                line.error = Some(std::io::Error::from(errno).to_string());
                self.trouble("fd", errno);
            }
        }
        keep(&mut self.taken, &line);
        for (fd, link) in numbers.into_iter().zip(&links) {
            if json::row(&mut self.taken.descriptors, &row::descriptor(process.pid, fd, link)).is_err() {
                self.taken.failed.push("fd");
            }
        }
    }

    /// The numbers of its threads, and the names of the first of them.
    fn threads(&mut self) {
        let moment = now();
        let threads = match self.process.numbers("task") {
            Ok(threads) => threads,
            Err(errno) => return self.trouble("task", errno),
        };
        let words: Vec<String> = threads.iter().map(u32::to_string).collect();
        let words = words.join(" ");
        let line = RawRow { boottime_ns: moment, file: "task", pid: self.process.pid, ..RawRow::default() };
        keep(&mut self.taken, &line.holding(words.as_bytes()));
        for thread in threads.iter().take(THREADS) {
            let file = format!("task/{thread}/comm");
            let line = RawRow { boottime_ns: now(), file: &file, pid: self.process.pid, ..RawRow::default() };
            // A thread that has ended meanwhile is no trouble.
            if self.process.read_into(&file, SMALL, &mut self.buffer).is_err() {
                continue;
            }
            keep(&mut self.taken, &line.holding(&self.buffer));
            let name = shown(self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer));
            let names = &mut self.taken.row.thread_names;
            if names.len() < THREAD_NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
        self.taken.threads = threads;
    }
}

fn keep(taken: &mut Taken, line: &RawRow<'_>) {
    if json::row(&mut taken.raw, line).is_err() {
        taken.failed.push("capture");
    }
}

fn score(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes.trim_ascii()).ok()?.parse().ok()
}
