//! What became of everything that was looked for. Each entry has one outcome, and a reason in words where it
//! is not plainly `collected`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How one artifact ended. The words are frozen; `docs/outcomes.md` explains them to an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Obtained whole.
    Collected,
    /// Looked, and it is proven that there is nothing.
    Empty,
    /// Looked, found nothing, and cannot say that there was nothing.
    Inconclusive,
    /// Overwritten while it was read: the bytes are a mixture.
    Changed,
    /// A limit was reached; kept up to it.
    Truncated,
    /// Not there.
    Missing,
    /// The host refused.
    Denied,
    /// An error; it is kept in the reason.
    Failed,
    /// No answer within the deadline.
    TimedOut,
    /// Not attempted, for a reason that is stated.
    Skipped,
}

impl Outcome {
    /// All outcomes, in the order of the documentation.
    pub const ALL: [Outcome; 10] = [
        Outcome::Collected,
        Outcome::Empty,
        Outcome::Inconclusive,
        Outcome::Changed,
        Outcome::Truncated,
        Outcome::Missing,
        Outcome::Denied,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Skipped,
    ];

    /// The word as it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Collected => "collected",
            Outcome::Empty => "empty",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Changed => "changed",
            Outcome::Truncated => "truncated",
            Outcome::Missing => "missing",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Skipped => "skipped",
        }
    }

    /// Whether something that was asked for is not there as asked for.
    pub fn is_gap(self) -> bool {
        !matches!(self, Outcome::Collected | Outcome::Empty)
    }
}

/// Why, as a word that a program can sort by. The words are frozen; new ones may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Every file of the step holds no byte.
    ZeroBytes,
    /// It is there and does not have the form of what was looked for.
    OddForm,
    /// Older ones are here, and the one that is being written is not.
    OnlyRotated,
    /// A PHI folder without a single file.
    NoFiles,
    /// This kind of system keeps it elsewhere, or not at all.
    OtherSystem,
    /// A program did not end within its time.
    ToolDeadline,
    /// Only a link or a special file of that name was found.
    NameOnly,
    /// A FIFO, socket or device where a file was expected; never opened.
    SpecialFile,
    /// A link that somebody else than root made; it was recorded and not followed.
    UntrustedLink,
    /// A link or a program whose owner is not known in the user namespace of this run.
    OwnerUnknown,
    /// The same path was sealed under an earlier entry of this bundle.
    SealedEarlier,
    /// No such file, or nothing matched.
    NotFound,
    /// It was listed a moment ago and is gone.
    Vanished,
    /// The kernel refused: permission.
    Permission,
    /// Only root can obtain it, and the run was not root's.
    NeedsRoot,
    /// Another step of the same collector takes it in another form, or it is in another listing of the same step.
    TakenOtherwise,
    /// The kernel reported an error.
    IoError,
    /// The file became shorter, or other bytes were written into it, while it was read.
    Overwritten,
    /// A table of the kernel's changed every time it was listed.
    TableChanged,
    /// The step's limit on one file's size.
    SizeLimit,
    /// The step's limit on the number of files or rows.
    CountLimit,
    /// The run's limit on bytes (`--max-bytes`).
    ByteLimit,
    /// The run's limit on time (`--max-time`).
    TimeLimit,
    /// The bundle has as many entries as it can have.
    EntryLimit,
    /// A tool printed more than its limit.
    OutputLimit,
    /// The run was interrupted by a signal.
    Interrupted,
    /// The floor of free space was reached.
    NoSpace,
    /// The output's file system failed when more room was to be kept on it.
    NoReserve,
    /// The examined root is an image; there is no running kernel to ask.
    NotLive,
    /// A network or FUSE file system that nobody named.
    NetworkMount,
    /// A file system without files of its own (cgroup, debugfs, …).
    PseudoMount,
    /// A mount that did not answer once is not asked again.
    DeadMount,
    /// No answer within the deadline.
    Deadline,
    /// Our own output.
    OwnOutput,
    /// It holds password hashes, which never leave the host.
    Secret,
    /// It is the content of PHI files, which nobody asked for.
    PhiContent,
    /// The collector failed by a programming error; what it had obtained is kept.
    Panicked,
    /// The step ended without saying anything about what it looked for.
    RecordedNothing,
    /// The program is not in the system directories.
    ToolMissing,
    /// The program could be replaced by others than root, so it was not run.
    ToolUntrusted,
    /// The program ended with a status that means failure.
    ToolStatus,
    /// The program was ended by a signal.
    ToolSignal,
    /// The program ended well and printed nothing.
    ToolSilent,
    /// The program left others running, which were killed, or could not be.
    ToolLeft,
    /// Host programs were switched off (`--no-tools`).
    ToolsOff,
    /// No PHI folder is known.
    NoPhiRoot,
    /// No folder is known to look in: no PHI folder, or no home.
    NoPlace,
    /// No audit key is known that belongs to a PHI folder.
    NoPhiKey,
    /// Opening more files would make the audit log overwrite itself.
    AuditBudget,
    /// The kernel's auditing is off, or was for a part of the window.
    AuditOff,
    /// Nothing takes the kernel's audit records and writes them to the log.
    NoDaemon,
    /// The kernel or the daemon lost audit records.
    RecordsLost,
    /// No rule in force has accesses to this folder recorded under this key.
    NoRule,
    /// The rules in force have only a part of the accesses recorded.
    RuleNarrow,
    /// The rule that has accesses recorded came into force after the window began.
    RuleLate,
    /// A rule claims to record accesses to this folder, and our own did not appear in the log.
    NotRecorded,
    /// The logs that are there begin after the window does.
    WindowNotCovered,
    /// What was in force in the window cannot be told from what is there.
    CoverageUnknown,
    /// Nothing matched, and it is shown that what was asked for would have been recorded and kept.
    NoMatch,
    /// Logs were rotated while they were taken; they were listed again until each of them had been taken.
    Rotated,
    /// It is here whole, and something in it is odd; the words say what, and the rows where.
    Remarkable,
    /// This kernel or system does not offer it.
    Unsupported,
    /// Two views of the same thing disagree, and still do when both are asked again.
    ViewsDisagree,
    /// The content has a form that this version does not read; the raw bytes may be there all the same.
    NotParsed,
    /// A code from a later version.
    #[serde(other)]
    Unknown,
}

