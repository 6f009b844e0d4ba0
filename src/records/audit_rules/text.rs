//! A rule in auditctl's words, as `auditctl -l` prints it, byte for byte, with four exceptions, where auditctl's words
//! are wrong and ours are not: it leaves out the operator of `exe!=`, it prints the calls of a rule without
//! `arch` by the table of the rule before it, it has no names for calls that are newer than its table, and where the
//! path of a watch does not come first it runs the words together.

use super::syscalls::{Arch, error_name};
use super::{
    FIELD_ARCH, FIELD_ARGUMENTS, FIELD_COMPARE, FIELD_DIR, FIELD_EXIT, FIELD_FSTYPE, FIELD_INODE, FIELD_KEY,
    FIELD_MSGTYPE, FIELD_PERM, FIELD_WATCH, Field, Rule, names, permission_letters, types,
};

impl Rule {
    /// The line. `machine` is the processor of rules that do not say theirs.
    pub fn text(&self, machine: Option<Arch>) -> Vec<u8> {
        if self.is_plain_watch() { self.watch_text() } else { self.full_text(machine) }
    }

    fn watch_text(&self) -> Vec<u8> {
        let mut line = b"-w ".to_vec();
        line.extend_from_slice(self.watched().map(|(path, _)| path).unwrap_or_default());
        line.extend(format!(" -p {}", self.permissions().unwrap_or_default()).into_bytes());
        for key in self.keys().into_iter().filter(|key| !key.is_empty()) {
            line.extend_from_slice(b" -k ");
            line.extend(key);
        }
        line
    }

    fn full_text(&self, machine: Option<Arch>) -> Vec<u8> {
        let mut line = format!("-a {},{}", self.action_name(), self.list_name()).into_bytes();
        for field in self.fields.iter().filter(|field| field.kind == FIELD_ARCH) {
            line.extend(format!(" -F {}", field.name_and_operator()).into_bytes());
            line.extend(field.value_text());
        }
        let calls = self.call_names(machine);
        if !calls.is_empty() {
            line.extend(format!(" -S {}", calls.join(",")).into_bytes());
        }
        for field in self.fields.iter().filter(|field| field.kind != FIELD_ARCH) {
            for value in field.values() {
                line.extend_from_slice(if field.kind == FIELD_COMPARE { b" -C " } else { b" -F " });
                line.extend(field.name_and_operator().into_bytes());
                line.extend(value);
            }
        }
        line
    }
}

impl Field {
    /// Its name; for a comparison of two fields the first of them; a number where there is no name.
    pub fn name(&self) -> String {
        let compared = names::comparison(self.value).filter(|_| self.kind == FIELD_COMPARE);
        match compared.map(|(one, _)| one).or_else(|| names::field(self.kind)) {
            Some(name) => name.to_owned(),
            None => format!("f{}", self.kind),
        }
    }

    /// How its operator is written.
    pub fn operator_text(&self) -> String {
        names::operator(self.operator).map_or_else(|| format!("?{:x}?", self.operator), str::to_owned)
    }

    fn name_and_operator(&self) -> String {
        self.name() + &self.operator_text()
    }

    /// Its value in auditctl's words; of a key all of them joined.
    pub fn value_text(&self) -> Vec<u8> {
        if self.kind == FIELD_KEY {
            return self
                .text
                .iter()
                .flat_map(|text| text.iter())
                .map(|b| if *b == 1 { b',' } else { *b })
                .collect();
        }
        if let Some(text) = &self.text {
            return text.clone();
        }
        self.number_text().into_bytes()
    }

    fn number_text(&self) -> String {
        let signed = self.value.cast_signed();
        match self.kind {
            FIELD_ARCH if Arch(self.value).is_wide() => "b64".into(),
            FIELD_ARCH => "b32".into(),
            FIELD_MSGTYPE => types::name(self.value).map_or_else(|| signed.to_string(), str::to_owned),
            FIELD_PERM => permission_letters(self.value),
            FIELD_INODE => self.value.to_string(),
            FIELD_FSTYPE => names::file_system(self.value).map_or_else(|| signed.to_string(), str::to_owned),
            FIELD_COMPARE => match names::comparison(self.value) {
                Some((_, other)) => other.to_owned(),
                None => signed.to_string(),
            },
            FIELD_EXIT if signed < 0 => match error_name(signed.saturating_neg()) {
                Some(name) => format!("-{name}"),
                None => signed.to_string(),
            },
            kind if FIELD_ARGUMENTS.contains(&kind) => format!("0x{:X}", self.value),
            // Folders and names come as text; the rest as auditctl prints it, so that an unset uid is -1.
            FIELD_WATCH | FIELD_DIR => String::new(),
            _ => signed.to_string(),
        }
    }

    /// Each key is a condition of its own on the line.
    fn values(&self) -> Vec<Vec<u8>> {
        match (&self.text, self.kind) {
            (Some(keys), FIELD_KEY) => {
                keys.split(|byte| *byte == 1).filter(|key| !key.is_empty()).map(<[u8]>::to_vec).collect()
            }
            _ => vec![self.value_text()],
        }
    }
}
