//! How a run may end when everything goes wrong: sealed and told so, or a clear error and no final name. And dice, whose
//! seed is told.

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

/// xorshift64: the same seed gives the same run.
pub struct Dice(u64);

impl Dice {
    /// `PHI_IR_SEED`, or a new one each time.
    pub fn new() -> (Dice, u64) {
        let given = std::env::var("PHI_IR_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).unwrap();
            u64::from_ne_bytes(bytes) >> 32
        });
        (Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }
}

/// Whether all rounds are wanted, and not only as many as every change can wait for.
pub fn is_long() -> bool {
    std::env::var("PHI_IR_LONG").is_ok_and(|value| value == "1")
}
