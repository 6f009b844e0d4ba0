//! Links, addresses, routes, rules and neighbours of every network namespace, as rtnetlink(7) gives them, and the
//! tables that are made of the answers.

mod names;
mod questions;

use std::collections::HashMap;

use names::Names;
use questions::{ABSENT, Question, TABLES, Table};

use crate::collector::run::Run;
use crate::collector::tables::{
    self, Put, Rows, member_of, table_row, tell_unseen, without_rows, write_answer, write_text,
};
use crate::custody::entry::{EntryId, Kind, Source};
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
    /// The members of answers that have ended.
    captures: Vec<EntryId>,
    kept: Vec<Kept>,
    kept_bytes: usize,
    names: Names,
    troubles: Vec<Trouble>,
    /// Of these troubles the tables of earlier parts have told.
    told: usize,
    asked: u64,
    /// Rows of each table in all parts.
    counts: HashMap<&'static str, u64>,
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
    round.without_rows(run, &scan)?;
    describe(run, &scan)?;
    for (table, outcome, reason) in std::mem::take(&mut round.troubles) {
        run.intake.gap(Source::text(format!("rtnetlink, {}", table.name())), outcome, reason)?;
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
        let answer = netlink.dump_up_to(question.kind, &question.body, ANSWER);
        let request = Some((question.kind, question.body.as_slice()));
        let put = Put { netns, question: question.name, request, round: None };
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
        Rows::begin(run, "routes", &member_of(self.part, "answers"), draft)
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
        let netns = namespace.inode;
        let mut trouble_of = |(outcome, reason): (Outcome, Reason)| {
            let words = format!("network namespace {netns}: {}", reason.words);
            self.troubles.push((Table::Multicast, outcome, Reason::new(reason.code, words)));
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
            let mut answers = self.answers(run)?;
            write_text(&mut answers, run, Put::text(netns, &question), &text)?;
            self.answers = Some(answers);
            self.kept_bytes += text.bytes.len();
            let datagrams = vec![text.bytes];
            self.kept.push(Kept { netns, table: Table::Multicast, kind, family: None, datagrams });
        }
        Ok(())
    }

    /// Ends the member of answers, and makes the tables of what it holds.
    fn tables(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let Some(answers) = self.answers.take() else { return Ok(()) };
        let capture = answers.end(run, |_| ())?;
        self.captures.push(capture);
        for table in TABLES {
            self.table(run, *table, capture)?;
        }
        self.kept.clear();
        self.kept_bytes = 0;
        self.told = self.troubles.len();
        Ok(())
    }

    /// The rows of one table in this part. A table that has none in it may have them in another.
    fn table(&mut self, run: &mut Run<'_, '_>, table: Table, capture: EntryId) -> Result<(), Halt> {
        let draft = draft_of(run, table, &[capture]);
        let mut rows = tables::Table::new("routes", member_of(self.part, table.name()), draft);
        for kept in self.kept.iter().filter(|kept| kept.table == table) {
            for datagram in &kept.datagrams {
                for row in records_of(kept, datagram) {
                    rows.row(run, &table_row(self.names.put_into(kept.netns, row)))?;
                }
            }
        }
        let new = self.troubles.get(self.told..).unwrap_or_default();
        let trouble = new.iter().find(|(of, ..)| *of == table);
        let count = rows.end(run, |draft| {
            if let Some((_, outcome, reason)) = trouble {
                draft.outcome = *outcome;
                draft.reason = Some(reason.clone());
            }
        })?;
        *self.counts.entry(table.name()).or_default() += count;
        Ok(())
    }

    /// The tables that have no row in any part, each with why.
    fn without_rows(&self, run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
        let no_rows = |table: &&Table| self.counts.get(table.name()).is_none_or(|count| *count == 0);
        for table in TABLES.iter().filter(no_rows) {
            let trouble = self.troubles.iter().find(|(of, ..)| of == table);
            let (outcome, reason) = match trouble {
                Some((_, outcome, reason)) => (*outcome, reason.clone()),
                None => without_rows(scan, self.asked),
            };
            let draft = draft_of(run, *table, &self.captures);
            let rows = Rows::begin(run, "routes", &member_of(1, table.name()), draft)?;
            rows.end(run, |draft| {
                draft.outcome = outcome;
                draft.reason = Some(reason);
            })?;
        }
        Ok(())
    }
}

fn draft_of(run: &Run<'_, '_>, table: Table, captures: &[EntryId]) -> Draft {
    let source = Source::text(format!("rtnetlink, {}", table.name()));
    let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
    draft.title = Some(table.title().into());
    draft.derived_from.extend_from_slice(captures);
    draft
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
        let threads = namespace.threads.iter().map(|(pid, tid)| Value::List(vec![number(*pid), number(*tid)]));
        row.set("threads", Value::List(threads.collect()));
        rows.row(run, &table_row(row))?;
    }
    rows.end(run, |_| ())?;
    Ok(())
}
