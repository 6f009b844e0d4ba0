//! On a real running system, as root: real auditd, rsyslogd and sshd, signals, and the name service.
//!
//! Everything that is started is stopped, and everything that is changed is put back. Tests that touch the kernel's
//! audit state take one lock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../cli/support.rs"]
#[expect(dead_code, reason = "shared with the tests through the binary, which use all of it")]
mod support;

mod access;
mod audit_budget;
mod audit_cases;
mod audit_doctored;
mod audit_guide;
mod audit_host;
mod audit_mounts;
mod audit_search;
mod audit_state;
mod clocks;
mod columns;
mod daemons;
mod firewall;
mod hidden;
mod incident;
mod journal_files;
mod keeping;
mod kernel_log;
mod login_pairing;
mod logins;
mod name_service;
mod namespaces;
mod phi_files;
mod processes;
mod rotation;
mod routes;
mod sessions;
mod socket_states;
mod sockets;
mod volatile;
