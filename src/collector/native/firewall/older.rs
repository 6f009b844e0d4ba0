//! Rows of the older tables of iptables, from what one namespace answered.

use super::ask::Listing;
use crate::records::attributes::{Row, Value};
use crate::records::iptables;

/// Gives the chains, or the rules.
pub fn rows(listing: &Listing, chains: bool, each: &mut impl FnMut(Row)) {
    for (question, info) in &listing.texts {
        let Some(named) = question.strip_suffix(" info") else { continue };
        let Some((backend, table)) = named.split_once(' ') else { continue };
        let wanted = format!("{named} entries");
        let Some((_, entries)) = listing.texts.iter().find(|(question, _)| *question == wanted) else { continue };
        let inet6 = backend == "ip6_tables";
        let read = iptables::read(info, entries, inet6);
        let mut tell = |mut row: Row| {
            row.word("backend", backend);
            row.word("family", if inet6 { "ip6" } else { "ip" });
            row.word("table", table);
            each(row);
        };
        if chains {
            read.chains.into_iter().for_each(&mut tell);
        } else {
            read.rules.into_iter().for_each(&mut tell);
            if !read.unread.is_empty() {
                let mut row = Row::default();
                row.set("unread", Value::Raw(read.unread));
                tell(row);
            }
        }
    }
}
