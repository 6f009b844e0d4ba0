//! Lines of audit.rules(7) compiled to the form that the kernel lists, without asking the kernel: so that it can be
//! said which line is not in force. A line that this compiler does not know is given back with why; it is never taken
//! for one that is not there.

use std::collections::BTreeMap;

use super::syscalls::{Arch, error_number};
use super::{
    ALWAYS, Canonical, EQUAL, EXIT, FIELD_ARCH, FIELD_ARGUMENTS, FIELD_AUID, FIELD_COMPARE, FIELD_EXIT,
    FIELD_FILETYPE, FIELD_FSTYPE, FIELD_KEY, FIELD_MSGTYPE, FIELD_PERM, FIELD_SESSION, FIELD_SUCCESS,
    FIELD_WATCH, Field, MASK_WORDS, Rule, TEXT_FIELDS, names, types,
};
use crate::path::shown;

/// One line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The line without the blanks around it.
    pub text: Vec<u8>,
    /// What it says.
    pub meaning: Meaning,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A rule.
    Rule(Written),
    /// `-D`: all rules before it go.
    DeleteAll,
    /// A setting: its name as the kernel's status has it, and its value.
    Control(&'static str, String),
    /// Something that changes nothing that can be compared: `-i`, `-c`, counters that are reset.
    Other,
    /// It could not be compiled, with why.
    Unknown(String),
}

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    rule: Rule,
    /// What it may be once it is loaded: with `-w`, whether it watches a name or a tree is decided then.
    forms: Vec<Canonical>,
    /// Written with `-A`: it is put before the rules of its list that are loaded already.
    first: bool,
}

/// What names in rules mean on the examined machine.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Its processor.
    pub machine: Option<Arch>,
    /// Users of its /etc/passwd.
    pub users: BTreeMap<Vec<u8>, u32>,
    /// Groups of its /etc/group.
    pub groups: BTreeMap<Vec<u8>, u32>,
}

impl Written {
    /// Whether a loaded rule is this one.
    pub fn is(&self, loaded: &Canonical) -> bool {
        self.forms.contains(loaded)
    }

    /// Whether another line says the same.
    pub fn same_as(&self, other: &Written) -> bool {
        self.forms.iter().any(|form| other.is(form))
    }

    /// Whether it is put before the rules of its list that are loaded already.
    pub fn goes_first(&self) -> bool {
        self.first
    }

    /// In auditctl's words.
    pub fn canonical_text(&self, machine: Option<Arch>) -> Vec<u8> {
        self.rule.text(machine)
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// Reads a whole file of rules.
pub fn compile(text: &[u8], names: &Names) -> Vec<Line> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
    let saying = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with(b"#"));
    saying
        .map(|(line, number)| {
            let meaning = meaning(line, names).unwrap_or_else(Meaning::Unknown);
            Line { number, text: line.to_vec(), meaning }
        })
        .collect()
}

/// What has been said of a rule so far.
#[derive(Default)]
struct Draft {
    list: Option<(u32, u32)>,
    first: bool,
    watch: Option<Vec<u8>>,
    permissions: Option<u32>,
    calls: Vec<String>,
    fields: Vec<Field>,
    arch: Option<Arch>,
    keys: Vec<Vec<u8>>,
}

fn meaning(line: &[u8], names: &Names) -> Result<Meaning, String> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut draft = Draft::default();
    let mut said = None;
    while let Some(word) = words.next() {
        let (option, joined) = option_of(word).ok_or_else(|| format!("{} is no option", shown(word)))?;
        let mut value = || {
            let value = joined.or_else(|| words.next());
            value.ok_or_else(|| format!("{option} has no value"))
        };
        match option.as_str() {
            "-a" | "-A" => {
                draft.list = Some(list_and_action(value()?)?);
                draft.first = option == "-A";
            }
            "-w" => draft.watch = Some(without_slashes(value()?)),
            "-p" => draft.permissions = Some(permissions(&plain(value()?)?)?),
            "-k" => draft.keys.push(value()?.to_vec()),
            "-S" => draft.calls.extend(plain(value()?)?.split(',').map(str::to_owned)),
            "-F" => draft.field(value()?, names)?,
            "-C" => draft.compare(&plain(value()?)?)?,
            "-D" => said = Some(Meaning::DeleteAll),
            "-b" => said = Some(Meaning::Control("backlog_limit", plain(value()?)?)),
            "-e" => said = Some(Meaning::Control("enabled", plain(value()?)?)),
            "-f" => said = Some(Meaning::Control("failure", plain(value()?)?)),
            "-r" => said = Some(Meaning::Control("rate_limit", plain(value()?)?)),
            "--backlog_wait_time" => said = Some(Meaning::Control("backlog_wait_time", plain(value()?)?)),
            "--loginuid-immutable" => said = Some(Meaning::Control("loginuid_immutable", "1".into())),
            "-i" | "-c" | "-s" | "-l" | "--reset-lost" | "--reset_backlog_wait_time_actual" => {
                said = said.or(Some(Meaning::Other));
            }
            _ => return Err(format!("{option} is not known to this compiler")),
        }
    }
    if draft.list.is_none() && draft.watch.is_none() {
        // `-D -k KEY` deletes some of the rules only.
        return match said {
            Some(Meaning::DeleteAll) if !draft.keys.is_empty() => {
                Err("it deletes only the rules of a key".into())
            }
            Some(said) => Ok(said),
            None => Err("it is neither a rule nor a setting".into()),
        };
    }
    draft.finish(names).map(Meaning::Rule)
}

