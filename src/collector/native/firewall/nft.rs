//! Rows of the packet filter's tables, from the answers of one namespace.

use std::collections::BTreeMap;

use super::ask::Listing;
use super::older;
use crate::records::attributes::{Row, Value};
use crate::records::netlink::{Message, messages};
use crate::records::nftables::expression::{self, Expression};
use crate::records::nftables::render::{self, Set, Sets};
use crate::records::nftables::{self, Links, op, type_name, value_text};
use crate::records::rtnetlink;

/// Sets by family and table.
type Known = BTreeMap<(u8, Vec<u8>), Sets>;

/// Gives the rows of one table.
pub fn rows(listing: &Listing, table: &str, mut each: impl FnMut(Row)) {
    let links = links(listing);
    let of = |op: u16, each: &mut dyn FnMut(u8, Row)| rows_of(listing, op, each);
    match table {
        "tables" => of(op::GET_TABLE, &mut |_, row| each(row)),
        "chains" => {
            of(op::GET_CHAIN, &mut |_, row| each(row));
            older::rows(listing, true, &mut each);
        }
        "rules" => {
            let known = sets(listing, &links);
            let none = Sets::new();
            of(op::GET_RULE, &mut |family, row| {
                let table = row.name_of("table").unwrap_or_default().to_vec();
                each(rule(family, row, known.get(&(family, table)).unwrap_or(&none), &links));
            });
            older::rows(listing, false, &mut each);
        }
        "sets" => of(op::GET_SET, &mut |_, mut row| {
            for column in ["key_type", "data_type"] {
                if let Some(number) = row.number_of(column) {
                    row.word(&format!("{column}_name"), type_name(number));
                }
            }
            each(row);
        }),
        "elements" => {
            let types = key_types(listing);
            of(op::GET_ELEMENTS, &mut |family, row| elements(family, row, &types, &links, &mut each));
        }
        "objects" => of(op::GET_OBJECT, &mut |_, row| each(row)),
        "flowtables" => of(op::GET_FLOWTABLE, &mut |_, row| each(row)),
        _ => {}
    }
}

/// The rows of the answers to one question. What is no row is one that holds its bytes.
fn rows_of(listing: &Listing, op: u16, each: &mut dyn FnMut(u8, Row)) {
    let unread = |bytes: &[u8]| {
        let mut row = Row::default();
        row.set("unread", Value::Raw(bytes.to_vec()));
        row
    };
    for datagram in listing.asked.iter().filter(|asked| asked.op == op).flat_map(|asked| &asked.answer.datagrams) {
        for message in messages(datagram) {
            match message {
                Ok(Message { kind, payload, .. }) if kind == nftables::message(op - 1) => {
                    let row = nftables::row(op, payload).unwrap_or_else(|| unread(payload));
                    each(payload.first().copied().unwrap_or(0), row);
                }
                Ok(_) => {}
                Err(_) => each(0, unread(datagram)),
            }
        }
    }
}

fn links(listing: &Listing) -> Links {
    let mut links = Links::new();
    let asked = listing.asked.iter().filter(|asked| asked.op == 0);
    for message in asked.flat_map(|asked| &asked.answer.datagrams).flat_map(|datagram| messages(datagram)).flatten() {
        let Some(link) = rtnetlink::row(rtnetlink::ask::LINK, &message) else { continue };
        if let (Some(index), Some(name)) = (link.number_of("ifindex"), link.name_of("ifname")) {
            links.insert(index, name.to_vec());
        }
    }
    links
}

/// A rule with its expressions and its text.
fn rule(family: u8, mut row: Row, sets: &Sets, links: &Links) -> Row {
    let Some(Value::Raw(raw)) = row.take("expressions") else {
        row.word("text", "");
        return row;
    };
    let (expressions, whole) = expression::read(&raw);
    let told = render::rule(family, &expressions, sets, links);
    row.set("text", Value::Name(told.text.into_bytes()));
    row.set("text_complete", Value::Flag(told.complete && whole));
    if !whole {
        row.set("expressions_unread", Value::Raw(raw));
    }
    row.set("expressions", Value::List(expressions.into_iter().map(in_columns).collect()));
    row
}

fn in_columns(expression: Expression) -> Value {
    let mut row = Row::default();
    row.set("name", Value::Name(expression.name));
    row.set("columns", Value::Row(expression.columns));
    row.set("raw", Value::Raw(expression.raw));
    Value::Row(row)
}

type Types = BTreeMap<(u8, Vec<u8>, Vec<u8>), Row>;

