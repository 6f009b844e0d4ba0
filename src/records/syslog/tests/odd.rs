//! Lines that were torn, that speak of others, or that come from daemons of another make.

use super::*;

/// Users whose secrets were accepted or not, how often, and where the line stands.
fn tried(log: &[u8]) -> (Vec<(String, u32, u64)>, Notes) {
    let (said, notes) = read(log, "2026-12-01T00:00:00Z", &Zone::utc());
    let of = |said: Said| match said.message {
        Message::Tried { user, .. } => {
            Some((String::from_utf8_lossy(&user).into_owned(), said.times, said.place.offset))
        }
        _ => None,
    };
    (said.into_iter().filter_map(of).collect(), notes)
}

/// Which lines of a log are kept while it passes, and how many are not understood.
fn kept(log: &[u8]) -> (Vec<bool>, u64) {
    let mut passing = Passing::default();
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (lines.map(|line| passing.line(line, 0)).collect(), passing.unparsed)
}

/// Written from documentation (xfs(5) and ext4(5): a loss of power leaves zeros where data was not written yet).
#[test]
fn what_stands_behind_a_hole_in_a_line_is_a_line_of_its_own() {
    let torn = b"Mar  1 10:00:00 h sshd[1]: Accepted password for al\0\0\0";
    let whole = b"Mar  1 10:00:01 h sshd[2]: Accepted password for root from 192.0.2.1 port 8 ssh2";
    let log = [&torn[..], whole, b"\n"].concat();
    let (users, notes) = tried(&log);
    assert_eq!(users, [("root".to_owned(), 1, torn.len() as u64)]);
    assert_eq!((notes.records, notes.unparsed, notes.said, notes.split), (2, 1, 1, 1));
    assert_eq!(kept(&log), (vec![true], 1));
    // More than one hole, and one at either end.
    let log = [b"\0\0", &torn[..], torn, whole, b"\0\n"].concat();
    let (users, notes) = tried(&log);
    assert_eq!((users.len(), notes.records, notes.unparsed), (0, 3, 3));
    let log = [b"\0\0", &whole[..], b"\n\0\n"].concat();
    let (users, notes) = tried(&log);
    assert_eq!((users.len(), notes.records, notes.unparsed), (1, 2, 1));
    // Of records one behind another the last alone is torn; one whose bytes are counted is whole.
    let record = b"<38>Nov 21 20:19:48 h sshd[1]: Failed password for alice from 192.0.2.7 port 2 ssh2";
    let log = [&record[..], record, b"\0\0", record, b"\n"].concat();
    let (users, notes) = tried(&log);
    assert_eq!((users.len(), notes.records, notes.unparsed), (2, 3, 1));
    let log = [format!("{} ", record.len()).as_bytes(), record, b"\0\0\n"].concat();
    assert_eq!((tried(&log).0.len(), tried(&log).1.records), (1, 1));
}

/// Written from documentation, as the hole itself.
#[test]
fn what_was_repeated_behind_a_line_that_is_not_understood_is_not_known() {
    let log = b"Nov 21 20:19:48 h sshd[7]: Failed password for alice from 192.0.2.7 port 2 ssh2\n\
        \tmore of it\n\
        Nov 21 20:19:49 h last message repeated 2 times\n\
        Nov 21 20:19:50 h kern\0\0Nov 21 20:19:51 h last message repeated 3 times\n";
    let (users, notes) = tried(log);
    assert_eq!(users.iter().map(|(_, times, _)| *times).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((notes.continued, notes.unparsed, notes.repeats, notes.records), (1, 1, 2, 5));
    assert_eq!(kept(log), (vec![true, false, true, false], 1));
}

/// Written from documentation (BSD's syslogd.c: `last message repeated`, of the host of the line).
#[test]
fn what_another_machine_repeats_is_not_charged_to_the_user_of_the_line_above() {
    let log = b"Nov 21 20:19:48 web sshd[7]: Failed password for alice from 192.0.2.7 port 2 ssh2\n\
        Nov 21 20:19:49 db last message repeated 3 times\n\
        Nov 21 20:19:50 web last message repeated 2 times\n\
        Nov 21 20:19:51 last message repeated 4 times\n\
        Nov 21 20:19:52 db kernel: x\n\
        Nov 21 20:19:53 web last message repeated 5 times\n";
    let (users, notes) = tried(log);
    assert_eq!(users.iter().map(|(_, times, _)| *times).collect::<Vec<_>>(), [1, 2, 4]);
    assert_eq!((notes.repeats, notes.records, notes.said), (4, 6, 3));
    assert_eq!(notes.others.top(9), [(&b""[..], 2), (b"kernel", 1)]);
    assert_eq!(kept(log), (vec![true, false, true, true, false, false], 0));
}

/// Written from documentation (BusyBox, syslogd.c).
#[test]
fn the_facility_that_busybox_writes_before_the_tag_is_no_part_of_the_line() {
    let is = |text: &str, tag: &str, pid: Option<u32>, message: &str| {
        let wanted = ("alp".to_owned(), tag.to_owned(), pid, message.to_owned());
        assert_eq!(parts(&format!("Mar  1 10:00:00 alp {text}")), wanted, "{text}");
    };
    is("auth.info sshd[100]: Server listening", "sshd", Some(100), "Server listening");
    is("authpriv.warn su: m", "su", None, "m");
    is("local7.emerg a[1]: m", "a", Some(1), "m");
    is("kern.notice kernel: m", "kernel", None, "m");
    // Words that are like it, and are none.
    is("auth.information sshd[100]: m", "", None, "auth.information sshd[100]: m");
    is("local8.info a: m", "", None, "local8.info a: m");
    is("auth.info: m", "auth.info", None, "m");
}
