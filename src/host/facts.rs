//! What only the running kernel can tell about the machine and about ourselves. The only user of `sysinfo`.

use serde::Serialize;
use sysinfo::System;

use crate::path::shown;

/// uname(2), escaped. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `x86_64`, `aarch64`, …
    pub machine: String,
    /// The host's name, as the kernel has it.
    pub nodename: String,
    /// The kernel's release.
    pub release: String,
    /// `Linux`.
    pub sysname: String,
    /// The kernel's build.
    pub version: String,
}

/// The machine's size. Keys are sorted; what could not be read is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// When it booted, seconds since 1970 by the clock of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_time_unix: Option<u64>,
    /// Logical processors.
    pub cpus: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of swap.
    pub swap_bytes: u64,
    /// Bytes of swap in use: PHI in memory may have been written there.
    pub swap_used_bytes: u64,
}

/// What the kernel calls itself.
pub fn kernel() -> Kernel {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| shown(text.to_bytes());
    Kernel {
        machine: text(uname.machine()),
        nodename: text(uname.nodename()),
        release: text(uname.release()),
        sysname: text(uname.sysname()),
        version: text(uname.version()),
    }
}

/// How large the machine is.
pub fn totals() -> Totals {
    let mut totals = Totals {
        boot_time_unix: System::boot_time().ok(),
        cpus: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        ..Totals::default()
    };
    if let Ok(mut system) = System::new() {
        system.refresh_memory();
        totals.memory_bytes = system.total_memory();
        totals.swap_bytes = system.total_swap();
        totals.swap_used_bytes = system.used_swap();
    }
    totals
}

/// Whether this process acts as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
