//! What the kernel is asked about the packet filter of one namespace.

use rustix::io::Errno;

use super::in_words;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::kernel_text::Text;
use crate::host::netlink::{Answer, Netlink, Subsystem};
use crate::host::netns::NetworkNamespace;
use crate::host::{Host, Trouble};
use crate::records::iptables::Family;
use crate::records::netlink::{ACKNOWLEDGE, messages};
use crate::records::nftables::{self, op};
use crate::records::rtnetlink;

/// How often a rule set is listed again that changed meanwhile.
const ATTEMPTS: u32 = 5;

/// Bytes of all answers of one namespace at most: what half a million elements of sets give, or fifty thousand rules. They
/// are held in memory until the tables are made.
const LIMIT: usize = 24 << 20;

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
    /// Texts that were read, by what was asked.
    pub texts: Vec<(String, Text)>,
    /// Tables of iptables in the older form.
    pub older: Vec<Older>,
    /// The kernel has nf_tables.
    pub has_nf_tables: bool,
    /// What is missing, and why.
    pub troubles: Vec<(Outcome, Reason)>,
}

/// A table of iptables in the older form.
pub struct Older {
    /// Whose it is.
    pub family: Family,
    /// Its name.
    pub table: Vec<u8>,
    /// Its description, and its entries.
    pub info: Vec<u8>,
    pub entries: Vec<u8>,
}

impl Listing {
    /// How many bytes are kept of it.
    pub fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|(_, text)| text.bytes.len());
        let older = self.older.iter().map(|older| older.info.len() + older.entries.len());
        size_of_all(&self.asked) + texts.chain(older).sum::<usize>()
    }

    /// How many more may come.
    fn left(&self) -> usize {
        LIMIT.saturating_sub(self.bytes())
    }
}

fn size_of_all(asked: &[Asked]) -> usize {
    asked.iter().flat_map(|asked| &asked.answer.datagrams).map(Vec::len).sum()
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

/// The texts that name the older tables, each with the family of those.
const OLDER: &[(&str, Family)] =
    &[("ip_tables_names", Family::Ip), ("ip6_tables_names", Family::Ip6), ("arp_tables_names", Family::Arp)];

/// Asks one namespace.
pub fn namespace(host: &Host, namespace: &NetworkNamespace) -> Listing {
    let mut listing = Listing {
        netns: namespace.inode,
        asked: Vec::new(),
        texts: Vec::new(),
        older: Vec::new(),
        has_nf_tables: false,
        troubles: Vec::new(),
    };
    match host.netlink(Subsystem::Netfilter, Some(namespace)) {
        Ok(netlink) => nf_tables(&netlink, namespace, &mut listing),
        // Without nfnetlink there is no nf_tables, and no rule of it.
        Err(Trouble::Io(_, error)) if error.raw_os_error() == Some(Errno::PROTONOSUPPORT.raw_os_error()) => {}
        Err(trouble) => listing.note(namespace, trouble.verdict()),
    }
    older(host, namespace, &mut listing);
    // The names of links, which rules have by number.
    if let Ok(netlink) = host.netlink(Subsystem::Route, Some(namespace)) {
        let body = vec![0; 16];
        let answer = netlink.dump_up_to(rtnetlink::ask::LINK, &body, listing.left());
        let kind = rtnetlink::ask::LINK;
        listing.asked.push(Asked { question: "links".into(), kind, op: 0, body, answer });
    }
    listing
}

/// The older tables, where they exist: asking for one that does not would make it.
fn older(host: &Host, namespace: &NetworkNamespace, listing: &mut Listing) {
    let texts = match host.net_texts(namespace, OLDER.iter().map(|(names, _)| *names).collect()) {
        Ok(texts) => texts,
        Err(trouble) => return listing.note(namespace, trouble.verdict()),
    };
    for ((names, text), (_, family)) in texts.into_iter().zip(OLDER) {
        let text = match text {
            Ok(text) => text,
            // A kernel without them.
            Err(Trouble::Missing(_)) => continue,
            Err(trouble) => {
                listing.note(namespace, trouble.verdict());
                continue;
            }
        };
        let place = format!("/proc/net/{names}");
        if let Some(verdict) = text.verdict(&place) {
            listing.note(namespace, verdict);
        }
        for table in text.bytes.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()) {
            listing.older_table(host, namespace, table, *family);
        }
        listing.texts.push((place, text));
    }
}

