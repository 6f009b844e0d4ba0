//! What the kernel answers about auditing (include/uapi/linux/audit.h): `struct audit_status` to AUDIT_GET, and
//! `struct audit_rule_data` to AUDIT_LIST_RULES.

use serde::Serialize;

use super::audit_config::Watch;
use crate::path::HostPath;

/// The kernel's audit state. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditStatus {
    /// Records waiting.
    pub backlog: u32,
    /// How many may wait.
    pub backlog_limit: u32,
    /// 0 off, 1 on, 2 on and locked until reboot.
    pub enabled: u32,
    /// What the kernel does when a record is lost: 0 nothing, 1 a message, 2 it panics.
    pub failure: u32,
    /// Records lost since boot, or since somebody reset the counter.
    pub lost: u32,
    /// The process that takes the records; 0 if none does.
    pub pid: u32,
    /// Records per second at most; 0 without limit.
    pub rate_limit: u32,
}

/// Reads the structure; none if it is too short. Later kernels append fields.
pub fn parse(bytes: &[u8]) -> Option<AuditStatus> {
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at * 4..)?.first_chunk::<4>()?));
    Some(AuditStatus {
        enabled: word(1)?,
        failure: word(2)?,
        pid: word(3)?,
        rate_limit: word(4)?,
        backlog_limit: word(5)?,
        lost: word(6)?,
        backlog: word(7)?,
    })
}

const MAX_FIELDS: usize = 64;
const BITMASK_WORDS: usize = 64;
const NEVER: u32 = 0;
const FIELD_WATCH: u32 = 105;
const FIELD_PERM: u32 = 106;
const FIELD_DIR: u32 = 107;
const FIELD_FILTERKEY: u32 = 210;
/// Fields whose value is the length of a text in the buffer: subject and object labels, watch, dir, filter key, exe.
const TEXT_FIELDS: [u32; 14] =
    [13, 14, 15, 16, 17, 19, 20, 21, 22, 23, FIELD_WATCH, FIELD_DIR, FIELD_FILTERKEY, 112];

/// The path that a loaded rule watches; none if it watches none, or says that nothing is to be recorded.
///
/// The structure: flags, action, number of fields, a mask of system calls, then field names, values and operators in
/// three arrays of 64, the length of the texts, and the texts one after another.
pub fn watch_of_rule(bytes: &[u8]) -> Option<Watch> {
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at * 4..)?.first_chunk::<4>()?));
    let count = (word(2)? as usize).min(MAX_FIELDS);
    if word(1)? == NEVER {
        return None;
    }
    let names = 3 + BITMASK_WORDS;
    let (values, texts) = (names + MAX_FIELDS, names + 3 * MAX_FIELDS + 1);
    let mut text_at = texts * 4;
    let (mut path, mut permissions, mut keys) = (None, None, Vec::new());
    for field in 0..count {
        let (name, value) = (word(names + field)?, word(values + field)?);
        let mut text = Vec::new();
        if TEXT_FIELDS.contains(&name) {
            text = bytes.get(text_at..text_at + value as usize)?.to_vec();
            text_at += value as usize;
        }
        match name {
            FIELD_WATCH | FIELD_DIR => path = HostPath::new(text).ok(),
            FIELD_PERM => permissions = Some(permission_letters(value)),
            // Several keys of one rule are joined with 0x01.
            FIELD_FILTERKEY => keys.extend(text.split(|byte| *byte == 1).map(<[u8]>::to_vec)),
            _ => {}
        }
    }
    Some(Watch { path: path?, permissions: permissions.unwrap_or_else(|| "rwxa".into()), keys })
}

/// The bits of AUDIT_PERM: exec 1, write 2, read 4, attribute 8.
fn permission_letters(bits: u32) -> String {
    [(4, 'r'), (2, 'w'), (1, 'x'), (8, 'a')]
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, letter)| letter)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_in_the_kernels_order() {
        let words: [u32; 11] = [0x3f, 1, 2, 612, 0, 8192, 41, 7, 0, 60_000, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let status = parse(&bytes).unwrap();
        assert_eq!((status.enabled, status.failure, status.pid), (1, 2, 612));
        assert_eq!((status.backlog_limit, status.lost, status.backlog), (8192, 41, 7));
        assert_eq!(parse(&bytes[..31]), None);
    }

    /// Built as the kernel's header has it; the live test compares with what `auditctl -l` prints.
    fn rule(action: u32, fields: &[(u32, u32)], texts: &[u8]) -> Vec<u8> {
        let mut words = vec![4_u32, action, fields.len() as u32];
        words.extend([u32::MAX; BITMASK_WORDS]);
        let column = |of: &dyn Fn(&(u32, u32)) -> u32| {
            let mut column: Vec<u32> = fields.iter().map(of).collect();
            column.resize(MAX_FIELDS, 0);
            column
        };
        words.extend(column(&|field| field.0));
        words.extend(column(&|field| field.1));
        words.extend([0_u32; MAX_FIELDS]);
        words.push(texts.len() as u32);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend_from_slice(texts);
        bytes
    }

    #[test]
    fn a_loaded_watch_gives_its_path_permissions_and_keys() {
        let bytes =
            rule(2, &[(FIELD_DIR, 13), (FIELD_PERM, 15), (FIELD_FILTERKEY, 8)], b"/var/data/phiphi\x01both");
        let watch = watch_of_rule(&bytes).unwrap();
        assert_eq!((watch.path.as_bytes(), watch.permissions.as_str()), (&b"/var/data/phi"[..], "rwxa"));
        assert_eq!(watch.keys, [b"phi".to_vec(), b"both".to_vec()]);
        assert_eq!(watch_of_rule(&rule(NEVER, &[(FIELD_DIR, 4)], b"/tmp")), None);
        assert_eq!(watch_of_rule(&rule(2, &[(FIELD_FILTERKEY, 3)], b"abc")), None, "it watches no path");
        assert_eq!(watch_of_rule(&rule(2, &[(FIELD_DIR, 400)], b"/short")), None, "a length beyond the end");
        assert_eq!(watch_of_rule(b"short"), None);
    }
}
