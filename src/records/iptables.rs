//! The older tables of iptables and ip6tables as getsockopt(2) gives them: one block of rules behind each other, with
//! chains as places in it (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, x_tables.h).
//! Structures are those of a 64-bit machine, or of a 32-bit one whose u64 lie at multiples of eight.

use std::collections::BTreeMap;

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

/// Whose tables they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Of iptables.
    Ip,
    /// Of ip6tables.
    Ip6,
    /// Of arptables, whose rules this version does not read.
    Arp,
}

impl Family {
    /// What the kernel calls it.
    pub fn backend(self) -> &'static str {
        match self {
            Family::Ip => "ip_tables",
            Family::Ip6 => "ip6_tables",
            Family::Arp => "arp_tables",
        }
    }

    /// Bytes of a table's description: `struct ipt_getinfo`, or `struct arpt_getinfo` with three hooks instead of five.
    pub fn info_length(self) -> usize {
        if self == Family::Arp { 68 } else { INFO }
    }

    /// The size of a table's entries, by its description.
    pub fn size(self, info: &[u8]) -> Option<usize> {
        usize::try_from(u32_at(info, self.info_length() - 4)?).ok()
    }
}

/// What stands in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A chain: its name, and of a built-in one policy and counters.
    Chain(Row),
    /// A rule, with the chain that it is in.
    Rule(Row),
    /// What lies behind the last rule that could be read.
    Unread(Vec<u8>),
}

/// Reads the entries of a table, and gives what is in them, in its order.
pub fn read(info: &[u8], entries: &[u8], family: Family, mut each: impl FnMut(Item)) {
    let layout = match family {
        Family::Ip => &IPV4,
        Family::Ip6 => &IPV6,
        Family::Arp => return each(Item::Unread(entries.to_vec())),
    };
    let heads = heads(layout, entries);
    let mut chain = Vec::new();
    let mut own_chain = false;
    // The last rule is held back until it is known whether its chain ends with it.
    let mut held: Option<Row> = None;
    let mut at = 0;
    while at < entries.len() {
        let Some((mut row, next)) = entry(layout, entries, at) else { break };
        if let Some(hook) = hook_at(info, 36, at) {
            (chain, own_chain) = (hook.as_bytes().to_vec(), false);
        }
        let policy = hook_at(info, 56, at);
        if row.name_of("target") == Some(b"ERROR") {
            // Every chain that somebody made ends with a rule that returns, which iptables does not print.
            if let Some(mut end) = held.take() {
                if own_chain {
                    end.set("end_of_chain", Value::Flag(true));
                }
                each(Item::Rule(end));
            }
            // The beginning of a chain that somebody made, and at the very end nothing.
            if let Some(name) = heads.get(&next) {
                (chain, own_chain) = (name.clone(), true);
                let mut head = Row::default();
                head.set("name", Value::Name(name.clone()));
                each(Item::Chain(head));
            }
        } else if policy.is_some() {
            held.take().map(Item::Rule).into_iter().for_each(&mut each);
            let mut head = Row::default();
            head.set("name", Value::Name(chain.clone()));
            head.set("base", Value::Flag(true));
            for (from, to) in [("verdict", "policy"), ("packets", "packets"), ("bytes", "bytes")] {
                if let Some(value) = row.take(from) {
                    head.set(to, value);
                }
            }
            each(Item::Chain(head));
        } else {
            row.set("chain", Value::Name(chain.clone()));
            if let Some(name) =
                row.number_of("jump").and_then(|place| heads.get(&usize::try_from(place).ok()?))
            {
                row.set("jump", Value::Name(name.clone()));
            }
            held.replace(row).map(Item::Rule).into_iter().for_each(&mut each);
        }
        at = next;
    }
    held.map(Item::Rule).into_iter().for_each(&mut each);
    if let Some(rest) = entries.get(at..).filter(|rest| !rest.is_empty()) {
        each(Item::Unread(rest.to_vec()));
    }
}

