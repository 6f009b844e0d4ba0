//! Every question in every namespace, into one capture, and what the answers list.

use std::collections::{HashMap, HashSet};

use super::answers::{Answers, Dump};
use super::compare::{self, CrossView};
use super::substitute;
use super::unlisted::{self, Unasked, Unlisted};
use crate::collector::run::Run;
use crate::collector::tables::Rows;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::Outcome;
use crate::host::netlink::{Ending, Subsystem};
use crate::host::netns::{NetworkNamespace, NetworkScan};
use crate::intake::Halt;
use crate::path::shown;
use crate::records::modules::loaded_between;
use crate::records::sock_diag::questions;
use crate::records::sockets::Socket;

/// A socket that a table lists.
pub struct Listed {
    /// Its namespace, as an index of the scan's.
    pub namespace: usize,
    /// It comes from the text in /proc/net.
    pub from_text: bool,
    /// What the table says.
    pub socket: Socket,
}

/// What was asked of one namespace.
#[derive(Default)]
pub struct Asked {
    /// How each question ended.
    pub dumps: Vec<Dump>,
    /// Names of its interfaces, where a socket needs them.
    pub interfaces: HashMap<u32, Vec<u8>>,
    /// The sockets that asked, by inode.
    pub askers: Vec<u64>,
    /// It could not be entered.
    pub trouble: Option<(Outcome, Reason)>,
}

/// All that came.
#[derive(Default)]
pub struct Gathered {
    /// The entry of the capture.
    pub capture: Option<EntryId>,
    /// Sockets, by namespace and question.
    pub listed: Vec<Listed>,
    /// For each namespace of the scan.
    pub asked: Vec<Asked>,
    /// Sockets that processes hold and no table lists.
    pub unlisted: Vec<Unlisted>,
    /// Sockets that no table lists and that could not be asked whether one ought to.
    pub unasked: Unasked,
    /// What the second reader says.
    pub cross_view: CrossView,
    /// Kernel modules that were not there before.
    pub modules_loaded: Vec<String>,
    /// Why it is not known which were loaded.
    pub modules_trouble: Option<(Outcome, Reason)>,
}

impl Gathered {
    /// The inodes of all sockets that some table lists.
    pub fn inodes(&self) -> HashSet<u64> {
        self.listed.iter().map(|listed| listed.socket.inode).collect()
    }
}

/// Asks everything, and seals what came.
pub fn gather(run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<Gathered, Halt> {
    let source = Source::text("netlink sock_diag and /proc/net, in each network namespace");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Sockets, as the kernel answered".into());
    let mut answers = Answers { sheet: Rows::begin(run, super::ID, "answers.jsonl", draft)?, round: 1 };
    let mut gathered = Gathered::default();
    let before = modules(run, &mut answers, "/proc/modules before", &mut gathered)?;
    // Our own namespace is asked first: the two look at the same moment.
    let theirs = run.host.second_view();
    for (index, namespace) in scan.namespaces.iter().enumerate() {
        let asked = ask_namespace(run, &mut answers, index, namespace, &mut gathered.listed)?;
        gathered.asked.push(asked);
    }
    let after = modules(run, &mut answers, "/proc/modules after", &mut gathered)?;
    if gathered.modules_trouble.is_none() {
        gathered.modules_loaded = loaded_between(&before, &after).iter().map(|name| shown(name)).collect();
    }
    answers.round = 2;
    let search = unlisted::find(run, &mut answers, scan, &gathered)?;
    gathered.unlisted = search.unlisted;
    gathered.unasked = search.unasked;
    gathered.listed.extend(search.late);
    gathered.cross_view = compare::compare(run, &mut answers, scan, &gathered, theirs)?;
    let capture = answers.sheet.end(run, |_| ())?;
    gathered.capture = Some(capture);
    Ok(gathered)
}

fn ask_namespace(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    index: usize,
    namespace: &NetworkNamespace,
    listed: &mut Vec<Listed>,
) -> Result<Asked, Halt> {
    let mut asked = Asked::default();
    let first = listed.len();
    let mut unanswered = Vec::new();
    match run.host.netlink(Subsystem::SockDiag, Some(namespace)) {
        Ok(netlink) => {
            for question in questions() {
                let each = |socket| listed.push(Listed { namespace: index, from_text: false, socket });
                let (dump, answer) = answers.ask(run, namespace.inode, &netlink, question, each)?;
                match answer.ending {
                    Ending::Refused(_) => unanswered.push(dump),
                    _ => asked.dumps.push(dump),
                }
            }
            asked.askers.extend(netlink.inodes());
        }
        Err(trouble) => {
            let verdict = trouble.verdict();
            unanswered = questions().into_iter().map(|question| Dump::refused(question, &verdict)).collect();
            asked.trouble = Some(verdict);
        }
    }
    substitute::answer(run, answers, (index, namespace), unanswered, listed, &mut asked)?;
    let named =
        listed.get(first..).unwrap_or_default().iter().any(|listed| listed.socket.interface.is_some());
    if named && let Ok(netlink) = run.host.netlink(Subsystem::Route, Some(namespace)) {
        asked.interfaces = answers.interfaces(run, namespace.inode, &netlink)?;
    }
    Ok(asked)
}

/// Asking makes the kernel load modules, where it has them as such: that is our footprint.
fn modules(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    name: &str,
    gathered: &mut Gathered,
) -> Result<Vec<u8>, Halt> {
    match run.host.modules() {
        Ok(text) => {
            answers.text(run, 0, name, &text)?;
            gathered.modules_trouble = gathered.modules_trouble.take().or_else(|| text.verdict(name));
            Ok(text.bytes)
        }
        Err(trouble) => {
            gathered.modules_trouble.get_or_insert(trouble.verdict());
            Ok(Vec::new())
        }
    }
}
