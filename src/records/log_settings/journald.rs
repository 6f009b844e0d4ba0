//! journald.conf(5): `[Journal]` and `Key=value`, over several files (systemd.syntax(7), "configuration directories and
//! precedence").

use super::{Known, Setting, Value, numbered};

/// What a person wants to know of a journal's keeping. Defaults are those of journald.conf(5) of systemd 252.
pub const KNOWN: [Known; 17] = [
    Known {
        name: "Storage",
        default: "auto",
        means: "where records are kept: volatile in /run until the next boot, persistent in /var/log/journal, none nowhere; auto is persistent only if /var/log/journal exists",
    },
    Known { name: "Compress", default: "yes", means: "whether long values are compressed" },
    Known {
        name: "Seal",
        default: "yes",
        means: "whether files are sealed against later change (forward secure sealing), where a key was made for it with journalctl --setup-keys",
    },
    Known { name: "SplitMode", default: "uid", means: "whether users have files of their own" },
    Known {
        name: "RateLimitIntervalSec",
        default: "30s",
        means: "the span in which one service may write RateLimitBurst records; what it writes beyond that is lost, with one record that says how many; 0 switches it off",
    },
    Known { name: "RateLimitInterval", default: "", means: "an older name of RateLimitIntervalSec" },
    Known {
        name: "RateLimitBurst",
        default: "10000",
        means: "how many records one service may write in RateLimitIntervalSec before the rest is lost; more where the disk has much room; 0 switches it off",
    },
    Known {
        name: "SystemMaxUse",
        default: "10% of the file system, at most 4G",
        means: "how much of the disk the journal may take; then its oldest files are removed",
    },
    Known {
        name: "SystemKeepFree",
        default: "15% of the file system, at most 4G",
        means: "how much of the disk the journal leaves free; then its oldest files are removed",
    },
    Known {
        name: "SystemMaxFiles",
        default: "100",
        means: "how many archived files are kept; then the oldest are removed",
    },
    Known {
        name: "SystemMaxFileSize",
        default: "an eighth of SystemMaxUse, at most 128M",
        means: "how long one file may become before it is archived",
    },
    Known {
        name: "RuntimeMaxUse",
        default: "10% of the file system, at most 4G",
        means: "how much of /run the volatile journal may take; then its oldest files are removed",
    },
    Known {
        name: "MaxRetentionSec",
        default: "0",
        means: "after what time records are removed, whatever the room; 0 is never",
    },
    Known {
        name: "MaxFileSec",
        default: "1month",
        means: "how long one file is written before it is archived; 0 is until it is full",
    },
    Known {
        name: "ForwardToSyslog",
        default: "no; yes as Debian and Ubuntu build it",
        means: "whether records are given to a classic syslog daemon, which reads them from a socket",
    },
    Known {
        name: "Audit",
        default: "yes",
        means: "whether journald switches the kernel's auditing on at its start (yes), off (no), or leaves it (empty)",
    },
    Known {
        name: "MaxLevelStore",
        default: "debug",
        means: "records of a lower weight than this are not kept",
    },
];

/// The settings of one file. A value that is empty stands for the default again.
pub fn parse(text: &[u8]) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut within = false;
    let mut begun: Option<(u32, Vec<u8>)> = None;
    for (number, line) in numbered(text) {
        let plain = line.trim_ascii();
        // Comments may stand between the lines of one that goes on.
        if plain.starts_with(b"#") || plain.starts_with(b";") {
            continue;
        }
        let (first, mut whole) = begun.take().unwrap_or((number, Vec::new()));
        match line.strip_suffix(b"\\") {
            Some(goes_on) => {
                whole.extend_from_slice(goes_on);
                whole.push(b' ');
                begun = Some((first, whole));
            }
            None => {
                whole.extend_from_slice(line);
                settings.extend(one(first, whole.trim_ascii(), &mut within));
            }
        }
    }
    if let Some((first, whole)) = begun {
        settings.extend(one(first, whole.trim_ascii(), &mut within));
    }
    settings
}

fn one(number: u32, line: &[u8], within: &mut bool) -> Option<Setting> {
    if line.is_empty() {
        return None;
    }
    if let Some(section) = line.strip_prefix(b"[") {
        *within = section == b"Journal]";
        let why = "systemd passes over a section that is not [Journal]";
        return (!*within).then(|| Setting::unread(number, line, why));
    }
    let Some(at) = line.iter().position(|byte| *byte == b'=') else {
        return Some(Setting::unread(number, line, "it has no '='"));
    };
    let (name, value) = line.split_at(at);
    if !*within {
        return Some(Setting::unread(
            number,
            line,
            "it stands outside of [Journal], where systemd passes over it",
        ));
    }
    Some(Setting::new(number, name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii()))
}

