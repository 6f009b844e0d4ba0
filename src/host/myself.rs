//! What the running kernel knows of this very process and of who started it. On a workstation that examines an
//! image, this is the workstation's affair, and told all the same.

use serde::Serialize;

use crate::custody::digest::{Digest, Hasher};
use crate::path::shown;
use crate::records::process::{parse_stat, status_field};

/// Parents that are followed at most.
const PARENTS: usize = 32;

/// Who we are. Keys are sorted; what the kernel does not tell is absent.
#[derive(Debug, Serialize)]
pub struct Myself {
    /// The audit session of the login that this descends from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<String>,
    /// Effective capabilities, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities_effective: Option<String>,
    /// The folder that it was started in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Effective group.
    pub egid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// The user who logged in, whatever became of them since; `4294967295` if nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<String>,
    /// The processes above, nearest first.
    pub parents: Vec<Parent>,
    /// Our number.
    pub pid: u32,
    /// Where an SSH login came from, as the environment has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_connection: Option<String>,
    /// When we started, in clock ticks since boot; with the number, it names us for certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ticks: Option<u64>,
    /// The terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// Real user.
    pub uid: u32,
}

/// One process above us. Keys are sorted.
#[derive(Debug, Serialize)]
pub struct Parent {
    /// What it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// What it calls itself.
    pub name: String,
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

/// Asks the kernel about ourselves.
pub fn myself() -> Myself {
    let status = proc_file("self", "status").unwrap_or_default();
    let own = proc_file("self", "stat").and_then(|text| parse_stat(&text));
    Myself {
        audit_session: first_line("sessionid"),
        capabilities_effective: status_field(&status, "CapEff"),
        cwd: proc_link("self", "cwd"),
        egid: rustix::process::getegid().as_raw(),
        euid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        login_uid: first_line("loginuid"),
        parents: own.as_ref().map(|own| parents(own.parent)).unwrap_or_default(),
        pid: std::process::id(),
        ssh_connection: std::env::var_os("SSH_CONNECTION").map(|text| shown(text.as_encoded_bytes())),
        start_ticks: own.map(|own| own.start_ticks),
        terminal: proc_link("self", "fd/0").filter(|path| path.starts_with("/dev/")),
        uid: rustix::process::getuid().as_raw(),
    }
}

/// SHA-256 of the binary that is running; none where /proc does not show it.
pub fn own_digest() -> Option<Digest> {
    let mut file = std::fs::File::open("/proc/self/exe").ok()?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).ok()? {
            0 => return Some(hasher.finish()),
            count => hasher.update(buffer.get(..count)?),
        }
    }
}

fn parents(mut pid: i32) -> Vec<Parent> {
    let mut parents = Vec::new();
    while pid > 0 && parents.len() < PARENTS {
        let Some(stat) = proc_file(&pid.to_string(), "stat").and_then(|text| parse_stat(&text)) else {
            break;
        };
        parents.push(Parent {
            exe: proc_link(&pid.to_string(), "exe"),
            name: shown(&stat.name),
            pid,
            start_ticks: stat.start_ticks,
        });
        pid = stat.parent;
    }
    parents
}

fn proc_file(pid: &str, name: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/{name}")).ok()
}

fn proc_link(pid: &str, name: &str) -> Option<String> {
    let target = std::fs::read_link(format!("/proc/{pid}/{name}")).ok()?;
    Some(shown(target.as_os_str().as_encoded_bytes()))
}

fn first_line(name: &str) -> Option<String> {
    Some(shown(proc_file("self", name)?.split(|byte| *byte == b'\n').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_parents_ends_at_the_top() {
        let me = myself();
        assert_eq!(me.pid, std::process::id());
        assert!(!me.parents.is_empty());
        assert!(me.parents.iter().all(|parent| parent.start_ticks <= me.start_ticks.unwrap()));
    }

    #[test]
    fn the_digest_is_of_the_running_file() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(own_digest(), Some(Digest::of(&bytes)));
    }
}
