//! What a line of a text or an entry of a journal says of sessions, and of whom.

use super::COMMAND;
use super::audit_record::tty;
use crate::records::auth_text::{Answer, Elevator, From, Message, Said};

/// What a line says, in the order in which a process says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Accepted { method: Vec<u8>, from: From, key: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> },
    Opened { service: Vec<u8>, uid: Option<u32> },
    Console { terminal: Vec<u8>, from: From },
    Shell { terminal: Vec<u8>, from: From },
    Numbered { session: u32 },
    Elevated { by: Vec<u8>, to: Vec<u8>, terminal: Vec<u8>, command: Vec<u8>, refused: bool },
    Closed { service: Vec<u8> },
    Gone { from: From },
}

/// Cron and service managers, which open sessions by the thousand.
pub(super) fn is_service(service: &[u8]) -> bool {
    matches!(service, b"cron" | b"crond" | b"atd" | b"systemd-user" | b"anacron")
}

/// Who, and what; none for what is no matter of sessions.
pub(super) fn what(said: &Said) -> Option<(Vec<u8>, What)> {
    let short = |text: &[u8]| text.get(..256).unwrap_or(text).to_vec();
    let from = |from: &From| From { address: short(&from.address), port: from.port };
    Some(match &said.message {
        Message::Tried { answer: Answer::Accepted, method, user, from: at, key, .. } => {
            let key = key.as_ref().map(|key| (short(&key.kind), short(&key.fingerprint), short(&key.detail)));
            (short(user), What::Accepted { method: short(method), from: from(at), key })
        }
        // Who becomes another within a session has no new one.
        Message::SessionOpened { service, .. } | Message::SessionClosed { service, .. }
            if matches!(
                service.as_slice(),
                b"sudo" | b"sudo-i" | b"su" | b"su-l" | b"runuser" | b"runuser-l" | b"polkit-1" | b"doas"
            ) =>
        {
            return None;
        }
        Message::SessionOpened { service, user, uid, .. } => {
            (short(user), What::Opened { service: short(service), uid: *uid })
        }
        Message::SessionClosed { service, user } => (short(user), What::Closed { service: short(service) }),
        Message::Console { accepted: true, user, terminal, from: at } => {
            (short(user), What::Console { terminal: tty(&short(terminal)).to_vec(), from: from(at) })
        }
        Message::ShellStarted { terminal: Some(terminal), user, from: at, .. } => {
            (short(user), What::Shell { terminal: tty(&short(terminal)).to_vec(), from: from(at) })
        }
        Message::Ended { logged_in, from: at, .. } if *logged_in != Some(false) && at.port.is_some() => {
            (Vec::new(), What::Gone { from: from(at) })
        }
        Message::LogindNew { session, user } => {
            let session = std::str::from_utf8(session).ok()?.parse().ok()?;
            (short(user), What::Numbered { session })
        }
        Message::Elevated { tool, by, to, terminal, command, refused, .. } => {
            let tool = match tool {
                Elevator::Sudo => "sudo",
                Elevator::Su => "su",
                Elevator::Doas => "doas",
                Elevator::Pkexec => "pkexec",
            };
            let command = command.get(..COMMAND).unwrap_or(command).to_vec();
            let (by_tool, refused) = (tool.as_bytes().to_vec(), refused.is_some());
            let terminal = tty(&short(terminal)).to_vec();
            (short(by), What::Elevated { by: by_tool, to: short(to), terminal, command, refused })
        }
        _ => return None,
    })
}

impl What {
    /// Bytes that it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            What::Accepted { method, from, key } => {
                let key = key.as_ref().map_or(0, |key| key.0.len() + key.1.len() + key.2.len());
                method.len() + from.address.len() + key
            }
            What::Opened { service, .. } | What::Closed { service } => service.len(),
            What::Console { terminal, from } | What::Shell { terminal, from } => {
                terminal.len() + from.address.len()
            }
            What::Elevated { by, to, terminal, command, .. } => {
                by.len() + to.len() + terminal.len() + command.len()
            }
            What::Gone { from } => from.address.len(),
            What::Numbered { .. } => 0,
        }
    }
}
