//! The Elastic Common Schema (elastic.co, ECS 8.11), one event a line. What has no field in it stands under `phi_ir`.

use serde::Serialize;

use super::{File, Outcome, SiemEvent, Subject};
use crate::clock::Timestamp;
use crate::custody::json::{self, JsonError};
use crate::path::harmless;

/// The version of the schema that the fields are of.
pub const VERSION: &str = "8.11.0";

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    ecs: Ecs,
    event: Event<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Path>,
    host: Name,
    labels: Labels<'a>,
    message: String,
    phi_ir: Ours<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    related: Related,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
}

#[derive(Serialize)]
struct Ecs {
    version: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    action: String,
    category: [&'static str; 1],
    dataset: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
    id: &'a str,
    kind: &'static str,
    module: &'static str,
    outcome: &'static str,
    #[serde(rename = "type")]
    kinds: [&'static str; 1],
}

#[derive(Serialize)]
struct Path {
    path: String,
}

#[derive(Serialize)]
struct Name {
    name: String,
}

/// ECS: keywords, without anything nested.
#[derive(Serialize)]
struct Labels<'a> {
    attribution: &'a str,
    flags: String,
}

#[derive(Serialize)]
struct Ours<'a> {
    count: u64,
    flags: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    new_file: Option<String>,
    row: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u32>,
}

#[derive(Serialize)]
struct Process {
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

#[derive(Serialize)]
struct Related {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user: Vec<String>,
}

#[derive(Serialize)]
struct Source {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct User {
    /// Whose rights were taken on.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<Other>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whose rights were asked for, and not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Other>,
}

#[derive(Serialize)]
struct Other {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The line of an event, with its newline. `host` is the machine that the bundle is of.
pub fn line(event: &SiemEvent, host: &str) -> Result<Vec<u8>, JsonError> {
    let mut bytes = Vec::new();
    json::row(&mut bytes, &of(event, host))?;
    Ok(bytes)
}

fn of<'a>(event: &'a SiemEvent, host: &str) -> Line<'a> {
    let (program, address) = (named(&event.program), named(&event.address));
    // `source.ip` and `related.ip` take nothing but addresses: a receiver refuses the whole event for a name in them.
    let ip = address.as_ref().and_then(|text| text.parse::<std::net::IpAddr>().ok()).map(|ip| ip.to_string());
    let names = address.clone().filter(|_| ip.is_none());
    Line {
        timestamp: event.time,
        ecs: Ecs { version: VERSION },
        event: Event {
            action: format!("{}-{}", event.subject.word(), event.op),
            category: [category(event.subject)],
            dataset: format!("phi_ir.{}", event.subject.word()),
            end: event.last,
            id: &event.row,
            kind: "event",
            module: "phi_ir",
            outcome: event.outcome.word(),
            kinds: [kind(event)],
        },
        file: path(&event.file),
        host: Name { name: harmless(host) },
        labels: Labels { attribution: event.label, flags: event.flags.join(" ") },
        message: event.words(),
        phi_ir: Ours {
            count: event.count,
            flags: &event.flags,
            new_file: event.new_file.text(),
            row: &event.row,
            session: event.ses,
        },
        process: (program.is_some() || event.pid.is_some()).then(|| process(program, event.pid)),
        related: Related {
            hosts: names.into_iter().collect(),
            ip: ip.iter().cloned().collect(),
            user: users(event),
        },
        source: address.map(|address| Source { address, ip, port: event.port }),
        user: user(event),
    }
}

fn user(event: &SiemEvent) -> Option<User> {
    let (id, name, to) = (event.auid.map(|auid| auid.to_string()), named(&event.user), named(&event.to));
    let (taken, asked) = if event.outcome == Outcome::Failure { (None, to) } else { (to, None) };
    let other = |id: Option<u32>, name: Option<String>| {
        (id.is_some() || name.is_some()).then(|| Other { id: id.map(|id| id.to_string()), name })
    };
    let (effective, target) = (other(event.euid, taken), other(None, asked));
    let anybody = id.is_some() || name.is_some() || effective.is_some() || target.is_some();
    anybody.then_some(User { effective, id, name, target })
}

fn users(event: &SiemEvent) -> Vec<String> {
    let mut users: Vec<String> =
        [&event.user, &event.to].into_iter().filter_map(|name| named(name)).collect();
    users.dedup();
    users
}

fn process(program: Option<String>, pid: Option<u32>) -> Process {
    match program {
        Some(path) if path.starts_with('/') => {
            let name = path.rsplit('/').next().map(str::to_owned);
            Process { executable: Some(path), name, pid }
        }
        name => Process { executable: None, name, pid },
    }
}

/// The number of a file stands where its path would: rules that look there find the same file again.
fn path(file: &File) -> Option<Path> {
    file.text().map(|path| Path { path })
}

fn category(subject: Subject) -> &'static str {
    match subject {
        Subject::Access => "file",
        Subject::Login => "authentication",
        Subject::Session => "session",
    }
}

/// The type, one of those that ECS expects for the category: `start` of whatever says what became of a login.
fn kind(event: &SiemEvent) -> &'static str {
    let op = event.op.as_str();
    let op = op.strip_prefix("denied_").or_else(|| op.strip_prefix("failed_")).unwrap_or(op);
    match (event.subject, op) {
        (Subject::Access, "delete" | "rmdir" | "unlink") => "deletion",
        (Subject::Access, "create" | "link" | "symlink" | "mkdir") => "creation",
        (Subject::Access, "read" | "list" | "handle" | "exec" | "open") => "access",
        (Subject::Access, _) => "change",
        (Subject::Login | Subject::Session, "closed" | "ended") => "end",
        (Subject::Login, _) if event.outcome != Outcome::Unknown => "start",
        (Subject::Session, "opened" | "began") => "start",
        (Subject::Login | Subject::Session, _) => "info",
    }
}

fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| harmless(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_keys_of_an_event_are_sorted() {
        let mut event = crate::report::siem::tests::event();
        (event.file, event.new_file) = (super::File::Ordinal(7), super::File::Ordinal(8));
        (event.euid, event.ses, event.last) = (Some(0), Some(3), Some(event.time));
        event.to = "root".to_owned();
        crate::custody::json::assert_keys_sorted(&super::of(&event, "ehr01"));
    }
}
