//! Rows of the packet filter's tables, from the answers of one namespace.

use super::ask::Listing;
use super::elements::Elements;
use super::older;
use crate::records::attributes::{Row, Value};
use crate::records::netlink::{Message, messages};
use crate::records::nftables::expression::{self, Expression};
use crate::records::nftables::render::{self, Sets};
use crate::records::nftables::{self, Links, op, type_name};
use crate::records::rtnetlink;

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
            let known = Elements::of(listing, &links).known();
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
        "elements" => Elements::of(listing, &links).rows(&mut each),
        "objects" => of(op::GET_OBJECT, &mut |_, row| each(row)),
        "flowtables" => of(op::GET_FLOWTABLE, &mut |_, row| each(row)),
        _ => {}
    }
}

/// The rows of the answers to one question. What is no row is one that holds its bytes.
pub fn rows_of(listing: &Listing, op: u16, each: &mut dyn FnMut(u8, Row)) {
    let unread = |bytes: &[u8]| {
        let mut row = Row::default();
        row.set("unread", Value::Raw(bytes.to_vec()));
        row
    };
    for datagram in
        listing.asked.iter().filter(|asked| asked.op == op).flat_map(|asked| &asked.answer.datagrams)
    {
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
    for message in
        asked.flat_map(|asked| &asked.answer.datagrams).flat_map(|datagram| messages(datagram)).flatten()
    {
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
