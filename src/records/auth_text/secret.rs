//! Passwords that were typed where a name belongs: what is taken for one, and what stands in its place. Whoever tells of
//! names that were tried asks here, so that none tells what another keeps to itself.

/// Stands for a name that is not told, as a value: neither its length nor any of its letters is.
pub const MASK: &str = "***";
/// The same within a sentence.
pub const CONCEALED: &str = "(not shown: perhaps a password)";

/// Bytes that a password has at least; names as short as that are not told from one.
const LEAST: usize = 4;

/// What programs write for a name that they do not tell (OpenSSH, audit-linux.c; libaudit; login(1)).
const NOBODY: [&[u8]; 4] = [b"(unknown)", b"(unknown user)", b"(invalid user)", b"(null)"];

/// Whether a name that was given looks like a secret typed into the wrong field: no account is called so, and it has
/// three of small letters, capitals, digits and signs that are rare in names; or such a sign, or a capital and a digit.
/// Names of accounts mostly have small letters, and some digits at their end (useradd(8), `NAME_REGEX`): what is longer
/// than eight bytes and has digits within is taken for a secret too.
pub fn maybe_secret(name: &[u8], known_accounts: &dyn Fn(&[u8]) -> bool) -> bool {
    name.len() >= LEAST && !NOBODY.contains(&name) && looks_like_one(name) && !known_accounts(name)
}

fn looks_like_one(name: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| name.iter().any(is);
    let (small, large, digit) =
        (any(u8::is_ascii_lowercase), any(u8::is_ascii_uppercase), any(u8::is_ascii_digit));
    let sign = any(|byte| !byte.is_ascii_alphanumeric() && !b"-_.@\\".contains(byte));
    let classes = [small, large, digit, sign].iter().filter(|class| **class).count();
    let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let digits_within = name.iter().take(end).any(u8::is_ascii_digit);
    (classes >= 2 && (sign || large && digit)) || classes >= 3 || (name.len() > 8 && small && digits_within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_name_that_is_not_told_is_no_secret() {
        for name in ["(unknown)", "(unknown user)", "(invalid user)", "(null)"] {
            assert!(!maybe_secret(name.as_bytes(), &|_| false), "{name}");
        }
        assert!(maybe_secret(b"(Sommer) 26", &|_| false));
    }
}
