//! The columns of sockets are sorted, and absent where they have nothing to say.

use super::*;
use crate::custody::json::assert_keys_sorted;

fn owner() -> OwnerRow<'static> {
    OwnerRow {
        cgroup: Some("/"),
        command: Some("a b"),
        command_cut: true,
        container: Some("c"),
        exe: Some("/x (deleted)"),
        exe_deleted: true,
        exe_memfd: true,
        fd: 3,
        name: Some("x"),
        pid: 1,
        start: Some(Timestamp::from_unix(0, 0)),
        start_ticks: Some(1),
        tid: Some(2),
        uid: Some(0),
        unit: Some("a.service"),
    }
}

fn bytes() -> Option<Base64> {
    Some(Base64(vec![0xff]))
}

fn text() -> Option<String> {
    Some("x".into())
}

#[test]
fn the_keys_of_a_socket_s_row_are_sorted() {
    let exact = Base64(vec![0xff]);
    assert_keys_sorted(&SocketRow {
        backlog: Some(1),
        bytes_acked: Some(1),
        bytes_received: Some(1),
        cgroup_id: Some(1),
        collector: true,
        congestion: text(),
        cookie: Some(1),
        drops: Some(1),
        family: "inet",
        file_dev: text(),
        file_ino: Some(1),
        filter_b64: bytes(),
        groups: vec![1],
        inode: 1,
        interface: Some(1),
        interface_name: Some("lo"),
        interface_name_b64: Some(&exact),
        local: text(),
        local_cid: Some(1),
        local_port: Some(1),
        malformed: true,
        mark: Some(1),
        netns: Some(1),
        owner_unknown: true,
        owners: vec![owner()],
        path: text(),
        path_b64: bytes(),
        peer_inode: Some(1),
        pending: Some(1),
        protocol: Some("tcp"),
        protocol_number: Some(1),
        receive_queue: Some(1),
        remote: text(),
        remote_cid: Some(1),
        remote_port: Some(1),
        retransmits: Some(1),
        send_queue: Some(1),
        shutdown: Some("both"),
        state: Some("x".into()),
        timer: Some("x".into()),
        timer_ms: Some(1),
        tos: Some(1),
        traffic_class: Some(1),
        kind: Some("x".into()),
        uid: Some(1),
        v6only: Some(true),
        via: "sock_diag",
    });
}

#[test]
fn the_keys_of_the_other_rows_are_sorted() {
    assert_keys_sorted(&ProcessCapture {
        cgroup: text(),
        cgroup_b64: bytes(),
        cmdline_b64: bytes(),
        cmdline_cut: true,
        comm: text(),
        comm_b64: bytes(),
        error: text(),
        exe: text(),
        exe_b64: bytes(),
        exe_unlinked: true,
        fds: vec![(1, 2)],
        pid: 1,
        stat: text(),
        stat_b64: bytes(),
        thread_fds: vec![(2, 3, 4)],
        uids: text(),
    });
    let holder = || HolderRow { exe: Some("/x"), fd: Some(1), pid: 1 };
    assert_keys_sorted(&NamespaceRow {
        cross_view: Some("agrees"),
        dumps: vec![DumpRow {
            attempts: 1,
            doubled: 1,
            instead: Some("x"),
            question: "q",
            result: "whole",
            rows: 1,
            unread: 1,
        }],
        held_by: vec![holder()],
        modules_loaded: vec!["raw_diag".into()],
        netns: 1,
        own: true,
        paths: vec!["/run/netns/a".into()],
        paths_b64: vec![Base64(vec![0xff])],
        processes: vec![holder()],
        threads: vec![ThreadRow { pid: 1, thread: 2 }],
    });
    assert_keys_sorted(&FindingRow {
        inode: 1,
        kind: "unlisted_socket",
        owners: vec![owner()],
        protocol: Some("TCP"),
        views: vec![ViewRow { says: "x".into(), view: "y" }],
        words: "w",
    });
}
