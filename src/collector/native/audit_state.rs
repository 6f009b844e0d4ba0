//! The kernel's audit state: on or off, locked, records lost, who takes them, and which rules are in force. Without it
//! no absence in the audit log means anything.

mod disk;
mod elsewhere;
mod rules;

use rustix::io::Errno;
use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Base64, EntryId, Kind, Loss, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows;
use crate::host::audit::AuditQuestion;
use crate::host::facts::kernel;
use crate::host::netlink::{Answer, Ending};
use crate::host::own_namespaces::OwnNamespaces;
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::accounts;
use crate::records::audit_rules::disk::Names;
use crate::records::audit_rules::syscalls::Arch;
use crate::records::audit_status::{self, AuditFeatures, AuditStatus};

const COLLECTOR: &str = "audit-state";

/// What the kernel said of itself, for the comparison with the files.
#[derive(Default)]
struct Kernel {
    status: Option<AuditStatus>,
    features: Option<AuditFeatures>,
    entries: Vec<EntryId>,
}

/// Seals the kernel's answers as they came, what they say, and what the files say.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let known = status(run)?;
    if let Some(pid) = known.status.as_ref().map(|status| status.pid).filter(|pid| *pid != 0) {
        daemon(run, pid)?;
    }
    let names = names(run);
    let loaded = rules::collect(run, &names)?;
    disk::collect(run, &names, &known, loaded.as_ref())
}

/// What names in rules mean here.
fn names(run: &Run<'_, '_>) -> Names {
    let numbers = |path: &str| {
        let text = HostPath::new(path).ok().and_then(|path| run.host.peek(&path, 16 << 20).ok());
        accounts::numbers(text.as_deref().unwrap_or_default())
    };
    Names {
        machine: Arch::of_machine(&kernel().machine),
        users: numbers("/etc/passwd"),
        groups: numbers("/etc/group"),
    }
}

/// The answer, or a gap that says why there is none.
fn ask(run: &mut Run<'_, '_>, question: AuditQuestion) -> Result<Option<Answer>, Halt> {
    let source = Source::text(question.words());
    let refused = match run.host.ask_audit(question) {
        Ok(answer) if answer.ending == Ending::Refused(Errno::CONNREFUSED) => {
            let words = elsewhere::words(OwnNamespaces::read());
            (Outcome::Denied, Reason::new(ReasonCode::Permission, words))
        }
        Ok(answer) if answer.datagrams.is_empty() => match answer.verdict("the audit subsystem") {
            Some(verdict) => verdict,
            None => return Ok(Some(answer)),
        },
        Ok(answer) => match (question.payloads(&answer).is_empty(), answer.verdict("the audit subsystem")) {
            // What came is nothing but the refusal.
            (true, Some(verdict)) => verdict,
            _ => return Ok(Some(answer)),
        },
        Err(trouble) => trouble.verdict(),
    };
    run.intake.gap(source, refused.0, refused.1)?;
    Ok(None)
}

fn status(run: &mut Run<'_, '_>) -> Result<Kernel, Halt> {
    let taken = run.intake.now();
    let question = AuditQuestion::Status;
    let source = || Source::text(question.words());
    let mut known = Kernel::default();
    let Some(answer) = ask(run, question)? else { return Ok(known) };
    let bytes = question.payloads(&answer).into_iter().next().unwrap_or_default();
    let status = audit_status::parse(&bytes);
    let mut draft = Draft::new(Kind::Capture, source(), taken);
    draft.title = Some("Kernel audit status, as the kernel answered".into());
    draft.loss = status.as_ref().map(|status| Loss {
        audit_lost: Some(status.lost.into()),
        audit_backlog: Some(status.backlog.into()),
        journal_missed: None,
    });
    known.entries.push(run.intake.capture(Member::of_live(COLLECTOR, "status.bin"), draft, bytes)?);
    known.features = features(run, &mut known.entries)?;
    let Some(status) = status else {
        let words = "the kernel's answer is shorter than its documentation says";
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words))?;
        return Ok(known);
    };
    let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
    draft.title = Some("Kernel audit status".into());
    draft.derived_from.clone_from(&known.entries);
    let document = StatusDocument { status: &status, login_uids: known.features.as_ref() };
    run.intake.capture(Member::of_live(COLLECTOR, "status.json"), draft, json::document(&document)?)?;
    known.status = Some(status);
    Ok(known)
}

