//! What a descriptor that leads to a socket says about it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrV4, SocketAddrV6, getpeername, getsockname, sockopt,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::netns::SocketDescriptor;
use super::processes::ProcessFolder;
use super::{Host, Trouble};
use crate::records::sockets::End;

/// What a descriptor that leads to a socket says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The descriptor.
    pub descriptor: SocketDescriptor,
    /// What the kernel calls the protocol (`system.sockprotoname`).
    pub protocol: Option<Vec<u8>>,
    /// What the socket itself answered; none where it could not be asked (before Linux 5.6, or without privilege).
    pub answers: Option<Answers>,
}

/// What a socket says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// It waits for connections.
    pub listens: bool,
    /// Its own end, in the families of IP and netlink.
    pub local: Option<End>,
    /// The other end, if it is connected.
    pub remote: Option<End>,
}

impl Host {
    /// Asks those sockets about themselves that `descriptors` still lead to. The descriptor is doubled into this
    /// process for a moment (pidfd_getfd(2)); nothing is read from it or written to it.
    pub fn examine_sockets(&self, descriptors: &[SocketDescriptor]) -> Vec<Examined> {
        let mut of_process: BTreeMap<u32, Vec<SocketDescriptor>> = BTreeMap::new();
        for descriptor in descriptors {
            of_process.entry(descriptor.pid).or_default().push(*descriptor);
        }
        let pids = of_process.keys().copied().collect();
        let of_process = Arc::new(of_process);
        let work = move |process: &ProcessFolder| {
            let descriptors = of_process.get(&process.pid).map(Vec::as_slice).unwrap_or_default();
            Ok(descriptors.iter().filter_map(|descriptor| examine(process, *descriptor)).collect::<Vec<_>>())
        };
        let mut examined = Vec::new();
        let each = |_, found: Result<Vec<Examined>, Trouble>| {
            examined.extend(found.unwrap_or_default());
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.each_process(pids, work, each);
        examined
    }
}

/// None if the descriptor leads elsewhere by now.
fn examine(process: &ProcessFolder, descriptor: SocketDescriptor) -> Option<Examined> {
    let name = format!("fd/{}", descriptor.fd);
    let wanted = format!("socket:[{}]", descriptor.inode);
    if process.link(&name).ok()? != wanted.as_bytes() {
        return None;
    }
    let protocol = process.attribute(&name, "system.sockprotoname").ok();
    let protocol = protocol.map(|name| name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
    let doubled = double(descriptor).ok();
    // It may be another descriptor, or another process, by now.
    let same =
        doubled.filter(|socket| rustix::fs::fstat(socket).is_ok_and(|stat| stat.st_ino == descriptor.inode));
    Some(Examined { descriptor, protocol, answers: same.map(|socket| ask(&socket)) })
}

fn double(descriptor: SocketDescriptor) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(descriptor.pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let fd = i32::try_from(descriptor.fd).map_err(|_| Errno::BADF)?;
    pidfd_getfd(process, fd, PidfdGetfdFlags::empty())
}

fn ask(socket: &OwnedFd) -> Answers {
    Answers {
        listens: sockopt::socket_acceptconn(socket).unwrap_or(false),
        local: getsockname(socket).ok().and_then(end),
        remote: getpeername(socket).ok().flatten().and_then(end),
    }
}

fn end(address: SocketAddrAny) -> Option<End> {
    match address.address_family() {
        AddressFamily::INET => {
            SocketAddrV4::try_from(address).ok().map(|end| End::Ip((*end.ip()).into(), end.port()))
        }
        AddressFamily::INET6 => {
            SocketAddrV6::try_from(address).ok().map(|end| End::Ip((*end.ip()).into(), end.port()))
        }
        AddressFamily::NETLINK => SocketAddrNetlink::try_from(address).ok().map(|end| End::Port(end.pid())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_socket_tells_of_itself_through_its_descriptor() {
        let host = Host::live(&[]).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        let fd = listener.as_raw_fd() as u32;
        let descriptor = SocketDescriptor { inode, pid: std::process::id(), fd };
        let elsewhere = SocketDescriptor { inode: inode + 1_000_000, ..descriptor };
        let examined = host.examine_sockets(&[descriptor, elsewhere]);
        assert_eq!(examined.len(), 1, "{examined:?}");
        assert_eq!(examined[0].protocol.as_deref(), Some(&b"TCP"[..]));
        let answers = examined[0].answers.clone().unwrap();
        assert_eq!(answers.local, Some(End::Ip("127.0.0.1".parse().unwrap(), port)));
        assert!(answers.listens && answers.remote.is_none());
    }
}
