//! Audit rules on disk (audit.rules(7), auditctl(8)) and `auditd.conf` (auditd.conf(5)), as far as finding PHI
//! folders, their keys, and the room in the log needs them.

use crate::path::HostPath;

/// A rule that watches a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The path.
    pub path: HostPath,
    /// The permissions watched, a subset of `rwxa`; all of them where none are named.
    pub permissions: String,
    /// The keys that its records carry.
    pub keys: Vec<Vec<u8>>,
}

/// The watches in a rules file: `-w PATH -p PERM -k KEY`, and `-a … -F dir=PATH|path=PATH -F perm=PERM -F key=KEY`.
pub fn parse_watches(text: &[u8]) -> Vec<Watch> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(watch)
        .collect()
}

fn watch(line: &[u8]) -> Option<Watch> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut path = None;
    let mut permissions = None;
    let mut keys = Vec::new();
    let mut never = false;
    while let Some(word) = words.next() {
        match word {
            b"-w" => path = words.next(),
            b"-p" => permissions = words.next(),
            b"-k" => keys.extend(words.next().map(<[u8]>::to_vec)),
            b"-a" | b"-A" => {
                never |= words.next().is_some_and(|list| list.windows(5).any(|part| part == b"never"))
            }
            b"-F" => {
                let field = words.next()?;
                let value = |name: &[u8]| field.strip_prefix(name)?.strip_prefix(b"=");
                path = value(b"dir").or(value(b"path")).or(path);
                permissions = value(b"perm").or(permissions);
                keys.extend(value(b"key").map(<[u8]>::to_vec));
            }
            _ => {}
        }
    }
    if never {
        return None;
    }
    let path = HostPath::new(path?).ok()?;
    let permissions =
        permissions.map_or_else(|| "rwxa".to_owned(), |text| String::from_utf8_lossy(text).into_owned());
    Some(Watch { path, permissions, keys })
}

/// The value of a key in `auditd.conf`: `key = value`, keys without regard to case, the last one counts.
pub fn setting<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut found = None;
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = line.split_at_checked(at)?;
        if name.trim_ascii().eq_ignore_ascii_case(key.as_bytes()) {
            found = value.get(1..).map(<[u8]>::trim_ascii);
        }
    }
    found
}

/// Where the log was, or may have been: the values of `log_file` that are commented out, each once.
pub fn former_logs(auditd_conf: &[u8]) -> Vec<HostPath> {
    let commented = |line: &[u8]| {
        let text = line.trim_ascii().strip_prefix(b"#")?.to_vec();
        HostPath::new(setting(&text, "log_file")?).ok()
    };
    let mut former: Vec<HostPath> = auditd_conf.split(|byte| *byte == b'\n').filter_map(commented).collect();
    former.sort();
    former.dedup();
    former
}

/// How auditd keeps its log (auditd.conf(5); defaults as the daemon has them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// `max_log_file_action` in lower case.
    pub action: Vec<u8>,
    /// `num_logs`: how many files there are at most, that which is being written among them.
    pub files: u64,
    /// `max_log_file` in bytes.
    pub file_bytes: u64,
}

impl Rotation {
    /// As `auditd.conf` has it.
    pub fn of(auditd_conf: &[u8]) -> Rotation {
        let number = |key: &str| std::str::from_utf8(setting(auditd_conf, key)?).ok()?.parse::<u64>().ok();
        let action = setting(auditd_conf, "max_log_file_action").unwrap_or(b"rotate").to_ascii_lowercase();
        Rotation {
            action,
            files: number("num_logs").unwrap_or(5).clamp(1, 999),
            file_bytes: number("max_log_file").unwrap_or(8).clamp(1, 1 << 20) << 20,
        }
    }

    /// How many bytes the log holds before it begins to forget; none where nothing is rotated away. With fewer than two
    /// files nothing is rotated.
    pub fn capacity(&self) -> Option<u64> {
        (self.action == b"rotate" && self.files > 1).then(|| self.files * self.file_bytes)
    }

    /// How many bytes can be logged before something is removed, or auditd stops logging or does worse, where the file that
    /// is being written has `current` bytes and there are `existing` files with it; none if only the disk limits it.
    pub fn room(&self, current: u64, existing: u64) -> Option<u64> {
        let in_this = self.file_bytes.saturating_sub(current);
        match self.action.as_slice() {
            b"rotate" if self.files > 1 => {
                Some(in_this + self.files.saturating_sub(existing) * self.file_bytes)
            }
            b"rotate" | b"keep_logs" | b"ignore" | b"syslog" => None,
            // suspend, exec, single, halt: none of them may happen through us.
            _ => Some(in_this),
        }
    }
}

