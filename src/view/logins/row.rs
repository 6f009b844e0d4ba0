//! Counts and differences as rows.

use std::collections::BTreeMap;

use super::compare::Finding;
use super::{Counted, Tally};
use crate::custody::rows::login_views::{DifferenceRow, LoginCountRow, TextColumn};
use crate::path::shown;

impl Counted {
    /// The rows: of all, of each account, of each source, those with the most connections first, and of those beyond.
    /// Names that may be passwords are masked
    /// unless `unmasked`.
    pub fn rows(&self, unmasked: bool) -> impl Iterator<Item = LoginCountRow> + '_ {
        let accounts = by_connections(&self.accounts).map(move |(name, tally)| {
            let masked = !unmasked && self.is_masked(name);
            LoginCountRow { masked, name: named(name, masked), ..row("account", tally) }
        });
        let sources = by_connections(&self.sources);
        let sources =
            sources.map(|(name, tally)| LoginCountRow { name: TextColumn::of(name), ..row("source", tally) });
        let others = [("other_accounts", &self.other_accounts), ("other_sources", &self.other_sources)];
        let others =
            others.into_iter().filter(|(_, tally)| !tally.is_empty()).map(|(by, tally)| row(by, tally));
        std::iter::once(row("all", &self.total)).chain(accounts).chain(sources).chain(others)
    }
}

fn by_connections(all: &BTreeMap<Vec<u8>, Tally>) -> impl Iterator<Item = (&Vec<u8>, &Tally)> {
    let mut list: Vec<_> = all.iter().collect();
    list.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.connections, tally.all_rejected())));
    list.into_iter()
}

fn named(name: &[u8], masked: bool) -> Option<TextColumn> {
    // Neither its length nor any of its letters is told.
    if masked { TextColumn::of(b"***") } else { TextColumn::of(name) }
}

fn row(by: &'static str, tally: &Tally) -> LoginCountRow {
    let methods =
        |counts: &BTreeMap<Vec<u8>, u64>| counts.iter().map(|(name, count)| (shown(name), *count)).collect();
    LoginCountRow {
        accepted: methods(&tally.accepted),
        by,
        connections: tally.connections,
        first: tally.first,
        last: tally.last,
        records: tally.records.clone(),
        rejected: methods(&tally.rejected),
        schema: "phi-ir.logins/1",
        // A source tries many names: that one of them is known says nothing of the others.
        unknown_user: tally.unknown_user && !(by == "account" && tally.known),
        ..LoginCountRow::default()
    }
}

impl Finding {
    /// The row of it.
    pub fn row(&self) -> DifferenceRow {
        DifferenceRow {
            difference: self.difference.word(),
            file: self.place.file,
            offset: self.place.offset,
            schema: "phi-ir.login-difference/1",
            source: self.source.word(),
            time: self.time,
            words: self.words.clone(),
        }
    }
}
