//! Messages of PAM modules, whichever program loaded them: `pam_unix(SERVICE:KIND): TEXT` (Linux-PAM, pam_syslog(3)).

use super::scan::{cut, cut_last, leading_number, number, word};
use super::{From, Message};

/// What it says; none if it is none of PAM.
pub fn understand(tag: &[u8], message: &[u8]) -> Option<Message> {
    let (module, service, text) =
        named(message).or_else(|| of_old(tag, message)).or_else(|| counted(tag, message))?;
    let said = opened(service, text)
        .or_else(|| closed(service, text))
        .or_else(|| success(service, text))
        .or_else(|| failure(module, service, text))
        .or_else(|| changed(text))
        .or_else(|| locked(text))
        .or_else(|| refused(text));
    Some(said.unwrap_or_else(|| Message::Other { text: message.to_vec() }))
}

/// Module, service and text.
type Spoken<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// `pam_unix(sshd:auth): …`
fn named(message: &[u8]) -> Option<Spoken<'_>> {
    let rest = message.strip_prefix(b"pam_")?;
    let (module, rest) = cut(rest, b"(")?;
    let (place, text) = cut(rest, b"): ")?;
    let (service, _) = cut_last(place, b":").unwrap_or((place, b""));
    let plain = module.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    plain.then_some((module, service, text))
}

/// `su(pam_unix)[77]: …`: the module is in the tag.
fn of_old<'a>(tag: &'a [u8], message: &'a [u8]) -> Option<Spoken<'a>> {
    let (service, module) = cut(tag, b"(pam_")?;
    Some((module.strip_suffix(b")").unwrap_or(module), service, message))
}

/// `PAM 2 more authentication failures; …`, which libpam itself says in the name of the program.
fn counted<'a>(tag: &'a [u8], message: &'a [u8]) -> Option<Spoken<'a>> {
    let text = message.strip_prefix(b"PAM ")?;
    Some((b"", super::program(tag), text))
}

/// `session opened for user USER[(uid=N)] by [BY](uid=N)`
fn opened(service: &[u8], text: &[u8]) -> Option<Message> {
    let rest = text.strip_prefix(b"session opened for user ")?;
    let (user, by) = cut_last(rest, b" by ").unwrap_or((rest, b""));
    let (user, uid) = with_uid(user);
    let (by, by_uid) = with_uid(by);
    Some(Message::SessionOpened { service: service.to_vec(), user, uid, by, by_uid })
}

/// `NAME(uid=N)`
fn with_uid(text: &[u8]) -> (Vec<u8>, Option<u32>) {
    let parts = || {
        let (name, uid) = cut_last(text.strip_suffix(b")")?, b"(uid=")?;
        Some((name.to_vec(), Some(number(uid)?)))
    };
    parts().unwrap_or((text.to_vec(), None))
}

fn closed(service: &[u8], text: &[u8]) -> Option<Message> {
    let user = text.strip_prefix(b"session closed for user ")?;
    Some(Message::SessionClosed { service: service.to_vec(), user: user.to_vec() })
}

/// `authentication failure; logname=L uid=N euid=N tty=T ruser=R rhost=H  user=USER`, `N more authentication failures; …`
fn failure(module: &[u8], service: &[u8], text: &[u8]) -> Option<Message> {
    let (tries, fields) = match text.strip_prefix(b"authentication failure; ") {
        Some(fields) => (1, fields),
        None => {
            let (tries, rest) = leading_number(text)?;
            let rest = rest.strip_prefix(b" more authentication failure")?;
            (tries, rest.strip_prefix(b"s; ").or_else(|| rest.strip_prefix(b"; "))?)
        }
    };
    let asked = asked(fields)?;
    Some(Message::PamFailure {
        module: module.to_vec(),
        service: service.to_vec(),
        user: asked.user.to_vec(),
        by: asked.by.to_vec(),
        from: From { address: asked.address.to_vec(), port: None },
        terminal: asked.terminal.to_vec(),
        tries,
    })
}

