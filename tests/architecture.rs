//! The architecture, held by a test: which room may use which, which dependency belongs to which module, what occurs
//! only once. Coarse (it reads text), and good enough to make a back edge visible on the day it is written.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every source file by its path below `src/`, without its unit tests.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
        // Unit tests in a file of their own say what they are for, and use what they like.
        let text = match path.file_name().is_some_and(|name| name == "tests.rs") {
            true => text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .map(|line| format!("{line}\n"))
                .collect(),
            false => text,
        };
        (name, text.split("#[cfg(test)]").next().unwrap().to_owned())
    };
    let sources: BTreeMap<String, String> = found.into_iter().map(read).collect();
    assert!(sources.len() > 50, "the tree was not found");
    sources
}

/// The room of a file: `custody/entry.rs` and `intake.rs` are of `custody` and `intake`.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Code lines, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn rooms_use_only_what_lies_before_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("clock", &[][..]),
        ("path", &[]),
        ("config", &[]),
        ("case", &["clock"]),
        ("custody", &["case", "clock", "path"]),
        ("records", &["clock", "path"]),
        ("host", &["clock", "custody", "path", "records"]),
        ("intake", &["clock", "custody", "host", "path", "records"]),
        ("collector", &["case", "clock", "config", "custody", "host", "intake", "path", "records", "view"]),
        ("view", &["clock", "custody", "path", "records"]),
        ("seal", &["case", "clock", "custody", "path"]),
        ("report", &["clock", "custody", "path", "records", "view"]),
        ("term", &["custody", "intake", "path"]),
        (
            "command",
            &[
                "case",
                "clock",
                "collector",
                "config",
                "custody",
                "host",
                "intake",
                "path",
                "records",
                "report",
                "seal",
                "term",
                "view",
            ],
        ),
        ("cli", &["command", "host", "term"]),
        ("main", &[]),
    ]);
    for (file, text) in sources() {
        if file == "lib.rs" {
            continue;
        }
        let room = room(&file);
        let allowed =
            allowed.get(room).unwrap_or_else(|| panic!("{file} stands in a room that DESIGN does not have"));
        for line in code(&text) {
            for after in line.split("crate::").skip(1) {
                let used: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(
                    used == room || allowed.contains(&used.as_str()),
                    "{file}: {room} may not use {used}: {line}"
                );
            }
        }
    }
}

#[test]
fn each_dependency_stays_in_its_module() {
    let homes: &[(&str, &[&str])] = &[
        ("age", &["seal/envelope"]),
        ("base64", &["custody/entry.rs"]),
        ("bzip2", &["records/unpack"]),
        ("chacha20poly1305", &["seal/spill"]),
        ("chrono", &["clock.rs"]),
        ("clap", &["cli.rs", "command/"]),
        (
            "flate2",
            &["collector/native/processes/kept.rs", "records/inflate.rs", "records/kept_lines.rs", "seal/"],
        ),
        ("globset", &["host/pattern.rs"]),
        ("indicatif", &["term.rs"]),
        ("libc", &["host/sys.rs"]),
        ("lz4_flex", &["records/unpack"]),
        ("memchr", &["records/"]),
        ("netstat2", &["host/cross_view.rs"]),
        ("procfs", &["records/process"]),
        ("rpassword", &["command/keys.rs"]),
        ("ruzstd", &["records/unpack"]),
        ("serde_json", &["custody/json.rs"]),
        ("sha2", &["custody/digest.rs"]),
        ("signal_hook", &["command/interrupt.rs"]),
        ("ssh_key", &["seal/signature.rs"]),
        ("syscalls", &["records/audit_rules/syscalls.rs"]),
        ("sysinfo", &["host/facts.rs"]),
        ("toml", &["config.rs"]),
        ("walkdir", &["collector/catalog.rs"]),
        ("xz4rust", &["records/unpack"]),
        ("zip", &["seal/archive.rs"]),
    ];
    let mut used = BTreeSet::new();
    for (file, text) in sources() {
        for line in code(&text) {
            for (dependency, homes) in homes {
                let path = format!("{dependency}::");
                let names_it = line.split(&path).count() > 1
                    && line.match_indices(&path).any(|(at, _)| {
                        let before = line.get(..at).unwrap().chars().next_back();
                        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                    });
                if names_it {
                    used.insert(*dependency);
                    assert!(
                        homes.iter().any(|home| file.starts_with(home)),
                        "{dependency} in {file}: {line}"
                    );
                }
            }
        }
    }
    assert_eq!(used.len(), homes.len(), "some dependency is not used at all: {used:?}");
}

#[test]
fn what_must_occur_once_occurs_once() {
    let only: &[(&str, &[&str])] = &[
        ("Utc::now", &["clock.rs"]),
        ("SystemTime::now", &[]),
        ("clock_gettime(ClockId", &["clock.rs"]),
        ("getrandom::", &[]),
        ("rustix::rand", &["seal/random.rs"]),
        ("unsafe {", &["host/sys.rs"]),
        ("println!", &[]),
        ("process::exit", &[]),
        ("Command::new(OsStr", &["host/tool.rs"]),
        ("todo!", &[]),
        ("unimplemented!", &[]),
    ];
    for (file, text) in sources() {
        for line in code(&text) {
            for (words, homes) in only {
                assert!(!line.contains(words) || homes.contains(&file.as_str()), "{words} in {file}: {line}");
            }
        }
    }
}

#[test]
fn readers_of_bundles_never_touch_a_host() {
    for (file, text) in sources() {
        const READERS: [&str; 9] = [
            "command/access",
            "command/asked",
            "command/evidence",
            "command/logins",
            "command/open",
            "command/recorded",
            "command/search",
            "command/timeline",
            "command/verify",
        ];
        // The root of an image is read as a host is, in one file.
        let is_reader =
            READERS.iter().any(|name| file.starts_with(name)) && file != "command/evidence/root.rs";
        let reads_bundles = is_reader || ["seal", "report"].contains(&room(&file));
        for line in code(&text) {
            let touches = line.contains("crate::host") || line.contains("crate::collector");
            assert!(!(reads_bundles && touches), "{file}: {line}");
        }
        if room(&file) == "collector" {
            assert!(!text.contains("crate::seal"), "{file} knows of the seal");
        }
    }
}

#[test]
fn no_file_is_too_long_and_every_module_says_what_it_is_for() {
    for (file, _) in sources() {
        let text = fs::read_to_string(Path::new("src").join(&file)).unwrap();
        assert!(text.lines().count() <= 400, "{file} has {} lines", text.lines().count());
        assert!(text.starts_with("//!"), "{file} does not say what it is for");
    }
}

#[test]
fn every_reason_code_and_outcome_is_explained_to_the_officer() {
    let explained = fs::read_to_string("docs/outcomes.md").unwrap();
    let source = fs::read_to_string("src/custody/outcome.rs").unwrap();
    let codes = source.split("pub enum ReasonCode {").nth(1).unwrap().split("\n}").next().unwrap();
    let mut count = 0;
    for line in
        codes.lines().map(str::trim).filter(|line| line.ends_with(',') && !line.starts_with(['/', '#']))
    {
        let mut word = String::new();
        for c in line.trim_end_matches(',').chars() {
            if c.is_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.push(c.to_ascii_lowercase());
        }
        if word != "unknown" {
            let rows = explained.matches(&format!("\n| `{word}` |")).count();
            assert_eq!(rows, 1, "docs/outcomes.md explains {word} in {rows} rows");
            count += 1;
        }
    }
    assert!(count > 30, "only {count} codes were found");
}
