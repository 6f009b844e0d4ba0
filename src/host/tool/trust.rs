//! Which programs may be run: those that nobody but root can change or replace, and so for whatever interprets them.

use super::{DIRECTORIES, NoTool, NotRun, Tool};
use crate::custody::entry::{Base64, Executable, FileStat};
use crate::host::own_namespaces::Owner;
use crate::host::place::Located;
use crate::host::{Host, Trouble, stat};
use crate::path::{HostPath, shown};

/// Scripts that interpret scripts, as in the kernel.
const DEPTH: usize = 4;

/// How a compiled program begins (elf(5)).
const ELF: &[u8] = b"\x7fELF";

/// Bytes at a script's beginning that the kernel reads (`BINPRM_BUF_SIZE`, linux/binfmts.h).
const FIRST_LINE: u64 = 256;

/// Permissions that let others than the owner write, and those that keep what is in a folder its owner's.
const OTHERS_WRITE: u32 = 0o022;
const WORLD_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A file that was examined: where it was asked for, where it really is, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    path: HostPath,
    real: HostPath,
    stat: FileStat,
}

impl Looked {
    /// Whether it is the same file, unwritten and unmoved: the kernel sets the time of change for both.
    fn is_same(&self, real: &HostPath, now: &FileStat) -> bool {
        let known = |stat: &FileStat| (stat.dev.clone(), stat.ino, stat.size, stat.mtime, stat.ctime);
        self.real == *real && known(&self.stat) == known(now)
    }
}

impl Host {
    /// Finds a program by name, examines it, and takes its digest.
    pub fn tool(&self, name: &str) -> Result<Tool, NoTool> {
        let (path, located) = self.in_system_folders(name)?;
        let met = self.owned_by_root(&located)?;
        let sha256 = self.digest(&located.spot, &|| true).map_err(NoTool::Trouble)?;
        let real = located.spot.real.clone();
        let mut looked_at = vec![Looked { path, real: real.clone(), stat: met.clone() }];
        self.interpreters(&real, &mut looked_at)?;
        let executable = Executable { path_b64: Base64(real.as_bytes().to_vec()), sha256, stat: met };
        Ok(Tool { executable, path: real, name: name.to_owned(), looked_at })
    }

    /// Whether everything that was examined for it is still the same.
    pub fn is_unchanged(&self, tool: &Tool) -> Result<(), NotRun> {
        for looked in &tool.looked_at {
            let now = self.locate(&looked.path, true).ok().and_then(|located| {
                let met = stat::at(&located.spot.folder, &located.spot.name).ok()?;
                Some(looked.is_same(&located.spot.real, &met.stat))
            });
            if now != Some(true) {
                return Err(NotRun::Replaced(looked.path.to_string()));
            }
        }
        Ok(())
    }

    fn in_system_folders(&self, name: &str) -> Result<(HostPath, Located), NoTool> {
        for directory in DIRECTORIES {
            let Ok(path) = HostPath::new(format!("{directory}/{name}")) else { break };
            match self.locate(&path, true) {
                Ok(located) => return Ok((path, located)),
                Err(Trouble::Missing(_)) => {}
                Err(trouble) => return Err(NoTool::Trouble(trouble)),
            }
        }
        Err(NoTool::Missing(format!("{name} is not in {}", DIRECTORIES.join(", "))))
    }

    /// Whether only root can change a program, or put another in its place.
    fn owned_by_root(&self, located: &Located) -> Result<FileStat, NoTool> {
        let path = &located.spot.real;
        let trouble = |errno| NoTool::Trouble(Trouble::from_errno(errno, path.to_string()));
        let folder = stat::of(&located.spot.folder).map_err(trouble)?;
        let met = stat::at(&located.spot.folder, &located.spot.name).map_err(trouble)?;
        self.judge(path, "the program", &met.stat, OTHERS_WRITE)?;
        self.judge(path, "its folder", &folder.stat, OTHERS_WRITE)?;
        // Whoever can rename a folder on the way puts another in its place.
        let mut above = path.parent();
        while above != HostPath::root() {
            above = above.parent();
            let place = self.locate(&above, false).map_err(NoTool::Trouble)?;
            let met = stat::at(&place.spot.folder, &place.spot.name).map_err(trouble)?;
            let forbidden = match (mode(&met.stat) & STICKY, met.stat.gid) {
                (STICKY, _) => 0,
                (_, 0) => WORLD_WRITES,
                _ => OTHERS_WRITE,
            };
            self.judge(path, "a folder above it", &met.stat, forbidden)?;
        }
        Ok(met.stat)
    }

    fn judge(&self, path: &HostPath, what: &str, stat: &FileStat, forbidden: u32) -> Result<(), NoTool> {
        let others_write = mode(stat) & forbidden != 0;
        if !others_write && self.trusted_owners().judge(stat.uid) == Owner::Unknown {
            let words =
                format!("{path}: the owner of {what} is not known in this user namespace; it was not run");
            return Err(NoTool::UnknownOwner(words));
        }
        if stat.uid != 0 || others_write {
            return Err(NoTool::Untrusted(format!("{path}: {what} can be changed by others than root")));
        }
        Ok(())
    }

