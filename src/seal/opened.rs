//! The whole examination of a bundle's files.

use std::fs::File;
use std::path::Path;

use super::OpenError;
use super::envelope::Identities;
use super::files::BundleFiles;
use super::inspect::{Unpack, inspect};
use super::signature::{self, SignatureCheck, SignedBy};
use crate::clock::Timestamp;
use crate::custody::bag::{RECEIPT_NAMESPACE, SEAL, SEAL_NAMESPACE, SEAL_SIG};
use crate::custody::digest::Digest;
use crate::custody::inspector::Inspection;
use crate::custody::json;
use crate::custody::plan::PlanDocument;
use crate::custody::receipt::{
    Ciphertext, RECEIPT_LIMIT, RECEIPT_SCHEMA, Receipt, is_bundle_id, same_code, spoken_code,
};
use crate::custody::seal::SealDocument;
use crate::custody::signers::{self, AllowedSigner, Standing};
use crate::custody::verdict::{Answer, Finding, FindingCode, NotLaterThan, SealedBy, Verdict, Word};

/// What the reader knows from elsewhere: who may sign, and what was read out.
#[derive(Default)]
pub struct Trust {
    /// The reader's allowed signers.
    pub allowed: Option<Vec<AllowedSigner>>,
    /// The one fingerprint that the reader expects, `SHA256:…`.
    pub expected: Option<String>,
    /// The spoken code that the reader was told.
    pub code: Option<String>,
}

/// What an examination found.
pub struct Examination {
    /// The verdict.
    pub verdict: Verdict,
    /// The seal, if the content was opened and it could be read.
    pub seal: Option<SealDocument>,
    /// The receipt, if there is one and it could be read.
    pub receipt: Option<Receipt>,
    /// The plan, if the content was opened and it could be read.
    pub plan: Option<PlanDocument>,
}

impl BundleFiles {
    /// Examines them, unpacking into `sink` on the way if identities are given. Whatever is wrong with the bundle
    /// is in the verdict; an error means that it could not be examined.
    pub fn examine(
        &self,
        identities: Option<&Identities>,
        trust: &Trust,
        now: Timestamp,
        sink: &mut dyn Unpack,
    ) -> Result<Examination, OpenError> {
        let mut examiner = Examiner { findings: Vec::new() };
        let receipt = examiner.receipt(self);
        let spoken_code = self.receipt.as_deref().map(spoken_code);
        examiner.code(trust, spoken_code.as_deref());
        let receipt_signer = examiner.receipt_signer(self, receipt.as_ref());
        let ciphertext_matches = examiner.ciphertext(self, receipt.as_ref())?;
        let inspected = match (identities, &self.sealed) {
            (Some(identities), Some(sealed)) => examiner.open(sealed, identities, sink)?,
            _ => {
                let words = "the receipt was examined; what is inside was not";
                examiner.find(FindingCode::NotOpened, "sealed file", words);
                None
            }
        };
        let opened = inspected.is_some();
        let (inspection, folder) = inspected.unzip();
        let seal_signer = inspection.as_ref().and_then(|inspection| examiner.seal_signer(inspection));
        let seal = inspection.as_ref().and_then(|inspection| inspection.seal.clone());
        if let (Some(seal), Some(inspection)) = (&seal, &inspection) {
            examiner.ids(seal, inspection, folder.flatten().as_deref());
            examiner.receipt_against_seal(receipt.as_ref(), seal, inspection);
        }
        // A receipt that nobody signed shows nothing: whoever changed the file could have changed it too.
        let whole = opened || (ciphertext_matches && receipt_signer.is_some());
        let sealed_by = examiner.standing(seal_signer.or(receipt_signer), trust, now);
        let (plan, missing) =
            inspection.map(|inspection| (inspection.plan, inspection.missing)).unwrap_or_default();
        let mut failing = examiner.findings.iter().filter(|finding| finding.code.fails()).peekable();
        let failed = failing.peek().is_some();
        let unchanged = match (failing.any(|finding| !finding.code.is_about_origin()), whole) {
            (true, _) => Answer::No,
            (false, true) => Answer::Yes,
            (false, false) => Answer::Unknown,
        };
        let word = match (failed, unchanged, sealed_by.known) {
            (true, ..) => Word::Failed,
            (false, Answer::Yes, Answer::Yes) => Word::Verified,
            _ => Word::Unknown,
        };
        let claimed = seal.as_ref().map(|seal| seal.ended).or(receipt.as_ref().map(|receipt| receipt.sealed));
        let id =
            seal.as_ref().map(|seal| seal.id.clone()).or(receipt.as_ref().map(|receipt| receipt.id.clone()));
        let result = seal.as_ref().map(|seal| seal.result).or(receipt.as_ref().map(|receipt| receipt.result));
        let verdict = Verdict {
            verdict: word,
            id,
            opened,
            unchanged,
            sealed_by,
            not_later_than: NotLaterThan { answer: Answer::Unknown, claimed },
            // What a damaged bundle says of itself is worth nothing.
            result: result.filter(|_| unchanged != Answer::No),
            spoken_code,
            missing,
            findings: examiner.findings,
        };
        Ok(Examination { verdict, seal, receipt, plan })
    }
}