/// The status, and what protects login uids, in one document.
#[derive(Serialize)]
struct StatusDocument<'s> {
    #[serde(flatten)]
    status: &'s AuditStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_uids: Option<&'s AuditFeatures>,
}

/// Kernels before Linux 3.13 do not know the question; that is no gap. Any other refusal is.
fn features(run: &mut Run<'_, '_>, entries: &mut Vec<EntryId>) -> Result<Option<AuditFeatures>, Halt> {
    let taken = run.intake.now();
    let question = AuditQuestion::Features;
    let bytes = match run.host.ask_audit(question) {
        Ok(answer) if answer.is_refused_with(Errno::INVAL) => return Ok(None),
        Ok(answer) => {
            match (question.payloads(&answer).into_iter().next(), answer.verdict("the audit features")) {
                (Some(bytes), None) => Ok(bytes),
                (_, Some(verdict)) => Err(verdict),
                (None, None) => {
                    let words = "the kernel's answer holds none of what it was asked for";
                    Err((Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words)))
                }
            }
        }
        Err(trouble) => Err(trouble.verdict()),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err((outcome, reason)) => {
            run.intake.gap(Source::text(question.words()), outcome, reason)?;
            return Ok(None);
        }
    };
    let features = audit_status::parse_features(&bytes);
    let mut draft = Draft::new(Kind::Capture, Source::text(question.words()), taken);
    draft.title = Some("What protects login uids, as the kernel answered".into());
    entries.push(run.intake.capture(Member::of_live(COLLECTOR, "features.bin"), draft, bytes)?);
    Ok(features)
}

/// The process that takes the records, as /proc shows it. Keys are sorted.
#[derive(Serialize)]
struct DaemonDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    cmdline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmdline_b64: Option<Base64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_b64: Option<Base64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exe_b64: Option<Base64>,
    /// Both the name of its own choice and its program are auditd's.
    is_auditd: bool,
    pid: u32,
}

/// A process of another name may take the records instead of auditd, and write none of them.
fn daemon(run: &mut Run<'_, '_>, pid: u32) -> Result<(), Halt> {
    let taken = run.intake.now();
    let place = HostPath::new(format!("/proc/{pid}")).unwrap_or_else(|_| HostPath::root());
    let mut found = None;
    let work = |process: &crate::host::processes::ProcessFolder| {
        let comm = process.read("comm", 4096)?;
        Ok((comm, process.link("exe").ok(), process.read("cmdline", 64 << 10).ok()))
    };
    let Ok(()) = run.host.each_process(vec![pid], work, |_, outcome| {
        found = Some(outcome);
        Ok::<(), std::convert::Infallible>(())
    });
    let (comm, exe, cmdline) = match found {
        Some(Ok(facts)) => facts,
        Some(Err(trouble)) => {
            // It takes the records from a process namespace that we do not see, or it is gone: the status says whom.
            let words = format!("the process that takes the audit records cannot be looked at: {trouble}");
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(Source::path(&place), outcome, Reason::new(reason.code, words))?;
            return Ok(());
        }
        None => return Ok(()),
    };
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm).to_vec();
    let is_auditd = comm == b"auditd"
        && exe.as_deref().is_some_and(|exe| exe.rsplit(|b| *b == b'/').next() == Some(b"auditd"));
    let shown = |bytes: Option<&[u8]>| {
        bytes.map(rows::text).map_or((None, None), |(text, exact)| (Some(text), exact))
    };
    let (comm, comm_b64) = shown(Some(&comm));
    let (exe, exe_b64) = shown(exe.as_deref());
    let (cmdline, cmdline_b64) = shown(cmdline.as_deref());
    let document = DaemonDocument { cmdline, cmdline_b64, comm, comm_b64, exe, exe_b64, is_auditd, pid };
    let mut draft = Draft::new(Kind::Capture, Source::path(&place), taken);
    draft.title = Some("The process that takes the audit records".into());
    run.intake.capture(Member::of_live(COLLECTOR, "daemon.json"), draft, json::document(&document)?)?;
    Ok(())
}
