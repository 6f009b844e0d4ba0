//! Counts and differences as rows.

use std::collections::BTreeMap;

use super::compare::Finding;
use super::{Counted, Tally, Times};
use crate::custody::rows::login_views::{DifferenceRow, LoginCountRow, TextColumn};
use crate::path::shown;
use crate::records::auth_text::MASK;

/// A row, and what its events need beside it.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The row.
    pub row: LoginCountRow,
    /// Which of the masked names it is of: their rows are all alike.
    pub masked: Option<usize>,
    /// When each of what it counts was ([`Tally::each`]).
    pub each: BTreeMap<&'static str, Times>,
}

impl Counted {
    /// The rows: of all, of each account, of each source, those with the most connections first, and of those beyond.
    /// Names that may be passwords are masked unless `unmasked`.
    pub fn rows(&self, unmasked: bool) -> impl Iterator<Item = LoginCountRow> + '_ {
        self.dated(unmasked).map(|dated| dated.row)
    }

    /// The same, with what events need.
    pub fn dated(&self, unmasked: bool) -> impl Iterator<Item = Dated> + '_ {
        let accounts = by_connections(&self.accounts).scan(0, move |met, (name, tally)| {
            let masked = !unmasked && self.is_masked(name);
            *met += usize::from(masked);
            let dated = dated("account", named(name, masked), tally);
            let row = LoginCountRow { masked, ..dated.row };
            Some(Dated { row, masked: masked.then_some(*met), ..dated })
        });
        let sources =
            by_connections(&self.sources).map(|(name, tally)| dated("source", TextColumn::of(name), tally));
        let others = [("other_accounts", &self.other_accounts), ("other_sources", &self.other_sources)];
        let others = others.into_iter().filter(|(_, tally)| !tally.is_empty());
        let others = others.map(|(by, tally)| dated(by, None, tally));
        std::iter::once(dated("all", None, &self.total)).chain(accounts).chain(sources).chain(others)
    }
}

fn dated(by: &'static str, name: Option<TextColumn>, tally: &Tally) -> Dated {
    Dated { row: LoginCountRow { name, ..row(by, tally) }, masked: None, each: tally.each.clone() }
}

fn by_connections(all: &BTreeMap<Vec<u8>, Tally>) -> impl Iterator<Item = (&Vec<u8>, &Tally)> {
    let mut list: Vec<_> = all.iter().collect();
    list.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.connections, tally.all_rejected())));
    list.into_iter()
}

fn named(name: &[u8], masked: bool) -> Option<TextColumn> {
    TextColumn::of(if masked { MASK.as_bytes() } else { name })
}

fn row(by: &'static str, tally: &Tally) -> LoginCountRow {
    let methods =
        |counts: &BTreeMap<Vec<u8>, u64>| counts.iter().map(|(name, count)| (shown(name), *count)).collect();
    LoginCountRow {
        accepted: methods(&tally.accepted),
        by,
        connections: tally.connections,
        first: tally.times.map(|times| times.first),
        last: tally.times.map(|times| times.last),
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
