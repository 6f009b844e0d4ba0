//! The root of an examined host, such as a mounted image. Nothing is read outside of it: links are followed where the
//! root's owner made them, and never out of the root.

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
use crate::host::walk::{Found, Wanted};
use crate::host::{Host, Trouble};
use crate::path::HostPath;
use crate::term::Failure;

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
    let mut search = Search { host: &host, logs: Vec::new(), files: Vec::new(), troubles: Vec::new() };
    if let Ok(pattern) = Pattern::beside(&audit_log, "*") {
        search.pattern(What::Audit, &pattern, &audit_log);
    }
    for (what, pattern) in PLACES {
        if let Ok(pattern) = Pattern::new(pattern) {
            search.pattern(what, &pattern, &audit_log);
        }
    }
    let Search { logs, mut files, troubles, .. } = search;
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
        if evidence.logs(*what).next().is_none() {
            evidence.lack(*what, format!("{}: there is none below {}", what.words(), root.display()));
        }
    }
    Ok(evidence)
}

struct Search<'h> {
    host: &'h Host,
    logs: Vec<Log>,
    files: Vec<HostPath>,
    troubles: Vec<(What, String)>,
}

impl Search<'_> {
    fn pattern(&mut self, what: What, pattern: &Pattern, audit_log: &HostPath) {
        for found in self.host.walk(pattern, Wanted::Files, true) {
            match found {
                Found::Match(found) if found.met.kind == FileType::RegularFile => {
                    self.take(what, &found.spot.path, &found.spot.real, &found.met.stat, audit_log);
                }
                // A link at the end of a pattern leads to another of them, or elsewhere.
                Found::Match(_) | Found::Led(_) | Found::Trouble(_, Trouble::Missing(_)) => {}
                Found::Trouble(_, trouble) => self.troubles.push((what, trouble.to_string())),
                Found::LeftOut(place, _) | Found::TooDeep(place) | Found::OverAllowance(place) => {
                    self.troubles.push((what, format!("{} is not entered", place.path)));
                }
            }
        }
    }

    fn take(
        &mut self,
        what: What,
        path: &HostPath,
        real: &HostPath,
        stat: &crate::custody::entry::FileStat,
        audit_log: &HostPath,
    ) {
        // Two patterns may find the same file, and /var/run is a link to /run.
        if What::at(path, audit_log) != Some(what) || self.files.contains(real) {
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
