//! `/etc/passwd` (passwd(5)), and `/etc/shadow` (shadow(5)) reduced to what an investigation needs.
//!
//! A password hash never leaves the host: of the second field only the algorithm and whether it can be used are
//! kept. Even its length would tell something, so that is not kept either.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::path::{HostPath, shown};

/// One account, as far as finding its files needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: Vec<u8>,
    /// Its home, if it names one; `..` in it goes up, as it does for a login.
    pub home: Option<HostPath>,
}

/// Reads a passwd file, line by line; of one that is damaged it gives the number. Those of NIS (`+`, `-`) and comments are
/// no accounts and no damage. Nothing but the home is read: what makes the number odd must not hide the home.
pub fn parse_passwd(text: &[u8]) -> impl Iterator<Item = Result<Account, usize>> {
    lines(text).filter_map(|(line, number)| match account(line) {
        Some(account) => Some(Ok(account)),
        None if line.starts_with(b"+") || line.starts_with(b"-") || line.starts_with(b"#") => None,
        None => Some(Err(number)),
    })
}

/// The numbers of the names in a passwd or group file: the third field of each line. Of a name that stands twice the
/// first counts, as it does for getpwnam(3).
pub fn numbers(text: &[u8]) -> BTreeMap<Vec<u8>, u32> {
    let mut numbers = BTreeMap::new();
    for (line, _) in lines(text) {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()?.trim().parse().ok());
        if let (Some(name), Some(number)) = (name, number) {
            numbers.entry(name.to_vec()).or_insert(number);
        }
    }
    numbers
}

/// The same the other way; of a number that stands twice the first name counts, as it does for getpwuid(3).
pub fn names(text: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut names = BTreeMap::new();
    for (line, _) in lines(text) {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()?.trim().parse().ok());
        if let (Some(name), Some(number)) = (name, number) {
            names.entry(number).or_insert_with(|| name.to_vec());
        }
    }
    names
}

fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    text.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty())
}

fn account(line: &[u8]) -> Option<Account> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    let [name, _, _, _, _, home, ..] = fields.as_slice() else { return None };
    Some(Account { name: name.to_vec(), home: home_of(home) })
}

/// Where a login with this field begins. A relative one is looked for below `/`, for that is where login(1) and sshd(8)
/// stand when they change to it; what stands behind a NUL the C library does not see.
fn home_of(field: &[u8]) -> Option<HostPath> {
    let seen = field.split(|byte| *byte == 0).next().unwrap_or_default();
    if seen.is_empty() {
        return None;
    }
    let step = |path: HostPath, name: &[u8]| match name {
        b"" | b"." => path,
        b".." => path.parent(),
        name => path.join(name),
    };
    Some(seen.split(|byte| *byte == b'/').fold(HostPath::root(), step))
}

/// One line of shadow or gshadow without its secret. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReducedSecret {
    /// What made the hash: `yescrypt`, `sha512crypt`, … or `none`; `unknown` for a form that is not known.
    pub algorithm: &'static str,
    /// Days since 1970 after which the account is off; the field as it stands.
    pub expire: String,
    /// Days after the password's end during which it is still taken.
    pub inactive: String,
    /// Days since 1970 of the last change; `0` forces one.
    pub last_change: String,
    /// The line, from 1.
    pub line: usize,
    /// Days after which it must be changed.
    pub max: String,
    /// Days before it may be changed.
    pub min: String,
    /// The account, escaped.
    pub name: String,
    /// `usable`, `locked` (a hash behind `!`), `none` (no password can ever fit), or `empty` (none is asked for).
    pub state: &'static str,
    /// Days of warning.
    pub warn: String,
}

/// Reduces a whole shadow or gshadow file. A line without the fields of one keeps its number and nothing else.
pub fn reduce_shadow(text: &[u8]) -> impl Iterator<Item = ReducedSecret> {
    lines(text).map(|(line, number)| reduce(line, number))
}

fn reduce(line: &[u8], number: usize) -> ReducedSecret {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    // In gshadow the fields behind the secret are lists of names; only numbers are taken over.
    let days = |at: usize| {
        let field = fields.get(at).copied().unwrap_or_default();
        let numeric = field.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        if numeric { shown(field) } else { String::new() }
    };
    let (state, algorithm) = match fields.as_slice() {
        [_, secret, ..] => judge(secret),
        // Not a line of such a file: what stands in it might be a secret.
        _ => ("unknown", "unknown"),
    };
    // Where a line is broken, a hash may stand in the name's place.
    let name = fields.first().copied().filter(|name| fields.len() > 1 && is_name(name)).unwrap_or_default();
    ReducedSecret {
        algorithm,
        expire: days(7),
        inactive: days(6),
        last_change: days(2),
        line: number,
        max: days(4),
        min: days(3),
        name: shown(name),
        state,
        warn: days(5),
    }
}

/// Whether it can be a name (useradd(8)): a `$` only at its end, as Samba's machines have it.
fn is_name(field: &[u8]) -> bool {
    let plain = field.strip_suffix(b"$").unwrap_or(field);
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-@+ ".contains(byte) || *byte >= 0x80;
    (1..=64).contains(&plain.len()) && plain.iter().all(legal)
}

