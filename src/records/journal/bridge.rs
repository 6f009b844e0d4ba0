//! Entries for the views that read text logs: what sshd, PAM, sudo and the like say becomes what their lines become, and
//! records of the audit subsystem that journald took from the kernel become lines as auditd writes them (systemd,
//! journald-audit.c).

use super::Entry;
use crate::records::audit_event::Place;
use crate::records::auth_text::not_kept::{Speaker, speaker};
use crate::records::auth_text::{Message, Said, TimeQuality, Witness, understand};

/// What a program said; none for what the audit subsystem did, where no program or no message is named, and for programs that
/// let nobody in. That something was not kept counts only if it is said by who can know it.
/// `file` is the number that the reader gave the file.
pub fn said(entry: &Entry<'_>, file: u32) -> Option<Said> {
    let transport = entry.get(b"_TRANSPORT").unwrap_or_default();
    if transport == b"audit" {
        return None;
    }
    let tag = entry.get(b"SYSLOG_IDENTIFIER").or_else(|| entry.get(b"_COMM"))?;
    let message = understand(tag, entry.get(b"MESSAGE")?)?;
    let is_told = match message {
        Message::NotKept(_) => speaker(tag).is_some_and(|speaker| is_by(speaker, entry)),
        // Whoever may write to /dev/kmsg chooses the name there, and no field says who it was.
        _ => transport != b"kernel",
    };
    if !is_told {
        return None;
    }
    let number = |name: &[u8]| entry.number(name).and_then(|number| u32::try_from(number).ok());
    let witness = Witness {
        pid: number(b"_PID"),
        uid: number(b"_UID"),
        exe: entry.get(b"_EXE").unwrap_or_default().to_vec(),
        transport: transport.to_vec(),
        session: number(b"_AUDIT_SESSION"),
    };
    Some(Said {
        time: entry.time().map(|time| (time, TimeQuality::Exact)),
        host: entry.get(b"_HOSTNAME").unwrap_or_default().to_vec(),
        tag: tag.to_vec(),
        pid: number(b"SYSLOG_PID").or(witness.pid),
        witness: (witness != Witness::default()).then_some(witness),
        place: Place { file, offset: entry.offset },
        times: 1,
        message,
    })
}

/// Whether the journal saw the kernel, or that program with the rights of the system, say it: anyone may call itself so.
fn is_by(speaker: Speaker, entry: &Entry<'_>) -> bool {
    let transport = entry.get(b"_TRANSPORT");
    let program = |name: &[u8]| {
        let exe = entry.get(b"_EXE").map(|path| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path));
        let known = exe.or_else(|| entry.get(b"_COMM"));
        // The kernel keeps 15 bytes of a process's name.
        let is_it = known.is_some_and(|known| known == name || known.len() == 15 && name.starts_with(known));
        entry.get(b"_UID") == Some(b"0") && is_it
    };
    match speaker {
        Speaker::Kernel => transport == Some(b"kernel"),
        Speaker::Auditd => program(b"auditd"),
        // It may have given root away; no other user's process comes into its unit.
        Speaker::Rsyslogd => program(b"rsyslogd") || entry.get(b"_SYSTEMD_UNIT") == Some(b"rsyslog.service"),
        Speaker::Journald => transport == Some(b"driver") || program(b"systemd-journald"),
    }
}

/// The line that auditd would have written: `type=NAME msg=audit(SECONDS.MILLISECONDS:SERIAL): …`. None for what is no
/// audit record, or not the whole of one.
pub fn audit_line(entry: &Entry<'_>) -> Option<Vec<u8>> {
    if entry.get(b"_TRANSPORT")? != b"audit" {
        return None;
    }
    let micros = entry.number(b"_SOURCE_REALTIME_TIMESTAMP")?;
    let (seconds, millis) = (micros / 1_000_000, micros / 1000 % 1000);
    let serial = entry.number(b"_AUDIT_ID")?;
    let message = entry.get(b"MESSAGE")?;
    // The name stands before the record once more; of an old journald there alone.
    let end = message.iter().position(|byte| *byte == b' ').unwrap_or(message.len());
    let (word, rest) = message.split_at_checked(end)?;
    let name = entry.get(b"_AUDIT_TYPE_NAME").unwrap_or(word);
    let body = if word == name { rest.trim_ascii_start() } else { message };
    let name = match entry.get(b"_AUDIT_TYPE") {
        // What journald has no name for.
        Some(number) if name.strip_prefix(b"AUDIT") == Some(number) => [b"UNKNOWN[", number, b"]"].concat(),
        _ => name.to_vec(),
    };
    let fits = |byte: &u8| byte.is_ascii_graphic();
    // The kernel writes no such bytes; a line that holds them would be read as two, or as another type.
    if name.is_empty() || !name.iter().all(fits) || memchr::memchr(b'\n', body).is_some() {
        return None;
    }
    let id = format!(" msg=audit({seconds}.{millis:03}:{serial}): ");
    Some([b"type=", name.as_slice(), id.as_bytes(), body].concat())
}