/// The sets by family, table and name.
fn key_types(listing: &Listing) -> Types {
    let mut found = BTreeMap::new();
    rows_of(listing, op::GET_SET, &mut |family, row| {
        if let (Some(table), Some(name)) = (row.name_of("table"), row.name_of("name")) {
            found.insert((family, table.to_vec(), name.to_vec()), row);
        }
    });
    found
}

/// One row for each element.
fn elements(family: u8, mut row: Row, types: &Types, links: &Links, each: &mut impl FnMut(Row)) {
    let Some(Value::List(list)) = row.take("elements") else { return each(row) };
    if row.0.contains_key("malformed") {
        each(row.clone());
    }
    let name = |column: &str| row.name_of(column).unwrap_or_default().to_vec();
    let set = types.get(&(family, name("table"), name("set")));
    for element in list {
        let Value::Row(element) = element else { continue };
        let mut one = row.clone();
        if let Some((text, complete)) = set.map(|set| element_text(&element, set, links)) {
            one.set("text", Value::Name(text.into_bytes()));
            one.set("text_complete", Value::Flag(complete));
        }
        one.0.extend(element.0);
        if let Some(comment) = one.raw_of("userdata").and_then(|data| nftables::comment(data, 0)) {
            one.set("comment", Value::Name(comment));
        }
        each(one);
    }
}

/// `10.0.0.1 : drop`, and whether that is all.
fn element_text(element: &Row, set: &Row, links: &Links) -> (String, bool) {
    let key = |column: &str| {
        let bytes = element.row_of(column)?.raw_of("value")?;
        value_text(set.number_of("key_type")?, bytes, links)
    };
    let mut complete = true;
    let flags = element.number_of("flags").unwrap_or(0);
    let mut text = match (flags & 2, key("key")) {
        (2, _) => "*".to_owned(),
        (_, Some(text)) => text,
        (_, None) => {
            complete = false;
            "[key]".to_owned()
        }
    };
    if element.0.contains_key("key_end") {
        match key("key_end") {
            Some(end) => text = format!("{text}-{end}"),
            None => complete = false,
        }
    }
    if flags & 1 != 0 {
        text = format!("end of interval before {text}");
    }
    if let Some(data) = element.row_of("data") {
        let value = match data.row_of("verdict") {
            Some(verdict) => render::verdict_text(verdict),
            None => data.raw_of("value").and_then(|bytes| value_text(set.number_of("data_type")?, bytes, links)),
        };
        complete &= value.is_some();
        text = format!("{text} : {}", value.unwrap_or_else(|| "[data]".into()));
    }
    (text, complete)
}

/// Keys and texts of elements by set, and whether they are all told.
type Inside = BTreeMap<(u8, Vec<u8>, Vec<u8>), (Vec<(Vec<u8>, String)>, bool)>;

/// What rules need to know of sets; of those without a name, what is in them.
fn sets(listing: &Listing, links: &Links) -> Known {
    let mut known = Known::new();
    let types = key_types(listing);
    let mut texts: Inside = BTreeMap::new();
    rows_of(listing, op::GET_ELEMENTS, &mut |family, row| {
        let name = |column: &str| row.name_of(column).unwrap_or_default().to_vec();
        let at = (family, name("table"), name("set"));
        let Some(set) = types.get(&at).filter(|set| is(set, "anonymous")) else { return };
        let (elements, complete) = texts.entry(at).or_insert((Vec::new(), true));
        for element in row.list_of("elements") {
            let Value::Row(element) = element else { continue };
            let key = element.row_of("key").and_then(|key| key.raw_of("value")).unwrap_or_default();
            let (text, told) = element_text(element, set, links);
            // Ends of intervals stand apart from their beginnings, and are put together by nobody here; neither are
            // elements with a life of their own.
            let plain = ["timeout_ms", "expression", "expressions", "object"];
            *complete &= told && element.number_of("flags").unwrap_or(0) == 0;
            *complete &= plain.iter().all(|column| !element.0.contains_key(*column));
            elements.push((key.to_vec(), text));
        }
    });
    for ((family, table, name), set) in &types {
        let inside = texts.remove(&(*family, table.clone(), name.clone()));
        let elements = inside.filter(|(_, complete)| *complete).map(|(mut elements, _)| {
            elements.sort();
            let texts: Vec<String> = elements.into_iter().map(|(_, text)| text).collect();
            texts.join(", ")
        });
        let told = Set {
            key_length: set.number_of("key_len").unwrap_or(0),
            data_type: set.number_of("data_type").unwrap_or(0),
            elements,
            anonymous: is(set, "anonymous"),
        };
        known.entry((*family, table.clone())).or_default().insert(name.clone(), told);
    }
    known
}

fn is(set: &Row, flag: &str) -> bool {
    set.list_of("flags").contains(&Value::Word(flag.to_owned()))
}
