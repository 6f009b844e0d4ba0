//! The root of an examined host, such as a mounted image. Nothing is read outside of it: links are followed where the
//! root's owner made them, and never out of the root.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::Path;

use rustix::fs::FileType;

use super::what::PLACES;
use super::zone::{LOCALTIME, zone_at};
use super::{Evidence, Log, Reads, What};
use crate::collector::request::PhiRoot;
use crate::collector::{auditd, phi};
use crate::host::file::Glimpse;
use crate::host::pattern::Pattern;
use crate::host::place::LinkMet;
use crate::host::walk::{Found, Match, Wanted};
use crate::host::{Host, Trouble};
use crate::path::{HostPath, shown};
use crate::term::Failure;

/// Folders of journals: what lies in them is named by machine ids.
const JOURNALS: [&str; 2] = ["/var/log/journal/*", "/run/log/journal/*"];

/// Files below a root, by the place where they stand here.
struct Root {
    host: Host,
    files: Vec<HostPath>,
}

/// The evidence below a root.
pub fn of(root: &Path, wanted: &[What]) -> Result<Evidence, Failure> {
    let host = Host::image(root, &[]).map_err(|error| {
        Failure::new(format!("cannot examine {}: {error}", root.display()))
            .hint("name the folder that an image is mounted on with --root DIR")
    })?;
    let audit_log = auditd::log(&auditd::configuration(&host));
    host.point_at(audit_log.clone());
    let Search { logs, mut files, troubles, .. } = Search::all(&host, &audit_log);
    let zone_stands = files.len();
    let zone = HostPath::new(LOCALTIME).ok().and_then(|path| host.locate(&path, true).ok());
    files.extend(zone.map(|located| located.spot.real));
    let (watched, rules_unread) = phi::watches(&host);
    let folders = phi::roots_of(&watched).into_iter().take(phi::MOST_ROOTS);
    let roots: Vec<PhiRoot> = folders.map(|(path, origin)| PhiRoot::new(&host, path, origin)).collect();
    let keys = phi::keys_for(&watched, &roots);
    let mut evidence = Evidence::new(logs, Box::new(Root { host, files }), audit_log);
    evidence.phi_roots = roots.into_iter().map(|root| root.path).collect();
    evidence.phi_keys = keys;
    evidence.zone = zone_at(evidence.reader.as_ref(), zone_stands);
    evidence.notes.extend(rules_unread.map(|why| format!("the audit rules could not all be read: {why}")));
    for (what, words) in troubles {
        evidence.lack(what, words);
    }
    for what in wanted.iter().filter(|what| ![What::Walk, What::Wtmpdb].contains(what)) {
        // What is there and could not be read is told, and is not "none".
        let is_told = evidence.absent.iter().any(|absent| absent.what == *what);
        if !is_told && evidence.logs(*what).next().is_none() {
            evidence.lack(*what, format!("{}: there is none below {}", what.words(), root.display()));
        }
    }
    Ok(evidence)
}

struct Search<'h> {
    host: &'h Host,
    audit_log: &'h HostPath,
    logs: Vec<Log>,
    files: Vec<HostPath>,
    /// Links that are called as logs are.
    links: Vec<(What, Match)>,
    troubles: BTreeSet<(What, String)>,
}

