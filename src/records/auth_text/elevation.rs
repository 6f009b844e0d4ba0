//! Messages of sudo, su, doas and pkexec: who acted as whom, or wanted to.

use super::scan::{cut, cut_last, cuts, word};
use super::{Elevator, Message};

/// One way to read the part of a message that its user chose: in which folder, as whom, what.
type Reading<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Ways to read a message that are looked at, beyond the first two.
const MOST_READINGS: usize = 64;
/// Stands before the command of sudo.
const COMMAND: &[u8] = b" ; COMMAND=";
/// Stands before a command that is all of the text that can be read in more than one way.
const AMBIGUOUS: &[u8] = b"(ambiguous) ";

/// Folder, target and command, owned: those of the only reading; of several, the target if all have the same one, and
/// for a command the whole text, marked as such. None without any reading.
fn chosen<'a>(
    mut readings: impl Iterator<Item = Reading<'a>>,
    text: &[u8],
) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let (folder, to, command) = readings.next()?;
    let Some((_, second, _)) = readings.next() else {
        return Some((folder.to_vec(), to.to_vec(), command.to_vec()));
    };
    // Of so many ways that they are not worth the time nothing is certain.
    let is_certain = second == to
        && readings.by_ref().take(MOST_READINGS).all(|(_, other, _)| other == to)
        && readings.next().is_none();
    let to = if is_certain { to.to_vec() } else { Vec::new() };
    Some((Vec::new(), to, [AMBIGUOUS, text].concat()))
}

/// `USER : [REASON ; ][HOST=… ; ][CHROOT=… ; ][TTY=… ; ]PWD=… ; USER=… ; [GROUP=… ; ][TSID=… ; ][ENV=… ; ]COMMAND=…`
/// (sudoers(5), EVENT LOGGING). A folder and a command may hold any of it; who, where and whether it was let stand
/// before them.
pub fn sudo(message: &[u8]) -> Option<Message> {
    let (by, text) = cut(message.trim_ascii_start(), b" : ")?;
    let (head, rest) = match text.strip_prefix(b"PWD=") {
        Some(rest) => (&b""[..], rest),
        None => cut(text, b" ; PWD=")?,
    };
    // What stands behind the last command is no reading; each of many would be looked through to the end to find none.
    let least = cut_last(rest, COMMAND)?.1.len() + COMMAND.len();
    let candidates = cuts(rest, b" ; USER=").take_while(|(_, rest)| rest.len() >= least);
    let readings = candidates.filter_map(|(folder, rest)| {
        let (to, command) = target(rest)?;
        Some((folder, to, command))
    });
    let chosen_by_user = text.get(text.len() - rest.len() - b"PWD=".len()..)?;
    let (folder, to, command) = chosen(readings, chosen_by_user)?;
    let parts = || cuts_apart(head);
    let terminal = parts().find_map(|part| part.strip_prefix(b"TTY="));
    let reason = parts().next().filter(|part| !part.is_empty() && !is_field(part));
    Some(Message::Elevated {
        tool: Elevator::Sudo,
        by: by.to_vec(),
        to,
        terminal: terminal.unwrap_or_default().to_vec(),
        folder,
        command,
        refused: reason.map(<[u8]>::to_vec),
    })
}

/// `NAME ; [GROUP=… ; ][TSID=… ; ][ENV=… ; ]COMMAND=…`: as whom, and what.
fn target(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (to, rest) = cut(text, b" ; ")?;
    let (mut rest, name) = (rest, (!to.contains(&b' ')).then_some(to)?);
    for field in [&b"GROUP="[..], b"TSID="] {
        if let Some(behind) = rest.strip_prefix(field) {
            rest = cut(behind, b" ; ")?.1;
        }
    }
    if rest.starts_with(b"ENV=") {
        rest = cut(rest, COMMAND)?.1;
        return Some((name, rest));
    }
    Some((name, rest.strip_prefix(b"COMMAND=")?))
}

/// The fields in front of the folder.
fn cuts_apart(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let (part, behind) = match cut(rest?, b" ; ") {
            Some((part, behind)) => (part, Some(behind)),
            None => (rest?, None),
        };
        rest = behind;
        Some(part)
    })
}

