//! When which rules were in force, as far as the records of their coming and going tell: keys and lists, and nothing of what
//! a rule does.

use super::Recording;
use crate::clock::Timestamp;
use crate::custody::outcome::ReasonCode;
use crate::custody::rows::audit_coverage::Lapse;
use crate::records::audit_log::{Note, NoteKind, RuleNamed};

/// What is said of auditing during one boot.
struct BootNotes<'n> {
    notes: &'n [Note],
    begin: Timestamp,
    until: Timestamp,
    /// It begins in the logs.
    is_whole: bool,
    /// It goes on behind them.
    is_last: bool,
}

impl Recording<'_> {
    fn boots_of_notes(&self) -> Vec<BootNotes<'_>> {
        let mut boots = Vec::new();
        let (mut rest, mut is_whole) = (self.notes.as_slice(), false);
        let mut begin = self.earliest().unwrap_or(self.from);
        loop {
            let end = rest.iter().position(|note| note.kind == NoteKind::Boot);
            let (notes, behind) = rest.split_at(end.unwrap_or(rest.len()));
            let until = behind.first().map_or(self.to, |boot| boot.id.time);
            boots.push(BootNotes { notes, begin, until, is_whole, is_last: end.is_none() });
            let Some((_, next)) = behind.split_first() else { return boots };
            (rest, begin, is_whole) = (next, until, true);
        }
    }

    /// The times at which no rule with this key was in force, or it is not known. `loaded` of them are now, in all, where the
    /// kernel said so. Rules without a key have the empty one.
    pub fn lapses_of_rule(&self, key: &[u8], loaded: Option<u64>) -> Vec<Lapse> {
        let mut lapses = Vec::new();
        for boot in self.boots_of_notes() {
            let changes: Vec<_> = boot.notes.iter().filter_map(|note| change(note, key)).collect();
            let start = match (boot.is_whole, boot.is_last) {
                (_, true) => Some(self.last_start(key, &boot, &changes, loaded, &mut lapses)),
                // Nothing is in force when a machine has booted.
                (true, false) => Some(0),
                // What went first must have been there.
                (false, false) => changes.first().filter(|(_, added)| !added).map(|_| 1),
            };
            self.follow(start, boot.begin, boot.until, &changes, &mut lapses);
        }
        self.before_the_last(key, &mut lapses);
        lapses
    }

    /// How many rules were in force where the logs of the last boot begin, so that it comes out as the kernel says. If what the
    /// logs tell of cannot come out so, they do not tell all: a rule leaves no record while auditing is off.
    fn last_start(
        &self,
        key: &[u8],
        boot: &BootNotes<'_>,
        changes: &[(Timestamp, bool)],
        loaded: Option<u64>,
        lapses: &mut Vec<Lapse>,
    ) -> i64 {
        let (mut sum, mut least) = (0, 0_i64);
        for (_, added) in changes {
            sum += if *added { 1 } else { -1 };
            least = least.max(-sum);
        }
        let least = if boot.is_whole { 0 } else { least };
        let Some(loaded) = loaded else {
            // Of an event with a key there was a rule.
            let is_used = !boot.is_whole && changes.is_empty() && self.last_with(key).is_some();
            return least + i64::from(is_used);
        };
        let start = i64::try_from(loaded).unwrap_or(i64::MAX).saturating_sub(sum);
        if start < least || boot.is_whole && start > 0 {
            let came = changes.iter().filter(|(_, added)| *added).count();
            let words = format!(
                "when rules with this key came and went since {} is not all in the logs: they tell of {came} that came and {} that \
                 went, and the kernel has {loaded}",
                boot.begin.spoken(),
                changes.len() - came,
            );
            self.add(lapses, ReasonCode::CoverageUnknown, boot.begin, boot.until, words);
        }
        start.max(least)
    }

    /// A record that a rule came names no path: which rules of this key were in force before it, nobody knows.
    fn before_the_last(&self, key: &[u8], lapses: &mut Vec<Lapse>) {
        let mut added = self.notes.iter().filter_map(|note| change(note, key)).filter(|(_, added)| *added);
        let Some((time, _)) = added.next_back().filter(|(time, _)| *time > self.from) else { return };
        if lapses.iter().any(|lapse| (lapse.from, lapse.to) == (self.from, time)) {
            return;
        }
        let words = format!(
            "a rule with this key came into force at {}; whether those before it had the same recorded is not known",
            time.spoken()
        );
        self.add(lapses, ReasonCode::CoverageUnknown, self.from, time, words);
    }

    /// Follows how many rules were in force from `begin` to `until`.
    fn follow(
        &self,
        start: Option<i64>,
        begin: Timestamp,
        until: Timestamp,
        changes: &[(Timestamp, bool)],
        lapses: &mut Vec<Lapse>,
    ) {
        let mut count = start.unwrap_or(0);
        let mut without = (count <= 0).then_some(begin);
        let mut known = start.is_some();
        for (time, added) in changes {
            count = (count + if *added { 1 } else { -1 }).max(0);
            match (without, count) {
                (Some(since), 1..) => {
                    self.without_rule(since, *time, known, lapses);
                    without = None;
                }
                (None, 0) => without = Some(*time),
                _ => {}
            }
            known = true;
        }
        if let Some(since) = without {
            self.without_rule(since, until, known, lapses);
        }
    }

    fn without_rule(&self, since: Timestamp, until: Timestamp, known: bool, lapses: &mut Vec<Lapse>) {
        // Where the rule's own record is the first of all, no time lies before it; and what begins behind the window is not
        // asked about.
        if since == until || since >= self.to {
            return;
        }
        let (since, until) = (since.min(until), since.max(until));
        let (code, words) = if known {
            let words =
                format!("no rule with this key was in force from {} to {}", since.spoken(), until.spoken());
            (ReasonCode::RuleLate, words)
        } else {
            let words = format!(
                "whether a rule with this key was in force from {} to {}, before the machine was booted, is in none of the logs",
                since.spoken(),
                until.spoken()
            );
            (ReasonCode::CoverageUnknown, words)
        };
        self.add(lapses, code, since, until, words);
    }

    /// A record that a rule went does not say what it was: it may have kept events from being recorded until then.
    pub(super) fn rules_gone(&self, lapses: &mut Vec<Lapse>) {
        let removed = |note: &&Note| matches!(note.kind, NoteKind::RuleRemoved(_));
        if let Some(note) = self.notes.iter().rfind(removed).filter(|note| note.id.time > self.from) {
            let until = note.id.time;
            let words = format!(
                "rules were taken out, the last at {}; what they had recorded or left out until then is not known",
                until.spoken()
            );
            self.add(lapses, ReasonCode::CoverageUnknown, self.from, until, words);
        }
    }

    /// The times at which a rule was in force that may have kept accesses from being recorded, for all that its record tells.
    /// Rules that are in force now speak for themselves, where they are known.
    pub fn lapses_of_suppression(&self, are_known: bool) -> Vec<Lapse> {
        let mut lapses = Vec::new();
        for boot in self.boots_of_notes().iter().filter(|boot| !(are_known && boot.is_last)) {
            self.suppressed(boot, &mut lapses);
        }
        lapses
    }

    /// From the first such rule to the end of the boot, or until none is left: that is known where the boot is whole.
    fn suppressed(&self, boot: &BootNotes<'_>, lapses: &mut Vec<Lapse>) {
        let mut first: Option<(Timestamp, &RuleNamed)> = None;
        let mut count = 0_u64;
        for note in boot.notes {
            match &note.kind {
                NoteKind::RuleAdded(rule) if rule.may_suppress() => {
                    count += 1;
                    first.get_or_insert((note.id.time, rule));
                }
                NoteKind::RuleRemoved(rule) if rule.may_suppress() => {
                    count = count.saturating_sub(1);
                    if let Some(first) = first.take_if(|_| count == 0 && boot.is_whole) {
                        self.suppressed_from(first, note.id.time, lapses);
                    }
                }
                _ => {}
            }
        }
        if let Some(first) = first {
            self.suppressed_from(first, boot.until, lapses);
        }
    }

    fn suppressed_from(
        &self,
        (since, rule): (Timestamp, &RuleNamed),
        until: Timestamp,
        lapses: &mut Vec<Lapse>,
    ) {
        if since >= self.to {
            return;
        }
        let keyless = if rule.only_suppresses() { "" } else { ", without a key" };
        let words = format!(
            "a rule was added at {} that may keep accesses from being recorded (list {}{keyless})",
            since.spoken(),
            rule.list_name()
        );
        self.add(lapses, ReasonCode::CoverageUnknown, since, until, words);
    }
}

/// When a rule with this key came (true) or went.
fn change(note: &Note, key: &[u8]) -> Option<(Timestamp, bool)> {
    match &note.kind {
        NoteKind::RuleAdded(rule) if rule.has(key) => Some((note.id.time, true)),
        NoteKind::RuleRemoved(rule) if rule.has(key) => Some((note.id.time, false)),
        _ => None,
    }
}
