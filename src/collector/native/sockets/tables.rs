//! The three tables: namespaces, sockets, and findings where there are any.

use std::borrow::Cow;

use super::answers::Dump;
use super::gather::{Asked, Gathered, Listed};
use super::ownerless::Ownerless;
use super::owners::Holders;
use super::unlisted::Unlisted;
use crate::collector::run::Run;
use crate::collector::tables::Rows;
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::custody::rows::sockets::{
    DumpRow, FindingRow, HolderRow, NamespaceRow, SocketRow, ThreadRow, ViewRow,
};
use crate::custody::rows::{text, unix_name};
use crate::host::cross_view::Sighting;
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::intake::Halt;
use crate::path::shown;
use crate::records::sockets::{
    End, NETLINK, Socket, family_word, groups, kind_word, netlink_word, state_word, timer_word,
};

/// Writes them; each names the captures that it was made from.
pub fn write(
    run: &mut Run<'_, '_>,
    scan: &NetworkScan,
    gathered: &Gathered,
    holders: &Holders,
    ownerless: &Ownerless,
) -> Result<(), Halt> {
    let from = gathered.capture.into_iter().chain([holders.capture]).collect::<Vec<_>>();
    namespaces(run, scan, gathered, holders, from.clone())?;
    sockets(run, scan, gathered, (holders, ownerless), from.clone())?;
    findings(run, scan, gathered, holders, from)
}

fn draft(run: &Run<'_, '_>, source: &str, title: &str, from: Vec<EntryId>) -> Draft {
    let mut draft = Draft::new(Kind::Derived, Source::text(source), run.intake.now());
    draft.title = Some(title.into());
    draft.derived_from = from;
    draft
}

fn namespaces(
    run: &mut Run<'_, '_>,
    scan: &NetworkScan,
    gathered: &Gathered,
    holders: &Holders,
    from: Vec<EntryId>,
) -> Result<(), Halt> {
    let draft = draft(run, "network namespaces", "Network namespaces, and what was asked in each", from);
    let mut sheet = Rows::begin(run, super::ID, "namespaces.jsonl", draft)?;
    for (namespace, asked) in scan.namespaces.iter().zip(&gathered.asked) {
        let questions: Vec<String> = asked.dumps.iter().map(|dump| dump.question.name()).collect();
        let dumps = asked.dumps.iter().zip(&questions).map(|(dump, question)| dump_row(dump, question));
        let row = namespace_row(namespace, gathered, holders, dumps.collect());
        sheet.row(run, &row)?;
    }
    sheet.end(run, |_| ()).map(drop)
}

fn namespace_row<'r>(
    namespace: &NetworkNamespace,
    gathered: &'r Gathered,
    holders: &'r Holders,
    dumps: Vec<DumpRow<'r>>,
) -> NamespaceRow<'r> {
    let holder = |pid, fd| HolderRow { exe: holders.exe(pid), fd, pid };
    let paths: Vec<_> = namespace.paths.iter().map(|path| text(path.as_bytes())).collect();
    let odd = paths.iter().any(|(_, exact)| exact.is_some());
    let exact = namespace.paths.iter().filter(|_| odd).map(|path| Base64(path.as_bytes().to_vec()));
    NamespaceRow {
        cross_view: namespace.own.then_some(gathered.cross_view.word.as_str()),
        dumps,
        held_by: namespace.held_by.iter().map(|(pid, fd)| holder(*pid, Some(*fd))).collect(),
        modules_loaded: if namespace.own { gathered.modules_loaded.clone() } else { Vec::new() },
        netns: namespace.inode,
        own: namespace.own,
        paths: paths.into_iter().map(|(text, _)| text).collect(),
        paths_b64: exact.collect(),
        processes: namespace.processes.iter().map(|pid| holder(*pid, None)).collect(),
        threads: namespace
            .threads
            .iter()
            .map(|(pid, thread)| ThreadRow { pid: *pid, thread: *thread })
            .collect(),
    }
}

