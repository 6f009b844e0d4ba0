//! From a plan to a sealed bundle with its receipt: the one way through, in order.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Args;
use super::prepare::Prepared;
use crate::clock::Clock;
use crate::collector::run::carry_out;
use crate::custody::bag;
use crate::custody::completeness::Completeness;
use crate::custody::digest::Digest;
use crate::custody::json;
use crate::custody::ledger::{Gap, Ledger};
use crate::custody::member::Member;
use crate::custody::receipt::{Ciphertext, RECEIPT_SCHEMA, Receipt, spoken_code};
use crate::custody::seal::{Chain, Counts, Retention, SEAL_SCHEMA, SealDocument, Signer};
use crate::custody::{Sealed, Vault, VaultError};
use crate::host::Host;
use crate::intake::{Halt, Intake, Progress, StopCause, StopMark, Terms};
use crate::path::HostPath;
use crate::records::audit_config;
use crate::seal::Seal;
use crate::seal::output::{Folder, OutputError, Reserve, SealedFile};
use crate::term::{Exit, Failure, bytes};

/// What a journey needs.
pub struct Journey<'a> {
    /// Request, plan, host and keys.
    pub prepared: &'a Prepared,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives 32 random bytes, different each time.
    pub salts: &'a dyn Fn() -> Digest,
    /// Where signals are noted.
    pub stop: StopMark,
}

/// Where a bundle goes.
pub enum Target {
    /// Into a folder.
    Folder {
        /// The folder.
        folder: Folder,
        /// Free space that its file system keeps, in bytes.
        floor: u64,
    },
    /// To stdout; the receipt goes here.
    Pipe {
        /// The folder of the receipt.
        folder: Folder,
        /// The receipt's name in it.
        receipt: String,
    },
}

/// What came of it.
pub struct Collected {
    /// The sealed file; none if it went to a pipe.
    pub bundle: Option<PathBuf>,
    /// The receipt.
    pub receipt: PathBuf,
    /// What the sealed file measures.
    pub ciphertext: Ciphertext,
    /// SHA-256 of the seal.
    pub seal_sha256: Digest,
    /// The code to read out.
    pub spoken_code: String,
    /// COMPLETE or PARTIAL.
    pub result: Completeness,
    /// What the result speaks of, if not of the whole profile.
    pub complete_for: Option<Vec<String>>,
    /// The numbers.
    pub counts: Counts,
    /// What was not obtained.
    pub gaps: Vec<Gap>,
    /// What stopped it, if anything did.
    pub stopped: Option<StopCause>,
    /// How long it took.
    pub duration: Duration,
    /// Whose key signed.
    pub signer: Signer,
}

impl Collected {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match (self.stopped, self.result) {
            (Some(StopCause::Signal(_)), _) => Exit::Interrupted,
            (_, Completeness::Partial) => Exit::Gaps,
            (_, Completeness::Complete) => Exit::Done,
        }
    }
}

impl Target {
    /// Checks and opens the output, before anything is collected.
    pub fn open(args: &Args, prepared: &Prepared) -> Result<Target, Failure> {
        let Some(path) = &prepared.request.output else { return pipe(args) };
        if args.receipt.is_some() {
            return Err(Failure::usage("--receipt goes with -o -")
                .hint("in a folder the receipt lies beside the bundle"));
        }
        let folder = Folder::open(path).map_err(unusable)?;
        let space = folder.space()?;
        let floor = (space.total / 20).max(auditd_floor(&prepared.host, path, space.total));
        if space.free <= floor {
            let message = format!(
                "{} has {} free, and {} of it must stay free for the host",
                path.display(),
                bytes(space.free),
                bytes(floor)
            );
            return Err(Failure::new(message).hint("choose another disk with -o DIR, or stream with -o -"));
        }
        Ok(Target::Folder { folder, floor })
    }
}

