//! Events whose texts somebody chose to do harm, and files by number.

use super::*;
use crate::path::shown;

pub(super) fn event() -> SiemEvent {
    SiemEvent {
        time: Timestamp::from_unix(1_795_292_388, 123_456_789),
        last: None,
        subject: Subject::Access,
        op: "read".to_owned(),
        outcome: Outcome::Success,
        user: "anna".to_owned(),
        auid: Some(1000),
        uid: None,
        euid: None,
        to: String::new(),
        ses: None,
        address: "192.0.2.7".to_owned(),
        port: Some(50_022),
        program: "/usr/bin/cp".to_owned(),
        pid: Some(4711),
        file: File::None,
        new_file: File::None,
        label: "A1",
        flags: vec!["shared_account"],
        count: 3,
        row: "access-000017".to_owned(),
    }
}

#[test]
fn a_syslog_line_is_of_rfc_5424() {
    let mut naming = Naming::new(false, vec![]);
    let event = SiemEvent { file: naming.file("/srv/phi/mrn-7.txt"), ..event() };
    assert_eq!(
        syslog::line(&event, "ehr 01"),
        "<109>1 2026-11-21T20:19:48.123456Z ehr01 phi-ir - access [phi-ir@32473 op=\"read\" outcome=\"success\" \
         user=\"anna\" auid=\"1000\" addr=\"192.0.2.7\" port=\"50022\" program=\"/usr/bin/cp\" pid=\"4711\" \
         file=\"phi-000001\" label=\"A1\" flags=\"shared_account\" count=\"3\" row=\"access-000017\"] access read of \
         phi-000001: anna from 192.0.2.7 by /usr/bin/cp, success, 3 times\n"
    );
    let refused = SiemEvent { outcome: Outcome::Failure, ..event };
    assert!(syslog::line(&refused, "").starts_with("<108>1 2026-11-21T20:19:48.123456Z - phi-ir - access ["));
}

#[test]
fn a_hostile_name_neither_ends_its_value_nor_its_line() {
    let user = "\"] x\\\n\u{202e}<13>1 é\u{feff}".as_bytes();
    let event = SiemEvent { user: shown(&[user, b"\xff"].concat()), ..event() };
    let line = syslog::line(&event, "h\n\u{e9}ost");
    assert_eq!(line.matches('\n').count(), 1);
    // shown() writes a backslash twice, and each of them is escaped once more.
    let value = r#"user="\"\] x\\\\\\u{a}\\u{202e}<13>1 é\\u{feff}\\xff""#;
    assert!(line.contains(value), "{line}");
    assert!(line.contains("Z host phi-ir - access [phi-ir@32473 "), "{line}");
    // The message is not ASCII: a byte order mark stands before it, and nowhere else.
    assert_eq!(line.matches('\u{feff}').count(), 1);
    let (_, message) = line.split_once('\u{feff}').unwrap();
    assert!(message.starts_with("access read: "), "{message}");
    // A receiver that undoes the three escapes has the text again.
    let (_, rest) = line.split_once("user=\"").unwrap();
    let (mut text, mut chars) = (String::new(), rest.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '"' => break,
            c => text.push(c),
        }
    }
    assert_eq!(text, event.user);
}

#[test]
fn a_value_of_megabytes_is_cut_and_says_so() {
    let event = SiemEvent { user: "é".repeat(1 << 20), ..event() };
    let line = syslog::line(&event, "h");
    assert!(line.len() < 16_000 && line.contains("... (of 2097152 bytes)\""));
}

