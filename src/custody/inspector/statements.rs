//! What the lists, the seal and the plan state, held against the members and entries that came by.

use std::collections::HashMap;

use super::{Inspection, Inspector, Tag, in_headers};
use crate::custody::bag::{self, TAIL};
use crate::custody::completeness::{StepRecord, account};
use crate::custody::digest::Digest;
use crate::custody::json;
use crate::custody::member::Member;
use crate::custody::plan::PlanDocument;
use crate::custody::seal::{Counts, SEAL_LIMIT, SEAL_SCHEMA, SealDocument};
use crate::custody::verdict::{Finding, FindingCode};

impl Inspector {
    /// The last member has come by: compares lists, counts and seal with what was seen.
    pub fn finish(mut self) -> Inspection {
        if let Some(orphan) = self.pending.take() {
            self.orphaned(&orphan);
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
        let mut take = |name| self.tags.remove(name).map(|tag| tag.content);
        let (seal_bytes, seal_sig) = (take(bag::SEAL), take(bag::SEAL_SIG));
        Inspection { seal, seal_bytes, seal_sig, ..self.abandon() }
    }

    /// The bundle could not be read to its end: only what was found so far. All that is missing then follows
    /// from that, and naming it would bury the one finding that matters.
    pub fn abandon(mut self) -> Inspection {
        if self.gaps_untold > 0 {
            let words = format!("{} more gaps stand in the entries than are told here", self.gaps_untold);
            self.findings.push(Finding::new(FindingCode::MissingCut, "entries", words));
        }
        if self.untold > 0 {
            let words = format!("there are {} more findings", self.untold);
            self.findings.push(Finding::new(FindingCode::ListDiffers, "archive", words));
        }
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
            .filter_map(|name| Some((Member::of_tag(name), self.tags.get(name)?.sha256)))
            .collect();
        self.check_list(bag::ENTRIES, &entries);
        self.check_list(bag::MANIFEST, &members);
        self.check_list(bag::TAG_MANIFEST, &tagged);
        self.members = members;
    }

    fn check_list(&mut self, list: &'static str, seen: &[(Member, Digest)]) {
        let Some(Tag { content: text, .. }) = self.tags.get(list) else { return };
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
        let bytes = &self.tags.get(bag::SEAL)?.content;
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
            .filter_map(|name| Some(bag::list_line(name, &self.tags.get(name)?.sha256)))
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
        let info = bag::bag_info(&seal.id, &seal.tool.version, seal.ended, &seal.counts);
        if self.tags.get(bag::BAG_INFO).is_some_and(|tag| tag.content != info.as_bytes()) {
            self.find(FindingCode::TagFile, bag::BAG_INFO, "it does not say what the seal says");
        }
        self.check_tag_times(seal);
        for (role, id) in &seal.entries {
            let collector = match role.as_str() {
                "config" | "limits" => "settings".to_owned(),
                role => role.replace('_', "-"),
            };
            // A role that a later version has added is its business.
            if self.of_framing.contains(&collector) && self.framing.get(id) != Some(&collector) {
                let words = format!("entry {id} is not the one that holds {role}");
                self.find(FindingCode::SealContradiction, bag::SEAL, words);
            }
        }
        self.check_roles(seal);
        let ours = bag::verify_text(&seal.id);
        let by_us =
            seal.tool.version == env!("CARGO_PKG_VERSION") && seal.tool.commit == env!("PHI_IR_COMMIT");
        if by_us && self.tags.get(bag::VERIFY).is_some_and(|tag| tag.content != ours.as_bytes()) {
            self.find(FindingCode::TagFile, bag::VERIFY, "this is not the text that this program writes");
        }
    }

    fn check_steps(&mut self, seal: Option<&SealDocument>) {
        if self.plan.is_none() {
            return;
        }
        let mut without: Vec<&(String, String)> =
            self.planned.keys().filter(|key| !self.steps.contains_key(*key)).collect();
        without.sort();
        let words: Vec<String> = without
            .iter()
            .map(|(collector, step)| format!("step {step} of {collector} has no entry"))
            .collect();
        for words in words {
            self.find(FindingCode::StepWithoutEntry, bag::PLAN, words);
        }
        let Some(seal) = seal else { return };
        let (result, coverage) = account(&self.steps, seal.stopped_by.is_some());
        let speaks_of = self.plan.as_ref().map(PlanDocument::speaks_of);
        let asked = self.plan.as_ref().map(|plan| (plan.kind, plan.asked.profile.clone()));
        let stated = (seal.kind, seal.profile.clone().unwrap_or_default());
        // What a reason of a later version means for completeness, only that version knows.
        let (result, coverage) =
            if self.newer { (seal.result, seal.coverage.clone()) } else { (result, coverage) };
        let plan = self.plan.as_ref();
        let made = plan.map(|plan| (plan.made, plan.tool.clone()));
        let contradictions = [
            (
                made.is_some_and(|made| made != (seal.started, seal.tool.clone())),
                "program or start are not those of the plan",
            ),
            (self.part2 && !seal.case.part2, "entries are flagged for 42 CFR Part 2, and the case is not"),
            (asked.is_some_and(|asked| asked != stated), "kind or profile are not those of the plan"),
            (seal.result != result, "COMPLETE or PARTIAL does not follow from the entries"),
            (seal.coverage != coverage, "what it says of single collectors does not follow from the entries"),
            (
                speaks_of.is_some_and(|of| of != seal.complete_for),
                "the collectors that it speaks of are not those of the plan",
            ),
        ];
        for (_, words) in contradictions.into_iter().filter(|(contradicts, _)| *contradicts) {
            self.find(FindingCode::SealContradiction, bag::SEAL, words);
        }
        self.check_definitions();
        if self.newer {
            let words = "some reasons have codes of a later version: whether COMPLETE or PARTIAL follows from them was not checked";
            self.find(FindingCode::NewerVersion, bag::SEAL, words);
        }
    }

    /// The definitions that the plan names are the ones that are sealed.
    fn check_definitions(&mut self) {
        let Some(plan) = &self.plan else { return };
        let named = plan.collectors.iter().map(|collector| {
            let name = format!("{}.toml", collector.id);
            (Member::of_live("definitions", &name), collector.definition_sha256)
        });
        let sealed: HashMap<&Member, &Digest> =
            self.members.iter().map(|(member, digest)| (member, digest)).collect();
        let wrong: Vec<Member> = named
            .filter(|(member, digest)| sealed.get(member) != Some(&digest))
            .map(|(member, _)| member)
            .collect();
        let key = ("definitions".to_owned(), "native".to_owned());
        if self.steps.get(&key).is_some_and(StepRecord::has_gap) {
            return;
        }
        for member in wrong {
            let words = "it is not there as the plan names it";
            self.find(FindingCode::SealContradiction, member.as_str(), words);
        }
    }

    /// The facts about the run are in the bundle, and the seal says where; unless the run says why they are not.
    fn check_roles(&mut self, seal: &SealDocument) {
        const ROLES: [(&str, &str); 7] = [
            ("clock_end", "clock-end"),
            ("clock_start", "clock-start"),
            ("config", "settings"),
            ("footprint", "footprint"),
            ("host", "host"),
            ("invoker", "invoker"),
            ("limits", "settings"),
        ];
        let said_why = |collector: &str| {
            let key = (collector.to_owned(), "native".to_owned());
            self.steps.get(&key).is_some_and(StepRecord::has_gap)
        };
        let missing: Vec<&str> = ROLES
            .into_iter()
            .filter(|(role, collector)| !seal.entries.contains_key(*role) && !said_why(collector))
            .map(|(role, _)| role)
            .collect();
        for role in missing {
            let words = format!("it does not say which entry holds {role}");
            self.find(FindingCode::SealContradiction, bag::SEAL, words);
        }
    }

    fn check_tag_times(&mut self, seal: &SealDocument) {
        let opening = [bag::BAGIT, bag::PLAN].into_iter().map(|name| (name, seal.started));
        let closing = TAIL.into_iter().map(|name| (name, seal.ended));
        for (name, stated) in opening.chain(closing) {
            if self.tags.get(name).is_some_and(|tag| tag.modified != in_headers(stated)) {
                self.find(
                    FindingCode::MemberTime,
                    name,
                    "its time in the archive is not the one that the seal states",
                );
            }
        }
    }
}
