//! The processes that matter to who is on: those of a login, those at a terminal, sshd's, and multiplexers.

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use crate::collector::run::Run;
use crate::collector::tables::{Rows, tell_blinkers};
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::sessions::SessionProcessRow;
use crate::host::Trouble;
use crate::host::processes::ProcessFolder;
use crate::intake::Halt;
use crate::path::shown;
use crate::records::login_process::{self, Multiplexer, UNSET};
use crate::records::proc_net;
use crate::records::process::target::{self, Target};
use crate::records::process::{ProcessStat, parse_stat, status_field, terminal_name};
use crate::records::sockets::Socket;

use super::COLLECTOR;

/// Bytes of a command line that are kept.
const CMDLINE: usize = 4096;

/// Bytes of a table of UNIX sockets that are read.
const UNIX_TABLE: usize = 16 << 20;

/// Descriptors of one process that are looked at.
const DESCRIPTORS: usize = 4096;

/// One process, read from its row.
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// What its `stat` file says.
    pub stat: ProcessStat,
    /// The user who logged in.
    pub login_uid: Option<u32>,
    /// The audit session.
    pub audit_session: Option<u32>,
    /// The user that it runs as.
    pub uid: Option<u32>,
    /// The terminal, below /dev.
    pub terminal: Option<String>,
    /// User and terminal in the title of an sshd that serves a session.
    pub ssh: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether it is a multiplexer.
    pub multiplexer: Option<Multiplexer>,
    /// Of a multiplexer: where its descriptors lead below /dev.
    pub targets: Vec<Vec<u8>>,
    /// Its UNIX sockets that are bound.
    pub sockets: Vec<Socket>,
}

/// What the processes showed.
pub struct Seen {
    /// Those that matter.
    pub processes: Vec<Process>,
    /// The entry that holds them.
    pub entry: Option<EntryId>,
    /// Whether all processes are shown and let us look.
    pub whole: bool,
}

/// Reads all processes, seals those that matter, and gives them.
pub fn collect(run: &mut Run<'_, '_>) -> Result<Seen, Halt> {
    let source = || Source::text("/proc/PID/{stat,status,loginuid,sessionid,exe,cmdline,fd,net/unix}");
    let taken = run.intake.now();
    let pids = match run.host.pids() {
        Ok(pids) => pids,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source(), outcome, reason)?;
            return Ok(Seen { processes: Vec::new(), entry: None, whole: false });
        }
    };
    let blinkers = run.host.blinkers().verdicts();
    let mut draft = Draft::new(Kind::Capture, source(), taken);
    draft.title = Some("Processes of logins, at terminals, of sshd and of multiplexers".into());
    // Each row goes on at once: a hostile host has 30,000 processes at a terminal, and each a long command line.
    let mut sheet = Rows::begin(run, COLLECTOR, "processes.jsonl", draft)?;
    let (mut processes, mut unseen) = (Vec::new(), BTreeMap::<String, Vec<u32>>::new());
    let mut cut = Vec::new();
    let host = run.host;
    host.each_process(pids, glance, |pid, outcome| {
        match outcome {
            Ok(glance) => {
                if glance.refused {
                    unseen.entry("only in part".into()).or_default().push(pid);
                }
                if glance.cut {
                    cut.push(pid);
                }
                if let Some(row) = glance.row {
                    sheet.row(run, &row)?;
                    processes.extend(read(&row));
                }
            }
            Err(Trouble::Vanished(_)) => {}
            Err(trouble) => unseen.entry(trouble.verdict().0.word().to_owned()).or_default().push(pid),
        }
        run.intake.check_within_member()
    })?;
    let (none, whole) = (sheet.count == 0, unseen.is_empty() && cut.is_empty() && blinkers.is_empty());
    let entry = sheet.end(run, |draft| {
        if let Some((outcome, reason)) = ending(&unseen, &cut, &blinkers, none) {
            *draft = draft.clone().ended(outcome, reason);
        }
    })?;
    tell_blinkers(run, &blinkers)?;
    Ok(Seen { processes, entry: Some(entry), whole })
}

