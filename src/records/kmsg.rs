//! Records of the kernel's log buffer, as /dev/kmsg gives them (Documentation/ABI/testing/dev-kmsg):
//! `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];MESSAGE`, then lines ` KEY=value` that belong to it. The kernel writes bytes
//! that are not printable as `\xHH`.

/// Facilities of syslog(3), by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
];

/// Levels of syslog(3), by number.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who wrote it: 0 is the kernel itself; whoever may write to /dev/kmsg can claim any other.
    pub facility: u64,
    /// How grave it is, 0 to 7.
    pub level: u64,
    /// Its number since boot; none is given twice.
    pub sequence: u64,
    /// Microseconds since boot, without the time in suspend.
    pub boot_us: u64,
    /// `-`, or letters that mark a fragment.
    pub flags: Vec<u8>,
    /// What follows the flags, such as `caller=T1`.
    pub more: Vec<u8>,
    /// The message, its escapes undone.
    pub message: Vec<u8>,
    /// `KEY=value` lines, their escapes undone.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The name of a facility; its number where it has none.
pub fn facility(number: u64) -> String {
    let name = usize::try_from(number).ok().and_then(|at| FACILITIES.get(at));
    name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

/// The name of a level.
pub fn level(number: u64) -> &'static str {
    usize::try_from(number).ok().and_then(|at| LEVELS.get(at)).copied().unwrap_or("unknown")
}

/// The records in what was read. One whose head is not as documented is given as its raw lines.
pub fn parse(bytes: &[u8]) -> impl Iterator<Item = Result<Record, &[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = end_of_record(rest);
        let (record, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = after;
        Some(read(record).ok_or(record))
    })
}

/// Behind the last line that begins with a blank.
fn end_of_record(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        end += line;
        if line == 0 || bytes.get(end) != Some(&b' ') {
            return end;
        }
    }
}

fn read(record: &[u8]) -> Option<Record> {
    let mut lines = record.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let (head, message) = first.split_at_checked(first.iter().position(|byte| *byte == b';')?)?;
    let mut parts = head.splitn(5, |byte| *byte == b',');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
    let (priority, sequence, boot_us) = (number()?, number()?, number()?);
    let fields = lines.filter(|line| !line.is_empty()).map(|line| {
        let line = line.strip_prefix(b" ").unwrap_or(line);
        let at = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let (key, value) = line.split_at_checked(at).unwrap_or((line, &[]));
        (unescape(key), unescape(value.strip_prefix(b"=").unwrap_or_default()))
    });
    Some(Record {
        facility: priority >> 3,
        level: priority & 7,
        sequence,
        boot_us,
        flags: parts.next().unwrap_or_default().to_vec(),
        more: parts.next().unwrap_or_default().to_vec(),
        message: unescape(message.strip_prefix(b";").unwrap_or_default()),
        fields: fields.collect(),
    })
}

/// `\xHH` becomes the byte.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let byte = after.strip_prefix(b"x").and_then(|digits| {
            let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
        });
        match byte.filter(|_| *first == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

/// What messages of the kernel's are about, by a part of their text.
const TOPICS: [(&str, &str); 19] = [
    ("audit_lost=", "audit_lost"),
    ("audit: backlog limit exceeded", "audit_lost"),
    ("audit: rate limit exceeded", "audit_lost"),
    ("audit: kauditd hold queue overflow", "audit_lost"),
    ("audit: auditd disappeared", "audit_lost"),
    ("taints kernel", "taint"),
    ("tainting kernel", "taint"),
    ("module verification failed", "taint"),
    (": segfault at ", "crash"),
    ("general protection", "crash"),
    ("invoked oom-killer", "out_of_memory"),
    ("Out of memory: Kill", "out_of_memory"),
    ("oom-kill:", "out_of_memory"),
    ("Memory cgroup out of memory", "out_of_memory"),
    ("BUG: ", "kernel_fault"),
    ("Oops: ", "kernel_fault"),
    ("Kernel panic", "kernel_fault"),
    ("I/O error", "disk"),
    ("Remounting filesystem read-only", "disk"),
];

impl Record {
    /// What it is about, if it is one of the things that matter to whoever reads other evidence: `audit_lost`, `taint`,
    /// `crash`, `out_of_memory`, `kernel_fault`, `disk`. Only of what claims to be the kernel's own.
    pub fn topic(&self) -> Option<&'static str> {
        let says = |part: &str| self.message.windows(part.len()).any(|window| window == part.as_bytes());
        TOPICS.iter().find(|(part, _)| self.facility == 0 && says(part)).map(|(_, topic)| *topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    // Captured from /dev/kmsg on Linux 6.18; the last two records were written to it for this test.
    const CAPTURED: &[u8] = b"5,0,0,-;Linux version 6.18.44 (root@host) #1 SMP PREEMPT_DYNAMIC @0\n\
        6,184,1023456,-;virtio_blk virtio1: [vda] 209715200 512-byte logical blocks (107 GB/100 GiB)\n SUBSYSTEM=virtio\n DEVICE=+virtio:virtio1\n\
        3,186,2000000,-;audit: audit_lost=41 audit_rate_limit=0 audit_backlog_limit=64\n\
        12,187,3000000,-,caller=T77;odd \\x1b[2J name \\xc3\\xa4 \\\\x\n";

    #[test]
    fn records_have_their_numbers_and_their_lines() {
        let records: Vec<Record> = parse(CAPTURED).map(Result::unwrap).collect();
        assert_eq!(records.len(), 4);
        assert_eq!((records[0].facility, level(records[0].level), records[0].sequence), (0, "notice", 0));
        assert_eq!(records[1].fields[1], (b"DEVICE".to_vec(), b"+virtio:virtio1".to_vec()));
        assert_eq!((records[1].boot_us, records[1].flags.as_slice()), (1_023_456, &b"-"[..]));
        assert_eq!(records[2].topic(), Some("audit_lost"));
        assert_eq!(
            (facility(records[3].facility), records[3].more.as_slice()),
            ("user".into(), &b"caller=T77"[..])
        );
        assert_eq!(records[3].message, "odd \u{1b}[2J name ä \\\\x".as_bytes());
    }

    #[test]
    fn what_is_no_record_is_given_back_and_nothing_is_lost() {
        let bad = b"no head\n4,x,1,-;message\n6,7,8,-;good\n 5,9\n";
        let read: Vec<_> = parse(bad).collect();
        assert_eq!(read[0], Err(&b"no head\n"[..]));
        assert_eq!(read[1], Err(&b"4,x,1,-;message\n"[..]));
        assert_eq!(read[2].as_ref().unwrap().fields[0].0, b"5,9");
        Mishaps::of(CAPTURED).rounds(1_250).each(|bad| parse(bad).for_each(drop));
        assert_eq!((facility(99), level(8)), ("99".into(), "unknown"));
    }
}
