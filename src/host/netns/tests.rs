//! Tests of network namespaces.

use super::*;

#[test]
fn our_own_namespace_and_our_own_sockets_are_found() {
    let host = Host::live(&[]).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let scan = host.scan_network().unwrap();
    let me = std::process::id();
    assert!(scan.namespaces[0].own && scan.namespaces[0].processes.contains(&me), "{:?}", scan.namespaces);
    use std::os::fd::AsRawFd as _;
    let fd = listener.as_raw_fd() as u32;
    assert!(scan.sockets.iter().any(|socket| (socket.pid, socket.fd) == (me, fd) && socket.inode > 0));
    assert_eq!(number_of(b"net:[4026531840]"), Some(4_026_531_840));
    assert_eq!(number_of(b"net:4026531840"), None);
}

fn glance_at(namespace: Option<u64>, keeps: &[u64], opens: bool) -> Glance {
    let open = || fs::open("/proc/self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let door = |_| if opens { open() } else { Err(Errno::ACCESS) };
    Glance {
        namespace,
        door: namespace.filter(|_| opens).and_then(|inode| door(inode).ok()),
        keeps: keeps.iter().map(|inode| (*inode, (7, door(*inode)))).collect(),
        ..Glance::default()
    }
}

#[test]
fn only_what_nothing_opened_is_left_out_and_only_who_is_outside_keeps_it_open() {
    let own = number_of_door(&fs::open("/proc/self/ns/net", OFlags::RDONLY, Mode::empty()).unwrap()).unwrap();
    let (mut scan, mut found) = (NetworkScan::default(), Found::default());
    scan.note(10, glance_at(Some(own), &[own], false), &mut found);
    scan.note(11, glance_at(Some(own), &[], true), &mut found);
    scan.note(12, glance_at(Some(77), &[own, 88], false), &mut found);
    scan.conclude(found, Some(own));
    assert_eq!(scan.namespaces.len(), 1);
    let namespace = &scan.namespaces[0];
    assert!(namespace.own);
    assert_eq!(namespace.processes, [10, 11], "the one whose link did not open is in it too");
    assert_eq!(namespace.held_by, [(12, 7)]);
    assert_eq!(
        scan.left_out,
        ["network namespace 77 of process 12", "network namespace 88 kept open by process 12"]
    );
}

#[test]
fn our_own_doors_keep_nothing_open() {
    let _door = fs::open("/proc/self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let scan = Host::live(&[]).unwrap().scan_network().unwrap();
    let me = std::process::id();
    assert!(scan.namespaces.iter().all(|namespace| namespace.held_by.iter().all(|(pid, _)| *pid != me)));
}

#[test]
fn a_namespace_that_only_a_thread_is_in_is_found() {
    if !super::super::facts::is_root() {
        return;
    }
    // In a process of its own: our own threads come and go with what they ask.
    let script = "import ctypes, os, threading, time\n\
        def apart():\n    ctypes.CDLL(None).unshare(0x40000000)\n    \
        print(os.stat('/proc/thread-self/ns/net').st_ino, threading.get_native_id(), flush=True)\n    time.sleep(60)\n\
        threading.Thread(target=apart, daemon=True).start()\ntime.sleep(60)";
    let mut command = std::process::Command::new("python3");
    let mut child = command.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let numbers: Vec<u64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let scan = Host::live(&[]).unwrap().scan_network().unwrap();
    let found = scan.namespaces.iter().find(|namespace| namespace.inode == numbers[0]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found.unwrap().threads, [(child.id(), numbers[1] as u32)]);
    assert!(found.unwrap().processes.is_empty() && !scan.namespaces[0].processes.is_empty());
}

#[test]
fn a_namespace_whose_name_is_gone_is_found_by_the_descriptor_that_keeps_it() {
    if !super::super::facts::is_root() {
        return;
    }
    let name = format!("phi-ir-test-{}", std::process::id());
    let ip = |doing: &str| {
        std::process::Command::new("ip")
            .args(["netns", doing, &name])
            .status()
            .is_ok_and(|status| status.success())
    };
    assert!(ip("add"));
    let file = format!("/run/netns/{name}");
    let inode = fs::stat(&file).unwrap().st_ino;
    // It holds the namespace as the file that it is mounted on.
    let opened = std::fs::File::open(&file).unwrap();
    let mut child = std::process::Command::new("sleep").arg("60").stdin(opened).spawn().unwrap();
    let held_by = || {
        let scan = Host::live(&[]).unwrap().scan_network().unwrap();
        let found = scan.namespaces.into_iter().find(|namespace| namespace.inode == inode);
        found.map(|namespace| (namespace.held_by, namespace.paths.len()))
    };
    let named = held_by();
    assert!(ip("del"));
    let nameless = held_by();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(named, Some((vec![(child.id(), 0)], 1)));
    assert_eq!(nameless, Some((vec![(child.id(), 0)], 0)));
    assert!(held_by().is_none());
}

#[test]
fn what_may_not_have_been_seen_makes_a_scan_not_whole() {
    assert!(NetworkScan::default().is_whole());
    let reason = Reason::new(crate::custody::outcome::ReasonCode::Unsupported, "x");
    assert!(!NetworkScan { blinkers: vec![(Outcome::Denied, reason)], ..NetworkScan::default() }.is_whole());
    let scan = NetworkScan::default();
    scan.note_unlisted(0);
    assert!(scan.is_whole());
    let scan = NetworkScan::default();
    scan.note_unlisted(1);
    assert!(!scan.is_whole());
}