/// How the look at processes ended, where that is more than that there are some.
fn ending(
    unseen: &BTreeMap<String, Vec<u32>>,
    cut: &[u32],
    blinkers: &[(Outcome, Reason)],
    none: bool,
) -> Option<(Outcome, Reason)> {
    let mut troubles = Vec::new();
    if !unseen.is_empty() {
        let count: usize = unseen.values().map(Vec::len).sum();
        troubles.push(format!("processes that could not be looked at: {count} ({})", listed(unseen)));
    }
    if !cut.is_empty() {
        troubles.push(format!(
            "processes with more than {DESCRIPTORS} descriptors, or beside more than {UNIX_TABLE} bytes of UNIX \
             sockets, of which the rest was not looked at: {} ({})",
            cut.len(),
            first_of(cut)
        ));
    }
    match (unseen.is_empty(), cut.is_empty()) {
        (false, _) => {
            let reason = Reason::new(ReasonCode::Permission, troubles.join("; "));
            return Some((Outcome::Denied, reason));
        }
        (true, false) => {
            let reason = Reason::new(ReasonCode::CountLimit, troubles.join("; "));
            return Some((Outcome::Truncated, reason));
        }
        (true, true) => {}
    }
    let proven = || {
        let words = "every process was looked at: none belongs to a login, a terminal, sshd or a multiplexer";
        (Outcome::Empty, Reason::new(ReasonCode::NotFound, words))
    };
    none.then(|| blinkers.first().cloned().unwrap_or_else(proven))
}

