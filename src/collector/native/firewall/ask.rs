//! What the kernel is asked about the packet filter of one namespace.

use rustix::io::Errno;

use super::in_words;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::netlink::{Answer, Netlink, Subsystem};
use crate::host::netns::NetworkNamespace;
use crate::host::{Host, Trouble};
use crate::records::netlink::{ACKNOWLEDGE, messages};
use crate::records::nftables::{self, op};
use crate::records::rtnetlink;

/// How often a rule set is listed again that changed meanwhile.
const ATTEMPTS: u32 = 5;

/// A question and its answer.
pub struct Asked {
    /// In words.
    pub question: String,
    /// The number of the request.
    pub kind: u16,
    /// The number within nf_tables; 0 for questions to others.
    pub op: u16,
    /// The body of the request.
    pub body: Vec<u8>,
    /// What came.
    pub answer: Answer,
}

/// All that one namespace answered.
pub struct Listing {
    /// Its number.
    pub netns: u64,
    /// Of the last attempt.
    pub asked: Vec<Asked>,
    /// Texts and tables that were read otherwise, by what was asked.
    pub texts: Vec<(String, Vec<u8>)>,
    /// What is missing, and why.
    pub troubles: Vec<(Outcome, Reason)>,
}

/// The dumps, in their order.
const DUMPS: &[(&str, u16)] = &[
    ("tables", op::GET_TABLE),
    ("chains", op::GET_CHAIN),
    ("rules", op::GET_RULE),
    ("sets", op::GET_SET),
    ("objects", op::GET_OBJECT),
    ("flowtables", op::GET_FLOWTABLE),
];

/// Asks one namespace.
pub fn namespace(host: &Host, namespace: &NetworkNamespace) -> Listing {
    let mut listing =
        Listing { netns: namespace.inode, asked: Vec::new(), texts: Vec::new(), troubles: Vec::new() };
    match host.netlink(Subsystem::Netfilter, Some(namespace)) {
        Ok(netlink) => nf_tables(&netlink, namespace, &mut listing),
        // Without nfnetlink there is no nf_tables, and no rule of it.
        Err(Trouble::Io(_, error)) if error.raw_os_error() == Some(Errno::PROTONOSUPPORT.raw_os_error()) => {}
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            listing.troubles.push((outcome, Reason::new(reason.code, in_words(namespace, &reason.words))));
        }
    }
    older(host, namespace, &mut listing);
    // The names of links, which rules have by number.
    if let Ok(netlink) = host.netlink(Subsystem::Route, Some(namespace)) {
        let body = vec![0; 16];
        let answer = netlink.dump(rtnetlink::ask::LINK, &body);
        let kind = rtnetlink::ask::LINK;
        listing.asked.push(Asked { question: "links".into(), kind, op: 0, body, answer });
    }
    listing
}

/// The older tables, where they exist: asking for one that does not would make it.
fn older(host: &Host, namespace: &NetworkNamespace, listing: &mut Listing) {
    for (names, family) in [("ip_tables_names", "ip_tables"), ("ip6_tables_names", "ip6_tables"), ("arp_tables_names", "")] {
        let text = match host.network_table(Some(namespace), names) {
            Ok(text) => text,
            // A kernel without them.
            Err(Trouble::Missing(_)) => continue,
            Err(trouble) => {
                let (outcome, reason) = trouble.verdict();
                listing.troubles.push((outcome, Reason::new(reason.code, in_words(namespace, &reason.words))));
                continue;
            }
        };
        listing.texts.push((format!("/proc/net/{names}"), text.clone()));
        for table in text.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()) {
            let shown = crate::path::shown(table);
            if family.is_empty() {
                let words = format!("this version does not read the table {shown} of arp_tables");
                let reason = Reason::new(ReasonCode::NotParsed, in_words(namespace, &words));
                listing.troubles.push((Outcome::Inconclusive, reason));
                continue;
            }
            match host.older_table(Some(namespace), table, family == "ip6_tables") {
                Ok((info, entries)) => {
                    listing.texts.push((format!("{family} {shown} info"), info));
                    listing.texts.push((format!("{family} {shown} entries"), entries));
                }
                Err(trouble) => {
                    let (outcome, reason) = trouble.verdict();
                    let words = in_words(namespace, &reason.words);
                    listing.troubles.push((outcome, Reason::new(reason.code, words)));
                }
            }
        }
    }
}

