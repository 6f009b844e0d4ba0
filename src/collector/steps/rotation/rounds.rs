//! What is known of the files of a group of logs from one look to the next.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::host::Trouble;
use crate::host::held::Held;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match};
use crate::intake::{FileId, SealedCopy};
use crate::path::HostPath;

/// A regular file that a look showed.
pub struct Sighting {
    /// What was found.
    pub found: Match,
    /// It was asked for by its plain name.
    pub by_name: bool,
}

/// A file that is held open until it is read.
pub struct InHand {
    /// Where it was opened, and what it was then.
    pub opened: Match,
    /// The file.
    pub held: Held,
    /// It was asked for by its plain name, and was there to begin with.
    pub by_name: bool,
    /// What a rotation has done to it, if one has.
    pub words: Option<String>,
}

impl InHand {
    /// When it was made; where nobody knows that, when it was last changed.
    pub fn made(&self) -> Timestamp {
        self.opened.met.stat.btime.unwrap_or(self.opened.met.stat.mtime)
    }
}

/// The files of a group, and what has become of them.
#[derive(Default)]
pub struct Rounds {
    /// What the last look showed.
    pub last: Vec<Sighting>,
    /// What is held open.
    pub in_hand: Vec<InHand>,
    /// Something was read: what is found from here on may have come meanwhile.
    pub has_read: bool,
    /// No two looks agreed.
    pub never_agreed: bool,
    /// Held, taken, or told of: nothing is left to do, unless it grows and is given another name.
    settled: HashSet<FileId>,
    /// Where each file was first seen, and whether something had been read by then.
    listed: HashMap<FileId, (Match, bool)>,
    /// Names that were listed and gone when they were examined.
    pub gone: BTreeSet<HostPath>,
    heard: HashSet<(String, HostPath)>,
    words_of: HashSet<(HostPath, FileId)>,
}

impl Rounds {
    /// Whether a look was finished.
    pub fn has_looked(&self) -> bool {
        self.has_read || !self.listed.is_empty() || !self.heard.is_empty()
    }

    /// Notes what a look has shown.
    pub fn note(&mut self, files: &[Sighting]) {
        for Sighting { found, .. } in files {
            self.listed.entry(FileId::of(&found.met)).or_insert_with(|| (again(found), self.has_read));
        }
    }

    /// Which file has which name.
    pub fn names(&self) -> Vec<(HostPath, FileId)> {
        let name = |sighting: &Sighting| (sighting.found.spot.path.clone(), FileId::of(&sighting.found.met));
        self.last.iter().map(name).collect()
    }

    /// What the last look showed and is to be taken, the oldest first.
    pub fn wanted(&self, run: &Run<'_, '_>) -> Vec<Sighting> {
        let wanted = self.last.iter().filter(|sighting| self.wants(run, &sighting.found));
        let mut wanted: Vec<Sighting> = wanted
            .map(|sighting| Sighting { found: again(&sighting.found), by_name: sighting.by_name })
            .collect();
        wanted.sort_by(|a, b| {
            let key = |one: &Sighting| (one.found.met.stat.mtime, one.found.spot.path.clone());
            key(a).cmp(&key(b))
        });
        wanted
    }

    /// Whether a file is to be taken: it was not yet, or it had grown before it was given another name.
    pub fn wants(&self, run: &Run<'_, '_>, found: &Match) -> bool {
        let id = FileId::of(&found.met);
        let is_held = self.in_hand.iter().any(|one| FileId::of(&one.opened.met) == id);
        let is_due = || self.outgrown(run, found).is_some() || run.intake.is_replaced(found);
        !is_held && (!self.settled.contains(&id) || is_due())
    }

    /// The copy that a file has outgrown since it was given another name. What has two names has not lost its first.
    fn outgrown<'r>(&self, run: &'r Run<'_, '_>, found: &Match) -> Option<&'r SealedCopy> {
        let has_first_name = |copy: &SealedCopy| {
            self.last
                .iter()
                .any(|one| one.found.spot.real == copy.real && FileId::of(&one.found.met) == copy.file)
        };
        run.intake.outgrown(found).filter(|copy| copy.real == found.spot.real || !has_first_name(copy))
    }

    /// Whether the file is held, taken, or told of.
    pub fn knows(&self, found: &Match) -> bool {
        self.settled.contains(&FileId::of(&found.met))
    }

    /// The file is held, taken, or told of.
    pub fn settle(&mut self, found: &Match) {
        self.settled.insert(FileId::of(&found.met));
    }

    /// What a rotation has done to a file that was opened just now.
    pub fn words_for(&self, run: &Run<'_, '_>, opened: &Match) -> Option<String> {
        if let Some(copy) = self.outgrown(run, opened) {
            return Some(format!(
                "taken again, whole: it had gone on growing since it was sealed as {} under entry {}",
                copy.real, copy.entry
            ));
        }
        if run.intake.was_given_its_name(opened) {
            return Some(
                "another file was sealed under this name before; this one was given it since".into(),
            );
        }
        match self.listed.get(&FileId::of(&opened.met)) {
            Some((listed, _)) if listed.spot.path != opened.spot.path => {
                Some(format!("it was listed as {} and had this name when it was opened", listed.spot.path))
            }
            Some((_, false)) => None,
            Some((_, true)) => Some("it came while the files of this step were taken".into()),
            None => Some("it was given this name between being looked for and being opened".into()),
        }
    }

    /// What is said of a file whose name has been given to another since it was opened.
    pub fn has_lost_its_name(&self, opened: &Match) -> Option<&'static str> {
        let has_its_name = |one: &&Sighting| one.found.spot.path == opened.spot.path;
        let words =
            "it had this name when it was opened, and another file was given it before this one was read";
        let holder = self.last.iter().find(has_its_name)?;
        (FileId::of(&holder.found.met) != FileId::of(&opened.met)).then_some(words)
    }

    /// Whether what is no match was told already, or need not be.
    pub fn has_heard(&mut self, pattern: &Pattern, found: &Found) -> bool {
        match found {
            // Its name was given to another, or it has another: the next look will show.
            Found::Trouble(place, Trouble::Missing(_) | Trouble::Vanished(_))
                if place.path != *pattern.base() =>
            {
                self.gone.insert(place.path.clone());
                true
            }
            Found::Trouble(place, _)
            | Found::LeftOut(place, _)
            | Found::TooDeep(place)
            | Found::OverAllowance(place) => {
                !self.heard.insert((pattern.text().to_owned(), place.path.clone()))
            }
            Found::Match(_) | Found::Led(_) => false,
        }
    }

    /// Whether nothing was said yet of what is told and not taken.
    pub fn is_first_word_of(&mut self, found: &Match) -> bool {
        self.words_of.insert((found.spot.path.clone(), FileId::of(&found.met)))
    }

    /// Whether a file was listed before and not opened yet.
    pub fn is_unopened(&self, found: &Match) -> bool {
        let id = FileId::of(&found.met);
        self.listed.contains_key(&id) && !self.settled.contains(&id)
    }

    /// Files that were listed and never opened.
    pub fn unopened(&self) -> impl Iterator<Item = &Match> {
        let files = self.listed.iter().filter(|(id, _)| !self.settled.contains(*id));
        files.map(|(_, (found, _))| found)
    }
}

fn again(found: &Match) -> Match {
    Match::of(found.spot.clone(), found.met.clone())
}
