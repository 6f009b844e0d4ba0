//! Native collectors: code for what no declaration can take. One file each, named like its definition.

pub mod access;
mod accounts;
mod audit_coverage;
mod audit_logs;
mod audit_state;
mod auth_logs;
mod clock_end;
mod clock_start;
mod definitions;
mod firewall;
mod footprint;
mod host;
mod invoker;
mod journal;
mod kernel_log;
mod log_keeping;
mod login_records;
mod logins;
pub mod phi_files;
mod process_files;
mod processes;
mod routes;
mod rsyslog;
mod sealed_again;
mod sessions_live;
mod settings;
mod sockets;

use super::run::Run;
use crate::intake::Halt;

/// What a native collector is: it takes what it needs through the intake, and fails only if the seal does.
pub type Native = fn(&mut Run<'_, '_>) -> Result<(), Halt>;

/// Declares the table. The modules stand outside of it, or the formatter would not find them.
macro_rules! natives {
    ($($name:ident),* $(,)?) => {
        const NATIVES: &[(&str, Native)] = &[$((stringify!($name), $name::collect)),*];
    };
}

natives! {
    access,
    accounts,
    audit_coverage,
    audit_logs,
    audit_state,
    auth_logs,
    clock_end,
    clock_start,
    definitions,
    firewall,
    footprint,
    host,
    invoker,
    journal,
    kernel_log,
    log_keeping,
    login_records,
    logins,
    phi_files,
    routes,
    rsyslog,
    process_files,
    processes,
    sessions_live,
    settings,
    sockets,
}

/// The code of a collector.
pub fn find(id: &str) -> Option<Native> {
    let name = id.replace('-', "_");
    NATIVES.iter().find(|(known, _)| *known == name).map(|(_, collect)| *collect)
}

/// The ids of all that have code.
pub fn ids() -> impl Iterator<Item = &'static str> {
    NATIVES.iter().map(|(name, _)| -> &'static str { name.replace('_', "-").leak() })
}