/// State and algorithm of the second field (crypt(5)).
fn judge(secret: &[u8]) -> (&'static str, &'static str) {
    if secret.is_empty() {
        return ("empty", "none");
    }
    let locked = secret.first() == Some(&b'!');
    let hash: &[u8] = secret.trim_ascii_start();
    let start = hash.iter().position(|byte| *byte != b'!').unwrap_or(hash.len());
    let hash = hash.get(start..).unwrap_or_default();
    const PREFIXES: [(&[u8], &str); 13] = [
        (b"$y$", "yescrypt"),
        (b"$gy$", "gost-yescrypt"),
        (b"$7$", "scrypt"),
        (b"$2a$", "bcrypt"),
        (b"$2b$", "bcrypt"),
        (b"$2x$", "bcrypt"),
        (b"$2y$", "bcrypt"),
        (b"$6$", "sha512crypt"),
        (b"$5$", "sha256crypt"),
        (b"$sha1", "sha1crypt"),
        (b"$md5", "sunmd5"),
        (b"$1$", "md5crypt"),
        (b"$3$", "nthash"),
    ];
    let is_des = |hash: &[u8]| {
        hash.len() == 13 && hash.iter().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(byte))
    };
    let algorithm = match PREFIXES.iter().find(|(prefix, _)| hash.starts_with(prefix)) {
        Some((_, name)) => name,
        None if is_des(hash) => "descrypt",
        None if hash.starts_with(b"_") && hash.len() == 20 => "bsdicrypt",
        None if hash.is_empty() || hash.first() == Some(&b'*') || hash == b"x" => return ("none", "none"),
        None => "unknown",
    };
    (if locked { "locked" } else { "usable" }, algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    // Written from documentation (passwd(5)); no real account.
    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001:,,,:/home/alice:/bin/bash\n\
        +::::::\nodd:x:7:7::relative:/bin/sh\nj\xff:x:1002:1002::/home/j\xff:/bin/sh\ntorn:x:10";

    fn parsed(text: &[u8]) -> (Vec<Account>, Vec<usize>) {
        let damaged = parse_passwd(text).filter_map(Result::err).collect();
        (parse_passwd(text).filter_map(Result::ok).collect(), damaged)
    }

    #[test]
    fn homes_are_found_and_damage_is_counted() {
        let (accounts, unread) = parsed(PASSWD);
        assert_eq!(unread, [6]);
        let homes: Vec<&[u8]> =
            accounts.iter().filter_map(|account| Some(account.home.as_ref()?.as_bytes())).collect();
        assert_eq!(homes, [&b"/root"[..], b"/home/alice", b"/relative", b"/home/j\xff"]);
    }

    #[test]
    fn numbers_and_names_are_found_both_ways() {
        assert_eq!(numbers(PASSWD).get(&b"alice"[..]), Some(&1001));
        assert_eq!(names(PASSWD).get(&1002).unwrap(), b"j\xff");
        assert_eq!(names(b"root:x:0:\ntoor:x:0:\nbad:x:y:\n+\n").len(), 1);
    }

    #[test]
    fn a_home_that_was_made_odd_to_hide_is_found() {
        let (accounts, unread) =
            parsed(b"svc:x:0:0::/srv/../srv/./evil:/bin/bash\nsvc2:x: 0:0::/srv/e2:/bin/bash\n\
                svc3:x:0:0::srv/e3:/bin/bash\nsvc4:x:0:0::/srv/e4\0/no:/bin/bash\nsvc5:x:0:0::../..:/bin/bash\n\
                svc6:x:0:0:::/bin/bash\n");
        let homes: Vec<String> =
            accounts.iter().filter_map(|one| Some(one.home.as_ref()?.to_string())).collect();
        assert_eq!(accounts.len(), 6);
        assert_eq!((homes.join(" ").as_str(), unread), ("/srv/evil /srv/e2 /srv/e3 /srv/e4 /", vec![]));
    }

    #[test]
    fn no_secret_survives_the_reduction() {
        // Hashes made for this test with mkpasswd; they open nothing.
        let lines = [
            ("root:$y$j9T$7Dt9zq5m$K9Vv6Zb:20000:0:90:7:30:21000:", "usable", "yescrypt"),
            ("alice:!$6$salt$Vx7nq:20000:7:90:14:::", "locked", "sha512crypt"),
            ("bob::20000:0:99999:7:::", "empty", "none"),
            ("daemon:*:19000:0:99999:7:::", "none", "none"),
            ("old:ab1Pq9kz2Lm3N:1:0:99999:7:::", "usable", "descrypt"),
            ("odd:plaintextpassword:1:0:9:7:::", "usable", "unknown"),
            ("torn-line-with-hash$6$salt$Vx7nq", "unknown", "unknown"),
            ("staff:!::alice,bob", "none", "none"),
            ("$6$salt$Vx7nq:19000:0:99999:7:::", "usable", "unknown"),
        ];
        for (line, state, algorithm) in lines {
            let reduced = &reduce_shadow(line.as_bytes()).next().unwrap();
            assert_eq!((reduced.state, reduced.algorithm), (state, algorithm), "{line}");
            let json = String::from_utf8(json::line(reduced).unwrap()).unwrap();
            for secret in ["7Dt9", "Vx7nq", "ab1Pq", "plaintext", "salt", "bob,"] {
                assert!(!json.contains(secret), "{json}");
            }
        }
        let alice = &reduce_shadow(lines[1].0.as_bytes()).next().unwrap();
        assert_eq!((alice.min.as_str(), alice.max.as_str(), alice.warn.as_str()), ("7", "90", "14"));
    }

    #[test]
    fn the_keys_of_a_reduced_line_are_sorted() {
        let reduced = &reduce_shadow(b"a:*:1:2:3:4:5:6:").next().unwrap();
        let mut row = Vec::new();
        json::row(&mut row, reduced).unwrap();
        assert_eq!(row, json::line(reduced).unwrap());
    }
}
