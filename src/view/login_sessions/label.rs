//! How well the origin of a session is known.

use super::known::Known;
use super::{Flag, Label, Session, Source};
use crate::clock::Timestamp;
use crate::records::auth_text::TimeQuality;

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

/// Labels a session that the audit log does not have. Where that log was kept at the time, and of other logins, the line
/// that tells of this one proves little.
pub(super) fn unlisted(mut session: Session, audited: Option<(Timestamp, Timestamp)>) -> Session {
    let within =
        audited.zip(session.start).is_some_and(|((first, last), start)| first <= start && start <= last);
    let lacks = within && session.quality == TimeQuality::Exact;
    if lacks {
        session.flags.insert(Flag::NotInAudit);
    }
    session.label = if lacks || session.from.address.is_empty() { Label::D } else { Label::B };
    root(&mut session);
    session
}

/// Flags a session that login records ought to have: sshd and login write one for whoever gets a terminal (utmp(5)).
pub(super) fn unrecorded(session: &mut Session, recorded: Option<(Timestamp, Timestamp)>) {
    let writes = [&b"sshd"[..], b"login"].contains(&session.service.as_slice());
    let has_terminal = session.terminal.starts_with(b"pts/") || session.terminal.starts_with(b"tty");
    let is_among = session.evidence.iter().any(|(_, evidence)| evidence.source == Source::LoginRecords);
    let within =
        recorded.zip(session.start).is_some_and(|((first, last), start)| first < start && start < last);
    if writes && has_terminal && within && !is_among && session.quality == TimeQuality::Exact {
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
