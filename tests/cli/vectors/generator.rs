//! Makes every vector from one good bundle: takes it apart, lies in one way, and seals it again.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use phi_ir::custody::bag;
use phi_ir::custody::digest::Digest;
use phi_ir::custody::receipt::Ciphertext;
use phi_ir::seal::container::Container;
use phi_ir::seal::envelope::{Identities, Recipients};
use phi_ir::seal::signature::SigningKey;
use serde_json::Value;

use super::raw_zip::{Raw, archive};
use crate::support::{Bundle, Desk, FakeHost};

/// A bundle taken apart, and the keys to put it together again.
struct Parts {
    id: String,
    members: Vec<Raw>,
    receipt: Vec<u8>,
    receipt_sig: Vec<u8>,
    sealed: Vec<u8>,
    recipient: String,
    signer: Vec<u8>,
    stranger: Vec<u8>,
}

/// One vector: its files and what it must give.
struct Vector<'p> {
    parts: &'p Parts,
    folder: std::path::PathBuf,
}

pub fn write_all(root: &Path) {
    let desk = Desk::new();
    let parts = take_apart(&desk);
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    fs::create_dir_all(root).unwrap();
    for file in ["officer.key", "allowed_signers"] {
        fs::copy(desk.path(file), root.join(file)).unwrap();
    }
    let readme = "# Sealed bundles, good and broken\n\nMade by the generator in `tests/cli/vectors/`; \
        `UPDATE_FIXTURES=1 cargo test --test cli vectors` makes them anew.\nEverything in them is made up, and \
        `officer.key` opens nothing else. Each `expect` says what was done, and what must\ncome of it: the verdict, \
        every finding, and whether the recipe of `VERIFY.txt` notices.\n";
    fs::write(root.join("README.md"), readme).unwrap();
    whole_files(root, &parts);
    members(root, &parts);
    structure(root, &parts);
    signed_contradictions(root, &parts);
}

fn take_apart(desk: &Desk) -> Parts {
    let host = FakeHost::new()
        .file("/etc/hostname", "clinic-db\n")
        .file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n")
        .file("/etc/crypttab", "phi /dev/sdb none luks\n")
        .file("/srv/planted.bin", planted());
    let only = ["--only", "mounts", "--only", "also", "--also", "/srv/planted.bin"];
    let bundle = Bundle::of(&desk.collect(&host).args(only).run().code(0).json());
    let key = fs::read_to_string(desk.path("officer.key")).unwrap();
    let identities = Identities::parse(&key, "key").unwrap();
    let sealed = fs::read(&bundle.sealed).unwrap();
    let mut clear = Vec::new();
    identities.decrypt(Cursor::new(&sealed)).unwrap().read_to_end(&mut clear).unwrap();
    let container = Container::open(Cursor::new(&clear[..])).unwrap();
    let times: Vec<i64> = container.records().iter().map(|record| record.modified).collect();
    let mut zip = zip::ZipArchive::new(Cursor::new(clear)).unwrap();
    let members = (0..zip.len())
        .map(|index| {
            let mut member = zip.by_index(index).unwrap();
            let name = member.name().unwrap().into_owned();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            let mut raw = Raw::new(&name, bytes);
            raw.stored = member.compression() == zip::CompressionMethod::Stored;
            raw.modified = times[index].try_into().unwrap();
            raw
        })
        .collect::<Vec<Raw>>();
    assert!(members.iter().any(|member| member.stored), "the planted file must be stored as it is");
    let sig = format!("{}.sig", bundle.receipt.display());
    let stranger = phi_ir::seal::signature::generate("stranger").unwrap().private.as_bytes().to_vec();
    Parts {
        id: bundle.id.clone(),
        members,
        receipt: fs::read(&bundle.receipt).unwrap(),
        receipt_sig: fs::read(sig).unwrap(),
        sealed,
        recipient: desk.recipient.clone(),
        signer: fs::read(desk.path("host.key")).unwrap(),
        stranger,
    }
}

