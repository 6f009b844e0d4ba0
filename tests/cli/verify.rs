//! `verify`

use std::fs;

use crate::support::{Desk, phi};

#[test]
fn four_answers_for_the_officer() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let ran = desk.verify(&bundle.sealed).run().code(0);
    assert_eq!(ran.stdout.lines().next(), Some("verified"));
    ran.says("unchanged since sealing:  yes")
        .says("yes, host, SHA256:")
        .says("time-stamp token")
        .says("PARTIAL");
}

#[test]
fn a_signer_that_nobody_named_is_not_known_here() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let sealed = bundle.sealed.to_str().unwrap();
    let key = desk.path("officer.key");
    let key = key.to_str().unwrap();
    let ran = phi(["verify", sealed, "-i", key]).run().code(0);
    assert_eq!(ran.stdout.lines().next(), Some("consistent; signer not known here"));
    phi(["verify", sealed, "-i", key, "--require-signer"]).run().code(4);
    let fingerprint = ran.stdout.lines().find_map(|line| line.split("SHA256:").nth(1)).unwrap();
    let fingerprint = format!("SHA256:{}", fingerprint.trim());
    phi(["verify", sealed, "-i", key, "--signer", &fingerprint, "--require-signer"])
        .run()
        .code(0)
        .says("verified");
    let other = format!("SHA256:{}", "A".repeat(43));
    let ran = phi(["verify", sealed, "-i", key, "--signer", &other]).run().code(4).says("signer_unexpected");
    assert_eq!(ran.stdout.lines().next(), Some("FAILED: not signed by the key that you named"));
    ran.says("unchanged since sealing:  yes");
    phi(["verify", sealed, "-i", key, "--signer", "abc"]).run().code(2).says("hint:");
}

#[test]
fn a_receipt_alone_says_what_it_can() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let receipt = bundle.receipt.to_str().unwrap();
    let signers = desk.path("allowed_signers");
    let signers = signers.to_str().unwrap();
    // With the sealed file beside it, without any key: the file is the one that was sealed.
    phi(["verify", receipt, "--allowed-signers", signers]).run().code(0).says("verified").says("not_opened");
    fs::remove_file(&bundle.sealed).unwrap();
    let ran = phi(["verify", receipt, "--allowed-signers", signers]).run().code(0).says("sealed_file_absent");
    assert!(ran.stdout.starts_with("receipt verified; the sealed file was not examined"), "{}", ran.stdout);
    phi(["verify", receipt, "--allowed-signers", signers, "--require-signer"]).run().code(0);
    phi(["verify", receipt]).run().code(0).says("who signed it is not known here");
    phi(["verify", receipt, "--require-signer"]).run().code(4);
}

#[test]
fn files_under_other_names_are_known_by_what_they_are() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let (sealed, receipt) = (desk.path("incident.bin"), desk.path("r.json"));
    fs::rename(&bundle.sealed, &sealed).unwrap();
    fs::rename(&bundle.receipt, &receipt).unwrap();
    fs::rename(bundle.receipt.with_extension("json.sig"), desk.path("r.json.sig")).unwrap();
    let ran = desk.verify(&sealed).run().code(0).says("receipt_missing").says("--receipt FILE");
    assert_eq!(ran.stdout.lines().next(), Some("verified"));
    let args = [std::ffi::OsStr::new("--receipt"), receipt.as_os_str()];
    let ran = desk.verify(&sealed).args(args).run().code(0);
    assert!(!ran.stdout.contains("receipt_missing"), "{}", ran.stdout);
    phi(["verify", receipt.to_str().unwrap()]).run().code(0).says("sealed_file_absent");
    phi(["verify", sealed.to_str().unwrap()]).run().code(1).says("nothing to check it with").says("hint:");
    let other = desk.path("notes.txt");
    fs::write(&other, "nothing of ours").unwrap();
    phi(["verify", other.to_str().unwrap()]).run().code(1).says("neither a sealed bundle nor a receipt");
    desk.verify(&sealed).args(["--receipt", "/nonexistent"]).run().code(1).says("/nonexistent");
}

#[test]
fn the_code_that_was_read_out_is_compared() {
    let desk = Desk::new();
    let document = desk.collect(&crate::support::FakeHost::small()).run().code(3).json();
    let bundle = crate::support::Bundle::of(&document);
    let code = document["spoken_code"].as_str().unwrap().to_ascii_uppercase().replace('-', " ");
    let ran = desk.verify(&bundle.sealed).args(["--code", &code]).run().code(0);
    assert_eq!(ran.stdout.lines().next(), Some("verified"));
    let ran = desk.verify(&bundle.sealed).args(["--code", "0000-1111-2222-3333-4444-5555"]).run().code(4);
    let ran = ran.says("unchanged since sealing:  yes").says("how the code was written down");
    assert!(
        ran.stdout.starts_with("FAILED: the receipt is not the one whose code was read out"),
        "{}",
        ran.stdout
    );
    fs::remove_file(&bundle.receipt).unwrap();
    desk.verify(&bundle.sealed).args(["--code", &code]).run().code(4).says("code_differs");
    desk.verify(&bundle.sealed).args(["--code", "xyz"]).run().code(2).says("six groups");
}

