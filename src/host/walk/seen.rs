//! What a walk comes across, as it lies in the memory of the walk.

use rustix::io::Errno;

use super::examine::{Folder, Sighting};
use super::{Found, Match, Untold};
use crate::host::extended::Names;
use crate::host::place::Spot;
use crate::host::stat::Met;

/// The next thing of a walk.
pub enum Sight<'a> {
    /// Something that matches.
    Seen(Seen<'a>),
    /// Anything else; never a match.
    Other(Found),
}

/// Something that matches a pattern.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    at: At<'a>,
    /// What it is.
    pub met: &'a Met,
    /// Where a link points.
    pub target: Option<&'a [u8]>,
    /// Why that is not known, although it was to be asked for.
    pub target_missing: Option<Untold>,
    /// The names of its extended attributes, where they were asked for.
    pub extended: Option<&'a Result<Names, Errno>>,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Spot(&'a Spot),
    In(&'a Folder, &'a [u8]),
}

impl<'a> Seen<'a> {
    pub(super) fn of(folder: &'a Folder, name: &'a [u8], sighting: &'a Sighting) -> Seen<'a> {
        Seen {
            at: At::In(folder, name),
            met: &sighting.met,
            target: sighting.target.as_deref(),
            target_missing: sighting.target_missing,
            extended: sighting.extended.as_ref(),
        }
    }

    /// Puts the bytes of its path into `path`, in place of what is there.
    pub fn write_path(&self, path: &mut Vec<u8>) {
        path.clear();
        match self.at {
            At::Spot(spot) => path.extend_from_slice(spot.path.as_bytes()),
            At::In(folder, name) => {
                path.extend_from_slice(folder.path.as_bytes());
                if path.last() != Some(&b'/') {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
            }
        }
    }

    /// Where it is, to be opened.
    pub fn spot(&self) -> Spot {
        match self.at {
            At::Spot(spot) => spot.clone(),
            At::In(folder, name) => folder.spot(name),
        }
    }
}

impl Match {
    /// The same, to be looked at.
    pub fn seen(&self) -> Seen<'_> {
        Seen {
            at: At::Spot(&self.spot),
            met: &self.met,
            target: self.target.as_deref(),
            target_missing: self.target_missing,
            extended: self.extended.as_ref(),
        }
    }
}