fn pipe(args: &Args) -> Result<Target, Failure> {
    let Some(path) = &args.receipt else {
        return Err(Failure::usage("-o - needs --receipt FILE")
            .hint("the receipt says what was streamed; it holds no PHI, and goes to a file"));
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage(format!("{} names no file", path.display())))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Target::Pipe { folder: Folder::open(parent).map_err(unusable)?, receipt: name.to_owned() })
}

fn unusable(error: OutputError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        OutputError::Link(_) => {
            failure.hint("name the folder itself; a link could be turned elsewhere meanwhile")
        }
        OutputError::WorldWritable(_) => {
            failure.hint("choose a folder that only you can write, or set its sticky bit")
        }
        _ => failure.hint("choose the output folder with -o DIR"),
    }
}

/// The space that auditd wants on its log's file system, if the output would lie there.
fn auditd_floor(host: &Host, output: &Path, total: u64) -> u64 {
    let path = |text: &str| HostPath::new(text).ok();
    let Some(conf) = path("/etc/audit/auditd.conf").and_then(|conf| host.peek(&conf, 1 << 20).ok()) else {
        return 0;
    };
    let log = audit_config::setting(&conf, "log_file").unwrap_or(b"/var/log/audit/audit.log");
    let log = HostPath::new(log).ok();
    let absolute = std::path::absolute(output).ok();
    let output = absolute.and_then(|output| HostPath::new(output.as_os_str().as_encoded_bytes()).ok());
    let mount = |path: Option<HostPath>| host.mounts().holding(&path?).map(|mount| mount.id);
    let same = host.is_live() && mount(log) == mount(output);
    if same { audit_config::space_left(&conf, total).unwrap_or(0) } else { 0 }
}

