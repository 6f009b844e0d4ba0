//! `os-release` (os-release(5)): `KEY=value` lines in shell quoting.

use std::collections::BTreeMap;

use crate::path::shown;

/// The keys and their values, unquoted and escaped for display. Lines that are none are left out; the raw file is
/// sealed beside whatever is made of this.
pub fn parse(text: &[u8]) -> BTreeMap<String, String> {
    text.split(|byte| *byte == b'\n').filter_map(assignment).collect()
}

fn assignment(line: &[u8]) -> Option<(String, String)> {
    let line = line.trim_ascii();
    let at = line.iter().position(|byte| *byte == b'=')?;
    let (key, value) = line.split_at_checked(at)?;
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if key.is_empty() || !key.iter().all(legal) {
        return None;
    }
    let value = value.get(1..)?;
    let unquoted = [b'"', b'\'']
        .iter()
        .find_map(|quote| value.strip_prefix(&[*quote])?.strip_suffix(&[*quote]))
        .unwrap_or(value);
    Some((shown(key), shown(unquoted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_file_is_read() {
        // The beginning of Debian 12's file.
        let text =
            b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n# comment\n\nbad line\nX='y'\n";
        let values = parse(text);
        assert_eq!(values["PRETTY_NAME"], "Debian GNU/Linux 12 (bookworm)");
        assert_eq!((values["ID"].as_str(), values["X"].as_str(), values.len()), ("debian", "y", 3));
    }
}