/// pam_sss: `authentication success; logname=L …`, with the fields of a failure.
fn success(service: &[u8], text: &[u8]) -> Option<Message> {
    let asked = asked(text.strip_prefix(b"authentication success; ")?)?;
    let from = From { address: asked.address.to_vec(), port: None };
    Some(Message::PamSuccess { service: service.to_vec(), user: asked.user.to_vec(), from })
}

/// Who was asked for a secret, by whom, and where.
struct Asked<'a> {
    user: &'a [u8],
    by: &'a [u8],
    address: &'a [u8],
    terminal: &'a [u8],
}

/// `logname=L uid=N euid=N tty=T ruser=R rhost=H  user=USER`
fn asked(fields: &[u8]) -> Option<Asked<'_>> {
    let (logname, rest) = cut(fields.strip_prefix(b"logname=")?, b" uid=")?;
    let (_, rest) = cut(rest, b" tty=")?;
    let (terminal, rest) = cut(rest, b" ruser=")?;
    let (ruser, rest) = cut(rest, b" rhost=")?;
    let (address, rest) = word(rest);
    let user = rest.trim_ascii_start().strip_prefix(b"user=").unwrap_or_default();
    let by = if ruser.is_empty() { logname } else { ruser };
    Some(Asked { user, by, address, terminal })
}

fn changed(text: &[u8]) -> Option<Message> {
    let name = text.strip_prefix(b"password changed for ")?;
    Some(Message::Account { what: "password changed", name: name.to_vec(), detail: Vec::new() })
}

/// pam_faillock: `Consecutive login failures for user USER account temporarily locked`; pam_tally2: `user USER (UID) tally
/// N, deny M`.
fn locked(text: &[u8]) -> Option<Message> {
    let by_faillock = || {
        let rest = text.strip_prefix(b"Consecutive login failures for user ")?;
        rest.strip_suffix(b" account temporarily locked")
    };
    let by_tally = || {
        let (who, figures) = cut_last(text.strip_prefix(b"user ")?, b" tally ")?;
        cut(figures, b", deny ")?;
        Some(cut_last(who, b" (").map_or(who, |(name, _)| name))
    };
    let user = by_faillock().or_else(by_tally)?;
    Some(Message::Locked { user: user.to_vec() })
}

/// Known, and with the right secret perhaps, but not let in.
fn refused(text: &[u8]) -> Option<Message> {
    let (user, from) = refused_whom(text)?;
    let from = From { address: from.to_vec(), port: None };
    Some(Message::NotAllowed { user: user.to_vec(), from, reason: text.to_vec() })
}

/// pam_unix: `account USER has expired (…)`, `expired password for user USER (…)`; pam_access: ``access denied for user
/// `USER' from `HOST'``; pam_listfile: `Refused user USER for service S`; pam_succeed_if: `requirement "…" not met by user
/// "USER"`; pam_limits: `Too many logins (max N) for USER`.
fn refused_whom(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let nowhere = |user| Some((user, &b""[..]));
    if let Some(rest) = text.strip_prefix(b"account ") {
        return nowhere(cut(rest, b" has expired")?.0);
    }
    if let Some(rest) = text.strip_prefix(b"expired password for user ") {
        return nowhere(word(rest).0);
    }
    if let Some(rest) = text.strip_prefix(b"access denied for user ") {
        let (user, from) = cut_last(rest, b" from ")?;
        return Some((bare(user), bare(from)));
    }
    if let Some(rest) = text.strip_prefix(b"Refused user ") {
        return nowhere(cut_last(rest, b" for service ")?.0);
    }
    if let Some(rest) = text.strip_prefix(b"Too many logins ") {
        return nowhere(cut(rest, b") for ")?.1);
    }
    let (_, user) = cut(text.strip_prefix(b"requirement ")?, b" not met by user ")?;
    nowhere(bare(user))
}

/// Without quotes.
fn bare(text: &[u8]) -> &[u8] {
    let text = text
        .strip_prefix(b"`")
        .or_else(|| text.strip_prefix(b"\""))
        .or_else(|| text.strip_prefix(b"'"))
        .unwrap_or(text);
    text.strip_suffix(b"'").or_else(|| text.strip_suffix(b"\"")).unwrap_or(text)
}
