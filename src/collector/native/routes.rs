//! Links, addresses, routes, rules and neighbours of every network namespace, as rtnetlink(7) gives them, and the
//! tables that are made of the answers.

mod names;
mod questions;

use names::Names;
use questions::{ABSENT, Question, TABLES, Table};

use crate::collector::parts::{self, Parts, Why};
use crate::collector::run::Run;
use crate::collector::tables::{Put, Rows, table_row, tell_unseen, without_rows, write_answer, write_text};
use crate::custody::entry::{Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::Outcome;
use crate::host::netlink::{Answer, Netlink, Subsystem};
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};
use crate::records::netlink::messages;
use crate::records::rtnetlink::{self, ask, multicast, traffic};

/// Bytes of answers that are kept until tables are made of them; one answer more may be.
const KEPT: usize = 8 << 20;

/// Bytes of one answer at most: what two hundred thousand routes give.
const ANSWER: usize = 24 << 20;

/// What was asked, in the words of sources.
const SUBJECT: &str = "rtnetlink";

/// A trouble of one question: whose rows it costs, and why.
type Trouble = (Table, Why);

/// An answer that waits for its rows.
struct Kept {
    netns: u64,
    table: Table,
    kind: u16,
    family: Option<u8>,
    datagrams: Vec<Vec<u8>>,
}

struct Round {
    parts: Parts,
    kept: Vec<Kept>,
    kept_bytes: usize,
    names: Names,
    troubles: Vec<Trouble>,
    /// Of these troubles the tables of earlier parts have told.
    told: usize,
    asked: u64,
}

/// Asks every namespace everything, and makes the tables.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let Some(scan) = parts::namespaces(run)? else { return Ok(()) };
    let answers = ("rtnetlink and /proc/net", "Answers of the kernel about links and routes, as they came");
    let parts = Parts::of("routes", SUBJECT, answers);
    let mut round = Round {
        parts,
        kept: Vec::new(),
        kept_bytes: 0,
        names: Names::default(),
        troubles: Vec::new(),
        told: 0,
        asked: 0,
    };
    for namespace in &scan.namespaces {
        round.namespace(run, namespace)?;
    }
    round.tables(run)?;
    round.without_rows(run, &scan)?;
    describe(run, &scan)?;
    for (table, (outcome, reason)) in std::mem::take(&mut round.troubles) {
        run.intake.gap(Source::text(format!("{SUBJECT}, {}", table.named().0)), outcome, reason)?;
    }
    tell_unseen(run, &scan)
}

impl Round {
    fn namespace(&mut self, run: &mut Run<'_, '_>, namespace: &NetworkNamespace) -> Result<(), Halt> {
        let host = run.host;
        let netlink = match host.netlink(Subsystem::Route, Some(namespace)) {
            Ok(netlink) => netlink,
            Err(trouble) => {
                let (outcome, reason) = trouble.verdict();
                let words = format!("network namespace {}: {}", namespace.inode, reason.words);
                for table in TABLES {
                    self.troubles.push((*table, (outcome, Reason::new(reason.code, words.clone()))));
                }
                return Ok(());
            }
        };
        self.asked += 1;
        for question in questions::all() {
            let answer = self.put(run, &netlink, namespace.inode, &question)?;
            if question.table == Table::Qdiscs {
                self.filters(run, &netlink, namespace.inode, &answer)?;
            }
            self.keep(run, namespace.inode, &question, answer)?;
        }
        self.groups(run, namespace)
    }

    /// Puts one question; what is wrong with the answer is noted.
    fn put(
        &mut self,
        run: &mut Run<'_, '_>,
        netlink: &Netlink<'_>,
        netns: u64,
        question: &Question,
    ) -> Result<Answer, Halt> {
        self.parts.check(run)?;
        let answer = netlink.dump_up_to(question.kind, &question.body, ANSWER);
        let request = Some((question.kind, question.body.as_slice()));
        let put = Put { netns, question: question.name, request, round: None };
        write_answer(self.parts.answers(run)?, run, put, &answer)?;
        let may_lack = question.may_lack && ABSENT.iter().any(|errno| answer.is_refused_with(*errno));
        if !may_lack && let Some((outcome, reason)) = answer.verdict(question.name) {
            let words = format!("network namespace {netns}: {}", reason.words);
            self.troubles.push((question.table, (outcome, Reason::new(reason.code, words))));
        }
        Ok(answer)
    }

