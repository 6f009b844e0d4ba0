//! logrotate(8): directives for all files, and in braces for some; and its status file, which says when each log was
//! rotated last.

use super::{Known, Setting, first_word, numbered};

/// What is known of a directive. There are no defaults to tell: without a directive a log is not rotated at all.
pub const KNOWN: [Known; 25] = [
    known(
        "rotate",
        "how many rotated files are kept before the oldest is removed; 0 removes at once, -1 never",
    ),
    known("hourly", "rotated every hour, if logrotate runs as often"),
    known("daily", "rotated every day"),
    known("weekly", "rotated every week"),
    known("monthly", "rotated every month"),
    known("yearly", "rotated every year"),
    known("size", "rotated as soon as it is larger, whatever the time"),
    known("minsize", "rotated in its time, but not before it is larger"),
    known("maxsize", "rotated also before its time, once it is larger"),
    known("minage", "not rotated before it is so many days old"),
    known("maxage", "rotated files are removed after so many days"),
    known("compress", "rotated files are compressed"),
    known("nocompress", "rotated files are not compressed"),
    known("delaycompress", "the newest rotated file is not compressed yet"),
    known("dateext", "rotated files are called by their date, not by a number"),
    known("copytruncate", "the log is copied and then emptied; what is written between is lost"),
    known("create", "a new log is made, with this mode and owner"),
    known("olddir", "rotated files lie in this folder"),
    known("shred", "rotated files are overwritten before they are removed"),
    known("missingok", "it is no error if the log is not there"),
    known("notifempty", "a log without a byte is not rotated"),
    known("mail", "files are mailed to this address before they are removed"),
    known("su", "rotated under this user and group"),
    known("include", "further files with directives"),
    known("last_rotated", "when logrotate rotated it last, by the host's own zone"),
];

const fn known(name: &'static str, means: &'static str) -> Known {
    Known { name, default: "", means }
}

/// Lines between these and `endscript` are a program.
const SCRIPTS: [&[u8]; 5] = [b"prerotate", b"postrotate", b"firstaction", b"lastaction", b"preremove"];