impl<'h> Search<'h> {
    /// All logs below a root, each once.
    fn all(host: &'h Host, audit_log: &'h HostPath) -> Search<'h> {
        let (logs, files, links) = (Vec::new(), Vec::new(), Vec::new());
        let mut search = Search { host, audit_log, logs, files, links, troubles: BTreeSet::new() };
        if let Ok(pattern) = Pattern::beside(audit_log, "*") {
            search.pattern(What::Audit, &pattern);
        }
        for (what, pattern) in PLACES {
            if let Ok(pattern) = Pattern::new(pattern) {
                search.pattern(what, &pattern);
            }
        }
        search.linked_folders();
        // A link may lead to another of them, which is known by its own name then.
        for (what, link) in std::mem::take(&mut search.links) {
            search.behind(what, &link);
        }
        search
    }

    fn pattern(&mut self, what: What, pattern: &Pattern) {
        let mut led = None;
        for found in self.host.walk(pattern, Wanted::Everything, true) {
            match found {
                Found::Match(found) => self.matched(what, *found),
                Found::Led(link) => led = Some(link),
                Found::Trouble(_, Trouble::Missing(missing)) => {
                    self.missing(what, pattern, led.as_ref(), &missing);
                }
                Found::Trouble(_, trouble) => self.trouble(what, trouble.to_string()),
                Found::LeftOut(place, _) | Found::TooDeep(place) | Found::OverAllowance(place) => {
                    self.trouble(what, format!("{} is not entered", place.path));
                }
            }
        }
    }

    /// That there is nothing is no trouble; that a link leads to nothing is one.
    fn missing(&mut self, what: What, pattern: &Pattern, led: Option<&LinkMet>, missing: &str) {
        if let Some(link) = led.filter(|link| link.path == *pattern.base()) {
            let target = shown(&link.target);
            self.trouble(
                what,
                format!("{} is a link to {target}, not read: {missing} is not there", link.path),
            );
        }
    }

    fn matched(&mut self, what: What, found: Match) {
        if What::at(&found.spot.path, self.audit_log) != Some(what) {
            return;
        }
        match found.met.kind {
            FileType::RegularFile => self.take(what, &found),
            FileType::Symlink => self.links.push((what, found)),
            // /var/log/syslog-ng is another program's.
            FileType::Directory if !self.is_in_its_place(&found.spot.path) => {}
            _ => {
                self.trouble(what, format!("{} is {}, not read", found.spot.path, found.met.kind_in_words()))
            }
        }
    }

    /// Whether a log is called so itself, and not one that was rotated or is called alike.
    fn is_in_its_place(&self, path: &HostPath) -> bool {
        let is_it = |pattern: &str| pattern.trim_end_matches('*').as_bytes() == path.as_bytes();
        path == self.audit_log || PLACES.iter().any(|(_, pattern)| is_it(pattern))
    }

    /// What a link leads to, below the root, where its owner made it.
    fn behind(&mut self, what: What, link: &Match) {
        for found in self.host.walk(&Pattern::exactly(&link.spot.path), Wanted::Everything, true) {
            match found {
                Found::Match(found) if found.met.kind == FileType::RegularFile => self.take(what, &found),
                Found::Match(found) => {
                    self.unread(what, link, format!("that is {}", found.met.kind_in_words()))
                }
                other => self.not_followed(what, link, other),
            }
        }
    }

    /// Folders of journals that are links: journald's own readers follow these too (sd-journal(3)).
    fn linked_folders(&mut self) {
        for pattern in JOURNALS.into_iter().filter_map(|pattern| Pattern::new(pattern).ok()) {
            for found in self.host.walk(&pattern, Wanted::Files, true) {
                match found {
                    Found::Match(link) if link.met.kind == FileType::Symlink => self.folder_behind(&link),
                    // The patterns of the files in them tell of everything else.
                    _ => {}
                }
            }
        }
    }

    fn folder_behind(&mut self, link: &Match) {
        let path = &link.spot.path;
        for found in self.host.walk(&Pattern::exactly(path), Wanted::Everything, true) {
            match found {
                Found::Match(found) if found.met.kind == FileType::Directory => {
                    if let Ok(files) = Pattern::new("/*.journal*") {
                        self.pattern(What::Journal, &files.under(path));
                    }
                }
                // Files are known by their own names.
                Found::Match(_) => {}
                other => self.not_followed(What::Journal, link, other),
            }
        }
    }

    fn not_followed(&mut self, what: What, link: &Match, found: Found) {
        match found {
            Found::Match(_) | Found::Led(_) => {}
            Found::Trouble(_, trouble) => self.unread(what, link, trouble),
            Found::LeftOut(place, _) | Found::TooDeep(place) | Found::OverAllowance(place) => {
                self.unread(what, link, format!("{} is not entered", place.path));
            }
        }
    }

    fn unread(&mut self, what: What, link: &Match, why: impl Display) {
        let target = link.target.as_deref().map_or_else(|| "what is not known".to_owned(), shown);
        self.trouble(what, format!("{} is a link to {target}, not read: {why}", link.spot.path));
    }

    fn trouble(&mut self, what: What, words: String) {
        self.troubles.insert((what, words));
    }

    fn take(&mut self, what: What, found: &Match) {
        let (path, real, stat) = (&found.spot.path, &found.spot.real, &found.met.stat);
        // Two patterns may find the same file, /var/run is a link to /run, and a log may have links to it.
        if self.files.contains(real) {
            return;
        }
        self.logs.push(Log {
            number: 0,
            what,
            name: path.to_string(),
            path: Some(path.clone()),
            size: stat.size,
            modified: Some(stat.mtime),
            entry: None,
            first: None,
            table: None,
            at: self.files.len(),
        });
        self.files.push(real.clone());
    }
}

impl Reads for Root {
    fn read(&self, at: usize, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Failure> {
        let Some(path) = self.files.get(at) else { return Ok(()) };
        let located = self.host.locate(path, false)?;
        let mut reading = self.host.read(&located.spot, u64::MAX)?;
        loop {
            match reading.glimpse()? {
                Glimpse::Opened(_) => {}
                Glimpse::Other(met) => {
                    return Err(Failure::new(format!("{path} is {}, not a file", met.kind_in_words())));
                }
                Glimpse::Bytes(bytes) if each(&bytes).is_break() => return Ok(()),
                Glimpse::Bytes(_) => {}
                Glimpse::Done(end) => {
                    return match end.hole {
                        Some(at) => Err(Failure::new(format!(
                            "{path} is a hole from byte {at} on; it was not read further"
                        ))),
                        None => Ok(()),
                    };
                }
                Glimpse::Failed(errno, _) => {
                    return Err(Failure::new(Trouble::from_errno(errno, path.to_string())));
                }
            }
        }
    }
}
