//! What a call did, by its number, its processor, its flags and its names: never by the key of the rule that logged it,
//! which is that of the first rule that matched. An opening for reading is that, and no more: how much was read, if
//! anything, no audit log says.

mod calls;
mod flags;

use super::Event;
use super::items::{Item, NameType, decimal, sorted};
use crate::records::audit_log::{Record, untrusted};
use crate::records::audit_rules::syscalls::{Arch, error_name};
pub(super) use calls::Begins;
use calls::Does;
pub use calls::arch_name;

/// The directory argument that means the working directory (fcntl.h).
pub(super) const AT_FDCWD: u32 = 0xffff_ff9c;

/// What was done, or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Opened for reading.
    Read,
    /// Opened for writing.
    Write,
    /// Opened for both.
    ReadWrite,
    /// Opened for writing at the end.
    Append,
    /// Made.
    Create,
    /// Emptied, or cut.
    Truncate,
    /// Opened as a directory.
    List,
    /// Opened without access to the content (`O_PATH`).
    Handle,
    /// A name taken away.
    Delete,
    /// A directory taken away.
    Rmdir,
    /// Another name, perhaps elsewhere.
    Rename,
    /// A further name for the same file.
    Link,
    /// A name that leads to another.
    Symlink,
    /// Permissions.
    Chmod,
    /// Owner.
    Chown,
    /// Extended attributes, which hold access lists.
    Xattr,
    /// Times.
    Times,
    /// Space given or taken: a hole may be punched.
    Alloc,
    /// Run as a program.
    Exec,
    /// Anything else.
    Other,
}

impl Op {
    /// All of them.
    pub const ALL: [Op; 20] = [
        Op::Read,
        Op::Write,
        Op::ReadWrite,
        Op::Append,
        Op::Create,
        Op::Truncate,
        Op::List,
        Op::Handle,
        Op::Delete,
        Op::Rmdir,
        Op::Rename,
        Op::Link,
        Op::Symlink,
        Op::Chmod,
        Op::Chown,
        Op::Xattr,
        Op::Times,
        Op::Alloc,
        Op::Exec,
        Op::Other,
    ];

    /// As rows name it, and what people do with it: "opened for reading".
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Op::Read => ("read", "opened for reading"),
            Op::Write => ("write", "opened for writing"),
            Op::ReadWrite => ("readwrite", "opened for reading and writing"),
            Op::Append => ("append", "opened for appending"),
            Op::Create => ("create", "created"),
            Op::Truncate => ("truncate", "emptied or cut"),
            Op::List => ("list", "opened as a directory"),
            Op::Handle => ("handle", "opened without its content"),
            Op::Delete => ("delete", "deleted"),
            Op::Rmdir => ("rmdir", "deleted as a directory"),
            Op::Rename => ("rename", "renamed"),
            Op::Link => ("link", "given a further name"),
            Op::Symlink => ("symlink", "made as a link to another name"),
            Op::Chmod => ("chmod", "given other permissions"),
            Op::Chown => ("chown", "given another owner"),
            Op::Xattr => ("xattr", "given other attributes"),
            Op::Times => ("times", "given other times"),
            Op::Alloc => ("alloc", "given other space"),
            Op::Exec => ("exec", "run as a program"),
            Op::Other => ("other", "touched in another way"),
        }
    }

    /// As rows name it.
    pub fn word(self) -> &'static str {
        self.words().0
    }

    /// For people, behind the name of a file.
    pub fn spoken(self) -> &'static str {
        self.words().1
    }

    /// Of its word.
    pub fn of_word(word: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.word() == word)
    }

    /// Whether it changes which file has which name, so that what is before it and behind it is not one.
    pub fn changes_names(self) -> bool {
        matches!(self, Op::Create | Op::Delete | Op::Rmdir | Op::Rename | Op::Link | Op::Symlink)
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused: EACCES, EPERM, EROFS.
    Denied,
    /// Not done for another reason; that there was no such file is still interest in that name.
    Failed,
    /// Not logged.
    Unknown,
}

