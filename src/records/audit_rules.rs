//! Audit rules: `struct audit_rule_data` (include/uapi/linux/audit.h) as the kernel lists it, and the lines of
//! audit.rules(7) compiled to the same form, so that what is on disk can be compared with what is in force.

pub mod disk;
pub mod names;
pub mod reach;
pub mod syscalls;
mod text;
pub mod types;

use self::syscalls::Arch;
use super::audit_config::Watch;
use crate::path::HostPath;

/// The list of rules at the exit of system calls: the only one that watches files.
pub const EXIT: u32 = 4;
const NEVER: u32 = 0;
const ALWAYS: u32 = 2;
/// Set in the list's number where a rule is put before the others; the kernel does not give it back.
const PREPEND: u32 = 0x10;
const MAX_FIELDS: usize = 64;
const MASK_WORDS: usize = 64;
/// Words of the mask that stand for calls; the last one is for classes of them.
const CALL_WORDS: usize = MASK_WORDS - 1;

const FIELD_AUID: u32 = 9;
const FIELD_ARCH: u32 = 11;
const FIELD_MSGTYPE: u32 = 12;
const FIELD_SESSION: u32 = 25;
const FIELD_FSTYPE: u32 = 26;
const FIELD_INODE: u32 = 102;
const FIELD_EXIT: u32 = 103;
const FIELD_SUCCESS: u32 = 104;
/// `path`: a watch of one name.
pub const FIELD_WATCH: u32 = 105;
const FIELD_PERM: u32 = 106;
/// `dir`: a watch of a folder and everything below it.
pub const FIELD_DIR: u32 = 107;
const FIELD_FILETYPE: u32 = 108;
const FIELD_COMPARE: u32 = 111;
const FIELD_EXE: u32 = 112;
const FIELD_ARGUMENTS: std::ops::RangeInclusive<u32> = 200..=203;
const FIELD_KEY: u32 = 210;
/// Fields whose value is the length of a text in the buffer: subject and object labels, watch, dir, exe, key.
const TEXT_FIELDS: [u32; 14] =
    [13, 14, 15, 16, 17, 19, 20, 21, 22, 23, FIELD_WATCH, FIELD_DIR, FIELD_EXE, FIELD_KEY];
const EQUAL: u32 = 0x4000_0000;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The list, by number.
    pub list: u32,
    /// The action, by number.
    pub action: u32,
    /// System calls, one bit each.
    mask: Vec<u32>,
    /// The conditions, in their order.
    pub fields: Vec<Field>,
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// What is compared, by number.
    pub kind: u32,
    /// How, by number.
    pub operator: u32,
    /// With which number; of a text its length.
    pub value: u32,
    /// With which text.
    pub text: Option<Vec<u8>>,
}

/// How a rule watches a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That name alone: a file, or a folder's own entry but nothing in it.
    Name,
    /// A folder and everything below it on the same mount.
    Tree,
}

impl Scope {
    /// The word in a table.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Name => "name",
            Scope::Tree => "tree",
        }
    }
}

/// Reads one rule as the kernel lists it; none if the bytes are too short for what they say.
///
/// The structure: flags, action, number of fields, a mask of system calls, then field names, values and operators in
/// three arrays of 64, the length of the texts, and the texts one after another.
pub fn parse(bytes: &[u8]) -> Option<Rule> {
    let word = |at: usize| super::netlink::u32_at(bytes, at * 4);
    let count = (word(2)? as usize).min(MAX_FIELDS);
    let kinds = 3 + MASK_WORDS;
    let (values, operators) = (kinds + MAX_FIELDS, kinds + 2 * MAX_FIELDS);
    let mut texts = bytes.get((operators + MAX_FIELDS + 1) * 4..)?;
    let mask = (3..kinds).map(word).collect::<Option<Vec<u32>>>()?;
    let mut fields = Vec::with_capacity(count);
    for at in 0..count {
        let (kind, value) = (word(kinds + at)?, word(values + at)?);
        let mut text = None;
        if TEXT_FIELDS.contains(&kind) {
            let (found, rest) = texts.split_at_checked(value as usize)?;
            (text, texts) = (Some(found.to_vec()), rest);
        }
        fields.push(Field { kind, operator: word(operators + at)?, value, text });
    }
    Some(Rule { list: word(0)? & !PREPEND, action: word(1)?, mask, fields })
}

