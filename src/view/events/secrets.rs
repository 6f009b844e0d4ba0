//! Names in facts that may be passwords: what somebody typed in vain where a name belongs is not told.

use std::cmp::Reverse;

use super::Fact;
use crate::path::shown;
use crate::records::audit_log::untrusted;
use crate::records::auth_text::{CONCEALED, maybe_secret};

/// Facts of tries: the name in them may be a password that was typed into the wrong field.
const TRIES: [&str; 13] = [
    "audit.anomaly",
    "connection.ended",
    "login.account_refused",
    "login.error",
    "login.failed",
    "login.not_allowed",
    "login.not_authenticated",
    "login.postponed",
    "login.too_many_tries",
    "login.unknown_user",
    "login_record.failed_login",
    "login_record.failure_count",
    "session.elevation_refused",
];
/// Facts of which no more is understood than their text, which may be a copy of an audit record.
const TEXTS: [&str; 3] = ["journal.entry", "kernel.message", "log.other"];

/// A name that was typed.
struct Typed {
    name: Vec<u8>,
    /// As it stands in the words.
    written: String,
}

/// Takes names out of a fact that may be passwords ([`maybe_secret`]): of tries, and of nobody that is `known`. The
/// evidence has them.
pub fn conceal(fact: &mut Fact, known: &dyn Fn(&[u8]) -> bool) {
    let mut secrets = typed(fact);
    secrets.retain(|typed| maybe_secret(&typed.name, known));
    if secrets.is_empty() {
        return;
    }
    // The longest first: one may stand within another.
    secrets.sort_by_key(|typed| Reverse(typed.written.len()));
    for secret in &secrets {
        fact.words = fact.words.replace(&secret.written, CONCEALED);
    }
    for name in [&mut fact.user, &mut fact.typed] {
        if secrets.iter().any(|secret| secret.name == *name) {
            name.clear();
        }
    }
    fact.labels.push("maybe_secret");
}

fn typed(fact: &Fact) -> Vec<Typed> {
    let what = fact.what.as_ref();
    if TEXTS.contains(&what) {
        return accounts(&fact.words);
    }
    let user = TRIES.contains(&what).then_some(&fact.user);
    let names = user.into_iter().chain([&fact.typed]);
    names.map(|name| Typed { name: name.clone(), written: shown(name) }).collect()
}

/// The accounts that a copy of an audit record names, unless it says that it went well.
fn accounts(words: &str) -> Vec<Typed> {
    if words.contains(" res=success") {
        return Vec::new();
    }
    words.split("acct=").skip(1).filter_map(account).collect()
}

/// One, from where it begins: in quotation marks, or in hexadecimal if it would end those (audit_logging.c of libaudit).
fn account(text: &str) -> Option<Typed> {
    let (name, written) = match text.strip_prefix('"') {
        Some(quoted) => {
            let written = quoted.split('"').next()?;
            // Words have a backslash twice.
            (written.replace("\\\\", "\\").into_bytes(), written)
        }
        None => {
            let written = text.split([' ', '\'']).next()?;
            (untrusted(written.as_bytes())?, written)
        }
    };
    Some(Typed { name, written: written.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::view::events::At;

    fn concealed(what: &'static str, user: &[u8], typed: &[u8], words: &str) -> Fact {
        let fact = Fact::new(Timestamp::from_unix(100, 0), what, words, "text", At::default());
        let mut fact = Fact { user: user.to_vec(), typed: typed.to_vec(), ..fact };
        conceal(&mut fact, &|name| name == b"Admin01");
        fact
    }

    #[test]
    fn whatever_tells_of_a_try_tells_no_name_that_may_be_a_password() {
        for what in TRIES {
            for name in ["Hunter2!", "hunter2hunter2", "correct horse!", "Secret9!x"] {
                let fact = concealed(what, name.as_bytes(), b"", &format!("it was {name} who tried"));
                assert_eq!(fact.words, format!("it was {CONCEALED} who tried"), "{what}");
                assert_eq!((fact.labels.as_slice(), fact.user.len()), (&["maybe_secret"][..], 0));
            }
            let fact = concealed(what, b"Admin01", b"", "it was Admin01");
            assert_eq!((fact.words.as_str(), fact.labels.len()), ("it was Admin01", 0));
        }
        let let_in = concealed("login.accepted", b"Hunter2!", b"", "let in Hunter2!");
        assert_eq!(let_in.user, b"Hunter2!");
    }

    #[test]
    fn as_whom_somebody_wanted_to_act_may_be_a_password_too() {
        let words = "alice wanted to act as Hunter2! by su";
        let fact = concealed("session.elevation_refused", b"alice", b"Hunter2!", words);
        assert_eq!(fact.words, format!("alice wanted to act as {CONCEALED} by su"));
        assert_eq!((fact.user.as_slice(), fact.typed.len()), (&b"alice"[..], 0));
        // One name within the other leaves nothing of it.
        let words = "Hunter2! wanted to act as Hunter2!x by su";
        let fact = concealed("session.elevation_refused", b"Hunter2!", b"Hunter2!x", words);
        assert_eq!(fact.words, format!("{CONCEALED} wanted to act as {CONCEALED} by su"));
    }

    /// As journald and the kernel's log have audit records (audit_logging.c of libaudit).
    #[test]
    fn a_copy_of_an_audit_record_tells_no_more_than_the_record() {
        let copy = |acct: &str, result: &str| {
            format!("audit: USER_AUTH pid=1 msg='op=PAM:authentication acct={acct} exe=\"x\" res={result}'")
        };
        let of = |words: &str| concealed("journal.entry", b"", b"", words);
        // In quotation marks; in hexadecimal with letters, and with digits alone.
        for acct in ["\"Secret9!x\"", "636F727265637420686F72736521", "53656372657439217820"] {
            let fact = of(&copy(acct, "failed"));
            let bare = acct.trim_matches('"');
            assert!(!fact.words.contains(bare) && fact.words.contains(CONCEALED), "{}", fact.words);
            assert_eq!(fact.labels, ["maybe_secret"]);
        }
        for words in [
            copy("\"alice\"", "failed"),
            copy("\"Admin01\"", "failed"),
            copy("\"Secret9!x\"", "success"),
            copy("(null)", "failed"),
            "backup: done, acct=".to_owned(),
        ] {
            let fact = of(&words);
            assert_eq!((fact.words, fact.labels.len()), (words, 0));
        }
        // Of a text that is no copy of a record, as of what is no text, nothing is taken out.
        let other = concealed("audit.exec", b"", b"", &copy("\"Secret9!x\"", "failed"));
        assert!(other.labels.is_empty());
    }
}
