//! `keygen`

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{phi, tool};

fn args<'a>(first: &[&'a str], path: &'a Path) -> Vec<&'a std::ffi::OsStr> {
    first.iter().map(|word| std::ffi::OsStr::new(*word)).chain([path.as_os_str()]).collect()
}

#[test]
fn an_identity_is_private_and_age_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("officer.key");
    let made = phi(args(&["keygen", "-o"], &key)).run().code(0);
    assert!(made.stdout.starts_with("age1") && made.stdout.lines().count() == 1, "{}", made.stdout);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let known = tool("age-keygen", &args(&["-y"], &key));
    assert_eq!(known.stdout, made.stdout, "{}", known.stderr);
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("officer.key");
    fs::write(&key, "precious").unwrap();
    phi(args(&["keygen", "-o"], &key)).run().code(1).says("exists already").says("hint:");
    assert_eq!(fs::read_to_string(&key).unwrap(), "precious");
}

#[test]
fn a_signing_key_is_openssh_s_and_its_line_allows_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("web01.key");
    let made = phi(args(&["keygen", "--signing", "--json", "-o"], &key)).run().code(0).json();
    let fingerprint = made["fingerprint"].as_str().unwrap();
    let known = tool("ssh-keygen", &args(&["-l", "-f"], &key));
    assert!(known.stdout.contains(fingerprint), "{} {}", known.stdout, known.stderr);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    // ssh-keygen signs with the key, and finds the signer in the line.
    let allowed = dir.path().join("allowed_signers");
    fs::write(&allowed, format!("{}\n", made["allowed_signer"].as_str().unwrap())).unwrap();
    let text = dir.path().join("text");
    fs::write(&text, "text").unwrap();
    let signed =
        tool("ssh-keygen", &args(&["-Y", "sign", "-n", "seal@phi-ir", "-f", key.to_str().unwrap()], &text));
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    let signature = dir.path().join("text.sig");
    let found = tool(
        "ssh-keygen",
        &args(&["-Y", "find-principals", "-s", signature.to_str().unwrap(), "-f"], &allowed),
    );
    assert_eq!(found.stdout.trim(), "web01", "{}", found.stderr);
}

#[test]
fn an_odd_principal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("k");
    phi(args(&["keygen", "--signing", "--principal", "a b", "-o"], &key)).run().code(2).says("hint:");
    assert!(!key.exists());
}
