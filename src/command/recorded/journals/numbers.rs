//! What the numbers of entries and their times say of journals: entries that are in none of the files, and times that go
//! back where they cannot. No verdict: each may have another cause, which is told with it.

use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::path::HostPath;
use crate::records::journal::{Clock, Missing, Sequences, Summary};
use crate::records::journal_header::Header;
use crate::term::counted;

/// Where journald keeps its files. All that lie there are looked for, other than where somebody names some of them.
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// The names of files that hold what the processes of one user said begin so.
const OF_USER: &[u8] = b"user-";

/// Learns while journals pass.
#[derive(Default)]
pub struct Numbers {
    sequences: Sequences,
    remarks: Vec<String>,
    /// There are files of users: old ones of them are removed for want of room, while those of the system stay.
    has_users: bool,
}

impl Numbers {
    /// A file has passed.
    pub fn take(&mut self, log: &Log, header: &Header, summary: &Summary) {
        let of_user = log.path.as_ref().is_some_and(|path| path.name().starts_with(OF_USER));
        self.has_users |= of_user;
        self.sequences.add(header.seqnum_id, log.number, of_user, &summary.numbers);
        let told = backward(summary.numbers.backward).into_iter().chain(set_back(&summary.clock));
        self.remarks.extend(told.map(|words| format!("{}: {words}", log.name)));
    }

    /// All have passed: what keeps the answer from being whole, and what is to be known besides.
    pub fn told(self, evidence: &Evidence) -> (Vec<String>, Vec<String>) {
        let Numbers { sequences, mut remarks, has_users } = self;
        if sequences.left > 0 {
            let words = "journals: the numbers of their entries have more gaps than are kept; whether entries are missing is \
                not known";
            remarks.push(words.to_owned());
        }
        let mut notes = Vec::new();
        for missing in sequences.missing() {
            let log = evidence.logs(What::Journal).find(|log| log.number == missing.file);
            // Whoever names some files has chosen: what stands in others is no lack.
            let is_lack = !has_users && log.is_some_and(is_at_its_place);
            let list = if is_lack { &mut notes } else { &mut remarks };
            list.push(lacking(&missing, log));
        }
        (notes, remarks)
    }
}

fn is_at_its_place(log: &Log) -> bool {
    let is_below =
        |folder: &str, path: &HostPath| HostPath::new(folder).is_ok_and(|folder| path.is_below(&folder));
    log.path.as_ref().is_some_and(|path| FOLDERS.iter().any(|folder| is_below(folder, path)))
}

fn lacking(missing: &Missing, log: Option<&Log>) -> String {
    let (numbers, places) = (counted(missing.count, "number"), counted(missing.gaps, "place"));
    let (from, to) = (time(missing.between.0), time(missing.between.1));
    let (file, name) = (missing.file, log.map_or("", |log| log.name.as_str()));
    format!(
        "missing from the journals here: {numbers} of entries, in {places}, first between {from} and {to} ([{file}] {name}): \
         removed from a file, or in files that are not here, were removed for want of room, or could not be read"
    )
}

fn backward(count: u64) -> Option<String> {
    let words = "a number that is not higher than the one before, though journald only counts up";
    (count > 0).then(|| format!("{count} × {words}"))
}

fn set_back(clock: &Clock) -> Option<String> {
    let first = clock.first?;
    let (count, offset, from, to) = (clock.back, first.offset, time(first.from), time(first.to));
    Some(format!(
        "{count} × a time that is earlier than that of the entry before, though the clock that counts from the boot went on: \
         first at byte {offset}, from {from} to {to}; journald begins a new file where the clock is set back, but old versions \
         of it did not: the clock was set, times were changed, or another program wrote the file"
    ))
}

fn time(micros: u64) -> String {
    let seconds = i64::try_from(micros / 1_000_000).ok().filter(|seconds| Timestamp::can_hold(*seconds));
    seconds.map_or_else(
        || "a time in no calendar".to_owned(),
        |seconds| Timestamp::from_unix(seconds, 0).spoken(),
    )
}
