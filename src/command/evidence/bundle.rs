//! A bundle: the sealed file, verified as a whole before anything in it is believed; or the folder that it was unpacked
//! into, whose files are each compared with their entries.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files::pour;
use super::what::{AUDIT_LOG, AUDITD_CONF};
use super::zone::{LOCALTIME, zone_at};
use super::{Evidence, Kernel, Log, OwnRun, Reads, What, lacks};
use crate::clock::{Moment, Timestamp};
use crate::command::verify::{TrustArgs, cannot_open, find, first_line, say_size};
use crate::custody::bag::{PLAN, SEAL};
use crate::custody::entry::{Base64, ENTRY_LIMIT, Entry, Kind};
use crate::custody::json;
use crate::custody::member::Member;
use crate::custody::plan::{PLAN_LIMIT, PlanDocument};
use crate::custody::seal::{SEAL_LIMIT, SealDocument};
use crate::custody::verdict::Verdict;
use crate::path::{HostPath, harmless};
use crate::records::audit_rules::{self, Rule};
use crate::records::tzif::Zone;
use crate::records::{audit_config, audit_status};
use crate::seal::envelope::Identities;
use crate::seal::files::open_file;
use crate::seal::members::{Check, Listed, SealedMembers};
use crate::term::{Exit, Failure, Voice};
use crate::view::events::tables;

/// The members of a sealed bundle.
struct Sealed(SealedMembers);

/// The files of an opened bundle.
struct Opened {
    folder: PathBuf,
    entries: Vec<Listed>,
}

/// The evidence of a sealed bundle, which is verified first.
pub fn sealed(
    path: &Path,
    receipt: Option<&Path>,
    identities: &Identities,
    trust: &TrustArgs,
    now: Timestamp,
    voice: Voice,
) -> Result<Evidence, Failure> {
    let files = find(path, receipt)?;
    if files.sealed.is_none() {
        return Err(Failure::new(format!("{}: the sealed file is not beside its receipt", path.display())));
    }
    say_size(&files, voice);
    let opened = SealedMembers::open(&files, identities, &trust.trust()?, now);
    let (examination, members) = opened.map_err(|error| cannot_open(path, error))?;
    let verdict = &examination.verdict;
    let members = members.filter(|_| trust.exit(verdict) == Exit::Done);
    let members = members.ok_or_else(|| not_as_it_should_be(path, verdict))?;
    voice.say(format!("{}: {}", path.display(), first_line(verdict)));
    let id = verdict.id.clone();
    let mut evidence =
        evidence(members.entries().to_vec(), Box::new(Sealed(members)), examination.plan.as_ref());
    evidence.bundle = id;
    evidence.run = examination.seal.as_ref().map(|seal| (seal.started, seal.ended));
    Ok(evidence)
}

fn not_as_it_should_be(path: &Path, verdict: &Verdict) -> Failure {
    let words = format!("{}: {}; no question is answered from it", path.display(), first_line(verdict));
    Failure::verification(words).hint("'phi-ir verify' with the same key says what is wrong with it")
}

/// Whether a folder is one that `open` made.
pub fn is_opened(folder: &Path) -> bool {
    folder.join(PLAN).is_file() && folder.join("entries").is_dir()
}

/// The evidence of an opened bundle.
pub fn opened(folder: &Path, voice: Voice) -> Result<Evidence, Failure> {
    if !is_opened(folder) {
        return Err(Failure::new(format!(
            "{} is a folder, and not one that 'phi-ir open' made",
            folder.display()
        ))
        .hint("name a sealed bundle; or the root of an image with --root DIR"));
    }
    let cannot = |path: &Path, why: &dyn std::fmt::Display| {
        Failure::new(format!("cannot read {}: {why}", path.display()))
            .hint("open the bundle again into a new folder")
    };
    let names = folder.join("entries");
    let listed = std::fs::read_dir(&names).and_then(|names| names.map(|name| Ok(name?.path())).collect());
    let mut names: Vec<PathBuf> = listed.map_err(|error| cannot(&names, &error))?;
    names.sort();
    let mut entries = Vec::new();
    for name in names {
        let bytes = small(&name, ENTRY_LIMIT).map_err(|error| cannot(&name, &error))?;
        let entry = json::read::<Entry>(&bytes, ENTRY_LIMIT).map_err(|error| cannot(&name, &error))?;
        entries.push(Listed::of(entry));
    }
    let plan = folder.join(PLAN);
    let bytes = small(&plan, PLAN_LIMIT).map_err(|error| cannot(&plan, &error))?;
    let plan = json::read::<PlanDocument>(&bytes, PLAN_LIMIT).map_err(|error| cannot(&plan, &error))?;
    voice.say(format!(
        "{}: opened before; each file is compared with its entry, and the seal is not checked again",
        folder.display()
    ));
    let reader = Opened { folder: folder.to_owned(), entries: entries.clone() };
    let mut evidence = evidence(entries, Box::new(reader), Some(&plan));
    evidence.bundle = Some(plan.id);
    let seal = small(&folder.join(SEAL), SEAL_LIMIT).ok();
    let seal = seal.and_then(|bytes| json::read::<SealDocument>(&bytes, SEAL_LIMIT).ok());
    evidence.run = seal.map(|seal| (seal.started, seal.ended));
    Ok(evidence)
}

