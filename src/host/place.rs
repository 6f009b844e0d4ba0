//! From a path to a place: a folder that is held open, and a name in it.
//!
//! The way is walked component by component, so that no kernel is too old for it and nobody can swap a folder for
//! a link behind our back. A link on the way is followed only if root made it, as `/var/run` or
//! `/var/log -> /data/log`, or the kernel itself, as `/proc/net`; every such link is told. Links never lead out of the
//! examined root.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::mounts::{KeepOut, MountTable};
use super::own_namespaces::{Owner, TrustedOwners};
use super::patience::NoAnswer;
use super::stat;
use super::{Host, Trouble};
use crate::custody::entry::FileStat;
use crate::path::HostPath;

/// How many links one path may lead over, as in the kernel.
const LINK_LIMIT: usize = 40;

/// How many folders of a way are held open, the last ones; a path may go through any number of them.
const HELD_OPEN: usize = 64;

/// A name in a folder that is held open.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The folder.
    pub folder: Arc<OwnedFd>,
    /// The name in it; `.` for the folder itself.
    pub name: Vec<u8>,
    /// The path as it was asked for.
    pub path: HostPath,
    /// The same without links: where it really lies.
    pub real: HostPath,
}

/// A path as it was asked for, and where it really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As it was asked for.
    pub path: HostPath,
    /// Without links.
    pub real: HostPath,
}

impl Place {
    /// A path that no link leads to.
    pub fn plain(path: &HostPath) -> Place {
        Place { path: path.clone(), real: path.clone() }
    }
}

impl Spot {
    /// Its path, and where it really is.
    pub fn place(&self) -> Place {
        Place { path: self.path.clone(), real: self.real.clone() }
    }
}

/// A link that was followed, or met.
#[derive(Clone, Debug)]
pub struct LinkMet {
    /// Where it lies.
    pub path: HostPath,
    /// What it points to.
    pub target: Vec<u8>,
    /// Its metadata.
    pub stat: FileStat,
}

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Located {
    /// The folder and name.
    pub spot: Spot,
    /// The links that were followed.
    pub links: Vec<LinkMet>,
}

impl Host {
    /// Where `path` leads. With `follow_last` a trusted link at its very end is followed as well.
    pub fn locate(&self, path: &HostPath, follow_last: bool) -> Result<Located, Trouble> {
        let (links, spot) = self.trace(path, follow_last);
        Ok(Located { spot: spot?, links })
    }

    /// The same, with the links that were followed even where the way then ends in nothing.
    pub fn trace(&self, path: &HostPath, follow_last: bool) -> (Vec<LinkMet>, Result<Spot, Trouble>) {
        if let Err(closed) = self.may_ask(path) {
            return (Vec::new(), Err(closed));
        }
        let at = Arc::new(Mutex::new(path.clone()));
        let walker = Walker {
            root: Arc::clone(self.root()),
            mounts: Arc::clone(self.mounts()),
            trusted: self.trusted_owners(),
            asked: path.clone(),
            at: Arc::clone(&at),
            links: Vec::new(),
            follow_last,
        };
        match self.patience().ask(move || walker.walk()) {
            Ok(traced) => traced,
            // What does not answer need not lie on the mount of what was asked for: a link may have led there.
            Err(no_answer) => {
                let place = at.lock().unwrap_or_else(PoisonError::into_inner).clone();
                (Vec::new(), Err(self.no_answer(no_answer, &place)))
            }
        }
    }

    /// Whether anything at `path` may be asked for.
    pub fn may_ask(&self, path: &HostPath) -> Result<(), Trouble> {
        refuse(self.mounts().keep_away_from(path), path)
    }

    /// What it means that the kernel gave no answer about something that lies on no mount.
    pub fn no_answer_from_kernel(&self, no_answer: NoAnswer, place: &str) -> Trouble {
        self.unanswered(no_answer, place, place)
    }

