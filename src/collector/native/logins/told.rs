//! What is to be told beside the rows of the views, in words.

use super::made::Made;
use crate::custody::outcome::counted;
use crate::records::login_pairing::Found;
use crate::records::syslog::Notes;
use crate::view::login_sessions::{Joined, paired};
use crate::view::logins::Tallied;
use crate::view::logins::compare::{Difference, Differences};

impl Made {
    /// What could not be read of texts and journals, and how well the years of lines are known.
    pub fn doubts(&self, lines: &Notes) -> Vec<String> {
        let years = lines.doubt().map(|doubt| format!("text logs: {doubt}"));
        let partial = self.partial_databases();
        let words = || {
            format!(
                "not all read: {}; login-sources.jsonl says why",
                counted(partial, "database") + " of logins"
            )
        };
        let partial = (partial > 0).then(words);
        self.spoken.doubts().into_iter().chain(years).chain(partial).collect()
    }
}

/// Of sessions.
pub fn of_sessions(joined: &Joined) -> Vec<String> {
    let untold = &joined.untold;
    let left = untold.text + untold.records + untold.logind + untold.elevations;
    let mut told = words(&[
        (left, "line or record for which there was no room in the joining"),
        (untold.timeless, "line without a time"),
        (untold.disbelieved, "entry that another program sent than the one it names; not believed"),
        (
            untold.unplaced_elevations,
            "act as another user that could be of more than one session, or of none",
        ),
    ]);
    told.extend(joined.numbered_alone(&|_| true));
    told
}

/// Of login records.
pub fn of_records(found: &Found) -> Vec<String> {
    [paired::copies(found), paired::copies_unknown(found), paired::not_followed(found)]
        .into_iter()
        .flatten()
        .collect()
}

/// Of texts beside journals: what one of them lacks is named by the verb, line by line.
pub fn of_differences(differences: Option<&Differences>) -> Vec<String> {
    let Some(differences) = differences else {
        return vec!["texts and journals were not compared, for want of room".into()];
    };
    let of = |difference: Difference| {
        let findings = differences.findings.iter();
        findings.filter(|finding| finding.difference == difference).count() as u64
    };
    let mut told = words(&[
        (of(Difference::OtherSender), "line that another program, user or process sent than it names"),
        (
            of(Difference::NotInJournal),
            "line of a text log that the journal lacks, though it was kept at the time",
        ),
        (
            of(Difference::NotInText),
            "entry of a journal that the text logs lack, though they were kept at the time",
        ),
        (differences.more, "further such finding"),
        (differences.left_out, "line of texts and journals that was not compared, for want of room"),
    ]);
    if !told.is_empty() {
        told.push("'phi-ir logins' of the bundle names where texts and journals differ".into());
    }
    told
}

/// Of counts.
pub fn of_counts(tallied: &Tallied) -> Vec<String> {
    let notes = tallied.counted.notes;
    words(&[
        (notes.shed, "sshd said that it turned connections away unheard: tries are under-counted"),
        (notes.connections_left, "a connection was not counted, for want of room"),
        (notes.ambiguous, "a line can be read in more than one way, and is counted for nobody"),
        (notes.disbelieved, "entry that another program sent than the one it names; not counted"),
        (tallied.forgotten + tallied.hurried, "a try that may be counted twice, for want of room"),
        (
            tallied.unmatched,
            "entry that another program sent than the one it names, whose copy in a text log may be counted, for want of room",
        ),
    ])
}

fn words(told: &[(u64, &str)]) -> Vec<String> {
    let told = told.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, words)| format!("{count} × {words}")).collect()
}
