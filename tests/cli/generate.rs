//! `generate`, and the help of every verb.

use crate::support::phi;

const VERBS: [&str; 11] = [
    "collect",
    "plan",
    "collectors",
    "verify",
    "open",
    "access",
    "logins",
    "timeline",
    "search",
    "drill",
    "keygen",
];

#[test]
fn manual_pages_and_completions_are_printed() {
    phi(["generate", "man"]).run().code(0).says(".TH phi-ir");
    for verb in VERBS {
        phi(["generate", "man", verb]).run().code(0).says(".TH");
    }
    for shell in ["bash", "zsh", "fish"] {
        phi(["generate", "completions", shell]).run().code(0).says("phi-ir");
    }
    phi(["generate", "man", "nothing"]).run().code(2);
}

#[test]
fn every_verb_has_help_and_the_hidden_one_stays_hidden() {
    let help = phi(["--help"]).run().code(0);
    for verb in VERBS {
        assert!(help.stdout.contains(&format!("  {verb} ")), "{verb}: {}", help.stdout);
        phi([verb, "--help"]).run().code(0).says("Usage:");
    }
    assert!(!help.stdout.contains("generate"));
    phi(["--version"]).run().code(0).says(env!("CARGO_PKG_VERSION"));
    for promise in ["compliant", "tamper-proof"] {
        assert!(!help.stdout.contains(promise));
    }
}
