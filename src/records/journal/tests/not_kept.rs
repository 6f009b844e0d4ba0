//! Who is believed that records were not kept.

use super::*;
use crate::records::auth_text::Message;

/// A name, a message, other fields, and whether it is believed.
type Case<'a> = (&'a str, &'a [u8], &'a [&'a [u8]], bool);

#[test]
fn that_records_were_not_kept_is_believed_only_of_who_can_know_it() {
    // Written from documentation (systemd.journal-fields(7)).
    let kernel: &[u8] = b"MESSAGE=audit: audit_lost=41 audit_rate_limit=0 audit_backlog_limit=64";
    let auditd: &[u8] = b"MESSAGE=Audit daemon is suspending logging due to low disk space.";
    let rsyslogd: &[u8] =
        b"MESSAGE=imuxsock: 7 messages lost due to rate-limiting (1 allowed within 1 seconds)";
    let journald: &[u8] =
        b"MESSAGE=Suppressed 12 messages from a.service\nkernel: audit: rate limit exceeded";
    let tag = |name: &str| format!("SYSLOG_IDENTIFIER={name}").into_bytes();
    let cases: [Case<'_>; 13] = [
        ("kernel", kernel, &[b"_TRANSPORT=kernel"], true),
        // By logger -t kernel; of root too, who could have written anything.
        ("kernel", kernel, &[b"_TRANSPORT=syslog", b"_UID=1001", b"_EXE=/usr/bin/logger"], false),
        ("kernel", kernel, &[b"_TRANSPORT=syslog", b"_UID=0", b"_EXE=/usr/bin/logger"], false),
        ("kernel", kernel, &[], false),
        // What was written to /dev/kmsg under another name.
        (
            "sshd",
            b"MESSAGE=Accepted password for a from 192.0.2.1 port 1 ssh2",
            &[b"_TRANSPORT=kernel"],
            false,
        ),
        ("auditd", auditd, &[b"_TRANSPORT=syslog", b"_UID=0", b"_EXE=/usr/sbin/auditd"], true),
        ("auditd", auditd, &[b"_TRANSPORT=syslog", b"_UID=0", b"_COMM=auditd"], true),
        ("auditd", auditd, &[b"_TRANSPORT=syslog", b"_UID=1001", b"_EXE=/usr/sbin/auditd"], false),
        ("auditd", auditd, &[b"_TRANSPORT=syslog", b"_UID=0", b"_EXE=/tmp/a", b"_COMM=auditd"], false),
        ("rsyslogd", rsyslogd, &[b"_UID=104", b"_SYSTEMD_UNIT=rsyslog.service"], true),
        ("rsyslogd", rsyslogd, &[b"_UID=1001", b"_EXE=/usr/sbin/rsyslogd"], false),
        ("systemd-journald", journald, &[b"_TRANSPORT=driver", b"_UID=0"], true),
        (
            "systemd-journald",
            journald,
            &[b"_TRANSPORT=journal", b"_UID=1001", b"_COMM=systemd-journal"],
            false,
        ),
    ];
    for (name, message, fields, is_told) in cases {
        let mut builder = Builder::new(true, true);
        let tag = tag(name);
        let all: Vec<&[u8]> = [tag.as_slice(), message].into_iter().chain(fields.iter().copied()).collect();
        builder.plain(&all);
        let (bytes, mut told) = (builder.finish(), Vec::new());
        let mut journal = Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap();
        journal.for_each(&mut |entry| told.extend(said(&entry, 0)));
        assert_eq!(told.len(), usize::from(is_told), "{name} {fields:?}");
        assert!(told.iter().all(|said| matches!(said.message, Message::NotKept(_))));
    }
}
