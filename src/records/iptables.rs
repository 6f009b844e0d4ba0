//! The older tables of iptables and ip6tables as getsockopt(2) gives them: one block of rules behind each other, with
//! chains as places in it (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, x_tables.h).
//! Structures are those of a 64-bit machine, or of a 32-bit one whose u64 lie at multiples of eight.

use super::attributes::{Row, Value, address};
use super::netlink::{u8_at, u16_at, u32_at, u64_at};

/// The length of a table's name.
pub const NAME: usize = 32;
/// `struct ipt_getinfo`.
pub const INFO: usize = 84;
/// What lies before the entries in `struct ipt_get_entries`.
pub const BEFORE_ENTRIES: usize = 40;

/// `struct xt_entry_match` and `xt_entry_target`, before their own data.
const PART: usize = 32;

const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// Where things are in a rule, which differs between the protocols.
struct Layout {
    address: usize,
    interfaces: usize,
    protocol: usize,
    inverted: usize,
    target: usize,
    counters: usize,
    head: usize,
}

const IPV4: Layout =
    Layout { address: 4, interfaces: 16, protocol: 80, inverted: 83, target: 88, counters: 96, head: 112 };
const IPV6: Layout = Layout {
    address: 16,
    interfaces: 64,
    protocol: 128,
    inverted: 132,
    target: 140,
    counters: 152,
    head: 168,
};

/// Chains and rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Chains: name, and of built-in ones policy and counters.
    pub chains: Vec<Row>,
    /// Rules in their order, with the chain that they are in.
    pub rules: Vec<Row>,
    /// What lies behind the last rule that could be read; empty if all could.
    pub unread: Vec<u8>,
}

/// The size of a table's entries, by its `struct ipt_getinfo`.
pub fn size(info: &[u8]) -> Option<usize> {
    usize::try_from(u32_at(info, 80)?).ok()
}

/// Reads the entries of a table.
pub fn read(info: &[u8], entries: &[u8], inet6: bool) -> Table {
    let layout = if inet6 { &IPV6 } else { &IPV4 };
    let mut table = Table::default();
    let mut chain = String::new();
    let mut heads = Vec::new();
    let mut at = 0;
    while at < entries.len() {
        let Some((mut row, next)) = entry(layout, entries, at) else {
            table.unread = entries.get(at..).unwrap_or_default().to_vec();
            break;
        };
        if let Some(hook) = hook_at(info, 36, at) {
            chain = hook.to_owned();
        }
        let policy = hook_at(info, 56, at);
        match row.name_of("target").map(<[u8]>::to_vec) {
            // The beginning of a chain that somebody made, and at the very end nothing.
            Some(target) if target == b"ERROR" => {
                // Every chain that somebody made ends with a rule that returns, which iptables does not print.
                let ended = table
                    .rules
                    .last_mut()
                    .filter(|_| heads.iter().any(|(_, head)| *head == chain.as_bytes()));
                if let Some(end) = ended {
                    end.set("end_of_chain", Value::Flag(true));
                }
                let name = row.raw_of("target_data").map(|data| until_nul(data).to_vec()).unwrap_or_default();
                if name != b"ERROR" {
                    chain = String::from_utf8_lossy(&name).into_owned();
                    heads.push((next, name.clone()));
                    let mut head = Row::default();
                    head.set("name", Value::Name(name));
                    table.chains.push(head);
                }
            }
            _ if policy.is_some() => {
                let mut head = Row::default();
                head.set("name", Value::Name(chain.clone().into_bytes()));
                head.set("base", Value::Flag(true));
                for (from, to) in [("verdict", "policy"), ("packets", "packets"), ("bytes", "bytes")] {
                    if let Some(value) = row.take(from) {
                        head.set(to, value);
                    }
                }
                table.chains.push(head);
            }
            _ => {
                row.set("chain", Value::Name(chain.clone().into_bytes()));
                table.rules.push(row);
            }
        }
        at = next;
    }
    for rule in &mut table.rules {
        let Some(place) = rule.number_of("jump") else { continue };
        let found = heads.iter().find(|(head, _)| u64::try_from(*head) == Ok(place));
        if let Some((_, name)) = found {
            rule.set("jump", Value::Name(name.clone()));
        }
    }
    table
}

