//! What is told before and after a collection: who can open it, what is missing and what would settle that, and what
//! to do next.

use std::path::Path;

use serde::Serialize;

use super::journey::Collected;
use super::prepare::Prepared;
use super::target::Target;
use crate::collector::phi::{self, Obstacle};
use crate::collector::plan::Plan;
use crate::collector::request::Request;
use crate::command::gaps::{Claim, Sorted};
use crate::custody::completeness::Completeness;
use crate::custody::digest::Digest;
use crate::custody::gap::Gap;
use crate::custody::seal::Counts;
use crate::host::Host;
use crate::host::facts::is_root;
use crate::host::own_namespaces::is_root_of_namespace_only;
use crate::path::HostPath;
use crate::seal::envelope::Recipients;
use crate::term::{Failure, Voice, bytes, span};

/// Before the start: who can open it, what counts as PHI, and what is odd about the output.
pub fn before(prepared: &Prepared, target: &Target, voice: Voice) {
    let request = &prepared.request;
    if let Some(from) = request.window.from {
        let id = &request.id;
        voice.say(format!(
            "{id}: profile {}, time of interest from {}",
            request.profile.word(),
            from.spoken()
        ));
    }
    for who in prepared.recipients.described() {
        voice.say(format!("can be opened by: {who}"));
    }
    if let Recipients::Keys(keys) = &prepared.recipients
        && keys.len() == 1
    {
        voice.warn(
            "only one key opens this bundle; if it is lost, so is the evidence (a second -r prevents that)",
        );
    }
    for root in &request.phi_roots {
        voice.say(format!("holds PHI: {} ({})", root.path, root.origin));
    }
    for warning in warnings(&prepared.host, request, &prepared.plan) {
        voice.warn(warning);
    }
    if let Target::Folder(room) = target {
        warn_of_place(prepared, room.folder.path(), voice);
    }
}

/// What will make the bundle poorer than it could be, said while it can still be mended.
pub fn warnings(host: &Host, request: &Request, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_root() && host.is_live() {
        warnings
            .push("not root: most logs and other people's files will be missing (run this as root)".into());
    }
    if is_root_of_namespace_only() && host.is_live() {
        let words = "root of a user namespace only, not of this machine: what is root's and other people's, and the \
            kernel's audit state, will be missing (run this as root outside of the container)";
        warnings.push(words.into());
    }
    let about_phi = plan.evidence.iter().any(|definition| definition.id == "phi-files");
    if request.phi_roots.is_empty() && about_phi {
        warnings.push(
            "no folder is known to hold PHI; name it with --phi DIR, or the bundle will be PARTIAL".into(),
        );
    }
    let here = if host.is_live() { "" } else { " in the image" };
    for root in &request.phi_roots {
        // A rule may watch a single file; that file is then listed.
        let obstacle = phi::obstacle(host, &root.path);
        if let Some(obstacle @ (Obstacle::Missing | Obstacle::Unreachable(_))) = obstacle {
            warnings.push(format!(
                "{} ({}) {obstacle}{here}; is it the folder that holds PHI? name it with --phi DIR",
                root.path, root.origin
            ));
        }
    }
    warnings
}

fn warn_of_place(prepared: &Prepared, output: &Path, voice: Voice) {
    let Some(output) = std::path::absolute(output)
        .ok()
        .and_then(|path| HostPath::new(path.as_os_str().as_encoded_bytes()).ok())
    else {
        return;
    };
    if !prepared.host.is_live() {
        return;
    }
    let mount = |path: &HostPath| prepared.host.mounts().holding(path).map(|mount| mount.id);
    let root = mount(&HostPath::root());
    let here = mount(&output);
    let logs = HostPath::new("/var/log").ok();
    let phi = prepared.request.phi_places();
    if phi.iter().any(|phi| output.is_within(phi)) {
        voice.warn("the output lies inside a PHI folder; another disk would disturb less (-o DIR)");
    } else if here != root && phi.iter().any(|phi| mount(phi) == here) {
        voice.warn("the output lies on a volume that holds PHI; another disk would disturb less (-o DIR)");
    }
    if here != root && logs.as_ref().and_then(mount) == here {
        voice.warn("the output lies on the volume of the logs; another disk would disturb less (-o DIR)");
    }
}

