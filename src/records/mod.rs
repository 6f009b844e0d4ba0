//! Formats into records: pure, byte-safe, and without any I/O. What a parser cannot read it says, line by line;
//! it never drops a line in silence.

pub mod accounts;
pub mod attributes;
pub mod audit_config;
pub mod audit_event;
pub mod audit_log;
pub mod audit_rules;
pub mod audit_search;
pub mod audit_status;
pub mod auth_text;
pub mod cgroup;
pub mod faillock;
pub mod form;
pub mod inflate;
pub mod interfaces;
pub mod iptables;
pub mod journal_header;
pub mod kmsg;
pub mod lastlog;
pub mod layout;
pub mod lines;
pub mod log_settings;
pub mod login_process;
pub mod logind;
pub mod modules;
pub mod mounts;
pub mod netlink;
pub mod nftables;
pub mod observer;
pub mod os_release;
pub mod proc_net;
pub mod process;
pub mod rtnetlink;
pub mod sock_diag;
pub mod sockets;
pub mod sqlite;
pub mod sshd_config;
pub mod text_log;
pub mod unpack;
pub mod utmp;

#[cfg(test)]
mod mishaps;
