//! What a single audit record says of a login: the kernel's LOGIN, and what programs send by libaudit, whose fields
//! stand within `msg='…'` (audit-userspace, lib/audit_logging.c; kernel/audit.c, `audit_log_set_loginuid`).

use crate::clock::Timestamp;
use crate::records::audit_log::{EventId, Record, behind};

/// The types that tell of logins. Of a log of gigabytes they are few.
pub(crate) const KINDS: [&[u8]; 17] = [
    b"LOGIN",
    b"USER_START",
    b"USER_END",
    b"USER_LOGIN",
    b"USER_LOGOUT",
    b"USER_AUTH",
    b"USER_ACCT",
    b"USER_ERR",
    b"CRED_ACQ",
    b"CRED_DISP",
    b"USER_CMD",
    b"USER_ROLE_CHANGE",
    b"CRYPTO_KEY_USER",
    b"CRYPTO_SESSION",
    b"SYSTEM_BOOT",
    b"SYSTEM_SHUTDOWN",
    b"DAEMON_START",
];

/// The number that says that there is none.
const UNSET: u64 = u32::MAX as u64;
/// Bytes that are kept of any text.
const LONGEST: usize = 256;

/// One record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The process.
    pub pid: Option<u32>,
    /// The login identity; none where it was not set.
    pub auid: Option<u32>,
    /// Which it was before (LOGIN).
    pub old_auid: Option<u32>,
    /// The session; none where there was none.
    pub ses: Option<u32>,
    /// Which it was before (LOGIN).
    pub old_ses: Option<u32>,
    /// As `PAM:session_open`.
    pub op: Vec<u8>,
    /// The account.
    pub acct: Vec<u8>,
    /// The last part of the path of the program.
    pub program: Vec<u8>,
    /// The name of the other side.
    pub hostname: Vec<u8>,
    /// Its address.
    pub addr: Vec<u8>,
    /// Its port.
    pub port: Option<u16>,
    /// `/dev/pts/0`, `ssh`, `cron`.
    pub terminal: Vec<u8>,
    /// Whether it was done; none where that is not said.
    pub done: Option<bool>,
    /// The command (USER_CMD).
    pub command: Vec<u8>,
    /// The fingerprint of the key that was shown.
    pub fingerprint: Vec<u8>,
}

/// Whether a record is of a type that tells of logins.
pub(crate) fn is_needed(kind: &[u8]) -> bool {
    KINDS.contains(&kind)
}

impl Told {
    /// Reads a record.
    pub(crate) fn of(record: &Record<'_>) -> Told {
        let inner = record.raw("msg").map(unquoted).unwrap_or_default();
        let id = EventId { time: Timestamp::from_unix(0, 0), serial: 0 };
        let inner = Record { body: inner, id, ..*record };
        let said = |name: &str| {
            let mut text = inner.text(name).filter(|text| !matches!(text.as_slice(), b"?" | b"(none)"));
            if let Some(text) = &mut text {
                text.truncate(LONGEST);
            }
            text.unwrap_or_default()
        };
        // The names of machines and terminals are never in hexadecimal, and may look as if they were: `cafe`.
        let plain = |name: &str| -> Vec<u8> {
            let text =
                inner.raw(name).map(unquoted).filter(|text| !matches!(*text, b"?" | b"(none)" | b"(null)"));
            text.map(|text| text.get(..LONGEST).unwrap_or(text).to_vec()).unwrap_or_default()
        };
        let kernels = before_msg(record.body);
        let (auids, sessions) = (numbers(kernels, "auid"), numbers(kernels, "ses"));
        let of_key = inner.raw("kind").is_none_or(|kind| kind == b"auth-key");
        Told {
            pid: record.number("pid").and_then(|pid| u32::try_from(pid).ok()),
            auid: auids.last().copied().and_then(set),
            old_auid: before(record, "old-auid", &auids),
            ses: sessions.last().copied().and_then(set),
            old_ses: before(record, "old-ses", &sessions),
            op: plain("op"),
            acct: said("acct"),
            program: base(&said("exe")).to_vec(),
            hostname: plain("hostname"),
            addr: plain("addr"),
            port: inner.number("rport").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0),
            terminal: plain("terminal"),
            done: match inner.raw("res") {
                Some(b"success" | b"1") => Some(true),
                Some(b"failed" | b"0") => Some(false),
                _ => None,
            },
            command: said("cmd"),
            fingerprint: if of_key { plain("fp") } else { Vec::new() },
        }
    }

    /// The terminal as login records name it; empty for what is none (`ssh`, `cron`).
    pub(crate) fn tty(&self) -> &[u8] {
        tty(&self.terminal)
    }

    /// The account, where it is one: sshd writes words in brackets for names that it does not know.
    pub(crate) fn account(&self) -> Option<&[u8]> {
        let placeholder = self.acct.starts_with(b"(") && self.acct.ends_with(b")");
        (!self.acct.is_empty() && !placeholder).then_some(self.acct.as_slice())
    }
}

/// The name of a terminal without its folder; empty for what is none.
pub(crate) fn tty(terminal: &[u8]) -> &[u8] {
    match terminal.strip_prefix(b"/dev/").unwrap_or(terminal) {
        b"ssh" | b"cron" | b"atd" | b"?" | b"(none)" | b"systemd" => b"",
        name => name,
    }
}

/// The last part of a path.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn unquoted(value: &[u8]) -> &[u8] {
    let inner = |mark: u8| value.strip_prefix(&[mark]).map(|rest| rest.strip_suffix(&[mark]).unwrap_or(rest));
    inner(b'\'').or_else(|| inner(b'"')).unwrap_or(value)
}

/// Kernels before 3.17 wrote `old auid=… new auid=…`: the name is the same, and the new one is the last.
fn before(record: &Record<'_>, name: &str, numbers: &[u64]) -> Option<u32> {
    if record.kind != b"LOGIN" {
        return None;
    }
    let first = || numbers.first().copied().filter(|_| numbers.len() > 1);
    set(record.number(name).or_else(first)?)
}

fn set(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|_| number != UNSET)
}

/// The fields of the kernel's: what stands in a program's own text is that program's.
fn before_msg(body: &[u8]) -> &[u8] {
    let behind = behind(body, b"msg='").map_or(0, |said| said.len() + b"msg='".len());
    body.get(..body.len() - behind).unwrap_or(body)
}

fn numbers(fields: &[u8], name: &str) -> Vec<u64> {
    let value = |word: &[u8]| {
        let digits = word.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        let digits = digits.strip_suffix(b",").unwrap_or(digits);
        if digits == b"-1" { Some(UNSET) } else { std::str::from_utf8(digits).ok()?.parse().ok() }
    };
    fields.split(|byte| *byte == b' ').filter_map(value).take(4).collect()
}
