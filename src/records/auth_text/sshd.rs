//! Messages of sshd, and of sshd-session and sshd-auth, into which it was divided (OpenSSH 9.8 and 10; auth.c, packet.c,
//! session.c, sshd.c, auth-pam.c).

use super::scan::{
    address_and_port, cut, cut_last, cuts, is_address, number, only, whole_address, without, word,
};
use super::vis::decoded;
use super::{Answer, From, Key, Message};

/// What it says; none if it is of no meaning for logins. Names are the bytes that were given, as PAM and the audit log
/// have them, and not as sshd writes them. It writes none with control bytes: a message that has one is torn, or not of
/// its making.
pub fn understand(message: &[u8]) -> Option<Message> {
    let (text, relayed) = bare(message);
    let mut said = read(text, message)?;
    // What the unprivileged process says is written so by itself, and once more by the monitor.
    let times = if relayed { 2 } else { 1 };
    if let Some(user) = name_of(&mut said) {
        if user.iter().any(u8::is_ascii_control) {
            return None;
        }
        *user = decoded(user, times).into_owned();
    }
    Some(said)
}

/// The name in a message, where it has one.
fn name_of(message: &mut Message) -> Option<&mut Vec<u8>> {
    match message {
        Message::Tried { user, .. }
        | Message::UnknownUser { user, .. }
        | Message::PamRejected { user, .. }
        | Message::NotAllowed { user, .. }
        | Message::TooManyTries { user, .. }
        | Message::Ended { user, .. }
        | Message::ShellStarted { user, .. }
        | Message::ChannelClosed { user, .. } => Some(user),
        _ => None,
    }
}

fn read(text: &[u8], message: &[u8]) -> Option<Message> {
    match text.first()? {
        b'A' | b'F' => tried(text, message).or_else(|| refused(text)),
        b'C' | b'D' | b'T' => too_many(text).or_else(|| channel_closed(text)).or_else(|| ended(text)),
        b'I' | b'i' => unknown(text),
        b'P' => tried(text, message).or_else(|| pam(text)),
        b'R' => refused(text).or_else(|| server(text)).or_else(|| ended(text)),
        b'S' => session(text).or_else(|| server(text)),
        b'U' => not_allowed(text, message),
        b'm' => too_many(text),
        b'b' | b'd' | b'e' => shed(text),
        _ => None,
    }
}

/// Without what sshd puts around a message: how bad it is, and whether the unprivileged process said it.
fn bare(message: &[u8]) -> (&[u8], bool) {
    let mut text = message;
    for mark in [&b"error: "[..], b"fatal: ", b"debug1: "] {
        text = without(text, mark);
    }
    let own = text.strip_suffix(b" [preauth]").or_else(|| text.strip_suffix(b" [postauth]"));
    (own.unwrap_or(text), own.is_some())
}

/// `Accepted METHOD for [invalid user ]USER from ADDRESS port N[ ssh2][: DETAIL]`
fn tried(text: &[u8], message: &[u8]) -> Option<Message> {
    let (answer, rest) = word(text);
    let answer = match answer {
        b"Accepted" => Answer::Accepted,
        b"Failed" => Answer::Failed,
        b"Postponed" => Answer::Postponed,
        b"Partial" => Answer::Partial,
        _ => return None,
    };
    let (method, rest) = word(rest);
    let rest = rest.strip_prefix(b"for ")?;
    let named = without(rest, b"invalid user ");
    let unknown_user = named.len() < rest.len();
    let readings = cuts(named, b" from ").filter_map(|(user, rest)| {
        let (from, rest) = address_and_port(rest)?;
        let rest = [&b" ssh2"[..], b" ssh1", b" ssh"]
            .iter()
            .find_map(|mark| rest.strip_prefix(*mark))
            .unwrap_or(rest);
        let key = if rest.is_empty() { None } else { Some(key(method, rest.strip_prefix(b": ")?)?) };
        Some((user, from, key))
    });
    let Ok(reading) = only(readings) else { return ambiguous(message) };
    let (user, from, key) = reading?;
    Some(Message::Tried { answer, method: method.to_vec(), user: user.to_vec(), unknown_user, from, key })
}

/// Methods of which sshd tells a detail (auth2-pubkey.c, auth2-hostbased.c, auth2-gss.c; `rsa` of the first protocol).
/// With any other, what looks like one is part of a name.
const DETAILED: [&[u8]; 5] = [b"publickey", b"hostbased", b"gssapi", b"rsa", b"rhosts-rsa"];

