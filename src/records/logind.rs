//! The state files of systemd-logind below /run/systemd (sessions, users, seats): `KEY=value` lines, where a value may
//! be escaped as in C (systemd, basic/escape.c: `cescape`). logind says that their form is its own; what is not known
//! is kept.

use std::collections::BTreeMap;

/// The keys and values of one file; of a key that stands twice the last value counts. Comments and lines without `=`
/// are left out.
pub fn parse(text: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut values = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")) {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let Some((key, value)) = line.split_at_checked(at) else { continue };
        let Ok(key) = std::str::from_utf8(key) else { continue };
        values.insert(key.to_owned(), unescape(value.get(1..).unwrap_or_default()));
    }
    values
}

/// A number in such a file.
pub fn number(values: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<u64> {
    std::str::from_utf8(values.get(key)?).ok()?.parse().ok()
}

/// Quotes around the value go, and `\n`, `\xHH`, `\OOO` become what they stand for.
fn unescape(value: &[u8]) -> Vec<u8> {
    let quoted = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
    let mut rest = quoted.unwrap_or(value);
    let mut plain = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        let escape = if *first == b'\\' { escaped(after) } else { None };
        let (byte, used) = escape.unwrap_or((*first, 0));
        plain.push(byte);
        rest = after.get(used..).unwrap_or_default();
    }
    plain
}

/// The byte that an escape stands for, and how many bytes follow the backslash.
fn escaped(after: &[u8]) -> Option<(u8, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = std::str::from_utf8(after.get(from..from + count)?).ok()?;
        u8::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
    };
    match after.first()? {
        b'a' => Some((7, 1)),
        b'b' => Some((8, 1)),
        b'f' => Some((12, 1)),
        b'n' => Some((b'\n', 1)),
        b'r' => Some((b'\r', 1)),
        b't' => Some((b'\t', 1)),
        b'v' => Some((11, 1)),
        b's' => Some((b' ', 1)),
        byte @ (b'\\' | b'"' | b'\'') => Some((*byte, 1)),
        b'x' => digits(1, 2, 16).map(|byte| (byte, 3)),
        b'0'..=b'3' => digits(0, 3, 8).map(|byte| (byte, 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    // Written from documentation (systemd 252, login/logind-session.c: session_save).
    const SESSION: &[u8] = b"# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=1\nSTATE=active\n\
        REMOTE=1\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-7.scope\nFIFO=/run/systemd/sessions/7.ref\nTTY=pts/0\n\
        TTY_VALIDITY=from-pam\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=4711\nAUDIT=7\nREALTIME=1795292388000000\n\
        MONOTONIC=1234567\nREMOTE_USER=\"a\\x20b\\n\\303\\244\"\n";

    #[test]
    fn a_session_has_its_values_unescaped() {
        let values = parse(SESSION);
        assert_eq!(values["USER"], b"alice");
        assert_eq!(
            (number(&values, "AUDIT"), number(&values, "LEADER"), number(&values, "TTY")),
            (Some(7), Some(4711), None)
        );
        assert_eq!(values["REMOTE_USER"], "a b\n\u{e4}".as_bytes());
        assert!(!values.keys().any(|key| key.starts_with('#')));
    }

    #[test]
    fn odd_files_do_no_harm() {
        let odd = parse(b"=\nA\n\xff=1\nB=\\\nC=\\x\nD=\\400\nE=\"\nB=\\x4\n");
        assert_eq!(
            (odd["B"].as_slice(), odd["D"].as_slice(), odd["E"].as_slice()),
            (&b"\\x4"[..], &b"\\400"[..], &b"\""[..])
        );
        Mishaps::of(SESSION).each(|bytes| drop(parse(bytes)));
    }
}
