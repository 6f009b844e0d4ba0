//! Whether a name may be a password that was typed where a name belongs.

/// Letters of both cases, digits and signs: names of accounts mostly have small letters, and some digits at their end
/// (useradd(8), `NAME_REGEX`). What is longer than eight bytes and has digits within is taken for a secret too.
pub fn is_maybe_secret(name: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| name.iter().any(is);
    let (small, large, digit) =
        (any(u8::is_ascii_lowercase), any(u8::is_ascii_uppercase), any(u8::is_ascii_digit));
    let sign = name.iter().any(|byte| !byte.is_ascii_alphanumeric() && !b"-_.@\\".contains(byte));
    let classes = [small, large, digit, sign].iter().filter(|class| **class).count();
    let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let digits_within = name.iter().take(end).any(u8::is_ascii_digit);
    (classes >= 2 && (sign || large && digit)) || classes >= 3 || (name.len() > 8 && small && digits_within)
}
