//! The ledger: entries in the order of work, each naming the digest of the one before.

use std::collections::BTreeMap;

use super::Sealed;
use super::completeness::{Completeness, Need, StepRecord, account};
use super::digest::Digest;
use super::entry::{Entry, EntryId, Kind, Loss, MountFacts, Phi, Source, Stats, Taken, Window};
use super::gap::Gap;
use super::json::{self, JsonError};
use super::member::Member;
use super::outcome::{Outcome, ReasonCode};
use super::seal::{Counts, Coverage};

/// The highest number that six digits can say.
pub const MAX_ENTRIES: u32 = 999_999;

/// The step of the plan that is being carried out: what all of its entries have in common.
#[derive(Clone, Debug)]
pub struct StepContext {
    /// The collector's id.
    pub collector: String,
    /// The step's id, unique within the collector.
    pub step: String,
    /// What it takes, in words.
    pub title: String,
    /// What it may hold of patients' information.
    pub phi: Phi,
    /// The clauses that it serves.
    pub hipaa: Vec<String>,
    /// How much it matters.
    pub need: Need,
}

/// An entry before it has its place in the chain.
#[derive(Clone, Debug)]
pub struct Draft {
    /// How it was obtained.
    pub kind: Kind,
    /// What it is, if that is more than the step's title.
    pub title: Option<String>,
    /// Where it came from.
    pub source: Source,
    /// When taking it began.
    pub taken: Taken,
    /// How long that took.
    pub duration_ns: u64,
    /// Joins what belongs to one run of a program.
    pub run: Option<String>,
    /// Exit status of a program.
    pub exit: Option<i32>,
    /// Signal that ended a program.
    pub signal: Option<i32>,
    /// Metadata before and after.
    pub stat: Option<Stats>,
    /// The mount it lies on.
    pub mount: Option<MountFacts>,
    /// It became longer while it was read.
    pub grew: bool,
    /// Time asked for and found.
    pub window: Option<Window>,
    /// What the source says it lost.
    pub loss: Option<Loss>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
    /// What it was made from.
    pub derived_from: Vec<EntryId>,
}

/// Why something is not plainly collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// For people.
    pub words: String,
}

impl Reason {
    /// A reason of code and words.
    pub fn new(code: ReasonCode, words: impl Into<String>) -> Reason {
        Reason { code, words: words.into() }
    }
}

impl Draft {
    /// A draft of something obtained whole, begun at `taken`.
    pub fn new(kind: Kind, source: Source, taken: Taken) -> Draft {
        Draft {
            kind,
            title: None,
            source,
            taken,
            duration_ns: 0,
            run: None,
            exit: None,
            signal: None,
            stat: None,
            mount: None,
            grew: false,
            window: None,
            loss: None,
            outcome: Outcome::Collected,
            reason: None,
            derived_from: Vec::new(),
        }
    }

    /// The same, where a table or an answer came out without a byte and nobody said what that means: it does not show
    /// that there was nothing.
    pub fn doubted_if_empty(self, size: u64) -> Draft {
        let answers = matches!(self.kind, Kind::Capture | Kind::Derived | Kind::Listing);
        if size > 0 || !answers || self.outcome != Outcome::Collected {
            return self;
        }
        let words = "nothing came, and nothing proves that there was nothing";
        self.ended(Outcome::Inconclusive, Reason::new(ReasonCode::RecordedNothing, words))
    }

    /// The same with this outcome and reason.
    pub fn ended(mut self, outcome: Outcome, reason: Reason) -> Draft {
        self.outcome = outcome;
        self.reason = Some(reason);
        self
    }
}

/// The growing chain.
#[derive(Debug)]
pub struct Ledger {
    part2: bool,
    head: Digest,
    entries: Vec<Digest>,
    members: Vec<(Member, Digest)>,
    bytes: u64,
    steps: BTreeMap<(String, String), StepRecord>,
    gaps: Vec<Gap>,
}

/// A ledger is full at [`MAX_ENTRIES`], or an entry could not be written as JSON.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Six digits are used up.
    #[error("the bundle already has {MAX_ENTRIES} entries")]
    Full,
    /// See [`JsonError`].
    #[error("cannot write an entry: {0}")]
    Json(#[from] JsonError),
}

