//! The body file that sleuthkit's mactime(1) sorts, one line for each file (wiki.sleuthkit.org, "Body file", 3.x):
//! `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`, times in whole seconds since 1970, 0 where unknown.

use crate::path::shown;
use crate::view::events::files::FileLine;

/// The line of a file, with its newline. Names are escaped, `|` as `\x7c`; and `%` as `\x25`, for mactime takes what
/// follows it for a byte, and would print whatever a name wants printed. MD5 is 0: SHA-256 has no place in this format.
pub fn line(file: &FileLine) -> String {
    let target = file.target().map_or_else(String::new, |target| format!(" -> {}", name(target)));
    let seconds = |time| file.seconds(time).unwrap_or(0);
    format!(
        "0|{}{target}|{}|{}|{}|{}|{}|{}|{}|{}|{}\n",
        name(file.path()),
        file.ino,
        mode(&file.mode),
        file.uid,
        file.gid,
        file.size,
        seconds("atime"),
        seconds("mtime"),
        seconds("ctime"),
        seconds("btime"),
    )
}

fn name(bytes: &[u8]) -> String {
    shown(bytes).replace('|', "\\x7c").replace('%', "\\x25")
}

/// As sleuthkit writes it: the type as the name has it, the type as the inode has it, and the permissions
/// (`tsk_fs_meta_make_ls`): `r/rrw-r--r--`.
fn mode(octal: &str) -> String {
    let Ok(bits) = u32::from_str_radix(octal, 8) else { return "-/----------".to_owned() };
    let kind = match bits >> 12 & 0o17 {
        0o01 => 'p',
        0o02 => 'c',
        0o04 => 'd',
        0o06 => 'b',
        0o10 => 'r',
        0o12 => 'l',
        0o14 => 'h',
        _ => '-',
    };
    let permissions: String = [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')]
        .into_iter()
        .flat_map(|(shift, special, both, alone)| {
            let has = |bit: u32| bits >> shift & bit != 0;
            let run = match (bits & special != 0, has(1)) {
                (true, true) => both,
                (true, false) => alone,
                (false, true) => 'x',
                (false, false) => '-',
            };
            [if has(4) { 'r' } else { '-' }, if has(2) { 'w' } else { '-' }, run]
        })
        .collect();
    format!("{kind}/{kind}{permissions}")
}

#[cfg(test)]
mod tests;