fn nf_tables(netlink: &Netlink<'_>, namespace: &NetworkNamespace, listing: &mut Listing) {
    let first = ask(netlink, "generation", op::GET_GENERATION, header(0));
    // No such subsystem, and none that could be loaded.
    if [Errno::INVAL, Errno::OPNOTSUPP].iter().any(|errno| first.answer.is_refused_with(*errno)) {
        listing.asked.push(first);
        return;
    }
    if let Some((outcome, reason)) = first.answer.verdict("packet filter") {
        listing.troubles.push((outcome, Reason::new(reason.code, in_words(namespace, &reason.words))));
        listing.asked.push(first);
        return;
    }
    let mut before = first;
    for attempt in 1..=ATTEMPTS {
        let asked = once(netlink);
        let after = ask(netlink, "generation", op::GET_GENERATION, header(0));
        let same = generation(&before) == generation(&after);
        if same || attempt == ATTEMPTS {
            if !same {
                let words = format!("the rule set changed each of the {ATTEMPTS} times it was listed");
                let reason = Reason::new(ReasonCode::TableChanged, in_words(namespace, &words));
                listing.troubles.push((Outcome::Changed, reason));
            }
            for asked in &asked {
                // Flow tables are younger than nf_tables: a kernel that does not know them has none.
                let lacks = asked.op == op::GET_FLOWTABLE && asked.answer.is_refused_with(Errno::INVAL);
                if let Some((outcome, reason)) = asked.answer.verdict(&asked.question).filter(|_| !lacks) {
                    let words = in_words(namespace, &reason.words);
                    listing.troubles.push((outcome, Reason::new(reason.code, words)));
                }
            }
            listing.asked.push(before);
            listing.asked.extend(asked);
            listing.asked.push(after);
            return;
        }
        before = after;
    }
}

/// The whole rule set, once.
fn once(netlink: &Netlink<'_>) -> Vec<Asked> {
    let mut all: Vec<Asked> =
        DUMPS.iter().map(|(question, op)| ask(netlink, question, *op, header(0))).collect();
    let mut sets = Vec::new();
    for asked in all.iter().filter(|asked| asked.op == op::GET_SET) {
        for message in asked.answer.datagrams.iter().flat_map(|datagram| messages(datagram)).flatten() {
            let Some(set) = nftables::row(op::GET_SET, message.payload) else { continue };
            if let (Some(family), Some(table), Some(name)) =
                (message.payload.first(), set.name_of("table"), set.name_of("name"))
            {
                sets.push([header(*family), attribute(1, table), attribute(2, name)].concat());
            }
        }
    }
    all.extend(sets.into_iter().map(|body| ask(netlink, "elements of a set", op::GET_ELEMENTS, body)));
    all
}

fn ask(netlink: &Netlink<'_>, question: &str, op: u16, body: Vec<u8>) -> Asked {
    let kind = nftables::message(op);
    let answer = match op {
        op::GET_GENERATION => netlink.ask(kind, ACKNOWLEDGE, &body),
        _ => netlink.dump(kind, &body),
    };
    Asked { question: question.to_owned(), kind, op, body, answer }
}

/// The number of the rule set, which each change makes higher.
fn generation(asked: &Asked) -> Option<u64> {
    let rows = asked.answer.datagrams.iter().flat_map(|datagram| messages(datagram)).flatten();
    rows.filter(|message| message.kind == nftables::message(op::GET_GENERATION - 1))
        .find_map(|message| nftables::row(op::GET_GENERATION, message.payload)?.number_of("id"))
}

/// `struct nfgenmsg`
fn header(family: u8) -> Vec<u8> {
    vec![family, 0, 0, 0]
}

/// A text as an attribute.
fn attribute(kind: u16, text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len() + 5).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(text);
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
