//! What sshd_config(5) says of sshd's logging: `LogLevel`, `SyslogFacility`, `LogVerbose`.

use super::{Known, Setting, first_word, numbered};

/// What is told of it.
pub const KNOWN: [Known; 3] = [
    Known {
        name: "LogLevel",
        default: "INFO",
        means: "how much sshd says: at QUIET and FATAL nothing of logins, from VERBOSE on the key that opened each",
    },
    Known {
        name: "SyslogFacility",
        default: "AUTH; AUTHPRIV as Red Hat ships it",
        means: "under which facility sshd logs, by which rsyslog chooses the file",
    },
    Known {
        name: "LogVerbose",
        default: "none",
        means: "parts of sshd that say more than LogLevel asks for",
    },
];

/// The settings of one file about logging. The first value of a setting counts, over all files; a `Match` block is the
/// scope of what follows it.
pub fn parse(text: &[u8]) -> Vec<Setting> {
    let mut scope: Option<&[u8]> = None;
    let mut settings = Vec::new();
    for (number, line) in numbered(text) {
        let line = line.trim_ascii();
        if line.starts_with(b"#") || line.is_empty() {
            continue;
        }
        let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=');
        let (name, rest) = line.split_at(end.unwrap_or(line.len()));
        let rest = rest.trim_ascii();
        let value = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii();
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if name.eq_ignore_ascii_case(b"Match") {
            scope = (!first_word(value).0.eq_ignore_ascii_case(b"all")).then_some(line);
        } else if super::known(&KNOWN, name).is_some() {
            settings.push(Setting::new(number, name, value).within(scope));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::log_settings::Value;

    #[test]
    fn what_it_says_of_logging_is_found_with_its_scope() {
        // Written from documentation (sshd_config(5)).
        let text = b"Port 22\n#LogLevel QUIET\nloglevel=VERBOSE\nMatch User backup\n  LogLevel \"QUIET\"\nMatch all\nSyslogFacility AUTHPRIV\n";
        let settings = parse(text);
        assert_eq!(settings.len(), 3);
        assert_eq!((settings[0].line, &settings[0].value), (3, &Value::Is(b"VERBOSE".to_vec())));
        assert_eq!(settings[1].scope.as_deref(), Some(&b"Match User backup"[..]));
        assert_eq!(settings[1].value, Value::Is(b"QUIET".to_vec()));
        assert_eq!((settings[2].line, &settings[2].scope), (7, &None));
    }
}