/// `-pwa` is `-p` with the value `wa`, `--name=1` is `--name` with the value `1`.
fn option_of(word: &[u8]) -> Option<(String, Option<&[u8]>)> {
    if let Some(long) = word.strip_prefix(b"--") {
        let mut parts = long.splitn(2, |byte| *byte == b'=');
        let name = std::str::from_utf8(parts.next()?).ok()?;
        return Some((format!("--{name}"), parts.next()));
    }
    let rest = word.strip_prefix(b"-")?;
    let (letter, joined) = rest.split_first()?;
    letter
        .is_ascii_alphabetic()
        .then(|| (format!("-{}", char::from(*letter)), Some(joined).filter(|j| !j.is_empty())))
}

fn plain(word: &[u8]) -> Result<String, String> {
    std::str::from_utf8(word).map(str::to_owned).map_err(|_| format!("{} is no text", shown(word)))
}

fn without_slashes(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 1);
    path.get(..end).unwrap_or(path).to_vec()
}

/// `always,exit`, in either order.
fn list_and_action(word: &[u8]) -> Result<(u32, u32), String> {
    let text = plain(word)?;
    let (one, other) = text.split_once(',').ok_or_else(|| format!("{text} is not a list and an action"))?;
    let both = |list, action| Some((names::list_number(list)?, names::action_number(action)?));
    both(one, other).or_else(|| both(other, one)).ok_or_else(|| format!("{text} is not a list and an action"))
}

fn permissions(letters: &str) -> Result<u32, String> {
    letters.chars().try_fold(0, |bits, letter| match letter.to_ascii_lowercase() {
        'r' => Ok(bits | 4),
        'w' => Ok(bits | 2),
        'x' => Ok(bits | 1),
        'a' => Ok(bits | 8),
        _ => Err(format!("{} is no kind of access", shown(letters.as_bytes()))),
    })
}

/// As strtol(3) reads it with base 0: hexadecimal, octal, decimal, with a sign.
fn number(text: &str) -> Option<u32> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let magnitude = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        u32::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        u32::from_str_radix(digits, 8).ok()?
    } else if digits.starts_with('+') {
        return None;
    } else {
        digits.parse().ok()?
    };
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

impl Draft {
    fn field(&mut self, word: &[u8], names: &Names) -> Result<(), String> {
        // Only texts may hold bytes that are no text; the name and operator before them do not.
        let at = word.iter().position(|byte| b"!><&=".contains(byte)).unwrap_or(word.len());
        let (name, rest) = word.split_at_checked(at).unwrap_or((word, &[]));
        let name = plain(name)?;
        let length = rest.iter().take_while(|byte| b"!><&=".contains(byte)).count().min(2);
        let written = plain(rest.get(..length).unwrap_or_default())?;
        let expression = name.clone() + &written;
        let split = names::split(&expression);
        let (_, operator, left) = split.ok_or_else(|| format!("{} has no operator", shown(word)))?;
        let value = rest.get(length - left.len()..).unwrap_or_default();
        let kind =
            names::field_number(&name).ok_or_else(|| format!("{name} is not known to this compiler"))?;
        if kind == FIELD_KEY {
            self.keys.push(value.to_vec());
            return Ok(());
        }
        if TEXT_FIELDS.contains(&kind) {
            self.fields.push(Field { kind, operator, value: 0, text: Some(value.to_vec()) });
            return Ok(());
        }
        let text = plain(value)?;
        let value = value_of(kind, &text, names)
            .ok_or_else(|| format!("{name}: {text} is not known to this compiler"))?;
        if kind == FIELD_ARCH {
            self.arch = Some(Arch(value));
        }
        self.fields.push(Field { kind, operator, value, text: None });
        Ok(())
    }

