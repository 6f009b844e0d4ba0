//! Network namespaces: each has its own sockets, routes and packet filter, and what one shows the others hide.
//!
//! They are found through the processes that are in them, through descriptors that keep them open, and through mounts
//! of theirs (`/run/netns`, container runtimes). One that only another mount namespace or a thread holds is not found.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::processes::ProcessFolder;
use super::{Host, Trouble};
use crate::path::HostPath;
use crate::records::mounts;

/// Descriptors of one process that are looked at, at most.
const DESCRIPTORS: usize = 1 << 20;

/// Namespaces that are entered at most.
const NAMESPACES: usize = 4096;

/// Bytes of a table of /proc/net at most, where it is read for a namespace.
pub const TABLE_LIMIT: usize = 8 << 20;

/// One network namespace.
#[derive(Clone, Debug)]
pub struct NetworkNamespace {
    /// Its number, as in `net:[4026531840]`.
    pub inode: u64,
    /// Whether it is the one that we run in.
    pub own: bool,
    /// Where it is mounted.
    pub paths: Vec<HostPath>,
    /// The processes in it, ascending.
    pub processes: Vec<u32>,
    /// Processes outside that keep it open, by number and descriptor.
    pub held_by: Vec<(u32, u32)>,
    door: Arc<OwnedFd>,
}

/// A descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketDescriptor {
    /// The socket's number.
    pub inode: u64,
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
}

/// What one look through all processes shows of the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkScan {
    /// The namespaces, our own first, then by number.
    pub namespaces: Vec<NetworkNamespace>,
    /// Who holds which socket, by pid and descriptor.
    pub sockets: Vec<SocketDescriptor>,
    /// Processes that did not let us look, with why; those that were gone are not among them.
    pub unseen: Vec<(u32, String)>,
    /// Processes that were gone when they were looked at.
    pub vanished: u64,
    /// Namespaces, descriptors or processes that were left out because there are too many, or did not open.
    pub left_out: Vec<String>,
}

/// What one process shows.
struct Glance {
    namespace: Option<u64>,
    door: Option<OwnedFd>,
    sockets: Vec<SocketDescriptor>,
    /// Namespaces that it keeps open: number, descriptor, and the namespace.
    keeps: Vec<(u64, u32, Result<OwnedFd, Errno>)>,
    refused: Option<Errno>,
    cut: bool,
}

/// Does `work` in a namespace, on a thread that ends with it; or, for our own, here.
pub fn within<T: Send + 'static>(
    namespace: Option<&NetworkNamespace>,
    work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
) -> Result<T, Errno> {
    let Some(namespace) = namespace.filter(|namespace| !namespace.own) else { return work() };
    let door = Arc::clone(&namespace.door);
    let entering = std::thread::Builder::new().name("namespace".into()).spawn(move || {
        move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))?;
        work()
    });
    match entering.map(std::thread::JoinHandle::join) {
        Ok(Ok(done)) => done,
        Ok(Err(_)) | Err(_) => Err(Errno::AGAIN),
    }
}

impl Host {
    /// Looks through all processes once, for the sockets that they hold and the namespaces that they are in.
    pub fn scan_network(&self) -> Result<NetworkScan, Trouble> {
        let own = number_of(
            &fs::readlink("/proc/self/ns/net", Vec::new()).map_or(Vec::new(), |link| link.into_bytes()),
        );
        let mut scan = NetworkScan::default();
        let mut found: BTreeMap<u64, NetworkNamespace> = BTreeMap::new();
        let each = |pid, glance: Result<Glance, Trouble>| {
            match glance {
                Ok(glance) => scan.note(pid, glance, &mut found),
                Err(Trouble::Vanished(_)) => scan.vanished += 1,
                Err(trouble) => scan.unseen.push((pid, trouble.to_string())),
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.each_process(self.pids()?, glance, each);
        scan.note_mounted(&mut found);
        scan.namespaces = found.into_values().collect();
        for namespace in &mut scan.namespaces {
            namespace.own = Some(namespace.inode) == own;
        }
        scan.namespaces.sort_by_key(|namespace| (!namespace.own, namespace.inode));
        if scan.namespaces.len() > NAMESPACES {
            scan.left_out.push(format!("{} network namespaces", scan.namespaces.len() - NAMESPACES));
            scan.namespaces.truncate(NAMESPACES);
        }
        Ok(scan)
    }

    /// The namespaces as the first scan of this run found them.
    pub fn network(&self) -> Result<Arc<NetworkScan>, Trouble> {
        if let Some(scan) = self.network.get() {
            return Ok(Arc::clone(scan));
        }
        let scan = Arc::new(self.scan_network()?);
        Ok(Arc::clone(self.network.get_or_init(|| scan)))
    }
}

impl Host {
    /// The text of a table below /proc/net as it is in `namespace`, or in our own: a folder that shows to each thread
    /// the namespace that it is in. Longer ones than [`TABLE_LIMIT`] are an error.
    pub fn network_table(
        &self,
        namespace: Option<&NetworkNamespace>,
        name: &str,
    ) -> Result<Vec<u8>, Trouble> {
        let place = format!("/proc/net/{name}");
        if !self.is_live() {
            return Err(Trouble::Missing(place));
        }
        let path = format!("/proc/thread-self/net/{name}");
        let text = within(namespace, move || {
            let file = fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
            read_table(file)
        });
        text.map_err(|errno| Trouble::from_errno(errno, place))
    }
}

impl Host {
    /// The list of loaded modules, /proc/modules, as it is.
    pub fn modules(&self) -> Result<Vec<u8>, Trouble> {
        let place = "/proc/modules";
        if !self.is_live() {
            return Err(Trouble::Missing(place.into()));
        }
        let file = fs::open(place, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty());
        file.and_then(read_table).map_err(|errno| Trouble::from_errno(errno, place))
    }
}

fn read_table(file: OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 16 << 10];
        match rustix::io::read(&file, &mut piece) {
            Ok(0) => return Ok(text),
            Ok(count) => text.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if text.len() > TABLE_LIMIT {
            return Err(Errno::FBIG);
        }
    }
}

/// `net:[4026531840]`
fn number_of(link: &[u8]) -> Option<u64> {
    bracketed(link, b"net:[")
}

fn number_of_door(door: &OwnedFd) -> Result<u64, Errno> {
    Ok(fs::fstat(door)?.st_ino)
}

fn bracketed(link: &[u8], before: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(before)?.strip_suffix(b"]")?).ok()?.parse().ok()
}

