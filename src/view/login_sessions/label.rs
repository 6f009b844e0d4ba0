//! How well the origin of a session is known.

use super::known::Known;
use super::ought::Ought;
use super::{Flag, Label, Session};

/// Labels a session of the audit log; `confirmed` if the text of the program that let in has the same address.
pub(super) fn label(known: &mut Known, confirmed: bool) {
    let session = &mut known.session;
    session.label = match known.logins {
        0 | 1 if session.from.address.is_empty() => Label::D,
        1 if known.own_address && confirmed => Label::A2,
        1 if known.own_address => Label::A1,
        // Its login is not in the log, or its address is that of a process of the same number.
        0 | 1 => Label::B,
        _ => Label::C,
    };
    root(session);
}

/// Labels a session that the audit log does not have. Where that log ought to have it, the line that tells of it proves
/// little; it ought to if it has others, of the same machine and within the same file.
pub(super) fn unlisted(mut session: Session, audited: Option<&Ought>) -> Session {
    let lacks = audited.is_some_and(|audited| audited.has(&session));
    if lacks {
        session.flags.insert(Flag::NotInAudit);
    }
    session.label = if lacks || session.from.address.is_empty() { Label::D } else { Label::B };
    root(&mut session);
    session
}

/// Flags a session that login records ought to have: sshd and login write one for whoever gets a terminal (utmp(5)).
pub(super) fn unrecorded(session: &mut Session, recorded: &Ought) {
    let writes = [&b"sshd"[..], b"login"].contains(&session.service.as_slice());
    let has_terminal = session.terminal.starts_with(b"pts/") || session.terminal.starts_with(b"tty");
    if writes && has_terminal && !session.in_login_records && recorded.has(session) {
        session.flags.insert(Flag::NotInWtmp);
    }
}

/// Who logs in as root is nobody in particular.
fn root(session: &mut Session) {
    let is_root = session.auid == Some(0) || session.auid.is_none() && session.user == b"root";
    if is_root && !session.flags.contains(&Flag::ServiceManager) {
        session.flags.insert(Flag::DirectRoot);
    }
}
