//! Accesses as people and a SIEM read them.

use super::*;
use crate::custody::rows::access::{ActorPart, ProgramPart};
use crate::path::HostPath;
use crate::report::rows::{Form, Printer};

fn source(addr: &str) -> SourcePart {
    SourcePart {
        addr: addr.into(),
        ended_utc: None,
        evidence: Vec::new(),
        hostname: String::new(),
        key_fp: String::new(),
        method: String::new(),
        port: Some(50_022),
        ses: Some(3),
        started_utc: None,
        terminal: "pts/0".into(),
        user: "alice".into(),
    }
}

fn row(op: &'static str, outcome: &'static str) -> AccessRow {
    let time = crate::clock::Timestamp::from_unix(1_795_200_010, 0);
    AccessRow {
        actor: ActorPart {
            auid: Some(1001),
            auid_name: "alice".into(),
            euid: Some(0),
            flags: vec!["after_session_end"],
            fsuid: Some(0),
            gid: Some(0),
            label: "C",
            ses: Some(3),
            uid: Some(0),
        },
        arch: None,
        arg_flags_text: String::new(),
        candidates: Vec::new(),
        candidates_total: 0,
        collector: false,
        count: 2,
        dev: None,
        elevations: Vec::new(),
        epoch: 0,
        errno: None,
        events: Vec::new(),
        file_type: None,
        first_utc: time,
        incomplete: Vec::new(),
        inode: None,
        keys: Vec::new(),
        last_utc: time,
        name_res: "exact",
        new_path: None,
        new_path_b64: None,
        node: String::new(),
        op,
        outcome,
        overwritten_inode: None,
        owner_at_event: None,
        parser_version: 1,
        path: "/srv/phi/a.txt".into(),
        path_b64: None,
        phi_by: vec!["key"],
        program: ProgramPart {
            cmdline_hint: String::new(),
            comm: "cat".into(),
            comm_b64: None,
            exe: "/usr/bin/cat".into(),
            exe_b64: None,
            pid: Some(70),
            ppid: None,
        },
        row_id: 7,
        schema: "phi-ir.phi-access/1",
        source: None,
        symlink_target: None,
        syscall: "openat".into(),
    }
}

#[test]
fn a_row_says_who_from_where_how_and_what() {
    let cells = AccessRow { source: Some(source("192.0.2.7")), ..row("read", "ok") }.cells();
    assert_eq!(
        cells.get(2..).unwrap(),
        ["alice as uid 0", "192.0.2.7", "/usr/bin/cat", "opened for reading", "/srv/phi/a.txt", "2", "C"]
    );
    let refused = AccessRow {
        new_path: Some("/tmp/b".into()),
        name_res: "cmdline",
        candidates: ["1.1.1.1", "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"].map(source).into(),
        collector: true,
        ..row("rename", "denied")
    };
    assert_eq!(
        refused.cells().get(2..7).unwrap(),
        [
            "alice as uid 0 (this collection)",
            "one of 1.1.1.1, 2.2.2.2, 3.3.3.3, …",
            "/usr/bin/cat",
            "renamed: denied",
            "/srv/phi/a.txt -> /tmp/b (name not certain)"
        ]
    );
    assert_eq!(row("read", "ok").cells()[3], "unknown");
    assert_eq!(AccessRow::COLUMNS.len(), cells.len());
}

#[test]
fn what_was_set_what_was_destroyed_and_who_is_not_known_stand_in_their_cells() {
    let chmod = AccessRow { arg_flags_text: "mode 0777".into(), ..row("chmod", "denied") };
    assert_eq!(done(&chmod), "given other permissions (mode 0777): denied");
    let read = AccessRow { arg_flags_text: "O_RDONLY".into(), ..row("read", "ok") };
    assert_eq!(done(&read), "opened for reading");
    let renamed = AccessRow { overwritten_inode: Some(5), ..row("rename", "ok") };
    assert_eq!(done(&renamed), "renamed, in place of another file");
    let mut unknown = row("delete", "ok");
    unknown.actor = ActorPart {
        auid: None,
        auid_name: String::new(),
        flags: vec!["identity_not_logged"],
        fsuid: Some(1001),
        ..unknown.actor
    };
    assert_eq!(who(&unknown), "unknown as uid 1001");
    unknown.actor.flags.clear();
    assert_eq!(who(&unknown), "nobody logged in as uid 1001");
}

#[test]
fn a_siem_learns_no_names_of_files_and_what_became_of_it() {
    let mut naming = Naming::new(false, vec![HostPath::new("/srv/phi").unwrap()]);
    let event = siem(&row("delete", "failed"), &mut naming);
    assert_eq!((event.outcome, event.op.as_str(), event.row.as_str()), (Outcome::Failure, "delete", "7"));
    assert_eq!(event.file.text().unwrap(), "phi-000001");
    assert_eq!((event.count, event.label), (2, "C"));
    // As the table says whom somebody acted as: where a program runs as its owner, that is another than its user.
    let mut suid = row("read", "ok");
    (suid.actor.uid, suid.actor.euid, suid.actor.fsuid) = (Some(1001), Some(0), Some(0));
    assert_eq!(suid.cells()[2], "alice as uid 0");
    let told = |row: &AccessRow| {
        let event = siem(row, &mut Naming::new(false, Vec::new()));
        (event.uid, event.euid)
    };
    assert_eq!(told(&suid), (Some(1001), Some(0)));
    suid.actor.fsuid = None;
    assert_eq!(told(&suid), (Some(1001), Some(0)));
    suid.actor.euid = None;
    assert_eq!(told(&suid), (Some(1001), Some(1001)));
    let own = siem(&AccessRow { collector: true, ..row("read", "unknown") }, &mut naming);
    assert_eq!((own.outcome, own.flags.contains(&"collector")), (Outcome::Unknown, true));
}

#[test]
fn a_hostile_name_cannot_leave_its_cell() {
    let hostile = AccessRow { path: "=cmd\u{1b}[31m\n".into(), ..row("read", "ok") };
    let (mut printer, mut out) = (Printer::new(Form::Csv, AccessRow::COLUMNS), Vec::new());
    printer.row(&hostile, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("'=cmd"), "{text}");
}
