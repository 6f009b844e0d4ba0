//! From a plan to a sealed bundle with its receipt: the one way through, in order.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::papers::Papers;
use super::prepare::Prepared;
use super::tags::Tags;
use super::target::{PipedReceipt, Room, Target};
use crate::clock::{Clock, Timestamp};
use crate::collector::native::access::wants;
use crate::collector::run::carry_out;
use crate::custody::Vault;
use crate::custody::bag;
use crate::custody::completeness::Completeness;
use crate::custody::digest::Digest;
use crate::custody::entry::Window;
use crate::custody::gap::Gap;
use crate::custody::json;
use crate::custody::ledger::Ledger;
use crate::custody::member::Member;
use crate::custody::plan::PLAN_LIMIT;
use crate::custody::receipt::{Ciphertext, RECEIPT_SCHEMA, Receipt, spoken_code};
use crate::custody::seal::{Chain, Retention, SEAL_SCHEMA, SealDocument};
use crate::host::Host;
use crate::host::myself::myself;
use crate::intake::{Halt, Intake, Progress, StopCause, StopMark, Terms};
use crate::records::audit_log::{Asked, OwnEvents};
use crate::seal::output::{Reserve, SealedFile};
use crate::seal::stream::Stream;
use crate::seal::{Seal, random};
use crate::term::{Exit, Failure};

/// What a journey needs.
pub struct Journey<'a> {
    /// Request, plan, host and keys.
    pub prepared: &'a Prepared,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives 32 random bytes, different each time.
    pub salts: &'a dyn Fn() -> io::Result<Digest>,
    /// Where signals are noted.
    pub stop: StopMark,
}

/// A bundle that has been begun, and holds nothing of the host yet.
struct Opening<W> {
    vault: Seal<W>,
    started: Timestamp,
    plan_digest: Digest,
    digests: Vec<(&'static str, Digest)>,
    speaks_of: Option<Vec<String>>,
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
    /// The seal.
    pub seal: SealDocument,
    /// What was not obtained.
    pub gaps: Vec<Gap>,
    /// What stopped it, if anything did.
    pub stopped: Option<StopCause>,
    /// How long it took.
    pub duration: Duration,
}

impl Collected {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match (self.stopped, self.seal.result) {
            (Some(StopCause::Signal(_)), _) => Exit::Interrupted,
            (_, Completeness::Partial) => Exit::Gaps,
            (_, Completeness::Complete) => Exit::Done,
        }
    }
}

