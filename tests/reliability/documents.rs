//! Entries, seals, receipts and lists that are hostile.

use std::fs;

use serde_json::Value;

use crate::raw_zip::archive;
use crate::support::tool;
use crate::workbench::{Good, measured, tree};

/// Acts on a terminal, and on whoever reads lines.
const HOSTILE: &str = "x\u{1b}[2J\u{9b}31m\r\u{202e}\nverified\n  unchanged since sealing:  yes";

/// A document with one thing wrong, by name.
fn spoilt(good: &str) -> Vec<(String, Vec<u8>)> {
    let open = good.trim_end().strip_prefix('{').unwrap();
    let first = open.split(':').next().unwrap();
    let with = |more: &str| format!("{{{more},{open}").into_bytes();
    let value = |value: &str| {
        let rest = open.split_once(',').unwrap().1;
        format!("{{{first}:{value},{rest}").into_bytes()
    };
    let all: Vec<(&str, Vec<u8>)> = vec![
        ("a key twice", with(&format!("{first}:1"))),
        ("depth in a known key", value(&format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)))),
        ("depth without an end", vec![b'['; 60_000]),
        ("a float", value("1.5")),
        ("a huge number", value(&"9".repeat(400))),
        ("a huge exponent", value("1e999999999")),
        ("NaN", value("NaN")),
        ("negative", value("-1")),
        ("null", value("null")),
        ("an array", value("[]")),
        ("a lone surrogate", value("\"\\ud800\"")),
        ("a raw NUL", value("\"a\0b\"")),
        ("another text", value(&serde_json::to_string(HOSTILE).unwrap())),
        ("a byte order mark", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("bytes behind", [good.as_bytes(), b"{}"].concat()),
        ("no end", good.as_bytes()[..good.len() / 2].to_vec()),
        ("no UTF-8", [b"{\"\xff\":1,".as_slice(), open.as_bytes()].concat()),
        ("nothing", Vec::new()),
        ("more than there may be", with(&format!("\"new\":\"{}\"", "x".repeat(5 << 20)))),
    ];
    all.into_iter().map(|(what, bytes)| (what.to_owned(), bytes)).collect()
}