/// `TYPE SHA256:…`, of a certificate with `ID … (serial N) CA TYPE SHA256:…`; of GSSAPI the principal.
fn key(method: &[u8], detail: &[u8]) -> Option<Key> {
    DETAILED.iter().any(|known| method.starts_with(known)).then_some(())?;
    let (kind, rest) = word(detail);
    let (fingerprint, rest) = word(rest);
    // A comma ends a fingerprint where the client's own name follows (hostbased).
    let fingerprint = fingerprint.strip_suffix(b",").unwrap_or(fingerprint);
    if is_fingerprint(fingerprint)
        && kind.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-@._".contains(byte))
    {
        return Some(Key { kind: kind.to_vec(), fingerprint: fingerprint.to_vec(), detail: rest.to_vec() });
    }
    let other = method.starts_with(b"gssapi") && !detail.is_empty();
    other.then(|| Key { detail: detail.to_vec(), ..Key::default() })
}

/// `SHA256:` and base64, `MD5:` or 16 pairs of digits with colons.
fn is_fingerprint(text: &[u8]) -> bool {
    let pairs = without(text, b"MD5:");
    let hex = pairs.len() == 47 && pairs.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b':');
    hex || cut(text, b":").is_some_and(|(hash, rest)| hash.starts_with(b"SHA") && !rest.is_empty())
}

/// `Invalid user USER from ADDRESS[ port N]`; old versions `Illegal user`, `input_userauth_request: invalid user`.
fn unknown(text: &[u8]) -> Option<Message> {
    if let Some(user) = text.strip_prefix(b"input_userauth_request: invalid user ") {
        return Some(Message::UnknownUser { user: user.to_vec(), from: From::default() });
    }
    let rest = text.strip_prefix(b"Invalid user ").or_else(|| text.strip_prefix(b"Illegal user "))?;
    let without_name = || Some((&b""[..], whole_address(rest.strip_prefix(b"from ")?)?));
    let (user, from) = cut_last(rest, b" from ")
        .and_then(|(user, from)| Some((user, whole_address(from)?)))
        .or_else(without_name)?;
    Some(Message::UnknownUser { user: user.to_vec(), from })
}

/// Reasons with `for` in them (Linux-PAM, pam_strerror.c: `PAM_MAXTRIES`, `PAM_SESSION_ERR`); no other has one.
const LONG_REASONS: [&[u8]; 2] = [
    b"Have exhausted maximum number of retries for service",
    b"Cannot make/remove an entry for the specified session",
];

/// `PAM: REASON for [illegal user ]USER from HOST`
fn pam(text: &[u8]) -> Option<Message> {
    let text = text.strip_prefix(b"PAM: ")?;
    let long = LONG_REASONS.iter().find_map(|reason| {
        let rest = text.strip_prefix(*reason)?.strip_prefix(b" for ")?;
        Some((*reason, rest))
    });
    let (reason, rest) = long.or_else(|| cut(text, b" for "))?;
    let named = without(rest, b"illegal user ");
    let (user, host) = cut_last(named, b" from ")?;
    let from = From { address: is_address(host).then(|| host.to_vec())?, port: None };
    let unknown_user = named.len() < rest.len();
    Some(Message::PamRejected { reason: reason.to_vec(), user: user.to_vec(), unknown_user, from })
}

/// `User USER[ from ADDRESS] not allowed because REASON`
fn not_allowed(text: &[u8], message: &[u8]) -> Option<Message> {
    let rest = text.strip_prefix(b"User ")?;
    let Ok(reading) = only(cuts(rest, b" not allowed because ")) else { return ambiguous(message) };
    let (who, reason) = reading?;
    let (user, from) = cut_last(who, b" from ")
        .and_then(|(user, from)| Some((user, whole_address(from)?)))
        .unwrap_or((who, From::default()));
    Some(Message::NotAllowed { user: user.to_vec(), from, reason: reason.to_vec() })
}

/// `ROOT LOGIN REFUSED FROM ADDRESS port N`, `Authentication refused for USER: REASON`
fn refused(text: &[u8]) -> Option<Message> {
    if let Some(from) = text.strip_prefix(b"ROOT LOGIN REFUSED FROM ") {
        let from = whole_address(from)?;
        return Some(Message::NotAllowed {
            user: b"root".to_vec(),
            from,
            reason: b"ROOT LOGIN REFUSED".to_vec(),
        });
    }
    let (user, reason) = cut(text.strip_prefix(b"Authentication refused for ")?, b": ")?;
    Some(Message::NotAllowed { user: user.to_vec(), from: From::default(), reason: reason.to_vec() })
}

/// `maximum authentication attempts exceeded for [invalid user ]USER from ADDRESS port N ssh2`,
/// `Disconnecting authenticating user USER ADDRESS port N: Too many authentication failures`
fn too_many(text: &[u8]) -> Option<Message> {
    let (user, from) = match text.strip_prefix(b"maximum authentication attempts exceeded for ") {
        Some(rest) => {
            let (user, from) = cut_last(without(rest, b"invalid user "), b" from ")?;
            (user, address_and_port(from)?.0)
        }
        None => {
            let rest = text.strip_suffix(b": Too many authentication failures")?;
            let (user, _, from) = who(rest.strip_prefix(b"Disconnecting ")?)?;
            (user, from)
        }
    };
    Some(Message::TooManyTries { user: user.to_vec(), from })
}

