//! Checks a bundle's members as they come by, in the order in which they lie: pure, one pass, bounded memory.
//!
//! The reader of the sealed file feeds it; it never sees a file itself. It knows the one order in which we write
//! (see [`super::bag`]) and reports everything else.

use std::collections::{BTreeMap, HashMap};

use super::Sealed;
use super::bag::{self, TAIL};
use super::completeness::{Completeness, StepRecord, incomplete_collectors};
use super::digest::Digest;
use super::entry::{ENTRY_LIMIT, Entry, EntryId};
use super::json;
use super::member::Member;
use super::outcome::{Outcome, ReasonCode};
use super::plan::{PLAN_LIMIT, PLAN_SCHEMA, PlanDocument};
use super::seal::{Counts, SEAL_LIMIT, SEAL_SCHEMA, SealDocument};
use super::verdict::{Finding, FindingCode, MissingEvidence};
use crate::path::HostPath;

/// The longest list that is read back, in bytes: a million lines.
pub const LIST_LIMIT: usize = 320 << 20;

/// Members seen so far, and what is wrong with them.
#[derive(Default)]
pub struct Inspector {
    seen: u64,
    plan: Option<PlanDocument>,
    head: Option<Digest>,
    pending: Option<(Member, Sealed)>,
    entries: Vec<Digest>,
    members: Vec<(Member, Digest)>,
    bytes: u64,
    outcomes: BTreeMap<Outcome, u64>,
    steps: BTreeMap<(String, String), StepRecord>,
    missing: Vec<MissingEvidence>,
    tags: HashMap<&'static str, (Digest, Vec<u8>)>,
    findings: Vec<Finding>,
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
    pub missing: Vec<MissingEvidence>,
}

/// How much of a member the inspector wants to see, in bytes; `None` if its digest is enough.
pub fn wanted(name: &str) -> Option<usize> {
    match name {
        bag::BAGIT | bag::BAG_INFO | bag::VERIFY | bag::SEAL_SIG => Some(64 << 10),
        bag::PLAN => Some(PLAN_LIMIT),
        bag::SEAL => Some(SEAL_LIMIT),
        bag::ENTRIES | bag::MANIFEST | bag::TAG_MANIFEST => Some(LIST_LIMIT),
        _ if name.starts_with("entries/") => Some(ENTRY_LIMIT),
        _ => None,
    }
}

impl Inspector {
    /// Notes a finding of the reader's own.
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn find(&mut self, code: FindingCode, place: impl Into<String>, words: impl Into<String>) {
        self.findings.push(Finding::new(code, place, words));
    }

    /// The next member: its name without the bundle's folder, what it measures, and, where [`wanted`] says so,
    /// its bytes.
    pub fn member(&mut self, name: &str, sealed: Sealed, content: Option<Vec<u8>>) {
        let place = self.seen;
        self.seen += 1;
        let Ok(member) = Member::parse(name) else {
            return self.find(FindingCode::MemberName, name, "no bundle of ours has a member of this name");
        };
        let content = content.unwrap_or_default();
        let tag = [bag::BAGIT, bag::PLAN].into_iter().chain(TAIL).find(|tag| *tag == name);
        match (tag, name) {
            (Some(tag), _) => self.tag(tag, place, sealed, content),
            (None, _) if name.starts_with("data/") => self.data(member, sealed),
            (None, _) if name.starts_with("entries/") => self.entry(&member, sealed, &content),
            _ => self.find(FindingCode::MemberUnlisted, name, "nothing accounts for this member"),
        }
    }

    fn tag(&mut self, name: &'static str, place: u64, sealed: Sealed, content: Vec<u8>) {
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
        if name == bag::BAGIT && content != bag::BAGIT_TEXT.as_bytes() {
            self.find(FindingCode::TagFile, name, "this is not the text of our bags");
        }
        if name == bag::PLAN {
            match json::read::<PlanDocument>(&content, PLAN_LIMIT) {
                Ok(plan) if plan.schema == PLAN_SCHEMA => self.plan = Some(plan),
                Ok(plan) => {
                    self.find(FindingCode::TagFile, name, format!("unknown schema {:?}", plan.schema))
                }
                Err(error) => {
                    self.find(FindingCode::TagFile, name, format!("the plan cannot be read: {error}"))
                }
            }
            self.head = Some(sealed.sha256);
        }
        self.tags.insert(name, (sealed.sha256, content));
    }

    fn data(&mut self, member: Member, sealed: Sealed) {
        if self.in_tail() {
            self.find(FindingCode::MemberOrder, member.as_str(), "evidence stands behind the lists");
        }
        self.bytes += sealed.size;
        self.members.push((member.clone(), sealed.sha256));
        if let Some((orphan, _)) = self.pending.replace((member, sealed)) {
            self.find(
                FindingCode::EntryMissing,
                orphan.as_str(),
                "no entry stands directly behind this member",
            );
        }
    }

