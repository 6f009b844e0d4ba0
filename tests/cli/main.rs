//! What a user sees, through the real binary; one file per verb or promise.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod support;

mod access;
mod archive;
mod collect;
mod collectors;
mod determinism;
mod drill;
mod evidence;
mod generate;
mod journals;
mod keeping;
mod keygen;
mod logins;
mod logins_kept;
mod open;
mod outcomes;
mod panics;
mod plan;
mod quiet;
mod salvage;
mod search;
mod siem;
mod stock;
mod timeline;
mod vectors;
mod verify;
mod views;
