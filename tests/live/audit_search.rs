//! What `search` finds in a log that real auditd has just written, beside what ausearch finds in it: the same events, by
//! their time and number, for every filter that both have.
//!
//! Where the two may differ, ausearch is at fault, and each case is shown below or ruled out by how it is asked:
//! - ausearch gives the records of one event in pieces (its LOGIN records apart from their system call): sets of numbers
//!   are compared, never how often each is told.
//! - ausearch `--raw` is not what was logged: it puts a byte behind records that were not enriched. Ours is, line by line.
//! - ausearch stops at the first number that is missing in a rotation, and never reads what is packed: shown.
//! - ausearch `-k`, `-c` and `-x` find parts of words unless told `-w`; ours does not find parts.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::audit_host::{AuditHost, at};
use crate::daemons::{User, output, sshd, succeed};
use crate::support::phi;

const PORT: u16 = 22_026;

/// What happens: openings, deletions, renames and changes of rights; by programs that name files in every way.
const DEEDS: &str = "
cd \"$PHI\"; cat a.txt 'mrn 4711.txt' > /dev/null; cat \"$PHI/b.txt\" > /dev/null; cp a.txt d.txt; mv d.txt e.txt
sed -i s/made/was/ e.txt; chmod 600 e.txt; truncate -s 3 e.txt; ln e.txt f.txt; ln -s e.txt g.txt; rm g.txt
mkdir -p sub/deep; for n in 1 2 3 4 5 6 7 8; do echo $n > sub/deep/$n; done
cd /; find \"$PHI/sub\" -name 1 -delete; mv \"$PHI/sub/deep/2\" \"$PHI/sub\"; rm -r \"$PHI/sub\"
cd \"$WORK\"; rm a.txt; mv b.txt d.txt; rm -f c.txt d.txt
python3 -c 'import os,sys; d = os.open(sys.argv[1], os.O_RDONLY); os.close(os.open(\"b.txt\", os.O_RDONLY, dir_fd=d))' \"$PHI\"
rsync -a \"$PHI/\" \"$WORK/away/\"
";

/// A log of these deeds, and of logins that did and did not succeed.
struct Recorded {
    host: AuditHost,
    user: User,
    log: String,
    folder: String,
}

fn recorded() -> Option<Recorded> {
    let host = AuditHost::new("search beside ausearch")?;
    let (phi_folder, work) = (host.folder("phi"), host.folder("work"));
    fs::write(phi_folder.join("mrn 4711.txt"), "made up\n").unwrap();
    fs::set_permissions(&phi_folder, fs::Permissions::from_mode(0o755)).unwrap();
    host.watch(&phi_folder, "phi_access");
    let calls = "-S unlink -S unlinkat -S rename -S renameat -S renameat2";
    host.load(&format!("-a always,exit -F arch=b64 -F dir={} {calls} -k file_deletion", work.display()));
    host.load("-a always,exit -F arch=b64 -S execve -k exec");
    let user = User::add("phisearch");
    let _sshd = sshd(PORT);
    let folder = phi_folder.to_str().unwrap().to_owned();
    host.shell(&format!("PHI='{folder}' WORK='{}'\n{DEEDS}", work.display()));
    logins(&host, &user, &phi_folder);
    host.settle();
    let log = host.at("recorded.log");
    fs::write(&log, host.log()).unwrap();
    Some(Recorded { log: log.to_str().unwrap().to_owned(), host, user, folder })
}

fn logins(host: &AuditHost, user: &User, phi_folder: &Path) {
    let key = host.desk.path("stolen");
    succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let ssh_folder = user.home().join(".ssh");
    fs::create_dir(&ssh_folder).unwrap();
    fs::copy(key.with_extension("pub"), ssh_folder.join("authorized_keys")).unwrap();
    succeed("chown", &["-R", "phisearch:", ssh_folder.to_str().unwrap()]);
    let to =
        format!("-p {PORT} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR");
    let read = format!("cat {0}/a.txt {0}/e.txt; rm -f {0}/b.txt; true", phi_folder.display());
    host.shell(&format!("ssh {to} -i '{}' phisearch@127.0.0.1 '{read}' 2> /dev/null", key.display()));
    let guess = format!("sshpass -p wrong ssh {to} -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1");
    for who in ["mallory", "phisearch"] {
        host.shell(&format!("! {guess} {who}@127.0.0.1 true 2> /dev/null"));
    }
    host.shell("echo phisearch:made-up | chpasswd");
    let by_password = guess.replace("wrong", "made-up");
    host.shell(&format!("{by_password} phisearch@127.0.0.1 true 2> /dev/null"));
    host.shell("su phisearch -c true; sudo -u phisearch true");
    host.shell(
        "! echo wrong | setpriv --reuid 65534 --regid 65534 --clear-groups su root -c true 2> /dev/null",
    );
}