impl ReasonCode {
    /// What would settle the gap, told to the person who reads the summary; empty where nothing would.
    pub fn settle(self) -> &'static str {
        match self {
            ReasonCode::NeedsRoot => "run the collection again as root",
            ReasonCode::Permission => {
                "run the collection as root, outside of containers; where root was refused, the kernel's own rules did it"
            }
            ReasonCode::ZeroBytes => "ask where this host sends its logs, and collect there too",
            ReasonCode::OddForm => "look at the file itself: what lies there is not what belongs there",
            ReasonCode::OnlyRotated => {
                "find out who removed or renamed it, and when; the folder's times are in the entries"
            }
            ReasonCode::NoFiles => {
                "is its volume mounted? is it the right folder? then collect again with --phi DIR"
            }
            ReasonCode::ToolDeadline => "read the raw source that is sealed beside it",
            ReasonCode::NameOnly => {
                "look at the entries of this step: something else lies where a file should"
            }
            ReasonCode::SpecialFile => "look at the entry: something other than a file lies at this path",
            ReasonCode::UntrustedLink => "look where the link points, and name that place with --also",
            ReasonCode::OwnerUnknown => {
                "run the collection as root outside of the container, where owners are known"
            }
            ReasonCode::NotFound => {
                "ask whether this host keeps it elsewhere; --also PATH seals that place too"
            }
            ReasonCode::Vanished => "collect again; if it is always gone, somebody or something removes it",
            ReasonCode::IoError => "check the disk's health, then collect again or image the disk",
            ReasonCode::Overwritten => "collect again; the entry holds the file's state before and after",
            ReasonCode::TableChanged => "collect again in a quieter moment; the rows that came are here",
            ReasonCode::SizeLimit | ReasonCode::CountLimit => {
                "collect again and name what matters, with --also PATH or --phi DIR"
            }
            ReasonCode::ByteLimit => "collect again with a higher --max-bytes",
            ReasonCode::TimeLimit => "collect again with a longer --max-time",
            ReasonCode::EntryLimit => "collect again with --only or --skip, in two bundles",
            ReasonCode::OutputLimit => {
                "raise max_output in the definition, or read the raw source if one is sealed"
            }
            ReasonCode::Interrupted => "collect again and let it finish",
            ReasonCode::NoSpace => "collect again with -o on a larger disk, or stream with -o -",
            ReasonCode::NoReserve => "check the output's disk, and collect again with -o on another",
            ReasonCode::NetworkMount => {
                "name the folder with --also or --phi, or collect on the server that owns it"
            }
            ReasonCode::DeadMount | ReasonCode::Deadline => "repair the mount, then collect again",
            ReasonCode::Panicked => "report this as a defect, with the entry",
            ReasonCode::RecordedNothing => "report this as a defect, with the collector's definition",
            ReasonCode::ToolMissing => "nothing: the native evidence beside it stands alone",
            ReasonCode::ToolUntrusted => "find out who can change the program, before anyone runs it",
            ReasonCode::ToolStatus | ReasonCode::ToolSignal | ReasonCode::ToolSilent => {
                "compare with the raw source that is sealed beside it"
            }
            ReasonCode::ToolLeft => {
                "find out why a program that only prints starts others and leaves them behind"
            }
            ReasonCode::NoPhiRoot => "collect again and name the folders that hold PHI with --phi DIR",
            ReasonCode::NoPlace => {
                "find out where this host keeps it, and name the place with --also or --phi"
            }
            ReasonCode::NoPhiKey => "find out whether access to PHI is audited at all, and under which key",
            ReasonCode::AuditBudget => "copy the audit logs away, then collect again",
            ReasonCode::AuditOff => {
                "find out who switched auditing off, and when; other sources must answer for that time"
            }
            ReasonCode::NoDaemon => {
                "look into the kernel log and the journal, where records go that no daemon takes"
            }
            ReasonCode::RecordsLost => {
                "other sources must answer for what was lost; raise backlog_limit for the future"
            }
            ReasonCode::NoRule => {
                "other sources must answer; load a rule that watches the folder, for the future"
            }
            ReasonCode::RuleNarrow => {
                "other sources must answer for the rest; watch the whole folder, for the future: -w DIR -p rwxa"
            }
            ReasonCode::RuleLate => "other sources must answer for the time before the rule",
            ReasonCode::NotRecorded => {
                "load the rule again once every volume is mounted, and see that the folder's accesses are recorded"
            }
            ReasonCode::WindowNotCovered => {
                "look for older logs: a log server, backups; or ask about a shorter time with --since"
            }
            ReasonCode::CoverageUnknown => {
                "read the audit configuration and the records about it that are sealed"
            }
            ReasonCode::Rotated => "collect again when less is being logged",
            ReasonCode::ViewsDisagree => {
                "read the findings: something is hidden on this host, or was missed; examine it from outside too"
            }
            ReasonCode::NotParsed => "read the raw bytes with another tool",
            ReasonCode::PhiContent => {
                "collect again with --include-content --reason TEXT, if the records themselves are needed"
            }
            ReasonCode::NotLive
            | ReasonCode::PseudoMount
            | ReasonCode::OtherSystem
            | ReasonCode::Secret
            | ReasonCode::OwnOutput
            | ReasonCode::SealedEarlier
            | ReasonCode::TakenOtherwise
            | ReasonCode::ToolsOff
            | ReasonCode::NoMatch
            | ReasonCode::Remarkable
            | ReasonCode::Unsupported
            | ReasonCode::Unknown => "",
        }
    }

    /// Whether a `skipped` with this reason was certain before the run began: nobody could have expected it.
    pub fn is_by_plan(self) -> bool {
        matches!(
            self,
            ReasonCode::NotLive
                | ReasonCode::ToolsOff
                | ReasonCode::OwnOutput
                | ReasonCode::OtherSystem
                | ReasonCode::Secret
                | ReasonCode::PseudoMount
                | ReasonCode::TakenOtherwise
        )
    }

    /// Whether a `skipped` with this reason was decided while the run went on, and not by its plan.
    pub fn is_mid_run(self) -> bool {
        matches!(
            self,
            ReasonCode::Interrupted
                | ReasonCode::NoSpace
                | ReasonCode::NoReserve
                | ReasonCode::ByteLimit
                | ReasonCode::TimeLimit
                | ReasonCode::EntryLimit
                | ReasonCode::DeadMount
                | ReasonCode::AuditBudget
        )
    }
}

/// `1 file`, `2 files`, `2 processes`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ if noun.ends_with('s') => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

/// `a, b and 3 more`: the first of them, and how many are not named.
pub fn named(all: &[impl fmt::Display], most: usize) -> String {
    let first: Vec<String> = all.iter().take(most).map(ToString::to_string).collect();
    match all.len().saturating_sub(most) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn what_is_not_named_is_counted() {
        assert_eq!(named(&["a"; 10], 8), "a, a, a, a, a, a, a, a and 2 more");
        assert_eq!((named(&[7, 9], 2), named(&[7, 9], 1)), ("7, 9".into(), "7 and 1 more".into()));
        assert_eq!(named(&[0_u32; 0], 8), "");
    }

    #[test]
    fn the_word_of_an_outcome_is_its_json() {
        for outcome in Outcome::ALL {
            assert_eq!(json::line(&outcome).unwrap(), format!("\"{}\"\n", outcome.word()).into_bytes());
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_read() {
        let code: ReasonCode = json::read(b"\"of_the_year_2030\"", 100).unwrap();
        assert_eq!(code, ReasonCode::Unknown);
    }
}
