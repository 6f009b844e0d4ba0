//! Lines as mactime reads them.

use super::*;

fn row(path: &str, mode: &str, more: &str) -> FileLine {
    let text = format!(
        "{{\"atime\":\"1970-01-01T00:00:04.900000000Z\",\"blocks\":8,\"btime\":\"1970-01-01T00:00:01Z\",\
         \"ctime\":\"1970-01-01T00:00:03Z\",\"dev\":\"8:1\",\"gid\":7,\"ino\":12,\"mode\":\"{mode}\",\
         \"mtime\":\"1970-01-01T00:00:02Z\",\"nlink\":1,\"path\":\"{path}\",\"size\":5,\"uid\":1000{more}}}"
    );
    FileLine::read(text.as_bytes()).unwrap()
}

#[test]
fn a_file_is_one_line_of_eleven_fields() {
    assert_eq!(line(&row("/srv/a", "100640", "")), "0|/srv/a|12|r/rrw-r-----|1000|7|5|4|2|3|1\n");
    let link = line(&row("/srv/l", "120777", ",\"target\":\"../x\""));
    assert_eq!(link, "0|/srv/l -> ../x|12|l/lrwxrwxrwx|1000|7|5|4|2|3|1\n");
}

#[test]
fn modes_are_written_as_sleuthkit_writes_them() {
    for (octal, text) in [
        ("104755", "r/rrwsr-xr-x"),
        ("104644", "r/rrwSr--r--"),
        ("102755", "r/rrwxr-sr-x"),
        ("102745", "r/rrwxr-Sr-x"),
        ("041777", "d/drwxrwxrwt"),
        ("041776", "d/drwxrwxrwT"),
        ("020620", "c/crw--w----"),
        ("060660", "b/brw-rw----"),
        ("010600", "p/prw-------"),
        ("140755", "h/hrwxr-xr-x"),
        ("000000", "-/----------"),
        ("x", "-/----------"),
        ("777777777777777", "-/----------"),
    ] {
        assert_eq!(mode(octal), text, "{octal}");
    }
}

#[test]
fn a_hostile_name_makes_neither_a_field_nor_a_line_nor_a_byte_of_its_own() {
    let row = FileLine {
        path_b64: Some(crate::custody::entry::Base64(b"/a|b\n%0a%7C\x1b\xff\\".to_vec())),
        ..row("/x", "100600", "")
    };
    let line = line(&row);
    assert!(line.starts_with("0|/a\\x7cb\\u{a}\\x250a\\x257C\\u{1b}\\xff\\\\|12|"), "{line}");
    assert_eq!(
        (line.matches('|').count(), line.matches('\n').count(), line.matches('%').count()),
        (10, 1, 0)
    );
}

#[test]
fn times_beyond_a_calendar_are_written_in_seconds_and_unknown_ones_are_zero() {
    let far = row("/a", "100600", ",\"unix\":{\"mtime\":9223372036854775807}");
    assert!(line(&far).ends_with("|4|9223372036854775807|3|1\n"));
    assert!(line(&FileLine { btime: None, ..far }).ends_with("|3|0\n"));
}