    fn in_tail(&self) -> bool {
        self.tags.contains_key(bag::ENTRIES)
    }

    fn entry(&mut self, member: &Member, sealed: Sealed, content: &[u8]) {
        let expected = EntryId(u32::try_from(self.entries.len() + 1).unwrap_or(u32::MAX));
        if *member != Member::of_entry(expected.0) || self.in_tail() {
            let words = format!("entry {expected} was to stand here");
            self.find(FindingCode::MemberOrder, member.as_str(), words);
        }
        self.entries.push(sealed.sha256);
        let before = self.head.replace(sealed.sha256);
        let pending = self.pending.take();
        match json::read::<Entry>(content, ENTRY_LIMIT) {
            Ok(entry) => self.read_entry(member, &entry, before, pending),
            Err(error) => {
                self.find(
                    FindingCode::EntryUnreadable,
                    member.as_str(),
                    format!("it cannot be read: {error}"),
                );
            }
        }
    }

    fn read_entry(
        &mut self,
        member: &Member,
        entry: &Entry,
        before: Option<Digest>,
        pending: Option<(Member, Sealed)>,
    ) {
        let place = member.as_str();
        if before != Some(entry.prev) {
            self.find(FindingCode::EntryChain, place, "it does not name the entry before it");
        }
        if *member != Member::of_entry(entry.id.0) {
            self.find(FindingCode::EntryMember, place, format!("it calls itself entry {}", entry.id));
        }
        let claimed = entry.member.as_ref().map(|name| (name.clone(), entry.size, entry.sha256));
        let found = pending.map(|(name, sealed)| (name, sealed.size, Some(sealed.sha256)));
        if claimed != found {
            let words = match found {
                Some((name, ..)) => format!("it does not describe {name}, which stands before it"),
                None => "it speaks of a member, and none stands before it".to_owned(),
            };
            self.find(FindingCode::EntryMember, place, words);
        }
        self.account(entry);
    }

    fn account(&mut self, entry: &Entry) {
        *self.outcomes.entry(entry.outcome).or_default() += 1;
        let record = self.steps.entry((entry.collector.clone(), entry.step.clone())).or_default();
        *record.outcomes.entry(entry.outcome).or_default() += 1;
        record.skipped_mid_run |=
            entry.outcome == Outcome::Skipped && entry.reason_code.is_some_and(ReasonCode::is_mid_run);
        if entry.outcome.is_gap() {
            let private = self.is_private(entry);
            self.missing.push(MissingEvidence {
                entry: entry.id,
                collector: entry.collector.clone(),
                outcome: entry.outcome,
                reason_code: entry.reason_code,
                reason: entry.reason.clone().filter(|_| !private),
            });
        }
    }

    fn is_private(&self, entry: &Entry) -> bool {
        let roots = self.plan.iter().flat_map(|plan| &plan.asked.phi_roots);
        let Some(path) = entry.source.path_b64.as_ref().and_then(|path| HostPath::new(&path.0).ok()) else {
            return false;
        };
        roots.filter_map(|root| HostPath::new(&root.path_b64.0).ok()).any(|root| path.is_within(&root))
    }

    /// The last member has come by: compares lists, counts and seal with what was seen.
    pub fn finish(mut self) -> Inspection {
        if let Some((orphan, _)) = self.pending.take() {
            self.find(
                FindingCode::EntryMissing,
                orphan.as_str(),
                "no entry stands directly behind this member",
            );
        }
        for name in [bag::BAGIT, bag::PLAN].into_iter().chain(TAIL) {
            if !self.tags.contains_key(name) {
                self.find(FindingCode::TagFile, name, "this file is missing");
            }
        }
        self.check_lists();
        let seal = self.read_seal();
        if let Some(seal) = &seal {
            self.check_seal(seal);
        }
        self.check_steps(seal.as_ref());
        let mut take = |name| self.tags.remove(name).map(|(_, content)| content);
        let (seal_bytes, seal_sig) = (take(bag::SEAL), take(bag::SEAL_SIG));
        Inspection {
            findings: self.findings,
            plan: self.plan,
            seal,
            seal_bytes,
            seal_sig,
            missing: self.missing,
        }
    }

    /// The bundle could not be read to its end: only what was found so far. All that is missing then follows
    /// from that, and naming it would bury the one finding that matters.
    pub fn abandon(self) -> Inspection {
        Inspection {
            findings: self.findings,
            plan: self.plan,
            seal: None,
            seal_bytes: None,
            seal_sig: None,
            missing: self.missing,
        }
    }

