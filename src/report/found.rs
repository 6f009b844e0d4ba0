//! Audit events as a search finds them: a row with what most people look for first, and all records of the event as they
//! were logged.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{Column, Row};
use crate::clock::Timestamp;
use crate::custody::entry::Base64;
use crate::custody::rows::text;
use crate::path::shown;
use crate::records::audit_event::Event;

/// Names of files that a row shows one by one; all stand in the records.
const NAMES: usize = 8;

/// One event. Keys are sorted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FoundRow {
    /// The user who logged in, by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid: Option<u32>,
    /// That user's name on the examined host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid_name: Option<String>,
    /// What the process calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Which boot, counted from the oldest log that was read.
    pub epoch: u32,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Time and serial number, as the log has them.
    pub id: String,
    /// The keys of the rules that wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Names of files, as they were given; the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The machine that logged it, where the log names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Its records, as they were logged.
    pub records: Vec<RecordRow>,
    /// The session of the login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// Why less is known of it than was logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shortfalls: Vec<&'static str>,
    /// Whether it succeeded: `yes` or `no`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// The number of the system call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<u64>,
    /// When, to the nanosecond.
    pub time: String,
    /// The types of its records, each once.
    pub types: Vec<String>,
    /// The user whose rights it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
}

/// One record. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct RecordRow {
    /// The log that it stands in: in a bundle the number of its entry.
    pub file: u32,
    /// Bytes before it in the text of that log, unpacked.
    pub offset: u64,
    /// The line, escaped.
    pub text: String,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_b64: Option<Base64>,
}

impl FoundRow {
    /// The row of an event; `names` are those of the examined host's users.
    pub fn of(event: &Event, names: &BTreeMap<u32, Vec<u8>>) -> FoundRow {
        let mut row = FoundRow {
            epoch: event.epoch,
            id: id(event),
            node: (!event.node.is_empty()).then(|| shown(&event.node)),
            shortfalls: event.shortfalls.iter().map(|short| short.word()).collect(),
            time: event.id.time.to_string(),
            ..FoundRow::default()
        };
        let spoken = |value: Option<Vec<u8>>| value.map(|value| shown(&value));
        for record in event.records() {
            once(&mut row.types, shown(record.kind));
            let number = |name: &str| record.number(name);
            let narrow = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
            row.auid = row.auid.or_else(|| narrow("auid"));
            row.session = row.session.or_else(|| narrow("ses"));
            row.uid = row.uid.or_else(|| number("uid"));
            row.pid = row.pid.or_else(|| number("pid"));
            row.syscall = row.syscall.or_else(|| number("syscall"));
            row.comm = row.comm.take().or_else(|| spoken(record.text("comm")));
            row.exe = row.exe.take().or_else(|| spoken(record.text("exe")));
            row.success = row.success.take().or_else(|| record.raw("success").map(shown));
            record.keys().iter().for_each(|key| once(&mut row.keys, shown(key)));
            if record.kind == b"PATH"
                && row.names.len() < NAMES
                && let Some(name) = record.text("name")
            {
                row.names.push(shown(&name));
            }
        }
        row.auid_name = row.auid.and_then(|auid| names.get(&auid)).map(|name| shown(name));
        row.records =
            event.lines().map(|(line, place)| RecordRow::of(line, place.file, place.offset)).collect();
        row
    }
}

impl RecordRow {
    fn of(line: &[u8], file: u32, offset: u64) -> RecordRow {
        let (text, text_b64) = text(line);
        RecordRow { file, offset, text, text_b64 }
    }
}

/// Time and serial number as the first record of the event has them: `1795292388.123:4711`.
pub fn id(event: &Event) -> String {
    let line = event.lines().next().map(|(line, _)| line).unwrap_or_default();
    let at = line.windows(10).position(|part| part == b"msg=audit(").map(|at| at + 10);
    let inner = at.and_then(|at| line.get(at..)?.split(|byte| *byte == b')').next());
    inner.map_or_else(|| format!("{}:{}", written(event.id.time), event.id.serial), shown)
}

/// Seconds and milliseconds.
fn written(time: Timestamp) -> String {
    let millis = time.since(Timestamp::from_unix(time.unix(), 0)).as_millis();
    format!("{}.{millis:03}", time.unix())
}

fn once(list: &mut Vec<String>, value: String) {
    if !list.contains(&value) {
        list.push(value);
    }
}

impl Row for FoundRow {
    const COLUMNS: &'static [Column] = &[
        Column { name: "time", width: 24 },
        Column { name: "serial", width: 7 },
        Column { name: "user", width: 10 },
        Column { name: "pid", width: 7 },
        Column { name: "comm", width: 12 },
        Column { name: "ok", width: 3 },
        Column { name: "types", width: 12 },
        Column { name: "keys", width: 12 },
        Column { name: "names", width: 40 },
    ];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let user = match (self.auid, &self.auid_name) {
            (None, _) => String::new(),
            (Some(u32::MAX), _) => "unset".into(),
            (_, Some(name)) => name.clone(),
            (Some(auid), None) => auid.to_string(),
        };
        vec![
            self.time.clone(),
            self.id.rsplit(':').next().unwrap_or_default().to_owned(),
            user,
            number(self.pid),
            self.comm.clone().unwrap_or_default(),
            self.success.clone().unwrap_or_default(),
            self.types.join(" "),
            self.keys.join(" "),
            self.names.join(" "),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    // Written from documentation (auditd(8), auditctl(8)).
    const LINES: [&[u8]; 2] = [
        b"type=SYSCALL msg=audit(1795292388.123:4711): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c items=1 ppid=1 pid=2 auid=1001 uid=1001 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"phi_access\"",
        b"type=PATH msg=audit(1795292388.123:4711): item=0 name=2F7372762FFF inode=1 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL",
    ];

    #[test]
    fn a_row_has_what_is_looked_for_first_and_every_record() {
        let event = Event::of(&LINES).unwrap();
        let row = FoundRow::of(&event, &BTreeMap::from([(1001, b"alice".to_vec())]));
        assert_eq!(row.id, "1795292388.123:4711");
        assert_eq!((row.auid, row.auid_name.as_deref(), row.pid), (Some(1001), Some("alice"), Some(2)));
        assert_eq!((row.types.join(" "), row.keys.join(" ")), ("SYSCALL PATH".into(), "phi_access".into()));
        assert_eq!(row.names, ["/srv/\\xff"]);
        assert_eq!(row.records[1].text.as_bytes(), LINES[1]);
        assert_eq!(row.cells().len(), FoundRow::COLUMNS.len());
        assert_eq!(row.cells()[..3], ["2026-11-21T20:19:48.123000000Z", "4711", "alice"]);
        json::assert_keys_sorted(&row);
    }

    #[test]
    fn the_bytes_of_a_record_are_not_lost() {
        let line = b"type=USER_LOGIN msg=audit(5.001:7): acct=\"\xff\" res=failed";
        let row = FoundRow::of(&Event::of(&[line]).unwrap(), &BTreeMap::new());
        assert_eq!(row.records[0].text_b64.as_ref().unwrap().0, line);
        assert_eq!(row.id, "5.001:7");
        json::assert_keys_sorted(&row.records[0]);
    }
}
