//! Values as text: of comparisons, masks and verdicts.

use super::super::super::attributes::{Row, Value, address};
use super::super::types::{self, Links};
use super::Operand;
use crate::path::shown;

/// Bytes of a packet that no field is known for: a number of the length that was loaded.
pub(super) const RAW: u64 = 1 << 40;

pub(super) fn types_value(kind: u64, bytes: &[u8], links: &Links) -> Option<String> {
    if kind != RAW {
        return types::value(kind, bytes, links);
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.trim_start_matches('0');
    Some(format!("0x{}", if digits.is_empty() { "0" } else { digits }))
}

/// The first of the 32-bit registers that a register is made of: 1 to 4 have sixteen bytes each.
pub(super) fn slot(register: u64) -> u64 {
    match register {
        1..=4 => 8 + (register - 1) * 4,
        other => other,
    }
}

/// `accept`, `jump other`.
pub fn verdict_text(verdict: &Row) -> Option<String> {
    let Some(Value::Signed(code)) = verdict.0.get("code") else { return None };
    let chain = || verdict.name_of("chain").map(shown);
    Some(match code {
        0 => "drop".into(),
        1 => "accept".into(),
        -1 => "continue".into(),
        -2 => "break".into(),
        -3 => format!("jump {}", chain()?),
        -4 => format!("goto {}", chain()?),
        -5 => "return".into(),
        _ => return None,
    })
}

/// `10.0.0.0/8`, of an address's first bytes.
pub(super) fn beginning(kind: u64, bytes: &[u8]) -> Option<String> {
    let mut whole = bytes.to_vec();
    whole.resize(types::length(kind)?, 0);
    Some(format!("{}/{}", address(&whole)?, bytes.len() * 8))
}

/// How many bits are set from the left, if no others are.
fn ones(mask: &[u8]) -> Option<u32> {
    let count: u32 = mask.iter().map(|byte| byte.leading_ones()).take_while(|ones| *ones > 0).sum();
    let all: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let full = mask.iter().take_while(|byte| **byte == 0xff).count();
    let rest = mask.get(full).map_or(0, |byte| byte.leading_ones());
    (all == count && all == u32::try_from(full).ok()? * 8 + rest).then_some(all)
}

/// A comparison of some bits.
pub(super) fn masked(operand: &Operand, mask: &[u8], op: u64, value: &[u8], links: &Links) -> Option<String> {
    let (left, kind) = (&operand.text, operand.kind);
    let sign = if op == 1 { "!= " } else { "" };
    let zero = value.iter().all(|byte| *byte == 0);
    match kind {
        types::IPV4 | types::IPV6 => {
            let bits = ones(mask)?;
            Some(format!("{left} {sign}{}/{bits}", address(value)?))
        }
        types::DSCP if mask == [0xfc] => {
            let shifted = value.first().filter(|byte| **byte & 3 == 0)? >> 2;
            Some(format!("{left} {sign}{}", types::value(kind, &[shifted], links)?))
        }
        types::DSCP => None,
        // Any of these bits.
        kind if types::is_bits(kind) && op == 1 && zero => {
            Some(format!("{left} {}", types::value(kind, mask, links)?))
        }
        types::TCP_FLAGS => {
            let value = if zero { "0x0".to_owned() } else { types::value(kind, value, links)? };
            Some(format!("{left} {sign}{value} / {}", types::value(kind, mask, links)?))
        }
        types::MARK | types::INTEGER => {
            let text = |bytes: &[u8]| types::value(kind, bytes, links);
            let sign = if op == 1 { "!=" } else { "==" };
            Some(format!("{left} & {} {sign} {}", text(mask)?, text(value)?))
        }
        _ => None,
    }
}