fn dump_row<'r>(dump: &'r Dump, question: &'r str) -> DumpRow<'r> {
    let result = match (&dump.trouble, dump.instead) {
        (Some((_, reason)), None) => reason.words.as_str(),
        (_, Some(_)) => "substituted",
        (None, None) => "whole",
    };
    DumpRow {
        attempts: dump.attempts,
        doubled: dump.doubled,
        instead: dump.instead.map(super::answers::Instead::word),
        question,
        result,
        rows: dump.rows,
        unread: dump.unread,
    }
}

fn sockets(
    run: &mut Run<'_, '_>,
    scan: &NetworkScan,
    gathered: &Gathered,
    (holders, ownerless): (&Holders, &Ownerless),
    from: Vec<EntryId>,
) -> Result<(), Halt> {
    let draft =
        draft(run, "sockets", "Sockets of all network namespaces, with the processes that hold them", from);
    let mut sheet = Rows::begin(run, super::ID, "sockets.jsonl", draft)?;
    for listed in &gathered.listed {
        let (Some(namespace), Some(asked)) =
            (scan.namespaces.get(listed.namespace), gathered.asked.get(listed.namespace))
        else {
            continue;
        };
        let mut row = socket_row(&listed.socket);
        (row.netns, row.via) = (Some(namespace.inode), if listed.from_text { "proc" } else { "sock_diag" });
        row.owners = holders.of(scan, listed.socket.inode);
        row.owner_unknown = listed.socket.listens() && ownerless.listeners.contains(&listed.socket.inode);
        row.collector = asked.askers.contains(&listed.socket.inode);
        let name = listed.socket.interface.and_then(|interface| asked.interfaces.get(&interface));
        let name = name.map(|name| text(name));
        if let Some((name, exact)) = &name {
            row.interface_name = Some(name);
            row.interface_name_b64 = exact.as_ref();
        }
        sheet.row(run, &row)?;
    }
    for unlisted in &gathered.unlisted {
        let name = shown(unlisted.examined.protocol.as_deref().unwrap_or_default());
        let mut row = unlisted_row(unlisted, &name);
        row.owners = holders.of(scan, row.inode);
        sheet.row(run, &row)?;
    }
    let nothing = sheet.count == 0;
    let whole = gathered.asked.iter().all(Asked::is_whole);
    sheet.end(run, |draft| {
        if nothing {
            let words = "no socket was listed in any network namespace";
            let outcome = if whole { Outcome::Empty } else { Outcome::Inconclusive };
            (draft.outcome, draft.reason) = (outcome, Some(Reason::new(ReasonCode::NotFound, words)));
        } else if let Some(words) = ownerless.remark(scan) {
            draft.reason = Some(Reason::new(ReasonCode::Remarkable, words));
        }
    })?;
    Ok(())
}

