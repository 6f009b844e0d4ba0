//! A rule as nft(8) would write it, from the expressions that the kernel carries out.
//!
//! The registers are followed from expression to expression. What cannot be said for certain stands as `[name]`, and the
//! rule is marked as not told completely: a wrong text would be worse than none.

mod loads;
mod values;

pub use values::verdict_text;

use values::{beginning, masked, slot, types_value};

use std::collections::BTreeMap;

use super::super::attributes::Row;
use super::expression::Expression;
use super::statement;
use super::types::{self, Links};
use crate::path::shown;

/// What is known of a set when rules that look into it are told.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// Bytes of a key.
    pub key_length: u64,
    /// The type of what a map gives.
    pub data_type: u64,
    /// What is in it, where it has no name of its own: `80, 443`. None if that is not known for certain.
    pub elements: Option<String>,
    /// Whether it has no name of its own.
    pub anonymous: bool,
}

/// The sets of a table, by name.
pub type Sets = BTreeMap<Vec<u8>, Set>;

/// A rule's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// As `nft list ruleset` writes it, without its comment and handle.
    pub text: String,
    /// Whether all of it is told; if not, what is not stands in brackets.
    pub complete: bool,
}

/// What a register holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Operand {
    /// The left side of a comparison, such as `ip saddr`.
    pub text: String,
    /// The type of its values.
    pub kind: u64,
    /// Bytes that it takes in registers.
    pub length: u64,
    /// Bits that are compared, where that is the beginning of an address.
    begins: bool,
    mask: Option<Vec<u8>>,
    /// A value that the rule itself gives.
    pub value: Option<Vec<u8>>,
}

/// A rule being told.
pub(super) struct Teller<'a> {
    pub family: u8,
    sets: &'a Sets,
    links: &'a Links,
    registers: BTreeMap<u64, Operand>,
    pieces: Vec<String>,
    network: Option<u64>,
    transport: Option<u64>,
    /// Pieces that only say which header follows, which nft leaves out where the next one says it too.
    network_piece: Option<usize>,
    transport_piece: Option<usize>,
    link_piece: Option<usize>,
    /// The last piece, if it is `x >= a`: the register, and the text before it.
    from: Option<(u64, String, String)>,
}

/// Tells a rule of `family` (`NFPROTO_*`).
pub fn rule(family: u8, expressions: &[Expression], sets: &Sets, links: &Links) -> Text {
    let network = match family {
        2 | 3 | 10 => Some(family.into()),
        _ => None,
    };
    let mut teller = Teller {
        family,
        sets,
        links,
        registers: BTreeMap::new(),
        pieces: Vec::new(),
        network,
        transport: None,
        network_piece: None,
        transport_piece: None,
        link_piece: None,
        from: None,
    };
    let mut complete = true;
    for expression in expressions {
        let from = teller.from.take();
        let told = if expression.is_plain() { teller.expression(expression, from) } else { None };
        if told.is_none() {
            complete = false;
            teller.forget(expression);
            teller.pieces.push(format!("[{}]", shown(&expression.name)));
        }
    }
    teller.pieces.retain(|piece| !piece.is_empty());
    Text { text: teller.pieces.join(" "), complete }
}

