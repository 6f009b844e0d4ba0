//! The packet filter of every network namespace: nf_tables over nfnetlink, and the older tables of iptables where they
//! exist already. Asking for those makes the kernel load its module nf_tables, if it is one; what was loaded meanwhile
//! is recorded.

mod ask;
mod elements;
mod nft;
mod older;

use std::collections::HashMap;

use ask::{Asked, Listing};

use crate::collector::run::Run;
use crate::collector::tables::{
    self, Put, Rows, member_of, table_row, tell_unseen, without_rows, write_answer, write_bytes,
    write_text,
};
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::netlink::Ending;
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::host::Trouble;
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};
use crate::records::modules;

/// The tables that are made, with their titles.
const TABLES: &[(&str, &str)] = &[
    ("tables", "Tables of the packet filter"),
    ("chains", "Chains, their hooks and policies"),
    ("rules", "Rules"),
    ("sets", "Sets and maps"),
    ("elements", "What is in the sets and maps"),
    ("objects", "Objects with a state"),
    ("flowtables", "Flow tables"),
];

/// Modules of the older tables of bridges.
const EBTABLES: [&[u8]; 3] = [b"ebtable_broute", b"ebtable_filter", b"ebtable_nat"];

/// Bytes of answers that are kept until tables are made of them; those of one namespace more may be.
const KEPT: usize = 8 << 20;

#[derive(Default)]
struct Round {
    part: u32,
    answers: Option<Rows>,
    /// The members of answers that have ended.
    captures: Vec<EntryId>,
    kept: Vec<Listing>,
    kept_bytes: usize,
    troubles: Vec<(Outcome, Reason)>,
    /// Of these troubles the tables of earlier parts have told.
    told: usize,
    /// Namespaces whose kernel has nf_tables, and those that were asked.
    with_nf_tables: u64,
    asked: u64,
    /// Rows of each table in all parts.
    counts: HashMap<&'static str, u64>,
}

/// Asks every namespace, and makes the tables.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let before = run.host.modules();
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
    for (outcome, reason) in round.troubles {
        run.intake.gap(Source::text("packet filter"), outcome, reason)?;
    }
    tell_unseen(run, &scan)?;
    match before {
        Ok(before) => {
            bridges(run, &before.bytes)?;
            loaded_meanwhile(run, &before.bytes)
        }
        Err(trouble) => not_listed(run, &trouble),
    }
}

impl Round {
    fn namespace(&mut self, run: &mut Run<'_, '_>, namespace: &NetworkNamespace) -> Result<(), Halt> {
        match &self.answers {
            Some(_) => run.intake.check_within_member()?,
            None => run.intake.check()?,
        }
        let listing = ask::namespace(run.host, namespace);
        self.asked += 1;
        self.with_nf_tables += u64::from(listing.has_nf_tables);
        self.troubles.extend(listing.troubles.iter().cloned());
        let mut answers = self.answers(run)?;
        for Asked { question, kind, body, answer, .. } in &listing.asked {
            let put = Put { netns: listing.netns, question, request: Some((*kind, body)), round: None };
            write_answer(&mut answers, run, put, answer)?;
        }
        for (question, text) in &listing.texts {
            write_text(&mut answers, run, Put::text(listing.netns, question), text)?;
        }
        for older in &listing.older {
            let table = crate::path::shown(&older.table);
            for (part, bytes) in [("info", &older.info), ("entries", &older.entries)] {
                let question = format!("{} {table} {part}", older.family.backend());
                write_bytes(&mut answers, run, Put::text(listing.netns, &question), bytes, &Ending::Done)?;
            }
        }
        self.answers = Some(answers);
        self.kept_bytes += listing.bytes();
        self.kept.push(listing);
        if self.kept_bytes > KEPT { self.tables(run) } else { Ok(()) }
    }

    /// The member of raw answers, begun if it is not open.
    fn answers(&mut self, run: &mut Run<'_, '_>) -> Result<Rows, Halt> {
        if let Some(answers) = self.answers.take() {
            return Ok(answers);
        }
        self.part += 1;
        let source = Source::text("nfnetlink, in each network namespace");
        let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
        draft.title = Some("Answers of the kernel about the packet filter, as they came".into());
        Rows::begin(run, "firewall", &member_of(self.part, "answers"), draft)
    }

