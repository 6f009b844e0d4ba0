//! Whose PHI was touched, by whom, from where, told from what real auditd, sshd and rsyslogd have just written: two users,
//! one stolen key used without a terminal, failed passwords, and a time in which auditing was off.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::audit_host::{AuditHost, a_new_second};
use crate::daemons::{User, output, rsyslogd, sshd, succeed, until};
use crate::support::{Ran, phi};

const PORT: u16 = 22_024;
const KEY: &str = "phi_told";
const SOMEWHERE_ELSE: &str = "127.0.0.66";

/// Lets a user in with a key of their own; gives the key's fingerprint.
fn with_key(host: &AuditHost, user: &User) -> String {
    let key = host.desk.path(&user.name);
    succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let folder = user.home().join(".ssh");
    fs::create_dir(&folder).unwrap();
    fs::copy(key.with_extension("pub"), folder.join("authorized_keys")).unwrap();
    succeed("chown", &["-R", &format!("{}:", user.name), folder.to_str().unwrap()]);
    let said = output("ssh-keygen", &["-lf", key.with_extension("pub").to_str().unwrap()]);
    said.split(' ').nth(1).unwrap().to_owned()
}

/// Runs a script as a user who comes from an address, with their key.
fn ssh(host: &AuditHost, user: &User, from: &str, terminal: &str, script: &str) {
    ssh_to(host, PORT, user, from, terminal, script);
}