/// Which file of its rotation `name` is, where `live` is the one that is being written: 0 that one, `audit.log.2` is 2,
/// compressed or not.
pub fn number_of(name: &[u8], live: &[u8]) -> Option<u64> {
    let rest = name.strip_prefix(live)?;
    if rest.is_empty() {
        return Some(0);
    }
    let rest = rest.strip_prefix(b".")?;
    let digits = rest.split(|byte| *byte == b'.').next()?;
    std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?.parse().ok()
}

/// Which free space `auditd` wants on its log's file system, in bytes (`space_left`: MiB, or a percentage of it).
pub fn space_left(auditd_conf: &[u8], total: u64) -> Option<u64> {
    let text = std::str::from_utf8(setting(auditd_conf, "space_left")?).ok()?;
    match text.strip_suffix('%') {
        Some(percent) => Some(total / 100 * percent.trim().parse::<u64>().ok()?.min(99)),
        None => Some(text.parse::<u64>().ok()?.saturating_mul(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_watch_are_read() {
        let rules = b"# PHI\n-D\n-b 8192\n-w /var/data/phi -p rwxa -k phi_access\n\
            -a always,exit -F arch=b64 -S open,openat -F dir=/srv/records -F perm=r -F key=records -k both\n\
            -a always,exit -F arch=b64 -S execve -F euid=0 -k root_commands\n\
            -a never,exit -F dir=/srv/scratch\n-w relative -k x\n";
        let watches = parse_watches(rules);
        assert_eq!(watches.len(), 2);
        assert_eq!(watches[0].path.as_bytes(), b"/var/data/phi");
        assert_eq!((watches[0].permissions.as_str(), &watches[0].keys[0][..]), ("rwxa", &b"phi_access"[..]));
        assert_eq!(watches[1].path.as_bytes(), b"/srv/records");
        assert_eq!(watches[1].permissions, "r");
        assert_eq!(watches[1].keys.len(), 2);
    }

    #[test]
    fn the_room_in_the_log_follows_auditd() {
        // From Debian 12's auditd.conf.
        let conf = b"log_file = /var/log/audit/audit.log\nmax_log_file = 8\nnum_logs = 5\n\
            max_log_file_action = ROTATE\nspace_left = 75\n";
        assert_eq!(setting(conf, "LOG_FILE"), Some(&b"/var/log/audit/audit.log"[..]));
        assert_eq!(Rotation::of(conf).capacity(), Some(40 << 20));
        assert_eq!(space_left(conf, 1 << 40), Some(75 << 20));
        assert_eq!(space_left(b"space_left = 25%", 1000), Some(250));
        assert_eq!(Rotation::of(b"max_log_file_action = keep_logs").capacity(), None);
        assert_eq!(Rotation::of(b"").capacity(), Some(40 << 20));
        assert_eq!(Rotation::of(b"num_logs = 1").capacity(), None);
    }

    #[test]
    fn a_place_that_is_commented_out_is_a_hint() {
        let conf = b"#log_file = /srv/audit/audit.log\n# log_file=/srv/audit/audit.log\nlog_file = /var/log/audit/audit.log\n# other";
        let former: Vec<String> = former_logs(conf).iter().map(ToString::to_string).collect();
        assert_eq!(former, ["/srv/audit/audit.log"]);
    }

    #[test]
    fn room_ends_where_something_would_be_lost() {
        let room =
            |conf: &[u8], current: u64, existing: u64| Rotation::of(conf).room(current << 20, existing);
        assert_eq!(room(b"", 3, 5), Some(5 << 20));
        assert_eq!(room(b"", 3, 2), Some(29 << 20));
        assert_eq!(room(b"", 9, 5), Some(0));
        assert_eq!(room(b"max_log_file_action = KEEP_LOGS", 3, 5), None);
        assert_eq!(room(b"max_log_file_action = suspend\nmax_log_file = 4", 3, 1), Some(1 << 20));
    }

    #[test]
    fn a_file_of_the_rotation_is_known_by_its_number() {
        let number = |name: &[u8]| number_of(name, b"audit.log");
        assert_eq!(
            (number(b"audit.log"), number(b"audit.log.12"), number(b"audit.log.3.gz")),
            (Some(0), Some(12), Some(3))
        );
        assert_eq!(
            (number(b"audit.log-20261121"), number(b"audit.log.old"), number(b"other")),
            (None, None, None)
        );
    }
}