    fn keep(
        &mut self,
        run: &mut Run<'_, '_>,
        netns: u64,
        question: &Question,
        answer: Answer,
    ) -> Result<(), Halt> {
        if question.table == Table::Links {
            self.names.learn(netns, &answer.datagrams);
        }
        self.kept_bytes += answer.datagrams.iter().map(Vec::len).sum::<usize>();
        let Question { table, kind, family, .. } = *question;
        self.kept.push(Kept { netns, table, kind, family, datagrams: answer.datagrams });
        if self.kept_bytes > KEPT { self.tables(run) } else { Ok(()) }
    }

    /// Filters hang below queueing disciplines, and are asked for one by one.
    fn filters(
        &mut self,
        run: &mut Run<'_, '_>,
        netlink: &Netlink<'_>,
        netns: u64,
        qdiscs: &Answer,
    ) -> Result<(), Halt> {
        let mut wanted = Vec::new();
        for message in qdiscs.datagrams.iter().flat_map(|datagram| messages(datagram)).flatten() {
            let Some(qdisc) = rtnetlink::row(ask::QDISC, &message) else { continue };
            let index = qdisc.number_of("dev_index").and_then(|index| u32::try_from(index).ok());
            wanted
                .extend(traffic::parents_of(&qdisc).into_iter().filter_map(|parent| Some((index?, parent))));
        }
        for (index, parent) in wanted {
            let question = questions::filters(traffic::filters_of(index, parent));
            let answer = self.put(run, netlink, netns, &question)?;
            self.keep(run, netns, &question, answer)?;
        }
        Ok(())
    }

    /// Multicast groups as /proc/net lists them: older kernels give those of IPv4 nowhere else.
    fn groups(&mut self, run: &mut Run<'_, '_>, namespace: &NetworkNamespace) -> Result<(), Halt> {
        let netns = namespace.inode;
        let mut trouble_of = |(outcome, reason): (Outcome, Reason)| {
            let words = format!("network namespace {netns}: {}", reason.words);
            self.troubles.push((Table::Multicast, (outcome, Reason::new(reason.code, words))));
        };
        let names = questions::GROUP_TABLES.iter().map(|(name, _)| *name).collect();
        let texts = match run.host.net_texts(namespace, names) {
            Ok(texts) => texts,
            Err(trouble) => {
                trouble_of(trouble.verdict());
                return Ok(());
            }
        };
        let mut read = Vec::new();
        for ((name, text), (_, kind)) in texts.into_iter().zip(questions::GROUP_TABLES) {
            let question = format!("/proc/net/{name}");
            match text {
                Ok(text) => {
                    text.verdict(&question).map(&mut trouble_of);
                    read.push((question, *kind, text));
                }
                // A kernel without the protocol has no groups of it.
                Err(crate::host::Trouble::Missing(_)) => {}
                Err(trouble) => trouble_of(trouble.verdict()),
            }
        }
        for (question, kind, text) in read {
            write_text(self.parts.answers(run)?, run, Put::text(netns, &question), &text)?;
            self.kept_bytes += text.bytes.len();
            let datagrams = vec![text.bytes];
            self.kept.push(Kept { netns, table: Table::Multicast, kind, family: None, datagrams });
        }
        Ok(())
    }

    /// Ends the part, and makes the tables of what it holds.
    fn tables(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if !self.parts.end(run, None)? {
            return Ok(());
        }
        let new = self.troubles.get(self.told..).unwrap_or_default();
        for table in TABLES {
            let trouble = new.iter().find(|(of, _)| of == table).map(|(_, why)| why);
            let (kept, names) = (&self.kept, &self.names);
            self.parts.table(run, table.named(), trouble, |run, rows| {
                for kept in kept.iter().filter(|kept| kept.table == *table) {
                    for row in kept.datagrams.iter().flat_map(|datagram| records_of(kept, datagram)) {
                        rows.row(run, &table_row(names.put_into(kept.netns, row)))?;
                    }
                }
                Ok(())
            })?;
        }
        self.kept.clear();
        self.kept_bytes = 0;
        self.told = self.troubles.len();
        Ok(())
    }