fn is_field(part: &[u8]) -> bool {
    [&b"HOST="[..], b"CHROOT=", b"TTY="].iter().any(|name| part.starts_with(name))
}

/// util-linux: `(to TO) BY on TTY`, `FAILED SU (to TO) BY on TTY`; shadow: `Successful su for TO by BY`, `FAILED su for TO
/// by BY`, and besides these `+ TTY BY:TO`, or `-` if it failed, which is read only if it is a failure that says no more.
pub fn su(message: &[u8]) -> Option<Message> {
    let refused = |failed: bool| failed.then(|| b"FAILED".to_vec());
    let elevated = |to: &[u8], by: &[u8], terminal: &[u8], failed: bool| {
        let none = Vec::new;
        Some(Message::Elevated {
            tool: Elevator::Su,
            by: by.to_vec(),
            to: to.to_vec(),
            terminal: terminal.to_vec(),
            folder: none(),
            command: none(),
            refused: refused(failed),
        })
    };
    let rest = message.strip_prefix(b"FAILED SU ");
    if let Some(rest) = rest.unwrap_or(message).strip_prefix(b"(to ") {
        let (to, who) = cut(rest, b") ")?;
        let (by, terminal) = cut_last(who, b" on ")?;
        return elevated(to, by, terminal, message.starts_with(b"FAILED"));
    }
    for (mark, failed) in [(&b"Successful su for "[..], false), (b"FAILED su for ", true)] {
        if let Some((to, by)) = message.strip_prefix(mark).and_then(|rest| cut_last(rest, b" by ")) {
            return elevated(to, by, b"", failed);
        }
    }
    None
}

/// `BY ran command COMMAND as TO from FOLDER`, `command not permitted for BY: COMMAND`, `failed auth for BY` (doas(1)).
pub fn doas(message: &[u8]) -> Option<Message> {
    let elevated = |by: &[u8], to: &[u8], folder: &[u8], command: &[u8], refused: Option<&[u8]>| {
        Some(Message::Elevated {
            tool: Elevator::Doas,
            by: by.to_vec(),
            to: to.to_vec(),
            terminal: Vec::new(),
            folder: folder.to_vec(),
            command: command.to_vec(),
            refused: refused.map(<[u8]>::to_vec),
        })
    };
    if let Some(by) = message.strip_prefix(b"failed auth for ") {
        return elevated(by, b"", b"", b"", Some(b"failed auth"));
    }
    if let Some((by, command)) =
        message.strip_prefix(b"command not permitted for ").and_then(|rest| cut(rest, b": "))
    {
        return elevated(by, b"", b"", command, Some(b"command not permitted"));
    }
    let (by, rest) = cut(message, b" ran command ")?;
    let readings = cuts(rest, b" as ").filter_map(|(command, rest)| {
        let (to, rest) = word(rest);
        let folder = rest.strip_prefix(b"from ")?;
        folder.starts_with(b"/").then_some((folder, to, command))
    });
    let (folder, to, command) = chosen(readings, rest)?;
    elevated(by, &to, &folder, &command, None)
}

/// `BY: Executing command [USER=…] [TTY=…] [CWD=…] [COMMAND=…]`, or why not (pkexec(1)).
pub fn pkexec(message: &[u8]) -> Option<Message> {
    let (by, rest) = cut(message, b": ")?;
    let (what, rest) = cut(rest, b" [USER=")?;
    let (to, rest) = cut(rest, b"] [TTY=")?;
    let (terminal, rest) = cut(rest, b"] [CWD=")?;
    let rest = rest.strip_suffix(b"]")?;
    let readings = cuts(rest, b"] [COMMAND=").map(|(folder, command)| (folder, to, command));
    let (folder, to, command) = chosen(readings, rest)?;
    Some(Message::Elevated {
        tool: Elevator::Pkexec,
        by: by.to_vec(),
        to,
        terminal: terminal.to_vec(),
        folder,
        command,
        refused: (what != b"Executing command").then(|| what.to_vec()),
    })
}