#[test]
fn paths_are_numbers_unless_they_are_asked_for() {
    let path = r"/srv/phi/Anna Mustermann \xff.pdf";
    let roots = || vec![HostPath::new("/srv/phi").unwrap()];
    let mut naming = Naming::new(false, roots());
    let first = naming.file(path);
    assert_eq!(naming.file("/srv/phi/b"), File::Ordinal(2));
    assert_eq!((naming.file(path), naming.file("")), (first.clone(), File::None));
    assert_eq!(
        (naming.program("/srv/phi/b"), naming.program("/usr/bin/cp")),
        ("phi-000002".into(), "/usr/bin/cp".into())
    );
    let program = naming.program("/srv/phi/Mustermann.sh");
    let event = SiemEvent { new_file: first.clone(), file: first, program, ..event() };
    let ecs = String::from_utf8(ecs::line(&event, "ehr01").unwrap()).unwrap();
    for line in [syslog::line(&event, "ehr01"), ecs] {
        assert!(line.contains("phi-000001") && line.contains("phi-000003"));
        assert!(!line.contains("Mustermann") && !line.contains("/srv/phi"), "{line}");
    }
    let named = SiemEvent { file: Naming::new(true, roots()).file(path), ..event };
    assert!(syslog::line(&named, "ehr01").contains(r#"file="/srv/phi/Anna Mustermann \\xff.pdf""#));
}

#[test]
fn an_event_of_ecs_has_the_fields_that_it_must_have() {
    let event = SiemEvent { file: File::Ordinal(7), outcome: Outcome::Failure, ..event() };
    let line = String::from_utf8(ecs::line(&event, "ehr01").unwrap()).unwrap();
    assert_eq!(
        line,
        "{\"@timestamp\":\"2026-11-21T20:19:48.123456789Z\",\"ecs\":{\"version\":\"8.11.0\"},\
         \"event\":{\"action\":\"access-read\",\"category\":[\"file\"],\"dataset\":\"phi_ir.access\",\
         \"id\":\"access-000017\",\"kind\":\"event\",\"module\":\"phi_ir\",\"outcome\":\"failure\",\
         \"type\":[\"access\"]},\"file\":{\"path\":\"phi-000007\"},\"host\":{\"name\":\"ehr01\"},\
         \"labels\":{\"attribution\":\"A1\",\"flags\":\"shared_account\"},\
         \"message\":\"access read of phi-000007: anna from 192.0.2.7 by /usr/bin/cp, failure, 3 times\",\
         \"phi_ir\":{\"count\":3,\"flags\":[\"shared_account\"],\"row\":\"access-000017\"},\
         \"process\":{\"executable\":\"/usr/bin/cp\",\"name\":\"cp\",\"pid\":4711},\
         \"related\":{\"ip\":[\"192.0.2.7\"],\"user\":[\"anna\"]},\
         \"source\":{\"address\":\"192.0.2.7\",\"ip\":\"192.0.2.7\",\"port\":50022},\
         \"user\":{\"id\":\"1000\",\"name\":\"anna\"}}\n"
    );
}

#[test]
fn who_acted_as_whom_is_told_apart() {
    let event = SiemEvent { uid: Some(1000), euid: Some(0), ..event() };
    let line = String::from_utf8(ecs::line(&event, "h").unwrap()).unwrap();
    assert!(
        line.contains("\"user\":{\"effective\":{\"id\":\"0\"},\"id\":\"1000\",\"name\":\"anna\"}"),
        "{line}"
    );
    let line = syslog::line(&event, "h");
    assert!(line.contains(" auid=\"1000\" uid=\"1000\" euid=\"0\" "), "{line}");
    let event = SiemEvent {
        subject: Subject::Session,
        op: "elevated".to_owned(),
        euid: None,
        to: "root".to_owned(),
        ..event
    };
    let line = String::from_utf8(ecs::line(&event, "h").unwrap()).unwrap();
    assert!(
        line.contains("\"user\":{\"effective\":{\"name\":\"root\"},\"id\":\"1000\",\"name\":\"anna\"}"),
        "{line}"
    );
    assert!(line.contains("\"related\":{\"ip\":[\"192.0.2.7\"],\"user\":[\"anna\",\"root\"]}"), "{line}");
    assert!(line.contains("\"message\":\"session elevated to root: anna from "), "{line}");
    // Nobody took on the rights that were refused.
    let event = SiemEvent { outcome: Outcome::Failure, ..event };
    let line = String::from_utf8(ecs::line(&event, "h").unwrap()).unwrap();
    assert!(
        line.contains("\"name\":\"anna\",\"target\":{\"name\":\"root\"}}") && !line.contains("effective"),
        "{line}"
    );
    assert!(syslog::line(&event, "h").contains(" to=\"root\" "));
}

#[test]
fn a_name_is_never_said_to_be_an_address() {
    let event = SiemEvent {
        subject: Subject::Login,
        op: "failed".to_owned(),
        address: "evil.example".to_owned(),
        ..event()
    };
    let line = String::from_utf8(ecs::line(&event, "h").unwrap()).unwrap();
    assert!(line.contains("\"source\":{\"address\":\"evil.example\",\"port\":50022}"), "{line}");
    assert!(line.contains("\"hosts\":[\"evil.example\"]") && !line.contains("\"ip\""), "{line}");
    assert!(
        line.contains("\"category\":[\"authentication\"]") && line.contains("\"type\":[\"start\"]"),
        "{line}"
    );
}
