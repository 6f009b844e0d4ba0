//! Checks a bundle's members as they come by, in the order in which they lie: pure, one pass, bounded memory.
//!
//! The reader of the sealed file feeds it; it never sees a file itself. It knows the one order in which we write
//! (see [`super::bag`]) and reports everything else.

mod places;
mod statements;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Sealed;
use super::bag::{self, TAIL};
use super::completeness::{Need, StepRecord};
use super::digest::Digest;
use super::entry::{ENTRY_LIMIT, Entry, EntryId, Kind, member_time};
use super::gap::Gap;
use super::json;
use super::member::{MEMBER_LIMIT, Member};
use super::outcome::{Outcome, ReasonCode};
use super::plan::{PLAN_LIMIT, PLAN_SCHEMA, PlanDocument};
use super::seal::{SEAL_LIMIT, SealDocument};
use super::verdict::{Finding, FindingCode};
use crate::clock::Timestamp;
use crate::path::HostPath;
use places::Places;

/// Bytes of a small tag file at most.
const SMALL: usize = 64 << 10;

/// Bytes of one line of a list at most: digest, two blanks, name, newline.
const LINE_LIMIT: usize = 64 + 2 + MEMBER_LIMIT + 1;

/// Bytes of gaps that are kept; a real bundle has a few hundred of each.
const GAP_BYTES_KEPT: usize = 64 << 20;

/// Entries about the run itself that are remembered; there are a dozen, and one for each definition.
const FRAMING_KEPT: usize = 10_000;

/// Findings that are kept one by one; more are counted.
const FINDINGS_KEPT: usize = 10_000;

/// Members seen so far, and what is wrong with them.
#[derive(Default)]
pub struct Inspector {
    seen: u64,
    plan: Option<PlanDocument>,
    head: Option<Digest>,
    pending: Option<Pending>,
    entries: Vec<Digest>,
    members: Vec<(Member, Digest)>,
    bytes: u64,
    /// Which entries have a member that holds something.
    holding: Vec<bool>,
    /// When the last entry was taken, in nanoseconds since boot.
    taken: u64,
    outcomes: BTreeMap<Outcome, u64>,
    phi_places: Places,
    planned: HashMap<(String, String), (Need, String)>,
    steps: BTreeMap<(String, String), StepRecord>,
    missing: Vec<Gap>,
    tags: HashMap<&'static str, Tag>,
    gap_bytes: usize,
    gaps_untold: u64,
    /// An entry is flagged for 42 CFR Part 2.
    part2: bool,
    /// A reason has a code that this version does not know.
    newer: bool,
    /// The collectors that speak of the run itself, and which entry is of which of them.
    of_framing: HashSet<String>,
    framing: HashMap<EntryId, String>,
    findings: Vec<Finding>,
    untold: u64,
}

/// A tag file.
struct Tag {
    sha256: Digest,
    modified: i64,
    content: Vec<u8>,
}

/// A member that waits for its entry.
struct Pending {
    member: Member,
    sealed: Sealed,
    modified: i64,
}

/// What an inspection found out.
pub struct Inspection {
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
    /// The plan, if it could be read.
    pub plan: Option<PlanDocument>,
    /// The seal, if it could be read, and its exact bytes.
    pub seal: Option<SealDocument>,
    /// The exact bytes of `seal.json`.
    pub seal_bytes: Option<Vec<u8>>,
    /// The exact bytes of `seal.json.sig`.
    pub seal_sig: Option<Vec<u8>>,
    /// What was not obtained.
    pub missing: Vec<Gap>,
}

impl Inspector {
    /// How much of a member the inspector wants to see, in bytes; `None` if its digest is enough. A list can be no
    /// longer than what came before it asks for.
    pub fn wanted(&self, name: &str) -> Option<usize> {
        let lines = |rows: usize| SMALL + rows * LINE_LIMIT;
        match name {
            bag::BAGIT | bag::BAG_INFO | bag::VERIFY | bag::SEAL_SIG | bag::TAG_MANIFEST => Some(SMALL),
            bag::PLAN => Some(PLAN_LIMIT),
            bag::SEAL => Some(SEAL_LIMIT),
            bag::ENTRIES => Some(lines(self.entries.len())),
            bag::MANIFEST => Some(lines(self.members.len())),
            _ if name.starts_with("entries/") => Some(ENTRY_LIMIT),
            _ => None,
        }
    }

