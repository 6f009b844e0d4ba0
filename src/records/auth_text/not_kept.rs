//! What the kernel, auditd, rsyslogd and journald say of records and messages that they could not keep.
//!
//! The words: of the kernel from kernel/audit.c, where `audit: ` stands in front of all of them; of auditd 3.0.9 and
//! rsyslogd 8.2302 from within the programs; of journald 252 from within it and from its catalog.

use super::scan::{cut, cut_last, without};

/// Something was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// What.
    pub kind: Unkept,
    /// How much, where it is said: of [`Unkept::AuditLost`] in all since boot, of messages since it was last said.
    pub count: Option<u64>,
}

/// What was not kept, or why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unkept {
    /// kernel: `audit_lost=N`.
    AuditLost,
    /// kernel: more audit records waited than may.
    BacklogLimit,
    /// kernel: more audit records came in a second than may.
    RateLimit,
    /// kernel: what waited for auditd to come back became too much.
    HoldQueue,
    /// kernel: auditd was gone.
    NoDaemon,
    /// auditd wrote no more.
    Suspended,
    /// auditd wrote again.
    Resumed,
    /// auditd had little space left.
    LowSpace,
    /// auditd had none left.
    NoSpace,
    /// rsyslogd began to drop messages of a sender.
    TextLimited,
    /// Messages of programs were lost on their way to the logs.
    TextLost,
    /// Messages of the kernel's were.
    KernelMissed,
}

/// Who says such things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The kernel.
    Kernel,
    /// auditd(8).
    Auditd,
    /// rsyslogd(8).
    Rsyslogd,
    /// systemd-journald(8).
    Journald,
}

/// Who speaks under this name. `systemd-journal` is what is left of the name of the process, `journal` that of old versions.
pub fn speaker(program: &[u8]) -> Option<Speaker> {
    match program {
        b"kernel" => Some(Speaker::Kernel),
        b"auditd" => Some(Speaker::Auditd),
        b"systemd-journald" | b"systemd-journal" | b"journal" => Some(Speaker::Journald),
        // With the number of a message behind it in old versions.
        name if name.starts_with(b"rsyslogd") => Some(Speaker::Rsyslogd),
        _ => None,
    }
}

/// What was not kept; none of any other message.
pub fn understand(speaker: Speaker, message: &[u8]) -> Option<NotKept> {
    match speaker {
        Speaker::Kernel => kernel(message),
        Speaker::Auditd => auditd(message).map(|kind| NotKept { kind, count: None }),
        Speaker::Rsyslogd => rsyslogd(message),
        Speaker::Journald => journald(message),
    }
}

/// `audit: audit_lost=N audit_rate_limit=R audit_backlog_limit=B`, and the reason in a line of its own.
fn kernel(message: &[u8]) -> Option<NotKept> {
    let text = unstamped(message).strip_prefix(b"audit: ")?;
    if let Some(rest) = text.strip_prefix(b"audit_lost=") {
        let (count, _) = cut(rest, b" audit_rate_limit=")?;
        return Some(NotKept { kind: Unkept::AuditLost, count: Some(number(count)?) });
    }
    let kind = match text {
        b"backlog limit exceeded" => Unkept::BacklogLimit,
        b"rate limit exceeded" => Unkept::RateLimit,
        b"kauditd hold queue overflow" | b"kauditd retry queue overflow" => Unkept::HoldQueue,
        b"auditd disappeared" => Unkept::NoDaemon,
        _ if text.starts_with(b"*NO* daemon at audit_pid=") => Unkept::NoDaemon,
        _ => return None,
    };
    Some(NotKept { kind, count: None })
}

/// The message without `[   12.345678]`, and without `[  T77]` behind it, where the kernel was told to name callers.
fn unstamped(message: &[u8]) -> &[u8] {
    let group = |text: &[u8]| -> Option<usize> {
        let inner = text.strip_prefix(b"[")?;
        let end = inner.iter().position(|byte| !byte.is_ascii_digit() && !b" .TC".contains(byte))?;
        (inner.get(end) == Some(&b']')).then_some(end + 2)
    };
    let mut rest = message.trim_ascii_start();
    while let Some(behind) = group(rest).and_then(|end| rest.get(end..)) {
        rest = behind.trim_ascii_start();
    }
    rest
}

