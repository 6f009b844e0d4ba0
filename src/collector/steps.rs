//! The steps that a definition can declare: copy, listing, link, tool.

mod copy;
mod listing;
mod places;
mod rotation;
mod tool;
mod withheld;

use std::sync::Arc;

use super::definition::LinkStep;
use super::request::Request;
use super::run::Run;
use crate::custody::entry::{FileStat, Source, Window};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::mounts::KeepOut;
use crate::host::pattern::{Pattern, PatternError};
use crate::host::walk::{Found, Manner, Match, Wanted};
use crate::intake::{CopyLimits, Halt};
use crate::path::HostPath;

pub use copy::copy;
pub use listing::listing;
pub use places::Places;
pub use tool::{command_lines, tool};

/// The collector of what `--also` names.
pub const ALSO: &str = "also";

/// Whether a definition's path can be read. `~`, `{phi_roots}` and `{also}` stand for folders, `{audit_log}` for a
/// file.
pub fn check_path(text: &str) -> Result<(), PatternError> {
    match prefix(text) {
        (_, "") => Ok(()),
        (Prefix::AuditLog | Prefix::FormerAuditLogs, rest) => {
            Pattern::beside(&HostPath::root().join(b"log"), rest).map(drop)
        }
        (_, rest) => Pattern::new(rest).map(drop),
    }
}

/// What a path of a definition begins with.
enum Prefix {
    Root,
    Homes,
    PhiRoots,
    Also,
    AuditLog,
    FormerAuditLogs,
    AuthorizedKeys,
}

fn prefix(text: &str) -> (Prefix, &str) {
    let marks = [
        ("~", Prefix::Homes),
        ("{phi_roots}", Prefix::PhiRoots),
        ("{also}", Prefix::Also),
        ("{audit_log}", Prefix::AuditLog),
        ("{former_audit_logs}", Prefix::FormerAuditLogs),
        ("{authorized_keys}", Prefix::AuthorizedKeys),
    ];
    for (mark, prefix) in marks {
        if let Some(rest) = text.strip_prefix(mark) {
            return (prefix, rest);
        }
    }
    (Prefix::Root, text)
}

/// Everything that one path of a definition stands for; where a person named folders, one of them.
pub struct Group {
    /// As the definition has it.
    pub text: String,
    /// The folder or file that a person named, where the path begins with one.
    pub named: Option<HostPath>,
    /// What is looked for.
    pub patterns: Vec<Pattern>,
}

impl Group {
    /// What is told of it does not need the homes one by one.
    fn without_homes(mut self) -> Group {
        if matches!(prefix(&self.text).0, Prefix::Homes) {
            self.patterns = Vec::new();
        }
        self
    }

    /// As a person reads it: what somebody named, or what the definition has.
    pub fn spelt_out(&self) -> String {
        match (&self.named, self.text.split_once('}')) {
            (Some(named), Some((_, rest))) => format!("{named}{rest}"),
            (None, Some(("{audit_log", _))) => self.patterns.iter().map(Pattern::text).collect(),
            _ => self.text.clone(),
        }
    }
}

/// Spells out the paths of a step, one after the other: all of them at once, for each of 10,000 homes, would be too much.
pub fn expand<'a>(
    paths: &'a [String],
    request: &'a Request,
    places: &'a Places,
) -> impl Iterator<Item = Group> + 'a {
    let spell_out = move |text: &'a String| {
        let (prefix, rest) = prefix(text);
        // What a person named is looked for one by one, so that each has its own answer.
        let one_by_one = |folders: &[HostPath]| -> Vec<Group> {
            folders
                .iter()
                .map(|folder| group(text, Some(folder), std::slice::from_ref(folder), rest))
                .collect()
        };
        match prefix {
            Prefix::Root => vec![group(text, None, &[HostPath::root()], rest)],
            Prefix::Homes => vec![group(text, None, &places.homes, rest)],
            Prefix::PhiRoots if request.phi_roots.is_empty() => vec![group(text, None, &[], rest)],
            Prefix::PhiRoots => one_by_one(&request.phi_paths()),
            Prefix::Also => one_by_one(&request.also),
            Prefix::AuthorizedKeys => places
                .authorized_keys
                .iter()
                .filter_map(|keys| {
                    Some(Group { text: keys.clone(), named: None, patterns: vec![Pattern::new(keys).ok()?] })
                })
                .collect(),
            Prefix::AuditLog => vec![beside(text, std::slice::from_ref(&places.audit_log), rest)],
            // None is the rule, and nothing to be told.
            Prefix::FormerAuditLogs if places.former_audit_logs.is_empty() => Vec::new(),
            Prefix::FormerAuditLogs => vec![beside(text, &places.former_audit_logs, rest)],
        }
    };
    paths.iter().flat_map(spell_out)
}

