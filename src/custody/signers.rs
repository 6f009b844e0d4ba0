//! Who may sign: OpenSSH's `allowed_signers` file (ssh-keygen(1), section ALLOWED SIGNERS).
//!
//! It comes from outside the bundle; that is its whole point. `ssh-keygen` reads a time without `Z` in the
//! reader's own zone; here it means UTC, so that two readers get one answer.

use crate::clock::Timestamp;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigner {
    /// Who: patterns, as they stand there.
    pub principals: String,
    /// Only for these namespaces, if any are named.
    pub namespaces: Option<Vec<String>>,
    /// Not before.
    pub valid_after: Option<Timestamp>,
    /// Not after.
    pub valid_before: Option<Timestamp>,
    /// Key type and base64, one blank between them.
    pub key: String,
}

/// A line that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct SignersError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// What a file of allowed signers says about one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The key is listed for this use at this time, under this name.
    Allowed(String),
    /// The key is listed, but not for this; says why.
    NotForThis(&'static str),
    /// The key is not listed.
    NotListed,
}

/// Reads a whole file.
pub fn parse(text: &str) -> Result<Vec<AllowedSigner>, SignersError> {
    let mut signers = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            signers.push(signer(line).map_err(|why| SignersError { line: number, why })?);
        }
    }
    Ok(signers)
}

/// What the file says about `key` signing in `namespace` at the time `at`.
pub fn standing(signers: &[AllowedSigner], key: &str, namespace: &str, at: Timestamp) -> Standing {
    let mut standing = Standing::NotListed;
    for signer in signers.iter().filter(|signer| signer.key == key) {
        let named = |names: &Vec<String>| is_named(names, namespace);
        if !signer.namespaces.as_ref().is_none_or(named) {
            standing = Standing::NotForThis("it is listed for other purposes only");
        } else if signer.valid_after.is_some_and(|start| at < start) {
            standing = Standing::NotForThis("it is not valid yet");
        } else if signer.valid_before.is_some_and(|end| at > end) {
            standing = Standing::NotForThis("its validity has ended");
        } else {
            return Standing::Allowed(signer.principals.clone());
        }
    }
    standing
}

fn signer(line: &str) -> Result<AllowedSigner, &'static str> {
    let mut fields = fields(line)?.into_iter();
    let principals = fields.next().ok_or("it is empty")?;
    if principals.split(',').any(|name| name.trim_matches('"').starts_with('!')) {
        return Err("a name that begins with '!' is not supported: list who may sign, not who may not");
    }
    let mut signer = AllowedSigner {
        principals: principals.trim_matches('"').to_owned(),
        namespaces: None,
        valid_after: None,
        valid_before: None,
        key: String::new(),
    };
    let mut field = fields.next().ok_or("the key is missing")?;
    if !is_key_type(&field) {
        for option in split_unquoted(&field, ',') {
            apply_option(&mut signer, &option)?;
        }
        field = fields.next().ok_or("the key is missing")?;
    }
    let base64 = fields.next().ok_or("the key is missing")?;
    if !is_key_type(&field) {
        return Err("the key's type is not one of OpenSSH's");
    }
    signer.key = format!("{field} {base64}");
    Ok(signer)
}

fn apply_option(signer: &mut AllowedSigner, option: &str) -> Result<(), &'static str> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = value.trim_matches('"');
    match name.to_ascii_lowercase().as_str() {
        "namespaces" => {
            signer.namespaces = Some(value.split(',').map(|name| name.trim().to_owned()).collect())
        }
        "valid-after" => signer.valid_after = Some(time(value).ok_or("valid-after is no time")?),
        "valid-before" => signer.valid_before = Some(time(value).ok_or("valid-before is no time")?),
        "cert-authority" => return Err("certificate authorities are not supported"),
        _ => return Err("an option is not known"),
    }
    Ok(())
}

/// `YYYYMMDD[Z]`, `YYYYMMDDHHMM[Z]` or `YYYYMMDDHHMMSS[Z]`.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return None;
    }
    let padded = format!("{digits:0<14}");
    let part = |from: usize, to: usize| padded.get(from..to);
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    Timestamp::parse(&rfc3339).ok()
}