fn auditd(message: &[u8]) -> Option<Unkept> {
    let plain = message.strip_prefix(b"Audit daemon ");
    let rest = plain.or_else(|| message.strip_prefix(b"The audit daemon "))?;
    match without(without(rest, b"is "), b"has ") {
        text if text.starts_with(b"suspending logging") => Some(Unkept::Suspended),
        text if text.starts_with(b"resumed logging") => Some(Unkept::Resumed),
        text if text.starts_with(b"no space left on logging partition") => Some(Unkept::NoSpace),
        text if without(text, b"very ").starts_with(b"low on disk space") => Some(Unkept::LowSpace),
        _ => None,
    }
}

/// `NAME from <SENDER>: begin to drop messages due to rate-limiting`, `NAME: N messages lost due to rate-limiting (…)`; of old
/// versions `imuxsock begins to drop messages from pid P due to rate-limiting`, `imuxsock lost N messages from pid P due to
/// rate-limiting`. A sender chooses its name, which stands in front of what counts.
fn rsyslogd(message: &[u8]) -> Option<NotKept> {
    let limited = Some(NotKept { kind: Unkept::TextLimited, count: None });
    let lost = |count: &[u8]| Some(NotKept { kind: Unkept::TextLost, count: Some(number(count)?) });
    if let Some((before, _)) = cut_last(message, b" messages lost due to rate-limiting") {
        return lost(before.rsplit(|byte| *byte == b' ').next()?);
    }
    if cut_last(message, b": begin to drop messages due to rate-limiting").is_some() {
        return limited;
    }
    let old = message.strip_prefix(b"imuxsock ")?;
    cut(old, b" due to rate-limiting")?;
    match old.strip_prefix(b"lost ") {
        Some(rest) => lost(cut(rest, b" messages from pid ")?.0),
        None => old.strip_prefix(b"begins to drop messages from pid ").and(limited),
    }
}

/// `Suppressed N messages from UNIT`, `Forwarding to syslog missed N messages.`, `Missed N kernel messages`.
fn journald(message: &[u8]) -> Option<NotKept> {
    let says = |beginning: &[u8], end: &[u8], kind| {
        let (count, _) = cut(message.strip_prefix(beginning)?, end)?;
        Some(NotKept { kind, count: Some(number(count)?) })
    };
    says(b"Suppressed ", b" messages from ", Unkept::TextLost)
        .or_else(|| says(b"Forwarding to syslog missed ", b" messages", Unkept::TextLost))
        .or_else(|| says(b"Missed ", b" kernel messages", Unkept::KernelMissed))
}