#[test]
fn a_damaged_bundle_is_never_called_complete() {
    let desk = Desk::new();
    let document =
        desk.collect(&crate::support::FakeHost::small()).args(["--only", "mounts"]).run().code(0).json();
    let bundle = crate::support::Bundle::of(&document);
    let good = desk.verify(&bundle.sealed).run().code(0);
    good.says("COMPLETE for: mounts");
    let mut bytes = fs::read(&bundle.sealed).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle.sealed, bytes).unwrap();
    let ran = desk.verify(&bundle.sealed).run().code(4);
    ran.says("missing evidence:         cannot be told").says("its receipt said COMPLETE for: mounts");
    assert!(desk.verify(&bundle.sealed).args(["--json"]).run().code(4).json()["result"].is_null());
}

#[test]
fn an_unsigned_receipt_proves_nothing_and_is_said_to() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    fs::remove_file(bundle.receipt.with_extension("json.sig")).unwrap();
    desk.verify(&bundle.sealed).run().code(0).says("verified").says("receipt_unsigned");
    let ran = phi(["verify", bundle.receipt.to_str().unwrap()]).run().code(0);
    ran.says("unchanged since sealing:  cannot be told").says("there is no good signature");
}

#[test]
fn a_missing_receipt_is_a_finding_and_no_failure() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    fs::remove_file(&bundle.receipt).unwrap();
    desk.verify(&bundle.sealed).run().code(0).says("receipt_missing").says("verified");
}

#[test]
fn the_wrong_key_is_an_error_with_a_hint_and_not_a_verdict() {
    let desk = Desk::new();
    let other = Desk::new();
    let bundle = desk.bundle();
    let key = other.path("officer.key");
    let args = ["verify", bundle.sealed.to_str().unwrap(), "-i", key.to_str().unwrap()];
    phi(args).run().code(1).says("none of the keys").says("hint:");
    phi(["verify", "/nonexistent.zip.age"]).run().code(1).says("/nonexistent.zip.age");
}

#[test]
fn json_has_the_documented_keys() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let verdict = desk.verify(&bundle.sealed).args(["--json"]).run().code(0).json();
    for key in ["verdict", "unchanged", "sealed_by", "not_later_than", "missing", "findings"] {
        assert!(!verdict[key].is_null(), "{key}");
    }
    assert_eq!(verdict["verdict"], "verified");
    assert_eq!(verdict["not_later_than"]["answer"], "unknown");
    assert!(!verdict["missing"].as_array().unwrap().is_empty());
}

/// The promise of the whole format: no byte of what is handed over can change unseen.
#[test]
fn any_changed_byte_of_the_sealed_file_or_the_receipt_fails() {
    let desk = Desk::new();
    let document =
        desk.collect(&crate::support::FakeHost::small()).args(["--only", "mounts"]).run().code(0).json();
    let bundle = crate::support::Bundle::of(&document);
    let key = fs::read_to_string(desk.path("officer.key")).unwrap();
    let identities = phi_ir::seal::envelope::Identities::parse(&key, "key").unwrap();
    let allowed = fs::read_to_string(desk.path("allowed_signers")).unwrap();
    let trust = phi_ir::seal::opened::Trust {
        allowed: Some(phi_ir::custody::signers::parse(&allowed).unwrap()),
        ..Default::default()
    };
    let now = phi_ir::clock::Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
    let holds = |path: &std::path::Path| {
        let Ok(files) = phi_ir::seal::files::BundleFiles::around(path, None) else { return false };
        match files.examine(Some(&identities), &trust, now, &mut phi_ir::seal::inspect::Nowhere) {
            Ok(examination) => examination.verdict.verdict == phi_ir::custody::verdict::Word::Verified,
            Err(_) => false,
        }
    };
    assert!(holds(&bundle.sealed), "the control: unchanged, it verifies");
    let signature = bundle.receipt.with_extension("json.sig");
    for (file, positions) in [(&bundle.sealed, 700), (&bundle.receipt, usize::MAX), (&signature, usize::MAX)]
    {
        let good = fs::read(file).unwrap();
        // The header whole, then places spread over the rest; of the small files every byte.
        let step = (good.len() / positions).max(1);
        let places = (0..good.len()).filter(|at| *at < 400.min(positions) || at % step == 0);
        let mut tried = 0;
        for at in places {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(file, &bad).unwrap();
            assert!(!holds(&bundle.sealed), "{} byte {at}", file.display());
            tried += 1;
        }
        fs::write(file, &good).unwrap();
        assert!(tried > 200, "{tried}");
    }
    assert!(holds(&bundle.sealed), "the control again");
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let script = format!("{} verify {} > /dev/full", crate::support::PHI_IR, bundle.receipt.display());
    let ran = crate::support::tool("sh", &["-c".as_ref(), script.as_ref()]).code(1);
    ran.says("could not be written to stdout");
}
