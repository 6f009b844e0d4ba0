//! Mounts where nobody expects them: twice, over a log, over a home, in a PHI folder and out of it, by the thousand. Each
//! run has a mount namespace of its own, so that all of them end with it.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Bundle, Desk, PHI_IR, Ran, entries, entry_of, only_root, tool};

/// In the files of patients.
const RECORD: &str = "made-up-patient-record";

struct Opened {
    folder: PathBuf,
    told: Vec<Value>,
}

/// Runs `before` in a mount namespace of its own, with `$B` for the desk's folder, and then a collection of this machine.
fn collect(desk: &Desk, before: &str, args: &str) -> Opened {
    let script = format!(
        "B={}\n{before}\nexec {PHI_IR} collect --quiet --json -r {} -o $B/out {args}",
        desk.dir.path().display(),
        desk.recipient
    );
    let started = Instant::now();
    let ran: Ran = tool("unshare", &["-m", "bash", "-e", "-c", &script].map(OsStr::new));
    assert!([0, 3].contains(&ran.code), "{} {}", ran.code, ran.stderr);
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    let bundle = Bundle::of(&ran.json());
    crate::support::phi([OsStr::new("verify"), bundle.sealed.as_os_str()])
        .args([OsStr::new("-i"), desk.path("officer.key").as_os_str()])
        .run()
        .code(0);
    let folder = desk.open(&bundle);
    let told = entries(&folder);
    Opened { folder, told }
}

impl Opened {
    /// The members that hold the bytes of a record.
    fn records(&self) -> String {
        let data = self.folder.join("data");
        tool("grep", &["-rlaF".as_ref(), RECORD.as_ref(), data.as_os_str()]).stdout
    }

    fn rows(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("data/live/phi-files/files-000001.jsonl")).unwrap();
        text.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
    }
}

fn row<'r>(rows: &'r [Value], path: &str) -> &'r Value {
    let with = |row: &&Value| row["path"].as_str().unwrap() == path;
    let found: Vec<&Value> = rows.iter().filter(with).collect();
    assert_eq!(found.len(), 1, "{path}: {found:#?}");
    found[0]
}

fn is_mount(row: &Value) -> bool {
    row["attributes"].as_array().is_some_and(|names| names.iter().any(|name| name == "mount_root"))
}

/// A PHI folder with all kinds of mounts in it, which is mounted elsewhere, as a whole and in part.
const PHI: &str = r#"
mkdir -p $B/phi/{a,twice-1,twice-2,part,volume,ro,noexec,proc,sys} $B/source $B/elsewhere $B/all $B/of-volume $B/file
for at in phi/a/a.txt phi/part/hidden.txt source/s.txt file/none; do echo made-up-patient-record > $B/$at; done
mount -t tmpfs volume $B/phi/volume; echo made-up-patient-record > $B/phi/volume/v.txt
mount --bind $B/phi/volume $B/of-volume
mount --bind $B/phi/a/a.txt $B/file/none
mount --bind $B/phi $B/elsewhere
mount --rbind $B/phi $B/all
for at in twice-1 twice-2 ro noexec; do mount --bind $B/source $B/phi/$at; done
mount -o remount,bind,ro $B/phi/ro; mount -o remount,bind,noexec $B/phi/noexec
mount -t tmpfs over $B/phi/part; echo x > $B/phi/part/over.txt
mount -t proc proc $B/phi/proc; mount -t sysfs sysfs $B/phi/sys
odd=$B/phi/$'new\nline \\back\e[31m\xff'
mkdir "$odd"; mount -t tmpfs "$odd" "$odd"; echo made-up-patient-record > "$odd/o.txt"
"#;

const ALSO: &str = "--only also --only mounts --also $B/elsewhere --also $B/all --also $B/of-volume --also $B/file --also $B/source";

#[test]
fn a_phi_folder_is_not_taken_through_any_of_its_mounts_and_all_in_it_is_told() {
    if !only_root("mounts") {
        return;
    }
    // The control: where the folder is not known, all of that is taken.
    let ways = [
        ("elsewhere", "elsewhere/part/hidden.txt"),
        ("all", "all/volume/v.txt"),
        ("of-volume", "of-volume/v.txt"),
        ("file", "file/none"),
        ("source", "source/s.txt"),
    ];
    for (named, way) in ways {
        let desk = Desk::new();
        let control = collect(&desk, PHI, &format!("--only also --also $B/{named}")).records();
        assert!(control.contains(way), "{way} is not in {control}");
    }
    let desk = Desk::new();
    let base = desk.dir.path().display().to_string();
    let started = collect(&desk, PHI, &format!("{ALSO} --only phi-files --phi $B/phi"));
    assert_eq!(started.records(), "");
    let withheld = entry_of(&started.told, "withheld");
    assert_eq!((&withheld["outcome"], &withheld["reason_code"]), (&"skipped".into(), &"phi_content".into()));

    let rows = started.rows();
    let at = |path: &str| row(&rows, &format!("{base}/phi/{path}"));
    let one = at("twice-1/s.txt");
    for other in ["twice-2/s.txt", "ro/s.txt", "noexec/s.txt"] {
        assert_eq!(
            (&one["dev"], &one["ino"]),
            (&at(other)["dev"], &at(other)["ino"]),
            "the same file: {other}"
        );
    }
    for mount in ["twice-1", "twice-2", "ro", "noexec", "part", "volume"] {
        assert!(is_mount(at(mount)), "{:#}", at(mount));
    }
    assert!(!is_mount(at("a")), "the control");
    at("part/over.txt");
    at("volume/v.txt");
    let below = |path: &str| rows.iter().filter(|row| row["path"].as_str().unwrap().contains(path)).count();
    assert_eq!((below("/hidden.txt"), below("/phi/proc/"), below("/phi/sys/")), (0, 0, 0));
    for pseudo in ["proc", "sys"] {
        let entry = entry_of(&started.told, &format!("{base}/phi/{pseudo}"));
        assert_eq!((&entry["outcome"], &entry["reason_code"]), (&"skipped".into(), &"pseudo_mount".into()));
    }
    let odd = rows.iter().find(|row| row["path"].as_str().unwrap().ends_with("/o.txt")).unwrap();
    assert!(odd.get("path_b64").is_some(), "{odd:#}");
    let folder = odd["path"].as_str().unwrap().strip_suffix("/o.txt").unwrap();
    assert!(is_mount(row(&rows, folder)) && !folder.contains(['\n', '\u{1b}']), "{folder}");
}