impl Recorded {
    fn ausearch(&self, args: &[&str]) -> Vec<u8> {
        let all = [&["ausearch", "-if", &self.log][..], args, &["--raw"]].concat();
        self.host.inside(&all).raw
    }

    fn theirs(&self, args: &[&str]) -> BTreeSet<String> {
        let raw = String::from_utf8_lossy(&self.ausearch(args)).into_owned();
        let ids = raw.lines().filter_map(|line| Some(line.split_once("audit(")?.1.split_once(')')?.0));
        ids.map(str::to_owned).collect()
    }

    fn search(&self, args: &[&str]) -> Vec<u8> {
        let ran = phi(["search", "--audit", &self.log]).args(args).run();
        assert!(matches!(ran.code, 0 | 3), "{args:?}: {}", ran.stderr);
        ran.raw
    }

    fn ours(&self, args: &[&str]) -> BTreeSet<String> {
        let ids = String::from_utf8(self.search(&[args, &["--format", "ids"]].concat())).unwrap();
        let set: BTreeSet<String> = ids.lines().map(str::to_owned).collect();
        assert_eq!(set.len(), ids.lines().count(), "each number once: {args:?}");
        set
    }

    #[track_caller]
    fn same(&self, theirs: &[&str], ours: &[&str], least: usize) {
        let (known, found) = (self.theirs(theirs), self.ours(ours));
        let missing: Vec<_> = known.difference(&found).take(5).collect();
        let more: Vec<_> = found.difference(&known).take(5).collect();
        assert!(missing.is_empty() && more.is_empty(), "{theirs:?}: not found {missing:?}, more {more:?}");
        assert!(known.len() >= least, "{theirs:?}: {} are too few to show anything", known.len());
    }

    /// Rows of a report of aureport's.
    fn rows(&self, report: &str) -> usize {
        let ran = self.host.inside(&["aureport", "-if", &self.log, report]);
        let is_row =
            |line: &&str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        ran.stdout.lines().filter(is_row).count()
    }

    /// Of the first line that holds all words, the number behind a name.
    fn number(&self, words: &[&str], name: &str) -> String {
        let log = fs::read(&self.log).unwrap();
        let log = String::from_utf8_lossy(&log);
        let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
        let line = line.unwrap_or_else(|| panic!("no line with {words:?}"));
        line.split_once(name).unwrap().1.split(' ').next().unwrap().to_owned()
    }
}

#[test]
fn every_filter_finds_what_ausearch_finds() {
    let Some(log) = recorded() else { return };
    let uid = output("id", &["-u", &log.user.name]).trim().to_owned();
    let session = log.number(&["type=LOGIN", &format!(" auid={uid} ")], " ses=");
    let pid = log.number(&["type=SYSCALL", "comm=\"cat\"", "key=\"phi_access\""], " pid=");
    log.same(&[], &[], 200);
    log.same(&["-k", "phi_access"], &["--key", "phi_access"], 40);
    log.same(&["-k", "phi_access", "-w"], &["--key", "phi_access"], 40);
    log.same(&["-k", "file_deletion"], &["--key", "file_deletion"], 4);
    log.same(&["-k", "exec"], &["--key", "exec"], 15);
    log.same(&["-ul", &uid], &["--user", &uid], 8);
    log.same(&["-ui", &uid], &["--uid", &uid], 5);
    log.same(&["--session", &session], &["--session", &session], 5);
    log.same(&["-sc", "257"], &["--syscall", "257"], 15);
    log.same(&["-sc", "openat"], &["--syscall", "openat"], 15);
    log.same(&["-p", &pid], &["--pid", &pid], 2);
    log.same(&["-c", "cat", "-w"], &["--comm", "cat"], 5);
    log.same(&["-x", "/usr/bin/rm", "-w"], &["--exe", "/usr/bin/rm"], 5);
    log.same(&["-sv", "yes"], &["--success", "yes"], 100);
    log.same(&["-sv", "no"], &["--success", "no"], 5);
    log.same(&["-m", "USER_LOGIN"], &["--type", "USER_LOGIN"], 1);
    log.same(&["-m", "USER_AUTH"], &["--type", "USER_AUTH"], 2);
    log.same(&["-hn", "127.0.0.1"], &["--addr", "127.0.0.1"], 4);
    log.same(&["-f", &log.folder], &["--path", &log.folder], 40);
    log.same(
        &["-k", "phi_access", "-c", "cat", "-w", "-sv", "no"],
        &["--key", "phi_access", "--comm", "cat", "--success", "no"],
        1,
    );
    one_second(&log);
}