    /// The same; it is `blamed` that does not answer.
    fn unanswered(&self, no_answer: NoAnswer, place: &str, blamed: &str) -> Trouble {
        match no_answer {
            NoAnswer::Hung => {
                self.leave_behind_at(blamed);
                Trouble::Hung(place.to_owned(), self.patience().deadline().as_secs())
            }
            NoAnswer::Stopped => {
                self.leave_behind_at(blamed);
                Trouble::Stopped(place.to_owned())
            }
            NoAnswer::Gone => {
                let words = "the reader ended without an answer";
                Trouble::Io(place.to_owned(), std::io::Error::other(words))
            }
        }
    }

    /// What it means that a reader gave no answer about `path`.
    pub fn no_answer(&self, no_answer: NoAnswer, path: &HostPath) -> Trouble {
        if no_answer == NoAnswer::Hung {
            self.mounts().declare_dead(path);
        }
        let blamed = self.mounts().blamed_for(path);
        self.unanswered(no_answer, &path.to_string(), &blamed.to_string())
    }
}

fn refuse(why: Option<KeepOut>, path: &HostPath) -> Result<(), Trouble> {
    match why {
        None | Some(KeepOut::Pseudo) => Ok(()),
        Some(KeepOut::Dead) => Err(Trouble::DeadMount(path.to_string())),
        Some(KeepOut::Network) => Err(Trouble::NetworkMount(path.to_string())),
    }
}

/// Whether the last name of a path is a link. An audit watch has every opening recorded, `O_PATH` or not, and metadata
/// never: so that asking where a PHI folder lies leaves no trace in the log that is yet to be sealed.
fn is_link(folder: &OwnedFd, name: &[u8], here: &HostPath) -> Result<bool, Trouble> {
    let met = stat::at(folder, name).map_err(|errno| Trouble::from_errno(errno, here.to_string()))?;
    Ok(met.kind == FileType::Symlink)
}

/// Whether a link was made by the kernel and leads on within procfs, as `/proc/net -> self/net`. Where those lead that
/// begin at the root (`/proc/PID/cwd`, `exe`, `fd/3`), whoever runs the process has chosen.
fn is_of_kernel(link: &OwnedFd, target: &[u8]) -> bool {
    let on_procfs = || fs::fstatfs(link).is_ok_and(|met| met.f_type == fs::PROC_SUPER_MAGIC);
    target.first() != Some(&b'/') && on_procfs()
}

struct Walker {
    root: Arc<OwnedFd>,
    mounts: Arc<MountTable>,
    trusted: TrustedOwners,
    asked: HostPath,
    /// Where it is, for whoever waits in vain.
    at: Arc<Mutex<HostPath>>,
    links: Vec<LinkMet>,
    follow_last: bool,
}

impl Walker {
    fn walk(mut self) -> (Vec<LinkMet>, Result<Spot, Trouble>) {
        let spot = self.find();
        (self.links, spot)
    }

