//! The kernel's audit state beside what auditctl says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::daemons::{AuditLock, output, succeed};
use crate::support::{Bundle, Desk, entries, only_root, phi, skipped};

/// The rules that were loaded, put back at the end.
pub struct Rules {
    before: Vec<String>,
}

impl Rules {
    pub fn replace() -> Rules {
        let before =
            output("auditctl", &["-l"]).lines().filter(|l| *l != "No rules").map(str::to_owned).collect();
        succeed("auditctl", &["-D"]);
        Rules { before }
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = Command::new("auditctl").arg("-D").stdout(Stdio::null()).status();
        for rule in &self.before {
            let _ = Command::new("auditctl").args(rule.split(' ')).stdout(Stdio::null()).status();
        }
    }
}

fn load(rule: &str) {
    let args: Vec<&str> = rule.split(' ').collect();
    let done = Command::new("auditctl").args(&args).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.is_empty(), "{rule}: {said}");
}

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn collect(desk: &Desk) -> (PathBuf, Vec<Value>) {
    let ran = phi(["collect", "--quiet", "--json", "--only", "audit-state", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    let bundle = Bundle::of(&ran.json());
    desk.verify(&bundle.sealed).run().code(0);
    let opened = desk.open(&bundle);
    let all = entries(&opened).into_iter().filter(|entry| entry["collector"] == "audit-state").collect();
    (opened.join("data/live/audit-state"), all)
}

/// Whether rules can be changed at all here.
fn can_change() -> bool {
    let locked = output("auditctl", &["-s"]).lines().any(|line| line == "enabled 2");
    if locked {
        skipped("the kernel's audit rules are locked until reboot: rules that a test loads");
    }
    !locked
}

/// The kernel's audit rules, which are the test's own as long as it runs, and a place to work at. What was loaded before
/// is put back before the folders go that rules may name, and before any other test may load some.
struct Kernel {
    _rules: Rules,
    desk: Desk,
    _lock: AuditLock,
}

impl Kernel {
    /// With no rule loaded; none, and said, where a test cannot have that.
    fn without_rules() -> Option<Kernel> {
        if !only_root("audit rules") {
            return None;
        }
        let lock = AuditLock::take();
        can_change().then(|| Kernel { _rules: Rules::replace(), desk: Desk::new(), _lock: lock })
    }
}

/// A folder and a file to be watched.
fn watched(desk: &Desk) -> (PathBuf, PathBuf) {
    let (folder, file) = (desk.path("phi"), desk.path("file"));
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "made up").unwrap();
    (folder, file)
}

/// Of every kind that a hardening guide has. Rules without `arch` stand where auditctl prints them by the right table:
/// it takes the table of the rule before.
fn varied(folder: &Path, file: &Path) -> Vec<String> {
    let (folder, file) = (folder.display(), file.display());
    [
        format!("-w {file} -p wa -k identity"),
        format!("-w {folder} -p rwxa -k phi"),
        format!("-w {folder}-nothing-here -p wa"),
        format!("-a always,exit -F path={file} -F perm=x -F auid>=1000 -F auid!=-1 -F key=priv"),
        format!(
            "-a always,exit -F arch=b64 -S openat,open -F dir={folder} -F perm=r -F key=records -F key=both"
        ),
        "-a always,exit -F arch=b32 -S open,openat,creat -F exit=-EACCES -F key=access".into(),
        "-a always,exit -F arch=b32 -S open,openat,creat -F exit=-41 -F key=access".into(),
        "-a always,exit -F arch=b64 -S execve -F euid=0 -C uid!=euid -F key=root_cmd".into(),
        "-a always,exit -F arch=b64 -S pread,pwrite,newfstatat,mount -F a1=0x20 -F a2&2 -F a3&=16".into(),
        "-a always,exit -F arch=b64 -S all -F exe=/usr/bin/cat -F success=0 -F ppid=7".into(),
        "-a always,exit -F arch=b64 -S openat -F filetype=socket -F inode=5 -F devmajor=8 -F devminor=1"
            .into(),
        "-a always,exit -F arch=b64 -S kill -F sessionid=3 -F saddr_fam=10 -F subj_user=system_u".into(),
        "-a always,exit -F arch=b64 -S setuid,setgid -F gid>=100 -F obj_uid=1 -F obj_gid<2 -F pers=8".into(),
        "-a always,exit -F arch=b64 -S chown -C auid!=obj_uid -C gid=egid".into(),
        "-a never,exclude -F msgtype=CWD".into(),
        "-a always,exclude -F msgtype>=1400 -F msgtype<=1499".into(),
        "-a never,filesystem -F fstype=tracefs".into(),
        "-a always,user -F uid=33".into(),
        "-a never,task -F auid=4711".into(),
    ]
    .to_vec()
}

#[test]
fn loaded_rules_read_as_auditctl_lists_them() {
    let Some(kernel) = Kernel::without_rules() else { return };
    let desk = &kernel.desk;
    let (folder, file) = watched(desk);
    for rule in varied(&folder, &file) {
        load(&rule);
    }
    // A watch that was loaded before its folder was made is one of the name alone, and auditctl does not show it.
    fs::create_dir(desk.path("phi-nothing-here")).unwrap();
    let listed = output("auditctl", &["-l"]);
    let listed: Vec<&str> = listed.lines().collect();
    assert!(listed.len() >= 19, "{listed:#?}");
    let (members, told) = collect(desk);
    let loaded = rows(&members.join("loaded-rules.jsonl"));
    let texts: Vec<&str> = loaded.iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(texts, listed);
    assert_eq!(rows(&members.join("rules.jsonl")).len(), listed.len());

    let row = |words: &str| loaded.iter().find(|row| row["text"].as_str().unwrap().contains(words)).unwrap();
    let tree = row(" -k phi");
    assert_eq!((&tree["watch"], &tree["path_is"]), (&"tree".into(), &"a folder".into()), "{tree:#}");
    assert_eq!((&tree["permissions"], &tree["keys"][0]), (&"rwxa".into(), &"phi".into()));
    let name = row("nothing-here");
    assert_eq!((&name["watch"], &name["path_is"]), (&"name".into(), &"a folder".into()), "{name:#}");
    assert!(name["remarks"][0].as_str().unwrap().contains("own name"), "{name:#}");
    let records = row("key=records");
    assert_eq!(
        (&records["arch"], &records["calls"]),
        (&"x86_64".into(), &serde_json::json!(["open", "openat"]))
    );
    assert_eq!(records["conditions"].as_array().unwrap().len(), 4, "{records:#}");

    let derived =
        told.iter().find(|entry| entry["member"].as_str().is_some_and(|m| m.ends_with("loaded-rules.jsonl")));
    assert_eq!(derived.unwrap()["derived_from"].as_array().unwrap().len(), 2);
    let gaps: Vec<&Value> =
        told.iter().filter(|e| e["outcome"] != "collected" && e["outcome"] != "empty").collect();
    assert!(gaps.is_empty(), "{gaps:#?}");

    // The same status.
    let status: Value = serde_json::from_slice(&fs::read(members.join("status.json")).unwrap()).unwrap();
    let mut compared = 0;
    for line in output("auditctl", &["-s"]).lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        // Both change from moment to moment.
        if name == "backlog" || name == "backlog_wait_time_actual" || name == "loginuid_immutable" {
            continue;
        }
        assert_eq!(status[name].to_string(), value, "{name}: ours natively, theirs by auditctl");
        compared += 1;
    }
    assert!(compared >= 7, "{status:#}");
    assert!(status["login_uids"]["loginuid_immutable"].is_boolean(), "{status:#}");
}