fn one_second(log: &Recorded) {
    let text = fs::read(&log.log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let second = text.lines().find(|line| line.contains("phi_access")).and_then(at).unwrap();
    let spoken = |form: &str| {
        let at = format!("@{second}");
        let said =
            std::process::Command::new("date").env("LC_ALL", "C").args(["-u", "-d", &at, form]).output();
        String::from_utf8(said.unwrap().stdout).unwrap().trim().to_owned()
    };
    let (date, time, ours) = (spoken("+%x"), spoken("+%T"), spoken("+%F %T"));
    let theirs = ["-ts", &date, &time, "-te", &date, &time];
    log.same(&theirs, &["--since", &ours, "--until", &ours], 5);
}

#[test]
fn the_records_are_the_bytes_that_were_logged_and_those_of_ausearch_are_not() {
    let Some(log) = recorded() else { return };
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    let logged = fs::read(&log.log).unwrap();
    assert!(sorted(&log.search(&["--format", "raw"])) == sorted(&logged), "what was logged, line by line");
    assert!(
        sorted(&log.ausearch(&[])) != sorted(&logged),
        "ausearch has learnt to leave records as they are"
    );
    // Times never fall.
    let ids = String::from_utf8(log.search(&["--format", "ids"])).unwrap();
    let times: Vec<&str> = ids.lines().map(|id| id.split(':').next().unwrap()).collect();
    assert!(times.is_sorted());
}

#[test]
fn the_rows_of_aureport_are_ours() {
    let Some(log) = recorded() else { return };
    let of = |kind: &str| log.ours(&["--type", kind]).len();
    assert_eq!(log.rows("-au"), of("USER_AUTH"));
    assert_eq!(log.rows("-l"), of("USER_LOGIN"));
    assert_eq!(log.rows("-f"), of("PATH"));
    let rows = String::from_utf8(log.search(&["--format", "jsonl"])).unwrap();
    let programs = rows.lines().filter(|row| {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        row["exe"].is_string()
    });
    assert_eq!(log.rows("-x"), programs.count());
}

#[test]
fn a_rotation_with_a_gap_and_packed_files_are_searched_whole() {
    let Some(log) = recorded() else { return };
    let text = fs::read(&log.log).unwrap();
    let half = text.len() / 2;
    let cut = half + text[half..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let root = log.host.at("image");
    let folder = root.join("var/log/audit");
    fs::create_dir_all(&folder).unwrap();
    let whole = log.ours(&[]);
    // audit.log.1 is gone, and what is older is packed.
    fs::write(folder.join("audit.log"), &text[cut..]).unwrap();
    fs::write(folder.join("audit.log.2"), &text[..cut]).unwrap();
    log.host.bind(&folder, "/var/log/audit");
    let theirs = log.host.inside(&["ausearch", "--input-logs", "--raw"]);
    assert!(theirs.stdout.lines().count() < text[cut..].split(|byte| *byte == b'\n').count() + 5);
    let found = |args: &[&str]| {
        let ran = phi(["search", "--root", root.to_str().unwrap(), "--format", "ids"]).args(args).run();
        ran.stdout.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(found(&[]), whole);
    succeed("gzip", &[folder.join("audit.log.2").to_str().unwrap()]);
    let packed = log.host.inside(&["ausearch", "-if", "/var/log/audit/audit.log.2.gz", "--raw"]);
    assert!(!packed.stdout.contains("audit("), "ausearch has learnt to unpack");
    assert_eq!(found(&[]), whole);
}