/// Files, or what lies beside them under their names and more.
fn beside(text: &str, files: &[HostPath], rest: &str) -> Group {
    // Checked when the definition was read.
    let pattern = |file: &HostPath| match rest {
        "" => Some(Pattern::exactly(file)),
        rest => Pattern::beside(file, rest).ok(),
    };
    Group { text: text.to_owned(), named: None, patterns: files.iter().filter_map(pattern).collect() }
}

fn group(text: &str, named: Option<&HostPath>, folders: &[HostPath], rest: &str) -> Group {
    let patterns = if rest.is_empty() {
        folders.iter().flat_map(|folder| [Pattern::exactly(folder), Pattern::below(folder)]).collect()
    } else {
        // Checked when the definition was read.
        let below = Pattern::new(rest).ok();
        folders.iter().filter_map(|folder| Some(below.as_ref()?.under(folder))).collect()
    };
    Group { text: text.to_owned(), named: named.cloned(), patterns }
}

/// Below these nothing lies but what a running kernel tells.
fn is_volatile(path: &HostPath) -> bool {
    path.components().next().is_some_and(|top| [&b"proc"[..], b"sys", b"run", b"dev"].contains(&top))
}

/// Whether a file changed in the window: its content as it claims, or anything of it as the kernel says.
pub fn changed_in(window: &Window, stat: &FileStat) -> bool {
    let within = |time| window.from.is_none_or(|from| time >= from) && window.to.is_none_or(|to| time <= to);
    within(stat.mtime) || within(stat.ctime)
}

/// `[[link]]`
pub fn link(run: &mut Run<'_, '_>, step: &LinkStep) -> Result<(), Halt> {
    let mut absent = Absent::default();
    for group in expand(&step.paths, run.request, run.places) {
        if run.is_out_of_reach(&group) {
            absent.out_of_reach.push(group);
            continue;
        }
        let mut seen = Seen::default();
        for pattern in &group.patterns {
            let host = run.host;
            for found in host.walk(pattern, Wanted::Files, false) {
                let Some(found) = run.sort_out(found, pattern, &mut seen)? else { continue };
                if found.target.is_some() {
                    run.intake.take(
                        host,
                        &found,
                        CopyLimits { max_size: 0, by_name: false, form: None, keep: false },
                    )?;
                }
            }
        }
        absent.note(group, &seen);
    }
    absent.tell(run)
}

/// What a group of patterns has come across.
#[derive(Default)]
struct Seen {
    matched: bool,
    taken: bool,
    passed_over: bool,
    other: bool,
    missing_bases: usize,
}

/// The paths of a step of which nothing was found: told together, in one entry for each way of not being there.
#[derive(Default)]
struct Absent {
    out_of_reach: Vec<Group>,
    missing: Vec<Group>,
    empty: Vec<Group>,
    passed_over: Vec<Group>,
    unreached: Vec<Group>,
    unknown: Vec<Group>,
    /// Homes were looked into, as far as they are known.
    asked_homes: bool,
}

impl Absent {
    /// Asked for everything in a folder that is there, nothing means that there is nothing; a particular thing is
    /// missing.
    fn note(&mut self, group: Group, seen: &Seen) {
        self.asked_homes |= matches!(prefix(&group.text).0, Prefix::Homes);
        if seen.passed_over && !seen.taken && !seen.other {
            return self.passed_over.push(group.without_homes());
        }
        if seen.matched || seen.other {
            return;
        }
        let proven = seen.missing_bases < group.patterns.len()
            && group.patterns.iter().any(Pattern::asks_for_everything);
        let list = match (group.patterns.is_empty(), proven) {
            (true, _) => &mut self.unknown,
            (false, true) => &mut self.empty,
            (false, false) => &mut self.missing,
        };
        list.push(group.without_homes());
    }

    fn tell(self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let image = "the examined root is an image; what a running kernel tells is not in it";
        let told = [
            (self.out_of_reach, Outcome::Skipped, ReasonCode::NotLive, image),
            (self.missing, Outcome::Missing, ReasonCode::NotFound, "there is no such file on this host"),
            (self.empty, Outcome::Empty, ReasonCode::NotFound, "looked, and there is nothing of this kind"),
            (
                self.passed_over,
                Outcome::Empty,
                ReasonCode::NotFound,
                "looked, and nothing of it is for this step to take",
            ),
            (
                self.unreached,
                Outcome::Truncated,
                ReasonCode::CountLimit,
                "not looked at, because a limit had ended this step before",
            ),
            (self.unknown, Outcome::Inconclusive, ReasonCode::NoPlace, "no folder is known to look in"),
        ];
        if let Some((outcome, mut reason)) =
            run.places.trouble.as_ref().filter(|_| self.asked_homes).map(Trouble::verdict)
        {
            reason.words = format!("not every home is known: {}", reason.words);
            run.intake.gap(Source::text("homes below /home"), outcome, reason)?;
        }
        for (groups, outcome, code, words) in told {
            let (named, others): (Vec<Group>, Vec<Group>) =
                groups.into_iter().partition(|group| group.named.is_some());
            let together = (!others.is_empty())
                .then(|| Source::text(others.iter().map(Group::spelt_out).collect::<Vec<_>>().join(" ")));
            let one_by_one = named.iter().filter_map(|group| group.named.as_ref()).map(Source::path);
            for source in one_by_one.chain(together) {
                run.intake.gap(source, outcome, Reason::new(code, words))?;
            }
        }
        Ok(())
    }
}

