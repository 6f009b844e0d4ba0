//! Rows of the older tables of iptables, from what one namespace answered.

use super::ask::Listing;
use crate::records::attributes::{Row, Value};
use crate::records::iptables::{self, Family, Item};

/// Gives the chains, or the rules.
pub fn rows(listing: &Listing, chains: bool, each: &mut impl FnMut(Row)) {
    for older in &listing.older {
        let mut tell = |mut row: Row| {
            row.word("backend", older.family.backend());
            row.word("family", word(older.family));
            row.set("table", Value::Name(older.table.clone()));
            each(row);
        };
        iptables::read(&older.info, &older.entries, older.family, |item| match item {
            Item::Chain(row) if chains => tell(row),
            Item::Rule(row) if !chains => tell(row),
            Item::Unread(bytes) if !chains => {
                let mut row = Row::default();
                row.set("unread", Value::Raw(bytes));
                tell(row);
            }
            Item::Chain(_) | Item::Rule(_) | Item::Unread(_) => {}
        });
    }
}

fn word(family: Family) -> &'static str {
    match family {
        Family::Ip => "ip",
        Family::Ip6 => "ip6",
        Family::Arp => "arp",
    }
}
