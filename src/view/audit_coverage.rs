//! Whether "no event was found" means that nobody touched a folder: from the rules in force, from what our own openings
//! left in the log, and from when the log was recording.
//!
//! It is covered only if a rule has all reading, writing and changing of attributes recorded, for everything in the folder and
//! by anybody; if our own openings appeared; and if nothing of the window lapsed. Everything else is inconclusive, with
//! every reason.

use super::coverage::CANNOT_SEE;
use super::recording::Recording;
use crate::clock::Timestamp;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::audit_coverage::{KeyCoverageRow, Lapse, PlaceCoverageRow};
use crate::custody::rows::text;
use crate::path::{HostPath, shown};
use crate::records::audit_rules::reach::{Reach, recorded};
use crate::records::audit_rules::syscalls::Arch;
use crate::records::audit_rules::{Rule, Scope};

/// The gravest first: what makes the later ones pointless.
const GRAVITY: [ReasonCode; 9] = [
    ReasonCode::AuditOff,
    ReasonCode::NoRule,
    ReasonCode::NoDaemon,
    ReasonCode::NotRecorded,
    ReasonCode::RecordsLost,
    ReasonCode::RuleNarrow,
    ReasonCode::RuleLate,
    ReasonCode::WindowNotCovered,
    ReasonCode::CoverageUnknown,
];

/// What must be recorded of a folder so that nothing is done to it unseen: execution of files in it is no access to PHI.
const NEEDED: &str = "rwa";

/// The keys under which an opening was logged, none of them for a rule without one; nothing if it was not logged.
pub type Logged = Option<Vec<Vec<u8>>>;

/// What became of our own openings.
#[derive(Clone, Debug)]
pub enum Canary {
    /// The log was read afterwards.
    Looked {
        /// The opening of the folder itself, if it stands in the log.
        folder: Logged,
        /// That of something in the folder; none if there is nothing in it.
        inside: Option<Logged>,
    },
    /// It could not be found out; says why.
    Unknown(String),
}

/// A place that is asked about.
#[derive(Clone, Debug)]
pub struct Place {
    /// The PHI folder, as it is called.
    pub root: HostPath,
    /// Where it, or a mount below it, really lies.
    pub mount: HostPath,
    /// It is a folder; else a single file that is watched.
    pub is_folder: bool,
    /// Whether our own openings appeared.
    pub canary: Canary,
}

/// What is known about auditing.
pub struct Auditing<'a> {
    recording: Recording<'a>,
    rules: Option<&'a [Rule]>,
    machine: Option<Arch>,
    /// When nothing at all was recorded, whatever the rules.
    lapses: Vec<Lapse>,
}