impl Listing {
    fn older_table(&mut self, host: &Host, namespace: &NetworkNamespace, table: &[u8], family: Family) {
        match host.older_table(Some(namespace), table, family, self.left()) {
            Ok((info, entries)) => self.older.push(Older { family, table: table.to_vec(), info, entries }),
            Err(Trouble::Io(place, error)) if error.raw_os_error() == Some(Errno::FBIG.raw_os_error()) => {
                let words = format!("{place}: longer than the {} bytes that are taken", self.left());
                self.note(namespace, (Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words)));
            }
            Err(trouble) => self.note(namespace, trouble.verdict()),
        }
    }

    fn note(&mut self, namespace: &NetworkNamespace, (outcome, reason): (Outcome, Reason)) {
        self.troubles.push((outcome, Reason::new(reason.code, in_words(namespace, &reason.words))));
    }
}

fn nf_tables(netlink: &Netlink<'_>, namespace: &NetworkNamespace, listing: &mut Listing) {
    let first = ask(netlink, "generation", op::GET_GENERATION, header(0));
    // No such subsystem, and none that could be loaded.
    if [Errno::INVAL, Errno::OPNOTSUPP].iter().any(|errno| first.answer.is_refused_with(*errno)) {
        listing.asked.push(first);
        return;
    }
    listing.has_nf_tables = true;
    if let Some(verdict) = first.answer.verdict("packet filter") {
        listing.note(namespace, verdict);
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
                listing.note(namespace, (Outcome::Changed, Reason::new(ReasonCode::TableChanged, words)));
            }
            for asked in &asked {
                // Objects and flow tables are younger than nf_tables: a kernel that does not know them has none.
                let lacks = matches!(asked.op, op::GET_OBJECT | op::GET_FLOWTABLE)
                    && asked.answer.is_refused_with(Errno::INVAL);
                if let Some(verdict) = asked.answer.verdict(&asked.question).filter(|_| !lacks) {
                    listing.note(namespace, verdict);
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
    let mut all: Vec<Asked> = Vec::new();
    let mut left = LIMIT;
    let mut put = |question: &str, op: u16, body: Vec<u8>, all: &mut Vec<Asked>| {
        let asked = up_to(netlink, question, op, body, left);
        left = left.saturating_sub(asked.answer.datagrams.iter().map(Vec::len).sum());
        all.push(asked);
    };
    for (question, op) in DUMPS {
        put(question, *op, header(0), &mut all);
    }
    for (question, body) in sets(&all) {
        put(&question, op::GET_ELEMENTS, body, &mut all);
    }
    all
}

/// For each set the question about its elements.
fn sets(asked: &[Asked]) -> Vec<(String, Vec<u8>)> {
    let mut sets = Vec::new();
    for asked in asked.iter().filter(|asked| asked.op == op::GET_SET) {
        for message in asked.answer.datagrams.iter().flat_map(|datagram| messages(datagram)).flatten() {
            let Some(set) = nftables::row(op::GET_SET, message.payload) else { continue };
            if let (Some(family), Some(table), Some(name)) =
                (message.payload.first(), set.name_of("table"), set.name_of("name"))
            {
                let shown = [table, name].map(crate::path::shown).join(" ");
                let body = [header(*family), attribute(1, table), attribute(2, name)].concat();
                sets.push((format!("elements of the set {} {shown}", nftables::family(*family)), body));
            }
        }
    }
    sets
}

fn ask(netlink: &Netlink<'_>, question: &str, op: u16, body: Vec<u8>) -> Asked {
    up_to(netlink, question, op, body, LIMIT)
}

fn up_to(netlink: &Netlink<'_>, question: &str, op: u16, body: Vec<u8>, limit: usize) -> Asked {
    let kind = nftables::message(op);
    let answer = match op {
        op::GET_GENERATION => netlink.ask(kind, ACKNOWLEDGE, &body),
        _ => netlink.dump_up_to(kind, &body, limit),
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