/// The directives of one file; the scope is the files that they are for, none for all that follow.
pub fn parse(text: &[u8]) -> Vec<Setting> {
    let mut reader = Reader::default();
    for (number, line) in numbered(text) {
        reader.line(number, line.trim_ascii());
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    settings: Vec<Setting>,
    /// Names of files whose brace has not come yet, with the line of the first.
    names: Vec<u8>,
    names_begin: u32,
    scope: Option<Vec<u8>>,
    scope_begins: u32,
    /// The line of a script that has not ended.
    script: Option<u32>,
}

impl Reader {
    fn line(&mut self, number: u32, line: &[u8]) {
        if self.script.is_some() {
            if first_word(line).0 == b"endscript" {
                self.script = None;
            }
            return;
        }
        if line.is_empty() || line.starts_with(b"#") {
            return;
        }
        if let Some(rest) = line.strip_prefix(b"}") {
            return self.close(number, rest.trim_ascii());
        }
        // A name may hold any sign, so that only a brace at the end, or with a blank around it, is one.
        if let Some(before) = line.strip_suffix(b"{") {
            self.name(number, before.trim_ascii());
            return self.open(number);
        }
        if self.scope.is_none() && matches!(line.first(), Some(b'/' | b'"' | b'\'' | b'~')) {
            return self.on_one_line(number, line);
        }
        if self.names.is_empty() && line == b"{" {
            return self.settings.push(Setting::unread(number, line, "a brace that no file stands before"));
        }
        self.directive(number, line);
    }

    /// `FILE { DIRECTIVE }`, or a name alone.
    fn on_one_line(&mut self, number: u32, line: &[u8]) {
        let Some(at) = line.windows(2).position(|two| two == b" {") else { return self.name(number, line) };
        let (name, rest) = line.split_at(at);
        self.name(number, name.trim_ascii());
        self.open(number);
        let inside = rest.get(2..).unwrap_or_default().trim_ascii();
        let (inside, closes) = inside.strip_suffix(b"}").map_or((inside, false), |inside| (inside, true));
        if !inside.trim_ascii().is_empty() {
            self.directive(number, inside.trim_ascii());
        }
        if closes {
            self.close(number, b"");
        }
    }

    fn name(&mut self, number: u32, name: &[u8]) {
        if name.is_empty() {
            return;
        }
        if self.names.is_empty() {
            self.names_begin = number;
        } else {
            self.names.push(b' ');
        }
        self.names.extend_from_slice(name);
    }

    fn open(&mut self, number: u32) {
        if self.scope.is_some() || self.names.is_empty() {
            let why = "a brace within another, or without a file before it";
            self.settings.push(Setting::unread(number, &self.names, why));
        }
        self.scope = Some(std::mem::take(&mut self.names));
        self.scope_begins = number;
    }

    fn close(&mut self, number: u32, rest: &[u8]) {
        if self.scope.take().is_none() {
            self.settings.push(Setting::unread(number, b"}", "a brace that nothing opened"));
        }
        if !rest.is_empty() {
            self.line(number, rest);
        }
    }

    fn directive(&mut self, number: u32, line: &[u8]) {
        let (word, rest) = first_word(line);
        if SCRIPTS.contains(&word) {
            self.script = Some(number);
            return;
        }
        let (name, value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (word.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()),
            None => (word, rest.strip_prefix(b"=").unwrap_or(rest)),
        };
        let plain = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        self.settings.push(match plain {
            true => Setting::new(number, name, value.trim_ascii()).within(self.scope.as_deref()),
            false => Setting::unread(number, line, "it does not begin with a directive")
                .within(self.scope.as_deref()),
        });
    }

    fn end(mut self) -> Vec<Setting> {
        let open = [
            (self.script, "a script without endscript: what follows it is read as the script"),
            (self.scope.is_some().then_some(self.scope_begins), "a brace that nothing closes"),
            ((!self.names.is_empty()).then_some(self.names_begin), "files without directives behind them"),
        ];
        for (line, why) in open {
            self.settings.extend(line.map(|line| Setting::unread(line, &self.names, why)));
        }
        self.settings
    }
}

/// The status file: `"FILE" YEAR-MONTH-DAY-HOUR:MINUTE:SECOND` behind a first line with its version.
pub fn parse_status(text: &[u8]) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (number, line) in numbered(text) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"logrotate state") {
            continue;
        }
        let at = line.iter().rposition(u8::is_ascii_whitespace);
        let parts = at.map(|at| line.split_at(at));
        let date = parts.map(|(_, date)| date.trim_ascii()).filter(|date| {
            date.first().is_some_and(u8::is_ascii_digit)
                && date.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':'))
        });
        settings.push(match (parts, date) {
            (Some((name, _)), Some(date)) => {
                let name = name.trim_ascii();
                let bare = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
                Setting::new(number, "last_rotated", date).within(Some(bare))
            }
            _ => Setting::unread(number, line, "it is no file with a date"),
        });
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::log_settings::Value;
    use crate::records::mishaps::Mishaps;

    /// Of Debian 12's rsyslog package, with a script and a block of one line put in.
    const TEXT: &[u8] = b"# see \"man logrotate\" for details\nweekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n\
        /var/log/syslog\n/var/log/auth.log\n{\n\trotate 4\n\tweekly\n\tmissingok\n\tpostrotate\n\t\t/usr/lib/rsyslog/rsyslog-rotate {\n\tendscript\n\
        \tsize=10M\n}\n\"/var/log/a b\" {\n maxage 30\n}\n/var/log/x { daily }\n}\n%odd\n";

    #[test]
    fn directives_come_with_the_files_that_they_are_for() {
        let settings = parse(TEXT);
        let find = |line: u32| settings.iter().find(|setting| setting.line == line).unwrap();
        assert_eq!((find(3).scope.clone(), find(3).value.clone()), (None, Value::Is(b"4".to_vec())));
        assert_eq!(find(9).scope.as_deref(), Some(&b"/var/log/syslog /var/log/auth.log"[..]));
        assert_eq!((find(15).name.as_slice(), &find(15).value), (&b"size"[..], &Value::Is(b"10M".to_vec())));
        assert_eq!(find(18).scope.as_deref(), Some(&b"\"/var/log/a b\""[..]));
        assert_eq!(
            (find(20).name.as_slice(), find(20).scope.as_deref()),
            (&b"daily"[..], Some(&b"/var/log/x"[..]))
        );
        assert!(!settings.iter().any(|setting| setting.line == 13), "a line of a script");
        let unread: Vec<u32> = settings
            .iter()
            .filter(|setting| matches!(setting.value, Value::Unread(..)))
            .map(|s| s.line)
            .collect();
        assert_eq!(unread, [21, 22]);
        assert!(matches!(parse(b"/var/log/x {\nrotate 3\n").last().unwrap().value, Value::Unread(_, _)));
        assert!(matches!(parse(b"postrotate\nrotate 3\n").last().unwrap().value, Value::Unread(_, _)));
    }

    #[test]
    fn the_status_says_when_each_was_rotated() {
        // Captured with logrotate 3.21 on Debian 12, and a line put in.
        let settings =
            parse_status(b"logrotate state -- version 2\n\"/var/log/auth.log\" 2026-11-22-12:0:0\nbad\n");
        assert_eq!(settings[0].scope.as_deref(), Some(&b"/var/log/auth.log"[..]));
        assert_eq!(settings[0].value, Value::Is(b"2026-11-22-12:0:0".to_vec()));
        assert!(matches!(settings[1].value, Value::Unread(..)));
    }

    #[test]
    fn no_mishap_makes_it_stumble() {
        Mishaps::of(TEXT).rounds(200).each(|bytes| {
            let _ = (parse(bytes), parse_status(bytes));
        });
    }
}