    fn check_lists(&mut self) {
        let entries: Vec<(Member, Digest)> =
            self.entries.iter().zip(1_u32..).map(|(digest, n)| (Member::of_entry(n), *digest)).collect();
        let members = std::mem::take(&mut self.members);
        let tagged: Vec<(Member, Digest)> = bag::TAGGED
            .iter()
            .filter_map(|name| Some((Member::of_tag(name), self.tags.get(name)?.0)))
            .collect();
        self.check_list(bag::ENTRIES, &entries);
        self.check_list(bag::MANIFEST, &members);
        self.check_list(bag::TAG_MANIFEST, &tagged);
        self.members = members;
    }

    fn check_list(&mut self, list: &'static str, seen: &[(Member, Digest)]) {
        let Some((_, text)) = self.tags.get(list) else { return };
        if *text == bag::list(seen.iter().map(|(member, digest)| (member.as_str(), *digest))) {
            return;
        }
        let listed = match bag::read_list(text) {
            Ok(rows) => rows,
            Err(line) => {
                return self.find(FindingCode::ListDiffers, list, format!("line {line} is no checksum line"));
            }
        };
        let before = self.findings.len();
        let found: HashMap<&Member, &Digest> = seen.iter().map(|(member, digest)| (member, digest)).collect();
        let named: HashMap<&Member, &Digest> =
            listed.iter().map(|(member, digest)| (member, digest)).collect();
        for (member, digest) in seen {
            match named.get(member) {
                None if list == bag::TAG_MANIFEST => {
                    self.find(FindingCode::ListIncomplete, list, format!("it does not list {member}"));
                }
                None => self.find(
                    FindingCode::MemberUnlisted,
                    member.as_str(),
                    format!("{list} does not list it"),
                ),
                Some(sealed) if *sealed != digest => {
                    self.find(
                        FindingCode::MemberDiffers,
                        member.as_str(),
                        format!("it is not as {list} says"),
                    );
                }
                Some(_) => {}
            }
        }
        for (member, _) in listed.iter().filter(|(member, _)| !found.contains_key(member)) {
            self.find(
                FindingCode::MemberMissing,
                member.as_str(),
                format!("{list} names it, and it is not there"),
            );
        }
        if self.findings.len() == before {
            self.find(FindingCode::ListDiffers, list, "its lines do not stand in the order of the members");
        }
    }

    fn read_seal(&mut self) -> Option<SealDocument> {
        let (_, bytes) = self.tags.get(bag::SEAL)?;
        match json::read::<SealDocument>(bytes, SEAL_LIMIT) {
            Ok(seal) if seal.schema == SEAL_SCHEMA => return Some(seal),
            Ok(seal) => {
                self.find(FindingCode::TagFile, bag::SEAL, format!("unknown schema {:?}", seal.schema))
            }
            Err(error) => {
                self.find(FindingCode::TagFile, bag::SEAL, format!("the seal cannot be read: {error}"))
            }
        }
        None
    }

    fn check_seal(&mut self, seal: &SealDocument) {
        let lists: Vec<String> = bag::SEALED_LISTS
            .iter()
            .filter_map(|name| Some(bag::list_line(name, &self.tags.get(name)?.0)))
            .collect();
        for line in lists.iter().filter(|line| !seal.lists.contains(line)) {
            let name = line.rsplit(' ').next().unwrap_or_default();
            self.find(FindingCode::ListDiffers, name, "it is not the list that was sealed");
        }
        if seal.lists.len() != bag::SEALED_LISTS.len() {
            self.find(FindingCode::ListIncomplete, bag::SEAL, "it must seal exactly three lists");
        }
        let counts = Counts {
            entries: self.entries.len() as u64,
            members: self.members.len() as u64,
            bytes: self.bytes,
            steps: self.steps.len() as u64,
            outcomes: self.outcomes.clone(),
        };
        if seal.counts != counts {
            let words = format!("it counts {:?}, and there are {counts:?}", seal.counts);
            self.find(FindingCode::CountsDiffer, bag::SEAL, words);
        }
        for (role, id) in &seal.entries {
            if id.0 == 0 || id.0 as usize > self.entries.len() {
                self.find(
                    FindingCode::SealContradiction,
                    bag::SEAL,
                    format!("there is no entry {id} for {role}"),
                );
            }
        }
    }

    fn check_steps(&mut self, seal: Option<&SealDocument>) {
        let Some(plan) = self.plan.take() else { return };
        for collector in &plan.collectors {
            for step in &collector.steps {
                match self.steps.get_mut(&(collector.id.clone(), step.id.clone())) {
                    Some(record) => record.need = step.need.clone(),
                    None => {
                        let words = format!("step {} of {} has no entry", step.id, collector.id);
                        self.find(FindingCode::StepWithoutEntry, bag::PLAN, words);
                    }
                }
            }
        }
        let complete = incomplete_collectors(&self.steps).is_empty();
        if seal.is_some_and(|seal| (seal.result == Completeness::Complete) != complete) {
            let words = "COMPLETE or PARTIAL does not follow from the entries";
            self.find(FindingCode::SealContradiction, bag::SEAL, words);
        }
        self.plan = Some(plan);
    }
}
