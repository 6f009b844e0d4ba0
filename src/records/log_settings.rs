//! What the configuration of logging says: lines of journald.conf, of rsyslog's and logrotate's files and of sshd_config
//! as settings with their place, and what of them could not be read. What a setting means stands in the tables of each.

pub mod journald;
pub mod logrotate;
pub mod rsyslog;
pub mod sshd;

/// One thing that a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The line, from 1.
    pub line: u32,
    /// What it applies to, where that is not everything: files, a Match block, a selector.
    pub scope: Option<Vec<u8>>,
    /// Its name, as it stands or, where the name depends on a place, with that in front.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Value,
}

/// A value, or why it is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As it stands.
    Is(Vec<u8>),
    /// It may hold a password or key; the sealed file has it.
    Withheld,
    /// The line cannot be read; the words say why.
    Unread(Vec<u8>, &'static str),
}

impl Setting {
    fn new(line: u32, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Setting {
        Setting { line, scope: None, name: name.into(), value: Value::Is(value.into()) }
    }

    fn unread(line: u32, text: &[u8], why: &'static str) -> Setting {
        let text = text.get(..text.len().min(LONGEST)).unwrap_or_default();
        Setting { line, scope: None, name: Vec::new(), value: Value::Unread(text.to_vec(), why) }
    }

    fn within(self, scope: Option<&[u8]>) -> Setting {
        Setting { scope: scope.map(<[u8]>::to_vec), ..self }
    }

    /// Whether it has this name, without regard to case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Bytes of a line that cannot be read that are told.
const LONGEST: usize = 400;

/// What a setting is called, what holds where nothing is set, and what it means.
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it means.
    pub means: &'static str,
}

/// What is known of a setting by its name, without regard to case.
pub fn known<'k>(all: &'k [Known], name: &[u8]) -> Option<&'k Known> {
    all.iter().find(|known| known.name.as_bytes().eq_ignore_ascii_case(name))
}

/// Lines with their numbers, without `\r`.
fn numbered(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    (1..).zip(lines)
}

/// The first word, and what follows it without the white space between them.
fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    (word, rest.trim_ascii())
}
