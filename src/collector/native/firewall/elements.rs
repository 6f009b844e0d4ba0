//! What is in the sets and maps of the packet filter, as nft(8) writes it.

use std::collections::BTreeMap;

use super::ask::Listing;
use super::nft::rows_of;
use crate::records::attributes::{Row, Value};
use crate::records::nftables::render::{self, Set, Sets};
use crate::records::nftables::{self, Links, intervals, op, value_text};

/// What names a set: family, table, name.
type At = (u8, Vec<u8>, Vec<u8>);

/// What rules need to know of sets, by family and table.
pub type Known = BTreeMap<(u8, Vec<u8>), Sets>;

/// The sets of one namespace, and how their elements read.
pub struct Elements<'l> {
    listing: &'l Listing,
    links: &'l Links,
    sets: BTreeMap<At, Described>,
}

/// A set as the kernel describes it.
struct Described {
    row: Row,
    /// Where intervals begin and end in it, ascending.
    bounds: Vec<Vec<u8>>,
}

/// Keys and texts of elements, and whether they are all told.
type Inside = (Vec<(Vec<u8>, String)>, bool);

impl<'l> Elements<'l> {
    /// What a namespace listed.
    pub fn of(listing: &'l Listing, links: &'l Links) -> Elements<'l> {
        let mut sets = BTreeMap::new();
        rows_of(listing, op::GET_SET, &mut |family, row| {
            if row.name_of("name").is_some() {
                sets.insert(at(family, &row, "name"), Described { row, bounds: Vec::new() });
            }
        });
        rows_of(listing, op::GET_ELEMENTS, &mut |family, row| {
            let set = sets.get_mut(&at(family, &row, "set"));
            if let Some(set) = set.filter(|set| is(&set.row, "interval")) {
                let plain = row.list_of("elements").iter().filter_map(|element| match element {
                    Value::Row(element) if !is(element, "catch_all") => key_of(element),
                    _ => None,
                });
                set.bounds.extend(plain.map(<[u8]>::to_vec));
            }
        });
        for set in sets.values_mut() {
            set.bounds.sort_unstable();
        }
        Elements { listing, links, sets }
    }

    /// One row for each element.
    pub fn rows(&self, each: &mut impl FnMut(Row)) {
        rows_of(self.listing, op::GET_ELEMENTS, &mut |family, mut row| {
            let Some(Value::List(list)) = row.take("elements") else { return each(row) };
            if row.0.contains_key("malformed") {
                each(row.clone());
            }
            let set = self.sets.get(&at(family, &row, "set"));
            for element in list {
                let Value::Row(element) = element else { continue };
                let mut one = row.clone();
                if let Some((text, complete)) = set.map(|set| self.text(&element, set)) {
                    one.set("text", Value::Name(text.into_bytes()));
                    one.set("text_complete", Value::Flag(complete));
                }
                one.0.extend(element.0);
                if let Some(comment) = one.raw_of("userdata").and_then(|data| nftables::comment(data, 0)) {
                    one.set("comment", Value::Name(comment));
                }
                each(one);
            }
        });
    }

    /// What rules need to know of sets; of those without a name, what is in them.
    pub fn known(&self) -> Known {
        let mut known = Known::new();
        let mut texts = self.inside_nameless();
        for (at, set) in &self.sets {
            let inside = texts.remove(at).filter(|(_, complete)| *complete);
            let elements = inside.map(|(mut elements, _)| {
                elements.sort();
                let texts: Vec<String> = elements.into_iter().map(|(_, text)| text).collect();
                texts.join(", ")
            });
            let told = Set {
                key_length: set.row.number_of("key_len").unwrap_or(0),
                data_type: set.row.number_of("data_type").unwrap_or(0),
                elements,
                anonymous: is(&set.row, "anonymous"),
            };
            let (family, table, name) = at.clone();
            known.entry((family, table)).or_default().insert(name, told);
        }
        known
    }

    fn inside_nameless(&self) -> BTreeMap<At, Inside> {
        let mut texts: BTreeMap<At, Inside> = BTreeMap::new();
        rows_of(self.listing, op::GET_ELEMENTS, &mut |family, row| {
            let at = at(family, &row, "set");
            let Some(set) = self.sets.get(&at).filter(|set| is(&set.row, "anonymous")) else { return };
            let (elements, complete) = texts.entry(at).or_insert((Vec::new(), true));
            for element in row.list_of("elements") {
                let Value::Row(element) = element else { continue };
                // Its beginning tells the whole interval.
                if is(element, "interval_end") {
                    continue;
                }
                let (text, told) = self.text(element, set);
                // Elements with a life of their own are not put together here.
                let plain = ["timeout_ms", "expression", "expressions", "object"];
                *complete &= told && plain.iter().all(|column| !element.0.contains_key(*column));
                elements.push((key_of(element).unwrap_or_default().to_vec(), text));
            }
        });
        texts
    }

    /// `10.0.0.1 : drop`, and whether that is all.
    fn text(&self, element: &Row, set: &Described) -> (String, bool) {
        let key = self.key_text(element, set);
        let mut complete = key.is_some();
        let mut text = key.unwrap_or_else(|| "[key]".to_owned());
        if is(element, "interval_end") {
            text = format!("end of interval before {text}");
        }
        if let Some(data) = element.row_of("data") {
            let value = match data.row_of("verdict") {
                Some(verdict) => render::verdict_text(verdict),
                None => data
                    .raw_of("value")
                    .and_then(|bytes| value_text(set.row.number_of("data_type")?, bytes, self.links)),
            };
            complete &= value.is_some();
            text = format!("{text} : {}", value.unwrap_or_else(|| "[data]".into()));
        }
        (text, complete)
    }

    fn key_text(&self, element: &Row, set: &Described) -> Option<String> {
        if is(element, "catch_all") {
            return Some("*".to_owned());
        }
        let (kind, key) = (set.row.number_of("key_type")?, key_of(element)?);
        if let Some(end) = element.row_of("key_end") {
            return intervals::ranges(kind, key, end.raw_of("value")?, self.links);
        }
        if !is(&set.row, "interval") {
            return value_text(kind, key, self.links);
        }
        if is(element, "interval_end") || is(&set.row, "concat") {
            return intervals::ranges(kind, key, key, self.links);
        }
        // Where one interval follows on another, the beginning of that is the end of this.
        let beyond = set.bounds.partition_point(|bound| bound.as_slice() <= key);
        intervals::interval(kind, key, set.bounds.get(beyond).map(Vec::as_slice), self.links)
    }
}

fn at(family: u8, row: &Row, column: &str) -> At {
    let name = |column: &str| row.name_of(column).unwrap_or_default().to_vec();
    (family, name("table"), name(column))
}

fn key_of(element: &Row) -> Option<&[u8]> {
    element.row_of("key")?.raw_of("value")
}

fn is(row: &Row, flag: &str) -> bool {
    row.list_of("flags").contains(&Value::Word(flag.to_owned()))
}