impl Teller<'_> {
    fn expression(&mut self, expression: &Expression, from: Option<(u64, String, String)>) -> Option<()> {
        let row = &expression.columns;
        match expression.name.as_slice() {
            b"payload" => self.payload(row),
            b"meta" => self.meta(row),
            b"ct" => self.connection(row),
            b"fib" => self.fib(row),
            b"cmp" => self.compare(row, from),
            b"range" => self.range(row),
            b"bitwise" => self.bitwise(row),
            b"lookup" => self.lookup(row),
            b"immediate" => self.immediate(row),
            _ => {
                let piece = statement::text(self, expression)?;
                self.pieces.push(piece);
                Some(())
            }
        }
    }

    /// After an expression that was not understood its register holds nothing that is known.
    fn forget(&mut self, expression: &Expression) {
        match expression.columns.number_of("dreg") {
            Some(register) => drop(self.registers.remove(&slot(register))),
            None => self.registers.clear(),
        }
    }

    fn put(&mut self, row: &Row, operand: Operand) -> Option<()> {
        self.registers.insert(slot(row.number_of("dreg")?), operand);
        Some(())
    }

    /// What a register holds.
    pub fn operand(&self, register: Option<u64>) -> Option<&Operand> {
        self.registers.get(&slot(register?))
    }

    /// The value or source in a register, as text.
    pub fn source(&self, register: Option<u64>, kind: u64) -> Option<String> {
        let operand = self.operand(register)?;
        match &operand.value {
            Some(value) => types::value(kind, value, self.links),
            None if operand.mask.is_none() && !operand.begins => Some(operand.text.clone()),
            None => None,
        }
    }

    fn compare(&mut self, row: &Row, from: Option<(u64, String, String)>) -> Option<()> {
        let register = row.number_of("sreg")?;
        let value = row.row_of("data")?.raw_of("value")?.to_vec();
        let operand = self.operand(Some(register))?.clone();
        let op = row.number_of("op")?;
        // `>= a` and at once `<= b` is `a-b`.
        if let (Some((same, left, low)), 3) = (from, op)
            && same == register
        {
            let high = types_value(operand.kind, &value, self.links)?;
            self.pieces.pop();
            self.pieces.push(format!("{left} {low}-{high}"));
            return Some(());
        }
        let sign = *["", "!= ", "< ", "<= ", "> ", ">= "].get(usize::try_from(op).ok()?)?;
        let piece = match (&operand.mask, op) {
            (Some(mask), 0 | 1) => masked(&operand, mask, op, &value, self.links)?,
            (Some(_), _) => return None,
            (None, 0 | 1) if operand.begins => {
                format!("{} {sign}{}", operand.text, beginning(operand.kind, &value)?)
            }
            (None, _) if operand.begins || (types::is_bits(operand.kind) && op > 1) => return None,
            (None, _) => {
                let text = types_value(operand.kind, &value, self.links)?;
                // A set of bits that is compared as a whole.
                let sign = if types::is_bits(operand.kind) && op == 0 { "== " } else { sign };
                if op == 5 {
                    self.from = Some((register, operand.text.clone(), text.clone()));
                }
                format!("{} {sign}{text}", operand.text)
            }
        };
        self.pieces.push(piece);
        if op == 0 && operand.mask.is_none() && !operand.begins {
            self.learn(&operand.text, &value);
        }
        Some(())
    }

    /// A comparison may say which header follows.
    fn learn(&mut self, left: &str, value: &[u8]) {
        let here = self.pieces.len().checked_sub(1);
        match (left, value) {
            ("meta nfproto", [number, ..]) => {
                self.network = Some((*number).into());
                self.network_piece = here;
            }
            ("meta protocol" | "ether type", [high, low, ..]) => {
                self.network = match u16::from_be_bytes([*high, *low]) {
                    0x0800 => Some(2),
                    0x0806 => Some(3),
                    0x86dd => Some(10),
                    _ => None,
                };
                self.network_piece = here.filter(|_| self.network.is_some());
            }
            ("meta l4proto", [number, ..]) => {
                self.transport = Some((*number).into());
                self.transport_piece = here;
            }
            ("ip protocol" | "ip6 nexthdr", [number, ..]) => self.transport = Some((*number).into()),
            ("iiftype", [1, 0]) if cfg!(target_endian = "little") => self.link_piece = here,
            ("iiftype", [0, 1]) if cfg!(target_endian = "big") => self.link_piece = here,
            _ => {}
        }
    }

    fn range(&mut self, row: &Row) -> Option<()> {
        let operand = self.operand(row.number_of("sreg"))?;
        if operand.mask.is_some() || operand.begins {
            return None;
        }
        let value =
            |column: &str| types_value(operand.kind, row.row_of(column)?.raw_of("value")?, self.links);
        let sign = if row.number_of("op")? == 1 { "!= " } else { "" };
        let piece = format!("{} {sign}{}-{}", operand.text, value("from")?, value("to")?);
        self.pieces.push(piece);
        Some(())
    }

    /// Registers next to each other as one key, as long as the set's keys.
    pub fn key(&self, register: u64, length: u64) -> Option<String> {
        let mut texts = Vec::new();
        let (mut at, mut left) = (slot(register), length);
        while left > 0 {
            let operand = self.registers.get(&at)?;
            if operand.mask.is_some() || operand.begins || operand.value.is_some() {
                return None;
            }
            let words = operand.length.div_ceil(4).max(1);
            texts.push(operand.text.clone());
            at += words;
            left = left.saturating_sub(words * 4);
        }
        Some(texts.join(" . "))
    }

    /// A set by its name, or what is in it.
    pub fn set(&self, name: &[u8]) -> Option<(String, &Set)> {
        let set = self.sets.get(name)?;
        let text = if set.anonymous {
            format!("{{ {} }}", set.elements.as_ref()?)
        } else {
            format!("@{}", shown(name))
        };
        Some((text, set))
    }

    fn lookup(&mut self, row: &Row) -> Option<()> {
        let (text, set) = self.set(row.name_of("set")?)?;
        let data_type = set.data_type;
        let left = self.key(row.number_of("sreg")?, set.key_length)?;
        let inverted = row.number_of("flags").unwrap_or(0) & 1 != 0;
        match row.number_of("dreg") {
            None if inverted => self.pieces.push(format!("{left} != {text}")),
            None => self.pieces.push(format!("{left} {text}")),
            Some(0) => self.pieces.push(format!("{left} vmap {text}")),
            Some(_) => {
                let length = types::length(data_type)? as u64;
                let operand = Operand {
                    text: format!("{left} map {text}"),
                    kind: data_type,
                    length,
                    ..Operand::default()
                };
                return self.put(row, operand);
            }
        }
        Some(())
    }

    fn immediate(&mut self, row: &Row) -> Option<()> {
        let data = row.row_of("data")?;
        if let Some(verdict) = data.row_of("verdict") {
            self.pieces.push(verdict_text(verdict)?);
            return Some(());
        }
        let value = data.raw_of("value")?.to_vec();
        self.put(row, Operand { length: value.len() as u64, value: Some(value), ..Operand::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::attributes::testing::attribute;
    use super::super::expression;
    use super::*;
    use crate::records::mishaps::Mishaps;

    fn number(kind: u16, number: u32) -> Vec<u8> {
        attribute(kind, &number.to_be_bytes())
    }

    fn data(kind: u16, value: &[u8]) -> Vec<u8> {
        attribute(kind, &attribute(1, value))
    }

    fn expression(name: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
        let inner =
            [attribute(1, format!("{name}\0").as_bytes()), attribute(2, &attributes.concat())].concat();
        attribute(1, &inner)
    }

    /// `ip saddr 10.0.0.0/8 tcp dport 22 accept` in a table of inet, as `nft --debug=netlink` shows it, put together
    /// from linux/netfilter/nf_tables.h.
    fn rule_of_inet() -> Vec<u8> {
        let compare = |value: &[u8]| expression("cmp", &[number(1, 1), number(2, 0), data(3, value)]);
        let load = |base, offset, length| {
            expression("payload", &[number(1, 1), number(2, base), number(3, offset), number(4, length)])
        };
        let verdict = attribute(2, &attribute(2, &number(1, 1)));
        [
            expression("meta", &[number(1, 1), number(2, 15)]),
            compare(&[2]),
            load(1, 12, 1),
            compare(&[10]),
            expression("meta", &[number(1, 1), number(2, 16)]),
            compare(&[6]),
            load(2, 2, 2),
            compare(&[0, 22]),
            expression("immediate", &[number(1, 0), verdict]),
        ]
        .concat()
    }

    fn told(bytes: &[u8]) -> Text {
        let (expressions, _) = expression::read(bytes);
        rule(1, &expressions, &Sets::new(), &Links::new())
    }

    #[test]
    fn what_only_says_which_header_follows_is_left_out() {
        let text = told(&rule_of_inet());
        assert_eq!((text.text.as_str(), text.complete), ("ip saddr 10.0.0.0/8 tcp dport 22 accept", true));
    }

    #[test]
    fn what_is_not_known_is_said_and_never_guessed() {
        let odd = expression("meta", &[number(1, 1), number(2, 15), number(77, 1)]);
        let text = told(&[odd, expression("new\u{1b}", &[]), rule_of_inet()].concat());
        assert!(!text.complete);
        assert!(text.text.starts_with("[meta] [new\\u{1b}] ip saddr"), "{}", text.text);
        let compares_nothing = expression("cmp", &[number(1, 1), number(2, 0), data(3, &[1])]);
        assert_eq!(told(&compares_nothing).text, "[cmp]");
    }

    #[test]
    fn no_bytes_make_the_teller_panic() {
        Mishaps::of(&rule_of_inet()).rounds(125).each(|bytes| {
            for family in [1, 2, 3, 5, 7, 10, 255] {
                let (expressions, _) = expression::read(bytes);
                let _ = rule(family, &expressions, &Sets::new(), &Links::new());
            }
            for op in 0..24 {
                let _ = super::super::row(op, bytes);
            }
        });
    }
}
