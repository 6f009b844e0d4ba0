//! A host that was set up by a public hardening guide, and the guide's own incident script on it, word for word, beside
//! what a collection says.
//!
//! The guide loads its rules and makes its PHI folder afterwards, by `mkdir -p /var/data/phi` and a mount. Nothing of
//! this changes the machine: `/var`, `/usr/local/bin` and `/etc/audit` are folders of the test.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::audit_host::{AuditHost, Conf, Seen, a_new_second, status};
use crate::daemons::output;
use crate::support::tool;

const RULES: &str = include_str!("fixtures/guide/hipaa.rules");
const SCRIPT: &str = include_str!("fixtures/guide/hipaa-incident-response.sh");
const KEY: &str = "phi_access";
const PHI: &str = "/var/data/phi";

/// What Debian's package of auditd brings for `/etc/audit/rules.d`.
const FIRST_RULES: &str = "-D\n-b 8192\n--backlog_wait_time 60000\n-f 1\n";

/// The host, with auditd running and the guide's rules file in place, and none loaded.
fn guided(what: &str) -> Option<AuditHost> {
    let mut host = AuditHost::without_daemon(what, Conf::default())?;
    for folder in ["var/log/audit", "var/lib", "var/tmp", "var/cache", "var/spool", "local-bin"] {
        fs::create_dir_all(host.at(folder)).unwrap();
    }
    symlink("/run", host.at("var/run")).unwrap();
    let logins =
        "Nov 21 20:19:48 clinic sshd[1]: Accepted publickey for alice from 192.0.2.7 port 4711 ssh2\n";
    fs::write(host.at("var/log/auth.log"), logins).unwrap();
    fs::write(host.at("etc/rules.d/audit.rules"), FIRST_RULES).unwrap();
    fs::write(host.at("etc/rules.d/hipaa.rules"), RULES).unwrap();
    fs::write(host.at("local-bin/hipaa-incident-response.sh"), SCRIPT).unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(host.at("local-bin/hipaa-incident-response.sh"), mode).unwrap();
    for (ours, there) in [("var", "/var"), ("log", "/var/log/audit"), ("local-bin", "/usr/local/bin")] {
        host.bind(&host.at(ours), there);
    }
    host.start_auditd();
    Some(host)
}

/// `mkdir -p /var/data/phi`, and records in it.
fn make_folder(host: &AuditHost) {
    host.done(&["mkdir", "-p", PHI]);
    host.done(&["mkdir", &format!("{PHI}/patient-records")]);
    for name in ["read", "removed", "changed"] {
        host.shell(&format!("echo made up > {PHI}/patient-records/{name}.txt"));
    }
}

/// Somebody reads, removes and changes records.
fn intrude(host: &AuditHost) {
    host.done(&["cat", &format!("{PHI}/patient-records/read.txt")]);
    host.done(&["rm", &format!("{PHI}/patient-records/removed.txt")]);
    host.shell(&format!("echo overwritten >> {PHI}/patient-records/changed.txt"));
    host.settle();
    assert_eq!((status("enabled"), status("lost")), (1, 0));
}

/// How many accesses by programs of this name the log has under the guide's key.
fn recorded(host: &AuditHost, program: &str) -> usize {
    let (comm, key) = (format!("comm=\"{program}\""), format!("key=\"{KEY}\""));
    host.log().lines().filter(|line| line.contains(&comm) && line.contains(&key)).count()
}

/// What the guide's script left behind.
struct Script {
    folder: PathBuf,
    said: String,
}

