//! One file per verb: `struct Args` and `fn run`.

pub mod access;
pub mod collect;
pub mod collectors;
pub mod drill;
pub mod generate;
pub mod keygen;
pub mod logins;
pub mod open;
pub mod plan;
pub mod search;
pub mod timeline;
pub mod verify;

mod asked;
mod evidence;
mod gaps;
mod holes;
mod interrupt;
mod keys;
mod recorded;