struct Examiner {
    findings: Vec<Finding>,
}

impl Examiner {
    fn find(&mut self, code: FindingCode, place: impl Into<String>, words: impl Into<String>) {
        self.findings.push(Finding::new(code, place, words));
    }

    fn receipt(&mut self, files: &BundleFiles) -> Option<Receipt> {
        let Some(bytes) = &files.receipt else {
            let words = "there is no receipt of this name beside the bundle; without it (--receipt FILE), whether this is \
                the file that was handed over cannot be told";
            self.find(FindingCode::ReceiptMissing, &files.receipt_name, words);
            return None;
        };
        match json::read::<Receipt>(bytes, RECEIPT_LIMIT) {
            Ok(receipt) if receipt.schema == RECEIPT_SCHEMA => Some(receipt),
            Ok(receipt) => {
                let words = format!("unknown schema {:?}", receipt.schema);
                self.find(FindingCode::ReceiptUnreadable, &files.receipt_name, words);
                None
            }
            Err(error) => {
                let words = format!("the receipt cannot be read: {error}");
                self.find(FindingCode::ReceiptUnreadable, &files.receipt_name, words);
                None
            }
        }
    }

    fn code(&mut self, trust: &Trust, spoken: Option<&str>) {
        let Some(told) = &trust.code else { return };
        match spoken {
            Some(spoken) if same_code(told, spoken) => {}
            Some(spoken) => {
                let words = format!("its code is {spoken}, and not the one that you were told");
                self.find(FindingCode::CodeDiffers, "receipt", words);
            }
            None => {
                self.find(FindingCode::CodeDiffers, "receipt", "there is no receipt to compare the code with")
            }
        }
    }

    fn receipt_signer(&mut self, files: &BundleFiles, receipt: Option<&Receipt>) -> Option<SignedBy> {
        let bytes = files.receipt.as_deref()?;
        let place = format!("{}.sig", files.receipt_name);
        if files.receipt_sig.is_none() {
            let words = "the receipt's signature is not beside it; what the receipt says is nobody's word";
            self.find(FindingCode::ReceiptUnsigned, &place, words);
            return None;
        }
        let signed = self.signature(&place, files.receipt_sig.as_deref(), RECEIPT_NAMESPACE, bytes)?;
        if receipt.is_some_and(|receipt| receipt.signer.public_key != signed.public_key) {
            self.find(
                FindingCode::SignerDiffers,
                &files.receipt_name,
                "it names another key than the one that signed it",
            );
        }
        Some(signed)
    }

    fn seal_signer(&mut self, inspection: &Inspection) -> Option<SignedBy> {
        let bytes = inspection.seal_bytes.as_deref()?;
        let signed = self.signature(SEAL_SIG, inspection.seal_sig.as_deref(), SEAL_NAMESPACE, bytes)?;
        let named = |seal: &SealDocument| {
            seal.signer.public_key != signed.public_key || seal.signer.fingerprint != signed.fingerprint
        };
        if inspection.seal.as_ref().is_some_and(named) {
            self.find(FindingCode::SignerDiffers, SEAL, "it names another key than the one that signed it");
        }
        Some(signed)
    }

    fn signature(
        &mut self,
        place: &str,
        signature: Option<&[u8]>,
        namespace: &str,
        message: &[u8],
    ) -> Option<SignedBy> {
        let Some(signature) = signature else {
            self.find(FindingCode::SignatureBad, place, "the signature is missing");
            return None;
        };
        match signature::check(signature, namespace, message) {
            SignatureCheck::Good(signed) => Some(signed),
            SignatureCheck::OtherForm(signed) => {
                self.find(FindingCode::SignatureForm, place, "it is not spelt as we spell signatures");
                Some(signed)
            }
            SignatureCheck::Bad(words) => {
                self.find(FindingCode::SignatureBad, place, words);
                None
            }
        }
    }