#[test]
fn hostile_documents_are_refused_with_json_that_stays_whole() {
    let good = Good::new();
    let room = tempfile::tempdir().unwrap();
    let mut commands = Vec::new();
    let mut tried = Vec::new();
    let mut add = |what: String, clear: &[u8], receipt: Option<&[u8]>| {
        let desk = room.path().join(tried.len().to_string());
        fs::create_dir(&desk).unwrap();
        let sealed = desk.join(format!("{}.zip.age", good.id));
        fs::write(&sealed, good.encrypt(clear)).unwrap();
        if let Some(receipt) = receipt {
            fs::write(desk.join(format!("{}.receipt.json", good.id)), receipt).unwrap();
        }
        let [verify, open, _] = good.verbs(&sealed);
        commands.extend([verify, open]);
        tried.push(what);
    };
    for name in ["plan.json", "entries/000003.json", "seal.json"] {
        let at = good.at(name);
        let text = String::from_utf8(good.members[at].bytes.clone()).unwrap();
        for (what, bytes) in spoilt(&text) {
            let mut members = good.members.clone();
            members[at].bytes = bytes;
            add(format!("{name}: {what}"), &archive(&members), None);
        }
    }
    for (what, bytes) in spoilt(std::str::from_utf8(&good.receipt).unwrap()) {
        add(format!("receipt: {what}"), &good.archive(), Some(&bytes));
    }
    let mut wrong = Vec::new();
    for (pair, what) in measured(room.path(), &commands).chunks(2).zip(&tried) {
        for run in pair {
            let told = serde_json::from_str::<Value>(&run.stdout).unwrap_or_default();
            let keys = [
                "verdict",
                "unchanged",
                "sealed_by",
                "not_later_than",
                "missing",
                "findings",
                "opened",
                "result",
            ];
            let whole = told["verdict"] == "failed" && keys.iter().all(|key| told.get(key).is_some());
            let harmless =
                !format!("{}{}", run.stdout, run.stderr).contains(['\u{1b}', '\u{9b}', '\u{202e}']);
            if run.code != 4 || !whole || !harmless || run.mebibytes > 128 || run.seconds > 60.0 {
                wrong.push(format!("{what}: {run:.600?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), tried.len(), wrong.join("\n"));
    assert!(tree(room.path()).keys().all(|name| !name.contains("/opened")), "something was unpacked");
}

/// Whoever signs with a key of their own can say what they like: it is told without acting on the terminal, and makes no
/// line of its own.
#[test]
fn what_a_receipt_says_cannot_act_on_a_terminal() {
    let good = Good::new();
    let desk = tempfile::tempdir().unwrap();
    let mut receipt: Value = serde_json::from_slice(&good.receipt).unwrap();
    let at = desk.path().join("x.receipt.json");
    let args = |verb: &str| vec![verb.to_owned(), at.to_str().unwrap().to_owned()];
    for key in ["stopped_by", "profile", "id"] {
        receipt[key] = HOSTILE.into();
    }
    receipt["complete_for"] = serde_json::json!([HOSTILE]);
    fs::write(&at, serde_json::to_vec(&receipt).unwrap()).unwrap();
    let ran = measured(desk.path(), &[args("verify")]);
    let said = format!("{}{}", ran[0].stdout, ran[0].stderr);
    assert!(said.contains("\\u{1b}[2J"), "the control: it is told: {said}");
    assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{said:?}");
    assert!(!said.lines().any(|line| line == "verified"), "{said}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("  unchanged since sealing:")).count(),
        1,
        "{said}"
    );
}

/// A pipe that never answers, sent along under the name of a receipt, of its signature, or of the sealed file.
#[test]
fn what_lies_beside_a_bundle_cannot_hang_the_reader() {
    let good = Good::new();
    let endings = ["receipt.json", "receipt.json.sig", "zip.age"];
    for pipe in endings {
        let desk = tempfile::tempdir().unwrap();
        let at = |ending: &str| desk.path().join(format!("{}.{ending}", good.id));
        fs::write(at("zip.age"), good.encrypt(&good.archive())).unwrap();
        fs::write(at("receipt.json"), &good.receipt).unwrap();
        let _ = fs::remove_file(at(pipe));
        assert_eq!(tool("mkfifo", &[at(pipe).as_os_str()]).code, 0);
        let key = good.desk.path("officer.key");
        for ending in ["zip.age", "receipt.json"] {
            let args = [
                "20".as_ref(),
                crate::support::PHI_IR.as_ref(),
                "verify".as_ref(),
                "-i".as_ref(),
                key.as_os_str(),
            ];
            let ran = tool("timeout", &[&args[..], &[at(ending).as_os_str()]].concat());
            assert!(
                ran.code == 1 && ran.stderr.contains("no regular file"),
                "{pipe}: {} {}",
                ran.code,
                ran.stderr
            );
        }
    }
}

/// Lists, keys, settings and definitions that have no end, or are a pipe: nothing is read without a bound, and nothing is
/// cut off in silence.
#[test]
fn files_that_somebody_names_are_refused_where_they_have_no_end() {
    let desk = crate::support::Desk::new();
    let host = crate::support::FakeHost::new().file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    let made = crate::support::Bundle::of(&desk.collect(&host).args(["--only", "accounts"]).run().json());
    let receipt = desk.path("receipt-alone.json");
    fs::copy(&made.receipt, &receipt).unwrap();
    let (definitions, piped) = (desk.path("definitions"), desk.path("piped"));
    fs::create_dir(&definitions).unwrap();
    fs::create_dir(&piped).unwrap();
    // Whole TOML, but for what lies behind the bound.
    let long = format!("#{}\nunknown = 1\n", "x".repeat(2 << 20));
    fs::write(definitions.join("long.toml"), &long).unwrap();
    fs::write(desk.path("long.toml"), &long).unwrap();
    assert_eq!(tool("mkfifo", &[piped.join("pipe.toml").as_os_str()]).code, 0);
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let collect = format!(
        "collect --quiet --only accounts --root {} -o {}",
        text(host.path().to_owned()),
        text(desk.out())
    );
    let (key, own) = (text(desk.path("officer.key")), format!("{collect} -r {}", desk.recipient));
    let cases = [
        (format!("verify {} --allowed-signers /dev/zero", text(receipt.clone())), "longer than 16777216"),
        (format!("verify {} -i /dev/zero", text(made.sealed.clone())), "longer than 1048576"),
        (format!("{collect} -R /dev/zero"), "longer than 16777216"),
        (format!("{own} --sign-with /dev/zero"), "longer than 1048576"),
        (format!("{own} --reason - </dev/zero"), "longer than 16777216"),
        (format!("{collect} --passphrase-fd 0 </dev/zero"), "longer than 1048576"),
        (format!("{own} --definitions {}", text(definitions)), "longer than 1048576"),
        (format!("{own} --definitions {}", text(piped.clone())), "no regular file"),
        (format!("plan -r {} # long", desk.recipient), "longer than 1048576"),
        (format!("plan -r {} # pipe", desk.recipient), "no regular file"),
        // The control: a pipe that says something and ends will do.
        (format!("verify {} -i /dev/stdin <{key}", text(made.sealed)), ""),
    ];
    for (words, said) in cases {
        let config = match words.rsplit_once('#') {
            Some((_, " long")) => text(desk.path("long.toml")),
            Some((_, " pipe")) => text(piped.join("pipe.toml")),
            _ => "/dev/null".into(),
        };
        let script = format!(
            "exec timeout 60 env PHI_IR_CONFIG={config} prlimit --as=1073741824 {} {words}",
            crate::support::PHI_IR
        );
        let ran = tool("sh", &["-c".as_ref(), script.as_ref()]);
        let wanted = if said.is_empty() { [0, 0] } else { [1, 2] };
        assert!(
            wanted.contains(&ran.code) && ran.stderr.contains(said),
            "{words}: {} {}",
            ran.code,
            ran.stderr
        );
    }
    assert_eq!(fs::read_dir(desk.out()).unwrap().count(), 3, "something was sealed");
}
