//! How a run may end when everything goes wrong: sealed and told so, or a clear error and no final name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Desk, Ran};

/// How a run ended.
pub enum Ended {
    /// A bundle that verifies; what the program said of it.
    Sealed(Value),
    /// A bundle that verifies, and an error after that: one line, with a hint.
    SealedWithError,
    /// An error before anything had its final name: one line, with a hint.
    Refused,
}

impl Ended {
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Sealed(document) if document["stopped_by"].is_string() => "sealed, stopped early",
            Ended::Sealed(_) => "sealed",
            Ended::SealedWithError => "sealed, error after that",
            Ended::Refused => "error, no final name",
        }
    }
}

/// Names in a folder that end so.
pub fn ending_in(out: &Path, end: &str) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(out) else { return vec![] };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.to_str().is_some_and(|path| path.ends_with(end))).collect()
}

/// Holds that a run into `out` ended in one of the ways in which a run may end.
#[track_caller]
pub fn held(desk: &Desk, out: &Path, ran: &Ran, what: &str) -> Ended {
    let told = || format!("{what}: exit {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("programming error") && !ran.stderr.contains("panicked"), "{}", told());
    let bundles = ending_in(out, ".zip.age");
    assert!(bundles.len() <= 1, "{}", told());
    for bundle in &bundles {
        let verified = desk.verify(bundle).run();
        assert_eq!(verified.code, 0, "{}\n{}{}", told(), verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("verified"), "{}\n{}", told(), verified.stdout);
    }
    match ran.code {
        0 | 3 => {
            assert_eq!(bundles.len(), 1, "{}", told());
            for end in [".receipt.json", ".receipt.json.sig"] {
                assert_eq!(ending_in(out, end).len(), 1, "{}", told());
            }
            assert_eq!(ending_in(out, ".partial").len(), 0, "{}", told());
            Ended::Sealed(serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", told())))
        }
        1 => {
            // What is said before it may have lost the end of its line.
            let lines = |words: &str| ran.stderr.lines().filter(|line| line.contains(words)).count();
            assert!(lines("phi-ir: ") == 1 && lines("hint: ") >= 1, "{}", told());
            if bundles.is_empty() { Ended::Refused } else { Ended::SealedWithError }
        }
        _ => panic!("{}", told()),
    }
}

/// How many ended how, in each phase.
#[derive(Default)]
pub struct Tally(BTreeMap<(String, &'static str), usize>);

impl Tally {
    pub fn add(&mut self, phase: &str, how: &'static str) {
        *self.0.entry((phase.to_owned(), how)).or_default() += 1;
    }

    pub fn of(&self, phase: &str) -> usize {
        self.0.iter().filter(|((known, _), _)| known == phase).map(|(_, count)| count).sum()
    }

    pub fn ended(&self, how: &str) -> usize {
        self.0.iter().filter(|((_, known), _)| *known == how).map(|(_, count)| count).sum()
    }

    /// Past the harness, which hides what a passing test prints.
    pub fn tell(&self, title: &str) {
        let mut text = format!("{title}\n");
        for ((phase, how), count) in &self.0 {
            text.push_str(&format!("  {phase}: {how}: {count}\n"));
        }
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
}
