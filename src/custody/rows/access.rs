//! Accesses to PHI, who made them, and which files they met. Keys are sorted.

pub mod coverage;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;
use crate::custody::rows::login_views::ElevationRow;

/// Version of the reading of audit events: a row of another one may say other things of the same log.
pub const PARSER_VERSION: u32 = 1;

/// One access, or several that are the same but for their time.
#[derive(Clone, Debug, Serialize)]
pub struct AccessRow {
    /// Who.
    pub actor: ActorPart,
    /// The processor whose calls these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<&'static str>,
    /// Arguments of the call that decide, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arg_flags_text: String,
    /// Sessions that it may have been, where that is not certain; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<SourcePart>,
    /// How many of them there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub candidates_total: u64,
    /// It was this program itself, while it collected.
    pub collector: bool,
    /// Events in it.
    pub count: u64,
    /// The device, `major:minor`, as the kernel logs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// How it came to act as another than who logged in: what the session did before, the latest 4.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elevations: Vec<ElevationRow>,
    /// Which boot, counted from the oldest log.
    pub epoch: u32,
    /// The error of a call that was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// The first 16 events, as `SECONDS.MILLISECONDS:SERIAL@FILE:OFFSET`.
    pub events: Vec<String>,
    /// What kind of file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_type: Option<&'static str>,
    /// When the first was entered.
    pub first_utc: Timestamp,
    /// What is missing of the events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<&'static str>,
    /// The inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// The keys of the rule that logged it, escaped.
    pub keys: Vec<String>,
    /// When the last was entered.
    pub last_utc: Timestamp,
    /// How the path was found: `exact`, `cwd`, `inode`, `fd`; `cmdline` and `unresolved` are not certain.
    pub name_res: &'static str,
    /// The name that it got, or the further name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_path_b64: Option<Base64>,
    /// The machine that logged it, where the log names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// What was done: `read` is an opening for reading, and no more.
    pub op: &'static str,
    /// `ok`, `denied`, `failed` or `unknown`.
    pub outcome: &'static str,
    /// The file that stood in the way and is destroyed, by its inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overwritten_inode: Option<u64>,
    /// Owner and permissions at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_at_event: Option<OwnerPart>,
    /// Which version of the reading made this row.
    pub parser_version: u32,
    /// The path, escaped; of a renaming the old one.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// By what it counts as PHI: `key`, `path`, `inode`.
    pub phi_by: Vec<&'static str>,
    /// Which program.
    pub program: ProgramPart,
    /// The number of this row.
    pub row_id: u64,
    /// `phi-ir.phi-access/1`
    pub schema: &'static str,
    /// From where; absent where it is not known, or not which of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePart>,
    /// What a link leads to, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symlink_target: Option<String>,
    /// The call, by its name or its number.
    pub syscall: String,
}

/// Who.
#[derive(Clone, Debug, Serialize)]
pub struct ActorPart {
    /// The login identity; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid: Option<u32>,
    /// Its name, as the session has it, escaped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auid_name: String,
    /// The effective user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub euid: Option<u32>,
    /// What is odd about the attribution.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The user that files are opened as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsuid: Option<u32>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// How well it is known who and from where: `A1`, `A2`, `B`, `C`, `D`, `E`.
    pub label: &'static str,
    /// The session; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses: Option<u32>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// Owner and permissions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OwnerPart {
    /// Type and permissions, as a number.
    pub mode: u32,
    /// The owning group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ogid: Option<u32>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ouid: Option<u32>,
}

/// Which program.
#[derive(Clone, Debug, Serialize)]
pub struct ProgramPart {
    /// The first 128 bytes of its command line, escaped: it chose them itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cmdline_hint: String,
    /// What it calls itself, escaped.
    pub comm: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm_b64: Option<Base64>,
    /// The program file, escaped.
    pub exe: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_b64: Option<Base64>,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The one that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
}

/// From where: what is known of a session.
#[derive(Clone, Debug, Serialize)]
pub struct SourcePart {
    /// The address at the other end, escaped; it may be that of a relay.
    pub addr: String,
    /// When the session ended, if that is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_utc: Option<Timestamp>,
    /// Where this stands, as `FIELD=SOURCE@FILE:OFFSET`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The name of the address, escaped: no proof of anything.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// The key that was shown: it identifies a key, not a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_fp: String,
    /// How it was let in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The port at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The session's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses: Option<u32>,
    /// When the session began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_utc: Option<Timestamp>,
    /// The terminal, escaped; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub terminal: String,
    /// The name that was logged in under, escaped.
    pub user: String,
}

/// What one actor did to PHI.
#[derive(Clone, Debug, Serialize)]
pub struct ActorRow {
    /// Addresses, escaped; at most 16.
    pub addresses: Vec<String>,
    /// The login identity; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid: Option<u32>,
    /// Its name, escaped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auid_name: String,
    /// The most files that were met within one minute of the clock.
    pub burst_files_per_minute: u64,
    /// It was this program itself, while it collected.
    pub collector: bool,
    /// Events that were refused.
    pub denied: u64,
    /// Directories with the most events, at most 16, escaped.
    pub directories: BTreeMap<String, u64>,
    /// Events.
    pub events: u64,
    /// Files that were met, each once whatever its names; of uncertain name none.
    pub files: u64,
    /// The same by what was done.
    pub files_by_op: BTreeMap<&'static str, u64>,
    /// The first access.
    pub first_utc: Timestamp,
    /// Events by label.
    pub labels: BTreeMap<&'static str, u64>,
    /// The last access.
    pub last_utc: Timestamp,
    /// Addresses, directories, programs and sessions that are not told, there being too many.
    pub left: u64,
    /// The machine, where the log names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Programs, escaped, at most 16, with their events.
    pub programs: BTreeMap<String, u64>,
    /// `phi-ir.phi-actor/1`
    pub schema: &'static str,
    /// Numbers of sessions, at most 16.
    pub sessions: Vec<u32>,
    /// The user, where there is no login identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Events of files whose name is not certain.
    pub unsure_events: u64,
}

/// What became of one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileAccessRow {
    /// Numbers of actors, as in their rows from 0, with what they did; at most 64.
    pub actors: BTreeMap<String, Vec<&'static str>>,
    /// Events.
    pub events: u64,
    /// What kind of file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_type: Option<&'static str>,
    /// The first access.
    pub first_utc: Timestamp,
    /// The last access.
    pub last_utc: Timestamp,
    /// How its name was found, at worst.
    pub name_res: &'static str,
    /// Its names, escaped, in the order in which it got them; at most 16.
    pub paths: Vec<String>,
    /// Exactly, where one of them is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths_b64: Option<Vec<Base64>>,
    /// Names that are not told, there being too many.
    pub paths_left: u64,
    /// `phi-ir.phi-file/1`
    pub schema: &'static str,
    /// What became of it, as far as the log tells: `there`, `deleted`, `renamed`, `overwritten`.
    pub state: &'static str,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
