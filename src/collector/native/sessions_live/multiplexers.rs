//! Servers and clients of terminal multiplexers. A server works on under the login that began it: what somebody types
//! at a client that attached later is recorded under the server's session, not under theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::custody::entry::{FileStat, Taken};
use crate::custody::rows::sessions::{MultiplexerRow, MultiplexerSocket, PaneRow};
use crate::custody::rows::{FileRow, unix_name};
use crate::records::login_process::Multiplexer;

use super::processes::Process;

/// One row for each of them, and for each socket that none of them holds.
pub fn rows(processes: &[Process], sockets: &[FileRow], now: Taken) -> Vec<MultiplexerRow> {
    let files: BTreeMap<&str, &FileRow> = sockets.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut children: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
    for process in processes {
        if let Ok(parent) = u32::try_from(process.stat.parent) {
            children.entry(parent).or_default().push(process);
        }
    }
    let of = |process: &Process| children.get(&process.pid).map(Vec::as_slice).unwrap_or_default();
    let mut rows: Vec<MultiplexerRow> = processes
        .iter()
        .filter_map(|process| Some(row(process, process.multiplexer?, of(process), &files, now)))
        .collect();
    join_clients(&mut rows);
    let held: BTreeSet<String> =
        rows.iter().flat_map(|row| &row.sockets).map(|socket| socket.path.clone()).collect();
    rows.extend(sockets.iter().filter(|file| !held.contains(&file.path)).map(unheld));
    rows
}

fn row(
    process: &Process,
    multiplexer: Multiplexer,
    children: &[&Process],
    files: &BTreeMap<&str, &FileRow>,
    now: Taken,
) -> MultiplexerRow {
    let listening: Vec<_> =
        process.sockets.iter().filter(|socket| socket.listens() && socket.name.is_some()).collect();
    // Whoever is listened to serves, whatever it calls itself.
    let server = multiplexer.server || !listening.is_empty();
    let of = |path: &[u8]| {
        let (path, path_b64) = unix_name(path);
        let stat = files.get(path.as_str()).map(|file| stat_of(file));
        MultiplexerSocket { path, path_b64, stat }
    };
    let panes = children.iter().filter(|child| server && child.pid != process.pid);
    let panes: Vec<PaneRow> =
        panes.map(|child| PaneRow { pid: child.pid, terminal: child.terminal.clone() }).collect();
    MultiplexerRow {
        attached: if server { shown_at(process, &panes) } else { Vec::new() },
        audit_session: process.audit_session,
        clients: Vec::new(),
        kind: multiplexer.kind,
        login_uid: process.login_uid,
        panes,
        pid: Some(process.pid),
        role: if server { "server" } else { "client" },
        server: None,
        sockets: listening.into_iter().filter_map(|socket| Some(of(socket.name.as_deref()?))).collect(),
        started: Some(now.at_tick(process.stat.start_ticks)),
        terminal: process.terminal.clone(),
        uid: process.uid,
    }
}

/// A client hands its terminal to the server, which so holds it open. Those of the panes it holds by their other end.
fn shown_at(process: &Process, panes: &[PaneRow]) -> Vec<String> {
    let names = process.targets.iter().filter_map(|target| {
        let name = std::str::from_utf8(target.strip_prefix(b"/dev/")?).ok()?;
        let is_terminal =
            name.starts_with("pts/") && name != "pts/ptmx" || name.starts_with("tty") && name != "tty";
        is_terminal.then(|| name.to_owned())
    });
    let mut names: Vec<String> =
        names.filter(|name| !panes.iter().any(|pane| pane.terminal.as_ref() == Some(name))).collect();
    names.sort();
    names.dedup();
    names
}

/// A client belongs to the server of its kind that holds its terminal.
fn join_clients(rows: &mut [MultiplexerRow]) {
    let servers: Vec<(usize, Option<u32>, &'static str, Vec<String>)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.role == "server")
        .map(|(at, row)| (at, row.pid, row.kind, row.attached.clone()))
        .collect();
    let mut found = Vec::new();
    for row in rows.iter_mut().filter(|row| row.role == "client") {
        let Some(terminal) = &row.terminal else { continue };
        let server =
            servers.iter().find(|(_, _, kind, attached)| *kind == row.kind && attached.contains(terminal));
        if let Some((at, pid, ..)) = server {
            row.server = *pid;
            found.extend(row.pid.map(|client| (*at, client)));
        }
    }
    for (at, client) in found {
        if let Some(server) = rows.get_mut(at) {
            server.clients.push(client);
        }
    }
}

/// Left behind by a server that is gone, or held by one in another namespace.
fn unheld(file: &FileRow) -> MultiplexerRow {
    let kind = if file.path.contains("/tmux") { "tmux" } else { "screen" };
    let socket = MultiplexerSocket {
        path: file.path.clone(),
        path_b64: file.path_b64.clone(),
        stat: Some(stat_of(file)),
    };
    MultiplexerRow {
        attached: Vec::new(),
        audit_session: None,
        clients: Vec::new(),
        kind,
        login_uid: None,
        panes: Vec::new(),
        pid: None,
        role: "socket",
        server: None,
        sockets: vec![socket],
        started: None,
        terminal: None,
        uid: None,
    }
}

fn stat_of(file: &FileRow) -> FileStat {
    FileStat {
        atime: file.atime,
        blocks: file.blocks,
        btime: file.btime,
        ctime: file.ctime,
        dev: file.dev.clone(),
        gid: file.gid,
        ino: file.ino,
        mode: file.mode.clone(),
        mount_id: file.mount_id,
        mtime: file.mtime,
        nlink: file.nlink,
        size: file.size,
        uid: file.uid,
        unix: file.unix.clone(),
    }
}
