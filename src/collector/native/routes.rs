//! Links, addresses, routes, rules and neighbours of every network namespace, as rtnetlink(7) gives them, and the
//! tables that are made of the answers.

mod names;
mod questions;

use names::Names;
use questions::{ABSENT, Question, TABLES, Table};

use crate::collector::run::Run;
use crate::collector::tables::{Put, Rows, table_row, write_answer, write_bytes};
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::netlink::{Answer, Netlink, Subsystem};
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};
use crate::records::netlink::messages;
use crate::records::rtnetlink::{self, ask, multicast, traffic};

/// Bytes of answers that are kept until tables are made of them; one answer more may be.
const KEPT: usize = 8 << 20;

/// A trouble of one question: its outcome and reason, and whose rows it costs.
type Trouble = (Table, Outcome, Reason);

/// An answer that waits for its rows.
struct Kept {
    netns: u64,
    table: Table,
    kind: u16,
    family: Option<u8>,
    datagrams: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Round {
    part: u32,
    answers: Option<Rows>,
    kept: Vec<Kept>,
    kept_bytes: usize,
    names: Names,
    troubles: Vec<Trouble>,
    asked: u64,
}

/// Asks every namespace everything, and makes the tables.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let scan = match run.host.network() {
        Ok(scan) => scan,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(Source::text("network namespaces"), outcome, reason)?;
            return Ok(());
        }
    };
    let mut round = Round::default();
    for namespace in &scan.namespaces {
        round.namespace(run, namespace)?;
    }
    round.tables(run)?;
    describe(run, &scan)?;
    for (table, outcome, reason) in std::mem::take(&mut round.troubles) {
        run.intake.gap(Source::text(format!("rtnetlink, {}", table.name())), outcome, reason)?;
    }
    unseen(run, &scan)
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
                    self.troubles.push((*table, outcome, Reason::new(reason.code, words.clone())));
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
        run.intake.check_within_member()?;
        let answer = netlink.dump(question.kind, &question.body);
        let put = Put { netns, question: question.name, kind: question.kind, body: &question.body };
        let mut answers = self.answers(run)?;
        write_answer(&mut answers, run, put, &answer)?;
        self.answers = Some(answers);
        let may_lack = question.may_lack && ABSENT.iter().any(|errno| answer.is_refused_with(*errno));
        if !may_lack && let Some((outcome, reason)) = answer.verdict(question.name) {
            let words = format!("network namespace {netns}: {}", reason.words);
            self.troubles.push((question.table, outcome, Reason::new(reason.code, words)));
        }
        Ok(answer)
    }

    /// The member of raw answers, begun if it is not open.
    fn answers(&mut self, run: &mut Run<'_, '_>) -> Result<Rows, Halt> {
        if let Some(answers) = self.answers.take() {
            return Ok(answers);
        }
        self.part += 1;
        let source = Source::text("rtnetlink and /proc/net, in each network namespace");
        let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
        draft.title = Some("Answers of the kernel about links and routes, as they came".into());
        Rows::begin(run, "routes", &self.member("answers"), draft)
    }

    /// `links.jsonl`, and of further parts `links-000002.jsonl`.
    fn member(&self, table: &str) -> String {
        if self.part > 1 { format!("{table}-{:06}.jsonl", self.part) } else { format!("{table}.jsonl") }
    }

    fn keep(&mut self, run: &mut Run<'_, '_>, netns: u64, question: &Question, answer: Answer) -> Result<(), Halt> {
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
            wanted.extend(traffic::parents_of(&qdisc).into_iter().filter_map(|parent| Some((index?, parent))));
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
        for (name, number) in questions::GROUP_TABLES {
            let text = match run.host.network_table(Some(namespace), name) {
                Ok(text) => text,
                // A kernel without the protocol has no groups of it.
                Err(crate::host::Trouble::Missing(_)) => continue,
                Err(trouble) => {
                    let (outcome, reason) = trouble.verdict();
                    let words = format!("network namespace {}: {}", namespace.inode, reason.words);
                    self.troubles.push((Table::Multicast, outcome, Reason::new(reason.code, words)));
                    continue;
                }
            };
            let mut answers = self.answers(run)?;
            write_bytes(&mut answers, run, namespace.inode, &format!("/proc/net/{name}"), &text)?;
            self.answers = Some(answers);
            self.kept_bytes += text.len();
            self.kept.push(Kept {
                netns: namespace.inode,
                table: Table::Multicast,
                kind: *number,
                family: None,
                datagrams: vec![text],
            });
        }
        Ok(())
    }

    /// Ends the member of answers, and makes the tables of what it holds.
    fn tables(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let Some(answers) = self.answers.take() else { return Ok(()) };
        let capture = answers.end(run, |_| ())?;
        for table in TABLES {
            self.table(run, *table, capture)?;
        }
        self.kept.clear();
        self.kept_bytes = 0;
        Ok(())
    }

    fn table(&self, run: &mut Run<'_, '_>, table: Table, capture: EntryId) -> Result<(), Halt> {
        let source = Source::text(format!("rtnetlink, {}", table.name()));
        let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
        draft.title = Some(table.title().into());
        draft.derived_from.push(capture);
        let mut rows = Rows::begin(run, "routes", &self.member(table.name()), draft)?;
        for kept in self.kept.iter().filter(|kept| kept.table == table) {
            for datagram in &kept.datagrams {
                for row in records_of(kept, datagram) {
                    rows.row(run, &table_row(self.names.put_into(kept.netns, row)))?;
                }
            }
        }
        let count = rows.count;
        rows.end(run, |draft| {
            if let Some((outcome, reason)) = self.shortcoming(table, count) {
                draft.outcome = outcome;
                draft.reason = Some(reason);
            }
        })?;
        Ok(())
    }

    /// Why a table is not plainly there: a question without a whole answer, or no row at all.
    fn shortcoming(&self, table: Table, rows: u64) -> Option<(Outcome, Reason)> {
        if let Some((_, outcome, reason)) = self.troubles.iter().find(|(of, ..)| *of == table) {
            return Some((*outcome, reason.clone()));
        }
        let words = format!(
            "the kernel was asked in {} network namespaces, answered, and listed none",
            self.asked
        );
        (rows == 0).then(|| (Outcome::Empty, Reason::new(ReasonCode::NotFound, words)))
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
    let number = |number: u32| Value::Number(number.into());
    for namespace in &scan.namespaces {
        let mut row = Row::default();
        row.number("netns", namespace.inode);
        row.set("own", Value::Flag(namespace.own));
        let paths = namespace.paths.iter().map(|path| Value::Name(path.as_bytes().to_vec()));
        row.set("paths", Value::List(paths.collect()));
        row.set("pids", Value::List(namespace.processes.iter().copied().map(number).collect()));
        let held = namespace.held_by.iter().map(|(pid, fd)| Value::List(vec![number(*pid), number(*fd)]));
        row.set("held_by", Value::List(held.collect()));
        rows.row(run, &table_row(row))?;
    }
    rows.end(run, |_| ())?;
    Ok(())
}

/// What the look for namespaces did not see, where there may be more of them.
fn unseen(run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
    let source = || Source::text("network namespaces");
    if let Some((pid, why)) = scan.unseen.first() {
        let words = format!(
            "{} processes did not show their network namespace, the first is {pid}: {why}",
            scan.unseen.len()
        );
        run.intake.gap(source(), Outcome::Denied, Reason::new(ReasonCode::Permission, words))?;
    }
    if let Some(first) = scan.left_out.first() {
        let words = format!("{} were not entered, among them {first}", scan.left_out.len());
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))?;
    }
    Ok(())
}
