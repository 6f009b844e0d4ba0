//! Folders whose rule is loaded and whose accesses are not recorded: mounts that came later, names that were nothing yet;
//! and logs that cannot be written, or are rotated while they are taken.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use rustix::process::Signal;

use crate::audit_host::{AuditHost, Conf, a_new_second, status};
use crate::daemons::{output, until};

const KEY: &str = "phi_mount";

#[test]
fn a_volume_that_was_mounted_over_a_watched_folder_is_not_watched() {
    let Some(host) = AuditHost::new("a mount over a watched folder") else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    host.shell(&format!("mount -t tmpfs phi {0}; echo made up > {0}/record.txt", phi.display()));
    let since = a_new_second();
    host.shell(&format!("cat {0}/record.txt; ls {0}", phi.display()));
    host.settle();
    assert!(output("auditctl", &["-l"]).contains(KEY), "the rule is listed");
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    seen.judged(KEY, "inconclusive", "not_recorded");
    seen.uncovered(&phi, "not_recorded");
    assert_eq!(seen.covering(&phi, Some(&phi))["canary"], "absent");
}

#[test]
fn a_volume_that_was_mounted_below_a_watched_folder_is_not_watched() {
    let Some(host) = AuditHost::new("a mount below a watched folder") else { return };
    let phi = host.folder("phi");
    let below = phi.join("records");
    fs::create_dir(&below).unwrap();
    host.watch(&phi, KEY);
    host.shell(&format!("mount -t tmpfs phi {0}; echo made up > {0}/record.txt", below.display()));
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    assert!(host.log().contains("a.txt"), "the folder itself is watched");
    let since = a_new_second();
    host.shell(&format!("cat {0}/record.txt; ls {0}", below.display()));
    host.settle();
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    let (above, below) = (seen.covering(&phi, None), seen.covering(&phi, Some(&below)));
    assert_eq!((&above["verdict"], &above["canary"]), (&"covered".into(), &"seen".into()), "{above:#}");
    assert_eq!(
        (&below["verdict"], &below["canary"]),
        (&"inconclusive".into(), &"absent".into()),
        "{below:#}"
    );
    seen.uncovered(&phi, "not_recorded");
    seen.judged(KEY, "inconclusive", "not_recorded");
}

#[test]
fn a_volume_that_was_there_before_the_rule_is_watched() {
    let Some(host) = AuditHost::new("a rule for a folder with mounts below") else { return };
    let phi = host.folder("phi");
    let below = phi.join("records");
    fs::create_dir(&below).unwrap();
    host.shell(&format!("mount -t tmpfs phi {0}; echo made up > {0}/record.txt", below.display()));
    host.watch(&phi, KEY);
    host.shell(&format!("cat {}/record.txt", below.display()));
    host.settle();
    assert!(host.log().contains("record.txt"), "the mount is watched");
    let since = a_new_second();
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    for row in [seen.covering(&phi, None), seen.covering(&phi, Some(&below))] {
        assert_eq!((&row["verdict"], &row["canary"]), (&"covered".into(), &"seen".into()), "{row:#}");
    }
    seen.judged(KEY, "empty", "no_match");
}

/// auditctl prints this rule like any other; in the kernel it watches a name, and nothing in what the name stands for.
#[test]
fn a_rule_that_was_loaded_before_its_folder_was_made_watches_a_name_alone() {
    let Some(host) = AuditHost::new("a rule that is older than its folder") else { return };
    let phi = host.at("phi");
    host.watch(&phi, KEY);
    fs::create_dir(&phi).unwrap();
    fs::write(phi.join("a.txt"), "made up\n").unwrap();
    // So that opening the folder itself is recorded, ours as well, and that is no sign of more.
    host.done(&["ls", phi.to_str().unwrap()]);
    host.settle();
    assert!(host.log().contains("comm=\"ls\""));
    let since = a_new_second();
    host.shell(&format!("cat {}/a.txt", phi.display()));
    host.settle();
    assert!(output("auditctl", &["-l"]).contains(&format!("-w {} -p rwxa", phi.display())));
    host.finds_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    let row = seen.covering(&phi, None);
    assert_eq!((&row["verdict"], &row["scope"]), (&"inconclusive".into(), &"name".into()), "{row:#}");
    seen.uncovered(&phi, "not_recorded");
    seen.judged(KEY, "inconclusive", "not_recorded");
}

