//! How completeness is told to a person, at the end of a collection and by whoever checks it: the word, and what was
//! not obtained, the required first, each with what would settle it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::custody::completeness::{Completeness, Need};
use crate::custody::gap::Gap;
use crate::custody::outcome::ReasonCode;
use crate::custody::receipt::Receipt;
use crate::custody::seal::{Coverage, SealDocument};
use crate::path::harmless;
use crate::term::{Voice, counted};

/// Gaps of optional steps that are told one by one; the required ones are never cut.
const TOLD: usize = 25;

/// Collectors that are named; more are counted.
const NAMED: usize = 8;

/// What a seal or receipt says about completeness.
pub struct Claim<'a> {
    result: Completeness,
    profile: Option<&'a str>,
    complete_for: Option<&'a [String]>,
    stopped_by: Option<&'a str>,
}

impl<'a> From<&'a SealDocument> for Claim<'a> {
    fn from(seal: &'a SealDocument) -> Claim<'a> {
        Claim {
            result: seal.result,
            profile: seal.profile.as_deref(),
            complete_for: seal.complete_for.as_deref(),
            stopped_by: seal.stopped_by.as_deref(),
        }
    }
}

impl<'a> From<&'a Receipt> for Claim<'a> {
    fn from(receipt: &'a Receipt) -> Claim<'a> {
        Claim {
            result: receipt.result,
            profile: receipt.profile.as_deref(),
            complete_for: receipt.complete_for.as_deref(),
            stopped_by: receipt.stopped_by.as_deref(),
        }
    }
}

impl Claim<'_> {
    /// In words: `COMPLETE for: auth-logs, journal`. `skipped` are the collectors that were left out by name.
    pub fn words(&self, skipped: &[String]) -> String {
        let word = match self.result {
            Completeness::Complete => "COMPLETE",
            Completeness::Partial => "PARTIAL",
        };
        let profile = self.profile.map(|profile| format!(" (profile {profile})")).unwrap_or_default();
        let of = match self.complete_for {
            None => profile,
            Some(_) if !skipped.is_empty() => format!("{profile} except: {}", skipped.join(", ")),
            Some(ids) if ids.len() > NAMED => {
                format!(" for {} collectors, not for the whole profile", ids.len())
            }
            Some(ids) => format!(" for: {}", ids.join(", ")),
        };
        let stopped = self.stopped_by.map(|by| format!("; stopped before its end: {by}")).unwrap_or_default();
        harmless(&format!("{word}{of}{stopped}"))
    }
}

/// The gaps in the order in which they are told.
pub struct Sorted<'g> {
    required: Vec<&'g Gap>,
    others: Vec<&'g Gap>,
    unreached: Vec<&'g Gap>,
    absent: u64,
    planned: u64,
}

