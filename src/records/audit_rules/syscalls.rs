//! Names of system calls and errors for the processors that rules speak of. The only user of `syscalls`.
//!
//! auditctl has a table of its own, with other names for a few calls; those stand here first, so that what we print
//! is what it prints (compared with `ausyscall --dump` of audit 3.0.9). Calls that are newer than its table have no name
//! there, and have one here.

use std::str::FromStr as _;

use syscalls::{Errno, aarch64, arm, x86, x86_64};

/// Errors of the kernel that have names, at most.
const ERRORS: i32 = 133;

/// A processor, as the kernel's audit subsystem numbers it: the ELF machine, with marks for width and byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arch(pub u32);

/// x86 with 64 bits.
pub const X86_64: Arch = Arch(0xc000_003e);
/// x86 with 32 bits.
pub const I386: Arch = Arch(0x4000_0003);
/// ARM with 64 bits.
pub const AARCH64: Arch = Arch(0xc000_00b7);
/// ARM with 32 bits.
pub const ARM: Arch = Arch(0x4000_0028);

/// What auditctl calls otherwise than the kernel's headers do.
const OTHER_NAMES: [(Arch, u32, &str); 20] = [
    (X86_64, 17, "pread"),
    (X86_64, 18, "pwrite"),
    (I386, 17, "break"),
    (I386, 283, "sys_kexec_load"),
    (I386, 423, "sched_rr_get_interval64"),
    (AARCH64, 61, "getdents"),
    (AARCH64, 67, "pread"),
    (AARCH64, 68, "pwrite"),
    (AARCH64, 79, "newfstatat"),
    (AARCH64, 80, "newfstat"),
    (ARM, 22, "umount"),
    (ARM, 76, "getrlimit"),
    (ARM, 82, "select"),
    (ARM, 90, "mmap"),
    (ARM, 102, "socketcall"),
    (ARM, 140, "llseek"),
    (ARM, 142, "newselect"),
    (ARM, 149, "sysctl"),
    (ARM, 270, "fadvise64_64"),
    (ARM, 341, "sync_file_range"),
];

impl Arch {
    /// Of a machine's name, as uname(2) and rules have it.
    pub fn of_machine(name: &str) -> Option<Arch> {
        match name {
            "x86_64" => Some(X86_64),
            "i386" | "i486" | "i586" | "i686" => Some(I386),
            "aarch64" => Some(AARCH64),
            "arm" | "armeb" | "armv5tejl" | "armv5tel" | "armv6l" | "armv7l" => Some(ARM),
            _ => None,
        }
    }

    /// Its name, or its number.
    pub fn machine_name(self) -> String {
        match self {
            X86_64 => "x86_64".into(),
            I386 => "i386".into(),
            AARCH64 => "aarch64".into(),
            ARM => "arm".into(),
            Arch(other) => format!("0x{other:x}"),
        }
    }

    /// What `b64` and `b32` mean on this machine.
    pub fn of_width(self, bits: u32) -> Option<Arch> {
        match (self, bits) {
            (X86_64, 64) => Some(X86_64),
            (X86_64 | I386, 32) => Some(I386),
            (AARCH64, 64) => Some(AARCH64),
            (AARCH64 | ARM, 32) => Some(ARM),
            _ => None,
        }
    }

    /// Whether it has 64 bits: `__AUDIT_ARCH_64BIT`.
    pub fn is_wide(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// The name of a call; none if this table has none.
    pub fn call_name(self, number: u32) -> Option<&'static str> {
        let other = OTHER_NAMES.iter().find(|(arch, known, _)| (*arch, *known) == (self, number));
        if let Some((_, _, name)) = other {
            return Some(name);
        }
        let id = usize::try_from(number).ok()?;
        match self {
            X86_64 => x86_64::Sysno::new(id).map(|call| call.name()),
            I386 => x86::Sysno::new(id).map(|call| call.name()),
            AARCH64 => aarch64::Sysno::new(id).map(|call| call.name()),
            ARM => arm::Sysno::new(id).map(|call| call.name()),
            _ => None,
        }
    }

    /// The number of a call, by either name.
    pub fn call_number(self, name: &str) -> Option<u32> {
        let other = OTHER_NAMES.iter().find(|(arch, _, known)| *arch == self && *known == name);
        if let Some((_, number, _)) = other {
            return Some(*number);
        }
        let id = match self {
            X86_64 => x86_64::Sysno::from_str(name).ok()?.id(),
            I386 => x86::Sysno::from_str(name).ok()?.id(),
            AARCH64 => aarch64::Sysno::from_str(name).ok()?.id(),
            ARM => arm::Sysno::from_str(name).ok()?.id(),
            _ => return None,
        };
        u32::try_from(id).ok()
    }
}

/// The name of an error, such as `EACCES` for 13.
pub fn error_name(number: i32) -> Option<&'static str> {
    if !(1..=ERRORS).contains(&number) {
        return None;
    }
    Errno::new(number).name_and_description().map(|(name, _)| name)
}

/// The number of an error.
pub fn error_number(name: &str) -> Option<i32> {
    (1..=ERRORS).find(|number| error_name(*number) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_names_that_auditctl_prints() {
        assert_eq!(X86_64.call_name(17), Some("pread"));
        assert_eq!((X86_64.call_number("pread64"), X86_64.call_number("pread")), (Some(17), Some(17)));
        assert_eq!(I386.call_name(5), Some("open"));
        assert_eq!((AARCH64.call_name(79), ARM.call_number("openat")), (Some("newfstatat"), Some(322)));
        assert_eq!(
            (X86_64.call_name(100_000), Arch(1).call_name(1), Arch(1).call_number("read")),
            (None, None, None)
        );
        assert_eq!((Arch::of_machine("x86_64"), X86_64.of_width(32)), (Some(X86_64), Some(I386)));
        assert!(X86_64.is_wide() && !I386.is_wide() && Arch::of_machine("pdp11").is_none());
    }

    #[test]
    fn errors_have_names() {
        assert_eq!((error_name(13), error_number("EACCES")), (Some("EACCES"), Some(13)));
        assert_eq!(
            (error_name(35), error_name(95), error_name(133)),
            (Some("EDEADLK"), Some("EOPNOTSUPP"), Some("EHWPOISON"))
        );
        assert_eq!(
            (error_name(41), error_name(134), error_name(-1), error_number("EVIL")),
            (None, None, None, None)
        );
    }
}
