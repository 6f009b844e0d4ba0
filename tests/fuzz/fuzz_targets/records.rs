#![no_main]
//! Any bytes as each of the host's files.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::log_settings::{journald, logrotate, rsyslog, sshd};
use phi_ir::records::{
    accounts, audit_config, audit_rules, journal_header, kmsg, login_process, logind, mounts, os_release, sshd_config, text_log,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = accounts::parse_passwd(bytes).count();
    no_secret_survives(bytes);
    let _ = audit_config::parse_watches(bytes);
    let _ = audit_config::Rotation::of(bytes).capacity();
    let _ = audit_config::space_left(bytes, 1 << 40);
    let machine = Some(audit_rules::syscalls::X86_64);
    let names = audit_rules::disk::Names { machine, ..Default::default() };
    for line in audit_rules::disk::compile(bytes, &names) {
        if let audit_rules::disk::Meaning::Rule(rule) = line.meaning {
            let _ = rule.canonical_text(machine);
        }
    }
    kmsg::parse(bytes).for_each(drop);
    let _ = logind::parse(bytes);
    let _ = login_process::ssh_title(bytes);
    let _ = login_process::multiplexer(bytes, bytes, bytes);
    let _ = mounts::parse(bytes);
    let _ = os_release::parse(bytes);
    let _ = (journald::parse(bytes), logrotate::parse(bytes), logrotate::parse_status(bytes));
    let _ = (rsyslog::parse(bytes), sshd::parse(bytes));
    for file in sshd_config::authorized_keys_files(bytes) {
        let _ = sshd_config::without_tokens(&file);
    }
    journal(bytes);
    log(bytes);
});

fn journal(bytes: &[u8]) {
    if let Ok(header) = journal_header::Header::parse(bytes) {
        let _ = (header.flags(), header.first(), header.last(), header.claimed_length(), header.state.word());
    }
}

/// Whatever the pieces, the lines are the same, and each is counted once. Each input is also the body of a gzip file.
fn log(bytes: &[u8]) {
    let look = |bytes: &[u8], piece: usize| {
        let mut looker = text_log::Looker::default();
        bytes.chunks(piece).for_each(|piece| looker.piece(piece));
        looker.end()
    };
    let gzip = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], bytes].concat();
    for bytes in [bytes, &gzip] {
        let summary = look(bytes, 4096);
        // What comes out of a broken stream depends on how far it was read ahead.
        assert!(summary.unread.is_some() || summary == look(bytes, 5));
        let lines = &summary.lines;
        assert_eq!(lines.lines, lines.exact + lines.classic + lines.unread);
    }
}

/// The second field of a line, where it is long and stands nowhere else in the line, is nowhere in what is kept.
fn no_secret_survives(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let Some(secret) = fields.get(1).filter(|secret| secret.len() >= 16) else { continue };
        let elsewhere = fields.iter().enumerate().any(|(at, field)| {
            at != 1 && field.windows(secret.len()).any(|part| part == *secret)
        });
        if !elsewhere && !secret.contains(&b'\\') {
            let kept = format!("{:?}", accounts::reduce_shadow(line).collect::<Vec<_>>());
            assert!(!kept.contains(&phi_ir::path::shown(secret)), "{kept}");
        }
    }
}
