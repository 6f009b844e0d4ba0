//! Messages of login, systemd-logind and cron.

use super::scan::{cut, cut_last, quoted, word};
use super::{From, Message};

/// util-linux: `LOGIN ON TTY BY USER[ FROM HOST]`, `ROOT LOGIN ON TTY[ FROM HOST]`, `FAILED LOGIN 1 FROM HOST FOR USER,
/// REASON`; shadow: `FAILED LOGIN (1) on 'TTY'[ from 'HOST'] FOR 'USER', REASON`, `ROOT LOGIN  on 'TTY'[ from 'HOST']`.
pub fn login(message: &[u8]) -> Option<Message> {
    let of = |accepted, user: &[u8], terminal: &[u8], from: &[u8]| {
        let from = From { address: from.to_vec(), port: None };
        Some(Message::Console { accepted, user: user.to_vec(), terminal: terminal.to_vec(), from })
    };
    if let Some((terminal, rest)) = message.strip_prefix(b"LOGIN ON ").and_then(|rest| cut(rest, b" BY ")) {
        let (user, from) = cut_last(rest, b" FROM ").unwrap_or((rest, b""));
        return of(true, user, terminal, from);
    }
    if let Some(rest) = message.strip_prefix(b"ROOT LOGIN ") {
        let rest = rest.trim_ascii_start();
        let rest = rest.strip_prefix(b"ON ").or_else(|| rest.strip_prefix(b"on "))?;
        let (terminal, from) = cut(rest, b" FROM ").or_else(|| cut(rest, b" from ")).unwrap_or((rest, b""));
        return of(true, b"root", bare(terminal), bare(from));
    }
    let failed = message.starts_with(b"FAILED LOGIN ") || message.starts_with(b"TOO MANY LOGIN TRIES ");
    failed.then_some(())?;
    let (place, rest) = cut(message, b" FOR ")?;
    let (user, _) = cut_last(rest, b", ").unwrap_or((rest, b""));
    let from = cut(place, b" FROM ").or_else(|| cut(place, b" from ")).map(|(_, from)| from);
    let terminal = cut(place, b" on ").map(|(_, terminal)| word(terminal).0);
    of(false, bare(user), bare(terminal.unwrap_or_default()), bare(from.unwrap_or_default()))
}

fn bare(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"'").and_then(|text| text.strip_suffix(b"'")).unwrap_or(text)
}

/// `New session ID of user USER.`; since version 256 `New session 'ID' of user 'USER' with class 'user' and type 'tty'.`
pub fn logind(message: &[u8]) -> Option<Message> {
    if let Some(rest) = message.strip_prefix(b"New session ") {
        let (session, rest) = cut(rest, b" of user ")?;
        let user = quoted(rest).map_or_else(|| rest.strip_suffix(b".").unwrap_or(rest), |(user, _)| user);
        return Some(Message::LogindNew { session: bare(session).to_vec(), user: user.to_vec() });
    }
    let session = message.strip_prefix(b"Removed session ")?;
    let session = session.strip_suffix(b".").unwrap_or(session);
    Some(Message::LogindRemoved { session: bare(session).to_vec() })
}

/// `(USER) CMD (COMMAND)`, `(USER) RELOAD (…)`, `(USER) BEGIN EDIT (…)` (cron(8), crontab(1)).
pub fn cron(message: &[u8]) -> Option<Message> {
    let (user, rest) = cut(message.strip_prefix(b"(")?, b") ")?;
    let (what, detail) = cut(rest, b" (")?;
    let is_word = what.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ');
    let detail = detail.strip_suffix(b")").unwrap_or(detail);
    (is_word && !what.is_empty()).then(|| Message::Cron {
        user: user.to_vec(),
        what: what.to_vec(),
        detail: detail.to_vec(),
    })
}