impl Journey<'_> {
    /// Collects, seals, reads back, writes the receipt, and gives the bundle its name.
    pub fn travel(&self, target: Target, progress: &mut dyn Progress) -> Result<Collected, Failure> {
        let started = Instant::now();
        let id = &self.prepared.request.id;
        let (mut collected, receipt) = match &target {
            Target::Folder { folder, floor } => {
                let partial = format!("{id}.zip.age.partial");
                let file = folder.create(&partial)?;
                let path = folder.path().join(&partial);
                let (sealed, reserve) = SealedFile::new(file, path.clone(), *floor)?;
                let lost = |error: Failure| {
                    error
                        .hint(format!("what was sealed until then is in {}", path.display()))
                        .hint("'phi-ir open --salvage' gives back what is whole in it")
                };
                let (sealed, collected, receipt) =
                    self.seal(sealed, Some(Box::new(reserve)), progress).map_err(lost)?;
                sealed.finish(&collected.ciphertext).map_err(|error| lost(error.into()))?;
                (collected, receipt)
            }
            Target::Pipe { .. } => {
                let (_, collected, receipt) = self.seal(io::stdout(), None, progress)?;
                (collected, receipt)
            }
        };
        self.hand_over(&target, &receipt, &mut collected)?;
        collected.duration = started.elapsed();
        Ok(collected)
    }

    /// Writes receipt and signature, then gives the bundle its final name, last.
    fn hand_over(&self, target: &Target, receipt: &[u8], collected: &mut Collected) -> Result<(), Failure> {
        let signature = self.prepared.signer.sign(bag::RECEIPT_NAMESPACE, receipt)?;
        let id = &self.prepared.request.id;
        let (folder, name) = match target {
            Target::Folder { folder, .. } => (folder, format!("{id}.receipt.json")),
            Target::Pipe { folder, receipt } => (folder, receipt.clone()),
        };
        folder.write_new(&name, receipt)?;
        folder.write_new(&format!("{name}.sig"), &signature)?;
        folder.sync()?;
        if let Target::Folder { .. } = target {
            let sealed = format!("{id}.zip.age");
            folder.rename(&format!("{sealed}.partial"), &sealed)?;
            folder.sync()?;
            collected.bundle = Some(folder.path().join(sealed));
        }
        collected.receipt = folder.path().join(name);
        Ok(())
    }

    /// Collects and seals to `out`, asking `reserve` for room; gives back `out`, what came of it, and the receipt.
    pub fn seal<W: Write + Send + 'static>(
        &self,
        out: W,
        reserve: Option<Box<dyn Reserve>>,
        progress: &mut dyn Progress,
    ) -> Result<(W, Collected, Vec<u8>), Failure> {
        let request = &self.prepared.request;
        let signer = self.prepared.signer.facts()?;
        let started = self.clock.moment().utc;
        let mut vault = Seal::create(&request.id, out, &self.prepared.recipients, reserve)?;
        let image = self.prepared.host.image_root().map(|root| root.as_os_str().as_encoded_bytes().to_vec());
        let plan = json::document(&self.prepared.plan.document(request, started, image))?;
        let mut tags = Tags { vault: &mut vault, at: started, digests: Vec::new() };
        tags.write(bag::BAGIT, bag::BAGIT_TEXT.into())?;
        let plan_digest = tags.write(bag::PLAN, plan)?;
        let opening = tags.digests;

        let ledger = Ledger::starting_from(plan_digest, request.case.part2);
        let terms = Terms {
            clock: self.clock,
            salts: self.salts,
            stop: self.stop.clone(),
            progress,
            max_bytes: request.limits.max_bytes,
            max_time: request.limits.max_time_ns.map(Duration::from_nanos),
            phi_roots: request.phi_paths(),
            window: request.window.clone(),
        };
        let mut intake = Intake::new(&mut vault, ledger, terms);
        carry_out(&self.prepared.plan, &self.prepared.host, request, &mut intake).map_err(bundle_lost)?;
        let stopped = intake.stopped();
        let (ledger, roles) = intake.close();

        let ended = self.clock.moment().utc;
        vault.release_reserve();
        let mut tags = Tags { vault: &mut vault, at: ended, digests: opening };
        let seal = self.write_tail(&mut tags, &ledger, |lists| SealDocument {
            schema: SEAL_SCHEMA.into(),
            id: request.id.clone(),
            kind: request.kind,
            case: request.case.clone(),
            examiner: request.examiner.clone(),
            authority: request.authority.clone(),
            started,
            ended,
            result: ledger.completeness(),
            stopped_by: stopped.map(StopCause::words),
            complete_for: self.complete_for(),
            counts: ledger.counts(),
            coverage: ledger.coverage(),
            lists,
            entries: roles,
            tool: request.tool.clone(),
            recipients: request.recipients.clone(),
            signer: signer.clone(),
            chain: Chain::not_enrolled(),
            retention: Retention {
                rule: "45 CFR 164.316(b)(2)(i)".into(),
                not_before: ended.day_after_years(self.prepared.retention_years),
            },
        })?;
        let (out, ciphertext) = vault.finish().map_err(|error| bundle_lost(error.into()))?;
        let (receipt, collected) = self.receipt(&seal, ciphertext, &ledger, stopped)?;
        Ok((out, collected, receipt))
    }

    /// The lists, the texts, and the seal; gives the seal back with its digest.
    fn write_tail<V: Vault>(
        &self,
        tags: &mut Tags<'_, V>,
        ledger: &Ledger,
        seal: impl FnOnce(Vec<String>) -> SealDocument,
    ) -> Result<(SealDocument, Digest), Failure> {
        let id = &self.prepared.request.id;
        let entries: Vec<(Member, Digest)> = ledger.entry_digests().collect();
        let row = |(member, digest): &(Member, Digest)| (member.as_str().to_owned(), *digest);
        let list =
            |rows: &[(String, Digest)]| bag::list(rows.iter().map(|(name, digest)| (name.as_str(), *digest)));
        let counts = ledger.counts();
        tags.write(bag::ENTRIES, list(&entries.iter().map(row).collect::<Vec<_>>()))?;
        tags.write(bag::MANIFEST, list(&ledger.members().iter().map(row).collect::<Vec<_>>()))?;
        let info = bag::bag_info(id, env!("CARGO_PKG_VERSION"), tags.at, &counts);
        tags.write(bag::BAG_INFO, info.into())?;
        tags.write(bag::VERIFY, bag::verify_text(id).into())?;
        let tagged: Vec<(String, Digest)> =
            bag::TAGGED.iter().filter_map(|name| Some(((*name).to_owned(), tags.digest_of(name)?))).collect();
        tags.write(bag::TAG_MANIFEST, list(&tagged))?;
        let lists = bag::SEALED_LISTS
            .iter()
            .filter_map(|name| Some(bag::list_line(name, &tags.digest_of(name)?)))
            .collect();
        let seal = seal(lists);
        let bytes = json::document(&seal)?;
        let signature = self.prepared.signer.sign(bag::SEAL_NAMESPACE, &bytes)?;
        let digest = tags.write(bag::SEAL, bytes)?;
        tags.write(bag::SEAL_SIG, signature)?;
        Ok((seal, digest))
    }

    fn receipt(
        &self,
        (seal, seal_sha256): &(SealDocument, Digest),
        ciphertext: Ciphertext,
        ledger: &Ledger,
        stopped: Option<StopCause>,
    ) -> Result<(Vec<u8>, Collected), Failure> {
        let receipt = Receipt {
            schema: RECEIPT_SCHEMA.into(),
            id: seal.id.clone(),
            kind: seal.kind,
            sealed: self.clock.moment().utc,
            ciphertext: ciphertext.clone(),
            seal_sha256: *seal_sha256,
            counts: seal.counts.clone(),
            result: seal.result,
            tool: seal.tool.clone(),
            signer: seal.signer.clone(),
            chain: seal.chain.clone(),
        };
        let bytes = json::document(&receipt)?;
        let collected = Collected {
            bundle: None,
            receipt: PathBuf::new(),
            ciphertext,
            seal_sha256: *seal_sha256,
            spoken_code: spoken_code(&bytes),
            result: seal.result,
            complete_for: seal.complete_for.clone(),
            counts: seal.counts.clone(),
            gaps: ledger.gaps().to_vec(),
            stopped,
            duration: Duration::ZERO,
            signer: seal.signer.clone(),
        };
        Ok((bytes, collected))
    }

    /// Where not the whole profile was run, the collectors that the result speaks of.
    fn complete_for(&self) -> Option<Vec<String>> {
        let request = &self.prepared.request;
        let whole = request.only.is_empty() && request.skip.is_empty();
        (!whole).then(|| self.prepared.plan.evidence.iter().map(|definition| definition.id.clone()).collect())
    }
}