/// Bytes that do not compress, and in their middle an archive with headers that look like ours.
fn planted() -> Vec<u8> {
    let mut noise = vec![0_u8; 12_000];
    getrandom::fill(&mut noise).unwrap();
    let forged =
        archive(&[Raw::new("forged/data/root/etc/shadow", "forged"), Raw::new("entries/000001.json", "{}")]);
    [&noise[..6000], &forged, &noise[6000..]].concat()
}

impl Parts {
    fn seal(&self, members: &[Raw]) -> Vec<u8> {
        self.encrypt(&archive(members))
    }

    fn encrypt(&self, clear: &[u8]) -> Vec<u8> {
        let mut recipients = Recipients::none();
        recipients.add(&self.recipient, None, "argument", "-r").unwrap();
        let mut sealing = recipients.encrypt(Vec::new()).unwrap();
        sealing.write_all(clear).unwrap();
        sealing.finish().unwrap()
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.id)
    }

    fn at(&self, name: &str) -> usize {
        let name = self.name(name);
        self.members.iter().position(|member| member.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// The members with every entry naming the one before it again, after `edit` has had its way with one of them.
    fn rechained(&self, mut members: Vec<Raw>, name: &str, edit: impl FnOnce(&mut Value)) -> Vec<Raw> {
        let at = members.iter().position(|member| member.name == self.name(name)).unwrap();
        let mut entry: Value = serde_json::from_slice(&members[at].bytes).unwrap();
        edit(&mut entry);
        members[at].bytes = [serde_json::to_vec(&entry).unwrap(), b"\n".to_vec()].concat();
        let mut head = Digest::of(&members[self.at(bag::PLAN)].bytes).hex();
        for member in members.iter_mut().filter(|member| member.name.contains("/entries/")) {
            let mut entry: Value = serde_json::from_slice(&member.bytes).unwrap();
            entry["prev"] = head.into();
            member.bytes = [serde_json::to_vec(&entry).unwrap(), b"\n".to_vec()].concat();
            head = Digest::of(&member.bytes).hex();
        }
        members
    }

    /// The name of the entry of a source.
    fn entry_of(&self, source: &str) -> String {
        let of = |member: &&Raw| {
            member.name.contains("/entries/")
                && serde_json::from_slice::<Value>(&member.bytes).unwrap()["source"]["display"] == source
        };
        let entry = self.members.iter().find(of).unwrap_or_else(|| panic!("no entry of {source}"));
        entry.name.split_once('/').unwrap().1.to_owned()
    }

    /// A member of the tail, which was written when the run ended.
    fn tail(&self, name: &str, bytes: Vec<u8>) -> Raw {
        let ended = self.members.last().unwrap().modified;
        Raw { modified: ended, ..Raw::new(&self.name(name), bytes) }
    }

    fn sign(&self, key: &[u8], namespace: &str, text: &[u8]) -> Vec<u8> {
        SigningKey::read(key, "file").unwrap().sign(namespace, text).unwrap()
    }

    /// The members with everything from the lists to the seal made anew from what is there, by a signer who lies.
    fn resealed(&self, mut members: Vec<Raw>, edit: impl FnOnce(&mut Value), key: &[u8]) -> Vec<Raw> {
        let tail: Vec<String> = bag::TAIL.iter().map(|name| self.name(name)).collect();
        let kept: Vec<Raw> = members.iter().filter(|m| tail.contains(&m.name)).cloned().collect();
        members.retain(|member| !tail.contains(&member.name));
        let strip = |name: &str| name.strip_prefix(&format!("{}/", self.id)).unwrap().to_owned();
        let rows = |folder: &str, members: &[Raw]| -> Vec<u8> {
            let rows: Vec<(String, Digest)> = members
                .iter()
                .map(|member| (strip(&member.name), Digest::of(&member.bytes)))
                .filter(|(name, _)| name.starts_with(folder))
                .collect();
            bag::list(rows.iter().map(|(name, digest)| (name.as_str(), *digest)))
        };
        let (entries, manifest) = (rows("entries/", &members), rows("data/", &members));
        let text = |name: &str| kept.iter().find(|m| m.name == self.name(name)).unwrap().bytes.clone();
        members.push(self.tail(bag::ENTRIES, entries));
        members.push(self.tail(bag::MANIFEST, manifest));
        members.push(self.tail(bag::BAG_INFO, text(bag::BAG_INFO)));
        members.push(self.tail(bag::VERIFY, text(bag::VERIFY)));
        let tagged: Vec<(String, Digest)> = bag::TAGGED
            .iter()
            .filter_map(|name| {
                let member = members.iter().find(|member| member.name == self.name(name))?;
                Some(((*name).to_owned(), Digest::of(&member.bytes)))
            })
            .collect();
        let tag_manifest = bag::list(tagged.iter().map(|(name, digest)| (name.as_str(), *digest)));
        members.push(self.tail(bag::TAG_MANIFEST, tag_manifest));
        self.with_seal(members, &text(bag::SEAL), edit, key)
    }

    /// Seals the lists that are there.
    fn with_seal(
        &self,
        mut members: Vec<Raw>,
        seal: &[u8],
        edit: impl FnOnce(&mut Value),
        key: &[u8],
    ) -> Vec<Raw> {
        let mut seal: Value = serde_json::from_slice(seal).unwrap();
        let lists: Vec<Value> = bag::SEALED_LISTS
            .iter()
            .map(|name| {
                let member = members.iter().find(|member| member.name == self.name(name)).unwrap();
                Value::from(bag::list_line(name, &Digest::of(&member.bytes)))
            })
            .collect();
        seal["lists"] = Value::from(lists);
        edit(&mut seal);
        let mut bytes = serde_json::to_vec_pretty(&seal).unwrap();
        bytes.push(b'\n');
        let signature = self.sign(key, bag::SEAL_NAMESPACE, &bytes);
        members.push(self.tail(bag::SEAL, bytes));
        members.push(self.tail(bag::SEAL_SIG, signature));
        members
    }
}

impl Vector<'_> {
    fn new<'p>(root: &Path, name: &str, parts: &'p Parts) -> Vector<'p> {
        let folder = root.join(name);
        fs::create_dir(&folder).unwrap();
        Vector { parts, folder }
    }

    fn sealed(self, bytes: &[u8]) -> Self {
        fs::write(self.folder.join(format!("{}.zip.age", self.parts.id)), bytes).unwrap();
        self
    }

    fn receipt(self, bytes: &[u8], signature: &[u8]) -> Self {
        let name = format!("{}.receipt.json", self.parts.id);
        fs::write(self.folder.join(&name), bytes).unwrap();
        fs::write(self.folder.join(format!("{name}.sig")), signature).unwrap();
        self
    }

    /// The receipt as it was given out.
    fn old_receipt(self) -> Self {
        let (receipt, signature) = (self.parts.receipt.clone(), self.parts.receipt_sig.clone());
        self.receipt(&receipt, &signature)
    }

    /// A receipt that fits a bundle which its signer made wrong.
    fn fitting_receipt(
        self,
        sealed: &[u8],
        members: &[Raw],
        key: &[u8],
        edit: impl FnOnce(&mut Value),
    ) -> Self {
        let mut receipt: Value = serde_json::from_slice(&self.parts.receipt).unwrap();
        let measured = Ciphertext::of(&mut Cursor::new(sealed)).unwrap();
        receipt["ciphertext"]["bytes"] = measured.bytes.into();
        receipt["ciphertext"]["sha256"] = measured.sha256.hex().into();
        let seal = members.iter().find(|member| member.name == self.parts.name(bag::SEAL)).unwrap();
        receipt["seal_sha256"] = Digest::of(&seal.bytes).hex().into();
        let statement: Value = serde_json::from_slice(&seal.bytes).unwrap();
        for key in ["counts", "result", "signer", "stopped_by"] {
            if statement[key].is_null() {
                continue;
            }
            receipt[key] = statement[key].clone();
        }
        edit(&mut receipt);
        let mut bytes = serde_json::to_vec_pretty(&receipt).unwrap();
        bytes.push(b'\n');
        let signature = self.parts.sign(key, bag::RECEIPT_NAMESPACE, &bytes);
        self.receipt(&bytes, &signature)
    }

    fn expect(self, what: &str, verdict: &str, findings: &[&str], stock: &str) {
        let mut text = format!("# {what}\nverdict: {verdict}\n");
        findings.iter().for_each(|finding| text.push_str(&format!("finding: {finding}\n")));
        text.push_str(&format!("stock: {stock}\n"));
        fs::write(self.folder.join("expect"), text).unwrap();
    }
}

