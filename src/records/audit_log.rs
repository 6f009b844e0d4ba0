//! The log that auditd writes: one record a line, `type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): FIELDS`, perhaps
//! behind `node=NAME` (auditd(8), auditd.conf(5) `name_format`; kernel/audit.c, `audit_log_start`). Several records are
//! one event if they have the time and the serial number in common.
//!
//! An enriched log repeats numbers as names behind a byte 0x1D; what stands there is for display, and is not read here.

mod event;
mod fields;
mod head;
pub mod ids;
mod notes;
pub mod serials;
pub mod signs;
mod summary;
mod values;
pub mod witnesses;

pub use fields::{Text, untrusted};
pub use head::{Head, head};
pub use values::{Address, Arguments, address, arguments};

pub use event::{OwnEvent, OwnEvents, events_of};
pub use notes::{Note, NoteKind, RuleNamed};
pub use summary::{Asked, KeyUse, Summary};

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memmem};

use crate::clock::Timestamp;

/// What stands before that which an enriched log repeats as names (auditd.conf(5), `log_format`).
pub const ENRICHED: u8 = 0x1D;

/// What joins the records of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// When the system call was entered, to the millisecond, by the clock of the kernel that logged it.
    pub time: Timestamp,
    /// Its number since boot; auditd has numbers of its own for what it says of itself (`DAEMON_…`).
    pub serial: u64,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The machine that logged it, where the line names it; else empty.
    pub node: &'a [u8],
    /// Its type, as `SYSCALL`.
    pub kind: &'a [u8],
    /// Its event.
    pub id: EventId,
    /// Its fields, without what an enriched log appends.
    pub body: &'a [u8],
}

/// Whether a text stands in a line as it is.
pub fn holds(line: &[u8], text: &[u8]) -> bool {
    memmem::find(line, text).is_some()
}

/// What stands in a line behind the first of a text.
pub fn behind<'l>(line: &'l [u8], text: &[u8]) -> Option<&'l [u8]> {
    memmem::find(line, text).and_then(|at| line.get(at + text.len()..))
}

/// Whether a record of this type says who did what.
pub(in crate::records) fn is_call(kind: &[u8]) -> bool {
    matches!(kind, b"SYSCALL" | b"URINGOP")
}

/// Whether a record of this type is never the first of its event.
pub(in crate::records) fn is_further(kind: &[u8]) -> bool {
    matches!(kind, b"PATH" | b"CWD" | b"PROCTITLE" | b"EXECVE" | b"OPENAT2")
}

/// `257` of ` syscall=257`, as it stands in a line: of every call of a log it is asked.
pub fn call_number(line: &[u8]) -> Option<&[u8]> {
    static CALL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" syscall="));
    let rest = CALL.find(line).and_then(|at| line.get(at + b" syscall=".len()..))?;
    rest.split(|byte| *byte == b' ').next()
}

/// Reads a line, whoever passed it on; none if it is no record.
pub fn record(line: &[u8]) -> Option<Record<'_>> {
    record_of(head(line)?)
}

