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
        sockets: Vec::new(),
        keeps: keeps.iter().map(|inode| (*inode, (7, door(*inode)))).collect(),
        refused: None,
        cut: false,
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
