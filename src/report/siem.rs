//! Logins and accesses as a SIEM takes them: syslog lines ([`syslog`]) or the Elastic Common Schema ([`ecs`]). Names of
//! patients' files stay here: a path goes out as its ordinal, `phi-000001`, unless paths are asked for.

pub mod ecs;
pub mod syslog;

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::path::{HostPath, harmless};

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

/// One login, session or access. Texts are escaped as rows have them; what is empty or none is left out.
#[derive(Clone, Debug)]
pub struct SiemEvent {
    /// When; of several that were put together, the first.
    pub time: Timestamp,
    /// The last of them.
    pub last: Option<Timestamp>,
    /// What it is of.
    pub subject: Subject,
    /// What was done, as `read`, `delete`, `accepted`, `failed`, `opened`, `closed`.
    pub op: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Under which name.
    pub user: String,
    /// The login identity.
    pub auid: Option<u32>,
    /// The process's user.
    pub uid: Option<u32>,
    /// As which user it acted, which may be another.
    pub euid: Option<u32>,
    /// As whom somebody in a session acted, or wanted to; empty for nobody else.
    pub to: String,
    /// The kernel's number of the session.
    pub ses: Option<u32>,
    /// From where.
    pub address: String,
    /// The port at the other end.
    pub port: Option<u16>,
    /// The program that did it, or that let in; [`Naming::program`] keeps a patient's name out of it.
    pub program: String,
    /// Its process.
    pub pid: Option<u32>,
    /// The file.
    pub file: File,
    /// The name that it got, or the further name.
    pub new_file: File,
    /// How well origin and person are known: `A1` to `E`.
    pub label: &'static str,
    /// What is to be known of it: `collector` where this program itself did it, and what is odd.
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
    /// By its path, escaped.
    Path(String),
}

impl File {
    /// As it goes out.
    pub fn text(&self) -> Option<String> {
        match self {
            File::None => None,
            File::Ordinal(number) => Some(format!("phi-{number:06}")),
            File::Path(path) => Some(harmless(path)),
        }
    }
}

/// Most files that get a number of their own.
const NUMBERED: usize = 1 << 20;

/// Names files: by numbers in the order in which they come, or by their paths. A number says which file is meant to whoever
/// has the rows, and nothing to anybody else.
#[derive(Debug, Default)]
pub struct Naming {
    paths: bool,
    roots: Vec<HostPath>,
    numbers: HashMap<String, u32>,
    /// Namings of files beyond those that get a number: they are all `phi-000000`.
    pub unnumbered: u64,
}

impl Naming {
    /// By paths, or by numbers; `roots` are the PHI folders.
    pub fn new(paths: bool, roots: Vec<HostPath>) -> Naming {
        Naming { paths, roots, ..Naming::default() }
    }

    /// The name of a path, escaped as rows have it; none of an empty one.
    pub fn file(&mut self, path: &str) -> File {
        if path.is_empty() {
            return File::None;
        }
        if self.paths {
            return File::Path(path.to_owned());
        }
        if let Some(number) = self.numbers.get(path) {
            return File::Ordinal(*number);
        }
        if self.numbers.len() >= NUMBERED {
            self.unnumbered += 1;
            return File::Ordinal(0);
        }
        let number = u32::try_from(self.numbers.len() + 1).unwrap_or(0);
        self.numbers.insert(path.to_owned(), number);
        File::Ordinal(number)
    }

    /// The name of a program: one that lies in a PHI folder is named like any file there.
    pub fn program(&mut self, path: &str) -> String {
        let place = HostPath::new(path);
        let of_phi = place.is_ok_and(|place| self.roots.iter().any(|root| place.is_within(root)));
        if of_phi { self.file(path).text().unwrap_or_default() } else { path.to_owned() }
    }
}

impl SiemEvent {
    /// In one sentence, without what must not go out.
    fn words(&self) -> String {
        let clause = |before: &str, text: &str| match text {
            "" => String::new(),
            text => format!("{before}{text}"),
        };
        let file = |file: &File| file.text().unwrap_or_default();
        let times = if self.count > 1 { format!(", {} times", self.count) } else { String::new() };
        harmless(&format!(
            "{} {}{}{}{}: {}{}{}, {}{times}",
            self.subject.word(),
            self.op,
            clause(" of ", &file(&self.file)),
            clause(" to ", &file(&self.new_file)),
            clause(" to ", &self.to),
            if self.user.is_empty() { "unknown user" } else { &self.user },
            clause(" from ", &self.address),
            clause(" by ", &self.program),
            self.outcome.word(),
        ))
    }
}

#[cfg(test)]
mod tests;