/// Files of rules for the time of a test, put back at the end.
struct RulesFile {
    path: PathBuf,
    before: Option<(Vec<u8>, std::time::SystemTime)>,
}

impl RulesFile {
    fn write(path: &str, text: &str) -> RulesFile {
        let path = PathBuf::from(path);
        let changed = || fs::metadata(&path).unwrap().modified().unwrap();
        let before = fs::read(&path).ok().map(|bytes| (bytes, changed()));
        fs::write(&path, text).unwrap();
        RulesFile { path, before }
    }
}

impl Drop for RulesFile {
    fn drop(&mut self) {
        let _ = match &self.before {
            Some((before, changed)) => fs::write(&self.path, before)
                .and_then(|()| fs::File::options().write(true).open(&self.path)?.set_modified(*changed)),
            None => fs::remove_file(&self.path),
        };
    }
}

#[test]
fn the_first_line_on_disk_that_is_not_in_force_is_found() {
    let Some(kernel) = Kernel::without_rules() else { return };
    let desk = &kernel.desk;
    let (folder, file) = watched(desk);
    let lines = varied(&folder, &file);
    let text = format!("# made up\n-D\n-b 8191\n{}\n-e 2\n", lines.join("\n"));
    let _main = RulesFile::write("/etc/audit/audit.rules", &text);
    let extra = "-w /srv/added-later -p rwxa -k later\n";
    let _part = RulesFile::write("/etc/audit/rules.d/zz-phi-ir-test.rules", extra);

    // All but the locking line are loaded.
    for line in &lines {
        load(line);
    }
    let (members, told) = collect(desk);
    let difference = |members: &Path| -> Value {
        serde_json::from_slice(&fs::read(members.join("rules-difference.json")).unwrap()).unwrap()
    };
    let same = difference(&members);
    assert_eq!(
        (&same["verdict_rules"], &same["compared"][0]),
        (&"same".into(), &"/etc/audit/audit.rules".into()),
        "{same:#}"
    );
    // Not locked, as the file wants it: that must not look as if all were the same.
    assert_eq!(
        (&same["verdict_settings"], &same["verdict_order"]),
        (&"different".into(), &"same".into()),
        "{same:#}"
    );
    assert_eq!((&same["rules_on_disk"], &same["rules_loaded"]), (&lines.len().into(), &lines.len().into()));
    assert_eq!(same["not_in_audit_rules"][0]["text"], extra.trim());
    let locked = same["settings"].as_array().unwrap().iter().find(|row| row["name"] == "enabled").unwrap();
    assert_eq!((&locked["on_disk"], &locked["same"]), (&"2".into(), &false.into()), "{locked:#}");
    assert!(told.iter().all(|entry| entry["outcome"] == "collected"), "{told:#?}");
    let on_disk = rows(&members.join("disk-rules.jsonl"));
    let canonical: Vec<&str> = on_disk.iter().filter_map(|row| row["canonical"].as_str()).collect();
    let listed = output("auditctl", &["-l"]);
    assert!(listed.lines().all(|line| canonical.contains(&line)), "{canonical:#?}\n{listed}");

    // Loading stopped in the middle, and somebody put a rule of their own before the others.
    succeed("auditctl", &["-D"]);
    lines.iter().take(6).for_each(|line| load(line));
    load("-A never,exit -F arch=b64 -S openat -F auid=4711");
    let differs = difference(&collect(desk).0);
    assert_eq!(
        (&differs["verdict_rules"], &differs["first_missing"]["line"]),
        (&"different".into(), &10.into()),
        "{differs:#}"
    );
    assert_eq!(differs["only_on_disk"].as_array().unwrap().len(), lines.len() - 6);
    assert_eq!(
        differs["only_loaded"],
        serde_json::json!(["-a never,exit -F arch=b64 -S openat -F auid=4711"])
    );

    // A line that nobody can compile is not taken for one that is not there.
    let odd = RulesFile::write("/etc/audit/audit.rules", "-a always,exit -F arch=b64 -S nonesuch -k odd\n");
    let (members, told) = collect(desk);
    let unsure = difference(&members);
    assert_eq!(
        (&unsure["verdict_rules"], unsure["not_compiled"].as_array().unwrap().len()),
        (&"inconclusive".into(), 1)
    );
    assert!(
        told.iter().any(|entry| entry["outcome"] == "inconclusive" && entry["reason_code"] == "not_parsed")
    );
    drop(odd);
}

#[test]
fn without_rules_it_is_said_what_that_means() {
    let Some(kernel) = Kernel::without_rules() else { return };
    let (_, told) = collect(&kernel.desk);
    let rules = told
        .iter()
        .find(|entry| entry["member"].as_str().is_some_and(|m| m.ends_with("/rules.jsonl")))
        .unwrap();
    assert_eq!(rules["outcome"], "empty");
    assert!(
        rules["reason"].as_str().unwrap().contains("no absence in the audit log shows anything"),
        "{rules:#}"
    );
}