/// Which of the files count and in which order, by their paths, the later overriding the earlier: the first journald.conf
/// of /etc, /run, /usr/local/lib and /usr/lib, and of their `journald.conf.d/*.conf` by name, each name once. A
/// `masked` name, an empty file or a link to /dev/null, hides those below it as any other does.
pub fn in_order<'p>(files: &[&'p [u8]], masked: &[&'p [u8]]) -> Vec<&'p [u8]> {
    const PLACES: [&[u8]; 4] =
        [b"/etc/systemd/", b"/run/systemd/", b"/usr/local/lib/systemd/", b"/usr/lib/systemd/"];
    let there = |path: &[u8]| files.iter().chain(masked).find(|file| **file == path).copied();
    let place = |rest: &[u8]| PLACES.iter().find_map(|place| there(&[place, rest].concat()));
    let mut names: Vec<&[u8]> = files
        .iter()
        .filter_map(|file| {
            let below = PLACES.iter().find_map(|place| file.strip_prefix(*place))?;
            let name = below.strip_prefix(b"journald.conf.d/")?;
            name.ends_with(b".conf").then_some(name)
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let drop_ins = names.into_iter().filter_map(|name| place(&[b"journald.conf.d/", name].concat()));
    let all = place(b"journald.conf").into_iter().chain(drop_ins);
    all.filter(|path| !masked.contains(path)).collect()
}

/// Whether the setting takes the default back.
pub fn is_reset(setting: &Setting) -> bool {
    matches!(&setting.value, Value::Is(value) if value.is_empty()) && !setting.is("Audit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    #[test]
    fn settings_are_those_of_the_section() {
        // Written from documentation (journald.conf(5), systemd.syntax(7)).
        let text = b"; comment\nStorage=none\n[Journal]\r\nStorage=persistent\r\n#SystemMaxUse=1G\nSystemMaxUse = 2G\n\
            MaxRetentionSec=\\\n# between\n1month\nodd\nAudit=\n[Else]\nSeal=no\n";
        let settings = parse(text);
        let told: Vec<(u32, &[u8], bool)> = settings
            .iter()
            .map(|setting| (setting.line, setting.name.as_slice(), matches!(setting.value, Value::Is(_))))
            .collect();
        let expected: [(u32, &[u8], bool); 8] = [
            (2, b"", false),
            (4, b"Storage", true),
            (6, b"SystemMaxUse", true),
            (7, b"MaxRetentionSec", true),
            (10, b"", false),
            (11, b"Audit", true),
            (12, b"", false),
            (13, b"", false),
        ];
        assert_eq!(told, expected);
        assert_eq!(settings[3].value, Value::Is(b"1month".to_vec()));
        assert!(!is_reset(&settings[5]) && is_reset(&Setting::new(1, "Storage", "")));
    }

    #[test]
    fn drop_ins_come_by_name_and_etc_hides_the_others() {
        let files: [&[u8]; 6] = [
            b"/usr/lib/systemd/journald.conf",
            b"/usr/lib/systemd/journald.conf.d/10-a.conf",
            b"/usr/lib/systemd/journald.conf.d/50-b.conf",
            b"/etc/systemd/journald.conf.d/50-b.conf",
            b"/run/systemd/journald.conf.d/40-c.conf",
            b"/etc/systemd/journald.conf.d/readme",
        ];
        let expected: [&[u8]; 3] = [
            b"/usr/lib/systemd/journald.conf",
            b"/run/systemd/journald.conf.d/40-c.conf",
            b"/etc/systemd/journald.conf.d/50-b.conf",
        ];
        assert_eq!(in_order(&files, &[b"/etc/systemd/journald.conf.d/10-a.conf"]), expected);
        let etc: [&[u8]; 2] = [b"/etc/systemd/journald.conf", b"/usr/lib/systemd/journald.conf"];
        assert_eq!(in_order(&etc, &[]), [b"/etc/systemd/journald.conf"]);
    }

    #[test]
    fn no_mishap_makes_it_stumble() {
        let text = b"[Journal]\nStorage=persistent\nSystemMaxUse=2G\\\n# x\nMaxRetentionSec=1month\n";
        Mishaps::of(text).each(|bytes| drop(parse(bytes)));
    }
}
