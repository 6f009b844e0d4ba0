//! The packet filter of every network namespace: nf_tables over nfnetlink, and the older tables of iptables where they
//! exist already. Asking for those makes the kernel load its module nf_tables, if it is one; what was loaded meanwhile
//! is recorded.

mod ask;
mod elements;
mod nft;
mod older;

use ask::{Asked, Listing};

use crate::collector::parts::{self, Named, Parts, Why};
use crate::collector::run::Run;
use crate::collector::tables::{
    self, Put, Rows, table_row, tell_unseen, without_rows, write_answer, write_bytes, write_text,
};
use crate::custody::entry::{Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::netlink::Ending;
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};
use crate::records::modules;

/// The tables that are made, with their titles.
const TABLES: &[Named] = &[
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

/// What was asked, in the words of sources.
const SUBJECT: &str = "packet filter";

struct Round {
    parts: Parts,
    kept: Vec<Listing>,
    kept_bytes: usize,
    troubles: Vec<Why>,
    /// Of these troubles the tables of earlier parts have told.
    told: usize,
    /// Namespaces whose kernel has nf_tables, and those that were asked.
    with_nf_tables: u64,
    asked: u64,
}

/// Asks every namespace, and makes the tables.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let before = run.host.modules();
    let Some(scan) = parts::namespaces(run)? else { return Ok(()) };
    let answers = ("nfnetlink", "Answers of the kernel about the packet filter, as they came");
    let parts = Parts::of("firewall", SUBJECT, answers);
    let mut round = Round {
        parts,
        kept: Vec::new(),
        kept_bytes: 0,
        troubles: Vec::new(),
        told: 0,
        with_nf_tables: 0,
        asked: 0,
    };
    for namespace in &scan.namespaces {
        round.namespace(run, namespace)?;
    }
    round.tables(run)?;
    round.without_rows(run, &scan)?;
    for (outcome, reason) in round.troubles {
        run.intake.gap(Source::text(SUBJECT), outcome, reason)?;
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
        self.parts.check(run)?;
        let listing = ask::namespace(run.host, namespace);
        self.asked += 1;
        self.with_nf_tables += u64::from(listing.has_nf_tables);
        self.troubles.extend(listing.troubles.iter().cloned());
        let answers = self.parts.answers(run)?;
        for Asked { question, kind, body, answer, .. } in &listing.asked {
            let put = Put { netns: listing.netns, question, request: Some((*kind, body)), round: None };
            write_answer(answers, run, put, answer)?;
        }
        for (question, text) in &listing.texts {
            write_text(answers, run, Put::text(listing.netns, question), text)?;
        }
        for older in &listing.older {
            let table = crate::path::shown(&older.table);
            for (part, bytes) in [("info", &older.info), ("entries", &older.entries)] {
                let question = format!("{} {table} {part}", older.family.backend());
                write_bytes(answers, run, Put::text(listing.netns, &question), bytes, &Ending::Done)?;
            }
        }
        self.kept_bytes += listing.bytes();
        self.kept.push(listing);
        if self.kept_bytes > KEPT { self.tables(run) } else { Ok(()) }
    }

    /// Ends the part, and makes the tables of what it holds.
    fn tables(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let kept = std::mem::take(&mut self.kept);
        let trouble = self.troubles.get(self.told..).and_then(<[_]>::first);
        let is_answer = |asked: &Asked| asked.op != 0 && asked.answer.is_whole();
        let nothing = !kept.iter().flat_map(|listing| &listing.asked).any(is_answer);
        if !self.parts.end(run, trouble.filter(|_| nothing))? {
            return Ok(());
        }
        for named in TABLES {
            self.parts.table(run, *named, trouble, |run, rows| {
                kept.iter().try_for_each(|listing| write_rows(run, rows, listing, named.0))
            })?;
        }
        self.kept_bytes = 0;
        self.told = self.troubles.len();
        Ok(())
    }

    /// The tables that have no row in any part, each with why; a trouble that is so told needs no gap of its own.
    fn without_rows(&mut self, run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
        let why = self.troubles.first().cloned().unwrap_or_else(|| self.why_none(scan));
        let without: Vec<Named> =
            TABLES.iter().copied().filter(|named| !self.parts.has_rows(*named)).collect();
        for named in &without {
            self.parts.without_rows(run, *named, &why)?;
        }
        if !without.is_empty() && !self.troubles.is_empty() {
            self.troubles.remove(0);
        }
        Ok(())
    }

    fn why_none(&self, scan: &NetworkScan) -> Why {
        let (outcome, reason) = without_rows(scan, self.asked);
        if self.with_nf_tables > 0 || outcome != Outcome::Empty {
            return (outcome, reason);
        }
        let words = "this kernel has no nf_tables, and the older tables of iptables, as far as there are any, have none";
        (outcome, Reason::new(reason.code, words))
    }
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