#[test]
fn what_lies_over_a_log_and_a_home_is_told_with_the_file() {
    if !only_root("mounts") {
        return;
    }
    let desk = Desk::new();
    let before = r#"
echo 'Nov 21 20:19:48 clinic-db sshd[1]: Accepted publickey for forged' > $B/forged
mount -t tmpfs logs /var/log; echo 'Nov 21 20:19:48 clinic-db sshd[1]: beneath' > /var/log/auth.log
mount --bind $B/forged /var/log/auth.log
mount -t tmpfs over-home /root; echo 'typed over it' > /root/.bash_history
mkdir -p /root/.config/fish /root/p; mount -t proc proc /root/.config/fish; mount -t sysfs sysfs /root/p
odd=$B/$'new\nline \\back\e[31m\xff'
mkdir "$odd"; mount -t tmpfs "$odd" "$odd"; echo x > "$odd/o.txt"
"#;
    let args = "--only auth-logs --only shell-history --only mounts --only also --also /root --also \"$odd\"";
    let opened = collect(&desk, before, args);
    let log = entry_of(&opened.told, "/var/log/auth.log");
    assert_eq!(
        (&log["outcome"], &log["mount"]["point"]),
        (&"collected".into(), &"/var/log/auth.log".into()),
        "{log:#}"
    );
    let member = |entry: &Value| {
        let bytes = fs::read(opened.folder.join(entry["member"].as_str().unwrap())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    assert!(member(log).contains("forged") && !member(log).contains("beneath"));
    let history = entry_of(&opened.told, "/root/.bash_history");
    assert_eq!(
        (&history["mount"]["fstype"], &history["mount"]["point"], &history["mount"]["source"]),
        (&"tmpfs".into(), &"/root".into(), &"over-home".into())
    );
    let sysfs = opened.told.iter().filter(|entry| {
        let display = entry["source"]["display"].as_str().unwrap();
        display == "/root/p" || display.starts_with("/root/p/") || display.starts_with("/root/.config/fish/")
    });
    let sysfs: Vec<&Value> = sysfs.collect();
    assert!(!sysfs.is_empty(), "{:#?}", opened.told);
    assert!(sysfs.iter().all(|entry| entry["kind"] == "gap"), "{sysfs:#?}");
    let odd = opened
        .told
        .iter()
        .find(|entry| entry["source"]["display"].as_str().unwrap().ends_with("/o.txt"))
        .unwrap();
    let display = odd["source"]["display"].as_str().unwrap().strip_suffix("/o.txt").unwrap();
    assert_eq!((&odd["outcome"], &odd["mount"]["point"]), (&"collected".into(), &display.into()), "{odd:#}");
    assert_eq!(odd["mount"]["source"], display);
    let table = member(entry_of(&opened.told, "/proc/self/mountinfo"));
    assert!(
        table.contains(" /var/log/auth.log ") && table.contains("new\\012line\\040\\134back\x1b"),
        "{table}"
    );
}

/// Mounts a folder at so many others, file systems of their own at as many, a hundred at one and the same, and becomes
/// the program that is named.
const THOUSANDS: &str = r#"
python3 - $B <<'END'
import ctypes, os, sys
base = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, point, kind, flags):
    if libc.mount(source.encode(), point.encode(), kind, flags, None):
        sys.exit(os.strerror(ctypes.get_errno()))
os.makedirs(base + "/source")
open(base + "/source/s.txt", "w").write("made up")
def point(name):
    os.makedirs(f"{base}/phi/{name}")
    return f"{base}/phi/{name}"
for number in range(1000):
    mount(base + "/source", point(f"bound-{number:04}"), None, 4096)
    mount("none", point(f"own-{number:04}"), b"tmpfs", 0)
point("stack")
for number in range(100):
    mount(f"stack-{number}", f"{base}/phi/stack", b"tmpfs", 0)
    open(f"{base}/phi/stack/s-{number}.txt", "w").close()
END
"#;

#[test]
fn two_thousand_mounts_and_a_hundred_over_each_other_are_listed() {
    if !only_root("mounts") {
        return;
    }
    let desk = Desk::new();
    let base = desk.dir.path().display().to_string();
    let opened = collect(&desk, THOUSANDS, "--only phi-files --only mounts --phi $B/phi");
    let rows = opened.rows();
    assert!(rows.len() >= 3003, "{}", rows.len());
    for number in [0, 1, 500, 999] {
        row(&rows, &format!("{base}/phi/bound-{number:04}/s.txt"));
        assert!(is_mount(row(&rows, &format!("{base}/phi/own-{number:04}"))));
    }
    row(&rows, &format!("{base}/phi/stack/s-99.txt"));
    let of_stack = rows.iter().filter(|row| row["path"].as_str().unwrap().contains("/stack/")).count();
    assert_eq!(of_stack, 1, "what is covered is not listed");
}