    fn compare(&mut self, word: &str) -> Result<(), String> {
        let found = names::split(word)
            .and_then(|(one, operator, other)| Some((names::comparison_number(one, other)?, operator)));
        let (value, operator) = found.ok_or_else(|| format!("{word} is no comparison of two fields"))?;
        self.fields.push(Field { kind: FIELD_COMPARE, operator, value, text: None });
        Ok(())
    }

    fn finish(mut self, names: &Names) -> Result<Written, String> {
        let of_either_scope = self.watch.is_some();
        let (list, action) = self.list.unwrap_or((EXIT, ALWAYS));
        if let Some(path) = self.watch.take() {
            self.fields.push(Field { kind: FIELD_WATCH, operator: EQUAL, value: 0, text: Some(path) });
            self.permissions.get_or_insert(15);
        }
        if let Some(value) = self.permissions {
            self.fields.push(Field { kind: FIELD_PERM, operator: EQUAL, value, text: None });
        }
        let keys = self.keys.join(&[1_u8][..]);
        if !keys.is_empty() {
            self.fields.push(Field { kind: FIELD_KEY, operator: EQUAL, value: 0, text: Some(keys) });
        }
        let mask = mask(&self.calls, self.arch.or(names.machine))?;
        let rule = Rule { list, action, mask, fields: self.fields };
        let mut forms = vec![rule.canonical()];
        if of_either_scope {
            forms.extend(forms.first().map(Canonical::of_tree));
        }
        Ok(Written { rule, forms, first: self.first })
    }
}

/// The bits of the named calls; of all where none is named.
fn mask(calls: &[String], arch: Option<Arch>) -> Result<Vec<u32>, String> {
    if calls.is_empty() || calls.iter().any(|call| call == "all") {
        return Ok(vec![u32::MAX; MASK_WORDS]);
    }
    let mut mask = vec![0_u32; MASK_WORDS];
    for call in calls {
        let known = arch.and_then(|arch| arch.call_number(call)).or_else(|| call.parse().ok());
        let number =
            known.ok_or_else(|| format!("the call {} is not in our table", shown(call.as_bytes())))?;
        let word =
            mask.get_mut(number as usize / 32).ok_or_else(|| format!("{number} is no number of a call"))?;
        *word |= 1 << (number % 32);
    }
    Ok(mask)
}

fn value_of(kind: u32, text: &str, names: &Names) -> Option<u32> {
    let unset = || (text == "unset").then_some(u32::MAX);
    match kind {
        1..=4 | FIELD_AUID | 109 => {
            number(text).or_else(unset).or_else(|| names.users.get(text.as_bytes()).copied())
        }
        5..=8 | 110 => number(text).or_else(unset).or_else(|| names.groups.get(text.as_bytes()).copied()),
        FIELD_SESSION => number(text).or_else(unset),
        FIELD_ARCH => arch(text, names.machine).map(|arch| arch.0),
        FIELD_MSGTYPE => number(text).or_else(|| types::number(text)),
        FIELD_EXIT => number(text).or_else(|| match text.strip_prefix('-') {
            Some(name) => error_number(name).map(|code| code.wrapping_neg().cast_unsigned()),
            None => error_number(text).map(i32::cast_unsigned),
        }),
        FIELD_SUCCESS => number(text).filter(|value| *value <= 1),
        FIELD_PERM => permissions(text).ok(),
        FIELD_FILETYPE => names::file_type_number(text).or_else(|| number(text)),
        FIELD_FSTYPE => names::file_system_number(text).or_else(|| number(text)),
        kind if FIELD_ARGUMENTS.contains(&kind) => number(text),
        _ => number(text),
    }
}

fn arch(text: &str, machine: Option<Arch>) -> Option<Arch> {
    match text {
        "b64" => machine?.of_width(64),
        "b32" => machine?.of_width(32),
        name => Arch::of_machine(name),
    }
}

#[cfg(test)]
mod tests;
