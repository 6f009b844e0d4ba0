//! Netlink messages and their attributes (linux/netlink.h): what every answer of the kernel's tables is made of.
//!
//! Numbers are of this machine's byte order unless a protocol says otherwise.

/// Bytes of a message's header: length, type, flags, sequence number, port.
pub const HEADER: usize = 16;
/// The answer is an error, or an acknowledgement with the error 0.
pub const ERROR: u16 = 2;
/// The end of an answer of many parts; its payload may begin with an error.
pub const DONE: u16 = 3;
/// Flag of a request: answer with the whole table (`NLM_F_ROOT | NLM_F_MATCH`).
pub const DUMP: u16 = 0x300;
/// Flag of a request: acknowledge.
pub const ACKNOWLEDGE: u16 = 4;
/// Flag of a request: that is what it is.
pub const REQUEST: u16 = 1;
/// Flag of an answer: the table changed while it was listed, so that rows may be missing or doubled.
pub const DUMP_INTERRUPTED: u16 = 0x10;

/// Nested attributes and ones in network order mark their type with these bits.
const KIND_MARKS: u16 = 0xc000;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its type, of the protocol's own numbering above 15.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type, without the marks for nested ones and network order.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

/// What follows is not what it should be: a length that reaches beyond the end, or too few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The messages of one datagram. After one that is malformed there is none.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let length = u32_at(datagram, 0).and_then(|length| usize::try_from(length).ok());
        let message = length.and_then(|length| {
            Some(Message {
                kind: u16_at(datagram, 4)?,
                flags: u16_at(datagram, 6)?,
                sequence: u32_at(datagram, 8)?,
                payload: datagram.get(HEADER..length)?,
            })
        });
        datagram = length.and_then(|length| datagram.get(aligned(length)..)).unwrap_or_default();
        if message.is_none() {
            datagram = &[];
        }
        Some(message.ok_or(Malformed))
    })
}

/// The attributes in `bytes`. After one that is malformed there is none.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Result<Attribute<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let length = u16_at(bytes, 0).map(usize::from);
        let attribute = length.and_then(|length| {
            Some(Attribute { kind: u16_at(bytes, 2)? & !KIND_MARKS, value: bytes.get(4..length)? })
        });
        bytes = length.and_then(|length| bytes.get(aligned(length)..)).unwrap_or_default();
        if attribute.is_none() {
            bytes = &[];
        }
        Some(attribute.ok_or(Malformed))
    })
}

/// A request: header and body. The kernel fills in the port.
pub fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Messages and attributes begin at multiples of four bytes.
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A number of one byte.
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// A number of two bytes.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of two bytes, in network order.
pub fn be16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of four bytes.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of four bytes, in network order.
pub fn be32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of eight bytes.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of eight bytes, in network order.
pub fn be64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::super::attributes::testing::attribute;
    use super::*;

    #[test]
    fn messages_and_attributes_come_back_as_they_were_put_together() {
        let body =
            [attribute(0x8001, b"abcde"), attribute(2, b""), attribute(3, &7_u32.to_ne_bytes())].concat();
        let mut datagram = request(20, DUMP, 9, &body);
        datagram.resize(datagram.len().next_multiple_of(4), 0);
        datagram.extend(request(DONE, 0, 9, &0_i32.to_ne_bytes()));
        let messages: Vec<_> = messages(&datagram).map(Result::unwrap).collect();
        assert_eq!((messages.len(), messages[0].kind, messages[0].flags), (2, 20, REQUEST | DUMP));
        assert_eq!((messages[1].kind, messages[1].sequence), (DONE, 9));
        let attributes: Vec<_> = attributes(messages[0].payload).map(Result::unwrap).collect();
        assert_eq!(attributes[0], Attribute { kind: 1, value: b"abcde" });
        assert_eq!(attributes[1], Attribute { kind: 2, value: b"" });
        assert_eq!(u32_at(attributes[2].value, 0), Some(7));
        assert_eq!(attributes.len(), 3);
    }

    #[test]
    fn a_length_beyond_the_end_or_below_the_header_ends_the_reading() {
        let good = request(20, 0, 1, b"body");
        for length in [0_u32, 3, 15, 21, u32::MAX] {
            let mut bad = good.clone();
            bad[..4].copy_from_slice(&length.to_ne_bytes());
            bad.extend(&good);
            let read: Vec<_> = messages(&bad).collect();
            assert!(read.contains(&Err(Malformed)), "{length}");
            assert!(read.len() <= 2);
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut bad = attribute(1, b"abcd");
            bad[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&bad).collect::<Vec<_>>(), [Err(Malformed)], "{length}");
        }
        assert_eq!(messages(b"x").collect::<Vec<_>>(), [Err(Malformed)]);
        assert_eq!(messages(b"").count() + attributes(b"").count(), 0);
    }
}
