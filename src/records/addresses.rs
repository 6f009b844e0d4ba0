//! Addresses as programs write them: one and the same has many notations, and a server that listens on IPv6 logs those of
//! IPv4 within it (`::ffff:192.0.2.7`).

use std::net::IpAddr;

/// The address that a text is, without its zone, which is a name on one machine alone; one of IPv4 within IPv6 is what it
/// stands for. None of a name or a terminal.
pub fn read(text: &[u8]) -> Option<IpAddr> {
    let text = text.split(|byte| *byte == b'%').next()?;
    let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.to_canonical())
}

/// Whether both are the same address, however they are written; what is no address is compared as text.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || read(one).is_some_and(|one| read(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_the_same_in_all_its_notations() {
        for (one, other) in [
            ("203.0.113.66", "::ffff:203.0.113.66"),
            ("203.0.113.66", "::FFFF:cb00:7142"),
            ("2001:db8::7", "2001:0DB8:0:0:0:0:0:7"),
            ("fe80::1%eth0", "fe80::1"),
            ("fe80::1%eth0", "fe80:0::1%2"),
            ("tty1", "tty1"),
        ] {
            assert!(
                same(one.as_bytes(), other.as_bytes()) && same(other.as_bytes(), one.as_bytes()),
                "{one}"
            );
        }
        for (one, other) in [
            ("203.0.113.6", "203.0.113.66"),
            ("203.0.113.66", "::203.0.113.66"),
            ("tty1", "tty2"),
            ("a%b", "a%c"),
            ("", "?"),
        ] {
            assert!(!same(one.as_bytes(), other.as_bytes()), "{one}");
        }
    }
}