/// Everything that the socket itself says.
fn socket_row(socket: &Socket) -> SocketRow<'static> {
    let number = |number: Option<u8>| number.map(|number| number.to_string());
    let is_netlink = socket.family == NETLINK;
    let netlink = socket.protocol_number.filter(|_| is_netlink).and_then(netlink_word);
    let (path, path_b64) = match socket.name.as_deref().map(unix_name) {
        Some((path, exact)) => (Some(path), exact),
        None => (None, None),
    };
    let mut row = SocketRow {
        backlog: socket.backlog,
        bytes_acked: socket.bytes_acked,
        bytes_received: socket.bytes_received,
        cgroup_id: socket.cgroup,
        congestion: socket.congestion.as_deref().map(shown),
        cookie: socket.cookie,
        drops: socket.drops,
        family: family_word(socket.family).unwrap_or("unknown"),
        file_dev: socket.file.map(|(device, _)| format!("{}:{}", device >> 20, device & 0xf_ffff)),
        file_ino: socket.file.map(|(_, inode)| inode),
        filter_b64: socket.filter.as_deref().map(|filter| Base64(filter.to_vec())),
        groups: socket.groups.as_deref().map(groups).unwrap_or_default(),
        inode: socket.inode,
        interface: socket.interface,
        malformed: socket.malformed,
        mark: socket.mark,
        path,
        path_b64,
        peer_inode: socket.peer,
        pending: socket.pending,
        protocol: netlink.or(socket.protocol.map(crate::records::sockets::Protocol::word)),
        protocol_number: socket.protocol_number,
        receive_queue: socket.receive_queue,
        retransmits: socket.timer.map(|timer| timer.retransmits),
        send_queue: socket.send_queue,
        shutdown: socket.shutdown.and_then(shutdown_word),
        state: state_word(socket).map(Cow::Borrowed).or(number(socket.state).map(Cow::Owned)),
        timer: socket.timer.map(|timer| {
            timer_word(timer.kind).map_or_else(|| Cow::Owned(timer.kind.to_string()), Cow::Borrowed)
        }),
        timer_ms: socket.timer.map(|timer| timer.expires_ms),
        tos: socket.tos,
        traffic_class: socket.traffic_class,
        kind: socket
            .kind
            .map(|kind| kind_word(kind).map_or_else(|| Cow::Owned(kind.to_string()), Cow::Borrowed)),
        uid: socket.uid,
        v6only: socket.v6only,
        ..SocketRow::default()
    };
    (row.local, row.local_cid, row.local_port) = socket.local.map_or((None, None, None), end);
    (row.remote, row.remote_cid, row.remote_port) = socket.remote.map_or((None, None, None), end);
    row
}

/// Address, machine, port.
fn end(end: End) -> (Option<String>, Option<u32>, Option<u32>) {
    match end {
        End::Ip(address, port) => (Some(address.to_string()), None, Some(port.into())),
        End::Port(port) => (None, None, Some(port)),
        End::Machine(machine, port) => (None, Some(machine), Some(port)),
    }
}

fn shutdown_word(bits: u8) -> Option<&'static str> {
    match bits & 3 {
        1 => Some("read"),
        2 => Some("write"),
        3 => Some("both"),
        _ => None,
    }
}

/// What a descriptor tells of a socket that no table lists. Without a table of its own, its family is what the kernel
/// calls its protocol.
fn unlisted_row<'r>(unlisted: &'r Unlisted, name: &'r str) -> SocketRow<'r> {
    let answers = unlisted.examined.answers.as_ref().ok();
    let question = unlisted.question();
    let mut row = match question {
        Some(question) => socket_row(&Socket {
            family: question.family,
            protocol: question.protocol,
            local: answers.and_then(|answers| answers.local),
            remote: answers.and_then(|answers| answers.remote),
            ..Socket::default()
        }),
        None => SocketRow { family: if name.is_empty() { "unknown" } else { name }, ..SocketRow::default() },
    };
    row.state = answers.filter(|answers| answers.listens).map(|_| Cow::Borrowed("LISTEN"));
    (row.inode, row.via) = (unlisted.examined.descriptor.inode, "descriptor");
    row
}

impl Asked {
    /// Whether everything that was asked was answered whole.
    fn is_whole(&self) -> bool {
        self.trouble.is_none() && self.dumps.iter().all(Dump::is_whole)
    }
}

