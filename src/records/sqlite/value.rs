//! Variable-length numbers and the values of a record (fileformat2.html, 1.6 and 2.1).

/// One column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL, and what a row from before a column was added has in it.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, as its eight bytes: we write none.
    Real([u8; 8]),
    /// Text in the encoding of the database.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value<'_> {
    /// The number; none if it is something else.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// A number of one to nine bytes, and how many they were.
pub fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((number << 8 | u64::from(*byte), 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

/// The values of a record; none if its header does not fit its length.
pub fn values(payload: &[u8]) -> Option<Vec<Value<'_>>> {
    let (header, mut at) = varint(payload)?;
    let header = usize::try_from(header).ok().filter(|header| *header <= payload.len())?;
    let mut body = payload.get(header..)?;
    let mut values = Vec::new();
    while at < header {
        let (serial, length) = varint(payload.get(at..header)?)?;
        at += length;
        let size = match serial {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(serial).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((serial - 12) / 2).ok()?,
        };
        let (bytes, rest) = body.split_at_checked(size)?;
        body = rest;
        values.push(match serial {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(bytes)),
            7 => Value::Real(*bytes.first_chunk()?),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            even if even % 2 == 0 => Value::Blob(bytes),
            _ => Value::Text(bytes),
        });
    }
    Some(values)
}

/// A number of up to eight bytes, the highest first, with a sign.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        assert_eq!(varint(&[0x7f]), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0]), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
        assert_eq!((varint(&[0x80; 8]), varint(&[])), (None, None));
        assert_eq!((integer(&[0xff, 0xfe]), integer(&[0x7f]), integer(&[])), (-2, 127, 0));
    }

    #[test]
    fn a_record_that_lies_about_its_lengths_is_none() {
        assert_eq!(values(&[3, 1, 15, 7, b'x']), Some(vec![Value::Integer(7), Value::Text(b"x")]));
        assert_eq!(values(&[3, 8, 9]), Some(vec![Value::Integer(0), Value::Integer(1)]));
        for bad in [&[9, 1][..], &[2, 99], &[2, 10], &[], &[3, 0x80, 0x80, 1]] {
            assert_eq!(values(bad), None, "{bad:?}");
        }
    }
}
