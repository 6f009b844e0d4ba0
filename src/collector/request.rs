//! What the person at the keyboard asked for, and what follows from it: the part of a run that collectors see.

use std::path::PathBuf;

use super::{Profile, phi};
use crate::case::{BundleKind, Case, Line};
use crate::config::LoadedConfig;
use crate::custody::entry::{Base64, Window};
use crate::custody::plan::{Limits, NamedRoot};
use crate::custody::seal::{Recipient, Tool};
use crate::host::Host;
use crate::path::HostPath;

/// Everything that was asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The bundle's id.
    pub id: String,
    /// What kind of bundle.
    pub kind: BundleKind,
    /// The case.
    pub case: Case,
    /// Who collects.
    pub examiner: Option<Line>,
    /// On whose authority.
    pub authority: Option<Line>,
    /// Why.
    pub reason: Option<Line>,
    /// What a person read off another clock at the start.
    pub clock_reference: Option<Line>,
    /// How much.
    pub profile: Profile,
    /// Only these collectors.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// Paths that were pointed at.
    pub also: Vec<HostPath>,
    /// The window of interest.
    pub window: Window,
    /// The folders that hold PHI.
    pub phi_roots: Vec<PhiRoot>,
    /// Why the audit rules could not all be read, if that is so.
    pub rules_unread: Option<String>,
    /// How many more folders the audit rules watch than are taken for PHI.
    pub phi_roots_left: usize,
    /// The audit keys that belong to them.
    pub phi_keys: Vec<Vec<u8>>,
    /// How many more keys there are than are asked for.
    pub phi_keys_left: usize,
    /// The content of PHI files is taken.
    pub include_content: bool,
    /// The environment of processes is taken.
    pub environ: bool,
    /// Host programs are run.
    pub tools: bool,
    /// What the run is limited by.
    pub limits: Limits,
    /// The program.
    pub tool: Tool,
    /// Who can open the bundle.
    pub recipients: Vec<Recipient>,
    /// The config that was read, if there is one.
    pub config: Option<LoadedConfig>,
    /// Where the bundle goes; none for a pipe.
    pub output: Option<PathBuf>,
    /// The arguments of this program. Secrets never stand among them.
    pub argv: Vec<Vec<u8>>,
}

/// A folder that holds PHI, and how it became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhiRoot {
    /// The folder.
    pub path: HostPath,
    /// Where it really lies, without links; its path, where that could not be told.
    pub real: HostPath,
    /// Where else it is: behind links, and under other mounts of the same file system.
    pub also: Vec<HostPath>,
    /// `argument`, `config`, or the rules file that watches it.
    pub origin: String,
    /// The audit keys of the watches that touch it, in force or only on disk.
    pub keys: Vec<Vec<u8>>,
}

impl PhiRoot {
    /// A folder of a host.
    pub fn new(host: &Host, path: HostPath, origin: impl Into<String>) -> PhiRoot {
        let real = host.locate(&path, true).map_or_else(|_| path.clone(), |located| located.spot.real);
        let mut also = host.mounts().aliases(&real);
        // What is mounted below it is PHI wherever else it is mounted. But nobody who binds `/`, or the logs, into such a
        // folder can make them something that is not taken.
        let of_mounts = host.mounts().aliases_of_mounts_below(&real);
        also.extend(of_mounts.into_iter().filter(|other| !phi::holds_system(other)));
        also.push(real.clone());
        also.retain(|other| *other != path);
        also.sort();
        also.dedup();
        PhiRoot { path, real, also, origin: origin.into(), keys: Vec::new() }
    }

    /// As the plan has it.
    pub fn named(&self) -> NamedRoot {
        NamedRoot {
            display: self.path.to_string(),
            path_b64: Base64(self.path.as_bytes().to_vec()),
            also_b64: self.also.iter().map(|path| Base64(path.as_bytes().to_vec())).collect(),
            origin: self.origin.clone(),
        }
    }
}

impl Request {
    /// Every path below which PHI lies: the PHI folders as they are called, and where they really are.
    pub fn phi_places(&self) -> Vec<HostPath> {
        let mut places: Vec<HostPath> =
            self.phi_roots.iter().flat_map(|root| root.also.iter().chain([&root.path]).cloned()).collect();
        places.sort();
        places.dedup();
        places
    }

    /// The PHI folders' paths.
    pub fn phi_paths(&self) -> Vec<HostPath> {
        self.phi_roots.iter().map(|root| root.path.clone()).collect()
    }
}
