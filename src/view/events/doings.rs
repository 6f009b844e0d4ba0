//! What was done to which file, told of the events of an audit log as they come, the oldest first: a relative name is
//! made whole from what the events before it said.

use super::Fact;
use super::audit::{self, About, Done};
use crate::custody::entry::EntryId;
use crate::records::audit_event::Event;
use crate::records::audit_event::items::{Item, NameType, sorted};
use crate::records::audit_event::names::{Around, Named, Names, join};
use crate::records::audit_event::operation::{Op, Operation, Syscall, read};
use crate::view::access::object;

/// Machines that are told apart.
const NODES: usize = 1_024;

/// What is known of names at this point of the log.
#[derive(Default)]
pub struct Doings {
    names: Names,
    nodes: Vec<Vec<u8>>,
}

impl Doings {
    /// The fact of the next event, where `entries` has the entry of each file by its number.
    pub fn fact(&mut self, event: &Event, entries: &[EntryId]) -> Fact {
        let Some(call) = event.records().find_map(|record| Syscall::of(&record)) else {
            return audit::fact(event, About { paths: given(event), ..About::default() }, entries);
        };
        let node = self.node(&event.node);
        let mut items = sorted(event.records());
        for id in items.iter_mut().filter_map(|item| item.id.as_mut()) {
            id.system = node;
        }
        let operation = read(&call, &items, event.record("OPENAT2").as_ref());
        let text = |kind, name| event.record(kind).and_then(|record| record.text(name));
        let around = Around {
            system: (node, event.epoch),
            cwd: text("CWD", "cwd"),
            cmdline: text("PROCTITLE", "proctitle"),
            call,
        };
        let names = self.names.resolve(&operation, &items, &around);
        let at = object(operation.op, &items).filter(|_| operation.op != Op::Other);
        let named = at.and_then(|at| names.get(at));
        let done = named.map(|named| Done {
            op: operation.op.word(),
            spoken: operation.op.spoken(),
            path: &named.path,
            new_path: new_name(&operation, &items, &names),
        });
        let files = || items.iter().zip(&names).filter(|(item, _)| item.kind != NameType::Parent);
        let path = |(item, named): (&Item<'_>, &Named)| match item.given() {
            Some(given) if !named.found.is_sure() && operation.op == Op::Other => given.to_vec(),
            _ => named.path.clone(),
        };
        // Where such a call looks for a name is not known here: as a rule in the working directory.
        let perhaps = |(item, named): (&Item<'_>, &Named)| {
            let given = item.given().filter(|_| !named.found.is_sure() && operation.op == Op::Other)?;
            Some(join(around.cwd.as_deref()?, given))
        };
        let about = About {
            done,
            paths: files().map(path).collect(),
            perhaps: files().filter_map(perhaps).collect(),
        };
        let mut fact = audit::fact(event, about, entries);
        // Put together from words that the process chose, or not at all.
        fact.labels.extend(named.filter(|named| !named.found.is_sure()).map(|named| named.found.word()));
        self.names.learn(&operation, &items, &names, &around);
        fact
    }

