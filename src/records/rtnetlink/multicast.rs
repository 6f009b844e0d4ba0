//! Multicast groups as the tables of proc(5) list them: /proc/net/igmp, igmp6 and dev_mcast. Kernels before 6.14 give
//! those of IPv4 nowhere else.

use super::super::attributes::{Row, Value, address, hardware};

/// Rows, and lines that are none.
pub type Rows = (Vec<Row>, Vec<Vec<u8>>);

/// `/proc/net/dev_mcast`: index, name, users, users that asked for it by hand, address.
pub fn link_groups(text: &[u8]) -> Rows {
    each_line(text, |fields| {
        let [index, name, users, by_hand, group] = fields else { return None };
        let mut row = Row::default();
        row.word("family", "link");
        row.number("dev_index", number(index, 10)?);
        row.set("dev", Value::Name(name.to_vec()));
        row.number("users", number(users, 10)?);
        if number(by_hand, 10)? > 0 {
            row.set("static", Value::Flag(true));
        }
        row.word("address", hardware(&bytes(group)?));
        Some(row)
    })
}

/// `/proc/net/igmp6`: index, name, address, users, flags, timer.
pub fn inet6_groups(text: &[u8]) -> Rows {
    each_line(text, |fields| {
        let [index, name, group, users, _flags, _timer] = fields else { return None };
        let mut row = Row::default();
        row.word("family", "inet6");
        row.number("dev_index", number(index, 10)?);
        row.set("dev", Value::Name(name.to_vec()));
        row.number("users", number(users, 10)?);
        row.word("address", address(&bytes(group)?).filter(|_| group.len() == 32)?);
        Some(row)
    })
}

/// `/proc/net/igmp`: a line for each link, and beneath it, behind a tab, one for each group, whose address is written
/// as one number of the machine's own order.
pub fn inet_groups(text: &[u8]) -> Rows {
    let (mut rows, mut odd) = (Vec::new(), Vec::new());
    let mut link: Option<(u64, Vec<u8>)> = None;
    for line in lines(text).filter(|line| !line.starts_with(b"Idx")) {
        let fields = fields(line);
        let row = if line.first().is_some_and(u8::is_ascii_whitespace) {
            link.as_ref().and_then(|(index, name)| {
                let mut row = Row::default();
                row.word("family", "inet");
                row.number("dev_index", *index);
                row.set("dev", Value::Name(name.clone()));
                let group = u32::try_from(number(fields.first()?, 16)?).ok()?;
                row.word("address", address(&group.to_ne_bytes())?);
                row.number("users", number(fields.get(1)?, 10)?);
                Some(row)
            })
        } else {
            link = heading(line);
            match link {
                Some(_) => continue,
                None => None,
            }
        };
        match row {
            Some(row) => rows.push(row),
            None => odd.push(line.to_vec()),
        }
    }
    (rows, odd)
}

/// `2\teth0      :     1      V3`: a name may hold a colon.
fn heading(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let index = number(line.get(..tab)?, 10)?;
    let rest = line.get(tab + 1..)?;
    let colon = rest.iter().rposition(|byte| *byte == b':')?;
    let name = rest.get(..colon)?.trim_ascii_end();
    Some((index, name.to_vec()))
}

fn each_line(text: &[u8], read: impl Fn(&[&[u8]]) -> Option<Row>) -> Rows {
    let (mut rows, mut odd) = (Vec::new(), Vec::new());
    for line in lines(text) {
        match read(&fields(line)) {
            Some(row) => rows.push(row),
            None => odd.push(line.to_vec()),
        }
    }
    (rows, odd)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// No name of a link has a space in it.
fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect()
}

fn number(field: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(field).ok()?, radix).ok()
}

fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::try_from(number(pair, 16)?).ok();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    // Of this machine, from a namespace with a veth link, by cat.
    const LINK: &[u8] =
        b"2    v0              1     0     333300000001\n2    v0              1     1     01005e000055\n";
    const SIX: &[u8] = b"1    lo              ff020000000000000000000000000001     1 0000000C 0\nnonsense\n";
    const FOUR: &[u8] = b"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";

    #[test]
    fn groups_are_read_and_odd_lines_are_kept() {
        let (rows, odd) = link_groups(LINK);
        assert_eq!((rows.len(), odd.len(), rows[1].word_of("address")), (2, 0, Some("01:00:5e:00:00:55")));
        assert!(rows[1].0.contains_key("static") && !rows[0].0.contains_key("static"));
        let (rows, odd) = inet6_groups(SIX);
        assert_eq!(
            (rows.len(), odd, rows[0].word_of("address")),
            (1, vec![b"nonsense".to_vec()], Some("ff02::1"))
        );
        let (rows, odd) = inet_groups(FOUR);
        assert_eq!((rows.len(), odd.len()), (1, 0));
        if cfg!(target_endian = "little") {
            assert_eq!(rows[0].word_of("address"), Some("224.0.0.1"));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic_and_no_line_is_lost() {
        for text in [LINK, SIX, FOUR] {
            Mishaps::of(text).each(|bytes| {
                let (rows, odd) = link_groups(bytes);
                assert_eq!(rows.len() + odd.len(), lines(bytes).count());
                let _ = (inet6_groups(bytes), inet_groups(bytes));
            });
        }
    }
}
