//! What logs other than the audit log cover: text logs and journals, of which sessions are made. None of them numbers what it
//! holds so that a line which is gone would leave a gap, or it does so for its own records alone: that all is here is never said.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::access::coverage::{CoverageStatement, CoveredFile, Span};
use crate::custody::rows::audit_coverage::Lapse;

/// A kind of log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// Text logs of programs that let people in.
    Text,
    /// Files of systemd-journald.
    Journal,
}

/// A file of it, as far as it was learnt while it passed.
#[derive(Clone, Debug)]
pub struct OtherFile {
    /// What a row tells of it.
    pub row: CoveredFile,
    /// It is all here, and was read to its end.
    pub whole: bool,
    /// Of some of what it holds its row does not tell when that was: the year is not in its lines, or its header not readable.
    pub undated: bool,
}

impl Other {
    fn word(self) -> &'static str {
        match self {
            Other::Text => "auth_text",
            Other::Journal => "journal",
        }
    }

    fn spoken(self) -> &'static str {
        match self {
            Other::Text => "text log",
            Other::Journal => "journal",
        }
    }

    /// That of no file it is known from when to when it reaches.
    fn without_times(self) -> &'static str {
        match self {
            Other::Text => "no text log has a time that can be told without the year",
            Other::Journal => "no journal has a header that tells from when to when it reaches",
        }
    }

    /// That not of all files it is known where they begin; the first of the others begins then.
    fn begin(self, first: Timestamp) -> String {
        let first = first.spoken();
        match self {
            Other::Text => format!(
                "the lines of text logs that have the year begin at {first}; when those begin that have it not is not known"
            ),
            Other::Journal => {
                format!(
                    "the journals whose header can be read begin at {first}; when the others begin is not known"
                )
            }
        }
    }

    fn cannot_see(self) -> &'static [&'static str] {
        match self {
            Other::Text => &[
                "lines that are gone, or that somebody wrote who may write to the log",
                "public keys that were rejected, but with sshd's LogLevel VERBOSE or near the end of its MaxAuthTries",
                "what a program did not log, or a limit on their rate kept out",
            ],
            Other::Journal => &[
                "entries of files that were removed to save space, or by somebody",
                "entries that somebody wrote anew so that the file holds together, where it is not sealed",
                "what a limit on their rate kept out",
            ],
        }
    }

    /// What they cover of a window, both ends included. Never `complete`: that nothing was lost within is not shown.
    pub fn statement(self, files: &[OtherFile], (from, to): (Timestamp, Timestamp)) -> CoverageStatement {
        let spans = || files.iter().filter_map(|file| file.row.first_utc.zip(file.row.last_utc));
        let first = spans().map(|(first, _)| first).min();
        let last = spans().map(|(_, last)| last).max();
        let mut gaps = Vec::new();
        let mut gap = |code, to: Timestamp, words: String| gaps.push(Lapse { code, from, to, words });
        match first {
            None if files.is_empty() => {
                gap(
                    ReasonCode::CoverageUnknown,
                    to,
                    format!("no {} with a byte in it was sealed", self.spoken()),
                );
            }
            None => gap(ReasonCode::CoverageUnknown, to, self.without_times().to_owned()),
            Some(first) if first > from && files.iter().any(|file| file.undated) => {
                gap(ReasonCode::CoverageUnknown, first.min(to), self.begin(first));
            }
            Some(first) if first > from => {
                let words = format!("the {}s that are there begin at {}", self.spoken(), first.spoken());
                gap(ReasonCode::WindowNotCovered, first.min(to), words);
            }
            Some(_) => {}
        }
        let broken = files.iter().filter(|file| !file.whole).count() as u64;
        if broken > 0 {
            let words =
                format!("not all of it is here, or could be read: {}", counted(broken, self.spoken()));
            gap(ReasonCode::CoverageUnknown, to, words);
        }
        let sum = |of: fn(&CoveredFile) -> u64| files.iter().map(|file| of(&file.row)).sum::<u64>();
        CoverageStatement {
            available: first.zip(last).map(|(from, to)| Span { from, to }),
            cannot_see: self.cannot_see().iter().map(|words| (*words).to_owned()).collect(),
            counters: BTreeMap::from([
                ("files_unread", broken),
                ("records", sum(|file| file.records)),
                ("unparsed", sum(|file| file.unparsed)),
            ]),
            files: files.iter().map(|file| file.row.clone()).collect(),
            verdict: if first.is_some_and(|first| first <= to) { "partial" } else { "unknown" },
            gaps,
            requested: Span { from, to },
            rules: "",
            schema: "coverage/1",
            signs: Vec::new(),
            silence: last.filter(|last| *last < to).map(|last| Span { from: last.max(from), to }),
            source: self.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second, 0)
    }

    fn file(span: Option<(i64, i64)>, whole: bool) -> OtherFile {
        let row = CoveredFile {
            bytes: 9,
            first_utc: span.map(|(first, _)| at(first)),
            last_utc: span.map(|(_, last)| at(last)),
            path: "/var/log/auth.log".into(),
            records: 3,
            torn: false,
            unparsed: 1,
        };
        OtherFile { row, whole, undated: span.is_none() }
    }

    #[test]
    fn it_is_never_said_that_all_is_here_and_what_is_missing_is() {
        let told = |files: &[OtherFile]| {
            let statement = Other::Text.statement(files, (at(1_000), at(2_000)));
            let words: Vec<String> = statement.gaps.iter().map(|gap| gap.words.clone()).collect();
            (statement.verdict, words.join("; "))
        };
        assert_eq!(told(&[file(Some((900, 2_100)), true)]), ("partial", String::new()));
        assert_eq!(told(&[]), ("unknown", "no text log with a byte in it was sealed".to_owned()));
        assert!(told(&[file(None, true)]).1.contains("without the year"));
        assert!(told(&[file(Some((1_500, 1_600)), true)]).1.contains("begin at 1970-01-01 00:25:00"));
        assert_eq!(told(&[file(Some((3_000, 3_100)), true)]).0, "unknown");
        assert!(told(&[file(Some((900, 950)), false)]).1.contains("1 text log"));
        let statement = Other::Journal.statement(&[file(Some((900, 1_950)), true)], (at(1_000), at(2_000)));
        assert_eq!((statement.source, statement.counters["records"]), ("journal", 3));
        assert_eq!(statement.silence, Some(Span { from: at(1_950), to: at(2_000) }));
    }

    #[test]
    fn where_not_all_have_times_it_is_not_known_where_they_begin() {
        let told = |kind: Other, files: &[OtherFile]| {
            let gaps = kind.statement(files, (at(1_000), at(2_000))).gaps;
            gaps.into_iter().map(|gap| (gap.code, gap.to.unix(), gap.words)).collect::<Vec<_>>()
        };
        let files = [file(Some((1_500, 1_600)), true), file(None, true)];
        let words = "the lines of text logs that have the year begin at 1970-01-01 00:25:00 UTC; when those begin that have it not is not known";
        assert_eq!(told(Other::Text, &files), [(ReasonCode::CoverageUnknown, 1_500, words.to_owned())]);
        // The same where one file has both.
        let both = OtherFile { undated: true, ..files[0].clone() };
        assert_eq!(told(Other::Text, &[both])[0].0, ReasonCode::CoverageUnknown);
        assert_eq!(told(Other::Text, &files[..1])[0].0, ReasonCode::WindowNotCovered);
        assert!(told(Other::Text, &[file(Some((900, 1_600)), true), file(None, true)]).is_empty());
        let words = "the journals whose header can be read begin at 1970-01-01 00:25:00 UTC; when the others begin is not known";
        assert_eq!(told(Other::Journal, &files)[0].2, words);
        assert_eq!(
            told(Other::Journal, &files[1..])[0].2,
            "no journal has a header that tells from when to when it reaches"
        );
    }
}