impl Rule {
    fn field(&self, kind: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.kind == kind)
    }

    /// The name of the list, or its number.
    pub fn list_name(&self) -> String {
        names::list(self.list).map_or_else(|| self.list.to_string(), str::to_owned)
    }

    /// The name of the action, or its number.
    pub fn action_name(&self) -> String {
        names::action(self.action).map_or_else(|| self.action.to_string(), str::to_owned)
    }

    /// The processor that it is for, if it names one and means it.
    pub fn arch(&self) -> Option<Arch> {
        self.field(FIELD_ARCH).map(|field| Arch(field.value))
    }

    /// The system calls by number; none if they are all of them, or the list is not about calls.
    pub fn calls(&self) -> Option<Vec<u32>> {
        if !self.is_about_calls() || self.has_all_calls() {
            return None;
        }
        let bits = self.mask.iter().zip(0_u32..).flat_map(|(word, at)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 32 + bit)
        });
        Some(bits.collect())
    }

    /// The system calls by the names that `machine` has for them where the rule does not say; numbers where there is
    /// no name. `all` for all of them; nothing for a list that is not about calls.
    pub fn call_names(&self, machine: Option<Arch>) -> Vec<String> {
        if !self.is_about_calls() {
            return Vec::new();
        }
        let Some(calls) = self.calls() else { return vec!["all".into()] };
        let arch = self.arch().or(machine);
        let name = |number: u32| arch.and_then(|arch| arch.call_name(number));
        calls
            .into_iter()
            .map(|number| name(number).map_or_else(|| number.to_string(), str::to_owned))
            .collect()
    }

    fn is_about_calls(&self) -> bool {
        matches!(self.list, 2 | 3 | EXIT | 7)
    }

    fn has_all_calls(&self) -> bool {
        self.mask.iter().take(CALL_WORDS).all(|word| *word == u32::MAX)
    }

    /// The path that it watches, as it stands in the rule, and how.
    pub fn watched(&self) -> Option<(&[u8], Scope)> {
        let field = self.fields.iter().find(|field| matches!(field.kind, FIELD_WATCH | FIELD_DIR))?;
        let scope = if field.kind == FIELD_DIR { Scope::Tree } else { Scope::Name };
        Some((field.text.as_deref()?, scope))
    }

    /// The kinds of access, a subset of `rwxa`; none if the rule does not speak of them.
    pub fn permissions(&self) -> Option<String> {
        self.field(FIELD_PERM).map(|field| permission_letters(field.value))
    }

    /// The keys that its records carry. Several of one rule are joined with 0x01.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let texts = self
            .fields
            .iter()
            .filter(|field| field.kind == FIELD_KEY)
            .filter_map(|field| field.text.as_ref());
        texts.flat_map(|text| text.split(|byte| *byte == 1).map(<[u8]>::to_vec)).collect()
    }

    /// The path that it watches, if it has records of that written.
    pub fn watch(&self) -> Option<Watch> {
        let (path, _) = self.watched().filter(|_| self.action != NEVER)?;
        Some(Watch {
            path: HostPath::new(path).ok()?,
            permissions: self.permissions().unwrap_or_else(|| "rwxa".into()),
            keys: self.keys(),
        })
    }

    /// Whether it is what `-w` makes: a path, its kinds of access, keys, and no other condition.
    pub fn is_plain_watch(&self) -> bool {
        let plain = |field: &Field| matches!(field.kind, FIELD_WATCH | FIELD_DIR | FIELD_PERM | FIELD_KEY);
        (self.list, self.action) == (EXIT, ALWAYS)
            && self.has_all_calls()
            && self.fields.iter().all(plain)
            && self.field(FIELD_PERM).is_some()
            && self.watched().is_some()
    }

    /// What makes two rules the same in effect: for lists that are not about calls the mask is not, and the order of
    /// conditions is not.
    pub fn canonical(&self) -> Canonical {
        let mut same = self.clone();
        same.mask = if !self.is_about_calls() {
            Vec::new()
        } else if self.has_all_calls() {
            vec![u32::MAX; CALL_WORDS]
        } else {
            self.mask.iter().take(CALL_WORDS).copied().collect()
        };
        for field in &mut same.fields {
            // The kernel counts no texts of ours.
            if field.text.is_some() {
                field.value = 0;
            }
        }
        same.fields.sort();
        Canonical(same)
    }
}