/// The same of a line whose beginning was read.
pub fn record_of(head: Head<'_>) -> Option<Record<'_>> {
    let rest = head.rest.strip_suffix(b"\r").unwrap_or(head.rest);
    let body = rest.strip_prefix(b":").unwrap_or(rest);
    let body = body.get(..memchr(ENRICHED, body).unwrap_or(body.len()))?;
    Some(Record { node: head.node, kind: head.kind, id: head.event_id()?, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    /// From auditd 3.0.9 on Linux 6.18, enriched; the machine's own records of a test.
    pub(super) const SYSCALL: &[u8] = b"type=SYSCALL msg=audit(1795349467.143:2021): arch=c000003e syscall=257 success=yes exit=3 \
        a0=ffffff9c a1=7f31d6227dd0 a2=d0000 a3=0 items=1 ppid=12439 pid=12456 auid=4294967295 uid=0 gid=0 tty=(none) \
        ses=4294967295 comm=\"python3\" exe=\"/usr/bin/python3.11\" key=\"phik\"\x1dARCH=x86_64 SYSCALL=openat AUID=\"unset\"";
    pub(super) const CONFIG: &[u8] =
        b"type=CONFIG_CHANGE msg=audit(1795349466.851:2020): auid=4294967295 ses=4294967295 \
        op=add_rule key=\"phik\" list=4 res=1\x1dAUID=\"unset\"";

    #[test]
    fn a_record_is_taken_apart_and_its_enrichment_left() {
        let read = record(SYSCALL).unwrap();
        assert_eq!((read.kind, read.id.serial), (&b"SYSCALL"[..], 2021));
        assert_eq!(read.id.time, Timestamp::from_unix(1_795_349_467, 143_000_000));
        assert_eq!((read.number("pid"), read.raw("success")), (Some(12456), Some(&b"yes"[..])));
        assert_eq!(read.raw("AUID"), None);
        assert_eq!(
            (read.keys(), read.text("exe").unwrap()),
            (vec![b"phik".to_vec()], b"/usr/bin/python3.11".to_vec())
        );
        let read = record(CONFIG).unwrap();
        assert_eq!((read.raw("op"), read.number("list")), (Some(&b"add_rule"[..]), Some(4)));
    }

    #[test]
    fn what_the_kernel_does_not_trust_comes_in_hexadecimal() {
        let line = b"node=web01 type=PATH msg=audit(1.020:7): item=0 name=2F782F612062 inode=5 dev=fe:00 key=610162 cwd=\"41\"\r";
        let read = record(line).unwrap();
        assert_eq!(read.text("name").unwrap(), b"/x/a b");
        assert_eq!(read.keys(), [b"a".to_vec(), b"b".to_vec()]);
        // Quoted it is what it says.
        assert_eq!(read.text("cwd").unwrap(), b"41");
        assert_eq!(read.id.time, Timestamp::from_unix(1, 20_000_000));
        let null = record(b"type=SYSCALL msg=audit(1.0:7): key=(null)").unwrap();
        assert!(null.keys().is_empty() && null.text("key").is_none());
    }

    #[test]
    fn a_program_s_own_text_does_not_end_at_its_first_quote() {
        let line = b"type=USER_LOGIN msg=audit(1.0:7): pid=1 msg='op=login acct=\"o'brien\" exe=\"/x\" res=failed' end=1";
        let read = record(line).unwrap();
        assert!(read.raw("msg").unwrap().ends_with(b"res=failed'"));
        assert_eq!(read.number("end"), Some(1));
    }

    #[test]
    fn only_what_is_written_in_hexadecimal_is_read_as_such() {
        // From sshd of OpenSSH 9.2, whose terminal and address are not encoded, but for the name of nobody.
        let line = b"type=USER_LOGIN msg=audit(1.0:7): pid=1 auid=4294967295 msg='op=login acct=28696E76616C6964207573657229 \
            exe=\"/usr/sbin/sshd\" hostname=abcd addr=1234 terminal=dead res=failed'";
        let read = record(line).unwrap();
        assert_eq!(read.text("acct").unwrap(), b"(invalid user)");
        assert_eq!(
            (read.inner("hostname"), read.text("hostname")),
            (Some(&b"abcd"[..]), Some(b"abcd".to_vec()))
        );
        assert_eq!((read.raw("res"), read.inner("res")), (None, Some(&b"failed"[..])));
        let read =
            record(b"type=PATH msg=audit(1.0:7): item=0 name=2F7 inode=1234 cwd=(null) exe=\"/x obj=41")
                .unwrap();
        assert_eq!(
            (read.text("inode").unwrap(), read.text("cwd"), read.text("obj").unwrap()),
            (b"1234".to_vec(), None, b"41".to_vec())
        );
        let bad = read.decoded("name").unwrap();
        assert_eq!((&bad.bytes[..], bad.bad), (&b"2F7"[..], true));
        assert_eq!(
            read.decoded("exe").map(|text| (text.bytes.into_owned(), text.bad)),
            Some((b"/x".to_vec(), true))
        );
        let read = record(b"type=EXECVE msg=audit(1.0:7): argc=2 a0=6162 a1=\"6162\"").unwrap();
        assert_eq!((read.text("a0").unwrap(), read.text("a1").unwrap()), (b"ab".to_vec(), b"6162".to_vec()));
        // From auditd 1.8, written from documentation.
        let old = record(b"type=USER_START msg=audit(1.0:7): msg='PAM: session open acct=root : exe=\"/x\" (hostname=1.2.3.4, addr=1.2.3.4, terminal=ssh res=success)'").unwrap();
        assert_eq!((old.inner("hostname"), old.inner("res")), (Some(&b"1.2.3.4"[..]), Some(&b"success"[..])));
        assert_eq!((old.inner("terminal"), old.text("acct")), (Some(&b"ssh"[..]), Some(b"root".to_vec())));
    }

    #[test]
    fn what_is_no_record_is_none_and_nothing_panics() {
        for line in [
            &b""[..],
            b"type=",
            b"type=X msg=audit(1:2): a",
            b"type=X msg=audit(1.9999999999:2):",
            b"msg=audit(1.0:1):",
        ] {
            assert!(record(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
        for line in [SYSCALL, CONFIG] {
            Mishaps::of(line).each(|bytes| {
                if let Some(read) = record(bytes) {
                    let _ = (read.keys(), read.number("pid"), read.text("msg"));
                }
            });
        }
    }
}
