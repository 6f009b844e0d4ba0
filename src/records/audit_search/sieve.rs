//! A cheap test of single lines: an event none of whose lines passes it cannot be what is asked for. It looks at what is
//! rarest of what is asked, and lets pass what it is not sure of.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Calls, Filter, is_of_names};
use crate::path::HostPath;

static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"key="));
static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" name="));

/// The test.
#[derive(Clone, Debug)]
pub struct Sieve {
    needles: Needles,
    calls: Calls,
}

#[derive(Clone, Debug)]
enum Needles {
    /// All lines pass.
    All,
    /// Lines of these types.
    Kinds(Vec<Vec<u8>>),
    /// Lines with any of these bytes; of types that have such a field.
    Any { field: Field, finders: Vec<Finder<'static>> },
}

/// Where what is looked for stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// In records of calls and of programs, but not in those of names.
    Actor,
    /// In those too, and behind `key=`.
    Key,
    /// In PATH and CWD alone.
    Name,
}

impl Sieve {
    pub(super) fn of(filter: &Filter) -> Sieve {
        let texts =
            |asked: &[Vec<u8>]| Needles::any(Field::Actor, asked.iter().flat_map(|text| spellings(text)));
        let numbers = |name: &str, asked: &[u32]| {
            let written = asked.iter().flat_map(|number| {
                let unset = if *number == u32::MAX { &["-1", "unset"][..] } else { &[] };
                let words = unset.iter().map(|word| (*word).to_owned());
                words
                    .chain([number.to_string()])
                    .map(|word| format!("{name}={word}").into_bytes())
                    .collect::<Vec<_>>()
            });
            Needles::any(Field::Actor, written)
        };
        let needles = if !filter.keys.is_empty() {
            Needles::any(Field::Key, filter.keys.iter().flat_map(|text| spellings(text)))
        } else if let Some(parts) = names(&filter.paths) {
            Needles::any(Field::Name, parts.iter().flat_map(|text| spellings(text)))
        } else if !filter.kinds.is_empty() {
            Needles::Kinds(filter.kinds.clone())
        } else if !filter.exes.is_empty() {
            texts(&filter.exes)
        } else if !filter.comms.is_empty() {
            texts(&filter.comms)
        } else if !filter.pids.is_empty() {
            numbers("pid", &filter.pids)
        } else if !filter.sessions.is_empty() {
            numbers("ses", &filter.sessions)
        } else if !filter.auids.is_empty() {
            numbers("auid", &filter.auids)
        } else if !filter.uids.is_empty() {
            numbers("uid", &filter.uids)
        } else if !filter.syscalls.is_empty() {
            numbers("syscall", &filter.syscalls.numbers())
        } else {
            Needles::All
        };
        Sieve { needles, calls: filter.syscalls.clone() }
    }

    /// Whether the event of a line may be what is asked for.
    pub fn wants(&self, kind: &[u8], line: &[u8]) -> bool {
        match &self.needles {
            Needles::All => true,
            Needles::Kinds(kinds) => kinds.iter().any(|known| known == kind),
            Needles::Any { field, finders } => {
                let part = match field {
                    // Where a relative name lies its own line does not say.
                    Field::Name if kind == b"PATH" && is_unsure(line) => return true,
                    Field::Name => matches!(kind, b"PATH" | b"CWD").then_some(line),
                    // Who made the access its own line does not say, and another may not be there.
                    Field::Actor if matches!(kind, b"PATH" | b"CWD" | b"URINGOP") => return true,
                    Field::Actor if self.calls.are_unsure(line) => return true,
                    _ if is_of_names(kind) => None,
                    Field::Actor => Some(line),
                    Field::Key => KEY.find(line).and_then(|at| line.get(at..)),
                };
                part.is_some_and(|part| finders.iter().any(|finder| finder.find(part).is_some()))
            }
        }
    }
}

/// Whether the name of a PATH line begins not at the root, as it is or in hexadecimal, or was left out.
fn is_unsure(line: &[u8]) -> bool {
    let name = NAME.find(line).and_then(|at| line.get(at + b" name=".len()..)).unwrap_or_default();
    match name.first() {
        Some(b'"') => name.get(1) != Some(&b'/'),
        Some(b'(' | b'<') => true,
        Some(digit) => digit.is_ascii_hexdigit() && !name.starts_with(b"2F") && !name.starts_with(b"2f"),
        None => false,
    }
}

impl Needles {
    fn any(field: Field, texts: impl Iterator<Item = Vec<u8>>) -> Needles {
        let finders = texts.map(|text| Finder::new(&text).into_owned()).collect();
        Needles::Any { field, finders }
    }
}

/// How bytes can stand in a line: as they are, or in hexadecimal of either case.
fn spellings(text: &[u8]) -> [Vec<u8>; 3] {
    let hex = |digits: &[u8; 16]| {
        let digit = |value: u8| digits.get(usize::from(value)).copied().unwrap_or(b'0');
        text.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    };
    [text.to_vec(), hex(b"0123456789ABCDEF"), hex(b"0123456789abcdef")]
}

/// Bytes that stand in a line if the name is asked for: of a path its last component, as the rest of it may be the
/// working directory's. None where that says nothing.
fn names(asked: &[HostPath]) -> Option<Vec<Vec<u8>>> {
    let parts: Vec<Vec<u8>> = asked.iter().map(|path| path.name().to_vec()).collect();
    (!parts.is_empty() && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}