    /// Notes a finding of the reader's own.
    pub fn report(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_KEPT {
            self.findings.push(finding);
        } else {
            self.untold += 1;
        }
    }

    fn find(&mut self, code: FindingCode, place: impl Into<String>, words: impl Into<String>) {
        self.report(Finding::new(code, place, words));
    }

    /// The next member: its name without the bundle's folder, what it measures, its time in seconds since 1970, and,
    /// where [`Inspector::wanted`] says so, its bytes.
    pub fn member(&mut self, name: &str, sealed: Sealed, modified: i64, content: Option<Vec<u8>>) {
        let place = self.seen;
        self.seen += 1;
        let Ok(member) = Member::parse(name) else {
            return self.find(FindingCode::MemberName, name, "no bundle of ours has a member of this name");
        };
        let content = content.unwrap_or_default();
        let tag = [bag::BAGIT, bag::PLAN].into_iter().chain(TAIL).find(|tag| *tag == name);
        match (tag, name) {
            (Some(tag), _) => self.tag(tag, place, Tag { sha256: sealed.sha256, modified, content }),
            (None, _) if name.starts_with("data/") => self.data(Pending { member, sealed, modified }),
            (None, _) if name.starts_with("entries/") => {
                self.entry(&Pending { member, sealed, modified }, &content)
            }
            _ => self.find(FindingCode::MemberUnlisted, name, "nothing accounts for this member"),
        }
    }

    fn tag(&mut self, name: &'static str, place: u64, tag: Tag) {
        let due = match name {
            bag::BAGIT => place == 0,
            bag::PLAN => place == 1,
            _ => {
                let before = TAIL.iter().position(|tag| *tag == name).and_then(|at| at.checked_sub(1));
                before.is_none_or(|at| TAIL.get(at).is_some_and(|tag| self.tags.contains_key(tag)))
            }
        };
        if !due {
            self.find(
                FindingCode::MemberOrder,
                name,
                "this member stands in another place than it was sealed in",
            );
        }
        if name == bag::BAGIT && tag.content != bag::BAGIT_TEXT.as_bytes() {
            self.find(FindingCode::TagFile, name, "this is not the text of our bags");
        }
        if name == bag::PLAN {
            match json::read::<PlanDocument>(&tag.content, PLAN_LIMIT) {
                Ok(plan) if plan.schema == PLAN_SCHEMA => {
                    self.planned = plan.steps();
                    self.phi_places = Places::of(plan.phi_places());
                    self.of_framing = plan.framing();
                    self.plan = Some(plan);
                }
                Ok(plan) => {
                    self.find(FindingCode::TagFile, name, format!("unknown schema {:?}", plan.schema))
                }
                Err(error) => {
                    self.find(FindingCode::TagFile, name, format!("the plan cannot be read: {error}"))
                }
            }
            self.head = Some(tag.sha256);
        }
        self.tags.insert(name, tag);
    }

    fn data(&mut self, data: Pending) {
        if self.in_tail() {
            self.find(FindingCode::MemberOrder, data.member.as_str(), "evidence stands behind the lists");
        }
        self.bytes += data.sealed.size;
        self.members.push((data.member.clone(), data.sealed.sha256));
        if let Some(orphan) = self.pending.replace(data) {
            self.orphaned(&orphan);
        }
    }

    fn orphaned(&mut self, orphan: &Pending) {
        let words = "no entry stands directly behind this member";
        self.find(FindingCode::EntryMissing, orphan.member.as_str(), words);
    }

    fn in_tail(&self) -> bool {
        self.tags.contains_key(bag::ENTRIES)
    }

