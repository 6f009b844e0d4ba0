//! What people say about a collection: the case, who collects, on whose authority, and why.
//!
//! None of it is measured, all of it is quoted. Texts are single lines of limited length, because they end
//! up in documents that lawyers grep and in file names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The longest text that is taken, in bytes.
pub const TEXT_LIMIT: usize = 500;

/// What kind of bundle this is; the word stands in the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleKind {
    /// Something is suspected.
    Incident,
    /// A routine snapshot.
    Baseline,
    /// An exercise with throw-away keys.
    Drill,
}

/// The case that a bundle belongs to. Goes into the seal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// An opaque case number, `[a-z0-9-]{1,24}`; it becomes part of the bundle's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CaseId>,
    /// The evidence number that the organisation gives this bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_no: Option<Line>,
    /// What is being collected, in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Line>,
    /// When somebody first noticed. Never computed; 45 CFR 164.404(a)(2) counts from discovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_alert: Option<Timestamp>,
    /// Who reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<Line>,
    /// A legal hold applies: retention does not end by itself.
    pub hold: bool,
    /// 42 CFR Part 2 records (substance use disorder) may be concerned.
    pub part2: bool,
    /// Collected at the direction of counsel.
    pub privileged: bool,
}

/// An opaque case number: 1 to 24 of `a-z`, `0-9`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

/// One line of text: no control characters, single blanks, at most [`TEXT_LIMIT`] bytes, not empty.
///
/// Runs of white space become one blank. That also keeps anyone from writing a checksum line (which needs two
/// blanks) into `seal.json`, where the stock recipe greps for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line(String);

/// Why a text or case number was refused.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Not of the form `[a-z0-9-]{1,24}`.
    #[error("case id {0:?} is not 1 to 24 of a-z, 0-9 and '-'")]
    Id(String),
    /// Empty after trimming.
    #[error("the text is empty")]
    Empty,
    /// Longer than [`TEXT_LIMIT`].
    #[error("the text is longer than {TEXT_LIMIT} bytes")]
    TooLong,
    /// Holds control characters.
    #[error("the text holds control characters")]
    Control,
}

impl CaseId {
    /// Checks and takes a case number.
    pub fn new(text: &str) -> Result<CaseId, CaseError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 24 || !text.chars().all(legal) {
            return Err(CaseError::Id(text.to_owned()));
        }
        Ok(CaseId(text.to_owned()))
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Line {
    /// Folds white space, checks, and takes a text.
    pub fn new(text: &str) -> Result<Line, CaseError> {
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if folded.is_empty() {
            return Err(CaseError::Empty);
        }
        if folded.len() > TEXT_LIMIT {
            return Err(CaseError::TooLong);
        }
        if folded.chars().any(char::is_control) {
            return Err(CaseError::Control);
        }
        Ok(Line(folded))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Line {
    type Err = CaseError;
    fn from_str(text: &str) -> Result<Line, CaseError> {
        Line::new(text)
    }
}

impl std::str::FromStr for CaseId {
    type Err = CaseError;
    fn from_str(text: &str) -> Result<CaseId, CaseError> {
        CaseId::new(text)
    }
}

impl TryFrom<String> for Line {
    type Error = CaseError;
    fn try_from(text: String) -> Result<Line, CaseError> {
        Line::new(&text)
    }
}

impl TryFrom<String> for CaseId {
    type Error = CaseError;
    fn try_from(text: String) -> Result<CaseId, CaseError> {
        CaseId::new(&text)
    }
}

impl From<Line> for String {
    fn from(line: Line) -> String {
        line.0
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_number_is_opaque_and_short() {
        assert_eq!(CaseId::new("2026-117").unwrap().as_str(), "2026-117");
        for bad in ["", "Smith", "a b", "a/b", "é", "1234567890123456789012345"] {
            assert!(CaseId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_cannot_pose_as_a_checksum_line() {
        let digest = "0".repeat(64);
        let line = Line::new(&format!("  see {digest}  entries-sha256.txt\n")).unwrap();
        assert_eq!(line.as_str(), format!("see {digest} entries-sha256.txt"));
        assert!(Line::new("\u{1b}[31mred").is_err());
        assert!(Line::new(&"x".repeat(501)).is_err());
    }
}