impl Run<'_, '_> {
    /// Sorts out what is no match, with an entry where it needs one; gives back what is.
    fn sort_out(
        &mut self,
        found: Found,
        pattern: &Pattern,
        seen: &mut Seen,
    ) -> Result<Option<Box<Match>>, Halt> {
        match found {
            Found::Match(found) => {
                seen.matched = true;
                return Ok(Some(found));
            }
            // Told once for the whole group, if nothing else of it is there either.
            Found::Trouble(place, Trouble::Missing(_)) if place.path == *pattern.base() => {
                seen.missing_bases += 1
            }
            // A file that was asked for together with everything below it.
            Found::Trouble(place, Trouble::OtherType(..))
                if place.path == *pattern.base() && seen.matched => {}
            other => {
                seen.other |= !matches!(other, Found::Led(_));
                tell(self, other)?;
            }
        }
        Ok(None)
    }

    /// How a step walks: below PHI folders each folder and link is taken from the allowance before it is opened or read.
    fn manner(&self, pattern: &Pattern, wanted: Wanted) -> Manner {
        let is_private = self.intake.phi_roots().iter().any(|root| pattern.base().is_within(root));
        Manner {
            allowance: is_private.then(|| Arc::clone(&self.budget)),
            ..Manner::plain(wanted, pattern.is_plain())
        }
    }

    /// Whether it lies in a PHI folder, whichever way led there.
    pub fn is_below_phi(&self, found: &Match) -> bool {
        let spot = &found.spot;
        self.intake.phi_roots().iter().any(|root| spot.path.is_within(root) || spot.real.is_within(root))
    }

    /// Whether a group asks a running kernel, and there is none. What somebody named, a home wherever it lies, and what
    /// is in the image all the same, is looked at.
    fn is_out_of_reach(&self, group: &Group) -> bool {
        let of_kernel = matches!(prefix(&group.text).0, Prefix::Root);
        let in_image = |pattern: &Pattern| self.host.locate(pattern.base(), true).is_ok();
        !self.host.is_live()
            && of_kernel
            && group.patterns.iter().all(|pattern| is_volatile(pattern.base()) && !in_image(pattern))
    }
}

/// An entry for what a walk came across that is no match.
pub fn tell(run: &mut Run<'_, '_>, found: Found) -> Result<(), Halt> {
    match found {
        Found::Match(_) => Ok(()),
        Found::Led(link) => run.intake.take_link(&link),
        Found::Trouble(place, trouble) => run.intake.trouble(&place, &trouble),
        Found::LeftOut(place, why) => {
            let (code, words) = match why {
                KeepOut::Network => (ReasonCode::NetworkMount, "a network or FUSE mount that was not named"),
                KeepOut::Pseudo => (ReasonCode::PseudoMount, "a mount without files of its own"),
                KeepOut::Dead => (ReasonCode::DeadMount, "a mount that does not answer"),
            };
            run.intake
                .gap(Source::led(&place.path, &place.real), Outcome::Skipped, Reason::new(code, words))
                .map(drop)
        }
        Found::TooDeep(place) => {
            let words = format!("deeper than {} folders", crate::host::walk::DEPTH_LIMIT);
            let reason = Reason::new(ReasonCode::CountLimit, words);
            run.intake.gap(Source::led(&place.path, &place.real), Outcome::Truncated, reason).map(drop)
        }
        Found::OverAllowance(place) => {
            let words =
                "would overwrite the audit log: this folder, and what would come behind it, was not opened";
            let reason = Reason::new(ReasonCode::AuditBudget, words);
            run.intake.gap(Source::led(&place.path, &place.real), Outcome::Truncated, reason).map(drop)
        }
    }
}

fn excluded(run: &Run<'_, '_>, paths: &[String]) -> Vec<Pattern> {
    expand(paths, run.request, run.places).flat_map(|group| group.patterns).collect()
}

fn is_excluded(excluded: &[Pattern], path: &HostPath) -> bool {
    excluded.iter().any(|pattern| pattern.matches(path))
}