    fn find(&mut self) -> Result<Spot, Trouble> {
        let mut way = Way::from(Arc::clone(&self.root));
        let mut ahead: VecDeque<Vec<u8>> = self.asked.components().map(<[u8]>::to_vec).collect();
        while let Some(name) = ahead.pop_front() {
            if name == b".." {
                way.up()?;
                continue;
            }
            let (folder, here) = (way.folder(), way.at.join(&name));
            // Before anything on it is touched: what is mounted here may not answer.
            refuse(self.mounts.keep_out_of(&here), &here)?;
            self.at.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&here);
            let last = ahead.is_empty();
            if last && !(self.follow_last && is_link(&folder, &name, &here)?) {
                return Ok(self.found(folder, name, here));
            }
            let fd = self.open(&folder, &name, &here)?;
            let met = stat::of(&fd).map_err(|errno| Trouble::from_errno(errno, here.to_string()))?;
            match met.kind {
                FileType::Symlink => {
                    let link = self.follow(&fd, met.stat, here, &mut way, &mut ahead)?;
                    self.links.push(link);
                    if self.links.len() > LINK_LIMIT {
                        return Err(Trouble::from_errno(Errno::LOOP, self.asked.to_string()));
                    }
                }
                // It was a link when it was examined.
                _ if last => return Ok(self.found(folder, name, here)),
                FileType::Directory => way.down(fd, here),
                _ => return Err(Trouble::OtherType(here.to_string(), "not a folder")),
            }
        }
        // The root itself, or a link that ended in a folder's own name ("." or "..").
        Ok(self.found(way.folder(), b".".to_vec(), way.at))
    }

    fn found(&self, folder: Arc<OwnedFd>, name: Vec<u8>, real: HostPath) -> Spot {
        Spot { folder, name, path: self.asked.clone(), real }
    }

    fn open(&self, folder: &OwnedFd, name: &[u8], here: &HostPath) -> Result<OwnedFd, Trouble> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(folder, name, flags, Mode::empty())
            .map_err(|errno| Trouble::from_errno(errno, here.to_string()))
    }

    fn follow(
        &self,
        link: &OwnedFd,
        stat: FileStat,
        here: HostPath,
        way: &mut Way,
        ahead: &mut VecDeque<Vec<u8>>,
    ) -> Result<LinkMet, Trouble> {
        let target = fs::readlinkat(link, c"", Vec::new())
            .map_err(|errno| Trouble::from_errno(errno, here.to_string()))?
            .into_bytes();
        match self.trusted.judge(stat.uid) {
            Owner::Trusted => {}
            Owner::Unknown | Owner::Untrusted if is_of_kernel(link, &target) => {}
            Owner::Unknown => return Err(Trouble::UnknownOwner(here.to_string())),
            Owner::Untrusted => return Err(Trouble::UntrustedLink(here.to_string())),
        }
        if target.first() == Some(&b'/') {
            way.back_to_root();
        }
        let components = target.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
        for component in components.rev() {
            ahead.push_front(component.to_vec());
        }
        Ok(LinkMet { path: here, target, stat })
    }
}

/// The folder that a walk has come to, and as many of those above it as are held open.
struct Way {
    root: Arc<OwnedFd>,
    /// Where it is, without links.
    at: HostPath,
    /// The last of them; none of them at the root.
    open: VecDeque<Arc<OwnedFd>>,
}

impl Way {
    fn from(root: Arc<OwnedFd>) -> Way {
        Way { root, at: HostPath::root(), open: VecDeque::new() }
    }

    fn folder(&self) -> Arc<OwnedFd> {
        Arc::clone(self.open.back().unwrap_or(&self.root))
    }

    fn back_to_root(&mut self) {
        self.open.clear();
        self.at = HostPath::root();
    }

