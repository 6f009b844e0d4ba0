//! Native collectors: code for what no declaration can take. One file each, named like its definition.

use super::run::Run;
use crate::intake::Halt;

/// What a native collector is: it takes what it needs through the intake, and fails only if the seal does.
pub type Native = fn(&mut Run<'_, '_>) -> Result<(), Halt>;

/// Declares the modules and the table of them, so that one word here adds a collector.
macro_rules! natives {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*
        const NATIVES: &[(&str, Native)] = &[$((stringify!($name), $name::collect)),*];
    };
}

natives! {
    accounts,
    audit_state,
    clock_end,
    clock_start,
    definitions,
    firewall,
    footprint,
    host,
    invoker,
    kernel_log,
    login_records,
    phi_files,
    routes,
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