fn listed(unseen: &BTreeMap<String, Vec<u32>>) -> String {
    let one = |(word, pids): (&String, &Vec<u32>)| format!("{word}: {}", first_of(pids));
    unseen.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn first_of(pids: &[u32]) -> String {
    let first: Vec<String> = pids.iter().take(5).map(u32::to_string).collect();
    format!("{}{}", first.join(" "), if pids.len() > 5 { " …" } else { "" })
}

/// What one process shows.
struct Glance {
    /// Nothing if it does not matter.
    row: Option<SessionProcessRow>,
    /// Some of it was refused, so that it may matter all the same.
    refused: bool,
    /// It has more descriptors, or its network namespace more sockets, than are looked at.
    cut: bool,
}

/// On a reader thread.
fn glance(process: &ProcessFolder) -> Result<Glance, Errno> {
    let stat = process.read("stat", 4096)?;
    let number = |name: &str| Some(shown(process.read(name, 64).ok()?.trim_ascii()));
    let (login_uid, session_id) = (number("loginuid"), number("sessionid"));
    let exe = process.link("exe");
    let refused = matches!(exe, Err(Errno::ACCESS | Errno::PERM));
    let exe = exe.ok();
    let cmdline = process.read("cmdline", CMDLINE);
    let nameless = refused && cmdline.is_err();
    let cmdline = cmdline.ok().filter(|bytes| !bytes.is_empty());
    let (exe_bytes, cmdline_bytes) =
        (exe.as_deref().unwrap_or_default(), cmdline.as_deref().unwrap_or_default());
    let place = parse_stat(&stat);
    let name = place.as_ref().map(|place| place.name.as_slice()).unwrap_or_default();
    let multiplexer = login_process::multiplexer(name, exe_bytes, cmdline_bytes);
    let sshd =
        name == b"sshd" || name == b"sshd-session" || login_process::ssh_title(cmdline_bytes).is_some();
    let has_session = session_id.as_deref().is_some_and(|id| id.parse() != Ok(UNSET));
    let has_terminal = place.as_ref().is_none_or(|place| place.terminal.is_some());
    if !has_session && !has_terminal && multiplexer.is_none() && !sshd {
        // By the name and the arguments that it shows it is none that matters.
        return Ok(Glance { row: None, refused: nameless, cut: false });
    }
    let (fds, more_fds): (BTreeMap<u32, Base64>, bool) = if multiplexer.is_some() || sshd {
        let (all, more) = process.descriptors(DESCRIPTORS).unwrap_or_default();
        (all.into_iter().map(|one| (one.fd, Base64(one.target))).collect(), more)
    } else {
        let link = |fd| Some((fd, Base64(process.link(&format!("fd/{fd}")).ok()?)));
        ((0..3).filter_map(link).collect(), false)
    };
    let (unix_b64, more_unix) =
        if multiplexer.is_some() { own_sockets(process, &fds) } else { (Vec::new(), false) };
    let status = process.read("status", 16 << 10).unwrap_or_default();
    let row = SessionProcessRow {
        cmdline_b64: cmdline.map(Base64),
        exe_b64: exe.map(Base64),
        fds_b64: fds,
        login_uid,
        pid: process.pid,
        session_id,
        stat_b64: Base64(stat),
        uid: status_field(&status, "Uid"),
        unix_b64,
    };
    Ok(Glance { row: Some(row), refused, cut: more_fds || more_unix })
}

/// The lines of its own network namespace that are about sockets of its own, and whether there are more lines than are
/// read.
fn own_sockets(process: &ProcessFolder, fds: &BTreeMap<u32, Base64>) -> (Vec<Base64>, bool) {
    let number = |link: &Base64| match target::sort(&link.0) {
        Target::Socket(inode) => Some(inode),
        _ => None,
    };
    let own: BTreeSet<u64> = fds.values().filter_map(number).collect();
    if own.is_empty() {
        return (Vec::new(), false);
    }
    let table = process.read("net/unix", UNIX_TABLE).unwrap_or_default();
    let is_own = |line: &&[u8]| proc_net::unix(line).is_some_and(|socket| own.contains(&socket.inode));
    let lines = proc_net::unix_lines(&table).filter(is_own).map(|line| Base64(line.to_vec()));
    (lines.collect(), table.len() == UNIX_TABLE)
}

/// The name of a terminal, or, where its number tells none, that number.
fn terminal_of(device: (u32, u32)) -> String {
    terminal_name(device).unwrap_or_else(|| format!("{}:{}", device.0, device.1))
}

/// What a row says.
fn read(row: &SessionProcessRow) -> Option<Process> {
    let set = |text: &Option<String>| text.as_deref()?.parse().ok().filter(|number| *number != UNSET);
    let stat = parse_stat(&row.stat_b64.0)?;
    let exe = row.exe_b64.as_ref().map(|exe| exe.0.as_slice()).unwrap_or_default();
    let cmdline = row.cmdline_b64.as_ref().map(|cmdline| cmdline.0.as_slice()).unwrap_or_default();
    let owned = |(user, terminal): (&[u8], Option<&[u8]>)| (user.to_vec(), terminal.map(<[u8]>::to_vec));
    let multiplexer = login_process::multiplexer(&stat.name, exe, cmdline);
    // Of anybody else they are not asked for, and there may be 30,000 others, with paths of 4 KiB.
    let targets =
        row.fds_b64.values().filter(|target| multiplexer.is_some() && target.0.starts_with(b"/dev/"));
    Some(Process {
        pid: row.pid,
        login_uid: set(&row.login_uid),
        audit_session: set(&row.session_id),
        uid: row.uid.as_deref().and_then(|uids| uids.split(' ').next()?.parse().ok()),
        terminal: stat.terminal.map(terminal_of),
        ssh: login_process::ssh_title(cmdline).map(owned),
        multiplexer,
        targets: targets.map(|target| target.0.clone()).collect(),
        sockets: row.unix_b64.iter().filter_map(|line| proc_net::unix(&line.0)).collect(),
        stat,
    })
}
