//! Expressions that are statements of their own: counters, limits, logs, address translation.

use super::super::attributes::{Row, Value, word};
use super::expression::{self, Expression};
use super::render::Teller;
use super::types;
use crate::path::shown;

/// The text of a statement; none if it cannot be told for certain.
pub(super) fn text(teller: &mut Teller<'_>, expression: &Expression) -> Option<String> {
    let row = &expression.columns;
    match expression.name.as_slice() {
        b"counter" => counter(row),
        b"limit" => Some(format!("limit {}", limit(row)?)),
        b"quota" => None,
        b"log" => log(row),
        b"reject" => reject(teller, row),
        b"nat" => nat(teller, row),
        b"masq" => translate("masquerade", teller, row),
        b"redir" => translate("redirect", teller, row),
        b"objref" => object(row),
        b"dynset" => dynamic(teller, row),
        b"notrack" => Some("notrack".into()),
        b"flow_offload" => Some(format!("flow add @{}", shown(row.name_of("flowtable")?))),
        b"match" | b"target" => None,
        _ => None,
    }
}

fn counter(row: &Row) -> Option<String> {
    Some(format!("counter packets {} bytes {}", row.number_of("packets")?, row.number_of("bytes")?))
}

/// `rate over 10/second burst 5 packets`
fn limit(row: &Row) -> Option<String> {
    let units = [(1, "second"), (60, "minute"), (3600, "hour"), (86400, "day"), (604_800, "week")];
    let seconds = row.number_of("unit_s")?;
    let unit = units.iter().find(|(known, _)| *known == seconds)?.1;
    let over = if row.number_of("flags").unwrap_or(0) & 1 != 0 { "over " } else { "" };
    let (rate, burst) = (row.number_of("rate")?, row.number_of("burst").unwrap_or(0));
    match row.number_of("type")? {
        0 => Some(format!("rate {over}{rate}/{unit} burst {burst} packets")),
        1 if burst == 0 => Some(format!("rate {over}{}/{unit}", bytes(rate))),
        1 => Some(format!("rate {over}{}/{unit} burst {}", bytes(rate), bytes(burst))),
        _ => None,
    }
}

/// `1 mbytes`, by powers of 1024 where nothing is left over.
fn bytes(number: u64) -> String {
    let (mut number, mut unit) = (number, "bytes");
    for larger in ["kbytes", "mbytes"] {
        if number == 0 || !number.is_multiple_of(1024) {
            break;
        }
        number /= 1024;
        unit = larger;
    }
    format!("{number} {unit}")
}

fn log(row: &Row) -> Option<String> {
    let mut text = "log".to_owned();
    if let Some(prefix) = row.name_of("prefix") {
        text.push_str(&format!(" prefix \"{}\"", shown(prefix)));
    }
    if let Some(group) = row.number_of("group") {
        text.push_str(&format!(" group {group}"));
        for (column, name) in [("snaplen", "snaplen"), ("qthreshold", "queue-threshold")] {
            if let Some(number) = row.number_of(column).filter(|number| *number > 0) {
                text.push_str(&format!(" {name} {number}"));
            }
        }
        return Some(text);
    }
    let words = [
        (0, "emerg"),
        (1, "alert"),
        (2, "crit"),
        (3, "err"),
        (5, "notice"),
        (6, "info"),
        (7, "debug"),
        (8, "audit"),
    ];
    if let Some(level) = row.number_of("level").filter(|level| *level != 4) {
        text.push_str(&format!(" level {}", word(level, &words)));
    }
    match row.number_of("flags").unwrap_or(0) {
        0 => {}
        0x2f => text.push_str(" flags all"),
        flags => {
            match flags & 3 {
                1 => text.push_str(" flags tcp sequence"),
                2 => text.push_str(" flags tcp options"),
                3 => text.push_str(" flags tcp sequence,options"),
                _ => {}
            }
            for (bit, word) in [(4, "ip options"), (8, "skuid"), (32, "ether")] {
                if flags & bit != 0 {
                    text.push_str(&format!(" flags {word}"));
                }
            }
            if flags & !0x2f != 0 {
                return None;
            }
        }
    }
    Some(text)
}

fn reject(teller: &mut Teller<'_>, row: &Row) -> Option<String> {
    const ICMP: &[(u64, &str)] = &[
        (0, "net-unreachable"),
        (1, "host-unreachable"),
        (2, "prot-unreachable"),
        (3, "port-unreachable"),
        (9, "net-prohibited"),
        (10, "host-prohibited"),
        (13, "admin-prohibited"),
    ];
    const ICMP6: &[(u64, &str)] = &[
        (0, "no-route"),
        (1, "admin-prohibited"),
        (3, "addr-unreachable"),
        (4, "port-unreachable"),
        (5, "policy-fail"),
        (6, "reject-route"),
    ];
    const ICMPX: &[(u64, &str)] =
        &[(0, "no-route"), (1, "port-unreachable"), (2, "host-unreachable"), (3, "admin-prohibited")];
    let code = row.number_of("icmp_code");
    match row.number_of("type")? {
        0 => {
            let (name, words, usual) = match teller.network()? {
                2 => ("icmp", ICMP, 3),
                10 => ("icmpv6", ICMP6, 4),
                _ => return None,
            };
            let alone = matches!(teller.family, 2 | 10);
            teller.said_by_reject(false);
            if alone && code == Some(usual) {
                return Some("reject".into());
            }
            Some(format!("reject with {name} {}", word(code?, words)))
        }
        1 => {
            teller.said_by_reject(true);
            Some("reject with tcp reset".into())
        }
        2 if code == Some(1) => Some("reject".into()),
        2 => Some(format!("reject with icmpx {}", word(code?, ICMPX))),
        _ => None,
    }
}