impl Outcome {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What a SYSCALL record says, or a URINGOP record as far as it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Syscall<'a> {
    /// The processor, as linux/audit.h numbers it.
    pub arch: Option<u32>,
    /// The number of the call, or of what io_uring did.
    pub number: Option<u32>,
    /// Whether it was done.
    pub success: Option<bool>,
    /// What it gave back.
    pub exit: Option<i64>,
    /// Its first four arguments.
    pub arguments: [Option<u64>; 4],
    /// The process.
    pub pid: Option<u32>,
    /// The one that started it.
    pub ppid: Option<u32>,
    /// The login identity; 4294967295 for none.
    pub auid: Option<u32>,
    /// The user.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
    /// The effective user.
    pub euid: Option<u32>,
    /// The user that files are opened as.
    pub fsuid: Option<u32>,
    /// The session; 4294967295 for none.
    pub ses: Option<u32>,
    /// The terminal.
    pub tty: &'a [u8],
    /// What the process calls itself, as it was logged.
    comm: &'a [u8],
    /// The program, as it was logged.
    exe: &'a [u8],
    /// The keys of the rule, as they were logged.
    key: &'a [u8],
    /// Done by io_uring, whose records do not say who asked for it.
    pub is_uring: bool,
}

impl<'a> Syscall<'a> {
    /// Of a record; none of one of another type.
    pub fn of(record: &Record<'a>) -> Option<Syscall<'a>> {
        let is_uring = record.kind == b"URINGOP";
        if record.kind != b"SYSCALL" && !is_uring {
            return None;
        }
        let mut call = Syscall { is_uring, ..Syscall::default() };
        for (field, value) in record.fields() {
            call.field(field, value);
        }
        Some(call)
    }

    fn field(&mut self, field: &[u8], value: &'a [u8]) {
        match field {
            b"arch" => self.arch = hex(value).and_then(|arch| u32::try_from(arch).ok()),
            b"syscall" | b"uring_op" => self.number = decimal(value),
            b"success" => self.success = Some(value == b"yes"),
            b"exit" => self.exit = decimal(value),
            [b'a', at @ b'0'..=b'3'] => {
                if let Some(argument) = self.arguments.get_mut(usize::from(at - b'0')) {
                    *argument = hex(value);
                }
            }
            b"pid" => self.pid = decimal(value),
            b"ppid" => self.ppid = decimal(value),
            b"auid" => self.auid = identity(value),
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            b"euid" => self.euid = decimal(value),
            b"fsuid" => self.fsuid = decimal(value),
            b"ses" => self.ses = identity(value),
            b"tty" => self.tty = value,
            b"comm" => self.comm = value,
            b"exe" => self.exe = value,
            b"key" => self.key = value,
            _ => {}
        }
    }

    /// What the process calls itself.
    pub fn comm(&self) -> Vec<u8> {
        untrusted(self.comm).unwrap_or_default()
    }

    /// The program.
    pub fn exe(&self) -> Vec<u8> {
        untrusted(self.exe).unwrap_or_default()
    }

    /// The keys of the rule that logged it.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let text = untrusted(self.key).unwrap_or_default();
        text.split(|byte| *byte == 1).filter(|key| !key.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// The low 32 bits of an argument, which is what the kernel takes of an `int`.
    pub(super) fn word(&self, at: usize) -> Option<u32> {
        self.arguments.get(at).copied().flatten().map(|argument| argument as u32)
    }
}

/// What an event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What.
    pub op: Op,
    /// What became of it.
    pub outcome: Outcome,
    /// The error that the call gave back, a positive number.
    pub errno: Option<i32>,
    /// The processor, as linux/audit.h numbers it.
    pub arch: Option<u32>,
    /// The number of the call.
    pub number: Option<u32>,
    /// The name of the call; none if it is in no table of ours.
    pub call: Option<&'static str>,
    /// What it did is not logged: an opening without its flags, or a call that is in no table of ours.
    pub is_unsure: bool,
    /// Arguments that decide, in words, as `O_RDONLY|O_CLOEXEC`; empty for none.
    pub flags: String,
    /// Where a bare name of it begins; none where that is not known.
    pub(super) begins: Option<Begins>,
}

impl Operation {
    /// Whether its relative names count from the working directory, for certain.
    pub fn is_from_here(&self, call: &Syscall<'_>) -> bool {
        let is_here = |at| call.word(at) == Some(AT_FDCWD);
        match self.begins {
            Some(Begins::Here) => true,
            Some(Begins::First) => is_here(0),
            Some(Begins::Second) => is_here(1),
            Some(Begins::Two) => is_here(0) && is_here(2),
            Some(Begins::Open) | None => false,
        }
    }