    fn down(&mut self, folder: OwnedFd, at: HostPath) {
        if self.open.len() >= HELD_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Arc::new(folder));
        self.at = at;
    }

    /// As at the kernel's own root, there is nothing above the examined one.
    fn up(&mut self) -> Result<(), Trouble> {
        self.at = self.at.parent();
        self.open.pop_back();
        if self.open.is_empty() && self.at != HostPath::root() {
            // It was closed to make room for those below it. None of its names was a link.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let step = |folder: Option<OwnedFd>, name: &[u8]| match &folder {
                None => fs::openat(&self.root, name, flags, Mode::empty()).map(Some),
                Some(folder) => fs::openat(folder, name, flags, Mode::empty()).map(Some),
            };
            let again = self.at.components().try_fold(None, step);
            let again = again.map_err(|errno| Trouble::from_errno(errno, self.at.to_string()))?;
            self.open.extend(again.map(Arc::new));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;
    use std::os::unix::fs::{lchown, symlink};

    fn path(text: &str) -> HostPath {
        HostPath::new(text).unwrap()
    }

    #[test]
    fn a_trusted_link_on_the_way_is_followed_and_told_and_stays_inside() {
        let (dir, host) = host_with(&[("/data/log/auth.log", b"x"), ("/etc/passwd", b"inside")]);
        std::fs::create_dir(dir.path().join("var")).unwrap();
        symlink("/data/log", dir.path().join("var/log")).unwrap();
        symlink("../../../../../../etc/passwd", dir.path().join("data/up")).unwrap();
        let located = host.locate(&path("/var/log/auth.log"), false).unwrap();
        assert_eq!(located.spot.real, path("/data/log/auth.log"));
        assert_eq!(located.spot.path, path("/var/log/auth.log"));
        assert_eq!((located.links.len(), located.links[0].target.as_slice()), (1, &b"/data/log"[..]));
        assert_eq!(host.locate(&path("/data/up"), true).unwrap().spot.real, path("/etc/passwd"));
        assert_eq!(host.locate(&path("/data/up"), false).unwrap().spot.real, path("/data/up"));
    }

    #[test]
    fn a_link_that_somebody_else_made_is_not_followed() {
        let (dir, host) = host_with(&[("/etc/shadow", b"secret")]);
        symlink("/etc", dir.path().join("home")).unwrap();
        if lchown(dir.path().join("home"), Some(4242), None).is_err() {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"SKIPPED: only root can give a link to somebody else\n",
            );
            return;
        }
        assert!(matches!(host.locate(&path("/home/shadow"), false), Err(Trouble::UntrustedLink(_))));
    }

    #[test]
    fn links_of_the_kernel_s_own_are_told_from_those_that_somebody_chose() {
        let open = |path: &str| {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::open(path, flags, Mode::empty()).unwrap()
        };
        let judge = |path: &str| {
            let target = std::fs::read_link(path).unwrap();
            is_of_kernel(&open(path), std::os::unix::ffi::OsStrExt::as_bytes(target.as_os_str()))
        };
        assert!(judge("/proc/net") && judge("/proc/self") && judge("/proc/mounts"));
        assert!(!judge("/proc/self/cwd") && !judge("/proc/self/exe"));
        let dir = tempfile::tempdir().unwrap();
        symlink("self/net", dir.path().join("net")).unwrap();
        assert!(!judge(dir.path().join("net").to_str().unwrap()));
    }

    #[test]
    fn a_way_through_more_folders_than_are_held_open_goes_up_again() {
        let (dir, host) = host_with(&[("/top", b"here")]);
        let below = "/d".repeat(HELD_OPEN * 2);
        let lowest = dir.path().join(below.trim_start_matches('/'));
        std::fs::create_dir_all(&lowest).unwrap();
        let up = "../".repeat(HELD_OPEN * 2);
        symlink(format!("{up}top"), lowest.join("link")).unwrap();
        let links = |path: &str| host.locate(&HostPath::new(path).unwrap(), true);
        assert_eq!(links(&format!("{below}/link")).unwrap().spot.real, path("/top"));
        let up = "../".repeat(HELD_OPEN + 3);
        symlink(format!("{up}d"), lowest.join("some")).unwrap();
        let expected = "/d".repeat(HELD_OPEN - 2);
        assert_eq!(links(&format!("{below}/some")).unwrap().spot.real, path(&expected));
    }

    #[test]
    fn loops_and_files_on_the_way_are_troubles_with_names() {
        let (dir, host) = host_with(&[("/file", b"")]);
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert!(matches!(host.locate(&path("/a/x"), false), Err(Trouble::Io(..))));
        assert!(matches!(host.locate(&path("/file/x"), false), Err(Trouble::OtherType(..))));
        assert!(matches!(host.locate(&path("/none/x"), false), Err(Trouble::Missing(_))));
        assert_eq!(host.locate(&HostPath::root(), true).unwrap().spot.name, b".");
    }
}
