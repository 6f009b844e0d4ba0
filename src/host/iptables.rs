//! The older tables of iptables, asked with getsockopt(2) on a raw socket. Only tables that exist already may be asked
//! for: the kernel makes one that does not.

use std::os::fd::AsFd as _;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RawProtocol, SocketFlags, SocketType};

use super::netns::NetworkNamespace;
use super::{Host, Trouble, sys};
use crate::records::iptables::{BEFORE_ENTRIES, Family, NAME};

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`, the same for IPv6; and those of arptables.
const GET_INFO: i32 = 64;
const GET_INFO_ARP: i32 = 96;

/// `SOL_IP` and `SOL_IPV6`.
const LEVELS: [i32; 2] = [0, 41];

/// How often a table is asked for again that changed between the two questions.
const ATTEMPTS: u32 = 5;

impl Host {
    /// A table's description (`struct ipt_getinfo`) and its entries, which may be `limit` bytes. Needs CAP_NET_ADMIN in
    /// the namespace.
    pub fn older_table(
        &self,
        namespace: Option<&NetworkNamespace>,
        table: &[u8],
        family: Family,
        limit: usize,
    ) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        let place = format!("table {} of {}", crate::path::shown(table), family.backend());
        if !self.is_live() || table.len() >= NAME {
            return Err(Trouble::Missing(place));
        }
        let table = table.to_vec();
        let read = self.inside(namespace, &place, move || Ok(read(&table, family, limit)))?;
        read.map_err(|errno| match errno {
            Errno::AGAIN => Trouble::Changed(place),
            errno => Trouble::from_errno(errno, place),
        })
    }
}

fn read(table: &[u8], family: Family, limit: usize) -> Result<(Vec<u8>, Vec<u8>), Errno> {
    let inet6 = family == Family::Ip6;
    let domain = if inet6 { AddressFamily::INET6 } else { AddressFamily::INET };
    // IPPROTO_RAW: such a socket receives nothing.
    let protocol = RawProtocol::new(255).map(rustix::net::Protocol::from_raw);
    let socket = rustix::net::socket_with(domain, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    let [ip, ip6] = LEVELS;
    let level = if inet6 { ip6 } else { ip };
    let get_info = if family == Family::Arp { GET_INFO_ARP } else { GET_INFO };
    let get_entries = get_info + 1;
    let ask = |option: i32, buffer: &mut [u8]| {
        sys::socket_option(socket.as_fd(), level, option, buffer)
            .map_err(|error| Errno::from_raw_os_error(error.raw_os_error().unwrap_or(0)))
    };
    for _ in 0..ATTEMPTS {
        let mut info = named(table, family.info_length());
        ask(get_info, &mut info)?;
        let size = family.size(&info).filter(|size| *size <= limit).ok_or(Errno::FBIG)?;
        let mut entries = named(table, BEFORE_ENTRIES + size);
        let wanted = u32::try_from(size).map_err(|_| Errno::FBIG)?;
        if let Some(place) = entries.get_mut(NAME..NAME + 4) {
            place.copy_from_slice(&wanted.to_ne_bytes());
        }
        match ask(get_entries, &mut entries) {
            Ok(_) => return Ok((info, entries.split_off(BEFORE_ENTRIES))),
            // It has another size now.
            Err(Errno::AGAIN | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::AGAIN)
}

/// A buffer that begins with a table's name.
fn named(table: &[u8], length: usize) -> Vec<u8> {
    let mut buffer = table.to_vec();
    buffer.resize(length, 0);
    buffer
}