    /// Whether a call did it that is in a table of ours: of others it is not known that they concern files.
    pub fn is_known(&self) -> bool {
        self.begins.is_some() || !self.is_unsure
    }

    /// The error's name, as `EACCES`.
    pub fn error(&self) -> Option<&'static str> {
        error_name(self.errno?)
    }
}

/// What an event did. One without a system call has the operation `other` and an unknown outcome.
pub fn of(event: &Event) -> Operation {
    let call = event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default();
    read(&call, &sorted(event.records()), event.record("OPENAT2").as_ref())
}

/// The same, of parts that were read before: the call, its names in order, and the record of openat2(2).
pub fn read(call: &Syscall<'_>, items: &[Item<'_>], how: Option<&Record<'_>>) -> Operation {
    let (outcome, errno) = outcome(call);
    let mut operation = Operation {
        op: Op::Other,
        outcome,
        errno,
        arch: call.arch,
        number: call.number,
        call: None,
        is_unsure: true,
        flags: String::new(),
        begins: None,
    };
    let Some(number) = call.number else { return operation };
    if call.is_uring {
        if let Some((name, op)) = calls::of_uring(number) {
            let made = op == Op::Other && items.iter().any(|item| item.kind == NameType::Create);
            (operation.call, operation.op) = (Some(name), if made { Op::Create } else { op });
            operation.is_unsure = operation.op == Op::Other;
        }
        return operation;
    }
    let Some(arch) = call.arch else { return operation };
    let Some(known) = calls::find(arch, number) else {
        operation.call = Arch(arch).call_name(number);
        return operation;
    };
    (operation.call, operation.begins) = (Some(known.name), Some(known.begins));
    let is_done = outcome == Outcome::Ok;
    operation.op = match known.does {
        Does::Is(op) => op,
        Does::UnlinksAt if call.word(2).is_some_and(|flags| flags & 0x200 != 0) => Op::Rmdir,
        Does::UnlinksAt => Op::Delete,
        Does::Creats => flags::opened(flags::CREATS, items, is_done),
        Does::Opens(at) => call.word(at).map_or(Op::Other, |flags| flags::opened(flags, items, is_done)),
        Does::OpensHow => how.and_then(oflag).map_or(Op::Other, |flags| flags::opened(flags, items, is_done)),
    };
    operation.is_unsure = operation.op == Op::Other && !matches!(known.does, Does::Is(_));
    operation.flags = match known.does {
        Does::Opens(at) => call.word(at).map(|flags| flags::spoken(flags, arch)),
        Does::OpensHow => how.and_then(oflag).map(|flags| flags::spoken(flags, arch)),
        _ => flags::argument(known.name, call),
    }
    .unwrap_or_default();
    operation
}

/// `oflag=02100000`, in octal with its 0.
fn oflag(how: &Record<'_>) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(how.raw("oflag")?).ok()?, 8).ok()
}

fn outcome(call: &Syscall<'_>) -> (Outcome, Option<i32>) {
    let errno = call.exit.filter(|exit| *exit < 0).and_then(|exit| i32::try_from(exit.checked_neg()?).ok());
    match (call.success, errno) {
        (None, _) => (Outcome::Unknown, None),
        (Some(true), _) => (Outcome::Ok, None),
        (Some(false), Some(1 | 13 | 30)) => (Outcome::Denied, errno),
        (Some(false), _) => (Outcome::Failed, errno),
    }
}

/// Hexadecimal digits without a mark; of a wider register what a `u64` holds.
fn hex(value: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()
}

/// 4294967295, which very old kernels write as -1, is none.
fn identity(value: &[u8]) -> Option<u32> {
    decimal(value).filter(|identity| *identity != u32::MAX)
}

#[cfg(test)]
mod tests;