/// `a-b`, or `a` where both are the same or there is only one.
fn span(teller: &Teller<'_>, row: &Row, least: &str, most: &str, kind: u64) -> Option<Option<String>> {
    let Some(register) = row.number_of(least) else { return Some(None) };
    let low = teller.source(Some(register), kind)?;
    let high = match row.number_of(most) {
        Some(register) => teller.source(Some(register), kind)?,
        None => low.clone(),
    };
    Some(Some(if low == high { low } else { format!("{low}-{high}") }))
}

fn nat(teller: &mut Teller<'_>, row: &Row) -> Option<String> {
    let name = match row.number_of("type")? {
        0 => "snat",
        1 => "dnat",
        _ => return None,
    };
    let (kind, family) = match row.number_of("family")? {
        2 => (types::IPV4, "ip"),
        10 => (types::IPV6, "ip6"),
        _ => return None,
    };
    let mut text = name.to_owned();
    if teller.family == 1 {
        text.push_str(&format!(" {family}"));
    }
    let address = span(teller, row, "reg_addr_min", "reg_addr_max", kind)?;
    let port = span(teller, row, "reg_proto_min", "reg_proto_max", types::SERVICE)?;
    let target = match (address, port) {
        (Some(address), None) => address,
        (Some(address), Some(port)) if kind == types::IPV6 => format!("[{address}]:{port}"),
        (Some(address), Some(port)) => format!("{address}:{port}"),
        (None, Some(port)) => format!(":{port}"),
        (None, None) => return None,
    };
    Some(format!("{text} to {target}{}", flags(row)?))
}

fn translate(name: &str, teller: &mut Teller<'_>, row: &Row) -> Option<String> {
    let port = span(teller, row, "reg_proto_min", "reg_proto_max", types::SERVICE)?;
    let to = port.map_or_else(String::new, |port| format!(" to :{port}"));
    Some(format!("{name}{to}{}", flags(row)?))
}

/// `NF_NAT_RANGE_*`: whether addresses and ports are given shows anyway.
fn flags(row: &Row) -> Option<String> {
    let flags = row.number_of("flags").unwrap_or(0);
    let words = [(4, "random"), (16, "fully-random"), (8, "persistent")];
    if flags & !0x1f != 0 {
        return None;
    }
    let found: Vec<&str> = words.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word).collect();
    Some(if found.is_empty() { String::new() } else { format!(" {}", found.join(",")) })
}

fn object(row: &Row) -> Option<String> {
    let name = shown(row.name_of("object")?);
    Some(match row.number_of("type")? {
        1 => format!("counter name \"{name}\""),
        2 => format!("quota name \"{name}\""),
        3 => format!("ct helper set \"{name}\""),
        4 => format!("limit name \"{name}\""),
        7 => format!("ct timeout set \"{name}\""),
        9 => format!("ct expectation set \"{name}\""),
        10 => format!("synproxy name \"{name}\""),
        _ => return None,
    })
}

/// `add @set { key timeout 5m limit rate 5/second }`
fn dynamic(teller: &mut Teller<'_>, row: &Row) -> Option<String> {
    let verb = match row.number_of("op")? {
        0 => "add",
        1 => "update",
        2 => "delete",
        _ => return None,
    };
    let (name, set) = teller.set(row.name_of("set")?)?;
    let mut key = teller.key(row.number_of("sreg_key")?, set.key_length)?;
    if let Some(milliseconds) = row.number_of("timeout_ms").filter(|milliseconds| *milliseconds > 0) {
        key.push_str(&format!(" timeout {}", duration(milliseconds)));
    }
    if row.0.contains_key("sreg_data") {
        return None;
    }
    // One statement stands under both names; several only under the second.
    let inner = match (row.0.get("expressions"), row.0.get("expression")) {
        (Some(Value::Raw(list)), _) => expression::read(list),
        (None, Some(Value::Raw(one))) => (vec![expression::one(one)], true),
        _ => (Vec::new(), true),
    };
    if !inner.1 {
        return None;
    }
    for inner in &inner.0 {
        let told = match inner.name.as_slice() {
            b"counter" | b"limit" if inner.is_plain() => text(teller, inner)?,
            _ => return None,
        };
        key.push_str(&format!(" {told}"));
    }
    Some(format!("{verb} {name} {{ {key} }}"))
}

/// `1h30m`, as nft writes times.
pub(super) fn duration(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let parts = [
        (seconds / 86400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (rest, "ms"),
    ];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".into() } else { text }
}
