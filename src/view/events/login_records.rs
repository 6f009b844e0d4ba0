//! Records of utmp, wtmp and btmp as dated facts, where no table of them is sealed.

use super::{At, Fact, named};
use crate::path::shown;
use crate::records::addresses;
use crate::records::audit_event::Place;
use crate::records::login_pairing::LoginRecord;
use crate::records::utmp::{Record, Sort, kind_word};

/// The fact of a record in a file of this name, in the words of the sealed table; none of one without a time.
pub fn fact(record: &Record<'_>, sort: Sort, file: &str, at: At) -> Option<Fact> {
    let read = LoginRecord::of(record, Place::default());
    let kind = match (sort, record.kind) {
        (Sort::Btmp, 6 | 7) => "failed_login",
        (_, kind) => kind_word(kind),
    };
    let words = format!(
        "login record {kind} of {} at {}{}{}, in {file}",
        named(&read.user),
        named(&read.line),
        clause(" from ", &read.host, ""),
        clause(" (", read.address.as_deref().unwrap_or_default().as_bytes(), ")"),
    );
    Some(Fact {
        pid: u32::try_from(read.pid).ok(),
        address: whence(read.address.clone().unwrap_or_default().into_bytes(), &read.host),
        user: read.user.clone(),
        ..Fact::new(read.time()?, format!("login_record.{kind}"), &words, "login_records", at)
    })
}

/// From where: without an address the name of the other side may be one.
pub(super) fn whence(address: Vec<u8>, host: &[u8]) -> Vec<u8> {
    if address.is_empty() && addresses::read(host).is_some() { host.to_vec() } else { address }
}

fn clause(before: &str, bytes: &[u8], behind: &str) -> String {
    if bytes.is_empty() { String::new() } else { format!("{before}{}{behind}", shown(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::layout::Order;
    use crate::records::utmp::Layout;

    #[test]
    fn a_record_is_told_as_the_table_tells_it_and_one_without_a_time_is_not() {
        let mut bytes = vec![0; 384];
        bytes[0] = 7;
        bytes[4..6].copy_from_slice(&812_u16.to_le_bytes());
        bytes[8..13].copy_from_slice(b"pts/0");
        bytes[44..48].copy_from_slice(b"an\x1b\xff");
        bytes[340..344].copy_from_slice(&1_795_292_388_u32.to_le_bytes());
        bytes[348..352].copy_from_slice(&[192, 0, 2, 7]);
        let layout = Layout { wide: false, order: Order::Little };
        let told =
            |bytes: &[u8], sort| fact(&layout.read(bytes).unwrap(), sort, "/var/log/wtmp", At::default());
        let user = told(&bytes, Sort::Wtmp).unwrap();
        assert_eq!(user.words, "login record user of an\\u{1b}\\xff at pts/0 (192.0.2.7), in /var/log/wtmp");
        assert_eq!(
            (user.what.as_ref(), user.pid, user.address.as_slice()),
            ("login_record.user", Some(812), &b"192.0.2.7"[..])
        );
        assert_eq!(told(&bytes, Sort::Btmp).unwrap().what, "login_record.failed_login");
        // An address as a name.
        bytes[348..352].fill(0);
        bytes[76..85].copy_from_slice(b"192.0.2.9");
        assert_eq!(told(&bytes, Sort::Wtmp).unwrap().address, b"192.0.2.9");
        bytes[76..85].copy_from_slice(b"web-01.ex");
        assert_eq!(told(&bytes, Sort::Wtmp).unwrap().address, b"");
        bytes[340..344].fill(0);
        assert_eq!(told(&bytes, Sort::Wtmp), None);
    }
}