impl Ledger {
    /// A ledger whose first entry will name the digest of `plan.json`.
    pub fn starting_from(plan: Digest, part2: bool) -> Ledger {
        Ledger {
            part2,
            head: plan,
            entries: Vec::new(),
            members: Vec::new(),
            bytes: 0,
            steps: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    /// Appends an entry and gives its number and its exact bytes, which belong into the bundle as they are.
    /// Where the source lies below a PHI folder (`private`), its name stays out of the list of gaps.
    pub fn record(
        &mut self,
        step: &StepContext,
        draft: Draft,
        member: Option<(Member, Sealed)>,
        salt: Digest,
        private: bool,
    ) -> Result<(EntryId, Vec<u8>), LedgerError> {
        let number = u32::try_from(self.entries.len() + 1).ok().filter(|number| *number <= MAX_ENTRIES);
        let id = EntryId(number.ok_or(LedgerError::Full)?);
        let title = draft.title.clone().unwrap_or_else(|| step.title.clone());
        let entry = Entry {
            id,
            salt,
            prev: self.head,
            collector: step.collector.clone(),
            step: step.step.clone(),
            title,
            kind: draft.kind,
            member: member.as_ref().map(|(member, _)| member.clone()),
            source: draft.source,
            run: draft.run,
            exit: draft.exit,
            signal: draft.signal,
            stat: draft.stat,
            mount: draft.mount,
            grew: draft.grew,
            taken: draft.taken,
            duration_ns: draft.duration_ns,
            size: member.as_ref().map_or(0, |(_, sealed)| sealed.size),
            sha256: member.as_ref().map(|(_, sealed)| sealed.sha256),
            window: draft.window,
            loss: draft.loss,
            outcome: draft.outcome,
            reason: draft.reason.as_ref().map(|reason| reason.words.clone()),
            reason_code: draft.reason.map(|reason| reason.code),
            phi: step.phi,
            part2: self.part2,
            hipaa: step.hipaa.clone(),
            derived_from: draft.derived_from,
        };
        let record = self.steps.entry((step.collector.clone(), step.step.clone())).or_default();
        record.need = step.need.clone();
        record.count(&entry);
        self.gaps.extend(Gap::of(&entry, &step.need, &step.title, private));
        let bytes = json::line(&entry)?;
        self.head = Digest::of(&bytes);
        self.entries.push(self.head);
        if let Some((member, sealed)) = member {
            self.bytes += sealed.size;
            self.members.push((member, sealed.sha256));
        }
        Ok((id, bytes))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How a step has gone so far; none if it has no entry yet.
    pub fn step(&self, collector: &str, step: &str) -> Option<&StepRecord> {
        self.steps.get(&(collector.to_owned(), step.to_owned()))
    }

    /// Everything that is not plainly there, in the order of work.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The digests of the entries, in order; `entries-sha256.txt` is made of them.
    pub fn entry_digests(&self) -> impl Iterator<Item = (Member, Digest)> {
        self.entries.iter().zip(1_u32..).map(|(digest, number)| (Member::of_entry(number), *digest))
    }

    /// The members and their digests, in order; `manifest-sha256.txt` is made of them.
    pub fn members(&self) -> &[(Member, Digest)] {
        &self.members
    }

    /// The numbers that stand in the seal and the receipt.
    pub fn counts(&self) -> Counts {
        let mut outcomes = BTreeMap::new();
        for (outcome, count) in self.steps.values().flat_map(|step| &step.outcomes) {
            *outcomes.entry(*outcome).or_default() += count;
        }
        Counts {
            entries: self.entries.len() as u64,
            members: self.members.len() as u64,
            bytes: self.bytes,
            steps: self.steps.len() as u64,
            outcomes,
        }
    }

    /// COMPLETE or PARTIAL, and per collector what ended how. `stopped` says that the run did not come to its end.
    pub fn account(&self, stopped: bool) -> (Completeness, BTreeMap<String, Coverage>) {
        account(&self.steps, stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn context(step: &str) -> StepContext {
        StepContext {
            collector: "sample".into(),
            step: step.into(),
            title: "A sample".into(),
            phi: Phi::None,
            hipaa: vec![],
            need: Need::Required,
        }
    }

    fn draft() -> Draft {
        let taken = Taken { utc: Timestamp::from_unix(0, 0), boottime_ns: 0 };
        Draft::new(Kind::Capture, Source::text("test"), taken)
    }

    fn sealed(bytes: &[u8]) -> Sealed {
        Sealed { size: bytes.len() as u64, sha256: Digest::of(bytes) }
    }

    #[test]
    fn each_entry_names_the_one_before() {
        let plan = Digest::of(b"plan");
        let mut ledger = Ledger::starting_from(plan, false);
        let salt = Digest::of(b"salt");
        let member = Member::of_live("sample", "one");
        let (_, first) =
            ledger.record(&context("a"), draft(), Some((member, sealed(b"x"))), salt, false).unwrap();
        let gap = draft().ended(Outcome::Denied, Reason::new(ReasonCode::Permission, "no"));
        let (id, second) = ledger.record(&context("b"), gap, None, salt, false).unwrap();
        let first_entry: Entry = json::read(&first, 10_000).unwrap();
        let second_entry: Entry = json::read(&second, 10_000).unwrap();
        assert_eq!(first_entry.prev, plan);
        assert_eq!(second_entry.prev, Digest::of(&first));
        assert_eq!((id, ledger.len()), (EntryId(2), 2));
        assert_eq!(ledger.counts().members, 1);
        let (word, coverage) = ledger.account(false);
        assert_eq!(word, Completeness::Partial);
        assert!(!coverage["sample"].complete);
    }

    #[test]
    fn a_gap_under_a_phi_folder_is_told_without_its_words() {
        let mut ledger = Ledger::starting_from(Digest::of(b"plan"), false);
        let mut gap =
            draft().ended(Outcome::Denied, Reason::new(ReasonCode::Permission, "/srv/phi/Jane Roe"));
        gap.title = Some("Jane Roe".into());
        let (_, bytes) = ledger.record(&context("a"), gap, None, Digest::of(b""), true).unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("Jane Roe"), "the sealed entry keeps it");
        assert!(!format!("{:?}", ledger.gaps()).contains("Jane"));
    }
}
