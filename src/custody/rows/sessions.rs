//! Rows of who is on now. Keys are sorted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::custody::entry::{Base64, FileStat};

/// A state file of logind's, as it lies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateFileRow {
    /// Its bytes.
    pub bytes_b64: Base64,
    /// Its path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// Its metadata.
    pub stat: FileStat,
}

/// What /proc gave of a process that matters to who is on. All bytes are as they came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionProcessRow {
    /// `cmdline`, its arguments ended with NUL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline_b64: Option<Base64>,
    /// Where `exe` leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_b64: Option<Base64>,
    /// Where its descriptors lead, by number: 0 to 2, and of sshd and multiplexers all.
    pub fds_b64: BTreeMap<u32, Base64>,
    /// `loginuid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<String>,
    /// Its number.
    pub pid: u32,
    /// `sessionid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// `stat`.
    pub stat_b64: Base64,
    /// The line `Uid` of `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Of a multiplexer: the lines of its own `net/unix` that are about its own sockets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unix_b64: Vec<Base64>,
}

/// One session: whoever logged in once, or, where no audit session is known, whoever is at one terminal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionRow {
    /// The kernel's number of the session, which audit records carry as `ses`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<u32>,
    /// logind's class: `user`, `greeter`, `manager`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Which views show it: `audit` (processes carry its number), `logind`, `terminal`, `sshd`.
    pub evidence: Vec<&'static str>,
    /// The process that began it, as logind has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<u32>,
    /// The user who logged in, whoever they became since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The name of that user in the host's /etc/passwd, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_b64: Option<Base64>,
    /// Its processes.
    pub processes: Vec<u32>,
    /// From where, as logind has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The service that let them in: `sshd`, `login`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// logind's name of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The sshd processes that serve it.
    pub sshd: Vec<u32>,
    /// When it began: as logind has it, else when its oldest process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// logind's state: `active`, `online`, `closing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The terminals of its processes, below /dev; none for a session without one.
    pub terminals: Vec<String>,
    /// logind's type: `tty`, `x11`, `wayland`, `unspecified`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The users that its processes run as.
    pub uids: Vec<u32>,
}

/// A socket that belongs to a multiplexer.
#[derive(Clone, Debug, Serialize)]
pub struct MultiplexerSocket {
    /// The path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// Its metadata, where it was found in the file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat: Option<FileStat>,
}

/// A terminal that a multiplexer keeps open, and the process in it.
#[derive(Clone, Debug, Serialize)]
pub struct PaneRow {
    /// The process.
    pub pid: u32,
    /// Its terminal, below /dev.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
}

/// A terminal multiplexer's server or client, or a socket that no process of ours holds.
#[derive(Clone, Debug, Serialize)]
pub struct MultiplexerRow {
    /// Of a server: the terminals where it is shown to somebody now; none if it is detached.
    pub attached: Vec<String>,
    /// The audit session that it was begun under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<u32>,
    /// Of a server: its clients.
    pub clients: Vec<u32>,
    /// `tmux`, `screen`, `dtach`, `abduco`, `zellij`, `mosh-server`.
    pub kind: &'static str,
    /// The user who had logged in to begin it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// Of a server: what it keeps open.
    pub panes: Vec<PaneRow>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// `server`, `client`, or `socket`.
    pub role: &'static str,
    /// Of a client: the server that shows itself at its terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<u32>,
    /// Where others can connect to it.
    pub sockets: Vec<MultiplexerSocket>,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Its own terminal, below /dev.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// The user that it runs as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json::assert_keys_sorted;

    #[test]
    fn the_keys_are_sorted() {
        let (b64, text, time) =
            (|| Some(Base64(vec![1])), || Some("x".to_owned()), Timestamp::from_unix(0, 0));
        assert_keys_sorted(&SessionProcessRow {
            cmdline_b64: b64(),
            exe_b64: b64(),
            fds_b64: BTreeMap::from([(0, Base64(vec![]))]),
            login_uid: text(),
            pid: 1,
            session_id: text(),
            stat_b64: Base64(vec![]),
            uid: text(),
            unix_b64: vec![Base64(vec![])],
        });
        assert_keys_sorted(&SessionRow {
            audit_session: Some(1),
            class: text(),
            evidence: vec![],
            leader: Some(1),
            login_uid: Some(1),
            name: text(),
            name_b64: b64(),
            processes: vec![],
            remote: text(),
            service: text(),
            session: text(),
            sshd: vec![],
            started: Some(time),
            state: text(),
            terminals: vec![],
            kind: text(),
            uids: vec![],
        });
        assert_keys_sorted(&MultiplexerRow {
            attached: vec![],
            audit_session: Some(1),
            clients: vec![],
            kind: "tmux",
            login_uid: Some(1),
            panes: vec![PaneRow { pid: 1, terminal: text() }],
            pid: Some(1),
            role: "server",
            server: Some(1),
            sockets: vec![MultiplexerSocket { path: "x".into(), path_b64: b64(), stat: None }],
            started: Some(time),
            terminal: text(),
            uid: Some(1),
        });
    }
}