    fn ciphertext(&mut self, files: &BundleFiles, receipt: Option<&Receipt>) -> Result<bool, OpenError> {
        let Some(sealed) = &files.sealed else {
            self.find(FindingCode::SealedFileAbsent, "sealed file", "it is not beside its receipt");
            return Ok(false);
        };
        let Some(receipt) = receipt else { return Ok(false) };
        let found = Ciphertext::of(&mut File::open(sealed)?)?;
        if found == receipt.ciphertext {
            return Ok(true);
        }
        let words = if found.bytes == receipt.ciphertext.bytes {
            "its bytes are not those that the receipt speaks of".to_owned()
        } else {
            format!("it has {} bytes, and the receipt speaks of {}", found.bytes, receipt.ciphertext.bytes)
        };
        self.find(FindingCode::CiphertextDiffers, "sealed file", words);
        Ok(false)
    }

    fn open(
        &mut self,
        sealed: &Path,
        identities: &Identities,
        sink: &mut dyn Unpack,
    ) -> Result<Option<(Inspection, Option<String>)>, OpenError> {
        let source = match identities.decrypt(File::open(sealed)?) {
            Ok(source) => source,
            Err(error @ (OpenError::Header | OpenError::LastPiece | OpenError::Armored)) => {
                self.find(FindingCode::SealedFileDamaged, "sealed file", error.to_string());
                return Ok(None);
            }
            // A changed header can look like a wrong key; that the file was changed is then known already.
            Err(error) if !matches!(error, OpenError::Io(_)) && self.knows_it_was_changed() => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let (inspection, folder) = inspect(source, sink)?;
        self.findings.extend(inspection.findings.iter().cloned());
        Ok(Some((inspection, folder)))
    }

    fn knows_it_was_changed(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == FindingCode::CiphertextDiffers)
    }

    fn ids(&mut self, seal: &SealDocument, inspection: &Inspection, folder: Option<&str>) {
        let plan = inspection.plan.as_ref().map(|plan| plan.id.as_str());
        if folder != Some(&seal.id) || plan.is_some_and(|id| id != seal.id) {
            self.find(FindingCode::SealContradiction, SEAL, "folder, plan and seal are of different bundles");
        }
        if !is_bundle_id(&seal.id) {
            self.find(FindingCode::SealContradiction, SEAL, "its id is none that a bundle of ours has");
        }
    }

    fn receipt_against_seal(
        &mut self,
        receipt: Option<&Receipt>,
        seal: &SealDocument,
        inspection: &Inspection,
    ) {
        let Some(receipt) = receipt else { return };
        let digest = inspection.seal_bytes.as_deref().map(Digest::of);
        let contradictions = [
            ("the seal", digest != Some(receipt.seal_sha256)),
            ("the bundle's id", receipt.id != seal.id),
            ("the kind of bundle", receipt.kind != seal.kind),
            ("the counts", receipt.counts != seal.counts),
            ("the profile", receipt.profile != seal.profile),
            ("what is complete", receipt.result != seal.result || receipt.complete_for != seal.complete_for),
            ("what stopped it", receipt.stopped_by != seal.stopped_by),
            ("the program", receipt.tool != seal.tool),
            ("the series", receipt.chain != seal.chain),
        ];
        for (what, _) in contradictions.into_iter().filter(|(_, differs)| *differs) {
            self.find(
                FindingCode::ReceiptDiffers,
                "receipt",
                format!("receipt and bundle disagree on {what}"),
            );
        }
        if receipt.signer != seal.signer {
            self.find(FindingCode::SignerDiffers, "receipt", "receipt and seal name different keys");
        }
    }

    fn standing(&mut self, signer: Option<SignedBy>, trust: &Trust, now: Timestamp) -> SealedBy {
        let Some(signer) = signer else {
            return SealedBy { known: Answer::Unknown, principal: None, fingerprint: None };
        };
        let fingerprint = Some(signer.fingerprint.clone());
        if let Some(expected) = &trust.expected {
            if *expected == signer.fingerprint {
                return SealedBy { known: Answer::Yes, principal: None, fingerprint };
            }
            let words = format!("signed by {}, not by {expected}", signer.fingerprint);
            self.find(FindingCode::SignerUnexpected, "signer", words);
            return SealedBy { known: Answer::No, principal: None, fingerprint };
        }
        let namespaces = [SEAL_NAMESPACE, RECEIPT_NAMESPACE];
        let mut principal = None;
        for namespace in namespaces {
            let why = match &trust.allowed {
                None => "no allowed_signers file was given, so that who signed is not known here",
                Some(allowed) => match signers::standing(allowed, &signer.public_key, namespace, now) {
                    Standing::Allowed(name) => {
                        principal = Some(name);
                        continue;
                    }
                    Standing::NotForThis(why) => why,
                    Standing::NotListed => "the key that signed is not in the allowed_signers file",
                },
            };
            self.find(FindingCode::SignerUnknown, "signer", why);
            return SealedBy { known: Answer::Unknown, principal: None, fingerprint };
        }
        SealedBy { known: Answer::Yes, principal, fingerprint }
    }
}
