//! A second reader of the same sockets: the library netstat2, which shares no code with ours. Where the two disagree, one of
//! them, or the kernel, is not telling the truth.

use std::net::IpAddr;
use std::sync::mpsc::Receiver;

use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, iterate_sockets_info_without_pids};

use super::Host;
use super::patience::NoAnswer;
use crate::records::sockets::Protocol;

/// A socket, as both readers can tell it apart from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Its own address.
    pub local: (IpAddr, u16),
    /// The other end's, of TCP; all zero where there is none.
    pub remote: Option<(IpAddr, u16)>,
    /// Inode.
    pub inode: u64,
}

/// A look of the other reader's that is under way.
pub struct SecondView<'h> {
    host: &'h Host,
    answer: Result<Receiver<Result<Vec<Sighting>, String>>, NoAnswer>,
}

impl Host {
    /// Lets the other reader begin to look at the TCP and UDP sockets of our own network namespace, beside us.
    pub fn second_view(&self) -> SecondView<'_> {
        SecondView { host: self, answer: self.patience().begin(read) }
    }
}

impl SecondView<'_> {
    /// The sockets that a descriptor can lead to, as the other reader sees them; or why it could not. The library ends an
    /// answer early, or panics, where it does not understand it.
    pub fn sightings(self) -> Result<Vec<Sighting>, String> {
        match self.answer.and_then(|answer| self.host.patience().await_one(&answer)) {
            Ok(read) => read,
            Err(NoAnswer::Hung) => Err("no answer within the deadline".into()),
            Err(NoAnswer::Interrupted) => Err("the run was to end before it answered".into()),
            Err(NoAnswer::Gone) => Err("it ended by a programming error".into()),
        }
    }
}

fn read() -> Result<Vec<Sighting>, String> {
    let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
    let listed = iterate_sockets_info_without_pids(families, ProtocolFlags::TCP | ProtocolFlags::UDP);
    let mut sightings = Vec::new();
    for socket in listed.map_err(|error| error.to_string())? {
        let socket = socket.map_err(|error| error.to_string())?;
        let inode = u64::from(socket.inode);
        // What waits for its last packets belongs to nobody, and comes and goes by itself.
        if inode == 0 {
            continue;
        }
        sightings.push(match socket.protocol_socket_info {
            ProtocolSocketInfo::Tcp(tcp) => Sighting {
                protocol: Protocol::Tcp,
                local: (tcp.local_addr, tcp.local_port),
                remote: Some((tcp.remote_addr, tcp.remote_port)),
                inode,
            },
            ProtocolSocketInfo::Udp(udp) => Sighting {
                protocol: Protocol::Udp,
                local: (udp.local_addr, udp.local_port),
                remote: None,
                inode,
            },
        });
    }
    Ok(sightings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_reader_sees_a_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Host::live(&[]).unwrap().second_view().sightings().unwrap();
        let local = ("127.0.0.1".parse().unwrap(), port);
        assert!(
            seen.iter().any(|socket| socket.protocol == Protocol::Tcp && socket.local == local),
            "{seen:?}"
        );
    }
}
