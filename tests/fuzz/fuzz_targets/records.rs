#![no_main]
//! Any bytes as each of the host's formats.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::{
    accounts, audit_config, audit_status, cgroup, interfaces, mounts, os_release, proc_net, process, sock_diag, sockets,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = accounts::parse_passwd(bytes);
    no_secret_survives(bytes);
    let _ = audit_config::parse_watches(bytes);
    let _ = audit_config::log_capacity(bytes);
    let _ = audit_config::space_left(bytes, 1 << 40);
    let _ = audit_status::parse(bytes);
    let _ = audit_status::watch_of_rule(bytes);
    let _ = cgroup::unit(bytes);
    let _ = cgroup::container(bytes);
    let _ = mounts::parse(bytes);
    let _ = os_release::parse(bytes);
    let _ = proc_net::protocols(bytes);
    let _ = interfaces::names(bytes).count();
    for question in sock_diag::questions() {
        for socket in question.sockets(bytes).chain(proc_net::sockets(question, bytes)).flatten() {
            let _ = sockets::state_word(&socket);
            let _ = sockets::groups(socket.groups.as_deref().unwrap_or_default());
        }
    }
    let _ = process::parse_stat(bytes);
    let _ = process::status_field(bytes, "CapEff");
});

/// The second field of a line, where it is long and stands nowhere else in the line, is nowhere in what is kept.
fn no_secret_survives(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let Some(secret) = fields.get(1).filter(|secret| secret.len() >= 16) else { continue };
        let elsewhere = fields.iter().enumerate().any(|(at, field)| {
            at != 1 && field.windows(secret.len()).any(|part| part == *secret)
        });
        if !elsewhere && !secret.contains(&b'\\') {
            let kept = format!("{:?}", accounts::reduce_shadow(line));
            assert!(!kept.contains(&phi_ir::path::shown(secret)), "{kept}");
        }
    }
}