/// A rule in the one form that all rules of the same effect have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical(Rule);

impl Canonical {
    /// The list that it is in.
    pub fn list(&self) -> u32 {
        self.0.list
    }

    /// The same for a whole tree, where it watches a name.
    fn of_tree(&self) -> Canonical {
        let mut of_tree = self.0.clone();
        for field in of_tree.fields.iter_mut().filter(|field| field.kind == FIELD_WATCH) {
            field.kind = FIELD_DIR;
        }
        of_tree.canonical()
    }
}

/// The bits of AUDIT_PERM: exec 1, write 2, read 4, attribute 8.
fn permission_letters(bits: u32) -> String {
    let letters = [(4, 'r'), (2, 'w'), (1, 'x'), (8, 'a')];
    letters.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    /// Built as the kernel's header has it; the live test compares with what `auditctl -l` prints.
    pub(crate) fn rule(action: u32, fields: &[(u32, u32)], texts: &[u8]) -> Vec<u8> {
        let mut words = vec![EXIT, action, fields.len() as u32];
        words.extend([u32::MAX; MASK_WORDS]);
        let column = |of: &dyn Fn(&(u32, u32)) -> u32| {
            let mut column: Vec<u32> = fields.iter().map(of).collect();
            column.resize(MAX_FIELDS, 0);
            column
        };
        words.extend(column(&|field| field.0));
        words.extend(column(&|field| field.1));
        words.extend([EQUAL; MAX_FIELDS]);
        words.push(texts.len() as u32);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend_from_slice(texts);
        bytes
    }

    #[test]
    fn a_loaded_watch_gives_its_path_permissions_and_keys() {
        let bytes =
            rule(ALWAYS, &[(FIELD_DIR, 13), (FIELD_PERM, 15), (FIELD_KEY, 8)], b"/var/data/phiphi\x01both");
        let parsed = parse(&bytes).unwrap();
        let watch = parsed.watch().unwrap();
        assert_eq!((watch.path.as_bytes(), watch.permissions.as_str()), (&b"/var/data/phi"[..], "rwxa"));
        assert_eq!(watch.keys, [b"phi".to_vec(), b"both".to_vec()]);
        assert_eq!(parsed.watched(), Some((&b"/var/data/phi"[..], Scope::Tree)));
        assert!(parsed.is_plain_watch());
        assert_eq!(parse(&rule(NEVER, &[(FIELD_DIR, 4)], b"/tmp")).unwrap().watch(), None);
        assert_eq!(
            parse(&rule(ALWAYS, &[(FIELD_KEY, 3)], b"abc")).unwrap().watch(),
            None,
            "it watches no path"
        );
        assert_eq!(parse(&rule(ALWAYS, &[(FIELD_DIR, 400)], b"/short")), None, "a length beyond the end");
        assert_eq!(parse(b"short"), None);
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let good = rule(ALWAYS, &[(FIELD_DIR, 4), (FIELD_PERM, 15), (FIELD_KEY, 3)], b"/tmpkey");
        Mishaps::of(&good).each(|bad| {
            if let Some(rule) = parse(bad) {
                let _ = (
                    rule.text(None),
                    rule.text(Some(syscalls::X86_64)),
                    rule.call_names(None),
                    rule.canonical(),
                    rule.watch(),
                );
            }
        });
    }
}
