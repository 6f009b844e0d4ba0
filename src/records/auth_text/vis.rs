//! Names as sshd writes them: a whole message goes through strnvis(3) with `VIS_CSTYLE|VIS_NL|VIS_TAB|VIS_OCTAL` (OpenSSH,
//! log.c), so that a backslash is two, and every byte that is not printable ASCII an escape. PAM, the audit log and login
//! records have the bytes themselves.

use std::borrow::Cow;

use super::scan::octal;

/// A name as it was before it was written so, once or several times; one that holds anything that would not have been
/// written stays as it is, for it was not written so.
pub fn decoded(name: &[u8], times: usize) -> Cow<'_, [u8]> {
    let mut plain = Cow::Borrowed(name);
    for _ in 0..times {
        if memchr::memchr(b'\\', &plain).is_none() {
            break;
        }
        match once(&plain) {
            Some(bytes) => plain = Cow::Owned(bytes),
            None => break,
        }
    }
    plain
}

fn once(name: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = if *first == b'\\' { escape(behind)? } else { (*first, behind) };
        plain.push(byte);
        rest = behind;
    }
    Some(plain)
}

/// The byte that an escape stands for, without its backslash, and what stands behind it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    if let Some(octal) = octal(text) {
        return Some((octal, text.get(3..)?));
    }
    let (first, behind) = text.split_first()?;
    let byte = match first {
        b'\\' => b'\\',
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'v' => 11,
        b'f' => 12,
        b's' => b' ',
        b'0' => 0,
        _ => return None,
    };
    Some((byte, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (vis(3); OpenSSH, log.c).
    #[test]
    fn names_are_as_they_were_before_sshd_wrote_them() {
        for (name, times, wanted) in [
            (&b"alice"[..], 1, &b"alice"[..]),
            (b"CORP\\\\alice", 1, b"CORP\\alice"),
            (b"CORP\\\\\\\\alice", 2, b"CORP\\alice"),
            (b"CORP\\\\jim", 2, b"CORP\\jim"),
            (b"j\\303\\274rgen", 1, b"j\xc3\xbcrgen"),
            (b"j\\\\303\\\\274rgen", 2, b"j\xc3\xbcrgen"),
            (b"a\\nb\\t\\r\\a\\b\\v\\f\\0", 1, b"a\nb\t\r\x07\x08\x0b\x0c\0"),
            (b"\\0001", 1, b"\x001"),
            // Not written by strnvis: what is no escape, or too great for a byte.
            (b"CORP\\jim", 1, b"CORP\\jim"),
            (b"end\\", 1, b"end\\"),
            (b"\\777", 1, b"\\777"),
            (b"\\\\\\", 1, b"\\\\\\"),
        ] {
            assert_eq!(decoded(name, times), wanted, "{}", crate::path::shown(name));
        }
    }
}
