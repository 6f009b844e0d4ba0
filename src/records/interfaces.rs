//! Names of network interfaces, as rtnetlink(7) lists them.

use super::netlink::{attributes, messages, u32_at};

/// Type of a question for all links, with an empty `struct ifinfomsg` as its body.
pub const GET_LINK: u16 = 18;

/// Body of that question.
pub const ALL_LINKS: [u8; 16] = [0; 16];

/// Type of the answers.
const NEW_LINK: u16 = 16;
/// Bytes of `struct ifinfomsg`.
const HEADER: usize = 16;
/// IFLA_IFNAME.
const NAME: u16 = 3;

/// Number and name of each link in one datagram of the answer. One without a name is left out; it stands in the capture.
pub fn names(datagram: &[u8]) -> impl Iterator<Item = (u32, Vec<u8>)> {
    messages(datagram).flatten().filter(|message| message.kind == NEW_LINK).filter_map(|message| {
        let number = u32_at(message.payload, 4)?;
        let name =
            attributes(message.payload.get(HEADER..)?).flatten().find(|attribute| attribute.kind == NAME)?;
        Some((number, name.value.split(|byte| *byte == 0).next()?.to_vec()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::{Mishaps, beginnings};
    use crate::records::netlink::request;

    #[test]
    fn names_are_bytes_and_end_at_the_nul() {
        let mut body = vec![0; HEADER];
        body[4..8].copy_from_slice(&7_u32.to_ne_bytes());
        body.extend([8, 0, 3, 0, b'e', b'\x1b', 0xff, 0]);
        body[16..20].copy_from_slice(&[8_u16.to_ne_bytes(), 3_u16.to_ne_bytes()].concat());
        let datagram = request(NEW_LINK, 0, 1, &body);
        assert_eq!(names(&datagram).collect::<Vec<_>>(), [(7, b"e\x1b\xff".to_vec())]);
        for beginning in beginnings(&datagram) {
            assert_eq!(names(beginning).count(), 0);
        }
        Mishaps::of(&datagram).each(|bytes| names(bytes).for_each(drop));
    }
}