    fn node(&mut self, node: &[u8]) -> u32 {
        let at = self.nodes.iter().position(|known| known == node).unwrap_or_else(|| {
            if self.nodes.len() < NODES {
                self.nodes.push(node.to_vec());
            }
            self.nodes.len().saturating_sub(1)
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

/// The names that stand in an event without its call.
fn given(event: &Event) -> Vec<Vec<u8>> {
    let items = sorted(event.records());
    items
        .iter()
        .filter(|item| item.kind != NameType::Parent)
        .filter_map(|item| Some(item.given()?.to_vec()))
        .collect()
}

/// What a file is called from now on, or called as well.
fn new_name<'n>(operation: &Operation, items: &[Item<'_>], names: &'n [Named]) -> &'n [u8] {
    if !matches!(operation.op, Op::Rename | Op::Link) {
        return b"";
    }
    let made = items.iter().zip(names).find(|(item, _)| item.kind == NameType::Create);
    made.map_or(b"", |(_, named)| &named.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::HostPath;
    use crate::view::timeline::Asked;

    /// Written from documentation (auditctl(8), linux/audit.h).
    fn event(serial: u32, syscall: u32, paths: &[&str]) -> Event {
        let mut lines = vec![
            format!(
                "type=SYSCALL msg=audit(1795292388.5:{serial}): arch=c000003e syscall={syscall} success=yes exit=0 a0=1 a1=1 \
                 a2=0 a3=0 items={} pid=80 auid=1001 uid=0 ses=4 comm=\"mv\" exe=\"/usr/bin/mv\" key=\"phi\"",
                paths.len()
            ),
            format!("type=CWD msg=audit(1795292388.5:{serial}): cwd=\"/srv/phi\""),
        ];
        for (number, path) in paths.iter().enumerate() {
            lines.push(format!("type=PATH msg=audit(1795292388.5:{serial}): item={number} {path}"));
        }
        let lines: Vec<Vec<u8>> =
            lines.into_iter().map(|line| line.replace("8.5:", "8.500:").into_bytes()).collect();
        Event::of(&lines.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_relative_name_is_told_as_a_whole_path_and_a_renaming_with_both() {
        let mut doings = Doings::default();
        let folder = "name=\"/srv/phi\" inode=1 dev=08:01 mode=040700 ouid=0 ogid=0 nametype=PARENT";
        let old = "name=\"a.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 nametype=DELETE";
        let new = "name=\"b.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 nametype=CREATE";
        let fact = doings.fact(&event(1, 82, &[folder, folder, old, new]), &[]);
        assert_eq!((fact.what.as_ref(), fact.path.as_slice()), ("audit.rename", &b"/srv/phi/a.txt"[..]));
        assert!(
            fact.words.contains("/srv/phi/a.txt was renamed (/srv/phi/b.txt) by /usr/bin/mv"),
            "{}",
            fact.words
        );
        let fact = doings.fact(&event(2, 87, &[folder, new.replace("CREATE", "DELETE").as_str()]), &[]);
        assert_eq!((fact.what.as_ref(), fact.path.as_slice()), ("audit.delete", &b"/srv/phi/b.txt"[..]));
    }

    #[test]
    fn what_is_no_call_on_a_file_is_told_as_before() {
        let line = b"type=USER_LOGIN msg=audit(1795292388.500:3): pid=9 uid=0 auid=1001 ses=5 msg='op=login acct=\"anna\" res=success'";
        let event = Event::of(&[line]).unwrap();
        assert_eq!(Doings::default().fact(&event, &[]), audit::fact(&event, About::default(), &[]));
    }

    fn asked(path: &str, fact: &Fact) -> bool {
        let paths = vec![HostPath::new(path.as_bytes()).unwrap()];
        Asked { paths, ..Asked::default() }.admits(fact)
    }

    #[test]
    fn each_name_of_a_call_is_one_that_can_be_asked_for() {
        let folder = |path: &str| {
            format!("name=\"{path}\" inode=1 dev=08:01 mode=040700 ouid=0 ogid=0 nametype=PARENT")
        };
        let old = "name=\"/tmp/evil\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 nametype=DELETE";
        let gone = "name=\"/srv/phi/p.txt\" inode=8 dev=08:01 mode=0100600 ouid=0 ogid=0 nametype=DELETE";
        let new = "name=\"/srv/phi/p.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 nametype=CREATE";
        let moved = event(1, 82, &[folder("/tmp/").as_str(), folder("/srv/phi/").as_str(), old, gone, new]);
        let fact = Doings::default().fact(&moved, &[]);
        assert_eq!(fact.path, b"/tmp/evil");
        assert!(asked("/tmp", &fact) && asked("/srv/phi", &fact) && !asked("/srv/other", &fact));
        let sub = "name=\"sub\" inode=9 dev=08:01 mode=040700 ouid=0 ogid=0 nametype=NORMAL";
        let told = |number| Doings::default().fact(&event(2, number, &[sub]), &[]);
        let mount = told(165);
        assert_eq!((mount.what.as_ref(), mount.path.as_slice()), ("audit.call", &b"/srv/phi/sub"[..]));
        // Where a call looks for a name that nobody knows here is not known either.
        let unknown = told(9_999);
        assert_eq!((unknown.what.as_ref(), unknown.path.as_slice()), ("audit.call", &b"sub"[..]));
        assert!(asked("/srv/phi/sub", &unknown) && !asked("/srv/phi/other", &unknown));
        // Without the record of the call.
        let alone = b"type=PATH msg=audit(1795292388.500:3): item=0 name=\"/srv/phi/a\" inode=5 dev=fe:00 nametype=NORMAL";
        let fact = Doings::default().fact(&Event::of(&[alone]).unwrap(), &[]);
        assert!(asked("/srv/phi", &fact), "{fact:?}");
    }

    /// From Linux 6.18: what is brought about is logged with its call.
    #[test]
    fn what_a_call_brought_about_is_told_and_not_the_call() {
        let call = "type=SYSCALL msg=audit(1795292388.500:9): arch=c000003e syscall=1 success=yes exit=4 items=0 pid=80 \
            auid=1001 uid=0 ses=4 comm=\"sshd\" exe=\"/usr/sbin/sshd\" key=(null)";
        let told = |line: &str| {
            let lines = [line.as_bytes(), call.as_bytes()];
            let fact = Doings::default().fact(&Event::of(&lines).unwrap(), &[]);
            (fact.what.into_owned(), fact.auid, fact.address)
        };
        let none = Vec::new();
        let login = "type=LOGIN msg=audit(1795292388.500:9): pid=80 uid=0 old-auid=4294967295 auid=1001 tty=(none) old-ses=4294967295 ses=4 res=1";
        assert_eq!(told(login), ("login.identity_set".into(), Some(1001), none.clone()));
        let refused = login.replace("res=1", "res=0");
        assert_eq!(told(&refused).0, "login.identity_not_set");
        let rule = "type=CONFIG_CHANGE msg=audit(1795292388.500:9): auid=1001 ses=4 op=set audit_enabled=0 old=1 res=1";
        assert_eq!(told(rule).0, "auditing.changed");
        assert_eq!(told(&rule.replace("res=1", "res=0")).0, "auditing.not_changed");
        let other = "type=SOCKADDR msg=audit(1795292388.500:9): saddr=02000016C00002070000000000000000";
        assert_eq!(told(other), ("audit.call".into(), Some(1001), b"192.0.2.7".to_vec()));
    }
}
