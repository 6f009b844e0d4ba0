//! Programs that were run and change what is recorded or kept: quoted, with who ran them. An administrator runs them too:
//! none of them is a verdict.

use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_log::{arguments, holds};

/// What one of their lines holds, at least.
const NEEDLES: [&[u8]; 5] = [b"auditctl", b"auditd", b"/var/log", b"/run/log", b"journalctl"];
/// Of auditctl what changes something beside adding a rule, which is told as such (auditctl(8)).
const AUDITCTL: [&[u8]; 12] = [
    b"-D",
    b"-d",
    b"-W",
    b"-e",
    b"-b",
    b"-f",
    b"-r",
    b"--backlog_wait_time",
    b"--reset-lost",
    b"--reset_backlog_wait_time_actual",
    b"--signal",
    b"--loginuid-immutable",
];
/// Programs that remove or rewrite the files that they are given.
const REWRITING: [&[u8]; 9] =
    [b"rm", b"unlink", b"shred", b"truncate", b"mv", b"sed", b"dd", b"tee", b"wipe"];
/// Programs that end others.
const ENDING: [&[u8]; 7] =
    [b"systemctl", b"service", b"killall", b"pkill", b"rc-service", b"initctl", b"invoke-rc.d"];
/// What they are told to do.
const ENDS: [&[u8]; 8] = [b"stop", b"kill", b"mask", b"disable", b"restart", b"condrestart", b"-9", b"-KILL"];
/// Bytes of a command that are quoted.
const QUOTED: usize = 512;

/// Whether a line of an EXECVE record may be of one of them.
pub fn may_be(line: &[u8]) -> bool {
    NEEDLES.iter().any(|needle| holds(line, needle))
}

/// Which was run, by whom, in words; none if it is no such program.
pub fn quoted(event: &Event) -> Option<String> {
    if !event.lines().any(|(line, _)| may_be(line)) {
        return None;
    }
    let known = arguments(event)?.known;
    let words: Vec<&[u8]> = known.iter().map(|(_, word)| word.as_slice()).collect();
    is_one(&words).then_some(())?;
    let call = event.records().find(|record| record.kind == b"SYSCALL")?;
    let number = |field| call.number(field).filter(|number| *number != u64::from(u32::MAX));
    let who = match (number("auid"), number("ses")) {
        (Some(auid), Some(ses)) => format!("auid {auid} in session {ses}"),
        (Some(auid), None) => format!("auid {auid}"),
        (None, _) => format!("user {} without a login", number("uid").unwrap_or_default()),
    };
    let did = if call.raw("success") == Some(b"yes") { "ran" } else { "could not run" };
    let text = words.join(&b' ');
    Some(format!("{who} {did}: {}", shown(text.get(..QUOTED).unwrap_or(&text))))
}

fn is_one(words: &[&[u8]]) -> bool {
    let Some((program, given)) = words.split_first() else { return false };
    let program = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
    let has = |wanted: &[&[u8]]| given.iter().any(|word| wanted.contains(word));
    let is_of_logs = |word: &&[u8]| {
        let path = word.strip_prefix(b"of=").unwrap_or(word);
        path.starts_with(b"/var/log") || path.starts_with(b"/run/log")
    };
    match program {
        b"auditctl" => has(&AUDITCTL),
        b"journalctl" => given.iter().any(|word| word.starts_with(b"--vacuum") || *word == b"--rotate"),
        b"sed" if !given.iter().any(|word| word.starts_with(b"-i") || word.starts_with(b"--in-place")) => {
            false
        }
        program if REWRITING.contains(&program) => given.iter().any(is_of_logs),
        program if ENDING.contains(&program) => {
            let is_of_auditing = |word: &&[u8]| word.starts_with(b"auditd");
            let is_at_once = matches!(program, b"killall" | b"pkill");
            given.iter().any(is_of_auditing) && (is_at_once || has(&ENDS))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (auditctl(8), execve(2)).
    fn told(arguments: &[&str]) -> Option<String> {
        let call = b"type=SYSCALL msg=audit(1.0:7): arch=c000003e syscall=59 success=yes exit=0 uid=0 auid=1001 ses=3 key=(null)";
        let mut line = format!("type=EXECVE msg=audit(1.0:7): argc={}", arguments.len());
        for (word, at) in arguments.iter().zip(0..) {
            line += &format!(" a{at}=\"{word}\"");
        }
        let event = Event::of(&[call, line.as_bytes()]).unwrap();
        let found = quoted(&event);
        assert!(found.is_none() || may_be(line.as_bytes()), "{line}");
        found
    }

    #[test]
    fn what_changes_recording_is_quoted_with_who_did_it_and_what_asks_is_not() {
        for words in [
            "/sbin/auditctl -D",
            "auditctl -e 0",
            "systemctl stop auditd",
            "service auditd stop",
            "pkill auditd",
            "journalctl --vacuum-time=1s",
            "rm -f /var/log/audit/audit.log.1",
            "shred -u /var/log/auth.log",
            "sed -i /mallory/d /var/log/auth.log",
            "dd if=/dev/zero of=/var/log/wtmp",
            "truncate -s 0 /var/log/wtmp",
        ] {
            let list: Vec<&str> = words.split(' ').collect();
            assert_eq!(told(&list), Some(format!("auid 1001 in session 3 ran: {words}")));
        }
        for words in [
            "auditctl -l",
            "auditctl -s",
            "auditctl -w /srv -p r -k x",
            "systemctl status auditd",
            "journalctl -u auditd",
            "rm -f /tmp/x",
            "sed -n 1p /var/log/auth.log",
            "cat /var/log/auth.log",
        ] {
            let list: Vec<&str> = words.split(' ').collect();
            assert_eq!(told(&list), None, "{words}");
        }
    }
}