    /// The tables that have no row in any part, each with why; a trouble that is so told needs no gap of its own.
    fn without_rows(&mut self, run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
        for table in TABLES.iter().filter(|table| !self.parts.has_rows(table.named())) {
            let first = self.troubles.iter().position(|(of, _)| of == table);
            let why = match first {
                Some(first) => self.troubles.remove(first).1,
                None => without_rows(scan, self.asked),
            };
            self.parts.without_rows(run, table.named(), &why)?;
        }
        Ok(())
    }
}

/// The rows in a piece of an answer. What is no row is one that holds its bytes.
fn records_of(kept: &Kept, piece: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    let read_groups: Option<fn(&[u8]) -> multicast::Rows> = match kept.kind {
        questions::LINK_GROUPS => Some(multicast::link_groups),
        questions::INET_GROUPS => Some(multicast::inet_groups),
        questions::INET6_GROUPS => Some(multicast::inet6_groups),
        _ => None,
    };
    if let Some(read) = read_groups {
        let (groups, odd) = read(piece);
        rows.extend(groups);
        rows.extend(odd.into_iter().map(unread));
        for row in &mut rows {
            row.word("source", "proc");
        }
        return rows;
    }
    for message in messages(piece) {
        let Ok(message) = message else {
            rows.push(unread(piece.to_vec()));
            break;
        };
        // Groups come under the number of the question, everything else under the number two below.
        let groups = kept.table == Table::Multicast;
        let is_row = message.kind.checked_add(if groups { 0 } else { 2 }) == Some(kept.kind);
        // Where a family is not there, the kernel answers with all others.
        let of_family = kept.family.is_none_or(|family| rtnetlink::family(&message) == Some(family));
        if is_row && of_family {
            let row = rtnetlink::row(kept.kind, &message);
            let mut row = row.unwrap_or_else(|| unread(message.payload.to_vec()));
            if groups {
                if let Some(address) = row.take("multicast").or_else(|| row.take("anycast")) {
                    row.set("address", address);
                }
                row.word("source", if kept.kind == ask::ANYCAST { "anycast" } else { "netlink" });
            }
            rows.push(row);
        }
    }
    rows
}

fn unread(bytes: Vec<u8>) -> Row {
    let mut row = Row::default();
    row.set("unread", Value::Raw(bytes));
    row
}

/// The namespaces themselves: who is in them, and where they are mounted.
fn describe(run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
    let source = Source::text("/proc/PID/ns/net, /proc/PID/fd, /proc/self/mountinfo");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Network namespaces".into());
    let mut rows = Rows::begin(run, "routes", "namespaces.jsonl", draft)?;
    for namespace in &scan.namespaces {
        let mut row = Row::default();
        row.number("netns", namespace.inode);
        row.set("own", Value::Flag(namespace.own));
        let paths = namespace.paths.iter().map(|path| Value::Name(path.as_bytes().to_vec()));
        row.set("paths", Value::List(paths.collect()));
        // Named as in the table of namespaces that `sockets` has.
        let of = |pid: u32, more: Option<(&str, u32)>| {
            let mut process = Row::default();
            process.number("pid", pid);
            more.into_iter().for_each(|(name, number)| process.number(name, number));
            Value::Row(process)
        };
        let inside = namespace.processes.iter().map(|pid| of(*pid, None));
        row.set("processes", Value::List(inside.collect()));
        let held = namespace.held_by.iter().map(|(pid, fd)| of(*pid, Some(("fd", *fd))));
        row.set("held_by", Value::List(held.collect()));
        let threads = namespace.threads.iter().map(|(pid, thread)| of(*pid, Some(("thread", *thread))));
        row.set("threads", Value::List(threads.collect()));
        rows.row(run, &table_row(row))?;
    }
    rows.end(run, |_| ())?;
    Ok(())
}
