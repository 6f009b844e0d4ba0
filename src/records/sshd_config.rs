//! The one setting of sshd_config(5) that says where further keys lie.

/// The files that `AuthorizedKeysFile` names, but for the usual ones in each home.
pub fn authorized_keys_files(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut files = Vec::new();
    for line in text.lines() {
        let mut words =
            line.split(|c: char| c.is_whitespace() || c == '=' || c == '"').filter(|word| !word.is_empty());
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AuthorizedKeysFile")) {
            let usual = |file: &&str| file.trim_start_matches("%h/").starts_with(".ssh/authorized_keys");
            files.extend(words.filter(|file| !usual(file) && *file != "none").map(str::to_owned));
        }
    }
    files
}

/// A file name with its tokens (`%u`, `%U`, …) as the sign for anything; `%%` is a per cent sign.
pub fn without_tokens(file: &str) -> String {
    let mut plain = String::new();
    let mut letters = file.chars();
    while let Some(c) = letters.next() {
        match (c, c == '%') {
            (_, true) => match letters.next() {
                Some('%') => plain.push('%'),
                _ => plain.push('*'),
            },
            // Signs that mean something in a pattern stand for one letter here.
            ('*' | '?' | '[' | ']' | '{' | '}', _) => plain.push('?'),
            (c, _) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_the_usual_place_is_found() {
        // Written from documentation (sshd_config(5)).
        let text =
            b"Port 22\n#AuthorizedKeysFile /no\n  authorizedkeysfile .ssh/authorized_keys /var/lib/keys/%u\n\
            Match User x\nAuthorizedKeysFile=\"%h/keys/%%1\" none\n";
        let files = authorized_keys_files(text);
        assert_eq!(files, ["/var/lib/keys/%u", "%h/keys/%%1"]);
        assert_eq!(without_tokens("/var/lib/keys/%u"), "/var/lib/keys/*");
        assert_eq!(without_tokens("/a/%%1[x]"), "/a/%1?x?");
    }
}