impl<'a> Auditing<'a> {
    /// From when it recorded, the rules in force in the kernel's order, if they are known, and the processor, for the words of
    /// rules.
    pub fn of(recording: Recording<'a>, rules: Option<&'a [Rule]>, machine: Option<Arch>) -> Auditing<'a> {
        let mut lapses = recording.lapses();
        lapses.extend(recording.lapses_of_suppression(rules.is_some()));
        Auditing { recording, rules, machine, lapses }
    }

    /// What the log can show of a place under the keys `known` and those of the rules in force that touch it.
    pub fn coverage(&self, place: &Place, known: &[Vec<u8>]) -> PlaceCoverage {
        let rules = self.rules.unwrap_or_default();
        let touching: Vec<(&Rule, Reach)> = rules
            .iter()
            .map(|rule| {
                (
                    rule,
                    rule.reach(&place.mount, place.is_folder).max(rule.reach(&place.root, place.is_folder)),
                )
            })
            .filter(|(rule, reach)| *reach > Reach::None && rule.watched().is_some())
            .collect();
        let suppressor = rules.iter().find(|rule| rule.may_suppress(&place.mount));
        let (canary, canary_words) = self.canary(place, &touching);
        let mut keys: Vec<Vec<u8>> = touching.iter().flat_map(|(rule, _)| keys_of(rule)).collect();
        keys.extend_from_slice(known);
        keys.sort();
        keys.dedup();
        let mut shared = Vec::new();
        match canary {
            "absent" => shared.push((ReasonCode::NotRecorded, canary_words.clone())),
            // Rules can be listed and not fire: without our own openings in the log nothing is shown.
            "unknown" => shared.push((ReasonCode::CoverageUnknown, canary_words.clone())),
            _ => {}
        }
        if let Some(rule) = suppressor {
            let words = format!("{} may keep accesses from being recorded", self.called(rule));
            shared.push((ReasonCode::RuleNarrow, words));
        }
        if let Some(rule) = rules.iter().find(|rule| rule.may_hide_changes()) {
            let words = format!("{} may keep out of the log when rules came and went", self.called(rule));
            shared.push((ReasonCode::CoverageUnknown, words));
        }
        if self.rules.is_none() {
            shared.push((ReasonCode::CoverageUnknown, "the rules in force are not known".to_owned()));
        }
        let judged: Vec<KeyCoverage> =
            keys.into_iter().map(|key| self.key(key, &touching, &shared, place)).collect();
        // A folder is as well covered as the best of its keys.
        let best = judged.iter().min_by_key(|key| (key.reasons.len(), gravest(&key.reasons)));
        let reasons = match best {
            Some(best) => best.reasons.clone(),
            None => {
                let mut reasons =
                    vec![(ReasonCode::NoRule, "no rule in force watches this folder".to_owned())];
                reasons.extend(shared);
                reasons.extend(self.lapses.iter().map(|lapse| (lapse.code, lapse.words.clone())));
                reasons
            }
        };
        let reasons = in_order(reasons);
        let rule = touching.iter().max_by_key(|(_, reach)| *reach).map(|(rule, _)| *rule);
        let (from, to) = self.recording.window();
        let (mount, mount_b64) = text(place.mount.as_bytes());
        let (root, root_b64) = text(place.root.as_bytes());
        let row = PlaceCoverageRow {
            canary,
            canary_words,
            codes: codes(&reasons),
            limits: &CANNOT_SEE,
            keys: judged.iter().map(|key| key.row.clone()).collect(),
            mount,
            mount_b64,
            root,
            root_b64,
            rule: rule.map(|rule| self.text(rule)),
            scope: scope(&touching),
            verdict: if reasons.is_empty() { "covered" } else { "inconclusive" },
            window_from: from,
            window_to: to,
            words: words(&reasons, from, to),
        };
        PlaceCoverage { row, keys: judged, place: place.mount.clone(), is_folder: place.is_folder }
    }

    fn key(
        &self,
        key: Vec<u8>,
        touching: &[(&Rule, Reach)],
        shared: &[(ReasonCode, String)],
        place: &Place,
    ) -> KeyCoverage {
        let own: Vec<&(&Rule, Reach)> =
            touching.iter().filter(|(rule, _)| keys_of(rule).contains(&key)).collect();
        let rules: Vec<&Rule> = own.iter().map(|(rule, _)| *rule).collect();
        let by_name = [&place.mount, &place.root].map(|name| recorded(&rules, name, place.is_folder));
        let mut permissions = "rwxa".to_owned();
        permissions.retain(|letter| by_name.iter().any(|letters| letters.contains(letter)));
        let mut reasons = shared.to_vec();
        // The kernel writes the key of the first rule that fits, and no other.
        if let Canary::Looked { folder: Some(folder), inside } = &place.canary
            && permissions.contains('r')
            && ![Some(folder), inside.as_ref().and_then(Option::as_ref)]
                .into_iter()
                .flatten()
                .all(|keys| has(keys, &key))
        {
            let words =
                "our own openings were logged under another key, as others' are: an earlier rule takes them";
            reasons.push((ReasonCode::NotRecorded, words.to_owned()));
        }
        if own.is_empty() && self.rules.is_some() {
            reasons
                .push((ReasonCode::NoRule, "no rule in force with this key watches this folder".to_owned()));
        } else if let Some((rule, _)) = own.first()
            && !NEEDED.chars().all(|letter| permissions.contains(letter))
        {
            let words = format!(
                "{} has only a part of the accesses recorded (of all that is in the folder: {})",
                self.called(rule),
                if permissions.is_empty() { "nothing" } else { &permissions },
            );
            reasons.push((ReasonCode::RuleNarrow, words));
        }
        let rules = own.len() as u64;
        let mut lapses = self.lapses.clone();
        if !own.is_empty() {
            // The records of rules name no path: those of other places count too.
            let loaded = self.rules.map(|rules| rules.iter().filter(|rule| has(&rule.keys(), &key)).count());
            lapses.extend(self.recording.lapses_of_rule(&key, loaded.map(|loaded| loaded as u64)));
        }
        lapses.sort_by_key(|lapse| (lapse.from, lapse.to));
        reasons.extend(lapses.iter().map(|lapse| (lapse.code, lapse.words.clone())));
        let reasons = in_order(reasons);
        let (last, asked) = (self.recording.last_with(&key), self.recording.last_asked(&key));
        let (shown_key, key_b64) = text(&key);
        let row = KeyCoverageRow {
            codes: codes(&reasons),
            key: shown_key,
            key_b64,
            last,
            lapses,
            permissions,
            rules,
        };
        KeyCoverage { key, reasons, asked, row }
    }

    /// What our own openings say: nobody expects them where no rule asks for reading, or asks who reads.
    fn canary(&self, place: &Place, touching: &[(&Rule, Reach)]) -> (&'static str, String) {
        let (folder, inside) = match &place.canary {
            Canary::Unknown(why) => return ("unknown", why.clone()),
            Canary::Looked { folder, inside } => (folder.is_some(), inside.as_ref().map(Option::is_some)),
        };
        let says = |seen: bool| if seen { "stands in the log" } else { "does not stand in the log" };
        let of_inside = match inside {
            Some(seen) => format!(", that of something in it {}", says(seen)),
            None if place.is_folder => ", and there is nothing in it to open".to_owned(),
            None => String::new(),
        };
        let words = format!("our own opening of it {}{of_inside}", says(folder));
        if folder && inside.unwrap_or(true) {
            return ("seen", words);
        }
        let expects = |(rule, _): &(&Rule, Reach)| {
            rule.permissions().is_none_or(|letters| letters.contains('r'))
                && !rule.asks_who()
                && rule.calls().is_none()
        };
        if touching.iter().any(expects) { ("absent", words) } else { ("not_expected", words) }
    }

    /// A rule's text may name what lies below a PHI folder, which no summary shows: it has its number there.
    fn called(&self, rule: &Rule) -> String {
        let number = self.rules.unwrap_or_default().iter().position(|other| std::ptr::eq(other, rule));
        number.map_or_else(|| "a rule".to_owned(), |at| format!("rule {} of those in force", at + 1))
    }

    fn text(&self, rule: &Rule) -> String {
        shown(&rule.text(self.machine))
    }
}