fn glance(process: &ProcessFolder) -> Result<Glance, Errno> {
    let mut glance = Glance {
        namespace: None,
        door: None,
        sockets: Vec::new(),
        keeps: Vec::new(),
        refused: None,
        cut: false,
    };
    match process.link("ns/net") {
        Ok(link) => {
            glance.door = process.open("ns/net", OFlags::RDONLY).ok();
            // It may have gone elsewhere since the link was read.
            let entered = glance.door.as_ref().and_then(|door| number_of_door(door).ok());
            glance.namespace = entered.or_else(|| number_of(&link));
        }
        // A process that has ended and was not waited for is in no namespace any more.
        Err(Errno::NOENT) => {}
        Err(errno @ Errno::SRCH) => return Err(errno),
        Err(errno) => glance.refused = Some(errno),
    }
    match process.descriptors(DESCRIPTORS) {
        Ok((descriptors, cut)) => {
            glance.cut = cut;
            for descriptor in descriptors {
                if let Some(inode) = bracketed(&descriptor.target, b"socket:[") {
                    glance.sockets.push(SocketDescriptor { inode, pid: process.pid, fd: descriptor.fd });
                } else if let Some(inode) = number_of(&descriptor.target) {
                    let door = process.open(&format!("fd/{}", descriptor.fd), OFlags::RDONLY);
                    glance.keeps.push((inode, descriptor.fd, door));
                }
            }
        }
        Err(errno) => glance.refused = Some(errno),
    }
    Ok(glance)
}

impl NetworkScan {
    fn note(&mut self, pid: u32, glance: Glance, found: &mut BTreeMap<u64, NetworkNamespace>) {
        self.sockets.extend(glance.sockets);
        if let Some(errno) = glance.refused {
            self.unseen.push((pid, std::io::Error::from(errno).to_string()));
        }
        if glance.cut {
            self.left_out.push(format!("descriptors of process {pid} beyond the first {DESCRIPTORS}"));
        }
        match (glance.namespace, glance.door) {
            (Some(inode), Some(door)) => meet(found, inode, door).processes.push(pid),
            (Some(inode), None) => self.left_out.push(format!("network namespace {inode} of process {pid}")),
            (None, _) => {}
        }
        for (inode, fd, door) in glance.keeps {
            match door {
                Ok(door) => meet(found, inode, door).held_by.push((pid, fd)),
                Err(_) => {
                    self.left_out.push(format!("network namespace {inode}, kept open by process {pid}"))
                }
            }
        }
    }

    /// Namespaces that are mounted somewhere, as `ip netns` does it.
    fn note_mounted(&mut self, found: &mut BTreeMap<u64, NetworkNamespace>) {
        let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
        for mount in mounts::parse(&table).0 {
            let Some(inode) = mount.namespace.as_deref().and_then(number_of) else { continue };
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let door = fs::open(mount.point.as_bytes(), flags, Mode::empty());
            // Something else may be mounted over it.
            match door.and_then(|door| Ok((number_of_door(&door)?, door))) {
                Ok((number, door)) if number == inode => meet(found, inode, door).paths.push(mount.point),
                Ok(_) => self
                    .left_out
                    .push(format!("network namespace {inode} at {}, which is hidden", mount.point)),
                Err(errno) => {
                    let words = std::io::Error::from(errno);
                    self.left_out.push(format!("network namespace {inode} at {}: {words}", mount.point));
                }
            }
        }
    }
}

fn meet(found: &mut BTreeMap<u64, NetworkNamespace>, inode: u64, door: OwnedFd) -> &mut NetworkNamespace {
    found.entry(inode).or_insert_with(|| NetworkNamespace {
        inode,
        own: false,
        paths: Vec::new(),
        processes: Vec::new(),
        held_by: Vec::new(),
        door: Arc::new(door),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_and_our_own_sockets_are_found() {
        let host = Host::live(&[]).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let scan = host.scan_network().unwrap();
        let me = std::process::id();
        assert!(
            scan.namespaces[0].own && scan.namespaces[0].processes.contains(&me),
            "{:?}",
            scan.namespaces
        );
        use std::os::fd::AsRawFd as _;
        let fd = listener.as_raw_fd() as u32;
        assert!(scan.sockets.iter().any(|socket| (socket.pid, socket.fd) == (me, fd) && socket.inode > 0));
        assert_eq!(number_of(b"net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(number_of(b"net:4026531840"), None);
    }
}
