//! Sockets in the states that pass quickly on a real network, held still in a network namespace of their own; and what `ss`
//! tells of a socket only if it is asked for particulars: cookie, mark, device, timer.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use serde_json::Value;

use crate::sockets::{Holder, Namespace, Table};
use crate::support::{Desk, only_root, tool};

/// What `ss -e -o` says of one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    state: String,
    local: String,
    remote: String,
    cookie: u64,
    mark: u64,
    /// Name and times.
    timer: Option<(String, u64)>,
}

/// The lines of `ss` in a namespace, by inode and ports: what nobody holds yet has no inode.
fn ss(namespace: &Namespace) -> BTreeMap<(u64, String, String), Line> {
    let args = ["netns", "exec", &namespace.0, "ss", "-H", "-a", "-n", "-e", "-o", "-O", "-t", "-u"];
    let listed = tool("ip", &args.map(OsStr::new)).code(0).stdout;
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let field = |name: &str| fields.iter().find_map(|field| field.strip_prefix(name));
        let timer = field("timer:(").map(|timer| {
            let parts: Vec<&str> = timer.trim_end_matches(')').split(',').collect();
            (parts[0].to_owned(), parts[2].parse().unwrap())
        });
        let line = Line {
            state: fields[1].to_owned(),
            local: fields[4].to_owned(),
            remote: fields[5].to_owned(),
            cookie: u64::from_str_radix(field("sk:").unwrap(), 16).unwrap(),
            mark: field("fwmark:0x").map_or(0, |mark| u64::from_str_radix(mark, 16).unwrap()),
            timer,
        };
        let inode = field("ino:").map_or(0, |inode| inode.parse().unwrap());
        ((inode, line.local.clone(), line.remote.clone()), line)
    };
    listed.lines().map(of_line).collect()
}

/// The word that `ss` has for our timer.
fn timer_of_ss(timer: &Value) -> Option<&str> {
    Some(match timer.as_str()? {
        "retransmit" => "on",
        "time_wait" => "timewait",
        "zero_window" => "persist",
        other => other,
    })
}

fn state_of_ss(row: &Value) -> String {
    match row["state"].as_str().unwrap() {
        "ESTABLISHED" => "ESTAB".to_owned(),
        "CLOSE" | "BOUND_INACTIVE" => "UNCONN".to_owned(),
        "FIN_WAIT1" => "FIN-WAIT-1".to_owned(),
        "FIN_WAIT2" => "FIN-WAIT-2".to_owned(),
        other => other.replace('_', "-"),
    }
}

/// One row beside what `ss` said before and after. Timers run and go off meanwhile: their kind is compared where it was
/// the same both times, and their count must lie between.
fn compare(row: &Value, before: &Line, after: &Line) {
    assert_eq!(row["cookie"], before.cookie, "{before:?}\n{row}");
    assert_eq!(row["mark"].as_u64().unwrap_or(0), before.mark, "{before:?}\n{row}");
    if before.state == after.state {
        assert_eq!(state_of_ss(row), before.state, "{row}");
    }
    let (Some((kind, least)), Some((kind_after, most))) = (&before.timer, &after.timer) else { return };
    if kind == kind_after && least <= most {
        assert_eq!(timer_of_ss(&row["timer"]), Some(kind.as_str()), "{before:?}\n{row}");
        let times = row["retransmits"].as_u64().unwrap();
        assert!((*least..=*most).contains(&times), "{before:?}\n{after:?}\n{row}");
    }
}

#[test]
fn particulars_and_passing_states_are_those_that_ss_shows() {
    if !only_root("a network namespace") {
        return;
    }
    let desk = Desk::new();
    let namespace = Namespace::new("states");
    let holder = namespace.holder("states");
    let before = ss(&namespace);
    let table = Table::collect(&desk);
    let after = ss(&namespace);
    let mut compared = 0;
    for (key, line) in before.iter().filter(|(key, _)| key.0 != 0) {
        let Some(line_after) = after.get(key) else { continue };
        compare(table.of(key.0), line, line_after);
        compared += 1;
    }
    assert!(compared >= 14, "ss showed only {compared}: {before:#?}");
    held_states(&holder, &table);
    particulars(&holder, &table);
    half_open(&holder, &table, &before);
}

/// That the sockets are in the states that they were brought into, so that the comparison was one of these.
fn held_states(holder: &Holder, table: &Table) {
    for (name, state) in [
        ("fin wait 1", "FIN_WAIT1"),
        ("fin wait 1, other end", "ESTABLISHED"),
        ("closing", "CLOSING"),
        ("closing, other end", "FIN_WAIT2"),
        ("last ack", "LAST_ACK"),
        ("last ack, other end", "FIN_WAIT2"),
        ("syn sent", "SYN_SENT"),
        ("zero window", "ESTABLISHED"),
    ] {
        assert_eq!(table.of(holder.inode(name))["state"], state, "{name}");
    }
}

fn particulars(holder: &Holder, table: &Table) {
    let of = |name| table.of(holder.inode(name));
    assert_eq!(of("mark")["mark"], 0xbeef);
    for name in ["tcp of a device", "udp of a device"] {
        let row = of(name);
        assert_eq!((&row["interface"], &row["interface_name"]), (&1.into(), &"lo".into()), "{row}");
    }
    let keepalive = of("keepalive");
    assert_eq!((&keepalive["timer"], &keepalive["retransmits"]), (&"keepalive".into(), &0.into()));
    let left = keepalive["timer_ms"].as_u64().unwrap();
    assert!((2_700_000..=3_000_000).contains(&left), "{keepalive}");
    let calling = of("syn sent");
    assert_eq!((&calling["timer"], &calling["remote"]), (&"retransmit".into(), &"192.0.2.1".into()));
    assert!(calling["retransmits"].as_u64().unwrap() >= 1, "{calling}");
    assert_eq!(of("zero window")["timer"], "zero_window", "{}", of("zero window"));
    assert!(of("zero window")["send_queue"].as_u64().unwrap() > 0);
}

/// A connection that its listener does not hand over before there is something to read: it has no inode, and nobody holds
/// it, which is nothing to remark.
fn half_open(holder: &Holder, table: &Table, before: &BTreeMap<(u64, String, String), Line>) {
    let ports = (&holder.told["patient port"], &holder.told["caller port"]);
    let found = table.rows.iter().find(|row| (&row["local_port"], &row["remote_port"]) == ports);
    let row = found.unwrap_or_else(|| panic!("no row of the connection of {ports:?}"));
    assert_eq!((&row["state"], &row["inode"]), (&"SYN_RECV".into(), &0.into()), "{row}");
    assert_eq!((&row["owners"], &row["owner_unknown"]), (&Value::Array(Vec::new()), &Value::Null));
    let key = (0, format!("127.0.0.1:{}", ports.0), format!("127.0.0.1:{}", ports.1));
    let line = before.get(&key).unwrap_or_else(|| panic!("ss does not show {key:?}: {before:#?}"));
    assert_eq!((line.state.as_str(), &row["cookie"]), ("SYN-RECV", &line.cookie.into()));
    assert_eq!(timer_of_ss(&row["timer"]), line.timer.as_ref().map(|(kind, _)| kind.as_str()), "{row}");
}