    /// What the kernel will start to interpret a script, if it is one: that runs as root just as the script does.
    fn interpreters(&self, script: &HostPath, looked_at: &mut Vec<Looked>) -> Result<(), NoTool> {
        let mut script = script.clone();
        for _ in 0..DEPTH {
            let beginning = self.peek(&script, FIRST_LINE).map_err(NoTool::Trouble)?;
            if beginning.starts_with(ELF) {
                return Ok(());
            }
            let named = interpreters(&beginning);
            // The kernel starts nothing else, and the C library would hand it to a shell.
            if named.is_empty() {
                let words =
                    format!("{script} is neither an ELF file nor a script that names its interpreter");
                return Err(NoTool::NoProgram(words));
            }
            for interpreter in named {
                let (path, located) = match interpreter {
                    Interpreter::At(text) => self.at(&script, &text)?,
                    Interpreter::Called(name) => self.in_system_folders(&name)?,
                };
                let stat = self.owned_by_root(&located)?;
                script = located.spot.real.clone();
                looked_at.push(Looked { path, real: script.clone(), stat });
            }
        }
        Ok(())
    }

    fn at(&self, script: &HostPath, text: &[u8]) -> Result<(HostPath, Located), NoTool> {
        let told = shown(text);
        if text.first() != Some(&b'/') {
            let words = format!("{script}: its interpreter {told} is not named by a whole path");
            return Err(NoTool::Untrusted(words));
        }
        let path =
            HostPath::new(text).map_err(|_| NoTool::Untrusted(format!("{script}: {told} is no path")))?;
        match self.locate(&path, true) {
            Ok(located) => Ok((path, located)),
            Err(Trouble::Missing(_)) => {
                Err(NoTool::Missing(format!("{script} is there, and its interpreter {told} is not")))
            }
            Err(trouble) => Err(NoTool::Trouble(trouble)),
        }
    }
}

fn mode(stat: &FileStat) -> u32 {
    u32::from_str_radix(&stat.mode, 8).unwrap_or(u32::MAX)
}

/// Who interprets a script.
#[derive(Debug, PartialEq, Eq)]
enum Interpreter {
    /// What lies there.
    At(Vec<u8>),
    /// The program of this name, which env(1) looks for in the `PATH` that it gets.
    Called(String),
}

/// Who interprets what begins so, if it is a script (execve(2), Interpreter scripts): also the one that env(1) starts.
fn interpreters(beginning: &[u8]) -> Vec<Interpreter> {
    let line =
        beginning.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| matches!(byte, b'\n' | 0)).next());
    let words = line.unwrap_or_default().split(|byte| matches!(byte, b' ' | b'\t'));
    let mut words = words.filter(|word| !word.is_empty());
    let first = words.next();
    let is_env = first.is_some_and(|first| first.ends_with(b"/env"));
    let second = words.find(|word| is_env && !word.starts_with(b"-") && !word.contains(&b'='));
    let named = first.into_iter().chain(second).map(|name| match std::str::from_utf8(name) {
        Ok(name) if is_env && !name.contains('/') => Interpreter::Called(name.to_owned()),
        _ => Interpreter::At(name.to_vec()),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_s_interpreter_is_read_as_the_kernel_reads_it() {
        let at = |path: &[u8]| Interpreter::At(path.to_vec());
        assert_eq!(interpreters(b"#!/bin/sh\nx"), [at(b"/bin/sh")]);
        assert_eq!(interpreters(b"#! \t/bin/sh -e -x"), [at(b"/bin/sh")]);
        assert_eq!(interpreters(b"#!/bin/sh\0x\n"), [at(b"/bin/sh")]);
        let python = Interpreter::Called("python3".into());
        assert_eq!(interpreters(b"#!/usr/bin/env -S A=b python3 -u\n"), [at(b"/usr/bin/env"), python]);
        assert_eq!(interpreters(b"#!/usr/bin/env /tmp/x\n"), [at(b"/usr/bin/env"), at(b"/tmp/x")]);
        assert_eq!(interpreters(b"#!bin/\xff\n"), [at(b"bin/\xff")]);
        for none in [&b"#!\n/bin/sh"[..], b"\x7fELF", b"", b"#!", b"#! \t"] {
            assert_eq!(interpreters(none), []);
        }
    }

    #[test]
    fn a_program_is_known_again_only_while_nobody_writes_or_moves_it() {
        let host = Host::live(&[]).unwrap();
        let tool = host.tool("sh").unwrap();
        assert!(host.is_unchanged(&tool).is_ok());
        let mut other = tool.clone();
        other.looked_at[0].stat.ctime = other.looked_at[0].stat.atime;
        other.looked_at[0].stat.size += 1;
        assert!(matches!(host.is_unchanged(&other), Err(NotRun::Replaced(_))));
        let mut other = tool;
        other.looked_at[0].real = HostPath::new("/usr/bin/other").unwrap();
        assert!(matches!(host.is_unchanged(&other), Err(NotRun::Replaced(_))));
    }
}
