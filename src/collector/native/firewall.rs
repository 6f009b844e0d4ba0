//! The packet filter of every network namespace: nf_tables over nfnetlink, and the older tables of iptables where they
//! exist already. Asking for those makes the kernel load its module nf_tables, if it is one; what was loaded meanwhile
//! is recorded.

mod ask;
mod nft;
mod older;

use ask::{Asked, Listing};

use crate::collector::run::Run;
use crate::collector::tables::{Put, Rows, table_row, write_answer, write_bytes};
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::netns::NetworkNamespace;
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};

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

/// Asks every namespace, and makes the tables.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let before = run.host.modules().unwrap_or_default();
    let scan = match run.host.network() {
        Ok(scan) => scan,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(Source::text("network namespaces"), outcome, reason)?;
            return Ok(());
        }
    };
    let mut listings = Vec::new();
    let mut troubles = Vec::new();
    for namespace in &scan.namespaces {
        run.intake.check()?;
        let listing = ask::namespace(run.host, namespace);
        troubles.extend(listing.troubles.iter().cloned());
        listings.push(listing);
    }
    let capture = capture(run, &listings, troubles.first())?;
    for (table, title) in TABLES {
        write_table(run, table, title, &listings, capture, troubles.first())?;
    }
    for (outcome, reason) in troubles {
        run.intake.gap(Source::text("packet filter"), outcome, reason)?;
    }
    modules(run, &before)
}

/// The answers as they came.
fn capture(
    run: &mut Run<'_, '_>,
    listings: &[Listing],
    trouble: Option<&(Outcome, Reason)>,
) -> Result<EntryId, Halt> {
    let source = Source::text("nfnetlink, in each network namespace");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Answers of the kernel about the packet filter, as they came".into());
    let mut rows = Rows::begin(run, "firewall", "answers.jsonl", draft)?;
    for listing in listings {
        for Asked { question, kind, body, answer, .. } in &listing.asked {
            let put = Put { netns: listing.netns, question, kind: *kind, body };
            write_answer(&mut rows, run, put, answer)?;
        }
        for (question, bytes) in &listing.texts {
            write_bytes(&mut rows, run, listing.netns, question, bytes)?;
        }
    }
    let nothing = listings.iter().all(|listing| listing.asked.iter().all(|asked| !asked.answer.is_whole()));
    rows.end(run, |draft| {
        if let Some((outcome, reason)) = trouble.filter(|_| nothing) {
            draft.outcome = *outcome;
            draft.reason = Some(reason.clone());
        }
    })
}

fn write_table(
    run: &mut Run<'_, '_>,
    table: &str,
    title: &str,
    listings: &[Listing],
    capture: EntryId,
    trouble: Option<&(Outcome, Reason)>,
) -> Result<(), Halt> {
    let source = Source::text(format!("packet filter, {table}"));
    let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
    draft.title = Some(title.into());
    draft.derived_from.push(capture);
    let mut rows = Rows::begin(run, "firewall", &format!("{table}.jsonl"), draft)?;
    for listing in listings {
        let mut halt = Ok(());
        nft::rows(listing, table, |mut row: Row| {
            row.number("netns", listing.netns);
            if halt.is_ok() {
                halt = rows.row(run, &table_row(row));
            }
        });
        halt?;
    }
    let (count, asked) = (rows.count, listings.len());
    rows.end(run, |draft| {
        if let Some((outcome, reason)) = trouble {
            draft.outcome = *outcome;
            draft.reason = Some(reason.clone());
        } else if count == 0 {
            let words = format!("{asked} network namespaces were asked, all answered, and there is none");
            draft.outcome = Outcome::Empty;
            draft.reason = Some(Reason::new(ReasonCode::NotFound, words));
        }
    })?;
    Ok(())
}

/// What the kernel loaded while it was asked: that is our own trace on the host.
fn modules(run: &mut Run<'_, '_>, before: &[u8]) -> Result<(), Halt> {
    let source = Source::text("/proc/modules, before and after");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Modules that the kernel loaded while it was asked".into());
    let after = run.host.modules().unwrap_or_default();
    let names = |text: &[u8]| -> std::collections::BTreeSet<Vec<u8>> {
        let first = |line: &[u8]| line.split(|byte| *byte == b' ').next().map(<[u8]>::to_vec);
        text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(first).collect()
    };
    let before = names(before);
    let loaded = names(&after).difference(&before).map(|name| Value::Name(name.clone())).collect();
    let mut row = Row::default();
    row.set("loaded", Value::List(loaded));
    let mut rows = Rows::begin(run, "firewall", "modules.jsonl", draft)?;
    rows.row(run, &table_row(row))?;
    rows.end(run, |_| ())?;
    Ok(())
}

/// What is said of a namespace in a reason.
fn in_words(namespace: &NetworkNamespace, words: &str) -> String {
    format!("network namespace {}: {words}", namespace.inode)
}
