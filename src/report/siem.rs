//! Logins and accesses as a SIEM takes them: syslog lines ([`syslog`]) or the Elastic Common Schema ([`ecs`]). Names of
//! patients' files stay here: a path goes out as its ordinal, `phi-000001`, unless paths are asked for.

pub mod ecs;
pub mod syslog;

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::path::shown;

/// What an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Something was done to a file of patients'.
    Access,
    /// Somebody logged in, or tried to.
    Login,
    /// A login session.
    Session,
}

impl Subject {
    /// As the events name it.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Access => "access",
            Subject::Login => "login",
            Subject::Session => "session",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused, or failed.
    Failure,
    /// The logs do not say.
    Unknown,
}

impl Outcome {
    /// As ECS names it (`event.outcome`).
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Unknown => "unknown",
        }
    }
}

/// One login, session or access. Names are the bytes that were logged; what is empty or none is left out.
#[derive(Clone, Debug)]
pub struct SiemEvent {
    /// When; of several that were put together, the first.
    pub time: Timestamp,
    /// What it is of.
    pub subject: Subject,
    /// What was done, as `read`, `delete`, `accepted`, `failed`, `opened`, `closed`.
    pub op: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Under which name.
    pub user: Vec<u8>,
    /// The login identity.
    pub auid: Option<u32>,
    /// From where.
    pub address: Vec<u8>,
    /// The port at the other end.
    pub port: Option<u16>,
    /// The program that did it, or that let in.
    pub program: Vec<u8>,
    /// Its process.
    pub pid: Option<u32>,
    /// The file.
    pub file: File,
    /// How well origin and person are known: `A1` to `E`.
    pub label: &'static str,
    /// What is odd about it.
    pub flags: Vec<&'static str>,
    /// How many were put together.
    pub count: u64,
    /// The row that it is made from, to be found again in the bundle.
    pub row: String,
}

/// How a file is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum File {
    /// There is none.
    #[default]
    None,
    /// By number: the same file has the same one throughout.
    Ordinal(u32),
    /// By its path.
    Path(Vec<u8>),
}

impl File {
    /// As it goes out.
    pub fn text(&self) -> Option<String> {
        match self {
            File::None => None,
            File::Ordinal(number) => Some(format!("phi-{number:06}")),
            File::Path(path) => Some(shown(path)),
        }
    }
}

/// Most files that get a number of their own.
const NUMBERED: usize = 1 << 20;

/// Names files: by numbers in the order in which they come, or by their paths. A number says which file is meant to whoever
/// has the bundle, and nothing to anybody else.
#[derive(Debug, Default)]
pub struct Naming {
    paths: bool,
    numbers: HashMap<Vec<u8>, u32>,
    /// Files beyond those that get a number: they are all `phi-000000`.
    pub unnumbered: u64,
}

impl Naming {
    /// By paths, or by numbers.
    pub fn new(paths: bool) -> Naming {
        Naming { paths, ..Naming::default() }
    }

    /// The name of a path; none of an empty one.
    pub fn name(&mut self, path: &[u8]) -> File {
        if path.is_empty() {
            return File::None;
        }
        if self.paths {
            return File::Path(path.to_vec());
        }
        if let Some(number) = self.numbers.get(path) {
            return File::Ordinal(*number);
        }
        if self.numbers.len() >= NUMBERED {
            self.unnumbered += 1;
            return File::Ordinal(0);
        }
        let number = u32::try_from(self.numbers.len() + 1).unwrap_or(0);
        self.numbers.insert(path.to_vec(), number);
        File::Ordinal(number)
    }
}

impl SiemEvent {
    /// In one sentence, without what must not go out.
    fn words(&self) -> String {
        let user = if self.user.is_empty() { "unknown user".to_owned() } else { shown(&self.user) };
        let from =
            if self.address.is_empty() { String::new() } else { format!(" from {}", shown(&self.address)) };
        let by =
            if self.program.is_empty() { String::new() } else { format!(" by {}", shown(&self.program)) };
        let file = self.file.text().map_or_else(String::new, |file| format!(" of {file}"));
        let times = if self.count > 1 { format!(", {} times", self.count) } else { String::new() };
        format!("{} {}{file}: {user}{from}{by}, {}{times}", self.subject.word(), self.op, self.outcome.word())
    }
}

#[cfg(test)]
mod tests;
