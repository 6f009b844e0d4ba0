//! Flags of open(2) and of other calls: what they mean for the operation, and in words.

use super::super::items::{Item, NameType};
use super::{Op, Syscall};

const O_CREAT: u32 = 0x40;
const O_TRUNC: u32 = 0x200;
const O_APPEND: u32 = 0x400;
const O_PATH: u32 = 0x20_0000;
const O_TMPFILE: u32 = 0x40_0000;

/// What creat(2) stands for: `O_CREAT|O_WRONLY|O_TRUNC`.
pub(super) const CREATS: u32 = O_CREAT | 1 | O_TRUNC;

/// Flags that are the same wherever we know the calls (asm-generic/fcntl.h).
const COMMON: [(u32, &str); 8] = [
    (O_CREAT, "O_CREAT"),
    (0x80, "O_EXCL"),
    (O_TRUNC, "O_TRUNC"),
    (O_APPEND, "O_APPEND"),
    (0x4_0000, "O_NOATIME"),
    (0x8_0000, "O_CLOEXEC"),
    (O_PATH, "O_PATH"),
    (O_TMPFILE, "O_TMPFILE"),
];

/// O_DIRECTORY, O_NOFOLLOW and O_DIRECT of a processor (arch/*/include/uapi/asm/fcntl.h).
fn own(arch: u32) -> [(u32, &'static str); 3] {
    let (directory, nofollow, direct) = match arch {
        0x4000_0028 | 0xc000_00b7 => (0x4000, 0x8000, 0x1_0000),
        0xc000_0015 | 0x8000_0015 => (0x4000, 0x8000, 0x2_0000),
        _ => (0x1_0000, 0x2_0000, 0x4000),
    };
    [(directory, "O_DIRECTORY"), (nofollow, "O_NOFOLLOW"), (direct, "O_DIRECT")]
}

/// What an opening is. That a directory was asked for shows in what was met, where it was met.
pub(super) fn opened(flags: u32, items: &[Item<'_>], is_done: bool) -> Op {
    let met = items.iter().rev().find(|item| item.kind != NameType::Parent);
    let is_directory = met.and_then(Item::is_directory).unwrap_or(false);
    let made = items.iter().any(|item| item.kind == NameType::Create) || flags & O_TMPFILE != 0;
    if flags & O_PATH != 0 {
        Op::Handle
    } else if made {
        Op::Create
    } else if is_directory {
        Op::List
    } else if flags & O_TRUNC != 0 && is_done && met.is_some_and(Item::is_regular) {
        Op::Truncate
    } else {
        match (flags & 3, flags & O_APPEND != 0) {
            (0, _) => Op::Read,
            (1, true) => Op::Append,
            (1, false) => Op::Write,
            (2, _) => Op::ReadWrite,
            // For ioctl(2) alone.
            _ => Op::Other,
        }
    }
}

/// As `O_RDONLY|O_CLOEXEC`.
pub(super) fn spoken(flags: u32, arch: u32) -> String {
    let access = match flags & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    };
    let mut text = access.to_owned();
    let own = own(arch);
    for (_, name) in COMMON.iter().chain(&own).filter(|(bit, _)| flags & bit != 0) {
        text.push('|');
        text.push_str(name);
    }
    text
}

/// The argument that tells what another call than an opening did.
pub(super) fn argument(name: &str, call: &Syscall<'_>) -> Option<String> {
    Some(match name {
        "chmod" | "fchmod" => format!("mode {:04o}", call.word(1)? & 0o7777),
        "fchmodat" | "fchmodat2" => format!("mode {:04o}", call.word(2)? & 0o7777),
        "chown" | "fchown" | "lchown" => owner(call.word(1)?, call.word(2)?),
        "fchownat" => owner(call.word(2)?, call.word(3)?),
        "truncate" | "ftruncate" => format!("length {}", call.arguments.get(1).copied().flatten()?),
        "fallocate" => match call.word(1)? {
            mode if mode & 2 != 0 => "PUNCH_HOLE".to_owned(),
            mode if mode & 0x10 != 0 => "ZERO_RANGE".to_owned(),
            mode => format!("mode {mode:#x}"),
        },
        "creat" => "O_WRONLY|O_CREAT|O_TRUNC".to_owned(),
        // Its flags are argument 4, which is not logged.
        "renameat2" => "flags not logged".to_owned(),
        _ => return None,
    })
}

fn owner(user: u32, group: u32) -> String {
    let spoken = |id: u32| if id == u32::MAX { "same".to_owned() } else { id.to_string() };
    format!("owner {}:{}", spoken(user), spoken(group))
}
