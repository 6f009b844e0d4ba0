//! Files that are held open before they are read, so that a rotation cannot take them away in between.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rustix::fs::{SeekFrom, seek};

use super::file::{AHEAD, Glimpse, Opened, Reading, open_regular, pour};
use super::mounts::MountTable;
use super::patience::{NoAnswer, Patience};
use super::place::Spot;
use super::stat::{self, Met};
use super::{Host, Trouble};
use crate::path::HostPath;

/// A regular file that is open, whatever becomes of its name.
pub struct Held {
    /// Always there but while it is dropped.
    pub(super) file: Option<Arc<OwnedFd>>,
    real: HostPath,
    patience: Patience,
    mounts: Arc<MountTable>,
    /// What it was when it was opened.
    pub met: Met,
}

/// Closing a file can hang as reading it can: FUSE and NFS ask their server then. It is waited for once, so that not every
/// file of a mount leaves a reader behind.
impl Drop for Held {
    fn drop(&mut self) {
        let file = self.file.take();
        // Without a reader it is closed here.
        let Ok(closed) = self.patience.begin(move || drop(file)) else { return };
        let is_dead = self.mounts.keep_away_from(&self.real).is_some();
        if !is_dead && self.patience.await_one(&closed) == Err(NoAnswer::Hung) {
            self.mounts.declare_dead(&self.real);
        }
    }
}

/// What lay at a name.
pub enum Holding {
    /// A regular file.
    File(Held),
    /// Something else, which was not opened.
    Other(Met),
}

impl Host {
    /// Opens what lies at `spot` now, if it is a regular file, and reads nothing of it yet. A name that nothing lies at any
    /// more is [`Trouble::Missing`].
    pub fn hold(&self, spot: &Spot) -> Result<Holding, Trouble> {
        self.may_ask(&spot.real)?;
        let (folder, name) = (Arc::clone(&spot.folder), spot.name.clone());
        let footprint = Arc::clone(self.footprint());
        let opened = self
            .patience()
            .ask(move || open_regular(&folder, &name, &footprint))
            .map_err(|none| self.no_answer(none, &spot.real))?;
        match opened {
            Ok(Opened::File(file, met)) => {
                let (real, patience, mounts) =
                    (spot.real.clone(), self.patience().clone(), Arc::clone(self.mounts()));
                Ok(Holding::File(Held { file: Some(Arc::new(file)), real, patience, mounts, met }))
            }
            Ok(Opened::Other(met)) => Ok(Holding::Other(met)),
            Err((errno, _)) => Err(Trouble::from_errno(errno, spot.path.to_string())),
        }
    }

    /// Begins to read a file that was opened at `spot` from its beginning, at most `limit` bytes of it: as long as it is now.
    pub fn read_held<'h>(&'h self, held: &Held, spot: &Spot, limit: u64) -> Result<Reading<'h>, Trouble> {
        self.may_ask(&spot.real)?;
        let (glimpse, glimpses) = sync_channel(AHEAD);
        let (file, footprint) = (held.file.clone(), Arc::clone(self.footprint()));
        let started = self.patience().start(move || {
            let Some(file) = file else { return };
            let read = seek(&*file, SeekFrom::Start(0))
                .and_then(|_| stat::of(&*file))
                .map_err(|errno| (errno, "examine"))
                .and_then(|now| pour(&file, now, limit, &footprint, &glimpse));
            if let Err((errno, doing)) = read {
                let _ = glimpse.send(Glimpse::Failed(errno, doing));
            }
        });
        match started {
            Ok(()) => Ok(Reading::by_path(self, spot.real.clone(), glimpses)),
            Err(_) => Err(self.no_answer(NoAnswer::Gone, &spot.real)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;

    #[test]
    fn what_is_held_is_read_as_long_as_it_is_then_whatever_became_of_its_name() {
        let (dir, host) = host_with(&[("/log", b"one\n")]);
        let spot = host.locate(&HostPath::new("/log").unwrap(), false).unwrap().spot;
        let Holding::File(held) = host.hold(&spot).unwrap() else { panic!() };
        let name = dir.path().join("log");
        std::io::Write::write_all(&mut std::fs::File::options().append(true).open(&name).unwrap(), b"two\n")
            .unwrap();
        std::fs::remove_file(&name).unwrap();
        std::fs::write(&name, b"another\n").unwrap();
        let mut reading = host.read_held(&held, &spot, u64::MAX).unwrap();
        let mut bytes = Vec::new();
        while let Ok(glimpse) = reading.glimpse() {
            match glimpse {
                Glimpse::Opened(met) => assert_eq!(met.stat.size, 8),
                Glimpse::Bytes(more) => bytes.extend(more),
                _ => break,
            }
        }
        assert_eq!(bytes, b"one\ntwo\n");
    }

    #[test]
    fn only_files_can_be_held() {
        let (dir, host) = host_with(&[]);
        let spot = |name: &str| host.locate(&HostPath::new(name).unwrap(), false).unwrap().spot;
        assert!(matches!(host.hold(&spot("/none")), Err(Trouble::Missing(_))));
        std::os::unix::fs::symlink("none", dir.path().join("link")).unwrap();
        assert!(matches!(host.hold(&spot("/link")), Ok(Holding::Other(_))));
    }
}
