//! What is mounted where, and which of it a walk may enter.

mod kinds;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::custody::entry::MountFacts;
use crate::path::{HostPath, shown};
use crate::records::mounts::{self, Mount};
use kinds::{is_network, is_pseudo};

/// The mounts below the examined root, as they were when the run began.
pub struct MountTable {
    /// Those that a path can lead to.
    by_point: HashMap<HostPath, Mount>,
    /// Those that another one covers: no path leads there, and what lies in them is there all the same.
    covered: Vec<Mount>,
    /// All, with those that are covered.
    by_id: HashMap<u64, MountFacts>,
    named: RwLock<Vec<HostPath>>,
    /// Mount points; and, where no mount of its own was found, what did not answer itself.
    dead: Mutex<HashSet<HostPath>>,
    readable: bool,
    image: Option<PathBuf>,
}

/// Why a walk stays out of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepOut {
    /// On the network, or FUSE, or an automounter, and nobody named it.
    Network,
    /// It has no files of its own.
    Pseudo,
    /// It did not answer before.
    Dead,
}

impl MountTable {
    /// Reads the table of this process. Under an image only the mounts below its root count, by their path in it.
    pub fn read(image: Option<&Path>, named: &[HostPath]) -> MountTable {
        let text = std::fs::read("/proc/self/mountinfo");
        let (all, _) = mounts::parse(text.as_deref().unwrap_or_default());
        let in_sight = mounts::in_sight(&all);
        let root = image.and_then(|root| HostPath::new(root.as_os_str().as_encoded_bytes()).ok());
        let inside = all.into_iter().filter_map(|mount| match &root {
            None => Some(mount),
            Some(root) => seen_from(root, mount),
        });
        let mut by_point = HashMap::new();
        let mut by_id = HashMap::new();
        let mut covered = Vec::new();
        for mount in inside {
            by_id.insert(mount.id, facts(&mount));
            if in_sight.contains(&mount.id) {
                by_point.insert(mount.point.clone(), mount);
            } else {
                covered.push(mount);
            }
        }
        MountTable {
            by_point,
            covered,
            by_id,
            named: RwLock::new(named.to_vec()),
            dead: Mutex::default(),
            readable: text.is_ok(),
            image: image.map(Path::to_owned),
        }
    }

    /// Somebody pointed at `path`: the mount that holds it is entered.
    pub fn name(&self, path: HostPath) {
        self.named.write().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Whether the kernel's table could be read at all.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// Every mount, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Mount> {
        self.by_point.values()
    }

    /// The mount that a path lies on.
    pub fn holding(&self, path: &HostPath) -> Option<&Mount> {
        path.and_above().find_map(|at| self.by_point.get(at))
    }

    /// Where else the folder at `path` can be reached: over other mounts of the same file system. What a mount covers
    /// there counts as well.
    pub fn aliases(&self, path: &HostPath) -> Vec<HostPath> {
        let here = self.all().chain(&self.covered);
        let folders = here.filter_map(|mount| Some((mount, path.moved(&mount.point, &mount.root)?)));
        self.elsewhere(path, folders)
    }

    /// Where else that can be reached which is mounted below `path`; but for what has no files of its own.
    pub fn aliases_of_mounts_below(&self, path: &HostPath) -> Vec<HostPath> {
        let below = self.all().chain(&self.covered).filter(|mount| mount.point.is_below(path));
        let with_files = below.filter(|mount| !is_pseudo(&mount.fstype));
        self.elsewhere(path, with_files.map(|mount| (mount, mount.root.clone())))
    }

    /// Every path, but those below `path`, to one of these folders of file systems, or to something in one.
    fn elsewhere<'m>(
        &self,
        path: &HostPath,
        folders: impl Iterator<Item = (&'m Mount, HostPath)>,
    ) -> Vec<HostPath> {
        let folders: HashSet<(&[u8], HostPath)> =
            folders.map(|(mount, folder)| (mount.device.as_slice(), folder)).collect();
        let mut aliases = Vec::new();
        let mut by_root = HashMap::<(&[u8], &[u8]), Vec<&Mount>>::new();
        for other in self.all() {
            by_root.entry((&other.device, other.root.as_bytes())).or_default().push(other);
            // What is mounted there may lie in one of the folders.
            let device = other.device.as_slice();
            if folders.iter().any(|(on, folder)| *on == device && other.root.is_within(folder)) {
                aliases.push(other.point.clone());
            }
        }
        // Or the folder in what is mounted there.
        for (device, folder) in &folders {
            let others = folder.and_above().filter_map(|root| by_root.get(&(*device, root))).flatten();
            aliases.extend(others.filter_map(|other| folder.moved(&other.root, &other.point)));
        }
        aliases.retain(|alias| !alias.is_within(path));
        aliases.sort();
        aliases.dedup();
        aliases
    }

    /// What an entry says of the mount with this number.
    pub fn facts(&self, id: Option<u64>) -> Option<MountFacts> {
        self.by_id.get(&id?).cloned()
    }

    /// Whether a walk that comes to `point` must stay out, because something is mounted there.
    pub fn keep_out_of(&self, point: &HostPath) -> Option<KeepOut> {
        self.keep_out_of_bytes(point.as_bytes())
    }

