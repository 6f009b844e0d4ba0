//! Whether a file can be what it is called: a cheap look at its beginning and length.
//!
//! A log that was emptied and given one byte is no log. This is no validation: what fits may still be forged.

use super::unpack::Compression;

/// Forms that can be told from the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Audit records: `type=…`, or `node=… type=…` (auditd.conf(5), `name_format`); or compressed ones.
    Audit,
    /// A systemd journal (systemd, journal-def.h): `LPKSHHRH`.
    Journal,
    /// A text log, also a compressed one: something else than NUL bytes and white space.
    Text,
    /// A SQLite database (sqlite.org/fileformat.html, 1.3).
    Sqlite,
    /// utmp records (utmp(5)): whole ones of 384 bytes, or of 400 where times have 64 bits.
    Utmp,
}

impl Form {
    /// Whether a file that begins so, and is `size` bytes long, can be one.
    pub fn fits(self, beginning: &[u8], size: u64) -> bool {
        match self {
            Form::Audit => {
                let is_record = |line: &[u8]| {
                    line.starts_with(b"type=") || (line.starts_with(b"node=") && contains(line, b" type="))
                };
                Compression::of(beginning) != Compression::None
                    || beginning.split(|byte| *byte == b'\n').any(is_record)
            }
            Form::Journal => beginning.starts_with(b"LPKSHHRH"),
            Form::Text => beginning.iter().any(|byte| *byte != 0 && !byte.is_ascii_whitespace()),
            Form::Sqlite => beginning.starts_with(b"SQLite format 3\0"),
            Form::Utmp => size >= 384 && (size.is_multiple_of(384) || size.is_multiple_of(400)),
        }
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_no_log() {
        for form in [Form::Audit, Form::Journal, Form::Sqlite, Form::Text, Form::Utmp] {
            assert!(!form.fits(b"\n", 1), "{form:?}");
        }
        assert!(Form::Audit.fits(b"type=DAEMON_START msg=audit(1.0:1): op=start\n", 50));
        assert!(Form::Audit.fits(b"\x1f\x8b\x08", 50));
        assert!(Form::Audit.fits(b"torn\nnode=web01 type=SYSCALL msg=audit(1.0:1):\n", 50));
        assert!(Form::Journal.fits(b"LPKSHHRH\0\0", 100) && Form::Sqlite.fits(b"SQLite format 3\0", 100));
        assert!(Form::Text.fits(b"\n\0Nov 21 20:19:48 a\n", 20) && !Form::Text.fits(&[0; 4096], 8192));
        assert!(Form::Utmp.fits(b"", 768) && Form::Utmp.fits(b"", 400) && !Form::Utmp.fits(b"", 385));
    }
}