fn small(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pour(open_file(path)?, &mut |more| {
        bytes.extend_from_slice(more);
        if bytes.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(bytes)
}

/// What the entries of a bundle hold.
fn evidence(entries: Vec<Listed>, reader: Box<dyn Reads>, plan: Option<&PlanDocument>) -> Evidence {
    let usual = HostPath::new(AUDIT_LOG).unwrap_or_else(|_| HostPath::root());
    let mut evidence = Evidence::new(Vec::new(), reader, usual);
    if let Some(log) = auditd_log(&entries, evidence.reader.as_ref()) {
        evidence.audit_log = log;
    }
    for (at, entry) in entries.iter().enumerate() {
        match what_is(entry, &evidence.audit_log) {
            Some(what) if entry.member.is_some() => evidence.logs.push(log(what, at, entry)),
            _ => {}
        }
    }
    evidence.zone = zone(&entries, evidence.reader.as_ref());
    evidence.collected = entries.iter().map(|entry| entry.taken).max();
    evidence.began = entries.iter().map(|entry| entry.taken).min();
    evidence.kernel = kernel(&entries, evidence.reader.as_ref());
    let is_live = plan.is_some_and(|plan| plan.asked.image_b64.is_none());
    evidence.own = is_live.then(|| own_run(&entries, evidence.reader.as_ref())).flatten();
    if let Some(plan) = plan {
        evidence.phi_roots = plan.phi_places();
        evidence.phi_folders = plan.phi_folders();
        evidence.phi_keys = plan.asked.phi_keys_b64.iter().map(|key| key.0.clone()).collect();
    }
    lacks::tell(&mut evidence, &entries);
    evidence
}

/// What an entry holds: a copy of a log, or the listing of a PHI folder.
fn what_is(entry: &Listed, audit_log: &HostPath) -> Option<What> {
    match entry.kind {
        Kind::Copy => entry.paths.iter().find_map(|path| What::at(path, audit_log)),
        Kind::Listing if entry.collector == "phi-files" => Some(What::Walk),
        _ => table(entry).map(|_| What::Table),
    }
}

/// What reads the rows of an entry's member.
fn table(entry: &Listed) -> Option<tables::Reader> {
    tables::reader(entry.member.as_ref()?.as_str(), entry.kind)
}

fn log(what: What, at: usize, entry: &Listed) -> Log {
    Log {
        number: entry.id.0,
        what,
        name: harmless(&entry.display),
        path: entry.paths.first().cloned(),
        size: entry.size,
        modified: entry.modified,
        entry: Some(entry.id),
        first: None,
        table: table(entry),
        at,
    }
}

/// The file that auditd wrote, as the sealed configuration has it.
fn auditd_log(entries: &[Listed], reader: &dyn Reads) -> Option<HostPath> {
    let path = HostPath::new(AUDITD_CONF).ok()?;
    let conf = whole(entries, reader, |entry| entry.kind == Kind::Copy && entry.is_of(&path))?;
    HostPath::new(audit_config::setting(&conf, "log_file")?).ok()
}

/// The zone of the host, as it was sealed.
fn zone(entries: &[Listed], reader: &dyn Reads) -> Option<Zone> {
    let path = HostPath::new(LOCALTIME).ok()?;
    let is_it = |entry: &Listed| entry.kind == Kind::Copy && entry.member.is_some() && entry.is_of(&path);
    zone_at(reader, entries.iter().position(is_it)?)
}

/// A small member as a whole.
fn whole(entries: &[Listed], reader: &dyn Reads, is_it: impl Fn(&Listed) -> bool) -> Option<Vec<u8>> {
    let at = entries.iter().position(|entry| entry.member.is_some() && is_it(entry))?;
    let mut bytes = Vec::new();
    let read = reader.read(at, &mut |more| {
        bytes.extend_from_slice(more);
        if bytes.len() > ENTRY_LIMIT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    read.ok().map(|()| bytes)
}

#[derive(Deserialize)]
struct Loaded {
    rule_b64: Base64,
}

/// What the kernel said of auditing, when it was asked towards the end of the collection.
fn kernel(entries: &[Listed], reader: &dyn Reads) -> Kernel {
    let of = |name: &'static str| {
        let is_it = move |entry: &Listed| {
            let member = entry.member.as_ref().map(|member| member.as_str());
            entry.collector == "audit-coverage" && member.is_some_and(|member| member.ends_with(name))
        };
        whole(entries, reader, is_it)
    };
    let rules = of("/rules.jsonl").and_then(|rows| {
        let rows = rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
        let raw = rows.map(|row| json::read::<Loaded>(row, ENTRY_LIMIT).ok());
        raw.map(|raw| audit_rules::parse(&raw?.rule_b64.0)).collect::<Option<Vec<Rule>>>()
    });
    Kernel::of(of("/status.bin").and_then(|bytes| audit_status::parse(&bytes)), rules.as_deref())
}

#[derive(Deserialize)]
struct Invoker {
    process: Process,
}

#[derive(Deserialize)]
struct Process {
    pid: u32,
    start_ticks: Option<u64>,
}

#[derive(Deserialize)]
struct Clocks {
    boot_id: Option<String>,
    boottime_ns: Option<u64>,
    utc: Option<Timestamp>,
}

/// The run that collected, as it told of itself.
fn own_run(entries: &[Listed], reader: &dyn Reads) -> Option<OwnRun> {
    let of = |collector: &'static str| move |entry: &Listed| entry.collector == collector;
    let invoker = whole(entries, reader, of("invoker"))?;
    let Process { pid, start_ticks } = json::read::<Invoker>(&invoker, ENTRY_LIMIT).ok()?.process;
    let clocks = whole(entries, reader, of("clock-start"));
    let clocks = clocks.and_then(|clocks| json::read::<Clocks>(&clocks, ENTRY_LIMIT).ok());
    let moment = clocks
        .as_ref()
        .and_then(|clocks| Some(Moment { utc: clocks.utc?, boottime_ns: clocks.boottime_ns? }));
    let started = moment.zip(start_ticks).map(|(moment, ticks)| moment.at_tick(ticks));
    Some(OwnRun { pid, start_ticks, started, boot_id: clocks.and_then(|clocks| clocks.boot_id) })
}

impl Reads for Sealed {
    fn read(&self, at: usize, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Failure> {
        let Some(entry) = self.0.entries().get(at) else { return Ok(()) };
        Ok(self.0.read(entry, each)?)
    }

    fn entries(&self, each: &mut dyn FnMut(&Entry)) -> Result<(), Failure> {
        for listed in self.0.entries() {
            each(&self.0.entry(listed)?);
        }
        Ok(())
    }

    fn entry(&self, at: usize) -> Result<Option<Entry>, Failure> {
        Ok(self.0.entries().get(at).map(|listed| self.0.entry(listed)).transpose()?)
    }
}

impl Reads for Opened {
    fn read(&self, at: usize, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Failure> {
        let Some(entry) = self.entries.get(at) else { return Ok(()) };
        let Some(member) = &entry.member else { return Ok(()) };
        let path = self.folder.join(member.as_str());
        let cannot = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
        let (mut check, mut enough) = (Check::default(), false);
        let file = open_file(&path).map_err(cannot)?;
        let poured = pour(file, &mut |bytes| {
            check.bytes(bytes);
            let flow = each(bytes);
            enough = flow.is_break();
            flow
        });
        poured.map_err(cannot)?;
        if enough || check.is(entry) {
            return Ok(());
        }
        Err(Failure::verification(format!("{} is not what its entry says", path.display()))
            .hint("do not use this folder as evidence; open the sealed file again"))
    }

    fn entries(&self, each: &mut dyn FnMut(&Entry)) -> Result<(), Failure> {
        for listed in &self.entries {
            each(&self.again(listed)?);
        }
        Ok(())
    }

    fn entry(&self, at: usize) -> Result<Option<Entry>, Failure> {
        self.entries.get(at).map(|listed| self.again(listed)).transpose()
    }
}

impl Opened {
    /// All that an entry says, read once more.
    fn again(&self, listed: &Listed) -> Result<Entry, Failure> {
        let path = self.folder.join(Member::of_entry(listed.id.0).as_str());
        let cannot =
            |why: &dyn std::fmt::Display| Failure::new(format!("cannot read {}: {why}", path.display()));
        let bytes = small(&path, ENTRY_LIMIT).map_err(|error| cannot(&error))?;
        json::read::<Entry>(&bytes, ENTRY_LIMIT).map_err(|error| cannot(&error))
    }
}
