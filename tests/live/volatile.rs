//! The volatile profile on the running kernel.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use crate::support::{Bundle, Desk, entries, only_root, phi};

#[test]
fn sockets_that_are_open_now_are_in_the_raw_tables() {
    let desk = Desk::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ran = phi(["collect", "--quiet", "--json", "--profile", "volatile", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    for (table, port) in
        [("tcp", tcp.local_addr().unwrap().port()), ("udp", udp.local_addr().unwrap().port())]
    {
        let text = fs::read_to_string(opened.join(format!("data/root/proc/net/{table}"))).unwrap();
        assert!(text.contains(&format!("0100007F:{port:04X}")), "{table}: {text}");
    }
    assert!(fs::read(opened.join("data/root/proc/net/route")).unwrap().starts_with(b"Iface"));
    let all = entries(&opened);
    let table = all.iter().find(|entry| entry["source"]["display"] == "/proc/net/tcp").unwrap();
    assert_eq!(table["mount"]["fstype"], "proc", "{table:#}");
}

#[test]
fn the_kernel_s_log_buffer_is_taken_as_it_is() {
    if !only_root("/dev/kmsg") {
        return;
    }
    let desk = Desk::new();
    let marker = format!("phi-ir test marker {}", std::process::id());
    // Without the newline the kernel keeps the record open for more, and shows it to nobody.
    fs::write("/dev/kmsg", format!("{marker}\n")).unwrap();
    let ran = phi(["collect", "--quiet", "--json", "--only", "kernel-log", "-r", &desk.recipient])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    let opened = desk.open(&Bundle::of(&ran.json()));
    let log = fs::read(opened.join("data/live/kernel-log/kmsg")).unwrap();
    assert!(log.windows(marker.len()).any(|part| part == marker.as_bytes()));
    assert!(log.iter().filter(|byte| **byte == b'\n').count() > 10);
}

#[test]
fn a_user_without_privileges_in_a_namespace_of_their_own_gets_honest_outcomes() {
    let desk = Desk::new();
    let script = format!(
        "exec unshare --user --map-root-user {} collect --quiet --json --profile volatile -r {} -o {}",
        crate::support::PHI_IR,
        desk.recipient,
        desk.out().display()
    );
    let ran = crate::support::tool("sh", &["-c".as_ref(), script.as_ref()]);
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    let audit = gaps.iter().find(|gap| gap["collector"] == "audit-state").expect("no gap of the audit state");
    let outcome = audit["outcome"].as_str().unwrap();
    assert!(
        ["denied", "failed"].contains(&outcome),
        "root of a user namespace may not ask the kernel: {audit}"
    );
}