    fn keep_out_of_bytes(&self, point: &[u8]) -> Option<KeepOut> {
        if point == b"/" {
            return None;
        }
        if self.dead.lock().unwrap_or_else(PoisonError::into_inner).contains(point) {
            return Some(KeepOut::Dead);
        }
        let mount = self.by_point.get(point)?;
        if is_network(&mount.fstype) && !self.is_named(mount) {
            return Some(KeepOut::Network);
        }
        is_pseudo(&mount.fstype).then_some(KeepOut::Pseudo)
    }

    fn is_named(&self, mount: &Mount) -> bool {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        named.iter().any(|named| named.is_within(&mount.point))
    }

    /// What a walk below `real` must stay out of, in no order.
    pub fn closed_below(&self, real: &HostPath) -> Vec<(HostPath, KeepOut)> {
        let dead: Vec<HostPath> =
            self.dead.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let points = self.by_point.keys().filter(|point| !dead.contains(point)).chain(&dead);
        let below = points.filter(|point| point.is_below(real));
        below.filter_map(|point| Some((point.clone(), self.keep_out_of(point)?))).collect()
    }

    /// Whether a walk at or below `real` comes to a mount that was named, and that may not answer for all that.
    pub fn may_hang_below(&self, real: &HostPath) -> bool {
        let below = self.all().filter(|mount| mount.point.is_below(real));
        below.chain(self.holding(real)).any(|mount| is_network(&mount.fstype) && self.is_named(mount))
    }

    /// Whether what lies at `path` may be asked for by name: not on a network mount that nobody named, not on one
    /// that is dead. What has no files of its own may be asked for, that is how /proc is read.
    pub fn keep_away_from(&self, path: &HostPath) -> Option<KeepOut> {
        let closed = path.and_above().filter_map(|at| self.keep_out_of_bytes(at));
        closed.into_iter().find(|why| *why != KeepOut::Pseudo)
    }

    /// The mount that holds `path` did not answer: it costs one deadline, not one for each file. The root itself is never
    /// given up, for without it there is nothing to examine: there it is `path` that is not asked again.
    pub fn declare_dead(&self, path: &HostPath) {
        let point = self.blamed_for(path);
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).insert(point);
    }

    /// What was declared dead, in order.
    pub fn dead(&self) -> Vec<HostPath> {
        let dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dead: Vec<HostPath> = dead.iter().cloned().collect();
        dead.sort();
        dead
    }

    /// What it is that does not answer where `path` does not: the mount that holds it, or on the root's own `path` itself.
    pub fn blamed_for(&self, path: &HostPath) -> HostPath {
        // It may have been mounted since the run began.
        let now = MountTable::read(self.image.as_deref(), &[]);
        let tables = [&now, self];
        let mut points = tables.iter().filter_map(|table| Some(table.holding(path)?.point.clone()));
        points.find(|point| *point != HostPath::root()).unwrap_or_else(|| path.clone())
    }
}

fn facts(mount: &Mount) -> MountFacts {
    MountFacts { fstype: shown(&mount.fstype), point: mount.point.to_string(), source: shown(&mount.source) }
}

