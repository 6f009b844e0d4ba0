//! What a descriptor that leads to a socket says about it.

pub mod holders;

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrV4, SocketAddrV6, getpeername, getsockname, sockopt,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::netns::SocketDescriptor;
use super::processes::ProcessFolder;
use super::sys::{self, Side};
use super::{Host, Trouble};
use crate::records::sockets::{End, vsock_end};

/// What a descriptor that leads to a socket says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The descriptor.
    pub descriptor: SocketDescriptor,
    /// What the kernel calls the protocol (`system.sockprotoname`).
    pub protocol: Option<Vec<u8>>,
    /// What the socket itself answered; or why it could not be asked: no such call (before Linux 5.6, or behind a filter
    /// of system calls), no privilege.
    pub answers: Result<Answers, Errno>,
}

/// What a look at descriptors gave.
#[derive(Debug, Default)]
pub struct Examination {
    /// Those that still lead to their sockets.
    pub examined: Vec<Examined>,
    /// Those that could not be looked at, each with why. What was closed meanwhile is not among them.
    pub unseen: Vec<(SocketDescriptor, String)>,
}

/// What a socket says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// It waits for connections.
    pub listens: bool,
    /// Its own end, in the families of IP, netlink and vsock.
    pub local: Option<End>,
    /// The other end, if it is connected.
    pub remote: Option<End>,
}

impl Host {
    /// Asks those sockets about themselves that `descriptors` still lead to. The descriptor is doubled into this
    /// process for a moment (pidfd_getfd(2)); nothing is read from it or written to it.
    pub fn examine_sockets(&self, descriptors: &[SocketDescriptor]) -> Examination {
        let mut of_process: BTreeMap<u32, Vec<SocketDescriptor>> = BTreeMap::new();
        for descriptor in descriptors {
            of_process.entry(descriptor.pid).or_default().push(*descriptor);
        }
        let pids = of_process.keys().copied().collect();
        let of_process = Arc::new(of_process);
        let of_work = Arc::clone(&of_process);
        let work = move |process: &ProcessFolder| {
            let descriptors = of_work.get(&process.pid).map(Vec::as_slice).unwrap_or_default();
            Ok(descriptors
                .iter()
                .map(|descriptor| (*descriptor, examine(process, *descriptor)))
                .collect::<Vec<_>>())
        };
        let mut examination = Examination::default();
        let each = |pid, found: Result<Vec<_>, Trouble>| {
            match found {
                Ok(found) => examination.note(found),
                Err(Trouble::Vanished(_)) => {}
                Err(trouble) => {
                    let words = trouble.to_string();
                    let descriptors = of_process.get(&pid).into_iter().flatten();
                    examination.unseen.extend(descriptors.map(|descriptor| (*descriptor, words.clone())));
                }
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.each_process(pids, work, each);
        examination
    }
}

impl Examination {
    fn note(&mut self, found: Vec<(SocketDescriptor, Result<Examined, Errno>)>) {
        for (descriptor, examined) in found {
            match examined {
                Ok(examined) => self.examined.push(examined),
                Err(GONE) => {}
                Err(errno) => {
                    let SocketDescriptor { pid, fd, .. } = descriptor;
                    let words = format!("/proc/{pid}/fd/{fd}: {}", std::io::Error::from(errno));
                    self.unseen.push((descriptor, words));
                }
            }
        }
    }
}

/// Says of a descriptor that it was closed, or leads elsewhere by now.
const GONE: Errno = Errno::NOENT;

fn examine(process: &ProcessFolder, descriptor: SocketDescriptor) -> Result<Examined, Errno> {
    let name = format!("fd/{}", descriptor.fd);
    let wanted = format!("socket:[{}]", descriptor.inode);
    let gone = |errno| if matches!(errno, Errno::NOENT | Errno::SRCH | Errno::BADF) { GONE } else { errno };
    if process.link(&name).map_err(gone)? != wanted.as_bytes() {
        return Err(GONE);
    }
    let protocol = process.attribute(&name, "system.sockprotoname").ok();
    let protocol = protocol.map(|name| name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
    let answers = match double(descriptor).map_err(gone) {
        // It may be another descriptor, or another process, by now.
        Ok(socket) if rustix::fs::fstat(&socket)?.st_ino != descriptor.inode => return Err(GONE),
        Ok(socket) => Ok(ask(&socket)),
        Err(GONE) => return Err(GONE),
        Err(errno) => Err(errno),
    };
    Ok(Examined { descriptor, protocol, answers })
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
        local: getsockname(socket).ok().and_then(|address| end(socket, address, Side::Own)),
        remote: getpeername(socket).ok().flatten().and_then(|address| end(socket, address, Side::Other)),
    }
}

fn end(socket: &OwnedFd, address: SocketAddrAny, side: Side) -> Option<End> {
    match address.address_family() {
        AddressFamily::INET => {
            SocketAddrV4::try_from(address).ok().map(|end| End::Ip((*end.ip()).into(), end.port()))
        }
        AddressFamily::INET6 => {
            SocketAddrV6::try_from(address).ok().map(|end| End::Ip((*end.ip()).into(), end.port()))
        }
        AddressFamily::NETLINK => SocketAddrNetlink::try_from(address).ok().map(|end| End::Port(end.pid())),
        // The library knows no address of this family.
        AddressFamily::VSOCK => {
            let mut bytes = [0; 16];
            let length = sys::socket_address(socket.as_fd(), side, &mut bytes).ok()?;
            vsock_end(bytes.get(..length).unwrap_or(&bytes))
        }
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
        let examination = host.examine_sockets(&[descriptor, elsewhere]);
        assert!(examination.unseen.is_empty(), "what is gone is not unseen: {examination:?}");
        let examined = examination.examined;
        assert_eq!(examined.len(), 1, "{examined:?}");
        assert_eq!(examined[0].protocol.as_deref(), Some(&b"TCP"[..]));
        let answers = examined[0].answers.clone().unwrap();
        assert_eq!(answers.local, Some(End::Ip("127.0.0.1".parse().unwrap(), port)));
        assert!(answers.listens && answers.remote.is_none());
    }
}