impl Journey<'_> {
    /// Collects, seals, reads back, writes the receipt, and gives the bundle its name.
    pub fn travel(&self, target: Target, progress: &mut dyn Progress) -> Result<Collected, Failure> {
        let started = Instant::now();
        let mut collected = match target {
            Target::Folder(room) => self.to_folder(&room, progress)?,
            Target::Pipe(piped) => self.to_pipe(&piped, progress)?,
        };
        collected.duration = started.elapsed();
        Ok(collected)
    }

    fn to_folder(&self, room: &Room, progress: &mut dyn Progress) -> Result<Collected, Failure> {
        let folder = &room.folder;
        let sealed_name = format!("{}.zip.age", self.prepared.request.id);
        let partial = format!("{sealed_name}.partial");
        let path = folder.path().join(&partial);
        let elsewhere = |error: Failure| error.hint("choose another output folder with -o DIR");
        let file = folder.create(&partial).map_err(|error| elsewhere(error.into()))?;
        let identity = identity_of(&file.metadata()?);
        let begun = self.begin_in(room, file, path.clone());
        // Nothing of the host is in it yet.
        let (opened, papers) = begun.inspect_err(|_| folder.discard(&partial)).map_err(elsewhere)?;
        let lost = |error: Failure| {
            error
                .hint(format!("what was sealed until then is in {}", path.display()))
                .hint("'phi-ir open --salvage' gives back what is whole in it")
        };
        let sealed = self.fill(opened, progress).and_then(|(sealed, collected, receipt)| {
            progress.phase("reading the sealed file back");
            let pace = self.prepared.host.pace();
            sealed.finish(&collected.ciphertext, &|| pace.breathe())?;
            Ok((collected, receipt))
        });
        let (mut collected, receipt) = sealed.inspect_err(|_| papers.withdraw(folder)).map_err(lost)?;
        if !folder.is_called(identity, &partial) {
            papers.withdraw(folder);
            return Err(Failure::new(format!("{} was removed or replaced during the run", path.display()))
                .hint(
                    "somebody else writes in this folder: choose one that only you can write, with -o DIR",
                ));
        }
        let whole = |error: Failure| {
            error
                .hint(format!(
                    "the sealed file is whole, and read back as it was written: {}",
                    path.display()
                ))
                .hint(format!(
                    "bring it to the officer under the name {sealed_name}; without a receipt, say so"
                ))
        };
        let signature = self.prepared.signer.sign(bag::RECEIPT_NAMESPACE, &receipt)?;
        papers.keep(folder, &receipt, &signature).map_err(whole)?;
        // Last of all: whoever sees this name sees a whole bundle.
        folder.rename(&partial, &sealed_name).map_err(|error| whole(error.into()))?;
        folder.sync().map_err(|error| {
            Failure::new(error)
                .hint(format!("the bundle is whole: {}", folder.place().join(&sealed_name).display()))
                .hint("whether it outlives a power failure is not known: copy it to another disk now")
        })?;
        let place = folder.place();
        collected.bundle = Some(place.join(sealed_name));
        collected.receipt = place.join(papers.receipt_name);
        Ok(collected)
    }

    /// Takes the room for all that will be written, and writes what stands before the evidence.
    fn begin_in(
        &self,
        room: &Room,
        file: File,
        path: PathBuf,
    ) -> Result<(Opening<SealedFile>, Papers), Failure> {
        self.prepared.host.exclude_own_output(identity_of(&file.metadata()?));
        let papers = Papers::promise(&room.folder, &format!("{}.receipt.json", self.prepared.request.id))?;
        let begun = SealedFile::new(file, path, room.floor)
            .map_err(Failure::from)
            .and_then(|(sealed, reserve)| self.begin(sealed, Some(Box::new(reserve))));
        Ok((begun.inspect_err(|_| papers.withdraw(&room.folder))?, papers))
    }

    fn to_pipe(&self, piped: &PipedReceipt, progress: &mut dyn Progress) -> Result<Collected, Failure> {
        let stream = Stream::stdout(self.stop.flag())?;
        // What is being written must not be read as evidence of the host.
        self.prepared.host.exclude_own_output(identity_of(&stream.metadata()?));
        let sealed = self.seal(stream, None, progress).and_then(|(_, collected, receipt)| {
            let signature = self.prepared.signer.sign(bag::RECEIPT_NAMESPACE, &receipt)?;
            Ok((collected, receipt, signature))
        });
        let (mut collected, receipt, signature) =
            sealed.inspect_err(|_| piped.papers.withdraw(&piped.folder)).map_err(|failure| {
                failure.hint("what was streamed until then is no whole bundle; collect again")
            })?;
        piped.papers.keep(&piped.folder, &receipt, &signature)?;
        collected.receipt = piped.folder.path().join(&piped.papers.receipt_name);
        Ok(collected)
    }

    /// Collects and seals to `out`, asking `reserve` for room; gives back `out`, what came of it, and the receipt.
    pub fn seal<W: Write + Send + 'static>(
        &self,
        out: W,
        reserve: Option<Box<dyn Reserve>>,
        progress: &mut dyn Progress,
    ) -> Result<(W, Collected, Vec<u8>), Failure> {
        self.fill(self.begin(out, reserve)?, progress)
    }

    /// Begins the bundle: everything that stands before the evidence.
    fn begin<W: Write + Send + 'static>(
        &self,
        out: W,
        reserve: Option<Box<dyn Reserve>>,
    ) -> Result<Opening<W>, Failure> {
        let request = &self.prepared.request;
        let started = self.clock.moment().utc;
        let mut vault = Seal::create(&request.id, out, &self.prepared.recipients, reserve)?;
        let image = self.prepared.host.image_root().map(|root| root.as_os_str().as_encoded_bytes().to_vec());
        let document = self.prepared.plan.document(request, started, image);
        let plan = json::document(&document)?;
        if plan.len() > PLAN_LIMIT {
            return Err(
                Failure::new("the plan is longer than any that can be read back").hint("name fewer paths")
            );
        }
        let mut tags = Tags { vault: &mut vault, at: started, digests: Vec::new() };
        tags.write(bag::BAGIT, bag::BAGIT_TEXT.into())?;
        let plan_digest = tags.write(bag::PLAN, plan)?;
        let digests = tags.digests;
        Ok(Opening { vault, started, plan_digest, digests, speaks_of: document.speaks_of() })
    }

    /// Collects, and ends the bundle.
    fn fill<W: Write + Send + 'static>(
        &self,
        opening: Opening<W>,
        progress: &mut dyn Progress,
    ) -> Result<(W, Collected, Vec<u8>), Failure> {
        let Opening { mut vault, started, plan_digest, digests: opening, speaks_of } = opening;
        let request = &self.prepared.request;
        let signer = self.prepared.signer.facts()?;
        let ledger = Ledger::starting_from(plan_digest, request.case.part2);
        let wants = || wants(request);
        let terms = Terms {
            clock: self.clock,
            salts: self.salts,
            stop: self.stop.clone(),
            progress,
            max_bytes: request.limits.max_bytes,
            max_time: request.limits.max_time_ns.map(Duration::from_nanos),
            pace: Arc::clone(self.prepared.host.pace()),
            phi_roots: request.phi_places(),
            window: request.window.clone(),
            asked: asked(&self.prepared.host, &request.window, self.clock),
            wants: Some(&wants),
        };
        let mut intake = Intake::new(&mut vault, ledger, terms);
        carry_out(&self.prepared.plan, &self.prepared.host, request, &mut intake).map_err(bundle_lost)?;
        let stopped = intake.stopped();
        let (ledger, roles) = intake.close();
        let (result, coverage) = ledger.account(stopped.is_some());

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
            profile: Some(request.profile.word().into()),
            result,
            stopped_by: stopped.map(StopCause::words),
            complete_for: speaks_of,
            counts: ledger.counts(),
            coverage,
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
        let (receipt, collected) = self.receipt(seal, ciphertext, &ledger, stopped)?;
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
        let list =
            |rows: &[(Member, Digest)]| bag::list(rows.iter().map(|(name, digest)| (name.as_str(), *digest)));
        let counts = ledger.counts();
        tags.write(bag::ENTRIES, list(&entries))?;
        tags.write(bag::MANIFEST, list(ledger.members()))?;
        let info = bag::bag_info(id, env!("CARGO_PKG_VERSION"), tags.at, &counts);
        tags.write(bag::BAG_INFO, info.into())?;
        tags.write(bag::VERIFY, bag::verify_text(id).into())?;
        let tagged: Vec<(Member, Digest)> = bag::TAGGED
            .iter()
            .filter_map(|name| Some((Member::of_tag(name), tags.digest_of(name)?)))
            .collect();
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
        (seal, seal_sha256): (SealDocument, Digest),
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
            seal_sha256,
            counts: seal.counts.clone(),
            profile: seal.profile.clone(),
            result: seal.result,
            stopped_by: seal.stopped_by.clone(),
            complete_for: seal.complete_for.clone(),
            tool: seal.tool.clone(),
            signer: seal.signer.clone(),
            chain: seal.chain.clone(),
        };
        let bytes = json::document(&receipt)?;
        let collected = Collected {
            bundle: None,
            receipt: PathBuf::new(),
            ciphertext,
            seal_sha256,
            spoken_code: spoken_code(&bytes),
            seal,
            gaps: ledger.gaps().to_vec(),
            stopped,
            duration: Duration::ZERO,
        };
        Ok((bytes, collected))
    }
}