/// A mount as it is called within an image: one below its root by its path there, the one that holds the root as `/`.
fn seen_from(root: &HostPath, mount: Mount) -> Option<Mount> {
    let top = HostPath::root();
    if let Some(point) = mount.point.moved(root, &top) {
        return Some(Mount { point, ..mount });
    }
    let within = root.moved(&mount.point, &mount.root)?;
    Some(Mount { root: within, point: top, ..mount })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str)], named: &[&str]) -> MountTable {
        let path = |text: &str| HostPath::new(text).unwrap();
        let mounts = rows.iter().zip(1..).map(|((point, fstype), id)| Mount {
            id,
            parent: 0,
            device: b"8:1".to_vec(),
            namespace: None,
            root: HostPath::root(),
            point: path(point),
            fstype: fstype.as_bytes().to_vec(),
            source: b"source".to_vec(),
        });
        let by_point: HashMap<_, _> = mounts.map(|mount| (mount.point.clone(), mount)).collect();
        MountTable {
            by_id: by_point.values().map(|mount| (mount.id, facts(mount))).collect(),
            by_point,
            covered: Vec::new(),
            named: RwLock::new(named.iter().map(|name| path(name)).collect()),
            dead: Mutex::default(),
            readable: true,
            // Nothing is mounted there, so that looking again finds nothing new.
            image: Some("/proc/self/none".into()),
        }
    }

    #[test]
    fn local_mounts_are_entered_network_ones_only_by_name() {
        let rows = [("/", "ext4"), ("/var/log", "xfs"), ("/srv/share", "nfs4"), ("/mnt/x", "fuse.sshfs")];
        let path = |text: &str| HostPath::new(text).unwrap();
        let unnamed = table(&rows, &[]);
        assert_eq!(unnamed.keep_out_of(&path("/var/log")), None);
        assert_eq!(unnamed.keep_out_of(&path("/srv/share")), Some(KeepOut::Network));
        assert_eq!(unnamed.keep_away_from(&path("/mnt/x/deep/down")), Some(KeepOut::Network));
        let named = table(&rows, &["/srv/share/phi"]);
        assert_eq!(named.keep_out_of(&path("/srv/share")), None);
        assert_eq!(named.keep_out_of(&path("/mnt/x")), Some(KeepOut::Network));
    }

    #[test]
    fn a_dead_mount_is_not_asked_again_and_the_root_never_dies() {
        let rows = [("/", "ext4"), ("/data", "ext4"), ("/proc", "proc")];
        let path = |text: &str| HostPath::new(text).unwrap();
        let table = table(&rows, &[]);
        table.declare_dead(&path("/data/a/b"));
        table.declare_dead(&path("/etc/passwd"));
        assert_eq!(table.keep_away_from(&path("/data/c")), Some(KeepOut::Dead));
        assert_eq!(table.keep_away_from(&path("/etc/passwd")), Some(KeepOut::Dead));
        let mut closed = table.closed_below(&HostPath::root());
        closed.sort_by(|a, b| a.0.cmp(&b.0));
        let dead = ["/data", "/etc/passwd"].map(|point| (path(point), KeepOut::Dead));
        assert_eq!(closed, [&dead[..], &[(path("/proc"), KeepOut::Pseudo)]].concat());
        assert_eq!(table.keep_away_from(&path("/etc/shadow")), None);
        assert_eq!(table.keep_away_from(&path("/proc/net/tcp")), None);
        assert_eq!(table.keep_out_of(&path("/proc")), Some(KeepOut::Pseudo));
    }

    #[test]
    fn an_image_has_the_mounts_within_it_and_the_one_that_holds_it() {
        let path = |text: &str| HostPath::new(text).unwrap();
        let text = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 8:2 /sub /mnt rw - ext4 /dev/sdb1 rw\n\
            23 22 8:1 /srv /mnt/image/data rw - ext4 /dev/sda1 rw\n24 21 0:5 / /dev rw - devtmpfs devtmpfs rw\n";
        let (all, _) = mounts::parse(text);
        let seen: Vec<(String, String)> = all
            .into_iter()
            .filter_map(|mount| seen_from(&path("/mnt/image"), mount))
            .map(|mount| (mount.point.to_string(), mount.root.to_string()))
            .collect();
        let expected = [("/", "/mnt/image"), ("/", "/sub/image"), ("/data", "/srv")];
        assert_eq!(seen, expected.map(|(point, root)| (point.to_owned(), root.to_owned())));
    }

    #[test]
    fn a_folder_is_found_again_under_another_mount_of_its_file_system() {
        let path = |text: &str| HostPath::new(text).unwrap();
        let mut table =
            table(&[("/", "ext4"), ("/mnt/b", "ext4"), ("/mnt/in", "ext4"), ("/data", "xfs")], &[]);
        for (point, root) in [("/mnt/b", "/srv"), ("/mnt/in", "/srv/phi/x")] {
            table.by_point.get_mut(&path(point)).unwrap().root = path(root);
        }
        table.by_point.get_mut(&path("/data")).unwrap().device = b"8:2".to_vec();
        let mut aliases: Vec<String> =
            table.aliases(&path("/srv/phi")).iter().map(HostPath::to_string).collect();
        aliases.sort();
        assert_eq!(aliases, ["/mnt/b/phi", "/mnt/in"]);
        assert!(table.aliases(&path("/data/phi")).is_empty());
    }

    #[test]
    fn a_volume_in_a_folder_and_what_a_mount_covers_are_found_elsewhere_too() {
        let path = |text: &str| HostPath::new(text).unwrap();
        let rows = [("/", "ext4"), ("/srv/phi/volume", "xfs"), ("/mnt/volume", "xfs"), ("/mnt/old", "xfs")];
        let mut table = table(&[&rows[..], &[("/proc", "proc"), ("/srv/phi/proc", "proc")]].concat(), &[]);
        let on = |table: &mut MountTable, point: &str, device: &[u8]| {
            table.by_point.get_mut(&path(point)).unwrap().device = device.to_vec();
        };
        for (point, device) in [
            ("/srv/phi/volume", b"8:2"),
            ("/mnt/volume", b"8:2"),
            ("/mnt/old", b"8:3"),
            ("/proc", b"0:5"),
            ("/srv/phi/proc", b"0:5"),
        ] {
            on(&mut table, point, device);
        }
        assert_eq!(table.aliases_of_mounts_below(&path("/srv/phi")), [path("/mnt/volume")]);
        assert!(table.aliases(&path("/srv/phi")).is_empty());
        let covered = Mount { point: path("/srv/phi"), ..table.by_point[&path("/mnt/old")].clone() };
        table.covered.push(covered);
        assert_eq!(table.aliases(&path("/srv/phi/x")), [path("/mnt/old/x")]);
    }

    #[test]
    fn the_mounts_of_this_machine_are_read() {
        let table = MountTable::read(None, &[]);
        assert!(table.is_readable());
        assert!(table.holding(&HostPath::new("/proc/self").unwrap()).is_some());
    }
}