/// What the log can show of a place.
#[derive(Clone, Debug)]
pub struct PlaceCoverage {
    /// As a row.
    pub row: PlaceCoverageRow,
    /// Key by key.
    pub keys: Vec<KeyCoverage>,
    /// Where it really lies.
    pub place: HostPath,
    /// It is a folder, as far as is known.
    pub is_folder: bool,
}

/// A key, and everything that stands against it.
#[derive(Clone, Debug)]
pub struct KeyCoverage {
    /// The key.
    pub key: Vec<u8>,
    /// Why not all that was done is under it, the gravest first; empty if it is.
    pub reasons: Vec<(ReasonCode, String)>,
    /// When the latest event with it was recorded, within the time that host programs are asked about.
    pub asked: Option<Timestamp>,
    row: KeyCoverageRow,
}

impl KeyCoverage {
    /// When the latest event with it was recorded.
    pub fn last(&self) -> Option<Timestamp> {
        self.row.last
    }
}

/// Whether a key, or for the empty one none, is among these.
fn has(keys: &[Vec<u8>], key: &Vec<u8>) -> bool {
    if key.is_empty() { keys.is_empty() } else { keys.contains(key) }
}

/// Those of a rule; the empty one if it has none.
fn keys_of(rule: &Rule) -> Vec<Vec<u8>> {
    let keys = rule.keys();
    if keys.is_empty() { vec![Vec::new()] } else { keys }
}