fn bundle_lost(halt: Halt) -> Failure {
    Failure::new(format!("the bundle could not be finished: {halt}"))
}

/// A salt from the kernel's generator, which cannot fail once it is seeded; that it is, was seen when the bundle got
/// its random name.
pub fn random_salt() -> Digest {
    let mut salt = [0; 32];
    let _ = getrandom::fill(&mut salt);
    Digest::from_bytes(salt)
}

/// Tag files being written, and their digests.
struct Tags<'v, V: Vault> {
    vault: &'v mut V,
    at: crate::clock::Timestamp,
    digests: Vec<(&'static str, Digest)>,
}

impl<V: Vault> Tags<'_, V> {
    fn write(&mut self, name: &'static str, bytes: Vec<u8>) -> Result<Digest, Failure> {
        let sealed = self.seal(name, bytes).map_err(|error| bundle_lost(error.into()))?;
        self.digests.push((name, sealed.sha256));
        Ok(sealed.sha256)
    }

    fn seal(&mut self, name: &'static str, bytes: Vec<u8>) -> Result<Sealed, VaultError> {
        self.vault.begin(&Member::of_tag(name), self.at)?;
        if !bytes.is_empty() {
            self.vault.write(bytes)?;
        }
        self.vault.end()
    }

    fn digest_of(&self, name: &str) -> Option<Digest> {
        self.digests.iter().find(|(known, _)| *known == name).map(|(_, digest)| *digest)
    }
}
