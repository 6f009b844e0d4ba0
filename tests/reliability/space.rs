//! A full disk: what was gathered is sealed all the same, and the host keeps its floor.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::dice::{Dice, is_long};
use crate::disks::Disk;
use crate::ends::{Ended, Tally, ending_in, held};
use crate::support::{Bundle, Desk, FakeHost, Phi, entries, entry_of, only_root, phi};

/// A collection onto `out`, signed with the desk's key.
fn collect(desk: &Desk, host: &FakeHost, out: &Path) -> Phi {
    phi(["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "--also", "/srv/big"])
        .args([OsStr::new("--root"), host.path().as_os_str(), "-o".as_ref(), out.as_os_str()])
        .args([OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0_u8; bytes];
    getrandom::fill(&mut noise).unwrap();
    noise
}

/// More evidence than there is room for: whatever the file system, a whole bundle comes of it.
fn fill(disk: &Disk, what: &str) {
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/big", noise(20_000_000));
    let ran = collect(&desk, &host, disk.path()).run();
    let Ended::Sealed(document) = held(&desk, disk.path(), &ran, what) else {
        panic!("{what}: {}{}", ran.stdout, ran.stderr)
    };
    assert_eq!(ran.code, 3);
    assert!(document["stopped_by"].as_str().unwrap().contains("no room"), "{document}");
    let entries = entries(&desk.open(&Bundle::of(&document)));
    let big = entry_of(&entries, "/srv/big");
    assert_eq!(
        (big["outcome"].as_str(), big["reason_code"].as_str()),
        (Some("truncated"), Some("no_space")),
        "{what}"
    );
    assert!(big["size"].as_u64().unwrap() > 2_000_000, "{what}: {}", big["size"]);
    assert_eq!(entries.last().unwrap()["collector"], "clock-end");
    let free = rustix::fs::statvfs(disk.path()).unwrap();
    assert!(free.f_bavail * 20 >= free.f_blocks, "{what}: the floor of 5 % was not kept");
}

#[test]
fn a_disk_that_fills_up_still_gets_a_whole_sealed_bundle() {
    if !only_root("small file systems") {
        return;
    }
    fill(&Disk::tmpfs("10m"), "tmpfs");
    fill(&Disk::ext4(10, &[]), "ext4");
    // No blocks can be allocated ahead there: zeros are written.
    fill(&Disk::ext4(10, &["-t", "ext2"]), "ext2");
}

#[test]
fn a_disk_without_room_is_refused_before_anything_begins() {
    if !only_root("a small file system of its own") {
        return;
    }
    let desk = Desk::new();
    let small = Disk::tmpfs("2m");
    fs::write(small.path().join("filler"), vec![1_u8; 2_060_000]).unwrap();
    let host = FakeHost::small();
    phi(["collect", "--fast", "-r", &desk.recipient])
        .args([OsStr::new("--root"), host.path().as_os_str(), "-o".as_ref(), small.path().as_os_str()])
        .run()
        .code(1)
        .says("must stay free")
        .says("-o DIR");
    assert_eq!(fs::read_dir(small.path()).unwrap().count(), 1);
}

/// Fills the disk to the last byte, waits, gives some of it back, and fills it again; tells how often it was full.
const RACER: &str = r#"
import os, signal, sys, time
path, pause, full = sys.argv[1], float(sys.argv[2]), 0
fd = os.open(path, os.O_CREAT | os.O_WRONLY)
def end(*_):
    print(full, flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    for size in (65536, 4096, 512, 1):
        try:
            while True:
                os.write(fd, b"x" * size)
        except OSError:
            pass
    full += 1
    time.sleep(pause)
    length = os.fstat(fd).st_size * 2 // 3
    os.ftruncate(fd, length)
    os.lseek(fd, length, os.SEEK_SET)
"#;

struct Racer(Child);

impl Racer {
    fn on(disk: &Disk, pause: &str) -> Racer {
        let path = disk.path().join("racer");
        let mut command = Command::new("python3");
        command.args(["-c", RACER]).arg(path).arg(pause);
        Racer(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Ends it; how often the disk was full.
    fn end(self) -> u64 {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let output = self.0.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
    }
}

#[test]
fn a_process_that_races_for_the_last_byte_costs_no_bundle() {
    if !only_root("small file systems") {
        return;
    }
    let (mut dice, seed) = Dice::new();
    let host = FakeHost::small().file("/srv/big", noise(1_500_000));
    let (desk, mut tally, mut full) = (Desk::new(), Tally::default(), 0);
    let rounds = if is_long() { 40 } else { 6 };
    for (name, options) in [("tmpfs", None), ("ext4", Some(&[][..])), ("ext2", Some(&["-t", "ext2"][..]))] {
        for round in 0..rounds {
            let disk = options.map_or_else(|| Disk::tmpfs("10m"), |options| Disk::ext4(10, options));
            let run = std::thread::scope(|scope| {
                let running = scope.spawn(|| collect(&desk, &host, disk.path()).run());
                // From before the first byte until after the last one.
                if round % 2 == 0 {
                    let deadline = Instant::now() + Duration::from_secs(60);
                    while ending_in(disk.path(), ".partial").is_empty() && !running.is_finished() {
                        assert!(Instant::now() < deadline, "{name} {round}: nothing began; seed {seed}");
                        sleep(Duration::from_millis(1));
                    }
                }
                sleep(Duration::from_millis(dice.below(60) as u64));
                let racer = Racer::on(&disk, ["0", "0.01", "0.05"][dice.below(3)]);
                let ran = running.join().unwrap();
                // It is at work until it has met a full disk, whatever we do.
                sleep(Duration::from_millis(100));
                full += racer.end();
                ran
            });
            let ended = held(&desk, disk.path(), &run, &format!("{name} round {round}, seed {seed}"));
            if matches!(ended, Ended::Refused) {
                // It came first, and nothing had begun.
                assert!(
                    ending_in(disk.path(), ".partial").is_empty(),
                    "{name} {round}, seed {seed}: {}",
                    run.stderr
                );
                let names_it =
                    ["must stay free", "room", "No space left"].iter().any(|w| run.stderr.contains(w));
                assert!(names_it, "{name} {round}: {}", run.stderr);
            }
            tally.add(name, ended.word());
        }
    }
    tally.tell(&format!("races for the last byte, seed {seed}; the disk was full {full} times"));
    assert!(full > 0, "the racer never filled a disk");
    let stopped = tally.ended("sealed, stopped early");
    assert!(
        stopped > 0 && stopped + tally.ended("sealed") + tally.ended("error, no final name") == 3 * rounds
    );
}

fn free_inodes(disk: &Disk) -> u64 {
    rustix::fs::statvfs(disk.path()).unwrap().f_ffree
}

/// Creates files until there are no more inodes.
fn take_inodes(disk: &Disk, prefix: &str) -> usize {
    let mut count = 0;
    while fs::File::create(disk.path().join(format!("{prefix}-{count}"))).is_ok() {
        count += 1;
    }
    count
}

#[test]
fn a_receipt_needs_no_inode_that_somebody_else_could_take() {
    if !only_root("a small file system of its own") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/big", noise(3_000_000));
    for left in [0, 1, 2, 3] {
        let disk = Disk::ext4(12, &["-N", "32"]);
        assert!(take_inodes(&disk, "taken") > left, "the file system has inodes for nothing");
        for number in 0..left {
            fs::remove_file(disk.path().join(format!("taken-{number}"))).unwrap();
        }
        let (ran, taken) = std::thread::scope(|scope| {
            let running = scope.spawn(|| collect(&desk, &host, disk.path()).run());
            let mut taken = 0;
            while !running.is_finished() {
                if !ending_in(disk.path(), ".zip.age.partial").is_empty() {
                    // It takes all that it needs first; then somebody takes whatever it lets go of.
                    let begun = Instant::now();
                    while free_inodes(&disk) > 0
                        && !running.is_finished()
                        && begun.elapsed() < Duration::from_secs(5)
                    {
                        sleep(Duration::from_millis(1));
                    }
                    taken += take_inodes(&disk, "more");
                }
                sleep(Duration::from_millis(2));
            }
            (running.join().unwrap(), taken)
        });
        let ended = held(&desk, disk.path(), &ran, &format!("{left} inodes left"));
        match left {
            3 => assert!(matches!(ended, Ended::Sealed(_)), "with {taken} taken: {}", ran.stderr),
            _ => {
                assert!(matches!(ended, Ended::Refused), "{left}: {}", ran.stdout);
                assert!(
                    ran.stderr.contains("No space left") && ran.stderr.contains("-o DIR"),
                    "{}",
                    ran.stderr
                );
                assert!(ending_in(disk.path(), ".partial").is_empty(), "{left}");
            }
        }
    }
}