    fn entry(&mut self, seen: &Pending, content: &[u8]) {
        let place = seen.member.as_str();
        let expected = EntryId(u32::try_from(self.entries.len() + 1).unwrap_or(u32::MAX));
        if seen.member != Member::of_entry(expected.0) || self.in_tail() {
            self.find(FindingCode::MemberOrder, place, format!("entry {expected} was to stand here"));
        }
        self.entries.push(seen.sealed.sha256);
        let before = self.head.replace(seen.sealed.sha256);
        let pending = self.pending.take();
        match json::read::<Entry>(content, ENTRY_LIMIT) {
            Ok(entry) => self.read_entry(seen, &entry, before, pending.as_ref()),
            Err(error) => {
                self.find(FindingCode::EntryUnreadable, place, format!("it cannot be read: {error}"));
            }
        }
    }

    fn read_entry(
        &mut self,
        seen: &Pending,
        entry: &Entry,
        before: Option<Digest>,
        pending: Option<&Pending>,
    ) {
        let place = seen.member.as_str();
        if before != Some(entry.prev) {
            self.find(FindingCode::EntryChain, place, "it does not name the entry before it");
        }
        if seen.member != Member::of_entry(entry.id.0) {
            self.find(FindingCode::EntryMember, place, format!("it calls itself entry {}", entry.id));
        }
        let claimed = entry.member.as_ref().map(|name| (name, entry.size, entry.sha256));
        let found =
            pending.map(|pending| (&pending.member, pending.sealed.size, Some(pending.sealed.sha256)));
        if claimed != found {
            let words = match found {
                Some((name, ..)) => format!("it does not describe {name}, which stands before it"),
                None => "it speaks of a member, and none stands before it".to_owned(),
            };
            self.find(FindingCode::EntryMember, place, words);
        }
        if entry.taken.boottime_ns < self.taken {
            self.find(FindingCode::EntryChain, place, "it was taken before the entry before it");
        }
        self.taken = entry.taken.boottime_ns;
        if let Some(words) = self.contradiction(entry) {
            self.find(FindingCode::EntryMember, place, words);
        }
        self.time(seen, entry.taken.utc);
        if let Some(pending) = pending {
            self.time(pending, member_time(entry.kind, entry.taken, entry.stat.as_ref()));
        }
        self.account(entry);
    }

    /// What an entry says against itself, or against those before it.
    fn contradiction(&mut self, entry: &Entry) -> Option<&'static str> {
        let holds = |id: &EntryId| {
            *id < entry.id
                && usize::try_from(id.0).ok().and_then(|at| self.holding.get(at - 1)) == Some(&true)
        };
        let earlier = entry.derived_from.iter().all(|id| id.0 > 0 && *id < entry.id);
        let refers = entry.reason_code == Some(ReasonCode::SealedEarlier);
        let needs_member = matches!(entry.kind, Kind::Copy | Kind::Capture | Kind::Tool | Kind::Derived);
        let path = entry.source.path_b64.as_ref().and_then(|path| HostPath::new(&path.0).ok());
        let words = if entry.member.is_none() && (entry.size > 0 || entry.sha256.is_some()) {
            Some("it claims bytes, and names no member")
        } else if entry.kind == Kind::Gap && entry.member.is_some() {
            Some("it is a gap, and names a member")
        } else if needs_member && entry.outcome == Outcome::Collected && entry.member.is_none() {
            Some("it claims to be collected, and names no member")
        } else if !earlier || (refers && !entry.derived_from.iter().any(holds)) {
            Some("it refers to what does not stand before it")
        } else if path.is_some_and(|path| path.to_string() != entry.source.display) {
            Some("it displays another path than its own")
        } else {
            None
        };
        self.holding.push(entry.size > 0);
        words
    }

    /// What an unpacking tool will set as the file's time must be what its entry says.
    fn time(&mut self, seen: &Pending, stated: Timestamp) {
        if seen.modified != in_headers(stated) {
            let words = "its time in the archive is not the one that its entry states";
            self.find(FindingCode::MemberTime, seen.member.as_str(), words);
        }
    }

    fn account(&mut self, entry: &Entry) {
        *self.outcomes.entry(entry.outcome).or_default() += 1;
        let key = (entry.collector.clone(), entry.step.clone());
        self.part2 |= entry.part2;
        self.newer |= entry.reason_code == Some(ReasonCode::Unknown);
        let Some((need, title)) = self.planned.get(&key).cloned() else {
            // Without a plan that is said already, and no step is known.
            if self.plan.is_some() {
                self.find(
                    FindingCode::EntryMember,
                    format!("entry {}", entry.id),
                    "it is of no step of the plan",
                );
            }
            return;
        };
        if let Some(gap) = Gap::of(entry, &need, &title, entry.outcome.is_gap() && self.is_private(entry)) {
            self.keep(gap);
        }
        let record = self.steps.entry(key).or_default();
        record.need = need;
        record.count(entry);
        if self.framing.len() < FRAMING_KEPT && self.of_framing.contains(&entry.collector) {
            self.framing.insert(entry.id, entry.collector.clone());
        }
    }

    /// Gaps are told with their words; a hostile bundle could have any number, of any length.
    fn keep(&mut self, gap: Gap) {
        self.gap_bytes +=
            gap.title.len() + gap.reason.len() + gap.source.as_ref().map_or(0, String::len) + 100;
        if self.gap_bytes <= GAP_BYTES_KEPT {
            self.missing.push(gap);
        } else {
            self.gaps_untold += 1;
        }
    }

    fn is_private(&self, entry: &Entry) -> bool {
        entry.source.places().any(|path| self.phi_places.any_above(&path))
    }
}