/// Device and inode.
fn identity_of(met: &Metadata) -> (u64, u64) {
    (met.dev(), met.ino())
}

/// The seal itself failed.
pub(super) fn bundle_lost(halt: Halt) -> Failure {
    Failure::new(format!("the bundle could not be finished: {halt}"))
}

/// A salt from the kernel's generator. Without one there is no entry, and no bundle: a salt that could be guessed would
/// tell what an entry's digest hides.
pub fn random_salt() -> io::Result<Digest> {
    let mut salt = [0; 32];
    random::fill(&mut salt)?;
    Ok(Digest::from_bytes(salt))
}

/// What audit logs are asked while they pass: to tell our own events from others', and what lies in the window until the
/// second before this run began. Behind that stand our own openings of PHI folders.
fn asked(host: &Host, window: &Window, clock: &dyn Clock) -> Asked {
    let now = clock.moment();
    let myself = myself();
    // The kernel stamps events by a clock that is a few milliseconds behind.
    let started = myself.start_ticks.map(|ticks| now.at_tick(ticks).minus(Duration::from_millis(10)));
    let own = started.filter(|_| host.is_live()).map(|since| OwnEvents { pid: myself.pid, since });
    let from = window.from.map_or(0, Timestamp::unix);
    let until = now.utc.minus(Duration::from_secs(1)).unix();
    Asked { own, within: Some((from, until.max(from))) }
}
