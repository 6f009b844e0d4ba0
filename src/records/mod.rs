//! Formats into records: pure, byte-safe, and without any I/O. What a parser cannot read it says, line by line;
//! it never drops a line in silence.

pub mod accounts;
pub mod attributes;
pub mod audit_config;
pub mod audit_status;
pub mod form;
pub mod iptables;
pub mod mounts;
pub mod netlink;
pub mod nftables;
pub mod os_release;
pub mod process;
pub mod rtnetlink;
pub mod sshd_config;