impl Script {
    fn run(host: &AuditHost) -> Script {
        let ran = host.inside(&["/usr/local/bin/hipaa-incident-response.sh"]);
        let said = format!("status {}\n{}{}", ran.code, ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("Evidence preserved to: "), "it claims to have worked: {said}");
        let mut folders = fs::read_dir(host.at("var/log/hipaa-incidents")).unwrap();
        Script { folder: folders.next().unwrap().unwrap().path(), said }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    /// That it shows nothing of what happened, and does not say so.
    #[track_caller]
    fn shows_nothing(&self) {
        // It did run what it wanted to run: sudo, and the greps.
        assert!(self.file("auth_events.txt").contains("Accepted publickey for alice"), "{}", self.said);
        assert!(self.file("routing.txt").contains("Kernel IP routing table"), "{}", self.said);
        assert_eq!(self.file("phi_access_log.txt"), "", "{}", self.said);
        assert_eq!(self.file("recently_modified_files.txt"), "", "{}", self.said);
        assert!(!self.said.contains("no match") && !self.said.contains("Invalid"), "{}", self.said);
    }
}

/// What both say, for whoever reads why a test failed.
fn side_by_side(script: &Script, seen: &Seen) -> String {
    let mut text = format!("\n== the guide's script\n{}", script.said);
    for name in ["phi_access_log.txt", "recently_modified_files.txt"] {
        let bytes = script.file(name);
        writeln!(text, "{name}: {} bytes\n{bytes}", bytes.len()).unwrap();
    }
    text.push_str("== phi-ir\n");
    for entry in seen.ausearch(KEY) {
        let of = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let display = entry["source"]["display"].as_str().unwrap();
        writeln!(text, "{display}: {} {} {}", of("outcome"), of("reason_code"), of("reason")).unwrap();
    }
    for row in seen.coverage() {
        writeln!(text, "{row}").unwrap();
    }
    text
}

/// The changed record, with the digest of what it holds now.
#[track_caller]
fn lists_the_change(host: &AuditHost, seen: &Seen, beside: &str) {
    let changed = format!("{PHI}/patient-records/changed.txt");
    let rows = seen.rows("data/live/phi-files/files-000001.jsonl");
    let row = rows.iter().find(|row| row["path"] == changed.as_str());
    let row = row.unwrap_or_else(|| panic!("{changed} is not listed{beside}"));
    let sum = host.done(&["sha256sum", &changed]);
    assert_eq!(row["sha256"], sum.split(' ').next().unwrap(), "{row:#}{beside}");
    let gone = rows.iter().any(|row| row["path"].as_str().is_some_and(|path| path.ends_with("removed.txt")));
    assert!(!gone, "{beside}");
}

/// On a fresh system there is no `/var/data` when the rules are loaded: the very first rule fails, and with it all that
/// come after it.
#[test]
fn in_the_guides_order_on_a_fresh_system_nothing_is_recorded_at_all() {
    let Some(host) = guided("a hardening guide's order") else { return };
    let loading = host.inside(&["augenrules", "--load"]);
    assert!(format!("{}{}", loading.stdout, loading.stderr).contains("No such file or directory"));
    assert_eq!(output("auditctl", &["-l"]), "No rules\n", "not one of them is loaded");
    make_folder(&host);
    let since = a_new_second();
    intrude(&host);
    assert_eq!((recorded(&host, "cat"), recorded(&host, "rm")), (0, 0));
    let script = Script::run(&host);
    script.shows_nothing();
    let seen = host.collect(Path::new(PHI), &since, &[]);
    let beside = side_by_side(&script, &seen);
    for entry in seen.ausearch(KEY) {
        assert_eq!(
            (&entry["outcome"], &entry["reason_code"]),
            (&"inconclusive".into(), &"no_rule".into()),
            "{beside}"
        );
    }
    assert_eq!(seen.ausearch(KEY).len(), 2, "{beside}");
    seen.uncovered(Path::new(PHI), "no_rule");
    lists_the_change(&host, &seen, &beside);
}

/// Where there is a `/var/data`, the rule is loaded and listed, and watches a name: of what lies in the folder that is
/// made later no reading is recorded.
#[test]
fn in_the_guides_order_the_rule_is_listed_and_reading_is_not_recorded() {
    let Some(host) = guided("a hardening guide's order, with its parent folder") else { return };
    host.done(&["mkdir", "/var/data"]);
    let loading = host.inside(&["augenrules", "--load"]);
    assert!(!format!("{}{}", loading.stdout, loading.stderr).contains("Error"), "{}", loading.stderr);
    assert!(
        output("auditctl", &["-l"]).contains(&format!("-w {PHI} -p rwxa -k {KEY}")),
        "the rule is listed"
    );
    make_folder(&host);
    let since = a_new_second();
    intrude(&host);
    assert_eq!((recorded(&host, "cat"), recorded(&host, "rm")), (0, 0));
    host.finds_nothing(KEY, &since);
    let script = Script::run(&host);
    script.shows_nothing();
    let seen = host.collect(Path::new(PHI), &since, &[]);
    let beside = side_by_side(&script, &seen);
    for entry in seen.ausearch(KEY) {
        assert_eq!(
            (&entry["outcome"], &entry["reason_code"]),
            (&"inconclusive".into(), &"not_recorded".into()),
            "{beside}"
        );
    }
    let row = seen.covering(Path::new(PHI), None);
    assert_eq!((&row["verdict"], &row["scope"]), (&"inconclusive".into(), &"name".into()), "{beside}");
    seen.uncovered(Path::new(PHI), "not_recorded");
    lists_the_change(&host, &seen, &beside);
}

/// The folder first, and then the rules: everything is recorded. The script shows nothing all the same.
#[test]
fn in_the_better_order_all_is_recorded_and_the_guides_script_still_shows_nothing() {
    let Some(host) = guided("a hardening guide, its folder made first") else { return };
    make_folder(&host);
    let loading = host.inside(&["augenrules", "--load"]);
    assert!(!format!("{}{}", loading.stdout, loading.stderr).contains("Error"), "{}", loading.stderr);
    let since = a_new_second();
    intrude(&host);
    assert!(recorded(&host, "cat") > 0 && recorded(&host, "rm") > 0, "{}", host.log());
    assert_eq!(host.ausearch(KEY, &since).code, 0);
    let script = Script::run(&host);
    script.shows_nothing();
    // As it was asked, in its own words.
    let asked = "ausearch -k phi_access -ts \"$(date -d '24 hours ago' '+%m/%d/%Y %H:%M:%S')\"";
    assert!(SCRIPT.contains(asked));
    let by_hand = tool("sh", &["-c", asked].map(std::ffi::OsStr::new));
    assert!(by_hand.code != 0 && by_hand.stdout.is_empty(), "{}", by_hand.stdout);

    let seen = host.collect(Path::new(PHI), &since, &[]);
    let beside = side_by_side(&script, &seen);
    let sealed = seen.sealed_logs();
    let has = |words: &[&str]| sealed.lines().any(|line| words.iter().all(|word| line.contains(word)));
    let key = format!("key=\"{KEY}\"");
    assert!(
        has(&["type=SYSCALL", "comm=\"cat\"", &key]) && has(&["type=SYSCALL", "comm=\"rm\"", &key]),
        "{beside}"
    );
    assert!(
        has(&["type=PATH", "removed.txt", "nametype=DELETE"]) && has(&["type=PATH", "read.txt"]),
        "{beside}"
    );
    let asked = seen.ausearch(KEY);
    assert_eq!(asked.len(), 2, "{beside}");
    for entry in asked {
        assert_eq!(entry["outcome"], "collected", "{beside}");
        let printed = seen.member(entry["member"].as_str().unwrap());
        assert!(printed.contains("read.txt") && printed.contains("removed.txt"), "{beside}\n{printed}");
    }
    lists_the_change(&host, &seen, &beside);
    let row = seen.covering(Path::new(PHI), None);
    assert_eq!((&row["verdict"], &row["canary"]), (&"covered".into(), &"seen".into()), "{beside}");
}

/// The guide mounts its encrypted volume over the folder after the rules were loaded.
#[test]
fn in_the_guides_order_the_volume_lies_over_what_is_watched() {
    let Some(host) = guided("a hardening guide's volume") else { return };
    host.done(&["mkdir", "-p", PHI]);
    let loading = host.inside(&["augenrules", "--load"]);
    assert!(!format!("{}{}", loading.stdout, loading.stderr).contains("Error"), "{}", loading.stderr);
    // Instead of /dev/mapper/phi-data.
    host.done(&["mount", "-t", "tmpfs", "phi-data", PHI]);
    make_folder(&host);
    let since = a_new_second();
    intrude(&host);
    assert_eq!((recorded(&host, "cat"), recorded(&host, "rm")), (0, 0));
    host.finds_nothing(KEY, &since);
    let script = Script::run(&host);
    script.shows_nothing();
    let seen = host.collect(Path::new(PHI), &since, &[]);
    let beside = side_by_side(&script, &seen);
    for entry in seen.ausearch(KEY) {
        assert_eq!(
            (&entry["outcome"], &entry["reason_code"]),
            (&"inconclusive".into(), &"not_recorded".into()),
            "{beside}"
        );
    }
    assert_eq!(seen.covering(Path::new(PHI), Some(Path::new(PHI)))["canary"], "absent", "{beside}");
    seen.uncovered(Path::new(PHI), "not_recorded");
    lists_the_change(&host, &seen, &beside);
}