    /// Ends the member of answers, and makes the tables of what it holds.
    fn tables(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let Some(answers) = self.answers.take() else { return Ok(()) };
        let trouble = self.troubles.get(self.told..).and_then(<[_]>::first).cloned();
        let kept = std::mem::take(&mut self.kept);
        let nothing = !kept.iter().flat_map(|listing| &listing.asked).any(|asked| asked.op != 0 && asked.answer.is_whole());
        let capture = answers.end(run, |draft| {
            if nothing {
                set(draft, trouble.as_ref());
            }
        })?;
        self.captures.push(capture);
        for (table, title) in TABLES {
            let draft = draft_of(run, table, title, &[capture]);
            let mut rows = tables::Table::new("firewall", member_of(self.part, table), draft);
            for listing in &kept {
                write_rows(run, &mut rows, listing, table)?;
            }
            let count = rows.end(run, |draft| set(draft, trouble.as_ref()))?;
            *self.counts.entry(table).or_default() += count;
        }
        self.kept_bytes = 0;
        self.told = self.troubles.len();
        Ok(())
    }

    /// The tables that have no row in any part, each with why.
    fn without_rows(&self, run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
        for (table, title) in TABLES {
            if self.counts.get(table).is_some_and(|count| *count > 0) {
                continue;
            }
            let why = self.troubles.first().cloned().unwrap_or_else(|| self.why_none(scan));
            let draft = draft_of(run, table, title, &self.captures);
            let rows = Rows::begin(run, "firewall", &member_of(1, table), draft)?;
            rows.end(run, |draft| set(draft, Some(&why)))?;
        }
        Ok(())
    }

    fn why_none(&self, scan: &NetworkScan) -> (Outcome, Reason) {
        let (outcome, reason) = without_rows(scan, self.asked);
        if self.with_nf_tables > 0 || outcome != Outcome::Empty {
            return (outcome, reason);
        }
        let words = "this kernel has no nf_tables, and the older tables of iptables, as far as there are any, have none";
        (outcome, Reason::new(reason.code, words))
    }
}

fn set(draft: &mut Draft, why: Option<&(Outcome, Reason)>) {
    if let Some((outcome, reason)) = why {
        draft.outcome = *outcome;
        draft.reason = Some(reason.clone());
    }
}

fn draft_of(run: &Run<'_, '_>, table: &str, title: &str, captures: &[EntryId]) -> Draft {
    let source = Source::text(format!("packet filter, {table}"));
    let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
    draft.title = Some(title.into());
    draft.derived_from.extend_from_slice(captures);
    draft
}

fn write_rows(
    run: &mut Run<'_, '_>,
    rows: &mut tables::Table,
    listing: &Listing,
    table: &str,
) -> Result<(), Halt> {
    let mut halt = Ok(());
    nft::rows(listing, table, |mut row: Row| {
        row.number("netns", listing.netns);
        if halt.is_ok() {
            halt = rows.row(run, &table_row(row));
        }
    });
    halt
}

/// The older tables of bridges are listed nowhere, and asking for one makes the kernel load it: that their modules are
/// loaded is all that can be known without harm.
fn bridges(run: &mut Run<'_, '_>, modules: &[u8]) -> Result<(), Halt> {
    let loaded: Vec<String> = modules::names(modules)
        .into_iter()
        .filter(|name| EBTABLES.contains(&name.as_slice()))
        .map(|name| crate::path::shown(&name))
        .collect();
    if loaded.is_empty() {
        return Ok(());
    }
    let words = format!(
        "the kernel has loaded {}: there may be rules of ebtables in the older form, which this version does not read",
        loaded.join(", ")
    );
    let reason = Reason::new(ReasonCode::Unsupported, words);
    run.intake.gap(Source::text("older tables of bridges (ebtables)"), Outcome::Inconclusive, reason)?;
    Ok(())
}

/// What the kernel loaded while it was asked: that is our own trace on the host.
fn loaded_meanwhile(run: &mut Run<'_, '_>, before: &[u8]) -> Result<(), Halt> {
    let after = match run.host.modules() {
        Ok(after) => after,
        Err(trouble) => return not_listed(run, &trouble),
    };
    let source = Source::text("/proc/modules, before and after");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Modules that the kernel loaded while it was asked".into());
    let loaded = modules::loaded_between(before, &after.bytes).into_iter().map(Value::Name).collect();
    let mut row = Row::default();
    row.set("loaded", Value::List(loaded));
    let mut rows = Rows::begin(run, "firewall", "modules.jsonl", draft)?;
    rows.row(run, &table_row(row))?;
    rows.end(run, |_| ())?;
    Ok(())
}

/// Modules that are not listed may be there: those of bridges, and those that were loaded for us.
fn not_listed(run: &mut Run<'_, '_>, trouble: &Trouble) -> Result<(), Halt> {
    let (outcome, reason) = trouble.verdict();
    run.intake.gap(Source::text("modules of the packet filter"), outcome, reason)?;
    Ok(())
}

/// What is said of a namespace in a reason.
fn in_words(namespace: &NetworkNamespace, words: &str) -> String {
    format!("network namespace {}: {words}", namespace.inode)
}