/// The chains that somebody made, by the place of their first rule. The entry at the very end looks like one more.
fn heads(layout: &Layout, entries: &[u8]) -> BTreeMap<usize, Vec<u8>> {
    let mut heads = BTreeMap::new();
    let mut at = 0;
    while let Some((row, next)) = entry(layout, entries, at) {
        if row.name_of("target") == Some(b"ERROR") && next < entries.len() {
            let name = row.raw_of("target_data").map(|data| until_nul(data).to_vec()).unwrap_or_default();
            heads.insert(next, name);
        }
        at = next;
    }
    heads
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
    use super::*;
    use crate::records::mishaps::Mishaps;

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

    /// An entry that begins a chain, written from documentation (struct xt_error_target).
    fn head(name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 112 + 64];
        bytes[88..90].copy_from_slice(&112_u16.to_ne_bytes());
        bytes[90..92].copy_from_slice(&176_u16.to_ne_bytes());
        bytes[112..114].copy_from_slice(&64_u16.to_ne_bytes());
        bytes[114..119].copy_from_slice(b"ERROR");
        bytes[144..144 + name.len()].copy_from_slice(name);
        bytes
    }

    fn items(entries: &[u8]) -> (Vec<Row>, Vec<Row>, Vec<u8>) {
        let (mut chains, mut rules, mut unread) = Default::default();
        read(&info(), entries, Family::Ip, |item| match item {
            Item::Chain(row) => Vec::push(&mut chains, row),
            Item::Rule(row) => Vec::push(&mut rules, row),
            Item::Unread(bytes) => unread = bytes,
        });
        (chains, rules, unread)
    }

    #[test]
    fn a_rule_and_a_policy_are_read() {
        let entries = [rule(-1), rule(-2)].concat();
        let (chains, rules, unread) = items(&entries);
        assert_eq!((chains.len(), rules.len(), unread.len()), (1, 1, 0));
        assert_eq!(chains[0].word_of("policy"), Some("ACCEPT"));
        assert_eq!(chains[0].name_of("name"), Some(&b"INPUT"[..]));
        let rule = &rules[0];
        assert_eq!((rule.word_of("verdict"), rule.word_of("src")), (Some("DROP"), Some("10.0.0.0/8")));
        assert_eq!((rule.name_of("in"), rule.number_of("packets")), (Some(&b"eth+"[..]), Some(7)));
        assert_eq!(Family::Ip.size(&info()), Some(304));
    }

    /// Whoever makes a chain may give it any name, also the one that stands at the end of every table.
    #[test]
    fn no_name_hides_a_chain_or_its_rules() {
        let first_of_odd = 152 * 2 + 176;
        let entries = [
            rule(first_of_odd),
            rule(-2),
            head(b"\xff\n"),
            rule(-1),
            rule(-5),
            head(b"ERROR"),
            rule(-5),
            head(b"ERROR"),
        ];
        let (chains, rules, unread) = items(&entries.concat());
        let names: Vec<_> = chains.iter().map(|chain| chain.name_of("name").unwrap()).collect();
        assert_eq!(names, [&b"INPUT"[..], b"\xff\n", b"ERROR"]);
        let chains: Vec<_> = rules.iter().map(|rule| rule.name_of("chain").unwrap()).collect();
        assert_eq!(chains, [&b"INPUT"[..], b"\xff\n", b"\xff\n", b"ERROR"]);
        let ends: Vec<_> = rules.iter().map(|rule| rule.0.contains_key("end_of_chain")).collect();
        assert_eq!(ends, [false, false, true, true]);
        assert_eq!(rules[0].name_of("jump"), Some(&b"\xff\n"[..]));
        assert!(unread.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_kept() {
        let torn = [rule(-1), rule(-2), vec![7; 50]].concat();
        assert_eq!(items(&torn).2, [7; 50]);
        let mut kept = Vec::new();
        read(&[0; 68], &[1, 2, 3], Family::Arp, |item| kept.push(item));
        assert_eq!(kept, [Item::Unread(vec![1, 2, 3])]);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_go_on_for_ever() {
        let entries = [rule(-1), rule(-2), head(b"a"), rule(-5), head(b"ERROR")].concat();
        Mishaps::of(&entries).rounds(125).each(|bytes| {
            read(&info(), bytes, Family::Ip, drop);
            read(bytes, bytes, Family::Ip6, drop);
        });
    }
}