/// What anybody can do to the files.
fn whole_files(root: &Path, parts: &Parts) {
    let new = |name| Vector::new(root, name, parts);
    new("good").sealed(&parts.sealed).old_receipt().expect(
        "as it was sealed; it holds a planted file full of forged ZIP headers",
        "verified",
        &[],
        "passes",
    );
    let mut bytes = parts.sealed.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    new("bit-flipped").sealed(&bytes).old_receipt().expect(
        "one bit of the sealed file",
        "failed",
        &["ciphertext_differs", "sealed_file_damaged"],
        "fails",
    );
    let mut bytes = parts.sealed.clone();
    // Within the recipient's share, and still a letter of base64: what a reader makes of it must not be a matter of luck.
    bytes[60] = if bytes[60] == b'A' { b'B' } else { b'A' };
    new("header-flipped").sealed(&bytes).old_receipt().expect(
        "one letter of the envelope's header",
        "failed",
        &["ciphertext_differs"],
        "fails",
    );
    new("truncated").sealed(&parts.sealed[..parts.sealed.len() - 1000]).old_receipt().expect(
        "its last thousand bytes are gone",
        "failed",
        &["ciphertext_differs", "sealed_file_damaged"],
        "fails",
    );
    new("appended").sealed(&[&parts.sealed[..], b"more"].concat()).old_receipt().expect(
        "four bytes behind its end",
        "failed",
        &["ciphertext_differs", "sealed_file_damaged"],
        "fails",
    );
    let edited = String::from_utf8(parts.receipt.clone()).unwrap().replace("\"complete\"", "\"partial\"");
    new("receipt-edited").sealed(&parts.sealed).receipt(edited.as_bytes(), &parts.receipt_sig).expect(
        "the receipt says another result",
        "failed",
        &["receipt_differs", "signature_bad"],
        "fails",
    );
    let otherwise = String::from_utf8(parts.receipt_sig.clone()).unwrap().replace('\n', "\r\n");
    new("receipt-signature-respelt")
        .sealed(&parts.sealed)
        .receipt(&parts.receipt, otherwise.as_bytes())
        .expect(
            "the receipt's signature with other line ends: the same signature, another file",
            "failed",
            &["signature_form"],
            "fails",
        );
    new("receipt-missing").sealed(&parts.sealed).expect(
        "no receipt beside it",
        "verified",
        &["receipt_missing"],
        "fails",
    );
}