#[derive(Serialize)]
struct Document<'a> {
    bundle: Option<String>,
    receipt: String,
    sha256: Digest,
    seal_sha256: Digest,
    spoken_code: &'a str,
    result: Completeness,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_for: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<&'a str>,
    counts: &'a Counts,
    gaps: &'a [Gap],
    bytes: u64,
    duration_ns: u64,
}

/// After the end: the result, the gaps, and the next step.
pub fn after(collected: &Collected, prepared: &Prepared, voice: Voice) -> Result<(), Failure> {
    if voice.json {
        return voice.document(&document(collected));
    }
    let sorted = Sorted::of(&collected.gaps, &collected.seal.coverage);
    voice.result(Claim::from(&collected.seal).words(&prepared.request.skip));
    voice.result(sorted.numbers());
    tell_amounts(collected, voice);
    sorted.tell("the bundle names them: phi-ir verify BUNDLE -i KEY", voice);
    tell_next(collected, prepared, voice);
    Ok(())
}

/// At the very end: what does not answer may keep the program from ending, long after all is done. A request that a server
/// has read is waited for by the kernel, and nothing ends who made it.
pub fn of_what_keeps_us(host: &Host, is_sealed: bool, voice: Voice) {
    let kept_by = host.kept_by();
    let Some(first) = kept_by.first() else { return };
    let others = match kept_by.len() {
        1 => String::new(),
        2 => ", nor does 1 other".into(),
        count => format!(", nor do {} others", count - 1),
    };
    let whole = if is_sealed { "the bundle is whole and closed" } else { "nothing more is done" };
    voice.warn(format!(
        "{first} does not answer{others}, and the kernel may not let this program end before it does; {whole}: should \
        the prompt not come back, close this terminal. Once the evidence is safe, 'umount -f' ends the wait"
    ));
}

fn document(collected: &Collected) -> Document<'_> {
    Document {
        bundle: collected.bundle.as_ref().map(|path| path.display().to_string()),
        receipt: collected.receipt.display().to_string(),
        sha256: collected.ciphertext.sha256,
        seal_sha256: collected.seal_sha256,
        spoken_code: &collected.spoken_code,
        result: collected.seal.result,
        complete_for: collected.seal.complete_for.as_deref(),
        stopped_by: collected.seal.stopped_by.as_deref(),
        counts: &collected.seal.counts,
        gaps: &collected.gaps,
        bytes: collected.ciphertext.bytes,
        duration_ns: u64::try_from(collected.duration.as_nanos()).unwrap_or(u64::MAX),
    }
}

fn tell_amounts(collected: &Collected, voice: Voice) {
    let counts = &collected.seal.counts;
    voice.result(format!(
        "Sealed {} of evidence into a file of {}, in {}: {} files, {} entries.",
        bytes(counts.bytes),
        bytes(collected.ciphertext.bytes),
        span(collected.duration),
        counts.members,
        counts.entries,
    ));
}

fn tell_next(collected: &Collected, prepared: &Prepared, voice: Voice) {
    let id = &prepared.request.id;
    let receipt = collected.receipt.display();
    voice.result("\nNext:");
    voice.result(format!(
        "  1. Read this code out to the compliance officer, who writes it down: {}",
        collected.spoken_code
    ));
    match &collected.bundle {
        Some(path) => {
            voice.result("  2. Bring these three files to the officer:");
            voice.result(format!("       {}", path.display()));
            voice.result(format!("       {receipt}"));
            voice.result(format!("       {receipt}.sig"));
        }
        None => {
            voice.result("  2. The sealed file went to stdout. Bring these two after it, under these names:");
            voice.result(format!("       {receipt}      as {id}.receipt.json"));
            voice.result(format!("       {receipt}.sig  as {id}.receipt.json.sig"));
            voice.result(format!("     and have the sealed file itself called {id}.zip.age."));
        }
    }
    let openers = prepared.recipients.described();
    voice.result(format!("  3. It can be opened by: {}. Not by this host.", openers.join("; ")));
    if collected.seal.signer.kind == "one_run" {
        voice.result(
            "  4. It was signed with a key made for this run. Have its fingerprint written down too:",
        );
        voice.result(format!("       {}", collected.seal.signer.fingerprint));
    }
}
