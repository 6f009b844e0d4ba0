//! Whether a program sent what the journal has under its name: anyone may call itself sshd (`logger -t sshd`), but not
//! choose the process, the user and the program that journald notes (systemd.journal-fields(7), trusted fields).

use super::audit_record::base;
use crate::records::auth_text::{Message, Said, Witness};

/// How the sender of a message differs from what it calls itself; none if it may be what it says, or nothing is known.
pub(crate) fn disbelieved(said: &Said) -> Option<String> {
    let witness = said.witness.as_ref()?;
    let programs = programs(&said.tag, &said.message)?;
    let program = base(&witness.exe);
    let shown = crate::path::shown(&witness.exe);
    if !witness.exe.is_empty() && !programs.iter().any(|known| program.starts_with(known)) {
        return Some(format!("the journal saw {shown} send it"));
    }
    // Only root can let anybody in, and the sshd that any user may start is that user's. su and sudo are of whoever calls
    // them until they have become another (unix(7), SCM_CREDENTIALS: the real user).
    let is_callers = [&b"su"[..], b"su-l", b"sudo"].contains(&said.tag.as_slice()) && !witness.exe.is_empty();
    let needs_root = !is_callers
        && matches!(
            said.message,
            Message::Tried { .. }
                | Message::SessionOpened { .. }
                | Message::Console { .. }
                | Message::LogindNew { .. }
        );
    match witness.uid {
        Some(uid) if needs_root && uid != 0 => Some(format!("the journal saw user {uid} send it")),
        _ => other_process(said, witness),
    }
}

/// The process that a line names is not the one that sent it.
fn other_process(said: &Said, witness: &Witness) -> Option<String> {
    let (claimed, seen) = (said.pid?, witness.pid?);
    (claimed != seen && !witness.exe.is_empty())
        .then(|| format!("it names process {claimed}, and the journal saw process {seen} send it"))
}

/// With which names the programs begin that say such things; none where anything may.
fn programs(tag: &[u8], message: &Message) -> Option<&'static [&'static [u8]]> {
    if tag.starts_with(b"sshd") {
        return Some(&[b"sshd"]);
    }
    match (tag, message) {
        (b"sudo", _) => Some(&[b"sudo"]),
        (b"su" | b"su-l", _) => Some(&[b"su"]),
        (b"login", _) => Some(&[b"login"]),
        (b"systemd-logind", _) => Some(&[b"systemd-logind", b"elogind"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_event::Place;

    /// Written from documentation (unix(7), SCM_CREDENTIALS): of a program that is another user's the real user is told.
    #[test]
    fn su_and_sudo_are_of_whoever_calls_them() {
        let opened = |tag: &str, exe: &str, uid: u32| {
            let message = Message::SessionOpened {
                service: tag.into(),
                user: b"root".to_vec(),
                uid: Some(0),
                by: b"alice".to_vec(),
                by_uid: Some(1000),
            };
            let witness = Witness { pid: Some(7), uid: Some(uid), exe: exe.into(), ..Witness::default() };
            let (host, place) = (b"vm".to_vec(), Place::default());
            let said = Said {
                time: None,
                host,
                tag: tag.into(),
                pid: Some(7),
                witness: Some(witness),
                place,
                times: 1,
                message,
            };
            disbelieved(&said).is_some()
        };
        for tag in ["su", "su-l", "sudo"] {
            let program = format!("/usr/bin/{}", tag.trim_end_matches("-l"));
            assert!(!opened(tag, &program, 1000) && !opened(tag, &program, 0), "{tag}");
            assert!(opened(tag, "/usr/bin/logger", 1000) && opened(tag, "", 1000), "{tag}");
        }
        assert!(opened("sshd", "/usr/sbin/sshd", 1000) && !opened("sshd", "/usr/sbin/sshd", 0));
    }
}