fn scope(touching: &[(&Rule, Reach)]) -> &'static str {
    let has = |reach: Reach| touching.iter().any(|(_, other)| *other == reach);
    let by_name = |(rule, _): &(&Rule, Reach)| rule.watched().is_some_and(|(_, scope)| scope == Scope::Name);
    match touching {
        [] => "none",
        _ if has(Reach::Whole) => "tree",
        _ if touching.iter().any(by_name) => "name",
        _ => "part",
    }
}

fn gravity(code: ReasonCode) -> usize {
    GRAVITY.iter().position(|other| *other == code).unwrap_or(GRAVITY.len())
}

fn gravest(reasons: &[(ReasonCode, String)]) -> std::cmp::Reverse<usize> {
    std::cmp::Reverse(reasons.iter().map(|(code, _)| gravity(*code)).min().unwrap_or(GRAVITY.len()))
}

fn in_order(mut reasons: Vec<(ReasonCode, String)>) -> Vec<(ReasonCode, String)> {
    reasons.sort_by_key(|(code, _)| gravity(*code));
    reasons.dedup();
    reasons
}

fn codes(reasons: &[(ReasonCode, String)]) -> Vec<ReasonCode> {
    let mut codes: Vec<ReasonCode> = reasons.iter().map(|(code, _)| *code).collect();
    codes.dedup();
    codes
}

/// Reasons that are told in one sentence.
const TOLD: usize = 6;

fn words(reasons: &[(ReasonCode, String)], from: Timestamp, to: Timestamp) -> String {
    let window = format!("from {} to {}", from.spoken(), to.spoken());
    if reasons.is_empty() {
        return format!(
            "openings by name, and changes of names and attributes, {window} would have been recorded, and the records are here"
        );
    }
    format!("that nothing was recorded {window} does not show that nothing was done: {}", told(reasons))
}

/// The first reasons in words, and how many more there are.
fn told(reasons: &[(ReasonCode, String)]) -> String {
    let words: Vec<&str> = reasons.iter().map(|(_, words)| words.as_str()).collect();
    let first = words.get(..TOLD.min(words.len())).unwrap_or_default().join("; ");
    match words.len().saturating_sub(TOLD) {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

/// What it means that no access with `key` was found, after all places that it belongs to; `found` is what was found, in
/// words.
pub fn meaning_of_nothing(coverage: &[PlaceCoverage], key: &[u8], found: &str) -> (Outcome, Reason) {
    let mut of_key =
        coverage.iter().flat_map(|place| &place.keys).filter(|known| known.key == key).peekable();
    let reasons: Vec<(ReasonCode, String)> = match of_key.peek() {
        Some(_) => of_key.flat_map(|known| known.reasons.clone()).collect(),
        None => {
            let words = "of the folders that this key belongs to it was not asked whether they are recorded";
            vec![(ReasonCode::CoverageUnknown, words.to_owned())]
        }
    };
    let reasons = in_order(reasons);
    match reasons.first() {
        None => {
            let words = format!(
                "{found}; openings by name, and changes of names and attributes, would have been recorded with this key in the \
                 window, and the records are here"
            );
            (Outcome::Empty, Reason::new(ReasonCode::NoMatch, words))
        }
        Some((code, _)) => {
            let words = format!("{found}, which does not show that nothing was done: {}", told(&reasons));
            (Outcome::Inconclusive, Reason::new(*code, words))
        }
    }
}

#[cfg(test)]
mod tests;
