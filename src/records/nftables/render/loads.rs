//! Expressions that load a register: fields of packets, the kernel's own data, and what is made of them.

use super::super::super::attributes::Row;
use super::super::{fields, types};
use super::values::RAW;
use super::{Operand, Teller};

impl Teller<'_> {
    pub(super) fn payload(&mut self, row: &Row) -> Option<()> {
        let (base, offset) = (row.number_of("base")?, row.number_of("offset")?);
        let length = row.number_of("len")?;
        if row.0.contains_key("sreg") {
            return None;
        }
        let header = fields::header(base, self.network, self.transport);
        let field = header.and_then(|(header, fields)| {
            fields::field(fields, offset, length).map(|(name, kind, whole)| (header, name, kind, whole))
        });
        let operand = match field {
            Some((header, name, kind, whole)) => {
                self.leave_out(base, header);
                Operand {
                    text: format!("{header} {name}"),
                    kind,
                    length,
                    begins: !whole,
                    ..Operand::default()
                }
            }
            None => {
                let base = ["ll", "nh", "th"].get(usize::try_from(base).ok()?)?;
                let text = format!("@{base},{},{}", offset.checked_mul(8)?, length.checked_mul(8)?);
                Operand { text, kind: RAW, length, ..Operand::default() }
            }
        };
        self.put(row, operand)
    }

    /// Takes out what said which header it is, now that the header's name says so.
    fn leave_out(&mut self, base: u64, header: &str) {
        let mut out = Vec::new();
        match base {
            0 => out.push(self.link_piece.take()),
            1 => out.push(self.network_piece.take()),
            _ if header == "th" => {}
            _ => {
                let internet = (header == "icmp" && self.network == Some(2))
                    || (header == "icmpv6" && self.network == Some(10));
                if internet {
                    out.push(self.network_piece.take());
                }
                if internet || !header.starts_with("icmp") {
                    out.push(self.transport_piece.take());
                }
            }
        }
        self.empty(out);
    }

    fn empty(&mut self, pieces: Vec<Option<usize>>) {
        for at in pieces.into_iter().flatten() {
            if let Some(piece) = self.pieces.get_mut(at) {
                piece.clear();
            }
        }
    }

    /// `reject with icmp …` and `with tcp reset` say themselves what they are for.
    pub fn said_by_reject(&mut self, transport: bool) {
        let piece = if transport { self.transport_piece.take() } else { self.network_piece.take() };
        self.empty(vec![piece]);
    }

    /// The network protocol that the rule has already asked for.
    pub fn network(&self) -> Option<u64> {
        self.network
    }

    pub(super) fn meta(&mut self, row: &Row) -> Option<()> {
        let (name, kind) = fields::meta(row.number_of("key")?)?;
        if row.0.contains_key("sreg") {
            let value = self.source(row.number_of("sreg"), kind)?;
            self.pieces.push(format!("{name} set {value}"));
            return Some(());
        }
        let length = types::length(kind)? as u64;
        self.put(row, Operand { text: name.to_owned(), kind, length, ..Operand::default() })
    }

    pub(super) fn connection(&mut self, row: &Row) -> Option<()> {
        let key = row.number_of("key")?;
        let (name, kind) = fields::connection(key)?;
        let direction = match row.number_of("direction") {
            None => "",
            Some(0) => "original ",
            Some(1) => "reply ",
            Some(_) => return None,
        };
        let text = format!("ct {direction}{name}");
        if row.0.contains_key("sreg") {
            let value = self.source(row.number_of("sreg"), kind)?;
            self.pieces.push(format!("{text} set {value}"));
            return Some(());
        }
        self.put(row, Operand { text, kind, length: types::length(kind)? as u64, ..Operand::default() })
    }

    pub(super) fn fib(&mut self, row: &Row) -> Option<()> {
        let flags = row.number_of("flags")?;
        let known = [(1, "saddr"), (2, "daddr"), (4, "mark"), (8, "iif"), (16, "oif")];
        let keys: Vec<&str> = known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, key)| *key).collect();
        if flags & !0x3f != 0 {
            return None;
        }
        let (result, kind) = match row.number_of("result")? {
            1 => ("oif", types::IFINDEX),
            2 => ("oifname", types::IFNAME),
            3 => ("type", types::FIB_TYPE),
            _ => return None,
        };
        let kind = if flags & 0x20 != 0 { types::BOOLEAN } else { kind };
        let text = format!("fib {} {result}", keys.join(" . "));
        self.put(row, Operand { text, kind, length: 4, ..Operand::default() })
    }

    pub(super) fn bitwise(&mut self, row: &Row) -> Option<()> {
        let mut operand = self.operand(row.number_of("sreg"))?.clone();
        let xor = row.row_of("xor")?.raw_of("value")?;
        let mask = row.row_of("mask")?.raw_of("value")?;
        let plain = row.number_of("op").unwrap_or(0) == 0 && xor.iter().all(|byte| *byte == 0);
        if !plain || operand.mask.is_some() || operand.value.is_some() || operand.begins {
            return None;
        }
        operand.mask = Some(mask.to_vec());
        self.put(row, operand)
    }
}