/// A time as a member's headers can hold it: whole seconds, in 32 bits.
fn in_headers(time: Timestamp) -> i64 {
    time.unix().clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_hostile_bundle_is_bounded() {
        let zeros = "0".repeat(64);
        let tool = r#"{"name":"phi-ir","version":"0","commit":"c","target":"t"}"#;
        let plan = format!(
            r#"{{"schema":"phi-ir.plan/1","id":"x","kind":"incident","made":"2026-11-21T00:00:00Z","tool":{tool},
            "asked":{{"profile":"incident","window":{{}},"phi_roots":[],"phi_keys_b64":[],"include_content":false,
            "tools":true,"also_b64":[]}},"limits":{{"read_deadline_ns":1}},"collectors":[{{"id":"c","title":"t",
            "volatility":"persistent","definition_sha256":"{zeros}","origin":"built in","steps":[{{"id":"s",
            "kind":"copy","need":"optional","phi":"none","what":[]}}]}}]}}"#
        );
        let entry = |step: &str| {
            format!(
                r#"{{"id":"000001","salt":"{zeros}","prev":"{zeros}","collector":"c","step":"{step}","title":"t",
                "kind":"gap","source":{{"display":"d"}},"taken":{{"utc":"2026-11-21T00:00:00Z","boottime_ns":0}},
                "duration_ns":0,"size":0,"outcome":"denied","reason":"{}","phi":"none"}}"#,
                "A".repeat(1_000_000)
            )
        };
        let mut inspector = Inspector::default();
        let mut member = |name: &str, text: &str| {
            let sealed = Sealed { size: text.len() as u64, sha256: Digest::of(text.as_bytes()) };
            inspector.member(name, sealed, 0, Some(text.as_bytes().to_vec()));
        };
        member(bag::BAGIT, bag::BAGIT_TEXT);
        member(bag::PLAN, &plan);
        for step in ["s", "s", "of no plan"].iter().cycle().take(300) {
            member("entries/000001.json", &entry(step));
        }
        let inspection = inspector.finish();
        let kept: usize = inspection.missing.iter().map(|gap| gap.reason.len()).sum();
        assert!(kept > GAP_BYTES_KEPT / 2 && kept <= GAP_BYTES_KEPT, "{kept}");
        let has = |code| inspection.findings.iter().any(|finding| finding.code == code);
        assert!(has(FindingCode::MissingCut) && has(FindingCode::EntryMember));
    }
}
