//! The power fails: what lies on the disk at a moment of a run, without any help from the kernel that had more in memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::stops_checks::{Hits, MARKER, Phase, Stage, dice, names, rounds};
use crate::support::{only_root, tool};

#[test]
fn power_that_fails_leaves_a_whole_bundle_or_no_name_for_one() {
    if !only_root("a file system whose raw bytes can be copied") {
        return;
    }
    let (stage, mut dice, mut hits) = (Stage::new(40, 6_000_000), dice("power"), Hits::new());
    stage.a_marker_would_be_found();
    let copies = tempfile::tempdir().unwrap();
    for round in 0.. {
        // Chance may put the first few behind the run's end.
        if round >= (rounds() / 3).max(6) && (hits.0.len() > 1 || round >= 40) {
            break;
        }
        let out = stage.out(&format!("out-{round}"));
        let mut child = stage.collect(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let copied = copies.path().join("image");
        if round % 3 == 0 {
            // At the very end, with nothing synced by us.
            assert_eq!(child.wait().unwrap().code(), Some(3));
            copy(&stage.disk.image(), &copied);
        } else {
            // The kernel may write whatever it has whenever it likes; and what came after that is lost.
            match round % 3 {
                1 => wait_for_evidence(&mut child, &out),
                _ => std::thread::sleep(Duration::from_micros(dice.below(600_000))),
            }
            stage.sync();
            std::thread::sleep(Duration::from_micros(dice.below(100_000)));
            kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
            copy(&stage.disk.image(), &copied);
            kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
            child.wait().unwrap();
        }
        hits.note(after_power_loss(&stage, &copied, &out));
        fs::remove_dir_all(&out).unwrap();
        stage.sync();
    }
    hits.demand("power lost", &[Phase::Named]);
    assert!(hits.0.len() > 1, "the power never failed in mid-run");
}

/// Waits until some of it must be on its way to the disk.
fn wait_for_evidence(child: &mut Child, out: &Path) {
    let is_under_way = |name: &String| {
        name.ends_with(".partial") && fs::metadata(out.join(name)).is_ok_and(|met| met.len() > 500_000)
    };
    while child.try_wait().unwrap().is_none() && !names(out).iter().any(is_under_way) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What the disk has at one moment: copied until nothing has changed meanwhile. Holes stay holes.
fn copy(image: &Path, to: &Path) {
    let args = ["--sparse=always".as_ref(), "--reflink=auto".as_ref(), image.as_os_str(), to.as_os_str()];
    for _ in 0..20 {
        tool("cp", &args).code(0);
        if tool("cmp", &["-s".as_ref(), image.as_os_str(), to.as_os_str()]).code == 0 {
            return;
        }
    }
    panic!("the disk never stood still");
}

/// Mounts the copy, which replays the journal, and checks what is there.
fn after_power_loss(stage: &Stage, image: &Path, out: &Path) -> Phase {
    let found = tool("grep", &["-qaF".as_ref(), MARKER.as_ref(), image.as_os_str()]);
    assert_eq!(found.code, 1, "clear text on the disk");
    let at = image.with_file_name("mounted");
    fs::create_dir_all(&at).unwrap();
    tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), at.as_os_str()]).code(0);
    let folder = at.join(out.file_name().unwrap());
    let phase = if folder.exists() { holds(stage, &folder) } else { Phase::BeforeTheFile };
    tool("umount", &["-l".as_ref(), at.as_os_str()]).code(0);
    fs::remove_file(image).unwrap();
    phase
}

fn holds(stage: &Stage, folder: &Path) -> Phase {
    let names = names(folder);
    if let Some(sealed) = names.iter().find(|name| name.ends_with(".zip.age")) {
        assert_eq!(names.len(), 3, "a final name, and not all that belongs to it: {names:?}");
        stage.desk.verify(&folder.join(sealed)).run().code(0).says("verified");
        return Phase::Named;
    }
    for receipt in names.iter().filter(|name| name.ends_with(".json")) {
        let _: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(receipt)).unwrap()).unwrap();
    }
    match names.iter().find(|name| name.ends_with(".partial")) {
        Some(partial) => stage.check_salvage(&folder.join(partial)),
        None => {
            assert!(names.is_empty(), "{names:?}");
            Phase::BeforeTheFile
        }
    }
}