/// The hook whose chain begins, or whose policy stands, at a place: five numbers in the table's description, of which
/// only those count whose hook the table has.
fn hook_at(info: &[u8], from: usize, at: usize) -> Option<&'static str> {
    let valid = u32_at(info, 32)?;
    HOOKS.iter().enumerate().find_map(|(hook, name)| {
        let place = usize::try_from(u32_at(info, from + hook * 4)?).ok()?;
        (valid & (1 << hook) != 0 && place == at).then_some(*name)
    })
}

/// One rule, and where the next one begins.
fn entry(layout: &Layout, entries: &[u8], at: usize) -> Option<(Row, usize)> {
    let rest = entries.get(at..)?;
    let target = usize::from(u16_at(rest, layout.target)?);
    let next = usize::from(u16_at(rest, layout.target + 2)?);
    let bytes = rest.get(..next).filter(|bytes| bytes.len() >= layout.head)?;
    let mut row = Row::default();
    row.number("packets", u64_at(bytes, layout.counters)?);
    row.number("bytes", u64_at(bytes, layout.counters + 8)?);
    let inverted = u8_at(bytes, layout.inverted)?;
    let length = layout.address;
    for (column, number, bit) in [("src", 0, 0x08), ("dst", 1, 0x10)] {
        let place = bytes.get(number * length..(number + 1) * length)?;
        let mask = bytes.get((number + 2) * length..(number + 3) * length)?;
        if mask.iter().any(|byte| *byte != 0) {
            let not = if inverted & bit != 0 { "! " } else { "" };
            row.word(column, format!("{not}{}{}", address(place)?, mask_text(mask)?));
        }
    }
    for (column, number, bit) in [("in", 0, 0x01), ("out", 1, 0x02)] {
        let begin = layout.interfaces + number * 16;
        let name = until_nul(bytes.get(begin..begin + 16)?);
        let mask = bytes.get(begin + 32..begin + 48)?;
        if !name.is_empty() {
            // iptables itself keeps the `+` of `eth+` in the name.
            let whole = name.ends_with(b"+") || mask.get(name.len()).is_none_or(|byte| *byte == 0xff);
            let not: &[u8] = if inverted & bit != 0 { b"! " } else { b"" };
            row.set(column, Value::Name([not, name, if whole { b"" } else { b"+" }].concat()));
        }
    }
    let protocol = u16_at(bytes, layout.protocol)?;
    if protocol != 0 {
        row.number("protocol", protocol);
        row.set("protocol_inverted", Value::Flag(inverted & 0x40 != 0));
    }
    if inverted & 0x20 != 0 {
        row.set("fragment_inverted", Value::Flag(true));
    }
    let mut matches = Vec::new();
    let mut part = layout.head;
    while part < target {
        let one = bytes.get(part..)?;
        let size = usize::from(u16_at(one, 0)?);
        let one = one.get(..size).filter(|one| one.len() >= PART && part + size <= target)?;
        let mut found = Row::default();
        found.set("name", Value::Name(until_nul(one.get(2..31)?).to_vec()));
        found.number("rev", u8_at(one, 31)?);
        found.set("data", Value::Raw(one.get(PART..)?.to_vec()));
        matches.push(Value::Row(found));
        part += size;
    }
    if !matches.is_empty() {
        row.set("matches", Value::List(matches));
    }
    let ends = bytes.get(target.max(layout.head)..)?;
    let name = until_nul(ends.get(2..31)?);
    let data = ends.get(PART..)?;
    if name.is_empty() {
        verdict(&mut row, u32_at(data, 0)?.cast_signed(), at, next);
    } else {
        row.set("target", Value::Name(name.to_vec()));
        row.number("target_rev", u8_at(ends, 31)?);
        row.set("target_data", Value::Raw(data.to_vec()));
    }
    row.set("raw", Value::Raw(bytes.to_vec()));
    Some((row, at + next))
}

