//! What a verification says: one word, four answers, and every finding.

use std::fmt;

use serde::Serialize;

use super::completeness::Completeness;
use super::gap::Gap;
use crate::clock::Timestamp;

/// Bytes of a finding's place, and of its words, at most.
const QUOTED: usize = 1000;

/// The word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Everything is consistent, and the signer is one that the reader named.
    Verified,
    /// Everything that could be checked is consistent; the signer is not known here.
    Unknown,
    /// Something is not as it was sealed.
    Failed,
}

/// Yes, no, or not to be known from what is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// It cannot be known from what is at hand.
    Unknown,
}

/// The result of a verification, as `verify --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The word.
    pub verdict: Word,
    /// The bundle's id, as far as it could be read.
    pub id: Option<String>,
    /// Whether the content itself was examined, or the receipt and the sealed file only.
    pub opened: bool,
    /// Unchanged since sealing?
    pub unchanged: Answer,
    /// Sealed by whom?
    pub sealed_by: SealedBy,
    /// Existed no later than when?
    pub not_later_than: NotLaterThan,
    /// COMPLETE or PARTIAL, as the seal or receipt says; none where that cannot be relied upon.
    pub result: Option<Completeness>,
    /// The code to compare with what was read out, if there is a receipt.
    pub spoken_code: Option<String>,
    /// What was not obtained. Without a key only its count is known.
    pub missing: Vec<Gap>,
    /// Everything that is not as it should be, or that a reader must know.
    pub findings: Vec<Finding>,
}

/// Whose signature it is.
#[derive(Clone, Debug, Serialize)]
pub struct SealedBy {
    /// Whether the reader knows the signer.
    pub known: Answer,
    /// The name under which the reader knows the signer.
    pub principal: Option<String>,
    /// The key's fingerprint, `SHA256:…`.
    pub fingerprint: Option<String>,
}

/// What is known of the time.
#[derive(Clone, Debug, Serialize)]
pub struct NotLaterThan {
    /// A time that a third party vouches for. Always `unknown` without a time-stamp token.
    pub answer: Answer,
    /// The time that the examined host's own clock claimed.
    pub claimed: Option<Timestamp>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind.
    pub code: FindingCode,
    /// Where: a member, or a file beside the bundle.
    pub place: String,
    /// In words.
    pub words: String,
}

/// Kinds of findings. The words are frozen; new ones may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The sealed file is not the one that the receipt speaks of.
    CiphertextDiffers,
    /// The sealed file is damaged: age's own check failed, or it ends too early.
    SealedFileDamaged,
    /// The archive is not built as ours are.
    ArchiveStructure,
    /// A member's own header and the archive's directory disagree.
    ArchiveHeadersDiffer,
    /// A member cannot be unpacked, or its checksum is wrong.
    MemberDamaged,
    /// A name that no bundle of ours would hold, or one that stands twice.
    MemberName,
    /// A member that no list accounts for.
    MemberUnlisted,
    /// A list names a member that is not there.
    MemberMissing,
    /// A member is not what its list says.
    MemberDiffers,
    /// A member stands in another place than it was sealed in.
    MemberOrder,
    /// A member's time is not the one that was sealed.
    MemberTime,
    /// A member has no entry behind it.
    EntryMissing,
    /// An entry cannot be read.
    EntryUnreadable,
    /// An entry does not name the one before it.
    EntryChain,
    /// An entry does not speak of the member before it.
    EntryMember,
    /// A step of the plan has no entry.
    StepWithoutEntry,
    /// A tag file is missing or cannot be read.
    TagFile,
    /// A list does not account for what it must account for.
    ListIncomplete,
    /// A list or document is not the one that was signed.
    ListDiffers,
    /// The numbers in the seal do not come out.
    CountsDiffer,
    /// The seal says something that its entries do not bear out.
    SealContradiction,
    /// The signature does not fit, or is missing.
    SignatureBad,
    /// The signature is not in the one form that we write.
    SignatureForm,
    /// Seal, receipt and signatures speak of different keys.
    SignerDiffers,
    /// The reader asked for another signer than this.
    SignerUnexpected,
    /// The receipt does not speak of this bundle.
    ReceiptDiffers,
    /// The receipt cannot be read.
    ReceiptUnreadable,
    /// There is no receipt beside the bundle.
    ReceiptMissing,
    /// The receipt's signature is not beside it.
    ReceiptUnsigned,
    /// The receipt is not the one whose code the reader was told.
    CodeDiffers,
    /// Something is of a later version, and was not checked.
    NewerVersion,
    /// There are more gaps than are told.
    MissingCut,
    /// The signer is not known to the reader.
    SignerUnknown,
    /// The sealed file is not beside the receipt.
    SealedFileAbsent,
    /// The receipt was examined, the content was not.
    NotOpened,
}

impl FindingCode {
    /// Whether the bundle cannot be relied upon with this finding. The others are notes to the reader.
    pub fn fails(self) -> bool {
        !matches!(
            self,
            FindingCode::ReceiptMissing
                | FindingCode::ReceiptUnsigned
                | FindingCode::MissingCut
                | FindingCode::NewerVersion
                | FindingCode::SignerUnknown
                | FindingCode::SealedFileAbsent
                | FindingCode::NotOpened
        )
    }

    /// Whether it speaks of which bundle this is and who sealed it, and not of what is in it.
    pub fn is_about_origin(self) -> bool {
        matches!(self, FindingCode::SignerUnexpected | FindingCode::SignerUnknown | FindingCode::CodeDiffers)
    }

    /// The word as it stands in JSON.
    pub fn word(self) -> String {
        let json = super::json::line(&self).unwrap_or_default();
        String::from_utf8_lossy(&json).trim().trim_matches('"').to_owned()
    }
}

impl Finding {
    /// A finding.
    pub fn new(code: FindingCode, place: impl Into<String>, words: impl Into<String>) -> Finding {
        Finding { code, place: cut(place.into()), words: cut(words.into()) }
    }
}

/// What a bundle says of itself is quoted, and a hostile one can say it in megabytes.
fn cut(mut text: String) -> String {
    if text.len() > QUOTED {
        text.truncate(text.floor_char_boundary(QUOTED));
        text.push('…');
    }
    text
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.words)
    }
}