impl<'g> Sorted<'g> {
    /// Sorts them. A collector whose coverage is complete has no gap that is required.
    pub fn of(gaps: &'g [Gap], coverage: &BTreeMap<String, Coverage>) -> Sorted<'g> {
        let mut sorted =
            Sorted { required: Vec::new(), others: Vec::new(), unreached: Vec::new(), absent: 0, planned: 0 };
        let is_complete = |gap: &Gap| coverage.get(&gap.collector).is_some_and(|coverage| coverage.complete);
        // A group of which one collector is complete has what it needs, whatever else others lack.
        let met: BTreeSet<&Need> = gaps.iter().filter(|gap| is_complete(gap)).map(|gap| &gap.need).collect();
        for gap in gaps {
            let of_met_group = matches!(gap.need, Need::AnyOf(_)) && met.contains(&gap.need);
            if gap.is_unreached() {
                sorted.unreached.push(gap);
            } else if gap.matters() && !is_complete(gap) && !of_met_group {
                sorted.required.push(gap);
            } else if gap.is_absent() {
                sorted.absent += 1;
            } else if gap.is_by_plan() {
                sorted.planned += 1;
            } else {
                sorted.others.push(gap);
            }
        }
        sorted
    }

    /// How many of which kind, on one line.
    pub fn numbers(&self) -> String {
        let mut parts = Vec::new();
        let mut add = |count: u64, words: &str| {
            if count > 0 {
                parts.push(format!("{count} {words}"));
            }
        };
        add(self.required.len() as u64, "required and not obtained");
        add(self.unreached.len() as u64, "not reached when the run was stopped");
        add(self.others.len() as u64, "to read below");
        add(self.absent, "optional and not on this host");
        add(self.planned, "left out by the plan");
        if parts.is_empty() { "no gaps".into() } else { parts.join(", ") }
    }

    /// Tells them one by one. Where there are too many, `rest` says how to see all.
    pub fn tell(&self, rest: &str, voice: Voice) {
        if !self.required.is_empty() {
            voice.result("\nRequired, and not obtained as it should be:");
            list(&self.required, group_of, voice);
        }
        if !self.unreached.is_empty() {
            let required: BTreeSet<&str> = self
                .unreached
                .iter()
                .filter(|gap| gap.need != Need::Optional)
                .map(|gap| &*gap.title)
                .collect();
            voice.result(format!(
                "\nNot reached when the run was stopped: {}.",
                counted(self.unreached.len() as u64, "step")
            ));
            if !required.is_empty() {
                voice.result("  of them required:");
                required.iter().for_each(|title| voice.result(format!("    {}", harmless(title))));
            }
            voice.result("      -> collect again and let it finish");
        }
        if !self.others.is_empty() {
            voice.result("\nOptional, and not obtained:");
            list(self.others.get(..TOLD).unwrap_or(&self.others), |_| String::new(), voice);
            if self.others.len() > TOLD {
                voice.result(format!("  … and {} more; {rest}", self.others.len() - TOLD));
            }
        }
        if self.absent > 0 {
            voice.result(format!("Not on this host: {}.", counted(self.absent, "optional item")));
        }
        if self.planned > 0 {
            voice.result(format!("Left out by the plan: {}.", counted(self.planned, "item")));
        }
    }
}

fn list(gaps: &[&Gap], note: impl Fn(&Gap) -> String, voice: Voice) {
    for (settle, gaps) in by_settlement(gaps) {
        for alike in alike(gaps) {
            let Some(first) = alike.first() else { continue };
            let mut titles: Vec<&str> = alike.iter().map(|gap| gap.title.as_str()).collect();
            titles.dedup();
            let entries: Vec<String> = alike.iter().map(|gap| gap.entry.to_string()).collect();
            let (titles, outcome) = (titles.join("; "), first.outcome.word());
            let word = if entries.len() > 1 { "entries" } else { "entry" };
            let entries = entries.join(", ");
            voice.result(harmless(&format!("  {titles} ({outcome}, {word} {entries}){}", note(first))));
            voice.result(harmless(&format!("      {}", words_of(&alike))));
        }
        if !settle.is_empty() {
            voice.result(format!("      -> {settle}"));
        }
    }
}

fn group_of(gap: &Gap) -> String {
    match &gap.need {
        Need::AnyOf(group) => format!("; one source of \"{group}\" is required"),
        Need::Required | Need::Optional => String::new(),
    }
}

/// Where, and why, for gaps of the same reason.
fn words_of(alike: &[&Gap]) -> String {
    let reason = alike.first().map_or("", |gap| &gap.reason);
    if alike.iter().any(|gap| gap.source.is_none()) {
        return "below a PHI folder, where no name is shown; the entry has the particulars".into();
    }
    // Some reasons begin with the place themselves.
    let is_said = |gap: &Gap, source: &str| source == gap.title || reason.contains(source);
    let sources = alike.iter().filter_map(|gap| gap.source.as_deref().filter(|source| !is_said(gap, source)));
    let sources: Vec<&str> = sources.collect();
    if sources.is_empty() { reason.to_owned() } else { format!("{}: {reason}", sources.join("; ")) }
}

/// Those of one collector that ended alike for the same reason, together: one cause often costs many tables.
fn alike<'g>(gaps: Vec<&'g Gap>) -> Vec<Vec<&'g Gap>> {
    // By its key, and not by comparing each with each: a hostile bundle has a gap for every entry.
    let key = |gap: &'g Gap| (&gap.collector, gap.outcome, gap.reason_code, &gap.reason, &gap.need);
    let mut known = HashMap::new();
    let mut groups: Vec<Vec<&Gap>> = Vec::new();
    for gap in gaps {
        // What lies below a PHI folder is not told with its place, and stays alone.
        let at =
            if gap.source.is_some() { *known.entry(key(gap)).or_insert(groups.len()) } else { groups.len() };
        match groups.get_mut(at) {
            Some(group) => group.push(gap),
            None => groups.push(vec![gap]),
        }
    }
    groups
}

/// The gaps by what would settle them, in the order of the first of each.
fn by_settlement<'g>(gaps: &[&'g Gap]) -> Vec<(&'static str, Vec<&'g Gap>)> {
    let mut groups: Vec<(&'static str, Vec<&Gap>)> = Vec::new();
    for gap in gaps {
        let settle = gap.reason_code.map_or("", ReasonCode::settle);
        match groups.iter_mut().find(|(known, _)| *known == settle) {
            Some((_, group)) => group.push(gap),
            None => groups.push((settle, vec![gap])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::entry::EntryId;
    use crate::custody::outcome::Outcome;

    fn gap(number: u32, title: &str, source: Option<&str>, reason: &str) -> Gap {
        Gap {
            entry: EntryId(number),
            collector: "routes".into(),
            title: title.into(),
            source: source.map(str::to_owned),
            outcome: Outcome::Denied,
            reason_code: Some(ReasonCode::Permission),
            reason: reason.into(),
            need: Need::Optional,
        }
    }

    #[test]
    fn one_cause_of_many_gaps_is_told_once_and_loses_no_place() {
        let gaps = [
            gap(1, "Rules", Some("rtnetlink, rules"), "denied"),
            gap(2, "Links", Some("rtnetlink, links"), "denied"),
            gap(3, "Links", Some("rtnetlink, links"), "something else"),
            gap(4, "PHI", None, ""),
            gap(5, "PHI", None, ""),
        ];
        let groups = alike(gaps.iter().collect());
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
        assert_eq!(words_of(&groups[0]), "rtnetlink, rules; rtnetlink, links: denied");
        assert_eq!(words_of(&groups[1]), "rtnetlink, links: something else");
        assert!(words_of(&groups[2]).starts_with("below a PHI folder"));
    }
}
