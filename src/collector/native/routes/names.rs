//! The names of links beside their numbers, which mean something in one namespace only.

use std::collections::HashMap;

use crate::records::attributes::{Row, Value};
use crate::records::netlink::messages;
use crate::records::rtnetlink::{self, ask};

/// The names of links, by namespace and number.
#[derive(Default)]
pub struct Names(HashMap<(u64, u64), Vec<u8>>);

impl Names {
    /// Takes the names out of an answer about links.
    pub fn learn(&mut self, netns: u64, datagrams: &[Vec<u8>]) {
        for message in datagrams.iter().flat_map(|datagram| messages(datagram)).flatten() {
            let Some(link) = rtnetlink::row(ask::LINK, &message) else { continue };
            if let (Some(index), Some(name)) = (link.number_of("ifindex"), link.name_of("ifname")) {
                self.0.insert((netns, index), name.to_vec());
            }
        }
    }

    /// A row with its namespace, and beside each `…_index` the name of that link.
    pub fn put_into(&self, netns: u64, mut row: Row) -> Row {
        self.name_links(netns, &mut row);
        row.number("netns", netns);
        row
    }

    fn name_links(&self, netns: u64, row: &mut Row) {
        let mut named = Vec::new();
        // Where the number is one of another namespace, a name of this one would be wrong.
        let foreign = row.0.contains_key("link_netnsid");
        for (column, value) in &mut row.0 {
            match value {
                Value::Number(index) => {
                    let Some(of) = column.strip_suffix("_index") else { continue };
                    let here = !(foreign && matches!(of, "link" | "via"));
                    let name = self.0.get(&(netns, *index)).filter(|_| here);
                    named.extend(name.map(|name| (of.to_owned(), Value::Name(name.clone()))));
                }
                Value::Row(inner) => self.name_links(netns, inner),
                Value::List(list) => {
                    for value in list {
                        if let Value::Row(inner) = value {
                            self.name_links(netns, inner);
                        }
                    }
                }
                _ => {}
            }
        }
        for (column, name) in named {
            row.0.entry(column).or_insert(name);
        }
    }
}