fn ssh_to(host: &AuditHost, port: u16, user: &User, from: &str, terminal: &str, script: &str) {
    let file = host.at(&format!("{}.sh", user.name));
    fs::write(&file, script).unwrap();
    let to = format!("-p {port} -b {from} {terminal} -o StrictHostKeyChecking=no -o LogLevel=ERROR");
    let key = host.desk.path(&user.name);
    let with = format!("-o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i '{}'", key.display());
    host.shell(&format!(
        "ssh {to} {with} {}@127.0.0.1 sh -e {} > /dev/null < /dev/null",
        user.name,
        file.display()
    ));
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(row: &Value, at: &str) -> String {
    row.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What was done: deed, path, new path.
type Deeds = BTreeSet<(String, String, String)>;

fn deeds_of(rows: &[Value], auid: u64) -> Deeds {
    let done = rows.iter().filter(|row| row["outcome"] == "ok" && row["actor"]["auid"] == auid);
    done.map(|row| (text(row, "/op"), text(row, "/path"), text(row, "/new_path"))).collect()
}

fn made_up(folder: &Path) {
    fs::create_dir(folder.join("old")).unwrap();
    for name in ["mrn-1.txt", "mrn 2.txt", "mrn-9.txt", "old/a", "old/b", "old/c"] {
        fs::write(folder.join(name), "made up\n").unwrap();
    }
    for folder in [folder, &folder.join("old")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

/// The logs as plain files, and what is asked of them.
struct Case {
    log: String,
    folder: String,
}

impl Case {
    fn of(host: &AuditHost, folder: &Path, name: &str) -> Case {
        host.settle();
        let log = host.at(name);
        fs::write(&log, host.log()).unwrap();
        Case { log: log.to_str().unwrap().to_owned(), folder: folder.to_str().unwrap().to_owned() }
    }

    fn access(&self, more: &[&str]) -> Ran {
        phi(["access", "--audit", &self.log, "--format", "jsonl", "--phi", &self.folder, "--phi-key", KEY])
            .args(auth_log())
            .args(more)
            .run()
    }
}

/// The machine's text of logins: a new machine has none until something was written to it.
fn auth_log() -> &'static [&'static str] {
    let has_one = Path::new("/var/log/auth.log").exists();
    if has_one { &["--auth", "/var/log/auth.log"] } else { &[] }
}

#[test]
fn each_file_actor_address_and_key_is_named_and_nothing_else() {
    let Some(host) = AuditHost::new("accesses told from logs of real programs") else { return };
    let _rsyslogd = rsyslogd();
    let since = a_new_second();
    let folder = host.folder("phi");
    made_up(&folder);
    let (anna, bert) = (User::add("phianna"), User::add("phibert"));
    let keys = [&anna, &bert].map(|user| with_key(&host, user));
    let uids = [&anna, &bert].map(|user| output("id", &["-u", &user.name]).trim().parse::<u64>().unwrap());
    let _sshd = sshd(PORT);
    host.watch(&folder, KEY);
    let below = |name: &str| format!("{}/{name}", folder.display());
    // One at a terminal, and a stolen key that runs one command without.
    ssh(&host, &anna, "127.0.0.1", "-tt", &format!("cat '{}'", below("mrn-1.txt")));
    let deeds =
        format!("cd '{}'; cat 'mrn 2.txt'; rm -r old; mv mrn-9.txt \"$(printf 'x\\ny')\"", folder.display());
    ssh(&host, &bert, SOMEWHERE_ELSE, "", &deeds);
    let guess = format!(
        "sshpass -p wrong ssh -p {PORT} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
         -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 phianna@127.0.0.1 true"
    );
    host.shell(&format!("! {guess}; ! {guess}"));
    until("the authentication log", || {
        let log = fs::read("/var/log/auth.log").unwrap_or_default();
        keys.iter().all(|key| log.windows(key.len()).any(|part| part == key.as_bytes()))
    });
    let case = Case::of(&host, &folder, "recorded.log");

    let ran = case.access(&[]);
    assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
    let rows = rows(&ran);
    let deed = |op: &str, path: &str| (op.to_owned(), below(path), String::new());
    assert_eq!(deeds_of(&rows, uids[0]), Deeds::from([deed("read", "mrn-1.txt")]));
    let renamed = ("rename".to_owned(), below("mrn-9.txt"), below("x\\u{a}y"));
    let expected = [
        deed("read", "mrn 2.txt"),
        deed("list", "old"),
        deed("delete", "old/a"),
        deed("delete", "old/b"),
        deed("delete", "old/c"),
        deed("rmdir", "old"),
        renamed,
    ];
    assert_eq!(deeds_of(&rows, uids[1]), Deeds::from(expected), "{}", ran.stdout);
    for (auid, address, key) in [(uids[0], "127.0.0.1", &keys[0]), (uids[1], SOMEWHERE_ELSE, &keys[1])] {
        for row in rows.iter().filter(|row| row["actor"]["auid"] == auid) {
            let told = (text(row, "/actor/label"), text(row, "/source/addr"), text(row, "/source/key_fp"));
            assert_eq!(told, ("A2".to_owned(), address.to_owned(), key.clone()), "{row:#}");
        }
    }
    let others = rows.iter().filter(|row| uids.iter().all(|uid| row["actor"]["auid"] != *uid));
    assert_eq!(others.count(), 0, "nobody else: {}", ran.stdout);

    sessions_and_tries(&case, &keys, &since);
}

/// The session without a terminal is one like the other; tries, connections and records are counts of their own.
fn sessions_and_tries(case: &Case, keys: &[String; 2], since: &str) {
    let logins = |more: &[&str]| {
        let ran =
            phi(["logins", "--audit", &case.log, "--format", "jsonl"]).args(auth_log()).args(more).run();
        assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
        rows(&ran)
    };
    let sessions = logins(&["--sessions"]);
    for (key, address, has_terminal) in [(&keys[0], "127.0.0.1", true), (&keys[1], SOMEWHERE_ELSE, false)] {
        let found: Vec<&Value> =
            sessions.iter().filter(|row| text(row, "/key_fingerprint/text") == **key).collect();
        let [session] = found.as_slice() else { panic!("{key}: {sessions:#?}") };
        let told = (text(session, "/address/text"), text(session, "/label"));
        assert_eq!(told, (address.to_owned(), "A2".to_owned()), "{session:#}");
        let terminal = text(session, "/terminal/text");
        assert_eq!(terminal.contains("pts"), has_terminal, "{session:#}");
        assert_eq!(session["ending"], "logout", "{session:#}");
    }
    // last shows the one, and has nothing of the other.
    let shown = output("last", &["-w", "-f", "/var/log/wtmp"]);
    assert!(shown.contains("phianna") && !shown.contains("phibert"), "{shown}");
    // The machine's own log may have tries of an earlier run.
    let accounts = logins(&["--by", "account", "--user", "phianna", "--since", since]);
    let anna = accounts.iter().find(|row| text(row, "/name/text") == "phianna");
    let anna = anna.unwrap_or_else(|| panic!("{accounts:#?}"));
    assert_eq!(anna["rejected"]["password"], 2, "{anna:#}");
    assert_eq!(anna["accepted"]["publickey"], 1, "{anna:#}");
}

#[test]
fn what_tmux_does_after_the_logout_is_not_pinned_on_the_session_that_began_it() {
    let Some(host) = AuditHost::new("what a terminal multiplexer does after the logout") else { return };
    let _rsyslogd = rsyslogd();
    let folder = host.folder("phi");
    made_up(&folder);
    let user = User::add("phitmux");
    with_key(&host, &user);
    let _sshd = sshd(PORT + 1);
    host.watch(&folder, KEY);
    let read = |name: &str| format!("cat '{}/{name}' > /dev/null", folder.display());
    let left = host.at("left.sh");
    fs::write(&left, format!("sleep 5; {}\n", read("mrn-9.txt"))).unwrap();
    let script = format!("{}; tmux -L phitmux new-session -d sh '{}'", read("mrn-1.txt"), left.display());
    ssh_to(&host, PORT + 1, &user, "127.0.0.1", "", &script);
    until("what tmux was left to do", || host.log().contains("mrn-9.txt"));
    let case = Case::of(&host, &folder, "recorded.log");
    let rows = rows(&case.access(&[]));
    let of = |name: &str| {
        let found = rows.iter().find(|row| text(row, "/path").ends_with(name) && row["op"] == "read");
        found.unwrap_or_else(|| panic!("{rows:#?}"))
    };
    assert_eq!(text(of("mrn-1.txt"), "/actor/label"), "A2");
    let later = of("mrn-9.txt");
    assert_eq!((text(later, "/actor/label"), later.get("source")), ("C".to_owned(), None), "{later:#}");
    assert!(later["actor"]["flags"].as_array().unwrap().contains(&"after_session_end".into()), "{later:#}");
    assert_eq!(text(later, "/candidates/0/addr"), "127.0.0.1", "{later:#}");
}

#[test]
fn a_time_without_auditing_is_not_recorded_and_not_quiet() {
    let Some(host) = AuditHost::new("a time in which auditing was off") else { return };
    let folder = host.folder("phi");
    host.watch(&folder, KEY);
    host.mark("before");
    let since = a_new_second();
    succeed("auditctl", &["-e", "0"]);
    sleep(Duration::from_millis(1_100));
    // Nobody will ever know.
    host.shell(&format!("cat '{}/a.txt' > /dev/null", folder.display()));
    let until = a_new_second();
    succeed("auditctl", &["-e", "1"]);
    let case = Case::of(&host, &folder, "recorded.log");
    let off = case.access(&["--since", &since, "--until", &until]);
    assert_eq!(off.code, 3, "{}", off.stderr);
    assert_eq!(off.stdout, "");
    assert!(off.stderr.contains("off") && !off.stderr.contains("would have been recorded"), "{}", off.stderr);
    // And the control: while it was on, the same reading is there.
    host.shell(&format!("cat '{}/a.txt' > /dev/null", folder.display()));
    let case = Case::of(&host, &folder, "recorded-later.log");
    let on = rows(&case.access(&["--since", &until]));
    assert!(on.iter().any(|row| row["op"] == "read" && text(row, "/path").ends_with("/a.txt")), "{on:#?}");
}
