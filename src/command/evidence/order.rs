//! Logs in the order of their time, whatever they are called; and which files of their rotations are not here.

use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, Log, What};
use crate::clock::Timestamp;
use crate::path::{HostPath, shown};

/// Files that a rotation keeps at most: auditd's are no more (auditd.conf(5)), and a larger number is a year or a time, as
/// `dateformat` can have it (logrotate.conf(5)).
const MOST_ROTATED: u64 = 999;
/// What packers put behind a name.
const PACKED: [&[u8]; 6] = [b".gz", b".xz", b".bz2", b".zst", b".lz4", b".Z"];

impl Evidence {
    /// By time, as far as it is known, and numbered. A name says nothing of the time, for files are renamed and copied; nor
    /// does the time of a file, which a copy has of its own, unless no record has one. It is asked at `now`.
    pub(super) fn put_in_order(&mut self, wanted: &[What], now: Timestamp) {
        let latest = self.collected.unwrap_or(now);
        let is_wanted = |log: &Log| wanted.contains(&log.what);
        let first = |log: &Log| is_wanted(log).then(|| self.first_record(log, latest)).flatten();
        let firsts: Vec<Option<Timestamp>> = self.logs.iter().map(first).collect();
        self.logs.iter_mut().zip(firsts).for_each(|(log, first)| log.first = first);
        self.note_missing_numbers(wanted);
        self.logs.sort_by_key(|log| (log.what, log.first.or(log.modified), log.modified, log.entry, log.at));
        for (log, number) in self.logs.iter_mut().zip(1..) {
            log.number = log.entry.map_or(number, |entry| entry.0);
        }
    }

    /// Rotation numbers its files one by one: where one is left out, a file is gone or was not taken.
    fn note_missing_numbers(&mut self, wanted: &[What]) {
        let mut rotations: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
        for log in self.logs.iter().filter(|log| wanted.contains(&log.what)) {
            let Some((folder, name, number)) = self.place(log) else { continue };
            rotations.entry((log.what, folder, name)).or_default().insert(number);
        }
        for ((what, _, name), numbers) in rotations {
            let gaps = gaps(&numbers).join(", ");
            if gaps.is_empty() {
                continue;
            }
            // Of other logs it depends on the time that is asked for whether that is a lack.
            let list = if what == What::Audit { &mut self.notes } else { &mut self.remarks };
            list.push(format!("of the rotation of {} these numbers are not here: {gaps}", shown(&name)));
        }
    }

    /// Of which rotation a log is, by the folder and the name of its youngest file, and which file of that; none of what
    /// has no numbers.
    fn place(&self, log: &Log) -> Option<(HostPath, Vec<u8>, u64)> {
        let path = log.path.as_ref()?;
        let (folder, name, number) = match log.what {
            What::Audit => (self.audit_log.parent(), self.audit_log.name().to_vec(), self.rotation(log)?),
            What::Auth | What::Wtmp | What::Btmp => {
                let (name, number) = numbered(path.name());
                (path.parent(), name.to_vec(), number)
            }
            _ => return None,
        };
        (number <= MOST_ROTATED).then_some((folder, name, number))
    }
}

/// The numbers that are left out between others, in words.
fn gaps(numbers: &BTreeSet<u64>) -> Vec<String> {
    let pairs = numbers.iter().zip(numbers.iter().skip(1)).filter(|(before, after)| **after > **before + 1);
    let words = pairs.map(|(before, after)| match after - before {
        2 => (before + 1).to_string(),
        _ => format!("{} to {}", before + 1, after - 1),
    });
    words.collect()
}

/// The name of the file that is being written, and which of its rotation this one is: `auth.log.2.gz` is 2 of `auth.log`.
/// What has a day in its name has no number, and is alone.
pub fn numbered(name: &[u8]) -> (&[u8], u64) {
    let plain = PACKED.iter().find_map(|ending| name.strip_suffix(*ending)).unwrap_or(name);
    let number = || {
        let (live, number) = plain.split_at_checked(plain.iter().rposition(|byte| *byte == b'.')?)?;
        let digits = number.get(1..).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        // What ends in digits itself is a day, or the address of a machine.
        let is_name = live.last().is_some_and(|byte| !byte.is_ascii_digit() && *byte != b'/');
        let number = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
        (is_name && number <= MOST_ROTATED).then_some((live, number))
    };
    number().unwrap_or((plain, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_rotation_is_known_by_its_number() {
        let is = |name: &[u8], live: &str, number| assert_eq!(numbered(name), (live.as_bytes(), number));
        is(b"auth.log", "auth.log", 0);
        is(b"auth.log.2.gz", "auth.log", 2);
        is(b"wtmp.1", "wtmp", 1);
        is(b"messages.0", "messages", 0);
        is(b"secure-20261122.xz", "secure-20261122", 0);
        is(b"btmp.20261122", "btmp.20261122", 0);
        is(b"syslog.1795200000.gz", "syslog.1795200000", 0);
        is(b"192.0.2.7", "192.0.2.7", 0);
        is(b"", "", 0);
    }

    #[test]
    fn what_is_left_out_is_told_in_words() {
        assert_eq!(gaps(&BTreeSet::from([0, 1, 3, 7])), ["2", "4 to 6"]);
        assert!(gaps(&BTreeSet::from([4, 5])).is_empty() && gaps(&BTreeSet::new()).is_empty());
    }
}