/// What somebody can do who has the recipient's public key, and not the signer's.
fn members(root: &Path, parts: &Parts) {
    let write = |name: &str, members: &[Raw], what: &str, findings: &[&str]| {
        let findings: Vec<&str> = ["ciphertext_differs"].iter().chain(findings).copied().collect();
        let vector = Vector::new(root, name, parts).sealed(&parts.seal(members)).old_receipt();
        vector.expect(what, "failed", &findings, "fails");
    };
    let fstab = parts.at("data/root/etc/fstab");
    let crypttab = parts.at("data/root/etc/crypttab");
    let edit = |change: &dyn Fn(&mut Vec<Raw>)| {
        let mut members = parts.members.clone();
        change(&mut members);
        members
    };
    write(
        "member-removed",
        &edit(&|m| drop(m.remove(fstab))),
        "a file of evidence is gone, its entry is there",
        &["entry_member", "member_missing", "counts_differ"],
    );
    write(
        "member-and-entry-removed",
        &edit(&|m| drop(m.drain(fstab..fstab + 2))),
        "a file of evidence is gone, and its entry too",
        &[
            "member_order",
            "entry_chain",
            "member_differs",
            "member_missing",
            "counts_differ",
            "seal_contradiction",
        ],
    );
    write(
        "member-added",
        &edit(&|m| m.insert(fstab, Raw::new(&parts.name("data/root/etc/planted"), "planted"))),
        "a file of evidence more",
        &["entry_missing", "member_unlisted", "counts_differ"],
    );
    write(
        "tag-file-added",
        &edit(&|m| m.push(Raw::new(&parts.name("README.txt"), "trust me"))),
        "a file beside the lists that none of them names",
        &["member_unlisted"],
    );
    write(
        "member-renamed",
        &edit(&|m| m[fstab].name = parts.name("data/root/etc/fstab2")),
        "a file of evidence under another name",
        &["entry_member", "member_unlisted", "member_missing"],
    );
    write(
        "members-reordered",
        &edit(&|m| {
            m.swap(fstab, crypttab);
            m.swap(fstab + 1, crypttab + 1);
        }),
        "two files of evidence, with their entries, in each other's places",
        &["member_order", "entry_chain", "member_differs", "list_differs"],
    );
    write(
        "member-duplicated",
        &edit(&|m| {
            let twin = Raw::new(&m[fstab].name, "another fstab");
            m.insert(fstab + 2, twin);
        }),
        "two members of one name: tools differ in which one they unpack",
        &["entry_missing", "member_differs", "counts_differ", "member_name"],
    );
    write(
        "member-replaced",
        &edit(&|m| m[fstab].bytes = b"/dev/sda1 / ext4 defaults 0 2\n".to_vec()),
        "a file of evidence with other bytes of the same length",
        &["entry_member", "member_differs"],
    );
    write(
        "member-time-changed",
        &edit(&|m| m[fstab].modified -= 86_400),
        "a file of evidence would be unpacked as a day older",
        &["member_time"],
    );
    write(
        "file-and-folder-of-one-name",
        &edit(&|m| m.insert(fstab, Raw::new(&parts.name("data/root/etc/hostname/x"), "x"))),
        "a file below what is itself a file: it cannot be unpacked",
        &["entry_missing", "member_name", "member_unlisted", "counts_differ"],
    );
    write(
        "outside-the-folder",
        &edit(&|m| m.insert(fstab, Raw::new("../../etc/cron.d/planted", "* * * * * root sh\n"))),
        "a member that would be unpacked elsewhere",
        &["member_name"],
    );
    let mut respelt = parts.members.clone();
    if let Some(signature) = respelt.last_mut() {
        signature.bytes =
            String::from_utf8(signature.bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    }
    write(
        "seal-signature-respelt",
        &respelt,
        "the seal's signature with other line ends",
        &["signature_form"],
    );
    write(
        "seal-signature-missing",
        &edit(&|m| drop(m.pop())),
        "the seal without its signature",
        &["tag_file", "signature_bad"],
    );
}

/// Archives that are not built as ours are.
fn structure(root: &Path, parts: &Parts) {
    let fstab = parts.at("data/root/etc/fstab");
    let write = |name: &str, sealed: &[u8], what: &str, finding: &str| {
        let vector = Vector::new(root, name, parts).sealed(sealed).old_receipt();
        vector.expect(what, "failed", &["ciphertext_differs", finding], "fails");
    };
    let lie = |change: &dyn Fn(&mut Raw)| {
        let mut members = parts.members.clone();
        change(&mut members[fstab]);
        parts.seal(&members)
    };
    write(
        "local-header-differs",
        &lie(&|m| m.local_name = Some(m.name.replace("fstab", "hosts"))),
        "a member's own header gives it another name than the directory: unzip and bsdtar unpack different files",
        "archive_headers_differ",
    );
    write(
        "hidden-member",
        &{
            let mut members = parts.members.clone();
            let mut hidden = Raw::new(&parts.name("data/root/etc/hidden"), "hidden");
            hidden.hidden = true;
            members.insert(fstab, hidden);
            parts.seal(&members)
        },
        "a member that is not in the directory",
        "archive_structure",
    );
    write(
        "bytes-between-members",
        &lie(&|m| m.gap = b"smuggled".to_vec()),
        "bytes between two members that belong to neither",
        "archive_structure",
    );
    write(
        "bytes-before-the-archive",
        &parts.encrypt(&[b"#!/bin/sh\n", &archive(&parts.members)[..]].concat()),
        "a prefix, as of a self-extracting archive",
        "archive_structure",
    );
    write(
        "bytes-behind-the-archive",
        &parts.encrypt(&[&archive(&parts.members)[..], b"more"].concat()),
        "bytes behind the end of the archive",
        "archive_structure",
    );
    write(
        "symbolic-link",
        &lie(&|m| m.mode = 0o120_777),
        "a member that unpacks as a link",
        "archive_structure",
    );
    write(
        "encrypted-flag",
        &lie(&|m| m.flags = 9),
        "a member that claims to be encrypted",
        "archive_structure",
    );
    write(
        "version-too-high",
        &lie(&|m| m.version = 99),
        "a member that asks for more than a tool can do: unzip passes over it",
        "archive_structure",
    );
    write(
        "two-times",
        &lie(&|m| m.dos_time = Some(0x21_0000)),
        "a member with two different times: tools differ in which they set",
        "archive_structure",
    );
    write(
        "not-an-archive",
        &parts.encrypt(b"not an archive at all, but long enough for one"),
        "something else",
        "archive_structure",
    );
}

/// What only the signer could do: everything is signed, and does not hang together.
fn signed_contradictions(root: &Path, parts: &Parts) {
    let fstab = parts.at("data/root/etc/fstab");
    let signer = parts.signer.clone();
    let write = |name: &str, members: &[Raw], what: &str, findings: &[&str], stock: &str| {
        let sealed = parts.seal(members);
        let vector = Vector::new(root, name, parts).sealed(&sealed);
        vector.fitting_receipt(&sealed, members, &signer, |_| ()).expect(what, "failed", findings, stock);
    };
    write(
        "wrong-count",
        &parts.resealed(parts.members.clone(), |seal| seal["counts"]["members"] = 3.into(), &signer),
        "the seal counts other members than there are",
        &["counts_differ", "tag_file"],
        "passes",
    );
    let mut unlisted = parts.members.clone();
    let (before, seal) = (unlisted.len() - 2, unlisted[unlisted.len() - 2].bytes.clone());
    unlisted.truncate(before);
    let manifest = parts.at(bag::MANIFEST);
    let text = String::from_utf8(unlisted[manifest].bytes.clone()).unwrap();
    let shorter: Vec<&str> = text.lines().filter(|line| !line.ends_with("etc/fstab")).collect();
    unlisted[manifest].bytes = format!("{}\n", shorter.join("\n")).into_bytes();
    let tags = parts.at(bag::TAG_MANIFEST);
    let relisted = |members: &[Raw], leave_out: &str| {
        let rows: Vec<(String, Digest)> = bag::TAGGED
            .iter()
            .filter(|name| **name != leave_out)
            .map(|name| ((*name).to_owned(), Digest::of(&members[parts.at(name)].bytes)))
            .collect();
        bag::list(rows.iter().map(|(name, digest)| (name.as_str(), *digest)))
    };
    unlisted[tags].bytes = relisted(&unlisted, "");
    write(
        "unlisted-member",
        &parts.with_seal(unlisted, &seal, |_| (), &signer),
        "the signed list leaves out a file of evidence",
        &["member_unlisted"],
        "fails",
    );
    let mut omits = parts.members.clone();
    omits.truncate(before);
    omits[tags].bytes = relisted(&omits, bag::PLAN);
    write(
        "list-omits-a-tag-file",
        &parts.with_seal(omits, &seal, |_| (), &signer),
        "the signed list of tag files leaves out the plan",
        &["list_incomplete"],
        "passes",
    );
    let mut unchained = parts.members.clone();
    let entry = String::from_utf8(unchained[fstab + 1].bytes.clone()).unwrap();
    let prev = entry.split("\"prev\":\"").nth(1).unwrap()[..64].to_owned();
    unchained[fstab + 1].bytes = entry.replace(&prev, &"0".repeat(64)).into_bytes();
    write(
        "entry-unchained",
        &parts.resealed(unchained, |_| (), &signer),
        "an entry does not name the one before it",
        &["entry_chain"],
        "fails",
    );
    write(
        "result-contradicts-entries",
        &parts.resealed(parts.members.clone(), |seal| seal["result"] = "partial".into(), &signer),
        "the seal says PARTIAL, and the entries say COMPLETE",
        &["seal_contradiction"],
        "passes",
    );
    let lie = |seal: &mut Value| seal["coverage"]["mounts"]["complete"] = false.into();
    write(
        "coverage-contradicts-entries",
        &parts.resealed(parts.members.clone(), lie, &signer),
        "the seal says of a collector that it is incomplete, and the entries say otherwise",
        &["seal_contradiction"],
        "passes",
    );
    let stopped = |seal: &mut Value| seal["stopped_by"] = "asked to end (SIGTERM)".into();
    write(
        "complete-although-stopped",
        &parts.resealed(parts.members.clone(), stopped, &signer),
        "the seal says that the run was stopped, and that nothing is missing",
        &["seal_contradiction"],
        "passes",
    );
    let fstab_entry = parts.entry_of("/etc/fstab");
    let lied = parts.rechained(parts.members.clone(), &fstab_entry, |entry| {
        entry["source"]["display"] = "/etc/passwd".into();
    });
    write(
        "entry-displays-another-path",
        &parts.resealed(lied, |_| (), &signer),
        "an entry shows people another path than the one it states exactly",
        &["entry_member"],
        "passes",
    );
    let mut claimed = parts.members.clone();
    claimed.remove(fstab);
    let claimed =
        parts.rechained(claimed, &fstab_entry, |entry| drop(entry.as_object_mut().unwrap().remove("member")));
    let fewer = |seal: &mut Value| {
        let members = seal["counts"]["members"].as_u64().unwrap() - 1;
        seal["counts"]["members"] = members.into();
        let bytes = seal["counts"]["bytes"].as_u64().unwrap() - 30;
        seal["counts"]["bytes"] = bytes.into();
    };
    write(
        "evidence-claimed-without-a-member",
        &parts.resealed(claimed, fewer, &signer),
        "an entry claims bytes that are nowhere, so that something required seems to be there",
        &["entry_member", "tag_file"],
        "passes",
    );
    let mut about = parts.members.clone();
    let info = parts.at(bag::BAG_INFO);
    about[info].bytes = b"External-Identifier: another\n".to_vec();
    write(
        "bag-info-of-another",
        &parts.resealed(about, |_| (), &signer),
        "the bag's own description is that of another bundle",
        &["tag_file"],
        "passes",
    );
    let stranger = parts.stranger.clone();
    let facts = SigningKey::read(&stranger, "file").unwrap().facts().unwrap();
    let facts = serde_json::to_value(facts).unwrap();
    let members = parts.resealed(parts.members.clone(), |seal| seal["signer"] = facts, &stranger);
    let sealed = parts.seal(&members);
    Vector::new(root, "other-signer", parts)
        .sealed(&sealed)
        .fitting_receipt(&sealed, &members, &stranger, |_| ())
        .expect(
            "everything made anew and signed by a key that the reader does not know",
            "unknown",
            &["signer_unknown"],
            "fails",
        );
    let members = parts.resealed(parts.members.clone(), |_| (), &stranger);
    let sealed = parts.seal(&members);
    Vector::new(root, "signer-mismatch", parts)
        .sealed(&sealed)
        .fitting_receipt(&sealed, &members, &signer, |_| ())
        .expect(
            "the seal names one key and another one signed it",
            "failed",
            &["signer_differs", "signer_unknown"],
            "fails",
        );
    let members = parts.resealed(parts.members.clone(), |_| (), &signer);
    let sealed = parts.seal(&members);
    Vector::new(root, "receipt-of-another-bundle", parts)
        .sealed(&sealed)
        .fitting_receipt(&sealed, &members, &signer, |receipt| receipt["seal_sha256"] = "0".repeat(64).into())
        .expect("a signed receipt that names another seal", "failed", &["receipt_differs"], "fails");
}
