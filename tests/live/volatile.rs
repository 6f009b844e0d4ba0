//! The volatile profile on the running kernel.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;

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

/// The volatile profile as root, as nobody, and as root of a user namespace of its own: opened, by who ran it.
fn in_three_ways(desk: &Desk) -> Vec<(&'static str, std::path::PathBuf)> {
    let out = desk.out();
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o1777)).unwrap();
    let volatile = || {
        phi(["collect", "--quiet", "--json", "--no-tools", "--profile", "volatile", "-r", &desk.recipient])
            .args([std::ffi::OsStr::new("-o"), out.as_os_str()])
    };
    let script = format!(
        "exec unshare --user --map-root-user {} collect --quiet --json --no-tools --profile volatile -r {} -o {}",
        crate::support::PHI_IR,
        desk.recipient,
        out.display()
    );
    let confined = crate::support::tool("sh", &["-c".as_ref(), script.as_ref()]);
    let runs =
        [("root", volatile().run()), ("nobody", volatile().by_nobody().run()), ("unshare -r", confined)];
    runs.into_iter()
        .map(|(who, ran)| {
            assert!([0, 3].contains(&ran.code), "{who}: {}{}", ran.stdout, ran.stderr);
            (who, desk.open(&Bundle::of(&ran.json())))
        })
        .collect()
}

#[test]
fn whoever_runs_it_no_empty_table_looks_as_if_nothing_happened() {
    if !only_root("to be somebody else") {
        return;
    }
    let desk = Desk::new();
    for (who, opened) in in_three_ways(&desk) {
        let all = entries(&opened);
        let mut tables = 0;
        for entry in
            all.iter().filter(|entry| ["capture", "derived"].contains(&entry["kind"].as_str().unwrap()))
        {
            tables += 1;
            let plain = entry["outcome"] == "collected";
            assert!(!(plain && entry["size"] == 0), "{who}: {entry:#}");
        }
        assert!(tables >= 15, "{who}: only {tables} tables and captures");
        // Sockets, routes and processes are there for everybody, and for all but root it is said what is not.
        for collector in ["sockets", "routes", "processes"] {
            let of = |entry: &&serde_json::Value| entry["collector"] == collector;
            assert!(
                all.iter().filter(of).any(|entry| entry["kind"] == "derived" && entry["size"] != 0),
                "{who}: {collector}"
            );
            let denied = all.iter().filter(of).any(|entry| entry["outcome"] == "denied");
            assert!(denied || who == "root", "{who}: {collector} says nothing of what it was refused");
        }
        let audit = all.iter().find(|entry| entry["collector"] == "audit-state").unwrap();
        let refused = ["denied", "failed"].contains(&audit["outcome"].as_str().unwrap());
        assert_eq!(refused, who != "root", "{who}: {audit:#}");
    }
}