/// What a rule without an extension does: a verdict, less one and negative, or the place of a chain.
fn verdict(row: &mut Row, code: i32, at: usize, next: usize) {
    let word = match code {
        -1 => "DROP",
        -2 => "ACCEPT",
        -4 => "QUEUE",
        -5 => "RETURN",
        place => {
            match u64::try_from(place) {
                // To the next rule: it only counts.
                Ok(place) if u64::try_from(at + next) == Ok(place) => {}
                Ok(place) => row.number("jump", place),
                Err(_) => row.set("verdict", Value::Signed(place.into())),
            }
            return;
        }
    };
    row.word("verdict", word);
}

/// `/24`, or the mask itself where it is not of one piece; nothing for a single address.
fn mask_text(mask: &[u8]) -> Option<String> {
    let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let mut leading = 0;
    for byte in mask {
        leading += byte.leading_ones();
        if *byte != 0xff {
            break;
        }
    }
    let whole = u32::try_from(mask.len()).ok()? * 8;
    Some(match ones {
        all if all == whole => String::new(),
        some if some == leading => format!("/{some}"),
        _ => format!("/{}", address(mask)?),
    })
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::attributes::testing::mishaps;
    use super::*;

    /// A rule of IPv4 with a standard target, written from documentation (ip_tables.h, x_tables.h).
    fn rule(verdict: i32) -> Vec<u8> {
        let mut bytes = vec![0; 112 + 40];
        bytes[..4].copy_from_slice(&[10, 0, 0, 0]);
        bytes[8..12].copy_from_slice(&[255, 0, 0, 0]);
        bytes[16..19].copy_from_slice(b"eth");
        bytes[48..51].copy_from_slice(&[255; 3]);
        bytes[88..90].copy_from_slice(&112_u16.to_ne_bytes());
        bytes[90..92].copy_from_slice(&152_u16.to_ne_bytes());
        bytes[96..104].copy_from_slice(&7_u64.to_ne_bytes());
        bytes[112..114].copy_from_slice(&40_u16.to_ne_bytes());
        bytes[144..148].copy_from_slice(&verdict.to_ne_bytes());
        bytes
    }

    /// A table with the hook INPUT alone: one rule, and its policy.
    fn info() -> Vec<u8> {
        let mut info = vec![0; INFO];
        info[32..36].copy_from_slice(&2_u32.to_ne_bytes());
        info[60..64].copy_from_slice(&152_u32.to_ne_bytes());
        info[80..84].copy_from_slice(&304_u32.to_ne_bytes());
        info
    }

    #[test]
    fn a_rule_and_a_policy_are_read() {
        let entries = [rule(-1), rule(-2)].concat();
        let table = read(&info(), &entries, false);
        assert_eq!((table.chains.len(), table.rules.len(), table.unread.len()), (1, 1, 0));
        assert_eq!(table.chains[0].word_of("policy"), Some("ACCEPT"));
        assert_eq!(table.chains[0].name_of("name"), Some(&b"INPUT"[..]));
        let rule = &table.rules[0];
        assert_eq!((rule.word_of("verdict"), rule.word_of("src")), (Some("DROP"), Some("10.0.0.0/8")));
        assert_eq!((rule.name_of("in"), rule.number_of("packets")), (Some(&b"eth+"[..]), Some(7)));
        assert_eq!(size(&info()), Some(304));
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_go_on_for_ever() {
        let entries = [rule(-1), rule(-2)].concat();
        mishaps(&entries, |bytes| {
            let _ = (read(&info(), bytes, false), read(bytes, bytes, true));
        });
    }
}