fn findings(
    run: &mut Run<'_, '_>,
    scan: &NetworkScan,
    gathered: &Gathered,
    holders: &Holders,
    from: Vec<EntryId>,
) -> Result<(), Halt> {
    let hidden: Vec<&Unlisted> = gathered.unlisted.iter().filter(|unlisted| unlisted.is_finding).collect();
    let disagreements = &gathered.cross_view.disagreements;
    if hidden.is_empty() && disagreements.is_empty() {
        return Ok(());
    }
    let words = finding_words(hidden.len() as u64, disagreements.len() as u64);
    let draft = draft(run, "sockets, two views", "Sockets that one view shows and another does not", from);
    let draft = draft.ended(Outcome::Inconclusive, Reason::new(ReasonCode::ViewsDisagree, words));
    let mut sheet = Rows::begin(run, super::ID, "findings.jsonl", draft)?;
    for unlisted in hidden {
        sheet.row(run, &hidden_row(scan, holders, unlisted))?;
    }
    for (sighting, ours) in disagreements {
        sheet.row(run, &disagreement_row(scan, gathered, holders, sighting, *ours))?;
    }
    sheet.end(run, |_| ()).map(drop)
}

fn finding_words(hidden: u64, disagreements: u64) -> String {
    let mut said = Vec::new();
    if hidden > 0 {
        let (is, its) = if hidden == 1 { ("is", "its") } else { ("are", "their") };
        said.push(format!(
            "{} {is} held by a process and in no table of {its} kind",
            counted(hidden, "socket")
        ));
    }
    if disagreements > 0 {
        let over = counted(disagreements, "socket");
        said.push(format!("the two readers of TCP and UDP disagree over {over}, twice"));
    }
    said.join("; ")
}

fn hidden_row<'r>(scan: &NetworkScan, holders: &'r Holders, unlisted: &'r Unlisted) -> FindingRow<'r> {
    let inode = unlisted.examined.descriptor.inode;
    let answers = unlisted.examined.answers.as_ref().ok();
    let says = answers.map_or_else(
        || "it is there".to_owned(),
        |answers| {
            let end = |end: Option<End>| end.map_or_else(|| "none".to_owned(), spoken);
            let listens = if answers.listens { "listens; " } else { "" };
            format!("{listens}local {}, remote {}", end(answers.local), end(answers.remote))
        },
    );
    FindingRow {
        inode,
        kind: "unlisted_socket",
        owners: holders.of(scan, inode),
        protocol: unlisted.question().map(|question| question.kernel_name()),
        views: vec![
            ViewRow { says, view: "descriptor" },
            ViewRow { says: "not listed in any network namespace, twice".into(), view: "sock_diag" },
        ],
        words: "a process holds a socket that the kernel's table of its kind does not list: something hides it, or it \
                belongs to a network namespace that was not found",
    }
}

fn spoken(end: End) -> String {
    match end {
        End::Ip(address, port) => format!("{address} port {port}"),
        End::Port(port) => format!("port {port}"),
        End::Machine(machine, port) => format!("machine {machine} port {port}"),
    }
}

fn disagreement_row<'r>(
    scan: &NetworkScan,
    gathered: &Gathered,
    holders: &'r Holders,
    sighting: &Sighting,
    ours: bool,
) -> FindingRow<'r> {
    let described = |(address, port)| spoken(End::Ip(address, port));
    let remote = sighting.remote.map_or_else(String::new, |remote| format!(", remote {}", described(remote)));
    let seen = format!("local {}{remote}", described(sighting.local));
    let same_inode = |listed: &&Listed| listed.namespace == 0 && listed.socket.inode == sighting.inode;
    let otherwise = gathered.listed.iter().find(same_inode).filter(|_| !ours);
    let not_seen = otherwise.map_or_else(
        || "no such socket".to_owned(),
        |listed| format!("local {}", listed.socket.local.map_or_else(String::new, spoken)),
    );
    let (own, other) = if ours { (seen, not_seen) } else { (not_seen, seen) };
    FindingRow {
        inode: sighting.inode,
        kind: "views_disagree",
        owners: holders.of(scan, sighting.inode),
        protocol: Some(sighting.protocol.word()),
        views: vec![ViewRow { says: own, view: "sock_diag" }, ViewRow { says: other, view: "netstat2" }],
        words: "two readers of the same table of the kernel's do not see the same, twice",
    }
}