/// Digits, and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::{Message, understand};
    use super::*;
    use crate::records::mishaps::Mishaps;

    fn told(tag: &str, message: &str) -> Option<(Unkept, Option<u64>)> {
        match understand(tag.as_bytes(), message.as_bytes())? {
            Message::NotKept(NotKept { kind, count }) => Some((kind, count)),
            other => panic!("{other:?}"),
        }
    }

    // Written from documentation (kernel/audit.c); the first as it was captured from Linux 6.18.
    const KERNEL: [(&str, Unkept, Option<u64>); 9] = [
        ("audit: audit_lost=41 audit_rate_limit=0 audit_backlog_limit=64", Unkept::AuditLost, Some(41)),
        (
            "[   12.345678] audit: audit_lost=4294967295 audit_rate_limit=0 audit_backlog_limit=64",
            Unkept::AuditLost,
            Some(4_294_967_295),
        ),
        ("[    1.5][  T77] audit: backlog limit exceeded", Unkept::BacklogLimit, None),
        ("audit: backlog limit exceeded\n", Unkept::BacklogLimit, None),
        ("audit: rate limit exceeded", Unkept::RateLimit, None),
        ("audit: kauditd hold queue overflow", Unkept::HoldQueue, None),
        ("audit: kauditd retry queue overflow", Unkept::HoldQueue, None),
        ("audit: *NO* daemon at audit_pid=512", Unkept::NoDaemon, None),
        ("audit: auditd disappeared", Unkept::NoDaemon, None),
    ];

    // Written from documentation (the words within auditd 3.0.9).
    const AUDITD: [(&str, Unkept); 9] = [
        ("Audit daemon is suspending logging due to no space left on logging partition.", Unkept::Suspended),
        ("Audit daemon is suspending logging due to logfile size.", Unkept::Suspended),
        ("Audit daemon is suspending logging due to low disk space.", Unkept::Suspended),
        ("Audit daemon is suspending logging due to previously mentioned write error", Unkept::Suspended),
        ("Audit daemon resumed logging.", Unkept::Resumed),
        ("Audit daemon has no space left on logging partition", Unkept::NoSpace),
        ("Audit daemon is low on disk space for logging", Unkept::LowSpace),
        ("The audit daemon is very low on disk space for logging! Immediate action", Unkept::LowSpace),
        ("Audit daemon is very low on disk space for logging", Unkept::LowSpace),
    ];

    // Written from documentation (the words within rsyslogd 8.2302 and journald 252; rsyslog 7 for the old ones).
    const OTHERS: [(&str, &str, Unkept, Option<u64>); 7] = [
        (
            "rsyslogd",
            "imuxsock from <app:alice>: begin to drop messages due to rate-limiting",
            Unkept::TextLimited,
            None,
        ),
        (
            "rsyslogd",
            "imjournal: 77 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
            Unkept::TextLost,
            Some(77),
        ),
        (
            "rsyslogd-2177",
            "imuxsock begins to drop messages from pid 9 due to rate-limiting",
            Unkept::TextLimited,
            None,
        ),
        (
            "rsyslogd-2177",
            "imuxsock lost 5 messages from pid 9 due to rate-limiting",
            Unkept::TextLost,
            Some(5),
        ),
        ("systemd-journald", "Suppressed 12 messages from app.service", Unkept::TextLost, Some(12)),
        ("systemd-journal", "Missed 3 kernel messages", Unkept::KernelMissed, Some(3)),
        ("journal", "Forwarding to syslog missed 8 messages.", Unkept::TextLost, Some(8)),
    ];

    #[test]
    fn each_way_of_saying_that_something_was_not_kept_is_known() {
        for (message, kind, count) in KERNEL {
            assert_eq!(told("kernel", message), Some((kind, count)), "{message}");
        }
        for (message, kind) in AUDITD {
            assert_eq!(told("auditd", message), Some((kind, None)), "{message}");
        }
        for (tag, message, kind, count) in OTHERS {
            assert_eq!(told(tag, message), Some((kind, count)), "{message}");
        }
    }

    #[test]
    fn words_of_others_and_words_within_words_are_none_of_it() {
        for (tag, message) in [
            ("app", "audit: backlog limit exceeded"),
            ("kernel", "backlog limit exceeded"),
            ("kernel", "usb 1-1: Product: audit: backlog limit exceeded"),
            ("kernel", "audit: audit_lost= audit_rate_limit=0"),
            ("kernel", "audit: audit_lost=99999999999999999999999 audit_rate_limit=0"),
            ("kernel", "audit: type=1400 audit(1.0:2): comm=\"audit: rate limit exceeded\""),
            ("kernel", "[x] audit: rate limit exceeded"),
            ("auditd", "Audit daemon rotating log files"),
            ("auditd", "Audit daemon is attempting to resume logging."),
            ("auditd", "\u{e4}"),
            ("rsyslogd", "imuxsock: x messages lost due to rate-limiting"),
            ("rsyslogd", "[origin software=\"rsyslogd\"] start"),
            ("systemd-journald", "Suppressed messages from app.service"),
            ("systemd-journald", "Journal started"),
        ] {
            assert_eq!(told(tag, message), None, "{message}");
        }
        // A sender's name holds what another message would say; a unit's a line of its own.
        assert_eq!(
            told(
                "rsyslogd",
                "imuxsock from <a: 9 messages lost>: begin to drop messages due to rate-limiting"
            ),
            Some((Unkept::TextLimited, None))
        );
        assert_eq!(
            told("systemd-journald", "Suppressed 4 messages from a\nkernel: audit: rate limit exceeded"),
            Some((Unkept::TextLost, Some(4)))
        );
    }

    #[test]
    fn damage_does_no_harm() {
        let all =
            KERNEL.iter().map(|(message, ..)| *message).chain(OTHERS.iter().map(|(_, message, ..)| *message));
        for message in all {
            Mishaps::of(message.as_bytes()).rounds(100).each(|bad| {
                for tag in ["kernel", "auditd", "rsyslogd", "journal"] {
                    let _ = understand(tag.as_bytes(), bad);
                }
            });
        }
    }
}
