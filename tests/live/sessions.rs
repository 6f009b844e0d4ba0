//! Who is on: multiplexers and logins that this test begins, beside what tmux, screen and who say of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemons::{User, output, sshd, succeed, until};
use crate::support::{Bundle, Desk, PHI_IR, entries, only_root, phi, tool};

const PORT: u16 = 22_023;

fn collect(desk: &Desk) -> PathBuf {
    let ran = phi(["collect", "--quiet", "--json", "--only", "sessions-live", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    for entry in entries(&opened).iter().filter(|entry| entry["collector"] == "sessions-live") {
        assert!(entry["outcome"] == "collected" || entry["outcome"] == "empty", "{entry:#}");
    }
    opened.join("data/live/sessions-live")
}

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A tmux server of its own, ended with the test.
struct Tmux {
    name: String,
    clients: Vec<Child>,
}

impl Tmux {
    fn start(name: &str) -> Tmux {
        let name = format!("phi-ir-{name}-{}", std::process::id());
        succeed("tmux", &["-f", "/dev/null", "-L", &name, "new-session", "-d", "-s", "one", "sleep 600"]);
        succeed("tmux", &["-L", &name, "new-session", "-d", "-s", "two", "sleep 600"]);
        Tmux { name, clients: Vec::new() }
    }

    fn attach(&mut self, session: &str) {
        let attach = format!("tmux -L {} attach -t {session}", self.name);
        // Its input stays open: at its end script would end the client.
        let child = Command::new("script")
            .args(["-q", "-c", &attach, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.clients.push(child);
        let wanted = self.clients.len();
        until("a tmux client", || self.says(&["list-clients"]).lines().count() == wanted);
    }

    fn says(&self, args: &[&str]) -> String {
        output("tmux", &[&["-L", &self.name], args].concat())
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.name, "kill-server"]).status();
        for child in &mut self.clients {
            let _ = child.kill();
            let _ = child.wait();
        }
        // A server that is ended leaves its socket behind at times.
        let socket = PathBuf::from("/tmp/tmux-0").join(&self.name);
        let deadline = Instant::now() + Duration::from_secs(2);
        while socket.exists() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
        let _ = fs::remove_file(socket);
    }
}

/// A number and a terminal on each line.
fn pairs(text: &str) -> Vec<(u64, String)> {
    let mut pairs: Vec<(u64, String)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(pid, terminal)| (pid.parse().unwrap(), terminal.trim_start_matches("/dev/").to_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn tmux_servers_are_found_with_their_clients_and_panes() {
    if !only_root("the descriptors of other processes") {
        return;
    }
    let (mut attached, detached) = (Tmux::start("attached"), Tmux::start("detached"));
    attached.attach("one");
    attached.attach("two");
    let desk = Desk::new();
    let all = rows(&collect(&desk).join("multiplexers.jsonl"));
    for (tmux, clients) in [(&attached, 2), (&detached, 0)] {
        let pid: u64 = tmux.says(&["display-message", "-p", "-t", "one", "#{pid}"]).trim().parse().unwrap();
        let row = all.iter().find(|row| row["pid"] == pid).expect("the server is not found");
        assert_eq!((&row["kind"], &row["role"]), (&"tmux".into(), &"server".into()), "{row:#}");
        let socket = &row["sockets"][0];
        assert!(socket["path"].as_str().unwrap().ends_with(&tmux.name), "{row:#}");
        assert_eq!(
            (&socket["stat"]["uid"], socket["stat"]["mode"].as_str().unwrap().starts_with("140")),
            (&0.into(), true)
        );
        let theirs = pairs(&tmux.says(&["list-clients", "-F", "#{client_pid} #{client_tty}"]));
        assert_eq!(theirs.len(), clients);
        let ours = |key: &str| -> Vec<Value> { row[key].as_array().unwrap().clone() };
        let pids: Vec<Value> = theirs.iter().map(|(pid, _)| (*pid).into()).collect();
        let mut found = ours("clients");
        found.sort_by_key(|pid| pid.as_u64());
        assert_eq!(found, pids, "{row:#}");
        let mut terminals: Vec<Value> = theirs.iter().map(|(_, terminal)| terminal.clone().into()).collect();
        terminals.sort_by_key(ToString::to_string);
        assert_eq!(ours("attached"), terminals, "{row:#}");
        let mut panes: Vec<(u64, String)> = ours("panes")
            .iter()
            .map(|pane| (pane["pid"].as_u64().unwrap(), pane["terminal"].as_str().unwrap().to_owned()))
            .collect();
        panes.sort();
        assert_eq!(panes, pairs(&tmux.says(&["list-panes", "-a", "-F", "#{pane_pid} #{pane_tty}"])));
        for (client, terminal) in theirs {
            let row = all.iter().find(|row| row["pid"] == client).expect("a client is not found");
            assert_eq!((&row["role"], &row["server"]), (&"client".into(), &pid.into()), "{row:#}");
            assert_eq!(row["terminal"], terminal);
        }
    }
}

/// A detached screen, ended with the test.
struct Screen(String);

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("screen").args(["-S", &self.0, "-X", "quit"]).stdout(Stdio::null()).status();
    }
}

#[test]
fn a_detached_screen_is_found() {
    if !only_root("the descriptors of other processes") {
        return;
    }
    let name = format!("phi-ir-test-{}", std::process::id());
    succeed("screen", &["-dmS", &name, "sleep", "600"]);
    let screen = Screen(name);
    let mut line = String::new();
    until("screen to list it", || {
        let listed = output("screen", &["-ls"]);
        line = listed.lines().find(|line| line.contains(&screen.0)).unwrap_or_default().trim().to_owned();
        line.contains("Detached")
    });
    let (pid, _) = line.split_once('.').unwrap();
    let desk = Desk::new();
    let all = rows(&collect(&desk).join("multiplexers.jsonl"));
    let number: u64 = pid.parse().unwrap();
    let row = all.iter().find(|row| row["pid"] == number).expect("screen is not found");
    assert_eq!((&row["kind"], &row["role"]), (&"screen".into(), &"server".into()), "{row:#}");
    assert!(row["sockets"][0]["path"].as_str().unwrap().ends_with(&format!("{pid}.{}", screen.0)), "{row:#}");
    assert!(
        row["attached"].as_array().unwrap().is_empty() && row["panes"].as_array().unwrap().len() == 1,
        "{row:#}"
    );
}

struct Login(Child);

impl Drop for Login {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn logins_over_ssh_are_found_with_a_terminal_and_without() {
    if !only_root("an sshd and a user of its own") {
        return;
    }
    let desk = Desk::new();
    let user = User::add("phisession");
    let _utmp = Utmp::booted();
    let _sshd = sshd(PORT);
    let key = desk.path("key");
    succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let folder = user.home().join(".ssh");
    fs::create_dir(&folder).unwrap();
    fs::copy(key.with_extension("pub"), folder.join("authorized_keys")).unwrap();
    succeed("chown", &["-R", "phisession:", folder.to_str().unwrap()]);
    succeed("chmod", &["700", folder.to_str().unwrap()]);
    let port = PORT.to_string();
    let login = |more: &[&str], seconds: &str| {
        let child = Command::new("ssh")
            .args([
                "-p",
                &port,
                "-i",
                key.to_str().unwrap(),
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "BatchMode=yes",
            ])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=QUIET"])
            .args(more)
            .args(["phisession@127.0.0.1", "exec", "sleep", seconds])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Login(child)
    };
    let _silent = login(&[], "611");
    let _typed = login(&["-tt"], "612");
    let runs = |seconds: &str| {
        output("pgrep", &["-u", "phisession", "-f", &format!("^sleep {seconds}")]).trim().to_owned()
    };
    until("both logins", || !runs("611").is_empty() && !runs("612").is_empty());
    let members = collect(&desk);
    let sessions = rows(&members.join("sessions.jsonl"));
    let of = |pid: &str| {
        let number: u64 = pid.parse().unwrap();
        let holds = |row: &&Value| row["processes"].as_array().unwrap().iter().any(|one| *one == number);
        sessions.iter().find(holds).unwrap_or_else(|| panic!("no session of {pid}: {sessions:#?}"))
    };
    let uid = output("id", &["-u", "phisession"]).trim().to_owned();
    let (silent, typed) = (of(&runs("611")), of(&runs("612")));
    for (row, seconds) in [(silent, "611"), (typed, "612")] {
        let theirs = fs::read_to_string(format!("/proc/{}/sessionid", runs(seconds))).unwrap();
        assert_eq!(row["audit_session"].to_string(), theirs.trim(), "{row:#}");
        assert_eq!(
            (row["login_uid"].to_string(), &row["name"]),
            (uid.clone(), &"phisession".into()),
            "{row:#}"
        );
        assert!(row["evidence"].as_array().unwrap().contains(&"sshd".into()), "{row:#}");
        assert!(!row["sshd"].as_array().unwrap().is_empty() && row["started"].is_string());
    }
    assert_ne!(silent["audit_session"], typed["audit_session"]);
    assert!(silent["terminals"].as_array().unwrap().is_empty(), "{silent:#}");
    let terminal = output("ps", &["-o", "tty=", "-p", &runs("612")]);
    assert_eq!(typed["terminals"], serde_json::json!([terminal.trim()]));
    let listed = rows(&members.join("terminals.jsonl"));
    let own =
        listed.iter().find(|row| row["path"] == format!("/dev/{}", terminal.trim())).expect("no terminal");
    assert_eq!(own["uid"].to_string(), uid);
    // utmp has only the one with a terminal.
    let theirs = || {
        let all = words_of(&output("sh", &["-c", WHO]));
        all.into_iter().filter(|words| words[0].starts_with("phisessi")).collect::<Vec<_>>()
    };
    until("sshd to write utmp", || !theirs().is_empty());
    let who = theirs();
    assert_eq!((who.len(), who[0][1].as_str()), (1, terminal.trim()), "{who:?}");
}

/// Makes, of utmpdump's own text, the records it stands for.
fn made_of(lines: &str, records: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text");
    fs::write(&text, lines).unwrap();
    succeed("utmpdump", &["-r", "-o", records.to_str().unwrap(), text.to_str().unwrap()]);
}

/// /run/utmp with a boot in it, for sshd to write to; what was there is put back.
struct Utmp(Option<Vec<u8>>);

const UTMP: &str = "/run/utmp";

impl Utmp {
    fn booted() -> Utmp {
        let utmp = Utmp(fs::read(UTMP).ok());
        let boot = record(2, 0, "~~", "reboot", "~", "6.1.0", "2026-11-01T00:00:00,000000+00:00");
        made_of(&boot, Path::new(UTMP));
        utmp
    }
}

impl Drop for Utmp {
    fn drop(&mut self) {
        let _ = match &self.0 {
            Some(before) => fs::write(UTMP, before),
            None => fs::remove_file(UTMP),
        };
    }
}

/// A line of utmpdump's; times are UTC.
fn record(kind: u8, pid: u32, id: &str, user: &str, line: &str, host: &str, time: &str) -> String {
    format!("[{kind}] [{pid:05}] [{id:4}] [{user:8}] [{line:12}] [{host:20}] [192.0.2.7      ] [{time}]\n")
}

/// What `who` prints in UTC: user, line, month, day, time of day, and the host in brackets if there is one.
fn words_of(who: &str) -> Vec<Vec<String>> {
    who.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

const WHO: &str = "env -i LC_ALL=C TZ=UTC who";

/// A row of ours as who would print it.
fn in_who_s_words(row: &Value) -> Vec<String> {
    let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
    let when = output("date", &["-u", "-d", &format!("@{}", row["seconds"]), "+%b %-d %H:%M"]);
    let host = Some(text("host")).filter(|host| !host.is_empty()).map(|host| format!("({host})"));
    let words = [text("user"), text("line")].into_iter();
    words.chain(when.split_whitespace().map(str::to_owned)).chain(host).collect()
}

/// Known differences: who leaves out what is no login, and, asked without a file, logins whose process is gone. We have
/// every record.
#[test]
fn whom_who_shows_is_in_our_table_and_nobody_else() {
    if !only_root("/run/utmp") {
        return;
    }
    let sleeper = || Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let on: Vec<Login> = (0..5).map(|_| Login(sleeper())).collect();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let time = |n: usize| format!("2026-11-0{}T0{n}:1{n}:00,000000+00:00", n + 1);
    let mut lines = record(2, 0, "~~", "reboot", "~", "6.1.0", &time(0));
    for (n, login) in on.iter().enumerate() {
        let host = if n % 2 == 0 { format!("ward{n}.example") } else { String::new() };
        let (id, user, line) = (format!("t{n}"), format!("phiwho{n}"), format!("pts/7{n}"));
        lines += &record(7, login.0.id(), &id, &user, &line, &host, &time(n));
    }
    lines += &record(7, gone.id(), "tg", "phigone", "pts/79", "", &time(6));
    lines += &record(8, gone.id(), "td", "", "pts/78", "", &time(6));
    lines += &record(6, gone.id(), "tl", "LOGIN", "tty9", "", &time(6));
    let desk = Desk::new();
    let (records, live, all) = (desk.path("utmp"), desk.path("live"), desk.path("all"));
    made_of(&lines, &records);
    // A /run of their own: other tests' sshd and tmux write to the machine's utmp meanwhile.
    let script = format!(
        "unset PHI_IR_CONFIG; mount -t tmpfs apart /run; cp {} {UTMP}; {WHO} > {}; {WHO} {UTMP} > {}; \
         exec {PHI_IR} collect --quiet --json --no-tools --only login-records -r {} -o {}",
        records.display(),
        live.display(),
        all.display(),
        desk.recipient,
        desk.out().display()
    );
    let ran = tool("unshare", &["-m", "sh", "-ec", &script].map(std::ffi::OsStr::new));
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let [live, all] = [live, all].map(|said| words_of(&fs::read_to_string(said).unwrap()));
    let rows = rows(&desk.open(&Bundle::of(&ran.json())).join("data/view/login-records.jsonl"));
    let of_utmp: Vec<&Value> = rows.iter().filter(|row| row["file"] == UTMP).collect();
    let logins: Vec<&&Value> = of_utmp.iter().filter(|row| row["kind"] == "user").collect();
    let ours: Vec<Vec<String>> = logins.iter().map(|row| in_who_s_words(row)).collect();
    assert!(live.len() >= 5 && all.len() >= 6, "who shows {live:?}, of the file {all:?}");
    assert!(live.iter().chain(&all).all(|words| ours.contains(words)), "{live:?} {all:?} {ours:?}");
    assert!(ours.iter().all(|words| all.contains(words)), "we have {ours:?}, and who {all:?}");
    let shown: Vec<&str> = live.iter().map(|words| words[0].as_str()).collect();
    assert_eq!(shown, ["phiwho0", "phiwho1", "phiwho2", "phiwho3", "phiwho4"], "{live:?}");
    for (row, login) in logins.iter().zip(&on) {
        assert_eq!((&row["pid"], &row["address"]), (&login.0.id().into(), &"192.0.2.7".into()), "{row:#}");
    }
    let kinds: Vec<&str> = of_utmp.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert!(kinds.len() >= 9 && kinds.contains(&"boot") && kinds.contains(&"dead"), "{kinds:?}");
}
