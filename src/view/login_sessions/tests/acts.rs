//! Made-up acts as another, as sudo and su tell of them in several logs.

use super::*;

const LOGIN: &str = "1970-01-01T00:01:40Z";

fn sudo(
    source: Source,
    time: &str,
    pid: Option<u32>,
    command: &str,
    (file, offset): (u32, u64),
) -> (Source, Said) {
    let message = Message::Elevated {
        tool: Elevator::Sudo,
        by: b"bob".to_vec(),
        to: b"root".to_vec(),
        terminal: vec![],
        folder: vec![],
        command: command.into(),
        refused: None,
    };
    let (_, mut line) = said(time, pid, message);
    line.place = Place { file, offset };
    (source, line)
}

fn text(time: &str, pid: u32, command: &str, offset: u64) -> (Source, Said) {
    sudo(Source::Text, time, Some(pid), command, (1, offset))
}

/// The commands of bob's only session, by these lines and the audit log.
fn commands(audit: &str, lines: Vec<(Source, Said)>) -> Vec<String> {
    let log = session(100, Some(200), 50, (1002, "bob"), 2, "192.0.2.7") + audit;
    let all = joined(log.as_bytes(), lines, vec![]);
    let [bob] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert_eq!(all.untold, Untold::default());
    bob.elevations.iter().map(|act| String::from_utf8_lossy(&act.command).into_owned()).collect()
}

fn audited(second: u64, serial: u64, pid: u32, command: &str) -> String {
    let command: String = command.bytes().map(|byte| format!("{byte:02X}")).collect();
    let text = format!("cwd=\"/\" cmd={command} exe=\"/usr/bin/sudo\" terminal=? res=success");
    user("USER_CMD", second, serial, pid, "auid=1002 ses=2", &text)
}

#[test]
fn acts_of_one_session_within_a_moment_are_all_told() {
    let five = vec![
        text("1970-01-01T00:02:00.1Z", 61, "/usr/bin/true", 1),
        text("1970-01-01T00:02:00.4Z", 62, "/usr/bin/rm audit.log", 2),
        text("1970-01-01T00:02:00.6Z", 63, "/usr/bin/true", 3),
        text("1970-01-01T00:02:00.9Z", 64, "/usr/bin/cat a", 4),
        text("1970-01-01T00:02:01.2Z", 65, "/usr/bin/cat b", 5),
    ];
    let expected =
        ["true", "rm audit.log", "true", "cat a", "cat b"].map(|command| format!("/usr/bin/{command}"));
    assert_eq!(commands("", five.clone()), expected);
    // The same lines in another file, and in the journal, are of the same acts.
    let copies = five
        .iter()
        .map(|(_, line)| (Source::Text, Said { place: Place { file: 2, offset: 7 }, ..line.clone() }));
    let entries = five.iter().map(|(_, line)| (Source::Journal, line.clone()));
    assert_eq!(commands("", five.iter().cloned().chain(copies).chain(entries).collect()), expected);
}

#[test]
fn audit_and_text_of_one_act_are_one_and_of_two_acts_are_two() {
    let one = audited(120, 900, 61, "rm a");
    let line = |pid, command| sudo(Source::Text, "1970-01-01T00:02:00Z", pid, command, (1, 1));
    assert_eq!(commands(&one, vec![line(None, "/usr/bin/rm a")]), ["rm a"]);
    assert_eq!(commands(&one, vec![line(Some(61), "/usr/bin/rm a")]), ["rm a"]);
    // Another process, another program, or another argument.
    assert_eq!(commands(&one, vec![line(Some(62), "/usr/bin/rm a")]).len(), 2);
    assert_eq!(commands(&one, vec![line(None, "/usr/bin/cat a")]).len(), 2);
    assert_eq!(commands(&one, vec![line(None, "/usr/bin/rm b")]).len(), 2);
    // One line is of one act.
    let again = sudo(Source::Text, "1970-01-01T00:02:01Z", None, "/usr/bin/rm a", (1, 2));
    assert_eq!(commands(&one, vec![line(None, "/usr/bin/rm a"), again]).len(), 2);
}

#[test]
fn the_same_command_twice_within_a_second_is_two_acts_though_the_log_counts_whole_seconds() {
    let line = |place| sudo(Source::Text, "1970-01-01T00:02:00Z", None, "/usr/bin/true", place);
    assert_eq!(commands("", vec![line((1, 10)), line((1, 90))]).len(), 2);
    // A copy of the file, and the file read again.
    assert_eq!(commands("", vec![line((1, 10)), line((2, 10)), line((1, 10))]).len(), 1);
}

#[test]
fn a_session_in_which_the_clock_was_set_back_says_so_and_has_what_was_done_in_it() {
    let record = PairedLogin {
        user: b"bob".to_vec(),
        start: Some(at(LOGIN).plus(std::time::Duration::from_secs(3_600))),
        end: Some(at(LOGIN)),
        clock_set: -7_200_000_000,
        ..records().remove(0)
    };
    let all = joined(b"", vec![text("1970-01-01T00:02:00Z", 61, "/usr/bin/true", 1)], vec![record]);
    let [bob] = all.sessions.as_slice() else { panic!("{:#?}", all.sessions) };
    assert!(bob.flags.contains(&Flag::ClockStep));
    assert_eq!((bob.elevations.len(), all.untold.unplaced_elevations), (1, 0));
}