/// The fields of a line: split at blanks outside double quotes.
fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    if line.matches('"').count() % 2 == 1 {
        return Err("a quotation mark is not closed");
    }
    let spaced = line.replace('\t', " ");
    Ok(split_unquoted(&spaced, ' ').into_iter().filter(|field| !field.is_empty()).collect())
}

fn split_unquoted(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        if c == separator && !quoted {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn is_key_type(field: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|prefix| field.starts_with(prefix))
}

/// A list of patterns as in ssh_config(5), PATTERNS: one that begins with `!` and matches refuses, whatever the others
/// say.
fn is_named(patterns: &[String], name: &str) -> bool {
    let refused =
        |pattern: &String| pattern.strip_prefix('!').is_some_and(|rest| matches_pattern(rest, name));
    !patterns.iter().any(refused) && patterns.iter().any(|pattern| matches_pattern(pattern, name))
}

/// `*` and `?`, as in ssh_config(5), PATTERNS. Only the last `*` is ever tried again: with each of them, a line of fifty
/// would take years.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                star = Some((at, read));
            }
            Some(c) if *c == '?' || text.get(read) == Some(c) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((behind, taken)) = star else { return false };
                star = Some((behind, taken + 1));
                (at, read) = (behind, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_line_without_options_allows_everything() {
        let signers = parse(&format!("# hosts\n\nhost:web01,ops {KEY} a comment\n")).unwrap();
        let now = at("2026-11-21T00:00:00Z");
        assert_eq!(standing(&signers, KEY, "seal@phi-ir", now), Standing::Allowed("host:web01,ops".into()));
        assert_eq!(standing(&signers, "ssh-ed25519 other", "seal@phi-ir", now), Standing::NotListed);
    }

    #[test]
    fn namespaces_and_validity_are_held() {
        let text = format!(
            "web01 namespaces=\"seal@phi-ir,receipt@*\",valid-after=\"20260101Z\",valid-before=\"202612311200Z\" {KEY}"
        );
        let signers = parse(&text).unwrap();
        let stands = |namespace: &str, time: &str| standing(&signers, KEY, namespace, at(time));
        assert!(matches!(stands("seal@phi-ir", "2026-06-01T00:00:00Z"), Standing::Allowed(_)));
        assert!(matches!(stands("receipt@phi-ir", "2026-06-01T00:00:00Z"), Standing::Allowed(_)));
        assert!(matches!(stands("git", "2026-06-01T00:00:00Z"), Standing::NotForThis(_)));
        assert!(matches!(stands("seal@phi-ir", "2025-12-31T23:59:59Z"), Standing::NotForThis(_)));
        assert!(matches!(stands("seal@phi-ir", "2026-12-31T12:00:01Z"), Standing::NotForThis(_)));
    }

    #[test]
    fn a_namespace_that_is_refused_is_refused_among_others() {
        let text = format!("web01 namespaces=\"!seal@phi-ir,*@phi-ir\" {KEY}");
        let signers = parse(&text).unwrap();
        let stands = |namespace: &str| standing(&signers, KEY, namespace, at("2026-11-21T00:00:00Z"));
        assert!(matches!(stands("seal@phi-ir"), Standing::NotForThis(_)));
        assert!(matches!(stands("receipt@phi-ir"), Standing::Allowed(_)));
    }

    #[test]
    fn a_pattern_of_many_stars_costs_nothing() {
        let many = format!("{}x", "*a".repeat(5_000));
        assert!(!matches_pattern(&many, &"a".repeat(400)));
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-cd", false),
            ("*@phi-ir", "seal@phi-ir", true),
            ("se?l@*", "seal@phi-ir", true),
            ("*é?", "caféx", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_with_its_number() {
        for bad in [
            "web01",
            "web01 ssh-ed25519",
            "web01 frobnicate ssh-ed25519 AAAA",
            "web01 \"x ssh-ed25519 AAAA",
            "web01 valid-after=soon ssh-ed25519 AAAA",
            "ca cert-authority ssh-ed25519 AAAA",
            "*,!web01 ssh-ed25519 AAAA",
        ] {
            assert_eq!(parse(&format!("# one\n{bad}\n")).unwrap_err().line, 2, "{bad}");
        }
    }
}