const ENDS: [&[u8]; 5] = [
    b"Connection closed by",
    b"Connection reset by",
    b"Disconnected from",
    b"Timeout before authentication for",
    b"Disconnecting",
];

/// `Disconnected from[ authenticating| invalid][ user USER] ADDRESS port N`, `Received disconnect from ADDRESS port N:…`
fn ended(text: &[u8]) -> Option<Message> {
    let of = |how: &[u8], (user, logged_in, from): (&[u8], Option<bool>, From)| {
        Some(Message::Ended { how: how.to_vec(), user: user.to_vec(), logged_in, from })
    };
    if let Some(rest) = text.strip_prefix(b"Received disconnect from ") {
        let from = address_and_port(rest).map(|(from, _)| from).or_else(|| old_disconnect(rest))?;
        return of(b"Received disconnect from", (b"", None, from));
    }
    let how = ENDS.iter().find(|how| text.starts_with(how))?;
    let rest = text.get(how.len()..)?.strip_prefix(b" ")?;
    // Since version 9.8: `connection from 10.0.0.1 to 10.0.0.2, pid = 7`
    if let Some(rest) = rest.strip_prefix(b"connection from ") {
        let from = word(rest).0;
        return of(how, (b"", None, bracketed(from).or_else(|| whole_address(from))?));
    }
    let rest = if *how == b"Disconnecting" { until_reason(rest) } else { rest };
    of(how, who(rest)?)
}

/// Of old versions: `ADDRESS: CODE: TEXT`
fn old_disconnect(text: &[u8]) -> Option<From> {
    let (address, _) = cut(text, b": ")?;
    whole_address(address)
}

/// `[ADDRESS]:PORT`
fn bracketed(text: &[u8]) -> Option<From> {
    let (address, port) = cut_last(text.strip_prefix(b"[")?, b"]:")?;
    let port = u16::try_from(number(port)?).ok()?;
    is_address(address).then(|| From { address: address.to_vec(), port: Some(port) })
}

/// `Disconnecting` says why behind the port, in sshd's own words.
fn until_reason(text: &[u8]) -> &[u8] {
    cut_last(text, b": ").map_or(text, |(before, _)| before)
}

/// `[authenticating |invalid ][user USER ]ADDRESS[ port N]`: the address ends the message, so that whatever a name
/// holds, there is one way to read it.
fn who(text: &[u8]) -> Option<(&[u8], Option<bool>, From)> {
    let marks: [(&[u8], bool); 3] =
        [(b"authenticating user ", false), (b"invalid user ", false), (b"user ", true)];
    let Some((mark, logged_in)) = marks.iter().find(|(mark, _)| text.starts_with(mark)) else {
        return Some((b"", None, whole_address(text)?));
    };
    let rest = text.get(mark.len()..)?;
    let (before, port) = cut_last(rest, b" port ")?;
    let (user, address) = cut_last(before, b" ")?;
    let port = u16::try_from(number(port)?).ok()?;
    is_address(address)
        .then(|| (user, Some(*logged_in), From { address: address.to_vec(), port: Some(port) }))
}

/// `Starting session: KIND[ on TTY] for USER from ADDRESS port N id I`
fn session(text: &[u8]) -> Option<Message> {
    let rest = text.strip_prefix(b"Starting session: ")?;
    let (before, from) = cut_last(rest, b" from ")?;
    let (from, _) = address_and_port(from)?;
    let (what, user) = cut_last(before, b" for ")?;
    let (kind, terminal) = match cut_last(what, b" on ") {
        Some((kind, terminal)) if !terminal.contains(&b' ') => (kind, Some(terminal.to_vec())),
        _ => (what, None),
    };
    Some(Message::ShellStarted { kind: kind.to_vec(), terminal, user: user.to_vec(), from })
}

/// `Close session: user USER from ADDRESS port N id I`: said of each channel of a connection, not of the connection.
fn channel_closed(text: &[u8]) -> Option<Message> {
    let (user, from) = cut_last(text.strip_prefix(b"Close session: user ")?, b" from ")?;
    Some(Message::ChannelClosed { user: user.to_vec(), from: address_and_port(from)?.0 })
}

/// Turned away unheard: MaxStartups, PerSourceMaxStartups, PerSourcePenalties (sshd_config(5)).
fn shed(text: &[u8]) -> Option<Message> {
    let marks: [&[u8]; 3] =
        [b"beginning MaxStartups throttling", b"exited MaxStartups throttling", b"drop connection #"];
    marks.iter().any(|mark| text.starts_with(mark)).then_some(Message::Shed)
}

fn server(text: &[u8]) -> Option<Message> {
    let began = text.starts_with(b"Server listening on ");
    let ended = text.starts_with(b"Received signal ") && text.ends_with(b"terminating.");
    (began || ended).then_some(Message::Server { began })
}

fn ambiguous(message: &[u8]) -> Option<Message> {
    Some(Message::Ambiguous { text: message.to_vec() })
}