/// Its volume is full: auditd goes on running, and writes nothing any more.
#[test]
fn a_daemon_whose_disk_is_full_writes_nothing() {
    let conf = Conf { space_left: 3, admin_space_left: 2, ..Conf::default() };
    let Some(mut host) = AuditHost::without_daemon("a full disk of audit logs", conf) else { return };
    let image = host.at("image");
    host.shell(&format!(
        "truncate -s 16M {0}; mkfs.ext4 -q {0}; mount -o loop {0} /var/log/audit; rmdir /var/log/audit/lost+found",
        image.display()
    ));
    // The logs are seen only from inside.
    let log = |host: &AuditHost| host.shell("cat /var/log/audit/audit.log");
    host.start_auditd_unseen();
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    let mark = host.mark("before");
    until("auditd to write", || log(&host).contains(&mark));
    host.inside(&["sh", "-c", "cat /dev/zero > /var/log/audit/filler"]);
    // It looks at the free space when it writes.
    let written = (0..200).take_while(|_| {
        let mark = host.mark("full");
        sleep(Duration::from_millis(20));
        log(&host).contains(&mark)
    });
    assert!(written.count() < 200, "auditd goes on writing");
    host.shell(&format!("cat {}/a.txt", phi.display()));
    sleep(Duration::from_millis(300));
    assert_eq!((status("enabled"), status("lost")), (1, 0));
    assert_eq!(status("pid"), u64::from(host.auditd_pid()));
    host.matches_nothing(KEY, &since);
    let seen = host.collect(&phi, &since, &[]);
    assert_eq!(seen.covering(&phi, None)["canary"], "absent");
    seen.uncovered(&phi, "not_recorded");
    seen.judged(KEY, "inconclusive", "not_recorded");
}

/// Numbered files, made below the watched folder: each is in an event of its own.
const SERIES: &str = "
import os, sys, time
folder, word, first, count, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
for number in range(first, first + count):
    os.close(os.open('%s/%s-%06d' % (folder, word, number), os.O_WRONLY | os.O_CREAT))
    if pause: time.sleep(pause)
";

fn numbers(log: &str) -> std::collections::BTreeSet<&str> {
    let after = log.split("/series-").skip(1);
    after
        .filter_map(|rest| rest.get(..6))
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        .collect()
}

#[test]
fn no_event_is_missed_that_was_on_disk_when_logs_rotate_by_their_size() {
    let conf = Conf { max_log_file: 1, num_logs: 3, ..Conf::default() };
    let Some(mut host) = AuditHost::with("logs that rotate while they are collected", conf) else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    let folder = phi.to_str().unwrap();
    // One log is full, and the next nearly so.
    let mut first = 0;
    while host.logs().len() < 2 || host.logs()[0].1.len() < 900 << 10 {
        host.done(&["python3", "-c", SERIES, folder, "series", &first.to_string(), "50", "0"]);
        host.settle();
        first += 50;
    }
    assert_eq!((host.logs().len(), status("lost")), (2, 0));
    host.only = vec!["audit-logs"];
    let before = host.log();
    let on_disk = numbers(&before);
    assert!(on_disk.len() > 1_000, "{}", on_disk.len());
    // Enough to rotate once, and too few to rotate the oldest log away, however slow the collection is.
    let mut flood = host.command(&["python3", "-c", SERIES, folder, "flood", "0", "400", "0.001"]);
    let mut flood = flood.stdout(Stdio::null()).spawn().unwrap();
    let seen = host.collect(&phi, &since, &[]);
    flood.wait().unwrap();
    host.settle();
    assert_eq!(
        (host.logs().len(), numbers(&host.log()).len()),
        (3, on_disk.len()),
        "it rotated, and nothing is gone"
    );
    let sealed = seen.sealed_logs();
    let taken = numbers(&sealed);
    let missed: Vec<_> = on_disk.difference(&taken).collect();
    assert!(missed.is_empty(), "{} of {} are missing: {missed:?}", missed.len(), on_disk.len());
}

/// At a signal auditd rotates at once: every log has another name some milliseconds later.
#[test]
fn no_event_is_missed_that_was_on_disk_when_logs_rotate_all_the_time() {
    let conf = Conf { num_logs: 900, ..Conf::default() };
    let Some(mut host) = AuditHost::with("logs that rotate all the time", conf) else { return };
    let phi = host.folder("phi");
    host.watch(&phi, KEY);
    let since = a_new_second();
    let folder = phi.to_str().unwrap();
    for part in 0..5 {
        host.done(&["python3", "-c", SERIES, folder, "series", &(part * 200).to_string(), "200", "0"]);
        host.settle();
        host.signal_auditd(Signal::USR1);
        until("the log to be rotated", || host.logs().len() >= part + 2);
    }
    let before = host.log();
    let on_disk = numbers(&before);
    assert_eq!((on_disk.len(), status("lost")), (1_000, 0));
    host.only = vec!["audit-logs"];
    let done = AtomicBool::new(false);
    let host = &host;
    let seen = scope(|threads| {
        threads.spawn(|| {
            let mut storm = 0;
            while !done.load(Ordering::Relaxed) && storm < 800 {
                host.signal_auditd(Signal::USR1);
                sleep(Duration::from_millis(1));
                storm += 1;
            }
        });
        let seen = host.collect(&phi, &since, &[]);
        done.store(true, Ordering::Relaxed);
        seen
    });
    let sealed = seen.sealed_logs();
    let taken = numbers(&sealed);
    let missed: Vec<_> = on_disk.difference(&taken).collect();
    assert!(missed.is_empty(), "{} of {} are missing: {missed:?}", missed.len(), on_disk.len());
    assert!(host.logs().len() > 10, "the logs rotated");
}
